//! What is known before any map is seen: latitudes, weights, plans.

use super::gauss;
use super::grid::{LatitudeKind, SphereGrid};
use super::latitudes::Latitudes;
use super::legendre;
use super::meridian::{self, Meridian};
use super::spare::Spare;
use halocline_core::{Error, Result};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Degrees whose functions are made at a time.
pub(super) const DEGREES: usize = 32;

/// Maps that go along a circle of latitude together: a line of the cache holds as many waves.
pub(super) const ABREAST: usize = 4;

/// Which latitudes from the north pole on (each with its mirror image) and which orders are worked on,
/// the latter one after the other as they are stored.
#[derive(Debug, Clone)]
pub(super) struct Share<'a> {
    pub(super) latitudes: Range<usize>,
    pub(super) orders: &'a [usize],
}

/// Analysis and synthesis on one grid up to one degree.
pub struct Transform {
    pub(super) grid: SphereGrid,
    pub(super) truncation: usize,
    /// The highest order.
    pub(super) order: usize,
    /// Northern latitudes of the grid, with the pole that may be missing.
    pub(super) own: Latitudes,
    /// Northern latitudes on which integrals are sums.
    pub(super) nodes: Latitudes,
    /// What rows are multiplied by; where meridians are carried over, that is done with it.
    pub(super) weights: Option<Vec<f64>>,
    pub(super) meridian: Option<Meridian>,
    pub(super) sectoral: Vec<f64>,
    /// All orders.
    orders: Vec<usize>,
    pub(super) forward: Arc<dyn RealToComplex<f64>>,
    pub(super) inverse: Arc<dyn ComplexToReal<f64>>,
    pub(super) spare: Spare,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transform")
            .field("grid", &self.grid)
            .field("truncation", &self.truncation)
            .finish_non_exhaustive()
    }
}

impl Transform {
    /// A triangular truncation; the highest degree of the grid if none is given. Orders beyond half
    /// the number of longitudes are left out.
    ///
    /// # Errors
    /// Usage, if the grid does not resolve so high a degree.
    pub fn new(grid: &SphereGrid, truncation: Option<usize>) -> Result<Self> {
        let highest = grid.highest();
        let truncation = truncation.unwrap_or(highest);
        if truncation > highest {
            return Err(Error::usage(format!(
                "degree {truncation} is beyond {highest}, the highest that {} latitudes resolve ({})",
                grid.rows,
                grid.kind.name()
            ))
            .remedy("choose a lower --truncation"));
        }
        let rows = grid.rows;
        // With a pole that may be missing.
        let (own, rows, parts) = match grid.kind {
            LatitudeKind::Gaussian => (None, rows, 0),
            LatitudeKind::Poles => (Some(Latitudes::even(rows, 0.0, rows - 1)), rows, rows - 1),
            LatitudeKind::Between => (Some(Latitudes::even(rows, 0.5, rows)), rows, rows),
            LatitudeKind::NorthPole | LatitudeKind::SouthPole => {
                (Some(Latitudes::even(rows + 1, 0.0, rows)), rows + 1, rows)
            }
        };
        // A row stands for its mirror image, the mean over the sphere is half the integral.
        let halve = |weights: &[f64]| -> Vec<f64> {
            let of = |(k, w): (usize, &f64)| if 2 * k + 1 == rows { 0.5 * w } else { *w };
            weights.iter().enumerate().map(of).collect()
        };
        let (own, nodes, weights, meridian) = match (own, grid.kind) {
            (Some(own), LatitudeKind::Poles | LatitudeKind::Between) => {
                let (nodes, weights) = gauss::northern(rows);
                let poles = grid.kind == LatitudeKind::Poles;
                let meridian = Meridian::new(&own, rows, poles, &nodes, &halve(&weights));
                (own, nodes, None, Some(meridian))
            }
            (Some(own), _) => {
                let weights = halve(&meridian::weights(&own, parts));
                (own.clone(), own, Some(weights), None)
            }
            (None, _) => {
                let (nodes, weights) = gauss::northern(rows);
                (nodes.clone(), nodes, Some(halve(&weights)), None)
            }
        };
        let order = truncation.min(grid.highest_order());
        let mut planner = RealFftPlanner::new();
        Ok(Self {
            grid: grid.clone(),
            truncation,
            order,
            own,
            nodes,
            weights,
            meridian,
            sectoral: legendre::sectoral(order + 1),
            orders: (0..=order).collect(),
            forward: planner.plan_fft_forward(grid.columns),
            inverse: planner.plan_fft_inverse(grid.columns),
            spare: Spare::default(),
        })
    }

    /// The grid.
    pub fn grid(&self) -> &SphereGrid {
        &self.grid
    }
    /// The highest degree.
    pub fn truncation(&self) -> usize {
        self.truncation
    }
    /// The highest order.
    pub fn highest_order(&self) -> usize {
        self.order
    }

    /// All there is.
    pub(super) fn whole(&self) -> Share<'_> {
        Share { latitudes: 0..self.own.len(), orders: &self.orders }
    }

    /// Bytes that it holds itself.
    pub fn bytes(grid: &SphereGrid) -> u64 {
        let half = grid.rows as u64 / 2 + 1;
        let matrices = match grid.kind {
            LatitudeKind::Poles | LatitudeKind::Between => 4 * half * half + 4 * half,
            _ => 0,
        };
        8 * (matrices + 8 * half + 4 * grid.columns as u64)
    }

    /// Bytes of working memory: `inputs` and `outputs` of so many maps at once, on so many threads.
    pub fn working(&self, maps: usize, (inputs, outputs): (usize, usize), threads: usize) -> u64 {
        let wide = inputs.max(outputs).max(1) as u64;
        let (half, maps) = (self.own.len() as u64, maps as u64);
        let orders = self.order as u64 + 1;
        // Values of one map by latitude and order; coefficients of one.
        let (circles, triangle) = (4 * half * orders, (self.truncation as u64 + 2) * orders);
        let columns = 4 * maps * wide;
        let thread =
            3 * DEGREES as u64 * half + 6 * half * columns + 2 * (self.truncation as u64 + 1) * columns;
        8 * (maps * wide * (circles + 4 * triangle) + threads as u64 * thread)
    }

    /// The row of the grid at a latitude, counted from the north pole with the one that may be
    /// missing; `None` if it is that.
    pub(super) fn row(&self, from_north: usize) -> Option<usize> {
        let rows = self.grid.rows;
        let from_north = match self.grid.kind {
            LatitudeKind::SouthPole => from_north.checked_sub(1)?,
            _ if from_north == rows => return None,
            _ => from_north,
        };
        Some(if self.grid.southward { from_north } else { rows - 1 - from_north })
    }
    /// All latitudes, with the one that may be missing.
    pub(super) fn latitudes(&self) -> usize {
        self.grid.rows
            + usize::from(matches!(self.grid.kind, LatitudeKind::NorthPole | LatitudeKind::SouthPole))
    }
    /// The row of the grid at a northern latitude, and that of its mirror image, if that is another.
    pub(super) fn pair(&self, k: usize) -> (Option<usize>, Option<usize>) {
        let mirror = self.latitudes() - 1 - k;
        (self.row(k), if mirror == k { None } else { self.row(mirror) })
    }
    pub(super) fn is_equator(&self, k: usize) -> bool {
        2 * k + 1 == self.latitudes()
    }
}
