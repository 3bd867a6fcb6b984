//! Spherical harmonics: analysis and synthesis of many maps at once, of scalars and of winds.
//!
//! A map is f(θ, λ) = Σ aₙᵐ Pₙᵐ(cos θ) exp(i m λ), with ½ ∫ (Pₙᵐ)² dμ = 1, so that the mean of f²
//! over the sphere is Σ |aₙᵐ|² (4π-normalised, no Condon-Shortley phase). Coefficients with m < 0
//! are the conjugates of those with m > 0, and not kept.
//!
//! - [`SphereGrid`]: which latitudes and longitudes there are: Gaussian, or evenly spaced with
//!   both poles, with none, or with one.
//! - [`Transform`]: maps to [`Coefficients`] and back; winds to vorticity and divergence; the
//!   gradient of a scalar. Fourier transforms along latitude circles, then for each order m a
//!   product of matrices over all maps, with Legendre functions that are made as they are used.
//!   North and south share them.
//! - [`DividedTransform`]: the same of maps that are divided among ranks, for those that are too large
//!   for one, or too few for all: circles of latitude, then orders, are dealt to ranks.
//! - [`Taper`]: what coefficients are multiplied by.
//!
//! On Gaussian latitudes the integrals are Gauss sums. On evenly spaced ones, the trigonometric
//! polynomial through the values of a meridian is carried to Gaussian latitudes first and
//! integrated exactly there, as SPHEREPACK does in effect (Swarztrauber 1979); with one pole
//! missing the weights are those of Driscoll and Healy (1994).
//!
//! No bit of a result depends on how many maps go together or on the number of threads: each
//! coefficient is summed over latitudes from the poles to the equator, each value over degrees
//! from the lowest up.

mod analysis;
mod circles;
mod coefficients;
mod divided;
mod gauss;
mod grid;
mod latitudes;
mod legendre;
mod meridian;
mod product;
mod rows;
mod spare;
mod synthesis;
mod taper;
#[cfg(test)]
mod tests;
mod transform;
mod twofold;
mod winds;

pub use coefficients::Coefficients;
pub use divided::{DividedMaps, DividedTransform};
pub use grid::{circle, LatitudeKind, SphereGrid};
pub use taper::Taper;
pub use transform::Transform;
