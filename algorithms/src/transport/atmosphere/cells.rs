//! Means in time and products of several variables at every cell, in one pass.

use super::block::{Add, Rows};
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use pulp::Arch;
use serde::{Deserialize, Serialize};

/// A fold over time of variables read in lockstep. A step counts at a cell where all of them are
/// there; with weights, as much as its weight.
#[derive(Debug)]
pub struct Cells {
    variables: usize,
    pairs: Vec<(usize, usize)>,
    /// Whether weights are read behind the variables.
    is_weighted: bool,
    /// Sums of states that were merged into others.
    spare: Buffers,
}

/// Sums of one tile, each an array over its cells: how many steps, or their weight; for each variable
/// the value deviations are from (the first) and their sum; for each pair the sum of their products;
/// with weights, the sum of all, of steps that have no values too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellsState {
    cells: usize,
    sums: Vec<f64>,
}

/// Sums over a part of a row of cells that a tile holds. See [`CellsState::rows`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowParts {
    /// Number of the row, level by level.
    pub row: usize,
    /// Σ n, Σ n x̄ of each variable, Σ n x̄ȳ of each pair, Σ n cov(x, y) of each pair, Σ xy of each pair;
    /// with weights, n is their sum, and the sum of all comes last.
    pub sums: Vec<f64>,
}

impl Cells {
    /// Of so many variables and these pairs of them.
    ///
    /// # Errors
    /// Internal, if a pair names a variable that is not there.
    pub fn new(variables: usize, pairs: &[(usize, usize)]) -> Result<Self> {
        if variables == 0 || pairs.iter().any(|&(a, b)| a.max(b) >= variables) {
            return Err(Error::internal("products of variables that are not there"));
        }
        Ok(Self { variables, pairs: pairs.to_vec(), is_weighted: false, spare: Buffers::new() })
    }
    /// The same with weights, read in lockstep behind the variables: such as the mass of layers.
    /// They are positive, or missing where there is nothing to weigh.
    #[must_use]
    pub fn weighted(self) -> Self {
        Self { is_weighted: true, ..self }
    }
    /// Whether there are weights.
    pub const fn is_weighted(&self) -> bool {
        self.is_weighted
    }
    /// How many variables there are.
    pub const fn variables(&self) -> usize {
        self.variables
    }
    /// The pairs.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }
    fn fields(&self) -> usize {
        1 + 2 * self.variables + self.pairs.len() + usize::from(self.is_weighted)
    }
    /// Numbers of a [`RowParts`].
    pub fn row_sums(&self) -> usize {
        1 + self.variables + 3 * self.pairs.len() + usize::from(self.is_weighted)
    }
    /// Where `reference`, `sum` of a variable and the product of a pair stand.
    pub(super) const fn reference(k: usize) -> usize {
        1 + 2 * k
    }
    pub(super) const fn product(&self, pair: usize) -> usize {
        1 + 2 * self.variables + pair
    }
    /// Where the sum of all weights stands, if there are any.
    pub(super) fn all_weights(&self) -> Option<usize> {
        self.is_weighted.then(|| self.fields() - 1)
    }
}

impl Fold for Cells {
    type State = CellsState;
    const NAME: &'static str = "products of cells";
    const VERSION: u32 = 3;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn steps_at_once(&self) -> usize {
        // There is so much to a cell that it should seldom be fetched.
        32
    }
    fn levels_kept(&self) -> u32 {
        // Nor be merged after each leaf.
        2
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let cells: usize = tile.block.ranges().iter().skip(1).map(ExactSizeIterator::len).product();
        (8 * cells * self.fields()) as u64
    }
    fn start(&self, _column: usize) -> CellsState {
        CellsState { cells: 0, sums: Vec::new() }
    }
    fn absorb(&self, state: &mut CellsState, piece: &Piece<'_>) -> Result<()> {
        let cells = piece.cells();
        if state.sums.is_empty() {
            let mut sums = self.spare.take(cells * self.fields());
            sums.fill(0.0);
            *state = CellsState { cells, sums };
        }
        state.check(self, cells)?;
        let count = self.variables + usize::from(self.is_weighted);
        let rows_of = |k: usize| {
            let piece = piece.with(k)?;
            Ok(Rows::new(piece.steps().map(|step| piece.step(step))))
        };
        let rows: Vec<Rows<'_>> = (0..count).map(rows_of).collect::<Result<_>>()?;
        Arch::new().dispatch(Add::new(self, &rows, &mut state.sums, cells));
        Ok(())
    }
    fn merge(&self, mut left: CellsState, right: CellsState) -> Result<CellsState> {
        if left.sums.is_empty() || right.sums.is_empty() {
            return Ok(if left.sums.is_empty() { right } else { left });
        }
        left.check(self, left.cells)?;
        right.check(self, left.cells)?;
        let c = left.cells;
        if self.is_weighted {
            let all = (self.fields() - 1) * c..self.fields() * c;
            left.sums[all.clone()].iter_mut().zip(&right.sums[all]).for_each(|(l, r)| *l += r);
        }
        let own = self.fields() - usize::from(self.is_weighted);
        for i in 0..c {
            let n = right.sums[i];
            if n == 0.0 {
                continue;
            }
            if left.sums[i] == 0.0 {
                for field in 0..own {
                    left.sums[field * c + i] = right.sums[field * c + i];
                }
                continue;
            }
            left.sums[i] += n;
            // Deviations of the right, taken from the left's references.
            let shift = |left: &[f64], k: usize| {
                let at = Self::reference(k) * c + i;
                right.sums[at] - left[at]
            };
            let sum = |k: usize| right.sums[(Self::reference(k) + 1) * c + i];
            for (p, &(a, b)) in self.pairs.iter().enumerate() {
                let (da, db) = (shift(&left.sums, a), shift(&left.sums, b));
                let at = self.product(p) * c + i;
                left.sums[at] += right.sums[at] + da * sum(b) + db * sum(a) + n * da * db;
            }
            for k in 0..self.variables {
                let shift = shift(&left.sums, k);
                left.sums[(Self::reference(k) + 1) * c + i] += sum(k) + n * shift;
            }
        }
        self.spare.give(right.sums);
        Ok(left)
    }
}

impl CellsState {
    /// Refuses sums of another number of cells or fields, as a damaged checkpoint may hold.
    fn check(&self, of: &Cells, cells: usize) -> Result<()> {
        if self.cells == cells && Some(self.sums.len()) == cells.checked_mul(of.fields()) {
            return Ok(());
        }
        Err(Error::data("a state of products has sums of other cells").remedy("start without the checkpoint"))
    }

    /// The sums of the rows that `tile` has a part of, in its order: a row is a circle of latitude
    /// at a level of the grid, whose lengths are `shape`.
    ///
    /// # Errors
    /// Data, if the state is not of the cells of this tile.
    pub fn rows(&self, of: &Cells, tile: &Tile, shape: &[usize]) -> Result<Vec<RowParts>> {
        let ranges = tile.block.ranges();
        let Some(x) = ranges.last().filter(|_| self.cells > 0) else { return Ok(Vec::new()) };
        let width = x.len().max(1);
        let rows = row_numbers(tile, shape);
        self.check(of, rows.len() * x.len())?;
        let c = self.cells;
        let mut out = Vec::with_capacity(rows.len());
        for (k, row) in rows.into_iter().enumerate() {
            let mut sums = vec![0.0; of.row_sums()];
            for i in k * width..(k + 1) * width {
                let n = self.sums[i];
                if let Some(all) = sums.last_mut().filter(|_| of.is_weighted) {
                    *all += self.sums[(of.fields() - 1) * c + i];
                }
                if n == 0.0 {
                    continue;
                }
                let shift = |v: usize| self.sums[(Cells::reference(v) + 1) * c + i] / n;
                let mean = |v: usize| self.sums[Cells::reference(v) * c + i] + shift(v);
                sums[0] += n;
                (0..of.variables).for_each(|v| sums[1 + v] += n * mean(v));
                for (p, &(a, b)) in of.pairs.iter().enumerate() {
                    let at = 1 + of.variables + p;
                    sums[at] += n * mean(a) * mean(b);
                    let product = self.sums[of.product(p) * c + i];
                    sums[at + of.pairs.len()] += product - n * shift(a) * shift(b);
                    // From the references, not from the means: the sum of the other two, found apart.
                    let [ra, rb] = [a, b].map(|v| self.sums[Cells::reference(v) * c + i]);
                    sums[at + 2 * of.pairs.len()] += product + n * (ra * shift(b) + rb * (shift(a) + ra));
                }
            }
            out.push(RowParts { row, sums });
        }
        Ok(out)
    }
}

/// The numbers of the rows of a tile in the whole grid of these lengths, in C order; time and the
/// last dimension do not count.
fn row_numbers(tile: &Tile, shape: &[usize]) -> Vec<usize> {
    let ranges = tile.block.ranges();
    let mut rows = vec![0];
    for d in 1..ranges.len().saturating_sub(1) {
        let (range, len) = (ranges[d].clone(), shape[d]);
        rows = rows.iter().flat_map(|row| range.clone().map(move |k| row * len + k)).collect();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::engine::Numbers;

    const STEPS: usize = 9;

    /// Values of two variables and their weight at `cells` cells: a cell that never has values, gaps.
    fn step(t: usize, cells: usize) -> [Vec<f64>; 3] {
        let at =
            |i: usize, k: usize| ((t * 31 + i * 17 + k * 7) % 23) as f64 * 0.5 + 200.0 * (k as f64 + 1.0);
        let mut all: [Vec<f64>; 3] = std::array::from_fn(|k| (0..cells).map(|i| at(i, k)).collect());
        all[0][1] = f64::NAN;
        if t % 4 == 2 {
            all[1][cells - 1] = f64::NAN;
        }
        if t % 3 == 0 {
            all[2][0] = f64::NAN;
        }
        all
    }

    fn state(of: &Cells, cells: usize, steps: std::ops::Range<usize>) -> CellsState {
        let mut sums = vec![0.0; cells * of.fields()];
        let all: Vec<[Vec<f64>; 3]> = steps.map(|t| step(t, cells)).collect();
        let count = 2 + usize::from(of.is_weighted());
        let rows: Vec<Rows<'_>> =
            (0..count).map(|k| Rows::new(all.iter().map(|step| Numbers::F64(&step[k])))).collect();
        Arch::new().dispatch(Add::new(of, &rows, &mut sums, cells));
        CellsState { cells, sums }
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let of = Cells::new(2, &[(0, 1)]).expect("a pair");
        let (whole, mut cut) = (state(&of, 5, 0..4), state(&of, 5, 4..STEPS));
        cut.sums.pop();
        assert!(of.merge(whole.clone(), cut.clone()).is_err() && of.merge(cut, whole).is_err());
    }

    #[test]
    fn sums_of_parts_are_those_of_all() {
        for (cells, is_weighted) in [(5, true), (5, false), (300, true), (300, false), (128, false)] {
            let of = Cells::new(2, &[(0, 1)]).expect("a pair");
            let of = if is_weighted { of.weighted() } else { of };
            let parts = of.merge(state(&of, cells, 0..4), state(&of, cells, 4..STEPS)).expect("merges");
            let all = state(&of, cells, 0..STEPS);
            for i in 0..cells {
                // The same by hand.
                let mut naive = [0.0; 6];
                for t in 0..STEPS {
                    let [x, y, w] = step(t, cells).map(|row| row[i]);
                    let w = if is_weighted { w } else { 1.0 };
                    naive[5] += if w.is_nan() { 0.0 } else { w };
                    let w = if (x + y + w).is_nan() { continue } else { w };
                    [1.0, x, y, x * y].iter().enumerate().for_each(|(k, v)| naive[k] += w * v);
                }
                for state in [&parts, &all] {
                    let of = |field: usize| state.sums[field * cells + i];
                    let n = of(0);
                    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} {b}");
                    near(n, naive[0]);
                    near(n * of(1) + of(2), naive[1]);
                    near(n * of(3) + of(4), naive[2]);
                    near(of(5) + of(1) * of(4) + of(3) * of(2) + n * of(1) * of(3), naive[3]);
                    if is_weighted {
                        near(of(6), naive[5]);
                    }
                }
            }
        }
    }
}
