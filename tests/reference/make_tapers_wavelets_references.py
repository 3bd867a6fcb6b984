"""Makes multitaper.nc and wavelet.nc: spectra of the field in spectra_input.nc by numpy, from their
definitions, with the tapers of scipy; wavelets of its index by NCL, too.

    python make_tapers_wavelets_references.py

Each group of variables has a prefix; the attribute `PREFIX` of the file holds the arguments of
`halocline spectrum multitaper` or `wavelet` that give the same. Of the field, the cells 0 and 4 are
kept; of wavelet power every ninth time.
"""

import subprocess
import tempfile
from math import factorial

import netCDF4
import numpy as np
import scipy
from scipy.signal import detrend as scipy_detrend
from scipy.signal.windows import dpss
from scipy.special import gamma
from scipy.stats import chi2, f as f_distribution

with netCDF4.Dataset("spectra_input.nc") as file:
    u = file["u"][:].filled().reshape(203, -1)[:, [0, 4]]
    index = file["index"][:].filled()
N = len(u)
LEVELS = (0.9, 0.99)


def prepared(x, detrend):
    return x if detrend == "none" else scipy_detrend(x, axis=0, type=detrend)


def lag1(x):
    x = x - x.mean(axis=0)
    return (x[1:] * x[:-1]).sum(axis=0) / (x * x).sum(axis=0)


def put(file, name, values):
    values = np.asarray(values)
    dims = []
    for n in values.shape:
        dims.append(f"n{n}")
        if dims[-1] not in file.dimensions:
            file.createDimension(dims[-1], n)
    file.createVariable(name, "f8", dims)[:] = values


def adaptive(spectra, ratios, leaking):
    """Thomson's weights for spectra (tapers, frequencies) of one series."""
    s = spectra[:2].mean(axis=0)
    for _ in range(5000):
        d2 = ratios[:, None] * (s / (ratios[:, None] * s + (1 - ratios)[:, None] * leaking)) ** 2
        s = (d2 * spectra).sum(axis=0) / d2.sum(axis=0)
    return s, 2 * d2.sum(axis=0) ** 2 / (d2**2).sum(axis=0)


def multitaper(x, nw, tapers, is_adaptive, pad, detrend):
    x = prepared(x, detrend)
    v, ratios = dpss(N, nw, tapers, return_ratios=True)
    y = np.fft.rfft(v[:, :, None] * x, pad, axis=1)
    sides = np.full(y.shape[1], 2.0)
    sides[0] = 1
    if pad % 2 == 0:
        sides[-1] = 1
    spectra = np.abs(y) ** 2
    if is_adaptive:
        pairs = [adaptive(spectra[:, :, c], ratios, x[:, c].var() + x[:, c].mean() ** 2) for c in (0, 1)]
        power, dof = (np.array(part).T for part in zip(*pairs))
    else:
        power = np.einsum("k,kfc->fc", ratios, spectra) / ratios.sum()
        dof = np.full(power.shape, 2 * ratios.sum() ** 2 / (ratios**2).sum())
    dof = dof * (sides / 2)[:, None]
    power = power * sides[:, None]
    zero = v.sum(axis=1)
    zero[1::2] = 0
    mu = np.einsum("k,kfc->fc", zero, y) / (zero**2).sum()
    rest = (np.abs(y - mu * zero[:, None, None]) ** 2).sum(axis=0)
    ratio = (tapers - 1) * np.abs(mu) ** 2 * (zero**2).sum() / rest
    alpha = lag1(x)
    freq = np.fft.rfftfreq(pad)
    theory = sides[:, None] * (1 - alpha**2) / (1 + alpha**2 - 2 * alpha * np.cos(2 * np.pi * freq)[:, None])
    background = theory * power[1:].sum(axis=0) / theory[1:].sum(axis=0)
    ratio[sides < 2] = mu[sides < 2] = 0
    result = {
        "power": power,
        "degrees_of_freedom": dof,
        "frequency": freq,
        "background": background,
        "lag1_autocorrelation": alpha,
        "f_ratio": ratio,
        "line_amplitude": 2 * np.abs(mu),
        "f_limit": [f_distribution.ppf(p, 2, 2 * tapers - 2) for p in LEVELS],
    }
    for name, values in {
        "limit_lower": [power * dof / chi2.ppf((1 + p) / 2, dof) for p in LEVELS],
        "limit_upper": [power * dof / chi2.ppf((1 - p) / 2, dof) for p in LEVELS],
        "significance": [background * chi2.ppf(p, dof) / dof for p in LEVELS],
    }.items():
        result[name] = np.array(values)
    return result


MULTITAPER = [
    ("--bandwidth 4", 4, 7, False, N, "constant"),
    ("--bandwidth 2.5 --tapers 3 --detrend linear", 2.5, 3, False, N, "linear"),
    ("--bandwidth 3 --adaptive", 3, 5, True, N, "constant"),
    ("--bandwidth 4 --pad 256 --tapers 8 --adaptive", 4, 8, True, 256, "constant"),
]

with netCDF4.Dataset("multitaper.nc", "w", format="NETCDF3_CLASSIC") as file:
    file.tool = f"numpy {np.__version__}, scipy {scipy.__version__}"
    for k, (arguments, *options) in enumerate(MULTITAPER):
        file.setncattr(f"case{k}", arguments + " --confidence 0.9,0.99")
        for name, values in multitaper(u, *options).items():
            put(file, f"case{k}_{name}", values)

# Torrence and Compo (1998), tables 1 and 2: transform, period and e-folding time over scale, degrees
# of freedom, and what is tabulated (reconstruction, time, scale).


def morlet(w0):
    def transform(x):
        return np.pi**-0.25 * np.exp(-((x - w0) ** 2) / 2) * (x > 0)

    return transform, 4 * np.pi / (w0 + np.sqrt(2 + w0**2)), np.sqrt(2), 2, (0.776, 2.32, 0.6) if w0 == 6 else None


def paul(m):
    def transform(x):
        x = np.where(x > 0, x, 0)
        return 2.0**m / np.sqrt(m * float(factorial(2 * m - 1))) * x**m * np.exp(-x)

    return transform, 4 * np.pi / (2 * m + 1), 1 / np.sqrt(2), 2, (1.132, 1.17, 1.5) if m == 4 else None


def dog(m):
    def transform(x):
        return -(1j**m) / np.sqrt(gamma(m + 0.5)) * x**m * np.exp(-(x**2) / 2)

    known = {2: (3.541, 1.43, 1.4), 6: (1.966, 1.37, 0.97)}.get(m)
    return transform, 2 * np.pi / np.sqrt(m + 0.5), np.sqrt(2), 1, known


def wavelet(x, mother, dj, s0, last, pad, band, alpha):
    transform, to_period, folding, dofmin, known = mother
    x = prepared(x, "constant")
    n = len(x)
    scale = s0 * 2 ** (dj * np.arange(last + 1))
    period = to_period * scale
    omega = 2 * np.pi * np.fft.fftfreq(pad)
    omega[pad // 2] = np.pi if pad % 2 == 0 else omega[pad // 2]
    daughters = np.sqrt(2 * np.pi * scale)[:, None] * np.conj(transform(scale[:, None] * omega))
    xhat = np.fft.fft(x, pad, axis=0)
    power = np.abs(np.fft.ifft(daughters[:, :, None] * xhat[None], axis=1)[:, :n]) ** 2
    alpha = lag1(x) if alpha is None else np.full(x.shape[1], alpha)
    variance = x.var(axis=0)
    background = variance * (1 - alpha**2) / (1 + alpha**2 - 2 * alpha * np.cos(2 * np.pi / period)[:, None])
    result = {
        "power": power[:, ::9],
        "period": period,
        "scale": scale,
        "global_power": power.mean(axis=1),
        "variance": variance,
        "lag1_autocorrelation": alpha,
        "background": background,
        "significance": np.array([background * chi2.ppf(p, dofmin) / dofmin for p in LEVELS]),
        "cone_of_influence": to_period / folding * np.minimum(np.arange(n), n - 1 - np.arange(n)),
    }
    if known is not None:
        c, time, between = known
        inside = (period >= band[0]) & (period <= band[1])
        own = scale[inside][:, None]
        result["reconstructed_variance"] = dj / (c * n) * (power.sum(axis=1) / scale[:, None]).sum(axis=0)
        result["scale_average"] = dj / c * (power[inside] / own[:, None]).sum(axis=0)
        averaged = n - np.minimum(folding * scale, n / 2)
        dof = dofmin * np.sqrt(1 + (averaged / (time * scale)) ** 2)
        result["global_degrees_of_freedom"] = dof
        result["global_significance"] = np.array([background * (chi2.ppf(p, dof) / dof)[:, None] for p in LEVELS])
        mean = 1 / (1 / own).sum()
        count = inside.sum()
        dof = dofmin * count * mean / np.sqrt(own[0, 0] * own[-1, 0]) * np.sqrt(1 + (count * dj / between) ** 2)
        noise = mean * (background[inside] / own).sum(axis=0)
        result["scale_average_significance"] = np.array(
            [dj / (c * mean) * noise * chi2.ppf(p, dof) / dof for p in LEVELS]
        )
    return result


WAVELET = [
    ("", morlet(6), 0.25, 2, 26, 512, None),
    ("--mother paul:4 --dj 0.5 --s0 1.5 --j 12", paul(4), 0.5, 1.5, 12, 512, None),
    ("--mother dog:2 --pad 204 --lag1 0.7", dog(2), 0.25, 2, 26, 204, 0.7),
    ("--mother dog:6 --j 20", dog(6), 0.25, 2, 20, 512, None),
    ("--mother morlet:8", morlet(8), 0.25, 2, 26, 512, None),
]
BAND = (8, 32)

NCL = """
begin
  f = addfile("spectra_input.nc", "r")
  x = f->index
  w = wavelet(x, {kind}, 1.0, {param}, 2.0, 0.25, 24, 512, 1, 0, 0.05, dimsizes(x))
  setfileoption("nc", "Format", "NetCDF4")
  out = addfile("{out}", "c")
  p = onedtond(w@power, (/24, dimsizes(x)/))
  out->power = p(:,::9)
  out->period = w@period
  out->global_power = w@gws
  out->significance = w@signif
  out->cone_of_influence = w@coi
  out->lag1 = w@lag1
end
"""

with netCDF4.Dataset("wavelet.nc", "w", format="NETCDF3_CLASSIC") as file:
    file.tool = f"numpy {np.__version__}, scipy {scipy.__version__}; NCL 6.6.2 (ncl0 to ncl2)"
    for k, (arguments, mother, dj, s0, last, pad, alpha) in enumerate(WAVELET):
        rest = f" --power yes --scale-average {BAND[0]},{BAND[1]} --confidence 0.9,0.99"
        file.setncattr(f"case{k}", (arguments + rest).strip())
        for name, values in wavelet(u, mother, dj, s0, last, pad, BAND, alpha).items():
            put(file, f"case{k}_{name}", values)
    for k, (kind, param, mother) in enumerate([(0, 6, "morlet:6"), (1, 4, "paul:4"), (2, 2, "dog:2")]):
        with tempfile.TemporaryDirectory() as folder:
            script, out = f"{folder}/w.ncl", f"{folder}/w.nc"
            with open(script, "w") as text:
                text.write(NCL.format(kind=kind, param=param, out=out))
            subprocess.run(["ncl", "-Q", script], check=True)
            with netCDF4.Dataset(out) as theirs:
                # Its autocorrelation is another estimate.
                file.setncattr(f"ncl{k}", f"--mother {mother} --j 23 --lag1 {float(theirs['lag1'][0])!r}")
                for name in ("power", "period", "global_power", "significance", "cone_of_influence"):
                    put(file, f"ncl{k}_{name}", theirs[name][:].filled())
