//! Histograms of one variable, or joint ones of several, over any dimensions.

mod bins;
mod codes;
mod table;

pub use bins::{make_densities, Bins};
pub use table::{Apart, HistogramState};

use codes::Coder;
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use table::Table;

/// Values that are looked at together: their codes stay in the nearest cache.
const ROW: usize = 2048;
/// Tables up to so many cells are counted in two at once: a value that falls where the one before
/// it fell then need not wait for it.
const SMALL: usize = 1 << 14;

/// The fold of a histogram: how many values (of one variable, or pairs of two, read in lockstep)
/// fall into each bin, with one histogram for each index along the dimensions that are kept.
///
/// Bins are half open, the last one is closed ([`Bins`]). A value is compared in double precision
/// with edges in double precision. Counts are whole numbers, so exact. With weights, the weights
/// of cells are added up too, in the order of steps and cells within a tile, tiles along the
/// engine's tree.
#[derive(Debug)]
pub struct Histogram {
    coders: Vec<Coder>,
    reduces: Vec<Role>,
    /// Whether each dimension is reduced.
    over: Vec<bool>,
    shape: Vec<usize>,
    /// A weight for each horizontal cell, C order over the last dimensions; empty: none.
    weights: Vec<f64>,
}

impl Histogram {
    /// A histogram with one set of bins for each variable, over the dimensions of `dims` whose
    /// roles are in `over`. `weights` are those of the horizontal cells (the last dimensions), C
    /// order; empty for none.
    ///
    /// # Errors
    /// Usage, if there are more than 2³¹ bins together; internal, if there are none, or the
    /// weights fit no dimensions.
    pub fn new(bins: &[Bins], dims: &[Dim], over: &[Role], weights: Vec<f64>) -> Result<Self> {
        let shape: Vec<usize> = dims.iter().map(|d| d.len).collect();
        let fits = weights.is_empty()
            || (0..=dims.len()).any(|d| shape[d..].iter().product::<usize>() == weights.len());
        if bins.is_empty() || !fits {
            return Err(Error::internal("a histogram without bins, or with weights of another grid"));
        }
        let table = Self::table_cells(bins);
        if table > 1 << 31 {
            return Err(Error::usage(format!("{table} bins are too many")).remedy("ask for fewer --bins"));
        }
        let reduced: Vec<bool> = dims.iter().map(|d| over.contains(&d.role)).collect();
        Ok(Self {
            coders: bins.iter().map(Coder::new).collect(),
            reduces: over.to_vec(),
            over: reduced,
            shape,
            weights,
        })
    }

    /// Cells of one table: bins and what lies apart, of all variables together.
    pub fn table_cells(bins: &[Bins]) -> u64 {
        bins.iter().fold(1, |n: u64, b| n.saturating_mul((b.len() + bins::APART) as u64))
    }
    fn table_len(&self) -> usize {
        self.coders.iter().map(Coder::width).product()
    }
    /// Tables of a tile: indices along the dimensions that are kept.
    fn tables(&self, tile: &Tile) -> usize {
        let kept = self.over.iter().zip(tile.block.shape()).filter(|(over, _)| !**over);
        kept.map(|(_, n)| n).product()
    }
    /// Bytes of the results of all tiles, in states and as counts that are written.
    pub fn result_bytes(&self) -> u64 {
        let kept = self.over.iter().zip(&self.shape).filter(|(over, _)| !**over).map(|(_, n)| *n as u64);
        let tables = kept.fold(1, u64::saturating_mul);
        let each = if self.weights.is_empty() { 8 } else { 16 };
        tables.saturating_mul(self.table_len() as u64).saturating_mul(each)
    }

    /// Which table the cells of a step belong to, beside the step's; `None`: all to one.
    fn slots(&self, tile: &Tile) -> Option<Vec<u32>> {
        if self.over[1..].iter().all(|over| *over) {
            return None;
        }
        let shape = &tile.block.shape()[1..];
        let cells: usize = shape.iter().product();
        let slot = |cell: usize| {
            let (mut rest, mut slot, mut stride) = (cell, 0, 1);
            for d in (0..shape.len()).rev() {
                if !self.over[d + 1] {
                    slot += rest % shape[d] * stride;
                    stride *= shape[d];
                }
                rest /= shape[d];
            }
            slot as u32
        };
        Some((0..cells).map(slot).collect())
    }

    /// The weights of the cells of a step.
    fn weights_of(&self, tile: &Tile) -> Vec<f64> {
        if self.weights.is_empty() {
            return Vec::new();
        }
        let ranges = &tile.block.ranges()[1..];
        let cells: usize = ranges.iter().map(ExactSizeIterator::len).product();
        let at = |cell: usize| {
            let (mut rest, mut index, mut stride) = (cell, 0, 1);
            for d in (0..ranges.len()).rev() {
                let n = ranges[d].len();
                if stride < self.weights.len() {
                    index += (ranges[d].start + rest % n) * stride;
                    stride *= self.shape[d + 1];
                }
                rest /= n;
            }
            self.weights.get(index).copied().unwrap_or(f64::NAN)
        };
        (0..cells).map(at).collect()
    }
}

impl Fold for Histogram {
    type State = HistogramState;
    const NAME: &'static str = "statistics-histogram";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &self.reduces
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let each = if self.weights.is_empty() { 8 } else { 16 };
        (self.tables(tile) as u64).saturating_mul(self.table_len() as u64).saturating_mul(each)
    }
    fn start(&self, _column: usize) -> HistogramState {
        HistogramState::default()
    }

    fn absorb(&self, state: &mut HistogramState, piece: &Piece<'_>) -> Result<()> {
        let tile = piece.tile();
        let tables = self.tables(tile);
        state.grow(tables * self.table_len(), !self.weights.is_empty());
        let variables: Vec<Piece<'_>> =
            (0..self.coders.len()).map(|k| piece.with(k)).collect::<Result<_>>()?;
        let (slots, weights) = (self.slots(tile), self.weights_of(tile));
        let first = tile.block.range(0).start;
        let per_step = if self.over[0] { 0 } else { tables / tile.block.range(0).len().max(1) };
        let mut table = Table::new(state, self.table_len(), slots.is_none() && self.over[0], SMALL);
        let mut codes = vec![0u32; ROW];
        let mut joint = vec![0u32; ROW];
        for step in piece.steps() {
            let of_step = (step - first) * per_step;
            for start in (0..piece.cells()).step_by(ROW) {
                let end = piece.cells().min(start + ROW);
                let joint = &mut joint[..end - start];
                for (k, (variable, coder)) in variables.iter().zip(&self.coders).enumerate() {
                    let row = match variable.step(step) {
                        Numbers::F32(v) => Numbers::F32(&v[start..end]),
                        Numbers::F64(v) => Numbers::F64(&v[start..end]),
                    };
                    if k == 0 {
                        coder.row(row, joint);
                        continue;
                    }
                    let codes = &mut codes[..end - start];
                    coder.row(row, codes);
                    codes::join(joint, codes, coder.width() as u32);
                }
                table.count(joint, of_step, slots.as_deref().map(|s| &s[start..end]));
                if let Some(weights) = weights.get(start..end).filter(|w| !w.is_empty()) {
                    table.weigh(joint, of_step, slots.as_deref().map(|s| &s[start..end]), weights);
                }
            }
        }
        table.done();
        Ok(())
    }

    fn merge(&self, mut left: HistogramState, right: HistogramState) -> Result<HistogramState> {
        left.add(&right);
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
