//! The step of an evenly sampled time axis as a length of time.

use super::instant::DAY;
use super::{step, Calendar, Instant, TimeAxis};
use crate::{Error, Result};

impl Calendar {
    /// Days of the calendar's mean year: 365.2425 where leap years are those of Gregory.
    pub const fn mean_year(self) -> f64 {
        match self {
            Self::Standard | Self::ProlepticGregorian => 365.2425,
            Self::Julian => 365.25,
            Self::NoLeap => 365.0,
            Self::AllLeap => 366.0,
            Self::Day360 => 360.0,
        }
    }
}

/// Even steps that differ by less from months of mean length, relative to these, are such months.
const MONTHLY: f64 = 5e-3;

/// The step of an evenly sampled time axis: what Fourier analysis and filters count frequencies by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Its length in days.
    pub days: f64,
    /// The months of a step, where it is so many months, each taken to be as long as the mean one.
    pub months: Option<u32>,
    /// Days of the mean year of the calendar.
    pub year: f64,
}

/// What frequencies count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitOfTime {
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Twelfths of the calendar's mean year.
    Month,
    /// The calendar's mean year.
    Year,
}

impl UnitOfTime {
    /// As units have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl Sampling {
    /// The step in this unit.
    pub fn step_in(&self, unit: UnitOfTime) -> f64 {
        match unit {
            UnitOfTime::Hour => self.days * 24.0,
            UnitOfTime::Day => self.days,
            // Of months and years without rounding.
            UnitOfTime::Month => self.months.map_or_else(|| 12.0 * self.days / self.year, f64::from),
            UnitOfTime::Year => self.months.map_or_else(|| self.days / self.year, |m| f64::from(m) / 12.0),
        }
    }

    /// The step of `axis`.
    ///
    /// Even are times that differ by the same number of days, up to a thousandth of the step, and
    /// times that are months (or years) apart, all as many; even steps that are within half a per
    /// cent of months count as such. A month is a twelfth of the calendar's mean year (30.436875
    /// days of the standard calendars): a year is then exactly twelve monthly steps.
    ///
    /// # Errors
    /// Data: fewer than two times, times that don't increase, or the step that differs most from the
    /// others, with its dates.
    pub fn of(axis: &TimeAxis) -> Result<Self> {
        let instants = axis.instants();
        too_few(instants.len())?;
        axis.check_increasing()?;
        let year = axis.calendar.mean_year();
        let even = step::mean_of_even(&instants).map(|mean| mean as f64 / DAY as f64);
        let months = step::months(axis.calendar, &instants).and_then(|months| u32::try_from(months).ok());
        if let Some((months, days)) = months.map(|months| (months, f64::from(months) * year / 12.0)) {
            if even.is_none_or(|even| (even - days).abs() <= MONTHLY * days) {
                return Ok(Self { days, months: Some(months), year });
            }
        }
        if let Some(days) = even {
            return Ok(Self { days, months: None, year });
        }
        let lengths: Vec<i128> = instants.windows(2).map(|pair| pair[1].micros_since(pair[0])).collect();
        let mut sorted = lengths.clone();
        sorted.sort_unstable();
        let usual = sorted[sorted.len() / 2];
        // The step that is furthest off, the first of them: of months it is not one that is a day shorter.
        let off = |i: usize| (lengths[i] - usual).abs();
        let odd = (0..lengths.len()).rev().max_by_key(|&i| off(i)).unwrap_or(0);
        let days = |micros: i128| micros as f64 / DAY as f64;
        let date = |i: usize| axis.datetime(i).date_string();
        Err(Error::data(format!(
            "times are not evenly spaced: from {} to {} (steps {odd} and {}) it is {:.6} days, elsewhere {:.6}",
            date(odd),
            date(odd + 1),
            odd + 1,
            days(lengths[odd]),
            days(usual)
        ))
        .remedy("choose times without a gap with --time, or bring the data to even steps first, as with `cdo inttime`"))
    }

    /// Whether a step, from one time to the next, is like the first one of its axis: as long, or as many
    /// months. Times whose steps all are have a [`Sampling::of`].
    pub fn is_alike(calendar: Calendar, first: [Instant; 2], next: [Instant; 2]) -> bool {
        let [usual, own] = [first, next].map(|pair| pair[1].micros_since(pair[0]));
        let months = |pair: [Instant; 2]| step::months(calendar, &pair);
        // Half of what a step may be off the mean of all: that may be off the first by the other half.
        (own - usual).abs() <= usual / 2000 || months(first).is_some_and(|n| months(next) == Some(n))
    }

    /// Steps of the mean length, whether or not they are even: for estimates that take times as they
    /// are.
    ///
    /// # Errors
    /// Data, if there are fewer than two times, or the last is not later than the first.
    pub fn mean_of(axis: &TimeAxis) -> Result<Self> {
        let n = axis.len();
        too_few(n)?;
        let days = axis.instant(n - 1).days_since(axis.instant(0)) / (n - 1) as f64;
        if days > 0.0 {
            Ok(Self { days, months: None, year: axis.calendar.mean_year() })
        } else {
            Err(Error::data("its times do not increase"))
        }
    }
}

fn too_few(times: usize) -> Result<()> {
    let what = match times {
        0 => "there are no times",
        1 => "there is one time only, so nothing is known of frequencies",
        _ => return Ok(()),
    };
    Err(Error::data(what).remedy("choose more times with --time"))
}

impl TimeAxis {
    /// The step of an evenly sampled axis in days ([`Sampling::of`]).
    ///
    /// # Errors
    /// As [`Sampling::of`].
    pub fn sampling(&self) -> Result<f64> {
        Sampling::of(self).map(|sampling| sampling.days)
    }
}

#[cfg(test)]
mod tests {
    use crate::calendar::{Calendar, TimeAxis, TimeUnits};

    fn axis(units: &str, calendar: &str, values: &[f64]) -> TimeAxis {
        let calendar = Calendar::parse(calendar).unwrap();
        TimeAxis::new(TimeUnits::parse(units, calendar).unwrap(), values.to_vec()).unwrap()
    }

    #[test]
    fn even_steps_are_lengths_of_time() {
        let of = |units: &str, calendar: &str, values: &[f64]| axis(units, calendar, values).sampling();
        assert_eq!(of("hours since 2000-01-01", "standard", &[0.0, 6.0, 12.0]), Ok(0.25));
        assert_eq!(of("days since 2000-01-01", "360_day", &[15.0, 45.0, 75.0]), Ok(30.0));
        let months = [15.0, 45.0, 74.0, 105.0];
        assert_eq!(of("days since 2001-01-01", "standard", &months), Ok(365.2425 / 12.0));
        assert_eq!(of("days since 2001-01-01", "noleap", &[0.0, 365.0, 730.0]), Ok(365.0));
        // Even steps win, unless they are about a month.
        assert_eq!(of("days since 2001-01-15", "standard", &[0.0, 30.0, 60.0, 90.0]), Ok(30.0));
        let about = [0.0, 30.4375, 60.875, 91.3125];
        assert_eq!(of("days since 2001-01-15", "standard", &about), Ok(365.2425 / 12.0));
        // Stored in single precision.
        let third = [0.0, f64::from(0.333_333_34_f32), f64::from(0.666_666_7_f32)];
        let step = of("days since 2001-01-01", "standard", &third).unwrap();
        assert!((step - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn uneven_steps_are_named() {
        let message =
            |values: &[f64]| axis("days since 2000-01-01", "standard", values).sampling().unwrap_err();
        let gap = message(&[0.0, 1.0, 2.0, 4.0, 5.0]).to_string();
        assert!(gap.contains("from 2000-01-03") && gap.contains("(steps 2 and 3)"), "{gap}");
        assert!(gap.contains("it is 2.000000 days, elsewhere 1.000000"), "{gap}");
        assert!(message(&[3.0]).to_string().contains("one time only"));
        assert!(message(&[3.0, 2.0, 1.0]).to_string().contains("backwards"));
        // A month is missing.
        let months = message(&[15.0, 45.0, 74.0, 135.0, 166.0]).to_string();
        assert!(months.contains("steps 2 and 3"), "{months}");
    }
}
