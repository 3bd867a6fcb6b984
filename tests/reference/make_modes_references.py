#!/usr/bin/env python3
"""Compute the reference numbers of the EOF family: tests/reference/modes.txt.

    python make_modes_references.py

Two small fields x (32 times, 3 latitudes, 4 longitudes) and y (32 times, 9 cells) are drawn from
a fixed seed and rounded to four decimals, so that text holds them exactly. Everything else is
what eofs, xeofs, CDO and NCL make of them in double precision, and numpy where they have no
such method. Needs the packages of requirements.txt, and `cdo` and `ncl` on the PATH.

The file: one line `name rows columns`, then the numbers of that matrix on one line, C order.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
import scipy.signal
import xarray as xr
import xeofs
from eofs.standard import Eof

HERE = Path(__file__).resolve().parent
NT, LAT, LON = 32, np.array([-40.0, 10.0, 55.0]), np.array([0.0, 90.0, 180.0, 270.0])
OUT = {}


def keep(name, values):
    values = np.asarray(values, dtype=float)
    OUT[name] = np.atleast_2d(values)


def keep_complex(name, values):
    keep(name + "_re", values.real)
    keep(name + "_im", values.imag)


def fields():
    random = np.random.default_rng(20240611)
    t = np.arange(NT)[:, None]
    c = np.arange(12)[None, :]
    x = 3 * np.cos(2 * np.pi * (t / 9.3 - c / 4)) + 2 * np.sin(t * 0.31) * np.cos(c * 0.9)
    x = x + 1.5 * np.cos(t * 0.83 + 1) * np.sin(c * 0.4) + 0.7 * random.standard_normal((NT, 12))
    d = np.arange(9)[None, :]
    y = 2 * np.cos(2 * np.pi * (t / 9.3 - d / 5 - 0.1)) + np.sin(t * 0.31 + 0.4) * np.cos(d * 0.5)
    y = y + 0.6 * random.standard_normal((NT, 9))
    return np.round(x + 10, 4), np.round(y, 4)


def array(values, name):
    dims = ("time", name)
    return xr.DataArray(values, dims=dims, coords={"time": np.arange(NT), name: np.arange(values.shape[1])})


def rotations(xw):
    """xw: weighted anomalies."""
    model = xeofs.single.EOF(n_modes=5, solver="full")
    model.fit(array(xw, "cell"), "time")
    for name, power, modes in [("varimax", 1, 5), ("promax2", 2, 5), ("promax4", 4, 4)]:
        rotated = xeofs.single.EOFRotator(n_modes=modes, power=power)
        rotated.fit(model)
        keep(f"xeofs_{name}_components", rotated.components().transpose("mode", "cell"))
        keep(f"xeofs_{name}_scores", rotated.scores(normalized=False).transpose("mode", "time"))
        keep(f"xeofs_{name}_variance", rotated.explained_variance())
        phi = rotated.data["phi_matrix"].values
        order = rotated.data["idx_modes_sorted"].values
        sign = rotated.data["modes_sign"].values
        keep(f"xeofs_{name}_phi", phi[np.ix_(order, order)] * np.outer(sign, sign))


def raw_varimax(xw):
    """Varimax without Kaiser's normalisation, by plane rotations until nothing moves."""
    _, s, vt = np.linalg.svd(xw, full_matrices=False)
    a = (vt[:5].T * s[:5]) / np.sqrt(NT - 1)
    p, k = a.shape
    for _ in range(2000):
        largest = 0.0
        for i in range(k):
            for j in range(i + 1, k):
                u, v = a[:, i] ** 2 - a[:, j] ** 2, 2 * a[:, i] * a[:, j]
                num = 2 * (u @ v) - 2 * u.sum() * v.sum() / p
                den = u @ u - v @ v - (u.sum() ** 2 - v.sum() ** 2) / p
                angle = np.arctan2(num, den) / 4
                largest = max(largest, abs(angle))
                cos, sin = np.cos(angle), np.sin(angle)
                a[:, i], a[:, j] = a[:, i] * cos + a[:, j] * sin, a[:, j] * cos - a[:, i] * sin
        if largest < 1e-13:
            break
    else:
        sys.exit("raw varimax has not converged")
    variance = (a**2).sum(axis=0)
    order = np.argsort(variance)[::-1]
    a = a[:, order]
    a = a * np.sign(a[np.abs(a).argmax(axis=0), np.arange(k)])
    keep("raw_varimax_loadings", a.T)


def coupled(x, y):
    sx, sy = x - x.mean(axis=0), y - y.mean(axis=0)
    u, s, vt = np.linalg.svd(sx.T @ sy / (NT - 1), full_matrices=False)
    keep("mca_singular", s)
    keep("mca_total", (s**2).sum())
    keep("mca_left", u[:, :4].T)
    keep("mca_right", vt[:4])
    model = xeofs.cross.MCA(n_modes=4, use_pca=False, solver="full")
    model.fit(array(x, "cell"), array(y, "site"), "time")
    assert np.allclose(model.data["singular_values"], s[:4], rtol=1e-10)
    left, right = model.components()
    keep("xeofs_mca_left", left.transpose("mode", "cell"))
    keep("xeofs_mca_right", right.transpose("mode", "site"))
    a, b = model.scores()
    keep("xeofs_mca_left_scores", a.transpose("mode", "time"))
    keep("xeofs_mca_right_scores", b.transpose("mode", "time"))
    keep("xeofs_mca_scf", model.squared_covariance_fraction())

    model = xeofs.cross.CCA(n_modes=3, use_pca=True, n_pca_modes=[5, 4], solver="full",
                            solver_kwargs={}, pca_init_rank_reduction=1.0)
    ux, lx, vx = np.linalg.svd(sx, full_matrices=False)
    uy, ly, vy = np.linalg.svd(sy, full_matrices=False)
    a, rho, bt = np.linalg.svd(ux[:, :5].T @ uy[:, :4])
    keep("cca_correlations", rho)
    left = ux[:, :5] @ a[:, :4] * np.sqrt(NT - 1)
    right = uy[:, :4] @ bt.T[:, :4] * np.sqrt(NT - 1)
    keep("cca_left", left.T)
    keep("cca_right", right.T)
    keep("cca_left_weights", (vx[:5].T @ np.diag(1 / lx[:5]) @ a[:, :4] * np.sqrt(NT - 1)).T)
    # All modes of the nine cells: xeofs then has an exact PCA as well.
    model = xeofs.cross.CCA(n_modes=3, use_pca=False, solver="full")
    model.fit(array(x, "cell"), array(y, "site"), "time")
    keep("xeofs_cca_correlations", model.cross_correlation_coefficients())
    a, b = model.scores(normalized=True)
    keep("xeofs_cca_left_scores", a.transpose("mode", "time"))
    left, right = model.components()
    keep("xeofs_cca_left", left.transpose("mode", "cell"))


def hilbert(x):
    xa = x - x.mean(axis=0)
    keep("scipy_hilbert", scipy.signal.hilbert(xa, axis=0).imag.T)
    for name, padding in [("none", None), ("exp", "exp")]:
        model = xeofs.single.HilbertEOF(n_modes=3, padding=padding, decay_factor=0.2, solver="full")
        model.fit(array(x, "cell"), "time")
        keep(f"hilbert_{name}_variance", model.explained_variance())
        keep(f"hilbert_{name}_ratio", model.explained_variance_ratio())
        keep_complex(f"hilbert_{name}_components", model.components().transpose("mode", "cell").values)
        keep_complex(f"hilbert_{name}_scores", model.scores(normalized=False).transpose("mode", "time").values)


def pop(x):
    model = xeofs.single.POP(n_modes=6, use_pca=False)
    # In the space of its own first six PCs, exactly.
    xa = x - x.mean(axis=0)
    u, s, vt = np.linalg.svd(xa, full_matrices=False)
    vt = vt * np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])[:, None]
    pcs = xa @ vt[:6].T
    model.fit(array(pcs, "cell"), "time")
    keep("pop_pcs", pcs.T)
    keep_complex("pop_eigenvalues", model.eigenvalues().values)
    keep("pop_damping", model.damping_times())
    keep("pop_periods", model.periods())
    keep_complex("pop_patterns", model.components().transpose("mode", "cell").values)
    keep_complex("pop_coefficients", model.scores().transpose("mode", "time").values)
    keep("pop_spread", np.asarray(model.data["norms"]))


def write_netcdf(path, values):
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as nc:
        for name, coordinate, units in [
            ("time", np.arange(NT, dtype=float), "days since 2000-01-01"),
            ("lat", LAT, "degrees_north"),
            ("lon", LON, "degrees_east"),
        ]:
            nc.createDimension(name, len(coordinate))
            variable = nc.createVariable(name, "f8", (name,))
            variable.units = units
            variable[:] = coordinate
        nc.createVariable("x", "f8", ("time", "lat", "lon"))[:] = values.reshape(NT, 3, 4)


def cdo(folder, xa):
    write_netcdf(folder / "anomalies.nc", xa)
    for mode in ["on", "off"]:
        for line in [
            "-b F64 eof,3 anomalies.nc eigenvalues.nc eofs.nc",
            "-b F64 eofcoeff eofs.nc anomalies.nc coefficients_",
        ]:
            environment = {"CDO_WEIGHT_MODE": mode, "PATH": "/usr/bin:/bin", "MAX_JACOBI_ITER": "100",
                           "FNORM_PRECISION": "1e-15"}
            subprocess.run(["cdo", "-O", *line.split()], cwd=folder, check=True, env=environment,
                           capture_output=True)
        with netCDF4.Dataset(folder / "eigenvalues.nc") as nc:
            keep(f"cdo_{mode}_eigenvalues", nc["x"][:].ravel())
        with netCDF4.Dataset(folder / "eofs.nc") as nc:
            keep(f"cdo_{mode}_eofs", nc["x"][:].reshape(-1, 12)[:3])
        coefficients = sorted(folder.glob("coefficients_*.nc"))
        keep(f"cdo_{mode}_coefficients", [netCDF4.Dataset(f)["x"][:].ravel() for f in coefficients[:3]])
    keep("cdo_weights", read_cdo_weights(folder))


def read_cdo_weights(folder):
    subprocess.run(["cdo", "-O", "-b", "F64", "gridweights", "anomalies.nc", "weights.nc"], cwd=folder,
                   check=True, capture_output=True)
    with netCDF4.Dataset(folder / "weights.nc") as nc:
        return nc["cell_weights"][:].ravel()


NCL = """
begin
  f = addfile("anomalies.nc", "r")
  x = f->x
  w = conform(x, sqrt(cos(f->lat*3.14159265358979323846d/180.)), 1)
  system("rm -f ncl.nc")
  o = addfile("ncl.nc", "c")
  xw = x
  xw = (/x*w/)
  do opt = 0, 1
    option = True
    option@jopt = opt
    e = eofunc_n_Wrap(xw, 4, option, 0)
    ts = eofunc_ts_n_Wrap(xw, e, option, 0)
    name = "ncl" + opt
    e!0 = "evn"
    o->$(name+"_eofs")$ = e
    o->$(name+"_ts")$ = ts
    o->$(name+"_eval")$ = e@eval
    o->$(name+"_pcvar")$ = e@pcvar
    o->$(name+"_mean")$ = ts@ts_mean
    if (opt .eq. 0) then
      jopts = (/-1, 0, 1/)
      do i = 0, 2
        r = eofunc_varimax(e, jopts(i))
        o->$("varimax" + i)$ = (/r/)
        o->$("varimax_var" + i)$ = (/r@variance_varimax/)
      end do
    end if
  end do
end
"""


def ncl(folder):
    (folder / "x.ncl").write_text(NCL)
    done = subprocess.run(["ncl", "-Q", "x.ncl"], cwd=folder, capture_output=True, text=True)
    if "fatal" in done.stdout or not (folder / "ncl.nc").exists():
        sys.exit(done.stdout + done.stderr)
    print(done.stdout)
    with netCDF4.Dataset(folder / "ncl.nc") as nc:
        for opt in "01":
            for name, rows in [("eofs", 4), ("ts", 4), ("eval", 1), ("pcvar", 1), ("mean", 1)]:
                keep(f"ncl{opt}_{name}", np.asarray(nc[f"ncl{opt}_{name}"][:]).reshape(rows, -1))
        for i, name in enumerate(["minus1", "0", "1"]):
            keep(f"ncl_varimax_{name}", np.asarray(nc[f"varimax{i}"][:]).reshape(4, -1))
            keep(f"ncl_varimax_{name}_variance", nc[f"varimax_var{i}"][:])


def eofs_package(x):
    weights = np.sqrt(np.cos(np.radians(LAT)))[:, None] * np.ones((1, 4))
    solver = Eof(x.reshape(NT, 3, 4), weights=weights)
    keep("eofs_eigenvalues", solver.eigenvalues(neigs=3))
    for scaling in range(3):
        keep(f"eofs_eofs{scaling}", solver.eofs(neofs=3, eofscaling=scaling).reshape(3, -1))
        keep(f"eofs_pcs{scaling}", solver.pcs(npcs=3, pcscaling=scaling).T)
    keep("eofs_north", solver.northTest(neigs=3))


def xeofs_package(x):
    data = xr.DataArray(x.reshape(NT, 3, 4), dims=("time", "lat", "lon"),
                        coords={"time": np.arange(NT), "lat": LAT, "lon": LON})
    model = xeofs.single.EOF(n_modes=3, use_coslat=True, solver="full")
    model.fit(data, "time")
    keep("xeofs_variance", model.explained_variance())
    keep("xeofs_ratio", model.explained_variance_ratio())
    keep("xeofs_singular", model.singular_values())
    for name, normalized in [("unit", True), ("scaled", False)]:
        keep(f"xeofs_components_{name}", model.components(normalized=normalized)
             .transpose("mode", "lat", "lon").values.reshape(3, -1))
        keep(f"xeofs_scores_{name}", model.scores(normalized=normalized).transpose("mode", "time"))


def main():
    x, y = fields()
    keep("x", x)
    keep("y", y)
    keep("latitudes", LAT)
    xa = x - x.mean(axis=0)
    weights = np.repeat(np.sqrt(np.cos(np.radians(LAT))), 4)
    rotations(xa * weights)
    raw_varimax(xa * weights)
    coupled(x, y)
    hilbert(x)
    pop(x)
    eofs_package(x)
    xeofs_package(x)
    with tempfile.TemporaryDirectory() as folder:
        cdo(Path(folder), xa)
        ncl(Path(folder))
    versions = f"# numpy {np.__version__}, xeofs {xeofs.__version__}, eofs {__import__('eofs').__version__}"
    with open(HERE / "modes.txt", "w") as out:
        out.write(versions + "\n")
        for name, values in OUT.items():
            out.write(f"{name} {values.shape[0]} {values.shape[1]}\n")
            digits = "%.6g" if name in ("x", "y") else "%.16g"
            out.write(" ".join(digits % v for v in values.ravel()) + "\n")
    print((HERE / "modes.txt").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
