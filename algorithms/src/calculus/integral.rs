//! Integrals over maps.

use halocline_core::engine::Numbers;

/// What a row adds to an integral.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RowIntegral {
    /// ∬ f dA over its cells.
    pub sum: f64,
    /// The area of those that are not missing.
    pub covered: f64,
    /// Whether there are any.
    pub is_known: bool,
}

/// The sums of values times areas of each row, of the shares of cells that count
/// ([`Mesh::shares`](halocline_core::grid::mesh::Mesh::shares)), in the order of the row.
pub fn row_integrals(map: Numbers<'_>, areas: &[f64], shares: &[f64], columns: usize) -> Vec<RowIntegral> {
    let value = |at: usize| match map {
        Numbers::F32(v) => f64::from(v[at]),
        Numbers::F64(v) => v[at],
    };
    let rows = areas.chunks(columns.max(1)).zip(shares.chunks(columns.max(1))).enumerate();
    rows.map(|(row, (areas, shares))| {
        let mut made = RowIntegral::default();
        for (at, (area, share)) in areas.iter().zip(shares).enumerate() {
            let v = value(row * columns + at);
            if *share > 0.0 && !v.is_nan() && !area.is_nan() {
                made.sum += v * (area * share);
                made.covered += area * share;
                made.is_known = true;
            }
        }
        made
    })
    .collect()
}

/// ∬ f dA and the area that it is over: rows are summed in their order, so that it does not matter
/// who made which of them. All missing: NaN.
pub fn area_integral(rows: impl IntoIterator<Item = RowIntegral>) -> (f64, f64) {
    let mut all = RowIntegral::default();
    for row in rows.into_iter().filter(|row| row.is_known) {
        all.sum += row.sum;
        all.covered += row.covered;
        all.is_known = true;
    }
    (if all.is_known { all.sum } else { f64::NAN }, all.covered)
}
