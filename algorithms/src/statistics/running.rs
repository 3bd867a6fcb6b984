//! Statistics of windows that run along the series of each cell.

use super::percentile::Needed;
use halocline_core::engine::{Numbers, Piece, SeriesWork};
use halocline_core::{Error, Result};
use std::ops::Range;

/// What is made of the n values in a window that are not missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunningOp {
    /// Σx / n.
    Mean,
    /// Σx.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The greatest less the least.
    Range,
    /// Σ(x − x̄)² / (n − ddof); missing where n ≤ ddof.
    Var,
    /// The root of the variance.
    Std,
    /// √(Σx² / n).
    Rms,
    /// n itself, never missing.
    Count,
}

impl RunningOp {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Mean,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Range,
        Self::Var,
        Self::Std,
        Self::Rms,
        Self::Count,
    ];

    /// The name that users write.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Range => "range",
            Self::Var => "var",
            Self::Std => "std",
            Self::Rms => "rms",
            Self::Count => "count",
        }
    }
    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == name)
    }
}

/// Statistics over each `window` of consecutive steps: row k is of the steps from k to
/// k + window − 1, so there are steps − window + 1 rows.
///
/// Nothing drifts: no value is ever taken out of a sum again. The series is cut into blocks of
/// the window's length; each window is the end of one block and the beginning of the next, both
/// of which are accumulated from their common edge. The second moments of the two meet as by
/// Chan, Golub and LeVeque (1983), doi:10.1080/00031305.1983.10483115.
#[derive(Debug, Clone)]
pub struct Running {
    ops: Vec<RunningOp>,
    window: usize,
    steps: usize,
    needed: Needed,
    ddof: u32,
}

impl Running {
    /// `ops` over windows of a series of `steps`; of whatever is not missing, with ddof 1.
    ///
    /// # Errors
    /// Usage, if no window fits or nothing is asked for.
    pub fn new(ops: &[RunningOp], window: usize, steps: usize) -> Result<Self> {
        if window == 0 || window > steps {
            return Err(Error::usage(format!("a window of {window} steps does not fit {steps} steps"))
                .remedy(format!("choose --running from 1 to {steps}")));
        }
        if ops.is_empty() {
            return Err(Error::usage("no operation is asked for"));
        }
        Ok(Self { ops: ops.to_vec(), window, steps, needed: Needed::AtLeast(1), ddof: 1 })
    }
    /// With another rule for missing values.
    #[must_use]
    pub fn needed(self, needed: Needed) -> Self {
        Self { needed, ..self }
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
    fn work(&self, series: &Piece<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
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
    fn one(&self, op: RunningOp, series: &Piece<'_>, cells: &Range<usize>, rows: &mut [&mut [f64]]) {
        let enough = |n: f64| self.needed.is_met(n as usize, self.window);
        let or_missing = |n: f64, value: f64| if enough(n) { value } else { f64::NAN };
        let ddof = f64::from(self.ddof);
        let var = move |m: Moments| if m.n > ddof { m.squares / (m.n - ddof) } else { f64::NAN };
        match op {
            RunningOp::Mean => self.slide(series, cells, rows, |s: Sum| or_missing(s.n, s.sum / s.n)),
            RunningOp::Sum => self.slide(series, cells, rows, |s: Sum| or_missing(s.n, s.sum)),
            RunningOp::Count => self.slide(series, cells, rows, |s: Sum| s.n),
            RunningOp::Rms => {
                self.slide(series, cells, rows, |s: Squares| or_missing(s.n, (s.sum / s.n).sqrt()));
            }
            RunningOp::Min => self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.least)),
            RunningOp::Max => self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.greatest)),
            RunningOp::Range => {
                self.slide(series, cells, rows, |s: Extremes| or_missing(s.n, s.greatest - s.least));
            }
            RunningOp::Var => self.slide(series, cells, rows, |s: Moments| or_missing(s.n, var(s))),
            RunningOp::Std => self.slide(series, cells, rows, |s: Moments| or_missing(s.n, var(s).sqrt())),
        }
    }

    /// Gives every window of every cell what `finish` makes of its values.
    fn slide<S: State>(
        &self,
        series: &Piece<'_>,
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

/// What is known of some consecutive values; missing ones are skipped.
trait State: Copy {
    const NONE: Self;
    fn of(value: f64) -> Self;
    /// Both, this one first.
    fn and(self, later: Self) -> Self;
}

#[derive(Clone, Copy)]
struct Sum {
    n: f64,
    sum: f64,
}
impl State for Sum {
    const NONE: Self = Self { n: 0.0, sum: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, sum: value }
    }
    fn and(self, later: Self) -> Self {
        Self { n: self.n + later.n, sum: self.sum + later.sum }
    }
}

/// The sum of squares.
#[derive(Clone, Copy)]
struct Squares {
    n: f64,
    sum: f64,
}
impl State for Squares {
    const NONE: Self = Self { n: 0.0, sum: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, sum: value * value }
    }
    fn and(self, later: Self) -> Self {
        Self { n: self.n + later.n, sum: self.sum + later.sum }
    }
}

#[derive(Clone, Copy)]
struct Extremes {
    n: f64,
    least: f64,
    greatest: f64,
}
impl State for Extremes {
    const NONE: Self = Self { n: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, least: value, greatest: value }
    }
    fn and(self, later: Self) -> Self {
        Self {
            n: self.n + later.n,
            least: self.least.min(later.least),
            greatest: self.greatest.max(later.greatest),
        }
    }
}

/// The mean, and the sum of squared deviations from it.
#[derive(Clone, Copy)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}
impl State for Moments {
    const NONE: Self = Self { n: 0.0, mean: 0.0, squares: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, mean: value, squares: 0.0 }
    }
    fn and(self, later: Self) -> Self {
        if later.n == 0.0 {
            return self;
        }
        if self.n == 0.0 {
            return later;
        }
        let n = self.n + later.n;
        let apart = later.mean - self.mean;
        let share = later.n / n;
        Self {
            n,
            mean: self.mean + apart * share,
            squares: self.squares + later.squares + apart * apart * self.n * share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::index::IndexBox;
    use halocline_core::tiling::Tile;

    fn run(work: &Running, values: &[f64]) -> Vec<Vec<f64>> {
        let cells = values.len() / work.steps;
        let tile = Tile { id: 0, block: IndexBox::whole(&[work.steps, cells]) };
        let mut out: Vec<Vec<f64>> = work.rows().iter().map(|&n| vec![f64::NAN; n * cells]).collect();
        let mut rows: Vec<Vec<&mut [f64]>> = out.iter_mut().map(|o| o.chunks_mut(cells).collect()).collect();
        work.work(&Piece::whole(&tile, values), &mut rows).unwrap();
        out
    }

    /// Each window by itself, in the plainest way.
    fn plain(op: RunningOp, window: &[f64], ddof: f64) -> f64 {
        let all: Vec<f64> = window.iter().copied().filter(|v| !v.is_nan()).collect();
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let var = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - ddof);
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let value = match op {
            RunningOp::Count => return n,
            _ if all.is_empty() => return f64::NAN,
            RunningOp::Mean => mean,
            RunningOp::Sum => all.iter().sum(),
            RunningOp::Min => least,
            RunningOp::Max => greatest,
            RunningOp::Range => greatest - least,
            RunningOp::Var if n > ddof => var,
            RunningOp::Std if n > ddof => var.sqrt(),
            RunningOp::Var | RunningOp::Std => return f64::NAN,
            RunningOp::Rms => (all.iter().map(|v| v * v).sum::<f64>() / n).sqrt(),
        };
        value
    }

    #[test]
    fn every_window_is_what_it_is_by_itself() {
        for (steps, window, cells) in
            [(1, 1, 1), (5, 5, 3), (7, 1, 2), (30, 7, 150), (100, 12, 65), (24, 23, 1)]
        {
            let values: Vec<f64> =
                (0..steps * cells)
                    .map(|i| {
                        if i % 5 == 2 || i % cells == 1 {
                            f64::NAN
                        } else {
                            ((i * 7919) % 1009) as f64 - 300.0
                        }
                    })
                    .collect();
            for ddof in [0, 1] {
                let work = Running::new(&RunningOp::ALL, window, steps).unwrap().ddof(ddof);
                let out = run(&work, &values);
                for (op, out) in RunningOp::ALL.iter().zip(&out) {
                    for k in 0..work.windows() {
                        for c in 0..cells {
                            let series: Vec<f64> = (k..k + window).map(|t| values[t * cells + c]).collect();
                            let (a, b) = (out[k * cells + c], plain(*op, &series, f64::from(ddof)));
                            let near = (a - b).abs() <= 1e-12 * b.abs().max(1.0) || a.is_nan() && b.is_nan();
                            assert!(near, "{op:?} {steps} {window}: {a} is not {b}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_left_the_window_leaves_no_trace() {
        // A value that swallows all others in a sum, once.
        let mut values: Vec<f64> = (0..4000).map(|t| f64::from(t % 10)).collect();
        values[5] = 1e17;
        let work = Running::new(&[RunningOp::Mean, RunningOp::Var, RunningOp::Sum], 10, 4000).unwrap();
        let out = run(&work, &values);
        assert!(out[0][6..].iter().all(|v| *v == 4.5));
        assert!(out[2][6..].iter().all(|v| *v == 45.0));
        assert!(out[1][6..].iter().all(|v| (v - 82.5 / 9.0).abs() < 1e-12));
        // And a constant has no variance, however large.
        let out = run(&Running::new(&[RunningOp::Var], 7, 100).unwrap(), &[1.1e9; 100]);
        assert!(out[0].iter().all(|v| *v == 0.0));
    }

    #[test]
    fn windows_need_enough_values() {
        let values = [1.0, f64::NAN, 3.0, 4.0];
        let of =
            |needed| run(&Running::new(&[RunningOp::Sum], 2, 4).unwrap().needed(needed), &values).remove(0);
        assert_eq!(of(Needed::AtLeast(1)), [1.0, 3.0, 7.0]);
        let all = of(Needed::All);
        assert!(all[0].is_nan() && all[1].is_nan() && all[2] == 7.0);
        assert!(Running::new(&[RunningOp::Sum], 0, 4).is_err());
        assert_eq!(Running::new(&[RunningOp::Sum], 5, 4).unwrap_err().exit_code(), 2);
    }
}
