#!/usr/bin/env python3
"""Compute the references of spherical harmonics: tests/reference/sphere.nc.

    python make_sphere_references.py

Winds and a scalar are made up of noise by integers (`field`), rounded to multiples of 1/1024, so
that tests can make them again and that every degree and order counts, on a Gaussian grid of 12 x 24
(group `gaussian`) and on regular grids with poles of 13 x 24 (`odd`) and of 12 x 25 (`even`), from
south to north. What is there was computed by NCL 6.6.2 (SPHEREPACK): vorticity and divergence
(uv2vrdvG, uv2vrdvF), streamfunction and velocity potential (uv2sfvpG, uv2sfvpF), rotational and
divergent winds (vr2uvG, dv2uvG and F), squares of coefficients a and b of the scalar by degree,
half for m = 0 (shagC, shaeC), and the scalar up to degree 7 (tri_trunC, shseC). Radius 6371220 m. What is
made of winds is cut off one degree below the highest, which NCL has of some orders only,
by numpy on the Gaussian grid. There NCL's divergence, streamfunction and potential lack or mix up
even orders m > 0 and contradict its own vorticity: they are left out (pyspharm's, in the shared
data, are right).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

HERE = Path(__file__).resolve().parent
GRIDS = {"gaussian": (12, 24), "odd": (13, 24), "even": (12, 25)}
# What is cut off at which degree below the number of rows, and what is made of that (t) then.
RESULTS = {
    "vorticity": ("uv2vrdvX(u, v)", "x(0,:,:)", 2, "t"),
    "divergence": ("uv2vrdvX(u, v)", "x(1,:,:)", 2, "t"),
    "streamfunction": ("uv2sfvpX(u, v)", "x(0,:,:)", 2, "t"),
    "velocity_potential": ("uv2sfvpX(u, v)", "x(1,:,:)", 2, "t"),
    "u_rotational": ("uv2vrdvX(u, v)", "x(0,:,:)", 2, "vr2uvX(t)"),
    "v_divergent": ("uv2vrdvX(u, v)", "x(1,:,:)", 2, "dv2uvX(t)"),
    "truncated": ("s", "x", None, "t"),
}
PART = {"u_rotational": 0, "v_divergent": 1}

SCRIPT = """
f = addfile("in.nc", "r")
u = f->u
v = f->v
s = f->s
x = MAKE
y = PICK
CUT
r = THEN
ab = shaYC(s)
square = ab(0,:,:)^2 + ab(1,:,:)^2
power = dim_sum_n(square, 1) - 0.5 * square(:,0)
system("rm -f out.nc")
g = addfile("out.nc", "c")
g->r = r
g->power = power
"""


def cut(x, degree):
    """What a Gaussian map is up to a degree, by numpy: NCL's shsgC loses even orders."""
    mu, weight = np.polynomial.legendre.leggauss(len(x))
    waves = np.fft.rfft(x, axis=1)
    out = np.zeros_like(waves)
    for m in range(degree + 1):
        p = np.zeros((degree + 1, len(mu)))
        p[m] = np.prod([np.sqrt((2 * k + 1) / (2 * k)) for k in range(1, m + 1)]) * (1 - mu**2) ** (m / 2)
        grow = [np.sqrt((4 * n * n - 1) / (n * n - m * m)) if n > m else 1 for n in range(degree + 1)]
        for n in range(m + 1, degree + 1):
            p[n] = grow[n] * (mu * p[n - 1] - (p[n - 2] / grow[n - 1] if n > m + 1 else 0))
        out[:, m] = p.T @ (0.5 * (p * weight) @ waves[:, m])
    return np.fft.irfft(out, x.shape[1], axis=1)


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
            group = out.createGroup(name)
            group.createDimension("lat", shape[0])
            group.createDimension("lon", shape[1])
            group.createDimension("degree", shape[0])
            group.createVariable("lat", "f8", ("lat",))[:] = latitudes(name)
            group.createVariable("power", "f8", ("degree",))
            kind, letter = ("G", "g") if name == "gaussian" else ("F", "e")
            for variable, (make, pick, below, then) in RESULTS.items():
                degree = 7 if below is None else shape[0] - below
                if kind == "G" and variable not in ["vorticity", "truncated"]:
                    continue
                by_ncl = "t = shseC(tri_trunC(shaeC(y), DEGREE), dimsizes(s(0,:)))"
                script = SCRIPT.replace("MAKE", make).replace("PICK", pick).replace("THEN", then)
                script = script.replace("CUT", "t = y" if kind == "G" else by_ncl).replace("DEGREE", str(degree))
                for word in ["vrdv", "sfvp", "2uv"]:
                    script = script.replace(word + "X", word + kind)
                script = script.replace("shaYC", f"sha{letter}C")
                (folder / "run.ncl").write_text(script)
                subprocess.run([shutil.which("ncl"), "-Q", "run.ncl"], cwd=folder, check=True)
                with netCDF4.Dataset(folder / "out.nc") as found:
                    values = found["r"][:]
                    values = values[PART[variable]] if variable in PART else values
                    values = cut(values, degree) if kind == "G" else values
                    group.createVariable(variable, "f8", ("lat", "lon"))[:] = values
                    group["power"][:] = found["power"][:]
    out.close()


if __name__ == "__main__":
    main()
