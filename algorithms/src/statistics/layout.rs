//! How the cells of a tile in space become cells of the result.

use super::weights::Weights;
use halocline_core::tiling::Tile;
use std::ops::Range;

/// A run of cells of a step, in C order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row<'a> {
    /// Where it begins among the cells of a step.
    pub(super) start: usize,
    /// Where its result begins.
    pub(super) base: usize,
    /// What all of it counts.
    pub(super) factor: f64,
    /// What each cell counts on top of that.
    pub(super) within: Option<&'a [f64]>,
}

/// The rows of a tile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout<'a> {
    /// Cells of a row.
    pub(super) length: usize,
    /// Whether a row becomes one cell; else it is added, cell by cell, to a row of the result.
    pub(super) is_reduced: bool,
    /// Those with the same result follow one another, in C order.
    pub(super) rows: Vec<Row<'a>>,
}

impl<'a> Layout<'a> {
    /// `reduced`: for each dimension behind time, whether it is.
    pub(super) fn new(tile: &Tile, reduced: &[bool], weights: &'a Weights) -> Self {
        let ranges = &tile.block.ranges()[1..];
        let whole = Row { start: 0, base: 0, factor: 1.0, within: None };
        if !reduced.contains(&true) {
            let length = ranges.iter().map(ExactSizeIterator::len).product();
            return Self { length, is_reduced: false, rows: vec![whole] };
        }
        let last = ranges.len() - 1;
        let is_reduced = reduced[last];
        // Kept dimensions at the end make one row; with weights on the ground, each row has its own.
        let mut head = last;
        while head > 0 && !is_reduced && !reduced[head - 1] && weights.ground.is_empty() {
            head -= 1;
        }
        let length = ranges[head..].iter().map(ExactSizeIterator::len).product();
        let mut rows = vec![whole];
        for (d, range) in ranges[..head].iter().enumerate() {
            rows = rows
                .iter()
                .flat_map(|row| range.clone().map(move |i| (*row, i)))
                .map(|(row, i)| {
                    let at = i - range.start;
                    let start = row.start * range.len() + at;
                    let within = within(weights, ranges, d, i);
                    if reduced[d] {
                        Row { start, factor: row.factor * weights.of_index(d, i), within, ..row }
                    } else {
                        Row { start, base: row.base * range.len() + at, within, ..row }
                    }
                })
                .collect();
        }
        for row in &mut rows {
            row.start *= length;
            if is_reduced {
                row.within = row.within.or_else(|| along(weights, ranges));
            } else {
                row.base *= length;
            }
        }
        rows.sort_by_key(|row| row.base);
        Self { length, is_reduced, rows }
    }
}

/// The weights on the ground of the row at index `i` of dimension `d`, if that is the last but one.
fn within<'a>(weights: &'a Weights, ranges: &[Range<usize>], d: usize, i: usize) -> Option<&'a [f64]> {
    let columns = ranges.get(d + 1).filter(|_| d + 2 == ranges.len())?;
    let width = weights.ground_width;
    weights.ground.get(i * width + columns.start..i * width + columns.end).filter(|w| !w.is_empty())
}

fn along<'a>(weights: &'a Weights, ranges: &[Range<usize>]) -> Option<&'a [f64]> {
    let columns = ranges.last()?;
    weights.along.get(ranges.len() - 1)?.get(columns.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::index::IndexBox;

    fn tile(ranges: &[Range<usize>]) -> Tile {
        Tile { id: 0, block: IndexBox::new(ranges.to_vec()) }
    }

    #[test]
    fn rows_find_their_results_whatever_is_reduced() {
        let tile = tile(&[0..1, 4..6, 2..5, 0..7]);
        let weights =
            Weights { along: vec![vec![], (0..9).map(f64::from).collect(), vec![]], ..Weights::default() };
        for bits in 0..8usize {
            let reduced: Vec<bool> = (0..3).map(|d| bits >> d & 1 == 1).collect();
            let layout = Layout::new(&tile, &reduced, &weights);
            let shape = [2, 3, 7];
            let mut seen = [0; 42];
            for row in &layout.rows {
                for k in 0..layout.length {
                    let cell = row.start + k;
                    seen[cell] += 1;
                    let at = [cell / 21, cell / 7 % 3, cell % 7];
                    let expected = (0..3).filter(|&d| !reduced[d]).fold(0, |base, d| base * shape[d] + at[d]);
                    assert_eq!(row.base + if layout.is_reduced { 0 } else { k }, expected, "{reduced:?}");
                    let factor = if reduced[1] { 2.0 + at[1] as f64 } else { 1.0 };
                    assert_eq!(row.factor, factor, "{reduced:?}");
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{reduced:?}");
        }
    }

    #[test]
    fn weights_on_the_ground_go_with_their_rows() {
        let tile = tile(&[0..1, 0..2, 1..3, 2..5]);
        let weights =
            Weights { ground: (0..30).map(f64::from).collect(), ground_width: 6, ..Weights::default() };
        let layout = Layout::new(&tile, &[false, true, true], &weights);
        let within: Vec<&[f64]> = layout.rows.iter().filter_map(|r| r.within).collect();
        assert_eq!(within, [[8.0, 9.0, 10.0], [14.0, 15.0, 16.0], [8.0, 9.0, 10.0], [14.0, 15.0, 16.0]]);
    }
}
