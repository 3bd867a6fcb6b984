//! Ranks of a program that is not ours: it started MPI, and it will end it.
#![allow(unsafe_code)]

use super::mpi::MpiComm;
use super::{Comm, RawMpi};
use crate::Result;

/// The ranks of a communicator of the host program, as a group of ours. The communicator is
/// duplicated, so messages never meet those of the host; MPI is neither started nor ended, and the
/// host's communicator is not freed. Drop the group, and all its clones, before `MPI_Finalize`.
///
/// # Errors
/// Communication (6), if MPI is not running, or this is not the thread that started it; usage (2),
/// if the communicator is `MPI_COMM_NULL` or an inter-communicator.
///
/// # Safety
/// `raw` is a communicator of this process that has not been freed, or `MPI_COMM_NULL`.
///
/// # Collective
/// Every rank of the communicator calls this.
pub unsafe fn of_host(raw: RawMpi) -> Result<Comm> {
    MpiComm::of_host(raw).map(Comm::Mpi)
}

/// Whether the host asked MPI for `MPI_THREAD_FUNNELED` or more, so that there may be threads that
/// don't call MPI. Ask when MPI is running.
pub fn host_allows_threads() -> bool {
    MpiComm::allows_threads()
}
