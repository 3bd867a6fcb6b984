#!/usr/bin/env python3
"""Compute the references of spherical harmonics: tests/reference/sphere.nc.

    python make_sphere_references.py

Winds and a scalar are made up of noise by integers (`field`), rounded to multiples of 1/1024, so
that tests can make them again and that every degree and order counts, on a Gaussian grid of 12 x 24
(group `gaussian`) and on regular grids with poles of 13 x 24 (`odd`) and of 12 x 25 (`even`), from
south to north. What is there was computed by NCL 6.6.2 (SPHEREPACK): vorticity and divergence
(uv2vrdvG, uv2vrdvF), streamfunction and velocity potential (uv2sfvpG, uv2sfvpF), rotational and
divergent winds (vr2uvG, dv2uvG and F), squares of coefficients a and b of the scalar by degree,
half for m = 0 (shagC, shaeC), and the scalar up to degree 7 (tri_trunC, shsgC, shseC). Radius 6371220 m. What is
made of winds is cut off one degree below the highest, which NCL has of some orders only.
NCL's divergence, streamfunction and velocity potential of noise on the Gaussian grid lack or mix up
even orders m > 0 (they contradict its own vorticity), so the test leaves them out there; pyspharm's of
a Gaussian wind, in the shared data, are right.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
GRIDS = {"gaussian": (12, 24), "odd": (13, 24), "even": (12, 25)}
NAMES = ["vorticity", "divergence", "streamfunction", "velocity_potential", "u_rotational",
         "v_divergent", "truncated"]

SCRIPT = """
f = addfile("in.nc", "r")
u = f->u
v = f->v
s = f->s
vr = uv2vrdvX(u, v)
sp = uv2sfvpX(u, v)
do k = 0, 1
  vr(k,:,:) = shsXC(tri_trunC(shaXC(vr(k,:,:)), TT), dimsizes(s(0,:)))
  sp(k,:,:) = shsXC(tri_trunC(shaXC(sp(k,:,:)), TT), dimsizes(s(0,:)))
end do
rot = vr2uvX(vr(0,:,:))
div = dv2uvX(vr(1,:,:))
ab = shaXC(s)
square = ab(0,:,:)^2 + ab(1,:,:)^2
power = dim_sum_n(square, 1) - 0.5 * square(:,0)
ab = tri_trunC(ab, 7)
t = shsXC(ab, dimsizes(s(0,:)))
system("rm -f out.nc")
g = addfile("out.nc", "c")
g->vorticity = vr(0,:,:)
g->divergence = vr(1,:,:)
g->streamfunction = sp(0,:,:)
g->velocity_potential = sp(1,:,:)
g->u_rotational = rot(0,:,:)
g->v_rotational = rot(1,:,:)
g->u_divergent = div(0,:,:)
g->v_divergent = div(1,:,:)
g->truncated = t
g->power = power
"""


def latitudes(name):
    rows = GRIDS[name][0]
    if name == "gaussian":
        return np.degrees(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    return np.linspace(-90, 90, rows)


def field(shape, salt):
    j, i = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    noise = ((j * 104729 + i * 611953 + i * j * 101 + salt * (i + 3) * (j + 7) * 31) % 1009) / 1009.0
    return np.rint(1024 * (20 * noise - 5)) / 1024


def main():
    out = netCDF4.Dataset(HERE / "sphere.nc", "w")
    out.description = "spherical harmonics of noise by NCL 6.6.2, see make_sphere_references.py"
    for name, shape in GRIDS.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            with netCDF4.Dataset(folder / "in.nc", "w", format="NETCDF3_CLASSIC") as file:
                file.createDimension("lat", shape[0])
                file.createDimension("lon", shape[1])
                file.createVariable("lat", "f8", ("lat",))[:] = latitudes(name)
                for salt, variable in enumerate("uvs", 1):
                    file.createVariable(variable, "f8", ("lat", "lon"))[:] = field(shape, salt)
            kind = "G" if name == "gaussian" else "F"
            script = SCRIPT.replace("vrdvX", "vrdv" + kind).replace("sfvpX", "sfvp" + kind)
            script = script.replace("TT", str(shape[0] - 2)).replace("2uvX", "2uv" + kind)
            letter = "g" if name == "gaussian" else "e"
            script = script.replace("shaXC", f"sha{letter}C").replace("shsXC", f"shs{letter}C")
            (folder / "run.ncl").write_text(script)
            subprocess.run([shutil.which("ncl"), "-Q", "run.ncl"], cwd=folder, check=True)
            with netCDF4.Dataset(folder / "out.nc") as found:
                group = out.createGroup(name)
                group.createDimension("lat", shape[0])
                group.createDimension("lon", shape[1])
                group.createDimension("degree", shape[0])
                group.createVariable("lat", "f8", ("lat",))[:] = latitudes(name)
                for variable in NAMES:
                    group.createVariable(variable, "f8", ("lat", "lon"))[:] = found[variable][:]
                group.createVariable("power", "f8", ("degree",))[:] = found["power"][:]
    out.close()


if __name__ == "__main__":
    main()
