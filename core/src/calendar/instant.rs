//! A point in time, exact to the microsecond, and its date in a calendar.

use super::civil::YEAR_LIMIT;
use super::{Calendar, DateTime};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// A point in time: whole microseconds since 1970-01-01 of its calendar.
///
/// Instants of one calendar compare and subtract; those of different calendars don't, but
/// `standard`, `proleptic_gregorian` and `julian` agree on what instant a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant {
    days: i64,
    /// 0..DAY, so that the derived order is that of time.
    micros: i64,
}

impl Instant {
    /// The instant so many microseconds after 1970-01-01.
    pub(super) fn from_micros(micros: i128) -> Self {
        let day = i128::from(DAY);
        Self { days: micros.div_euclid(day) as i64, micros: micros.rem_euclid(day) as i64 }
    }
    /// Microseconds since 1970-01-01 of the calendar.
    pub(super) fn total_micros(self) -> i128 {
        i128::from(self.days) * i128::from(DAY) + i128::from(self.micros)
    }
    /// Microseconds from `earlier` to this instant; negative if it is the earlier one.
    pub fn micros_since(self, earlier: Self) -> i128 {
        self.total_micros() - earlier.total_micros()
    }
    /// Days from `earlier` to this instant.
    pub fn days_since(self, earlier: Self) -> f64 {
        super::exact::quotient(self.micros_since(earlier), i128::from(DAY))
    }
}

impl Calendar {
    /// The instant of a date in this calendar.
    ///
    /// # Errors
    /// Data, if the calendar has no such date: 30 February except in `360_day`, 5 to 14
    /// October 1582 in `standard`, hour 24, a year further than ten million years off.
    pub fn instant(self, at: DateTime) -> Result<Instant> {
        if at.year.unsigned_abs() > YEAR_LIMIT as u64 {
            return Err(Error::data(format!("year {} is further than ten million years off", at.year)));
        }
        let clock = at.hour < 24 && at.minute < 60 && at.second < 60 && at.microsecond < 1_000_000;
        if !clock || !self.has_day(at.year, at.month, at.day) {
            return Err(Error::data(format!("{} does not exist in calendar `{self}`", at.date_string())));
        }
        Ok(Instant { days: self.day_number(at.year, at.month, at.day), micros: at.micros_of_day() })
    }

    /// The date of an instant in this calendar.
    pub fn datetime(self, at: Instant) -> DateTime {
        let (year, month, day) = self.date(at.days);
        let seconds = at.micros / 1_000_000;
        DateTime {
            year,
            month,
            day,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            microsecond: (at.micros % 1_000_000) as u32,
        }
    }
}
