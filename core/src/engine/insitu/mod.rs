//! Folds in a running program: it hands over its own blocks step by step, and nothing is written.
//!
//! The tiles are those of any other run in time (64 steps, or as many of these as one state goes through), so that sums are made in the same order
//! and results have the same bits as those of the same steps read from a file. Blocks seldom are
//! tiles: a few steps are kept, then travel together to the ranks that reduce the columns of tiles.
//! Folds that reduce time alone are served, since a column then never meets another.

mod pieces;
mod route;
mod saved;
mod steps;
#[cfg(test)]
mod tests;
mod view;

pub use saved::{decode, encode, Beside, BesideColumns};
pub use view::{c_strides, extent, Buffer, View};

use super::fold::Fold;
use super::piece::{Numbers, Piece, Pieces};
use super::tree::MergeTree;
use crate::blocks::Blocks;
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Dim, Role};
use crate::tiling::{Tile, Tiling};
use rayon::prelude::*;
use route::Route;
use steps::Steps;

/// Makes the fold for the times of the steps so far: what a step means to it may follow from its time.
pub type MakeFold<F> = Box<dyn Fn(&[f64]) -> Result<F>>;

/// A column that is finished: its cells in space and their state.
pub type Column<S> = (IndexBox, S);

/// More leaves than will ever be: a node without a sibling waits for one.
const ENDLESS: usize = 1 << 40;

/// A fold under way in a running program.
pub struct InSitu<F: Fold> {
    comm: Comm,
    make: MakeFold<F>,
    tiling: Tiling,
    route: Route,
    steps: Steps,
    /// Steps that travel together.
    at_once: usize,
    /// Steps of a tile.
    tile_steps: usize,
    /// States of the tile in hand, by the order of the columns here.
    open: Vec<F::State>,
    tree: MergeTree<F::State>,
    /// What made it stop; all ranks have the same.
    failed: Option<Error>,
}

impl<F: Fold> std::fmt::Debug for InSitu<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InSitu")
            .field("fold", &F::NAME)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

impl<F: Fold> InSitu<F> {
    /// Begins a fold over so many `fields` of a program whose ranks hold `blocks` of a domain with
    /// the dimensions `space` (without time). A value equal to `missing` is missing, as NaN is.
    ///
    /// # Collective
    /// Every rank calls this with the same arguments.
    ///
    /// # Errors
    /// Usage, if dimensions and blocks don't fit each other.
    pub fn begin(
        comm: &Comm,
        (space, blocks): (&[Dim], &Blocks),
        fields: usize,
        missing: Option<f64>,
        make: MakeFold<F>,
    ) -> Result<Self> {
        let shape: Vec<usize> = space.iter().map(|d| d.len).collect();
        let fits = shape == blocks.shape() && blocks.ranks() == comm.size() && fields > 0;
        comm.agree(if fits {
            Ok(())
        } else {
            Err(Error::usage("the blocks are not those of these dimensions and ranks"))
        })?;
        let tiling = Tiling::in_situ(space);
        let route = Route::new(comm, blocks, &tiling);
        Ok(Self {
            comm: comm.clone(),
            make,
            steps: Steps::new(comm, &route.own, fields, missing),
            at_once: 8,
            tile_steps: tiling.dims()[0].len,
            tiling,
            route,
            open: Vec::new(),
            tree: MergeTree::new(ENDLESS),
            failed: None,
        })
    }

    /// For folds whose state goes on from step to step and never merges, or whose order does not
    /// matter: one tile in time, however many steps there are.
    #[must_use]
    pub fn unending(self) -> Self {
        Self { tile_steps: ENDLESS, ..self }
    }

    /// For folds whose states go through 2 to the power `levels` leaves ([`Fold::levels_kept`]): tiles in
    /// time are as long.
    #[must_use]
    pub fn keeping(self, levels: u32) -> Self {
        Self { tile_steps: self.tile_steps << levels, ..self }
    }

    /// Steps so far, those before a restart too.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
    /// Times of all steps so far.
    pub fn times(&self) -> &[f64] {
        &self.steps.times
    }
    /// The cells of the columns that are reduced here, in the order of their states.
    pub fn columns(&self) -> impl Iterator<Item = &IndexBox> {
        self.route.columns.iter().map(|(_, cells)| cells)
    }

    /// Takes a step: this rank's block of each field. What was found wrong with it before may be
    /// given instead. After an error of this step alone (other times on other ranks, a block that
    /// does not fit) nothing has been taken in, and the next step is welcome.
    ///
    /// Costs a reduction of three numbers over ranks; every eighth step or so, what was kept travels.
    ///
    /// # Collective
    /// Every rank calls this at the same steps, those that hold nothing too.
    ///
    /// # Errors
    /// On every rank: usage, if times don't increase or differ between ranks, or a block is not of
    /// this rank's shape; what the fold reports, then and at all further steps.
    pub fn push(&mut self, time: f64, fields: Result<Vec<View<'_>>>) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.steps.take(time, fields)?;
        if self.steps.waiting() >= self.at_once || self.steps.len() % self.tile_steps == 0 {
            self.flush()?;
        }
        Ok(())
    }

    /// Says what [`Self::push`] would say of a step before it takes it, and takes nothing: for callers
    /// that have something to do first.
    ///
    /// # Collective
    /// Every rank calls this at the same steps.
    ///
    /// # Errors
    /// As [`Self::push`], but for what the fold reports.
    pub fn check(&self, time: f64, fields: &Result<Vec<View<'_>>>) -> Result<()> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.steps.check(time, fields),
        }
    }

    /// Brings what is kept to the columns and absorbs it.
    ///
    /// # Collective
    /// Every rank calls this.
    fn flush(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.steps.waiting() == 0 {
            return Ok(());
        }
        let flushed = self.travel();
        self.comm.agree(flushed).inspect_err(|e| self.failed = Some(e.clone()))
    }

    fn travel(&mut self) -> Result<()> {
        let steps = self.steps.done..self.steps.len();
        let mut fields: Vec<Vec<Buffer>> = Vec::new();
        for buffer in self.steps.of_one_precision()? {
            let mut columns = Vec::new();
            self.route.travel(&self.comm, steps.len(), buffer, &mut columns);
            buffer.clear();
            fields.push(columns);
        }
        let fold = (self.make)(&self.steps.times)?;
        check_kind(&fold)?;
        let tile_steps = self.tile_steps;
        if tile_steps != ENDLESS && tile_steps != self.tiling.dims()[0].len << fold.levels_kept() {
            let odd =
                format!("`{}` keeps states through other tiles in time than it was begun with", F::NAME);
            return Err(Error::internal(odd));
        }
        let leaf = steps.start / tile_steps;
        if self.open.is_empty() {
            self.open = self.route.columns.iter().map(|(column, _)| fold.start(*column)).collect();
        }
        let columns = &self.route.columns;
        let absorb = |(k, state): (usize, &mut F::State)| {
            let (id, cells) = (columns[k].0, &columns[k].1);
            let times = leaf * tile_steps..(leaf + 1) * tile_steps;
            let ranges = std::iter::once(times).chain(cells.ranges().iter().cloned()).collect();
            let tile = Tile { id, block: IndexBox::new(ranges) };
            let together: Vec<Numbers<'_>> = fields.iter().map(|columns| columns[k].numbers()).collect();
            fold.absorb(state, &Piece::steps_together(&tile, steps.clone(), &together, cells.len()))
        };
        let absorbed: Vec<Result<()>> = if rayon::current_num_threads() == 1 {
            self.open.iter_mut().enumerate().map(absorb).collect()
        } else {
            self.open.par_iter_mut().enumerate().map(absorb).collect()
        };
        absorbed.into_iter().collect::<Result<()>>()?;
        self.steps.done = steps.end;
        if steps.end % tile_steps == 0 {
            let done = std::mem::take(&mut self.open).into_iter().zip(columns);
            for (state, (column, _)) in done {
                self.tree.insert((*column, 0, leaf), state, &|a, b| fold.merge(a, b))?;
            }
        }
        self.at_once = fold.steps_at_once().clamp(1, 32);
        Ok(())
    }

    /// Takes the states that are in hand, of an unending fold: the next step begins new ones.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn take(&mut self) -> Result<Vec<Column<F::State>>> {
        self.flush()?;
        let states = std::mem::take(&mut self.open).into_iter();
        Ok(states.zip(&self.route.columns).map(|(state, (_, cells))| (cells.clone(), state)).collect())
    }

    /// What went wrong elsewhere with what was taken: it is said at all further steps.
    pub fn fail(&mut self, error: &Error) {
        self.failed.get_or_insert_with(|| error.clone());
    }

    /// Ends: what is kept is absorbed and merged as far as it goes. Gives the columns that end up on
    /// this rank with their states, and the fold for all steps.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Usage, if there was no step; what the fold reports.
    pub fn finish(mut self) -> Result<(F, Vec<Column<F::State>>)> {
        self.flush()?;
        if self.steps.len() == 0 {
            return Err(Error::usage("no step was pushed"));
        }
        let fold = self.comm.agree((self.make)(&self.steps.times))?;
        let leaves = self.steps.len().div_ceil(self.tile_steps);
        let mut tree = MergeTree::new(leaves);
        let merged = self
            .drain_nodes()
            .into_iter()
            .try_for_each(|(place, state)| tree.insert(place, state, &|a, b| fold.merge(a, b)));
        self.comm.agree(merged)?;
        let cells =
            |column: usize| self.route.columns.iter().find(|(id, _)| *id == column).map(|(_, c)| c.clone());
        let roots = tree.into_roots();
        Ok((fold, roots.into_iter().filter_map(|(column, state)| Some((cells(column)?, state))).collect()))
    }

    /// All finished nodes, and those in hand as leaves.
    fn drain_nodes(&mut self) -> Vec<(super::tree::Place, F::State)> {
        let leaf = self.steps.done / self.tile_steps;
        let mut nodes: Vec<_> =
            (0..ENDLESS.ilog2()).flat_map(|level| self.tree.take(level, |_| true)).collect();
        let open = std::mem::take(&mut self.open).into_iter().zip(&self.route.columns);
        nodes.extend(open.map(|(state, (column, _))| ((*column, 0, leaf), state)));
        nodes
    }
}

/// Refuses folds whose tiles in space meet, or that want tiles whole.
fn check_kind<F: Fold>(fold: &F) -> Result<()> {
    if fold.reduces() == [Role::Time] && fold.pieces() == Pieces::Steps {
        return Ok(());
    }
    Err(Error::usage(format!("`{}` does not reduce time alone, step by step", F::NAME))
        .remedy("analyse it from files"))
}
