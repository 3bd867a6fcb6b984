//! SPMD tests: each body runs on every rank of a group.
//!
//! Started plainly, the groups are 1 to 5 ranks that are threads of this process; started by
//! `mpirun -n N`, the group is MPI's world. The last line is `N passed, N failed`.

mod checkpoint;
mod engine;
mod eof;
mod fft;
mod fields;
mod halos;
mod output;
mod shared;
mod sphere;
mod stream;
mod together;

use halocline_core::comm::{conformance, run_threads, Comm, Launch, MpiMode, World};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::ExitCode;

/// A test: its name and what every rank does.
type Test = (&'static str, fn(&Comm));

fn main() -> ExitCode {
    // As with other test binaries, a word chooses the tests whose names hold it.
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let tests: Vec<Test> = conformance::all()
        .into_iter()
        .chain(fields::all())
        .chain(halos::all())
        .chain(engine::all())
        .chain(checkpoint::all())
        .chain(eof::all())
        .chain(fft::all())
        .chain(sphere::all())
        .chain(output::all())
        .chain(stream::all())
        .chain(together::all())
        .chain(shared::all())
        .filter(|(name, _)| name.contains(&word))
        .collect();
    if Launch::detect().is_launched() {
        under_mpi(&tests)
    } else {
        on_threads(&tests)
    }
}

fn under_mpi(tests: &[Test]) -> ExitCode {
    let world = match World::start(MpiMode::Auto) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let comm = world.comm();
    for (name, body) in tests {
        if catch_unwind(AssertUnwindSafe(|| body(&comm))).is_err() {
            eprintln!("FAILED {name} on rank {} of {}", comm.rank(), comm.size());
            // The other ranks may wait for this one.
            comm.abort(1);
        }
        comm.barrier();
        if comm.is_root() {
            println!("ok {name} ({} MPI ranks)", comm.size());
        }
    }
    if comm.is_root() {
        println!("{} passed, 0 failed", tests.len());
    }
    ExitCode::SUCCESS
}

fn on_threads(tests: &[Test]) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for (name, body) in tests {
        for ranks in 1..=5 {
            if catch_unwind(AssertUnwindSafe(|| run_threads(ranks, |comm: &Comm| body(comm)))).is_ok() {
                passed += 1;
            } else {
                failed += 1;
                println!("FAILED {name} on {ranks} thread ranks");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
