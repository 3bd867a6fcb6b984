//! Percentiles of series that are seen once, within a bound that is known.

use super::key::Key;
use super::sketch::{self, Sketch};
use crate::statistics::finish::Missing;
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Percentiles over time of series that need not be in memory: a fold whose state is a sketch of
/// each series.
///
/// The percentile p of n values is the one of rank ⌈n p / 100⌉ ([`InvertedCdf`]); what is found is
/// a value of the series whose rank differs from that by n times the error asked for at most,
/// whatever the values and their order. Missing values are skipped. Nothing is drawn at random, and
/// sketches merge along the engine's tree, so results have the same bits on any ranks.
///
/// [`InvertedCdf`]: super::super::QuantileMethod::InvertedCdf
#[derive(Debug, Clone)]
pub struct ApproximatePercentiles {
    quantiles: Vec<f64>,
    missing: Missing,
    steps: usize,
    capacity: usize,
    /// Bytes of a value.
    size: usize,
}

/// Sketches of the cells of a tile, C order; empty before the first piece.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SketchState(Cells);

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Cells {
    #[default]
    None,
    Singles(Vec<Sketch<i32>>),
    Doubles(Vec<Sketch<i64>>),
}

/// Cells whose values are turned at once, so that each sketch is in the cache for all steps.
const WIDTH: usize = 256;
const TIME: [Role; 1] = [Role::Time];

impl ApproximatePercentiles {
    /// The percentiles at `percents` (0 to 100) of series of `steps`; a rank is wrong by the share
    /// `error` of the values at most.
    ///
    /// # Errors
    /// Usage, if no percentile is asked for, one is not between 0 and 100, or the error is not
    /// above 0 and below ½.
    pub fn new(percents: &[f64], error: f64, steps: usize) -> Result<Self> {
        super::check(percents)?;
        if !(error > 0.0 && error < 0.5) {
            return Err(Error::usage(format!("{error} is no error that ranks can be bounded by"))
                .remedy("choose a share of the values, as in --approx 0.01"));
        }
        let quantiles = percents.iter().map(|p| p / 100.0).collect();
        Ok(Self {
            quantiles,
            missing: Missing::Skip,
            steps,
            capacity: sketch::capacity(steps, error),
            size: 8,
        })
    }
    /// Of values in single precision, of which sketches are half as large.
    #[must_use]
    pub fn of_singles(self) -> Self {
        Self { size: 4, ..self }
    }
    /// With another rule for missing values.
    #[must_use]
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }
    /// Values of a level of each sketch: what the error comes to.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
    /// The error that is certain beforehand, as a share of the values.
    pub fn bound(&self) -> f64 {
        sketch::bound(self.steps, self.capacity)
    }

    /// The percentiles of the cells of a state, by percentile, missing as NaN; and the largest
    /// error of a rank that any cell has, as a share of its values.
    pub fn finish(&self, state: &SketchState) -> (Vec<Vec<f64>>, f64) {
        match &state.0 {
            Cells::None => (vec![Vec::new(); self.quantiles.len()], 0.0),
            Cells::Singles(cells) => self.finish_cells(cells),
            Cells::Doubles(cells) => self.finish_cells(cells),
        }
    }

    fn finish_cells<K: Key>(&self, cells: &[Sketch<K>]) -> (Vec<Vec<f64>>, f64) {
        let mut order: Vec<usize> = (0..self.quantiles.len()).collect();
        order.sort_by(|&a, &b| self.quantiles[a].total_cmp(&self.quantiles[b]));
        let mut maps = vec![vec![f64::NAN; cells.len()]; self.quantiles.len()];
        let (mut room, mut worst) = (Vec::new(), 0.0f64);
        for (cell, sketch) in cells.iter().enumerate() {
            if u64::from(sketch.count) < self.missing.least(self.steps as u64) {
                continue;
            }
            let n = f64::from(sketch.count);
            worst = worst.max(f64::from(sketch.error) / n);
            let rank = |&r: &usize| ((n * self.quantiles[r]).ceil() as u64).clamp(1, u64::from(sketch.count));
            let ranks: Vec<u64> = order.iter().map(rank).collect();
            for (&r, key) in order.iter().zip(sketch.at_ranks(&ranks, &mut room)) {
                maps[r][cell] = key.value();
            }
        }
        (maps, worst)
    }

    fn absorb_cells<K: Key>(&self, cells: &mut Vec<Sketch<K>>, piece: &Piece<'_>) {
        cells.resize_with(piece.cells(), Sketch::new);
        let most = piece.tile().block.range(0).len();
        let mut keys = vec![K::MISSING; WIDTH * piece.steps().len()];
        let stride = piece.steps().len();
        for start in (0..piece.cells()).step_by(WIDTH) {
            let width = WIDTH.min(piece.cells() - start);
            let mut counts = vec![0; width];
            for step in piece.steps() {
                K::turn(piece.step(step).from(start), stride, &mut keys, &mut counts, true);
            }
            for (k, &count) in counts.iter().enumerate() {
                for &key in &keys[k * stride..k * stride + count] {
                    cells[start + k].push(key, self.capacity, most);
                }
            }
        }
    }

    fn merge_cells<K: Key>(&self, left: &mut [Sketch<K>], right: Vec<Sketch<K>>) {
        left.iter_mut().zip(right).for_each(|(a, b)| a.merge(b, self.capacity));
    }
}

impl Fold for ApproximatePercentiles {
    type State = SketchState;
    const NAME: &'static str = "statistics-percentile-sketch";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let (leaf, cells) =
            (tile.block.range(0).len().max(1), tile.block.shape()[1..].iter().product::<usize>());
        // States grow as they merge; plans ask for one figure and take it for each level of the
        // tree, so it is the mean over these.
        let levels = self.steps.div_ceil(leaf).max(1).ilog2() + 2;
        let of = |level: u32| {
            sketch::bytes(leaf.saturating_mul(1 << level).min(self.steps), self.capacity, self.size)
        };
        let all: u64 = (0..levels).map(of).sum();
        all.div_ceil(u64::from(levels)) * cells as u64
    }
    fn start(&self, _column: usize) -> SketchState {
        SketchState::default()
    }
    fn absorb(&self, state: &mut SketchState, piece: &Piece<'_>) -> Result<()> {
        let Some(first) = piece.steps().next() else { return Ok(()) };
        match (piece.step(first), &mut state.0) {
            (Numbers::F32(_), cells @ Cells::None) => *cells = Cells::Singles(Vec::new()),
            (Numbers::F64(_), cells @ Cells::None) => *cells = Cells::Doubles(Vec::new()),
            _ => {}
        }
        match (piece.step(first), &mut state.0) {
            (Numbers::F32(_), Cells::Singles(cells)) => self.absorb_cells(cells, piece),
            (Numbers::F64(_), Cells::Doubles(cells)) => self.absorb_cells(cells, piece),
            _ => return Err(Error::internal("a sketch is given values of another type")),
        }
        Ok(())
    }
    fn merge(&self, left: SketchState, right: SketchState) -> Result<SketchState> {
        Ok(SketchState(match (left.0, right.0) {
            (Cells::None, some) | (some, Cells::None) => some,
            (Cells::Singles(mut a), Cells::Singles(b)) if a.len() == b.len() => {
                self.merge_cells(&mut a, b);
                Cells::Singles(a)
            }
            (Cells::Doubles(mut a), Cells::Doubles(b)) if a.len() == b.len() => {
                self.merge_cells(&mut a, b);
                Cells::Doubles(a)
            }
            _ => return Err(Error::internal("sketches of other cells are merged")),
        }))
    }
}
