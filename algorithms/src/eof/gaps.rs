//! Filling gaps by DINEOF: modes of the filled field fill the field, until they don't change.
//!
//! Nothing of a filling is kept but k unit vectors over time, the leading eigenvectors of the
//! covariance between times: each iteration is one pass over the series, which are filled strip
//! by strip from the vectors of the last one.

use super::gappy::{Filling, Misses};
use super::gram::{Shared, Used, ALL_BUT_TIME};
use super::options::{Dineof, EofOptions, Missing, Modes};
use super::prepare::{Recipe, Rows, Strip};
use super::result::Filled;
use super::survey::Survey;
use super::EofField;
use crate::modes::Kernel;
use crate::symmetric::SymmetricSum;
use halocline_core::engine::{Engine, Fold, Parallelism, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Values that are set aside for cross-validation: this share of them, but no fewer than so
/// many, and no more than this share.
const HELD: (f64, f64, f64) = (0.01, 30.0, 0.2);

/// So many numbers of modes in turn that are no better end the search for the best.
const PATIENCE: usize = 3;

/// What a pass over a field sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    survey: Survey,
    dropped: usize,
    present: u64,
    missing: u64,
    /// Squares of errors at values that were set aside, and their number.
    squares: f64,
    held: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct GapState {
    sum: SymmetricSum,
    seen: Seen,
}

/// The covariance between times of a field that is filled on the way.
struct GapFold<'a> {
    shared: &'a Shared<'a>,
    filling: &'a Filling,
    /// Share of the values that are set aside, and the seed of their choice.
    aside: Option<(f64, u64)>,
    used: Used,
}

impl GapFold<'_> {
    fn prepare(&self, rows: &Rows<'_>, strip: &[usize], cells: &[usize]) -> (Strip, Misses) {
        let recipe = self.shared.recipe;
        let mut strip = recipe.read(rows, strip.to_vec(), self.shared.buffers.take(0));
        let width = strip.cells.len();
        let mut held = Vec::new();
        if let Some((share, seed)) = self.aside {
            let below = (share * u64::MAX as f64) as u64;
            let is_held = |(i, v): (usize, &f64)| {
                !v.is_nan() && draw(seed, cells[strip.cells[i % width]], i / width) < below
            };
            held = strip.values.iter().enumerate().map(is_held).collect();
        }
        let misses = recipe.filled(&mut strip, (&held, &self.filling.vectors), false);
        (strip, misses)
    }
}

impl Fold for GapFold<'_> {
    type State = GapState;
    const NAME: &'static str = "eof-filled-covariance";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        SymmetricSum::bytes(self.shared.times)
    }
    fn start(&self, _column: usize) -> GapState {
        GapState { sum: self.used.start(self.shared.times), seen: Seen::default() }
    }
    fn absorb(&self, state: &mut GapState, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(&piece.tile().block);
        let excluded = shared.excluded_of(&cells);
        let rows = |time: usize| piece.step(time);
        let rows: &Rows<'_> = &rows;
        let counted = self.filling.counted(rows, shared.times, &excluded);
        let seen = &mut state.seen;
        seen.dropped += counted.dropped;
        seen.present += counted.present;
        seen.missing += counted.missing;
        for batch in counted.strips.chunks(rayon::current_num_threads().max(1)) {
            let strips: Vec<(Strip, Misses)> =
                batch.par_iter().map(|strip| self.prepare(rows, strip, &cells)).collect();
            for (mut strip, misses) in strips {
                for &c in &strip.odd {
                    let place = strip.cells[c];
                    seen.survey.add_infinite(rows, shared.times, (place, cells[place]));
                }
                seen.survey.cells += strip.cells.len();
                let mut numbers = strip.cells.iter().map(|&c| cells[c]);
                let unweighted = numbers.find(|&c| !shared.weight(c).is_finite());
                seen.survey.unweighted = seen.survey.unweighted.or(unweighted);
                seen.squares += misses.squares;
                seen.held += misses.count;
                if !seen.survey.is_bad() {
                    shared.weigh(&mut strip, &cells);
                    state.sum.add_columns(&strip.values);
                }
                shared.buffers.give(strip.values);
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: GapState, right: GapState) -> Result<GapState> {
        let (seen, other) = (&mut left.seen, right.seen);
        seen.survey.join(&other.survey);
        seen.dropped += other.dropped;
        seen.present += other.present;
        seen.missing += other.missing;
        seen.squares += other.squares;
        seen.held += other.held;
        self.used.merge(&mut left.sum, right.sum)?;
        Ok(left)
    }
}

/// A number from all of u64 that follows from these three alone, so that every rank draws alike
/// (the finaliser of splitmix64).
fn draw(seed: u64, cell: usize, time: usize) -> u64 {
    let mix = |z: u64| {
        let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mix(mix(mix(seed) ^ cell as u64) ^ time as u64)
}

/// What a pass leads to: the leading modes of the filled field.
struct Pass {
    /// Eigenvalues of the sum of squares, descending.
    values: Vec<f64>,
    /// Unit vectors over time, one after the other.
    vectors: Vec<f64>,
    seen: Seen,
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
    fn error(&self) -> f64 {
        (self.seen.squares / self.seen.held.max(1) as f64).sqrt()
    }
}

/// The passes over one field.
struct Passes<'a> {
    engine: &'a Engine,
    field: &'a EofField<'a>,
    shared: &'a Shared<'a>,
    options: &'a Dineof,
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
    fn pass(&self, vectors: Vec<f64>, share: Option<f64>) -> Result<Pass> {
        let filling = Filling { min_present: self.options.min_present, vectors };
        let fold = GapFold {
            shared: self.shared,
            filling: &filling,
            aside: share.map(|share| (share, self.options.seed)),
            used: Used::default(),
        };
        let state = self.engine.fold_series(self.field.source, self.field.plan, &fold)?.pop();
        let state = state.map(|(_, state)| state);
        let (values, vectors, seen) = self.engine.finish_single(state.as_ref(), |state| {
            if state.seen.survey.is_bad() || state.seen.survey.cells == 0 {
                return Ok((Vec::new(), Vec::new(), state.seen.clone()));
            }
            let pairs = Kernel::from(&state.sum).leading(self.most)?;
            Ok((pairs.values, pairs.vectors, state.seen.clone()))
        })?;
        Ok(Pass { values, vectors, seen })
    }

    /// Fills from `modes` modes, beginning with those of `last`, to a fixed point.
    fn iterate(&self, mut last: Pass, modes: usize, share: Option<f64>, tolerance: f64) -> Result<End> {
        let times = self.shared.times;
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

    /// Root mean square errors at the values that were set aside: of zero, one, two… modes, and
    /// which of them, but for zero, is the least; how many values, and how many passes it took.
    fn validate(&self, present: u64) -> Result<(Vec<f64>, usize, u64, usize)> {
        let (part, least, most) = HELD;
        let share = part.max(least / present.max(1) as f64).min(most);
        let mut last = self.pass(Vec::new(), Some(share))?;
        if last.seen.held == 0 {
            return Err(Error::data(format!(
                "of {present} values none can be set aside to find how many modes fill the gaps best"
            ))
            .remedy("give the number: --missing dineof:K"));
        }
        let held = last.seen.held;
        let (mut errors, mut best, mut iterations) = (vec![last.error()], 1, 1);
        for modes in 1..=self.most {
            let end = self.iterate(last, modes, Some(share), self.options.tolerance.sqrt())?;
            iterations += end.iterations;
            errors.push(end.pass.error());
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

/// Finds the filling of a field, if there are gaps in it, and puts it into the recipe.
///
/// # Collective
/// Every rank calls this.
pub(super) fn fill(
    engine: &Engine,
    field: &EofField<'_>,
    recipe: &mut Recipe,
    options: &EofOptions,
) -> Result<Option<Filled>> {
    let Missing::Dineof(dineof) = &options.missing else { return Ok(None) };
    let dims = &field.source.variable().dims;
    let (filling, filled) = {
        let shared = Shared::new(dims, recipe, field.input);
        let times = shared.times;
        let cells = super::cells(dims, field.input.excluded);
        let limit = (times - 1).min(cells).max(1);
        let most = match (dineof.modes, options.modes) {
            (Some(modes), _) | (None, Modes::Exactly(modes) | Modes::UpTo(modes)) => modes.min(limit),
        };
        let passes = Passes { engine, field, shared: &shared, options: dineof, most };
        let first = passes.pass(Vec::new(), None)?;
        let seen = first.seen.clone();
        if seen.survey.cells == 0 && seen.dropped > 0 {
            return Err(Error::data(format!(
                "all {} cells with data have less than {} of their values",
                seen.dropped, dineof.min_present
            ))
            .remedy("give a smaller --min-present"));
        }
        seen.survey.check(field.input.locate)?;
        let limit = limit.min(seen.survey.cells);
        if let Some(modes) = dineof.modes.filter(|modes| !(1..=limit).contains(modes)) {
            return Err(Error::usage(format!(
                "gaps are to be filled from {modes} modes, there are at most {limit}"
            ))
            .remedy(format!("choose --missing dineof:K with K between 1 and {limit}")));
        }
        let mut filled = Filled {
            modes: 0,
            errors: Vec::new(),
            held: 0,
            validation_iterations: 0,
            iterations: 0,
            change: 0.0,
            converged: true,
            missing: seen.missing,
            values: seen.missing + seen.present,
            dropped: seen.dropped,
        };
        if seen.missing == 0 {
            // Cells with too few values may still have to be left out.
            let filling =
                (seen.dropped > 0).then(|| Filling { min_present: dineof.min_present, vectors: Vec::new() });
            (filling, filled)
        } else {
            let passes = Passes { most: most.min(limit), ..passes };
            filled.modes = if let Some(modes) = dineof.modes {
                modes
            } else {
                let (errors, best, held, iterations) = passes.validate(seen.present)?;
                (filled.errors, filled.held, filled.validation_iterations) = (errors, held, iterations);
                best
            };
            let end = passes.iterate(first, filled.modes, None, dineof.tolerance)?;
            filled.iterations = end.iterations;
            filled.change = end.change;
            filled.converged = end.change <= dineof.tolerance;
            let vectors = end.pass.rows(times, filled.modes);
            (Some(Filling { min_present: dineof.min_present, vectors }), filled)
        }
    };
    recipe.filling = filling;
    Ok(Some(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_follow_from_their_place() {
        let below = (0.01 * u64::MAX as f64) as u64;
        let count = |seed| (0..200_000).filter(|i| draw(seed, i / 500, i % 500) < below).count();
        assert!((1800..2200).contains(&count(1)), "{}", count(1));
        assert_ne!(draw(1, 2, 3), draw(1, 3, 2));
        assert_ne!(draw(1, 2, 3), draw(2, 2, 3));
        assert_eq!(draw(7, 8, 9), draw(7, 8, 9));
    }
}
