//! Potential density of temperature and salinity, of which surfaces are wanted.

use super::options::VerticalArgs;
use crate::quantities::Quantity;
use crate::transport::density::{kinds_of, EosChoice};
use halocline_algorithms::seawater::PotentialDensity;
use halocline_core::meta::{Attributes, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

const TEMPERATURE: Wanted = Wanted {
    what: "temperature",
    option: "--thetao",
    standard: &["sea_water_potential_temperature", "sea_water_conservative_temperature"],
    names: &["thetao", "bigthetao", "toce", "votemper", "temp", "THETA", "TEMP"],
};
const SALINITY: Wanted = Wanted {
    what: "salinity",
    option: "--so",
    standard: &["sea_water_salinity", "sea_water_practical_salinity", "sea_water_absolute_salinity"],
    names: &["so", "soce", "vosaline", "salt", "SALT", "SALINITY"],
};

/// How a variable is known.
struct Wanted {
    what: &'static str,
    option: &'static str,
    standard: &'static [&'static str],
    names: &'static [&'static str],
}

impl Wanted {
    fn find(&self, asked: Option<&str>, datasets: &[Dataset]) -> Result<String> {
        if let Some(name) = asked {
            return Ok(name.to_owned());
        }
        let all = || datasets.iter().flat_map(Dataset::data_variables).map(|info| &info.variable);
        let has_levels = |v: &&Variable| v.position(halocline_core::meta::Role::Level).is_some();
        let named = |name: &&str| all().filter(has_levels).any(|v| v.name == **name);
        let stands =
            |v: &&Variable| v.attributes.text("standard_name").is_some_and(|s| self.standard.contains(&s));
        let found = self.names.iter().find(|n| named(n)).map(|n| (*n).to_owned());
        let found = found.or_else(|| all().filter(has_levels).find(stands).map(|v| v.name.clone()));
        found.ok_or_else(|| {
            Error::data(format!("no {} is there for density", self.what))
                .remedy(format!("name it with {}, in files that are inputs too", self.option))
        })
    }
}

/// The names of temperature and salinity.
pub(super) fn names(args: &VerticalArgs, datasets: &[Dataset]) -> Result<[String; 2]> {
    Ok([TEMPERATURE.find(args.thetao.as_deref(), datasets)?, SALINITY.find(args.so.as_deref(), datasets)?])
}

/// Potential density less 1000 kg m⁻³ of values as they are stored.
#[derive(Debug, Clone)]
pub(super) struct Density {
    of: PotentialDensity,
    /// Subtracted of temperatures to make them degrees Celsius.
    zero: f64,
    eos: EosChoice,
    note: String,
}

impl Density {
    /// Referred to a pressure, dbar.
    pub(super) fn new(eos: EosChoice, pressure: f64, water: [&Variable; 2]) -> Result<Self> {
        Quantity::Temperature.check(water[0])?;
        Quantity::Salinity.check(water[1])?;
        let (kinds, note) = kinds_of(Some(water[0]), Some(water[1]));
        let is_kelvin = water[0].units().is_some_and(|units| Quantity::Kelvin.is_in(units));
        let zero = if is_kelvin { 273.15 } else { 0.0 };
        Ok(Self { of: PotentialDensity::new(eos.eos(), kinds, pressure), zero, eos, note })
    }

    pub(super) fn at(&self, temperature: f64, salinity: f64) -> f64 {
        self.of.sigma(salinity, temperature - self.zero)
    }

    /// As outputs record it.
    pub(super) fn describe(&self) -> String {
        format!("eos={}; water={}", self.eos.name(), self.note)
    }
}

/// What the coordinate of surfaces is, referred to a pressure, dbar.
pub(super) fn attributes(pressure: f64) -> Attributes {
    let of = Attributes::new();
    let of = if pressure == 0.0 { of.with("standard_name", "sea_water_sigma_theta") } else { of };
    let place = if pressure == 0.0 { "the surface".to_owned() } else { format!("{pressure} dbar") };
    of.with("long_name", format!("potential density referred to {place}, less 1000 kg m-3"))
        .with("units", "kg m-3")
        .with("positive", "down")
}
