//! Cutting the index space along chunks.

use crate::index::IndexBox;

/// How thick groups of whole chunks are in each dimension, so that one holds about `limit`
/// cells, but a chunk at least. `extent` is the shape of what is to be cut. Trailing dimensions
/// are kept whole as far as that goes: then a group is contiguous in C order. Groups are of
/// about the same size: no thin rest at the end.
pub fn thickness(extent: &[usize], chunk: &[usize], limit: usize) -> Vec<usize> {
    let mut thick: Vec<usize> = chunk.iter().map(|&c| c.max(1)).collect();
    let mut cells = thick.iter().fold(1usize, |n, &c| n.saturating_mul(c));
    for d in (0..extent.len()).rev() {
        let all = extent[d].div_ceil(thick[d]).max(1);
        let most = (limit / cells.max(1)).max(1);
        if most < all {
            thick[d] *= all.div_ceil(all.div_ceil(most));
            break;
        }
        cells = (cells / thick[d]).saturating_mul(extent[d].max(1));
        thick[d] *= all;
    }
    thick
}

/// The pieces of `block` between multiples of `thick`, in C order; none of an empty block.
pub fn cut(block: &IndexBox, thick: &[usize]) -> Vec<IndexBox> {
    if block.is_empty() {
        return Vec::new();
    }
    let mut pieces = vec![block.clone()];
    for (d, &step) in thick.iter().enumerate() {
        let range = block.range(d);
        let slabs = range.start / step..range.end.div_ceil(step);
        if slabs.len() == 1 {
            continue;
        }
        let slab = |k: usize| (k * step).max(range.start)..((k + 1) * step).min(range.end);
        pieces =
            pieces.iter().flat_map(|piece| slabs.clone().map(|k| piece.with_range(d, slab(k)))).collect();
    }
    pieces
}

/// The chunks that meet `block`, each as far as it lies inside, in C order.
pub fn chunks_of(block: &IndexBox, chunk: &[usize]) -> Vec<IndexBox> {
    cut(block, chunk)
}

/// The smallest box around some that are not empty.
pub(super) fn around<'a>(boxes: impl IntoIterator<Item = &'a IndexBox>) -> Option<IndexBox> {
    let mut boxes = boxes.into_iter();
    let mut ranges = boxes.next()?.ranges().to_vec();
    for b in boxes {
        for (a, r) in ranges.iter_mut().zip(b.ranges()) {
            *a = a.start.min(r.start)..a.end.max(r.end);
        }
    }
    Some(IndexBox::new(ranges))
}

/// The smallest number that both lengths divide, `most` if that is beyond it.
pub(crate) fn common(a: usize, b: usize, most: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    (a / x.max(1)).checked_mul(b).map_or(most, |n| n.min(most))
}
