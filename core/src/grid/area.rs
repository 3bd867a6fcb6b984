//! Areas of grid cells on the unit sphere.

use super::{CellEdges, Grid, GridKind};
use crate::error::{Error, Result};
use crate::meta::{Coordinate, Role};

impl Grid {
    /// The edges of the cells of a rectilinear grid: its bounds, else half-way between centres,
    /// and at the poles where the first or last edge would pass them.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) when the file has no latitude and longitude, bounds that
    /// don't enclose their cells, or a single row or column without bounds.
    pub fn cell_edges(&self) -> Result<CellEdges> {
        let (Some(lat), Some(lon)) = (&self.lat, &self.lon) else { return Err(no_latitudes()) };
        Ok(CellEdges { lat: edges(lat, 90.0)?, lon: edges(lon, f64::INFINITY)? })
    }

    /// √cos φ of every cell, C order: the weight that makes the squares of a field count by area
    /// on a regular grid. Zero at the poles; NaN where the latitude is missing, as on the land
    /// of some curvilinear grids.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) when the file states no latitudes.
    pub fn sqrt_cos_latitudes(&self) -> Result<Vec<f64>> {
        let lat = self.latitudes().ok_or_else(no_latitudes)?;
        self.lat.iter().try_for_each(in_degrees)?;
        if let Some(bad) = lat.iter().find(|v| v.abs() > 90.0 + 1e-6) {
            return Err(Error::data(format!("a latitude of {bad} degrees lies beyond the poles"))
                .remedy("correct the coordinate"));
        }
        Ok(lat.iter().map(|v| v.to_radians().cos().max(0.0).sqrt()).collect())
    }

    /// Area of every cell in steradians (the unit sphere has 4π), C order.
    ///
    /// Rectilinear cells are exact spherical rectangles, (λ₂ − λ₁)(sin φ₂ − sin φ₁), from the
    /// bounds in the file, else from edges half-way between the centres (and at the poles where
    /// the first or last edge would pass them). Curvilinear and unstructured cells are spherical
    /// polygons with the corners that the bounds give.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) when the file has no latitude and longitude, or a
    /// curvilinear grid no bounds.
    pub fn areas(&self) -> Result<Vec<f64>> {
        let (Some(lat), Some(lon)) = (&self.lat, &self.lon) else { return Err(no_latitudes()) };
        in_degrees(lat)?;
        in_degrees(lon)?;
        if self.kind == GridKind::Rectilinear {
            let edges = match &self.edges {
                Some(edges) => edges.clone(),
                None => self.cell_edges()?,
            };
            let sines: Vec<f64> =
                edges.lat.iter().map(|e| (e[1].to_radians().sin() - e[0].to_radians().sin()).abs()).collect();
            let widths: Vec<f64> =
                edges.lon.iter().map(|e| (e[1] - e[0]).abs().min(360.0).to_radians()).collect();
            let (rows_first, ny, nx) = match self.dims.as_slice() {
                [y, x] => (y.len == sines.len() && x.len == widths.len(), y.len, x.len),
                _ => return Err(no_latitudes()),
            };
            return Ok((0..ny * nx)
                .map(|c| {
                    let (slow, fast) = (c / nx, c % nx);
                    if rows_first {
                        sines[slow] * widths[fast]
                    } else {
                        sines[fast] * widths[slow]
                    }
                })
                .collect());
        }
        let (Some(lat_corners), Some(lon_corners)) = (&lat.bounds, &lon.bounds) else {
            return Err(
                Error::data("the curvilinear grid has no cell bounds to compute areas from").remedy(BOUNDS)
            );
        };
        let (lats, lons) = (lat_corners.values.to_f64(), lon_corners.values.to_f64());
        let corners = lats.len() / self.len().max(1);
        if corners < 3 || lats.len() != lons.len() || lats.len() != corners * self.len() {
            return Err(Error::data("the cell bounds of the curvilinear grid don't fit its cells")
                .remedy("correct the bounds of the coordinates"));
        }
        Ok(lats.chunks(corners).zip(lons.chunks(corners)).map(|(a, o)| polygon_area(a, o)).collect())
    }

    /// As [`areas`](Self::areas), with the four corners of the cells of a rectilinear grid joined
    /// by great circles instead of parallels, as CDO does. The two differ by some 10⁻⁵ for cells
    /// of 2 degrees.
    ///
    /// # Errors
    /// As of [`areas`](Self::areas).
    pub fn polygon_areas(&self) -> Result<Vec<f64>> {
        let rectangles = self.areas()?;
        if self.kind != GridKind::Rectilinear {
            return Ok(rectangles);
        }
        let edges = match &self.edges {
            Some(edges) => edges.clone(),
            None => self.cell_edges()?,
        };
        let rows_first = self.dims.first().is_some_and(|d| d.role == Role::Y);
        let (slow, fast) = if rows_first { (&edges.lat, &edges.lon) } else { (&edges.lon, &edges.lat) };
        let cell = |a: &[f64; 2], b: &[f64; 2]| {
            let (lat, lon) = if rows_first { (a, b) } else { (b, a) };
            polygon_area(&[lat[0], lat[0], lat[1], lat[1]], &[lon[0], lon[1], lon[1], lon[0]])
        };
        let areas: Vec<f64> = slow.iter().flat_map(|a| fast.iter().map(move |b| cell(a, b))).collect();
        if areas.len() != rectangles.len() {
            return Err(no_latitudes());
        }
        Ok(areas)
    }
}

/// What to do where nothing tells how large cells are.
const BOUNDS: &str = "add bounds to the coordinates";

/// Whether a coordinate is in degrees, as the trigonometry here takes it.
pub(super) fn in_degrees(coordinate: &Coordinate) -> Result<()> {
    let units = coordinate.variable.units().unwrap_or_default();
    if units.is_empty() || units.to_lowercase().starts_with("deg") || units.starts_with('°') {
        return Ok(());
    }
    Err(Error::data(format!("its units `{units}` are not degrees"))
        .in_variable(&coordinate.variable.name)
        .remedy("correct the units"))
}

pub(super) fn no_latitudes() -> Error {
    Error::data("the grid has no latitude and longitude coordinates")
        .remedy("add them, with the units degrees_north and degrees_east")
}

/// The two edges of each cell of a 1-D coordinate; none lies beyond ±`limit`.
pub(super) fn edges(coordinate: &Coordinate, limit: f64) -> Result<Vec<[f64; 2]>> {
    let mut centres = coordinate.values.to_f64();
    if !limit.is_finite() {
        unwrap(&mut centres);
    }
    if let Some(stored) = &coordinate.bounds {
        let bounds = stored.values.to_f64();
        let enclosed: Option<Vec<[f64; 2]>> =
            bounds.chunks(2).zip(&centres).map(|(b, c)| enclosing(b, *c, limit)).collect();
        return enclosed.filter(|e| e.len() == centres.len()).ok_or_else(|| {
            Error::data(format!("these bounds do not enclose the cells of `{}`", coordinate.variable.name))
                .in_variable(&stored.variable.name)
                .remedy("correct or remove the bounds")
        });
    }
    let n = centres.len();
    if n < 2 {
        return Err(Error::data("a single row or column of cells without bounds has no area")
            .in_variable(&coordinate.variable.name)
            .remedy(BOUNDS));
    }
    let between = |i: usize| 0.5 * (centres[i - 1] + centres[i]);
    Ok((0..n)
        .map(|i| {
            let low = if i == 0 { 2.0 * centres[0] - between(1) } else { between(i) };
            let high = if i == n - 1 { 2.0 * centres[i] - between(i) } else { between(i + 1) };
            [low.clamp(-limit, limit), high.clamp(-limit, limit)]
        })
        .collect())
}

/// Turns longitudes so that neighbours are less than half a circle apart: an axis may pass from 180
/// to -180, or from 360 to 0, on its way.
pub fn unwrap(longitudes: &mut [f64]) {
    for i in 1..longitudes.len() {
        let step = longitudes[i] - longitudes[i - 1];
        if step.abs() > 180.0 {
            longitudes[i] -= 360.0 * (step / 360.0).round();
        }
    }
}

/// Bounds of a cell if they have its centre between them; longitudes (no `limit`) by the turn
/// that is nearest to it.
fn enclosing(bounds: &[f64], centre: f64, limit: f64) -> Option<[f64; 2]> {
    let &[a, b] = bounds else { return None };
    let near = |v: f64| if limit.is_finite() { v } else { v + 360.0 * ((centre - v) / 360.0).round() };
    let (mut a, b) = (near(a), near(b));
    if !limit.is_finite() && a == b && bounds[0] != bounds[1] {
        // A cell that goes all the way round.
        a -= 360.0;
    }
    let slack = 1e-4 * (b - a).abs() + 1e-6;
    let inside = a.min(b) - slack <= centre && centre <= a.max(b) + slack && a != b;
    inside.then(|| [a.clamp(-limit, limit), b.clamp(-limit, limit)])
}

/// Area on the unit sphere of the polygon with these corners (degrees), by the sum of the
/// signed areas of the spherical triangles that each side makes with the first corner.
fn polygon_area(lats: &[f64], lons: &[f64]) -> f64 {
    let corners: Vec<[f64; 3]> = lats
        .iter()
        .zip(lons)
        .map(|(lat, lon)| {
            let (lat, lon) = (lat.to_radians(), lon.to_radians());
            [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
        })
        .collect();
    area_between(&corners)
}

/// As [`polygon_area`], with corners on the unit sphere.
pub(super) fn area_between(corners: &[[f64; 3]]) -> f64 {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let total: f64 = (1..corners.len().saturating_sub(1))
        .map(|i| {
            let (a, b, c) = (&corners[0], &corners[i], &corners[i + 1]);
            let volume = a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0]);
            // Van Oosterom and Strackee (1983): tan(Ω/2) = a·(b×c) / (1 + a·b + b·c + c·a).
            2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
        })
        .sum();
    total.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Attributes, DType, Dim, Role, Values, Variable};
    use std::f64::consts::PI;

    fn coordinate(name: &str, role: Role, values: Vec<f64>) -> Coordinate {
        let dims = vec![Dim::new(name, values.len(), role)];
        let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes: Attributes::new() };
        Coordinate { variable, values: Values::F64(values), bounds: None }
    }

    #[test]
    fn great_circles_between_corners() {
        let grid = |dims| Grid {
            kind: GridKind::Rectilinear,
            dims,
            lat: Some(coordinate("lat", Role::Y, vec![40.0, 42.0, 44.0])),
            lon: Some(coordinate("lon", Role::X, vec![0.0, 2.0])),
            extra: Vec::new(),
            edges: None,
            excluded: Vec::new(),
        };
        let (y, x) = (Dim::new("lat", 3, Role::Y), Dim::new("lon", 2, Role::X));
        let areas = grid(vec![y.clone(), x.clone()]).polygon_areas().unwrap();
        assert!((areas[4] / areas[5] - 1.0).abs() < 1e-12);
        let rectangles = grid(vec![y.clone(), x.clone()]).areas().unwrap();
        // Great circles between corners bulge to the pole: at the northern side more than at the
        // southern one, so that neighbours still share their sides.
        for (a, b) in areas.iter().zip(&rectangles) {
            assert!((a / b - 1.0).abs() < 1e-4 && a != b, "{a} {b}");
        }
        let turned = grid(vec![x, y]).polygon_areas().unwrap();
        let back: Vec<f64> = (0..6).map(|i| turned[i % 2 * 3 + i / 2]).collect();
        assert_eq!(back, areas);
    }

    #[test]
    fn a_global_grid_covers_the_sphere_in_either_latitude_order() {
        for flip in [false, true] {
            let mut lats: Vec<f64> = (0..37).map(|i| -90.0 + 5.0 * f64::from(i)).collect();
            if flip {
                lats.reverse();
            }
            let lons: Vec<f64> = (0..72).map(|i| 5.0 * f64::from(i)).collect();
            let grid = Grid {
                kind: GridKind::Rectilinear,
                dims: vec![Dim::new("lat", 37, Role::Y), Dim::new("lon", 72, Role::X)],
                lat: Some(coordinate("lat", Role::Y, lats)),
                lon: Some(coordinate("lon", Role::X, lons)),
                extra: vec![],
                edges: None,
                excluded: vec![],
            };
            let sum: f64 = grid.areas().unwrap().iter().sum();
            assert!((sum - 4.0 * PI).abs() < 1e-12, "{sum}");
            assert!(grid.sqrt_cos_latitudes().unwrap()[0] < 1e-7);
        }
    }

    #[test]
    fn longitudes_may_pass_the_seam_on_their_way() {
        let grid = |lons: Vec<f64>| Grid {
            kind: GridKind::Rectilinear,
            dims: vec![Dim::new("lat", 3, Role::Y), Dim::new("lon", lons.len(), Role::X)],
            lat: Some(coordinate("lat", Role::Y, vec![-60.0, 0.0, 60.0])),
            lon: Some(coordinate("lon", Role::X, lons)),
            extra: vec![],
            edges: None,
            excluded: vec![],
        };
        let plain = grid((0..36).map(|i| 10.0 * f64::from(i)).collect()).areas().unwrap();
        for start in [180.0, -170.0, 350.0] {
            let turned = (0..36).map(|i| {
                let lon: f64 = start + 10.0 * f64::from(i);
                if start < 0.0 {
                    (lon + 180.0).rem_euclid(360.0) - 180.0
                } else {
                    lon.rem_euclid(360.0)
                }
            });
            let areas = grid(turned.collect()).areas().unwrap();
            assert!(areas.iter().zip(&plain).all(|(a, b)| (a / b - 1.0).abs() < 1e-12), "{start}");
        }
    }

    #[test]
    fn bounds_enclose_their_cells_or_are_refused() {
        assert_eq!(enclosing(&[359.5, 0.5], 0.0, f64::INFINITY), Some([-0.5, 0.5]));
        assert_eq!(enclosing(&[0.0, 360.0], 180.0, f64::INFINITY).map(|e| (e[1] - e[0]).abs()), Some(360.0));
        assert_eq!(enclosing(&[-91.0, -89.0], -90.0, 90.0), Some([-90.0, -89.0]));
        assert_eq!(enclosing(&[0.0, 1e-310], 40.0, 90.0), None);
        assert_eq!(enclosing(&[f64::NAN, 1.0], 0.5, 90.0), None);
    }

    #[test]
    fn an_octant_is_an_eighth_of_the_sphere() {
        let area = polygon_area(&[0.0, 0.0, 90.0], &[0.0, 90.0, 0.0]);
        assert!((area - PI / 2.0).abs() < 1e-14);
    }
}
