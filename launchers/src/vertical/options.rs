//! The options of `halocline vertical`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use crate::common::{check_once, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs};
use crate::transport::density::EosChoice;
use halocline_algorithms::vertical::{Beyond, Interpolation, Method, Quantity};
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// To other levels: from pressure, depth or height, or hybrid sigma-pressure levels, to pressures,
/// depths, surfaces of density or of potential temperature; by straight lines, or conserving the
/// integral of layers.
#[derive(Debug, clap::Args)]
pub(crate) struct VerticalArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    pub(super) var: Vec<String>,
    /// Where to: numbers (pressures in Pa, of pressure and hybrid levels; else in the units of the
    /// levels); the levels of a file; theta:… surfaces of potential temperature, K, from ta and the
    /// pressure of levels; sigma0:… (sigma2:…, 0 to 4) isopycnals, kg m-3 less 1000 referred to the
    /// surface (2000 dbar), from temperature and salinity; field:… values of --coordinate-var. Conservative: edges of layers, one more
    #[arg(
        long,
        value_name = "85000,50000,…|FILE[:VAR]|theta:300,…|sigma0:26,…|field:26,…",
        allow_hyphen_values = true
    )]
    pub(super) to: String,
    /// linear: a straight line over the coordinate; log: over its logarithm; conservative: the mean, or
    /// the amount, of layers
    #[arg(
        long,
        value_enum,
        value_name = "linear|log|conservative",
        default_value = "linear",
        hide_possible_values = true
    )]
    pub(super) method: How,
    /// Beyond the first and the last level that has a value: nothing, or the value of the nearest
    #[arg(
        long,
        value_enum,
        value_name = "none|nearest",
        default_value = "none",
        hide_possible_values = true
    )]
    pub(super) extrapolate: Extrapolate,
    /// Values are amounts of layers, such as transports or masses, which a conservative remapping
    /// shares out
    #[arg(long)]
    pub(super) extensive: bool,
    /// A variable of the same shape of which surfaces are wanted, such as density
    #[arg(long, value_name = "NAME")]
    pub(super) coordinate_var: Option<String>,
    /// Hybrid levels: the coefficient a (or ap, in Pa) [default: by formula_terms of the levels, else
    /// hyam, or ap]
    #[arg(long, value_name = "NAME")]
    pub(super) a: Option<String>,
    /// Hybrid levels: the coefficient b [default: by formula_terms, else hybm, or b]
    #[arg(long, value_name = "NAME")]
    pub(super) b: Option<String>,
    /// Hybrid levels: the surface pressure, Pa, in these or other FILES [default: by formula_terms,
    /// else ps or PS]
    #[arg(long, value_name = "NAME")]
    pub(super) ps: Option<String>,
    /// Hybrid levels: the pressure, Pa, that a is a share of; 1 if a is a pressure [default: by
    /// formula_terms or P0, else 100000 if no a is greater than 1]
    #[arg(long, value_name = "PA")]
    pub(super) p0: Option<f64>,
    /// The temperature, for theta [default: ta, T or t]
    #[arg(long, value_name = "NAME")]
    pub(super) t: Option<String>,
    /// Potential or conservative temperature of sea water, in these or other FILES, for sigma0 and the
    /// like [default: thetao and other usual names, else by standard_name]
    #[arg(long, value_name = "NAME")]
    pub(super) thetao: Option<String>,
    /// Salinity, for sigma0 and the like [default: so and other usual names, else by standard_name]
    #[arg(long, value_name = "NAME")]
    pub(super) so: Option<String>,
    /// Equation of state of sea water, for sigma0 and the like: teos10 (Roquet et al. 2015) or eos80
    /// (Unesco 1980) [default: teos10]
    #[arg(long, value_enum, value_name = "teos10|eos80", hide_possible_values = true)]
    pub(super) eos: Option<EosChoice>,
    /// How values are written [default: as those of the input]
    #[arg(long, value_enum, value_name = "single|double", hide_possible_values = true)]
    pub(super) precision: Option<Precision>,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) compress: CompressArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum How {
    Linear,
    Log,
    Conservative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Extrapolate {
    None,
    Nearest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Precision {
    Single,
    Double,
}

impl VerticalArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)?;
        if self.extensive && self.method != How::Conservative {
            return Err(Error::usage("--extensive is for --method conservative"));
        }
        if self.method == How::Conservative && self.extrapolate == Extrapolate::Nearest {
            return Err(Error::usage("--extrapolate nearest is not for --method conservative")
                .remedy("layers get what lies in them, nothing else"));
        }
        if let Some(p0) = self.p0.filter(|p| !(p.is_finite() && *p > 0.0)) {
            return Err(Error::usage(format!("--p0 {p0} is no pressure")).remedy("give Pa"));
        }
        let is_field = self.to.starts_with("field:");
        if is_field != self.coordinate_var.is_some() {
            return Err(Error::usage("--to field:… and --coordinate-var go together")
                .remedy("as in --coordinate-var sigma0 --to field:26,26.5,27"));
        }
        let for_density =
            [("--thetao", self.thetao.is_some()), ("--so", self.so.is_some()), ("--eos", self.eos.is_some())];
        if let Some((option, _)) = for_density.into_iter().find(|o| o.1 && !self.to.starts_with("sigma")) {
            return Err(Error::usage(format!("{option} is for isopycnals"))
                .remedy("leave it out, or ask for --to sigma0:…"));
        }
        Ok(())
    }

    pub(super) fn how(&self) -> Method {
        let beyond = match self.extrapolate {
            Extrapolate::None => Beyond::Missing,
            Extrapolate::Nearest => Beyond::Nearest,
        };
        match self.method {
            How::Linear => Method::Between(Interpolation::Linear, beyond),
            How::Log => Method::Between(Interpolation::Log, beyond),
            How::Conservative if self.extensive => Method::Layers(Quantity::Extensive),
            How::Conservative => Method::Layers(Quantity::Intensive),
        }
    }
    pub(super) fn is_conservative(&self) -> bool {
        self.method == How::Conservative
    }
    fn method_name(&self) -> &'static str {
        match self.method {
            How::Linear => "linear",
            How::Log => "log",
            How::Conservative => "conservative",
        }
    }

    /// As outputs record it.
    pub(super) fn describe(&self, places: &str) -> String {
        let mut options = vec![
            format!("to={}", crate::run::scratch::told(&self.to)),
            format!("method={}", self.method_name()),
            format!("from={places}"),
        ];
        if self.is_conservative() {
            options.push(format!("extensive={}", self.extensive));
        } else {
            let beyond = if self.extrapolate == Extrapolate::None { "none" } else { "nearest" };
            options.push(format!("extrapolate={beyond}"));
        }
        let named = [
            ("coordinate_var", &self.coordinate_var),
            ("a", &self.a),
            ("b", &self.b),
            ("ps", &self.ps),
            ("t", &self.t),
            ("thetao", &self.thetao),
            ("so", &self.so),
        ];
        options
            .extend(named.iter().filter_map(|(option, name)| Some(format!("{option}={}", name.as_ref()?))));
        options.extend(self.p0.iter().map(|p0| format!("p0={p0}")));
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}
