"""Four years of daily tropical cloud with waves in it, to try spectra on: mjo.py OUT.nc

Outgoing longwave radiation that holds an annual cycle, noise, a Madden-Julian oscillation (wave
numbers 1 to 3, eastward, 45 days), and Kelvin, equatorial Rossby and mixed Rossby-gravity waves of an
equivalent depth of 25 m. Needs numpy and netCDF4.
"""

import sys

import netCDF4
import numpy as np

random = np.random.default_rng(1971)
days = np.arange(1461) + 0.5
lat = np.arange(-15, 15.1, 2.5)
lon = np.arange(0, 360, 2.5)
x = np.radians(lon)
olr = np.zeros((days.size, lat.size, lon.size), "f4")


def wave(k, period, memory, width, amplitude, antisymmetric=False):
    """A wave of wave number k (eastward: positive) whose phase and amplitude wander within `memory` days."""
    steps = random.normal(size=(2, days.size))
    state = np.zeros((2, days.size))
    keep = np.exp(-1 / memory)
    for t in range(1, days.size):
        state[:, t] = keep * state[:, t - 1] + np.sqrt(1 - keep**2) * steps[:, t]
    # Twice, so that little is left far from the wave's own frequency.
    for t in range(1, days.size):
        state[:, t] = keep * state[:, t - 1] + (1 - keep) * state[:, t]
    state /= state.std(axis=1, keepdims=True)
    envelope = (state[0] + 1j * state[1]) * np.exp(-2j * np.pi * days / period)
    shape = np.exp(-((lat / width) ** 2) / 2)
    if antisymmetric:
        shape = shape * lat / width
    moving = (envelope[:, None] * np.exp(1j * k * x)[None, :]).real
    return amplitude * shape[None, :, None] * moving[:, None, :]


for k, amplitude in [(1, 8), (2, 6), (3, 3)]:
    olr += wave(k, 45, 60, 8, amplitude)
circumference = 2 * np.pi * 6.371e6
speed = np.sqrt(9.81 * 25)
for k in range(2, 9):
    olr += wave(k, circumference / (k * speed) / 86400, 12, 7, 3)
for k in range(-5, 3):
    # Mixed Rossby-gravity waves, and eastward ones of the same kind.
    beta, metres = 2.28e-11, k / 6.371e6
    omega = metres * speed / 2 + np.sqrt((metres * speed / 2) ** 2 + beta * speed)
    olr += wave(k, 2 * np.pi / omega / 86400, 12, 8, 3, antisymmetric=True)
for k in range(2, 7):
    # Rossby waves of the first kind: omega = -beta k / (k^2 + 3 beta / c).
    beta, metres = 2.28e-11, k / 6.371e6
    omega = beta * metres / (metres**2 + 3 * beta / speed)
    olr += wave(-k, 2 * np.pi / omega / 86400, 15, 9, 3)
red = np.zeros((lat.size, lon.size))
for t in range(days.size):
    red = 0.8 * red + random.normal(size=red.shape)
    white = 6 * random.normal(size=red.shape)
    smooth = (red + np.roll(red, 1, 1) + np.roll(red, -1, 1) + np.roll(red, 2, 1) + np.roll(red, -2, 1)) / 5
    olr[t] += 250 + 8 * smooth + white + 10 * np.cos(2 * np.pi * days[t] / 365.25) * np.sin(np.radians(lat))[:, None] * 3

with netCDF4.Dataset(sys.argv[1], "w") as file:
    file.Conventions, file.title = "CF-1.8", "Tropical waves, made by mjo.py"
    for name, values, units, axis in [
        ("time", days, "days since 2001-01-01", "T"),
        ("lat", lat, "degrees_north", "Y"),
        ("lon", lon, "degrees_east", "X"),
    ]:
        file.createDimension(name, None if name == "time" else values.size)
        coordinate = file.createVariable(name, "f8", (name,))
        coordinate.units, coordinate.axis = units, axis
        coordinate.standard_name = {"T": "time", "Y": "latitude", "X": "longitude"}[axis]
        coordinate[:] = values
    file["time"].calendar = "standard"
    rlut = file.createVariable("rlut", "f4", ("time", "lat", "lon"), zlib=True, chunksizes=(64, lat.size, lon.size))
    rlut.standard_name, rlut.units = "toa_outgoing_longwave_flux", "W m-2"
    rlut.long_name = "Outgoing longwave radiation"
    rlut[:] = olr
