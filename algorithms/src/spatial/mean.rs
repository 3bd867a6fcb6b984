//! Means of spectra over cells, summed in an order that depends on the tiles alone.

use halocline_core::engine::Engine;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::{Tile, Tiling};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Numbers of a node that are gathered and merged at once.
const SLICE: usize = 1 << 17;

/// Weighted sums of the spectra of some tiles, for each group of cells that are averaged together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellSums {
    /// Sum of weights, by group.
    weight: Vec<f64>,
    /// Weighted sums: groups times values.
    values: Vec<f64>,
}

/// A node of the merge tree: its column, its level, its index on that level.
pub(crate) type Key = (usize, u32, usize);

/// The mean of what cells result in over some of the dimensions that are not transformed (times,
/// latitudes), each cell with the product of its weights; cells without a result don't count.
///
/// A tile's cells are added in C order; tiles that are averaged together merge along a binary tree
/// over their numbers, whoever summed them, so a mean has the same bits on any ranks and threads.
#[derive(Debug)]
pub struct CellMean {
    dims: Vec<Dim>,
    /// For each dimension: transformed, averaged over, or neither.
    transformed: Vec<bool>,
    averaged: Vec<bool>,
    /// Along each dimension; 1 where there are none.
    weights: Vec<Vec<f64>>,
    roles: Vec<Role>,
    tiling: Option<Tiling>,
    nodes: Mutex<BTreeMap<Key, CellSums>>,
}

impl CellMean {
    /// Over the dimensions of these roles; those of `transformed` roles are no part of a cell.
    /// `weights` along each dimension, empty where all count the same.
    pub fn new(dims: &[Dim], transformed: &[Role], averaged: &[Role], weights: Vec<Vec<f64>>) -> Self {
        let of = |roles: &[Role]| dims.iter().map(|d| roles.contains(&d.role)).collect::<Vec<_>>();
        Self {
            dims: dims.to_vec(),
            transformed: of(transformed),
            averaged: of(averaged),
            weights,
            roles: transformed.iter().chain(averaged).copied().collect(),
            tiling: None,
            nodes: Mutex::new(BTreeMap::new()),
        }
    }
    /// With the tiles of a plan: to be told before it runs.
    pub fn set_tiling(&mut self, tiling: &Tiling) {
        self.tiling = Some(tiling.clone());
    }
    /// Dimensions that are neither transformed nor averaged over.
    fn kept(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.dims.len()).filter(|&d| !self.transformed[d] && !self.averaged[d])
    }
    /// How many means there are.
    pub fn groups(&self) -> usize {
        self.kept().map(|d| self.dims[d].len).product()
    }
    /// Lengths of the dimensions that are left of cells.
    pub fn shape(&self) -> Vec<usize> {
        self.kept().map(|d| self.dims[d].len).collect()
    }
    /// Bytes that sums of `values` numbers may take at once on a rank, their finishing included,
    /// about.
    pub fn bytes(&self, values: usize) -> u64 {
        let leaves =
            (0..self.dims.len()).filter(|&d| self.averaged[d]).map(|d| self.dims[d].len).product::<usize>();
        let levels = u64::from(leaves.max(1).ilog2()) + 3;
        (self.groups() as u64).saturating_mul(8 * (values as u64 + 1)).saturating_mul(levels)
    }

    /// Nothing yet of a tile, for `values` numbers a cell.
    pub(crate) fn start(&self, tile: &Tile, values: usize) -> CellSums {
        let groups: usize = self.kept().map(|d| tile.block.range(d).len()).product();
        CellSums { weight: vec![0.0; groups], values: vec![0.0; groups * values] }
    }

    /// Adds the values of a tile's cell.
    pub(crate) fn add(&self, sums: &mut CellSums, tile: &Tile, cell: usize, values: &[f64]) -> Result<()> {
        let (mut rest, mut group, mut stride, mut weight) = (cell, 0, 1, 1.0);
        for d in (0..self.dims.len()).rev().filter(|&d| !self.transformed[d]) {
            let range = tile.block.range(d);
            let within = rest % range.len().max(1);
            rest /= range.len().max(1);
            if self.averaged[d] {
                weight *=
                    self.weights.get(d).and_then(|w| w.get(range.start + within)).copied().unwrap_or(1.0);
            } else {
                group += within * stride;
                stride *= range.len();
            }
        }
        if !weight.is_finite() {
            return Err(Error::data("there are values in rows whose area is missing or not finite")
                .remedy("correct the coordinates of the grid"));
        }
        sums.weight[group] += weight;
        let row = &mut sums.values[group * values.len()..][..values.len()];
        row.iter_mut().zip(values).for_each(|(sum, v)| *sum += weight * v);
        Ok(())
    }

    /// Takes the sums of a tile, whose cells all were added.
    pub(crate) fn put(&self, tile: &Tile, sums: CellSums) -> Result<()> {
        let tiling = self.tiling()?;
        let (column, leaf) = tiling.place(tile.id, &self.roles);
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        insert(&mut nodes, (column, 0, leaf), sums, tiling.leaves(&self.roles), &|a, b| merged(a, &b));
        Ok(())
    }

    /// The nodes that this rank has, for those who save them.
    pub(crate) fn nodes(&self) -> Vec<(Key, CellSums)> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().map(|(key, sums)| (*key, sums.clone())).collect()
    }
    /// Adds nodes that were saved.
    pub(crate) fn add_nodes(&self, saved: Vec<(Key, CellSums)>) -> Result<()> {
        let leaves = self.tiling()?.leaves(&self.roles);
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        saved
            .into_iter()
            .for_each(|(key, sums)| insert(&mut nodes, key, sums, leaves, &|a, b| merged(a, &b)));
        Ok(())
    }

    fn tiling(&self) -> Result<&Tiling> {
        self.tiling.as_ref().ok_or_else(|| Error::internal("a mean of spectra does not know its tiles"))
    }

    /// The means of `values` numbers from what all ranks have summed, on the first rank: groups in C
    /// order, each with all its values; NaN where no cell has a result. What was summed is gone.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Internal, if nodes are missing.
    pub fn finish(&self, engine: &Engine, values: usize) -> Result<Option<Vec<f64>>> {
        let comm = engine.comm();
        let tiling = self.tiling()?;
        let leaves = tiling.leaves(&self.roles);
        let own = std::mem::take(&mut *self.nodes.lock().unwrap_or_else(PoisonError::into_inner));
        let keys: Vec<Vec<Key>> = engine.gather(&own.keys().copied().collect::<Vec<_>>())?;
        let columns: usize = tiling.len() / leaves.max(1);
        let mut means = comm.is_root().then(|| vec![f64::NAN; self.groups() * values]);
        for column in 0..columns {
            let tile = tiling.tile(tiling.at_place(column, 0, &self.roles));
            let groups: usize = self.kept().map(|d| tile.block.range(d).len()).product();
            let mine: Vec<&CellSums> =
                own.range((column, 0, 0)..(column + 1, 0, 0)).map(|(_, sums)| sums).collect();
            // Nodes of a column are merged slice by slice, so that one rank never holds all of them.
            let merged = |of: &dyn Fn(&CellSums) -> &[f64],
                          range: std::ops::Range<usize>|
             -> Result<Option<Vec<f64>>> {
                let packed: Vec<f64> =
                    mine.iter().flat_map(|sums| &of(sums)[range.clone()]).copied().collect();
                let Some(all) = engine.gather_to_root(packed)? else { return Ok(None) };
                let mut tree: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
                for (keys, packed) in keys.iter().zip(&all) {
                    let keys = keys.iter().filter(|key| key.0 == column);
                    for (key, values) in keys.zip(packed.chunks(range.len().max(1))) {
                        insert(&mut tree, *key, values.to_vec(), leaves, &|mut a: Vec<f64>, b| {
                            add(&mut a, &b);
                            a
                        });
                    }
                }
                let root = tree.pop_first().filter(|_| tree.is_empty());
                root.map(|(_, sums)| Some(sums)).ok_or_else(|| Error::internal("a mean is not complete"))
            };
            let weight = comm.agree(merged(&|sums| &sums.weight, 0..groups))?;
            for start in (0..groups * values).step_by(SLICE) {
                let range = start..(start + SLICE).min(groups * values);
                let sums = comm.agree(merged(&|sums| &sums.values, range.clone()))?;
                let (Some(sums), Some(means), Some(weight)) = (sums, &mut means, &weight) else { continue };
                for (i, sum) in range.zip(sums) {
                    let (group, value) = (i / values, i % values);
                    if weight[group] > 0.0 {
                        means[self.group_number(&tile, group) * values + value] = sum / weight[group];
                    }
                }
            }
        }
        Ok(means)
    }

    /// The number among all groups of one of a tile.
    fn group_number(&self, tile: &Tile, group: usize) -> usize {
        let (mut rest, mut number, mut stride) = (group, 0, 1);
        for d in self.kept().rev() {
            let range = tile.block.range(d);
            number += (range.start + rest % range.len().max(1)) * stride;
            rest /= range.len().max(1);
            stride *= self.dims[d].len;
        }
        number
    }
}

fn add(a: &mut [f64], b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}

fn merged(mut left: CellSums, right: &CellSums) -> CellSums {
    add(&mut left.weight, &right.weight);
    add(&mut left.values, &right.values);
    left
}

/// Puts a node into the tree; merges it with its sibling if that is there, left before right, and a
/// node without a sibling passes up.
fn insert<S>(nodes: &mut BTreeMap<Key, S>, key: Key, state: S, leaves: usize, merge: &dyn Fn(S, S) -> S) {
    let ((column, mut level, mut index), mut state) = (key, state);
    loop {
        let on_level = leaves.div_ceil(1usize << level);
        if on_level <= 1 {
            break;
        }
        let sibling = index ^ 1;
        if sibling < on_level {
            let Some(other) = nodes.remove(&(column, level, sibling)) else { break };
            state = if index < sibling { merge(state, other) } else { merge(other, state) };
        }
        level += 1;
        index /= 2;
    }
    nodes.insert((column, level, index), state);
}
