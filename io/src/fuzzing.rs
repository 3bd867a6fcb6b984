//! Entries for fuzzing: each takes any bytes and must come back, without a panic of its own.

use crate::direct::filters::Scratch;
use crate::direct::storage::Filter;
use crate::{classic, direct};

/// The header of a classic file.
pub fn classic_header(bytes: &[u8]) {
    drop(classic::read(bytes, bytes.len() as u64));
}

/// Metadata of an HDF5 file and, through its indexes of chunks, small variables.
pub fn hdf5(bytes: &[u8]) {
    drop(direct::meta::of_bytes(bytes));
}

/// The chain of filters of a chunk: the first bytes choose it, the rest is what is stored.
pub fn codecs(bytes: &[u8]) {
    let Some((&[chain, mask, size, full], stored)) = bytes.split_first_chunk::<4>() else { return };
    let other = |id: u16| Filter::Other { id, parameters: vec![u32::from(size), 8, 64, 4, 64] };
    let all = [
        Filter::Shuffle { element: usize::from(size % 9) },
        Filter::Deflate,
        Filter::Fletcher32,
        other(4),
        other(5),
        other(6),
        other(32_000),
        other(32_015),
    ];
    let chosen = all.iter().enumerate().filter(|(k, _)| chain & (1 << k) != 0);
    let filters: Vec<Filter> = chosen.map(|(_, f)| f.clone()).collect();
    let mut scratch = Scratch::default();
    if let Ok(room) = scratch.stored(stored.len()) {
        room.copy_from_slice(stored);
        drop(scratch.undo(
            &filters,
            u32::from(mask),
            stored.len(),
            usize::from(full) * 64,
            usize::from(size % 9),
        ));
    }
}
