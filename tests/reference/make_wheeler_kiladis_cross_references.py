#!/usr/bin/env python3
"""Compute the references of wavenumber-frequency cross-spectra: tests/reference/wheeler_kiladis_cross.nc.

    python make_wheeler_kiladis_cross_references.py

Both fields are made up (`fields`), so that tests can make them again: waves that travel, which one
field has later than the other, and noise by integers; rounded to multiples of 1/1024, so that all bits
are known. Everything is recomputed with numpy by the definitions, in real space and with full Fourier
transforms. Group `odd` (with the equator) holds what NCL 6.6.2's mjo_cross gives, which numpy has to
meet, and numpy's phase (NCL's is that of a ratio); group `even` (without the equator) what numpy gives:
there NCL counts a row of the antisymmetric part as symmetric.
"""

import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
STEPS, LON, WINDOW, OVERLAP = 250, 24, 16, 6
LATS = {"odd": np.arange(-15.0, 16, 5), "even": np.arange(-12.5, 13, 5)}
NAMES = ["power_x", "power_y", "cospectrum", "quadrature", "coherence_squared", "phase", "v1", "v2"]


def fields(lats):
    t, j, i = np.meshgrid(np.arange(STEPS), np.arange(len(lats)), np.arange(LON), indexing="ij")
    noise = [
        ((t * a + j * 104729 + i * b + t * i * 31 + t * j * 17 + i * j * 101) % 1009) / 1009.0
        for a, b in ((7919, 611953), (6151, 350377))
    ]
    lon, lat = 2 * np.pi * i / LON, lats[j] / 10.0
    near = np.exp(-lat * lat)
    out = []
    for noise, late, size in zip(noise, (0.0, 1.5), (1.0, 0.5)):
        s = t - late
        kelvin = 3 * np.cos(2 * lon - 2 * np.pi * s / 9.6) * near
        rossby = 2 * np.cos(3 * lon + 2 * np.pi * s / 16.0) * near
        mixed = 2 * np.cos(4 * lon + 2 * np.pi * s / 4.0) * lat * near
        out.append(np.rint(1024 * (200 + 4 * noise + size * (kelvin + rossby + mixed) + 0.01 * t)) / 1024)
    return out


def without_line(x):
    t = np.arange(len(x)) - (len(x) - 1) / 2
    return x - x.mean(0) - t[:, None, None] * np.tensordot(t, x, 1) / (t @ t)


def tapered(x):
    n = len(x)
    m = max(1, int(n * 0.1 + 0.5) // 2)
    w = np.ones(n)
    w[:m] = (1 - np.cos(np.pi * (np.arange(m) + 0.5) / m)) / 2
    w[-m:] = w[:m][::-1]
    mean = x.mean(0)
    return (x - mean) * w[:, None, None] + mean


def smooth(x):
    y = x.copy()
    y[1:-1] = (x[:-2] + 2 * x[1:-1] + x[2:]) / 4
    y[0], y[-1] = (3 * x[0] + x[1]) / 4, (3 * x[-1] + x[-2]) / 4
    return y


def cross(x, y, window, overlap):
    n, nlat, nlon = x.shape
    half, top = window // 2, nlon // 2
    parts = {}
    for name, z in (("x", x), ("y", y)):
        south, north = z[:, : (nlat + 1) // 2], z[:, ::-1][:, : (nlat + 1) // 2]
        parts[name] = {"symmetric": (south + north) / 2, "antisymmetric": ((north - south) / 2)[:, : nlat // 2]}
    starts = range(0, n - window + 1, window - overlap)
    out = {}
    for part in ("symmetric", "antisymmetric"):
        xs, ys = (tapered(without_line(parts[k][part])) for k in ("x", "y"))
        sums = np.zeros((3, half + 1, 2 * top + 1), dtype=complex)
        for s in starts:
            ex, ey = (np.fft.fft2(tapered(z[s : s + window]), axes=(0, 2)) / (nlon * window) for z in (xs, ys))
            products = [np.abs(ex) ** 2, np.abs(ey) ** 2, np.conj(ex) * ey]
            for p, product in enumerate(products):
                product = product.mean(1)  # over latitudes
                for j in range(half + 1):
                    for k in range(-top, top + 1):
                        # exp(i(k lon - 2 pi f t)) is east for k > 0: frequency -j of the transform,
                        # whose angles run the other way.
                        value = product[-j, k] if k > 0 else product[j, -k]
                        sums[p, j, k + top] += np.conj(value) if p == 2 and k > 0 else value
        xx, yy, xy = sums[0].real / len(starts), sums[1].real / len(starts), sums[2] / len(starts)
        values = [xx, yy, xy.real, xy.imag]
        sx, sy, co, quad = (smooth(v) for v in values)
        size = np.hypot(co, quad)
        coherence = size**2 / (sx * sy)
        weak = coherence < 0.05
        values += [coherence, np.arctan2(quad, co), np.where(weak, 0, -quad / size), np.where(weak, 0, co / size)]
        out |= {f"{name}_{part}": v for name, v in zip(NAMES, values)}
    return out, len(starts)


def ncl(x, y, lats):
    with tempfile.TemporaryDirectory() as folder:
        with netCDF4.Dataset(f"{folder}/in.nc", "w", format="NETCDF3_64BIT_OFFSET") as file:
            for name, values in (("time", np.arange(STEPS)), ("lat", lats), ("lon", np.arange(LON) * 360 / LON)):
                file.createDimension(name, len(values))
                file.createVariable(name, "f8", (name,))[:] = values
            file["time"].units = "days since 2001-01-01"
            file["lat"].units, file["lon"].units = "degrees_north", "degrees_east"
            file.createVariable("u", "f8", ("time", "lat", "lon"))[:] = x
            file.createVariable("v", "f8", ("time", "lat", "lon"))[:] = y
        # NCL's overlap is the distance between the starts of segments.
        Path(f"{folder}/wk.ncl").write_text(f"""
load "$NCARG_ROOT/lib/ncarg/nclscripts/csm/gsn_code.ncl"
load "$NCARG_ROOT/lib/ncarg/nclscripts/csm/gsn_csm.ncl"
load "$NCARG_ROOT/lib/ncarg/nclscripts/csm/contributed.ncl"
load "$NCARG_ROOT/lib/ncarg/nclscripts/csm/diagnostics_cam.ncl"
f = addfile("in.nc", "r")
s = mjo_cross(f->u, f->v, {WINDOW}, {WINDOW - OVERLAP}, False)
print("prob " + s@prob + " " + s@prob_coh2 + " dof " + s@dof)
o = addfile("out.nc", "c")
o->stc = (/ s /)
""")
        done = subprocess.run(["ncl", "-Q", "wk.ncl"], cwd=folder, capture_output=True, text=True)
        print(done.stdout[-3000:])
        with netCDF4.Dataset(f"{folder}/out.nc") as file:
            return np.ma.filled(file["stc"][:], np.nan)


def main():
    out = HERE / "wheeler_kiladis_cross.nc"
    with netCDF4.Dataset(out, "w") as file:
        file.source = f"numpy {np.__version__}; NCL 6.6.2"
        for name, lats in LATS.items():
            x, y = fields(lats)
            results, windows = cross(x, y, WINDOW, OVERLAP)
            group = file.createGroup(name)
            for dim, n in (("quantity", len(NAMES)), ("part", 2), ("frequency", WINDOW // 2 + 1), ("wavenumber", LON + 1)):
                group.createDimension(dim, n)
            group.checksums = [x.sum(), y.sum()]
            group.windows = np.int32(windows)
            group.quantities = " ".join(NAMES)
            spectra = group.createVariable("spectra", "f8", ("quantity", "part", "frequency", "wavenumber"))
            for k, key in enumerate(NAMES):
                for p, part in enumerate(("symmetric", "antisymmetric")):
                    spectra[k, p] = results[f"{key}_{part}"]
            if name == "even":
                continue
            theirs = ncl(x, y, lats)
            west = np.arange(LON + 1) <= LON // 2
            for part, offset in (("symmetric", 0), ("antisymmetric", 1)):
                # P11, P22, P12, Q12, coherence, atan(Q/P), V1, V2; Q12 is ours with another sign.
                for k, key in enumerate(NAMES):
                    ours, stc = results[f"{key}_{part}"], theirs[2 * k + offset]
                    if key == "quadrature":
                        stc = np.where(west, -stc, stc)
                    if key == "phase":
                        ours, stc = np.tan(ours), np.where(west, -np.tan(stc), np.tan(stc))
                    worst = np.nanmax(np.abs(ours - stc)) / np.nanmax(np.abs(ours))
                    print(name, key, part, "differs by", worst)
                    if key != "phase":
                        spectra[k, offset] = stc
    print(out.stat().st_size)


if __name__ == "__main__":
    main()
