#!/usr/bin/env python3
"""Compute the references of filters in space: tests/reference/filter_space.nc.

    python make_space_filter_references.py

needs gcm-filters (0.5.1 was used). A field and metrics are made up by formulas, with land; variables
named GRID_FILTER are what the filters of gcm-filters leave of the field on one of its grid types. MOM5's Laplacian
differences along the last dimension but one in x: its arrays go in transposed. Its masks are of the other
dimension, so that it gets no land; that for velocity points does not run.
"""

from pathlib import Path

import gcm_filters
import netCDF4
import numpy as np
import xarray as xr

HERE = Path(__file__).resolve().parent
NY, NX = 10, 14
GAUSSIAN, TAPER = gcm_filters.FilterShape.GAUSSIAN, gcm_filters.FilterShape.TAPER
GRIDS = gcm_filters.GridType


def noise(k):
    j, i = np.meshgrid(np.arange(NY), np.arange(NX), indexing="ij")
    c = j * NX + i + 1000 * k
    return ((c * 7919 + c * c * 31) % 1009) / 1009.0


def around(k, value, share=0.3):
    return value * (1 + share * (noise(k) - 0.5))


FIELD = 20 + 4 * noise(0)
MASK = (noise(1) > 0.2).astype(float)
MASK[0] = 0  # as tripolar grids must have it
folded = lambda a: np.concatenate([a[:-1], ((a[-1] + a[-1][::-1]) / 2)[None]])
AREA = around(2, 1.2)
ONES = np.ones((NY, NX))
METRICS = {name: around(10 + k, 1.2) for k, name in enumerate("dxw dyw dxs dys dxe dye dxn dyn dxt dyt dxu dyu".split())}
METRICS["dxn"], METRICS["dyn"] = folded(METRICS["dxn"]), folded(METRICS["dyn"])
METRICS["kappa_w"], METRICS["kappa_s"] = np.minimum(1, 0.5 + noise(30)), np.minimum(1, 0.5 + noise(31))
METRICS["kappa_w"][3, 4] = 1

CASES = {
    "regular": (GRIDS.REGULAR, {}, 1),
    "regular_area": (GRIDS.REGULAR_AREA_WEIGHTED, {"area": AREA}, 1),
    "land": (GRIDS.REGULAR_WITH_LAND, {"wet_mask": MASK}, 1),
    "land_area": (GRIDS.REGULAR_WITH_LAND_AREA_WEIGHTED, {"area": AREA, "wet_mask": MASK}, 1),
    "irregular": (
        GRIDS.IRREGULAR_WITH_LAND,
        {"wet_mask": MASK, "area": AREA} | {k: METRICS[k] for k in "dxw dyw dxs dys kappa_w kappa_s".split()},
        0.9,
    ),
    "tripolar_area": (GRIDS.TRIPOLAR_REGULAR_WITH_LAND_AREA_WEIGHTED, {"area": AREA, "wet_mask": MASK}, 1),
    "tripolar_pop": (
        GRIDS.TRIPOLAR_POP_WITH_LAND,
        {"wet_mask": MASK, "tarea": AREA} | {k: METRICS[k] for k in "dxe dye dxn dyn".split()},
        0.9,
    ),
    "mom5t": (
        GRIDS.MOM5T,
        {"wet_mask": ONES, "area_t": AREA} | {k: METRICS[k] for k in "dxt dyt dxu dyu".split()},
        0.9,
    ),
}
FILTERS = {
    "gaussian": dict(filter_shape=GAUSSIAN, filter_scale=4),
    "taper": dict(filter_shape=TAPER, filter_scale=3),
    "taper_2_11": dict(filter_shape=TAPER, filter_scale=3, transition_width=2, n_steps=11),
}


def main():
    with netCDF4.Dataset(HERE / "filter_space.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("y", NY)
        file.createDimension("x", NX)
        put = lambda where, name, a: where.createVariable(name, "f8", ("y", "x")).__setitem__(..., a)
        put(file, "field", FIELD)
        put(file, "mask", MASK)
        put(file, "area", AREA)
        for name, values in METRICS.items():
            put(file, name, values)
        for name, (grid, variables, dx_min) in CASES.items():
            turned = name == "mom5t"
            array = lambda a: xr.DataArray(a.T if turned else a, dims=["a", "b"])
            for which, options in FILTERS.items():
                made = gcm_filters.Filter(
                    dx_min=dx_min, grid_type=grid, grid_vars={k: array(v) for k, v in variables.items()}, **options
                )
                out = made.apply(array(FIELD), dims=["a", "b"]).values
                put(file, f"{name}_{which}", out.T if turned else out)
                file[f"{name}_{which}"].setncatts({"n_steps": np.int32(made.n_steps), "dx_min": float(dx_min)})


if __name__ == "__main__":
    main()
