#!/usr/bin/env python3
"""Makes calendar.csv, the dates that the calendar module must agree on, with cftime.

    python3 make_calendar.py > calendar.csv

Made with cftime 1.6.6. An empty `calendar` or `units` repeats the one above; an empty `encoded`
means that date2num of the date gives `value` again.
"""

import random
import sys

import cftime

CALENDARS = ["standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"]

# Units, and the values' scale: about 9000 years at most.
UNITS = [
    ("days since 1-1-1", 2e6),
    ("Days since 0001-01-01 00:00:00", 1e4),
    ("hours since 1582-10-04 23:00:00", 5e3),
    ("days since 1582-10-15", 1e2),
    ("days since 1581-12-30 06:00", 1e3),
    ("seconds since 1970-01-01T00:00:00Z", 4e9),
    ("s since 1582-10-01", 3e6),
    ("milliseconds since 1600-3-1 12:00", 1e13),
    ("microseconds since 1999-12-30 23:59:59.5", 1e15),
    ("minutes since 1900-1-1 0:0:0.0 -09:00", 1e8),
    ("days since 5000-12-30", 1e6),
    ("hrs since 2100-03-01 00:00 +05:30", 1e5),
    ("d since -4713-01-01T12:00:00Z", 3e6),
    ("hour since 1800-1-1", 2e6),
]
ONLY = {
    "proleptic_gregorian": [("days since 0000-03-01", 8e5)],
    "noleap": [("common_years since 1850-01-01", 3e2), ("days since 0000-03-01", 8e5)],
    "all_leap": [("days since 0-1-1", 8e5)],
    "360_day": [("months since 2000-01-16 12:00:00", 5e3), ("days since 2000-02-30", 1e4)],
}
WHOLE_ONLY = ("milli", "micro")


def values(units, scale, draw):
    """Whole, halved, decimal and awkward values, of either sign."""
    for value in (0, 1, -1, draw.randint(0, int(scale)), -draw.randint(0, int(scale / 100))):
        yield float(value)
    if units.startswith(WHOLE_ONLY):
        for _ in range(5):
            yield float(draw.randint(-int(scale), int(scale)))
    else:
        yield draw.randint(0, int(scale)) + 0.5
        yield round(draw.uniform(0, scale), 3)
        yield round(draw.uniform(-scale / 50, scale / 50), 6)
        yield draw.uniform(0, scale)
        yield -draw.uniform(0, scale / 10)


def main():
    draw = random.Random(15821015)
    print("calendar,units,value,date,encoded")
    for calendar in CALENDARS:
        shown_calendar = calendar
        for units, scale in UNITS + ONLY.get(calendar, []):
            shown = units
            for value in values(units, scale, draw):
                date = cftime.num2date(value, units, calendar)
                text = "%s%04d" % ("-" if date.year < 0 else "", abs(date.year))
                text += "-%02d-%02dT%02d:%02d:%02d" % (
                    date.month, date.day, date.hour, date.minute, date.second)
                if date.microsecond:
                    text += ".%06d" % date.microsecond
                back = float(cftime.date2num(date, units, calendar))
                encoded = "" if back == value else repr(back)
                print(f"{shown_calendar},{shown},{value!r},{text},{encoded}")
                shown_calendar = shown = ""


if __name__ == "__main__":
    sys.exit(main())
