//! Inputs on their way: sources one after the other, then metrics and land.

use super::args::OceanArgs;
use super::find::{self, Found};
use super::layers::Layers;
use super::open::{Needs, Primary};
use super::places::Places;
use super::thickness::{Search, Thick, ThickFound};
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::align;
use halocline_algorithms::transport::Stagger;
use halocline_core::grid::GridKind;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Selection, Source};
use std::path::PathBuf;

const V_LENGTHS: [&str; 5] = ["e1v", "dxCv", "dxG", "dxv", "dx"];
const U_LENGTHS: [&str; 5] = ["e2u", "dyCu", "dyG", "dyu", "dy"];

/// What is open so far.
pub(super) struct Opening<'a> {
    pub(super) job: &'a FoldJob<'a>,
    pub(super) args: &'a OceanArgs,
    pub(super) needs: Needs,
    pub(super) sets: &'a [Dataset],
    /// The data set of the primary variable.
    pub(super) own: usize,
    pub(super) selection: Selection,
    pub(super) files: Vec<PathBuf>,
    pub(super) sources: Vec<Source>,
    pub(super) notes: Vec<String>,
}

impl Opening<'_> {
    pub(super) fn source(&self, found: &Found) -> Result<Source> {
        let set = &self.sets[found.set];
        let source = set.source(self.job.comm, &found.name, &self.selection)?;
        // Thickness and masks are told apart by times.
        source.needs_time()?;
        folding::check_is_data(&found.name, &source)
            .and_then(|()| crate::quantities::check_metres(source.variable()))
            .map_err(|e| folding::blame(e, paths(set).first(), &found.name))?;
        Ok(source)
    }

    /// Opens another variable that is read with the first.
    pub(super) fn add(&mut self, found: &Found) -> Result<usize> {
        let next = self.source(found)?;
        check_beside(&self.sources[0], &next)
            .map_err(|e| folding::blame(e, paths(&self.sets[found.set]).first(), &found.name))?;
        self.sources.push(next);
        Ok(self.sources.len() - 1)
    }

    /// Temperature and salinity, as far as needed.
    pub(super) fn tracers(&mut self) -> Result<Vec<usize>> {
        let wanted = [
            (self.needs.temperature, self.args.thetao.as_deref(), find::TEMPERATURE),
            (self.needs.salinity, self.args.so.as_deref(), find::SALINITY),
        ];
        let wanted = wanted.into_iter().filter(|(is_needed, _, _)| *is_needed);
        wanted.map(|(_, asked, what)| self.add(&find::needed(self.sets, asked, &what)?)).collect()
    }

    /// Thickness of layers at each map.
    pub(super) fn thickness(&mut self, places: &Places, layers: &Layers) -> Result<Thick> {
        let search = Search {
            comm: self.job.comm,
            sets: self.sets,
            own: self.own,
            shape: [layers.thickness.len(), places.rows, places.columns],
            with_u: self.needs.u,
            rest_first: self.needs.rest_first,
            primary: self.needs.primary,
        };
        let (found, note) = search.find(self.args.thickness.as_deref(), layers, &mut self.files)?;
        self.notes.push(note);
        Ok(match found {
            ThickFound::Layers => Thick::Layers,
            ThickFound::Fixed { v, u, at_cells } => Thick::Fixed { v, u, at_cells },
            ThickFound::Read { v, u, at_cells } => {
                let v = self.add(&v)?;
                Thick::Read { v, u: u.as_ref().map(|u| self.add(u)).transpose()?, at_cells }
            }
        })
    }

    /// Where velocities are.
    pub(super) fn stagger(
        &mut self,
        places: &Places,
        tracers: &[usize],
        u: Option<usize>,
        thick: &Thick,
    ) -> Result<Stagger> {
        let of_thickness = match thick {
            Thick::Read { v, at_cells: true, .. } => Some(*v),
            _ => None,
        };
        let known = tracers.first().copied().or(u).or(of_thickness).map(|k| &self.sources[k]);
        let mut known = known.map(Places::of).transpose()?;
        let at_cells =
            matches!(thick, Thick::Read { at_cells: true, .. } | Thick::Fixed { at_cells: true, .. });
        let is_velocity = matches!(self.needs.primary, Primary::V | Primary::U);
        if known.is_none() && is_velocity {
            // What is at cells tells it, also if it isn't read.
            known = self.beside()?;
        }
        if known.is_none() && is_velocity && at_cells && self.args.asked_stagger().is_none() {
            return Err(Error::data(
                "nothing tells whether velocities are in the middle of cells or on faces",
            )
            .remedy("say so with --stagger, or add a file of temperature"));
        }
        let (stagger, note) = stagger(self.args, places, known.as_ref(), self.needs.primary);
        self.notes.extend(note);
        Ok(stagger)
    }

    /// Where cells are, as a tracer tells, else a thickness with coordinates of its own.
    fn beside(&mut self) -> Result<Option<Places>> {
        let shape = self.sources[0].variable().shape();
        let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        for (asked, what) in [(&self.args.thetao, find::TEMPERATURE), (&self.args.so, find::SALINITY)] {
            if let Some(found) = find::field(self.sets, asked.as_deref(), &what)? {
                let places = Places::of(&self.source(&found)?)?;
                if (places.rows, places.columns) == (rows, columns) {
                    return Ok(Some(places));
                }
            }
        }
        for set in self.sets {
            for name in super::thickness::AT_CELLS {
                let Some(info) = set.variables().iter().find(|v| v.variable.name == name) else { continue };
                let [.., y, x] = info.variable.dims.as_slice() else { continue };
                if (y.len, x.len) != (rows, columns) {
                    continue;
                }
                let one = std::slice::from_ref(set);
                let (comm, files) = (self.job.comm, &mut self.files);
                let lat = find::fixed(
                    comm,
                    one,
                    None,
                    (&[&y.name, "gphit", "YC"], &[rows, rows * columns]),
                    files,
                )?;
                let lon = find::fixed(
                    comm,
                    one,
                    None,
                    (&[&x.name, "glamt", "XC"], &[columns, rows * columns]),
                    files,
                )?;
                if let Some((lat, lon)) = lat.zip(lon) {
                    let (lat, lon) = (lat.values.to_f64(), lon.values.to_f64());
                    let spread = |v: &[f64], each: &dyn Fn(usize) -> usize| -> Vec<f64> {
                        let whole = v.len() == rows * columns;
                        (0..rows * columns).map(|k| v[if whole { k } else { each(k) }]).collect()
                    };
                    let lat = spread(&lat, &|k| k / columns);
                    let lon = spread(&lon, &|k| k % columns);
                    return Ok(Some(Places { rows, columns, lat, lon }));
                }
            }
        }
        Ok(None)
    }

    /// Lengths of the faces that the primary velocity crosses, and u; whether rows are closed.
    pub(super) fn lengths(
        &mut self,
        places: &Places,
        u: Option<usize>,
    ) -> Result<(Vec<f64>, Vec<f64>, bool)> {
        let cells = places.rows * places.columns;
        let periodic = places.is_periodic();
        let circles = self.sources[0].grid().kind == GridKind::Rectilinear;
        let lengths =
            Lengths { comm: self.job.comm, sets: self.sets, cells, radius: self.args.radius, periodic };
        let (dx, dy) = (self.args.dx.as_deref(), self.args.dy.as_deref());
        let found = (&mut self.files, &mut self.notes);
        let mut own = match self.needs.primary {
            Primary::V => lengths.find((dx, &V_LENGTHS), places, true, circles, found)?,
            Primary::U => lengths.find((dy, &U_LENGTHS), places, false, false, found)?,
            Primary::Temperature | Primary::Salinity => vec![0.0; cells],
        };
        let of_u = match u {
            Some(u) => {
                let places = Places::of(&self.sources[u])?;
                lengths.find((dy, &U_LENGTHS), &places, false, false, (&mut self.files, &mut self.notes))?
            }
            None => vec![0.0; cells],
        };
        let doubled = places.has_doubled_columns();
        if doubled && self.needs.primary == Primary::V {
            self.notes.push("the first and the last column are there twice: they are left out".to_owned());
            for row in own.chunks_exact_mut(places.columns) {
                row[0] = 0.0;
                row[places.columns - 1] = 0.0;
            }
        }
        Ok((own, of_u, periodic && !doubled))
    }

    /// Land at the points of the primary variable, and at those of u.
    pub(super) fn masks(&mut self, cells: usize, levels: usize) -> Result<[Option<Vec<u8>>; 2]> {
        let (v, u) = (self.args.v_mask.as_deref(), self.args.u_mask.as_deref());
        let own = match self.needs.primary {
            Primary::V => (v, "vmask"),
            Primary::U => (u, "umask"),
            Primary::Temperature | Primary::Salinity => (None, "tmask"),
        };
        let other = (u.filter(|_| self.needs.u).or(Some("none").filter(|_| !self.needs.u)), "umask");
        let mut both = [None, None];
        for ((asked, name), mask) in [own, other].into_iter().zip(&mut both) {
            if asked == Some("none") {
                continue;
            }
            let lengths = [levels * cells, cells];
            let found = find::fixed(self.job.comm, self.sets, asked, (&[name], &lengths), &mut self.files)?;
            if let Some(found) = found {
                self.notes.push(format!("land: where {} is 0", found.name));
                *mask = Some(found.values.to_f64().iter().map(|m| u8::from(*m > 0.0)).collect());
            }
        }
        Ok(both)
    }
}

/// Refuses what has other times, levels, rows or columns.
fn check_beside(first: &Source, second: &Source) -> Result<()> {
    let (a, b) = (first.variable(), second.variable());
    if a.shape()[1..] != b.shape()[1..] {
        return Err(Error::data(format!(
            "has levels, rows and columns {:?}, `{}` has {:?}",
            &b.shape()[1..],
            a.name,
            &a.shape()[1..]
        ))
        .remedy("both need as many levels, rows and columns"));
    }
    let origin = align(first.time(), second.time())?;
    if origin > 0 || second.time().len() != first.time().len() {
        return Err(Error::data(format!("has other times than `{}`", a.name))
            .remedy("choose common ones with --time"));
    }
    Ok(())
}

/// Where velocities are, and a note on how that is known: beside a variable at cells, or one that is at
/// their latitudes.
fn stagger(
    args: &OceanArgs,
    places: &Places,
    known: Option<&Places>,
    primary: Primary,
) -> (Stagger, Option<String>) {
    if let Some(asked) = args.asked_stagger() {
        return (asked, None);
    }
    let Some(cells) = known else { return (Stagger::Ahead, None) };
    let found = match primary {
        Primary::V => places.beside(cells),
        Primary::U => places.turned().beside(&cells.turned()),
        Primary::Temperature | Primary::Salinity => Some(Stagger::Same),
    };
    let text = match found {
        Some(Stagger::Same) => "velocities are in the middle of cells",
        Some(Stagger::Ahead) => "velocities are on faces, ahead of cells",
        Some(Stagger::Behind) => "velocities are on faces, behind cells",
        None => "coordinates don't tell where velocities are: taken to be in the middle of cells",
    };
    let is_velocity = matches!(primary, Primary::V | Primary::U);
    (found.unwrap_or(Stagger::Same), is_velocity.then(|| text.to_owned()))
}

struct Lengths<'a> {
    comm: &'a halocline_core::comm::Comm,
    sets: &'a [Dataset],
    cells: usize,
    radius: f64,
    periodic: bool,
}

impl Lengths<'_> {
    /// Lengths of faces: found, else from coordinates.
    fn find(
        &self,
        (asked, names): (Option<&str>, &[&str]),
        places: &Places,
        along_rows: bool,
        circles: bool,
        (files, notes): (&mut Vec<PathBuf>, &mut Vec<String>),
    ) -> Result<Vec<f64>> {
        let lengths = [self.cells, places.rows];
        let lengths: &[usize] = if asked.is_some() { &lengths } else { &lengths[..1] };
        let which = if along_rows { "faces of v" } else { "faces of u" };
        if let Some(found) = find::fixed(self.comm, self.sets, asked, (names, lengths), files)? {
            notes.push(format!("lengths of {which}: {}", found.name));
            let mut all = found.values.to_f64();
            if all.len() < self.cells {
                all = all.iter().flat_map(|d| std::iter::repeat_n(*d, places.columns)).collect();
            }
            if let Some(bad) = all.iter().find(|d| **d < 0.0 || d.is_infinite()) {
                return Err(Error::data(format!("a length is {bad}")).in_variable(&found.name));
            }
            all.iter_mut().filter(|d| d.is_nan()).for_each(|d| *d = 0.0);
            return Ok(all);
        }
        let radius = self.radius;
        notes.push(format!("lengths of {which}: from coordinates, on a sphere of {radius} m"));
        Ok(if circles {
            places.circle_lengths(self.periodic, radius)
        } else {
            places.lengths(along_rows, self.periodic, radius)
        })
    }
}
