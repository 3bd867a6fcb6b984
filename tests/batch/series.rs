//! Passes over whole series that are saved: stopped, killed, out of disk; gone on with elsewhere.

use super::Place;
use crate::common::{self, contents, halocline, names_in, Launch};
use std::path::Path;
use std::process::Output;

/// What saves passes over whole series: its words, and whether it has several passes.
const SERIES: [(&[&str], bool); 6] = [
    (&["eof", "x.nc", "--var", "x", "--modes", "3", "--anomaly", "climatology"], true),
    (&["eof", "x.nc", "--var", "x", "--modes", "3", "--solver", "randomized"], true),
    (&["stats", "x.nc", "--var", "x", "--op", "mean,p10,p90"], true),
    (&["spectrum", "power", "z.nc", "--var", "x", "--segment", "60", "--average", "lat"], false),
    (&["filter", "time", "z.nc", "--var", "x", "--band", "300d,900d", "--kind", "butterworth"], false),
    (&["stats", "x.nc", "--var", "x", "--op", "mean,p90", "--approx", "0.05"], true),
];

/// Runs words in the folder of a place.
fn job(place: &Place, launch: Launch, words: &[&str], rest: &[&str]) -> Output {
    let mut command = common::command(launch, &[words, rest, &["-q"]].concat());
    command.current_dir(place.folder.path());
    common::within_two_minutes(&command)
}

/// Data of 240 times; more of them, whose maps have to be decoded whole.
fn with_data() -> Place {
    let place = Place::new(&[]);
    place.well(&["bench", "data", "--shape", "240,40,72", "-o", "x.nc"]);
    place.well(&["bench", "data", "--shape", "240,120,144", "-o", "y.nc"]);
    place.well(&["rechunk", "y.nc", "--chunks", "time=1", "--compress", "deflate:1", "-o", "z.nc"]);
    place
}

#[test]
fn passes_over_series_stop_and_go_on_elsewhere() {
    let place = with_data();
    let code = |output: &Output| output.status.code();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let stop = ["--checkpoint", "state", "--time-limit", "0.001s", "-o", "out.nc"];
    for (number, (words, has_passes)) in SERIES.iter().enumerate() {
        let whole = job(&place, Launch::Plain(2), words, &["-o", "whole.nc"]);
        assert_eq!(code(&whole), Some(0), "{words:?}: {}", said(&whole));
        let expected = contents(&place.at("whole.nc"));
        // Stopped after a pass, or where there is one only, after a batch: in so little memory that
        // there are several.
        let first = if number % 2 == 0 { Launch::Plain(1) } else { Launch::ThreadRanks(2) };
        let within = |megabytes: usize| {
            let memory = format!("{megabytes}MB");
            let _ = std::fs::remove_file(place.at("out.nc"));
            job(&place, first, words, &[&stop[..], &["--memory", &memory]].concat())
        };
        let fits = |megabytes: &usize| code(&within(*megabytes)) != Some(5);
        let stopped = if *has_passes {
            job(&place, first, words, &stop)
        } else {
            let most = (40..240).step_by(8).find(fits).expect("enough memory");
            let tries = (most - 8..=most + 1).map(within);
            tries.into_iter().find(|output| code(output) != Some(5)).expect("enough memory")
        };
        assert_eq!(code(&stopped), Some(75), "{words:?}: {}", said(&stopped));
        assert!(said(&stopped).contains("--resume"), "{words:?}: {}", said(&stopped));
        assert!(!place.at("out.nc").exists());
        let then = [Launch::ThreadRanks(3), Launch::Plain(2), Launch::Mpi(2)][number % 3];
        let then = if cfg!(feature = "mpi") { then } else { Launch::ThreadRanks(3) };
        let done = job(&place, then, words, &["--checkpoint", "state", "--resume", "-o", "out.nc"]);
        assert_eq!(code(&done), Some(0), "{words:?}: {}", said(&done));
        assert!(contents(&place.at("out.nc")) == expected, "{words:?} on {first:?}, then {then:?}");
        let mut left = names_in(place.folder.path());
        left.retain(|name| name.contains("state"));
        assert!(left.is_empty(), "{words:?}: {left:?}");
        std::fs::remove_file(place.at("out.nc")).expect("ours");
    }
}

#[test]
fn states_of_series_belong_to_their_job() {
    let place = with_data();
    let words = ["eof", "x.nc", "--var", "x", "--modes", "3"];
    let (save, resume) =
        (["--checkpoint", "state", "-o", "out.nc"], ["--checkpoint", "state", "--resume", "-o", "o.nc"]);
    let stopped = job(&place, Launch::Plain(1), &words, &[&save[..], &["--time-limit", "0.001s"]].concat());
    assert_eq!(stopped.status.code(), Some(75), "{}", String::from_utf8_lossy(&stopped.stderr));
    let refused =
        job(&place, Launch::ThreadRanks(2), &words, &[&resume[..], &["--weights", "none"]].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("other inputs or options") && told.lines().count() == 1, "{told}");
    // Another name of the output is the same job.
    let done = job(&place, Launch::ThreadRanks(2), &words, &resume);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    for command in
        [&["regrid", "x.nc", "--var", "x", "--to", "r18x12"][..], &["calc", "gradient", "x.nc", "--var", "x"]]
    {
        place.refuses(&[command, &["--checkpoint", "state", "-o", "o.nc"]].concat(), 2, "no state");
    }
}

#[test]
fn a_state_of_series_that_finds_no_room_is_a_warning() {
    let place = with_data();
    let words = ["eof", "x.nc", "--var", "x", "--modes", "1", "-o", "out.nc"];
    let expected = job(&place, Launch::Plain(1), &words, &[]);
    assert_eq!(expected.status.code(), Some(0), "{}", String::from_utf8_lossy(&expected.stderr));
    let expected = contents(&place.at("out.nc"));
    // A covariance of 240 times takes 230 kB, two maps a fifth of that.
    let mut command = place.command(Path::new("bash"));
    command.args(["-c", "ulimit -f 180; exec \"$@\"", "job"]).arg(halocline()).args(words);
    command.args(["--checkpoint", "state", "--checkpoint-every", "0.001s"]);
    let output = common::within_two_minutes(&command);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("warning: ") && told.contains("going on"), "{told}");
    assert!(contents(&place.at("out.nc")) == expected);
}

#[test]
fn a_run_over_series_that_is_killed_leaves_what_it_had() {
    let place = with_data();
    let words = ["eof", "x.nc", "--var", "x", "--modes", "3", "--missing", "dineof:3"];
    let whole = job(&place, Launch::Plain(2), &words, &["-o", "whole.nc"]);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    let save = ["--checkpoint", "state", "--checkpoint-every", "0.001s", "-o", "out.nc", "-q"];
    let mut command = common::command(Launch::ThreadRanks(2), &[&words[..], &save].concat());
    let mut child = command.current_dir(place.folder.path()).spawn().expect("starts");
    while !place.at("state").exists() && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    let done = job(&place, Launch::Plain(1), &words, &[&save[..6], &["--resume"]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(contents(&place.at("out.nc")) == contents(&place.at("whole.nc")));
}
