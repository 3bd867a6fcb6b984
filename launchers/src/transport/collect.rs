//! Sums of maps, brought together on one rank: levels of a time in their order, times in theirs.

use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::collections::BTreeMap;

/// Times of which not all levels are there yet. Only rank 0 has any.
#[derive(Debug)]
pub(in crate::transport) struct Waiting {
    levels: usize,
    /// Sums of a map.
    each: usize,
    times: BTreeMap<usize, (usize, Vec<f64>)>,
}

impl Waiting {
    pub(in crate::transport) fn new(levels: usize, each: usize) -> Self {
        Self { levels, each, times: BTreeMap::new() }
    }

    /// Takes in the sums of every rank's window, times and then levels; the times that are whole now,
    /// in order, on rank 0: `[levels][each]` of each.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn add(
        &mut self,
        comm: &Comm,
        (window, level): (&IndexBox, Option<usize>),
        sums: &[f64],
    ) -> Vec<(usize, Vec<f64>)> {
        let range = |d: usize| [window.range(d).start as u64, window.range(d).end as u64];
        let levels = level.map_or([0, u64::from(!window.is_empty())], range);
        let about: Vec<u64> = range(0).into_iter().chain(levels).collect();
        let (Some(about), Some(sums)) = (comm.gather_v(&about, 0), comm.gather_v(sums, 0)) else {
            return Vec::new();
        };
        for (about, sums) in about.iter().zip(&sums) {
            let range = |k: usize| about[k] as usize..about[k + 1] as usize;
            let maps = range(0).flat_map(|t| range(2).map(move |k| (t, k)));
            for ((t, k), sums) in maps.zip(sums.chunks_exact(self.each.max(1))) {
                let room = || (0, vec![0.0; self.levels * self.each]);
                let (count, all) = self.times.entry(t).or_insert_with(room);
                all[k * self.each..(k + 1) * self.each].copy_from_slice(sums);
                *count += 1;
            }
        }
        let mut whole = Vec::new();
        while let Some(first) = self.times.first_entry() {
            if first.get().0 < self.levels {
                break;
            }
            let (t, (_, sums)) = first.remove_entry();
            whole.push((t, sums));
        }
        whole
    }

    /// # Errors
    /// Internal, if levels are lacking in the end.
    pub(in crate::transport) fn finish(self) -> Result<()> {
        if self.times.is_empty() {
            Ok(())
        } else {
            Err(Error::internal("levels of a time are lacking"))
        }
    }
}
