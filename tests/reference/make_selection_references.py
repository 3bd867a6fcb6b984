#!/usr/bin/env python3
"""Make masks and outlines, and the means over time that `halocline stats` gives within them:
tests/data/selection_*, tests/reference/selections.nc.

    python make_selection_references.py

Which cells lie inside is told by shapely (`covers`: edges belong to a polygon, those of its holes
too), with the polygons moved by turns to the longitudes of the grid; means are those of numpy in
double precision. Where cdo is there (CDO 2.1.1), `-ifthen`, `-masklonlatbox` and `-maskregion`
have to leave the same cells.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
import shapely
from shapely.affinity import translate

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
SST = DATA / "ersstv5_sst_201001-202008.nc"
CURVED = DATA / "case_curvilinear_input.nc"
# Crosses the dateline, with a hole; its southern edge and the hole's northern run along cells.
POOL = [
    [[130.5, -24.0], [199.0, -24.0], [221.3, 3.7], [188.2, 31.1], [150.9, 19.4], [130.5, -24.0]],
    [[161.0, -9.3], [171.7, 4.0], [183.1, 4.0], [175.3, -12.9], [161.0, -9.3]],
]
# In two parts, cut at the dateline; the second crosses itself.
PARTS = [
    [[[150.3, 40.0], [180.0, 40.0], [180.0, 55.3], [150.3, 55.3], [150.3, 40.0]]],
    [[[-180.0, 40.0], [-130.7, 57.1], [-130.7, 40.0], [-180.0, 57.1], [-180.0, 40.0]]],
]


def inside(polygons, lat, lon):
    """Whether places lie in any of the polygons, by shapely."""
    hit = np.zeros(lat.shape, bool)
    for rings in polygons:
        polygon = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
        for turn in (-360.0, 0.0, 360.0):
            hit |= shapely.covers(translate(polygon, turn), shapely.points(lon, lat))
    return hit


def cdo(*command):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.nc"
        subprocess.run(["cdo", "-s", "-L", *map(str, command), str(out)], check=True, stderr=subprocess.DEVNULL)
        with netCDF4.Dataset(out) as file:
            return ~np.ma.getmaskarray(np.ma.masked_invalid(file["sst"][:]))[0]


def main():
    features = [
        {"type": "Feature", "properties": {"name": "pool"}, "geometry": {"type": "Polygon", "coordinates": POOL}},
        {"type": "Feature", "properties": {"name": "parts"}, "geometry": {"type": "MultiPolygon", "coordinates": PARTS}},
    ]
    outlines = DATA / "selection_outlines.geojson"
    outlines.write_text(json.dumps({"type": "FeatureCollection", "features": features}) + "\n")

    with netCDF4.Dataset(SST) as file:
        lat, lon = file["lat"][:].filled().astype("f8"), file["lon"][:].filled().astype("f8")
        sst = np.ma.filled(file["sst"][:].astype("f8"), np.nan)
    # Codes of made-up basins, from south to north and from -180 to 178.
    j, i = np.meshgrid(np.arange(lat.size), np.arange(lon.size), indexing="ij")
    codes = ((i // 23 + j // 11) % 5).astype("i1")
    codes[(i * 7 + j * 3) % 29 == 0] = -1
    with netCDF4.Dataset(DATA / "selection_codes.nc", "w", format="NETCDF4_CLASSIC") as file:
        for name, values, units in (("latitude", lat[::-1], "degrees_north"), ("longitude", (lon - 180), "degrees_east")):
            file.createDimension(name, values.size)
            file.createVariable(name, "f4", (name,))[:] = values
            file[name].units = units
        basin = file.createVariable("basin", "i1", ("latitude", "longitude"), zlib=True, fill_value=np.int8(-1))
        basin[:] = np.roll(codes[::-1], lon.size // 2, axis=1)

    flat, flon = np.meshgrid(lat, lon, indexing="ij")
    wanted = {
        "basin": np.isin(codes, [1, 3]),
        "pool": inside([POOL], flat, flon),
        "parts": inside(PARTS, flat, flon),
        "nino34": (np.abs(flat) <= 5) & (flon >= 190) & (flon <= 240),
    }
    wanted["both"] = (codes > 0) & wanted["pool"]
    if shutil.which("cdo"):
        valid = ~np.isnan(sst[0])
        with tempfile.TemporaryDirectory() as folder:
            mask = Path(folder) / "mask.nc"
            with netCDF4.Dataset(mask, "w") as file, netCDF4.Dataset(SST) as like:
                for name in ("lat", "lon"):
                    file.createDimension(name, len(like[name]))
                    file.createVariable(name, "f8", (name,))[:] = like[name][:]
                    file[name].units = like[name].units
                file.createVariable("m", "i1", ("lat", "lon"))[:] = wanted["basin"]
            np.testing.assert_array_equal(cdo("-ifthen", mask, "-seltimestep,1", SST), valid & wanted["basin"])
            outline = Path(folder) / "outline.txt"
            outline.write_text("\n".join(f"{x} {y}" for x, y in POOL[0][:-1]) + "\n&\n")
            theirs = cdo(f"-maskregion,{outline}", "-seltimestep,1", SST)
            # Whether a cell on an edge is inside, cdo decides in its own way.
            clear = shapely.distance(shapely.Polygon(POOL[0]).exterior, shapely.points(flon, flat)) > 1e-9
            ours = inside([POOL[:1]], flat, flon)
            np.testing.assert_array_equal(theirs[clear], (valid & ours)[clear])
            theirs = cdo("-masklonlatbox,190,240,-5,5", "-seltimestep,1", SST)
            np.testing.assert_array_equal(theirs, valid & wanted["nino34"])

    with netCDF4.Dataset(CURVED) as file:
        name = next(n for n, v in file.variables.items() if v.ndim == 3 and v.dimensions[0] == "time")
        clat, clon = file["TLAT"][:].astype("f8"), file["TLONG"][:].astype("f8")
        field = np.ma.filled(np.ma.masked_invalid(file[name][:].astype("f8")), np.nan)
    clat, clon = np.ma.filled(clat, np.nan), np.ma.filled(clon, np.nan)
    middle = [float(np.nanmedian(clon)), float(np.nanmedian(clat))]
    wide, high = ((np.nanmax(c) - np.nanmin(c)) / 60 for c in (clon, clat))
    ring = [[round(middle[0] + x * wide, 3), round(middle[1] + y * high, 3)] for x, y in ((-20.1, -15.2), (14.3, -9.7), (23.9, 12.8), (-11.2, 17.7))]
    triangle = DATA / "selection_curvilinear.geojson"
    triangle.write_text(json.dumps({"type": "Polygon", "coordinates": [ring + ring[:1]]}) + "\n")
    curved = inside([[ring + ring[:1]]], clat, clon)

    def mean(values, cells):
        with np.errstate(all="ignore"):
            count = (~np.isnan(values)).sum(0)
            mean = np.where(count > 0, np.nansum(values, 0) / np.maximum(count, 1), np.nan)
        return np.where(cells, mean, np.nan)

    with netCDF4.Dataset(HERE / "selections.nc", "w") as file:
        file.command = f"python {Path(__file__).name}; numpy {np.__version__}, shapely {shapely.__version__}"
        file.curvilinear = name
        for dim, size in (("lat", lat.size), ("lon", lon.size), ("y", field.shape[1]), ("x", field.shape[2])):
            file.createDimension(dim, size)
        for key, cells in wanted.items():
            assert 20 < cells.sum() < cells.size / 2, key
            file.createVariable(key, "f8", ("lat", "lon"), zlib=True, complevel=9)[:] = mean(sst, cells)
        assert 10 < curved.sum() < curved.size / 2, curved.sum()
        file.createVariable("curved", "f8", ("y", "x"), zlib=True, complevel=9)[:] = mean(field, curved)


if __name__ == "__main__":
    main()
