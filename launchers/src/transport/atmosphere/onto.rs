//! Columns of hybrid levels at pressures: for what is a derivative over pressure at fixed latitude.

use crate::vertical::hybrid::Hybrid;
use halocline_algorithms::vertical::{Beyond, Interpolation, Leveled, Made, Method, Place};
use halocline_core::engine::StreamSource;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::Result;
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
