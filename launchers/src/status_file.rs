//! The status file: how far a run is, in one small JSON object that is always whole.
//!
//! Where `--log-json` tells a story line by line, this is its last page: whoever waits for a job
//! (`halocline status`, a script, a person with `cat`) reads it at any time. Rank 0 writes it
//! under a temporary name and renames it, every few seconds at most. It belongs to the process,
//! like the log. `docs/status.md` describes the fields.

use crate::stop;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of the form of the file.
const SCHEMA: u32 = 1;
/// Bytes of a status file, at most: more is some other file.
const LONGEST: u64 = 1 << 20;

/// How a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It has not ended, as far as it could tell.
    Running,
    /// Its results are in place.
    Done,
    /// It stopped with its state saved.
    Checkpointed,
    /// It ended with an error, or by a signal.
    Failed,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Checkpointed => "checkpointed",
            Self::Failed => "failed",
        }
    }
}

/// The last state that was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// Seconds since 1970.
    pub(crate) time: f64,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) schema: u32,
    pub(crate) program: String,
    pub(crate) version: String,
    pub(crate) command: String,
    /// The scheduler's number of the job, if there is one.
    pub(crate) job: Option<String>,
    /// Where rank 0 runs.
    pub(crate) host: String,
    pub(crate) process: u32,
    pub(crate) ranks: usize,
    pub(crate) threads: usize,
    pub(crate) state: State,
    /// What most time goes to at present.
    pub(crate) phase: String,
    /// Share of rank 0's tiles that is done, if their number is known.
    pub(crate) fraction: Option<f64>,
    pub(crate) tiles_done: u64,
    pub(crate) tiles_total: u64,
    pub(crate) seconds_left: Option<f64>,
    /// Seconds since 1970.
    pub(crate) started: f64,
    pub(crate) updated: f64,
    pub(crate) checkpoint: Option<Saved>,
    pub(crate) exit_code: Option<u8>,
    pub(crate) error: Option<String>,
}

/// How far a run is, as its progress tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Far {
    pub(crate) phase: &'static str,
    pub(crate) fraction: Option<f64>,
    pub(crate) tiles_done: u64,
    pub(crate) tiles_total: u64,
    pub(crate) seconds_left: Option<f64>,
}

struct Kept {
    path: PathBuf,
    status: Status,
    failed: bool,
}

static KEPT: OnceLock<Mutex<Kept>> = OnceLock::new();

fn kept() -> Option<MutexGuard<'static, Kept>> {
    KEPT.get().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    (time * 1e3).round() / 1e3
}

/// The name of this machine, or of the part of it that this process sees.
pub(crate) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The number of the job that this process belongs to, elements of arrays as `12_3`.
fn job(lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
    let slurm = match (lookup("SLURM_ARRAY_JOB_ID"), lookup("SLURM_ARRAY_TASK_ID")) {
        (Some(job), Some(task)) => Some(format!("{job}_{task}")),
        _ => lookup("SLURM_JOB_ID"),
    };
    // `12.server`, `12[3].server`.
    let pbs = || {
        let whole = lookup("PBS_JOBID")?;
        let number = whole.split('.').next().unwrap_or_default();
        Some(number.replace('[', "_").replace(']', ""))
    };
    slurm.or_else(pbs).filter(|job| !job.is_empty())
}

/// Begins a status file, on the rank that writes it. Replaces that of an earlier run.
pub(crate) fn open(path: &Path) -> Result<()> {
    if crate::report::target().is_some_and(|log| crate::common::is_same_place(log, path)) {
        return Err(Error::usage("is the log already")
            .in_file(path)
            .remedy("choose another file with --status"));
    }
    refuse_what_is_no_status(path)?;
    let status = Status {
        schema: SCHEMA,
        program: "halocline".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: crate::common::command_line(),
        job: job(|name| std::env::var(name).ok()),
        host: host(),
        process: std::process::id(),
        ranks: 1,
        threads: 1,
        state: State::Running,
        phase: "start".to_owned(),
        fraction: None,
        tiles_done: 0,
        tiles_total: 0,
        seconds_left: None,
        started: now() - stop::started().elapsed().as_secs_f64(),
        updated: now(),
        checkpoint: None,
        exit_code: None,
        error: None,
    };
    write(path, &status).map_err(|e| {
        Error::system(format!("the status can't be written: {e}"))
            .in_file(path)
            .remedy("choose another file with --status")
    })?;
    let _ = KEPT.set(Mutex::new(Kept { path: path.to_owned(), status, failed: false }));
    Ok(())
}

/// Anything but an earlier status would be lost.
fn refuse_what_is_no_status(path: &Path) -> Result<()> {
    let refused = || {
        Error::usage("is there already and is no status file")
            .in_file(path)
            .remedy("choose another file with --status")
    };
    match std::fs::metadata(path) {
        Err(_) => Ok(()),
        Ok(about) if about.is_file() && about.len() == 0 => Ok(()),
        Ok(_) => read(path).map(drop).map_err(|_| refused()),
    }
}

/// Reads a status file.
///
/// # Errors
/// Data, if it is not there or is none.
pub(crate) fn read(path: &Path) -> Result<Status> {
    let wrong = |what: String| Error::data(what).in_file(path);
    let about = std::fs::metadata(path).map_err(|e| wrong(format!("can't read the status: {e}")))?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(wrong("is no status file".to_owned()));
    }
    let text = std::fs::read(path).map_err(|e| wrong(format!("can't read the status: {e}")))?;
    let status: Status =
        serde_json::from_slice(&text).map_err(|e| wrong(format!("is no status file: {e}")))?;
    if status.program != "halocline" {
        return Err(wrong("is no status file of halocline".to_owned()));
    }
    Ok(status)
}

/// Puts the file in place as a whole. It is not synced: after a crash of the node the job is not
/// what it says anyway.
fn write(path: &Path, status: &Status) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.halocline-tmp"));
    let mut text = serde_json::to_vec_pretty(status)?;
    text.push(b'\n');
    let written = std::fs::write(&part, &text).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// The file, on the rank that writes it.
pub(crate) fn target() -> Option<PathBuf> {
    kept().map(|kept| kept.path.clone())
}

/// Whether there is one.
pub(crate) fn is_open() -> bool {
    KEPT.get().is_some()
}

/// Changes what is told, and tells it.
fn update(change: impl FnOnce(&mut Status)) {
    let Some(mut kept) = kept() else { return };
    change(&mut kept.status);
    kept.status.updated = now();
    let written = write(&kept.path, &kept.status);
    let failed = written.is_err();
    // The work matters more than its account: one warning until it works again.
    let first = failed && !std::mem::replace(&mut kept.failed, failed);
    drop(kept);
    if let (Err(e), true) = (written, first) {
        crate::progress::line(&format!("halocline: warning: the status can't be written: {e}"));
    }
}

/// Tells that the ranks have started.
pub(crate) fn begin(comm: &Comm, threads: usize) {
    if comm.is_root() {
        update(|status| (status.ranks, status.threads) = (comm.size(), threads));
    }
}

/// Tells how far the run is.
pub(crate) fn far(far: &Far) {
    update(|status| {
        far.phase.clone_into(&mut status.phase);
        (status.tiles_done, status.tiles_total) = (far.tiles_done, far.tiles_total);
        (status.fraction, status.seconds_left) = (far.fraction, far.seconds_left);
    });
}

/// Tells that a state was saved, on rank 0.
pub(crate) fn saved(comm: &Comm, file: &Path, bytes: u64) {
    if comm.is_root() {
        let file = file.display().to_string();
        update(|status| status.checkpoint = Some(Saved { file, bytes, time: now() }));
    }
}

/// Tells how the run ended.
pub(crate) fn end(exit_code: u8, error: Option<&Error>) {
    update(|status| {
        status.state = match exit_code {
            0 => State::Done,
            75 => State::Checkpointed,
            _ => State::Failed,
        };
        if status.state == State::Done {
            status.fraction = Some(1.0);
            status.tiles_done = status.tiles_total;
        }
        "end".clone_into(&mut status.phase);
        status.seconds_left = None;
        status.exit_code = Some(exit_code);
        status.error = error.map(ToString::to_string);
    });
}

/// Tells that a signal is about to end the run. One that has told its end keeps it: a launcher
/// ends the ranks that are left as soon as the first has left with an error.
pub(crate) fn killed(signal: i32) {
    update(|status| {
        if status.exit_code.is_some() {
            return;
        }
        status.state = State::Failed;
        status.seconds_left = None;
        status.exit_code = u8::try_from(128 + signal).ok();
        status.error = Some(format!("ended by signal {signal}"));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_numbered_as_schedulers_do() {
        let of = |all: &[(&str, &str)]| {
            job(|name| all.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("SLURM_JOB_ID", "12")]).as_deref(), Some("12"));
        let array = [("SLURM_JOB_ID", "14"), ("SLURM_ARRAY_JOB_ID", "12"), ("SLURM_ARRAY_TASK_ID", "3")];
        assert_eq!(of(&array).as_deref(), Some("12_3"));
        assert_eq!(of(&[("PBS_JOBID", "12.server.site")]).as_deref(), Some("12"));
        assert_eq!(of(&[("PBS_JOBID", "12[3].server")]).as_deref(), Some("12_3"));
    }

    #[test]
    fn only_a_status_is_replaced() {
        let folder = std::env::temp_dir().join(format!("halocline-status-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let at = |name: &str| folder.join(name);
        for (name, text) in [("data", "CDF\u{1}"), ("log", "{\"event\":\"start\"}\n"), ("other", "[]")] {
            std::fs::write(at(name), text).expect("writable");
            assert_eq!(refuse_what_is_no_status(&at(name)).expect_err(name).exit_code(), 2, "{name}");
            assert_eq!(read(&at(name)).expect_err(name).exit_code(), 3, "{name}");
        }
        std::fs::write(at("empty"), "").expect("writable");
        assert!(
            refuse_what_is_no_status(&at("empty")).is_ok() && refuse_what_is_no_status(&at("new")).is_ok()
        );
        assert!(refuse_what_is_no_status(&folder).is_err());
        open(&at("status")).expect("opens");
        assert!(refuse_what_is_no_status(&at("status")).is_ok());
        far(&Far {
            phase: "read",
            fraction: Some(0.5),
            tiles_done: 3,
            tiles_total: 6,
            seconds_left: Some(2.0),
        });
        let said = read(&at("status")).expect("a status");
        assert_eq!((said.state, said.phase.as_str(), said.fraction), (State::Running, "read", Some(0.5)));
        saved(&Comm::serial(), Path::new("state"), 7);
        end(75, None);
        let said = read(&at("status")).expect("a status");
        assert_eq!((said.state, said.exit_code, said.fraction), (State::Checkpointed, Some(75), Some(0.5)));
        assert_eq!(said.checkpoint.map(|c| c.bytes), Some(7));
        killed(15);
        let said = read(&at("status")).expect("a status");
        assert_eq!((said.state, said.exit_code), (State::Checkpointed, Some(75)), "it ended before");
        assert!(!at(".status.halocline-tmp").exists());
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
