//! The options that all transports of the ocean share.

use super::basins::Basin;
use super::find;
use crate::common::InputArgs;
use crate::common::MemoryArgs;
use crate::mesh::{GridArgs, WrittenTopology};
use halocline_algorithms::transport::Stagger;
use halocline_core::calendar::TimeRange;
use halocline_core::comm::Comm;
use halocline_core::grid::EARTH_RADIUS;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Selection};
use std::path::PathBuf;

/// Where velocities are beside tracers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StaggerChoice {
    Auto,
    Same,
    Ahead,
    Behind,
}

/// Whose habits are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Convention {
    Cmip,
    Cdfmoc,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OceanArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The velocity northward, or along the columns of the model; or the mass that is transported so, in
    /// kg s-1 (vmo), which needs no thickness and no lengths [default: found by standard name, then by
    /// name]
    #[arg(long, value_name = "NAME")]
    pub(super) v: Option<String>,
    /// The velocity eastward, or along the rows of the model; or the mass transport (umo)
    #[arg(long, value_name = "NAME")]
    pub(super) u: Option<String>,
    /// Temperature, potential or conservative, in degrees Celsius or kelvins
    #[arg(long, value_name = "NAME")]
    pub(super) thetao: Option<String>,
    /// Salinity
    #[arg(long, value_name = "NAME")]
    pub(super) so: Option<String>,
    /// Thickness of layers: a variable of the inputs or of FILE, in metres, at cells or at velocity
    /// points, fixed or at each time [default: found by name, else from the bounds of levels]
    #[arg(long, value_name = "NAME|FILE:NAME")]
    pub(super) thickness: Option<String>,
    /// A file of the mesh: NEMO's mesh_mask.nc or domain_cfg.nc, MOM6's ocean_static.nc or
    /// ocean_hgrid.nc, MITgcm's grid.nc, ROMS' grid; or a grid.toml that names variables [default: what
    /// the inputs hold of it, else computed from coordinates]
    #[arg(long, value_name = "FILE.nc|FILE.toml")]
    grid: Option<PathBuf>,
    /// What lies beyond the edges of the map: walls (regional), the other side (periodic), or a north
    /// fold along T points (tripolar-t) or F points (tripolar-f) [default: what coordinates tell]
    #[arg(
        long,
        value_enum,
        value_name = "auto|regional|periodic|tripolar-t|tripolar-f",
        hide_possible_values = true
    )]
    topology: Option<WrittenTopology>,
    /// Lengths in metres of the faces that v crosses [default: those of the mesh (e1v, dxCv, dxG), else
    /// from coordinates]
    #[arg(long, value_name = "NAME|FILE:NAME")]
    pub(super) dx: Option<String>,
    /// Lengths in metres of the faces that u crosses [default: those of the mesh (e2u, dyCu, dyG), else
    /// from coordinates]
    #[arg(long, value_name = "NAME|FILE:NAME")]
    pub(super) dy: Option<String>,
    /// 1 where water can cross at the points of v, 0 on land; none: don't look for one [default:
    /// found by name (vmask), else land is what is missing]
    #[arg(long, value_name = "NAME|FILE:NAME|none")]
    pub(super) v_mask: Option<String>,
    /// As --v-mask, at the points of u
    #[arg(long, value_name = "NAME|FILE:NAME|none")]
    pub(super) u_mask: Option<String>,
    /// Where velocities are: same, in the middle of cells; ahead, on the face to the next cell (NEMO,
    /// MOM6); behind, on the face to the one before (MITgcm); auto, as coordinates tell
    #[arg(
        long,
        value_enum,
        value_name = "auto|same|ahead|behind",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(super) stagger: StaggerChoice,
    /// Radius of the earth in metres, where lengths come from coordinates
    #[arg(long, value_name = "METRES", default_value_t = EARTH_RADIUS)]
    pub(super) radius: f64,
    /// A part of the ocean, beside all of it: NAME=FILE:VAR, where VAR is neither 0 nor missing;
    /// NAME=FILE:VAR=N,…, where it is one of these, numbers or words of its flag_meanings; FILE:VAR, each
    /// of its flag_meanings; NAME=W,E,S,N, a box; atlantic and other regions that have a name (those of
    /// --region), FILE.geojson[:FEATURE], by the centres of cells. A variable of the inputs needs no FILE.
    /// May be given more than once
    #[arg(long, value_name = "NAME=[FILE:]VAR[=N,…]|FILE:VAR|NAME=W,E,S,N|REGION|FILE.geojson[:FEATURE]", value_parser = Basin::parse)]
    pub(super) basin: Vec<Basin>,
    /// Times from A to B, both included: dates such as 1990, 1990-03 or 1990-03-15
    #[arg(long, value_name = "A/B")]
    pub(super) time: Option<String>,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(crate) output: PathBuf,
}

impl OceanArgs {
    /// The files and the velocity, if all times of one that is named are read.
    pub(crate) fn read_whole(&self) -> Option<(&InputArgs, &String)> {
        self.v.as_ref().filter(|_| self.time.is_none()).map(|v| (&self.input, v))
    }
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.grid().check()?;
        let names: Vec<&str> = self.basin.iter().map(|basin| basin.name.as_str()).collect();
        crate::common::check_once(&names)?;
        self.selection().map(drop)
    }

    /// Refuses basins where they mean nothing.
    pub(crate) fn check_no_basins(&self) -> Result<()> {
        if self.basin.is_empty() {
            return Ok(());
        }
        Err(Error::usage("--basin is for sums along circles of latitude").remedy("leave it out"))
    }

    pub(super) fn selection(&self) -> Result<Selection> {
        let time = self.time.as_deref().map(TimeRange::parse).transpose()?;
        Ok(Selection { time, all_levels: true, io: self.input.io, ..Selection::default() })
    }

    /// Which mesh velocities are on, as other commands ask for it.
    pub(super) fn grid(&self) -> GridArgs {
        GridArgs { grid: self.grid.clone(), topology: self.topology, staggering: None, radius: self.radius }
    }

    /// The file of `--grid`, opened, if it is one of variables.
    pub(super) fn grid_file(&self, comm: &Comm) -> Result<Option<Dataset>> {
        let path =
            self.grid.as_ref().filter(|p| p.extension().is_none_or(|e| !e.eq_ignore_ascii_case("toml")));
        path.map(|path| halocline_io::open(comm, &[path.display().to_string()])).transpose()
    }

    /// The file of `--thickness FILE:NAME`, opened, if it is one.
    pub(super) fn thickness_file(&self, comm: &Comm) -> Result<Option<Dataset>> {
        let named = self.thickness.as_deref().and_then(find::of_file);
        named.map(|(file, _)| halocline_io::open(comm, &[file.to_owned()])).transpose()
    }

    /// The name of `--thickness`.
    pub(super) fn thickness_name(&self) -> Option<&str> {
        self.thickness.as_deref().map(|asked| find::of_file(asked).map_or(asked, |(_, name)| name))
    }

    pub(super) fn asked_stagger(&self) -> Option<Stagger> {
        match self.stagger {
            StaggerChoice::Auto => None,
            StaggerChoice::Same => Some(Stagger::Same),
            StaggerChoice::Ahead => Some(Stagger::Ahead),
            StaggerChoice::Behind => Some(Stagger::Behind),
        }
    }

    /// What of it results depend on, as it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut all = self.grid().describe();
        let told = |option: &str, value: &Option<String>| value.as_ref().map(|v| format!("{option}={v}"));
        all.extend(told("dx", &self.dx).into_iter().chain(told("dy", &self.dy)));
        all.extend(
            self.topology
                .and_then(|t| clap::ValueEnum::to_possible_value(&t))
                .map(|t| format!("topology={}", t.get_name())),
        );
        if self.stagger != StaggerChoice::Auto {
            all.push(format!("stagger={:?}", self.stagger).to_lowercase());
        }
        all.extend(self.basin.iter().map(|basin| format!("basin={}", basin.text)));
        all.extend(self.time.iter().map(|time| format!("time={time}")));
        all.extend(self.input.describe().map(|(k, v)| format!("{k}={v}")));
        all
    }
}
