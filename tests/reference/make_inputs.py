#!/usr/bin/env python3
"""Make the small input files of the reference cases: tests/data/case_*_input.nc.

    python make_inputs.py [--out DIR] [--fosi FOSI.SST.eastern_pacific.nc]

The synthetic fields are sums of a few standing patterns with well separated variances plus a
little noise from a seeded generator, so that leading modes are distinct. The files are stored
in the repository; this script says how they came about. `case_curvilinear_input.nc` is made
from a published file (see tests/data/README.md) and only when --fosi names it.
"""

import argparse
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent


def patterns(rng, times, shape, amplitudes, noise):
    """Smooth random patterns times random series, of given amplitudes, plus white noise."""
    rows, columns = shape
    y = np.linspace(0.0, np.pi, rows)[:, None]
    x = np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False)[None, :]
    field = noise * rng.standard_normal((times, rows, columns))
    for k, amplitude in enumerate(amplitudes, start=1):
        pattern = np.sin(k * y + rng.uniform(0, 1)) * np.cos((k % 3) * x + rng.uniform(0, 6))
        pattern += 0.3 * rng.standard_normal((rows, columns))
        series = rng.standard_normal(times)
        field += amplitude * series[:, None, None] * pattern
    return field


def land(rng, shape, share):
    """A blob of land and a few islands."""
    rows, columns = shape
    j, i = np.mgrid[0:rows, 0:columns]
    blob = (j - 0.6 * rows) ** 2 / rows**2 + (i - 0.3 * columns) ** 2 / columns**2
    return (blob < np.quantile(blob, share)) | (rng.random(shape) < 0.03)


def coordinate(nc, name, values, dtype="f8", **attributes):
    """A 1-D coordinate variable with its attributes."""
    v = nc.createVariable(name, dtype, (name,))
    v.setncatts(attributes)
    v[:] = values
    return v


def packed(path):
    """int16 in NetCDF-3 (64-bit offset), 360_day, north to south, +-180, land, two levels."""
    rng = np.random.default_rng(20240101)
    months, shape = 72, (12, 18)
    lat = np.arange(82.5, -83.0, -15.0)
    lon = np.arange(-180.0, 180.0, 20.0)
    month = np.arange(months) % 12
    season = np.cos(2 * np.pi * (month - 1) / 12)[:, None, None] * (lat / 20)[:, None]
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as nc:
        nc.setncatts({"Conventions": "CF-1.8", "title": "Synthetic packed temperature"})
        for name, length in (("time", None), ("depth", 2), ("lat", 12), ("lon", 18), ("nv", 2)):
            nc.createDimension(name, length)
        start = 720.0 * np.arange(months)  # hours; a month of this calendar has 30 days
        time = coordinate(nc, "time", start + 360.0, units="hours since 1999-12-01 00:00:00",
                          calendar="360_day", standard_name="time", axis="T", bounds="time_bnds")
        nc.createVariable("time_bnds", "f8", ("time", "nv"))[:] = np.stack([start, start + 720.0], 1)
        assert len(time) == months
        coordinate(nc, "depth", [5.0, 105.0], units="m", positive="down", axis="Z", standard_name="depth")
        coordinate(nc, "lat", lat, "f4", units="degrees_north", standard_name="latitude", axis="Y")
        coordinate(nc, "lon", lon, "f4", units="degrees_east", standard_name="longitude", axis="X")
        v = nc.createVariable("thetao", "i2", ("time", "depth", "lat", "lon"), fill_value=-32768)
        v.setncatts({"scale_factor": 0.001, "add_offset": 12.0, "units": "degC",
                     "standard_name": "sea_water_potential_temperature", "long_name": "Temperature",
                     "missing_value": np.int16(-32768), "cell_methods": "time: mean"})
        mask = land(rng, shape, 0.2)
        for level, damping in enumerate((1.0, 0.6)):
            values = patterns(rng, months, shape, (2.0, 1.4, 1.0, 0.7), 0.15) * damping
            values += season * damping + 12.0
            deeper = mask | (rng.random(shape) < 0.08 * level)
            v[:, level] = np.ma.array(values, mask=np.broadcast_to(deeper, values.shape))


def spatial(path):
    """More times than cells: f64, 300 x 5 x 7, land, irregular latitudes with bounds."""
    rng = np.random.default_rng(5)
    times, shape = 300, (5, 7)
    edges = np.array([-35.0, -20.0, -8.0, 2.0, 20.0, 45.0])
    lon_edges = np.array([100.0, 110.0, 125.0, 135.0, 150.0, 160.0, 175.0, 200.0])
    with netCDF4.Dataset(path, "w", format="NETCDF4") as nc:
        nc.setncatts({"Conventions": "CF-1.8", "title": "Synthetic: more times than cells"})
        for name, length in (("time", times), ("lat", 5), ("lon", 7), ("bnds", 2)):
            nc.createDimension(name, length)
        coordinate(nc, "time", np.arange(times) + 0.5, units="days since 2001-01-01",
                   calendar="standard", standard_name="time", axis="T")
        for name, e, units in (("lat", edges, "degrees_north"), ("lon", lon_edges, "degrees_east")):
            long = {"lat": "latitude", "lon": "longitude"}[name]
            coordinate(nc, name, (e[:-1] + e[1:]) / 2, units=units, standard_name=long,
                       bounds=f"{name}_bnds")
            nc.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = np.stack([e[:-1], e[1:]], 1)
        v = nc.createVariable("zos", "f8", ("time", "lat", "lon"), fill_value=1e20, zlib=True,
                              shuffle=True, chunksizes=(50, 5, 7))
        v.setncatts({"units": "m", "long_name": "Sea surface height"})
        values = patterns(rng, times, shape, (1.0, 0.6, 0.4, 0.25, 0.15), 0.02)
        mask = np.zeros(shape, bool)
        mask[0, 0] = mask[0, 1] = mask[3, 4] = mask[4, 6] = True
        v[:] = np.ma.array(values, mask=np.broadcast_to(mask, values.shape))


def trend(path):
    """Evenly spaced times, a trend in every cell, unequal variances; noleap, missing_value only."""
    rng = np.random.default_rng(77)
    times, shape = 90, (9, 11)
    with netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC") as nc:
        nc.setncatts({"Conventions": "CF-1.8", "title": "Synthetic: trends and unequal variances"})
        for name, length in (("time", None), ("lat", 9), ("lon", 11)):
            nc.createDimension(name, length)
        coordinate(nc, "time", 5.0 * np.arange(times) + 2.5, units="days since 1850-01-01",
                   calendar="noleap", standard_name="time", axis="T")
        coordinate(nc, "lat", np.linspace(-60, 60, 9), units="degrees_north", standard_name="latitude")
        coordinate(nc, "lon", np.linspace(300, 350, 11), units="degrees_east", standard_name="longitude")
        v = nc.createVariable("tas", "f4", ("time", "lat", "lon"), zlib=True, shuffle=True,
                              chunksizes=(30, 9, 11))
        v.setncatts({"units": "K", "long_name": "Air temperature", "missing_value": np.float32(-999.0)})
        values = patterns(rng, times, shape, (1.0, 0.7, 0.5, 0.35, 0.25), 0.05)
        values *= rng.uniform(0.3, 4.0, shape)
        values += 280.0 + rng.uniform(-0.05, 0.05, shape) * np.arange(times)[:, None, None]
        values[:, land(rng, shape, 0.12)] = -999.0
        v[:] = values.astype("f4")


def curvilinear(path, source):
    """The published file with a CF time axis: its times are bare years (see data/README.md)."""
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(path, "w", format="NETCDF4") as nc:
        nc.setncatts({
            "Conventions": "CF-1.8",
            "title": "Annual SST of a forced ocean hindcast (FOSI), eastern tropical Pacific",
            "source": "climpred-data, FOSI.SST.eastern_pacific.nc",
            "license": "MIT, Copyright (c) 2019 Riley Brady",
            "comment": "Changed: time made CF (the source has bare years), units of SST added, recompressed",
        })
        for name, dim in old.dimensions.items():
            nc.createDimension(name, len(dim))
        years = old["time"][:]
        coordinate(nc, "time", 365.0 * (years - 1948) + 182.5, units="days since 1948-01-01 00:00:00",
                   calendar="noleap", standard_name="time", axis="T")
        for name in ("TLAT", "TLONG", "TAREA", "SST"):
            v = old[name]
            new = nc.createVariable(name, v.dtype, v.dimensions, zlib=True, complevel=9, shuffle=True,
                                    fill_value=v.getncattr("_FillValue"))
            new.setncatts({a: v.getncattr(a) for a in v.ncattrs() if a != "_FillValue"})
            v.set_auto_maskandscale(False)
            new.set_auto_maskandscale(False)
            new[:] = v[:]
        nc["SST"].units = "degC"


def main():
    """Writes all files that can be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "data")
    parser.add_argument("--fosi", type=Path, help="the published file of the curvilinear case")
    args = parser.parse_args()
    for name, make in (("packed", packed), ("spatial", spatial), ("trend", trend)):
        make(args.out / f"case_{name}_input.nc")
    if args.fosi:
        curvilinear(args.out / "case_curvilinear_input.nc", args.fosi)


if __name__ == "__main__":
    main()
