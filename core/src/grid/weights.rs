//! Areas as the weights of means.

use super::area::{area_between, edges, in_degrees, no_latitudes};
use super::{Grid, GridKind};
use crate::error::{Error, Result};

/// What cells count by their area; only ratios matter.
#[derive(Debug, Clone, PartialEq)]
pub enum AreaWeights {
    /// A cell counts what its row does times what its column does. Columns that are alike are
    /// left out.
    Separable {
        /// One for each row; empty if there is one horizontal dimension of another kind.
        rows: Vec<f64>,
        /// One for each column; empty: 1.
        columns: Vec<f64>,
    },
    /// One for each cell, C order.
    Cells(Vec<f64>),
}

impl Grid {
    /// Areas as weights: of a rectilinear grid from its bounds, else from edges half-way between
    /// the centres, as [`Self::areas`]; of a curvilinear or unstructured one from its bounds, else
    /// (curvilinear) from corners half-way between the centres. A cell without a place (land
    /// of some curvilinear grids) has NaN.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data), if the file has no latitudes and longitudes, or they
    /// tell no area.
    pub fn area_weights(&self) -> Result<AreaWeights> {
        let of_grid = |e: Error| e.remedy("use --weights none");
        self.find_weights().map_err(of_grid)
    }

    /// [`Self::area_weights`] as CDO 2 takes them: cells of a rectilinear grid have great circles for
    /// all of their sides, and where the file has no bounds of latitude, the first and the last row
    /// reach to the pole if they pass 88 degrees.
    ///
    /// # Errors
    /// As [`Self::area_weights`].
    pub fn great_circle_weights(&self) -> Result<AreaWeights> {
        let (Some(lat), GridKind::Rectilinear) = (&self.lat, self.kind) else { return self.area_weights() };
        let AreaWeights::Separable { columns, .. } = self.area_weights()? else { return self.area_weights() };
        let mut all = match &self.edges {
            Some(edges) => edges.clone(),
            None => self.cell_edges()?,
        };
        let last = all.lat.len().saturating_sub(1);
        for row in [0, last].into_iter().filter(|_| lat.bounds.is_none()) {
            let inner = if row == 0 { 1.min(last) } else { row - 1 };
            let towards = lat.values.to_f64();
            // The edge away from the other rows.
            let outer =
                usize::from(towards[row] > towards[inner]) ^ usize::from(all.lat[row][0] > all.lat[row][1]);
            let edge = &mut all.lat[row][outer];
            if edge.abs() > 88.0 {
                *edge = 90f64.copysign(*edge);
            }
        }
        let width = |i: usize| all.lon.get(i).map_or(0.0, |e| (e[1] - e[0]).abs().min(360.0));
        let area = |edges: &[f64; 2], width: f64| {
            let corner = |lat: f64, lon: f64| {
                let (lat, lon) = (lat.to_radians(), lon.to_radians());
                [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
            };
            let [a, b] = *edges;
            area_between(&[corner(a, 0.0), corner(a, width), corner(b, width), corner(b, 0.0)])
        };
        if columns.is_empty() {
            let rows = all.lat.iter().map(|e| area(e, width(0))).collect();
            return Ok(AreaWeights::Separable { rows, columns });
        }
        let cells = all.lat.iter().flat_map(|e| (0..all.lon.len()).map(move |i| (e, i)));
        Ok(AreaWeights::Cells(cells.map(|(e, i)| area(e, width(i))).collect()))
    }

    fn find_weights(&self) -> Result<AreaWeights> {
        if let (Some(lat), None, [_]) = (&self.lat, &self.lon, self.dims.as_slice()) {
            // Means along circles of latitude: rows only.
            in_degrees(lat)?;
            let rows = edges(lat, 90.0)?.iter().map(sine_width).collect();
            return Ok(AreaWeights::Separable { rows, columns: Vec::new() });
        }
        let (Some(lat), Some(lon)) = (&self.lat, &self.lon) else { return Err(no_latitudes()) };
        in_degrees(lat)?;
        in_degrees(lon)?;
        match self.kind {
            GridKind::Rectilinear => {
                let edges = match &self.edges {
                    Some(edges) => edges.clone(),
                    None => self.cell_edges()?,
                };
                let rows = edges.lat.iter().map(sine_width).collect();
                let columns: Vec<f64> = edges.lon.iter().map(|e| (e[1] - e[0]).abs().min(360.0)).collect();
                // Widths that differ by rounding are alike.
                let first = columns.first().copied().unwrap_or(1.0);
                let alike = columns.iter().all(|w| (w - first).abs() <= 1e-10 * first);
                Ok(AreaWeights::Separable { rows, columns: if alike { Vec::new() } else { columns } })
            }
            GridKind::Curvilinear if lat.bounds.is_none() || lon.bounds.is_none() => {
                Ok(AreaWeights::Cells(self.areas_between_centres()?))
            }
            GridKind::Unstructured if lat.bounds.is_none() || lon.bounds.is_none() => {
                Err(Error::data("the cells of the unstructured grid have no bounds to compute areas from"))
            }
            _ => Ok(AreaWeights::Cells(self.areas()?)),
        }
    }

    /// Areas of curvilinear cells whose corners are half-way between the centres around them.
    fn areas_between_centres(&self) -> Result<Vec<f64>> {
        Ok(self.corners_between_centres()?.chunks(4).map(area_between).collect())
    }
}

fn sine_width(edges: &[f64; 2]) -> f64 {
    (edges[1].to_radians().sin() - edges[0].to_radians().sin()).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::made::{coordinate, grid};
    use crate::meta::{Dim, Role};

    #[test]
    fn centres_alone_tell_areas_near_to_those_of_bounds() {
        let dims = [Dim::new("y", 20, Role::Y), Dim::new("x", 30, Role::X)];
        let lats: Vec<f64> = (0..600).map(|c| -19.0 + 2.0 * f64::from(c / 30)).collect();
        let lons: Vec<f64> = (0..600).map(|c| 100.0 + 2.0 * f64::from(c % 30)).collect();
        let grid = grid(
            GridKind::Curvilinear,
            &dims,
            Some(coordinate("lat", &dims, lats.clone())),
            Some(coordinate("lon", &dims, lons)),
        );
        let AreaWeights::Cells(areas) = grid.area_weights().unwrap() else { panic!("2-D") };
        for (c, area) in areas.iter().enumerate() {
            let exact =
                2f64.to_radians() * ((lats[c] + 1.0).to_radians().sin() - (lats[c] - 1.0).to_radians().sin());
            assert!((area / exact - 1.0).abs() < 2e-3, "cell {c}: {area} is not {exact}");
        }
    }

    #[test]
    fn great_circles_make_polar_rows_longer() {
        for flip in [false, true] {
            let mut lats: Vec<f64> = (0..89).map(|j| -88.0 + 2.0 * f64::from(j)).collect();
            if flip {
                lats.reverse();
            }
            let (y, x) = (Dim::new("lat", 89, Role::Y), Dim::new("lon", 180, Role::X));
            let lat = coordinate("lat", std::slice::from_ref(&y), lats);
            let lon =
                coordinate("lon", std::slice::from_ref(&x), (0..180).map(|i| 2.0 * f64::from(i)).collect());
            let grid = grid(GridKind::Rectilinear, &[y, x], Some(lat), Some(lon));
            let AreaWeights::Separable { rows, .. } = grid.great_circle_weights().unwrap() else {
                panic!("1-D")
            };
            // Cells whose sides are great circles, pole to pole, cover the sphere.
            let sum: f64 = rows.iter().map(|area| 180.0 * area).sum();
            assert!((sum / (4.0 * std::f64::consts::PI) - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn rows_are_enough_where_columns_are_alike() {
        let (y, x) = (Dim::new("lat", 3, Role::Y), Dim::new("lon", 4, Role::X));
        let lat = |role| coordinate("lat", &[Dim::new("lat", 3, role)], vec![-60.0, 0.0, 60.0]);
        let lon = |v: [f64; 4]| Some(coordinate("lon", std::slice::from_ref(&x), v.to_vec()));
        let both = [y, x.clone()];
        let even = grid(GridKind::Rectilinear, &both, Some(lat(Role::Y)), lon([0.0, 90.0, 180.0, 270.0]));
        let AreaWeights::Separable { rows, columns } = even.area_weights().unwrap() else { panic!("1-D") };
        assert!((rows[1] - 1.0).abs() < 1e-15 && (rows[0] - 0.5).abs() < 1e-15 && columns.is_empty());
        let uneven = grid(GridKind::Rectilinear, &both, Some(lat(Role::Y)), lon([0.0, 10.0, 180.0, 270.0]));
        assert!(
            matches!(uneven.area_weights().unwrap(), AreaWeights::Separable { columns, .. } if columns.len() == 4)
        );
        let zonal = [Dim::new("lat", 3, Role::X)];
        let means = grid(GridKind::Unstructured, &zonal, Some(lat(Role::X)), None);
        assert!(
            matches!(means.area_weights().unwrap(), AreaWeights::Separable { rows, .. } if rows.len() == 3)
        );
        let unknown = grid(GridKind::Unknown, &both, None, None);
        assert!(unknown.area_weights().unwrap_err().to_string().contains("--weights none"));
    }
}
