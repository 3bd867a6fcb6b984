//! Where levels end, and how thick they are, as files tell it that give no bounds of them.

use super::find::{self, Static};
use halocline_core::comm::Comm;
use halocline_core::meta::{Coordinate, Dim};
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
    pub(super) sets: Vec<&'a Dataset>,
    pub(super) files: &'a mut Vec<PathBuf>,
    /// A thickness that is asked for by this name, which may be one of each level.
    pub(super) asked: Option<&'a str>,
}

/// Levels without bounds, as they are.
pub(super) struct Bare<'a> {
    pub(super) levels: &'a Coordinate,
    /// In metres, from the top down.
    pub(super) depths: &'a [f64],
    /// Whether the first level of the file is the deepest.
    pub(super) upwards: bool,
    /// Rows and columns.
    pub(super) ground: &'a [Dim],
}

/// What is found of levels without bounds.
pub(super) struct Ends {
    /// Depths of interfaces in metres, from the top down.
    pub(super) interfaces: Vec<f64>,
    /// Thickness of each in the order of the file, if something else tells it, and what does.
    pub(super) each: Option<(String, Vec<f64>)>,
    /// In words.
    pub(super) note: String,
}

impl Bare<'_> {
    /// The numbers of a variable in metres; without units in those of the levels. `None`, if they are
    /// no lengths.
    fn in_metres(&self, found: &Static) -> Option<Vec<f64>> {
        let own = found.units.as_deref().filter(|units| !units.trim().is_empty());
        let factor = metres(own.or(self.levels.variable.units()).unwrap_or("m"))?;
        let all: Vec<f64> = found.values.to_f64().iter().map(|z| z.abs() * factor).collect();
        all.iter().all(|z| z.is_finite()).then_some(all)
    }

    /// The ends of layers of this thickness, in the order of the file: from the surface down, or with
    /// the first level in the middle of its layer. `None`, if they don't hold the levels.
    fn piled(&self, each: &[f64]) -> Option<Vec<f64>> {
        let mut down = each.to_vec();
        if self.upwards {
            down.reverse();
        }
        let starts = [0.0, self.depths.first()? - 0.5 * down.first()?];
        let from = |start: f64| -> Vec<f64> {
            let mut depth = start;
            let ends = down.iter().map(|dz| {
                depth += dz;
                depth
            });
            std::iter::once(start).chain(ends.collect::<Vec<_>>()).collect()
        };
        starts.into_iter().map(from).find(|ends| self.are_held(ends))
    }

    /// Whether each level lies between its two ends.
    fn are_held(&self, ends: &[f64]) -> bool {
        let is_in = |(pair, z): (&[f64], &f64)| {
            pair[0] - near(*z) <= *z && *z <= pair[1] + near(*z) && pair[1] > pair[0]
        };
        ends.windows(2).zip(self.depths).all(is_in)
    }

    /// The ends of layers of which levels are the middles.
    fn centred(&self) -> Vec<f64> {
        let mut top = 0.0;
        let ends = self.depths.iter().map(|z| {
            top = 2.0 * z - top;
            top
        });
        std::iter::once(0.0).chain(ends.collect::<Vec<_>>()).collect()
    }

    /// Ends in the middle between levels.
    fn between(&self) -> Vec<f64> {
        let (depths, n) = (self.depths, self.depths.len());
        let mut ends: Vec<f64> = vec![0.0];
        ends.extend(depths.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])));
        let last = depths[n - 1];
        ends.push(if n > 1 { 2.0 * last - ends[n - 1] } else { 2.0 * last });
        ends
    }
}

impl Interfaces<'_> {
    /// Of the variables of these names the first of `len` values, not along rows or columns, that
    /// `fits`; names of others are added to `passed`.
    fn first<T>(
        &mut self,
        (names, len): (&[&str], usize),
        (ground, passed): (&[&str], &mut Vec<String>),
        fits: impl Fn(&Static) -> Option<T>,
    ) -> Result<Option<(String, T)>> {
        // What lies along rows or columns is about these.
        let is_along =
            |dims: &[Dim]| dims.len() <= 1 && !dims.iter().any(|d| ground.contains(&d.name.as_str()));
        for name in names {
            for set in &self.sets {
                let one = std::slice::from_ref(*set);
                let found = find::fixed_in(self.comm, one, (None, false), (&[name], &[len]), self.files)?;
                let Some(found) = found.filter(|f| is_along(&f.dims)) else { continue };
                if let Some(fitting) = fits(&found) {
                    return Ok(Some((found.name, fitting)));
                }
                if !passed.contains(&found.name) {
                    passed.push(found.name);
                }
            }
        }
        Ok(None)
    }

    /// Where levels without bounds end, and how thick they are. What does not hold the levels belongs
    /// to others, and is passed over.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn of(&mut self, bare: &Bare<'_>) -> Result<Ends> {
        let n = bare.depths.len();
        let name = &bare.levels.variable.name;
        let ground: Vec<&str> = bare.ground.iter().map(|d| d.name.as_str()).collect();
        let mut passed = Vec::new();
        let names: Vec<&str> = self.asked.into_iter().chain(EACH).collect();
        let each = self.first((&names, n), (&ground, &mut passed), |found| {
            let all = bare.in_metres(found).filter(|all| all.iter().all(|dz| *dz > 0.0))?;
            bare.piled(&all).map(|ends| (all, ends))
        })?;
        let edges = bare.levels.variable.attributes.text("edges");
        let names: Vec<&str> = edges.into_iter().chain(ALL).collect();
        let mut ends = self.first((&names, n + 1), (&ground, &mut passed), |found| {
            bare.in_metres(found).map(sorted).filter(|ends| bare.are_held(ends))
        })?;
        if ends.is_none() {
            let deepest = each.as_ref().map(|(_, (all, _))| if bare.upwards { all[0] } else { all[n - 1] });
            ends = self.first((&TOPS, n), (&ground, &mut passed), |found| {
                let mut ends = bare.in_metres(found).map(sorted)?;
                let last = ends[n - 1];
                ends.push(deepest.map_or(2.0 * bare.depths[n - 1] - last, |dz| last + dz));
                Some(ends).filter(|ends| bare.are_held(ends))
            })?;
        }
        // Ends and thicknesses that contradict each other are not of the same layers.
        let each = each.filter(|(from, (_, piled))| {
            let agree = ends.as_ref().is_none_or(|(_, ends)| {
                let pairs = ends.windows(2).zip(piled.windows(2)).map(|(a, b)| (a[1] - a[0], b[1] - b[0]));
                pairs.into_iter().all(|(a, b)| (a - b).abs() <= 0.1 * a.max(b))
            });
            if !agree {
                passed.push(from.clone());
            }
            agree
        });
        let said = |from: &str| format!("layers from {from}, as {name} has no bounds");
        let (interfaces, mut note) = match (ends, &each) {
            (Some((from, ends)), _) => (ends, said(&from)),
            (None, Some((from, (_, piled)))) => (piled.clone(), said(from)),
            (None, None) => self.guessed(bare),
        };
        if !passed.is_empty() {
            note = format!("{note}; passed over: {}", passed.join(", "));
        }
        Ok(Ends { interfaces, each: each.map(|(from, (all, _))| (from, all)), note })
    }

    /// Where nothing tells.
    fn guessed(&self, bare: &Bare<'_>) -> (Vec<f64>, String) {
        let name = &bare.levels.variable.name;
        // MITgcm's levels are in the middle of their layers, unless they were set by hand.
        let mut all = self.sets.iter().flat_map(|set| set.variables());
        let centred = bare.centred();
        if all.any(|info| info.variable.name.starts_with("hFac")) && bare.are_held(&centred) {
            let note = format!("layers as if {name} were their middles, as neither drF nor Zp1 is there");
            return (centred, note);
        }
        (bare.between(), format!("layers from the middles between {name}, which has no bounds"))
    }
}

fn sorted(mut all: Vec<f64>) -> Vec<f64> {
    all.sort_by(f64::total_cmp);
    all
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
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => Some(0.01),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => Some(1000.0),
        _ => None,
    }
}
