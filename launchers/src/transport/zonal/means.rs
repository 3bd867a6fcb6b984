//! Sums of lines over times, each level counted by the times at which it is there.

use crate::transport::pass::Pass;
use halocline_algorithms::transport::{OF_FLOW, OF_MEANS};

/// Sums of lines over times, on rank 0: as a time has them, `[levels][lines][basins][width]`.
#[derive(Debug, Default)]
pub(super) struct Means {
    sums: Vec<f64>,
    /// At how many times each has open faces, and what is carried.
    counts: [Vec<f64>; 2],
}

impl Means {
    /// Adds a time.
    pub(super) fn add(&mut self, pass: &Pass<'_>, sums: &[f64]) {
        let width = pass.width();
        self.sums.resize(sums.len(), 0.0);
        self.counts.iter_mut().for_each(|n| n.resize(sums.len() / width, 0.0));
        self.sums.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
        let carried = (pass.classes.is_none() && width > OF_FLOW).then_some(OF_FLOW + 1);
        for (k, one) in sums.chunks_exact(width).enumerate() {
            let is_there = |at: usize| if one[at] > 0.0 { 1.0 } else { 0.0 };
            self.counts[0][k] += is_there(pass.open_at());
            self.counts[1][k] += carried.map_or(0.0, is_there);
        }
    }

    /// Means of the sums; 0 of what is never there.
    pub(super) fn means(&self, pass: &Pass<'_>) -> Vec<f64> {
        let width = pass.width();
        let of_flow = if pass.classes.is_some() { width } else { OF_FLOW };
        let mean = |(k, sum): (usize, &f64)| {
            let n = self.counts[usize::from(k % width >= of_flow)][k / width];
            sum / n.max(1.0)
        };
        self.sums.iter().enumerate().map(mean).collect()
    }

    /// Sums over times at the faces of a level and line of a basin, turned into those of means.
    pub(super) fn of_faces(
        &self,
        (level, line, basin): (usize, usize, usize),
        pass: &Pass<'_>,
        sums: &[f64],
    ) -> [f64; OF_MEANS] {
        let at = (level * pass.faces.len() + line) * pass.basins() + basin;
        let n = self.counts[1][at].max(1.0);
        std::array::from_fn(|k| sums[k] / n)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }
}
