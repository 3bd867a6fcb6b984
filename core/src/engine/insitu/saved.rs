//! What goes into a restart and comes back, on any number of ranks: as a file, or as bytes for a
//! file of the program's own.

use super::{check_kind, pieces, Fold, InSitu, MergeTree, ENDLESS};
use crate::engine::checkpoint::{self, Saved};
use crate::engine::state::{StateHeader, StateNode};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use serde::de::DeserializeOwned;
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
    /// What the caller keeps of these cells beside the fold.
    beside: Vec<u8>,
}

/// What a caller keeps beside the fold for the cells of a column, whose number is told; 0 is the
/// first.
pub type Beside<'a> = &'a dyn Fn(usize, &IndexBox) -> Result<Vec<u8>>;

/// Bytes beside each column here, with its number and cells.
pub type BesideColumns = Vec<(usize, IndexBox, Vec<u8>)>;

/// Nothing beside the fold.
const NOTHING: Beside<'static> = &|_, _| Ok(Vec::new());

/// Encodes what is kept beside a column.
///
/// # Errors
/// Internal, if it can't be.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|e| Error::internal(format!("a state can't be encoded: {e}")))
}

/// The other way.
///
/// # Errors
/// Data, if it is none of this type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|_| damaged())
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

    /// The columns here.
    fn nodes(&self, beside: Beside<'_>) -> Vec<Result<StateNode>> {
        let each = |(k, (column, cells)): (usize, &(usize, IndexBox))| {
            let there = self.tree.nodes().filter(|(place, _)| place.0 == *column);
            let saved = SavedColumn {
                times: if *column == 0 { self.steps.times.clone() } else { Vec::new() },
                nodes: there.map(|(place, state)| (place.1, place.2, state)).collect(),
                open: self.open.get(k),
                beside: beside(*column, cells)?,
            };
            StateNode::of_column(*column, &saved)
        };
        self.route.columns.iter().enumerate().map(each).collect()
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
        self.save_with(path, job, NOTHING)
    }

    /// [`Self::save`] with what the caller keeps beside.
    ///
    /// # Collective
    /// As there.
    ///
    /// # Errors
    /// As there, and what `beside` reports.
    pub fn save_with(&mut self, path: &Path, job: &str, beside: Beside<'_>) -> Result<Saved> {
        self.flush()?;
        checkpoint::save(&self.comm, path, &self.header(job), &mut self.nodes(beside).into_iter())
    }

    /// All that was found here as bytes, for a file of the program's own: those of all ranks
    /// together are the state. The run goes on as if nothing had happened.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What the fold or `beside` reports.
    pub fn save_bytes(&mut self, job: &str, beside: Option<Beside<'_>>) -> Result<Vec<u8>> {
        self.flush()?;
        let nodes = self.nodes(beside.unwrap_or(NOTHING)).into_iter().collect::<Result<Vec<_>>>();
        let nodes = self.comm.agree(nodes)?;
        let moment = pieces::moment(&self.comm, &self.steps.times, &nodes);
        self.comm.agree(pieces::encode(&self.header(job), moment, &nodes))
    }

    /// Goes on from a file that [`Self::save`] wrote, on any number of ranks and in any blocks.
    ///
    /// # Collective
    /// Every rank calls this, before any step.
    ///
    /// # Errors
    /// Usage, if there were steps already; else as [`checkpoint::load`]. Then nothing is taken up.
    pub fn load(&mut self, path: &Path, job: &str) -> Result<BesideColumns> {
        self.check_is_new()?;
        let header = self.header(job);
        let mut nodes: Vec<StateNode> = Vec::new();
        let route = &self.route;
        let mut found = 0usize;
        checkpoint::load(
            &self.comm,
            path,
            &header,
            &|place| route.owner(place.0),
            &mut |node| {
                nodes.push(node);
                Ok(())
            },
            &mut |_| found += 1,
        )?;
        self.take_up(nodes, found).map_err(|e| e.in_file(path))
    }

    /// Goes on from what [`Self::save_bytes`] gave: the ranks together hand in the bytes of all ranks
    /// of then, each one's once, one after the other in any order, none or several on a rank.
    ///
    /// # Collective
    /// Every rank calls this, before any step.
    ///
    /// # Errors
    /// Usage, if there were steps already; data, if bytes are damaged, missing or there twice, or of
    /// another analysis. Then nothing is taken up.
    pub fn load_bytes(&mut self, bytes: &[u8], job: &str) -> Result<BesideColumns> {
        self.check_is_new()?;
        let (nodes, found) =
            pieces::deliver(&self.comm, bytes, &self.header(job), &|column| self.route.owner(column))?;
        self.take_up(nodes, found)
    }

    fn check_is_new(&self) -> Result<()> {
        if self.steps.len() == 0 {
            return Ok(());
        }
        Err(Error::usage("a saved state is loaded before the first step"))
    }

    /// Takes up the columns here, of so many that were found on all ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    fn take_up(&mut self, nodes: Vec<StateNode>, found: usize) -> Result<BesideColumns> {
        let whole = if found == self.tiling.len() { Ok(()) } else { Err(damaged()) };
        let decoded = whole.and_then(|()| {
            let decoded = nodes.into_iter().map(|node| Ok((node.column, node.decoded()?)));
            let mut columns = decoded.collect::<Result<Vec<(usize, SavedColumn<F::State>)>>>()?;
            columns.sort_by_key(|(column, _)| *column);
            let here = self.route.columns.iter().map(|(column, _)| column);
            if columns.iter().map(|(column, _)| column).eq(here) {
                Ok(columns)
            } else {
                Err(damaged())
            }
        });
        let columns = self.comm.agree(decoded)?;
        let times = columns.first().filter(|(column, _)| *column == 0).map(|(_, saved)| saved.times.clone());
        let times = self.comm.broadcast_value(times, self.route.owner(0))?;
        let taken = self.restore(times, columns);
        self.comm.agree(taken).inspect_err(|_| self.reset())
    }

    fn reset(&mut self) {
        self.steps.times.clear();
        self.steps.done = 0;
        self.open.clear();
        self.tree = MergeTree::new(ENDLESS);
    }

    fn restore(
        &mut self,
        times: Vec<f64>,
        columns: Vec<(usize, SavedColumn<F::State>)>,
    ) -> Result<BesideColumns> {
        let steps = times.len();
        if times.windows(2).any(|pair| pair[0] >= pair[1]) || times.iter().any(|t| !t.is_finite()) {
            return Err(damaged());
        }
        self.steps.times = times;
        self.steps.done = steps;
        if steps == 0 {
            return Ok(Vec::new());
        }
        let fold = (self.make)(&self.steps.times)?;
        check_kind(&fold)?;
        let is_open = steps % self.tile_steps != 0;
        // States of an unending fold may have been taken.
        let may_be_none = self.tile_steps == ENDLESS;
        let leaves = steps / self.tile_steps;
        let mut all = Vec::new();
        for ((column, saved), (_, cells)) in columns.into_iter().zip(&self.route.columns) {
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
                None if !is_open || may_be_none => {}
                _ => return Err(damaged()),
            }
            all.push((column, cells.clone(), saved.beside));
        }
        if !(self.open.is_empty() || self.open.len() == self.route.columns.len()) {
            return Err(damaged());
        }
        self.at_once = fold.steps_at_once().clamp(1, 32);
        Ok(all)
    }
}

/// What is said of states whose parts don't fit each other.
pub(super) fn damaged() -> Error {
    Error::data("the saved state is damaged").remedy("start the job anew without it")
}
