//! Statistics over time: one pass, bounded memory, the same bits on any ranks.

mod histogram;
mod kernels;
mod over_time;
mod relate;

pub use histogram::{Bins, Histogram, HistogramState};
pub use over_time::{OverTime, TimeOp, TimeState};
pub use relate::{
    false_discovery_threshold, of_correlation, two_sided, Index, Quantity, Relate, RelateState, Treatment, Wanted,
};
