//! Some cells side by side, so that all steps of a recursion are done for several at once.

use halocline_core::engine::{Numbers, Series};
use std::ops::Range;

/// Cells that are worked on together.
pub(super) const WIDTH: usize = 16;

/// One value of each.
pub(super) type Lanes = [f64; WIDTH];

/// No value.
pub(super) const ZERO: Lanes = [0.0; WIDTH];

/// Puts all steps of some cells, [`WIDTH`] at most, into `out`; lanes without a cell are zero.
pub(super) fn gather(series: &Series<'_>, cells: &Range<usize>, out: &mut Vec<Lanes>) {
    out.clear();
    for step in series.steps() {
        let mut lanes = ZERO;
        match series.step(step).slice(cells.clone()) {
            Numbers::F32(v) => lanes.iter_mut().zip(v).for_each(|(lane, v)| *lane = f64::from(*v)),
            Numbers::F64(v) => lanes.iter_mut().zip(v).for_each(|(lane, v)| *lane = *v),
        }
        out.push(lanes);
    }
}

/// What is known of the series in each lane, missing values left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) missing: Lanes,
    pub(super) infinite: Lanes,
    pub(super) mean: Lanes,
    /// Of the line through the values, per step.
    pub(super) slope: Lanes,
    /// The step at which the line has the value of the mean.
    pub(super) middle: Lanes,
}

impl About {
    /// Counts, means and, if wanted, lines by least squares.
    pub(super) fn of(x: &[Lanes], lines: bool) -> Self {
        let mut about = Self { missing: ZERO, infinite: ZERO, mean: ZERO, slope: ZERO, middle: ZERO };
        let mut sums = ZERO;
        let mut steps = ZERO;
        for (t, row) in x.iter().enumerate() {
            for lane in 0..WIDTH {
                let v = row[lane];
                let there = !v.is_nan();
                about.missing[lane] += f64::from(u8::from(!there));
                about.infinite[lane] += f64::from(u8::from(v.is_infinite()));
                sums[lane] += if there { v } else { 0.0 };
                steps[lane] += if there { t as f64 } else { 0.0 };
            }
        }
        for lane in 0..WIDTH {
            let n = x.len() as f64 - about.missing[lane];
            about.mean[lane] = sums[lane] / n;
            about.middle[lane] = steps[lane] / n;
        }
        if !lines {
            return about;
        }
        let (mut xt, mut tt) = (ZERO, ZERO);
        for (t, row) in x.iter().enumerate() {
            for lane in 0..WIDTH {
                let apart = t as f64 - about.middle[lane];
                let there = !row[lane].is_nan();
                xt[lane] += if there { apart * (row[lane] - about.mean[lane]) } else { 0.0 };
                tt[lane] += if there { apart * apart } else { 0.0 };
            }
        }
        for lane in 0..WIDTH {
            about.slope[lane] = if tt[lane] > 0.0 { xt[lane] / tt[lane] } else { 0.0 };
        }
        about
    }

    /// Takes means and lines off.
    pub(super) fn take(&self, x: &mut [Lanes]) {
        for (t, row) in x.iter_mut().enumerate() {
            for (lane, value) in row.iter_mut().enumerate() {
                *value -= self.mean[lane] + self.slope[lane] * (t as f64 - self.middle[lane]);
            }
        }
    }
}
