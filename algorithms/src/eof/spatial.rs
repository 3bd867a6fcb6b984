//! Fewer cells than times: the covariance between cells, summed over times.

use super::gram::{Shared, Used};
use super::kernels::Solved;
use super::prepare::Rows;
use super::strip::{Strip, Width};
use super::survey::Survey;
use super::EofField;
use crate::modes::Kernel;
use crate::symmetric::{Eigenpairs, SymmetricSum};
use halocline_core::engine::{
    decode_notes, encode_notes, Engine, FieldSource, Fold, Map, Parallelism, Piece, Series, SeriesWork,
};
use halocline_core::field::Field;
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::tiling::{Tile, Tiling};
use halocline_core::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// The weighted anomalies of all times, zero where there are no data; notes which cells have some.
struct AnomalyWork<'a> {
    shared: &'a Shared<'a>,
    found: Mutex<(Survey, Vec<usize>)>,
}

impl SeriesWork for AnomalyWork<'_> {
    fn rows(&self) -> Vec<usize> {
        vec![self.shared.times]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(series.block());
        let excluded = shared.excluded_of(&cells);
        let first = series.steps().start;
        let rows = |time: usize| series.step(first + time);
        let rows: &Rows<'_> = &rows;
        let (mut survey, mut valid) = (Survey::default(), Vec::new());
        survey.look_at_land(rows, (shared.times, false), &cells, &excluded);
        results.iter_mut().flatten().for_each(|row| row.fill(0.0));
        let weigh = |strip: &mut Strip| shared.weigh(strip, &cells);
        let making = shared.making(&excluded, (true, Width::Wide(1)), &weigh);
        shared.recipe.for_each_strip(rows, &making, |strip| {
            survey.look_at_strip(rows, shared, strip, &cells);
            valid.extend(strip.cells.iter().map(|&c| cells[c]));
            for (out, row) in results[0].iter_mut().zip(strip.values.chunks(strip.cells.len())) {
                for (&c, v) in strip.cells.iter().zip(row) {
                    out[c] = *v;
                }
            }
        });
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.0.join(&survey);
        found.1.extend(valid);
        Ok(())
    }
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&*self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        let (survey, valid): (Survey, Vec<usize>) = decode_notes(notes)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.0.join(&survey);
        found.1.extend(valid);
        Ok(())
    }
}

/// Rows that the anomalies and what becomes of them take of each cell, for the planner: they stay
/// in memory, once in the layout of series, once on their way, once in that of maps.
pub(super) const fn rows(times: usize) -> usize {
    times.saturating_mul(3)
}

/// The weighted anomalies of a field in memory, and the numbers in the grid of the cells with
/// data, ascending.
///
/// # Collective
/// Every rank calls this.
pub(super) fn anomalies(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
) -> Result<(Field<f64>, Survey, Vec<usize>)> {
    let name = &field.source.variable().name;
    let Some(deal) = field.plan.only_deal()? else {
        return Err(Error::new(
            ErrorKind::Memory,
            format!("the anomalies of {} times do not fit into memory at once", shared.times),
        )
        .in_variable(name)
        .remedy("give more --memory, or use more ranks"));
    };
    let work = AnomalyWork { shared, found: Mutex::default() };
    let mut values = Vec::new();
    engine.series(field.source, field.plan, &work, &mut |mut results| {
        values = std::mem::take(&mut results.values[0]);
        Ok(())
    })?;
    let found = work.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut survey, mut valid) = (Survey::default(), Vec::new());
    for (theirs, cells) in engine.gather(&found)? {
        survey.join(&theirs);
        valid.extend(cells);
    }
    survey.check(field.input.locate)?;
    valid.sort_unstable();
    let variable = Variable { dtype: DType::F64, ..field.source.variable().clone() };
    let anomalies = Field::new(variable, Arc::new(deal), engine.comm().rank(), values)?;
    Ok((anomalies, survey, valid))
}

/// The leading modes of the covariance between cells.
///
/// # Collective
/// Every rank calls this.
pub(super) fn solve(engine: &Engine, anomalies: Field<f64>, valid: &[usize], modes: usize) -> Result<Solved> {
    let shape = anomalies.variable().shape();
    let (times, width) = (shape[0], shape[1..].iter().product());
    let tiling = Tiling::maps(&anomalies.variable().dims);
    let maps = anomalies.redistribute(engine.comm(), &Arc::new(tiling.deal(engine.ranks(), &[])?))?;
    drop(anomalies);
    let maps = FieldSource::new(&maps, &tiling)?;
    let state = engine.fold_single(&maps, &SpatialFold { valid, width, used: Used::default() })?;
    let pairs = engine.finish_single(state, |sum| sum.leading(modes))?;
    let project = ProjectMap { valid, width, patterns: &pairs.vectors };
    let pcs: Vec<f64> = engine.map_gather(&maps, &project)?.into_iter().flatten().collect();
    Ok(solved(times, pairs, &pcs))
}

/// Modes of the covariance between cells; `pcs` are the projections on their vectors, times × modes.
pub(super) fn solved(times: usize, pairs: Eigenpairs, pcs: &[f64]) -> Solved {
    let modes = pairs.values.len();
    let units: Vec<f64> = (0..modes)
        .flat_map(|k| {
            let norm = (0..times).map(|t| pcs[t * modes + k].powi(2)).sum::<f64>().sqrt();
            let factor = if norm > 0.0 { 1.0 / norm } else { 0.0 };
            (0..times).map(move |t| pcs[t * modes + k] * factor)
        })
        .collect();
    let roots = pairs.values.iter().map(|v| if *v > 0.0 { 1.0 / v.sqrt() } else { 0.0 });
    let columns = units.chunks(times).zip(roots).flat_map(|(u, r)| u.iter().map(move |v| v * r)).collect();
    Solved {
        times,
        values: pairs.values,
        trace: pairs.trace,
        columns,
        units,
        imaginary: Vec::new(),
        factors: vec![1.0],
    }
}

/// The weighted anomalies of the cells with data, times × cells, on rank 0.
///
/// # Collective
/// Every rank calls this.
pub(super) fn factor(engine: &Engine, anomalies: &Field<f64>, valid: &[usize]) -> Result<Option<Kernel>> {
    let space = anomalies.variable().shape()[1..].to_vec();
    let whole = IndexBox::whole(&space);
    let block = anomalies.block();
    let mut cells = Vec::new();
    if !block.is_empty() {
        let inner = IndexBox::new(block.ranges()[1..].to_vec());
        whole.for_each_run(&inner, |from, _, n| cells.extend(from..from + n));
    }
    let own: Vec<(usize, usize)> = cells
        .iter()
        .enumerate()
        .filter_map(|(i, cell)| valid.binary_search(cell).ok().map(|place| (i, place)))
        .collect();
    let rows = anomalies.data().chunks(cells.len().max(1));
    let values: Vec<f64> = rows.flat_map(|row| own.iter().map(move |(i, _)| row[*i])).collect();
    let places: Vec<usize> = own.into_iter().map(|(_, place)| place).collect();
    let Some(parts) = engine.gather_to_root((places, values))? else { return Ok(None) };
    let times = anomalies.variable().shape()[0];
    let mut factor = vec![0.0; times * valid.len()];
    for (places, values) in parts {
        for (t, row) in values.chunks(places.len().max(1)).enumerate() {
            for (place, v) in places.iter().zip(row) {
                factor[t * valid.len() + place] = *v;
            }
        }
    }
    Kernel::factor(times, factor).map(Some)
}

/// Picks the cells with data out of maps, one map after the other.
fn pick(values: &[f64], valid: &[usize], width: usize) -> Vec<f64> {
    values.chunks(width).flat_map(|map| valid.iter().map(move |&c| map[c])).collect()
}

/// C(c, c') = Σ over times of w x(c) w' x(c'), over tiles of whole maps of weighted anomalies.
struct SpatialFold<'a> {
    valid: &'a [usize],
    /// Cells of a whole map.
    width: usize,
    used: Used,
}

impl Fold for SpatialFold<'_> {
    type State = SymmetricSum;
    const NAME: &'static str = "eof-spatial-covariance";
    const VERSION: u32 = 2;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn start(&self, _column: usize) -> SymmetricSum {
        self.used.start(self.valid.len())
    }
    fn absorb(&self, state: &mut SymmetricSum, piece: &Piece<'_>) -> Result<()> {
        state.add_rows(&pick(piece.doubles()?, self.valid, self.width));
        Ok(())
    }
    fn merge(&self, mut left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        self.used.merge(&mut left, right)?;
        Ok(left)
    }
}

/// Projects whole maps of weighted anomalies on unit patterns: times × modes.
struct ProjectMap<'a> {
    valid: &'a [usize],
    width: usize,
    /// One pattern after the other, over the valid cells.
    patterns: &'a [f64],
}

impl Map for ProjectMap<'_> {
    type Output = Vec<f64>;

    fn apply(&self, _tile: &Tile, values: &[f64]) -> Result<Vec<f64>> {
        let rows = pick(values, self.valid, self.width);
        let times = values.len() / self.width.max(1);
        Ok(crate::symmetric::times_columns(&rows, times, self.valid.len(), self.patterns))
    }
}
