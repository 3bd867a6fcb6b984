//! Attributes of HDF5 objects.

use super::order::by_making;
use crate::direct::refusal::{Attempt, Refusal};
use crate::direct::types::{kind, Kind};
use crate::direct::variable::{numbers, text, Stored, StoredAttributes};
use crate::object_name;
use crate::stored::StoredValues;
use hdf5_reader::group::Group;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::dataspace::DataspaceType;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::{Dataset, Hdf5File, RawAttribute};

/// What NetCDF keeps in attributes for itself.
pub(super) const RESERVED: [&str; 12] = [
    "CLASS",
    "DIMENSION_LIST",
    "NAME",
    "REFERENCE_LIST",
    "_Format",
    "_IsNetcdf4",
    "_NCCodecs",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_SuperblockVersion",
    "_nc3_strict",
];
/// Bytes of all strings of an attribute, at most: each refers to a heap, and a damaged file can
/// refer to one large object any number of times.
const MOST_TEXT: u64 = 16 << 20;

/// An object that has attributes.
pub(super) trait Described {
    /// Where its header is.
    fn place(&self) -> u64;
    /// Its attributes, wherever they are.
    fn anywhere(&self) -> Attempt<Vec<RawAttribute>>;
    /// Length of a reference to the global heap: how many elements, which heap, which object of it.
    fn reference_size(&self) -> usize;
    /// The bytes that a reference to the global heap stands for, elements of so many bytes.
    fn referred(&self, reference: &[u8], element: usize) -> Attempt<Vec<u8>>;
}

impl Described for Dataset {
    fn place(&self) -> u64 {
        self.address()
    }
    fn anywhere(&self) -> Attempt<Vec<RawAttribute>> {
        Ok(self.raw_attributes()?)
    }
    fn reference_size(&self) -> usize {
        self.vlen_reference_size()
    }
    fn referred(&self, reference: &[u8], element: usize) -> Attempt<Vec<u8>> {
        Ok(self.resolve_vlen_reference_bytes(reference, element)?)
    }
}
impl Described for Group {
    fn place(&self) -> u64 {
        self.address()
    }
    fn anywhere(&self) -> Attempt<Vec<RawAttribute>> {
        Ok(self.raw_attributes()?)
    }
    fn reference_size(&self) -> usize {
        4 + usize::from(self.offset_size()) + 4
    }
    fn referred(&self, reference: &[u8], element: usize) -> Attempt<Vec<u8>> {
        Ok(self.resolve_vlen_reference_bytes(reference, element)?)
    }
}

/// All attributes in the order of their making; strings are references yet.
pub(super) fn all(file: &Hdf5File, object: &impl Described) -> Attempt<Vec<AttributeMessage>> {
    let header = file.get_or_parse_header(object.place())?;
    let width = u32::from(file.superblock().offset_size) * 8;
    let nowhere = u64::MAX.checked_shr(64u32.saturating_sub(width)).unwrap_or(u64::MAX);
    let outside =
        |m: &HdfMessage| matches!(m, HdfMessage::AttributeInfo(i) if i.fractal_heap_address != nowhere);
    let mut found: Vec<AttributeMessage> = if header.messages.iter().any(outside) {
        object.anywhere()?.into_iter().map(|a| a.into_parts().0).collect()
    } else {
        let inside = |m: &HdfMessage| match m {
            HdfMessage::Attribute(a) => Some(a.clone()),
            _ => None,
        };
        header.messages.iter().filter_map(inside).collect()
    };
    by_making(file, object.place(), &mut found)?;
    Ok(found)
}

/// Those that a user sees. HDF5 knows names that NetCDF does not: attributes of such a name
/// could not be written on and are left out.
pub(super) fn visible(object: &impl Described, all: &[AttributeMessage]) -> Attempt<StoredAttributes> {
    let seen = all.iter().filter(|a| !RESERVED.contains(&a.name.as_str()));
    seen.filter(|a| object_name::check(&a.name).is_ok())
        .map(|a| Ok((a.name.clone(), value(object, a)?)))
        .collect()
}

/// The value; `None` if it is of a type that we don't keep.
fn value(object: &impl Described, a: &AttributeMessage) -> Attempt<Option<Stored>> {
    let Ok(kind) = kind(&a.datatype) else { return Ok(None) };
    let single = a.dataspace.dataspace_type == DataspaceType::Scalar;
    Ok(match kind {
        Kind::Number(dtype, big) => numbers(dtype, big, elements(a, dtype.size())?).map(Stored::Numbers),
        Kind::FixedText(size) => {
            let bytes = elements(a, size)?;
            match (bytes.is_empty(), single) {
                (true, _) => Some(Stored::Text(String::new())),
                (_, true) => Some(Stored::Text(text(bytes))),
                _ => Some(Stored::Texts(bytes.chunks_exact(size).map(text).collect())),
            }
        }
        Kind::Strings => Some(Stored::Texts(strings(object, a)?)),
        Kind::Other => None,
    })
}

/// The bytes of all elements of `size` bytes.
fn elements(a: &AttributeMessage, size: usize) -> Attempt<&[u8]> {
    let count = match a.dataspace.dataspace_type {
        DataspaceType::Scalar => Some(1),
        DataspaceType::Null => Some(0),
        DataspaceType::Simple => a.dataspace.dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d)),
    };
    let bytes = count.and_then(|n| usize::try_from(n).ok()?.checked_mul(size));
    bytes.and_then(|n| a.raw_data.get(..n)).ok_or_else(|| cut_short(a))
}

fn cut_short(a: &AttributeMessage) -> Refusal {
    Refusal::damaged(format_args!("attribute `{}` is cut short", a.name.escape_debug()))
}

/// Strings from the global heap.
fn strings(object: &impl Described, a: &AttributeMessage) -> Attempt<Vec<String>> {
    let lengths = elements(a, object.reference_size())?.chunks_exact(object.reference_size());
    let total: u64 = lengths.clone().map(|r| u64::from(u32::from_le_bytes([r[0], r[1], r[2], r[3]]))).sum();
    if total > MOST_TEXT {
        return Err(Refusal::damaged(format_args!(
            "attribute `{}` has too much text",
            a.name.escape_debug()
        )));
    }
    lengths.map(|reference| Ok(text(&object.referred(reference, 1)?))).collect()
}

/// The attribute of this name.
pub(super) fn find<'a>(all: &'a [AttributeMessage], name: &str) -> Option<&'a AttributeMessage> {
    all.iter().find(|a| a.name == name)
}

/// Integers of 32 bits, as NetCDF notes numbers of dimensions.
pub(super) fn ids(all: &[AttributeMessage], name: &str) -> Option<Vec<i32>> {
    let found = find(all, name)?;
    let Kind::Number(dtype, big) = kind(&found.datatype).ok()? else { return None };
    match numbers(dtype, big, elements(found, dtype.size()).ok()?)? {
        StoredValues::I32(ids) => Some(ids),
        StoredValues::I64(ids) => ids.into_iter().map(|id| i32::try_from(id).ok()).collect(),
        _ => None,
    }
}

/// Text, of fixed length or not.
pub(super) fn one_text(
    object: &impl Described,
    all: &[AttributeMessage],
    name: &str,
) -> Attempt<Option<String>> {
    let Some(found) = find(all, name) else { return Ok(None) };
    Ok(match value(object, found)? {
        Some(Stored::Text(text)) => Some(text),
        Some(Stored::Texts(texts)) => texts.into_iter().next(),
        _ => None,
    })
}
