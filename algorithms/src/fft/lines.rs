//! Transforms of all lines along an axis of an array in memory, in threads.
//!
//! Lines that are no runs of memory are gathered in blocks of neighbours, so that whole lines of the
//! cache are read and written, transformed where they lie together, and put back.

#![allow(unsafe_code)] // Threads write to columns of one array, which are no slices of it.

use super::field::FftNumber;
use num_complex::Complex;
use rayon::prelude::*;
use realfft::{ComplexToReal, RealToComplex};
use rustfft::Fft;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of lines that are transformed together: they stay in a core's own cache.
const CACHED: usize = 64 << 10;
/// Bytes of neighbours that are gathered together, at least.
const RUN: usize = 128;

/// An array as (outer, axis, inner), C order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) outer: usize,
    pub(super) len: usize,
    pub(super) inner: usize,
}

impl Lines {
    /// Lines that are gathered together: `bytes` of each value.
    fn width(self, bytes: usize) -> usize {
        let least = (RUN / bytes).max(1);
        let most = CACHED / (bytes * self.len.max(1)) / least * least;
        most.max(least).min(self.inner)
    }
    fn count(self) -> usize {
        self.outer * self.inner
    }
}

/// From one gathered line of `len` values to the next: not a multiple of a page, where all lines
/// would meet in the same places of a cache.
const fn stride(len: usize, bytes: usize) -> usize {
    len + 64usize.div_ceil(bytes)
}

/// An array of which threads write different elements.
struct Columns<'a, T> {
    start: *mut T,
    len: usize,
    array: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a pointer into an array that is borrowed for as long as it lives; whoever uses it
// from several threads promises to touch different elements (`read`, `write`).
unsafe impl<T: Send> Send for Columns<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Columns<'_, T> {}

impl<'a, T: Copy> Columns<'a, T> {
    fn new(array: &'a mut [T]) -> Self {
        Self { start: array.as_mut_ptr(), len: array.len(), array: PhantomData }
    }
    /// Copies elements from `at` on.
    ///
    /// # Safety
    /// No other thread writes these elements meanwhile.
    unsafe fn read(&self, at: usize, out: &mut [T]) {
        assert!(at + out.len() <= self.len);
        // SAFETY: the range lies inside of the array; nobody writes it, as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(self.start.add(at), out.as_mut_ptr(), out.len()) }
    }
    /// Sets elements from `at` on.
    ///
    /// # Safety
    /// No other thread reads or writes these elements meanwhile.
    unsafe fn write(&self, at: usize, values: &[T]) {
        assert!(at + values.len() <= self.len);
        // SAFETY: the range lies inside of the array, and is this thread's, as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.start.add(at), values.len()) }
    }
}

/// What threads work in, lent again and again.
#[derive(Debug, Default)]
pub(super) struct Rooms<T>(Mutex<Vec<Room<T>>>);

#[derive(Debug, Default)]
struct Room<T> {
    lines: Vec<Complex<T>>,
    real: Vec<T>,
    scratch: Vec<Complex<T>>,
    row: Vec<Complex<T>>,
    real_row: Vec<T>,
}

impl<T: FftNumber> Rooms<T> {
    fn with<R>(&self, work: impl FnOnce(&mut Room<T>) -> R) -> R {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut room = spare.unwrap_or_default();
        let done = work(&mut room);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        done
    }
}

fn scaled<T: FftNumber>(values: &mut [Complex<T>], scale: Option<T>) {
    if let Some(scale) = scale {
        values.iter_mut().for_each(|v| *v = Complex { re: v.re * scale, im: v.im * scale });
    }
}

/// Blocks of neighbouring lines: which of the outer ones, the first and how many.
fn blocks(lines: Lines, width: usize) -> impl IndexedParallelIterator<Item = (usize, usize, usize)> {
    let each = lines.inner.div_ceil(width.max(1));
    (0..lines.outer * each).into_par_iter().map(move |k| {
        let first = k % each * width;
        (k / each, first, width.min(lines.inner - first))
    })
}

/// Transforms all lines where they are.
pub(super) fn complex<T: FftNumber>(
    (fft, scale): (&Arc<dyn Fft<T>>, Option<T>),
    rooms: &Rooms<T>,
    lines: Lines,
    data: &mut [Complex<T>],
) {
    let (n, size) = (lines.len, size_of::<Complex<T>>());
    if lines.count() == 0 {
        return;
    }
    let zero = Complex::default();
    if lines.inner == 1 {
        let together = (CACHED / (size * n)).max(1);
        data.par_chunks_mut(n * together).for_each(|some| {
            rooms.with(|room| {
                room.scratch.resize(fft.get_inplace_scratch_len(), zero);
                fft.process_with_scratch(some, &mut room.scratch);
                scaled(some, scale);
            });
        });
        return;
    }
    let (width, stride) = (lines.width(size), stride(n, size));
    let columns = Columns::new(data);
    blocks(lines, width).for_each(|(outer, first, width)| {
        rooms.with(|room| {
            room.scratch.resize(fft.get_inplace_scratch_len(), zero);
            room.lines.resize(stride * width, zero);
            room.row.resize(width, zero);
            let at = |j: usize| (outer * n + j) * lines.inner + first;
            for j in 0..n {
                // SAFETY: elements of these columns, which this block alone touches.
                unsafe { columns.read(at(j), &mut room.row) };
                room.row.iter().enumerate().for_each(|(c, v)| room.lines[c * stride + j] = *v);
            }
            for line in room.lines.chunks_mut(stride) {
                fft.process_with_scratch(&mut line[..n], &mut room.scratch);
                scaled(&mut line[..n], scale);
            }
            for j in 0..n {
                room.row.iter_mut().enumerate().for_each(|(c, v)| *v = room.lines[c * stride + j]);
                // SAFETY: as above.
                unsafe { columns.write(at(j), &room.row) };
            }
        });
    });
}

/// Transforms all lines of real values; those of the result have ⌊n/2⌋ + 1 values.
pub(super) fn to_complex<T: FftNumber>(
    (fft, scale): (&Arc<dyn RealToComplex<T>>, Option<T>),
    rooms: &Rooms<T>,
    lines: Lines,
    (data, out): (&[T], &mut [Complex<T>]),
) {
    let (n, half) = (lines.len, lines.len / 2 + 1);
    if lines.count() == 0 {
        return;
    }
    let zero = Complex::default();
    // Lengths are those that were planned, of which the transform can make no error.
    let transform = |real: &mut [T], line: &mut [Complex<T>], scratch: &mut [Complex<T>]| {
        let done = fft.process_with_scratch(real, line, scratch);
        debug_assert!(done.is_ok());
        scaled(line, scale);
    };
    if lines.inner == 1 {
        let together = (CACHED / (size_of::<T>() * n)).max(1);
        out.par_chunks_mut(half * together).zip(data.par_chunks(n * together)).for_each(|(out, data)| {
            rooms.with(|room| {
                room.scratch.resize(fft.get_scratch_len(), zero);
                room.real.resize(n, T::default());
                for (line, values) in out.chunks_mut(half).zip(data.chunks(n)) {
                    // The transform destroys its input.
                    room.real.copy_from_slice(values);
                    transform(&mut room.real, line, &mut room.scratch);
                }
            });
        });
        return;
    }
    let width = lines.width(size_of::<Complex<T>>());
    let (of_real, of_half) = (stride(n, size_of::<T>()), stride(half, size_of::<Complex<T>>()));
    let columns = Columns::new(out);
    blocks(lines, width).for_each(|(outer, first, width)| {
        rooms.with(|room| {
            room.scratch.resize(fft.get_scratch_len(), zero);
            room.real.resize(of_real * width, T::default());
            room.lines.resize(of_half * width, zero);
            room.row.resize(width, zero);
            for j in 0..n {
                let at = (outer * n + j) * lines.inner + first;
                data[at..at + width].iter().enumerate().for_each(|(c, v)| room.real[c * of_real + j] = *v);
            }
            for (real, line) in room.real.chunks_mut(of_real).zip(room.lines.chunks_mut(of_half)) {
                transform(&mut real[..n], &mut line[..half], &mut room.scratch);
            }
            for j in 0..half {
                room.row.iter_mut().enumerate().for_each(|(c, v)| *v = room.lines[c * of_half + j]);
                // SAFETY: elements of these columns, which this block alone touches.
                unsafe { columns.write((outer * half + j) * lines.inner + first, &room.row) };
            }
        });
    });
}

/// The inverse of [`to_complex`]; `lines` are those of the result.
pub(super) fn to_real<T: FftNumber>(
    (fft, scale): (&Arc<dyn ComplexToReal<T>>, Option<T>),
    rooms: &Rooms<T>,
    lines: Lines,
    (data, out): (&[Complex<T>], &mut [T]),
) {
    let (n, half) = (lines.len, lines.len / 2 + 1);
    if lines.count() == 0 {
        return;
    }
    let zero = Complex::default();
    let transform = |line: &mut [Complex<T>], real: &mut [T], scratch: &mut [Complex<T>]| {
        // These are real for a real result; what rounding left is not looked at, as in numpy.
        line[0].im = T::default();
        if n % 2 == 0 {
            line[half - 1].im = T::default();
        }
        let done = fft.process_with_scratch(line, real, scratch);
        debug_assert!(done.is_ok());
        if let Some(scale) = scale {
            real.iter_mut().for_each(|v| *v = *v * scale);
        }
    };
    if lines.inner == 1 {
        let together = (CACHED / (size_of::<T>() * n)).max(1);
        out.par_chunks_mut(n * together).zip(data.par_chunks(half * together)).for_each(|(out, data)| {
            rooms.with(|room| {
                room.scratch.resize(fft.get_scratch_len(), zero);
                room.lines.resize(half, zero);
                for (real, values) in out.chunks_mut(n).zip(data.chunks(half)) {
                    room.lines.copy_from_slice(values);
                    transform(&mut room.lines, real, &mut room.scratch);
                }
            });
        });
        return;
    }
    let width = lines.width(size_of::<Complex<T>>());
    let (of_real, of_half) = (stride(n, size_of::<T>()), stride(half, size_of::<Complex<T>>()));
    let columns = Columns::new(out);
    blocks(lines, width).for_each(|(outer, first, width)| {
        rooms.with(|room| {
            room.scratch.resize(fft.get_scratch_len(), zero);
            room.real.resize(of_real * width, T::default());
            room.lines.resize(of_half * width, zero);
            for j in 0..half {
                let at = (outer * half + j) * lines.inner + first;
                data[at..at + width].iter().enumerate().for_each(|(c, v)| room.lines[c * of_half + j] = *v);
            }
            for (line, real) in room.lines.chunks_mut(of_half).zip(room.real.chunks_mut(of_real)) {
                transform(&mut line[..half], &mut real[..n], &mut room.scratch);
            }
            room.real_row.resize(width, T::default());
            for j in 0..n {
                room.real_row.iter_mut().enumerate().for_each(|(c, v)| *v = room.real[c * of_real + j]);
                // SAFETY: elements of these columns, which this block alone touches.
                unsafe { columns.write((outer * n + j) * lines.inner + first, &room.real_row) };
            }
        });
    });
}
