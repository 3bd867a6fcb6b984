//! What each call sends is what its formula says.

use super::super::{Comm, Formula, Reduce};
use super::{with_and_without_cutting, Test};

pub(super) const TESTS: &[(&str, Test)] =
    &[("each_call_comes_to_its_formula", each_call_comes_to_its_formula)];

/// A length that differs from rank to rank, nothing among them.
fn len(rank: usize) -> usize {
    rank * 7 % 5 * 3
}

type Call = (&'static str, fn(&Comm), fn(&mut Formula));

const CALLS: [Call; 10] = [
    ("barrier", |c| c.barrier(), Formula::barrier),
    ("all_reduce", |c| c.all_reduce(&mut [1u64; 9], Reduce::Max), |f| f.all_reduce(9)),
    ("agree", |c| c.agree(Ok(())).expect("agrees"), Formula::agree),
    (
        "broadcast",
        |c| c.broadcast(&mut vec![1u32; if c.rank() == c.size() - 1 { 33 } else { 2 }], c.size() - 1),
        |f| f.broadcast(f.ranks() - 1, 4 * 33),
    ),
    (
        "all_gather_v",
        |c| drop(c.all_gather_v(&vec![1.0f64; len(c.rank())])),
        |f| f.all_gather_v(&(0..f.ranks()).map(|r| 8 * len(r)).collect::<Vec<_>>()),
    ),
    ("all_gather_v of nothing", |c| drop(c.all_gather_v::<u8>(&[])), |f| f.all_gather_v(&[0])),
    (
        "gather_v",
        |c| drop(c.gather_v(&vec![1.0f64; len(c.rank())], 0)),
        |f| f.gather_v(0, &(0..f.ranks()).map(|r| 8 * len(r)).collect::<Vec<_>>()),
    ),
    (
        "all_to_all_v",
        |c| drop(c.all_to_all_v((0..c.size()).map(|to| vec![1u16; len(c.rank() + to)]).collect())),
        |f| {
            let n = f.ranks();
            f.all_to_all_v((0..n * n).map(|k| (k / n, k % n, 2 * len(k / n + k % n))));
        },
    ),
    (
        "all_to_all_into",
        |c| {
            let parts: Vec<Vec<u8>> = (0..c.size()).map(|to| vec![1; len(c.rank() + to)]).collect();
            let mut rooms = parts.clone();
            let mut incoming: Vec<&mut [u8]> = rooms.iter_mut().map(Vec::as_mut_slice).collect();
            c.all_to_all_into(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut incoming);
        },
        |f| {
            let n = f.ranks();
            f.all_to_all_into((0..n * n).map(|k| (k / n, k % n, len(k / n + k % n))));
        },
    ),
    (
        "send",
        |c| {
            // Around a circle; not all may wait for their message to be received.
            let (next, last) = ((c.rank() + 1) % c.size(), (c.rank() + c.size() - 1) % c.size());
            if c.rank() % 2 == 1 {
                let _: Vec<u64> = c.recv(last, 3);
            }
            c.send(&vec![1u64; len(c.rank())], next, 3);
            if c.rank() % 2 == 0 {
                let _: Vec<u64> = c.recv(last, 3);
            }
        },
        |f| (0..f.ranks()).for_each(|rank| f.send(rank, 8 * len(rank))),
    ),
];

pub(super) fn each_call_comes_to_its_formula(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for (name, call, formula) in CALLS {
            let before = comm.traffic();
            call(comm);
            let sent = comm.traffic() - before;
            let mut foreseen = Formula::of(comm);
            formula(&mut foreseen);
            assert_eq!(sent, foreseen.rank(comm.rank()), "{name} on {}", comm.size());
            let all: u64 = (0..comm.size()).map(|rank| foreseen.rank(rank).bytes).sum();
            assert_eq!(all, foreseen.total().bytes, "{name} on {}", comm.size());
        }
    });
}
