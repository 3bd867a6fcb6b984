//! Analyses of Halocline as folds and maps of local arrays. They know neither ranks nor files:
//! the engine of `halocline-core` hands them tiles.

pub mod calculus;
pub mod climatology;
pub mod compare;
pub mod eof;
pub mod fft;
pub mod filter;
mod lanes;
pub mod modes;
pub mod projection;
pub mod regrid;
pub mod seawater;
pub mod spatial;
pub mod spectra;
pub mod sphere;
pub mod statistics;
pub mod symmetric;
pub mod transport;
pub mod vertical;
pub mod wavenumber;
