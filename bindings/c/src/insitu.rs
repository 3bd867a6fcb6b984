//! Analyses in a running program. `unsafe`: pointers of the host, exported names.
#![allow(unsafe_code)]

use crate::blocks::hcl_blocks;
use crate::context::hcl_context;
use crate::guard::{guard, guard_free};
use crate::pointers::{
    give, handle, handle_mut, place, put, same_everywhere, slice, slice_mut, take, text, view,
};
use halocline::insitu::{InSitu, Setup};
use halocline::prelude::*;
use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

/// An analysis under way.
#[allow(non_camel_case_types)]
pub struct hcl_insitu {
    comm: Comm,
    /// This rank's lengths.
    shape: Vec<usize>,
    /// None when it is finished.
    run: Option<InSitu>,
    /// This rank's piece of the state, between being measured and being given.
    state: Vec<u8>,
}

fn running(insitu: &mut hcl_insitu) -> Result<&mut InSitu> {
    insitu.run.as_mut().ok_or_else(|| Error::usage("the analysis is finished"))
}

/// Begins an analysis of the fields that the ranks hold as `blocks`, of time and these dimensions.
/// `kind` is "stats", "climatology", "covariance", "histogram", "welch" or "eof"; `options` is a list such as
/// "variable=h; units=m; ops=mean,var; time_units=days since 2000-01-01": see docs/api-c.md.
/// Collective.
///
/// # Safety
/// `kind` and `options` are texts, `insitu` a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_begin(
    context: *const hcl_context,
    blocks: *const hcl_blocks,
    kind: *const c_char,
    options: *const c_char,
    insitu: *mut *mut hcl_insitu,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let comm = &unsafe { handle(context, "the context") }?.comm;
        // SAFETY: as the header says.
        let read = unsafe {
            place(insitu).and_then(|()| {
                let blocks = &handle(blocks, "the blocks")?.blocks;
                let (kind, options) = (text(kind, "the kind")?, text(options, "the options")?);
                Ok((blocks, Setup::parse(kind, blocks.shape(), options)?, [kind, options]))
            })
        };
        let (blocks, setup, words) = comm.agree(read)?;
        same_everywhere(comm, &words)?;
        let run = InSitu::begin(comm, setup, blocks)?;
        let shape = blocks.block(comm.rank()).shape();
        // SAFETY: `place` was well.
        unsafe { give(insitu, hcl_insitu { comm: comm.clone(), shape, run: Some(run), state: Vec::new() }) };
        Ok(())
    })
}

/// The coordinate of dimension `d` (from 0, slowest first) for the file of results: as many `values` as
/// the domain is long, on every rank. Units "degrees_north" and "degrees_east" make it latitude or
/// longitude. At any time before the end; before the first step where values count by them (weights).
///
/// # Safety
/// `values` has `len` values, `units` is a text.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_axis(
    insitu: *mut hcl_insitu,
    d: c_int,
    values: *const f64,
    len: usize,
    units: *const c_char,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let (insitu, values, units) = unsafe {
            (handle_mut(insitu, "the analysis")?, slice(values, len, "values")?, text(units, "units")?)
        };
        let d = usize::try_from(d).map_err(|_| Error::usage("there is no such dimension"))?;
        running(insitu)?.axis(d, values, units)
    })
}

/// Takes a step: this rank's box of the field at `time`, values of `type`. Cell (i, j, ...) lies at
/// `field[i * strides[0] + j * strides[1] ...]`, strides in values; NULL: C order without gaps. The array
/// may have halos: point at the first cell that the rank owns. NaN is missing. Nothing of the array is
/// needed after the call. After an error the program may go on. Collective, at every step, whatever the
/// last one returned.
///
/// # Safety
/// The array holds this rank's box by its strides.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_push(
    insitu: *mut hcl_insitu,
    time: f64,
    r#type: c_int,
    field: *const c_void,
    strides: *const isize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let fields = unsafe { view(r#type, field, strides, &insitu.shape) }.map(|one| vec![one]);
        running(insitu)?.push(time, fields)
    })
}

/// Takes a step of two fields, as a covariance or a joint histogram needs them, both with the same strides. Otherwise as
/// hcl_insitu_push.
///
/// # Safety
/// The arrays hold this rank's box by its strides.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_push2(
    insitu: *mut hcl_insitu,
    time: f64,
    r#type: c_int,
    field: *const c_void,
    other: *const c_void,
    strides: *const isize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let fields = unsafe {
            view(r#type, field, strides, &insitu.shape)
                .and_then(|one| Ok(vec![one, view(r#type, other, strides, &insitu.shape)?]))
        };
        running(insitu)?.push(time, fields)
    })
}

/// How many steps were taken, those before a restart too.
///
/// # Safety
/// The handle is valid.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_steps(insitu: *const hcl_insitu, steps: *mut usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle(insitu, "the analysis") }?;
        let run = insitu.run.as_ref().ok_or_else(|| Error::usage("the analysis is finished"))?;
        // SAFETY: null or a place for a number.
        unsafe { put(steps, run.steps()) };
        Ok(())
    })
}

/// A path that all ranks have.
unsafe fn path_of<'a>(insitu: &hcl_insitu, path: *const c_char) -> Result<&'a Path> {
    // SAFETY: as the caller's.
    let read = unsafe { text(path, "the path") };
    let read =
        read.and_then(
            |p| if p.is_empty() { Err(Error::usage("there is no path")) } else { Ok(Path::new(p)) },
        );
    insitu.comm.agree(read)
}

/// Saves what was found to a file of the program's restart; the analysis goes on. Collective.
///
/// # Safety
/// `path` is a text.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_save(insitu: *mut hcl_insitu, path: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let path = unsafe { path_of(insitu, path) }?;
        running(insitu)?.save(path)
    })
}

/// Goes on from what hcl_insitu_save wrote, by the same kind and options on any ranks and blocks;
/// before the first step. Collective.
///
/// # Safety
/// `path` is a text.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_load(insitu: *mut hcl_insitu, path: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let path = unsafe { path_of(insitu, path) }?;
        running(insitu)?.load(path)
    })
}

/// Encodes what was found, for a restart file of the program's own: `bytes` is the length of this rank's
/// piece, which hcl_insitu_state_get gives. The pieces of all ranks together are the state; the analysis
/// goes on. Collective.
///
/// # Safety
/// `bytes` is a place for a number.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_state_size(insitu: *mut hcl_insitu, bytes: *mut usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        insitu.state = running(insitu)?.save_bytes()?;
        // SAFETY: null or a place for a number.
        unsafe { put(bytes, insitu.state.len()) };
        Ok(())
    })
}

/// Gives the piece that hcl_insitu_state_size has encoded, once: `len` is its length. Not collective.
///
/// # Safety
/// `buffer` has room for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_state_get(
    insitu: *mut hcl_insitu,
    buffer: *mut c_void,
    len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        if insitu.state.is_empty() || len != insitu.state.len() {
            return Err(Error::usage(format!(
                "there is room for {len} bytes of a state, which has {}",
                insitu.state.len()
            ))
            .remedy("call hcl_insitu_state_size first, and make room for as many"));
        }
        // SAFETY: as the header says.
        unsafe { slice_mut(buffer.cast::<u8>(), len, "the buffer") }?.copy_from_slice(&insitu.state);
        insitu.state = Vec::new();
        Ok(())
    })
}

/// Goes on from pieces that hcl_insitu_state_get gave, by the same kind and options on any ranks and
/// blocks, before the first step. The ranks together hand in the pieces of all ranks of then, each once, in
/// any order: a rank none (`len` 0), one, or several one after the other. Collective.
///
/// # Safety
/// `buffer` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_state_set(
    insitu: *mut hcl_insitu,
    buffer: *const c_void,
    len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let bytes = insitu.comm.agree(unsafe { slice(buffer.cast::<u8>(), len, "the buffer") })?;
        running(insitu)?.load_bytes(bytes)
    })
}

/// Writes the results to a NetCDF file; the analysis is over, and is to be freed. Collective.
///
/// # Safety
/// `path` is a text.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_finish(insitu: *mut hcl_insitu, path: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let insitu = unsafe { handle_mut(insitu, "the analysis") }?;
        // SAFETY: as the header says.
        let path = unsafe { path_of(insitu, path) }?;
        // What can be found wrong before is, since the analysis goes with the file.
        running(insitu)?.check_finish(path)?;
        insitu.run.take().map_or(Ok(()), |run| run.finish(path))
    })
}

/// Frees an analysis, finished or not; NULL is let be.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_insitu_free(insitu: *mut hcl_insitu) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(insitu) });
}
