"""Makes spectra_input.nc and spectra.nc: spectra by scipy.signal of a small made-up field.

    python make_spectra_references.py

Each group of variables of spectra.nc has a prefix; the attribute `PREFIX` of the file holds the
arguments of `halocline spectrum` that give the same. Spectra are kept of the cells 0 and 4.
"""

import netCDF4
import numpy as np
import scipy
from scipy import signal

N, NY, NX = 203, 2, 3
rng = np.random.default_rng(6)
t = np.arange(N)


def red(shape, alpha):
    x = rng.standard_normal(shape)
    for i in range(1, shape[0]):
        x[i] += alpha * x[i - 1]
    return x


u = 280 + red((N, NY, NX), 0.7) + 0.01 * t[:, None, None] + np.sin(2 * np.pi * t / 12)[:, None, None]
v = 5 + 0.5 * np.roll(u - 280, 2, axis=0) + red((N, NY, NX), 0.3)
index = u[:, 0, 1] - 280 + 0.3 * rng.standard_normal(N)

with netCDF4.Dataset("spectra_input.nc", "w") as f:
    f.createDimension("time", N)
    f.createDimension("lat", NY)
    f.createDimension("lon", NX)
    for name, units, values in [
        ("time", "days since 2001-01-01", t + 0.5),
        ("lat", "degrees_north", [20.0, 60.0]),
        ("lon", "degrees_east", [0.0, 10.0, 20.0]),
    ]:
        c = f.createVariable(name, "f8", (name,))
        c.units = units
        c[:] = values
    for name, units, values in [("u", "K", u), ("v", "m s-1", v)]:
        c = f.createVariable(name, "f8", ("time", "lat", "lon"))
        c.units = units
        c[:] = values
    gappy = u.astype("f8").copy()
    gappy[rng.random(gappy.shape) < 0.2] = np.nan
    c = f.createVariable("u_gaps", "f8", ("time", "lat", "lon"), fill_value=np.nan)
    c.units = "K"
    c[:] = gappy
    c = f.createVariable("index", "f8", ("time",))
    c.units = "1"
    c[:] = index


def window(name):
    name, _, number = name.partition(":")
    return (name, float(number)) if number else name


power = []
for n in (203, 202):
    for w in ("boxcar", "hann", "tukey:0.3"):
        for detrend in ("none", "constant", "linear") if w == "boxcar" else ("constant",):
            power.append((n, None, 0.5, w, detrend, "density"))
    power.append((n, None, 0.5, "hamming", "constant", "spectrum"))
for segment in (64, 51):
    for w in ("hann", "boxcar", "tukey:0.3"):
        for detrend in ("none", "constant", "linear"):
            power.append((203, segment, 0.5, w, detrend, "density"))
    power.append((203, segment, 0.25, "blackman", "constant", "spectrum"))
    power.append((203, segment, 0.75, "kaiser:5", "linear", "density"))

with netCDF4.Dataset("spectra.nc", "w", format="NETCDF3_CLASSIC") as f:
    f.tool = f"scipy {scipy.__version__}"
    f.createDimension("cell", 2)

    def put(name, values):
        if values.ndim == 3:
            values = values.reshape(len(values), -1)[:, [0, 4]]
        dim = f"f{values.shape[0]}"
        if dim not in f.dimensions:
            f.createDimension(dim, values.shape[0])
        dims = (dim, "cell")[: values.ndim]
        f.createVariable(name, "f8", dims)[:] = values

    for k, (n, segment, overlap, w, detrend, scaling) in enumerate(power):
        kind = False if detrend == "none" else detrend
        x = u[:n]
        if segment is None:
            freq, p = signal.periodogram(x, 1.0, window(w), detrend=kind, scaling=scaling, axis=0)
        else:
            freq, p = signal.welch(x, 1.0, window(w), segment, int(overlap * segment), detrend=kind, scaling=scaling, axis=0)
        arguments = f"--window {w} --detrend {detrend} --scaling {scaling} --time 2001-01-01/"
        arguments += "2001-07-22" if n == 203 else "2001-07-21"
        if segment:
            arguments += f" --segment {segment} --overlap {overlap}"
        f.setncattr(f"power{k}", arguments)
        put(f"power{k}_power", p)
        put(f"power{k}_frequency", freq)

    for k, (segment, w, detrend) in enumerate([(64, "hann", "constant"), (51, "tukey:0.3", "linear"), (64, "boxcar", "none")]):
        kind = False if detrend == "none" else detrend
        options = dict(fs=1.0, window=window(w), nperseg=segment, noverlap=segment // 2, detrend=kind, axis=0)
        arguments = f"--window {w} --detrend {detrend} --segment {segment}"
        for other, y in (("field", v), ("index", np.broadcast_to(index[:, None, None], u.shape))):
            f.setncattr(f"{other}{k}", arguments)
            freq, pxy = signal.csd(u, y, **options)
            put(f"{other}{k}_cospectrum", pxy.real)
            put(f"{other}{k}_quadrature", pxy.imag)
            put(f"{other}{k}_phase", np.angle(pxy))
            put(f"{other}{k}_coherence_squared", signal.coherence(u, y, **options)[1])
            put(f"{other}{k}_gain", np.abs(pxy) / signal.welch(u, **options)[1])
            put(f"{other}{k}_power_y", signal.welch(y, **options)[1])

    # Lomb and Scargle: every cell has other gaps (those of `u_gaps` in the input).
    step = (t[-1] - t[0]) / (N - 1)
    f_lomb = np.arange(1, N // 2 + 1) / (N * step)
    for k, (detrend, normalize) in enumerate([("constant", False), ("linear", True), ("none", False)]):
        every = []
        for c in (0, 4):
            x = gappy.reshape(N, -1)[:, c]
            there = np.isfinite(x)
            tt, y = t[there] * 1.0, x[there]
            if detrend == "constant":
                y = y - y.mean()
            if detrend == "linear":
                y = y - np.polyval(np.polyfit(tt, y, 1), tt)
            every.append(signal.lombscargle(tt, y, 2 * np.pi * f_lomb, normalize=normalize))
        f.setncattr(f"lomb{k}", f"--detrend {detrend} --lomb-scargle={'normalize' if normalize else 'power'}")
        put(f"lomb{k}_power", np.array(every).T)
    put("lomb_frequency", f_lomb)

    # What else the file of a power spectrum holds, by its equations.
    n, segment = 203, 64
    freq, p = signal.welch(u, 1.0, "hann", segment, axis=0)
    x = u - u.mean(axis=0)
    alpha = (x[1:] * x[:-1]).sum(axis=0) / (x * x).sum(axis=0)
    theory = (1 - alpha**2) / (1 + alpha**2 - 2 * alpha * np.cos(2 * np.pi * freq)[:, None, None])
    theory[1:-1] *= 2
    background = theory * p[1:].sum(axis=0) / theory[1:].sum(axis=0)
    w = signal.get_window("hann", segment)
    k = (n - segment) // (segment // 2) + 1
    rho = (np.dot(w[: segment // 2], w[segment // 2 :]) / np.dot(w, w)) ** 2
    dof = np.full(len(freq), 2 * k / (1 + 2 * (1 - 1 / k) * rho))
    dof[[0, -1]] /= 2
    from scipy.stats import chi2

    f.setncattr("noise", f"--segment {segment} --confidence 0.9,0.99")
    put("noise_background", background)
    put("noise_lag1_autocorrelation", alpha[None])
    put("noise_degrees_of_freedom", dof)
    put("noise_significance90", background * (chi2.ppf(0.9, dof) / dof)[:, None, None])
    put("noise_significance99", background * (chi2.ppf(0.99, dof) / dof)[:, None, None])
    # Edges half-way between the centres, as far out beyond the outer ones: 0, 40 and 80 degrees.
    area = np.diff(np.sin(np.radians([0.0, 40.0, 80.0])))
    put("noise_mean", np.average(p.mean(axis=2), axis=1, weights=area))
    put("noise_rows", p.mean(axis=2))
