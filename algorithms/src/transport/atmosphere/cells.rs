//! Means in time and products of several variables at every cell, in one pass.

#![allow(clippy::needless_range_loop)] // several arrays side by side, for vectors

use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use pulp::Arch;
use serde::{Deserialize, Serialize};

/// Cells whose sums stay in the nearest cache while steps pass over them.
const BLOCK: usize = 128;

/// A fold over time of variables read in lockstep. A step counts at a cell where all of them are
/// there.
#[derive(Debug, Clone)]
pub struct Cells {
    variables: usize,
    pairs: Vec<(usize, usize)>,
}

/// Sums of one tile, each an array over its cells: how many steps; for each variable the value
/// deviations are from (the first) and their sum; for each pair the sum of their products.
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
    /// Σ n, Σ n x̄ of each variable, Σ n x̄ȳ of each pair, Σ n cov(x, y) of each pair, Σ xy of each pair.
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
        Ok(Self { variables, pairs: pairs.to_vec() })
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
        1 + 2 * self.variables + self.pairs.len()
    }
    /// Numbers of a [`RowParts`].
    pub fn row_sums(&self) -> usize {
        1 + self.variables + 3 * self.pairs.len()
    }
    /// Where `reference`, `sum` of a variable and the product of a pair stand.
    const fn reference(k: usize) -> usize {
        1 + 2 * k
    }
    const fn product(&self, pair: usize) -> usize {
        1 + 2 * self.variables + pair
    }
}

impl Fold for Cells {
    type State = CellsState;
    const NAME: &'static str = "products of cells";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
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
            *state = CellsState { cells, sums: vec![0.0; cells * self.fields()] };
        }
        let together: Vec<Piece<'_>> = (0..self.variables).map(|k| piece.with(k)).collect::<Result<_>>()?;
        let mut rows = vec![[0.0; BLOCK]; self.variables];
        let arch = Arch::new();
        for start in (0..cells).step_by(BLOCK) {
            let n = BLOCK.min(cells - start);
            for step in piece.steps() {
                for (row, piece) in rows.iter_mut().zip(&together) {
                    widen(piece.step(step).slice(start..start + n), row);
                }
                arch.dispatch(
                    #[inline(always)]
                    || self.add(state, &mut rows, start, n),
                );
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: CellsState, right: CellsState) -> Result<CellsState> {
        if left.sums.is_empty() || right.sums.is_empty() {
            return Ok(if left.sums.is_empty() { right } else { left });
        }
        if left.sums.len() != right.sums.len() {
            return Err(Error::internal("products of other cells"));
        }
        let c = left.cells;
        for i in 0..c {
            let n = right.sums[i];
            if n == 0.0 {
                continue;
            }
            if left.sums[i] == 0.0 {
                for field in 0..self.fields() {
                    left.sums[field * c + i] = right.sums[field * c + i];
                }
                continue;
            }
            left.sums[i] += n;
            // Deviations of the right, taken from the left's references.
            let shifts: Vec<f64> = (0..self.variables)
                .map(|k| Self::reference(k) * c + i)
                .map(|at| right.sums[at] - left.sums[at])
                .collect();
            let sum = |k: usize| right.sums[(Self::reference(k) + 1) * c + i];
            for (p, &(a, b)) in self.pairs.iter().enumerate() {
                let (da, db) = (shifts[a], shifts[b]);
                let at = self.product(p) * c + i;
                left.sums[at] += right.sums[at] + da * sum(b) + db * sum(a) + n * da * db;
            }
            for (k, shift) in shifts.iter().enumerate() {
                left.sums[(Self::reference(k) + 1) * c + i] += sum(k) + n * shift;
            }
        }
        Ok(left)
    }
}

impl Cells {
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn add(&self, state: &mut CellsState, rows: &mut [[f64; BLOCK]], start: usize, n: usize) {
        let c = state.cells;
        let mut pair = [1.0; BLOCK];
        let mut gaps = false;
        for row in rows.iter() {
            let mut any = false;
            for v in &row[..n] {
                any |= v.is_nan();
            }
            gaps |= any;
        }
        if gaps {
            for row in rows.iter() {
                for i in 0..n {
                    pair[i] = if row[i].is_nan() { 0.0 } else { pair[i] };
                }
            }
        }
        let (count, values) = state.sums.split_at_mut(c);
        let count = &mut count[start..start + n];
        // Few rows have cells that begin.
        let mut begins = false;
        for c in count.iter() {
            begins |= *c == 0.0;
        }
        for (k, row) in rows.iter_mut().enumerate() {
            let (reference, sum) = values[2 * k * c..(2 * k + 2) * c].split_at_mut(c);
            let (reference, sum) = (&mut reference[start..start + n], &mut sum[start..start + n]);
            if begins {
                for i in 0..n {
                    if count[i] == 0.0 && pair[i] > 0.0 {
                        reference[i] = row[i];
                    }
                }
            }
            if gaps {
                for i in 0..n {
                    let d = if pair[i] > 0.0 { row[i] - reference[i] } else { 0.0 };
                    row[i] = d;
                    sum[i] += d;
                }
            } else {
                for i in 0..n {
                    let d = row[i] - reference[i];
                    row[i] = d;
                    sum[i] += d;
                }
            }
        }
        for i in 0..n {
            count[i] += pair[i];
        }
        for (p, &(a, b)) in self.pairs.iter().enumerate() {
            let at = (2 * self.variables + p) * c + start;
            let product = &mut values[at..at + n];
            let (x, y) = (&rows[a][..n], &rows[b][..n]);
            for i in 0..n {
                product[i] += x[i] * y[i];
            }
        }
    }
}

impl CellsState {
    /// The sums of the rows that `tile` has a part of, in its order: a row is a circle of latitude
    /// at a level of the grid, whose lengths are `shape`.
    pub fn rows(&self, of: &Cells, tile: &Tile, shape: &[usize]) -> Vec<RowParts> {
        let ranges = tile.block.ranges();
        let Some(x) = ranges.last().filter(|_| self.cells > 0) else { return Vec::new() };
        let width = x.len().max(1);
        let rows = row_numbers(tile, shape);
        let c = self.cells;
        let mut out = Vec::with_capacity(rows.len());
        for (k, row) in rows.into_iter().enumerate() {
            let mut sums = vec![0.0; of.row_sums()];
            for i in k * width..(k + 1) * width {
                let n = self.sums[i];
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
        out
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

fn widen(values: Numbers<'_>, out: &mut [f64]) {
    match values {
        Numbers::F32(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = *v),
    }
}
