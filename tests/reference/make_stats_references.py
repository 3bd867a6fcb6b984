#!/usr/bin/env python3
"""Compute the references of `halocline stats`: tests/reference/stats_*.nc.

    python make_stats_references.py

numpy adds the values in double precision with math.fsum, which rounds once, so the sums are exact
to the last bit; `cdo -b F64 -timmean` (CDO 2.1.1) has to agree to 1e-12 where cdo is there.
"""

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
# name: input, variable, every n-th cell that is kept
CASES = {
    "sample": ("ersstv5_sst_201001-202008.nc", "sst", 7),
    "packed": ("case_packed_input.nc", "thetao", 1),
    "curvilinear": ("case_curvilinear_input.nc", None, 1),
    "trend": ("case_trend_input.nc", None, 1),
}


def data_variable(file):
    return next(n for n, v in file.variables.items() if v.ndim >= 3 and v.dimensions[0] == "time")


def unpacked(variable):
    """Values in double precision, missing ones as NaN."""
    variable.set_auto_scale(False)
    values = np.ma.masked_invalid(variable[:])
    doubles = values.filled(0).astype("f8")
    if hasattr(variable, "scale_factor"):
        doubles = doubles * variable.scale_factor + variable.add_offset
    doubles[np.ma.getmaskarray(values)] = np.nan
    return doubles


def main():
    for name, (path, var, every) in CASES.items():
        with netCDF4.Dataset(DATA / path) as file:
            var = var or data_variable(file)
            values = unpacked(file[var])
        steps = len(values)
        cells = values.reshape(steps, -1)[:, ::every]
        valid = [column[~np.isnan(column)] for column in cells.T]
        count = np.array([len(v) for v in valid], "i4")
        total = np.array([math.fsum(v) if len(v) else np.nan for v in valid])
        results = {
            "sum": total,
            "mean": total / np.where(count, count, 1),
            "min": np.array([v.min() if len(v) else np.nan for v in valid]),
            "max": np.array([v.max() if len(v) else np.nan for v in valid]),
        }
        if shutil.which("cdo"):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "mean.nc"
                command = ["cdo", "-s", "-b", "F64", "-timmean", f"-selname,{var}", str(DATA / path), str(out)]
                subprocess.run(command, check=True)
                with netCDF4.Dataset(out) as file:
                    theirs = np.ma.filled(file[var][0].astype("f8"), np.nan).reshape(-1)[::every]
            np.testing.assert_allclose(results["mean"], theirs, rtol=1e-12, atol=1e-12)
        with netCDF4.Dataset(HERE / f"stats_{name}.nc", "w", format="NETCDF3_CLASSIC") as file:
            file.setncatts({"input": path, "variable": var, "every": np.int32(every)})
            file.command = f"python {Path(__file__).name}; numpy {np.__version__}"
            file.createDimension("cell", len(count))
            file.createVariable("count", "i4", ("cell",))[:] = count
            for key, column in results.items():
                file.createVariable(key, "f8", ("cell",))[:] = column


if __name__ == "__main__":
    main()
