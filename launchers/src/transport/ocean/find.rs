//! How variables are found: as named, else by standard name, else by the names that models give.

use crate::quantities::{check_metres, Quantity};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Dim, Role, Values};
use halocline_core::{Error, Result};
use halocline_io::{Dataset, VariableInfo};
use std::path::{Path, PathBuf};

/// Something that is looked for.
pub(in crate::transport) struct Wanted {
    /// In words, and the option that names it.
    pub(in crate::transport) what: &'static str,
    pub(in crate::transport) option: &'static str,
    pub(in crate::transport) standard: &'static [&'static str],
    pub(in crate::transport) names: &'static [&'static str],
    pub(in crate::transport) quantity: Quantity,
}

pub(super) const V: Wanted = Wanted {
    what: "velocity along columns",
    option: "--v",
    standard: &["sea_water_y_velocity", "northward_sea_water_velocity"],
    names: &["vo", "voce", "vomecrty", "v", "VVEL", "V", "vvel", "vo_time"],
    quantity: Quantity::Speed,
};
pub(super) const U: Wanted = Wanted {
    what: "velocity along rows",
    option: "--u",
    standard: &["sea_water_x_velocity", "eastward_sea_water_velocity"],
    names: &["uo", "uoce", "vozocrtx", "u", "UVEL", "U", "uvel"],
    quantity: Quantity::Speed,
};
pub(super) const MASS_V: Wanted = Wanted {
    what: "mass transport along columns",
    option: "--v",
    standard: &["ocean_mass_y_transport"],
    names: &["vmo"],
    quantity: Quantity::MassTransport,
};
pub(super) const MASS_U: Wanted = Wanted {
    what: "mass transport along rows",
    option: "--u",
    standard: &["ocean_mass_x_transport"],
    names: &["umo"],
    quantity: Quantity::MassTransport,
};
pub(super) const TEMPERATURE: Wanted = Wanted {
    what: "temperature",
    option: "--thetao",
    standard: &["sea_water_potential_temperature", "sea_water_conservative_temperature"],
    names: &["thetao", "bigthetao", "toce", "votemper", "temp", "THETA", "TEMP"],
    quantity: Quantity::Temperature,
};
pub(super) const SALINITY: Wanted = Wanted {
    what: "salinity",
    option: "--so",
    standard: &["sea_water_salinity", "sea_water_practical_salinity", "sea_water_absolute_salinity"],
    names: &["so", "soce", "vosaline", "salt", "SALT", "SALINITY"],
    quantity: Quantity::Salinity,
};

/// A variable of one of several data sets.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Found {
    pub(in crate::transport) set: usize,
    pub(in crate::transport) name: String,
}

/// Whether it has a map, and times or none.
fn is_field(info: &VariableInfo, with_times: bool) -> bool {
    let has = |role| info.variable.position(role).is_some();
    has(Role::Time) == with_times && has(Role::X) && has(Role::Y)
}

/// The variable that is named, or the first that fits: of those with times, if it is to be `timed`, before
/// those of a snapshot, else the other way round.
pub(super) fn field(
    sets: &[Dataset],
    asked: Option<&str>,
    wanted: &Wanted,
    timed: bool,
) -> Result<Option<Found>> {
    let Some(name) = asked else {
        return match first_of(sets, wanted, timed)? {
            None => first_of(sets, wanted, !timed),
            found => Ok(found),
        };
    };
    let mut all = sets.iter().enumerate().flat_map(|(set, d)| d.variables().iter().map(move |v| (set, v)));
    match all.find(|(_, info)| info.variable.name == name) {
        Some(there) => checked(sets, there, wanted).map(Some),
        // Names the nearest, and the file.
        None => sets.first().map_or(Ok(None), |first| first.variable(name).map(|_| None)),
    }
}

/// What is found, if it is in units of what is wanted.
fn checked(sets: &[Dataset], (set, info): (usize, &VariableInfo), wanted: &Wanted) -> Result<Found> {
    let file = sets[set].files().first().map_or("", |f| f.path.as_str());
    wanted.quantity.check(&info.variable).map_err(|e| e.in_file(file))?;
    Ok(Found { set, name: info.variable.name.clone() })
}

/// The first that fits of those with times, or of those without.
fn first_of(sets: &[Dataset], wanted: &Wanted, timed: bool) -> Result<Option<Found>> {
    let all = || sets.iter().enumerate().flat_map(|(set, d)| d.variables().iter().map(move |v| (set, v)));
    let fields = || all().filter(move |(_, info)| is_field(info, timed));
    let standard =
        |name: &&str| fields().find(|(_, i)| i.variable.attributes.text("standard_name") == Some(name));
    let by_name = |name: &&str| fields().find(|(_, i)| i.variable.name == **name);
    let there = wanted.standard.iter().find_map(standard).or_else(|| wanted.names.iter().find_map(by_name));
    there.map(|there| checked(sets, there, wanted)).transpose()
}

/// Whether something has times.
pub(super) fn is_timed(sets: &[Dataset], found: &Found) -> Result<bool> {
    Ok(sets[found.set].variable(&found.name)?.variable.position(Role::Time).is_some())
}

/// A velocity, or where none is a mass transport, and whether it is one. A variable that is named is
/// what its units say.
pub(super) fn velocity(
    sets: &[Dataset],
    asked: Option<&str>,
    (velocity, mass): (&Wanted, &Wanted),
) -> Result<(Found, bool)> {
    if let Some(name) = asked {
        let all = sets.iter().flat_map(Dataset::variables).find(|i| i.variable.name == name);
        let is_mass = all.is_some_and(|info| {
            let about = &info.variable;
            let standard = about.attributes.text("standard_name").unwrap_or_default();
            about.units().is_some_and(|u| mass.quantity.is_in(u)) || mass.standard.contains(&standard)
        });
        return Ok((needed(sets, asked, if is_mass { mass } else { velocity })?, is_mass));
    }
    // A velocity that stands still, as of a state at rest, is not meant where a mass transport has times.
    for (timed, wanted, is_mass) in
        [(true, velocity, false), (true, mass, true), (false, velocity, false), (false, mass, true)]
    {
        if let Some(found) = first_of(sets, wanted, timed)? {
            return Ok((found, is_mass));
        }
    }
    Ok((needed(sets, None, velocity)?, false))
}

/// [`field`], with times rather than without, which must be there.
pub(in crate::transport) fn needed(sets: &[Dataset], asked: Option<&str>, wanted: &Wanted) -> Result<Found> {
    needed_like(sets, asked, wanted, true)
}

/// [`field`], which must be there.
pub(super) fn needed_like(
    sets: &[Dataset],
    asked: Option<&str>,
    wanted: &Wanted,
    timed: bool,
) -> Result<Found> {
    field(sets, asked, wanted, timed)?.ok_or_else(|| {
        let error = Error::usage(format!("no {} is found by its standard name or a usual name", wanted.what))
            .remedy(format!("add the files that hold it, or name it with {}", wanted.option));
        match sets.first().and_then(|d| d.files().first()) {
            Some(file) => error.in_file(&file.path),
            None => error,
        }
    })
}

/// What does not vary in time, with its name.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Static {
    pub(in crate::transport) name: String,
    pub(in crate::transport) values: Values,
    pub(in crate::transport) units: Option<String>,
    pub(in crate::transport) file: String,
    /// Values and words of `flag_values` and `flag_meanings`.
    pub(in crate::transport) flags: Vec<(f64, String)>,
    /// Dimensions that are longer than 1.
    pub(in crate::transport) dims: Vec<Dim>,
}

/// Reads what does not vary in time: `asked` is a name or `FILE:NAME`; else the first of `names` that
/// has one of these lengths. Files that are read are added to `files`.
///
/// # Collective
/// Every rank calls this; one reads.
pub(in crate::transport) fn fixed(
    comm: &Comm,
    sets: &[Dataset],
    asked: Option<&str>,
    names_and_lengths: (&[&str], &[usize]),
    files: &mut Vec<PathBuf>,
) -> Result<Option<Static>> {
    fixed_in(comm, sets, (asked, true), names_and_lengths, files)
}

/// As [`fixed`]; unless `metres`, in other units of length or area too, which the caller must see to.
///
/// # Collective
/// Every rank calls this; one reads.
pub(in crate::transport) fn fixed_in(
    comm: &Comm,
    sets: &[Dataset],
    (asked, metres): (Option<&str>, bool),
    (names, lengths): (&[&str], &[usize]),
    files: &mut Vec<PathBuf>,
) -> Result<Option<Static>> {
    if let Some(asked) = asked {
        if let Some((file, name)) = of_file(asked) {
            let set = halocline_io::open(comm, &[file.to_owned()])?;
            files.push(PathBuf::from(file));
            set.variable(name)?;
            return read(comm, &set, name, lengths, (true, metres));
        }
        for set in sets {
            if set.variables().iter().any(|v| v.variable.name == asked) {
                return read(comm, set, asked, lengths, (true, metres));
            }
        }
        if let Some((file, _)) = asked.rsplit_once(':') {
            return Err(no_file(file));
        }
        return sets.first().map_or(Ok(None), |first| first.variable(asked).map(|_| None));
    }
    for name in names {
        for set in sets {
            if set.variables().iter().any(|v| v.variable.name == *name) {
                if let Some(found) = read(comm, set, name, lengths, (false, metres))? {
                    return Ok(Some(found));
                }
            }
        }
    }
    Ok(None)
}

/// The file and the name of `FILE:NAME`, if there is such a file.
pub(in crate::transport) fn of_file(asked: &str) -> Option<(&str, &str)> {
    asked.rsplit_once(':').filter(|(file, _)| Path::new(file).exists())
}

/// What is said of a file that is named before a variable, and is not there.
fn no_file(file: &str) -> Error {
    Error::data("there is no such file")
        .in_file(file)
        .remedy("check the name; FILE:NAME is a variable of FILE")
}

/// Whether a variable has several times.
pub(in crate::transport) fn varies(info: &VariableInfo) -> bool {
    info.variable.dims.iter().any(|d| d.role == Role::Time && d.len > 1)
}

fn read(
    comm: &Comm,
    set: &Dataset,
    name: &str,
    lengths: &[usize],
    (named, metres): (bool, bool),
) -> Result<Option<Static>> {
    let info = set.variable(name)?;
    let shape = info.variable.shape();
    let first: Vec<_> = info
        .variable
        .dims
        .iter()
        .map(|d| if d.role == Role::Time { 0..d.len.min(1) } else { 0..d.len })
        .collect();
    let block = IndexBox::new(first);
    let file = set.files().first().map_or("", |f| f.path.as_str());
    if varies(info) || !lengths.contains(&block.len()) {
        if !named {
            return Ok(None);
        }
        return Err(Error::data(format!("has the shape {shape:?}, which is not that of the velocity"))
            .in_variable(name)
            .in_file(file)
            .remedy("name one of the same grid, without times"));
    }
    if metres {
        check_metres(&info.variable).map_err(|e| e.in_file(file))?;
    }
    let dims = info.variable.dims.iter().filter(|d| d.role != Role::Time && d.len > 1).cloned().collect();
    let values = comm.on_root(|| set.read(name, &block))?;
    let units = info.variable.units().map(str::to_owned);
    let flags = flags(&info.variable.attributes);
    Ok(Some(Static { name: name.to_owned(), values, units, file: file.to_owned(), flags, dims }))
}

/// What the values of a variable mean, as its attributes say.
fn flags(attributes: &Attributes) -> Vec<(f64, String)> {
    let words = attributes.text("flag_meanings").unwrap_or_default().split_whitespace();
    let values = match (attributes.get("flag_values"), attributes.text("flag_values")) {
        // Some write them as text.
        (_, Some(text)) => {
            let numbers = text.split([' ', ',']).filter(|word| !word.is_empty());
            numbers.map(|word| word.trim_end_matches(['b', 's', 'f']).parse().unwrap_or(f64::NAN)).collect()
        }
        (Some(value), None) => value.numbers().unwrap_or_default(),
        (None, None) => Vec::new(),
    };
    words.zip(values).map(|(word, value)| (value, word.to_owned())).collect()
}
