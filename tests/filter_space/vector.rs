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
