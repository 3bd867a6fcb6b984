#!/usr/bin/env python3
"""Tests of significance of the EOFs of modes_input.nc, by numpy: significance.nc.

    python make_significance_references.py

Of `tas` at all 150 times (fewer cells than times) and at the first 40. Effective sample sizes and
degrees of freedom are exact; quantiles of rule N come from fields of white noise that are drawn
whole, those of the bootstrap from singular values of the field at resampled times: both are random.
"""
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
MODES, DRAWS, BLOCK = 3, 4000, 5


def shares(x):
    values = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    return values / (len(x) - 1), values / values.sum()


def memory(x):
    n = len(x)
    x = x - x.mean()
    r = np.correlate(x, x, "full")[n - 1:] / (x @ x)
    lag1 = n * (1 - r[1] ** 2) / (1 + r[1] ** 2)
    quiet = np.append(np.abs(r) < 2 / np.sqrt(n), True)
    last = next(k for k in range(1, n) if quiet[k] and quiet[k + 1])
    total = sum((1 - k / n) * r[k] ** 2 for k in range(1, last))
    return lag1, n / max(1, 1 + 2 * total)


with netCDF4.Dataset(HERE / "modes_input.nc") as f:
    lat, tas = f["lat"][:].filled(), f["tas"][:].filled(np.nan).astype("f8")
weights = np.sqrt(np.cos(np.radians(lat)))[:, None]
with netCDF4.Dataset(HERE / "significance.nc", "w") as out:
    out.createDimension("mode", MODES)
    out.createDimension("percentile", 3)
    for which, n in [("all", 150), ("few", 40)]:
        random = np.random.default_rng(7)
        x = (tas[:n] - tas[:n].mean(0)) * weights
        x = x.reshape(n, -1)
        x = x[:, np.isfinite(x).all(0)]
        values, _ = shares(x)
        pcs = np.linalg.svd(x, full_matrices=False)[0][:, :MODES]

        def keep(name, numbers, dims=("mode",)):
            out.createVariable(f"{which}_{name}", "f8", dims)[:] = numbers

        sizes = np.array([memory(pc) for pc in pcs.T])
        keep("effective_sample_size_lag1", sizes[:, 0])
        keep("effective_sample_size", sizes[:, 1])
        keep("north_error_effective", values[:MODES] * np.sqrt(2 / sizes[:, 1]))
        keep("degrees_of_freedom", values.sum() ** 2 / (values**2).sum(), ())
        noise = [shares(random.standard_normal(x.shape))[1][:MODES] for _ in range(DRAWS)]
        keep("rule_n_threshold", np.quantile(noise, 0.95, axis=0))
        drawn = []
        for _ in range(DRAWS):
            starts = random.integers(0, n - BLOCK + 1, n // BLOCK)
            drawn.append(shares(x[(starts[:, None] + np.arange(BLOCK)).ravel()]))
        for name, i in [("eigenvalue_bootstrap", 0), ("variance_fraction_bootstrap", 1)]:
            rows = np.quantile([d[i][:MODES] for d in drawn], [0.025, 0.5, 0.975], axis=0)
            keep(name, rows, ("percentile", "mode"))
