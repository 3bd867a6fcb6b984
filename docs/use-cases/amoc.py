"""Two years of an ocean basin whose transports are known, to try budgets on: amoc.py OUT.nc

A basin like the Atlantic, 34 S to 70 N, on a C grid: an overturning cell of 17 Sv with a weaker one
below, a gyre with its boundary current in the west, a warm upper ocean. Needs numpy and netCDF4.
"""

import sys

import netCDF4
import numpy as np

times = 15 + 30.4375 * np.arange(24)
edges = np.linspace(-34, 70, 53)
lat, lat_v = (edges[:-1] + edges[1:]) / 2, edges[1:]
lon = np.arange(281, 360, 2.0)
tops = np.concatenate([[0], np.cumsum(np.linspace(20, 400, 20))])
depth, thickness = (tops[:-1] + tops[1:]) / 2, np.diff(tops)
bottom = tops[-1]
radius = 6371008.7714


def cell(z, top, base):
    """1 in the middle between two depths, 0 at both and beyond."""
    inside = (z > top) & (z < base)
    return np.where(inside, np.sin(np.pi * np.clip((z - top) / (base - top), 0, 1)) ** 2, 0)


# The streamfunction at the edges of layers (Sv), 0 at surface and bottom, dying out at the ends of the basin.
ends = np.sin(np.pi * np.clip((lat_v + 34) / 104, 0, 1)) ** 0.3
psi = ends[:, None] * (17 * cell(tops, 0, 2800) - 3 * cell(tops, 2800, bottom))[None, :]
width = radius * np.cos(np.radians(lat_v)) * np.radians(80)
# psi is what flows north above a depth.
over = (psi[:, 1:] - psi[:, :-1]) * 1e6 / thickness / width[:, None]
season = 1 + 0.2 * np.cos(2 * np.pi * times / 365.25)
# A gyre: a narrow current in the west, a wide return, nothing on the whole.
across = np.exp(-(lon - lon[0]) / 6)
across -= across.mean()
gyre = 0.15 * np.sin(2 * np.pi * (lat_v + 34) / 104)[:, None] * across[None, :]
decay = np.exp(-depth / 500)
v = season[:, None, None, None] * over.T[None, :, :, None] + (gyre[None] * decay[:, None, None])[None]
v[:, :, -1, :] = 0  # the basin ends here
warm = 26 * np.cos(np.radians(lat)) ** 2
theta = 2 + warm[None, :, None] * np.exp(-depth / 600)[:, None, None] * (1 - 0.1 * across)[None, None, :]
theta = np.broadcast_to(theta, (times.size,) + theta.shape)

with netCDF4.Dataset(sys.argv[1], "w") as file:
    file.Conventions, file.title = "CF-1.8", "A basin with known transports, made by amoc.py"
    for name, values, units, standard, axis in [
        ("time", times, "days since 2001-01-01", "time", "T"),
        ("lev", depth, "m", "depth", "Z"),
        ("lat", lat, "degrees_north", "latitude", "Y"),
        ("lat_v", lat_v, "degrees_north", "latitude", "Y"),
        ("lon", lon, "degrees_east", "longitude", "X"),
    ]:
        file.createDimension(name, None if name == "time" else values.size)
        coordinate = file.createVariable(name, "f8", (name,))
        coordinate.units, coordinate.standard_name, coordinate.axis = units, standard, axis
        coordinate[:] = values
    file["time"].calendar, file["lev"].positive, file["lev"].bounds = "standard", "down", "lev_bnds"
    file.createDimension("bnds", 2)
    file.createVariable("lev_bnds", "f8", ("lev", "bnds"))[:] = np.stack([tops[:-1], tops[1:]], axis=1)
    for name, standard, units, rows, values in [
        ("vo", "sea_water_y_velocity", "m s-1", "lat_v", v),
        ("thetao", "sea_water_potential_temperature", "degC", "lat", theta),
    ]:
        variable = file.createVariable(name, "f4", ("time", "lev", rows, "lon"), zlib=True)
        variable.standard_name, variable.units = standard, units
        variable[:] = values
