"""Inputs and references for tests/atmosphere.rs and tests/vertical.rs.

Makes a small atmosphere (atmosphere_input.nc), the same with values that are missing above the ground
(atmosphere_gaps.nc) and on hybrid levels (atmosphere_hybrid.nc), and what numpy, NCL 6.6.2 (ncl) and CDO 2.1.1 (cdo) make
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


NAMES = {
    "va": ("northward_wind", "m s-1"), "ua": ("eastward_wind", "m s-1"), "ta": ("air_temperature", "K"),
    "hus": ("specific_humidity", "1"), "zg": ("geopotential_height", "m"),
    "wap": ("lagrangian_tendency_of_air_pressure", "Pa s-1"), "ps": ("surface_air_pressure", "Pa"),
    "vb": ("", "m s-1"), "tb": ("", "K"), "qb": ("", "1"),
}


def write_input(path, data, is_hybrid=False):
    level = "plev" if not is_hybrid else "lev"
    count = P.size if not is_hybrid else HALF.shape[1] - 1
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as f:
        for name, n in (("time", None), (level, count), ("lat", LAT.size), ("lon", NLON)):
            f.createDimension(name, n)
        axes = {"time": (np.arange(NT) + 0.5, "days since 2001-01-01", "time")}
        if not is_hybrid:
            axes["plev"] = (P, "Pa", "air_pressure")
        else:
            # In hPa, as models write them: no pressure of the level all the same.
            nominal = (FULL[0] * P0 + FULL[1] * P0) / 100
            axes["lev"] = (nominal, "hPa", "atmosphere_hybrid_sigma_pressure_coordinate")
        axes["lat"] = (LAT, "degrees_north", "latitude")
        axes["lon"] = (LON, "degrees_east", "longitude")
        for name, (values, units, standard) in axes.items():
            v = f.createVariable(name, "f8", (name,))
            v.units, v.standard_name = units, standard
            v[:] = values
        f[level].positive = "down"
        f[level].axis = "Z"
        if is_hybrid:
            f["lev"].formula_terms = "a: hyam b: hybm p0: P0 ps: ps"
            f.createDimension("ilev", count + 1)
            for name, dim, values in (
                ("hyam", "lev", FULL[0]), ("hybm", "lev", FULL[1]),
                ("hyai", "ilev", HALF[0]), ("hybi", "ilev", HALF[1]),
            ):
                f.createVariable(name, "f8", (dim,))[:] = values
            v = f.createVariable("P0", "f8", ())
            v.units = "Pa"
            v[...] = P0
        for name, values in data.items():
            dims = ("time", level, "lat", "lon") if values.ndim == 4 else ("time", "lat", "lon")
            fill = None if np.isfinite(values).all() else np.float32(1e20)
            v = f.createVariable(name, "f4", dims, fill_value=fill)
            if NAMES[name][0]:
                v.standard_name = NAMES[name][0]
            v.units = NAMES[name][1]
            v[:] = np.where(np.isfinite(values), values, np.float32(1e20))


# Half levels from the top down, which are not in the middle between levels.
P0 = 100000.0
HALF = np.array([
    [0.0, 0.03, 0.09, 0.14, 0.15, 0.11, 0.05, 0.01, 0.0],
    [0.0, 0.0, 0.02, 0.12, 0.30, 0.55, 0.78, 0.93, 1.0],
])
FULL = 0.45 * HALF[:, :-1] + 0.55 * HALF[:, 1:]


def slope(f, x, axis):
    """Parabolas through three points, leaving out what is missing."""
    f = np.moveaxis(f, axis, 0)
    out = np.full(f.shape, np.nan)
    for i in np.ndindex(f.shape[1:]):
        there = np.isfinite(f[(slice(None),) + i])
        if there.sum() > 2:
            out[(there,) + i] = np.gradient(f[(there,) + i], x[there], edge_order=2)
    return np.moveaxis(out, 0, axis)


def tem(d, P=P):
    """Without a vertical velocity, what it carries is left out."""
    v, u, t = (d[k] for k in ("va", "ua", "ta"))
    w = d.get("wap", np.zeros_like(v))
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
    down = slice(None, None, -1 if P[0] > P[-1] else 1)
    vm = np.nan_to_num(zm(v))[:, down]
    p = P[down]
    layers = 0.5 * (vm[:, 1:] + vm[:, :-1]) * np.diff(p)[:, None]
    mass = np.concatenate([vm[:, :1] * p[0], vm[:, :1] * p[0] + np.cumsum(layers, 1)], 1)[:, down]
    return {
        "vtem": zm(v) - slope(psi, P, 1),
        "omegatem": zm(w) + slope(psi * cos, phi, 2) / (A * cos),
        "psitem": 2 * np.pi * A * cos / G * (mass - psi),
        "epfy": fy, "epfp": fp, "epfdiv": div, "utendepfd": div / (A * cos),
    }


def budgets(d):
    """Parts by what carries, all values above the ground counting the same."""
    out = {}
    for name in ("ta", "zg", "hus"):
        out |= {f"{name}_{k}": v for k, v in parts(d["va"], d[name], np.ones_like(d["va"])).items()}
    return out


def parts(v, x, w):
    """Parts by what carries, values counting as much as they weigh."""
    w = np.where(np.isfinite(v + x), w, 0.0)
    w = np.nan_to_num(w)
    v, x = np.nan_to_num(v), np.nan_to_num(x)
    n = w.sum(0)
    rows = n.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = lambda f: np.nan_to_num((w * f).sum(0) / n)
        row = lambda f: (f * n).sum(-1) / rows
        xm, vm = mean(x), mean(v)
        return {
            "mean": row(vm) * row(xm),
            "stationary": row(vm * xm) - row(vm) * row(xm),
            "transient": row(mean((v - vm) * (x - xm))),
            "total": (w * v * x).sum((0, 3)) / rows,
        }


def thickness(ps, hybrid):
    """The mass of layers: of pressure levels those between the middles, cut off at the ground."""
    if hybrid:
        edges = HALF[0][:, None, None] * P0 + HALF[1][:, None, None] * ps[:, None]
        return np.diff(edges, axis=1)
    out = np.zeros((ps.shape[0], P.size) + ps.shape[1:])
    for t, j, i in np.ndindex(ps.shape):
        there = np.flatnonzero(P <= ps[t, j, i])
        edges = np.concatenate([[ps[t, j, i]], 0.5 * (P[there][1:] + P[there][:-1]), [0.0]])
        out[t, there, j, i] = edges[:-1] - edges[1:]
    return out


def energy(d, ps, hybrid=False):
    """Transports, W; levels that have mass and no value on a circle lie between their neighbours."""
    dp = thickness(ps, hybrid)
    p = (FULL[0] + FULL[1]) * P0 if hybrid else P
    order = np.argsort(p)
    mass = dp.mean((0, 3)) * 2 * np.pi * A * np.cos(np.deg2rad(LAT)) / G
    # What is missing in one is missing in all.
    gone = ~np.isfinite(d["va"] + d["ta"] + d["zg"] + d["hus"])
    d = {k: np.where(gone, np.nan, d[k]) for k in ("va", "ta", "zg", "hus")}
    out = {}
    for name, factor in (("ta", CP), ("zg", G), ("hus", L)):
        for part, values in parts(d["va"], d[name], np.where(dp > 0, dp, 0.0)).items():
            for j in range(LAT.size):
                ok = [k for k in order if np.isfinite(values[k, j])]
                values[:, j] = np.interp(p, p[ok], values[ok, j])
            out[f"{name}_{part}_flux"] = (mass * factor * values).sum(0)
    return out


def vapour(d, ps, hybrid=False):
    """Columns one by one: straight lines between the values above the ground, to the ground."""
    out = {}
    for name, wind in (("uq", "ua"), ("vq", "va")):
        f = d[wind] * d["hus"]
        if hybrid:
            out[name] = (f * thickness(ps, True)).sum(1) / G
            continue
        out[name] = np.zeros(ps.shape)
        for t, j, i in np.ndindex(ps.shape):
            there = np.flatnonzero((P <= ps[t, j, i]) & np.isfinite(f[t, :, j, i]))[::-1]
            p = np.concatenate([[0.0], P[there], [ps[t, j, i]]])
            y = f[t, there, j, i]
            out[name][t, j, i] = np.trapezoid(np.concatenate([y[:1], y, y[-1:]]), p) / G
    return out


def overturning(v, ps, at, hybrid=False):
    """∮ ∫ v dp to p or the ground, column by column."""
    psi = np.zeros((NT, len(at), LAT.size))
    for t, j, i in np.ndindex(ps.shape):
        ground = ps[t, j, i]
        if hybrid:
            p = HALF[0] * P0 + HALF[1] * ground
            upto = np.concatenate([[0.0], np.cumsum(v[t, :, j, i] * np.diff(p))])
            psi[t, :, j] += np.interp(at, p, upto) / NLON
            continue
        there = np.flatnonzero(P <= ground)[::-1]
        for k, target in enumerate(at):
            end = min(target, ground)
            p = np.concatenate([[0.0], P[there][P[there] < end], [end]])
            psi[t, k, j] += np.trapezoid(np.interp(p, P[there], v[t, there, j, i]), p) / NLON
    below = np.array(at)[None, :, None] > ps.max(-1)[:, None]
    return np.where(below, np.nan, psi) * 2 * np.pi * A * np.cos(np.deg2rad(LAT)) / G


def to_pressures(d, ps, at):
    """Column by column, straight lines over pressure; nothing beyond the ends."""
    out = {}
    for name in ("va", "ua", "ta"):
        out[name] = np.full((NT, len(at), LAT.size, NLON), np.nan)
        for t, j, i in np.ndindex(ps.shape):
            p = FULL[0] * P0 + FULL[1] * ps[t, j, i]
            out[name][t, :, j, i] = np.interp(at, p, d[name][t, :, j, i], left=np.nan, right=np.nan)
    return out


def hybrid_fields(ps):
    """Winds and the rest on hybrid levels; vb, tb and qb are the same everywhere."""
    p = FULL[0][:, None, None] * P0 + FULL[1][:, None, None] * ps[:, None]
    z = -np.log(p / 1e5)
    phi = np.deg2rad(LAT)[:, None]
    lam = np.deg2rad(LON)
    noise = lambda s: s * rng.standard_normal(p.shape)
    d = {
        "va": 1.5 * np.sin(2 * phi) * np.cos(2 * z) + 6 * np.cos(2 * lam + z) * np.cos(phi) + noise(2.0),
        "ua": 10 + 20 * np.sin(2 * phi) ** 2 * (0.3 + z) + noise(2.0),
        "ta": 300 - 40 * np.sin(phi) ** 2 - 28 * z + 3 * np.cos(2 * lam + z + 0.4) + noise(0.7),
        "hus": 0.015 * np.cos(phi) ** 2 * np.exp(-3 * z) * (1 + noise(0.05)),
        "zg": 7400 * z + noise(5.0),
        "vb": np.full(p.shape, 2.0), "tb": np.full(p.shape, 256.0), "qb": np.full(p.shape, 2.0**-7),
    }
    return {k: v.astype("f4") for k, v in d.items()}


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
    ps = double["ps"]
    results |= budgets(masked)
    results |= energy(masked, ps)
    results |= vapour(masked, ps)
    results["psi"] = overturning(double["va"], ps, P)

    # A level that is missing around a circle, the lowest ones of another, a few cells.
    gaps = {k: v.copy() for k, v in data.items() if k in ("va", "ua", "ta", "hus", "zg", "ps")}
    for name in ("va", "hus"):
        gaps[name][:, 3, 3] = np.nan
    gaps["ua"][:, :2, 6] = np.nan
    gaps["va"][:, :2, 6] = np.nan
    gaps["ta"][1, 2, 4, :3] = np.nan
    gaps["hus"][2, 5, 4, :3] = np.nan
    write_input("atmosphere_gaps.nc", gaps)
    holed = {k: np.where(below, np.nan, v.astype("f8")) for k, v in gaps.items() if v.ndim == 4}
    results |= {f"gaps_{k}": v for k, v in (energy(holed, ps) | vapour(holed, ps)).items()}

    hybrid = hybrid_fields(ps)
    write_input("atmosphere_hybrid.nc", hybrid | {"ps": data["ps"]}, is_hybrid=True)
    hybrid = {k: v.astype("f8") for k, v in hybrid.items()}
    results |= {f"hybrid_{k}": v for k, v in (energy(hybrid, ps, True) | vapour(hybrid, ps, True)).items()}
    at = [20000.0, 60000.0, 95000.0, 100000.0]
    results["hybrid_psi"] = overturning(hybrid["va"], ps, at, True)
    results["hybrid_psi_barotropic"] = overturning(hybrid["vb"], ps, at, True)
    for name, at in (("tem", (FULL[0] + FULL[1]) * P0), ("tem_to", P[::-1])):
        found = tem(to_pressures(hybrid, ps, at), at)
        results |= {f"hybrid_{name}_{k}": v for k, v in found.items() if k != "omegatem"}
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
