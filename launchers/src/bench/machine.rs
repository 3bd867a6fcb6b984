//! `halocline bench machine`.

use super::case::{Case, Shape};
use super::children::{self, alone, LaunchArgs, Scratch};
use super::data;
use super::model::{units, Machine, Rate, Work, SCHEMA};
use super::rates;
use super::record::Place;
use super::wire::Wire;
use crate::common::{bytes_text, Verbosity};
use crate::info::print;
use crate::plot::write_beside;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::output::Compression;
use std::path::{Path, PathBuf};

/// Measure what this machine can do: memory, cache, disk, inflate, products of matrices, transforms,
/// messages, and what commands take. `halocline plan` predicts from it.
///
/// Takes about a minute; on a computer that others use, too, it tells less. In a job of SLURM:
/// --launcher 'srun -n {ranks}', and --ranks over two nodes.
#[derive(Debug, clap::Args)]
pub(super) struct MachineArgs {
    /// Ranks between whom messages are timed; 1: none
    #[arg(long, value_name = "N", default_value_t = 2)]
    ranks: usize,
    /// Size of the file that storage is timed with, MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    file_size: u32,
    #[command(flatten)]
    launch: LaunchArgs,
    /// Where the model goes
    #[arg(long, short, value_name = "machine.json")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Collective
/// One process calls this: it starts the ranks.
pub(super) fn run(comm: &Comm, args: &MachineArgs, verbosity: Verbosity) -> Result<()> {
    alone(comm)?;
    args.launch.check()?;
    let scratch = Scratch::new(&args.launch.dir)?;
    let say = |what: &str| verbosity.detail(comm, || format!("measuring {what}"));
    say("memory");
    let memory = rates::memory_rate();
    say("storage");
    let storage = rates::storage(&scratch.file("storage"), args.file_size as usize)?;
    say("inflate, products, transforms");
    let inflate = rates::inflate()?;
    let (gemm, eigen) = rates::algebra()?;
    let fft = rates::fft()?;
    say("messages");
    let (start, launch, wire) = wire(args, &scratch)?;
    say("commands");
    let work = work(args, &scratch, (start, launch), eigen)?;
    let machine = Machine {
        schema: SCHEMA,
        place: Place::here(),
        memory_bytes: halocline_core::budget::detect(1, 1).bytes,
        memory,
        page_cache: storage.cache,
        disk_read: storage.read,
        disk_write: storage.write,
        inflate,
        gemm,
        fft,
        eigen,
        start,
        launch,
        wire,
        work,
    };
    write(&args.output, &machine)?;
    print(&text(&machine))?;
    verbosity.say(comm, || format!("wrote {}", args.output.display()));
    Ok(())
}

fn write(path: &Path, machine: &Machine) -> Result<()> {
    let text = serde_json::to_string_pretty(machine).map_err(|e| Error::internal(e.to_string()))? + "\n";
    write_beside(path, text.as_bytes())
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

/// Median seconds of three runs.
fn median(mut run: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut all = [run()?, run()?, run()?];
    all.sort_by(f64::total_cmp);
    Ok(all[1])
}

/// Start alone and under the launcher, and what messages take.
fn wire(args: &MachineArgs, scratch: &Scratch) -> Result<(f64, Option<f64>, Option<Wire>)> {
    let file = scratch.file("wire.json");
    let measure = words(&["bench", "wire", "-o", &file.display().to_string()]);
    let nothing = words(&["completions", "bash"]);
    let start = median(|| Ok(children::run(&args.launch, scratch, (1, 1, false), &nothing)?.wall))?;
    if args.ranks < 2 {
        return Ok((start, None, None));
    }
    let launched =
        median(|| Ok(children::run(&args.launch, scratch, (args.ranks, 1, true), &nothing)?.wall))?;
    children::run(&args.launch, scratch, (args.ranks, 1, true), &measure)?;
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let wire = serde_json::from_str(&text)
        .map_err(|e| Error::communication(format!("messages were not timed: {e}")))?;
    Ok((start, Some(launched), Some(wire)))
}

/// The commands, on data of this size.
const TIMED: [(Case, Shape, bool); 6] = [
    (Case::Stats, Shape([480, 180, 360]), false),
    (Case::Stats, Shape([480, 180, 360]), true),
    (Case::Eof, Shape([480, 90, 180]), false),
    (Case::Spectrum, Shape([960, 90, 180]), false),
    (Case::Io, Shape([480, 90, 180]), false),
    (Case::Moc, Shape([48, 90, 180]), false),
];

fn work(
    args: &MachineArgs,
    scratch: &Scratch,
    (start, launch): (f64, Option<f64>),
    eigen: f64,
) -> Result<Vec<Work>> {
    let threads = rayon::current_num_threads();
    let mut all = Vec::new();
    for (case, shape, deflated) in TIMED {
        let input = scratch.file("x.nc");
        let output = scratch.file("out.nc");
        let compression = if deflated { Compression::Deflate(1) } else { Compression::None };
        let seconds = |shape: Shape, (ranks, threads): (usize, usize)| -> Result<f64> {
            median(|| {
                let _ = std::fs::remove_file(&output);
                let line = case.words(&shape, &input, &output);
                Ok(children::run(&args.launch, scratch, (ranks, threads, ranks > 1), &line)?.wall)
            })
        };
        let by_ranks = |shape: Shape| launch.map(|_| seconds(shape, (args.ranks, 1))).transpose();
        let Shape([t, ..]) = shape;
        // As many times, few cells (more than modes): of two sizes, what grows and what does not.
        let small = Shape([t, 16, 32]);
        data::make(&Comm::serial(), (small, case.levels()), compression, &input)?;
        let few = [seconds(small, (1, 1))?, seconds(small, (1, threads))?];
        let few_launched = by_ranks(small)?;
        data::make(&Comm::serial(), (shape, case.levels()), compression, &input)?;
        let one = seconds(shape, (1, 1))?;
        let many = if threads > 1 { seconds(shape, (1, threads))? } else { one };
        let launched = by_ranks(shape)?;
        let _ = std::fs::remove_file(&input);
        let amount = |Shape([t, y, x]): &Shape| units(case, &[*t, y * case.levels(), *x], t / 4);
        let more = amount(&shape) - amount(&small);
        let (one, many) = ((one - few[0]).max(1e-4) / more, (many - few[1]).max(1e-4) / more);
        let launched = launched.zip(few_launched).map(|(all, few)| ((all - few).max(1e-4) / more, few));
        let solve = if case == Case::Eof { eigen * (t as f64).powi(3) } else { 0.0 };
        let shares = shares(one, (many, threads), launched.map(|(each, _)| (each, args.ranks)));
        let fixed = |few: f64, each: f64, start: f64| (few - each * amount(&small) - start - solve).max(0.0);
        all.push(Work {
            case,
            deflated,
            fixed: fixed(few[1], many, start),
            fixed_launched: launched.zip(launch).map(|((each, few), launch)| fixed(few, each, launch)),
            serial: shares[0],
            per_rank: shares[1],
            parallel: shares[2],
        });
    }
    Ok(all)
}

/// What of the seconds of a unit on one core nothing shortens, what ranks do, and what threads do, too;
/// from the seconds with so many threads, and on so many ranks:
/// one = serial + per rank + parallel, threads = serial + per rank + parallel / n,
/// ranks = serial + (per rank + parallel) / n.
fn shares(one: f64, threads: (f64, usize), ranks: Option<(f64, usize)>) -> [f64; 3] {
    let shortened = |(many, n): (f64, usize)| {
        if n > 1 {
            ((one - many).max(0.0) / (1.0 - 1.0 / n as f64)).min(one)
        } else {
            one
        }
    };
    let by_threads = shortened(threads);
    // What threads shorten, ranks do as well.
    let by_ranks = ranks.map_or(by_threads, shortened).max(by_threads);
    [one - by_ranks, by_ranks - by_threads, by_threads]
}

fn text(m: &Machine) -> String {
    let bytes = |rate: f64| format!("{}/s", bytes_text(rate as u64));
    let both = |rate: &Rate| format!("{} one thread, {} all", bytes(rate.one), bytes(rate.all));
    let flops = |rate: &Rate| format!("{:.1} Gflop/s one thread, {:.1} all", rate.one / 1e9, rate.all / 1e9);
    let mut lines = vec![
        format!("{}, {} cores", m.place.processor, m.place.cores),
        format!("memory      {}", both(&m.memory)),
        format!("page cache  {}", both(&m.page_cache)),
        format!(
            "disk        {} read, {} written",
            m.disk_read.map_or("not measured:".into(), bytes),
            bytes(m.disk_write)
        ),
        format!("inflate     {}", both(&m.inflate)),
        format!("products    {}", flops(&m.gemm)),
        format!("transforms  {}", flops(&m.fft)),
        format!(
            "start       {:.3} s alone{}",
            m.start,
            m.launch.map_or(String::new(), |s| format!(", {s:.3} s launched"))
        ),
    ];
    if let Some(w) = &m.wire {
        lines.push(format!(
            "messages    {:.1} us, {} long, {} all to all; all-reduce {:.1} us ({} ranks)",
            w.latency * 1e6,
            bytes(w.bandwidth),
            bytes(w.all_to_all),
            w.all_reduce * 1e6,
            w.ranks
        ));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn shares_make_what_was_measured() {
        // 1 s that nothing shortens, 2 s that ranks do, 6 s that threads do.
        let near = |found: [f64; 3], expected: [f64; 3]| {
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        let (one, threads, ranks) = (9.0, 1.0 + 2.0 + 6.0 / 4.0, 1.0 + 8.0 / 2.0);
        assert!(near(shares(one, (threads, 4), Some((ranks, 2))), [1.0, 2.0, 6.0]));
        assert!(near(shares(one, (threads, 4), None), [3.0, 0.0, 6.0]));
        assert!(near(shares(one, (one, 1), None), [0.0, 0.0, 9.0]));
        // Slower than alone: others were at work.
        assert!(near(shares(one, (10.0, 4), Some((11.0, 2))), [9.0, 0.0, 0.0]));
    }
}
