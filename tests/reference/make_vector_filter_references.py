"""Vectors on a C grid filtered by gcm-filters (0.5.1), for tests/filter_space/vector.rs.

Writes vector_filter.nc: a mesh of 9 x 12 cells, periodic in x, with land, two components, and what
gcm-filters makes of them. The last row is land, so that its periodic y does not matter.
"""

import gcm_filters
import netCDF4
import numpy as np
import xarray as xr

rows, columns = 9, 12
rng = np.random.default_rng(20261126)
dims = ("y", "x")


def lengths(base):
    return base * (1 + 0.3 * rng.random((rows, columns)))


wet_t = np.ones((rows, columns))
wet_t[-1] = 0
wet_t[3:5, 4:7] = 0
wet_t[0, 9] = 0
east, north = np.roll(wet_t, -1, 1), np.roll(wet_t, -1, 0)
wet_q = wet_t * east * north * np.roll(east, -1, 0)
mesh = {
    "dxT": lengths(1e4), "dyT": lengths(8e3), "dxCu": lengths(1e4), "dyCu": lengths(8e3),
    "dxCv": lengths(1e4), "dyCv": lengths(8e3), "dxBu": lengths(1e4), "dyBu": lengths(8e3),
}
# Faces without an area are dry: what is there stays.
mesh["area_u"] = mesh["dxCu"] * mesh["dyCu"] * wet_t * east
mesh["area_v"] = mesh["dxCv"] * mesh["dyCv"] * wet_t * north
u = np.where(wet_t * east > 0, rng.standard_normal((rows, columns)), 0.0)
v = np.where(wet_t * north > 0, rng.standard_normal((rows, columns)), 0.0)

out = netCDF4.Dataset("vector_filter.nc", "w", format="NETCDF3_64BIT_OFFSET")
out.createDimension("y", rows)
out.createDimension("x", columns)


def put(name, values, **attributes):
    variable = out.createVariable(name, "f8", dims)
    variable[:] = values
    variable.setncatts(attributes)


for name, values in {**mesh, "wet_t": wet_t, "wet_q": wet_q, "u": u, "v": v}.items():
    put(name, values)
for shape, name in [("GAUSSIAN", "gaussian"), ("TAPER", "taper")]:
    for case, (iso, aniso) in {"": (1.0, 0.0), "_aniso": (0.6, 0.4)}.items():
        arrays = {
            **mesh, "wet_mask_t": wet_t, "wet_mask_q": wet_q,
            "kappa_iso": np.full((rows, columns), iso), "kappa_aniso": np.full((rows, columns), aniso),
        }
        made = gcm_filters.Filter(
            filter_scale=4e4,
            dx_min=6e3,
            filter_shape=getattr(gcm_filters.FilterShape, shape),
            grid_type=gcm_filters.GridType.VECTOR_C_GRID,
            grid_vars={k: xr.DataArray(a, dims=dims) for k, a in arrays.items()},
        )
        both = made.apply_to_vector(xr.DataArray(u, dims=dims), xr.DataArray(v, dims=dims), dims=dims)
        for component, values in zip("uv", both):
            put(f"{component}_{name}{case}", values, n_steps=np.int32(made.n_steps), dx_min=6e3, kappas=[iso, aniso])
out.close()
