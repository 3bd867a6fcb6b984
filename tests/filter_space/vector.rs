//! Filters of vectors on C grids: against gcm-filters, and by the command on any ranks.

use crate::common::{attribute, contents, launches, reference, run, run_well, shared, text, values, Launch};
use halocline::algorithms::filter::space::{Shape, Target, VectorLaplacian, VectorScratch};
use halocline::core::engine::Numbers;
use halocline::core::grid::mesh::{Faces, Parts, Point, Staggering, Topology};
use std::f64::consts::PI;

#[test]
fn gcm_filters_finds_the_same_on_c_grids() {
    let path = reference("vector_filter.nc");
    let file = netcdf::open(&path).expect("a reference");
    let shape = [9, 12];
    let mut parts = Parts::new(shape, Staggering::C, [Faces::Right; 2]);
    for (point, dx, dy) in [
        (Point::T, "dxT", "dyT"),
        (Point::U, "dxCu", "dyCu"),
        (Point::V, "dxCv", "dyCv"),
        (Point::F, "dxBu", "dyBu"),
    ] {
        (parts.dx[point.index()], parts.dy[point.index()]) = (values(&path, dx), values(&path, dy));
    }
    let wet = |name: &str| -> Vec<bool> { values(&path, name).iter().map(|v| *v > 0.0).collect() };
    // They tell dry faces by areas of 0.
    let wet_points = ["wet_t", "area_u", "area_v", "wet_q"].map(wet);
    let mesh = parts.into_mesh(Topology::periodic(shape), 1.0).expect("a mesh");
    let (u, v) = (values(&path, "u"), values(&path, "v"));
    for (name, shape) in [("gaussian", Shape::Gaussian), ("taper", Shape::Taper { width: PI })] {
        for (case, kappas) in [("", [1.0, 0.0]), ("_aniso", [0.6, 0.4])] {
            let name = format!("{name}{case}");
            let laplacian = VectorLaplacian::new(&mesh, kappas).expect("a Laplacian");
            let wet = laplacian.wet(wet_points.each_ref().map(|wet| Some(wet.as_slice())));
            let least = laplacian.least_spacing(&wet);
            assert!((4000.0..9000.0).contains(&least), "{least}");
            let steps = match file.variable(&format!("u_{name}")).expect("there").attribute_value("n_steps") {
                Some(Ok(netcdf::AttributeValue::Int(n))) => n as usize,
                other => panic!("{other:?}"),
            };
            let target = Target { shape, scale: 4e4, spacing: 6e3 };
            assert_eq!(target.default_steps() as usize, steps);
            let polynomial = target.polynomial(Some(steps)).expect("a polynomial");
            let made = laplacian
                .filter(
                    (&polynomial, false),
                    [Numbers::F64(&u), Numbers::F64(&v)],
                    &wet,
                    &mut VectorScratch::default(),
                )
                .expect("finite");
            for (made, component) in made.iter().zip(["u", "v"]) {
                let theirs = values(&path, &format!("{component}_{name}"));
                let size = theirs.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                for (c, (a, b)) in made.iter().zip(&theirs).enumerate() {
                    assert!((a - b).abs() < 1e-10 * size, "{component} of {name} at {c}: {a} {b}");
                }
            }
        }
    }
    assert!(VectorLaplacian::new(&mesh, [0.8, 0.4]).is_err());
}

/// Squares between walls, of which nothing tells that faces there are dry.
#[test]
fn opposite_walls_are_alike() {
    let (shape, side) = ([6, 7], 1e4);
    let mut parts = Parts::new(shape, Staggering::C, [Faces::Right; 2]);
    for k in 0..4 {
        (parts.dx[k], parts.dy[k]) = (vec![side; 42], vec![side; 42]);
    }
    let mesh = parts.into_mesh(Topology::walls(shape), 1.0).expect("a mesh");
    let laplacian = VectorLaplacian::new(&mesh, [1.0, 0.0]).expect("a Laplacian");
    let wet = laplacian.wet([None; 4]);
    let target = Target { shape: Shape::Gaussian, scale: 6e4, spacing: laplacian.least_spacing(&wet) };
    let polynomial = target.polynomial(None).expect("a polynomial");
    let go = |u: &[f64], v: &[f64]| {
        let maps = [Numbers::F64(u), Numbers::F64(v)];
        laplacian.filter((&polynomial, false), maps, &wet, &mut VectorScratch::default()).expect("finite")
    };
    // Any flow that is 0 on the eastern and northern walls, which the map has.
    let some = |k: usize| ((k * 7919 + k * k * 31) % 1009) as f64 / 1009.0;
    let at = |j: usize, i: usize| j * 7 + i;
    let (mut u, mut v) = (vec![0.0; 42], vec![0.0; 42]);
    for (j, i) in (0..6).flat_map(|j| (0..7).map(move |i| (j, i))) {
        u[at(j, i)] = if i < 6 { some(at(j, i)) } else { 0.0 };
        v[at(j, i)] = if j < 5 { some(at(j, i) + 500) } else { 0.0 };
    }
    // The map seen in a mirror: from the other side of a meridian, or of a parallel.
    let mirrored = |[u, v]: [&[f64]; 2], along_x: bool| {
        let mut all = [vec![0.0; 42], vec![0.0; 42]];
        for (j, i) in (0..6).flat_map(|j| (0..7).map(move |i| (j, i))) {
            if i < 6 {
                all[0][at(j, i)] = if along_x { -u[at(j, 5 - i)] } else { u[at(5 - j, i)] };
            }
            if j < 5 {
                all[1][at(j, i)] = if along_x { v[at(j, 6 - i)] } else { -v[at(4 - j, i)] };
            }
        }
        all
    };
    let [u_low, v_low] = go(&u, &v);
    assert!((0..6).all(|j| u_low[at(j, 6)] == 0.0), "nothing flows through the eastern wall");
    assert!((0..7).all(|i| v_low[at(5, i)] == 0.0), "nor through the northern one");
    for along_x in [true, false] {
        let [mirror_u, mirror_v] = mirrored([&u, &v], along_x);
        let made = go(&mirror_u, &mirror_v);
        let wanted = mirrored([&u_low, &v_low], along_x);
        for (made, wanted) in made.iter().flatten().zip(wanted.iter().flatten()) {
            assert!((made - wanted).abs() < 1e-12, "{along_x}: {made} {wanted}");
        }
    }
}

#[test]
fn vectors_of_a_model_on_any_ranks() {
    let Some(gyre) = shared("ocean/nemo_gyre_4.2") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, other, high) =
        (folder.path().join("one.nc"), folder.path().join("other.nc"), folder.path().join("high.nc"));
    let [u, v, mesh] =
        ["GYRE_1y_00010101_00011230_grid_U.nc", "GYRE_1y_00010101_00011230_grid_V.nc", "mesh_mask.nc"]
            .map(|n| gyre.join(n));
    let words = |more: &[&'static str], out: &std::path::Path| -> Vec<String> {
        let own = ["--u", "uoce", "--v", "voce", "--scale", "400km", "--precision", "double", "-q"];
        let files = ["filter", "space", text(&u), text(&v), "--grid", text(&mesh), "-o", text(out)];
        files.iter().chain(&own).chain(more).map(ToString::to_string).collect()
    };
    let go = |launch, words: &[String]| {
        run_well(launch, &words.iter().map(String::as_str).collect::<Vec<_>>());
    };
    go(Launch::Plain(2), &words(&[], &one));
    for launch in launches() {
        if matches!(launch, Launch::Plain(1) | Launch::ThreadRanks(3) | Launch::Mpi(2 | 4)) {
            go(launch, &words(&[], &other));
            assert_eq!(contents(&one), contents(&other), "{launch:?}");
        }
    }
    for (more, code, part) in
        [(["--decomposition", "lat=2"], 2, "leave out --decomposition"), (["--memory", "1MB"], 5, "--memory")]
    {
        let words = words(&more, &high);
        let refused = run(Launch::ThreadRanks(2), &words.iter().map(String::as_str).collect::<Vec<_>>());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(code) && told.contains(part), "{more:?}: {told}");
    }
    go(Launch::Plain(1), &words(&["--high-pass"], &high));
    let rms = |all: &[f64]| {
        let known: Vec<f64> = all.iter().copied().filter(|v| v.abs() < 1e3).collect();
        (known.iter().map(|v| v * v).sum::<f64>() / known.len() as f64).sqrt()
    };
    for (file, name) in [(&u, "uoce"), (&v, "voce")] {
        let (all, low, high) = (values(file, name), values(&one, name), values(&high, name));
        assert!(rms(&low) < rms(&all) && rms(&low) > 0.1 * rms(&all), "{name}");
        let adds = |((a, l), h): ((&f64, &f64), &f64)| a.abs() >= 1e3 || (l + h - a).abs() < 1e-12;
        assert!(all.iter().zip(&low).zip(&high).all(adds), "{name}");
    }
    // Each component has the places of its own points.
    let theirs = values(&v, "nav_lon");
    assert_eq!(values(&one, "nav_lon_v"), theirs);
    assert!(attribute(&one, "voce", "coordinates").is_some_and(|c| c.contains("nav_lon_v")));
}

#[test]
fn vectors_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = reference("calculus.nc");
    for (words, part) in [
        (&["--u", "u", "--v", "v"][..], "name the mesh with --grid"),
        (&["--u", "u", "--v", "u"], "the same variable"),
        (&["--u", "u"], "--v"),
        (&["--u", "u", "--v", "v", "--var", "s"], "cannot be used with"),
        (&["--u", "u", "--v", "v", "--grid-type", "regular"], "counts cells"),
    ] {
        let mut all = vec!["filter", "space", text(&input), "--scale", "900km", "-q", "-o", text(&out)];
        all.extend(words);
        if words.contains(&"regular") {
            all[4] = "3";
        }
        let result = run(Launch::Plain(1), &all);
        let errors = String::from_utf8_lossy(&result.stderr).into_owned();
        assert_eq!(result.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(part) || words.contains(&"regular"), "{words:?}: {errors}");
        assert!(!out.exists());
    }
}
