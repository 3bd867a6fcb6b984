"""Small CF data for the scripts that run every command: an ocean and an atmosphere of waves.

    python inputs.py FOLDER

The files that it makes are kept in the repository, so that only who changes this needs Python.
Values are rounded so that they compress well; several tiles in time, chunks in time and space.
"""

import sys

import netCDF4
import numpy as np


def create(path, days, lat, lon, level=None):
    """A file with coordinates and bounds; `level` is (name, values, attributes, bounds or None)."""
    file = netCDF4.Dataset(path, "w")
    file.Conventions = "CF-1.8"
    file.title = "Waves for tests"
    file.institution = "none"
    file.source = "made by scripts/cases/inputs.py"
    file.history = "made"
    file.references = "none"
    file.comment = "no real data"
    file.createDimension("time", None)
    file.createDimension("bnds", 2)
    step = days[1] - days[0]

    def axis(name, values, bounds, attributes, unlimited=False):
        if not unlimited:
            file.createDimension(name, len(values))
        variable = file.createVariable(name, "f8", (name,))
        variable.setncatts(attributes)
        variable[:] = values
        if bounds is not None:
            variable.bounds = name + "_bnds"
            file.createVariable(name + "_bnds", "f8", (name, "bnds"))[:] = bounds

    def around(values):
        half = abs(values[1] - values[0]) / 2
        return np.stack([values - half, values + half], axis=1)

    about = {"units": "days since 2000-01-01", "calendar": "standard", "axis": "T"}
    names = lambda name: {"standard_name": name, "long_name": name.replace("_", " ")}
    axis("time", days, np.stack([days - step / 2, days + step / 2], axis=1), about | names("time"), True)
    axis("lat", lat, around(lat), {"units": "degrees_north", "axis": "Y"} | names("latitude"))
    axis("lon", lon, around(lon), {"units": "degrees_east", "axis": "X"} | names("longitude"))
    if level is not None:
        name, values, attributes, bounds = level
        axis(name, values, bounds, attributes | {"axis": "Z", "positive": "down"})
    return file


def add(file, name, standard, units, dims, values, step, chunks):
    """A variable, rounded to multiples of `step`, missing where it is NaN."""
    variable = file.createVariable(
        name, "f4", dims, fill_value=np.float32(1e20), compression="zlib", complevel=9, shuffle=True, chunksizes=chunks
    )
    variable.standard_name, variable.units = standard, units
    variable.long_name = standard.replace("_", " ")
    variable.cell_methods = "time: mean"
    variable[:] = np.ma.masked_invalid((np.round(values / step) * step).astype("f4"))


def grid(days, *others):
    return np.meshgrid(days, *others, indexing="ij")


def surface(folder, random):
    """Months of the sea surface, with land and noise."""
    days = 15.0 + 30.4375 * np.arange(120)
    lat, lon = np.arange(-82.5, 90, 15.0), np.arange(7.5, 360, 15.0)
    t, y, x = grid(days, np.radians(lat), np.radians(lon))
    noise = random.normal(size=t.shape)
    sst = 15 + 12 * np.cos(2 * y) + np.cos(2 * np.pi * t / 365.25) * np.sin(y) + 0.5 * noise
    sst += np.sin(2 * np.pi * t / 1400) * np.cos(x) * np.cos(y)
    land = np.cos(3 * x) > 0.8
    height = 0.02 * sst + 0.1 * random.normal(size=t.shape)
    flux = 100 * np.sin(2 * y) * np.sin(2 * np.pi * t / 365.25) + 40 * np.cos(2 * y) + 5 * noise
    dims = ("time", "lat", "lon")
    with create(f"{folder}/sst.nc", days, lat, lon) as file:
        for name, standard, units, values, step, chunks in [
            ("tos", "sea_surface_temperature", "degC", sst, 0.125, (10, 12, 24)),
            ("zos", "sea_surface_height_above_geoid", "m", height, 0.0625, (120, 4, 8)),
            ("hfds", "surface_downward_heat_flux_in_sea_water", "W m-2", flux, 2, (30, 12, 24)),
        ]:
            add(file, name, standard, units, dims, np.where(land, np.nan, values), step, chunks)


def weather(folder, random):
    """Days of wind and radiation without gaps."""
    days = np.arange(240) + 0.5
    lat, lon = np.linspace(82.5, -82.5, 12), np.arange(0, 360, 15.0)
    t, y, x = grid(days, np.radians(lat), np.radians(lon))
    waves = sum(np.cos(k * x - 2 * np.pi * t / p) for k, p in [(1, 45), (2, 10), (-3, 6)])
    noise = random.normal(size=t.shape)
    dims, chunks = ("time", "lat", "lon"), (24, 6, 24)
    with create(f"{folder}/air.nc", days, lat, lon) as file:
        olr = 240 + 10 * np.cos(y) * waves + noise
        add(file, "rlut", "toa_outgoing_longwave_flux", "W m-2", dims, olr, 0.5, chunks)
        add(file, "uas", "eastward_wind", "m s-1", dims, 10 * np.cos(y) * (1 + 0.2 * waves), 0.25, chunks)
        add(file, "vas", "northward_wind", "m s-1", dims, 2 * np.cos(y) * waves + 0.1 * noise, 0.25, chunks)


def columns(folder, random):
    """Winds, temperature, humidity and heights at levels of pressure."""
    days = np.arange(70) + 0.5
    lat, lon = np.linspace(-80, 80, 9), np.arange(0, 360, 30.0)
    plev = np.array([100000.0, 85000, 70000, 50000, 30000, 10000])
    t, p, y, x = grid(days, plev, np.radians(lat), np.radians(lon))
    wave = np.cos(2 * x - 2 * np.pi * t / 9) * np.sin(2 * y)
    up = np.log(1e5 / p)
    below = (p == 1e5) & (np.cos(x) > 0.9)
    fields = [
        ("va", "northward_wind", "m s-1", 4 * wave + np.sin(2 * y) * (0.5 - p / 1e5), 0.125),
        ("ua", "eastward_wind", "m s-1", 10 * up * np.cos(y) + 3 * wave, 0.125),
        ("ta", "air_temperature", "K", 290 - 40 * np.sin(y) ** 2 - 30 * up + wave, 0.25),
        ("hus", "specific_humidity", "1", 0.015 * np.exp(-3 * up) * np.cos(y) ** 2 + 0.0003 * wave + 4e-4, 2.0**-14),
        ("zg", "geopotential_height", "m", 7600 * up - 30 * np.sin(y) ** 2 + 10 * wave, 1),
        ("wap", "lagrangian_tendency_of_air_pressure", "Pa s-1", 0.1 * np.sin(3 * y) * np.sin(np.pi * p / 1e5) + 0.05 * wave, 2.0**-7),
    ]
    level = ("plev", plev, {"units": "Pa", "standard_name": "air_pressure", "long_name": "pressure"}, None)
    with create(f"{folder}/winds.nc", days, lat, lon, level) as file:
        for name, standard, units, values, step in fields:
            values = np.where(below, np.nan, values)
            add(file, name, standard, units, ("time", "plev", "lat", "lon"), values, step, (14, 3, 9, 12))
        ps = 1e5 + 300 * wave[:, 0] - 2000 * (np.cos(x[:, 0]) > 0.9)
        add(file, "ps", "surface_air_pressure", "Pa", ("time", "lat", "lon"), ps, 16, (14, 9, 12))


def ocean(folder, random):
    """Currents, temperature and salinity at levels of depth, with land and a bottom."""
    days = 15.0 + 30.4375 * np.arange(24)
    lat, lon = np.linspace(-60, 60, 9), np.arange(15, 360, 30.0)
    edges = np.array([0.0, 10, 30, 100, 400, 1000])
    depth = (edges[1:] + edges[:-1]) / 2
    t, z, y, x = grid(days, depth, np.radians(lat), np.radians(lon))
    season = np.cos(2 * np.pi * t / 365.25)
    dry = (np.cos(2 * x) > 0.8) | ((z > 300) & (np.sin(x) > 0.7))
    warm = 2 + 24 * np.cos(y) ** 2 * np.exp(-z / 300) + 2 * season * np.sin(y) * np.exp(-z / 50) + np.cos(x)
    fields = [
        ("vo", "sea_water_y_velocity", "m s-1", 0.1 * np.sin(x + y) * np.exp(-z / 400) + 0.02 * season, 2.0**-8),
        ("uo", "sea_water_x_velocity", "m s-1", 0.2 * np.cos(3 * y) * np.exp(-z / 200) + 0.02 * season, 2.0**-8),
        ("thetao", "sea_water_potential_temperature", "degC", warm, 0.125),
        ("so", "sea_water_practical_salinity", "1", 35 + np.cos(2 * y) - 0.4 * np.exp(-z / 100) + 0.1 * np.sin(x), 2.0**-6),
    ]
    about = {"units": "m", "standard_name": "depth", "long_name": "depth"}
    level = ("lev", depth, about, np.stack([edges[:-1], edges[1:]], axis=1))
    with create(f"{folder}/ocean.nc", days, lat, lon, level) as file:
        for name, standard, units, values, step in fields:
            values = np.where(dry, np.nan, values)
            add(file, name, standard, units, ("time", "lev", "lat", "lon"), values, step, (6, 5, 9, 12))


if __name__ == "__main__":
    generator = np.random.default_rng(3)
    for make in (surface, weather, columns, ocean):
        make(sys.argv[1], generator)
