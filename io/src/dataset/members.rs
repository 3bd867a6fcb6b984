//! Files side by side: members of an ensemble.

use super::brief::Scanned;
use super::join::{axis_of, check_times, named_twice};
use halocline_core::calendar::TimeAxis;
use halocline_core::meta::Attributes;
use halocline_core::{Error, Result};
use std::collections::HashSet;
use std::path::Path;

/// Checks that every file has the times of the first, and is named once.
///
/// # Errors
/// Data, naming the first file that is at fault, and its first time that differs.
pub(super) fn check(files: &[Scanned]) -> Result<()> {
    check_times(files)?;
    let mut seen = HashSet::new();
    for file in files {
        if std::fs::canonicalize(&file.path).is_ok_and(|place| !seen.insert(place)) {
            return Err(named_twice(file));
        }
    }
    let Some(first) = files.first() else { return Ok(()) };
    let Some(ours) = axis_of(first) else { return Ok(()) };
    for file in &files[1..] {
        let Some(theirs) = axis_of(file) else { continue };
        if let Some(how) = difference(ours, theirs, &first.path) {
            return Err(Error::data(how)
                .in_file(&file.path)
                .remedy("name members of an ensemble that have the same times"));
        }
    }
    Ok(())
}

/// The first thing in which the times of a member differ from those of the first.
fn difference(ours: &TimeAxis, theirs: &TimeAxis, first: &str) -> Option<String> {
    // What other units make of a time in double precision.
    let same = |k: usize| ours.instant(k).micros_since(theirs.instant(k)).abs() <= 1000;
    let common = ours.len().min(theirs.len());
    if let Some(k) = (0..common).find(|&k| !same(k)) {
        return Some(format!(
            "its time at step {k} (counted from 0) is {}, that of {first} is {}",
            theirs.datetime(k),
            ours.datetime(k)
        ));
    }
    (ours.len() != theirs.len()).then(|| format!("has {} times, {first} has {}", theirs.len(), ours.len()))
}

/// What members are called, by the global attributes of their files and their names.
pub(super) fn labels(files: &[(&str, Option<Attributes>)]) -> Vec<String> {
    let variant = |f: &(&str, Option<Attributes>)| {
        Some(f.1.as_ref()?.text("variant_label")?.to_owned()).filter(|l| !l.is_empty())
    };
    let realization = |f: &(&str, Option<Attributes>)| {
        let attributes = f.1.as_ref()?;
        let number = attributes.number("realization").map(|n| n.to_string());
        number.or_else(|| attributes.text("realization").map(str::to_owned)).filter(|l| !l.is_empty())
    };
    let stem = |f: &(&str, Option<Attributes>)| {
        Path::new(f.0).file_stem().map(|stem| stem.to_string_lossy().into_owned())
    };
    told_apart(files, variant)
        .or_else(|| told_apart(files, realization))
        .or_else(|| told_apart(files, stem))
        .unwrap_or_else(|| files.iter().map(|f| f.0.to_owned()).collect())
}

/// One label for each, if all have one and no two the same.
fn told_apart<T>(all: &[T], label: impl Fn(&T) -> Option<String>) -> Option<Vec<String>> {
    let labels: Vec<String> = all.iter().map(label).collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    labels.iter().all(|l| seen.insert(l.as_str())).then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_members_apart() {
        let with = |name: &str, value: &str| Some(Attributes::new().with(name, value));
        let of = |files: &[(&str, Option<Attributes>)]| labels(files);
        let (a, b) = (with("variant_label", "r1i1p1f1"), with("variant_label", "r2i1p1f1"));
        assert_eq!(of(&[("x/a.nc", a.clone()), ("x/b.nc", b)]), ["r1i1p1f1", "r2i1p1f1"]);
        assert_eq!(of(&[("x/a.nc", a.clone()), ("x/b.nc", a)]), ["a", "b"]);
        let n = |k: i64| Some(Attributes::new().with("realization", k));
        assert_eq!(of(&[("x/a.nc", n(3)), ("x/b.nc", n(5))]), ["3", "5"]);
        assert_eq!(of(&[("x/a.nc", n(3)), ("y/a.nc", None)]), ["x/a.nc", "y/a.nc"]);
    }
}
