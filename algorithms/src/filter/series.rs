//! The work: series of cells through a filter.

use super::band::Band;
use super::butterworth::Butterworth;
use super::fourier::{Fourier, Room};
use super::lanczos::Lanczos;
use super::lanes::{gather, About, Lanes, WIDTH};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::{Error, Result};

/// A filter of some kind.
#[derive(Debug, Clone)]
pub enum Kernel {
    /// A running mean with weights.
    Lanczos(Lanczos),
    /// A recursive filter.
    Butterworth(Butterworth),
    /// A response in the frequency domain.
    Fourier(Fourier),
}

impl Kernel {
    /// The band that it is for.
    pub const fn band(&self) -> Band {
        match self {
            Self::Lanczos(filter) => filter.band(),
            Self::Butterworth(filter) => filter.band(),
            Self::Fourier(filter) => filter.band(),
        }
    }
}

/// Filters all series of a field along time.
///
/// The mean of a series (and its line, with [`Self::detrend`]) is taken off before and what passes
/// of it added afterwards: a low-pass keeps mean and line, others lose them unless
/// [`Self::keep_mean`] is asked for.
///
/// As [`SeriesWork`] it has three results: the filtered values, one row a step; how many steps of
/// the cell are missing; how many are infinite. A cell with missing values comes out missing as a
/// whole, and with [`Kernel::Lanczos`] where a window touches them; a cell with infinite values
/// comes out as whatever arithmetic makes of it: whoever minds looks at the counts.
#[derive(Debug, Clone)]
pub struct TimeFilter {
    kernel: Kernel,
    steps: usize,
    detrend: bool,
    keep_mean: bool,
}

impl TimeFilter {
    /// `kernel` for series of `steps`.
    ///
    /// # Errors
    /// Usage, if that is too short for it.
    pub fn new(kernel: Kernel, steps: usize) -> Result<Self> {
        match &kernel {
            Kernel::Lanczos(filter) => filter.check(steps),
            Kernel::Butterworth(filter) => filter.check(steps),
            Kernel::Fourier(filter) => filter.check(steps),
        }?;
        Ok(Self { kernel, steps, detrend: false, keep_mean: false })
    }
    /// Whether the least-squares line over time is taken off before; a low-pass puts it back.
    #[must_use]
    pub fn detrend(self, detrend: bool) -> Self {
        Self { detrend, ..self }
    }
    /// Whether a high- or band-pass puts the mean of the series back.
    #[must_use]
    pub fn keep_mean(self, keep_mean: bool) -> Self {
        Self { keep_mean, ..self }
    }
    /// The filter.
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// One series, missing as NaN.
    ///
    /// # Errors
    /// Internal, if it has another length.
    pub fn series(&self, values: &[f64]) -> Result<Vec<f64>> {
        let mut out = vec![f64::NAN; values.len()];
        let (mut missing, mut infinite) = ([0.0], [0.0]);
        let mut results = vec![out.chunks_mut(1).collect(), vec![&mut missing[..]], vec![&mut infinite[..]]];
        self.work(&Series::of_steps(values.len(), values), &mut results)?;
        Ok(out)
    }

    /// What is added to the filtered anomalies, as a share of the mean.
    fn share_of_mean(&self) -> f64 {
        if self.keep_mean {
            return 1.0;
        }
        match &self.kernel {
            // A low-pass whose weights do not sum to 1 changes the mean.
            Kernel::Lanczos(filter) if filter.band().passes_mean() => filter.gain_of_mean(),
            other => f64::from(u8::from(other.band().passes_mean())),
        }
    }
}

/// What a thread needs for the cells that it works on.
#[derive(Debug, Default)]
struct Bench {
    x: Vec<Lanes>,
    padded: Vec<Lanes>,
    out: Vec<Lanes>,
    room: Room,
}

impl SeriesWork for TimeFilter {
    fn rows(&self) -> Vec<usize> {
        vec![self.steps, 1, 1]
    }
    fn scratch_per_thread(&self, steps: usize, _cells: usize) -> u64 {
        let (padding, room) = match &self.kernel {
            Kernel::Lanczos(filter) => (2 * filter.half(), 0),
            Kernel::Butterworth(filter) => (2 * filter.padding(), 0),
            Kernel::Fourier(filter) => (0, filter.room()),
        };
        ((3 * steps + padding) * size_of::<Lanes>() + room) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let [filtered, missing, infinite] = results else {
            return Err(Error::internal("a filter has three results"));
        };
        if series.steps() != (0..self.steps) {
            return Err(Error::internal("a filter is planned for other times"));
        }
        let share = self.share_of_mean();
        let mut bench = Bench::default();
        for start in (0..series.cells()).step_by(WIDTH) {
            let cells = start..series.cells().min(start + WIDTH);
            gather(series, &cells, &mut bench.x);
            let about = About::of(&bench.x, self.detrend);
            about.take(&mut bench.x);
            let Bench { x, padded, out, room } = &mut bench;
            match &self.kernel {
                Kernel::Lanczos(filter) => filter.apply(x, padded, out),
                Kernel::Butterworth(filter) => filter.apply(x, padded, out),
                Kernel::Fourier(filter) => filter.apply(x, cells.len(), room, out)?,
            }
            missing[0][cells.clone()].copy_from_slice(&about.missing[..cells.len()]);
            infinite[0][cells.clone()].copy_from_slice(&about.infinite[..cells.len()]);
            let back = self.kernel.band().passes_mean();
            let slope = about.slope.map(|slope| if back { slope } else { 0.0 });
            // A recursive filter in one pass has values before the gap: not of a whole series.
            let whole = !matches!(self.kernel, Kernel::Lanczos(_));
            let mean: Lanes = std::array::from_fn(|lane| {
                let spoilt = whole && about.missing[lane] > 0.0;
                if spoilt {
                    f64::NAN
                } else {
                    share * about.mean[lane]
                }
            });
            for (t, (row, values)) in filtered.iter_mut().zip(out.iter()).enumerate() {
                for (lane, target) in row[cells.clone()].iter_mut().enumerate() {
                    let line = slope[lane] * (t as f64 - about.middle[lane]);
                    *target = values[lane] + (mean[lane] + line);
                }
            }
        }
        Ok(())
    }
}
