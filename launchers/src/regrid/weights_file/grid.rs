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
            let lon = (0..nx).map(|i| rounded(lon[i])).collect();
            return Some(Grid {
                kind: GridKind::Rectilinear,
                lat: Some(coordinate("latitude", std::slice::from_ref(&y), "lat", rows, None)),
                lon: Some(coordinate("longitude", std::slice::from_ref(&x), "lon", lon, None)),
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
