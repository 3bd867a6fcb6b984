//! Folds and how they run.

use super::checkpoint::{self, Saved};
use super::piece::{Piece, Pieces};
use super::source::TileSource;
use super::state::{StateHeader, StateNode};
use super::stream::{StreamPlan, StreamSource, StreamWork};
use super::tree::{nodes_at, root_level, MergeTree, Place};
use super::Engine;
use crate::buffers::Buffers;
use crate::error::{Error, Result};
use crate::meta::Role;
use crate::tiling::{Tile, Tiling};
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::path::Path;

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
    /// ([`FoldRun::stream`]) takes steps.
    fn pieces(&self) -> Pieces {
        Pieces::Whole
    }
    /// About how many bytes the state of a tile takes; 0 if it hardly matters.
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let _ = tile;
        0
    }
    /// The state before any tile of `column` is seen.
    fn start(&self, column: usize) -> Self::State;
    /// Takes in a piece of one tile, missing values as NaN. A state is that of a single tile
    /// until it is merged.
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

/// A fold under way: tiles done so far are nodes of the merge tree, which can be saved, and
/// taken up again on another number of ranks.
pub struct FoldRun<'a, F: Fold> {
    engine: &'a Engine,
    fold: &'a F,
    tiling: &'a Tiling,
    tree: MergeTree<F::State>,
    work: Work<'a>,
}

/// What a rank still has to do.
enum Work<'a> {
    /// Tiles at hand, in (column, leaf) order, the next one last.
    Tiles { source: &'a dyn TileSource, todo: Vec<(Place, usize)> },
    /// Windows that stream through.
    Stream { plan: &'a StreamPlan, work: StreamWork<'a> },
}

impl Work<'_> {
    fn left(&self) -> usize {
        match self {
            Self::Tiles { todo, .. } => todo.len(),
            Self::Stream { work, .. } => work.left(),
        }
    }
    /// The rank that reduces tile `id`: the same answer on every rank.
    fn owner(&self, id: usize, tiling: &Tiling) -> usize {
        match self {
            Self::Tiles { source, .. } => source.owner(id),
            Self::Stream { plan, .. } => plan.deal().owner(&tiling.tile(id).block.start()).unwrap_or(0),
        }
    }
}

impl<F: Fold> std::fmt::Debug for FoldRun<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoldRun")
            .field("fold", &F::NAME)
            .field("left", &self.work.left())
            .finish_non_exhaustive()
    }
}

impl<'a, F: Fold> FoldRun<'a, F> {
    /// A run from the beginning over tiles at hand.
    pub fn new(engine: &'a Engine, source: &'a dyn TileSource, fold: &'a F) -> Self {
        let (tiling, rank) = (source.tiling(), engine.comm.rank());
        let mut todo: Vec<(Place, usize)> = (0..tiling.len())
            .filter(|&id| source.owner(id) == rank)
            .map(|id| {
                let (column, leaf) = tiling.place(id, fold.reduces());
                ((column, 0, leaf), id)
            })
            .collect();
        todo.sort_unstable_by(|a, b| b.cmp(a));
        engine.progress.tiles_total.add(todo.len() as u64);
        let tree = MergeTree::new(tiling.leaves(fold.reduces()));
        Self { engine, fold, tiling, tree, work: Work::Tiles { source, todo } }
    }

    /// A run from the beginning over data that stream through memory as planned. The fold must
    /// take [`Pieces::Steps`].
    ///
    /// # Errors
    /// Internal, if the fold takes whole tiles.
    pub fn stream(
        engine: &'a Engine,
        source: &'a dyn StreamSource,
        plan: &'a StreamPlan,
        fold: &'a F,
    ) -> Result<Self> {
        Self::stream_together(engine, &[source], plan, fold)
    }

    /// [`Self::stream`] over several sources of one shape in lockstep, those that the plan was
    /// made for ([`StreamPlan::together`]): pieces hold the values of all
    /// ([`Piece::with`]).
    ///
    /// # Errors
    /// Internal, if the fold takes whole tiles, or the sources are not as planned.
    pub fn stream_together(
        engine: &'a Engine,
        sources: &[&'a dyn StreamSource],
        plan: &'a StreamPlan,
        fold: &'a F,
    ) -> Result<Self> {
        plan.check(sources)?;
        if fold.pieces() != Pieces::Steps {
            return Err(Error::internal(format!("`{}` takes whole tiles and can't stream", F::NAME)));
        }
        let work = StreamWork::new(sources, plan, engine.comm.rank());
        engine.progress.tiles_total.add(work.tiles_left(engine.comm.rank()) as u64);
        let tiling = plan.tiling();
        let tree = MergeTree::new(tiling.leaves(fold.reduces()));
        Ok(Self { engine, fold, tiling, tree, work: Work::Stream { plan, work } })
    }

    /// Saves the finished nodes of all ranks to one file.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`checkpoint::save`].
    pub fn save(&self, path: &Path, job: &str) -> Result<Saved> {
        let node = |(&(column, level, index), state): (&Place, &F::State)| {
            Ok(StateNode { column, level, index, state: encode(state)? })
        };
        checkpoint::save(&self.engine.comm, path, &self.header(job), &mut self.tree.nodes().map(node))
    }

    /// Goes on from the nodes in a file that [`Self::save`] wrote, on any number of ranks.
    ///
    /// # Collective
    /// Every rank calls this, before any work is done.
    ///
    /// # Errors
    /// As [`checkpoint::load`].
    pub fn load(&mut self, path: &Path, job: &str) -> Result<()> {
        let header = self.header(job);
        let (fold, work, tiling) = (self.fold, &self.work, self.tiling);
        let holder = |&(column, level, index): &Place| {
            work.owner(tiling.at_place(column, index << level, fold.reduces()), tiling)
        };
        let leaves = tiling.leaves(fold.reduces());
        let mut tree = MergeTree::new(leaves);
        let mut covered = MergeTree::new(leaves);
        let mut odd = Ok(());
        checkpoint::load(
            &self.engine.comm,
            path,
            &header,
            &holder,
            &mut |node| {
                let state = decode(&node.state)?;
                tree.insert((node.column, node.level, node.index), state, &|a, b| fold.merge(a, b))
            },
            &mut |place| {
                let inserted = covered.insert(place, (), &|(), ()| Ok(()));
                odd = std::mem::replace(&mut odd, Ok(())).and(inserted);
            },
        )?;
        odd?;
        self.tree = tree;
        self.leave_out(&covered);
        Ok(())
    }

    /// Leaves out the tiles that nodes cover.
    fn leave_out(&mut self, covered: &MergeTree<()>) {
        let (tiling, fold) = (self.tiling, self.fold);
        match &mut self.work {
            Work::Tiles { todo, .. } => {
                let before = todo.len();
                todo.retain(|((column, _, leaf), _)| !covered.covers(*column, *leaf));
                self.engine.progress.resumed(before - todo.len());
            }
            Work::Stream { work, .. } => {
                let rank = self.engine.comm.rank();
                let before = work.tiles_left(rank);
                work.leave_out(|id| {
                    let (column, leaf) = tiling.place(id, fold.reduces());
                    covered.covers(column, leaf)
                });
                self.engine.progress.resumed(before - work.tiles_left(rank));
            }
        }
    }

    /// The rank that holds a node: the owner of its first leaf.
    fn holder(&self, (column, level, index): Place) -> usize {
        let id = self.tiling.at_place(column, index << level, self.fold.reduces());
        self.work.owner(id, self.tiling)
    }

    fn header(&self, job: &str) -> StateHeader {
        StateHeader {
            fold: F::NAME.to_owned(),
            version: F::VERSION,
            job: job.to_owned(),
            tiling: self.tiling.clone(),
        }
    }

    /// Does up to `pieces` more of this rank's work (tiles at hand, or units of tiles that stream
    /// through together); says whether any rank has work left.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What loading or absorbing reports, agreed by all ranks.
    pub fn advance(&mut self, pieces: usize) -> Result<bool> {
        let mut asked = 0;
        self.advance_while(&mut || {
            let more = asked < pieces;
            asked = asked.saturating_add(1);
            more
        })
    }

    /// Does more of this rank's work as long as `go`, which is asked before every piece of it,
    /// says so; says whether any rank has work left.
    ///
    /// # Collective
    /// Every rank calls this; `go` may answer differently on each.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn advance_while(&mut self, go: &mut dyn FnMut() -> bool) -> Result<bool> {
        let done = self.advance_own(go);
        self.engine.comm.agree(done)?;
        let mut left = [self.work.left() as u64];
        self.engine.comm.all_reduce(&mut left, crate::comm::Reduce::Max);
        Ok(left[0] > 0)
    }

    fn advance_own(&mut self, go: &mut dyn FnMut() -> bool) -> Result<()> {
        let (fold, tree, engine) = (self.fold, &mut self.tree, self.engine);
        let (source, todo) = match &mut self.work {
            Work::Stream { work, .. } => return work.advance(&engine.comm, fold, &engine.progress, tree, go),
            Work::Tiles { source, todo } => (*source, todo),
        };
        let batch = match fold.parallelism() {
            Parallelism::Inside => 1,
            Parallelism::Tiles => 2 * rayon::current_num_threads(),
        };
        loop {
            let mut now = 0;
            while now < batch.min(todo.len()) && go() {
                now += 1;
            }
            if now == 0 {
                return Ok(());
            }
            let jobs = todo.split_off(todo.len() - now);
            // Only these go to other threads: the communicator stays on this one.
            let buffers = &engine.buffers;
            // `rev`: the list is kept with the next tile last.
            let states: Vec<(Place, Result<F::State>)> = if now == 1 {
                jobs.iter().map(|&(place, id)| (place, leaf(source, fold, buffers, place, id))).collect()
            } else {
                jobs.par_iter()
                    .rev()
                    .map(|&(place, id)| (place, leaf(source, fold, buffers, place, id)))
                    .collect()
            };
            for (place, state) in states {
                tree.insert(place, state?, &|a, b| fold.merge(a, b))?;
                engine.progress.tiles_done.add(1);
            }
        }
    }

    /// Merges what the ranks hold, level by level, and gives the states of the columns that end
    /// up here.
    ///
    /// # Collective
    /// Every rank calls this, after [`Self::advance`] said that no tile is left.
    ///
    /// # Errors
    /// What merging reports, agreed by all ranks.
    pub fn finish(mut self) -> Result<Vec<(usize, F::State)>> {
        let comm = &self.engine.comm;
        let leaves = self.tiling.leaves(self.fold.reduces());
        let fold = self.fold;
        for level in 0..root_level(leaves.max(1)) {
            // A right child whose left sibling lives elsewhere goes there.
            let columns = self.tiling.len() / leaves.max(1);
            let holder = |place: &Place| self.holder(*place);
            let moves = (0..columns).any(|column| {
                (1..nodes_at(leaves, level))
                    .step_by(2)
                    .any(|index| holder(&(column, level, index)) != holder(&(column, level, index - 1)))
            });
            if !moves {
                continue;
            }
            let rank = comm.rank();
            let leaving: Vec<(usize, Place, F::State)> = {
                let (work, tiling, reduces) = (&self.work, self.tiling, self.fold.reduces());
                let target = |&(column, level, index): &Place| {
                    work.owner(tiling.at_place(column, (index - 1) << level, reduces), tiling)
                };
                self.tree
                    .take(level, |p| p.2 % 2 == 1 && target(p) != rank)
                    .into_iter()
                    .map(|(p, s)| (target(&p), p, s))
                    .collect()
            };
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
        Ok(self.tree.into_roots())
    }
}

/// The state of one leaf.
fn leaf<F: Fold>(
    source: &dyn TileSource,
    fold: &F,
    buffers: &Buffers,
    place: Place,
    id: usize,
) -> Result<F::State> {
    let tile = source.tiling().tile(id);
    let mut values = buffers.take(tile.block.len());
    let mut state = fold.start(place.0);
    let result =
        source.load(&tile, &mut values).and_then(|()| fold.absorb(&mut state, &Piece::whole(&tile, &values)));
    buffers.give(values);
    result.map(|()| state)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|e| Error::internal(format!("can't encode a state: {e}")))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|e| Error::data(format!("a saved or received state is damaged: {e}")))
}
