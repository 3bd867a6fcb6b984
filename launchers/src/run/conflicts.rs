//! Refuses pipelines whose files would get into each other's way, before anything is read.

use super::steps::{Made, Pipeline, Step};
use crate::common::check_output;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// A file that is made, and where that is.
struct Target<'a> {
    step: &'a Step,
    made: &'a Made,
    place: Place,
}

/// An entry of a directory, and where it leads, which need not be there: two paths may meet in
/// either.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    entry: PathBuf,
    end: PathBuf,
    exists: bool,
}

impl Place {
    fn of(path: &Path) -> Self {
        /// Links in a row, as the system allows.
        const LINKS: usize = 40;
        let entry = settled(path);
        let found = path.canonicalize().ok();
        let exists = found.is_some();
        let mut end = found.unwrap_or_else(|| entry.clone());
        // A link to what is not there yet leads to it once it is.
        for _ in 0..LINKS {
            let Ok(next) = std::fs::read_link(&end) else { break };
            end = settled(&end.parent().unwrap_or(&end).join(next));
        }
        Self { entry, end, exists }
    }
    fn is(&self, other: &Self) -> bool {
        self.entry == other.entry || self.end == other.end
    }
}

/// Looks at all files that are read and written; one rank does.
///
/// # Errors
/// Usage, if a file is written twice, or read by its name beside being written; system, if it has
/// no directory; data, if a list of files can't be read.
pub(super) fn check(pipeline: &Pipeline) -> Result<()> {
    let made = pipeline.steps.iter().flat_map(|step| step.made.iter().map(move |made| (step, made)));
    let targets: Vec<Target<'_>> =
        made.map(|(step, made)| Target { step, made, place: Place::of(&made.path) }).collect();
    let at = |line: usize| format!("{}:{line}", pipeline.file);
    for Target { step, made, .. } in &targets {
        check_output(&Comm::serial(), &made.path, &[]).map_err(|e| pipeline.blame(step, e))?;
        if made.path.file_name().is_some_and(|name| name.len() > 255) {
            let refused = Error::system("the name of the file is too long").in_file(&made.path);
            return Err(pipeline.blame(step, refused));
        }
        if std::fs::metadata(&made.path).is_ok_and(|about| !about.is_file()) {
            let refused = Error::system("is not a regular file").in_file(&made.path);
            return Err(pipeline.blame(step, refused));
        }
    }
    let itself = Place::of(Path::new(&pipeline.file));
    let stay: Vec<&Target<'_>> = targets.iter().filter(|target| target.made.stays).collect();
    for (index, Target { step, made, place }) in stay.iter().enumerate() {
        let refuse =
            |what: String| Err(Error::usage(what).in_file(at(made.line)).remedy("name another file"));
        if place.is(&itself) {
            return refuse(format!("{} would replace the pipeline itself", step.label));
        }
        if let Some(first) = stay[..index].iter().find(|other| other.place.is(place)) {
            let (one, two) = (&first.step.label, &step.label);
            let (path, lines) = (made.path.display(), (first.made.line, made.line));
            return refuse(format!(
                "{one} and {two} would both write {path} (lines {} and {})",
                lines.0, lines.1
            ));
        }
    }
    for step in &pipeline.steps {
        for (text, line) in all_reads(step).map_err(|e| pipeline.blame(step, e))? {
            let read = Read::of(&text);
            if let Some(target) = stay.iter().find(|target| read.meets(&target.place)) {
                return Err(both(step, target).in_file(at(line)));
            }
        }
    }
    pipeline.steps.iter().try_for_each(|step| are_there(step).map_err(|e| pipeline.blame(step, e)))
}

/// Refuses files that are not there, also those of steps that run late.
fn are_there(step: &Step) -> Result<()> {
    let is_there =
        |text: &str| Path::new(text).exists() || glob::glob(text).is_ok_and(|mut all| all.next().is_some());
    let absent = |text: &str| Err(Error::data("no such file").in_file(text));
    if let Some((text, _)) = step.reads.files.iter().find(|(text, _)| !is_there(text)) {
        return absent(text);
    }
    // A variable or a feature stands behind most.
    let head = |text: &str| text.rsplit_once(':').map(|(head, _)| head.to_owned());
    for (text, _) in &step.reads.needed {
        match head(text) {
            _ if is_there(text) => {}
            Some(head) if is_there(&head) => {}
            Some(head) => return absent(&head),
            None => return absent(text).map_err(|e| e.remedy("name a file, or a source or step")),
        }
    }
    Ok(())
}

/// What is wrong if a step names, as its input, a file that is made.
fn both(step: &Step, Target { step: maker, made, .. }: &Target<'_>) -> Error {
    let path = made.path.display();
    if std::ptr::eq(*maker, step) {
        let what = format!("{} would replace {path}, which it reads", step.label);
        return Error::usage(what).remedy("name another file");
    }
    let what = format!("{path} is read here and written by {} (line {})", maker.label, made.line);
    Error::usage(what).remedy(match maker.label.split('`').nth(1) {
        Some(name) => format!("say that with `from = \"{name}\"`, or name another file"),
        None => "give that step a name to read from, or name another file".to_owned(),
    })
}

/// All words of a step that name files, those on lists included.
fn all_reads(step: &Step) -> Result<Vec<(String, usize)>> {
    let reads = &step.reads;
    let mut all = reads.files.clone();
    for (text, line) in &reads.others {
        // A variable or a feature stands behind the file.
        all.push((text.clone(), *line));
        all.extend(text.rsplit_once(':').map(|(file, _)| (file.to_owned(), *line)));
    }
    for (list, line) in &reads.lists {
        let listed = crate::common::listed(Path::new(list))?;
        all.extend(listed.into_iter().map(|file| (file, *line)));
        all.push((list.clone(), *line));
    }
    Ok(all)
}

/// A path or pattern that is read.
struct Read {
    place: Place,
    pattern: Option<glob::Pattern>,
    /// What it matches now.
    found: Vec<Place>,
}

impl Read {
    fn of(text: &str) -> Self {
        let place = Place::of(Path::new(text));
        let is_pattern = text.contains(['*', '?', '[']) && !place.exists;
        let pattern = glob::Pattern::new(&place.entry.to_string_lossy()).ok().filter(|_| is_pattern);
        let matches = glob::glob(text).ok().filter(|_| is_pattern).into_iter().flatten().flatten();
        Self { place, pattern, found: matches.map(|path| Place::of(&path)).collect() }
    }
    /// Whether it names this file, be that there or not.
    fn meets(&self, file: &Place) -> bool {
        let literal = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        self.place.is(file)
            || self.pattern.as_ref().is_some_and(|p| p.matches_path_with(&file.entry, literal))
            || self.found.iter().any(|path| path.is(file))
    }
}

/// The path from the root, links of its directory followed where that is there.
fn settled(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    match (parent.canonicalize(), path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_that_are_not_there_yet() {
        let folder = std::env::temp_dir();
        let at = |name: &str| folder.join(name);
        let text = |name: &str| at(name).to_string_lossy().into_owned();
        let names = |read: &str, file: &str| Read::of(&text(read)).meets(&Place::of(&at(file)));
        assert!(names("tos_*.nc", "tos_mean.nc") && names("a.nc", "./a.nc"));
        let link = at(&format!("halocline-link-{}.nc", std::process::id()));
        std::os::unix::fs::symlink("halocline-not-there.nc", &link).expect("a link");
        let met = Place::of(&link).is(&Place::of(&at("halocline-not-there.nc")));
        std::fs::remove_file(&link).expect("is there");
        assert!(met);
        assert!(!names("tos_*.nc", "sub/tos_mean.nc") && !names("b.nc", "a.nc"));
    }
}
