"""EOFs of fields with gaps: covariances of pairs by pandas, numpy and NCL; several variables filled
together, and two filled before they are coupled, by numpy.

    python3 make_pairs_references.py

Needs pandas, and `ncl` on the PATH. Reads gaps_input.nc and modes_coarse.nc; writes
pairs_coarse.nc (ps of the latter with gaps), pairs_short.nc (the input of `times`) and pairs.nc. Cases of pairs:

- cells: gappy, all times (fewer cells than times)
- times: gappy, the first 20 times, the eighth of them without any data
- both_cells, both_times: the same beside ps of pairs_coarse.nc, each divided by its spread
"""
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np
import pandas as pd

HERE = os.path.dirname(os.path.abspath(__file__))
K = 4
SHORT = 20


def read(file, name):
    with netCDF4.Dataset(os.path.join(HERE, file)) as f:
        return f[name][:].astype("f8").filled(np.nan), f["lat"][:].data, f["lon"][:].data, f["time"][:].data


def weights(lat, lon):
    return np.repeat(np.sqrt(np.cos(np.radians(lat))), len(lon))


def write(file, name, values, units, title):
    """values with the grid of what they come from."""
    data, lat, lon, time = values
    with netCDF4.Dataset(os.path.join(HERE, file), "w") as f:
        for dim, along, unit in (("time", time, "days since 2001-01-01"), ("lat", lat, "degrees_north"),
                                 ("lon", lon, "degrees_east")):
            f.createDimension(dim, len(along))
            f.createVariable(dim, "f8", (dim,))[:] = along
            f[dim].units = unit
        f["time"].calendar = "noleap"
        v = f.createVariable(name, data.dtype, ("time", "lat", "lon"), fill_value=1e20, zlib=True)
        v[:] = np.ma.masked_invalid(data)
        v.units = units
        f.title = f"Synthetic: {title} (make_pairs_references.py)"


def write_inputs():
    ps, lat, lon, time = read("modes_coarse.nc", "ps")
    gone = np.random.default_rng(31).random(ps.shape) < 0.2
    ps[gone] = np.nan
    write("pairs_coarse.nc", "ps", (ps, lat, lon, time), "Pa", "modes_coarse.nc with gaps")
    gappy, lat, lon, time = read("gaps_input.nc", "gappy")
    short = gappy[:SHORT].astype("f4")
    short[7] = np.nan
    write("pairs_short.nc", "gappy", (short, lat, lon, time[:SHORT]), "hPa", "gaps_input.nc, a time without data")


def kept(x, share=0.5):
    """Anomalies of the cells that are kept, and which they are."""
    keep = np.isfinite(x).mean(0) >= share
    x = x[:, keep]
    return x - np.nanmean(x, 0), keep


def pairs(fields, which):
    """Of fields (anomalies x, weights w f): eigenvalues, all; unit EOFs; components."""
    x = np.concatenate([x * w for x, w in fields], 1)
    n, p = x.shape
    if which == "cells":
        c = pd.DataFrame(x).cov(min_periods=2).values
        values, v = np.linalg.eigh(c)
        values, v = values[::-1], v[:, ::-1][:, :K]
    else:
        there = np.isfinite(x).any(1)
        z = np.where(np.isfinite(x), x, 0.0)[there]
        m = np.isfinite(x)[there].astype("f8")
        g = (p - 1) / (m @ m.T - 1) * (z @ z.T)
        values, u = np.linalg.eigh(g)
        values, u = values[::-1] / (there.sum() - 1), u[:, ::-1][:, :K]
        v = z.T @ u
        v /= np.linalg.norm(v, axis=0)
    sign = np.sign(v[np.abs(v).argmax(0), np.arange(K)])
    v = v * sign
    pc = np.where(np.isfinite(x).any(1)[:, None], np.where(np.isfinite(x), x, 0.0) @ v, np.nan)
    return values, v.T, pc - np.nanmean(pc, 0)


NCL = """
begin
  f = addfile("x.nc", "r")
  x = f->x
  option = True
  option@jopt = 0
  option@pcrit = 50
  e = eofunc_n(x, %d, option, 0)
  ts = eofunc_ts_n(x, e, False, 0)
  o = addfile("ncl.nc", "c")
  o->eval = e@eval
  o->pcvar = e@pcvar
  o->e = e
  o->ts = ts
end
""" % K


def ncl(x):
    """eofunc and eofunc_ts of x (time, cell)."""
    with tempfile.TemporaryDirectory() as folder:
        with netCDF4.Dataset(os.path.join(folder, "x.nc"), "w", format="NETCDF3_CLASSIC") as f:
            f.createDimension("time", len(x))
            f.createDimension("cell", x.shape[1])
            f.createVariable("x", "f8", ("time", "cell"), fill_value=1e20)[:] = np.ma.masked_invalid(x)
        with open(os.path.join(folder, "x.ncl"), "w") as f:
            f.write(NCL)
        done = subprocess.run(["ncl", "-Q", "x.ncl"], cwd=folder, capture_output=True, text=True)
        if not os.path.exists(os.path.join(folder, "ncl.nc")):
            sys.exit(done.stdout + done.stderr)
        with netCDF4.Dataset(os.path.join(folder, "ncl.nc")) as f:
            return [np.ma.filled(f[v][:].astype("f8"), np.nan) for v in ("eval", "pcvar", "e", "ts")]


def dineof(x, there, k, parts=None, tolerance=1e-13):
    """x with all values that are not `there` from k modes; fields of `parts` (their columns) are
    divided by their spread anew in each step."""
    x = np.where(there, x, 0.0)
    for _ in range(200000):
        f = np.ones(x.shape[1])
        for part in parts or []:
            f[part] = 1.0 / np.sqrt((x[:, part] ** 2).sum() / (len(x) - 1.0))
        u, s, vt = np.linalg.svd(x * f, full_matrices=False)
        new = np.where(there, x, (u[:, :k] * s[:k]) @ vt[:k] / f)
        change = np.linalg.norm((new - x) * f) / np.linalg.norm(new * f)
        x = new
        if change < tolerance:
            return x, f
    raise RuntimeError(f"no fixed point, {change}")


def signed(v):
    return v * np.sign(v[np.arange(len(v)), np.abs(v).argmax(1)])[:, None]


write_inputs()
gappy, lat, lon, _ = read("gaps_input.nc", "gappy")
coarse, clat, clon, _ = read("pairs_coarse.nc", "ps")
n = len(gappy)
gappy, coarse = gappy.reshape(n, -1), coarse.reshape(n, -1)
w, cw = weights(lat, lon), weights(clat, clon)
out = {}
for case, times in (("cells", n), ("times", SHORT)):
    part, other = gappy[:times].copy(), coarse[:times].copy()
    if case == "times":
        part[7] = np.nan
    x, keep = kept(part)
    y, ckeep = kept(other)
    values, v, pc = pairs([(x, w[keep])], case)
    eof = np.full((K, keep.size), np.nan)
    eof[:, keep] = v
    print(case, x.shape, "negative", (values < -1e-12 * values[0]).sum(), values.min() / values[0])
    out |= {f"{case}_eigenvalue": values[:K], f"{case}_total": np.array(values.sum()), f"{case}_eof": eof, f"{case}_pc": pc,
            f"{case}_negative": np.array([(values < -1e-9 * values[0]).sum(), values[values < 0].sum() / values.sum()])}
    full = (np.where(keep, part, np.nan) - np.nanmean(part, 0)) * w
    if case == "times":
        # NCL takes a time without data for one that has some.
        full = full[np.arange(times) != 7]
    ev, pv, e, ts = ncl(full)
    scale = 1.0 if case == "cells" else (x.shape[1] - 1.0) / (len(full) - 1.0)
    print("  NCL", ev * scale / values[:K], pv / (100 * values[:K] / values.sum()))
    out |= {f"{case}_ncl_eigenvalue": ev * scale, f"{case}_ncl_fraction": pv / 100, f"{case}_ncl_eof": e, f"{case}_ncl_pc": ts.T}

    def spread(x, w):
        return 1.0 / np.sqrt((np.nanvar(x, 0, ddof=1) * w**2).sum())

    f, cf = spread(x, w[keep]), spread(y, cw[ckeep])
    values, v, pc = pairs([(x, f * w[keep]), (y, cf * cw[ckeep])], case)
    print("  both", x.shape[1] + y.shape[1], values[:K])
    for name, at, keep_, w_, f_ in (("gappy", slice(0, keep.sum()), keep, w, f), ("ps", slice(keep.sum(), None), ckeep, cw, cf)):
        # Covariance with components of unit variance, in units of the field.
        eof = np.full((K, keep_.size), np.nan)
        eof[:, keep_] = v[:, at] / (w_[keep_] * f_) * np.sqrt(values[:K])[:, None]
        out[f"both_{case}_eof_{name}"] = eof
    out |= {f"both_{case}_eigenvalue": values[:K], f"both_{case}_pc": pc / np.sqrt(values[:K])}

# Filled together: gappy and ps, cells with 5 % of their values.
x, keep = kept(gappy, 0.05)
y, ckeep = kept(coarse, 0.05)
both = np.concatenate([x * w[keep], y * cw[ckeep]], 1)
columns = [np.arange(x.shape[1]), x.shape[1] + np.arange(y.shape[1])]
filled, f = dineof(both, np.isfinite(both), 3, columns)
u, s, vt = np.linalg.svd(filled * f, full_matrices=False)
sign = np.sign(vt[np.arange(K), np.abs(vt[:K]).argmax(1)])
pc = u[:, :K] * sign * np.sqrt(n - 1.0)
out |= {"together_eigenvalue": s[:K] ** 2 / (n - 1.0), "together_pc": pc}
# Each filled by itself, then coupled.
fx, _ = dineof(x * w[keep], np.isfinite(x), 2)
fy, _ = dineof(y * cw[ckeep], np.isfinite(y), 2)
fx, fy = fx - fx.mean(0), fy - fy.mean(0)
u, s, vt = np.linalg.svd(fx.T @ fy / (n - 1.0), full_matrices=False)
sign = np.sign(u.T[np.arange(K), np.abs(u.T[:K]).argmax(1)])
out |= {"mca_singular_value": s[:K], "mca_left": fx @ (u[:, :K] * sign), "mca_right": fy @ (vt[:K].T * sign)}


def leading(x, k):
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return u[:, :k]


out["cca_correlation"] = np.linalg.svd(leading(fx, 5).T @ leading(fy, 4))[1][:K]
with netCDF4.Dataset(os.path.join(HERE, "pairs.nc"), "w", format="NETCDF3_CLASSIC") as nc:
    for name, values in out.items():
        dims = []
        for i, length in enumerate(np.shape(values)):
            dims.append(f"{name}_{i}")
            nc.createDimension(dims[-1], length)
        nc.createVariable(name, "f8", dims)[...] = values
