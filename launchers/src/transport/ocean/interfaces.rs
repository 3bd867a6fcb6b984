//! Where levels end, as files tell it that give no bounds of them.

use super::find::{self, Static};
use halocline_core::comm::Comm;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::Dataset;
use std::path::PathBuf;

/// Thickness of layers that is the same everywhere: MITgcm, NEMO, POP.
const EACH: [&str; 3] = ["drF", "e3t_1d", "dz"];
/// Depths of all interfaces, one more than levels: MITgcm, MOM6, MOM5.
const ALL: [&str; 5] = ["Zp1", "RF", "z_i", "zi", "st_edges_ocean"];
/// Depths of the upper ends of levels: NEMO, POP.
const TOPS: [&str; 2] = ["gdepw_1d", "z_w_top"];

/// Where they are looked for.
pub(super) struct Interfaces<'a> {
    pub(super) comm: &'a Comm,
    pub(super) sets: &'a [Dataset],
    pub(super) files: &'a mut Vec<PathBuf>,
}

impl Interfaces<'_> {
    fn look(&mut self, names: &[&str], len: usize) -> Result<Option<Static>> {
        find::fixed_in(self.comm, self.sets, (None, false), (names, &[len]), self.files)
    }

    /// A thickness of each of `n` levels in metres, in the order of the file, and its name.
    pub(super) fn each(&mut self, n: usize) -> Result<Option<(String, Vec<f64>)>> {
        let Some(found) = self.look(&EACH, n)? else { return Ok(None) };
        let is_of_levels = found.roles == [Role::Level] || found.roles.len() <= 1;
        let all = in_metres(&found).filter(|all| is_of_levels && all.iter().all(|dz| *dz > 0.0));
        Ok(all.map(|all| (found.name, all)))
    }

    /// Depths of interfaces from the top down, of levels without bounds at these depths, and where
    /// they are from. What does not hold the levels belongs to others.
    pub(super) fn interfaces(
        &mut self,
        levels: &Coordinate,
        depths: &[f64],
        each: Option<&(String, Vec<f64>)>,
        upwards: bool,
    ) -> Result<(Vec<f64>, String)> {
        let n = depths.len();
        let name = &levels.variable.name;
        let said = |from: &str| format!("layers from {from}, as {name} has no bounds");
        let edges = levels.variable.attributes.text("edges");
        let names: Vec<&str> = edges.into_iter().chain(ALL).collect();
        if let Some(found) = self.look(&names, n + 1)? {
            let sorted = in_metres(&found).map(sorted).filter(|ends| hold(ends, depths));
            if let Some(ends) = sorted {
                return Ok((ends, said(&found.name)));
            }
        }
        let deepest = each.map(|(_, all)| if upwards { all[0] } else { all[n - 1] });
        if let Some(found) = self.look(&TOPS, n)? {
            let with_bottom = in_metres(&found).map(sorted).map(|mut ends| {
                let last = ends[n - 1];
                ends.push(deepest.map_or(2.0 * depths[n - 1] - last, |dz| last + dz));
                ends
            });
            if let Some(ends) = with_bottom.filter(|ends| hold(ends, depths)) {
                return Ok((ends, said(&found.name)));
            }
        }
        if let Some((from, all)) = each {
            let mut all = all.clone();
            if upwards {
                all.reverse();
            }
            let ends = below(all.iter().copied());
            if hold(&ends, depths) {
                return Ok((ends, said(from)));
            }
        }
        // MITgcm's levels are in the middle of their layers, unless they were set by hand.
        let shares = self.sets.iter().flat_map(Dataset::variables);
        if shares.into_iter().any(|info| info.variable.name.starts_with("hFac")) {
            let centred = centred(depths);
            if hold(&centred, depths) {
                let note = format!("layers as if {name} were their middles, as neither drF nor Zp1 is there");
                return Ok((centred, note));
            }
        }
        let mut ends: Vec<f64> = vec![0.0];
        ends.extend(depths.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])));
        let last = depths[n - 1];
        ends.push(if n > 1 { 2.0 * last - ends[n - 1] } else { 2.0 * last });
        Ok((ends, format!("layers from the middles between {name}, which has no bounds")))
    }
}

/// Depths, or heights below 0, or thickness, in metres.
fn in_metres(found: &Static) -> Option<Vec<f64>> {
    let factor = metres(found.units.as_deref().unwrap_or("m"))?;
    let all: Vec<f64> = found.values.to_f64().iter().map(|z| z.abs() * factor).collect();
    all.iter().all(|z| z.is_finite()).then_some(all)
}

fn sorted(mut all: Vec<f64>) -> Vec<f64> {
    all.sort_by(f64::total_cmp);
    all
}

/// The depths of the ends of layers, from the top down.
fn below(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut depth = 0.0;
    let ends = all.map(|dz| {
        depth += dz;
        depth
    });
    std::iter::once(0.0).chain(ends).collect()
}

/// The ends of layers of which these are the middles.
fn centred(depths: &[f64]) -> Vec<f64> {
    let mut top = 0.0;
    let ends = depths.iter().map(|z| {
        top = 2.0 * z - top;
        top
    });
    std::iter::once(0.0).chain(ends.collect::<Vec<_>>()).collect()
}

/// Whether each level lies between its two ends.
fn hold(ends: &[f64], depths: &[f64]) -> bool {
    let is_in =
        |(pair, z): (&[f64], &f64)| pair[0] - near(*z) <= *z && *z <= pair[1] + near(*z) && pair[1] > pair[0];
    ends.windows(2).zip(depths).all(is_in)
}

/// Single precision, and depths that were rounded.
fn near(z: f64) -> f64 {
    1e-3 * z.abs().max(1.0)
}

/// Refuses bounds, from the top down, that do not hold their levels, or leave gaps between them.
pub(super) fn check_bounds(pairs: &[[f64; 2]], depths: &[f64], name: &str) -> Result<()> {
    let wrong = |k: usize, what: &str| {
        let [top, bottom] = pairs[k];
        Err(Error::data(format!("the bounds of level {}, {top} to {bottom} m, {what}", depths[k]))
            .in_variable(name)
            .remedy("correct the bounds, or give layers with --thickness"))
    };
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
pub(super) fn metres(units: &str) -> Option<f64> {
    match units.trim().to_lowercase().as_str() {
        "m" | "meter" | "meters" | "metre" | "metres" => Some(1.0),
        "cm" | "centimeters" | "centimetres" => Some(0.01),
        "km" => Some(1000.0),
        _ => None,
    }
}
