//! Numbers as integers: they are compared faster, and in a total order.

use halocline_core::engine::Numbers;

/// A number as an integer that sorts alike; zeros of both signs are neighbours.
pub(super) trait Key: Copy + Ord {
    /// Behind all numbers.
    const MISSING: Self;
    /// Bits of a key.
    const WIDTH: u32;
    /// From the bits of a number to its key, and back.
    fn turned(self) -> Self;
    fn value(self) -> f64;
    /// As a number of [`Self::WIDTH`] bits that sorts alike.
    fn ordered(self) -> u64;
    /// The key of which [`Self::ordered`] gives this.
    fn of_ordered(bits: u64) -> Self;
    /// Calls `each` with the places and keys of those that are not missing.
    fn each(row: Numbers<'_>, each: impl FnMut(usize, Self));
    /// Puts a sample of some cells behind what the series of each holds already.
    fn turn(row: Numbers<'_>, stride: usize, turned: &mut [Self], counts: &mut [usize], packed: bool);
    /// Puts some samples of one cell behind what its series holds already.
    fn append(run: Numbers<'_>, series: &mut [Self], count: &mut usize, packed: bool);
}

macro_rules! key {
    ($key:ty, $bits:ty, $float:ty, $numbers:path) => {
        impl Key for $key {
            const MISSING: Self = Self::MAX;
            const WIDTH: u32 = Self::BITS;
            fn turned(self) -> Self {
                self ^ (((self >> (Self::BITS - 1)) as $bits) >> 1) as Self
            }
            fn value(self) -> f64 {
                f64::from(<$float>::from_bits(self.turned() as $bits))
            }
            fn ordered(self) -> u64 {
                u64::from((self ^ Self::MIN) as $bits)
            }
            fn of_ordered(bits: u64) -> Self {
                bits as $bits as Self ^ Self::MIN
            }
            fn each(row: Numbers<'_>, mut each: impl FnMut(usize, Self)) {
                let $numbers(row) = row else { return };
                for (place, value) in row.iter().enumerate() {
                    if !value.is_nan() {
                        each(place, (value.to_bits() as Self).turned());
                    }
                }
            }
            fn turn(
                row: Numbers<'_>,
                stride: usize,
                turned: &mut [Self],
                counts: &mut [usize],
                packed: bool,
            ) {
                let $numbers(row) = row else { return };
                let series = turned.chunks_exact_mut(stride);
                for ((series, count), &value) in series.zip(counts).zip(row) {
                    let key = (value.to_bits() as Self).turned();
                    let missing = value.is_nan();
                    series[*count] = if missing { Self::MISSING } else { key };
                    *count += usize::from(!(missing && packed));
                }
            }
            fn append(run: Numbers<'_>, series: &mut [Self], count: &mut usize, packed: bool) {
                let $numbers(run) = run else { return };
                for &value in run {
                    let key = (value.to_bits() as Self).turned();
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
