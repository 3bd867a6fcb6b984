//! Sections: paths from corner to corner of a mesh that stay near to great circles.

use super::faces::Face;
use super::velocities::VelocityMesh;
use halocline_core::grid::mesh::Point;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

/// A section on the mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Its faces, from the first point to the last, positive to the right.
    pub faces: Vec<Face>,
    /// The corners that it goes through, longitude and latitude in degrees: one more than faces.
    pub corners: Vec<[f64; 2]>,
    /// How far its points are from the corners that they were moved to.
    pub stops: Vec<Stop>,
}

/// How far a point is from the nearest corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// The angle between both in radians.
    pub away: f64,
    /// In sizes of the cells there: of the longest way to the next corner.
    pub cells: f64,
}

/// Why there is no section through points, which are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoPath {
    /// All are at one corner, or there is none.
    OneCorner,
    /// A point is so far from the grid, as an angle in radians.
    Far {
        /// Which.
        point: usize,
        /// How far.
        away: f64,
    },
    /// No faces lead from a point to the next one.
    NoWay {
        /// The first of both.
        point: usize,
    },
}

/// What a step costs beside its way off the line, as a share of its length: of ways as near to the
/// line the shortest is taken.
const LENGTH: f64 = 1e-6;

/// The path along faces that is nearest to a broken line through `points` (longitude and latitude in
/// degrees): between the corners nearest to two points it goes from corner to corner, across seams and
/// folds too, so that the area between it and the great circle is the least. Closed if the last point
/// is the first.
///
/// # Errors
/// [`NoPath`] if a point is more than `within` cells from the nearest corner, all are at one, or no
/// faces lead from one to the next.
pub fn section_line(
    on: &VelocityMesh,
    points: &[[f64; 2]],
    within: f64,
) -> std::result::Result<Path, NoPath> {
    let corners = Corners::of(on);
    let (mut at, mut stops) = (Vec::with_capacity(points.len()), Vec::with_capacity(points.len()));
    for (point, place) in points.iter().enumerate() {
        let (corner, stop) = corners.nearest(place).ok_or(NoPath::OneCorner)?;
        if stop.cells > within {
            return Err(NoPath::Far { point, away: stop.away });
        }
        at.push(corner);
        stops.push(stop);
    }
    let first = *at.first().ok_or(NoPath::OneCorner)?;
    let mut path = Path { faces: Vec::new(), corners: vec![corners.degrees(first)], stops };
    for (point, pair) in at.windows(2).enumerate() {
        if pair[0] != pair[1] {
            corners.go(pair[0], pair[1], &mut path).ok_or(NoPath::NoWay { point })?;
        }
    }
    if path.faces.is_empty() {
        return Err(NoPath::OneCorner);
    }
    Ok(path)
}

type Place = [f64; 3];

/// Corners with a cell on all four sides, as places on the unit sphere, NaN elsewhere. Numbered by the
/// rows and columns of the topology, each where it stands first.
struct Corners<'m> {
    on: &'m VelocityMesh,
    places: Vec<Place>,
}

/// A corner on the way, nearest first.
#[derive(PartialEq)]
struct Next(f64, usize);

impl Eq for Next {}
impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

impl<'m> Corners<'m> {
    fn of(on: &'m VelocityMesh) -> Self {
        let (mesh, topology) = (&on.mesh, on.mesh.topology);
        let (t, f) = (Point::T.index(), Point::F.index());
        let unknown = [f64::NAN; 3];
        let place = |j: isize, i: isize| -> Place {
            if topology.first_place(Point::F, j, i) != (j, i, false) {
                return unknown;
            }
            let mut sum = [0.0; 3];
            for (dj, di) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let Some((at, _)) = mesh.place(Point::T, j + dj, i + di) else { return unknown };
                let p = on_sphere(mesh.lon[t][at], mesh.lat[t][at]);
                (0..3).for_each(|d| sum[d] += p[d]);
            }
            let own = mesh.place(Point::F, j, i).and_then(|(at, _)| {
                let (lon, lat) = (mesh.lon[f].get(at)?, mesh.lat[f].get(at)?);
                Some(on_sphere(*lon, *lat)).filter(|p| p.iter().all(|x| x.is_finite()))
            });
            // Else in the middle of its cells.
            let length = dot(&sum, &sum).sqrt();
            own.unwrap_or_else(|| sum.map(|x| x / length))
        };
        let first = topology.first as isize;
        let places = (0..topology.rows as isize)
            .flat_map(|j| (first..first + topology.columns as isize).map(move |i| (j, i)))
            .map(|(j, i)| place(j, i))
            .collect();
        Self { on, places }
    }

    fn nearest(&self, [lon, lat]: &[f64; 2]) -> Option<(usize, Stop)> {
        let wanted = on_sphere(*lon, *lat);
        let mut best = (f64::INFINITY, None);
        for (k, place) in self.places.iter().enumerate() {
            let d = apart(&wanted, place);
            if d < best.0 {
                best = (d, Some(k));
            }
        }
        let corner = best.1?;
        let of = |next: usize| apart(&self.places[corner], &self.places[next]);
        let size = self.steps(corner).map(|(next, _)| of(next)).fold(0.0, f64::max);
        let angle = |square: f64| 2.0 * (0.5 * square.sqrt()).min(1.0).asin();
        let away = angle(best.0);
        // A corner without any beside it is near to itself alone.
        let cells = if away > 0.0 { away / angle(size) } else { 0.0 };
        Some((corner, Stop { away, cells }))
    }

    fn degrees(&self, k: usize) -> [f64; 2] {
        let p = self.places[k];
        [p[1].atan2(p[0]).to_degrees(), p[2].clamp(-1.0, 1.0).asin().to_degrees()]
    }

    /// The corners one step away, with the face that is crossed: positive to the right.
    fn steps(&self, k: usize) -> impl Iterator<Item = (usize, Face)> + '_ {
        let topology = self.on.mesh.topology;
        let (columns, first) = (topology.columns, topology.first as isize);
        let (j, i) = ((k / columns) as isize, first + (k % columns) as isize);
        let [y, x] = self.on.signs();
        // Along the index right is right where rows go north and columns east, or both not.
        let hand = x * y;
        let ways = [
            ((j + 1, i), (Point::U, j + 1, i), hand),
            ((j - 1, i), (Point::U, j, i), -hand),
            ((j, i + 1), (Point::V, j, i + 1), -hand),
            ((j, i - 1), (Point::V, j, i), hand),
        ];
        ways.into_iter().filter_map(move |((row, column), (point, fj, fi), right)| {
            let (row, column, _) = topology.first_place(Point::F, row, column);
            let inside = (0..topology.rows as isize).contains(&row)
                && (first..first + columns as isize).contains(&column);
            let to = inside.then(|| row as usize * columns + (column - first) as usize)?;
            let face = self.on.face(point, fj, fi)?;
            let is_there = !self.places[to][0].is_nan() && to != k;
            is_there.then_some((to, Face { sign: face.sign * right, ..face }))
        })
    }

    /// Adds the way between two corners to a path.
    fn go(&self, from: usize, to: usize, path: &mut Path) -> Option<()> {
        let line = Arc::between(self.places[from], self.places[to]);
        let mut reached: HashMap<usize, (f64, Option<(usize, Face)>)> = HashMap::from([(from, (0.0, None))]);
        let mut heap = BinaryHeap::from([Reverse(Next(0.0, from))]);
        while let Some(Reverse(Next(cost, at))) = heap.pop() {
            if at == to {
                break;
            }
            if cost > reached.get(&at)?.0 {
                continue;
            }
            let own = line.off(&self.places[at]);
            for (next, face) in self.steps(at) {
                let place = &self.places[next];
                let off = 0.5 * (own + line.off(place));
                let cost = cost + apart(&self.places[at], place).sqrt() * (off + LENGTH);
                if reached.get(&next).is_none_or(|(known, _)| cost < *known) {
                    reached.insert(next, (cost, Some((at, face))));
                    heap.push(Reverse(Next(cost, next)));
                }
            }
        }
        let (mut at, mut back) = (to, Vec::new());
        while let Some((before, face)) = reached.get(&at)?.1 {
            back.push((at, face));
            at = before;
        }
        for (corner, face) in back.into_iter().rev() {
            path.faces.push(face);
            path.corners.push(self.degrees(corner));
        }
        Some(())
    }
}

/// The part of a great circle between two places.
struct Arc {
    ends: [Place; 2],
    normal: Place,
}

impl Arc {
    fn between(a: Place, b: Place) -> Self {
        let normal = cross(&a, &b);
        let length = dot(&normal, &normal).sqrt();
        // Of places opposite one another any circle is as good.
        let normal = if length > 1e-12 { normal.map(|x| x / length) } else { [0.0; 3] };
        Self { ends: [a, b], normal }
    }
    /// How far a place is off it.
    fn off(&self, p: &Place) -> f64 {
        let [a, b] = &self.ends;
        let beside = dot(&cross(&self.normal, a), p) >= 0.0 && dot(&cross(b, &self.normal), p) >= 0.0;
        if beside {
            dot(&self.normal, p).abs()
        } else {
            apart(a, p).min(apart(b, p)).sqrt()
        }
    }
}

fn on_sphere(lon: f64, lat: f64) -> Place {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}
/// The square of the chord.
fn apart(a: &Place, b: &Place) -> f64 {
    (0..3).map(|d| (a[d] - b[d]) * (a[d] - b[d])).sum()
}
fn dot(a: &Place, b: &Place) -> f64 {
    (0..3).map(|d| a[d] * b[d]).sum()
}
fn cross(a: &Place, b: &Place) -> Place {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
