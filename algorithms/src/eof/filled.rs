//! The covariance between times of a field whose gaps are filled on the way, strip by strip.

use super::gappy::{Filling, Misses};
use super::gram::{Shared, Used, ALL_BUT_TIME};
use super::prepare::Rows;
use super::strip::Strip;
use super::survey::Survey;
use crate::symmetric::SymmetricSum;
use halocline_core::engine::{Fold, Parallelism, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What a pass over a field sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) survey: Survey,
    pub(super) dropped: usize,
    pub(super) present: u64,
    pub(super) missing: u64,
    /// Squares of errors at values that were set aside, and their number.
    pub(super) squares: f64,
    pub(super) held: u64,
}

/// A sum, and what was seen on the way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GapState {
    pub(super) sum: SymmetricSum,
    pub(super) seen: Seen,
}

/// The covariance between times of a field that is filled on the way.
pub(super) struct GapFold<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) filling: &'a Filling,
    /// Share of the values that are set aside, and the seed of their choice.
    pub(super) aside: Option<(f64, u64)>,
    pub(super) used: Used,
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
    const VERSION: u32 = 2;

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
