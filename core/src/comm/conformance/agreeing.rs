//! Shared values and errors.

use super::{with_and_without_cutting, Comm, Test};
use crate::{Error, ErrorKind, Result};
use std::collections::BTreeMap;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("values_are_broadcast", values_are_broadcast),
    ("a_missing_value_fails_everywhere", a_missing_value_fails_everywhere),
    ("all_is_well_when_all_are_well", all_is_well_when_all_are_well),
    ("one_rank_fails", one_rank_fails),
    ("several_ranks_fail", several_ranks_fail),
    ("an_agreed_error_keeps_its_rank", an_agreed_error_keeps_its_rank),
    ("root_works_for_all", root_works_for_all),
    ("root_fails_for_all", root_fails_for_all),
    ("values_that_cannot_travel_fail_everywhere", values_that_cannot_travel_fail_everywhere),
];

/// An error with all it can carry.
fn trouble(rank: usize) -> Error {
    Error::data(format!("rank {rank} met\ntrouble")).in_file("a.nc").in_variable("tos").remedy("look")
}

/// It, as everybody gets it.
fn agreed(rank: usize) -> Error {
    Error { rank: Some(rank), ..trouble(rank) }
}

fn values_are_broadcast(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for root in 0..comm.size() {
            let value: BTreeMap<String, Vec<Option<f64>>> =
                [("thetao".to_owned(), vec![Some(root as f64), None]), (String::new(), Vec::new())].into();
            let mine = (comm.rank() == root).then(|| value.clone());
            assert_eq!(comm.broadcast_value(mine, root), Ok(value));
            // What others give is dropped.
            assert_eq!(comm.broadcast_value(Some(comm.rank()), root), Ok(root));
        }
    });
}

fn a_missing_value_fails_everywhere(comm: &Comm) {
    for root in 0..comm.size() {
        let result: Result<u8> = comm.broadcast_value((comm.rank() != root).then_some(1), root);
        let error = result.expect_err("no value");
        assert_eq!((error.kind, error.rank), (ErrorKind::Internal, Some(root)));
    }
}

/// Can't be copied or sent: `agree` must not ask for that.
#[derive(Debug, PartialEq)]
struct Precious(usize);

fn all_is_well_when_all_are_well(comm: &Comm) {
    assert_eq!(comm.agree(Ok(Precious(comm.rank()))), Ok(Precious(comm.rank())));
}

fn one_rank_fails(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        for failing in 0..comm.size() {
            let mine = if comm.rank() == failing { Err(trouble(failing)) } else { Ok(Precious(1)) };
            assert_eq!(comm.agree(mine), Err(agreed(failing)));
        }
    });
}

fn several_ranks_fail(comm: &Comm) {
    for lowest in 0..comm.size() {
        let mine: Result<()> = if comm.rank() >= lowest { Err(trouble(comm.rank())) } else { Ok(()) };
        assert_eq!(comm.agree(mine), Err(agreed(lowest)));
    }
}

fn an_agreed_error_keeps_its_rank(comm: &Comm) {
    let last = comm.size() - 1;
    let first = comm.agree(if comm.rank() == last { Err(trouble(last)) } else { Ok(()) });
    assert_eq!(comm.agree(first), Err(agreed(last)));
}

fn root_works_for_all(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        let calls = std::cell::Cell::new(0_i64);
        let value = comm.on_root(|| {
            calls.set(calls.get() + 1);
            Ok((comm.rank(), "metadata ".repeat(30)))
        });
        assert_eq!(value, Ok((0, "metadata ".repeat(30))));
        assert_eq!(calls.get(), i64::from(comm.is_root()));
    });
}

fn root_fails_for_all(comm: &Comm) {
    with_and_without_cutting(comm, |comm| {
        assert_eq!(comm.on_root::<Vec<u8>>(|| Err(trouble(0))), Err(agreed(0)));
    });
}

/// Serialises, but does not come back.
#[derive(Debug)]
struct Lost;

impl serde::Serialize for Lost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> serde::Deserialize<'de> for Lost {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(serde::de::Error::custom("lost"))
    }
}

fn values_that_cannot_travel_fail_everywhere(comm: &Comm) {
    if comm.size() == 1 {
        return;
    }
    // On the root too: it must not go on alone.
    let error = comm.on_root(|| Ok(Lost)).expect_err("lost");
    assert_eq!((error.kind, error.rank), (ErrorKind::Internal, Some(0)));
}
