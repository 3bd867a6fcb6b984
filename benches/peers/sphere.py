#!/usr/bin/env python3
"""Spherical harmonics and Fourier transforms beside pyshtools, windspharm and mpi4py-fft, interleaved.

    python3 benches/peers/sphere.py HALOCLINE [--dir DIR] [--runs 5] [--scale 1.0] [--only REGEX]
                                    [--python PYTHON] [--cube CUBE]

Makes seeded synthetic maps, runs for each piece of work all tools in turn, A B C A B C ..., and prints
the median seconds and how many times those of Halocline each takes; only these ratios count.

- spectra over degrees of many times (a Driscoll-Healy grid), beside pyshtools
- vorticity, divergence, streamfunction, velocity potential and both parts of winds on the Gaussian grids
  of T42, T106 and T255, up to the highest degree that these resolve, beside windspharm
- one map of many latitudes on one process and divided between two ranks
- the forward transform of a cube of single precision (256 cubed at scale 1) on two ranks of one thread,
  planning excluded, beside mpi4py-fft

Commands are timed as a whole, files read and written; transforms of cubes time themselves. CUBE is the
example `cube_transform` (`cargo build --release --features mpi --example cube_transform`), by default
beside HALOCLINE. PYTHON has numpy, netCDF4, and what of pyshtools, windspharm (which needs pyspharm) and
mpi4py-fft is to be compared; a tool that is not there is named and left out.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reading  # noqa: E402


def latitudes(kind, n):
    """From north to south."""
    import numpy as np

    if kind == "gaussian":
        return np.degrees(np.arcsin(np.polynomial.legendre.leggauss(n)[0]))[::-1]
    return 90 - 180 / n * np.arange(n)


def make(path, kind, shape, names):
    """Waves that come and go, and noise: maps of a global grid, one a chunk."""
    import netCDF4
    import numpy as np

    nt, ny, nx = shape
    rng = np.random.default_rng(17)
    with netCDF4.Dataset(path + ".part", "w") as nc:
        for dim, values, units in (
            ("time", 15 + 30 * np.arange(nt), "days since 1900-01-01"),
            ("lat", latitudes(kind, ny), "degrees_north"),
            ("lon", 360 / nx * np.arange(nx), "degrees_east"),
        ):
            nc.createDimension(dim, len(values))
            nc.createVariable(dim, "f8", (dim,))[:] = values
            nc[dim].units = units
        nc["time"].calendar = "noleap"
        patterns = [reading.smooth(rng, ny, nx, width) for width in (40, 20, 10, 5, 2, 1)]
        for name in names:
            v = nc.createVariable(name, "f4", ("time", "lat", "lon"), chunksizes=(1, ny, nx))
            v.units = "m s-1"
            for k in range(nt):
                v[k] = sum(rng.standard_normal() * np.roll(p, rng.integers(nx), 1) for p in patterns)
    os.rename(path + ".part", path)


def degrees(source, target):
    """Power of each degree at each time, as pyshtools has it."""
    import netCDF4
    import numpy as np
    import pyshtools

    with netCDF4.Dataset(source) as nc:
        maps = nc["z"][:].filled().astype("f8")
    power = np.array([pyshtools.SHGrid.from_array(m).expand().spectrum(convention="power") for m in maps])
    write(target, {"power": power})


def helmholtz(source, target):
    """All fields that `calc helmholtz` makes, as windspharm has them."""
    import netCDF4
    import numpy as np
    from windspharm.standard import VectorWind

    with netCDF4.Dataset(source) as nc:
        u, v = (np.moveaxis(nc[name][:].filled(), 0, -1) for name in ("ua", "va"))
    wind = VectorWind(u, v, gridtype="gaussian")
    vorticity, divergence = wind.vrtdiv()
    psi, chi = wind.sfvp()
    u_chi, v_chi, u_psi, v_psi = wind.helmholtz()
    names = ("vorticity", "divergence", "psi", "chi", "u_chi", "v_chi", "u_psi", "v_psi")
    fields = (vorticity, divergence, psi, chi, u_chi, v_chi, u_psi, v_psi)
    write(target, {name: np.moveaxis(a, -1, 0).astype("f4") for name, a in zip(names, fields)})


def write(target, variables):
    import netCDF4

    with netCDF4.Dataset(target, "w") as nc:
        for name, values in variables.items():
            dims = [f"n{n}" for n in values.shape]
            for dim, n in zip(dims, values.shape):
                if dim not in nc.dimensions:
                    nc.createDimension(dim, n)
            nc.createVariable(name, values.dtype, dims)[:] = values


def cube(n, rounds):
    """Seconds of the slowest rank for the transform of a cube, as mpi4py-fft does it."""
    import numpy as np
    from mpi4py import MPI
    from mpi4py_fft import PFFT, newDistArray

    comm = MPI.COMM_WORLD
    fft = PFFT(comm, (n, n, n), axes=(0, 1, 2), dtype=np.float32, grid=(-1,))
    u = newDistArray(fft, False)
    u[:] = np.random.default_rng(comm.rank).standard_normal(u.shape)
    seconds = []
    for _ in range(rounds + 1):
        comm.Barrier()
        start = MPI.Wtime()
        fft.forward(u)
        seconds.append(comm.allreduce(MPI.Wtime() - start, MPI.MAX))
    if comm.rank == 0:
        print(json.dumps({"n": n, "ranks": comm.size, "forward_s": statistics.median(seconds[1:])}))


def has(python, modules):
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0


def tasks(h, python, scale):
    """Name, input (file, grid, shape, variables), and for each tool a command."""
    script = os.path.abspath(__file__)
    mpi = f"mpirun --oversubscribe -n 2 {h} --threads 1"

    def ours(words):
        return {"plain": f"{h} {words} -o {{o}}", "mpi": f"{mpi} {words} -o {{o}}"}

    def count(n):
        return max(int(n * scale), 2)

    wind = "calc helmholtz {i} --u ua --v va --compress none"
    large = (1, max(int(1200 * min(scale, 1)) // 2 * 2, 24), max(int(2400 * min(scale, 1)) // 2 * 2, 48))
    all_tasks = [
        ("degree spectra, many times", ("dh.nc", "regular", (count(480), 180, 360), ["z"]),
         ours("spectrum spherical {i} --var z") | {"pyshtools": f"{python} {script} --do degrees {{i}} {{o}}"}),
        ("degree spectra, one large map", ("large.nc", "regular", large, ["z"]), ours("spectrum spherical {i} --var z")),
    ]
    for degree, rows, times in ((42, 64, 600), (106, 160, 120), (255, 256, 40)):
        all_tasks.append(
            (f"helmholtz, T{degree}", (f"t{degree}.nc", "gaussian", (count(times), rows, 2 * rows), ["ua", "va"]),
             ours(wind) | {"windspharm": f"{python} {script} --do helmholtz {{i}} {{o}}"})
        )
    return all_tasks


MODULES = {"pyshtools": "pyshtools", "windspharm": "windspharm.standard"}


def commands(a):
    for name, (short, kind, shape, names), tools in tasks(os.path.abspath(a.halocline), a.python, a.scale):
        if not re.search(a.only, name):
            continue
        there = {t: c for t, c in tools.items() if has(a.python, MODULES.get(t, "sys"))}
        print(f"\n{name}, {' x '.join(map(str, shape))}" + "".join(f"; {t} is not installed" for t in tools if t not in there))
        path = os.path.join(a.dir, f"{'x'.join(map(str, shape))}-{short}")
        if not os.path.exists(path):
            make(path, kind, shape, names)
        with open(path, "rb") as f:
            while f.read(1 << 24):  # into the page cache
                pass
        out = os.path.join(a.dir, "out.nc")
        runs = {tool: [] for tool in there}
        for _ in range(a.runs):
            for tool, command in there.items():
                if os.path.exists(out):
                    os.remove(out)
                done = reading.run(command.format(i=path, o=out))
                if done:
                    runs[tool].append(done)
        show({tool: [wall for wall, _ in done] for tool, done in runs.items()}, "plain")


def cubes(a):
    n = 256 if a.scale >= 1 else max(int(256 * a.scale) // 8 * 8, 16)
    name = f"transform of a cube, {n} x {n} x {n}, single precision, 2 ranks"
    if not re.search(a.only, name):
        return
    mpi = "mpirun --oversubscribe -n 2"
    ours = a.cube or os.path.join(os.path.dirname(os.path.abspath(a.halocline)), "examples", "cube_transform")
    there = {"mpi": f"{mpi} {ours} {n} 5", "mpi4py-fft": f"{mpi} {a.python} {os.path.abspath(__file__)} --do cube {n} 5"}
    print(f"\n{name}")
    if not has(a.python, "mpi4py_fft"):
        print("  mpi4py-fft is not installed")
        del there["mpi4py-fft"]
    if not os.path.exists(ours):
        print(f"  {ours} is not built")
        return
    seconds = {tool: [] for tool in there}
    for _ in range(a.runs):
        for tool, command in there.items():
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False,
                                  env=reading.ENV | {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
            found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            if done.returncode or not found:
                print(f"    failed ({done.returncode}): {command}\n    {done.stderr[-300:]}")
                continue
            seconds[tool].append(found[-1]["forward_s"])
    show(seconds, "mpi")


def show(seconds, base):
    ours = statistics.median(seconds[base]) if seconds.get(base) else float("nan")
    for tool, runs in seconds.items():
        if runs:
            print(f"  {tool:10} {statistics.median(runs):8.4f} s, {statistics.median(runs) / ours:6.2f} x")


def main():
    if sys.argv[1:2] == ["--do"]:
        what, *rest = sys.argv[2:]
        return cube(*map(int, rest)) if what == "cube" else {"degrees": degrees, "helmholtz": helmholtz}[what](*rest)
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("halocline")
    ask.add_argument("--dir", default="/tmp/halocline-bench")
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--scale", type=float, default=1.0)
    ask.add_argument("--only", default=".")
    ask.add_argument("--python", default=sys.executable)
    ask.add_argument("--cube")
    a = ask.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    commands(a)
    cubes(a)


if __name__ == "__main__":
    main()
