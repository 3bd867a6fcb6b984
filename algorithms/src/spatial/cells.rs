//! The values of a cell, and its number among all.

use halocline_core::engine::{Numbers, Series};
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};

/// All samples of a cell in double precision.
pub(crate) fn gather(series: &Series<'_>, cell: usize, out: &mut [f64]) -> Result<()> {
    let mut at = 0;
    series.along(cell, |run| {
        if let Some(to) = out.get_mut(at..at + run.len()) {
            match run {
                Numbers::F32(v) => to.iter_mut().zip(v).for_each(|(to, v)| *to = f64::from(*v)),
                Numbers::F64(v) => to.copy_from_slice(v),
            }
        }
        at += run.len();
    });
    if at == out.len() {
        Ok(())
    } else {
        Err(Error::internal(format!("{at} values where {} are planned", out.len())))
    }
}

/// The number of a tile's cell among all, in C order over the dimensions that are not `reduced`.
pub(crate) fn number(tile: &Tile, dims: &[Dim], reduced: &[Role], cell: usize) -> usize {
    let (mut rest, mut number, mut stride) = (cell, 0, 1);
    for (d, dim) in dims.iter().enumerate().rev().filter(|(_, dim)| !reduced.contains(&dim.role)) {
        let range = tile.block.range(d);
        number += (range.start + rest % range.len().max(1)) * stride;
        rest /= range.len().max(1);
        stride *= dim.len;
    }
    number
}
