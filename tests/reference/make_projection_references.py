#!/usr/bin/env python3
"""Compute the references of `halocline project` and `halocline reconstruct`:
tests/reference/projection_eofs.nc.

    python make_projection_references.py

The solver is `eofs.standard.Eof` on a box of the sample, weights √cos φ, the time mean of the
first 96 months removed. `projectField` gives the pseudo-PCs of the last 32 months (less that
same mean) with the three scalings of the EOFs, which are those of the PCs; `reconstructedField`
the anomalies of the first 96 months from three modes. Signs: the entry of largest magnitude of
each EOF of the weighted field is positive. Needs the packages of requirements.txt.
"""

import sys
from pathlib import Path

import eofs
import netCDF4
import numpy as np
from eofs.standard import Eof

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "data" / "ersstv5_sst_201001-202008.nc"
WEST, EAST, SOUTH, NORTH = 200, 230, -4, 4
TRAINED, MODES, EVERY = 96, 3, 4

with netCDF4.Dataset(SAMPLE) as nc:
    lat, lon = np.asarray(nc["lat"][:], "f8"), np.asarray(nc["lon"][:], "f8")
    rows = np.flatnonzero((lat >= SOUTH) & (lat <= NORTH))
    columns = np.flatnonzero((lon >= WEST) & (lon <= EAST))
    x = np.ma.filled(np.ma.asarray(nc["sst"][:], "f8"), np.nan)[:, rows][:, :, columns]

x = x.reshape(len(x), len(rows), len(columns))
mean = x[:TRAINED].mean(axis=0)
weights = np.broadcast_to(np.sqrt(np.cos(np.deg2rad(lat[rows])))[:, None], mean.shape)
solver = Eof(x[:TRAINED], weights=weights, center=True, ddof=1)
unit = solver.eofs(eofscaling=0, neofs=MODES)
peaks = [e.flat[np.nanargmax(np.abs(e))] for e in unit]
signs = np.sign(peaks)
for e, peak in zip(unit, peaks):
    assert np.sum(np.abs(np.abs(e) - abs(peak)) < 1e-6) == 1, "two entries are as large"

# What it must be, without eofs.
singular = np.linalg.svd(((x[:TRAINED] - mean) * weights).reshape(TRAINED, -1), full_matrices=False)
assert np.allclose(singular[1][:MODES] ** 2 / (TRAINED - 1), solver.eigenvalues(MODES), rtol=1e-10)

with netCDF4.Dataset(HERE / "projection_eofs.nc", "w") as out:
    out.box = f"{WEST},{EAST},{SOUTH},{NORTH}"
    out.trained = "2010-01/2017-12"
    out.projected = "2018-01/2020-08"
    out.every = np.int32(EVERY)
    out.versions = f"eofs {eofs.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    out.command = "python make_projection_references.py"
    for name, size in [("time", len(x) - TRAINED), ("mode", MODES), ("kept", TRAINED // EVERY),
                       ("lat", len(rows)), ("lon", len(columns))]:
        out.createDimension(name, size)
    for scaling in (0, 1, 2):
        pcs = solver.projectField(x[TRAINED:] - mean, neofs=MODES, eofscaling=scaling, weighted=True)
        v = out.createVariable(f"pc_scaling{scaling}", "f8", ("time", "mode"), zlib=True)
        v[:] = pcs * signs
    field = solver.reconstructedField(MODES)
    v = out.createVariable("reconstructed", "f8", ("kept", "lat", "lon"), zlib=True)
    v.long_name = "anomalies from three modes, every fourth time, in the units of the field"
    v[:] = field[::EVERY]
