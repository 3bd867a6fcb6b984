//! Sums at a block of cells, step by step: the inner loops of [`super::Cells`].

#![allow(clippy::needless_range_loop)] // several arrays side by side, for vectors

use halocline_core::engine::Numbers;

/// Cells whose sums stay in the nearest cache while steps pass over them.
pub(super) const BLOCK: usize = 128;

/// One number at each cell of a block.
pub(super) type Row = [f64; BLOCK];

/// Values of a step at the cells of a block.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    Single(&'a [f32; BLOCK]),
    Double(&'a Row),
    /// Fewer than a block.
    Some(Numbers<'a>),
}

impl<'a> Values<'a> {
    /// Those of a step in a block that begins at `start`.
    pub(super) fn new(step: Numbers<'a>, start: usize, cells: usize) -> Self {
        let of = step.slice(start..cells.min(start + BLOCK));
        match of {
            Numbers::F32(v) => v.try_into().map_or(Self::Some(of), Self::Single),
            Numbers::F64(v) => v.try_into().map_or(Self::Some(of), Self::Double),
        }
    }
}

/// Sums of a block while it is worked on, and what is used beside them.
pub(super) struct Block {
    /// Σ w, then the reference and the sum of each variable, the products, Σ of all weights.
    pub(super) fields: Vec<Row>,
    variables: usize,
    /// Deviations from the references.
    off: Vec<Row>,
    /// Steps without gaps, which are added to Σ w in the end.
    whole: f64,
    /// Whether all cells have begun.
    has_begun: bool,
}

impl Block {
    pub(super) fn new(fields: usize, variables: usize) -> Self {
        Self {
            fields: vec![[0.0; BLOCK]; fields],
            variables,
            off: vec![[0.0; BLOCK]; variables],
            whole: 0.0,
            has_begun: false,
        }
    }

    /// Takes the sums of `n` cells up, each field an array over `cells` of them.
    pub(super) fn load(&mut self, sums: &[f64], cells: usize, start: usize, n: usize) {
        for (k, field) in self.fields.iter_mut().enumerate() {
            field[..n].copy_from_slice(&sums[k * cells + start..k * cells + start + n]);
            field[n..].fill(0.0);
        }
        self.whole = 0.0;
        self.has_begun = self.fields[0][..n].iter().all(|c| *c > 0.0);
    }

    /// Puts the sums back.
    pub(super) fn store(&mut self, sums: &mut [f64], cells: usize, start: usize, n: usize) {
        let whole = self.whole;
        self.fields[0].iter_mut().for_each(|count| *count += whole);
        for (k, field) in self.fields.iter().enumerate() {
            sums[k * cells + start..k * cells + start + n].copy_from_slice(&field[..n]);
        }
    }

    /// Adds a step, every cell counting the same.
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    pub(super) fn add(&mut self, values: &[Values<'_>], pairs: &[(usize, usize)]) {
        if values.iter().any(|v| has_gaps(v)) {
            let mut weight = [1.0; BLOCK];
            for v in values {
                let row = widened(v);
                for i in 0..BLOCK {
                    weight[i] = if row[i].is_nan() { 0.0 } else { weight[i] };
                }
            }
            self.add_some(values, &weight, pairs);
            return;
        }
        let has_begun = self.has_begun;
        let (count, sums) = self.fields.split_at_mut(1);
        for (k, v) in values.iter().enumerate() {
            let [reference, sum] = &mut sums[2 * k..2 * k + 2] else { return };
            let off = &mut self.off[k];
            if !has_begun {
                let row = widened(v);
                for i in 0..BLOCK {
                    reference[i] = if count[0][i] == 0.0 { row[i] } else { reference[i] };
                }
            }
            match v {
                Values::Single(v) => deviate(v, f64::from, reference, sum, off),
                Values::Double(v) => deviate(v, |v| v, reference, sum, off),
                Values::Some(_) => deviate(&widened(v), |v| v, reference, sum, off),
            }
        }
        self.has_begun = true;
        self.whole += 1.0;
        let products = 1 + 2 * self.variables;
        for (p, &(a, b)) in pairs.iter().enumerate() {
            let (x, y, product) = (&self.off[a], &self.off[b], &mut self.fields[products + p]);
            for i in 0..BLOCK {
                product[i] += x[i] * y[i];
            }
        }
    }

    /// Adds a step whose cells have weights, which are missing where there is nothing to weigh.
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    pub(super) fn add_weighted(
        &mut self,
        values: &[Values<'_>],
        weight: &Values<'_>,
        pairs: &[(usize, usize)],
    ) {
        let mut weight = widened(weight);
        for w in &mut weight {
            *w = if w.is_nan() { 0.0 } else { *w };
        }
        if let Some(all) = self.fields.last_mut() {
            for i in 0..BLOCK {
                all[i] += weight[i];
            }
        }
        for v in values {
            let row = widened(v);
            for i in 0..BLOCK {
                weight[i] = if row[i].is_nan() { 0.0 } else { weight[i] };
            }
        }
        self.add_some(values, &weight, pairs);
    }

    /// Adds the cells that have a weight.
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn add_some(&mut self, values: &[Values<'_>], weight: &Row, pairs: &[(usize, usize)]) {
        let whole = std::mem::take(&mut self.whole);
        let count = &mut self.fields[0];
        for i in 0..BLOCK {
            count[i] += whole;
        }
        let before = *count;
        for i in 0..BLOCK {
            count[i] += weight[i];
        }
        for (k, v) in values.iter().enumerate() {
            let row = widened(v);
            let [reference, sum] = &mut self.fields[1 + 2 * k..3 + 2 * k] else { return };
            let off = &mut self.off[k];
            for i in 0..BLOCK {
                let begins = before[i] == 0.0 && weight[i] > 0.0;
                reference[i] = if begins { row[i] } else { reference[i] };
                let d = if weight[i] > 0.0 { row[i] - reference[i] } else { 0.0 };
                off[i] = d;
                sum[i] += weight[i] * d;
            }
        }
        let products = 1 + 2 * self.variables;
        for (p, &(a, b)) in pairs.iter().enumerate() {
            let (x, y, product) = (&self.off[a], &self.off[b], &mut self.fields[products + p]);
            for i in 0..BLOCK {
                product[i] += weight[i] * (x[i] * y[i]);
            }
        }
    }
}

/// Deviations from the references, and their sums.
#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn deviate<T: Copy>(
    values: &[T; BLOCK],
    wide: impl Fn(T) -> f64,
    reference: &Row,
    sum: &mut Row,
    off: &mut Row,
) {
    for i in 0..BLOCK {
        let d = wide(values[i]) - reference[i];
        off[i] = d;
        sum[i] += d;
    }
}

/// Whether a value is missing: by bits, as comparisons of floats end loops early.
#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn has_gaps(values: &Values<'_>) -> bool {
    match values {
        Values::Single(v) => {
            let mut any = 0u32;
            for v in *v {
                any |= u32::from(v.is_nan());
            }
            any != 0
        }
        Values::Double(v) => {
            let mut any = 0u64;
            for v in *v {
                any |= u64::from(v.is_nan());
            }
            any != 0
        }
        Values::Some(Numbers::F32(v)) => v.iter().any(|v| v.is_nan()),
        Values::Some(Numbers::F64(v)) => v.iter().any(|v| v.is_nan()),
    }
}

/// As doubles; 0 beyond the end.
#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn widened(values: &Values<'_>) -> Row {
    let mut row = [0.0; BLOCK];
    match values {
        Values::Single(v) => {
            for i in 0..BLOCK {
                row[i] = f64::from(v[i]);
            }
        }
        Values::Double(v) => row = **v,
        Values::Some(Numbers::F32(v)) => row.iter_mut().zip(*v).for_each(|(o, v)| *o = f64::from(*v)),
        Values::Some(Numbers::F64(v)) => row[..v.len()].copy_from_slice(v),
    }
    row
}
