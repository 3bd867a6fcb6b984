#!/usr/bin/env python3
"""Compute the references of wavenumber-frequency spectra: tests/reference/wheeler_kiladis.nc.

    python make_wheeler_kiladis_references.py [--ncl]

The field is made up (`field`), so that tests can make it again: waves that travel, and noise by
integers; rounded to multiples of 1/1024, so that all bits are known. Groups `odd` (with the equator)
and `even` (without) hold everything recomputed with numpy by the definitions, in real space and with
full Fourier transforms; `ncl_*` of `odd` are what NCL 6.6.2's wkSpaceTime wrote, which numpy has to
meet where it is there.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
STEPS, LON, WINDOW, OVERLAP = 400, 60, 24, 15
LATS = {"odd": np.arange(-15.0, 16, 5), "even": np.arange(-12.5, 13, 5)}


def field(lats):
    t, j, i = np.meshgrid(np.arange(STEPS), np.arange(len(lats)), np.arange(LON), indexing="ij")
    noise = ((t * 7919 + j * 104729 + i * 611953 + t * i * 31 + t * j * 17 + i * j * 101) % 1009) / 1009.0
    lon, lat = 2 * np.pi * i / LON, lats[j] / 10.0
    kelvin = 3 * np.cos(2 * lon - 2 * np.pi * t / 9.6) * np.exp(-lat * lat)
    rossby = 2 * np.cos(3 * lon + 2 * np.pi * t / 16.0) * np.exp(-lat * lat)
    mixed = 2 * np.cos(4 * lon + 2 * np.pi * t / 4.0) * lat * np.exp(-lat * lat)
    year = 5 * np.cos(2 * np.pi * t / 365.0) + 0.01 * t
    return np.rint(1024 * (200 + 4 * noise + kelvin + rossby + mixed + year)) / 1024


def smooth(x):
    y = x.copy()
    y[1:-1] = (x[:-2] + 2 * x[1:-1] + x[2:]) / 4
    y[0], y[-1] = (3 * x[0] + x[1]) / 4, (3 * x[-1] + x[-2]) / 4
    return y


def wk(x, window, overlap):
    n, nlat, nlon = x.shape
    t = np.arange(n) - (n - 1) / 2
    x = x - t[:, None, None] * (t @ x.reshape(n, -1)).reshape(nlat, nlon) / (t @ t)
    if n >= 365:
        c = np.fft.rfft(x, axis=0)
        k = np.arange(len(c))
        c[(k > 0) & (k * window <= n)] = 0
        x = np.fft.irfft(c, n, axis=0)
    south, north = x[:, : (nlat + 1) // 2], x[:, ::-1][:, : (nlat + 1) // 2]
    parts = {"symmetric": (south + north) / 2, "antisymmetric": (north - south) / 2}
    m = max(1, int(window * 0.1 + 0.5) // 2)
    taper = np.ones(window)
    taper[:m] = (1 - np.cos(np.pi * (np.arange(m) + 0.5) / m)) / 2
    taper[-m:] = taper[:m][::-1]
    tau = np.arange(window) - (window - 1) / 2
    starts = range(0, n - window + 1, window - overlap)
    half, top = window // 2, nlon // 2
    power = {}
    for name, y in parts.items():
        total = np.zeros((half + 1, 2 * top + 1))
        for s in starts:
            w = y[s : s + window]
            w = w - w.mean(0)
            w = w - tau[:, None, None] * np.tensordot(tau, w, 1) / (tau @ tau)
            p = np.abs(np.fft.fft2(w * taper[:, None, None], axes=(0, 2)) / (nlon * window)) ** 2
            p = p.sum(1)  # of latitudes
            for j in range(half + 1):
                for s_ in range(-top, top + 1):
                    # exp(i(s lon - 2 pi f t)) is east for s > 0: frequency -j of the transform.
                    total[j, s_ + top] += p[-j if s_ >= 0 else j, abs(s_)]
        power[name] = 2 * total / len(starts)
        power[name][0] = np.nan
    waves = np.arange(-top, top + 1)
    near = np.abs(waves) <= 27
    back = (power["symmetric"] + power["antisymmetric"]) / 2
    f = np.arange(half + 1) / window
    for j in range(1, half + 1):
        for _ in range(5 if f[j] < 0.1 else 10 if f[j] < 0.2 else 20 if f[j] < 0.3 else 40):
            back[j, near] = smooth(back[j, near])
    last = int(np.argmin(np.abs(f - 0.8)))
    for s in np.flatnonzero(near):
        for _ in range(10):
            back[1 : last + 1, s] = smooth(back[1 : last + 1, s])
    out = {"power_" + name: p for name, p in power.items()} | {"background": back}
    for name, p in power.items():
        q = p.copy()
        for s in np.flatnonzero(near):
            q[1:half, s] = smooth(q[1:half, s])
        out["log_power_" + name], out["ratio_" + name] = np.log10(q), q / back
    return f, waves, out, len(starts)


def ncl(x, lats):
    with tempfile.TemporaryDirectory() as folder:
        with netCDF4.Dataset(f"{folder}/in.nc", "w", format="NETCDF3_64BIT_OFFSET") as file:
            for name, values in (("time", np.arange(STEPS)), ("lat", lats), ("lon", np.arange(LON) * 360 / LON)):
                file.createDimension(name, len(values))
                file.createVariable(name, "f8", (name,))[:] = values
            file["time"].units = "days since 2001-01-01"
            file["lat"].units, file["lon"].units = "degrees_north", "degrees_east"
            file.createVariable("u", "f8", ("time", "lat", "lon"))[:] = x
        Path(f"{folder}/wk.ncl").write_text(f"""
load "$NCARG_ROOT/lib/ncarg/nclscripts/csm/diagnostics_cam.ncl"
f = addfile("in.nc", "r")
opt = True
opt@netCDF = True
opt@dirNetCDF = "./"
opt@filNetCDF = "out.nc"
wkSpaceTime(f->u, "./", "t", "u", 15, 1, {WINDOW}, -{OVERLAP}, opt)
""")
        print(subprocess.run(["ncl", "-Q", "wk.ncl"], cwd=folder, capture_output=True, text=True).stdout[-2000:])
        with netCDF4.Dataset(f"{folder}/out.nc") as file:
            return {name: np.ma.filled(v[:].astype(float), np.nan) for name, v in file.variables.items()}


def main():
    out = HERE / "wheeler_kiladis.nc"
    with netCDF4.Dataset(out, "w") as file:
        file.source = f"numpy {np.__version__}; NCL 6.6.2"
        for name, lats in LATS.items():
            x = field(lats)
            f, waves, results, windows = wk(x, WINDOW, OVERLAP)
            group = file.createGroup(name)
            group.createDimension("frequency", len(f))
            group.createDimension("wavenumber", len(waves))
            group.createDimension("drawn", 31)
            group.checksum = float(x.sum())
            group.windows = np.int32(windows)
            for key, values in results.items():
                # Of the others NCL's are there.
                if key.startswith("power") or name == "odd" and not key.startswith("log"):
                    group.createVariable(key, "f8", ("frequency", "wavenumber"))[:] = values
            if name == "odd" and shutil.which("ncl"):
                for key, theirs in ncl(x, lats).items():
                    print(key, theirs.shape)
                    if theirs.ndim != 2:
                        continue
                    # What is drawn: waves -15 to 15, frequencies to 0.8.
                    ours = results[{"FIG_1_SYM": "log_power_symmetric", "FIG_1_ASYM": "log_power_antisymmetric",
                                    "FIG_3_SYM": "ratio_symmetric", "FIG_3_ASYM": "ratio_antisymmetric",
                                    "FIG_3_BACK": "background"}[key]]
                    ours = ours[:, np.abs(waves) <= 15]
                    ours = np.log10(ours) if key == "FIG_3_BACK" else ours
                    worst = np.nanmax(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-3))
                    print("   differs by", worst, np.isnan(theirs).sum(), np.isnan(ours).sum())
                    group.createVariable("ncl_" + key, "f4", ("frequency", "drawn"))[:] = theirs
    print(out.stat().st_size)


if __name__ == "__main__":
    main()
