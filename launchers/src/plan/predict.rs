//! The arithmetic of a prediction.

use super::{Foreseen, Sent};
use crate::bench::model::{units, Case, Machine};
use halocline_core::{Error, Result};
use serde::Serialize;

/// One variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) times: usize,
    pub(super) cells: usize,
    /// Of a value in memory.
    pub(super) bytes: usize,
    /// Rows and columns of a map.
    pub(super) map: [usize; 2],
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) case: Case,
    pub(super) files: usize,
    pub(super) times: usize,
    pub(super) cells: usize,
    /// Bytes of values.
    pub(super) decoded: f64,
    /// Bytes in files.
    pub(super) stored: f64,
    pub(super) deflated: bool,
    /// Bytes of the result.
    pub(super) written: f64,
    /// The time of the case is proportional to this.
    units: f64,
    segment: Option<usize>,
    results: f64,
    /// Pieces of work that can be dealt to ranks.
    pub(super) tiles: usize,
}

/// What a prediction is made of: seconds, on one number of nodes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Prediction {
    pub(super) nodes: usize,
    pub(super) ranks: usize,
    pub(super) cores_per_rank: usize,
    pub(super) seconds: f64,
    /// Start of the program and the ranks.
    pub(super) start: f64,
    /// Reading and computing, as far as more cores shorten it.
    pub(super) work: f64,
    /// Bytes that storage can't give faster, beyond the work.
    pub(super) storage: f64,
    /// What one thread of one rank does.
    pub(super) serial: f64,
    /// What travels between ranks.
    pub(super) exchange: f64,
    /// Bytes read by all.
    pub(super) bytes_read: f64,
    /// Messages and bytes sent by all, in passes and to the writer; no number of messages where only
    /// bytes are estimated.
    pub(super) messages: Option<u64>,
    pub(super) bytes_sent: f64,
    /// Whether messages are those of the formula of each, not an estimate. Bytes are estimates all the
    /// same where lengths depend on values: of missing values, groups of times, compressed output.
    pub(super) is_exact: bool,
    /// Bytes of memory that a rank needs.
    pub(super) memory: f64,
    /// What most of the time goes to.
    pub(super) bound: &'static str,
}

/// What a process takes before it has data: MPI and libraries.
pub(super) const BASE: f64 = 100e6;
/// Values of a tile of whole series (rule `series-2`), and cells of a streamed one (`stream-2`).
const SERIES_TILE: usize = 1 << 20;
const STREAM_CELLS: usize = 32 << 10;
const STREAM_STEPS: usize = 64;

impl Job {
    pub(super) fn new(of: &Foreseen<'_>) -> Self {
        Self {
            case: of.case,
            files: 0,
            times: 0,
            cells: 0,
            decoded: 0.0,
            stored: 0.0,
            deflated: false,
            written: 0.0,
            units: 0.0,
            segment: of.segment,
            results: of.results,
            tiles: 0,
        }
    }

    /// Adds a variable; those of an EOF are analysed together.
    pub(super) fn add(&mut self, shape: Shape, deflated: bool) {
        let Shape { times, cells, bytes, map: [rows, columns] } = shape;
        let segment = self.segment.unwrap_or(times).clamp(2, times.max(2));
        self.times = times;
        self.cells += cells;
        self.deflated |= deflated;
        let values = (times * cells) as f64;
        self.decoded += values * bytes as f64;
        self.stored += values * bytes as f64;
        let per_cell = match self.case {
            Case::Spectrum => (segment / 2 + 1) as f64 * self.results,
            Case::Io | Case::Redistribute | Case::Halo => times as f64 * self.results,
            // A number for each row of each map.
            Case::Moc => times as f64 * self.results / columns.max(1) as f64,
            Case::Stats | Case::Eof => self.results,
        };
        self.written += per_cell * cells as f64 * if self.case == Case::Io { bytes as f64 } else { 8.0 };
        self.units += units(self.case, &[times, cells, 1], segment);
        self.tiles += match self.case {
            Case::Stats => cells.div_ceil(STREAM_CELLS) * times.div_ceil(STREAM_STEPS),
            Case::Moc => times * (cells / (rows * columns).max(1)),
            _ => (cells * times).div_ceil(SERIES_TILE).min(cells),
        }
        .max(1);
    }

    /// Compressed values take less than themselves: not more than all files.
    pub(super) fn limit_stored(&mut self, in_files: f64) {
        self.stored = self.stored.min(in_files);
    }
}

/// Predicts a run on so many nodes, ranks on each, and cores of each rank.
pub(super) fn on(
    machine: &Machine,
    job: &Job,
    (nodes, per_node, each): (usize, usize, usize),
    (storage_rate, sent): (f64, Option<&Sent>),
) -> Result<Prediction> {
    let work = machine.work(job.case, job.deflated).ok_or_else(|| {
        Error::data(format!("the model of the machine does not know `{}`", job.case.name()))
            .remedy("write it again with `halocline bench machine`")
    })?;
    let ranks = nodes * per_node;
    // More threads than cores take turns.
    let cores = (per_node * each).min(machine.place.cores) * nodes;
    // The last round of tiles leaves ranks idle.
    let rounds = job.tiles.div_ceil(ranks) as f64;
    let uneven = (rounds * ranks as f64 / job.tiles as f64).max(1.0);
    let by_rank = work.per_rank / ranks.min(cores) as f64;
    let computing = job.units * (work.parallel / cores as f64 + by_rank) * uneven;
    let reading = job.stored / storage_rate;
    let times = job.times as f64;
    let solve = if job.case == Case::Eof { machine.eigen * times.powi(3) } else { 0.0 };
    let fixed = work.fixed_launched.filter(|_| ranks > 1).unwrap_or(work.fixed);
    let serial = fixed + job.units * work.serial + solve;
    let levels = (ranks as f64).log2().ceil();
    let Exchange { sent, seconds: exchange } = exchange(machine, job, ranks, sent);
    let start = if ranks > 1 { machine.launch.unwrap_or(machine.start) } else { machine.start };
    let waiting = (reading - computing).max(0.0);
    let seconds = start + computing + waiting + serial + exchange;
    let per_rank = job.decoded / ranks as f64;
    let memory = BASE
        + match job.case {
            // A Gram matrix for each thread and those on their way to be merged.
            Case::Eof => 4.0 * times * times * (each as f64 + levels + 1.0) + per_rank.min(256e6),
            _ => (per_rank * 2.0).min(512e6) + job.written / ranks as f64,
        };
    let parts = [
        ("the start of the ranks", start),
        ("computing", computing),
        ("storage", waiting),
        ("what one rank does alone", serial),
        ("exchange between ranks", exchange),
    ];
    let most = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |(name, _)| name);
    let idle = most == "computing" && uneven > 1.5;
    Ok(Prediction {
        nodes,
        ranks,
        cores_per_rank: each,
        seconds,
        start,
        work: computing,
        storage: waiting,
        serial,
        exchange,
        bytes_read: job.stored,
        messages: sent.messages,
        bytes_sent: sent.bytes,
        is_exact: sent.is_exact,
        memory,
        bound: if idle { "too few tiles for the ranks" } else { most },
    })
}

/// What travels between ranks.
struct Sum {
    messages: Option<u64>,
    bytes: f64,
    is_exact: bool,
}

struct Exchange {
    sent: Sum,
    seconds: f64,
}

/// What ranks send, and the seconds that takes: passes as long as the rank that sends most, states along
/// the levels of a tree, and all that goes to the writer one after the other.
fn exchange(machine: &Machine, job: &Job, ranks: usize, sent: Option<&Sent>) -> Exchange {
    let nothing = Sum { messages: Some(0), bytes: 0.0, is_exact: true };
    if ranks == 1 {
        return Exchange { sent: nothing, seconds: 0.0 };
    }
    let wire = machine.wire.as_ref();
    let (latency, bandwidth, all_to_all) =
        wire.map_or((0.0, f64::INFINITY, f64::INFINITY), |w| (w.latency, w.bandwidth, w.all_to_all));
    let away = 1.0 - 1.0 / ranks as f64;
    let levels = (ranks as f64).log2().ceil();
    let times = job.times as f64;
    let (passes, writing) = (sent.map(|s| &s.passes), sent.and_then(|s| s.writing.as_ref()));
    // Of the states of an EOF a rank sends one, but waits for those of each level.
    let gram = 4.0 * times * (times + 1.0);
    let estimate = match job.case {
        Case::Eof => gram * (ranks as f64 - 1.0),
        Case::Io | Case::Redistribute | Case::Halo => job.decoded * away,
        Case::Stats | Case::Spectrum | Case::Moc => 0.0,
    };
    let in_passes = passes.map_or(estimate, |p| p.total().bytes as f64);
    let busiest = passes.map_or(estimate / ranks as f64, |p| {
        (0..ranks).map(|rank| p.rank(rank).bytes).max().unwrap_or(0) as f64
    });
    let each = |p: &halocline_core::comm::Formula| {
        (0..ranks).map(|rank| p.rank(rank).messages).max().unwrap_or(0) as f64
    };
    let written = writing.map_or(job.written * away, |w| w.total().bytes as f64);
    let messages = passes.map_or(levels, each) + writing.map_or(0.0, each);
    let moving = match job.case {
        Case::Eof => levels * gram / bandwidth,
        Case::Io | Case::Redistribute | Case::Halo => busiest / all_to_all,
        Case::Stats | Case::Spectrum | Case::Moc => busiest / bandwidth,
    };
    let all = passes.zip(writing).map(|(p, w)| p.total().messages + w.total().messages);
    Exchange {
        sent: Sum { messages: all, bytes: in_passes + written, is_exact: all.is_some() },
        // What all take part in is as deep as a tree of ranks.
        seconds: latency * levels * messages + moving + written / bandwidth,
    }
}
