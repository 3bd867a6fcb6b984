//! Principal oscillation patterns (POPs) of one or of several fields: the damped oscillations of
//! the linear model that steps the leading principal components on.
//!
//! With raw principal components a(t) of the leading EOFs and A from a(t + 1) = A a(t) + noise
//! (`modes::pops`), an eigenvalue λ = |λ| exp(i ω) of A belongs to a pair of patterns p₁, p₂ that
//! the system runs through as p₁ → −p₂ → −p₁ → p₂ → p₁ in 2π/ω steps, decaying to 1/e in
//! −1 / ln |λ|. The anomalies that mode has are z₁(t) P₁ + z₂(t) P₂, P the maps of p (without
//! weights), z the coefficients of the best fit, here scaled so that z₁ + i z₂ has variance 1
//! (over n). The largest entry of the (weighted) P₁ is positive.
//!
//! # References
//! Hasselmann (1988), *J. Geophys. Res.* 93, 11015–11021. von Storch, Bürger, Schnur and von
//! Storch (1995), *J. Climate* 8, 377–400.

use super::analysis::{check_precision, modes_of, times_of};
use super::gram::Shared;
use super::kernels::{check_rank, rank};
use super::maps::{self, Maps, Peak};
use super::options::{EofOptions, Method, Missing, Modes, Rotated};
use super::prepare::Recipe;
use super::result::Filled;
use super::{EofField, MapBlock};
use crate::modes::{pop_vectors, pops, Pop};
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The maps of one field: this rank's part.
#[derive(Debug)]
pub struct OscillationMaps {
    /// P₁ (mode, y, x), in the units of the anomalies.
    pub real: Vec<MapBlock>,
    /// P₂, orthogonal to P₁ over all (weighted) cells and not longer; zero for a real λ.
    pub imaginary: Vec<MapBlock>,
    /// What was removed from each cell, (1, y, x) or (month, y, x).
    pub means: Vec<MapBlock>,
    /// Standard deviation (n − 1) of the anomalies, (1, y, x).
    pub deviations: Vec<MapBlock>,
    /// What the field was multiplied by.
    pub factor: f64,
    /// Cells with data.
    pub cells: usize,
}

/// Principal oscillation patterns; all but maps is the same on every rank.
#[derive(Debug)]
pub struct Oscillations {
    /// One a field.
    pub fields: Vec<OscillationMaps>,
    /// EOFs that the model is of, and their share of the total variance.
    pub eofs: usize,
    /// Their share of the total variance.
    pub eof_fraction: f64,
    /// Real and imaginary part of λ, the latter not negative.
    pub eigenvalues: Vec<(f64, f64)>,
    /// 2π / ω in records; infinite for a real positive λ.
    pub periods: Vec<f64>,
    /// −1 / ln |λ| in records; negative if it grows.
    pub decays: Vec<f64>,
    /// z₁ (time, mode).
    pub real_coefficients: Vec<f64>,
    /// z₂ (time, mode).
    pub imaginary_coefficients: Vec<f64>,
    /// Share of the total variance that each has by itself; together they need not add up, as
    /// they are not at right angles.
    pub variance_fraction: Vec<f64>,
    /// Sum of the variances of all (weighted) cells.
    pub total_variance: f64,
    /// How gaps were filled, if they were to be.
    pub filled: Option<Filled>,
}

/// What rank 0 finds.
#[derive(Serialize, Deserialize)]
struct Found {
    pops: Vec<Pop>,
    /// Temporal vectors of P₁ and P₂ of each mode.
    columns: Vec<f64>,
}

/// The POPs of fields whose series stream through memory, at the same regular times, in the space
/// of so many leading EOFs (`eofs`); `options` say what is done to the data first and how many
/// are wanted, the ones with the largest coefficients first. A pass for the covariance, one for
/// the maps.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// As [`analyse_fields`](super::analyse_fields); usage, when there are fewer patterns than are
/// asked for, or not more times than EOFs and one.
pub fn oscillate(
    engine: &Engine,
    fields: &[EofField<'_>],
    options: &EofOptions,
    eofs: Modes,
) -> Result<Oscillations> {
    if options.method != Method::Plain || options.rotated != Rotated::No {
        return Err(Error::usage("oscillation patterns are of plain EOFs"));
    }
    if matches!(options.missing, Missing::Pairwise(_)) {
        return Err(Error::usage("oscillation patterns are not made from covariances of pairs")
            .remedy("fill the gaps instead (--missing dineof)"));
    }
    check_precision(options)?;
    let times = times_of(fields)?;
    let mut recipes: Vec<Recipe> =
        fields.iter().map(|f| Recipe::new(options, times, f.input.months)).collect::<Result<_>>()?;
    let wanted = match eofs {
        Modes::Exactly(n) if n + 2 > times => {
            return Err(Error::usage(format!("{n} EOFs of {times} times have no oscillation patterns"))
                .remedy(format!("choose --eofs {} or fewer", times.saturating_sub(2).max(1))))
        }
        Modes::Exactly(n) => Modes::Exactly(n),
        Modes::UpTo(n) => Modes::UpTo(n.min(times.saturating_sub(2))),
    };
    let of_eofs = EofOptions { modes: wanted, tests: super::Tests::default(), ..options.clone() };
    let filled = super::gaps::fill(engine, fields, &mut recipes, &of_eofs)?;
    let recipes = recipes;
    let fields: Vec<(EofField<'_>, Shared<'_>)> = fields
        .iter()
        .zip(&recipes)
        .map(|(f, recipe)| (*f, Shared::new(&f.source.variable().dims, recipe, f.input)))
        .collect();
    let found = modes_of(engine, &fields, &of_eofs)?;
    let (mut solved, cells) = (found.solved, found.counts);
    if matches!(eofs, Modes::UpTo(_)) {
        solved.keep(rank(&solved.values, 0.0).max(1));
    }
    let scale = times as f64 - 1.0;
    let variances: Vec<f64> = solved.values.iter().map(|v| v / scale).collect();
    let total_variance = solved.trace / scale;
    check_rank(&variances, total_variance, 0.0)?;
    let kept = solved.values.len();
    let root = engine.comm().is_root().then_some(&solved);
    let found = engine.finish_single(root, |solved| {
        let roots = solved.values.iter().map(|v| v.sqrt());
        let raw: Vec<f64> =
            solved.units.chunks(times).zip(roots).flat_map(|(u, s)| u.iter().map(move |v| v * s)).collect();
        let mut pops = pops(&raw, times)?;
        match options.modes {
            Modes::Exactly(n) if n > pops.len() => {
                return Err(Error::usage(format!(
                    "{n} oscillation patterns are asked for, {kept} EOFs have {}",
                    pops.len()
                ))
                .remedy(format!("choose --modes {} or fewer, or more --eofs", pops.len())))
            }
            Modes::Exactly(n) | Modes::UpTo(n) => pops.truncate(n),
        }
        let columns = pops
            .iter()
            .flat_map(|pop| {
                let (real, imaginary) = pop_vectors(pop, &solved.columns, times);
                real.into_iter().chain(imaginary)
            })
            .collect();
        Ok(Found { pops, columns })
    })?;
    let eof_fraction = variances.iter().sum::<f64>() / total_variance;
    let shape = (times, kept);
    finish(engine, &fields, (found, &solved.factors, &cells), shape, (total_variance, eof_fraction, filled))
}

/// The maps, signs and scalings.
fn finish(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    (found, factors, cells): (Found, &[f64], &[usize]),
    (times, eofs): (usize, usize),
    (total_variance, eof_fraction, filled): (f64, f64, Option<Filled>),
) -> Result<Oscillations> {
    let Found { pops, columns } = found;
    let modes = pops.len();
    let mut all = Vec::new();
    let mut highest: Vec<Option<Peak>> = vec![None; modes];
    for ((field, shared), factor) in fields.iter().zip(factors) {
        let maps = Maps::of(engine, field, shared, &columns)?;
        let own = maps.peaks(shared, |_, sum, cell| factor * shared.weight(cell) * sum);
        // Of P₁ alone, which are every other row.
        for (peak, so_far) in maps::highest(engine, &own)?.into_iter().step_by(2).zip(&mut highest) {
            if so_far.is_none_or(|h| peak.is_larger(&h)) {
                *so_far = Some(peak);
            }
        }
        all.push(maps);
    }
    let signs: Vec<f64> =
        highest.iter().map(|p| if p.is_some_and(|p| p.negative) { -1.0 } else { 1.0 }).collect();
    let mut results = Vec::new();
    for ((mut maps, (_, shared)), (&factor, &cells)) in
        all.into_iter().zip(fields).zip(factors.iter().zip(cells))
    {
        let standardized = shared.recipe.standardize;
        maps.change(shared, |row, sum, known, _| {
            if standardized && known.constant {
                return f64::NAN;
            }
            signs[row / 2] * pops[row / 2].spread * sum
        });
        let [both, means, deviations] = maps.into_blocks(standardized, times as f64 - 1.0);
        let [real, imaginary] = [0, 1].map(|which| every_other(&both, which));
        results.push(OscillationMaps { real, imaginary, means, deviations, factor, cells });
    }
    let series = |of: &dyn Fn(&Pop) -> &[f64]| -> Vec<f64> {
        let at = |t: usize| pops.iter().zip(&signs).map(move |(pop, sign)| sign * of(pop)[t] / pop.spread);
        (0..times).flat_map(at).collect()
    };
    Ok(Oscillations {
        real_coefficients: series(&|pop| &pop.real_coefficients),
        imaginary_coefficients: series(&|pop| &pop.imaginary_coefficients),
        fields: results,
        eofs,
        eof_fraction,
        eigenvalues: pops.iter().map(|pop| pop.eigenvalue).collect(),
        periods: pops.iter().map(|pop| pop.period).collect(),
        decays: pops.iter().map(|pop| pop.decay).collect(),
        variance_fraction: pops.iter().map(|pop| eof_fraction * pop.variance_fraction).collect(),
        total_variance,
        filled,
    })
}

/// Rows 0, 2, 4… or 1, 3, 5… of blocks.
fn every_other(blocks: &[MapBlock], which: usize) -> Vec<MapBlock> {
    let each = |part: &MapBlock| {
        let rows = part.block.range(0).len();
        let width = part.values.len() / rows.max(1);
        let values = part.values.chunks(width.max(1)).skip(which).step_by(2).flatten().copied().collect();
        MapBlock { block: part.block.with_range(0, 0..rows / 2), values }
    };
    blocks.iter().map(each).collect()
}
