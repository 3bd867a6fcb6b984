#!/usr/bin/env python3
"""The EOF command beside numpy, in one interleaved run: only ratios of such runs mean anything.

    python3 benches/peers/eof.py HALOCLINE [--dir DIR] [--runs 3] [--scale 1.0]

Makes a synthetic monthly field (1200 x 360 x 720 floats, 30 % land, one map per stored chunk,
1.24 GB at scale 1; seeded), then runs in turn

    halocline on 2 MPI ranks, halocline as one process, and the Gram route by hand in numpy
    (single-precision product, double-precision eigenvalues: the fastest that numpy can do)

with the monthly climatology removed and 10 modes, and prints wall seconds, peak memory of the
largest process, and medians. Needs numpy, scipy, h5py, and mpirun.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

NUMPY = """
import sys, h5py, numpy as np, scipy.linalg as sl
with h5py.File(sys.argv[1]) as f:
    a = np.empty(f["sst"].shape, np.float32)
    f["sst"].read_direct(a)
    lat, fill = f["lat"][:], f["sst"].attrs["_FillValue"][0]
nt = len(a)
ok = (a[0] != fill).ravel()
w = np.repeat(np.sqrt(np.cos(np.deg2rad(lat))), a.shape[2]).astype("f4")[ok]
x = a.reshape(nt, -1)[:, ok]
months = x.reshape(nt // 12, 12, -1)
months -= months.mean(0, dtype="f8").astype("f4")
x *= w
g = (x @ x.T).astype("f8") / (nt - 1)
lam, u = sl.eigh(g, subset_by_index=[nt - 10, nt - 1])
e = u[:, ::-1].T.astype("f4") @ x
np.savez(sys.argv[2], eofs=e, lam=lam[::-1], vf=lam[::-1] / np.trace(g))
"""


def make(path, scale):
    """A field with an annual cycle, a few large patterns and noise."""
    import h5py
    import numpy as np

    rng = np.random.default_rng(7)
    nt, ny, nx = int(1200 * scale) // 12 * 12, 360, 720
    lat, lon = -89.75 + 0.5 * np.arange(ny), 0.25 + 0.5 * np.arange(nx)

    def smooth(width):
        spectrum = np.fft.rfft2(rng.standard_normal((ny, nx)))
        ky, kx = np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)[None, :]
        field = np.fft.irfft2(spectrum * np.exp(-((2 * np.pi * width) ** 2) * (kx**2 + ky**2) / 4), s=(ny, nx))
        return (field / field.std()).astype("f4")

    land = smooth(30)
    land = land > np.quantile(land, 0.7)
    patterns = np.stack([smooth(25) * 1.5 * 0.8**k for k in range(12)])
    noise = np.stack([smooth(2) for _ in range(40)])
    cycle = (-6 * np.sin(np.deg2rad(lat)))[:, None].astype("f4")
    with h5py.File(path, "w") as f:
        for name, values, units in [("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")]:
            f[name] = values
            f[name].attrs["units"] = units
            f[name].make_scale(name)
        f["time"] = 15.0 + 30.0 * np.arange(nt)
        f["time"].attrs.update({"units": "days since 1900-01-01", "calendar": "360_day"})
        f["time"].make_scale("time")
        v = f.create_dataset("sst", (nt, ny, nx), "f4", chunks=(1, ny, nx), fillvalue=np.float32(1e20))
        v.attrs["_FillValue"] = np.array([1e20], "f4")
        v.attrs["units"] = "degC"
        for axis, name in enumerate(["time", "lat", "lon"]):
            v.dims[axis].attach_scale(f[name])
        state = np.zeros(12, "f4")
        for t in range(nt):
            state = 0.85 * state + 0.5 * rng.standard_normal(12).astype("f4")
            m = np.tensordot(state, patterns, 1) + 15 + cycle * np.float32(np.cos(2 * np.pi * t / 12))
            m += 0.5 * np.roll(noise[rng.integers(40)], rng.integers(nx), 1)
            m += 0.05 * rng.standard_normal((ny, nx), dtype="f4")
            m[land] = 1e20
            v[t] = m


def run(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr}")
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("halocline")
    parser.add_argument("--dir", default="out/bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    data = os.path.join(options.dir, f"sst_{options.scale}.nc")
    if not os.path.exists(data):
        make(data, options.scale)
    eof = [options.halocline, "eof", data, "--var", "sst", "--anomaly", "climatology", "-q"]
    eof += ["-o", os.path.join(options.dir, "eof.nc")]
    ways = {
        "halocline, 2 MPI ranks": ["mpirun", "--oversubscribe", "-n", "2"] + eof,
        "halocline, one process": eof,
        "numpy, Gram by hand": [sys.executable, "-c", NUMPY, data, os.path.join(options.dir, "numpy.npz")],
    }
    seconds = {name: [] for name in ways}
    for number in range(options.runs + 1):
        for name, command in ways.items():
            taken = run(command)
            # The first round warms the page cache and is not counted.
            if number > 0:
                seconds[name].append(taken)
                print(f"{name}: {taken:.2f} s", flush=True)
    peer = statistics.median(seconds["numpy, Gram by hand"])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{name}: median {median:.2f} s, {median / peer:.2f} of numpy")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest process of all: {peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
