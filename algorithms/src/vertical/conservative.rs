//! Layers of columns to other layers, with the integral kept.

/// What the values of layers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The same in any part of a layer: a layer gets the mean of its parts, by their thickness.
    Intensive,
    /// An amount of the layer, such as a transport or a mass: it is shared out by thickness.
    Extensive,
}

/// Layers of `n` columns side by side to the layers between `targets`: `edges` are `[level + 1, n]`,
/// `values` and `thickness` `[level, n]`; `out` and `covered` are `[targets − 1, n]`. `covered` gets
/// the thickness of the parts that a layer was made of, so that Σ out · covered (intensive) or Σ out
/// (extensive) is that of the source, as far as the targets reach. A layer without any is missing.
/// `thickness` weighs intensive values: that of layers in space, where `edges` are of a field such
/// as density; a layer of which the field is the same above and below goes to one layer as a whole.
pub fn remap(
    quantity: Quantity,
    n: usize,
    (edges, values, thickness): (&[f64], &[f64], &[f64]),
    targets: &[f64],
    (out, covered): (&mut [f64], &mut [f64]),
) {
    let levels = values.len() / n.max(1);
    let rising = targets.first() <= targets.last();
    out.fill(0.0);
    covered.fill(0.0);
    for k in 0..levels {
        for i in 0..n {
            let (a, b, v) = (edges[k * n + i], edges[(k + 1) * n + i], values[k * n + i]);
            let (low, high) = (a.min(b), a.max(b));
            let h = thickness[k * n + i];
            if !(v.is_finite() && low.is_finite() && high.is_finite() && h.is_finite()) {
                continue;
            }
            for (m, pair) in targets.windows(2).enumerate() {
                let (from, to) = if rising { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
                let share = if high > low {
                    let part = high.min(to) - low.max(from);
                    if part <= 0.0 {
                        continue;
                    }
                    part / (high - low)
                } else {
                    let is_last = if rising { m + 2 == targets.len() } else { m == 0 };
                    if !(low >= from && (low < to || is_last && low <= to)) {
                        continue;
                    }
                    1.0
                };
                let at = m * n + i;
                out[at] += match quantity {
                    Quantity::Intensive => v * h * share,
                    Quantity::Extensive => v * share,
                };
                covered[at] += h * share;
            }
        }
    }
    for (v, covered) in out.iter_mut().zip(covered) {
        if *covered == 0.0 {
            *v = f64::NAN;
        } else if quantity == Quantity::Intensive {
            *v /= *covered;
        }
    }
}
