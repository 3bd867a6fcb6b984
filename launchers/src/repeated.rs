//! Grids that hold a piece of the sphere twice, as a last column at the longitude of the first: sums over
//! cells count it once.

use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::meta::Role;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};

/// The source of a variable whose cells are added up over dimensions of these roles: without those
/// that repeat others, if there are any.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn left_out(
    comm: &Comm,
    dataset: &Dataset,
    source: Source,
    selection: &Selection,
    roles: &[Role],
) -> Result<Source> {
    let grid = source.grid();
    // Along the columns of a curvilinear grid cells that repeat others are none of the sum's alone.
    let is_sum = roles.contains(&Role::X) && (roles.contains(&Role::Y) || grid.kind == GridKind::Rectilinear);
    if !is_sum || grid.dims.len() != 2 || comm.on_root(|| grid.repeated())?.is_empty() {
        return Ok(source);
    }
    dataset.source(comm, &source.variable().name, &Selection { once: true, ..selection.clone() })
}
