//! One step as a command: its words, what it reads and makes.

use super::commands::{Args, Kind};
use super::document::{Document, Entry, Item, Section};
use super::graph::Resolver;
use super::inputs::Input;
use super::outputs::{self, Maker};
use super::steps::{blame, Reads, Step};
use super::words::{self, keys, text, texts, OF_FILES, OF_SELECTIONS};
use halocline_core::{Error, Result};
use std::path::Path;

impl Resolver<'_> {
    /// A step that runs a command on this input.
    pub(super) fn command(&mut self, index: usize, input: &Input) -> Result<Step> {
        let (document, section) = (self.document, self.section(index));
        let (kind, label) = (self.kind(index), self.label(index));
        let mut needs: Vec<usize> = input.needs.into_iter().collect();
        let mut reads = Reads::default();
        let mut entries = of_input(document, kind, section, input)?;
        let made = self.maker(index, &label).files()?;
        entries.extend(outputs::entries(&made));
        for entry in &section.entries {
            match entry.key.as_str() {
                "name" | "do" | "from" | "var" | "output" => {}
                "anomaly" if kind == Kind::Climatology => {}
                key if OF_FILES.contains(&key) || OF_SELECTIONS.contains(&key) => {}
                "with" => entries.push(self.with_entry(entry, input, &mut needs, &mut reads)?),
                "save-weights" | "state" => entries.push(self.elsewhere(entry)?),
                "patterns" => entries.push(self.patterns_entry(entry, &mut needs, &mut reads)?),
                _ => entries.push(entry.clone()),
            }
        }
        read_files(document, input, &mut reads)?;
        check_required(document, kind, section, &entries)?;
        let mut words = self.of_surroundings(kind, &entries);
        words.extend(words::words(document, kind, &entries)?);
        let keys: Vec<(String, usize)> = entries.iter().map(|e| (e.key.clone(), e.line)).collect();
        // All of it is the pipeline's fault, whatever file is spoken of.
        let blame = |mut e: Error| {
            let file = e.file.take();
            let spoken_of = made.iter().find(|m| file.as_deref() == m.path.to_str());
            e.message = file.map_or_else(|| e.message.clone(), |file| format!("{file}: {}", e.message));
            blame(&document.file, spoken_of.map_or(section.line, |m| m.line), &label, &keys, e)
        };
        let args = Args::parse(kind, &words).map_err(|e| {
            let help = format!("see `halocline {} --help`", kind.command_name());
            blame(crate::usage(&e).remedy(help))
        })?;
        let args = args.ok_or_else(|| Error::internal("a selection became a command"))?;
        args.check().map_err(blame)?;
        needs.sort_unstable();
        needs.dedup();
        let source = match input.needs {
            None => Some(words::words(document, Kind::Select, &input.entries())?),
            Some(_) => None,
        };
        Ok(Step { label, line: section.line, args, needs, made, reads, source, keys })
    }

    fn maker<'s>(&'s self, index: usize, label: &'s str) -> Maker<'s> {
        let section = self.section(index);
        let name = section.get("name").and_then(|e| e.value.scalar()).map(str::to_owned);
        Maker {
            document: self.document,
            section,
            kind: self.kind(index),
            label,
            // No name that a user gives has a dot.
            name: name.unwrap_or_else(|| format!("step.{}", index + 1)),
            wanted: self.wanted(index),
            scratch: &self.scratch,
            into: self.around.into,
        }
    }

    /// A file that a step writes beside its output, where files that stay go.
    fn elsewhere(&self, entry: &Entry) -> Result<Entry> {
        let Some(folder) = self.around.into else { return Ok(entry.clone()) };
        let path = super::redirected(folder, Path::new(text(self.document, entry)?));
        Ok(Entry { value: Item::Text(path.to_string_lossy().into_owned()), ..entry.clone() })
    }

    /// Options that the whole pipeline has, where the command takes them.
    fn of_surroundings(&self, kind: Kind, entries: &[Entry]) -> Vec<String> {
        let command = kind.command();
        let takes = |key: &str| command.get_arguments().any(|arg| arg.get_long() == Some(key));
        let given = |key: &str| entries.iter().any(|e| e.key == key);
        let scratch = self.around.scratch.map(|directory| directory.display().to_string());
        [("memory", self.around.memory.map(str::to_owned)), ("scratch", scratch)]
            .into_iter()
            .filter(|(key, _)| takes(key) && !given(key))
            .filter_map(|(key, value)| Some(format!("--{key}={}", value?)))
            .collect()
    }

    /// `with` as the command takes it.
    fn with_entry(
        &mut self,
        entry: &Entry,
        own: &Input,
        needs: &mut Vec<usize>,
        reads: &mut Reads,
    ) -> Result<Entry> {
        let document = self.document;
        let written = text(document, entry)?;
        let Some((reference, var)) = self.names.with(written) else {
            reads.others.push((written.to_owned(), entry.line));
            reads.needed.push((written.to_owned(), entry.line));
            return Ok(entry.clone());
        };
        let input = self.referred(reference, entry.line)?;
        let refuse = |what: &str, remedy: &str| {
            Err(document.refuse(entry.line, format!("`{written}` {what}")).remedy(remedy))
        };
        let Some(file) = input.file() else {
            return refuse(
                "is of several files, and `with` takes one path or pattern",
                "write a pattern such as 'tas_*.nc' into the source",
            );
        };
        let (theirs, ours) = (input.selected(), own.selected());
        if !theirs.is_empty() && theirs != ours {
            return refuse(
                "selects otherwise than the step, and what `with` names is selected as the step is",
                "make what is wanted of it in a step of its own, or select the same of both",
            );
        }
        let of_input = input.var.as_ref().map(|e| texts(document, e)).transpose()?.unwrap_or_default();
        let var = match (var, of_input.as_slice()) {
            (Some(var), _) => var,
            (None, [one]) if !one.contains(',') => one,
            _ => return refuse("does not say which variable is meant", "write `with = \"NAME:VARIABLE\"`"),
        };
        needs.extend(input.needs);
        read_files(document, &input, reads)?;
        Ok(Entry { value: Item::Text(format!("{file}:{var}")), ..entry.clone() })
    }

    /// `patterns` as the command takes it: the file of a source or step, with a variable behind it
    /// where one is named.
    fn patterns_entry(&mut self, entry: &Entry, needs: &mut Vec<usize>, reads: &mut Reads) -> Result<Entry> {
        let document = self.document;
        let written = text(document, entry)?;
        let Some((reference, var)) = self.names.with(written) else {
            reads.others.push((written.to_owned(), entry.line));
            reads.needed.push((written.to_owned(), entry.line));
            return Ok(entry.clone());
        };
        let input = self.referred(reference, entry.line)?;
        let Some(file) = input.file() else {
            let what = format!("`{written}` is of several files, and `patterns` takes one");
            return Err(document.refuse(entry.line, what));
        };
        if !input.selected().is_empty() {
            let what = format!("`{written}` selects, and patterns are taken as they are in their file");
            return Err(document.refuse(entry.line, what).remedy("name a source without a selection"));
        }
        needs.extend(input.needs);
        read_files(document, &input, reads)?;
        let value = var.map_or_else(|| file.to_owned(), |var| format!("{file}:{var}"));
        Ok(Entry { value: Item::Text(value), ..entry.clone() })
    }
}

/// The keys of the input that a command takes.
fn of_input(document: &Document, kind: Kind, section: &Section, input: &Input) -> Result<Vec<Entry>> {
    let known = keys(kind, true);
    let knows = |entry: &&Entry| known.contains(&entry.key);
    let line = section.get("from").map_or(section.line, |e| e.line);
    if let Some(entry) = input.selection.iter().chain(input.of_files("ensemble")).find(|e| !knows(e)) {
        let (name, key) = (kind.name(), &entry.key);
        return Err(document
            .refuse(line, format!("`{name}` takes no `{key}`, which line {} says", entry.line))
            .remedy("read from a source or step without it"));
    }
    if matches!(kind, Kind::Plot | Kind::Reconstruct) && input.file().is_none() {
        let what = if kind == Kind::Plot { "a plot" } else { "a reconstruction" };
        return Err(document.refuse(line, format!("{what} is of one file")));
    }
    // How files are read changes no result: who takes no such option does without.
    let files = input.files.iter().filter(knows);
    Ok(files.chain(&input.selection).chain(&input.var).cloned().collect())
}

/// Notes which files an input names; those of steps are known.
fn read_files(document: &Document, input: &Input, reads: &mut Reads) -> Result<()> {
    for entry in input.files.iter().filter(|_| input.needs.is_none()) {
        let list = match entry.key.as_str() {
            "files" => &mut reads.files,
            "file-list" => &mut reads.lists,
            _ => continue,
        };
        list.extend(texts(document, entry)?.into_iter().map(|file| (file, entry.line)));
    }
    for entry in input.selection.iter().filter(|e| e.key == "mask" || e.key == "region") {
        for text in texts(document, entry)? {
            // Else it is the name of a region.
            if entry.key == "mask" || text.contains(".geojson") || text.contains(".json") {
                reads.needed.push((text.clone(), entry.line));
            }
            reads.others.push((text, entry.line));
        }
    }
    Ok(())
}

/// Refuses a step that lacks what its command can't do without.
fn check_required(document: &Document, kind: Kind, section: &Section, entries: &[Entry]) -> Result<()> {
    let command = kind.command();
    let mut required =
        command.get_arguments().filter(|a| a.is_required_set()).filter_map(clap::Arg::get_long);
    match required.find(|key| !entries.iter().any(|e| e.key == *key)) {
        None => Ok(()),
        Some(key) => Err(document
            .refuse(section.line, format!("`{}` needs `{key}`", kind.name()))
            .remedy(format!("add `{key} = …`; see `halocline {} --help`", kind.command_name()))),
    }
}
