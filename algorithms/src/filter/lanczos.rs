//! The running mean with Lanczos's weights.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::band::Band;
use super::lanes::{Lanes, ZERO};
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use std::f64::consts::PI;

/// How weights are defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LanczosConvention {
    /// σ factors reach zero at N + 1; each low-pass is divided by the sum of its weights. NCL's
    /// `filwgts_lanczos` with one power of σ.
    Ncl,
    /// σ factors reach zero at N, where the last weight is zero therefore; the sum is not
    /// exactly 1. Duchon (1979) as it is written.
    Duchon,
}

/// What stands before the first and behind the last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing: N results at each end are missing.
    Missing,
    /// The series mirrored at its last value, which is not repeated.
    Reflect,
    /// The series mirrored at its last value and turned over: 2 `x_n` − `x_(n−k)`, which goes on with
    /// the trend.
    Odd,
    /// The other end: the series comes back.
    Cyclic,
}

/// A symmetric filter of 2N + 1 weights.
///
/// The low-pass with cut-off f (cycles per step) is
///
/// w(k) = 2f · sinc(2f k) · sinc(k / M), k = −N … N, sinc(x) = sin(πx) / (πx),
///
/// with M = N + 1 and divided by Σw ([`LanczosConvention::Ncl`]), or M = N
/// ([`LanczosConvention::Duchon`]). The high-pass is 1 at k = 0 less the low-pass, the band-pass
/// the difference of two low-passes. The response falls from 1 to 0 over about 2 / M around f.
///
/// Duchon (1979), J. Appl. Meteor. 18, 1016–1022,
/// doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2.
#[derive(Debug, Clone, PartialEq)]
pub struct Lanczos {
    band: Band,
    /// w(0) … w(N).
    weights: Vec<f64>,
    convention: LanczosConvention,
    ends: Ends,
}

impl Lanczos {
    /// The filter of 2`half` + 1 weights.
    ///
    /// # Errors
    /// Usage, if `half` is 0 or beyond a million.
    pub fn new(band: Band, half: usize, convention: LanczosConvention, ends: Ends) -> Result<Self> {
        const MOST: usize = 1_000_000;
        if half == 0 || half > MOST {
            return Err(Error::usage(format!("a Lanczos filter of half width {half}"))
                .remedy(format!("choose --weights from 1 to {MOST}")));
        }
        let low = |f: f64| low_pass(f, half, convention);
        let weights = match band {
            Band::LowPass(f) => low(f),
            Band::HighPass(f) => {
                let mut weights: Vec<f64> = low(f).into_iter().map(|w| -w).collect();
                weights[0] += 1.0;
                weights
            }
            Band::BandPass([a, b]) => low(b).into_iter().zip(low(a)).map(|(b, a)| b - a).collect(),
        };
        Ok(Self { band, weights, convention, ends })
    }

    /// The band that it is for.
    pub const fn band(&self) -> Band {
        self.band
    }
    /// All weights, w(−N) … w(N).
    pub fn weights(&self) -> Vec<f64> {
        self.weights[1..].iter().rev().chain(&self.weights).copied().collect()
    }
    /// N.
    pub fn half(&self) -> usize {
        self.weights.len() - 1
    }
    /// The response at frequency `f` (cycles per step): w(0) + 2 Σ w(k) cos 2πfk.
    pub fn response(&self, f: f64) -> f64 {
        let cosines =
            self.weights.iter().enumerate().skip(1).map(|(k, w)| w * (2.0 * PI * f * k as f64).cos());
        self.weights[0] + 2.0 * cosines.sum::<f64>()
    }
    /// What a constant is multiplied by.
    pub(super) fn gain_of_mean(&self) -> f64 {
        match (self.convention, self.band) {
            (LanczosConvention::Ncl, band) => f64::from(u8::from(band.passes_mean())),
            (LanczosConvention::Duchon, _) => self.response(0.0),
        }
    }
    /// Refuses series that are too short for it.
    pub(super) fn check(&self, steps: usize) -> Result<()> {
        let half = self.half();
        let (fits, need) = match self.ends {
            Ends::Missing => (steps > 2 * half, 2 * half + 1),
            _ => (steps > half, half + 1),
        };
        if fits {
            return Ok(());
        }
        Err(Error::usage(format!("{} weights need {need} times at least, there are {steps}", 2 * half + 1))
            .remedy(if self.ends == Ends::Missing && steps > half {
                "choose fewer --weights, or --ends reflect, or more times"
            } else {
                "choose fewer --weights, or more times"
            }))
    }

    /// Filters the steps of `x` to `out`; `padded` is room.
    pub(super) fn apply(&self, x: &[Lanes], padded: &mut Vec<Lanes>, out: &mut Vec<Lanes>) {
        let (half, steps) = (self.half(), x.len());
        out.clear();
        if self.ends == Ends::Missing {
            out.resize(steps, [f64::NAN; super::lanes::WIDTH]);
            let inner = &mut out[half..steps - half];
            Arch::new().dispatch(Convolution { weights: &self.weights, x, out: inner });
            return;
        }
        padded.clear();
        padded.extend((1..=half).rev().map(|k| self.before(x, k)));
        padded.extend_from_slice(x);
        padded.extend((1..=half).map(|k| self.behind(x, k)));
        out.resize(steps, ZERO);
        Arch::new().dispatch(Convolution { weights: &self.weights, x: padded, out });
    }

    /// The value `k` steps before the first.
    fn before(&self, x: &[Lanes], k: usize) -> Lanes {
        match self.ends {
            Ends::Cyclic => x[x.len() - k],
            Ends::Odd => turned(&x[0], &x[k]),
            Ends::Missing | Ends::Reflect => x[k],
        }
    }
    /// The value `k` steps behind the last.
    fn behind(&self, x: &[Lanes], k: usize) -> Lanes {
        let last = x.len() - 1;
        match self.ends {
            Ends::Cyclic => x[k - 1],
            Ends::Odd => turned(&x[last], &x[last - k]),
            Ends::Missing | Ends::Reflect => x[last - k],
        }
    }
}

/// `about` twice, less the other.
pub(super) fn turned(about: &Lanes, other: &Lanes) -> Lanes {
    std::array::from_fn(|lane| 2.0 * about[lane] - other[lane])
}

/// w(0) … w(N) of a low-pass.
fn low_pass(f: f64, half: usize, convention: LanczosConvention) -> Vec<f64> {
    let reach = match convention {
        LanczosConvention::Ncl => half + 1,
        LanczosConvention::Duchon => half,
    } as f64;
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    let mut weights: Vec<f64> = (0..=half)
        .map(|k| {
            // Zero by definition, where the sine of a rounded π is not.
            let sigma = if k as f64 == reach { 0.0 } else { sinc(k as f64 / reach) };
            2.0 * f * sinc(2.0 * f * k as f64) * sigma
        })
        .collect();
    if convention == LanczosConvention::Ncl {
        let sum = weights[0] + 2.0 * weights[1..].iter().rev().sum::<f64>();
        weights.iter_mut().for_each(|w| *w /= sum);
    }
    weights
}

/// Σ w(k) x(t + k) for each t, whose place in `x` is N further on than in `out`.
struct Convolution<'a> {
    weights: &'a [f64],
    x: &'a [Lanes],
    out: &'a mut [Lanes],
}

impl NullaryFnOnce for Convolution<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let half = self.weights.len() - 1;
        for (t, out) in self.out.iter_mut().enumerate() {
            let window = &self.x[t..=t + 2 * half];
            let mut sum = ZERO;
            // From both ends, where weights are small.
            for k in (1..=half).rev() {
                let (before, behind, w) = (&window[half - k], &window[half + k], self.weights[k]);
                for lane in 0..sum.len() {
                    sum[lane] += w * (before[lane] + behind[lane]);
                }
            }
            for lane in 0..sum.len() {
                out[lane] = sum[lane] + self.weights[0] * window[half][lane];
            }
        }
    }
}
