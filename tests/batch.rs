//! Batch life without a scheduler: `halocline submit` before stand-ins of sbatch and qsub, status
//! files, completions and manual pages. `scripts/cluster-test.sh` does it with a real SLURM.

mod common;
#[path = "batch/series.rs"]
mod series;

use common::{contents, data, halocline, names_in, run, run_well, text, Launch};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SAMPLE: &str = "ersstv5_sst_201001-202008.nc";

/// A folder to hand jobs in from, with a scheduler that takes all, and launchers that start one.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(programs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("bin")).expect("a folder");
        for (name, body) in programs {
            let program = folder.path().join("bin").join(name);
            std::fs::write(&program, format!("#!/bin/bash\n{body}\n")).expect("writable");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
        }
        Self { folder }
    }
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        command.current_dir(self.folder.path()).env("PATH", path).env("HOME", self.folder.path());
        command.env_remove("XDG_CONFIG_HOME").env_remove("HALOCLINE_SITE");
        command.env("HALOCLINE_CACHE_DIR", self.at("cache"));
        command
    }
    fn halocline(&self, words: &[&str]) -> Output {
        self.command(&halocline()).args(words).output().expect("starts")
    }
    fn well(&self, words: &[&str]) -> String {
        let output = self.halocline(words);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {:?} {errors}", output.status.code());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
    fn refuses(&self, words: &[&str], code: i32, what: &str) {
        let output = self.halocline(words);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{words:?}: {errors}");
        assert!(errors.contains(what), "{words:?}: `{what}` is not in {errors}");
    }
    /// Runs a script as a scheduler would.
    fn bash(&self, script: &Path, environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(Path::new("/bin/bash"));
        let folder = text(self.folder.path());
        command.arg(script).env("SLURM_SUBMIT_DIR", folder).env("PBS_O_WORKDIR", folder);
        command.envs(environment.iter().copied()).output().expect("bash")
    }
}

/// Takes its options away and runs what is left.
const LAUNCHER: &str = "while [[ \"$1\" == -* ]]; do shift; done; exec \"$@\"";

#[test]
fn a_job_is_written_handed_in_run_and_looked_at() {
    let place = Place::new(&[("sbatch", "echo \"$2\" > handed; echo 4711"), ("srun", LAUNCHER)]);
    let (input, odd) = (data(SAMPLE), "it's $HOME * {x} \"q\"");
    std::fs::create_dir(place.at(odd)).expect("a folder");
    let out = format!("{odd}/o.nc");
    let job = ["stats", text(&input), "--var", "sst", "--op", "mean", "-o", &out];
    let submit = ["submit", "--scheduler", "slurm", "--ntasks-per-node", "1", "--time", "90min"];
    let dry = place.well(&[&submit[..], &["--dry-run", "--"], &job].concat());
    assert!(dry.contains("#SBATCH --time=01:30:00") && dry.contains("#SBATCH --no-requeue"), "{dry}");
    assert_eq!(names_in(place.folder.path()), ["bin", odd]);

    assert_eq!(place.well(&[&submit[..], &["-q", "--"], &job].concat()), "4711\n");
    let script = std::fs::read_to_string(place.at("handed")).expect("handed in");
    let script = place.at(script.trim());
    assert_eq!(place.halocline(&["status", "4711"]).status.code(), Some(3), "it has not begun");
    let environment = [("SLURM_JOB_ID", "4711"), ("SLURM_JOB_NODELIST", "n1")];
    let ran = place.bash(&script, &environment);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let direct = place.at("direct.nc");
    run_well(
        Launch::Plain(1),
        &["stats", text(&input), "--var", "sst", "--op", "mean", "-q", "-o", text(&direct)],
    );
    assert!(contents(&place.at(&out)) == contents(&direct), "other bytes");

    let said = place.well(&["status", "4711"]);
    assert!(said.starts_with("job 4711\n  done, exit code 0"), "{said}");
    let said: serde_json::Value = serde_json::from_str(&place.well(&["status", "--json"])).expect("JSON");
    let status = &said[0]["status"];
    assert_eq!(
        (&status["state"], &status["ranks"], &status["job"]),
        (&"done".into(), &1.into(), &"4711".into())
    );
}

#[test]
fn a_job_that_saves_its_state_goes_back_into_the_queue() {
    let (input, command) = (data(SAMPLE), "echo \"$@\" >> asked");
    let qsub = "echo \"$@\" >> asked; echo 12.server";
    let place = Place::new(&[
        ("sbatch", "echo 1"),
        ("srun", "exit 75"),
        ("mpirun", "exit 75"),
        ("scontrol", command),
        ("sleep", "exit 0"),
        ("qsub", qsub),
    ]);
    let job = ["stats", text(&input), "--var", "sst", "-o", "o.nc", "--checkpoint", "state", "--resume"];
    let asked = || {
        let all = std::fs::read_to_string(place.at("asked")).unwrap_or_default();
        let _ = std::fs::remove_file(place.at("asked"));
        all
    };
    for (scheduler, go_on, give_up) in [
        ("slurm", vec![("SLURM_JOB_ID", "7"), ("SLURM_JOB_NODELIST", "n1")], ("SLURM_RESTART_COUNT", "2")),
        ("pbs", vec![("PBS_JOBID", "7.server"), ("PBS_NODEFILE", "/dev/null")], ("HALOCLINE_RUNS", "3")),
    ] {
        let submit = [
            "submit",
            "--scheduler",
            scheduler,
            "--ntasks-per-node",
            "2",
            "-t",
            "60",
            "--requeue",
            "--most-runs",
            "3",
            "--dry-run",
            "--",
        ];
        let script = place.at("script");
        std::fs::write(&script, place.well(&[&submit[..], &job].concat())).expect("writable");
        let ran = place.bash(&script, &go_on);
        assert_eq!(ran.status.code(), Some(75), "{}", String::from_utf8_lossy(&ran.stderr));
        let wanted = if scheduler == "slurm" {
            "requeue 7\n"
        } else {
            "-v HALOCLINE_RUNS=2 halocline-jobs/halocline-stats-"
        };
        let said = asked();
        assert!(said.starts_with(wanted), "{said}");
        let ran = place.bash(&script, &[&go_on[..], &[give_up]].concat());
        assert_eq!((ran.status.code(), asked().as_str()), (Some(75), ""), "given up");
    }
}

#[test]
fn what_would_fail_later_is_refused_now() {
    let place = Place::new(&[("sbatch", "echo 'sbatch: error: Invalid account' >&2; exit 1")]);
    let input = data(SAMPLE);
    let ask = ["submit", "--ntasks-per-node", "1", "--time", "1h"];
    let with = |words: &[&str]| -> Vec<String> { ask.iter().chain(words).map(|w| (*w).to_owned()).collect() };
    let refuses = |words: &[&str], code: i32, what: &str| {
        let words = with(words);
        place.refuses(&words.iter().map(String::as_str).collect::<Vec<_>>(), code, what);
    };
    refuses(&["--", "info", text(&input)], 6, "Invalid account");
    refuses(&["--", "inof", text(&input)], 2, "inof");
    refuses(&["--", "info", "absent.nc"], 3, "absent.nc");
    refuses(&["--", "info", text(&input), "--status", "s"], 2, "--status");
    refuses(&["--site", "absent.toml", "--", "info", text(&input)], 3, "absent.toml");
    std::fs::write(place.at("site.toml"), "[limits]\nmax-nodes = 2\n[queue.main]\n").expect("writable");
    refuses(&["--site", "site.toml", "-N", "3", "--", "info", text(&input)], 2, "allows 2 nodes, not 3");
    refuses(&["--site", "site.toml", "--queue", "big", "--", "info", text(&input)], 2, "no queue `big`");
    // The user's own site file.
    std::fs::create_dir_all(place.at(".config/halocline")).expect("a folder");
    std::fs::write(place.at(".config/halocline/site.toml"), "[limits]\nmax-time = '30min'\n")
        .expect("writable");
    refuses(&["--", "info", text(&input)], 2, "allows 00:30:00");
    place.refuses(&["status", "1"], 3, "nothing is known of job 1");
    place.refuses(&["status", "--file", text(&input)], 3, "no status file");
}

#[test]
fn the_status_file_tells_how_it_went() {
    let place = Place::new(&[]);
    let (input, status) = (data(SAMPLE), place.at("status"));
    let read = || -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(&status).expect("a status")).expect("JSON")
    };
    let mut launches = vec![(Launch::Plain(2), 1), (Launch::ThreadRanks(3), 3)];
    if cfg!(feature = "mpi") {
        launches.extend([(Launch::Mpi(1), 1), (Launch::Mpi(3), 3)]);
    }
    for (launch, ranks) in launches {
        let out = place.at("out.nc");
        let job = ["stats", text(&input), "--var", "sst", "-q", "--status", text(&status), "-o"];
        run_well(launch, &[&job[..], &[text(&out)]].concat());
        let said = read();
        assert_eq!((&said["state"], &said["ranks"]), (&"done".into(), &ranks.into()), "{launch:?}");
        assert_eq!((&said["exit_code"], &said["fraction"]), (&0.into(), &1.0.into()), "{launch:?}");
        // It is no place for an output, nor an input.
        let output = run(launch, &[&job[..], &[text(&status)]].concat());
        assert_eq!(output.status.code(), Some(2), "{launch:?}");
        let said = read();
        assert_eq!((&said["state"], &said["exit_code"]), (&"failed".into(), &2.into()), "{launch:?}");
        assert!(said["error"].as_str().is_some_and(|e| e.contains("status file")), "{said}");
        let output = run(launch, &["info", text(&input), "--status", text(&input)]);
        assert_eq!(output.status.code(), Some(2), "{launch:?}");
    }
    assert!(contents(&input).contains_key("sst"));
    let mut names = names_in(place.folder.path());
    names.retain(|name| !["bin", "cache"].contains(&name.as_str()));
    assert_eq!(names, ["out.nc", "status"]);
}

#[test]
fn completions_and_manual_pages_are_made() {
    let place = Place::new(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let said = place.well(&["completions", shell]);
        assert!(said.contains("submit") && said.contains("wheeler-kiladis"), "{shell}");
    }
    let bash = place.at("completions");
    std::fs::write(&bash, place.well(&["completions", "bash"])).expect("writable");
    assert!(place.bash(&bash, &[]).status.success());
    place.well(&["man", "--dir", "man"]);
    let pages = names_in(&place.at("man"));
    for page in ["halocline.1", "halocline-eof.1", "halocline-spectrum-power.1", "halocline-submit.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} is not in {pages:?}");
    }
    assert!(!pages.iter().any(|name| name.contains("panic") || name.contains("help")), "{pages:?}");
    place.refuses(&["completions", "tcsh"], 2, "tcsh");
}
