//! How the sums of two ranges of steps become one.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::{CENTRE, FIRST, LAST, PAIRS, PLANES, PT, PTT, PTX, PX, PXX, T, TT, TX, X, XX};
use crate::lanes::{load_planes, store, Blocks};
use pulp::NullaryFnOnce;

/// So many cells are worked on at once.
pub(super) const BLOCK: usize = 16;

/// Sums of two neighbouring ranges of steps, at work.
pub(super) struct Join<'a> {
    pub(super) own: &'a mut [f64],
    pub(super) other: &'a [f64],
    /// Valid values among the others.
    pub(super) count: &'a [u64],
    /// From the first step here to the first there.
    pub(super) later: f64,
    /// The times of the last step here and the first there.
    pub(super) meet: Option<[f64; 2]>,
}

impl NullaryFnOnce for Join<'_> {
    type Output = ();
    #[inline(always)]
    fn call(mut self) {
        self.over::<BLOCK>(self.count.len());
    }
}

impl Blocks for Join<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, at: usize) {
        let cells = self.count.len();
        let mut a: [[f64; N]; PLANES] = load_planes(self.own, cells, at);
        let b: [[f64; N]; PLANES] = load_planes(self.other, cells, at);
        let later = self.later;
        let (mut n, mut by, mut centre) = ([0.0; N], [0.0; N], [0.0; N]);
        // Short loops over cells: each is compiled for vectors, one of all this would not be.
        for i in 0..N {
            n[i] = self.count[at + i] as f64;
            centre[i] = if a[CENTRE][i].is_nan() { b[CENTRE][i] } else { a[CENTRE][i] };
            // How much higher x is when it is counted from the centre of the first sums.
            by[i] = if b[CENTRE][i].is_nan() { 0.0 } else { b[CENTRE][i] - centre[i] };
        }
        for i in 0..N {
            let (by, pairs) = (by[i], b[PAIRS][i]);
            a[PXX][i] += b[PXX][i] + by * b[PX][i] + pairs * by * by;
            a[PTX][i] += b[PTX][i] + later * b[PX][i] + by * b[PT][i] + 2.0 * pairs * by * later;
        }
        for i in 0..N {
            let pairs = b[PAIRS][i];
            a[PTT][i] += b[PTT][i] + later * b[PT][i] + pairs * later * later;
            a[PX][i] += b[PX][i] + 2.0 * pairs * by[i];
            a[PT][i] += b[PT][i] + 2.0 * pairs * later;
            a[PAIRS][i] += pairs;
        }
        for i in 0..N {
            let (by, n) = (by[i], n[i]);
            a[TX][i] += b[TX][i] + by * b[T][i] + later * b[X][i] + n * by * later;
            a[XX][i] += b[XX][i] + 2.0 * by * b[X][i] + n * by * by;
            a[X][i] += b[X][i] + n * by;
        }
        for i in 0..N {
            a[TT][i] += b[TT][i] + 2.0 * later * b[T][i] + n[i] * later * later;
            a[T][i] += b[T][i] + n[i] * later;
        }
        if let Some(times) = self.meet {
            meet(&mut a, &b[FIRST], &centre, times);
        }
        a[CENTRE] = centre;
        a[LAST] = b[LAST];
        for (p, values) in a.into_iter().enumerate() {
            store(self.own, p * cells + at, values);
        }
    }
}

/// Adds the pair that the last value of `a` makes with the first that follows, at these times.
#[inline(always)]
fn meet<const N: usize>(
    a: &mut [[f64; N]; PLANES],
    firsts: &[f64; N],
    centre: &[f64; N],
    [ti, tj]: [f64; 2],
) {
    for i in 0..N {
        let (last, first) = (a[LAST][i] - centre[i], firsts[i] - centre[i]);
        let missing = last.is_nan() | first.is_nan();
        let both = if missing { 0.0 } else { 1.0 };
        let xi = if missing { 0.0 } else { last };
        let xj = if missing { 0.0 } else { first };
        a[PAIRS][i] += both;
        a[PXX][i] += xi * xj;
        a[PX][i] += xi + xj;
        a[PTX][i] += xi * tj + xj * ti;
        a[PT][i] += both * (ti + tj);
        a[PTT][i] += both * (ti * tj);
    }
}
