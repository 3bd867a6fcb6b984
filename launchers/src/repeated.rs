//! Grids that hold a piece of the sphere twice, as a last column at the longitude of the first: sums over
//! cells count it once.

use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};

/// The source of a variable whose cells are added up over dimensions of these roles: without those
/// that repeat others, if there are any; and which those are.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn left_out(
    comm: &Comm,
    dataset: &Dataset,
    source: Source,
    selection: &Selection,
    roles: &[Role],
) -> Result<(Source, Vec<usize>)> {
    let grid = source.grid();
    // Along the columns of a curvilinear grid cells that repeat others are none of the sum's alone.
    let is_sum = roles.contains(&Role::X) && (roles.contains(&Role::Y) || grid.kind == GridKind::Rectilinear);
    if !is_sum || grid.dims.len() != 2 {
        return Ok((source, Vec::new()));
    }
    let repeated = comm.on_root(|| which(&source))?;
    if repeated.is_empty() {
        return Ok((source, repeated));
    }
    let selection = Selection { repeated: repeated.clone(), ..selection.clone() };
    Ok((dataset.source(comm, &source.variable().name, &selection)?, repeated))
}

/// Of cells that are there twice the one that repeats the other, unless it alone holds a value at first, as
/// where models leave one of two columns empty.
fn which(source: &Source) -> Result<Vec<usize>> {
    let pairs = source.grid().repeated()?;
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let lead = source.variable().dims.len() - 2;
    let ranges = source.variable().dims.iter().enumerate();
    let first = IndexBox::new(ranges.map(|(d, dim)| if d < lead { 0..1 } else { 0..dim.len }).collect());
    let values = source.read(&first)?.to_f64();
    let one = |[again, other]: [usize; 2]| {
        if values[other].is_nan() && !values[again].is_nan() {
            other
        } else {
            again
        }
    };
    let mut all: Vec<usize> = pairs.into_iter().map(one).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
