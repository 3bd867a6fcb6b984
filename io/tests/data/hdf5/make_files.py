"""Makes the HDF5 files in which chunks are indexed, filtered and typed in every way that the
direct reader covers, and some that it does not. Needs h5py and numpy.

    python make_files.py DIRECTORY
"""
import sys
import h5py
import numpy as np

where = sys.argv[1]
rng = np.random.default_rng(3)
values = (np.arange(7 * 10 * 9, dtype="f4").reshape(7, 10, 9) / 7).round(3)
values[2, 3:5] = np.nan


def new(name, **kw):
    return h5py.File(f"{where}/{name}.h5", "w", **kw)


# Every index: single chunk, implicit, fixed array, extensible array, v2 and v1 B-tree.
def indexes(file, **filters):
    def add(name, chunks, maxshape=None, early=False, data=values):
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if early:
            create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple(data.shape, maxshape or data.shape)
        create.set_chunk(chunks)
        if filters.get("shuffle"):
            create.set_shuffle()
        if filters.get("gzip"):
            create.set_deflate(4)
        if filters.get("fletcher32"):
            create.set_fletcher32()
        create.set_fill_value(np.array(-5, dtype=data.dtype))
        kind = h5py.h5t.py_create(data.dtype)
        d = h5py.h5d.create(file.id, name.encode(), kind, space, create)
        return h5py.Dataset(d), data

    unlimited = h5py.h5s.UNLIMITED
    for name, args in {
        "single": dict(chunks=(7, 10, 9)),
        "fixed": dict(chunks=(2, 4, 5)),
        "extensible": dict(chunks=(2, 4, 5), maxshape=(unlimited, 10, 9)),
        "extensible_inner": dict(chunks=(2, 4, 5), maxshape=(7, unlimited, 20)),
        "tree": dict(chunks=(2, 4, 5), maxshape=(unlimited, unlimited, 9)),
    }.items():
        d, data = add(name, **args)
        d[...] = data
        if name != "single":
            d, data = add(name + "_holes", **args)
            d[2:4, 4:8, 0:5] = data[2:4, 4:8, 0:5]
            d[6, 9, 8] = 3.5
    if not filters:
        d, data = add("implicit", chunks=(2, 4, 5), early=True)
        d[...] = data
    # Indexes of many blocks and pages, which only the newer ones have.
    new_indexes = file.libver[0] != "earliest"
    d, data = add("long", chunks=(1,), maxshape=(unlimited,), data=np.arange(1500 if new_indexes else 150, dtype="i2"))
    d[...] = data
    d, data = add("paged", chunks=(1,), data=np.arange(2500 if new_indexes else 150, dtype="i2"))
    d[:len(data) // 2] = data[:len(data) // 2]


for name, kw in {"plain": {}, "filtered": dict(shuffle=True, gzip=True, fletcher32=True)}.items():
    for libver in ("earliest", "v110"):
        with new(f"{name}_{libver}", libver=(libver, "v110")) as f:
            indexes(f, **kw)

with new("types") as f:
    for code in "i1 u1 i2 u2 i4 u4 i8 u8 f4 f8".split():
        for order in "<>" if code[1] != "1" else "<":
            info = np.iinfo(code) if code[0] != "f" else np.finfo(code)
            data = rng.integers(0, 100, 24).astype(order + code).reshape(4, 6)
            data[0, 0], data[0, 1] = info.min, info.max
            name = code + ("le" if order == "<" else "be")
            f.create_dataset(name + "_chunked", data=data, chunks=(3, 4), compression="gzip", shuffle=True)
            f.create_dataset(name + "_together", data=data)
            f.create_dataset(name + "_scalar", data=data[1, 1])
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32BE, h5py.h5s.create_simple((4, 6)), compact)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(24, dtype="f4").reshape(4, 6))
    f.create_dataset("unwritten", (4, 6), "f4", fillvalue=2.5)
    f.create_dataset("unwritten_chunks", (4, 6), "f4", fillvalue=2.5, chunks=(3, 4))
    never = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    never.set_chunk((3, 4))
    never.set_fill_value(np.array(2.5, dtype="f4"))
    never.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    h5py.h5d.create(f.id, b"never_filled", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 6)), never)
    f.create_dataset("empty", (0, 6), "f4", chunks=(3, 4), maxshape=(None, 6))
    f.create_dataset("half", data=np.arange(24, dtype="f2").reshape(4, 6))
    f.create_dataset("null", data=h5py.Empty("f4"))
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_chunk((3, 4))
    create.set_filter(h5py.h5z.FILTER_NBIT, 0)
    d = h5py.h5d.create(f.id, b"nbit_full", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((4, 6)), create)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(24, dtype="i4").reshape(4, 6) - 12)
    f.create_dataset("lzf", data=values, chunks=(2, 4, 5), compression="lzf", shuffle=True)
    f.create_dataset("scaled", data=values[3:] * 10, chunks=(2, 4, 5), scaleoffset=2)
    f.create_dataset("scaled_int", data=np.arange(24).reshape(4, 6) - 5, chunks=(3, 4), scaleoffset=True)
    if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        f.create_dataset("szip", data=np.arange(4096, dtype="f4").reshape(64, 64), chunks=(64, 32),
                         compression="szip")
        f.create_dataset("szip_short", data=np.arange(4096, dtype="i2").reshape(64, 64), chunks=(64, 32),
                         compression="szip", compression_opts=("ec", 8))

with new("behind_a_user_block", userblock_size=512) as f:
    f.create_dataset("chunked", data=values, chunks=(2, 4, 5), compression="gzip")
    f.create_dataset("together", data=values)
