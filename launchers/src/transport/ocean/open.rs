//! The inputs of a transport, opened.

use super::args::OceanArgs;
use super::basins::Basin;
use super::find;
use super::layers::Layers;
use super::opening::Opening;
use super::places::Places;
use super::thickness::Thick;
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::quantities::Quantity;
use crate::step::Alone;
use halocline_algorithms::transport::{Mesh, Stagger};
use halocline_core::grid::GridKind;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Source};
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
#[allow(clippy::struct_excessive_bools)] // needs that don't depend on each other
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
        let sets = args.input.open_groups(job.comm, job.verbosity)?;
        let files: Vec<PathBuf> = sets.iter().flat_map(paths).collect();
        check_output(job.comm, &args.output, &files)?;
        let (asked, what) = match needs.primary {
            Primary::V => (&args.v, find::V),
            Primary::U => (&args.u, find::U),
            Primary::Temperature => (&args.thetao, find::TEMPERATURE),
            Primary::Salinity => (&args.so, find::SALINITY),
        };
        let first = find::needed(&sets, asked.as_deref(), &what)?;
        let mut opening = Opening {
            job,
            args,
            needs,
            sets: &sets,
            own: first.set,
            selection: args.selection()?,
            files,
            sources: Vec::new(),
            notes: Vec::new(),
        };
        opening.sources.push(opening.source(&first)?);
        let blame = |e| folding::blame(e, paths(&sets[first.set]).first(), &first.name);
        let places = Places::of(&opening.sources[0]).map_err(blame)?;
        let layers = Layers::of(&opening.sources[0]).map_err(blame)?;
        let u = if needs.u {
            Some(opening.add(&find::needed(&sets, args.u.as_deref(), &find::U)?)?)
        } else {
            None
        };
        let tracers = opening.tracers()?;
        let thick = opening.thickness(&places, &layers)?;
        let stagger = opening.stagger(&places, &tracers, u, &thick)?;
        let (along_rows, along_columns, periodic) = opening.lengths(&places, u)?;
        let masks = opening.masks(places.rows * places.columns, layers.thickness.len())?;
        let at = tracers.first().copied().or(u.filter(|_| stagger == Stagger::Same));
        let centres = match at {
            Some(k) => Places::of(&opening.sources[k])?,
            None => centres(&places, u.map(|u| Places::of(&opening.sources[u])).transpose()?.as_ref()),
        };
        let of = |basin: &Basin, files: &mut Vec<PathBuf>| -> Result<(String, Vec<bool>)> {
            Ok((basin.name.clone(), basin.cells(job.comm, (&places.lat, &places.lon), files)?))
        };
        let basins = args.basin.iter().map(|basin| of(basin, &mut opening.files)).collect::<Result<_>>()?;
        let Opening { files, sources, notes, .. } = opening;
        check_output(job.comm, &args.output, &files)?;
        let is_rectilinear = sources[0].grid().kind == GridKind::Rectilinear;
        let shape = (places.rows, places.columns);
        let (lat, lon) = (centres.lat, centres.lon);
        let overlaps = places.has_doubled_columns();
        let mesh = Mesh { shape, lat, lon, periodic, overlaps, stagger, along_rows, along_columns };
        let dataset = sets.into_iter().nth(first.set).ok_or_else(|| Error::internal("no data set"))?;
        let lat = places.lat;
        Ok(Self {
            dataset,
            files,
            sources,
            u,
            tracers,
            thick,
            layers,
            masks,
            mesh,
            lat,
            is_rectilinear,
            basins,
            notes,
        })
    }

    /// Cells of a map.
    pub(in crate::transport) fn cells(&self) -> usize {
        self.mesh.shape.0 * self.mesh.shape.1
    }
    /// Whether layers are told at each cell, else by levels alone.
    pub(in crate::transport) fn has_thickness(&self) -> bool {
        !matches!(self.thick, Thick::Layers)
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
    units.is_some_and(|units| Quantity::Kelvin.is_in(units))
}

/// Where cells are, from the points of velocities: at the latitudes of u and the longitudes of v.
fn centres(v: &Places, u: Option<&Places>) -> Places {
    match u {
        Some(u) => Places { lat: u.lat.clone(), ..v.clone() },
        None => v.clone(),
    }
}
