//! Covariances between cells, over the times that both have: on rank 0, which all series go to.

use super::super::gram::{Shared, ALL_BUT_TIME};
use super::super::options::Anomaly;
use super::passes::{for_each_gapped, Gapped};
use super::{Found, Part, Shapes};
use crate::modes::indefinite;
use crate::symmetric::{times_columns, SymmetricSum, STRIP};
use halocline_core::engine::{Engine, Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Anomalies without weights of the cells that vary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Gathered {
    cells: Vec<usize>,
    /// Cells × times; missing where nothing is there.
    values: Vec<f64>,
}

struct GatherFold<'a> {
    shared: &'a Shared<'a>,
}

impl Fold for GatherFold<'_> {
    type State = Gathered;
    const NAME: &'static str = "eof-pairs-of-cells";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        ALL_BUT_TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        (tile.block.len() * size_of::<f64>()) as u64
    }
    fn start(&self, _column: usize) -> Gathered {
        Gathered::default()
    }
    fn absorb(&self, state: &mut Gathered, piece: &Piece<'_>) -> Result<()> {
        for_each_gapped(self.shared, piece, &mut |Gapped { strip, there }, cells, _| {
            let width = strip.cells.len();
            for (i, &c) in strip.cells.iter().enumerate() {
                let series = strip.values.iter().skip(i).step_by(width);
                let there = || there.iter().skip(i).step_by(width);
                if there().any(|t| *t > 0.0) {
                    state.cells.push(cells[c]);
                    let value = |(v, t): (&f64, &f64)| if *t > 0.0 { *v } else { f64::NAN };
                    state.values.extend(series.zip(there()).map(value));
                }
            }
        })
        .map(drop)
    }
    fn merge(&self, mut left: Gathered, right: Gathered) -> Result<Gathered> {
        left.cells.extend(right.cells);
        left.values.extend(right.values);
        Ok(left)
    }
}

/// λ, v and their components.
///
/// # Collective
/// Every rank calls this.
pub(super) fn solve(
    engine: &Engine,
    parts: &[Part<'_>],
    (cells, modes): (usize, usize),
    anomaly: Anomaly,
) -> Result<Found> {
    let times = parts[0].shared.times;
    let mut fields = Vec::new();
    for part in parts {
        let fold = GatherFold { shared: &part.shared };
        let state = engine.fold_series(part.field.source, part.field.plan, &fold)?.pop();
        fields.extend(engine.to_root(state.map(|(_, state)| state))?);
    }
    let root = engine.comm().is_root().then_some(fields);
    engine.finish_single(root, |fields| {
        let together = Together::new(parts, fields, (times, cells))?;
        together.solve(parts, modes, anomaly != Anomaly::None)
    })
}

/// The cells of all fields, one field after the other.
struct Together {
    times: usize,
    /// Numbers in their grids, of each field.
    cells: Vec<Vec<usize>>,
    /// x: times × cells, zero where nothing is there.
    values: Vec<f64>,
    /// 1 where something is there, else 0.
    there: Vec<f64>,
    /// f w.
    factors: Vec<f64>,
}

impl Together {
    fn new(parts: &[Part<'_>], fields: Vec<Gathered>, (times, count): (usize, usize)) -> Result<Self> {
        let mut all = Self {
            times,
            cells: Vec::new(),
            values: vec![0.0; times * count],
            there: vec![0.0; times * count],
            factors: Vec::new(),
        };
        for (part, field) in parts.iter().zip(fields) {
            let mut order: Vec<usize> = (0..field.cells.len()).collect();
            order.sort_unstable_by_key(|&i| field.cells[i]);
            for &i in &order {
                let at = all.factors.len();
                if at == count {
                    return Err(Error::data("the data have changed since they were looked at"));
                }
                for (t, v) in field.values[i * times..(i + 1) * times].iter().enumerate() {
                    if !v.is_nan() {
                        all.values[t * count + at] = *v;
                        all.there[t * count + at] = 1.0;
                    }
                }
                all.factors.push(part.factor * part.shared.weight(field.cells[i]));
            }
            all.cells.push(order.iter().map(|&i| field.cells[i]).collect());
        }
        if all.factors.len() == count {
            Ok(all)
        } else {
            Err(Error::data("the data have changed since they were looked at"))
        }
    }

    fn solve(&self, parts: &[Part<'_>], modes: usize, centred: bool) -> Result<Found> {
        let p = self.factors.len();
        let plain = self.covariance(parts, centred)?;
        let g = &self.factors;
        let mut weighted = plain.clone();
        for (row, gi) in weighted.chunks_mut(p.max(1)).zip(g) {
            // Both triangles have the same bits.
            row.iter_mut().zip(g).for_each(|(v, gj)| *v *= gi * gj);
        }
        let pairs = indefinite(p, &weighted, modes)?;
        drop(weighted);
        let kept = pairs.values.len();
        // v / (f w) without a division by weights, which may be next to nothing.
        let scaled: Vec<f64> = pairs.vectors.iter().enumerate().map(|(i, v)| v * g[i % p]).collect();
        let shapes = times_columns(&plain, p, p, &scaled);
        let columns: Vec<f64> =
            (0..kept * p).map(|i| shapes[(i % p) * kept + i / p] / pairs.values[i / p]).collect();
        let squared: Vec<f64> = columns.iter().enumerate().map(|(i, s)| g[i % p].powi(2) * s).collect();
        let components = times_columns(&self.values, self.times, p, &squared);
        let mut first = 0;
        let mut fields = Vec::new();
        for cells in &self.cells {
            let part = |k: usize| columns[k * p + first..k * p + first + cells.len()].iter().copied();
            fields.push((cells.clone(), (0..kept).flat_map(part).collect()));
            first += cells.len();
        }
        Ok(Found {
            values: pairs.values,
            trace: pairs.trace,
            positive: pairs.positive,
            negative: pairs.negative,
            negative_sum: pairs.negative_sum,
            components,
            shapes: Shapes::Cells(fields),
        })
    }

    /// Covariances without weights, p × p.
    fn covariance(&self, parts: &[Part<'_>], centred: bool) -> Result<Vec<f64>> {
        let p = self.factors.len();
        // Of x and its mask side by side all sums that are needed are the products of rows.
        let mut sums = SymmetricSum::new(2 * p);
        let each = STRIP * p.max(1);
        for (values, there) in self.values.chunks(each).zip(self.there.chunks(each)) {
            let rows = values.chunks(p).zip(there.chunks(p));
            let beside: Vec<f64> = rows.flat_map(|(v, t)| v.iter().chain(t).copied()).collect();
            sums.add_rows(&beside);
        }
        let mut plain = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..=i {
                let shared = sums.get(p + i, p + j);
                if shared < 2.0 {
                    return Err(Error::data(format!(
                        "the cells {} and {} have data at {shared} time{} in common, covariances need two",
                        self.place(parts, i),
                        self.place(parts, j),
                        if shared == 1.0 { "" } else { "s" }
                    ))
                    .remedy("give a larger --pcrit, over 50, or fill the gaps (--missing dineof)"));
                }
                let about = if centred { sums.get(i, p + j) * sums.get(j, p + i) / shared } else { 0.0 };
                let covariance = (sums.get(i, j) - about) / (shared - 1.0);
                plain[i * p + j] = covariance;
                plain[j * p + i] = covariance;
            }
        }
        Ok(plain)
    }

    /// Where a cell is, in the user's words.
    fn place(&self, parts: &[Part<'_>], mut index: usize) -> String {
        for (part, cells) in parts.iter().zip(&self.cells) {
            if let Some(&cell) = cells.get(index) {
                let text = (part.field.input.locate)(cell, 0);
                return text.split(" on ").next().unwrap_or_default().to_owned();
            }
            index -= cells.len();
        }
        String::new()
    }
}
