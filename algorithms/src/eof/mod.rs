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

mod covariance;
mod options;
mod pattern;
mod prepare;
mod survey;

pub use options::{Anomaly, EofOptions, EofScaling, Modes, PcScaling};

use covariance::{ProjectMap, Series, SpatialFold, TemporalFold, WeightedAnomalies};
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Engine, FieldSource};
use halocline_core::field::{Element, Field};
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::tiling::{Tile, Tiling};
use halocline_core::{Error, Result};
use pattern::{PatternMap, Peak};
use prepare::Recipe;
use std::sync::Arc;
use survey::{Survey, SurveyMap};

/// An eigenvalue below this share of the first is rounding, not variance.
const RANK: f64 = 1e-13;

/// What is analysed, besides the values.
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

/// Which covariance was diagonalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// Between times.
    Temporal,
    /// Between cells.
    Spatial,
}

/// The result of an EOF analysis; all but `eofs` is the same on every rank.
#[derive(Debug)]
pub struct Eof {
    /// Maps (mode, y, x): this rank's block.
    pub eofs: Field<f64>,
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
}

impl Eof {
    /// An estimate of the relative error of mode `k` (from 0) that double precision leaves: the
    /// covariance holds λ to a rounding error of λ₁.
    pub fn precision(&self, k: usize) -> f64 {
        f64::EPSILON * self.eigenvalues[0] / self.eigenvalues[k]
    }
}

/// EOF analysis of `field`, dimensions (time, space…), whose decomposition keeps the tiles of
/// `tiling` ([`Tiling::series`]) whole.
///
/// # Collective
/// Every rank calls this with the same arguments and its own block of the field.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when there are fewer than two times, infinite
/// values, cells missing at some times only, no data or no variance;
/// [`Usage`](halocline_core::ErrorKind::Usage) when there are fewer modes than asked for.
pub fn analyse<T: Element>(
    engine: &Engine,
    field: &Field<T>,
    tiling: &Tiling,
    input: &EofInput<'_>,
    options: &EofOptions,
) -> Result<Eof> {
    let dims = field.variable().dims.clone();
    let times = dims.first().filter(|d| d.role == Role::Time).map_or(0, |d| d.len);
    if times < 2 {
        return Err(Error::data(format!(
            "an EOF analysis needs at least two times, there {}",
            match times {
                1 => "is one",
                _ => "is none",
            }
        )));
    }
    let space: Vec<usize> = dims[1..].iter().map(|d| d.len).collect();
    let width: usize = space.iter().product();
    let cells_of = |tile: &Tile| cells_of(tile, &space);
    let source = FieldSource::new(field, tiling)?;

    let map = SurveyMap { times, cells_of: &cells_of, excluded: input.excluded };
    let survey = Survey::join(engine.map_gather(&source, &map)?);
    survey.check(input.locate)?;
    let valid = survey.valid;
    check_weights(input, &valid)?;
    let limit = (times - 1).min(valid.len());
    let modes = match options.modes {
        Modes::UpTo(modes) => modes.min(limit),
        Modes::Exactly(modes) if (1..=limit).contains(&modes) => modes,
        Modes::Exactly(modes) => {
            return Err(Error::usage(format!("{modes} modes are asked for, there are at most {limit}"))
                .remedy(format!(
                    "choose --modes between 1 and {limit} ({times} times, {} cells with data)",
                    valid.len()
                )))
        }
    };

    let recipe = Recipe::new(options, times, input.months)?;
    let series = Series {
        recipe: &recipe,
        times,
        weights: input.weights,
        excluded: input.excluded,
        cells_of: &cells_of,
        buffers: Buffers::new(),
    };
    let scale = times as f64 - 1.0;
    let (mut solved, covariance) = if times <= valid.len() {
        (temporal(engine, &source, &series, modes)?, Covariance::Temporal)
    } else {
        (spatial(engine, field, &source, &series, &valid, width, modes)?, Covariance::Spatial)
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

    let mode = Dim::new("mode", modes, Role::Mode);
    let decomposition = Arc::new(field.decomposition().with_dim(0, mode.clone())?);
    let variable = Variable {
        name: "eof".into(),
        dims: std::iter::once(mode).chain(dims[1..].iter().cloned()).collect(),
        dtype: DType::F64,
        attributes: Attributes::new(),
    };
    let mut eofs = Field::<f64>::missing(variable, decomposition, engine.comm().rank());
    let pattern = PatternMap {
        series: &series,
        options,
        units: &solved.units,
        eigenvalues: &eigenvalues,
        pc_factors: &pc_factors,
    };
    let found = patterns(engine, &source, &pattern, &mut eofs)?;
    if found.varying == 0 {
        return Err(no_variance());
    }
    check_rank(&eigenvalues, solved.trace / scale)?;
    let signs = found.signs;
    let pcs = (0..times)
        .flat_map(|t| {
            let (solved, signs, pc_factors) = (&solved, &signs, &pc_factors);
            (0..modes).map(move |k| signs[k] * pc_factors[k] * solved.units[k * times + t])
        })
        .collect();
    let total_variance = solved.trace / scale;
    Ok(Eof {
        eofs,
        pcs,
        variance_fraction: eigenvalues.iter().map(|l| l / total_variance).collect(),
        north_error: eigenvalues.iter().map(|l| l * (2.0 / times as f64).sqrt()).collect(),
        eigenvalues,
        total_variance,
        cells: valid.len(),
        constant: valid.len() - found.varying,
        covariance,
    })
}

/// What the pass that makes the maps finds out on the way.
struct Found {
    /// The sign of each mode, given to its map already.
    signs: Vec<f64>,
    /// Cells whose series varies.
    varying: usize,
}

/// Fills in the maps of all modes, each with its sign.
fn patterns(
    engine: &Engine,
    source: &FieldSource<'_, impl Element>,
    pattern: &PatternMap<'_>,
    eofs: &mut Field<f64>,
) -> Result<Found> {
    let modes = pattern.eigenvalues.len();
    let own = eofs.block().clone();
    let mut peaks = vec![Peak::NONE; modes];
    let mut varying = 0;
    engine.map(source, pattern, |tile, result| {
        own.insert(eofs.data_mut(), &tile.block.with_range(0, 0..modes), &result.values);
        for (peak, other) in peaks.iter_mut().zip(result.peaks) {
            *peak = peak.larger(other);
        }
        varying += result.varying;
        Ok(())
    })?;
    let varying = engine.gather(&varying)?.iter().sum();
    for other in engine.gather(&peaks)? {
        for (peak, other) in peaks.iter_mut().zip(other) {
            *peak = peak.larger(other);
        }
    }
    let signs: Vec<f64> = peaks.iter().map(|p| if p.negative { -1.0 } else { 1.0 }).collect();
    let cells: usize = own.shape()[1..].iter().product();
    for (map, _) in eofs.data_mut().chunks_mut(cells.max(1)).zip(&signs).filter(|(_, sign)| **sign < 0.0) {
        map.iter_mut().for_each(|v| *v = -*v);
    }
    Ok(Found { signs, varying })
}

/// Offsets in the grid of the cells of a tile, C order.
fn cells_of(tile: &Tile, space: &[usize]) -> Vec<usize> {
    let whole = halocline_core::index::IndexBox::whole(space);
    let inner = halocline_core::index::IndexBox::new(tile.block.ranges()[1..].to_vec());
    let mut cells = Vec::with_capacity(inner.len());
    whole.for_each_run(&inner, |from, _, n| cells.extend(from..from + n));
    cells
}

/// What both routes arrive at.
struct Solved {
    /// Eigenvalues of the sum of squares, s².
    values: Vec<f64>,
    trace: f64,
    /// Unit vectors over time, one after the other.
    units: Vec<f64>,
}

fn temporal(
    engine: &Engine,
    source: &FieldSource<'_, impl Element>,
    series: &Series<'_>,
    modes: usize,
) -> Result<Solved> {
    let state = engine.fold_single(source, &TemporalFold::new(series))?;
    let pairs = engine.finish_single(state, |sum| sum.leading(modes))?;
    Ok(Solved { values: pairs.values, trace: pairs.trace, units: pairs.vectors })
}

fn spatial<T: Element>(
    engine: &Engine,
    field: &Field<T>,
    source: &FieldSource<'_, T>,
    series: &Series<'_>,
    valid: &[usize],
    width: usize,
    modes: usize,
) -> Result<Solved> {
    let variable = Variable { dtype: DType::F64, ..field.variable().clone() };
    let mut anomalies =
        Field::<f64>::missing(variable, Arc::clone(field.decomposition()), engine.comm().rank());
    engine.map(source, &WeightedAnomalies(series), |tile, values| {
        let own = anomalies.block().clone();
        own.insert(anomalies.data_mut(), &tile.block, &values);
        Ok(())
    })?;
    let tiling = Tiling::maps(&field.variable().dims);
    let maps = anomalies.redistribute(engine.comm(), &Arc::new(tiling.deal(engine.ranks(), &[])?))?;
    drop(anomalies);
    let maps = FieldSource::new(&maps, &tiling)?;
    let state = engine.fold_single(&maps, &SpatialFold::new(valid, width))?;
    let pairs = engine.finish_single(state, |sum| sum.leading(modes))?;
    let project = ProjectMap { valid, width, patterns: &pairs.vectors };
    let pcs: Vec<f64> = engine.map_gather(&maps, &project)?.into_iter().flatten().collect();
    let units = (0..modes)
        .flat_map(|k| {
            let pcs = &pcs;
            let norm = (0..series.times).map(|t| pcs[t * modes + k].powi(2)).sum::<f64>().sqrt();
            let factor = if norm > 0.0 { 1.0 / norm } else { 0.0 };
            (0..series.times).map(move |t| pcs[t * modes + k] * factor)
        })
        .collect();
    Ok(Solved { values: pairs.values, trace: pairs.trace, units })
}

impl Solved {
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

/// Refuses data in cells whose weight is unknown: cells without coordinates.
fn check_weights(input: &EofInput<'_>, valid: &[usize]) -> Result<()> {
    let unknown = valid.iter().find(|c| input.weights.get(**c).is_some_and(|w| !w.is_finite()));
    match unknown {
        None => Ok(()),
        Some(&cell) => Err(Error::data(format!(
            "there are data in a cell without coordinates, {}",
            (input.locate)(cell, 0)
        ))
        .remedy("use --weights none")),
    }
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
