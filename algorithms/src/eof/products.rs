//! Products of the covariance between times with a few vectors, without the covariance.

use super::gram::{Shared, ALL_BUT_TIME};
use super::options::Precision;
use super::prepare::{Recipe, Rows};
use super::strip::{narrow, Strip};
use super::survey::Survey;
use super::EofField;
use crate::symmetric::{power_of_two_scale, transposed_times_columns};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Engine, Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use serde::{Deserialize, Serialize};

/// Products in single precision that are added up as such; their sums are added in double.
const SINGLES: usize = 128;

/// G B = X (Xᵀ B), and what was seen on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ProductState {
    /// Times × columns of B, C order.
    sum: Vec<f64>,
    /// Σ x², of the first pass.
    squares: f64,
    survey: Survey,
}

/// What a pass gives to rank 0.
pub(super) struct Products {
    /// G B, one column after the other.
    pub(super) columns: Vec<f64>,
    /// The trace of G, of the first pass.
    pub(super) trace: f64,
}

/// Sums G B over the cells of a field: strip after strip Y = Aᵀ B and A Y, A being the weighted
/// anomalies of some cells (times × cells), so that data are read once for both.
struct ProductFold<'a> {
    shared: &'a Shared<'a>,
    /// B, one column after the other.
    block: &'a [f64],
    /// B in single precision, C order, and the power of two that it was divided by; if products are.
    singles: Option<(Vec<f32>, f64)>,
    count: usize,
    /// Whether the data are seen for the first time, and have to be looked at.
    is_first: bool,
    /// Sums of states that were merged into others.
    spare: Buffers,
}

impl Fold for ProductFold<'_> {
    type State = ProductState;
    const NAME: &'static str = "eof-covariance-products";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        state_bytes(self.shared.times, self.count)
    }
    fn start(&self, _column: usize) -> ProductState {
        let mut sum = self.spare.take(self.block.len());
        sum.fill(0.0);
        ProductState { sum, squares: 0.0, survey: Survey::default() }
    }
    fn absorb(&self, state: &mut ProductState, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(&piece.tile().block);
        let excluded = shared.excluded_of(&cells);
        let rows = |time: usize| piece.step(time);
        let rows: &Rows<'_> = &rows;
        if self.is_first {
            state.survey.look_at_land(rows, (shared.times, false), &cells, &excluded);
        }
        let strips = Recipe::strips(rows(0), &excluded);
        let mut buffer = shared.buffers.take(0);
        // Tiles are worked on in parallel already.
        for some in strips.concat().chunks(narrow(shared.times)) {
            let mut strip = shared.recipe.prepare(rows, some.to_vec(), buffer, false);
            if self.is_first {
                state.survey.look_at_strip(rows, shared, &strip, &cells);
            }
            // What is going to be refused need not be summed.
            if !state.survey.is_bad() {
                shared.weigh(&mut strip, &cells);
                if self.is_first {
                    state.squares += strip.values.chunks(some.len()).map(squares).sum::<f64>();
                }
                match &self.singles {
                    None => self.add(&mut state.sum, &strip),
                    Some(singles) => self.add_as_singles(&mut state.sum, &strip, singles),
                }
            }
            buffer = strip.values;
        }
        shared.buffers.give(buffer);
        Ok(())
    }
    fn merge(&self, mut left: ProductState, right: ProductState) -> Result<ProductState> {
        left.survey.join(&right.survey);
        left.squares += right.squares;
        left.sum.iter_mut().zip(&right.sum).for_each(|(a, b)| *a += b);
        self.spare.give(right.sum);
        Ok(left)
    }
}

/// Bytes of a state.
pub(super) fn state_bytes(times: usize, columns: usize) -> u64 {
    (times as u64).saturating_mul(columns as u64).saturating_mul(8)
}

fn squares(row: &[f64]) -> f64 {
    row.iter().map(|v| v * v).sum()
}

impl ProductFold<'_> {
    fn add(&self, sum: &mut [f64], strip: &Strip) {
        let (width, times) = (strip.cells.len(), self.shared.times);
        let y = transposed_times_columns(&strip.values, width, times, self.block);
        if y.is_empty() {
            return;
        }
        matmul(
            MatMut::from_row_major_slice_mut(sum, times, self.count),
            Accum::Add,
            MatRef::from_row_major_slice(&strip.values, times, width),
            MatRef::from_row_major_slice(&y, width, self.count),
            1.0,
            Par::Seq,
        );
    }

    /// [`Self::add`] with products in single precision.
    fn add_as_singles(&self, sum: &mut [f64], strip: &Strip, (block, up): &(Vec<f32>, f64)) {
        let (width, times, count) = (strip.cells.len(), self.shared.times, self.count);
        if width == 0 || count == 0 {
            return;
        }
        let (down, up_values) = power_of_two_scale(&[strip.largest()]);
        let values = strip.as_singles(down);
        let values = MatRef::from_row_major_slice(&values, times, width);
        let block = MatRef::from_row_major_slice(block, times, count);
        let mut part = vec![0f32; width * count];
        let mut y = vec![0.0f64; width * count];
        for start in (0..times).step_by(SINGLES) {
            let some = SINGLES.min(times - start);
            let out = MatMut::from_row_major_slice_mut(&mut part, width, count);
            let (a, b) = (values.subrows(start, some).transpose(), block.subrows(start, some));
            matmul(out, Accum::Replace, a, b, 1.0f32, Par::Seq);
            y.iter_mut().zip(&part).for_each(|(y, p)| *y += f64::from(*p));
        }
        let (y, up_y) = to_singles(&y);
        let y = MatRef::from_row_major_slice(&y, width, count);
        let up = up_values * up_values * up * up_y;
        let mut part = vec![0f32; times * count];
        for start in (0..width).step_by(SINGLES) {
            let some = SINGLES.min(width - start);
            let out = MatMut::from_row_major_slice_mut(&mut part, times, count);
            matmul(
                out,
                Accum::Replace,
                values.subcols(start, some),
                y.subrows(start, some),
                1.0f32,
                Par::Seq,
            );
            sum.iter_mut().zip(&part).for_each(|(sum, p)| *sum += f64::from(*p) * up);
        }
    }
}

/// Numbers in single precision, divided by the power of two that is returned: whatever their size,
/// the largest are about 1.
fn to_singles(values: &[f64]) -> (Vec<f32>, f64) {
    let (down, up) = power_of_two_scale(values);
    (values.iter().map(|v| (v * down) as f32).collect(), up)
}

/// One pass over a field: G B on rank 0, and what was seen of the field, if it `is_first`: those that
/// follow see the same.
///
/// # Collective
/// Every rank calls this with the same `block`, B, one column after the other.
pub(super) fn products_of(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
    block: &[f64],
    (precision, is_first): (Precision, bool),
) -> Result<(Option<Products>, Option<Survey>)> {
    let n = shared.times;
    let count = block.len() / n.max(1);
    let transposed = |from: &[f64], rows: usize| -> Vec<f64> {
        let columns = from.len() / rows.max(1);
        (0..columns * rows).map(|i| from[(i % rows) * columns + i / rows]).collect()
    };
    let singles = (precision == Precision::Mixed).then(|| to_singles(&transposed(block, count)));
    let fold = ProductFold { shared, block, singles, count, is_first, spare: Buffers::new() };
    let state = engine.fold_series(field.source, field.plan, &fold)?.pop().map(|(_, state)| state);
    let mut survey = None;
    if is_first {
        let found = engine.finish_single(state.as_ref(), |state| Ok(state.survey.clone()))?;
        found.check(field.input.locate)?;
        survey = Some(found);
    }
    let state = engine.to_root(state)?;
    let products = state.map(|state| Products { columns: transposed(&state.sum, n), trace: state.squares });
    Ok((products, survey))
}
