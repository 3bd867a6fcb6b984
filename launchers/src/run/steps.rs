//! Steps of a pipeline as commands that can run, and how their errors name them.

use super::commands::Args;
use halocline_core::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that a step makes.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) path: PathBuf,
    /// The line that asks for it.
    pub(super) line: usize,
    /// Whether it stays when the pipeline has ended.
    pub(super) stays: bool,
}

/// Words of a step that name files it reads, each with its line.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Paths and patterns.
    pub(super) files: Vec<(String, usize)>,
    /// Text files that list paths.
    pub(super) lists: Vec<(String, usize)>,
    /// What else an option names, a variable or feature behind it.
    pub(super) others: Vec<(String, usize)>,
    /// Those of the others that are files for certain.
    pub(super) needed: Vec<(String, usize)>,
}

/// A step, its command parsed and checked.
#[derive(Debug)]
pub(super) struct Step {
    /// `step `NAME``, or its number.
    pub(super) label: String,
    pub(super) line: usize,
    pub(super) args: Args,
    /// The steps, by their place in the pipeline, whose files it reads.
    pub(super) needs: Vec<usize>,
    pub(super) made: Vec<Made>,
    pub(super) reads: Reads,
    /// The words of its source, if that is no file of another step.
    pub(super) source: Option<Vec<String>>,
    /// On which line each option is.
    pub(super) keys: Vec<(String, usize)>,
}

/// A pipeline that holds together.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// The file, as errors name it.
    pub(super) file: String,
    pub(super) steps: Vec<Step>,
    /// Which steps can run as soon as those of the rounds before are done.
    pub(super) rounds: Vec<Vec<usize>>,
    /// How the paths of files that do not stay begin.
    pub(super) scratch: String,
}

impl Pipeline {
    /// An error of a step, with the line that is to blame where it can be told.
    pub(super) fn blame(&self, step: &Step, error: Error) -> Error {
        // What is not there is to be mended where it is written; so is a mask or an index.
        let file = error.file.as_deref();
        let absent = file.filter(|file| !Path::new(file).exists());
        let Reads { files, lists, others, .. } = &step.reads;
        let mut read = files.iter().chain(lists).filter(|(text, _)| absent == Some(text));
        let head = |text: &str| text.rsplit_once(':').map_or(text.len(), |(head, _)| head.len());
        let mut beside = others
            .iter()
            .filter(|(text, _)| file.is_some_and(|file| file == text || file == &text[..head(text)]));
        // Unless it is the input as well.
        let is_input = files.iter().any(|(text, _)| Some(text.as_str()) == file);
        let beside = beside.next().filter(|_| !is_input);
        let written = read.next().or(beside).map(|(_, line)| *line);
        // A variable that is not there is that of `var`, unless another file is spoken of.
        let of_variable = written.is_none() && error.message.contains("no variable");
        let var = step.keys.iter().find(|(key, _)| of_variable && key == "var").map(|(_, line)| *line);
        let line = written.or(var).unwrap_or(step.line);
        blame(&self.file, line, &step.label, &step.keys, error)
    }

    /// Files that do not stay and are of no use behind the round of this number.
    pub(super) fn useless_after(&self, round: usize) -> impl Iterator<Item = &Path> {
        let later = self.rounds.get(round + 1..).unwrap_or_default().concat();
        let done = self.rounds.get(..=round).unwrap_or_default().concat();
        let is_read = move |step: &usize| later.iter().any(|&other| self.steps[other].needs.contains(step));
        let unread = done.into_iter().filter(move |step| !is_read(step));
        unread.flat_map(|step| &self.steps[step].made).filter(|m| !m.stays).map(|m| m.path.as_path())
    }
}

/// Adds to an error which step met it. What is wrong with an option is said of its line.
pub(super) fn blame(
    file: &str,
    line: usize,
    label: &str,
    keys: &[(String, usize)],
    mut error: Error,
) -> Error {
    let named = option_in(&error.message, keys).or_else(|| option_in(error.remedy.as_deref()?, keys));
    let place = format!("{file}:{}", named.unwrap_or(line));
    if error.kind == ErrorKind::Usage && error.file.is_none() {
        error.message = format!("{label}: {}", error.message);
        return error.in_file(place);
    }
    error.message = format!("{} ({label}, {place})", error.message);
    error
}

/// The line of the first option (`--key`) that a text speaks of.
fn option_in(text: &str, keys: &[(String, usize)]) -> Option<usize> {
    text.match_indices("--").find_map(|(at, _)| {
        let rest = &text[at + 2..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
        keys.iter().find(|(key, _)| *key == rest[..end]).map(|(_, line)| *line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_line_of_the_option() {
        let keys = [("op".to_owned(), 3), ("over".to_owned(), 4)];
        let of = |error| blame("p.toml", 2, "step `a`", &keys, error).to_string();
        assert_eq!(of(Error::usage("--over x and --op y")), "p.toml:4: step `a`: --over x and --op y");
        assert_eq!(of(Error::usage("odd")), "p.toml:2: step `a`: odd");
        assert_eq!(of(Error::usage("odd").remedy("use --op b")), "p.toml:3: step `a`: odd; use --op b");
        let error = Error::data("is torn").in_file("a.nc").in_variable("sst");
        assert_eq!(of(error), "a.nc: variable `sst`: is torn (step `a`, p.toml:2)");
        let error = Error::usage("--over `lev` is no dimension").in_file("a.nc");
        assert_eq!(of(error), "a.nc: --over `lev` is no dimension (step `a`, p.toml:4)");
    }
}
