#!/usr/bin/env python3
"""Two datasets with room to grow to a finite shape, whose chunk indexes count in the grid of that
larger shape: `x` by a fixed array, `y` implicitly. Made with h5py 3.16:

    python3 make_growing.py growing.nc
"""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1], "w", libver=("v110", "v110"), track_order=True) as f:
    values = (np.arange(6) + 1.0).reshape(1, 3, 2).astype("f4")
    most, chunk = (1, 3, 4), (1, 1, 1)
    x = f.create_dataset("x", data=values, maxshape=most, chunks=chunk)
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk(chunk)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    early.set_attr_creation_order(3)
    space = h5py.h5s.create_simple(values.shape, most)
    y = h5py.Dataset(h5py.h5d.create(f.id, b"y", h5py.h5t.IEEE_F32LE, space, early))
    y[...] = values
    for d, (name, points, units) in enumerate(
        [("time", [0.0], "days since 2000-01-01"), ("lat", [0.0, 1.0, 2.0], "degrees_north"), ("lon", [0.0, 1.0], "degrees_east")]
    ):
        room = {"maxshape": (4,), "chunks": (1,)} if name == "lon" else {}
        scale = f.create_dataset(name, data=np.array(points), **room)
        scale.make_scale(name)
        scale.attrs["units"] = np.bytes_(units)
        for data in (x, y):
            data.dims[d].attach_scale(scale)
