//! Every documented error: one line, the right exit code, nothing left behind, no hang.

mod common;

use common::{data, halocline, mpirun, names_in, run, text, within_two_minutes, Launch};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small data set: times, whether values are missing, and what is wrong with it.
struct Input {
    times: Vec<f64>,
    units: &'static str,
    calendar: &'static str,
    classic: bool,
    value: fn(usize, usize) -> f32,
}

const FILL: f32 = 1e20;

impl Default for Input {
    fn default() -> Self {
        Self {
            times: (0..24).map(|t| 15.0 + 30.0 * f64::from(t)).collect(),
            units: "days since 2000-01-01",
            calendar: "360_day",
            classic: false,
            value: |t, c| {
                if c % 7 == 3 {
                    FILL
                } else {
                    ((t * 31 + c * 17 + t * c * 5) % 101) as f32
                }
            },
        }
    }
}

const ROWS: usize = 5;
const COLUMNS: usize = 6;

impl Input {
    fn write(&self, path: &Path) {
        let format = if self.classic { netcdf::Options::empty() } else { netcdf::Options::NETCDF4 };
        let mut file = netcdf::create_with(path, format).expect("a test file");
        file.add_unlimited_dimension("time").expect("a dimension");
        for (name, len) in [("lat", ROWS), ("lon", COLUMNS)] {
            file.add_dimension(name, len).expect("a dimension");
        }
        let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
        time.put_attribute("units", self.units).expect("an attribute");
        time.put_attribute("calendar", self.calendar).expect("an attribute");
        let mut lat = file.add_variable::<f64>("lat", &["lat"]).expect("a variable");
        lat.put_attribute("units", "degrees_north").expect("an attribute");
        let mut lon = file.add_variable::<f64>("lon", &["lon"]).expect("a variable");
        lon.put_attribute("units", "degrees_east").expect("an attribute");
        let mut sst = file.add_variable::<f32>("sst", &["time", "lat", "lon"]).expect("a variable");
        sst.put_attribute("units", "degC").expect("an attribute");
        sst.set_fill_value(FILL).expect("a fill value");
        let mut flat = file.add_variable::<f32>("flat", &["lat", "lon"]).expect("a variable");
        flat.put_attribute("units", "m").expect("an attribute");
        if self.classic {
            file.enddef().expect("definitions end");
        }
        let latitudes: Vec<f64> = (0..ROWS).map(|j| -20.0 + 10.0 * j as f64).collect();
        let longitudes: Vec<f64> = (0..COLUMNS).map(|i| 60.0 * i as f64).collect();
        let put = |name: &str, file: &mut netcdf::FileMut, values: &[f64]| {
            file.variable_mut(name).expect("defined").put_values(values, ..).expect("written");
        };
        put("lat", &mut file, &latitudes);
        put("lon", &mut file, &longitudes);
        file.variable_mut("flat")
            .expect("defined")
            .put_values(&[0.5f32; ROWS * COLUMNS], ..)
            .expect("written");
        let nt = self.times.len();
        file.variable_mut("time").expect("defined").put_values(&self.times, 0..nt).expect("written");
        let values: Vec<f32> = (0..nt)
            .flat_map(|t| (0..ROWS * COLUMNS).map(move |c| (t, c)))
            .map(|(t, c)| (self.value)(t, c))
            .collect();
        file.variable_mut("sst")
            .expect("defined")
            .put_values(&values, [0..nt, 0..ROWS, 0..COLUMNS])
            .expect("written");
    }
}

fn ways() -> Vec<Launch> {
    let mut all = vec![Launch::Plain(1), Launch::ThreadRanks(3)];
    if cfg!(feature = "mpi") {
        all.push(Launch::Mpi(3));
    }
    all
}

/// The lines that we print; mpirun adds its own.
fn our_lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().filter(|l| l.starts_with("halocline: ")).map(str::to_owned).collect()
}

struct Case {
    folder: tempfile::TempDir,
    input: PathBuf,
}

impl Case {
    fn new(input: &Input) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("input.nc");
        input.write(&path);
        Self { input: path, folder }
    }
    fn input(&self) -> &str {
        text(&self.input)
    }
    /// The output is a path of its own, so that what is left in its folder shows.
    fn refuses(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let inside = self.folder.path().join("results");
        std::fs::create_dir_all(&inside).expect("a folder");
        let out = inside.join("out.nc");
        for launch in ways() {
            let output = run(launch, &[arguments, &["-o", text(&out), "--quiet"]].concat());
            self::refused(&output, code, words, &format!("{launch:?} {arguments:?}"));
            assert_eq!(names_in(&inside), Vec::<String>::new(), "{launch:?} {arguments:?} left something");
        }
    }
}

fn refused(output: &Output, code: i32, words: &[&str], what: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {error}");
    let lines = our_lines(output);
    assert_eq!(lines.len(), 1, "{what} should print one line: {error}");
    for word in words {
        assert!(lines[0].contains(word), "{what}: `{word}` is not in: {}", lines[0]);
    }
    assert!(!error.contains("stack backtrace") && !error.contains("panicked"), "{what}: {error}");
}

#[test]
fn unknown_variables_are_named_with_near_ones() {
    let case = Case::new(&Input::default());
    case.refuses(&["eof", case.input(), "--var", "sts"], 2, &["sts", "did you mean `sst`", "input.nc"]);
}

#[test]
fn files_that_are_not_there() {
    let case = Case::new(&Input::default());
    case.refuses(&["eof", "no/such/file.nc", "--var", "sst"], 3, &["no/such/file.nc"]);
    case.refuses(&["eof", "no/such/*.nc", "--var", "sst"], 3, &["no/such/*.nc"]);
    case.refuses(&["eof", "--files", "no/list.txt", "--var", "sst"], 3, &["no/list.txt"]);
}

#[test]
fn files_that_are_not_netcdf_or_cut_short() {
    let case = Case::new(&Input::default());
    let path = case.folder.path().join("bad.nc");
    for contents in [&b""[..], b"<!DOCTYPE html><html>", b"CDF"] {
        std::fs::write(&path, contents).expect("written");
        case.refuses(&["eof", text(&path), "--var", "sst"], 3, &["bad.nc"]);
    }
    for classic in [false, true] {
        let whole = case.folder.path().join("whole.nc");
        Input { classic, ..Input::default() }.write(&whole);
        let bytes = std::fs::read(&whole).expect("readable");
        std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).expect("written");
        case.refuses(&["eof", text(&path), "--var", "sst"], 3, &["bad.nc"]);
    }
}

#[test]
fn times_that_do_not_serve() {
    let case = Case::new(&Input::default());
    case.refuses(&["eof", case.input(), "--var", "flat"], 3, &["flat", "time"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--time", "1850/1860"], 2, &["1850"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--time", "yesterday"], 2, &["yesterday"]);
    let one = Case::new(&Input { times: vec![15.0], ..Input::default() });
    one.refuses(&["eof", one.input(), "--var", "sst", "--modes", "1"], 3, &["two times", "input.nc"]);
    let none = Case::new(&Input { times: vec![], ..Input::default() });
    none.refuses(&["eof", none.input(), "--var", "sst"], 3, &["input.nc"]);
    let backwards = Case::new(&Input { times: vec![10.0, 20.0, 15.0, 30.0], ..Input::default() });
    backwards.refuses(&["eof", backwards.input(), "--var", "sst", "--modes", "1"], 3, &["input.nc"]);
    let twice = Case::new(&Input { times: vec![10.0, 20.0, 20.0, 30.0], ..Input::default() });
    twice.refuses(&["eof", twice.input(), "--var", "sst", "--modes", "1"], 3, &["input.nc"]);
    let calendar = Case::new(&Input { calendar: "stardate", ..Input::default() });
    calendar.refuses(&["eof", calendar.input(), "--var", "sst"], 3, &["stardate"]);
    let units = Case::new(&Input { units: "fortnights since breakfast", ..Input::default() });
    units.refuses(&["eof", units.input(), "--var", "sst"], 3, &["input.nc"]);
}

#[test]
fn values_that_do_not_serve() {
    let missing = Case::new(&Input { value: |_, _| FILL, ..Input::default() });
    missing.refuses(&["eof", missing.input(), "--var", "sst"], 3, &["all values are missing", "`sst`"]);
    let gap = Case::new(&Input {
        value: |t, c| if t == 4 && c == 8 { FILL } else { (t * c % 13) as f32 },
        ..Input::default()
    });
    gap.refuses(
        &["eof", gap.input(), "--var", "sst", "--modes", "2"],
        3,
        &["1 of 30 cells", "latitude -10", "longitude 120", "2000-05-16", "fill the gaps"],
    );
    let infinite = Case::new(&Input {
        value: |t, c| if t + c == 40 { f32::INFINITY } else { (t * c % 13) as f32 },
        ..Input::default()
    });
    infinite.refuses(
        &["eof", infinite.input(), "--var", "sst", "--modes", "2"],
        3,
        &["infinite", "latitude"],
    );
    let constant = Case::new(&Input { value: |_, c| 0.1 * c as f32, ..Input::default() });
    constant.refuses(&["eof", constant.input(), "--var", "sst", "--modes", "2"], 3, &["no variance"]);
}

#[test]
fn more_modes_than_there_are() {
    let case = Case::new(&Input::default());
    case.refuses(&["eof", case.input(), "--var", "sst", "--modes", "24"], 2, &["24 modes", "23"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--modes", "0"], 2, &["0 modes"]);
}

#[test]
fn options_that_make_no_sense() {
    let case = Case::new(&Input::default());
    case.refuses(&["eof", case.input(), "--var", "sst", "--box", "1,2,3"], 2, &["--box"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--box", "1,2,80,85"], 2, &["input.nc"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--decomposition", "depth=2"], 2, &["depth"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--level", "inf"], 2, &["--level"]);
    case.refuses(&["eof", case.input()], 2, &["--var"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--weights", "cos"], 2, &["cos", "coslat"]);
    case.refuses(&["eof", case.input(), "--var", "sst", "--decomposition", "lat=9"], 2, &["lat=9"]);
}

#[test]
fn inputs_that_do_not_fit_each_other() {
    let case = Case::new(&Input::default());
    let other = case.folder.path().join("other.nc");
    let later: Vec<f64> = (0..24).map(|t| 735.0 + 30.0 * f64::from(t)).collect();
    Input { times: later, calendar: "noleap", ..Input::default() }.write(&other);
    case.refuses(
        &["eof", case.input(), text(&other), "--var", "sst"],
        3,
        &["calendar", "other.nc", "input.nc"],
    );
    Input::default().write(&other);
    case.refuses(&["eof", case.input(), text(&other), "--var", "sst"], 3, &["other.nc", "input.nc"]);
}

#[test]
fn outputs_that_cannot_be_written() {
    let case = Case::new(&Input::default());
    for launch in ways() {
        let what = format!("{launch:?}");
        let missing = case.folder.path().join("missing/out.nc");
        let arguments = |out: &Path| {
            vec!["eof", case.input(), "--var", "sst", "--quiet", "-o"]
                .into_iter()
                .map(str::to_owned)
                .chain([text(out).to_owned()])
                .collect::<Vec<String>>()
        };
        let go = |out: &Path| {
            let words = arguments(out);
            run(launch, &words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        refused(&go(&missing), 4, &["out.nc"], &what);
        refused(&go(case.folder.path()), 2, &["directory"], &what);
        refused(&go(&case.input), 2, &["replace an input"], &what);
        refused(&go(Path::new("/proc/halocline.nc")), 4, &["/proc/halocline.nc"], &what);
    }
}

#[test]
fn words_that_are_no_options_are_told_once() {
    for launch in ways() {
        if matches!(launch, Launch::ThreadRanks(_)) {
            continue;
        }
        let output = run(launch, &["eof", "--no-such-option"]);
        refused(&output, 2, &["unexpected argument", "--no-such-option"], &format!("{launch:?}"));
    }
}

#[test]
fn a_file_that_one_rank_cannot_read() {
    if !cfg!(feature = "mpi") {
        return;
    }
    let case = Case::new(&Input::default());
    let elsewhere = case.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let out = case.folder.path().join("elsewhere/out.nc");
    let job =
        ["eof", "input.nc", "--var", "sst", "--modes", "2", "--quiet", "--threads", "1", "-o", text(&out)];
    let mut command = mpirun();
    // The second rank starts in a folder where the relative path names nothing.
    command.args(["-n", "1", "-wdir", text(case.folder.path())]).arg(halocline()).args(job);
    command.args([":", "-n", "1", "-wdir", text(&elsewhere)]).arg(halocline()).args(job);
    refused(&within_two_minutes(&command), 3, &["input.nc"], "one rank");
    assert_eq!(names_in(&elsewhere), Vec::<String>::new());
}

#[test]
fn ranks_that_do_not_know_each_other() {
    // As srun without its MPI plugin starts them: four copies that each would do all the work.
    // By what srun says, and with MPI started all the same, by what MPI sees.
    for mpi in ["auto", "yes"] {
        let mut command = Command::new(halocline());
        command.args(["info", text(&data("ersstv5_sst_201001-202008.nc")), "--mpi", mpi]);
        for (name, value) in [
            ("SLURM_STEP_ID", "0"),
            ("SLURM_PROCID", "0"),
            ("SLURM_STEP_NUM_TASKS", "4"),
            ("SLURM_JOB_ID", "1"),
            ("SLURM_NTASKS", "4"),
        ] {
            command.env(name, value);
        }
        let output = within_two_minutes(&command);
        refused(&output, 6, &["4 ranks"], "silent copies");
    }
}

#[test]
fn a_full_disk() {
    let case = Case::new(&Input::default());
    let results = case.folder.path().join("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    for ranks in ["1", "3"] {
        // A limit on the size of files is a full disk that needs no privileges.
        let job = "ulimit -f 4; exec \"$@\"";
        let mut command = Command::new("bash");
        command.args(["-c", job, "job"]).arg(halocline());
        command.args(["eof", case.input(), "--var", "sst", "--modes", "20", "--quiet", "-o", text(&out)]);
        command.args(["--thread-ranks", ranks]);
        refused(&within_two_minutes(&command), 4, &["out.nc"], &format!("{ranks} thread ranks, full disk"));
        assert_eq!(names_in(&results), Vec::<String>::new());
    }
}

#[test]
fn a_cancelled_job_leaves_nothing() {
    let case = Case::new(&Input::default());
    let results = case.folder.path().join("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    for wait in [0.02, 0.05, 0.1, 0.2] {
        // SIGTERM at some moment, maybe while the output is being written, maybe after.
        let mut command = Command::new("timeout");
        command.args(["--signal=TERM", &wait.to_string()]).arg(halocline());
        command.args([
            "eof",
            text(&data("ersstv5_sst_201001-202008.nc")),
            "--var",
            "sst",
            "-q",
            "-o",
            text(&out),
        ]);
        within_two_minutes(&command);
        let _ = std::fs::remove_file(&out);
        assert_eq!(names_in(&results), Vec::<String>::new(), "after {wait} s");
    }
}

#[test]
fn a_panic_ends_all_ranks() {
    for launch in ways() {
        let output = run(launch, &["panic", "--rank", if launch == Launch::Plain(1) { "0" } else { "1" }]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{launch:?}: {error}");
        assert!(our_lines(&output).iter().any(|l| l.contains("internal error")), "{launch:?}: {error}");
        assert!(!error.contains("stack backtrace"), "{launch:?}: {error}");
    }
}

#[test]
fn pictures_of_nothing() {
    let case = Case::new(&Input::default());
    let out = case.folder.path().join("x.png");
    for (arguments, code) in [
        (vec!["plot", case.input(), "--var", "none", "-o", text(&out)], 2),
        (vec!["plot", "none.nc", "-o", text(&out)], 3),
        (vec!["plot", case.input(), "--var", "sst", "--step", "99", "-o", text(&out)], 2),
        (vec!["plot", case.input(), "--var", "sst", "-o", "x.jpeg"], 2),
    ] {
        let output = run(Launch::Plain(1), &arguments);
        refused(&output, code, &[], &format!("{arguments:?}"));
        assert!(!out.exists());
    }
}
