//! Attributes of HDF5 objects.

use super::types::{kind, Kind};
use crate::direct::refusal::{Attempt, Refusal};
use crate::direct::variable::{numbers, text, Stored, StoredAttributes};
use crate::object_name;
use hdf5_reader::group::Group;
use hdf5_reader::{Attribute, Dataset, RawAttribute};

/// What NetCDF keeps in attributes for itself.
const RESERVED: [&str; 12] = [
    "CLASS",
    "DIMENSION_LIST",
    "NAME",
    "REFERENCE_LIST",
    "_Format",
    "_IsNetcdf4",
    "_NCProperties",
    "_NCCodecs",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_SuperblockVersion",
    "_nc3_strict",
];

/// An object that has attributes.
pub(super) trait Described {
    /// The attributes as stored: strings are references.
    fn stored(&self) -> Attempt<Vec<RawAttribute>>;
    /// Length of a reference to the global heap.
    fn reference_size(&self) -> usize;
    /// The bytes that a reference to the global heap stands for.
    fn referred(&self, reference: &[u8]) -> Attempt<Vec<u8>>;
}

impl Described for Dataset {
    fn stored(&self) -> Attempt<Vec<RawAttribute>> {
        Ok(self.raw_attributes()?)
    }
    fn reference_size(&self) -> usize {
        self.vlen_reference_size()
    }
    fn referred(&self, reference: &[u8]) -> Attempt<Vec<u8>> {
        Ok(self.resolve_vlen_reference_bytes(reference, 1)?)
    }
}
impl Described for Group {
    fn stored(&self) -> Attempt<Vec<RawAttribute>> {
        Ok(self.raw_attributes()?)
    }
    fn reference_size(&self) -> usize {
        // How many elements, where the heap is, which object of it.
        4 + usize::from(self.offset_size()) + 4
    }
    fn referred(&self, reference: &[u8]) -> Attempt<Vec<u8>> {
        Ok(self.resolve_vlen_reference_bytes(reference, 1)?)
    }
}

/// The attributes that a user sees. HDF5 knows names that NetCDF does not: attributes of such a
/// name could not be written on and are left out.
pub(super) fn visible(object: &impl Described, all: &[Attribute]) -> Attempt<StoredAttributes> {
    let seen = all.iter().filter(|a| !RESERVED.contains(&a.name.as_str()));
    seen.filter(|a| object_name::check(&a.name).is_ok())
        .map(|a| Ok((a.name.clone(), value(object, a)?)))
        .collect()
}

/// The value; `None` if it is of a type that we don't keep.
fn value(object: &impl Described, a: &Attribute) -> Attempt<Option<Stored>> {
    let count = a.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
    let count = count.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let short = || Refusal::damaged(format_args!("attribute `{}` is cut short", a.name.escape_debug()));
    let Ok(kind) = kind(&a.datatype) else { return Ok(None) };
    Ok(match kind {
        Kind::Number(dtype, big) => {
            let bytes =
                count.checked_mul(dtype.size()).and_then(|n| a.raw_data.get(..n)).ok_or_else(short)?;
            numbers(dtype, big, bytes).map(Stored::Numbers)
        }
        Kind::FixedText(_) if count == 0 => Some(Stored::Text(String::new())),
        Kind::FixedText(size) => {
            let bytes = count.checked_mul(size).and_then(|n| a.raw_data.get(..n)).ok_or_else(short)?;
            if a.shape.is_empty() {
                Some(Stored::Text(text(bytes)))
            } else if size == 0 {
                return Err(short());
            } else {
                Some(Stored::Texts(bytes.chunks_exact(size).map(text).collect()))
            }
        }
        Kind::Strings => Some(Stored::Texts(match &a.decoded_strings {
            Some(strings) => strings.clone(),
            None => strings(object, &a.name, count)?,
        })),
        Kind::Other => None,
    })
}

/// Strings that are not UTF-8, with replacement characters.
fn strings(object: &impl Described, name: &str, count: usize) -> Attempt<Vec<String>> {
    let damaged = || Refusal::damaged(format_args!("attribute `{}` is cut short", name.escape_debug()));
    let all = object.stored()?;
    let raw = &all.iter().find(|a| a.name() == name).ok_or_else(damaged)?.message().raw_data;
    let width = object.reference_size();
    let raw = count.checked_mul(width).and_then(|n| raw.get(..n)).ok_or_else(damaged)?;
    raw.chunks_exact(width).map(|reference| Ok(text(&object.referred(reference)?))).collect()
}

/// The attribute of this name.
pub(super) fn find<'a>(all: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    all.iter().find(|a| a.name == name)
}

/// Integers of 32 bits, as NetCDF notes numbers of dimensions.
pub(super) fn ids(all: &[Attribute], name: &str) -> Option<Vec<i32>> {
    find(all, name)?.read_1d::<i32>().ok()
}

/// Text of fixed length.
pub(super) fn fixed_text(all: &[Attribute], name: &str) -> Option<String> {
    let found = find(all, name)?;
    match kind(&found.datatype).ok()? {
        Kind::FixedText(_) => Some(text(&found.raw_data)),
        Kind::Strings => found.decoded_strings.as_ref()?.first().cloned(),
        _ => None,
    }
}
