//! EOFs of fields with gaps from pairwise-complete covariances, as `eofunc` of NCL makes them.
//!
//! Cells with less than a share of their values there are left out; anomalies x are about the
//! mean of the values that are there. With X = f w x (weights w, factors f of several fields) and
//! the number N of what both of a pair have:
//!
//! - *between cells*, C(c, c') = Σ (X(t, c) − X̄) (X(t, c') − X̄') / (N − 1) over the times that c
//!   and c' share, X̄ the means over these (0 where no anomaly is taken); C v = λ v.
//! - *between times*, for more cells than times: G(t, t') = (p − 1) / (N − 1) Σ X(t, c) X(t', c)
//!   over the cells that t and t' share, of p in all; G u = (n − 1) λ u, and the EOF v is
//!   Σ X(t, c) u(t) over the times that are there, divided by its length. These v are not quite
//!   at right angles.
//!
//! The principal component is Σ X(t, c) v(c) over the cells that are there at t, less its mean
//! over time (where anomalies are taken), and missing where no cell is there. Without gaps all of
//! it is the plain analysis. Neither matrix need have eigenvalues ≥ 0 only: how many are below
//! zero is told ([`Paired`]).
//!
//! Cells whose series does not vary are part of no pair.

mod cells;
mod passes;
mod times;

use super::gappy::Filling;
use super::gram::Shared;
use super::kernels::{check_variance, wanted};
use super::maps::{self, Maps, Peak};
use super::options::{
    Anomaly, EofOptions, EofScaling, FieldScaling, Method, Modes, Pairwise, PcScaling, Rotated,
};
use super::prepare::Recipe;
use super::result::{Eof, EofMaps, Paired};
use super::significance::Significance;
use super::{Covariance, EofField};
use crate::modes::Convention;
use crate::symmetric::SymmetricSum;
use halocline_core::engine::Engine;
use halocline_core::meta::Dim;
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use passes::{look, Seen};
use serde::{Deserialize, Serialize};

/// A field on its way through the passes.
struct Part<'a> {
    field: EofField<'a>,
    shared: Shared<'a>,
    seen: Seen,
    /// f.
    factor: f64,
}

/// The leading modes.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    /// λ, and the sum of all.
    values: Vec<f64>,
    trace: f64,
    /// Eigenvalues above rounding, those below zero, and their sum.
    positive: usize,
    negative: usize,
    negative_sum: f64,
    /// Σ X v over the cells that are there: times × modes.
    components: Vec<f64>,
    shapes: Shapes,
}

/// What the maps are made from: s with v = f w s.
#[derive(Debug, Serialize, Deserialize)]
enum Shapes {
    /// s of each mode in the given cells of each field, modes × cells.
    Cells(Vec<(Vec<usize>, Vec<f64>)>),
    /// Unit vectors u over time, one after the other, and the lengths |v| of Σ X u.
    Times(Vec<f64>, Vec<f64>),
}

impl Pairwise {
    /// Refuses what does not go with covariances of pairs.
    ///
    /// # Errors
    /// Usage.
    pub fn check(&self, options: &EofOptions) -> Result<()> {
        let tests = &options.tests;
        let what = if !matches!(options.method, Method::Plain) {
            "extended and complex EOFs"
        } else if options.rotated != Rotated::No {
            "rotated EOFs"
        } else if tests.north_effective || tests.rule_n.is_some() || tests.bootstrap.is_some() {
            "tests of significance"
        } else if options.eof_scaling == EofScaling::Correlation {
            "EOFs as correlations"
        } else if !matches!(options.convention, None | Some(Convention::Ncl)) {
            "conventions of tools other than NCL"
        } else {
            return Ok(());
        };
        Err(Error::usage(format!("{what} are not made from covariances of pairs"))
            .remedy("fill the gaps instead (--missing dineof)"))
    }

    /// What pairs are of, if these cells are kept.
    fn between(&self, times: usize, cells: usize) -> Covariance {
        let smaller = if cells <= times { Covariance::Spatial } else { Covariance::Temporal };
        self.between.unwrap_or(smaller)
    }
}

/// Cells and kinds of pairs that an analysis has to be ready for.
fn ready_for(times: usize, cells: usize, pairs: &Pairwise) -> (usize, bool) {
    match pairs.between {
        Some(Covariance::Spatial) => (cells, false),
        Some(Covariance::Temporal) => (0, true),
        // Of more cells than times fewer may be kept.
        None => (cells.min(times), cells > times),
    }
}

/// Bytes of partial sums, and of gathered series.
pub(super) fn state_bytes(dims: &[Dim], cells: usize, pairs: &Pairwise) -> u64 {
    let times = dims.first().map_or(0, |d| d.len);
    let (cells, between_times) = ready_for(times, cells, pairs);
    let levels = Tiling::series(dims).len().next_power_of_two().ilog2();
    let sums = SymmetricSum::bytes(times).saturating_mul(2 * (u64::from(levels) + 4));
    let series = (times as u64).saturating_mul(cells as u64).saturating_mul(3 * 8);
    series.max(if between_times { sums } else { 0 })
}

/// Bytes that rank 0 needs to solve.
pub(super) fn solver_bytes(times: usize, cells: usize, pairs: &Pairwise) -> u64 {
    let (cells, between_times) = ready_for(times, cells, pairs);
    let square = |n: usize| (n as u64).saturating_mul(n as u64).saturating_mul(8);
    // Between cells: the sum of 2p rows, all of it, the covariance, and what the solver takes.
    let of_cells = SymmetricSum::bytes(2 * cells).saturating_add(square(cells).saturating_mul(5));
    let series = (times as u64).saturating_mul(cells as u64).saturating_mul(8);
    let of_times = square(times).saturating_mul(6);
    of_cells.saturating_add(series).max(if between_times { of_times } else { 0 })
}

/// The analysis.
///
/// # Collective
/// Every rank calls this.
pub(super) fn analyse(
    engine: &Engine,
    fields: &[EofField<'_>],
    options: &EofOptions,
    pairs: &Pairwise,
) -> Result<Eof> {
    pairs.check(options)?;
    let times = super::analysis::times_of(fields)?;
    let filling = Filling { min_present: pairs.min_present, vectors: Vec::new() };
    let mut recipes = Vec::new();
    for field in fields {
        let mut recipe = Recipe::new(options, times, field.input.months)?;
        recipe.filling = Some(filling.clone());
        recipes.push(recipe);
    }
    let mut parts = Vec::new();
    for (field, recipe) in fields.iter().zip(&recipes) {
        let shared = Shared::new(&field.source.variable().dims, recipe, field.input);
        let seen = look(engine, field, &shared, pairs).map_err(|e| e.in_variable(field.name()))?;
        parts.push(Part { field: *field, shared, seen, factor: 1.0 });
    }
    scale(&mut parts, &options.fields)?;
    let cells = parts.iter().map(|p| p.seen.varying).sum();
    let at: Vec<u64> = (0..times).map(|t| parts.iter().map(|p| p.seen.at[t]).sum()).collect();
    let there = at.iter().filter(|n| **n > 0).count();
    let between = pairs.between(times, cells);
    let modes = wanted(options, there.max(1), cells)?;
    let mut found = match between {
        Covariance::Spatial => cells::solve(engine, &parts, (cells, modes), options.anomaly)?,
        Covariance::Temporal => times::solve(engine, &parts, (cells, modes))?,
    };
    check_variance(found.trace)?;
    if let Modes::Exactly(modes) = options.modes {
        if modes > found.positive {
            return Err(Error::usage(format!(
                "{modes} modes are asked for, but only {} have an eigenvalue above zero ({} are below)",
                found.positive, found.negative
            ))
            .remedy(format!("choose --modes {} or fewer", found.positive.max(1))));
        }
    }
    if found.values.is_empty() {
        return Err(Error::data("no eigenvalue is above zero").remedy("fill the gaps (--missing dineof)"));
    }
    centre(&mut found.components, &at, options.anomaly);
    finish(engine, &parts, options, (between, there), found)
}

/// Gives each of several fields its factor.
fn scale(parts: &mut [Part<'_>], scaling: &FieldScaling) -> Result<()> {
    if parts.len() == 1 {
        return Ok(());
    }
    match scaling {
        FieldScaling::None => {}
        FieldScaling::Given(factors) if factors.len() == parts.len() => {
            parts.iter_mut().zip(factors).for_each(|(p, f)| p.factor = *f);
        }
        FieldScaling::Given(factors) => {
            return Err(Error::usage(format!(
                "{} factors are given for {} variables",
                factors.len(),
                parts.len()
            )))
        }
        FieldScaling::Variance => {
            for part in parts {
                check_variance(part.seen.variance).map_err(|e| e.in_variable(part.field.name()))?;
                part.factor = 1.0 / part.seen.variance.sqrt();
            }
        }
    }
    Ok(())
}

/// Takes the mean over the times with data off each component, which is missing at others.
fn centre(components: &mut [f64], at: &[u64], anomaly: Anomaly) {
    let modes = components.len() / at.len().max(1);
    let there = at.iter().filter(|n| **n > 0).count().max(1) as f64;
    for k in 0..modes {
        let sum: f64 = components.chunks(modes).zip(at).filter(|(_, n)| **n > 0).map(|(row, _)| row[k]).sum();
        let mean = if anomaly == Anomaly::None { 0.0 } else { sum / there };
        for (row, n) in components.chunks_mut(modes).zip(at) {
            row[k] = if *n > 0 { row[k] - mean } else { f64::NAN };
        }
    }
}

/// Maps, signs and scalings.
fn finish(
    engine: &Engine,
    parts: &[Part<'_>],
    options: &EofOptions,
    (between, there): (Covariance, usize),
    found: Found,
) -> Result<Eof> {
    let (times, modes) = (parts[0].shared.times, found.values.len());
    let mut all = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        all.push(shapes_of(engine, part, &found.shapes, (i, modes))?);
    }
    let mut highest: Vec<Option<Peak>> = vec![None; modes];
    for (maps, part) in all.iter().zip(parts) {
        let own = maps.peaks(&part.shared, |_, s, cell| part.factor * part.shared.weight(cell) * s);
        for (peak, so_far) in maps::highest(engine, &own)?.into_iter().zip(&mut highest) {
            if so_far.is_none_or(|h| peak.is_larger(&h)) {
                *so_far = Some(peak);
            }
        }
    }
    let negative = |peak: &Option<Peak>| peak.is_some_and(|p| p.negative);
    let signs: Vec<f64> = highest.iter().map(|p| if negative(p) { -1.0 } else { 1.0 }).collect();
    // From raw components to those wanted.
    let factors: Vec<f64> = found
        .values
        .iter()
        .map(|l| match options.pc_scaling {
            PcScaling::Raw => 1.0,
            PcScaling::UnitVariance => 1.0 / l.sqrt(),
            PcScaling::Multiplied => l.sqrt(),
        })
        .collect();
    let mut results = Vec::new();
    for (mut maps, part) in all.into_iter().zip(parts) {
        maps.change(&part.shared, |k, s, known, cell| {
            if options.standardize && known.constant {
                return f64::NAN;
            }
            let (lambda, unit) = (found.values[k], part.factor * part.shared.weight(cell) * s);
            signs[k]
                * match options.eof_scaling {
                    EofScaling::UnitNorm | EofScaling::Correlation => unit,
                    EofScaling::Divided => unit / lambda.sqrt(),
                    EofScaling::Multiplied => unit * lambda.sqrt(),
                    // C v / (f w): the covariance of x with Σ X v that C tells.
                    EofScaling::Covariance => factors[k] * lambda * s,
                }
        });
        let [eofs, means, deviations] = maps.into_blocks(options.standardize, times as f64 - 1.0);
        let seen = &part.seen;
        let constant = seen.survey.cells - seen.varying;
        results.push(EofMaps {
            eofs,
            means,
            deviations,
            factor: part.factor,
            cells: seen.survey.cells,
            constant,
        });
    }
    let pcs = found.components.iter().enumerate().map(|(i, p)| signs[i % modes] * factors[i % modes] * p);
    let sum = |of: &dyn Fn(&Seen) -> u64| parts.iter().map(|p| of(&p.seen)).sum::<u64>();
    let missing = sum(&|s| s.missing);
    Ok(Eof {
        pcs: pcs.collect(),
        pcs_imaginary: Vec::new(),
        fields: results,
        times: 0..times,
        variance_fraction: found.values.iter().map(|l| l / found.trace).collect(),
        north_error: found.values.iter().map(|l| l * (2.0 / there as f64).sqrt()).collect(),
        total_variance: found.trace,
        covariance: between,
        error_bound: 0.0,
        rotation: None,
        significance: Significance::default(),
        approximation: None,
        merged: None,
        filled: None,
        paired: Some(Paired {
            missing,
            values: missing + sum(&|s| s.present),
            dropped: sum(&|s| s.dropped as u64) as usize,
            empty_times: times - there,
            negative: found.negative,
            negative_share: found.negative_sum / found.trace,
        }),
        eigenvalues: found.values,
    })
}

/// This rank's part of the maps of s of a field, number `which`.
fn shapes_of(
    engine: &Engine,
    part: &Part<'_>,
    shapes: &Shapes,
    (which, modes): (usize, usize),
) -> Result<Maps> {
    let times = part.shared.times;
    match shapes {
        Shapes::Times(units, norms) => {
            let mut maps = Maps::of(engine, &part.field, &part.shared, units)?;
            maps.change(&part.shared, |k, sum, _, _| sum / norms[k]);
            Ok(maps)
        }
        Shapes::Cells(fields) => {
            let (cells, values) = &fields[which];
            // A pass for means and the like; what it makes of no vectors is replaced.
            let mut maps = Maps::of(engine, &part.field, &part.shared, &vec![0.0; modes * times])?;
            maps.change(&part.shared, |k, _, _, cell| {
                cells.binary_search(&cell).map_or(0.0, |i| values[k * cells.len() + i])
            });
            Ok(maps)
        }
    }
}
