//! From pointers of the host to checked values. `unsafe`, since a pointer's word must be taken for
//! what it points at: that it is null, or as the header says. Everything else is checked.
#![allow(unsafe_code)]

use halocline::core::engine::insitu::{c_strides, extent, View};
use halocline::core::engine::Numbers;
use halocline::prelude::*;
use std::ffi::{c_char, c_int, CStr};

/// Values of 4 bytes, IEEE single precision.
pub const HCL_REAL32: c_int = 4;
/// Values of 8 bytes, IEEE double precision.
pub const HCL_REAL64: c_int = 8;
/// What the Fortran module sends of arrays that are not of this rank's shape.
pub(crate) const NO_SHAPE: c_int = -1;
/// The most dimensions that anything here has.
pub const HCL_MAX_DIMS: usize = 8;

fn null(what: &str) -> Error {
    Error::usage(format!("{what} is NULL"))
}

/// A handle, for reading.
pub(crate) unsafe fn handle<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    // SAFETY: null, or made by this library and not freed, as the header says.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(what))
}

/// A handle, for changing.
pub(crate) unsafe fn handle_mut<'a, T>(pointer: *mut T, what: &str) -> Result<&'a mut T> {
    // SAFETY: as above, and no other call on it is under way.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(what))
}

/// Gives the host a new handle.
pub(crate) unsafe fn give<T>(out: *mut *mut T, value: T) {
    // SAFETY: checked by `place` before the work began.
    unsafe { out.write(Box::into_raw(Box::new(value))) };
}

/// Where a result goes; made null first.
pub(crate) unsafe fn place<T>(out: *mut *mut T) -> Result<()> {
    if out.is_null() {
        return Err(null("the place for the handle"));
    }
    // SAFETY: not null, so a place for a pointer.
    unsafe { out.write(std::ptr::null_mut()) };
    Ok(())
}

/// Takes a handle back.
pub(crate) unsafe fn take<T>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: null, or made by `give` and not freed.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}

/// So many values of the host.
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, len: usize, what: &str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: not null; the header asks for so many values.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Room for so many values.
pub(crate) unsafe fn slice_mut<'a, T>(pointer: *mut T, len: usize, what: &str) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: not null; the header asks for room for so many values.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
}

/// Writes one value, if it is wanted.
pub(crate) unsafe fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not null, so a place for a value.
        unsafe { pointer.write(value) };
    }
}

/// A text; null is the empty one.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Ok("");
    }
    // SAFETY: not null, so a text that ends with 0.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| Error::usage(format!("{what} is no UTF-8 text")))
}

/// Refuses options that differ between ranks.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn same_everywhere(comm: &Comm, words: &[&str]) -> Result<()> {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    // FNV-1a.
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut ends = [hash, !hash];
    comm.all_reduce(&mut ends, halocline::core::comm::Reduce::Min);
    if ends[0] == !ends[1] {
        return Ok(());
    }
    Err(Error::usage("the ranks name different options"))
}

/// Lengths of dimensions.
pub(crate) unsafe fn lengths(pointer: *const usize, ndims: c_int, what: &str) -> Result<Vec<usize>> {
    match usize::try_from(ndims) {
        // SAFETY: as the caller's.
        Ok(n) if (1..=HCL_MAX_DIMS).contains(&n) => unsafe { slice(pointer, n, what) }.map(<[usize]>::to_vec),
        _ => Err(Error::usage(format!("{ndims} dimensions are not from 1 to {HCL_MAX_DIMS}"))),
    }
}

/// Strides, or those of C order.
pub(crate) unsafe fn block_strides(pointer: *const isize, shape: &[usize]) -> Result<Vec<isize>> {
    if pointer.is_null() {
        return Ok(c_strides(shape));
    }
    // SAFETY: not null, so one for each dimension.
    unsafe { slice(pointer, shape.len(), "strides") }.map(<[isize]>::to_vec)
}

/// Where a block begins in the memory that it spans, and how much it spans.
fn span(shape: &[usize], strides: &[isize]) -> Result<(isize, usize)> {
    let far =
        extent(shape, strides).and_then(|(low, high)| Some((low, high.checked_sub(low)?.checked_add(1)?)));
    let (low, len) = far.ok_or_else(|| Error::usage("strides reach beyond memory"))?;
    if len > isize::MAX / 8 {
        return Err(Error::usage("strides reach beyond memory"));
    }
    Ok((low, if shape.contains(&0) { 0 } else { len as usize }))
}

/// Refuses a type.
pub(crate) fn unknown_type(kind: c_int) -> Error {
    if kind == NO_SHAPE {
        return Error::usage("the array has not the shape of this rank's box");
    }
    Error::usage(format!("{kind} is no type of values")).remedy("use HCL_REAL32 or HCL_REAL64")
}

/// A block of the host's array, whose first cell is at `data`.
pub(crate) unsafe fn view<'a>(
    kind: c_int,
    data: *const std::ffi::c_void,
    stride: *const isize,
    shape: &[usize],
) -> Result<View<'a>> {
    // SAFETY: as the caller's.
    let strides = unsafe { block_strides(stride, shape) }?;
    let (low, len) = span(shape, &strides)?;
    let origin = low.unsigned_abs();
    // SAFETY: the header asks for an array that holds the block by these strides; nothing else is read.
    let values = unsafe {
        match kind {
            HCL_REAL32 => Numbers::F32(slice(data.cast::<f32>().wrapping_offset(low), len, "the array")?),
            HCL_REAL64 => Numbers::F64(slice(data.cast::<f64>().wrapping_offset(low), len, "the array")?),
            _ => return Err(unknown_type(kind)),
        }
    };
    if data.is_null() && len > 0 {
        return Err(null("the array"));
    }
    View::new(values, shape, origin, &strides)
}

/// The strides of the host's array for a block, where the block begins in what it spans, and how much
/// that is; refuses an array that is none.
pub(crate) unsafe fn room(
    data: *mut std::ffi::c_void,
    stride: *const isize,
    shape: &[usize],
) -> Result<(Vec<isize>, isize, usize)> {
    // SAFETY: as the caller's.
    let strides = unsafe { block_strides(stride, shape) }?;
    let (low, len) = span(shape, &strides)?;
    if data.is_null() && len > 0 {
        return Err(null("the array"));
    }
    Ok((strides, low, len))
}

/// Fills a block of the host's array: `fill` gets C-order room; where the layout is another, that
/// is a copy, whose values are then put where they belong.
pub(crate) unsafe fn fill<T: Copy + Default>(
    data: *mut std::ffi::c_void,
    stride: *const isize,
    shape: &[usize],
    fill: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<()> {
    // SAFETY: as the caller's.
    let (strides, low, len) = unsafe { room(data, stride, shape) }?;
    let cells: usize = shape.iter().product();
    if strides == c_strides(shape) {
        // SAFETY: the header asks for room for the block by these strides.
        return fill(unsafe { slice_mut(data.cast::<T>(), cells, "the array") }?);
    }
    let mut values = vec![T::default(); cells];
    fill(&mut values)?;
    // SAFETY: as above; `low` is the lowest cell of the block, `len` reaches to the highest.
    let room = unsafe { slice_mut(data.cast::<T>().wrapping_offset(low), len, "the array") }?;
    let mut at = vec![0usize; shape.len()];
    for value in values {
        let offset: isize = at.iter().zip(&strides).map(|(&i, s)| i as isize * s).sum();
        room[(offset - low) as usize] = value;
        for d in (0..at.len()).rev() {
            at[d] += 1;
            if at[d] < shape[d] {
                break;
            }
            at[d] = 0;
        }
    }
    Ok(())
}
