//! Filters in space, which smooth by diffusion.
//!
//! A map f becomes p(-∆) f, with a polynomial p of the discrete Laplacian ∆ that follows a target
//! response F(k) of the wave number k (Grooms et al. 2021, J. Adv. Model. Earth Syst. 13,
//! e2021MS002552; Loose et al. 2022, J. Open Source Softw. 7, 3947). No flux crosses a coast or a
//! wall, so that land stays out of it, p(0) = 1 keeps constants, and ∑ area · f is conserved. The
//! Laplacian is that of finite volumes, ∆f = (∑ over faces of a (`f_neighbour` − f)) / area, where a is
//! the length of the face over the distance of the centres ([`Metrics`]); cells that are missing have
//! no fluxes, map by map.
//!
//! Chebyshev polynomials `T_k` of the Laplacian are summed row by row: `T_k` of a row follows `T_(k-1)` of
//! the next, so that all steps go through a map together and only few rows of each are held. A block
//! of a map with a halo as wide as there are steps gives the same bits as the whole map.

mod block;
mod geometry;
mod metrics;
mod on_mesh;
mod row;
mod tables;
mod target;
#[cfg(test)]
mod tests;
mod vector;

pub use block::{BlockFilter, Scratch};
pub use metrics::{Metrics, Table};
pub use on_mesh::MeshMetrics;
pub use target::{Polynomial, Shape, Target};
pub use vector::{VectorLaplacian, VectorScratch, WetPoints};
