//! Wavelet spectra as Torrence and Compo (1998) have them.

mod estimate;
mod mother;
mod scales;
#[cfg(test)]
mod tests;

pub use estimate::{Wavelet, WaveletOptions, WaveletScratch};
pub use mother::Mother;
pub use scales::{ScaleOptions, Scales};
