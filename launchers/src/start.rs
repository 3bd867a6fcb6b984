//! Starts the ranks of a command and turns what comes of it into an exit code.

use crate::{placement, progress, report, status_file, stop, Cli};
use halocline_core::comm::{run_threads, threads_per_rank, Comm, Launch, World};
use halocline_core::{Error, Result};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::ExitCode;

/// Runs `command` on every rank of this job. A result or error is the same on all ranks, so the
/// error is printed by one; a panic ends all ranks with 70.
pub(crate) fn run(launch: &Launch, cli: &Cli, command: impl Fn(&Comm) -> Result<()> + Sync) -> ExitCode {
    one_line_panics();
    clean_up_on_signals(launch.is_spokesman());
    if let Some(ranks) = cli.thread_ranks {
        return run_thread_ranks(launch, usize::from(ranks), cli, command);
    }
    let world = match World::start(cli.mpi.mode()) {
        Ok(world) => world,
        // No communicator: each rank meets this alone, the launcher's first one tells.
        Err(error) => return report_apart(&error, launch),
    };
    let comm = world.comm();
    let logged = if comm.is_root() { open_log(cli) } else { Ok(()) };
    let started = comm.agree(start_threads(cli).and(logged));
    report::begin(&comm, rayon::current_num_threads());
    if started.is_ok() {
        halocline_core::threads::agree(&comm);
        placement::look(&comm, rayon::current_num_threads());
    }
    let Ok(result) = catch_unwind(AssertUnwindSafe(|| started.and_then(|()| command(&comm)))) else {
        report::end(70, None);
        comm.abort(70)
    };
    let code = end(result, comm.is_root());
    drop(comm);
    drop(world);
    code
}

fn run_thread_ranks(
    launch: &Launch,
    ranks: usize,
    cli: &Cli,
    command: impl Fn(&Comm) -> Result<()> + Sync,
) -> ExitCode {
    let alone =
        launch.check_alone("--thread-ranks runs in one process", "leave out mpirun or --thread-ranks");
    if let Err(error) = alone.and_then(|()| start_threads(cli)).and_then(|()| open_log(cli)) {
        return report_apart(&error, launch);
    }
    let on_rank = |comm: &Comm| {
        report::begin(comm, rayon::current_num_threads());
        command(comm)
    };
    match catch_unwind(AssertUnwindSafe(|| run_threads(ranks, on_rank))) {
        Err(_) => {
            report::end(70, None);
            ExitCode::from(70)
        }
        Ok(results) => end(results.into_iter().collect(), true),
    }
}

fn open_log(cli: &Cli) -> Result<()> {
    cli.log.log_json.as_deref().map_or(Ok(()), report::open)?;
    cli.log.status.as_deref().map_or(Ok(()), status_file::open)
}

/// Tells how the run ended, where that is to be told.
fn end(result: Result<()>, print: bool) -> ExitCode {
    let error = result.err();
    report::end(error.as_ref().map_or(0, Error::exit_code), error.as_ref());
    error.map_or(ExitCode::SUCCESS, |error| tell(&error, print))
}

/// How long ranks that write nothing give the one that does, when a signal ends all; shorter than
/// launchers wait before they kill.
const BEHIND: std::time::Duration = std::time::Duration::from_millis(500);

/// How long ranks that say nothing give the one that does.
const GRACE: std::time::Duration = std::time::Duration::from_secs(3);

/// Ends this rank with what every rank met by itself, before there was a communicator: one
/// speaks. The launcher ends all ranks as soon as one has ended with an error, so it goes first.
pub(crate) fn end_apart(launch: &Launch, code: u8, speak: impl FnOnce()) -> ExitCode {
    if launch.is_spokesman() {
        speak();
    } else if code != 0 {
        std::thread::sleep(GRACE);
    }
    ExitCode::from(code)
}

/// Tells an error that every rank meets by itself.
pub(crate) fn report_apart(error: &Error, launch: &Launch) -> ExitCode {
    end_apart(launch, error.exit_code(), || {
        tell(error, true);
    })
}

fn tell(error: &Error, print: bool) -> ExitCode {
    if print {
        progress::line(&format!("halocline: {error}"));
    }
    ExitCode::from(error.exit_code())
}

/// The rayon pool of this rank. MPI is driven by the main thread alone, outside the pool.
fn start_threads(cli: &Cli) -> Result<()> {
    let threads = threads_per_rank(cli.threads.map(usize::from));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Error::system(format!("can't start {threads} threads: {e}")))
}

/// A panic is a bug of ours: one line that can be reported, no backtrace.
fn one_line_panics() {
    std::panic::set_hook(Box::new(|info| {
        // Caught there, and told as an error.
        if halocline_io::is_guarded() {
            return;
        }
        let what = info
            .payload()
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| info.payload().downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let what = what.replace('\n', " ");
        progress::line(&format!("halocline: internal error{place}: {what}; please report this"));
    }));
}

/// A job that is cancelled, or runs into its wall time, leaves no temporary files; one that
/// saves its state is asked to stop instead. A file that grows beyond the limit of its size is
/// an error of writing like others, not the end. A launcher kills the ranks that are left as soon
/// as one has died of a signal, so the one that writes goes first.
fn clean_up_on_signals(writes: bool) {
    use signal_hook::consts::{
        SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ,
    };
    let ignored = ignored_signals();
    // `nohup` and others have these ignored, which is to stay so.
    let others = [SIGHUP, SIGQUIT, SIGALRM, SIGUSR2, SIGXCPU];
    let others = others.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let all = [SIGINT, SIGTERM, SIGUSR1, SIGXFSZ].into_iter().chain(others);
    let Ok(mut signals) = signal_hook::iterator::Signals::new(all) else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever().filter(|signal| *signal != SIGXFSZ && !stop::takes(*signal)) {
            let _ending = halocline_io::output::remove_unfinished();
            halocline_core::engine::checkpoint::remove_unfinished();
            crate::run::scratch::remove();
            crate::verify::remove();
            status_file::killed(signal);
            if !writes {
                std::thread::sleep(BEHIND);
                crate::run::scratch::remove();
            }
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}

/// The signals that this process was started to ignore, a bit each, where the system tells.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
