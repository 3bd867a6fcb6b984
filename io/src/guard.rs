//! Panics of the NetCDF crate on damaged files, kept from ending the program.

use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is where a panic is caught and becomes an error.
///
/// The NetCDF crate panics on some damaged files. A panic in here is caught and becomes an
/// error; a panic hook should stay silent.
pub fn is_guarded() -> bool {
    // A hook may run while the thread ends.
    GUARDED.try_with(Cell::get).unwrap_or(false)
}

/// What `work` gives; `None` if it panics.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_inside_only() {
        assert!(!is_guarded());
        assert_eq!(guarded(|| (guarded(is_guarded), is_guarded())), Some((Some(true), true)));
        assert_eq!(guarded(|| assert!(!is_guarded(), "expected by the test")), None);
        assert!(!is_guarded());
    }
}
