//! The options of an EOF analysis, as its file records them.

use halocline_algorithms::eof::{Anomaly, EofScaling, PcScaling};
use halocline_algorithms::projection::Scaling;
use halocline_core::grid::Grid;
use halocline_core::{Error, Result};

/// What a field is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Weighting {
    Coslat,
    Area,
    None,
    Polygon,
}

impl Weighting {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Coslat => "coslat",
            Self::Area => "area",
            Self::Polygon => "polygon",
            Self::None => "none",
        }
    }

    /// The weight of each cell of a grid, C order.
    ///
    /// # Errors
    /// Data, if the grid tells none.
    pub(crate) fn of(self, grid: &Grid) -> Result<Vec<f64>> {
        Ok(match self {
            Self::None => vec![1.0; grid.len()],
            Self::Coslat => grid.sqrt_cos_latitudes().map_err(|e| e.or_remedy("use --weights none"))?,
            Self::Area | Self::Polygon => {
                let areas = if self == Self::Area { grid.areas() } else { grid.polygon_areas() };
                let areas = areas.map_err(|e| e.or_remedy("use --weights coslat or none"))?;
                let total: f64 = areas.iter().sum();
                areas.iter().map(|a| (a / total).sqrt()).collect()
            }
        })
    }
}

/// Options of `halocline eof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) variables: Vec<String>,
    pub(crate) weights: Weighting,
    pub(crate) anomaly: Anomaly,
    pub(crate) detrend: bool,
    pub(crate) scaling: Scaling,
    /// Whether only part of a grid was analysed.
    pub(crate) is_boxed: bool,
    /// Whether the EOFs come of covariances of pairs, and need not be at right angles.
    pub(crate) is_paired: bool,
}

impl Recorded {
    /// Reads `key=value; key=value`.
    ///
    /// # Errors
    /// Data, if one is missing or unknown.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let find = |key: &str| {
            let mut pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(k, _)| *k == key).map(|(_, v)| v)
        };
        let bad = |key: &str| {
            let value = find(key).map_or_else(|| "is missing".to_owned(), |v| format!("is `{v}`"));
            Error::data(format!("in its attribute `halocline_eof_options`, `{key}` {value}"))
                .remedy("make it anew with this version of `halocline eof`")
        };
        let flag = |key: &str| match find(key) {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(bad(key)),
        };
        let kinds = [("lags", "extended"), ("hilbert_padding", "complex"), ("rotate", "rotated")];
        if let Some((_, kind)) = kinds.iter().find(|(key, _)| find(key).is_some()) {
            return Err(Error::data(format!("its EOFs are {kind}, and plain ones are wanted"))
                .remedy("maps of any kind can be projected on with --patterns FILE:VAR"));
        }
        let weights = match find("weights") {
            Some("coslat") => Weighting::Coslat,
            Some("area") => Weighting::Area,
            Some("polygon") => Weighting::Polygon,
            Some("none") => Weighting::None,
            _ => return Err(bad("weights")),
        };
        let anomaly = match find("anomaly") {
            Some("mean") => Anomaly::Mean,
            Some("climatology") => Anomaly::Climatology,
            Some("none") => Anomaly::None,
            _ => return Err(bad("anomaly")),
        };
        let pcs = match find("pc_scaling") {
            Some("0") => PcScaling::Raw,
            Some("1") => PcScaling::UnitVariance,
            Some("2") => PcScaling::Multiplied,
            _ => return Err(bad("pc_scaling")),
        };
        let eofs = match find("eof_scaling") {
            Some("0") => EofScaling::UnitNorm,
            Some("1") => EofScaling::Divided,
            Some("2") => EofScaling::Multiplied,
            Some("covariance") => EofScaling::Covariance,
            Some("correlation") => EofScaling::Correlation,
            _ => return Err(bad("eof_scaling")),
        };
        let variables = find("variable").ok_or_else(|| bad("variable"))?;
        Ok(Self {
            variables: variables.split(',').map(|v| v.trim().to_owned()).collect(),
            weights,
            anomaly,
            detrend: flag("detrend")?,
            scaling: Scaling { eofs, pcs, standardize: flag("standardize")? },
            is_boxed: find("box").is_some(),
            is_paired: find("missing").is_some_and(|m| m.starts_with("pairwise")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_back() {
        let text = "variable=sst; modes=3; weights=area; anomaly=climatology; detrend=false; \
                    standardize=true; pc_scaling=2; eof_scaling=correlation; box=0,10,0,10";
        let recorded = Recorded::parse(text).expect("options");
        assert_eq!(recorded.variables, ["sst"]);
        assert_eq!((recorded.weights, recorded.anomaly), (Weighting::Area, Anomaly::Climatology));
        assert!(recorded.scaling.standardize && recorded.is_boxed && !recorded.detrend);
        assert!(!recorded.scaling.needs_deviation());
        let rotated = Recorded::parse(&format!("{text}; rotate=varimax; kaiser=true"));
        assert!(rotated.expect_err("rotated").to_string().contains("its EOFs are rotated"));
        for (word, other) in
            [("weights=area", "weights=odd"), ("detrend=false", ""), ("pc_scaling=2", "pc=2")]
        {
            assert!(Recorded::parse(&text.replace(word, other)).is_err(), "{word}");
        }
    }
}
