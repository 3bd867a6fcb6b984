//! How far apart the cells of a grid are: what wave numbers are counted by.

use super::area::in_degrees;
use super::{Grid, GridKind};
use crate::error::{Error, Result};
use crate::meta::Coordinate;

/// The mean radius of the earth in metres: (2 a + b) / 3 of the ellipsoid GRS 80 (Moritz 2000, J.
/// Geodesy 74, 128–133).
pub const EARTH_RADIUS: f64 = 6_371_008.771_4;

/// Distances of neighbours along a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// What they are taken to be.
    pub step: f64,
    /// The least of them.
    pub least: f64,
    /// The greatest of them.
    pub greatest: f64,
    /// Whether the coordinate falls along the dimension: rows from north to south.
    pub descends: bool,
}

impl Steps {
    /// By how much the steps differ from what they are taken to be, at most, as a share of it.
    pub fn uneven(&self) -> f64 {
        ((self.greatest - self.step).max(self.step - self.least) / self.step).max(0.0)
    }
    fn times(self, factor: f64) -> Self {
        Self {
            step: self.step * factor,
            least: self.least * factor,
            greatest: self.greatest * factor,
            ..self
        }
    }
    /// Refuses steps of which the mean says nothing: half as long or as long again as it.
    fn checked(self, name: &str) -> Result<Self> {
        /// A share of the step.
        const MOST: f64 = 0.5;
        if self.step > 0.0 && self.step.is_finite() && self.uneven() <= MOST {
            return Ok(self);
        }
        Err(Error::data(format!(
            "cells along `{name}` are {:.4} to {:.4} apart, {:.4} in the middle: too uneven for one wave number",
            self.least, self.greatest, self.step
        ))
        .remedy("choose a smaller --box, or bring the field to an even grid first"))
    }
}

/// Distances of neighbours of a grid along both of its dimensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    /// Along the first dimension: from row to row.
    pub y: Steps,
    /// Along the second: from column to column.
    pub x: Steps,
}

impl Grid {
    /// Distances in metres on a sphere of this radius. Of a rectilinear grid, columns are as far
    /// apart as at the latitude in the middle between the first and the last row; of a curvilinear
    /// one, both steps are means of great circles between neighbours. Where the file has no
    /// latitudes and longitudes, coordinates of a projection in metres or kilometres tell.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data), if the grid tells no distances, or they differ from those
    /// by more than half.
    pub fn spacing(&self, radius: f64) -> Result<Spacing> {
        let [y, x] = self.dims.as_slice() else { return Err(no_plane()) };
        let spacing = match (self.kind, &self.lat, &self.lon) {
            (GridKind::Rectilinear, Some(lat), Some(lon)) => {
                let own = of_degrees(lat, lon)?;
                let lats = lat.values.to_f64();
                let cosine = |lat: f64| lat.to_radians().cos().max(0.0);
                let middle = 0.5 * (lats[0] + lats[lats.len() - 1]);
                let cosines = || lats.iter().map(|lat| cosine(*lat));
                let metres = radius.to_radians();
                Spacing {
                    y: own.y.times(metres),
                    x: Steps {
                        step: own.x.step * metres * cosine(middle),
                        least: own.x.least * metres * cosines().fold(f64::INFINITY, f64::min),
                        greatest: own.x.greatest * metres * cosines().fold(0.0, f64::max),
                        descends: own.x.descends,
                    },
                }
            }
            (GridKind::Curvilinear, Some(lat), Some(lon)) => {
                [lat, lon].into_iter().try_for_each(in_degrees)?;
                let (lat, lon) = (self.latitudes(), self.longitudes());
                curvilinear((y.len, x.len), &lat.unwrap_or_default(), &lon.unwrap_or_default(), radius)?
            }
            _ => {
                let along = |name: &str| self.extra.iter().find(|c| is_along(c, name)).ok_or_else(no_plane);
                Spacing { y: along_line(along(&y.name)?)?, x: along_line(along(&x.name)?)? }
            }
        };
        Ok(Spacing { y: spacing.y.checked(&y.name)?, x: spacing.x.checked(&x.name)? })
    }

    /// Distances in degrees of latitude and of longitude, of a rectilinear grid.
    ///
    /// # Errors
    /// As [`Self::spacing`].
    pub fn spacing_in_degrees(&self) -> Result<Spacing> {
        match (self.kind, &self.lat, &self.lon, self.dims.as_slice()) {
            (GridKind::Rectilinear, Some(lat), Some(lon), [y, x]) => {
                let own = of_degrees(lat, lon)?;
                Ok(Spacing { y: own.y.checked(&y.name)?, x: own.x.checked(&x.name)? })
            }
            _ => Err(Error::data("rows and columns of this grid are no circles of latitude and longitude")
                .remedy("use --per metre")),
        }
    }
}

fn no_plane() -> Error {
    Error::data("the grid does not tell how far apart its cells are")
        .remedy("add latitudes and longitudes, or coordinates of both dimensions in metres, to the file")
}

fn is_along(coordinate: &Coordinate, dim: &str) -> bool {
    matches!(coordinate.variable.dims.as_slice(), [only] if only.name == dim)
}

fn of_degrees(lat: &Coordinate, lon: &Coordinate) -> Result<Spacing> {
    in_degrees(lat)?;
    in_degrees(lon)?;
    let (lats, lons) = (lat.values.to_f64(), lon.values.to_f64());
    // Longitudes go on over the meridian where they are counted from.
    let turn = |d: f64| d - 360.0 * (d / 360.0).round();
    Ok(Spacing {
        y: steps(&lat.variable.name, lats.windows(2).map(|w| w[1] - w[0]))?,
        x: steps(&lon.variable.name, lons.windows(2).map(|w| turn(w[1] - w[0])))?,
    })
}

/// Steps in metres along a coordinate of one dimension, which says that it is in metres, kilometres
/// or centimetres.
///
/// # Errors
/// [`Data`](crate::ErrorKind::Data), if it is in anything else, or not monotonic.
pub fn along_line(coordinate: &Coordinate) -> Result<Steps> {
    let units = coordinate.variable.units().unwrap_or_default();
    let metres = match units.to_lowercase().as_str() {
        "m" | "metre" | "metres" | "meter" | "meters" => 1.0,
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => 1e3,
        "cm" | "centimetre" | "centimetres" | "centimeter" | "centimeters" => 1e-2,
        _ => {
            let are = if units.trim().is_empty() {
                "has no units".to_owned()
            } else {
                format!("is in `{units}`, which is no length")
            };
            return Err(Error::data(are).in_variable(&coordinate.variable.name).remedy(
                "choose dimensions with coordinates in m, km or cm, or give it its units, as with `ncatted`",
            ));
        }
    };
    let values = coordinate.values.to_f64();
    let name = &coordinate.variable.name;
    steps(name, values.windows(2).map(|w| w[1] - w[0])).and_then(|s| s.times(metres).checked(name))
}

/// The mean of these differences, which all go the same way.
fn steps(name: &str, differences: impl Iterator<Item = f64>) -> Result<Steps> {
    let all: Vec<f64> = differences.collect();
    let sum: f64 = all.iter().sum();
    let sign = if sum < 0.0 { -1.0 } else { 1.0 };
    if all.is_empty() {
        return Err(Error::data("there is one index only along it, which has no wave numbers")
            .in_variable(name)
            .remedy("choose a larger --box"));
    }
    if !all.iter().all(|d| d * sign > 0.0 && d.is_finite()) {
        return Err(Error::data("its values do not all rise, or all fall").in_variable(name));
    }
    let lengths = || all.iter().map(|d| d * sign);
    Ok(Steps {
        step: sum * sign / all.len() as f64,
        least: lengths().fold(f64::INFINITY, f64::min),
        greatest: lengths().fold(0.0, f64::max),
        descends: sum < 0.0,
    })
}

fn curvilinear((ny, nx): (usize, usize), lat: &[f64], lon: &[f64], radius: f64) -> Result<Spacing> {
    if lat.len() != ny * nx || lon.len() != ny * nx || ny < 2 || nx < 2 {
        return Err(no_plane());
    }
    if !lat.iter().chain(lon).all(|v| v.is_finite()) {
        return Err(Error::data("some cells of the grid have no latitude or longitude")
            .remedy("choose a --box where all have"));
    }
    let apart = |a: usize, b: usize| radius * angle([lat[a], lon[a]], [lat[b], lon[b]]);
    let of = |pairs: &mut dyn Iterator<Item = (usize, usize)>| {
        let (mut sum, mut n, mut least, mut greatest) = (0.0, 0.0, f64::INFINITY, 0.0_f64);
        for (a, b) in pairs {
            let d = apart(a, b);
            sum += d;
            n += 1.0;
            least = least.min(d);
            greatest = greatest.max(d);
        }
        Steps { step: sum / n, least, greatest, descends: false }
    };
    let y = of(&mut (0..(ny - 1) * nx).map(|c| (c, c + nx)));
    let x = of(&mut (0..ny * nx).filter(|c| (c + 1) % nx != 0).map(|c| (c, c + 1)));
    let northward: f64 = (0..nx).map(|i| lat[(ny - 1) * nx + i] - lat[i]).sum();
    Ok(Spacing { y: Steps { descends: northward < 0.0, ..y }, x })
}

/// The angle between two places (degrees of latitude and longitude), by the half versed sine, which
/// small angles do not harm.
fn angle(a: [f64; 2], b: [f64; 2]) -> f64 {
    let half = |d: f64| (0.5 * d.to_radians()).sin().powi(2);
    let cosines = a[0].to_radians().cos() * b[0].to_radians().cos();
    let h = half(a[0] - b[0]) + cosines * half(a[1] - b[1]);
    2.0 * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Attributes, DType, Dim, Role, Values, Variable};

    fn coordinate(name: &str, units: &str, dims: Vec<Dim>, values: Vec<f64>) -> Coordinate {
        let attributes = Attributes::new().with("units", units);
        let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes };
        Coordinate { variable, values: Values::F64(values), bounds: None }
    }
    fn lat_lon(lats: &[f64], lons: &[f64]) -> Grid {
        let dims = vec![Dim::new("lat", lats.len(), Role::Y), Dim::new("lon", lons.len(), Role::X)];
        Grid {
            kind: GridKind::Rectilinear,
            lat: Some(coordinate("lat", "degrees_north", dims[..1].to_vec(), lats.to_vec())),
            lon: Some(coordinate("lon", "degrees_east", dims[1..].to_vec(), lons.to_vec())),
            dims,
            extra: Vec::new(),
            edges: None,
            excluded: Vec::new(),
        }
    }

    #[test]
    fn degrees_become_metres_at_the_middle_latitude() {
        let degree = EARTH_RADIUS.to_radians();
        for lats in [[58.0, 60.0, 62.0], [62.0, 60.0, 58.0]] {
            let spacing = lat_lon(&lats, &[358.0, 359.0, 0.0, 1.0]).spacing(EARTH_RADIUS).unwrap();
            assert!((spacing.y.step / (2.0 * degree) - 1.0).abs() < 1e-12);
            assert!((spacing.x.step / (0.5 * degree) - 1.0).abs() < 1e-12);
            assert_eq!(spacing.y.descends, lats[0] > lats[1]);
            assert!((spacing.x.uneven() - 0.06).abs() < 0.01 && spacing.y.uneven() < 1e-12);
        }
        let degrees = lat_lon(&[0.0, 1.0], &[-180.0, -178.0]).spacing_in_degrees().unwrap();
        assert_eq!((degrees.y.step, degrees.x.step), (1.0, 2.0));
    }

    #[test]
    fn what_is_uneven_is_refused() {
        let refused = |lats: &[f64], lons: &[f64]| lat_lon(lats, lons).spacing(1.0).unwrap_err();
        assert!(refused(&[-90.0, 0.0, 90.0], &[0.0, 1.0]).message.contains("too uneven"));
        assert!(refused(&[0.0, 1.0, 4.0], &[0.0, 1.0]).message.contains("`lat`"));
        assert!(refused(&[0.0, 1.0], &[5.0]).message.contains("one index"));
        assert!(refused(&[0.0, 1.0, 0.5], &[0.0, 1.0]).message.contains("rise"));
        let mut unknown = lat_lon(&[0.0, 1.0], &[0.0, 1.0]);
        (unknown.kind, unknown.lat) = (GridKind::Unknown, None);
        assert!(unknown.spacing(1.0).is_err() && unknown.spacing_in_degrees().is_err());
        unknown.extra = vec![
            coordinate("y", "km", vec![Dim::new("lat", 2, Role::Y)], vec![3.0, 1.0]),
            coordinate("x", "m", vec![Dim::new("lon", 2, Role::X)], vec![0.0, 7.0]),
        ];
        let found = unknown.spacing(1.0).unwrap();
        assert_eq!((found.y.step, found.x.step, found.y.descends), (2000.0, 7.0, true));
    }

    #[test]
    fn curvilinear_grids_have_means_of_great_circles() {
        let flat = lat_lon(&[0.0, 1.0, 2.0], &[10.0, 11.0, 12.0]);
        let mut curved = flat.clone();
        let (lat, lon) = (flat.latitudes().unwrap(), flat.longitudes().unwrap());
        curved.kind = GridKind::Curvilinear;
        curved.lat = Some(coordinate("lat", "degrees", flat.dims.clone(), lat));
        curved.lon = Some(coordinate("lon", "degrees", flat.dims.clone(), lon));
        let (a, b) = (flat.spacing(6e6).unwrap(), curved.spacing(6e6).unwrap());
        assert!((a.y.step / b.y.step - 1.0).abs() < 1e-9 && (a.x.step / b.x.step - 1.0).abs() < 1e-3);
        assert!(!b.y.descends);
    }
}
