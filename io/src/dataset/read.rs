//! Any variable as it is, without selection: coordinates, results, small things.

use super::{Dataset, VariableInfo};
use crate::cf::Element;
use crate::direct;
use crate::source::horizontal;
use crate::stored::buffer;
use halocline_core::grid::Grid;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role, Values};
use halocline_core::{Error, Result};
use std::ops::Range;
use std::path::Path;

impl Dataset {
    /// The decoded values of `block` of a variable, in the dimensions of its
    /// [`VariableInfo::variable`]. Values that don't vary in time are those of the first file.
    ///
    /// Not collective; opens files anew with every call. To read data in blocks take a
    /// [`Source`](crate::Source).
    ///
    /// # Errors
    /// Usage, if there is no such variable; data, if it holds no numbers, is damaged or has
    /// malformed attributes, or files differ in it; system, if reading fails; internal, if the block lies outside.
    pub fn read(&self, name: &str, block: &IndexBox) -> Result<Values> {
        let info = self.variable(name)?;
        if let Some(problem) = &info.problem {
            return Err(problem.clone());
        }
        if !info.variable.dtype.is_numeric() {
            let what = format!("holds {} values, not numbers", info.variable.dtype.name());
            return Err(Error::data(what).in_file(&self.files[0].path).in_variable(name));
        }
        let whole = IndexBox::whole(&info.variable.shape());
        if block.ndim() != whole.ndim() || !whole.contains(block) {
            return Err(
                Error::internal(format!("block {block:?} lies outside of {whole:?}")).in_variable(name)
            );
        }
        let wide = info.decodes.iter().any(|d| d.element() == Element::F64);
        let element = if wide { Element::F64 } else { Element::F32 };
        let mut out = match element {
            Element::F32 => Values::F32(buffer(block.len())?),
            Element::F64 => Values::F64(buffer(block.len())?),
        };
        for (k, part, ranges) in self.parts(info, block) {
            let stored = direct::meta::read(Path::new(&self.files[k].path), self.options.io)?
                .0
                .read_raw(name, &ranges)?;
            let decode = &info.decodes[info.decode_of_file.get(k).map_or(0, |&d| d as usize)];
            match (&mut out, decode.decode(stored, element)) {
                (Values::F32(out), Values::F32(v)) => block.insert(out, &part, &v),
                (Values::F64(out), Values::F64(v)) => block.insert(out, &part, &v),
                _ => return Err(Error::internal("decoded to another type than announced")),
            }
        }
        Ok(out)
    }

    /// What each file has of a block: its number, the part of the block, the ranges in the file.
    fn parts(&self, info: &VariableInfo, block: &IndexBox) -> Vec<(usize, IndexBox, Vec<Range<usize>>)> {
        let joined = self.times.first().map(|t| t.dim.as_str()).filter(|_| self.files.len() > 1);
        let along = info.variable.dims.iter().position(|d| Some(d.name.as_str()) == joined);
        let Some(along) = along.filter(|_| !block.is_empty()) else {
            let only = (0, block.clone(), block.ranges().to_vec());
            return if block.is_empty() { Vec::new() } else { vec![only] };
        };
        let wanted = block.range(along);
        let mut parts = Vec::new();
        for (k, file) in self.files.iter().enumerate() {
            let start = wanted.start.max(file.time_offset);
            let end = wanted.end.min(file.time_offset + file.time_len);
            if start < end {
                let part = block.with_range(along, start..end);
                let in_file = part.with_range(along, start - file.time_offset..end - file.time_offset);
                parts.push((k, part, in_file.ranges().to_vec()));
            }
        }
        parts
    }

    /// The horizontal grid of a variable, whole.
    ///
    /// Not collective.
    ///
    /// # Errors
    /// Usage, if there is no such variable; what reading its coordinates reports.
    pub fn grid(&self, name: &str) -> Result<Grid> {
        let info = self.variable(name)?;
        let path = &self.files[0].path;
        let (reader, meta) = direct::meta::read(Path::new(path), self.options.io)?;
        let meta = meta.share(None);
        let gone = || Error::data("the variable is gone: the file has changed since it was opened");
        let raw = meta.variable(name).ok_or_else(|| gone().in_file(path).in_variable(name))?;
        let find = |role| info.variable.dims.iter().find(|d| d.role == role);
        let dims: Vec<Dim> = [Role::Y, Role::X].into_iter().filter_map(|r| find(r).cloned()).collect();
        horizontal::grid(&meta, raw, &dims, &*reader).map_err(|e| e.in_file(path))
    }
}
