//! Histograms of small tiles against counting by hand.

use super::*;
use halocline_core::index::IndexBox;

fn dims() -> Vec<Dim> {
    vec![Dim::new("time", 6, Role::Time), Dim::new("lat", 3, Role::Y), Dim::new("lon", 4, Role::X)]
}

fn value(t: usize, c: usize) -> f64 {
    match (t * 5 + c * 3) % 11 {
        0 => f64::NAN,
        n => n as f64 - 2.0,
    }
}

fn values(steps: std::ops::Range<usize>, cells: std::ops::Range<usize>, shift: usize) -> Vec<f64> {
    steps.flat_map(|t| cells.clone().map(move |c| value(t + shift, c))).collect()
}

#[test]
fn joint_counts_over_all_kept_times_and_kept_cells() {
    let bins = [Bins::uniform(0.0, 6.0, 3).unwrap(), Bins::edges(vec![-1.0, 1.0, 7.0]).unwrap()];
    let weights: Vec<f64> = (0..12).map(|c| 1.0 + f64::from(c)).collect();
    for over in [&[Role::Time, Role::Y, Role::X][..], &[Role::Time], &[Role::Y, Role::X], &[Role::Y]] {
        let fold = Histogram::new(&bins, &dims(), over, weights.clone()).unwrap();
        // Two tiles in time, merged where time is reduced.
        let mut states: Vec<HistogramState> = Vec::new();
        for (id, steps) in [0..4, 4..6].into_iter().enumerate() {
            let tile = Tile { id, block: IndexBox::new(vec![steps.clone(), 0..3, 0..4]) };
            let mut state = fold.start(0);
            let (a, b) = (values(steps.clone(), 0..12, 0), values(steps, 0..12, 7));
            let together = [Numbers::F64(&a), Numbers::F64(&b)];
            fold.absorb(&mut state, &Piece::whole_together(&tile, &together)).unwrap();
            assert_eq!(fold.state_bytes(&tile), 8 * (state.counts.len() + state.sums.len()) as u64);
            states.push(state);
        }
        let keeps_time = !over.contains(&Role::Time);
        if !keeps_time {
            let right = states.pop().unwrap();
            let left = states.pop().unwrap();
            states.push(fold.merge(left, right).unwrap());
        }
        let counts: Vec<i64> = states.iter().flat_map(|s| s.counts(&bins)).collect();
        let sums: Vec<f64> = states.iter().flat_map(|s| s.sums(&bins)).collect();
        let apart: Vec<_> = states.iter().map(|s| s.apart(&bins)).collect();
        let slots = counts.len() / 6;
        let (mut by_hand, mut weighed, mut missing) = (vec![0i64; slots * 6], vec![0.0; slots * 6], 0);
        for t in 0..6 {
            for c in 0..12 {
                let (v, w) = (value(t, c), value(t + 7, c));
                let (k, l) = (bins[0].code(v), bins[1].code(w));
                missing += i64::from(v.is_nan() || w.is_nan());
                if k >= 3 || l >= 2 {
                    continue;
                }
                let mut slot = if keeps_time { t } else { 0 };
                for (role, n, at) in [(Role::Y, 3, c / 4), (Role::X, 4, c % 4)] {
                    if !over.contains(&role) {
                        slot = slot * n + at;
                    }
                }
                by_hand[slot * 6 + k * 2 + l] += 1;
                weighed[slot * 6 + k * 2 + l] += 1.0 + c as f64;
            }
        }
        assert_eq!(counts, by_hand, "{over:?}");
        assert_eq!(sums, weighed, "{over:?}");
        assert_eq!(apart.iter().flat_map(|a| &a.missing).sum::<i64>(), missing);
        let above: i64 = apart.iter().flat_map(|a| &a.above[0]).sum();
        let pairs = (0..6).flat_map(|t| (0..12).map(move |c| (value(t, c), value(t + 7, c))));
        assert_eq!(above, pairs.filter(|(v, w)| *v > 6.0 && !w.is_nan()).count() as i64);
    }
}

#[test]
fn pieces_may_come_step_by_step() {
    let bins = [Bins::uniform(-2.0, 9.0, 5).unwrap()];
    let fold = Histogram::new(&bins, &dims(), &[Role::Time, Role::Y, Role::X], Vec::new()).unwrap();
    let tile = Tile { id: 0, block: IndexBox::whole(&[6, 3, 4]) };
    let all = values(0..6, 0..12, 0);
    let mut whole = fold.start(0);
    fold.absorb(&mut whole, &Piece::whole(&tile, &all)).unwrap();
    assert_eq!(whole.counts(&bins).iter().sum::<i64>() + whole.apart(&bins).missing[0], 72);
}
