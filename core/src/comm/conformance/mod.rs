//! What every backend must do, as tests that run on any group of ranks.
//!
//! One body for all: serial, threads and MPI run the same functions on 1, 2, 3… ranks, and what
//! they expect follows from rank numbers alone. A test that fails panics; the harness must then
//! end the other ranks (threads do so by themselves, under MPI call [`Comm::abort`]).

mod agreeing;
mod foreseeing;
mod grouping;
mod moving;
mod reducing;

use super::Comm;

/// A test: every rank of the group runs it.
pub type Test = fn(&Comm);

/// All tests, by name.
pub fn all() -> Vec<(&'static str, Test)> {
    [moving::TESTS, reducing::TESTS, agreeing::TESTS, grouping::TESTS, foreseeing::TESTS].concat()
}

/// The group itself, and with messages cut so small that every test needs several pieces.
fn with_and_without_cutting(comm: &Comm, test: impl Fn(&Comm)) {
    test(comm);
    test(&comm.with_message_limit(64));
    test(&comm.with_message_limit(1));
}

/// Data that tell sender, receiver and position, of a length that depends on both ranks and is
/// 0 for some.
fn parcel(from: usize, to: usize) -> Vec<i32> {
    let len = (from * 7 + to * 13) % 5 * 9;
    (0..len).map(|i| (from * 10_000 + to * 1_000 + i) as i32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::run_threads;
    use super::*;

    #[test]
    fn serial_conforms() {
        for (name, test) in all() {
            println!("{name}");
            test(&Comm::serial());
        }
    }

    #[test]
    fn threads_conform() {
        for ranks in 1..=5 {
            for (name, test) in all() {
                println!("{name} on {ranks}");
                run_threads(ranks, test);
            }
        }
    }

    #[test]
    fn windows_of_partners_conform() {
        // More ranks than partners at a time.
        run_threads(70, moving::all_to_all_moves_parts);
        run_threads(70, moving::gather_reaches_the_root);
        run_threads(70, foreseeing::each_call_comes_to_its_formula);
    }
}
