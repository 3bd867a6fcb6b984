//! Multitaper spectra: means over orthogonal tapers, and the test for lines.

mod dpss;
mod estimate;
mod lines;
#[cfg(test)]
mod tests;
mod weights;

pub use dpss::Dpss;
pub use estimate::{Multitaper, MultitaperOptions, MultitaperResult, MultitaperScratch};
pub use lines::f_limit;
