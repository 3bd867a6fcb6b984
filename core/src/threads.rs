//! How many threads plans reckon with, and work that one thread does alone.
//!
//! Ranks of a job may have different numbers of threads (cores are shared out unevenly, a node is
//! smaller), but what is planned from one has to be the same on all ranks, or they go through
//! different windows and wait for each other for ever.

use crate::comm::{Comm, Reduce};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Whether this thread is not to share what it does.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// What was agreed on; 0 before that.
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Agrees on the number for plans: the most threads that the pool of any rank has, so that memory
/// is enough on each. From then on [`for_plans`] gives that number in this process.
///
/// # Collective
/// Every rank calls this, when its pool has started.
pub fn agree(comm: &Comm) {
    MOST.store(most_of(comm, rayon::current_num_threads()), Ordering::Relaxed);
}

/// # Collective
/// Every rank calls this.
fn most_of(comm: &Comm, own: usize) -> usize {
    let mut most = [own as u64];
    comm.all_reduce(&mut most, Reduce::Max);
    most[0] as usize
}

/// Threads of a rank as plans reckon with them: what all ranks agreed on, or, where nothing was
/// agreed, those of the pool of this thread.
pub fn for_plans() -> usize {
    match MOST.load(Ordering::Relaxed) {
        0 => rayon::current_num_threads(),
        most => most,
    }
}

/// Does `work` in this thread alone: what would otherwise be dealt to the pool ([`is_alone`]) is
/// done here, one thing after the other. For threads that have neighbours at the same work.
pub fn alone<R>(work: impl FnOnce() -> R) -> R {
    /// Puts back what was there, also after a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _before = Before(ALONE.replace(true));
    work()
}

/// Whether this thread is not to share what it does with the pool.
pub fn is_alone() -> bool {
    ALONE.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;

    #[test]
    fn alone_ends_with_the_work() {
        assert!(!is_alone());
        assert!(alone(|| alone(is_alone) && is_alone()));
        assert!(std::panic::catch_unwind(|| alone(|| panic!("ends"))).is_err());
        assert!(!is_alone());
    }

    #[test]
    fn all_ranks_plan_with_the_threads_of_the_rank_that_has_most() {
        assert_eq!(run_threads(3, |comm| most_of(comm, [2, 5, 1][comm.rank()])), [5; 3]);
        // Nothing is agreed in tests: the pool that is at work counts.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(for_plans), 3);
    }
}
