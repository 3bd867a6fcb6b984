//! `halocline stats`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod output;

use crate::checkpoint::CheckpointArgs;
use crate::common::{bytes_text, check_output, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::series::{self, RunningAsk, SeriesMaps};
use halocline_algorithms::statistics::{
    ApproximatePercentiles, Needed, OverTime, Percentiles, QuantileMethod, RunningOp, TimeOp, TimeState,
};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Demand, StreamPlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::source::Source;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Statistics of each cell over time, in one pass and bounded memory.
///
/// Missing values are skipped; a cell without any value comes out as missing. Sums are taken in
/// double precision, in an order that depends on the shape of the data alone. One --op keeps the
/// variable's name; several append theirs, as in tos_mean.
#[derive(Debug, clap::Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// What to compute, separated by commas: mean, sum, min, max, count; percentiles such as p50
    /// or p99.9
    #[arg(long = "op", value_name = "OP,…", default_value = "mean", value_delimiter = ',', value_parser = parse_op)]
    words: Vec<String>,
    /// How percentiles are defined: linear, lower, higher, nearest, midpoint, hazen, weibull (or
    /// nist), median_unbiased (or rtype8), normal_unbiased, inverted_cdf (or nrank)
    #[arg(long, value_name = "METHOD", default_value = "linear", value_parser = parse_method)]
    percentile: QuantileMethod,
    /// Percentiles in one pass by sketches: values whose rank is wrong by ERR times the number of
    /// values at most, as in 0.01
    #[arg(long, value_name = "ERR", conflicts_with = "percentile")]
    approx: Option<f64>,
    /// Take the operations over each N consecutive times instead of all: mean, sum, min, max,
    /// std, var, range, count, rms
    #[arg(long, value_name = "N")]
    running: Option<usize>,
    /// The dimension to reduce
    #[arg(long, value_enum, default_value_t = Over::Time, value_name = "time")]
    over: Over,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Over {
    Time,
}

fn parse_op(word: &str) -> std::result::Result<String, String> {
    let known = TimeOp::ALL.iter().any(|op| op.names().0 == word)
        || RunningOp::from_name(word).is_some()
        || series::percent_of(word).is_some();
    known.then(|| word.to_owned()).ok_or_else(|| {
        let all: Vec<&str> = TimeOp::ALL.iter().map(|op| op.names().0).collect();
        format!("there is no such operation; there are {}, and percentiles from p0 to p100", all.join(", "))
    })
}

fn parse_method(word: &str) -> std::result::Result<QuantileMethod, String> {
    QuantileMethod::from_name(word).ok_or_else(|| {
        let all: Vec<&str> = QuantileMethod::ALL.iter().map(|m| m.name()).collect();
        format!("there is no such method; there are {}, nist, nrank, rtype8", all.join(", "))
    })
}

/// This rank's part of the statistics of one variable.
struct Reduced {
    name: String,
    source: Source,
    tiling: String,
    /// The cells of this rank; one step of time.
    block: IndexBox,
    /// One map for each operation.
    values: Vec<Vec<f64>>,
    /// Those of percentiles.
    series: Option<SeriesMaps>,
}

impl StatsArgs {
    /// The name of a result.
    fn name_of(&self, variable: &str, op: &str) -> String {
        match self.words.as_slice() {
            [_] => variable.to_owned(),
            _ => format!("{variable}_{op}"),
        }
    }
    fn op(&self) -> Vec<TimeOp> {
        let of = |word: &String| TimeOp::ALL.into_iter().find(|op| op.names().0 == word);
        self.words.iter().filter_map(of).collect()
    }
    fn percents(&self) -> Vec<f64> {
        self.words.iter().filter_map(|word| series::percent_of(word)).collect()
    }

    /// Parts per dimension, by hand.
    fn parts(&self, comm: &Comm, source: &Source) -> Result<Option<Vec<usize>>> {
        let text = self.selection.decomposition.as_deref();
        text.map(|text| Decomposition::parse_parts(text, &source.variable().dims, comm.size())).transpose()
    }

    fn check(&self) -> Result<()> {
        let twice = |all: &[String]| {
            all.iter().enumerate().find(|(i, v)| all[..*i].contains(v)).map(|(_, v)| v.clone())
        };
        if let Some(name) = twice(&self.var).or_else(|| twice(&self.words)) {
            return Err(Error::usage(format!("`{name}` is asked for twice")).remedy("name it once"));
        }
        if self.approx.is_some() && (self.percents().is_empty() || self.running.is_some()) {
            return Err(Error::usage("--approx is for percentiles of all times")
                .remedy("ask for some, as in --op p50, or leave it out"));
        }
        let fits = |word: &&String| match self.running {
            Some(_) => RunningOp::from_name(word).is_none(),
            None => !TimeOp::ALL.iter().any(|op| op.names().0 == *word) && series::percent_of(word).is_none(),
        };
        if let Some(word) = self.words.iter().find(fits) {
            let with = if self.running.is_some() { "with" } else { "without" };
            return Err(Error::usage(format!("there is no `{word}` {with} --running"))
                .remedy("ask for it in a run of its own"));
        }
        Ok(())
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &StatsArgs, verbosity: Verbosity) -> Result<()> {
    args.check()?;
    let mut selection = args.selection.selection()?;
    // All levels, unless one is chosen.
    selection.all_levels = selection.level.is_none();
    selection.io = args.input.io;
    let progress = Arc::new(Progress::default());
    let opening = progress.phases.start(Phase::Open);
    let dataset = args.input.open(comm, verbosity)?;
    let files: Vec<PathBuf> = dataset.files().iter().map(|f| PathBuf::from(&f.path)).collect();
    check_output(comm, &args.output, &files)?;
    let taken: Vec<PathBuf> = files.iter().chain([&args.output]).cloned().collect();
    let checkpoints = args.checkpoint.plan(comm, verbosity, &taken, &args.var)?;
    if checkpoints.is_some() && args.approx.is_some() && !args.op().is_empty() {
        return Err(Error::usage(
            "a checkpoint holds the state of sketches or of other operations, not of both",
        )
        .remedy("ask for the percentiles in a run of their own"));
    }
    let sources: Vec<Source> =
        args.var.iter().map(|name| dataset.source(comm, name, &selection)).collect::<Result<_>>()?;
    for (name, source) in args.var.iter().zip(&sources) {
        check_is_data(name, source).map_err(|e| folding::blame(e, files.first(), name))?;
    }
    drop(opening);
    let budget = args.memory.budget(comm)?;
    let job =
        FoldJob { comm, verbosity, budget: &budget, checkpoints: checkpoints.as_ref(), progress: &progress };
    let watch = job.watch();
    if let Some(window) = args.running {
        let ops = args.words.iter().filter_map(|word| RunningOp::from_name(word)).collect();
        let parts = sources.first().map(|s| args.parts(comm, s)).transpose()?.flatten();
        let ask = RunningAsk { ops, window, needed: Needed::AtLeast(1), ddof: 1, parts };
        let named: Vec<(String, Source)> = args.var.iter().cloned().zip(sources).collect();
        let attributes = output::global(args, &dataset, None);
        let report = series::running(&job, &named, &ask, &files, (&args.output, attributes))?;
        drop(watch);
        return job.finished(&args.output, &report);
    }
    let mut results = Vec::new();
    for (name, source) in args.var.iter().zip(sources) {
        let reduced = reduce(&job, args, name, source);
        results.push(reduced.map_err(|e| folding::blame(e, files.first(), name))?);
    }
    let report = job.write(|| output::write(comm, args, &dataset, &mut results))?;
    drop(watch);
    job.finished(&args.output, &report)
}

/// Refuses what the result holds anyway: its time, its space.
fn check_is_data(name: &str, source: &Source) -> Result<()> {
    let grid = source.grid();
    let space = grid.lat.iter().chain(&grid.lon).chain(&grid.extra);
    let mut others = space.chain(source.levels()).chain(source.level()).chain([source.time_coordinate()]);
    let is_there = |c: &Coordinate| {
        c.variable.name == name || c.bounds.as_ref().is_some_and(|b| b.variable.name == name)
    };
    if others.any(is_there) {
        return Err(
            Error::usage("is a coordinate, not data").remedy("name a variable that has values at times")
        );
    }
    Ok(())
}

/// Streams one variable through the fold.
fn reduce(job: &FoldJob<'_>, args: &StatsArgs, name: &str, source: Source) -> Result<Reduced> {
    let comm = job.comm;
    let parts = args.parts(comm, &source)?;
    let cells: usize = source.variable().dims.iter().skip(1).map(|d| d.len).product();
    // The maps of results, on the rank that holds them all, and once more on their way out.
    let maps = (cells * args.op().len() * 2 * std::mem::size_of::<f64>()) as u64;
    let percents = args.percents();
    let series = match args.approx {
        _ if percents.is_empty() => None,
        None => {
            let work = Percentiles::new(&percents)?.method(args.percentile);
            Some(series::percentiles(job, name, &source, &work, parts.as_deref(), maps)?)
        }
        Some(error) => {
            let fold = ApproximatePercentiles::new(&percents, error, source.variable().dims[0].len)?;
            let single = source.element() == halocline_io::source::Element::F32;
            let fold = if single { fold.of_singles() } else { fold };
            let belongs = comm.on_root(|| Ok(format!("{error} {}", job_name(args, name, &source))))?;
            let numbers = (percents.len(), maps);
            Some(series::approximate(job, (name, &belongs), &source, &fold, parts.as_deref(), numbers)?)
        }
    };
    if let Some(tiling) = series.as_ref().map(|s| s.tiling.clone()).filter(|_| args.op().is_empty()) {
        let block = IndexBox::whole(&vec![0; source.variable().dims.len()]);
        return Ok(Reduced { name: name.to_owned(), source, tiling, block, values: Vec::new(), series });
    }
    let room = job.budget.for_buffers(comm).saturating_sub(maps);
    let fold = OverTime::new(&args.op());
    let demand = Demand {
        ranks: comm.size(),
        threads: rayon::current_num_threads(),
        room: Some(room),
        parts: parts.as_deref(),
    };
    let plan = StreamPlan::new(&source, &fold, demand).map_err(|e| of_budget(e, job.budget, maps))?;
    job.tell(name, &source, &plan, plan.estimate() + maps);
    let belongs = comm.on_root(|| Ok(job_name(args, name, &source)))?;
    let columns = job.run(&belongs, name, &source, &plan, &fold)?;
    let block = held(&plan, comm.rank());
    let values = args.op().iter().map(|&op| assemble(&plan, &block, &columns, op)).collect();
    let tiling = plan.tiling().rule().to_owned();
    Ok(Reduced { name: name.to_owned(), source, tiling, block, values, series })
}

/// Adds to a refusal for want of memory where the rest of it goes.
fn of_budget(mut e: Error, budget: &MemoryBudget, maps: u64) -> Error {
    if e.kind == ErrorKind::Memory {
        let _ = write!(
            e.message,
            " of {} ({}): the process itself takes {}, the maps of the result {}",
            bytes_text(budget.bytes),
            budget.origin,
            bytes_text(budget.base()),
            bytes_text(maps)
        );
    }
    e
}

/// What a saved state belongs to: everything that its numbers depend on.
fn job_name(args: &StatsArgs, name: &str, source: &Source) -> String {
    let extremes = args.op().iter().any(|op| matches!(op, TimeOp::Min | TimeOp::Max));
    format!("{name} extremes={extremes} {:?} {}", args.selection.describe(), folding::fingerprint(source))
}

/// The cells whose states end up on `rank`: those of its part, if that begins with the first
/// time. One step of time.
fn held(plan: &StreamPlan, rank: usize) -> IndexBox {
    let own = plan.deal().block(rank);
    if own.is_empty() || own.range(0).start > 0 {
        return IndexBox::new(vec![0..0; own.ndim()]);
    }
    own.with_range(0, 0..1)
}

/// The map of one operation from the states of columns.
fn assemble(plan: &StreamPlan, block: &IndexBox, columns: &[(usize, TimeState)], op: TimeOp) -> Vec<f64> {
    let mut map = vec![f64::NAN; block.len()];
    for (column, state) in columns {
        let tile = plan.tiling().tile(plan.tiling().at_place(*column, 0, &[Role::Time]));
        block.insert(&mut map, &tile.block.with_range(0, 0..1), &state.finish(op));
    }
    map
}
