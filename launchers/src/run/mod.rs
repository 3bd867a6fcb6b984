//! `halocline run`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod assemble;
mod commands;
mod conflicts;
mod document;
mod dry;
mod execute;
mod graph;
mod inputs;
mod names;
mod outputs;
mod patterns;
pub(crate) mod scratch;
mod steps;
mod together;
mod words;

use crate::common::{MemoryArgs, Verbosity};
use document::Document;
use halocline_core::comm::Comm;
use halocline_core::Result;
use std::path::{Path, PathBuf};

/// A pipeline: sources, steps, outputs, in one file; steps that read the same share one read.
///
/// The file says [source.NAME] with files, var and selections, and [[step]] with what to do and
/// the options of that command as keys. Results have the same bits as those of the commands one
/// after the other.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The pipeline
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Say what would be read, kept and written, look at metadata only, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Where files go that only other steps read [default: as the pipeline says, else beside its
    /// first output]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Write what stays into this directory, under names made of its paths
    #[arg(long, value_name = "DIR", hide = true)]
    into: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryArgs,
}

/// Where a file that stays goes, instead of `path`, if all go to `folder`.
pub(crate) fn redirected(folder: &Path, path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    // Files of one name may come from several directories.
    let tag = &halocline_io::inputs::digest(text.as_bytes())[..16];
    let tail: String = name.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
    let to = folder.join(format!("{tag}-{tail}"));
    scratch::redirect(path, &to);
    to
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &RunArgs, verbosity: Verbosity) -> Result<()> {
    let (text, run) = comm.on_root(|| Ok((Document::read(&args.pipeline)?, scratch::tag())))?;
    crate::provenance::note_pipeline(&args.pipeline, &text);
    let document = Document::parse(&args.pipeline, &text)?;
    let options = Options::of(&document)?;
    let memory = args.memory.or(options.memory.as_deref());
    let scratch = args.scratch.as_deref().or(options.scratch.as_deref());
    let around = graph::Surroundings { scratch, run, memory: memory.asked(), into: args.into.as_deref() };
    let pipeline = graph::resolve(&document, &around)?;
    if args.into.is_some() {
        let mut all = pipeline.steps.iter().flat_map(|step| step.keys.iter());
        if let Some((_, line)) = all.find(|(key, _)| key == "update") {
            let what = "`update` goes on from a state that has changed since, and can't be run again";
            return Err(document.refuse(*line, what));
        }
    }
    scratch::name(&pipeline.scratch);
    comm.on_root(|| conflicts::check(&pipeline))?;
    patterns::check(&pipeline)?;
    let mut budget = memory.budget(comm)?.for_several();
    if args.memory.asked().is_none() && options.memory.is_some() {
        "as the pipeline says".clone_into(&mut budget.origin);
    }
    let around = execute::Around { comm, verbosity, budget: &budget, pipeline: &pipeline };
    if args.dry_run {
        dry::run(&around)
    } else {
        execute::run(&around)
    }
}

/// What a pipeline says above its sections.
#[derive(Debug, Default)]
struct Options {
    memory: Option<String>,
    scratch: Option<PathBuf>,
}

impl Options {
    fn of(document: &Document) -> Result<Self> {
        let known = ["memory", "scratch"].map(str::to_owned);
        words::check_keys(document, &document.options.entries, &known, "a pipeline")?;
        let get = |key: &str| {
            let entry = document.options.get(key);
            entry.map(|entry| Ok((words::text(document, entry)?, entry.line))).transpose()
        };
        let mut options = Self::default();
        if let Some((size, line)) = get("memory")? {
            halocline_core::budget::parse_bytes(size).map_err(|e| e.in_file(document.at(line)))?;
            options.memory = Some(size.to_owned());
        }
        options.scratch = get("scratch")?.map(|(directory, _)| directory.into());
        Ok(options)
    }
}
