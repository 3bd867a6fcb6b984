//! Options that these kinds share.

use crate::common::{described, InputArgs, MemoryArgs, SelectionArgs};
use crate::vertical::hybrid::Given;
use halocline_algorithms::transport::atmosphere::Constants;
use halocline_core::meta::Attributes;
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// Files, a selection, memory, the output.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The surface pressure; what lies below the ground is left out then [default: found by its
    /// standard name or as ps; `none`: all values count]
    #[arg(long, value_name = "NAME|none")]
    pub(super) ps: Option<String>,
    /// Hybrid levels: the coefficient a (or ap, in Pa) [default: by formula_terms of the levels, else
    /// hyam, or ap]
    #[arg(long, value_name = "NAME")]
    pub(super) a: Option<String>,
    /// Hybrid levels: the coefficient b [default: by formula_terms, else hybm, or b]
    #[arg(long, value_name = "NAME")]
    pub(super) b: Option<String>,
    /// Hybrid levels: the pressure, Pa, that a is a share of; 1 if a is a pressure [default: by
    /// formula_terms or P0, else 100000 if no a is greater than 1]
    #[arg(long, value_name = "PA")]
    pub(super) p0: Option<f64>,
    #[command(flatten)]
    pub(super) constants: ConstantsArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
}

/// Constants.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ConstantsArgs {
    /// The radius of the Earth, m [default: 6371000; NCL's convention: 6371220]
    #[arg(long, value_name = "METRES")]
    radius: Option<f64>,
    /// The acceleration of gravity, m s-2 [default: 9.80665; conventions of NCL and CDO: 9.80616
    /// and 9.81]
    #[arg(long, value_name = "G")]
    gravity: Option<f64>,
    /// Specific heat of air at constant pressure, J kg-1 K-1 [default: 1004.64]
    #[arg(long, value_name = "CP")]
    heat_capacity: Option<f64>,
    /// Latent heat of vaporisation, J kg-1 [default: 2501000]
    #[arg(long, value_name = "L")]
    latent_heat: Option<f64>,
}

impl ConstantsArgs {
    /// Those of a convention, but where others are given.
    pub(super) fn or(&self, base: Constants) -> Result<Constants> {
        let checked = |name: &str, given: Option<f64>, other: f64| match given {
            Some(v) if !(v.is_finite() && v > 0.0) => {
                Err(Error::usage(format!("--{name} {v} is not positive")).remedy("give it in SI units"))
            }
            given => Ok(given.unwrap_or(other)),
        };
        Ok(Constants {
            radius: checked("radius", self.radius, base.radius)?,
            gravity: checked("gravity", self.gravity, base.gravity)?,
            heat_capacity: checked("heat-capacity", self.heat_capacity, base.heat_capacity)?,
            latent_heat: checked("latent-heat", self.latent_heat, base.latent_heat)?,
            ..base
        })
    }
    pub(super) fn check(&self) -> Result<()> {
        self.or(Constants::default()).map(drop)
    }
}

impl Common {
    /// Refuses what makes no sense before any file is opened.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(p0) = self.p0.filter(|p| !(p.is_finite() && *p > 0.0)) {
            return Err(Error::usage(format!("--p0 {p0} is no pressure")).remedy("give Pa"));
        }
        self.constants.check()
    }
    /// Refuses some of the levels, for what is an integral from the top: the air outside of them is not
    /// known of.
    pub(super) fn check_all_levels(&self) -> Result<()> {
        let selection = self.selection.selection()?;
        if selection.levels.is_some() || selection.level.is_some() {
            return Err(Error::usage("integrals over the column need all levels").remedy("leave --level out"));
        }
        Ok(())
    }
    /// What is told of hybrid levels.
    pub(super) fn given(&self, is_cut: bool, wants_edges: bool) -> Given<'_> {
        Given {
            a: self.a.as_ref(),
            b: self.b.as_ref(),
            ps: self.ps.as_ref().filter(|ps| *ps != "none"),
            p0: self.p0,
            wants_edges,
            is_cut,
        }
    }
    /// As outputs record it, behind what is the command's own.
    pub(super) fn describe(&self, own: Vec<String>) -> String {
        let mut options = own;
        options.extend(self.ps.iter().map(|ps| format!("ps={ps}")));
        options.extend(self.a.iter().map(|a| format!("a={a}")));
        options.extend(self.b.iter().map(|b| format!("b={b}")));
        options.extend(self.p0.iter().map(|p0| format!("p0={p0}")));
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

/// Adds the constants that a result depends on.
pub(super) fn record(attributes: &mut Attributes, constants: &Constants, names: &[&str]) {
    for name in names {
        let value = match *name {
            "earth_radius" => constants.radius,
            "gravity" => constants.gravity,
            "rotation_rate" => constants.rotation,
            "heat_capacity" => constants.heat_capacity,
            "gas_constant" => constants.gas,
            "latent_heat" => constants.latent_heat,
            _ => constants.reference_pressure,
        };
        attributes.set(*name, value);
    }
}
