//! Job arrays: which indices, and where the command line wants them.

use crate::common::quoted;
use halocline_core::{Error, Result};
use std::fmt::Write as _;

/// Elements of an array, at most: more is a slip of the pen.
const MOST: usize = 100_000;

/// The indices of an array, as in `1-10`, `1-9:2`, `1,4,7`, `1-100%8` (8 at a time).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    /// As it was written.
    pub(super) text: String,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) count: usize,
    /// Whether it is more than one range.
    pub(super) is_list: bool,
}

/// Reads the indices.
pub(super) fn parse(text: &str) -> std::result::Result<Array, String> {
    let wrong = || format!("`{text}` is no range of indices; write 1-10, 1-9:2 or 1-100%8");
    let (ranges, limit) = text.split_once('%').map_or((text, None), |(ranges, limit)| (ranges, Some(limit)));
    let number = |text: &str| {
        let plain = !text.is_empty() && text.len() < 10 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    if limit.is_some_and(|limit| number(limit).is_none_or(|n| n == 0)) {
        return Err(wrong());
    }
    let mut array = Array {
        text: text.to_owned(),
        first: u32::MAX,
        last: 0,
        count: 0,
        is_list: ranges.contains(',') || !ranges.contains('-'),
    };
    for range in ranges.split(',') {
        let (range, step) = match range.split_once(':') {
            Some((range, step)) => (range, number(step).filter(|step| *step > 0).ok_or_else(wrong)?),
            None => (range, 1),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
        if last < first {
            return Err(wrong());
        }
        array.first = array.first.min(first);
        array.last = array.last.max(last - (last - first) % step);
        array.count += ((last - first) / step + 1) as usize;
        if array.count > MOST {
            return Err(format!("`{text}` is more than {MOST} jobs"));
        }
    }
    Ok(array)
}

/// A place for the index in a word: `{index}`, or `{index:04}` with zeros in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Bytes of the word.
    start: usize,
    end: usize,
    width: usize,
}

fn places(word: &str) -> Result<Vec<Place>> {
    let mut all = Vec::new();
    for (start, opening) in word.match_indices("{index") {
        let rest = &word[start + opening.len()..];
        let end = rest.find('}').map(|end| start + opening.len() + end + 1);
        let width = |text: &str| text.strip_prefix(":0")?.parse().ok().filter(|w| (1..=9).contains(w));
        let place = end.and_then(|end| match &word[start + opening.len()..end - 1] {
            "" => Some(Place { start, end, width: 0 }),
            format => Some(Place { start, end, width: width(format)? }),
        });
        all.push(place.ok_or_else(|| {
            Error::usage(format!("`{word}` has no index in its braces"))
                .remedy("write {index}, or {index:04} for zeros in front")
        })?);
    }
    Ok(all)
}

/// Whether any of the words wants the index.
pub(super) fn is_wanted(words: &[String]) -> Result<bool> {
    words.iter().try_fold(false, |found, word| Ok(found | !places(word)?.is_empty()))
}

/// The words of one element.
pub(super) fn of_element(words: &[String], index: u32) -> Result<Vec<String>> {
    let one = |word: &String| {
        let (mut out, mut at) = (String::new(), 0);
        for Place { start, end, width } in places(word)? {
            let _ = write!(out, "{}{index:0width$}", &word[at..start]);
            at = end;
        }
        Ok(out + &word[at..])
    };
    words.iter().map(one).collect()
}

/// A word for the shell, in which the index comes from `$INDEX`.
pub(super) fn for_shell(word: &str) -> Result<String> {
    let places = places(word)?;
    if places.is_empty() {
        return Ok(quoted(word));
    }
    let (mut out, mut at) = (String::new(), 0);
    for Place { start, end, width } in places {
        if start > at {
            out += &quoted(&word[at..start]);
        }
        let _ = match width {
            0 => write!(out, "\"$INDEX\""),
            width => write!(out, "\"$(printf %0{width}d \"$INDEX\")\""),
        };
        at = end;
    }
    if at < word.len() {
        out += &quoted(&word[at..]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counted() {
        let of = |text: &str| parse(text).map(|a| (a.first, a.last, a.count, a.is_list));
        assert_eq!(of("1-10"), Ok((1, 10, 10, false)));
        assert_eq!(of("1-10:4%2"), Ok((1, 9, 3, false)));
        assert_eq!(of("0,4,7-8"), Ok((0, 8, 4, true)));
        assert_eq!(of("5"), Ok((5, 5, 1, true)));
        for text in ["", "a", "1-", "-3", "3-1", "1-3:0", "1-3%", "1-3%0", "1--3", "1-999999999", "1-3;rm"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn indices_go_where_they_are_wanted() {
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(is_wanted(&words(&["stats", "a b.nc"])), Ok(false));
        let wanted = words(&["stats", "t_{index}.nc", "o/{index:03} $x_{index}"]);
        assert_eq!(is_wanted(&wanted), Ok(true));
        assert_eq!(of_element(&wanted, 7), Ok(words(&["stats", "t_7.nc", "o/007 $x_7"])));
        assert_eq!(for_shell("t_{index}.nc").as_deref(), Ok("t_\"$INDEX\".nc"));
        assert_eq!(for_shell("{index:03} $x").as_deref(), Ok("\"$(printf %03d \"$INDEX\")\"' $x'"));
        assert_eq!(for_shell("it's").as_deref(), Ok("'it'\\''s'"));
        for word in ["{index", "{index:3}", "{index:0x}"] {
            assert_eq!(for_shell(word).expect_err(word).exit_code(), 2);
        }
    }
}
