//! Regions of the globe: by name, or polygons from a GeoJSON file.

mod geojson;
mod named;
mod ocean;
mod places;
mod ring;
mod shape;
#[cfg(test)]
mod tests;

use crate::dataset::names;
use halocline_core::{Error, Result};
pub use named::NamedRegion;
use serde::{Deserialize, Serialize};
pub(super) use shape::Shapes;
use std::fmt;
use std::str::FromStr;

/// Where cells are wanted: those whose centre lies inside, edges included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Region {
    /// One of [`Region::named`], by its first name.
    Named(String),
    /// The polygons of a GeoJSON file (RFC 7946), edges straight in longitude and latitude.
    File {
        /// The file.
        path: String,
        /// The feature of this name (property `name`), id or number (from 1); all of them if
        /// none is said.
        feature: Option<String>,
    },
}

impl FromStr for Region {
    type Err = Error;

    /// A name, `FILE.geojson` or `FILE.geojson:feature`.
    ///
    /// # Errors
    /// Usage, if it is neither the name of a region nor that of a GeoJSON file.
    fn from_str(text: &str) -> Result<Self> {
        let plain = text.trim().to_lowercase().replace(['-', ' '], "_");
        if let Some(found) = named::ALL.iter().find(|r| r.names.contains(&plain.as_str())) {
            return Ok(Self::Named(found.name().to_owned()));
        }
        let is_json = |name: &str| {
            let ending = std::path::Path::new(name).extension().and_then(|e| e.to_str());
            ending.is_some_and(|e| e.eq_ignore_ascii_case("geojson") || e.eq_ignore_ascii_case("json"))
        };
        // A feature's name may hold colons, and look like a file's.
        let colons = text.match_indices(':').map(|(at, _)| at);
        if let Some(at) = colons.into_iter().find(|&at| is_json(&text[..at])) {
            let (path, feature) = (text[..at].to_owned(), text[at + 1..].to_owned());
            if feature.is_empty() {
                return Err(Error::usage(format!("the region `{text}` names no feature"))
                    .remedy("write FILE.geojson:feature, or the file alone"));
            }
            return Ok(Self::File { path, feature: Some(feature) });
        }
        if is_json(text) {
            return Ok(Self::File { path: text.to_owned(), feature: None });
        }
        let all = || named::ALL.iter().flat_map(|r| r.names.iter().copied());
        let meant =
            names::nearest(&plain, all()).map_or_else(String::new, |n| format!("did you mean `{n}`? "));
        let list: Vec<&str> = named::ALL.iter().map(NamedRegion::name).collect();
        Err(Error::usage(format!("there is no region `{text}`"))
            .remedy(format!("{meant}regions are {}, or name a FILE.geojson", list.join(", "))))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::File { path, feature: None } => f.write_str(path),
            Self::File { path, feature: Some(feature) } => write!(f, "{path}:{feature}"),
        }
    }
}

impl Region {
    /// All regions that have a name.
    pub fn named() -> &'static [NamedRegion] {
        named::ALL
    }

    /// The file that it is read from, if it is.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Named(_) => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// The shapes that make it up.
    ///
    /// # Errors
    /// Usage, if there is no such region or feature; data, if the file is absent or malformed;
    /// system, if it can't be read.
    pub(super) fn shapes(&self) -> Result<Shapes> {
        match self {
            Self::File { path, feature } => geojson::read(path, feature.as_deref()),
            Self::Named(name) => {
                let found = named::ALL.iter().find(|r| r.names.contains(&name.as_str()));
                let found = found.ok_or_else(|| Error::usage(format!("there is no region `{name}`")))?;
                found.shapes()
            }
        }
    }
}
