//! Levels: where they end, and how thick they are.

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
    /// How they were found.
    pub(super) note: String,
}

impl Layers {
    /// Levels from the top down.
    pub(super) fn order(&self) -> Vec<usize> {
        let n = self.thickness.len();
        (0..n).map(|k| if self.upwards { n - 1 - k } else { k }).collect()
    }

    pub(super) fn of(source: &Source) -> Result<Self> {
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
        let (interfaces, note) = if let Some(bounds) = stated {
            let mut pairs: Vec<[f64; 2]> = bounds
                .chunks_exact(2)
                .map(|pair| [pair[0].abs() * factor, pair[1].abs() * factor])
                .map(|[a, b]| [a.min(b), a.max(b)])
                .collect();
            if upwards {
                pairs.reverse();
            }
            check_bounds(&pairs, &top_down, &levels.variable.name)?;
            let ends = pairs.iter().map(|pair| pair[0]).chain(pairs.last().map(|pair| pair[1])).collect();
            (ends, format!("layers from the bounds of {}", levels.variable.name))
        } else {
            let mut ends: Vec<f64> = vec![0.0];
            ends.extend(top_down.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])));
            let last = top_down[n - 1];
            ends.push(if n > 1 { 2.0 * last - ends[n - 1] } else { 2.0 * last });
            (ends, format!("layers from the middles between {}, which has no bounds", levels.variable.name))
        };
        let mut layers = Self { thickness: Vec::new(), interfaces, depths: top_down, upwards, note };
        layers.thickness = layers.between();
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

/// Refuses bounds, from the top down, that do not hold their levels, or leave gaps between them.
fn check_bounds(pairs: &[[f64; 2]], depths: &[f64], name: &str) -> Result<()> {
    let wrong = |k: usize, what: &str| {
        let [top, bottom] = pairs[k];
        Err(Error::data(format!("the bounds of level {}, {top} to {bottom} m, {what}", depths[k]))
            .in_variable(name)
            .remedy("correct the bounds, or give layers with --thickness"))
    };
    // Single precision, and depths that were rounded.
    let near = |z: f64| 1e-3 * z.abs().max(1.0);
    for (k, ([top, bottom], z)) in pairs.iter().zip(depths).enumerate() {
        if !(*top - near(*z) <= *z && *z <= *bottom + near(*z) && bottom > top) {
            return wrong(k, "do not hold it");
        }
        if pairs.get(k + 1).is_some_and(|next| (next[0] - bottom).abs() > near(*bottom)) {
            return wrong(k, "do not reach those of the next");
        }
    }
    Ok(())
}

/// Metres in a unit of length.
fn metres(units: &str) -> Option<f64> {
    match units.trim().to_lowercase().as_str() {
        "m" | "meter" | "meters" | "metre" | "metres" => Some(1.0),
        "cm" | "centimeters" | "centimetres" => Some(0.01),
        "km" => Some(1000.0),
        _ => None,
    }
}
