//! The options of transports across circles of latitude, as checked values.

use crate::bench::model::Case;
use crate::common::MemoryArgs;
use crate::plan::Foreseen;
use crate::transport::density::DensityArgs;
use crate::transport::ocean::{Convention, OceanArgs};
use halocline_algorithms::seawater::CP0;
use halocline_core::{Error, Result};

/// The reference density of NEMO and of most models of CMIP, kg m⁻³.
const RHO0: f64 = 1026.0;
/// Of CDFTOOLS: the product of density and heat capacity is 4·10⁶.
const CDFTOOLS: (f64, f64) = (1000.0, 4000.0);

/// Units of streamfunctions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StreamUnits {
    #[value(name = "kg")]
    Mass,
    #[value(name = "Sv", alias = "sv")]
    Sverdrup,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ZonalArgs {
    #[command(flatten)]
    pub(crate) ocean: OceanArgs,
    /// Across true circles of latitude so many degrees apart, in stair-steps along the faces of the
    /// model; needs both velocities [default: along the rows of the model]
    #[arg(long, value_name = "DEGREES")]
    pub(super) bins: Option<f64>,
    /// Of the mean over all times, each counted once: what departures from it carry is then a part of
    /// its own [default: at each time]
    #[arg(long)]
    pub(super) mean: bool,
    /// Units of the streamfunction: kg (kg s-1) or Sv (1e6 m3 s-1) [default: kg]
    #[arg(long, value_enum, value_name = "kg|Sv", hide_possible_values = true)]
    pub(super) units: Option<StreamUnits>,
    /// Reference density in kg m-3 [default: 1026]
    #[arg(long, value_name = "RHO")]
    pub(super) rho0: Option<f64>,
    /// cmip; cdfmoc: as CDFTOOLS: layers at rest, Sv, at the tops of cells, 1000 kg m-3 and 4000 J
    /// kg-1 K-1
    #[arg(long, value_enum, value_name = "cmip|cdfmoc", default_value = "cmip", hide_possible_values = true)]
    pub(super) convention: Convention,
}

impl ZonalArgs {
    pub(super) fn is_cdfmoc(&self) -> bool {
        self.convention == Convention::Cdfmoc
    }
    pub(super) fn density(&self) -> f64 {
        self.rho0.unwrap_or(if self.is_cdfmoc() { CDFTOOLS.0 } else { RHO0 })
    }
    pub(super) fn stream_units(&self) -> StreamUnits {
        self.units.unwrap_or(if self.is_cdfmoc() { StreamUnits::Sverdrup } else { StreamUnits::Mass })
    }

    fn check(&self) -> Result<()> {
        self.ocean.check()?;
        positive("--rho0", self.rho0)?;
        if let Some(step) = self.bins {
            if !(0.01..=90.0).contains(&step) {
                return Err(Error::usage(format!("--bins {step} is no step of latitude"))
                    .remedy("give degrees, from 0.01 to 90"));
            }
        }
        Ok(())
    }

    /// As outputs record it.
    pub(super) fn describe(&self) -> Vec<String> {
        let mut all = vec![format!("rho0={}", self.density())];
        all.extend(self.bins.map(|step| format!("bins={step}")));
        if self.mean {
            all.push("mean=yes".to_owned());
        }
        if self.is_cdfmoc() {
            all.push("convention=cdfmoc".to_owned());
        }
        all.extend(self.ocean.describe());
        all
    }
}

fn positive(option: &str, value: Option<f64>) -> Result<()> {
    match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(Error::usage(format!("{option} {value} must be above 0")))
        }
        _ => Ok(()),
    }
}

/// What is carried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Water,
    /// With the heat capacity, J kg⁻¹ K⁻¹.
    Heat(f64),
    Salt,
    /// With the salinity of what is no fresh water.
    Freshwater(f64),
}

/// A command of this family.
pub(crate) trait ZonalCommand {
    #[doc(hidden)]
    fn zonal(&self) -> &ZonalArgs;
    /// What it carries.
    fn what(&self) -> Carried;
    /// Refuses what makes no sense before any file is opened.
    fn check(&self) -> Result<()> {
        self.zonal().check()
    }
    /// How much memory.
    fn memory(&self) -> &MemoryArgs {
        &self.zonal().ocean.memory
    }
}

/// What is carried, and by which vertical coordinate the flow is told.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(super) what: What,
    pub(super) density: Option<DensityArgs>,
}

impl Carried {
    const fn by_depth(what: What) -> Self {
        Self { what, density: None }
    }
}

/// The meridional overturning streamfunction of the ocean, in depth or in density.
///
/// ψ(y, z) = -ρ₀ ∫ from the bottom to z of ∫ v dx dz: 0 at the bottom, positive where water flows
/// northward above (clockwise seen from the east); at the surface minus the net flux. In density the
/// same from the densest class, with the flow of each time sorted into classes.
#[derive(Debug, clap::Args)]
pub(crate) struct OverturningArgs {
    #[command(flatten)]
    zonal: ZonalArgs,
    #[command(flatten)]
    density: DensityArgs,
}

impl OverturningArgs {
    /// What its cost follows from: of all times, in depth, of a velocity that is named.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        let (input, v) = self.zonal.ocean.read_whole()?;
        (self.density.is_depth() && self.zonal.bins.is_none()).then(|| Foreseen {
            case: Case::Moc,
            input,
            selection: None,
            vars: std::slice::from_ref(v),
            segment: None,
            results: 1.0,
        })
    }
}

impl ZonalCommand for OverturningArgs {
    fn zonal(&self) -> &ZonalArgs {
        &self.zonal
    }
    fn what(&self) -> Carried {
        Carried { what: What::Water, density: Some(self.density.clone()) }
    }
    fn check(&self) -> Result<()> {
        self.density.check()?;
        if !self.density.is_depth() && self.zonal.is_cdfmoc() {
            return Err(Error::usage("--convention cdfmoc is of depth").remedy("leave it out"));
        }
        self.zonal.check()
    }
}

/// Northward transport of heat by the ocean, with its parts, and the overturning beside it.
///
/// ρ₀ cp ∫∫ v T dx dz, T in degrees Celsius: total = overturning (flow through each level as a whole
/// times the mean temperature) + gyre (departures from both along the level) + with --mean eddy
/// (departures from the mean over time).
#[derive(Debug, clap::Args)]
pub(crate) struct HeatArgs {
    #[command(flatten)]
    zonal: ZonalArgs,
    /// Heat capacity in J kg-1 K-1 [default: 3991.86795711963, of TEOS-10]
    #[arg(long, value_name = "CP")]
    cp: Option<f64>,
}

impl ZonalCommand for HeatArgs {
    fn zonal(&self) -> &ZonalArgs {
        &self.zonal
    }
    fn what(&self) -> Carried {
        Carried::by_depth(What::Heat(self.cp.unwrap_or(if self.zonal.is_cdfmoc() {
            CDFTOOLS.1
        } else {
            CP0
        })))
    }
    fn check(&self) -> Result<()> {
        positive("--cp", self.cp).and_then(|()| self.zonal.check())
    }
}

/// Northward transport of salt by the ocean, with its parts, and the overturning beside it.
///
/// ρ₀ ∫∫ v S/1000 dx dz, parts as those of heat.
#[derive(Debug, clap::Args)]
pub(crate) struct SaltArgs {
    #[command(flatten)]
    zonal: ZonalArgs,
}

impl ZonalCommand for SaltArgs {
    fn zonal(&self) -> &ZonalArgs {
        &self.zonal
    }
    fn what(&self) -> Carried {
        Carried::by_depth(What::Salt)
    }
}

/// Northward transport of fresh water by the ocean, with its parts, and the overturning beside it.
///
/// ρ₀ ∫∫ v (1 - S/S₀) dx dz: the net flux of water goes with the overturning part.
#[derive(Debug, clap::Args)]
pub(crate) struct FreshwaterArgs {
    #[command(flatten)]
    zonal: ZonalArgs,
    /// Salinity of water that is not fresh at all
    #[arg(long, value_name = "S0", default_value_t = 34.8)]
    reference: f64,
}

impl ZonalCommand for FreshwaterArgs {
    fn zonal(&self) -> &ZonalArgs {
        &self.zonal
    }
    fn what(&self) -> Carried {
        Carried::by_depth(What::Freshwater(self.reference))
    }
    fn check(&self) -> Result<()> {
        positive("--reference", Some(self.reference)).and_then(|()| self.zonal.check())
    }
}
