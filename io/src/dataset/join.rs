//! Many files as one along time.

use super::brief::Scanned;
use super::compare::compare;
use super::roles::{dims_of, roles};
use super::scan::Record;
use super::variables::purposes;
use super::{Dataset, FilePart, OpenOptions, VariableInfo};
use halocline_core::calendar::{Calendar, TimeAxis};
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};
use std::sync::Arc;

/// Checks that the times of every file increase, all in one calendar.
pub(super) fn check_times(files: &[Scanned]) -> Result<()> {
    for file in files {
        let Some(time) = &file.time else { continue };
        let axis = time.axis.as_ref().map_err(Clone::clone)?;
        axis.check_increasing().map_err(|e| e.in_file(&file.path).in_variable(&time.name))?;
    }
    let first_calendar = calendar_of(&files[0]);
    if let Some(other) = files.iter().find(|f| calendar_of(f) != first_calendar) {
        let name = |f| calendar_of(f).map_or("none", Calendar::name);
        return Err(Error::data(format!(
            "its calendar is `{}`, that of {} is `{}`",
            name(other),
            files[0].path,
            name(&files[0])
        ))
        .in_file(&other.path)
        .remedy("files of different calendars can't be joined: name those of one"));
    }
    Ok(())
}

/// Whether two files are one.
fn is_same_file(a: &Scanned, b: &Scanned) -> bool {
    let place = |f: &Scanned| std::fs::canonicalize(&f.path).ok();
    place(a).is_some_and(|p| Some(p) == place(b))
}

/// The error of a file that is there twice.
pub(super) fn named_twice(file: &Scanned) -> Error {
    Error::data("the file is named twice").in_file(&file.path).remedy("name each file once")
}

/// Sorts files by their first time; those without a record go last.
pub(super) fn in_order(files: &mut [Scanned]) -> Result<()> {
    check_times(files)?;
    let start = |f: &Scanned| axis_of(f).filter(|a| !a.is_empty()).map(|a| a.instant(0));
    files.sort_by_cached_key(|f| (start(f).is_none(), start(f)));
    for pair in files.windows(2) {
        let [Some(a), Some(b)] = [&pair[0], &pair[1]].map(axis_of) else { continue };
        if a.is_empty() || b.is_empty() {
            continue;
        }
        let (end, next) = (a.instant(a.len() - 1), b.instant(0));
        if next <= end {
            if is_same_file(&pair[0], &pair[1]) {
                return Err(named_twice(&pair[1]));
            }
            let how = if next == end { "repeats the last time of" } else { "overlaps in time with" };
            return Err(Error::data(format!(
                "{how} {}: it begins at {}, that ends at {}",
                pair[0].path,
                b.datetime(0),
                a.datetime(a.len() - 1)
            ))
            .in_file(&pair[1].path)
            .remedy("name each stretch of time once"));
        }
    }
    Ok(())
}

pub(super) fn axis_of(file: &Scanned) -> Option<&TimeAxis> {
    file.time.as_ref()?.axis.as_ref().ok()
}

pub(super) fn calendar_of(file: &Scanned) -> Option<Calendar> {
    axis_of(file).map(|axis| axis.calendar)
}

/// The data set of these files, the first of which is known in full: one behind another in time,
/// or side by side.
pub(super) fn assemble(files: &[Scanned], first: &Record, ensemble: bool) -> Dataset {
    let roles = roles(&first.meta);
    let mut times = first.times.clone();
    let time_dim = times.first().map(|t| t.dim.clone());
    let mut parts = Vec::with_capacity(files.len());
    let mut offset = 0;
    for file in files {
        // Along the file's own time dimension: its name may differ from the first file's, which
        // is told when a variable is asked for.
        let time_len = file.time.as_ref().map_or(0, |t| file.len_of(&t.dim));
        let time_offset = if ensemble { 0 } else { offset };
        parts.push(FilePart { path: file.path.clone(), time_offset, time_len, bytes: file.bytes });
        offset = time_offset + time_len;
    }
    if files.len() > 1 {
        times.truncate(1);
        if !ensemble {
            times[0].axis = joined(files);
        }
    }
    let len_of = |name: &str, len: usize| if Some(name) == time_dim.as_deref() { offset } else { len };
    let role_of = |name: &str| roles.get(name).copied().unwrap_or(Role::Other);
    let dims =
        first.meta.dims.iter().map(|d| Dim::new(d.name.clone(), len_of(&d.name, d.len), role_of(&d.name)));
    let dims = dims.collect();
    let purposes = purposes(&first.meta, &roles);
    let variables = first.meta.variables.iter().map(|v| {
        let mut dims = dims_of(v, &roles);
        for d in &mut dims {
            d.len = len_of(&d.name, d.len);
        }
        let variable =
            Variable { name: v.name.clone(), dims, dtype: v.dtype, attributes: v.attributes.clone() };
        let mut info = VariableInfo {
            variable,
            chunks: v.chunks.clone(),
            deflate: v.filters.as_ref().and_then(|f| f.deflate),
            shuffle: v.filters.as_ref().is_some_and(|f| f.shuffle),
            filters_known: v.filters.is_some(),
            other_filters: v.filters.as_ref().map_or_else(Vec::new, |f| f.others.clone()),
            packed: v.decode.is_packed(),
            is_coordinate: purposes.is_coordinate(&v.name),
            auxiliary: purposes.is_auxiliary(&v.name),
            decodes: vec![v.decode.clone()],
            decode_of_file: Vec::new(),
            problem: None,
        };
        if let Err(problem) = compare(files, v, time_dim.as_deref(), &mut info) {
            info.problem = Some(problem.in_variable(&v.name));
        }
        info
    });
    let variables = variables.collect();
    Dataset {
        format: first.meta.format.clone(),
        attributes: first.meta.attributes.clone(),
        files: parts,
        dims,
        variables,
        times,
        time_bounds: files.iter().find_map(|file| file.time.as_ref()?.bounds.clone()),
        absent: absent(files),
        members: Vec::new(),
        options: OpenOptions::default(),
        notes: Vec::new(),
    }
}

/// The times of all files in the units of the first.
fn joined(files: &[Scanned]) -> Result<TimeAxis> {
    let mut axes =
        files.iter().filter_map(|f| f.time.as_ref()).map(|t| t.axis.as_ref().map_err(Clone::clone));
    let none = || Error::internal("files without times were joined along time");
    let mut all = axes.next().ok_or_else(none)??.clone();
    for axis in axes {
        all.values.extend(axis?.converted(&all.units)?.values);
    }
    Ok(all)
}

/// Variables that a later file has and the first has not.
fn absent(files: &[Scanned]) -> Vec<(String, Error)> {
    let mut absent: Vec<(String, Error)> = Vec::new();
    let first = &files[0];
    let mut seen = vec![&first.variables];
    for file in &files[1..] {
        if seen.iter().any(|variables| Arc::ptr_eq(variables, &file.variables)) {
            continue;
        }
        seen.push(&file.variables);
        for v in &file.variables.list {
            if first.variables.get(&v.name).is_none() && !absent.iter().any(|(n, _)| *n == v.name) {
                let error = Error::data(format!("the variable is missing; {} has it", file.path))
                    .in_file(&first.path)
                    .in_variable(&v.name)
                    .remedy("name only files that have it");
                absent.push((v.name.clone(), error));
            }
        }
    }
    absent
}
