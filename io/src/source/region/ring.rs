//! Rings of longitudes and latitudes, and whether a place lies inside.
//!
//! Edges are straight in longitude and latitude, as GeoJSON (RFC 7946, 3.1.1) has it. Inside is
//! what a ray crosses the ring an odd number of times to reach (even-odd rule), so that a ring
//! that crosses itself has a meaning too.

use halocline_core::{Error, Result};
use std::ops::Range;

/// Where a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inside,
    Edge,
    Outside,
}

/// What a ring bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Outer,
    Hole,
}

/// A closed line; longitudes run on over the dateline.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    /// Each end of an edge, the southern one first.
    edges: Vec<[[f64; 2]; 2]>,
    lon: [f64; 2],
    lat: [f64; 2],
    /// Numbers of the edges that meet each band of latitudes.
    bands: Vec<Vec<u32>>,
}

/// Entries of the bands, for each edge, at most: many long edges must not take more.
const ENTRIES: usize = 8;

impl Ring {
    /// A ring of closed positions, longitude before latitude.
    ///
    /// # Errors
    /// Data, if they are no ring, or it can't be told which way round the globe it goes.
    pub(super) fn new(positions: &[[f64; 2]], what: Use) -> Result<Self> {
        let closed = positions.first() == positions.last();
        if positions.len() < 4 || !closed {
            return Err(Error::data(if closed {
                format!("a ring of {} positions bounds nothing: it takes four", positions.len())
            } else {
                "a ring is not closed: its last position is not its first".to_owned()
            }));
        }
        let bad = |p: &&[f64; 2]| !(p[0].abs() <= 720.0 && p[1].abs() <= 90.0);
        if let Some([lon, lat]) = positions.iter().find(bad) {
            return Err(Error::data(format!("there is no longitude {lon}, latitude {lat} in degrees"))
                .remedy("GeoJSON has longitude before latitude, in degrees (RFC 7946)"));
        }
        let points = unwrapped(positions, what)?;
        let span = |d: usize| {
            let values = || points.iter().map(|p| p[d]);
            [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
        };
        let (lon, lat) = (span(0), span(1));
        if lon[1] - lon[0] > 360.0 + 1e-9 {
            return Err(Error::data(format!(
                "a ring reaches from longitude {} to {}, more than a turn",
                lon[0], lon[1]
            )));
        }
        let south_first = |e: &[[f64; 2]]| if e[0][1] <= e[1][1] { [e[0], e[1]] } else { [e[1], e[0]] };
        let edges: Vec<_> = points.windows(2).map(south_first).collect();
        let mut ring = Self { edges, lon, lat, bands: Vec::new() };
        ring.bands = ring.banded();
        Ok(ring)
    }

    /// Sorts edges into bands of latitudes, as narrow as many long edges allow.
    fn banded(&self) -> Vec<Vec<u32>> {
        let mut count = (self.edges.len() / 4).clamp(1, 8192);
        let entries = |count: usize| -> usize { self.edges.iter().map(|e| self.met(e, count).len()).sum() };
        while count > 1 && entries(count) > ENTRIES * self.edges.len() {
            count /= 2;
        }
        let mut bands = vec![Vec::new(); count];
        for (k, edge) in self.edges.iter().enumerate() {
            self.met(edge, count).for_each(|band| bands[band].push(k as u32));
        }
        bands
    }

    /// How many edges are looked at to place a cell, on average over the globe.
    pub(super) fn cost(&self) -> f64 {
        let entries: usize = self.bands.iter().map(Vec::len).sum();
        let extent = (self.lat[1] - self.lat[0]) / 180.0 * (self.lon[1] - self.lon[0]) / 360.0;
        entries as f64 / self.bands.len().max(1) as f64 * extent
    }

    /// The bands that an edge, and what is within a tolerance of it, meets.
    fn met(&self, edge: &[[f64; 2]; 2], count: usize) -> Range<usize> {
        self.band(edge[0][1] - 1e-4, count)..self.band(edge[1][1] + 1e-4, count) + 1
    }
    fn band(&self, lat: f64, count: usize) -> usize {
        let height = (self.lat[1] - self.lat[0]).max(f64::MIN_POSITIVE);
        // Negative and too large numbers saturate.
        (((lat - self.lat[0]) / height * count as f64) as usize).min(count - 1)
    }

    /// Where a place is; within `near` degrees of an edge it is on the edge. If negative, none is.
    pub(super) fn side(&self, lon: f64, lat: f64, near: f64) -> Side {
        if !(lat >= self.lat[0] - near && lat <= self.lat[1] + near && lon.is_finite()) {
            return Side::Outside;
        }
        let first = self.lon[0] + (lon - self.lon[0]).rem_euclid(360.0);
        let mut inside = false;
        // The same meridian a turn to the west or to the east.
        for lon in [first - 360.0, first, first + 360.0] {
            if lon < self.lon[0] - near || lon > self.lon[1] + near {
                continue;
            }
            match self.side_here(lon, lat, near) {
                Side::Edge => return Side::Edge,
                Side::Inside => inside = true,
                Side::Outside => {}
            }
        }
        if inside {
            Side::Inside
        } else {
            Side::Outside
        }
    }

    fn side_here(&self, lon: f64, lat: f64, near: f64) -> Side {
        let mut odd = false;
        for &k in &self.bands[self.band(lat, self.bands.len())] {
            let [[x0, y0], [x1, y1]] = self.edges[k as usize];
            if is_on(lon, lat, [x0, y0], [x1, y1], near) {
                return Side::Edge;
            }
            // An end belongs to the edge above it, so that a vertex is crossed once.
            if (y0 > lat) != (y1 > lat) && lon < x0 + (lat - y0) / (y1 - y0) * (x1 - x0) {
                odd = !odd;
            }
        }
        if odd {
            Side::Inside
        } else {
            Side::Outside
        }
    }
}

/// Whether a place is within `near` of an edge.
fn is_on(x: f64, y: f64, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2], near: f64) -> bool {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let square = dx * dx + dy * dy;
    let along = if square > 0.0 { (((x - x0) * dx + (y - y0) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - along * dx).abs() <= near && (y - y0 - along * dy).abs() <= near
}

/// The positions with longitudes that run on over the seam of a convention.
///
/// An edge up to half a turn long, or a full turn, is as it is written. One in between is either
/// that or its shorter complement over the seam (from 170 to -170). The right-hand rule of RFC
/// 7946 (outer rings run counterclockwise) says which; a ring whose shorter reading breaks it is
/// refused, as taking either for granted would be a guess.
fn unwrapped(positions: &[[f64; 2]], what: Use) -> Result<Vec<[f64; 2]>> {
    let mut points = vec![positions[0]];
    let (mut jump, mut lon) = (None, positions[0][0]);
    for pair in positions.windows(2) {
        let mut step = pair[1][0] - pair[0][0];
        if step.abs() > 360.0 + 1e-9 {
            return Err(Error::data(format!(
                "an edge reaches from longitude {} to {}, more than a turn",
                pair[0][0], pair[1][0]
            )));
        }
        if step.abs() > 180.0 && (step.abs() - 360.0).abs() > 1e-9 {
            jump = jump.or(Some([pair[0][0], pair[1][0]]));
            step -= 360.0 * (step / 360.0).round();
        }
        // Not a sum of steps where there is no need: positions stay as they are written.
        lon = if jump.is_none() { pair[1][0] } else { lon + step };
        points.push([lon, pair[1][1]]);
    }
    let Some([from, to]) = jump else { return Ok(points) };
    let told = |what: String| {
        Err(Error::data(what).remedy(format!(
            "write longitudes that run on over the seam (such as 190 for -170), or put a position between {from} and {to} to go the long way"
        )))
    };
    let net = lon - points[0][0];
    if net.abs() > 1.0 {
        return Err(Error::data("a ring runs round a pole without saying which").remedy(
            "take the pole in, as in [-180,60],[180,60],[180,90],[-180,90],[-180,60] for the north",
        ));
    }
    // Rounding must not leave it open.
    if let Some(last) = points.last_mut() {
        *last = positions[0];
    }
    let twice: f64 = points.windows(2).map(|e| (e[1][0] - e[0][0]) * (e[1][1] + e[0][1])).sum();
    let counterclockwise = twice < 0.0;
    if counterclockwise == (what == Use::Outer) {
        Ok(points)
    } else {
        told(format!("an edge from longitude {from} to {to} may go either way round the globe"))
    }
}
