//! Cells between two meridians and two parallels, and what polygons share with them.

use super::polygon::{cut, signed_area, Polygon};
use super::vector::{chord2, cross, dot, place, unit, Place};

/// Widest piece of a cell, in degrees: two meridians have to be less than half a circle apart.
const WIDEST: f64 = 90.0;

/// A cell of a rectilinear grid: its northern and southern sides are parallels, no great circles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rectangle {
    west: f64,
    east: f64,
    /// Sines of the latitudes of its sides.
    south: f64,
    north: f64,
    /// Normals of the planes of its meridians, to the inside.
    meridians: [Place; 2],
}

/// A corner, and whether the side that begins there follows a parallel.
type Corner = (Place, bool);

/// Corners on their way, used again and again.
#[derive(Debug, Default)]
pub(super) struct Room {
    great: [Vec<Place>; 2],
    corners: [Vec<Corner>; 2],
}

impl Rectangle {
    /// The cell between these longitudes and latitudes (degrees, in either order), in pieces that
    /// are not too wide; none if it has no area.
    pub(super) fn pieces(lon: [f64; 2], lat: [f64; 2]) -> Vec<Self> {
        let (west, east) = (lon[0].min(lon[1]), lon[0].max(lon[1]));
        let sine = |v: f64| v.clamp(-90.0, 90.0).to_radians().sin();
        let (south, north) = (sine(lat[0].min(lat[1])), sine(lat[0].max(lat[1])));
        let width = (east - west).min(360.0);
        if !(width > 0.0 && north > south) {
            return Vec::new();
        }
        let count = (width / WIDEST).ceil();
        let edge = |k: f64| if k == count { west + width } else { west + width * k / count };
        (0..count as usize)
            .map(|k| {
                let (west, east) = (edge(k as f64), edge(k as f64 + 1.0));
                let (w, e) = (west.to_radians(), east.to_radians());
                let meridians = [[-w.sin(), w.cos(), 0.0], [e.sin(), -e.cos(), 0.0]];
                Self { west, east, south, north, meridians }
            })
            .collect()
    }

    /// Area in steradians: (λ₂ − λ₁)(sin φ₂ − sin φ₁).
    pub(super) fn area(&self) -> f64 {
        (self.east - self.west).to_radians() * (self.north - self.south)
    }

    /// The least and the greatest of each of its coordinates in space.
    pub(super) fn extent(&self) -> (Place, Place) {
        let across = |s: f64| (1.0 - s * s).max(0.0).sqrt();
        let (a, b) = (across(self.south), across(self.north));
        let widest = if self.south <= 0.0 && self.north >= 0.0 { 1.0 } else { a.max(b) };
        let radii = [a.min(b), widest];
        // Besides its ends, longitudes where a coordinate turns.
        let turns =
            ((self.west / 90.0).ceil() as i64..=(self.east / 90.0).floor() as i64).map(|k| k as f64 * 90.0);
        let longitudes: Vec<f64> = turns.chain([self.west, self.east]).map(f64::to_radians).collect();
        let span = |of: &dyn Fn(f64) -> f64| {
            let all =
                longitudes.iter().flat_map(|&l| radii.iter().map(move |r| (l, *r))).map(|(l, r)| r * of(l));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (x, y) = (span(&f64::cos), span(&f64::sin));
        let slack = 1e-12;
        ([x.0 - slack, y.0 - slack, self.south - slack], [x.1 + slack, y.1 + slack, self.north + slack])
    }

    /// Area that a polygon of great circles shares with the cell, in steradians: the polygon is cut
    /// by the planes of the meridians and then by those of the parallels, and what parallels
    /// bulge over great circles between the same corners is added.
    pub(super) fn shared_area(&self, polygon: &Polygon, room: &mut Room) -> f64 {
        let [from, to] = &mut room.great;
        from.clear();
        from.extend_from_slice(polygon.corners());
        for normal in &self.meridians {
            cut(from, normal, to);
            std::mem::swap(from, to);
            if from.len() < 3 {
                return 0.0;
            }
        }
        let [corners, next] = &mut room.corners;
        corners.clear();
        corners.extend(from.iter().map(|c| (*c, false)));
        for (level, sign) in [(self.south, 1.0), (self.north, -1.0)] {
            // At a pole there is nothing beyond.
            if level.abs() < 1.0 {
                cut_at(corners, level, sign, next);
                std::mem::swap(corners, next);
            }
            if corners.len() < 2 {
                return 0.0;
            }
        }
        let places: Vec<Place> = corners.iter().map(|c| c.0).collect();
        let mut area = if places.len() > 2 { signed_area(&places) } else { 0.0 };
        for (k, (corner, follows)) in corners.iter().enumerate() {
            if *follows {
                area += bulge(corner, &places[(k + 1) % places.len()]);
            }
        }
        area.max(0.0)
    }
}

/// What is left of a polygon where `sign` (z − level) ≥ 0.
fn cut_at(corners: &[Corner], level: f64, sign: f64, out: &mut Vec<Corner>) {
    out.clear();
    let height = |p: &Place| sign * (p[2] - level);
    for (k, (a, follows)) in corners.iter().enumerate() {
        let b = &corners[(k + 1) % corners.len()].0;
        let (from, to) = (height(a), height(b));
        if from >= 0.0 {
            out.push((*a, *follows));
        }
        if *follows {
            // Along another parallel: it doesn't cross this one.
            continue;
        }
        let mut is_inside = from >= 0.0;
        for crossing in crossings(a, b, level) {
            if is_inside {
                // From here to where it comes back it goes along the parallel.
                out.push((crossing, true));
            } else {
                out.push((crossing, false));
            }
            is_inside = !is_inside;
        }
        debug_assert!(is_inside == (to >= 0.0) || from.abs().min(to.abs()) < 1e-9);
    }
    // A corner on the parallel, behind one where the polygon went out.
    let n = out.len();
    for k in 0..n {
        let next = out[(k + 1) % n].0;
        if out[k].1 && (next[2] - out[k].0[2]).abs() > 1e-9 {
            out[k].1 = false;
        }
    }
}

/// Where the shorter great circle from a to b crosses a parallel, in order: none, one or two.
fn crossings(a: &Place, b: &Place, level: f64) -> impl Iterator<Item = Place> {
    let d: Place = std::array::from_fn(|k| b[k] - a[k]);
    // (a + t d) on the cone z = level |…|: p t² + 2 q t + r = 0, beside z ≥ 0 or ≤ 0 as level is.
    let square = level * level;
    let p = d[2] * d[2] - square * dot(&d, &d);
    let q = a[2] * d[2] - square * dot(a, &d);
    let r = a[2] * a[2] - square * dot(a, a);
    let (low, high) = ((a[2] - level), (b[2] - level));
    let mut found: [Option<f64>; 2] = [None; 2];
    let discriminant = q * q - p * r;
    if level == 0.0 {
        if (low < 0.0) != (high < 0.0) {
            found[0] = Some(low / (low - high));
        }
    } else if discriminant > 0.0 && p != 0.0 {
        let root = discriminant.sqrt();
        // Without cancellation.
        let sum = if q > 0.0 { -(q + root) } else { -q + root };
        let mut roots = [sum / p, if sum == 0.0 { f64::NAN } else { r / sum }];
        if roots[0] > roots[1] {
            roots.swap(0, 1);
        }
        let same_side = |t: &f64| (a[2] + t * d[2]) * level > 0.0;
        let inside: Vec<f64> = roots.into_iter().filter(|t| *t > 0.0 && *t < 1.0).filter(same_side).collect();
        let crosses_once = (low < 0.0) != (high < 0.0);
        match (crosses_once, inside.as_slice()) {
            // Rounding may lose a root at an end, or find one that is none.
            (true, []) => found[0] = Some((low / (low - high)).clamp(0.0, 1.0)),
            (true, [t]) => found[0] = Some(*t),
            (true, [s, t]) => found[0] = Some(if low.abs() < high.abs() { *t } else { *s }),
            (false, [s, t]) => found = [Some(*s), Some(*t)],
            _ => {}
        }
    } else if (low < 0.0) != (high < 0.0) {
        found[0] = Some(low / (low - high));
    }
    let (a, across) = (*a, (1.0 - square).max(0.0).sqrt());
    found.into_iter().flatten().map(move |t| {
        let at: Place = std::array::from_fn(|k| a[k] + t * d[k]);
        // On the parallel to the last digit.
        let length = at[0].hypot(at[1]);
        if length > 0.0 {
            [at[0] / length * across, at[1] / length * across, level]
        } else {
            unit(&at)
        }
    })
}

/// Area between the great circle and the parallel from a to b, positive if the parallel
/// encloses more to its left: Δλ (1 − |sin φ|) is the area to the pole of the same hemisphere.
fn bulge(a: &Place, b: &Place) -> f64 {
    let turn = cross(a, b)[2].atan2(a[0] * b[0] + a[1] * b[1]);
    if turn == 0.0 || chord2(a, b) == 0.0 {
        return 0.0;
    }
    let sine = 0.5 * (a[2] + b[2]);
    let pole = place(if sine < 0.0 { -90.0 } else { 90.0 }, 0.0);
    let pole = [0.0, 0.0, pole[2].signum()];
    let sector = turn * (1.0 - sine.abs()) * pole[2];
    sector - signed_area(&[pole, *a, *b])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quad(w: f64, e: f64, s: f64, n: f64) -> Polygon {
        Polygon::new(&[place(s, w), place(s, e), place(n, e), place(n, w)]).unwrap()
    }

    #[test]
    fn rectangles_in_and_around_polygons() {
        let mut room = Room::default();
        for (s, n) in [(40.0, 44.0), (-62.0, -55.0), (-3.0, 4.0), (0.0, 5.0), (86.0, 90.0)] {
            let cell = &Rectangle::pieces([10.0, 18.0], [s, n])[0];
            let sine = |v: f64| v.to_radians().sin();
            assert!((cell.area() - 8f64.to_radians() * (sine(n) - sine(s))).abs() < 1e-15);
            // A polygon that holds the cell shares all of it.
            let around = Polygon::new(&[
                place(s - 4.0, 2.0),
                place(s - 4.0, 26.0),
                place((n + 4.0).min(90.0), 26.0),
                place((n + 4.0).min(90.0), 2.0),
            ]);
            let shared = cell.shared_area(&around.unwrap(), &mut room);
            assert!((shared / cell.area() - 1.0).abs() < 1e-12, "{s} {n}: {}", shared / cell.area() - 1.0);
        }
    }

    #[test]
    fn rectangles_cover_polygons() {
        let mut room = Room::default();
        let slanted =
            Polygon::new(&[place(51.0, 3.0), place(48.5, 11.0), place(57.0, 14.0), place(58.0, 4.0)])
                .unwrap();
        let flat = quad(5.0, 35.0, 60.2, 60.3);
        let polar = Polygon::new(&[place(80.0, 0.0), place(78.0, 120.0), place(82.0, 240.0)]).unwrap();
        let southern = quad(-20.0, 15.0, -71.0, -64.0);
        for polygon in [&slanted, &flat, &polar, &southern] {
            for step in [1.7, 0.61, 7.0] {
                let mut sum = 0.0;
                let (nx, ny) = ((360.0f64 / step).ceil() as usize, (180.0f64 / step).ceil() as usize);
                for j in 0..ny {
                    for i in 0..nx {
                        let (w, s) =
                            (-33.0 + 360.0 * i as f64 / nx as f64, -90.0 + 180.0 * j as f64 / ny as f64);
                        let (e, n) = (w + 360.0 / nx as f64, -90.0 + 180.0 * (j + 1) as f64 / ny as f64);
                        for cell in Rectangle::pieces([w, e], [s, n]) {
                            sum += cell.shared_area(polygon, &mut room);
                        }
                    }
                }
                assert!((sum / polygon.area() - 1.0).abs() < 1e-11, "{step}: {}", sum / polygon.area() - 1.0);
            }
        }
    }

    #[test]
    fn wide_cells_come_in_pieces() {
        let whole = Rectangle::pieces([0.0, 360.0], [-90.0, 90.0]);
        let sum: f64 = whole.iter().map(Rectangle::area).sum();
        assert!(whole.len() == 4 && (sum - 4.0 * std::f64::consts::PI).abs() < 1e-14);
        assert!(Rectangle::pieces([5.0, 5.0], [0.0, 1.0]).is_empty());
        let (low, high) = Rectangle::pieces([80.0, 100.0], [-10.0, 20.0])[0].extent();
        assert!((high[1] - 1.0).abs() < 1e-10 && low[2] < -0.17 && high[2] > 0.34 && low[0] < -0.17);
    }
}
