//! What goes together of what is asked for, and how series understand it.

use super::options::By;
use super::StatsArgs;
use crate::asked;
use halocline_algorithms::statistics::{Missing, Needed, Op, RunningOp};
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

impl StatsArgs {
    /// The operations of the one pass.
    pub(super) fn ops(&self) -> Vec<Op> {
        asked::ops(&self.op)
    }
    /// The percentiles.
    pub(super) fn percents(&self) -> Vec<f64> {
        asked::percents(&self.op)
    }
    /// The operations as those that run along series.
    pub(super) fn running_ops(&self) -> Vec<RunningOp> {
        self.op.iter().filter_map(|asked| RunningOp::from_name(&asked.name())).collect()
    }
    /// The rule for missing values, as series have it.
    pub(super) fn needed(&self) -> Needed {
        match self.missing {
            Missing::Skip => Needed::AtLeast(1),
            Missing::Propagate => Needed::All,
            Missing::AtLeast(n) => Needed::AtLeast(u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }
    /// Parts per dimension, by hand.
    pub(super) fn parts(&self, comm: &Comm, source: &Source) -> Result<Option<Vec<usize>>> {
        let text = self.selection.decomposition.as_deref();
        text.map(|text| Decomposition::parse_parts(text, &source.variable().dims, comm.size())).transpose()
    }

    /// Refuses what does not go together.
    pub(super) fn check_series(&self) -> Result<()> {
        let percents = self.percents();
        if self.percentile.is_some() && percents.is_empty() {
            return Err(Error::usage("--percentile is for percentiles")
                .remedy("ask for some, as in --op p50, or leave it out"));
        }
        if self.approx.is_some() && percents.is_empty() {
            return Err(Error::usage("--approx is for percentiles")
                .remedy("ask for some, as in --op p50, or leave it out"));
        }
        if self.approx.is_some() && self.by != By::All {
            return Err(Error::usage("--approx is for percentiles of all times together")
                .remedy("leave --by or --approx out"));
        }
        if self.running.is_none() {
            return Ok(());
        }
        if let Some(asked) = self.op.iter().find(|asked| RunningOp::from_name(&asked.name()).is_none()) {
            return Err(Error::usage(format!("there is no running {}", asked.name()))
                .remedy("ask for it in a run of its own"));
        }
        if self.by != By::All {
            return Err(Error::usage("--running and --by").remedy("choose either"));
        }
        if !self.weights.is_empty() {
            return Err(Error::usage("running statistics are not weighted").remedy("leave --weights out"));
        }
        if self.over.len() != 1 || !self.reduces_time() {
            return Err(
                Error::usage("--running is over time").remedy("use --over time for it, in a run of its own")
            );
        }
        Ok(())
    }
}
