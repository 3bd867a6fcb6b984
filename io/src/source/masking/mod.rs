//! Which cells a selection leaves: masks from files and regions, all of which must hold.

mod bits;
mod file;
mod matching;
mod spec;

use super::lonlat::{self, Cut};
use super::region::Region;
use super::Selection;
pub(super) use bits::Cells;
use bits::Plane;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
pub use spec::{MaskFile, MaskRule};
use std::os::unix::fs::MetadataExt;

/// The levels of the data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Levels {
    /// It has none.
    None,
    /// One was picked, of this value.
    One(Option<f64>),
    /// They are kept, as this dimension of the source.
    Kept { dim: usize, len: usize, values: Option<Vec<f64>> },
}

/// What is to be masked.
pub(super) struct Target<'a> {
    /// The first file and the variable, for messages.
    pub(super) file: &'a str,
    pub(super) variable: &'a str,
    /// What a box has left, and of which indices.
    pub(super) grid: &'a Grid,
    pub(super) cut: &'a Cut,
    /// Lengths of the horizontal dimensions in the file.
    pub(super) whole: Vec<usize>,
    pub(super) levels: Levels,
}

/// What masks and regions make of a source.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// The wanted cells; none if all are.
    pub(super) cells: Option<Cells>,
    /// Cells that are wanted at no level; empty if there are none.
    pub(super) excluded: Vec<bool>,
    pub(super) files: Vec<SelectionFile>,
    pub(super) notes: Vec<String>,
}

/// A file that a selection was read from, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectionFile {
    /// Where it is.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub changed: i128,
}

impl SelectionFile {
    fn of(path: &str) -> Result<Self> {
        crate::inputs::note(path.as_ref());
        let about = std::fs::metadata(path).map_err(|e| {
            let kind = if e.kind() == std::io::ErrorKind::NotFound { Error::data } else { Error::system };
            let what = if e.kind() == std::io::ErrorKind::NotFound {
                "there is no such file".to_owned()
            } else {
                format!("cannot be read: {e}")
            };
            kind(what).in_file(path)
        })?;
        let changed = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
        Ok(Self { path: path.to_owned(), bytes: about.len(), changed })
    }
}

/// Reads masks and the region, and finds the cells that are in all of them and in the box.
///
/// # Errors
/// As reading them; usage, if no cell is left, or the region can't be placed as the data have no
/// latitudes and longitudes.
pub(super) fn masked(selection: &Selection, target: &Target<'_>) -> Result<Masked> {
    let boxed = &target.cut.excluded;
    let mut all = Masked::default();
    let repeated = &selection.repeated;
    let is_whole = boxed.is_empty() && repeated.is_empty();
    if selection.masks.is_empty() && selection.region.is_none() && is_whole {
        return Ok(all);
    }
    let ground = target.grid.shape();
    if ground.is_empty() {
        return Err(Error::usage("has no horizontal dimension that a mask or a region could select by"));
    }
    let size = target.grid.len();
    let mut planes: Vec<Plane> =
        vec![(0..size).map(|cell| !boxed.get(cell).copied().unwrap_or(false)).collect()];
    if !repeated.is_empty() {
        all.notes.push(told(repeated.len(), target.grid));
        let mut once = vec![true; size];
        repeated.iter().filter(|cell| **cell < size).for_each(|cell| once[*cell] = false);
        meet(&mut planes, &[once.into_iter().collect()]);
    }
    if let Some(region) = &selection.region {
        all.files.extend(region.file().map(SelectionFile::of).transpose()?);
        meet(&mut planes, &[inside(region, target.grid)?.into_iter().collect()]);
    }
    for mask in &selection.masks {
        all.files.push(SelectionFile::of(&mask.path)?);
        let read = file::read(mask, selection.io, target)?;
        if !read.planes.iter().any(Plane::any) {
            return Err(Error::usage(format!("the mask {mask} is true at no cell of the data")));
        }
        all.notes.extend(read.note);
        meet(&mut planes, &read.planes);
    }
    if !planes.iter().any(Plane::any) {
        return Err(Error::usage("masks, region and box have no cell in common"));
    }
    let level = match &target.levels {
        Levels::Kept { dim, .. } if planes.len() > 1 => Some(*dim),
        _ => None,
    };
    all.cells = Cells::new(level, ground, planes);
    all.excluded = all.cells.as_ref().map_or_else(Vec::new, Cells::never);
    if !all.excluded.contains(&true) {
        all.excluded.clear();
    }
    Ok(all)
}

/// What is left out of a grid as it repeats others.
fn told(cells: usize, grid: &Grid) -> String {
    let rows = grid.dims.iter().find(|d| d.role == Role::Y).map_or(1, |d| d.len.max(1));
    let (what, count) =
        if grid.kind == GridKind::Rectilinear { ("column", cells / rows) } else { ("cell", cells) };
    match count {
        1 => format!("1 {what} repeats another: it is left out, and counts once"),
        n => format!("{n} {what}s repeat others: they are left out, and count once"),
    }
}

/// Leaves in `planes` what is in `others` too; one plane stands for all.
fn meet(planes: &mut Vec<Plane>, others: &[Plane]) {
    if let ([plane], true) = (planes.as_slice(), others.len() > 1) {
        *planes = vec![plane.clone(); others.len()];
    }
    for (k, plane) in planes.iter_mut().enumerate() {
        plane.meet(if others.len() == 1 { &others[0] } else { &others[k] });
    }
}

/// Which cells have their centre in a region.
fn inside(region: &Region, grid: &Grid) -> Result<Vec<bool>> {
    let shapes = region.shapes()?;
    let (Some(lat), Some(lon)) = (&grid.lat, &grid.lon) else {
        return Err(Error::usage("has no latitudes and longitudes that a region could select by"));
    };
    let near = [lonlat::tolerance(lat), lonlat::tolerance(lon)];
    let nx = grid.shape().last().copied().unwrap_or(1).max(1);
    let (lats, lons) = if grid.kind == GridKind::Rectilinear {
        (lat.values.to_f64(), lon.values.to_f64())
    } else {
        let spread = || Error::data("its latitudes and longitudes don't fit its dimensions");
        (grid.latitudes().ok_or_else(spread)?, grid.longitudes().ok_or_else(spread)?)
    };
    let mut cells = vec![false; grid.len()];
    cells.par_chunks_mut(nx).enumerate().for_each(|(j, row)| {
        for (i, cell) in row.iter_mut().enumerate() {
            *cell = if grid.kind == GridKind::Rectilinear {
                shapes.hold(lats[j], lons[i], near)
            } else {
                shapes.hold(lats[j * nx + i], lons[j * nx + i], near)
            };
        }
    });
    if !cells.contains(&true) {
        return Err(Error::usage(format!("no cell centre lies in the region {region}"))
            .remedy(format!("the data reach {}", lonlat::extent(lat, lon))));
    }
    Ok(cells)
}
