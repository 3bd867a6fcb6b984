//! `halocline plan`: what a job will take, before the hours are spent.
//!
//! The time of a command is what was measured of it on one node ([`crate::bench::model`]), scaled to
//! the data, and what ranks add: their start, their exchanges, and what only one of them can do.

mod predict;
mod sent;
mod text;

use crate::bench::model::Machine;
use crate::common::{InputArgs, SelectionArgs, Verbosity};
use crate::provenance::arguments::told_of_numbers;
use crate::{usage, Cli, Command};
use clap::{CommandFactory as _, FromArgMatches as _};
use halocline_core::comm::Comm;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::Selection;
use predict::{Job, Shape};
pub(crate) use sent::{Ranks, Sends, Sent};
use std::path::PathBuf;

/// Predict time, memory, reading and messages of a command on several numbers of nodes.
///
/// The files are looked at, not read. `halocline bench machine` writes the model of the machine,
/// best in a job on the nodes that will do the work. Known commands: stats over time, eof, spectrum
/// power, transport overturning in depth, rechunk. Numbers are those of an otherwise idle machine.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The model of the machine
    #[arg(long, value_name = "machine.json", default_value = "machine.json")]
    machine: PathBuf,
    /// Numbers of nodes
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4,8,16,32,64", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    nodes: Vec<u32>,
    /// Ranks on each node [default: as many as it has cores, over --cpus-per-task]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=4096))]
    ntasks_per_node: Option<u32>,
    /// Cores of each rank [default: 1]
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=4096))]
    cpus_per_task: Option<u32>,
    /// What all nodes together read from storage, GB/s; cached: the files are in the memory of the
    /// nodes [default: cached if they fit into it, else what the model's disk gives each node]
    #[arg(long, value_name = "GB/s|cached", value_parser = parse_storage)]
    storage: Option<Storage>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    /// The command, behind --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Where the files are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Storage {
    Cached,
    /// Bytes a second of all nodes together.
    Shared(f64),
}

fn parse_storage(text: &str) -> std::result::Result<Storage, String> {
    if text == "cached" {
        return Ok(Storage::Cached);
    }
    let rate = text.parse::<f64>().ok().filter(|r| r.is_finite() && *r > 0.0);
    rate.map(|r| Storage::Shared(r * 1e9)).ok_or_else(|| "write GB/s as a number, or cached".to_owned())
}

/// What of a command its cost follows from.
#[derive(Debug)]
pub(crate) struct Foreseen<'a> {
    pub(crate) case: crate::bench::model::Case,
    pub(crate) input: &'a InputArgs,
    /// `None`: everything.
    pub(crate) selection: Option<&'a SelectionArgs>,
    pub(crate) vars: &'a [String],
    /// Steps of a segment.
    pub(crate) segment: Option<usize>,
    /// Values of a result over values of a map (or, for rechunk, of all).
    pub(crate) results: f64,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this; one tells.
pub(crate) fn run(comm: &Comm, args: &PlanArgs, verbosity: Verbosity) -> Result<()> {
    comm.on_root(|| {
        let machine = Machine::read(&args.machine)?;
        let cli = parse(&args.command)?;
        let foreseen = foreseen(&cli.command)?;
        let job = job(&foreseen, verbosity)?;
        let tasks = layout(args, &machine);
        let room = (machine.memory_bytes / tasks.0 as u64).saturating_sub(predict::BASE as u64);
        let on = |n: &u32| Ranks { count: *n as usize * tasks.0, threads: tasks.1, room };
        let all: Vec<Ranks> = args.nodes.iter().map(on).collect();
        // Where it is planned the command need not be able to run: its output's folder may be elsewhere.
        let sent = sent_by(&cli.command, &all).unwrap_or_else(|e| {
            verbosity.say(comm, || format!("note: what ranks send is estimated, as here {e}"));
            vec![None; all.len()]
        });
        let rows = args.nodes.iter().zip(&sent).map(|(n, sent)| {
            let storage = rate_of_storage(args.storage, &machine, &job, *n as usize);
            predict::on(&machine, &job, (*n as usize, tasks.0, tasks.1), (storage, sent.as_ref()))
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let text =
            if args.json { text::json(&machine, &job, &rows)? } else { text::table(&machine, &job, &rows) };
        crate::info::print(&text)
    })
}

/// A command line. Parts by hand are for one number of ranks, and left out.
fn parse(words: &[String]) -> Result<Cli> {
    let mut kept = vec!["halocline"];
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--decomposition" => drop(words.next()),
            word if word.starts_with("--decomposition=") => {}
            word => kept.push(word),
        }
    }
    let command = told_of_numbers(Cli::command());
    let cli = command.try_get_matches_from(kept).and_then(|found| Cli::from_arg_matches(&found));
    cli.map_err(|e| usage(&e))
}

/// What a command sends on each of these, where that is known: with more ranks than are ever asked
/// for it takes long to find out.
fn sent_by(command: &Command, on: &[Ranks]) -> Result<Vec<Option<Sent>>> {
    let mut all = vec![None; on.len()];
    // Of `rechunk` each pair of ranks is looked at, in each round.
    let most = if matches!(command, Command::Rechunk(_)) { MOST_RANKS_IN_PAIRS } else { MOST_RANKS };
    sent::opened(command, &mut |opened| {
        for (sent, ranks) in all.iter_mut().zip(on).filter(|(_, ranks)| ranks.count <= most) {
            *sent = match opened.sent(*ranks) {
                // As little memory as that is told by its own column.
                Err(e) if e.kind == ErrorKind::Memory => None,
                found => found?,
            };
        }
        Ok(())
    })?;
    Ok(all)
}

/// What the command of these words sends, if that is known.
pub(crate) fn sent_for(words: &[String], on: Ranks) -> Result<Option<Sent>> {
    let cli = parse(words)?;
    Ok(sent_by(&cli.command, &[on])?.pop().flatten())
}

/// Ranks for which messages are counted one by one.
const MOST_RANKS: usize = 4096;
/// The same where the work grows with their square.
const MOST_RANKS_IN_PAIRS: usize = 512;

/// Ranks on a node, and cores of each.
fn layout(args: &PlanArgs, machine: &Machine) -> (usize, usize) {
    let cores = machine.place.cores.max(1);
    match (args.ntasks_per_node, args.cpus_per_task) {
        (Some(ranks), Some(each)) => (ranks as usize, each as usize),
        (Some(ranks), None) => (ranks as usize, 1),
        (None, Some(each)) => ((cores / each as usize).max(1), each as usize),
        (None, None) => (cores, 1),
    }
}

/// Bytes a second that all nodes together read, and whether from memory.
fn rate_of_storage(asked: Option<Storage>, machine: &Machine, job: &Job, nodes: usize) -> f64 {
    let nodes = nodes as f64;
    let cached = machine.page_cache.all * nodes;
    match asked {
        Some(Storage::Shared(rate)) => rate,
        Some(Storage::Cached) => cached,
        None if job.stored < machine.memory_bytes as f64 * nodes => cached,
        None => machine.disk_read.map_or(cached, |rate| rate * nodes),
    }
}

fn foreseen(command: &Command) -> Result<Foreseen<'_>> {
    let found = match command {
        Command::Stats(args) => args.foreseen(),
        Command::Eof(args) => args.foreseen(),
        Command::Spectrum(args) => args.foreseen(),
        Command::Rechunk(args) => Some(args.foreseen()),
        Command::Transport(args) => args.foreseen(),
        _ => None,
    };
    found.ok_or_else(|| {
        Error::usage("what this command takes is not known").remedy(
            "plan knows `stats` over time, `eof` with its exact solver, `spectrum power`, `transport overturning --v NAME` in depth over all times, and `rechunk`",
        )
    })
}

/// Looks at the files.
fn job(foreseen: &Foreseen<'_>, verbosity: Verbosity) -> Result<Job> {
    let alone = Comm::serial();
    let dataset = foreseen.input.open(&alone, verbosity)?;
    let everything = Selection { all_levels: true, io: foreseen.input.io, ..Selection::default() };
    let selection = foreseen.selection.map_or(Ok(everything), |s| s.of_all_levels(foreseen.input.io))?;
    let named: Vec<String> = if foreseen.vars.is_empty() {
        dataset.data_variables().map(|v| v.variable.name.clone()).collect()
    } else {
        foreseen.vars.to_vec()
    };
    let mut job = Job::new(foreseen);
    for name in &named {
        let info = dataset.variable(name)?;
        let source = dataset.source(&alone, name, &selection)?;
        let shape = source.variable().shape();
        let times = source.variable().position(halocline_core::meta::Role::Time).map_or(1, |d| shape[d]);
        let cells = shape.iter().product::<usize>() / times.max(1);
        let bytes = if source.element() == halocline_io::Element::F32 { 4 } else { 8 };
        let map = [shape.len().saturating_sub(2), shape.len().saturating_sub(1)]
            .map(|d| shape.get(d).copied().unwrap_or(1));
        job.add(Shape { times, cells, bytes, map }, info.deflate.is_some());
    }
    job.files = dataset.files().len();
    let in_files = dataset.files().iter().map(|f| f.bytes).sum::<u64>() as f64;
    // Of compressed variables the files tell the size, of which this is a share.
    job.limit_stored(in_files);
    Ok(job)
}
