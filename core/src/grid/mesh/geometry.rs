//! Places on the unit sphere.

use super::{Mesh, Point};

/// A place as a vector of length 1.
pub(super) type Place = [f64; 3];

pub(super) fn place(lat: f64, lon: f64) -> Place {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// Latitude and longitude in degrees.
pub(super) fn degrees(p: Place) -> [f64; 2] {
    [p[2].clamp(-1.0, 1.0).asin().to_degrees(), p[1].atan2(p[0]).to_degrees()]
}

/// The angle between two places, in radians.
pub(super) fn apart(a: Place, b: Place) -> f64 {
    let chord = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    2.0 * (0.5 * chord).min(1.0).asin()
}

fn unit(v: Place) -> Place {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    v.map(|x| x / length)
}

/// The place in the middle of others.
pub(super) fn middle(places: &[Place]) -> Place {
    unit(std::array::from_fn(|k| places.iter().map(|p| p[k]).sum()))
}

/// Tracer points of a mesh, also a row and column beyond its walls: as far on as the one before.
pub(super) struct Tracers<'m> {
    mesh: &'m Mesh,
    places: Vec<Place>,
}

impl<'m> Tracers<'m> {
    /// Those of a mesh that has latitudes and longitudes at T.
    pub(super) fn of(mesh: &'m Mesh) -> Self {
        let t = Point::T.index();
        let places = mesh.lat[t].iter().zip(&mesh.lon[t]).map(|(lat, lon)| place(*lat, *lon)).collect();
        Self { mesh, places }
    }
    /// The one at a row and column, from -1 on.
    pub(super) fn at(&self, j: isize, i: isize) -> Place {
        if let Some((at, _)) = self.mesh.place(Point::T, j, i) {
            return self.places[at];
        }
        let [rows, columns] = self.mesh.cells.map(|n| n as isize);
        let beyond = |a: Place, b: Place| unit(std::array::from_fn(|k| 2.0 * a[k] - b[k]));
        // Towards the inside of the map; along a single row or column nothing tells.
        let (dj, di) = (inwards(j, rows), inwards(i, columns));
        if dj != 0 && rows > 1 {
            beyond(self.at(j + dj, i), self.at(j + 2 * dj, i))
        } else if di != 0 && columns > 1 {
            beyond(self.at(j, i + di), self.at(j, i + 2 * di))
        } else {
            [f64::NAN; 3]
        }
    }
}

fn inwards(at: isize, len: isize) -> isize {
    match at {
        at if at < 0 => 1,
        at if at >= len => -1,
        _ => 0,
    }
}
