#!/usr/bin/env python3
"""Reading, reducing, writing beside the tools of the field, interleaved: only ratios count.

    python3 benches/peers/reading.py HALOCLINE [--dir DIR] [--runs 5] [--scale 1.0] [--only REGEX]

Makes seeded synthetic fields (1200 x 360 x 720 floats, 30 % land, one map per stored chunk,
1.24 GB at scale 1, plain and deflated; 3650 x 181 x 360 floats, 0.95 GB), then runs for each
piece of work all tools in turn, A B C A B C ..., and prints the median wall seconds, processor
seconds, the peak memory of the largest process, and how many times the wall time of Halocline
each takes. `plain` is one process on all cores, `mpi` two ranks of one thread; what starting
MPI alone takes is shown first.

Needs numpy and netCDF4 to make the data; cdo, nco, netcdf-bin and mpirun, each where installed.
"""
import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import time

FILL = 1e20


def smooth(rng, ny, nx, width):
    import numpy as np

    spectrum = np.fft.rfft2(rng.standard_normal((ny, nx)))
    ky, kx = np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)[None, :]
    field = np.fft.irfft2(spectrum * np.exp(-((2 * np.pi * width) ** 2) * (kx**2 + ky**2) / 4), s=(ny, nx))
    return (field / field.std()).astype("f4")


def make(path, name, nt, ny, nx, land, deflate):
    """Maps of patterns that come and go, and noise."""
    import netCDF4
    import numpy as np

    rng = np.random.default_rng(11)
    with netCDF4.Dataset(path + ".part", "w") as nc:
        for dim, n in (("time", None), ("lat", ny), ("lon", nx)):
            nc.createDimension(dim, n)
        lat, lon = -90 + 180 / ny * (np.arange(ny) + 0.5), 360 / nx * (np.arange(nx) + 0.5)
        for dim, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            nc.createVariable(dim, "f8", (dim,))[:] = values
            nc[dim].units = units
        t = nc.createVariable("time", "f8", ("time",))
        t.units, t.calendar = "days since 1900-01-01", "noleap"
        v = nc.createVariable(
            name, "f4", ("time", "lat", "lon"), zlib=deflate, complevel=1, shuffle=True,
            chunksizes=(1, ny, nx), fill_value=FILL,
        )
        mask = smooth(rng, ny, nx, 30)
        mask = mask > np.quantile(mask, 0.7) if land else np.zeros((ny, nx), bool)
        patterns = [smooth(rng, ny, nx, 20) for _ in range(8)]
        noise = [smooth(rng, ny, nx, 2) for _ in range(32)]
        for k in range(nt):
            a = sum(rng.standard_normal() * 0.8**i * p for i, p in enumerate(patterns))
            a = 15 + a + 0.5 * np.roll(noise[k % 32], rng.integers(nx), 1) + 0.05 * rng.standard_normal((ny, nx), "f4")
            a[mask] = FILL
            v[k] = a
        t[:] = 15 + 30 * np.arange(nt)
    os.rename(path + ".part", path)


def run(command):
    """Wall and processor seconds of a command, or None if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV)
    _, errors = child.communicate()
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        print(f"    failed ({child.returncode}): {command}\n    {errors.decode()[-300:]}")
        return None
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def peak(command):
    """Memory (MB) of the largest process of one more run."""
    timer = shutil.which("time", path="/usr/bin:/bin")
    if not timer:
        return 0
    errors = subprocess.run([timer, "-f", "PEAK %M", "sh", "-c", command], capture_output=True, env=ENV).stderr
    found = re.findall(rb"PEAK (\d+)", errors)
    return int(found[-1]) / 1000 if found else 0


def tasks(h, d):
    """Name, and for each tool a command. Outputs go to {o}, which is removed before each run."""
    mpi = f"mpirun --oversubscribe -n 2 {h} --threads 1"
    stats = "stats {i} --var {v} -o {o}"
    mean = {
        "plain": f"{h} {stats}",
        "mpi": f"{mpi} {stats}",
        "ncra": "ncra -O -h -t 2 {i} {o}",
        "cdo": "cdo -s -O timmean {i} {o}",
    }
    copy = {
        "plain": f"{h} rechunk {{i}} --var {{v}} --compress deflate:1 -o {{o}}",
        "nccopy": "nccopy -d 1 -s {i} {o}",
    }
    series = {
        "plain": f"{h} rechunk {{i}} --var {{v}} --chunks time=all,lat=10,lon=10 --compress none --memory 512MB --scratch {d} -o {{o}}",
        "ncks": "ncks -O -h --cnk_dmn time,3650 --cnk_dmn lat,10 --cnk_dmn lon,10 {i} {o}",
    }
    start = {"mpi": f"mpirun --oversubscribe -n 2 {h} --version", "plain": f"{h} --version"}
    return [
        ("start-up", "sst.nc", "sst", start),
        ("time mean", "sst.nc", "sst", mean),
        ("time mean, deflated", "sstz.nc", "sst", mean),
        ("copy, deflated", "sstz.nc", "sst", copy),
        ("maps to series", "pr.nc", "pr", series),
    ]


ENV = dict(
    os.environ,
    OMPI_ALLOW_RUN_AS_ROOT="1",
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    OMPI_MCA_hwloc_base_binding_policy="none",
    OMP_NUM_THREADS="2",
)


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("halocline")
    ask.add_argument("--dir", default="/tmp/halocline-bench")
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--scale", type=float, default=1.0)
    ask.add_argument("--only", default=".")
    a = ask.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    files = [
        ("sst.nc", "sst", int(1200 * a.scale), 360, 720, True, False),
        ("sstz.nc", "sst", int(1200 * a.scale), 360, 720, True, True),
        ("pr.nc", "pr", int(3650 * a.scale), 181, 360, False, False),
    ]
    for name, *rest in files:
        path = os.path.join(a.dir, name)
        if not os.path.exists(path):
            print(f"making {path}")
            make(path, *rest)
    for name, source, variable, tools in tasks(os.path.abspath(a.halocline), a.dir):
        if not re.search(a.only, name):
            continue
        source = os.path.join(a.dir, source)
        there = {t: c for t, c in tools.items() if t in ("plain", "mpi") or shutil.which(c.split()[0])}
        with open(source, "rb") as f:
            while f.read(1 << 24):  # into the page cache
                pass
        runs = {tool: [] for tool in there}
        for _ in range(a.runs):
            for tool, command in there.items():
                out = os.path.join(a.dir, "out.nc")
                if os.path.exists(out):
                    os.remove(out)
                os.sync()  # what others left to be written is not ours to wait for
                done = run(command.format(i=source, v=variable, o=out))
                if done:
                    runs[tool].append(done)
        print(f"\n{name}")
        ours = statistics.median(w for w, _ in runs["plain"]) if runs["plain"] else float("nan")
        for tool, all_runs in runs.items():
            if all_runs:
                wall, cpu = (statistics.median(column) for column in zip(*all_runs))
                spread = f"{min(w for w, _ in all_runs):.2f}-{max(w for w, _ in all_runs):.2f}"
                peak_mb = peak(there[tool].format(i=source, v=variable, o=out))
                print(f"  {tool:8} {wall:7.2f} s ({spread}), cpu {cpu:6.2f} s, peak {peak_mb:6.0f} MB, {wall / ours:5.2f} x")


if __name__ == "__main__":
    main()
