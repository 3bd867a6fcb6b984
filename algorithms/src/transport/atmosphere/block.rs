//! Sums at some cells over several steps: the inner loops of [`super::Cells`].

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller
#![allow(clippy::needless_range_loop)] // several arrays side by side, for vectors

use super::Cells;
use crate::lanes::{load, store};
use halocline_core::engine::Numbers;
use pulp::NullaryFnOnce;

/// Cells that are worked on together: a line of a cache in single precision, and as many sums as
/// hide how long an addition takes.
const LANES: usize = 16;
/// The same for those that remain.
const FEW_LANES: usize = 4;

/// One number at each of the cells that are worked on together.
type Row = [f64; LANES];

/// Values of one variable, step after step.
pub(super) enum Rows<'a> {
    Single(Vec<&'a [f32]>),
    Double(Vec<&'a [f64]>),
}

impl<'a> Rows<'a> {
    /// Of steps that are all in the same precision, as those of a piece are.
    pub(super) fn new(steps: impl Iterator<Item = Numbers<'a>>) -> Self {
        let (mut single, mut double) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Numbers::F32(v) => single.push(v),
                Numbers::F64(v) => double.push(v),
            }
        }
        if double.is_empty() {
            Self::Single(single)
        } else {
            Self::Double(double)
        }
    }
    fn len(&self) -> usize {
        match self {
            Self::Single(rows) => rows.len(),
            Self::Double(rows) => rows.len(),
        }
    }
    /// The values of a step at some cells.
    #[inline(always)]
    fn at<const N: usize>(&self, step: usize, at: usize) -> [f64; N] {
        match self {
            Self::Single(rows) => load(rows[step], at),
            Self::Double(rows) => load(rows[step], at),
        }
    }
}

/// Adds steps to sums: for each field of [`super::CellsState`] one number at each cell.
pub(super) struct Add<'a> {
    of: &'a Cells,
    /// Of each variable, then the weights if there are any.
    rows: &'a [Rows<'a>],
    sums: &'a mut [f64],
    cells: usize,
    /// References and sums of the variables at the cells in hand.
    references: Vec<Row>,
    totals: Vec<Row>,
    /// What each step counts at the cells in hand; there is one for each.
    weights: Vec<Row>,
}

impl<'a> Add<'a> {
    pub(super) fn new(of: &'a Cells, rows: &'a [Rows<'a>], sums: &'a mut [f64], cells: usize) -> Self {
        let empty = |n: usize| vec![[0.0; LANES]; n];
        let steps = rows.first().map_or(0, Rows::len);
        let (references, totals) = (empty(of.variables()), empty(of.variables()));
        Self { of, rows, sums, cells, references, totals, weights: empty(steps) }
    }
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn call(mut self) {
        if self.weights.is_empty() {
            return;
        }
        let mut at = 0;
        while at + LANES <= self.cells {
            self.take::<LANES>(at);
            at += LANES;
        }
        while at + FEW_LANES <= self.cells {
            self.take::<FEW_LANES>(at);
            at += FEW_LANES;
        }
        while at < self.cells {
            self.take::<1>(at);
            at += 1;
        }
    }
}

impl Add<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, at: usize) {
        if self.of.is_weighted() || !self.whole::<N>(at) {
            self.some::<N>(at);
        }
    }

    /// Where `field` of the cells from `at` on stands.
    #[inline(always)]
    fn place(&self, field: usize, at: usize) -> usize {
        field * self.cells + at
    }

    /// Adds cells at which every variable has a value at every step, all counting the same; says
    /// whether they are such.
    #[inline(always)]
    fn whole<const N: usize>(&mut self, at: usize) -> bool {
        let mut count: [f64; N] = load(self.sums, at);
        for k in 0..self.of.variables() {
            let place = self.place(Cells::reference(k), at);
            let mut reference: [f64; N] = load(self.sums, place);
            let first: [f64; N] = self.rows[k].at(0, at);
            for i in 0..N {
                reference[i] = if count[i] == 0.0 { first[i] } else { reference[i] };
            }
            let mut sum: [f64; N] = load(self.sums, place + self.cells);
            match &self.rows[k] {
                Rows::Single(rows) => deviations(rows, at, &reference, &mut sum),
                Rows::Double(rows) => deviations(rows, at, &reference, &mut sum),
            }
            // A missing value has spoilt the sum.
            let mut gaps = false;
            for i in 0..N {
                gaps |= sum[i].is_nan();
            }
            if gaps {
                return false;
            }
            self.references[k][..N].copy_from_slice(&reference);
            self.totals[k][..N].copy_from_slice(&sum);
        }
        for (p, &(a, b)) in self.of.pairs().iter().enumerate() {
            let place = self.place(self.of.product(p), at);
            let mut product: [f64; N] = load(self.sums, place);
            let references: [[f64; N]; 2] = [load(&self.references[a], 0), load(&self.references[b], 0)];
            match (&self.rows[a], &self.rows[b]) {
                (Rows::Single(x), Rows::Single(y)) => products(x, y, at, &references, &mut product),
                (Rows::Single(x), Rows::Double(y)) => products(x, y, at, &references, &mut product),
                (Rows::Double(x), Rows::Single(y)) => products(x, y, at, &references, &mut product),
                (Rows::Double(x), Rows::Double(y)) => products(x, y, at, &references, &mut product),
            }
            store(self.sums, place, product);
        }
        let steps = self.rows.first().map_or(0, Rows::len) as f64;
        for i in 0..N {
            count[i] += steps;
        }
        store(self.sums, at, count);
        self.keep::<N>(at);
        true
    }

    /// Puts the references and sums of the cells in hand back.
    #[inline(always)]
    fn keep<const N: usize>(&mut self, at: usize) {
        for k in 0..self.of.variables() {
            let place = self.place(Cells::reference(k), at);
            store::<f64, N>(self.sums, place, load(&self.references[k], 0));
            store::<f64, N>(self.sums, place + self.cells, load(&self.totals[k], 0));
        }
    }

    /// Adds cells that have gaps, or weights, which are missing where there is nothing to weigh.
    #[inline(always)]
    fn some<const N: usize>(&mut self, at: usize) {
        let count: [f64; N] = load(self.sums, at);
        let counted = self.weigh(at, &count);
        for k in 0..self.of.variables() {
            let place = self.place(Cells::reference(k), at);
            let mut reference: [f64; N] = load(self.sums, place);
            let mut sum: [f64; N] = load(self.sums, place + self.cells);
            let mut before = count;
            for (step, weight) in self.weights.iter().enumerate() {
                let row: [f64; N] = self.rows[k].at(step, at);
                for i in 0..N {
                    let begins = before[i] == 0.0 && weight[i] > 0.0;
                    reference[i] = if begins { row[i] } else { reference[i] };
                    let d = if weight[i] > 0.0 { row[i] - reference[i] } else { 0.0 };
                    sum[i] += weight[i] * d;
                    before[i] += weight[i];
                }
            }
            self.references[k][..N].copy_from_slice(&reference);
            self.totals[k][..N].copy_from_slice(&sum);
        }
        for (p, &(a, b)) in self.of.pairs().iter().enumerate() {
            let place = self.place(self.of.product(p), at);
            let mut product: [f64; N] = load(self.sums, place);
            let [ra, rb]: [[f64; N]; 2] = [load(&self.references[a], 0), load(&self.references[b], 0)];
            for (step, weight) in self.weights.iter().enumerate() {
                let (x, y): ([f64; N], [f64; N]) = (self.rows[a].at(step, at), self.rows[b].at(step, at));
                for i in 0..N {
                    let both = if weight[i] > 0.0 { (x[i] - ra[i]) * (y[i] - rb[i]) } else { 0.0 };
                    product[i] += weight[i] * both;
                }
            }
            store(self.sums, place, product);
        }
        store(self.sums, at, counted);
        self.keep::<N>(at);
    }

    /// What each step counts at some cells: nothing where a variable is missing. Gives `count` with
    /// all of them added.
    #[inline(always)]
    fn weigh<const N: usize>(&mut self, at: usize, count: &[f64; N]) -> [f64; N] {
        let mut counted = *count;
        let (values, weights) = self.rows.split_at(self.of.variables());
        let all = self.of.all_weights().map(|field| self.place(field, at));
        let mut total: [f64; N] = all.map_or([0.0; N], |place| load(self.sums, place));
        for (step, to) in self.weights.iter_mut().enumerate() {
            let mut weight: [f64; N] = weights.first().map_or([1.0; N], |w| w.at(step, at));
            for i in 0..N {
                weight[i] = if weight[i].is_nan() { 0.0 } else { weight[i] };
                total[i] += weight[i];
            }
            for rows in values {
                let row: [f64; N] = rows.at(step, at);
                for i in 0..N {
                    weight[i] = if row[i].is_nan() { 0.0 } else { weight[i] };
                }
            }
            for i in 0..N {
                counted[i] += weight[i];
            }
            to[..N].copy_from_slice(&weight);
        }
        if let Some(place) = all {
            store(self.sums, place, total);
        }
        counted
    }
}

/// Adds deviations from the references.
#[inline(always)]
fn deviations<T: Copy + Into<f64>, const N: usize>(
    rows: &[&[T]],
    at: usize,
    reference: &[f64; N],
    sum: &mut [f64; N],
) {
    for row in rows {
        let v: [f64; N] = load(row, at);
        for i in 0..N {
            sum[i] += v[i] - reference[i];
        }
    }
}

/// Adds products of deviations from the references.
#[inline(always)]
fn products<X: Copy + Into<f64>, Y: Copy + Into<f64>, const N: usize>(
    xs: &[&[X]],
    ys: &[&[Y]],
    at: usize,
    references: &[[f64; N]; 2],
    product: &mut [f64; N],
) {
    for (x, y) in xs.iter().zip(ys) {
        let (x, y): ([f64; N], [f64; N]) = (load(x, at), load(y, at));
        for i in 0..N {
            product[i] += (x[i] - references[0][i]) * (y[i] - references[1][i]);
        }
    }
}
