//! Halos of the host's arrays. `unsafe`: pointers of the host, exported names.
#![allow(unsafe_code)]

use crate::blocks::hcl_blocks;
use crate::context::hcl_context;
use crate::guard::{guard, guard_free};
use crate::pointers::{block_strides, give, handle, handle_mut, place, slice_mut, take, text};
use crate::pointers::{same_everywhere, unknown_type, HCL_REAL32, HCL_REAL64};
use halocline::core::halo::{kept, Beyond, Edges, Ends, Fold, HaloPlan, HaloValue, HostHalo, Pivot, Point};
use halocline::prelude::*;
use std::ffi::{c_char, c_int, c_void};

/// Halos around blocks.
#[allow(non_camel_case_types)]
pub struct hcl_halo {
    comm: Comm,
    ndim: usize,
    /// Of each dimension with its halo.
    shape: Vec<usize>,
    empty: bool,
    singles: HostHalo<f32>,
    doubles: HostHalo<f64>,
}

/// What options say.
struct Asked {
    widths: [usize; 3],
    edges: Edges,
}

fn odd(key: &str, value: &str, choices: &str) -> Error {
    Error::usage(format!("the option {key}={value} is not known")).remedy(format!("choose {choices}"))
}

/// What lies beyond a wall.
fn beyond(key: &str, word: &str) -> Result<Beyond> {
    Ok(match word {
        "wall" => kept(),
        "nearest" => Beyond::Nearest,
        "missing" => Beyond::Missing,
        number => {
            let value = number.parse::<f64>().ok().filter(|v| v.is_finite());
            Beyond::Value(value.ok_or_else(|| {
                odd(key, word, "periodic, wall, nearest, missing, a number, or of y fold-t or fold-f")
            })?)
        }
    })
}

fn asked(options: &str, ndim: usize) -> Result<Asked> {
    if !(1..=3).contains(&ndim) {
        return Err(Error::usage(format!("blocks of {ndim} dimensions have no halos")));
    }
    let (mut widths, mut point, mut flips) = ([0usize; 3], Point::Tracer, false);
    let mut ends = ["wall", "wall", "wall"];
    widths[3 - ndim..].fill(1);
    for item in options.split(';').map(str::trim).filter(|item| !item.is_empty()) {
        let (key, value) = item.split_once('=').map(|(k, v)| (k.trim(), v.trim())).ok_or_else(|| {
            Error::usage(format!("`{item}` is no option")).remedy("write key=value; key=value")
        })?;
        match key {
            "width" => {
                let all: Option<Vec<usize>> = value.split(',').map(|w| w.trim().parse().ok()).collect();
                match all.as_deref() {
                    Some([one]) => widths[3 - ndim..].fill(*one),
                    Some(all) if all.len() == ndim => widths[3 - ndim..].copy_from_slice(all),
                    _ => return Err(odd(key, value, "one number of cells, or one for each dimension")),
                }
            }
            "z" => ends[0] = value,
            "y" => ends[1] = value,
            "x" => ends[2] = value,
            "point" => {
                point = match value {
                    "t" => Point::Tracer,
                    "u" => Point::U,
                    "v" => Point::V,
                    "f" => Point::Vorticity,
                    _ => return Err(odd(key, value, "t, u, v or f")),
                }
            }
            "sign" => {
                flips = match value {
                    "1" => false,
                    "-1" => true,
                    _ => return Err(odd(key, value, "1 or -1")),
                }
            }
            _ => {
                return Err(Error::usage(format!("a halo has no option `{key}`"))
                    .remedy("it has width, x, y, z, point, sign"))
            }
        }
    }
    let of = |key: &str, word: &str| -> Result<Ends> {
        let folded = |pivot| Ends::Folded(kept(), Fold { pivot, point, flips });
        Ok(match word {
            "periodic" => Ends::Periodic,
            "fold-t" => folded(Pivot::T),
            "fold-f" => folded(Pivot::F),
            _ => beyond(key, word).map(|wall| Ends::Walls(wall, wall))?,
        })
    };
    let edges = Edges { level: of("z", ends[0])?, y: of("y", ends[1])?, x: of("x", ends[2])? };
    Ok(Asked { widths, edges })
}

/// Halos around blocks of one to three dimensions: of the options "width=1; y=wall; x=periodic", `width` is
/// that of all dimensions, or of each, slowest first (1); `x`, `y` and `z` (last, last but one, first of
/// three) tell what is beyond the ends of the domain: periodic, wall (cells stay as they are; the default),
/// nearest (what the nearest cell holds), missing (NaN), a number, or of y fold-t or fold-f, the north fold
/// of a tripolar grid through T or F points, with a wall in the south; there `point` (t, u, v, f) is where
/// the field lives and `sign` is -1 for components of vectors. Collective.
///
/// # Safety
/// `options` is a text, `halo` a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_halo_new(
    context: *const hcl_context,
    blocks: *const hcl_blocks,
    options: *const c_char,
    halo: *mut *mut hcl_halo,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let comm = &unsafe { handle(context, "the context") }?.comm;
        // SAFETY: as the header says.
        let read = unsafe {
            place(halo).and_then(|()| {
                let blocks = &handle(blocks, "the blocks")?.blocks;
                let options = text(options, "the options")?;
                Ok((blocks, asked(options, blocks.shape().len())?, options))
            })
        };
        let (blocks, Asked { widths, edges }, options) = comm.agree(read)?;
        same_everywhere(comm, &[options])?;
        let plan = HaloPlan::of_blocks(comm, blocks, widths, &[edges])?;
        let ndim = blocks.shape().len();
        let made = hcl_halo {
            comm: comm.clone(),
            ndim,
            shape: plan.extent().shape()[3 - ndim..].to_vec(),
            empty: plan.extent().cells() == 0,
            singles: HostHalo::new(plan.clone()),
            doubles: HostHalo::new(plan),
        };
        // SAFETY: `place` was well.
        unsafe { give(halo, made) };
        Ok(())
    })
}

/// Fills the halo of an array of `type` from the blocks of other ranks and from what is beyond the ends of
/// the domain: `field` is the first cell that the rank owns, strides are as in hcl_insitu_push, and the
/// halo lies around the block. NULL strides: C order, the block with its halo without gaps. Only cells of
/// the halo are written, only those that travel are read. Collective.
///
/// # Safety
/// The array holds this rank's block with its halo by its strides.
#[no_mangle]
pub unsafe extern "C" fn hcl_halo_exchange(
    halo: *mut hcl_halo,
    r#type: c_int,
    field: *mut c_void,
    strides: *const isize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let halo = unsafe { handle_mut(halo, "the halo") }?;
        // SAFETY: as the header says.
        let own = unsafe { block_strides(strides, &halo.shape) };
        let mut three = [0isize; 3];
        let known = own.and_then(|own| {
            three[3 - halo.ndim..].copy_from_slice(&own);
            match r#type {
                _ if field.is_null() && !halo.empty => Err(Error::usage("the array is NULL")),
                HCL_REAL32 => halo.singles.span(three),
                HCL_REAL64 => halo.doubles.span(three),
                _ => Err(unknown_type(r#type)),
            }
        });
        // Types must agree: else ranks would wait for messages of other lengths.
        let mut types = [r#type as u64, !(r#type as u64)];
        halo.comm.all_reduce(&mut types, halocline::core::comm::Reduce::Min);
        let span = halo.comm.agree(if types[0] == !types[1] {
            known
        } else {
            known.and(Err(Error::usage("the ranks exchange values of different types")))
        })?;
        let comm = halo.comm.clone();
        // SAFETY: the header asks for an array that holds the block with its halo by these strides.
        unsafe {
            if r#type == HCL_REAL32 {
                exchange(&comm, &mut halo.singles, field.cast::<f32>(), (span, three), halo.empty)
            } else {
                exchange(&comm, &mut halo.doubles, field.cast::<f64>(), (span, three), halo.empty)
            }
        }
    })
}

/// The exchange of an array whose first own cell is at `field`.
unsafe fn exchange<T: HaloValue>(
    comm: &Comm,
    halo: &mut HostHalo<T>,
    field: *mut T,
    ((low, high), strides): ((isize, isize), [isize; 3]),
    empty: bool,
) -> Result<()> {
    let len = if empty { 0 } else { high.abs_diff(low) + 1 };
    // SAFETY: as the caller's; `low` is the lowest cell, `len` reaches to the highest.
    let array = unsafe { slice_mut(field.wrapping_offset(low), len, "the array") }?;
    let widths = halo.widths();
    let first: isize = widths.iter().zip(strides).map(|(&w, s)| w as isize * s).sum();
    // Where the first cell of the halo is, seen from the lowest.
    halo.exchange(comm, array, (-low - first).max(0).unsigned_abs(), strides);
    Ok(())
}

/// How wide the halo is at either end of each dimension, slowest first: 0 on ranks without cells.
///
/// # Safety
/// `widths` has room for as many values as blocks have dimensions.
#[no_mangle]
pub unsafe extern "C" fn hcl_halo_widths(halo: *const hcl_halo, widths: *mut usize) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let halo = unsafe { handle(halo, "the halo") }?;
        // SAFETY: as the header says.
        let room = unsafe { slice_mut(widths, halo.ndim, "widths") }?;
        room.copy_from_slice(&halo.singles.widths()[3 - halo.ndim..]);
        Ok(())
    })
}

/// Frees a halo; NULL is let be.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_halo_free(halo: *mut hcl_halo) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(halo) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_halos() {
        let of = |options: &str| asked(options, 2).map(|a| a.widths);
        assert_eq!(of("").expect("walls"), [0, 1, 1]);
        assert_eq!(of("width=2,3; x=periodic; y=-1.5").expect("a channel"), [0, 2, 3]);
        assert_eq!(of("y=fold-t; x=periodic; point=u; sign=-1").expect("tripolar"), [0, 1, 1]);
        for odd in ["width=1,2,3", "width=-1", "x=round", "point=w", "sign=2", "depth=1", "x", "y=nan"] {
            assert!(of(odd).is_err(), "{odd}");
        }
        assert!(HaloPlan::of_blocks(
            &Comm::serial(),
            &halocline::core::blocks::Blocks::gather(
                &Comm::serial(),
                &[4, 5],
                &halocline::core::index::IndexBox::whole(&[4, 5])
            )
            .expect("blocks"),
            [0, 1, 1],
            &[asked("x=fold-t", 2).expect("options").edges]
        )
        .is_err());
    }
}
