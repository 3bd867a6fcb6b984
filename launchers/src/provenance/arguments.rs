//! The words of a command line, with the options that nobody typed.

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A command line that has been understood.
#[derive(Debug)]
pub(crate) struct Given {
    /// Its words, without the program.
    pub(crate) words: Vec<String>,
    command: Command,
    matches: ArgMatches,
}

static GIVEN: OnceLock<Given> = OnceLock::new();

/// That of this process.
pub(crate) fn given() -> Option<&'static Given> {
    GIVEN.get()
}

/// Parses the command line of this process, and keeps it.
pub(crate) fn parse() -> Result<crate::Cli, clap::Error> {
    let (given, cli) = Given::parse(std::env::args_os())?;
    let _ = GIVEN.set(given);
    Ok(cli)
}

/// A command whose options take negative numbers, for their own checks to refuse them in words that
/// tell more than that there is no option `-3`.
pub(crate) fn told_of_numbers(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let is_path = arg.get_value_parser().type_id() == ValueParser::path_buf().type_id();
            let is_set = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            let takes = is_set && !is_path && !arg.is_positional();
            if takes {
                arg.allow_negative_numbers(true)
            } else {
                arg
            }
        })
        .mut_subcommands(told_of_numbers)
}

impl Given {
    /// Parses a command line, the program's name in front.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<(Self, crate::Cli), clap::Error> {
        let words: Vec<OsString> = words.collect();
        let mut command = told_of_numbers(crate::Cli::command());
        let matches = command.try_get_matches_from_mut(&words)?;
        let cli = crate::Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?;
        // So that subcommands know the options that all have.
        command.build();
        let words = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Ok((Self { words, command, matches }, cli))
    }

    /// The names of the command and of what is below it, with its definition and values.
    fn leaf(&self) -> (Vec<&str>, &Command, &ArgMatches) {
        let (mut names, mut command, mut matches) = (Vec::new(), &self.command, &self.matches);
        while let Some((name, below)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            names.push(name);
            (command, matches) = (found, below);
        }
        (names, command, matches)
    }

    /// As in `stats` or `spectrum power`.
    pub(crate) fn name(&self) -> String {
        self.leaf().0.join(" ")
    }

    /// Whether the command has an option of this name.
    pub(crate) fn takes(&self, id: &str) -> bool {
        self.leaf().1.get_arguments().any(|arg| arg.get_id() == id)
    }

    /// All options with their values, and the names of those that nobody has typed.
    pub(crate) fn options(&self) -> (Map<String, Value>, Vec<String>) {
        let (_, command, matches) = self.leaf();
        let (mut all, mut defaults) = (Map::new(), Vec::new());
        for arg in command.get_arguments().filter(|arg| is_option(arg)) {
            let name = name(arg);
            let values: Vec<String> = occurrences(matches, arg).concat();
            let value = match (values.as_slice(), arg.get_action()) {
                ([], _) => Value::Null,
                ([one], ArgAction::SetTrue) => Value::Bool(one == "true"),
                ([one], _) => Value::from(one.as_str()),
                (several, _) => Value::from(several.to_vec()),
            };
            if matches.value_source(arg.get_id().as_str()) != Some(ValueSource::CommandLine) {
                defaults.push(name.clone());
            }
            all.insert(name, value);
        }
        (all, defaults)
    }

    /// The value of an option that was typed.
    pub(crate) fn typed(&self, id: &str) -> Option<String> {
        let (_, command, matches) = self.leaf();
        let arg = command.get_arguments().find(|arg| arg.get_id() == id)?;
        let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        is_typed.then(|| occurrences(matches, arg).concat().into_iter().next()).flatten()
    }

    /// All values of an option, however often it was given.
    fn values(&self, id: &str) -> Vec<String> {
        let (_, command, matches) = self.leaf();
        let arg = command.get_arguments().find(|arg| arg.get_id() == id);
        arg.map_or_else(Vec::new, |arg| occurrences(matches, arg).concat())
    }

    /// What may be a file among the options that name files to be read beside data sets: masks, regions
    /// and lists, without the variable or feature that stands behind some.
    pub(crate) fn files_beside(&self) -> Vec<PathBuf> {
        let all = ["mask", "region", "files"].iter().flat_map(|id| self.values(id));
        let heads = |text: String| {
            let head = text.rsplit_once(':').map(|(head, _)| PathBuf::from(head));
            std::iter::once(PathBuf::from(text)).chain(head)
        };
        all.flat_map(heads).collect()
    }

    /// Words that mean the same, each typed option with the value that `change` makes of it (`None`:
    /// it is left out).
    pub(crate) fn changed(&self, change: &dyn Fn(&str, &str) -> Option<String>) -> Vec<String> {
        let (names, command, matches) = self.leaf();
        let mut words: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut operands = Vec::new();
        for arg in command.get_arguments().filter(|arg| is_option(arg)) {
            let id = arg.get_id().as_str();
            if matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            for values in occurrences(matches, arg) {
                let values: Option<Vec<String>> = values.iter().map(|value| change(id, value)).collect();
                let Some(values) = values else { continue };
                match (arg.is_positional(), arg.get_action(), arg.get_value_delimiter()) {
                    (true, ..) => operands.extend(values),
                    (_, ArgAction::SetTrue, _) => words.push(format!("--{}", name(arg))),
                    (_, _, Some(delimiter)) => {
                        words.push(format!("--{}={}", name(arg), values.join(&delimiter.to_string())));
                    }
                    _ if values.len() == 1 => words.push(format!("--{}={}", name(arg), values[0])),
                    _ => words.extend(std::iter::once(format!("--{}", name(arg))).chain(values)),
                }
            }
        }
        if !operands.is_empty() {
            words.push("--".to_owned());
        }
        words.extend(operands);
        words
    }
}

fn is_option(arg: &Arg) -> bool {
    !matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    )
}

fn name(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().to_string(), str::to_owned)
}

/// The values of each time an option was given.
fn occurrences(matches: &ArgMatches, arg: &Arg) -> Vec<Vec<String>> {
    let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
    let found = matches.get_raw_occurrences(arg.get_id().as_str());
    found.into_iter().flatten().map(|values| values.map(text).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &str) -> Given {
        Given::parse(words.split(' ').map(OsString::from)).expect("words that are understood").0
    }

    #[test]
    fn options_are_spelled_out() {
        let given = given(
            "halocline -q stats a.nc b.nc --var sst --op mean,std --mask m.nc:x --mask n.nc:y -o out.nc",
        );
        assert_eq!(given.name(), "stats");
        let (all, defaults) = given.options();
        assert_eq!(all["op"], serde_json::json!(["mean", "std"]));
        assert_eq!(all["over"], "time");
        assert_eq!(all["quiet"], true);
        assert!(defaults.contains(&"over".to_owned()) && !defaults.contains(&"op".to_owned()));
        assert_eq!(given.typed("output").as_deref(), Some("out.nc"));
        let beside = given.files_beside();
        assert_eq!(beside, ["m.nc:x", "m.nc", "n.nc:y", "n.nc"].map(PathBuf::from));
    }

    #[test]
    fn changed_words_mean_the_same() {
        let given = given("halocline stats a.nc b.nc --var sst --op mean,std --mask m.nc:x --mask n.nc:y -o out.nc --threads 3");
        let words = given.changed(&|id, value| match id {
            "output" => Some("other.nc".to_owned()),
            "threads" => None,
            _ => Some(value.to_owned()),
        });
        let all: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(all.contains(&"--op=mean,std") && all.contains(&"--mask=n.nc:y"), "{words:?}");
        assert!(!all.iter().any(|word| word.starts_with("--threads")));
        assert!(all.contains(&"--output=other.nc") && all.ends_with(&["--", "a.nc", "b.nc"]));
        let again = std::iter::once("halocline".to_owned()).chain(words.clone());
        let again = Given::parse(again.map(OsString::from)).expect("understood").0;
        assert_eq!(again.options().0["mask"], given.options().0["mask"]);
    }
}
