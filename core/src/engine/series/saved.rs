//! Results of series that are saved batch by batch, and handed out again by a run that goes on.
//!
//! Rank 0 alone has the file. Results come to it, and go from it, tile by tile, so that it never
//! holds more than those of one.

use super::plan::SeriesPlan;
use super::rows::spans;
use super::run::tiles_of;
use super::SeriesWork;
use crate::comm::Comm;
use crate::engine::cadence::{Cadence, CadenceEvent};
use crate::engine::checkpoint::{Journal, Saved};
use crate::engine::keeper::KeptPass;
use crate::engine::state::StateHeader;
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;

/// For results, and for the answers of who takes them.
const TAG: u32 = 32_101;

/// The saved results of a pass.
pub(super) struct SavedResults<'a> {
    comm: &'a Comm,
    plan: &'a SeriesPlan,
    pass: &'a KeptPass<'a>,
    cadence: Cadence<'a>,
    /// On rank 0.
    journal: Option<Journal>,
    /// By tile: whether its results were there when the run began.
    known: Vec<bool>,
    /// Whether a batch had results that were not there.
    has_worked: bool,
    /// Why nothing more is saved.
    failed: Option<Error>,
}

impl<'a> SavedResults<'a> {
    /// Begins, or goes on from what is there; `work` gets what ranks had noted.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn begin<W: SeriesWork>(
        comm: &'a Comm,
        plan: &'a SeriesPlan,
        pass: &'a KeptPass<'a>,
        work: &W,
    ) -> Result<Self> {
        let (tiling, rows) = (plan.tiling(), work.rows());
        let header = StateHeader {
            fold: format!("series {}", std::any::type_name::<W>()),
            version: 3,
            job: format!("{}|rows {rows:?} over {:?}", pass.job(), work.reduces()),
            tiling: tiling.clone(),
        };
        let rows: usize = rows.iter().sum();
        let bytes = |tile: usize| {
            let tile = (tile < tiling.len()).then(|| tiling.tile(tile))?;
            Some((rows * plan.space.cells(&tile.block) * size_of::<f64>()) as u64)
        };
        let mut failed = None;
        let opened = comm.is_root().then(|| {
            let journal = if pass.resumes() {
                let (journal, notes) = Journal::resume(pass.file(), &header, &bytes)?;
                notes.iter().try_for_each(|notes| work.add_notes(notes))?;
                Some(journal)
            } else {
                match Journal::create(pass.file(), &header) {
                    // As later on: a full disk ends nothing.
                    Err(e) if e.kind == ErrorKind::System => {
                        failed = Some(e.in_file(pass.file()));
                        None
                    }
                    created => Some(created?),
                }
            };
            Ok(journal)
        });
        let journal = comm.agree(opened.transpose().map_err(|e: Error| e.in_file(pass.file())))?.flatten();
        let mut places: Vec<u64> = journal.iter().flat_map(|j| j.tiles().map(|t| t as u64)).collect();
        comm.broadcast(&mut places, 0);
        let mut known = vec![false; tiling.len()];
        places.iter().for_each(|&tile| known[tile as usize] = true);
        let cadence = pass.cadence().of_batches();
        let mut begun = Self { comm, plan, pass, cadence, journal, known, has_worked: false, failed: None };
        let outcome = failed.map_or(Ok(()), Err);
        begun.settle(outcome)?;
        Ok(begun)
    }

    /// By tile: whether its results are there.
    pub(super) fn known(&self) -> &[bool] {
        &self.known
    }

    /// Whether all results of a batch are there.
    pub(super) fn has_all(&self, batch: &IndexBox) -> bool {
        tiles_of(self.plan, batch).iter().all(|tile| self.known[tile.id])
    }

    /// Puts the results that are there into those of a batch, of which `own` is this rank's.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn recall(&self, batch: &IndexBox, own: &IndexBox, results: &mut [Vec<f64>]) -> Result<()> {
        if !self.known.contains(&true) {
            return Ok(());
        }
        let deal = self.plan.deal(batch)?;
        let mut taken = Ok(());
        for rank in 0..self.comm.size() {
            let block = deal.block(rank);
            for (tile, start, cells) in spans(self.plan, &block, &|tile| self.known[tile.id]) {
                let bytes = match &self.journal {
                    Some(journal) if taken.is_ok() => journal.read(tile),
                    _ => Ok(Vec::new()),
                };
                let bytes = bytes.unwrap_or_else(|e| {
                    taken = Err(e.in_file(self.pass.file()));
                    Vec::new()
                });
                let bytes = match (self.comm.rank(), rank) {
                    (0, 0) => bytes,
                    (0, _) => {
                        self.comm.send(&bytes, rank, TAG);
                        continue;
                    }
                    (mine, _) if mine == rank => self.comm.recv::<u8>(0, TAG),
                    _ => continue,
                };
                put(&bytes, (start, cells), self.plan.space.cells(own), results);
            }
        }
        self.comm.agree(taken)
    }

    /// Writes the results of a batch that were not there; they count once notes follow them
    /// ([`Self::turn`]), which are not written after each batch, since they may be as large as all
    /// results. Where they can't be written, that is told, and nothing more is saved.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn add(&mut self, batch: &IndexBox, own: &IndexBox, results: &[Vec<f64>]) -> Result<()> {
        self.pass.has_worked();
        self.has_worked = true;
        if self.failed.is_some() {
            return Ok(());
        }
        let comm = self.comm;
        let (deal, width) = (self.plan.deal(batch)?, self.plan.space.cells(own));
        let mut written = Ok(());
        for rank in 0..comm.size() {
            let block = deal.block(rank);
            let tiles = spans(self.plan, &block, &|tile| !self.known[tile.id]);
            if comm.is_root() {
                for &(tile, start, cells) in &tiles {
                    let bytes = if rank == 0 {
                        packed((start, cells), width, results)
                    } else {
                        // Sent when it is asked for, so that none piles up here.
                        comm.send(&[1u8], rank, TAG);
                        comm.recv::<u8>(rank, TAG)
                    };
                    if let (Ok(()), Some(journal)) = (&written, &mut self.journal) {
                        written = journal.put_tile(tile, &bytes);
                    }
                }
            } else if rank == comm.rank() {
                for &(_, start, cells) in &tiles {
                    comm.recv::<u8>(0, TAG);
                    comm.send(&packed((start, cells), width, results), 0, TAG);
                }
            }
        }
        if let (Err(_), Some(journal)) = (&written, &mut self.journal) {
            journal.forget_group();
        }
        self.settle(written.map_err(|e| e.in_file(self.pass.file())))
    }

    /// After a batch that was there.
    pub(super) fn pass_over(&mut self) {
        self.cadence.begin_batch();
    }

    /// Between two batches: saves what `work` has noted until now, and with it the results, if it is
    /// time, and ends a run that is to stop.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn turn<W: SeriesWork>(&mut self, work: &W) -> Result<()> {
        let (comm, pass) = (self.comm, self.pass);
        let Self { cadence, journal, failed, .. } = self;
        cadence.turn(comm, &mut |_| save((comm, pass), (journal, failed), work))
    }

    /// After the last batch: there is nothing to stop for, but others may follow this pass.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish<W: SeriesWork>(&mut self, work: &W) -> Result<()> {
        if !self.has_worked {
            return Ok(());
        }
        let (comm, pass) = (self.comm, self.pass);
        let Self { cadence, journal, failed, .. } = self;
        cadence.end_batch();
        if failed.is_some() || !pass.is_worth_saving(comm) {
            return Ok(());
        }
        cadence.save(&mut |_| save((comm, pass), (journal, failed), work))
    }

    /// Whether writing went well, on every rank; it is told once if not.
    fn settle(&mut self, written: Result<()>) -> Result<()> {
        match self.comm.agree(written) {
            Err(error) if error.kind == ErrorKind::System => {
                self.pass.note(&CadenceEvent::Failed(error.clone()));
                self.failed = Some(error);
                Ok(())
            }
            other => other,
        }
    }
}

/// Writes what `work` has noted until now, the end of the results that belong to it, and makes all
/// durable.
fn save<W: SeriesWork>(
    (comm, pass): (&Comm, &KeptPass<'_>),
    (journal, failed): (&mut Option<Journal>, &mut Option<Error>),
    work: &W,
) -> Result<Saved> {
    if let Some(error) = failed {
        return Err(error.clone());
    }
    let notes = comm.agree(work.notes())?;
    let mut written = Ok([0; 2]);
    if comm.is_root() {
        let mut put = Ok(());
        for rank in 0..comm.size() {
            let theirs = if rank == 0 { notes.clone() } else { comm.recv::<u8>(rank, TAG) };
            if let (Ok(()), Some(journal)) = (&put, journal.as_mut()) {
                put = journal.put_notes(rank, &theirs);
            }
        }
        if let Some(journal) = journal {
            written = put
                .and_then(|()| journal.end_group())
                .and_then(|()| journal.sync())
                .map(|saved| [saved.nodes, saved.bytes]);
            if written.is_err() {
                journal.forget_group();
            }
        }
    } else {
        comm.send(&notes, 0, TAG);
    }
    match comm.agree(written.map_err(|e| e.in_file(pass.file()))) {
        Ok([nodes, bytes]) => {
            let mut saved = vec![nodes, bytes];
            comm.broadcast(&mut saved, 0);
            Ok(Saved { nodes: saved[0], bytes: saved[1] })
        }
        Err(error) => {
            // Later results would lie behind a hole that notes know nothing of.
            *failed = Some(error.clone());
            Err(error)
        }
    }
}

/// The results of the cells of a tile, row by row: `start` and number of them in rows of `width`.
fn packed((start, cells): (usize, usize), width: usize, results: &[Vec<f64>]) -> Vec<u8> {
    let rows = results.iter().flat_map(|result| result.chunks_exact(width.max(1)));
    let mut bytes = Vec::new();
    for row in rows {
        row[start..start + cells].iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
    }
    bytes
}

/// The other way round; nothing if the bytes are not there.
fn put(bytes: &[u8], (start, cells): (usize, usize), width: usize, results: &mut [Vec<f64>]) {
    let rows = results.iter_mut().flat_map(|result| result.chunks_exact_mut(width.max(1)));
    for (row, from) in rows.zip(bytes.chunks_exact((cells * size_of::<f64>()).max(1))) {
        let numbers = from.chunks_exact(size_of::<f64>()).filter_map(|b| b.try_into().ok());
        row[start..start + cells].iter_mut().zip(numbers).for_each(|(v, b)| *v = f64::from_le_bytes(b));
    }
}
