//! Empirical orthogonal functions of files. `unsafe`: pointers of the host, exported names.
#![allow(unsafe_code)]

use crate::dataset::hcl_dataset;
use crate::guard::{guard, guard_free};
use crate::pointers::{give, handle, place, put, slice_mut, take, text};
use halocline::algorithms::eof::{analyse, Eof, EofInput, EofOptions, Modes};
use halocline::prelude::*;
use std::ffi::{c_char, c_int};

/// The leading modes of a variable.
#[allow(non_camel_case_types)]
pub struct hcl_eof {
    eof: Eof,
}

/// The first `modes` empirical orthogonal functions of a variable (at its first level), of anomalies
/// about the time mean, weighted by the root of the cosine of latitude. Collective.
///
/// # Safety
/// `variable` is a text, `eof` a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_eof_new(
    dataset: *const hcl_dataset,
    variable: *const c_char,
    modes: usize,
    eof: *mut *mut hcl_eof,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let dataset = unsafe { handle(dataset, "the data set") }?;
        let comm = &dataset.comm;
        // SAFETY: as the header says.
        let name = comm.agree(unsafe { place(eof).and_then(|()| text(variable, "the variable")) })?;
        let source = dataset.dataset.source(comm, name, &Selection::default())?;
        let tiling = Tiling::series(&source.variable().dims);
        let deal = tiling.deal(comm.size(), &[])?.into();
        let weights = source.grid().sqrt_cos_latitudes()?;
        let input = EofInput { name, weights: &weights, ..EofInput::default() };
        let options = EofOptions { modes: Modes::Exactly(modes), ..EofOptions::default() };
        let engine = Engine::new(comm);
        let found = if matches!(source.element(), halocline::io::source::Element::F32) {
            analyse(&engine, &load::<f32>(comm, &source, &deal, None)?, &tiling, &input, &options)?
        } else {
            analyse(&engine, &load::<f64>(comm, &source, &deal, None)?, &tiling, &input, &options)?
        };
        // SAFETY: `place` was well.
        unsafe { give(eof, hcl_eof { eof: found }) };
        Ok(())
    })
}

/// How many modes and times there are; either may be NULL.
///
/// # Safety
/// The handle is valid.
#[no_mangle]
pub unsafe extern "C" fn hcl_eof_sizes(eof: *const hcl_eof, modes: *mut usize, times: *mut usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let eof = &unsafe { handle(eof, "the modes") }?.eof;
        // SAFETY: null or places for numbers.
        unsafe {
            put(modes, eof.eigenvalues.len());
            put(times, eof.times.len());
        }
        Ok(())
    })
}

fn copy(from: &[f64], out: *mut f64, len: usize) -> Result<()> {
    if len != from.len() {
        return Err(Error::usage(format!("there is room for {len} values, there are {}", from.len())));
    }
    // SAFETY: the header asks for room for `len` values.
    unsafe { slice_mut(out, len, "the array") }?.copy_from_slice(from);
    Ok(())
}

/// The share of the variance that each mode explains: `len` is the number of modes.
///
/// # Safety
/// `out` has room for `len` values.
#[no_mangle]
pub unsafe extern "C" fn hcl_eof_variance_fraction(eof: *const hcl_eof, out: *mut f64, len: usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let eof = &unsafe { handle(eof, "the modes") }?.eof;
        copy(&eof.variance_fraction, out, len)
    })
}

/// The principal components, of variance 1, time after time with all modes of each: `len` is the number
/// of times by that of modes.
///
/// # Safety
/// `out` has room for `len` values.
#[no_mangle]
pub unsafe extern "C" fn hcl_eof_pcs(eof: *const hcl_eof, out: *mut f64, len: usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let eof = &unsafe { handle(eof, "the modes") }?.eof;
        copy(&eof.pcs, out, len)
    })
}

/// Frees modes; NULL is let be.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_eof_free(eof: *mut hcl_eof) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(eof) });
}
