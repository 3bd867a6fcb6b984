//! Filters along time and in [`space`]. Along time: low-, high- and band-pass of the series of each cell.
//!
//! A [`TimeFilter`] is work on whole series ([`halocline_core::engine::SeriesWork`]). Frequencies
//! are in cycles per step, so that ½ is the Nyquist frequency; steps are even. Three kinds:
//!
//! - [`Lanczos`]: a symmetric running mean with the weights of Duchon (1979), zero phase;
//! - [`Butterworth`]: a recursive filter, forward and backward (zero phase) or forward only;
//! - [`Fourier`]: a response that multiplies the Fourier transform of the series.

mod band;
mod butterworth;
mod fourier;
mod lanczos;
mod lanes;
mod sections;
mod series;
pub mod space;
#[cfg(test)]
mod tests;

pub use band::Band;
pub use butterworth::{Butterworth, Section};
pub use fourier::Fourier;
pub use lanczos::{Ends, Lanczos, LanczosConvention};
pub use series::{Kernel, TimeFilter};
