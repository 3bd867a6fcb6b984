use super::approximate::{ApproximatePercentiles, SketchState};
use super::sketch::{bound, capacity, Sketch};
use halocline_core::engine::{Fold, Piece};
use halocline_core::index::IndexBox;
use halocline_core::tiling::Tile;

/// Series of all kinds, as keys.
fn series(kind: usize, n: usize) -> Vec<i32> {
    let mut state = 12_345_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32
    };
    let all = n as i32;
    match kind {
        0 => (0..n).map(|_| random()).collect(),
        1 => (0..all).collect(),
        2 => (0..all).rev().collect(),
        3 => vec![7; n],
        // Few values, again and again.
        4 => (0..all).map(|i| i % 5).collect(),
        // From both ends to the middle: each buffer spans what the one before left.
        5 => (0..all).map(|i| if i % 2 == 0 { i } else { 2 * all - i }).collect(),
        // Always between what came before (as far as integers go): the adversary of comparisons.
        6 => {
            let (mut low, mut high) = (-1_000_000_000, 1_000_000_000);
            (0..n)
                .map(|i| {
                    let middle = low + (high - low) / 2;
                    if i % 3 == 0 {
                        low = middle;
                    } else {
                        high = middle;
                    }
                    if high - low < 4 {
                        (low, high) = (random() / 2 - 1_000_000_000, random() / 2);
                    }
                    middle
                })
                .collect()
        }
        // Odd numbers of small values in every buffer.
        _ => (0..all).map(|i| if i % 64 < 33 { i % 7 } else { 1000 + i % 11 }).collect(),
    }
}

/// The largest difference of R' and R.
fn observed(sketch: &Sketch<i32>, values: &[i32]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let ranks: Vec<u64> = (1..=values.len() as u64).collect();
    let found = sketch.at_ranks(&ranks, &mut Vec::new());
    assert_eq!(found.len(), values.len(), "weights add up to the number of values");
    let mut worst = 0;
    for (rank, key) in ranks.iter().zip(found) {
        let (below, upto) = (sorted.partition_point(|v| *v < key), sorted.partition_point(|v| *v <= key));
        assert!(upto > below, "it is one of the values");
        // Its ranks are below + 1 to upto.
        worst = worst.max((below as u64 + 1).saturating_sub(*rank)).max(rank.saturating_sub(upto as u64));
    }
    worst
}

#[test]
fn ranks_are_within_the_bound_whatever_comes() {
    for kind in 0..8 {
        for n in [1, 63, 1000, 20_000] {
            for share in [0.2, 0.05, 0.01, 0.002] {
                let values = series(kind, n);
                let room = capacity(n, share);
                assert!(bound(n, room) <= share && room % 2 == 0, "{n} {share}");
                let mut one = Sketch::new();
                values.iter().for_each(|v| one.push(*v, room, n));
                // And merged from leaves of 64, in the order of a tree.
                let mut leaves: Vec<Sketch<i32>> = values
                    .chunks(64)
                    .map(|leaf| {
                        let mut sketch = Sketch::new();
                        leaf.iter().for_each(|v| sketch.push(*v, room, 64));
                        sketch
                    })
                    .collect();
                while leaves.len() > 1 {
                    let merged = leaves.chunks(2).map(|pair| {
                        let mut left = pair[0].clone();
                        pair.iter().skip(1).for_each(|right| left.merge(right.clone(), room));
                        left
                    });
                    leaves = merged.collect();
                }
                for sketch in [&one, &leaves[0]] {
                    assert_eq!(sketch.count as usize, n);
                    let seen = observed(sketch, &values);
                    assert!(
                        seen <= u64::from(sketch.error),
                        "{kind} {n} {share}: {seen} of {}",
                        sketch.error
                    );
                    let certain = bound(n, room) * n as f64;
                    assert!(
                        f64::from(sketch.error) <= certain,
                        "{kind} {n} {share}: {} of {certain}",
                        sketch.error
                    );
                }
            }
        }
    }
}

#[test]
fn capacities_are_the_least_that_do() {
    for n in [1, 10, 999, 100_000] {
        for share in [0.3, 0.1, 0.01, 1e-6] {
            let room = capacity(n, share);
            assert!(bound(n, room) <= share);
            assert!(room == 2 || bound(n, room - 2) > share, "{n} {share} {room}");
        }
    }
    // A hundredth of the values of a century of days.
    assert_eq!(capacity(36_500, 0.01), 600);
}

#[test]
fn a_short_series_is_exact() {
    let steps = 100;
    let fold = ApproximatePercentiles::new(&[90.0, 0.0, 50.0, 100.0], 0.001, steps).unwrap();
    let tile = Tile { id: 0, block: IndexBox::whole(&[steps, 2]) };
    let values: Vec<f64> = (0..steps)
        .flat_map(|t| [((t * 37) % 100) as f64, if t % 2 == 0 { f64::NAN } else { t as f64 }])
        .collect();
    let mut state = SketchState::default();
    fold.absorb(&mut state, &Piece::whole(&tile, &values)).unwrap();
    let (maps, worst) = fold.finish(&state);
    assert_eq!(
        (maps, worst),
        (vec![vec![89.0, 89.0], vec![0.0, 1.0], vec![49.0, 49.0], vec![99.0, 99.0]], 0.0)
    );
    for error in [0.0, -1.0, 0.5, f64::NAN] {
        assert!(ApproximatePercentiles::new(&[50.0], error, 10).is_err());
    }
}
