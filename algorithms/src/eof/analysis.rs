//! The steps of an analysis: a pass for the covariance, modes, maybe a rotation, a pass for maps.

use super::gram::Shared;
use super::kernels::{self, check_rank, kernel_of, no_variance, rank, wanted, Solved};
use super::maps::{self, Maps, Peak};
use super::options::{
    Anomaly, EofOptions, EofScaling, Method, Missing, Modes, PcScaling, Precision, Rotated, Solver,
};
use super::prepare::Recipe;
use super::randomized::{self, Approximation};
use super::result::{Eof, EofMaps};
use super::{cells, convention, significance, spatial, steps, Covariance, EofField, EofInput};
use crate::modes::Kernel;
use crate::symmetric::SymmetricSum;
use halocline_core::engine::{Engine, FieldSeries};
use halocline_core::field::{Element, Field};
use halocline_core::meta::Role;
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};

/// EOF analysis of `field`, dimensions (time, space…), whose decomposition keeps the tiles of
/// `tiling` ([`Tiling::series`]) whole.
///
/// # Collective
/// Every rank calls this with the same arguments and its own block of the field.
///
/// # Errors
/// As [`analyse_fields`].
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

/// [`analyse_fields`] of one field.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// As [`analyse_fields`].
pub fn analyse_series(engine: &Engine, field: &EofField<'_>, options: &EofOptions) -> Result<Eof> {
    analyse_fields(engine, std::slice::from_ref(field), options)
}

/// EOF analysis of fields whose series stream through memory, at the same times: one pass for
/// the covariance, one or two for a rotation, one for the maps.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when there are fewer than two times, infinite
/// values, cells missing at some times only, no data or no variance;
/// [`Usage`](halocline_core::ErrorKind::Usage) when there are fewer modes than asked for, or
/// options don't go together;
/// [`Memory`](halocline_core::ErrorKind::Memory) when there are more times than cells and the
/// anomalies do not fit into memory.
pub fn analyse_fields(engine: &Engine, fields: &[EofField<'_>], options: &EofOptions) -> Result<Eof> {
    let times = times_of(fields)?;
    check(options)?;
    convention::check(options, fields.len())?;
    if let Missing::Pairwise(pairs) = &options.missing {
        return super::pairwise::analyse(engine, fields, options, pairs);
    }
    let mut recipes: Vec<Recipe> =
        fields.iter().map(|f| Recipe::new(options, times, f.input.months)).collect::<Result<_>>()?;
    let filled = super::gaps::fill(engine, fields, &mut recipes, options)?;
    let recipes = recipes;
    let fields: Vec<(EofField<'_>, Shared<'_>)> = fields
        .iter()
        .zip(&recipes)
        .map(|(f, recipe)| (*f, Shared::new(&f.source.variable().dims, recipe, f.input)))
        .collect();
    let pc_times = options.method.times(times)?;
    let scale = pc_times.len() as f64 - 1.0;
    let Found { mut solved, counts, covariance, kernel, mut approximation } =
        modes_of(engine, &fields, options)?;
    let all: usize = counts.iter().sum();
    let error_bound = match (options.precision, covariance) {
        _ if approximation.is_some() => 0.0,
        (Precision::Mixed, Covariance::Temporal) => SymmetricSum::SINGLES_ERROR * solved.trace / scale,
        _ => 0.0,
    };
    if matches!(options.modes, Modes::UpTo(_)) {
        solved.keep(rank(&solved.values, error_bound * scale).max(1));
        approximation.iter_mut().for_each(|a| a.bounds.truncate(solved.values.len()));
    }
    let significance = significance::test(engine, kernel, &options.tests, &solved, all)?;
    let total_variance = solved.trace / scale;
    let found: Vec<f64> = solved.values.iter().map(|g| g / scale).collect();
    // Before a rotation, which has no use for rounding, and after the maps, which tell why.
    if options.rotated != Rotated::No {
        check_rank(&found, total_variance, error_bound)?;
    }
    let unrotated = unrotated_signs(engine, &fields, &solved, options)?;
    let rotation = super::rotate::rotate(engine, &fields, options, &mut solved, (scale, all))?;
    let eigenvalues: Vec<f64> = solved.values.iter().map(|g| g / scale).collect();
    let pc_factors: Vec<f64> = eigenvalues
        .iter()
        .map(|l| match options.pc_scaling {
            PcScaling::Raw => (scale * l).sqrt(),
            PcScaling::UnitVariance => scale.sqrt(),
            PcScaling::Multiplied => scale.sqrt() * l,
        })
        .collect();
    let (maps, varying) = maps_of(engine, &fields, &solved.columns)?;
    if varying.iter().all(|v| *v == 0) {
        return Err(no_variance());
    }
    check_rank(&found, total_variance, error_bound)?;
    let signs = signs(engine, &fields, &maps, &solved, options)?;
    let scaling = Scaling {
        options,
        solved: &solved,
        eigenvalues: &eigenvalues,
        pc_factors: &pc_factors,
        scale,
        is_filled: filled.as_ref().is_some_and(|f| f.modes > 0),
    };
    let parts = maps.into_iter().zip(&fields).zip(&solved.factors).zip(counts.iter().zip(varying));
    let results = parts
        .map(|(((mut maps, (_, shared)), &factor), (&cells, varying))| {
            scaling.apply(&mut maps, shared, factor, &signs);
            let [eofs, means, deviations] = maps.into_blocks(options.standardize, times as f64 - 1.0);
            EofMaps { eofs, means, deviations, factor, cells, constant: cells - varying }
        })
        .collect();
    let pcs = |units: &[f64]| -> Vec<f64> {
        let n = solved.times;
        let modes = units.len() / n.max(1);
        (0..n * modes)
            .map(|i| (i / modes, i % modes))
            .map(|(t, k)| signs[k] * pc_factors[k] * units[k * n + t])
            .collect()
    };
    let north = |l: &f64| l * (2.0 / solved.times as f64).sqrt();
    let mut eof = Eof {
        pcs: pcs(&solved.units),
        pcs_imaginary: pcs(&solved.imaginary),
        fields: results,
        times: pc_times,
        variance_fraction: eigenvalues.iter().map(|l| l / total_variance).collect(),
        north_error: if rotation.is_some() { Vec::new() } else { eigenvalues.iter().map(north).collect() },
        total_variance,
        covariance,
        error_bound,
        significance,
        rotation: rotation.map(|r| r.flipped(&negative(&signs)).of_flipped(&negative(&unrotated))),
        eigenvalues,
        approximation,
        merged: None,
        filled,
        paired: None,
    };
    let parts = EofParts { solved: &solved, signs: &signs };
    convention::apply(engine, &fields, options, &parts, &mut eof)?;
    Ok(eof)
}

/// What a result was made of.
pub(super) struct EofParts<'a> {
    pub(super) solved: &'a Solved,
    /// 1 or -1 for each mode.
    pub(super) signs: &'a [f64],
}

/// The number of records that all fields have.
pub(super) fn times_of(fields: &[EofField<'_>]) -> Result<usize> {
    let of = |f: &EofField<'_>| {
        f.source.variable().dims.first().filter(|d| d.role == Role::Time).map_or(0, |d| d.len)
    };
    let times = fields.first().map_or(0, of);
    if let Some(other) = fields.iter().find(|f| of(f) != times) {
        let (name, first) = (other.name(), fields[0].name());
        return Err(Error::usage(format!("has {} times, `{first}` has {times}", of(other)))
            .in_variable(name)
            .remedy("select the same times of all"));
    }
    if times < 2 {
        let there = if times == 1 { "is one" } else { "is none" };
        return Err(Error::data(format!("an EOF analysis needs at least two times, there {there}")));
    }
    Ok(times)
}

/// Gaps are treated in double precision only.
pub(super) fn check_precision(options: &EofOptions) -> Result<()> {
    if options.missing != Missing::Refuse && options.precision == Precision::Mixed {
        return Err(
            Error::usage("gaps are not treated in single precision").remedy("leave --precision mixed out")
        );
    }
    Ok(())
}

/// Refuses options that don't go together.
fn check(options: &EofOptions) -> Result<()> {
    options.tests.check(options)?;
    check_precision(options)?;
    if let Solver::Randomized(asked) = &options.solver {
        asked.check(options)?;
    }
    let is_complex = matches!(options.method, Method::Complex(_));
    if is_complex && options.rotated != Rotated::No {
        return Err(Error::usage("complex EOFs are not rotated").remedy("leave the rotation out"));
    }
    let plain = matches!(options.method, Method::Plain) && !matches!(options.rotated, Rotated::Promax(_));
    if options.eof_scaling == EofScaling::Correlation && !plain {
        return Err(Error::usage("correlation maps are made of plain and of varimax-rotated EOFs only")
            .remedy("choose another scaling of the EOFs"));
    }
    Ok(())
}

/// The modes of all fields together.
pub(super) struct Found {
    pub(super) solved: Solved,
    /// Cells with data of each field.
    pub(super) counts: Vec<usize>,
    covariance: Covariance,
    /// On rank 0, if tests need it.
    kernel: Option<Kernel>,
    approximation: Option<Approximation>,
}

pub(super) fn modes_of(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    options: &EofOptions,
) -> Result<Found> {
    if let Solver::Randomized(asked) = &options.solver {
        let (solved, counts, found) = randomized::solve(engine, fields, options, asked)?;
        let approximation = Some(found);
        return Ok(Found { solved, counts, covariance: Covariance::Temporal, kernel: None, approximation });
    }
    let keeps = options.tests.needs_kernel();
    let maps = match &options.method {
        Method::Extended(lags) => lags.len(),
        _ => 1,
    };
    if let ([(field, shared)], Method::Plain) = (fields, &options.method) {
        let dims = &field.source.variable().dims;
        let cells = cells(dims, field.input.excluded);
        if Covariance::of(shared.times, cells, &options.missing) == Covariance::Spatial {
            if let (Some(across), false) = (field.plan.across(), keeps) {
                let modes = |cells| wanted(options, shared.times, cells);
                let (solved, cells) = steps::solve(engine, field, shared, across, modes)?;
                let counts = vec![cells];
                let covariance = Covariance::Spatial;
                return Ok(Found { solved, counts, covariance, kernel: None, approximation: None });
            }
            // Of one field alone the covariance between cells is summed by all ranks.
            let (anomalies, survey, valid) = spatial::anomalies(engine, field, shared)?;
            let modes = wanted(options, shared.times, survey.cells)?;
            let kernel = if keeps { spatial::factor(engine, &anomalies, &valid)? } else { None };
            let solved = spatial::solve(engine, anomalies, &valid, modes)?;
            let counts = vec![survey.cells];
            return Ok(Found {
                solved,
                counts,
                covariance: Covariance::Spatial,
                kernel,
                approximation: None,
            });
        }
    }
    let (mut found, mut counts, mut covariance) = (Vec::new(), Vec::new(), Covariance::Spatial);
    for (field, shared) in fields {
        let one = kernel_of(engine, field, shared, options).map_err(|e| e.in_variable(field.name()))?;
        found.extend(one.kernel);
        counts.push(one.survey.cells);
        if one.covariance == Covariance::Temporal {
            covariance = Covariance::Temporal;
        }
    }
    let times = options.method.times(fields.first().map_or(0, |(_, shared)| shared.times))?;
    let modes = wanted(options, times.len(), counts.iter().sum::<usize>() * maps)?;
    let names: Vec<&str> = fields.iter().map(|(field, _)| field.name()).collect();
    let root = engine.comm().is_root().then_some(found);
    let solved =
        engine.finish_single(root.as_ref(), |kernels| kernels::solve(kernels, &names, options, modes))?;
    let kernel = significance::together(engine, root.filter(|_| keeps), &solved.factors)?;
    Ok(Found { solved, counts, covariance, kernel, approximation: None })
}

/// The maps of all fields, and how many cells of each vary.
fn maps_of(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    columns: &[f64],
) -> Result<(Vec<Maps>, Vec<usize>)> {
    let mut all = Vec::new();
    for (field, shared) in fields {
        all.push(Maps::of(engine, field, shared, columns)?);
    }
    let own: Vec<usize> = all.iter().map(Maps::varying).collect();
    let mut varying = vec![0; own.len()];
    for other in engine.gather(&own)? {
        varying.iter_mut().zip(other).for_each(|(v, o)| *v += o);
    }
    Ok((all, varying))
}

/// The signs that modes would have had without a rotation, which is told of those; nothing without one.
fn unrotated_signs(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    solved: &Solved,
    options: &EofOptions,
) -> Result<Vec<f64>> {
    if options.rotated == Rotated::No {
        return Ok(Vec::new());
    }
    let (maps, _) = maps_of(engine, fields, &solved.columns)?;
    signs(engine, fields, &maps, solved, options)
}

fn negative(signs: &[f64]) -> Vec<bool> {
    signs.iter().map(|s| *s < 0.0).collect()
}

/// 1 or -1 for each mode, so that the largest entry of its weighted patterns is positive; of
/// equals that of the first field, the first lag, the lowest cell. A complex mode has its phase.
fn signs(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    maps: &[Maps],
    solved: &Solved,
    options: &EofOptions,
) -> Result<Vec<f64>> {
    let modes = solved.values.len();
    if matches!(options.method, Method::Complex(_)) {
        return Ok(vec![1.0; modes]);
    }
    let each = options.method.maps();
    let mut highest: Vec<Option<Peak>> = vec![None; modes];
    for ((maps, (_, shared)), &factor) in maps.iter().zip(fields).zip(&solved.factors) {
        let own = maps.peaks(shared, |_, sum, cell| factor * shared.weight(cell) * sum);
        for (row, peak) in maps::highest(engine, &own)?.into_iter().enumerate() {
            let so_far = &mut highest[row / each];
            if so_far.is_none_or(|h| peak.is_larger(&h)) {
                *so_far = Some(peak);
            }
        }
    }
    Ok(highest.iter().map(|p| if p.is_some_and(|p| p.negative) { -1.0 } else { 1.0 }).collect())
}

/// How maps are scaled.
struct Scaling<'a> {
    options: &'a EofOptions,
    solved: &'a Solved,
    eigenvalues: &'a [f64],
    pc_factors: &'a [f64],
    /// n − 1.
    scale: f64,
    is_filled: bool,
}

impl Scaling<'_> {
    /// Whether products are about 0, not about means.
    fn keeps_means(&self) -> bool {
        self.options.anomaly == Anomaly::None && !self.options.detrend
    }
    /// From Xᵀ z, without weights and factors, to EOFs as they are wanted.
    fn apply(&self, maps: &mut Maps, shared: &Shared<'_>, factor: f64, signs: &[f64]) {
        let each = self.options.method.maps();
        let times = shared.times as f64;
        let is_plain = matches!(self.options.method, Method::Plain);
        let mean = |z: &[f64]| if is_plain { z.iter().sum::<f64>() / times } else { 0.0 };
        let means: Vec<f64> = self.solved.columns.chunks(shared.times).map(mean).collect();
        maps.change(shared, |row, sum, known, cell| {
            if self.options.standardize && known.constant {
                // A constant cell has no standardized series.
                return f64::NAN;
            }
            let k = row / each;
            let lambda = self.eigenvalues[k];
            // z is a unit vector over time, over s.
            let length = (self.scale * lambda).sqrt();
            let unit = factor * shared.weight(cell) * sum;
            let centred = length * (sum - times * means[row] * known.mean);
            signs[k]
                * match self.options.eof_scaling {
                    EofScaling::UnitNorm => unit,
                    EofScaling::Divided => unit / lambda.sqrt(),
                    EofScaling::Multiplied => unit * lambda.sqrt(),
                    // A filled series has a mean that is no part of what was removed, and of
                    // values as they are nothing was: without it the anomalies would not be the sum
                    // of pₖ eₖ.
                    EofScaling::Covariance if self.is_filled || self.keeps_means() => {
                        self.pc_factors[k] * length * sum / self.scale
                    }
                    EofScaling::Covariance => self.pc_factors[k] * centred / self.scale,
                    EofScaling::Correlation if known.constant => f64::NAN,
                    EofScaling::Correlation => {
                        let spread = 1.0 - times * (length * means[row]).powi(2);
                        (centred / (known.squares * spread).sqrt()).clamp(-1.0, 1.0)
                    }
                }
        });
    }
}
