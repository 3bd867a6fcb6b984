//! Which bytes of a file hold a block.

use super::storage::{Address, Filter, Layout, Storage};
use super::walk::strides;
use rustix::fs::{fadvise, Advice};
use std::fs::File;
use std::num::NonZeroU64;
use std::ops::Range;

/// The bytes, as ranges: every chunk that is touched, of one without filters from the first to the
/// last element; else, per index of the slowest dimension, from the first to the last element.
fn extents(storage: &Storage, ranges: &[Range<usize>]) -> Vec<Range<u64>> {
    let size = storage.dtype.size();
    let inside: Vec<Range<usize>> =
        ranges.iter().zip(&storage.shape).map(|(r, &n)| r.start.min(n)..r.end.min(n)).collect();
    if inside.iter().any(Range::is_empty) {
        return Vec::new();
    }
    let (offset, stride) = match &storage.layout {
        Layout::Compact { .. } | Layout::Unwritten => return Vec::new(),
        Layout::Chunked { chunk, addresses, filters } => {
            let needed = |k: usize, origin: &[usize]| {
                let address = addresses.get(k).filter(|a| a.offset != Address::UNWRITTEN)?;
                let all = address.offset..address.offset + address.bytes;
                if filters.is_empty() {
                    let part = within(chunk, origin, &inside, size)?;
                    return Some(all.start + part.start..all.start + part.end);
                }
                Some(all)
            };
            return touched(storage, chunk, &inside).filter_map(|(k, origin)| needed(k, &origin)).collect();
        }
        Layout::Contiguous { offset } => (*offset, None),
        Layout::Records { offset, stride } => (*offset, Some(*stride)),
    };
    let Some(strides) = strides(&storage.shape, size) else { return Vec::new() };
    let Some(slowest) = inside.first() else {
        return std::iter::once(offset..offset + size as u64).collect();
    };
    let step = stride.unwrap_or(strides[0] as u64);
    let fast = || inside.iter().zip(&strides).skip(1);
    let first: usize = fast().map(|(r, s)| r.start * s).sum();
    let last: usize = fast().map(|(r, s)| (r.end - 1) * s).sum();
    let at = |i: usize| offset + i as u64 * step;
    slowest.clone().map(|i| at(i) + first as u64..at(i) + (last + size) as u64).collect()
}

/// Numbers of the chunks that hold a block that is not empty, and where they begin.
fn touched(
    storage: &Storage,
    chunk: &[usize],
    inside: &[Range<usize>],
) -> impl Iterator<Item = (usize, Vec<usize>)> {
    let mut found = vec![(0usize, Vec::new())];
    for ((&n, &c), r) in storage.shape.iter().zip(chunk).zip(inside) {
        let c = c.max(1);
        let hit = r.start / c..(r.end - 1) / c + 1;
        let next = |(k, origin): &(usize, Vec<usize>)| {
            let (k, origin) = (*k, origin.clone());
            hit.clone().map(move |i| (k * n.div_ceil(c) + i, [&origin[..], &[i * c]].concat()))
        };
        found = found.iter().flat_map(next).collect();
    }
    found.into_iter()
}

/// Bytes within a chunk from the first to the last element of a block.
fn within(chunk: &[usize], origin: &[usize], inside: &[Range<usize>], size: usize) -> Option<Range<u64>> {
    let strides = strides(chunk, size)?;
    let (mut first, mut last) = (0, 0);
    for d in 0..chunk.len() {
        first += (inside[d].start.max(origin[d]) - origin[d]) * strides[d];
        last += (inside[d].end.min(origin[d] + chunk[d]) - 1 - origin[d]) * strides[d];
    }
    Some(first as u64..(last + size) as u64)
}

/// Bytes to be read for a block; of what can be read in parts, those of its elements.
pub(crate) fn stored_bytes(storage: &Storage, ranges: &[Range<usize>]) -> u64 {
    let all: u64 = extents(storage, ranges).iter().map(|r| r.end - r.start).sum();
    match &storage.layout {
        Layout::Chunked { filters, .. } if !filters.is_empty() => all,
        _ => {
            let inside =
                ranges.iter().zip(&storage.shape).map(|(r, &n)| r.end.min(n).saturating_sub(r.start));
            all.min(inside.product::<usize>() as u64 * storage.dtype.size() as u64)
        }
    }
}

/// Asks the system to fetch a block.
pub(crate) fn will_need(file: &File, storage: &Storage, ranges: &[Range<usize>]) {
    let mut merged: Option<Range<u64>> = None;
    let ask = |r: Range<u64>| {
        // Advice: a system that takes none is none the worse.
        let _ = fadvise(file, r.start, NonZeroU64::new(r.end - r.start), Advice::WillNeed);
    };
    for next in extents(storage, ranges) {
        match &mut merged {
            Some(last) if last.end == next.start => last.end = next.end,
            _ => {
                merged.replace(next).into_iter().for_each(ask);
            }
        }
    }
    merged.into_iter().for_each(ask);
}

/// Bytes of the buffers of a thread that reads.
pub(crate) fn scratch_bytes(storage: &Storage) -> u64 {
    let Layout::Chunked { chunk, filters, addresses } = &storage.layout else { return 0 };
    if filters.is_empty() {
        return 0;
    }
    let full = chunk.iter().product::<usize>() as u64 * storage.dtype.size() as u64;
    let stored = addresses.iter().map(|a| a.bytes).max().unwrap_or(0);
    // A filter whose output is turned once more leaves both buffers as large as a chunk.
    let turned = filters.iter().skip(1).any(|f| matches!(f, Filter::Shuffle { .. }));
    full + if turned { stored.max(full) } else { stored }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::DType;

    #[test]
    fn chunks_and_rows() {
        let of = |layout| Storage {
            dtype: DType::F32,
            big_endian: false,
            shape: vec![3, 4, 5],
            fill: vec![0; 4],
            layout,
        };
        let rows = of(Layout::Contiguous { offset: 100 });
        assert_eq!(extents(&rows, &[1..3, 1..2, 2..4]), [208..216, 288..296]);
        assert_eq!(stored_bytes(&rows, &[0..9, 0..4, 0..5]), 240);
        let records = of(Layout::Records { offset: 100, stride: 1000 });
        assert_eq!(extents(&records, &[1..3, 1..2, 2..4]), [1128..1136, 2128..2136]);
        let address =
            |k: u64| Address { offset: if k == 5 { Address::UNWRITTEN } else { k * 80 }, bytes: 80, mask: 0 };
        let chunk = vec![2, 2, 5];
        let chunks = of(Layout::Chunked { chunk, filters: vec![], addresses: (0..4).map(address).collect() });
        assert_eq!(extents(&chunks, &[1..3, 1..2, 2..4]), [68..76, 188..196]);
        assert_eq!(stored_bytes(&chunks, &[2..3, 0..4, 0..1]), 16);
        let Layout::Chunked { chunk, addresses, .. } = chunks.layout.clone() else { panic!("in chunks") };
        let packed = of(Layout::Chunked { chunk, filters: vec![Filter::Deflate], addresses });
        assert_eq!(extents(&packed, &[1..3, 1..2, 2..4]), [0..80, 160..240]);
        assert_eq!(stored_bytes(&packed, &[2..3, 0..4, 0..1]), 160);
        assert!(extents(&chunks, &[3..5, 0..1, 0..1]).is_empty());
        let scalar = Storage { shape: vec![], ..rows };
        assert_eq!(extents(&scalar, &[]).first(), Some(&(100..104)));
    }
}
