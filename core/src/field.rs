//! One rank's block of a variable, and the change from one decomposition to another.

use crate::comm::Comm;
use crate::decomposition::Decomposition;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::memory;
use crate::meta::Variable;
use std::sync::Arc;

/// A number that fields hold: `f32` as stored, `f64` for results.
pub trait Element: bytemuck::Pod + Into<f64> + Send + Sync + PartialOrd + std::fmt::Debug {
    /// The missing value inside Halocline.
    const MISSING: Self;
}
impl Element for f32 {
    const MISSING: Self = Self::NAN;
}
impl Element for f64 {
    const MISSING: Self = Self::NAN;
}

/// One rank's block of a variable: C order, missing cells are NaN.
#[derive(Debug, Clone)]
pub struct Field<T> {
    variable: Variable,
    decomposition: Arc<Decomposition>,
    block: IndexBox,
    data: Vec<T>,
}

impl<T: Element> Field<T> {
    /// The block of `rank`, all missing.
    pub fn missing(variable: Variable, decomposition: Arc<Decomposition>, rank: usize) -> Self {
        let block = decomposition.block(rank);
        let data = memory::filled(block.len(), T::MISSING);
        Self { variable, decomposition, block, data }
    }
    /// The block of `rank` with these values.
    ///
    /// # Errors
    /// When `data` is not of the block's length.
    pub fn new(
        variable: Variable,
        decomposition: Arc<Decomposition>,
        rank: usize,
        data: Vec<T>,
    ) -> Result<Self> {
        let block = decomposition.block(rank);
        if data.len() != block.len() {
            return Err(Error::internal(format!(
                "{} values for the block {:?} of `{}`",
                data.len(),
                block.shape(),
                variable.name
            )));
        }
        Ok(Self { variable, decomposition, block, data })
    }
    /// What the values are.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }
    /// Who owns what.
    pub fn decomposition(&self) -> &Arc<Decomposition> {
        &self.decomposition
    }
    /// The box that this rank owns.
    pub fn block(&self) -> &IndexBox {
        &self.block
    }
    /// The values of the block, C order.
    pub fn data(&self) -> &[T] {
        &self.data
    }
    /// The values of the block, C order.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
    /// The values alone.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The same field on another decomposition.
    ///
    /// # Collective
    /// Every rank calls this with the same `target`.
    ///
    /// # Errors
    /// When the decompositions are of different dimensions or rank counts.
    pub fn redistribute(&self, comm: &Comm, target: &Arc<Decomposition>) -> Result<Self> {
        let mut out = Self::missing(self.variable.clone(), Arc::clone(target), comm.rank());
        self.redistribute_into(comm, &mut out)?;
        Ok(out)
    }

    /// Sends what this field holds to where `target` wants it. The domain of this field may be
    /// a part of the target's (a window in time, say): then only that part is filled, and a
    /// field larger than memory travels window by window.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::redistribute`].
    pub fn redistribute_into(&self, comm: &Comm, target: &mut Self) -> Result<()> {
        let (from, to) = (&self.decomposition, &target.decomposition);
        if from.shape() != to.shape() || from.ranks() != comm.size() || to.ranks() != comm.size() {
            return Err(Error::internal(format!(
                "can't change `{}` from {} on {} ranks to {} on {} ranks",
                self.variable.name,
                from.describe(),
                from.ranks(),
                to.describe(),
                to.ranks()
            )));
        }
        let mut parts: Vec<Vec<T>> = vec![Vec::new(); comm.size()];
        for (rank, piece) in to.overlaps(&self.block) {
            parts[rank].reserve_exact(piece.len());
            memory::use_huge_pages(&parts[rank]);
            self.block.extract(&self.data, &piece, &mut parts[rank]);
        }
        let received = comm.all_to_all_v(parts);
        for (rank, piece) in from.overlaps(&target.block) {
            target.block.insert(&mut target.data, &piece, &received[rank]);
        }
        Ok(())
    }
}
