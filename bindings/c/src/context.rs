//! The ranks that the host gives. `unsafe`: raw handles of the host, exported names.
#![allow(unsafe_code)]

use crate::guard::{guard, guard_free};
use crate::pointers::{give, handle, place, put, take};
use halocline::core::comm::{host_allows_threads, of_host, threads_per_rank, RawMpi};
use halocline::prelude::*;
use std::ffi::c_int;

/// A group of ranks. One thread uses it at a time, that which called MPI_Init.
#[allow(non_camel_case_types)]
pub struct hcl_context {
    pub(crate) comm: Comm,
}

/// The library's threads are those of this process: made by the first context, kept to the end.
/// Under MPI_THREAD_SINGLE there is one, which never calls MPI.
fn threads(wanted: c_int, allowed: bool) {
    let wanted = usize::try_from(wanted).ok().filter(|&n| n > 0);
    let n = if allowed { threads_per_rank(wanted) } else { 1 };
    // Made already: by an earlier context, or by a host that uses rayon itself.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(n).build_global();
}

/// The ranks of a communicator of the host, which has called MPI_Init and will call MPI_Finalize
/// after it has freed this. The communicator is duplicated; messages never meet those of the host.
/// `threads` of each rank work on analyses (0: a fair share of the node); they never call MPI.
/// Collective over the communicator.
///
/// # Safety
/// `context` is a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_context_new(
    comm: RawMpi,
    threads: c_int,
    context: *mut *mut hcl_context,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        unsafe { place(context) }?;
        // SAFETY: the host's communicator.
        let comm = unsafe { of_host(comm) }?;
        self::threads(threads, host_allows_threads());
        // SAFETY: `place` was well.
        unsafe { give(context, hcl_context { comm }) };
        Ok(())
    })
}

/// This process alone, without MPI.
///
/// # Safety
/// `context` is a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_context_serial(threads: c_int, context: *mut *mut hcl_context) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        unsafe { place(context) }?;
        self::threads(threads, true);
        // SAFETY: `place` was well.
        unsafe { give(context, hcl_context { comm: Comm::serial() }) };
        Ok(())
    })
}

/// The number of this rank, and of all; either may be NULL.
///
/// # Safety
/// The handle is valid.
#[no_mangle]
pub unsafe extern "C" fn hcl_context_rank(
    context: *const hcl_context,
    rank: *mut c_int,
    size: *mut c_int,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let context = unsafe { handle(context, "the context") }?;
        // SAFETY: null or places for numbers.
        unsafe {
            put(rank, context.comm.rank() as c_int);
            put(size, context.comm.size() as c_int);
        }
        Ok(())
    })
}

/// Frees a context, before MPI_Finalize; NULL is let be. What was made of it lives on.
/// Collective where MPI is used and nothing made of it is left.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_context_free(context: *mut hcl_context) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(context) });
}
