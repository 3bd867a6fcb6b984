//! The pressures of levels, and names of variables that are found by what they are.

use crate::pressure::to_pascal;
use crate::quantities::Quantity;
use halocline_core::meta::{Coordinate, Role, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// How a variable is found that nobody names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The option that names it.
    pub(super) option: &'static str,
    pub(super) standard: &'static [&'static str],
    pub(super) names: &'static [&'static str],
    /// Whether it has levels.
    pub(super) has_levels: bool,
}

macro_rules! wanted {
    ($name:ident, $option:literal, $standard:expr, $names:expr, $levels:literal) => {
        pub(super) const $name: Wanted =
            Wanted { option: $option, standard: &$standard, names: &$names, has_levels: $levels };
    };
}

wanted!(EASTWARD, "u", ["eastward_wind"], ["ua", "u", "U"], true);
wanted!(NORTHWARD, "v", ["northward_wind"], ["va", "v", "V"], true);
wanted!(TEMPERATURE, "t", ["air_temperature"], ["ta", "t", "T"], true);
wanted!(HUMIDITY, "q", ["specific_humidity"], ["hus", "q", "Q"], true);
wanted!(HEIGHT, "z", ["geopotential_height", "geopotential"], ["zg", "z", "Z"], true);
wanted!(
    VERTICAL,
    "w",
    ["lagrangian_tendency_of_air_pressure", "vertical_air_velocity_expressed_as_tendency_of_pressure"],
    ["wap", "omega", "OMEGA"],
    true
);
wanted!(SURFACE, "ps", ["surface_air_pressure"], ["ps", "PS", "sp"], false);

impl Wanted {
    /// What it is, as far as units are checked.
    pub(super) fn quantity(&self) -> Quantity {
        match self.option {
            "u" | "v" => Quantity::Speed,
            "t" => Quantity::Kelvin,
            "q" => Quantity::SpecificHumidity,
            "w" => Quantity::PressureVelocity,
            _ => Quantity::Any,
        }
    }
    /// Its name among the variables of data sets, and which of them; `None` if there is none.
    pub(super) fn find(&self, datasets: &[Dataset]) -> Result<Option<(usize, String)>> {
        let fits = |dataset: &Dataset, v: &Variable| {
            // A map is one of a snapshot if nothing there has times.
            let is_still = || v.dims.len() == 2 && dataset.dims().iter().all(|d| d.role != Role::Time);
            let has_time = v.position(Role::Time).is_some() || v.dims.len() > 2;
            (has_time || is_still()) && v.position(Role::Level).is_some() == self.has_levels
        };
        for by_standard_name in [true, false] {
            let is_it = |v: &Variable| {
                if by_standard_name {
                    v.attributes.text("standard_name").is_some_and(|s| self.standard.contains(&s))
                } else {
                    self.names.contains(&v.name.as_str())
                }
            };
            let mut found: Vec<(usize, String)> = Vec::new();
            for (k, dataset) in datasets.iter().enumerate() {
                // A surface pressure that the formula of levels names is data here.
                let all = dataset.variables().iter().map(|v| &v.variable);
                found.extend(all.filter(|v| fits(dataset, v) && is_it(v)).map(|v| (k, v.name.clone())));
            }
            match found.len() {
                0 => {}
                1 => return Ok(found.pop()),
                _ => {
                    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
                    return Err(Error::usage(format!(
                        "--{} may be each of these: {}",
                        self.option,
                        names.join(", ")
                    ))
                    .remedy("name the one that is meant"));
                }
            }
        }
        Ok(None)
    }
}

/// The pressures of the levels of a variable in Pa.
///
/// # Errors
/// Data, if it has no levels, or these are no pressures.
pub(super) fn levels_of(variable: &Variable, levels: &[Coordinate]) -> Result<Vec<f64>> {
    let dim = variable.dims.iter().find(|d| d.role == Role::Level);
    let Some(dim) = dim else {
        return Err(Error::data("has no levels").remedy("choose a variable on pressure levels, all of them"));
    };
    let own = levels.iter().find(|c| c.variable.dims.len() == 1 && c.variable.dims[0].name == dim.name);
    let scale = own.and_then(|c| c.variable.units()).and_then(to_pascal);
    match own.zip(scale) {
        Some((coordinate, scale)) => Ok(coordinate.values.to_f64().iter().map(|p| p * scale).collect()),
        None => Err(Error::data(format!("its levels `{}` are not pressures", dim.name))
            .remedy("bring it to pressure levels first, with `halocline vertical`")),
    }
}
