//! What work on whole series is handed: some cells with everything that is reduced.

use crate::engine::piece::Numbers;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::tiling::Tile;
use std::ops::Range;

/// Indices that lie at even distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    len: usize,
    stride: usize,
}

/// The cells of a tile, each with all its *samples*: the values along the dimensions that are
/// reduced, as a rule all times.
///
/// Cells and samples are numbered in C order, each by the dimensions that are kept or reduced;
/// where they lie among one another is the business of [`Self::across`] and [`Self::along`].
#[derive(Debug, Clone)]
pub struct Series<'a> {
    tile: Option<&'a Tile>,
    /// The tile's; nothing if there is none.
    block: IndexBox,
    steps: Range<usize>,
    /// Of the rank's block, from the first value of the tile on.
    values: Numbers<'a>,
    /// The rank's blocks of all variables that are read together, this one's too; empty if it is
    /// alone.
    together: &'a [Numbers<'a>],
    /// Where the tile begins in a block.
    start: usize,
    /// From one step to the next.
    stride: usize,
    /// Slowest first; neighbours that are one run are one axis.
    reduced: Vec<Axis>,
    kept: Vec<Axis>,
}

impl<'a> Series<'a> {
    /// `tile` of a block `own` whose C-order values are these; `reduced` tells for each dimension
    /// whether it is.
    pub(super) fn new(tile: &'a Tile, own: &IndexBox, reduced: &[bool], values: Numbers<'a>) -> Self {
        let shape = own.shape();
        let (mut stride, mut start) = (1, 0);
        let mut axes = [Vec::new(), Vec::new()];
        let mut of_step = 1;
        for d in (0..shape.len()).rev() {
            let range = tile.block.range(d);
            start += (range.start - own.range(d).start) * stride;
            push(&mut axes[usize::from(reduced[d])], Axis { len: range.len(), stride });
            of_step = stride;
            stride *= shape[d];
        }
        let [kept, reduced] = axes.map(|mut axes| {
            axes.reverse();
            axes
        });
        let start = if tile.block.is_empty() { values.len() } else { start };
        let (block, steps, values) = (tile.block.clone(), tile.block.range(0), values.from(start));
        Self { tile: Some(tile), block, steps, values, together: &[], start, stride: of_step, reduced, kept }
    }
    /// [`Self::new`] of several variables in the same layout, one at least: the series of the first
    /// of them.
    pub(super) fn new_together(
        tile: &'a Tile,
        own: &IndexBox,
        reduced: &[bool],
        together: &'a [Numbers<'a>],
    ) -> Self {
        Self { together, ..Self::new(tile, own, reduced, together[0]) }
    }
    /// All steps of all cells, C order, in double precision.
    pub fn of_steps(steps: usize, values: &'a [f64]) -> Self {
        let cells = values.len() / steps.max(1);
        Self {
            tile: None,
            block: IndexBox::new(Vec::new()),
            steps: 0..steps,
            values: Numbers::F64(values),
            together: &[],
            start: 0,
            stride: cells,
            reduced: vec![Axis { len: steps, stride: cells }],
            kept: vec![Axis { len: cells, stride: 1 }],
        }
    }
    /// The same cells of the variable number `k` of those that are read together; the series
    /// themselves are those of number 0.
    ///
    /// # Errors
    /// Internal, if there is no such variable.
    pub fn with(&self, k: usize) -> Result<Self> {
        match (k, self.together.get(k)) {
            (_, Some(values)) => Ok(Self { values: values.from(self.start), ..self.clone() }),
            (0, None) => Ok(self.clone()),
            _ => Err(Error::internal(format!(
                "work on series asks for variable {k} of {}",
                self.together.len().max(1)
            ))),
        }
    }
    /// The tile whose cells they are: for work that has to know where it is. `None` for series that
    /// belong to none.
    pub fn tile(&self) -> Option<&'a Tile> {
        self.tile
    }
    /// The steps, in global indices of the first dimension: all of them if that is reduced.
    pub fn steps(&self) -> Range<usize> {
        self.steps.clone()
    }
    /// Where these are in the global index space.
    pub fn block(&self) -> &IndexBox {
        &self.block
    }
    /// How many cells there are.
    pub fn cells(&self) -> usize {
        count(&self.kept)
    }
    /// Values that each cell has.
    pub fn samples(&self) -> usize {
        count(&self.reduced)
    }
    /// Whether the values are kept in single precision.
    pub const fn is_single(&self) -> bool {
        matches!(self.values, Numbers::F32(_))
    }
    /// The cells at one step, where steps are all that is reduced; `step` is a global index.
    pub fn step(&self, step: usize) -> Numbers<'a> {
        let start = (step - self.steps.start) * self.stride;
        self.values.slice(start..start + self.cells())
    }
    /// Whether samples of one cell follow one another in memory, rather than cells at one sample.
    pub fn runs_along(&self) -> bool {
        let stride = |axes: &[Axis]| axes.last().map_or(usize::MAX, |axis| axis.stride);
        self.cells() == 1 || stride(&self.reduced) < stride(&self.kept)
    }
    /// Calls `each(cell, values)` for sample after sample: the values of cells from number `cell`
    /// on, as many as follow one another in memory, until all of `cells` have had theirs.
    pub fn across(&self, cells: &Range<usize>, mut each: impl FnMut(usize, Numbers<'a>)) {
        let rows = rows(&self.kept, cells);
        walk(&self.reduced, |sample| {
            for &(cell, offset, len) in &rows {
                each(cell, self.values.slice(sample + offset..sample + offset + len));
            }
        });
    }
    /// Calls `each(values)` for runs of the samples of one cell, in their order.
    pub fn along(&self, cell: usize, mut each: impl FnMut(Numbers<'a>)) {
        let start = offset(&self.kept, cell);
        match self.reduced.split_last() {
            Some((last, outer)) if last.stride == 1 => walk(outer, |sample| {
                each(self.values.slice(start + sample..start + sample + last.len));
            }),
            _ => walk(&self.reduced, |sample| each(self.values.slice(start + sample..start + sample + 1))),
        }
    }
}

/// Adds an axis outside of those that are there.
fn push(axes: &mut Vec<Axis>, axis: Axis) {
    match axes.last_mut() {
        // One index has no distance to any other.
        Some(last) if last.len == 1 => *last = axis,
        Some(last) if axis.len == 1 || last.len * last.stride == axis.stride => last.len *= axis.len,
        _ => axes.push(axis),
    }
}

fn count(axes: &[Axis]) -> usize {
    axes.iter().map(|axis| axis.len).product()
}

/// Where number `index` (C order) lies.
fn offset(axes: &[Axis], index: usize) -> usize {
    let mut rest = index;
    axes.iter().rev().fold(0, |at, axis| {
        let here = rest % axis.len.max(1);
        rest /= axis.len.max(1);
        at + here * axis.stride
    })
}

/// Runs of these cells: the first, where it lies, how many.
fn rows(axes: &[Axis], cells: &Range<usize>) -> Vec<(usize, usize, usize)> {
    let most = axes.last().map_or(1, |last| if last.stride == 1 { last.len.max(1) } else { 1 });
    let mut all = Vec::new();
    let mut cell = cells.start;
    while cell < cells.end {
        let end = cells.end.min(cell / most * most + most);
        all.push((cell, offset(axes, cell), end - cell));
        cell = end;
    }
    all
}

/// Where each index lies, in C order.
fn walk(axes: &[Axis], mut each: impl FnMut(usize)) {
    let Some((last, outer)) = axes.split_last() else { return each(0) };
    let mut at = vec![0; outer.len()];
    let mut start = 0;
    for _ in 0..count(outer) {
        for k in 0..last.len {
            each(start + k * last.stride);
        }
        for d in (0..outer.len()).rev() {
            at[d] += 1;
            start += outer[d].stride;
            if at[d] < outer[d].len {
                break;
            }
            start -= at[d] * outer[d].stride;
            at[d] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The samples of a cell of `tile` in `own`, by hand.
    fn by_hand(tile: &IndexBox, own: &IndexBox, reduced: &[bool]) -> Vec<Vec<f64>> {
        let mut series: BTreeMap<Vec<usize>, Vec<f64>> = BTreeMap::new();
        let shape = own.shape();
        for i in 0..own.len() {
            let (mut rest, mut at) = (i, own.start());
            for d in (0..shape.len()).rev() {
                at[d] += rest % shape[d];
                rest /= shape[d];
            }
            if at.iter().zip(tile.ranges()).all(|(i, range)| range.contains(i)) {
                let cell = at.iter().zip(reduced).filter(|(_, r)| !**r).map(|(i, _)| *i).collect();
                series.entry(cell).or_default().push(i as f64);
            }
        }
        series.into_values().collect()
    }

    #[test]
    fn cells_find_their_samples_whatever_is_reduced() {
        let own = IndexBox::new(vec![2..6, 0..3, 4..9, 1..7]);
        let values: Vec<f64> = (0..own.len()).map(|i| i as f64).collect();
        for bits in 1..16usize {
            let reduced: Vec<bool> = (0..4).map(|d| bits >> d & 1 == 1).collect();
            for inner in
                [vec![3..5, 1..2, 4..9, 1..7], vec![2..3, 0..3, 5..7, 2..6], vec![4..6, 2..3, 8..9, 3..4]]
            {
                let block = own.ranges().iter().zip(inner).zip(&reduced);
                let block = IndexBox::new(block.map(|((o, i), r)| if *r { o.clone() } else { i }).collect());
                let expected = by_hand(&block, &own, &reduced);
                let tile = Tile { id: 0, block };
                let series = Series::new(&tile, &own, &reduced, Numbers::F64(&values));
                assert_eq!((series.cells(), series.samples()), (expected.len(), expected[0].len()));
                let doubles = |row: Numbers<'_>| match row {
                    Numbers::F64(v) => v.to_vec(),
                    Numbers::F32(_) => unreachable!(),
                };
                let mut across = vec![Vec::new(); expected.len()];
                let half = series.cells() / 2;
                for cells in [0..half, half..series.cells()] {
                    series.across(&cells, |cell, row| {
                        for (k, v) in doubles(row).into_iter().enumerate() {
                            across[cell + k].push(v);
                        }
                    });
                }
                assert_eq!(across, expected, "{reduced:?} {tile:?}");
                for (cell, expected) in expected.iter().enumerate() {
                    let mut along = Vec::new();
                    series.along(cell, |row| along.extend(doubles(row)));
                    assert_eq!(along, *expected, "{reduced:?} {tile:?}");
                }
            }
        }
    }

    #[test]
    fn steps_are_rows_of_cells() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        let series = Series::of_steps(4, &values);
        assert!(!series.runs_along() && !series.is_single());
        assert!(matches!(series.step(2), Numbers::F64([6.0, 7.0, 8.0])));
        let none = Series::of_steps(4, &[]);
        assert_eq!((none.cells(), none.samples()), (0, 4));
    }
}
