//! Calculus on meshes: differences, means, derivatives, gradients, divergence, curl and Laplacian of
//! maps, on C grids by finite volumes and on A grids by centred differences, and integrals.
//!
//! On a C grid (Arakawa & Lamb 1977, Methods in Computational Physics 17, 173-265), with the lengths
//! e1 and e2 of the cell around each point and its area A,
//!
//! - ∂f/∂x at U = δx f / e1u, ∂f/∂y at V = δy f / e2v;
//! - ∇·(u, v) at T = (δx(e2u u) + δy(e1v v)) / At;
//! - k·∇×(u, v) at F = (δx(e2v v) − δy(e1u u)) / Af;
//! - ∇²f at T = ∇·∇f.
//!
//! Sums telescope: the divergence integrates to what flows through walls, the curl of a gradient and
//! the divergence of a rotated gradient vanish to rounding, also across periodic edges and folds. On
//! an A grid derivatives are the second-order differences of three unevenly spaced points, and with
//! the widths h1, h2 of cells, ∇·(u, v) = ∂x(h2 u)/h2 + ∂y(h1 v)/h1, ∇×(u, v) = ∂x(h2 v)/h2 −
//! ∂y(h1 u)/h1, which has the metric terms of the sphere.
//!
//! A map is copied into a *block*: its own cells and a rim one cell wide, filled by what lies beyond
//! the edges. Operators know blocks only.

mod block;
mod collocated;
mod integral;
mod line;
mod operators;

pub use block::{Block, Filler};
pub use collocated::Collocated;
pub use integral::{area_integral, row_integrals, RowIntegral};
pub use line::{cumulative, derivative, weighted_sum, Direction};
pub use operators::{Operator, Staggered};

/// What values beyond walls, and missing ones, are taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Edge {
    /// Unknown: what depends on them is missing.
    Missing,
    /// 0: nothing flows through walls.
    Zero,
    /// Of no use: differences of the other side alone (A grids).
    OneSided,
}

#[cfg(test)]
mod tests;
