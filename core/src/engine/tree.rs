//! The ordered merge tree of one rank.

use crate::error::Result;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A node's place: column, level, index.
pub(crate) type Place = (usize, u32, usize);

/// Number of nodes at `level` of a tree over `leaves`.
pub(crate) fn nodes_at(leaves: usize, level: u32) -> usize {
    leaves.div_ceil(1usize << level)
}

/// The level of the root of a tree over `leaves`.
pub(crate) fn root_level(leaves: usize) -> u32 {
    leaves.next_power_of_two().ilog2()
}

/// The finished nodes that a rank holds, each merged as far up as its siblings are here too.
#[derive(Debug)]
pub(crate) struct MergeTree<S> {
    leaves: usize,
    nodes: BTreeMap<Place, S>,
}

impl<S> MergeTree<S> {
    pub(crate) fn new(leaves: usize) -> Self {
        Self { leaves, nodes: BTreeMap::new() }
    }

    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }
    /// The level of the root.
    pub(crate) fn root(&self) -> u32 {
        root_level(self.leaves.max(1))
    }

    /// Adds a node and merges upwards while the sibling is here.
    pub(crate) fn insert(&mut self, place: Place, state: S, merge: &dyn Fn(S, S) -> Result<S>) -> Result<()> {
        let ((column, mut level, mut index), mut state) = (place, state);
        loop {
            if level >= root_level(self.leaves) {
                break;
            }
            let sibling = index ^ 1;
            if sibling < nodes_at(self.leaves, level) {
                let Some(other) = self.nodes.remove(&(column, level, sibling)) else { break };
                state = if index < sibling { merge(state, other)? } else { merge(other, state)? };
            }
            (level, index) = (level + 1, index / 2);
        }
        self.nodes.insert((column, level, index), state);
        Ok(())
    }

    /// [`Self::insert`] of many nodes, columns in parallel: they never meet.
    pub(crate) fn insert_all(
        &mut self,
        states: Vec<(Place, S)>,
        merge: &(dyn Fn(S, S) -> Result<S> + Sync),
    ) -> Result<()>
    where
        S: Send,
    {
        let mut columns: BTreeMap<usize, (Self, Vec<(Place, S)>)> = BTreeMap::new();
        for (place, state) in states {
            let leaves = self.leaves;
            let column = columns.entry(place.0).or_insert_with(|| (Self::new(leaves), Vec::new()));
            column.1.push((place, state));
        }
        for (&column, (tree, _)) in &mut columns {
            let there = (column, 0, 0)..(column + 1, 0, 0);
            let places: Vec<Place> = self.nodes.range(there).map(|(place, _)| *place).collect();
            tree.nodes.extend(places.into_iter().filter_map(|place| self.nodes.remove_entry(&place)));
        }
        let insert = |(mut tree, states): (Self, Vec<(Place, S)>)| {
            let mut states = states.into_iter();
            states.try_for_each(|(place, state)| tree.insert(place, state, &|a, b| merge(a, b)))?;
            Ok(tree.nodes)
        };
        // The error of the first column, whichever thread is faster.
        let done: Vec<Result<BTreeMap<Place, S>>> = columns.into_par_iter().map(|(_, c)| insert(c)).collect();
        for nodes in done {
            self.nodes.extend(nodes?);
        }
        Ok(())
    }

    /// Whether a node here covers this leaf.
    pub(crate) fn covers(&self, column: usize, leaf: usize) -> bool {
        (0..=root_level(self.leaves)).any(|level| self.nodes.contains_key(&(column, level, leaf >> level)))
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Place, &S)> {
        self.nodes.iter()
    }

    /// Takes out the nodes of `level` for which `wanted` says so.
    pub(crate) fn take(&mut self, level: u32, wanted: impl Fn(&Place) -> bool) -> Vec<(Place, S)> {
        let places: Vec<Place> = self.nodes.keys().filter(|p| p.1 == level && wanted(p)).copied().collect();
        places.into_iter().filter_map(|p| self.nodes.remove(&p).map(|s| (p, s))).collect()
    }

    /// The finished states, by column; call when every column is down to its root.
    pub(crate) fn into_roots(self) -> Vec<(usize, S)> {
        let root = root_level(self.leaves);
        self.nodes
            .into_iter()
            .filter(|((_, level, _), _)| *level == root)
            .map(|((c, _, _), s)| (c, s))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merging writes down its own order, so equal strings mean equal trees.
    fn tree_of(leaves: usize, order: &[usize]) -> String {
        let merge = |a: String, b: String| Ok(format!("({a}{b})"));
        let mut tree = MergeTree::new(leaves);
        for &leaf in order {
            tree.insert((0, 0, leaf), format!("{leaf}"), &merge).unwrap();
        }
        let roots = tree.into_roots();
        assert_eq!(roots.len(), 1);
        roots.into_iter().next().unwrap().1
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        for leaves in 1..20 {
            let forward: Vec<usize> = (0..leaves).collect();
            let expected = tree_of(leaves, &forward);
            let backward: Vec<usize> = (0..leaves).rev().collect();
            assert_eq!(tree_of(leaves, &backward), expected);
            let odd_first: Vec<usize> =
                (0..leaves).filter(|i| i % 2 == 1).chain((0..leaves).filter(|i| i % 2 == 0)).collect();
            assert_eq!(tree_of(leaves, &odd_first), expected);
        }
    }

    #[test]
    fn the_tree_is_the_documented_one() {
        assert_eq!(tree_of(5, &[0, 1, 2, 3, 4]), "(((01)(23))4)");
        assert_eq!(tree_of(6, &[0, 1, 2, 3, 4, 5]), "(((01)(23))(45))");
    }
}
