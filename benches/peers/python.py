"""What the Python packages do for the same work: python.py TASK TOOL INPUT OUTPUT (see analyses.py)."""
import sys


def stats(tool, source):
    import xarray as xr

    chunks = {"time": 60} if tool == "dask" else None
    return xr.open_dataset(source, chunks=chunks)["sst"].mean("time").to_dataset()


def anomalies(tool, source):
    import xarray as xr

    chunks = {"time": 60} if tool == "dask" else None
    sst = xr.open_dataset(source, chunks=chunks)["sst"]
    return (sst.groupby("time.month") - sst.groupby("time.month").mean()).to_dataset()


def percentiles(tool, source):
    import xarray as xr

    return xr.open_dataset(source)["sst"].quantile([0.1, 0.5, 0.9], "time").to_dataset()


def eof(tool, source):
    import numpy as np
    import xarray as xr
    from eofs.xarray import Eof

    sst = xr.open_dataset(source)["sst"]
    sst = (sst.groupby("time.month") - sst.groupby("time.month").mean()).drop_vars("month")
    weights = np.sqrt(np.cos(np.deg2rad(sst.lat)).clip(0, 1)).values[:, None]
    return Eof(sst, weights=weights).eofsAsCovariance(neofs=10).to_dataset(name="eof")


def welch(tool, source):
    import scipy.signal
    import xarray as xr

    pr = xr.open_dataset(source)["pr"]
    f, p = scipy.signal.welch(pr.values, nperseg=256, noverlap=128, axis=0)
    return xr.Dataset({"power": (("frequency", "lat", "lon"), p)}, {"frequency": f, "lat": pr.lat, "lon": pr.lon})


def overturning(tool, source):
    """Sums along latitude and from the bottom, and the heat transport: 1e6 kg s-1 and PW, near enough."""
    import numpy as np
    import xarray as xr

    chunks = {"time": 6} if tool == "dask" else None
    both = xr.open_mfdataset(source.split(","), chunks=chunks) if chunks else xr.merge(map(xr.open_dataset, source.split(",")))
    edges = both.lev_bnds.isel(time=0) if "time" in both.lev_bnds.dims else both.lev_bnds
    dz = (edges[:, 1] - edges[:, 0]).drop_vars("lev", errors="ignore")
    dx = 6371e3 * np.deg2rad(360 / both.sizes["lon"]) * np.cos(np.deg2rad(both.lat))
    flux = both.vo * dz * dx * 1026
    moc = -flux.sum("lon").isel(lev=slice(None, None, -1)).cumsum("lev").isel(lev=slice(None, None, -1))
    heat = 3992 * (flux * both.thetao).sum(["lon", "lev"])
    return xr.Dataset({"moc": moc, "heat": heat})


if __name__ == "__main__":
    task, tool, source, target = sys.argv[1:]
    globals()[task](tool, source).to_netcdf(target)
