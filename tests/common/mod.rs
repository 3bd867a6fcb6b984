//! What the tests of the command share: running it, reading what it wrote.

#![allow(dead_code)] // each test binary uses its part

pub(crate) mod eofs;
pub(crate) mod made;
pub(crate) mod place;
pub(crate) mod spectra;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command under test; `cargo test` alone does not build it.
pub(crate) fn halocline() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let path = test.parent().and_then(Path::parent).expect("target/PROFILE/deps").join("halocline");
    assert!(
        path.exists(),
        "{} is not there: run `cargo build --workspace --features mpi` first",
        path.display()
    );
    path
}

/// A file of tests/data.
pub(crate) fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A file of tests/reference.
pub(crate) fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// A file of the larger data sets beside the checkout, where they are; says loudly when not.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HALOCLINE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there (set HALOCLINE_DATA)", path.display());
    None
}

/// How the ranks of a run come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Launch {
    /// One process with this many threads.
    Plain(usize),
    /// Ranks that are threads of one process.
    ThreadRanks(usize),
    /// `mpirun -n N`.
    Mpi(usize),
}

/// All the ways that are built.
pub(crate) fn launches() -> Vec<Launch> {
    let mut all = vec![Launch::Plain(1), Launch::Plain(2)];
    all.extend((2..=4).map(Launch::ThreadRanks));
    if cfg!(feature = "mpi") {
        all.extend((1..=4).map(Launch::Mpi));
    }
    all
}

/// `mpirun` that may use more ranks than cores, and root.
pub(crate) fn mpirun() -> Command {
    let mut command = Command::new("mpirun");
    command
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_mpi_yield_when_idle", "1")
        .env("OMPI_MCA_hwloc_base_binding_policy", "none")
        .arg("--oversubscribe");
    command
}

/// A cache for this build of the program, apart from the user's.
fn cache() -> PathBuf {
    let built = std::fs::metadata(halocline()).and_then(|about| about.modified()).expect("a program");
    let built = built.duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cache-{built}"))
}

/// Runs the command; a run that takes two minutes hangs.
pub(crate) fn run(launch: Launch, arguments: &[&str]) -> Output {
    within_two_minutes(&command(launch, arguments))
}

/// The command, ready to run.
pub(crate) fn command(launch: Launch, arguments: &[&str]) -> Command {
    let mut command = match launch {
        Launch::Plain(_) | Launch::ThreadRanks(_) => Command::new(halocline()),
        Launch::Mpi(ranks) => {
            let mut command = mpirun();
            command.args(["-n", &ranks.to_string()]).arg(halocline());
            command
        }
    };
    command.args(arguments).env("HALOCLINE_CACHE_DIR", cache());
    match launch {
        Launch::Plain(threads) => command.args(["--threads", &threads.to_string()]),
        Launch::ThreadRanks(ranks) => command.args(["--thread-ranks", &ranks.to_string(), "--threads", "2"]),
        Launch::Mpi(_) => command.args(["--threads", "1"]),
    };
    command
}

/// Runs a command to its end, killed after two minutes.
pub(crate) fn within_two_minutes(command: &Command) -> Output {
    let mut timed = Command::new("timeout");
    timed.args(["--kill-after=5", "120"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    // A process that another test starts while this one writes its input inherits the open file,
    // and with it HDF5's lock on it.
    timed.env("HDF5_USE_FILE_LOCKING", "FALSE");
    timed.env_remove("RUST_BACKTRACE").output().expect("timeout starts")
}

/// Runs the command and asserts that it went well.
pub(crate) fn run_well(launch: Launch, arguments: &[&str]) -> Output {
    let output = run(launch, arguments);
    assert!(
        output.status.success(),
        "{launch:?} {arguments:?}: {:?}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// The values of a numeric variable.
pub(crate) fn values(file: &Path, name: &str) -> Vec<f64> {
    let file = netcdf::open(file).expect("a file that was written opens");
    let variable = file.variable(name).unwrap_or_else(|| panic!("no variable {name}"));
    let fill = match variable.attribute_value("_FillValue") {
        Some(Ok(netcdf::AttributeValue::Double(fill))) => Some(fill),
        _ => None,
    };
    let values: Vec<f64> = variable.get_values(..).expect("numeric values");
    values.into_iter().map(|v| if Some(v) == fill { f64::NAN } else { v }).collect()
}

/// Everything a file holds but its history and the record of how it was made: bits of all values, and attributes as text.
pub(crate) fn contents(path: &Path) -> BTreeMap<String, String> {
    let file = netcdf::open(path).expect("a file that was written opens");
    let mut all = BTreeMap::new();
    for attribute in file.attributes().filter(|a| !["history", "halocline_provenance"].contains(&a.name())) {
        all.insert(format!(":{}", attribute.name()), format!("{:?}", attribute.value().expect("readable")));
    }
    for dimension in file.dimensions() {
        all.insert(format!("dimension {}", dimension.name()), dimension.len().to_string());
    }
    for variable in file.variables() {
        for attribute in variable.attributes() {
            let key = format!("{}:{}", variable.name(), attribute.name());
            all.insert(key, format!("{:?}", attribute.value().expect("readable")));
        }
        let bits = match variable.get_values::<f64, _>(..) {
            Ok(values) => values.iter().map(|v| format!("{:x}", v.to_bits())).collect::<Vec<_>>().join(","),
            Err(_) => "not numeric".into(),
        };
        all.insert(variable.name(), bits);
    }
    all
}

/// Names left in a folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The text of an attribute of a variable.
pub(crate) fn attribute(file: &Path, variable: &str, name: &str) -> Option<String> {
    let file = netcdf::open(file).expect("opens");
    match file.variable(variable).expect("a variable").attribute_value(name)? {
        Ok(netcdf::AttributeValue::Str(text)) => Some(text),
        other => panic!("{variable}:{name} is {other:?}"),
    }
}

/// Asserts that values agree within `tolerance`, relative to theirs or at least `least`; missing
/// ones are missing in both.
pub(crate) fn close(ours: &[f64], theirs: &[f64], tolerance: f64, least: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let near = (a - b).abs() <= tolerance * b.abs().max(least) || a.is_nan() && b.is_nan();
        assert!(near, "{what}, cell {i}: {a} is not {b}");
    }
}
