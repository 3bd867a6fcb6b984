//! Parts of the ocean.

use super::find;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// A part of the ocean as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Basin {
    pub(crate) name: String,
    pub(crate) text: String,
    which: Which,
}

#[derive(Debug, Clone, PartialEq)]
enum Which {
    /// A variable of a file, and values that belong to it; none: all but 0.
    Mask(String, Vec<f64>),
    /// West, east, south, north.
    Box([f64; 4]),
}

impl Basin {
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let bad = || format!("`{text}` is no basin; write NAME=FILE:VAR, NAME=FILE:VAR=N,… or NAME=W,E,S,N");
        let (name, what) = text.split_once('=').ok_or_else(bad)?;
        let numbers = |t: &str| t.split(',').map(|n| n.trim().parse().ok()).collect::<Option<Vec<f64>>>();
        let finite = |all: &Vec<f64>| all.iter().all(|n| n.is_finite());
        let which = if let Some(all) = numbers(what).filter(finite) {
            Which::Box(<[f64; 4]>::try_from(all).map_err(|_| bad())?)
        } else {
            match what.rsplit_once('=').and_then(|(mask, codes)| Some((mask, numbers(codes)?))) {
                Some((mask, codes)) => Which::Mask(mask.to_owned(), codes),
                None => Which::Mask(what.to_owned(), Vec::new()),
            }
        };
        if name.trim().is_empty() || matches!(&which, Which::Mask(mask, _) if !mask.contains(':')) {
            return Err(bad());
        }
        Ok(Self { name: name.trim().to_owned(), text: text.to_owned(), which })
    }

    /// Which cells belong to it.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn cells(
        &self,
        comm: &Comm,
        (lat, lon): (&[f64], &[f64]),
        files: &mut Vec<PathBuf>,
    ) -> Result<Vec<bool>> {
        let blame = |e: Error| Error { message: format!("--basin {}: {}", self.name, e.message), ..e };
        let cells: Vec<bool> = match &self.which {
            Which::Box([west, east, south, north]) => {
                let width = if east > west { east - west } else { (east - west).rem_euclid(360.0) };
                let is_in = |(lat, lon): (&f64, &f64)| {
                    lat >= south && lat <= north && (lon - west).rem_euclid(360.0) <= width
                };
                lat.iter().zip(lon).map(is_in).collect()
            }
            Which::Mask(mask, codes) => {
                let found = find::fixed(comm, &[], Some(mask), (&[], &[lat.len()]), files).map_err(blame)?;
                let found = found.ok_or_else(|| blame(Error::data("there is no such file").in_file(mask)))?;
                let is_in =
                    |v: &f64| !v.is_nan() && if codes.is_empty() { *v != 0.0 } else { codes.contains(v) };
                found.values.to_f64().iter().map(is_in).collect()
            }
        };
        if cells.iter().any(|is_in| *is_in) {
            return Ok(cells);
        }
        Err(blame(Error::usage("no cell belongs to it").remedy("check the mask, or the box")))
    }
}
