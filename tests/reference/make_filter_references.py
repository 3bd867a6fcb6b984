#!/usr/bin/env python3
"""Compute the references of filters along time: tests/reference/filter_time.nc.

    python make_filter_references.py

Inputs are those of the other references; every `every`-th cell without missing values is kept. Each
variable holds one case: its attributes say input and options (`arguments`). Butterworth is
scipy.signal.butter(output="sos") with sosfiltfilt (default padding), or sosfilt begun with
sosfilt_zi times the first value; Lanczos is numpy.convolve with weights as NCL's filwgts_lanczos
(checked against NCL 6.6.2 to single precision) or as Duchon (1979); fft is numpy.fft.rfft times the
response.
"""

from pathlib import Path

import netCDF4
import numpy as np
import scipy
import scipy.signal as signal

from make_stats_references import DATA, data_variable, unpacked

HERE = Path(__file__).resolve().parent
SAMPLE = "ersstv5_sst_201001-202008.nc"
TREND = "case_trend_input.nc"


def lanczos(f, n, convention):
    k = np.arange(-n, n + 1)
    w = 2 * f * np.sinc(2 * f * k) * np.sinc(k / (n + 1 if convention == "ncl" else n))
    return w / w.sum() if convention == "ncl" else w


def weights(low, high, n, convention):
    delta = np.zeros(2 * n + 1)
    delta[n] = 1
    if low is None:
        return lanczos(high, n, convention)
    if high is None:
        return delta - lanczos(low, n, convention)
    return lanczos(high, n, convention) - lanczos(low, n, convention)


def filter_lanczos(x, low, high, n, convention="ncl", ends="missing"):
    w = weights(low, high, n, convention)
    if ends != "missing":
        mode = {"reflect": {"mode": "reflect"}, "cyclic": {"mode": "wrap"},
                "odd": {"mode": "reflect", "reflect_type": "odd"}}[ends]
        return np.convolve(np.pad(x, n, **mode), w, "valid")
    y = np.full(len(x), np.nan)
    y[n:-n] = np.convolve(x, w, "valid")
    return y


def filter_butterworth(x, low, high, order, one_pass=False):
    kind = "lowpass" if low is None else "highpass" if high is None else "bandpass"
    ends = [f for f in (low, high) if f]
    sos = signal.butter(order, ends if len(ends) > 1 else ends[0], kind, fs=1, output="sos")
    if one_pass:
        return signal.sosfilt(sos, x, zi=signal.sosfilt_zi(sos) * x[0])[0]
    return signal.sosfiltfilt(sos, x)


def filter_fft(x, low, high, taper=0.0):
    f = np.fft.rfftfreq(len(x))

    def rise(cut):
        if taper == 0:
            return (f >= cut * (1 - 1e-9)) * 1.0
        a, b = cut * (1 - taper / 2), cut * (1 + taper / 2)
        return 0.5 * (1 - np.cos(np.pi * np.clip((f - a) / (b - a), 0, 1)))

    def fall(cut):
        return (f <= cut * (1 + 1e-9)) * 1.0 if taper == 0 else 1 - rise(cut)

    h = np.ones(len(f))
    if low is not None:
        h *= rise(low)
    if high is not None:
        h *= fall(high)
    return np.fft.irfft(np.fft.rfft(x) * h, len(x))


def detrended(function, passes):
    def wrapped(x, *args, **kw):
        t = np.arange(len(x))
        line = np.polyval(np.polyfit(t - t.mean(), x, 1), t - t.mean())
        return function(x - line, *args, **kw) + (line if passes else 0)

    return wrapped


def with_mean(function):
    return lambda x, *args, **kw: function(x - x.mean(), *args, **kw) + x.mean()


# Monthly: a year is twelve steps. Frequencies in cycles per step.
CASES = {
    "lanczos_low": (SAMPLE, "--band 24mon, --weights 18", filter_lanczos, (None, 1 / 24, 18), {}),
    "lanczos_high": (SAMPLE, "--band ,2y --weights 18 --ends reflect", filter_lanczos, (1 / 24, None, 18),
                     {"ends": "reflect"}),
    "lanczos_band": (SAMPLE, "--band 1.5y,3y --ends odd", filter_lanczos, (1 / 36, 1 / 18, 36), {"ends": "odd"}),
    "lanczos_duchon": (SAMPLE, "--band 1.5y,3y --weights 24 --ends cyclic --convention duchon --keep-mean",
                       with_mean(filter_lanczos), (1 / 36, 1 / 18, 24), {"ends": "cyclic", "convention": "duchon"}),
    "butterworth_low": (SAMPLE, "--kind butterworth --band 2y,", filter_butterworth, (None, 1 / 24, 4), {}),
    "butterworth_high": (SAMPLE, "--kind butterworth --band ,5mon --order 5", filter_butterworth,
                         (1 / 5, None, 5), {}),
    "butterworth_band": (SAMPLE, "--kind butterworth --band 8mon,18mon --order 3 --keep-mean",
                         with_mean(filter_butterworth), (1 / 18, 1 / 8, 3), {}),
    "butterworth_wide": (SAMPLE, "--kind butterworth --band 2.1mon,30mon --order 3", filter_butterworth,
                         (1 / 30, 1 / 2.1, 3), {}),
    "butterworth_once": (SAMPLE, "--kind butterworth --band 2y, --order 2 --one-pass", filter_butterworth,
                         (None, 1 / 24, 2), {"one_pass": True}),
    "fft_band": (SAMPLE, "--kind fft --band 8mon,2y", filter_fft, (1 / 24, 1 / 8), {}),
    "fft_taper": (SAMPLE, "--kind fft --band 8mon,2y --taper 0.4", filter_fft, (1 / 24, 1 / 8), {"taper": 0.4}),
    "fft_low": (TREND, "--kind fft --band 25d, --detrend linear", detrended(filter_fft, True), (None, 1 / 5), {}),
    "fft_high": (TREND, "--kind fft --band ,25d --detrend linear", detrended(filter_fft, False), (1 / 5, None), {}),
}


def main():
    out = HERE / "filter_time.nc"
    with netCDF4.Dataset(out, "w") as file:
        file.source = f"numpy {np.__version__}, scipy {scipy.__version__}"
        for name, (path, arguments, function, args, kw) in CASES.items():
            with netCDF4.Dataset(DATA / path) as data:
                var = data_variable(data)
                values = unpacked(data[var])

            steps = len(values)
            cells = values.reshape(steps, -1)
            every = max(1, cells.shape[1] // 3)
            cells = cells[:, ::every]
            result = np.full(cells.shape, np.nan)
            for c in range(cells.shape[1]):
                if np.isfinite(cells[:, c]).all():
                    result[:, c] = function(cells[:, c], *args, **kw)
            dims = (f"time{steps}", f"cell{cells.shape[1]}")
            for dim, length in zip(dims, cells.shape):
                if dim not in file.dimensions:
                    file.createDimension(dim, length)
            v = file.createVariable(name, "f8", dims, zlib=True, shuffle=True)
            v[:] = result
            v.setncatts({"input": path, "variable": var, "every": np.int32(every), "arguments": arguments})
            print(name, np.isfinite(result).mean())
    print(out.stat().st_size)


if __name__ == "__main__":
    main()
