//! What comes back every year or every day: the parts of a climatology.

use super::instant::DAY;
use super::{Calendar, DateTime, Instant};
use crate::Result;
use serde::{Deserialize, Serialize};

/// What is done with 29 February in calendars that have one in some years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeapDay {
    /// A day of its own: 366 days.
    Keep,
    /// Belongs to no day: 365 days.
    Drop,
    /// Counts as 28 February: 365 days.
    Merge,
}

/// A cycle of the calendar, whose parts are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cycle {
    /// January to December.
    Month,
    /// December to February, March to May, June to August, September to November.
    Season,
    /// The days of a year by month and day, so that 1 March is the same day in every year.
    DayOfYear(LeapDay),
    /// The hours of a day.
    Hour,
}

impl Cycle {
    /// What users call it, and its coordinate.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Season => "season",
            Self::DayOfYear(_) => "dayofyear",
            Self::Hour => "hour",
        }
    }
    /// How many parts it has.
    pub fn len(self, calendar: Calendar) -> usize {
        match self {
            Self::Month => 12,
            Self::Season => 4,
            Self::Hour => 24,
            Self::DayOfYear(leap) => match calendar {
                Calendar::Day360 => 360,
                Calendar::NoLeap => 365,
                _ if leap == LeapDay::Keep => 366,
                _ => 365,
            },
        }
    }
    /// The part that a date belongs to; none of a leap day that is dropped.
    pub fn part(self, calendar: Calendar, at: &DateTime) -> Option<usize> {
        match self {
            Self::Month => Some(usize::from(at.month) - 1),
            Self::Season => Some(usize::from(at.month % 12) / 3),
            Self::Hour => Some(usize::from(at.hour)),
            Self::DayOfYear(leap) => day(calendar, leap, at),
        }
    }
    /// Start and end of the occurrence of a date's part that the date lies in.
    ///
    /// # Errors
    /// Data, if the calendar reaches no further.
    pub fn occurrence(self, calendar: Calendar, at: &DateTime) -> Result<[Instant; 2]> {
        let year_after = |years: i64| {
            // No year 0 between -1 and 1 where years are counted so.
            calendar.written(calendar.astronomical(at.year) + years)
        };
        let (start, end) = match self {
            Self::Month => {
                let start = DateTime::date(at.year, at.month, 1);
                let next = at.month % 12 + 1;
                (start, DateTime::date(year_after(i64::from(at.month == 12)), next, 1))
            }
            Self::Season => {
                let first = at.month % 12 / 3 * 3;
                if first == 0 {
                    let begun = year_after(if at.month == 12 { 0 } else { -1 });
                    let ended = year_after(i64::from(at.month == 12));
                    (DateTime::date(begun, 12, 1), DateTime::date(ended, 3, 1))
                } else {
                    (DateTime::date(at.year, first, 1), DateTime::date(at.year, first + 3, 1))
                }
            }
            Self::DayOfYear(_) => {
                let start = calendar.instant(DateTime::date(at.year, at.month, at.day))?;
                return Ok([start, after(start, DAY)]);
            }
            Self::Hour => {
                let start = calendar.instant(DateTime::date(at.year, at.month, at.day).at(at.hour, 0, 0))?;
                return Ok([start, after(start, DAY / 24)]);
            }
        };
        Ok([calendar.instant(start)?, calendar.instant(end)?])
    }
}

fn after(start: Instant, micros: i64) -> Instant {
    Instant::from_micros(start.total_micros() + i128::from(micros))
}

/// Days before each month in a year of 365 days.
const BEFORE: [usize; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

fn day(calendar: Calendar, leap: LeapDay, at: &DateTime) -> Option<usize> {
    let day = usize::from(at.day) - 1;
    let month = usize::from(at.month) - 1;
    match calendar {
        Calendar::Day360 => Some(30 * month + day),
        Calendar::NoLeap => Some(BEFORE[month] + day),
        _ if leap == LeapDay::Keep => Some(BEFORE[month] + usize::from(month > 1) + day),
        _ if (month, day) == (1, 28) => (leap == LeapDay::Merge).then_some(58),
        _ => Some(BEFORE[month] + day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_same_in_every_year() {
        let keep = Cycle::DayOfYear(LeapDay::Keep);
        for calendar in Calendar::ALL {
            for year in [1999, 2000] {
                for cycle in [keep, Cycle::DayOfYear(LeapDay::Drop), Cycle::DayOfYear(LeapDay::Merge)] {
                    let first = cycle.part(calendar, &DateTime::date(year, 1, 1));
                    let last = DateTime::date(year, 12, calendar.days_in_month(year, 12));
                    assert_eq!(first, Some(0));
                    assert_eq!(
                        cycle.part(calendar, &last),
                        Some(cycle.len(calendar) - 1),
                        "{calendar:?} {year}"
                    );
                }
            }
        }
        let standard = Calendar::Standard;
        let leap_day = DateTime::date(2000, 2, 29);
        assert_eq!(keep.part(standard, &leap_day), Some(59));
        assert_eq!(keep.part(standard, &DateTime::date(1999, 3, 1)), Some(60));
        assert_eq!(Cycle::DayOfYear(LeapDay::Drop).part(standard, &leap_day), None);
        assert_eq!(Cycle::DayOfYear(LeapDay::Merge).part(standard, &leap_day), Some(58));
        assert_eq!(Cycle::DayOfYear(LeapDay::Drop).part(standard, &DateTime::date(2000, 3, 1)), Some(59));
    }

    #[test]
    fn all_parts_of_a_year_are_met() {
        for calendar in Calendar::ALL {
            for leap in [LeapDay::Keep, LeapDay::Drop, LeapDay::Merge] {
                let cycle = Cycle::DayOfYear(leap);
                let mut met = vec![false; cycle.len(calendar)];
                for month in 1..=12 {
                    for day in 1..=calendar.days_in_month(2000, month) {
                        if let Some(part) = cycle.part(calendar, &DateTime::date(2000, month, day)) {
                            met[part] = true;
                        }
                    }
                }
                assert!(met.iter().all(|&m| m), "{calendar:?} {leap:?}");
            }
        }
    }

    #[test]
    fn occurrences_hold_their_date() {
        for calendar in Calendar::ALL {
            for month in 1..=12u8 {
                let at = DateTime::date(2001, month, 15).at(7, 30, 0);
                let here = calendar.instant(at).unwrap();
                for cycle in [Cycle::Month, Cycle::Season, Cycle::DayOfYear(LeapDay::Keep), Cycle::Hour] {
                    let [start, end] = cycle.occurrence(calendar, &at).unwrap();
                    assert!(start <= here && here < end, "{calendar:?} {cycle:?} {month}");
                }
            }
        }
        let seasons: Vec<_> =
            [12, 1, 3, 8, 11].map(|m| Cycle::Season.part(Calendar::NoLeap, &DateTime::date(1, m, 1))).into();
        assert_eq!(seasons, [Some(0), Some(0), Some(1), Some(2), Some(3)]);
        let [start, end] = Cycle::Season.occurrence(Calendar::NoLeap, &DateTime::date(2000, 12, 5)).unwrap();
        assert_eq!(Calendar::NoLeap.datetime(start).date_string(), "2000-12-01");
        assert_eq!(Calendar::NoLeap.datetime(end).date_string(), "2001-03-01");
        // There is no year 0 for those who count as historians do.
        let [start, end] = Cycle::Season.occurrence(Calendar::Standard, &DateTime::date(1, 1, 5)).unwrap();
        assert_eq!(end.days_since(start), 90.0);
    }
}
