//! What files of spectra in space have in common: the dimensions that are left, how batches of cells
//! are written, what is said of values that are not there.

use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::series::chunks;
use halocline_algorithms::spatial::Absent;
use halocline_core::engine::Engine;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Pending, Schema, VariableSpec};
use halocline_io::source::Source;

/// A variable of which some dimensions are transformed and others averaged over: a cell is an index
/// of all that are not transformed.
pub(super) struct Cells<'a> {
    source: &'a Source,
    transformed: Vec<bool>,
    averaged: Vec<bool>,
    /// All times in one, where they are averaged over or transformed.
    time: Option<Coordinate>,
}

impl<'a> Cells<'a> {
    /// Refuses a variable that has a dimension of one of the `taken` names.
    pub(super) fn new(
        source: &'a Source,
        transformed: &[Role],
        averaged: &[Role],
        taken: &[&str],
    ) -> Result<Self> {
        let dims = &source.variable().dims;
        if let Some(dim) = dims.iter().find(|d| taken.contains(&d.name.as_str())) {
            return Err(Error::usage(format!("has a dimension `{}`, which results have, too", dim.name))
                .remedy("rename it first, as with `ncrename`"));
        }
        let of = |roles: &[Role]| dims.iter().map(|d| roles.contains(&d.role)).collect::<Vec<_>>();
        let (transformed, averaged) = (of(transformed), of(averaged));
        let time = (transformed[0] || averaged[0]).then(|| whole_time(source));
        Ok(Self { source, transformed, averaged, time })
    }
    fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.transformed.len()).filter(|&d| !self.transformed[d] && !self.averaged[d])
    }
    fn is_kept(&self, name: &str) -> bool {
        self.kept().any(|d| self.source.variable().dims[d].name == name)
    }
    /// Coordinates in space whose dimensions are all left.
    fn coordinates(&self) -> impl Iterator<Item = &'a Coordinate> + '_ {
        let grid = self.source.grid();
        let ground = grid.lat.iter().chain(&grid.lon).chain(&grid.extra);
        let all = self.source.levels().iter().chain(ground);
        let left = |c: &&Coordinate| {
            !c.variable.dims.is_empty() && c.variable.dims.iter().all(|d| self.is_kept(&d.name))
        };
        all.filter(left).chain(self.source.level())
    }

    /// Adds the dimensions that are left, and their coordinates.
    pub(super) fn begin(&self, schema: &mut Schema) -> Result<Vec<Pending<'_>>> {
        let mut pending = Vec::new();
        let times = self.time.as_ref().unwrap_or_else(|| self.source.time_coordinate());
        pending.extend(schema.add_coordinate(times)?);
        for d in self.kept() {
            let dim = &self.source.variable().dims[d];
            schema.add_dim(&dim.name, dim.len)?;
        }
        for coordinate in self.coordinates() {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        Ok(pending)
    }

    /// A variable over what is left, then over `trailing`.
    pub(super) fn variable(
        &self,
        schema: &Schema,
        name: &str,
        trailing: &[&str],
        mut attributes: Attributes,
    ) -> VariableSpec {
        let own = |c: &&Coordinate| {
            let variable = &c.variable;
            variable.dims.len() != 1 || variable.dims[0].name != variable.name
        };
        let named: Vec<&str> =
            self.coordinates().chain(&self.time).filter(own).map(|c| c.variable.name.as_str()).collect();
        if !named.is_empty() {
            attributes.set("coordinates", named.join(" "));
        }
        let dims = &self.source.variable().dims;
        let gone: Vec<&str> = dims
            .iter()
            .zip(&self.averaged)
            .filter(|(_, a)| **a)
            .map(|(d, _)| crate::cf::gone(d, self.source))
            .collect();
        if !gone.is_empty() {
            attributes.set("cell_methods", format!("{}: mean", gone.join(": ")));
        }
        let names: Vec<&str> =
            self.kept().map(|d| dims[d].name.as_str()).chain(trailing.iter().copied()).collect();
        let lens: Vec<usize> = names.iter().map(|name| schema.dim(name).map_or(1, |d| d.len)).collect();
        VariableSpec::data(name, names, DType::F64).finite().attributes(attributes).chunks(chunks(&lens))
    }

    /// Writes a result of a batch, rows by cells, as cells by `trailing`.
    ///
    /// # Collective
    /// Every rank calls this with its part.
    pub(super) fn write(
        &self,
        file: &mut Output,
        name: &str,
        trailing: &[usize],
        (cells, values): (&IndexBox, &[f64]),
    ) -> Result<()> {
        let rows: usize = trailing.iter().product();
        let ranges: Vec<_> = if values.is_empty() {
            vec![0..0; self.kept().count() + trailing.len()]
        } else {
            self.kept().map(|d| cells.range(d)).chain(trailing.iter().map(|n| 0..*n)).collect()
        };
        let count = values.len() / rows.max(1);
        let mut turned = vec![0.0; values.len()];
        for (row, of_row) in values.chunks(count.max(1)).enumerate() {
            of_row.iter().enumerate().for_each(|(cell, v)| turned[cell * rows + row] = *v);
        }
        file.write_block(name, &IndexBox::new(ranges), &Values::F64(turned))
    }

    /// Writes a part of the means, which the first rank has: of the numbers of each group those from
    /// `first` on.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write_mean(
        &self,
        file: &mut Output,
        name: &str,
        trailing: &[usize],
        (means, each, first): (Option<&[f64]>, usize, usize),
    ) -> Result<()> {
        let rows: usize = trailing.iter().product();
        let values: Vec<f64> = means.map_or_else(Vec::new, |means| {
            means.chunks(each.max(1)).flat_map(|group| &group[first..first + rows]).copied().collect()
        });
        let dims = &self.source.variable().dims;
        let ranges = self.kept().map(|d| 0..dims[d].len).chain(trailing.iter().map(|n| 0..*n));
        let ranges = ranges.map(|r| if means.is_some() { r } else { 0..0 }).collect();
        file.write_block(name, &IndexBox::new(ranges), &Values::F64(values))
    }

    /// Refuses values that are not there, with their place.
    ///
    /// # Collective
    /// Every rank calls this with what it has seen.
    pub(super) fn check(&self, job: &FoldJob<'_>, own: &Absent, remedy: &str) -> Result<()> {
        let mut all = Absent::default();
        Engine::new(job.comm).gather(own)?.iter().for_each(|part| all.join(part));
        if let Some((cell, place)) = all.first {
            return Err(Error::data(format!(
                "{} values are missing or infinite, the first {}",
                all.count,
                self.locate(cell, place)
            ))
            .remedy(remedy));
        }
        if all.complete == 0 {
            return Err(Error::data("all values are missing")
                .remedy("check _FillValue, valid_range and the selection"));
        }
        if all.empty > 0 {
            job.verbosity.say(job.comm, || {
                format!(
                    "note: {} of {} rows have no values, and no spectrum",
                    all.empty,
                    all.empty + all.complete
                )
            });
        }
        Ok(())
    }

    /// Where a value is, in the user's words: `cell` counts over what is not transformed, `place`
    /// over what is.
    fn locate(&self, cell: usize, place: usize) -> String {
        let (source, dims) = (self.source, &self.source.variable().dims);
        let (mut cell, mut place, mut at) = (cell, place, vec![0; dims.len()]);
        for d in (0..dims.len()).rev() {
            let rest = if self.transformed[d] { &mut place } else { &mut cell };
            at[d] = *rest % dims[d].len.max(1);
            *rest /= dims[d].len.max(1);
        }
        let behind = dims.iter().zip(&at).skip(1).fold(0, |number, (dim, i)| number * dim.len + i);
        crate::place::locate(source, behind, at[0])
    }
}

/// A coordinate that counts along a dimension of its own name.
pub(super) fn coordinate(name: &str, values: Vec<f64>, attributes: Attributes) -> Coordinate {
    let dims = vec![Dim::new(name, values.len(), Role::Other)];
    let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

/// The same with bounds, two for each value.
pub(super) fn bounded(name: &str, values: Vec<f64>, bounds: &[f64], attributes: Attributes) -> Coordinate {
    let mut coordinate = coordinate(name, values, attributes);
    let dims = coordinate.variable.dims.iter().cloned().chain([Dim::new("bnds", 2, Role::Other)]).collect();
    let variable =
        Variable { name: format!("{name}_bnds"), dims, dtype: DType::F64, attributes: Attributes::new() };
    coordinate.bounds =
        Some(Box::new(Coordinate { variable, values: Values::F64(bounds.to_vec()), bounds: None }));
    coordinate
}
