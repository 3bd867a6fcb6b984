//! What a variable is related to: a field of the same grid, or an index series.

use crate::common::Verbosity;
use crate::pairs::{self, Detail};
use halocline_algorithms::statistics::relate::Index;
use halocline_core::calendar::{Calendar, DateTime, TimeRange};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::path::Path;

/// Bytes of a text file with an index, at most.
const LONGEST: u64 = 64 << 20;

/// What a variable is related to, checked against its times and grid.
pub(crate) enum With {
    Index(Series),
    Field(Box<Source>),
}

/// An index and what it is called.
pub(crate) struct Series {
    pub(crate) index: Index,
    pub(crate) name: String,
    pub(crate) units: Option<String>,
}

/// Finds what `text` names: `FILES:VAR`, or a text file of dates and values.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn find(
    comm: &Comm,
    text: &str,
    (dataset, source): (&Dataset, &Source),
    selection: &Selection,
    verbosity: Verbosity,
) -> Result<With> {
    let named = text
        .rsplit_once(':')
        .filter(|(files, name)| !files.is_empty() && !name.is_empty() && !name.contains('/'));
    let Some((files, name)) = named else {
        let dates = pairs::dates(source)?;
        let (values, places) =
            comm.on_root(|| read_text(Path::new(text), source, &dates).map_err(|e| e.in_file(text)))?;
        let index = Index { values, places };
        let name = Path::new(text).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        return Ok(With::Index(Series { index, name, units: None }));
    };
    let other = halocline_io::open_with(comm, &[files.to_owned()], dataset.options())?;
    other.notes().iter().for_each(|note| verbosity.detail(comm, || note.clone()));
    let dims = &other.variable(name)?.variable.dims;
    let in_space: usize = dims.iter().filter(|d| d.role != Role::Time).map(|d| d.len).product();
    let blame = |e: Error| {
        if e.file.is_none() && e.kind != ErrorKind::Internal {
            e.in_file(files).in_variable(name)
        } else {
            e
        }
    };
    if in_space == 1 && source.variable().dims[1..].iter().any(|d| d.len > 1) || dims.len() == 1 {
        let all = Selection { io: selection.io, all_levels: true, ..Selection::default() };
        let series = other.source(comm, name, &all)?;
        series.needs_time()?;
        let places = pairs::places(source, &series).map_err(blame)?;
        let values =
            comm.on_root(|| Ok(series.read(&IndexBox::whole(&series.variable().shape()))?.to_f64()))?;
        let at = pairs::dates(&series)?;
        pairs::check_not_finer(source, &pairs::dates(source)?, &at, &places).map_err(blame)?;
        let index = by_steps(values, &at, places, series.time().calendar).map_err(blame)?;
        let units = series.variable().units().map(str::to_owned);
        return Ok(With::Index(Series { index, name: name.to_owned(), units }));
    }
    let field = other.source(comm, name, selection)?;
    field.needs_time()?;
    pairs::check_members(dataset, &other).map_err(blame)?;
    pairs::check_together(source, &field).map_err(blame)?;
    Ok(With::Field(Box::new(field)))
}

/// Reads lines of a date and a value; gives the values, and which of them go with the variable's times.
fn read_text(path: &Path, source: &Source, dates: &[DateTime]) -> Result<(Vec<f64>, Vec<usize>)> {
    let calendar = source.time().calendar;
    let about = std::fs::metadata(path).map_err(|e| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound { Error::data } else { Error::system };
        kind(format!("can't read the index: {e}"))
            .remedy("write --with FILE:VAR for NetCDF, or name a text file")
    })?;
    if about.len() > LONGEST {
        return Err(Error::data(format!("{} bytes are too many for an index", about.len()))
            .remedy("write --with FILE:VAR if it is NetCDF"));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::system(format!("can't read the index: {e}")))?;
    halocline_io::inputs::note(path);
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::data("is no text of dates and values").remedy("write --with FILE:VAR if it is NetCDF")
    })?;
    let mut rows = rows(text.trim_start_matches('\u{feff}'))?;
    cut_dates(&mut rows, dates);
    let goes_with = |i: usize, k: usize| rows[k].1.contains(calendar, &dates[i]);
    let places = pairs::in_order([dates.len(), rows.len()], true, goes_with);
    if let Some(date) = dates.get(places.len()) {
        let next = places.last().map_or(0, |last| last + 1);
        return Err(not_there(&rows, places.len(), date, next));
    }
    let at: Vec<DateTime> = rows.iter().map(|row| date_of(&row.0)).collect();
    pairs::check_not_finer(source, dates, &at, &places)?;
    let values: Vec<f64> = rows.into_iter().map(|row| row.2).collect();
    let index = by_steps(values, &at, places, calendar)?;
    Ok((index.values, index.places))
}

/// Says why there is no row for the date of a time step; the row that comes next is number `next`.
fn not_there(rows: &[(String, TimeRange, f64)], step: usize, date: &DateTime, next: usize) -> Error {
    let date = date.date_string();
    if step == 0 {
        let reach = rows
            .first()
            .zip(rows.last())
            .map_or_else(String::new, |(a, b)| format!("its dates reach from {} to {}; ", a.0, b.0));
        return Error::data(format!("has no value for {date}, the first date of the variable"))
            .remedy(format!("{reach}choose common times with --time"));
    }
    match rows.get(next) {
        Some(row) => Error::data(format!(
            "its dates differ from those of the variable: where that has {date} (time step {step}), it has {}",
            row.0
        ))
        .remedy("give one value for each time"),
        None => Error::data(format!("ends before {date} (time step {step} of the variable)"))
            .remedy("choose common times with --time"),
    }
}

/// The index with a value for each step of time, missing in gaps: a lag counts steps, of which there
/// are several across a gap. Where steps are uneven, lags count values, and those beyond a gap before or
/// behind the variable are missing.
fn by_steps(mut values: Vec<f64>, at: &[DateTime], places: Vec<usize>, calendar: Calendar) -> Result<Index> {
    if let Some(numbers) = pairs::numbered(at, calendar) {
        let count = numbers.last().map_or(0, |last| last + 1);
        let mut all = vec![f64::NAN; count];
        numbers.iter().zip(&values).for_each(|(&number, &value)| all[number] = value);
        let places = places.into_iter().map(|place| numbers[place]).collect();
        return Ok(Index { values: all, places });
    }
    if let Some(k) = places.windows(2).position(|pair| pair[1] != pair[0] + 1) {
        let date = |place: usize| at[place].date_string();
        return Err(Error::data(format!(
            "its dates differ from those of the variable, which has no time between {} and {}",
            date(places[k]),
            date(places[k + 1])
        ))
        .remedy("give one value for each time"));
    }
    let span = (places.first().copied().unwrap_or(0), places.len());
    leave_out_what_is_apart(&mut values, at, span, calendar);
    Ok(Index { values, places })
}

/// Takes dates as exactly as both sides need it: by month where neither has several a month, by
/// day where neither has several a day.
fn cut_dates(rows: &mut [(String, TimeRange, f64)], dates: &[DateTime]) {
    let cut = |date: &str, detail: Detail| -> String {
        let day = date.split(['T', ' ']).next().unwrap_or(date);
        match detail {
            Detail::Instant => date.to_owned(),
            Detail::Day => day.to_owned(),
            Detail::Month => {
                let mut dashes = day.match_indices('-').map(|(i, _)| i).filter(|&i| i > 0);
                dashes.nth(1).map_or(day, |end| &day[..end]).to_owned()
            }
        }
    };
    let apart =
        |detail: &Detail| rows.windows(2).all(|pair| cut(&pair[0].0, *detail) != cut(&pair[1].0, *detail));
    let own = [Detail::Month, Detail::Day].into_iter().find(apart).unwrap_or(Detail::Instant);
    let detail = own.max(Detail::of(dates));
    for row in rows {
        if let Ok(range) = TimeRange::parse(&cut(&row.0, detail)) {
            row.1 = range;
        }
    }
}

/// The start of a date as it is written.
fn date_of(text: &str) -> DateTime {
    let numbers = key(text);
    let at = |k: usize, least: i64| numbers.get(k).copied().unwrap_or(least);
    let small = |k: usize, least: i64| u8::try_from(at(k, least)).unwrap_or(0);
    DateTime::date(at(0, 1), small(1, 1), small(2, 1)).at(small(3, 0), small(4, 0), small(5, 0))
}

/// Makes those values missing that lie before and behind the times of the variable (`count` from
/// `origin` on) beyond a gap: a lag counts steps, and they are not so many steps away.
fn leave_out_what_is_apart(
    values: &mut [f64],
    at: &[DateTime],
    (origin, count): (usize, usize),
    calendar: Calendar,
) {
    let monthly = Detail::of(at) == Detail::Month;
    let number = |d: &DateTime| {
        if monthly {
            return Some(d.year as f64 * 12.0 + f64::from(d.month));
        }
        let start = calendar.instant(*at.get(origin)?).ok()?;
        Some(calendar.instant(*d).ok()?.days_since(start))
    };
    let numbers: Vec<f64> = at.iter().map(|d| number(d).unwrap_or(f64::NAN)).collect();
    let end = (origin + count).min(numbers.len());
    let mut steps: Vec<f64> = numbers[origin.min(end)..end].windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(f64::NAN);
    let neighbours = |i: usize| (numbers[i + 1] - numbers[i] - usual).abs() <= 0.01 * usual;
    if let Some(i) = (0..origin.min(end)).rev().find(|&i| !neighbours(i)) {
        values[..=i].fill(f64::NAN);
    }
    if let Some(i) = (end.max(1)..numbers.len()).find(|&i| !neighbours(i - 1)) {
        values[i..].fill(f64::NAN);
    }
}

/// The rows of a table of dates and values: as written, what times they stand for, value.
fn rows(text: &str) -> Result<Vec<(String, TimeRange, f64)>> {
    let mut rows: Vec<(String, TimeRange, f64)> = Vec::new();
    let mut begun = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |why: &str| {
            Error::data(format!("line {}: {why}", number + 1))
                .remedy("write a date and a value on each line, as in 2010-01,0.35")
        };
        let separators: &[char] = if line.contains([',', ';']) { &[',', ';'] } else { &[' ', '\t'] };
        let (date, value) = line.split_once(separators).ok_or_else(|| bad("has no second column"))?;
        let (date, value) = (date.trim().trim_matches('"'), value.trim().trim_matches('"'));
        let value = match value.to_ascii_lowercase().as_str() {
            "" | "na" | "nan" | "null" => Some(f64::NAN),
            _ => value.parse::<f64>().ok().filter(|v| v.is_finite()),
        };
        let range = if date.contains('/') { None } else { TimeRange::parse(date).ok() };
        match (range, value) {
            (Some(range), Some(value)) => {
                if let Some(before) = rows.last().filter(|before| key(&before.0) >= key(date)) {
                    return Err(bad(&format!("{date} does not come after {}", before.0)));
                }
                rows.push((date.to_owned(), range, value));
            }
            // The names of the columns.
            (None, _) if !begun => {}
            (None, _) => return Err(bad(&format!("`{date}` is no date"))),
            (_, None) => return Err(bad(&format!("no number in `{line}`"))),
        }
        begun = true;
    }
    if rows.is_empty() {
        return Err(Error::data("holds no dates and values").remedy("write one of each on each line"));
    }
    Ok(rows)
}

/// Numbers that dates are in the order of.
fn key(date: &str) -> Vec<i64> {
    let (sign, digits) = date.strip_prefix('-').map_or((1, date), |rest| (-1, rest));
    let mut numbers: Vec<i64> =
        digits.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    numbers.iter_mut().take(1).for_each(|year| *year *= sign);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_dates_and_values() {
        let read = |text: &str| {
            rows(text)
                .map(|rows| rows.into_iter().map(|(date, _, v)| format!("{date}={v}")).collect::<Vec<_>>())
        };
        let table = "# made by hand\ndate,nino34\n2010-01,0.5\n2010-02, -1e-1\n2010-03,NaN\n";
        assert_eq!(read(table).expect("a table"), ["2010-01=0.5", "2010-02=-0.1", "2010-03=NaN"]);
        assert_eq!(read("1999 1\n2000\t2").expect("a table"), ["1999=1", "2000=2"]);
        for (text, why) in [
            ("", "no dates"),
            ("2010-01", "second column"),
            ("2010-01,1\n2010-02,x", "line 2"),
            ("2010-01,1\nsoon,2", "no date"),
            ("2010-02,1\n2010-01,2", "does not come after"),
            ("2010-02,1\n2010-02,2", "does not come after"),
        ] {
            assert!(read(text).expect_err("bad").to_string().contains(why), "{text}");
        }
    }
}
