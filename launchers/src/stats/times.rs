//! Times in groups, and the time axis of the results.

use super::options::{By, Per};
use super::StatsArgs;
use crate::carry;
use halocline_algorithms::statistics::Groups;
use halocline_core::calendar::{Calendar, Instant, Periods, TimeAxis};
use halocline_core::meta::{Coordinate, Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// The groups of a source's times, and the time coordinate that results have.
pub(super) struct Times {
    pub(super) groups: Groups,
    pub(super) coordinate: Coordinate,
    /// What is to be said of groups that are not whole.
    pub(super) note: Option<String>,
}

impl Times {
    pub(super) fn new(args: &StatsArgs, source: &Source, reduced: bool) -> Result<Self> {
        let steps = source.time().len();
        if steps >= Groups::NONE as usize {
            return Err(Error::data(format!("{steps} times are too many")));
        }
        let groups = |groups, coordinate| Ok(Self { groups, coordinate, note: None });
        match args.by.period() {
            None if reduced => groups(Groups::all(steps), whole(source)),
            None => groups(Groups::each(steps), source.time_coordinate().clone()),
            Some(_) if !reduced => Err(Error::usage("--by groups times, which are not reduced")
                .remedy("add time to --over, or leave --by out")),
            Some(period) => {
                let bounds = source.known_bounds().filter(|_| args.convention.uses_bounds());
                let periods = source.time().periods(period, bounds)?;
                let coordinate = of_periods(source, &periods);
                let note = incomplete(source.time(), &periods, args.by);
                let groups = Groups::new(periods.of, periods.bounds.len() as u32)?;
                Ok(Self { groups, coordinate, note })
            }
        }
    }
}

/// One time that stands for all: its bounds are the ends of the first and the last, it lies in
/// the middle.
fn whole(source: &Source) -> Coordinate {
    between(source.time_coordinate(), &[source.span()])
}

/// A time in the middle of each period.
fn of_periods(source: &Source, periods: &Periods) -> Coordinate {
    let units = &source.time().units;
    let bounds: Vec<[f64; 2]> = periods.bounds.iter().map(|b| b.map(|at| units.encode(at))).collect();
    between(source.time_coordinate(), &bounds)
}

/// The time coordinate with these bounds.
fn between(times: &Coordinate, bounds: &[[f64; 2]]) -> Coordinate {
    let dim = Dim::new(times.variable.dims[0].name.clone(), bounds.len(), Role::Time);
    let middles = bounds.iter().copied().map(carry::middle).collect();
    carry::times_like(times, vec![dim], middles, bounds.concat())
}

/// Tells which periods have fewer times than their length suggests.
fn incomplete(axis: &TimeAxis, periods: &Periods, by: By) -> Option<String> {
    let instants = axis.instants();
    let mut steps: Vec<f64> = instants.windows(2).map(|w| w[1].days_since(w[0])).collect();
    steps.sort_by(f64::total_cmp);
    // The usual step.
    let step = steps.get(steps.len() / 2).copied().filter(|s| *s > 0.0)?;
    let mut counts = vec![0usize; periods.bounds.len()];
    periods.of.iter().for_each(|&p| counts[p as usize] += 1);
    let expected = |b: &[Instant; 2]| (b[1].days_since(b[0]) / step).round().max(1.0) as usize;
    let short: Vec<usize> = (0..counts.len()).filter(|&p| counts[p] < expected(&periods.bounds[p])).collect();
    let first = *short.first()?;
    let name = super::options::word(&by);
    let from = axis.calendar.datetime(periods.bounds[first][0]).date_string();
    let (has, of) = (counts[first], expected(&periods.bounds[first]));
    Some(match short.len() {
        1 => format!("note: the {name} from {from} is incomplete: {has} of {of} times"),
        n => format!("note: {n} {name}s are incomplete, the first from {from} with {has} of {of} times"),
    })
}

/// How long each time lasts, in days: from the bounds of times, else from the lengths of months
/// or years, else alike (empty) where steps are.
pub(super) fn lengths(source: &Source) -> Result<Vec<f64>> {
    let axis = source.time();
    if let Some(bounds) = &source.time_coordinate().bounds {
        let values = bounds.values.to_f64();
        let days: Result<Vec<f64>> = values
            .chunks_exact(2)
            // Whichever is first.
            .map(|b| Ok(axis.units.decode(b[1])?.days_since(axis.units.decode(b[0])?).abs()))
            .collect();
        let days = days.map_err(|e| e.in_variable(&bounds.variable.name))?;
        if let Some(i) = days.iter().position(|d| *d <= 0.0) {
            return Err(Error::data(format!("the bounds of time step {i} (counted from 0) have no length"))
                .in_variable(&bounds.variable.name)
                .remedy("correct the bounds, or use --weights none"));
        }
        return Ok(days);
    }
    let period = match axis.step_text().as_str() {
        "monthly" => halocline_core::calendar::Period::Month,
        "yearly" => halocline_core::calendar::Period::Year,
        "single" | "irregular" => {
            return Err(Error::data("the times have no bounds and no regular step to tell their lengths")
                .in_variable(source.time_name())
                .remedy("add bounds to the time coordinate, or use --weights none"))
        }
        text if text.ends_with("monthly") || text.ends_with("yearly") => {
            return Err(Error::data(format!("the times have no bounds, and {text} steps have no one length"))
                .in_variable(source.time_name())
                .remedy("add bounds to the time coordinate, or use --weights none"))
        }
        _ => return Ok(Vec::new()),
    };
    let length = |at: Instant| {
        let [start, end] = axis.calendar.period(period, at);
        end.days_since(start)
    };
    Ok(axis.instants().into_iter().map(length).collect())
}

/// The regressor of a trend: 0 at the first time.
pub(super) fn regressor(source: &Source, per: Per) -> Vec<f64> {
    let axis = source.time();
    let instants = axis.instants();
    let days = |length: f64| instants.iter().map(|at| at.days_since(instants[0]) / length).collect();
    let year = year_length(axis.calendar);
    match per {
        Per::Unit => axis.values.iter().map(|v| v - axis.values[0]).collect(),
        Per::Step => (0..axis.len()).map(|i| i as f64).collect(),
        Per::Hour => days(1.0 / 24.0),
        Per::Day => days(1.0),
        Per::Year => days(year),
        Per::Decade => days(10.0 * year),
        Per::Century => days(100.0 * year),
    }
}

/// Days of a mean year of the calendar.
fn year_length(calendar: Calendar) -> f64 {
    match calendar {
        Calendar::Standard | Calendar::ProlepticGregorian => 365.2425,
        Calendar::Julian => 365.25,
        Calendar::NoLeap => 365.0,
        Calendar::AllLeap => 366.0,
        Calendar::Day360 => 360.0,
    }
}
