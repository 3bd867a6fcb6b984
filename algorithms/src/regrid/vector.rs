//! Places on the unit sphere as vectors.

use std::array::from_fn;

/// A place on the unit sphere.
pub type Place = [f64; 3];

/// The place at a latitude and longitude, in degrees.
pub fn place(lat: f64, lon: f64) -> Place {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

pub(super) fn dot(a: &Place, b: &Place) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: &Place, b: &Place) -> Place {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn minus(a: &Place, b: &Place) -> Place {
    from_fn(|k| a[k] - b[k])
}

pub(super) fn unit(a: &Place) -> Place {
    let length = dot(a, a).sqrt();
    from_fn(|k| a[k] / length)
}

/// The square of the length of the chord between two places.
pub(super) fn chord2(a: &Place, b: &Place) -> f64 {
    let d = minus(a, b);
    dot(&d, &d)
}
