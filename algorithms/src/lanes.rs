//! Some neighbouring cells at once, in registers, as loops that are compiled for vectors take them.
//!
//! All of it is inlined into what is dispatched: a function of its own would be compiled for the
//! smallest vectors.

#![allow(clippy::inline_always)] // see above

/// The values of `N` cells from `at` on.
#[inline(always)]
pub(crate) fn load<T, U, const N: usize>(all: &[T], at: usize) -> [U; N]
where
    T: Copy + Into<U>,
    U: Copy + Default,
{
    // A loop, as `from_fn` is not always compiled into its caller.
    let mut some = [U::default(); N];
    for (to, from) in some.iter_mut().zip(&all[at..at + N]) {
        *to = (*from).into();
    }
    some
}

/// Those of `P` planes of so many cells, one after the other.
#[inline(always)]
pub(crate) fn load_planes<const N: usize, const P: usize>(
    all: &[f64],
    cells: usize,
    at: usize,
) -> [[f64; N]; P] {
    let mut planes = [[0.0; N]; P];
    for (p, plane) in planes.iter_mut().enumerate() {
        *plane = load(all, p * cells + at);
    }
    planes
}

/// Puts the values of `N` cells back.
#[inline(always)]
pub(crate) fn store<T: Copy, const N: usize>(all: &mut [T], at: usize, values: [T; N]) {
    all[at..at + N].copy_from_slice(&values);
}

/// Whether one of them is missing.
#[inline(always)]
pub(crate) fn any_nan<const N: usize>(values: &[f64; N]) -> bool {
    let mut any = false;
    for v in values {
        any |= v.is_nan();
    }
    any
}

/// Whether all of them are.
#[inline(always)]
pub(crate) fn all_nan<const N: usize>(values: &[f64; N]) -> bool {
    let mut all = true;
    for v in values {
        all &= v.is_nan();
    }
    all
}

/// Work that goes over cells, some at a time.
pub(crate) trait Blocks {
    /// Takes the `N` cells from `at` on.
    fn take<const N: usize>(&mut self, at: usize);

    /// Takes all of `cells`, `N` at a time, then those that remain one by one.
    #[inline(always)]
    fn over<const N: usize>(&mut self, cells: usize) {
        let mut at = 0;
        while at + N <= cells {
            self.take::<N>(at);
            at += N;
        }
        while at < cells {
            self.take::<1>(at);
            at += 1;
        }
    }
}
