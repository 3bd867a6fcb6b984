//! From one decomposition to another, between buffers that stay: for what changes its decomposition
//! again and again, such as transforms of several axes.

use crate::comm::{Comm, Formula};
use crate::decomposition::Decomposition;
use crate::index::IndexBox;
use crate::memory;
use bytemuck::Pod;
use rayon::prelude::*;

/// Values of any plain type on their way from one decomposition to another, as
/// [`Field::redistribute`](crate::field::Field::redistribute) moves fields, but with memory that is
/// used again.
#[derive(Debug)]
pub struct Redistribution<T> {
    // Of what leaves and arrives, by rank, one after another.
    leaving: Vec<T>,
    arriving: Vec<T>,
}

impl<T> Default for Redistribution<T> {
    fn default() -> Self {
        Self { leaving: Vec::new(), arriving: Vec::new() }
    }
}

/// Makes a buffer of `len` values, on huge pages if it is large and new; what was in it stays as far
/// as it fits, or is lost.
pub fn fit<T: Pod>(buffer: &mut Vec<T>, len: usize) {
    if buffer.capacity() < len {
        *buffer = memory::filled(len, T::zeroed());
    } else {
        buffer.resize(len, T::zeroed());
    }
}

/// What each rank has for each other when values of `element` bytes go from one decomposition to
/// another: from, to, bytes.
pub fn parts(from: &Decomposition, to: &Decomposition, element: usize) -> Vec<(usize, usize, usize)> {
    let blocks = (0..from.ranks()).map(|rank| (rank, from.block(rank)));
    let of = |(rank, block): (usize, IndexBox)| {
        let pieces = to.overlaps(&block);
        pieces.into_iter().map(move |(other, piece)| (rank, other, piece.len() * element))
    };
    blocks.filter(|(_, block)| !block.is_empty()).flat_map(of).collect()
}

impl<T: Pod + Send + Sync> Redistribution<T> {
    /// Adds what the ranks send in one [`Self::exchange`]: a message from each to each other rank that
    /// wants part of its block.
    pub fn foresee(formula: &mut Formula, from: &Decomposition, to: &Decomposition) {
        formula.all_to_all_into(parts(from, to, size_of::<T>()));
    }

    /// Moves the values of this rank's block of `from` (C order) to where `to` wants them: into `out`,
    /// which becomes as long as its block there.
    ///
    /// # Collective
    /// Every rank calls this with the same decompositions, which are of one shape and as many ranks
    /// as there are.
    pub fn exchange(
        &mut self,
        comm: &Comm,
        (from, data): (&Decomposition, &[T]),
        (to, out): (&Decomposition, &mut Vec<T>),
    ) {
        let me = comm.rank();
        let (have, want) = (from.block(me), to.block(me));
        fit(out, want.len());
        let pieces = |of: &Decomposition, block: &IndexBox| -> Vec<IndexBox> {
            let mut all = vec![IndexBox::new(vec![0..0; block.ndim()]); comm.size()];
            if !block.is_empty() {
                of.overlaps(block).into_iter().for_each(|(rank, piece)| all[rank] = piece);
            }
            all
        };
        let (sent, got) = (pieces(to, &have), pieces(from, &want));
        // What stays needs no buffer.
        let len = |rank: usize, piece: &IndexBox| if rank == me { 0 } else { piece.len() };
        let lens = |all: &[IndexBox]| all.iter().enumerate().map(|(r, p)| len(r, p)).collect::<Vec<_>>();
        let (sent_lens, got_lens) = (lens(&sent), lens(&got));
        fit(&mut self.leaving, sent_lens.iter().sum());
        fit(&mut self.arriving, got_lens.iter().sum());
        let mut rest = self.leaving.as_mut_slice();
        for (piece, len) in sent.iter().zip(&sent_lens).filter(|(_, len)| **len > 0) {
            let (part, after) = rest.split_at_mut(*len);
            pack(&have, data, piece, part);
            rest = after;
        }
        {
            let (mut leaving, mut arriving) = (self.leaving.as_slice(), self.arriving.as_mut_slice());
            let mut outgoing = Vec::with_capacity(sent_lens.len());
            let mut incoming = Vec::with_capacity(got_lens.len());
            for (sent, got) in sent_lens.iter().zip(&got_lens) {
                let (out, after) = leaving.split_at(*sent);
                outgoing.push(out);
                leaving = after;
                let (into, after) = arriving.split_at_mut(*got);
                incoming.push(into);
                arriving = after;
            }
            comm.all_to_all_into(&outgoing, &mut incoming);
        }
        let mut rest = self.arriving.as_slice();
        let mut sources: Vec<(&IndexBox, &IndexBox, &[T])> = Vec::new();
        for (rank, (piece, len)) in got.iter().zip(&got_lens).enumerate() {
            let (part, after) = rest.split_at(*len);
            rest = after;
            if rank == me {
                sources.push((piece, &have, data));
            } else {
                sources.push((piece, piece, part));
            }
        }
        sources.retain(|(piece, _, _)| !piece.is_empty());
        unpack(&want, out, &sources);
    }
}

/// Values of the slowest dimension.
fn slab(block: &IndexBox) -> usize {
    block.shape().iter().skip(1).product()
}

/// The values of `piece` of a block, slab by slab in threads.
fn pack<T: Pod + Send + Sync>(block: &IndexBox, data: &[T], piece: &IndexBox, out: &mut [T]) {
    let first = piece.range(0).start;
    out.par_chunks_mut(slab(piece).max(1)).enumerate().for_each(|(i, out)| {
        let part = piece.with_range(0, first + i..first + i + 1);
        block.for_each_run(&part, |from, to, n| out[to..to + n].copy_from_slice(&data[from..from + n]));
    });
}

/// Puts pieces into a block, slab by slab in threads; each comes with the box whose values it is
/// part of.
fn unpack<T: Pod + Send + Sync>(block: &IndexBox, out: &mut [T], sources: &[(&IndexBox, &IndexBox, &[T])]) {
    if block.is_empty() {
        return;
    }
    let first = block.range(0).start;
    out.par_chunks_mut(slab(block)).enumerate().for_each(|(i, out)| {
        let own = block.with_range(0, first + i..first + i + 1);
        for (piece, holder, data) in sources.iter().filter(|(p, _, _)| p.range(0).contains(&(first + i))) {
            let part = piece.with_range(0, first + i..first + i + 1);
            rows(&part, &own, holder, |to, from, n| out[to..to + n].copy_from_slice(&data[from..from + n]));
        }
    });
}

/// Calls `run(offset in a, offset in b, length)` for runs of `part`, which lies inside of both.
fn rows(part: &IndexBox, a: &IndexBox, b: &IndexBox, mut run: impl FnMut(usize, usize, usize)) {
    let n = part.ndim();
    // Trailing dimensions that both boxes have as the part has them are one run.
    let same = |d: usize| part.range(d) == a.range(d) && part.range(d) == b.range(d);
    let mut head = n - 1;
    while head > 0 && same(head) {
        head -= 1;
    }
    let shape = part.shape();
    let length: usize = shape[head..].iter().product();
    let strides = |of: &IndexBox| {
        let mut strides = vec![1; n];
        for d in (0..n - 1).rev() {
            strides[d] = strides[d + 1] * of.range(d + 1).len();
        }
        strides
    };
    let begin = |of: &IndexBox, strides: &[usize]| -> usize {
        (0..n).map(|d| (part.range(d).start - of.range(d).start) * strides[d]).sum()
    };
    let (in_a, in_b) = (strides(a), strides(b));
    let (mut from_a, mut from_b) = (begin(a, &in_a), begin(b, &in_b));
    let mut at = vec![0; head];
    for _ in 0..shape[..head].iter().product() {
        run(from_a, from_b, length);
        for d in (0..head).rev() {
            at[d] += 1;
            (from_a, from_b) = (from_a + in_a[d], from_b + in_b[d]);
            if at[d] < shape[d] {
                break;
            }
            (from_a, from_b) = (from_a - at[d] * in_a[d], from_b - at[d] * in_b[d]);
            at[d] = 0;
        }
    }
}
