//! One of two files: its root as a data set, its groups as the NetCDF library sees them.

use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Dim};
use halocline_core::{Error, Result};
use halocline_io::as_stored::{self, Group, Library, OwnType, StoredField, StoredPlaces};
use halocline_io::dataset::{Dataset, VariableInfo};
use halocline_io::{Io, OpenOptions};
use std::path::Path;
use std::sync::OnceLock;

/// A file.
pub(super) struct Side {
    pub(super) path: String,
    /// Its root; `None` if only its groups have variables.
    root: Option<Dataset>,
    /// The root (first) and all groups, each before those in it.
    pub(super) groups: Vec<Group>,
    /// The file as the NetCDF library has it open on this rank, once it has.
    library: OnceLock<Library>,
}

impl Side {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(comm: &Comm, path: &str, io: Io) -> Result<Self> {
        let options = OpenOptions { io, ..OpenOptions::default() };
        let root = match halocline_io::open_with(comm, &[path.to_owned()], options) {
            Err(error) if as_stored::is_of_groups_only(&error) => None,
            other => Some(other?),
        };
        // Classic files have no groups, and types of NetCDF's own.
        let plain = root.as_ref().is_some_and(|root| root.format() != "NetCDF-4");
        let mut side = Self { path: path.to_owned(), root, groups: Vec::new(), library: OnceLock::new() };
        side.groups = comm.on_root(|| if plain { Ok(Vec::new()) } else { side.library()?.groups() })?;
        Ok(side)
    }

    /// The file, open through the NetCDF library from the first call on.
    pub(super) fn library(&self) -> Result<&Library> {
        if let Some(open) = self.library.get() {
            return Ok(open);
        }
        let opened = Library::open(self.path.as_ref())?;
        Ok(self.library.get_or_init(|| opened))
    }
    pub(super) fn dims(&self) -> &[Dim] {
        let group = || self.groups.first().map_or(&[][..], |root| &root.dims);
        self.root.as_ref().map_or_else(group, Dataset::dims)
    }
    pub(super) fn attributes(&self) -> Option<&Attributes> {
        let group = || self.groups.first().map(|root| &root.attributes);
        self.root.as_ref().map_or_else(group, |root| Some(root.attributes()))
    }
    /// The variables of the root: those of types of their writer's own too, which a data set need not
    /// have.
    pub(super) fn variables(&self) -> impl Iterator<Item = &VariableInfo> {
        let root = self.root.as_ref().map_or(&[][..], Dataset::variables);
        let others = self.groups.first().map_or(&[][..], |group| &group.variables);
        let is_new = |v: &&VariableInfo| !root.iter().any(|known| known.variable.name == v.variable.name);
        root.iter().chain(others.iter().filter(is_new))
    }
    /// The groups below the root.
    pub(super) fn below(&self) -> &[Group] {
        self.groups.get(1..).unwrap_or_default()
    }
    /// Data sets that NetCDF does not see: their groups and full names.
    pub(super) fn unseen(&self) -> impl Iterator<Item = (&str, &String)> {
        self.groups.iter().flat_map(|group| group.unseen.iter().map(|name| (group.path.as_str(), name)))
    }
    /// A variable by its full name.
    pub(super) fn find(&self, name: &str) -> Option<&VariableInfo> {
        let mut all = self.variables().chain(self.below().iter().flat_map(|group| &group.variables));
        all.find(|v| v.variable.name == name)
    }
    /// The type of a variable that is none of NetCDF's own.
    pub(super) fn own(&self, name: &str) -> Option<&OwnType> {
        self.groups.iter().flat_map(|group| &group.own).find(|(of, _)| of == name).map(|(_, own)| own)
    }
    /// The data set that has a variable.
    pub(super) fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.root.as_ref().filter(|root| root.variables().iter().any(|v| v.variable.name == name))
    }

    /// Where a variable of numbers lies, if it is one of the root.
    pub(super) fn places(&self, info: &VariableInfo) -> Result<Option<StoredPlaces>> {
        self.dataset(&info.variable.name).map(|root| StoredPlaces::find(root, info)).transpose()
    }
    /// Its values.
    pub(super) fn field<'a>(
        &'a self,
        info: &'a VariableInfo,
        places: Option<&'a StoredPlaces>,
    ) -> Result<StoredField<'a>> {
        match (self.dataset(&info.variable.name), places) {
            (Some(root), Some(places)) => Ok(StoredField::new(root, info, places)),
            _ => Ok(StoredField::in_group(self.library()?, info)),
        }
    }

    /// Where index `i` of a dimension of a variable is by its coordinate, if it has one.
    pub(super) fn coordinate(&self, info: &VariableInfo, dim: &Dim, i: usize) -> Option<String> {
        let name = &info.variable.name;
        let cell = IndexBox::new(std::iter::once(i..i + 1).collect());
        if let Some(root) = self.dataset(name) {
            if Some(dim.name.as_str()) == root.time_name() {
                let time = root.time().filter(|t| i < t.values.len())?;
                return Some(format!("{} {}", dim.name, time.datetime(i).iso()));
            }
            let known = along(root.variables().iter(), dim).filter(|v| v.variable.name != *name)?;
            let value = root.read(&known.variable.name, &cell).ok()?.to_f64();
            return value.first().map(|v| format!("{} {v}", dim.name));
        }
        // In its own group or one around it.
        let mut around = name.rsplit_once('/').map(|(group, _)| group);
        while let Some(path) = around.filter(|path| !path.is_empty()) {
            let group = self.below().iter().find(|group| group.path == path)?;
            if let Some(known) = along(group.variables.iter(), dim).filter(|v| v.variable.name != *name) {
                let field = self.field(known, None).ok()?;
                let value = field.decoded(field.read(&cell).ok()?)?;
                return value.first().map(|v| format!("{} {v}", dim.name));
            }
            around = path.rsplit_once('/').map(|(group, _)| group);
        }
        None
    }
}

/// The coordinate variable of a dimension.
fn along<'a>(mut all: impl Iterator<Item = &'a VariableInfo>, dim: &Dim) -> Option<&'a VariableInfo> {
    let stem = |v: &VariableInfo| v.variable.name.rsplit('/').next().map(str::to_owned);
    all.find(|v| {
        let of = &v.variable.dims;
        of.len() == 1 && of[0].name == dim.name && stem(v).as_deref() == Some(dim.name.as_str())
    })
    .filter(|v| v.variable.dtype.is_numeric())
}

/// Refuses names of files that are not there.
pub(super) fn existing(path: &str) -> Result<String> {
    // A pattern would name other files than the one that is meant.
    if !Path::new(path).exists() {
        return Err(Error::data("no such file").in_file(path));
    }
    Ok(path.to_owned())
}
