//! Names the step of a time axis.

use super::instant::DAY;
use super::{Calendar, Instant};

/// As [`super::TimeAxis::step_text`] says.
pub(super) fn text(calendar: Calendar, instants: &[Instant]) -> String {
    match instants.len() {
        0 => return "none".into(),
        1 => return "single".into(),
        _ => {}
    }
    if let Some(months) = months(calendar, instants) {
        return match months % 12 {
            0 => named(months / 12, "yearly"),
            _ => named(months, "monthly"),
        };
    }
    uniform(instants).unwrap_or_else(|| "irregular".into())
}

fn named(count: i128, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{count}-{word}")
    }
}

/// The months of a step, if each step has as many, and is about as long as so many months.
pub(super) fn months(calendar: Calendar, instants: &[Instant]) -> Option<i128> {
    let number = |at: Instant| {
        let date = calendar.datetime(at);
        i128::from(calendar.astronomical(date.year)) * 12 + i128::from(date.month)
    };
    let step = number(instants[1]) - number(instants[0]);
    // Middles of months are 29 to 31 days apart; a day more or less for those who round.
    let (low, high) = (i128::from(DAY) * (28 * step - 1), i128::from(DAY) * (31 * step + 1));
    let fits = |pair: &[Instant]| {
        number(pair[1]) - number(pair[0]) == step && (low..=high).contains(&pair[1].micros_since(pair[0]))
    };
    (step > 0 && instants.windows(2).all(fits)).then_some(step)
}

/// Microseconds of the step, if all are equal but for the rounding of the stored values.
pub(super) fn mean_of_even(instants: &[Instant]) -> Option<i128> {
    let (first, last) = (instants[0], instants[instants.len() - 1]);
    let mean = last.micros_since(first) / (instants.len() as i128 - 1);
    let even = |pair: &[Instant]| (pair[1].micros_since(pair[0]) - mean).abs() <= tolerance(mean);
    (mean > 0 && instants.windows(2).all(even)).then_some(mean)
}

/// By how much a step may be off and is the same.
fn tolerance(mean: i128) -> i128 {
    mean / 1000
}

/// The step in a word, if there is one for it.
fn uniform(instants: &[Instant]) -> Option<String> {
    const UNITS: [(i64, &str); 4] =
        [(DAY, "daily"), (DAY / 24, "hourly"), (60_000_000, "minute"), (1_000_000, "second")];
    let mean = mean_of_even(instants)?;
    let tolerance = tolerance(mean);
    UNITS.iter().find_map(|&(unit, word)| {
        let unit = i128::from(unit);
        let count = (mean + unit / 2) / unit;
        let near = count > 0 && (mean - count * unit).abs() <= tolerance;
        near.then(|| match (count, word) {
            (7, "daily") => "weekly".to_owned(),
            // There are no adverbs for these.
            (_, "minute" | "second") => format!("{count}-{word}"),
            _ => named(count, word),
        })
    })
}
