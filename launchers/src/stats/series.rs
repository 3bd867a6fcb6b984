//! What goes together of what is asked for, and how series understand it.

use super::options::{By, Weight};
use super::StatsArgs;
use crate::asked::{self, Asked};
use halocline_algorithms::statistics::{Op, Running};
use halocline_core::{Error, Result};

/// Whether it can run along series.
fn does_run(asked: &Asked) -> bool {
    matches!(asked, Asked::Op(op) if Running::OPS.contains(op))
}

impl StatsArgs {
    /// The operations of the one pass.
    pub(super) fn ops(&self) -> Vec<Op> {
        asked::ops(&self.op)
    }
    /// The percentiles.
    pub(super) fn percents(&self) -> Vec<f64> {
        asked::percents(&self.op)
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
        let is_alone = self.ops().is_empty() && self.weights.iter().any(|w| *w != Weight::None);
        if !percents.is_empty() && (is_alone || self.weights.contains(&Weight::Area)) {
            return Err(Error::usage("percentiles are not weighted: all values count alike")
                .remedy("leave --weights out, or ask for what is weighted in a run of its own"));
        }
        if self.running.is_none() {
            return Ok(());
        }
        if let Some(asked) = self.op.iter().find(|asked| !does_run(asked)) {
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
