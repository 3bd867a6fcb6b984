"""Do outputs keep to the CF conventions, and do other tools see them as they are?

    python check.py OUT.nc…

Of each: the CF checker of compliance-checker; xarray with decoded times; ncdump, NCO and CDO where
they are installed, whose coordinates and times have to be those of the NetCDF library. Prints what
is wrong and ends with 1 then.
"""

import datetime
import re
import shutil
import subprocess
import sys
import warnings

import netCDF4
import numpy as np
import xarray
from compliance_checker.runner import CheckSuite

warnings.filterwarnings("ignore")

# Recommendations, and mistakes of the checker, that are known:
KNOWN = [
    # CMIP has (time, basin, lev, lat), and series of modes are (time, mode).
    r"recommended order T, Z, Y, X",
    # Of a scalar coordinate two bounds are right (CF 7.1).
    r"should have at least two dimensions to enclose the base case of a one dimensionsal",
    # CF has no words for the spread of all values of a month in all years.
    r'The "time: method within years/days over years/days" format is not correct in variable \w+_std',
    # CF 7.3.4: of dimensions that are not there any more, by standard name.
    r"cell_methods name component (latitude|longitude|time|air_pressure) does not match a dimension",
    # The calendar `standard` is what inputs have.
    r"has standard or Gregorian calendar and does not cross",
    # It looks for `bounds` where CF 7.4 wants `climatology`.
    r"climatology_bounds might be a cell boundary variable",
]
# Of arrays of characters it knows no names of regions, and stops.
BROKEN = {"check_geographic_region"}


def conventions(path):
    with netCDF4.Dataset(path) as file:
        version = re.search(r"CF-(1\.\d+)", file.Conventions)[1]
    suite = CheckSuite()
    groups, broken = suite.run_all(suite.load_dataset(path), ["cf:" + version])["cf:" + version]
    for group in groups:
        done, of = group.value if isinstance(group.value, tuple) else (bool(group.value), 1)
        for message in group.msgs if done < of else []:
            if not any(re.search(known, message) for known in KNOWN):
                yield f"CF {version}: {group.name}: {message}"
    for name, (error, _) in broken.items():
        if name not in BROKEN:
            yield f"CF {version}: {name}: {error}"


def said(*words):
    """What a tool prints, or None with what went wrong."""
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return (done.stdout, None) if done.returncode == 0 else (None, f"{words[0]}: {done.stderr.strip()[-200:]}")


def axes(path):
    """Coordinates of one dimension, and times as dates, as the NetCDF library has them."""
    found, times = {}, None
    with netCDF4.Dataset(path) as file:
        for name, variable in file.variables.items():
            if variable.dimensions == (name,) and variable.dtype.kind == "f":
                found[name] = np.ma.filled(variable[:], np.nan)
        time = file.variables.get("time")
        if time is not None and " since " in getattr(time, "units", ""):
            values = np.atleast_1d(time[:])
            times = netCDF4.num2date(values, time.units, getattr(time, "calendar", "standard"), only_use_cftime_datetimes=False)
        maps = any(v.dimensions[-2:] == ("lat", "lon") for v in file.variables.values())
        of_time = any(v.dimensions[:1] == ("time",) and v.dimensions[-2:] == ("lat", "lon") for v in file.variables.values())
    return found, times, maps, of_time


def opened(path, found, times):
    with xarray.open_dataset(path) as data:
        data.load()
        for name, values in found.items():
            if name != "time" and not np.array_equal(data[name].values, values, equal_nan=True):
                yield f"xarray: {name} differs"
        for name in ("lat", "lon"):
            if name in found and data[name].attrs.get("units") not in ("degrees_north", "degrees_east"):
                yield f"xarray: {name} has no units of degrees"
        if times is not None:
            seen = np.atleast_1d(data["time"].values).astype("datetime64[s]")
            if not np.array_equal(seen, np.array(times, dtype="datetime64[s]")):
                yield f"xarray: times differ: {seen[:2]}"
            if not (datetime.datetime(2000, 1, 1) <= min(times) and max(times) <= datetime.datetime(2021, 1, 1)):
                yield f"times from {min(times)} to {max(times)} are not those of the inputs"


def dumped(path, found):
    text, wrong = said("ncdump", "-t", path)
    if wrong:
        yield wrong
    elif not text.rstrip().endswith("}"):
        yield "ncdump: no end"


def nco(path, found):
    for name in [n for n in ("lat", "lon") if n in found]:
        text, wrong = said("ncks", "-s", "%.17g\\n", "-H", "-C", "-v", name, path)
        if wrong:
            yield wrong
        elif not np.array_equal(np.array(text.split(), float), found[name]):
            yield f"ncks: {name} differs"
    text, wrong = said("ncks", "-m", path)
    if wrong:
        yield wrong


def cdo(path, found, times, of_time):
    text, wrong = said("cdo", "-s", "griddes", path)
    if wrong:
        yield wrong
        return
    sizes = {(int(a), int(b)) for a, b in re.findall(r"gridtype += lonlat.*?xsize += (\d+)\s+ysize += (\d+)", text, re.S)}
    wanted = (len(found["lon"]), len(found["lat"]))
    if wanted not in sizes and "gaussian" not in text:
        yield f"cdo: no grid of {wanted}: {sizes}"
    if of_time and times is not None:
        text, wrong = said("cdo", "-s", "showtimestamp", path)
        if wrong:
            yield wrong
            return
        seen = np.array(text.split(), dtype="datetime64[s]")
        if len(seen) != len(times) or abs(seen - np.array(times, dtype="datetime64[s]")).max() > np.timedelta64(1, "s"):
            yield f"cdo: times differ: {seen[:2]}"


def main(paths):
    CheckSuite.load_all_available_checkers()
    tools = {name for name in ("ncdump", "ncks", "cdo") if shutil.which(name)}
    print("with xarray, compliance-checker" + "".join(", " + tool for tool in sorted(tools)))
    wrong = 0
    for path in paths:
        found, times, maps, of_time = axes(path)
        ways = [conventions(path), opened(path, found, times)]
        ways += [dumped(path, found)] if "ncdump" in tools else []
        ways += [nco(path, found)] if "ncks" in tools else []
        ways += [cdo(path, found, times, of_time)] if "cdo" in tools and maps else []
        for what in (what for way in ways for what in way):
            wrong += 1
            print(f"FAILED: {path}: {what}")
    print(f"{len(paths)} outputs, {wrong} faults")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
