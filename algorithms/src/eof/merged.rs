//! Records added to records: EOFs of a growing record, from its new part and a state.
//!
//! A state holds, of n₁ records with means m₁, the leading part U B of their anomalies: unit vectors
//! U over time and maps B = Uᵀ X. New records with anomalies Y of their own means m₂ are merged by
//! the rows
//!
//! - B, as many as modes are kept,
//! - Y, one for each new record,
//! - √(n₁ n₂ / (n₁ + n₂)) (m₂ − m₁), one for each mean (one, or twelve months),
//!
//! whose sum of outer products is that of the anomalies of all records together, of their common
//! means (Ross et al. 2008). Their small Gram matrix is summed in one pass over the new records; its
//! eigenvectors turn the rows into new maps, and U, continued by the new records, into components.
//!
//! What is not kept of a merge lowers eigenvalues, by its largest eigenvalue at most (Weyl). The sum
//! of these over all merges is the *bound*: λ ≤ λ of all records ≤ λ + bound. With all modes kept
//! nothing is lost.
//!
//! # References
//! Ross, Lim, Lin and Yang (2008), *Int. J. Comput. Vis.* 77, 125–141. Brand (2006), *Linear Algebra
//! Appl.* 415, 20–30.

use super::gram::{Shared, Used, ALL_BUT_TIME};
use super::kernels::{check_rank, no_variance, rank};
use super::maps::{self, MapBlock, Maps};
use super::options::{
    Anomaly, EofOptions, EofScaling, Method, Missing, Modes, PcScaling, Precision, Rotated, Solver,
};
use super::prepare::{Recipe, Rows};
use super::result::{Eof, EofMaps};
use super::significance::Significance;
use super::strip::{Strip, Width};
use super::survey::Survey;
use super::{Covariance, EofField};
use crate::modes::Kernel;
use crate::symmetric::{Eigenpairs, SymmetricSum};
use halocline_core::engine::{Engine, Fold, Parallelism, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is kept of the records so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EofState {
    /// Which mean was removed from each record: 0, or the month less one.
    pub groups: Vec<u8>,
    /// Records that each mean is of.
    pub counts: Vec<f64>,
    /// Eigenvalues of the sum of squares that are kept, descending.
    pub values: Vec<f64>,
    /// A unit vector over the records for each, one after the other.
    pub units: Vec<f64>,
    /// Sum of all eigenvalues.
    pub trace: f64,
    /// By how much eigenvalues of the sum of squares may be larger for what was not kept.
    pub bound: f64,
    /// Records were merged so often.
    pub merges: u32,
    /// Cells with data.
    pub cells: usize,
    /// Maps over all cells of the grid, missing where there are no data: Σ u x over the records for
    /// each eigenvalue, without weights; then the means.
    pub maps: Vec<f64>,
}

impl EofState {
    /// Records so far.
    pub fn records(&self) -> usize {
        self.groups.len()
    }
    /// Modes that are kept.
    pub fn modes(&self) -> usize {
        self.values.len()
    }
    /// Refuses a state whose parts don't fit each other; `grid` cells, `means` of the anomaly.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data).
    pub fn check(&self, grid: usize, means: usize) -> Result<()> {
        let (n, modes) = (self.records(), self.modes());
        let fits = self.counts.len() == means
            && self.groups.iter().all(|&g| usize::from(g) < means)
            && n.checked_mul(modes) == Some(self.units.len())
            && (modes + means).checked_mul(grid) == Some(self.maps.len())
            && self.values.iter().chain([&self.trace, &self.bound]).all(|v| v.is_finite() && *v >= 0.0)
            && (0..means).all(|g| {
                self.groups.iter().filter(|&&other| usize::from(other) == g).count() as f64 == self.counts[g]
            });
        if fits {
            return Ok(());
        }
        Err(Error::data("the parts of the saved state don't fit each other")
            .remedy("start anew without --update"))
    }
    fn map(&self, row: usize, grid: usize) -> &[f64] {
        &self.maps[row * grid..(row + 1) * grid]
    }
}

/// How a result came out of merges.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Eigenvalues of the covariance of all records are larger by this at most.
    pub bound: f64,
    /// Records before the last merge, and those that it added.
    pub records: [usize; 2],
    /// Modes that the state keeps.
    pub kept: usize,
    /// Merges so far.
    pub merges: u32,
}

/// Refuses what records can't be merged for.
///
/// # Errors
/// [`Usage`](halocline_core::ErrorKind::Usage), naming it.
pub fn check_merging(options: &EofOptions, fields: usize) -> Result<()> {
    let what = match options {
        _ if fields > 1 => "several variables",
        EofOptions { method: Method::Extended(_), .. } => "extended EOFs",
        EofOptions { method: Method::Complex(_), .. } => "complex EOFs",
        EofOptions { detrend: true, .. } => "a trend that is removed",
        EofOptions { standardize: true, .. } => "standardized series",
        EofOptions { anomaly: Anomaly::None, .. } => "data that are anomalies already",
        EofOptions { eof_scaling: EofScaling::Correlation, .. } => "correlation maps",
        _ if options.rotated != Rotated::No => "rotated EOFs",
        _ if options.missing != Missing::Refuse => "gaps",
        _ if options.precision != Precision::Double => "products in single precision",
        _ if options.solver != Solver::Exact => "the randomized solver",
        _ if options.convention.is_some() => "conventions of other tools",
        _ if options.tests.any() => "tests of significance",
        _ => return Ok(()),
    };
    Err(Error::usage(format!("a state of earlier records does not go with {what}"))
        .remedy("leave one of them out"))
}

/// Rows of the merge: modes, records, means.
pub(super) fn rows(state: Option<&EofState>, records: usize, means: usize) -> usize {
    state.map_or(0, EofState::modes) + records + means
}

/// The sum, and what was seen on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MergeSum {
    sum: SymmetricSum,
    survey: Survey,
    /// Cells with data in the state or in the new records only, and the first of them.
    differ: usize,
    first: Option<usize>,
}

/// The Gram matrix of the rows.
struct MergeFold<'a> {
    shared: &'a Shared<'a>,
    state: Option<&'a EofState>,
    /// √(n₁ n₂ / (n₁ + n₂)) of each mean.
    shifts: &'a [f64],
    rows: usize,
    grid: usize,
    used: Used,
}

impl Fold for MergeFold<'_> {
    type State = MergeSum;
    const NAME: &'static str = "eof-merge";
    const VERSION: u32 = 2;

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
        SymmetricSum::bytes(self.rows)
    }
    fn start(&self, _column: usize) -> MergeSum {
        MergeSum { sum: self.used.start(self.rows), survey: Survey::default(), differ: 0, first: None }
    }
    fn absorb(&self, found: &mut MergeSum, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(&piece.tile().block);
        let excluded = shared.excluded_of(&cells);
        let rows = |time: usize| piece.step(time);
        let rows: &Rows<'_> = &rows;
        found.survey.look_at_land(rows, (shared.times, true), &cells, &excluded);
        let mut there = vec![false; cells.len()];
        let mut all = Vec::new();
        let weigh = |strip: &mut Strip| shared.weigh(strip, &cells);
        let how = (true, Width::Wide(rayon::current_num_threads()));
        shared.recipe.for_each_strip(rows, &shared.making(&excluded, how, &weigh), |strip| {
            found.survey.look_at_strip(rows, shared, strip, &cells);
            strip.cells.iter().for_each(|&c| there[c] = true);
            if found.survey.is_bad() {
                return;
            }
            let places: Vec<usize> = strip.cells.iter().map(|&c| cells[c]).collect();
            all.clear();
            if let Some(state) = self.state {
                for k in 0..state.modes() {
                    let map = state.map(k, self.grid);
                    all.extend(places.iter().map(|&cell| shared.weight(cell) * map[cell]));
                }
            }
            all.extend_from_slice(&strip.values);
            for (g, shift) in self.shifts.iter().enumerate() {
                match self.state {
                    Some(state) if *shift > 0.0 => {
                        let before = state.map(state.modes() + g, self.grid);
                        let new = &strip.removed[g * places.len()..(g + 1) * places.len()];
                        let pairs = places.iter().zip(new);
                        all.extend(pairs.map(|(&cell, m)| shift * shared.weight(cell) * (m - before[cell])));
                    }
                    _ => all.extend(std::iter::repeat_n(0.0, places.len())),
                }
            }
            // Cells that differ are not numbers here; they are refused below.
            if all.iter().sum::<f64>().is_finite() {
                found.sum.add_columns(&all);
            }
        });
        if let Some(state) = self.state {
            let known = state.map(0, self.grid);
            let differs = |pair: &(&usize, &bool)| known[*pair.0].is_nan() == *pair.1;
            for (&cell, _) in cells.iter().zip(&there).filter(differs) {
                found.differ += 1;
                found.first = Some(found.first.map_or(cell, |first| first.min(cell)));
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: MergeSum, right: MergeSum) -> Result<MergeSum> {
        left.survey.join(&right.survey);
        left.differ += right.differ;
        left.first = [left.first, right.first].into_iter().flatten().min();
        self.used.merge(&mut left.sum, right.sum)?;
        Ok(left)
    }
}

/// What the eigenproblem gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Turned {
    values: Vec<f64>,
    /// Unit vectors over the rows, one after the other.
    vectors: Vec<f64>,
    /// The largest eigenvalue that is not kept.
    dropped: f64,
    trace: f64,
}

fn turn(found: &MergeSum, keep: usize) -> Result<Turned> {
    let kernel = Kernel::from(&found.sum);
    let Eigenpairs { values, vectors, trace } = kernel.leading(keep + 1)?;
    let there = rank(&values, 0.0);
    let kept = keep.min(there);
    let n = kernel.n();
    let dropped = if there > kept { values[kept] } else { 0.0 };
    Ok(Turned { values: values[..kept].to_vec(), vectors: vectors[..kept * n].to_vec(), dropped, trace })
}

/// Merges the records of `field` with those of `state` (`None`: they are the first) and gives the
/// modes of all, as `options` say, and, on rank 0, the state of all, with up to `keep` modes.
///
/// The maps of a state are on all ranks, those of the result shared by them.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// As [`analyse_fields`](super::analyse_fields), and [`Data`](halocline_core::ErrorKind::Data) when
/// other cells have data than in the state.
pub fn merge_records(
    engine: &Engine,
    field: &EofField<'_>,
    state: Option<&EofState>,
    options: &EofOptions,
    keep: usize,
) -> Result<(Eof, Option<EofState>)> {
    check_merging(options, 1)?;
    let dims = &field.source.variable().dims;
    let grid: usize = dims.iter().skip(1).map(|d| d.len).product();
    let new = dims.first().filter(|d| d.role == Role::Time).map_or(0, |d| d.len);
    let recipe = Recipe::new(options, new, field.input.months)?;
    let shared = Shared::new(dims, &recipe, field.input);
    let means = recipe.groups();
    let none = EofState { counts: vec![0.0; means], ..EofState::default() };
    let before = state.unwrap_or(&none);
    if state.is_some() {
        before.check(grid, means)?;
    }
    if before.records() + new < 2 {
        return Err(Error::data("an EOF analysis needs at least two times"));
    }
    let counts = recipe.counts();
    let shifts: Vec<f64> = before.counts.iter().zip(counts).map(|(&a, &b)| shift(a, b)).collect();
    let rows = rows(state, new, means);
    let fold = MergeFold { shared: &shared, state, shifts: &shifts, rows, grid, used: Used::default() };
    let found = engine.fold_series(field.source, field.plan, &fold)?.pop().map(|(_, found)| found);
    let (survey, differ, first) =
        engine.finish_single(found.as_ref(), |f| Ok((f.survey.clone(), f.differ, f.first)))?;
    survey.check(field.input.locate)?;
    if let Some(cell) = first {
        return Err(Error::data(format!(
            "{differ} cells have data in the new records or in the saved state, but not in both, the first {}",
            (field.input.locate)(cell, 0)
        ))
        .remedy("mask the same cells in all records"));
    }
    let turned = engine.finish_single(found.as_ref(), |found| turn(found, keep))?;
    drop(found);
    let kept = turned.values.len();
    if kept == 0 {
        return Err(no_variance());
    }
    let modes = match options.modes {
        Modes::UpTo(modes) => modes.min(kept),
        Modes::Exactly(modes) if (1..=kept).contains(&modes) => modes,
        Modes::Exactly(modes) => {
            return Err(Error::usage(format!("{modes} modes are asked for, the state keeps {kept}")).remedy(
                format!("choose --modes between 1 and {kept}, or more --state-modes from the beginning"),
            ))
        }
    };
    let merge = Merge { before, counts, shifts: &shifts, turned: &turned, groups: &recipe.groups, grid, new };
    let columns: Vec<f64> = turned.vectors.chunks(rows).flat_map(|u| merge.of_records(u)).copied().collect();
    let mut maps = Maps::of(engine, field, &shared, &columns)?;
    let new_means = merge.new_means(engine, &maps, &shared)?;
    maps.change(&shared, |k, sum, _, cell| merge.map(k, sum, cell, &new_means));
    let own = maps.peaks(&shared, |_, b, cell| shared.weight(cell) * b);
    let signs: Vec<f64> =
        maps::highest(engine, &own)?.iter().map(|p| if p.negative { -1.0 } else { 1.0 }).collect();
    maps.change(&shared, |k, b, _, _| signs[k] * b);
    let units = merge.units(&signs);
    let means_now = merge.means(&new_means);
    let total = before.trace - before.values.iter().sum::<f64>() + turned.trace;
    let bound = before.bound + turned.dropped;
    let whole = gather_maps(engine, &maps, &shared, (kept, grid))?;
    let state = whole.map(|mut maps| {
        maps.extend_from_slice(&means_now);
        EofState {
            groups: before.groups.iter().copied().chain(recipe.groups.iter().map(|&g| g as u8)).collect(),
            counts: before.counts.iter().zip(counts).map(|(a, b)| a + b).collect(),
            values: turned.values.clone(),
            units: units.clone(),
            trace: total,
            bound,
            merges: before.merges + 1,
            cells: survey.cells,
            maps,
        }
    });
    let records = [before.records(), new];
    let merged = |scale: f64| Merged { bound: bound / scale, records, kept, merges: before.merges + 1 };
    let mut eof =
        result(options, (&turned.values[..modes], total), &units, maps, &shared, (&means_now, grid), merged)?;
    eof.fields.iter_mut().for_each(|field| field.cells = survey.cells);
    Ok((eof, state))
}

/// √(n₁ n₂ / (n₁ + n₂)); nothing is shifted where one of them is 0.
fn shift(before: f64, new: f64) -> f64 {
    if before > 0.0 && new > 0.0 {
        (before * new / (before + new)).sqrt()
    } else {
        0.0
    }
}

/// The parts of a merge.
struct Merge<'a> {
    before: &'a EofState,
    counts: &'a [f64],
    shifts: &'a [f64],
    turned: &'a Turned,
    /// Which mean was removed from each new record.
    groups: &'a [usize],
    grid: usize,
    new: usize,
}

impl Merge<'_> {
    fn rows(&self) -> usize {
        self.before.modes() + self.new + self.shifts.len()
    }
    /// The part of a vector over rows that is of the new records.
    fn of_records<'u>(&self, u: &'u [f64]) -> &'u [f64] {
        &u[self.before.modes()..self.before.modes() + self.new]
    }
    /// Means of the new records, all cells of the grid, on every rank.
    fn new_means(&self, engine: &Engine, maps: &Maps, shared: &Shared<'_>) -> Result<Vec<f64>> {
        let mut means = vec![f64::NAN; self.shifts.len() * self.grid];
        for (cells, rows) in engine.gather(&maps.removed(shared))?.into_iter().flatten() {
            for (g, row) in rows.chunks(cells.len().max(1)).enumerate() {
                cells.iter().zip(row).for_each(|(&cell, v)| means[g * self.grid + cell] = *v);
            }
        }
        Ok(means)
    }
    /// Map `k` at a cell, from what the new records give to it.
    fn map(&self, k: usize, sum: f64, cell: usize, new_means: &[f64]) -> f64 {
        let u = &self.turned.vectors[k * self.rows()..(k + 1) * self.rows()];
        let old = self.before.modes();
        let mut value = sum;
        for (i, weight) in u[..old].iter().enumerate() {
            value += weight * self.before.map(i, self.grid)[cell];
        }
        for (g, (weight, shift)) in u[old + self.new..].iter().zip(self.shifts).enumerate() {
            if *shift > 0.0 {
                let moved = new_means[g * self.grid + cell] - self.before.map(old + g, self.grid)[cell];
                value += weight * shift * moved;
            }
        }
        value
    }
    /// The means of all records.
    fn means(&self, new: &[f64]) -> Vec<f64> {
        let mut all = Vec::with_capacity(new.len());
        for (g, row) in new.chunks(self.grid.max(1)).enumerate() {
            let (a, b) = (self.before.counts[g], self.counts[g]);
            if a > 0.0 {
                let before = self.before.map(self.before.modes() + g, self.grid);
                let mean =
                    |(m1, m2): (&f64, &f64)| if b > 0.0 { m1 + (m2 - m1) * (b / (a + b)) } else { *m1 };
                all.extend(before.iter().zip(row).map(mean));
            } else {
                all.extend_from_slice(row);
            }
        }
        all
    }
    /// Unit vectors over all records, each with its sign.
    fn units(&self, signs: &[f64]) -> Vec<f64> {
        let (old, n) = (self.before.modes(), self.before.records());
        let mut units = Vec::with_capacity(signs.len() * (n + self.new));
        for (u, sign) in self.turned.vectors.chunks(self.rows()).zip(signs) {
            // How far the records of each mean, before and now, move for the common mean.
            let moved = |of: &[f64], g: usize| {
                let all = self.before.counts[g] + self.counts[g];
                if self.shifts[g] > 0.0 {
                    of[g] / all / self.shifts[g] * u[old + self.new + g]
                } else {
                    0.0
                }
            };
            let start = units.len();
            units.extend(self.before.groups.iter().map(|&g| -moved(self.counts, usize::from(g))));
            for (vector, weight) in self.before.units.chunks(n.max(1)).zip(&u[..old]) {
                units[start..].iter_mut().zip(vector).for_each(|(v, w)| *v += weight * w);
            }
            let records = self.of_records(u).iter().zip(self.groups);
            units.extend(records.map(|(v, &g)| v + moved(&self.before.counts, g)));
            units[start..].iter_mut().for_each(|v| *v *= sign);
        }
        units
    }
}

/// Maps as rows × all cells of the grid, on rank 0.
fn gather_maps(
    engine: &Engine,
    maps: &Maps,
    shared: &Shared<'_>,
    (rows, grid): (usize, usize),
) -> Result<Option<Vec<f64>>> {
    let Some(parts) = engine.gather_to_root(maps.rows(shared))? else { return Ok(None) };
    let mut whole = halocline_core::memory::filled(rows * grid, f64::NAN);
    for (cells, values) in parts.into_iter().flatten() {
        for (k, row) in values.chunks(cells.len().max(1)).enumerate() {
            cells.iter().zip(row).for_each(|(&cell, v)| whole[k * grid + cell] = *v);
        }
    }
    Ok(Some(whole))
}

/// The modes that are wanted, scaled.
fn result(
    options: &EofOptions,
    (values, total): (&[f64], f64),
    units: &[f64],
    mut maps: Maps,
    shared: &Shared<'_>,
    (means, grid): (&[f64], usize),
    merged: impl FnOnce(f64) -> Merged,
) -> Result<Eof> {
    let modes = values.len();
    let n = units.len().checked_div(maps.columns()).unwrap_or(0);
    let scale = n as f64 - 1.0;
    let eigenvalues: Vec<f64> = values.iter().map(|v| v / scale).collect();
    let total_variance = total / scale;
    check_rank(&eigenvalues, total_variance, 0.0)?;
    let pc_factors: Vec<f64> = eigenvalues
        .iter()
        .map(|l| match options.pc_scaling {
            PcScaling::Raw => (scale * l).sqrt(),
            PcScaling::UnitVariance => scale.sqrt(),
            PcScaling::Multiplied => scale.sqrt() * l,
        })
        .collect();
    maps.change(shared, |k, b, _, cell| {
        let Some(&lambda) = eigenvalues.get(k) else { return b };
        let unit = shared.weight(cell) * b / (scale * lambda).sqrt();
        match options.eof_scaling {
            EofScaling::UnitNorm | EofScaling::Correlation => unit,
            EofScaling::Divided => unit / lambda.sqrt(),
            EofScaling::Multiplied => unit * lambda.sqrt(),
            EofScaling::Covariance => pc_factors[k] * b / scale,
        }
    });
    let [eofs, removed, _] = maps.into_blocks(false, scale);
    let leading = |part: MapBlock| {
        let rows = part.block.range(0).len().max(1);
        let width = part.values.len() / rows;
        let mut values = part.values;
        values.truncate(modes * width);
        let block = if part.block.is_empty() { part.block } else { part.block.with_range(0, 0..modes) };
        MapBlock { block, values }
    };
    let common = |part: MapBlock| {
        let cells = shared.cells_of(&part.block);
        let rows = part.values.len() / cells.len().max(1);
        let values = (0..rows).flat_map(|g| cells.iter().map(move |cell| means[g * grid + cell])).collect();
        MapBlock { block: part.block, values }
    };
    let maps = EofMaps {
        eofs: eofs.into_iter().map(leading).collect(),
        means: removed.into_iter().map(common).collect(),
        deviations: Vec::new(),
        factor: 1.0,
        cells: 0,
        constant: 0,
    };
    Ok(Eof {
        fields: vec![maps],
        times: 0..n,
        pcs: (0..n * modes).map(|i| pc_factors[i % modes] * units[i % modes * n + i / modes]).collect(),
        pcs_imaginary: Vec::new(),
        variance_fraction: eigenvalues.iter().map(|l| l / total_variance).collect(),
        north_error: eigenvalues.iter().map(|l| l * (2.0 / n as f64).sqrt()).collect(),
        total_variance,
        covariance: Covariance::Temporal,
        error_bound: 0.0,
        rotation: None,
        significance: Significance::default(),
        approximation: None,
        merged: Some(merged(scale)),
        filled: None,
        paired: None,
        eigenvalues,
    })
}
