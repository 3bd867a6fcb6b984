//! The fold of all statistics that one pass gives.

use super::groups::Groups;
use super::kernels;
use super::layout::Layout;
use super::op::{Needs, Op};
use super::state::ReductionState;
use super::weights::Weights;
use halocline_core::engine::{Fold, Piece, Pieces};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use std::sync::{Mutex, PoisonError};

/// Any [`Op`]s over any dimensions of a variable, in one read.
///
/// Of the steps of a group, values along the dimensions that are reduced become one. Where time
/// is not reduced, each step is its own group ([`Groups::each`]). Missing values (NaN) are
/// skipped, and counted, so that what is to be missing of the result can be decided afterwards
/// ([`Rules`](super::Rules)).
///
/// Sums are in double precision and in one order: cells are added along reduced rows in sixteen
/// interleaved partial sums, rows and steps one after the other, tiles along the engine's tree.
/// Accumulators don't depend on what else is asked for.
#[derive(Debug)]
pub struct Reduction {
    roles: Vec<Role>,
    /// For each dimension behind time.
    reduced: Vec<bool>,
    pub(super) needs: Needs,
    groups: Groups,
    weights: Weights,
    /// The regressor at each step.
    pub(super) times: Vec<f64>,
    /// Of leaves of a length, see [`Groups::peak`].
    peak: Mutex<Option<(usize, usize)>>,
    spare: Mutex<Spare>,
}

/// States that were merged into others: memory that is there need not be asked for and cleared
/// page by page by the system, which takes longer than to sum a tile.
#[derive(Debug, Default)]
struct Spare {
    states: Vec<ReductionState>,
    /// The most groups of a state before it is merged: merged states of more would keep memory for
    /// nothing.
    groups: usize,
}

impl Reduction {
    /// The fold for all of `ops` of a variable with dimensions `dims`, the first of which is
    /// time, over the dimensions of the roles `over`.
    ///
    /// `groups` has a group for each step; without [`Role::Time`] in `over` give
    /// [`Groups::each`]. `times` is the regressor of [`Op::Trend`] at each step, else empty.
    ///
    /// # Errors
    /// Usage, if a trend is asked for over anything but all times together, or weighted;
    /// internal, if lengths don't fit the dimensions.
    pub fn new(
        dims: &[Dim],
        over: &[Role],
        ops: &[Op],
        groups: Groups,
        weights: Weights,
        times: Vec<f64>,
    ) -> Result<Self> {
        let needs = Needs::of(ops, !weights.is_none());
        let reduced: Vec<bool> = dims.iter().skip(1).map(|d| over.contains(&d.role)).collect();
        if needs.trend
            && (over != [Role::Time] || groups != Groups::all(groups.steps()) || !weights.is_none())
        {
            return Err(Error::usage("a trend is over all times together, at each point, without weights")
                .remedy("ask for it alone with --over time"));
        }
        let steps = dims.first().map_or(0, |d| d.len);
        let fits = |len: usize, wanted: usize| len == 0 || len == wanted;
        let along = weights.along.iter().zip(dims.iter().skip(1)).all(|(w, d)| fits(w.len(), d.len));
        let ground: usize = dims.iter().skip(1).rev().take(2).map(|d| d.len).product();
        let fit = groups.steps() == steps
            && fits(weights.steps.len(), steps)
            && along
            && fits(weights.ground.len(), ground)
            && (!needs.trend || times.len() == steps);
        if !fit {
            return Err(Error::internal("groups, weights or times of a reduction don't fit its dimensions"));
        }
        let roles = over.to_vec();
        let (peak, spare) = (Mutex::default(), Mutex::default());
        Ok(Self { roles, reduced, needs, groups, weights, times, peak, spare })
    }

    /// The groups of steps.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Where the results of a column lie whose first tile is `first`: the first dimension counts
    /// groups, reduced ones have length 1. Results of group g are those of index g alone.
    pub fn result_box(&self, first: &IndexBox) -> IndexBox {
        let groups = if self.roles.contains(&Role::Time) { 0..self.groups.len() } else { first.range(0) };
        let space = first.ranges().iter().skip(1).zip(&self.reduced);
        let space = space.map(|(range, reduced)| if *reduced { 0..1 } else { range.clone() });
        IndexBox::new(std::iter::once(groups).chain(space).collect())
    }

    /// Bytes that all states of all columns take together once they are merged.
    pub fn result_bytes(&self, shape: &[usize]) -> u64 {
        self.result_box(&IndexBox::whole(shape)).len() as u64 * (self.needs.bytes() + 1)
    }

    /// Bytes of the encoded state of a column, one of whose tiles is given, after so many values along
    /// the reduced dimensions, none missing: exactly that of one group without a trend, else about as
    /// many.
    pub fn encoded_bytes(&self, tile: &Tile, values: u64) -> u64 {
        let groups = if self.roles.contains(&Role::Time) {
            (self.groups.len() as u64).min(values)
        } else {
            tile.block.range(0).len() as u64
        };
        self.needs.encoded_bytes(groups.max(1), self.cells(tile) as u64, values / groups.max(1))
    }

    /// What is accumulated, for those who must not mix up states.
    pub fn accumulators(&self) -> String {
        format!("{:?}", self.needs)
    }

    /// Cells of the result in a tile, of one group.
    fn cells(&self, tile: &Tile) -> usize {
        let space = tile.block.ranges().iter().skip(1).zip(&self.reduced);
        space.filter(|(_, reduced)| !**reduced).map(|(range, _)| range.len()).product()
    }
}

impl Fold for Reduction {
    type State = ReductionState;
    const NAME: &'static str = "statistics-reduction";
    const VERSION: u32 = 5;

    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn steps_at_once(&self) -> usize {
        // Where groups take turns, as calendar months do, few of the steps go to the same values;
        // of a trend there is so much to a cell that it should seldom be fetched.
        if self.roles.contains(&Role::Time) && (self.needs.trend || self.groups.take_turns()) {
            32
        } else {
            8
        }
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let steps = tile.block.range(0).len() << self.levels_kept();
        // The planner keeps this for each level of a merge tree over time.
        let levels = self.groups.steps().div_ceil(steps.max(1)).max(1).ilog2() as usize + 2;
        let groups = if self.roles.contains(&Role::Time) {
            // Together they hold no more than its peak.
            let mut known = self.peak.lock().unwrap_or_else(PoisonError::into_inner);
            let peak =
                known.filter(|(length, _)| *length == steps).map_or_else(|| self.groups.peak(steps), |k| k.1);
            *known = Some((steps, peak));
            peak.div_ceil(levels)
        } else {
            // Nothing merges over time: the tiles at hand, and those that they merge with.
            (2 * steps).div_ceil(levels)
        };
        (self.cells(tile) * groups) as u64 * self.needs.bytes()
    }
    fn levels_kept(&self) -> u32 {
        // Whatever is asked for: a result has the same bits beside any others.
        if self.roles == [Role::Time] {
            self.groups.levels_kept()
        } else {
            0
        }
    }
    fn start(&self, _column: usize) -> ReductionState {
        self.spare().states.pop().unwrap_or_default()
    }
    fn absorb(&self, state: &mut ReductionState, piece: &Piece<'_>) -> Result<()> {
        let tile = piece.tile();
        let is_new = state.groups.is_empty();
        if is_new || tile.block.range(0).start == piece.steps().start {
            state.cells = self.cells(tile);
            let groups = self.groups.beside(tile.block.range(0), &state.groups);
            state.expect(self.needs, groups);
            let mut spare = self.spare();
            spare.groups = spare.groups.max(state.groups.len() + groups);
        }
        let layout = Layout::new(tile, &self.reduced, &self.weights);
        // Steps of a group go together, in their order: so a cell is fetched once for all of them.
        for (group, steps) in self.groups.gathered(piece.steps()) {
            let slot = state.slot(group, self.needs);
            kernels::absorb(
                state,
                slot,
                &kernels::Task { piece, steps: &steps, layout: &layout, fold: self },
            );
        }
        Ok(())
    }
    fn merge(&self, mut left: ReductionState, mut right: ReductionState) -> Result<ReductionState> {
        left.merge(&mut right, self.needs, &self.times);
        let mut spare = self.spare();
        if right.groups.len() <= spare.groups {
            right.clear();
            spare.states.push(right);
        }
        Ok(left)
    }
}

impl Reduction {
    /// The state in which group k holds all values of the groups of `lists[k]`: see
    /// [`Self::finish`] for its results. Trends can't be pooled.
    pub fn pooled(&self, state: &ReductionState, lists: &[Vec<u32>]) -> ReductionState {
        state.pooled(lists, self.needs)
    }
    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }
    fn spare(&self) -> std::sync::MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
