//! What a run tells when it ends, in words and, for machines, as one JSON object a line.
//!
//! The log belongs to the process, like standard error: rank 0 opens it, the others have none.
//! `docs/log-json.md` describes the lines.

use crate::common::{bytes_text, Verbosity};
use crate::{duration, status_file, stop};
use halocline_core::budget::peak_resident;
use halocline_core::comm::{Comm, Stage, Traffic};
use halocline_core::progress::{Phase, Progress, Summary};
use halocline_core::{Error, Result};
use serde_json::{json, Value};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of the form of the log.
const SCHEMA: u32 = 1;

struct Log {
    out: Box<dyn Write + Send>,
    /// The summary, until the run ends.
    summary: Value,
    failed: bool,
}

static LOG: OnceLock<Mutex<Log>> = OnceLock::new();
static TARGET: OnceLock<PathBuf> = OnceLock::new();

fn log() -> Option<MutexGuard<'static, Log>> {
    LOG.get().map(|log| log.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Opens the log: standard output for `-`, else a file, which is appended to, so that the log of
/// a job that is run again to go on is one.
pub(crate) fn open(target: &Path) -> Result<()> {
    let out: Box<dyn Write + Send> = if target == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        let is_cut_short = refuse_what_is_no_log(target)?;
        let file = OpenOptions::new().append(true).create(true).open(target).and_then(|mut file| {
            if is_cut_short {
                file.write_all(b"\n")?;
            }
            Ok(file)
        });
        Box::new(file.map_err(|e| {
            Error::system(format!("the log can't be written: {e}"))
                .in_file(target)
                .remedy("choose another file with --log-json")
        })?)
    };
    let _ = TARGET.set(target.to_owned());
    let _ = LOG.set(Mutex::new(Log { out, summary: Value::Null, failed: false }));
    Ok(())
}

/// A log is appended to; the end of anything else is no place for it. Gives whether its last line has no
/// end, as of a run that was killed.
fn refuse_what_is_no_log(target: &Path) -> Result<bool> {
    /// More than the first line of a log has.
    const LINE: u64 = 1 << 20;
    let mut first = String::new();
    let read = std::fs::File::open(target).and_then(|file| {
        let is_file = file.metadata()?.is_file();
        BufReader::new(file).take(if is_file { LINE } else { 0 }).read_line(&mut first)
    });
    let is_event = || serde_json::from_str::<Value>(&first).is_ok_and(|line| line["event"].is_string());
    let is_text = |e: &std::io::Error| e.kind() != std::io::ErrorKind::InvalidData;
    match read {
        Ok(0) => Ok(false),
        Ok(_) if is_event() => Ok(last_byte(target).is_some_and(|byte| byte != b'\n')),
        Err(e) if is_text(&e) => Ok(false),
        _ => Err(Error::usage("is there already and is no log")
            .in_file(target)
            .remedy("choose another file with --log-json")),
    }
}

fn last_byte(path: &Path) -> Option<u8> {
    let mut file = std::fs::File::open(path).ok()?;
    file.seek(SeekFrom::End(-1)).ok()?;
    let mut byte = [0];
    file.read_exact(&mut byte).ok()?;
    Some(byte[0])
}

/// The file that the log goes to, on the rank that writes it.
pub(crate) fn target() -> Option<&'static Path> {
    TARGET.get().map(PathBuf::as_path)
}

/// Whether there is a log.
pub(crate) fn is_open() -> bool {
    LOG.get().is_some()
}

/// Logs an event with the fields of an object, on rank 0.
pub(crate) fn event(comm: &Comm, name: &str, fields: impl FnOnce() -> Value) {
    if comm.is_root() {
        event_of_root(name, fields);
    }
}

/// [`event`], for those who are on rank 0 and have no communicator.
pub(crate) fn event_of_root(name: &str, fields: impl FnOnce() -> Value) {
    let Some(mut log) = log() else { return };
    let line = line(name, fields());
    // One call for a line: lines of several jobs in one file stay whole.
    let written = log.out.write_all(line.as_bytes()).and_then(|()| log.out.flush());
    if let (Err(e), false) = (written, std::mem::replace(&mut log.failed, true)) {
        // The work matters more than its log.
        crate::progress::line(&format!("halocline: warning: the log can't be written: {e}"));
    } else {
        log.failed = false;
    }
}

fn line(name: &str, fields: Value) -> String {
    let mut all = match fields {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64());
    all.insert("event".into(), json!(name));
    all.insert("time".into(), json!((time * 1e3).round() / 1e3));
    all.insert("elapsed".into(), json!(stop::started().elapsed().as_secs_f64()));
    let mut line = Value::Object(all).to_string();
    line.push('\n');
    line
}

/// Logs that a run begins.
pub(crate) fn begin(comm: &Comm, threads: usize) {
    status_file::begin(comm, threads);
    event(comm, "start", || {
        json!({
            "schema": SCHEMA,
            "program": "halocline",
            "version": env!("CARGO_PKG_VERSION"),
            "command": crate::common::command_line(),
            "ranks": comm.size(),
            "threads": threads,
        })
    });
}

/// Logs how a run ended; the last event.
pub(crate) fn end(exit_code: u8, error: Option<&Error>) {
    status_file::end(exit_code, error);
    let Some(summary) = log().map(|mut log| log.summary.take()) else { return };
    event_of_root(
        "end",
        || json!({ "exit_code": exit_code, "error": error.map(ToString::to_string), "summary": summary }),
    );
}

/// Brings the figures of all ranks together, prints them and keeps them for [`end`].
///
/// # Collective
/// Every rank calls this, with its own `progress`.
pub(crate) fn summary(comm: &Comm, verbosity: Verbosity, progress: &Progress) -> Result<()> {
    let threads = rayon::current_num_threads();
    let summary = Summary::collect(comm, progress, threads, stop::started().elapsed(), peak_resident())?;
    for line in text(&summary) {
        verbosity.say(comm, || line);
    }
    if comm.is_root() {
        if let Some(mut log) = log() {
            log.summary = as_json(&summary);
        }
    }
    Ok(())
}

fn text(summary: &Summary) -> Vec<String> {
    let elapsed = summary.elapsed();
    let speed = |bytes: u64| bytes_text((bytes as f64 / elapsed.as_secs_f64().max(1e-3)) as u64);
    let ranks = summary.ranks.len();
    let threads = summary.ranks.iter().map(|r| r.threads).max().unwrap_or(1);
    let plural = |n: u64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let mut lines = vec![format!(
        "run      {} on {} x {}",
        duration::text(elapsed),
        plural(ranks as u64, "rank"),
        plural(threads, "thread")
    )];
    let (read, decoded) = (summary.sum(|r| r.bytes_read), summary.sum(|r| r.bytes_decoded));
    if read > 0 || decoded > 0 {
        let values =
            if decoded > 0 { format!(" ({} of values)", bytes_text(decoded)) } else { String::new() };
        lines.push(format!("read     {}{values}, {}/s", bytes_text(read), speed(read)));
    }
    let written = summary.sum(|r| r.bytes_written);
    if written > 0 {
        lines.push(format!("written  {}", bytes_text(written)));
    }
    let phases: Vec<String> = Phase::ALL
        .into_iter()
        .map(|phase| (phase, summary.seconds(phase).0))
        .filter(|(_, seconds)| *seconds > 0.0)
        .map(|(phase, seconds)| format!("{} {seconds:.2} s", phase.name()))
        .collect();
    if !phases.is_empty() {
        let whose = match (ranks > 1, threads > 1) {
            (false, false) => "",
            (false, true) => " (threads added)",
            (true, false) => " (busiest rank)",
            (true, true) => " (busiest rank, threads added)",
        };
        lines.push(format!("phases   {}{whose}", phases.join(", ")));
    }
    if let Some(imbalance) = summary.imbalance().filter(|_| ranks > 1) {
        lines.push(format!("balance  the busiest rank worked {imbalance:.2} times as long as the mean"));
    }
    if let Some((rank, peak)) = summary.peak() {
        let on = if ranks > 1 { format!(" (rank {rank})") } else { String::new() };
        lines.push(format!("memory   peak {}{on}", bytes_text(peak)));
    }
    lines
}

fn as_json(summary: &Summary) -> Value {
    let phases: serde_json::Map<String, Value> = Phase::ALL
        .into_iter()
        .map(|phase| {
            let (max, mean) = summary.seconds(phase);
            (phase.name().to_owned(), json!({ "max": max, "mean": mean }))
        })
        .collect();
    let sent = |stage: Stage| {
        let Traffic { messages, bytes } = summary.sent(Some(stage));
        json!({ "messages": messages, "bytes": bytes })
    };
    json!({
        "ranks": summary.ranks.len(),
        "threads": summary.ranks.iter().map(|r| r.threads).max(),
        "seconds": summary.elapsed().as_secs_f64(),
        "tiles": summary.sum(|r| r.tiles),
        "bytes_read": summary.sum(|r| r.bytes_read),
        "bytes_decoded": summary.sum(|r| r.bytes_decoded),
        "bytes_written": summary.sum(|r| r.bytes_written),
        "messages": summary.sent(None).messages,
        "message_bytes": summary.sent(None).bytes,
        "sent": { "around": sent(Stage::Around), "passes": sent(Stage::Pass), "writing": sent(Stage::Write) },
        "phases": phases,
        "imbalance": summary.imbalance(),
        "peak_bytes": summary.ranks.iter().map(|r| r.peak_bytes).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn figures(ranks: usize) -> Summary {
        let progress = Progress::default();
        progress.bytes_read.add(1_240_000_000);
        progress.bytes_decoded.add(2_480_000_000);
        progress.phases.add(Phase::Read, Duration::from_millis(1234));
        let mut summary =
            Summary::collect(&Comm::serial(), &progress, 2, Duration::from_secs(2), Some(5_000_000))
                .expect("collects");
        summary.ranks = vec![summary.ranks[0]; ranks];
        summary
    }

    #[test]
    fn the_summary_is_a_few_lines() {
        assert_eq!(
            text(&figures(1)),
            [
                "run      2.00 s on 1 rank x 2 threads",
                "read     1.2 GB (2.5 GB of values), 620.0 MB/s",
                "phases   read 1.23 s (threads added)",
                "memory   peak 5.0 MB",
            ]
        );
        let lines = text(&figures(3));
        assert_eq!(lines[3], "balance  the busiest rank worked 1.00 times as long as the mean");
        assert_eq!(lines[4], "memory   peak 5.0 MB (rank 0)");
    }

    #[test]
    fn lines_for_machines_are_whole_objects() {
        let said = line("plan", json!({ "tiles": 3, "odd": "a\nb" }));
        assert_eq!(said.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((&value["event"], &value["tiles"]), (&json!("plan"), &json!(3)));
        assert!(value["time"].as_f64() > Some(1.6e9) && value["elapsed"].is_f64());
        let summary = as_json(&figures(2));
        assert_eq!(summary["bytes_read"], 2_480_000_000_u64);
        assert_eq!(summary["phases"]["read"]["max"], 1.234);
        assert_eq!(summary["peak_bytes"], json!([5_000_000, 5_000_000]));
    }

    #[test]
    fn the_kernel_tells_the_peak() {
        assert!(peak_resident().is_none_or(|bytes| bytes > 1 << 20));
    }
}
