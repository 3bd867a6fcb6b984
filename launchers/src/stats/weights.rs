//! The weights of a reduction.

use super::options::{Convention, Weight};
use super::over::{Ground, Reduced};
use super::{times, StatsArgs};
use halocline_algorithms::statistics::Weights;
use halocline_core::comm::Comm;
use halocline_core::grid::{AreaWeights, GridKind};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// Which weights are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    pub(super) area: bool,
    pub(super) time: bool,
}

impl Used {
    /// As outputs record it.
    pub(super) fn text(self) -> &'static str {
        match (self.area, self.time) {
            (true, true) => "area,time",
            (true, false) => "area",
            (false, true) => "time",
            (false, false) => "none",
        }
    }
}

/// Finds the weights: those asked for, else areas for what is reduced over both horizontal
/// dimensions or from north to south.
///
/// # Collective
/// Every rank calls this.
pub(super) fn find(
    comm: &Comm,
    args: &StatsArgs,
    source: &Source,
    reduced: &Reduced,
) -> Result<(Weights, Used)> {
    let ground = reduced.ground(source);
    let weighs = args.ops().iter().any(|op| op.is_weighted());
    let asked = |weight| args.weights.contains(&weight);
    let used = if args.weights.is_empty() {
        let area = args.convention.weighs_areas() && matches!(ground, Ground::Both | Ground::Rows);
        Used { area: area && weighs, time: false }
    } else {
        Used { area: asked(Weight::Area), time: asked(Weight::Time) }
    };
    let mut weights = Weights::default();
    if used.area {
        if ground == Ground::None {
            return Err(Error::usage("--weights area is for reductions over horizontal dimensions")
                .remedy("add lat or lon to --over, or leave the weights out"));
        }
        let great_circles = args.convention == Convention::Cdo;
        areas(comm, source, reduced, great_circles, &mut weights)?;
    }
    if used.time {
        weights.steps = times::lengths(source)?;
    }
    Ok((weights, used))
}

/// Adds area weights of the horizontal dimensions that are reduced.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn areas(
    comm: &Comm,
    source: &Source,
    reduced: &Reduced,
    great_circles: bool,
    weights: &mut Weights,
) -> Result<()> {
    let grid = source.grid();
    let dims = &source.variable().dims;
    let stored = match grid.kind {
        GridKind::Rectilinear => None,
        _ => source.cell_areas(comm)?,
    };
    let areas = match stored {
        Some(areas) => AreaWeights::Cells(areas),
        None if great_circles => grid.great_circle_weights()?,
        None => grid.area_weights()?,
    };
    let space = dims.len() - 1;
    weights.along = vec![Vec::new(); space];
    match areas {
        AreaWeights::Separable { rows, columns } => {
            if grid.dims.len() == 1 {
                weights.along[space - 1] = rows;
                return Ok(());
            }
            for (k, (dim, is_reduced)) in dims.iter().zip(&reduced.dims).skip(1).enumerate() {
                match dim.role {
                    Role::Y if *is_reduced => weights.along[k].clone_from(&rows),
                    Role::X if *is_reduced => weights.along[k].clone_from(&columns),
                    _ => {}
                }
            }
        }
        AreaWeights::Cells(cells) if grid.dims.len() == 1 => weights.along[space - 1] = cells,
        AreaWeights::Cells(cells) => {
            weights.ground = cells;
            weights.ground_width = dims.last().map_or(0, |d| d.len);
        }
    }
    Ok(())
}
