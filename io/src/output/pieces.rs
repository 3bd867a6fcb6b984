//! Boxes of cells: cutting them into pieces, where they meet, how they lie in memory.
//!
//! Cutting for the collective writer never cuts a stored chunk: one that is written in two goes
//! is inflated and deflated again.

use halocline_core::index::IndexBox;

/// How thick pieces are in each dimension. They end where the global index is a multiple of
/// it, so that all ranks cut at the same places.
///
/// `block` is the shape of the largest block to be cut, `whole` the variable's. Pieces hold
/// about `limit` cells, but a chunk at least. Trailing dimensions are kept whole as far as
/// that goes: then a piece is contiguous.
#[cfg(any(test, feature = "mpi"))]
pub(super) fn thickness(whole: &[usize], block: &[usize], chunk: &[usize], limit: usize) -> Vec<usize> {
    let mut thick = chunk.to_vec();
    let mut cells: usize = chunk.iter().product();
    for d in (0..whole.len()).rev() {
        let chunks = (limit / cells.max(1)).max(1);
        cells /= chunk[d];
        // A block that does not start with a chunk touches one more.
        let all = (block[d] + chunk[d] - 1).min(whole[d]).max(1);
        if chunks * chunk[d] < all {
            thick[d] = chunks * chunk[d];
            break;
        }
        thick[d] = whole[d].max(1);
        cells *= all;
    }
    thick
}

/// The pieces of `block`, in C order; none of an empty block.
#[cfg(any(test, feature = "mpi"))]
pub(super) fn cut(block: &IndexBox, thick: &[usize]) -> Vec<IndexBox> {
    let mut pieces = vec![block.clone()];
    if block.is_empty() {
        pieces.clear();
    }
    for (d, &step) in thick.iter().enumerate() {
        let range = block.range(d);
        pieces = pieces
            .iter()
            .flat_map(|piece| {
                let slabs = range.start / step..range.end.div_ceil(step);
                slabs.map(|k| {
                    let slab = (k * step).max(range.start)..((k + 1) * step).min(range.end);
                    piece.with_range(d, slab)
                })
            })
            .collect();
    }
    pieces
}

/// The smallest box around those that are not empty.
pub(super) fn bounding(boxes: &[IndexBox]) -> Option<IndexBox> {
    let mut full = boxes.iter().filter(|b| !b.is_empty());
    let mut around = full.next()?.ranges().to_vec();
    for b in full {
        for (a, r) in around.iter_mut().zip(b.ranges()) {
            *a = a.start.min(r.start)..a.end.max(r.end);
        }
    }
    Some(IndexBox::new(around))
}

/// Two of the boxes that share a cell, by their numbers.
pub(super) fn overlap(boxes: &[IndexBox]) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..boxes.len()).filter(|&i| !boxes[i].is_empty()).collect();
    let first = |i: usize| boxes[i].ranges().first().map_or(0..1, Clone::clone);
    order.sort_by_key(|&i| first(i).start);
    for (k, &i) in order.iter().enumerate() {
        // Sorted: who starts behind our end can't meet us, nor can those after him.
        let near = order[k + 1..].iter().take_while(|&&j| first(j).start < first(i).end);
        for &j in near {
            if !boxes[i].intersect(&boxes[j]).is_empty() {
                return Some((i.min(j), i.max(j)));
            }
        }
    }
    None
}

/// Calls `run(offset in a, offset in b, length)` for each run of cells of `part` that is
/// contiguous in C order in both boxes, which both hold `part`.
pub(super) fn for_each_common_run(
    a: &IndexBox,
    b: &IndexBox,
    part: &IndexBox,
    mut run: impl FnMut(usize, usize, usize),
) {
    debug_assert!(a.contains(part) && b.contains(part));
    if part.is_empty() {
        return;
    }
    let n = part.ndim();
    if n == 0 {
        run(0, 0, 1);
        return;
    }
    // Trailing dimensions that all three have whole fold into one run.
    let mut head = n - 1;
    while head > 0 && part.range(head) == a.range(head) && part.range(head) == b.range(head) {
        head -= 1;
    }
    let shape = part.shape();
    let length: usize = shape[head..].iter().product();
    let strides = |outer: &IndexBox| {
        let mut strides = vec![1; n];
        for d in (0..n - 1).rev() {
            strides[d] = strides[d + 1] * outer.range(d + 1).len();
        }
        strides
    };
    let first = |outer: &IndexBox, strides: &[usize]| -> usize {
        (0..n).map(|d| (part.range(d).start - outer.range(d).start) * strides[d]).sum()
    };
    let (steps_a, steps_b) = (strides(a), strides(b));
    let (mut at_a, mut at_b) = (first(a, &steps_a), first(b, &steps_b));
    let mut at = vec![0; head];
    loop {
        run(at_a, at_b, length);
        let mut d = head;
        loop {
            if d == 0 {
                return;
            }
            d -= 1;
            at[d] += 1;
            at_a += steps_a[d];
            at_b += steps_b[d];
            if at[d] < shape[d] {
                break;
            }
            at_a -= at[d] * steps_a[d];
            at_b -= at[d] * steps_b[d];
            at[d] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_tile_the_block_and_cut_no_chunk() {
        let (whole, chunk) = ([9, 7, 11], [2, 3, 4]);
        for block in [
            IndexBox::whole(&whole),
            IndexBox::new(vec![1..8, 2..7, 3..11]),
            IndexBox::new(vec![4..5, 0..1, 10..11]),
            IndexBox::new(vec![4..5, 3..3, 10..11]),
        ] {
            for limit in [1, 24, 30, 60, 100, 300, 10_000] {
                let thick = thickness(&whole, &block.shape(), &chunk, limit);
                let pieces = cut(&block, &thick);
                assert_eq!(pieces.iter().map(IndexBox::len).sum::<usize>(), block.len());
                assert_eq!(overlap(&pieces), None);
                for piece in &pieces {
                    assert!(block.contains(piece) && !piece.is_empty());
                    assert!(piece.len() <= limit.max(24), "{piece:?} {limit} {thick:?}");
                    for (d, chunk) in chunk.iter().enumerate() {
                        let (p, b) = (piece.range(d), block.range(d));
                        assert!(p.start == b.start || p.start % chunk == 0);
                        assert!(p.end == b.end || p.end % chunk == 0);
                    }
                }
                if limit == 10_000 && !block.is_empty() {
                    assert_eq!(pieces.len(), 1);
                }
            }
        }
    }

    #[test]
    fn common_runs_are_the_cells_of_the_part() {
        let (a, b) = (IndexBox::new(vec![1..6, 2..5, 0..4]), IndexBox::new(vec![0..6, 2..9, 0..4]));
        for part in [
            vec![1..6, 2..5, 0..4],
            vec![2..4, 3..5, 0..4],
            vec![2..4, 2..5, 1..3],
            vec![5..6, 4..5, 3..4],
            vec![2..2, 2..5, 0..4],
        ] {
            let part = IndexBox::new(part);
            let (mut got, mut expected) = (Vec::new(), Vec::new());
            for_each_common_run(&a, &b, &part, |x, y, n| got.extend((0..n).map(|k| (x + k, y + k))));
            for t in part.range(0) {
                for y in part.range(1) {
                    let of = |x| (((t - 1) * 3 + y - 2) * 4 + x, (t * 7 + y - 2) * 4 + x);
                    expected.extend(part.range(2).map(of));
                }
            }
            assert_eq!(got, expected, "{part:?}");
        }
        let scalar = IndexBox::whole(&[]);
        for_each_common_run(&scalar, &scalar, &scalar, |x, y, n| assert_eq!((x, y, n), (0, 0, 1)));
    }

    #[test]
    fn scalars_are_one_piece() {
        let scalar = IndexBox::whole(&[]);
        assert_eq!(cut(&scalar, &thickness(&[], &[], &[], 5)), vec![scalar]);
    }

    #[test]
    fn overlaps_are_seen() {
        let b = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| IndexBox::new(vec![a, b]);
        assert_eq!(overlap(&[b(0..2, 0..2), b(2..3, 0..2), b(0..3, 2..4), b(1..1, 0..4)]), None);
        assert_eq!(overlap(&[b(2..3, 0..2), b(5..6, 0..9), b(0..3, 1..4)]), Some((0, 2)));
        assert_eq!(bounding(&[b(2..3, 0..2), b(9..9, 9..9), b(0..1, 3..4)]), Some(b(0..3, 0..4)));
        assert_eq!(bounding(&[b(9..9, 9..9)]), None);
    }
}
