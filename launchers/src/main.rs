//! The `halocline` command: parses arguments, starts the ranks, prints, exits.

mod asked;
mod batch;
mod bench;
mod calc;
mod carry;
mod cf;
mod checkpoint;
mod climatology;
mod common;
mod compare;
mod coupled;
mod divided;
mod duration;
mod eof;
mod eof_file;
mod filter;
mod folding;
mod generated;
mod histogram;
mod info;
mod mesh;
mod operands;
mod page;
mod pairs;
mod passes;
mod place;
mod placement;
mod plan;
mod plot;
mod pop;
mod pressure;
mod progress;
mod project;
mod provenance;
mod quantities;
mod rechunk;
mod reconstruct;
mod regrid;
mod relate;
mod repeated;
mod report;
mod run;
mod series;
mod spectrum;
mod sphere;
mod start;
mod stats;
mod status_file;
mod step;
mod stop;
mod transport;
mod verify;
mod vertical;

use clap::{Parser, Subcommand};
use common::{LogArgs, Verbosity};
use halocline_core::comm::{Comm, Launch, MpiMode};
use halocline_core::{Error, Result};
use std::process::ExitCode;

/// Analyses gridded ocean, atmosphere and climate data, with the same bits on any number of
/// ranks.
///
/// Exit codes: 0 done, 2 usage, 3 data, 4 the system's read or write failed, 5 memory,
/// 6 communication or launch, 7 verify found a difference, 70 a bug of ours, 75 checkpointed.
#[derive(Debug, Parser)]
#[command(name = "halocline", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    record: provenance::RecordArgs,
    /// Whether to start MPI; auto: only when mpirun or srun started this process
    #[arg(long, global = true, value_enum, default_value_t = MpiChoice::Auto, value_name = "yes|no|auto", hide_possible_values = true)]
    mpi: MpiChoice,
    /// Run this many ranks as threads of this process, without MPI
    #[arg(long, global = true, value_name = "N", conflicts_with = "mpi", value_parser = clap::value_parser!(u16).range(1..=256))]
    thread_ranks: Option<u16>,
    /// Threads of each rank [default: the cores that the rank may use]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MpiChoice {
    Yes,
    No,
    Auto,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::BenchArgs),
    Calc(calc::CalcArgs),
    Cca(coupled::CcaArgs),
    Climatology(climatology::ClimatologyArgs),
    Compare(compare::CompareArgs),
    Completions(generated::CompletionsArgs),
    Eof(eof::EofArgs),
    Filter(filter::FilterArgs),
    Info(info::InfoArgs),
    Man(generated::ManArgs),
    Mca(coupled::McaArgs),
    Plan(plan::PlanArgs),
    Plot(plot::PlotArgs),
    Pop(pop::PopArgs),
    Project(project::ProjectArgs),
    Provenance(provenance::ProvenanceArgs),
    Stats(stats::StatsArgs),
    Status(batch::StatusArgs),
    Submit(batch::SubmitArgs),
    Rechunk(rechunk::RechunkArgs),
    Reconstruct(reconstruct::ReconstructArgs),
    Regrid(regrid::RegridArgs),
    Relate(relate::RelateArgs),
    Report(page::ReportArgs),
    Run(run::RunArgs),
    Histogram(histogram::HistogramArgs),
    Spectrum(spectrum::SpectrumArgs),
    Verify(verify::VerifyArgs),
    Transport(transport::TransportArgs),
    Vertical(Box<vertical::VerticalArgs>),
    /// Panic on one rank while the others wait for it: shows that nothing hangs
    #[command(hide = true)]
    Panic {
        #[arg(long, default_value_t = 0)]
        rank: usize,
    },
}

impl MpiChoice {
    fn mode(self) -> MpiMode {
        match self {
            Self::Yes => MpiMode::Yes,
            Self::No => MpiMode::No,
            Self::Auto => MpiMode::Auto,
        }
    }
}

/// What is wrong with the words of the command line, as one of our errors.
fn usage(message: &clap::Error) -> Error {
    let text = message.to_string();
    // Behind the first empty line clap tells about usage and help.
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let what = lines.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what).trim_end_matches(':');
    if message.kind() == clap::error::ErrorKind::UnknownArgument && checkpoint::is_option(what) {
        return Error::usage(format!("{what}: {}", checkpoint::WITHOUT)).remedy(checkpoint::INSTEAD);
    }
    Error::usage(what).remedy("see `halocline --help` and `halocline COMMAND --help`")
}

fn main() -> ExitCode {
    stop::started();
    let launch = Launch::detect();
    halocline_io::output::keep_hdf5_from_exit();
    let cli = match provenance::arguments::parse() {
        Ok(cli) => cli,
        Err(message) => {
            // Every rank parses the same words; one prints.
            let missing = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            if !message.use_stderr() || message.kind() == missing {
                return start::end_apart(&launch, if message.use_stderr() { 2 } else { 0 }, || {
                    let _ = message.print();
                });
            }
            return start::report_apart(&usage(&message), &launch);
        }
    };
    cli.record.keep();
    start::run(&launch, &cli, |comm| dispatch(comm, &cli))
}

/// Runs a command.
///
/// # Collective
/// Every rank calls this.
fn dispatch(comm: &Comm, cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Bench(args) => bench::run(comm, args, cli.verbosity),
        Command::Calc(args) => calc::run(comm, args, cli.verbosity),
        Command::Compare(args) => compare::run(comm, args, cli.verbosity),
        Command::Eof(args) => eof::run(comm, args, cli.verbosity),
        Command::Mca(args) => args.couple().run(comm, cli.verbosity),
        Command::Cca(args) => args.check().and_then(|()| args.couple().run(comm, cli.verbosity)),
        Command::Filter(args) => filter::run(comm, args, cli.verbosity),
        Command::Info(args) => info::run(comm, args, cli.verbosity),
        Command::Plan(args) => plan::run(comm, args, cli.verbosity),
        Command::Plot(args) => plot::run(comm, args, cli.verbosity),
        Command::Pop(args) => pop::run(comm, args, cli.verbosity),
        Command::Project(args) => project::run(comm, args, cli.verbosity),
        Command::Provenance(args) => provenance::run(comm, args, cli.verbosity),
        Command::Stats(args) => stats::run(comm, args, cli.verbosity),
        Command::Climatology(args) => climatology::run(comm, args, cli.verbosity),
        Command::Rechunk(args) => rechunk::run(comm, args, cli.verbosity),
        Command::Reconstruct(args) => reconstruct::run(comm, args, cli.verbosity),
        Command::Regrid(args) => regrid::run(comm, args, cli.verbosity),
        Command::Relate(args) => relate::run(comm, args, cli.verbosity),
        Command::Report(args) => page::run(comm, args, cli.verbosity),
        Command::Run(args) => run::run(comm, args, cli.verbosity),
        Command::Histogram(args) => histogram::run(comm, args, cli.verbosity),
        Command::Spectrum(args) => spectrum::run(comm, args, cli.verbosity),
        Command::Verify(args) => verify::run(comm, args, cli.verbosity),
        Command::Transport(args) => transport::run(comm, args, cli.verbosity),
        Command::Vertical(args) => vertical::run(comm, args, cli.verbosity),
        Command::Submit(args) => batch::submit(comm, args, cli.verbosity),
        Command::Status(args) => batch::status(comm, args),
        Command::Completions(args) => generated::completions(comm, args),
        Command::Man(args) => generated::man(comm, args, cli.verbosity),
        Command::Panic { rank } => {
            assert!(comm.rank() != *rank, "as asked for by `halocline panic`");
            comm.barrier();
            Ok(())
        }
    }
}
