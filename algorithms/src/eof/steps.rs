//! Fewer cells than times, read step by step: the covariance between cells of data larger than
//! memory, which holds that covariance and some steps at a time.
//!
//! A pass over series finds what makes an anomaly of each cell's values (the *terms* of a cell);
//! with them, a pass over whole maps sums the covariance, and another one projects the maps on its
//! eigenvectors. The anomalies have the same bits as those of `spatial`, which has them in memory.

use super::gram::{Shared, Used, ALL_BUT_TIME};
use super::kernels::Solved;
use super::prepare::Rows;
use super::spatial::solved;
use super::strip::Width;
use super::survey::Survey;
use super::EofField;
use crate::symmetric::{times_columns, SymmetricSum};
use halocline_core::engine::{
    decode_notes, encode_notes, Engine, Fold, Numbers, Parallelism, Piece, Pieces, Series, SeriesPlan,
    SeriesWork,
};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Rows of the terms of a cell, before the means that are removed: what the anomaly is multiplied
/// by but for the weight (missing where there are no data), mean and slope of the line.
const FACTOR: usize = 0;
const LINE: usize = 1;
const SLOPE: usize = 2;
pub(super) const TERMS: usize = 3;

/// Finds the terms of each cell.
struct TermsWork<'a> {
    shared: &'a Shared<'a>,
    survey: Mutex<Survey>,
}

impl SeriesWork for TermsWork<'_> {
    fn rows(&self) -> Vec<usize> {
        vec![TERMS + self.shared.recipe.groups()]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(series.block());
        let excluded = shared.excluded_of(&cells);
        let first = series.steps().start;
        let rows = |time: usize| series.step(first + time);
        let rows: &Rows<'_> = &rows;
        let mut survey = Survey::default();
        survey.look_at_land(rows, (shared.times, false), &cells, &excluded);
        let out = &mut results[0];
        let making = shared.making(&excluded, (true, Width::Narrow), &|_| ());
        shared.recipe.for_each_strip(rows, &making, |strip| {
            survey.look_at_strip(rows, shared, strip, &cells);
            let width = strip.cells.len();
            for (i, (&c, about)) in strip.cells.iter().zip(&strip.cell).enumerate() {
                out[FACTOR][c] = if !shared.recipe.standardize {
                    1.0
                } else if about.constant {
                    0.0
                } else {
                    1.0 / about.deviation
                };
                let [line, slope] = [0, 1].map(|k| strip.lines[k].get(i).copied().unwrap_or(0.0));
                (out[LINE][c], out[SLOPE][c]) = (line, slope);
                for (row, removed) in out[TERMS..].iter_mut().zip(strip.removed.chunks(width)) {
                    row[c] = removed[i];
                }
            }
        });
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).join(&survey);
        Ok(())
    }
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&*self.survey.lock().unwrap_or_else(PoisonError::into_inner))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).join(&decode_notes(notes)?);
        Ok(())
    }
}

/// The terms of all cells with data.
struct Terms<'a> {
    shared: &'a Shared<'a>,
    /// Their numbers in the grid, ascending.
    valid: Vec<usize>,
    weights: Vec<f64>,
    /// By row, then by cell.
    rows: Vec<Vec<f64>>,
}

impl<'a> Terms<'a> {
    /// # Collective
    /// Every rank calls this.
    fn of(engine: &Engine, field: &EofField<'_>, shared: &'a Shared<'a>) -> Result<(Self, Survey)> {
        let work = TermsWork { shared, survey: Mutex::default() };
        let count = TERMS + shared.recipe.groups();
        let mut own: Vec<(usize, Vec<f64>)> = Vec::new();
        engine.series(field.source, field.plan, &work, &mut |results| {
            let cells = shared.cells_of(&results.cells);
            let values = &results.values[0];
            let of_cell = |i: usize| (0..count).map(|row| values[row * cells.len() + i]).collect::<Vec<_>>();
            let there = cells.iter().enumerate().filter(|(i, _)| !values[FACTOR * cells.len() + i].is_nan());
            own.extend(there.map(|(i, &cell)| (cell, of_cell(i))));
            Ok(())
        })?;
        let found = work.survey.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut survey = Survey::default();
        for theirs in engine.gather(&found)? {
            survey.join(&theirs);
        }
        survey.check(field.input.locate)?;
        let mut all = engine.gather(&own)?.concat();
        all.sort_by_key(|(cell, _)| *cell);
        let valid: Vec<usize> = all.iter().map(|(cell, _)| *cell).collect();
        let weights = match field.input.weights {
            [] => Vec::new(),
            weights => valid.iter().map(|&cell| weights[cell]).collect(),
        };
        let rows = (0..count).map(|row| all.iter().map(|(_, terms)| terms[row]).collect()).collect();
        Ok((Self { shared, valid, weights, rows }, survey))
    }

    /// The weighted anomalies of a whole map: those of the cells with data.
    fn anomalies(&self, time: usize, map: Numbers<'_>, out: &mut [f64]) {
        match map {
            Numbers::F32(map) => {
                out.iter_mut().zip(&self.valid).for_each(|(o, &cell)| *o = f64::from(map[cell]));
            }
            Numbers::F64(map) => out.iter_mut().zip(&self.valid).for_each(|(o, &cell)| *o = map[cell]),
        }
        let recipe = self.shared.recipe;
        // In the order, and by the operations, of whoever has all of a series.
        if let Some(&group) = recipe.groups.get(time) {
            out.iter_mut().zip(&self.rows[TERMS + group]).for_each(|(o, mean)| *o -= mean);
        }
        if recipe.detrend {
            let tau = time as f64 - recipe.centre();
            let lines = self.rows[LINE].iter().zip(&self.rows[SLOPE]);
            out.iter_mut().zip(lines).for_each(|(o, (mean, slope))| *o -= mean + slope * tau);
        }
        if recipe.standardize {
            out.iter_mut().zip(&self.rows[FACTOR]).for_each(|(o, factor)| *o *= factor);
        }
        out.iter_mut().zip(&self.weights).for_each(|(o, weight)| *o *= weight);
    }
}

/// C(c, c') = Σ over times of w x(c) w' x(c').
struct StepsFold<'a> {
    terms: &'a Terms<'a>,
    used: Used,
}

impl Fold for StepsFold<'_> {
    type State = SymmetricSum;
    const NAME: &'static str = "eof-spatial-covariance-by-steps";
    const VERSION: u32 = 2;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        SymmetricSum::bytes(self.terms.valid.len())
    }
    fn start(&self, _column: usize) -> SymmetricSum {
        self.used.start(self.terms.valid.len())
    }
    fn absorb(&self, state: &mut SymmetricSum, piece: &Piece<'_>) -> Result<()> {
        let (steps, cells) = (piece.steps(), self.terms.valid.len());
        let mut rows = vec![0.0; steps.len() * cells];
        rows.par_chunks_mut(cells.max(1)).enumerate().for_each(|(i, row)| {
            let time = steps.start + i;
            self.terms.anomalies(time, piece.step(time), row);
        });
        state.add_rows(&rows);
        Ok(())
    }
    fn merge(&self, mut left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        self.used.merge(&mut left, right)?;
        Ok(left)
    }
}

/// Projects whole maps of weighted anomalies on unit patterns.
struct ProjectWork<'a> {
    terms: &'a Terms<'a>,
    /// One pattern after the other, over the cells with data.
    patterns: &'a [f64],
    modes: usize,
}

impl SeriesWork for ProjectWork<'_> {
    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn rows(&self) -> Vec<usize> {
        vec![self.modes]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let (steps, cells) = (series.steps(), self.terms.valid.len());
        let mut rows = vec![0.0; steps.len() * cells];
        let mut map = Vec::with_capacity(series.samples());
        for (i, row) in rows.chunks_mut(cells.max(1)).enumerate() {
            map.clear();
            series.along(i, |run| match run {
                Numbers::F32(run) => map.extend(run.iter().map(|&v| f64::from(v))),
                Numbers::F64(run) => map.extend_from_slice(run),
            });
            self.terms.anomalies(steps.start + i, Numbers::F64(&map), row);
        }
        let sums = times_columns(&rows, steps.len(), cells, self.patterns);
        for (k, out) in results[0].iter_mut().enumerate() {
            out.iter_mut().enumerate().for_each(|(i, o)| *o = sums[i * self.modes + k]);
        }
        Ok(())
    }
}

/// Bytes that a thread takes for a tile of whole maps.
pub(super) fn scratch(steps: usize, cells: usize, modes: usize) -> u64 {
    ((steps as u64).saturating_mul((cells + modes) as u64)).saturating_add(2 * cells as u64).saturating_mul(8)
}

/// The leading modes of the covariance between cells, as `across` plans whole steps, and cells with
/// data.
///
/// # Collective
/// Every rank calls this.
pub(super) fn solve(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
    across: &SeriesPlan,
    wanted: impl FnOnce(usize) -> Result<usize>,
) -> Result<(Solved, usize)> {
    let (terms, survey) = Terms::of(engine, field, shared)?;
    let (times, modes) = (shared.times, wanted(survey.cells)?);
    let fold = StepsFold { terms: &terms, used: Used::default() };
    let state = engine.fold_series(field.source, across, &fold)?.pop().map(|(_, state)| state);
    let pairs = engine.finish_single(state, |sum| sum.leading(modes))?;
    let project = ProjectWork { terms: &terms, patterns: &pairs.vectors, modes };
    let mut own: Vec<(usize, Vec<f64>)> = Vec::new();
    engine.series(field.source, across, &project, &mut |mut results| {
        own.push((results.cells.range(0).start, std::mem::take(&mut results.values[0])));
        Ok(())
    })?;
    let mut pcs = vec![0.0; times * modes];
    for (start, rows) in engine.gather(&own)?.into_iter().flatten() {
        let steps = rows.len() / modes.max(1);
        for (i, value) in rows.into_iter().enumerate() {
            pcs[(start + i % steps) * modes + i / steps] = value;
        }
    }
    Ok((solved(times, pairs, &pcs), survey.cells))
}
