//! The time coordinate of a source, as results carry it on.

use super::memory::{Memory, Told};
use super::{coordinate, Source, SourceFile};
use crate::cf::Element;
use crate::dataset::Dataset;
use crate::direct;
use crate::io_mode::Io;
use halocline_core::calendar::{TimeAxis, TimeUnits};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// The coordinate without its bounds, in the units of `axis`.
pub(super) fn time_coordinate(name: &str, dim: &Dim, attributes: &Attributes, axis: &TimeAxis) -> Coordinate {
    let mut kept = coordinate::of_decoded(attributes);
    kept.remove("bounds");
    // Climatological bounds mean what they mean for the averages of the input alone.
    kept.remove("climatology");
    kept.set("units", axis.units.text());
    kept.set("calendar", axis.calendar.name());
    kept.set("axis", "T");
    if kept.get("standard_name").is_none() {
        kept.set("standard_name", "time");
    }
    let variable =
        Variable { name: name.to_owned(), dims: vec![dim.clone()], dtype: DType::F64, attributes: kept };
    Coordinate { variable, values: Values::F64(axis.values.clone()), bounds: None }
}

/// A coordinate of bounds that all times have, and bounds as far as they are known.
type Bounds = (Option<Box<Coordinate>>, Option<Vec<f64>>);

/// The bounds of the times of a source in the units of its times; none where a file has none
/// that fit. And those that files have, NaN for times of files that have none.
///
/// # Collective
/// Every rank calls this with the same arguments, rank 0 with what it remembers.
///
/// # Errors
/// Data, if a file is damaged; system, if it can't be read. Of several files the first, on every
/// rank.
pub(super) fn bounds(comm: &Comm, memory: &Memory, dataset: &Dataset, source: &Source) -> Result<Bounds> {
    let Some(bounds) = named(dataset, source) else { return Ok((None, None)) };
    let files = &source.files;
    // Whoever keeps them reads all of a file: the next selection may be another.
    let steps = |file: &SourceFile| {
        if dataset.is_cached() {
            0..file.time_len
        } else {
            file.first..file.first + file.times.len()
        }
    };
    let usable = |i: usize, kept: &Option<Stored>| kept.as_ref().is_none_or(|k| k.of(&files[i]).is_some());
    let io = dataset.options().io;
    let find = |i: usize| {
        let (file, all) = (&files[i], steps(&files[i]));
        let needed = file.first..file.first + file.times.len();
        match read((&file.path, io), source, all.clone()) {
            // Damage beyond what is needed must not matter.
            Err(_) if all != needed => read((&file.path, io), source, needed),
            found => found,
        }
    };
    let told = memory.each(comm, &format!("bounds of:{}", source.time_name), usable, find)?;
    comm.on_root(|| {
        let told = of_times(told, source)?;
        let known = Some(of_each(&told, files, &source.time));
        let coordinate = join(&told, files, &source.time).map(|(vertices, values)| {
            let dims =
                vec![source.time_coordinate.variable.dims[0].clone(), Dim::new(vertices, 2, Role::Other)];
            let attributes = Attributes::new();
            let variable = Variable { name: bounds, dims, dtype: DType::F64, attributes };
            Box::new(Coordinate { variable, values: Values::F64(values), bounds: None })
        });
        Ok((coordinate, known))
    })
}

/// What the bounds of the times are called: as in the first file, or else as in the first that has some.
/// None if no file has any, which need not be sought in thousands then.
fn named(dataset: &Dataset, source: &Source) -> Option<String> {
    let own = source.time_attributes.text("bounds").filter(|bounds| dataset.variable(bounds).is_ok());
    own.or_else(|| dataset.time_bounds()).map(str::to_owned)
}

/// What was found in files whose times follow one another: those of members of an ensemble are the same.
fn of_times(told: Option<Told<Option<Stored>>>, source: &Source) -> Result<Vec<Option<Stored>>> {
    let Some(told) = told else { return Err(Error::internal("nothing was found on rank 0")) };
    let all = told.all()?;
    if source.is_ensemble() {
        // Of the first that has some.
        return Ok(vec![all.into_iter().flatten().next()]);
    }
    Ok(all)
}

/// The bounds of all times, NaN of those that have none.
fn of_each(told: &[Option<Stored>], files: &[SourceFile], axis: &TimeAxis) -> Vec<f64> {
    let of = |(stored, file): (&Option<Stored>, &SourceFile)| {
        let found = stored.as_ref().and_then(|stored| converted(stored, file, axis));
        found.unwrap_or_else(|| vec![f64::NAN; 2 * file.times.len()])
    };
    told.iter().zip(files).flat_map(of).collect()
}

/// The bounds of all times of a data set, as far as files have them and they can be read; NaN elsewhere.
/// They tell which times are to be chosen: what is wrong with a file whose times are not must not matter.
///
/// # Collective
/// As [`bounds`].
///
/// # Errors
/// Internal, if ranks disagree.
pub(super) fn known_bounds(
    comm: &Comm,
    memory: &Memory,
    dataset: &Dataset,
    source: &Source,
) -> Result<Option<Vec<f64>>> {
    if named(dataset, source).is_none() {
        return Ok(None);
    }
    let (files, io) = (&source.files, dataset.options().io);
    let usable = |i: usize, kept: &Option<Stored>| kept.as_ref().is_none_or(|k| k.of(&files[i]).is_some());
    let find = |i: usize| Ok(read((&files[i].path, io), source, 0..files[i].time_len).unwrap_or_default());
    let told = memory.each(comm, &format!("known bounds of:{}", source.time_name), usable, find)?;
    comm.on_root(|| Ok(Some(of_each(&of_times(told, source)?, files, &source.time))))
}

/// The bounds of the times that a source has of a file, in the units of its times: NaN where they don't
/// decode, none if their units don't.
fn converted(stored: &Stored, file: &SourceFile, axis: &TimeAxis) -> Option<Vec<f64>> {
    let units = TimeUnits::parse(&stored.units, axis.calendar).ok()?;
    let same = units.is_same_scale(&axis.units);
    let convert = |&value: &f64| match units.decode(value) {
        Ok(_) if same => value,
        Ok(at) => axis.units.encode(at),
        Err(_) => f64::NAN,
    };
    Some(stored.of(file)?.iter().map(convert).collect())
}

/// The bounds of some times of a file, as they are there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    /// The dimension of vertices.
    vertices: String,
    /// Units of the bounds: those of the coordinate, if they state none.
    units: String,
    /// Time step of the first pair.
    first: usize,
    values: Vec<f64>,
}

impl Stored {
    /// Those of the times that a source has of a file.
    fn of(&self, file: &SourceFile) -> Option<&[f64]> {
        let from = file.first.checked_sub(self.first)?.checked_mul(2)?;
        self.values.get(from..from.checked_add(2 * file.times.len())?)
    }
}

/// The bounds of some times of a file, which its own coordinate names; `None` if it has none that fit.
fn read((path, io): (&str, Io), source: &Source, steps: Range<usize>) -> Result<Option<Stored>> {
    let (reader, meta) = direct::meta::read(Path::new(path), io)?;
    let find = |name: &str| meta.variables.iter().find(|v| v.name == name);
    let Some(time) = find(&source.time_name) else { return Ok(None) };
    let Some(stored) = time.attributes.text("bounds").and_then(find) else { return Ok(None) };
    let lead = time.dims.len();
    let fits = stored.dtype.is_numeric() && stored.shape.len() == lead + 1 && stored.shape[lead] == 2;
    if !fits || lead > 1 || !stored.dims.starts_with(&time.dims) {
        return Ok(None);
    }
    let decode = stored.decode().map_err(|e| e.in_file(path))?;
    let first = steps.start;
    let ranges = [steps, 0..2];
    let values = decode.decode(reader.read_raw(&stored.name, &ranges[1 - lead..])?, Element::F64).to_f64();
    let own = stored.attributes.text("units").filter(|units| units.to_ascii_lowercase().contains(" since "));
    let units = own.or_else(|| time.attributes.text("units")).unwrap_or_default().to_owned();
    Ok(Some(Stored { vertices: stored.dims[lead].clone(), units, first, values }))
}

/// The bounds of all times and the name of their dimension of vertices.
fn join(stored: &[Option<Stored>], files: &[SourceFile], axis: &TimeAxis) -> Option<(String, Vec<f64>)> {
    let mut all = Vec::with_capacity(2 * axis.values.len());
    let mut vertices = "";
    for (stored, file) in stored.iter().zip(files) {
        let stored = stored.as_ref()?;
        all.extend(converted(stored, file, axis)?);
        vertices = &stored.vertices;
    }
    // Results have bounds of all times or none.
    (!all.iter().any(|v: &f64| v.is_nan()) && all.len() == 2 * axis.values.len() && !vertices.is_empty())
        .then(|| (vertices.to_owned(), all))
}
