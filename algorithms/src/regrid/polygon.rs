//! Convex polygons on the unit sphere, whose sides are arcs of great circles.

use super::vector::{chord2, cross, dot, minus, unit, Place};

/// Corners that are nearer to each other than this are one (some micrometres on the Earth).
const SAME: f64 = 1e-12;

/// A convex polygon, its corners anticlockwise as seen from outside the sphere.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polygon {
    corners: Vec<Place>,
}

impl Polygon {
    /// The polygon with these corners, in either order; corners that are given twice are one.
    /// `None`, if fewer than three differ, one is not finite, or there is no area.
    pub fn new(corners: &[Place]) -> Option<Self> {
        let mut kept: Vec<Place> = Vec::with_capacity(corners.len());
        for corner in corners {
            if corner.iter().any(|v| !v.is_finite()) {
                return None;
            }
            if kept.iter().all(|k| chord2(k, corner) > SAME * SAME) {
                kept.push(*corner);
            }
        }
        if kept.len() < 3 {
            return None;
        }
        let mut polygon = Self { corners: kept };
        let area = polygon.signed_area();
        if area < 0.0 {
            polygon.corners.reverse();
        }
        (area != 0.0).then_some(polygon)
    }

    /// The corners.
    pub fn corners(&self) -> &[Place] {
        &self.corners
    }

    /// Area in steradians.
    pub fn area(&self) -> f64 {
        self.signed_area().max(0.0)
    }

    fn signed_area(&self) -> f64 {
        signed_area(&self.corners)
    }

    /// Whether no corner is turned inwards. Clipping is exact for such polygons only.
    pub fn is_convex(&self) -> bool {
        let n = self.corners.len();
        (0..n).all(|i| {
            let (a, b, c) = (&self.corners[i], &self.corners[(i + 1) % n], &self.corners[(i + 2) % n]);
            dot(&cross(&minus(b, a), &minus(c, b)), b) > -SAME
        })
    }

    /// Convex polygons that make up the one with these corners: itself, if it is convex, else
    /// triangles, cut off one corner after the other. Empty if there is no area; `None` if its
    /// sides cross each other.
    pub fn pieces(corners: &[Place]) -> Option<Vec<Self>> {
        let Some(whole) = Self::new(corners) else { return Some(Vec::new()) };
        if whole.is_convex() {
            return Some(vec![whole]);
        }
        let mut rest = whole.corners;
        let mut pieces = Vec::with_capacity(rest.len() - 2);
        while rest.len() > 3 {
            let n = rest.len();
            let ear = (0..n).find(|&i| {
                let triangle = [rest[(i + n - 1) % n], rest[i], rest[(i + 1) % n]];
                let others = (2..n - 1).map(|k| &rest[(i + k) % n]);
                turns_left(&triangle) && others.into_iter().all(|p| !holds(&triangle, p))
            })?;
            pieces.extend(Self::new(&[rest[(ear + n - 1) % n], rest[ear], rest[(ear + 1) % n]]));
            rest.remove(ear);
        }
        if !turns_left(&[rest[0], rest[1], rest[2]]) {
            return None;
        }
        pieces.extend(Self::new(&rest));
        Some(pieces)
    }

    /// Area that this polygon shares with another, in steradians; `room` is scratch.
    ///
    /// The corners of this polygon are cut by the plane of each side of the other in turn
    /// (Sutherland and Hodgman 1974, doi:10.1145/360767.360802): both have to be convex and
    /// smaller than a hemisphere.
    pub fn shared_area(&self, other: &Self, room: &mut Scratch) -> f64 {
        let Scratch { from, to } = room;
        from.clear();
        from.extend_from_slice(&self.corners);
        let n = other.corners.len();
        for i in 0..n {
            let (a, b) = (&other.corners[i], &other.corners[(i + 1) % n]);
            // The normal of the plane through the side, not of unit length: only signs and ratios
            // of distances count.
            let normal = cross(a, &minus(b, a));
            cut(from, &normal, to);
            std::mem::swap(from, to);
            if from.len() < 3 {
                return 0.0;
            }
        }
        signed_area(from).max(0.0)
    }
}

/// Whether a triangle is anticlockwise.
fn turns_left([a, b, c]: &[Place; 3]) -> bool {
    dot(a, &cross(&minus(b, a), &minus(c, a))) > 0.0
}

/// Whether a place lies in an anticlockwise triangle or on its sides.
fn holds([a, b, c]: &[Place; 3], p: &Place) -> bool {
    [(a, b), (b, c), (c, a)].into_iter().all(|(a, b)| dot(p, &cross(a, &minus(b, a))) >= 0.0)
}

/// Corners on their way, used again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    from: Vec<Place>,
    to: Vec<Place>,
}

/// What is left of a polygon on the side of a plane where its normal points to.
pub(super) fn cut(corners: &[Place], normal: &Place, out: &mut Vec<Place>) {
    out.clear();
    let Some(mut last) = corners.last() else { return };
    let mut before = dot(last, normal);
    for corner in corners {
        let here = dot(corner, normal);
        if (before > 0.0 && here < 0.0) || (before < 0.0 && here > 0.0) {
            // On the chord, and so, once it has unit length, on the arc.
            let share = before / (before - here);
            out.push(unit(&std::array::from_fn(|k| last[k] + share * (corner[k] - last[k]))));
        }
        if here >= 0.0 {
            out.push(*corner);
        }
        (last, before) = (corner, here);
    }
}

/// The sum of the areas of the triangles that each side makes with the first corner (van Oosterom
/// and Strackee 1983, doi:10.1109/TBME.1983.325207): tan(Ω/2) = a·(b×c) / (1 + a·b + b·c + c·a).
/// The product is taken of differences, so that small triangles keep their digits.
pub(super) fn signed_area(corners: &[Place]) -> f64 {
    let Some(a) = corners.first() else { return 0.0 };
    corners[1..]
        .windows(2)
        .map(|pair| {
            let (b, c) = (&pair[0], &pair[1]);
            let volume = dot(a, &cross(&minus(b, a), &minus(c, a)));
            2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::vector::place;
    use super::*;
    use std::f64::consts::PI;

    fn quad(w: f64, e: f64, s: f64, n: f64) -> Polygon {
        Polygon::new(&[place(s, w), place(s, e), place(n, e), place(n, w)]).unwrap()
    }

    #[test]
    fn an_octant() {
        let octant = Polygon::new(&[place(0.0, 0.0), place(0.0, 90.0), place(90.0, 0.0)]).unwrap();
        assert!((octant.area() - PI / 2.0).abs() < 1e-14);
        let turned = Polygon::new(&[place(90.0, 0.0), place(0.0, 90.0), place(0.0, 0.0)]).unwrap();
        assert!((turned.area() - PI / 2.0).abs() < 1e-14 && octant.is_convex());
    }

    #[test]
    fn pieces_make_the_whole() {
        let mut room = Scratch::default();
        let cell = quad(10.0, 12.0, 50.0, 51.5);
        // Quads with shared sides cover the cell.
        let mut sum = 0.0;
        for i in 0..9 {
            for j in 0..9 {
                let (w, s) = (9.5 + 0.37 * f64::from(i), 49.6 + 0.29 * f64::from(j));
                sum += cell.shared_area(&quad(w, w + 0.37, s, s + 0.29), &mut room);
            }
        }
        assert!((sum / cell.area() - 1.0).abs() < 1e-12, "{}", sum / cell.area() - 1.0);
        assert!((cell.shared_area(&cell, &mut room) / cell.area() - 1.0).abs() < 1e-14);
        assert!(cell.shared_area(&quad(12.0, 14.0, 50.0, 51.5), &mut room) < 1e-15 * cell.area());
        assert_eq!(cell.shared_area(&quad(190.0, 192.0, -51.5, -50.0), &mut room), 0.0);
    }

    #[test]
    fn corners_at_a_pole_and_nonsense() {
        let cap = Polygon::new(&[place(80.0, 0.0), place(80.0, 90.0), place(90.0, 90.0), place(90.0, 0.0)]);
        assert_eq!(cap.unwrap().corners().len(), 3);
        assert!(Polygon::new(&[place(0.0, 0.0), place(0.0, 1.0), place(0.0, 1.0)]).is_none());
        assert!(Polygon::new(&[place(0.0, f64::NAN), place(0.0, 1.0), place(1.0, 1.0)]).is_none());
        let dent = [place(0.0, 0.0), place(0.0, 4.0), place(1.0, 1.0), place(4.0, 0.0)];
        assert!(!Polygon::new(&dent).unwrap().is_convex());
        let pieces = Polygon::pieces(&dent).unwrap();
        let sum: f64 = pieces.iter().map(Polygon::area).sum();
        assert!((sum / Polygon::new(&dent).unwrap().area() - 1.0).abs() < 1e-13 && pieces.len() == 2);
        assert!(pieces.iter().all(Polygon::is_convex));
        let bow = [place(0.0, 0.0), place(4.0, 4.1), place(0.0, 4.0), place(4.0, 0.0)];
        assert!(Polygon::pieces(&bow).is_none());
    }
}
