//! What can be made of a wind, and what it is called.

use super::output::is_speed;
use crate::cf::stated_units;
use halocline_core::meta::Attributes;
use halocline_io::source::Source;

/// What is made of a wind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Field {
    Vorticity,
    Divergence,
    Streamfunction,
    VelocityPotential,
    Rotational,
    Divergent,
}

/// A variable of the result.
pub(super) struct Made {
    pub(super) name: &'static str,
    long_name: &'static str,
    /// The standard names of the atmosphere and of the ocean, where there are some.
    standard: [Option<&'static str>; 2],
    /// By how many powers of length it differs from the wind.
    lengths: i32,
}

const MADE: [(Field, Made); 8] = [
    (
        Field::Vorticity,
        Made {
            name: "vorticity",
            long_name: "relative vorticity",
            standard: [Some("atmosphere_relative_vorticity"), Some("ocean_relative_vorticity")],
            lengths: -1,
        },
    ),
    (
        Field::Divergence,
        Made {
            name: "divergence",
            long_name: "horizontal divergence",
            standard: [Some("divergence_of_wind"), Some("divergence_of_sea_water_velocity")],
            lengths: -1,
        },
    ),
    (
        Field::Streamfunction,
        Made {
            name: "streamfunction",
            long_name: "streamfunction of the rotational part",
            standard: [Some("atmosphere_horizontal_streamfunction"), None],
            lengths: 1,
        },
    ),
    (
        Field::VelocityPotential,
        Made {
            name: "velocity_potential",
            long_name: "velocity potential of the divergent part",
            standard: [Some("atmosphere_horizontal_velocity_potential"), None],
            lengths: 1,
        },
    ),
    (
        Field::Rotational,
        Made {
            name: "u_rotational",
            long_name: "rotational part, eastward",
            standard: [None, None],
            lengths: 0,
        },
    ),
    (
        Field::Rotational,
        Made {
            name: "v_rotational",
            long_name: "rotational part, northward",
            standard: [None, None],
            lengths: 0,
        },
    ),
    (
        Field::Divergent,
        Made {
            name: "u_divergent",
            long_name: "divergent part, eastward",
            standard: [None, None],
            lengths: 0,
        },
    ),
    (
        Field::Divergent,
        Made {
            name: "v_divergent",
            long_name: "divergent part, northward",
            standard: [None, None],
            lengths: 0,
        },
    ),
];

impl Field {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::Vorticity,
        Self::Divergence,
        Self::Streamfunction,
        Self::VelocityPotential,
        Self::Rotational,
        Self::Divergent,
    ];
    /// The variables that it is.
    pub(super) fn made(self) -> impl Iterator<Item = &'static Made> {
        MADE.iter().filter(move |(field, _)| *field == self).map(|(_, made)| made)
    }
    /// As users write it.
    pub(super) fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map_or_else(String::new, |v| v.get_name().to_owned())
    }
}

impl Made {
    /// Its attributes; the wind is `source`.
    pub(super) fn attributes(&self, source: &Source) -> Attributes {
        let variable = source.variable();
        let mut attributes = Attributes::new().with("long_name", self.long_name);
        let speed = variable.units().is_some_and(is_speed);
        let own = variable.attributes.text("standard_name");
        let described = variable.attributes.text("long_name").unwrap_or_default().to_lowercase();
        let is_of_water = ["current", "ocean", "sea", "drift"].iter().any(|word| described.contains(word));
        let medium = match own {
            // Of currents without a standard name nobody should say that they are winds.
            None if is_of_water => None,
            Some("eastward_wind" | "x_wind") | None => Some(0),
            Some(name) if name.contains("sea_water") && name.contains("velocity") => Some(1),
            // Of fluxes and the like.
            Some(_) => None,
        };
        if let Some(name) = medium.filter(|_| speed).and_then(|k: usize| self.standard[k]) {
            attributes.set("standard_name", name);
        }
        if let Some(units) = stated_units(variable) {
            let text = match (self.lengths, speed) {
                (0, true) => "m s-1".to_owned(),
                (-1, true) => "s-1".to_owned(),
                (_, true) => "m2 s-1".to_owned(),
                (0, false) => units.to_owned(),
                (-1, false) => format!("({units}) m-1"),
                (_, false) => format!("({units}) m"),
            };
            attributes.set("units", text);
        }
        // What is made is linear in the wind: a mean in time stays one.
        if let Some(methods) = variable.attributes.text("cell_methods") {
            attributes.set("cell_methods", methods);
        }
        attributes
    }
}
