"""Principal oscillation patterns of tas in modes_input.nc, by numpy and xeofs: pop.nc.

    python3 make_pop_references.py

In the space of 6 EOFs of the field with coslat weights. A pattern has a phase that is nobody's
choice, so that what is kept is free of it: eigenvalues, and the anomalies of each mode (of the
first 10 times). `both_`: tas beside ps of modes_coarse.nc, each divided by its spread.
"""
import os

import netCDF4
import numpy as np
import xarray as xr
import xeofs

HERE = os.path.dirname(os.path.abspath(__file__))
EOFS = 6
FIRST = 10


def read(file, name):
    with netCDF4.Dataset(os.path.join(HERE, file)) as f:
        return f[name][:].astype("f8").filled(np.nan), f["lat"][:].data, f["lon"][:].data


def pops(pc):
    """Eigenvalues with patterns and coefficients (columns), the largest coefficients first."""
    a, b = pc[:-1], pc[1:]
    values, p = np.linalg.eig(b.T @ a @ np.linalg.inv(a.T @ a))
    found = []
    for k in np.flatnonzero(values.imag >= 0):
        q = p[:, k] / np.linalg.norm(p[:, k])
        base = np.stack([q.real, q.imag], 1) if values[k].imag > 0 else q.real[:, None]
        z = pc @ np.linalg.pinv(base).T
        found.append((values[k], base, z))
    return found


def spread(base, z):
    """Of coefficients of the pattern turned so that its parts are orthogonal."""
    u, s, _ = np.linalg.svd(base, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    fit = z @ base.T @ u / s
    return np.sqrt(fit.var(0).sum())


def analyse(fields):
    """Of weighted anomalies side by side: eigenvalues, shares of variance, anomalies of modes."""
    x = np.concatenate(fields, 1)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    pc = u[:, :EOFS] * s[:EOFS]
    found = pops(pc)
    found.sort(key=lambda f: -spread(f[1], f[2]))
    anomalies = np.stack([z @ base.T @ vt[:EOFS] for _, base, z in found])
    share = (anomalies.var(1).sum(1)) / (x.var(0).sum())
    return np.array([f[0] for f in found]), share, anomalies


x, lat, lon = read("modes_input.nc", "tas")
n = len(x)
w = np.repeat(np.sqrt(np.cos(np.radians(lat))), len(lon))
there = np.isfinite(x.reshape(n, -1)).all(0)
tas = (x - x.mean(0)).reshape(n, -1)[:, there] * w[there]
values, share, anomalies = analyse([tas])
# Of the components themselves: xeofs finds its own by a randomized solver.
u, s, _ = np.linalg.svd(tas, full_matrices=False)
model = xeofs.single.POP(n_modes=EOFS, use_pca=False, center=False)
pc = xr.DataArray(u[:, :EOFS] * s[:EOFS], dims=("time", "cell"), coords={"time": range(n), "cell": range(EOFS)})
model.fit(pc, "time")
theirs = model.eigenvalues().values
keep = theirs.imag >= 0
order = [np.abs(theirs[keep] - v).argmin() for v in values]
theirs, periods, damping = (a[keep][order] for a in (theirs, model.periods().values, model.damping_times().values))
print("numpy", values, "\nxeofs", theirs, "\nshare", share)

y, clat, clon = read("modes_coarse.nc", "ps")
cw = np.repeat(np.sqrt(np.cos(np.radians(clat))), len(clon))
ps = (y - y.mean(0)).reshape(n, -1) * cw
parts = [f / np.sqrt((f**2).sum() / (n - 1.0)) for f in (tas, ps)]
both, both_share, both_anomalies = analyse(parts)
factor = 1.0 / np.sqrt((ps**2).sum() / (n - 1.0))

full = np.full((len(values), FIRST, there.size), np.nan)
full[:, :, there] = anomalies[:, :FIRST] / w[there]
out = {"eigenvalue_real": values.real, "eigenvalue_imaginary": values.imag, "share": share, "anomaly": full,
       "xeofs_eigenvalue_real": theirs.real, "xeofs_eigenvalue_imaginary": theirs.imag, "xeofs_period": periods,
       "xeofs_damping_time": damping, "both_eigenvalue_real": both.real, "both_eigenvalue_imaginary": both.imag,
       "both_share": both_share, "both_anomaly_ps": both_anomalies[:, :FIRST, tas.shape[1]:] / (factor * cw)}
with netCDF4.Dataset(os.path.join(HERE, "pop.nc"), "w", format="NETCDF3_CLASSIC") as nc:
    for name, v in out.items():
        dims = []
        for i, length in enumerate(np.shape(v)):
            dims.append(f"{name}_{i}")
            nc.createDimension(dims[-1], length)
        nc.createVariable(name, "f8", dims)[...] = v
