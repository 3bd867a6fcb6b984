//! In which pieces two files are gone through that may be chunked in any two ways.

use halocline_core::index::IndexBox;
use halocline_core::rechunk::{cut, thickness};

/// What bounds a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Cells that memory has room for.
    pub(super) room: u64,
    /// Cells beyond which a piece gains nothing unless chunks are larger.
    pub(super) usual: usize,
    pub(super) ranks: usize,
}

/// The pieces, the same on every rank, in C order. Whole chunks of both files where memory has room
/// for that: then each chunk is decoded once. Else whole chunks of one of them, whichever costs less.
/// `Err` has the cells of the smallest piece, if there is no room for it.
pub(super) fn pieces(shape: &[usize], chunks: [&[usize]; 2], bounds: Bounds) -> Result<Vec<IndexBox>, u64> {
    let whole = IndexBox::whole(shape);
    if shape.is_empty() || whole.is_empty() {
        return Ok(cut(&whole, &vec![1; shape.len()]));
    }
    let [a, b] = chunks.map(|chunk| {
        let within = |(&n, &c): (&usize, &usize)| c.clamp(1, n);
        shape.iter().zip(chunk).map(within).collect::<Vec<_>>()
    });
    let both: Vec<usize> = (0..shape.len()).map(|d| common(a[d], b[d], shape[d])).collect();
    let cells = |thick: &[usize]| {
        let within = |(&n, &t): (&usize, &usize)| t.min(n) as u64;
        shape.iter().zip(thick).map(within).fold(1u64, u64::saturating_mul)
    };
    let room = usize::try_from(bounds.room).unwrap_or(usize::MAX);
    let share = whole.len().div_ceil(bounds.ranks.max(1));
    let mut best: Option<(f64, Vec<usize>)> = None;
    // Small ones first: a larger one has to be worth it.
    for limit in [bounds.usual.min(share), share, room] {
        for base in [&both, &a, &b] {
            let thick = thickness(shape, base, limit.min(room));
            if cells(&thick) > bounds.room {
                continue;
            }
            let decoded: f64 = [&a, &b].iter().map(|chunk| decoded(shape, &thick, chunk)).sum();
            let parts: usize = shape.iter().zip(&thick).map(|(&n, &t)| n.div_ceil(t)).product();
            let cost = decoded / parts.min(bounds.ranks).max(1) as f64;
            if best.as_ref().is_none_or(|(least, _)| cost < 0.95 * least) {
                best = Some((cost, thick));
            }
        }
    }
    best.map(|(_, thick)| cut(&whole, &thick)).ok_or_else(|| cells(&a).min(cells(&b)))
}

/// The least common multiple of two lengths, or all there is.
fn common(a: usize, b: usize, all: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b).min(all)
}

/// Cells of all chunks that pieces of `thick` decode.
fn decoded(shape: &[usize], thick: &[usize], chunk: &[usize]) -> f64 {
    let along = |d: usize| {
        let met = |start: usize| {
            let end = (start + thick[d]).min(shape[d]);
            end.div_ceil(chunk[d]) - start / chunk[d]
        };
        (0..shape[d]).step_by(thick[d]).map(met).sum::<usize>() as f64 * chunk[d] as f64
    };
    (0..shape.len()).map(along).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 3] = [1200, 90, 180];

    fn walk(a: [usize; 3], b: [usize; 3], room: u64, ranks: usize) -> (Vec<IndexBox>, f64) {
        let found = pieces(&SHAPE, [&a, &b], Bounds { room, usual: 1 << 20, ranks }).expect("there is room");
        assert_eq!(found.iter().map(IndexBox::len).sum::<usize>(), SHAPE.iter().product::<usize>());
        assert!(found.iter().all(|piece| piece.len() as u64 <= room));
        let thick = found[0].shape();
        let all = [a, b].iter().map(|c| decoded(&SHAPE, &thick, c)).sum::<f64>();
        (found, all / SHAPE.iter().product::<usize>() as f64)
    }

    #[test]
    fn each_chunk_is_decoded_once_where_there_is_room() {
        let (maps, series) = ([1, 90, 180], [1200, 6, 6]);
        for (a, b) in [(maps, series), (series, maps)] {
            let (found, times) = walk(a, b, 1 << 30, 1);
            assert_eq!((found.len(), times), (1, 2.0));
            // With half the room one file is decoded twice.
            let (_, times) = walk(a, b, 1200 * 90 * 90, 1);
            assert!(times <= 3.1, "{times}");
        }
        let (found, times) = walk([24, 45, 180], [24, 90, 45], 1 << 30, 2);
        assert!(found.len() >= 4 && times < 2.1, "{} pieces, {times}", found.len());
        // Ranks share the work, though a file is decoded by each.
        let (found, _) = walk(maps, series, 1 << 30, 4);
        assert!(found.len() >= 4);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let bounds = Bounds { room: 10, usual: 1 << 20, ranks: 1 };
        assert_eq!(pieces(&SHAPE, [&[1, 90, 180], &[1200, 1, 1]], bounds), Err(1200));
        assert_eq!(pieces(&[], [&[], &[]], bounds).map(|p| p.len()), Ok(1));
        assert_eq!(pieces(&[0, 3], [&[1, 3], &[1, 3]], bounds).map(|p| p.len()), Ok(0));
    }
}
