#!/usr/bin/env python3
"""Compute the references of percentiles and running statistics: tests/reference/series_*.nc.

    python make_series_references.py

Percentiles are numpy.quantile(values, q, method=...) of the values of a cell, in double precision,
missing ones left out. Running statistics are numpy's of each window, summed with math.fsum; where
they are there, xarray's rolling and `cdo -b F64 -runmean` and its like (CDO 2.1.1) have to agree.
"""

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from make_stats_references import DATA, data_variable, unpacked

HERE = Path(__file__).resolve().parent
# name: input, variable, every n-th cell that is kept
CASES = {
    "sample": ("ersstv5_sst_201001-202008.nc", "sst", 211),
    "packed": ("case_packed_input.nc", "thetao", 9),
    "trend": ("case_trend_input.nc", None, 4),
}
PERCENTS = [0, 2.5, 10, 50, 90, 99.9, 100]
METHODS = ["linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased",
           "normal_unbiased", "inverted_cdf"]
# What CDO calls them; checked with `cdo --percentile nist -fldpctl` and so on.
CDO = {"nist": "weibull", "nrank": "inverted_cdf", "rtype8": "median_unbiased"}
WINDOW = 12


def window_statistics(values):
    """Of one window of one cell."""
    v = values[~np.isnan(values)]
    n = len(v)
    if n == 0:
        return [np.nan] * 8 + [0]
    total = math.fsum(v)
    squares = math.fsum((v - total / n) ** 2)
    var = squares / (n - 1) if n > 1 else np.nan
    rms = math.sqrt(math.fsum(v * v) / n)
    return [total / n, total, v.min(), v.max(), v.max() - v.min(), var, math.sqrt(var), rms, n]


OPS = ["mean", "sum", "min", "max", "range", "var", "std", "rms", "count"]


def check_cdo_percentiles(series):
    if not shutil.which("cdo"):
        return
    v = series[~np.isnan(series)]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/v.nc"
        with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
            for name, length, axis in (("x", len(v), "X"), ("y", 1, "Y")):
                file.createDimension(name, length)
                file.createVariable(name, "f8", (name,))[:] = np.arange(length)
                file[name].axis = axis
            file.createVariable("v", "f8", ("y", "x"))[:] = v[None]
        for method, numpy_name in CDO.items():
            for percent in PERCENTS:
                command = ["cdo", "-s", "--percentile", method, "-outputf,%.17g", f"-fldpctl,{percent}", path]
                theirs = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                ours = np.quantile(v, percent / 100, method=numpy_name)
                assert abs(theirs - ours) < 1e-12 * abs(ours), (method, percent, theirs, ours)


def check_running(cells, results):
    rolling = xr.DataArray(cells, dims=("time", "cell")).rolling(time=WINDOW, min_periods=1)
    for op in ("mean", "sum", "min", "max", "std", "var"):
        options = {"ddof": 1} if op in ("std", "var") else {}
        theirs = getattr(rolling, op)(**options).values[WINDOW - 1 :]
        np.testing.assert_allclose(theirs, results[op], rtol=1e-8, atol=1e-9, equal_nan=True)
    if not shutil.which("cdo"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/v.nc"
        with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
            for name, length, axis in (("time", None, "T"), ("y", 1, "Y"), ("x", cells.shape[1], "X")):
                file.createDimension(name, length)
                file.createVariable(name, "f8", (name,))[:] = np.arange(length or len(cells))
                file[name].axis = axis
            file["time"].units = "days since 2000-01-01"
            v = file.createVariable("v", "f8", ("time", "y", "x"), fill_value=1e30)
            v[:] = np.where(np.isnan(cells), 1e30, cells)[:, None]
        for op, cdo in (("mean", "runmean"), ("sum", "runsum"), ("min", "runmin"), ("max", "runmax"),
                        ("range", "runrange"), ("var", "runvar1"), ("std", "runstd1")):
            out = f"{folder}/o.nc"
            subprocess.run(["cdo", "-s", "-b", "F64", f"-{cdo},{WINDOW}", path, out], check=True)
            with netCDF4.Dataset(out) as file:
                theirs = np.ma.filled(file["v"][:, 0], np.nan)
            np.testing.assert_allclose(theirs, results[op], rtol=1e-9, atol=1e-9, equal_nan=True)


def main():
    for name, (path, var, every) in CASES.items():
        with netCDF4.Dataset(DATA / path) as file:
            var = var or data_variable(file)
            values = unpacked(file[var])
        steps = len(values)
        cells = values.reshape(steps, -1)[:, ::every]
        out = HERE / f"series_{name}.nc"
        with netCDF4.Dataset(out, "w") as file:
            file.setncatts({"input": path, "variable": var, "every": np.int32(every),
                            "window": np.int32(WINDOW), "source": f"numpy {np.__version__}"})
            file.createDimension("percent", len(PERCENTS))
            file.createDimension("cell", cells.shape[1])
            file.createDimension("row", steps + 1 - WINDOW)
            file.createVariable("percent", "f8", ("percent",))[:] = PERCENTS
            for method in METHODS:
                result = np.full((len(PERCENTS), cells.shape[1]), np.nan)
                for c, series in enumerate(cells.T):
                    v = series[~np.isnan(series)]
                    if len(v):
                        q = np.true_divide(PERCENTS, 100)
                        result[:, c] = np.quantile(v, q, method=method)
                file.createVariable(method, "f8", ("percent", "cell"), zlib=True, shuffle=True)[:] = result
            windows = np.array([[window_statistics(cells[k : k + WINDOW, c]) for c in range(cells.shape[1])]
                                for k in range(steps + 1 - WINDOW)])
            results = {op: windows[:, :, i] for i, op in enumerate(OPS)}
            check_running(cells, results)
            for op in OPS:
                keep = results[op][:, ::4]
                file.createDimension("kept", keep.shape[1]) if "kept" not in file.dimensions else None
                file.createVariable(f"running_{op}", "f8", ("row", "kept"), zlib=True, shuffle=True)[:] = keep
        best = max(range(cells.shape[1]), key=lambda c: np.isfinite(cells[:, c]).sum())
        check_cdo_percentiles(cells[:, best])
        print(out.name, out.stat().st_size, cells.shape, f"{np.isnan(cells).mean():.2f} missing")


if __name__ == "__main__":
    main()
