//! Where the results of a step go: to files that stay, or to scratch for those who read them.

use super::commands::Kind;
use super::document::{Document, Entry, Item, Section};
use super::steps::Made;
use super::words::text;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// A step whose files are asked for.
pub(super) struct Maker<'a> {
    pub(super) document: &'a Document,
    pub(super) section: &'a Section,
    pub(super) kind: Kind,
    /// How errors call it.
    pub(super) label: &'a str,
    /// What its files in scratch are called.
    pub(super) name: String,
    /// Whether others read its output, its anomalies.
    pub(super) wanted: [bool; 2],
    /// How the paths of files that do not stay begin.
    pub(super) scratch: &'a str,
    /// The directory of files that stay, instead of their own.
    pub(super) into: Option<&'a Path>,
}

impl Maker<'_> {
    /// The output and, behind it, the anomalies if there are any.
    ///
    /// # Errors
    /// Usage, if nothing comes of the step.
    pub(super) fn files(&self) -> Result<Vec<Made>> {
        let output = self.section.get("output").map(|entry| self.stays(entry)).transpose()?;
        let [wanted, wanted_anomaly] = self.wanted;
        if self.kind == Kind::Anomaly {
            let kept = wanted_anomaly.then(|| self.kept(".nc", self.section.line));
            let anomaly = output.or(kept).ok_or_else(|| self.nothing_comes())?;
            return Ok(vec![self.kept(".climatology.nc", self.section.line), anomaly]);
        }
        // Others have an option of that name which is no file.
        let anomaly = match self.section.get("anomaly").filter(|_| self.kind == Kind::Climatology) {
            None | Some(Entry { value: Item::Flag(false), .. }) => None,
            Some(Entry { value: Item::Flag(true), line, .. }) if wanted_anomaly => {
                Some(self.kept(".anomaly.nc", *line))
            }
            Some(Entry { value: Item::Flag(true), line, .. }) => {
                return Err(self
                    .document
                    .refuse(*line, format!("no step reads the anomalies of {}", self.label))
                    .remedy("name a file for them"))
            }
            Some(entry) => Some(self.stays(entry)?),
        };
        let is_kept = self.kind != Kind::Plot && (wanted || anomaly.is_some());
        let kept = is_kept.then(|| self.kept(".nc", self.section.line));
        let main = output.or(kept).ok_or_else(|| self.nothing_comes())?;
        Ok(std::iter::once(main).chain(anomaly).collect())
    }

    fn kept(&self, ending: &str, line: usize) -> Made {
        Made { path: PathBuf::from(format!("{}{}{ending}", self.scratch, self.name)), line, stays: false }
    }

    fn stays(&self, entry: &Entry) -> Result<Made> {
        let path = PathBuf::from(text(self.document, entry)?);
        let path = self.into.map_or_else(|| path.clone(), |folder| super::redirected(folder, &path));
        Ok(Made { path, line: entry.line, stays: true })
    }

    fn nothing_comes(&self) -> Error {
        let what = match self.kind {
            Kind::Plot => format!("{} has no `output`", self.label),
            _ => format!("{} has no `output`, and no step reads from it", self.label),
        };
        self.document.refuse(self.section.line, what).remedy("add `output = \"FILE\"`")
    }
}

/// The keys that say where the files go.
pub(super) fn entries(made: &[Made]) -> impl Iterator<Item = Entry> + '_ {
    ["output", "anomaly"].into_iter().zip(made).map(|(key, made)| Entry {
        key: key.to_owned(),
        line: made.line,
        value: Item::Text(made.path.to_string_lossy().into_owned()),
    })
}
