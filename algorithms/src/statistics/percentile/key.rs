//! Numbers as integers: they are compared faster, and in a total order.

use halocline_core::engine::Numbers;

/// A number as an integer that sorts alike; zeros of both signs are neighbours.
pub(super) trait Key: Copy + Ord {
    /// Behind all numbers.
    const MISSING: Self;
    fn value(self) -> f64;
    /// Puts a step of some cells, from `start` on, behind what each series holds already.
    fn turn(
        row: Numbers<'_>,
        start: usize,
        stride: usize,
        turned: &mut [Self],
        counts: &mut [usize],
        packed: bool,
    );
}

macro_rules! key {
    ($key:ty, $bits:ty, $float:ty, $numbers:path) => {
        impl Key for $key {
            const MISSING: Self = Self::MAX;
            fn value(self) -> f64 {
                let bits = self ^ (((self >> (Self::BITS - 1)) as $bits) >> 1) as Self;
                f64::from(<$float>::from_bits(bits as $bits))
            }
            fn turn(
                row: Numbers<'_>,
                start: usize,
                stride: usize,
                turned: &mut [Self],
                counts: &mut [usize],
                packed: bool,
            ) {
                let $numbers(row) = row else { return };
                let series = turned.chunks_exact_mut(stride);
                for ((series, count), &value) in series.zip(counts).zip(&row[start..]) {
                    let bits = value.to_bits() as Self;
                    let key = bits ^ (((bits >> (Self::BITS - 1)) as $bits) >> 1) as Self;
                    let missing = value.is_nan();
                    series[*count] = if missing { Self::MISSING } else { key };
                    *count += usize::from(!(missing && packed));
                }
            }
        }
    };
}
key!(i32, u32, f32, Numbers::F32);
key!(i64, u64, f64, Numbers::F64);
