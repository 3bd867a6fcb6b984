//! A fold under way, in a shape in which folds of any types can share one read.
//!
//! A [`FoldBranch`] owns what one fold has found so far: finished nodes of its merge tree, and the
//! states of the tiles in hand. The engine sees it as [`Work`], which does not know the type of
//! the states; nothing goes through a pointer but whole pieces of tiles.

use super::arrival;
use super::fold::{Fold, Parallelism};
use super::piece::{Piece, Pieces};
use super::state::StateNode;
use super::tree::{nodes_at, root_level, MergeTree, Place};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::meta::Role;
use crate::tiling::{Tile, Tiling};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::collections::BTreeMap;

/// The rank that reduces a tile, by the tile's number: the same answer on every rank.
pub(super) type Owner<'a> = dyn Fn(usize) -> usize + 'a;

/// The state of one tile in hand.
pub(super) trait Absorb: Send {
    fn absorb(&mut self, piece: &Piece<'_>) -> Result<()>;
}

/// What the engine does with a branch.
pub(super) trait Work {
    fn name(&self) -> &'static str;
    fn version(&self) -> u32;
    fn reduces(&self) -> &[Role];
    fn parallelism(&self) -> Parallelism;
    fn pieces(&self) -> Pieces;
    fn steps_at_once(&self) -> usize;
    fn state_bytes(&self, tile: &Tile) -> u64;
    fn levels_kept(&self) -> u32;
    /// Forgets all that was found.
    fn begin(&mut self, tiling: &Tiling);
    /// Starts the states of these tiles, or goes on with those of the leaves before; gives them in the
    /// same order.
    fn open(&mut self, tiling: &Tiling, tiles: &[Tile]) -> Vec<Box<dyn Absorb + '_>>;
    /// Merges the states in hand, whose tiles are done.
    fn close(&mut self) -> Result<()>;
    /// The finished nodes, encoded one by one.
    fn nodes(&self) -> Box<dyn Iterator<Item = Result<StateNode>> + '_>;
    /// Adds a node that was saved.
    fn restore(&mut self, node: &StateNode) -> Result<()>;
    /// Merges what the ranks hold, level by level, as far up as tiles are done: all of those
    /// before the last that is.
    ///
    /// # Collective
    /// Every rank calls this.
    fn settle(&mut self, comm: &Comm, tiling: &Tiling, owner: &Owner<'_>) -> Result<()>;
    /// [`Self::settle`], after which the roots of columns are what was found.
    ///
    /// # Collective
    /// Every rank calls this.
    fn finish(&mut self, comm: &Comm, tiling: &Tiling, owner: &Owner<'_>) -> Result<()>;
}

/// One of several folds that share a read, of whatever type: made by [`FoldBranch::branch`].
pub struct Branch<'a> {
    pub(super) work: &'a mut dyn Work,
}

impl std::fmt::Debug for Branch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Branch").field(&self.work.name()).finish()
    }
}

impl Branch<'_> {
    /// [`Fold::NAME`] of its fold.
    pub fn name(&self) -> &'static str {
        self.work.name()
    }
    /// The same branch, for a shorter while.
    pub fn reborrow(&mut self) -> Branch<'_> {
        Branch { work: &mut *self.work }
    }
}

/// A fold (or a reference to one) with the states that it has found so far.
pub struct FoldBranch<F: Fold> {
    pub(super) fold: F,
    pub(super) tree: MergeTree<F::State>,
    /// States of the tiles in hand.
    open: Vec<(Place, F::State)>,
    /// States of columns that go on through further leaves ([`Fold::levels_kept`]).
    kept: BTreeMap<usize, F::State>,
    /// States of the columns that ended up here.
    roots: Vec<(usize, F::State)>,
    /// Of a branch that merges in no order, the states of columns.
    running: Option<BTreeMap<usize, F::State>>,
}

impl<F: Fold> std::fmt::Debug for FoldBranch<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoldBranch").field("fold", &F::NAME).finish_non_exhaustive()
    }
}

impl<F: Fold> FoldBranch<F> {
    /// A branch that has seen nothing yet.
    pub fn new(fold: F) -> Self {
        Self {
            fold,
            tree: MergeTree::new(0),
            open: Vec::new(),
            kept: BTreeMap::new(),
            roots: Vec::new(),
            running: None,
        }
    }
    /// A branch whose tiles go to one state of their column as they come, and whose ranks then send
    /// theirs to one of them: what others do, whose bits depend on ranks. Only to measure what the
    /// order costs; nothing of it can be saved.
    #[doc(hidden)]
    pub fn as_they_come(fold: F) -> Self {
        Self { running: Some(BTreeMap::new()), ..Self::new(fold) }
    }
    /// The fold.
    pub const fn fold(&self) -> &F {
        &self.fold
    }
    /// To share a read with others ([`SharedRun`](super::SharedRun)).
    pub fn branch(&mut self) -> Branch<'_> {
        Branch { work: self }
    }
    /// Takes the finished states of the columns that ended up on this rank, with their column
    /// numbers; none before the run was [finished](super::SharedRun::finish).
    pub fn take(&mut self) -> Vec<(usize, F::State)> {
        std::mem::take(&mut self.roots)
    }
}

/// The state of a tile beside its fold.
struct Open<'a, F: Fold> {
    fold: &'a F,
    state: &'a mut F::State,
}

impl<F: Fold> Absorb for Open<'_, F> {
    fn absorb(&mut self, piece: &Piece<'_>) -> Result<()> {
        self.fold.absorb(self.state, piece)
    }
}

impl<F: Fold> Work for FoldBranch<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }
    fn version(&self) -> u32 {
        F::VERSION
    }
    fn reduces(&self) -> &[Role] {
        self.fold.reduces()
    }
    fn parallelism(&self) -> Parallelism {
        self.fold.parallelism()
    }
    fn pieces(&self) -> Pieces {
        self.fold.pieces()
    }
    fn steps_at_once(&self) -> usize {
        self.fold.steps_at_once()
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        self.fold.state_bytes(tile)
    }
    fn levels_kept(&self) -> u32 {
        self.fold.levels_kept()
    }

    fn begin(&mut self, tiling: &Tiling) {
        self.tree = MergeTree::new(tiling.leaves(self.fold.reduces()));
        self.open.clear();
        self.kept.clear();
        self.roots.clear();
    }

    fn open(&mut self, tiling: &Tiling, tiles: &[Tile]) -> Vec<Box<dyn Absorb + '_>> {
        let fold = &self.fold;
        self.open.clear();
        let together = 1 << fold.levels_kept();
        self.open.extend(tiles.iter().map(|tile| {
            let (column, leaf) = tiling.place(tile.id, fold.reduces());
            let begun = match &mut self.running {
                Some(running) => running.remove(&column),
                None => self.kept.remove(&column).filter(|_| leaf % together != 0),
            };
            ((column, 0, leaf), begun.unwrap_or_else(|| fold.start(column)))
        }));
        self.open
            .iter_mut()
            .map(|(_, state)| Box::new(Open { fold, state }) as Box<dyn Absorb + '_>)
            .collect()
    }

    fn close(&mut self) -> Result<()> {
        let fold = &self.fold;
        if let Some(running) = &mut self.running {
            return arrival::keep(fold, running, self.open.drain(..).map(|((column, ..), s)| (column, s)));
        }
        let levels = fold.levels_kept().min(self.tree.root());
        let is_last = |leaf: usize| (leaf + 1) % (1 << levels) == 0 || leaf + 1 == self.tree.leaves();
        let mut done = Vec::new();
        for ((column, _, leaf), state) in self.open.drain(..) {
            if is_last(leaf) {
                done.push(((column, levels, leaf >> levels), state));
            } else {
                self.kept.insert(column, state);
            }
        }
        self.tree.insert_all(done, &|a, b| fold.merge(a, b))
    }

    fn nodes(&self) -> Box<dyn Iterator<Item = Result<StateNode>> + '_> {
        Box::new(self.tree.nodes().map(|(&(column, level, index), state)| {
            Ok(StateNode { column, level, index, state: encode(state)? })
        }))
    }

    fn restore(&mut self, node: &StateNode) -> Result<()> {
        let state = decode(&node.state)?;
        let place = (node.column, node.level, node.index);
        self.tree.insert(place, state, &|a, b| self.fold.merge(a, b))
    }

    fn finish(&mut self, comm: &Comm, tiling: &Tiling, owner: &Owner<'_>) -> Result<()> {
        if let Some(running) = self.running.take() {
            let reduces = self.fold.reduces();
            let to = |column: usize| owner(tiling.at_place(column, 0, reduces));
            self.roots = arrival::gather(comm, &self.fold, running, to)?;
            return Ok(());
        }
        self.settle(comm, tiling, owner)?;
        let leaves = tiling.leaves(self.fold.reduces());
        self.roots = std::mem::replace(&mut self.tree, MergeTree::new(leaves)).into_roots();
        Ok(())
    }

    fn settle(&mut self, comm: &Comm, tiling: &Tiling, owner: &Owner<'_>) -> Result<()> {
        let (fold, reduces) = (&self.fold, self.fold.reduces());
        let leaves = tiling.leaves(reduces);
        // The rank that holds a node: the owner of its first leaf.
        let holder =
            |&(column, level, index): &Place| owner(tiling.at_place(column, index << level, reduces));
        for level in 0..root_level(leaves.max(1)) {
            // A right child whose left sibling lives elsewhere goes there.
            let columns = tiling.len() / leaves.max(1);
            let moves = (0..columns).any(|column| {
                (1..nodes_at(leaves, level))
                    .step_by(2)
                    .any(|index| holder(&(column, level, index)) != holder(&(column, level, index - 1)))
            });
            if !moves {
                continue;
            }
            let rank = comm.rank();
            let target = |&(column, level, index): &Place| holder(&(column, level, index - 1));
            let leaving: Vec<(usize, Place, F::State)> = self
                .tree
                .take(level, |p| p.2 % 2 == 1 && target(p) != rank)
                .into_iter()
                .map(|(p, s)| (target(&p), p, s))
                .collect();
            let mut outgoing: Vec<Vec<(Place, Vec<u8>)>> = vec![Vec::new(); comm.size()];
            let encoded = leaving.into_iter().try_for_each(|(to, place, state)| {
                outgoing[to].push((place, encode(&state)?));
                Ok(())
            });
            comm.agree(encoded)?;
            let parts: Result<Vec<Vec<u8>>> = outgoing
                .iter()
                .map(|list| if list.is_empty() { Ok(Vec::new()) } else { encode(list) })
                .collect();
            let received = comm.all_to_all_v(comm.agree(parts)?);
            let mut merged = Ok(());
            'ranks: for bytes in received.iter().filter(|b| !b.is_empty()) {
                match decode::<Vec<(Place, Vec<u8>)>>(bytes) {
                    Err(e) => merged = Err(e),
                    Ok(list) => {
                        for (place, state) in list {
                            let done = decode(&state)
                                .and_then(|s| self.tree.insert(place, s, &|a, b| fold.merge(a, b)));
                            if let Err(e) = done {
                                merged = Err(e);
                                break 'ranks;
                            }
                        }
                    }
                }
            }
            comm.agree(merged)?;
        }
        Ok(())
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|e| Error::internal(format!("can't encode a state: {e}")))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|e| Error::data(format!("a saved or received state is damaged: {e}")))
}
