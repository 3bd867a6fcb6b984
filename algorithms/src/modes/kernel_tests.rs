use super::*;

/// Numbers without a pattern in (-0.5, 0.5), with columns of decreasing size.
pub(crate) fn field(n: usize, cells: usize, seed: usize) -> Vec<f64> {
    (0..n * cells)
        .map(|i| {
            let (t, c) = ((i / cells) as f64, (i % cells) as f64);
            let phase = seed as f64;
            let noise = ((i as f64 * 12.9898 + phase).sin() * 43_758.545_3).fract();
            (t * 0.37 + phase).sin() * (c * 0.61).cos()
                + 0.6 * (t * 0.11 - c * 0.23 + phase).cos()
                + 0.3 * noise
        })
        .collect()
}

fn full(n: usize, x: &[f64]) -> Kernel {
    let mut sum = SymmetricSum::new(n);
    sum.add_columns(x);
    Kernel::from(&sum)
}

fn near(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= tolerance, "entry {i}: {x} and {y}");
    }
}

/// Both, up to the sign of each vector.
fn same_pairs(a: &Eigenpairs, b: &Eigenpairs, n: usize) {
    assert!((a.trace - b.trace).abs() < 1e-12 * a.trace);
    near(&a.values, &b.values, 1e-12 * a.values[0]);
    for (u, v) in a.vectors.chunks(n).zip(b.vectors.chunks(n)) {
        let dot: f64 = u.iter().zip(v).map(|(x, y)| x * y).sum();
        assert!((dot.abs() - 1.0).abs() < 1e-10, "{dot}");
    }
}

#[test]
fn a_factor_and_the_whole_have_the_same_pairs() {
    let (n, cells) = (150, 20);
    let x = field(n, cells, 1);
    let (a, b) = (full(n, &x), Kernel::factor(n, x.clone()).unwrap());
    assert_eq!((a.n(), b.n(), a.rank_bound(), b.rank_bound()), (n, n, n, cells));
    near(&a.to_full(), &b.to_full(), 1e-12);
    let (p, q) = (a.leading(5).unwrap(), b.leading(5).unwrap());
    same_pairs(&p, &q, n);
    // Xᵀ z has norm one, and G z is u s.
    let z = temporal_vectors(&q);
    let g = a.to_full();
    for (k, z) in z.chunks(n).enumerate() {
        let map: Vec<f64> = (0..cells).map(|c| (0..n).map(|t| x[t * cells + c] * z[t]).sum()).collect();
        assert!((map.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-12);
        for t in 0..n {
            let pc: f64 = (0..n).map(|s| g[t * n + s] * z[s]).sum();
            assert!((pc - q.vectors[k * n + t] * q.values[k].sqrt()).abs() < 1e-11);
        }
    }
    let (t, rank) = a.factorised().unwrap();
    assert_eq!(rank, cells);
    near(&Kernel::factor(n, t).unwrap().to_full(), &g, 1e-11);
    assert!(Kernel::factor(7, vec![0.0; 20]).is_err());
}

#[test]
fn more_columns_than_times_and_more_modes_than_there_are() {
    let x = field(6, 40, 2);
    let (a, b) = (full(6, &x), Kernel::factor(6, x).unwrap());
    same_pairs(&a.leading(9).unwrap(), &b.leading(9).unwrap(), 6);
    assert_eq!(b.leading(9).unwrap().values.len(), 6);
    assert_eq!(a.leading(0).unwrap().values.len(), 0);
    let one = Kernel::factor(1, vec![2.0]).unwrap().leading(1).unwrap();
    assert!((one.values[0] - 4.0).abs() < 1e-14 && (one.vectors[0].abs() - 1.0).abs() < 1e-14);
    let nothing = Kernel::Full { n: 3, values: vec![0.0; 9] }.leading(2).unwrap();
    assert_eq!(nothing.values, [0.0, 0.0]);
    assert_eq!(temporal_vectors(&nothing), [0.0; 6]);
    let bad = Kernel::Full { n: 2, values: vec![1.0, f64::NAN, f64::NAN, 1.0] };
    assert_eq!(bad.leading(1).unwrap_err().kind, halocline_core::ErrorKind::Data);
    let huge = Kernel::factor(2, vec![1e200, 1e200]).unwrap();
    assert_eq!(huge.leading(1).unwrap_err().kind, halocline_core::ErrorKind::Data);
}

#[test]
fn few_modes_of_many_times_agree_with_the_dense_solver() {
    let n = DENSE + 50;
    let x = field(n, 30, 3);
    let direct = Kernel::factor(n, x.clone()).unwrap().leading(4).unwrap();
    same_pairs(&full(n, &x).leading(4).unwrap(), &direct, n);
}

#[test]
fn combined_fields_add_their_kernels() {
    let n = 30;
    let (x, y) = (field(n, 8, 1), field(n, 5, 2));
    let (fx, fy) = (Kernel::factor(n, x.clone()).unwrap(), Kernel::factor(n, y.clone()).unwrap());
    let beside: Vec<f64> = (0..n)
        .flat_map(|t| {
            let a = x[t * 8..(t + 1) * 8].iter().map(|v| 2.0 * v);
            a.chain(y[t * 5..(t + 1) * 5].iter().map(|v| 0.5 * v)).collect::<Vec<_>>()
        })
        .collect();
    let want = Kernel::factor(n, beside).unwrap();
    let factors = Kernel::scaled_sum(&[(2.0, &fx), (0.5, &fy)]).unwrap();
    assert_eq!(factors, want);
    let mixed = Kernel::scaled_sum(&[(2.0, &full(n, &x)), (0.5, &fy)]).unwrap();
    near(&mixed.to_full(), &want.to_full(), 1e-12);
    assert!(Kernel::scaled_sum(&[]).is_err());
    let other = Kernel::factor(3, vec![1.0; 3]).unwrap();
    let error = Kernel::scaled_sum(&[(1.0, &fx), (1.0, &other)]).unwrap_err();
    assert_eq!(error.kind, halocline_core::ErrorKind::Usage);
}

#[test]
fn lagged_copies_stand_beside_each_other() {
    let (n, cells) = (40, 3);
    let x = field(n, cells, 4);
    let lags = [5, 2, 8];
    let short = n - 6;
    let beside: Vec<f64> = (0..short)
        .flat_map(|t| {
            let x = &x;
            lags.iter().flat_map(move |l| x[(t + l - 2) * cells..(t + l - 1) * cells].iter().copied())
        })
        .collect();
    let want = Kernel::factor(short, beside.clone()).unwrap();
    let whole = full(n, &x).extended(&lags).unwrap();
    near(&whole.to_full(), &want.to_full(), 1e-12);
    assert_eq!(Kernel::factor(n, x.clone()).unwrap().extended(&lags).unwrap(), want);
    // Removing means afterwards is removing the mean of each lagged copy.
    near(&whole.centred().to_full(), &want.clone().centred().to_full(), 1e-12);
    let pairs = want.clone().centred().leading(2).unwrap();
    let z = temporal_vectors(&pairs);
    let map: Vec<f64> = (0..9).map(|c| (0..short).map(|t| beside[t * 9 + c] * z[t]).sum()).collect();
    for (i, l) in lags.iter().enumerate() {
        let z = lagged_vector(&z[..short], l - 2, n).unwrap();
        for c in 0..cells {
            let value: f64 = (0..n).map(|t| x[t * cells + c] * z[t]).sum();
            assert!((value - map[i * cells + c]).abs() < 1e-12);
        }
    }
    for bad in [&[][..], &[1, 1], &[0, 39]] {
        assert_eq!(want.extended(bad).unwrap_err().kind, halocline_core::ErrorKind::Usage);
    }
    assert!(lagged_vector(&z[..short], 7, n).is_err());
}

#[test]
fn times_can_be_picked() {
    let x = field(12, 4, 5);
    let times = [3, 3, 0, 11];
    let rows: Vec<f64> = times.iter().flat_map(|&t| x[t * 4..(t + 1) * 4].to_vec()).collect();
    let want = Kernel::factor(4, rows).unwrap();
    assert_eq!(Kernel::factor(12, x.clone()).unwrap().at_times(&times).unwrap(), want);
    near(&full(12, &x).at_times(&times).unwrap().to_full(), &want.to_full(), 1e-13);
    assert!(want.at_times(&[4]).is_err());
}
