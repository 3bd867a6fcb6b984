//! Statistics in one pass and bounded memory, with the same bits on any ranks: reductions over
//! any dimensions, all times together or in groups.

mod chan;
mod finish;
mod groups;
mod histogram;
mod kernels;
mod layout;
mod op;
mod percentile;
mod pool;
mod quantile;
mod reduction;
pub mod relate;
mod running;
mod state;
mod student;
#[cfg(test)]
mod tests;
mod trend;
mod weights;

pub use finish::{Missing, Rules};
pub use groups::Groups;
pub use histogram::{make_densities, Apart, Bins, Histogram, HistogramState};
pub use op::{Op, Quantity};
pub use percentile::{
    ApproximatePercentiles, CountState, CountedPercentiles, Found, Percentiles, SketchState,
};
pub use quantile::QuantileMethod;
pub use reduction::Reduction;
pub use running::Running;
pub use state::ReductionState;
pub use weights::Weights;
