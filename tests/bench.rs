//! `halocline bench` and `halocline plan`.

mod common;

use common::halocline;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(dir: &Path, words: &[&str]) -> Output {
    Command::new(halocline()).args(words).current_dir(dir).output().expect("the program starts")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("there is a file");
    text.lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect()
}

#[test]
fn a_scaling_is_recorded_shown_and_drawn() {
    let dir = tempfile::tempdir().expect("a folder");
    let words = ["bench", "scaling", "--case", "stats,redistribute", "--ranks", "1,3", "--repeat", "1"];
    let rest = ["--shape", "24,18,36", "-o", "runs.jsonl", "--plot", "runs.png"];
    let done = run(dir.path(), &[&words[..], &rest[..]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let table = text(&done.stdout);
    assert!(table.contains("stats (strong, 24 x 18 x 36)") && table.contains("redistribute"), "{table}");
    let runs = lines(&dir.path().join("runs.jsonl"));
    assert_eq!(runs.len(), 4);
    let of = |case: &str, ranks: u64| {
        runs.iter().find(|r| r["case"] == case && r["ranks"] == ranks).expect("a run").clone()
    };
    assert_eq!(of("stats", 3)["bytes_decoded"], 24 * 18 * 36 * 4);
    // Maps to series and back, four times: two thirds of the values leave each rank, in a message
    // to each of two others. The summary itself and the launch add a few.
    let moved = of("redistribute", 3);
    let bytes = moved["message_bytes"].as_u64().expect("a number");
    let values = 24 * 18 * 36 * 4 * 2 / 3 * 2 * 4;
    assert!((values..values + 20_000).contains(&bytes), "{bytes} of {values}");
    let picture = std::fs::read(dir.path().join("runs.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG"));
    let left = std::fs::read_dir(dir.path()).expect("a folder").count();
    assert_eq!(left, 2, "data are removed");

    // Added to, and read back.
    let words = ["bench", "scaling", "--case", "redistribute", "--ranks", "2", "--repeat", "1", "--weak"];
    let done = run(dir.path(), &[&words[..], &["--shape", "8,6,4", "-o", "runs.jsonl"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let done = run(dir.path(), &["bench", "table", "runs.jsonl"]);
    assert!(text(&done.stdout).contains("redistribute (weak)"), "{}", text(&done.stdout));
}

#[test]
fn what_is_foreseen_to_be_sent_is_sent_on_any_number_of_ranks() {
    let dir = tempfile::tempdir().expect("a folder");
    // `bench moves` ends with an error if messages or bytes differ from the formula.
    for ranks in [1, 2, 5, 16] {
        let done =
            run(dir.path(), &["--thread-ranks", &ranks.to_string(), "bench", "moves", "--shape", "7,11,5"]);
        assert!(done.status.success(), "{ranks}: {}", text(&done.stderr));
    }
}

#[test]
fn mistakes_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("notes.txt"), "not JSON\n").expect("written");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["bench", "scaling", "--case", "stats", "-o", "notes.txt"], 3, "line 1 is no record"),
        (&["bench", "scaling", "--case", "stats", "-o", "x", "--launcher", "srun"], 2, "{ranks}"),
        (&["bench", "scaling", "--case", "stats", "--shape", "3,4", "-o", "x"], 2, "is no shape"),
        (&["bench", "table", "absent.jsonl"], 3, "absent.jsonl"),
        (
            &["plan", "--machine", "notes.txt", "--", "stats", "a.nc", "--var", "x", "-o", "b.nc"],
            3,
            "no model",
        ),
        (
            &[
                "bench",
                "scaling",
                "--case",
                "stats",
                "--ranks",
                "2",
                "-o",
                "x",
                "--launcher",
                "nolauncher {ranks}",
            ],
            4,
            "nolauncher",
        ),
    ];
    for (words, code, part) in cases {
        let done = run(dir.path(), words);
        let told = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(part), "{words:?}: {told}");
    }
}

/// A machine of round numbers: ten core seconds for each 1e9 values of `stats`.
const MACHINE: &str = r#"{
  "schema": 1,
  "place": {"host": "h", "processor": "p", "cores": 4, "version": "0", "system": "s"},
  "memory_bytes": 1000000000,
  "memory": {"one": 1e10, "all": 2e10}, "page_cache": {"one": 5e9, "all": 1e10},
  "disk_read": 1e8, "disk_write": 1e8, "inflate": {"one": 5e8, "all": 1e9},
  "gemm": {"one": 3e10, "all": 6e10}, "fft": {"one": 5e9, "all": 1e10}, "eigen": 1e-10,
  "start": 0.1, "launch": 0.5,
  "wire": {"ranks": 2, "latency": 1e-6, "bandwidth": 1e9, "all_to_all": 1e9, "all_reduce": 1e-6, "barrier": 1e-6},
  "work": [
    {"case": "stats", "deflated": false, "fixed": 0.25, "serial": 0.0, "parallel": 1e-8},
    {"case": "eof", "deflated": false, "fixed": 0.25, "serial": 0.0, "parallel": 1e-10}
  ]
}"#;

#[test]
fn a_plan_is_the_arithmetic_of_its_model() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("machine.json"), MACHINE).expect("written");
    let done = run(dir.path(), &["bench", "data", "--shape", "100,90,180", "-o", "x.nc"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let command = ["--", "stats", "x.nc", "--var", "x", "--op", "mean,std", "-o", "out.nc"];
    let head = ["plan", "--json", "--nodes", "1,1000"];
    let done = run(dir.path(), &[&head[..], &command[..]].concat());
    let plan: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((plan["times"].as_u64(), plan["cells"].as_u64()), (Some(100), Some(16_200)));
    // 1.62e6 values on four cores, two tiles: two of four ranks have one.
    let one = &plan["predictions"][0];
    assert_eq!((one["ranks"].as_u64(), one["cores_per_rank"].as_u64()), (Some(4), Some(1)));
    let near = |value: &Value, expected: f64| (value.as_f64().expect("a number") - expected).abs() < 1e-9;
    assert!(near(&one["start"], 0.5) && near(&one["serial"], 0.25), "{one}");
    assert!(near(&one["work"], 1.62e6 * 1e-8 / 4.0 * 2.0), "{one}");
    let verdict = plan["verdict"].as_str().expect("words");
    assert!(verdict.contains("scaling ends below 1000 nodes"), "{verdict}");

    let refused = run(dir.path(), &["plan", "--", "info", "x.nc"]);
    assert_eq!(refused.status.code(), Some(2));
    let unknown = run(dir.path(), &["plan", "--", "spectrum", "power", "x.nc", "--var", "x", "-o", "o.nc"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown.stderr));
    assert!(!dir.path().join("out.nc").exists());
}

#[test]
fn merging_in_order_and_as_they_come_gives_the_same_but_for_rounding() {
    let dir = tempfile::tempdir().expect("a folder");
    for ranks in ["1", "3"] {
        let words = ["bench", "merge", "--shape", "200,9,16", "--rounds", "1", "--json", "-q"];
        let done = run(dir.path(), &[&words[..], &["--thread-ranks", ranks]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let folds = told["folds"].as_array().expect("a list");
        assert!(folds.len() == 3 && folds.iter().all(|f| f["ordered"].as_f64() > Some(0.0)), "{told}");
    }
}
