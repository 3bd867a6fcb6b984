//! Classes of potential density.

use super::ocean::Ocean;
use halocline_algorithms::seawater::{Eos, Kinds, PotentialDensity};
use halocline_algorithms::transport::Crossing;
use halocline_core::meta::Variable;
use halocline_core::{Error, Result};

/// Which equation of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EosChoice {
    Teos10,
    Eos80,
}

impl EosChoice {
    pub(crate) fn eos(self) -> Eos {
        match self {
            Self::Teos10 => Eos::Teos10,
            Self::Eos80 => Eos::Eos80,
        }
    }
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Teos10 => "teos10",
            Self::Eos80 => "eos80",
        }
    }
}

/// The vertical coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Vertical {
    Depth,
    Sigma0,
    Sigma2,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DensityArgs {
    /// By depth, or by classes of potential density referred to the surface (sigma0) or to 2000 dbar
    /// (sigma2); these need temperature and salinity
    #[arg(
        long,
        value_enum,
        value_name = "depth|sigma0|sigma2",
        default_value = "depth",
        hide_possible_values = true
    )]
    pub(in crate::transport) vertical: Vertical,
    /// Equation of state: teos10 (Roquet et al. 2015) or eos80 (Unesco 1980)
    #[arg(
        long,
        value_enum,
        value_name = "teos10|eos80",
        default_value = "teos10",
        hide_possible_values = true
    )]
    eos: EosChoice,
    /// Edges of classes in kg m-3 less 1000, as A:B:STEP or a list with commas; what is lighter or
    /// denser goes to the first or last class [default: 20:29:0.1 for sigma0, 28:38:0.1 for sigma2]
    #[arg(long, value_name = "A:B:STEP|S,…")]
    density_bins: Option<String>,
}

impl DensityArgs {
    pub(in crate::transport) fn is_depth(&self) -> bool {
        self.vertical == Vertical::Depth
    }
    pub(in crate::transport) fn check(&self) -> Result<()> {
        if self.is_depth() && self.density_bins.is_some() {
            return Err(Error::usage("--density-bins are of density").remedy("add --vertical sigma2"));
        }
        self.edges().map(drop)
    }
    fn edges(&self) -> Result<Vec<f64>> {
        let default = if self.vertical == Vertical::Sigma0 { "20:29:0.1" } else { "28:38:0.1" };
        let text = self.density_bins.as_deref().unwrap_or(default);
        let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let bad = || {
            Error::usage(format!("--density-bins `{text}` are no edges of classes"))
                .remedy("write A:B:STEP or a rising list with commas, as in 30:38:0.1")
        };
        let edges = if text.contains(':') {
            let all: Vec<f64> = text.split(':').map(number).collect::<Option<_>>().ok_or_else(bad)?;
            let &[a, b, step] = all.as_slice() else { return Err(bad()) };
            let count = ((b - a) / step).round();
            if !(step > 0.0 && (1.0..=10_000.0).contains(&count)) {
                return Err(bad());
            }
            (0..=count as usize).map(|k| a + step * k as f64).collect()
        } else {
            text.split(',').map(number).collect::<Option<Vec<f64>>>().ok_or_else(bad)?
        };
        if edges.len() < 2 || edges.len() > 10_001 || edges.windows(2).any(|w| w[0] >= w[1]) {
            return Err(bad());
        }
        Ok(edges)
    }
    /// As outputs record it.
    pub(in crate::transport) fn describe(&self) -> Vec<String> {
        if self.is_depth() {
            return Vec::new();
        }
        let vertical = if self.vertical == Vertical::Sigma0 { "sigma0" } else { "sigma2" };
        vec![format!("vertical={vertical}"), format!("eos={}", self.eos.name())]
    }
}

/// Classes of density, and how density is found.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) edges: Vec<f64>,
    density: PotentialDensity,
    /// Added to temperatures to make them degrees Celsius.
    zero: f64,
    /// What temperature and salinity are taken to be.
    pub(super) note: String,
    pub(super) name: &'static str,
}

/// What the temperature and the salinity of the inputs are, in words, and what is subtracted from
/// temperatures to make them degrees Celsius.
fn kinds(ocean: &Ocean) -> (Kinds, f64, String) {
    let of = |k: usize| ocean.tracers.get(k).map(|&k| ocean.sources[k].variable());
    let (kinds, note) = kinds_of(of(0), of(1));
    (kinds, if ocean.is_kelvin() { 273.15 } else { 0.0 }, note)
}

/// What a temperature and a salinity are, also in words.
pub(crate) fn kinds_of(temperature: Option<&Variable>, salinity: Option<&Variable>) -> (Kinds, String) {
    let standard = |k: usize| [temperature, salinity][k].and_then(|v| v.attributes.text("standard_name"));
    let says = |k: usize, word: &str| standard(k).is_some_and(|name| name.contains(word));
    let named = |k: usize| standard(k).is_some();
    // What does not say what it is goes with what does.
    let conservative = says(0, "conservative") || (!named(0) && says(1, "absolute_salinity"));
    let absolute = says(1, "absolute_salinity") || (!named(1) && says(0, "conservative"));
    let reference = "of that TEOS-10 takes the reference salinity, SA = SP 35.16504/35";
    match (conservative, absolute) {
        (true, true) => (Kinds::Absolute, "conservative temperature and absolute salinity".to_owned()),
        (true, false) => (
            Kinds::ConservativePractical,
            format!("conservative temperature and practical salinity; {reference}"),
        ),
        (false, true) => (Kinds::PotentialAbsolute, "potential temperature and absolute salinity".to_owned()),
        (false, false) => {
            (Kinds::Practical, format!("potential temperature and practical salinity; {reference}"))
        }
    }
}

impl DensityArgs {
    /// The classes, unless depth is wanted.
    pub(super) fn classes(&self, ocean: &Ocean) -> Result<Option<Classes>> {
        let (pressure, name) = match self.vertical {
            Vertical::Depth => return Ok(None),
            Vertical::Sigma0 => (0.0, "sigma0"),
            Vertical::Sigma2 => (2000.0, "sigma2"),
        };
        let (kinds, zero, note) = kinds(ocean);
        let density = PotentialDensity::new(self.eos.eos(), kinds, pressure);
        Ok(Some(Classes { edges: self.edges()?, density, zero, note, name }))
    }
}

impl Classes {
    pub(super) fn len(&self) -> usize {
        self.edges.len() - 1
    }
    /// Sums of what crosses a line by class, through faces that are selected: `out` is as long as there
    /// are classes, times 1 + 2 where heat and salt are wanted too, and behind them the number of open
    /// faces that have a density.
    pub(super) fn add(&self, crossing: &Crossing, selected: Option<&[bool]>, out: &mut [f64]) {
        let n = self.len();
        for k in 0..crossing.velocity.len() {
            if crossing.area[k] == 0.0 || selected.is_some_and(|all| !all[k]) {
                continue;
            }
            let (temperature, salinity) = (crossing.tracers[0][k] - self.zero, crossing.tracers[1][k]);
            // A flow without a density is in no class: as if it were missing itself.
            if temperature.is_nan() || salinity.is_nan() {
                continue;
            }
            let flux = crossing.velocity[k] * crossing.area[k];
            let sigma = if flux == 0.0 { 0.0 } else { self.density.sigma(salinity, temperature) };
            if sigma.is_nan() {
                continue;
            }
            let last = out.len() - 1;
            out[last] += 1.0;
            if flux == 0.0 {
                continue;
            }
            let class = self.edges[1..n].partition_point(|edge| *edge <= sigma);
            out[class] += flux;
            if out.len() > n + 1 {
                out[n + class] += flux * temperature;
                out[2 * n + class] += flux * salinity;
            }
        }
    }
}
