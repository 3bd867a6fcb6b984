//! A span of time as a user states it.

use super::stamp::{stamp, Stamp};
use super::{Calendar, DateTime};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A span of time, as `--time 1990-03/2010` states it.
///
/// `A/B` reaches from the start of A to the end of B, where each is a year, a month, a day, an
/// hour (`2010-03-15T12`), a minute or a second. Either may be left out (`1990/`, `/2010`); one
/// without a slash (`2010-03`) is that period. Dates are compared as they are written, so that
/// `1990-01-01/1999-12-31` means ten years in every calendar, `360_day` included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeRange {
    text: String,
    start: Option<Edge>,
    end: Option<Edge>,
}

/// Year, month, day, hour, minute, second, microsecond, as far as they are stated.
type Edge = Vec<i64>;

fn edge(text: &str) -> Result<Edge> {
    let bad = |why: &str| Error::usage(format!("time `{text}` {why}")).remedy(REMEDY);
    let Stamp { year, month, day, hour, minute, second, micros, zone } = stamp(text).map_err(bad)?;
    if zone.is_some_and(|minutes| minutes != 0) {
        return Err(bad("has a time zone; times are UTC"));
    }
    let longest = match month {
        Some(2 | 4 | 6 | 9 | 11) => 30,
        _ => 31,
    };
    if day.is_some_and(|day| day > longest) {
        return Err(bad("is a day that no calendar has"));
    }
    let fields = [month, day, hour, minute, second].map(|field| field.map(i64::from));
    let fields = fields.into_iter().chain([micros.map(i64::from)]);
    Ok(std::iter::once(year).chain(fields.map_while(|field| field)).collect())
}

const REMEDY: &str = "write A/B, A/, /B or A with ISO dates, as 1990-01/2010-12-31";

impl TimeRange {
    /// Reads `A/B`, `A/`, `/B` or `A`.
    ///
    /// # Errors
    /// Usage, if a date is malformed or the end lies before the start.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (start, end) = match text.split_once('/') {
            Some((start, end)) => (start.trim(), end.trim()),
            None if text.is_empty() => return Err(Error::usage("empty time range").remedy(REMEDY)),
            None => (text, text),
        };
        let read = |side: &str| if side.is_empty() { Ok(None) } else { edge(side).map(Some) };
        let (start, end) = (read(start)?, read(end)?);
        if let (Some(a), Some(b)) = (&start, &end) {
            let n = a.len().min(b.len());
            if a[..n] > b[..n] {
                return Err(Error::usage(format!("time range `{text}` ends before it starts"))
                    .remedy("write the earlier date first"));
            }
        }
        Ok(Self { text: text.to_owned(), start, end })
    }

    /// Whether a date of `calendar` lies inside, ends included.
    pub fn contains(&self, calendar: Calendar, at: &DateTime) -> bool {
        let year = calendar.astronomical(at.year);
        let fields = [at.month, at.day, at.hour, at.minute, at.second].map(i64::from);
        let micros = i64::from(at.microsecond);
        let at = [year, fields[0], fields[1], fields[2], fields[3], fields[4], micros];
        let compare = |edge: &Edge| {
            let first = at[0].cmp(&calendar.astronomical(edge[0]));
            first.then_with(|| at[1..edge.len()].cmp(&edge[1..]))
        };
        self.start.as_ref().is_none_or(|edge| compare(edge).is_ge())
            && self.end.as_ref().is_none_or(|edge| compare(edge).is_le())
    }
}

impl TryFrom<String> for TimeRange {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<TimeRange> for String {
    fn from(range: TimeRange) -> Self {
        range.text
    }
}

impl std::str::FromStr for TimeRange {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
