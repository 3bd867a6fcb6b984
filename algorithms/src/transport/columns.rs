//! What columns of water hold and tell: heat within layers, the depth of the mixed layer; and the
//! streamfunction of what flows through them.

/// ∫ of `values` over the part of each layer that lies between two depths, in metres from the top:
/// `layers` are thicknesses from the top down, missing values end the column. NaN where no water is
/// between.
pub fn between_depths(values: &[f64], layers: &[f64], [top, bottom]: [f64; 2]) -> f64 {
    let (mut depth, mut sum, mut there) = (0.0, 0.0, 0.0);
    for (value, layer) in values.iter().zip(layers) {
        if value.is_nan() || layer.is_nan() || *layer <= 0.0 {
            break;
        }
        let below = depth + layer;
        let part = (below.min(bottom) - f64::max(depth, top)).max(0.0);
        sum += value * part;
        there += part;
        depth = below;
    }
    if there > 0.0 {
        sum
    } else {
        f64::NAN
    }
}

/// The depth at which `values` differ by `threshold` from what they are at the depth `reference`: above
/// it by so much, or with `either` in either direction; linear between levels. `depths` are those of
/// levels from the top down, missing values end the column. Where they never do, `bottom`; NaN without
/// any water.
pub fn mixed_layer(
    values: &[f64],
    depths: &[f64],
    (reference, threshold, either): (f64, f64, bool),
    bottom: f64,
) -> f64 {
    let n = values.iter().position(|v| v.is_nan()).unwrap_or(values.len());
    if n == 0 {
        return f64::NAN;
    }
    let at = depths[..n].iter().position(|d| *d >= reference);
    let there = match at {
        None => return bottom,
        Some(0) => values[0],
        Some(k) => {
            let share = (reference - depths[k - 1]) / (depths[k] - depths[k - 1]);
            values[k - 1] + share * (values[k] - values[k - 1])
        }
    };
    let mut last = (reference.max(depths[0]), 0.0);
    for k in at.unwrap_or(0)..n {
        let now = (depths[k], values[k] - there);
        let reaches = if either { now.1.abs() >= threshold } else { now.1 >= threshold };
        if reaches {
            // Departures keep their sign: in an inversion they go through 0 between two levels.
            let wanted = threshold.copysign(now.1);
            let step = now.1 - last.1;
            let share = if step == 0.0 { 1.0 } else { (wanted - last.1) / step };
            return (last.0 + share * (now.0 - last.0)).min(bottom);
        }
        last = now;
    }
    bottom
}

/// Where the barotropic streamfunction begins with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Of flow along rows: the first row, or the last.
    FirstRow,
    /// See there.
    LastRow,
    /// Of flow along columns: the first column, or the last.
    FirstColumn,
    /// See there.
    LastColumn,
}

/// The streamfunction ψ with u = -∂ψ/∂y and v = ∂ψ/∂x of flow through faces, in place and in its
/// units, at the end of each face that is ahead, or `behind`: `flow` holds what each face lets through,
/// positive in the direction of the index, C order. Faces along rows for a sum over rows, along columns
/// for one over columns.
pub fn barotropic(flow: &mut [f64], columns: usize, from: From, behind: bool) {
    if columns == 0 {
        return;
    }
    let rows = flow.len() / columns;
    let own = if behind { flow.to_vec() } else { Vec::new() };
    ahead(flow, (rows, columns), from);
    // Across the face from the end ahead to the one behind.
    let sign = match from {
        From::FirstRow | From::LastRow => 1.0,
        From::FirstColumn | From::LastColumn => -1.0,
    };
    flow.iter_mut().zip(&own).for_each(|(psi, own)| *psi += sign * own);
}

fn ahead(flow: &mut [f64], (rows, columns): (usize, usize), from: From) {
    match from {
        From::FirstRow => {
            (0..columns).for_each(|i| flow[i] = -flow[i]);
            for k in columns..flow.len() {
                flow[k] = flow[k - columns] - flow[k];
            }
        }
        From::LastRow => {
            let mut above = vec![0.0; columns];
            for j in (0..rows).rev() {
                for i in 0..columns {
                    let own = flow[j * columns + i];
                    flow[j * columns + i] = above[i];
                    above[i] += own;
                }
            }
        }
        From::FirstColumn => {
            for row in flow.chunks_exact_mut(columns) {
                (1..columns).for_each(|i| row[i] += row[i - 1]);
            }
        }
        From::LastColumn => {
            for row in flow.chunks_exact_mut(columns) {
                let mut beyond = 0.0;
                for value in row.iter_mut().rev() {
                    let own = *value;
                    *value = -beyond;
                    beyond += own;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_between_depths_takes_parts_of_layers() {
        let (values, layers) = ([10.0, 8.0, 4.0, f64::NAN], [10.0, 20.0, 30.0, 40.0]);
        assert_eq!(between_depths(&values, &layers, [0.0, 10.0]), 100.0);
        assert_eq!(between_depths(&values, &layers, [5.0, 40.0]), 50.0 + 160.0 + 40.0);
        assert_eq!(between_depths(&values, &layers, [0.0, 1e4]), 100.0 + 160.0 + 120.0);
        assert!(between_depths(&values, &layers, [60.0, 100.0]).is_nan());
        assert!(between_depths(&[f64::NAN], &[10.0], [0.0, 10.0]).is_nan());
    }

    #[test]
    fn the_mixed_layer_ends_where_water_is_denser() {
        let depths = [5.0, 15.0, 25.0, 35.0];
        let sigma = [25.0, 25.0, 25.02, 25.06];
        let found = mixed_layer(&sigma, &depths, (10.0, 0.03, false), 40.0);
        assert!((found - 27.5).abs() < 1e-9, "{found}");
        // Warmer or colder.
        let t = [20.0, 20.0, 20.4, 10.0];
        assert!((mixed_layer(&t, &depths, (10.0, 0.2, true), 40.0) - 20.0).abs() < 1e-9);
        // An inversion: colder than at the reference, then warmer.
        let t = [-0.174, -0.337, 8.046];
        let there = -0.174 - 0.163 * 0.25;
        let wanted = 25.0 + 65.0 * (there + 0.2 + 0.337) / (8.046 + 0.337);
        let found = mixed_layer(&t, &[5.0, 25.0, 90.0], (10.0, 0.2, true), 100.0);
        assert!((found - wanted).abs() < 1e-9, "{found}");
        assert_eq!(mixed_layer(&[1.0, 1.0, 2.0], &[5.0, 25.0, 90.0], (10.0, 0.9, false), 60.0), 60.0);
        assert_eq!(mixed_layer(&[1.0; 4], &depths, (10.0, 0.03, false), 40.0), 40.0);
        assert!(mixed_layer(&[f64::NAN; 4], &depths, (10.0, 0.03, false), 40.0).is_nan());
        assert_eq!(mixed_layer(&[1.0, f64::NAN, 2.0, 3.0], &depths, (10.0, 0.03, false), 7.0), 7.0);
    }

    #[test]
    fn streamfunctions_of_both_components_agree() {
        let (ny, nx) = (5, 6);
        let inside = |j: i64, i: i64| (0..ny - 1).contains(&j) && (0..nx - 1).contains(&i);
        let psi = |j: i64, i: i64| if inside(j, i) { ((j * 5 + i * 3) as f64).cos() } else { 0.0 };
        let at = |f: &dyn Fn(i64, i64) -> f64| -> Vec<f64> {
            (0..ny).flat_map(|j| (0..nx).map(move |i| (j, i))).map(|(j, i)| f(j, i)).collect()
        };
        let u = at(&|j, i| psi(j - 1, i) - psi(j, i));
        let v = at(&|j, i| psi(j, i) - psi(j, i - 1));
        let wanted = at(&psi);
        for (flow, from) in
            [(&u, From::FirstRow), (&u, From::LastRow), (&v, From::FirstColumn), (&v, From::LastColumn)]
        {
            let mut found = flow.clone();
            barotropic(&mut found, nx as usize, from, false);
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{from:?}");
        }
    }
}
