//! The inputs of a transport, opened.

use super::args::OceanArgs;
use super::find::{self, Found};
use super::layers::Layers;
use super::places::Places;
use super::thickness::{Search, Thick, ThickFound};
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::pairs::align;
use crate::step::Alone;
use halocline_algorithms::transport::{Mesh, Stagger};
use halocline_core::grid::GridKind;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Selection, Source};
use std::path::PathBuf;

/// The variable that comes first, at whose points layers and land are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primary {
    V,
    U,
    Temperature,
    Salinity,
}

/// What a kind of transport needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    pub(in crate::transport) primary: Primary,
    /// The other velocity, beside v.
    pub(in crate::transport) u: bool,
    pub(in crate::transport) temperature: bool,
    pub(in crate::transport) salinity: bool,
    /// Layers at rest before those at each time.
    pub(in crate::transport) rest_first: bool,
}

/// The inputs of a transport.
pub(crate) struct Ocean {
    pub(in crate::transport) dataset: Dataset,
    /// All that was named.
    others: Vec<Dataset>,
    pub(in crate::transport) files: Vec<PathBuf>,
    /// Read in lockstep: the primary one first.
    pub(in crate::transport) sources: Vec<Source>,
    pub(in crate::transport) u: Option<usize>,
    /// Temperature, salinity, as far as needed.
    pub(in crate::transport) tracers: Vec<usize>,
    pub(super) thick: Thick,
    layers: Layers,
    /// Of v and of u: 0 is land.
    pub(super) masks: [Option<Vec<u8>>; 2],
    pub(in crate::transport) mesh: Mesh,
    /// Latitudes of the points of the primary variable.
    pub(in crate::transport) lat: Vec<f64>,
    /// Whether rows are circles of latitude.
    pub(in crate::transport) is_rectilinear: bool,
    /// Names of basins beside the whole ocean, and their cells.
    pub(in crate::transport) basins: Vec<(String, Vec<bool>)>,
    notes: Vec<String>,
}

impl Ocean {
    /// Whether there is a temperature, and a salinity.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn has(job: &FoldJob<'_>, args: &OceanArgs) -> Result<[bool; 2]> {
        let sets = args.input.open_groups(job.comm, job.verbosity)?;
        let temperature = find::field(&sets, args.thetao.as_deref(), &find::TEMPERATURE)?;
        let salinity = find::field(&sets, args.so.as_deref(), &find::SALINITY)?;
        Ok([temperature.is_some(), salinity.is_some()])
    }

    /// Finds and opens what is needed.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn open(job: &FoldJob<'_>, args: &OceanArgs, needs: Needs) -> Result<Self> {
        args.check()?;
        let comm = job.comm;
        let selection = args.selection()?;
        let sets = args.input.open_groups(comm, job.verbosity)?;
        let mut files: Vec<PathBuf> = sets.iter().flat_map(paths).collect();
        check_output(comm, &args.output, &files)?;
        let (asked, what) = match needs.primary {
            Primary::V => (&args.v, find::V),
            Primary::U => (&args.u, find::U),
            Primary::Temperature => (&args.thetao, find::TEMPERATURE),
            Primary::Salinity => (&args.so, find::SALINITY),
        };
        let v = find::needed(&sets, asked.as_deref(), &what)?;
        let u = needs.u.then(|| find::needed(&sets, args.u.as_deref(), &find::U)).transpose()?;
        let wanted = [
            (needs.temperature, args.thetao.as_deref(), find::TEMPERATURE),
            (needs.salinity, args.so.as_deref(), find::SALINITY),
        ];
        let source = |found: &Found| source(job, &sets, found, &selection);
        let mut sources = vec![source(&v)?];
        let blame = |e| folding::blame(e, paths(&sets[v.set]).first(), &v.name);
        let places = Places::of(&sources[0]).map_err(blame)?;
        let mut add = |found: &Found| -> Result<usize> {
            let next = source(found)?;
            let file = paths(&sets[found.set]);
            check_beside(&sources[0], &next).map_err(|e| folding::blame(e, file.first(), &found.name))?;
            sources.push(next);
            Ok(sources.len() - 1)
        };
        let u = u.as_ref().map(&mut add).transpose()?;
        let mut tracers = Vec::new();
        for (is_needed, asked, what) in &wanted {
            if *is_needed {
                tracers.push(add(&find::needed(&sets, *asked, what)?)?);
            }
        }
        let shape = {
            let dims = &sources[0].variable().dims;
            let levels = dims.iter().find(|d| d.role == Role::Level).map_or(1, |d| d.len);
            [levels, places.rows, places.columns]
        };
        let mut layers = Some(Layers::of(&sources[0]).map_err(blame)?);
        let search = Search {
            comm,
            sets: &sets,
            own: v.set,
            shape,
            with_u: needs.u,
            rest_first: needs.rest_first,
            primary: needs.primary,
        };
        let (found, note) = search.find(args.thickness.as_deref(), &mut layers, &mut files)?;
        let thick = match found {
            ThickFound::Layers => Thick::Layers,
            ThickFound::Fixed { v, u, at_cells } => Thick::Fixed { v, u, at_cells },
            ThickFound::Read { v, u, at_cells } => {
                let mut add = |found: &Found| -> Result<usize> {
                    let next = source(found)?;
                    check_beside(&sources[0], &next)?;
                    sources.push(next);
                    Ok(sources.len() - 1)
                };
                Thick::Read { v: add(&v)?, u: u.as_ref().map(&mut add).transpose()?, at_cells }
            }
        };
        let mut notes = vec![note];
        let of_thickness = match &thick {
            Thick::Read { v, at_cells: true, .. } => Some(*v),
            _ => None,
        };
        let known = tracers.first().copied().or(u).or(of_thickness).map(|k| &sources[k]);
        let (stagger, note) = stagger(args, &places, known, needs.primary);
        notes.extend(note);
        let periodic = places.is_periodic();
        let is_rectilinear = sources[0].grid().kind == GridKind::Rectilinear;
        let cells = places.rows * places.columns;
        let lengths = Lengths { comm, sets: &sets, cells, radius: args.radius, periodic };
        let found = (&mut files, &mut notes);
        let mut along_rows = match needs.primary {
            Primary::V => {
                lengths.find((args.dx.as_deref(), &V_LENGTHS), &places, true, is_rectilinear, found)?
            }
            Primary::U => lengths.find((args.dy.as_deref(), &U_LENGTHS), &places, false, false, found)?,
            Primary::Temperature | Primary::Salinity => vec![0.0; cells],
        };
        let along_columns = if let Some(u) = u {
            let places = Places::of(&sources[u])?;
            lengths.find((args.dy.as_deref(), &U_LENGTHS), &places, false, false, (&mut files, &mut notes))?
        } else {
            vec![0.0; cells]
        };
        let doubled = places.has_doubled_columns();
        if doubled && needs.primary == Primary::V {
            notes.push("the first and the last column are there twice: they are left out".to_owned());
            for row in along_rows.chunks_exact_mut(places.columns) {
                row[0] = 0.0;
                row[places.columns - 1] = 0.0;
            }
        }
        let whole = shape[0] * cells;
        let mut mask = |asked: Option<&str>, name: &str| -> Result<Option<Vec<u8>>> {
            if asked == Some("none") {
                return Ok(None);
            }
            let found = find::fixed(comm, &sets, asked, (&[name], &[whole, cells]), &mut files)?;
            let Some(found) = found else { return Ok(None) };
            notes.push(format!("land: where {} is 0", found.name));
            Ok(Some(found.values.to_f64().iter().map(|m| u8::from(*m > 0.0)).collect()))
        };
        let v_mask = match needs.primary {
            Primary::V => mask(args.v_mask.as_deref(), "vmask")?,
            Primary::U => mask(args.u_mask.as_deref(), "umask")?,
            Primary::Temperature | Primary::Salinity => mask(None, "tmask")?,
        };
        let u_mask = if needs.u { mask(args.u_mask.as_deref(), "umask")? } else { None };
        let at = tracers.first().copied().or(u.filter(|_| stagger == Stagger::Same));
        let centres = match at {
            Some(k) => Places::of(&sources[k])?,
            None => centres(&places, u.map(|u| Places::of(&sources[u])).transpose()?.as_ref()),
        };
        let basins = args
            .basin
            .iter()
            .map(|basin| Ok((basin.name.clone(), basin.cells(comm, (&places.lat, &places.lon), &mut files)?)))
            .collect::<Result<_>>()?;
        check_output(comm, &args.output, &files)?;
        let mesh = Mesh {
            shape: (places.rows, places.columns),
            lat: centres.lat,
            lon: centres.lon,
            periodic: periodic && !doubled,
            stagger,
            along_rows,
            along_columns,
        };
        let Some(layers) = layers else { return Err(Error::internal("no layers")) };
        let dataset = sets.get(v.set).cloned().ok_or_else(|| Error::internal("no data set"))?;
        Ok(Self {
            dataset,
            others: sets,
            files,
            sources,
            u,
            tracers,
            thick,
            layers,
            masks: [v_mask, u_mask],
            mesh,
            lat: places.lat,
            is_rectilinear,
            basins,
            notes,
        })
    }

    /// Cells of a map.
    pub(in crate::transport) fn cells(&self) -> usize {
        self.mesh.shape.0 * self.mesh.shape.1
    }
    pub(in crate::transport) fn levels(&self) -> usize {
        self.layers.thickness.len()
    }
    /// Depths of levels, from the top down.
    pub(in crate::transport) fn depths(&self) -> &[f64] {
        &self.layers.depths
    }
    /// Whether the primary variable is in kelvins.
    pub(in crate::transport) fn is_primary_kelvin(&self) -> bool {
        is_kelvin(self.sources[0].variable().units())
    }
    /// Whether there is water at the corner ahead of each cell, where the inputs tell.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn corners(&self, job: &FoldJob<'_>) -> Result<Option<Vec<bool>>> {
        let lengths = [self.cells(), self.cells() * self.levels()];
        let found = find::fixed(job.comm, &self.others, None, (&["fmask"], &lengths), &mut Vec::new())?;
        // Of the level on top.
        let at = self.order()[0] * self.cells();
        Ok(found.map(|found| {
            let all = found.values.to_f64();
            let from = if all.len() > self.cells() { at } else { 0 };
            all[from..from + self.cells()].iter().map(|m| *m > 0.0).collect()
        }))
    }
    /// Whether the first tracer is in kelvins.
    pub(in crate::transport) fn is_kelvin(&self) -> bool {
        is_kelvin(self.tracers.first().and_then(|&k| self.sources[k].variable().units()))
    }
    pub(super) fn layer(&self, k: usize) -> f64 {
        self.layers.thickness[k]
    }
    /// Levels from the top down.
    pub(in crate::transport) fn order(&self) -> Vec<usize> {
        self.layers.order()
    }
    /// Depths of interfaces, from the top down.
    pub(in crate::transport) fn interfaces(&self) -> &[f64] {
        &self.layers.interfaces
    }
    pub(in crate::transport) fn times(&self) -> usize {
        self.sources[0].time().len()
    }
    /// Bytes that it holds.
    pub(in crate::transport) fn bytes(&self) -> u64 {
        let of = |v: &halocline_core::meta::Values| (v.len() * v.dtype().size()) as u64;
        let thick = match &self.thick {
            Thick::Fixed { v, u, .. } => of(v) + u.as_ref().map_or(0, of),
            _ => 0,
        };
        let masks: usize = self.masks.iter().flatten().map(Vec::len).sum();
        thick + masks as u64
    }
    /// Says how what it needs was found.
    pub(in crate::transport) fn tell(&self, job: &FoldJob<'_>) {
        let names: Vec<&str> = self.sources.iter().map(|s| s.variable().name.as_str()).collect();
        job.verbosity.say(job.comm, || format!("reads {}", names.join(", ")));
        for note in self.notes.iter().filter(|note| !note.is_empty()) {
            job.verbosity.say(job.comm, || format!("note: {note}"));
        }
        job.tell_notes(&self.sources.iter().collect::<Vec<_>>());
    }
    /// How it was found, for outputs.
    pub(in crate::transport) fn described(&self) -> String {
        let names: Vec<&str> = self.sources.iter().map(|s| s.variable().name.as_str()).collect();
        let notes = self.notes.iter().filter(|note| !note.is_empty()).cloned();
        std::iter::once(format!("variables: {}", names.join(", ")))
            .chain(notes)
            .collect::<Vec<_>>()
            .join("; ")
    }
    pub(in crate::transport) fn alone(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("maps of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.sources.iter().map(of).collect()
    }
    pub(in crate::transport) fn blame(&self, e: Error) -> Error {
        let name = e.variable.clone().unwrap_or_else(|| self.sources[0].variable().name.clone());
        folding::blame(e, self.files.first(), &name)
    }
}

fn is_kelvin(units: Option<&str>) -> bool {
    matches!(units, Some("K" | "kelvin" | "Kelvin" | "degK" | "degree_Kelvin"))
}

const V_LENGTHS: [&str; 5] = ["e1v", "dxCv", "dxG", "dxv", "dx"];
const U_LENGTHS: [&str; 5] = ["e2u", "dyCu", "dyG", "dyu", "dy"];

fn source(job: &FoldJob<'_>, sets: &[Dataset], found: &Found, selection: &Selection) -> Result<Source> {
    let source = sets[found.set].source(job.comm, &found.name, selection)?;
    let file = paths(&sets[found.set]);
    folding::check_is_data(&found.name, &source).map_err(|e| folding::blame(e, file.first(), &found.name))?;
    Ok(source)
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
    known: Option<&Source>,
    primary: Primary,
) -> (Stagger, Option<String>) {
    if let Some(asked) = args.asked_stagger() {
        return (asked, None);
    }
    let Some(cells) = known.and_then(|source| Places::of(source).ok()) else {
        return (Stagger::Ahead, None);
    };
    let found = match primary {
        Primary::V => places.beside(&cells),
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

/// Where cells are, from the points of velocities: at the latitudes of u and the longitudes of v.
fn centres(v: &Places, u: Option<&Places>) -> Places {
    match u {
        Some(u) => Places { lat: u.lat.clone(), ..v.clone() },
        None => v.clone(),
    }
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
