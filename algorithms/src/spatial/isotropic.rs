//! Isotropic spectra of all planes of a field.

use super::cells::{gather, number};
use super::mean::CellMean;
use super::plane::{PlanePower, PlaneScratch};
use super::rings::Rings;
use super::seen::Absent;
use crate::spectra::turn::Pool;
use halocline_core::engine::{encode_notes, take_notes, Series, SeriesWork};
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use std::sync::{Mutex, PoisonError};

/// The spectrum of each plane of a field over rings of wave number ([`Rings`]), or its mean over
/// other dimensions; with [`Self::with_planes`], the two-dimensional spectrum, too.
///
/// A cell is a plane: an index of all dimensions but the two of the plane. Its results are a row for
/// each ring, then one for each mode of the whole plane of wave numbers, both from the most negative
/// one up. Planes with a value that is not there have no result; [`Self::absent`] tells of them.
#[derive(Debug)]
pub struct IsotropicSpectra {
    plane: PlanePower,
    rings: Rings,
    roles: [Role; 2],
    dims: Vec<Dim>,
    has_planes: bool,
    flipped: bool,
    mean: Option<CellMean>,
    absent: Mutex<Absent>,
    rooms: Pool<Room>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    map: Vec<f64>,
    half: Vec<f64>,
    values: Vec<f64>,
    scratch: PlaneScratch,
}

impl IsotropicSpectra {
    /// Spectra of a variable with the dimensions `dims`, of which those of these two roles are the
    /// plane.
    ///
    /// # Errors
    /// Internal, if the plane is of another shape.
    pub fn new(plane: PlanePower, rings: Rings, dims: &[Dim], roles: [Role; 2]) -> Result<Self> {
        let own = dims.iter().filter(|d| roles.contains(&d.role)).map(|d| d.len);
        if own.collect::<Vec<_>>() != plane.shape() {
            return Err(Error::internal("a plane is not of the dimensions that were planned"));
        }
        Ok(Self {
            plane,
            rings,
            roles,
            dims: dims.to_vec(),
            has_planes: false,
            flipped: false,
            mean: None,
            absent: Mutex::new(Absent::default()),
            rooms: Pool::new(),
        })
    }
    /// With the spectrum of the whole plane of wave numbers; `flipped` where either rows run from north
    /// to south or columns from east to west, so that l counts northward and k eastward.
    #[must_use]
    pub fn with_planes(self, flipped: bool) -> Self {
        Self { has_planes: true, flipped, ..self }
    }
    /// Their mean instead of all of them.
    #[must_use]
    pub fn averaged(self, mean: CellMean) -> Self {
        Self { mean: Some(mean), ..self }
    }
    /// The transform of a plane.
    pub const fn plane(&self) -> &PlanePower {
        &self.plane
    }
    /// The rings.
    pub const fn rings(&self) -> &Rings {
        &self.rings
    }
    /// The mean, if that is what is wanted.
    pub const fn mean(&self) -> Option<&CellMean> {
        self.mean.as_ref()
    }
    /// The mean, to be told of its tiles.
    pub fn mean_mut(&mut self) -> Option<&mut CellMean> {
        self.mean.as_mut()
    }
    /// Rows of each result, also where they are averaged.
    pub fn result_rows(&self) -> Vec<usize> {
        let whole = self.plane.shape().iter().product();
        std::iter::once(self.rings.len()).chain(self.has_planes.then_some(whole)).collect()
    }
    /// Numbers that each cell has.
    pub fn values(&self) -> usize {
        self.result_rows().iter().sum()
    }
    /// What was not there of the planes that this rank has seen.
    pub fn absent(&self) -> Absent {
        *self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Room {
        let [ny, nx] = self.plane.shape();
        Room {
            map: vec![0.0; ny * nx],
            half: vec![0.0; ny * self.plane.half()],
            values: vec![0.0; self.values()],
            scratch: self.plane.scratch(),
        }
    }
}

impl SeriesWork for IsotropicSpectra {
    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            self.result_rows()
        }
    }
    fn rows_beside(&self) -> usize {
        // What is on its way to the file.
        if self.mean.is_some() {
            0
        } else {
            self.values()
        }
    }
    fn scratch_per_thread(&self, _samples: usize, cells: usize) -> u64 {
        let [ny, nx] = self.plane.shape();
        let sums = self.mean.as_ref().map_or(0, |mean| mean.groups().min(cells) * (self.values() + 1));
        let doubles = ny * nx + ny * self.plane.half() + self.values() + sums;
        (doubles * size_of::<f64>()) as u64 + self.plane.scratch_bytes()
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let tile = series.tile().ok_or_else(|| Error::internal("planes belong to no tile"))?;
        let mut room = self.rooms.take(|| self.room());
        let mut absent = Absent::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for cell in 0..series.cells() {
            let Room { map, half, values, scratch } = &mut room;
            gather(series, cell, map)?;
            if !absent.look(map, false, || number(tile, &self.dims, &self.roles, cell)) {
                continue;
            }
            self.plane.power(map, half, scratch)?;
            let (rings, whole) = values.split_at_mut(self.rings.len());
            self.rings.sum(half, rings);
            if self.has_planes {
                self.plane.whole(half, self.flipped, whole);
            }
            if let (Some(mean), Some(sums)) = (&self.mean, &mut sums) {
                mean.add(sums, tile, cell, values)?;
                continue;
            }
            results.iter_mut().flatten().zip(&*values).for_each(|(row, v)| row[cell] = *v);
        }
        self.rooms.give(room);
        if let (Some(mean), Some(sums)) = (&self.mean, sums) {
            mean.put(tile, sums)?;
        }
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).join(&absent);
        Ok(())
    }
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&(self.absent(), self.mean.as_ref().map(CellMean::nodes)))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        let join = |found: &Absent| self.absent.lock().unwrap_or_else(PoisonError::into_inner).join(found);
        take_notes(notes, join, self.mean.as_ref().map(|mean| |nodes| mean.add_nodes(nodes)))
    }
}
