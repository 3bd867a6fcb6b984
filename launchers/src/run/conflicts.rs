//! Refuses pipelines whose files would get into each other's way, before anything is read.

use super::steps::{Made, Pipeline, Step};
use crate::common::{check_output, is_same_place};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Looks at all files that are read and written; one rank does.
///
/// # Errors
/// Usage, if a file is written twice, or read by its name beside being written; system, if it has
/// no directory; data, if a list of files can't be read.
pub(super) fn check(pipeline: &Pipeline) -> Result<()> {
    let made: Vec<(&Step, &Made)> =
        pipeline.steps.iter().flat_map(|s| s.made.iter().map(move |m| (s, m))).collect();
    let at = |line: usize| format!("{}:{line}", pipeline.file);
    for (step, file) in &made {
        check_output(&Comm::serial(), &file.path, &[]).map_err(|e| pipeline.blame(step, e))?;
    }
    for (index, (step, file)) in made.iter().enumerate().filter(|(_, (_, file))| file.stays) {
        let path = &file.path;
        if is_same_place(path, Path::new(&pipeline.file)) {
            return Err(Error::usage(format!("{} would replace the pipeline itself", step.label))
                .in_file(at(file.line)));
        }
        if let Some((other, first)) =
            made[..index].iter().find(|(_, m)| m.stays && is_same_place(&m.path, path))
        {
            let what = format!("{} and {} would both write {}", other.label, step.label, path.display());
            let what = format!("{what} (lines {} and {})", first.line, file.line);
            return Err(Error::usage(what).in_file(at(file.line)).remedy("name two files"));
        }
    }
    for step in &pipeline.steps {
        for (text, line) in all_reads(step).map_err(|e| pipeline.blame(step, e))? {
            let Some((maker, file)) = made.iter().find(|(_, m)| m.stays && names(&text, &m.path)) else {
                continue;
            };
            let path = file.path.display();
            let what = if std::ptr::eq(*maker, step) {
                format!("{} would replace {path}, which it reads", step.label)
            } else {
                format!("{path} is read here and written by {} (line {})", maker.label, file.line)
            };
            let remedy = match maker.label.split('`').nth(1) {
                Some(name) if !std::ptr::eq(*maker, step) => {
                    format!("say that with `from = \"{name}\"`, or name another file")
                }
                _ => "name another file".to_owned(),
            };
            return Err(Error::usage(what).in_file(at(line)).remedy(remedy));
        }
    }
    Ok(())
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

/// Whether a path or pattern names this file, be it there or not.
fn names(text: &str, file: &Path) -> bool {
    if is_same_place(Path::new(text), file) {
        return true;
    }
    if !text.contains(['*', '?', '[']) {
        return false;
    }
    let literal = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let matches = |pattern: &Path| {
        glob::Pattern::new(&pattern.to_string_lossy())
            .is_ok_and(|p| p.matches_path_with(&settled(file), literal))
    };
    matches(&settled(Path::new(text)))
        || glob::glob(text).is_ok_and(|found| found.flatten().any(|path| is_same_place(&path, file)))
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
        assert!(names(&text("tos_*.nc"), &at("tos_mean.nc")));
        assert!(names(&text("a.nc"), &at("./a.nc")));
        assert!(!names(&text("tos_*.nc"), &at("sub/tos_mean.nc")) && !names(&text("b.nc"), &at("a.nc")));
    }
}
