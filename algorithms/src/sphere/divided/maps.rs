//! Rows of maps as circles of latitude are worked on: each with its mirror image.

use super::super::rows::Rows;
use super::DividedTransform;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, NumbersMut};
use halocline_core::index::IndexBox;
use halocline_core::memory::filled;
use halocline_core::redistribution::Redistribution;
use halocline_core::{Error, Result};
use std::ops::Range;

/// Values of northern and of southern rows, in the precision of the maps.
#[derive(Debug, Clone)]
pub(super) enum Hemispheres {
    F32([Vec<f32>; 2]),
    F64([Vec<f64>; 2]),
}

/// The rows of some maps that this rank transforms along circles of latitude: those of its northern
/// latitudes, and their mirror images; of each map these, one map after the other.
#[derive(Debug, Clone)]
pub struct DividedMaps {
    pub(super) values: Hemispheres,
    /// Which rows these are, northern and southern.
    pub(super) rows: [Range<usize>; 2],
    pub(super) count: usize,
}

impl DividedMaps {
    /// How many maps there are.
    pub fn count(&self) -> usize {
        self.count
    }
    /// The values of northern rows and of southern ones: `[map, row, longitude]`, rows in the order of
    /// the grid.
    pub fn values(&self) -> [Numbers<'_>; 2] {
        match &self.values {
            Hemispheres::F32(both) => both.each_ref().map(|v| Numbers::F32(v)),
            Hemispheres::F64(both) => both.each_ref().map(|v| Numbers::F64(v)),
        }
    }
    pub(super) fn parts(&self) -> [Rows<'_>; 2] {
        let [north, south] = self.values();
        let [northern, southern] = self.rows.clone();
        [Rows { values: north, range: northern }, Rows { values: south, range: southern }]
    }
}

/// The ways of rows, in either precision.
#[derive(Debug, Default)]
pub(super) struct Ways {
    single: Redistribution<f32>,
    double: Redistribution<f64>,
}

impl DividedTransform {
    /// The rows of the grid that a rank transforms along circles, northern and southern ones.
    pub(super) fn rows(&self, rank: usize) -> [Range<usize>; 2] {
        let pairs = self.deal.latitudes(rank).map(|k| self.transform.pair(k));
        let mut all = [None; 2];
        for (north, south) in pairs {
            for (range, row) in all.iter_mut().zip([north, south]) {
                let Some(row) = row else { continue };
                let (first, last) = range.unwrap_or((row, row));
                *range = Some((row.min(first), row.max(last)));
            }
        }
        all.map(|range| range.map_or(0..0, |(first, last): (usize, usize)| first..last + 1))
    }

    /// Of each rank the box of the maps of a layout that holds its rows of a hemisphere.
    fn boxes(&self, layout: &Decomposition, hemisphere: usize) -> Vec<IndexBox> {
        let (domain, row) = (layout.domain(), layout.dims().len() - 2);
        (0..self.deal.ranks())
            .map(|rank| domain.with_range(row, self.rows(rank)[hemisphere].clone()))
            .collect()
    }

    pub(super) fn check_ranks(&self, comm: &Comm) -> Result<()> {
        if self.deal.ranks() == comm.size() {
            return Ok(());
        }
        let planned = self.deal.ranks();
        Err(Error::internal(format!(
            "a transform of divided maps is planned for {planned} ranks, not for {}",
            comm.size()
        )))
    }

    /// The number of maps of a layout, which has to be one of whole maps of the grid.
    pub(super) fn check(&self, comm: &Comm, layout: &Decomposition, len: usize) -> Result<usize> {
        let (domain, grid) = (layout.domain(), self.transform.grid());
        let bad = |what: String| Err(Error::internal(format!("a transform of divided maps: {what}")));
        let n = domain.ndim();
        if n < 2 || domain.range(n - 2) != (0..grid.rows) || domain.range(n - 1) != (0..grid.columns) {
            return bad(format!("{:?} are no maps of {}", domain.shape(), grid.describe()));
        }
        self.check_ranks(comm)?;
        if layout.ranks() != comm.size() {
            return bad(format!("a layout of {} ranks, not of {}", layout.ranks(), comm.size()));
        }
        let own = layout.block(comm.rank());
        if own.len() != len {
            return bad(format!("{len} values for a block of {:?}", own.shape()));
        }
        Ok(domain.shape()[..n - 2].iter().product())
    }

    /// Brings rows of maps to the ranks that transform them: `values` are those of this rank's block of
    /// `layout`, a division of whole maps `[…, latitude, longitude]` among all ranks in any way.
    ///
    /// # Collective
    /// Every rank calls this with the same layout, and values of the same precision.
    ///
    /// # Errors
    /// Internal, if the layout is not one of maps of the grid for this number of ranks, or values are not
    /// as many as the block has.
    pub fn take(&mut self, comm: &Comm, layout: &Decomposition, values: Numbers<'_>) -> Result<DividedMaps> {
        let count = comm.agree(self.check(comm, layout, values.len()))?;
        let from: Vec<IndexBox> = (0..comm.size()).map(|rank| layout.block(rank)).collect();
        let to = [0, 1].map(|hemisphere| self.boxes(layout, hemisphere));
        let len = to.each_ref().map(|boxes| boxes[comm.rank()].len());
        let values = match values {
            Numbers::F32(values) => {
                let mut both = len.map(|n| filled(n, 0.0f32));
                for (to, out) in to.iter().zip(&mut both) {
                    self.ways.single.exchange_boxes(comm, (&from, values), (to, out));
                }
                Hemispheres::F32(both)
            }
            Numbers::F64(values) => {
                let mut both = len.map(|n| filled(n, 0.0f64));
                for (to, out) in to.iter().zip(&mut both) {
                    self.ways.double.exchange_boxes(comm, (&from, values), (to, out));
                }
                Hemispheres::F64(both)
            }
        };
        Ok(DividedMaps { values, rows: self.rows(comm.rank()), count })
    }

    /// Brings rows that were transformed back to where a layout wants them.
    pub(super) fn give(
        &mut self,
        comm: &Comm,
        values: Hemispheres,
        (layout, out): (&Decomposition, NumbersMut<'_>),
    ) -> Result<()> {
        let to: Vec<IndexBox> = (0..comm.size()).map(|rank| layout.block(rank)).collect();
        let from = [0, 1].map(|hemisphere| self.boxes(layout, hemisphere));
        match (values, out) {
            (Hemispheres::F32(both), NumbersMut::F32(out)) => {
                for (from, values) in from.iter().zip(&both) {
                    self.ways.single.exchange_boxes(comm, (from, values), (&to, out));
                }
            }
            (Hemispheres::F64(both), NumbersMut::F64(out)) => {
                for (from, values) in from.iter().zip(&both) {
                    self.ways.double.exchange_boxes(comm, (from, values), (&to, out));
                }
            }
            _ => return Err(Error::internal("rows of one precision go to maps of another")),
        }
        Ok(())
    }
}
