"""What an HDF5 file can have and NetCDF does not see: `python make_unseen.py unseen.h5`."""

import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1], "w", libver=("earliest", "v108")) as f:
    f["x"] = np.arange(3, dtype="f4")
    f["flags"] = np.array([True, False, True])
    f["pair"] = np.array([(1, 2.0), (3, 1)], dtype=[("a", "i4"), ("b", "f8")])
    f["half"] = np.arange(3.0)
    f["link"] = np.array([f["x"].ref], dtype=h5py.ref_dtype)
    f["x"].attrs["sure"] = np.bool_(True)
    f["x"].attrs["where"] = f["x"].ref
    f["x"].attrs["per/day"] = 1
    f.attrs["both"] = np.array([True, True])
    g = f.create_group("g")
    g["deep"] = np.array([True])
    g["y"] = np.arange(2.0)
    g.attrs["ok"] = np.bool_(True)
