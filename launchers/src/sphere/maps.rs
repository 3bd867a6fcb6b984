//! Maps of one or two variables on a grid that spherical harmonics are known of.

use super::divided::lacking;
use crate::common::{InputArgs, SelectionArgs};
use crate::folding::{self, FoldJob};
use crate::operands::Operands;
use crate::pairs::{check_components, check_members, check_together, check_units};
use crate::step::Alone;
use halocline_algorithms::sphere::SphereGrid;
use halocline_core::engine::Numbers;
use halocline_core::grid::GridKind;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;
use rayon::prelude::*;
use std::path::PathBuf;

/// One variable, or two of the same grid and times, opened.
pub(crate) struct SphereMaps {
    pub(crate) sources: Vec<Source>,
    pub(crate) grid: SphereGrid,
    /// Over how many ranks maps are divided by hand; 1 if they are not to be.
    pub(super) shares: Option<usize>,
    /// The first file of each variable.
    files: Vec<PathBuf>,
}

impl SphereMaps {
    /// Opens variables that belong together, of the same files or each of its own, and refuses grids that
    /// are not global. `first` is the number of the first of them among the operands.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open(
        job: &FoldJob<'_>,
        (operands, first): (&Operands, usize),
        (input, asked): (&InputArgs, &SelectionArgs),
        names: &[&str],
    ) -> Result<Self> {
        let selection = asked.of_all_levels(input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        let mut files: Vec<PathBuf> = Vec::new();
        let mut grid = None;
        for (k, name) in names.iter().enumerate() {
            let dataset = operands.dataset(first + k);
            let file = dataset.files().first().map(|f| PathBuf::from(&f.path));
            let blame = |e| folding::blame(e, file.as_ref(), name);
            let source = dataset.source(job.comm, name, &selection)?;
            folding::check_is_data(name, &source).map_err(blame)?;
            if let Some(other) = sources.first() {
                // What is said of their difference is clearer than what is wrong with one.
                check_together(other, &source).map_err(blame)?;
            }
            let own = recognise(&source).map_err(blame)?;
            if let Some(other) = sources.first() {
                check_members(operands.dataset(first), dataset).map_err(blame)?;
                check_units(other, &source).map_err(blame)?;
            }
            grid.get_or_insert(own);
            sources.push(source);
            files.extend(file);
        }
        let grid = grid.ok_or_else(|| Error::internal("no variable of the sphere"))?;
        let dims = &sources[0].variable().dims;
        let parts = asked.parts(job.comm, dims)?;
        let shares = |parts: Vec<usize>| match &parts[dims.len() - 2..] {
            [1, 1] => 1,
            _ => parts.iter().product(),
        };
        let maps = Self { shares: parts.map(shares), sources, grid, files };
        if let [u, v] = maps.sources.as_slice() {
            check_components(u, v).map_err(|e| maps.blame(e))?;
        }
        Ok(maps)
    }

    /// The first variable.
    pub(crate) fn first(&self) -> &Source {
        &self.sources[0]
    }
    /// The dimensions in front of latitude and longitude.
    pub(crate) fn leading(&self) -> &[Dim] {
        let dims = &self.first().variable().dims;
        &dims[..dims.len() - 2]
    }
    /// How many maps there are of each variable.
    pub(crate) fn count(&self) -> usize {
        self.leading().iter().map(|d| d.len).product()
    }
    /// The name of a variable and its file, in an error.
    pub(crate) fn blame(&self, e: Error) -> Error {
        let name = e.variable.clone().unwrap_or_else(|| self.first().variable().name.clone());
        let at = self.sources.iter().position(|s| s.variable().name == name).unwrap_or(0);
        folding::blame(e, self.files.get(at), &name)
    }
    /// What a pass over it reads.
    pub(crate) fn alone(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("whole maps of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.sources.iter().map(of).collect()
    }

    /// Refuses values of a window that are missing or infinite: says how many, and when.
    pub(crate) fn check(&self, window: &IndexBox, values: &[Numbers<'_>]) -> Result<()> {
        let cells = self.grid.cells().max(1);
        for (source, values) in self.sources.iter().zip(values) {
            let count = |map: usize| lacking(values.slice(map * cells..(map + 1) * cells));
            let counts: Vec<usize> = (0..values.len() / cells).into_par_iter().map(count).collect();
            self.refuse(source, window, &counts)?;
        }
        Ok(())
    }

    /// Refuses maps of a window of which values lack, so many of each map: the first.
    pub(super) fn refuse(&self, source: &Source, window: &IndexBox, counts: &[usize]) -> Result<()> {
        let Some((map, count)) = counts.iter().enumerate().find(|(_, n)| **n > 0) else { return Ok(()) };
        let time = window.range(0).start + map / (counts.len() / window.range(0).len()).max(1);
        Err(Error::data(format!(
            "{count} of {} values of a map are missing or infinite{}",
            self.grid.cells(),
            crate::place::when(source, time).map_or_else(String::new, |on| format!(" on {on}"))
        ))
        .in_variable(&source.variable().name)
        .remedy("spherical harmonics need every value of a map: fill the gaps first, as with `cdo setmisstodis`, or choose --time or --level without them"))
    }

    /// Adds what a result has of time and levels, without latitude and longitude.
    pub(crate) fn add_leading<'a>(&'a self, schema: &mut Schema) -> Result<Vec<Pending<'a>>> {
        let source = self.first();
        let mut pending = schema.add_coordinate(source.time_coordinate())?;
        for dim in &self.leading()[1..] {
            schema.add_dim(&dim.name, dim.len)?;
        }
        for coordinate in source.levels().iter().chain(source.level()) {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        Ok(pending)
    }

    /// What the attribute `coordinates` of a result without latitude and longitude says, if anything.
    pub(crate) fn auxiliary(&self) -> Option<String> {
        let own = |c: &&Coordinate| {
            let v = &c.variable;
            v.dims.len() != 1 || v.dims[0].name != v.name
        };
        let all = self.first().levels().iter().chain(self.first().level()).filter(own);
        let names: Vec<&str> = all.map(|c| c.variable.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }
}

/// The grid, if spherical harmonics are known of it.
fn recognise(source: &Source) -> Result<SphereGrid> {
    let (dims, grid) = (&source.variable().dims, source.grid());
    let is_map =
        matches!(dims.as_slice(), [.., y, x] if y.role == Role::Y && x.role == Role::X && dims.len() > 2);
    let (Some(lat), Some(lon), true) = (&grid.lat, &grid.lon, is_map && grid.kind == GridKind::Rectilinear)
    else {
        return Err(Error::data("is not on a rectilinear grid of latitudes and longitudes")
            .remedy("spherical harmonics need a global Gaussian or regular grid: bring the field to one first, as with `cdo remapcon,n80`"));
    };
    SphereGrid::of(&lat.values.to_f64(), &lon.values.to_f64())
}
