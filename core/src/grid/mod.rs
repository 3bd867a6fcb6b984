//! Horizontal grids: where the cells are and how much they count.

mod area;
mod corners;
#[cfg(test)]
mod made;
pub mod mesh;
mod spacing;
mod weights;

pub use area::unwrap;
pub use spacing::{along_line, Spacing, Steps, EARTH_RADIUS};
pub use weights::AreaWeights;

use crate::meta::{Coordinate, Dim, Role};
use serde::{Deserialize, Serialize};

/// How the horizontal coordinates are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GridKind {
    /// Latitude and longitude are 1-D coordinates of the Y and X dimensions.
    Rectilinear,
    /// Latitude and longitude are 2-D over (Y, X).
    Curvilinear,
    /// One horizontal dimension (X), latitude and longitude along it.
    Unstructured,
    /// The file states no latitude and longitude.
    Unknown,
}

/// The two edges of each row and of each column of a rectilinear grid, in degrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellEdges {
    /// South and north, in the order of the file.
    pub lat: Vec<[f64; 2]>,
    /// West and east, in the order of the file.
    pub lon: Vec<[f64; 2]>,
}

/// The horizontal grid of a variable, after selection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Layout.
    pub kind: GridKind,
    /// The horizontal dimensions in the variable's order: `[Y, X]`, or `[X]`.
    pub dims: Vec<Dim>,
    /// Latitude, degrees north.
    pub lat: Option<Coordinate>,
    /// Longitude, degrees east.
    pub lon: Option<Coordinate>,
    /// 1-D coordinates of the horizontal dimensions that are neither (projection `x`, `y`,
    /// rotated `rlat`, grid indices) and other things to be carried along, such as the
    /// grid-mapping variable.
    pub extra: Vec<Coordinate>,
    /// Edges of the cells of a rectilinear grid as the whole grid of the file gives them, of what
    /// is selected; `None`: to be found from the coordinates here.
    pub edges: Option<CellEdges>,
    /// Cells that the selection leaves out although they lie in its index box (a
    /// longitude-latitude box on a curvilinear grid). C order; empty: none left out.
    pub excluded: Vec<bool>,
}

impl Grid {
    /// Lengths of the horizontal dimensions.
    pub fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|d| d.len).collect()
    }
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.dims.iter().map(|d| d.len).product()
    }
    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Latitude of every cell in degrees, C order; `None` where the file states none.
    pub fn latitudes(&self) -> Option<Vec<f64>> {
        self.spread(self.lat.as_ref()?, Role::Y)
    }
    /// Longitude of every cell in degrees, C order; `None` where the file states none.
    pub fn longitudes(&self) -> Option<Vec<f64>> {
        self.spread(self.lon.as_ref()?, Role::X)
    }
    /// A coordinate's values for every cell.
    fn spread(&self, coordinate: &Coordinate, along: Role) -> Option<Vec<f64>> {
        let values = coordinate.values.to_f64();
        if values.len() == self.len() && self.kind != GridKind::Rectilinear {
            return Some(values);
        }
        let [y, x] = self.dims.as_slice() else { return None };
        let by_row = match along {
            Role::Y => y.role == Role::Y,
            _ => y.role == Role::X,
        };
        Some((0..y.len * x.len).map(|c| if by_row { values[c / x.len] } else { values[c % x.len] }).collect())
    }
}
