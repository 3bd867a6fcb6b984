//! Which times belong together.

use halocline_core::{Error, Result};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The group of each global step. What a group means (a year, a calendar month of all years, a
/// single step) is the business of whoever numbers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    of: Vec<u32>,
    count: u32,
    /// Whether the groups are the parts of a cycle, which come again and again.
    is_cycle: bool,
}

impl Groups {
    /// The number of steps that belong to no group.
    pub const NONE: u32 = u32::MAX;

    /// Groups numbered from 0 on, one number a step; [`Self::NONE`] for a step that is left out.
    /// A number may be that of no step.
    ///
    /// # Errors
    /// Usage, if all steps are left out; internal, if a number is not below `count`.
    pub fn new(of: Vec<u32>, count: u32) -> Result<Self> {
        if of.iter().any(|&g| g != Self::NONE && g >= count) {
            return Err(Error::internal("a group of times has a number that is out of range"));
        }
        if of.iter().all(|&g| g == Self::NONE) {
            return Err(Error::usage("no time belongs to any group").remedy("select other times"));
        }
        Ok(Self { of, count, is_cycle: false })
    }
    /// [`Self::new`] of groups that are the parts of a cycle, such as calendar months.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn cycle(of: Vec<u32>, count: u32) -> Result<Self> {
        Ok(Self { is_cycle: true, ..Self::new(of, count)? })
    }
    /// All steps in one group.
    pub fn all(steps: usize) -> Self {
        Self { of: vec![0; steps], count: 1, is_cycle: false }
    }
    /// Each step on its own: time is not reduced.
    pub fn each(steps: usize) -> Self {
        Self { of: (0..steps as u32).collect(), count: steps as u32, is_cycle: false }
    }
    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.count as usize
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.of.len()
    }
    /// The group of a step, if it has one.
    pub fn of(&self, step: usize) -> Option<u32> {
        self.of.get(step).copied().filter(|&g| g != Self::NONE)
    }
    /// Steps in each group.
    pub fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.len()];
        self.of.iter().filter(|&&g| g != Self::NONE).for_each(|&g| sizes[g as usize] += 1);
        sizes
    }
    /// The steps of each group, in order.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.len()];
        for (step, &group) in (0u32..).zip(&self.of).filter(|(_, &group)| group != Self::NONE) {
            members[group as usize].push(step);
        }
        members
    }
    /// The binary logarithm of the number of leaves that are summed in one state before states are
    /// merged ([`Fold::levels_kept`](halocline_core::engine::Fold::levels_kept)): where many parts of a
    /// cycle are met in every leaf, a state has a number for each, and each few values. With as many
    /// leaves as there are parts, merging costs what it costs without groups; with more than 16 too
    /// little would be left that ranks can share and checkpoints save. Of one group of all steps it is
    /// [`Self::LEVELS_OF_ALL`].
    pub fn levels_kept(&self) -> u32 {
        match self.count {
            _ if self.is_cycle => Self::levels_of_cycle(self.len()),
            1 => Self::LEVELS_OF_ALL,
            _ => 0,
        }
    }
    /// [`Self::levels_kept`] of one group: a trend keeps fifteen numbers of a cell, and to merge them
    /// after every 64 steps took longer than to take in the values.
    pub const LEVELS_OF_ALL: u32 = 2;
    /// [`Self::levels_kept`] of a cycle of so many parts.
    pub const fn levels_of_cycle(parts: usize) -> u32 {
        let levels = parts.next_power_of_two().ilog2();
        if levels < 4 {
            levels
        } else {
            4
        }
    }
    /// Whether groups come back after others.
    pub(super) fn take_turns(&self) -> bool {
        let mut seen = HashSet::new();
        let mut groups = self.of.iter().filter(|&&g| g != Self::NONE).peekable();
        while let Some(group) = groups.next() {
            if groups.peek() != Some(&group) && !seen.insert(group) {
                return true;
            }
        }
        false
    }
    /// Different groups among these steps that are none of `known`.
    pub(super) fn beside(&self, steps: Range<usize>, known: &[u32]) -> usize {
        let known: HashSet<&u32> = known.iter().collect();
        let inside = self.of.get(steps).unwrap_or_default();
        inside.iter().filter(|g| **g != Self::NONE && !known.contains(g)).collect::<HashSet<_>>().len()
    }

    /// The most groups that the nodes of a merge tree hold together while leaves of `length`
    /// steps come one after the other.
    pub(super) fn peak(&self, length: usize) -> usize {
        let mut nodes: Vec<(u32, HashSet<u32>)> = Vec::new();
        let mut peak = 0;
        for leaf in self.of.chunks(length.max(1)) {
            let met = leaf.iter().copied().filter(|&g| g != Self::NONE).collect();
            nodes.push((0, met));
            peak = peak.max(nodes.iter().map(|(_, met)| met.len()).sum());
            while let [.., (a, _), (b, _)] = nodes[..] {
                if a != b {
                    break;
                }
                let (_, right) = nodes.pop().unwrap_or_default();
                if let Some((level, left)) = nodes.last_mut() {
                    *level += 1;
                    left.extend(right);
                }
            }
        }
        peak
    }

    /// Runs of neighbouring steps of one group, those of none left out.
    pub(super) fn runs(&self, steps: Range<usize>) -> impl Iterator<Item = (u32, Range<usize>)> + '_ {
        let mut at = steps.start;
        std::iter::from_fn(move || {
            while at < steps.end && self.of(at).is_none() {
                at += 1;
            }
            let group = self.of(at).filter(|_| at < steps.end)?;
            let start = at;
            while at < steps.end && self.of(at) == Some(group) {
                at += 1;
            }
            Some((group, start..at))
        })
    }

    /// The steps of each group among these, in order, and the groups in that of their first step;
    /// steps of none are left out.
    pub(super) fn gathered(&self, steps: Range<usize>) -> Vec<(u32, Vec<usize>)> {
        let mut all: Vec<(u32, Vec<usize>)> = Vec::new();
        let mut places: HashMap<u32, usize> = HashMap::new();
        for step in steps {
            let Some(group) = self.of(step) else { continue };
            let place = *places.entry(group).or_insert_with(|| {
                all.push((group, Vec::new()));
                all.len() - 1
            });
            all[place].1.push(step);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_group_go_together() {
        let groups = Groups::new(vec![0, 0, Groups::NONE, 1, 2, 2, 0], 3).unwrap();
        let runs: Vec<_> = groups.runs(1..7).collect();
        assert_eq!(runs, [(0, 1..2), (1, 3..4), (2, 4..6), (0, 6..7)]);
        assert_eq!(groups.gathered(1..7), [(0, vec![1, 6]), (1, vec![3]), (2, vec![4, 5])]);
        assert_eq!(groups.sizes(), [3, 1, 2]);
        assert_eq!(groups.beside(2..5, &[]), 2);
        assert_eq!(groups.beside(2..5, &[1, 0]), 1);
        assert!(Groups::new(vec![3], 3).is_err());
        assert!(Groups::new(vec![Groups::NONE; 4], 2).is_err());
    }

    #[test]
    fn peaks_are_those_of_the_tree() {
        // Months of 8 years in leaves of a year: at most all of them twice over where none is shared.
        let years = Groups::new((0..96).map(|t| t / 12).collect(), 8).unwrap();
        assert_eq!(years.peak(12), 8);
        let months = Groups::new((0..96).map(|t| t % 12).collect(), 12).unwrap();
        assert_eq!(months.peak(12), 48);
        assert_eq!(Groups::all(96).peak(12), 4);
    }
}
