//! Two fields that vary together: maximum covariance analysis (MCA, the SVD of the covariance
//! between fields) and canonical correlation analysis (CCA) on their leading EOFs.
//!
//! For weighted anomalies X and Y at n times, MCA is the singular value decomposition
//! Xᵀ Y / (n − 1) = Σ σ v wᵀ. The patterns v, w are of unit norm; the expansion coefficients X v
//! and Y w of a mode have the largest covariance σ that any pair of unit patterns has. CCA finds,
//! in the space of the leading EOFs of each field, the series of unit variance with the largest
//! correlations.
//!
//! Homogeneous maps are covariances (or correlations) of a field with its own coefficients,
//! divided by their standard deviation; heterogeneous maps are those with the coefficients of
//! the other field. Signs: the entry of largest magnitude of the (weighted) left pattern is
//! positive; both patterns of a mode change sign together.
//!
//! # References
//! Bretherton, Smith and Wallace (1992), *J. Climate* 5, 541–560.

use super::analysis::{check_precision, times_of};
use super::gram::Shared;
use super::kernels::{check_variance, kernel_of};
use super::maps::{self, Known, MapBlock, Maps};
use super::options::{Anomaly, EofOptions, Missing, Modes};
use super::prepare::Recipe;
use super::result::Filled;
use super::EofField;
use crate::modes::{cca, mca, of_rank, Kernel};
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How two fields are coupled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coupling {
    /// By their covariance.
    Mca,
    /// By the correlation of series in the space of so many EOFs of the left and of the right
    /// field.
    Cca([Modes; 2]),
}

/// What maps of coefficients hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoupledMaps {
    /// Covariances with coefficients of unit variance, in the units of the field.
    Covariance,
    /// Correlations.
    Correlation,
}

/// The maps of one of two fields: this rank's part, (mode, y, x) in blocks.
#[derive(Debug)]
pub struct FieldPatterns {
    /// MCA: the patterns of unit norm, of the weighted field. CCA: the weights whose product with
    /// the weighted field is the canonical variable.
    pub patterns: Vec<MapBlock>,
    /// Maps with its own coefficients.
    pub homogeneous: Vec<MapBlock>,
    /// Maps with the coefficients of the other field.
    pub heterogeneous: Vec<MapBlock>,
    /// Its coefficients (time, mode): X v, or canonical variables of unit variance.
    pub coefficients: Vec<f64>,
    /// Cells with data.
    pub cells: usize,
    /// How its gaps were filled, if they were to be.
    pub filled: Option<Filled>,
}

/// Modes of two fields; all but maps is the same on every rank.
#[derive(Debug)]
pub struct Coupled {
    /// Left and right.
    pub fields: [FieldPatterns; 2],
    /// MCA: σ, descending; CCA: canonical correlations.
    pub values: Vec<f64>,
    /// MCA: σ² / Σσ² over all modes; CCA: none.
    pub squared_covariance_fraction: Vec<f64>,
    /// MCA: σ / Σσ; CCA: none.
    pub covariance_fraction: Vec<f64>,
    /// Correlation of the coefficients of each mode.
    pub correlations: Vec<f64>,
}

/// What the small algebra results in; vectors stand one after the other.
#[derive(Serialize, Deserialize)]
struct Found {
    values: Vec<f64>,
    scf: Vec<f64>,
    cf: Vec<f64>,
    correlations: Vec<f64>,
    coefficients: [Vec<f64>; 2],
    /// z with maps w Xᵀ z.
    columns: [Vec<f64>; 2],
}

/// Couples two fields whose series stream through memory, at the same times: a pass over each for
/// the covariance between times, one for the maps. `options` say what is done to the data first
/// and how many modes are wanted.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// As [`analyse_fields`](super::analyse_fields); data, when the fields do not covary.
pub fn couple(
    engine: &Engine,
    fields: &[EofField<'_>; 2],
    options: &EofOptions,
    coupling: Coupling,
    kind: CoupledMaps,
) -> Result<Coupled> {
    let times = times_of(fields)?;
    check_precision(options)?;
    if matches!(options.missing, Missing::Pairwise(_)) {
        return Err(Error::usage("two fields are not coupled by covariances of pairs")
            .remedy("fill the gaps instead (--missing dineof)"));
    }
    let mut recipes: Vec<Recipe> =
        fields.iter().map(|f| Recipe::new(options, times, f.input.months)).collect::<Result<_>>()?;
    let mut filled = [None, None];
    for ((field, recipe), filled) in fields.chunks(1).zip(recipes.chunks_mut(1)).zip(&mut filled) {
        // What one field tells of the other is what is looked for, and must not come of a filling.
        *filled =
            super::gaps::fill(engine, field, recipe, options).map_err(|e| e.in_variable(field[0].name()))?;
    }
    let recipes = recipes;
    let fields: Vec<(EofField<'_>, Shared<'_>)> = fields
        .iter()
        .zip(&recipes)
        .map(|(f, recipe)| (*f, Shared::new(&f.source.variable().dims, recipe, f.input)))
        .collect();
    let (kernels, cells) = kernels(engine, &fields, options, &filled)?;
    let mut eofs = [0; 2];
    let limit = match coupling {
        Coupling::Mca => options.most_modes(times).min(cells[0]).min(cells[1]),
        Coupling::Cca(asked) => {
            for ((eofs, cells), asked) in eofs.iter_mut().zip(&cells).zip(asked) {
                let most = times.saturating_sub(2).min(*cells);
                *eofs = match asked {
                    Modes::Exactly(eofs) => eofs,
                    Modes::UpTo(eofs) => eofs.min(most),
                };
                if !(1..=most).contains(eofs) {
                    return Err(Error::usage(format!("{eofs} EOFs are asked for, there are at most {most}"))
                        .remedy("choose other --eofs"));
                }
            }
            eofs[0].min(eofs[1])
        }
    };
    let count = match options.modes {
        Modes::UpTo(modes) => modes.min(limit),
        Modes::Exactly(modes) if (1..=limit).contains(&modes) => modes,
        Modes::Exactly(modes) => {
            return Err(Error::usage(format!("{modes} modes are asked for, there are at most {limit}"))
                .remedy(format!("choose --modes between 1 and {limit}")))
        }
    };
    let freedom = times as f64 - 1.0;
    let root = engine.comm().is_root().then_some(kernels);
    let found = engine.finish_single(root, |kernels| {
        let [left, right] = kernels.as_slice() else {
            return Err(Error::internal("two kernels make a couple"));
        };
        for (kernel, (field, _)) in kernels.iter().zip(&fields) {
            check_variance(kernel.trace()).map_err(|e| e.in_variable(field.name()))?;
        }
        Ok(match coupling {
            Coupling::Mca => {
                let m = mca(left, right, count, freedom)?;
                Found {
                    values: m.singular_values,
                    scf: m.squared_covariance_fraction,
                    cf: m.covariance_fraction,
                    correlations: m.correlations,
                    coefficients: [m.left_coefficients, m.right_coefficients],
                    columns: [m.left_vectors, m.right_vectors],
                }
            }
            Coupling::Cca(asked) => {
                let leading = |k: usize, kernel: &Kernel| {
                    let pairs = kernel.leading(eofs[k])?;
                    // As many as there are, unless a number is asked for.
                    Ok::<_, Error>(if matches!(asked[k], Modes::UpTo(_)) { of_rank(pairs) } else { pairs })
                };
                let c = cca(&leading(0, left)?, &leading(1, right)?, count, freedom)?;
                Found {
                    correlations: c.correlations.clone(),
                    values: c.correlations,
                    scf: Vec::new(),
                    cf: Vec::new(),
                    coefficients: [c.left_variables, c.right_variables],
                    columns: [c.left_weights, c.right_weights],
                }
            }
        })
    })?;
    if found.values.len() < count && matches!(options.modes, Modes::Exactly(_)) {
        let there = found.values.len();
        return Err(Error::usage(format!(
            "{count} modes are asked for, but only {there} have covariance above rounding"
        ))
        .remedy(format!("choose --modes {there} or fewer")));
    }
    finish(engine, &fields, found, kind, (&cells, filled))
}

/// The kernels of both fields, on rank 0, and their cells with data.
fn kernels(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    options: &EofOptions,
    filled: &[Option<Filled>; 2],
) -> Result<(Vec<Kernel>, Vec<usize>)> {
    let (mut kernels, mut cells) = (Vec::new(), Vec::new());
    for ((field, shared), filled) in fields.iter().zip(filled) {
        let one = kernel_of(engine, field, shared, options).map_err(|e| e.in_variable(field.name()))?;
        // A filled series has a mean, which belongs to no covariance.
        let has_mean =
            options.anomaly != Anomaly::None && filled.as_ref().is_some_and(|filled| filled.modes > 0);
        kernels.extend(one.kernel.map(|kernel| if has_mean { kernel.centred() } else { kernel }));
        cells.push(one.survey.cells);
    }
    Ok((kernels, cells))
}

/// The maps of both fields.
fn finish(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    found: Found,
    kind: CoupledMaps,
    (cells, mut filled): (&[usize], [Option<Filled>; 2]),
) -> Result<Coupled> {
    let times = fields[0].1.times;
    let modes = found.values.len();
    let unit: [Vec<f64>; 2] = [0, 1].map(|side| standardized(&found.coefficients[side], times));
    let mut signs = Vec::new();
    let mut sides = Vec::new();
    for (side, (field, shared)) in fields.iter().enumerate() {
        let mut columns = found.columns[side].clone();
        columns.extend_from_slice(&unit[side]);
        columns.extend_from_slice(&unit[1 - side]);
        let mut maps = Maps::of(engine, field, shared, &columns)?;
        if side == 0 {
            let of_pattern =
                |row: usize, sum: f64, cell: usize| if row < modes { shared.weight(cell) * sum } else { 0.0 };
            let peaks = maps::highest(engine, &maps.peaks(shared, of_pattern))?;
            signs = peaks[..modes].iter().map(|p| if p.negative { -1.0 } else { 1.0 }).collect::<Vec<f64>>();
        }
        let freedom = times as f64 - 1.0;
        // Coefficients of unit variance have no mean.
        maps.change(shared, |row, sum, known: &Known, cell| {
            let sign = signs[row % modes];
            match (row < modes, kind) {
                (true, _) => sign * shared.weight(cell) * sum,
                (false, CoupledMaps::Covariance) => sign * sum / freedom,
                (false, CoupledMaps::Correlation) if known.constant => f64::NAN,
                (false, CoupledMaps::Correlation) => {
                    sign * (sum / (freedom * known.squares).sqrt()).clamp(-1.0, 1.0)
                }
            }
        });
        let [all, ..] = maps.into_blocks(false, freedom);
        let [patterns, homogeneous, heterogeneous] = thirds(&all, modes);
        let coefficients = (0..times * modes)
            .map(|i| signs[i % modes] * found.coefficients[side][(i % modes) * times + i / modes])
            .collect();
        sides.push(FieldPatterns {
            patterns,
            homogeneous,
            heterogeneous,
            coefficients,
            cells: cells[side],
            filled: filled[side].take(),
        });
    }
    let [Some(right), Some(left)] = [sides.pop(), sides.pop()] else {
        return Err(Error::internal("two fields make a couple"));
    };
    Ok(Coupled {
        fields: [left, right],
        values: found.values,
        squared_covariance_fraction: found.scf,
        covariance_fraction: found.cf,
        correlations: found.correlations,
    })
}

/// Series without mean and of unit variance (n − 1).
fn standardized(series: &[f64], times: usize) -> Vec<f64> {
    let one = |s: &[f64]| {
        let mean = s.iter().sum::<f64>() / times as f64;
        let squares: f64 = s.iter().map(|v| (v - mean) * (v - mean)).sum();
        let factor = ((times as f64 - 1.0) / squares).sqrt();
        s.iter().map(|v| (v - mean) * factor).collect::<Vec<f64>>()
    };
    series.chunks(times).flat_map(one).collect()
}

/// Rows of three kinds, each of `modes`.
fn thirds(blocks: &[MapBlock], modes: usize) -> [Vec<MapBlock>; 3] {
    [0, 1, 2].map(|k| {
        let part = |b: &MapBlock| {
            if b.block.is_empty() {
                return b.clone();
            }
            let each = b.values.len() / 3;
            MapBlock {
                block: b.block.with_range(0, 0..modes),
                values: b.values[k * each..(k + 1) * each].to_vec(),
            }
        };
        blocks.iter().map(part).collect()
    })
}
