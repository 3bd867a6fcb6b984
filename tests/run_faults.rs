//! What `halocline run` refuses, with the line, and what it leaves when a run ends early.

mod common;

use common::made::{Layout, Made};
use common::place::Place;
use common::{contents, names_in, within_two_minutes, Launch};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

impl Place {
    fn of_pipeline(&self, launch: Launch, extra: &[&str]) -> Command {
        self.command(launch, &[&["run", "p.toml"], extra].concat())
    }
    /// Runs the pipeline; gives code and message.
    fn run(&self, launch: Launch, pipeline: &str, extra: &[&str]) -> (Option<i32>, String) {
        std::fs::write(self.at("p.toml"), pipeline).expect("written");
        let output = within_two_minutes(&self.of_pipeline(launch, extra));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Pipelines of which lines 1 to 3 are a source, and what is said of them.
const BAD: [(&str, i32, usize, &str); 59] = [
    // The file.
    ("[[step]]\ndo =", 2, 5, "is no TOML"),
    ("[[step]]\ndo = 'stats'\nop = 'a", 2, 6, "is no TOML"),
    ("[output]\nx = 1", 2, 4, "no section `output`"),
    ("[step]\ndo = 'stats'", 2, 4, "[[step]]"),
    ("[source.b]\nfile = 'x.nc'", 2, 5, "did you mean `files`?"),
    ("[source.b]\nvar = 'x'", 2, 4, "names no `files`"),
    ("[source.b]\nfiles = 'x.nc'\ntime = 'soon'", 2, 6, "does not begin with a year"),
    ("[source.b]\nfiles = 'x.nc'\nbox = [1, 2]", 2, 6, "four numbers"),
    ("[source.b]\nfiles = 'x.nc'\nregion = 'nino9'", 2, 6, "nino9"),
    ("[source.b]\nfiles = 'x.nc'\nensemble = 'yes'", 2, 6, "true or false"),
    ("[source.'b c']\nfiles = 'x.nc'", 2, 4, "is no name"),
    // Steps.
    ("[[step]]\nfrom = 'sst'", 2, 4, "what to `do`"),
    ("[[step]]\ndo = 'stat'\nfrom = 'sst'", 2, 5, "did you mean `stats`?"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nouput = 'a.nc'", 2, 7, "did you mean `output`?"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nmodes = 3", 2, 7, "`stats` has no `modes`"),
    ("[[step]]\ndo = 'stats'\noutput = 'a.nc'", 2, 4, "has no data"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'", 2, 4, "has no `output`"),
    ("[[step]]\ndo = 'stats'\nfrom = 'ssst'\noutput = 'a.nc'", 2, 6, "did you mean `sst`?"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nfiles = 'b.nc'\noutput = 'a.nc'", 2, 7, "both say where data come from"),
    ("[[step]]\ndo = 'climatology'\nfrom = 'sst'\noutput = 'a.nc'", 2, 4, "needs `by`"),
    ("[[step]]\ndo = 'stats'\nfiles = 'sst.nc'\noutput = 'a.nc'", 2, 4, "needs `var`"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nop = 'men'\noutput = 'a.nc'", 2, 7, "no such operation"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\nop = ['sum']\nweights = 'area'", 2, 9, "weighted sum"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\nmemory = '1GB'", 2, 8, "whole pipeline"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\ncheckpoint = 'c'", 2, 8, "no place in a pipeline"),
    ("[[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'sst'\nlags = '5..1'\noutput = 'a.nc'", 2, 8, "first lag"),
    ("[[step]]\ndo = 'histogram'\nfrom = 'sst'\nbins = [3, 2]\noutput = 'a.nc'", 2, 7, "bins"),
    ("[[step]]\ndo = 'plot'\nfrom = 'sst'\noutput = 'a.gif'", 2, 7, "ending of a picture"),
    // Names, references, order.
    ("[[step]]\nname = 'sst'\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'", 2, 5, "taken on line 1"),
    ("[[step]]\nname = 'a'\ndo = 'select'\nfrom = 'b'\n[[step]]\nname = 'b'\ndo = 'select'\nfrom = 'a'", 2, 11, "circle"),
    ("[[step]]\nname = 'a'\ndo = 'stats'\nfrom = 'a'\noutput = 'a.nc'", 2, 7, "circle"),
    ("[[step]]\nname = 'a'\ndo = 'select'\nfrom = 'sst'", 2, 0, "only select"),
    ("[[step]]\ndo = 'eof'\nfrom = 'sst.anomaly'\noutput = 'a.nc'", 2, 6, "no anomalies"),
    ("[[step]]\nname = 'a'\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\n[[step]]\ndo = 'eof'\nfrom = 'a.anomaly'\noutput = 'b.nc'", 2, 11, "makes no anomalies"),
    ("[[step]]\nname = 'a'\ndo = 'plot'\nfrom = 'sst'\noutput = 'a.svg'\n[[step]]\ndo = 'eof'\nfrom = 'a'\noutput = 'b.nc'", 2, 11, "makes a picture"),
    ("[[step]]\ndo = 'climatology'\nfrom = 'sst'\nby = 'month'\noutput = 'a.nc'\nanomaly = true", 2, 9, "no step reads the anomalies"),
    ("[[step]]\nname = 'a'\ndo = 'select'\nfrom = 'sst'\nlevel = 1\n[[step]]\ndo = 'stats'\nfrom = 'a'\nlevel = 2\noutput = 'a.nc'", 2, 12, "selected on line 8 already"),
    ("[[step]]\nname = 'a'\ndo = 'select'\nfrom = 'sst'\ntime = 2010\n[[step]]\ndo = 'rechunk'\nfrom = 'a'\noutput = 'a.nc'", 2, 11, "takes no `time`"),
    ("[source.b]\nfiles = 'x.nc'\nvar = 'x'\ntime = 2010\n[[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'b'\noutput = 'a.nc'", 2, 11, "selects otherwise"),
    ("[source.b]\nfiles = ['x.nc', 'y.nc']\nvar = 'x'\n[[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'b'\noutput = 'a.nc'", 2, 10, "several files"),
    ("[source.b]\nfiles = 'x.nc'\nvar = ['x', 'y']\n[[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'b'\noutput = 'a.nc'", 2, 10, "which variable"),
    ("[source.b]\nfiles = 'x.nc'\nvar = ['x', 'y']\n[[step]]\ndo = 'mca'\nfrom = 'b'\nwith = 'z.nc:z'\noutput = 'a.nc'", 2, 6, "the step takes one"),
    ("[[step]]\nname = 'm'\ndo = 'eof'\nfrom = 'sst'\ncomplex = true\noutput = 'a.nc'\n[[step]]\ndo = 'project'\nfrom = 'sst'\npatterns = 'm'\noutput = 'b.nc'", 2, 10, "its EOFs are complex"),
    ("[[step]]\nname = 'm'\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\n[[step]]\ndo = 'project'\nfrom = 'sst'\npatterns = 'm'\noutput = 'b.nc'", 2, 9, "it makes no EOFs"),
    // What only data tell.
    ("[source.b]\nfiles = 'x_*.nc'\nvar = 'x'\n[[step]]\ndo = 'stats'\nfrom = 'b'\noutput = 'a.nc'", 3, 0, "(step 1, p.toml:5)"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nvar = 'tos'\noutput = 'a.nc'", 2, 0, "(step 1, p.toml:7)"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nover = 'lev'\noutput = 'a.nc'", 2, 0, "(step 1, p.toml:7)"),
    ("[[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'sst.nc:tos'\noutput = 'a.nc'", 2, 0, "(step 1, p.toml:"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nmask = 'no.nc:m'\noutput = 'a.nc'", 3, 0, "(step 1, p.toml:7)"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = '/dev/null'", 4, 0, "not a regular file"),
    // Of a step that runs late.
    ("[[step]]\nname = 'k'\ndo = 'anomaly'\nfrom = 'sst'\nby = 'month'\noutput = 'k.nc'\n[[step]]\ndo = 'relate'\nfrom = 'k'\noutput = 'a.nc'\nwith = 'no.nc:x'", 3, 0, "no.nc: no such file (step 2, p.toml:14)"),
    ("[[step]]\nname = 'k'\ndo = 'anomaly'\nfrom = 'sst'\nby = 'month'\noutput = 'k.nc'\n[[step]]\ndo = 'relate'\nfrom = 'k'\noutput = 'a.nc'\nwith = 'kk'", 3, 0, "(step 2, p.toml:14); name a file, or a source or step"),
    ("[[step]]\ndo = 'eof'\nfrom = 'sst'\nanomaly = true\noutput = 'a.nc'", 2, 7, "takes a value"),
    // Files.
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\n[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = './a.nc'", 2, 11, "both write"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'sst.nc'", 2, 2, "would replace sst.nc"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'p.toml'", 2, 7, "the pipeline itself"),
    ("[[step]]\nname = 'm'\ndo = 'stats'\nfrom = 'sst'\noutput = 'a_1.nc'\n[[step]]\ndo = 'stats'\nfiles = 'a_*.nc'\nvar = 'sst'\noutput = 'b.nc'", 2, 11, "from = \"m\""),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\nmask = 'sst.nc'\noutput = 'b.nc'", 2, 7, "mask"),
    ("[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'no/a.nc'", 4, 0, "does not exist"),
];

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let place = Place::new();
    for (lines, code, line, what) in BAD {
        let pipeline = format!("[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\n{lines}\n");
        let (got, said) = place.run(Launch::Plain(1), &pipeline, &[]);
        assert_eq!(got, Some(code), "{lines}\n{said}");
        assert!(said.contains(what), "{lines}\n{said}");
        let begins = if line > 0 { format!("halocline: p.toml:{line}: ") } else { "halocline: ".to_owned() };
        assert!(said.starts_with(&begins) && said.matches('\n').count() == 1, "{lines}\n{said}");
        assert_eq!(place.names(), ["p.toml", "sst.nc"], "{lines}");
    }
}

#[test]
fn what_is_above_the_sections_and_what_is_no_pipeline() {
    let place = Place::new();
    let steps = "\n[[step]]\ndo = 'stats'\nfiles = 'sst.nc'\nvar = 'sst'\noutput = 'a.nc'\n";
    for (top, what) in [
        ("memroy = '1GB'", "did you mean `memory`?"),
        ("memory = 'much'", "no amount of memory"),
        ("memory = 1", "write a text"),
        ("threads = 3", "there are memory, scratch"),
    ] {
        let (code, said) = place.run(Launch::Plain(1), &format!("{top}{steps}"), &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("halocline: p.toml:1: ") && said.contains(what), "{top}: {said}");
    }
    for (pipeline, what) in [("", "no steps"), ("# nothing\n", "no steps")] {
        let (code, said) = place.run(Launch::ThreadRanks(2), pipeline, &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("halocline: p.toml: ") && said.contains(what), "{said}");
    }
    // As long a chain as there may be, and one that is longer.
    let link = |n: usize| format!("[[step]]\nname = 's{n}'\ndo = 'select'\nfrom = 's{}'\n", n + 1);
    for (steps, what) in [(498, "both write"), (499, "more than 500 steps")] {
        let chain: String = (0..steps).map(link).collect();
        let ends = format!("[source.s{steps}]\nfiles = 'a.nc'\nvar = 'x'\n");
        let last = "[[step]]\ndo = 'stats'\nfrom = 's0'\noutput = 'b.nc'\n";
        let (got, said) = place.run(Launch::ThreadRanks(2), &format!("{ends}{chain}{last}{last}"), &[]);
        assert_eq!(got, Some(2), "{said}");
        assert!(said.contains(what), "{said}");
    }
    std::fs::copy(place.at("sst.nc"), place.at("p.toml")).expect("copied");
    let output = within_two_minutes(&place.of_pipeline(Launch::Plain(1), &[]));
    assert_eq!(output.status.code(), Some(2));
    std::fs::remove_file(place.at("p.toml")).expect("is there");
    std::os::unix::fs::symlink("/dev/zero", place.at("p.toml")).expect("a link");
    let output = within_two_minutes(&place.of_pipeline(Launch::Plain(1), &[]));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no regular file"));
    std::fs::remove_file(place.at("p.toml")).expect("is there");
    let list = "[source.a]\nfile-list = '/dev/zero'\nvar = 'x'\n[[step]]\ndo = 'stats'\nfrom = 'a'\noutput = 'a.nc'\n";
    let (code, said) = place.run(Launch::Plain(1), list, &[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("it is a device") && said.contains("p.toml:"), "{said}");
    // A link to what the other step makes.
    std::os::unix::fs::symlink("y.nc", place.at("l.nc")).expect("a link");
    let step = |output: &str| {
        format!("[[step]]\ndo = 'stats'\nfiles = 'sst.nc'\nvar = 'sst'\noutput = '{output}'\n")
    };
    let (code, said) = place.run(Launch::Plain(1), &(step("y.nc") + &step("l.nc")), &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("both write"), "{said}");
    std::fs::remove_file(place.at("p.toml")).expect("is there");
    let output = within_two_minutes(&place.of_pipeline(Launch::ThreadRanks(2), &[]));
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
}

/// A step that can only fail when it runs, behind two that go well.
const FAILS: &str = "\
[[step]]
name = 'first'
do = 'stats'
files = 'sst.nc'
var = 'sst'
output = 'a.nc'
[[step]]
name = 'kept'
do = 'anomaly'
files = 'sst.nc'
var = 'sst'
by = 'month'
[[step]]
name = 'modes'
do = 'eof'
from = 'kept'
modes = 1000
output = 'b.nc'
";

#[test]
fn a_step_that_fails_leaves_what_is_done() {
    let mut launches = vec![Launch::Plain(2), Launch::ThreadRanks(2)];
    if cfg!(feature = "mpi") {
        launches.push(Launch::Mpi(2));
    }
    for launch in launches {
        let place = Place::new();
        let (code, said) = place.run(launch, FAILS, &["-q"]);
        assert_eq!(code, Some(2), "{launch:?}: {said}");
        for part in ["1000 modes", "(step `modes`, p.toml:17)", "written already: a.nc"] {
            assert!(said.contains(part), "{launch:?}: no `{part}` in {said}");
        }
        assert_eq!(place.names(), ["a.nc", "p.toml", "sst.nc"], "{launch:?}");
    }
}

#[test]
fn memory_is_kept_or_refused_and_changes_no_bits() {
    let place = Place::new();
    let layout = Layout::Chunked([4, 60, 120], Some(1));
    Made { shape: [120, 60, 120], layout, since: 0 }.write(&place.at("tos.nc"));
    let step = |n: usize, options: &str| {
        format!("[[step]]\ndo = 'stats'\nfrom = 'tos'\n{options}\noutput = 'out{n}.nc'\n")
    };
    let ops = "op = ['mean', 'std', 'min', 'max']\nby = 'month'";
    let steps: Vec<String> =
        ["op = 'mean'", ops, ops, ops].iter().enumerate().map(|(n, o)| step(n, o)).collect();
    let pipeline = format!("[source.tos]\nfiles = 'tos.nc'\nvar = 'tos'\n{}", steps.concat());
    let (code, said) = place.run(Launch::Plain(2), &pipeline, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("one read for step 1, step 2, step 3, step 4"), "{said}");
    let free: Vec<_> = (0..4).map(|n| contents(&place.at(&format!("out{n}.nc")))).collect();
    // So much that not all of them go together.
    let (code, said) = place.run(Launch::Plain(2), &pipeline, &["--memory", "230MB"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("one read for") && !said.contains("step 1, step 2, step 3, step 4"), "{said}");
    for (n, free) in free.iter().enumerate() {
        assert!(contents(&place.at(&format!("out{n}.nc"))) == *free, "out{n}.nc has other bits");
    }
    for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
        let (code, said) = place.run(launch, &pipeline, &["--memory", "30MB"]);
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains("tos.nc") && said.contains("p.toml:") && said.contains("30.0 MB"), "{said}");
        let (code, said) = place.run(launch, &format!("memory = '30MB'\n{pipeline}"), &[]);
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains("as the pipeline says"), "{said}");
    }
}

#[test]
fn a_run_that_is_ended_leaves_no_files_between_steps() {
    let mut launches = vec![Launch::Plain(2), Launch::ThreadRanks(2)];
    if cfg!(feature = "mpi") {
        launches.extend([Launch::Mpi(2), Launch::Mpi(2), Launch::Mpi(3), Launch::Mpi(2)]);
    }
    let place = Place::new();
    let layout = Layout::Chunked([40, 40, 80], None);
    Made { shape: [400, 40, 80], layout, since: 0 }.write(&place.at("tos.nc"));
    std::fs::create_dir(place.at("scratch")).expect("made");
    let pipeline = "scratch = 'scratch'\n[source.tos]\nfiles = 'tos.nc'\nvar = 'tos'\n\
         [[step]]\nname = 'kept'\ndo = 'anomaly'\nfrom = 'tos'\nby = 'month'\n\
         [[step]]\nname = 'index'\ndo = 'stats'\nfrom = 'tos'\nover = ['lat', 'lon']\n\
         [[step]]\ndo = 'relate'\nfrom = 'kept'\nwith = 'index'\nop = ['correlation']\ndetrend = true\nlags = '-150..150'\noutput = 'out.nc'\n";
    std::fs::write(place.at("p.toml"), pipeline).expect("written");
    let scratch = || names_in(&place.at("scratch"));
    for launch in launches {
        let mut command = place.of_pipeline(launch, &["-q"]);
        let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
        let begun = Instant::now();
        while !scratch().iter().any(|name| name.ends_with(".index.nc")) {
            assert!(child.try_wait().expect("a child").is_none(), "{launch:?}: ended early");
            assert!(begun.elapsed() < Duration::from_secs(60), "{launch:?}: {:?}", scratch());
            std::thread::sleep(Duration::from_millis(2));
        }
        let signal = if launch == Launch::ThreadRanks(2) { "-HUP" } else { "-TERM" };
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let status = child.wait().expect("ends");
        assert!(!status.success(), "{launch:?}: it was done before it was ended");
        // Ranks end a little after the one who started them.
        let ended = Instant::now();
        while !scratch().is_empty() && ended.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(scratch(), [""; 0], "{launch:?}");
        assert_eq!(place.names(), ["p.toml", "scratch", "sst.nc", "tos.nc"], "{launch:?}");
    }
}
