//! The inner loops of moments, for whatever vector unit the machine has. Every cell is summed on
//! its own in the order of time, so the width of vectors changes no bit.

#![allow(clippy::needless_bitwise_bool)] // both sides cost less than a branch

use super::moments::{Class, Moments, ADJACENT, BASE, BOTH, CLASS, TREND};
use halocline_core::engine::Numbers;
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// Cells of which all sums of a lag stay in the nearest cache while steps pass over them: up to 26
/// doubles each, and a row.
pub(super) const BLOCK: usize = 128;

/// A row of deviations: 0 where there is no pair.
#[derive(Debug)]
pub(super) struct Row {
    y: [f64; BLOCK],
    x: [f64; BLOCK],
    dy: [f64; BLOCK],
    dx: [f64; BLOCK],
    /// 1 for a pair, 0 for none.
    pair: [f64; BLOCK],
    /// The same of the step before: deviations, and whether both are there.
    before_y: [f64; BLOCK],
    before_x: [f64; BLOCK],
    twice: [f64; BLOCK],
}

/// What a row is, besides its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The number of the time.
    pub(super) at: usize,
    /// The first time of the tile.
    pub(super) first: usize,
    /// Whether the time before is no neighbour.
    pub(super) after_gap: bool,
}

impl Default for Row {
    fn default() -> Self {
        let zero = || [0.0; BLOCK];
        Self {
            y: zero(),
            x: zero(),
            dy: zero(),
            dx: zero(),
            pair: zero(),
            before_y: zero(),
            before_x: zero(),
            twice: zero(),
        }
    }
}

/// The parts of a group of sums that belong to a block of cells.
fn parts<'a, const K: usize>(group: &'a mut [f64], block: &Range<usize>) -> [&'a mut [f64]; K] {
    let cells = group.len() / K;
    let mut rest = group.chunks_exact_mut(cells.max(1));
    std::array::from_fn(|_| rest.next().map_or(&mut [][..], |c| &mut c[block.clone()]))
}

/// A row at work, compiled for the machine's vectors: a closure would not be.
struct Add<'a> {
    row: &'a mut Row,
    moments: &'a mut Moments,
    block: &'a Range<usize>,
    step: Step,
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // as said
    fn call(self) {
        self.row.add_here(self.moments, self.block, self.step);
    }
}

impl Row {
    /// Takes in the values of a block.
    pub(super) fn set_y(&mut self, values: Numbers<'_>) {
        widen(values, &mut self.y);
    }
    /// Takes in what they are related to.
    pub(super) fn set_x(&mut self, values: Numbers<'_>) {
        widen(values, &mut self.x);
    }
    /// One value for all cells.
    pub(super) fn fill_x(&mut self, value: f64) {
        self.x.fill(value);
    }

    /// Adds the row to the sums.
    pub(super) fn add(&mut self, moments: &mut Moments, block: &Range<usize>, step: Step) {
        Arch::new().dispatch(Add { row: self, moments, block, step });
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn add_here(&mut self, moments: &mut Moments, block: &Range<usize>, step: Step) {
        let n = block.len();
        self.add_base(parts::<BASE>(&mut moments.base, block), n);
        let since = (step.at - step.first) as f64;
        if !moments.adjacent.is_empty() {
            let reference = &moments.base;
            let cells = reference.len() / BASE;
            let references = [1, 2].map(|k| &reference[k * cells..(k + 1) * cells][block.clone()]);
            let adjacent = parts::<ADJACENT>(&mut moments.adjacent, block);
            self.add_adjacent(adjacent, references, n, step);
        }
        if !moments.trend.is_empty() {
            self.add_trend(parts::<TREND>(&mut moments.trend, block), n, since, step.first as f64);
        }
        if !moments.both.is_empty() {
            self.add_both(parts::<BOTH>(&mut moments.both, block), n, since);
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn add_base(&mut self, sums: [&mut [f64]; BASE], n: usize) {
        let [count, ry, rx, sy, sx, syy, sxx, sxy] = sums.map(|s| &mut s[..n]);
        // Few rows have cells that begin; in others nothing is chosen, as blends are slow on some
        // processors.
        let mut any = false;
        for ((y, x), &count) in self.y.iter().zip(&self.x).zip(count.iter()) {
            any |= !(y.is_nan() | x.is_nan()) & (count == 0.0);
        }
        if any {
            for i in 0..n {
                if count[i] == 0.0 && !(self.y[i].is_nan() || self.x[i].is_nan()) {
                    (ry[i], rx[i]) = (self.y[i], self.x[i]);
                }
            }
        }
        for i in 0..n {
            let (y, x) = (self.y[i], self.x[i]);
            let valid = !(y.is_nan() | x.is_nan());
            let dy = if valid { y - ry[i] } else { 0.0 };
            let dx = if valid { x - rx[i] } else { 0.0 };
            let pair = if valid { 1.0 } else { 0.0 };
            count[i] += pair;
            sy[i] += dy;
            sx[i] += dx;
            syy[i] += dy * dy;
            sxx[i] += dx * dx;
            sxy[i] += dx * dy;
            self.dy[i] = dy;
            self.dx[i] = dx;
            self.pair[i] = pair;
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn add_adjacent(&mut self, sums: [&mut [f64]; ADJACENT], references: [&[f64]; 2], n: usize, step: Step) {
        let is_first = step.at == step.first;
        let follows = !(is_first | step.after_gap);
        let [pairs, yy, y1, xx, x1, first_y, first_x, last_y, last_x] = sums.map(|s| &mut s[..n]);
        let [ry, rx] = references.map(|r| &r[..n]);
        for i in 0..n {
            let valid = self.pair[i] > 0.0;
            let twice = valid & follows & !last_y[i].is_nan();
            let py = if twice { last_y[i] - ry[i] } else { 0.0 };
            let px = if twice { last_x[i] - rx[i] } else { 0.0 };
            let (qy, qx) = (if twice { self.dy[i] } else { 0.0 }, if twice { self.dx[i] } else { 0.0 });
            let one = if twice { 1.0 } else { 0.0 };
            pairs[i] += one;
            yy[i] += qy * py;
            y1[i] += qy + py;
            xx[i] += qx * px;
            x1[i] += qx + px;
            // Bits that make it NaN where there is no pair.
            let gone = if valid { 0 } else { f64::NAN.to_bits() };
            last_y[i] = f64::from_bits(self.y[i].to_bits() | gone);
            last_x[i] = f64::from_bits(self.x[i].to_bits() | gone);
            self.before_y[i] = py;
            self.before_x[i] = px;
            self.twice[i] = one;
        }
        if is_first {
            first_y.copy_from_slice(last_y);
            first_x.copy_from_slice(last_x);
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn add_trend(&self, sums: [&mut [f64]; TREND], n: usize, t: f64, reference: f64) {
        let [rt, st, stt, sty, stx] = sums.map(|s| &mut s[..n]);
        for i in 0..n {
            rt[i] = reference;
            st[i] += self.pair[i] * t;
            stt[i] += self.pair[i] * (t * t);
            sty[i] += self.dy[i] * t;
            stx[i] += self.dx[i] * t;
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn add_both(&self, sums: [&mut [f64]; BOTH], n: usize, t: f64) {
        let [tt, t1, ty, tx] = sums.map(|s| &mut s[..n]);
        let before = t - 1.0;
        for i in 0..n {
            tt[i] += self.twice[i] * (t * before);
            t1[i] += self.twice[i] * (t + before);
            ty[i] += t * self.before_y[i] + before * (self.twice[i] * self.dy[i]);
            tx[i] += t * self.before_x[i] + before * (self.twice[i] * self.dx[i]);
        }
    }

    /// Adds the values to a class of a composite.
    pub(super) fn classify(&self, class: &mut Class, block: &Range<usize>) {
        let n = block.len();
        let [count, reference, sum, square] = parts::<CLASS>(&mut class.0, block).map(|s| &mut s[..n]);
        for i in 0..n {
            let y = self.y[i];
            let valid = !y.is_nan();
            reference[i] = if valid && count[i] == 0.0 { y } else { reference[i] };
            let d = if valid { y - reference[i] } else { 0.0 };
            count[i] += if valid { 1.0 } else { 0.0 };
            sum[i] += d;
            square[i] += d * d;
        }
    }
}

fn widen(values: Numbers<'_>, out: &mut [f64]) {
    match values {
        Numbers::F32(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = *v),
    }
}
