#!/usr/bin/env python3
"""The analyses beside CDO, xarray (with and without dask), eofs and scipy, interleaved: only ratios count.

    python3 benches/peers/analyses.py HALOCLINE [--dir DIR] [--runs 3] [--scale 1.0] [--only REGEX]
                                      [--python PYTHON]

Makes seeded synthetic fields as reading.py does (and an ocean and an atmosphere with levels), runs
for each piece of work all tools in turn, and prints the median wall seconds, and how many times the
wall time of Halocline each takes. A tool that is not installed, or fails, is left out and named.
PYTHON has numpy, netCDF4 and what of xarray, dask, eofs and scipy is to be compared.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reading  # noqa: E402


def levels(path, name, units, shape, edges, seed):
    """A field over (time, level, lat, lon) of waves and noise, with the edges of its levels."""
    import netCDF4
    import numpy as np

    nt, nz, ny, nx = shape
    rng = np.random.default_rng(seed)
    kind = "plev" if units == "Pa" else "lev"
    with netCDF4.Dataset(path + ".part", "w") as nc:
        for dim, n in (("time", nt), (kind, nz), ("lat", ny), ("lon", nx), ("bnds", 2)):
            nc.createDimension(dim, n)
        lat, lon = -90 + 180 / ny * (np.arange(ny) + 0.5), 360 / nx * (np.arange(nx) + 0.5)
        for dim, values, unit in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            nc.createVariable(dim, "f8", (dim,))[:] = values
            nc[dim].units = unit
        t = nc.createVariable("time", "f8", ("time",))
        t.units, t.calendar = "days since 1900-01-01", "noleap"
        t[:] = 15 + 30 * np.arange(nt)
        z = nc.createVariable(kind, "f8", (kind,))
        z.units, z.axis = units, "Z"
        if kind == "lev":
            z.positive, z.bounds, z.standard_name = "down", "lev_bnds", "depth"
            nc.createVariable("lev_bnds", "f8", (kind, "bnds"))[:] = np.stack([edges[:-1], edges[1:]], 1)
            z[:] = (edges[:-1] + edges[1:]) / 2
        else:
            z.positive, z.standard_name = "down", "air_pressure"
            z[:] = edges
        v = nc.createVariable(name, "f4", ("time", kind, "lat", "lon"), chunksizes=(1, 1, ny, nx), fill_value=reading.FILL)
        v.units = {"va": "m s-1", "ta": "K", "vo": "m s-1", "thetao": "degC"}[name]
        patterns = [reading.smooth(rng, ny, nx, 10) for _ in range(12)]
        land = reading.smooth(rng, ny, nx, 30) > 1 if kind == "lev" else np.zeros((ny, nx), bool)
        for i in range(nt):
            for k in range(nz):
                a = sum(rng.standard_normal() * p for p in patterns[:4]) + 0.1 * patterns[(i + k) % 12]
                a = a + (280 if name == "ta" else 10 if name == "thetao" else 0)
                a[land] = reading.FILL
                v[i, k] = a
    os.rename(path + ".part", path)


def files(d, scale):
    """Name, and how it is made."""
    import numpy as np

    ocean = (max(int(60 * scale), 2), 50, 300, 360)
    air = (max(int(240 * scale), 2), 19, 180, 360)
    depth = np.linspace(0, 1, 51) ** 2 * 5500
    plev = np.array([1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 70, 50, 30, 20, 10, 5, 1]) * 100.0
    flat = {
        "sst.nc": ("sst", int(1200 * scale), 360, 720, True, False),
        "pr.nc": ("pr", int(3650 * scale), 181, 360, False, False),
    }
    made = {name: (lambda path, rest=rest: reading.make(path, *rest)) for name, rest in flat.items()}
    for seed, name in enumerate(("vo", "thetao")):
        made[name + ".nc"] = lambda path, n=name, s=seed: levels(path, n, "m", ocean, depth, s)
    for seed, name in enumerate(("va", "ta")):
        made[name + ".nc"] = lambda path, n=name, s=seed: levels(path, n, "Pa", air, plev, 7 + s)
    return made


def tasks(h, python):
    """Name, inputs, and for each tool a command."""
    mpi = f"mpirun --oversubscribe -n 2 {h} --threads 1"
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python.py")

    def ours(words):
        return {"plain": f"{h} {words} -o {{o}}", "mpi": f"{mpi} {words} -o {{o}}"}

    def py(task, *tools):
        return {tool: f"{python} {script} {task} {tool} {{c}} {{o}}" for tool in tools}

    sub = "-sub -selname,{0} {1} -timmean -selname,{0} {1}"
    eddy = " ".join(["cdo -s -O -P 2 timmean -zonmean -mul", sub.format("va", "{0}"), sub.format("ta", "{1}"), "{o}"])
    one = "{i} --var sst"
    return [
        ("time mean", ["sst.nc"], ours(f"stats {one}") | {"cdo": "cdo -s -O timmean {i} {o}"} | py("stats", "xarray", "dask")),
        ("monthly anomalies", ["sst.nc"], ours(f"climatology {one} --by month --anomaly {{o}}.a --compress none")
         | {"cdo": "cdo -s -O -P 2 -f nc4 ymonsub {i} -ymonmean {i} {o}"} | py("anomalies", "xarray")),
        ("area mean", ["sst.nc"], ours(f"stats {one} --over lat,lon") | {"cdo": "cdo -s -O -P 2 fldmean {i} {o}"}),
        ("zonal mean", ["sst.nc"], ours(f"stats {one} --over lon") | {"cdo": "cdo -s -O zonmean {i} {o}"}),
        ("trend", ["sst.nc"], ours(f"stats {one} --op trend") | {"cdo": "cdo -s -O -P 2 trend {i} {o}.b {o}"}),
        ("percentiles", ["sst.nc"], ours(f"stats {one} --op p10,p50,p90") | py("percentiles", "xarray")),
        ("EOF", ["sst.nc"], ours(f"eof {one} --anomaly climatology --modes 10") | py("eof", "eofs")),
        ("Welch", ["pr.nc"], ours("spectrum power {i} --var pr --segment 256") | py("welch", "scipy")),
        ("regridding, conservative", ["sst.nc"], ours(f"regrid {one} --to r360x180 --method conservative")
         | {"cdo": "cdo -s -O -P 2 -f nc4 remapcon,r360x180 {i} {o}"}),
        ("regridding, bilinear", ["sst.nc"], ours(f"regrid {one} --to r360x180 --method bilinear")
         | {"cdo": "cdo -s -O -P 2 -f nc4 remapbil,r360x180 {i} {o}"}),
        ("overturning and heat", ["vo.nc", "thetao.nc"], ours("transport heat {i}") | py("overturning", "xarray", "dask")),
        ("mass streamfunction", ["va.nc"], ours("transport mass-streamfunction {i}") | {"cdo": "cdo -s -O mastrfu -zonmean {i} {o}"}),
        ("[v'T']", ["va.nc", "ta.nc"], ours("transport eddy {i} --x va --y ta") | {"cdo": eddy}),
    ]


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("halocline")
    ask.add_argument("--dir", default="/tmp/halocline-bench")
    ask.add_argument("--runs", type=int, default=3)
    ask.add_argument("--scale", type=float, default=1.0)
    ask.add_argument("--only", default=".")
    ask.add_argument("--python", default=sys.executable)
    a = ask.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    makers = files(a.dir, a.scale)
    for name, inputs, tools in tasks(os.path.abspath(a.halocline), a.python):
        if not re.search(a.only, name):
            continue
        paths = [os.path.join(a.dir, i) for i in inputs]
        for short, path in zip(inputs, paths):
            if not os.path.exists(path):
                print(f"making {path}")
                makers[short](path)
            with open(path, "rb") as f:
                while f.read(1 << 24):  # into the page cache
                    pass
        out = os.path.join(a.dir, "out.nc")
        there = {t: c.format(*paths, i=" ".join(paths), c=",".join(paths), o=out)
                 for t, c in tools.items() if t in ("plain", "mpi") or shutil.which(c.split()[0])}
        print(f"\n{name}" + "".join(f"; {t} is not installed" for t in tools if t not in there))
        runs = {tool: [] for tool in there}
        for _ in range(a.runs):
            for tool, command in there.items():
                for old in (out, out + ".a", out + ".b"):
                    if os.path.exists(old):
                        os.remove(old)
                subprocess.run(["sync"], check=False)
                done = reading.run(command)
                if done:
                    runs[tool].append(done)
        ours = statistics.median(w for w, _ in runs["plain"]) if runs["plain"] else float("nan")
        for tool, all_runs in runs.items():
            if all_runs:
                wall, cpu = (statistics.median(column) for column in zip(*all_runs))
                print(f"  {tool:8} {wall:7.2f} s, cpu {cpu:6.2f} s, peak {reading.peak(there[tool]):6.0f} MB, {wall / ours:6.2f} x")


if __name__ == "__main__":
    main()
