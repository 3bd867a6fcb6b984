//! `halocline plot` of spectra in time: curves, panels that are aligned, maps at a frequency.

mod common;

use common::{run, run_well, text, Launch};
use std::path::{Path, PathBuf};

fn spectrum(out: &Path, words: &[&str]) {
    run_well(Launch::Plain(1), &[&["spectrum"], words, &["-q", "-o", text(out)]].concat());
}

#[test]
fn spectra_are_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, picture) = (folder.path().join("out.nc"), folder.path().join("x.svg"));
    let input = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/spectra_input.nc");
    let with = format!("{}:v", text(&input));
    spectrum(&out, &["power", text(&input), "--var", "u", "--segment", "64"]);
    let error = "choose one with --at";
    let refused = run(Launch::Plain(1), &["plot", text(&out), "-o", text(&picture)]);
    assert!(refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains(error));
    for linear in [&[][..], &["--linear"]] {
        run_well(
            Launch::Plain(1),
            &[&["plot", text(&out), "--at", "11,55", "-o", text(&picture)], linear].concat(),
        );
        let drawn = std::fs::read_to_string(&picture).expect("a picture");
        assert!(
            drawn.contains("red noise")
                && drawn.contains("95 % level")
                && drawn.contains("latitude 60, longitude 10")
        );
    }
    spectrum(
        &out,
        &["cross", text(&input), "--var", "u", "--with", &with, "--segment", "64", "--average", "lat,lon"],
    );
    run_well(Launch::Plain(1), &["plot", text(&out), "-o", text(&picture)]);
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.contains("Phase (degrees)") && drawn.contains("Coherence squared"));
    // Frames of panels begin at the same place.
    let left = frames(&drawn);
    assert!(left.len() == 3 && left.iter().all(|x| *x == left[0]), "{left:?}");
    // Maps at a frequency, and refusals of what they don't have.
    spectrum(
        &out,
        &[
            "cross",
            text(&input),
            "--var",
            "u",
            "--with",
            &with,
            "--segment",
            "64",
            "--confidence",
            "0.9,0.99",
        ],
    );
    run_well(Launch::Plain(1), &["plot", text(&out), "--frequency", "0.1", "-o", text(&picture)]);
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.contains("hatched: below the 90 % limit") && drawn.contains("Phase, positive: y leads"));
    assert!(drawn.contains("0.0938 cycles per day (period 10.7 days)"), "nearest of k/64");
    run_well(Launch::Plain(1), &["plot", text(&out), "--at", "11,55", "-o", text(&picture)]);
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.contains("90 % level") && drawn.contains("99 % level"));
    for (options, says) in [
        (vec!["--frequency", "0.7"], "choose --frequency between 0 and 0.5"),
        (vec!["--frequency", "nan"], "choose --frequency between 0 and 0.5"),
        (vec!["--frequency", "0.1", "--select", "levle=2"], "there is no dimension `levle`"),
        (vec!["--var", "gain"], "choose one with --frequency F"),
        (vec!["--frequency", "0.1", "--at", "0,0"], "cannot be used with"),
    ] {
        let refused =
            run(Launch::Plain(1), &[&["plot", text(&out), "-o", text(&picture)], &options[..]].concat());
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && error.contains(says), "{options:?}: {error}");
    }
}

#[test]
fn maps_at_a_frequency_say_which() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, picture) = (folder.path().join("out.nc"), folder.path().join("x.svg"));
    let input = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/spectra_input.nc");
    spectrum(&out, &["power", text(&input), "--var", "u", "--segment", "64", "--confidence", "0.9,0.99"]);
    for (options, says) in [
        (&[][..], &["hatched: below the 90 % level"][..]),
        (&["--select", "confidence=0.99"], &["hatched: below the 99 % level"]),
        (&["--var", "background"], &["red noise"]),
        (&["--var", "significance"], &["confidence 0.9"]),
    ] {
        let command = ["plot", text(&out), "--frequency", "0.1", "-o", text(&picture)];
        run_well(Launch::Plain(1), &[&command, options].concat());
        let drawn = std::fs::read_to_string(&picture).expect("a picture");
        let frequency = "0.0938 cycles per day (period 10.7 days)";
        assert!(drawn.contains(frequency) && says.iter().all(|word| drawn.contains(word)), "{options:?}");
    }
}

/// Where the frames of panels begin: outlines of six points, the first two of which are again the last.
fn frames(svg: &str) -> Vec<String> {
    let points = svg.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let outlines = points.map(|text| text.split_whitespace().collect::<Vec<_>>());
    let frames = outlines.filter(|p| p.len() == 6 && p[0] == p[4] && p[1] == p[5]);
    frames.filter_map(|p| p[0].split(',').next().map(str::to_owned)).collect()
}
