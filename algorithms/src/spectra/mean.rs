//! Means of spectra over space, summed in an order that depends on the tiles alone.

use crate::statistics::Weights;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::{Tile, Tiling};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Weighted sums of the spectra of some tiles, for each group of cells that are averaged together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sums {
    /// Sum of weights, by group.
    weight: Vec<f64>,
    /// Weighted sums: groups times values.
    values: Vec<f64>,
}

/// A finished node of the merge tree: its column, its level, its index on that level.
pub type NodeKey = (usize, u32, usize);

/// The mean of results over dimensions of space, each cell with its weight; cells without a result
/// don't count.
///
/// A tile's cells are added in C order; tiles that are averaged together merge along a binary tree
/// over their numbers, whoever summed them, so a mean has the same bits on any ranks and threads.
#[derive(Debug)]
pub struct SpatialMean {
    dims: Vec<Dim>,
    /// For each dimension, whether it is averaged over; never time.
    averaged: Vec<bool>,
    roles: Vec<Role>,
    weights: Weights,
    tiling: Option<Tiling>,
    nodes: Mutex<BTreeMap<NodeKey, Sums>>,
}

impl SpatialMean {
    /// Over those dimensions of `dims` (time first) that `averaged` tells.
    pub fn new(dims: &[Dim], averaged: &[bool], weights: Weights) -> Self {
        // Time has one tile only.
        let along = dims.iter().zip(averaged).filter(|(d, a)| **a || d.role == Role::Time);
        let roles = along.map(|(d, _)| d.role).collect();
        let nodes = Mutex::new(BTreeMap::new());
        Self { dims: dims.to_vec(), averaged: averaged.to_vec(), roles, weights, tiling: None, nodes }
    }
    /// With the tiles of a plan: to be told before it runs.
    pub fn set_tiling(&mut self, tiling: &Tiling) {
        self.tiling = Some(tiling.clone());
    }
    /// How many means there are.
    pub fn groups(&self) -> usize {
        self.kept().map(|d| self.dims[d].len).product()
    }
    /// Bytes that sums of `values` numbers may take at once, about.
    pub fn bytes(&self, values: usize) -> u64 {
        let cells: u64 = self.dims.iter().skip(1).map(|d| d.len as u64).product();
        let levels = u64::from(cells.max(1).ilog2()) + 2;
        (self.groups() as u64).saturating_mul(8 * (values as u64 + 1)).saturating_mul(levels)
    }
    /// The dimensions behind time that are left.
    fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (1..self.dims.len()).filter(|&d| !self.averaged[d])
    }
    /// The groups of a tile.
    fn groups_of(&self, tile: &Tile) -> usize {
        self.kept().map(|d| tile.block.range(d).len()).product()
    }

    /// Nothing yet of a tile, for `values` numbers a cell.
    pub(super) fn start(&self, tile: &Tile, values: usize) -> Sums {
        let groups = self.groups_of(tile);
        Sums { weight: vec![0.0; groups], values: vec![0.0; groups * values] }
    }

    /// Adds the values of a tile's cell.
    pub(super) fn add(&self, sums: &mut Sums, tile: &Tile, cell: usize, values: &[f64]) -> Result<()> {
        let (mut rest, mut group, mut stride, mut weight) = (cell, 0, 1, 1.0);
        let last = self.dims.len() - 1;
        let mut ground = 0;
        for d in (1..self.dims.len()).rev() {
            let range = tile.block.range(d);
            let within = rest % range.len().max(1);
            rest /= range.len().max(1);
            if self.averaged[d] {
                weight *= self.weights.of_index(d - 1, range.start + within);
            } else {
                group += within * stride;
                stride *= range.len();
            }
            ground += match last - d {
                0 => range.start + within,
                1 => (range.start + within) * self.weights.ground_width,
                _ => 0,
            };
        }
        weight *= self.weights.ground.get(ground).copied().unwrap_or(1.0);
        if !weight.is_finite() {
            return Err(Error::data("there are values in cells whose area is missing or not finite")
                .remedy("correct the coordinates of the grid"));
        }
        sums.weight[group] += weight;
        let row = &mut sums.values[group * values.len()..][..values.len()];
        for (sum, v) in row.iter_mut().zip(values) {
            *sum += weight * v;
        }
        Ok(())
    }

    /// Takes the sums of a tile, whose cells all were added.
    pub(super) fn put(&self, tile: &Tile, sums: Sums) -> Result<()> {
        let tiling = self.tiling()?;
        let (column, leaf) = tiling.place(tile.id, &self.roles);
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        insert(&mut nodes, (column, 0, leaf), sums, tiling.leaves(&self.roles));
        Ok(())
    }

    fn tiling(&self) -> Result<&Tiling> {
        self.tiling.as_ref().ok_or_else(|| Error::internal("a mean of spectra does not know its tiles"))
    }

    /// The nodes that this rank has, for those who save them.
    pub(super) fn nodes(&self) -> Vec<(NodeKey, Sums)> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().map(|(key, sums)| (*key, sums.clone())).collect()
    }
    /// Adds nodes that were saved.
    pub(super) fn add_nodes(&self, saved: Vec<(NodeKey, Sums)>) -> Result<()> {
        let leaves = self.tiling()?.leaves(&self.roles);
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        saved.into_iter().for_each(|(key, sums)| insert(&mut nodes, key, sums, leaves));
        Ok(())
    }

    /// The nodes that this rank has, which are then gone: to be gathered from all ranks and given to
    /// [`Self::finish`].
    pub fn take(&self) -> Vec<(NodeKey, Sums)> {
        std::mem::take(&mut *self.nodes.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// The means from the nodes of all ranks: for each of `values` numbers, those of all groups in C
    /// order of what is kept; NaN where no cell has a result.
    ///
    /// # Errors
    /// Internal, if nodes are missing.
    pub fn finish(&self, nodes: Vec<(NodeKey, Sums)>, values: usize) -> Result<Vec<Vec<f64>>> {
        let tiling = self.tiling()?;
        let leaves = tiling.leaves(&self.roles);
        let mut all = BTreeMap::new();
        nodes.into_iter().for_each(|(key, sums)| insert(&mut all, key, sums, leaves));
        let mut means = vec![vec![f64::NAN; self.groups()]; values];
        let mut met = 0;
        for ((column, _, _), sums) in all {
            let tile = tiling.tile(tiling.at_place(column, 0, &self.roles));
            for (group, weight) in sums.weight.iter().enumerate() {
                met += 1;
                if *weight > 0.0 {
                    let at = self.group_number(&tile, group);
                    let sums = &sums.values[group * values..][..values];
                    means.iter_mut().zip(sums).for_each(|(mean, sum)| mean[at] = sum / weight);
                }
            }
        }
        if met == self.groups() {
            Ok(means)
        } else {
            Err(Error::internal(format!("a mean has {met} of {} groups", self.groups())))
        }
    }

    /// The number among all groups of one of a tile.
    fn group_number(&self, tile: &Tile, group: usize) -> usize {
        let (mut rest, mut number, mut stride) = (group, 0, 1);
        let kept: Vec<usize> = self.kept().collect();
        for d in kept.into_iter().rev() {
            let range = tile.block.range(d);
            number += (range.start + rest % range.len().max(1)) * stride;
            rest /= range.len().max(1);
            stride *= self.dims[d].len;
        }
        number
    }
}

/// Puts a node into the tree; merges it with its sibling if that is there, left before right, and a
/// node without a sibling passes up.
fn insert(nodes: &mut BTreeMap<NodeKey, Sums>, key: NodeKey, sums: Sums, leaves: usize) {
    let ((column, mut level, mut index), mut sums) = (key, sums);
    loop {
        let on_level = leaves.div_ceil(1usize << level);
        if on_level <= 1 {
            break;
        }
        let sibling = index ^ 1;
        if sibling < on_level {
            let Some(other) = nodes.remove(&(column, level, sibling)) else { break };
            let (left, right) = if index < sibling { (sums, other) } else { (other, sums) };
            sums = merged(left, &right);
        }
        level += 1;
        index /= 2;
    }
    nodes.insert((column, level, index), sums);
}

fn merged(mut left: Sums, right: &Sums) -> Sums {
    let add = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    add(&mut left.weight, &right.weight);
    add(&mut left.values, &right.values);
    left
}
