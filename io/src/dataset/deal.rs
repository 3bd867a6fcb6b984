//! Work on many files, dealt to ranks and threads.

use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pieces of work that are done before their results are put away: more would only take memory.
const BATCH: usize = 256;

/// What came of dealt work, on rank 0.
#[derive(Debug)]
pub(crate) struct Dealt<A> {
    /// What each rank gathered, in the order of the work.
    pub(crate) shares: Vec<A>,
    /// The first piece of work that failed, if any did, whoever did it and when.
    pub(crate) failed: Option<(usize, Error)>,
}

/// Does `work` for `0..count`: a contiguous share on every rank, in its threads. Each rank puts
/// its results away with `keep`, in order. `Some` on rank 0.
///
/// # Collective
/// Every rank calls this with the same `count`; `work` must not be collective.
pub(crate) fn deal<T, A>(
    comm: &Comm,
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
    keep: impl Fn(&mut A, T),
) -> Option<Dealt<A>>
where
    T: Send,
    A: Default + Serialize + DeserializeOwned,
{
    let (size, rank) = (comm.size(), comm.rank());
    let share = count * rank / size..count * (rank + 1) / size;
    let (gathered, failed) = in_threads(share, work, keep);
    if size == 1 {
        return Some(Dealt { shares: vec![gathered], failed });
    }
    let mine = postcard::to_stdvec(&(gathered, failed)).unwrap_or_default();
    let all = comm.gather_v(&mine, 0)?;
    let mut dealt = Dealt { shares: Vec::with_capacity(size), failed: None };
    for (rank, bytes) in all.iter().enumerate() {
        let (gathered, failed) = postcard::from_bytes(bytes).unwrap_or_else(|reason| {
            let error = Error::internal(format!("what rank {rank} found can't be unpacked: {reason}"));
            (A::default(), Some((count * rank / size, error)))
        });
        dealt.shares.push(gathered);
        // Shares follow one another, so the first rank that failed failed first.
        dealt.failed = dealt.failed.or(failed);
    }
    Some(dealt)
}

/// The share of one rank. The failure given is that of the lowest number: what comes after a
/// failure may be left out, what comes before is always done.
fn in_threads<T: Send, A: Default>(
    share: Range<usize>,
    work: impl Fn(usize) -> Result<T> + Sync,
    keep: impl Fn(&mut A, T),
) -> (A, Option<(usize, Error)>) {
    let mut gathered = A::default();
    let lowest = AtomicUsize::new(usize::MAX);
    let attempt = |i: usize| {
        if i > lowest.load(Ordering::Relaxed) {
            return None;
        }
        let done = work(i);
        if done.is_err() {
            lowest.fetch_min(i, Ordering::Relaxed);
        }
        Some(done)
    };
    for start in share.clone().step_by(BATCH) {
        let batch = start..(start + BATCH).min(share.end);
        let done: Vec<_> = batch.clone().into_par_iter().with_max_len(1).map(attempt).collect();
        for (i, done) in batch.zip(done) {
            match done {
                Some(Ok(value)) => keep(&mut gathered, value),
                Some(Err(error)) => return (gathered, Some((i, error))),
                // Left out because of a failure before it, where this loop has ended.
                None => break,
            }
        }
    }
    (gathered, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::comm::run_threads;

    #[test]
    fn in_order_and_the_first_failure_on_any_ranks() {
        for ranks in 1..=4 {
            for (count, bad) in
                [(0, vec![]), (1, vec![]), (700, vec![]), (700, vec![350, 351, 699]), (3, vec![2])]
            {
                let found = run_threads(ranks, |comm| {
                    let work = |i: usize| {
                        if bad.contains(&i) {
                            Err(Error::data(format!("{i} is bad")))
                        } else {
                            Ok(i * i)
                        }
                    };
                    deal(comm, count, work, Vec::push).map(|d| (d.shares.concat(), d.failed))
                });
                assert!(found[1..].iter().all(Option::is_none));
                let (squares, failed) = found[0].as_ref().unwrap();
                assert_eq!(
                    failed.as_ref().map(|(i, e)| (*i, e.message.clone())),
                    bad.first().map(|&i| (i, format!("{i} is bad")))
                );
                if failed.is_none() {
                    assert_eq!(*squares, (0..count).map(|i| i * i).collect::<Vec<_>>());
                }
            }
        }
    }
}
