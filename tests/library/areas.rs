//! Histograms by area in a running program.

use super::kinds::run;
use super::{alone, bits, SHAPE};
use crate::common::made::{value, Layout, Made};
use crate::common::{run_well, text, values, Launch};
use halocline::core::blocks::Blocks;
use halocline::core::engine::insitu::View;
use halocline::core::engine::Numbers;
use halocline::core::index::IndexBox;
use halocline::insitu::{InSitu, Setup};
use halocline::prelude::*;
use std::path::Path;

#[test]
fn areas_count_as_in_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let (input, all, each, out) = (place("made.nc"), place("all.nc"), place("each.nc"), place("out.nc"));
    Made { shape: SHAPE, layout: Layout::Contiguous, since: 0 }.write(&input);
    let offline = |more: &[&str], out: &Path| {
        let words = ["histogram", text(&input), "--var", "tos", "--bins", "255:280:37", "--weights", "area"];
        run_well(Launch::Plain(2), &[&words[..], more, &["-o", text(out)]].concat());
    };
    offline(&[], &all);
    offline(&["--over", "time"], &each);
    let near = |a: &[f64], b: &[f64]| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} {b}"));
    };
    let mut first = None;
    for ranks in [[1, 3], [3, 1], [4, 2], [2, 4]] {
        run(("histogram", "variable=tos; bins=255:280:37; weights=area"), value, ranks, &out);
        near(&values(&out, "tos_histogram"), &values(&all, "tos_histogram"));
        let found = bits(&out, "tos_histogram");
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{ranks:?} ranks");
        for name in ["tos_below", "tos_above", "tos_missing"] {
            assert_eq!(bits(&out, name), bits(&all, name), "{name} of {ranks:?} ranks");
        }
        run(("histogram", "variable=tos; bins=255:280:37; over=time; weights=area"), value, ranks, &out);
        for name in ["tos_histogram", "tos_below", "tos_missing"] {
            assert_eq!(bits(&out, name), bits(&each, name), "{name} of {ranks:?} ranks");
        }
    }
    // Of a second field, as densities, by areas worked out here: rows whose edges lie between latitudes.
    let options = "variable=tos,root; bins=255,260,280; bins2=16,16.2,16.4; weights=area; density=yes";
    run(("histogram", options), value, [3, 2], &out);
    let edge = |j: usize| (-80.0 + 160.0 * (j as f64 - 0.5) / SHAPE[1] as f64).to_radians().sin();
    let mut expected = [0.0; 4];
    for t in 0..SHAPE[0] {
        for cell in 0..SHAPE[1] * SHAPE[2] {
            let v = f64::from(value(t, cell));
            let (a, b) = (usize::from(v >= 260.0), usize::from(v.sqrt() >= 16.2));
            if (255.0..=280.0).contains(&v) && (16.0..=16.4).contains(&v.sqrt()) {
                let row = cell / SHAPE[2];
                expected[2 * a + b] += edge(row + 1) - edge(row);
            }
        }
    }
    let total: f64 = expected.iter().sum();
    let of_bin = |(k, v): (usize, &f64)| v / total / [5.0, 20.0][k / 2] / 0.2;
    let expected: Vec<f64> = expected.iter().enumerate().map(of_bin).collect();
    let found = values(&out, "tos_root_density");
    found.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} {b}"));
}

#[test]
fn areas_need_coordinates_that_stay() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("areas.state");
    let comm = Comm::serial();
    let begin = || {
        let setup = Setup::parse("histogram", &[2, 3], "bins=0:4:4; weights=area").expect("a setup");
        let blocks = Blocks::gather(&comm, &[2, 3], &IndexBox::whole(&[2, 3])).expect("blocks");
        InSitu::begin(&comm, setup, &blocks).expect("begins")
    };
    let field = [0.5, 1.5, 2.5, 3.5, 0.5, f64::NAN];
    let view = || View::contiguous(Numbers::F64(&field), &[2, 3]).map(|v| vec![v]);
    let mut run = begin();
    let error = run.push(0.0, view()).expect_err("no coordinates");
    assert!(error.to_string().contains("weights=area needs latitudes and longitudes"), "{error}");
    run.axis(0, &[0.0, 60.0], "degrees_north").expect("latitudes");
    let error = run.push(0.0, view()).expect_err("no longitudes");
    assert!(error.to_string().contains("degrees_east"), "{error}");
    run.axis(1, &[0.0, 120.0, 240.0], "degrees_east").expect("longitudes");
    run.push(0.0, view()).expect("a push");
    assert_eq!(run.steps(), 1);
    run.axis(1, &[0.0, 120.0, 240.0], "degrees_east").expect("the same again");
    let error = run.axis(0, &[0.0, 30.0], "degrees_north").expect_err("others");
    assert!(error.to_string().contains("other coordinates"), "{error}");
    run.save(&state).expect("saved");
    let mut other = begin();
    assert!(other.load(&state).is_err(), "without coordinates");
    other.axis(0, &[0.0, 30.0], "degrees_north").expect("latitudes");
    other.axis(1, &[0.0, 120.0, 240.0], "degrees_east").expect("longitudes");
    let error = other.load(&state).expect_err("of other areas").to_string();
    assert!(
        error.contains("areas") && error.contains("give the coordinates that the state was made with"),
        "{error}"
    );
    let mut same = begin();
    same.axis(0, &[0.0, 60.0], "degrees_north").expect("latitudes");
    same.axis(1, &[0.0, 120.0, 240.0], "degrees_east").expect("longitudes");
    same.load(&state).expect("taken up");
    let out = folder.path().join("out.nc");
    same.finish(&out).expect("written");
    // Rows from 30 S to 30 N, and from there to the pole: two thirds and a third of their area.
    let third = [2.0 / 9.0 + 1.0 / 9.0, 2.0 / 9.0, 2.0 / 9.0, 1.0 / 9.0];
    let found = values(&out, "field_histogram");
    found.iter().zip(third).for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{found:?}"));
}
