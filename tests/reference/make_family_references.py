"""Modes of the EOF family, by numpy, of two fields made of those of pair_input.nc.

    python3 make_family_references.py

Writes modes_input.nc and modes_coarse.nc (ps on a grid of its own), and modes.nc (results). Double precision
throughout; singular value decompositions of whole matrices. Each result comes for all 150 times
(more times than cells) and for the first 40 (fewer).
"""
import os

import netCDF4
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
with netCDF4.Dataset(os.path.join(HERE, "pair_input.nc")) as f:
    time, lat, lon = f["time"][:].data, f["lat"][:].data, f["lon"][:].data
    tas, ps = (f[v][:].filled(np.nan).astype("f8") for v in ("tas", "ps"))
# Without gaps, but with land: the first field in one corner, the second in another.
tas, ps = (np.where(np.isfinite(a), a - np.nanmean(a), 0.0).astype("f4") for a in (tas, ps))
tas[:, :2, :3] = np.nan
ps[:, 4:, 7:] = np.nan
coarse = np.nan_to_num(ps).reshape(-1, 3, 2, 3, 3).mean((2, 4), dtype="f8")
clat, clon = lat.reshape(3, 2).mean(1), lon.reshape(3, 3).mean(1)


def write(name, lat, lon, fields):
    with netCDF4.Dataset(os.path.join(HERE, name), "w") as f:
        for name, values, units in (("time", time, "days since 2001-01-01"), ("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            f.createDimension(name, len(values))
            f.createVariable(name, "f8", (name,))[:] = values
            f[name].units = units
        f["time"].calendar = "noleap"
        for name, (values, units) in fields.items():
            v = f.createVariable(name, values.dtype, ("time", "lat", "lon"), fill_value=1e20, zlib=True)
            v[:] = np.ma.masked_invalid(values)
            v.units = units
        f.title = "Synthetic: from pair_input.nc (make_family_references.py)"


write("modes_input.nc", lat, lon, {"tas": (tas, "K"), "ps": (ps, "Pa")})
write("modes_coarse.nc", clat, clon, {"ps": (coarse, "Pa")})
tas, ps = tas.astype("f8"), ps.astype("f8")


def prepared(x, la):
    """Anomalies and weights of cells with data."""
    x = x.reshape(len(x), -1)
    keep = np.isfinite(x).all(0)
    w = np.repeat(np.sqrt(np.cos(np.radians(la))), x.shape[1] // len(la))
    x = x - x.mean(0)
    return x[:, keep], w[keep], keep


def spread(values, keep):
    out = np.full((*values.shape[:-1], len(keep)), np.nan)
    out[..., keep] = values
    return out


def signed(v):
    """1 or -1: so that the largest entry of each row is positive."""
    v = v.reshape(len(v), -1)
    return np.sign(v[np.arange(len(v)), np.abs(v).argmax(1)])


def varimax(a):
    """Kaiser's varimax of loadings (cells x modes): steps to the nearest orthogonal matrix of the
    gradient, until the criterion changes by less than 1e-12."""
    b, r, before = a / np.sqrt((a**2).sum(1, keepdims=True)), np.eye(a.shape[1]), 0.0
    for _ in range(5000):
        z = b @ r
        u, s, vt = np.linalg.svd(b.T @ (z**3 - z * (z**2).mean(0)))
        r = u @ vt
        if abs(s.sum() - before) / s.sum() < 1e-12:
            break
        before = s.sum()
    return r


out = {}
K = 4
for label, n in (("all", len(time)), ("few", 40)):
    x, wx, kx = prepared(tas[:n], lat)
    y, wy, ky = prepared(ps[:n], lat)
    z, wz, kz = prepared(coarse[:n], clat)
    f = n - 1.0

    # multivariate, each divided by the root of its total variance
    fx, fy = (1 / np.sqrt((a**2).sum() / f) for a in (x * wx, y * wy))
    u, s, vt = np.linalg.svd(np.hstack([x * wx * fx, y * wy * fy]), full_matrices=False)
    sg = signed(vt[:K])[:, None]
    u, s, vt = u[:, :K] * sg.T, s[:K], vt[:K] * sg
    pc = u * np.sqrt(f)
    out |= {f"multi_{label}_eigenvalue": s**2 / f, f"multi_{label}_pc": pc,
            f"multi_{label}_eof_tas": spread(pc.T @ x / f, kx), f"multi_{label}_eof_ps": spread(pc.T @ y / f, ky)}

    # extended, lags -1..2
    lags = (-1, 0, 1, 2)
    m = n - 3
    parts = [(x * wx)[1 + l : 1 + l + m] for l in lags]
    u, s, vt = np.linalg.svd(np.hstack(parts), full_matrices=False)
    sg = signed(vt[:K])[:, None]
    eofs = (vt[:K] * sg * (s[:K, None] / np.sqrt(m - 1.0))).reshape(K, len(lags), -1) / wx
    out |= {f"extended_{label}_eigenvalue": s[:K] ** 2 / (m - 1.0), f"extended_{label}_pc": u[:, :K] * sg.T * np.sqrt(m - 1.0),
            f"extended_{label}_eof": spread(eofs, kx)}

    # complex
    spectrum = np.fft.fft(x * wx, axis=0)
    h = np.zeros(n)
    h[0] = 1
    h[1 : (n + 1) // 2] = 2
    if n % 2 == 0:
        h[n // 2] = 1
    u, s, vh = np.linalg.svd(np.fft.ifft(spectrum * h[:, None], axis=0), full_matrices=False)
    out |= {f"complex_{label}_eigenvalue": s[:K] ** 2 / f, f"complex_{label}_pc_amplitude": np.abs(u[:, :K]) * np.sqrt(f),
            f"complex_{label}_eof_amplitude": spread(np.abs(vh[:K]) * s[:K, None] / np.sqrt(f) / wx, kx)}

    # varimax
    u, s, vt = np.linalg.svd(x * wx, full_matrices=False)
    a = vt[:K].T * s[:K] / np.sqrt(f)
    r = varimax(a)
    a = a @ r
    order = np.argsort(-(a**2).sum(0))
    a, scores = a[:, order], (u[:, :K] @ r)[:, order]
    sg = signed(a.T)
    out |= {f"varimax_{label}_eigenvalue": (a**2).sum(0), f"varimax_{label}_pc": scores * sg * np.sqrt(f),
            f"varimax_{label}_eof": spread((a * sg).T / wx, kx)}

    # MCA and CCA with the coarse field
    u, s, vt = np.linalg.svd((x * wx).T @ (z * wz) / f, full_matrices=False)
    sg = signed(u[:, :K].T)
    left, right = u[:, :K] * sg, vt[:K].T * sg
    a, b = (x * wx) @ left, (z * wz) @ right
    unit = lambda c: (c - c.mean(0)) / c.std(0, ddof=1)
    out |= {f"mca_{label}_singular_value": s[:K], f"mca_{label}_squared_covariance_fraction": s[:K] ** 2 / (s**2).sum(),
            f"mca_{label}_pattern_tas": spread(left.T, kx), f"mca_{label}_pattern_ps": spread(right.T, kz),
            f"mca_{label}_pc_tas": a, f"mca_{label}_pc_ps": b,
            f"mca_{label}_homogeneous_tas": spread(unit(a).T @ x / f, kx), f"mca_{label}_heterogeneous_tas": spread(unit(b).T @ x / f, kx),
            f"mca_{label}_homogeneous_ps": spread(unit(b).T @ z / f, kz), f"mca_{label}_heterogeneous_ps": spread(unit(a).T @ z / f, kz)}
    ux, sx, vx = np.linalg.svd(x * wx, full_matrices=False)
    uz, sz, vz = np.linalg.svd(z * wz, full_matrices=False)
    p, c, qt = np.linalg.svd(ux[:, :5].T @ uz[:, :4])
    weights = vx[:5].T / sx[:5] @ p[:, :K] * np.sqrt(f)
    sg = signed(weights.T)
    a, b = ux[:, :5] @ p[:, :K] * sg * np.sqrt(f), uz[:, :4] @ qt[:K].T * sg * np.sqrt(f)
    out |= {f"cca_{label}_canonical_correlation": c[:K], f"cca_{label}_pc_tas": a, f"cca_{label}_pc_ps": b,
            f"cca_{label}_weights_tas": spread((weights * sg).T, kx), f"cca_{label}_homogeneous_ps": spread(b.T @ z / f, kz),
            f"cca_{label}_heterogeneous_tas": spread(b.T @ x / f, kx)}

with netCDF4.Dataset(os.path.join(HERE, "modes.nc"), "w") as f:
    f.title = "Modes of modes_input.nc and modes_coarse.nc by numpy (make_family_references.py)"
    f.createDimension("value", None)
    for name, values in out.items():
        values = np.ascontiguousarray(values, "f8").ravel()
        f.createDimension(f"n_{name}", len(values))
        f.createVariable(name, "f8", (f"n_{name}",), zlib=True, shuffle=True)[:] = values
