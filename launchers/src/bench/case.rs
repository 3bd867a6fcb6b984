//! What can be timed.

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Work of which the scaling is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// `stats`: mean and standard deviation over time.
    Stats,
    /// `eof`: ten modes of anomalies from the monthly climatology.
    Eof,
    /// `spectrum power`: Welch's method, segments of a quarter of the series.
    Spectrum,
    /// `rechunk`: maps to series, read and written.
    Io,
    /// Maps to series and back in memory: all ranks send to all.
    Redistribute,
    /// `transport overturning`: the meridional streamfunction in depth, of twenty levels.
    Moc,
    /// Rims of divided maps in memory: neighbours send to neighbours.
    Halo,
}

impl Case {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stats => "stats",
            Self::Eof => "eof",
            Self::Spectrum => "spectrum",
            Self::Io => "io",
            Self::Redistribute => "redistribute",
            Self::Moc => "moc",
            Self::Halo => "halo",
        }
    }
    /// Whether it reads a file.
    pub(super) const fn reads(self) -> bool {
        !matches!(self, Self::Redistribute | Self::Halo)
    }
    /// Whether its output is compressed, so that bytes on the way to it depend on values.
    pub(super) const fn compresses(self) -> bool {
        self.reads() && !matches!(self, Self::Io)
    }
    /// Levels of the data that it reads: times that many maps.
    pub(super) const fn levels(self) -> usize {
        match self {
            Self::Moc => 20,
            _ => 1,
        }
    }
    /// The command line of this program that does the work.
    pub(super) fn words(self, shape: &Shape, input: &Path, output: &Path) -> Vec<String> {
        let input = input.display().to_string();
        let output = output.display().to_string();
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Stats => words(&["stats", &input, "--var", "x", "--op", "mean,std", "-o", &output]),
            Self::Eof => words(&[
                "eof",
                &input,
                "--var",
                "x",
                "--modes",
                "10",
                "--anomaly",
                "climatology",
                "-o",
                &output,
            ]),
            Self::Spectrum => {
                let segment = (shape.0[0] / 4).max(2).to_string();
                words(&["spectrum", "power", &input, "--var", "x", "--segment", &segment, "-o", &output])
            }
            Self::Io => words(&[
                "rechunk",
                &input,
                "--chunks",
                "time=all,lat=8,lon=8",
                "--compress",
                "none",
                "-o",
                &output,
            ]),
            Self::Redistribute => words(&["bench", "moves", "--shape", &shape.to_string()]),
            Self::Moc => words(&["transport", "overturning", &input, "--v", "v", "-o", &output]),
            Self::Halo => words(&["bench", "rims", "--shape", &shape.to_string()]),
        }
    }
    /// What is made longer for a weak scaling: cells where the work grows with the square of the
    /// times, else times.
    pub(super) fn grown(self, shape: Shape, times: usize) -> Shape {
        let Shape([t, y, x]) = shape;
        match self {
            Self::Eof => Shape([t, y * times, x]),
            _ => Shape([t * times, y, x]),
        }
    }
}

/// Times, latitudes, longitudes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape(pub(crate) [usize; 3]);

/// Most values of a data set that is made: 4 TB.
const MOST: usize = 1 << 40;

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [t, y, x] = self.0;
        write!(f, "{t},{y},{x}")
    }
}

impl std::str::FromStr for Shape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all: Option<Vec<usize>> =
            text.split(',').map(|n| n.trim().parse().ok().filter(|n| *n > 1)).collect();
        let shape = all.and_then(|all| <[usize; 3]>::try_from(all).ok());
        let fits = |[t, y, x]: &[usize; 3]| {
            t.checked_mul(*y).and_then(|n| n.checked_mul(*x)).is_some_and(|n| n <= MOST)
        };
        shape.filter(fits).map(Self).ok_or_else(|| {
            Error::usage(format!("`{text}` is no shape"))
                .remedy("write times,latitudes,longitudes, each above 1, as in 240,180,360")
        })
    }
}

/// For clap.
pub(super) fn parse_shape(text: &str) -> std::result::Result<Shape, String> {
    text.parse().map_err(|e: Error| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_three_numbers() {
        assert_eq!("240, 180,360".parse::<Shape>().expect("a shape"), Shape([240, 180, 360]));
        for bad in ["", "1,2,3", "240,180", "2,2,2,2", "a,b,c", "4294967296,4294967296,4294967296", "-2,3,4"]
        {
            assert!(bad.parse::<Shape>().is_err(), "{bad}");
        }
    }

    #[test]
    fn work_per_rank_stays_in_a_weak_scaling() {
        let shape = Shape([240, 90, 180]);
        assert_eq!(Case::Eof.grown(shape, 4), Shape([240, 360, 180]));
        assert_eq!(Case::Stats.grown(shape, 4), Shape([960, 90, 180]));
    }
}
