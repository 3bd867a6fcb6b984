//! From a record to a command that may be run again: it reads what it read, and writes nowhere but
//! where it is told. Anybody may have written the record.

use super::inputs::Moves;
use crate::provenance::arguments::Given;
use halocline_core::{Error, Result};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Commands that make no results of data.
const NEVER: [&str; 4] = ["plot", "submit", "report", "verify"];

/// Options of a command that name files which are written. Elsewhere `anomaly` is a choice.
fn outputs(name: &str) -> &'static [&'static str] {
    match name {
        "climatology" => &["output", "anomaly"],
        _ => &["output"],
    }
}

/// Options that say how a command is run, on which its results do not depend, and files that it
/// writes on its way.
pub(crate) const LEFT_OUT: [&str; 16] = [
    "mpi",
    "thread_ranks",
    "threads",
    "memory",
    "decomposition",
    "quiet",
    "verbose",
    "log_json",
    "status",
    "checksum",
    "checkpoint",
    "checkpoint_every",
    "resume",
    "time_limit",
    "scratch",
    "no_cache",
];

/// A command that can be run again.
#[derive(Debug)]
pub(super) struct Recipe {
    given: Given,
    /// The output that the record is of, as it was named.
    output: String,
    /// The text of the pipeline, if it is one.
    pub(super) pipeline: Option<String>,
}

impl Recipe {
    /// That of a record.
    ///
    /// # Errors
    /// Data, if the record is damaged or asks for what is not run again.
    pub(super) fn of(record: &Value, file: &Path) -> Result<Self> {
        let bad = |what: String| Error::data(format!("can't be verified: {what}")).in_file(file);
        let activity = &record["prov:wasGeneratedBy"];
        let words: Option<Vec<&str>> =
            activity["arguments"].as_array().and_then(|all| all.iter().map(Value::as_str).collect());
        let (Some(words), Some(output)) = (words, record["output"].as_str()) else {
            return Err(bad("its record is incomplete".to_owned()));
        };
        let words = std::iter::once("halocline").chain(words).map(OsString::from);
        let (given, _) = Given::parse(words)
            .map_err(|e| bad(format!("its command is not understood: {}", crate::usage(&e).message)))?;
        let name = given.name();
        let writes = given.takes("output");
        if NEVER.contains(&name.as_str()) || !(writes || name == "run") {
            return Err(bad(format!("`{name}` is not run again, as it makes no results of data")));
        }
        if given.typed("update").is_some() {
            return Err(bad(
                "it was made from the state of earlier records and later ones (--update); that \
                            state was replaced by the one of all records, so nobody has it any more"
                    .to_owned(),
            ));
        }
        let pipeline = activity["pipeline"]["text"].as_str().map(str::to_owned);
        if (name == "run") != pipeline.is_some() {
            return Err(bad("its record has not the pipeline that it speaks of".to_owned()));
        }
        let is_named = || outputs(&name).iter().any(|id| given.typed(id).as_deref() == Some(output));
        if pipeline.is_none() && !is_named() {
            return Err(bad("its command makes another file".to_owned()));
        }
        Ok(Self { given, output: output.to_owned(), pipeline })
    }

    /// Where the output is when outputs go to `folder`.
    pub(super) fn result(&self, folder: &Path) -> PathBuf {
        if self.pipeline.is_some() {
            return crate::run::redirected(folder, Path::new(&self.output));
        }
        let is_it = |id: &&&str| self.given.typed(id).as_deref() == Some(self.output.as_str());
        place(folder, outputs(&self.given.name()).iter().find(is_it).unwrap_or(&"output"))
    }

    /// The command with inputs where they are now and outputs in `folder`.
    pub(super) fn words(&self, folder: &Path, moves: &Moves, verbose: bool) -> Vec<String> {
        let loud = if verbose { "--verbose" } else { "--quiet" };
        let mut words = vec!["halocline".to_owned()];
        if self.pipeline.is_some() {
            let text = |path: &Path| path.to_string_lossy().into_owned();
            words.extend(["run".to_owned(), loud.to_owned(), text(&folder.join("pipeline.toml"))]);
            words.extend([format!("--into={}", text(folder)), format!("--scratch={}", text(folder))]);
            return words;
        }
        let outputs = outputs(&self.given.name());
        words.extend(self.given.changed(&|id, value| {
            if outputs.contains(&id) {
                return Some(place(folder, id).to_string_lossy().into_owned());
            }
            if id == "state" {
                return Some(folder.join("records.hcs").to_string_lossy().into_owned());
            }
            let is_left_out = LEFT_OUT.contains(&id) || id.starts_with("save");
            (!is_left_out).then(|| moves.applied(value))
        }));
        // Behind the names of the command.
        let at = 1 + self.given.name().split(' ').count();
        words.insert(at, loud.to_owned());
        words
    }
}

fn place(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.nc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recipe(words: &str, output: &str) -> Result<Recipe> {
        let words: Vec<&str> = words.split(' ').collect();
        Recipe::of(
            &json!({ "output": output, "prov:wasGeneratedBy": { "arguments": words } }),
            Path::new("f.nc"),
        )
    }

    #[test]
    fn a_command_reads_the_same_and_writes_elsewhere() {
        let recipe = recipe(
            "stats a.nc --var x --op mean -o out.nc --threads 4 --checkpoint c --log-json l --memory 1GB",
            "out.nc",
        )
        .unwrap();
        let words = recipe.words(Path::new("/s"), &Moves::default(), false);
        assert_eq!(words[..3], ["halocline", "stats", "--quiet"]);
        for gone in ["--threads", "--checkpoint", "--log-json", "--memory", "out.nc"] {
            assert!(!words.iter().any(|word| word.starts_with(gone)), "{words:?}");
        }
        assert!(words.contains(&"--output=/s/output.nc".to_owned()), "{words:?}");
        assert_eq!(recipe.result(Path::new("/s")), Path::new("/s/output.nc"));
    }

    #[test]
    fn what_is_dangerous_is_refused() {
        for (words, output) in [
            ("submit --scheduler slurm -- stats a.nc -o o.nc", "o.nc"),
            ("plot a.nc --var x -o o.png", "o.png"),
            ("man --dir d", "d"),
            ("info a.nc", "o.nc"),
            ("verify o.nc", "o.nc"),
            ("run p.toml", "o.nc"),
            ("stats a.nc --var x --op mean -o other.nc", "o.nc"),
            ("nonsense", "o.nc"),
        ] {
            let error = recipe(words, output).expect_err(words);
            assert_eq!(error.exit_code(), 3, "{words}: {error}");
        }
        assert!(Recipe::of(&json!({}), Path::new("f.nc")).is_err());
    }
}
