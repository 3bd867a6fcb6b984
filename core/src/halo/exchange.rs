//! The exchange itself.

use super::plan::{HaloPlan, Parcel, Run};
use crate::comm::Comm;
use crate::memory::fit;
use bytemuck::Pod;

/// A number that halos can hold.
pub trait HaloValue: Pod + Send + Sync {
    /// The constant of a wall.
    fn constant(value: f64) -> Self;
    /// The value with the other sign.
    #[must_use]
    fn flipped(self) -> Self;
}

impl HaloValue for f32 {
    #[allow(clippy::cast_possible_truncation)] // the value of the user, as the field holds it
    fn constant(value: f64) -> Self {
        value as Self
    }
    fn flipped(self) -> Self {
        -self
    }
}

impl HaloValue for f64 {
    fn constant(value: f64) -> Self {
        value
    }
    fn flipped(self) -> Self {
        -self
    }
}

/// What is on its way: kept from exchange to exchange, so that none takes memory.
#[derive(Debug)]
pub struct Parcels<T> {
    pub(super) leaving: Vec<T>,
    pub(super) arriving: Vec<T>,
}

impl<T> Default for Parcels<T> {
    fn default() -> Self {
        Self { leaving: Vec::new(), arriving: Vec::new() }
    }
}

impl HaloPlan {
    /// Fills the halos of the fields, which lie in memory as [`Self::extent`] says, one or several
    /// maps each, as many in all fields and on all ranks that own something.
    ///
    /// # Collective
    /// Every rank calls this; ranks that own nothing with empty fields.
    ///
    /// # Panics
    /// If there are not as many fields as planned, or their lengths don't fit.
    pub fn fill<T: HaloValue>(&self, comm: &Comm, parcels: &mut Parcels<T>, fields: &mut [&mut [T]]) {
        self.fill_during(comm, parcels, fields, |_| ());
    }

    /// As [`Self::fill`], doing `meanwhile` while messages travel: it may read and change the fields,
    /// but what it finds in halos is not settled yet (see
    /// [`Extent::interior`](super::Extent::interior)).
    ///
    /// # Collective
    /// As [`Self::fill`].
    ///
    /// # Panics
    /// As [`Self::fill`].
    pub fn fill_during<T: HaloValue>(
        &self,
        comm: &Comm,
        parcels: &mut Parcels<T>,
        fields: &mut [&mut [T]],
        meanwhile: impl FnOnce(&mut [&mut [T]]),
    ) {
        let maps = self.maps(fields);
        let cells = self.extent.cells();
        let Parcels { leaving, arriving } = parcels;
        let total = |all: &[Parcel]| all.iter().map(|p| p.cells).sum::<usize>() * maps;
        fit(leaving, total(&self.leaving));
        fit(arriving, total(&self.arriving));
        let mut at = 0;
        for run in self.leaving.iter().flat_map(|p| &p.runs) {
            for map in fields[run.field].chunks_exact(cells) {
                pick(map, run, &mut leaving[at..at + run.len]);
                at += run.len;
            }
        }
        let outgoing = parts(&self.leaving, maps, leaving.as_slice());
        let incoming = parts_mut(&self.arriving, maps, arriving.as_mut_slice());
        comm.exchange_during(&outgoing, incoming, || {
            self.fill_locally(fields, cells);
            meanwhile(fields);
        });
        let mut at = 0;
        for run in self.arriving.iter().flat_map(|p| &p.runs) {
            for map in fields[run.field].chunks_exact_mut(cells) {
                let (out, values) = (&mut map[run.to..run.to + run.len], &arriving[at..at + run.len]);
                if run.flips {
                    out.iter_mut().zip(values).for_each(|(out, v)| *out = v.flipped());
                } else {
                    out.copy_from_slice(values);
                }
                at += run.len;
            }
        }
    }

    /// What needs no other rank.
    fn fill_locally<T: HaloValue>(&self, fields: &mut [&mut [T]], cells: usize) {
        if cells == 0 {
            return;
        }
        for constant in &self.constants {
            let value = T::constant(constant.value);
            for map in fields[constant.field].chunks_exact_mut(cells) {
                map[constant.to..constant.to + constant.len].fill(value);
            }
        }
        for run in &self.local {
            for map in fields[run.field].chunks_exact_mut(cells) {
                match (run.step, run.flips) {
                    (1, false) => map.copy_within(run.from..run.from + run.len, run.to),
                    _ => (0..run.len).for_each(|k| {
                        let value = map[run.from.wrapping_add_signed(run.step * k as isize)];
                        map[run.to + k] = if run.flips { value.flipped() } else { value };
                    }),
                }
            }
        }
    }

    /// How many maps these fields are.
    fn maps<T>(&self, fields: &[&mut [T]]) -> usize {
        assert!(fields.len() == self.fields, "a halo of {} fields got {}", self.fields, fields.len());
        let cells = self.extent.cells();
        let len = fields.first().map_or(0, |f| f.len());
        let fits = fields.iter().all(|f| f.len() == len) && (cells > 0 || len == 0);
        assert!(fits && (cells == 0 || len % cells == 0), "fields that don't fit their halos");
        len.checked_div(cells).unwrap_or(0)
    }
}

pub(super) fn pick<T: Copy>(map: &[T], run: &Run, out: &mut [T]) {
    if run.step == 1 {
        out.copy_from_slice(&map[run.from..run.from + run.len]);
        return;
    }
    for (k, out) in out.iter_mut().enumerate() {
        *out = map[run.from.wrapping_add_signed(run.step * k as isize)];
    }
}

pub(super) fn parts<'a, T>(parcels: &[Parcel], maps: usize, mut rest: &'a [T]) -> Vec<(usize, &'a [T])> {
    let next = |parcel: &Parcel| {
        let (part, after) = rest.split_at(parcel.cells * maps);
        rest = after;
        (parcel.rank, part)
    };
    parcels.iter().map(next).collect()
}

pub(super) fn parts_mut<'a, T>(
    parcels: &[Parcel],
    maps: usize,
    mut rest: &'a mut [T],
) -> Vec<(usize, &'a mut [T])> {
    let next = |parcel: &Parcel| {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(parcel.cells * maps);
        rest = after;
        (parcel.rank, part)
    };
    parcels.iter().map(next).collect()
}
