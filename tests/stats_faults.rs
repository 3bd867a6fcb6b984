//! `halocline stats` and `halocline info` on files that are damaged, hostile, or change.

mod common;

use common::made::{Layout, Made};
use common::{halocline, names_in, run, shared, text, values, within_two_minutes, Launch};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In 4 GB of address space and 20 seconds.
fn bounded(arguments: &[&str]) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -v 4194304; exec timeout -s KILL 20 \"$@\"", "job"]);
    command.arg(halocline()).args(arguments).args(["--no-cache", "--threads", "2"]);
    within_two_minutes(&command)
}

/// Ends with a result or with one line that says why not.
fn clean(output: &Output, what: &str) -> i32 {
    let error = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap_or(-1);
    assert!([0, 2, 3, 4, 5].contains(&code), "{what}: {code} {error}");
    assert_eq!(error.lines().count(), usize::from(code != 0), "{what}: {error}");
    code
}

fn all_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all_files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn sweep(name: &str, most: usize) {
    let Some(folder) = shared(name) else { return };
    let mut files = Vec::new();
    all_files(&folder, &mut files);
    files.sort();
    let results = tempfile::tempdir().expect("a temporary folder");
    let out = results.path().join("out.nc");
    for file in files {
        let info = bounded(&["info", "--json", text(&file), "-q"]);
        if clean(&info, text(&file)) != 0 {
            continue;
        }
        let about: serde_json::Value = serde_json::from_slice(&info.stdout).expect("JSON");
        let variables = about["variables"].as_array().expect("a list");
        // Those with time first.
        let mut names: Vec<&str> = variables.iter().filter_map(|v| v["name"].as_str()).collect();
        let dims = |name: &str| {
            let variable = variables.iter().find(|v| v["name"] == name);
            variable.and_then(|v| v["dims"].as_array().map(Vec::len)).unwrap_or(0)
        };
        names.sort_by_key(|name| std::cmp::Reverse(dims(name)));
        for name in names.into_iter().take(most) {
            let output = bounded(&[
                "stats",
                text(&file),
                &format!("--var={name}"),
                "--op",
                "mean,max",
                "-q",
                "-o",
                text(&out),
            ]);
            let code = clean(&output, &format!("{} {name}", file.display()));
            let _ = std::fs::remove_file(&out).map(|()| assert_eq!(code, 0));
            assert_eq!(names_in(results.path()), Vec::<String>::new(), "{} {name}", file.display());
        }
    }
}

#[test]
fn odd_files_end_cleanly() {
    sweep("odd", 3);
}

#[test]
fn files_of_other_programs_end_cleanly() {
    sweep("formats/netcdf-c", 2);
    sweep("formats/pyfive", 2);
    sweep("formats/calendars", 2);
}

struct Damage {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Damage {
    fn new(layout: Layout) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("in.nc");
        Made { shape: [24, 40, 50], layout, since: 0 }.write(&path);
        let bytes = std::fs::read(&path).expect("readable");
        Self { folder, bytes }
    }
    /// The means of a file with these bytes, or how it was refused.
    fn means(&self, bytes: &[u8], io: &str, what: &str) -> Result<Vec<u64>, i32> {
        let (input, out) = (self.folder.path().join("in.nc"), self.folder.path().join("out.nc"));
        std::fs::write(&input, bytes).expect("written");
        let output = bounded(&["stats", text(&input), "--var", "tos", "--io", io, "-q", "-o", text(&out)]);
        match clean(&output, what) {
            0 => Ok(values(&out, "tos").iter().map(|v| v.to_bits()).collect()),
            code => Err(code),
        }
    }
}

#[test]
fn files_that_are_cut_short_are_refused() {
    for layout in [Layout::Classic, Layout::Contiguous, Layout::Chunked([1, 40, 50], Some(1))] {
        let damage = Damage::new(layout);
        let len = damage.bytes.len();
        for keep in [0, 3, 100, len / 2, len * 9 / 10, len - 1] {
            let what = format!("{layout:?}, {keep} bytes of {len}");
            assert_eq!(damage.means(&damage.bytes[..keep], "auto", &what), Err(3), "{what}");
        }
    }
}

#[test]
fn flipped_bytes_never_give_other_numbers() {
    let damage = Damage::new(Layout::Chunked([2, 40, 50], Some(1)));
    let good = damage.means(&damage.bytes, "auto", "undamaged").expect("means");
    let len = damage.bytes.len();
    let mut refused = 0;
    for k in 0..60 {
        let at = len * k / 60 + k % 7;
        let mut bad = damage.bytes.clone();
        bad[at] ^= 1 << (k % 8);
        let what = format!("bit {} of byte {at} of {len}", k % 8);
        match damage.means(&bad, "auto", &what) {
            Ok(means) => assert!(means == good, "{what} gives other numbers"),
            Err(code) => {
                assert_eq!(code, 3, "{what}");
                refused += 1;
            }
        }
    }
    assert!(refused > 40, "most of the file is deflated: {refused}");
}

#[test]
fn a_full_disk_leaves_nothing() {
    let damage = Damage::new(Layout::Contiguous);
    let (input, results) = (damage.folder.path().join("in.nc"), damage.folder.path().join("results"));
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    for ranks in ["1", "3"] {
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -f 4; exec \"$@\"", "job"]).arg(halocline());
        command.args([
            "stats",
            text(&input),
            "--var",
            "tos",
            "-q",
            "-o",
            text(&out),
            "--thread-ranks",
            ranks,
        ]);
        command.args(["--threads", "1", "--no-cache"]);
        let output = within_two_minutes(&command);
        assert_eq!(clean(&output, ranks), 4);
        assert_eq!(names_in(&results), Vec::<String>::new());
    }
}

#[test]
fn an_input_that_is_gone_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let output = run(Launch::ThreadRanks(2), &["stats", "gone.nc", "--var", "tos", "-q", "-o", text(&out)]);
    assert_eq!(clean(&output, "gone"), 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone.nc"));
}
