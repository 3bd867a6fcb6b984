//! Years, seasons, months, days and hours that times fall into.

use super::instant::DAY;
use super::{Calendar, DateTime, Instant, TimeAxis};
use crate::{Error, Result};

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// From 1 January on.
    Year,
    /// December to February, March to May, June to August, September to November; December
    /// belongs with the months that follow it.
    Season,
    /// A calendar month.
    Month,
    /// From midnight to midnight.
    Day,
    /// From one full hour to the next.
    Hour,
}

/// The periods that the times of an axis fall into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// For each time the number of its period.
    pub of: Vec<u32>,
    /// Start and end of each period, in the order of time; those without a time are not there.
    pub bounds: Vec<[Instant; 2]>,
}

impl Calendar {
    /// The first day of the month `months` after that of a date, as an instant.
    fn month_start(self, at: DateTime, months: i64) -> Instant {
        let day = self.day_after_months((at.year, at.month, 1), months);
        Instant::from_micros(i128::from(day) * i128::from(DAY))
    }

    /// Start and end of the period that an instant lies in.
    pub fn period(self, period: Period, at: Instant) -> [Instant; 2] {
        let date = self.datetime(at);
        let from_month =
            |back: i64, length: i64| [self.month_start(date, -back), self.month_start(date, length - back)];
        let even = |length: i64| {
            let length = i128::from(length);
            let start = at.total_micros().div_euclid(length) * length;
            [Instant::from_micros(start), Instant::from_micros(start + length)]
        };
        match period {
            Period::Year => from_month(i64::from(date.month) - 1, 12),
            Period::Season => from_month(i64::from(date.month) % 3, 3),
            Period::Month => from_month(0, 1),
            Period::Day => even(DAY),
            Period::Hour => even(DAY / 24),
        }
    }
}

impl TimeAxis {
    /// What counts as the same in the bounds of a time, as a part of their width: they may be in single
    /// precision where times are in double.
    pub const SLACK: f64 = 0.01;

    /// The bounds of time `i`, of two a time in the units of the axis: the earlier one first, whichever is
    /// stored first. None where there are none, or they have not the time between them.
    pub fn interval(&self, i: usize, bounds: Option<&[f64]>) -> Option<[f64; 2]> {
        let (&[a, b], &value) = (bounds?.get(2 * i..2 * i + 2)?, self.values.get(i)?) else { return None };
        let (start, end) = if b < a { (b, a) } else { (a, b) };
        let slack = Self::SLACK * (end - start);
        (start < end && start - slack <= value && value <= end + slack).then_some([start, end])
    }

    /// When each time is: in the middle of its [bounds](Self::interval) where it has some, else where it
    /// says. A month's mean that is dated to the end of the month is in the month then.
    ///
    /// # Errors
    /// Data, if a middle is no date.
    pub fn middles(&self, bounds: Option<&[f64]>) -> Result<Vec<Instant>> {
        let middle = |i: usize| self.interval(i, bounds).map(|[start, end]| start + 0.5 * (end - start));
        let at = |i: usize| middle(i).map_or_else(|| Ok(self.instant(i)), |at| self.units.decode(at));
        (0..self.len()).map(at).collect()
    }

    /// The periods of all times, which must not go backwards.
    ///
    /// `bounds` are those of the times; the [middles](Self::middles) decide.
    ///
    /// # Errors
    /// Data, if times go backwards.
    pub fn periods(&self, period: Period, bounds: Option<&[f64]>) -> Result<Periods> {
        let mut all = Periods { of: Vec::with_capacity(self.len()), bounds: Vec::new() };
        for (i, at) in self.middles(bounds)?.into_iter().enumerate() {
            let bounds = self.calendar.period(period, at);
            match all.bounds.last() {
                Some(last) if *last == bounds => {}
                Some(last) if last[0] > bounds[0] => {
                    return Err(Error::data(format!("time goes backwards at step {i} (counted from 0)"))
                        .remedy("sort the times first"));
                }
                _ => all.bounds.push(bounds),
            }
            all.of.push(all.bounds.len() as u32 - 1);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::TimeUnits;

    fn axis(units: &str, calendar: Calendar, values: Vec<f64>) -> TimeAxis {
        TimeAxis::new(TimeUnits::parse(units, calendar).unwrap(), values).unwrap()
    }

    fn dates(calendar: Calendar, periods: &Periods) -> Vec<String> {
        let text = |at: Instant| calendar.datetime(at).date_string();
        periods.bounds.iter().map(|b| format!("{}/{}", text(b[0]), text(b[1]))).collect()
    }

    #[test]
    fn december_goes_with_the_next_year() {
        for calendar in [Calendar::Standard, Calendar::Day360, Calendar::NoLeap] {
            let months = axis("months since 1999-11-16", calendar, (0..6).map(f64::from).collect());
            let seasons = months.periods(Period::Season, None).unwrap();
            assert_eq!(seasons.of, [0, 1, 1, 1, 2, 2]);
            assert_eq!(
                dates(calendar, &seasons),
                ["1999-09-01/1999-12-01", "1999-12-01/2000-03-01", "2000-03-01/2000-06-01"]
            );
        }
    }

    #[test]
    fn every_calendar_has_its_periods() {
        let calendar = Calendar::Standard;
        let days = axis("days since 1582-10-03", calendar, vec![0.0, 1.5, 2.5]);
        let months = days.periods(Period::Month, None).unwrap();
        assert_eq!(dates(calendar, &months), ["1582-10-01/1582-11-01"]);
        let each = days.periods(Period::Day, None).unwrap();
        assert_eq!(
            dates(calendar, &each),
            ["1582-10-03/1582-10-04", "1582-10-04/1582-10-15", "1582-10-15/1582-10-16"]
        );
        // A year 0 where there is none, as climatologies have it.
        let months = axis("months since 0000-01-15", calendar, vec![0.0, 11.0, 12.0]);
        assert_eq!(months.periods(Period::Year, None).unwrap().of, [0, 0, 1]);
        let calendar = Calendar::Day360;
        let hours = axis("hours since 2000-02-30", calendar, vec![0.5, 0.75, 1.0, 24.0]);
        assert_eq!(hours.periods(Period::Hour, None).unwrap().of, [0, 0, 1, 2]);
        assert_eq!(dates(calendar, &hours.periods(Period::Year, None).unwrap()), ["2000-01-01/2001-01-01"]);
    }

    #[test]
    fn the_middle_of_bounds_decides() {
        let calendar = Calendar::NoLeap;
        // Monthly means dated to the end.
        let months = axis("days since 2001-01-01", calendar, vec![31.0, 59.0]);
        let bounds = [0.0, 31.0, 31.0, 59.0];
        let text = dates(calendar, &months.periods(Period::Month, Some(&bounds)).unwrap());
        assert_eq!(text, ["2001-01-01/2001-02-01", "2001-02-01/2001-03-01"]);
        // Whichever bound is first, and rounded to single precision.
        for bounds in [[31.0, 0.0, 59.0, 31.0], [0.1, 30.9, 31.1, 58.9]] {
            assert_eq!(dates(calendar, &months.periods(Period::Month, Some(&bounds)).unwrap()), text);
        }
        // One that is missing is missing to its own time alone.
        let lacking = months.periods(Period::Month, Some(&[0.0, 31.0, f64::NAN, 59.0])).unwrap();
        assert_eq!(dates(calendar, &lacking), ["2001-01-01/2001-02-01", "2001-03-01/2001-04-01"]);
        let text = dates(calendar, &months.periods(Period::Month, None).unwrap());
        assert_eq!(text, ["2001-02-01/2001-03-01", "2001-03-01/2001-04-01"]);
        let backwards = axis("days since 2001-01-01", calendar, vec![400.0, 1.0]);
        assert!(backwards.periods(Period::Year, None).is_err());
    }
}
