//! Strips with gaps, and the first pass over a field: what is there.

use super::super::gram::{Shared, ALL_BUT_TIME};
use super::super::options::Pairwise;
use super::super::prepare::Rows;
use super::super::strip::Strip;
use super::super::survey::Survey;
use super::super::EofField;
use halocline_core::engine::{Engine, Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{threads, Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Some cells of a tile.
pub(super) struct Gapped {
    /// Anomalies without weights, zero where values are missing.
    pub(super) strip: Strip,
    /// 1 where a value is there and its series varies, else 0; as the anomalies.
    pub(super) there: Vec<f64>,
}

/// Values that are there or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) survey: Survey,
    /// Cells with too few values.
    pub(super) dropped: usize,
    pub(super) present: u64,
    pub(super) missing: u64,
    /// Cells whose series varies.
    pub(super) varying: usize,
    /// The sum over cells of the variance of w x, of the values that are there.
    pub(super) variance: f64,
    /// At each time, how many of the varying cells are there.
    pub(super) at: Vec<u64>,
}

/// Hands over the strips of a tile in order; gives what was counted, without strips.
pub(super) fn for_each_gapped(
    shared: &Shared<'_>,
    piece: &Piece<'_>,
    hand_over: &mut dyn FnMut(&mut Gapped, &[usize], &Rows<'_>),
) -> Result<Seen> {
    let cells = shared.cells_of(&piece.tile().block);
    let excluded = shared.excluded_of(&cells);
    let rows = |time: usize| piece.step(time);
    let rows: &Rows<'_> = &rows;
    let filling = shared.recipe.filling.as_ref();
    let filling = filling.ok_or_else(|| Error::internal("gaps are left out by a recipe without gaps"))?;
    let counted = filling.counted(rows, shared.times, &excluded);
    let together = if threads::is_alone() { 1 } else { rayon::current_num_threads().max(1) };
    for batch in counted.strips.chunks(together) {
        let strips: Vec<Gapped> = match batch {
            [one] => vec![prepare(shared, rows, one)],
            many => many.par_iter().map(|strip| prepare(shared, rows, strip)).collect(),
        };
        for mut gapped in strips {
            hand_over(&mut gapped, &cells, rows);
            shared.buffers.give(gapped.strip.values);
            shared.buffers.give(gapped.there);
        }
    }
    Ok(Seen {
        dropped: counted.dropped,
        present: counted.present,
        missing: counted.missing,
        ..Seen::default()
    })
}

fn prepare(shared: &Shared<'_>, rows: &Rows<'_>, cells: &[usize]) -> Gapped {
    let recipe = shared.recipe;
    let mut strip = recipe.read(rows, cells.to_vec(), shared.buffers.take(0));
    let mut there: Vec<f64> = shared.buffers.take(0);
    there.clear();
    there.extend(strip.values.iter().map(|v| if v.is_nan() { 0.0 } else { 1.0 }));
    recipe.filled(&mut strip, (&[], &[]), true);
    let width = strip.cells.len();
    // What is left of a constant is rounding, and no cell to pair with others.
    if recipe.groups() > 0 || recipe.detrend || recipe.standardize {
        for (c, _) in strip.cell.iter().enumerate().filter(|(_, about)| about.constant) {
            there.iter_mut().skip(c).step_by(width).for_each(|t| *t = 0.0);
            strip.values.iter_mut().skip(c).step_by(width).for_each(|v| *v = 0.0);
        }
    }
    Gapped { strip, there }
}

struct LookFold<'a> {
    shared: &'a Shared<'a>,
}

impl Fold for LookFold<'_> {
    type State = Seen;
    const NAME: &'static str = "eof-pairs-look";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        (self.shared.times * size_of::<u64>() + size_of::<Seen>()) as u64
    }
    fn start(&self, _column: usize) -> Seen {
        Seen { at: vec![0; self.shared.times], ..Seen::default() }
    }
    fn absorb(&self, state: &mut Seen, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let counted = for_each_gapped(shared, piece, &mut |gapped, cells, rows| {
            let Gapped { strip, there } = gapped;
            let width = strip.cells.len();
            let survey = &mut state.survey;
            for &c in &strip.odd {
                let place = strip.cells[c];
                survey.add_infinite(rows, shared.times, (place, cells[place]));
            }
            survey.cells += width;
            let mut numbers = strip.cells.iter().map(|&c| cells[c]);
            let unweighted = numbers.find(|&c| !shared.weight(c).is_finite());
            survey.unweighted = survey.unweighted.or(unweighted);
            let (mut squares, mut counts) = (vec![0.0; width], vec![0.0; width]);
            for ((row, there), at) in strip.values.chunks(width).zip(there.chunks(width)).zip(&mut state.at) {
                squares.iter_mut().zip(row).for_each(|(s, v)| *s += v * v);
                counts.iter_mut().zip(there).for_each(|(n, t)| *n += t);
                *at += there.iter().sum::<f64>() as u64;
            }
            for ((&c, squares), count) in strip.cells.iter().zip(&squares).zip(&counts) {
                if *count > 1.0 {
                    state.variance += shared.weight(cells[c]).powi(2) * squares / (count - 1.0);
                }
                state.varying += usize::from(*count > 0.0);
            }
        })?;
        state.dropped += counted.dropped;
        state.present += counted.present;
        state.missing += counted.missing;
        Ok(())
    }
    fn merge(&self, mut left: Seen, right: Seen) -> Result<Seen> {
        left.survey.join(&right.survey);
        left.dropped += right.dropped;
        left.present += right.present;
        left.missing += right.missing;
        left.varying += right.varying;
        left.variance += right.variance;
        left.at.iter_mut().zip(&right.at).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

/// The first pass over a field.
///
/// # Collective
/// Every rank calls this.
pub(super) fn look(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
    pairs: &Pairwise,
) -> Result<Seen> {
    let state = engine.fold_series(field.source, field.plan, &LookFold { shared })?.pop();
    let seen = engine.finish_single(state, |(_, state)| Ok(state))?;
    if seen.survey.cells == 0 && seen.dropped > 0 {
        return Err(Error::data(format!(
            "all {} cells with data have less than {} % of their values",
            seen.dropped,
            100.0 * pairs.min_present
        ))
        .remedy("give a smaller --pcrit"));
    }
    seen.survey.check(field.input.locate)?;
    Ok(seen)
}
