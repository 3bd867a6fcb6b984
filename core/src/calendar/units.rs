//! Units of time since a date: the `units` attribute of a time coordinate.

use super::civil::YEAR_LIMIT;
use super::exact::{quotient, Fraction};
use super::instant::DAY;
use super::stamp::{stamp, Stamp};
use super::{Calendar, DateTime, Instant};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long one unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A fixed time: microseconds as a fraction. `fine` where microseconds are meant to count.
    Fixed { numerator: i64, denominator: i64, fine: bool },
    /// So many calendar months.
    Months(i64),
}

impl Step {
    fn parse(word: &str) -> Option<Self> {
        let fixed = |numerator| Some(Self::Fixed { numerator, denominator: 1, fine: false });
        let fine = |numerator, denominator| Some(Self::Fixed { numerator, denominator, fine: true });
        match word.to_ascii_lowercase().as_str() {
            "nanosecond" | "nanoseconds" | "nanosec" | "nanosecs" | "nsec" | "nsecs" | "ns" => fine(1, 1000),
            "microsecond" | "microseconds" | "microsec" | "microsecs" | "usec" | "usecs" | "us" => fine(1, 1),
            "millisecond" | "milliseconds" | "millisec" | "millisecs" | "msec" | "msecs" | "ms" => {
                fine(1000, 1)
            }
            "second" | "seconds" | "sec" | "secs" | "s" => fixed(1_000_000),
            "minute" | "minutes" | "min" | "mins" => fixed(60_000_000),
            "hour" | "hours" | "hr" | "hrs" | "h" => fixed(DAY / 24),
            "day" | "days" | "d" => fixed(DAY),
            "week" | "weeks" | "wk" | "wks" => fixed(7 * DAY),
            "common_year" | "common_years" => fixed(365 * DAY),
            "month" | "months" | "mon" | "mons" => Some(Self::Months(1)),
            "year" | "years" | "yr" | "yrs" => Some(Self::Months(12)),
            _ => None,
        }
    }
}

/// The units of a time coordinate, as `days since 1800-1-1 00:00:0.0`, and their calendar.
///
/// A unit is nanoseconds to weeks, `common_years` of 365 days, `months` or `years`, singular,
/// plural or abbreviated, in any case. The reference date may leave out month, day and clock,
/// have fields of one digit and a fraction of a second, and end in a time zone (`Z`, `UTC`,
/// `+5:30`, `-0900`, `+1`). On years before 1 see [the module](super).
///
/// # Months and years
/// `months since` counts calendar months: n months after 2000-01-31 is the same day of the month, or the
/// month's last day where that is earlier, and x.25 lies a quarter of that month later. A year
/// is twelve such months: 0.5 `years since 2000-01-01` is 2000-07-01. (`UDUNITS` has a mean year of
/// 365.242198781 days and a twelfth of it; no data set is known to mean that.)
///
/// Displayed, and stored, as the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stated", into = "Stated")]
pub struct TimeUnits {
    text: String,
    calendar: Calendar,
    step: Step,
    /// The reference as stated, up to the second.
    local: DateTime,
    /// From `local` to the reference in UTC: the fraction of a second less the time zone.
    shift_micros: i64,
    /// The reference in UTC.
    epoch: Instant,
}

#[derive(Serialize, Deserialize)]
struct Stated {
    text: String,
    calendar: Calendar,
}

impl TryFrom<Stated> for TimeUnits {
    type Error = Error;
    fn try_from(stated: Stated) -> Result<Self> {
        Self::parse(&stated.text, stated.calendar)
    }
}

impl From<TimeUnits> for Stated {
    fn from(units: TimeUnits) -> Self {
        Self { text: units.text, calendar: units.calendar }
    }
}

impl TimeUnits {
    /// Reads a `units` attribute.
    ///
    /// # Errors
    /// Data, if it is not `<unit> since <date>`, or the calendar has no such date.
    pub fn parse(text: &str, calendar: Calendar) -> Result<Self> {
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let not_units = |why: &str| {
            Error::data(format!("`{text}` is no unit of time since a date{why}"))
                .remedy("set the attribute `units` to such as `days since 1850-01-01 00:00:00`")
        };
        let (word, rest) = text.split_once(char::is_whitespace).ok_or_else(|| not_units(""))?;
        let (since, date) = rest.trim_start().split_once(char::is_whitespace).ok_or_else(|| not_units(""))?;
        if !since.eq_ignore_ascii_case("since") {
            return Err(if word.eq_ignore_ascii_case("day") && since.eq_ignore_ascii_case("as") {
                not_units(" but an absolute time").remedy("make the time relative with `cdo -r copy IN OUT`")
            } else {
                not_units("")
            });
        }
        let step = Step::parse(word).ok_or_else(|| not_units(&format!(": unknown unit `{word}`")))?;
        let bad_date = |why: &str| {
            Error::data(format!("reference date of `{text}`{why}")).remedy(
                "state one that exists, with the values counted from it: `days since 0001-01-01 00:00:00`",
            )
        };
        let Stamp { year, month, day, hour, minute, second, micros, zone } =
            stamp(date).map_err(|why| bad_date(&format!(" {why}")))?;
        let local = DateTime::date(year, month.unwrap_or(1), day.unwrap_or(1)).at(
            hour.unwrap_or(0),
            minute.unwrap_or(0),
            second.unwrap_or(0),
        );
        let at = calendar.instant(local).map_err(|e| bad_date(&format!(": {}", e.message)))?;
        let shift_micros = i64::from(micros.unwrap_or(0)) - i64::from(zone.unwrap_or(0)) * 60_000_000;
        let epoch = Instant::from_micros(at.total_micros() + i128::from(shift_micros));
        Ok(Self { text: text.to_owned(), calendar, step, local, shift_micros, epoch })
    }

    /// The text these units were read from.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The calendar that the reference date stands in.
    pub fn calendar(&self) -> Calendar {
        self.calendar
    }
    /// The reference date: where values count from.
    pub fn reference(&self) -> Instant {
        self.epoch
    }

    /// Whether the reference date stands in a year 0 that the calendar doesn't have.
    pub(super) fn names_missing_year(&self) -> bool {
        self.local.year == 0 && self.calendar.lacks_year_zero()
    }

    /// Whether the same number means the same instant in both, however they are written.
    pub fn is_same_scale(&self, other: &Self) -> bool {
        let same = self.calendar == other.calendar && self.step == other.step && self.epoch == other.epoch;
        match self.step {
            Step::Fixed { .. } => same,
            // Months are counted on the stated clock: its date decides where one ends.
            Step::Months(_) => same && self.local == other.local && self.shift_micros == other.shift_micros,
        }
    }

    /// The instant that a value means, to the nearest microsecond; a time that is less than a
    /// microsecond away from a whole second after the reference is that second, unless the
    /// unit is milliseconds or smaller.
    ///
    /// # Errors
    /// Data, if the value is not finite, or further than ten million years off.
    pub fn decode(&self, value: f64) -> Result<Instant> {
        let absurd = || {
            Error::data(format!("time value {value} `{}` is no date", self.text))
                .remedy("look for fill values in the time coordinate, and whether its units are right")
        };
        // In microseconds: a bound that keeps the exact arithmetic inside its range.
        let rough = match self.step {
            Step::Fixed { numerator, denominator, .. } => value * numerator as f64 / denominator as f64,
            Step::Months(months) => value * months as f64 * 30.0 * DAY as f64,
        };
        let limit = i128::from(YEAR_LIMIT) * 366 * i128::from(DAY);
        if !rough.is_finite() || rough.abs() > 2.0 * limit as f64 {
            return Err(absurd());
        }
        let total = match self.step {
            Step::Fixed { numerator, denominator, fine } => {
                let micros = Fraction::scaled(value, numerator, denominator);
                let micros = if fine { micros.nearest() } else { micros.nearest_snapped() };
                self.epoch.total_micros() + micros
            }
            Step::Months(months) => {
                let months = Fraction::scaled(value, months, 1);
                let whole = months.floor();
                let (start, end) = self.month(whole as i64);
                let part = months.numerator - whole * months.denominator;
                start + Fraction { numerator: part * (end - start), ..months }.nearest_snapped()
            }
        };
        if total.abs() > limit {
            return Err(absurd());
        }
        Ok(Instant::from_micros(total))
    }

    /// The value of an instant in these units, the floating-point number nearest to it.
    pub fn encode(&self, at: Instant) -> f64 {
        match self.step {
            Step::Fixed { numerator, denominator, .. } => {
                quotient(at.micros_since(self.epoch) * i128::from(denominator), i128::from(numerator))
            }
            Step::Months(months) => {
                let total = at.total_micros();
                // Off by one where the day of the month, the clock or the time zone say so.
                let mut whole = self.months_to(at);
                while self.month(whole).0 > total {
                    whole -= 1;
                }
                while self.month(whole).1 <= total {
                    whole += 1;
                }
                let (start, end) = self.month(whole);
                let length = end - start;
                quotient(i128::from(whole) * length + (total - start), i128::from(months) * length)
            }
        }
    }

    /// Calendar months from the reference's month to that of `at`.
    fn months_to(&self, at: Instant) -> i64 {
        let count = |d: DateTime| self.calendar.astronomical(d.year) * 12 + i64::from(d.month);
        count(self.calendar.datetime(at)) - count(self.local)
    }

    /// Start and end of a month, numbered from the reference, in microseconds.
    fn month(&self, number: i64) -> (i128, i128) {
        let date = (self.local.year, self.local.month, self.local.day);
        let shift = i128::from(self.local.micros_of_day() + self.shift_micros);
        let start = |n| i128::from(self.calendar.day_after_months(date, n)) * i128::from(DAY) + shift;
        (start(number), start(number + 1))
    }
}

impl fmt::Display for TimeUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
