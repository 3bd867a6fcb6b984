//! How many threads plans reckon with. Ranks of a job may have different numbers of threads (cores
//! are shared out unevenly, a node is smaller), but what is planned from one has to be the same
//! on all ranks, or they go through different windows and wait for each other for ever.

use crate::comm::{Comm, Reduce};
use std::sync::atomic::{AtomicUsize, Ordering};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;

    #[test]
    fn all_ranks_plan_with_the_threads_of_the_rank_that_has_most() {
        assert_eq!(run_threads(3, |comm| most_of(comm, [2, 5, 1][comm.rank()])), [5; 3]);
        // Nothing is agreed in tests: the pool that is at work counts.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(for_plans), 3);
    }
}
