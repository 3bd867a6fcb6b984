//! The variables of transports across circles of latitude.

use super::options::{StreamUnits, What};
use super::run::Zonal;
use halocline_core::meta::Attributes;

/// A part of what is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Stream,
    Total,
    Overturning,
    Gyre,
    Eddy,
}

/// A variable of the result.
pub(super) struct Made {
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) attributes: Attributes,
}

impl Made {
    pub(super) fn all(of: &Zonal) -> Vec<Self> {
        let by_rows = of.args.bins.is_none() && !of.ocean.is_rectilinear;
        let (units, mass) = match of.args.stream_units() {
            StreamUnits::Mass => ("kg s-1", "_mass"),
            StreamUnits::Sverdrup => ("Sv", ""),
        };
        let (name, along) = match (by_rows, of.classes.is_some()) {
            (true, false) => ("msftyz", "y"),
            (false, false) => ("msftmz", "meridional"),
            (true, true) => ("msftyrho", "y"),
            (false, true) => ("msftmrho", "meridional"),
        };
        let (long, bottom) = match &of.classes {
            None => ("overturning streamfunction in depth".to_owned(), "bottom"),
            Some(classes) => (format!("overturning streamfunction in {}", classes.name), "densest class"),
        };
        let mut all = vec![Self {
            part: Part::Stream,
            name: name.to_owned(),
            attributes: Attributes::new()
                .with("standard_name", format!("ocean_{along}_overturning{mass}_streamfunction"))
                .with("long_name", long)
                .with("units", units)
                .with("comment", format!("0 at the {bottom}, positive clockwise seen from the east (northward above); at the other end minus the net flux")),
        }];
        let (name, standard, units, text) = match of.what {
            What::Water => return all,
            What::Heat(_) => ("hfbasin", "northward_ocean_heat_transport", "W", "heat"),
            What::Salt => ("sltbasin", "northward_ocean_salt_transport", "kg s-1", "salt"),
            What::Freshwater(_) => {
                ("fwbasin", "northward_ocean_freshwater_transport", "kg s-1", "fresh water")
            }
        };
        let parts = [
            (Part::Total, "", "all of it"),
            (Part::Overturning, "_overturning", "flow through each level times the mean over it"),
            (Part::Gyre, "_gyre", "departures from the mean over each level"),
            (Part::Eddy, "_eddy", "departures from the mean over time"),
        ];
        for (part, ending, comment) in parts {
            if part != Part::Total && !of.has_parts() || part == Part::Eddy && !of.args.mean {
                continue;
            }
            let mut attributes = Attributes::new();
            if part == Part::Total {
                attributes.set("standard_name", standard);
            }
            let kind = ending.trim_start_matches('_');
            let long = format!(
                "northward transport of {text}{}",
                if kind.is_empty() { String::new() } else { format!(", {kind} part") }
            );
            attributes.set("long_name", long);
            attributes.set("units", units);
            attributes.set("comment", comment);
            all.push(Self { part, name: format!("{name}{ending}"), attributes });
        }
        all
    }
}
