use super::*;

#[test]
fn straight_lines_stay_straight() {
    // Two columns side by side, one falling.
    let places = [100.0, 900.0, 300.0, 500.0, 900.0, 200.0];
    let linear: Vec<f64> = places.iter().map(|p| 2.0 * p + 1.0).collect();
    let log: Vec<f64> = places.iter().map(|p: &f64| p.ln()).collect();
    let targets = [100.0, 250.0, 600.0, 900.0, 50.0, 1000.0];
    let mut out = vec![0.0; 12];
    interpolate(
        (Interpolation::Linear, Beyond::Missing, Search::FromFirst),
        2,
        (&places, &linear),
        &targets,
        &mut out,
    );
    for (k, t) in targets.iter().enumerate().take(4) {
        assert!((out[2 * k] - (2.0 * t + 1.0)).abs() < 1e-12);
    }
    assert!(out[1].is_nan() && out[8].is_nan() && out[11].is_nan());
    assert!((out[3] - 501.0).abs() < 1e-12);
    interpolate(
        (Interpolation::Log, Beyond::Nearest, Search::FromFirst),
        2,
        (&places, &log),
        &targets,
        &mut out,
    );
    assert!((out[2] - 250f64.ln()).abs() < 1e-14 && (out[8] - 100f64.ln()).abs() < 1e-14);
    assert!((out[1] - 200f64.ln()).abs() < 1e-14 && (out[11] - 900f64.ln()).abs() < 1e-14);
}

#[test]
fn missing_levels_stay_missing_but_for_their_neighbours() {
    let places = [1.0, 2.0, 3.0, 4.0];
    let values = [10.0, 20.0, f64::NAN, f64::NAN];
    let mut out = vec![0.0; 3];
    interpolate(
        (Interpolation::Linear, Beyond::Missing, Search::FromFirst),
        1,
        (&places, &values),
        &[2.0, 2.5, 3.5],
        &mut out,
    );
    assert!(out[0] == 20.0 && out[1].is_nan() && out[2].is_nan());
    interpolate(
        (Interpolation::Linear, Beyond::Nearest, Search::FromFirst),
        1,
        (&places, &values),
        &[2.0, 2.5, 3.5],
        &mut out,
    );
    assert_eq!(out, [20.0, 20.0, 20.0]);
    // One level only.
    let mut out = vec![0.0; 2];
    interpolate(
        (Interpolation::Linear, Beyond::Missing, Search::FromFirst),
        1,
        (&[5.0], &[1.0]),
        &[5.0, 6.0],
        &mut out,
    );
    assert!(out[0] == 1.0 && out[1].is_nan());
}

#[test]
fn layers_keep_the_integral() {
    let edges = [0.0, 10.0, 25.0, 60.0, 100.0];
    let thickness = [10.0, 15.0, 35.0, 40.0];
    let values = [3.0, -1.0, 4.0, 1.5];
    for targets in [vec![0.0, 7.0, 33.0, 34.0, 100.0], vec![100.0, 50.0, 0.0], vec![-20.0, 110.0]] {
        let n = targets.len() - 1;
        let (mut out, mut covered) = (vec![0.0; n], vec![0.0; n]);
        let layers = (&edges[..], &values[..], &thickness[..]);
        remap(Quantity::Intensive, 1, layers, &targets, (&mut out, &mut covered));
        let integral: f64 = values.iter().zip(&thickness).map(|(v, h)| v * h).sum();
        let sum: f64 = out.iter().zip(&covered).map(|(v, h)| v * h).sum();
        assert!((sum - integral).abs() < 1e-12 * integral.abs());
        remap(Quantity::Extensive, 1, layers, &targets, (&mut out, &mut covered));
        assert!((out.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-12);
        assert!((covered.iter().sum::<f64>() - 100.0).abs() < 1e-12);
    }
    // A layer of one density goes to one class.
    let (mut out, mut covered) = (vec![0.0; 2], vec![0.0; 2]);
    let layers = (&[26.0, 26.0, 27.0][..], &[1.0, 2.0][..], &[5.0, 5.0][..]);
    remap(Quantity::Intensive, 1, layers, &[26.0, 26.5, 27.0], (&mut out, &mut covered));
    assert_eq!((covered.as_slice(), out[1]), (&[7.5, 2.5][..], 2.0));
    assert!((out[0] - (5.0 + 5.0) / 7.5).abs() < 1e-15);
}

#[test]
fn an_inversion_has_two_places() {
    // Density rises, falls and rises again.
    let places = [25.0, 27.0, 26.0, 28.0];
    let values = [0.0, 1.0, 2.0, 3.0];
    let mut out = vec![0.0; 2];
    let mut of = |search| {
        let how = (Interpolation::Linear, Beyond::Missing, search);
        interpolate(how, 1, (&places, &values), &[26.5, 27.5], &mut out);
        out.clone()
    };
    assert_eq!(of(Search::FromFirst), [0.75, 2.75]);
    assert_eq!(of(Search::FromLast), [2.25, 2.75]);
}
