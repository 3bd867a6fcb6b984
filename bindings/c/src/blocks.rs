//! Who holds what, and from one to the other. `unsafe`: pointers of the host, exported names.
#![allow(unsafe_code)]

use crate::context::hcl_context;
use crate::guard::{guard, guard_free};
use crate::pointers::{
    fill, give, handle, lengths, place, room, slice_mut, take, view, HCL_REAL32, HCL_REAL64,
};
use halocline::core::blocks::Blocks;
use halocline::core::engine::insitu::Buffer;
use halocline::core::index::IndexBox;
use halocline::core::meta::{Dim, Role};
use halocline::prelude::*;
use std::ffi::{c_int, c_void};

/// A decomposition: the box of each rank.
#[allow(non_camel_case_types)]
pub struct hcl_blocks {
    pub(crate) blocks: Blocks,
}

/// The boxes of the ranks as the host has cut them: this rank holds `count[d]` indices from `start[d]`
/// (from 0) along dimension d of a domain of `shape`, slowest dimension first (C order). Boxes are
/// without halos, cover the domain once, may be uneven or empty. Collective.
///
/// # Safety
/// `shape`, `start` and `count` have `ndims` values, `blocks` is a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_blocks_new(
    context: *const hcl_context,
    ndims: c_int,
    shape: *const usize,
    start: *const usize,
    count: *const usize,
    blocks: *mut *mut hcl_blocks,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let comm = &unsafe { handle(context, "the context") }?.comm;
        // SAFETY: as the header says.
        let read = unsafe {
            place(blocks).and_then(|()| {
                Ok((
                    lengths(shape, ndims, "shape")?,
                    lengths(start, ndims, "start")?,
                    lengths(count, ndims, "count")?,
                ))
            })
        };
        let (shape, start, count) = comm.agree(read)?;
        let own = start.iter().zip(&count).map(|(&s, &n)| s..s.saturating_add(n)).collect();
        let found = Blocks::gather(comm, &shape, &IndexBox::new(own))?;
        // SAFETY: `place` was well.
        unsafe { give(blocks, hcl_blocks { blocks: found }) };
        Ok(())
    })
}

/// A division of a domain into `parts[d]` even parts along each dimension, numbered in C order; ranks
/// beyond hold nothing. Not collective.
///
/// # Safety
/// As hcl_blocks_new.
#[no_mangle]
pub unsafe extern "C" fn hcl_blocks_even(
    context: *const hcl_context,
    ndims: c_int,
    shape: *const usize,
    parts: *const usize,
    blocks: *mut *mut hcl_blocks,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let (comm, shape, parts) = unsafe {
            place(blocks)?;
            (
                &handle(context, "the context")?.comm,
                lengths(shape, ndims, "shape")?,
                lengths(parts, ndims, "parts")?,
            )
        };
        let pieces = parts.iter().try_fold(1usize, |n, &p| n.checked_mul(p));
        if pieces.is_none_or(|n| n == 0 || n > comm.size()) {
            return Err(Error::usage(format!("{parts:?} parts are not those of {} ranks", comm.size())));
        }
        let dims: Vec<Dim> =
            shape.iter().enumerate().map(|(d, &n)| Dim::new(format!("d{d}"), n, Role::Other)).collect();
        let even = Decomposition::even(&dims, &IndexBox::whole(&shape), &parts, comm.size())?;
        // SAFETY: `place` was well.
        unsafe { give(blocks, hcl_blocks { blocks: Blocks::of(&even) }) };
        Ok(())
    })
}

/// The box of a rank: `start` and `count`, one value for each dimension.
///
/// # Safety
/// `start` and `count` have room for as many values as there are dimensions.
#[no_mangle]
pub unsafe extern "C" fn hcl_blocks_get(
    blocks: *const hcl_blocks,
    rank: c_int,
    start: *mut usize,
    count: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let blocks = &unsafe { handle(blocks, "the blocks") }?.blocks;
        let rank = usize::try_from(rank).ok().filter(|&r| r < blocks.ranks());
        let rank = rank.ok_or_else(|| Error::usage("there is no such rank"))?;
        let (block, n) = (blocks.block(rank), blocks.shape().len());
        // SAFETY: as the header says.
        unsafe {
            slice_mut(start, n, "start")?.copy_from_slice(&block.start());
            slice_mut(count, n, "count")?.copy_from_slice(&block.shape());
        }
        Ok(())
    })
}

/// Frees blocks; NULL is let be.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_blocks_free(blocks: *mut hcl_blocks) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(blocks) });
}

/// Moves values of `type` from the boxes `from` to the boxes `to` of the same domain. Cell (i, j, ...) of
/// a box lies at `data[i * strides[0] + j * strides[1] ...]`, strides in values; NULL: C order without
/// gaps. Collective.
///
/// # Safety
/// The arrays hold this rank's boxes by their strides, and don't overlap.
#[no_mangle]
pub unsafe extern "C" fn hcl_redistribute(
    context: *const hcl_context,
    from: *const hcl_blocks,
    r#type: c_int,
    data: *const c_void,
    strides: *const isize,
    to: *const hcl_blocks,
    out: *mut c_void,
    out_strides: *const isize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let comm = &unsafe { handle(context, "the context") }?.comm;
        // SAFETY: as the header says.
        let read = unsafe {
            handle(from, "the blocks").and_then(|from| {
                let (from, to) = (&from.blocks, &handle(to, "the blocks")?.blocks);
                let view = view(r#type, data, strides, &from.block(comm.rank()).shape())?;
                let mut packed = Buffer::new(view.is_single());
                view.append_to(&mut packed, None)?;
                room(out, out_strides, &to.block(comm.rank()).shape())?;
                Ok((from, to, packed))
            })
        };
        // Types must agree: else ranks would wait for messages of other lengths.
        let mut types = [r#type as u64, !(r#type as u64)];
        comm.all_reduce(&mut types, halocline::core::comm::Reduce::Min);
        let (from, to, packed) = comm.agree(if types[0] == !types[1] {
            read
        } else {
            read.and(Err(Error::usage("the ranks move values of different types")))
        })?;
        let want = to.block(comm.rank()).shape();
        let cells: usize = want.iter().product();
        // Values arrive before anything about the host's array can go wrong on one rank.
        // SAFETY: as the header says.
        match (packed, r#type) {
            (Buffer::F32(v), HCL_REAL32) => {
                let mut got = vec![0.0; cells];
                from.redistribute(comm, &v, to, &mut got)?;
                unsafe {
                    fill(out, out_strides, &want, |room: &mut [f32]| {
                        room.copy_from_slice(&got);
                        Ok(())
                    })
                }
            }
            (Buffer::F64(v), HCL_REAL64) => {
                let mut got = vec![0.0; cells];
                from.redistribute(comm, &v, to, &mut got)?;
                unsafe {
                    fill(out, out_strides, &want, |room: &mut [f64]| {
                        room.copy_from_slice(&got);
                        Ok(())
                    })
                }
            }
            _ => Err(Error::internal("a buffer of another type")),
        }
    })
}
