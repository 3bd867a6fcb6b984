//! Reductions whose bits do not depend on the number of ranks: whole numbers and extremes.

use super::Comm;

/// How whole numbers are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// Their sum, modulo 2⁶⁴.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// Which extreme of floats is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extreme {
    /// The least.
    Min,
    /// The greatest.
    Max,
}

mod sealed {
    /// The numbers of one of the sealed types.
    #[derive(Debug)]
    pub enum Words<'a> {
        Signed(&'a mut [i64]),
        Unsigned(&'a mut [u64]),
    }

    pub trait Sealed: Sized {
        fn words(data: &mut [Self]) -> Words<'_>;
    }
}
pub(super) use sealed::Words;

/// Numbers that [`Comm::all_reduce`] combines: `i64` and `u64`. Floats are left out on purpose.
pub trait Number: sealed::Sealed + Copy {}

impl sealed::Sealed for i64 {
    fn words(data: &mut [Self]) -> Words<'_> {
        Words::Signed(data)
    }
}
impl sealed::Sealed for u64 {
    fn words(data: &mut [Self]) -> Words<'_> {
        Words::Unsigned(data)
    }
}
impl Number for i64 {}
impl Number for u64 {}

impl Comm {
    /// Combines `data` elementwise over all ranks; every rank gets the result.
    ///
    /// # Collective
    /// Every rank calls this with equal lengths and the same `op`.
    pub fn all_reduce<N: Number>(&self, data: &mut [N], op: Reduce) {
        let Some(transport) = self.transport() else { return };
        let link = self.link();
        for piece in data.chunks_mut((link.max_message_bytes / size_of::<N>()).max(1)) {
            link.stats.count(size_of_val(piece));
            transport.all_reduce(N::words(piece), op);
        }
    }

    /// The elementwise extreme of `data` over all ranks; every rank gets the result.
    ///
    /// NaN stands for missing: it is ignored, and an element that is NaN on every rank becomes
    /// the one quiet NaN (`f64::NAN`). −0 is less than +0. So the bits of the result depend on
    /// the set of values only.
    ///
    /// # Collective
    /// Every rank calls this with equal lengths and the same `extreme`.
    pub fn all_reduce_extreme(&self, data: &mut [f64], extreme: Extreme) {
        // MPI leaves NaN and signed zeros open, so the floats travel as integers of equal order.
        let (nothing, op) = match extreme {
            Extreme::Min => (u64::MAX, Reduce::Min),
            Extreme::Max => (0, Reduce::Max),
        };
        let mut keys: Vec<u64> =
            data.iter().map(|&x| if x.is_nan() { nothing } else { order_key(x) }).collect();
        self.all_reduce(&mut keys, op);
        for (x, &key) in data.iter_mut().zip(&keys) {
            *x = if key == nothing { f64::NAN } else { from_order_key(key) };
        }
    }
}

const SIGN: u64 = 1 << 63;

/// An integer that orders as `x` does (IEEE 754 total order). Neither 0 nor `u64::MAX` is the key
/// of a number: they belong to NaNs.
fn order_key(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits & SIGN == 0 {
        bits | SIGN
    } else {
        !bits
    }
}

fn from_order_key(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_floats_do() {
        let ordered = [f64::NEG_INFINITY, -1e300, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::INFINITY];
        for pair in ordered.windows(2) {
            assert!(order_key(pair[0]) < order_key(pair[1]), "{pair:?}");
        }
        for x in ordered {
            assert_eq!(from_order_key(order_key(x)).to_bits(), x.to_bits());
            assert!(order_key(x) > 0 && order_key(x) < u64::MAX);
        }
    }
}
