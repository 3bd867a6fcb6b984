//! What the merge of states sends, known beforehand from who owns which tiles, and how long states
//! are.

use super::tree::{nodes_at, root_level, MergeTree, Place};
use crate::comm::Formula;
use crate::error::Result;
use crate::meta::Role;
use crate::tiling::{Tile, Tiling};
use std::collections::BTreeMap;

/// The states of a fold on their way to be merged, as far as their length goes.
#[derive(Clone, Copy)]
pub struct Merging<'a> {
    /// What the fold reduces ([`Fold::reduces`](super::Fold::reduces)).
    pub reduces: &'a [Role],
    /// Bytes of an encoded state of a column, one of whose tiles is given, which has absorbed so many
    /// values along the reduced dimensions.
    pub bytes: &'a dyn Fn(&Tile, u64) -> u64,
}

impl std::fmt::Debug for Merging<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merging").field("reduces", &self.reduces).finish_non_exhaustive()
    }
}

/// The trees of all ranks, whose states are numbers of values.
pub(super) struct Forest<'a> {
    merging: Merging<'a>,
    tiling: &'a Tiling,
    owner: &'a dyn Fn(usize) -> usize,
    leaves: usize,
    trees: Vec<MergeTree<u64>>,
    /// By level, whether any node moves.
    moves: Vec<bool>,
}

impl<'a> Forest<'a> {
    pub(super) fn new(
        merging: Merging<'a>,
        tiling: &'a Tiling,
        owner: &'a dyn Fn(usize) -> usize,
        ranks: usize,
    ) -> Self {
        let leaves = tiling.leaves(merging.reduces);
        let trees = (0..ranks).map(|_| MergeTree::new(leaves)).collect();
        let mut forest = Self { merging, tiling, owner, leaves, trees, moves: Vec::new() };
        let columns = tiling.len() / leaves.max(1);
        let moves = |level: u32| {
            (0..columns).any(|column| {
                let right = (1..nodes_at(leaves, level)).step_by(2);
                right.into_iter().any(|index| {
                    forest.holder((column, level, index)) != forest.holder((column, level, index - 1))
                })
            })
        };
        forest.moves = (0..root_level(leaves.max(1))).map(moves).collect();
        forest
    }

    /// The rank that holds a node: the owner of its first leaf.
    fn holder(&self, (column, level, index): Place) -> usize {
        (self.owner)(self.tiling.at_place(column, index << level, self.merging.reduces))
    }

    /// Takes in a tile, where it is owned.
    pub(super) fn insert(&mut self, id: usize) -> Result<()> {
        let (column, leaf) = self.tiling.place(id, self.merging.reduces);
        let tile = self.tiling.tile(id);
        let dims = self.tiling.dims().iter().zip(tile.block.ranges());
        let reduced = dims.filter(|(d, _)| self.merging.reduces.contains(&d.role));
        let values = reduced.map(|(_, range)| range.len() as u64).product();
        self.put((self.owner)(id), (column, 0, leaf), values)
    }

    fn put(&mut self, rank: usize, place: Place, values: u64) -> Result<()> {
        let merge = |a: u64, b: u64| Ok(a + b);
        self.trees.get_mut(rank).map_or(Ok(()), |tree| tree.insert(place, values, &merge))
    }

    /// Merges over ranks as far as tiles are there, as a branch does when it settles.
    pub(super) fn settle(&mut self, formula: &mut Formula) -> Result<()> {
        for level in 0..root_level(self.leaves.max(1)) {
            if !self.moves.get(level as usize).copied().unwrap_or(false) {
                continue;
            }
            let mut leaving: BTreeMap<(usize, usize), Vec<(Place, u64)>> = BTreeMap::new();
            let mut trees = std::mem::take(&mut self.trees);
            let target = |&(column, level, index): &Place| self.holder((column, level, index - 1));
            for (rank, tree) in trees.iter_mut().enumerate() {
                for (place, values) in tree.take(level, |p| p.2 % 2 == 1 && target(p) != rank) {
                    leaving.entry((rank, target(&place))).or_default().push((place, values));
                }
            }
            self.trees = trees;
            // Encoded, both the states and the lists of them; then merged.
            formula.agree();
            formula.agree();
            let parts = leaving.iter().map(|(&(from, to), list)| (from, to, self.encoded(list)));
            formula.all_to_all_v(parts);
            formula.agree();
            for ((_, to), list) in leaving {
                list.into_iter().try_for_each(|(place, values)| self.put(to, place, values))?;
            }
        }
        Ok(())
    }

    /// Bytes of a list of nodes.
    fn encoded(&self, list: &[(Place, u64)]) -> usize {
        let one = |&((column, level, index), values): &(Place, u64)| {
            let id = self.tiling.at_place(column, index << level, self.merging.reduces);
            let state = (self.merging.bytes)(&self.tiling.tile(id), values);
            encoded_number(column as u64)
                + encoded_number(u64::from(level))
                + encoded_number(index as u64)
                + encoded_number(state)
                + state
        };
        (encoded_number(list.len() as u64) + list.iter().map(one).sum::<u64>()) as usize
    }
}

/// Bytes of a whole number, or of the length of a list, in an encoded state: seven bits in each.
pub const fn encoded_number(n: u64) -> u64 {
    let bits = 64 - (n | 1).leading_zeros() as u64;
    bits.div_ceil(7)
}

/// Bytes of a list of so many doubles in an encoded state.
pub const fn encoded_floats(n: u64) -> u64 {
    encoded_number(n) + 8 * n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::branch::encode;

    #[test]
    fn lengths_are_those_of_what_is_encoded() {
        for n in [0, 1, 127, 128, 300, 16_383, 16_384, 1 << 40, u64::MAX] {
            assert_eq!(encoded_number(n), encode(&n).expect("encodes").len() as u64, "{n}");
        }
        for n in [0, 1, 200] {
            let list = vec![0.5f64; n as usize];
            assert_eq!(encoded_floats(n), encode(&list).expect("encodes").len() as u64);
        }
    }
}
