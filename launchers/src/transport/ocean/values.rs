//! What a map and a column hold: values of all that is read together, thickness, land.

use super::open::Ocean;
use super::thickness::Thick;
use halocline_algorithms::transport::{MapValues, Thickness};
use halocline_core::engine::Numbers;
use halocline_core::meta::Values;

fn numbers(values: &Values) -> Numbers<'_> {
    match values {
        Values::F32(v) => Numbers::F32(v),
        Values::F64(v) => Numbers::F64(v),
        _ => Numbers::F64(&[]),
    }
}

/// The values of the tracers of map `m` of a window.
pub(in crate::transport) fn tracers_of<'v>(
    ocean: &Ocean,
    values: &[Numbers<'v>],
    m: usize,
) -> Vec<Numbers<'v>> {
    let cells = ocean.cells();
    ocean.tracers.iter().map(|&k| values[k].slice(m * cells..(m + 1) * cells)).collect()
}

impl Ocean {
    /// The values of map `m` of a window of maps, which is of level `k`.
    pub(in crate::transport) fn map<'a>(
        &'a self,
        values: &[Numbers<'a>],
        (m, k): (usize, usize),
        tracers: &'a [Numbers<'a>],
    ) -> MapValues<'a> {
        let cells = self.cells();
        let of = |source: usize| values[source].slice(m * cells..(m + 1) * cells);
        let fixed = |values: &'a Values| numbers(values).slice(k * cells..(k + 1) * cells);
        let thickness = match &self.thick {
            Thick::Layers => Thickness::Layer(self.layer(k)),
            Thick::Unit => Thickness::Layer(1.0),
            Thick::Fixed { v, at_cells: true, .. } => Thickness::Cells(fixed(v)),
            Thick::Fixed { v, u, .. } => Thickness::Points(fixed(v), u.as_ref().map(fixed)),
            Thick::Read { v, at_cells: true, .. } => Thickness::Cells(of(*v)),
            Thick::Read { v, u, .. } => Thickness::Points(of(*v), u.map(of)),
        };
        let mask = |mask: &'a Option<Vec<u8>>| {
            mask.as_ref().map(|all| {
                let start = if all.len() > cells { k * cells } else { 0 };
                &all[start..start + cells]
            })
        };
        MapValues {
            v: of(0),
            u: self.u.map(of),
            tracers,
            thickness,
            masks: [mask(&self.masks[0]), mask(&self.masks[1])],
            zero_is_land: self.masks[0].is_none(),
        }
    }
}

impl Ocean {
    /// The values of a source in a column, from the top down, and how thick its layers are: NaN and 0
    /// on land. `m` is the first map of the volume.
    pub(in crate::transport) fn column(
        &self,
        values: &[Numbers<'_>],
        (m, cell): (usize, usize),
        order: &[usize],
        source: usize,
    ) -> (Vec<f64>, Vec<f64>) {
        let cells = self.cells();
        let at = |values: Numbers<'_>, k: usize| match values {
            Numbers::F32(v) => f64::from(v[k]),
            Numbers::F64(v) => v[k],
        };
        let mut column = Vec::with_capacity(order.len());
        let mut layers = Vec::with_capacity(order.len());
        let bottom = self.zeros_from(order, |k| at(values[0], (m + k) * cells + cell));
        for (depth, &k) in order.iter().enumerate() {
            let here = (m + k) * cells + cell;
            let layer = match &self.thick {
                Thick::Layers | Thick::Unit => self.layer(k),
                Thick::Fixed { v, .. } => at(numbers(v), k * cells + cell),
                Thick::Read { v, .. } => at(values[*v], here),
            };
            let value = at(values[source], here);
            let is_land = match &self.masks[0] {
                Some(all) => all[if all.len() > cells { k * cells + cell } else { cell }] == 0,
                // Land is often written as 0, which no water has in both; water of 0 degrees is none.
                None if self.tracers.is_empty() => depth >= bottom,
                None => value == 0.0 && at(values[0], here) == 0.0,
            };
            column.push(if is_land { f64::NAN } else { value });
            layers.push(if is_land || layer.is_nan() { 0.0 } else { layer });
        }
        (column, layers)
    }

    /// From which level of a column on, from the top down, 0 is land where no second variable tells: of
    /// the zeros with which it ends, unless some of it is missing, as land is written like that then.
    fn zeros_from(&self, order: &[usize], at: impl Fn(usize) -> f64) -> usize {
        if !self.tracers.is_empty() || self.masks[0].is_some() {
            return order.len();
        }
        ending_zeros(order.iter().map(|k| at(*k)))
    }
}

/// Where the zeros begin with which a column ends; its length if some of it is missing.
fn ending_zeros(column: impl Iterator<Item = f64>) -> usize {
    let (mut len, mut start) = (0, 0);
    let mut is_missing = false;
    for value in column {
        len += 1;
        is_missing |= value.is_nan();
        if value != 0.0 {
            start = len;
        }
    }
    if is_missing {
        len
    } else {
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn water_of_zero_degrees_is_no_land() {
        let from = |column: &[f64]| ending_zeros(column.iter().copied());
        assert_eq!(from(&[1.0, 0.0, -1.0, 0.0, 0.0]), 3);
        assert_eq!(from(&[1.0, 0.0, -1.0]), 3);
        assert_eq!(from(&[1.0, 0.0, f64::NAN]), 3);
        assert_eq!(from(&[0.0, 0.0]), 0);
        assert_eq!(from(&[]), 0);
    }
}
