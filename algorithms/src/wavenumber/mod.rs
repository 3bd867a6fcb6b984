//! Spectra over zonal wave number and frequency of what is symmetric and antisymmetric about the
//! equator, as Wheeler and Kiladis (1999) made them.
//!
//! [`RowSpectra`] are those of single rows, at whatever latitude.
//!
//! [`PairedRows`] reads the two latitudes of a pair together, [`WheelerKiladis`] is the work on a
//! pair, [`WheelerKiladis::finish`] what is made of the sum over pairs; [`CrossWaves`] does the same
//! for two fields. [`EquatorialWave`] tells where theory has the waves.
//!
//! Wheeler & Kiladis (1999), J. Atmos. Sci. 56, 374–399,
//! doi:10.1175/1520-0469(1999)056<0374:CCEWAO>2.0.CO;2; Hayashi (1971), J. Meteor. Soc. Japan 49, 125–128.

mod background;
mod circles;
mod cross;
mod dispersion;
mod paired;
mod planes;
mod rows;
#[cfg(test)]
mod tests;

pub use background::SpaceTimeSpectrum;
pub use cross::{CrossPart, CrossWaves};
pub use dispersion::EquatorialWave;
pub use paired::PairedRows;
pub use planes::WheelerKiladis;
pub use rows::{RowSpectra, SpaceTimeOptions};
