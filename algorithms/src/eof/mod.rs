//! Empirical orthogonal functions, exact.
//!
//! For anomalies x(t, c) with weights w(c), n times, the weighted field X = w x has the singular
//! value decomposition X = U S Vᵀ. The EOFs are the columns of V, the raw principal components
//! those of U S, the eigenvalues of the covariance λ = s²/(n − 1). Either X Xᵀ (times × times)
//! or Xᵀ X (cells × cells), whichever is smaller, is summed in double precision over tiles and
//! diagonalised. Signs: the entry of largest magnitude of each weighted EOF is positive; of
//! equals the one at the lowest cell counts.
//!
//! | quantity | shape | meaning |
//! | --- | --- | --- |
//! | `eofs` | (mode, y, x) | as scaled by [`EofScaling`]; missing where there are no data |
//! | `pcs` | (time, mode) | as scaled by [`PcScaling`] |
//! | `eigenvalues` | (mode) | λ, (units of w x)² |
//! | `variance_fraction` | (mode) | λ / Σλ |
//! | `north_error` | (mode) | λ √(2/n), the sampling error of λ |
//!
//! Precision: the covariance holds each λ to a rounding error of λ₁ ([`Eof::precision`]); modes
//! below 10⁻¹³ λ₁ are rounding and are refused.
//!
//! # References
//! Hannachi, Jolliffe and Stephenson (2007), *Int. J. Climatol.* 27, 1119–1152.
//! North, Bell, Cahalan and Moeng (1982), *Mon. Weather Rev.* 110, 699–706.

mod analysis;
mod convention;
mod coupled;
mod filled;
mod gappy;
mod gaps;
mod gram;
mod kernels;
mod maps;
mod options;
mod oscillation;
mod pairwise;
mod prepare;
mod result;
mod rotate;
mod significance;
mod spatial;
mod survey;

pub use analysis::{analyse, analyse_fields, analyse_series};
pub use coupled::{couple, Coupled, CoupledMaps, Coupling, FieldPatterns};
pub use maps::MapBlock;
pub use options::{
    Anomaly, Dineof, EofOptions, EofScaling, FieldScaling, Method, Missing, Modes, Pairwise, PcScaling,
    Precision, Rotated,
};
pub use oscillation::{oscillate, OscillationMaps, Oscillations};
pub use result::{Eof, EofMaps, Filled, Paired};
pub use significance::{
    EffectiveErrors, Intervals, Noise, NoiseCells, NoiseShares, Resampling, Significance, Tests,
};

use crate::symmetric::SymmetricSum;
use halocline_core::engine::{SeriesNeeds, SeriesPlan, StreamSource};
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tiling;
use serde::{Deserialize, Serialize};

/// By how much products in single precision may change an eigenvalue of a covariance between
/// times, as a share of the total variance.
pub const SINGLES_ERROR: f64 = SymmetricSum::SINGLES_ERROR;

/// What is analysed, besides the values.
#[derive(Clone, Copy)]
pub struct EofInput<'a> {
    /// What messages call the field; empty: by its variable.
    pub name: &'a str,
    /// Weight of each cell of the grid, applied to the data (√cos φ, say); empty: 1.
    pub weights: &'a [f64],
    /// Cells of the grid to be left out; empty: none.
    pub excluded: &'a [bool],
    /// Month (1 to 12) of each time; needed for [`Anomaly::Climatology`] only.
    pub months: &'a [u8],
    /// Says where and when (cell, time) is, for messages.
    pub locate: &'a (dyn Fn(usize, usize) -> String + Sync),
}

impl Default for EofInput<'_> {
    /// No weights, no cells left out, no months.
    fn default() -> Self {
        Self {
            name: "",
            weights: &[],
            excluded: &[],
            months: &[],
            locate: &|cell, time| format!("at cell {cell}, time {time} (counted from 0)"),
        }
    }
}

/// A field whose series stream through memory.
#[derive(Clone, Copy)]
pub struct EofField<'a> {
    /// Its values, dimensions (time, space…).
    pub source: &'a dyn StreamSource,
    /// How they are read ([`SeriesPlan::of_needs`] with [`needs`]).
    pub plan: &'a SeriesPlan,
    /// All else.
    pub input: EofInput<'a>,
}

impl EofField<'_> {
    /// What messages call it.
    fn name(&self) -> &str {
        if self.input.name.is_empty() {
            &self.source.variable().name
        } else {
            self.input.name
        }
    }
}

/// Which covariance was diagonalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Covariance {
    /// Between times.
    Temporal,
    /// Between cells.
    Spatial,
}

impl Covariance {
    /// The smaller one; gaps are filled by means of that between times.
    fn of(times: usize, cells: usize, missing: &Missing) -> Self {
        if times <= cells || *missing != Missing::Refuse {
            Self::Temporal
        } else {
            Self::Spatial
        }
    }
}

/// What an analysis of a field of these dimensions needs of its plan, for `modes` modes; the
/// cells of the grid that are `excluded` are left out.
pub fn needs(dims: &[Dim], excluded: &[bool], options: &EofOptions, modes: usize) -> SeriesNeeds {
    let times = dims.first().map_or(0, |d| d.len);
    let modes = modes.saturating_mul(options.method.maps());
    let groups = match options.anomaly {
        Anomaly::None => 0,
        Anomaly::Mean => 1,
        Anomaly::Climatology => 12,
    };
    let rows = match Covariance::of(times, cells(dims, excluded), &options.missing) {
        Covariance::Temporal => modes + maps::KNOWN + groups,
        Covariance::Spatial => spatial::rows(times).max(modes + maps::KNOWN + groups),
    };
    SeriesNeeds {
        reduces: vec![Role::Time],
        rows,
        tiling: Some(Tiling::series(dims)),
        // Of series with gaps each value has marks.
        scratch_per_thread: match options.missing {
            Missing::Refuse => maps::scratch(times, modes),
            Missing::Dineof(_) => maps::scratch(times + times.div_ceil(2), modes),
            Missing::Pairwise(_) => maps::scratch(2 * times + times.div_ceil(4), modes),
        },
    }
}

/// Bytes that a rank needs beside the series: for the partial sums of the covariance, at most.
pub fn state_bytes(dims: &[Dim], excluded: &[bool], missing: &Missing) -> u64 {
    let times = dims.first().map_or(0, |d| d.len);
    let cells = cells(dims, excluded);
    if let Missing::Pairwise(pairs) = missing {
        return pairwise::state_bytes(dims, cells, pairs);
    }
    match Covariance::of(times, cells, missing) {
        Covariance::Temporal => {
            // A path of the merge tree, one that is filled, one used before, one on its way.
            let levels = Tiling::series(dims).len().next_power_of_two().ilog2();
            SymmetricSum::bytes(times).saturating_mul(u64::from(levels) + 4)
        }
        Covariance::Spatial => SymmetricSum::bytes(cells).saturating_mul(4),
    }
}

/// Bytes of the eigenproblem, on the one rank that solves it.
pub fn solver_bytes(dims: &[Dim], excluded: &[bool], missing: &Missing) -> u64 {
    let (times, cells) = (dims.first().map_or(0, |d| d.len), cells(dims, excluded));
    if let Missing::Pairwise(pairs) = missing {
        return pairwise::solver_bytes(times, cells, pairs);
    }
    let n = match Covariance::of(times, cells, missing) {
        Covariance::Temporal => times,
        Covariance::Spatial => cells,
    } as u64;
    // The sum, the matrix, its vectors, and what the solver works with.
    SymmetricSum::bytes(n as usize).saturating_add(n.saturating_mul(n).saturating_mul(3 * 8))
}

/// Cells that may have data.
fn cells(dims: &[Dim], excluded: &[bool]) -> usize {
    let all: usize = dims.iter().skip(1).map(|d| d.len).product();
    all - excluded.iter().filter(|e| **e).count().min(all)
}
