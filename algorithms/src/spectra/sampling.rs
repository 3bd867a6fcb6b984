//! How far apart the times of a series are.

use halocline_core::calendar::TimeAxis;
use halocline_core::{Error, Result};

/// Microseconds of a day.
const DAY: f64 = 86_400e6;
/// Steps that differ by less, relative to their mean, are equal: stored times are rounded.
const SAME: f64 = 1e-3;
/// Even steps that differ by less from months of mean length, relative to these, are such months.
const MONTHLY: f64 = 5e-3;

/// The step of a regular time axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Its length in days.
    pub days: f64,
    /// The months of a step, where it is so many months, each taken to be as long as the mean one.
    pub months: Option<u32>,
    /// Days of the mean year of the calendar.
    pub year: f64,
}

impl Sampling {
    /// The step of `axis`: equal steps, or a whole number of months, the same for all (also where
    /// times are a mean month apart). A month counts as a twelfth of the calendar's mean year:
    /// 30.436875 days (365.2425/12) of the standard calendars.
    ///
    /// # Errors
    /// Data, if there are fewer than two times, or they are irregular; names the first that is.
    pub fn of(axis: &TimeAxis) -> Result<Self> {
        let (year, instants) = (axis.calendar.mean_year(), axis.instants());
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else {
            return Err(too_few(0));
        };
        if instants.len() < 2 {
            return Err(too_few(1));
        }
        let mean = last.micros_since(*first) as f64 / (instants.len() - 1) as f64;
        let steps: Vec<f64> = instants.windows(2).map(|w| w[1].micros_since(w[0]) as f64).collect();
        let even = |step: f64, usual: f64| (step - usual).abs() <= SAME * usual;
        let is_even = mean > 0.0 && steps.iter().all(|&step| even(step, mean));
        let as_long = |days: f64| (mean / DAY - days).abs() <= MONTHLY * days;
        let months = months(axis).filter(|&m| m > 0).map(|m| (m, f64::from(m) * year / 12.0));
        if let Some((months, days)) = months.filter(|(_, days)| !is_even || as_long(*days)) {
            return Ok(Self { days, months: Some(months), year });
        }
        if is_even {
            return Ok(Self { days: mean / DAY, months: None, year });
        }
        let mut sorted = steps.clone();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted[sorted.len() / 2];
        let odd = steps.iter().position(|&step| !even(step, usual)).unwrap_or(0);
        let [before, after] = [odd, odd + 1].map(|i| axis.datetime(i).date_string());
        Err(Error::data(format!(
            "its times are not regular: {} days from {before} to {after} (time step {}), {} as a rule",
            steps[odd] / DAY,
            odd + 1,
            usual / DAY
        ))
        .remedy("choose a --time without gaps, or bring the series to equal steps first"))
    }

    /// Steps of the mean length, whether or not they are regular: for estimates that take times as
    /// they are.
    ///
    /// # Errors
    /// Data, if there are fewer than two times, or the last is not later than the first.
    pub fn mean_of(axis: &TimeAxis) -> Result<Self> {
        let n = axis.len();
        if n < 2 {
            return Err(too_few(n));
        }
        let days = axis.instant(n - 1).days_since(axis.instant(0)) / (n - 1) as f64;
        if days > 0.0 {
            Ok(Self { days, months: None, year: axis.calendar.mean_year() })
        } else {
            Err(Error::data("its times do not increase"))
        }
    }
}

fn too_few(times: usize) -> Error {
    Error::data(format!("a spectrum needs at least 2 times, there is {times}"))
        .remedy("choose a longer --time")
}

/// The months of all steps, if each has as many.
fn months(axis: &TimeAxis) -> Option<u32> {
    let numbers: Vec<i64> = axis.datetimes().iter().map(|at| axis.calendar.month_number(at)).collect();
    let step = numbers[1] - numbers[0];
    let same = numbers.windows(2).all(|w| w[1] - w[0] == step);
    u32::try_from(step).ok().filter(|_| same)
}
