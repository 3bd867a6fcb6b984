//! What goes into a restart and comes back, on any number of ranks.

use super::{check_kind, Fold, InSitu, MergeTree, ENDLESS};
use crate::engine::checkpoint::{self, Saved};
use crate::engine::state::{StateHeader, StateNode};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of one column.
#[derive(Serialize, Deserialize)]
struct SavedColumn<S> {
    /// Times of all steps, in the first column alone.
    times: Vec<f64>,
    /// Level, index and state of finished nodes.
    nodes: Vec<(u32, usize, S)>,
    /// Of the tile in hand.
    open: Option<S>,
}

impl<F: Fold> InSitu<F> {
    fn header(&self, job: &str) -> StateHeader {
        StateHeader {
            fold: format!("in situ {}", F::NAME),
            version: F::VERSION,
            job: job.to_owned(),
            tiling: self.tiling.clone(),
        }
    }

    /// Saves all that was found to one file, written under a temporary name and renamed; the run
    /// goes on as if nothing had happened. `job` is whatever must be the same to go on.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`checkpoint::save`].
    pub fn save(&mut self, path: &Path, job: &str) -> Result<Saved> {
        self.flush()?;
        let header = self.header(job);
        let first = self.route.columns.first().map(|(column, _)| *column);
        let mut nodes: Vec<Result<StateNode>> = Vec::new();
        for (k, (column, _)) in self.route.columns.iter().enumerate() {
            let there = self.tree.nodes().filter(|(place, _)| place.0 == *column);
            let saved = SavedColumn {
                times: if first == Some(*column) && *column == 0 { self.times.clone() } else { Vec::new() },
                nodes: there.map(|(place, state)| (place.1, place.2, state)).collect(),
                open: self.open.get(k),
            };
            nodes.push(StateNode::of_column(*column, &saved));
        }
        checkpoint::save(&self.comm, path, &header, &mut nodes.into_iter())
    }

    /// Goes on from a file that [`Self::save`] wrote, on any number of ranks and in any blocks.
    ///
    /// # Collective
    /// Every rank calls this, before any step.
    ///
    /// # Errors
    /// Usage, if there were steps already; else as [`checkpoint::load`]. Then nothing is taken up.
    pub fn load(&mut self, path: &Path, job: &str) -> Result<()> {
        if !self.times.is_empty() {
            return Err(Error::usage("a saved state is loaded before the first step"));
        }
        let header = self.header(job);
        let mut columns: Vec<(usize, SavedColumn<F::State>)> = Vec::new();
        let route = &self.route;
        let mut found = 0usize;
        checkpoint::load(
            &self.comm,
            path,
            &header,
            &|place| route.owner(place.0),
            &mut |node| {
                columns.push((node.column, node.decoded()?));
                Ok(())
            },
            &mut |_| found += 1,
        )?;
        let whole = if found == self.tiling.len() { Ok(()) } else { Err(damaged()) };
        self.comm.agree(whole.map_err(|e| e.in_file(path)))?;
        columns.sort_by_key(|(column, _)| *column);
        let times = columns.first().filter(|(column, _)| *column == 0).map(|(_, saved)| saved.times.clone());
        let holder = self.route.owner(0);
        let times = self.comm.broadcast_value(times, holder)?;
        let taken = self.take_up(times, columns).map_err(|e| e.in_file(path));
        self.comm.agree(taken).inspect_err(|_| self.reset())
    }

    fn reset(&mut self) {
        self.times.clear();
        self.absorbed = 0;
        self.open.clear();
        self.tree = MergeTree::new(ENDLESS);
    }

    fn take_up(&mut self, times: Vec<f64>, columns: Vec<(usize, SavedColumn<F::State>)>) -> Result<()> {
        let steps = times.len();
        if times.windows(2).any(|pair| pair[0] >= pair[1]) || times.iter().any(|t| !t.is_finite()) {
            return Err(damaged());
        }
        self.times = times;
        self.absorbed = steps;
        if steps == 0 {
            return Ok(());
        }
        let fold = (self.make)(&self.times)?;
        check_kind(&fold)?;
        let is_open = steps % self.tile_steps() != 0;
        let leaves = steps / self.tile_steps();
        for (column, saved) in columns {
            let covered: usize =
                saved.nodes.iter().map(|(level, _, _)| 1usize.checked_shl(*level).unwrap_or(0)).sum();
            let last = saved.nodes.iter().map(|(l, i, _)| i.checked_add(1).and_then(|i| i.checked_shl(*l)));
            if covered != leaves || last.into_iter().any(|end| end.is_none_or(|end| end > leaves)) {
                return Err(damaged());
            }
            for (level, index, state) in saved.nodes {
                self.tree.insert((column, level, index), state, &|a, b| fold.merge(a, b))?;
            }
            match saved.open {
                Some(state) if is_open => self.open.push(state),
                None if !is_open => {}
                _ => return Err(damaged()),
            }
        }
        self.at_once = fold.steps_at_once().clamp(1, 32);
        Ok(())
    }
}

fn damaged() -> Error {
    Error::data("the saved state is damaged").remedy("start the job anew without it")
}
