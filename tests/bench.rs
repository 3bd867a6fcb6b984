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
        // So does `bench rims`, also where rims go round the globe more than once.
        for (shape, width) in [("3,12,20", "2"), ("2,5,3", "4"), ("2,16,16", "1")] {
            let words = ["bench", "rims", "--shape", shape, "--width", width, "--rounds", "3"];
            let done = run(dir.path(), &[&["--thread-ranks", &ranks.to_string()], &words[..]].concat());
            assert!(done.status.success(), "{ranks} {shape} {width}: {}", text(&done.stderr));
        }
    }
}

/// Runs cases on ranks that are threads, and compares what was sent with what was foreseen.
fn compare(cases: &str, ranks: &str, more: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder");
    let words = ["bench", "scaling", "--case", cases, "--ranks", ranks, "--repeat", "1"];
    let rest = ["--launcher", "threads", "-o", "runs.jsonl"];
    let done = run(dir.path(), &[&words[..], &rest[..], more].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    for run in lines(&dir.path().join("runs.jsonl")) {
        let (sent, foreseen) = (&run["sent"], &run["foreseen"]);
        let (case, ranks) = (run["case"].as_str().expect("a case"), run["ranks"].as_u64());
        assert_eq!(sent["passes"], foreseen["passes"], "{case} on {ranks:?} {more:?}");
        assert!(ranks == Some(1) || sent["passes"]["messages"].as_u64() > Some(0), "{case} on {ranks:?}");
        let (sent, foreseen) = (&sent["writing"], &foreseen["writing"]);
        assert_eq!(sent["messages"], foreseen["messages"], "{case} on {ranks:?} {more:?}, writing");
        if case == "io" || ranks == Some(1) {
            assert_eq!(sent["bytes"], foreseen["bytes"], "{case} on {ranks:?} {more:?}, writing");
        }
        // All counts together are those of stages.
        assert!(run["messages"].as_u64() >= sent["messages"].as_u64(), "{case} on {ranks:?}");
    }
}

#[test]
fn messages_and_bytes_of_all_cases_are_those_of_their_formulas() {
    // Several tiles in time; cells fewer than ranks at times.
    compare("stats,eof,spectrum,io,moc,redistribute,halo", "1,2,3,5,8,16", &["--shape", "150,10,16"]);
}

#[test]
fn messages_are_foreseen_where_chunks_are_exchanged_and_tiles_lie_side_by_side() {
    compare("stats,eof,spectrum,io", "2,3,7", &["--shape", "70,12,20", "--compress", "deflate:1"]);
    compare("stats", "2,5", &["--shape", "70,180,190"]);
    compare("stats", "3", &["--shape", "70,180,190", "--compress", "deflate:1"]);
}

#[test]
fn overturning_and_halos_scale_and_overturning_is_foreseen() {
    let dir = tempfile::tempdir().expect("a folder");
    let words = ["bench", "scaling", "--case", "moc,halo", "--ranks", "1,2", "--repeat", "1"];
    let done = run(dir.path(), &[&words[..], &["--shape", "6,18,36", "-o", "runs.jsonl"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let runs = lines(&dir.path().join("runs.jsonl"));
    assert_eq!(runs.len(), 4);
    let moc = runs.iter().find(|r| r["case"] == "moc" && r["ranks"] == 2).expect("a run");
    assert_eq!(moc["bytes_decoded"], 6 * 20 * 18 * 36 * 4);
    // Of two halves of 18 x 18, each rim takes two columns of 18 rows on both sides, twenty times.
    let halo = runs.iter().find(|r| r["case"] == "halo" && r["ranks"] == 2).expect("a run");
    let bytes = halo["message_bytes"].as_u64().expect("a number");
    let rims = 2 * 2 * 2 * 18 * 6 * 4 * 20;
    assert!((rims..rims + 20_000).contains(&bytes), "{bytes} of {rims}");

    let model = MACHINE.replace(r#""case": "eof""#, r#""case": "moc""#);
    std::fs::write(dir.path().join("machine.json"), model).expect("written");
    let done = run(dir.path(), &["bench", "data", "--shape", "6,18,36", "--levels", "20", "-o", "v.nc"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let overturning = ["transport", "overturning", "v.nc", "--v", "v", "-o", "psi.nc"];
    let done = run(dir.path(), &[&["plan", "--json", "--nodes", "1", "--"], &overturning[..]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let plan: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((plan["case"].as_str(), plan["tiles"].as_u64()), (Some("moc"), Some(120)));
    let work = plan["predictions"][0]["work"].as_f64().expect("a number");
    assert!((work - 6.0 * 20.0 * 18.0 * 36.0 * 1e-10 / 4.0).abs() < 1e-12, "{work}");
    assert!(run(dir.path(), &overturning).status.success());
}

#[test]
fn no_machine_is_like_that() {
    let dir = tempfile::tempdir().expect("a folder");
    let done = run(dir.path(), &["bench", "data", "--shape", "4,3,2", "-o", "x.nc"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let command = ["--", "stats", "x.nc", "--var", "x", "--op", "mean", "-o", "out.nc"];
    let plan = |model: &str, options: &[&str]| {
        std::fs::write(dir.path().join("machine.json"), model).expect("written");
        let done = run(dir.path(), &[&["plan"], options, &command[..]].concat());
        (done.status.code(), text(&done.stderr))
    };
    let (code, told) = plan(MACHINE, &[]);
    assert_eq!(code, Some(0), "{told}");
    for (from, to, part) in [
        (r#""disk_read": 1e8"#, r#""disk_read": -1e8"#, "disk_read is -100000000"),
        (r#""one": 5e8"#, r#""one": 0"#, "inflate.one is 0"),
        (r#""parallel": 1e-8"#, r#""parallel": -1e-8"#, "work of stats: parallel"),
        (r#""latency": 1e-6"#, r#""latency": -1"#, "wire.latency is -1"),
        (r#""bandwidth": 1e9"#, r#""bandwidth": 1e300"#, "wire.bandwidth"),
        (r#""cores": 4"#, r#""cores": 0"#, "place.cores is 0"),
        (r#""cores": 4"#, r#""cores": -4"#, "-4"),
        (r#""eigen": 1e-10"#, r#""eigen": NaN"#, "no model"),
        (r#""eigen": 1e-10"#, r#""eigen": 1e999"#, "no model"),
        (r#""start": 0.1, "#, "", "missing field `start`"),
        (r#""schema": 1"#, r#""schema": 7"#, "another version"),
    ] {
        assert!(MACHINE.contains(from), "{from}");
        let (code, told) = plan(&MACHINE.replacen(from, to, 1), &[]);
        assert_eq!((code, told.lines().count()), (Some(3), 1), "{to}: {told}");
        assert!(told.contains(part) && told.contains("machine.json"), "{to}: {told}");
    }
    for options in [
        ["--nodes", "0"],
        ["--nodes", "-1"],
        ["--ntasks-per-node", "0"],
        ["--cpus-per-task", "0"],
        ["--storage", "0"],
        ["--storage", "-3"],
        ["--storage", "NaN"],
        ["--nodes", "1,x"],
    ] {
        let (code, told) = plan(MACHINE, &[&format!("{}={}", options[0], options[1])]);
        assert_eq!((code, told.lines().count()), (Some(2), 1), "{options:?}: {told}");
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
    // Messages are those that such a run sends, in passes and to the writer.
    assert_eq!(one["is_exact"], true, "{one}");
    let done = run(
        dir.path(),
        &[&["--thread-ranks", "4", "--threads", "1", "--log-json", "log"], &command[1..]].concat(),
    );
    assert!(done.status.success(), "{}", text(&done.stderr));
    let end = lines(&dir.path().join("log")).pop().expect("an end");
    let of = |stage: &str| end["summary"]["sent"][stage]["messages"].as_u64().expect("a number");
    assert_eq!(one["messages"].as_u64(), Some(of("passes") + of("writing")), "{one}");
    std::fs::remove_file(dir.path().join("out.nc")).expect("removed");
    // Of another method bytes are estimated.
    let eof = ["--", "eof", "x.nc", "--var", "x", "--modes", "3", "--rotate", "varimax", "-o", "out.nc"];
    let done = run(dir.path(), &[&head[..], &eof[..]].concat());
    let plan: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(plan["predictions"][0]["is_exact"], false, "{plan}");
    assert!(plan["predictions"][0]["messages"].is_null(), "{plan}");

    let refused = run(dir.path(), &["plan", "--", "info", "x.nc"]);
    assert_eq!(refused.status.code(), Some(2));
    let unknown = run(dir.path(), &["plan", "--", "spectrum", "power", "x.nc", "--var", "x", "-o", "o.nc"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown.stderr));
    assert!(!dir.path().join("out.nc").exists());
}

#[test]
fn messages_are_told_only_where_they_are_known() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("machine.json"), MACHINE).expect("written");
    let done = run(dir.path(), &["bench", "data", "--shape", "24,18,36", "-o", "x.nc"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let plan = |command: &[&str]| {
        let done = run(dir.path(), &[&["plan", "--json", "--nodes", "1", "--"], command].concat());
        assert!(done.status.success(), "{command:?}: {}", text(&done.stderr));
        let plan: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let one = plan["predictions"][0].clone();
        assert_eq!(one["is_exact"], !one["messages"].is_null(), "{one}");
        (one["messages"].as_u64(), text(&done.stderr))
    };
    let eof = ["eof", "x.nc", "--var", "x", "--modes", "3", "-o", "out.nc"];
    let stats = ["stats", "x.nc", "--var", "x", "-o", "out.nc"];
    let exact =
        [(&eof[..], &[][..]), (&eof[..], &["--solver", "auto"][..]), (&stats[..], &["--by", "month"][..])];
    for (command, options) in exact {
        let words = [command, options].concat();
        let (messages, told) = plan(&words);
        assert!(told.is_empty(), "{words:?}: {told}");
        let ran = [&["--thread-ranks", "4", "--threads", "1", "--log-json", "log"], &words[..]].concat();
        let done = run(dir.path(), &ran);
        assert!(done.status.success(), "{words:?}: {}", text(&done.stderr));
        let end = lines(&dir.path().join("log")).pop().expect("an end");
        let of = |stage: &str| end["summary"]["sent"][stage]["messages"].as_u64().expect("a number");
        assert_eq!(messages, Some(of("passes") + of("writing")), "{words:?}");
        std::fs::remove_file(dir.path().join("out.nc")).expect("removed");
    }
    // More passes, others, or some that time decides of.
    for (command, options) in [
        (&eof[..], &["--convention", "cdo"][..]),
        (&eof[..], &["--state", "s.hcs"][..]),
        (&eof[..], &["--checkpoint", "s"][..]),
        (&stats[..], &["--checkpoint", "s"][..]),
    ] {
        assert_eq!(plan(&[command, options].concat()), (None, String::new()), "{options:?}");
    }
    // The folder of the output is on the nodes only.
    for command in [&eof[..], &stats[..]] {
        let elsewhere = [&command[..command.len() - 1], &["absent/out.nc"][..]].concat();
        let (messages, told) = plan(&elsewhere);
        assert_eq!((messages, told.lines().count()), (None, 1), "{told}");
        assert!(told.contains("note: ") && told.contains("absent"), "{told}");
    }
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
