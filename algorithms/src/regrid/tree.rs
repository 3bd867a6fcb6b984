//! Finding cells and places near to one.

use super::polygon::Polygon;
use super::vector::{chord2, Place};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{RTree, AABB};

/// The boxes, in space, of cells on the sphere.
pub(super) struct Boxes {
    tree: RTree<GeomWithData<Rectangle<Place>, u32>>,
}

impl Boxes {
    pub(super) fn new(extents: impl Iterator<Item = (Place, Place)>) -> Self {
        let boxes = extents
            .enumerate()
            .map(|(k, (low, high))| GeomWithData::new(Rectangle::from_corners(low, high), k as u32));
        Self { tree: RTree::bulk_load(boxes.collect()) }
    }
    /// The cells whose boxes touch another box, in no order.
    pub(super) fn touching(&self, (low, high): (Place, Place)) -> Vec<u32> {
        let envelope = AABB::from_corners(low, high);
        self.tree.locate_in_envelope_intersecting(&envelope).map(|found| found.data).collect()
    }
    /// The cells whose boxes hold a place, in no order.
    pub(super) fn around(&self, place: &Place) -> Vec<u32> {
        let envelope = AABB::from_corners(place.map(|v| v - 1e-12), place.map(|v| v + 1e-12));
        self.tree.locate_in_envelope_intersecting(&envelope).map(|found| found.data).collect()
    }
}

/// The corners of the box around a polygon: around its corners, and as much more as its sides and
/// its inside bulge over the chords between them.
pub(super) fn extent(polygon: &Polygon) -> (Place, Place) {
    let corners = polygon.corners();
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for corner in corners {
        for k in 0..3 {
            low[k] = low[k].min(corner[k]);
            high[k] = high[k].max(corner[k]);
        }
    }
    // A cap whose chord is d rises over its plane by 1 - √(1 - d²/4) ≤ d²/4.
    let widest = corners.iter().flat_map(|a| corners.iter().map(move |b| chord2(a, b))).fold(0.0, f64::max);
    let bulge = widest / 4.0 + 1e-12;
    (low.map(|v| v - bulge), high.map(|v| v + bulge))
}

/// Places on the sphere.
pub(super) struct Places {
    tree: RTree<GeomWithData<Place, u32>>,
}

impl Places {
    pub(super) fn new(places: &[Option<Place>]) -> Self {
        let known = places.iter().enumerate().filter_map(|(k, p)| Some(GeomWithData::new((*p)?, k as u32)));
        Self { tree: RTree::bulk_load(known.collect()) }
    }
    /// The `count` nearest: number and square of the chord; those as near as each other by number.
    pub(super) fn nearest(&self, place: &Place, count: usize) -> Vec<(u32, f64)> {
        let mut found: Vec<(u32, f64)> = Vec::new();
        for (near, distance) in self.tree.nearest_neighbor_iter_with_distance_2(place) {
            if found.len() >= count && distance > found[found.len() - 1].1 * (1.0 + 1e-10) + 1e-24 {
                break;
            }
            found.push((near.data, distance));
        }
        // As near as rounding tells: the first cell of the grid comes first.
        let mut ranked: Vec<(u32, f64)> = Vec::with_capacity(count);
        while ranked.len() < count && !found.is_empty() {
            let least = found.iter().map(|f| f.1).fold(f64::INFINITY, f64::min);
            let best = found
                .iter()
                .enumerate()
                .filter(|(_, f)| f.1 <= least * (1.0 + 1e-10) + 1e-24)
                .min_by_key(|(_, f)| f.0)
                .map(|(k, _)| k);
            let Some(best) = best else { break };
            ranked.push(found.swap_remove(best));
        }
        ranked
    }
}
