//! The pieces inside of a Rust program that owns MPI itself: ranks of its communicator, blocks,
//! values from one decomposition to another, halos by its own means, a field read in parallel.
//!
//! `mpirun -n 3 foreign_mpi sst.nc sst`
#![allow(unsafe_code)] // the host's communicator is handed over as it is

use halocline::core::blocks::Blocks;
use halocline::core::comm::{of_host, Extreme, RawMpi};
use halocline::core::index::IndexBox;
use halocline::prelude::*;
use mpi::traits::{AsRaw, Communicator};

fn main() -> Result<()> {
    let universe = mpi::initialize().ok_or_else(|| Error::communication("MPI was started before"))?;
    let world = universe.world();
    let raw: RawMpi = world.as_raw();
    // SAFETY: the world of MPI, which runs until `universe` is dropped at the end.
    let comm = unsafe { of_host(raw) }?;
    let done = pieces(&comm);
    // Ours is freed before MPI ends.
    drop(comm);
    if let Err(error) = &done {
        eprintln!("rank {}: {error}", world.rank());
    }
    done
}

fn pieces(comm: &Comm) -> Result<()> {
    // Rows to columns and back.
    let (rank, ranks) = (comm.rank(), comm.size());
    let part = |n: usize| n * rank / ranks..n * (rank + 1) / ranks;
    let rows = Blocks::gather(comm, &[10, 14], &IndexBox::new(vec![part(10), 0..14]))?;
    let columns = Blocks::gather(comm, &[10, 14], &IndexBox::new(vec![0..10, part(14)]))?;
    let data: Vec<f64> = part(10).flat_map(|j| (0..14).map(move |i| (100 * j + i) as f64)).collect();
    let mut turned = vec![0.0; columns.block(rank).len()];
    rows.redistribute(comm, &data, &columns, &mut turned)?;
    let expected = (0..10).flat_map(|j| part(14).map(move |i| (100 * j + i) as f64));
    if !turned.iter().copied().eq(expected) {
        return Err(Error::internal("values went astray"));
    }

    // A field, read in parallel.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file, variable] = words.as_slice() else {
        return Err(Error::usage("foreign_mpi FILE VARIABLE"));
    };
    let source = open(comm, std::slice::from_ref(file))?.source(comm, variable, &Selection::default())?;
    let dims = &source.variable().dims;
    let whole = IndexBox::whole(&source.variable().shape());
    let share = Decomposition::along(dims, &whole, 1, ranks)?.into();
    let field: Field<f64> = load(comm, &source, &share, None)?;
    let mut most = [field.data().iter().copied().filter(|x| !x.is_nan()).fold(f64::NAN, f64::max)];
    comm.all_reduce_extreme(&mut most, Extreme::Max);
    if comm.is_root() {
        println!("the greatest value of {variable} is {}", most[0]);
    }
    Ok(())
}
