//! Maps of one or two variables on a grid that spherical harmonics are known of.

use crate::common::{paths, InputArgs, SelectionArgs};
use crate::folding::{self, FoldJob};
use crate::pairs::check_together;
use crate::step::Alone;
use halocline_algorithms::sphere::SphereGrid;
use halocline_core::engine::Numbers;
use halocline_core::grid::GridKind;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;
use rayon::prelude::*;
use std::path::PathBuf;

/// One variable, or two of the same grid and times, opened.
pub(crate) struct SphereMaps {
    pub(crate) sources: Vec<Source>,
    pub(crate) grid: SphereGrid,
    file: Option<PathBuf>,
}

impl SphereMaps {
    /// Opens variables that belong together, and refuses grids that are not global.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open(
        job: &FoldJob<'_>,
        dataset: &Dataset,
        (input, selection): (&InputArgs, &SelectionArgs),
        names: &[&str],
    ) -> Result<Self> {
        let files = paths(dataset);
        let selection = selection.of_all_levels(input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        let mut grid = None;
        for name in names {
            let blame = |e| folding::blame(e, files.first(), name);
            let source = dataset.source(job.comm, name, &selection)?;
            folding::check_is_data(name, &source).map_err(blame)?;
            let own = recognise(&source).map_err(blame)?;
            if let Some(first) = sources.first() {
                check_together(first, &source).map_err(blame)?;
            }
            grid.get_or_insert(own);
            sources.push(source);
        }
        let grid = grid.ok_or_else(|| Error::internal("no variable of the sphere"))?;
        Ok(Self { sources, grid, file: files.first().cloned() })
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
    /// The name of a variable and the file, in an error.
    pub(crate) fn blame(&self, e: Error) -> Error {
        let name = e.variable.clone().unwrap_or_else(|| self.first().variable().name.clone());
        folding::blame(e, self.file.as_ref(), &name)
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
        let lacking = |values: &Numbers<'_>| -> Vec<usize> {
            match values {
                Numbers::F32(v) => {
                    v.par_chunks(cells).map(|m| m.iter().filter(|x| !x.is_finite()).count()).collect()
                }
                Numbers::F64(v) => {
                    v.par_chunks(cells).map(|m| m.iter().filter(|x| !x.is_finite()).count()).collect()
                }
            }
        };
        for (source, values) in self.sources.iter().zip(values) {
            let counts = lacking(values);
            let Some((map, count)) = counts.iter().enumerate().find(|(_, n)| **n > 0) else { continue };
            let time = window.range(0).start + map / (counts.len() / window.range(0).len()).max(1);
            return Err(Error::data(format!(
                "{count} of {cells} values of a map are missing or infinite{}",
                crate::place::when(source, time).map_or_else(String::new, |on| format!(" on {on}"))
            ))
            .in_variable(&source.variable().name)
            .remedy("spherical harmonics need every value of a map: fill the gaps first, as with `cdo setmisstodis`, or choose --time or --level without them"));
        }
        Ok(())
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
