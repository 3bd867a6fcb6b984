#!/usr/bin/env python3
"""Compute the references of spectra in space: tests/reference/space_spectra.nc.

    python make_space_spectra_references.py                  # numpy, and the xrft that is installed
    PYTHONPATH=.../xrft-1.0.2 python make_space_spectra_references.py

Each run replaces the groups that it makes. `xrft-VERSION` holds isotropic spectra of a made-up field
(`field`, which tests make again) by that version of xrft (1.0.1 from PyPI; 1.0.2 is a tag of its
repository), wave numbers in cycles per degree; `numpy` the two-dimensional density by the definition,
and zonal and wavenumber-frequency spectra.
"""

import warnings
from pathlib import Path

import netCDF4
import numpy as np
import scipy.signal
import xarray as xr
import xrft

HERE = Path(__file__).resolve().parent
# Latitudes, longitudes and times of the box, and of the circle.
BOX = (3, 24, 31)
CIRCLE = (40, 5, 18)


def field(shape):
    t, j, i = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    noise = ((t * 7919 + j * 104729 + i * 611953 + t * i * 31 + t * j * 17 + i * j * 101) % 1009) / 1009.0
    smooth = 3 * np.cos(2 * np.pi * (2 * i / shape[2] + j / 7.0 - t / 8.0))
    return np.rint(1024 * (20 + 4 * noise + smooth + 0.3 * j - 0.2 * i + 0.05 * t)) / 1024


def isotropic(data):
    lat, lon = 30 + 0.5 * np.arange(BOX[1]), 10 + 0.5 * np.arange(BOX[2])
    array = xr.DataArray(data, dims=["time", "lat", "lon"], coords={"lat": lat, "lon": lon})
    out = {}
    cases = {
        "none_boxcar": {},
        "constant_boxcar": {"detrend": "constant"},
        "plane_hann": {"detrend": "linear", "window": "hann"},
        "plane_hann_8": {"detrend": "linear", "window": "hann", "nfactor": 3},
    }
    for name, options in cases.items():
        spectrum = xrft.isotropic_power_spectrum(array, dim=["lat", "lon"], **options)
        out[name] = spectrum.transpose("time", "freq_r").values
        out[f"{name}_wavenumber"] = spectrum.freq_r.values
    return out


def detrended_plane(x):
    j, i = np.meshgrid(np.arange(x.shape[0]), np.arange(x.shape[1]), indexing="ij")
    terms = np.stack([np.ones(x.size), j.ravel(), i.ravel()], axis=1)
    return x - (terms @ np.linalg.lstsq(terms, x.ravel(), rcond=None)[0]).reshape(x.shape)


def plane(data):
    """Two-dimensional density of plane-detrended, Hann-windowed maps, window corrected."""
    ny, nx = BOX[1:]
    weights = np.outer(scipy.signal.get_window("hann", ny), scipy.signal.get_window("hann", nx))
    maps = np.stack([detrended_plane(x) for x in data])
    power = np.abs(np.fft.fft2(weights * maps)) ** 2 * 0.25 / (ny * nx * np.mean(weights**2))
    return np.fft.fftshift(power, axes=(1, 2))


def rings(power):
    """The same over rings as wide as the coarser step of wave number."""
    ny, nx = BOX[1:]
    l, k = (np.fft.fftshift(np.fft.fftfreq(n, 0.5)) for n in (ny, nx))
    kappa = np.hypot(l[:, None], k[None, :])
    width = max(1 / (0.5 * ny), 1 / (0.5 * nx))
    ring = np.floor(kappa / width + 0.5).astype(int)
    sums = [np.bincount(ring.ravel(), weights=p.ravel()) for p in power]
    return np.stack(sums) / (0.25 * ny * nx) / width


def zonal(data):
    n = data.shape[-1]
    power = np.abs(np.fft.rfft(data)) ** 2 / n**2
    power[..., 1 : (n + 1) // 2] *= 2
    return power


def space_time(data, segment, overlap, window, detrend):
    """One-sided in frequency, eastward waves with positive wave numbers, per cycle and step."""
    steps, rows, lon = data.shape
    n = segment or steps
    weights = scipy.signal.get_window(window, n)
    shift = n - int(overlap * n)
    total, count = 0, 0
    for start in range(0, steps - n + 1, shift):
        part = data[start : start + n]
        if detrend != "none":
            part = scipy.signal.detrend(part, axis=0, type=detrend)
        x = np.fft.fft2(part * weights[:, None, None], axes=(0, 2))
        total, count = total + np.abs(x) ** 2, count + 1
    two = total / count / (lon**2 * np.sum(weights**2))
    top = lon // 2
    out = np.zeros((rows, n // 2 + 1, 2 * top + 1))
    for j in range(n // 2 + 1):
        for s in range(-top, top + 1):
            # exp i(s lambda - 2 pi f t) has the frequency -f; (s, -f) and (-s, f) are one wave.
            pair = two[-j % n, :, s % lon] + (two[j, :, -s % lon] if 0 < j and 2 * j != n else 0)
            out[:, j, s + top] = pair * (0.5 if 2 * abs(s) == lon else 1)
    return out


def main():
    warnings.simplefilter("ignore")
    path = HERE / "space_spectra.nc"
    version = xrft.__version__
    if not hasattr(xrft.xrft, "isotropize") or "1.0.2" in str(Path(xrft.__file__)):
        version = "1.0.2"
    box, circle = field(BOX), field(CIRCLE)
    groups = {f"xrft-{version}": isotropic(box)}
    if version == "1.0.1":
        power = plane(box)
        groups["numpy"] = {
            "plane": power[0],
            "rings": rings(power),
            "zonal": zonal(circle)[::8],
            "zonal_mean": zonal(circle).mean(axis=0),
            "whole": space_time(circle, None, 0, "boxcar", "none")[::2],
            "hann": space_time(circle, 15, 0.5, "hann", "linear"),
        }
    old = {}
    if path.exists():
        with netCDF4.Dataset(path) as file:
            for name, group in file.groups.items():
                old[name] = {key: variable[:].data for key, variable in group.variables.items()}
    groups = {**old, **groups}
    with netCDF4.Dataset(path, "w") as file:
        file.source = "make_space_spectra_references.py; numpy, scipy, xrft 1.0.1 and 1.0.2"
        for name in sorted(groups):
            group = file.createGroup(name)
            for key, values in groups[name].items():
                dims = [f"{key}_{d}" for d in range(values.ndim)]
                for dim, length in zip(dims, values.shape):
                    group.createDimension(dim, length)
                variable = group.createVariable(key, "f8", dims, zlib=True, shuffle=True, fill_value=False)
                variable[:] = values


main()
