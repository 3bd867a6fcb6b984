//! Groups of groups.

use super::{with_and_without_cutting, Comm, Test};
use crate::comm::Reduce;
use crate::Error;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("split_makes_uneven_groups", split_makes_uneven_groups),
    ("split_orders_by_key_then_rank", split_orders_by_key_then_rank),
    ("split_takes_any_color_and_key", split_takes_any_color_and_key),
    ("split_leaves_ranks_out", split_leaves_ranks_out),
    ("groups_do_not_hear_each_other", groups_do_not_hear_each_other),
    ("groups_split_again", groups_split_again),
    ("groups_name_ranks_of_the_world", groups_name_ranks_of_the_world),
    ("groups_share_one_count_of_traffic", groups_share_one_count_of_traffic),
];

fn split_makes_uneven_groups(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        // Rank 0 alone, all others together.
        let others = comm.rank() > 0;
        let group = comm.split(Some(u32::from(others)), 0).expect("a group");
        let (rank, size) = if others { (comm.rank() - 1, comm.size() - 1) } else { (0, 1) };
        assert_eq!((group.rank(), group.size()), (rank, size));
        let members = group.all_gather_v(&[comm.rank()]).concat();
        let expected: Vec<usize> = if others { (1..comm.size()).collect() } else { vec![0] };
        assert_eq!(members, expected);
        let parts = (0..size).map(|to| super::parcel(rank, to)).collect();
        let expected: Vec<_> = (0..size).map(|from| super::parcel(from, rank)).collect();
        assert_eq!(group.all_to_all_v(parts), expected);
    });
}

fn split_orders_by_key_then_rank(comm: &Comm) {
    let reversed = comm.split(Some(5), -(comm.rank() as i64)).expect("a group");
    assert_eq!(reversed.rank(), comm.size() - 1 - comm.rank());
    let mut first = vec![comm.rank()];
    reversed.broadcast(&mut first, 0);
    assert_eq!(first, [comm.size() - 1]);
    let same = comm.split(Some(5), 7).expect("a group");
    assert_eq!(same.rank(), comm.rank());
    // Odd ranks first, each half in the old order.
    let odd = comm.rank() % 2;
    let halves = comm.split(Some(0), 1 - odd as i64).expect("a group");
    let odds = comm.size() / 2;
    assert_eq!(halves.rank(), if odd == 1 { comm.rank() / 2 } else { odds + comm.rank() / 2 });
}

fn split_takes_any_color_and_key(comm: &Comm) {
    let color = if comm.rank() == 0 { u32::MAX } else { u32::MAX - 1 };
    let key = if comm.rank() == comm.size() - 1 { i64::MIN } else { i64::MAX };
    let group = comm.split(Some(color), key).expect("a group");
    let size = if comm.rank() == 0 { 1 } else { comm.size() - 1 };
    assert_eq!(group.size(), size);
    if comm.rank() > 0 {
        assert_eq!(group.rank(), comm.rank() % (comm.size() - 1));
    }
}

fn split_leaves_ranks_out(comm: &Comm) {
    let joins = comm.rank() % 2 == 0;
    let group = comm.split(joins.then_some(0), 0);
    assert_eq!(group.is_some(), joins);
    if let Some(group) = group {
        assert_eq!(group.size(), comm.size().div_ceil(2));
        assert_eq!(group.rank(), comm.rank() / 2);
        group.barrier();
    }
    assert!(comm.split(None, 0).is_none());
}

fn groups_do_not_hear_each_other(comm: &Comm) {
    let group = comm.split(Some(0), 0).expect("a group");
    let (rank, size) = (comm.rank(), comm.size());
    // The same partner and tag in both, received in the other order than sent.
    if rank == 0 {
        comm.send(&[1_u8], size - 1, 4);
        group.send(&[2_u8], size - 1, 4);
    }
    if rank == size - 1 {
        assert_eq!(group.recv::<u8>(0, 4), [2]);
        assert_eq!(comm.recv::<u8>(0, 4), [1]);
    }
    // A clone is the same group.
    let clone = comm.clone();
    if rank == 0 {
        comm.send(&[3_u8], size - 1, 4);
    }
    if rank == size - 1 {
        assert_eq!(clone.recv::<u8>(0, 4), [3]);
    }
    clone.barrier();
}

fn groups_split_again(comm: &Comm) {
    let mut group = comm.clone();
    let mut sizes = 0;
    // Halves of halves, while others may be done already.
    while group.size() > 1 {
        let upper = group.rank() >= group.size() / 2;
        let half = group.split(Some(u32::from(upper)), 0).expect("a group");
        let mut sum = [1_u64];
        half.all_reduce(&mut sum, Reduce::Sum);
        assert_eq!(sum[0] as usize, half.size());
        assert_eq!(half.size(), if upper { group.size().div_ceil(2) } else { group.size() / 2 });
        sizes += half.size();
        group = half;
    }
    assert!(sizes < 2 * comm.size());
    comm.barrier();
}

fn groups_name_ranks_of_the_world(comm: &Comm) {
    // Rank 0 of the group is the last of the world.
    let group = comm.split(Some(0), -(comm.rank() as i64)).expect("a group");
    let error = group.on_root::<()>(|| Err(Error::data("no"))).expect_err("fails");
    assert_eq!(error.rank, Some(comm.size() - 1));
    let mine = if group.is_root() { Err(Error::data("no")) } else { Ok(()) };
    assert_eq!(group.agree(mine).expect_err("fails").rank, Some(comm.size() - 1));
}

fn groups_share_one_count_of_traffic(comm: &Comm) {
    let group = comm.split(Some(0), 0).expect("a group");
    let before = comm.traffic();
    assert_eq!(group.traffic(), before);
    group.barrier();
    assert_eq!(group.traffic(), comm.traffic());
    if comm.size() > 1 {
        assert_eq!(comm.traffic().messages, before.messages + 1);
    }
}
