//! Reductions.

use super::{with_and_without_cutting, Comm, Test};
use crate::comm::{Extreme, Reduce};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("whole_numbers_are_reduced", whole_numbers_are_reduced),
    ("large_numbers_are_large", large_numbers_are_large),
    ("sums_wrap", sums_wrap),
    ("extremes_of_floats", extremes_of_floats),
    ("extremes_treat_nan_as_missing", extremes_treat_nan_as_missing),
    ("extremes_know_signed_zeros", extremes_know_signed_zeros),
    ("nothing_is_reduced_to_nothing", nothing_is_reduced_to_nothing),
];

fn whole_numbers_are_reduced(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        let n = comm.size() as i64;
        let signed = |rank: i64| -> Vec<i64> { (0..40).map(|i| (i - 20) * (rank + 1)).collect() };
        let unsigned = |rank: u64| -> Vec<u64> { (0..40).map(|i| (i * 7 + rank * 3) % 11 + i).collect() };
        for op in [Reduce::Sum, Reduce::Min, Reduce::Max] {
            let mut data = signed(comm.rank() as i64);
            comm.all_reduce(&mut data, op);
            for (i, &x) in data.iter().enumerate() {
                let all = (0..n).map(|rank| signed(rank)[i]);
                assert_eq!(Some(x), combine(all, op));
            }
            let mut data = unsigned(comm.rank() as u64);
            comm.all_reduce(&mut data, op);
            for (i, &x) in data.iter().enumerate() {
                let all = (0..n).map(|rank| unsigned(rank as u64)[i]);
                assert_eq!(Some(x), combine(all, op));
            }
        }
    });
}

/// Some libraries take unsigned numbers beyond 2⁶³ for negative ones.
fn large_numbers_are_large(comm: &Comm) {
    let all = |rank: u64| [rank, u64::MAX - rank, (1 << 63) - rank % 2, if rank == 0 { u64::MAX } else { 7 }];
    for op in [Reduce::Min, Reduce::Max] {
        let mut data = all(comm.rank() as u64);
        comm.all_reduce(&mut data, op);
        for (i, &x) in data.iter().enumerate() {
            assert_eq!(Some(x), combine((0..comm.size() as u64).map(|rank| all(rank)[i]), op));
        }
    }
}

fn combine<N: Ord + std::ops::Add<Output = N>>(all: impl Iterator<Item = N>, op: Reduce) -> Option<N> {
    match op {
        Reduce::Sum => all.reduce(|x, y| x + y),
        Reduce::Min => all.min(),
        Reduce::Max => all.max(),
    }
}

fn sums_wrap(comm: &Comm) {
    let n = comm.size() as u64;
    let (mut unsigned, mut signed) = ([u64::MAX], [i64::MAX]);
    comm.all_reduce(&mut unsigned, Reduce::Sum);
    comm.all_reduce(&mut signed, Reduce::Sum);
    assert_eq!(unsigned[0], 0_u64.wrapping_sub(n));
    assert_eq!(signed[0], i64::MAX.wrapping_mul(n as i64));
    let mut extremes = [i64::MIN, i64::MAX, 0];
    comm.all_reduce(&mut extremes, Reduce::Min);
    assert_eq!(extremes, [i64::MIN, i64::MAX, 0]);
}

fn extremes_of_floats(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        let (rank, last) = (comm.rank() as f64, comm.size() as f64 - 1.0);
        let mine: Vec<f64> = (0..50).map(|i| f64::from(i) * (rank - 1.0)).collect();
        let (mut least, mut greatest) = (mine.clone(), mine);
        comm.all_reduce_extreme(&mut least, Extreme::Min);
        comm.all_reduce_extreme(&mut greatest, Extreme::Max);
        for i in 0..50_u8 {
            assert_eq!(least[usize::from(i)], -f64::from(i));
            assert_eq!(greatest[usize::from(i)], f64::from(i) * (last - 1.0));
        }
    });
    let mut infinite = [f64::INFINITY, f64::NEG_INFINITY, f64::MAX];
    comm.all_reduce_extreme(&mut infinite, Extreme::Max);
    assert_eq!(infinite, [f64::INFINITY, f64::NEG_INFINITY, f64::MAX]);
}

fn extremes_treat_nan_as_missing(comm: &Comm) {
    // A NaN with a payload and a sign, differing between ranks: the result has one form only.
    let odd_nan = f64::from_bits(0xfff8_0000_0000_0001 + comm.rank() as u64);
    for extreme in [Extreme::Min, Extreme::Max] {
        for lucky in 0..comm.size() {
            let value = lucky as f64 - 0.5;
            let mut data = [odd_nan, if comm.rank() == lucky { value } else { odd_nan }];
            comm.all_reduce_extreme(&mut data, extreme);
            assert_eq!(data[0].to_bits(), f64::NAN.to_bits());
            assert_eq!(data[1], value);
        }
    }
}

fn extremes_know_signed_zeros(comm: &Comm) {
    let alone = comm.size() == 1;
    let mine = if comm.rank() == 0 { 0.0 } else { -0.0 };
    let (mut least, mut greatest) = ([mine], [mine]);
    comm.all_reduce_extreme(&mut least, Extreme::Min);
    comm.all_reduce_extreme(&mut greatest, Extreme::Max);
    assert_eq!(least[0].is_sign_negative(), !alone);
    assert!(greatest[0].is_sign_positive());
}

fn nothing_is_reduced_to_nothing(comm: &Comm) {
    comm.all_reduce::<i64>(&mut [], Reduce::Sum);
    comm.all_reduce_extreme(&mut [], Extreme::Max);
}
