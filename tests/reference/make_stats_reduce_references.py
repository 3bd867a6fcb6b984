#!/usr/bin/env python3
"""Compute the references of reductions by `halocline stats`: tests/reference/stats_reduce.nc.

    python make_stats_reduce_references.py

Everything is computed by numpy in double precision from the definitions: two passes for variances,
math.fsum for sums, areas from sin(latitude) of the edges half-way between the centres. Each
variable of the file is one result, in C order; its attributes are the input, the arguments of the
command and the name of the result there.
"""

import math
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
SAMPLE = "ersstv5_sst_201001-202008.nc"
PACKED = "case_packed_input.nc"
CURVED = "case_curvilinear_input.nc"


def read(path, name):
    """Values in double precision, missing ones as NaN, and the file's coordinates."""
    with netCDF4.Dataset(DATA / path) as file:
        file.set_auto_scale(False)
        v = file[name]
        raw = np.ma.masked_invalid(v[:])
        x = raw.filled(0).astype("f8")
        if hasattr(v, "scale_factor"):
            x = x * v.scale_factor + v.add_offset
        x[np.ma.getmaskarray(raw)] = np.nan
        coords = {n: np.ma.filled(c[:].astype("f8"), np.nan) for n, c in file.variables.items() if n != name}
        dates = netCDF4.num2date(file["time"][:], file["time"].units, file["time"].calendar)
    return x, coords, dates


def row_weights(lat):
    middle = (lat[1:] + lat[:-1]) / 2
    edges = np.concatenate([[2 * lat[0] - middle[0]], middle, [2 * lat[-1] - middle[-1]]]).clip(-90, 90)
    return np.abs(np.diff(np.sin(np.radians(edges))))


def one(op, x, w, ddof=1):
    """A statistic of some values with weights."""
    keep = ~np.isnan(x)
    x, w = x[keep], w[keep]
    if op == "count":
        return float(len(x))
    if len(x) == 0:
        return np.nan
    if op == "sum":
        return math.fsum(x)
    if op in ("min", "max"):
        return getattr(x, op)()
    if op == "range":
        return x.max() - x.min()
    total = math.fsum(w)
    if op == "rms":
        return math.sqrt(math.fsum(w * x * x) / total)
    mean = math.fsum(w * x) / total
    if op == "mean":
        return mean
    divisor = total - ddof * math.fsum(w * w) / total
    if len(x) <= ddof:
        return np.nan
    variance = math.fsum(w * (x - mean) ** 2) / divisor
    return variance if op == "var" else math.sqrt(variance)


def over(op, x, axes, w, groups=None, ddof=1):
    """A statistic over axes, by groups of the first one."""
    w = np.broadcast_to(w, x.shape)
    out = []
    for chosen in groups if groups is not None else [slice(None)]:
        part, weights = x[chosen], w[chosen]
        kept = [d for d in range(x.ndim) if d not in axes]
        flat = part.transpose(kept + list(axes)).reshape(*[part.shape[d] for d in kept], -1)
        wflat = weights.transpose(kept + list(axes)).reshape(flat.shape)
        shape = flat.shape[:-1]
        rows = zip(flat.reshape(-1, flat.shape[-1]), wflat.reshape(-1, flat.shape[-1]))
        out.append(np.array([one(op, a, b, ddof) for a, b in rows]).reshape(shape))
    return np.concatenate([o.ravel() for o in out])


def groups_of(keys):
    """Indices of each run of equal keys."""
    names = sorted(set(keys), key=keys.index)
    return [[i for i, k in enumerate(keys) if k == name] for name in names]


def trend(x, t):
    """Slope, intercept at t[0], standard error, effective size."""
    keep = ~np.isnan(x)
    n = keep.sum()
    if n < 3:
        return [np.nan] * 4
    tm, xm = t[keep].mean(), x[keep].mean()
    spread = ((t[keep] - tm) ** 2).sum()
    slope = ((t[keep] - tm) * (x[keep] - xm)).sum() / spread
    e = x - xm - slope * (t - tm)
    left = np.nansum(e * e)
    pairs = e[1:] * e[:-1]
    r = np.nansum(pairs) / left * (n - 1) / (~np.isnan(pairs)).sum()
    size = min(n, n * (1 - r) / (1 + r))
    return [slope, xm + slope * (t[0] - tm), math.sqrt(left / (size - 2) / spread), size]


def main():
    results = []

    def add(path, var, arguments, result, values):
        results.append((path, f"--var {var} {arguments}", result, np.asarray(values, "f8").ravel()))

    x, c, dates = read(SAMPLE, "sst")
    w = row_weights(c["lat"])[:, None]
    flat = np.ones(1)
    for op in ("mean", "std", "var", "rms"):
        add(SAMPLE, "sst", f"--over lat,lon --op {op}", "sst", over(op, x, (1, 2), w))
    for op in ("sum", "min", "max", "range", "count"):
        add(SAMPLE, "sst", f"--over lat,lon --op {op}", "sst", over(op, x, (1, 2), flat))
    add(SAMPLE, "sst", "--over lon,lat --weights none --op std --ddof 0", "sst", over("std", x, (1, 2), flat, ddof=0))
    add(SAMPLE, "sst", "--over lat,lon --convention xarray --op std", "sst", over("std", x, (1, 2), flat, ddof=0))
    add(SAMPLE, "sst", "--over lon --time 2012 --op mean,std", "sst_std", over("std", x[24:36], (2,), flat))
    add(SAMPLE, "sst", "--over lat --time 2012 --op mean,std", "sst_std", over("std", x[24:36], (1,), w))
    add(SAMPLE, "sst", "--over lat --time 2012 --op mean", "sst", over("mean", x[24:36], (1,), w))
    years = groups_of([d.year for d in dates])
    seasons = groups_of([(d.year + d.month // 12, d.month % 12 // 3) for d in dates])
    days = np.array([d.daysinmonth for d in dates], "f8")[:, None, None]
    box = (slice(None), slice(34, 39), slice(60, 66))
    arguments = "--box 120,130,12,20"
    assert c["lat"][34] == 20 and c["lon"][60] == 120
    for op in ("mean", "std"):
        add(SAMPLE, "sst", f"{arguments} --by year --op {op}", "sst", over(op, x[box], (0,), flat, years))
        add(SAMPLE, "sst", f"{arguments} --by season --op {op}", "sst", over(op, x[box], (0,), flat, seasons))
    for op in ("mean", "var"):
        values = over(op, x[box], (0,), days, years)
        add(SAMPLE, "sst", f"{arguments} --by year --weights time --op {op}", "sst", values)
    whole = "--over time,lat,lon"
    add(SAMPLE, "sst", f"{whole} --by year --op mean", "sst", over("mean", x, (0, 1, 2), w, years))
    add(SAMPLE, "sst", f"{whole} --op std", "sst", over("std", x, (0, 1, 2), w))
    add(SAMPLE, "sst", f"{whole} --weights area,time --op mean", "sst", over("mean", x, (0, 1, 2), w * days))
    add(SAMPLE, "sst", f"{arguments} --missing propagate --over lat,lon --weights none", "sst",
        [np.nan if np.isnan(m).any() else m.mean() for m in x[box]])
    t = c["time"] - c["time"][0]
    for k, name in enumerate(("slope", "intercept", "slope_stderr", "effective_sample_size")):
        values = [trend(x[:, 34 + i // 6, 60 + i % 6], t)[k] for i in range(30)]
        add(SAMPLE, "sst", f"{arguments} --op trend", f"sst_{name}", values)
        values = [trend(x[:, 34 + i // 6, 60 + i % 6], t / 3652.425)[k] for i in range(30)]
        add(SAMPLE, "sst", f"{arguments} --op trend --per decade", f"sst_{name}", values)

    x, c, dates = read(PACKED, "thetao")
    w = row_weights(c["lat"])[:, None]
    for op in ("mean", "std"):
        add(PACKED, "thetao", f"--over lev --time 2000-01/2000-04 --op {op}", "thetao", over(op, x[1:5], (1,), flat))
        add(PACKED, "thetao", f"--over depth,lat,lon --op {op}", "thetao", over(op, x, (1, 2, 3), w))
        seasons = groups_of([(d.year + d.month // 12, d.month % 12 // 3) for d in dates])
        add(PACKED, "thetao", f"--over time,lon --by season --op {op}", "thetao", over(op, x, (0, 3), flat, seasons))

    x, c, _ = read(CURVED, "SST")
    add(CURVED, "SST", "--over lat,lon --weights none --op std", "SST", over("std", x, (1, 2), flat))
    add(CURVED, "SST", "--over nlat --weights none --op mean", "SST", over("mean", x, (1,), flat))

    with netCDF4.Dataset(HERE / "stats_reduce.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.command = f"python {Path(__file__).name}; numpy {np.__version__}"
        for k, (path, arguments, result, values) in enumerate(results):
            file.createDimension(f"n{k}", len(values))
            v = file.createVariable(f"case{k}", "f8", (f"n{k}",))
            v.setncatts({"input": path, "arguments": arguments, "result": result})
            v[:] = values


if __name__ == "__main__":
    main()
