#!/usr/bin/env python3
"""Compute the references of `halocline relate` and `halocline histogram`.

    python make_pair_references.py

Needs numpy, scipy and netCDF4. Writes `pair_input.nc` (two synthetic fields with gaps, large offsets
and trends), `pair_index.csv` (the mean of the sample over 190E-240E, 5S-5N, weighted by the cosine of
latitude), `relate_*.nc` and `histogram_*.nc`. Each result states in `arguments` what asks for it.

Correlations are scipy.stats.pearsonr's, slopes and intercepts scipy.stats.linregress's, Welch's test
scipy.stats.ttest_ind's, detrending scipy.signal.detrend's, the false discovery rate
scipy.stats.false_discovery_control's; effective sizes follow the formula in docs/relate.md.
Histograms are numpy.histogram's and numpy.histogramdd's with explicit edges, in double precision.
"""

from pathlib import Path

import netCDF4
import numpy as np
import scipy.signal
import scipy.special
import scipy.stats

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "data" / "ersstv5_sst_201001-202008.nc"
EVERY = 11
LAGS = [-2, 0, 3]


def sample():
    with netCDF4.Dataset(SAMPLE) as file:
        file["sst"].set_auto_mask(True)
        values = np.ma.masked_where(np.abs(file["sst"][:]) > 1e30, file["sst"][:]).astype("f8").filled(np.nan)
        return values, file["lat"][:].astype("f8"), file["lon"][:].astype("f8")


def make_pair():
    random = np.random.default_rng(4)
    nt, ny, nx = 150, 6, 9
    noise = random.standard_normal((2, nt, ny, nx))
    for t in range(1, nt):
        noise[:, t] += 0.5 * noise[:, t - 1]
    trend = 0.02 * np.arange(nt)[:, None, None]
    a = 101325 + noise[0] + trend
    b = 273.15 + 0.6 * noise[0] + noise[1] - 2 * trend
    a[random.random(a.shape) < 0.1] = np.nan
    b[random.random(b.shape) < 0.05] = np.nan
    a[:, 0, 0] = np.nan
    b[:, 1, 1] = 5.5
    a[:, 2, :] = 101325 + noise[0, :, 2, :]
    b[:, 2, :] = 273.15 + noise[1, :, 2, :]
    with netCDF4.Dataset(HERE / "pair_input.nc", "w") as file:
        file.Conventions = "CF-1.8"
        file.title = "Synthetic: two fields that go together"
        for name, values, units in (
            ("time", np.arange(nt) + 0.5, "days since 2001-01-01"),
            ("lat", np.linspace(-50, 50, ny), "degrees_north"),
            ("lon", np.arange(nx) * 40.0, "degrees_east"),
        ):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
            file[name].units = units
        file["time"].calendar = "noleap"
        for name, values, units, chunks in (("ps", a, "Pa", (1, ny, nx)), ("tas", b, "K", (50, 2, nx))):
            v = file.createVariable(
                name, "f8", ("time", "lat", "lon"), zlib=True, shuffle=True, chunksizes=chunks, fill_value=1e20
            )
            v.units = units
            v[:] = np.where(np.isnan(values), 1e20, values)
    return a, b


def lag1(e, there):
    """Lag-1 autocorrelation; e: deviations of the pairs, there: their times."""
    after = np.flatnonzero(np.diff(there) == 1)
    gaps = len(e) / (len(after) + 1)
    return (e[after] * e[after + 1]).sum() / (e * e).sum() * gaps


def relate(y, x, detrend):
    there = np.flatnonzero(~np.isnan(y) & ~np.isnan(x))
    n = len(there)
    nan = dict.fromkeys(["correlation", "slope", "intercept", "covariance", "p_value", "effective_size"], np.nan)
    if n < 2:
        return {**nan, "pairs": n}
    y, x = y[there], x[there]
    if detrend and np.ptp(y) == 0:
        return {**nan, "pairs": n, "slope": 0.0, "covariance": 0.0}
    if detrend:
        assert n == there[-1] - there[0] + 1, "scipy's detrend takes no gaps"
        y, x = scipy.signal.detrend(y), scipy.signal.detrend(x)
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        if np.ptp(x) == 0:
            return {**nan, "pairs": n, "covariance": 0.0}
        return {**nan, "pairs": n, "slope": 0.0, "intercept": y[0], "covariance": 0.0}
    r = scipy.stats.pearsonr(x, y).statistic
    line = scipy.stats.linregress(x, y)
    both = lag1(y - y.mean(), there) * lag1(x - x.mean(), there)
    size = min(n, n * (1 - both) / (1 + both))
    dof = size - (3 if detrend else 2)
    p = 2 * scipy.stats.t.sf(abs(r) * np.sqrt(dof / (1 - r * r)), dof) if dof > 0 else np.nan
    return {
        "correlation": r, "slope": line.slope, "intercept": np.nan if detrend else line.intercept,
        "covariance": np.cov(y, x)[0, 1], "p_value": p, "effective_size": size, "pairs": n,
    }


def composite(y, x, high, low):
    above, below = y[x > high], y[x < low]
    above, below = above[~np.isnan(above)], below[~np.isnan(below)]
    mean = lambda v: v.mean() if len(v) else np.nan
    p = np.nan
    if len(above) > 1 and len(below) > 1 and np.ptp(np.r_[above, below]) > 0:
        p = scipy.stats.ttest_ind(above, below, equal_var=False).pvalue
    return {
        "composite_high": mean(above), "composite_low": mean(below),
        "composite_difference": mean(above) - mean(below), "composite_p_value": p,
        "composite_high_count": len(above), "composite_low_count": len(below),
    }


def significant(p):
    there = ~np.isnan(p)
    mask = np.zeros(len(p))
    mask[there] = scipy.stats.false_discovery_control(p[there]) <= 0.05
    return mask


def write(name, arguments, every, results):
    with netCDF4.Dataset(HERE / f"{name}.nc", "w") as file:
        file.arguments, file.every, file.scipy, file.numpy = arguments, every, scipy.__version__, np.__version__
        for variable, values in results.items():
            dims = []
            for n in values.shape:
                if f"d{n}" not in file.dimensions:
                    file.createDimension(f"d{n}", n)
                dims.append(f"d{n}")
            file.createVariable(variable, "f8", dims, zlib=True)[:] = values


def table(rows):
    return {key: np.array([row[key] for row in rows], "f8") for key in rows[0]}


def main():
    sst, lat, lon = sample()
    box = np.ix_(np.arange(len(sst)), np.abs(lat) <= 5, (lon >= 190) & (lon <= 240))
    weights = np.cos(np.radians(lat[np.abs(lat) <= 5]))[None, :, None] * np.ones(sst[box].shape)
    index = np.round((sst[box] * weights).sum((1, 2)) / weights.sum((1, 2)), 6)
    dates = [f"{2010 + m // 12}-{m % 12 + 1:02}" for m in range(len(index))]
    lines = [f"{d},{v}" for d, v in zip(dates, index)]
    (HERE / "pair_index.csv").write_text("# sst of ersstv5 over 190E-240E, 5S-5N\ndate,nino34\n" + "\n".join(lines) + "\n")

    # June 2010 to January 2020: the index reaches further on both sides.
    start, end = 5, 121
    cells = sst[start:end].reshape(end - start, -1)
    own = index[start:end]
    high, low = own.mean() + 0.8 * own.std(ddof=1), own.mean() - 0.8 * own.std(ddof=1)
    results = {}
    for lag in LAGS:
        x = index[start - lag : end - lag]
        rows = [{**relate(y, x, False), **composite(y, x, high, low)} for y in cells.T]
        of_lag = table(rows)
        of_lag["significant"] = significant(of_lag["p_value"])
        of_lag["composite_significant"] = significant(of_lag["composite_p_value"])
        for key, values in of_lag.items():
            results.setdefault(key, []).append(values[::EVERY])
    options = "--time 2010-06/2020-01 --op correlation,regression,covariance,composite --threshold 0.8 --lags -2,0,3"
    write("relate_index", options, EVERY, {k: np.array(v) for k, v in results.items()})
    detrended = table([relate(y, own, True) for y in cells.T[::EVERY]])
    options = "--time 2010-06/2020-01 --op correlation,regression,covariance --detrend"
    write("relate_detrend", options, EVERY, detrended)

    a, b = make_pair()
    nt = len(a)
    pairs = table([relate(y, x, False) for y, x in zip(a.reshape(nt, -1).T, b.reshape(nt, -1).T)])
    pairs["significant"] = significant(pairs["p_value"])
    write("relate_field", "--op correlation,regression,covariance", 1, pairs)

    edges = np.linspace(-1.8, 34.2, 361)
    values = sst[~np.isnan(sst)]
    write("histogram_sample", "--bins -1.8:34.2:360", 1, {
        "histogram": np.histogram(values, edges)[0].astype("f8"),
        "density": np.histogram(values, edges, density=True)[0],
        "below": np.array([(values < edges[0]).sum()], "f8"), "above": np.array([(values > edges[-1]).sum()], "f8"),
        "missing": np.array([np.isnan(sst).sum()], "f8"),
    })
    listed = np.array([-1.0, 0.0, 10.5, 20.0, 28.0])
    maps = sst[:, ::-1].reshape(len(sst), -1)
    write("histogram_time", "--bins=-1,0,10.5,20,28 --over time", 1, {
        "histogram": np.array([np.histogram(c[~np.isnan(c)], listed)[0] for c in sst.reshape(len(sst), -1).T[::EVERY]], "f8"),
    })
    write("histogram_space", "--bins=-1,0,10.5,20,28 --over lat,lon", 1, {
        "histogram": np.array([np.histogram(m[~np.isnan(m)], listed)[0] for m in maps], "f8"),
    })
    there = ~np.isnan(a) & ~np.isnan(b)
    pe, te = np.linspace(101322, 101330, 17), np.linspace(260, 280, 41)
    two = np.stack([a[there], b[there]], 1)
    write("histogram_joint", "--bins 101322:101330:16 --bins 260:280:40", 1, {
        "histogram": np.histogramdd(two, (pe, te))[0], "density": np.histogramdd(two, (pe, te), density=True)[0],
        "missing": np.array([(~there).sum()], "f8"),
    })


if __name__ == "__main__":
    main()
