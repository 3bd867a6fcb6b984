//! The options of the EOF family.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::gaps::FillingOf;
use super::significance::SignificanceArgs;
use super::OpenFields;
use crate::bench::model::Case;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, InputArgs, MemoryArgs, SelectionArgs};
use crate::plan::Foreseen;
use halocline_algorithms::eof::{
    Anomaly, EofOptions, EofScaling, FieldScaling, Method, Missing, Modes, PcScaling, Precision, Rotated,
};
use halocline_algorithms::modes::{Convention, Padding, Power};
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// What is done to the data first: the same for the whole family.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PrepareArgs {
    /// Weights applied to the data: √cos(latitude), √(cell area / total area), none; or areas of
    /// polygons whose corners great circles join, as CDO has them
    #[arg(long, value_enum, default_value_t = WeightChoice::Coslat, default_value_if("convention", "cdo", "polygon"))]
    pub(crate) weights: WeightChoice,
    /// What is removed first: the time mean, the mean of each calendar month, or nothing
    #[arg(long, value_enum, default_value_t = AnomalyChoice::Mean)]
    pub(crate) anomaly: AnomalyChoice,
    /// Remove each cell's straight line, fitted over the record number (after the anomaly)
    #[arg(long)]
    pub(crate) detrend: bool,
    /// Divide each cell by its standard deviation (after anomaly and detrending)
    #[arg(long)]
    pub(crate) standardize: bool,
    /// How products of values are computed: `mixed` is in single precision, added up in double,
    /// and its error bound is printed
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Double, value_name = "double|mixed", hide_possible_values = true)]
    pub(crate) precision: PrecisionChoice,
}

/// Empirical orthogonal functions: the leading modes of variability of a field.
///
/// Writes eof(mode,lat,lon), pc(time,mode), eigenvalue, variance_fraction, north_error,
/// total_variance and what was removed. With the default scalings the anomaly is the sum of
/// pc × eof, in the units of the field. The entry of largest magnitude of each (weighted) EOF is
/// positive. Several variables are analysed together: multivariate EOFs, eof_NAME for each.
#[derive(Debug, clap::Args)]
pub(crate) struct EofArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The variables to analyse, together if there are several
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    pub(crate) var: Vec<String>,
    /// A further variable, of other files, on whatever grid, at the same times; may be given more
    /// than once
    #[arg(long, value_name = "FILES:VAR")]
    pub(crate) with: Vec<String>,
    /// By what several variables are multiplied first: `variance` divides each by the root of its
    /// total variance, so that all count alike; or a factor for each
    #[arg(long, value_name = "variance|none|F1,F2,…", default_value = "variance")]
    pub(crate) scale: String,
    /// Number of modes [default: 10, or as many as there are]
    #[arg(long, value_name = "N")]
    pub(crate) modes: Option<usize>,
    #[command(flatten)]
    pub(crate) prepare: PrepareArgs,
    /// Extended EOFs: of the field beside its copies at these lags, in records, as in 0..11 or
    /// -6..6
    #[arg(long, value_name = "A..B", allow_hyphen_values = true, conflicts_with = "complex")]
    pub(crate) lags: Option<String>,
    /// Complex (Hilbert) EOFs: of the analytic signal, for patterns that travel; written as real
    /// and imaginary part, amplitude and phase. The signal is the sum of pc times the conjugate of eof
    #[arg(long)]
    pub(crate) complex: bool,
    /// What stands before and behind series for the Hilbert transform: nothing (they are taken as
    /// periodic), or their ends decaying to their straight line, with this factor per length
    #[arg(long, value_name = "none|exp[:F]", default_value = "none", requires = "complex")]
    pub(crate) hilbert_padding: String,
    /// Rotate the modes: varimax, or promax of a power (default 4)
    #[arg(long, value_name = "varimax|promax[:POWER]", conflicts_with = "complex")]
    pub(crate) rotate: Option<String>,
    /// Rotate without dividing the loadings of each cell by their norm first (Kaiser)
    #[arg(long, requires = "rotate")]
    pub(crate) no_kaiser: bool,
    /// Principal components: 0 as they are, 1 divided by √eigenvalue, 2 multiplied by it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2), value_name = "0|1|2")]
    pub(crate) pc_scaling: u8,
    /// EOFs: 0 unit norm, 1 divided by √eigenvalue, 2 multiplied by it (these of the weighted
    /// field); covariance or correlation of the field with the principal component
    #[arg(long, value_enum, default_value_t = EofScalingChoice::Covariance)]
    pub(crate) eof_scaling: EofScalingChoice,
    /// Signs, scalings and eigenvalues as another tool gives them: eofs() and pcs() of eofs;
    /// components() and scores() of xeofs; `cdo eof` and `cdo eofcoeff` as with
    /// CDO_WEIGHT_MODE=on (with --weights none as with off, which CDO has if it is not set); eofunc and eofunc_ts of NCL
    #[arg(long, value_enum, value_name = "eofs|xeofs|cdo|ncl", hide_possible_values = true, conflicts_with_all = ["pc_scaling", "eof_scaling"])]
    pub(crate) convention: Option<ConventionChoice>,
    #[command(flatten)]
    pub(crate) tests: SignificanceArgs,
    #[command(flatten)]
    pub(crate) gaps: super::gaps::GapArgs,
    #[command(flatten)]
    pub(crate) solver: super::solver::SolverArgs,
    #[command(flatten)]
    pub(crate) state: super::state::StateArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(crate) output: PathBuf,
}

impl EofArgs {
    /// What its cost follows from; `None` if it is more than the two passes of the exact solver.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        let plain = self.with.is_empty() && self.lags.is_none() && !self.complex;
        plain.then(|| Foreseen {
            case: Case::Eof,
            input: &self.input,
            selection: Some(&self.selection),
            vars: &self.var,
            segment: None,
            results: self.modes.unwrap_or(10) as f64,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WeightChoice {
    Coslat,
    Area,
    None,
    Polygon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AnomalyChoice {
    Mean,
    Climatology,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PrecisionChoice {
    Double,
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ConventionChoice {
    Eofs,
    Xeofs,
    Cdo,
    Ncl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EofScalingChoice {
    #[value(name = "0")]
    UnitNorm,
    #[value(name = "1")]
    Divided,
    #[value(name = "2")]
    Multiplied,
    Covariance,
    Correlation,
}

/// The word that the user writes for a choice.
pub(crate) fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

/// Most lags of extended EOFs.
const MOST_LAGS: i64 = 10_000;

impl PrepareArgs {
    pub(crate) fn anomaly(&self) -> Anomaly {
        match self.anomaly {
            AnomalyChoice::Mean => Anomaly::Mean,
            AnomalyChoice::Climatology => Anomaly::Climatology,
            AnomalyChoice::None => Anomaly::None,
        }
    }
    pub(crate) fn precision(&self) -> Precision {
        match self.precision {
            PrecisionChoice::Double => Precision::Double,
            PrecisionChoice::Mixed => Precision::Mixed,
        }
    }
    /// As it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<(String, String)> {
        let mut all = vec![
            ("weights".to_owned(), word(&self.weights)),
            ("anomaly".to_owned(), word(&self.anomaly)),
            ("detrend".to_owned(), self.detrend.to_string()),
            ("standardize".to_owned(), self.standardize.to_string()),
        ];
        if self.precision == PrecisionChoice::Mixed {
            all.push(("precision".to_owned(), "mixed".to_owned()));
        }
        all
    }
}

impl EofArgs {
    /// Whether several variables are analysed together.
    pub(crate) fn is_multivariate(&self) -> bool {
        self.var.len() + self.with.len() > 1
    }

    /// How principal components are scaled, before a convention scales them.
    pub(crate) fn pc_scaling(&self) -> u8 {
        self.convention.map_or(self.pc_scaling, |_| 0)
    }

    /// How EOFs are scaled, before a convention scales them.
    pub(crate) fn eof_scaling(&self) -> EofScalingChoice {
        self.convention.map_or(self.eof_scaling, |_| EofScalingChoice::UnitNorm)
    }

    /// Whether the result is scaled as CDO does.
    pub(crate) fn is_cdo(&self) -> bool {
        self.convention == Some(ConventionChoice::Cdo)
    }

    fn convention(&self) -> Result<Option<Convention>> {
        Ok(match self.convention {
            None => None,
            Some(ConventionChoice::Eofs) => Some(Convention::Eofs { eof: Power::None, pc: Power::None }),
            Some(ConventionChoice::Xeofs) => Some(Convention::Xeofs { components: true, scores: false }),
            Some(ConventionChoice::Ncl) => Some(Convention::Ncl),
            Some(ConventionChoice::Cdo) => match self.prepare.weights {
                WeightChoice::Area | WeightChoice::Polygon => Some(Convention::Cdo { weighted: true }),
                WeightChoice::None => Some(Convention::Cdo { weighted: false }),
                WeightChoice::Coslat => {
                    return Err(Error::usage("--convention cdo does not go with --weights coslat").remedy(
                        "choose --weights polygon, as CDO does, area, or none, which CDO_WEIGHT_MODE=off is",
                    ))
                }
            },
        })
    }

    /// The options as checked values.
    pub(crate) fn options(&self) -> Result<EofOptions> {
        check_once(&self.var)?;
        let method = match (&self.lags, self.complex) {
            (Some(lags), _) => Method::Extended(parse_lags(lags)?),
            (None, true) => Method::Complex(parse_padding(&self.hilbert_padding)?),
            (None, false) => Method::Plain,
        };
        let eof_scaling = match self.eof_scaling() {
            EofScalingChoice::UnitNorm => EofScaling::UnitNorm,
            EofScalingChoice::Divided => EofScaling::Divided,
            EofScalingChoice::Multiplied => EofScaling::Multiplied,
            EofScalingChoice::Covariance => EofScaling::Covariance,
            EofScalingChoice::Correlation => EofScaling::Correlation,
        };
        Ok(EofOptions {
            rotated: self.rotate.as_deref().map_or(Ok(Rotated::No), parse_rotation)?,
            kaiser: !self.no_kaiser,
            fields: parse_scale(&self.scale, self.var.len() + self.with.len())?,
            modes: self.modes.map_or(Modes::UpTo(10), Modes::Exactly),
            anomaly: self.prepare.anomaly(),
            detrend: self.prepare.detrend,
            standardize: self.prepare.standardize,
            pc_scaling: match self.pc_scaling() {
                0 => PcScaling::Raw,
                1 => PcScaling::UnitVariance,
                _ => PcScaling::Multiplied,
            },
            eof_scaling,
            precision: self.prepare.precision(),
            solver: self.solver.solver(self.tests.seed)?,
            convention: self.convention()?,
            tests: self.tests.tests()?,
            missing: self.gaps.missing()?,
            method,
        })
    }

    /// Refuses EOFs that neither `project` nor `reconstruct` takes.
    pub(crate) fn check_plain(&self) -> Result<()> {
        let kind = if self.lags.is_some() {
            "extended"
        } else if self.complex {
            "complex"
        } else if self.rotate.is_some() {
            "rotated"
        } else if self.is_cdo() {
            "scaled as CDO does"
        } else {
            return Ok(());
        };
        Err(Error::usage(format!("its EOFs are {kind}, and plain ones are wanted"))
            .remedy("maps of any kind can be projected on as FILE:VAR"))
    }

    /// What can be refused before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        let options = self.options()?;
        if let Missing::Pairwise(pairs) = &options.missing {
            pairs.check(&options)?;
        }
        options.tests.check(&options)?;
        let is_random = options.tests.any() || self.solver.may_be_random();
        if self.tests.seed != 1 && !is_random {
            return Err(Error::usage("--seed is given, but nothing is random")
                .remedy("add --significance or --solver randomized, or leave it out"));
        }
        self.solver.check(&options)
    }

    /// What the filling of gaps is of.
    pub(super) fn filling_of(&self, open: &OpenFields) -> FillingOf<'_> {
        let units = open.fields.first().and_then(|f| f.source.variable().units());
        let relative = self.is_multivariate() || self.prepare.standardize;
        FillingOf {
            suffix: String::new(),
            units: if relative { Some("1".to_owned()) } else { units.map(str::to_owned) },
            together: self.is_multivariate(),
            args: &self.gaps,
        }
    }
}

fn parse_lags(text: &str) -> Result<Vec<i64>> {
    let ends =
        text.split_once("..").and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    match ends {
        Some((a, b)) if a <= b && i64::abs_diff(a, b) < MOST_LAGS as u64 => Ok((a..=b).collect()),
        _ => Err(Error::usage(format!("--lags `{text}` is no range of records"))
            .remedy("write --lags 0..11 or --lags -6..6")),
    }
}

fn parse_padding(text: &str) -> Result<Padding> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("none", "") => Ok(Padding::None),
        ("exp", "") => Ok(Padding::Exponential { decay: 0.2 }),
        ("exp", factor) => match factor.parse::<f64>() {
            Ok(decay) if decay > 0.0 && decay.is_finite() => Ok(Padding::Exponential { decay }),
            _ => Err(Error::usage(format!("--hilbert-padding `{text}`: `{factor}` is no positive number"))),
        },
        _ => Err(Error::usage(format!("--hilbert-padding `{text}` is neither none nor exp"))
            .remedy("write none, exp or exp:0.2")),
    }
}

fn parse_rotation(text: &str) -> Result<Rotated> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("varimax", "") => Ok(Rotated::Varimax),
        ("promax", "") => Ok(Rotated::Promax(4.0)),
        ("promax", power) => match power.parse::<f64>() {
            Ok(power) if (1.0..=100.0).contains(&power) => Ok(Rotated::Promax(power)),
            _ => Err(Error::usage(format!("--rotate `{text}`: `{power}` is no power from 1 to 100"))),
        },
        _ => Err(Error::usage(format!("--rotate `{text}` is no rotation"))
            .remedy("write varimax, promax or promax:4")),
    }
}

/// What several variables are multiplied by.
pub(crate) fn parse_scale(text: &str, variables: usize) -> Result<FieldScaling> {
    match text {
        "variance" => return Ok(FieldScaling::Variance),
        "none" => return Ok(FieldScaling::None),
        _ => {}
    }
    let factors: Vec<f64> = text.split(',').filter_map(|f| f.trim().parse().ok()).collect();
    let good = factors.iter().all(|f| *f > 0.0 && f.is_finite()) && text.split(',').count() == factors.len();
    if good && factors.len() == variables && variables > 1 {
        return Ok(FieldScaling::Given(factors));
    }
    let error = match (good, variables) {
        (true, 1) => Error::usage("--scale is for several variables"),
        (true, _) => Error::usage(format!("--scale has {} factors for {variables} variables", factors.len())),
        _ => Error::usage(format!("--scale `{text}` is no list of positive factors")),
    };
    Err(error.remedy("write variance, none, or one factor for each variable, as in 1,0.5"))
}
