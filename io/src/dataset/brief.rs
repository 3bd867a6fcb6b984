//! What joining has to know of every file, in memory: little, and shared.

use super::meta::{RawDim, RawVariable};
use super::pack::{self, Pack, Packed};
use super::scan::Coordinates;
use crate::cf::Decode;
use halocline_core::calendar::TimeAxis;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// A file to be joined.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Its place among the files as they were named.
    pub(super) number: usize,
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) dims: Arc<Vec<RawDim>>,
    pub(super) variables: Arc<Variables>,
    pub(super) time: Option<Time>,
    pub(super) coordinates: Arc<Coordinates>,
    /// Coordinates that differ from those of the file named first.
    pub(super) differing: Vec<String>,
}

/// Times along which a file is joined.
#[derive(Debug)]
pub(super) struct Time {
    /// The dimension.
    pub(super) dim: String,
    /// The coordinate variable.
    pub(super) name: String,
    pub(super) axis: Result<TimeAxis>,
    /// What its bounds are called, if it has any.
    pub(super) bounds: Option<String>,
}

/// The variables of a file.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) list: Vec<Arc<Brief>>,
    by_name: HashMap<String, usize>,
}

/// What of a variable bears on whether files can be read as one.
#[derive(Debug, Serialize)]
pub(super) struct Brief {
    pub(super) name: String,
    pub(super) dtype: DType,
    /// Names of the dimensions; their lengths are those of the file.
    pub(super) dims: Vec<String>,
    pub(super) units: Option<String>,
    decode: Decode,
    malformed: Option<Error>,
}

impl Brief {
    fn of(v: RawVariable) -> Self {
        let units = v.attributes.text("units").map(str::to_owned);
        let RawVariable { name, dtype, dims, decode, malformed, .. } = v;
        Self { name, dtype, dims, units, decode, malformed }
    }
    /// How its values are decoded.
    ///
    /// # Errors
    /// Data, if the attributes that say so are malformed.
    pub(super) fn decode(&self) -> Result<&Decode> {
        self.malformed.as_ref().map_or(Ok(&self.decode), |e| Err(e.clone()))
    }
}

impl Variables {
    /// The variable of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Brief>> {
        self.by_name.get(name).map(|&at| &self.list[at])
    }
}

impl Scanned {
    /// Length of a dimension.
    pub(super) fn len_of(&self, dim: &str) -> usize {
        self.dims.iter().find(|d| d.name == dim).map_or(0, |d| d.len)
    }
    /// Coordinates that can't be read as their attributes are malformed, with the error that
    /// says so.
    pub(super) fn malformed(&self) -> impl Iterator<Item = (&str, Error)> {
        self.coordinates.malformed.iter().filter_map(|name| {
            let error = self.variables.get(name)?.malformed.clone()?;
            Some((name.as_str(), error.in_file(&self.path)))
        })
    }
}

/// Makes [`Scanned`] of packed files, sharing what is equal.
#[derive(Debug, Default)]
pub(super) struct Briefing {
    dims: HashMap<u32, Arc<Vec<RawDim>>>,
    coordinates: HashMap<u32, Arc<Coordinates>>,
    /// What times with these attributes call their bounds.
    bounds: HashMap<u32, Arc<Option<String>>>,
    /// By the numbers of pieces …
    lists: HashMap<u32, Arc<Variables>>,
    variables: HashMap<u32, u32>,
    /// … and by what is in them, as pieces may differ in what does not matter here.
    equal_lists: HashMap<Vec<u32>, Arc<Variables>>,
    equal_variables: HashMap<Vec<u8>, u32>,
    all: Vec<Arc<Brief>>,
}

impl Briefing {
    /// A file; `None` if the pack is damaged.
    pub(super) fn file(&mut self, pack: &Pack, number: usize, path: &Path) -> Option<Scanned> {
        let file = &pack.files[number];
        let variables = self.variables_of(pack, file)?;
        let time = match file.times.first() {
            None => None,
            Some(time) => {
                let (dim, name) = pack.pieces.get(time.names)?;
                let named = || Some(pack.attributes(time.attributes)?.text("bounds").map(str::to_owned));
                let named = once(&mut self.bounds, time.attributes, named)?;
                let bounds = named.as_ref().clone().filter(|name| variables.get(name).is_some());
                Some(Time { dim, name, axis: time.axis.clone().map_err(|e| e.in_file(path)), bounds })
            }
        };
        Some(Scanned {
            number,
            path: path.display().to_string(),
            bytes: file.bytes,
            dims: once(&mut self.dims, file.dims, || pack.pieces.get(file.dims))?,
            variables,
            time,
            coordinates: once(&mut self.coordinates, file.coordinates, || pack.pieces.get(file.coordinates))?,
            differing: Vec::new(),
        })
    }

    fn variables_of(&mut self, pack: &Pack, file: &Packed) -> Option<Arc<Variables>> {
        if let Some(list) = self.lists.get(&file.variables) {
            return Some(Arc::clone(list));
        }
        let ids = pack.pieces.list(file.variables)?;
        let ids: Vec<u32> = ids.into_iter().map(|id| self.variable(pack, id)).collect::<Option<_>>()?;
        let all = &self.all;
        let list = self.equal_lists.entry(ids).or_insert_with_key(|ids| {
            let list: Vec<_> = ids.iter().map(|&id| Arc::clone(&all[id as usize])).collect();
            let by_name = list.iter().enumerate().map(|(at, v)| (v.name.clone(), at)).collect();
            Arc::new(Variables { list, by_name })
        });
        self.lists.insert(file.variables, Arc::clone(list));
        Some(Arc::clone(list))
    }

    fn variable(&mut self, pack: &Pack, id: u32) -> Option<u32> {
        if let Some(&known) = self.variables.get(&id) {
            return Some(known);
        }
        let brief = Brief::of(pack::variable(&pack.pieces, id)?);
        let all = &mut self.all;
        let number = *self.equal_variables.entry(postcard::to_stdvec(&brief).ok()?).or_insert_with(|| {
            all.push(Arc::new(brief));
            all.len() as u32 - 1
        });
        self.variables.insert(id, number);
        Some(number)
    }
}

/// The value of a number, made when it is first asked for.
fn once<T>(known: &mut HashMap<u32, Arc<T>>, id: u32, make: impl FnOnce() -> Option<T>) -> Option<Arc<T>> {
    if let Some(value) = known.get(&id) {
        return Some(Arc::clone(value));
    }
    let value = Arc::new(make()?);
    known.insert(id, Arc::clone(&value));
    Some(value)
}
