//! The target grid, as a file of weights tells it.

use super::Names;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_io::dataset::Dataset;

/// The target grid, from centres and corners.
pub(super) fn target(dataset: &Dataset, names: &Names, shape: &[usize]) -> Option<Grid> {
    let cells: usize = shape.iter().product();
    let degrees = |name: &str| super::degrees(dataset, name);
    let (lat, lon) = (degrees(names.lat)?, degrees(names.lon)?);
    if lat.len() != cells || lon.len() != cells {
        return None;
    }
    let corners = degrees(names.lat_corners).zip(degrees(names.lon_corners));
    let corners = corners
        .filter(|(a, o)| a.len() == o.len() && a.len() % cells.max(1) == 0 && a.len() / cells.max(1) >= 3);
    if let &[ny, nx] = shape {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let even = (0..cells).all(|c| near(lat[c], lat[c / nx * nx]) && near(lon[c], lon[c % nx]));
        if even {
            let rows: Vec<f64> = (0..ny).map(|j| rounded(lat[j * nx])).collect();
            let (y, x) = (Dim::new("lat", ny, Role::Y), Dim::new("lon", nx, Role::X));
            let columns: Vec<f64> = (0..nx).map(|i| rounded(lon[i])).collect();
            let edges = corners.as_ref().map(|(lat, lon)| edges((lat, &rows), (lon, &columns)));
            let (of_lat, of_lon) = edges.unwrap_or_default();
            return Some(Grid {
                kind: GridKind::Rectilinear,
                lat: Some(coordinate("latitude", std::slice::from_ref(&y), "lat", rows, of_lat)),
                lon: Some(coordinate("longitude", std::slice::from_ref(&x), "lon", columns, of_lon)),
                dims: vec![y, x],
                extra: Vec::new(),
                edges: None,
                excluded: Vec::new(),
            });
        }
    }
    let dims = match shape {
        &[ny, nx] => vec![Dim::new("y", ny, Role::Y), Dim::new("x", nx, Role::X)],
        _ => vec![Dim::new("cell", cells, Role::X)],
    };
    let kind = if dims.len() == 2 { GridKind::Curvilinear } else { GridKind::Unstructured };
    let (lat_corners, lon_corners) = corners.unzip();
    Some(Grid {
        kind,
        lat: Some(coordinate("latitude", &dims, "lat", lat, lat_corners)),
        lon: Some(coordinate("longitude", &dims, "lon", lon, lon_corners)),
        dims,
        extra: Vec::new(),
        edges: None,
        excluded: Vec::new(),
    })
}

/// Bounds of rows and columns from the corners of cells, of those that are the same for all cells: a
/// pair each, in the order of the coordinate.
fn edges(
    (lat, rows): (&[f64], &[f64]),
    (lon, columns): (&[f64], &[f64]),
) -> (Option<Vec<f64>>, Option<Vec<f64>>) {
    let (ny, nx) = (rows.len(), columns.len());
    let each = lat.len() / (ny * nx).max(1);
    // Corners of a cell as departures from its centre, the short way round.
    let ends = |values: &[f64], cell: usize, centre: f64, is_lon: bool| {
        let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
        for value in &values[cell * each..(cell + 1) * each] {
            let apart = value - centre;
            let apart = if is_lon { apart - 360.0 * (apart / 360.0).round() } else { apart };
            ends = (ends.0.min(apart), ends.1.max(apart));
        }
        [rounded(centre + ends.0), rounded(centre + ends.1)]
    };
    let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9;
    let holds = |edge: [f64; 2], centre: f64| edge[0] < edge[1] && edge[0] <= centre && centre <= edge[1];
    let of_lat: Option<Vec<[f64; 2]>> = (0..ny)
        .map(|j| {
            let first = ends(lat, j * nx, rows[j], false);
            let same = (1..nx).all(|i| near(first, ends(lat, j * nx + i, rows[j], false)));
            (same && holds(first, rows[j])).then_some(first)
        })
        .collect();
    let of_lon: Option<Vec<[f64; 2]>> = (0..nx)
        .map(|i| {
            // At a pole any longitude is right.
            let at_pole = |j: usize| {
                of_lat.as_ref().is_some_and(|all| all[j].iter().any(|v| v.abs() > 90.0 - 1e-9)) && ny > 2
            };
            let mut told = (0..ny).filter(|j| !at_pole(*j)).map(|j| ends(lon, j * nx + i, columns[i], true));
            let first = told.next()?;
            (told.all(|other| near(first, other)) && holds(first, columns[i])).then_some(first)
        })
        .collect();
    let pairs = |all: Vec<[f64; 2]>, values: &[f64]| {
        let falls = values.first() > values.last();
        all.into_iter().flat_map(|[a, b]| if falls { [b, a] } else { [a, b] }).collect::<Vec<f64>>()
    };
    (of_lat.map(|all| pairs(all, rows)), of_lon.map(|all| pairs(all, columns)))
}

/// Radians leave traces in the last digits of degrees.
fn rounded(degrees: f64) -> f64 {
    let near = (degrees * 1e6).round() / 1e6;
    if (degrees - near).abs() < 1e-10 {
        near
    } else {
        degrees
    }
}

fn coordinate(
    standard: &str,
    dims: &[Dim],
    name: &str,
    values: Vec<f64>,
    corners: Option<Vec<f64>>,
) -> Coordinate {
    let units = if name == "lat" { "degrees_north" } else { "degrees_east" };
    let mut attributes = Attributes::new().with("standard_name", standard).with("units", units);
    let bounds = corners.map(|corners| {
        let bounds_name = format!("{name}_bnds");
        attributes.set("bounds", bounds_name.as_str());
        let nv = Dim::new("nv", corners.len() / values.len().max(1), Role::Other);
        let dims = dims.iter().cloned().chain([nv]).collect();
        let variable = Variable { name: bounds_name, dims, dtype: DType::F64, attributes: Attributes::new() };
        Box::new(Coordinate { variable, values: Values::F64(corners), bounds: None })
    });
    let variable = Variable { name: name.to_owned(), dims: dims.to_vec(), dtype: DType::F64, attributes };
    Coordinate { variable, values: Values::F64(values), bounds }
}
