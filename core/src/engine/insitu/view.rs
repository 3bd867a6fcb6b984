//! A block of a running program's array, as it lies in memory.

use super::super::piece::Numbers;
use crate::error::{Error, Result};

/// The cells that a rank owns in an array of a running program, whose halos and order of memory are
/// the program's own: cell (i, j, …) of the block lies at `origin + i * strides[0] + j * strides[1] …`.
#[derive(Debug, Clone)]
pub struct View<'a> {
    values: Numbers<'a>,
    shape: Vec<usize>,
    origin: usize,
    strides: Vec<isize>,
}

impl<'a> View<'a> {
    /// A block of `shape` (slowest dimension first, as results have it) in `values`.
    ///
    /// # Errors
    /// Usage, if some of it would lie outside.
    pub fn new(values: Numbers<'a>, shape: &[usize], origin: usize, strides: &[isize]) -> Result<Self> {
        let outside = || {
            Error::usage(format!(
                "a block of {shape:?} by strides {strides:?} from {origin} lies outside of its array"
            ))
        };
        if strides.len() != shape.len() {
            return Err(outside());
        }
        let (low, high) = extent(shape, strides).ok_or_else(outside)?;
        let inside = |at: isize| (0..values.len() as isize).contains(&at);
        let begin = isize::try_from(origin).map_err(|_| outside())?;
        let ends = begin.checked_add(low).zip(begin.checked_add(high)).ok_or_else(outside)?;
        if !(shape.contains(&0) || inside(ends.0) && inside(ends.1)) {
            return Err(outside());
        }
        Ok(Self { values, shape: shape.to_vec(), origin, strides: strides.to_vec() })
    }
    /// A block that fills `values`, in C order.
    ///
    /// # Errors
    /// Usage, if there are fewer values.
    pub fn contiguous(values: Numbers<'a>, shape: &[usize]) -> Result<Self> {
        Self::new(values, shape, 0, &c_strides(shape))
    }
    /// Lengths.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Whether values are single.
    pub fn is_single(&self) -> bool {
        matches!(self.values, Numbers::F32(_))
    }

    /// Appends the cells to `out` in C order; `missing` becomes NaN.
    ///
    /// # Errors
    /// Usage, if `out` is of the other precision.
    pub fn append_to(&self, out: &mut Buffer, missing: Option<f64>) -> Result<()> {
        match (self.values, out) {
            (Numbers::F32(v), Buffer::F32(out)) => {
                let missing = missing.map(|m| m as f32);
                self.each_row(|at, n, step| {
                    append(v, out, (at, n, step), |x| missing == Some(x), f32::NAN);
                });
                Ok(())
            }
            (Numbers::F64(v), Buffer::F64(out)) => {
                self.each_row(|at, n, step| {
                    append(v, out, (at, n, step), |x| missing == Some(x), f64::NAN);
                });
                Ok(())
            }
            _ => Err(Error::usage("the precision of a field has changed since its first step")),
        }
    }

    /// Calls `row(start, length, stride)` for each row along the last dimension.
    fn each_row(&self, mut row: impl FnMut(usize, usize, isize)) {
        let Some((&length, outer)) = self.shape.split_last() else { return };
        if self.shape.contains(&0) {
            return;
        }
        let step = self.strides[outer.len()];
        let mut at = vec![0usize; outer.len()];
        loop {
            let offset: isize = at.iter().zip(&self.strides).map(|(&i, s)| i as isize * s).sum();
            row((self.origin as isize + offset) as usize, length, step);
            let Some(d) = (0..outer.len()).rev().find(|&d| at[d] + 1 < outer[d]) else { return };
            at[d] += 1;
            at[d + 1..].fill(0);
        }
    }
}

/// The lowest and the highest offset of a block; `None` where that is no number.
pub fn extent(shape: &[usize], strides: &[isize]) -> Option<(isize, isize)> {
    let (mut low, mut high) = (0isize, 0isize);
    for (&n, &stride) in shape.iter().zip(strides) {
        let far = stride.checked_mul(isize::try_from(n.saturating_sub(1)).ok()?)?;
        low = low.checked_add(far.min(0))?;
        high = high.checked_add(far.max(0))?;
    }
    Some((low, high))
}

/// The strides of C order.
pub fn c_strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1isize; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d].saturating_mul(shape[d] as isize);
    }
    strides
}

fn append<T: Copy>(
    values: &[T],
    out: &mut Vec<T>,
    (start, n, step): (usize, usize, isize),
    is_missing: impl Fn(T) -> bool,
    nan: T,
) {
    let clean = |x: T| if is_missing(x) { nan } else { x };
    if step == 1 {
        out.extend(values[start..start + n].iter().map(|&x| clean(x)));
    } else {
        out.extend((0..n).map(|i| clean(values[(start as isize + i as isize * step) as usize])));
    }
}

/// Values that wait, in the precision in which they came.
#[derive(Debug)]
pub enum Buffer {
    /// Single.
    F32(Vec<f32>),
    /// Double.
    F64(Vec<f64>),
}

impl Buffer {
    /// An empty one.
    pub fn new(single: bool) -> Self {
        if single {
            Self::F32(Vec::new())
        } else {
            Self::F64(Vec::new())
        }
    }
    /// All of it.
    pub fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::F32(v) => Numbers::F32(v),
            Self::F64(v) => Numbers::F64(v),
        }
    }
    /// Leaves so many values.
    pub(super) fn truncate(&mut self, len: usize) {
        match self {
            Self::F32(v) => v.truncate(len),
            Self::F64(v) => v.truncate(len),
        }
    }
    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }
    pub(super) fn len(&self) -> usize {
        self.numbers().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halos_and_orders_are_seen_through() {
        // A Fortran array of (nx + 2, ny + 2) with halos; the block is its inside, as (y, x).
        let (nx, ny) = (3, 2);
        let all: Vec<f32> = (0..(nx + 2) * (ny + 2)).map(|i| i as f32).collect();
        let mut out = Buffer::new(true);
        let view = View::new(Numbers::F32(&all), &[ny, nx], nx + 3, &[nx as isize + 2, 1]).unwrap();
        view.append_to(&mut out, Some(7.0)).unwrap();
        let Buffer::F32(values) = out else { panic!("single") };
        assert_eq!(values[0], 6.0);
        assert!(values[1].is_nan());
        assert_eq!(values[2..], [8.0, 11.0, 12.0, 13.0]);
        // Turned over and backwards.
        let mut out = Buffer::new(true);
        let view = View::new(Numbers::F32(&all), &[2, 3], 19, &[-1, -5]).unwrap();
        view.append_to(&mut out, None).unwrap();
        let Buffer::F32(values) = out else { panic!("single") };
        assert_eq!(values, [19.0, 14.0, 9.0, 18.0, 13.0, 8.0]);
        assert!(View::new(Numbers::F32(&all), &[5, 5], 0, &[5, 1]).is_err());
        assert!(View::new(Numbers::F32(&all), &[2, 2], 0, &[-1, 1]).is_err());
        assert!(View::new(Numbers::F32(&all), &[2, 2], usize::MAX, &[isize::MAX, 1]).is_err());
    }
}
