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
mod merged;
mod options;
mod oscillation;
mod pairwise;
mod prepare;
mod products;
mod randomized;
mod result;
mod rotate;
mod significance;
mod spatial;
mod steps;
mod strip;
mod survey;
mod traffic;

pub use analysis::{analyse, analyse_fields, analyse_series};
pub use coupled::{couple, Coupled, CoupledMaps, Coupling, FieldPatterns};
pub use maps::MapBlock;
pub use merged::{check_merging, merge_records, EofState, Merged};
pub use options::{
    Anomaly, Dineof, EofOptions, EofScaling, FieldScaling, Method, Missing, Modes, Pairwise, PcScaling,
    Precision, Randomized, Rotated, Solver,
};
pub use oscillation::{oscillate, OscillationMaps, Oscillations};
pub use randomized::Approximation;
pub use result::{Eof, EofMaps, Filled, Paired};
pub use significance::{
    EffectiveErrors, Intervals, Noise, NoiseCells, NoiseShares, Resampling, Significance, Tests,
};
pub use traffic::foresee;

use crate::symmetric::{SymmetricSum, STRIP};
use halocline_core::engine::{states_at_once, SeriesNeeds, SeriesPlan, StreamSource};
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

/// Which covariance was diagonalised, or multiplied.
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
    let groups = options.anomaly.groups();
    let rows = match Covariance::of(times, cells(dims, excluded), &options.missing) {
        _ if options.solver != Solver::Exact => modes + maps::KNOWN + groups,
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
    SymmetricSum::bytes(n as usize).saturating_add(n.saturating_mul(n).saturating_mul(4 * 8))
}

/// What an analysis of one field of more times than cells needs, if it is one: of its plan, and of
/// that for passes over whole steps ([`SeriesPlan::with_across`]). With both, the anomalies need not
/// be in memory; without, they have to ([`needs`]).
pub fn needs_by_steps(
    dims: &[Dim],
    excluded: &[bool],
    options: &EofOptions,
    modes: usize,
) -> Option<(SeriesNeeds, SeriesNeeds)> {
    let times = dims.first().map_or(0, |d| d.len);
    let cells = cells(dims, excluded);
    let is_plain = options.method == Method::Plain && options.solver == Solver::Exact;
    let is_spatial = Covariance::of(times, cells, &options.missing) == Covariance::Spatial;
    if !is_plain || !is_spatial || options.tests.needs_kernel() {
        return None;
    }
    let series = needs(dims, excluded, options, modes);
    let groups = options.anomaly.groups();
    let longest =
        |tiling: &Tiling, d: usize| tiling.edges(d).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
    // Of so many times tiles are narrower than strips can be.
    let tiles = Tiling::series(dims);
    let widest = (1..dims.len()).map(|d| longest(&tiles, d)).product::<usize>().min(STRIP);
    let series = SeriesNeeds {
        rows: (modes + maps::KNOWN + groups).max(steps::TERMS + groups),
        scratch_per_thread: maps::scratch(times, modes) / STRIP as u64 * widest as u64,
        ..series
    };
    let tiling = Tiling::maps(dims);
    let longest = longest(&tiling, 0);
    let across = SeriesNeeds {
        reduces: gram::ALL_BUT_TIME.to_vec(),
        rows: modes,
        tiling: Some(tiling),
        scratch_per_thread: steps::scratch(longest, cells, modes),
    };
    Some((series, across))
}

/// Bytes that a rank needs for `modes` modes of these dimensions beside the series, and bytes of
/// the eigenproblem on rank 0, as options say: [`state_bytes`] and [`solver_bytes`], or less.
pub fn memory(dims: &[Dim], excluded: &[bool], options: &EofOptions, modes: usize) -> (u64, u64) {
    let times = dims.first().map_or(0, |d| d.len);
    match options.solver {
        Solver::Exact => {
            let (missing, solver) = (&options.missing, solver_bytes(dims, excluded, &options.missing));
            if needs_by_steps(dims, excluded, options, modes).is_none() {
                return (state_bytes(dims, excluded, missing), solver);
            }
            let cells = cells(dims, excluded);
            // As of the covariance between times, and the terms of cells, gathered.
            let levels = Tiling::maps(dims).len().next_power_of_two().ilog2();
            let states = SymmetricSum::bytes(cells).saturating_mul(u64::from(levels) + 4);
            let terms =
                (cells as u64).saturating_mul(3 * 8 * (steps::TERMS + options.anomaly.groups() + 4) as u64);
            (states.saturating_add(terms), solver)
        }
        Solver::Randomized(_) => {
            let levels = Tiling::series(dims).len().next_power_of_two().ilog2() as usize;
            let one = products::state_bytes(times, randomized::width(times, modes));
            // A path of the merge tree, and what threads work on or have done.
            let threads = halocline_core::threads::for_plans();
            let states = levels + 4 + 2 * threads + states_at_once(one, threads);
            (one.saturating_mul(states as u64), randomized::solver_bytes(times, modes))
        }
    }
}

/// What [`merge_records`] needs of its plan.
pub fn needs_merging(
    dims: &[Dim],
    options: &EofOptions,
    state: Option<&EofState>,
    keep: usize,
) -> SeriesNeeds {
    let times = dims.first().map_or(0, |d| d.len);
    let groups = options.anomaly.groups();
    SeriesNeeds {
        reduces: vec![Role::Time],
        rows: keep + maps::KNOWN + groups,
        tiling: Some(Tiling::series(dims)),
        scratch_per_thread: maps::scratch(merged::rows(state, times, groups), keep),
    }
}

/// Bytes that a rank needs for [`merge_records`] beside the series, and those of the eigenproblem on
/// rank 0.
pub fn memory_merging(
    dims: &[Dim],
    options: &EofOptions,
    state: Option<&EofState>,
    keep: usize,
) -> (u64, u64) {
    let times = dims.first().map_or(0, |d| d.len);
    let grid: u64 = dims.iter().skip(1).map(|d| d.len as u64).product();
    let groups = options.anomaly.groups();
    let rows = merged::rows(state, times, groups);
    let levels = Tiling::series(dims).len().next_power_of_two().ilog2();
    let sums = SymmetricSum::bytes(rows).saturating_mul(u64::from(levels) + 4);
    // The maps of the state on every rank, encoded once while they travel; those to be saved likewise;
    // means of new and of all records.
    let maps = 2 * state.map_or(0, |s| s.modes() + groups) + 3 * (keep + groups) + 3 * groups;
    let records = state.map_or(0, EofState::records) + times;
    let held = grid.saturating_mul(maps as u64).saturating_add(records.saturating_mul(3 * keep) as u64);
    let square = (rows as u64).saturating_mul(rows as u64).saturating_mul(4 * 8);
    (sums.saturating_add(held.saturating_mul(8)), square)
}

/// About how many floating-point operations each solver takes for fields of so many times and
/// cells, all fields together: exact, randomized.
pub fn costs(times: usize, cells: usize, modes: usize) -> (f64, f64) {
    let (n, k) = (times as f64, cells as f64);
    let (small, large) = (n.min(k), n.max(k));
    // The triangle of the smaller covariance, and its eigenpairs.
    let exact = small * small * large + 4.0 * small * small * small + 40.0 * n * k;
    (exact, randomized::cost(n, k, modes as f64))
}

/// The number of modes that are sought before it is known how many there are.
fn modes_at_most(options: &EofOptions, times: usize) -> usize {
    let (Modes::Exactly(modes) | Modes::UpTo(modes)) = options.modes;
    modes.min(options.most_modes(times))
}

/// Cells that may have data.
fn cells(dims: &[Dim], excluded: &[bool]) -> usize {
    let all: usize = dims.iter().skip(1).map(|d| d.len).product();
    all - excluded.iter().filter(|e| **e).count().min(all)
}
