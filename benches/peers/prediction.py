#!/usr/bin/env python3
"""What `halocline plan` predicts beside what runs take: medians of 5, on 1 and 2 ranks of one thread.

    python3 benches/peers/prediction.py target/release/halocline [--machine machine.json] [--limit 0.3]

Measures the machine first (about a minute), unless a model is given; then makes data of other sizes
than those that the model was made with, warms them up, and runs each case, all cases in turn, five
times. Prints predicted over measured, and ends with 1 if one is off by more than the limit (30 %).
Nobody else should be at work: a model is of an idle machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

# Case, shape (times, latitudes, longitudes), levels, words before the input and after it.
CASES = [
    ("stats", "720,180,360", 1, ["stats"], ["--var", "x", "--op", "mean,std"]),
    ("eof", "360,120,240", 1, ["eof"], ["--var", "x", "--modes", "10", "--anomaly", "climatology"]),
    ("spectrum", "1200,90,180", 1, ["spectrum", "power"], ["--var", "x", "--segment", "300"]),
    ("io", "720,90,180", 1, ["rechunk"], ["--chunks", "time=all,lat=8,lon=8", "--compress", "none"]),
    ("moc", "72,90,180", 20, ["transport", "overturning"], ["--v", "v"]),
]
ROUNDS = 5


def run(words, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--machine", help="a model of this machine [default: it is measured]")
    parser.add_argument("--launcher", default="mpirun -n {ranks}")
    parser.add_argument("--dir", default=None, help="a folder with room for 600 MB")
    parser.add_argument("--limit", type=float, default=0.3)
    args = parser.parse_args()
    program = os.path.abspath(args.program)
    machine = os.path.abspath(args.machine) if args.machine else None
    env = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1", HDF5_USE_FILE_LOCKING="FALSE")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        os.chdir(folder)
        env["HALOCLINE_CACHE_DIR"] = os.path.join(folder, "cache")
        if machine is None:
            machine = os.path.join(folder, "machine.json")
            run([program, "-q", "bench", "machine", "--launcher", args.launcher, "-o", machine], env=env)
        jobs = []
        for case, shape, levels, before, after in CASES:
            name = f"{case}.nc"
            run([program, "-q", "bench", "data", "--shape", shape, "--levels", str(levels), "-o", name], env=env)
            words = [*before, name, *after, "-o", f"{case}-out.nc"]
            for ranks in (1, 2):
                plan = [program, "plan", "--json", "--machine", machine, "--nodes", "1", "--storage", "cached"]
                plan += ["--ntasks-per-node", str(ranks), "--cpus-per-task", "1", "--", *words]
                row = json.loads(run(plan, env=env))["predictions"][0]
                launch = args.launcher.format(ranks=ranks).split() if ranks > 1 else []
                jobs.append((case, ranks, row, [*launch, program, *words, "-q", "--threads", "1"], []))
        for number in range(ROUNDS + 1):
            for case, _, _, words, seconds in jobs:
                if os.path.exists(f"{case}-out.nc"):
                    os.remove(f"{case}-out.nc")
                begun = time.monotonic()
                run(words, env=env)
                if number > 0:  # the first warms up
                    seconds.append(time.monotonic() - begun)
    parts = ("start", "work", "storage", "serial", "exchange")
    print(f"{'case':10} {'ranks':>5} {'predicted':>10} {'measured':>10} {'ratio':>6}  " + " ".join(f"{p:>9}" for p in parts))
    worst = 0.0
    for case, ranks, row, _, seconds in jobs:
        measured = statistics.median(seconds)
        ratio = row["seconds"] / measured
        worst = max(worst, abs(ratio - 1.0))
        detail = " ".join(f"{row[p]:9.3f}" for p in parts)
        print(f"{case:10} {ranks:5} {row['seconds']:10.3f} {measured:10.3f} {ratio:6.2f}  {detail}")
    print(f"the worst is off by {100 * worst:.0f} %, the limit is {100 * args.limit:.0f} %")
    sys.exit(1 if worst > args.limit else 0)


if __name__ == "__main__":
    main()
