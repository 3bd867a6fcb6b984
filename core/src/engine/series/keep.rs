//! The values of a plan's only batch, kept from one pass to the next.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By rank, since ranks that are threads may share a plan.
type ByRank = BTreeMap<usize, Box<dyn Any + Send>>;

/// Values of each rank and source, between passes.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptBatch(Arc<Mutex<ByRank>>);

impl KeptBatch {
    /// Takes what a pass of this rank has left.
    pub(super) fn take<T: 'static>(&self, rank: usize) -> Option<Vec<Vec<T>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&rank)?;
        kept.downcast().ok().map(|values| *values)
    }
    /// Leaves values for the next pass.
    pub(super) fn give<T: Send + 'static>(&self, rank: usize, values: Vec<Vec<T>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(rank, Box::new(values));
    }
}
