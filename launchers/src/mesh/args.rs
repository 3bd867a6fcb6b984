//! The options that say which mesh there is.

use crate::common::check_radius;
use halocline_core::grid::mesh::{Staggering, TopologyChoice};
use halocline_core::grid::EARTH_RADIUS;
use halocline_core::Result;
use std::path::PathBuf;

/// Which mesh variables are on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GridArgs {
    /// A file of the mesh: NEMO's mesh_mask.nc or domain_cfg.nc, MOM6's ocean_static.nc or
    /// ocean_hgrid.nc, MITgcm's grid.nc, ROMS' grid, areacello.nc; or a grid.toml that names variables
    /// [default: what the input holds of it, else computed from its coordinates]
    #[arg(long, value_name = "FILE.nc|FILE.toml")]
    pub(crate) grid: Option<PathBuf>,
    /// What lies beyond the edges of the map: walls (regional), the other side (periodic), or a north
    /// fold along T points (tripolar-t) or F points (tripolar-f) [default: what coordinates tell]
    #[arg(
        long,
        value_enum,
        value_name = "auto|regional|periodic|tripolar-t|tripolar-f",
        hide_possible_values = true
    )]
    pub(crate) topology: Option<WrittenTopology>,
    /// Where components of vectors stand: with tracers (a) or on the faces of cells (c) [default: as
    /// the mesh tells]
    #[arg(long, value_enum, value_name = "auto|a|c", hide_possible_values = true)]
    pub(crate) staggering: Option<StaggeringChoice>,
    /// The radius of the sphere in metres, where lengths are computed from coordinates
    #[arg(long, value_name = "METRES", default_value_t = EARTH_RADIUS, allow_negative_numbers = true)]
    pub(crate) radius: f64,
}

/// What `--topology` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WrittenTopology {
    Auto,
    Regional,
    Periodic,
    TripolarT,
    TripolarF,
}

/// What `--staggering` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StaggeringChoice {
    Auto,
    A,
    C,
}

impl GridArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_radius(self.radius)
    }
    /// The topology that is asked for; `None` if none is.
    pub(crate) fn topology(&self) -> Option<TopologyChoice> {
        Some(match self.topology? {
            WrittenTopology::Auto => TopologyChoice::Auto,
            WrittenTopology::Regional => TopologyChoice::Regional,
            WrittenTopology::Periodic => TopologyChoice::Periodic,
            WrittenTopology::TripolarT => TopologyChoice::TripolarT,
            WrittenTopology::TripolarF => TopologyChoice::TripolarF,
        })
    }
    /// The staggering that is asked for, if one is.
    pub(crate) fn staggering(&self) -> Option<Staggering> {
        match self.staggering? {
            StaggeringChoice::Auto => None,
            StaggeringChoice::A => Some(Staggering::A),
            StaggeringChoice::C => Some(Staggering::C),
        }
    }
    /// The file, as an input that must not be replaced.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.grid.iter().cloned().collect()
    }
    /// What outputs record of it.
    pub(crate) fn describe(&self) -> Vec<String> {
        let file = self.grid.as_ref().map(|path| format!("grid={}", path.display()));
        file.into_iter().chain([format!("radius={}", self.radius)]).collect()
    }
}
