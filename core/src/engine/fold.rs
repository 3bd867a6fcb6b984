//! What a fold is.

use super::piece::{Piece, Pieces};
use crate::error::Result;
use crate::meta::Role;
use crate::tiling::Tile;
use serde::de::DeserializeOwned;
use serde::Serialize;

/// Where a fold uses threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallelism {
    /// Many tiles at once, one thread each: for small states.
    Tiles,
    /// One tile at a time; `absorb` itself uses the rayon pool: for large states.
    Inside,
}

/// A reduction over tiles whose partial states merge.
///
/// The sum of absorbing tile after tile and merging must be the mathematics of the whole; the
/// engine decides who does what, and always merges in the same order.
pub trait Fold: Sync {
    /// What is kept of the tiles seen so far. Serialisable, so that it can travel between ranks
    /// and be saved.
    type State: Serialize + DeserializeOwned + Send;

    /// Name under which states are saved.
    const NAME: &'static str;
    /// Version of the state's meaning; a saved state of another version is refused.
    const VERSION: u32;

    /// The dimensions that are reduced; tiles along the others are columns that never meet.
    fn reduces(&self) -> &[Role];
    /// Where threads are used.
    fn parallelism(&self) -> Parallelism {
        Parallelism::Tiles
    }
    /// Which pieces of a tile [`Self::absorb`] takes. A fold over data larger than memory
    /// ([`FoldRun::stream`](super::FoldRun::stream)) takes steps.
    fn pieces(&self) -> Pieces {
        Pieces::Whole
    }
    /// How many steps a piece should have, where memory allows: what is kept of a cell is then
    /// touched once for so many values. A result never depends on it.
    fn steps_at_once(&self) -> usize {
        8
    }
    /// About how many bytes the state of a tile takes; 0 if it hardly matters.
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let _ = tile;
        0
    }
    /// The binary logarithm of the number of neighbouring leaves that one state goes through before it is
    /// merged: above 0 where so much is kept of a cell that merging leaf by leaf would cost more than
    /// absorbing. Of folds over time alone; bits depend on it, so it must follow from the job.
    fn levels_kept(&self) -> u32 {
        0
    }
    /// The state before any tile of `column` is seen.
    fn start(&self, column: usize) -> Self::State;
    /// Takes in a piece of one tile, missing values as NaN. A state is that of a single tile, or of
    /// neighbouring ones in their order ([`Self::levels_kept`]), until it is merged.
    ///
    /// # Errors
    /// When the data forbid the analysis.
    fn absorb(&self, state: &mut Self::State, piece: &Piece<'_>) -> Result<()>;
    /// Merges the states of two neighbouring ranges of tiles, `left` before `right`.
    ///
    /// # Errors
    /// When the states don't fit each other.
    fn merge(&self, left: Self::State, right: Self::State) -> Result<Self::State>;
}

/// Whoever only lends a fold has one too.
impl<F: Fold> Fold for &F {
    type State = F::State;
    const NAME: &'static str = F::NAME;
    const VERSION: u32 = F::VERSION;

    fn reduces(&self) -> &[Role] {
        (**self).reduces()
    }
    fn parallelism(&self) -> Parallelism {
        (**self).parallelism()
    }
    fn pieces(&self) -> Pieces {
        (**self).pieces()
    }
    fn steps_at_once(&self) -> usize {
        (**self).steps_at_once()
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        (**self).state_bytes(tile)
    }
    fn levels_kept(&self) -> u32 {
        (**self).levels_kept()
    }
    fn start(&self, column: usize) -> Self::State {
        (**self).start(column)
    }
    fn absorb(&self, state: &mut Self::State, piece: &Piece<'_>) -> Result<()> {
        (**self).absorb(state, piece)
    }
    fn merge(&self, left: Self::State, right: Self::State) -> Result<Self::State> {
        (**self).merge(left, right)
    }
}
