"""Small CF data for the scripts that run every command: a global ocean and atmosphere of waves.

    python inputs.py FOLDER
"""

import sys

import netCDF4
import numpy as np


def create(path, days, lat, lon, levels=None):
    file = netCDF4.Dataset(path, "w")
    file.Conventions = "CF-1.8"
    file.title = "Waves for tests"
    file.institution = "none"
    file.source = "made by scripts/standards/inputs.py"
    file.history = "made"
    file.references = "none"
    file.comment = "no real data"
    file.createDimension("time", None)
    file.createDimension("bnds", 2)
    time = file.createVariable("time", "f8", ("time",))
    time.units, time.calendar, time.axis = "days since 2000-01-01", "standard", "T"
    time.standard_name, time.long_name, time.bounds = "time", "time", "time_bnds"
    step = days[1] - days[0]
    bounds = file.createVariable("time_bnds", "f8", ("time", "bnds"))
    time[:] = days
    bounds[:] = np.stack([days - step / 2, days + step / 2], axis=1)
    for name, values, units, axis in [
        ("lat", lat, "degrees_north", "Y"),
        ("lon", lon, "degrees_east", "X"),
    ]:
        file.createDimension(name, len(values))
        variable = file.createVariable(name, "f8", (name,))
        variable.units, variable.axis = units, axis
        variable.standard_name = variable.long_name = {"Y": "latitude", "X": "longitude"}[axis]
        variable[:] = values
    if levels is not None:
        file.createDimension("plev", len(levels))
        plev = file.createVariable("plev", "f8", ("plev",))
        plev.units, plev.axis, plev.positive = "Pa", "Z", "down"
        plev.standard_name = plev.long_name = "air_pressure"
        plev[:] = levels
    return file


def add(file, name, standard, units, dims, values):
    variable = file.createVariable(name, "f4", dims, fill_value=np.float32(1e20), zlib=True)
    variable.standard_name, variable.units = standard, units
    variable.long_name = standard.replace("_", " ")
    variable.cell_methods = "time: mean"
    variable[:] = np.ma.masked_invalid(values.astype("f4"))


def main(folder):
    random = np.random.default_rng(3)
    # Months of sea surface temperature, with land and noise.
    days = 15.0 + 30.4375 * np.arange(120)
    lat, lon = np.arange(-85, 90, 10.0), np.arange(5, 360, 10.0)
    t, y, x = np.meshgrid(days, np.radians(lat), np.radians(lon), indexing="ij")
    noise = random.normal(size=t.shape)
    sst = 15 + 12 * np.cos(2 * y) + np.cos(2 * np.pi * t / 365.25) * np.sin(y) + 0.5 * noise
    sst += np.sin(2 * np.pi * t / 1400) * np.cos(x) * np.cos(y)
    sst[:, (np.cos(3 * x[0]) > 0.8)] = np.nan
    with create(f"{folder}/sst.nc", days, lat, lon) as file:
        add(file, "tos", "sea_surface_temperature", "degC", ("time", "lat", "lon"), sst)
        add(file, "zos", "sea_surface_height_above_geoid", "m", ("time", "lat", "lon"), 0.02 * sst + 0.1 * noise)
    # Days of wind and cloud without gaps.
    days = np.arange(240) + 0.5
    lat, lon = np.linspace(85, -85, 18), np.arange(0, 360, 10.0)
    t, y, x = np.meshgrid(days, np.radians(lat), np.radians(lon), indexing="ij")
    waves = sum(np.cos(k * x - 2 * np.pi * t / p) for k, p in [(1, 45), (2, 10), (-3, 6)])
    noise = random.normal(size=t.shape)
    dims = ("time", "lat", "lon")
    with create(f"{folder}/air.nc", days, lat, lon, np.array([85000.0, 50000.0])) as file:
        add(file, "rlut", "toa_outgoing_longwave_flux", "W m-2", dims, 240 + 10 * np.cos(y) * waves + noise)
        add(file, "uas", "eastward_wind", "m s-1", dims, 10 * np.cos(y) * (1 + 0.2 * waves) + 0.1 * noise)
        add(file, "vas", "northward_wind", "m s-1", dims, 2 * np.cos(y) * waves + 0.1 * noise)
        levels = np.stack([20 + waves, 40 + 2 * waves], axis=1) * np.cos(y)[:, None]
        add(file, "ua", "eastward_wind", "m s-1", ("time", "plev", "lat", "lon"), levels)


main(sys.argv[1])
