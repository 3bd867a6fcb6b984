//! How two fields differ: a mergeable state over pieces of their common index space.
//!
//! Nothing is summed but counts, and extremes are decided by value and then by place, so that
//! pieces may be compared and merged in any order. With `a` and `b` the values of a cell:
//! absolute difference `|a - b|`, relative difference `|a - b| / max(|a|, |b|)` (0 where both are
//! 0; CDO's `diffn` has the same), and the distance in units in the last place: how many steps
//! from one number of the type to the next lie between them (for integers, `|a - b|`).
//!
//! A cell that is missing in both fields is the same, whatever stands for missing in each. One
//! that is missing in one of them differs, and has no distance.

use serde::{Deserialize, Serialize};

/// Values of one type, as they are compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Integers of any type.
    Integers(Vec<i128>),
}

/// From which difference on cells count. Within any one that is given is within.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tolerance {
    /// Of the absolute difference.
    pub absolute: Option<f64>,
    /// Of the relative difference.
    pub relative: Option<f64>,
    /// Of the distance in units in the last place.
    pub ulp: Option<u64>,
}

/// A value that is told: an integer stays one, however wide.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Told {
    /// Of single or double precision.
    Float(f64),
    /// Of any type of integers.
    Integer(i128),
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(v) => write!(f, "{v:e}"),
            Self::Integer(v) => write!(f, "{v}"),
        }
    }
}

/// The largest difference of a kind and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extreme {
    /// How large.
    pub size: f64,
    /// The cell, counted in C order; the first of several.
    pub at: u64,
    /// The value in the first field.
    pub a: Told,
    /// The value in the second.
    pub b: Told,
}

/// How far two fields differ, as far as has been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// Cells that were compared.
    pub cells: u64,
    /// Cells that are not the same, those missing in one field among them.
    pub differing: u64,
    /// Cells that differ by more than is tolerated, those missing in one field among them.
    pub beyond: u64,
    /// Cells missing in the first field only.
    pub missing_in_a: u64,
    /// Cells missing in the second field only.
    pub missing_in_b: u64,
    /// Cells of opposite sign.
    pub signs: u64,
    /// Cells that are zero in one field only.
    pub zeros: u64,
    /// The first cell that differs.
    pub first: Option<u64>,
    /// The largest absolute difference.
    pub absolute: Option<Extreme>,
    /// The largest relative difference.
    pub relative: Option<Extreme>,
    /// The largest distance in units in the last place.
    pub ulp: Option<Extreme>,
}

/// One number.
trait Value: Copy {
    fn value(self) -> f64;
    fn told(self) -> Told {
        Told::Float(self.value())
    }
}

/// One number, and how it differs from one of the other field.
trait Number<B = Self>: Value {
    fn same(self, other: B) -> bool;
    fn steps(self, other: B) -> u64;
    fn distance(self, other: B) -> f64;
}

impl Value for f32 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f32 {
    fn same(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }
    fn steps(self, other: Self) -> u64 {
        let ordered = |v: f32| {
            let magnitude = i64::from(v.to_bits() & 0x7fff_ffff);
            if v.is_sign_negative() {
                -magnitude
            } else {
                magnitude
            }
        };
        ordered(self).abs_diff(ordered(other))
    }
    fn distance(self, other: Self) -> f64 {
        // Exact in double precision, but for numbers that are worlds apart.
        self.value().distance(other.value())
    }
}

impl Value for f64 {
    fn value(self) -> f64 {
        self
    }
}

impl Number for f64 {
    fn same(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }
    fn steps(self, other: Self) -> u64 {
        let ordered = |v: f64| {
            let magnitude = i128::from(v.to_bits() & (u64::MAX >> 1));
            if v.is_sign_negative() {
                -magnitude
            } else {
                magnitude
            }
        };
        u64::try_from(ordered(self).abs_diff(ordered(other))).unwrap_or(u64::MAX)
    }
    fn distance(self, other: Self) -> f64 {
        // Two infinities of one sign are no distance apart.
        if self == other {
            0.0
        } else {
            (self - other).abs()
        }
    }
}

impl Value for i128 {
    fn value(self) -> f64 {
        self as f64
    }
    fn told(self) -> Told {
        Told::Integer(self)
    }
}

impl Number for i128 {
    fn same(self, other: Self) -> bool {
        self == other
    }
    fn steps(self, other: Self) -> u64 {
        u64::try_from(self.abs_diff(other)).unwrap_or(u64::MAX)
    }
    fn distance(self, other: Self) -> f64 {
        self.abs_diff(other) as f64
    }
}

/// An integer and a number that may be none: as numbers, without rounding one to the other.
impl Number<f64> for i128 {
    fn same(self, other: f64) -> bool {
        // Beyond the integers that files hold, the cast ends where none of these is.
        other.fract() == 0.0 && other as Self == self
    }
    fn steps(self, other: f64) -> u64 {
        // Two that round to one number are apart all the same.
        self.value().steps(other).max(u64::from(!self.same(other)))
    }
    fn distance(self, other: f64) -> f64 {
        // 2^64, with room.
        if other.abs() < 4e19 {
            ((self - other.trunc() as Self) as f64 - other.fract()).abs()
        } else {
            (self.value() - other).abs()
        }
    }
}

impl Number<i128> for f64 {
    fn same(self, other: i128) -> bool {
        other.same(self)
    }
    fn steps(self, other: i128) -> u64 {
        other.steps(self)
    }
    fn distance(self, other: i128) -> f64 {
        other.distance(self)
    }
}

impl Differences {
    /// Counts cells that are the same bit for bit.
    pub fn add_same(&mut self, cells: usize) {
        self.cells += cells as u64;
    }

    /// Compares a piece: values and what is missing of each field, and the place of each cell of the
    /// piece among all cells, ascending. What is missing has any value.
    ///
    /// # Panics
    /// If lengths differ, or single precision meets another type.
    pub fn add(
        &mut self,
        (a, missing_a): (&Numbers, &[bool]),
        (b, missing_b): (&Numbers, &[bool]),
        place: impl Fn(usize) -> u64,
        tolerance: Tolerance,
    ) {
        let missing = (missing_a, missing_b);
        match (a, b) {
            (Numbers::F32(a), Numbers::F32(b)) => self.cells(a, b, missing, place, tolerance),
            (Numbers::F64(a), Numbers::F64(b)) => self.cells(a, b, missing, place, tolerance),
            (Numbers::Integers(a), Numbers::Integers(b)) => self.cells(a, b, missing, place, tolerance),
            (Numbers::Integers(a), Numbers::F64(b)) => self.cells(a, b, missing, place, tolerance),
            (Numbers::F64(a), Numbers::Integers(b)) => self.cells(a, b, missing, place, tolerance),
            _ => panic!("numbers of two types"),
        }
    }

    fn cells<A: Number<B>, B: Value>(
        &mut self,
        a: &[A],
        b: &[B],
        (missing_a, missing_b): (&[bool], &[bool]),
        place: impl Fn(usize) -> u64,
        tolerance: Tolerance,
    ) {
        assert!([b.len(), missing_a.len(), missing_b.len()] == [a.len(); 3], "fields of one shape");
        self.cells += a.len() as u64;
        for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
            match (missing_a[i], missing_b[i]) {
                (true, true) => {}
                (false, false) if a.same(b) => {}
                (false, false) => self.cell(a, b, place(i), tolerance),
                (in_a, in_b) => {
                    self.missing_in_a += u64::from(in_a);
                    self.missing_in_b += u64::from(in_b);
                    self.differ(place(i));
                    self.beyond += 1;
                }
            }
        }
    }

    fn differ(&mut self, at: u64) {
        self.differing += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }

    fn cell<A: Number<B>, B: Value>(&mut self, a: A, b: B, at: u64, tolerance: Tolerance) {
        self.differ(at);
        let (x, y) = (a.value(), b.value());
        let absolute = a.distance(b);
        let largest = x.abs().max(y.abs());
        let relative = match (absolute == 0.0, absolute.is_finite()) {
            (true, _) => 0.0,
            (_, true) => absolute / largest,
            _ => f64::INFINITY,
        };
        let steps = a.steps(b);
        self.signs += u64::from(x < 0.0 && y > 0.0 || x > 0.0 && y < 0.0);
        self.zeros += u64::from((x == 0.0) != (y == 0.0));
        for (kind, size) in
            [(&mut self.absolute, absolute), (&mut self.relative, relative), (&mut self.ulp, steps as f64)]
        {
            larger(kind, Some(Extreme { size, at, a: a.told(), b: b.told() }));
        }
        let within = tolerance.absolute.is_some_and(|most| absolute <= most)
            || tolerance.relative.is_some_and(|most| relative <= most)
            || tolerance.ulp.is_some_and(|most| steps <= most);
        self.beyond += u64::from(!within);
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.cells, other.cells),
            (&mut self.differing, other.differing),
            (&mut self.beyond, other.beyond),
            (&mut self.missing_in_a, other.missing_in_a),
            (&mut self.missing_in_b, other.missing_in_b),
            (&mut self.signs, other.signs),
            (&mut self.zeros, other.zeros),
        ] {
            *mine += theirs;
        }
        self.first = self.first.into_iter().chain(other.first).min();
        larger(&mut self.absolute, other.absolute);
        larger(&mut self.relative, other.relative);
        larger(&mut self.ulp, other.ulp);
    }
}

/// Keeps the larger one, the first of equals.
fn larger(mine: &mut Option<Extreme>, theirs: Option<Extreme>) {
    let Some(new) = theirs else { return };
    let wins = |old: &Extreme| new.size > old.size || new.size == old.size && new.at < old.at;
    if mine.as_ref().is_none_or(wins) {
        *mine = Some(new);
    }
}

#[cfg(test)]
mod tests;
