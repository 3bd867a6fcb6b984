//! Departures of values from a climatology.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller
#![allow(clippy::needless_range_loop)] // zipped iterators are not always inlined there

use crate::statistics::Groups;
use halocline_core::engine::{NumbersMut, StreamMap};
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use std::collections::HashMap;
use std::sync::Arc;

/// Where the maps of a climatology come from.
pub trait Reference: Sync {
    /// The map of `part` in `space` (the ranges behind the first dimension), C order, missing as
    /// NaN.
    ///
    /// # Errors
    /// When it can't be had.
    fn map(&self, part: usize, space: &IndexBox) -> Result<Vec<f64>>;
}

/// x − mean of the part of the cycle that the time belongs to, divided by the standard deviation
/// if that is given, too. Where any of them is missing, or the time belongs to no part, the
/// result is; so it is where the standard deviation is zero.
///
/// Computed in double precision and rounded once to the precision of the values.
pub struct Departures<'a> {
    groups: &'a Groups,
    mean: &'a dyn Reference,
    deviation: Option<&'a dyn Reference>,
    /// Bytes of maps that are kept.
    limit: usize,
    kept: HashMap<(u32, IndexBox), Arc<Maps>>,
}

/// The mean, and one over the standard deviation.
struct Maps {
    mean: Vec<f64>,
    scale: Option<Vec<f64>>,
}

impl std::fmt::Debug for Departures<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Departures").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl<'a> Departures<'a> {
    /// Departures of times that belong to `groups`. As many maps are kept as go into `limit`
    /// bytes, those of a window in any case.
    pub fn new(
        groups: &'a Groups,
        mean: &'a dyn Reference,
        deviation: Option<&'a dyn Reference>,
        limit: usize,
    ) -> Self {
        Self { groups, mean, deviation, limit, kept: HashMap::new() }
    }
}

fn space(block: &IndexBox) -> IndexBox {
    IndexBox::new(block.ranges()[1..].to_vec())
}

impl StreamMap for Departures<'_> {
    fn prepare(&mut self, window: &IndexBox) -> Result<()> {
        if window.is_empty() {
            return Ok(());
        }
        let space = space(window);
        let mut wanted: Vec<u32> = window.range(0).filter_map(|step| self.groups.of(step)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let bytes = space.len() * 8 * if self.deviation.is_some() { 2 } else { 1 };
        let new = wanted.iter().filter(|&&part| !self.kept.contains_key(&(part, space.clone()))).count();
        let kept: usize =
            self.kept.keys().map(|(_, space)| space.len()).sum::<usize>() * (bytes / space.len().max(1));
        if kept + new * bytes > self.limit {
            self.kept.retain(|(part, place), _| *place == space && wanted.contains(part));
        }
        for part in wanted {
            if self.kept.contains_key(&(part, space.clone())) {
                continue;
            }
            let mean = self.mean.map(part as usize, &space)?;
            let scale = self.deviation.map(|d| d.map(part as usize, &space)).transpose()?;
            let fit = mean.len() == space.len() && scale.as_ref().is_none_or(|s| s.len() == space.len());
            if !fit {
                return Err(Error::internal("a map of a climatology has another size"));
            }
            self.kept.insert((part, space.clone()), Arc::new(Maps { mean, scale }));
        }
        Ok(())
    }

    fn apply(&self, block: &IndexBox, values: NumbersMut<'_>) -> Result<()> {
        let Some(part) = self.groups.of(block.range(0).start) else {
            match values {
                NumbersMut::F32(v) => v.fill(f32::NAN),
                NumbersMut::F64(v) => v.fill(f64::NAN),
            }
            return Ok(());
        };
        let maps = self
            .kept
            .get(&(part, space(block)))
            .ok_or_else(|| Error::internal("the climatology of a time was not prepared"))?;
        match values {
            NumbersMut::F32(values) => {
                Arch::new().dispatch(Depart { values, maps, round: |x: f64| x as f32 });
            }
            NumbersMut::F64(values) => Arch::new().dispatch(Depart { values, maps, round: |x: f64| x }),
        }
        Ok(())
    }
}

/// Values that become departures. A closure would not do: what is dispatched must be inlined, or
/// it is compiled for the smallest vectors.
struct Depart<'a, T, R> {
    values: &'a mut [T],
    maps: &'a Maps,
    round: R,
}

impl<T: Copy + Into<f64>, R: Fn(f64) -> T> NullaryFnOnce for Depart<'_, T, R> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Self { values, maps, round } = self;
        let n = values.len().min(maps.mean.len());
        let (values, mean) = (&mut values[..n], &maps.mean[..n]);
        match &maps.scale {
            None => {
                for i in 0..n {
                    values[i] = round(values[i].into() - mean[i]);
                }
            }
            Some(deviation) => {
                let deviation = &deviation[..n];
                for i in 0..n {
                    let z = (values[i].into() - mean[i]) / deviation[i];
                    values[i] = round(if deviation[i] > 0.0 { z } else { f64::NAN });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Steady<'a>(&'a AtomicUsize, f64);

    impl Reference for Steady<'_> {
        fn map(&self, part: usize, space: &IndexBox) -> Result<Vec<f64>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok((0..space.len()).map(|i| self.1 * (part + i) as f64).collect())
        }
    }

    #[test]
    fn departures_of_each_part() {
        let groups = Groups::new(vec![0, 1, Groups::NONE, 1], 2).unwrap();
        let reads = AtomicUsize::new(0);
        let (mean, deviation) = (Steady(&reads, 1.0), Steady(&reads, 2.0));
        for limit in [0, 1000] {
            let mut plain = Departures::new(&groups, &mean, None, limit);
            plain.prepare(&IndexBox::new(vec![0..4, 0..3])).unwrap();
            let mut values = [5.0f32, 6.0, f32::NAN];
            plain.apply(&IndexBox::new(vec![1..2, 0..3]), NumbersMut::F32(&mut values)).unwrap();
            assert_eq!(values[..2], [4.0, 4.0]);
            assert!(values[2].is_nan());
            plain.apply(&IndexBox::new(vec![2..3, 0..3]), NumbersMut::F32(&mut values)).unwrap();
            assert!(values.iter().all(|v| v.is_nan()));
        }
        let mut standard = Departures::new(&groups, &mean, Some(&deviation), 1000);
        let window = IndexBox::new(vec![0..1, 0..3]);
        standard.prepare(&window).unwrap();
        let mut values = [5.0f64, 6.0, 3.0];
        standard.apply(&window, NumbersMut::F64(&mut values)).unwrap();
        // The first has no spread.
        assert!(values[0].is_nan());
        assert_eq!(values[1..], [2.5, 0.25]);
        let before = reads.load(Ordering::Relaxed);
        standard.prepare(&window).unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), before);
    }
}
