use super::*;
use halocline_core::engine::Numbers;
use std::f64::consts::PI;

fn close(a: f64, b: f64, within: f64) {
    assert!((a - b).abs() <= within, "{a} is not {b}");
}

#[test]
fn integrals_and_slopes_of_straight_lines_are_exact() {
    for p in [vec![1e5, 7e4, 2e4, 1e4], vec![1e4, 2e4, 7e4, 1e5]] {
        let levels = Levels::new(&p).expect("levels");
        let line: Vec<f64> = p.iter().map(|p| 3.0 - 2e-5 * p).collect();
        assert!(levels.derivative(&line, 1).iter().all(|d| (d + 2e-5).abs() < 1e-18));
        let sum: f64 = levels.weights().iter().zip(&line).map(|(w, v)| w * v).sum();
        let lowest = levels.integral_from_top(&line, 1)[*levels.down().last().expect("one")];
        close(sum, lowest, 1e-9);
        // Constant above 100 hPa, a straight line below.
        close(sum, 2.8e4 + 3.0 * 9e4 - 1e-5 * (1e10 - 1e8), 1e-8);
    }
    assert!(Levels::new(&[1e5, 2e4, 3e4]).is_err() && Levels::new(&[1e5]).is_err());
}

#[test]
fn a_closed_overturning_has_its_streamfunction() {
    // v = A sin(2π p / ps): ψ = 2πa cos φ / g A ps / 2π (1 − cos(2π p / ps)).
    let (n, ps, c) = (400, 1e5, Constants::default());
    let p: Vec<f64> = (1..=n).map(|k| ps * f64::from(k) / f64::from(n)).collect();
    let lat = [-30.0, 0.0, 60.0];
    let v: Vec<f64> = p.iter().flat_map(|p| lat.map(|_| 2.0 * (2.0 * PI * p / ps).sin())).collect();
    let levels = Levels::new(&p).expect("levels");
    let psi = mass_streamfunction(Rule::Trapezoid, &levels, &lat, (&v, &vec![1.0; v.len()]), &c);
    for (k, p) in p.iter().enumerate() {
        for (j, phi) in lat.iter().enumerate() {
            let exact =
                c.radius / c.gravity * phi.to_radians().cos() * 2.0 * ps * (1.0 - (2.0 * PI * p / ps).cos());
            close(psi[k * 3 + j], exact, 2e-4 * 2.6e11);
        }
    }
    // Half of a circle below the ground carries half.
    let half = mass_streamfunction(Rule::Trapezoid, &levels, &lat, (&v, &vec![0.5; v.len()]), &c);
    close(half[300], 0.5 * psi[300], 1.0);
}

#[test]
fn rows_skip_what_is_missing_anywhere() {
    let x: Vec<f64> = (0..70).map(|i| f64::from(i % 35)).collect();
    let mut y: Vec<f64> = x.iter().map(|v| 1e6 + 2.0 * v).collect();
    y[3] = f64::NAN;
    let rows = RowSums::new(2, &[(0, 1)]).expect("pairs").of(&[Numbers::F64(&x), Numbers::F64(&y)], 35);
    let (share, mean, cov) = (rows.field(0), rows.field(1), rows.field(3));
    close(share[0], 34.0 / 35.0, 1e-15);
    close(mean[0], (595.0 - 3.0) / 34.0, 1e-12);
    close(mean[1], 17.0, 1e-12);
    close(cov[1], 2.0 * (35.0 * 35.0 - 1.0) / 12.0, 1e-9);
    let gone = RowSums::new(1, &[]).expect("one").of(&[Numbers::F32(&[f32::NAN; 35])], 35);
    assert!(gone.field(0)[0] == 0.0 && gone.field(1)[0].is_nan());
    let one = RowSums::new(1, &[]).expect("one").of(&[Numbers::F64(&y)], 35);
    close(one.field(1)[0], 1e6 + 2.0 * 592.0 / 34.0, 1e-8);
}

#[test]
fn the_flux_of_a_known_wave() {
    // v* = V sin λ, T* = θ₀ e^(…) sin λ with constant \[v*θ*\] and ∂θ/∂p: ψ is constant, so that v̄* = \[v\],
    // F_p = a cos φ f ψ with no mean wind, and ω̄* = −ψ tan φ / a.
    let c = Constants::default();
    let p: Vec<f64> = (1..=20).map(|k| 5e3 * f64::from(k)).collect();
    let lat: Vec<f64> = (-80..=80).map(f64::from).collect();
    let n = p.len() * lat.len();
    let kappa = c.gas / c.heat_capacity;
    let to_t = |k: usize| (p[k] / c.reference_pressure).powf(kappa);
    let at = |i: usize| (i / lat.len(), i % lat.len());
    let t: Vec<f64> = (0..n).map(|i| to_t(at(i).0) * (400.0 - 1e-3 * p[at(i).0])).collect();
    let vt: Vec<f64> = (0..n).map(|i| to_t(at(i).0) * 10.0).collect();
    let zero = vec![0.0; n];
    let levels = Levels::new(&p).expect("levels");
    let means = [zero.as_slice(), &zero, &t];
    let eddies = Eddies { means, fluxes: [&vt, &zero], omega: Some([&zero, &zero]) };
    let of = Residual::new(eddies, &levels, &lat, &c);
    let psi = -1e4;
    for i in 0..n {
        let phi = lat[at(i).1].to_radians();
        close(of.v[i], 0.0, 1e-9);
        let f = 2.0 * c.rotation * phi.sin();
        close(of.downward[i], c.radius * phi.cos() * f * psi, 1e-2);
        close(of.streamfunction[i], -2.0 * PI * c.radius * phi.cos() / c.gravity * psi, 1.0);
        // Differences of a degree.
        close(of.omega[i], -psi * phi.tan() / c.radius, 2e-6);
        close(of.divergence[i], 0.0, 1e-6);
    }
}

#[test]
fn divergence_integrates_to_nothing_and_knows_rotation() {
    let (ny, nx) = (36, 72);
    let edges: Vec<f64> = (0..=ny).map(|j| (-90.0 + 5.0 * f64::from(j)).to_radians()).collect();
    let dlon = 5f64.to_radians();
    let phi = |j: i32| (-87.5 + 5.0 * f64::from(j)).to_radians();
    let u: Vec<f64> = (0..ny * nx).map(|i| phi(i / nx).cos()).collect();
    let zero = vec![0.0; u.len()];
    let d = horizontal_divergence(&u, &zero, &edges, (dlon, true), 1.0);
    assert!(d.iter().all(|v| v.abs() < 1e-14));
    // v = cos φ: divergence −2 sin φ.
    let d = horizontal_divergence(&zero, &u, &edges, (dlon, true), 1.0);
    let mut sum = 0.0;
    for (i, v) in d.iter().enumerate() {
        let j = i / nx as usize;
        sum += v * (edges[j + 1].sin() - edges[j].sin());
        if (2..34).contains(&j) {
            close(*v, -2.0 * phi(j as i32).sin(), 5e-3);
        }
    }
    close(sum, 0.0, 1e-12);
}

#[test]
fn where_the_ground_is_not_known_the_rest_of_the_circle_stands_for_it() {
    let levels = Levels::new(&[1e5, 8.5e4, 5e4, 1e4]).expect("levels");
    let flux = CircleFlux::new(Layers::of_pressure(&levels), levels.pressure().to_vec());
    let (lat, lon) = (2, 8);
    let v: Vec<f64> = (0..4 * lat * lon).map(|i| 1.0 + (i / (lat * lon)) as f64).collect();
    let found = |ps: &[f64]| {
        let at_all = ps.repeat(4);
        let rows = flux.of([Numbers::F64(&v), Numbers::F64(&at_all)], &[0, 1, 2, 3], lat, lon);
        let section = |field: usize| rows.iter().skip(field).step_by(flux.fields()).copied().collect();
        let sections: Vec<Vec<f64>> = (0..flux.fields()).map(section).collect();
        flux.overturning(&sections, &[10.0, 40.0], &Constants::default())
    };
    let mut ps = vec![1.01e5; lat * lon];
    let whole = found(&ps);
    assert!(whole.missing == 0.0);
    ps[lon..lon + 4].fill(f64::NAN);
    let part = found(&ps);
    for (a, b) in whole.streamfunction.iter().zip(&part.streamfunction) {
        assert!((a - b).abs() <= 1e-12 * a.abs(), "{a} {b}");
    }
    assert!(part.missing > 0.2 && part.missing < 0.25, "{}", part.missing);
    ps[lon..].fill(f64::NAN);
    let none = found(&ps);
    assert!(none.streamfunction.iter().skip(1).step_by(lat).all(|v| v.is_nan()));
    assert_eq!(none.streamfunction[0], whole.streamfunction[0]);
}
