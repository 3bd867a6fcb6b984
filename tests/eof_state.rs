//! `halocline eof --state`: records in parts give what all of them do, exactly where all modes are
//! kept, and within the bound that is told where not; the same bits on any ranks; what is refused.

mod common;

use common::{data, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn sst() -> PathBuf {
    data("ersstv5_sst_201001-202008.nc")
}

/// A part of the record, with a state.
fn part(launch: Launch, folder: &Folder, time: &str, state: &str, more: &[&str]) -> String {
    let (input, out, state) = (sst(), folder.at("out.nc"), folder.at(state));
    let all =
        ["eof", text(&input), "--var", "sst", "--time", time, "-o", text(&out), "--state", text(&state)];
    String::from_utf8_lossy(&run_well(launch, &[&all, more].concat()).stderr).into_owned()
}

/// Values agree, relative to the largest; missing is missing.
fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let largest = theirs.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let same = a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * largest;
        assert!(same, "{what}: at {i} {a} against {b} (largest {largest})");
    }
}

const VARIABLES: [&str; 8] =
    ["time", "eigenvalue", "variance_fraction", "total_variance", "north_error", "mean", "pc", "eof"];

#[test]
fn parts_make_the_whole() {
    let folder = Folder::new();
    let (whole, input) = (folder.at("whole.nc"), sst());
    for options in [
        &["--modes", "3", "--box", "0,360,20,50", "--anomaly", "climatology", "--weights", "area"][..],
        &["--modes", "3", "--box", "120,290,-30,30", "--pc-scaling", "0", "--eof-scaling", "2"],
    ] {
        let all =
            ["eof", text(&input), "--var", "sst", "--time", "2010-01/2018-07", "-q", "-o", text(&whole)];
        run_well(Launch::Plain(2), &[&all, options].concat());
        // Two and a half years, then parts of seven months to a single one.
        part(
            Launch::Plain(2),
            &folder,
            "2010-01/2012-07",
            "s.hcs",
            &[options, &["--state-modes", "200"]].concat(),
        );
        let update = [options, &["--state-modes", "200", "--update"]].concat();
        part(Launch::ThreadRanks(3), &folder, "2012-08/2017-12", "s.hcs", &update);
        part(Launch::Plain(1), &folder, "2018-01/2018-05", "s.hcs", &update);
        part(Launch::Mpi(2), &folder, "2018-06/2018-06", "s.hcs", &update);
        let said = part(Launch::Plain(2), &folder, "2018-07/2018-07", "s.hcs", &update);
        assert!(said.contains("1 record added to 102;") && said.contains("; nothing was lost"), "{said}");
        let out = folder.at("out.nc");
        for name in VARIABLES {
            close(name, &values(&out, name), &values(&whole, name), 1e-8);
        }
        assert!(values(&out, "eigenvalue_error_bound").iter().all(|b| *b == 0.0));
    }
}

#[test]
fn what_is_not_kept_is_bounded() {
    let folder = Folder::new();
    let (whole, input) = (folder.at("whole.nc"), sst());
    let options = ["--modes", "3", "--anomaly", "climatology"];
    let all = ["eof", text(&input), "--var", "sst", "--time", "2010/2018", "-q", "-o", text(&whole)];
    run_well(Launch::Plain(2), &[&all[..], &options].concat());
    for keep in ["3", "12"] {
        let first = [&options[..], &["--state-modes", keep]].concat();
        part(Launch::Plain(2), &folder, "2010/2011", "s.hcs", &first);
        let update = [&first[..], &["--update"]].concat();
        for year in 2012..=2018 {
            part(Launch::Plain(2), &folder, &year.to_string(), "s.hcs", &update);
        }
        let out = folder.at("out.nc");
        let (exact, ours) = (values(&whole, "eigenvalue"), values(&out, "eigenvalue"));
        let bounds = values(&out, "eigenvalue_error_bound");
        for k in 0..3 {
            let error = exact[k] - ours[k];
            assert!(error >= -1e-9 * exact[0] && error <= bounds[k], "{keep} {k}: {error} {}", bounds[k]);
            assert!(bounds[k] > 0.0);
        }
        close("total", &values(&out, "total_variance"), &values(&whole, "total_variance"), 1e-10);
        close("mean", &values(&out, "mean"), &values(&whole, "mean"), 1e-10);
        // The leading mode hardly suffers.
        assert!((ours[0] / exact[0] - 1.0).abs() < 0.02);
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = Folder::new();
    let options = ["--modes", "3", "--state-modes", "6", "-q"];
    let bits = |state: &Path| {
        let everything: Vec<Vec<u64>> = VARIABLES
            .iter()
            .map(|name| values(&folder.at("out.nc"), name).into_iter().map(f64::to_bits).collect())
            .collect();
        (everything, std::fs::read(state).expect("a state"))
    };
    let mut expected = None;
    let mut ways = vec![Launch::Plain(1), Launch::Plain(2), Launch::ThreadRanks(2), Launch::ThreadRanks(4)];
    if cfg!(feature = "mpi") {
        ways.extend([Launch::Mpi(1), Launch::Mpi(3), Launch::Mpi(4)]);
    }
    for launch in ways {
        part(launch, &folder, "2010/2012", "s.hcs", &options);
        part(launch, &folder, "2013/2014", "s.hcs", &[&options[..], &["--update"]].concat());
        let found = bits(&folder.at("s.hcs"));
        let expected = expected.get_or_insert_with(|| found.clone());
        assert!(*expected == found, "{launch:?}");
    }
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    part(Launch::Plain(2), &folder, "2010/2011", "s.hcs", &["--state-modes", "5", "--modes", "2"]);
    let state = folder.at("s.hcs");
    let good = std::fs::read(&state).expect("a state");
    let (odd, absent) = (folder.at("odd.hcs"), folder.at("absent.hcs"));
    std::fs::write(&odd, b"something else").expect("written");
    let damaged = folder.at("damaged.hcs");
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).expect("written");
    let out = folder.at("none.nc");
    let input = sst();
    let update = ["--update", "--time", "2012"];
    let cases: [(&Path, &[&str], i32, &str); 12] = [
        (&absent, &update, 3, "--update adds to it"),
        (&odd, &update, 2, "is no state"),
        (&damaged, &update, 3, "damaged"),
        (&state, &["--update", "--time", "2011-06/2012-03"], 3, "7 of the new records"),
        (&state, &["--update", "--time", "2012", "--weights", "none"], 3, "weights=coslat"),
        (&state, &["--update", "--time", "2012", "--anomaly", "climatology"], 3, "anomaly=mean"),
        (&state, &["--update", "--time", "2012", "--box", "0,90,0,40"], 3, "tiles"),
        (&state, &["--update", "--time", "2012", "--modes", "99"], 2, "the state keeps"),
        (&state, &["--update", "--time", "2012", "--standardize"], 2, "standardized series"),
        (&state, &["--update", "--time", "2012", "--solver", "randomized"], 2, "randomized"),
        (&state, &["--time", "2012", "--state-modes", "2", "--modes", "3"], 2, "between 3 and"),
        (&state, &["--update", "--time", "2012", "--memory", "10MB"], 5, "memory"),
    ];
    for (state, arguments, code, words) in cases {
        let all = ["eof", text(&input), "--var", "sst", "-q", "-o", text(&out), "--state", text(state)];
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let output = run(launch, &[&all, arguments].concat());
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
            assert!(
                message.contains(words) && message.trim().lines().count() == 1,
                "{arguments:?}: {message}"
            );
            assert!(!out.exists());
        }
    }
    assert!(std::fs::read(&state).expect("a state") == good, "nothing was changed");
    let alone = ["eof", text(&input), "--var", "sst", "-o", text(&out), "--update"];
    assert_eq!(run(Launch::Plain(1), &alone).status.code(), Some(2));
}
