//! Filling gaps by DINEOF: modes of the filled fields fill the fields, until they don't change.
//!
//! Nothing of a filling is kept but k unit vectors over time, the leading eigenvectors of the
//! covariance between times: each iteration is one pass over the series, which are filled strip
//! by strip from the vectors of the last one.

use super::filled::{GapFold, Seen};
use super::gappy::Filling;
use super::gram::{Shared, Used};
use super::kernels;
use super::options::{Dineof, EofOptions, FieldScaling, Missing, Modes};
use super::prepare::Recipe;
use super::result::Filled;
use super::EofField;
use crate::modes::Kernel;
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};

/// Values that are set aside for cross-validation: this share of them, but no fewer than so
/// many, and no more than this share.
const HELD: (f64, f64, f64) = (0.01, 30.0, 0.2);

/// So many numbers of modes in turn that are no better end the search for the best.
const PATIENCE: usize = 3;

/// What a pass leads to: the leading modes of the filled fields.
struct Pass {
    /// Eigenvalues of the sum of squares, descending.
    values: Vec<f64>,
    /// Unit vectors over time, one after the other.
    vectors: Vec<f64>,
    /// Of each field.
    seen: Vec<Seen>,
}

impl Pass {
    /// The first `modes` vectors as rows, times × modes.
    fn rows(&self, times: usize, modes: usize) -> Vec<f64> {
        (0..times).flat_map(|t| (0..modes).map(move |k| self.vectors[k * times + t])).collect()
    }
    /// How much of the field's first `modes` modes is beyond those of the last pass, as a share
    /// of their norm: |(1 − P) U S| / |U S|, P the projection on `last`.
    fn change(&self, times: usize, modes: usize, last: &Self) -> f64 {
        let (mut beyond, mut all) = (0.0, 0.0);
        for (u, value) in self.vectors.chunks(times).zip(&self.values).take(modes) {
            let mut rest = u.to_vec();
            for old in last.vectors.chunks(times).take(modes) {
                let along: f64 = rest.iter().zip(old).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(old).for_each(|(a, b)| *a -= along * b);
            }
            beyond += value * rest.iter().map(|v| v * v).sum::<f64>();
            all += value;
        }
        if all > 0.0 {
            (beyond / all).sqrt()
        } else {
            0.0
        }
    }
    /// Mean squares of the errors of each field; missing of those without values set aside.
    fn squares(&self) -> Vec<f64> {
        self.seen.iter().map(|s| if s.held > 0 { s.squares / s.held as f64 } else { f64::NAN }).collect()
    }
    fn held(&self) -> u64 {
        self.seen.iter().map(|s| s.held).sum()
    }
}

/// Of one field the root mean square of its errors; of several the root of the mean over fields
/// of their mean squares over those of zero anomalies, `zero`.
fn error(squares: &[f64], zero: &[f64]) -> f64 {
    if let [one] = squares {
        return one.sqrt();
    }
    let shares: Vec<f64> =
        squares.iter().zip(zero).filter(|(s, z)| !s.is_nan() && **z > 0.0).map(|(s, z)| s / z).collect();
    (shares.iter().sum::<f64>() / shares.len().max(1) as f64).sqrt()
}

/// The passes over fields that are filled together.
#[derive(Clone, Copy)]
struct Passes<'a> {
    engine: &'a Engine,
    fields: &'a [(EofField<'a>, Shared<'a>)],
    options: &'a Dineof,
    scaling: &'a FieldScaling,
    /// Modes that are computed of each pass.
    most: usize,
}

/// Where iterations ended.
struct End {
    /// The last pass, whose filling was from the modes of the one before.
    pass: Pass,
    iterations: usize,
    change: f64,
}

impl Passes<'_> {
    fn times(&self) -> usize {
        self.fields.first().map_or(0, |(_, shared)| shared.times)
    }

    fn pass(&self, vectors: Vec<f64>, share: Option<f64>) -> Result<Pass> {
        let filling = Filling { min_present: self.options.min_present, vectors };
        let mut states = Vec::new();
        for (number, (field, shared)) in self.fields.iter().enumerate() {
            // Cells of the same number are other cells in another field.
            let seed = self.options.seed.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let fold = GapFold {
                shared,
                filling: &filling,
                aside: share.map(|share| (share, seed)),
                used: Used::default(),
            };
            let state = self.engine.fold_series(field.source, field.plan, &fold)?.pop();
            states.extend(self.engine.to_root(state.map(|(_, state)| state))?);
        }
        let names: Vec<&str> = self.fields.iter().map(|(field, _)| field.name()).collect();
        let root = self.engine.comm().is_root().then_some(states);
        let (values, vectors, seen) = self.engine.finish_single(root, |states| {
            let seen: Vec<Seen> = states.iter().map(|state| state.seen.clone()).collect();
            if seen.iter().any(|seen| seen.survey.is_bad() || seen.survey.cells == 0) {
                return Ok((Vec::new(), Vec::new(), seen));
            }
            let mut kernels: Vec<Kernel> = states.iter().map(|state| Kernel::from(&state.sum)).collect();
            drop(states);
            let together = if kernels.len() == 1 {
                kernels.remove(0)
            } else {
                let traces: Vec<f64> = kernels.iter().map(Kernel::trace).collect();
                let n = kernels.first().map_or(0, Kernel::n);
                let factors = kernels::factors(&traces, n, &names, self.scaling)?;
                Kernel::scaled_sum(&factors.iter().copied().zip(&kernels).collect::<Vec<_>>())?
            };
            let pairs = together.leading(self.most)?;
            Ok((pairs.values, pairs.vectors, seen))
        })?;
        Ok(Pass { values, vectors, seen })
    }

    /// Fills from `modes` modes, beginning with those of `last`, to a fixed point.
    fn iterate(&self, mut last: Pass, modes: usize, share: Option<f64>, tolerance: f64) -> Result<End> {
        let times = self.times();
        let mut iterations = 0;
        loop {
            let pass = self.pass(last.rows(times, modes), share)?;
            iterations += 1;
            let change = pass.change(times, modes, &last);
            if change <= tolerance || iterations >= self.options.iterations.max(1) {
                return Ok(End { pass, iterations, change });
            }
            last = pass;
        }
    }

    /// Errors at the values that were set aside: of zero, one, two… modes, and which of them, but
    /// for zero, is the least; how many values, and how many passes it took.
    fn validate(&self, present: u64) -> Result<(Vec<f64>, usize, u64, usize)> {
        let (part, least, most) = HELD;
        let share = part.max(least / present.max(1) as f64).min(most);
        let mut last = self.pass(Vec::new(), Some(share))?;
        let held = last.held();
        if held == 0 {
            return Err(Error::data(format!(
                "of {present} values none can be set aside to find how many modes fill the gaps best"
            ))
            .remedy("give the number: --missing dineof:K"));
        }
        let zero = last.squares();
        let (mut errors, mut best, mut iterations) = (vec![error(&zero, &zero)], 1, 1);
        for modes in 1..=self.most {
            let end = self.iterate(last, modes, Some(share), self.options.tolerance.sqrt())?;
            iterations += end.iterations;
            errors.push(error(&end.pass.squares(), &zero));
            if errors[modes] < errors[best] {
                best = modes;
            }
            if modes >= best + PATIENCE {
                break;
            }
            last = end.pass;
        }
        Ok((errors, best, held, iterations))
    }
}

/// Finds the filling of fields from their modes together, if there are gaps in them, and puts it
/// into their recipes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn fill(
    engine: &Engine,
    fields: &[EofField<'_>],
    recipes: &mut [Recipe],
    options: &EofOptions,
) -> Result<Option<Filled>> {
    let Missing::Dineof(dineof) = &options.missing else { return Ok(None) };
    let (vectors, filled, seen) = {
        let shared: Vec<(EofField<'_>, Shared<'_>)> = fields
            .iter()
            .zip(&*recipes)
            .map(|(f, recipe)| (*f, Shared::new(&f.source.variable().dims, recipe, f.input)))
            .collect();
        let passes = Passes { engine, fields: &shared, options: dineof, scaling: &options.fields, most: 0 };
        find(passes, options)?
    };
    for (recipe, seen) in recipes.iter_mut().zip(seen) {
        // Cells with too few values have to be left out even where nothing is to be filled.
        recipe.filling = (seen.missing > 0 || seen.dropped > 0)
            .then(|| Filling { min_present: dineof.min_present, vectors: vectors.clone() });
    }
    Ok(Some(filled))
}

/// Vectors to fill from (none if there are no gaps), what there is to know, and what was seen of
/// each field.
fn find(passes: Passes<'_>, options: &EofOptions) -> Result<(Vec<f64>, Filled, Vec<Seen>)> {
    let dineof = passes.options;
    let times = passes.times();
    let all =
        |(field, _): &(EofField<'_>, _)| super::cells(&field.source.variable().dims, field.input.excluded);
    let limit = (times - 1).min(passes.fields.iter().map(all).sum()).max(1);
    let most = match (dineof.modes, options.modes) {
        (Some(modes), _) | (None, Modes::Exactly(modes) | Modes::UpTo(modes)) => modes.min(limit),
    };
    let passes = Passes { most, ..passes };
    let first = passes.pass(Vec::new(), None)?;
    let seen = first.seen.clone();
    for ((field, _), seen) in passes.fields.iter().zip(&seen) {
        check(field, seen, dineof).map_err(|e| e.in_variable(field.name()))?;
    }
    let limit = limit.min(seen.iter().map(|s| s.survey.cells).sum());
    if let Some(modes) = dineof.modes.filter(|modes| !(1..=limit).contains(modes)) {
        return Err(Error::usage(format!(
            "gaps are to be filled from {modes} modes, there are at most {limit}"
        ))
        .remedy(format!("choose --missing dineof:K with K between 1 and {limit}")));
    }
    let present: u64 = seen.iter().map(|s| s.present).sum();
    let missing: u64 = seen.iter().map(|s| s.missing).sum();
    let mut filled = Filled {
        modes: 0,
        errors: Vec::new(),
        held: 0,
        validation_iterations: 0,
        iterations: 0,
        change: 0.0,
        converged: true,
        missing,
        values: missing + present,
        dropped: seen.iter().map(|s| s.dropped).sum(),
    };
    if missing == 0 {
        return Ok((Vec::new(), filled, seen));
    }
    let passes = Passes { most: most.min(limit), ..passes };
    filled.modes = if let Some(modes) = dineof.modes {
        modes
    } else {
        let (errors, best, held, iterations) = passes.validate(present)?;
        (filled.errors, filled.held, filled.validation_iterations) = (errors, held, iterations);
        best
    };
    let end = passes.iterate(first, filled.modes, None, dineof.tolerance)?;
    filled.iterations = end.iterations;
    filled.change = end.change;
    filled.converged = end.change <= dineof.tolerance;
    Ok((end.pass.rows(times, filled.modes), filled, seen))
}

/// Refuses fields that can't be filled.
fn check(field: &EofField<'_>, seen: &Seen, dineof: &Dineof) -> Result<()> {
    if seen.survey.cells == 0 && seen.dropped > 0 {
        return Err(Error::data(format!(
            "all {} cells with data have less than {} of their values",
            seen.dropped, dineof.min_present
        ))
        .remedy("give a smaller --min-present"));
    }
    seen.survey.check(field.input.locate)
}
