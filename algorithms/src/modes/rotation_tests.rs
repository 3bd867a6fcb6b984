use super::super::references::{agree, agree_but_sign, signed, signs, References, Solved};
use super::super::{varimax, Search};
use super::*;

/// The moments of loadings (modes × cells) taken in three pieces.
fn moments(loadings: &[f64], squares: &[f64], kaiser: bool) -> LoadingMoments {
    let cells = loadings.len() / squares.len();
    let mut all = LoadingMoments::new(squares, cells, kaiser).unwrap();
    for piece in pieces(loadings, squares.len()) {
        let mut part = LoadingMoments::new(squares, cells, kaiser).unwrap();
        part.absorb(&piece);
        all.merge(&part).unwrap();
    }
    all
}

fn pieces(loadings: &[f64], modes: usize) -> Vec<Vec<f64>> {
    let cells = loadings.len() / modes;
    [0..cells / 3, cells / 3..cells / 2, cells / 2..cells]
        .into_iter()
        .map(|range| {
            (0..modes)
                .flat_map(|k| loadings[k * cells + range.start..k * cells + range.end].to_vec())
                .collect()
        })
        .collect()
}

fn promax(loadings: &[f64], squares: &[f64], kaiser: bool, power: f64) -> Rotation {
    let moments = moments(loadings, squares, kaiser);
    let (r, _) = varimax(&moments, Search::default()).unwrap();
    let mut target = PromaxTarget::new(&moments, &r, power).unwrap();
    for piece in pieces(loadings, squares.len()) {
        let mut part = PromaxTarget::new(&moments, &r, power).unwrap();
        part.absorb(&piece);
        target.merge(&part).unwrap();
    }
    Rotation::oblique(&moments, &r, &target).unwrap()
}

/// Loading vectors z √λ and eigenvalues.
fn loading_vectors(solved: &Solved) -> (Vec<f64>, Vec<f64>) {
    let n = solved.n;
    let lambda: Vec<f64> = solved.pairs.values.iter().map(|v| v / (n as f64 - 1.0)).collect();
    let roots: Vec<f64> = lambda.iter().map(|l| l.sqrt()).collect();
    (signed(&solved.z, n, &roots), lambda)
}

#[test]
fn xeofs_rotations() {
    let r = References::load();
    let n = 32;
    for (name, power, modes) in [("varimax", 1.0, 5), ("promax2", 2.0, 5), ("promax4", 4.0, 4)] {
        let solved = Solved::new(r.weighted(), n, modes);
        let (vectors, lambda) = loading_vectors(&solved);
        let loadings = solved.maps(&vectors);
        let rotation = if power > 1.0 {
            promax(&loadings, &lambda, true, power)
        } else {
            let moments = moments(&loadings, &lambda, true);
            Rotation::orthogonal(&moments, &varimax(&moments, Search::default()).unwrap().0).unwrap()
        };
        let rotation = rotation.ordered();
        let maps = solved.maps(&rotation.of_loadings(&vectors, n));
        let negative: Vec<bool> = signs(&maps, 12).iter().map(|s| *s < 0.0).collect();
        let rotation = rotation.flipped(&negative);
        let get = |what: &str| r.get(&format!("xeofs_{name}_{what}"));
        agree(&rotation.variances, get("variance"), 1e-10, name);
        agree(&rotation.correlations, get("phi"), 1e-9, name);
        let inverse: Vec<f64> = rotation.variances.iter().map(|v| 1.0 / v.sqrt()).collect();
        let maps = signed(&solved.maps(&rotation.of_loadings(&vectors, n)), 12, &inverse);
        agree(&maps, get("components"), 1e-9, name);
        let norms: Vec<f64> = rotation.variances.iter().map(|v| (v * 31.0).sqrt()).collect();
        let scores = signed(&rotation.of_components(&solved.pairs.vectors, n), n, &norms);
        agree(&scores, get("scores"), 1e-9, name);
    }
}

#[test]
fn ncl_rotations() {
    let r = References::load();
    let n = 32;
    let solved = Solved::new(r.weighted(), n, 4);
    let (vectors, lambda) = loading_vectors(&solved);
    let ncl = Search::Planes { angle: 1e-4, sweeps: 100 };
    for (name, scaled, unit) in [("minus1", true, false), ("0", false, false), ("1", true, true)] {
        let (vectors, squares) =
            if scaled { (vectors.clone(), lambda.clone()) } else { (solved.z.clone(), vec![1.0; 4]) };
        let moments = moments(&solved.maps(&vectors), &squares, true);
        let rotation = Rotation::orthogonal(&moments, &varimax(&moments, ncl).unwrap().0).unwrap();
        agree(&rotation.variances, r.get(&format!("ncl_varimax_{name}_variance")), 1e-8, name);
        let mut maps = solved.maps(&rotation.of_loadings(&vectors, n));
        if unit {
            let inverse: Vec<f64> = rotation.variances.iter().map(|v| 1.0 / v.sqrt()).collect();
            maps = signed(&maps, 12, &inverse);
        }
        agree_but_sign(&maps, r.get(&format!("ncl_varimax_{name}")), 12, 1e-8, name);
    }
}

#[test]
fn without_kaiser_both_searches_find_the_same() {
    let r = References::load();
    let solved = Solved::new(r.weighted(), 32, 5);
    let (vectors, lambda) = loading_vectors(&solved);
    let moments = moments(&solved.maps(&vectors), &lambda, false);
    for search in
        [Search::Planes { angle: 1e-12, sweeps: 500 }, Search::Gradient { tolerance: 1e-15, steps: 5000 }]
    {
        let (matrix, _) = varimax(&moments, search).unwrap();
        let rotation = Rotation::orthogonal(&moments, &matrix).unwrap().ordered();
        let maps = solved.maps(&rotation.of_loadings(&vectors, 32));
        agree_but_sign(&maps, r.get("raw_varimax_loadings"), 12, 1e-6, "raw");
        // Orthogonal, and the variance stays.
        let m = rows(&rotation.matrix, 5, 5);
        let unit = product(m.transpose(), m);
        for i in 0..25 {
            assert!((unit[(i / 5, i % 5)] - f64::from(u8::from(i % 6 == 0))).abs() < 1e-12);
        }
        let (a, b) = (rotation.variances.iter().sum::<f64>(), lambda.iter().sum::<f64>());
        assert!((a - b).abs() < 1e-12 * b);
    }
}

#[test]
fn simple_structure_is_found_again() {
    // Three groups of cells, each with one mode of its own, mixed by an orthogonal matrix.
    let cells = 30;
    let simple = |k: usize, c: usize| if c % 3 == k { 1.0 + (c as f64) * 0.05 } else { 0.0 };
    let (s, c) = 0.7f64.sin_cos();
    let mix = [[c, -s, 0.0], [s * c, c * c, -s], [s * s, s * c, c]];
    let loadings: Vec<f64> =
        (0..3 * cells).map(|i| (0..3).map(|j| mix[i / cells][j] * simple(j, i % cells)).sum()).collect();
    let squares: Vec<f64> = loadings.chunks(cells).map(|l| l.iter().map(|v| v * v).sum()).collect();
    for (kaiser, power) in [(true, 1.0), (false, 1.0), (true, 3.0), (false, 4.0)] {
        let rotation = promax(&loadings, &squares, kaiser, power);
        let maps = rows(&rotation.matrix, 3, 3).transpose() * rows(&loadings, 3, cells);
        for cell in 0..cells {
            let mut sizes: Vec<f64> = (0..3).map(|k| maps[(k, cell)].abs()).collect();
            sizes.sort_by(f64::total_cmp);
            assert!(sizes[1] < 1e-4 && (sizes[2] - simple(cell % 3, cell)).abs() < 1e-6, "{sizes:?}");
        }
    }
}

#[test]
fn cells_without_data_or_loadings_change_nothing_else() {
    let r = References::load();
    let solved = Solved::new(r.weighted(), 32, 4);
    let (vectors, lambda) = loading_vectors(&solved);
    let loadings = solved.maps(&vectors);
    let with: Vec<f64> = loadings.chunks(12).flat_map(|map| [map, &[f64::NAN]].concat()).collect();
    let (mut a, mut b) = (moments(&loadings, &lambda, true), LoadingMoments::new(&lambda, 12, true).unwrap());
    b.absorb(&with);
    assert_eq!((a.cells, b.cells), (12, 12));
    agree(&b.fourth.to_dense(), &a.fourth.to_dense(), 1e-14, "fourth");
    // A cell of zero loadings counts as a cell.
    a.absorb(&[0.0; 4]);
    b.absorb(&[1e-18, 2e-18, 0.0, -1e-17]);
    assert_eq!((a.cells, b.cells), (13, 13));
    agree(&b.fourth.to_dense(), &a.fourth.to_dense(), 1e-14, "fourth");
}

#[test]
fn what_can_not_be_rotated_is_refused() {
    use halocline_core::ErrorKind::{Data, Usage};
    assert_eq!(LoadingMoments::new(&[1.0], 5, true).unwrap_err().kind, Usage);
    assert_eq!(LoadingMoments::new(&[1.0; 65], 5, true).unwrap_err().kind, Usage);
    assert_eq!(LoadingMoments::new(&[1.0, 0.0], 5, true).unwrap_err().kind, Data);
    let r = References::load();
    let solved = Solved::new(r.weighted(), 32, 5);
    let (vectors, lambda) = loading_vectors(&solved);
    let all = moments(&solved.maps(&vectors), &lambda, true);
    for search in
        [Search::Gradient { tolerance: 1e-14, steps: 3 }, Search::Planes { angle: 1e-14, sweeps: 1 }]
    {
        assert_eq!(varimax(&all, search).unwrap_err().kind, Data);
    }
    assert_eq!(PromaxTarget::new(&all, &[0.0; 25], f64::NAN).unwrap_err().kind, Usage);
    let mut overflow = LoadingMoments::new(&[1.0, 1.0], 2, false).unwrap();
    overflow.absorb(&[1e100, 1.0, 1.0, 1.0]);
    assert_eq!(varimax(&overflow, Search::default()).unwrap_err().kind, Data);
    // No cells at all.
    let empty = LoadingMoments::new(&[1.0, 1.0], 0, true).unwrap();
    assert!(varimax(&empty, Search::default()).is_ok());
}
