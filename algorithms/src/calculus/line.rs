//! Derivatives and integrals along a line: of time, of depth, of rows and columns.

/// Where a cumulative integral begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// With the first value.
    FromStart,
    /// With the last.
    FromEnd,
}

/// Derivatives along a line whose points lie at `places`: second-order differences of three unevenly
/// spaced points; at the ends, and beside missing values, of two if `one_sided`, else missing.
pub fn derivative(values: &[f64], places: &[f64], one_sided: bool) -> Vec<f64> {
    let n = values.len();
    (0..n)
        .map(|k| {
            let before =
                k.checked_sub(1).map(|b| (values[b], places[k] - places[b])).filter(|(v, _)| !v.is_nan());
            let behind =
                (k + 1 < n).then(|| (values[k + 1], places[k + 1] - places[k])).filter(|(v, _)| !v.is_nan());
            match (before, behind) {
                (Some((a, back)), Some((b, on))) => {
                    (back / on * (b - values[k]) + on / back * (values[k] - a)) / (back + on)
                }
                (Some((a, back)), None) if one_sided => (values[k] - a) / back,
                (None, Some((b, on))) if one_sided => (b - values[k]) / on,
                _ => f64::NAN,
            }
        })
        .collect()
}

/// Σ f h over a line, without missing values; all missing: NaN.
pub fn weighted_sum(values: &[f64], lengths: &[f64]) -> f64 {
    let (mut sum, mut any) = (0.0, false);
    for (v, h) in values.iter().zip(lengths) {
        if !v.is_nan() && !h.is_nan() {
            sum += v * h;
            any = true;
        }
    }
    if any {
        sum
    } else {
        f64::NAN
    }
}

/// The integral from an end of the line to the far side of each cell; missing where the cell is.
pub fn cumulative(values: &[f64], lengths: &[f64], direction: Direction) -> Vec<f64> {
    let mut result = vec![f64::NAN; values.len()];
    let mut sum = 0.0;
    let mut step = |k: usize| {
        let part = values[k] * lengths[k];
        if !part.is_nan() {
            sum += part;
            result[k] = sum;
        }
    };
    match direction {
        Direction::FromStart => (0..values.len()).for_each(&mut step),
        Direction::FromEnd => (0..values.len()).rev().for_each(&mut step),
    }
    result
}
