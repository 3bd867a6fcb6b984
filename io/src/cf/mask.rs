//! Which stored values are missing, compared in the stored type.

#![allow(clippy::needless_bitwise_bool)] // all sides cost less than a branch

use serde::{Deserialize, Serialize};

/// Missing values and limits of a variable, in numbers that its type can hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Rule {
    /// Of integers.
    Integers(Bounds<i128>),
    /// Of floating-point numbers; for singles these are singles, widened.
    Floats(Bounds<f64>),
}

/// A list and a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bounds<N> {
    missing: Vec<N>,
    low: Option<N>,
    high: Option<N>,
}

impl Rule {
    pub(super) fn integers(mut missing: Vec<i128>, low: Option<i128>, high: Option<i128>) -> Self {
        missing.sort_unstable();
        missing.dedup();
        Self::Integers(Bounds { missing, low, high })
    }
    pub(super) fn floats(mut missing: Vec<f64>, low: Option<f64>, high: Option<f64>) -> Self {
        // NaN is missing anyway, and a limit of NaN limits nothing.
        missing.retain(|v| !v.is_nan());
        missing.sort_unstable_by(f64::total_cmp);
        missing.dedup();
        Self::Floats(Bounds { missing, low: low.filter(|v| !v.is_nan()), high: high.filter(|v| !v.is_nan()) })
    }
}

/// A stored type.
pub(crate) trait Stored: bytemuck::Pod + PartialOrd + Send + Sync {
    /// Limits that nothing lies beyond.
    const LOWEST: Self;
    /// See [`Self::LOWEST`].
    const HIGHEST: Self;
    /// Whether it is no number.
    fn is_nan(self) -> bool {
        false
    }
    /// The nearest double.
    fn to_f64(self) -> f64;
    /// The nearest single.
    fn to_f32(self) -> f32;
    /// The mask of a rule for this type.
    fn mask(rule: &Rule) -> Mask<Self>;
}

/// A [`Rule`] in the stored type.
pub(crate) struct Mask<T> {
    missing: Vec<T>,
    low: T,
    high: T,
    /// Whether no value can lie outside.
    unlimited: bool,
}

impl<T: Stored> Mask<T> {
    fn new<N: Copy>(bounds: &Bounds<N>, cast: impl Fn(N) -> T) -> Self {
        Self {
            missing: bounds.missing.iter().map(|&v| cast(v)).collect(),
            low: bounds.low.map_or(T::LOWEST, &cast),
            high: bounds.high.map_or(T::HIGHEST, &cast),
            unlimited: bounds.low.is_none() && bounds.high.is_none(),
        }
    }

    /// Calls `with` with the cheapest test there is for this mask: most variables have one
    /// missing value or two, and no limits.
    pub(super) fn dispatch<V: Visit<T>>(self, with: V) -> V::Out {
        let (low, high) = (self.low, self.high);
        match (self.missing.as_slice(), self.unlimited) {
            ([], true) => with.run(T::is_nan),
            // All is compared, whatever comes out first: that needs no branches.
            (&[a], true) => with.run(move |v| (v == a) | v.is_nan()),
            (&[a, b], true) => with.run(move |v| (v == a) | (v == b) | v.is_nan()),
            ([], false) => with.run(move |v| (v < low) | (v > high) | v.is_nan()),
            (&[a], false) => with.run(move |v| (v == a) | (v < low) | (v > high) | v.is_nan()),
            _ => {
                let many = self.missing;
                with.run(move |v| many.contains(&v) || v < low || v > high || v.is_nan())
            }
        }
    }
}

/// Work over values that takes a test for missing ones: a closure generic over a closure.
pub(super) trait Visit<T> {
    type Out;
    fn run(self, missing: impl Fn(T) -> bool + Send + Sync + 'static) -> Self::Out;
}

macro_rules! stored_integer {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;
            #[allow(clippy::cast_lossless)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[allow(clippy::cast_lossless)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            fn mask(rule: &Rule) -> Mask<Self> {
                let Rule::Integers(bounds) = rule else { return nothing() };
                // A limit beyond the type's range excludes nothing or everything: clamping
                // keeps the first case exact, and the second is repaired below.
                let cast = |v: i128| v.clamp(i128::from(Self::MIN), i128::from(Self::MAX)) as Self;
                let mut mask = Mask::new(bounds, cast);
                let above = bounds.low.is_some_and(|v| v > i128::from(Self::MAX));
                let below = bounds.high.is_some_and(|v| v < i128::from(Self::MIN));
                if above || below {
                    (mask.low, mask.high) = (Self::MAX, Self::MIN);
                }
                mask
            }
        }
    )*};
}
stored_integer!(i8, u8, i16, u16, i32, u32, i64, u64);

fn nothing<T: Stored>() -> Mask<T> {
    Mask { missing: Vec::new(), low: T::LOWEST, high: T::HIGHEST, unlimited: true }
}

impl Stored for f32 {
    const LOWEST: Self = Self::NEG_INFINITY;
    const HIGHEST: Self = Self::INFINITY;
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn to_f32(self) -> f32 {
        self
    }
    fn mask(rule: &Rule) -> Mask<Self> {
        let Rule::Floats(bounds) = rule else { return nothing() };
        Mask::new(bounds, |v| v as Self)
    }
}

impl Stored for f64 {
    const LOWEST: Self = Self::NEG_INFINITY;
    const HIGHEST: Self = Self::INFINITY;
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn to_f32(self) -> f32 {
        self as f32
    }
    fn mask(rule: &Rule) -> Mask<Self> {
        let Rule::Floats(bounds) = rule else { return nothing() };
        Mask::new(bounds, |v| v)
    }
}
