"""Climatologies by loops over dates, with numpy alone: input and answers of tests/climatology.rs.

    python3 make_climatology_references.py

Daily values of 1999-2002 on four cells, with gaps; days of the year by month and day, 29 February
kept, dropped or merged into the 28th; windows of 1 and 5 days that close the year. And the sample
by month and by season, every 97th value of a map.
"""
import datetime
import pathlib
import warnings

import netCDF4
import numpy as np

here = pathlib.Path(__file__).parent
data = here.parent / "data"


def daily():
    rng = np.random.default_rng(7)
    days = [datetime.date(1999, 1, 1) + datetime.timedelta(k) for k in range(1461)]
    t = np.arange(1461)
    x = 280 + 10 * np.sin(2 * np.pi * t / 365.25)[:, None] + rng.standard_normal((1461, 4))
    x[rng.random((1461, 4)) < 0.1] = np.nan
    x[:, 3] = np.nan
    x = x.astype("f4")
    with netCDF4.Dataset(data / "case_daily_input.nc", "w") as nc:
        for name, n in (("time", None), ("lat", 2), ("lon", 2)):
            nc.createDimension(name, n)
        for name, values, units in (
            ("time", t + 0.5, "days since 1999-01-01"),
            ("lat", [-30.0, 30.0], "degrees_north"),
            ("lon", [0.0, 180.0], "degrees_east"),
        ):
            nc.createVariable(name, "f8", (name,))[:] = values
            nc[name].units = units
        nc["time"].calendar = "standard"
        v = nc.createVariable("tas", "f4", ("time", "lat", "lon"), fill_value=1e20, chunksizes=(50, 2, 2), zlib=True)
        v.units, v.standard_name, v.long_name = "K", "air_temperature", "Near-surface air temperature"
        v[:] = np.ma.masked_invalid(x.reshape(1461, 2, 2))
    return days, x.astype("f8")


def part(day, leap):
    """Number of a day in a year of 366 (keep) or 365 days, or None."""
    if (day.month, day.day) == (2, 29) and leap != "keep":
        return None if leap == "drop" else 58
    number = (datetime.date(2000, day.month, day.day) - datetime.date(2000, 1, 1)).days
    return number - (1 if leap != "keep" and number > 59 else 0)


def write(path, variables):
    with netCDF4.Dataset(path, "w") as nc:
        for name, values in variables.items():
            dims = []
            for d, n in enumerate(values.shape):
                dim = f"n{n}"
                if dim not in nc.dimensions:
                    nc.createDimension(dim, n)
                dims.append(dim)
            nc.createVariable(name, "f8", dims, zlib=True)[:] = values


def statistics(members):
    with np.errstate(all="ignore"):
        n = (~np.isnan(members)).sum(0)
        mean = np.where(n > 0, np.nansum(members, 0) / n, np.nan)
        std = np.sqrt(np.where(n > 1, np.nansum((members - mean) ** 2, 0) / (n - 1), np.nan))
    return mean, std


def main():
    days, x = daily()
    out = {}
    for leap in ("keep", "drop", "merge"):
        parts = [part(day, leap) for day in days]
        count = 366 if leap == "keep" else 365
        members = [[k for k, p in enumerate(parts) if p == d] for d in range(count)]
        for window in (1, 5):
            half = window // 2
            pooled = [sum((members[(d + o) % count] for o in range(-half, half + 1)), []) for d in range(count)]
            both = [statistics(x[p]) for p in pooled]
            mean, std = np.array([b[0] for b in both]), np.array([b[1] for b in both])
            out[f"{leap}_{window}_mean"], out[f"{leap}_{window}_std"] = mean, std
            if window == 5:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    p90 = [np.nanquantile(x[p], 0.9, axis=0) for p in pooled]
                out[f"{leap}_{window}_p90"] = np.array(p90)
                away = np.full(x.shape, np.nan)
                for k, p in enumerate(parts):
                    if p is not None:
                        away[k] = x[k] - mean[p]
                out[f"{leap}_{window}_anomaly"] = away
    write(here / "climatology_daily.nc", out)

    with netCDF4.Dataset(data / "ersstv5_sst_201001-202008.nc") as nc:
        x = np.ma.filled(nc["sst"][:].astype("f8"), np.nan)
        dates = netCDF4.num2date(nc["time"][:], nc["time"].units)
    x = x.reshape(len(x), -1)[:, ::97]
    months = np.array([d.month for d in dates])
    base = np.array([2011 <= d.year <= 2018 for d in dates])
    out = {}
    for name, numbers, count in (("month", months - 1, 12), ("season", months % 12 // 3, 4)):
        for which, chosen in (("all", np.ones(len(x), bool)), ("base", base)):
            both = [statistics(x[chosen & (numbers == k)]) for k in range(count)]
            out[f"{name}_{which}_mean"] = np.array([b[0] for b in both])
            out[f"{name}_{which}_std"] = np.array([b[1] for b in both])
    away = np.array([(x[k] - out["month_base_mean"][m - 1]) for k, m in enumerate(months)])
    spread = np.array([out["month_base_std"][m - 1] for m in months])
    with np.errstate(all="ignore"):
        out["standardized"] = np.where(spread > 0, away / spread, np.nan)
    write(here / "climatology_sample.nc", out)


main()
