#!/usr/bin/env python3
"""Compute the references of calculus on an A grid: tests/reference/calculus.nc.

    python make_calculus_references.py

The file holds its own input (s, u, v: smooth, with noise, on uneven latitudes, levels and times, a
circle of longitude) and what numpy 2 makes of it: derivatives by numpy.gradient of unevenly spaced
points (edge_order 1), around the circle by padding; divergence and curl with the metric terms of a
sphere of 6371008.7714 m; integrals over depth, time and area.
"""

from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
RADIUS = 6371008.7714

rng = np.random.default_rng(11)
times = np.array([0.0, 1.0, 3.0])
time_bounds = np.array([[-0.5, 0.5], [0.5, 2.0], [2.0, 4.0]])
edges = np.array([0.0, 10.0, 25.0, 60.0])
lev = 0.5 * (edges[1:] + edges[:-1])
lat = np.array([-62.0, -40.0, -25.0, -5.0, 10.0, 31.0])
lon = np.arange(8) * 45.0
shape = (3, 3, 6, 8)
T, Z, P, L = np.meshgrid(times, lev, np.radians(lat), np.radians(lon), indexing="ij")


def field(k):
    smooth = np.cos(P) * np.sin(k * L + 0.3 * T) + np.sin(2 * P) * np.cos(Z / 20.0 + k) + 0.1 * k * T
    return smooth + 0.1 * rng.standard_normal(shape)


s, u, v = field(1), field(2), field(3)
phi = np.radians(lat)
cos = np.cos(phi)[:, None]
y = RADIUS * phi


def along_x(f):
    padded = np.concatenate([f[..., -1:], f, f[..., :1]], axis=-1)
    return np.gradient(padded, np.radians(45.0), axis=-1)[..., 1:-1] / (RADIUS * cos)


def along_y(f):
    return np.gradient(f, y, axis=-2)


seconds = times * 86400.0
thickness = np.diff(edges)[:, None, None]
lasting = (time_bounds[:, 1] - time_bounds[:, 0]) * 86400.0
middles = 0.5 * (lat[1:] + lat[:-1])
rows = np.concatenate([[2 * lat[0] - middles[0]], middles, [2 * lat[-1] - middles[-1]]])
area = RADIUS**2 * np.radians(45.0) * np.diff(np.sin(np.radians(rows)))[:, None] * np.ones(8)
results = {
    "s_dx": along_x(s),
    "s_dy": along_y(s),
    "divergence": along_x(u) + along_y(v * cos) / cos,
    "vorticity": along_x(v) - along_y(u * cos) / cos,
    "s_dlev": np.gradient(s, lev, axis=1),
    "s_dt": np.gradient(s, seconds, axis=0),
    "s_depth": (s * thickness).sum(axis=1),
    "s_upwards": np.cumsum((s * thickness)[:, ::-1], axis=1)[:, ::-1],
    "s_time": (s * lasting[:, None, None, None]).sum(axis=0),
    "s_area": (s * area).sum(axis=(2, 3)),
}

with netCDF4.Dataset(HERE / "calculus.nc", "w", format="NETCDF3_64BIT_OFFSET") as out:
    for name, values, units in [
        ("time", times, "days since 2001-01-01"),
        ("lev", lev, "m"),
        ("lat", lat, "degrees_north"),
        ("lon", lon, "degrees_east"),
    ]:
        out.createDimension(name, len(values))
        variable = out.createVariable(name, "f8", (name,))
        variable.units = units
        variable[:] = values
    out.createDimension("bnds", 2)
    out["lev"].setncatts({"bounds": "lev_bnds", "positive": "down", "axis": "Z"})
    out["time"].bounds = "time_bnds"
    out.createVariable("lev_bnds", "f8", ("lev", "bnds"))[:] = np.stack([edges[:-1], edges[1:]], axis=1)
    out.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = time_bounds
    dims = ("time", "lev", "lat", "lon")
    of = {"s_depth": ("time", "lat", "lon"), "s_time": dims[1:], "s_area": ("time", "lev")}
    for name, values in {"s": s, "u": u, "v": v, **results}.items():
        variable = out.createVariable(name, "f8", of.get(name, dims))
        variable.units = "m s-1" if name in "uv" else "K"
        variable[:] = values
