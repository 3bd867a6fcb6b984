//! Reads dates as files and users write them, whole or in part.

/// A date and time of day, as far as it is stated, in no calendar yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) year: i64,
    pub(super) month: Option<u8>,
    pub(super) day: Option<u8>,
    pub(super) hour: Option<u8>,
    pub(super) minute: Option<u8>,
    pub(super) second: Option<u8>,
    /// Fraction of the second, 0..=1000000, as it is rounded.
    pub(super) micros: Option<u32>,
    /// Minutes by which the stated clock is ahead of UTC.
    pub(super) zone: Option<i32>,
}

/// Reads all of `text`; the error says what is wrong with it, as the end of a sentence.
pub(super) fn stamp(text: &str) -> Result<Stamp, &'static str> {
    let mut s = Scanner { rest: text.trim() };
    let negative = s.take('-');
    if !negative {
        s.take('+');
    }
    let digits = s.digits();
    if digits.is_empty() {
        return Err("does not begin with a year");
    }
    // 19500101 might be the year or the date; neither is taken for granted.
    if digits.len() > if s.rest.starts_with('-') { 8 } else { 5 } {
        return Err("has too long a year (a date needs hyphens, as in 1950-01-01)");
    }
    let year: i64 = digits.parse().map_err(|_| "has no valid year")?;
    let mut out = Stamp {
        year: if negative { -year } else { year },
        month: None,
        day: None,
        hour: None,
        minute: None,
        second: None,
        micros: None,
        zone: None,
    };
    if s.take('-') {
        out.month = Some(s.field(1, 12).ok_or("has a month that is not 1 to 12")?);
        if s.take('-') {
            out.day = Some(s.field(1, 31).ok_or("has a day that is not 1 to 31")?);
        }
    }
    if out.day.is_some() && s.separator() {
        s.clock(&mut out)?;
    }
    if s.rest.trim().is_empty() {
        Ok(out)
    } else {
        Err("has something behind it that is no part of a date")
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn take(&mut self, c: char) -> bool {
        self.rest.strip_prefix(c).map(|rest| self.rest = rest).is_some()
    }
    fn digits(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }
    /// One or two digits with a value in `low..=high`.
    fn field(&mut self, low: u8, high: u8) -> Option<u8> {
        let digits = self.digits();
        let value = if digits.len() <= 2 { digits.parse().ok()? } else { return None };
        (low..=high).contains(&value).then_some(value)
    }
    /// What stands between a date and its clock; false if nothing follows.
    fn separator(&mut self) -> bool {
        let before = self.rest.len();
        if !(self.take('T') || self.take('t') || self.take('_')) {
            self.rest = self.rest.trim_start();
        }
        self.rest.len() < before && !self.rest.is_empty()
    }
    fn clock(&mut self, out: &mut Stamp) -> Result<(), &'static str> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            out.hour = Some(self.field(0, 23).ok_or("has an hour that is not 0 to 23")?);
            if self.take(':') {
                out.minute = Some(self.field(0, 59).ok_or("has a minute that is not 0 to 59")?);
                if self.take(':') {
                    out.second = Some(self.field(0, 59).ok_or("has a second that is not 0 to 59")?);
                    if self.take('.') {
                        out.micros = Some(micros(self.digits()));
                    }
                }
            }
        }
        self.rest = self.rest.trim();
        self.zone(out)
    }
    fn zone(&mut self, out: &mut Stamp) -> Result<(), &'static str> {
        const BAD: &str = "has a time zone that is none of Z, UTC, +hh:mm, +hhmm, +h";
        if ["z", "utc", "gmt"].iter().any(|name| self.rest.eq_ignore_ascii_case(name)) {
            self.rest = "";
            out.zone = Some(0);
            return Ok(());
        }
        let west = self.rest.starts_with('-');
        // Behind a bare date `-5` might be anything; behind a clock it is a zone.
        if out.hour.is_none() || !(west || self.rest.starts_with('+')) {
            return Ok(());
        }
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let number: i32 = digits.parse().map_err(|_| BAD)?;
        let (hours, minutes) = match digits.len() {
            1 | 2 if self.take(':') => (number, i32::from(self.field(0, 59).ok_or(BAD)?)),
            1 | 2 => (number, 0),
            3 | 4 => (number / 100, number % 100),
            _ => return Err(BAD),
        };
        if hours > 23 || minutes > 59 {
            return Err(BAD);
        }
        let ahead = hours * 60 + minutes;
        out.zone = Some(if west { -ahead } else { ahead });
        Ok(())
    }
}

/// The digits behind a decimal point as microseconds, rounded.
fn micros(digits: &str) -> u32 {
    let seven = digits.bytes().chain(std::iter::repeat(b'0')).take(7);
    (seven.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')) + 5) / 10
}
