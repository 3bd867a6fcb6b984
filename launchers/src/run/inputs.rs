//! Where the data of a step come from: sources, selections of them, files of other steps.

use super::commands;
use super::document::{Document, Entry, Item, Section};
use super::words::{self, OF_FILES, OF_SELECTIONS};
use halocline_core::Result;

/// Files, variables and selections, as keys that a command takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    pub(super) files: Vec<Entry>,
    pub(super) var: Option<Entry>,
    pub(super) selection: Vec<Entry>,
    /// The step whose file it is.
    pub(super) needs: Option<usize>,
}

impl Input {
    /// The input that a section describes without naming another.
    pub(super) fn own(document: &Document, section: &Section) -> Result<Self> {
        let of = |keys: &[&str]| -> Vec<Entry> {
            section.entries.iter().filter(|e| keys.contains(&e.key.as_str())).cloned().collect()
        };
        let input = Self {
            files: of(&OF_FILES),
            var: section.get("var").cloned(),
            selection: of(&OF_SELECTIONS),
            needs: None,
        };
        input.check_selection(document)?;
        Ok(input)
    }

    /// This input with what `section` selects of it.
    pub(super) fn select(mut self, document: &Document, section: &Section) -> Result<Self> {
        let more = Self::own(document, section)?;
        if let Some(entry) = more.files.first() {
            return Err(document
                .refuse(entry.line, format!("`{}` and `from` both say where data come from", entry.key))
                .remedy("write it into the source, or leave `from` out"));
        }
        self.var = more.var.or(self.var);
        for entry in more.selection {
            let before = self.selection.iter().position(|e| e.key == entry.key);
            match (entry.key.as_str(), before) {
                // How ranks divide the work is no selection.
                ("decomposition", Some(before)) => self.selection[before] = entry,
                // Masks add up.
                (key, Some(before)) if key != "mask" => {
                    let line = self.selection[before].line;
                    return Err(document
                        .refuse(entry.line, format!("`{key}` is selected on line {line} already"))
                        .remedy("select it once, or write another source"));
                }
                _ => self.selection.push(entry),
            }
        }
        Ok(self)
    }

    /// The file of a step.
    pub(super) fn of_step(
        step: usize,
        file: String,
        line: usize,
        var: Option<Entry>,
        io: Option<Entry>,
    ) -> Self {
        let entry = |key: &str, value| Entry { key: key.to_owned(), line, value };
        let files = [entry("files", Item::Text(file)), entry("no-cache", Item::Flag(true))];
        Self { files: files.into_iter().chain(io).collect(), var, selection: Vec::new(), needs: Some(step) }
    }

    /// The only file, if it is one.
    pub(super) fn file(&self) -> Option<&str> {
        let mut files = self.files.iter().filter(|e| e.key.starts_with("file"));
        let (Some(entry), None) = (files.next().filter(|e| e.key == "files"), files.next()) else {
            return None;
        };
        match &entry.value {
            Item::List(items) => items.first().filter(|_| items.len() == 1)?.scalar(),
            item => item.scalar(),
        }
    }

    /// All keys.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.files.iter().chain(&self.selection).chain(&self.var).cloned().collect()
    }

    /// Whether it says which files.
    pub(super) fn names_files(&self) -> bool {
        self.of_files("files").or(self.of_files("file-list")).is_some()
    }

    /// What a result depends on, beside files and variables.
    pub(super) fn selected(&self) -> Vec<(&str, &Item)> {
        let of_results = self.selection.iter().filter(|e| e.key != "decomposition");
        of_results.chain(self.of_files("ensemble")).map(|e| (e.key.as_str(), &e.value)).collect()
    }

    /// How a key of the files is set.
    pub(super) fn of_files(&self, key: &str) -> Option<&Entry> {
        self.files.iter().find(|e| e.key == key)
    }

    /// Refuses a selection that says nothing, on its own line.
    fn check_selection(&self, document: &Document) -> Result<()> {
        words::words(document, commands::Kind::Select, &self.entries())?;
        for entry in self.selection.iter().chain(self.of_files("io")) {
            let words = words::words(document, commands::Kind::Select, std::slice::from_ref(entry))?;
            let words: Vec<String> = words.into_iter().filter(|w| w != "--").collect();
            commands::check_selection(&words).map_err(|e| match e.file {
                None => e.in_file(document.at(entry.line)),
                Some(_) => {
                    super::steps::blame(&document.file, entry.line, &format!("`{}`", entry.key), &[], e)
                }
            })?;
        }
        Ok(())
    }
}
