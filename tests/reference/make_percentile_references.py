#!/usr/bin/env python3
"""Compute the references of percentiles over any dimensions: tests/reference/percentiles_over.nc.

    python make_percentile_references.py

By numpy.quantile of values in double precision that are not missing, and by CDO (fldpctl, zonpctl;
its merpctl dies of missing values), by three of its methods. Each variable of the file is one
result, in C order; its attributes are the input, the arguments of the command ("DATA/" stands for
tests/data), the name of the result there, and who computed it.
"""

import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

from make_stats_reduce_references import CURVED, DATA, HERE, PACKED, SAMPLE, groups_of, read


def over(x, axes, percent, method="linear", groups=None, least=1):
    """Percentiles over axes, by groups of the first one; `least`: values that a result needs, None
    for all."""
    out = []
    for chosen in groups if groups is not None else [slice(None)]:
        part = x[chosen]
        kept = [d for d in range(x.ndim) if d not in axes]
        flat = part.transpose(kept + list(axes)).reshape(int(np.prod([part.shape[d] for d in kept])), -1)
        for row in flat:
            row = row[~np.isnan(row)]
            enough = len(row) >= (flat.shape[1] if least is None else least)
            out.append(np.quantile(row, percent / 100, method=method) if enough else np.nan)
    return np.array(out)


def cdo(operator, method, path, select):
    """What CDO makes of it, missing as NaN."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.nc"
        command = ["cdo", "-s", "--percentile", method, "-b", "F64", operator, *select, DATA / path, out]
        subprocess.run(command, check=True)
        with netCDF4.Dataset(out) as file:
            return np.ma.filled(file["sst"][:].astype("f8"), np.nan)


def main():
    results = []

    def add(path, var, arguments, result, values, by="numpy"):
        values = np.asarray(values, "f8").ravel()
        results.append((path, f"--var {var} {arguments}", result, values, by))

    x, c, dates = read(SAMPLE, "sst")
    years = groups_of([d.year for d in dates])
    add(SAMPLE, "sst", "--over lat,lon --op p50", "sst", over(x, (1, 2), 50))
    add(SAMPLE, "sst", "--over lat,lon --op p10,mean", "sst_p10", over(x, (1, 2), 10))
    add(SAMPLE, "sst", "--over lon --time 2012 --op p10,p90", "sst_p90", over(x[24:36], (2,), 90))
    add(SAMPLE, "sst", "--over lat --time 2012-01/2012-03 --op p99.9 --percentile hazen", "sst",
        over(x[24:27], (1,), 99.9, "hazen"))
    add(SAMPLE, "sst", "--over time,lat,lon --op p50", "sst", over(x, (0, 1, 2), 50))
    add(SAMPLE, "sst", "--over time,lat,lon --by year --op p25 --percentile inverted_cdf", "sst",
        over(x, (0, 1, 2), 25, "inverted_cdf", years))
    seasons = groups_of([(d.year + d.month // 12, d.month % 12 // 3) for d in dates[12:36]])
    add(SAMPLE, "sst", "--over time,lon --by season --time 2011/2012 --op p75", "sst",
        over(x[12:36], (0, 2), 75, groups=seasons))
    box = x[:, 34:39, 60:66]
    assert c["lat"][34] == 20 and c["lon"][60] == 120
    for missing, least in (("propagate", None), ("29", 29), ("skip", 1)):
        add(SAMPLE, "sst", f"--box 120,130,12,20 --missing {missing} --over lat,lon --op p50", "sst",
            over(box, (1, 2), 50, least=least))
        add(SAMPLE, "sst", f"--box 120,130,12,20 --missing {missing} --over time,lat --op p50 --by year", "sst",
            over(box, (0, 1), 50, groups=years, least=least))
    with netCDF4.Dataset(DATA / "selection_codes.nc") as file:
        basin = np.ma.filled(file["basin"][:], -1)
        rows = [list(file["latitude"][:]).index(lat) for lat in c["lat"]]
        columns = [list(file["longitude"][:] % 360).index(lon) for lon in c["lon"]]
        basin = basin[rows][:, columns]
    masked = np.where(basin == 1, x, np.nan)
    add(SAMPLE, "sst", "--mask DATA/selection_codes.nc:basin=1 --over lat,lon --op p20", "sst",
        over(masked, (1, 2), 20))
    inside = ((abs(c["lat"]) <= 5)[:, None]) & ((c["lon"] >= 190) & (c["lon"] <= 240))[None, :]
    nino = np.where(inside, x, np.nan)
    add(SAMPLE, "sst", "--region nino3.4 --over lat,lon --op p50", "sst", over(nino, (1, 2), 50))
    add(SAMPLE, "sst", "--region nino3.4 --over time,lat,lon --op p95", "sst", over(nino, (0, 1, 2), 95))

    for method in ("nist", "nrank", "rtype8"):
        for operator, dims in (("fldpctl", "lat,lon"), ("zonpctl", "lon")):
            values = cdo(f"{operator},30", method, SAMPLE, ["-selyear,2012"])
            add(SAMPLE, "sst", f"--over {dims} --time 2012 --op p30 --percentile {method}", "sst", values, "cdo")

    x, c, dates = read(PACKED, "thetao")
    add(PACKED, "thetao", "--over lev --time 2000-01/2000-04 --op p10", "thetao", over(x[1:5], (1,), 10))
    add(PACKED, "thetao", "--over depth,lat,lon --op p50", "thetao", over(x, (1, 2, 3), 50))
    add(PACKED, "thetao", "--over time,lev --op p50", "thetao", over(x, (0, 1), 50))
    add(PACKED, "thetao", "--over time,lat,lon --op p0.1,p50", "thetao_p0.1", over(x, (0, 2, 3), 0.1))
    seasons = groups_of([(d.year + d.month // 12, d.month % 12 // 3) for d in dates])
    add(PACKED, "thetao", "--over time,lon --by season --op p50", "thetao", over(x, (0, 3), 50, groups=seasons))
    add(PACKED, "thetao", "--over time,depth,lat,lon --by season --op p90", "thetao",
        over(x, (0, 1, 2, 3), 90, groups=seasons))

    x, c, _ = read(CURVED, "SST")
    add(CURVED, "SST", "--over lat,lon --op p50", "SST", over(x, (1, 2), 50))
    add(CURVED, "SST", "--over nlat --op p5", "SST", over(x, (1,), 5))
    add(CURVED, "SST", "--over time,nlon --op p5,p95", "SST_p95", over(x, (0, 2), 95))
    # Rows of this grid bend: a box leaves out cells, which are then no missing ones.
    lat, lon = c["TLAT"], c["TLONG"] % 360
    inside = (lat >= -2) & (lat <= 6) & (lon >= 240) & (lon <= 258)
    bent = np.where(inside, x, np.nan)
    for missing, least in (("skip", 1), ("propagate", inside.sum())):
        arguments = f"--box 240,258,-2,6 --missing {missing} --over lat,lon --op p50"
        add(CURVED, "SST", arguments, "SST", over(bent, (1, 2), 50, least=least))
        arguments = f"--box 240,258,-2,6 --missing {missing} --over time,lat,lon --op p50"
        add(CURVED, "SST", arguments, "SST", over(bent, (0, 1, 2), 50, least=least * len(x)))

    version = subprocess.run(["cdo", "--version"], capture_output=True, text=True, check=True)
    version = (version.stdout + version.stderr).split("(")[0].split("version")[-1].strip()
    with netCDF4.Dataset(HERE / "percentiles_over.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.command = f"python {Path(__file__).name}; numpy {np.__version__}; cdo {version}"
        for k, (path, arguments, result, values, by) in enumerate(results):
            file.createDimension(f"n{k}", len(values))
            v = file.createVariable(f"case{k}", "f8", (f"n{k}",))
            v.setncatts({"input": path, "arguments": arguments, "result": result, "computed_by": by})
            v[:] = values


if __name__ == "__main__":
    main()
