//! What rechunking sends, known beforehand.

use super::plan::{Method, Plan};
use crate::comm::Formula;
use crate::index::IndexBox;

impl Plan {
    /// Adds what ranks send when this is carried out ([`rechunk`](super::rechunk)): windows on their
    /// way to the owners of slabs; `sink`, which is given the slabs of a group, from rank 0 on, adds what
    /// it sends itself.
    pub fn foresee(&self, formula: &mut Formula, sink: &mut dyn FnMut(&mut Formula, &[IndexBox])) {
        let all: Vec<&[IndexBox]> = self.groups().collect();
        let is_kept = self.method() == Method::Scratch;
        if is_kept {
            self.moved(&self.slabs, &all, formula, true);
        }
        for group in &all {
            if is_kept {
                // That all pieces came back.
                formula.agree();
            } else {
                self.moved(group, &[group], formula, false);
            }
            sink(formula, group);
        }
    }

    /// What is read for `slabs`, which are in these groups, round by round.
    fn moved(&self, slabs: &[IndexBox], groups: &[&[IndexBox]], formula: &mut Formula, is_kept: bool) {
        for round in self.windows(slabs).chunks(self.ranks) {
            formula.agree();
            if self.streams && !is_kept || self.ranks == 1 {
                continue;
            }
            let part = |from: usize, to: usize| {
                let window = round.get(from);
                let slabs = groups.iter().filter_map(|group| group.get(to));
                let cells = |slab: &IndexBox| window.map_or(0, |window| window.intersect(slab).len());
                (from, to, slabs.map(cells).sum::<usize>() * self.size)
            };
            let ranks = 0..self.ranks;
            formula.all_to_all_v(
                ranks
                    .clone()
                    .flat_map(|from| ranks.clone().map(move |to| (from, to)))
                    .map(|(from, to)| part(from, to)),
            );
            if is_kept {
                formula.agree();
            }
        }
    }
}
