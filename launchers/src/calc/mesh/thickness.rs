//! How long cells are along depth and time, and where they lie.

use super::what::Axis;
use crate::folding::FoldJob;
use crate::mesh::{self, GridArgs};
use crate::operands::Operands;
use halocline_core::grid::mesh::Point;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// Lengths of cells along a line.
pub(super) enum Lengths {
    /// The same for all lines.
    One(Vec<f64>),
    /// Of each cell of the map, level by level; `plane` cells a level, `columns` a row.
    Cells { values: Vec<f64>, plane: usize, columns: usize },
    /// The second source.
    Variable,
}

impl Lengths {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::One(v) | Self::Cells { values: v, .. } => 8 * v.len() as u64,
            Self::Variable => 0,
        }
    }
    pub(super) fn is_variable(&self) -> bool {
        matches!(self, Self::Variable)
    }
    pub(super) fn describe(&self) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::Cells { .. } => Some("thickness=of the mesh".to_owned()),
            Self::Variable => Some("thickness=a variable".to_owned()),
        }
    }
    /// The place in a plane of each cell of a tile, whose last dimensions are rows and columns.
    pub(super) fn ground(&self, block: &IndexBox) -> impl Fn(usize) -> usize {
        let n = block.ndim();
        let of = |back: usize| n.checked_sub(back).map_or(0..1, |d| block.range(d));
        let (y, x) = (of(2), of(1));
        let columns = if let Self::Cells { columns, .. } = self { *columns } else { 0 };
        move |cell| (y.start + cell / x.len() % y.len().max(1)) * columns + x.start + cell % x.len()
    }
}

/// Where values lie along depth (in the units of levels) or time (in seconds).
pub(super) fn places(source: &Source, axis: Axis) -> Result<Vec<f64>> {
    if axis == Axis::Time {
        let first = source.time().instant(0);
        return Ok((0..source.time().len())
            .map(|i| source.time().instant(i).micros_since(first) as f64 * 1e-6)
            .collect());
    }
    let values = levels(source)?.values.to_f64();
    let rises = values.windows(2).all(|p| p[1] > p[0]) || values.windows(2).all(|p| p[1] < p[0]);
    if !rises {
        return Err(Error::data("its levels are in no order"));
    }
    Ok(values)
}

fn levels(source: &Source) -> Result<&Coordinate> {
    let is_own = |c: &&Coordinate| c.variable.dims.len() == 1 && c.variable.dims[0].role == Role::Level;
    source.levels().iter().find(is_own).ok_or_else(|| {
        Error::data("its levels have no values").remedy("give the thickness of cells with --thickness")
    })
}

/// The lengths of cells: a variable, the thickness of the mesh that `--grid` names, else bounds.
///
/// # Collective
/// Every rank calls this; one reads.
pub(super) fn lengths(
    job: &FoldJob<'_>,
    grid: &GridArgs,
    (operands, sources): (&Operands, &[Source]),
    axis: Axis,
) -> Result<Lengths> {
    let source = &sources[0];
    if sources.len() > 1 {
        return Ok(Lengths::Variable);
    }
    if axis == Axis::Time {
        let (times, units) = (source.time_coordinate(), &source.time().units);
        let Some(bounds) = &times.bounds else {
            return Err(Error::data("its times have no bounds: nobody knows how long each lasts")
                .remedy("add bounds of time first"));
        };
        let ends = bounds.values.to_f64();
        let span = |b: &[f64]| Ok(units.decode(b[1])?.micros_since(units.decode(b[0])?).abs() as f64 * 1e-6);
        return Ok(Lengths::One(ends.chunks_exact(2).map(span).collect::<Result<_>>()?));
    }
    let count = source.variable().dims.iter().find(|d| d.role == Role::Level).map_or(0, |d| d.len);
    if grid.grid.is_some() {
        let dataset = operands.dataset(0);
        let found = mesh::find(job.comm, grid, dataset, source.grid())?;
        let point = found.point_of(source.grid()).unwrap_or(Point::T);
        let [rows, columns] = found.mesh.shape(point);
        let read = job.comm.on_root(|| {
            if found.names.thickness[point.index()].is_some()
                && found.thickness_levels(dataset, point)? == count
            {
                let mut values = Vec::new();
                for level in 0..count {
                    values.extend(found.thickness(dataset, point, level)?.unwrap_or_default());
                }
                return Ok((true, values));
            }
            Ok((false, found.layers(dataset)?.unwrap_or_default()))
        })?;
        match read {
            (true, values) => return Ok(Lengths::Cells { values, plane: rows * columns, columns }),
            (false, layers) if layers.len() == count => return Ok(Lengths::One(layers)),
            _ => {}
        }
    }
    match &levels(source)?.bounds {
        Some(bounds) => {
            let ends = bounds.values.to_f64();
            Ok(Lengths::One(ends.chunks_exact(2).map(|b| (b[1] - b[0]).abs()).collect()))
        }
        None => Err(Error::data("nothing tells how thick its levels are: they have no bounds")
            .remedy("name a variable with --thickness, or a mesh with --grid")),
    }
}
