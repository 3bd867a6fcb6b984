//! The inputs of a transport, opened.

use super::args::OceanArgs;
use super::find;
use super::fit::{Fit, Fitted};
use super::interfaces::Interfaces;
use super::layers::Layers;
use super::opening::Opening;
use super::places::Places;
use super::thickness::Thick;
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::quantities::Quantity;
use crate::step::Alone;
use halocline_algorithms::transport::VelocityMesh;
use halocline_core::grid::mesh::Point;
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
    /// kg m⁻³, which makes volumes of mass transports.
    pub(in crate::transport) rho0: f64,
}

impl Needs {
    /// One variable, and no other beside it.
    pub(in crate::transport) fn only(primary: Primary, rho0: f64) -> Self {
        Self { primary, u: false, temperature: false, salinity: false, rest_first: false, rho0 }
    }
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
    /// Rows and columns of cells.
    pub(in crate::transport) shape: (usize, usize),
    /// How velocities are brought to cells of another number.
    pub(in crate::transport) fit: Option<Fit>,
    /// Whether velocities are mass transports, kg s⁻¹ through whole faces.
    pub(in crate::transport) is_mass: bool,
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
        let (flow, _) = find::velocity(&sets, args.v.as_deref(), (&find::V, &find::MASS_V))?;
        let timed = find::is_timed(&sets, &flow)?;
        // One that is found, and not named, is meant if it has times as the flow has.
        let is_there = |asked: &Option<String>, wanted| -> Result<bool> {
            let Some(found) = find::field(&sets, asked.as_deref(), wanted, timed)? else {
                return Ok(false);
            };
            Ok(asked.is_some() || find::is_timed(&sets, &found)? == timed)
        };
        Ok([is_there(&args.thetao, &find::TEMPERATURE)?, is_there(&args.so, &find::SALINITY)?])
    }

    /// Finds and opens what is needed; of velocities with the mesh that they are on.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn open(
        job: &FoldJob<'_>,
        args: &OceanArgs,
        needs: Needs,
    ) -> Result<(Self, Option<VelocityMesh>)> {
        args.check()?;
        let mut sets = args.input.open_groups(job.comm, job.verbosity)?;
        // Masks and layers of the mesh are looked for there too.
        sets.extend(args.grid_file(job.comm)?);
        let files: Vec<PathBuf> = sets.iter().flat_map(paths).collect();
        check_output(job.comm, &args.output, &files)?;
        let (first, is_mass) = match needs.primary {
            Primary::V => find::velocity(&sets, args.v.as_deref(), (&find::V, &find::MASS_V))?,
            Primary::U => find::velocity(&sets, args.u.as_deref(), (&find::U, &find::MASS_U))?,
            Primary::Temperature => (find::needed(&sets, args.thetao.as_deref(), &find::TEMPERATURE)?, false),
            Primary::Salinity => (find::needed(&sets, args.so.as_deref(), &find::SALINITY)?, false),
        };
        let is_velocity = matches!(needs.primary, Primary::V | Primary::U);
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
            fit: None,
        };
        opening.sources.push(opening.source(&first)?);
        let blame = |e| folding::blame(e, paths(&sets[first.set]).first(), &first.name);
        let places = Places::of(&opening.sources[0]).map_err(blame)?;
        // What a file of the thickness tells of layers comes first.
        let beside = args.thickness_file(job.comm)?;
        let mut find = Interfaces {
            comm: job.comm,
            sets: beside.iter().chain(&sets).collect(),
            files: &mut opening.files,
            asked: args.thickness_name(),
        };
        let layers = Layers::of(&opening.sources[0], &mut find).map_err(blame)?;
        let u = if needs.u {
            let wanted = if is_mass { find::MASS_U } else { find::U };
            Some(find::needed_like(&sets, args.u.as_deref(), &wanted, opening.is_timed())?)
        } else {
            None
        };
        opening.fit = opening.find_fit(places.shape(), u.as_ref()).map_err(blame)?;
        let cells = opening.fit.map_or(places.shape(), |fit| fit.cells);
        let u = u.map(|u| opening.add(&u, Point::U)).transpose()?;
        let tracers = opening.tracers()?;
        if !is_mass {
            opening.note_units(u, &tracers);
        }
        let thick = if is_mass { Thick::Unit } else { opening.thickness(cells, &layers)? };
        if !layers.has_bounds {
            opening.notes.push(layers.ends.clone());
        }
        let mut on = match opening.fit {
            Some(fit) => Some(opening.fitted_mesh(&fit, (&tracers, u), is_mass).map_err(blame)?),
            None if is_velocity => Some(opening.mesh(&places, (&tracers, u), &thick).map_err(blame)?),
            None => None,
        };
        if let Some(on) = on.as_mut().filter(|_| is_mass) {
            // What is transported through a whole face is as if each was 1 m² large.
            opening.notes.push(format!("mass transports: volumes are those of {} kg m-3", needs.rho0));
            for (along_x, point) in [(true, Point::T), (true, Point::V), (false, Point::T), (false, Point::U)]
            {
                let count = on.mesh.shape(point).iter().product();
                on.mesh.set_lengths(along_x, point, vec![1.0 / needs.rho0; count]);
            }
        }
        let masks = opening.masks(cells, layers.thickness.len())?;
        let mut basins = Vec::new();
        if !args.basin.is_empty() {
            let [lat, lon] = opening.places_of_cells(on.as_ref(), &tracers, &places).map_err(blame)?;
            for basin in &args.basin {
                basins.extend(basin.cells((job.comm, &sets), (&lat, &lon), &mut opening.files)?);
            }
        }
        crate::common::check_once(&basins.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        let Opening { files, sources, notes, fit, .. } = opening;
        check_output(job.comm, &args.output, &files)?;
        let is_rectilinear = sources[0].grid().kind == GridKind::Rectilinear;
        let shape = (cells[0], cells[1]);
        let dataset = sets.into_iter().nth(first.set).ok_or_else(|| Error::internal("no data set"))?;
        let lat = fit.map_or(places.lat.clone(), |fit| Opening::row_places(&fit, &places).lat);
        let ocean = Self {
            dataset,
            files,
            sources,
            u,
            tracers,
            thick,
            layers,
            masks,
            shape,
            fit,
            is_mass,
            lat,
            is_rectilinear,
            basins,
            notes,
        };
        Ok((ocean, on))
    }

    /// What is read, with a value for each cell.
    pub(in crate::transport) fn streams(&self) -> Vec<Fitted<'_>> {
        let point = |k: usize| match k {
            0 => Point::V,
            k if self.u == Some(k) => Point::U,
            _ => Point::T,
        };
        let of = |(k, source)| Fitted::new(source, self.fit.as_ref().map(|fit| (fit, point(k))));
        self.sources.iter().enumerate().map(of).collect()
    }
    /// Cells of a map.
    pub(in crate::transport) fn cells(&self) -> usize {
        self.shape.0 * self.shape.1
    }
    /// Whether layers are told at each cell, else by levels alone.
    pub(in crate::transport) fn has_thickness(&self) -> bool {
        !matches!(self.thick, Thick::Layers | Thick::Unit)
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
    /// What the primary variable says of how its values belong to cells and times.
    pub(in crate::transport) fn cell_methods(&self) -> Option<&str> {
        self.sources[0].variable().attributes.text("cell_methods")
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
