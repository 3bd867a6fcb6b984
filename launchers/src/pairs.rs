//! What has to agree before two variables are read in lockstep, times as dates and grids; and the
//! time that their results have.

use crate::calc::is_speed;
use crate::carry;
use crate::cf::stated_units;
use crate::pressure::to_pascal;
use halocline_core::calendar::{Calendar, DateTime, TimeAxis};
use halocline_core::meta::{Coordinate, Dim};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use std::collections::HashSet;

/// Coordinates that differ by less are the same, relative to their size.
const SAME: f64 = 1e-5;

/// Where the times of `wanted` begin among those of `there`, which must hold all of them, one
/// after the other: compared as dates, with the time of day where either has several a day, and by
/// year and month where neither has several a month.
///
/// # Errors
/// Data: the calendars differ, or there is no such date; names the first.
pub(crate) fn align(wanted: &Source, there: &Source) -> Result<usize> {
    let [ours, theirs] = dates_of_both(wanted, there)?;
    align_dates((wanted.time(), &ours), (there.time(), &theirs))
}

/// The dates of a source's times, to be compared with those of a text: in the middle of their bounds, as
/// the mean of a month may be dated to its end. Where there are several a day, as they are stated.
///
/// # Errors
/// Data, if a middle is no date.
pub(crate) fn dates(source: &Source) -> Result<Vec<DateTime>> {
    let stated = source.time().datetimes();
    if Detail::of(&stated) == Detail::Instant {
        return Ok(stated);
    }
    source.dates()
}

/// The dates by which times of two data sets are compared: in the middle of their bounds, as one may date
/// the mean of a month to its end and the other to its middle. But where only one has bounds and both
/// state the same times, those are the same: a tool may have dropped the bounds of the other.
///
/// # Errors
/// As [`dates`].
fn dates_of_both(a: &Source, b: &Source) -> Result<[Vec<DateTime>; 2]> {
    let stated = [a, b].map(|source| source.time().datetimes());
    let one_has_bounds = a.known_bounds().is_some() != b.known_bounds().is_some();
    if one_has_bounds {
        let theirs: HashSet<&DateTime> = stated[1].iter().collect();
        if stated[0].iter().any(|date| theirs.contains(date)) {
            return Ok(stated);
        }
    }
    Ok([dates(a)?, dates(b)?])
}

/// Of each time of `wanted`, its place among those of `there`: as [`align`] compares them, but there may
/// be others in between.
///
/// # Errors
/// As [`align`].
pub(crate) fn places(wanted: &Source, there: &Source) -> Result<Vec<usize>> {
    let [ours, theirs] = dates_of_both(wanted, there)?;
    matched((wanted.time(), &ours), (there.time(), &theirs), true)
}

fn align_dates(wanted: (&TimeAxis, &[DateTime]), there: (&TimeAxis, &[DateTime])) -> Result<usize> {
    matched(wanted, there, false).map(|places| places.first().copied().unwrap_or(0))
}

fn matched(
    (wanted, ours): (&TimeAxis, &[DateTime]),
    (there, theirs): (&TimeAxis, &[DateTime]),
    skips: bool,
) -> Result<Vec<usize>> {
    if !same_calendar(wanted, there, ours, theirs) {
        return Err(Error::data(format!(
            "its calendar is `{}`, the calendar of the variable is `{}`",
            there.calendar, wanted.calendar
        ))
        .remedy("bring both to one calendar first, as with `cdo setcalendar`"));
    }
    let detail = Detail::of(ours).max(Detail::of(theirs));
    let same = |a: &DateTime, b: &DateTime| detail.cut(a) == detail.cut(b);
    let text = |d: &DateTime| detail.text(d);
    let mut places = Vec::with_capacity(ours.len());
    for (i, date) in ours.iter().enumerate() {
        let next = places.last().map_or(0, |last| last + 1);
        let far = if skips || i == 0 { theirs.len() } else { (next + 1).min(theirs.len()) };
        match (next..far).find(|&k| same(date, &theirs[k])) {
            Some(place) => places.push(place),
            None if i == 0 => {
                let reach = match (theirs.first(), theirs.last()) {
                    (Some(a), Some(b)) => format!("its times reach from {} to {}", text(a), text(b)),
                    _ => "it has no times".to_owned(),
                };
                let none = format!("has no value on {}, the first date of the variable", text(date));
                return Err(Error::data(none).remedy(format!("{reach}; choose common ones with --time")));
            }
            None => {
                return Err(match theirs.get(next) {
                    Some(other) => Error::data(format!(
                        "its times differ from those of the variable: where that has {} (time step {i}), it has {}",
                        text(date),
                        text(other)
                    ))
                    .remedy("bring both to the same dates"),
                    None => Error::data(format!(
                        "ends before {} (time step {i} of the variable)",
                        text(date)
                    ))
                    .remedy("choose common times with --time"),
                })
            }
        }
    }
    Ok(places)
}

/// The number of each date, counted from the first in steps of the usual length, in days or in months:
/// more than one further than the one before behind a gap. None where steps are uneven in another way,
/// or a gap is so long that it means nothing.
pub(crate) fn numbered(dates: &[DateTime], calendar: Calendar) -> Option<Vec<usize>> {
    let first = calendar.instant(*dates.first()?).ok()?;
    let day = |d: &DateTime| Some(calendar.instant(*d).ok()?.days_since(first));
    let days: Vec<f64> = dates.iter().map(day).collect::<Option<_>>()?;
    let months = || dates.iter().map(|d| d.year as f64 * 12.0 + f64::from(d.month)).collect::<Vec<_>>();
    let by_month = || (Detail::of(dates) == Detail::Month).then(months);
    in_steps(&days).or_else(|| in_steps(&by_month()?))
}

/// How many steps of the usual length lie before each; none if some are no whole number of them.
fn in_steps(numbers: &[f64]) -> Option<Vec<usize>> {
    /// Steps that are counted, at most.
    const MOST: f64 = 1e7;
    let steps: Vec<f64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    // The shorter of two that are as common: the other one is a gap.
    let usual = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(1.0);
    let (mut all, mut at) = (vec![0], 0.0);
    for step in steps {
        let count = (step / usual).round();
        if !(count >= 1.0 && (step - count * usual).abs() <= 0.01 * usual && at + count <= MOST) {
            return None;
        }
        at += count;
        all.push(at as usize);
    }
    Some(all)
}

fn day(d: &DateTime) -> (i64, u8, u8) {
    (d.year, d.month, d.day)
}

/// What tells the times of an axis apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    Month,
    Day,
    Instant,
}

impl Detail {
    pub(crate) fn of(dates: &[DateTime]) -> Self {
        let apart = |detail: &Self| dates.windows(2).all(|pair| detail.cut(&pair[0]) != detail.cut(&pair[1]));
        [Self::Month, Self::Day].into_iter().find(apart).unwrap_or(Self::Instant)
    }
    /// The date without what does not matter.
    fn cut(self, d: &DateTime) -> DateTime {
        match self {
            Self::Month => DateTime::date(d.year, d.month, 1),
            Self::Day => DateTime::date(d.year, d.month, d.day),
            Self::Instant => *d,
        }
    }
    fn text(self, d: &DateTime) -> String {
        let mut text = self.cut(d).date_string();
        if self == Self::Month {
            text.truncate(text.len() - "-01".len());
        }
        text
    }
}

/// Whether dates of both mean the same days.
fn same_calendar(a: &TimeAxis, b: &TimeAxis, ours: &[DateTime], theirs: &[DateTime]) -> bool {
    let gregorian = |c: Calendar| matches!(c, Calendar::Standard | Calendar::ProlepticGregorian);
    let late = |d: &DateTime| day(d) >= (1582, 10, 15);
    a.calendar == b.calendar
        || gregorian(a.calendar) && gregorian(b.calendar) && ours.iter().chain(theirs).all(late)
}

/// Refuses members that both data sets have, in another order: they pair by position.
///
/// # Errors
/// Data, naming the first.
pub(crate) fn check_members(first: &Dataset, second: &Dataset) -> Result<()> {
    let (ours, theirs) = (first.members(), second.members());
    let moved =
        |(i, label): &(usize, &String)| theirs.iter().position(|l| l == *label).is_some_and(|k| k != *i);
    match ours.iter().enumerate().find(moved) {
        None => Ok(()),
        Some((i, label)) => Err(Error::data(format!(
            "its member number {} is `{}`, that of the variable is `{label}`",
            i + 1,
            theirs.get(i).map_or("none", String::as_str)
        ))
        .remedy("name the files of both in the same order of members")),
    }
}

/// Refuses a second variable at other times than the first.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_times(first: &Source, second: &Source) -> Result<()> {
    let origin = if both_static(first, second)? { 0 } else { align(first, second)? };
    if origin > 0 || first.time().len() != second.time().len() {
        return Err(Error::data(format!("has other times than `{}`", first.variable().name))
            .remedy("choose common ones with --time"));
    }
    Ok(())
}

/// Refuses a second variable that gives dimensions or coordinates of the first other lengths or values under
/// the same names: one file can't hold both.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_shared(first: &Source, second: &Source) -> Result<()> {
    let other = format!("`{}`", first.variable().name);
    for dim in &second.variable().dims {
        if let Some(same) = first.variable().dims.iter().find(|d| d.name == dim.name && d.len != dim.len) {
            let text = format!("its {} has {} values, that of {other} has {}", dim.name, dim.len, same.len);
            return Err(Error::data(text).remedy(APART));
        }
    }
    let theirs = of_space(first);
    for own in of_space(second) {
        if let Some(same) = theirs.iter().find(|c| c.variable.name == own.variable.name) {
            same_coordinate(same, own, &other).map_err(|e| Error { remedy: None, ..e }.remedy(APART))?;
        }
    }
    Ok(())
}

const APART: &str = "bring both to one grid first, or write a file of each";

/// What locates a variable but in time.
fn of_space(source: &Source) -> Vec<&Coordinate> {
    let grid = source.grid();
    let places = grid.lat.iter().chain(&grid.lon).chain(&grid.extra);
    places.chain(source.levels()).chain(source.level()).collect()
}

/// Refuses a second variable that is not on the grid and at the times of the first.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_together(first: &Source, second: &Source) -> Result<()> {
    let (a, b) = (first.variable(), second.variable());
    let describe = |s: &Source| {
        let dims: Vec<String> =
            s.variable().dims[1..].iter().map(|d| format!("{} {}", d.len, d.name)).collect();
        dims.join(" x ")
    };
    let other = format!("`{}`", a.name);
    let shape = |s: &Source| s.variable().shape()[1..].to_vec();
    if shape(first) != shape(second) {
        return Err(Error::data(format!(
            "its grid ({}) is not that of {other} ({})",
            describe(second),
            describe(first)
        ))
        .remedy("bring both to one grid first"));
    }
    let (ours, theirs) = (first.grid(), second.grid());
    let pairs = [(&ours.lat, &theirs.lat), (&ours.lon, &theirs.lon)];
    let levels = first.levels().iter().zip(second.levels()).chain(first.level().zip(second.level()));
    for (a, b) in pairs.into_iter().filter_map(|(a, b)| a.as_ref().zip(b.as_ref())).chain(levels) {
        same_coordinate(a, b, &other)?;
    }
    if are_timeless(first, second)? {
        return Ok(());
    }
    let origin = align(first, second)?;
    if origin > 0 || second.time().len() != first.time().len() {
        let (n, m) = (second.time().len(), first.time().len());
        let date = |s: &Source, i: usize| s.time().datetime(i).date_string();
        let extra = if origin > 0 { date(second, 0) } else { date(second, m) };
        return Err(Error::data(format!("has {n} times, {other} has {m}: {extra} is not among them"))
            .remedy("choose common ones with --time"));
    }
    // Shapes of time agree from here on.
    debug_assert_eq!(a.shape(), b.shape());
    Ok(())
}

/// Refuses components that are called what the other is taken for, by their standard names.
///
/// # Errors
/// Usage, naming the component.
pub(crate) fn check_components(eastward: &Source, northward: &Source) -> Result<()> {
    for (source, is, taken) in [(eastward, "northward", "eastward"), (northward, "eastward", "northward")] {
        let called = source.variable().attributes.text("standard_name").unwrap_or_default();
        if called.starts_with(is) || called.contains(&format!("_{is}_")) {
            let text = format!("is taken for the {taken} component, and called `{called}`");
            return Err(Error::usage(text)
                .in_variable(&source.variable().name)
                .remedy("swap both components, or correct the standard_name"));
        }
    }
    Ok(())
}

/// Refuses a northward wind in other units than the eastward one.
///
/// # Errors
/// Data, naming both.
pub(crate) fn check_units(first: &Source, second: &Source) -> Result<()> {
    let units = |source| stated_units(source).map(str::trim);
    match (units(first.variable()), units(second.variable())) {
        (Some(u), Some(v)) if u != v && !(is_speed(u) && is_speed(v)) => {
            let name = &first.variable().name;
            Err(Error::data(format!("its units are `{v}`, those of `{name}` are `{u}`"))
                .remedy("bring both to the same units first"))
        }
        _ => Ok(()),
    }
}

/// Refuses a surface pressure that is not in Pa, or not on the grid and at the times of a variable with
/// levels. `otherwise` is what else the user can do about it.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_surface(first: &Source, surface: &Source, otherwise: &str) -> Result<()> {
    let name = &first.variable().name;
    let units = surface.variable().units().unwrap_or("Pa");
    if to_pascal(units) != Some(1.0) {
        return Err(
            Error::data(format!("is in `{units}`, not in Pa")).remedy(format!("convert it first{otherwise}"))
        );
    }
    let (ours, theirs) = (first.time().len(), surface.time().len());
    if !are_timeless(first, surface)? && align(first, surface)? > 0 || ours != theirs {
        return Err(Error::data(format!("has {theirs} times, `{name}` has {ours}"))
            .remedy("choose common ones with --time"));
    }
    let (ours, theirs) = (first.grid(), surface.grid());
    let differ = |a: Option<&Coordinate>, b: Option<&Coordinate>| {
        a.zip(b).is_some_and(|(a, b)| !same_places(&a.values.to_f64(), &b.values.to_f64()))
    };
    if ours.shape() != theirs.shape()
        || differ(ours.lat.as_ref(), theirs.lat.as_ref())
        || differ(ours.lon.as_ref(), theirs.lon.as_ref())
    {
        return Err(Error::data(format!("is on another grid than `{name}`"))
            .remedy(format!("regrid it first{otherwise}")));
    }
    Ok(())
}

/// Whether degrees agree, as far as single precision tells; of some grids they are missing on land.
fn same_places(a: &[f64], b: &[f64]) -> bool {
    let same = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-3 || a.is_nan() && b.is_nan();
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Whether neither of two variables has a time dimension, so that there are no steps to pair.
///
/// # Errors
/// Data, if one has.
pub(crate) fn both_static(first: &Source, second: &Source) -> Result<bool> {
    let other = &first.variable().name;
    let differ = match (first.is_static(), second.is_static()) {
        (a, b) if a == b => return Ok(a),
        (true, _) => format!("has a time dimension, `{other}` has none"),
        (false, _) => format!("has no time dimension, `{other}` has one"),
    };
    Err(Error::data(differ).remedy("name variables that both vary in time, or that both do not"))
}

/// Whether there is no time to pair: neither has a time dimension, and one of them states no moment either.
///
/// # Errors
/// Data, if one has a time dimension.
pub(crate) fn are_timeless(first: &Source, second: &Source) -> Result<bool> {
    let says_when = |s: &Source| s.time_name() != Dim::NO_TIME;
    Ok(both_static(first, second)? && !(says_when(first) && says_when(second)))
}

fn same_coordinate(a: &Coordinate, b: &Coordinate, other: &str) -> Result<()> {
    let (x, y) = (a.values.to_f64(), b.values.to_f64());
    let scale = x.iter().copied().filter(|v| v.is_finite()).fold(0.0, |s: f64, v| s.max(v.abs()));
    let differ = |(x, y): &(&f64, &f64)| (*x - *y).abs() > SAME * scale || x.is_nan() != y.is_nan();
    match x.iter().zip(&y).enumerate().find(|(_, pair)| differ(pair)) {
        None if x.len() == y.len() => Ok(()),
        found => {
            let where_ = found
                .map_or_else(String::new, |(i, (x, y))| format!(": number {i} is {y}, of {other} it is {x}"));
            Err(Error::data(format!("its {} is not that of {other}{where_}", b.variable.name))
                .remedy("bring both to one grid first"))
        }
    }
}

/// One time that stands for all, a scalar: its bounds are the ends of the first and the last, it lies in
/// the middle.
pub(crate) fn whole_time(source: &Source) -> Coordinate {
    let times = source.time_coordinate();
    let span = carry::ends(times);
    carry::times_like(times, Vec::new(), vec![carry::middle(span)], span.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::calendar::TimeUnits;

    fn axis(units: &str, calendar: &str, values: &[f64]) -> TimeAxis {
        let calendar = Calendar::parse(calendar).expect("a calendar");
        TimeAxis::new(TimeUnits::parse(units, calendar).expect("units"), values.to_vec()).expect("dates")
    }

    fn of_axes(ours: &TimeAxis, theirs: &TimeAxis) -> Result<usize> {
        align_dates((ours, &ours.datetimes()), (theirs, &theirs.datetimes()))
    }

    #[test]
    fn steps_are_counted_across_gaps() {
        let winters: Vec<DateTime> = [(2000, 12), (2001, 1), (2001, 2), (2001, 12), (2002, 1), (2002, 2)]
            .into_iter()
            .map(|(year, month)| DateTime::date(year, month, 15))
            .collect();
        assert_eq!(numbered(&winters, Calendar::Standard), Some(vec![0, 1, 2, 12, 13, 14]));
        let days = axis("days since 2000-01-01", "noleap", &[0.5, 1.5, 2.5, 5.5, 6.5]);
        assert_eq!(numbered(&days.datetimes(), days.calendar), Some(vec![0, 1, 2, 5, 6]));
        let uneven = axis("days since 2000-01-01", "noleap", &[0.5, 1.5, 2.9, 5.5]);
        assert_eq!(numbered(&uneven.datetimes(), uneven.calendar), None);
        assert_eq!(numbered(&winters[..1], Calendar::Standard), Some(vec![0]));
        // As many gaps as steps; steps that pass over months.
        let pairs: Vec<DateTime> = [(2000, 2), (2001, 1), (2001, 2), (2002, 1), (2002, 2)]
            .into_iter()
            .map(|(year, month)| DateTime::date(year, month, 15))
            .collect();
        assert_eq!(numbered(&pairs, Calendar::Standard), Some(vec![0, 11, 12, 23, 24]));
        let forty = axis("days since 2000-01-01", "standard", &[0.0, 40.0, 80.0, 120.0, 160.0, 200.0]);
        assert_eq!(numbered(&forty.datetimes(), forty.calendar), Some((0..6).collect()));
        let all = axis("days since 2000-01-01", "noleap", &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]);
        let pair = |skips| matched((&days, &days.datetimes()), (&all, &all.datetimes()), skips);
        assert_eq!(pair(true).expect("all are there"), [0, 1, 2, 5, 6]);
        assert!(pair(false).expect_err("days in between").to_string().contains("it has 2000-01-04"));
    }

    #[test]
    fn places_are_compared_in_order() {
        let lat = [-60.0, 0.0, 60.0, f64::NAN];
        assert!(same_places(&lat, &[-60.000_004, 0.0, 60.0, f64::NAN]));
        assert!(!same_places(&lat, &[60.0, 0.0, -60.0, f64::NAN]) && !same_places(&lat, &lat[..3]));
        assert!(!same_places(&lat, &[-60.0, 0.0, 60.0, 70.0]));
    }

    #[test]
    fn times_are_matched_as_dates() {
        let ours = axis("days since 2000-01-01", "standard", &[31.5, 32.5, 33.5]);
        let hours =
            axis("hours since 2000-01-30", "proleptic_gregorian", &[0.0, 24.0, 48.0, 72.0, 96.0, 120.0]);
        assert_eq!(of_axes(&ours, &hours).expect("the same days"), 2);
        let message = |there: &TimeAxis| of_axes(&ours, there).expect_err("differs").to_string();
        let other = axis("days since 2000-01-01", "noleap", &[31.5, 32.5, 33.5]);
        assert!(message(&other).contains("calendar is `noleap`"));
        let gap = axis("days since 2000-01-01", "standard", &[31.5, 33.5, 34.5]);
        assert!(message(&gap).contains("2000-02-02 (time step 1), it has 2000-02-03"), "{}", message(&gap));
        let short = axis("days since 2000-01-01", "standard", &[31.5, 32.5]);
        assert!(message(&short).contains("ends before 2000-02-03"));
        let late = axis("days since 2001-01-01", "standard", &[31.5, 32.5, 33.5]);
        assert!(message(&late).contains("no value on 2000-02-01"), "{}", message(&late));
        // Monthly: the days don't count.
        let months = axis("days since 2000-01-01", "standard", &[0.0, 31.0, 60.0, 91.0]);
        let middles = axis("days since 2000-01-01", "standard", &[45.5, 75.0]);
        assert_eq!(of_axes(&middles, &months).expect("the same months"), 1);
        // Several times a day: hours count.
        let six = axis("hours since 2000-02-01", "standard", &[0.0, 6.0, 12.0]);
        let later = axis("hours since 2000-02-01", "standard", &[3.0, 9.0, 15.0]);
        assert!(of_axes(&six, &later).is_err());
        assert_eq!(of_axes(&six, &six).expect("itself"), 0);
    }
}
