//! `halocline verify`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod inputs;
mod recipe;

pub(crate) use recipe::LEFT_OUT;

use crate::common::{MemoryArgs, Verbosity};
use crate::compare::{compare, Comparison, Rules};
use crate::provenance::arguments::Given;
use crate::provenance::read;
use halocline_core::comm::Comm;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::Io;
use recipe::Recipe;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Makes an output again from its inputs and tells whether it is the same, bit for bit.
///
/// The record in the output says how it was made. Inputs are looked at first (size and checksum);
/// if they have changed, that is said and nothing is run. Else the command or pipeline runs again on
/// the ranks and threads that there are, and its result is compared: values, what is missing,
/// attributes. Ends with 0 if all is the same, with 7 if inputs have changed or the result differs,
/// with 3 if an input is not there.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// An output of halocline
    #[arg(value_name = "OUT.nc")]
    file: PathBuf,
    /// Where inputs are now, if not where they were: beneath this directory
    #[arg(long, value_name = "DIR")]
    input_root: Option<PathBuf>,
    /// Keep what is made to be compared, and say where it is
    #[arg(long)]
    keep: bool,
    /// Where that is made [default: beside the output]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryArgs,
}

/// The directory that is there while an output is made again, for the thread that answers signals.
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Removes what is there of this process.
pub(crate) fn remove() {
    if let Some(folder) = FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// The directory for what is made again; removed when this is dropped by the rank that made it.
struct Folder {
    path: PathBuf,
    owns: bool,
}

impl Folder {
    /// # Collective
    /// Every rank calls this.
    fn create(comm: &Comm, beside: &Path, keep: bool) -> Result<Self> {
        let path = comm.on_root(|| {
            let path = beside.join(format!(".halocline-verify-{:016x}", crate::run::scratch::tag()));
            std::fs::create_dir(&path).map_err(|e| {
                Error::system(format!("can't be created: {e}"))
                    .in_file(&path)
                    .remedy("name a directory with --scratch")
            })?;
            if !keep {
                *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
            }
            Ok(path)
        })?;
        Ok(Self { path, owns: comm.is_root() && !keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.owns {
            remove();
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &VerifyArgs, verbosity: Verbosity) -> Result<()> {
    let record = comm.on_root(|| read(&args.file).map(|record| record.to_string()))?;
    let record: Value =
        serde_json::from_str(&record).map_err(|e| Error::internal(format!("the record was lost: {e}")))?;
    let recipe = Recipe::of(&record, &args.file)?;
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|e| Error::system(format!("can't be resolved: {e}")).in_file(path))
    };
    let resolve = || {
        let other = |path: Option<&Path>| path.map(absolute).transpose();
        Ok((absolute(&args.file)?, other(args.input_root.as_deref())?, other(args.scratch.as_deref())?))
    };
    // All of them, before any rank goes to another directory: ranks may be threads.
    let (file, root, beside) = comm.agree(resolve())?;
    let beside = beside.unwrap_or_else(|| file.parent().unwrap_or(Path::new("/")).to_owned());
    go_to(comm, &record, root.as_deref())?;
    let checked = inputs::check(comm, &record, root.as_deref(), &args.file)?;
    let program = &record["prov:wasAssociatedWith"];
    let commit = program["commit"].as_str().unwrap_or("unknown");
    let is_same_program =
        commit == env!("HALOCLINE_COMMIT") && program["version"].as_str() == Some(env!("CARGO_PKG_VERSION"));
    if !is_same_program {
        verbosity.say(comm, || format!("made by another halocline than this one (commit {commit})"));
    }
    if let Some(first) = checked.changed.first() {
        checked.changed.iter().for_each(|line| verbosity.say(comm, || format!("changed: {line}")));
        let what = format!("inputs have changed ({} of {}): {first}", checked.changed.len(), checked.files);
        return Err(Error::new(ErrorKind::Difference, what)
            .in_file(&args.file)
            .remedy("run the command again to bring it up to date"));
    }
    if checked.touched > 0 {
        verbosity.detail(comm, || {
            format!(
                "{} touched since, of the same size and checksum",
                crate::folding::plural(checked.touched, "input")
            )
        });
    }
    let folder = Folder::create(comm, &beside, args.keep)?;
    if let Some(text) = &recipe.pipeline {
        let (path, text) = (folder.path.join("pipeline.toml"), checked.moves.in_pipeline(text));
        comm.on_root(|| {
            std::fs::write(&path, text)
                .map_err(|e| Error::system(format!("can't be written: {e}")).in_file(&path))
        })?;
    }
    again(comm, &recipe.words(&folder.path, &checked.moves, verbosity.is_verbose()), &args.file)?;
    let made = recipe.result(&folder.path);
    let compared = told(comm, (&file, &made), args)?;
    if args.keep {
        verbosity.say(comm, || format!("made again: {}", made.display()));
    }
    if compared.is_same() {
        verbosity.say(comm, || {
            format!(
                "{}: verified: {} as before (checksum: {}), {} the same bit for bit",
                args.file.display(),
                crate::folding::plural(checked.files, "input"),
                checked.checksum.name(),
                crate::folding::plural(compared.variables.len(), "variable")
            )
        });
        return Ok(());
    }
    let newcomers = comm.on_root(|| {
        let now = read(&made)?;
        Ok(inputs::newcomers(&record, &now, &checked.moves, &args.file))
    })?;
    if let Some(first) = newcomers.first() {
        newcomers
            .iter()
            .for_each(|file| verbosity.say(comm, || format!("changed: {file} was not read before")));
        let more = crate::folding::plural(newcomers.len(), "file");
        let what = format!("inputs have changed: {more} more than before: {first}");
        return Err(Error::new(ErrorKind::Difference, what)
            .in_file(&args.file)
            .remedy("run the command again to bring it up to date"));
    }
    for line in compared.text().lines().filter(|line| !line.ends_with(": the same")) {
        verbosity.say(comm, || line.to_owned());
    }
    Err(Error::new(ErrorKind::Difference, "the result differs when it is made again from the same inputs")
        .in_file(&args.file))
}

/// Compares the output (first) with what was made again (second).
///
/// # Collective
/// Every rank calls this.
fn told(comm: &Comm, (file, made): (&Path, &Path), args: &VerifyArgs) -> Result<Comparison> {
    let budget = args.memory.budget(comm)?;
    let ignore = ["history", halocline_io::inputs::RECORD].map(str::to_owned).to_vec();
    let rules = Rules { ignore, ..Rules::default() };
    let (file, made) = (file.to_string_lossy(), made.to_string_lossy());
    compare(comm, [&file, &made], &rules, Io::default(), &budget)
}

/// Goes to the directory that the inputs' paths count from.
fn go_to(comm: &Comm, record: &Value, root: Option<&Path>) -> Result<()> {
    let recorded = record["prov:wasGeneratedBy"]["directory"].as_str().map(PathBuf::from);
    let target = root.map(Path::to_owned).or_else(|| recorded.filter(|d| d.is_dir()));
    let gone = match target {
        None => Ok(()),
        Some(target) => std::env::set_current_dir(&target)
            .map_err(|e| Error::data(format!("is no directory to go to: {e}")).in_file(&target)),
    };
    comm.agree(gone)
}

/// Runs a command of this program in this process.
///
/// # Collective
/// Every rank calls this.
fn again(comm: &Comm, words: &[String], file: &Path) -> Result<()> {
    let parsed = Given::parse(words.iter().map(OsString::from));
    let (_, cli) = parsed.map_err(|e| {
        let what = crate::usage(&e).message;
        Error::data(format!("can't be verified: its command is not understood: {what}")).in_file(file)
    })?;
    crate::dispatch(comm, &cli)
}
