//! Covariances between times, over the cells that both have.

use super::super::gram::{Shared, Used, ALL_BUT_TIME};
use super::passes::{for_each_gapped, Gapped};
use super::{Found, Part, Shapes};
use crate::modes::indefinite;
use crate::symmetric::{times_columns, transposed_times_columns, SymmetricSum};
use halocline_core::engine::{Engine, Fold, Parallelism, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Σ over cells of w² x(t) x(t'), and the number of cells that t and t' share.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sums {
    products: SymmetricSum,
    shared: SymmetricSum,
}

struct SumFold<'a> {
    shared: &'a Shared<'a>,
    used: Used,
}

impl Fold for SumFold<'_> {
    type State = Sums;
    const NAME: &'static str = "eof-pairs-of-times";
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
        2 * SymmetricSum::bytes(self.shared.times)
    }
    fn start(&self, _column: usize) -> Sums {
        let new = || self.used.start(self.shared.times);
        Sums { products: new(), shared: new() }
    }
    fn absorb(&self, state: &mut Sums, piece: &Piece<'_>) -> Result<()> {
        let shared = self.shared;
        for_each_gapped(shared, piece, &mut |gapped, cells, _| {
            shared.weigh(&mut gapped.strip, cells);
            state.products.add_columns(&gapped.strip.values);
            state.shared.add_columns(&gapped.there);
        })
        .map(drop)
    }
    fn merge(&self, mut left: Sums, right: Sums) -> Result<Sums> {
        self.used.merge(&mut left.products, right.products)?;
        self.used.merge(&mut left.shared, right.shared)?;
        Ok(left)
    }
}

/// Of unit vectors u over time: Σ over cells of w² x(t) s with s = Σ over times of x u, and the
/// sums of (w s)².
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Projected {
    /// Times × modes.
    components: Vec<f64>,
    squares: Vec<f64>,
}

struct ProjectFold<'a> {
    shared: &'a Shared<'a>,
    units: &'a [f64],
}

impl ProjectFold<'_> {
    fn modes(&self) -> usize {
        self.units.len() / self.shared.times.max(1)
    }
}

impl Fold for ProjectFold<'_> {
    type State = Projected;
    const NAME: &'static str = "eof-pairs-components";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, _tile: &Tile) -> u64 {
        ((self.units.len() + self.modes()) * size_of::<f64>()) as u64
    }
    fn start(&self, _column: usize) -> Projected {
        Projected { components: vec![0.0; self.units.len()], squares: vec![0.0; self.modes()] }
    }
    fn absorb(&self, state: &mut Projected, piece: &Piece<'_>) -> Result<()> {
        let (shared, modes) = (self.shared, self.modes());
        for_each_gapped(shared, piece, &mut |Gapped { strip, .. }, cells, _| {
            let width = strip.cells.len();
            let shapes = transposed_times_columns(&strip.values, width, shared.times, self.units);
            let mut columns = vec![0.0; width * modes];
            for (i, (&c, row)) in strip.cells.iter().zip(shapes.chunks(modes.max(1))).enumerate() {
                let square = shared.weight(cells[c]).powi(2);
                for (k, s) in row.iter().enumerate() {
                    state.squares[k] += square * s * s;
                    columns[k * width + i] = square * s;
                }
            }
            let sums = times_columns(&strip.values, shared.times, width, &columns);
            state.components.iter_mut().zip(&sums).for_each(|(p, s)| *p += s);
        })
        .map(drop)
    }
    fn merge(&self, mut left: Projected, right: Projected) -> Result<Projected> {
        left.components.iter_mut().zip(&right.components).for_each(|(a, b)| *a += b);
        left.squares.iter_mut().zip(&right.squares).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

/// λ, u and what goes with them; the components are not there yet.
///
/// # Collective
/// Every rank calls this.
pub(super) fn solve(engine: &Engine, parts: &[Part<'_>], (cells, modes): (usize, usize)) -> Result<Found> {
    let times = parts[0].shared.times;
    let mut together: Option<(Vec<f64>, Vec<f64>)> = None;
    for part in parts {
        let fold = SumFold { shared: &part.shared, used: Used::default() };
        let state = engine.fold_series(part.field.source, part.field.plan, &fold)?.pop();
        let Some(sums) = engine.to_root(state.map(|(_, state)| state))? else { continue };
        let square = part.factor * part.factor;
        let (products, shared) = (sums.products.to_dense(), sums.shared.to_dense());
        let (all, counts) =
            together.get_or_insert_with(|| (vec![0.0; times * times], vec![0.0; times * times]));
        all.iter_mut().zip(&products).for_each(|(a, p)| *a += square * p);
        counts.iter_mut().zip(&shared).for_each(|(a, n)| *a += n);
    }
    let mut found =
        engine.finish_single(together, |(sums, counts)| leading(times, sums, &counts, (cells, modes)))?;
    let Shapes::Times(units, norms) = &mut found.shapes else {
        return Err(Error::internal("modes of times have no vectors over time"));
    };
    let kept = found.values.len();
    let (mut components, mut squares) = (vec![0.0; times * kept], vec![0.0; kept]);
    for part in parts {
        let fold = ProjectFold { shared: &part.shared, units };
        let state = engine.fold_series(part.field.source, part.field.plan, &fold)?.pop();
        let own = engine.finish_single(state, |(_, state)| Ok(state))?;
        let square = part.factor * part.factor;
        components.iter_mut().zip(&own.components).for_each(|(a, p)| *a += square * p);
        squares.iter_mut().zip(&own.squares).for_each(|(a, s)| *a += square * s);
    }
    *norms = squares.iter().map(|s| s.sqrt()).collect();
    if norms.iter().any(|n| !(*n > 0.0 && n.is_finite())) {
        return Err(Error::data("a mode has no pattern").remedy("choose fewer --modes"));
    }
    for row in components.chunks_mut(kept.max(1)) {
        row.iter_mut().zip(norms.iter()).for_each(|(p, n)| *p /= n);
    }
    found.components = components;
    Ok(found)
}

/// The eigenpairs of G from sums of products and counts of shared cells. Times without any data
/// are no rows of it.
fn leading(
    times: usize,
    mut sums: Vec<f64>,
    counts: &[f64],
    (cells, modes): (usize, usize),
) -> Result<Found> {
    let there: Vec<usize> = (0..times).filter(|&t| counts[t * times + t] > 0.0).collect();
    let n = there.len();
    if n < 2 {
        return Err(Error::data(format!("of {times} times only {n} have data")));
    }
    for (i, &t) in there.iter().enumerate() {
        for (j, &u) in there.iter().enumerate() {
            let shared = counts[t * times + u];
            if shared < 2.0 {
                return Err(Error::data(format!(
                    "records {t} and {u} (counted from 0) have less than two cells with data in common"
                ))
                .remedy("leave such times out, or fill the gaps (--missing dineof)"));
            }
            // In front of what is still to be read.
            sums[i * n + j] = sums[t * times + u] * ((cells as f64 - 1.0) / (shared - 1.0));
        }
    }
    sums.truncate(n * n);
    let pairs = indefinite(n, &sums, modes)?;
    let mut units = vec![0.0; pairs.values.len() * times];
    for (all, short) in units.chunks_mut(times).zip(pairs.vectors.chunks(n)) {
        there.iter().zip(short).for_each(|(&t, u)| all[t] = *u);
    }
    let freedom = n as f64 - 1.0;
    Ok(Found {
        values: pairs.values.iter().map(|v| v / freedom).collect(),
        trace: pairs.trace / freedom,
        positive: pairs.positive,
        negative: pairs.negative,
        negative_sum: pairs.negative_sum / freedom,
        components: Vec::new(),
        shapes: Shapes::Times(units, Vec::new()),
    })
}
