//! The `history` attribute: who made a file, when.

use std::time::{SystemTime, UNIX_EPOCH};

/// A line for the `history` attribute: the time in UTC and the command, as in
/// `2026-11-23T06:50:00Z: halocline eof sst.nc -o eof.nc`.
///
/// `SOURCE_DATE_EPOCH` (seconds since 1970), if set, stands for the present, so that a
/// build or a test can make the same bytes twice. Line breaks in the command become blanks:
/// a history has one line per command.
pub fn history_line(command: &str) -> String {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.trim().parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    line_at(fixed.unwrap_or_else(now), command)
}

/// A moment in UTC, `seconds` since 1970, as in `2026-11-23T06:50:00Z`.
pub fn utc(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// [`history_line`] at `seconds` since 1970.
fn line_at(seconds: u64, command: &str) -> String {
    format!("{}: {}", utc(seconds), command.replace(['\n', '\r', '\0'], " "))
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // 400 years have the same number of days wherever they begin; years here begin in March,
    // so that the leap day is the last of its year.
    let from_march_0000 = days + 719_468;
    let (era, day_of_era) = (from_march_0000 / 146_097, from_march_0000 % 146_097);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        // From `date -u -d @SECONDS`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z: c"),
            (951_782_399, "2000-02-28T23:59:59Z: c"),
            (951_782_400, "2000-02-29T00:00:00Z: c"),
            (1_709_251_200, "2024-03-01T00:00:00Z: c"),
            (1_795_416_600, "2026-11-23T06:50:00Z: c"),
            (4_107_542_400, "2100-03-01T00:00:00Z: c"),
            (1_735_689_599, "2024-12-31T23:59:59Z: c"),
        ] {
            assert_eq!(line_at(seconds, "c"), expected);
        }
        assert_eq!(line_at(0, "a\nb"), "1970-01-01T00:00:00Z: a b");
    }
}
