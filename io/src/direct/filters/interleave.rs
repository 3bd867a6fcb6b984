//! Rows of bytes woven into elements.
//!
//! This runs over every byte of compressed data after the inflater, which gives half a gigabyte
//! per second. What the compiler makes of plain loops takes an eighth of that time again; sixteen
//! bytes at a time it is a fiftieth.
#![allow(unsafe_code)] // Vector instructions are reached through pointers.

/// Bytes of a row taken at a time.
const WIDE: usize = 16;

/// Puts byte `b` of element `e` from place `e` of row `b`. Rows are as long as `out` has elements.
///
/// # Panics
/// If a row is shorter.
pub(super) fn interleave<const N: usize>(rows: [&[u8]; N], out: &mut [u8]) {
    let len = out.len() / N;
    let rows = rows.map(|row| &row[..len]);
    let mut blocks = out.chunks_exact_mut(WIDE * N);
    let mut at = 0;
    for block in &mut blocks {
        weave(rows.map(|row| &row[at..at + WIDE]), block);
        at += WIDE;
    }
    for (element, e) in blocks.into_remainder().chunks_exact_mut(N).zip(at..len) {
        element.iter_mut().zip(rows).for_each(|(byte, row)| *byte = row[e]);
    }
}

/// Sixteen elements of two, four or eight bytes: the upper half of the rows goes between the
/// lower, as often as it takes for each element to be together.
#[cfg(target_arch = "x86_64")]
fn weave<const N: usize>(rows: [&[u8]; N], out: &mut [u8]) {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_storeu_si128, _mm_unpackhi_epi8, _mm_unpacklo_epi8};
    const { assert!(N.is_power_of_two()) };
    assert!(rows.iter().all(|row| row.len() == WIDE) && out.len() == WIDE * N);
    // SAFETY: every x86-64 has these instructions; 16 bytes are read of each row and written to
    // each sixteenth of `out`, which was just seen to be there, at any alignment.
    unsafe {
        let mut from = rows.map(|row| _mm_loadu_si128(row.as_ptr().cast()));
        for _ in 0..N.trailing_zeros() {
            let mut to = from;
            for i in 0..N / 2 {
                to[2 * i] = _mm_unpacklo_epi8(from[i], from[i + N / 2]);
                to[2 * i + 1] = _mm_unpackhi_epi8(from[i], from[i + N / 2]);
            }
            from = to;
        }
        for (place, value) in out.chunks_exact_mut(WIDE).zip(from) {
            _mm_storeu_si128(place.as_mut_ptr().cast(), value);
        }
    }
}

/// Sixteen elements.
#[cfg(not(target_arch = "x86_64"))]
fn weave<const N: usize>(rows: [&[u8]; N], out: &mut [u8]) {
    for (e, element) in out.chunks_exact_mut(N).enumerate() {
        element.iter_mut().zip(rows).for_each(|(byte, row)| *byte = row[e]);
    }
}
