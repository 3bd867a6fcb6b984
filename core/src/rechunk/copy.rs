//! Copying what two boxes share, as bytes.

use super::geometry::{around, cut};
use crate::index::IndexBox;
use rayon::prelude::*;

/// Bytes of a source that are worked on at once: they stay in a core's cache while the chunks
/// that lie side by side in it take their parts.
const CACHED: usize = 256 << 10;

/// Copies `part`, which lies in both, from one box's C-order bytes to the other's; a cell has
/// `size` bytes.
pub(super) fn copy_part(
    (from, source): (&IndexBox, &[u8]),
    (to, target): (&IndexBox, &mut [u8]),
    part: &IndexBox,
    size: usize,
) {
    if part.is_empty() {
        return;
    }
    let (from_shape, to_shape, shape) = (from.shape(), to.shape(), part.shape());
    let n = shape.len();
    // Trailing dimensions that all three have whole make one run.
    let mut head = n;
    let mut run = size;
    while head > 0 {
        head -= 1;
        run *= shape[head];
        if shape[head] != from_shape[head] || shape[head] != to_shape[head] {
            break;
        }
    }
    let strides = |lengths: &[usize]| {
        let mut strides = vec![size; n];
        for d in (0..n.saturating_sub(1)).rev() {
            strides[d] = strides[d + 1] * lengths[d + 1];
        }
        strides
    };
    let (from_stride, to_stride) = (strides(&from_shape), strides(&to_shape));
    let offset = |outer: &IndexBox, stride: &[usize]| -> usize {
        (0..n).map(|d| (part.range(d).start - outer.range(d).start) * stride[d]).sum()
    };
    let (mut a, mut b) = (offset(from, &from_stride), offset(to, &to_stride));
    // The innermost loop by itself, over the last dimension before the run.
    let (count, from_step, to_step) = match head.checked_sub(1) {
        Some(d) => (shape[d], from_stride[d], to_stride[d]),
        None => (1, 0, 0),
    };
    let runs = Runs { run, count, from_step, to_step };
    let outer = head.saturating_sub(1);
    let mut at = vec![0usize; outer];
    loop {
        runs.copy(&source[a..], &mut target[b..]);
        let mut d = outer;
        loop {
            if d == 0 {
                return;
            }
            d -= 1;
            at[d] += 1;
            a += from_stride[d];
            b += to_stride[d];
            if at[d] < shape[d] {
                break;
            }
            a -= at[d] * from_stride[d];
            b -= at[d] * to_stride[d];
            at[d] = 0;
        }
    }
}

/// Runs that are equally far apart, of `run` bytes each.
struct Runs {
    run: usize,
    count: usize,
    from_step: usize,
    to_step: usize,
}

impl Runs {
    /// Copies them. Runs of a cell or a few are common (series of one place, or of a small box) and
    /// too short for a call each.
    fn copy(&self, source: &[u8], target: &mut [u8]) {
        match self.run {
            4 => self.each(source, target, copy_ends::<4>),
            8..=16 => self.each(source, target, copy_ends::<8>),
            2 => self.each(source, target, copy_ends::<2>),
            17..=32 => self.each(source, target, copy_ends::<16>),
            33..=64 => self.each(source, target, copy_ends::<32>),
            _ => self.each(source, target, |from, to| to.copy_from_slice(from)),
        }
    }

    #[inline]
    fn each(&self, source: &[u8], target: &mut [u8], copy: impl Fn(&[u8], &mut [u8])) {
        let (mut i, mut j) = (0, 0);
        for _ in 0..self.count {
            copy(&source[i..i + self.run], &mut target[j..j + self.run]);
            i += self.from_step;
            j += self.to_step;
        }
    }
}

/// Copies the first `N` bytes and the last `N`, which together are all.
#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    let last = from.len() - N;
    to[..N].copy_from_slice(&from[..N]);
    if last > 0 {
        to[last..last + N].copy_from_slice(&from[last..last + N]);
    }
}

/// Puts what `from` holds into those of the chunks that it meets, in rayon threads. `chunks` are
/// in C order, `bytes` theirs, one after the other.
pub(super) fn scatter(
    (from, source): (&IndexBox, &[u8]),
    (chunks, bytes): (&[IndexBox], &mut [u8]),
    size: usize,
) {
    let mut rest = bytes;
    let mut wanted: Vec<(&IndexBox, &mut [u8])> = Vec::new();
    for chunk in chunks {
        let (mine, after) = std::mem::take(&mut rest).split_at_mut(chunk.len() * size);
        rest = after;
        if !chunk.intersect(from).is_empty() {
            wanted.push((chunk, mine));
        }
    }
    // Chunks side by side in one task share the lines of the source that they cut.
    let Some(last) = from.ndim().checked_sub(1) else {
        wanted.into_iter().for_each(|(_, target)| target.copy_from_slice(source));
        return;
    };
    let tasks = 4 * rayon::current_num_threads();
    let width = wanted.first().map_or(1, |(chunk, _)| chunk.range(last).len().max(1));
    let row = from.range(last).len().div_ceil(width).max(1);
    let group = row.min(wanted.len().div_ceil(tasks)).max(1);
    wanted.par_chunks_mut(group).for_each(|group| {
        let Some(band) = around(group.iter().map(|(chunk, _)| *chunk)) else { return };
        let band = band.intersect(from);
        for sub in cut(&band, &along_slowest(&band, size)) {
            for (chunk, target) in group.iter_mut() {
                copy_part((from, source), (chunk, target), &chunk.intersect(&sub), size);
            }
        }
    });
}

/// A thickness that cuts `band` in its slowest dimension of more than one index, so that pieces
/// fit a cache.
fn along_slowest(band: &IndexBox, size: usize) -> Vec<usize> {
    let mut thick: Vec<usize> = band.ranges().iter().map(|r| r.end.max(1)).collect();
    if let Some(d) = (0..band.ndim()).find(|&d| band.range(d).len() > 1) {
        let slice = band.len() / band.range(d).len() * size;
        thick[d] = (CACHED / slice.max(1)).max(1);
    }
    thick
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length() {
        let source: Vec<u8> = (0..200).collect();
        for run in 1..=80 {
            let mut target = [255; 200];
            let runs = Runs { run, count: 2, from_step: run + 7, to_step: run + 1 };
            runs.copy(&source, &mut target);
            let mut expected = [255; 200];
            expected[..run].copy_from_slice(&source[..run]);
            expected[run + 1..][..run].copy_from_slice(&source[run + 7..][..run]);
            assert_eq!(target, expected, "{run}");
        }
    }
}
