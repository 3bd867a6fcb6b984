//! Levels: where they end, and how thick they are.

use super::interfaces::{check_bounds, metres, Bare, Ends, Interfaces};
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::Source;

/// Levels in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// Thickness of each in metres.
    pub(super) thickness: Vec<f64>,
    /// Depths in metres of the interfaces, from the top down: one more than levels.
    pub(super) interfaces: Vec<f64>,
    /// Depths in metres of levels, from the top down.
    pub(super) depths: Vec<f64>,
    /// Whether the first level is the deepest.
    pub(super) upwards: bool,
    /// How their ends were found.
    pub(super) ends: String,
    /// What tells how thick they are, if it is something else.
    pub(super) each: Option<String>,
    /// Whether the levels have bounds.
    pub(super) has_bounds: bool,
}

impl Layers {
    /// Levels from the top down.
    pub(super) fn order(&self) -> Vec<usize> {
        let n = self.thickness.len();
        (0..n).map(|k| if self.upwards { n - 1 - k } else { k }).collect()
    }

    /// Those of a variable: from bounds of its levels, else from what the inputs tell of layers.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn of(source: &Source, find: &mut Interfaces<'_>) -> Result<Self> {
        let variable = source.variable();
        let at = variable.position(Role::Level).ok_or_else(|| {
            Error::data("has no levels")
                .remedy("name a variable at all levels, with --v, --u, --thetao or --so as the kind needs it")
        })?;
        let dim = &variable.dims[at];
        let own = |c: &&Coordinate| c.variable.dims.len() == 1 && c.variable.dims[0].name == dim.name;
        let Some(levels) = source.levels().iter().find(own) else {
            return Err(
                Error::data("its levels have no coordinate of depths").remedy("give layers with --thickness")
            );
        };
        let about = &levels.variable.attributes;
        let terrain = about.text("formula_terms").is_some()
            || about.text("standard_name").is_some_and(|name| name.starts_with("ocean_"));
        let no_lengths =
            levels.variable.units().is_none() && levels.values.to_f64().iter().all(|z| z.abs() <= 1.0);
        if terrain || no_lengths {
            return Err(Error::data(format!(
                "its levels `{}` are no depths in metres",
                levels.variable.name
            ))
            .remedy("interpolate to levels of depth first"));
        }
        let factor = metres(levels.variable.units().unwrap_or("m")).ok_or_else(|| {
            Error::data(format!("its levels are in `{}`", levels.variable.units().unwrap_or_default()))
                .remedy("depths in metres are needed: give layers with --thickness")
        })?;
        let depths: Vec<f64> = levels.values.to_f64().iter().map(|z| z.abs() * factor).collect();
        let n = depths.len();
        let upwards = n > 1 && depths[0] > depths[n - 1];
        let falls = |pair: &[f64]| if upwards { pair[0] > pair[1] } else { pair[0] < pair[1] };
        if n == 0 || depths.iter().any(|z| !z.is_finite()) || !depths.windows(2).all(falls) {
            return Err(Error::data("the depths of its levels are not in order"));
        }
        let mut top_down = depths.clone();
        if upwards {
            top_down.reverse();
        }
        let stated = levels.bounds.as_ref().map(|b| b.values.to_f64()).filter(|b| b.len() == 2 * n);
        let stated = stated.filter(|b| b.iter().all(|z| z.is_finite()));
        let has_bounds = stated.is_some();
        let Ends { interfaces, each, note } = if let Some(bounds) = stated {
            let mut pairs: Vec<[f64; 2]> = bounds
                .chunks_exact(2)
                .map(|pair| [pair[0].abs() * factor, pair[1].abs() * factor])
                .map(|[a, b]| [a.min(b), a.max(b)])
                .collect();
            if upwards {
                pairs.reverse();
            }
            check_bounds(&pairs, &top_down, &levels.variable.name)?;
            let interfaces = pairs.iter().map(|pair| pair[0]).chain(pairs.last().map(|pair| pair[1]));
            let note = format!("layers from the bounds of {}", levels.variable.name);
            Ends { interfaces: interfaces.collect(), each: None, note }
        } else {
            find.of(&Bare { levels, depths: &top_down, upwards, ground: &variable.dims[at + 1..] })?
        };
        let (each, thickness) = each.unzip();
        let mut layers = Self {
            thickness: Vec::new(),
            interfaces,
            depths: top_down,
            upwards,
            ends: note,
            each,
            has_bounds,
        };
        layers.thickness = thickness.unwrap_or_else(|| layers.between());
        Ok(layers)
    }

    /// The layers between the interfaces, in the order of the file.
    fn between(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.interfaces.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if self.upwards {
            all.reverse();
        }
        all
    }
}
