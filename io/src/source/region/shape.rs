//! Shapes on the globe.

use super::ring::{Ring, Side};
use crate::source::lonlat::LonLatBox;

/// A ring and the holes in it.
#[derive(Debug, Clone)]
pub(super) struct Polygon {
    pub(super) outer: Ring,
    pub(super) holes: Vec<Ring>,
}

/// Part of a region.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Box(LonLatBox),
    Polygon(Polygon),
    /// A place on the ring belongs to one side only: shapes that share edges share no place, and leave none.
    Outline(Ring),
}

/// Any of these.
#[derive(Debug, Clone)]
pub(in crate::source) struct Shapes(pub(super) Vec<Shape>);

impl Shapes {
    /// How many edges are looked at to place a cell, on average over the globe.
    pub(super) fn cost(&self) -> f64 {
        let rings = self.0.iter().flat_map(|shape| match shape {
            Shape::Box(_) => Vec::new(),
            Shape::Outline(ring) => vec![ring],
            Shape::Polygon(polygon) => std::iter::once(&polygon.outer).chain(&polygon.holes).collect(),
        });
        rings.map(Ring::cost).sum()
    }

    /// Whether a place lies inside. Edges belong to it, those of holes too; within `near`
    /// degrees (of latitude, of longitude) a place is on an edge. No place if not finite.
    pub(in crate::source) fn hold(&self, lat: f64, lon: f64, near: [f64; 2]) -> bool {
        lat.is_finite() && lon.is_finite() && self.0.iter().any(|shape| shape.holds(lat, lon, near))
    }
}

impl Shape {
    fn holds(&self, lat: f64, lon: f64, near: [f64; 2]) -> bool {
        match self {
            Self::Box(bounds) => bounds.holds(lat, lon, near),
            Self::Outline(ring) => {
                // Longitudes in one convention, and a trace beside: rings that share an edge would round
                // a place on it each in its own way.
                let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
                ring.side(lon + 3.1e-7, lat + 2.3e-7, -f64::MIN_POSITIVE) == Side::Inside
            }
            Self::Polygon(polygon) => {
                let near = near[0].max(near[1]);
                polygon.outer.side(lon, lat, near) != Side::Outside
                    && polygon.holes.iter().all(|hole| hole.side(lon, lat, near) != Side::Inside)
            }
        }
    }
}
