//! The fold: sums over cells at each time.

use super::patterns::{dot, Patterns, BLOCK};
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// Maps that are taken off the field before it is projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Centre {
    /// Parts × cells, C order: one, or one for each month.
    pub maps: Vec<f64>,
    /// Which of them each step takes.
    pub part: Vec<u32>,
}

/// The sums Σ over cells of v · (w / σ) x at each step, on all patterns, and what is missing.
///
/// A fold over all dimensions but the first. Sums are in double precision and in one order:
/// blocks of 2048 cells in eight interleaved partial sums, block after block, tiles along the
/// engine's tree.
#[derive(Debug)]
pub struct Projection {
    roles: Vec<Role>,
    /// Lengths of the dimensions behind the first.
    space: Vec<usize>,
    modes: usize,
    /// Whether cells may be missing: their patterns are then taken off the products of all.
    skips: bool,
    patterns: Arc<OnceLock<Patterns>>,
    centre: Arc<OnceLock<Centre>>,
}

/// What is known of some steps, after some of their cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectionState {
    /// The first of the steps.
    pub(super) first: usize,
    /// Steps × modes.
    pub(super) sums: Vec<f64>,
    /// Of each step, cells that are missing where there are patterns.
    pub(super) missing: Vec<u64>,
    /// Steps × modes (modes + 1) / 2: products of the patterns in these cells; empty if none are
    /// missing, or they may not be.
    pub(super) products: Vec<f64>,
    /// The first missing value, as step and cell.
    pub(super) first_gap: Option<(u64, u64)>,
    /// The first infinite value.
    pub(super) first_infinite: Option<(u64, u64)>,
}

impl Projection {
    /// The fold for a variable of dimensions `dims` on so many patterns, which have to be there
    /// when it runs; of `centre` only if there are missing values to be skipped (`skips`) and
    /// something is to be taken off.
    pub fn new(
        dims: &[Dim],
        modes: usize,
        skips: bool,
        patterns: Arc<OnceLock<Patterns>>,
        centre: Arc<OnceLock<Centre>>,
    ) -> Self {
        let roles = dims.iter().skip(1).map(|d| d.role).collect();
        let space = dims.iter().skip(1).map(|d| d.len).collect();
        Self { roles, space, modes, skips, patterns, centre }
    }

    /// Numbers that the products of patterns at a step take.
    fn pairs(&self) -> usize {
        self.modes * (self.modes + 1) / 2
    }

    /// The first cell of a tile in the grid; its cells follow one another.
    fn start_of(&self, tile: &Tile) -> Result<usize> {
        let inner = IndexBox::new(tile.block.ranges()[1..].to_vec());
        let mut runs = Vec::new();
        IndexBox::whole(&self.space).for_each_run(&inner, |from, to, n| runs.push((from, to, n)));
        let Some(&(start, ..)) = runs.first() else { return Ok(0) };
        let follow = runs.iter().all(|&(from, to, _)| from == start + to);
        if follow {
            Ok(start)
        } else {
            Err(Error::internal("the cells of a tile don't follow one another"))
        }
    }
}

impl Fold for Projection {
    type State = ProjectionState;
    const NAME: &'static str = "projection";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let pairs = if self.skips { self.pairs() } else { 0 };
        let buffer = BLOCK * size_of::<f64>();
        ((self.modes + pairs + 1) * tile.block.range(0).len() * size_of::<f64>() + buffer) as u64
    }
    fn start(&self, _column: usize) -> ProjectionState {
        ProjectionState::default()
    }

    fn absorb(&self, state: &mut ProjectionState, piece: &Piece<'_>) -> Result<()> {
        let patterns = self.patterns.get().ok_or_else(|| Error::internal("there are no patterns yet"))?;
        let tile = piece.tile();
        let (steps, modes, cells) = (tile.block.range(0), self.modes, piece.cells());
        if state.sums.is_empty() {
            state.first = steps.start;
            state.sums = vec![0.0; steps.len() * modes];
            state.missing = vec![0; steps.len()];
        }
        let start = self.start_of(tile)?;
        if patterns.modes() != modes || start + cells > patterns.cells() {
            return Err(Error::internal("the patterns are not those that were announced"));
        }
        let mut buffer = [0.0; BLOCK];
        for from in (0..cells).step_by(BLOCK) {
            let n = BLOCK.min(cells - from);
            let at = start + from;
            for step in piece.steps() {
                let row = piece.step(step).slice(from..from + n);
                let block = &mut buffer[..n];
                self.weigh(patterns, state, (step, at), row, block)?;
                let sums = &mut state.sums[(step - steps.start) * modes..][..modes];
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum += dot(block, &patterns.map(k)[at..at + n]);
                }
            }
        }
        Ok(())
    }

    fn merge(&self, mut left: ProjectionState, right: ProjectionState) -> Result<ProjectionState> {
        if left.first != right.first || left.sums.len() != right.sums.len() {
            return Err(Error::internal("sums of other steps were to be merged"));
        }
        left.sums.iter_mut().zip(&right.sums).for_each(|(a, b)| *a += b);
        left.missing.iter_mut().zip(&right.missing).for_each(|(a, b)| *a += b);
        if left.products.is_empty() {
            left.products = right.products;
        } else {
            left.products.iter_mut().zip(&right.products).for_each(|(a, b)| *a += b);
        }
        left.first_gap = earlier(left.first_gap, right.first_gap);
        left.first_infinite = earlier(left.first_infinite, right.first_infinite);
        Ok(left)
    }
}

impl Projection {
    /// Fills `out` with the weighted values of cells from `at` on at a step, 0 for what is missing.
    fn weigh(
        &self,
        patterns: &Patterns,
        state: &mut ProjectionState,
        (step, at): (usize, usize),
        row: Numbers<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        match row {
            Numbers::F32(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = f64::from(*v)),
            Numbers::F64(v) => out.copy_from_slice(v),
        }
        let mean = match self.centre.get() {
            None => None,
            Some(centre) => {
                let part = centre.part.get(step).copied().unwrap_or(0) as usize;
                let from = part * patterns.cells() + at;
                let map = centre.maps.get(from..from + out.len());
                Some(map.ok_or_else(|| Error::internal("a mean map is not there"))?)
            }
        };
        let metric = &patterns.metric()[at..at + out.len()];
        let mut odd = false;
        match mean {
            None => out.iter_mut().zip(metric).for_each(|(o, m)| {
                *o *= m;
                odd |= !o.is_finite();
            }),
            Some(mean) => out.iter_mut().zip(metric.iter().zip(mean)).for_each(|(o, (m, mean))| {
                *o = (*o - mean) * m;
                odd |= !o.is_finite();
            }),
        }
        if odd {
            self.note(patterns, state, (step, at), out);
        }
        Ok(())
    }

    /// Notes what is missing or infinite where there are patterns, and makes it 0.
    fn note(
        &self,
        patterns: &Patterns,
        state: &mut ProjectionState,
        (step, at): (usize, usize),
        out: &mut [f64],
    ) {
        let row = step - state.first;
        for (c, value) in out.iter_mut().enumerate().filter(|(_, v)| !v.is_finite()) {
            let cell = at + c;
            if patterns.has(cell) {
                let place = Some((step as u64, cell as u64));
                if value.is_nan() {
                    state.missing[row] += 1;
                    state.first_gap = earlier(state.first_gap, place);
                    if self.skips {
                        let pairs = self.pairs();
                        if state.products.is_empty() {
                            state.products = vec![0.0; pairs * state.missing.len()];
                        }
                        let products = &mut state.products[row * pairs..][..pairs];
                        let both = (0..self.modes).flat_map(|i| (0..=i).map(move |j| (i, j)));
                        for (sum, (i, j)) in products.iter_mut().zip(both) {
                            *sum += patterns.map(i)[cell] * patterns.map(j)[cell];
                        }
                    }
                } else {
                    state.first_infinite = earlier(state.first_infinite, place);
                }
            }
            *value = 0.0;
        }
    }
}

/// The earlier of two places, of one step that of the lower cell.
pub(super) fn earlier(a: Option<(u64, u64)>, b: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
