//! Where tiles come from.

use crate::error::{Error, Result};
use crate::field::{Element, Field};
use crate::tiling::{Tile, Tiling};
use rayon::prelude::*;

/// Something that tiles can be loaded from: a field in memory, files.
pub trait TileSource: Sync {
    /// How the index space is cut.
    fn tiling(&self) -> &Tiling;
    /// The rank that loads tile `id`: the same answer on every rank.
    fn owner(&self, id: usize) -> usize;
    /// Puts the values of `tile` into `out` (of the tile's length) in C order, missing as NaN.
    ///
    /// # Errors
    /// When the values can't be had.
    fn load(&self, tile: &Tile, out: &mut [f64]) -> Result<()>;
}

/// The tiles of a field whose decomposition keeps tiles whole ([`Tiling::deal`]).
#[derive(Debug)]
pub struct FieldSource<'a, T> {
    field: &'a Field<T>,
    tiling: &'a Tiling,
}

impl<'a, T: Element> FieldSource<'a, T> {
    /// The tiles of `field` cut by `tiling`.
    ///
    /// # Errors
    /// When the field has other dimensions than the tiling, or its decomposition cuts a tile.
    pub fn new(field: &'a Field<T>, tiling: &'a Tiling) -> Result<Self> {
        let decomposition = field.decomposition();
        let whole = decomposition.dims() == tiling.dims()
            && (0..tiling.len()).all(|id| decomposition.overlaps(&tiling.tile(id).block).len() <= 1);
        if !whole {
            return Err(Error::internal(format!(
                "the decomposition of `{}` cuts tiles",
                field.variable().name
            )));
        }
        Ok(Self { field, tiling })
    }
}

impl<T: Element> TileSource for FieldSource<'_, T> {
    fn tiling(&self) -> &Tiling {
        self.tiling
    }
    fn owner(&self, id: usize) -> usize {
        // A tile without cells has no owner; rank 0 stands in.
        self.field.decomposition().owner(&self.tiling.tile(id).block.start()).unwrap_or(0)
    }
    fn load(&self, tile: &Tile, out: &mut [f64]) -> Result<()> {
        let (block, data) = (self.field.block(), self.field.data());
        if !block.contains(&tile.block) || out.len() != tile.block.len() {
            return Err(Error::internal(format!("tile {} is not held by this rank", tile.id)));
        }
        let steps = tile.block.shape().first().copied().unwrap_or(1).max(1);
        let first = tile.block.range(0).start;
        out.par_chunks_mut((tile.block.len() / steps).max(1)).enumerate().for_each(|(i, row)| {
            let slab = tile.block.with_range(0, first + i..first + i + 1);
            block.for_each_run(&slab, |from, to, n| {
                for (o, v) in row[to..to + n].iter_mut().zip(&data[from..from + n]) {
                    *o = (*v).into();
                }
            });
        });
        Ok(())
    }
}
