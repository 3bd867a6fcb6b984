//! A time coordinate.

use super::{step, Calendar, DateTime, Instant, TimeRange, TimeUnits};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A time coordinate: values, their units and calendar.
///
/// [`Self::new`] has checked that every value is a date. Whoever changes the fields afterwards
/// keeps it so: the methods that give dates panic on a value that is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stated")]
pub struct TimeAxis {
    /// What the values count.
    pub units: TimeUnits,
    /// The calendar, that of `units`.
    pub calendar: Calendar,
    /// The coordinate as stored.
    pub values: Vec<f64>,
}

/// What is read back is checked as what was first read.
#[derive(Deserialize)]
struct Stated {
    units: TimeUnits,
    calendar: Calendar,
    values: Vec<f64>,
}

impl TryFrom<Stated> for TimeAxis {
    type Error = Error;
    fn try_from(stated: Stated) -> Result<Self> {
        if stated.calendar != stated.units.calendar() {
            return Err(Error::data("the time axis and its units differ in calendar"));
        }
        Self::new(stated.units, stated.values)
    }
}

impl TimeAxis {
    /// A time coordinate with these values; the calendar is that of the units.
    ///
    /// # Errors
    /// Data, if a value is no date, as [`TimeUnits::decode`].
    pub fn new(units: TimeUnits, values: Vec<f64>) -> Result<Self> {
        for (i, &value) in values.iter().enumerate() {
            units
                .decode(value)
                .map_err(|e| Error { message: format!("time step {i}: {}", e.message), ..e })?;
        }
        Ok(Self { calendar: units.calendar(), units, values })
    }

    /// Number of times.
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The time at index `i`.
    ///
    /// # Panics
    /// If there is no such index.
    pub fn instant(&self, i: usize) -> Instant {
        match self.units.decode(self.values[i]) {
            Ok(at) => at,
            Err(e) => panic!("time axis was changed to hold no date at {i}: {e}"),
        }
    }
    /// All times.
    pub fn instants(&self) -> Vec<Instant> {
        (0..self.len()).map(|i| self.instant(i)).collect()
    }
    /// The date at index `i`.
    ///
    /// # Panics
    /// If there is no such index.
    pub fn datetime(&self, i: usize) -> DateTime {
        self.date(self.instant(i))
    }
    /// The date to write for an instant. In a calendar without a year 0, an axis whose units
    /// name that year (a climatology, as a rule) goes on calling it 0.
    fn date(&self, at: Instant) -> DateTime {
        let mut date = self.calendar.datetime(at);
        if date.year == -1 && self.units.names_missing_year() {
            date.year = 0;
        }
        date
    }
    /// All dates.
    pub fn datetimes(&self) -> Vec<DateTime> {
        (0..self.len()).map(|i| self.datetime(i)).collect()
    }
    /// The dates of times that are in the [middle](Self::middles) of their bounds.
    ///
    /// # Errors
    /// Data, if a middle is no date.
    pub fn dates_by_bounds(&self, bounds: Option<&[f64]>) -> Result<Vec<DateTime>> {
        Ok(self.middles(bounds)?.into_iter().map(|at| self.date(at)).collect())
    }
    /// The month, 1..=12, of each time.
    pub fn months(&self) -> Vec<u8> {
        (0..self.len()).map(|i| self.datetime(i).month).collect()
    }

    /// The times of an index range.
    ///
    /// # Panics
    /// If the range reaches beyond the axis.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self { units: self.units.clone(), calendar: self.calendar, values: self.values[range].to_vec() }
    }

    /// The same times in other units of the same calendar. Where the units mean the same, the
    /// values are untouched; else they are those of the instants.
    ///
    /// # Errors
    /// Data, if the calendars differ.
    pub fn converted(&self, units: &TimeUnits) -> Result<Self> {
        if units.calendar() != self.calendar {
            return Err(Error::data(format!(
                "times in calendar `{}` have no meaning in calendar `{}`",
                self.calendar,
                units.calendar()
            )));
        }
        let values = if self.units.is_same_scale(units) {
            self.values.clone()
        } else {
            self.instants().into_iter().map(|at| units.encode(at)).collect()
        };
        Ok(Self { units: units.clone(), calendar: self.calendar, values })
    }

    /// Checks that every time is later than the one before.
    ///
    /// # Errors
    /// Data, naming the first step (counted from 0) that is not, and both dates.
    pub fn check_increasing(&self) -> Result<()> {
        let instants = self.instants();
        let Some(i) = (1..instants.len()).find(|&i| instants[i] <= instants[i - 1]) else {
            return Ok(());
        };
        let [before, at] = [i - 1, i].map(|i| self.date(instants[i]).date_string());
        Err(if instants[i] == instants[i - 1] {
            Error::data(format!("time steps {} and {i} are the same, {at}", i - 1))
                .remedy("leave out the file or the time step that repeats it")
        } else {
            Error::data(format!("time goes backwards: {at} at step {i} follows {before}"))
                .remedy("sort the times, or leave out what overlaps")
        })
    }

    /// The indices of the times inside `range`, of a time axis that increases.
    ///
    /// # Errors
    /// Usage, if there are none; data, if they don't lie together because the axis does not
    /// increase.
    pub fn select(&self, range: &TimeRange) -> Result<Range<usize>> {
        self.select_by_bounds(range, None)
    }

    /// [`Self::select`] of times that are in the [middle](Self::middles) of their bounds.
    ///
    /// # Errors
    /// As [`Self::select`]; data, if a middle is no date.
    pub fn select_by_bounds(&self, range: &TimeRange, bounds: Option<&[f64]>) -> Result<Range<usize>> {
        let middles = self.middles(bounds)?;
        let dates: Vec<DateTime> = middles.iter().map(|&at| self.date(at)).collect();
        let inside: Vec<usize> =
            (0..self.len()).filter(|&i| range.contains(self.calendar, &dates[i])).collect();
        let (Some(&first), Some(&last)) = (inside.first(), inside.last()) else {
            let none = format!("no time lies in `{range}`");
            return Err(if self.is_empty() {
                Error::usage(format!("{none}: there are no times at all"))
            } else {
                let [from, to] = [0, self.len() - 1].map(|i| dates[i].date_string());
                Error::usage(none).remedy(format!("times reach from {from} to {to}"))
            });
        };
        if last - first + 1 != inside.len() {
            self.check_increasing()?;
            if let Some(i) = (1..middles.len()).find(|&i| middles[i] <= middles[i - 1]) {
                let text =
                    format!("by the middle of its bounds, time step {i} is not later than the one before");
                return Err(Error::data(text).remedy("mend the bounds of the times"));
            }
        }
        Ok(first..last + 1)
    }

    /// The step in a word, for people: `monthly`, `daily`, `6-hourly`, `yearly`, `irregular`;
    /// `single` for one time, `none` for no time. A guess: dates near to monthly are monthly.
    pub fn step_text(&self) -> String {
        step::text(self.calendar, &self.instants())
    }
}
