//! From one decomposition to another, between buffers that stay: for what changes its decomposition
//! again and again, such as transforms of several axes.

use crate::comm::{Comm, Formula};
use crate::decomposition::Decomposition;
use crate::index::IndexBox;
use crate::memory::fit;
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
        let pieces = |of: &Decomposition, block: &IndexBox| -> Vec<IndexBox> {
            let mut all = vec![IndexBox::new(vec![0..0; block.ndim()]); comm.size()];
            if !block.is_empty() {
                of.overlaps(block).into_iter().for_each(|(rank, piece)| all[rank] = piece);
            }
            all
        };
        let (have, want) = (from.block(me), to.block(me));
        fit(out, want.len());
        let (sent, got) = (pieces(to, &have), pieces(from, &want));
        self.travel(comm, (&have, data, &sent), (&want, out, &got));
    }

    /// [`Self::exchange`] between boxes that follow no rule: `from` and `to` name that of each rank,
    /// without an index in two boxes of one side. What of `from` lies in no box of `to` is not sent, and
    /// what of `out`, which is as long as this rank's box of `to`, comes from nowhere stays as it is.
    ///
    /// # Collective
    /// Every rank calls this with the same boxes, as many on either side as there are ranks.
    ///
    /// # Panics
    /// If there are not as many boxes as ranks, or data are not as long as theirs.
    pub fn exchange_boxes(
        &mut self,
        comm: &Comm,
        (from, data): (&[IndexBox], &[T]),
        (to, out): (&[IndexBox], &mut [T]),
    ) {
        let pieces = |of: &[IndexBox], block: &IndexBox| -> Vec<IndexBox> {
            of.iter().map(|other| block.intersect(other)).collect()
        };
        let (have, want) = (&from[comm.rank()], &to[comm.rank()]);
        assert!(data.len() == have.len() && out.len() == want.len(), "values of other boxes");
        let (sent, got) = (pieces(to, have), pieces(from, want));
        self.travel(comm, (have, data, &sent), (want, out, &got));
    }

    /// Moves pieces of a box to other ranks, and what comes from them into another box.
    fn travel(
        &mut self,
        comm: &Comm,
        (have, data, sent): (&IndexBox, &[T], &[IndexBox]),
        (want, out, got): (&IndexBox, &mut [T], &[IndexBox]),
    ) {
        let me = comm.rank();
        // What stays needs no buffer.
        let len = |rank: usize, piece: &IndexBox| if rank == me { 0 } else { piece.len() };
        let lens = |all: &[IndexBox]| all.iter().enumerate().map(|(r, p)| len(r, p)).collect::<Vec<_>>();
        let (sent_lens, got_lens) = (lens(sent), lens(got));
        fit(&mut self.leaving, sent_lens.iter().sum());
        fit(&mut self.arriving, got_lens.iter().sum());
        let mut rest = self.leaving.as_mut_slice();
        for (piece, len) in sent.iter().zip(&sent_lens).filter(|(_, len)| **len > 0) {
            let (part, after) = rest.split_at_mut(*len);
            pack(have, data, piece, part);
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
                sources.push((piece, have, data));
            } else {
                sources.push((piece, piece, part));
            }
        }
        sources.retain(|(piece, _, _)| !piece.is_empty());
        unpack(want, out, &sources);
    }
}

/// The slowest dimension that there is more than one index of, and the values of each.
fn slab(block: &IndexBox) -> (usize, usize) {
    let shape = block.shape();
    let d = shape.iter().position(|n| *n > 1).unwrap_or(0);
    (d, shape.iter().skip(d + 1).product())
}

/// The values of `piece` of a block, slab by slab in threads.
fn pack<T: Pod + Send + Sync>(block: &IndexBox, data: &[T], piece: &IndexBox, out: &mut [T]) {
    let (d, values) = slab(piece);
    let first = piece.range(d).start;
    out.par_chunks_mut(values.max(1)).enumerate().for_each(|(i, out)| {
        let part = piece.with_range(d, first + i..first + i + 1);
        block.for_each_run(&part, |from, to, n| out[to..to + n].copy_from_slice(&data[from..from + n]));
    });
}

/// Puts pieces into a block, slab by slab in threads; each comes with the box whose values it is
/// part of.
fn unpack<T: Pod + Send + Sync>(block: &IndexBox, out: &mut [T], sources: &[(&IndexBox, &IndexBox, &[T])]) {
    if block.is_empty() {
        return;
    }
    let (d, values) = slab(block);
    let first = block.range(d).start;
    out.par_chunks_mut(values).enumerate().for_each(|(i, out)| {
        let own = block.with_range(d, first + i..first + i + 1);
        for (piece, holder, data) in sources.iter().filter(|(p, _, _)| p.range(d).contains(&(first + i))) {
            let part = piece.with_range(d, first + i..first + i + 1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;

    #[test]
    fn boxes_in_any_order_and_parts_of_them() {
        let rows = |from: usize, to: usize| IndexBox::new(vec![from..to, 0..3]);
        run_threads(3, |comm| {
            let me = comm.rank();
            let from = [rows(0, 2), rows(2, 5), rows(5, 7)];
            let whole = IndexBox::whole(&[7, 3]);
            let all: Vec<f64> = (0..21).map(f64::from).collect();
            let own = |of: &[IndexBox]| {
                let mut own = Vec::new();
                whole.extract(&all, &of[me], &mut own);
                own
            };
            let mut moving = Redistribution::default();
            // The last rows first, and none on one rank; the first two rows go nowhere.
            let to = [rows(4, 7), rows(0, 0), rows(2, 4)];
            let mut out = vec![-1.0; to[me].len()];
            moving.exchange_boxes(comm, (&from, &own(&from)), (&to, &mut out));
            assert_eq!(out, own(&to));
            // And back: what comes from nowhere stays.
            let mut back = vec![-1.0; from[me].len()];
            moving.exchange_boxes(comm, (&to, &out), (&from, &mut back));
            let expected = if me == 0 { vec![-1.0; 6] } else { own(&from) };
            assert_eq!(back, expected);
        });
    }
}
