//! Which frequencies pass.

use halocline_core::{Error, Result};

/// The frequencies that pass, in cycles per step, between 0 and ½ (exclusive).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Band {
    /// Those below.
    LowPass(f64),
    /// Those above.
    HighPass(f64),
    /// Those between.
    BandPass([f64; 2]),
}

impl Band {
    /// The band from `low` to `high`, open where there is none.
    ///
    /// # Errors
    /// Usage: no end, an end that is not between 0 and ½ cycles per step, ends in the wrong order.
    pub fn new(low: Option<f64>, high: Option<f64>) -> Result<Self> {
        for f in [low, high].into_iter().flatten() {
            if f.is_nan() || f <= 0.0 || f >= 0.5 {
                return Err(Error::usage(format!(
                    "a band that ends at {f:.6} cycles per step: frequencies that steps can tell are between 0 and 0.5"
                ))
                .remedy("choose periods longer than two steps, frequencies below half a cycle per step, or leave that end of the band open"));
            }
        }
        match (low, high) {
            (None, None) => {
                Err(Error::usage("a band without ends passes everything")
                    .remedy("give one end of it at least"))
            }
            (None, Some(high)) => Ok(Self::LowPass(high)),
            (Some(low), None) => Ok(Self::HighPass(low)),
            (Some(low), Some(high)) if low < high => Ok(Self::BandPass([low, high])),
            (Some(low), Some(high)) => {
                Err(Error::usage(format!("a band from {low:.6} to {high:.6} cycles per step holds nothing"))
                    .remedy("name the lower end first"))
            }
        }
    }
    /// As it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowPass(_) => "low-pass",
            Self::HighPass(_) => "high-pass",
            Self::BandPass(_) => "band-pass",
        }
    }
    /// Whether constants pass.
    pub const fn passes_mean(self) -> bool {
        matches!(self, Self::LowPass(_))
    }
}
