//! A longitude-latitude box on a grid.

use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Coordinate, Role, Values};
use halocline_core::{Error, Result};
use std::ops::Range;

/// West, east, south, north in degrees; checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LonLatBox {
    west: f64,
    /// East of west: 0 to 360.
    width: f64,
    south: f64,
    north: f64,
}

/// What a box leaves of a grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    /// Indices along Y; everything if there is no Y.
    pub(super) y: Range<usize>,
    /// Indices along X: two ranges if the box crosses the seam.
    pub(super) x: Vec<Range<usize>>,
    /// What to add to longitudes of each range so that they run on.
    pub(super) shift: Vec<f64>,
    /// Cells inside the index box that lie outside; empty if there are none.
    pub(super) excluded: Vec<bool>,
}

impl LonLatBox {
    /// Checks W, E, S, N.
    ///
    /// # Errors
    /// Usage, if they are no box.
    pub(super) fn new([west, east, south, north]: [f64; 4]) -> Result<Self> {
        let bad = |why: &str| {
            Err(Error::usage(format!("the box {west},{east},{south},{north} {why}"))
                .remedy("give west, east, south, north in degrees, as 120,290,-20,20"))
        };
        if ![west, east, south, north].iter().all(|v| v.is_finite()) {
            return bad("is not of finite numbers");
        }
        if west.abs() > 720.0 || east.abs() > 720.0 {
            return bad("has a longitude beyond 720 degrees");
        }
        if !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) {
            return bad("has a latitude beyond 90 degrees");
        }
        if south > north {
            return bad("has its southern edge north of its northern");
        }
        let width = if east - west >= 360.0 { 360.0 } else { (east - west).rem_euclid(360.0) };
        Ok(Self { west, width, south, north })
    }

    /// Degrees east of the western edge, if inside; `tolerance` for the rounding of coordinates.
    fn eastward(&self, lon: f64, tolerance: f64) -> Option<f64> {
        let east = (lon - self.west).rem_euclid(360.0);
        // What is a rounding west of the edge is at the edge, not a turn away.
        let east = if 360.0 - east <= tolerance { east - 360.0 } else { east };
        (east <= self.width + tolerance).then_some(east)
    }
    /// Whether a place lies inside; within `near` degrees (of latitude, of longitude) of an edge
    /// it does.
    pub(super) fn holds(&self, lat: f64, lon: f64, near: [f64; 2]) -> bool {
        self.holds_latitude(lat, near[0]) && self.eastward(lon, near[1]).is_some()
    }
    fn holds_latitude(&self, lat: f64, tolerance: f64) -> bool {
        lat >= self.south - tolerance && lat <= self.north + tolerance
    }

    /// Cuts a grid.
    ///
    /// # Errors
    /// Usage, if the grid has no longitudes and latitudes, or no cell lies inside.
    pub(super) fn cut(&self, grid: &Grid) -> Result<Cut> {
        let (Some(lat), Some(lon)) = (&grid.lat, &grid.lon) else {
            return match &grid.lat {
                Some(lat) if grid.dims.len() == 1 => self.latitudes(lat),
                _ => Err(Error::usage("has no longitudes and latitudes that a box could select by")),
            };
        };
        let cut = if grid.kind == GridKind::Rectilinear {
            self.rows_and_columns(lat, lon)
        } else {
            self.cells(grid)
        };
        cut.ok_or_else(|| {
            Error::usage("no cell centre lies in the box")
                .remedy(format!("the data reach {}", extent(lat, lon)))
        })
    }

    /// Cuts what lies along latitudes alone, as zonal means and transports do.
    fn latitudes(&self, lat: &Coordinate) -> Result<Cut> {
        if self.width < 360.0 {
            return Err(Error::usage("has latitudes only, which a box of some longitudes can't select by")
                .remedy(format!("take all longitudes: --box 0,360,{},{}", self.south, self.north)));
        }
        let (lats, near) = (lat.values.to_f64(), tolerance(lat));
        let x = runs((0..lats.len()).filter(|&j| self.holds_latitude(lats[j], near)));
        if let [one] = x.as_slice() {
            return Ok(Cut { y: 0..1, x: vec![one.clone()], shift: vec![0.0], excluded: Vec::new() });
        }
        let reach = lats.iter().fold((f64::NAN, f64::NAN), |(s, n), &v| (v.min(s), v.max(n)));
        Err(Error::usage("no latitude lies in the box")
            .remedy(format!("the data reach from {} to {} degrees north", reach.0, reach.1)))
    }

    fn rows_and_columns(&self, lat: &Coordinate, lon: &Coordinate) -> Option<Cut> {
        let (lats, near) = (lat.values.to_f64(), tolerance(lat));
        let rows: Vec<usize> = (0..lats.len()).filter(|&j| self.holds_latitude(lats[j], near)).collect();
        let (lons, near) = (lon.values.to_f64(), tolerance(lon));
        let mut columns: Vec<(f64, usize)> =
            lons.iter().enumerate().filter_map(|(i, &v)| Some((self.eastward(v, near)?, i))).collect();
        // From west to east; a longitude that runs to the west keeps its direction.
        let westward = lons.len() > 1 && lons[1] < lons[0] && lons[0] - lons[1] < 180.0;
        columns.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // The cyclic column of a global grid (0 and 360) is one place.
        columns.dedup_by(|b, a| (b.0 - a.0).abs() <= near);
        if let [first, .., last] = columns[..] {
            if last.0 - first.0 >= 360.0 - near && self.width >= 360.0 {
                columns.pop();
            }
        }
        if westward {
            columns.reverse();
        }
        let x = runs(columns.iter().map(|c| c.1));
        let wraps = x.len() > 1;
        let mut shift = Vec::with_capacity(x.len());
        for range in &x {
            let here = lons[range.start];
            let wanted = self.west + self.eastward(here, near)?;
            shift.push(if wraps { ((wanted - here) / 360.0).round() * 360.0 } else { 0.0 });
        }
        let y = *rows.first()?..*rows.last()? + 1;
        (!x.is_empty()).then_some(Cut { y, x, shift, excluded: Vec::new() })
    }

    /// The smallest index box around the cells inside.
    fn cells(&self, grid: &Grid) -> Option<Cut> {
        let (lats, lons) = (grid.latitudes()?, grid.longitudes()?);
        let near = tolerance(grid.lat.as_ref()?).max(tolerance(grid.lon.as_ref()?));
        let inside: Vec<bool> = lats
            .iter()
            .zip(&lons)
            .map(|(&lat, &lon)| self.holds_latitude(lat, near) && self.eastward(lon, near).is_some())
            .collect();
        let nx = grid.dims.last()?.len;
        let span = |places: &mut dyn Iterator<Item = usize>| {
            places.fold(None, |s: Option<Range<usize>>, p| {
                Some(s.map_or(p..p + 1, |s| s.start.min(p)..s.end.max(p + 1)))
            })
        };
        let hits = || inside.iter().enumerate().filter(|(_, &b)| b).map(|(c, _)| c);
        let y = span(&mut hits().map(|c| c / nx))?;
        let x = span(&mut hits().map(|c| c % nx))?;
        let mut excluded: Vec<bool> = Vec::with_capacity(y.len() * x.len());
        for j in y.clone() {
            excluded.extend(x.clone().map(|i| !inside[j * nx + i]));
        }
        if !excluded.contains(&true) {
            excluded.clear();
        }
        Some(Cut { y, x: std::iter::once(x).collect(), shift: vec![0.0], excluded })
    }
}

/// Indices in order as ranges, each as long as it can be.
fn runs(indices: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for i in indices {
        match all.last_mut() {
            Some(last) if last.end == i => last.end += 1,
            _ => all.push(i..i + 1),
        }
    }
    all
}

/// Degrees within which a coordinate equals an edge: single precision is no better at 360.
pub(super) fn tolerance(coordinate: &Coordinate) -> f64 {
    match coordinate.values {
        Values::F32(_) => 2e-5,
        _ => 1e-9,
    }
}

/// Where the data are, for a message.
pub(super) fn extent(lat: &Coordinate, lon: &Coordinate) -> String {
    let range = |c: &Coordinate| {
        let values = c.values.to_f64();
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((s, n), (w, e)) = (range(lat), range(lon));
    format!("from {w} to {e} degrees east and from {s} to {n} degrees north")
}

/// Checks that the 1-D coordinates of a rectilinear grid run one way; a longitude may jump once
/// by a turn.
///
/// # Errors
/// Data, naming the coordinate and where it turns back.
pub(super) fn check_monotonic(grid: &Grid) -> Result<()> {
    if grid.dims.len() != 2 {
        return Ok(());
    }
    for (coordinate, role) in [(&grid.lat, Role::Y), (&grid.lon, Role::X)] {
        let Some(c) = coordinate.as_ref().filter(|c| c.variable.dims.len() == 1) else { continue };
        let values = c.values.to_f64();
        let turn = if role == Role::X { 360.0 } else { f64::INFINITY };
        if let Some(i) = first_turn(&values, turn) {
            return Err(Error::data(format!(
                "the coordinate is not monotonic: {} follows {} at index {i} (counted from 0)",
                values[i],
                values[i - 1]
            ))
            .in_variable(&c.variable.name)
            .remedy("sort the data by this coordinate first"));
        }
    }
    Ok(())
}

/// The first index at which values don't go on as they began. A jump back by most of a `turn` is
/// a longitude's seam: allowed once, if the whole stays within the turn.
fn first_turn(values: &[f64], turn: f64) -> Option<usize> {
    let steps: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    let seam = |d: f64| d.abs() > turn / 2.0;
    let direction = steps.iter().find(|d| !seam(**d)).map_or(1.0, |d| d.signum());
    let mut seams = 0;
    let mut travelled = 0.0;
    for (i, &d) in steps.iter().enumerate() {
        let d = if seam(d) && d * direction < 0.0 {
            seams += 1;
            d + direction * turn
        } else {
            d
        };
        travelled += d.abs();
        // `!(>)` so that NaN is a turn as well.
        let onward = d * direction > 0.0;
        if !onward || seams > 1 || (seams == 1 && travelled > turn + 1e-3) {
            return Some(i + 1);
        }
    }
    None
}

/// Adds the shift of each run of columns to longitudes that were picked in that order.
pub(super) fn shift_longitudes(lon: &mut Coordinate, cut: &Cut) {
    if cut.shift.iter().all(|s| *s == 0.0) {
        return;
    }
    let columns: Vec<f64> =
        cut.x.iter().zip(&cut.shift).flat_map(|(r, &s)| r.clone().map(move |_| s)).collect();
    let per_column = lon.values.len() / columns.len().max(1);
    let by = |k: usize| columns[k / per_column.max(1)];
    match &mut lon.values {
        Values::F32(v) => v.iter_mut().enumerate().for_each(|(k, v)| *v = (f64::from(*v) + by(k)) as f32),
        Values::F64(v) => v.iter_mut().enumerate().for_each(|(k, v)| *v += by(k)),
        _ => {}
    }
    if let Some(bounds) = &mut lon.bounds {
        shift_longitudes(bounds, cut);
    }
}

#[cfg(test)]
mod tests;
