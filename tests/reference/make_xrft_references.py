#!/usr/bin/env python3
"""Compute the references of spectra without overlap by xrft: tests/reference/xrft.nc.

    python make_xrft_references.py

Of the field `u` of spectra_input.nc (203 days), whole and in segments of 64 days. xrft corrects for the
window only if it is told to (`window_correction`), and without it loses what the window takes; segments
it does not average by itself. Each variable is named by a number; its attribute holds the options of
`halocline spectrum power` that give the same.
"""

from pathlib import Path

import netCDF4
import xarray as xr
import xrft

HERE = Path(__file__).resolve().parent


def main():
    u = xr.open_dataset(HERE / "spectra_input.nc", decode_times=False)["u"]
    with netCDF4.Dataset(HERE / "xrft.nc", "w") as file:
        file.source = f"xrft {xrft.__version__}, xarray {xr.__version__}"
        file.createDimension("cell", 2)
        number = 0
        for segment in (None, 64):
            for window in ("boxcar", "hann", "hamming"):
                for detrend in ("constant", "linear"):
                    for scaling in ("density", "spectrum"):
                        x = u if segment is None else u[: len(u) // segment * segment].chunk({"time": segment})
                        given = dict(dim="time", real_dim="time", scaling=scaling, detrend=detrend)
                        if window != "boxcar":
                            given |= dict(window=window, window_correction=True)
                        if segment is not None:
                            given |= dict(chunks_to_segments=True)
                        power = xrft.power_spectrum(x, **given)
                        if segment is not None:
                            power = power.mean("time_segment")
                        power = power.transpose("freq_time", "lat", "lon").sortby("freq_time").compute()
                        if (n := len(power)) not in (file.dimensions[d].size for d in file.dimensions):
                            file.createDimension(f"frequency_{n}", n)
                        variable = file.createVariable(f"case{number}", "f8", (f"frequency_{n}", "cell"))
                        # The first cell and the last but one.
                        variable[:] = power.values.reshape(n, -1)[:, [0, 4]]
                        options = f"--window {window} --detrend {detrend} --scaling {scaling}"
                        variable.options = options + ("" if segment is None else f" --segment {segment} --overlap 0")
                        number += 1
    print(number, (HERE / "xrft.nc").stat().st_size)


if __name__ == "__main__":
    main()
