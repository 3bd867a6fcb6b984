//! Windows (tapers), by which segments are multiplied before their transform.

use halocline_core::{Error, Result};
use std::f64::consts::PI;
use std::str::FromStr;

/// A window w of n weights. All are *periodic*: the first n of the symmetric window of n + 1, as
/// spectral estimates want them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    /// 1 everywhere.
    Boxcar,
    /// 1/2 + 1/2 cos φ, where φ = 2πi/n − π.
    Hann,
    /// 0.54 + 0.46 cos φ.
    Hamming,
    /// 0.42 + 0.5 cos φ + 0.08 cos 2φ.
    Blackman,
    /// Four terms: 0.35875, 0.48829, 0.14128, 0.01168.
    BlackmanHarris,
    /// Four terms: 0.3635819, 0.4891775, 0.1365995, 0.0106411.
    Nuttall,
    /// Five terms, for amplitudes: 0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368.
    FlatTop,
    /// The triangle whose ends are 0.
    Bartlett,
    /// sin(π (i + 1/2) / (n + 1)).
    Cosine,
    /// A cosine taper over half of this share of the weights at either end, 1 in between.
    Tukey(f64),
    /// I₀(β √(1 − u²)) / I₀(β), where u runs from −1 to 1.
    Kaiser(f64),
}

/// Windows without a number, by name.
const PLAIN: [(&str, Window); 9] = [
    ("boxcar", Window::Boxcar),
    ("hann", Window::Hann),
    ("hamming", Window::Hamming),
    ("blackman", Window::Blackman),
    ("blackmanharris", Window::BlackmanHarris),
    ("nuttall", Window::Nuttall),
    ("flattop", Window::FlatTop),
    ("bartlett", Window::Bartlett),
    ("cosine", Window::Cosine),
];

impl FromStr for Window {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let unknown = || {
            let all: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
            Error::usage(format!("there is no window `{word}`"))
                .remedy(format!("choose from {}, tukey:SHARE, kaiser:BETA", all.join(", ")))
        };
        if let Some((_, window)) = PLAIN.iter().find(|(name, _)| *name == word) {
            return Ok(*window);
        }
        let (name, number) = word.split_once(':').ok_or_else(unknown)?;
        let number = number.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).ok_or_else(unknown)?;
        match name {
            "tukey" if number <= 1.0 => Ok(Self::Tukey(number)),
            "kaiser" if number <= 700.0 => Ok(Self::Kaiser(number)),
            _ => Err(unknown()),
        }
    }
}

impl Window {
    /// As users write it.
    pub fn name(self) -> String {
        match self {
            Self::Tukey(share) => format!("tukey:{share}"),
            Self::Kaiser(beta) => format!("kaiser:{beta}"),
            plain => PLAIN.iter().find(|(_, w)| *w == plain).map_or("", |(name, _)| name).to_owned(),
        }
    }

    /// Its `n` weights.
    pub fn weights(self, n: usize) -> Vec<f64> {
        if n < 2 {
            return vec![1.0; n];
        }
        let cosines = |terms: &[f64]| {
            let at = |i: usize| 2.0 * PI * i as f64 / n as f64 - PI;
            let of = |i| terms.iter().enumerate().map(|(k, a)| a * (k as f64 * at(i)).cos()).sum();
            (0..n).map(of).collect()
        };
        let (len, each) = (n as f64, |f: &dyn Fn(f64) -> f64| (0..n).map(|i| f(i as f64)).collect());
        match self {
            Self::Boxcar => vec![1.0; n],
            Self::Hann => cosines(&[0.5, 0.5]),
            Self::Hamming => cosines(&[0.54, 0.46]),
            Self::Blackman => cosines(&[0.42, 0.5, 0.08]),
            Self::BlackmanHarris => cosines(&[0.35875, 0.48829, 0.14128, 0.01168]),
            Self::Nuttall => cosines(&[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1]),
            Self::FlatTop => {
                cosines(&[0.215_578_95, 0.416_631_58, 0.277_263_158, 0.083_578_947, 0.006_947_368])
            }
            Self::Bartlett => each(&|i| if i <= len / 2.0 { 2.0 * i / len } else { 2.0 - 2.0 * i / len }),
            Self::Cosine => each(&|i| (PI / (len + 1.0) * (i + 0.5)).sin()),
            Self::Tukey(share) if share <= 0.0 => vec![1.0; n],
            Self::Tukey(share) if share >= 1.0 => cosines(&[0.5, 0.5]),
            Self::Tukey(share) => {
                let width = (share * len / 2.0).floor();
                each(&|i| {
                    if i <= width {
                        0.5 * (1.0 + (PI * (-1.0 + 2.0 * i / share / len)).cos())
                    } else if i < len - width {
                        1.0
                    } else {
                        0.5 * (1.0 + (PI * (-2.0 / share + 1.0 + 2.0 * i / share / len)).cos())
                    }
                })
            }
            Self::Kaiser(beta) => each(&|i| {
                let u = 2.0 * i / len - 1.0;
                bessel_i0(beta * (1.0 - u * u).max(0.0).sqrt()) / bessel_i0(beta)
            }),
        }
    }
}

/// The modified Bessel function I₀ by its series, all of whose terms are positive.
fn bessel_i0(x: f64) -> f64 {
    let quarter = 0.25 * x * x;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}
