//! The time axis of a climatology, as CF 7.4 describes it.

use halocline_core::calendar::{Cycle, DateTime, Instant, TimeUnits};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};

/// Times of the parts, in a year that has all of them; what they span of the base period; and
/// what users call them.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Times in a typical year.
    pub time: Coordinate,
    /// What each part spans of the base period.
    pub bounds: Coordinate,
    /// Names or numbers of the parts.
    pub label: Coordinate,
}

/// The axis of a climatology of times at `dates`, whose coordinate is described by `template`.
///
/// # Errors
/// Usage, if there is no date; data, if the calendar does not reach as far.
pub fn axis(cycle: Cycle, units: &TimeUnits, dates: &[DateTime], template: &Variable) -> Result<Axis> {
    let calendar = units.calendar();
    let count = cycle.len(calendar);
    let first = dates.first().ok_or_else(|| Error::usage("no times are selected"))?;
    let mut spans: Vec<Option<[Instant; 2]>> = vec![None; count];
    for at in dates {
        let Some(part) = cycle.part(calendar, at) else { continue };
        let [start, end] = cycle.occurrence(calendar, at)?;
        spans[part] = Some(spans[part].map_or([start, end], |[from, to]| [from.min(start), to.max(end)]));
    }
    let typical = typical(cycle, units, first)?;
    let mut times = Vec::with_capacity(count);
    let mut limits = Vec::with_capacity(2 * count);
    for (own, span) in typical.iter().zip(spans) {
        let [start, end] = own.map(|at| units.encode(at));
        times.push(start + 0.5 * (end - start));
        limits.extend(span.unwrap_or(*own).map(|at| units.encode(at)));
    }
    let dim = Dim::new(template.dims[0].name.clone(), count, Role::Time);
    let mut attributes = template.attributes.clone();
    attributes.remove("bounds");
    attributes.set("climatology", "climatology_bounds");
    let variable = |name: &str, dims: Vec<Dim>, dtype: DType, attributes: Attributes| Variable {
        name: name.to_owned(),
        dims,
        dtype,
        attributes,
    };
    let time = Coordinate {
        variable: variable(&template.name, vec![dim.clone()], DType::F64, attributes),
        values: Values::F64(times),
        bounds: None,
    };
    let both = vec![dim.clone(), Dim::new("bnds", 2, Role::Other)];
    let bounds = Coordinate {
        variable: variable("climatology_bounds", both, DType::F64, Attributes::new()),
        values: Values::F64(limits),
        bounds: None,
    };
    let (long_name, values) = match cycle {
        Cycle::Month => ("month of the year", Values::I32((1..=12).collect())),
        Cycle::Season => ("season", Values::Text(["DJF", "MAM", "JJA", "SON"].map(str::to_owned).to_vec())),
        Cycle::DayOfYear(_) => {
            ("day of the year, by month and day", Values::I32((1..=count as i32).collect()))
        }
        Cycle::Hour => ("hour of the day", Values::I32((0..24).collect())),
    };
    let dtype = values.dtype();
    let about = Attributes::new().with("long_name", long_name);
    let label =
        Coordinate { variable: variable(cycle.name(), vec![dim], dtype, about), values, bounds: None };
    Ok(Axis { time, bounds, label })
}

/// Start and end of each part in a typical year: the first one, or the next that has them all.
fn typical(cycle: Cycle, units: &TimeUnits, first: &DateTime) -> Result<Vec<[Instant; 2]>> {
    let calendar = units.calendar();
    // Leap years are at most eight years apart.
    for year in (first.year..first.year + 10).filter(|&year| year != 0) {
        let mut found: Vec<Option<[Instant; 2]>> = vec![None; cycle.len(calendar)];
        for month in 1..=12 {
            for day in 1..=calendar.days_in_month(year, month) {
                let hours = if cycle == Cycle::Hour { 0..24 } else { 0..1 };
                for at in hours.map(|hour| DateTime::date(year, month, day).at(hour, 0, 0)) {
                    // The days that October 1582 does not have are no dates.
                    let Some(part) = cycle.part(calendar, &at) else { continue };
                    if found[part].is_none() {
                        found[part] = cycle.occurrence(calendar, &at).ok();
                    }
                }
            }
            if cycle == Cycle::Hour {
                break;
            }
        }
        if let Some(all) = found.into_iter().collect::<Option<Vec<_>>>() {
            return Ok(all);
        }
    }
    Err(Error::internal("no year has all parts of the cycle"))
}
