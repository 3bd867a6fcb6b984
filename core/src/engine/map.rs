//! Maps and how they run.

use super::source::TileSource;
use super::Engine;
use crate::error::Result;
use crate::tiling::Tile;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::Serialize;

/// Work on one tile that needs no other.
pub trait Map: Sync {
    /// What becomes of a tile.
    type Output: Send;
    /// The work: `values` are the tile's cells in C order, missing as NaN.
    ///
    /// # Errors
    /// When the data forbid it.
    fn apply(&self, tile: &Tile, values: &[f64]) -> Result<Self::Output>;
}

impl Engine {
    /// Applies `map` to this rank's tiles, in threads, and hands the results to `sink` on the
    /// calling thread in the order of the tiles.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What loading, the map or the sink reports, agreed by all ranks.
    pub fn map<M: Map>(
        &self,
        source: &dyn TileSource,
        map: &M,
        mut sink: impl FnMut(&Tile, M::Output) -> Result<()>,
    ) -> Result<()> {
        let own: Vec<usize> =
            (0..source.tiling().len()).filter(|&id| source.owner(id) == self.comm.rank()).collect();
        // Only the buffers go to other threads: the communicator stays on this one.
        let buffers = &self.buffers;
        let one = |&id: &usize| {
            let tile = source.tiling().tile(id);
            let mut values = buffers.take(tile.block.len());
            let output = source.load(&tile, &mut values).and_then(|()| map.apply(&tile, &values));
            buffers.give(values);
            (tile, output)
        };
        let done = own.chunks(2 * rayon::current_num_threads()).try_for_each(|batch| {
            let outputs: Vec<(Tile, Result<M::Output>)> = batch.par_iter().map(one).collect();
            outputs.into_iter().try_for_each(|(tile, output)| sink(&tile, output?))
        });
        self.comm.agree(done)
    }

    /// Applies `map` to all tiles and gives every rank the results of all, by tile number: for
    /// small results.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::map`].
    pub fn map_gather<M>(&self, source: &dyn TileSource, map: &M) -> Result<Vec<M::Output>>
    where
        M: Map,
        M::Output: Serialize + DeserializeOwned,
    {
        let mut own: Vec<(usize, M::Output)> = Vec::new();
        self.map(source, map, |tile, output| {
            own.push((tile.id, output));
            Ok(())
        })?;
        let mut all: Vec<(usize, M::Output)> = self.gather(&own)?.into_iter().flatten().collect();
        all.sort_by_key(|(id, _)| *id);
        Ok(all.into_iter().map(|(_, output)| output).collect())
    }
}
