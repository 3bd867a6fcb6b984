//! What schedulers are asked: to take a job, and how one is.

use halocline_core::{Error, Result};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A batch scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scheduler {
    /// SLURM.
    Slurm,
    /// PBS Pro, `OpenPBS`.
    Pbs,
}

impl Scheduler {
    /// As a site file or an option names it.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "slurm" => Some(Self::Slurm),
            "pbs" => Some(Self::Pbs),
            _ => None,
        }
    }
    /// The command that takes jobs.
    pub(super) const fn taker(self) -> &'static str {
        match self {
            Self::Slurm => "sbatch",
            Self::Pbs => "qsub",
        }
    }
    /// The ending of its scripts.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Slurm => "sbatch",
            Self::Pbs => "pbs",
        }
    }
    /// The one whose commands are here; SLURM comes with look-alikes of the other's, so it goes first.
    pub(super) fn here() -> Option<Self> {
        [Self::Slurm, Self::Pbs].into_iter().find(|s| is_on_path(s.taker()))
    }

    /// Hands a script in: the number of the job.
    ///
    /// # Errors
    /// Communication, with what the scheduler said.
    pub(super) fn submit(self, script: &Path) -> Result<String> {
        let mut command = Command::new(self.taker());
        if self == Self::Slurm {
            command.arg("--parsable");
        }
        let failed = |what: String| {
            Error::communication(format!("{} {what}", self.taker()))
                .in_file(script)
                .remedy("mend the request, or hand the script in yourself")
        };
        let output = command
            .arg(script)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| failed(format!("can't be started: {e}")))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            let why = said(&output.stderr).lines().map(str::trim).collect::<Vec<_>>().join("; ");
            return Err(failed(format!(
                "refused the job: {}",
                if why.is_empty() { "no word" } else { &why }
            )));
        }
        // `12;cluster`, `12.server`, and what a site's wrapper may print above it.
        let out = said(&output.stdout);
        let last = out.lines().last().unwrap_or_default();
        let id = if self == Self::Slurm { last.split(';').next().unwrap_or_default() } else { last };
        if id.is_empty() {
            return Err(failed("took the job without telling its number".to_owned()));
        }
        Ok(id.trim().to_owned())
    }

    /// How a job, or each element of an array that there is, stands with the scheduler: number
    /// and words. Empty if it does not know the job, or not any more.
    pub(super) fn look(self, id: &str) -> Vec<(String, String)> {
        match self {
            Self::Slurm => {
                let queue = ask("squeue", ["-h", "-t", "all", "-o", "%i|%T|%M|%l|%r", "-j", id]);
                let found = queue.map(|text| text.lines().filter_map(of_squeue).collect::<Vec<_>>());
                found.filter(|found| !found.is_empty()).unwrap_or_else(|| {
                    let fields = "JobID,State,ExitCode,Elapsed";
                    let past = ask("sacct", ["-n", "-X", "-P", "-o", fields, "-j", id]);
                    past.map(|text| text.lines().filter_map(of_sacct).collect()).unwrap_or_default()
                })
            }
            Self::Pbs => {
                let about = ask("qstat", ["-x", "-f", id]).or_else(|| ask("qstat", ["-f", id]));
                about.and_then(|text| of_qstat(id, &text)).into_iter().collect()
            }
        }
    }
}

/// Whether words of a scheduler say that a job is over.
pub(super) fn is_over(state: &str) -> bool {
    let word = state.split([' ', ',']).next().unwrap_or_default();
    [
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "TIMEOUT",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "BOOT_FAIL",
        "DEADLINE",
        "PREEMPTED",
        "finished",
    ]
    .contains(&word)
}

/// `12|RUNNING|0:10|1:00:00|None`.
fn of_squeue(line: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = line.split('|').collect();
    let &[id, state, run, limit, reason] = parts.as_slice() else { return None };
    let why = if ["None", ""].contains(&reason) { String::new() } else { format!(" ({reason})") };
    Some((id.trim().to_owned(), format!("{state}, {run} of {limit}{why}")))
}

/// `12|TIMEOUT|0:0|00:10:00`.
fn of_sacct(line: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = line.split('|').collect();
    let &[id, state, code, elapsed] = parts.as_slice() else { return None };
    Some((id.trim().to_owned(), format!("{state}, {elapsed}, exit code {code}")))
}

/// The letters of PBS in words.
fn of_qstat(id: &str, text: &str) -> Option<(String, String)> {
    let field = |name: &str| {
        text.lines().find_map(|line| Some(line.trim().strip_prefix(name)?.trim().strip_prefix('=')?.trim()))
    };
    let state = match field("job_state")? {
        "R" => "running",
        "Q" => "queued",
        "H" => "held",
        "W" => "waiting for its time",
        "E" => "exiting",
        "B" => "array begun",
        "S" => "suspended",
        "F" | "C" | "X" => "finished",
        other => other,
    };
    let code = field("Exit_status").map_or_else(String::new, |code| format!(", exit status {code}"));
    let why = field("comment").filter(|_| state != "running" && state != "finished");
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    Some((id.to_owned(), format!("{state}{code}{why}")))
}

/// What a command prints, if it is there and content.
fn ask(program: &str, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<String> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_schedulers_say() {
        let (id, words) = of_squeue("12_3|PENDING|0:00|1:00:00|Resources").expect("a line");
        assert_eq!((id.as_str(), words.as_str()), ("12_3", "PENDING, 0:00 of 1:00:00 (Resources)"));
        let (_, words) = of_squeue("12|RUNNING|0:10|1:00:00|None").expect("a line");
        assert_eq!(words, "RUNNING, 0:10 of 1:00:00");
        assert_eq!(of_squeue("nonsense"), None);
        let (_, words) = of_sacct("12|CANCELLED by 0|0:0|00:00:02").expect("a line");
        assert!(
            is_over(&words) && !is_over("RUNNING, 0:10 of 1:00:00") && is_over("finished, exit status 0")
        );
        let text = "Job Id: 12.srv\n    Job_Name = x\n    job_state = F\n    Exit_status = 75\n";
        assert_eq!(of_qstat("12", text), Some(("12".into(), "finished, exit status 75".into())));
        let text = "Job Id: 12.srv\n    job_state = Q\n    comment = Not Running: no nodes\n";
        assert_eq!(of_qstat("12", text), Some(("12".into(), "queued (Not Running: no nodes)".into())));
        assert_eq!(of_qstat("12", ""), None);
    }
}
