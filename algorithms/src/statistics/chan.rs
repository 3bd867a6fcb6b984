//! Second moments that merge: Chan, Golub and Leveque (1983),
//! doi:10.1080/00031305.1983.10483115.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use pulp::NullaryFnOnce;

/// A sum of squares, of which rounding may have left less than nothing. NaN stays NaN, which
/// `f64::max` would make 0: infinite values have no spread to speak of.
#[inline]
pub(super) fn at_least_zero(squares: f64) -> f64 {
    if squares < 0.0 {
        0.0
    } else {
        squares
    }
}

/// The weight of some values, their mean, and the weighted sum of squared deviations from it.
///
/// The mean is kept as a value near it and how far it is from that, so that the differences of
/// means keep all digits however far from zero the values are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) centre: f64,
    pub(super) offset: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// From sums about a `centre`: Σw(x − c) and Σw(x − c)².
    // Choices instead of branches, here and below: many cells at once become vectors.
    #[inline(always)]
    pub(super) fn of_sums(weight: f64, centre: f64, first: f64, second: f64) -> Self {
        let none = weight <= 0.0;
        let or = |nothing: f64, value: f64| if none { nothing } else { value };
        let offset = first / weight;
        let squares = at_least_zero(second - first * offset);
        Self {
            weight: or(0.0, weight),
            centre: or(f64::NAN, centre),
            offset: or(0.0, offset),
            squares: or(0.0, squares),
        }
    }
    /// Those of both together.
    #[inline(always)]
    pub(super) fn merge(self, other: Self) -> Self {
        let (no_other, none) = (other.weight <= 0.0, self.weight <= 0.0);
        let choose = |own: f64, others: f64, both: f64| {
            let there = if none { others } else { both };
            if no_other {
                own
            } else {
                there
            }
        };
        let weight = self.weight + other.weight;
        let apart = (other.centre - self.centre) + (other.offset - self.offset);
        let share = other.weight / weight;
        let offset = self.offset + apart * share;
        let squares = self.squares + other.squares + apart * apart * self.weight * share;
        Self {
            weight: choose(self.weight, other.weight, weight),
            centre: choose(self.centre, other.centre, self.centre),
            offset: choose(self.offset, other.offset, offset),
            squares: choose(self.squares, other.squares, squares),
        }
    }
}

/// What moments of many cells are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    /// Numbers of values, which are the weights where `weights` is empty.
    pub(super) counts: &'a [u64],
    pub(super) weights: &'a [f64],
}

impl Cells<'_> {
    #[inline(always)]
    fn weight(&self, i: usize) -> f64 {
        if self.weights.is_empty() {
            self.counts[i] as f64
        } else {
            self.weights[i]
        }
    }
}

/// Turns sums about centres into moments about means.
pub(super) struct Settle<'a> {
    pub(super) cells: Cells<'a>,
    /// Centre, first and second.
    pub(super) moments: [&'a mut [f64]; 3],
}

impl NullaryFnOnce for Settle<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let [centre, first, second] = self.moments;
        for i in 0..centre.len() {
            let settled = Moments::of_sums(self.cells.weight(i), centre[i], first[i], second[i]);
            (centre[i], first[i], second[i]) = (settled.centre, settled.offset, settled.squares);
        }
    }
}

/// Takes moments of other cells, or their sums about centres, into the settled ones of as many.
pub(super) struct Merge<'a> {
    pub(super) cells: Cells<'a>,
    pub(super) moments: [&'a mut [f64]; 3],
    pub(super) other: Cells<'a>,
    pub(super) others: [&'a [f64]; 3],
    /// Whether those are settled.
    pub(super) others_settled: bool,
}

impl Merge<'_> {
    /// `of` makes moments of the weight and the three numbers of another cell.
    #[inline(always)]
    fn each(self, of: impl Fn(f64, f64, f64, f64) -> Moments) {
        let [centre, first, second] = self.moments;
        let n = centre.len();
        let [first, second] = [&mut first[..n], &mut second[..n]];
        let [c, f, s] = self.others.map(|all| &all[..n]);
        for i in 0..n {
            let own = Moments {
                weight: self.cells.weight(i),
                centre: centre[i],
                offset: first[i],
                squares: second[i],
            };
            let both = own.merge(of(self.other.weight(i), c[i], f[i], s[i]));
            (centre[i], first[i], second[i]) = (both.centre, both.offset, both.squares);
        }
    }
}

impl NullaryFnOnce for Merge<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        if self.others_settled {
            self.each(|weight, centre, offset, squares| Moments { weight, centre, offset, squares });
        } else {
            // They are read once, and need not be kept.
            self.each(Moments::of_sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_values_have_no_spread() {
        for (centre, first, second) in [
            (1.0, f64::INFINITY, f64::INFINITY),
            (f64::INFINITY, f64::NAN, f64::NAN),
            (0.0, 1e200, f64::INFINITY),
        ] {
            let moments = Moments::of_sums(5.0, centre, first, second);
            assert!(!moments.squares.is_finite(), "{moments:?}");
            let finite = Moments::of_sums(3.0, 1.0, 0.5, 2.0);
            assert!(!moments.merge(finite).squares.is_finite());
            assert!(!finite.merge(moments).squares.is_finite());
        }
        assert_eq!(Moments::of_sums(3.0, 1.0, 3.0, 3.0 - 1e-12).squares, 0.0);
    }

    #[test]
    fn many_cells_are_merged_like_one() {
        let counts = [0u64, 3, 0, 2, 7, 1, 4];
        let others = [0u64, 2, 5, 0, 1, 1, 3];
        let at = |k: usize, c: &[u64]| -> Vec<f64> {
            let some =
                |(i, &n): (usize, &u64)| if n == 0 && k == 0 { f64::NAN } else { (i + k) as f64 * n as f64 };
            c.iter().enumerate().map(some).collect()
        };
        let sums = |c: &[u64]| [0, 1, 20].map(|k| at(k, c));
        let one =
            |c: &[u64], [a, b, d]: &[Vec<f64>; 3], i: usize| Moments::of_sums(c[i] as f64, a[i], b[i], d[i]);
        let (before, after) = (sums(&counts), sums(&others));
        for others_settled in [true, false] {
            let own = merged(&counts, &others, (&before, &after), others_settled);
            for i in 0..counts.len() {
                let both = one(&counts, &before, i).merge(one(&others, &after, i));
                let bits = [both.centre, both.offset, both.squares].map(f64::to_bits);
                assert_eq!(own.each_ref().map(|m| m[i].to_bits()), bits, "{i}: {both:?}");
            }
        }
    }

    /// The sums of the first, settled, with those of the second.
    fn merged(
        counts: &[u64],
        others: &[u64],
        (before, after): (&[Vec<f64>; 3], &[Vec<f64>; 3]),
        others_settled: bool,
    ) -> [Vec<f64>; 3] {
        let (mut own, mut theirs) = (before.clone(), after.clone());
        let arch = pulp::Arch::new();
        let cells = |counts| Cells { counts, weights: &[] };
        arch.dispatch(Settle { cells: cells(counts), moments: own.each_mut().map(Vec::as_mut_slice) });
        if others_settled {
            arch.dispatch(Settle { cells: cells(others), moments: theirs.each_mut().map(Vec::as_mut_slice) });
        }
        arch.dispatch(Merge {
            cells: cells(counts),
            moments: own.each_mut().map(Vec::as_mut_slice),
            other: cells(others),
            others: theirs.each_ref().map(Vec::as_slice),
            others_settled,
        });
        own
    }
}
