//! Statistics over time: one pass, bounded memory, the same bits on any ranks.

mod kernels;
mod over_time;

pub use over_time::{OverTime, TimeOp, TimeState};
