//! What coefficients are multiplied by when they are cut off.

/// How coefficients fall off towards the degree of truncation T.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taper {
    /// As they are, up to T.
    None,
    /// exp(-(n (n + 1) / (N (N + 1)))^p), N the degree and p the power: of a degree n = N it leaves
    /// 1/e (Sardeshmukh and Hoskins 1984 for p = 2). NCL's `exp_tri` in kind.
    Exponential {
        /// N.
        degree: f64,
        /// p.
        power: f64,
    },
    /// sin(π x) / (π x) with x = n / (T + 1) (Lanczos).
    Sigma,
}

impl Taper {
    /// What each degree up to `truncation` is multiplied by.
    pub fn factors(self, truncation: usize) -> Vec<f64> {
        let factor = |n: usize| {
            let n = n as f64;
            match self {
                Self::None => 1.0,
                Self::Exponential { degree, power } => {
                    (-(n * (n + 1.0) / (degree * (degree + 1.0))).powf(power)).exp()
                }
                Self::Sigma if n == 0.0 => 1.0,
                Self::Sigma => {
                    let x = std::f64::consts::PI * n / (truncation as f64 + 1.0);
                    x.sin() / x
                }
            }
        };
        (0..=truncation).map(factor).collect()
    }
}
