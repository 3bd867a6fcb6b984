//! Weights as a sparse matrix, and its product with maps.

use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use serde::{Deserialize, Serialize};

/// What becomes of missing source values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Missing {
    /// They are left out, and the rest of the row counts as the whole, if it is at least this
    /// share (0 to 1) of it; otherwise the value is missing.
    LeftOut(f64),
    /// One makes the value missing.
    Spreads,
    /// They count as zero, unless there is nothing else.
    Zero,
}

/// y = S x: rows are cells of the target grid, columns those of the source grid, both in C order.
///
/// Rows are normalised: those of a cell that is wholly covered add up to 1, whatever the method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    columns: usize,
    /// Where the entries of each row begin, and the end.
    starts: Vec<usize>,
    places: Vec<u32>,
    values: Vec<f64>,
}

impl Matrix {
    /// From the entries of each row: column and value. Entries of a row that are in the same
    /// column are added, in their order.
    ///
    /// # Errors
    /// Internal, if a column is not below `columns`.
    pub fn from_rows(columns: usize, rows: impl IntoIterator<Item = Vec<(u32, f64)>>) -> Result<Self> {
        let mut matrix = Self { columns, starts: vec![0], places: Vec::new(), values: Vec::new() };
        for mut row in rows {
            // Stable: what is added keeps its order, and so its bits.
            row.sort_by_key(|entry| entry.0);
            let begin = matrix.places.len();
            for (place, value) in row {
                if place as usize >= columns {
                    return Err(Error::internal(format!("a weight for source cell {place} of {columns}")));
                }
                if matrix.places.len() > begin && matrix.places.last() == Some(&place) {
                    if let Some(last) = matrix.values.last_mut() {
                        *last += value;
                    }
                } else {
                    matrix.places.push(place);
                    matrix.values.push(value);
                }
            }
            matrix.starts.push(matrix.places.len());
        }
        Ok(matrix)
    }

    /// From entries in any order: row, column and value.
    ///
    /// # Errors
    /// Data, if a row or column lies outside, or a value is not finite.
    pub fn from_entries(rows: usize, columns: usize, entries: &[(u32, u32, f64)]) -> Result<Self> {
        let mut counts = vec![0usize; rows + 1];
        for &(row, column, value) in entries {
            if row as usize >= rows || column as usize >= columns {
                return Err(Error::data(format!(
                    "a weight leads from cell {} to cell {}, of {columns} and {rows}",
                    u64::from(column) + 1,
                    u64::from(row) + 1
                )));
            }
            if !value.is_finite() {
                return Err(Error::data(format!("the weight of cell {} is {value}", u64::from(row) + 1)));
            }
            counts[row as usize + 1] += 1;
        }
        for row in 0..rows {
            counts[row + 1] += counts[row];
        }
        let mut sorted = vec![(0u32, 0f64); entries.len()];
        let mut next = counts.clone();
        for &(row, column, value) in entries {
            let place = &mut next[row as usize];
            sorted[*place] = (column, value);
            *place += 1;
        }
        Self::from_rows(columns, counts.windows(2).map(|w| sorted[w[0]..w[1]].to_vec()))
    }

    /// Number of target cells.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
    /// Number of source cells.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// Number of entries.
    pub fn entries(&self) -> usize {
        self.values.len()
    }
    /// Bytes that it holds.
    pub fn bytes(&self) -> u64 {
        (self.starts.len() * size_of::<usize>() + self.values.len() * 12) as u64
    }
    /// The entries of a row: columns and values.
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.places[range.clone()], &self.values[range])
    }
    /// Σ of the entries of each row.
    pub fn row_sums(&self) -> Vec<f64> {
        (0..self.rows()).map(|r| self.row(r).1.iter().sum()).collect()
    }

    /// The matrix with each row multiplied by a number.
    pub(super) fn scaled(mut self, factors: &[f64]) -> Self {
        for (row, factor) in factors.iter().enumerate().take(self.rows()) {
            let range = self.starts[row]..self.starts[row + 1];
            self.values[range].iter_mut().for_each(|v| *v *= factor);
        }
        self
    }

    /// The matrix whose rows are those of all parts, one after the other.
    ///
    /// # Errors
    /// Internal, if they are of different source grids, or there is none.
    pub fn joined(parts: Vec<Self>) -> Result<Self> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().ok_or_else(|| Error::internal("weights without parts"))?;
        for part in parts {
            if part.columns != whole.columns {
                return Err(Error::internal("parts of weights are of different grids"));
            }
            let before = whole.values.len();
            whole.starts.extend(part.starts.iter().skip(1).map(|s| s + before));
            whole.places.extend(part.places);
            whole.values.extend(part.values);
        }
        Ok(whole)
    }

    /// Maps of target cells from maps of source cells, `LANES` maps side by side: `from` is
    /// (source cell, map), `to` (row of `rows`, map). Missing source values are NaN, and so are
    /// the values of empty rows and of those that `missing` leaves none.
    pub fn times<const LANES: usize, T: Into<f64> + Copy>(
        &self,
        rows: std::ops::Range<usize>,
        from: &[[T; LANES]],
        to: &mut [[f64; LANES]],
        missing: Missing,
    ) {
        self.times_from(rows, (0, from), to, missing);
    }

    /// [`Self::times`] where only the source cells from number `first` on are given: all that the rows
    /// have weights of.
    pub(super) fn times_from<const LANES: usize, T: Into<f64> + Copy>(
        &self,
        rows: std::ops::Range<usize>,
        (first, from): (usize, &[[T; LANES]]),
        to: &mut [[f64; LANES]],
        missing: Missing,
    ) {
        let places = to.len();
        let to = &mut to[..rows.len().min(places)];
        Arch::new().dispatch(Times { matrix: self, to, rows, first, from, missing });
    }

    /// From the first to the last source cell that these rows have weights of; nothing if they have
    /// none.
    pub(super) fn reach(&self, rows: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let places = &self.places[self.starts[rows.start]..self.starts[rows.end]];
        let ends = places.iter().fold((u32::MAX, 0), |(a, b), &p| (a.min(p), b.max(p)));
        if places.is_empty() {
            0..0
        } else {
            ends.0 as usize..ends.1 as usize + 1
        }
    }

    /// One row of the product.
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn product<const LANES: usize, T: Into<f64> + Copy>(
        &self,
        row: usize,
        (first, from): (usize, &[[T; LANES]]),
        missing: Missing,
    ) -> [f64; LANES] {
        let (places, values) = self.row(row);
        let mut sum = [0.0; LANES];
        for (&place, &weight) in places.iter().zip(values) {
            let source = &from[place as usize - first];
            for lane in 0..LANES {
                let value: f64 = source[lane].into();
                sum[lane] += weight * value;
            }
        }
        // Sums of what is there alone, in the same order: the same bits as below.
        if !places.is_empty() && !sum.iter().any(|s| s.is_nan()) {
            return sum;
        }
        let mut whole = 0.0;
        let mut any = false;
        for (&place, &weight) in places.iter().zip(values) {
            whole += weight;
            for value in from[place as usize - first] {
                let value: f64 = value.into();
                any |= !value.is_nan();
            }
        }
        if !any && whole != 0.0 {
            // As on land.
            return [f64::NAN; LANES];
        }
        let (mut sum, mut there) = ([0.0; LANES], [0.0; LANES]);
        for (&place, &weight) in places.iter().zip(values) {
            let source = &from[place as usize - first];
            for lane in 0..LANES {
                let value: f64 = source[lane].into();
                let is_there = !value.is_nan();
                sum[lane] += if is_there { weight * value } else { 0.0 };
                there[lane] += if is_there { weight } else { 0.0 };
            }
        }
        std::array::from_fn(|lane| match missing {
            _ if places.is_empty() => f64::NAN,
            // All of it: as it is, without a division that is no exact 1.
            _ if there[lane] == whole => sum[lane],
            Missing::LeftOut(least) if there[lane] > 0.0 && there[lane] >= least * whole => {
                sum[lane] * (whole / there[lane])
            }
            Missing::Zero if there[lane] != 0.0 => sum[lane],
            _ => f64::NAN,
        })
    }
}

/// Rows of a product, compiled for the machine's vectors: a closure would not be.
struct Times<'a, T, const LANES: usize> {
    matrix: &'a Matrix,
    rows: std::ops::Range<usize>,
    /// The number of the first source cell of `from`.
    first: usize,
    from: &'a [[T; LANES]],
    to: &'a mut [[f64; LANES]],
    missing: Missing,
}

impl<T: Into<f64> + Copy, const LANES: usize> NullaryFnOnce for Times<'_, T, LANES> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn call(self) {
        for (k, out) in self.to.iter_mut().enumerate() {
            *out = self.matrix.product(self.rows.start + k, (self.first, self.from), self.missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_count_or_not() {
        let matrix =
            Matrix::from_entries(3, 4, &[(2, 1, 0.25), (0, 3, 1.0), (2, 0, 0.5), (2, 2, 0.25)]).unwrap();
        assert_eq!((matrix.rows(), matrix.columns(), matrix.entries()), (3, 4, 4));
        assert_eq!(matrix.row(2), (&[0, 1, 2][..], &[0.5, 0.25, 0.25][..]));
        let from = [[1.0f32, 1.0], [2.0, f32::NAN], [4.0, 4.0], [7.0, f32::NAN]];
        let mut to = [[0.0; 2]; 3];
        matrix.times(0..3, &from, &mut to, Missing::LeftOut(0.0));
        assert_eq!((to[0][0], to[2][0], to[2][1]), (7.0, 2.0, 2.0));
        assert!(to[0][1].is_nan() && to[1][0].is_nan());
        matrix.times(0..3, &from, &mut to, Missing::LeftOut(0.8));
        assert!(to[2][1].is_nan() && to[2][0] == 2.0);
        matrix.times(2..3, &from, &mut to[..1], Missing::LeftOut(0.75));
        assert_eq!(to[0][1], 2.0);
        matrix.times(2..3, &from, &mut to[..1], Missing::Spreads);
        assert!(to[0][1].is_nan());
        matrix.times(2..3, &from, &mut to[..1], Missing::Zero);
        assert_eq!(to[0][1], 1.5);
        assert_eq!(matrix.row_sums(), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn entries_outside_are_refused() {
        for bad in [(3, 0, 1.0), (0, 4, 1.0), (0, 0, f64::NAN)] {
            assert_eq!(Matrix::from_entries(3, 4, &[bad]).unwrap_err().exit_code(), 3);
        }
        let whole = Matrix::from_entries(3, 2, &[(0, 1, 0.5), (2, 0, 0.25), (2, 1, 4.0)]).unwrap();
        let parts = [(0..1, vec![(0, 1, 0.5)]), (1..3, vec![(1, 0, 0.25), (1, 1, 4.0)])];
        let parts = parts.into_iter().map(|(r, e)| Matrix::from_entries(r.len(), 2, &e).unwrap()).collect();
        assert_eq!(Matrix::joined(parts).unwrap(), whole);
        let twice = Matrix::from_entries(1, 2, &[(0, 1, 0.5), (0, 1, 0.25)]).unwrap();
        assert_eq!(twice.row(0), (&[1][..], &[0.75][..]));
    }
}
