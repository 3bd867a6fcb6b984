//! Numbers of modes, as `--modes` takes them.

use halocline_core::{Error, Result};

/// Ranges that a user can want at once.
const MOST: i64 = 1 << 20;

/// Modes by their numbers, each once, in rising order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModeList(Vec<i64>);

impl ModeList {
    /// Parses `3`, `1..5`, `1,3` and `1..3,7`.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let number = |word: &str| {
            let n = word.trim().parse::<i64>().ok().filter(|n| (1..=MOST).contains(n));
            n.ok_or_else(|| format!("`{word}` is no number of a mode; write them as in 1..5 or 1,3"))
        };
        let mut all = Vec::new();
        for part in text.split(',') {
            match part.split_once("..") {
                None => all.push(number(part)?),
                Some((a, b)) => {
                    let (a, b) = (number(a)?, number(b)?);
                    if a > b {
                        return Err(format!("in `{part}` the first mode is behind the last"));
                    }
                    all.extend(a..=b);
                }
            }
            if all.len() as i64 > MOST {
                return Err(format!("more than {MOST} modes"));
            }
        }
        all.sort_unstable();
        match all.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(Self(all)),
            Some(pair) => Err(format!("mode {} is there twice", pair[0])),
        }
    }

    /// Where they are among these numbers.
    ///
    /// # Errors
    /// Usage, if one is not.
    pub(crate) fn pick(&self, numbers: &[i64]) -> Result<Vec<usize>> {
        let place = |wanted: &i64| {
            numbers.iter().position(|n| n == wanted).ok_or_else(|| {
                let there = match numbers {
                    [one] => format!("there is mode {one} only"),
                    [first, .., last] => format!("there are {} modes from {first} to {last}", numbers.len()),
                    [] => "there are none".to_owned(),
                };
                Error::usage(format!("--modes: there is no mode {wanted}")).remedy(there)
            })
        };
        self.0.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        let of = |text| ModeList::parse(text).expect(text).0;
        assert_eq!(of("3"), [3]);
        assert_eq!(of("1..4"), [1, 2, 3, 4]);
        assert_eq!(of("5,1..2"), [1, 2, 5]);
        for text in ["", "0", "a", "-1", "2..1", "1,1", "1..3,2", "1..99999999999", "1...3"] {
            assert!(ModeList::parse(text).is_err(), "{text}");
        }
        let list = ModeList::parse("2,4").expect("a list");
        assert_eq!(list.pick(&[1, 2, 4]).expect("are there"), [1, 2]);
        assert!(list.pick(&[1, 2, 3]).expect_err("no 4").to_string().contains("from 1 to 3"));
    }
}
