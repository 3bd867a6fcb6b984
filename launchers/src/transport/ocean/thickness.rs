//! Thickness of layers at each map: fixed or at each time, at cells or at velocity points.

use super::find::{self, Found, Static};
use super::interfaces::metres;
use super::layers::Layers;
use super::open::Primary;
use halocline_core::calendar::TimeAxis;
use halocline_core::comm::Comm;
use halocline_core::meta::{Role, Values};
use halocline_core::{Error, Result};
use halocline_io::{Dataset, VariableInfo};
use std::path::PathBuf;

/// Names at the points of v, at those of u, and at cells.
pub(super) const AT_V: [&str; 4] = ["e3v", "e3v_0", "hFacS", "thkcello_v"];
const AT_U: [&str; 4] = ["e3u", "e3u_0", "hFacW", "thkcello_u"];
pub(super) const AT_CELLS: [&str; 8] = ["thkcello", "e3t", "e3t_0", "hFacC", "thickness", "h", "DZT", "dz"];

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
        if let Some(asked) = asked {
            return self.asked(asked, layers, files);
        }
        if !self.rest_first {
            if let Some(found) = self.read_at_each_time() {
                return Ok(found);
            }
        }
        let whole = self.whole();
        // What is named after rest is at rest; what a file with times has may be of its only time.
        let at_rest = |name: &&str| name.ends_with("_0") || is_share(name);
        let first = |names: &[&'static str]| -> Vec<&'static str> {
            let all = || names.iter().copied();
            all().filter(at_rest).chain(all().filter(|n| !at_rest(n))).collect()
        };
        let all = first(&[self.points(), &AT_CELLS[..]].concat());
        for names in [&all, &first(&AT_CELLS)] {
            if let Some(v) = find::fixed(self.comm, self.sets, None, (names, &[whole]), files)? {
                if let Some(found) = self.fixed(v, layers, &[], files)? {
                    return Ok(found);
                }
            }
        }
        if self.rest_first {
            if let Some(found) = self.read_at_each_time() {
                return Ok(found);
            }
        }
        // Partial cells that are there, but not as needed, are no whole ones.
        let mut names = self.points().iter().chain(&AT_CELLS);
        if let Some(error) = names.find_map(|name| self.varying_share(name)) {
            return Err(error);
        }
        if self.with_u && self.points().iter().any(|name| self.is_there(name)) {
            return Err(no_thickness_of_u());
        }
        let each = layers.each.as_ref().map(|name| format!("thickness: {name}, the same everywhere"));
        Ok((ThickFound::Layers, each.unwrap_or_default()))
    }

    /// That of a name, or of `FILE:NAME`.
    fn asked(&self, asked: &str, layers: &Layers, files: &mut Vec<PathBuf>) -> Result<(ThickFound, String)> {
        if let Some(v) = self.varying(&[asked]) {
            let at_cells = self.is_of_cells(asked);
            let u = self.twin(asked).and_then(|twin| self.varying(&[twin]));
            if self.needs_u(asked) && u.is_none() {
                return Err(no_thickness_of_u());
            }
            let note = format!("thickness: {asked}, at each time");
            return Ok((ThickFound::Read { v, u, at_cells }, note));
        }
        if let Some(error) = self.varying_share(asked) {
            return Err(error);
        }
        let lengths = [self.whole(), self.shape[0]];
        let mut v = find::fixed_in(self.comm, self.sets, (Some(asked), false), (&[], &lengths), files)?
            .ok_or_else(|| Error::internal("no thickness"))?;
        to_metres(&mut v)?;
        // What belongs to it is in the same file first.
        let file = find::of_file(asked).map(|(file, _)| file);
        let beside = file.map(|file| halocline_io::open(self.comm, &[file.to_owned()])).transpose()?;
        self.fixed(v, layers, beside.as_slice(), files)?.ok_or_else(no_thickness_of_u)
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

    /// That at rest; `None` if that at the points of u is wanting. What belongs to it is looked for in
    /// `beside` before the inputs.
    fn fixed(
        &self,
        v: Static,
        layers: &Layers,
        beside: &[Dataset],
        files: &mut Vec<PathBuf>,
    ) -> Result<Option<(ThickFound, String)>> {
        let [levels, rows, columns] = self.shape;
        if v.values.len() == levels {
            return Ok(Some(self.of_layers(&v, layers)));
        }
        let at_cells = self.is_of_cells(&v.name);
        let note = format!("thickness: {}, fixed{}", v.name, if at_cells { ", of cells" } else { "" });
        // MITgcm tells shares of layers.
        let of_layers = is_share(&v.name).then_some(&layers.thickness);
        let in_metres = |values: Values| match of_layers {
            None => values,
            Some(layers) => {
                let share = values.to_f64();
                let of = |(k, share): (usize, &f64)| share * layers[k / (rows * columns)];
                Values::F64(share.iter().enumerate().map(of).collect())
            }
        };
        let u = match self.twin(&v.name) {
            Some(twin) => {
                let wanted: (&[&str], &[usize]) = (&[twin], &[self.whole()]);
                let u = match find::fixed(self.comm, beside, None, wanted, files)? {
                    None => find::fixed(self.comm, self.sets, None, wanted, files)?,
                    found => found,
                };
                u.map(|u| in_metres(u.values))
            }
            None => None,
        };
        if self.needs_u(&v.name) && u.is_none() {
            return Ok(None);
        }
        Ok(Some((ThickFound::Fixed { v: in_metres(v.values), u, at_cells }, note)))
    }

    fn read_at_each_time(&self) -> Option<(ThickFound, String)> {
        let note = |found: &Found| format!("thickness: {}, at each time", found.name);
        if let Some(v) = self.varying(self.points()) {
            let u = self.twin(&v.name).and_then(|twin| self.varying(&[twin]));
            if u.is_some() || !self.needs_u(&v.name) {
                let note = note(&v);
                return Some((ThickFound::Read { v, u, at_cells: false }, note));
            }
        }
        let v = self.varying(&AT_CELLS)?;
        let note = format!("{}, of cells", note(&v));
        let at_cells = self.is_of_cells(&v.name);
        Some((ThickFound::Read { v, u: None, at_cells }, note))
    }

    /// Values of a level after the other.
    fn whole(&self) -> usize {
        self.shape.iter().product()
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
    /// Whether beside it that at the points of u is needed.
    fn needs_u(&self, name: &str) -> bool {
        self.with_u && !self.is_of_cells(name)
    }
    /// The name at the points of u of what has this name at those of v, where it is needed.
    fn twin(&self, name: &str) -> Option<&'static str> {
        let at = AT_V.iter().position(|of_v| *of_v == name)?;
        self.needs_u(name).then(|| AT_U[at])
    }

    /// Whether an input has it on the levels, rows and columns of the velocity.
    fn is_there(&self, name: &str) -> bool {
        self.sets.iter().flat_map(Dataset::variables).any(|v| v.variable.name == name && self.fits(v))
    }
    fn fits(&self, info: &VariableInfo) -> bool {
        let roles = [Role::Level, Role::Y, Role::X].into_iter().zip(self.shape);
        let mut all = roles.map(|(role, len)| (info.variable.position(role), len));
        all.all(|(at, len)| at.is_some_and(|k| info.variable.dims[k].len == len))
    }

    /// Refuses shares of layers that vary: they are no metres, and layers of what are not known.
    fn varying_share(&self, name: &str) -> Option<Error> {
        let all = self.sets.iter().flat_map(|set| set.variables().iter().map(move |info| (set, info)));
        let is_it = |(_, info): &(&Dataset, &VariableInfo)| {
            info.variable.name == name && is_share(name) && self.fits(info) && find::varies(info)
        };
        let (set, _) = all.into_iter().find(is_it)?;
        let error = Error::data("has times: it is a share of layers, not their thickness").in_variable(name);
        let error = match set.files().first() {
            Some(file) => error.in_file(&file.path),
            None => error,
        };
        Some(error.remedy(
            "give it without times (one step), or with --thickness the thickness itself, as hFac times drF",
        ))
    }

    /// A variable with as many times, levels, rows and columns as the velocity.
    fn varying(&self, names: &[&str]) -> Option<Found> {
        let times = |set: usize| self.sets[set].time().map(TimeAxis::len);
        let wanted = times(self.own);
        names.iter().filter(|name| !is_share(name)).find_map(|name| {
            self.sets.iter().enumerate().find_map(|(set, d)| {
                let info = d.variables().iter().find(|v| v.variable.name == *name)?;
                let fits = self.fits(info)
                    && info.variable.position(Role::Time).is_some()
                    && times(set) == wanted
                    // A mesh file of one time is at rest; a file with the velocity is not.
                    && (set == self.own || wanted.is_some_and(|n| n > 1) || !name.ends_with("_0"));
                fits.then(|| Found { set, name: (*name).to_owned() })
            })
        })
    }
}

/// Turns a thickness that is told in other lengths into metres; shares stay as they are.
fn to_metres(thickness: &mut Static) -> Result<()> {
    let units = thickness.units.as_deref().map_or("", str::trim);
    let factor = match units {
        "" | "1" => Some(1.0),
        units => metres(units),
    };
    match factor {
        Some(1.0) => {}
        Some(factor) => {
            let all = thickness.values.to_f64().iter().map(|dz| dz * factor).collect();
            thickness.values = Values::F64(all);
        }
        None => {
            return Err(Error::data(format!("is in `{units}`, which is no length"))
                .in_variable(&thickness.name)
                .in_file(&thickness.file)
                .remedy("convert its values to m and say so in its units"))
        }
    }
    Ok(())
}

/// Whether it is the share of a layer that is open, as MITgcm tells it.
fn is_share(name: &str) -> bool {
    name.starts_with("hFac")
}

fn no_thickness_of_u() -> Error {
    Error::usage("thickness is found at the points of v, but none at the points of u")
        .remedy("name that of cells with --thickness, or add a file with that of u (e3u, e3u_0, hFacW)")
}
