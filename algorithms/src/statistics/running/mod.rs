//! Statistics of windows that run along the series of each cell.

mod state;
#[cfg(test)]
mod tests;

use super::finish::Missing;
use super::op::Op;
use halocline_core::engine::{Numbers, Series, SeriesWork};
use halocline_core::{Error, Result};
use state::{Extremes, Moments, Squares, State, Sum};
use std::ops::Range;

/// Statistics over each `window` of consecutive steps: row k is of the steps from k to
/// k + window − 1, so there are steps − window + 1 rows.
///
/// Nothing drifts: no value is ever taken out of a sum again. The series is cut into blocks of
/// the window's length; each window is the end of one block and the beginning of the next, both
/// of which are accumulated from their common edge.
#[derive(Debug, Clone)]
pub struct Running {
    ops: Vec<Op>,
    window: usize,
    steps: usize,
    missing: Missing,
    ddof: u32,
}

impl Running {
    /// The operations that run along series: Σ(x − x̄)² / (n − ddof) is missing where n ≤ ddof, the
    /// count never.
    pub const OPS: [Op; 9] =
        [Op::Mean, Op::Sum, Op::Min, Op::Max, Op::Range, Op::Var, Op::Std, Op::Rms, Op::Count];

    /// `ops` over windows of a series of `steps`; of whatever is not missing, with ddof 1.
    ///
    /// # Errors
    /// Usage, if no window fits, or nothing is asked for or something that does not run.
    pub fn new(ops: &[Op], window: usize, steps: usize) -> Result<Self> {
        if window == 0 || window > steps {
            return Err(Error::usage(format!("a window of {window} steps does not fit {steps} steps"))
                .remedy(format!("choose --running from 1 to {steps}")));
        }
        if ops.is_empty() {
            return Err(Error::usage("no operation is asked for"));
        }
        if let Some(op) = ops.iter().find(|op| !Self::OPS.contains(op)) {
            return Err(Error::usage(format!("there is no running {}", op.name())));
        }
        Ok(Self { ops: ops.to_vec(), window, steps, missing: Missing::Skip, ddof: 1 })
    }
    /// With another rule for missing values.
    #[must_use]
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }
    /// With another number that is taken from n in variances.
    #[must_use]
    pub fn ddof(self, ddof: u32) -> Self {
        Self { ddof, ..self }
    }
    /// Windows that fit.
    pub fn windows(&self) -> usize {
        self.steps + 1 - self.window
    }
}

/// Cells that are worked on together: some lines of the cache from each step.
const WIDTH: usize = 64;

impl SeriesWork for Running {
    fn rows(&self) -> Vec<usize> {
        vec![self.windows(); self.ops.len()]
    }
    fn scratch_per_thread(&self, _steps: usize, _cells: usize) -> u64 {
        (self.window as u64 + 2) * (WIDTH * size_of::<Moments>()) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        if series.steps() != (0..self.steps) {
            return Err(Error::internal("running statistics are planned for other times"));
        }
        for (op, rows) in self.ops.iter().zip(results) {
            for start in (0..series.cells()).step_by(WIDTH) {
                let cells = start..series.cells().min(start + WIDTH);
                self.one(*op, series, &cells, rows);
            }
        }
        Ok(())
    }
}

impl Running {
    fn one(&self, op: Op, series: &Series<'_>, cells: &Range<usize>, rows: &mut [&mut [f64]]) {
        let enough = |n: f64| n as u64 >= self.missing.least(self.window as u64);
        let or_missing = |n: f64, value: f64| if enough(n) { value } else { f64::NAN };
        let ddof = f64::from(self.ddof);
        let var = move |m: Moments| if m.n > ddof { m.squares / (m.n - ddof) } else { f64::NAN };
        match op {
            Op::Mean => self.slide(series, cells, rows, |s: Sum| or_missing(s.n, s.sum / s.n)),
            Op::Sum => self.slide(series, cells, rows, |s: Sum| or_missing(s.n, s.sum)),
            Op::Count => self.slide(series, cells, rows, |s: Sum| s.n),
            Op::Rms => {
                self.slide(series, cells, rows, |s: Squares| or_missing(s.n, (s.sum / s.n).sqrt()));
            }
            Op::Min => self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.least)),
            Op::Max => self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.greatest)),
            Op::Range => {
                self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.greatest - s.least));
            }
            Op::Var => self.slide(series, cells, rows, |s: Moments| or_missing(s.n, var(s))),
            Op::Std => self.slide(series, cells, rows, |s: Moments| or_missing(s.n, var(s).sqrt())),
            // Refused when this was made.
            Op::Trend => {}
        }
    }

    /// Gives every window of every cell what `finish` makes of its values.
    fn slide<S: State>(
        &self,
        series: &Series<'_>,
        cells: &Range<usize>,
        rows: &mut [&mut [f64]],
        finish: impl Fn(S) -> f64,
    ) {
        let (width, windows) = (cells.len(), rows.len());
        // From each step of a block to the block's end.
        let mut ends = vec![S::NONE; self.window * width];
        let mut begins = vec![S::NONE; width];
        for block in (0..windows).step_by(self.window) {
            begins.fill(S::NONE);
            for k in (0..self.window).rev() {
                let (here, later) = ends[k * width..].split_at_mut(width);
                let later = later.get(..width).filter(|_| k + 1 < self.window);
                each(series.step(block + k), cells, |i, value| {
                    here[i] = S::of(value).and(later.map_or(S::NONE, |later| later[i]));
                });
            }
            for k in 0..self.window.min(windows - block) {
                if k > 0 {
                    each(series.step(block + self.window + k - 1), cells, |i, value| {
                        begins[i] = begins[i].and(S::of(value));
                    });
                }
                let ends = &ends[k * width..(k + 1) * width];
                for ((out, end), begin) in rows[block + k][cells.clone()].iter_mut().zip(ends).zip(&begins) {
                    *out = finish(end.and(*begin));
                }
            }
        }
    }
}

/// Calls `work` with each of these cells of a step.
fn each(row: Numbers<'_>, cells: &Range<usize>, mut work: impl FnMut(usize, f64)) {
    match row {
        Numbers::F32(v) => v[cells.clone()].iter().enumerate().for_each(|(i, v)| work(i, f64::from(*v))),
        Numbers::F64(v) => v[cells.clone()].iter().enumerate().for_each(|(i, v)| work(i, *v)),
    }
}
