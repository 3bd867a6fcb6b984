//! Many files as one along time.

use super::meta::{RawVariable, SharedMeta};
use super::roles::{dims_of, roles, Roles};
use super::statics::{malformed, Statics};
use super::time::{entries, TimeEntry};
use super::variables::purposes;
use super::{Dataset, FilePart, VariableInfo};
use crate::cf::units::convert;
use crate::cf::Decode;
use crate::direct;
use crate::io_mode::Io;
use halocline_core::calendar::TimeAxis;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};
use std::path::PathBuf;
use std::rc::Rc;

/// A file as it was found.
struct Scanned {
    meta: SharedMeta,
    roles: Roles,
    times: Vec<TimeEntry>,
    /// Coordinates that differ from those of the file scanned first.
    differing: Vec<String>,
    /// Coordinates that can't be read.
    malformed: Vec<(String, Error)>,
}

impl Scanned {
    /// Length of a dimension.
    fn len_of(&self, dim: &str) -> usize {
        self.meta.dims.iter().find(|d| d.name == dim).map_or(0, |d| d.len)
    }
}

/// Reads the metadata of all files and joins them.
pub(crate) fn open(paths: &[PathBuf]) -> Result<Dataset> {
    let mut files: Vec<Scanned> = Vec::with_capacity(paths.len());
    let mut statics = Statics::default();
    for path in paths {
        let (reader, meta) = direct::meta::read(path, Io::Auto)?;
        let meta = meta.share(files.first().map(|f| &f.meta));
        let roles = roles(&meta);
        let times = entries(&meta, &roles, &*reader);
        let mut differing = Vec::new();
        if paths.len() > 1 {
            let in_file = |e: Error| e.in_file(path);
            let Some(time) = times.first() else {
                return Err(Error::data(
                    "has no time dimension, so that it can't be joined to the other files",
                )
                .in_file(path)
                .remedy("name one file, or files that follow one another in time"));
            };
            if files.is_empty() {
                statics = Statics::read(&meta, &time.dim, &*reader).map_err(in_file)?;
            } else {
                differing = statics.differing(&meta, &*reader).map_err(in_file)?;
            }
        }
        let malformed = malformed(&meta);
        files.push(Scanned { meta, roles, times, differing, malformed });
    }
    if files.len() > 1 {
        in_order(&mut files)?;
    }
    Ok(assemble(&files))
}

/// Sorts files by their first time; those without a record go last.
fn in_order(files: &mut [Scanned]) -> Result<()> {
    for file in files.iter() {
        let axis = file.times[0].axis.as_ref().map_err(Clone::clone)?;
        axis.check_increasing().map_err(|e| e.in_file(&file.meta.path).in_variable(&file.times[0].name))?;
    }
    let first_calendar = calendar_of(&files[0]);
    if let Some(other) = files.iter().find(|f| calendar_of(f) != first_calendar) {
        let name = |f| calendar_of(f).map_or("none", halocline_core::calendar::Calendar::name);
        return Err(Error::data(format!(
            "its calendar is `{}`, that of {} is `{}`",
            name(other),
            files[0].meta.path,
            name(&files[0])
        ))
        .in_file(&other.meta.path)
        .remedy("files of different calendars can't be joined: name those of one"));
    }
    let start = |f: &Scanned| f.times[0].axis.as_ref().ok().filter(|a| !a.is_empty()).map(|a| a.instant(0));
    files.sort_by_cached_key(|f| (start(f).is_none(), start(f)));
    for pair in files.windows(2) {
        let [Ok(a), Ok(b)] = [&pair[0], &pair[1]].map(|f| f.times[0].axis.as_ref()) else { continue };
        if a.is_empty() || b.is_empty() {
            continue;
        }
        let (end, next) = (a.instant(a.len() - 1), b.instant(0));
        if next <= end {
            let place = |f: &Scanned| std::fs::canonicalize(&f.meta.path).ok();
            if place(&pair[0]).is_some_and(|p| Some(p) == place(&pair[1])) {
                return Err(Error::data("the file is named twice")
                    .in_file(&pair[1].meta.path)
                    .remedy("name each file once"));
            }
            let how = if next == end { "repeats the last time of" } else { "overlaps in time with" };
            return Err(Error::data(format!(
                "{how} {}: it begins at {}, that ends at {}",
                pair[0].meta.path,
                b.datetime(0),
                a.datetime(a.len() - 1)
            ))
            .in_file(&pair[1].meta.path)
            .remedy("name each stretch of time once"));
        }
    }
    Ok(())
}

fn calendar_of(file: &Scanned) -> Option<halocline_core::calendar::Calendar> {
    file.times[0].axis.as_ref().ok().map(|a| a.calendar)
}

fn assemble(files: &[Scanned]) -> Dataset {
    let first = &files[0];
    let mut times = first.times.clone();
    let time_dim = times.first().map(|t| t.dim.clone());
    let mut parts = Vec::with_capacity(files.len());
    let mut offset = 0;
    for file in files {
        // Along the file's own time dimension: its name may differ from the first file's, which
        // is told when a variable is asked for.
        let time_len = file.times.first().map_or(0, |t| file.len_of(&t.dim));
        parts.push(FilePart {
            path: file.meta.path.clone(),
            time_offset: offset,
            time_len,
            bytes: file.meta.bytes,
        });
        offset += time_len;
    }
    if files.len() > 1 {
        times.truncate(1);
        times[0].axis = joined(files);
    }
    let len_of = |name: &str, len: usize| if Some(name) == time_dim.as_deref() { offset } else { len };
    let role_of = |name: &str| first.roles.get(name).copied().unwrap_or(Role::Other);
    let dims =
        first.meta.dims.iter().map(|d| Dim::new(d.name.clone(), len_of(&d.name, d.len), role_of(&d.name)));
    let dims = dims.collect();
    let purposes = purposes(&first.meta, &first.roles);
    let variables = first.meta.variables.iter().map(|v| {
        let mut dims = dims_of(v, &first.roles);
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
        absent: absent(files),
    }
}

/// The times of all files in the units of the first.
fn joined(files: &[Scanned]) -> Result<TimeAxis> {
    let mut all = files[0].times[0].axis.clone()?;
    for file in &files[1..] {
        let axis = file.times[0].axis.as_ref().map_err(Clone::clone)?;
        all.values.extend(axis.converted(&all.units)?.values);
    }
    Ok(all)
}

/// Checks that the other files store a variable so that all can be read as one, and notes how
/// each is decoded.
fn compare(
    files: &[Scanned],
    v: &Rc<RawVariable>,
    time: Option<&str>,
    info: &mut VariableInfo,
) -> Result<()> {
    let first = &files[0];
    v.decode().map_err(|e| e.in_file(&first.meta.path))?;
    let along_time = time.is_some_and(|t| v.dims.iter().any(|d| d == t));
    // What does not vary in time is taken from the first file.
    if files.len() == 1 || !along_time {
        return Ok(());
    }
    for (k, file) in files.iter().enumerate().skip(1) {
        let differs = |what: &str, a: String, b: String| {
            Error::data(format!("{what} {b}, in {} {a}", first.meta.path)).in_file(&file.meta.path)
        };
        let Some(other) = file.meta.variable(&v.name) else {
            return Err(Error::data(format!("the variable is missing; {} has it", first.meta.path))
                .in_file(&file.meta.path)
                .remedy("name only files that have it"));
        };
        if other.dtype != v.dtype {
            return Err(differs("its type is", v.dtype.name().into(), other.dtype.name().into()).remedy(
                "convert one of them first, for example with `ncap2`, or name files of one type only",
            ));
        }
        if other.dims != v.dims {
            return Err(differs("its dimensions are", v.dims.join(", "), other.dims.join(", ")).remedy(
                "bring them to one order and one naming first, for example with `ncpdq` and `ncrename`",
            ));
        }
        for ((dim, &ours), &theirs) in v.dims.iter().zip(&v.shape).zip(&other.shape) {
            if ours != theirs && Some(dim.as_str()) != time {
                return Err(differs(
                    &format!("dimension `{dim}` has length"),
                    ours.to_string(),
                    theirs.to_string(),
                )
                .remedy("name files of one grid only, or regrid them first"));
            }
        }
        other.decode().map_err(|e| e.in_file(&file.meta.path))?;
        check_coordinates(first, file, v)?;
        let decode = if Rc::ptr_eq(other, v) { None } else { Some(decode_as(v, other)) };
        let decode = match decode {
            None => v.decode.clone(),
            Some(Some(decode)) => decode,
            Some(None) => {
                let units = |v: &RawVariable| {
                    v.attributes.text("units").map_or("not stated".into(), |u| format!("`{u}`"))
                };
                return Err(differs("its units are", units(v), units(other))
                    .remedy("bring all files to the same units"));
            }
        };
        note_decode(info, k, files.len(), decode);
    }
    Ok(())
}

/// How `other` becomes numbers in the units of `v`.
fn decode_as(v: &RawVariable, other: &RawVariable) -> Option<Decode> {
    let conversion = convert(other.attributes.text("units"), v.attributes.text("units")).ok()?;
    Some(match conversion {
        None => other.decode.clone(),
        Some(conversion) => other.decode.clone().converted(conversion),
    })
}

fn note_decode(info: &mut VariableInfo, k: usize, files: usize, decode: Decode) {
    info.packed |= decode.is_packed();
    let at = info.decodes.iter().position(|d| *d == decode).unwrap_or_else(|| {
        info.decodes.push(decode);
        info.decodes.len() - 1
    });
    if at > 0 && info.decode_of_file.is_empty() {
        info.decode_of_file = vec![0; files];
    }
    if let Some(place) = info.decode_of_file.get_mut(k) {
        *place = at as u32;
    }
}

/// Coordinates of `v` must not differ. (Both files were compared with the one scanned first.)
fn check_coordinates(first: &Scanned, file: &Scanned, v: &RawVariable) -> Result<()> {
    let named = v.attributes.text("coordinates").unwrap_or_default();
    let of_variable = |name: &str| {
        v.dims.iter().any(|d| d == name)
            || named.split_whitespace().any(|n| n == name)
            || first.meta.variable(name).is_some_and(|c| c.dims.iter().all(|d| v.dims.contains(d)))
    };
    if let Some((_, error)) = first.malformed.iter().chain(&file.malformed).find(|(n, _)| of_variable(n)) {
        return Err(error.clone());
    }
    let one_sided = |a: &Scanned, b: &Scanned| {
        a.differing.iter().find(|n| of_variable(n) && !b.differing.contains(n)).cloned()
    };
    match one_sided(file, first).or_else(|| one_sided(first, file)) {
        None => Ok(()),
        Some(name) => Err(Error::data(format!(
            "its grid differs from that of {}: other values of `{name}`",
            first.meta.path
        ))
        .in_file(&file.meta.path)
        .remedy("join only files on one grid, or regrid them first")),
    }
}

/// Variables that a later file has and the first has not.
fn absent(files: &[Scanned]) -> Vec<(String, Error)> {
    let mut absent: Vec<(String, Error)> = Vec::new();
    let first = &files[0];
    for file in &files[1..] {
        for v in &file.meta.variables {
            if first.meta.variable(&v.name).is_none() && !absent.iter().any(|(n, _)| *n == v.name) {
                let error = Error::data(format!("the variable is missing; {} has it", file.meta.path))
                    .in_file(&first.meta.path)
                    .in_variable(&v.name)
                    .remedy("name only files that have it");
                absent.push((v.name.clone(), error));
            }
        }
    }
    absent
}
