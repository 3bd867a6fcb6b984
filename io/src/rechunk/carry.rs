//! What is not rechunked, copied as it is: coordinates, bounds, weights, text.

use super::blocks::{along, find, parts, shifted, Blocks, READ};
use super::choose::{same_everywhere, Chosen};
use super::define::can_be_carried;
use crate::cf::Element;
use crate::dataset::{Dataset, VariableInfo};
use crate::guard::guarded;
use crate::output::stored::{characters, put_block};
use halocline_core::calendar::{TimeAxis, TimeUnits};
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::rechunk::{cut, thickness, Source};
use halocline_core::{Error, Result};
use netcdf::FileMut;
use std::path::Path;

/// What users should know is left out.
pub(super) fn notes(dataset: &Dataset) -> Vec<String> {
    let other = dataset.variables().iter().filter(|v| v.variable.dtype == DType::Other);
    other.map(|v| format!("`{}` is left out: its type is defined by its writer", v.variable.name)).collect()
}

/// Copies into `out` all variables that are not in `chosen`.
///
/// # Errors
/// Those of reading and writing; data, if files store a variable in different ways.
pub(super) fn carry(out: &mut FileMut, dataset: &Dataset, chosen: &[Chosen<'_>]) -> Result<()> {
    for info in dataset.variables() {
        let name = &info.variable.name;
        if info.variable.dtype == DType::Other || chosen.iter().any(|c| c.info.variable.name == *name) {
            continue;
        }
        if times_in_doubles(dataset, name) {
            let values = times(dataset, info)?;
            let whole = IndexBox::whole(&info.variable.shape());
            put_block(out, name, DType::F64, &whole, bytemuck::cast_slice(&values))?;
            continue;
        }
        if along(dataset, info).is_some() {
            same_everywhere(dataset, info)?;
        }
        variable(out, dataset, info)?;
    }
    Ok(())
}

/// Copies a variable, a bounded amount at a time.
fn variable(out: &mut FileMut, dataset: &Dataset, info: &VariableInfo) -> Result<()> {
    let (name, dtype, shape) = (&info.variable.name, info.variable.dtype, info.variable.shape());
    let whole = IndexBox::whole(&shape);
    let chunk = info.chunks.clone().unwrap_or_else(|| vec![1; shape.len()]);
    let pieces = |part: &IndexBox| cut(part, &thickness(&part.shape(), &chunk, READ / dtype.size().max(64)));
    if matches!(dtype, DType::Char | DType::String) {
        let along = along(dataset, info);
        for (k, part) in parts(dataset, along, &whole) {
            let file = &dataset.files()[k];
            let offset = along.map_or(0, |_| file.time_offset);
            for piece in pieces(&part) {
                text(out, info, Path::new(&file.path), (&piece, &shifted(&piece, along, offset)))?;
            }
        }
        return Ok(());
    }
    let places = find(dataset, info)?;
    let mut blocks = Blocks::carried(dataset, info, chunk.clone(), &places);
    let mut bytes = Vec::new();
    for piece in pieces(&whole) {
        bytes.resize(piece.len() * dtype.size(), 0);
        blocks.read(&piece, &mut bytes)?;
        put_block(out, name, dtype, &piece, &bytes)?;
    }
    Ok(())
}

/// Copies characters or strings.
fn text(
    out: &mut FileMut,
    info: &VariableInfo,
    path: &Path,
    (piece, local): (&IndexBox, &IndexBox),
) -> Result<()> {
    let name = &info.variable.name;
    let damaged = |what: String| Error::data(what).in_file(path).in_variable(name);
    let copied = guarded(|| {
        let file = netcdf::open(path).map_err(|e| damaged(format!("cannot be opened as NetCDF: {e}")))?;
        let variable = file.variable(name).ok_or_else(|| {
            damaged("the variable is gone: the file has changed since it was opened".to_owned())
        })?;
        if !can_be_carried(&variable.vartype()) {
            return Ok(());
        }
        if info.variable.dtype == DType::Char {
            let bytes = characters(&variable, local).map_err(|e| e.in_file(path).in_variable(name))?;
            return put_block(out, name, DType::Char, piece, &bytes);
        }
        let ones = vec![1; local.ndim()];
        for (from, to) in cut(local, &ones).iter().zip(cut(piece, &ones)) {
            let string = variable
                .get_string(from.ranges().to_vec())
                .map_err(|e| damaged(format!("a string cannot be read: {e}")))?;
            let Some(mut target) = out.variable_mut(name) else {
                return Err(Error::internal("is not in the file").in_variable(name));
            };
            target
                .put_string(&string, to.ranges().to_vec())
                .map_err(|e| Error::system(format!("can't be written: {e}")).in_variable(name))?;
        }
        Ok(())
    });
    copied.unwrap_or_else(|| Err(damaged("the file is damaged: text cannot be read".to_owned())))
}

/// Whether the times of a variable are written anew, in doubles: of the time coordinate and its
/// bounds, where the files count from different dates.
pub(super) fn times_in_doubles(dataset: &Dataset, name: &str) -> bool {
    let files = dataset.files().len();
    let Some(time) = dataset.times().first().filter(|_| files > 1) else { return false };
    let is_time = name == time.name;
    let is_bounds = ["bounds", "climatology"].iter().any(|a| time.attributes.text(a) == Some(name));
    let Ok(info) = dataset.variable(&time.name) else { return false };
    (is_time || is_bounds) && (info.problem.is_some() || !info.decode_of_file.is_empty())
}

/// The values of the time coordinate or its bounds in the units of the first file.
fn times(dataset: &Dataset, info: &VariableInfo) -> Result<Vec<f64>> {
    let Some(time) = dataset.times().first() else { return Ok(Vec::new()) };
    let joined = time.axis.as_ref().map_err(Clone::clone)?;
    if info.variable.name == time.name {
        return Ok(joined.values.clone());
    }
    let mut all = Vec::new();
    for file in dataset.files() {
        let (reader, meta) = crate::direct::meta::read(Path::new(&file.path), dataset.options().io)?;
        let find = |name: &str| meta.variables.iter().find(|v| v.name == name);
        let gone =
            || Error::data("has no such variable").in_file(&file.path).in_variable(&info.variable.name);
        let bounds = find(&info.variable.name).ok_or_else(gone)?;
        let stated = find(&time.name).and_then(|v| v.attributes.text("units")).ok_or_else(gone)?;
        let units = TimeUnits::parse(stated, joined.calendar).map_err(|e| e.in_file(&file.path))?;
        let ranges: Vec<_> = bounds.shape.iter().map(|&n| 0..n).collect();
        if bounds.shape.contains(&0) {
            continue;
        }
        let values = bounds.decode()?.decode(reader.read_raw(&bounds.name, &ranges)?, Element::F64).to_f64();
        all.extend(TimeAxis::new(units, values)?.converted(&joined.units)?.values);
    }
    let expected: usize = info.variable.shape().iter().product();
    if all.len() != expected {
        return Err(Error::data(format!("{} bounds of {expected} in all files", all.len()))
            .in_variable(&info.variable.name));
    }
    Ok(all)
}
