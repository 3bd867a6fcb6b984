//! Planes whose spectra are known.

use super::*;
use crate::spectra::Window;
use std::f64::consts::PI;

fn noise(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919 + i * i * 31) % 1009) as f64 / 1009.0).collect()
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// Half a spectrum of a map.
fn half(plane: &PlanePower, map: &[f64]) -> Vec<f64> {
    let mut half = vec![0.0; plane.shape()[0] * plane.half()];
    plane.power(&mut map.to_vec(), &mut half, &mut plane.scratch()).unwrap();
    half
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs())), "{a} {b}");
}

#[test]
fn variance_is_preserved_by_rings_of_any_width() {
    for shape in [[2, 2], [3, 5], [8, 6], [7, 12], [2, 33], [40, 3]] {
        let map = noise(shape[0] * shape[1]);
        let plane =
            PlanePower::new(shape, [3.0, 0.5], PlaneDetrend::Constant, (Window::Boxcar, true)).unwrap();
        let half = half(&plane, &map);
        let natural = Rings::natural(&plane).unwrap();
        for rings in [
            natural.clone(),
            Rings::of_count(&plane, 2).unwrap(),
            Rings::of_count(&plane, 11).unwrap(),
            Rings::of_width(&plane, 0.123).unwrap(),
        ] {
            let mut power = vec![0.0; rings.len()];
            rings.sum(&half, &mut power);
            let sum: f64 = power.iter().filter(|p| p.is_finite()).sum();
            near(sum * rings.width(), variance(&map));
            near(rings.modes().iter().sum(), (shape[0] * shape[1]) as f64);
        }
        assert_eq!(Rings::of_count(&plane, 11).unwrap().len(), 11);
        // Numbers of xrft's version that sums.
        let rings = Rings::of_xrft(&plane, Some(4), RingConvention::Sum).unwrap();
        let mut power = vec![0.0; 4];
        rings.sum(&half, &mut power);
        let step: f64 = plane.steps().iter().product();
        near(power.iter().filter(|p| p.is_finite()).sum::<f64>() * step, variance(&map));
    }
}

#[test]
fn modes_on_edges_of_rings_lie_above_them_whatever_the_spacing() {
    // Planes twice as long as wide: each second wave along the longer side is on an edge.
    for [ny, nx] in [[7, 14], [20, 40], [21, 42], [12, 36], [10, 60]] {
        let first = Rings::natural(
            &PlanePower::new([ny, nx], [1.0, 1.0], PlaneDetrend::None, (Window::Boxcar, true)).unwrap(),
        );
        let first = first.unwrap();
        for spacing in [0.1, 0.3, 1.1, 1100.0, 1200.0, 1234.567, 2.0 / 3.0, 55e3] {
            // Steps of single precision, too, and of either axis.
            for turned in [1.0, 1.0 + 3e-8, 1.0 - 3e-8] {
                let shape = ([ny, nx], [spacing * turned, spacing]);
                let plane =
                    PlanePower::new(shape.0, shape.1, PlaneDetrend::None, (Window::Boxcar, true)).unwrap();
                let rings = Rings::natural(&plane).unwrap();
                assert_eq!(rings.modes(), first.modes(), "{ny} x {nx}, {spacing}, {turned}");
            }
        }
    }
    let plane = PlanePower::new([20, 40], [1100.0; 2], PlaneDetrend::None, (Window::Boxcar, true)).unwrap();
    let rings = Rings::natural(&plane).unwrap();
    for j in 1..10 {
        let wave = |i: usize| (2.0 * PI * ((2 * j - 1) * (i % 40)) as f64 / 40.0).cos();
        let mut power = vec![0.0; rings.len()];
        rings.sum(&half(&plane, &(0..800).map(wave).collect::<Vec<_>>()), &mut power);
        let largest = (0..power.len()).max_by(|a, b| power[*a].total_cmp(&power[*b]));
        assert_eq!(largest, Some(j), "wave number {} of the width of a ring", j as f64 - 0.5);
    }
}

#[test]
fn whole_planes_are_those_of_the_definition() {
    for shape in [[4, 6], [5, 3], [2, 7]] {
        let [ny, nx] = shape;
        let map = noise(ny * nx);
        let plane = PlanePower::new(shape, [1.0, 1.0], PlaneDetrend::None, (Window::Boxcar, true)).unwrap();
        let half = half(&plane, &map);
        for flipped in [false, true] {
            let mut whole = vec![0.0; ny * nx];
            plane.whole(&half, flipped, &mut whole);
            for i in 0..ny {
                for j in 0..nx {
                    let (l, k) = (i as f64 - (ny / 2) as f64, j as f64 - (nx / 2) as f64);
                    let (mut re, mut im) = (0.0, 0.0);
                    for y in 0..ny {
                        for x in 0..nx {
                            // Where rows are flipped, those of the map count against l.
                            let y_north = if flipped { -(y as f64) } else { y as f64 };
                            let phase = 2.0 * PI * (l * y_north / ny as f64 + k * x as f64 / nx as f64);
                            re += map[y * nx + x] * phase.cos();
                            im += map[y * nx + x] * phase.sin();
                        }
                    }
                    near(whole[i * nx + j], (re * re + im * im) / (ny * nx) as f64);
                }
            }
        }
    }
}

#[test]
fn planes_are_taken_off_and_waves_stand_in_their_ring() {
    let (ny, nx) = (12, 20);
    let tilted: Vec<f64> =
        (0..ny * nx).map(|i| 3.0 + 0.25 * (i / nx) as f64 - 1.5 * (i % nx) as f64).collect();
    let mut map = tilted.clone();
    PlaneDetrend::Plane.remove(&mut map, ny);
    assert!(map.iter().all(|v| v.abs() < 1e-12));
    // Two rows, one of which is a constant above the other.
    let mut two = vec![1.0, 1.0, 1.0, 5.0, 5.0, 5.0];
    PlaneDetrend::Plane.remove(&mut two, 2);
    assert!(two.iter().all(|v| v.abs() < 1e-14));
    let wave =
        |i: usize| (2.0 * PI * (2.0 * (i / nx) as f64 / ny as f64 + 3.0 * (i % nx) as f64 / nx as f64)).cos();
    let map: Vec<f64> = (0..ny * nx).map(|i| tilted[i] + 2.0 * wave(i)).collect();
    for window in [Window::Boxcar, Window::Hann] {
        let plane =
            PlanePower::new([ny, nx], [1000.0, 600.0], PlaneDetrend::Constant, (window, true)).unwrap();
        let rings = Rings::natural(&plane).unwrap();
        // Both sides are 12 km: 2 and 3 waves are √13 of them.
        assert!((rings.width() - 1.0 / 12_000.0).abs() < 1e-18);
        let alone: Vec<f64> = map.iter().zip(&tilted).map(|(m, t)| m - t).collect();
        let mut power = vec![0.0; rings.len()];
        rings.sum(&half(&plane, &alone), &mut power);
        let most = (0..power.len()).max_by(|a, b| power[*a].total_cmp(&power[*b])).unwrap();
        assert_eq!(most, 4);
        near(power.iter().sum::<f64>() * rings.width(), 2.0);
    }
}

#[test]
fn what_makes_no_plane_is_refused() {
    let of = |shape| PlanePower::new(shape, [1.0, 1.0], PlaneDetrend::None, (Window::Boxcar, true));
    assert!(of([1, 9]).is_err() && of([9, 1]).is_err() && of([0, 0]).is_err());
    let plane = of([6, 6]).unwrap();
    assert!(Rings::of_width(&plane, 0.0).is_err() && Rings::of_width(&plane, 1e-9).is_err());
    assert!(Rings::of_width(&plane, f64::NAN).is_err());
    assert!(Rings::of_count(&plane, 1).is_err() && Rings::of_count(&plane, usize::MAX).is_err());
    assert!(Rings::of_xrft(&plane, Some(0), RingConvention::Sum).is_err());
    assert!(Rings::of_xrft(&of([3, 3]).unwrap(), None, RingConvention::Sum).is_err());
    assert!("linear".parse::<PlaneDetrend>().is_err());
}
