//! Time axes and ranges.

use super::*;
use crate::ErrorKind;
use Calendar::{Day360, NoLeap, Standard};

fn axis(text: &str, calendar: Calendar, values: &[f64]) -> TimeAxis {
    TimeAxis::new(TimeUnits::parse(text, calendar).unwrap(), values.to_vec()).unwrap()
}
fn counted(text: &str, calendar: Calendar, n: u32, step: f64) -> TimeAxis {
    axis(text, calendar, &(0..n).map(|i| f64::from(i) * step).collect::<Vec<_>>())
}
fn range(text: &str) -> TimeRange {
    TimeRange::parse(text).unwrap()
}

#[test]
fn an_axis_refuses_what_is_no_date() {
    let units = TimeUnits::parse("days since 1900-01-01", Standard).unwrap();
    let e = TimeAxis::new(units, vec![0.0, 1.0, 9.969_209_968_386_869e36]).unwrap_err();
    assert_eq!(e.kind, ErrorKind::Data);
    assert!(e.to_string().starts_with("time step 2: time value"), "{e}");
}

#[test]
fn dates_months_and_slices() {
    let axis = axis("days since 1800-01-01", Standard, &[0.0, 31.0, 59.5]);
    assert_eq!(axis.months(), [1, 2, 3]);
    assert_eq!(axis.datetimes()[1].date_string(), "1800-02-01");
    assert_eq!(axis.datetime(2).date_string(), "1800-03-01T12:00:00");
    assert_eq!(axis.slice(1..3).values, [31.0, 59.5]);
    assert_eq!(axis.instants()[2].days_since(axis.instants()[0]), 59.5);
}

#[test]
fn conversion_keeps_values_where_units_mean_the_same() {
    let odd = [0.1 + 0.2, 1.0 / 3.0];
    let days = axis("days since 1800-1-1 00:00:0.0", Standard, &odd);
    let same = TimeUnits::parse("day since 1800-01-01 02:00 +02:00", Standard).unwrap();
    assert_eq!(days.converted(&same).unwrap().values, odd);
    let hours = TimeUnits::parse("hours since 1799-12-31 12:00", Standard).unwrap();
    let converted =
        axis("days since 1800-01-01", Standard, &[0.0, 0.25, 77_000.5]).converted(&hours).unwrap();
    assert_eq!(converted.values, [12.0, 18.0, 1_848_024.0]);
    assert_eq!(converted.units, hours);
    let other = TimeUnits::parse("days since 1800-01-01", NoLeap).unwrap();
    assert_eq!(days.converted(&other).unwrap_err().kind, ErrorKind::Data);
}

#[test]
fn an_axis_must_increase() {
    let text = "days since 2000-01-01";
    assert!(axis(text, Standard, &[]).check_increasing().is_ok());
    assert!(axis(text, Standard, &[0.0, 1.0, 2.5]).check_increasing().is_ok());
    let message = |values: &[f64]| axis(text, Standard, values).check_increasing().unwrap_err().to_string();
    assert!(message(&[0.0, 31.0, 31.0]).starts_with("time steps 1 and 2 are the same, 2000-02-01;"));
    let backwards = message(&[0.0, 31.0, 30.5]);
    assert!(
        backwards.starts_with("time goes backwards: 2000-01-31T12:00:00 at step 2 follows 2000-02-01;"),
        "{backwards}"
    );
}

#[test]
fn ranges_reach_to_the_end_of_the_stated_period() {
    // Noon of every day from 2009-01-01 on.
    let daily = counted("days since 2009-01-01 12:00", Standard, 1461, 1.0);
    let picked = |text: &str| {
        let range = daily.select(&range(text)).unwrap();
        let date = |i: usize| daily.datetime(i).iso()[..10].to_owned();
        (date(range.start), date(range.end - 1))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(picked("2010"), pair("2010-01-01", "2010-12-31"));
    assert_eq!(picked("2010-02"), pair("2010-02-01", "2010-02-28"));
    assert_eq!(picked("2010-03-15"), pair("2010-03-15", "2010-03-15"));
    assert_eq!(picked("2010-03-15T12"), pair("2010-03-15", "2010-03-15"));
    assert_eq!(picked("2010-03-15T12:00/2010-03"), pair("2010-03-15", "2010-03-31"));
    assert_eq!(picked("2010-03-15T12:01/"), pair("2010-03-16", "2012-12-31"));
    assert_eq!(picked("/2010-06-01T11:59:59"), pair("2009-01-01", "2010-05-31"));
    assert_eq!(picked("/2010"), pair("2009-01-01", "2010-12-31"));
    assert_eq!(picked(" 1990 / 2009-12-31 "), pair("2009-01-01", "2009-12-31"));
    assert_eq!(picked("/"), pair("2009-01-01", "2012-12-31"));
    let e = daily.select(&range("1990/1995")).unwrap_err();
    assert_eq!(e.kind, ErrorKind::Usage);
    assert_eq!(
        e.to_string(),
        "no time lies in `1990/1995`; times reach from 2009-01-01T12:00:00 to 2012-12-31T12:00:00"
    );
    let unsorted = axis("days since 2009-01-01", Standard, &[0.0, 40.0, 1.0]);
    assert_eq!(unsorted.select(&range("2009-01")).unwrap_err().kind, ErrorKind::Data);
}

#[test]
fn ranges_mean_the_same_in_every_calendar() {
    for calendar in Calendar::ALL {
        let monthly = axis("days since 1990-01-01", calendar, &[15.0, 45.0, 74.0, 105.0]);
        assert_eq!(monthly.select(&range("1990-01-01/1990-03-31")).unwrap(), 0..3, "{calendar}");
    }
    // `standard` has no year 0, but a climatology may call year -1 so.
    let climatology = counted("hours since 0000-01-16", Standard, 12, 730.485);
    assert_eq!(climatology.select(&range("0000-02/0000-04")).unwrap(), 1..4);
    assert_eq!(climatology.select(&range("-0001-02/-0001-04")).unwrap(), 1..4);
    assert_eq!(climatology.datetime(0).date_string(), "0000-01-16");
    assert!(climatology.select(&range("2000")).unwrap_err().to_string().contains("0000-01-16 to 0000-12-1"));
    assert_eq!(climatology.step_text(), "monthly");
}

#[test]
fn bad_ranges_are_refused() {
    let bad =
        ["", "x", "2010-13", "2010-02-31", "2011/2010", "2010-03/2010-02-28", "2010/2011/2012", "20100101"];
    for text in bad.into_iter().chain(["2010-01-01T12:00+05:00/", "2010-01-01T25"]) {
        let e = TimeRange::parse(text).unwrap_err();
        assert_eq!(e.kind, ErrorKind::Usage, "{text}");
        assert!(e.remedy.is_some());
    }
    assert_eq!(range("2010-03/2010").to_string(), "2010-03/2010");
}

#[test]
fn steps_have_names() {
    let text = "days since 2000-01-01";
    let step = |n, days| counted(text, Standard, n, days).step_text();
    assert_eq!(step(0, 1.0), "none");
    assert_eq!(step(1, 1.0), "single");
    assert_eq!(step(2, 1.0), "daily");
    assert_eq!(step(400, 0.25), "6-hourly");
    assert_eq!(step(400, 1.0 / 24.0), "hourly");
    assert_eq!(step(400, 5.0), "5-daily");
    assert_eq!(step(400, 7.0), "weekly");
    assert_eq!(step(400, 30.0), "30-daily");
    assert_eq!(step(400, 1.0 / 48.0), "30-minute");
    assert_eq!(step(400, 10.0 / 86_400.0), "10-second");
    assert_eq!(step(3, 0.0), "irregular");
    assert_eq!(step(3, -1.0), "irregular");
    assert_eq!(counted("months since 2000-01-16", Standard, 30, 1.0).step_text(), "monthly");
    assert_eq!(counted("months since 2000-01-16", Standard, 30, 3.0).step_text(), "3-monthly");
    assert_eq!(counted("days since 2000-01-16", Day360, 30, 30.0).step_text(), "monthly");
    assert_eq!(counted("days since 2000-07-02", NoLeap, 30, 365.0).step_text(), "yearly");
    assert_eq!(counted("years since 2000-07-02", Standard, 30, 10.0).step_text(), "10-yearly");
    assert_eq!(axis(text, Standard, &[0.0, 1.0, 5.0]).step_text(), "irregular");
}
