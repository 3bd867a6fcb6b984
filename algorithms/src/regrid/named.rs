//! Grids that have a name: `r360x180`, `n80`.

use halocline_core::grid::{CellEdges, Grid, GridKind};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};

/// Most rows or columns that a name may ask for.
const MOST: usize = 20_000;

/// The grid with a name as CDO gives them, with bounds: `rNXxNY`, regular, first longitude 0,
/// latitudes from south to north, of an even number at the middle of their cells, of an odd one from
/// pole to pole; `nN` or `FN`, the regular Gaussian
/// grid with N latitudes between pole and equator, from north to south, 4 N longitudes. `None` for other
/// names.
///
/// # Errors
/// Usage, for a size of none, or beyond measure.
pub fn named_grid(name: &str) -> Option<Result<Grid>> {
    let name = name.to_ascii_lowercase();
    let number = |text: &str| text.parse::<usize>().ok();
    if let Some((nx, ny)) = name.strip_prefix('r').and_then(|n| n.split_once('x')) {
        let (nx, ny) = (number(nx)?, number(ny)?);
        return Some(check(nx, ny).map(|()| regular(nx, ny)));
    }
    let n = number(name.strip_prefix('n').or_else(|| name.strip_prefix('f'))?)?;
    let (nx, ny) = (n.saturating_mul(4), n.saturating_mul(2));
    Some(check(nx, ny).map(|()| gaussian(nx, ny)))
}

fn check(nx: usize, ny: usize) -> Result<()> {
    if nx == 0 || ny == 0 || nx > MOST || ny > MOST {
        return Err(Error::usage(format!("a grid of {nx} x {ny} cells"))
            .remedy(format!("choose between 1 and {MOST} in each direction")));
    }
    Ok(())
}

fn regular(nx: usize, ny: usize) -> Grid {
    // An odd number of rows has one on the equator and, as CDO has it, one on each pole.
    let on_poles = ny % 2 == 1 && ny > 1;
    let step = 180.0 / (ny - usize::from(on_poles)) as f64;
    let first = if on_poles { -90.0 } else { -90.0 + 0.5 * step };
    let edge = |j: usize| {
        if j == ny {
            90.0
        } else {
            (first + step * (j as f64 - 0.5)).max(-90.0)
        }
    };
    let lat = (0..ny).map(|j| first + step * j as f64).collect();
    rectilinear(lat, (0..ny).map(|j| [edge(j), edge(j + 1)]).collect(), nx)
}

fn gaussian(nx: usize, ny: usize) -> Grid {
    let lat: Vec<f64> = gauss_nodes(ny).into_iter().map(|x| x.asin().to_degrees()).collect();
    // Half-way between the rows, and at the poles.
    let edge = |j: usize| match j {
        0 => 90.0,
        j if j == ny => -90.0,
        j => 0.5 * (lat[j - 1] + lat[j]),
    };
    let edges = (0..ny).map(|j| [edge(j), edge(j + 1)]).collect();
    rectilinear(lat, edges, nx)
}

/// Roots of the Legendre polynomial of degree `n`, descending, by Newton's method from
/// Tricomi's estimates.
fn gauss_nodes(n: usize) -> Vec<f64> {
    let half: Vec<f64> = (0..n.div_ceil(2))
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            for _ in 0..16 {
                let (mut p, mut before) = (1.0, 0.0);
                for k in 0..n {
                    let k = k as f64;
                    (p, before) = (((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0), p);
                }
                let slope = n as f64 * (x * p - before) / (x * x - 1.0);
                let step = p / slope;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            x
        })
        .collect();
    let middle = n % 2;
    let mut nodes = half.clone();
    if middle == 1 {
        nodes[n / 2] = 0.0;
    }
    nodes.extend(half[..n / 2].iter().rev().map(|x| -x));
    nodes
}

fn rectilinear(lat: Vec<f64>, lat_edges: Vec<[f64; 2]>, nx: usize) -> Grid {
    let step = 360.0 / nx as f64;
    let lon: Vec<f64> = (0..nx).map(|i| step * i as f64).collect();
    let lon_edges: Vec<[f64; 2]> =
        (0..nx).map(|i| [step * (i as f64 - 0.5), step * (i as f64 + 0.5)]).collect();
    let (y, x) = (Dim::new("lat", lat.len(), Role::Y), Dim::new("lon", nx, Role::X));
    let lat = coordinate("latitude", "degrees_north", "Y", &y, lat, &lat_edges);
    let lon = coordinate("longitude", "degrees_east", "X", &x, lon, &lon_edges);
    Grid {
        kind: GridKind::Rectilinear,
        dims: vec![y, x],
        lat: Some(lat),
        lon: Some(lon),
        extra: Vec::new(),
        edges: Some(CellEdges { lat: lat_edges, lon: lon_edges }),
        excluded: Vec::new(),
    }
}

fn coordinate(
    standard: &str,
    units: &str,
    axis: &str,
    dim: &Dim,
    values: Vec<f64>,
    edges: &[[f64; 2]],
) -> Coordinate {
    let bounds_name = format!("{}_bnds", dim.name);
    let attributes = Attributes::new()
        .with("standard_name", standard)
        .with("long_name", standard)
        .with("units", units)
        .with("axis", axis)
        .with("bounds", bounds_name.as_str());
    let of = |name: &str, dims: Vec<Dim>, attributes| Variable {
        name: name.into(),
        dims,
        dtype: DType::F64,
        attributes,
    };
    let corners = Dim::new("bnds", 2, Role::Other);
    let bounds = Coordinate {
        variable: of(&bounds_name, vec![dim.clone(), corners], Attributes::new()),
        values: Values::F64(edges.iter().flatten().copied().collect()),
        bounds: None,
    };
    Coordinate {
        variable: of(&dim.name, vec![dim.clone()], attributes),
        values: Values::F64(values),
        bounds: Some(Box::new(bounds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_by_name() {
        let grid = named_grid("r72x36").unwrap().unwrap();
        assert_eq!(grid.shape(), [36, 72]);
        let sum: f64 = grid.areas().unwrap().iter().sum();
        assert!((sum / (4.0 * std::f64::consts::PI) - 1.0).abs() < 1e-13);
        let odd = named_grid("r4x5").unwrap().unwrap();
        assert_eq!(odd.lat.as_ref().unwrap().values.to_f64(), [-90.0, -45.0, 0.0, 45.0, 90.0]);
        let sum: f64 = odd.areas().unwrap().iter().sum();
        assert!((sum / (4.0 * std::f64::consts::PI) - 1.0).abs() < 1e-13);
        let gauss = named_grid("n16").unwrap().unwrap();
        assert_eq!(gauss.shape(), [32, 64]);
        let lat = gauss.lat.as_ref().unwrap().values.to_f64();
        // The first latitude of the N16 (T21) Gaussian grid.
        assert!((lat[0] - 85.760_587_120_444_98).abs() < 1e-11 && (lat[0] + lat[31]).abs() < 1e-13);
        let sum: f64 = gauss.areas().unwrap().iter().sum();
        assert!((sum / (4.0 * std::f64::consts::PI) - 1.0).abs() < 1e-13);
        assert_eq!(gauss_nodes(3).len(), 3);
        assert!((gauss_nodes(3)[0] - 0.6f64.sqrt()).abs() < 1e-15);
        assert!(named_grid("r0x180").unwrap().is_err() && named_grid("r360x99999").unwrap().is_err());
        assert!(
            named_grid("grid.nc").is_none()
                && named_grid("nonsense").is_none()
                && named_grid("r12").is_none()
        );
    }
}
