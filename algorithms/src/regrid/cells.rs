//! The cells of a grid as regridding sees them.

use super::vector::{place, Place};
use halocline_core::grid::{unwrap, CellEdges, Grid, GridKind};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};

/// Two longitudes that are this near to a whole circle apart (degrees, times the cell width) close it.
const CLOSED: f64 = 1e-3;

/// Centres of the cells of a grid; how they are laid out.
#[derive(Debug, Clone)]
pub struct Cells {
    /// The grid.
    pub grid: Grid,
    /// Rows and columns, of a rectilinear grid.
    pub axes: Option<Axes>,
}

/// The coordinates of a rectilinear grid.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Latitudes of the rows.
    pub lat: Vec<f64>,
    /// Longitudes of the columns.
    pub lon: Vec<f64>,
    /// Edges of both, if they are known.
    pub edges: Option<CellEdges>,
    /// Whether rows come first, as in (lat, lon).
    pub rows_first: bool,
    /// Whether the columns go all the way round.
    pub is_cyclic: bool,
}

impl Axes {
    /// Whether the last column stands at the longitude of the first, a turn on.
    pub(super) fn is_closed(&self) -> bool {
        let n = self.lon.len();
        n > 2 && {
            let (all, last) =
                ((self.lon[n - 1] - self.lon[0]).abs(), (self.lon[n - 1] - self.lon[n - 2]).abs());
            (all - 360.0).abs() <= CLOSED * last
        }
    }
}

impl Cells {
    /// Of a grid with latitudes and longitudes.
    ///
    /// # Errors
    /// Data, if it has none.
    pub fn new(grid: Grid) -> Result<Self> {
        if grid.is_empty() {
            return Err(Error::data("the grid has no cells"));
        }
        let axes = match (grid.kind, &grid.lat, &grid.lon, grid.dims.as_slice()) {
            (GridKind::Rectilinear, Some(lat), Some(lon), [first, _]) => {
                let (lat, mut lon) = (lat.values.to_f64(), lon.values.to_f64());
                check(&lat, &lon)?;
                unwrap(&mut lon);
                let edges = grid.edges.clone().or_else(|| grid.cell_edges().ok());
                let is_cyclic = is_cyclic(&lon, edges.as_ref());
                Some(Axes { lat, lon, edges, rows_first: first.role == Role::Y, is_cyclic })
            }
            (GridKind::Curvilinear | GridKind::Unstructured, Some(_), Some(_), _) => None,
            _ => return Err(Error::data("the grid has no latitude and longitude coordinates")),
        };
        Ok(Self { grid, axes })
    }
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.grid.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Latitudes and longitudes of all cells in degrees, C order.
    ///
    /// # Errors
    /// Data, if coordinates don't fit the grid.
    pub fn centres(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        match (self.grid.latitudes(), self.grid.longitudes()) {
            (Some(lat), Some(lon)) if lat.len() == self.len() && lon.len() == self.len() => Ok((lat, lon)),
            _ => Err(Error::data("the coordinates don't fit the grid")),
        }
    }
    /// The centres as places on the sphere; none where a coordinate is missing, as on the land of
    /// some curvilinear grids.
    ///
    /// # Errors
    /// As [`Self::centres`].
    pub fn places(&self) -> Result<Vec<Option<Place>>> {
        let (lat, lon) = self.centres()?;
        let known = |(lat, lon): (&f64, &f64)| {
            (lat.abs() <= 90.0 + 1e-6 && lon.abs() <= 3600.0).then(|| place(lat.clamp(-90.0, 90.0), *lon))
        };
        Ok(lat.iter().zip(&lon).map(known).collect())
    }
}

fn check(lat: &[f64], lon: &[f64]) -> Result<()> {
    let mut unwrapped = lon.to_vec();
    unwrap(&mut unwrapped);
    if let Some(bad) = lat.iter().find(|v| v.is_nan() || v.abs() > 90.0 + 1e-6) {
        return Err(Error::data(format!("a latitude of {bad} degrees lies beyond the poles")));
    }
    for (what, values) in [("latitudes", lat), ("longitudes", &unwrapped)] {
        let rises = values.windows(2).all(|w| w[1] > w[0]);
        if !rises && !values.windows(2).all(|w| w[1] < w[0]) {
            return Err(Error::data(format!("the {what} neither rise nor fall along the grid")));
        }
    }
    match lon.iter().find(|v| v.is_nan() || v.abs() > 3600.0) {
        Some(bad) => Err(Error::data(format!("a longitude of {bad} degrees is no longitude"))),
        None => Ok(()),
    }
}

fn is_cyclic(lon: &[f64], edges: Option<&CellEdges>) -> bool {
    let n = lon.len();
    if n < 2 {
        return edges.is_some_and(|e| e.lon.iter().any(|c| (c[1] - c[0]).abs() > 360.0 - CLOSED));
    }
    let step = (lon[n - 1] - lon[0]) / (n as f64 - 1.0);
    ((lon[n - 1] - lon[0]).abs() + step.abs() - 360.0).abs() <= 0.5 * step.abs().min(1.0)
}
