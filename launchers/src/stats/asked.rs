//! What is asked for: operations of the one pass, and what needs whole series, percentiles and
//! statistics that run along them.

use super::options::By;
use super::StatsArgs;
use crate::series;
use halocline_algorithms::statistics::{Missing, Needed, Op, QuantileMethod, RunningOp};
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// A word of `--op`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    Op(Op),
    Percentile(f64),
}

impl Asked {
    pub(super) fn name(self) -> String {
        match self {
            Self::Op(op) => op.name().to_owned(),
            Self::Percentile(percent) => series::percentile_name(percent),
        }
    }
}

pub(super) fn parse_asked(word: &str) -> std::result::Result<Asked, String> {
    let op = Op::ALL.into_iter().find(|op| op.name() == word).map(Asked::Op);
    op.or_else(|| series::percent_of(word).map(Asked::Percentile)).ok_or_else(|| {
        let all: Vec<&str> = Op::ALL.iter().map(|op| op.name()).collect();
        format!("there is no such operation; there are {}, and percentiles from p0 to p100", all.join(", "))
    })
}

pub(super) fn parse_method(word: &str) -> std::result::Result<QuantileMethod, String> {
    QuantileMethod::from_name(word).ok_or_else(|| {
        let all: Vec<&str> = QuantileMethod::ALL.iter().map(|m| m.name()).collect();
        format!("there is no such method; there are {}, nist, nrank, rtype8", all.join(", "))
    })
}

impl StatsArgs {
    /// The operations of the one pass.
    pub(super) fn ops(&self) -> Vec<Op> {
        let of = |asked: &Asked| if let Asked::Op(op) = asked { Some(*op) } else { None };
        self.op.iter().filter_map(of).collect()
    }
    /// The percentiles.
    pub(super) fn percents(&self) -> Vec<f64> {
        let of = |asked: &Asked| if let Asked::Percentile(p) = asked { Some(*p) } else { None };
        self.op.iter().filter_map(of).collect()
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
