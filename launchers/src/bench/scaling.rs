//! `halocline bench scaling`.

use super::case::{parse_shape, Case, Shape};
use super::children::{self, alone, LaunchArgs, Scratch};
use super::foresee;
use super::record::{self, Place, Record, What};
use super::table;
use crate::common::{bytes_text, Verbosity};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// Time cases on several numbers of ranks: speed-up, efficiency, phases, messages.
///
/// Makes its own data in --dir, runs this program under the launcher, and writes a line of JSON for
/// each run; a table is printed. Inside of a job of SLURM: --launcher 'srun -n {ranks}'. Files that
/// were written before are added to; `halocline bench table` shows many of them together.
#[derive(Debug, clap::Args)]
pub(super) struct ScalingArgs {
    /// What to time, separated by commas
    #[arg(long, value_name = "CASE,…", value_enum, value_delimiter = ',', required = true)]
    case: Vec<Case>,
    /// Numbers of ranks
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    ranks: Vec<u32>,
    /// The same work on all numbers of ranks (the default)
    #[arg(long, conflicts_with = "weak")]
    strong: bool,
    /// Work that grows with the number of ranks: times, or cells for eof
    #[arg(long)]
    weak: bool,
    /// Times, latitudes, longitudes of the data (weak: for each rank)
    #[arg(long, value_name = "T,Y,X", default_value = "480,180,360", value_parser = parse_shape)]
    shape: Shape,
    /// Threads of each rank
    #[arg(long = "threads-per-rank", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads_per_rank: u16,
    /// Runs of each, of which the table shows the median
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Compression of the data
    #[arg(long, value_name = "none|deflate:N", default_value = "none")]
    compress: String,
    #[command(flatten)]
    launch: LaunchArgs,
    /// Where the lines go
    #[arg(long, short, value_name = "OUT.jsonl")]
    output: PathBuf,
    /// A picture of speed-up and efficiency, .png or .svg
    #[arg(long, value_name = "X.png")]
    plot: Option<PathBuf>,
}

/// Runs the command.
///
/// # Collective
/// One process calls this: it starts the ranks.
pub(super) fn run(comm: &Comm, args: &ScalingArgs, verbosity: Verbosity) -> Result<()> {
    alone(comm)?;
    args.launch.check()?;
    if args.output.exists() {
        // Better now than after an hour.
        record::read(&args.output)?;
    }
    let scratch = Scratch::new(&args.launch.dir)?;
    let place = Place::here();
    let mut all = Vec::new();
    for case in &args.case {
        for ranks in &args.ranks {
            let ranks = *ranks as usize;
            let shape = if args.weak { case.grown(args.shape, ranks) } else { args.shape };
            let input = data(args, &scratch, *case, shape, ranks)?;
            for repeat in 0..args.repeat as usize {
                let record =
                    once((comm, verbosity), args, (&scratch, &place), (*case, shape, ranks, repeat), &input)?;
                if let Some(unlike) = record.unlike() {
                    verbosity.say(comm, || format!("note: {} on {ranks}: {unlike}", case.name()));
                }
                verbosity.say(comm, || {
                    let rate = bytes_text((record.bytes_decoded as f64 / record.wall.max(1e-9)) as u64);
                    format!("{} on {ranks}: {:.3} s, {rate}/s", case.name(), record.wall)
                });
                record::append(&args.output, &record)?;
                all.push(record);
            }
        }
    }
    table::show(&all, args.plot.as_deref())?;
    verbosity.say(comm, || format!("wrote {}", args.output.display()));
    Ok(())
}

/// The data of a run, made if the last were others.
fn data(args: &ScalingArgs, scratch: &Scratch, case: Case, shape: Shape, ranks: usize) -> Result<PathBuf> {
    let path = scratch.file(&format!("x-{}-{}.nc", case.levels(), shape.to_string().replace(',', "-")));
    if !case.reads() || path.exists() {
        return Ok(path);
    }
    // One data set at a time: they may be as large as the disk.
    if let Ok(old) = std::fs::read_dir(path.parent().unwrap_or(&path)) {
        let is_data = |name: &str| name.starts_with("x-");
        old.flatten().filter(|f| f.file_name().to_str().is_some_and(is_data)).for_each(|f| {
            let _ = std::fs::remove_file(f.path());
        });
    }
    let words: Vec<String> =
        ["bench", "data", "--shape", &shape.to_string(), "--compress", &args.compress, "--levels"]
            .iter()
            .map(|w| (*w).to_owned())
            .chain([case.levels().to_string(), "-o".to_owned(), path.display().to_string()])
            .collect();
    children::run(&args.launch, scratch, (ranks, 1, false), &words)?;
    if !path.exists() {
        return Err(Error::system("the data that were made can't be seen here")
            .in_file(&path)
            .remedy("choose a folder that all ranks see with --dir"));
    }
    Ok(path)
}

fn once(
    (comm, verbosity): (&Comm, Verbosity),
    args: &ScalingArgs,
    (scratch, place): (&Scratch, &Place),
    (case, shape, ranks, repeat): (Case, Shape, usize, usize),
    input: &std::path::Path,
) -> Result<Record> {
    let output = scratch.file("out.nc");
    let _ = std::fs::remove_file(&output);
    let threads = usize::from(args.threads_per_rank);
    let told =
        children::run(&args.launch, scratch, (ranks, threads, true), &case.words(&shape, input, &output))?;
    let foreseen = foresee::of(case, &shape, (ranks, threads), (input, &output)).unwrap_or_else(|e| {
        // The run was made, and its hours are spent.
        verbosity.say(comm, || format!("note: what {} on {ranks} sends is not foreseen: {e}", case.name()));
        None
    });
    let scaling = if args.weak { "weak" } else { "strong" };
    let launcher = args.launch.launcher.as_str();
    Record::of(&What { case, scaling, shape, ranks, threads, launcher, repeat, foreseen }, place, &told)
}
