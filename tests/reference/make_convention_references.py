#!/usr/bin/env python3
"""What eofs, xeofs, CDO and NCL make of a box of the sample: convention_NAME.nc.

    python make_convention_references.py

Two boxes of ../data/ersstv5_sst_201001-202008.nc with land in them: `wide` has more cells than
times, `small` fewer (there CDO's `eof` itself fails, with gaps; `eoftime` is the same analysis). Every tool gets the anomalies from the time mean in double precision, and
`coslat` weights, CDO its own. Needs eofs, xeofs, and `cdo` and `ncl` on the PATH.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr
import xeofs
from eofs.standard import Eof

HERE = Path(__file__).resolve().parent
MODES = 4
BOXES = {"wide": (120, 150, 20, 40), "small": (120, 140, 20, 40)}
NCL = """
begin
  f = addfile("anomalies.nc", "r")
  x = f->x
  w = conform(x, sqrt(cos(f->lat*3.14159265358979323846d/180.)), 1)
  x = (/x*w/)
  option = True
  option@jopt = 0
  e = eofunc_n_Wrap(x, %d, option, 0)
  ts = eofunc_ts_n_Wrap(x, e, option, 0)
  o = addfile("ncl.nc", "c")
  o->eval = e@eval
  o->pcvar = e@pcvar
  o->e = e
  o->ts = ts
end
""" % MODES


def write(path, x, lat, lon):
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as nc:
        for name, values, units in [("time", np.arange(len(x), dtype="f8"), "days since 2000-01-01"),
                                    ("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")]:
            nc.createDimension(name, len(values))
            nc.createVariable(name, "f8", (name,))[:] = values
            nc[name].units = units
        nc.createVariable("x", "f8", ("time", "lat", "lon"), fill_value=1e20)[:] = np.ma.masked_invalid(x)


def plain(values):
    return np.ma.filled(np.ma.asarray(values, dtype="f8"), np.nan)


def eofs(x, lat, lon, folder):
    weights = np.sqrt(np.cos(np.radians(lat)))[:, None] * np.ones((1, len(lon)))
    solver = Eof(np.ma.masked_invalid(x), weights=weights)
    return (solver.eigenvalues(neigs=MODES), solver.varianceFraction(neigs=MODES), solver.eofs(neofs=MODES),
            solver.pcs(npcs=MODES))


def xeofs_(x, lat, lon, folder):
    data = xr.DataArray(x, dims=("time", "lat", "lon"), coords={"time": np.arange(len(x)), "lat": lat, "lon": lon})
    model = xeofs.single.EOF(n_modes=MODES, use_coslat=True, solver="full")
    model.fit(data, "time")
    return (model.explained_variance().values, model.explained_variance_ratio().values,
            model.components().transpose("mode", "lat", "lon").reindex(lat=lat, lon=lon).values,
            model.scores().transpose("time", "mode").values)


def cdo(x, lat, lon, folder):
    environment = {**os.environ, "CDO_WEIGHT_MODE": "on", "MAX_JACOBI_ITER": "100", "FNORM_PRECISION": "1e-15"}
    for line in [f"-b F64 eoftime,{MODES} anomalies.nc values.nc patterns.nc", "-b F64 eofcoeff patterns.nc anomalies.nc pc_"]:
        subprocess.run(["cdo", "-O", *line.split()], cwd=folder, check=True, env=environment, capture_output=True)
    with netCDF4.Dataset(folder / "values.nc") as nc:
        values = plain(nc["x"][:]).ravel()
    with netCDF4.Dataset(folder / "patterns.nc") as nc:
        patterns = plain(nc["x"][:])[:MODES]
    pcs = [plain(netCDF4.Dataset(f)["x"][:]).ravel() for f in sorted(folder.glob("pc_*.nc"))[:MODES]]
    return values[:MODES], values[:MODES] / values.sum(), patterns, np.stack(pcs, 1)


def ncl(x, lat, lon, folder):
    (folder / "x.ncl").write_text(NCL)
    done = subprocess.run(["ncl", "-Q", "x.ncl"], cwd=folder, capture_output=True, text=True)
    if not (folder / "ncl.nc").exists():
        sys.exit(done.stdout + done.stderr)
    with netCDF4.Dataset(folder / "ncl.nc") as nc:
        return plain(nc["eval"][:]), plain(nc["pcvar"][:]) / 100, plain(nc["e"][:]), plain(nc["ts"][:]).T


def version(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def main():
    with netCDF4.Dataset(HERE.parent / "data" / "ersstv5_sst_201001-202008.nc") as nc:
        lat, lon = plain(nc["lat"][:]), plain(nc["lon"][:])
        sst = plain(nc["sst"][:])
    for box, (west, east, south, north) in BOXES.items():
        rows, columns = (lat >= south) & (lat <= north), (lon >= west) & (lon <= east)
        x = sst[:, rows][:, :, columns]
        x = x - x.mean(axis=0)
        with netCDF4.Dataset(HERE / f"convention_{box}.nc", "w") as out, tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            write(folder / "anomalies.nc", x, lat[rows], lon[columns])
            for name, length in [("mode", MODES), ("time", len(x)), ("lat", rows.sum()), ("lon", columns.sum())]:
                out.createDimension(name, length)
            for tool, make in [("eofs", eofs), ("xeofs", xeofs_), ("cdo", cdo), ("ncl", ncl)]:
                found = zip(["eigenvalue", "variance_fraction", "eof", "pc"], make(x, lat[rows], lon[columns], folder))
                for name, values in found:
                    dims = {"eof": ("mode", "lat", "lon"), "pc": ("time", "mode")}.get(name, ("mode",))
                    out.createVariable(f"{tool}_{name}", "f8", dims, zlib=True)[:] = plain(values)
            out.box = f"{west},{east},{south},{north}"
            out.versions = ", ".join(["eofs 2", f"xeofs {xeofs.__version__}", f"numpy {np.__version__}",
                                      version(["cdo", "-V"]), "NCL " + version(["ncl", "-V"])])


main()
