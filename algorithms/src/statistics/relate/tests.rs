//! Relations of made-up series against sums over whole series.

use super::*;
use halocline_core::index::IndexBox;

const ALL: Wanted = Wanted { moments: true, neighbours: true, trend: true };
const PLAIN: Treatment = Treatment { detrend: false, standardize: false, ddof: 1 };

fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// Series of `cells` cells with a large offset, gaps and a trend; C order, time slowest.
fn series(times: usize, cells: usize, offset: f64, seed: u64) -> Vec<f64> {
    let mut seed = seed;
    let mut before = vec![0.0; cells];
    let mut all = Vec::new();
    for t in 0..times {
        for (c, before) in before.iter_mut().enumerate() {
            *before = 0.6 * *before + random(&mut seed);
            let gap = c % 3 == 1 && (t * 7 + c) % 5 == 0;
            all.push(if gap { f64::NAN } else { offset + 0.01 * t as f64 + *before });
        }
    }
    all
}

/// The state of all times, absorbed in tiles and pieces of these lengths.
fn run(
    fold: &Relate,
    y: &[f64],
    x: Option<&[f64]>,
    times: usize,
    cells: usize,
    tile_steps: usize,
) -> RelateState {
    let mut states = Vec::new();
    for (id, start) in (0..times).step_by(tile_steps).enumerate() {
        let end = times.min(start + tile_steps);
        let tile = Tile { id, block: IndexBox::new(vec![start..end, 0..cells]) };
        let range = start * cells..end * cells;
        let mut state = fold.start(0);
        let mut together = vec![Numbers::F64(&y[range.clone()])];
        together.extend(x.map(|x| Numbers::F64(&x[range])));
        fold.absorb(&mut state, &Piece::whole_together(&tile, &together)).unwrap();
        states.push(state);
    }
    while states.len() > 1 {
        let mut pairs = states.into_iter();
        let mut next = Vec::new();
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => fold.merge(left, right).unwrap(),
                None => left,
            });
        }
        states = next;
    }
    states.pop().unwrap()
}

/// What is left of both after a straight line in time; all at least after the mean.
fn residuals(pairs: &[(f64, f64, f64)], detrend: bool) -> Vec<(f64, f64)> {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mt, my, mx) = (mean(|p| p.0), mean(|p| p.1), mean(|p| p.2));
    let tt: f64 = pairs.iter().map(|p| (p.0 - mt).powi(2)).sum();
    let by: f64 = pairs.iter().map(|p| (p.0 - mt) * (p.1 - my)).sum::<f64>() / tt;
    let bx: f64 = pairs.iter().map(|p| (p.0 - mt) * (p.2 - mx)).sum::<f64>() / tt;
    let (by, bx) = if detrend { (by, bx) } else { (0.0, 0.0) };
    pairs.iter().map(|p| (p.1 - my - by * (p.0 - mt), p.2 - mx - bx * (p.0 - mt))).collect()
}

#[test]
fn sums_of_tiles_are_those_of_whole_series() {
    let (times, cells) = (150, 7);
    for (offset, tolerance) in [(0.0, 1e-12), (1e4, 1e-11)] {
        let (y, x) = (series(times, cells, offset, 3), series(times, cells, -offset, 77));
        for tile_steps in [150, 64, 17] {
            let fold = Relate::to_field(ALL);
            let state = run(&fold, &y, Some(&x), times, cells, tile_steps);
            for c in 0..cells {
                let at = |t: usize| (t as f64, y[t * cells + c], x[t * cells + c]);
                let valid: Vec<usize> =
                    (0..times).filter(|&t| !(at(t).1.is_nan() || at(t).2.is_nan())).collect();
                let pairs: Vec<_> = valid.iter().map(|&t| at(t)).collect();
                for detrend in [false, true] {
                    let left = residuals(&pairs, detrend);
                    let sum = |of: fn(&(f64, f64)) -> f64| left.iter().map(of).sum::<f64>();
                    let (yy, xx, xy) = (sum(|p| p.0 * p.0), sum(|p| p.1 * p.1), sum(|p| p.0 * p.1));
                    let neighbours: Vec<usize> =
                        (1..valid.len()).filter(|&k| valid[k] == valid[k - 1] + 1).collect();
                    let gaps = valid.len() as f64 / (neighbours.len() as f64 + 1.0);
                    let next = |of: fn(&(f64, f64)) -> f64| {
                        neighbours.iter().map(|&k| of(&left[k]) * of(&left[k - 1])).sum::<f64>() * gaps
                    };
                    let both = next(|p| p.0) / yy * (next(|p| p.1) / xx);
                    let size = valid.len() as f64 * (1.0 - both) / (1.0 + both);
                    let how = Treatment { detrend, ..PLAIN };
                    let ours = |q| state.finish(0, q, how)[c];
                    let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1e-2);
                    assert_eq!(ours(Quantity::Pairs), valid.len() as f64);
                    assert!(
                        near(ours(Quantity::Correlation), xy / (xx * yy).sqrt()),
                        "{offset} {tile_steps} {c}"
                    );
                    assert!(near(ours(Quantity::Slope), xy / xx));
                    assert!(near(ours(Quantity::Covariance), xy / (valid.len() as f64 - 1.0)));
                    assert!(
                        near(ours(Quantity::EffectiveSize), size.min(valid.len() as f64)),
                        "{detrend} {tile_steps} {c}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_index_at_lags_and_composites() {
    let (times, cells) = (90, 4);
    let y = series(times, cells, 20.0, 5);
    let index = Index { values: series(100, 1, 0.0, 9), places: (4..100).collect() };
    let lags = [-7, 0, 3];
    let fold = Relate::to_index(index.clone(), &lags, ALL, Some([0.3, -0.1]));
    let state = run(&fold, &y, None, times, cells, 64);
    for (k, lag) in lags.into_iter().enumerate() {
        // Every value of the index that there is counts, beyond the field's times too.
        let x: Vec<f64> = (0..times).flat_map(|t| vec![index.at(t, lag); cells]).collect();
        let expected = run(&Relate::to_field(ALL), &y, Some(&x), times, cells, 64);
        for q in [Quantity::Correlation, Quantity::PValue, Quantity::Slope, Quantity::Pairs] {
            let bits = |v: Vec<f64>| v.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(state.finish(k, q, PLAIN)), bits(expected.finish(0, q, PLAIN)), "{q:?} {lag}");
        }
        let high: Vec<f64> = (0..times)
            .filter(|&t| index.at(t, lag) > 0.3)
            .map(|t| y[t * cells])
            .filter(|v| !v.is_nan())
            .collect();
        assert_eq!(state.finish(k, Quantity::HighCount, PLAIN)[0], high.len() as f64);
        let mean = high.iter().sum::<f64>() / high.len() as f64;
        assert!((state.finish(k, Quantity::High, PLAIN)[0] - mean).abs() < 1e-13);
    }
    assert!(index.at(0, 5).is_nan() && index.at(89, -7).is_nan() && !index.at(0, 4).is_nan());
}

#[test]
fn what_does_not_vary_has_no_correlation() {
    let (times, cells) = (130, 3);
    let mut y = series(times, cells, 0.0, 4);
    (0..times).for_each(|t| {
        y[t * cells] = 0.1;
        y[t * cells + 1] = f64::NAN;
        y[t * cells + 2] = 1e6 + 0.3 * t as f64;
    });
    let index = Index { values: series(times, 1, 5.0, 9), places: (0..times).collect() };
    let fold = Relate::to_index(index, &[0], ALL, None);
    let state = run(&fold, &y, None, times, cells, 64);
    for q in [Quantity::Correlation, Quantity::PValue, Quantity::EffectiveSize] {
        assert!(state.finish(0, q, PLAIN)[..2].iter().all(|v| v.is_nan()), "{q:?}");
    }
    assert_eq!(state.finish(0, Quantity::Slope, PLAIN)[0], 0.0);
    assert_eq!(state.finish(0, Quantity::Covariance, PLAIN)[0], 0.0);
    assert!(state.finish(0, Quantity::Slope, PLAIN)[1].is_nan());
    // A straight line leaves nothing.
    let how = Treatment { detrend: true, ..PLAIN };
    assert!(state.finish(0, Quantity::Correlation, how)[2].is_nan());
}
