//! The first pass: the covariance between times, summed over cells.

use super::prepare::{Recipe, Rows, Strip, Width};
use super::survey::Survey;
use super::{EofInput, Precision};
use crate::symmetric::SymmetricSum;
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Fold, Parallelism, Piece, Pieces};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::Result;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// What folds over whole series reduce.
pub(super) const ALL_BUT_TIME: &[Role] = &[Role::Member, Role::Level, Role::Y, Role::X, Role::Other];

/// What the passes over the series of a field share.
pub(super) struct Shared<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) times: usize,
    pub(super) input: EofInput<'a>,
    /// Lengths of all dimensions but time.
    space: Vec<usize>,
    pub(super) buffers: Buffers,
    /// Of narrow strips.
    narrow: Buffers,
}

impl<'a> Shared<'a> {
    /// `dims` are those of the field, time first.
    pub(super) fn new(dims: &[Dim], recipe: &'a Recipe, input: EofInput<'a>) -> Self {
        let space = dims.iter().skip(1).map(|d| d.len).collect();
        let times = dims.first().map_or(0, |d| d.len);
        Self { recipe, times, input, space, buffers: Buffers::new(), narrow: Buffers::new() }
    }
    /// [`Recipe::for_each_strip`] with buffers that are used again.
    pub(super) fn for_each_strip(
        &self,
        rows: &Rows<'_>,
        excluded: &[bool],
        how: (bool, Width),
        hand_over: impl FnMut(&mut Strip),
    ) {
        self.recipe.for_each_strip(rows, excluded, how, (&self.buffers, &self.narrow), hand_over);
    }
    /// Numbers in the grid of the cells of a box, C order.
    pub(super) fn cells_of(&self, block: &IndexBox) -> Vec<usize> {
        let whole = IndexBox::whole(&self.space);
        let inner = IndexBox::new(block.ranges()[1..].to_vec());
        let mut cells = Vec::with_capacity(inner.len());
        whole.for_each_run(&inner, |from, _, n| cells.extend(from..from + n));
        cells
    }
    /// The weight of a cell of the grid.
    pub(super) fn weight(&self, cell: usize) -> f64 {
        self.input.weights.get(cell).copied().unwrap_or(1.0)
    }
    /// Multiplies anomalies by the weights of their cells; `cells` are those of the tile.
    pub(super) fn weigh(&self, strip: &mut Strip, cells: &[usize]) {
        if !self.input.weights.is_empty() {
            let weights: Vec<f64> = strip.cells.iter().map(|&c| self.weight(cells[c])).collect();
            for row in strip.values.chunks_mut(weights.len()) {
                row.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w);
            }
        }
    }
    /// Which cells of a tile are left out.
    pub(super) fn excluded_of(&self, cells: &[usize]) -> Vec<bool> {
        let excluded = self.input.excluded;
        if excluded.is_empty() {
            Vec::new()
        } else {
            cells.iter().map(|&c| excluded[c]).collect()
        }
    }
}

/// A sum, and what was seen on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct GramState {
    pub(super) sum: SymmetricSum,
    pub(super) survey: Survey,
}

impl GramState {
    /// Bytes of an encoded sum over so many cells, none of which has gaps.
    pub(super) fn encoded_bytes(times: usize, cells: u64) -> u64 {
        SymmetricSum::encoded_bytes(times) + Survey::encoded_bytes(cells)
    }
}

/// Matrices that were merged into others, to be used again.
#[derive(Default)]
pub(super) struct Used(Mutex<Vec<SymmetricSum>>);

impl Used {
    pub(super) fn start(&self, n: usize) -> SymmetricSum {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        used.map_or_else(
            || SymmetricSum::new(n),
            |mut sum| {
                sum.clear();
                sum
            },
        )
    }
    pub(super) fn merge(&self, left: &mut SymmetricSum, right: SymmetricSum) -> Result<()> {
        left.merge(&right)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(right);
        Ok(())
    }
}

/// G(t, t') = Σ over cells of w² x(t) x(t'): the sum of the outer products of weighted series.
pub(super) struct GramFold<'a> {
    shared: &'a Shared<'a>,
    precision: Precision,
    used: Used,
}

impl<'a> GramFold<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, precision: Precision) -> Self {
        Self { shared, precision, used: Used::default() }
    }
}

impl Fold for GramFold<'_> {
    type State = GramState;
    const NAME: &'static str = "eof-temporal-covariance";
    const VERSION: u32 = 3;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        SymmetricSum::bytes(self.shared.times)
    }
    fn start(&self, _column: usize) -> GramState {
        GramState { sum: self.used.start(self.shared.times), survey: Survey::default() }
    }
    fn absorb(&self, state: &mut GramState, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(&piece.tile().block);
        let excluded = shared.excluded_of(&cells);
        let rows = |time: usize| piece.step(time);
        let rows: &Rows<'_> = &rows;
        if shared.recipe.filling.is_none() {
            state.survey.look_at_land(rows, shared.times, &cells, &excluded);
        }
        shared.for_each_strip(rows, &excluded, (false, Width::Wide(rayon::current_num_threads())), |strip| {
            let survey = &mut state.survey;
            survey.look_at_strip(rows, shared, strip, &cells);
            // What is going to be refused need not be summed.
            if !survey.is_bad() {
                shared.weigh(strip, &cells);
                match self.precision {
                    Precision::Double => state.sum.add_columns(&strip.values),
                    Precision::Mixed => state.sum.add_columns_as_singles(&strip.values),
                }
            }
        });
        Ok(())
    }
    fn merge(&self, mut left: GramState, right: GramState) -> Result<GramState> {
        left.survey.join(&right.survey);
        self.used.merge(&mut left.sum, right.sum)?;
        Ok(left)
    }
}
