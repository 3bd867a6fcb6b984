//! Divergence of horizontal fluxes.

/// 1/(a cos φ) (∂u/∂λ + ∂(v cos φ)/∂φ) of a map: differences of fluxes through the sides of cells,
/// each the mean of the two cells beside it, over the area of the cell between `lat_edges` (radians,
/// one more than latitudes); `dlon` (radians) is their distance, negative where they go westward. So the integral over a whole sphere is 0. `is_global`: the map closes
/// in itself, else the outer cells of a row are missing; nothing goes through the ends of a column
/// where these are poles, else cells there are missing.
pub fn horizontal_divergence(
    u: &[f64],
    v: &[f64],
    lat_edges: &[f64],
    (dlon, is_global): (f64, bool),
    radius: f64,
) -> Vec<f64> {
    let lat = lat_edges.len().saturating_sub(1);
    let lon = u.len() / lat.max(1);
    let mut out = vec![f64::NAN; u.len()];
    let pole = |edge: f64| edge.cos().abs() < 1e-10;
    let north = |edge: usize, i: usize| -> f64 {
        if pole(lat_edges[edge]) {
            return 0.0;
        }
        if edge == 0 || edge == lat {
            return f64::NAN;
        }
        0.5 * (v[(edge - 1) * lon + i] + v[edge * lon + i]) * radius * lat_edges[edge].cos() * dlon
    };
    for j in 0..lat {
        let height = (lat_edges[j + 1] - lat_edges[j]).abs() * radius;
        let area = radius * radius * dlon * (lat_edges[j + 1].sin() - lat_edges[j].sin()).abs();
        let up = (lat_edges[j + 1] - lat_edges[j]).signum();
        for i in 0..lon {
            if !is_global && (i == 0 || i + 1 == lon) {
                continue;
            }
            let (west, east) = ((i + lon - 1) % lon, (i + 1) % lon);
            let along = 0.5 * (u[j * lon + east] - u[j * lon + west]) * height;
            out[j * lon + i] = (along + up * (north(j + 1, i) - north(j, i))) / area;
        }
    }
    out
}
