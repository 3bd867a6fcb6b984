//! Spans of time as users and schedulers write them.

use std::time::Duration;

/// Longer is no time limit but a slip of the pen.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;

/// Seconds (`3600`), units (`90min`, `1.5h`, `1h30min`, `2d`), or what schedulers write
/// (`MM:SS`, `HH:MM:SS`, `D-HH:MM:SS`).
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write 3600, 90min, 3h, 1h30min or HH:MM:SS");
    let seconds = if text.contains(':') { clock(text) } else { units(text) }.ok_or_else(wrong)?;
    if seconds <= 0.0 {
        return Err("the time must be more than nothing".to_owned());
    }
    if seconds > LONGEST {
        return Err(format!("`{text}` is more than ten years"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

fn clock(text: &str) -> Option<f64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (whole(days)?, rest),
        None => (0.0, text),
    };
    let parts: Vec<f64> = rest.split(':').map(whole).collect::<Option<_>>()?;
    // Only the first part may be more than its clock shows: 90:00 is an hour and a half.
    if parts.len() > 3 || parts[1..].iter().any(|p| *p >= 60.0) || (days > 0.0 && parts.len() < 3) {
        return None;
    }
    Some(days * 86_400.0 + parts.iter().fold(0.0, |sum, part| sum * 60.0 + part))
}

fn whole(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.len() < 10 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn units(text: &str) -> Option<f64> {
    let (mut rest, mut sum, mut last) = (text.trim(), 0.0, f64::INFINITY);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        let after = rest[end..].trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match &after[..end] {
            // A bare number stands alone.
            "" if last.is_infinite() && after.is_empty() => 1.0,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        // Larger units first, each once.
        if unit >= last {
            return None;
        }
        (sum, last, rest) = (sum + number * unit, unit, after[end..].trim_start());
    }
    last.is_finite().then_some(sum)
}

/// A time for people.
pub(crate) fn text(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // Rounded before it is cut into units, so that nothing reads as "1 min 60 s".
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.2} s"),
        10..=99 => format!("{seconds:.1} s"),
        100..=5999 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("3600", 3600.0),
            ("90s", 90.0),
            ("90min", 5400.0),
            ("90 min", 5400.0),
            ("3h", 10_800.0),
            ("1.5h", 5400.0),
            ("1h30min", 5400.0),
            ("1h 30m 5s", 5405.0),
            ("2d", 172_800.0),
            ("0.5", 0.5),
            ("10:30", 630.0),
            ("90:00", 5400.0),
            ("01:30:00", 5400.0),
            ("72:00:00", 259_200.0),
            ("1-12:00:00", 129_600.0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            " ",
            "h",
            "3x",
            "-3",
            "1e9",
            "0",
            "0min",
            "00:00:00",
            "1:2:3:4",
            "1:60",
            "1::2",
            ":",
            "-1:00:00",
            "1-30",
            "1-1:00",
            "1h1h",
            "1min2h",
            "5h 30",
            "30 5",
            "1..5h",
            "nan",
            "inf",
            "99999999999",
            "4000d",
            "٣h",
        ] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn times_are_written_briefly() {
        let said = [0.034, 9.46, 12.34, 125.0, 5999.9, 11_100.0].map(|s| text(Duration::from_secs_f64(s)));
        assert_eq!(said, ["0.03 s", "9.46 s", "12.3 s", "2 min 05 s", "1 h 40 min", "3 h 05 min"]);
    }
}
