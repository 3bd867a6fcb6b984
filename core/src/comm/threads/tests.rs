//! A rank that fails takes its group with it; nothing hangs.

use super::run_threads;
use crate::comm::{Comm, Reduce};
use crate::Result;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The message of the panic that `run_threads` passes on.
fn panic_of(ranks: usize, body: impl Fn(&Comm) + Sync) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| run_threads(ranks, body))).expect_err("a panic");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|&s| s.to_owned()))
        .expect("a message: the panic of a rank that fails by itself")
}

#[test]
fn ranks_return_in_order() {
    assert_eq!(run_threads(4, |comm| comm.rank() * 10 + comm.size()), [4, 14, 24, 34]);
}

#[test]
fn a_failing_rank_ends_those_who_wait() {
    let waits: [fn(&Comm); 8] = [
        Comm::barrier,
        |comm| drop(comm.recv::<u8>((comm.rank() + 1) % 4, 1)),
        |comm| drop(comm.all_to_all_v(vec![vec![1_u8]; 4])),
        |comm| drop(comm.all_gather_v(&[1_u8])),
        |comm| comm.all_reduce(&mut [1_u64], Reduce::Sum),
        |comm| comm.broadcast(&mut vec![1_u8], 2),
        |comm| drop(comm.agree(Ok(()))),
        |comm| drop(comm.split(Some(0), 0)),
    ];
    for wait in waits {
        let message = panic_of(4, |comm| {
            assert!(comm.rank() != 2, "the first failure");
            loop {
                wait(comm);
            }
        });
        assert!(message.contains("the first failure"), "{message}");
    }
}

#[test]
fn a_failing_rank_ends_other_groups_too() {
    // Ranks 2 and 3 never talk to the failing one again.
    let message = panic_of(4, |comm| {
        let half = comm.split(Some(comm.rank() as u32 / 2), 0).expect("a group");
        assert!(comm.rank() != 0, "rank 0 fails");
        loop {
            half.barrier();
        }
    });
    assert!(message.contains("rank 0 fails"), "{message}");
}

#[test]
fn a_panic_on_root_reaches_all() {
    let message = panic_of(3, |comm| {
        let _: Result<u8> = comm.on_root(|| panic!("root is lost"));
    });
    assert_eq!(message, "root is lost");
}

#[test]
fn nobody_waits_for_a_rank_that_has_returned() {
    let message = panic_of(3, |comm| {
        if comm.rank() != 1 {
            comm.barrier();
        }
    });
    assert!(message.contains("waits for rank 1, which has returned"), "{message}");
}

#[test]
fn what_was_sent_before_returning_arrives() {
    let received = run_threads(2, |comm| {
        if comm.is_root() {
            comm.send(&[1.5, 2.5], 1, 0);
            Vec::new()
        } else {
            std::thread::sleep(std::time::Duration::from_millis(30));
            comm.recv::<f64>(0, 0)
        }
    });
    assert_eq!(received, [vec![], vec![1.5, 2.5]]);
}

#[test]
fn ranks_that_all_wait_are_told_so() {
    let message = panic_of(2, |comm| {
        if comm.is_root() {
            comm.barrier();
        } else {
            comm.broadcast(&mut vec![0_u8], 0);
        }
    });
    assert_eq!(message, "no rank can go on: rank 0 is in a barrier, rank 1 is in a broadcast");
    let message = panic_of(3, |comm| drop(comm.recv::<u8>((comm.rank() + 1) % 3, 8)));
    assert!(message.contains("rank 2 is in a receive of tag 8"), "{message}");
}

#[test]
fn misuse_has_a_clear_message() {
    for (body, part) in [
        ((|comm| comm.send(&[1_u8], 2, 0)) as fn(&Comm), "rank 2 is not in a group of 2"),
        (|comm| comm.send(&[1_u8], 0, Comm::TAG_LIMIT), "tag 32767 is not below 32767"),
        (|comm| drop(comm.all_to_all_v::<u8>(vec![])), "0 parts for 2 ranks"),
        (|comm| drop(comm.recv::<u8>(comm.rank(), 0)), "a message to itself with tag 0, but sent none"),
        (
            |comm| {
                comm.send(&[1_u8], comm.rank(), 0);
                drop(comm.recv::<f64>(comm.rank(), 0));
            },
            "elements of 1 bytes with tag 0 where 8 bytes",
        ),
        (|comm| comm.all_reduce(&mut vec![1_i64; comm.rank() + 1], Reduce::Sum), "bytes from rank"),
    ] {
        let message = panic_of(2, body);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn runs_do_not_disturb_each_other() {
    let sums = run_threads(2, |outer| {
        let inner = run_threads(3, |comm| {
            let mut sum = [comm.rank() as u64 + 1];
            comm.all_reduce(&mut sum, Reduce::Sum);
            sum[0]
        });
        let mut sum = [inner[0]];
        outer.all_reduce(&mut sum, Reduce::Sum);
        sum[0]
    });
    assert_eq!(sums, [12, 12]);
}
