//! Whether files store a variable so that all can be read as one.

use super::brief::{Brief, Scanned};
use super::meta::RawVariable;
use super::VariableInfo;
use crate::cf::units::convert;
use crate::cf::Decode;
use halocline_core::{Error, Result};
use std::sync::Arc;

/// Checks that the other files store a variable so that all can be read as one, and notes how
/// each is decoded.
pub(super) fn compare(
    files: &[Scanned],
    v: &RawVariable,
    time: Option<&str>,
    info: &mut VariableInfo,
) -> Result<()> {
    let first = &files[0];
    v.decode().map_err(|e| e.in_file(&first.path))?;
    let along_time = time.is_some_and(|t| v.dims.iter().any(|d| d == t));
    // What does not vary in time is taken from the first file.
    if files.len() == 1 || !along_time {
        return Ok(());
    }
    let shared = first.variables.get(&v.name);
    for (k, file) in files.iter().enumerate().skip(1) {
        let differs = |what: &str, a: String, b: String| {
            Error::data(format!("{what} {b}, in {} {a}", first.path)).in_file(&file.path)
        };
        let Some(other) = file.variables.get(&v.name) else {
            return Err(Error::data(format!("the variable is missing; {} has it", first.path))
                .in_file(&file.path)
                .remedy("name only files that have it"));
        };
        let same = shared.is_some_and(|shared| Arc::ptr_eq(shared, other));
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
        for (dim, &ours) in v.dims.iter().zip(&v.shape) {
            let theirs = file.len_of(dim);
            if ours != theirs && Some(dim.as_str()) != time {
                return Err(differs(
                    &format!("dimension `{dim}` has length"),
                    ours.to_string(),
                    theirs.to_string(),
                )
                .remedy("name files of one grid only, or regrid them first"));
            }
        }
        other.decode().map_err(|e| e.in_file(&file.path))?;
        check_coordinates(first, file, v)?;
        if same {
            continue;
        }
        let Some(decode) = decode_as(v, other) else {
            let units = |units: Option<&str>| units.map_or("not stated".into(), |u| format!("`{u}`"));
            let (ours, theirs) = (units(v.attributes.text("units")), units(other.units.as_deref()));
            return Err(differs("its units are", ours, theirs).remedy("bring all files to the same units"));
        };
        note_decode(info, k, files.len(), decode);
    }
    Ok(())
}

/// How `other` becomes numbers in the units of `v`.
fn decode_as(v: &RawVariable, other: &Brief) -> Option<Decode> {
    let conversion = convert(other.units.as_deref(), v.attributes.text("units")).ok()?;
    Some(match conversion {
        None => other.decode().ok()?.clone(),
        Some(conversion) => other.decode().ok()?.clone().converted(conversion),
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
            || first.variables.get(name).is_some_and(|c| c.dims.iter().all(|d| v.dims.contains(d)))
    };
    if let Some((_, error)) = first.malformed().chain(file.malformed()).find(|(n, _)| of_variable(n)) {
        return Err(error);
    }
    let one_sided = |a: &Scanned, b: &Scanned| {
        a.differing.iter().find(|n| of_variable(n) && !b.differing.contains(n)).cloned()
    };
    match one_sided(file, first).or_else(|| one_sided(first, file)) {
        None => Ok(()),
        Some(name) => Err(Error::data(format!(
            "its grid differs from that of {}: other values of `{name}`",
            first.path
        ))
        .in_file(&file.path)
        .remedy("join only files on one grid, or regrid them first")),
    }
}
