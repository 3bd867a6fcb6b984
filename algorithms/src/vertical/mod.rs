//! From levels to other levels: columns of a variable, each on its own.
//!
//! Where the levels of a column lie tells a [`Place`]: the same numbers everywhere (pressures,
//! depths), hybrid sigma-pressure levels over a surface pressure, or a field such as density or
//! potential temperature. [`Leveled`] is a source like any other, made block by block.

mod column;
mod computed;
mod conservative;
mod leveled;
mod place;
#[cfg(test)]
mod tests;

pub use column::{interpolate, Beyond, Interpolation, Search};
pub use computed::{Computed, Formula};
pub use conservative::{remap, Quantity};
pub use leveled::{Leveled, Made, Method};
pub use place::Place;
