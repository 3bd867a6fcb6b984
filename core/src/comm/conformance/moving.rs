//! Broadcast, gathers, all-to-all, point to point.

use super::{parcel, with_and_without_cutting, Comm, Test};
use crate::comm::Reduce;
use std::time::{Duration, SystemTime};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("group_knows_itself", group_knows_itself),
    ("barrier_holds", barrier_holds),
    ("broadcast_gives_data_and_length", broadcast_gives_data_and_length),
    ("gather_reaches_the_root", gather_reaches_the_root),
    ("all_gather_reaches_everybody", all_gather_reaches_everybody),
    ("all_to_all_moves_parts", all_to_all_moves_parts),
    ("all_to_all_moves_its_own_part", all_to_all_moves_its_own_part),
    ("all_to_all_of_megabytes", all_to_all_of_megabytes),
    ("nothing_is_data_too", nothing_is_data_too),
    ("element_types_survive", element_types_survive),
    ("messages_keep_their_order", messages_keep_their_order),
    ("messages_to_oneself", messages_to_oneself),
    ("traffic_is_counted", traffic_is_counted),
];

fn group_knows_itself(comm: &Comm) {
    assert!(comm.size() >= 1 && comm.rank() < comm.size());
    assert_eq!(comm.is_root(), comm.rank() == 0);
    let ranks: Vec<usize> = comm.all_gather_v(&[comm.rank()]).concat();
    assert_eq!(ranks, (0..comm.size()).collect::<Vec<_>>());
}

fn barrier_holds(comm: &Comm) {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_millis() as i64);
    for late in 0..comm.size().min(4) {
        comm.barrier();
        if comm.rank() == late {
            std::thread::sleep(Duration::from_millis(40));
        }
        let mut last_entered = [now()];
        comm.barrier();
        let mut first_left = [now()];
        comm.all_reduce(&mut last_entered, Reduce::Max);
        comm.all_reduce(&mut first_left, Reduce::Min);
        // Clocks of nodes may differ by some milliseconds.
        assert!(first_left[0] >= last_entered[0] - 20, "a rank left before another had come");
    }
}

fn broadcast_gives_data_and_length(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for root in 0..comm.size() {
            let expected: Vec<f64> = (0..root * 37 + 20).map(|i| i as f64 + root as f64 / 8.0).collect();
            let mut data = if comm.rank() == root { expected.clone() } else { vec![-1.0; comm.rank() * 50] };
            comm.broadcast(&mut data, root);
            assert_eq!(data, expected);
        }
    });
}

pub(super) fn gather_reaches_the_root(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for root in (0..comm.size()).take(5) {
            let gathered = comm.gather_v(&parcel(comm.rank(), root), root);
            assert_eq!(gathered.is_some(), comm.rank() == root);
            if let Some(parts) = gathered {
                let expected: Vec<_> = (0..comm.size()).map(|from| parcel(from, root)).collect();
                assert_eq!(parts, expected);
            }
        }
    });
}

fn all_gather_reaches_everybody(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for shift in 0..3 {
            let expected: Vec<_> = (0..comm.size()).map(|from| parcel(from, shift)).collect();
            assert_eq!(comm.all_gather_v(&parcel(comm.rank(), shift)), expected);
        }
    });
}

pub(super) fn all_to_all_moves_parts(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        let parts = (0..comm.size()).map(|to| parcel(comm.rank(), to)).collect();
        let expected: Vec<_> = (0..comm.size()).map(|from| parcel(from, comm.rank())).collect();
        assert_eq!(comm.all_to_all_v(parts), expected);
        // The same between buffers.
        let parts: Vec<_> = (0..comm.size()).map(|to| parcel(comm.rank(), to)).collect();
        let mut buffers: Vec<_> = expected.iter().map(|part| vec![0; part.len()]).collect();
        let outgoing: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let mut incoming: Vec<_> = buffers.iter_mut().map(Vec::as_mut_slice).collect();
        comm.all_to_all_into(&outgoing, &mut incoming);
        assert_eq!(buffers, expected);
    });
}

fn all_to_all_moves_its_own_part(comm: &Comm) {
    let parts: Vec<Vec<u8>> = (0..comm.size()).map(|to| vec![to as u8; 3]).collect();
    let address = parts[comm.rank()].as_ptr();
    let received = comm.all_to_all_v(parts);
    assert_eq!(received[comm.rank()].as_ptr(), address, "the own part was copied");
}

fn all_to_all_of_megabytes(comm: &Comm) {
    // Far beyond what a library buffers: a send that waits for its receive would never return.
    let len = (3 << 20) / comm.size();
    let value = |from: usize, to: usize, i: usize| (from << 40 | to << 32 | i) as u64;
    for comm in [comm.clone(), comm.with_message_limit(1 << 16)] {
        let parts =
            (0..comm.size()).map(|to| (0..len).map(|i| value(comm.rank(), to, i)).collect()).collect();
        for (from, part) in comm.all_to_all_v(parts).into_iter().enumerate() {
            assert_eq!(part.len(), len);
            assert!(part.iter().enumerate().all(|(i, &x)| x == value(from, comm.rank(), i)));
        }
    }
}

fn nothing_is_data_too(comm: &Comm) {
    let nothing: Vec<Vec<f32>> = vec![Vec::new(); comm.size()];
    assert_eq!(comm.all_gather_v::<f32>(&[]), nothing);
    assert_eq!(comm.all_to_all_v(nothing.clone()), nothing);
    assert_eq!(comm.gather_v::<f32>(&[], 0), comm.is_root().then_some(nothing));
    let mut data: Vec<i64> = if comm.is_root() { Vec::new() } else { vec![1, 2] };
    comm.broadcast(&mut data, 0);
    assert!(data.is_empty());
    let (last, rank) = (comm.size() - 1, comm.rank());
    if rank == 0 {
        comm.send::<u16>(&[], last, 0);
    }
    if rank == last {
        assert!(comm.recv::<u16>(0, 0).is_empty());
    }
    // Elements without bytes still have a number.
    let units: Vec<usize> = comm.all_gather_v(&vec![(); rank]).iter().map(Vec::len).collect();
    assert_eq!(units, (0..comm.size()).collect::<Vec<_>>());
}

fn element_types_survive(comm: &Comm) {
    // Bits of NaNs and signed zeros, odd sizes, arrays.
    let singles = [f32::from_bits(0x7fc0_1234), -0.0, f32::MIN_POSITIVE / 2.0];
    for part in comm.all_gather_v(&singles) {
        assert!(part.iter().zip(singles).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    with_and_without_cutting(comm, |comm| {
        let triples = [[1_u8, 2, 3], [4, 5, comm.rank() as u8]];
        for (from, part) in comm.all_gather_v(&triples).into_iter().enumerate() {
            assert_eq!(part, [[1, 2, 3], [4, 5, from as u8]]);
        }
        let mut wide = vec![[u64::MAX, comm.rank() as u64]; 9];
        comm.broadcast(&mut wide, comm.size() - 1);
        assert_eq!(wide, [[u64::MAX, comm.size() as u64 - 1]; 9]);
    });
}

fn messages_keep_their_order(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        let (rank, size) = (comm.rank(), comm.size());
        // Round the ring; rank 0 sends first and receives last, so that nobody waits for ever.
        let send = || {
            for tag in [3, Comm::TAG_LIMIT - 1, 3] {
                comm.send(&[rank as i64, i64::from(tag), 1], (rank + 1) % size, tag);
            }
            comm.send(&vec![rank as f64; 100], (rank + 1) % size, 3);
        };
        let receive = || {
            let from = (rank + size - 1) % size;
            for tag in [3, Comm::TAG_LIMIT - 1, 3] {
                assert_eq!(comm.recv::<i64>(from, tag), [from as i64, i64::from(tag), 1]);
            }
            assert_eq!(comm.recv::<f64>(from, 3), vec![from as f64; 100]);
        };
        if rank == 0 {
            send();
            receive();
        } else {
            receive();
            send();
        }
    });
}

fn messages_to_oneself(comm: &Comm) {
    let rank = comm.rank();
    // As large as a blocking send would choke on.
    let large = vec![rank as f64; 200_000];
    comm.send(&large, rank, 1);
    comm.send(&[1_u8], rank, 2);
    comm.send(&[2_u8], rank, 1);
    assert_eq!(comm.recv::<u8>(rank, 2), [1]);
    assert_eq!(comm.recv::<f64>(rank, 1), large);
    assert_eq!(comm.recv::<u8>(rank, 1), [2]);
}

fn traffic_is_counted(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let cost = |action: &dyn Fn(&Comm), comm: &Comm| {
        let before = comm.traffic();
        action(comm);
        let after = comm.traffic();
        (after.messages - before.messages, after.bytes - before.bytes)
    };
    let limited = comm.with_message_limit(64);
    let shared = |n: u64| if size > 1 { n } else { 0 };
    let barrier = cost(&|comm| comm.barrier(), comm);
    assert_eq!(barrier, (shared(1), 0));
    // 100 bytes to the next rank only: lengths, then two pieces.
    let next = (rank + 1) % size;
    let to_next = |comm: &Comm| {
        let parts = (0..size).map(|to| vec![7_u8; if to == next { 100 } else { 0 }]).collect();
        comm.all_to_all_v(parts);
    };
    let lengths = (shared(1), shared(8 * size as u64));
    let moved = if next == rank { (0, 0) } else { (2, 100) };
    assert_eq!(cost(&to_next, &limited), (lengths.0 + moved.0, lengths.1 + moved.1));
    let none = |comm: &Comm| drop(comm.all_to_all_v(vec![Vec::<f64>::new(); size]));
    assert_eq!(cost(&none, comm), lengths, "empty parts cost messages");
    assert_eq!(cost(&|comm| drop(comm.agree(Ok(()))), comm), (shared(1), shared(8)));
}
