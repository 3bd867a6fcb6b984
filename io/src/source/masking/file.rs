//! Reads a mask and brings it onto the cells of the data.

use super::bits::Plane;
use super::matching::{self, Match};
use super::spec::MaskFile;
use super::{Levels, Target};
use crate::cf::Element;
use crate::dataset::meta::{RawVariable, SharedMeta};
use crate::dataset::{names, roles};
use crate::direct;
use crate::io_mode::Io;
use crate::source::{horizontal, level, lonlat};
use crate::stored::StoredReader;
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use std::ops::Range;
use std::path::Path;

/// A map with more cells than this is a damaged length.
const MOST_CELLS: usize = 1 << 28;

/// A mask on the cells of the data.
pub(super) struct Read {
    /// One for each level of the data, or one for all.
    pub(super) planes: Vec<Plane>,
    /// What went on that a user should know.
    pub(super) note: Option<String>,
}

/// Reads a mask.
///
/// # Errors
/// Data, if the file is absent or damaged, or the mask lies on other cells than the data; usage,
/// if there is no such variable or it is none that masks; system, if it can't be read.
pub(super) fn read(mask: &MaskFile, io: Io, target: &Target<'_>) -> Result<Read> {
    let (reader, meta) = direct::meta::read(Path::new(&mask.path), io)?;
    let meta = meta.share(None);
    on(mask, &meta, &*reader, target).map_err(|e| {
        if e.file.is_some() {
            e
        } else {
            e.in_variable(&mask.variable).in_file(&mask.path)
        }
    })
}

fn on(mask: &MaskFile, meta: &SharedMeta, reader: &dyn StoredReader, target: &Target<'_>) -> Result<Read> {
    let raw = meta.variable(&mask.variable).ok_or_else(|| no_variable(mask, meta))?;
    if !raw.dtype.is_numeric() {
        return Err(Error::data(format!("holds {} values, and a mask is of numbers", raw.dtype.name())));
    }
    let dims = roles::dims_of(raw, &roles::roles(meta));
    let places = Places::of(&dims)?;
    let ground = places.ground(&dims);
    let cells = ground.iter().try_fold(1usize, |n, d| n.checked_mul(d.len));
    if cells.is_none_or(|n| n > MOST_CELLS) {
        return Err(Error::data("has more cells than any map"));
    }
    let grid = horizontal::grid(meta, raw, &ground, reader)?;
    lonlat::check_monotonic(&grid)?;
    let (found, note) = matching::find(target.grid, target.cut, &target.whole, &grid).map_err(|why| {
        Error::data(format!(
            "the mask is not on the grid of {} of {}: {why} (mask: {}; data: {})",
            target.variable,
            target.file,
            matching::describe(&grid),
            matching::describe(target.grid)
        ))
        .remedy("regrid the mask to the cells of the data")
    })?;
    let levels = match places.level {
        None => None,
        Some(at) => Some(planes(meta, &dims[at], target, reader)?),
    };
    let planes = levels.unwrap_or_else(|| vec![0]);
    let planes = planes.into_iter().map(|k| plane(mask, raw, (&dims, &places, k), &found, reader));
    let note = note.map(|note| format!("mask {} {note}", mask.path));
    Ok(Read { planes: planes.collect::<Result<_>>()?, note })
}

fn no_variable(mask: &MaskFile, meta: &SharedMeta) -> Error {
    let all = || meta.variables.iter().map(|v| v.name.as_str());
    let meant =
        names::nearest(&mask.variable, all()).map_or_else(String::new, |n| format!("did you mean `{n}`? "));
    Error::usage(format!("there is no variable `{}` for a mask", mask.variable))
        .in_file(&mask.path)
        .remedy(format!("{meant}variables: {}", names::list(all())))
}

/// Where the dimensions of a mask are.
struct Places {
    level: Option<usize>,
    y: Option<usize>,
    x: usize,
}

impl Places {
    fn of(dims: &[Dim]) -> Result<Self> {
        let find = |role| dims.iter().position(|d| d.role == role);
        let (y, x) = match (find(Role::Y), find(Role::X)) {
            (y, Some(x)) => (y, x),
            (Some(y), None) => (None, y),
            (None, None) => return Err(Error::data("has no horizontal dimension to mask cells by")),
        };
        let level = find(Role::Level);
        let ours = [level, y, Some(x)];
        if let Some((_, other)) =
            dims.iter().enumerate().find(|(d, dim)| dim.len != 1 && !ours.contains(&Some(*d)))
        {
            return Err(Error::data(format!(
                "a mask does not vary along `{}`, which has length {}",
                other.name, other.len
            ))
            .remedy("pick one index of it first, for example with `ncks -d`"));
        }
        if let Some(empty) = dims.iter().find(|d| d.len == 0) {
            return Err(Error::data(format!("dimension `{}` is empty", empty.name)));
        }
        Ok(Self { level, y, x })
    }

    /// The horizontal dimensions.
    fn ground(&self, dims: &[Dim]) -> Vec<Dim> {
        let x = Dim { role: Role::X, ..dims[self.x].clone() };
        self.y.map(|y| dims[y].clone()).into_iter().chain([x]).collect()
    }
}

/// The mask's level for each of the data's.
fn planes(
    meta: &SharedMeta,
    dim: &Dim,
    target: &Target<'_>,
    reader: &dyn StoredReader,
) -> Result<Vec<usize>> {
    let has = |what: &str| {
        Error::data(format!(
            "the mask has {} levels along `{}`, and {} of {} {what}",
            dim.len, dim.name, target.variable, target.file
        ))
    };
    let own = level::coordinate_of(meta, dim, reader)?.map(|c| c.values.to_f64());
    let (wanted, len) = match &target.levels {
        _ if dim.len == 1 => return Ok(vec![0]),
        Levels::None => {
            return Err(has("has none").remedy("pick one level of the mask first, for example with `ncks -d`"))
        }
        Levels::One(value) => (value.map(|v| vec![v]), 1),
        Levels::Kept { values, len, .. } => (values.clone(), *len),
    };
    match (wanted, own) {
        (Some(wanted), Some(own)) => matching::levels(&wanted, &own).map_err(|v| {
            has(&format!("has one at {v}, where the mask has none"))
                .remedy("bring the mask to the levels of the data")
        }),
        // Without values they are counted.
        _ if len == dim.len => Ok((0..len).collect()),
        _ => Err(has(&format!("has {len}, without values to match by"))),
    }
}

/// One plane on the cells of the data.
fn plane(
    mask: &MaskFile,
    raw: &RawVariable,
    (dims, places, level): (&[Dim], &Places, usize),
    found: &Match,
    reader: &dyn StoredReader,
) -> Result<Plane> {
    let range = |d: usize| -> Range<usize> {
        if Some(d) == places.level {
            level..level + 1
        } else if Some(d) == places.y || d == places.x {
            0..dims[d].len
        } else {
            0..1
        }
    };
    let ranges: Vec<Range<usize>> = (0..dims.len()).map(range).collect();
    let decode = raw.decode()?;
    let single = decode.element() == Element::F32;
    let values = decode.decode(reader.read_raw(&raw.name, &ranges)?, Element::F64).to_f64();
    let (ny, nx) = (places.y.map_or(1, |y| dims[y].len), dims[places.x].len);
    if values.len() != ny * nx {
        return Err(Error::data("holds another number of values than its dimensions say"));
    }
    // Columns may come before rows in the file.
    let turned = places.y.is_some_and(|y| places.x < y);
    let at = |cell: usize| if turned { cell % nx * ny + cell / nx } else { cell };
    Ok(found.each(nx).map(|cell| mask.rule.takes(values[at(cell)], single)).collect())
}
