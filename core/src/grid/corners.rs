//! Corners of cells as places on the unit sphere.

use super::area::{in_degrees, no_latitudes};
use super::{Grid, GridKind};
use crate::error::{Error, Result};

/// A place on the unit sphere.
type Place = [f64; 3];

impl Grid {
    /// The corners of every cell, as places on the unit sphere, in order round the cell: cell by
    /// cell in C order, for all cells equally many. From the bounds in the file; of a rectilinear
    /// grid without bounds from edges half-way between rows and columns, of a curvilinear one
    /// half-way between the centres around a corner. A cell without a place (land of some
    /// curvilinear grids) has corners that are NaN.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data), if the file has no latitude and longitude, or they don't
    /// tell where cells end.
    pub fn corners(&self) -> Result<Vec<Place>> {
        let (Some(lat), Some(lon)) = (&self.lat, &self.lon) else { return Err(no_latitudes()) };
        in_degrees(lat)?;
        in_degrees(lon)?;
        if self.kind == GridKind::Rectilinear {
            return self.corners_of_rectangles();
        }
        let (Some(lat_corners), Some(lon_corners)) = (&lat.bounds, &lon.bounds) else {
            return if self.kind == GridKind::Curvilinear {
                self.corners_between_centres()
            } else {
                Err(Error::data("the cells of the unstructured grid have no bounds to tell where they end"))
            };
        };
        let (lats, lons) = (lat_corners.values.to_f64(), lon_corners.values.to_f64());
        let corners = lats.len() / self.len().max(1);
        if corners < 3 || lats.len() != lons.len() || lats.len() != corners * self.len() {
            return Err(Error::data("the cell bounds of the grid don't fit its cells"));
        }
        Ok(lats.iter().zip(&lons).map(|(lat, lon)| place(*lat, *lon)).collect())
    }

    fn corners_of_rectangles(&self) -> Result<Vec<Place>> {
        let edges = match &self.edges {
            Some(edges) => edges.clone(),
            None => self.cell_edges()?,
        };
        let rows_first = self.dims.first().is_some_and(|d| d.role == crate::meta::Role::Y);
        let (slow, fast) = if rows_first { (&edges.lat, &edges.lon) } else { (&edges.lon, &edges.lat) };
        if slow.len() * fast.len() != self.len() {
            return Err(no_latitudes());
        }
        let cell = |a: &[f64; 2], b: &[f64; 2]| {
            let (lat, lon) = if rows_first { (*a, *b) } else { (*b, *a) };
            [place(lat[0], lon[0]), place(lat[0], lon[1]), place(lat[1], lon[1]), place(lat[1], lon[0])]
        };
        Ok(slow.iter().flat_map(|a| fast.iter().flat_map(move |b| cell(a, b))).collect())
    }

    /// Corners half-way between the centres around them; outermost corners lie as far out as
    /// those inside.
    pub(super) fn corners_between_centres(&self) -> Result<Vec<Place>> {
        let [ny, nx] = self.shape()[..] else { return Err(no_latitudes()) };
        let (Some(lats), Some(lons)) = (self.latitudes(), self.longitudes()) else {
            return Err(no_latitudes());
        };
        if ny < 2 || nx < 2 {
            return Err(Error::data("a single row or column of cells without bounds has no area"));
        }
        let centre = |j: usize, i: usize| place(lats[j * nx + i], lons[j * nx + i]);
        // Places one step beyond the rim are the mirror images of those inside.
        let along_row = |j: usize, i: isize| match i {
            -1 => beyond(centre(j, 0), centre(j, 1)),
            i if i as usize == nx => beyond(centre(j, nx - 1), centre(j, nx - 2)),
            i => centre(j, i as usize),
        };
        let point = |j: isize, i: isize| match j {
            -1 => beyond(along_row(0, i), along_row(1, i)),
            j if j as usize == ny => beyond(along_row(ny - 1, i), along_row(ny - 2, i)),
            j => along_row(j as usize, i),
        };
        let corner = |j: isize, i: isize| {
            let around = [point(j, i), point(j, i + 1), point(j + 1, i), point(j + 1, i + 1)];
            unit(std::array::from_fn(|k| around.iter().map(|p| p[k]).sum()))
        };
        // Each corner is one of four cells: made once, row after row.
        let width = nx + 1;
        let all: Vec<Place> = (-1..ny as isize)
            .flat_map(|j| (-1..nx as isize).map(move |i| (j, i)))
            .map(|(j, i)| corner(j, i))
            .collect();
        let cell = |c: usize| {
            let first = c / nx * width + c % nx;
            [all[first], all[first + 1], all[first + width + 1], all[first + width]]
        };
        Ok((0..ny * nx).flat_map(cell).collect())
    }
}

fn place(lat: f64, lon: f64) -> Place {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// The place as far beyond `edge` as `inside` is before it.
fn beyond(edge: Place, inside: Place) -> Place {
    unit(std::array::from_fn(|k| 2.0 * edge[k] - inside[k]))
}

fn unit(v: Place) -> Place {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    v.map(|x| x / length)
}
