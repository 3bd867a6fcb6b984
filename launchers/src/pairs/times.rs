//! Which times of two data sets go together.

use halocline_core::calendar::{Calendar, DateTime, TimeAxis};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::collections::HashSet;

/// Where the times of `wanted` begin among those of `there`, which must hold all of them, one
/// after the other: compared as dates, with the time of day where either has several a day, and by
/// year and month where neither has several a month.
///
/// # Errors
/// Data: the calendars differ, or there is no such date; names the first.
pub(crate) fn align(wanted: &Source, there: &Source) -> Result<usize> {
    Ok(pair(wanted, there, false)?.first().copied().unwrap_or(0))
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

/// What to do about times that nothing tells the meaning of.
const TELL: &str = "move the times without bounds into what they stand for, as with `cdo shifttime,-1hour` if they are dated to its end, `cdo shifttime,1hour` if to its start";

/// Of each time of `wanted` its place among those of `there`; with `skips`, there may be others in between.
/// They are compared in the middle of their bounds, as one may date the mean of a month to its end and the
/// other to its middle; one without bounds lies between the bounds of the other. But a tool may have dropped
/// bounds: times without them are those that the other states in the same way, if the axes are the same or
/// only this fits.
///
/// # Errors
/// Data: as [`matched`], or both fit and mean different times.
fn pair(wanted: &Source, there: &Source, skips: bool) -> Result<Vec<usize>> {
    let with =
        |[ours, theirs]: [&[DateTime]; 2]| matched((wanted.time(), ours), (there.time(), theirs), skips);
    let middles = [dates(wanted)?, dates(there)?];
    let by_middles = with([&middles[0], &middles[1]]);
    if [true, false].into_iter().any(|known| are_bounds(wanted, known) && are_bounds(there, known)) {
        return by_middles;
    }
    let stated = [wanted, there].map(|source| source.time().datetimes());
    if !same_calendar(wanted.time(), there.time(), &stated[0], &stated[1]) {
        return by_middles;
    }
    let by_bounds = by_middles.or_else(|e| {
        between((wanted, &stated[0]), (there, &stated[1]), skips)
            .ok_or_else(|| e.remedy(format!("choose common times with --time; if they are common, {TELL}")))
    });
    let known: HashSet<&DateTime> = stated[1].iter().collect();
    let common = stated[0].iter().filter(|date| known.contains(date)).count();
    // Of chosen times, those at the ends may be left out where they are told in another way.
    let chosen = wanted.has_chosen_times() && there.has_chosen_times();
    if common == 0 || common < stated[0].len() && !chosen {
        return by_bounds;
    }
    match (with([&stated[0], &stated[1]]), by_bounds) {
        (Err(_), Err(e)) => Err(e),
        (Err(_), Ok(places)) if !chosen => Ok(places),
        (Ok(places), Err(_)) => Ok(places),
        (Ok(places), Ok(others)) if places == others || stated[0] == stated[1] => Ok(places),
        _ => {
            let detail = Detail::of(&middles[0]).max(Detail::of(&middles[1]));
            let side = usize::from(wanted.interval(0).is_none());
            let of = |all: &[Vec<DateTime>; 2]| all[side].first().copied().unwrap_or(DateTime::date(1, 1, 1));
            Err(Error::data(format!(
                "the times of only one input have bounds; by these {} stands for {}, and nothing tells what such dates stand for in the other",
                of(&stated),
                detail.text(&of(&middles)),
            ))
            .remedy(TELL))
        }
    }
}

/// As [`pair`], of dates as they are stated on the side that has no bounds, from the start of the other's
/// bounds on and before their end; none if both sides have some, or a time has none.
fn between(
    (wanted, ours): (&Source, &[DateTime]),
    (there, theirs): (&Source, &[DateTime]),
    skips: bool,
) -> Option<Vec<usize>> {
    let there_is_bare = are_bounds(there, false);
    if are_bounds(wanted, false) == there_is_bare {
        return None;
    }
    let ends = |source: &Source, step: usize| {
        let units = &source.time().units;
        let [start, end] = source.interval(step)?.map(|value| units.decode(value).ok());
        Some([start?, end?].map(|at| source.time().calendar.datetime(at)))
    };
    let holds = |i: usize, k: usize| {
        let (ends, date) =
            if there_is_bare { (ends(wanted, i), &theirs[k]) } else { (ends(there, k), &ours[i]) };
        ends.is_some_and(|[start, end]| start <= *date && *date < end)
    };
    let places = in_order([ours.len(), theirs.len()], skips, holds);
    (places.len() == ours.len()).then_some(places)
}

/// Whether bounds of all times are known, or of none.
fn are_bounds(source: &Source, known: bool) -> bool {
    (0..source.time().len()).all(|step| source.interval(step).is_some() == known)
}

/// Of each of so many things its place among so many others, behind that of the one before: right behind it,
/// unless it `skips` some. Ends before the first that has none.
pub(crate) fn in_order(
    [ours, theirs]: [usize; 2],
    skips: bool,
    goes_with: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::with_capacity(ours);
    for i in 0..ours {
        let next = places.last().map_or(0, |last| last + 1);
        let far = if skips || i == 0 { theirs } else { (next + 1).min(theirs) };
        let Some(place) = (next..far).find(|&k| goes_with(i, k)) else { break };
        places.push(place);
    }
    places
}

/// Of each time of `wanted`, its place among those of `there`: as [`align`] compares them, but there may
/// be others in between.
///
/// # Errors
/// As [`align`].
pub(crate) fn places(wanted: &Source, there: &Source) -> Result<Vec<usize>> {
    pair(wanted, there, true)
}

/// Refuses a finer series, of which some times in between go with no time of the variable: no single one
/// of the days of a month is what goes with the mean of the month. Those that lie in gaps of the variable
/// do no harm. `at` are the dates of the series, of which `places` go with the variable's `dates`.
///
/// # Errors
/// Data, naming the first time.
pub(crate) fn check_not_finer(
    source: &Source,
    dates: &[DateTime],
    at: &[DateTime],
    places: &[usize],
) -> Result<()> {
    let TimeAxis { calendar, units, .. } = source.time();
    let methods = source.variable().attributes.text("cell_methods").unwrap_or_default();
    if methods.contains("time: point") || are_bounds(source, false) && Detail::of(dates) == Detail::Instant {
        return Ok(());
    }
    let numbers = numbered(dates, *calendar);
    let value = |date: &DateTime| calendar.instant(*date).map_or(f64::NAN, |at| units.encode(at));
    // Whether no time of the series beside the pair's lies within what the variable's two stand for.
    let is_apart = |k: usize, pair: &[usize]| {
        let (Some([start, end]), Some([next, _])) = (source.interval(k), source.interval(k + 1)) else {
            return false;
        };
        let slack = TimeAxis::SLACK * (end - start);
        value(&at[pair[0] + 1]) >= end - slack && value(&at[pair[1] - 1]) <= next + slack
    };
    for (k, pair) in places.windows(2).enumerate() {
        let passed = pair[1] - pair[0];
        let steps = numbers.as_ref().map_or(1, |numbers| numbers[k + 1] - numbers[k]);
        if passed <= steps || is_apart(k, pair) {
            continue;
        }
        return Err(Error::data(format!(
            "has {passed} times from {} on until the next of the variable, {}, which is one step later",
            dates[k].date_string(),
            dates[k + 1].date_string()
        ))
        .remedy("make of the index one value for each time of the variable first: its mean over the same time, as with `halocline stats --by month`, or what it is at the same times"));
    }
    Ok(())
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
    let places = in_order([ours.len(), theirs.len()], skips, |i, k| same(&ours[i], &theirs[k]));
    let i = places.len();
    let Some(date) = ours.get(i) else { return Ok(places) };
    let Some(last) = places.last() else {
        let reach = match (theirs.first(), theirs.last()) {
            (Some(a), Some(b)) => format!("its times reach from {} to {}", text(a), text(b)),
            _ => "it has no times".to_owned(),
        };
        let none = format!("has no value on {}, the first date of the variable", text(date));
        return Err(Error::data(none).remedy(format!("{reach}; choose common ones with --time")));
    };
    Err(match theirs.get(last + 1) {
        Some(other) => Error::data(format!(
            "its times differ from those of the variable: where that has {} (time step {i}), it has {}",
            text(date),
            text(other)
        ))
        .remedy("bring both to the same dates"),
        None => Error::data(format!("ends before {} (time step {i} of the variable)", text(date)))
            .remedy("choose common times with --time"),
    })
}

/// The number of each date, counted from the first in steps of the usual length, in days or in months:
/// more than one further than the one before behind a gap. None where steps are uneven in another way,
/// or a gap is so long that it means nothing.
pub(crate) fn numbered(dates: &[DateTime], calendar: Calendar) -> Option<Vec<usize>> {
    let first = calendar.instant(*dates.first()?).ok()?;
    let day = |d: &DateTime| Some(calendar.instant(*d).ok()?.days_since(first));
    let days: Vec<f64> = dates.iter().map(day).collect::<Option<_>>()?;
    let months = || dates.iter().map(|d| d.year as f64 * 12.0 + f64::from(d.month)).collect::<Vec<_>>();
    let detail = Detail::of(dates);
    let by_month = || (detail == Detail::Month).then(months);
    // At whatever time of each day.
    let by_day = || (detail != Detail::Instant).then(|| whole_days(dates, calendar)).flatten();
    in_steps(&days).or_else(|| in_steps(&by_month()?)).or_else(|| in_steps(&by_day()?))
}

/// The days since the first, without the time of day.
fn whole_days(dates: &[DateTime], calendar: Calendar) -> Option<Vec<f64>> {
    let start = |d: &DateTime| calendar.instant(DateTime::date(d.year, d.month, d.day)).ok();
    let first = start(dates.first()?)?;
    dates.iter().map(|d| Some(start(d)?.days_since(first))).collect()
}

/// How many steps of the usual length lie before each; none if some are no whole number of them.
fn in_steps(numbers: &[f64]) -> Option<Vec<usize>> {
    let steps: Vec<f64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    // Where gaps are more common than steps, the shortest is a step.
    let usual = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(1.0);
    counted(&steps, usual).or_else(|| counted(&steps, *sorted.first()?))
}

/// How many steps of the `usual` length lie before each.
fn counted(steps: &[f64], usual: f64) -> Option<Vec<usize>> {
    /// Steps that are counted, at most.
    const MOST: f64 = 1e7;
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

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::calendar::TimeUnits;

    fn axis(units: &str, calendar: &str, values: &[f64]) -> TimeAxis {
        let calendar = Calendar::parse(calendar).expect("a calendar");
        TimeAxis::new(TimeUnits::parse(units, calendar).expect("units"), values.to_vec()).expect("dates")
    }

    fn of_axes(ours: &TimeAxis, theirs: &TimeAxis) -> Result<usize> {
        let places = matched((ours, &ours.datetimes()), (theirs, &theirs.datetimes()), false)?;
        Ok(places.first().copied().unwrap_or(0))
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
        let overpass = axis("days since 2000-01-01", "noleap", &[0.5, 1.48, 2.53, 5.44, 6.5]);
        assert_eq!(numbered(&overpass.datetimes(), overpass.calendar), Some(vec![0, 1, 2, 5, 6]));
        let uneven = axis("days since 2000-01-01", "noleap", &[0.5, 2.5, 4.9, 9.5]);
        assert_eq!(numbered(&uneven.datetimes(), uneven.calendar), None);
        assert_eq!(numbered(&winters[..1], Calendar::Standard), Some(vec![0]));
        // As many gaps as steps; steps that pass over months.
        let pairs: Vec<DateTime> = [(2000, 2), (2001, 1), (2001, 2), (2002, 1), (2002, 2)]
            .into_iter()
            .map(|(year, month)| DateTime::date(year, month, 15))
            .collect();
        assert_eq!(numbered(&pairs, Calendar::Standard), Some(vec![0, 11, 12, 23, 24]));
        let more: Vec<DateTime> = pairs.iter().copied().chain([DateTime::date(2003, 1, 15)]).collect();
        assert_eq!(numbered(&more, Calendar::Standard), Some(vec![0, 11, 12, 23, 24, 35]));
        let forty = axis("days since 2000-01-01", "standard", &[0.0, 40.0, 80.0, 120.0, 160.0, 200.0]);
        assert_eq!(numbered(&forty.datetimes(), forty.calendar), Some((0..6).collect()));
        let all = axis("days since 2000-01-01", "noleap", &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]);
        let pair = |skips| matched((&days, &days.datetimes()), (&all, &all.datetimes()), skips);
        assert_eq!(pair(true).expect("all are there"), [0, 1, 2, 5, 6]);
        assert!(pair(false).expect_err("days in between").to_string().contains("it has 2000-01-04"));
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
