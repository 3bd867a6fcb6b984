//! Levels of a section that have no values although the column has mass there.

use super::Levels;

/// Fills what is not known of a section `[level, lat]` by straight lines over pressure between the
/// levels that are, the nearest of them beyond; latitudes of which nothing is known stay as they
/// are.
pub fn bridge(levels: &Levels, lat: usize, known: &[bool], section: &mut [f64]) {
    let p = levels.pressure();
    for j in 0..lat {
        let there: Vec<usize> = levels.down().iter().copied().filter(|k| known[k * lat + j]).collect();
        if there.is_empty() || there.len() == levels.len() {
            continue;
        }
        for k in (0..levels.len()).filter(|k| !known[k * lat + j]) {
            let below = there.partition_point(|&other| p[other] < p[k]);
            let value = |place: usize| section[there[place] * lat + j];
            section[k * lat + j] = match below {
                0 => value(0),
                n if n == there.len() => value(n - 1),
                n => {
                    let [a, b] = [n - 1, n].map(|place| p[there[place]]);
                    let weight = (p[k] - a) / (b - a);
                    (1.0 - weight) * value(n - 1) + weight * value(n)
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_bridged_by_straight_lines() {
        let levels = Levels::new(&[1e5, 8e4, 5e4, 3e4, 1e4]).expect("levels");
        let mut section = vec![f64::NAN, 8.0, f64::NAN, 3.0, f64::NAN];
        let known: Vec<bool> = section.iter().map(|v| v.is_finite()).collect();
        bridge(&levels, 1, &known, &mut section);
        assert_eq!(section, [8.0, 8.0, 5.0, 3.0, 3.0]);
        let mut nothing = vec![f64::NAN; 5];
        bridge(&levels, 1, &[false; 5], &mut nothing);
        assert!(nothing.iter().all(|v| v.is_nan()));
    }
}
