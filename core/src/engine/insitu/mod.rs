//! Folds in a running program: it hands over its own blocks step by step, and nothing is written.
//!
//! The tiles are those of any other run in time (64 steps), so that sums are made in the same order
//! and results have the same bits as those of the same steps read from a file. Blocks seldom are
//! tiles: a few steps are kept, then travel together to the ranks that reduce the columns of tiles.
//! Folds that reduce time alone are served, since a column then never meets another.

mod route;
mod saved;
#[cfg(test)]
mod tests;
mod view;

pub use view::{c_strides, extent, Buffer, View};

use super::fold::Fold;
use super::piece::{Numbers, Piece, Pieces};
use super::tree::MergeTree;
use crate::blocks::Blocks;
use crate::comm::{Comm, Reduce};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Dim, Role};
use crate::tiling::{Tile, Tiling};
use rayon::prelude::*;
use route::Route;

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
    missing: Option<f64>,
    /// Times of all steps.
    times: Vec<f64>,
    /// Steps of them that have been absorbed.
    absorbed: usize,
    /// Steps that travel together.
    at_once: usize,
    /// For each field what was pushed since.
    waiting: Vec<Buffer>,
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
            .field("steps", &self.times.len())
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
            tiling,
            route,
            missing,
            times: Vec::new(),
            absorbed: 0,
            at_once: 8,
            waiting: Vec::with_capacity(fields),
            open: Vec::new(),
            tree: MergeTree::new(ENDLESS),
            failed: None,
        }
        .of_fields(fields))
    }

    fn of_fields(mut self, fields: usize) -> Self {
        // The first step tells in what precision they come.
        self.waiting = (0..fields).map(|_| Buffer::F64(Vec::new())).collect();
        self
    }

    /// Steps so far, those before a restart too.
    pub fn steps(&self) -> usize {
        self.times.len()
    }
    /// Times of all steps so far.
    pub fn times(&self) -> &[f64] {
        &self.times
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
        let taken = fields.and_then(|fields| self.keep(time, &fields));
        self.all_took(time, taken).inspect_err(|_| self.forget_step())?;
        self.times.push(time);
        if self.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Says the error of any rank on all, or that their times differ.
    fn all_took(&self, time: f64, taken: Result<()>) -> Result<()> {
        let bits = time.to_bits();
        let mut least = [u64::from(taken.is_ok()), bits, !bits];
        self.comm.all_reduce(&mut least, Reduce::Min);
        if least[0] == 0 {
            return self.comm.agree(taken);
        }
        if least[1] != !least[2] {
            return Err(Error::usage("the ranks push steps of different times"));
        }
        Ok(())
    }

    fn keep(&mut self, time: f64, fields: &[View<'_>]) -> Result<()> {
        if !time.is_finite() || self.times.last().is_some_and(|&last| time <= last) {
            return Err(Error::usage(format!("the time {time} does not come after the one before")));
        }
        if fields.len() != self.waiting.len() {
            return Err(Error::usage(format!(
                "{} fields are pushed of {}",
                fields.len(),
                self.waiting.len()
            )));
        }
        let shape = self.route.own.shape();
        if let Some(odd) = fields.iter().find(|view| view.shape() != shape) {
            return Err(Error::usage(format!(
                "a block of {:?} is pushed where this rank holds {shape:?}",
                odd.shape()
            )));
        }
        if shape.contains(&0) {
            return Ok(());
        }
        for (buffer, view) in self.waiting.iter_mut().zip(fields) {
            if self.times.len() == self.absorbed && buffer.len() == 0 {
                *buffer = match std::mem::replace(buffer, Buffer::F64(Vec::new())) {
                    Buffer::F32(v) if view.is_single() => Buffer::F32(v),
                    Buffer::F64(v) if !view.is_single() => Buffer::F64(v),
                    _ => Buffer::new(view.is_single()),
                };
            }
            view.append_to(buffer, self.missing)?;
        }
        Ok(())
    }

    /// As before a step that was refused.
    fn forget_step(&mut self) {
        let len = (self.times.len() - self.absorbed) * self.route.own.len();
        self.waiting.iter_mut().for_each(|buffer| buffer.truncate(len));
    }

    fn is_full(&self) -> bool {
        let steps = self.times.len();
        steps - self.absorbed >= self.at_once || steps % self.tile_steps() == 0
    }

    fn tile_steps(&self) -> usize {
        self.tiling.dims()[0].len
    }

    /// Brings what is kept to the columns and absorbs it.
    ///
    /// # Collective
    /// Every rank calls this.
    fn flush(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.absorbed == self.times.len() {
            return Ok(());
        }
        let flushed = self.travel();
        self.comm.agree(flushed).inspect_err(|e| self.failed = Some(e.clone()))
    }

    fn travel(&mut self) -> Result<()> {
        let steps = self.absorbed..self.times.len();
        self.agree_on_precision()?;
        let mut fields: Vec<Vec<Buffer>> = Vec::with_capacity(self.waiting.len());
        for buffer in &mut self.waiting {
            let mut columns = Vec::new();
            self.route.travel(&self.comm, steps.len(), buffer, &mut columns);
            buffer.clear();
            fields.push(columns);
        }
        let fold = (self.make)(&self.times)?;
        check_kind(&fold)?;
        let tile_steps = self.tile_steps();
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
        self.absorbed = steps.end;
        if steps.end % tile_steps == 0 {
            let done = std::mem::take(&mut self.open).into_iter().zip(columns);
            for (state, (column, _)) in done {
                self.tree.insert((*column, 0, leaf), state, &|a, b| fold.merge(a, b))?;
            }
        }
        self.at_once = fold.steps_at_once().clamp(1, 32);
        Ok(())
    }

    /// Who holds nothing was told no precision by its own blocks; all must send the same.
    ///
    /// # Collective
    /// Every rank calls this.
    fn agree_on_precision(&mut self) -> Result<()> {
        let held = !self.route.own.is_empty();
        let has = |single: bool| move |b: &Buffer| u64::from(held && matches!(b, Buffer::F32(_)) == single);
        let mut met: Vec<u64> =
            self.waiting.iter().map(has(true)).chain(self.waiting.iter().map(has(false))).collect();
        self.comm.all_reduce(&mut met, Reduce::Max);
        let (single, double) = met.split_at(self.waiting.len());
        if single.iter().zip(double).any(|(s, d)| s + d > 1) {
            return Err(Error::usage("a field has single precision on some ranks and double on others"));
        }
        for (buffer, single) in self.waiting.iter_mut().zip(single) {
            if !held {
                *buffer = Buffer::new(*single == 1);
            }
        }
        Ok(())
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
        if self.times.is_empty() {
            return Err(Error::usage("no step was pushed"));
        }
        let fold = (self.make)(&self.times)?;
        let leaves = self.times.len().div_ceil(self.tile_steps());
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
        let leaf = self.absorbed / self.tile_steps();
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
