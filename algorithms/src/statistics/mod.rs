//! Statistics over time: one pass, bounded memory, the same bits on any ranks.

mod kernels;
mod over_time;
mod percentile;
mod quantile;
mod running;

pub use over_time::{OverTime, TimeOp, TimeState};
pub use percentile::{ApproximatePercentiles, Needed, Percentiles, SketchState};
pub use quantile::QuantileMethod;
pub use running::{Running, RunningOp};
