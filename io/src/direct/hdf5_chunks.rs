//! Addresses of the values of an HDF5 dataset, checked against the file.

use super::hdf5::{damaged, Failure};
use super::storage::{Address, Filter, Layout};
use hdf5_reader::btree_v1::{collect_btree_v1_leaves_storage, BTreeV1Key};
use hdf5_reader::chunk_index::{
    collect_implicit_chunk_entries, collect_v2_chunk_entries_storage, single_chunk_entry, ChunkEntry,
};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::layout::ChunkIndexing;
use hdf5_reader::Hdf5File;

/// The longest chunk that HDF5 knows.
const LONGEST: u64 = u32::MAX as u64;
/// Chunks that a file may have although they are not written, whatever its length.
const UNWRITTEN: u64 = 1 << 20;

/// A dataset whose values are to be found.
pub(super) struct Place<'a> {
    pub(super) file: &'a Hdf5File,
    pub(super) shape: &'a [usize],
    pub(super) max: Option<&'a [u64]>,
    /// Bytes of an element.
    pub(super) size: usize,
}

impl Place<'_> {
    /// Bytes of all elements.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.size as u64, |n, &len| n.checked_mul(len as u64))
    }

    fn base(&self) -> u64 {
        self.file.superblock().base_address
    }

    /// The address of `bytes` in the file, if they are in it.
    fn inside(&self, address: u64, bytes: u64) -> Result<u64, Failure> {
        let len = self.file.storage().len();
        let end = address.checked_add(bytes).filter(|&end| end <= len);
        end.and_then(|_| address.checked_add(self.base())).ok_or_else(|| {
            damaged(format!("{bytes} bytes at {address} lie outside of it, which has {len}")).into()
        })
    }

    fn is_undefined(&self, address: u64) -> bool {
        let width = u32::from(self.file.superblock().offset_size.min(8));
        address == u64::MAX.checked_shr(64 - 8 * width).unwrap_or(0)
    }

    /// Values that lie together.
    pub(super) fn contiguous(&self, address: u64) -> Result<Layout, Failure> {
        if self.is_undefined(address) {
            return Ok(Layout::Unwritten);
        }
        let bytes = self.bytes().unwrap_or(u64::MAX);
        Ok(Layout::Contiguous { offset: self.inside(address, bytes)? })
    }

    /// Values in chunks. The lengths in the header may have the element's size behind them.
    pub(super) fn chunked(
        &self,
        address: u64,
        lengths: &[u32],
        index: Option<&ChunkIndexing>,
        filters: Vec<Filter>,
    ) -> Result<Layout, Failure> {
        let rank = self.shape.len();
        let lengths = match lengths.len().checked_sub(rank) {
            Some(0 | 1) if rank > 0 && !lengths.contains(&0) => &lengths[..rank],
            _ => return Err(damaged(format!("chunks of lengths {lengths:?} in {rank} dimensions")).into()),
        };
        let full = lengths.iter().try_fold(self.size as u64, |n, &len| n.checked_mul(u64::from(len)));
        let Some(full) = full.filter(|&n| n <= LONGEST) else {
            return Err(damaged(format!("chunks of lengths {lengths:?} are longer than any")).into());
        };
        let counts = self.shape.iter().zip(lengths).map(|(&n, &c)| n.div_ceil(c as usize) as u64);
        let count = counts.clone().try_fold(1u64, u64::checked_mul);
        let most = self.file.storage().len() / self.size as u64 + UNWRITTEN;
        let Some(count) = count.filter(|&n| n <= most) else {
            return Err(Failure::NotCovered("it has far more chunks than its file can hold".to_owned()));
        };
        let nowhere = Address { offset: Address::UNWRITTEN, bytes: 0, mask: 0 };
        let mut addresses = vec![nowhere; count as usize];
        if !self.is_undefined(address) && count > 0 {
            let counts: Vec<u64> = counts.collect();
            for entry in self.entries(address, lengths, index)? {
                let Some(number) = number(&entry, self.shape, lengths, &counts)? else { continue };
                if self.is_undefined(entry.address) {
                    continue;
                }
                let found = self.address(&entry, lengths, full, &filters, index)?;
                if std::mem::replace(&mut addresses[number], found) != nowhere {
                    return Err(damaged(format!("two chunks at {:?}", entry.offsets)).into());
                }
            }
        }
        Ok(Layout::Chunked { chunk: lengths.iter().map(|&n| n as usize).collect(), filters, addresses })
    }

    /// The chunks that are written, as the index has them.
    fn entries(
        &self,
        address: u64,
        lengths: &[u32],
        index: Option<&ChunkIndexing>,
    ) -> Result<Vec<ChunkEntry>, Failure> {
        let (storage, rank) = (self.file.storage(), self.shape.len());
        let block = self.file.superblock();
        let (offset, length) = (block.offset_size, block.length_size);
        let shape: Vec<u64> = self.shape.iter().map(|&n| n as u64).collect();
        // These two count chunks in the grid of the largest shape that the dataset may grow to.
        let by_largest = matches!(index, Some(ChunkIndexing::Implicit | ChunkIndexing::FixedArray { .. }));
        let along = |(n, &c): (&u64, &u32)| n.div_ceil(u64::from(c));
        let grid = |shape: &[u64]| shape.iter().zip(lengths).map(along).collect::<Vec<u64>>();
        if by_largest && self.max.is_some_and(|max| grid(max) != grid(&shape)) {
            return Err(Failure::NotCovered("its index has room for it to grow".to_owned()));
        }
        Ok(match index {
            None => {
                let ndim = Some(rank as u32);
                let leaves =
                    collect_btree_v1_leaves_storage(storage, address, offset, length, ndim, lengths, None)?;
                let entries: Vec<ChunkEntry> = leaves
                    .into_iter()
                    .map(|(key, address)| leaf(key, address, rank))
                    .collect::<Result<_, _>>()?;
                // These trees have no checksum; a key that is wrong would make a chunk look
                // unwritten.
                if !entries.is_sorted_by(|a, b| a.offsets < b.offsets) {
                    return Err(damaged("an index of chunks is out of order").into());
                }
                entries
            }
            Some(ChunkIndexing::SingleChunk { filtered_size, filters }) => {
                vec![single_chunk_entry(address, *filtered_size, *filters, rank)]
            }
            Some(ChunkIndexing::Implicit) => {
                collect_implicit_chunk_entries(address, &shape, lengths, self.size, None, storage.len())?
            }
            Some(ChunkIndexing::FixedArray { .. }) => collect_fixed_array_chunk_entries_storage(
                storage, address, offset, length, &shape, lengths, None,
            )?,
            Some(ChunkIndexing::ExtensibleArray { .. }) => collect_extensible_array_chunk_entries_storage(
                storage, address, offset, length, &shape, self.max, lengths, None,
            )?,
            Some(ChunkIndexing::BTreeV2) => collect_v2_chunk_entries_storage(
                storage,
                address,
                offset,
                length,
                rank as u32,
                lengths,
                None,
            )?,
        })
    }

    /// Checks where a chunk of `full` bytes is.
    fn address(
        &self,
        entry: &ChunkEntry,
        lengths: &[u32],
        full: u64,
        filters: &[Filter],
        index: Option<&ChunkIndexing>,
    ) -> Result<Address, Failure> {
        // Chunks that went through no filter may come without a length.
        let bytes = if filters.is_empty() || entry.size == 0 { full } else { entry.size };
        let used = |k: usize| k >= 32 || entry.filter_mask & (1 << k) == 0;
        let skipped = (0..filters.len()).all(|k| !used(k));
        let at_edge = || {
            let ends = entry.offsets.iter().zip(lengths).map(|(&o, &c)| o.saturating_add(u64::from(c)));
            ends.zip(self.shape).any(|(end, &n)| end > n as u64)
        };
        if index.is_some() && !skipped && bytes == full && at_edge() {
            // Newer files may leave out the filters at the edges, which the length alone betrays.
            return Err(Failure::NotCovered(
                "its chunks at the edges may be stored without filters".to_owned(),
            ));
        }
        let compressed = filters
            .iter()
            .enumerate()
            .any(|(k, f)| used(k) && matches!(f, Filter::Deflate | Filter::Other { .. }));
        let sums =
            filters.iter().enumerate().filter(|(k, f)| used(*k) && **f == Filter::Fletcher32).count() as u64;
        let plausible = if compressed { bytes <= 2 * full + (64 << 10) } else { bytes == full + 4 * sums };
        let deflated = filters.iter().enumerate().any(|(k, f)| used(k) && *f == Filter::Deflate);
        // One bit of a deflated stream gives 258 bytes at most.
        if !plausible || (deflated && bytes.saturating_mul(8 * 258) < full) {
            return Err(damaged(format!("a chunk of {full} bytes cannot be stored in {bytes}")).into());
        }
        let offset = self.inside(entry.address, bytes)?;
        Ok(Address { offset, bytes, mask: entry.filter_mask })
    }
}

fn leaf(key: BTreeV1Key, address: u64, rank: usize) -> Result<ChunkEntry, Failure> {
    match key {
        BTreeV1Key::RawData { chunk_size, filter_mask, mut offsets } => {
            offsets.truncate(rank);
            Ok(ChunkEntry { address, size: u64::from(chunk_size), filter_mask, offsets })
        }
        BTreeV1Key::Group { .. } => Err(damaged("an index of chunks holds something else").into()),
    }
}

/// The number of a chunk in the grid of chunks; `None` for what was left behind by a dataset that
/// has shrunk.
fn number(
    entry: &ChunkEntry,
    shape: &[usize],
    lengths: &[u32],
    counts: &[u64],
) -> Result<Option<usize>, Failure> {
    if entry.offsets.len() != shape.len() {
        return Err(damaged("an index of chunks is of another rank").into());
    }
    let mut number = 0u64;
    for (d, &offset) in entry.offsets.iter().enumerate() {
        let length = u64::from(lengths[d]);
        if offset % length != 0 {
            return Err(damaged(format!("a chunk at {:?}, off the grid", entry.offsets)).into());
        }
        if offset >= shape[d] as u64 {
            return Ok(None);
        }
        number = number * counts[d] + offset / length;
    }
    Ok(Some(number as usize))
}
