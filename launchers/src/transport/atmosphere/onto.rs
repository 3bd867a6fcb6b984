//! Columns of hybrid levels at pressures: for what is a derivative over pressure at fixed latitude.

use crate::vertical::hybrid::Hybrid;
use halocline_algorithms::vertical::{Beyond, Interpolation, Leveled, Made, Method, Place};
use halocline_core::engine::StreamSource;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// Straight lines over pressure; beyond the ends of a column, and so below the ground, nothing.
const METHOD: Method = Method::Between(Interpolation::Linear, Beyond::Missing);

/// As outputs say it.
pub(super) const DESCRIBED: &str = "levels=hybrid, each column at the pressures of the output by straight lines over pressure, missing below its lowest level and above its highest";

/// Where columns are, and the pressures that they are brought to.
#[derive(Debug)]
pub(super) struct Onto {
    pub(super) hybrid: Hybrid,
    pub(super) pressures: Vec<f64>,
}

impl Onto {
    /// Where the levels lie over a surface pressure.
    pub(super) fn place<'a>(&self, surface: &'a Source) -> Place<'a> {
        Place::Hybrid { levels: self.hybrid.levels.clone(), edges: self.hybrid.edges.clone(), surface }
    }

    /// The variables at the pressures, in double precision.
    pub(super) fn streams<'a>(
        &self,
        sources: &'a [Source],
        place: &'a Place<'a>,
    ) -> Result<Vec<Box<dyn StreamSource + 'a>>> {
        let of = |source: &'a Source| -> Result<Box<dyn StreamSource + 'a>> {
            let mut variable = Variable { dtype: DType::F64, ..source.variable().clone() };
            for dim in variable.dims.iter_mut().filter(|d| d.role == Role::Level) {
                dim.len = self.pressures.len();
            }
            let how = (self.pressures.as_slice(), METHOD, Made::Values);
            Ok(Box::new(Leveled::new(source, place, how, variable)?))
        };
        sources.iter().map(of).collect()
    }
}

/// As much as a surface pressure is anywhere, Pa.
const HIGHEST: f64 = 1.1e5;

/// The pressure of the highest level over a surface pressure.
fn top(levels: &[[f64; 2]], surface: f64) -> f64 {
    levels.iter().map(|[a, b]| a + b * surface).fold(f64::INFINITY, f64::min)
}

/// Pressures as they are told, and a note if not all columns reach the highest.
///
/// # Errors
/// Usage, if one lies above the highest level over a surface of 10⁵ Pa: what is integrated from there would
/// be missing.
pub(super) fn reached(levels: &[[f64; 2]], told: Vec<f64>) -> Result<(Vec<f64>, Option<String>)> {
    let (first, end) = (told.iter().copied().fold(f64::INFINITY, f64::min), top(levels, 1e5));
    // What adding coefficients makes of a round number.
    if first < end * (1.0 - 1e-9) {
        let end = (end * 1e3).round() * 1e-3;
        return Err(Error::usage(format!("--to has {first} Pa, above the highest level at {end} Pa"))
            .remedy("leave out pressures at which there are no values"));
    }
    let note = (first < top(levels, HIGHEST) * (1.0 - 1e-9)).then(|| {
        format!("columns over a high surface pressure end below {first} Pa; where all of a circle do, integrals from there are missing")
    });
    Ok((told, note))
}

/// Those of pressures that columns reach whatever their surface pressure is, and a note of the others.
///
/// # Errors
/// Data, if these are less than two.
pub(super) fn all_reach(levels: &[[f64; 2]], pressures: &[f64]) -> Result<(Vec<f64>, Option<String>)> {
    let end = top(levels, HIGHEST);
    let kept: Vec<f64> = pressures.iter().copied().filter(|p| *p >= end * (1.0 - 1e-9)).collect();
    if kept.len() < 2 {
        return Err(Error::data(
            "its levels lie so close together that columns have no two pressures in common",
        )
        .remedy("name pressures with --to"));
    }
    let gone = pressures.len() - kept.len();
    let note = (gone > 0).then(|| {
        format!("the highest {gone} of the pressures of levels are left out: columns over a high surface pressure end below them")
    });
    Ok((kept, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressures_above_columns_are_told_of() {
        let sigma = [[0.0, 0.01], [0.0, 0.05], [0.0, 0.5], [0.0, 0.99]];
        let (kept, note) = all_reach(&sigma, &[1000.0, 5000.0, 50000.0, 99000.0]).expect("levels");
        assert_eq!(kept, [5000.0, 50000.0, 99000.0]);
        assert!(note.expect("a note").contains("highest 1"));
        // The highest level at the same pressure everywhere.
        let hybrid = [[200.0, 0.0], [1000.0, 0.4], [0.0, 1.0]];
        assert_eq!(
            all_reach(&hybrid, &[200.0, 41000.0, 1e5]).expect("levels"),
            (vec![200.0, 41000.0, 1e5], None)
        );
        assert_eq!(reached(&hybrid, vec![5e4, 200.0]).expect("levels"), (vec![5e4, 200.0], None));
        assert!(reached(&hybrid, vec![5e4, 199.0]).unwrap_err().to_string().contains("199 Pa, above"));
        assert!(reached(&sigma, vec![999.0, 5e4]).is_err());
        assert!(reached(&sigma, vec![1050.0, 5e4]).expect("levels").1.is_some());
        assert_eq!(reached(&sigma, vec![1100.0, 5e4]).expect("levels").1, None);
        assert!(all_reach(&[[0.0, 0.5], [0.0, 0.501]], &[5e4, 50100.0]).is_err());
    }
}
