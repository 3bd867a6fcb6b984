//! Dimensions of an HDF5 file: scales, what refers to them, and stand-ins where there are none.
//!
//! The rules are those of the NetCDF library, so that both ways of reading name things alike.

use super::attributes::{find, ids, Described};
use super::groups::{Level, Object};
use crate::direct::refusal::{Attempt, Refusal};
use hdf5_reader::messages::dataspace::UNLIMITED;
use hdf5_reader::reference::read_object_references;
use std::collections::HashMap;

/// A dimension of any group.
#[derive(Debug, Clone)]
pub(super) struct Dim {
    pub(super) name: String,
    pub(super) len: u64,
    pub(super) unlimited: bool,
    /// Number of its group.
    pub(super) group: usize,
    /// By this number they are in order.
    pub(super) id: i64,
}

/// Dimensions and which of them variables have.
#[derive(Debug, Default)]
pub(super) struct Dims {
    pub(super) all: Vec<Dim>,
    /// By the place of the scale in the file.
    by_address: HashMap<u64, usize>,
    by_id: HashMap<i64, usize>,
    next: i64,
    /// Of the root's objects, in their order: places in `all`.
    pub(super) of_root: Vec<Vec<usize>>,
}

impl Dims {
    /// Finds the dimensions of all groups, with the lengths that the variables give them.
    pub(super) fn new(root: &Level) -> Attempt<Self> {
        let mut dims = Self::default();
        dims.scales(root)?;
        dims.of_root = dims.resolve(root)?;
        Ok(dims)
    }

    /// The dimensions of the root, in order.
    pub(super) fn in_order(&self) -> Vec<&Dim> {
        let mut root: Vec<&Dim> = self.all.iter().filter(|d| d.group == 0).collect();
        root.sort_by_key(|d| d.id);
        root
    }

    fn add(&mut self, name: &str, len: u64, unlimited: bool, group: usize, id: Option<i64>) -> usize {
        let id = id.unwrap_or(self.next);
        self.next = self.next.max(id.saturating_add(1));
        self.all.push(Dim { name: name.to_owned(), len, unlimited, group, id });
        self.by_id.insert(id, self.all.len() - 1);
        self.all.len() - 1
    }

    fn scales(&mut self, level: &Level) -> Attempt<()> {
        let group = level.path.last().copied().unwrap_or(0);
        for object in level.objects.iter().filter(|o| o.scale) {
            let name = object.data.name();
            let Some(&len) = object.data.shape().first() else {
                return Err(Refusal::damaged(format_args!(
                    "dimension `{}` has no length",
                    name.escape_debug()
                )));
            };
            if object.id.is_some_and(|id| self.by_id.contains_key(&id)) {
                return Err(Refusal::damaged(format_args!(
                    "dimension `{}` has the number of another",
                    name.escape_debug()
                )));
            }
            let at = self.add(name, len, grows(object, 0), group, object.id);
            self.by_address.insert(object.data.address(), at);
        }
        level.children.iter().try_for_each(|child| self.scales(child))
    }

    /// The dimensions of the objects of this group; those of the groups in it come first, as
    /// stand-ins are numbered in this order.
    fn resolve(&mut self, level: &Level) -> Attempt<Vec<Vec<usize>>> {
        for child in &level.children {
            self.resolve(child)?;
        }
        let mut all = Vec::with_capacity(level.objects.len());
        for object in &level.objects {
            let mut axes: Vec<usize> = Vec::new();
            if object.variable {
                for (axis, known) in self.known(level, object)?.into_iter().enumerate() {
                    axes.push(known.unwrap_or_else(|| self.stand_in(level, object, axis, &axes)));
                }
            }
            all.push(axes);
        }
        // An unlimited dimension is as long as what was written furthest.
        if level.path.len() == 1 {
            self.all.iter_mut().filter(|d| d.unlimited).for_each(|d| d.len = 0);
            self.reach_of_children(level)?;
            for (object, axes) in level.objects.iter().zip(&all) {
                self.reach(object, axes.iter().map(|&d| Some(d)));
            }
        }
        Ok(all)
    }

    fn reach_of_children(&mut self, level: &Level) -> Attempt<()> {
        for child in &level.children {
            for object in child.objects.iter().filter(|o| o.variable) {
                let known = self.known(child, object)?;
                self.reach(object, known.into_iter());
            }
            self.reach_of_children(child)?;
        }
        Ok(())
    }

    fn reach(&mut self, object: &Object, axes: impl Iterator<Item = Option<usize>>) {
        for (axis, &len) in axes.zip(object.data.shape()) {
            if let Some(dim) = axis.map(|d| &mut self.all[d]).filter(|d| d.unlimited) {
                dim.len = dim.len.max(len);
            }
        }
    }

    /// The dimensions that the file says an object has; `None` along axes of which it says none.
    fn known(&self, level: &Level, object: &Object) -> Attempt<Vec<Option<usize>>> {
        let rank = object.data.shape().len();
        let seen = |at: Option<&usize>| at.copied().filter(|&at| level.path.contains(&self.all[at].group));
        let noted = ids(&object.attributes, "_Netcdf4Coordinates").filter(|ids| ids.len() == rank);
        if object.scale && rank == 1 {
            return Ok(vec![seen(self.by_address.get(&object.data.address()))]);
        }
        if let Some(noted) = noted {
            return Ok(noted.iter().map(|&id| seen(self.by_id.get(&i64::from(id)))).collect());
        }
        let mut axes = vec![None; rank];
        if object.scale {
            axes[0] = seen(self.by_address.get(&object.data.address()));
            return Ok(axes);
        }
        let Some(list) = find(&object.attributes, "DIMENSION_LIST") else { return Ok(axes) };
        let size = object.data.reference_size();
        let width = size.saturating_sub(8);
        if list.raw_data.len() < rank * size {
            return Err(Refusal::damaged(format_args!(
                "the dimensions of `{}` are cut short",
                object.data.name().escape_debug()
            )));
        }
        for (axis, reference) in axes.iter_mut().zip(list.raw_data.chunks_exact(size)) {
            let scales = object.data.referred(reference, width)?;
            let scales = read_object_references(&scales, width as u8)?;
            *axis = scales.last().and_then(|scale| seen(self.by_address.get(scale)));
        }
        Ok(axes)
    }

    /// A dimension of this group that fits and is not among `taken`; else a new one.
    fn stand_in(&mut self, level: &Level, object: &Object, axis: usize, taken: &[usize]) -> usize {
        let group = level.path.last().copied().unwrap_or(0);
        let (len, unlimited) = (object.data.shape()[axis], grows(object, axis));
        let fits = |(at, d): &(usize, &Dim)| {
            d.group == group && d.len == len && d.unlimited == unlimited && !taken.contains(at)
        };
        if let Some((at, _)) = self.all.iter().enumerate().find(fits) {
            return at;
        }
        let name = format!("phony_dim_{}", self.next);
        self.add(&name, len, unlimited, group, None)
    }
}

fn grows(object: &Object, axis: usize) -> bool {
    object.data.max_dims().and_then(|most| most.get(axis)) == Some(&UNLIMITED)
}
