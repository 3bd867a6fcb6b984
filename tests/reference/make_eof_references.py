#!/usr/bin/env python3
"""Compute the EOF reference solutions: tests/reference/case_*_eofs.nc.

    python make_eof_references.py [CASE ...]

Everything is double precision. The solver is `eofs.standard.Eof` (ddof = 1); this script only
prepares its input (selection, anomalies, detrending, standardising, weights: the definitions
are in the functions below and in README.md), fixes the signs and checks the answer against
numpy's own SVD. Needs the packages of requirements.txt.
"""

import sys
from pathlib import Path

import cftime
import eofs
import netCDF4
import numpy as np
from eofs.standard import Eof

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
SAMPLE = "ersstv5_sst_201001-202008.nc"

# name: input, variable, modes kept, options of `halocline eof`, whether all scalings are kept
CASES = {
    "box": (SAMPLE, "sst", 6, {"box": (120, 290, -20, 20), "weights": "none"}, False),
    "climatology": (
        SAMPLE, "sst", 3,
        {"box": (150, 250, -30, 30), "weights": "coslat", "anomaly": "climatology"}, True,
    ),
    "packed": (
        "case_packed_input.nc", "thetao", 4,
        {"level": 105, "weights": "coslat", "anomaly": "climatology"}, True,
    ),
    "spatial": ("case_spatial_input.nc", "zos", 5, {"weights": "none"}, True),
    "area": ("case_spatial_input.nc", "zos", 5, {"weights": "area"}, False),
    "trend": (
        "case_trend_input.nc", "tas", 4,
        {"weights": "coslat", "detrend": True, "standardize": True}, True,
    ),
    "curvilinear": ("case_curvilinear_input.nc", "SST", 5, {"weights": "none"}, False),
}


def command_line(variable, modes, options):
    """The options as one types them after `halocline eof FILE`."""
    words = [f"--var {variable}", f"--modes {modes}"]
    for name, value in options.items():
        if value is True:
            words.append(f"--{name}")
        elif isinstance(value, tuple):
            words.append(f"--{name} " + ",".join(str(x) for x in value))
        else:
            words.append(f"--{name} {value}")
    return " ".join(words)


def read(nc, name, options):
    """The selected field (time, y, x) with NaN for missing, months, latitudes, the selection."""
    v = nc[name]
    x = np.ma.filled(np.ma.asarray(v[:], dtype="f8"), np.nan)
    if "level" in options:
        level = nc[v.dimensions[1]][:]
        x = x[:, int(np.flatnonzero(level == options["level"])[0])]
    rows, columns = np.arange(x.shape[-2]), np.arange(x.shape[-1])
    lat = None
    if "lat" in nc.variables:
        lat, lon = (np.asarray(nc[n][:], dtype="f8") for n in ("lat", "lon"))
        if "box" in options:
            west, east, south, north = options["box"]
            rows = rows[(lat >= south) & (lat <= north)]
            columns = columns[(lon >= west) & (lon <= east)]
        lat = lat[rows]
    time = nc["time"]
    dates = cftime.num2date(time[:], time.units, getattr(time, "calendar", "standard"))
    return x[:, rows][:, :, columns], np.array([d.month for d in dates]), lat, rows, columns


def anomalies(x, months, options):
    """Minus the time mean, or minus the mean of each calendar month over all its records."""
    if options.get("anomaly", "mean") == "climatology":
        x = x.copy()
        for month in np.unique(months):
            x[months == month] -= x[months == month].mean(axis=0)
    else:
        x = x - x.mean(axis=0)
    if options.get("detrend"):
        # Least-squares straight line per cell over the record number. The inputs that use it
        # have evenly spaced times, so a line over the time coordinate is the same line.
        t = np.arange(len(x), dtype="f8")
        t -= t.mean()
        x = x - x.mean(axis=0)
        x = x - t[:, None, None] * (np.tensordot(t, x, axes=1) / (t @ t))
    if options.get("standardize"):
        # By the standard deviation of what is analysed (after detrending), ddof = 1.
        x = x / x.std(axis=0, ddof=1)
    return x


def weights(nc, lat, rows, columns, shape, options):
    """What the data are multiplied by, shape (y, x); None for no weights."""
    kind = options["weights"]
    if kind == "none":
        return None
    if kind == "coslat":
        w = np.sqrt(np.cos(np.deg2rad(lat)))[:, None]
    else:
        # Exact spherical rectangles from the bounds, as a share of the whole selected grid,
        # land included.
        south, north = np.sin(np.deg2rad(nc["lat_bnds"][:][rows])).T
        west, east = np.deg2rad(nc["lon_bnds"][:][columns]).T
        area = np.abs(north - south)[:, None] * np.abs(east - west)[None, :]
        w = np.sqrt(area / area.sum())
    return np.broadcast_to(w, shape).copy()


def solve(x, w, modes, everything):
    """All results as {name: (dims, values, long_name)}, and the smallest sign margin."""
    solver = Eof(x, weights=w, center=True, ddof=1)
    lam = solver.eigenvalues()
    unit = solver.eofs(eofscaling=0, neofs=modes)

    # Sign rule: the entry of largest magnitude of the weighted unit-norm EOF is positive.
    flat = np.nan_to_num(unit.reshape(modes, -1))
    signs, margin = np.empty(modes), np.inf
    for k, e in enumerate(flat):
        at = int(np.argmax(np.abs(e)))
        signs[k] = np.sign(e[at])
        opposite = np.max(-signs[k] * e)
        margin = min(margin, 1.0 - opposite / abs(e[at]))
    s = signs[:, None, None]

    # A mode's distance from its nearest neighbour: how well it is determined.
    steps = (lam[:-1] - lam[1:]) / lam[:-1]
    gap = np.array([min(steps[k], steps[k - 1] if k else np.inf) for k in range(modes)])

    out = {
        "eigenvalue": (("mode",), solver.eigenvalues(modes), "eigenvalues of the covariance matrix"),
        "variance_fraction": (("mode",), solver.varianceFraction(modes), "fraction of the variance, 0 to 1"),
        "north_error": (("mode",), solver.northTest(modes), "North et al. (1982), of the eigenvalue"),
        "north_error_fraction": (("mode",), solver.northTest(modes, vfscaled=True), "the same over the total variance"),
        "total_variance": ((), solver.totalAnomalyVariance(), "sum of all eigenvalues"),
        "relative_gap": (("mode",), gap, "distance to the nearest other eigenvalue, relative"),
    }
    maps, series = ("mode", "y", "x"), ("time", "mode")
    for scaling in (0, 1, 2):
        if everything or scaling < 2:
            pcs = solver.pcs(pcscaling=scaling, npcs=modes) * signs
            out[f"pc_scaling{scaling}"] = (series, pcs, f"PCs, pcscaling={scaling}")
        if everything or scaling == 0:
            e = solver.eofs(eofscaling=scaling, neofs=modes) * s
            out[f"eof_scaling{scaling}"] = (maps, e, f"EOFs of the weighted field, eofscaling={scaling}")
    if everything:
        out["eof_correlation"] = (maps, solver.eofsAsCorrelation(neofs=modes) * s, "correlation of PC and field")
    # Last, and once: eofs 2.0.0 takes the weights off its own copy of the data here.
    out["eof_covariance"] = (
        maps, solver.eofsAsCovariance(neofs=modes, pcscaling=1) * s,
        "covariance of the unit-variance PC and the unweighted field",
    )
    return out, lam, margin


def check(x, w, out, lam, modes):
    """The same decomposition by numpy alone must agree."""
    y = (x if w is None else x * w).reshape(len(x), -1)
    y = y[:, ~np.isnan(y[0])]
    y = y - y.mean(axis=0)
    svd = np.linalg.svd(y, compute_uv=False)[:modes] ** 2 / (len(y) - 1)
    assert np.allclose(svd, lam[:modes], rtol=1e-12, atol=0)
    assert np.isclose((y**2).sum() / (len(y) - 1), out["total_variance"][1], rtol=1e-12)
    p, e = out["pc_scaling0"][1], out["eof_scaling0"][1].reshape(modes, -1)
    e = e[:, ~np.isnan(e[0])]
    assert np.allclose(e @ e.T, np.eye(modes), atol=1e-12)
    assert np.allclose(y @ e.T, p, atol=1e-11 * np.abs(p).max())


def write(path, case, out, shape, times):
    """One file; maps and series deflated."""
    source, variable, modes, options, _ = case
    with netCDF4.Dataset(path, "w", format="NETCDF4") as nc:
        nc.setncatts({
            "title": "EOF reference solution",
            "input": source,
            "arguments": command_line(variable, modes, options),
            "command": f"python make_eof_references.py {path.name.split('_')[1]}",
            "tools": f"eofs {eofs.__version__}, numpy {np.__version__}, netCDF4 {netCDF4.__version__}, "
                     f"cftime {cftime.__version__}",
            "normalisation": "covariance divided by (times - 1)",
            "sign": "the largest-magnitude entry of each weighted unit-norm EOF is positive",
        })
        for name, length in (("mode", modes), ("time", times), ("y", shape[0]), ("x", shape[1])):
            nc.createDimension(name, length)
        for name, (dims, values, text) in out.items():
            big = len(dims) > 1
            v = nc.createVariable(name, "f8", dims, zlib=big, complevel=9, shuffle=big)
            v.long_name = text
            v.set_auto_mask(False)
            v[...] = np.ma.filled(values, np.nan)


def main():
    """Makes the cases named on the command line, or all."""
    for name in sys.argv[1:] or CASES:
        source, variable, modes, options, everything = CASES[name]
        with netCDF4.Dataset(DATA / source) as nc:
            x, months, lat, rows, columns = read(nc, variable, options)
            w = weights(nc, lat, rows, columns, x.shape[1:], options)
        x = anomalies(x, months, options)
        out, lam, margin = solve(x, w, modes, everything)
        check(x, w, out, lam, modes)
        gaps = out["relative_gap"][1]
        # A reference with an undetermined mode or sign would test luck.
        assert gaps.min() > 0.01 and margin > 1e-6, (name, gaps, margin)
        write(HERE / f"case_{name}_eofs.nc", CASES[name], out, x.shape[1:], len(x))
        print(f"{name:12} {x.shape} valid {int((~np.isnan(x[0])).sum())} "
              f"eigenvalue 1 {lam[0]:.6g} gap {gaps.min():.3f} sign margin {margin:.1e}")


if __name__ == "__main__":
    main()
