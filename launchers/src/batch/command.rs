//! The command line of a job, checked by the parser that will read it there.

use super::array::{self, Array};
use crate::provenance::arguments::told_of_numbers;
use crate::Cli;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Commands that are done here and now, not in a job.
const AT_ONCE: [&str; 7] = ["bench", "completions", "help", "man", "plan", "status", "submit"];

/// What is known of a command line that may be handed in.
#[derive(Debug)]
pub(super) struct Checked {
    /// The subcommand, as in `spectrum power`.
    pub(super) name: String,
    /// Whether it says how many threads.
    pub(super) has_threads: bool,
}

/// What a command line asks of the file system.
struct Parsed {
    name: String,
    cli: Cli,
    matches: ArgMatches,
    leaf: clap::Command,
}

impl Parsed {
    fn of(words: &[String]) -> Result<Self> {
        let all = std::iter::once("halocline").chain(words.iter().map(String::as_str));
        let mut command = told_of_numbers(Cli::command());
        let matches = command.try_get_matches_from_mut(all).map_err(|e| {
            use clap::error::ErrorKind::{
                DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
            };
            if [DisplayHelp, DisplayVersion, DisplayHelpOnMissingArgumentOrSubcommand].contains(&e.kind()) {
                return Error::usage("the command of the job is not complete")
                    .remedy("write it behind --, as in -- eof sst.nc --var sst -o eof.nc");
            }
            crate::usage(&e)
        })?;
        let cli = Cli::from_arg_matches(&matches).map_err(|e| crate::usage(&e))?;
        let (mut leaf, mut inner, mut names) = (command, matches, Vec::new());
        while let Some((name, further)) = inner.remove_subcommand() {
            let next = leaf.find_subcommand(&name).cloned();
            leaf = next.ok_or_else(|| Error::internal(format!("no command `{name}`")))?;
            inner = further;
            names.push(name);
        }
        Ok(Self { name: names.join(" "), cli, matches: inner, leaf })
    }
    /// What was given for an option or a list of files, of those that the command has.
    fn values(&self, id: &str) -> Vec<PathBuf> {
        let known = self.leaf.get_arguments().any(|arg| arg.get_id() == id);
        let raw = known.then(|| self.matches.get_raw(id)).flatten();
        raw.into_iter().flatten().map(PathBuf::from).collect()
    }
    fn has(&self, id: &str) -> bool {
        self.leaf.get_arguments().any(|arg| arg.get_id() == id)
    }
    fn flag(&self, id: &str) -> bool {
        self.has(id) && self.matches.get_flag(id)
    }
}

/// Checks the words: as the parser does; that each element of an array has an output and a state
/// of its own; that a job which goes back into the queue saves its state; and, unless an earlier
/// job is waited for, that inputs are there.
///
/// # Errors
/// Usage, with what the parser says; data, of an input that is not there; system, of a folder.
pub(super) fn check(words: &[String], array: Option<&Array>, requeue: bool, waits: bool) -> Result<Checked> {
    let parsed = match (array, array::is_wanted(words)?) {
        (None, false) => Parsed::of(words)?,
        (None, true) => {
            return Err(Error::usage("the command wants an {index}, and there is no array")
                .remedy("add --array 1-10"))
        }
        (Some(_), false) => {
            return Err(Error::usage("all jobs of the array would do the same")
                .remedy("put {index} into the names of inputs and outputs"))
        }
        (Some(array), true) => {
            let first = Parsed::of(&array::of_element(words, array.first)?)?;
            if array.count > 1 {
                let last = Parsed::of(&array::of_element(words, array.last)?)?;
                for (id, what) in [("output", "output (-o)"), ("checkpoint", "checkpoint")] {
                    let value = first.values(id);
                    if !value.is_empty() && value == last.values(id) {
                        return Err(Error::usage(format!(
                            "all jobs of the array would have the same {what}"
                        ))
                        .in_file(&value[0])
                        .remedy("put {index} into its name"));
                    }
                }
                look(&last, waits)?;
            }
            first
        }
    };
    check_sense(&parsed, requeue)?;
    look(&parsed, waits)?;
    Ok(Checked { name: parsed.name, has_threads: parsed.cli.threads.is_some() })
}

fn check_sense(parsed: &Parsed, requeue: bool) -> Result<()> {
    let name = &parsed.name;
    if AT_ONCE.contains(&name.as_str()) {
        return Err(Error::usage(format!("`{name}` is done at once and is no job")).remedy("run it here"));
    }
    if parsed.cli.thread_ranks.is_some() {
        return Err(Error::usage("--thread-ranks has no place in a job, whose ranks the scheduler starts")
            .remedy("use --nodes and --ntasks-per-node"));
    }
    if parsed.cli.log.status.is_some() {
        return Err(Error::usage("the status file of a job has a name already").remedy("leave out --status"));
    }
    if !requeue {
        return Ok(());
    }
    if !parsed.has("checkpoint") {
        return Err(Error::usage(format!("`{name}` saves no state: each run would begin anew"))
            .remedy("leave out --requeue"));
    }
    if parsed.values("checkpoint").is_empty() || !parsed.flag("resume") {
        return Err(Error::usage("a job that goes back into the queue goes on from a saved state")
            .remedy("add --checkpoint FILE --resume to the command"));
    }
    Ok(())
}

/// Looks for what the job will look for first.
fn look(parsed: &Parsed, waits: bool) -> Result<()> {
    for id in ["output", "checkpoint"] {
        for file in parsed.values(id) {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !waits && !folder.is_dir()) {
                return Err(Error::system("is to be written into a folder that does not exist")
                    .in_file(&file)
                    .remedy(format!("create {} first", folder.display())));
            }
        }
    }
    if waits {
        return Ok(());
    }
    let absent = |file: &Path| {
        let pattern = file.to_string_lossy();
        let is_pattern = pattern.contains(['*', '?', '[']);
        let found = || glob::glob(&pattern).is_ok_and(|mut found| found.next().is_some());
        !(file.exists() || is_pattern && found())
    };
    match ["inputs", "files"].iter().flat_map(|id| parsed.values(id)).find(|file| absent(file)) {
        None => Ok(()),
        Some(file) => Err(Error::data("there is no such file")
            .in_file(&file)
            .remedy("name one that is there, or with --after the job that makes it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, array: Option<&str>, requeue: bool) -> Result<Checked> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let array = array.map(|text| array::parse(text).expect("a range"));
        check(&words, array.as_ref(), requeue, true)
    }

    #[test]
    fn the_parser_decides() {
        let good = of("stats a.nc --var t --op mean -o o.nc", None, false).expect("a command");
        assert_eq!((good.name.as_str(), good.has_threads), ("stats", false));
        let good = of("--threads 3 spectrum power a.nc --var t -o o.nc", None, false).expect("a command");
        assert_eq!((good.name.as_str(), good.has_threads), ("spectrum power", true));
        for (line, array, requeue, what) in [
            ("stat a.nc", None, false, "stat"),
            ("stats a.nc --vra t -o o.nc", None, false, "--vra"),
            ("stats", None, false, "--var"),
            ("--help", None, false, "not complete"),
            ("submit -- info a.nc", None, false, "at once"),
            ("--thread-ranks 2 info a.nc", None, false, "--thread-ranks"),
            ("info a.nc --status f", None, false, "--status"),
            ("stats a_{index}.nc --var t -o o.nc", None, false, "no array"),
            ("stats a.nc --var t -o o.nc", Some("1-2"), false, "do the same"),
            ("stats a_{index}.nc --var t -o o.nc", Some("1-2"), false, "same output"),
            ("stats a.nc --var t -o o.nc", None, true, "--checkpoint"),
            ("regrid a.nc --var t --to r8x4 -o o.nc", None, true, "saves no state"),
            (
                "stats a_{index}.nc --var t -o {index} --checkpoint s --resume",
                Some("1-2"),
                true,
                "same checkpoint",
            ),
        ] {
            let error = of(line, array, requeue).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(what), "{line}: {error}");
        }
        assert!(of(
            "stats a_{index}.nc --var t -o {index} --checkpoint s{index} --resume",
            Some("1-2"),
            true
        )
        .is_ok());
    }

    #[test]
    fn files_are_looked_for() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let code = |line: &str| check(&words(line), None, false, false).map_or_else(|e| e.exit_code(), |_| 0);
        assert_eq!(code("info src/main.rs"), 0);
        assert_eq!(code("info src/ma*.rs"), 0);
        assert_eq!(code("info src/absent.rs"), 3);
        assert_eq!(code("info src/absent*.rs"), 3);
        assert_eq!(code("stats src/main.rs --var t -o absent/o.nc"), 4);
    }
}
