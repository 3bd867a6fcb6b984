//! The cell that is nearest to a place.

use halocline_core::grid::Grid;

/// Reads a place as users write it.
pub(crate) fn parse_at(text: &str) -> std::result::Result<[f64; 2], String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers.as_slice() {
        &[lon, lat] if text.split(',').count() == 2 && lon.is_finite() && lat.abs() <= 90.0 => Ok([lon, lat]),
        _ => Err("write longitude and latitude in degrees, as in 180,0".to_owned()),
    }
}

/// The number of the cell whose centre is nearest to a longitude and latitude, the first if several
/// are; on a grid that knows only one of them, by that one. `None` where there is neither.
pub(crate) fn nearest(grid: &Grid, [lon, lat]: [f64; 2]) -> Option<usize> {
    let (lats, lons) = (grid.latitudes(), grid.longitudes());
    if lats.is_none() && lons.is_none() {
        return None;
    }
    // The sine of half the distance, squared; of one coordinate alone, of its difference.
    let distance = |i: usize| {
        let there = lats.as_ref().map_or(lat, |l| l[i]).to_radians();
        let across = (lons.as_ref().map_or(lon, |l| l[i]) - lon).to_radians();
        let along = there - lat.to_radians();
        (0.5 * along).sin().powi(2) + there.cos() * lat.to_radians().cos() * (0.5 * across).sin().powi(2)
    };
    let finite = (0..grid.len()).map(|i| (i, distance(i))).filter(|(_, d)| d.is_finite());
    finite.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}
