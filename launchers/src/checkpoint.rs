//! The options of long runs: saving the state, going on from it, stopping in time.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use crate::common::{bytes_text, Verbosity};
use crate::duration;
use crate::folding::FoldJob;
use crate::provenance::arguments::given;
use crate::report;
use crate::status_file;
use crate::stop::StopRequest;
use crate::verify::LEFT_OUT;
use halocline_core::comm::Comm;
use halocline_core::engine::checkpoint::is_state;
use halocline_core::engine::{CadenceEvent, Keeper};
use halocline_core::{Error, Result};
use halocline_io::inputs::noted;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// Saving the state of a run, and going on from it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CheckpointArgs {
    /// Save the state of the run to FILE from time to time, and when it has to stop: on SIGUSR1,
    /// SIGTERM or at the time limit it finishes what it has in hand, saves and ends with code 75
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// How often the state is saved, as in 600, 10min, 1h or HH:MM:SS
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = duration::parse, requires = "checkpoint")]
    checkpoint_every: Duration,
    /// Go on from the state in the checkpoint file, on any number of ranks; begin anew if it is
    /// not there, so that a job that is run again can always say so
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// Stop, with the state saved, when the process has run so long [default: the end of the
    /// job, if HALOCLINE_JOB_END, SLURM_JOB_END_TIME or PBS_WALLTIME tells it]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, requires = "checkpoint")]
    time_limit: Option<Duration>,
}

/// Why some commands save no state.
pub(crate) const WITHOUT: &str =
    "this command has no state beside its output, which is whole when it ends and not before";
/// What to do there.
pub(crate) const INSTEAD: &str =
    "run it again from its beginning, or in parts of --time (docs/checkpoint.md tells which commands save states)";

/// Whether a complaint is about one of the options of those that do.
pub(crate) fn is_option(complaint: &str) -> bool {
    let all = ["--checkpoint'", "--checkpoint-every'", "--resume'", "--time-limit'"];
    all.iter().any(|option| complaint.contains(option))
}

impl CheckpointArgs {
    /// Those of a command that has no state to save.
    pub(crate) const fn none() -> Self {
        let checkpoint_every = Duration::from_secs(600);
        Self { checkpoint: None, checkpoint_every, resume: false, time_limit: None }
    }

    /// Whether states are to be saved: when, and so what ranks send for it, depends on time.
    pub(crate) const fn is_asked(&self) -> bool {
        self.checkpoint.is_some()
    }
}

/// The checked options of a run that saves its state.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// Saves passes over whole series.
    keeper: Rc<Keeper>,
    /// Where to, as the user said.
    file: PathBuf,
    /// All variables of the run, one after the other.
    variables: Vec<String>,
    /// How often.
    pub(crate) every: Duration,
    /// Whether there is a state to go on from.
    pub(crate) resume: bool,
    /// When to stop.
    pub(crate) stop: Rc<StopRequest>,
}

impl CheckpointArgs {
    /// Checks the options against the file system; from here on, signals ask for a stop. `None`
    /// if no state is to be saved. `taken` are the inputs and outputs of the run, `variables` the names
    /// of its passes that stream, none if it works on whole series only. Inputs have been opened.
    ///
    /// # Collective
    /// One rank looks.
    pub(crate) fn plan(
        &self,
        comm: &Comm,
        verbosity: Verbosity,
        taken: &[PathBuf],
        variables: &[String],
    ) -> Result<Option<Checkpoints>> {
        let Some(file) = &self.checkpoint else { return Ok(None) };
        let series = of_series(file, variables);
        let files = variables.iter().map(|v| file_of(file, variables, v));
        let files: Vec<PathBuf> = files.chain([series.clone()]).collect();
        let found = comm.on_root(|| {
            let mut found = Keeper::is_there(&series);
            for file in &files {
                found |= look(file, taken).map_err(|e| e.in_file(file))?;
            }
            if !self.resume {
                // Short passes save nothing, and would leave what is of another job.
                Keeper::remove(&series);
            }
            Ok(found)
        })?;
        match (self.resume, found) {
            (true, true) => verbosity.detail(comm, || format!("going on from {}", file.display())),
            (true, false) => {
                verbosity.say(comm, || format!("there is no state {} yet: beginning anew", file.display()));
            }
            (false, true) => verbosity.say(comm, || {
                format!("beginning anew without --resume: the state {} is replaced", file.display())
            }),
            (false, false) => {}
        }
        let stop = Rc::new(StopRequest::listen(self.time_limit));
        let job = comm.on_root(|| Ok(belongs()))?;
        let (asked, noted) = (Rc::clone(&stop), Rc::clone(&stop));
        let (own, shown) = (comm.clone(), series.clone());
        let keeper = Keeper::new(
            (&series, job),
            self.checkpoint_every,
            self.resume,
            Box::new(move || asked.requested()),
            Box::new(move |event| tell(&own, verbosity, (&shown, &noted), event)),
        );
        Ok(Some(Checkpoints {
            keeper: Rc::new(keeper),
            file: file.clone(),
            variables: variables.to_vec(),
            every: self.checkpoint_every,
            resume: self.resume && found,
            stop,
        }))
    }
}

impl CheckpointArgs {
    /// Does `work`, which makes passes over whole series, with their states saved if that is wanted,
    /// and removed when it is done.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn with<T>(
        &self,
        job: &FoldJob<'_>,
        taken: &[PathBuf],
        work: impl FnOnce(&FoldJob<'_>) -> Result<T>,
    ) -> Result<T> {
        let checkpoints = self.plan(job.comm, job.verbosity, taken, &[])?;
        let Some(checkpoints) = &checkpoints else { return work(job) };
        let done = work(&FoldJob { checkpoints: Some(checkpoints), ..*job })?;
        checkpoints.finished(job.comm);
        Ok(done)
    }
}

/// The state file of one variable of a run: of several, each has its own.
fn file_of(file: &Path, variables: &[String], variable: &str) -> PathBuf {
    let mut file = file.as_os_str().to_owned();
    if variables.len() > 1 {
        file.push(".");
        file.push(variable);
    }
    file.into()
}

/// The state file of the first pass over whole series.
fn of_series(file: &Path, variables: &[String]) -> PathBuf {
    let mut file = file.as_os_str().to_owned();
    if !variables.is_empty() {
        file.push(".series");
    }
    file.into()
}

/// What results of this process depend on: its options, but for those that say how it is run, and its
/// inputs with their sizes and times of change.
fn belongs() -> String {
    let mut text = format!("halocline {}", env!("CARGO_PKG_VERSION"));
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Some((std::fs::canonicalize(path).ok()?, about.len(), changed.as_nanos()))
    };
    if let Some(given) = given() {
        let (mut options, _) = given.options();
        options.retain(|name, _| !LEFT_OUT.contains(&name.replace('-', "_").as_str()) && name != "output");
        // Records are added to this one.
        let state = options.get("state").and_then(|path| path.as_str()).map(|path| stamp(Path::new(path)));
        let _ = write!(text, "|{} {}|{state:?}", given.name(), serde_json::Value::Object(options));
    }
    for file in noted().iter().flat_map(|set| &set.files) {
        let _ = write!(text, "|{file} {:?}", stamp(Path::new(file)));
    }
    text
}

/// Tells of an attempt to save to `file`, and lets `stop` know how long it took.
fn tell(comm: &Comm, verbosity: Verbosity, (file, stop): (&Path, &StopRequest), event: &CadenceEvent) {
    let shown = file.display();
    match event {
        CadenceEvent::Saved(saved, time) => {
            stop.saved_in(*time);
            let (nodes, bytes) = (saved.nodes, saved.bytes);
            let why = stop.requested().then(|| stop.reason());
            verbosity.detail(comm, || {
                format!("state saved to {shown}: {} in {}", bytes_text(bytes), duration::text(*time))
            });
            status_file::saved(comm, file, bytes);
            let seconds = time.as_secs_f64();
            report::event(comm, "checkpoint", || {
                serde_json::json!({
                    "file": shown.to_string(), "nodes": nodes, "bytes": bytes, "seconds": seconds, "stop": why,
                })
            });
        }
        // Whole series stop between batches only.
        CadenceEvent::Batch(time) => stop.went_on_for(*time),
        CadenceEvent::Failed(error) => {
            verbosity.say(comm, || format!("warning: {error}; going on, the last saved state stays"));
            report::event(
                comm,
                "checkpoint",
                || serde_json::json!({ "file": shown.to_string(), "error": error.to_string() }),
            );
        }
    }
}

/// Whether there is a state; refuses what must not be replaced by one, or can't be.
fn look(file: &Path, taken: &[PathBuf]) -> Result<bool> {
    let whole = |path: &Path| path.canonicalize().ok().or_else(|| std::path::absolute(path).ok());
    if taken.iter().any(|other| whole(other) == whole(file)) {
        return Err(Error::usage("the checkpoint would replace an input or the output")
            .remedy("name another file with --checkpoint"));
    }
    if file.is_dir() {
        return Err(Error::usage("the checkpoint is a directory").remedy("name a file with --checkpoint"));
    }
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        return Err(Error::system("the directory of the checkpoint does not exist")
            .remedy(format!("create {} first", parent.display())));
    }
    // A link to nowhere is a file that is to come.
    if !file.exists() {
        return Ok(false);
    }
    if is_state(file)? {
        // An empty file holds nothing to go on from.
        return Ok(std::fs::metadata(file).is_ok_and(|m| m.len() > 0));
    }
    Err(Error::usage("is there already and is no saved state").remedy("name another file with --checkpoint"))
}

impl Checkpoints {
    /// The state file of one variable.
    pub(crate) fn of(&self, variable: &str) -> PathBuf {
        file_of(&self.file, &self.variables, variable)
    }

    /// Whether other variables come after this one.
    pub(crate) fn is_followed(&self, variable: &str) -> bool {
        self.variables.last().is_some_and(|last| last != variable)
    }

    /// Removes the states of a run whose result is in place: nobody will go on from them.
    pub(crate) fn finished(&self, comm: &Comm) {
        for variable in self.variables.iter().filter(|_| comm.is_root()) {
            // What can't be removed is harmless: a run that resumes it is done at once.
            let _ = std::fs::remove_file(self.of(variable));
        }
        if comm.is_root() {
            Keeper::remove(&of_series(&self.file, &self.variables));
        }
    }

    /// Tells of an attempt to save, and remembers how long it took.
    pub(crate) fn note(&self, comm: &Comm, verbosity: Verbosity, event: &CadenceEvent) {
        tell(comm, verbosity, (&self.file, &self.stop), event);
    }

    /// What saves passes over whole series.
    pub(crate) fn keeper(&self) -> &Rc<Keeper> {
        &self.keeper
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CheckpointArgs,
    }

    fn parse(words: &[&str]) -> std::result::Result<CheckpointArgs, String> {
        let words = std::iter::once("test").chain(words.iter().copied());
        Line::try_parse_from(words).map(|line| line.args).map_err(|e| e.to_string())
    }

    #[test]
    fn options_need_a_file_and_sensible_times() {
        assert!(parse(&[]).expect("no options").checkpoint.is_none());
        let args = parse(&["--checkpoint", "f", "--resume", "--time-limit", "3h"]).expect("good options");
        assert_eq!(args.checkpoint_every, Duration::from_secs(600));
        assert_eq!(args.time_limit, Some(Duration::from_secs(10_800)));
        for words in [
            &["--resume"][..],
            &["--time-limit", "3h"],
            &["--checkpoint-every", "3h"],
            &["--checkpoint", "f", "--checkpoint-every", "0"],
            &["--checkpoint", "f", "--time-limit", "soon"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_state_is_not_replaced() {
        let folder = std::env::temp_dir().join(format!("halocline-look-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let at = |name: &str| folder.join(name);
        assert!(!look(&at("new"), &[at("out.nc")]).expect("nothing there"));
        let code = |file: &Path, taken: &[PathBuf]| look(file, taken).expect_err("refused").exit_code();
        assert_eq!(code(&at("out.nc"), &[at("out.nc")]), 2);
        assert_eq!(code(&folder, &[]), 2);
        assert_eq!(code(&at("absent/f"), &[]), 4);
        std::fs::write(at("data"), b"CDF\x01 and values").expect("writable");
        assert_eq!(code(&at("data"), &[]), 2);
        std::fs::write(at("state"), b"HCLSTATE").expect("writable");
        assert!(look(&at("state"), &[]).expect("looks like a state"));
        std::fs::write(at("empty"), b"").expect("writable");
        assert!(!look(&at("empty"), &[]).expect("may be replaced"));
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
