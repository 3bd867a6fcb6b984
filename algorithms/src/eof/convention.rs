//! Results as other tools scale them.

use super::analysis::EofParts;
use super::gram::Shared;
use super::kernels::kernel_of;
use super::options::{EofOptions, EofScaling, Method, PcScaling, Rotated};
use super::result::Eof;
use super::significance::Significance;
use super::{EofField, EofInput};
use crate::modes::{Components, Convention, Kernel};
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};

/// Refuses what a convention does not go with.
pub(super) fn check(options: &EofOptions, fields: usize) -> Result<()> {
    let Some(convention) = options.convention else { return Ok(()) };
    if !matches!(options.method, Method::Plain) || options.rotated != Rotated::No {
        return Err(Error::usage("conventions of other tools are for plain, unrotated EOFs")
            .remedy("leave --convention out"));
    }
    if options.pc_scaling != PcScaling::Raw || options.eof_scaling != EofScaling::UnitNorm {
        return Err(Error::usage("a convention has its own scalings").remedy("leave other scalings out"));
    }
    if matches!(convention, Convention::Cdo { .. }) && fields > 1 {
        return Err(Error::usage("CDO has no EOFs of several variables").remedy("choose another convention"));
    }
    Ok(())
}

/// Scales a result that has unit EOFs and raw principal components.
///
/// CDO's coefficients are products of the field without weights with the EOF as it is put out;
/// with z of the maps they are G z for the covariance G between times of the field without
/// weights, which is one more pass.
///
/// # Collective
/// Every rank calls this.
pub(super) fn apply(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    options: &EofOptions,
    parts: &EofParts<'_>,
    eof: &mut Eof,
) -> Result<()> {
    let Some(convention) = options.convention else { return Ok(()) };
    let solved = parts.solved;
    let (n, modes) = (solved.times, solved.values.len());
    let scaling = convention.scaling(&solved.values, n);
    let divisors = match convention {
        Convention::Cdo { .. } => (n as f64 - 1.0) / n as f64,
        _ => 1.0,
    };
    let mut ratio = divisors;
    let mut factors = scaling.eofs.clone();
    for (maps, (_, shared)) in eof.fields.iter_mut().zip(fields) {
        if scaling.unweighted {
            // Our weights are shares of the area of the whole grid, CDO's of the cells with data.
            let mut valid: Vec<usize> = Vec::new();
            for part in &maps.eofs {
                let row = part.values.iter().zip(shared.cells_of(&part.block));
                valid.extend(row.filter(|(v, _)| !v.is_nan()).map(|(_, cell)| cell));
            }
            let mut valid: Vec<usize> = engine.gather(&valid)?.concat();
            valid.sort_unstable();
            let area: f64 = valid.iter().map(|&cell| shared.weight(cell).powi(2)).sum();
            factors.iter_mut().for_each(|f| *f *= area.sqrt());
            ratio /= area;
        }
        for part in &mut maps.eofs {
            let cells = shared.cells_of(&part.block);
            for (row, factor) in part.values.chunks_mut(cells.len().max(1)).zip(&factors) {
                for (v, &cell) in row.iter_mut().zip(&cells) {
                    *v *= factor;
                    if scaling.unweighted {
                        *v /= shared.weight(cell);
                    }
                }
            }
        }
    }
    match &scaling.components {
        Components::Units(to) => {
            let from: Vec<f64> = solved.values.iter().map(|v| v.sqrt()).collect();
            for row in eof.pcs.chunks_mut(modes.max(1)) {
                row.iter_mut().zip(to.iter().zip(&from)).for_each(|(p, (to, from))| *p *= to / from);
            }
        }
        Components::Projection => {
            let [(field, shared)] = fields else { return Err(Error::internal("one field is projected")) };
            let plain = EofField { input: EofInput { weights: &[], ..field.input }, ..*field };
            let plain_shared = Shared::new(&field.source.variable().dims, shared.recipe, plain.input);
            let kernel = kernel_of(engine, &plain, &plain_shared, options)?.kernel;
            let products =
                engine.finish_single(kernel, |kernel| Ok(times_vectors(&kernel, &solved.columns)))?;
            for (t, row) in eof.pcs.chunks_mut(modes.max(1)).enumerate() {
                for (k, pc) in row.iter_mut().enumerate() {
                    *pc = parts.signs[k] * factors[k] * products[k * n + t];
                }
            }
        }
    }
    eof.total_variance *= ratio;
    eof.error_bound *= ratio;
    let each = [&mut eof.eigenvalues, &mut eof.north_error];
    each.into_iter().flatten().for_each(|v| *v *= ratio);
    scale(&mut eof.significance, ratio);
    Ok(())
}

fn scale(found: &mut Significance, ratio: f64) {
    let errors = found.north.iter_mut().flat_map(|n| n.errors.iter_mut());
    errors.for_each(|v| *v *= ratio);
    let rows = found.bootstrap.iter_mut().flat_map(|b| b.eigenvalues.iter_mut());
    rows.flatten().for_each(|v| *v *= ratio);
}

/// G z for each of the vectors.
fn times_vectors(kernel: &Kernel, vectors: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let n = kernel.n();
    let product = |z: &[f64]| -> Vec<f64> {
        match kernel {
            Kernel::Full { values, .. } => values.chunks(n).map(|row| dot(row, z)).collect(),
            Kernel::Factor { rank, values, .. } => {
                let mut sums = vec![0.0; *rank];
                for (row, z) in values.chunks((*rank).max(1)).zip(z) {
                    sums.iter_mut().zip(row).for_each(|(s, v)| *s += v * z);
                }
                values.chunks((*rank).max(1)).map(|row| dot(row, &sums)).collect()
            }
        }
    };
    vectors.chunks(n.max(1)).flat_map(product).collect()
}
