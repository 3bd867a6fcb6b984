//! What variables are measured in, where a result depends on it: units that are taken as they are;
//! others are refused, as a wrong factor would go unseen.

use halocline_core::meta::Variable;
use halocline_core::{Error, Result};

/// What a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// m s-1.
    Speed,
    /// K.
    Kelvin,
    /// degC or K, which are told apart where it matters.
    Temperature,
    /// Parts per thousand, on whatever scale.
    Salinity,
    /// kg kg-1.
    SpecificHumidity,
    /// Pa s-1.
    PressureVelocity,
    /// W m-2.
    HeatFlux,
    /// kg s-1.
    MassTransport,
    /// Whatever it is: no check.
    Any,
}

/// Units without what only writes them in another way: `m/s`, `m s**-1` and `m.s^-1` are `m s-1`.
fn plain(units: &str) -> String {
    let lower =
        units.trim().to_ascii_lowercase().replace("**", "").replace(['^', '_'], "").replace(['.', '*'], " ");
    let words: Vec<&str> = lower.split_whitespace().collect();
    let joined = words.join(" ");
    match joined.split_once('/') {
        Some((above, below)) if !below.contains('/') => format!("{} {}-1", above.trim(), below.trim()),
        _ => joined,
    }
}

impl Quantity {
    /// The units that results are computed with, and what else is the same.
    const fn accepted(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Speed => (
                "m s-1",
                &[
                    "m s-1",
                    "m sec-1",
                    "meter second-1",
                    "meters second-1",
                    "metre second-1",
                    "metres second-1",
                    "meter s-1",
                    "meters s-1",
                    "meter sec-1",
                    "ms-1",
                    "m second-1",
                ],
            ),
            Self::Kelvin => ("K", &["k", "kelvin", "degk", "degreekelvin", "degreesk", "deg k"]),
            Self::Temperature => (
                "degC",
                &[
                    "degc",
                    "deg c",
                    "c",
                    "celsius",
                    "degreec",
                    "degreesc",
                    "degreecelsius",
                    "degreescelsius",
                    "degree c",
                    "degrees c",
                    "degree celsius",
                    "degrees celsius",
                    "deg celsius",
                    "°c",
                ],
            ),
            Self::Salinity => (
                "0.001",
                &[
                    "0 001",
                    "1e-3",
                    "1e-03",
                    "1 e-3",
                    "10-3",
                    "psu",
                    "pss",
                    "pss-78",
                    "pss78",
                    "g kg-1",
                    "gram kilogram-1",
                    "grams kilogram-1",
                    "ppt",
                    "per mil",
                    "permil",
                    "parts per thousand",
                    "o oo-1",
                    "practical salinity units",
                    "practical salinity unit",
                    "practical salinity scale",
                    "1e-3 (pss-78)",
                    "g kg",
                ],
            ),
            Self::SpecificHumidity => ("kg kg-1", &["kg kg-1", "1", "kg kg", "kilogram kilogram-1", ""]),
            Self::PressureVelocity => ("Pa s-1", &["pa s-1", "pascal second-1", "pa sec-1", "pascal s-1"]),
            Self::HeatFlux => (
                "W m-2",
                &[
                    "w m-2",
                    "w m2-1",
                    "wm-2",
                    "watt m-2",
                    "watt m2-1",
                    "watts m-2",
                    "watts m2-1",
                    "watt meter2-1",
                    "j s-1 m-2",
                ],
            ),
            Self::MassTransport => (
                "kg s-1",
                &["kg s-1", "kg sec-1", "kg second-1", "kilogram s-1", "kilogram second-1", "kgs-1"],
            ),
            Self::Any => ("", &[]),
        }
    }

    /// Whether these are its units.
    pub(crate) fn is_in(self, units: &str) -> bool {
        let kelvin = self == Self::Temperature && Self::Kelvin.is_in(units);
        kelvin || self.accepted().1.contains(&plain(units).as_str())
    }

    /// What is to be said of a variable that has no units.
    pub(crate) fn assumed(self, variable: &Variable) -> Option<String> {
        let says = variable.units().is_some_and(|u| !u.trim().is_empty());
        let usual = self.accepted().0;
        (!says && !usual.is_empty())
            .then(|| format!("{} has no units: taken to be in {usual}", variable.name))
    }

    /// Refuses a variable that is measured in something else. One that says nothing is taken to be
    /// in the usual units.
    pub(crate) fn check(self, variable: &Variable) -> Result<()> {
        let usual = self.accepted().0;
        let Some(units) = variable.units().filter(|u| !u.trim().is_empty()) else { return Ok(()) };
        // Practical salinity has no unit, and is of the order of 35.
        let practical = self == Self::Salinity
            && units.trim() == "1"
            && variable.attributes.text("standard_name") == Some("sea_water_practical_salinity");
        if self == Self::Any || practical || self.is_in(units) {
            return Ok(());
        }
        Err(Error::data(format!("is in `{units}`, not in {usual}"))
            .in_variable(&variable.name)
            .remedy(format!("convert its values to {usual} and say so in its units")))
    }
}

/// Refuses lengths and areas that say that they are in other units than metres and square metres.
pub(crate) fn check_metres(variable: &Variable) -> Result<()> {
    let Some(units) = variable.units() else { return Ok(()) };
    let plain = plain(units);
    let others = [
        "cm",
        "centimeter",
        "centimeters",
        "centimetre",
        "centimetres",
        "km",
        "kilometer",
        "kilometers",
        "kilometre",
        "kilometres",
        "mm",
        "dm",
        "feet",
        "ft",
    ];
    let other =
        |word: &str| others.contains(&word) || word.strip_suffix('2').is_some_and(|w| others.contains(&w));
    if !other(plain.as_str()) {
        return Ok(());
    }
    Err(Error::data(format!("is in `{units}`, not in metres"))
        .in_variable(&variable.name)
        .remedy("convert its values to m (or m2) and say so in its units"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::{Attributes, DType};

    fn of(units: &str) -> Variable {
        let attributes = Attributes::new().with("units", units);
        Variable { name: "x".into(), dims: Vec::new(), dtype: DType::F32, attributes }
    }

    #[test]
    fn what_has_no_units_is_told() {
        let note = Quantity::Temperature.assumed(&of(" "));
        assert_eq!(note.as_deref(), Some("x has no units: taken to be in degC"));
        assert!(Quantity::Kelvin.assumed(&of("degC")).is_none() && Quantity::Any.assumed(&of("")).is_none());
    }

    #[test]
    fn ways_to_write_units_are_known_and_other_units_refused() {
        for units in
            ["m s-1", "m/s", "m s**-1", "m.s-1", "m s^-1", " M S-1", "meters/second", "meter second-1"]
        {
            assert!(Quantity::Speed.check(&of(units)).is_ok(), "{units}");
        }
        for units in ["cm s-1", "cm/s", "centimeter/s", "knots", "km h-1", "kg s-1", "foo", "1"] {
            assert!(Quantity::Speed.check(&of(units)).is_err(), "{units}");
        }
        for units in ["K", "kelvin", "degC", "degree_C", "degrees_celsius", "Celsius", "deg C"] {
            assert!(Quantity::Temperature.check(&of(units)).is_ok(), "{units}");
        }
        assert!(
            Quantity::Kelvin.check(&of("degC")).is_err() && Quantity::Temperature.check(&of("degF")).is_err()
        );
        // Whatever counts as a temperature is known to be one of the two.
        for units in ["K", "kelvin", "Kelvin", "degK", "degree_Kelvin", "deg K", "degrees_K"] {
            assert!(
                Quantity::Temperature.check(&of(units)).is_ok() && Quantity::Kelvin.is_in(units),
                "{units}"
            );
        }
        assert!(["degC", "Celsius", "C"].iter().all(|units| !Quantity::Kelvin.is_in(units)));
        for units in ["0.001", "1e-3", "psu", "PSU", "g kg-1", "g/kg", "gram/kilogram"] {
            assert!(Quantity::Salinity.check(&of(units)).is_ok(), "{units}");
        }
        assert!(
            Quantity::Salinity.check(&of("kg/kg")).is_err() && Quantity::Salinity.check(&of("1")).is_err()
        );
        assert!(Quantity::SpecificHumidity.check(&of("kg/kg")).is_ok());
        assert!(Quantity::SpecificHumidity.check(&of("g kg-1")).is_err());
        assert!(Quantity::PressureVelocity.check(&of("Pa/s")).is_ok());
        assert!(Quantity::PressureVelocity.check(&of("m s-1")).is_err());
        for (units, good) in
            [("m", true), ("m2", true), ("1", true), ("cm", false), ("km2", false), ("km", false)]
        {
            assert_eq!(check_metres(&of(units)).is_ok(), good, "{units}");
        }
    }
}
