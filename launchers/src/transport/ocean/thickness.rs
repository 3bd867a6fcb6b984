//! Thickness of layers at each map: fixed or at each time, at cells or at velocity points.

use super::find::{self, Found, Static};
use super::layers::Layers;
use super::open::{Ocean, Primary};
use halocline_algorithms::transport::{MapValues, Thickness};
use halocline_core::calendar::TimeAxis;
use halocline_core::comm::Comm;
use halocline_core::engine::Numbers;
use halocline_core::meta::{Role, Values};
use halocline_core::Result;
use halocline_io::Dataset;
use std::path::PathBuf;

/// Names at the points of v, at those of u, and at cells.
const AT_V: [&str; 4] = ["e3v", "e3v_0", "hFacS", "thkcello_v"];
const AT_U: [&str; 4] = ["e3u", "e3u_0", "hFacW", "thkcello_u"];
pub(super) const AT_CELLS: [&str; 6] = ["thkcello", "e3t", "e3t_0", "hFacC", "thickness", "h"];
const LAYERS: [&str; 3] = ["drF", "e3t_1d", "dz"];

/// How thick layers are.
#[derive(Debug)]
pub(super) enum Thick {
    Layers,
    /// None: what crosses whole faces is told.
    Unit,
    /// In the order of the velocity's levels, rows, columns.
    Fixed {
        v: Values,
        u: Option<Values>,
        at_cells: bool,
    },
    /// Among the sources, read with the velocity.
    Read {
        v: usize,
        u: Option<usize>,
        at_cells: bool,
    },
}

/// What was found, before sources are opened.
pub(super) enum ThickFound {
    Layers,
    Fixed { v: Values, u: Option<Values>, at_cells: bool },
    Read { v: Found, u: Option<Found>, at_cells: bool },
}

/// Where it is looked for.
pub(super) struct Search<'a> {
    pub(super) comm: &'a Comm,
    pub(super) sets: &'a [Dataset],
    /// The data set of the velocity, and its levels, rows and columns.
    pub(super) own: usize,
    pub(super) shape: [usize; 3],
    /// Whether the thickness at points of u is needed.
    pub(super) with_u: bool,
    /// That at rest before that at each time.
    pub(super) rest_first: bool,
    pub(super) primary: Primary,
}

impl Search<'_> {
    /// Finds the thickness, and says how.
    pub(super) fn find(
        &self,
        asked: Option<&str>,
        layers: &Layers,
        files: &mut Vec<PathBuf>,
    ) -> Result<(ThickFound, String)> {
        let shape = self.shape;
        let [levels, rows, columns] = shape;
        if let Some(name) = asked {
            if let Some(found) = self.varying(&[name]) {
                let at_cells = self.is_of_cells(name);
                let u = self.with_u.then(|| self.varying(&AT_U)).flatten().filter(|_| !at_cells);
                return Ok((
                    ThickFound::Read { v: found, u, at_cells },
                    format!("thickness: {name}, at each time"),
                ));
            }
        }
        let whole = levels * rows * columns;
        if asked.is_none() && !self.rest_first {
            if let Some(found) = self.read_at_each_time() {
                return Ok(found);
            }
        }
        let lengths = [whole, levels];
        // What is named after rest is at rest; what a file with times has may be of its only time.
        let at_rest = |name: &&str| name.ends_with("_0") || name.starts_with("hFac");
        let both = || self.points().iter().chain(&AT_CELLS).copied();
        let names: Vec<&str> = both().filter(at_rest).chain(both().filter(|n| !at_rest(n))).collect();
        let names: &[&str] = if asked.is_some() { &[] } else { &names };
        let lengths: &[usize] = if asked.is_some() { &lengths } else { &[whole] };
        if let Some(v) = find::fixed(self.comm, self.sets, asked, (names, lengths), files)? {
            return self.fixed(v, layers, files);
        }
        if asked.is_none() && self.rest_first {
            if let Some(found) = self.read_at_each_time() {
                return Ok(found);
            }
        }
        if let Some(found) = find::fixed(self.comm, self.sets, None, (&LAYERS, &[levels]), files)? {
            if found.roles == [Role::Level] || found.roles.len() <= 1 {
                return Ok(self.of_layers(&found, layers));
            }
        }
        let note = layers.note.clone();
        Ok((ThickFound::Layers, note))
    }

    fn of_layers(&self, found: &Static, layers: &Layers) -> (ThickFound, String) {
        let [_, rows, columns] = self.shape;
        let each = found.values.to_f64();
        let same = layers.thickness == each;
        if same {
            return (ThickFound::Layers, format!("thickness: {}", found.name));
        }
        let values = each.iter().flat_map(|dz| std::iter::repeat_n(*dz, rows * columns)).collect();
        let v = Values::F64(values);
        let u = self.with_u.then(|| v.clone());
        (
            ThickFound::Fixed { v, u, at_cells: false },
            format!("thickness: {}, the same everywhere", found.name),
        )
    }

    fn fixed(&self, v: Static, layers: &Layers, files: &mut Vec<PathBuf>) -> Result<(ThickFound, String)> {
        let [levels, rows, columns] = self.shape;
        if v.values.len() == levels {
            return Ok(self.of_layers(&v, layers));
        }
        let at_cells = self.is_of_cells(&v.name);
        let note = format!("thickness: {}, fixed{}", v.name, if at_cells { ", of cells" } else { "" });
        let is_share = v.name.starts_with("hFac");
        // MITgcm tells shares of layers.
        let of_layers = if is_share {
            let found = find::fixed(self.comm, self.sets, None, (&LAYERS, &[levels]), files)?;
            found.map(|found| found.values.to_f64()).or_else(|| Some(layers.thickness.clone()))
        } else {
            None
        };
        let metres = |values: Values| match &of_layers {
            None => values,
            Some(layers) => {
                let share = values.to_f64();
                let of = |(k, share): (usize, &f64)| share * layers[k / (rows * columns)];
                Values::F64(share.iter().enumerate().map(of).collect())
            }
        };
        let u = if self.with_u && !at_cells {
            let whole = levels * rows * columns;
            find::fixed(self.comm, self.sets, None, (&AT_U, &[whole]), files)?.map(|u| metres(u.values))
        } else {
            None
        };
        Ok((ThickFound::Fixed { v: metres(v.values), u, at_cells }, note))
    }

    fn read_at_each_time(&self) -> Option<(ThickFound, String)> {
        let note = |found: &Found| format!("thickness: {}, at each time", found.name);
        if let Some(v) = self.varying(self.points()) {
            let u = self.with_u.then(|| self.varying(&AT_U)).flatten();
            let note = note(&v);
            return Some((ThickFound::Read { v, u, at_cells: false }, note));
        }
        let v = self.varying(&AT_CELLS)?;
        let note = format!("{}, of cells", note(&v));
        let at_cells = self.is_of_cells(&v.name);
        Some((ThickFound::Read { v, u: None, at_cells }, note))
    }

    /// Names of the thickness at the points of the primary variable.
    fn points(&self) -> &'static [&'static str] {
        match self.primary {
            Primary::V => &AT_V,
            Primary::U => &AT_U,
            Primary::Temperature | Primary::Salinity => &AT_CELLS,
        }
    }
    /// Whether it is that of cells beside the points of a velocity.
    fn is_of_cells(&self, name: &str) -> bool {
        !self.points().contains(&name)
    }

    /// A variable with as many times, levels, rows and columns as the velocity.
    fn varying(&self, names: &[&str]) -> Option<Found> {
        let times = |set: usize| self.sets[set].time().map(TimeAxis::len);
        let wanted = times(self.own);
        names.iter().find_map(|name| {
            self.sets.iter().enumerate().find_map(|(set, d)| {
                let info = d.variables().iter().find(|v| v.variable.name == *name)?;
                let is_there = |role, len| {
                    info.variable.position(role).is_some_and(|k| info.variable.dims[k].len == len)
                };
                let fits = is_there(Role::Level, self.shape[0])
                    && is_there(Role::Y, self.shape[1])
                    && is_there(Role::X, self.shape[2])
                    && info.variable.position(Role::Time).is_some()
                    && times(set) == wanted
                    // A mesh file of one time is at rest; a file with the velocity is not.
                    && (set == self.own || wanted.is_some_and(|n| n > 1) || !name.ends_with("_0"));
                fits.then(|| Found { set, name: (*name).to_owned() })
            })
        })
    }
}

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
        for &k in order {
            let here = (m + k) * cells + cell;
            let layer = match &self.thick {
                Thick::Layers | Thick::Unit => self.layer(k),
                Thick::Fixed { v, .. } => at(numbers(v), k * cells + cell),
                Thick::Read { v, .. } => at(values[*v], here),
            };
            let value = at(values[source], here);
            let is_land = match &self.masks[0] {
                Some(all) => all[if all.len() > cells { k * cells + cell } else { cell }] == 0,
                // Land is often written as 0, which no water has in both.
                None => value == 0.0 && at(values[0], here) == 0.0,
            };
            column.push(if is_land { f64::NAN } else { value });
            layers.push(if is_land || layer.is_nan() { 0.0 } else { layer });
        }
        (column, layers)
    }
}
