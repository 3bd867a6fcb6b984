//! Long runs of `halocline stats`: stopped, killed, out of disk, short of memory; gone on with.

mod common;

use common::made::{Layout, Made};
use common::{command, contents, names_in, run, run_well, text, Launch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// 230 MB of values, in ten tiles one after the other; made once for all builds.
fn long() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("long-1.nc");
        if !path.exists() {
            let part = path.with_extension("part");
            let layout = Layout::Chunked([1, 300, 300], Some(1));
            Made { shape: [640, 300, 300], layout, since: 0 }.write(&part);
            std::fs::rename(&part, &path).expect("renamed");
        }
        path
    })
}

/// A place of its own for each run that is disturbed.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }
    fn at(&self, name: &str) -> String {
        text(&self.folder.path().join(name)).to_owned()
    }
    /// The job, through the library, which is slow.
    fn job(&self, extra: &[&str]) -> Vec<String> {
        let all = ["stats", text(long()), "--var", "tos", "--op", "mean", "--io", "library", "--no-cache"];
        let mine = [self.at("state"), self.at("out.nc"), self.at("log")];
        let places = ["--checkpoint", &mine[0], "-o", &mine[1], "--log-json", &mine[2]];
        all.iter().chain(&places).chain(extra).map(|w| (*w).to_owned()).collect()
    }
    fn start(&self, launch: Launch, extra: &[&str]) -> Running {
        let job = self.job(extra);
        let words: Vec<&str> = job.iter().map(String::as_str).collect();
        let errors = std::fs::File::create(self.at("errors")).expect("a file");
        let mut command = command(launch, &words);
        command.stderr(errors).stdout(Stdio::null());
        Running { child: command.spawn().expect("starts"), begun: Instant::now() }
    }
    fn events(&self) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.at("log")).unwrap_or_default();
        // The last line may be in the making.
        let whole = &log[..log.rfind('\n').map_or(0, |end| end + 1)];
        whole.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
    fn errors(&self) -> String {
        std::fs::read_to_string(self.at("errors")).expect("readable")
    }
    fn wait_for(&self, event: &str, running: &mut Running) {
        while !self.events().iter().any(|e| e["event"] == event) {
            assert!(running.child.try_wait().expect("a child").is_none(), "ended early: {}", self.errors());
            assert!(running.begun.elapsed() < Duration::from_secs(60), "no {event}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    /// Goes on to the end, elsewhere.
    fn goes_on(&self, launch: Launch, what: &str) {
        let job = self.job(&["--resume", "-q"]);
        let words: Vec<&str> = job.iter().map(String::as_str).collect();
        run_well(launch, &words);
        assert!(
            contents(Path::new(&self.at("out.nc"))) == *undisturbed(),
            "{what}, then {launch:?}: other bytes"
        );
        let mut names = names_in(self.folder.path());
        names.retain(|n| !["errors", "log"].contains(&n.as_str()));
        assert_eq!(names, ["out.nc"], "{what}, then {launch:?}");
    }
}

struct Running {
    child: Child,
    begun: Instant,
}

impl Running {
    fn signal(signal: &str, process: u32) {
        let sent = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill");
        assert!(sent.success());
    }
    /// The processes that mpirun started.
    fn ranks(&self) -> Vec<u32> {
        let found = Command::new("pgrep").args(["-P", &self.child.id().to_string()]).output().expect("pgrep");
        String::from_utf8_lossy(&found.stdout).lines().filter_map(|l| l.parse().ok()).collect()
    }
    fn end(mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            if self.begun.elapsed() > Duration::from_secs(90) {
                let _ = self.child.kill();
                panic!("the run hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What comes of the job when nothing happens.
fn undisturbed() -> &'static BTreeMap<String, String> {
    static CONTENTS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    CONTENTS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let out = folder.path().join("out.nc");
        run_well(Launch::Plain(2), &["stats", text(long()), "--var", "tos", "-q", "-o", text(&out)]);
        contents(&out)
    })
}

#[test]
fn stopped_runs_go_on_elsewhere() {
    let mut cases = vec![
        (Launch::Plain(2), "-TERM", Launch::ThreadRanks(3)),
        (Launch::ThreadRanks(2), "-USR1", Launch::Plain(1)),
    ];
    if cfg!(feature = "mpi") {
        cases.push((Launch::ThreadRanks(3), "-USR1", Launch::Mpi(2)));
        cases.push((Launch::Mpi(2), "-USR1", Launch::Plain(2)));
    }
    for (launch, signal, then) in cases {
        let (place, what) = (Place::new(), format!("{launch:?} {signal}"));
        let mut running = place.start(launch, &[]);
        place.wait_for("plan", &mut running);
        // One rank is told.
        let told = if matches!(launch, Launch::Mpi(_)) { running.ranks()[1] } else { running.child.id() };
        Running::signal(signal, told);
        let status = running.end();
        assert_eq!(status.code(), Some(75), "{what}: {}", place.errors());
        assert!(Path::new(&place.at("state")).exists() && !Path::new(&place.at("out.nc")).exists(), "{what}");
        let end = place.events().pop().expect("events");
        assert_eq!((&end["event"], &end["exit_code"]), (&"end".into(), &75.into()), "{what}");
        place.goes_on(then, &what);
    }
}

#[test]
fn the_time_limit_stops_a_run() {
    let place = Place::new();
    let status = place.start(Launch::Plain(1), &["--time-limit", "0.3s"]).end();
    assert_eq!(status.code(), Some(75), "{}", place.errors());
    assert!(place.errors().contains("--resume"), "{}", place.errors());
    let saved = place.events().into_iter().find(|e| e["event"] == "checkpoint").expect("an event");
    assert!(saved["stop"].as_str().is_some_and(|why| why.contains("time limit")), "{saved}");
    place.goes_on(Launch::ThreadRanks(2), "time limit");
}

#[test]
fn the_end_of_the_job_stops_a_run() {
    let place = Place::new();
    let job = place.job(&[]);
    let words: Vec<&str> = job.iter().map(String::as_str).collect();
    let end = std::time::SystemTime::now() + Duration::from_millis(500);
    let end = end.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let mut command = command(Launch::Plain(1), &words);
    // It goes before what SLURM says.
    command.env("HALOCLINE_JOB_END", end.to_string()).env("SLURM_JOB_END_TIME", "99999999999");
    let output = common::within_two_minutes(&command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{errors}");
    assert!(errors.contains("--resume"), "{errors}");
    std::fs::write(place.at("errors"), errors.as_bytes()).expect("writable");
    place.goes_on(Launch::ThreadRanks(2), "end of the job");
}

#[test]
fn a_rank_that_is_killed_leaves_the_last_state() {
    if !cfg!(feature = "mpi") {
        return;
    }
    let place = Place::new();
    let mut running = place.start(Launch::Mpi(2), &["--checkpoint-every", "0.05s"]);
    place.wait_for("checkpoint", &mut running);
    Running::signal("-KILL", running.ranks()[1]);
    let status = running.end();
    assert!(!status.success(), "killed");
    assert!(!Path::new(&place.at("out.nc")).exists());
    assert!(Path::new(&place.at("state")).exists());
    place.goes_on(Launch::Plain(2), "killed");
}

#[test]
fn a_state_that_finds_no_room_is_a_warning() {
    let place = Place::new();
    let job = place.job(&["--checkpoint-every", "0.05s", "--threads", "2"]);
    // A state takes 0.8 MB at least, the result a tenth of that.
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -f 400; exec \"$@\"", "job"]).arg(common::halocline()).args(&job);
    let output = common::within_two_minutes(&command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(error.contains("warning: ") && error.contains("going on"), "{error}");
    assert!(place.events().iter().any(|e| e["event"] == "checkpoint" && e["error"].is_string()));
    assert!(contents(Path::new(&place.at("out.nc"))) == *undisturbed());
    assert_eq!(names_in(place.folder.path()), ["log", "out.nc"]);
}

#[test]
fn an_input_that_changes_under_way_gives_no_numbers() {
    for (io, change) in
        [("library", "touch"), ("direct", "touch"), ("library", "rm"), ("direct", "truncate -s 9M")]
    {
        let place = Place::new();
        let (input, out, log) = (place.at("in.nc"), place.at("out.nc"), place.at("log"));
        std::fs::copy(long(), &input).expect("copied");
        let arguments =
            ["stats", &input, "--var", "tos", "--io", io, "--no-cache", "-q", "-o", &out, "--log-json", &log];
        let mut command = command(Launch::Plain(1), &arguments);
        command.stderr(std::fs::File::create(place.at("errors")).expect("a file"));
        let mut running = Running { child: command.spawn().expect("starts"), begun: Instant::now() };
        place.wait_for("plan", &mut running);
        let words: Vec<&str> = change.split(' ').chain([input.as_str()]).collect();
        assert!(Command::new(words[0]).args(&words[1..]).status().expect("starts").success());
        let status = running.end();
        let error = place.errors();
        assert_eq!(status.code(), Some(3), "{io} {change}: {error}");
        assert!(error.lines().count() == 1 && error.contains("in.nc"), "{io} {change}: {error}");
        assert!(!Path::new(&out).exists());
    }
}

#[test]
fn memory_is_what_was_promised() {
    let mut launches = vec![Launch::Plain(2)];
    if cfg!(feature = "mpi") {
        launches.push(Launch::Mpi(2));
    }
    for launch in launches {
        let place = Place::new();
        let (out, log) = (place.at("out.nc"), place.at("log"));
        let arguments =
            ["stats", text(long()), "--var", "tos", "--memory", "100MB", "--log-json", &log, "-o", &out];
        let output = run_well(launch, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("100.0 MB (--memory)") && said.contains("peak"), "{said}");
        let events = place.events();
        let end = events.last().expect("events");
        let peaks = end["summary"]["peak_bytes"].as_array().expect("a list");
        assert!(!peaks.is_empty());
        for peak in peaks {
            assert!(peak.as_u64() < Some(110_000_000), "{launch:?}: {peak}");
        }
        assert!(contents(Path::new(&out)) == *undisturbed(), "{launch:?}");
        // The lines that docs/log-json.md promises.
        let kinds: Vec<&str> = events.iter().filter_map(|e| e["event"].as_str()).collect();
        assert_eq!((kinds[0], kinds[1], *kinds.last().unwrap()), ("start", "plan", "end"));
        assert_eq!((&events[0]["schema"], &events[0]["program"]), (&1.into(), &"halocline".into()));
        let plan = &events[1];
        assert!(plan["tiles"].as_u64() >= Some(10) && plan["memory_promise"] == 100_000_000, "{plan}");
        assert!(plan["bytes_to_read"].as_u64() > Some(10_000_000), "{plan}");
        let summary = &end["summary"];
        assert_eq!(
            (&summary["tiles"], &end["exit_code"], &end["error"]),
            (&plan["tiles"], &0.into(), &serde_json::Value::Null)
        );
        assert_eq!(summary["bytes_decoded"], 640 * 300 * 300 * 4);
        assert!(summary["phases"]["read"]["max"].as_f64() > Some(0.0));
        assert!(events.iter().all(|e| e["time"].is_number() && e["elapsed"].is_number()));
    }
}

/// A state of a small job that has hardly begun.
fn small_state(place: &Place) -> (Vec<String>, PathBuf) {
    let input = place.at("in.nc");
    Made { shape: [70, 20, 30], layout: Layout::Classic, since: 0 }.write(Path::new(&input));
    let job = [
        "stats",
        &input,
        "--var",
        "tos",
        "--checkpoint",
        &place.at("state"),
        "-o",
        &place.at("out.nc"),
        "-q",
    ];
    let stopped = run(Launch::Plain(1), &[&job[..], &["--time-limit", "0.001s"]].concat());
    assert_eq!(stopped.status.code(), Some(75), "{}", String::from_utf8_lossy(&stopped.stderr));
    (job.map(str::to_owned).to_vec(), PathBuf::from(place.at("state")))
}

#[test]
fn states_of_other_jobs_are_refused() {
    let place = Place::new();
    let (job, state) = small_state(&place);
    let good = std::fs::read(&state).expect("a state");
    let refused = |extra: &[&str], word: &str| {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(2)] {
            let words: Vec<&str> =
                job.iter().map(String::as_str).chain(["--resume"]).chain(extra.iter().copied()).collect();
            let output = run(launch, &words);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{extra:?}: {error}");
            assert!(
                error.lines().count() == 1 && error.contains("state") && error.contains(word),
                "{extra:?}: {error}"
            );
            assert!(!Path::new(&place.at("out.nc")).exists());
        }
    };
    refused(&["--op", "min"], "other inputs or options");
    refused(&["--time", "2000/2002"], "other inputs or options");
    for at in [8, 30, good.len() / 2, good.len() - 2] {
        let mut bad = good.clone();
        bad[at] ^= 32;
        std::fs::write(&state, &bad).expect("written");
        refused(&[], "");
    }
    std::fs::write(&state, &good[..good.len() - 9]).expect("written");
    refused(&[], "cut short");
    std::fs::write(&state, &good).expect("written");
    let input = std::fs::OpenOptions::new().append(true).open(place.at("in.nc")).expect("opens");
    let before = input.metadata().and_then(|m| m.modified()).expect("a time");
    input.set_modified(before + Duration::from_secs(1)).expect("set");
    refused(&[], "other inputs or options");
    input.set_modified(before).expect("set");
    // And the same job is taken.
    let words: Vec<&str> = job.iter().map(String::as_str).chain(["--resume"]).collect();
    run_well(Launch::ThreadRanks(3), &words);
    assert!(!state.exists());
}

#[test]
fn a_stop_keeps_the_variables_that_are_done() {
    let place = Place::new();
    let input = place.at("in.nc");
    Made { shape: [70, 20, 30], layout: Layout::Contiguous, since: 0 }.write(Path::new(&input));
    {
        let mut file = netcdf::append(&input).expect("opens");
        let mut other = file.add_variable::<f64>("other", &["time", "lat", "lon"]).expect("a variable");
        other.put_values(&vec![1.5; 70 * 600], ..).expect("written");
    }
    let (state, out) = (place.at("state"), place.at("out.nc"));
    let log = place.at("log");
    let job = ["stats", &input, "--var", "tos,other", "--checkpoint", &state, "-o", &out, "--log-json", &log];
    let output = run_well(Launch::Plain(1), &[&job[..], &["-q"]].concat());
    assert!(output.stderr.is_empty(), "quiet is quiet");
    let saved: Vec<serde_json::Value> =
        place.events().into_iter().filter(|e| e["event"] == "checkpoint").collect();
    assert_eq!(saved.len(), 1, "the first variable is saved when it is done, the last is written");
    assert_eq!(names_in(place.folder.path()), ["in.nc", "log", "out.nc"]);
}
