//! Integrals over maps.

use halocline_core::engine::Numbers;

/// ∬ f dA: the sum of values times areas, of the shares of cells that count
/// ([`Mesh::shares`](halocline_core::grid::mesh::Mesh::shares)), in the order of the map, and the
/// area of those that are not missing. All missing: NaN.
pub fn area_integral(map: Numbers<'_>, areas: &[f64], shares: &[f64]) -> (f64, f64) {
    let value = |at: usize| match map {
        Numbers::F32(v) => f64::from(v[at]),
        Numbers::F64(v) => v[at],
    };
    let (mut sum, mut covered) = (0.0, 0.0);
    let mut is_missing = true;
    for (at, (area, share)) in areas.iter().zip(shares).enumerate() {
        let v = value(at);
        if *share > 0.0 && !v.is_nan() && !area.is_nan() {
            sum += v * (area * share);
            covered += area * share;
            is_missing = false;
        }
    }
    (if is_missing { f64::NAN } else { sum }, covered)
}
