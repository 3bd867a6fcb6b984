"""EOFs of fields with gaps, filled by DINEOF, by numpy.

    python3 make_gaps_references.py

Writes gaps_input.nc (ps of modes_input.nc with gaps; a field of rank two with 30 % of its values
removed, and the whole of it) and gaps.nc (results). The reference fills step by step, as DINEOF
does: the matrix of weighted anomalies (mean over the values there; missing ones zero), its
singular value decomposition, the missing values from its first k modes, again, until nothing
changes. Cells with less than 5 % of their values are left out.
"""
import os

import netCDF4
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
with netCDF4.Dataset(os.path.join(HERE, "modes_input.nc")) as f:
    time, lat, lon = (f[v][:].data for v in ("time", "lat", "lon"))
    ps = f["ps"][:].filled(np.nan)
rng = np.random.default_rng(20)
shape = ps.shape
n = shape[0]

# Smooth signals over the noise of ps, so that modes are apart; then gaps: clouds and single values.
t, y, x = np.arange(n)[:, None, None], lat[None, :, None], lon[None, None, :]
signal = sum(a * np.cos(2 * np.pi * t / p + 0.02 * y * (i + 1)) * np.cos(np.radians(x * (i + 1)))
             for i, (a, p) in enumerate(((4.0, 31.0), (2.0, 17.0), (1.0, 9.0))))
gappy = (signal + 0.3 * ps / np.nanstd(ps)).astype("f4")
gone = rng.random(shape) < 0.15
for _ in range(60):
    k, j, i = (rng.integers(m) for m in shape)
    gone[k : k + 6, j : j + 3, i : i + 3] = True
gone[3:, 0, 0] = True  # too few values
gone[:, 3, 3] = np.isnan(ps[:, 3, 3])  # no gap
gappy[gone] = np.nan

m = 40
full = sum(np.cos(2 * np.pi * p * np.arange(m) / m + i)[:, None, None] * rng.standard_normal(shape[1:]) * a
           for i, (a, p) in enumerate(((3.0, 1), (1.0, 3))))
full[:, 4:, 7:] = np.nan
rank2 = full.copy()
rank2[rng.random(full.shape) < 0.3] = np.nan

with netCDF4.Dataset(os.path.join(HERE, "gaps_input.nc"), "w") as f:
    for name, values, units in (("time", time, "days since 2001-01-01"), ("time2", time[:m], "days since 2001-01-01"),
                                ("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        f.createDimension(name, len(values))
        f.createVariable(name, "f8", (name,))[:] = values
        f[name].units = units
        if "time" in name:
            f[name].calendar = "noleap"
            f[name].standard_name = "time"
    for name, values, along in (("gappy", gappy, "time"), ("full", full, "time2"), ("rank2", rank2, "time2")):
        v = f.createVariable(name, values.dtype, (along, "lat", "lon"), fill_value=1e20, zlib=True)
        v[:] = np.ma.masked_invalid(values)
        v.units = "hPa"
    f.title = "Synthetic fields with gaps (make_gaps_references.py)"


def draw(seed, cell, time):
    """The numbers that decide which values are set aside (splitmix64), of 64 bits."""
    def mix(z):
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
    with np.errstate(over="ignore"):
        return mix(mix(mix(np.uint64(seed)) ^ cell.astype("u8")) ^ time.astype("u8"))


def dineof(x, there, k, tolerance=1e-13):
    """x with all values that are not `there` from k modes."""
    x = np.where(there, x, 0.0)
    for _ in range(100000):
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        new = np.where(there, x, (u[:, :k] * s[:k]) @ vt[:k])
        change = np.linalg.norm(new - x) / np.linalg.norm(new)
        x = new
        if change < tolerance:
            return x
    raise RuntimeError(f"no fixed point, {change}")


x = gappy.astype("f8").reshape(n, -1)
keep = np.isfinite(x).mean(0) >= 0.05
x, there = x[:, keep], np.isfinite(x[:, keep])
w = np.repeat(np.sqrt(np.cos(np.radians(lat))), len(lon))[keep]
K = 4


def anomalies(used):
    return x - np.where(used, x, 0.0).sum(0) / used.sum(0)


# cross-validation
numbers = draw(1, np.broadcast_to(np.flatnonzero(keep)[None], x.shape), np.broadcast_to(np.arange(n)[:, None], x.shape))
held = there & (numbers < np.uint64(max(0.01, 30 / there.sum()) * 2.0**64))
a = anomalies(there & ~held)
errors = [np.sqrt((a[held] ** 2).mean())]
for k in range(1, K + 1):
    filled = dineof(a * w, there & ~held, k, 1e-10) / w
    errors.append(np.sqrt(((filled - a)[held] ** 2).mean()))
print("held", held.sum(), "errors", errors, "missing", 1 - there.mean())

out = {"errors": np.array(errors), "share": np.array(1 - there.mean())}
for k in (2, 3):
    z = dineof(anomalies(there) * w, there, k)
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    sign = np.sign(vt[np.arange(K), np.abs(vt[:K]).argmax(1)])
    pc = u[:, :K] * sign * np.sqrt(n - 1.0)
    eof = np.full((K, keep.size), np.nan)
    eof[:, keep] = pc.T @ (z / w) / (n - 1.0)
    out |= {f"eigenvalue_{k}": s[:K] ** 2 / (n - 1.0), f"total_{k}": np.array((s**2).sum() / (n - 1.0)), f"pc_{k}": pc, f"eof_{k}": eof}

with netCDF4.Dataset(os.path.join(HERE, "gaps.nc"), "w") as f:
    for name, values in out.items():
        dims = []
        for i, length in enumerate(values.shape):
            dims.append(f"{name}_{i}")
            f.createDimension(dims[-1], length)
        f.createVariable(name, "f8", dims, zlib=bool(dims))[...] = values
