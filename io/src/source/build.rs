//! From a data set, a name and a selection to a source.

use super::coordinate::{self, Pick};
use super::handles::Handles;
use super::lonlat::{self, Cut, LonLatBox};
use super::masking::{self, Levels, Masked, Target};
use super::time::time_coordinate;
use super::{horizontal, level, members, Place, Selection, Source, SourceFile};
use crate::cf::Element;
use crate::dataset::meta::{RawVariable, SharedMeta};
use crate::dataset::{of_static, Dataset, TimeEntry, VariableInfo};
use crate::direct;
use crate::stored::StoredReader;
use halocline_core::calendar::TimeAxis;
use halocline_core::grid::{CellEdges, Grid, GridKind};
use halocline_core::meta::{Coordinate, Dim, Role, Variable};
use halocline_core::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// Builds the source, but for what all of its files have to say; runs on one rank. Times are chosen by
/// the bounds of all, if they are given.
pub(super) fn build(
    dataset: &Dataset,
    name: &str,
    selection: &Selection,
    bounds_of_times: Option<&[f64]>,
) -> Result<Source> {
    let info = dataset.variable(name)?;
    let file = dataset.files().first().map_or("", |f| f.path.as_str());
    select(dataset, info, selection, bounds_of_times).map_err(|e| {
        // A mask's or a region's file is at fault alone.
        if e.file.as_deref().is_some_and(|at| at != file) {
            e
        } else {
            e.in_variable(name).in_file(file)
        }
    })
}

fn select(
    dataset: &Dataset,
    info: &VariableInfo,
    selection: &Selection,
    bounds_of_times: Option<&[f64]>,
) -> Result<Source> {
    if let Some(problem) = &info.problem {
        return Err(problem.clone());
    }
    let variable = &info.variable;
    if !variable.dtype.is_numeric() {
        return Err(Error::data(format!("holds {} values, not numbers", variable.dtype.name()))
            .remedy("choose a variable of numbers"));
    }
    let members = members::coordinates(dataset, variable);
    if let (false, Some([member, _])) = (selection.all_levels, &members) {
        return Err(Error::usage(format!(
            "is of {} members of an ensemble, and one is wanted",
            member.values.len()
        ))
        .remedy("name one file, and leave out --ensemble"));
    }
    let bounds = selection.lon_lat_box.map(LonLatBox::new).transpose()?;
    let path = &dataset.files()[0].path;
    let (reader, meta) = direct::meta::read(Path::new(path), selection.io)?;
    let meta = meta.share(None);
    let gone = || Error::data("the variable is gone: the file has changed since it was opened");
    let raw = meta.variable(&variable.name).ok_or_else(gone)?;
    let is_static = variable.position(Role::Time).is_none();
    let entry =
        if is_static { Cow::Owned(of_static(&meta, raw, &*reader)?) } else { times(dataset, variable)? };
    let time = entry.axis.as_ref().map_err(Clone::clone)?;
    let kept = steps(selection, &entry, time, bounds_of_times)?;

    let Places { mut layout, level: levels, kept: mut kept_dims, ground } =
        places(&variable.dims, selection)?;
    let range = selection.levels;
    let (fixed, level) = if let Some(dim) = levels {
        level::along(&meta, dim, selection.level, range, &*reader)?
    } else {
        // Of levels that are kept, the range cuts the dimension.
        let range = range.filter(|_| !kept_dims.iter().any(level::is_level));
        (0, level::scalar(&meta, raw, selection.level, range, &*reader)?)
    };
    if let Some(at) = variable.dims.iter().position(level::is_level).filter(|_| levels.is_some()) {
        layout[at] = Place::Fixed(fixed);
    }
    if let Some(empty) = ground.iter().chain(&kept_dims).find(|d| d.len == 0) {
        return Err(Error::data(format!("dimension `{}` is empty", empty.name)));
    }
    let mut kept_values = level::whole(&meta, &kept_dims, &*reader)?;
    let first = match range {
        Some(range) => level::cut(&mut kept_dims, &mut kept_values, range)?,
        None => vec![0; kept_dims.len()],
    };
    let (mut grid, cut) = cut_grid(&meta, raw, &ground, bounds, &*reader)?;
    let masked = {
        let whole = ground.iter().map(|d| d.len).collect();
        let lead = 1 + usize::from(members.is_some());
        let levels = levels_of(lead, &kept_dims, &kept_values, level.as_ref());
        let (file, variable) = (path.as_str(), variable.name.as_str());
        masking::masked(selection, &Target { file, variable, grid: &grid, cut: &cut, whole, levels })?
    };
    let Masked { cells, excluded, files: selection_files, notes } = masked;
    grid.excluded = excluded;
    let time_dim = Dim::new(entry.dim.clone(), kept.len(), Role::Time);
    let files = used(dataset, info, &kept);
    let axis = time.slice(kept.clone());
    let time_coordinate = time_coordinate(&entry.name, &time_dim, &entry.attributes, &axis);
    let member_dim = members.iter().map(|m| m[0].variable.dims[0].clone());
    let kept_dims = member_dim.chain(kept_dims.iter().cloned());
    let dims: Vec<Dim> =
        std::iter::once(time_dim).chain(kept_dims).chain(grid.dims.iter().cloned()).collect();
    let mut chunks = info.chunks.as_ref().map(|c| in_order(c, &layout));
    if let (Some(chunks), true) = (&mut chunks, is_static) {
        chunks.insert(0, 1);
    }
    if let (Some(chunks), Some(_)) = (&mut chunks, &members) {
        chunks.insert(1, 1);
    }
    drop(reader);
    Ok(Source {
        variable: Variable { dims, ..variable.clone() },
        time: axis,
        time_name: entry.name.clone(),
        time_attributes: entry.attributes.clone(),
        time_coordinate,
        known_bounds: None,
        chosen_times: selection.time.is_some(),
        grid,
        level,
        ensemble: members.is_some(),
        kept: members.into_iter().flatten().chain(kept_values).collect(),
        element: element(info),
        chunks,
        files,
        located: Vec::new(),
        note: None,
        decodes: info.decodes.clone(),
        layout,
        y: cut.y,
        x: cut.x,
        first,
        cells,
        selection_files,
        notes,
        handles: Handles::default(),
    })
}

/// The levels of a source, for masks that have some.
fn levels_of(lead: usize, kept: &[Dim], values: &[Coordinate], picked: Option<&Coordinate>) -> Levels {
    if let Some(at) = kept.iter().position(level::is_level) {
        let own =
            values.iter().find(|c| c.variable.dims.len() == 1 && c.variable.dims[0].name == kept[at].name);
        return Levels::Kept { dim: lead + at, len: kept[at].len, values: own.map(|c| c.values.to_f64()) };
    }
    match picked {
        Some(level) => Levels::One(level.values.to_f64().first().copied()),
        None => Levels::None,
    }
}

/// The selected steps.
fn steps(
    selection: &Selection,
    entry: &TimeEntry,
    time: &TimeAxis,
    bounds: Option<&[f64]>,
) -> Result<Range<usize>> {
    match &selection.time {
        None => Ok(0..time.len()),
        Some(_) if entry.name == Dim::NO_TIME => {
            Err(Error::usage("has no time that one could choose").remedy("leave out --time"))
        }
        Some(range) => time.select_by_bounds(range, bounds),
    }
}

/// The time coordinate of a variable that has a time dimension.
fn times<'a>(dataset: &'a Dataset, variable: &Variable) -> Result<Cow<'a, TimeEntry>> {
    let Some(dim) = variable.dims.iter().find(|d| d.role == Role::Time) else {
        return Err(Error::internal("has no time dimension"));
    };
    let at = dataset.times().iter().position(|t| t.dim == dim.name);
    let at = at.filter(|&at| at == 0 || dataset.files().len() == 1).ok_or_else(|| {
        let along = dataset.times().first().map_or("", |t| t.dim.as_str());
        Error::data(format!("runs along `{}`, but the files are joined along `{along}`", dim.name))
            .remedy("read it from one file at a time")
    })?;
    let entry = &dataset.times()[at];
    let axis = entry.axis.as_ref().map_err(Clone::clone)?;
    if axis.is_empty() {
        return Err(Error::data(format!("there are no time steps: dimension `{}` is empty", dim.name))
            .remedy("name files that hold records"));
    }
    axis.check_increasing().map_err(|e| e.in_variable(&entry.name))?;
    Ok(Cow::Borrowed(entry))
}

/// Where the dimensions of a variable go.
struct Places<'a> {
    /// Per dimension of the file.
    layout: Vec<Place>,
    /// The vertical one, of which one level is picked.
    level: Option<&'a Dim>,
    /// Those between time and the horizontal ones.
    kept: Vec<Dim>,
    /// The horizontal ones, Y before X.
    ground: Vec<Dim>,
}

fn places<'a>(dims: &'a [Dim], selection: &Selection) -> Result<Places<'a>> {
    let mut layout = Vec::with_capacity(dims.len());
    let mut kept = Vec::new();
    let mut keep = |d: &Dim| {
        kept.push(d.clone());
        Place::Kept(kept.len() - 1)
    };
    let all_levels = selection.all_levels && selection.level.is_none();
    for d in dims {
        layout.push(match d.role {
            Role::Time => Place::Time,
            Role::Y => Place::Y,
            Role::X => Place::X,
            Role::Level if all_levels => keep(d),
            Role::Level => Place::Fixed(0),
            _ if selection.all_levels => keep(d),
            _ if d.len == 1 => Place::Fixed(0),
            _ => {
                return Err(Error::data(format!(
                    "dimension `{}` of length {} is neither time nor level nor horizontal",
                    d.name, d.len
                ))
                .remedy("pick one index of it first, for example with `ncks -d`"))
            }
        });
    }
    let find = |role| dims.iter().find(|d| d.role == role);
    let mut ground: Vec<Dim> = [Role::Y, Role::X].into_iter().filter_map(|r| find(r).cloned()).collect();
    // An only horizontal dimension is X, whatever it runs along.
    if let [only] = ground.as_mut_slice() {
        only.role = Role::X;
        layout.iter_mut().filter(|p| **p == Place::Y).for_each(|p| *p = Place::X);
    }
    Ok(Places { layout, level: find(Role::Level).filter(|_| !all_levels), kept, ground })
}

/// The grid of the variable and what the box leaves of it.
fn cut_grid(
    meta: &SharedMeta,
    raw: &RawVariable,
    dims: &[Dim],
    bounds: Option<LonLatBox>,
    reader: &dyn StoredReader,
) -> Result<(Grid, Cut)> {
    let grid = horizontal::grid(meta, raw, dims, reader)?;
    lonlat::check_monotonic(&grid)?;
    let len = |role| dims.iter().find(|d| d.role == role).map_or(1, |d| d.len);
    let all = Cut {
        y: 0..len(Role::Y),
        x: std::iter::once(0..len(Role::X)).collect(),
        shift: vec![0.0],
        excluded: Vec::new(),
    };
    let cut = match bounds {
        None => all,
        Some(bounds) => bounds.cut(&grid)?,
    };
    let columns = cut.x.iter().cloned().flatten();
    let picks: Vec<Pick> = dims
        .iter()
        .map(|d| {
            let indices = if d.role == Role::X { columns.clone().collect() } else { cut.y.clone().collect() };
            Pick { dim: d.name.clone(), indices, squeeze: false }
        })
        .collect();
    let pick = |c: &halocline_core::meta::Coordinate| coordinate::pick(c, &picks);
    let mut lon = grid.lon.as_ref().map(pick);
    if let Some(lon) = &mut lon {
        lonlat::shift_longitudes(lon, &cut);
    }
    let dims = dims.iter().zip(&picks).map(|(d, p)| Dim { len: p.indices.len(), ..d.clone() }).collect();
    // The cells at the rim of a box are as large as in the whole grid.
    let edges = grid.cell_edges().ok().filter(|_| grid.kind == GridKind::Rectilinear).map(|all| CellEdges {
        lat: all.lat[cut.y.clone()].to_vec(),
        lon: cut.x.iter().cloned().flatten().map(|i| all.lon[i]).collect(),
    });
    let grid = Grid {
        kind: grid.kind,
        edges,
        dims,
        lat: grid.lat.as_ref().map(pick),
        lon,
        extra: grid.extra.iter().map(pick).collect(),
        excluded: cut.excluded.clone(),
    };
    Ok((grid, cut))
}

/// The type that holds the values of all files, whichever the selection uses.
fn element(info: &VariableInfo) -> Element {
    if info.decodes.iter().all(|d| d.element() == Element::F32) {
        Element::F32
    } else {
        Element::F64
    }
}

/// Lengths per dimension of the file in the order of the source's.
fn in_order(lengths: &[usize], layout: &[Place]) -> Vec<usize> {
    let mut kept: Vec<(&Place, usize)> = layout.iter().zip(lengths.iter().copied()).collect();
    kept.retain(|(place, _)| !matches!(place, Place::Fixed(_)));
    kept.sort_by_key(|(place, _)| place.order());
    kept.into_iter().map(|(_, len)| len).collect()
}

/// The files that hold the selected times.
fn used(dataset: &Dataset, info: &VariableInfo, kept: &Range<usize>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    // What does not vary in time is read from the first, members of an ensemble each from its own.
    let is_static = info.variable.position(Role::Time).is_none();
    let count = if is_static && dataset.members().is_empty() { 1 } else { usize::MAX };
    for (k, part) in dataset.files().iter().enumerate().take(count) {
        // A variable along a time dimension of its own is in a single file.
        let whole = if is_static {
            0..1
        } else if dataset.files().len() == 1 {
            0..info.variable.dims.iter().find(|d| d.role == Role::Time).map_or(kept.end, |d| d.len)
        } else {
            part.time_offset..part.time_offset + part.time_len
        };
        let (start, end) = (whole.start.max(kept.start), whole.end.min(kept.end));
        if start < end {
            let decode = info.decode_of_file.get(k).copied().unwrap_or(0);
            files.push(SourceFile {
                path: part.path.clone(),
                bytes: part.bytes,
                time_len: whole.len(),
                first: start - whole.start,
                times: start - kept.start..end - kept.start,
                decode,
            });
        }
    }
    files
}
