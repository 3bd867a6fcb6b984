//! The first pass: the covariance between times, summed over cells.

use super::prepare::{Recipe, Rows};
use super::strip::{Making, Parts, Strip, Width};
use super::survey::Survey;
use super::{EofInput, Precision};
use crate::symmetric::{power_of_two_scale, SymmetricSum};
use halocline_core::buffers::{Buffers, Shelf};
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
    /// How strips of a tile are made, with buffers that are used again.
    pub(super) fn making<'b>(
        &'b self,
        excluded: &'b [bool],
        (statistics, width): (bool, Width),
        finish: &'b (dyn Fn(&mut Strip) + Sync),
    ) -> Making<'b> {
        Making { excluded, statistics, width, finish, buffers: (&self.buffers, &self.narrow) }
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
            strip.weigh(&weights);
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
    /// Strips in single precision, to be used again.
    singles: Shelf<Vec<f32>>,
}

impl<'a> GramFold<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, precision: Precision) -> Self {
        Self { shared, precision, used: Used::default(), singles: Shelf::default() }
    }

    /// Adds the products of the columns of a strip.
    fn add_as_singles(&self, sum: &mut SymmetricSum, parts: &Parts<'_>) {
        // Of whatever size values are, products of the largest are about 1.
        let (down, up) = power_of_two_scale(&parts.largest());
        let singles = parts.as_singles(down, self.singles.take().unwrap_or_default());
        sum.add_columns_as_singles(&singles, up * up);
        self.singles.give(singles);
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
            state.survey.look_at_land(rows, (shared.times, true), &cells, &excluded);
        }
        let weigh = |strip: &mut Strip| shared.weigh(strip, &cells);
        let how = (false, Width::Wide(rayon::current_num_threads()));
        let making = shared.making(&excluded, how, &weigh);
        let GramState { sum, survey } = state;
        // What is going to be refused need not be summed.
        match self.precision {
            Precision::Double => shared.recipe.for_each_strip(rows, &making, |strip| {
                survey.look_at_strip(rows, shared, strip, &cells);
                if !survey.is_bad() {
                    sum.add_columns(&strip.values);
                }
            }),
            Precision::Mixed => shared.recipe.for_each_parts(rows, &making, |parts| {
                parts.iter().for_each(|part| survey.look_at_strip(rows, shared, part, &cells));
                if !survey.is_bad() {
                    self.add_as_singles(sum, &parts);
                }
            }),
        }
        Ok(())
    }
    fn merge(&self, mut left: GramState, right: GramState) -> Result<GramState> {
        left.survey.join(&right.survey);
        self.used.merge(&mut left.sum, right.sum)?;
        Ok(left)
    }
}
