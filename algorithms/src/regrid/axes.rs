//! One dimension of rectilinear grids: overlaps of cells and places between centres.

/// An overlap of two cells along one dimension: cell of the source, and its size.
pub(super) type Overlap = (u32, f64);

/// For each interval of `to` those of `from` that it shares something with, and how much of
/// `measure` (a growing function) that is. Each interval may be given in either order.
pub(super) fn overlaps(
    from: &[[f64; 2]],
    to: &[[f64; 2]],
    measure: impl Fn(f64) -> f64,
) -> Vec<Vec<Overlap>> {
    let mut sorted: Vec<(f64, f64, u32)> =
        from.iter().enumerate().map(|(i, e)| (e[0].min(e[1]), e[0].max(e[1]), i as u32)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let longest = sorted.iter().map(|s| s.1 - s.0).fold(0.0, f64::max);
    to.iter()
        .map(|e| {
            let (low, high) = (e[0].min(e[1]), e[0].max(e[1]));
            let first = sorted.partition_point(|s| s.0 < low - longest);
            sorted[first..]
                .iter()
                .take_while(|s| s.0 < high)
                .filter(|s| s.1 > low)
                .map(|&(a, b, i)| (i, measure(b.min(high)) - measure(a.max(low))))
                .filter(|&(_, size)| size > 0.0)
                .collect()
        })
        .collect()
}

/// As [`overlaps`] for longitudes in degrees, with all turns of the circle.
pub(super) fn overlaps_on_circle(from: &[[f64; 2]], to: &[[f64; 2]]) -> Vec<Vec<Overlap>> {
    let turned: Vec<Vec<Vec<Overlap>>> = turns(from, to)
        .map(|turn| {
            let moved: Vec<[f64; 2]> = from.iter().map(|e| [e[0] + turn, e[1] + turn]).collect();
            overlaps(&moved, to, f64::to_radians)
        })
        .collect();
    (0..to.len())
        .map(|k| {
            let mut all: Vec<Overlap> = turned.iter().flat_map(|t| t[k].iter().copied()).collect();
            all.sort_by_key(|o| o.0);
            // Both ends of a cell that goes nearly all the way round.
            all.dedup_by(|b, a| {
                let same = a.0 == b.0;
                if same {
                    a.1 += b.1;
                }
                same
            });
            all
        })
        .collect()
}

/// Multiples of 360 that bring `from` anywhere near `to`.
fn turns(from: &[[f64; 2]], to: &[[f64; 2]]) -> impl Iterator<Item = f64> {
    let span = |e: &[[f64; 2]]| {
        e.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)))
    };
    let ((a, b), (c, d)) = (span(from), span(to));
    let (first, last) = (((c - b) / 360.0).floor(), ((d - a) / 360.0).ceil());
    // Longitudes are within a few turns; what is not has no overlap.
    let count = if (last - first).abs() < 16.0 { (last - first) as i32 + 1 } else { 0 };
    (0..count).map(move |k| (first + f64::from(k)) * 360.0)
}

/// Between which centres a place lies, and how far on the way from the first to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Between {
    pub(super) first: u32,
    pub(super) second: u32,
    pub(super) share: f64,
}

/// Finds a place between centres that rise or fall; `None` outside of them. Within rounding of
/// an outermost centre counts as at it.
pub(super) fn between(centres: &[f64], at: f64) -> Option<Between> {
    let n = centres.len();
    let falling = n > 1 && centres[n - 1] < centres[0];
    let value = |i: usize| if falling { centres[n - 1 - i] } else { centres[i] };
    let index = |i: usize| (if falling { n - 1 - i } else { i }) as u32;
    if n == 0 || !at.is_finite() {
        return None;
    }
    let slack = 1e-10 * (1.0 + at.abs());
    if at < value(0) - slack || at > value(n - 1) + slack {
        return None;
    }
    let at = at.clamp(value(0), value(n - 1));
    let (mut low, mut high) = (0, n - 1);
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if value(middle) <= at {
            low = middle;
        } else {
            high = middle;
        }
    }
    let width = value(high) - value(low);
    let share = if width > 0.0 { (at - value(low)) / width } else { 0.0 };
    Some(Between { first: index(low), second: index(high), share })
}

/// As [`between`] for longitudes in degrees that rise or fall: of any turn, and, if `cyclic`,
/// also between the last and the first.
pub(super) fn between_on_circle(centres: &[f64], at: f64, cyclic: bool) -> Option<Between> {
    let (&a, &b) = (centres.first()?, centres.last()?);
    let (low, high) = (a.min(b), a.max(b));
    let turned = at + 360.0 * ((low - at) / 360.0).ceil();
    // `turned` is in [low, low + 360), or rounding below `low`.
    let direct = between(centres, turned).or_else(|| between(centres, turned - 360.0));
    if direct.is_some() || !cyclic {
        return direct;
    }
    let (last, first) = if a < b { (centres.len() as u32 - 1, 0) } else { (0, centres.len() as u32 - 1) };
    let gap = low + 360.0 - high;
    let share = if gap > 0.0 { ((turned - high) / gap).clamp(0.0, 1.0) } else { 0.0 };
    Some(Between { first: last, second: first, share })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(edges: &[f64]) -> Vec<[f64; 2]> {
        edges.windows(2).map(|w| [w[0], w[1]]).collect()
    }

    #[test]
    fn overlaps_add_up() {
        let from = cells(&[0.0, 1.0, 2.5, 4.0, 7.0]);
        let mut falling = from.clone();
        falling.reverse();
        let falling: Vec<[f64; 2]> = falling.iter().map(|e| [e[1], e[0]]).collect();
        let to = cells(&[-1.0, 0.5, 3.0, 6.0, 9.0]);
        let sizes = |all: &[Vec<Overlap>]| -> Vec<f64> {
            all.iter().map(|o| o.iter().map(|p| p.1).sum::<f64>()).collect()
        };
        assert_eq!(sizes(&overlaps(&from, &to, |v| v)), [0.5, 2.5, 3.0, 1.0]);
        assert_eq!(sizes(&overlaps(&falling, &to, |v| v)), [0.5, 2.5, 3.0, 1.0]);
        assert_eq!(overlaps(&falling, &to, |v| v)[0], [(3, 0.5)]);
    }

    #[test]
    fn circles_close() {
        let from = cells(&(0..=36).map(|i| f64::from(i) * 10.0 - 5.0).collect::<Vec<_>>());
        let to = cells(&(0..=8).map(|i| f64::from(i) * 45.0 - 180.0).collect::<Vec<_>>());
        let found = overlaps_on_circle(&from, &to);
        for cell in &found {
            let sum: f64 = cell.iter().map(|o| o.1).sum();
            assert!((sum - 45f64.to_radians()).abs() < 1e-14);
        }
        let mut back = vec![0.0; 36];
        found.iter().flatten().for_each(|o| back[o.0 as usize] += o.1);
        assert!(back.iter().all(|s| (s - 10f64.to_radians()).abs() < 1e-14));
        let whole = overlaps_on_circle(&[[0.0, 360.0]], &[[-90.0, 90.0]]);
        assert_eq!(whole[0].len(), 1);
        assert!((whole[0][0].1 - std::f64::consts::PI).abs() < 1e-14);
    }

    #[test]
    fn places_between_centres() {
        let lat = [10.0, 0.0, -10.0];
        assert_eq!(between(&lat, 2.5), Some(Between { first: 1, second: 0, share: 0.25 }));
        assert_eq!(between(&lat, 10.5), None);
        assert_eq!(between(&[5.0], 5.0), Some(Between { first: 0, second: 0, share: 0.0 }));
        let lon: Vec<f64> = (0..36).map(|i| f64::from(i) * 10.0).collect();
        assert_eq!(between_on_circle(&lon, -2.5, true), Some(Between { first: 35, second: 0, share: 0.75 }));
        assert_eq!(between_on_circle(&lon, 725.0, true), Some(Between { first: 0, second: 1, share: 0.5 }));
        assert_eq!(between_on_circle(&lon, -2.5, false), None);
        let falling: Vec<f64> = lon.iter().rev().copied().collect();
        assert_eq!(
            between_on_circle(&falling, 357.5, true),
            Some(Between { first: 0, second: 35, share: 0.75 })
        );
        let box_across = [350.0, 360.0, 370.0];
        assert_eq!(
            between_on_circle(&box_across, 5.0, false),
            Some(Between { first: 1, second: 2, share: 0.5 })
        );
        assert_eq!(between_on_circle(&box_across, 20.0, false), None);
    }
}
