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

mod gram;
mod maps;
mod options;
mod prepare;
mod spatial;
mod survey;

pub use maps::MapBlock;
pub use options::{Anomaly, EofOptions, EofScaling, Modes, PcScaling, Precision};

use crate::symmetric::SymmetricSum;
use gram::{GramFold, Shared};
use halocline_core::engine::{Engine, FieldSeries, SeriesNeeds, SeriesPlan, StreamSource};
use halocline_core::field::{Element, Field};
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use maps::Maps;
use prepare::Recipe;

/// An eigenvalue below this share of the first is rounding, not variance.
const RANK: f64 = 1e-13;

/// What is analysed, besides the values.
#[derive(Clone, Copy)]
pub struct EofInput<'a> {
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

/// Which covariance was diagonalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// Between times.
    Temporal,
    /// Between cells.
    Spatial,
}

impl Covariance {
    /// The smaller one.
    fn of(times: usize, cells: usize) -> Self {
        if times <= cells {
            Self::Temporal
        } else {
            Self::Spatial
        }
    }
}

/// The result of an EOF analysis; all but `eofs` is the same on every rank.
#[derive(Debug)]
pub struct Eof {
    /// Maps (mode, y, x): this rank's part, in blocks.
    pub eofs: Vec<MapBlock>,
    /// What was removed from each cell, (1, y, x) or (month, y, x): this rank's part. Rows are
    /// none where nothing was removed.
    pub means: Vec<MapBlock>,
    /// Standard deviation of the anomalies, (1, y, x), where they were divided by it, else 1.
    pub deviations: Vec<MapBlock>,
    /// Principal components (time, mode), C order.
    pub pcs: Vec<f64>,
    /// Eigenvalues, descending.
    pub eigenvalues: Vec<f64>,
    /// Share of the total variance.
    pub variance_fraction: Vec<f64>,
    /// Sampling error of the eigenvalues.
    pub north_error: Vec<f64>,
    /// Sum of all eigenvalues.
    pub total_variance: f64,
    /// Cells with data.
    pub cells: usize,
    /// Those of them whose series does not vary; they have no standardized series and no
    /// correlation, and come out as missing where those are asked for.
    pub constant: usize,
    /// Which covariance was diagonalised.
    pub covariance: Covariance,
    /// By how much an eigenvalue may be off for products in single precision, at most.
    pub error_bound: f64,
}

impl Eof {
    /// An estimate of the relative error of mode `k` (from 0) that double precision leaves: the
    /// covariance holds λ to a rounding error of λ₁.
    pub fn precision(&self, k: usize) -> f64 {
        f64::EPSILON * self.eigenvalues[0] / self.eigenvalues[k]
    }
}

/// What an analysis of a field of these dimensions needs of its plan, for `modes` modes; the
/// cells of the grid that are `excluded` are left out.
pub fn needs(dims: &[Dim], excluded: &[bool], options: &EofOptions, modes: usize) -> SeriesNeeds {
    let times = dims.first().map_or(0, |d| d.len);
    let groups = match options.anomaly {
        Anomaly::None => 0,
        Anomaly::Mean => 1,
        Anomaly::Climatology => 12,
    };
    let rows = match Covariance::of(times, cells(dims, excluded)) {
        Covariance::Temporal => modes + maps::KNOWN + groups,
        Covariance::Spatial => spatial::rows(times).max(modes + maps::KNOWN + groups),
    };
    SeriesNeeds {
        reduces: vec![Role::Time],
        rows,
        tiling: Some(Tiling::series(dims)),
        scratch_per_thread: maps::scratch(times, modes),
    }
}

/// Bytes that a rank needs beside the series: for the partial sums of the covariance, at most.
pub fn state_bytes(dims: &[Dim], excluded: &[bool]) -> u64 {
    let times = dims.first().map_or(0, |d| d.len);
    let cells = cells(dims, excluded);
    match Covariance::of(times, cells) {
        Covariance::Temporal => {
            // A path of the merge tree, one that is filled, one used before, one on its way.
            let levels = Tiling::series(dims).len().next_power_of_two().ilog2();
            SymmetricSum::bytes(times).saturating_mul(u64::from(levels) + 4)
        }
        Covariance::Spatial => SymmetricSum::bytes(cells).saturating_mul(4),
    }
}

/// Bytes of the eigenproblem, on the one rank that solves it.
pub fn solver_bytes(dims: &[Dim], excluded: &[bool]) -> u64 {
    let n = dims.first().map_or(0, |d| d.len).min(cells(dims, excluded)) as u64;
    // The sum, the matrix, its vectors, and what the solver works with.
    SymmetricSum::bytes(n as usize).saturating_add(n.saturating_mul(n).saturating_mul(3 * 8))
}

/// Cells that may have data.
fn cells(dims: &[Dim], excluded: &[bool]) -> usize {
    let all: usize = dims.iter().skip(1).map(|d| d.len).product();
    all - excluded.iter().filter(|e| **e).count().min(all)
}

/// EOF analysis of `field`, dimensions (time, space…), whose decomposition keeps the tiles of
/// `tiling` ([`Tiling::series`]) whole.
///
/// # Collective
/// Every rank calls this with the same arguments and its own block of the field.
///
/// # Errors
/// As [`analyse_series`].
pub fn analyse<T: Element>(
    engine: &Engine,
    field: &Field<T>,
    tiling: &Tiling,
    input: &EofInput<'_>,
    options: &EofOptions,
) -> Result<Eof> {
    let (source, plan) = FieldSeries::new(field, tiling)?;
    analyse_series(engine, &EofField { source: &source, plan: &plan, input: *input }, options)
}

/// EOF analysis of a field whose series stream through memory: one pass for the covariance, one
/// for the maps.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when there are fewer than two times, infinite
/// values, cells missing at some times only, no data or no variance;
/// [`Usage`](halocline_core::ErrorKind::Usage) when there are fewer modes than asked for;
/// [`Memory`](halocline_core::ErrorKind::Memory) when there are more times than cells and the
/// anomalies do not fit into memory.
pub fn analyse_series(engine: &Engine, field: &EofField<'_>, options: &EofOptions) -> Result<Eof> {
    let dims = &field.source.variable().dims;
    let times = dims.first().filter(|d| d.role == Role::Time).map_or(0, |d| d.len);
    if times < 2 {
        let there = if times == 1 { "is one" } else { "is none" };
        return Err(Error::data(format!("an EOF analysis needs at least two times, there {there}")));
    }
    let input = &field.input;
    let recipe = Recipe::new(options, times, input.months)?;
    let shared = Shared::new(dims, &recipe, input);
    let scale = times as f64 - 1.0;
    let covariance = Covariance::of(times, cells(dims, input.excluded));
    let (mut solved, cells) = match covariance {
        Covariance::Temporal => {
            let fold = GramFold::new(&shared, options.precision);
            let state = engine.fold_series(field.source, field.plan, &fold)?.pop().map(|(_, state)| state);
            let survey = engine.finish_single(state.as_ref(), |state| Ok(state.survey.clone()))?;
            survey.check(input.locate)?;
            let modes = wanted(options.modes, times, survey.cells)?;
            (engine.finish_single(state, |state| Solved::of(&state.sum, modes))?, survey.cells)
        }
        Covariance::Spatial => {
            let (anomalies, survey, valid) = spatial::anomalies(engine, field, &shared)?;
            let modes = wanted(options.modes, times, survey.cells)?;
            (spatial::solve(engine, anomalies, &valid, modes)?, survey.cells)
        }
    };
    if matches!(options.modes, Modes::UpTo(_)) {
        solved.keep(rank(&solved.values).max(1), times);
    }
    let modes = solved.values.len();
    let eigenvalues: Vec<f64> = solved.values.iter().map(|g| g / scale).collect();
    let pc_factors: Vec<f64> = eigenvalues
        .iter()
        .map(|l| match options.pc_scaling {
            PcScaling::Raw => (scale * l).sqrt(),
            PcScaling::UnitVariance => scale.sqrt(),
            PcScaling::Multiplied => scale.sqrt() * l,
        })
        .collect();
    let mut maps = Maps::of(engine, field, &shared, &solved.units)?;
    let varying = engine.gather(&maps.varying())?.iter().sum::<usize>();
    if varying == 0 {
        return Err(no_variance());
    }
    check_rank(&eigenvalues, solved.trace / scale)?;
    // The EOF of the weighted field, of unit length.
    let unit = |k: usize, sum: f64, cell: usize| shared.weight(cell) * sum / (scale * eigenvalues[k]).sqrt();
    let peaks = maps::highest(engine, maps.peaks(&shared, unit))?;
    let signs: Vec<f64> = peaks.iter().map(|p| if p.negative { -1.0 } else { 1.0 }).collect();
    let unit_means: Vec<f64> =
        solved.units.chunks(times).map(|u| u.iter().sum::<f64>() / times as f64).collect();
    maps.change(&shared, |k, sum, known, cell| {
        if options.standardize && known.constant {
            // A constant cell has no standardized series.
            return f64::NAN;
        }
        let centred = sum - times as f64 * unit_means[k] * known.mean;
        let lambda = eigenvalues[k];
        signs[k]
            * match options.eof_scaling {
                EofScaling::UnitNorm => unit(k, sum, cell),
                EofScaling::Divided => unit(k, sum, cell) / lambda.sqrt(),
                EofScaling::Multiplied => unit(k, sum, cell) * lambda.sqrt(),
                EofScaling::Covariance => pc_factors[k] * centred / scale,
                EofScaling::Correlation if known.constant => f64::NAN,
                EofScaling::Correlation => {
                    let spread = 1.0 - times as f64 * unit_means[k] * unit_means[k];
                    (centred / (known.squares * spread).sqrt()).clamp(-1.0, 1.0)
                }
            }
    });
    let [eofs, means, deviations] = maps.into_blocks();
    let pcs = (0..times)
        .flat_map(|t| {
            let (solved, signs, pc_factors) = (&solved, &signs, &pc_factors);
            (0..modes).map(move |k| signs[k] * pc_factors[k] * solved.units[k * times + t])
        })
        .collect();
    let total_variance = solved.trace / scale;
    let error_bound = match (options.precision, covariance) {
        (Precision::Mixed, Covariance::Temporal) => SymmetricSum::SINGLES_ERROR * total_variance,
        _ => 0.0,
    };
    Ok(Eof {
        eofs,
        means,
        deviations,
        pcs,
        variance_fraction: eigenvalues.iter().map(|l| l / total_variance).collect(),
        north_error: eigenvalues.iter().map(|l| l * (2.0 / times as f64).sqrt()).collect(),
        eigenvalues,
        total_variance,
        cells,
        constant: cells - varying,
        covariance,
        error_bound,
    })
}

/// How many modes are computed, of as many as there are.
fn wanted(modes: Modes, times: usize, cells: usize) -> Result<usize> {
    let limit = (times - 1).min(cells);
    match modes {
        Modes::UpTo(modes) => Ok(modes.min(limit)),
        Modes::Exactly(modes) if (1..=limit).contains(&modes) => Ok(modes),
        Modes::Exactly(modes) => {
            Err(Error::usage(format!("{modes} modes are asked for, there are at most {limit}")).remedy(format!(
                "choose --modes between 1 and {limit} ({times} times, {cells} cells with data)"
            )))
        }
    }
}

/// What both routes arrive at.
#[derive(serde::Serialize, serde::Deserialize)]
struct Solved {
    /// Eigenvalues of the sum of squares, s².
    values: Vec<f64>,
    trace: f64,
    /// Unit vectors over time, one after the other.
    units: Vec<f64>,
}

impl Solved {
    fn of(sum: &SymmetricSum, modes: usize) -> Result<Self> {
        let pairs = sum.leading(modes)?;
        Ok(Self { values: pairs.values, trace: pairs.trace, units: pairs.vectors })
    }
    /// Keeps the first `modes` modes.
    fn keep(&mut self, modes: usize, times: usize) {
        self.values.truncate(modes);
        self.units.truncate(modes * times);
    }
}

/// How many of descending eigenvalues are variance, not rounding.
fn rank(values: &[f64]) -> usize {
    let first = values.first().copied().unwrap_or(0.0);
    values.iter().take_while(|v| **v > RANK * first).count()
}

/// Refuses modes that are rounding.
fn check_rank(eigenvalues: &[f64], total: f64) -> Result<()> {
    let first = eigenvalues.first().copied().unwrap_or(0.0);
    if !(total > 0.0 && first > 0.0) {
        return Err(no_variance());
    }
    let rank = rank(eigenvalues);
    if rank < eigenvalues.len() {
        return Err(Error::usage(format!(
            "{} modes are asked for, but only {rank} have variance above rounding",
            eigenvalues.len()
        ))
        .remedy(format!("choose --modes {rank} or fewer")));
    }
    Ok(())
}

fn no_variance() -> Error {
    Error::data("the anomalies have no variance").remedy("choose another --anomaly, --time or --box")
}
