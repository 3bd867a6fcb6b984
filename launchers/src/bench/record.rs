//! Figures of one run, as one line of JSON.

use super::case::{Case, Shape};
use super::children::Told;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the form.
const SCHEMA: u32 = 1;

/// Where and with what a run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Name of the computer that started it.
    pub(crate) host: String,
    /// Its processor.
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Version of this program.
    pub(crate) version: String,
    /// Kind and release of the operating system.
    pub(crate) system: String,
}

impl Place {
    pub(crate) fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let processor =
            info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':').map(|(_, n)| n.trim()));
        Self {
            host: read("/proc/sys/kernel/hostname").trim().to_owned(),
            processor: processor.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}

/// Messages and bytes of all ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) messages: u64,
    /// `None` of what is compressed on its way: its length depends on values.
    pub(super) bytes: Option<u64>,
}

/// What ranks send, in the stages that a formula knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ByStage {
    pub(super) passes: Sum,
    pub(super) writing: Option<Sum>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) schema: u32,
    pub(super) place: Place,
    pub(super) case: Case,
    /// `strong` or `weak`.
    pub(super) scaling: String,
    pub(super) shape: Shape,
    pub(super) ranks: usize,
    pub(super) threads: usize,
    /// Computers, where the scheduler tells.
    pub(super) nodes: Option<usize>,
    pub(super) launcher: String,
    /// Which of several runs.
    pub(super) repeat: usize,
    /// From the start of the launcher to its end, seconds.
    pub(super) wall: f64,
    /// From the start of the program to its end, seconds.
    pub(super) seconds: f64,
    /// By phase: the busiest rank and the mean, seconds, threads added up.
    pub(super) phases: BTreeMap<String, [f64; 2]>,
    pub(super) imbalance: Option<f64>,
    pub(super) bytes_read: u64,
    pub(super) bytes_decoded: u64,
    pub(super) bytes_written: u64,
    pub(super) messages: u64,
    pub(super) message_bytes: u64,
    /// Of these, what was sent in passes over the data, and on the way to the output.
    #[serde(default)]
    pub(super) sent: Option<ByStage>,
    /// The same by the formula of each call.
    #[serde(default)]
    pub(super) foreseen: Option<ByStage>,
    /// The most of a rank.
    pub(super) peak_bytes: Option<u64>,
}

/// What was run.
#[derive(Debug, Clone)]
pub(super) struct What<'a> {
    pub(super) case: Case,
    pub(super) scaling: &'a str,
    pub(super) shape: Shape,
    pub(super) ranks: usize,
    pub(super) threads: usize,
    pub(super) launcher: &'a str,
    pub(super) repeat: usize,
    pub(super) foreseen: Option<ByStage>,
}

impl Record {
    /// How what was sent differs from what was foreseen, if it does.
    pub(super) fn unlike(&self) -> Option<String> {
        let (sent, foreseen) = (self.sent?, self.foreseen?);
        let told = |sum: &Sum| {
            let bytes = sum.bytes.map_or(String::new(), |n| format!(", {n} bytes"));
            format!("{} messages{bytes}", sum.messages)
        };
        let differ = |name: &str, sent: &Sum, foreseen: &Sum| {
            let same = sent.messages == foreseen.messages
                && foreseen.bytes.is_none_or(|bytes| sent.bytes == Some(bytes));
            (!same).then(|| format!("{name} sent {}, foreseen were {}", told(sent), told(foreseen)))
        };
        let writing = sent.writing.zip(foreseen.writing);
        differ("passes", &sent.passes, &foreseen.passes)
            .or_else(|| writing.and_then(|(sent, foreseen)| differ("writing", &sent, &foreseen)))
    }

    pub(super) fn of(what: &What<'_>, place: &Place, told: &Told) -> Result<Self> {
        let summary = &told.summary;
        if summary.is_null() {
            return Err(Error::communication("a run told no figures")
                .remedy("see whether all ranks see the folder of --dir"));
        }
        let whole = |name: &str| summary[name].as_u64().unwrap_or(0);
        let sum = |stage: &str| {
            let of = &summary["sent"][stage];
            of["messages"].as_u64().map(|messages| Sum { messages, bytes: of["bytes"].as_u64() })
        };
        let phases = summary["phases"].as_object().into_iter().flatten();
        let pair =
            |v: &serde_json::Value| [v["max"].as_f64().unwrap_or(0.0), v["mean"].as_f64().unwrap_or(0.0)];
        let peaks = summary["peak_bytes"].as_array().into_iter().flatten();
        Ok(Self {
            schema: SCHEMA,
            place: place.clone(),
            case: what.case,
            scaling: what.scaling.to_owned(),
            shape: what.shape,
            ranks: what.ranks,
            threads: what.threads,
            nodes: std::env::var("SLURM_JOB_NUM_NODES").ok().and_then(|n| n.parse().ok()),
            launcher: what.launcher.to_owned(),
            repeat: what.repeat,
            wall: told.wall,
            seconds: summary["seconds"].as_f64().unwrap_or(told.wall),
            phases: phases.map(|(name, v)| (name.clone(), pair(v))).collect(),
            imbalance: summary["imbalance"].as_f64(),
            bytes_read: whole("bytes_read"),
            bytes_decoded: whole("bytes_decoded"),
            bytes_written: whole("bytes_written"),
            messages: whole("messages"),
            message_bytes: whole("message_bytes"),
            sent: sum("passes").map(|passes| ByStage { passes, writing: sum("writing") }),
            foreseen: what.foreseen,
            peak_bytes: peaks.filter_map(serde_json::Value::as_u64).max(),
        })
    }
}

/// Reads the lines of a file, those of other kinds refused.
pub(super) fn read(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::data(format!("can't be read: {e}"))
            .in_file(path)
            .remedy("name files of `halocline bench scaling`")
    })?;
    let lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let record = |(i, line): (usize, &str)| {
        let found = serde_json::from_str::<Record>(line).ok().filter(|r| r.schema == SCHEMA && r.ranks > 0);
        found.ok_or_else(|| {
            Error::data(format!("line {} is no record of a scaling run", i + 1))
                .in_file(path)
                .remedy("name files of `halocline bench scaling`")
        })
    };
    lines.map(record).collect()
}

/// Adds a line to a file.
pub(super) fn append(path: &Path, record: &Record) -> Result<()> {
    use std::io::Write as _;
    let line = serde_json::to_string(record).map_err(|e| Error::internal(e.to_string()))?;
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
    opened
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .map_err(|e| Error::system(format!("can't be written: {e}")).in_file(path))
}
