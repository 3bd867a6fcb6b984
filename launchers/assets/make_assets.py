#!/usr/bin/env python3
"""Makes the files that the plots embed; run once, results are kept in the repository.

    python3 make_assets.py coast land-110m.json            > coast.txt
    python3 make_assets.py font NotoSans-Regular.ttf OUT.ttf     (needs fontTools)

`coast` turns TopoJSON into one polyline per line: the first point, then differences,
all in hundredths of a degree, longitude before latitude.
"""
import json
import sys


def coast(path):
    topology = json.load(open(path))
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((round(100 * (x * sx + tx)), round(100 * (y * sy + ty))))
        # Polygons are closed along the date line and around the south pole: that is no coast.
        piece = points[:1]
        for a, b in zip(points, points[1:]):
            if abs(a[0]) >= 17999 and abs(b[0]) >= 17999 or (a[1] <= -8990 and b[1] <= -8990):
                write(piece)
                piece = [b]
            elif abs(b[0] - a[0]) > 18000:
                # Over the date line: end at one side, go on at the other.
                side = 18000 if a[0] > 0 else -18000
                far = b[0] + 2 * side
                y = round(a[1] + (b[1] - a[1]) * (side - a[0]) / ((far - a[0]) or 1))
                write(piece + [(side, y)])
                piece = [(-side, y), b]
            elif a != b:
                piece.append(b)
        write(piece)


def write(points):
    if len(points) > 1:
        numbers = list(points[0])
        for a, b in zip(points, points[1:]):
            numbers += [b[0] - a[0], b[1] - a[1]]
        print(*numbers)


def font(source, target):
    from fontTools import subset, ttLib

    face = ttLib.TTFont(source)
    # Noto Sans has no minus sign; its en dash is drawn the same.
    for table in face["cmap"].tables:
        if table.isUnicode() and 0x2013 in table.cmap:
            table.cmap[0x2212] = table.cmap[0x2013]
    options = subset.Options(hinting=False, layout_features=[], name_IDs=["*"])
    subsetter = subset.Subsetter(options)
    ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x2027), (0x2030, 0x2033),
              (0x2070, 0x209C), (0x2190, 0x2193), (0x2200, 0x2265), (0xFFFD, 0xFFFD)]
    subsetter.populate(unicodes=[u for low, high in ranges for u in range(low, high + 1)])
    subsetter.subset(face)
    face.save(target)


if __name__ == "__main__":
    {"coast": coast, "font": font}[sys.argv[1]](*sys.argv[2:])
