//! Calendars of the CF conventions: exact dates from `units` and `calendar` attributes.
//!
//! [`TimeUnits`] reads `"days since 1800-1-1 00:00:0.0"`, [`TimeAxis`] holds a time coordinate,
//! [`TimeRange`] selects from it as `--time 1990/1999-06` does. Times are whole microseconds
//! ([`Instant`]); a time in floating point is rounded once, where it is read.
//!
//! # Years before 1
//! `proleptic_gregorian`, `noleap`, `all_leap` and `360_day` count years astronomically: year 0
//! precedes year 1. `standard` and `julian` count as CF and historians do: year -1 precedes
//! year 1. Where a file or a user says year 0 in those two (`days since 0000-01-01` is common in
//! climatologies), it is taken as the year before year 1, so that month, day and lengths of time
//! are as astronomical counting gives them; [`TimeAxis`] then calls that year 0 as the file does,
//! [`Calendar::datetime`] calls it -1.

mod axis;
#[cfg(test)]
mod axis_tests;
mod civil;
mod cycle;
mod datetime;
mod exact;
mod instant;
mod period;
mod range;
mod sampling;
mod stamp;
mod step;
#[cfg(test)]
mod tests;
mod units;

pub use axis::TimeAxis;
pub use cycle::{Cycle, LeapDay};
pub use datetime::DateTime;
pub use instant::Instant;
pub use period::{Period, Periods};
pub use range::TimeRange;
pub use sampling::{Sampling, UnitOfTime};
pub use units::TimeUnits;

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A calendar of the CF conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Calendar {
    /// Julian up to 1582-10-04, Gregorian from 1582-10-15, the day after; also `gregorian`.
    Standard,
    /// Gregorian at all times, with a year 0.
    ProlepticGregorian,
    /// Julian at all times.
    Julian,
    /// Every year has 365 days; also `365_day`.
    NoLeap,
    /// Every year has 366 days; also `366_day`.
    AllLeap,
    /// Every month has 30 days.
    Day360,
}

impl Calendar {
    /// All calendars.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::ProlepticGregorian, Self::Julian, Self::NoLeap, Self::AllLeap, Self::Day360];

    /// The calendar that a `calendar` attribute names, in any case.
    ///
    /// # Errors
    /// Data, if CF has no such calendar, or it counts no dates (`none`).
    pub fn parse(name: &str) -> Result<Self> {
        let name = name.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        Ok(match name.to_ascii_lowercase().as_str() {
            "standard" | "gregorian" => Self::Standard,
            "proleptic_gregorian" => Self::ProlepticGregorian,
            "julian" => Self::Julian,
            "noleap" | "365_day" => Self::NoLeap,
            "all_leap" | "366_day" => Self::AllLeap,
            "360_day" => Self::Day360,
            _ => {
                return Err(Error::data(format!("unknown calendar `{name}`")).remedy(
                    "set the attribute `calendar` to one of standard (gregorian), \
                     proleptic_gregorian, julian, noleap (365_day), all_leap (366_day), 360_day",
                ))
            }
        })
    }

    /// The name in CF files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::ProlepticGregorian => "proleptic_gregorian",
            Self::Julian => "julian",
            Self::NoLeap => "noleap",
            Self::AllLeap => "all_leap",
            Self::Day360 => "360_day",
        }
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
