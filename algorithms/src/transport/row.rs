//! Sums of a row in one go: of points without neighbours, masks and selections, in layers of one
//! thickness, of single-precision values. The same operations in the same order as of any other line,
//! and so the same bits; the values of a row are looked at once.

use super::sums::{total, LANES, OF_FLOW, OF_TRACER};

/// What a row is made of.
pub(super) struct Row<'a, const N: usize> {
    pub(super) velocity: &'a [f32],
    pub(super) tracers: [&'a [f32]; N],
    pub(super) lengths: &'a [f64],
    pub(super) layer: f64,
    pub(super) zero_is_land: bool,
}

type Lanes = [f64; LANES];

/// Sums so far.
struct Sums<const N: usize> {
    flow: [Lanes; OF_FLOW],
    tracers: [[Lanes; OF_TRACER]; N],
}

impl<const N: usize> Row<'_, N> {
    /// As [`along_line`](super::along_line) of all faces.
    pub(super) fn sum(&self, out: &mut [f64]) {
        let mut sums = Sums { flow: [[0.0; LANES]; OF_FLOW], tracers: [[[0.0; LANES]; OF_TRACER]; N] };
        let n = self.velocity.len();
        for start in (0..n).step_by(LANES) {
            if start + LANES <= n {
                self.add::<true>(start, LANES, &mut sums);
            } else {
                self.add::<false>(start, n - start, &mut sums);
            }
        }
        let all = sums.flow.iter().chain(sums.tracers.iter().flatten());
        out.iter_mut().zip(all).for_each(|(out, lanes)| *out = total(lanes));
    }

    /// Adds faces side by side; `ALL` lanes of them are a number that the compiler knows, and puts into
    /// vectors.
    #[inline]
    fn add<const ALL: bool>(&self, start: usize, count: usize, sums: &mut Sums<N>) {
        let n = if ALL { LANES } else { count.min(LANES) };
        let (mut speed, mut area, mut still) = ([0.0; LANES], [0.0; LANES], [false; LANES]);
        let (velocity, lengths) = (&self.velocity[start..start + n], &self.lengths[start..start + n]);
        for lane in 0..n {
            let (v, a) = (f64::from(velocity[lane]), lengths[lane] * self.layer);
            let open = !v.is_nan() && a > 0.0;
            speed[lane] = if open { v } else { 0.0 };
            area[lane] = if open { a } else { 0.0 };
            still[lane] = self.zero_is_land && v == 0.0;
            sums.flow[0][lane] += speed[lane] * area[lane];
            sums.flow[1][lane] += if open { 1.0 } else { 0.0 };
        }
        for (tracer, sums) in self.tracers.iter().zip(&mut sums.tracers) {
            let tracer = &tracer[start..start + n];
            for lane in 0..n {
                let t = f64::from(tracer[lane]);
                let there = !(t.is_nan() || (still[lane] && t == 0.0));
                let (area, t) = (if there { area[lane] } else { 0.0 }, if there { t } else { 0.0 });
                let flux = speed[lane] * area;
                sums[0][lane] += flux;
                sums[1][lane] += area;
                sums[2][lane] += t * area;
                sums[3][lane] += flux * t;
            }
        }
    }
}
