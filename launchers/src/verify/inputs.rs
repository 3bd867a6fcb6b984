//! Whether inputs are still what they were, and where they are now.

use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::inputs::{facts, Checksum, Facts};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An input as the record has it.
#[derive(Debug)]
struct Input {
    path: String,
    facts: Facts,
}

/// Directories that inputs have moved from and to.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Moves(Vec<(String, String)>);

impl Moves {
    fn add(&mut self, from: &str, to: &Path) {
        let pair = (from.to_owned(), to.to_string_lossy().into_owned());
        if !self.0.contains(&pair) {
            self.0.push(pair);
            // The longest first: one directory may lie in another.
            self.0.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        }
    }
    /// A word of a command with the directory that its file is in now.
    pub(super) fn applied(&self, word: &str) -> String {
        let found = self.0.iter().find_map(|(from, to)| Some((word.strip_prefix(from.as_str())?, to)));
        found.map_or_else(|| word.to_owned(), |(rest, to)| format!("{to}/{rest}"))
    }
    /// A pipeline with them in its texts.
    pub(super) fn in_pipeline(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.0 {
            for quote in ['"', '\''] {
                text = text.replace(&format!("{quote}{from}"), &format!("{quote}{to}/"));
            }
        }
        text
    }
}

/// What came of the check.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// How many files there are.
    pub(super) files: usize,
    /// What has changed, a line each.
    pub(super) changed: Vec<String>,
    /// Files that were touched but are the same as far as is known.
    pub(super) touched: usize,
    /// Of what checksums were.
    pub(super) checksum: Checksum,
    pub(super) moves: Moves,
}

/// Looks at the inputs of a record; relative paths are those of the present directory.
///
/// # Errors
/// Data, if an input is not there or the record is damaged; system, if one can't be read.
///
/// # Collective
/// Every rank calls this with the same arguments.
pub(super) fn check(comm: &Comm, record: &Value, root: Option<&Path>, file: &Path) -> Result<Checked> {
    let inputs = listed(record).ok_or_else(|| {
        Error::data("can't be verified: its record does not say what it was made of").in_file(file)
    })?;
    let checksum = record["checksums"]["of"].as_str().and_then(Checksum::of).unwrap_or(Checksum::None);
    let (mut moves, mut places) = (Moves::default(), Vec::new());
    for input in &inputs {
        places.push(find(&input.path, root, &mut moves)?);
    }
    let found = facts(comm, &places, checksum)?;
    let mut checked = Checked { files: inputs.len(), checksum, moves, ..Checked::default() };
    for (input, now) in inputs.iter().zip(&found) {
        let then = &input.facts;
        let name = &input.path;
        if then.bytes != now.bytes {
            let bytes = |facts: &Facts| facts.bytes.map_or_else(|| "no".to_owned(), |n| n.to_string());
            checked.changed.push(format!("{name}: had {} bytes, has {}", bytes(then), bytes(now)));
        } else if then.checksum.is_some() && then.checksum != now.checksum {
            checked.changed.push(format!("{name}: has another checksum"));
        } else if then.changed != now.changed {
            checked.touched += 1;
        }
    }
    // Rank 0 has the facts; all are to go on in the same way.
    checked.changed = comm.on_root(|| Ok(checked.changed.clone()))?;
    Ok(checked)
}

/// Files that `made` was made of and the record of before does not have: patterns match more now.
/// The output itself, `file`, was opened to be verified.
pub(super) fn newcomers(before: &Value, made: &Value, moves: &Moves, file: &Path) -> Vec<String> {
    let known: Vec<String> =
        listed(before).unwrap_or_default().iter().map(|input| moves.applied(&input.path)).collect();
    let mut now = made.clone();
    if let Some(sets) = now["prov:used"].as_array_mut() {
        let is_file = |one: &Value| one["path"].as_str().map(Path::new) == Some(file);
        sets.retain(|set| !matches!(set["files"].as_array().map(Vec::as_slice), Some([one]) if is_file(one)));
    }
    let now = listed(&now).unwrap_or_default().into_iter().map(|input| input.path);
    now.filter(|path| !known.contains(path)).collect()
}

fn listed(record: &Value) -> Option<Vec<Input>> {
    let mut all: Vec<Input> = Vec::new();
    for set in record["prov:used"].as_array()? {
        for file in set["files"].as_array()? {
            let text = |key: &str| file[key].as_str().map(str::to_owned);
            let path = text("path")?;
            if all.iter().all(|other| other.path != path) {
                let facts = Facts {
                    bytes: file["bytes"].as_u64(),
                    changed: text("changed"),
                    checksum: text("checksum"),
                };
                all.push(Input { path, facts });
            }
        }
    }
    Some(all)
}

/// Where an input is: where it was, or beneath `root` (the present directory then), in its
/// directory there or without it.
fn find(path: &str, root: Option<&Path>, moves: &mut Moves) -> Result<String> {
    let at = Path::new(path);
    if at.exists() {
        return Ok(path.to_owned());
    }
    if let (Some(root), Some(name)) = (root, at.file_name()) {
        let beneath = root.join(at.strip_prefix("/").unwrap_or(at));
        for there in [beneath, root.join(name)] {
            let folder: PathBuf = there.parent().map_or_else(PathBuf::new, Path::to_owned);
            if there.exists() {
                if let Some(from) = path.strip_suffix(&*name.to_string_lossy()) {
                    moves.add(from, &folder);
                }
                return Ok(there.to_string_lossy().into_owned());
            }
        }
    }
    let remedy = match root {
        None => "say with --input-root where inputs are now".to_owned(),
        Some(root) => format!("it is not beneath {} either", root.display()),
    };
    Err(Error::data("an input is not there any more").in_file(path).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_their_files() {
        let mut moves = Moves::default();
        moves.add("/old/", Path::new("/new"));
        moves.add("/old/deep/", Path::new("/other"));
        assert_eq!(moves.applied("/old/a_*.nc"), "/new/a_*.nc");
        assert_eq!(moves.applied("/old/deep/m.nc:mask"), "/other/m.nc:mask");
        assert_eq!(moves.applied("sst"), "sst");
        assert_eq!(
            moves.in_pipeline("files = ['/old/a.nc', \"/old/deep/b.nc\"]"),
            "files = ['/new/a.nc', \"/other/b.nc\"]"
        );
    }
}
