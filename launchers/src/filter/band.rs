//! Bands as users write them: periods with units, or cycles per day.

use halocline_algorithms::filter::Band;
use halocline_core::calendar::Calendar;
use halocline_core::{Error, Result};

/// A length of time, in days or in years of the calendar.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Length {
    Days(f64),
    Years(f64),
}

impl Length {
    fn days(self, calendar: Calendar) -> f64 {
        match self {
            Self::Days(days) => days,
            Self::Years(years) => years * calendar.mean_year(),
        }
    }
}

/// What passes, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    text: String,
    ends: Ends,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    /// From the shortest to the longest period.
    Periods([Option<Length>; 2]),
    /// Cycles per day.
    Frequencies([Option<f64>; 2]),
}

pub(super) fn parse(text: &str) -> std::result::Result<Asked, String> {
    let wrong = || {
        format!("`{text}` is no band; write two periods (20d,100d or 2y,7y), two frequencies in cycles per day (0.01,0.05), or leave one end out (10d, for all longer periods)")
    };
    let (low, high) = text.split_once(',').ok_or_else(wrong)?;
    let words = [low.trim(), high.trim()];
    let mut ends = [None; 2];
    for (end, word) in ends.iter_mut().zip(words) {
        if !word.is_empty() {
            *end = Some(number(word).ok_or_else(wrong)?);
        }
    }
    let units: Vec<&str> = ends.iter().flatten().map(|(_, unit)| *unit).collect();
    let ends = match units.as_slice() {
        [] => return Err(wrong()),
        units if units.iter().all(|unit| unit.is_empty()) => {
            Ends::Frequencies(ends.map(|end| end.map(|(n, _)| n)))
        }
        units if units.iter().any(|unit| unit.is_empty()) => {
            return Err(format!(
                "`{text}` has a period and a frequency; write units behind both, or behind none"
            ))
        }
        _ => {
            let mut lengths = [None; 2];
            for (length, end) in lengths.iter_mut().zip(ends) {
                if let Some((n, unit)) = end {
                    *length = Some(of_unit(n, unit).ok_or_else(wrong)?);
                }
            }
            Ends::Periods(lengths)
        }
    };
    Ok(Asked { text: text.to_owned(), ends })
}

/// A positive number and what stands behind it.
fn number(word: &str) -> Option<(f64, &str)> {
    let end = word.char_indices().find(|&(i, c)| {
        let exponent =
            matches!(c, 'e' | 'E') && word[i + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let sign = c == '-' && word[..i].ends_with(['e', 'E']);
        !(c.is_ascii_digit() || c == '.' || exponent || sign)
    });
    let (number, unit) = word.split_at(end.map_or(word.len(), |(i, _)| i));
    let number = number.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)?;
    Some((number, unit.trim()))
}

fn of_unit(n: f64, unit: &str) -> Option<Length> {
    Some(match unit {
        "s" | "sec" => Length::Days(n / 86_400.0),
        "min" => Length::Days(n / 1440.0),
        "h" | "hr" => Length::Days(n / 24.0),
        "d" | "day" | "days" => Length::Days(n),
        "mon" | "month" | "months" => Length::Years(n / 12.0),
        "y" | "yr" | "year" | "years" => Length::Years(n),
        _ => return None,
    })
}

impl Asked {
    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
    /// The band for steps of so many days.
    ///
    /// # Errors
    /// Usage, if steps of this length can't tell it.
    pub(super) fn band(&self, step: f64, calendar: Calendar) -> Result<Band> {
        let band = match self.ends {
            Ends::Periods(ends) => {
                if let [Some(a), Some(b)] = ends {
                    if a.days(calendar) >= b.days(calendar) {
                        return Err(Error::usage(format!("--band {} holds nothing", self.text))
                            .remedy("name the shorter period first"));
                    }
                }
                // The longest period is the lowest frequency.
                let [high, low] = ends.map(|end| end.map(|period| step / period.days(calendar)));
                Band::new(low, high)
            }
            Ends::Frequencies(ends) => {
                let [low, high] = ends.map(|end| end.map(|f| f * step));
                Band::new(low, high)
            }
        };
        band.map_err(|e| Error {
            message: format!("--band {} with steps of {}: {}", self.text, length_text(step), e.message),
            ..e
        })
    }
}

/// A step for people.
fn length_text(days: f64) -> String {
    let digits = |x: f64| {
        let text = format!("{x:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match days {
        1.0 => "1 day".to_owned(),
        d if d < 1.0 => format!("{} hours", digits(d * 24.0)),
        d => format!("{} days", digits(d)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_periods_or_frequencies() {
        let band = |text: &str, step: f64| parse(text).unwrap().band(step, Calendar::NoLeap).unwrap();
        assert_eq!(band("20d,100d", 1.0), Band::BandPass([0.01, 0.05]));
        assert_eq!(
            band("2y, 7y", 365.0 / 12.0),
            Band::BandPass([365.0 / 12.0 / 2555.0, 365.0 / 12.0 / 730.0])
        );
        assert_eq!(band("10d,", 1.0), Band::LowPass(0.1));
        assert_eq!(band(",10d", 1.0), Band::HighPass(0.1));
        assert_eq!(band("0.01,0.05", 2.0), Band::BandPass([0.02, 0.1]));
        assert_eq!(band(",1e-1", 1.0), Band::LowPass(0.1));
        assert_eq!(band("0.1,", 1.0), Band::HighPass(0.1));
        assert_eq!(band("24h,", 0.25), Band::LowPass(0.25));
        assert_eq!(band("6mon,12mon", 10.0), band("0.5y,1y", 10.0));
    }

    #[test]
    fn what_is_no_band_is_refused() {
        for text in [
            "", ",", "10", "10d", "10d,20", "10,20d", "10x,20x", "-1d,2d", "0,1", "nan,1", "d,", "1,2,3",
            "infd,", "e,1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let refused =
            |text: &str| parse(text).unwrap().band(1.0, Calendar::Standard).unwrap_err().to_string();
        assert!(refused("100d,20d").contains("shorter period first"));
        assert!(refused("2d,20d").contains("--band 2d,20d with steps of 1 day: a band that ends at 0.500000"));
        assert!(refused("0.2,0.1").contains("holds nothing"));
    }
}
