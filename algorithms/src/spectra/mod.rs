//! Spectra in time of whole series: periodograms and Welch's estimate, alone and of two series
//! together, multitaper and wavelet spectra, means of them over space, and the noise that they are
//! compared with.
//!
//! References: Gilman, D. L., F. J. Fuglister and J. M. Mitchell (1963), J. Atmos. Sci. 20,
//! 182-184. Thompson, R. O. R. Y. (1979), J. Atmos. Sci. 36, 2020-2021. Torrence, C. and G. P. Compo
//! (1998), Bull. Amer. Meteor. Soc. 79, 61-78. Scargle, J. D. (1982), Astrophys. J. 263, 835-853.
//! Thomson, D. J. (1982), Proc. IEEE 70, 1055-1096. Percival, D. B. and A. T. Walden (1993), Spectral
//! Analysis for Physical Applications, Cambridge. Slepian, D. (1978), Bell Syst. Tech. J. 57, 1371-1430.
//! Welch, P. D. (1967), IEEE Trans. Audio Electroacoust. 15, 70-73. Zechmeister, M. and M. Kürster
//! (2009), Astron. Astrophys. 496, 577-584.

mod chi2;
mod cross;
mod detrend;
mod each;
mod gaps;
mod lomb;
mod mean;
mod multitaper;
mod noise;
mod power;
mod running;
mod segments;
#[cfg(test)]
mod tests;
pub(crate) mod turn;
mod wavelet;
mod welch;
mod window;

pub use chi2::{chi2_quantile, Chi2Factors};
pub use cross::{derived, CrossQuantity, CrossSpectra};
pub use detrend::{AnnualCycle, Detrend};
pub use each::{EachSeries, Estimate};
pub use gaps::{GapRule, Survey};
pub use halocline_core::calendar::Sampling;
pub use lomb::{LombScaling, LombScargle, LombSpectra};
pub use mean::{NodeKey, SpatialMean, Sums};
pub use multitaper::{f_limit, Dpss, Multitaper, MultitaperOptions, MultitaperResult, MultitaperScratch};
pub use noise::{coherence_limit, lag1_autocorrelation, red_noise, significance_factors};
pub use power::PowerSpectra;
pub use running::{RunningWelch, RunningWelchState};
pub use segments::Segments;
pub use wavelet::{Mother, ScaleOptions, Scales, Wavelet, WaveletOptions, WaveletScratch};
pub use welch::{Scaling, Second, Welch, WelchOptions, WelchScratch};
pub use window::Window;
