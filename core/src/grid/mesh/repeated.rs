//! Cells of a grid that stand for the same piece of the sphere as others.

use super::recognise::{recognise, TopologyChoice};
use super::{Point, Topology};
use crate::error::Result;
use crate::grid::{Grid, GridKind};
use crate::meta::Role;

impl Grid {
    /// Which cells repeat others, as a last column at the longitude of the first, NEMO's two columns,
    /// or what lies behind the fold of a tripolar grid: whoever adds up cells counts them once. C
    /// order; empty if there are none.
    ///
    /// # Errors
    /// As [`recognise`].
    pub fn repeated(&self) -> Result<Vec<bool>> {
        let (Some(lon), [first, second]) = (&self.lon, self.dims.as_slice()) else { return Ok(Vec::new()) };
        let shape = [first.len, second.len];
        match self.kind {
            GridKind::Rectilinear => {
                // The equator tells of all rows.
                let (lon, row) = (lon.values.to_f64(), [1, lon.values.len()]);
                let columns = cells(row, recognise(row, &vec![0.0; lon.len()], &lon, TopologyChoice::Auto)?);
                let column = |c: usize| if first.role == Role::X { c / second.len } else { c % second.len };
                Ok(if columns.is_empty() {
                    columns
                } else {
                    (0..self.len()).map(|c| columns[column(c)]).collect()
                })
            }
            GridKind::Curvilinear => match (self.latitudes(), self.longitudes()) {
                (Some(lat), Some(lon)) => {
                    Ok(cells(shape, recognise(shape, &lat, &lon, TopologyChoice::Auto)?))
                }
                _ => Ok(Vec::new()),
            },
            _ => Ok(Vec::new()),
        }
    }
}

fn cells([rows, columns]: [usize; 2], found: Topology) -> Vec<bool> {
    let again = |c: usize| {
        let (j, i) = ((c / columns) as isize, (c % columns) as isize);
        let (first_j, first_i, _) = found.first_place(Point::T, j, i);
        (first_j, first_i) != (j, i)
    };
    let all: Vec<bool> = (0..rows * columns).map(again).collect();
    if all.contains(&true) {
        all
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Attributes, Coordinate, DType, Dim, Values, Variable};

    fn of(kind: GridKind, dims: &[Dim], lat: (&[Dim], Vec<f64>), lon: (&[Dim], Vec<f64>)) -> Grid {
        let coordinate = |name: &str, (dims, values): (&[Dim], Vec<f64>)| Coordinate {
            variable: Variable {
                name: name.into(),
                dims: dims.to_vec(),
                dtype: DType::F64,
                attributes: Attributes::new(),
            },
            values: Values::F64(values),
            bounds: None,
        };
        let (lat, lon) = (Some(coordinate("lat", lat)), Some(coordinate("lon", lon)));
        Grid { kind, dims: dims.to_vec(), lat, lon, extra: vec![], edges: None, excluded: vec![] }
    }

    #[test]
    fn a_column_of_the_same_longitude_is_one_again() {
        let (y, x) = (Dim::new("lat", 3, Role::Y), Dim::new("lon", 37, Role::X));
        let lat = || vec![90.0, 0.0, -90.0];
        let lon: Vec<f64> = (0..37).map(|i| f64::from(i) * 10.0).collect();
        let rows_first = [y.clone(), x.clone()];
        let of_dims = |dims: &[Dim]| {
            of(
                GridKind::Rectilinear,
                dims,
                (std::slice::from_ref(&y), lat()),
                (std::slice::from_ref(&x), lon.clone()),
            )
        };
        let repeated = of_dims(&rows_first).repeated().unwrap();
        assert_eq!(repeated, (0..111).map(|c| c % 37 == 36).collect::<Vec<_>>());
        let repeated = of_dims(&[x.clone(), y.clone()]).repeated().unwrap();
        assert_eq!(repeated, (0..111).map(|c| c / 3 == 36).collect::<Vec<_>>());
        // Without it, or of half of the globe, there is none.
        let x = Dim::new("lon", 36, Role::X);
        for step in [10.0, 5.0] {
            let lon = (0..36).map(|i| f64::from(i) * step).collect();
            let grid = of(
                GridKind::Rectilinear,
                &[y.clone(), x.clone()],
                (std::slice::from_ref(&y), lat()),
                (std::slice::from_ref(&x), lon),
            );
            assert!(grid.repeated().unwrap().is_empty());
        }
    }
}
