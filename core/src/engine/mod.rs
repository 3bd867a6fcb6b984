//! The engine: runs a [`Fold`] or a [`Map`] over tiles on all ranks and threads.
//!
//! The science is written once, for local arrays; what the engine adds is dealing tiles to
//! ranks, threads, errors that all ranks agree on, and the ordered merge that makes a result's
//! bits independent of all of these. A fold's partial states merge along one binary tree over
//! the leaf numbers of a column: node `(level, index)` covers the leaves
//! `index << level .. (index + 1) << level`, its left child merges with its right child, and a
//! child without a sibling passes up as it is. Who computed a node never matters.

mod arrival;
mod branch;
mod cadence;
pub mod checkpoint;
mod fold;
pub mod insitu;
mod keeper;
#[cfg(test)]
mod kept_tests;
mod map;
mod persist;
mod piece;
mod run;
mod series;
mod shared;
mod source;
mod state;
mod stream;
mod traffic;
#[cfg(test)]
mod traffic_tests;
mod tree;

pub use branch::{Branch, FoldBranch};
pub use cadence::{Cadence, CadenceEvent};
pub use fold::{Fold, Parallelism};
pub use keeper::{Keeper, KeptPass};
pub use map::Map;
pub use piece::{Numbers, Piece, Pieces};
pub use run::FoldRun;
pub use series::{
    decode_notes, encode_notes, states_at_once, take_notes, FieldSeries, Series, SeriesNeeds, SeriesPlan,
    SeriesResults, SeriesWork,
};
pub use shared::SharedRun;
pub use source::{FieldSource, TileSource};
pub use state::{StateHeader, StateNode, STATE_FORMAT};
pub use stream::{
    Demand, MapPlan, NumbersMut, Sharing, StreamMap, StreamPlan, StreamSource, WholeNeeds, WholePlan,
};
pub use traffic::{encoded_floats, encoded_number, Merging};

use crate::buffers::Buffers;
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::progress::Progress;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::rc::Rc;
use std::sync::Arc;

/// Runs folds and maps on the ranks of a communicator and the threads of each.
#[derive(Debug)]
pub struct Engine {
    comm: Comm,
    buffers: Buffers,
    progress: Arc<Progress>,
    keeper: Option<Rc<Keeper>>,
}

impl Engine {
    /// An engine on these ranks. Its threads are those of the rayon pool of the caller.
    pub fn new(comm: &Comm) -> Self {
        Self::with_progress(comm, &Arc::default())
    }
    /// An engine that counts in `progress` what this rank does.
    pub fn with_progress(comm: &Comm, progress: &Arc<Progress>) -> Self {
        Self { comm: comm.clone(), buffers: Buffers::new(), progress: Arc::clone(progress), keeper: None }
    }
    /// With passes over whole series saved, and taken up again, by `keeper`.
    #[must_use]
    pub fn keeping(self, keeper: Option<Rc<Keeper>>) -> Self {
        Self { keeper, ..self }
    }
    /// The next pass over whole series, of these sources, if such are saved.
    ///
    /// # Collective
    /// Every rank calls this.
    fn next_pass(&self, sources: &[&dyn StreamSource]) -> Result<Option<KeptPass<'_>>> {
        let names: Vec<&str> = sources.iter().map(|source| source.variable().name.as_str()).collect();
        self.keeper.as_deref().map(|keeper| keeper.next(&self.comm, &names.join(", "))).transpose()
    }
    /// Number of ranks, for dealing tiles.
    pub fn ranks(&self) -> usize {
        self.comm.size()
    }
    /// The communicator, for those who move fields; algorithms need it for nothing else.
    pub fn comm(&self) -> &Comm {
        &self.comm
    }

    /// Runs `fold` over all tiles of `source` and gives the finished states of the columns that
    /// this rank holds, with their column numbers.
    ///
    /// # Collective
    /// Every rank calls this with the same fold and tiling.
    ///
    /// # Errors
    /// What loading or the fold reports, agreed by all ranks.
    pub fn fold<F: Fold>(&self, source: &dyn TileSource, fold: &F) -> Result<Vec<(usize, F::State)>> {
        let mut run = FoldRun::new(self, source, fold);
        while run.advance(usize::MAX)? {}
        run.finish()
    }

    /// Runs a fold with a single column and gives its state to the rank that holds it, which is
    /// the owner of the first tile; `None` elsewhere, and everywhere if there is no tile.
    ///
    /// # Collective
    /// As [`Self::fold`].
    ///
    /// # Errors
    /// As [`Self::fold`].
    pub fn fold_single<F: Fold>(&self, source: &dyn TileSource, fold: &F) -> Result<Option<F::State>> {
        Ok(self.fold(source, fold)?.pop().map(|(_, state)| state))
    }

    /// Gives every rank the values of all ranks, in the order of ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// When a value can't be encoded.
    pub fn gather<T: Serialize + DeserializeOwned>(&self, own: &T) -> Result<Vec<T>> {
        let bytes =
            postcard::to_stdvec(own).map_err(|e| Error::internal(format!("can't encode a value: {e}")));
        self.comm
            .all_gather_v(&self.comm.agree(bytes)?)
            .iter()
            .map(|bytes| {
                postcard::from_bytes(bytes)
                    .map_err(|e| Error::communication(format!("a value of another rank can't be read: {e}")))
            })
            .collect()
    }

    /// Gives rank 0 the values of all ranks, in the order of ranks; `None` elsewhere. For what
    /// is too large to be everywhere: a rank that is alone encodes nothing.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// When a value can't be encoded.
    pub fn gather_to_root<T: Serialize + DeserializeOwned>(&self, own: T) -> Result<Option<Vec<T>>> {
        if self.comm.size() == 1 {
            return Ok(Some(vec![own]));
        }
        let bytes =
            postcard::to_stdvec(&own).map_err(|e| Error::internal(format!("can't encode a value: {e}")));
        let mut parts = vec![Vec::new(); self.comm.size()];
        parts[0] = self.comm.agree(bytes)?;
        drop(own);
        let received = self.comm.all_to_all_v(parts);
        if !self.comm.is_root() {
            return Ok(None);
        }
        let decoded = received.iter().map(|bytes| {
            postcard::from_bytes(bytes)
                .map_err(|e| Error::communication(format!("a value of another rank can't be read: {e}")))
        });
        decoded.collect::<Result<_>>().map(Some)
    }

    /// Brings a state that one rank holds to rank 0.
    ///
    /// # Collective
    /// Every rank calls this; exactly one with a state.
    ///
    /// # Errors
    /// When it can't be encoded, or there is none.
    pub fn to_root<S: Serialize + DeserializeOwned>(&self, state: Option<S>) -> Result<Option<S>> {
        let mut elsewhere = [u64::from(state.is_some() && !self.comm.is_root())];
        self.comm.all_reduce(&mut elsewhere, crate::comm::Reduce::Max);
        if elsewhere == [0] {
            return Ok(state);
        }
        let all = self.gather_to_root(state)?;
        Ok(all.and_then(|all| all.into_iter().flatten().next()))
    }

    /// Does `work` on the rank that holds `state` and gives every rank the result.
    ///
    /// # Collective
    /// Every rank calls this; exactly one with a state.
    ///
    /// # Errors
    /// What `work` reports, on every rank; also when no rank holds a state.
    pub fn finish_single<S, R>(&self, state: Option<S>, work: impl FnOnce(S) -> Result<R>) -> Result<R>
    where
        R: Serialize + DeserializeOwned,
    {
        let mut holder = [if state.is_some() { self.comm.rank() as u64 } else { u64::MAX }];
        self.comm.all_reduce(&mut holder, crate::comm::Reduce::Min);
        let [holder] = holder;
        let result = self.comm.agree(if holder == u64::MAX {
            Err(Error::internal("a fold ended without a state"))
        } else {
            state.map(work).transpose()
        })?;
        self.comm.broadcast_value(result, holder as usize)
    }
}
