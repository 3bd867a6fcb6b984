"""Isopycnals of a small ocean, by gsw and seawater (Python) and loops over columns.

Writes vertical.nc beside it: the input (thetao in degC, so, a tracer x, with land, a bottom, an
inversion) on levels without bounds, and x on surfaces and in classes of density.

    python make_vertical_references.py        # numpy, netCDF4, gsw 3.6, seawater 3.3
"""

import os
import gsw
import netCDF4
import numpy as np
import seawater

rng = np.random.default_rng(20240607)
depth = np.array([8.0, 26.0, 55.0, 110.0, 230.0, 480.0, 900.0, 1700.0, 3100.0])
T, K, J, I = 2, len(depth), 2, 3
shape = (T, K, J, I)
scale = 400.0 * (0.6 + rng.random((T, 1, J, I)))
thetao = 2.0 + 20.0 * np.exp(-depth[None, :, None, None] / scale) + 0.02 * rng.standard_normal(shape)
so = 34.5 + 0.9 * np.exp(-((depth[None, :, None, None] - 150.0) / 300.0) ** 2) + 0.01 * rng.standard_normal(shape)
# An inversion: warm water below.
thetao[:, 4, 0, 1] += 6.0
x = 3.0 + np.cos(depth / 300.0)[None, :, None, None] + rng.standard_normal(shape)
for field in (thetao, so, x):
    field[:, :, 1, 2] = np.nan
    field[:, 6:, 0, 2] = np.nan
thetao, so, x = (a.astype("f4").astype("f8") for a in (thetao, so, x))

pressure = {"sigma0": 0.0, "sigma2": 2000.0}
sa = so * 35.16504 / 35.0
ct = gsw.CT_from_pt(sa, thetao)
teos10 = {name: gsw.rho(sa, ct, p) - 1000.0 for name, p in pressure.items()}
# ITS-90 there, IPTS-68 by the factor that it applies itself.
eos80 = seawater.pden(so, thetao / 1.00024, 0.0, 0.0) - 1000.0
targets = {"sigma0": np.array([24.2, 25.5, 26.0, 26.6, 27.2, 27.6]), "sigma2": np.array([33.0, 35.5, 36.6])}
edges = np.array([18.0, 25.0, 26.2, 26.9, 27.4, 31.0])


def surface(sigma, values, target):
    """From the surface down, the first pair of levels that holds the target."""
    for k in range(K - 1):
        a, b = sigma[k], sigma[k + 1]
        if min(a, b) <= target <= max(a, b):
            return values[k] + (target - a) / (b - a) * (values[k + 1] - values[k])
    return np.nan


def classes(sigma, values):
    """Mean and thickness in classes: each layer is spread evenly over its range of density."""
    sides = np.concatenate([[0.0], 0.5 * (depth[1:] + depth[:-1])])
    sides = np.append(sides, 2 * depth[-1] - sides[-1])
    thick = np.diff(sides)
    n = int(np.isfinite(sigma).sum())
    total, amount = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    if n >= 2:
        middle = 0.5 * (sigma[1:n] + sigma[: n - 1])
        ends = np.concatenate([[2 * sigma[0] - middle[0]], middle, [2 * sigma[n - 1] - middle[-1]]])
        for k in range(n):
            low, high = sorted(ends[k : k + 2])
            for c in range(len(edges) - 1):
                share = max(0.0, min(high, edges[c + 1]) - max(low, edges[c])) / (high - low)
                total[c] += share * thick[k]
                amount[c] += share * thick[k] * values[k]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, amount / total, np.nan), total


def on(sigma, wanted):
    out = np.full((T, len(wanted), J, I), np.nan)
    for t, j, i in np.ndindex(T, J, I):
        for m, target in enumerate(wanted):
            out[t, m, j, i] = surface(sigma[t, :, j, i], x[t, :, j, i], target)
    return out


mean, thickness = np.empty((T, len(edges) - 1, J, I)), np.empty((T, len(edges) - 1, J, I))
for t, j, i in np.ndindex(T, J, I):
    mean[t, :, j, i], thickness[t, :, j, i] = classes(teos10["sigma0"][t, :, j, i], x[t, :, j, i])

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vertical.nc")
with netCDF4.Dataset(path, "w") as f:
    for name, n in (("time", T), ("lev", K), ("lat", J), ("lon", I), ("s0", 6), ("s2", 3), ("class", 5)):
        f.createDimension(name, n)

    def put(name, dims, values, kind="f8", **attributes):
        v = f.createVariable(name, kind, dims, fill_value=1e20 if len(dims) > 1 else None, zlib=len(dims) > 1)
        v[:] = np.where(np.isnan(values), 1e20, values)
        v.setncatts(attributes)

    put("time", ("time",), np.array([15.5, 45.0]), units="days since 2000-01-01")
    put("lev", ("lev",), depth, units="m", positive="down", axis="Z", standard_name="depth")
    put("lat", ("lat",), np.array([-10.0, 10.0]), units="degrees_north", standard_name="latitude")
    put("lon", ("lon",), np.array([0.0, 20.0, 40.0]), units="degrees_east", standard_name="longitude")
    volume = ("time", "lev", "lat", "lon")
    put("thetao", volume, thetao, "f4", units="degC", standard_name="sea_water_potential_temperature")
    put("so", volume, so, "f4", units="0.001", standard_name="sea_water_salinity")
    put("x", volume, x, "f4", units="1")
    put("sigma0_teos10", volume, teos10["sigma0"], units="kg m-3")
    put("x_sigma0", ("time", "s0", "lat", "lon"), on(teos10["sigma0"], targets["sigma0"]))
    put("x_sigma2", ("time", "s2", "lat", "lon"), on(teos10["sigma2"], targets["sigma2"]))
    put("x_eos80", ("time", "s0", "lat", "lon"), on(eos80, targets["sigma0"]))
    put("x_mean", ("time", "class", "lat", "lon"), mean)
    put("x_thickness", ("time", "class", "lat", "lon"), thickness)
