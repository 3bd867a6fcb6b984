//! Days of each calendar, counted from its 1970-01-01.
//!
//! `standard`, `proleptic_gregorian` and `julian` number the same days alike, so that the
//! change of 1582 is one comparison. Inside this file years are astronomical.

use super::{Calendar, DateTime};

/// Days before each month of a common year.
const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/// Years may lie this far from year 0 on either side; the arithmetic has room for more.
pub(super) const YEAR_LIMIT: i64 = 10_000_000;

/// Days from the Gregorian 0000-01-01 to 1970-01-01.
const GREGORIAN_EPOCH: i64 = 719_528;
/// Days from the Julian 0000-01-01 to the Gregorian 1970-01-01: two more.
const JULIAN_EPOCH: i64 = 719_530;
/// 1582-10-15, the first Gregorian day of `standard`.
const FIRST_GREGORIAN_DAY: i64 = -141_427;

/// The rule of leap years that holds at some day.
#[derive(Clone, Copy)]
enum Rule {
    Gregorian,
    Julian,
    Never,
    Always,
    Thirty,
}

impl Rule {
    fn is_leap(self, year: i64) -> bool {
        match self {
            Self::Gregorian => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0),
            Self::Julian => year % 4 == 0,
            Self::Never | Self::Thirty => false,
            Self::Always => true,
        }
    }
    /// Days from year 0 to the start of `year`.
    fn days_before_year(self, year: i64) -> i64 {
        match self {
            Self::Gregorian => {
                365 * year + (year + 3).div_euclid(4) - (year + 99).div_euclid(100)
                    + (year + 399).div_euclid(400)
            }
            Self::Julian => 365 * year + (year + 3).div_euclid(4),
            Self::Never => 365 * year,
            Self::Always => 366 * year,
            Self::Thirty => 360 * year,
        }
    }
    /// Days from the start of `year` to the start of `month` (13: to its end).
    fn days_before_month(self, year: i64, month: u8) -> i64 {
        let index = i64::from(month) - 1;
        match self {
            Self::Thirty => 30 * index,
            _ => BEFORE[index as usize] + i64::from(month > 2 && self.is_leap(year)),
        }
    }
    /// Days from year 0 to 1970-01-01.
    fn epoch(self) -> i64 {
        match self {
            Self::Gregorian => GREGORIAN_EPOCH,
            Self::Julian => JULIAN_EPOCH,
            _ => self.days_before_year(1970),
        }
    }
    fn day_number(self, year: i64, month: u8, day: u8) -> i64 {
        self.days_before_year(year) + self.days_before_month(year, month) + i64::from(day) - 1 - self.epoch()
    }
    fn date(self, day_number: i64) -> (i64, u8, u8) {
        let days = day_number + self.epoch();
        // No year is longer than 366 days nor shorter than 360: a guess, then a step or two.
        let per_400_years = self.days_before_year(400);
        let mut year = (days * 400).div_euclid(per_400_years);
        while self.days_before_year(year) > days {
            year -= 1;
        }
        while self.days_before_year(year + 1) <= days {
            year += 1;
        }
        let in_year = days - self.days_before_year(year);
        let mut month = 12;
        while self.days_before_month(year, month) > in_year {
            month -= 1;
        }
        (year, month, (in_year - self.days_before_month(year, month) + 1) as u8)
    }
}

/// The first day of 1582-10 that `standard` leaves out, and the one after the last.
const GAP: std::ops::Range<u8> = 5..15;

fn in_gap_month(calendar: Calendar, year: i64, month: u8) -> bool {
    calendar == Calendar::Standard && year == 1582 && month == 10
}

impl Calendar {
    /// The rule of a month; `standard` changed it within 1582-10, to the same month length.
    fn rule(self, year: i64, month: u8) -> Rule {
        match self {
            Self::Standard if (year, month) < (1582, 10) => Rule::Julian,
            Self::Standard | Self::ProlepticGregorian => Rule::Gregorian,
            Self::Julian => Rule::Julian,
            Self::NoLeap => Rule::Never,
            Self::AllLeap => Rule::Always,
            Self::Day360 => Rule::Thirty,
        }
    }

    /// Whether year 1 follows year -1, as in the calendars of history.
    pub(super) fn lacks_year_zero(self) -> bool {
        matches!(self, Self::Standard | Self::Julian)
    }
    /// The astronomical number of a year as written; the year 0 that isn't is year -1.
    pub(super) fn astronomical(self, year: i64) -> i64 {
        year + i64::from(self.lacks_year_zero() && year < 0)
    }
    /// The number of a date's month: one more than that of the month before, over years without a
    /// year 0, too.
    pub fn month_number(self, date: &DateTime) -> i64 {
        self.astronomical(date.year) * 12 + i64::from(date.month) - 1
    }
    /// The year to write for an astronomical one.
    pub(super) fn written(self, astronomical: i64) -> i64 {
        astronomical - i64::from(self.lacks_year_zero() && astronomical <= 0)
    }

    /// Whether `year` is a leap year; none is in `360_day`.
    pub fn is_leap(self, year: i64) -> bool {
        let year = self.astronomical(year);
        self.rule(year, 1).is_leap(year)
    }

    /// How many days a month has: 21 for October 1582 in `standard`; 0 if `month` is not 1..=12.
    pub fn days_in_month(self, year: i64, month: u8) -> u8 {
        let gap = in_gap_month(self, self.astronomical(year), month);
        self.last_day(year, month) - if gap { GAP.end - GAP.start } else { 0 }
    }

    /// The number of a month's last day; 0 if there is no such month.
    pub(super) fn last_day(self, year: i64, month: u8) -> u8 {
        if !(1..=12).contains(&month) {
            return 0;
        }
        let year = self.astronomical(year);
        let rule = self.rule(year, month);
        (rule.days_before_month(year, month + 1) - rule.days_before_month(year, month)) as u8
    }

    /// Whether the calendar has this day.
    pub(super) fn has_day(self, year: i64, month: u8, day: u8) -> bool {
        (1..=self.last_day(year, month)).contains(&day)
            && !(in_gap_month(self, self.astronomical(year), month) && GAP.contains(&day))
    }

    /// The number of a day that the calendar has.
    pub(super) fn day_number(self, year: i64, month: u8, day: u8) -> i64 {
        let year = self.astronomical(year);
        let rule = if in_gap_month(self, year, month) && day < GAP.start {
            Rule::Julian
        } else {
            self.rule(year, month)
        };
        rule.day_number(year, month, day)
    }

    /// Year as written, month and day of a day number.
    pub(super) fn date(self, day_number: i64) -> (i64, u8, u8) {
        let rule = match self {
            Self::Standard if day_number < FIRST_GREGORIAN_DAY => Rule::Julian,
            _ => self.rule(1970, 1),
        };
        let (year, month, day) = rule.date(day_number);
        (self.written(year), month, day)
    }

    /// The day `months` calendar months after a date: the same day of the month, or the month's
    /// last where that is earlier. A day that 1582 left out moves on to the 15th.
    pub(super) fn day_after_months(self, (year, month, day): (i64, u8, u8), months: i64) -> i64 {
        let count = self.astronomical(year) * 12 + i64::from(month) - 1 + months;
        let year = self.written(count.div_euclid(12));
        let month = (count.rem_euclid(12) + 1) as u8;
        let day = day.min(self.last_day(year, month));
        let day = if self.has_day(year, month, day) { day } else { GAP.end };
        self.day_number(year, month, day)
    }
}
