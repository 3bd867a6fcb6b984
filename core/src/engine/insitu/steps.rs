//! The steps that a program has pushed: checked by all ranks, kept until they are worked on.

use super::view::{Buffer, View};
use crate::comm::{Comm, Reduce};
use crate::error::{Error, Result};
use crate::index::IndexBox;

/// Times of all steps, and the values of those that wait.
#[derive(Debug)]
pub(super) struct Steps {
    comm: Comm,
    /// This rank's block.
    own: IndexBox,
    missing: Option<f64>,
    /// Times of all steps.
    pub(super) times: Vec<f64>,
    /// How many of them are done.
    pub(super) done: usize,
    /// For each field what was pushed since.
    waiting: Vec<Buffer>,
}

impl Steps {
    pub(super) fn new(comm: &Comm, own: &IndexBox, fields: usize, missing: Option<f64>) -> Self {
        // The first step tells in what precision they come.
        let waiting = (0..fields).map(|_| Buffer::F64(Vec::new())).collect();
        Self { comm: comm.clone(), own: own.clone(), missing, times: Vec::new(), done: 0, waiting }
    }
    /// Steps so far.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
    /// Steps that wait.
    pub(super) fn waiting(&self) -> usize {
        self.times.len() - self.done
    }

    /// Takes a step, or nothing of it on any rank.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take(&mut self, time: f64, fields: Result<Vec<View<'_>>>) -> Result<()> {
        let taken = fields.and_then(|fields| self.keep(time, &fields));
        self.all_took(time, taken).inspect_err(|_| self.forget_step())?;
        self.times.push(time);
        Ok(())
    }

    /// Says what [`Self::take`] would say of a step, and takes nothing.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn check(&self, time: f64, fields: &Result<Vec<View<'_>>>) -> Result<()> {
        let fits = fields.as_ref().map_err(Clone::clone).and_then(|fields| self.fits(time, fields));
        self.all_took(time, fits)
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

    fn fits(&self, time: f64, fields: &[View<'_>]) -> Result<()> {
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
        let shape = self.own.shape();
        if let Some(odd) = fields.iter().find(|view| view.shape() != shape) {
            return Err(Error::usage(format!(
                "a block of {:?} is pushed where this rank holds {shape:?}",
                odd.shape()
            )));
        }
        Ok(())
    }

    fn keep(&mut self, time: f64, fields: &[View<'_>]) -> Result<()> {
        self.fits(time, fields)?;
        if self.own.is_empty() {
            return Ok(());
        }
        let first = self.waiting() == 0;
        for (buffer, view) in self.waiting.iter_mut().zip(fields) {
            if first && buffer.len() == 0 {
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
        let len = self.waiting() * self.own.len();
        self.waiting.iter_mut().for_each(|buffer| buffer.truncate(len));
    }

    /// What waits, of each field, once it is known to be of one precision everywhere: who holds
    /// nothing was told none by its own blocks, and all must send the same.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn of_one_precision(&mut self) -> Result<&mut [Buffer]> {
        let held = !self.own.is_empty();
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
        Ok(&mut self.waiting)
    }
}
