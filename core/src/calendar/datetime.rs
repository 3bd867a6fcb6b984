//! A date and time of day as it is written.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A date and time of day in some calendar, UTC.
///
/// Displayed as `2010-01-31T12:00:00`, with the microseconds where there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateTime {
    /// Year; see [the module](super) on years before 1.
    pub year: i64,
    /// Month, 1..=12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0..=23.
    pub hour: u8,
    /// Minute, 0..=59.
    pub minute: u8,
    /// Second, 0..=59.
    pub second: u8,
    /// Microsecond, 0..=999999.
    pub microsecond: u32,
}

impl DateTime {
    /// Midnight at the start of a day.
    pub const fn date(year: i64, month: u8, day: u8) -> Self {
        Self { year, month, day, hour: 0, minute: 0, second: 0, microsecond: 0 }
    }
    /// This date at another time of day.
    #[must_use]
    pub const fn at(self, hour: u8, minute: u8, second: u8) -> Self {
        Self { hour, minute, second, microsecond: 0, ..self }
    }
    /// `2010-01-31T12:00:00`, always with the time of day.
    pub fn iso(&self) -> String {
        self.to_string()
    }
    /// `2010-01-31` at midnight, else as [`Self::iso`].
    pub fn date_string(&self) -> String {
        let mut text = self.iso();
        if (self.hour, self.minute, self.second, self.microsecond) == (0, 0, 0, 0) {
            text.truncate(text.len() - "T00:00:00".len());
        }
        text
    }
    /// Microseconds since midnight.
    pub(super) fn micros_of_day(&self) -> i64 {
        let seconds = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        seconds * 1_000_000 + i64::from(self.microsecond)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{:02}-{:02}", self.year.unsigned_abs(), self.month, self.day)?;
        write!(f, "T{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        if self.microsecond != 0 {
            write!(f, ".{:06}", self.microsecond)?;
        }
        Ok(())
    }
}
