//! The module against cftime, and against itself.

use super::*;
use crate::ErrorKind;
use Calendar::{AllLeap, Day360, Julian, NoLeap, ProlepticGregorian, Standard};

fn units(text: &str, calendar: Calendar) -> TimeUnits {
    TimeUnits::parse(text, calendar).unwrap()
}
fn shown(text: &str, calendar: Calendar, value: f64) -> String {
    calendar.datetime(units(text, calendar).decode(value).unwrap()).iso()
}
fn error(text: &str, calendar: Calendar) -> String {
    let e = TimeUnits::parse(text, calendar).unwrap_err();
    assert_eq!(e.kind, ErrorKind::Data);
    assert!(e.remedy.is_some(), "{e}");
    e.to_string()
}

#[test]
fn agrees_with_cftime() {
    let table = include_str!("../../../tests/reference/calendar.csv");
    let (mut calendar, mut text, mut rows) = (Standard, "", 0);
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if !cells[0].is_empty() {
            calendar = Calendar::parse(cells[0]).unwrap();
        }
        if !cells[1].is_empty() {
            text = cells[1];
        }
        let value: f64 = cells[2].parse().unwrap();
        let encoded = if cells[4].is_empty() { value } else { cells[4].parse().unwrap() };
        let units = units(text, calendar);
        let at = units.decode(value).unwrap();
        assert_eq!(calendar.datetime(at).iso(), cells[3], "{calendar} {text} {value}");
        assert_eq!(calendar.instant(calendar.datetime(at)).unwrap(), at);
        assert_eq!(units.encode(at), encoded, "{calendar} {text} {}", cells[3]);
        rows += 1;
    }
    assert!(rows > 800, "{rows}");
}

#[test]
fn every_day_of_1200_years_has_one_date_and_comes_back() {
    for calendar in Calendar::ALL {
        for first in [-400, 1300] {
            let (mut days, mut previous) = (0, None);
            for year in first..first + 600 {
                // The year that isn't would be counted twice.
                if year == 0 && matches!(calendar, Standard | Julian) {
                    continue;
                }
                let mut in_year = 0;
                for month in 1..=12 {
                    let mut in_month = 0;
                    for day in 1..=31 {
                        let date = DateTime::date(year, month, day).at(23, 59, 58);
                        let Ok(at) = calendar.instant(date) else { continue };
                        assert_eq!(calendar.datetime(at), date);
                        if let Some(previous) = previous {
                            assert_eq!(at.micros_since(previous), 86_400_000_000, "{calendar} {date}");
                        }
                        previous = Some(at);
                        in_month += 1;
                    }
                    assert_eq!(in_month, calendar.days_in_month(year, month), "{calendar} {year}-{month}");
                    in_year += i64::from(in_month);
                }
                let expected = match calendar {
                    Day360 => 360,
                    Standard if year == 1582 => 355,
                    _ => 365 + i64::from(calendar.is_leap(year)),
                };
                assert_eq!(in_year, expected, "{calendar} {year}");
                days += in_year;
            }
            assert!(days >= 599 * 360);
        }
    }
}

#[test]
fn names_are_those_of_cf() {
    for calendar in Calendar::ALL {
        assert_eq!(Calendar::parse(calendar.name()).unwrap(), calendar);
        assert_eq!(Calendar::parse(&format!(" {}\0", calendar.name().to_uppercase())).unwrap(), calendar);
    }
    assert_eq!(Calendar::parse("gregorian").unwrap(), Standard);
    assert_eq!(Calendar::parse("365_day").unwrap(), NoLeap);
    assert_eq!(Calendar::parse("366_Day").unwrap(), AllLeap);
    for bad in ["none", "", "mayan"] {
        let text = Calendar::parse(bad).unwrap_err().to_string();
        assert!(text.contains(&format!("`{bad}`")) && text.contains("360_day"), "{text}");
    }
}

#[test]
fn dates_that_are_not_are_refused() {
    let refused = |calendar: Calendar, y, m, d| calendar.instant(DateTime::date(y, m, d)).is_err();
    for calendar in Calendar::ALL {
        assert_eq!(refused(calendar, 2000, 2, 30), calendar != Day360);
        assert_eq!(refused(calendar, 2001, 1, 31), calendar == Day360);
        assert_eq!(refused(calendar, 1582, 10, 5), calendar == Standard);
        assert_eq!(refused(calendar, 1582, 10, 14), calendar == Standard);
        assert_eq!(
            refused(calendar, 1900, 2, 29),
            matches!(calendar, Standard | ProlepticGregorian | NoLeap)
        );
        for (m, d) in [(0, 1), (13, 1), (1, 0), (1, 32), (255, 255)] {
            assert!(refused(calendar, 2000, m, d));
        }
        assert!(calendar.instant(DateTime::date(2000, 1, 1).at(24, 0, 0)).is_err());
        assert!(calendar.instant(DateTime::date(i64::MIN + 1, 1, 1)).is_err());
        assert!(calendar.instant(DateTime::date(i64::MIN, 1, 1)).is_err());
        assert_eq!(calendar.days_in_month(2000, 0), 0);
        assert_eq!(calendar.days_in_month(2000, 13), 0);
    }
    let text = Standard.instant(DateTime::date(1582, 10, 10)).unwrap_err().to_string();
    assert_eq!(text, "1582-10-10 does not exist in calendar `standard`");
}

#[test]
fn reference_dates_are_read_in_all_their_forms() {
    let reference = |text: &str| Standard.datetime(units(text, Standard).reference()).date_string();
    for (text, expected) in [
        ("days since 1800-1-1 00:00:0.0", "1800-01-01"),
        ("DAYS SINCE 1800-01-01", "1800-01-01"),
        ("  hour \t since  0001-01-01T12:30 ", "0001-01-01T12:30:00"),
        ("days since 1964-03-12 12:09:00 -9:00", "1964-03-12T21:09:00"),
        ("days since 1964-03-12 12:09:00-0930", "1964-03-12T21:39:00"),
        ("days since 1964-03-12 00:00 +1", "1964-03-11T23:00:00"),
        ("days since 1964-03-12 00:00:00.25Z", "1964-03-12T00:00:00.250000"),
        ("days since 1964-03-12 23:59:59.9999999 UTC", "1964-03-13"),
        ("seconds since 2019-03-12 UTC", "2019-03-12"),
        ("minutes since 2000-01-24_12:00:00", "2000-01-24T12:00:00"),
        ("days since 19000-1-1", "19000-01-01"),
        ("months since 1979-02", "1979-02-01"),
        ("days since 1850", "1850-01-01"),
        ("days since -4713-01-01 12:00", "-4713-01-01T12:00:00"),
    ] {
        assert_eq!(reference(text), expected, "{text}");
        assert_eq!(units(text, Standard).to_string(), text.trim());
    }
    for (a, b) in [("d", "days"), ("hrs", "h"), ("sec", "Seconds"), ("min", "minutes"), ("msec", "ms")] {
        let [a, b] = [a, b].map(|unit| units(&format!("{unit} since 2000-01-01"), Standard));
        assert!(a.is_same_scale(&b));
        assert_ne!(a, b);
    }
}

#[test]
fn bad_units_are_refused_in_a_line() {
    for text in [
        "",
        "days",
        "days since",
        "fortnights since 2000-01-01",
        "days until 2000-01-01",
        "days since 0000-00-00 00:00:00",
        "days since yesterday",
        "days since 2000-02-30",
        "days since 1582-10-10",
        "days since 20000101",
        "days since 2000-01-01 24:00",
        "days since 2000-01-01 12:00:00 Mars",
        "days since 2000-01-01 12:00:00 +99",
        "days since 2000-01-01 -5",
        "days since 2000-01-01 ünd",
        "days since 99999999999999999999-01-01",
        "days since 99999999-01-01",
    ] {
        let message = error(text, Standard);
        assert!(!message.contains('\n') && message.contains(text), "{message}");
    }
    assert!(error("day as %Y%m%d.%f", Standard).contains("cdo -r copy"));
}

#[test]
fn values_that_are_no_dates_are_refused() {
    for text in
        ["days since 1-1-1", "ns since 1-1-1", "weeks since 1-1-1", "years since 1-1-1", "months since 1-1-1"]
    {
        let units = units(text, Standard);
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 9.969_209_968_386_869e36, -1e300] {
            assert!(units.decode(value).unwrap_err().to_string().contains("time value"));
        }
        for value in [1e-300, -1e-300, -0.0] {
            assert_eq!(units.decode(value).unwrap(), units.reference());
        }
    }
}

#[test]
fn year_zero_is_the_year_before_year_one() {
    assert_eq!(shown("hour since 0000-01-01 00:00:00", Standard, 366.0), "-0001-01-16T06:00:00");
    assert_eq!(shown("days since 0000-01-01", Julian, 366.0), "0001-01-01T00:00:00");
    assert_eq!(shown("days since 0000-01-01", NoLeap, 675_281.0), "1850-02-01T00:00:00");
    assert_eq!(shown("days since 0000-12-31", ProlepticGregorian, 0.0), "0000-12-31T00:00:00");
    assert_eq!(Standard.instant(DateTime::date(0, 2, 29)), Standard.instant(DateTime::date(-1, 2, 29)));
    assert!(Standard.is_leap(0) && Standard.is_leap(-1) && Standard.is_leap(-5) && !Standard.is_leap(-4));
    // Noon of -4713-01-01 is where Julian days begin.
    assert_eq!(shown("days since -4713-01-01 12:00", Standard, 2_440_587.5), "1970-01-01T00:00:00");
}

#[test]
fn calendars_of_history_number_days_alike() {
    let gregorian = ProlepticGregorian.instant(DateTime::date(1582, 10, 15)).unwrap();
    assert_eq!(Standard.instant(DateTime::date(1582, 10, 15)).unwrap(), gregorian);
    assert_eq!(Julian.instant(DateTime::date(1582, 10, 5)).unwrap(), gregorian);
    assert_eq!(
        ProlepticGregorian.instant(DateTime::date(1970, 1, 2)).unwrap().total_micros(),
        86_400_000_000
    );
}

#[test]
fn months_and_years_are_those_of_the_calendar() {
    let months = "months since 2000-01-31 12:00";
    assert_eq!(shown(months, Standard, 1.0), "2000-02-29T12:00:00");
    assert_eq!(shown(months, NoLeap, 1.0), "2000-02-28T12:00:00");
    assert_eq!(shown(months, Standard, -2.0), "1999-11-30T12:00:00");
    assert_eq!(shown("months since 2001-01-01", Standard, 1.5), "2001-02-15T00:00:00");
    assert_eq!(shown("months since 1582-09-10", Standard, 1.0), "1582-10-15T00:00:00");
    assert_eq!(shown("months since 0001-01-01", Julian, -1.0), "-0001-12-01T00:00:00");
    assert_eq!(shown("years since 2000-01-01", Standard, 0.5), "2000-07-01T00:00:00");
    assert_eq!(shown("years since 1-1-1", Day360, 1850.25), "1851-04-01T00:00:00");
    assert_eq!(shown("common_years since 2000-01-01", Standard, 1.0), "2000-12-31T00:00:00");
    assert_eq!(shown("months since 2000-01-01 00:00 +6", Standard, 1.0), "2000-01-31T18:00:00");
    for calendar in Calendar::ALL {
        for text in [months.replace("31", "30"), "years since 1582-09-12 03:00 -5".into()] {
            let units = units(&text, calendar);
            for k in -9000..9000 {
                let value = f64::from(k) / 8.0;
                let back = units.encode(units.decode(value).unwrap());
                assert!(
                    (back - value).abs() < 1e-12 * value.abs().max(1.0),
                    "{calendar} {text} {value} {back}"
                );
                if value.fract() == 0.0 {
                    assert_eq!(back, value, "{calendar} {text}");
                }
            }
        }
    }
}

#[test]
fn units_and_axes_outlive_storage() {
    let axis = TimeAxis::new(units("months since 2000-01-30 0:0:0.5 +2", Day360), vec![0.5, 1.5]).unwrap();
    let bytes = postcard::to_allocvec(&axis).unwrap();
    assert_eq!(postcard::from_bytes::<TimeAxis>(&bytes).unwrap(), axis);
}
