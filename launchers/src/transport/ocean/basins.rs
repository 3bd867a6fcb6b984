//! Parts of the ocean.

use super::find;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Region};
use std::path::{Path, PathBuf};

/// A part of the ocean as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Basin {
    pub(crate) name: String,
    pub(crate) text: String,
    which: Which,
}

#[derive(Debug, Clone, PartialEq)]
enum Which {
    /// A variable, of the inputs or of a file, and values or words that belong to it; none: all but 0.
    Mask(String, Vec<String>),
    /// Each of the words of a variable: a basin of its own.
    Words(String),
    /// West, east, south, north.
    Box([f64; 4]),
    /// One that has a name, or of a file.
    Region(Region),
}

impl Basin {
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let bad =
            || format!("`{text}` is no basin; write {WAYS}, the name of a region or FILE.geojson[:FEATURE]");
        let Some((name, what)) = text.split_once('=').filter(|_| of_file(text).is_none()) else {
            let which = match (of_file(text), text.contains(':')) {
                (Some(region), _) => Which::Region(region),
                (None, true) if !text.ends_with(':') => Which::Words(text.to_owned()),
                (None, _) => {
                    let other = |e: Error| format!("{e}; other basins are written {WAYS}");
                    Which::Region(text.parse().map_err(other)?)
                }
            };
            let name = match &which {
                Which::Region(region) => name_of(region),
                _ => text.to_owned(),
            };
            return Ok(Self { name, text: text.to_owned(), which });
        };
        let numbers = |t: &str| t.split(',').map(|n| n.trim().parse().ok()).collect::<Option<Vec<f64>>>();
        let finite = |all: &Vec<f64>| all.iter().all(|n| n.is_finite());
        let which = if let Some(all) = numbers(what).filter(finite) {
            let corners = <[f64; 4]>::try_from(all).map_err(|_| bad())?;
            let [west, east, south, north] = corners;
            if !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) || south > north {
                return Err(format!(
                    "`{text}` is no box: its south and north, {south} and {north}, are no latitudes in this order; write NAME=W,E,S,N"
                ));
            }
            if let Some(bad) = [west, east].into_iter().find(|lon| !(-360.0..=720.0).contains(lon)) {
                return Err(format!("`{text}` is no box: {bad} is no longitude; write NAME=W,E,S,N"));
            }
            Which::Box(corners)
        } else if let Some(region) = of_file(what) {
            Which::Region(region)
        } else {
            match what.rsplit_once('=') {
                Some((mask, codes)) => {
                    let codes: Vec<String> = codes.split(',').map(|code| code.trim().to_owned()).collect();
                    if codes.iter().any(String::is_empty) {
                        return Err(bad());
                    }
                    Which::Mask(mask.to_owned(), codes)
                }
                None => Which::Mask(what.to_owned(), Vec::new()),
            }
        };
        if name.trim().is_empty() || matches!(&which, Which::Mask(mask, _) if mask.trim().is_empty()) {
            return Err(bad());
        }
        Ok(Self { name: name.trim().to_owned(), text: text.to_owned(), which })
    }

    /// Its name and which cells belong to it; of each of the words of a mask.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(in crate::transport) fn cells(
        &self,
        (comm, sets): (&Comm, &[Dataset]),
        (lat, lon): (&[f64], &[f64]),
        files: &mut Vec<PathBuf>,
    ) -> Result<Vec<(String, Vec<bool>)>> {
        let blame = |e: Error| Error { message: format!("--basin {}: {}", self.name, e.message), ..e };
        let is_there = |name: &str| sets.iter().flat_map(Dataset::variables).any(|v| v.variable.name == name);
        let mut mask = |name: &str| {
            let found = find::fixed(comm, sets, Some(name), (&[], &[lat.len()]), files).map_err(blame)?;
            found.ok_or_else(|| blame(Error::data("there is no such file").in_file(name)))
        };
        // A word that is no variable may be a region under another name.
        let region = match &self.which {
            Which::Mask(name, codes) if codes.is_empty() && !is_there(name) => named(name),
            _ => None,
        };
        let which = region.map(Which::Region);
        let all = match which.as_ref().unwrap_or(&self.which) {
            Which::Box([west, east, south, north]) => {
                let width = if east > west { east - west } else { (east - west).rem_euclid(360.0) };
                let is_in = |(lat, lon): (&f64, &f64)| {
                    lat >= south && lat <= north && (lon - west).rem_euclid(360.0) <= width
                };
                vec![(self.name.clone(), lat.iter().zip(lon).map(is_in).collect())]
            }
            Which::Region(region) => {
                if let Some(file) = region.file().map(PathBuf::from) {
                    halocline_io::inputs::note(&file);
                    files.push(file);
                }
                vec![(self.name.clone(), comm.on_root(|| region.holds(lat, lon)).map_err(blame)?)]
            }
            Which::Mask(name, codes) => {
                let found = mask(name)?;
                let codes = codes.iter().map(|c| code(&found, c)).collect::<Result<Vec<f64>>>();
                let codes = codes.map_err(blame)?;
                if codes.is_empty() && !found.flags.is_empty() {
                    return Err(blame(unsaid(&found)));
                }
                let is_in =
                    |v: &f64| !v.is_nan() && if codes.is_empty() { *v != 0.0 } else { codes.contains(v) };
                vec![(self.name.clone(), found.values.to_f64().iter().map(is_in).collect())]
            }
            Which::Words(name) => {
                let found = mask(name)?;
                if found.flags.is_empty() {
                    return Err(blame(
                        Error::usage("has no flag_values with flag_meanings")
                            .in_variable(&found.name)
                            .in_file(&found.file)
                            .remedy("say which values make a basin: NAME=FILE:VAR=N,…"),
                    ));
                }
                let values = found.values.to_f64();
                // CMIP's 0 is land, and what is nowhere is no basin.
                let words = found.flags.iter().filter(|(value, _)| *value != 0.0);
                words
                    .map(|(value, word)| (word.clone(), values.iter().map(|v| v == value).collect()))
                    .filter(|(_, cells): &(String, Vec<bool>)| cells.iter().any(|is_in| *is_in))
                    .collect()
            }
        };
        if all.iter().any(|(_, cells)| cells.iter().any(|is_in| *is_in)) {
            return Ok(all);
        }
        Err(blame(Error::usage("no cell belongs to it").remedy("check the mask, the box or the region")))
    }
}

/// Ways to write basins that are no regions.
const WAYS: &str = "NAME=FILE:VAR, NAME=FILE:VAR=N,…, FILE:VAR or NAME=W,E,S,N";

/// A region that has a name.
fn named(text: &str) -> Option<Region> {
    text.parse().ok().filter(|region| matches!(region, Region::Named(_)))
}

/// A region of a file, if that is what is written; what follows a `=` has a name in front.
fn of_file(text: &str) -> Option<Region> {
    let region: Region = text.parse().ok()?;
    region.file().is_some_and(|path| !path.contains('=')).then_some(region)
}

/// What a region is called in results: its name, its feature's, or its file's without the ending.
fn name_of(region: &Region) -> String {
    match region {
        Region::Named(name) => name.clone(),
        Region::File { feature: Some(feature), .. } => feature.clone(),
        Region::File { path, feature: None } => {
            let stem = Path::new(path).file_stem();
            stem.map_or_else(|| path.clone(), |stem| stem.to_string_lossy().into_owned())
        }
    }
}

/// The value that a number or a word of a mask stands for.
fn code(found: &find::Static, text: &str) -> Result<f64> {
    let word = found.flags.iter().find(|(_, word)| word == text);
    let number = || text.parse::<f64>().ok().filter(|n| n.is_finite());
    word.map(|(value, _)| *value).or_else(number).ok_or_else(|| {
        let error = Error::usage(format!("`{text}` is none of its flag_meanings"))
            .in_variable(&found.name)
            .in_file(&found.file);
        error.remedy(if found.flags.is_empty() {
            "it has none: give numbers".to_owned()
        } else {
            format!("these are {}", words(found))
        })
    })
}

fn words(found: &find::Static) -> String {
    found.flags.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(", ")
}

fn unsaid(found: &find::Static) -> Error {
    Error::usage("its values stand for several basins")
        .in_variable(&found.name)
        .in_file(&found.file)
        .remedy(format!("say which, as in NAME=FILE:VAR=WORD: {}", words(found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::Values;

    #[test]
    fn basins_are_written_in_six_ways() {
        let which = |text: &str| Basin::parse(text).map(|basin| (basin.name, basin.which));
        let mask = |mask: &str, codes: &[&str]| {
            Which::Mask(mask.to_owned(), codes.iter().map(|c| (*c).to_owned()).collect())
        };
        assert_eq!(which("a=m.nc:b").unwrap(), ("a".to_owned(), mask("m.nc:b", &[])));
        assert_eq!(which("a=m.nc:b=1,x_sea").unwrap().1, mask("m.nc:b", &["1", "x_sea"]));
        assert_eq!(which("a=basin=2").unwrap().1, mask("basin", &["2"]));
        assert_eq!(which("m.nc:b").unwrap().1, Which::Words("m.nc:b".to_owned()));
        assert_eq!(which("a=1,2,3,4").unwrap().1, Which::Box([1.0, 2.0, 3.0, 4.0]));
        let region = |name: &str, text: &str| {
            assert_eq!(which(text).unwrap(), (name.to_owned(), Which::Region(text.parse().unwrap())));
        };
        region("tropics", "tropics");
        region("north_atlantic", "North-Atlantic");
        region("seas", "data/seas.geojson");
        region("North Sea", "data/seas.geojson:North Sea");
        region("a=b", "seas.geojson:a=b");
        let named = Which::Region("seas.geojson:2".parse().unwrap());
        assert_eq!(which("mine=seas.geojson:2").unwrap(), ("mine".to_owned(), named));
        assert!(which("tropic").unwrap_err().contains("did you mean `tropics`"));
        for wrong in [
            "a",
            "a=1,2",
            "a=0,20,95,99",
            "a=0,20,30,-30",
            "a=0,2000,-30,30",
            "seas.geojson:",
            "=m.nc:b",
            "a=m.nc:b=",
            "a=",
        ] {
            assert!(which(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_of_flags_are_values() {
        let found = find::Static {
            name: "basin".to_owned(),
            values: Values::F64(vec![]),
            units: None,
            file: String::new(),
            flags: vec![(0.0, "land".to_owned()), (2.0, "atlantic_ocean".to_owned())],
            dims: Vec::new(),
        };
        assert_eq!((code(&found, "atlantic_ocean").unwrap(), code(&found, "7").unwrap()), (2.0, 7.0));
        assert!(code(&found, "pacific_ocean").unwrap_err().to_string().contains("atlantic_ocean"));
    }
}
