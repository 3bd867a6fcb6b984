//! `halocline submit`: writes a job script and hands it in.

use super::command;
use super::request::RequestArgs;
use super::script::{fill, Work};
use super::site::Site;
use crate::common::{command_line, Verbosity};
use crate::info::print;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Hand a command in to SLURM or PBS, as a job script that is written for it.
///
/// The command behind -- is checked first, as are the inputs it names and what the site allows.
/// Prints the number of the job. docs/hpc.md has more.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Print the script and hand nothing in
    #[arg(long)]
    dry_run: bool,
    /// The command of the job, behind --, as in -- eof sst.nc --var sst -o eof.nc
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command.
///
/// # Collective
/// One rank does it.
pub(crate) fn run(comm: &Comm, args: &SubmitArgs, verbosity: Verbosity) -> Result<()> {
    comm.on_root(|| submit(comm, args, verbosity))
}

fn submit(comm: &Comm, args: &SubmitArgs, verbosity: Verbosity) -> Result<()> {
    let site = Site::find(args.request.site.as_deref())?;
    let request = args.request.request(&site)?;
    let waits = !request.after.is_empty();
    let checked = command::check(&args.command, request.array.as_ref(), request.requeue, waits)?;
    let name =
        request.name.clone().unwrap_or_else(|| format!("halocline-{}", checked.name.replace(' ', "-")));
    let script = Path::new(&request.jobs).join(format!("{name}-{}.{}", stamp(), request.scheduler.ending()));
    let work = Work {
        program: &program(&site)?,
        words: &args.command,
        has_threads: checked.has_threads,
        name: &name,
        script: &script,
        typed: &command_line(),
    };
    let text = fill(&request, &site, work)?;
    if args.dry_run {
        return print(&text);
    }
    write(&script, &text)?;
    let id = request.scheduler.submit(&script)?;
    verbosity.say(comm, || {
        let elsewhere =
            if request.jobs == super::JOBS { String::new() } else { format!(" --jobs {}", request.jobs) };
        format!("handed in as {}; `halocline status {id}{elsewhere}` tells how it is", script.display())
    });
    print(&format!("{id}\n"))
}

/// What tells scripts of the same name apart.
fn stamp() -> String {
    format!("{:.0}-{}", crate::status_file::now(), std::process::id())
}

/// The program that jobs run: the site's, else this one.
fn program(site: &Site) -> Result<String> {
    if let Some(program) = &site.program {
        return Ok(program.clone());
    }
    let program = std::env::current_exe().map_err(|e| {
        Error::system(format!("can't tell where this program is: {e}")).remedy("name it in the site file")
    })?;
    program.into_os_string().into_string().map_err(|path| {
        Error::usage("has a path that no script can hold")
            .in_file(PathBuf::from(path))
            .remedy("name it in the site file")
    })
}

fn write(script: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| {
        Error::system(format!("can't write the job script: {e}"))
            .in_file(script)
            .remedy("choose another folder with --jobs")
    };
    if let Some(folder) = script.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(script, text).map_err(failed)
}
