//! The tree of groups and data sets of an HDF5 file, in the order in which NetCDF sees it.

use super::attributes::{all, ids, one_text};
use crate::direct::refusal::{Attempt, Refusal};
use crate::direct::types::{kind, Kind};
use hdf5_reader::group::Group;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::link::{LinkMessage, LinkTarget};
use hdf5_reader::messages::shared::SharedMessage;
use hdf5_reader::messages::{HdfMessage, MSG_DATATYPE};
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::{Dataset, Datatype, Hdf5File};
use std::collections::HashSet;

/// Groups in groups, at most.
const DEEPEST: usize = 64;
/// By this the library marks a dimension scale that stands for no variable.
pub(super) const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable";

/// A group.
pub(super) struct Level {
    /// Numbers of the groups from the root to this one.
    pub(super) path: Vec<usize>,
    pub(super) objects: Vec<Object>,
    pub(super) children: Vec<Level>,
}

/// A data set.
pub(super) struct Object {
    pub(super) data: Dataset,
    pub(super) attributes: Vec<AttributeMessage>,
    pub(super) kind: Kind,
    /// Whether it is a dimension scale.
    pub(super) scale: bool,
    /// Whether it is a variable; else it is a dimension alone.
    pub(super) variable: bool,
    /// Its dimension's number, if it is a scale that has noted one.
    pub(super) id: Option<i64>,
}

/// Reads all groups.
pub(super) fn tree(file: &Hdf5File) -> Attempt<Level> {
    Tree { file, seen: HashSet::new(), named: Vec::new() }.level(&file.root_group()?, &[])
}

struct Tree<'a> {
    file: &'a Hdf5File,
    /// Where the groups that were read are.
    seen: HashSet<u64>,
    /// Types that have a name in the file.
    named: Vec<Datatype>,
}

impl Tree<'_> {
    fn level(&mut self, group: &Group, above: &[usize]) -> Attempt<Level> {
        if above.len() >= DEEPEST {
            return Err(Refusal::Unsupported(format!("groups nested deeper than {DEEPEST}")));
        }
        let mut path = above.to_vec();
        path.push(self.seen.len());
        self.seen.insert(group.address());
        let (mut groups, mut sets) = group.members()?;
        // Without a noted order of creation the library goes by names.
        if !self.is_ordered(group)? {
            groups.sort_by(|a, b| a.name().cmp(b.name()));
            sets.sort_by(|a, b| a.name().cmp(b.name()));
        }
        self.name_types(group)?;
        let mut objects = Vec::with_capacity(sets.len());
        for data in sets {
            objects.extend(self.object(data)?);
        }
        let mut children = Vec::new();
        for child in groups {
            // A group may be linked from several places, even from inside itself.
            if !self.seen.contains(&child.address()) {
                children.push(self.level(&child, &path)?);
            }
        }
        Ok(Level { path, objects, children })
    }

    fn is_ordered(&self, group: &Group) -> Attempt<bool> {
        let header = self.file.get_or_parse_header(group.address())?;
        let tracked = |m: &HdfMessage| matches!(m, HdfMessage::LinkInfo(i) if i.creation_order_tracked);
        Ok(header.messages.iter().any(tracked))
    }

    /// A data set; `None` if NetCDF does not see it.
    fn object(&self, data: Dataset) -> Attempt<Option<Object>> {
        let kind = kind(data.dtype())?;
        // A type that is no type of NetCDF's is one only by a name in the file.
        if kind == Kind::Other && !self.is_named_type(&data)? {
            return Ok(None);
        }
        let attributes = all(self.file, &data)?;
        let scale = one_text(&data, &attributes, "CLASS")?.is_some_and(|class| class == "DIMENSION_SCALE");
        let name = one_text(&data, &attributes, "NAME")?;
        let variable = !scale || !name.is_some_and(|name| name.starts_with(NO_VARIABLE));
        let id = ids(&attributes, "_Netcdf4Dimid").and_then(|ids| ids.first().map(|&id| i64::from(id)));
        Ok(Some(Object { data, attributes, kind, scale, variable, id }))
    }

    /// Notes the types among the links of a group. (Of a group with many links the crate does not
    /// tell those to types: a variable of such a type is seen if it refers to it.)
    fn name_types(&mut self, group: &Group) -> Attempt<()> {
        for message in &self.file.get_or_parse_header(group.address())?.messages {
            let HdfMessage::Link(LinkMessage { target: LinkTarget::Hard { address }, .. }) = message else {
                continue;
            };
            let header = self.file.get_or_parse_header(*address)?;
            if header.messages.iter().any(|m| matches!(m, HdfMessage::Dataspace(_))) {
                continue;
            }
            self.named.extend(header.messages.iter().find_map(|m| match m {
                HdfMessage::Datatype(found) => Some(found.datatype.clone()),
                _ => None,
            }));
        }
        Ok(())
    }

    fn is_named_type(&self, data: &Dataset) -> Attempt<bool> {
        if self.named.contains(data.dtype()) {
            return Ok(true);
        }
        let about = self.file.superblock();
        let header = ObjectHeader::parse_at_storage(
            self.file.storage(),
            data.address(),
            about.offset_size,
            about.length_size,
        )?;
        let named = |m: &HdfMessage| {
            matches!(m, HdfMessage::Shared(SharedMessage::SharedInOhdr { message_type, .. })
                if *message_type == MSG_DATATYPE)
        };
        Ok(header.messages.iter().any(named))
    }
}
