"""Inputs and references for tests/atmosphere.rs and tests/vertical.rs.

Makes a small atmosphere (atmosphere_input.nc) and what numpy, NCL 6.6.2 (ncl) and CDO 2.1.1 (cdo) make
of it (atmosphere.nc). Run in this folder; ncl and cdo have to be on the path.
"""

import os
import subprocess
import tempfile

import netCDF4
import numpy as np

A, G, CP, L, R, OMEGA = 6371000.0, 9.80665, 1004.64, 2.501e6, 287.04, 7.292115e-5
NT, NLON = 3, 8
P = np.array([100000.0, 85000.0, 60000.0, 40000.0, 20000.0, 7000.0])
LAT = np.linspace(-80.0, 80.0, 9)
LON = np.arange(NLON) * 45.0
rng = np.random.default_rng(20261126)


def fields():
    shape = (NT, P.size, LAT.size, NLON)
    z = -np.log(P / 1e5)[:, None, None]
    phi = np.deg2rad(LAT)[:, None]
    lam = np.deg2rad(LON)
    noise = lambda s: s * rng.standard_normal(shape)
    v = 1.5 * np.sin(2 * phi) * np.cos(2 * z) + 6 * np.cos(2 * lam + z) * np.cos(phi) + noise(2.0)
    u = 10 + 20 * np.sin(2 * phi) ** 2 * (0.3 + z) + 5 * np.sin(2 * lam + phi) + noise(2.0)
    t = 300 - 40 * np.sin(phi) ** 2 - 28 * z + 3 * np.cos(2 * lam + z + 0.4) + noise(0.7)
    q = 0.015 * np.cos(phi) ** 2 * np.exp(-3 * z) * (1 + 0.2 * np.cos(lam)) * (1 + noise(0.05))
    zg = 7400 * z * (1 - 0.05 * np.sin(phi) ** 2) + 30 * np.cos(2 * lam) + noise(5.0)
    w = 0.05 * np.cos(2 * lam + 1.0) * np.cos(phi) + noise(0.02)
    ps = 101000 - 26000 * np.exp(-(((LAT[:, None] - 40) / 15) ** 2) - ((LON - 90) / 40) ** 2) + 0 * z[:1]
    ps = ps + 300 * rng.standard_normal((NT, LAT.size, NLON))
    single = lambda f: f.astype("f4")
    return {k: single(f) for k, f in dict(va=v, ua=u, ta=t, hus=q, zg=zg, wap=w, ps=ps).items()}


def write_input(path, data):
    names = {
        "va": ("northward_wind", "m s-1"), "ua": ("eastward_wind", "m s-1"), "ta": ("air_temperature", "K"),
        "hus": ("specific_humidity", "1"), "zg": ("geopotential_height", "m"),
        "wap": ("lagrangian_tendency_of_air_pressure", "Pa s-1"), "ps": ("surface_air_pressure", "Pa"),
    }
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as f:
        for name, n in (("time", None), ("plev", P.size), ("lat", LAT.size), ("lon", NLON)):
            f.createDimension(name, n)
        axes = {
            "time": (np.arange(NT) + 0.5, "days since 2001-01-01", "time"),
            "plev": (P, "Pa", "air_pressure"),
            "lat": (LAT, "degrees_north", "latitude"),
            "lon": (LON, "degrees_east", "longitude"),
        }
        for name, (values, units, standard) in axes.items():
            v = f.createVariable(name, "f8", (name,))
            v.units, v.standard_name = units, standard
            v[:] = values
        f["plev"].positive = "down"
        f["plev"].axis = "Z"
        for name, values in data.items():
            dims = ("time", "plev", "lat", "lon") if values.ndim == 4 else ("time", "lat", "lon")
            v = f.createVariable(name, "f4", dims)
            v.standard_name, v.units = names[name]
            v[:] = values


def trapezoid_weights():
    p = P[::-1]
    w = np.zeros(p.size)
    w[0] = p[0]
    w[:-1] += 0.5 * np.diff(p)
    w[1:] += 0.5 * np.diff(p)
    return w[::-1]


def slope(f, x, axis):
    """Parabolas through three points, leaving out what is missing."""
    f = np.moveaxis(f, axis, 0)
    out = np.full(f.shape, np.nan)
    for i in np.ndindex(f.shape[1:]):
        there = np.isfinite(f[(slice(None),) + i])
        if there.sum() > 2:
            out[(there,) + i] = np.gradient(f[(there,) + i], x[there], edge_order=2)
    return np.moveaxis(out, 0, axis)


def tem(d):
    v, u, t, w = (d[k] for k in ("va", "ua", "ta", "wap"))
    zm = lambda f: np.nanmean(f, -1)
    cov = lambda a, b: zm((a - zm(a)[..., None]) * (b - zm(b)[..., None]))
    theta = t * ((1e5 / P) ** (R / CP))[:, None, None]
    cos, f = np.cos(np.deg2rad(LAT)), 2 * OMEGA * np.sin(np.deg2rad(LAT))
    phi = np.deg2rad(LAT)
    psi = cov(v, theta) / slope(zm(theta), P, 1)
    um = zm(u)
    fy = A * cos * (slope(um, P, 1) * psi - cov(u, v))
    fp = A * cos * ((f - slope(um * cos, phi, 2) / (A * cos)) * psi - cov(u, w))
    div = slope(fy * cos, phi, 2) / (A * cos) + slope(fp, P, 1)
    vm = np.nan_to_num(zm(v))[:, ::-1]
    p = P[::-1]
    layers = 0.5 * (vm[:, 1:] + vm[:, :-1]) * np.diff(p)[:, None]
    mass = np.concatenate([vm[:, :1] * p[0], vm[:, :1] * p[0] + np.cumsum(layers, 1)], 1)[:, ::-1]
    return {
        "vtem": zm(v) - slope(psi, P, 1),
        "omegatem": zm(w) + slope(psi * cos, phi, 2) / (A * cos),
        "psitem": 2 * np.pi * A * cos / G * (mass - psi),
        "epfy": fy, "epfp": fp, "epfdiv": div, "utendepfd": div / (A * cos),
    }


def budgets(d):
    """Parts by what carries, all values above the ground counting the same."""
    v = d["va"]
    there = np.isfinite(v)
    n = there.sum(0).astype(float)
    rows = n.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = lambda f: np.nansum(f, 0) / n
        row = lambda f: np.nansum(f * n, -1) / rows
        out = {}
        w = trapezoid_weights()[:, None] * rows / (NT * NLON) * 2 * np.pi * A * np.cos(np.deg2rad(LAT)) / G
        for name, factor in (("ta", CP), ("zg", G), ("hus", L)):
            x = d[name]
            xm, vm = mean(x), mean(v)
            parts = {
                "mean": row(vm) * row(xm),
                "stationary": row(vm * xm) - row(vm) * row(xm),
                "transient": row(mean((v - vm) * (x - xm))),
                "total": np.nansum(v * x, (0, 3)) / rows,
            }
            for part, values in parts.items():
                out[f"{name}_{part}"] = values
                out[f"{name}_{part}_flux"] = np.nansum(w * factor * values, 0)
    return out


def vapour(d, ps):
    edges = np.concatenate([[np.inf], 0.5 * (P[1:] + P[:-1]), [0.0]])
    lower = np.minimum(edges[:-1][:, None, None], ps[:, None])
    upper = np.minimum(edges[1:][:, None, None], ps[:, None])
    dp = lower - upper
    return {"uq": (d["ua"] * d["hus"] * dp).sum(1) / G, "vq": (d["va"] * d["hus"] * dp).sum(1) / G}


def by_ncl(folder, source):
    script = os.path.join(folder, "a.ncl")
    out = os.path.join(folder, "ncl.nc")
    with open(script, "w") as f:
        f.write(f"""
f=addfile("{source}","r")
v=todouble(f->va(:,::-1,:,:))
psi=zonal_mpsi(v,f->lat,f->plev(::-1),todouble(f->ps))
g=addfile("{out}","c")
psi!0="time"
psi!1="lev"
psi!2="lat"
g->psi=psi(:,::-1,:)
""")
    subprocess.run(["ncl", "-Q", script], check=True)
    with netCDF4.Dataset(out) as f:
        missing = lambda v: np.where(np.abs(v) > 1e29, np.nan, v)
        return {k: missing(np.ma.filled(f[k][:], 1e30)) for k in ("psi",)}


def by_cdo(folder, source):
    out = os.path.join(folder, "cdo.nc")
    subprocess.run(["cdo", "-s", "-b", "F64", "mastrfu", "-zonmean", "-selname,va", source, out], check=True)
    with netCDF4.Dataset(out) as f:
        return np.asarray(f["mastrfu"][:])[..., 0]


def main():
    data = fields()
    write_input("atmosphere_input.nc", data)
    double = {k: v.astype("f8") for k, v in data.items()}
    below = P[:, None, None] > double["ps"][:, None]
    masked = {k: np.where(below, np.nan, v) if v.ndim == 4 else v for k, v in double.items()}
    results = {f"tem_{k}": v for k, v in tem(masked).items()}
    results |= budgets(masked)
    results |= vapour(double, double["ps"])
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.abspath("atmosphere_input.nc")
        results |= {f"ncl_{k}": v for k, v in by_ncl(folder, source).items()}
        results["cdo_psi"] = by_cdo(folder, source)
    with netCDF4.Dataset("atmosphere.nc", "w", format="NETCDF3_CLASSIC") as f:
        for name, values in results.items():
            dims = []
            for n in values.shape:
                dims.append(f"n{n}")
                if dims[-1] not in f.dimensions:
                    f.createDimension(dims[-1], n)
            f.createVariable(name, "f8", dims, fill_value=1e30)[:] = np.where(
                np.isfinite(values), values, 1e30
            )


if __name__ == "__main__":
    main()
