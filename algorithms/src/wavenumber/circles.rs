//! Both parts of a pair of latitudes as waves in longitude; lines and tapers of their series.

use halocline_core::engine::{Numbers, Series};
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// Steps whose transforms in longitude are put in order at once: a line of the cache.
const BLOCK: usize = 8;

/// Transforms in longitude of the symmetric and the antisymmetric part of a pair of latitudes.
#[derive(Clone)]
pub(super) struct Circles {
    pub(super) steps: usize,
    pub(super) lon: usize,
    /// The greatest wave number.
    pub(super) waves: usize,
    rows: Arc<dyn RealToComplex<f64>>,
}

impl fmt::Debug for Circles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps of {} longitudes, {} waves", self.steps, self.lon, self.waves)
    }
}

/// What a thread needs for them.
pub(super) struct CircleRoom {
    both: Vec<f64>,
    row: Vec<f64>,
    block: Vec<Vec<Complex64>>,
    scratch: Vec<Complex64>,
    /// Of the symmetric and the antisymmetric part: all steps of wave number 0, of 1, …
    pub(super) parts: [Vec<Complex64>; 2],
}

/// What a pair of rows lacks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent {
    /// How many values are missing or infinite.
    pub(super) count: usize,
    /// The number of the first of them among all values of the pair.
    pub(super) first: usize,
}

impl Circles {
    pub(super) fn new((steps, lon): (usize, usize), waves: usize) -> Result<Self> {
        if lon < 4 {
            return Err(Error::usage(format!("{lon} longitudes have no waves"))
                .remedy("give a field on whole circles of latitude"));
        }
        let rows = RealFftPlanner::new().plan_fft_forward(lon);
        Ok(Self { steps, lon, waves: waves.min(lon / 2), rows })
    }
    pub(super) fn room(&self) -> CircleRoom {
        let zeros = |n: usize| vec![Complex64::default(); n];
        CircleRoom {
            both: Vec::with_capacity(2 * self.lon),
            row: Vec::with_capacity(self.lon),
            block: vec![zeros(self.lon / 2 + 1); 2 * BLOCK],
            scratch: zeros(self.rows.get_scratch_len()),
            parts: [0, 1].map(|_| zeros((self.waves + 1) * self.steps)),
        }
    }
    /// Bytes of a room.
    pub(super) fn room_bytes(&self) -> usize {
        let complex =
            2 * (self.waves + 1) * self.steps + 2 * BLOCK * (self.lon / 2 + 1) + self.rows.get_scratch_len();
        complex * size_of::<Complex64>() + 3 * self.lon * size_of::<f64>()
    }

    /// The transforms of a cell of [`PairedRows`](super::PairedRows) into `room.parts`, not
    /// normalised; what is absent of it.
    pub(super) fn transform(
        &self,
        series: &Series<'_>,
        cell: usize,
        room: &mut CircleRoom,
    ) -> Result<Absent> {
        let (lon, steps) = (self.lon, self.steps);
        let mut absent = Absent { count: 0, first: usize::MAX };
        let (mut step, mut failed) = (0, None);
        series.along(cell, |run| {
            for start in (0..run.len()).step_by(2 * lon) {
                let values = run.slice(start..(start + 2 * lon).min(run.len()));
                room.both.clear();
                match values {
                    Numbers::F32(v) => room.both.extend(v.iter().map(|v| f64::from(*v))),
                    Numbers::F64(v) => room.both.extend_from_slice(v),
                }
                if room.both.len() != 2 * lon || step >= steps {
                    failed = Some(Error::internal("pairs of rows come in pieces"));
                    return;
                }
                for (i, _) in room.both.iter().enumerate().filter(|(_, v)| !v.is_finite()) {
                    absent.count += 1;
                    absent.first = absent.first.min(step * 2 * lon + i);
                }
                let (one, two) = room.both.split_at(lon);
                let slot = step % BLOCK;
                for (part, sign) in [1.0, -1.0].into_iter().enumerate() {
                    room.row.clear();
                    room.row.extend(one.iter().zip(two).map(|(a, b)| 0.5 * (a + sign * b)));
                    let spectrum = &mut room.block[part * BLOCK + slot];
                    if let Err(e) = self.rows.process_with_scratch(&mut room.row, spectrum, &mut room.scratch)
                    {
                        failed = Some(Error::internal(format!("a Fourier transform: {e}")));
                    }
                }
                step += 1;
                if slot + 1 == BLOCK || step == steps {
                    let from = step - slot - 1;
                    for (part, waves) in room.parts.iter_mut().enumerate() {
                        for k in 0..=self.waves {
                            for t in from..step {
                                waves[k * steps + t] = room.block[part * BLOCK + t - from][k];
                            }
                        }
                    }
                }
            }
        });
        match failed {
            Some(e) => Err(e),
            None if step == steps => Ok(absent),
            None => Err(Error::internal("a pair of rows has other times")),
        }
    }
}

/// Takes the least-squares line off, but not its mean.
pub(super) fn without_line(x: &mut [Complex64]) {
    if is_constant(x) {
        return;
    }
    let middle = (x.len() as f64 - 1.0) / 2.0;
    let mut slope = Complex64::default();
    let mut squares = 0.0;
    for (t, c) in x.iter().enumerate() {
        let t = t as f64 - middle;
        slope += *c * t;
        squares += t * t;
    }
    if squares > 0.0 {
        slope /= squares;
        x.iter_mut().enumerate().for_each(|(t, c)| *c -= slope * (t as f64 - middle));
    }
}

/// Whether a series does not vary: nothing is to be left of it, not what rounding makes of its mean.
pub(super) fn is_constant(x: &[Complex64]) -> bool {
    x.first().is_some_and(|first| x.iter().all(|c| c == first))
}

/// The mean of a series.
pub(super) fn mean(x: &[Complex64]) -> Complex64 {
    if is_constant(x) {
        return x[0];
    }
    x.iter().sum::<Complex64>() / x.len().max(1) as f64
}

/// A split cosine taper of a tenth of `n` values, half of it at each end: ½ (1 − cos π(i + ½) / m),
/// i = 0 … m − 1, for the first and the last m = ⌊⌊n / 10 + ½⌋ / 2⌋, at least 1.
pub(super) fn taper(n: usize) -> Vec<f64> {
    let m = (((n as f64 * 0.1 + 0.5) as usize) / 2).max(1);
    let weight = |i: usize| 0.5 * (1.0 - (PI * (i as f64 + 0.5) / m as f64).cos());
    (0..n).map(|i| i.min(n - 1 - i)).map(|i| if i < m { weight(i) } else { 1.0 }).collect()
}
