//! How spectra are estimated: the options that all kinds have, as checked values.

use super::series::SeriesArgs;
use halocline_algorithms::spectra::{Sampling, Scaling, Welch, WelchOptions, Window};
use halocline_core::calendar::UnitOfTime;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// The options of an estimate.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct EstimateArgs {
    /// Steps of a segment: spectra are means over segments (Welch)
    #[arg(long, value_name = "N")]
    pub(super) segment: Option<usize>,
    /// The share of a segment that the next one shares [default: 0.5]
    #[arg(long, value_name = "SHARE", requires = "segment")]
    pub(super) overlap: Option<f64>,
    /// What segments are multiplied by: boxcar, hann, hamming, blackman, blackmanharris, nuttall,
    /// flattop, bartlett, cosine, tukey:SHARE, kaiser:BETA [default: hann with --segment, else boxcar]
    #[arg(long, value_name = "WINDOW", value_parser = parse_window)]
    pub(super) window: Option<Window>,
    /// Variance per frequency, or power of a sine at its frequency
    #[arg(long, value_enum, default_value_t = ScalingChoice::Density, value_name = "density|spectrum", hide_possible_values = true)]
    pub(super) scaling: ScalingChoice,
    /// What frequencies count
    #[arg(long, value_enum, default_value_t = FrequencyUnits::Day, value_name = "cycles/hour|day|month|year", hide_possible_values = true)]
    pub(super) frequency_units: FrequencyUnits,
    #[command(flatten)]
    pub(super) series: SeriesArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ScalingChoice {
    Density,
    Spectrum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FrequencyUnits {
    #[value(name = "cycles/hour")]
    Hour,
    #[value(name = "cycles/day")]
    Day,
    #[value(name = "cycles/month")]
    Month,
    #[value(name = "cycles/year")]
    Year,
}

impl FrequencyUnits {
    const fn unit(self) -> UnitOfTime {
        match self {
            Self::Hour => UnitOfTime::Hour,
            Self::Day => UnitOfTime::Day,
            Self::Month => UnitOfTime::Month,
            Self::Year => UnitOfTime::Year,
        }
    }
    /// The unit of time.
    pub(super) const fn period(self) -> &'static str {
        self.unit().name()
    }
    /// The step in that unit.
    pub(super) fn step(self, sampling: &Sampling) -> f64 {
        sampling.step_in(self.unit())
    }
}

pub(super) fn parse_window(word: &str) -> std::result::Result<Window, String> {
    word.parse().map_err(|e: Error| e.to_string())
}

/// Levels of confidence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Confidence(pub(super) Vec<f64>);

pub(super) fn parse_confidence(text: &str) -> std::result::Result<Confidence, String> {
    if text == "none" {
        return Ok(Confidence(Vec::new()));
    }
    let level = |word: &str| {
        let p = word.trim().parse::<f64>().ok().filter(|p| *p > 0.0 && *p < 1.0);
        p.ok_or_else(|| {
            format!("`{word}` is no level; write numbers between 0 and 1, as in 0.9,0.95, or none")
        })
    };
    let levels = text.split(',').map(level).collect::<std::result::Result<Vec<f64>, String>>()?;
    match levels.iter().enumerate().find(|(i, p)| levels[..*i].contains(p)) {
        Some((_, p)) => Err(format!("{p} is asked for twice")),
        None => Ok(Confidence(levels)),
    }
}

impl EstimateArgs {
    /// What can be checked before anything is opened.
    pub(super) fn check(&self) -> Result<()> {
        if self.overlap.is_some_and(|o| !(0.0..1.0).contains(&o)) {
            return Err(Error::usage("--overlap is a share of a segment, from 0 up to, but not, 1")
                .remedy("write 0.5 for a half"));
        }
        if self.segment.is_some_and(|n| n < 2) {
            return Err(Error::usage("--segment needs 2 steps at least")
                .remedy("choose more, or leave it out for one segment of all steps"));
        }
        self.series.check()
    }

    pub(super) fn used_window(&self) -> Window {
        self.window.unwrap_or(if self.segment.is_some() { Window::Hann } else { Window::Boxcar })
    }
    pub(super) fn is_density(&self) -> bool {
        self.scaling == ScalingChoice::Density
    }

    /// The estimate for the series of `source`.
    pub(super) fn welch(&self, source: &Source, sampling: &Sampling) -> Result<Welch> {
        let options = WelchOptions {
            segments: self.segment.map(|len| (len, self.overlap.unwrap_or(0.5))),
            window: self.used_window(),
            detrend: self.series.detrending(),
            cycle: self.series.cycle(source)?,
            scaling: if self.is_density() { Scaling::Density } else { Scaling::Spectrum },
        };
        Welch::new(source.time().len(), self.frequency_units.step(sampling), options)
    }

    /// What both Welch's estimate and a Lomb-Scargle periodogram depend on, as it is written into
    /// outputs.
    pub(super) fn describe_common(&self) -> Vec<String> {
        let mut all = self.series.describe();
        all.push(format!("frequency-units=cycles/{}", self.frequency_units.period()));
        all
    }

    /// The options of Welch's estimate, as they are written into outputs.
    pub(super) fn describe(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(len) = self.segment {
            all.push(format!("segment={len}"));
            all.push(format!("overlap={}", self.overlap.unwrap_or(0.5)));
        }
        all.push(format!("window={}", self.used_window().name()));
        all.push(format!("scaling={}", if self.is_density() { "density" } else { "spectrum" }));
        all.extend(self.describe_common());
        all.push(self.series.describe_gaps());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_confidence() {
        assert_eq!(parse_confidence("0.9, 0.95").map(|c| c.0), Ok(vec![0.9, 0.95]));
        assert_eq!(parse_confidence("none").map(|c| c.0), Ok(Vec::new()));
        for odd in ["", "0", "1", "95", "0.9,0.9", "0.9,", "nan"] {
            assert!(parse_confidence(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn frequencies_of_months_are_not_rounded() {
        let monthly = Sampling { days: 365.2425 / 12.0, months: Some(1), year: 365.2425 };
        assert_eq!(FrequencyUnits::Year.step(&monthly), 1.0 / 12.0);
        assert_eq!(FrequencyUnits::Month.step(&monthly), 1.0);
        let daily = Sampling { days: 1.0, months: None, year: 365.0 };
        assert_eq!(FrequencyUnits::Year.step(&daily), 1.0 / 365.0);
        assert_eq!(FrequencyUnits::Hour.step(&daily), 24.0);
    }
}
