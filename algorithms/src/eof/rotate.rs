//! Rotation: passes over the data that sum what varimax and promax need of the loadings.

use super::gram::{Shared, ALL_BUT_TIME};
use super::kernels::Solved;
use super::options::{EofOptions, Rotated};
use super::prepare::Rows;
use super::strip::Width;
use super::EofField;
use crate::modes::{varimax, LoadingMoments, PromaxTarget, Rotation, Search};
use crate::symmetric::transposed_times_columns;
use halocline_core::engine::{Engine, Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use serde::de::DeserializeOwned;
use serde::Serialize;

/// Sums over loadings, modes × cells, that merge.
trait Sums: Clone + Serialize + DeserializeOwned + Send + Sync {
    const NAME: &'static str;
    fn absorb(&mut self, loadings: &[f64]);
    fn merge(&mut self, other: &Self) -> Result<()>;
}

impl Sums for LoadingMoments {
    const NAME: &'static str = "eof-loading-moments";
    fn absorb(&mut self, loadings: &[f64]) {
        Self::absorb(self, loadings);
    }
    fn merge(&mut self, other: &Self) -> Result<()> {
        Self::merge(self, other)
    }
}

impl Sums for PromaxTarget {
    const NAME: &'static str = "eof-promax-target";
    fn absorb(&mut self, loadings: &[f64]) {
        Self::absorb(self, loadings);
    }
    fn merge(&mut self, other: &Self) -> Result<()> {
        Self::merge(self, other)
    }
}

/// Loadings f w Xᵀ z √λ, summed over the cells of a field and the lags of each.
struct LoadingFold<'a, S> {
    shared: &'a Shared<'a>,
    factor: f64,
    columns: &'a [f64],
    /// √λ of each mode.
    roots: &'a [f64],
    empty: S,
    bytes: u64,
}

impl<S: Sums> Fold for LoadingFold<'_, S> {
    type State = S;
    const NAME: &'static str = S::NAME;
    const VERSION: u32 = 2;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        self.bytes
    }
    fn start(&self, _column: usize) -> S {
        self.empty.clone()
    }
    fn absorb(&self, state: &mut S, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(&piece.tile().block);
        let excluded = shared.excluded_of(&cells);
        let rows = |time: usize| piece.step(time);
        let rows: &Rows<'_> = &rows;
        let count = self.columns.len() / shared.times.max(1);
        let lags = count / self.roots.len().max(1);
        let making = shared.making(&excluded, (false, Width::Wide(1)), &|_| ());
        shared.recipe.for_each_strip(rows, &making, |strip| {
            let width = strip.cells.len();
            let sums = transposed_times_columns(&strip.values, width, shared.times, self.columns);
            let mut loadings = Vec::with_capacity(width * count);
            for (k, root) in self.roots.iter().enumerate() {
                for lag in 0..lags {
                    loadings.extend(strip.cells.iter().enumerate().map(|(i, &c)| {
                        root * self.factor * shared.weight(cells[c]) * sums[i * count + k * lags + lag]
                    }));
                }
            }
            state.absorb(&loadings);
        });
        Ok(())
    }
    fn merge(&self, mut left: S, right: S) -> Result<S> {
        left.merge(&right)?;
        Ok(left)
    }
}

/// Rotates modes: changes their columns, units and values, `scale` being n − 1.
///
/// # Collective
/// Every rank calls this.
pub(super) fn rotate(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    options: &EofOptions,
    solved: &mut Solved,
    (scale, cells): (f64, usize),
) -> Result<Option<Rotation>> {
    if options.rotated == Rotated::No {
        return Ok(None);
    }
    let variances: Vec<f64> = solved.values.iter().map(|v| v / scale).collect();
    let roots: Vec<f64> = variances.iter().map(|v| v.sqrt()).collect();
    let maps = options.method.maps();
    let empty = LoadingMoments::new(&variances, cells * maps, options.kaiser)?;
    let bytes = LoadingMoments::bytes(roots.len()) as u64;
    let moments = total(engine, fields, solved, &roots, (&empty, bytes))?;
    let found = engine.finish_single(moments.as_ref(), |m| varimax(m, Search::default()))?;
    let rotation = match options.rotated {
        Rotated::Promax(power) => {
            let empty = engine.finish_single(moments.as_ref(), |m| PromaxTarget::new(m, &found.0, power))?;
            let target = total(engine, fields, solved, &roots, (&empty, bytes))?;
            engine.finish_single(moments.zip(target), |(m, t)| Rotation::oblique(&m, &found.0, &t))?
        }
        _ => engine.finish_single(moments.as_ref(), |m| Rotation::orthogonal(m, &found.0))?,
    };
    let rotation = rotation.ordered();
    let modes = roots.len();
    // Of each lag, the columns of all modes.
    let n = solved.columns.len() / (modes * maps).max(1);
    let mut columns = vec![0.0; solved.columns.len()];
    for lag in 0..maps {
        let loadings: Vec<f64> = (0..modes)
            .flat_map(|k| {
                let at = (k * maps + lag) * n;
                let root = roots[k];
                solved.columns[at..at + n].iter().map(move |v| v * root)
            })
            .collect();
        let rotated = rotation.of_loadings(&loadings, n);
        for (k, (vector, variance)) in rotated.chunks(n).zip(&rotation.variances).enumerate() {
            let at = (k * maps + lag) * n;
            columns[at..at + n].iter_mut().zip(vector).for_each(|(c, v)| *c = v / variance.sqrt());
        }
    }
    solved.columns = columns;
    solved.units = rotation.of_components(&solved.units, solved.times);
    solved.values = rotation.variances.iter().map(|v| v * scale).collect();
    Ok(Some(rotation))
}

/// The sums over all fields, on the rank that `engine.finish_single` expects them on: rank 0.
fn total<S: Sums>(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    solved: &Solved,
    roots: &[f64],
    (empty, bytes): (&S, u64),
) -> Result<Option<S>> {
    let mut total: Option<S> = None;
    for ((field, shared), &factor) in fields.iter().zip(&solved.factors) {
        let fold =
            LoadingFold { shared, factor, columns: &solved.columns, roots, empty: empty.clone(), bytes };
        let state = engine.fold_series(field.source, field.plan, &fold)?.pop().map(|(_, state)| state);
        total = match (total, engine.to_root(state)?) {
            (Some(mut sum), Some(more)) => {
                sum.merge(&more)?;
                Some(sum)
            }
            (None, more) => more,
            (sum, None) => sum,
        };
    }
    Ok(total)
}
