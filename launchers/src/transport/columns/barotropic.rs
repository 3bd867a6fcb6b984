//! `halocline transport barotropic`.

use super::volumes::{open_ocean, positive, ColumnCommand, Columns, Made};
use crate::folding::FoldJob;
use crate::transport::ocean::{Needs, Ocean, OceanArgs, Primary};
use crate::transport::orientation::check_edge;
use halocline_algorithms::transport::{barotropic, Crossing, Faces, From};
use halocline_core::engine::Numbers;
use halocline_core::meta::Attributes;
use halocline_core::Result;
use rayon::prelude::*;

/// Units of streamfunctions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Units {
    #[value(name = "kg")]
    Mass,
    #[value(name = "m3")]
    Volume,
    #[value(name = "Sv", alias = "sv")]
    Sverdrup,
}

/// Where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Side {
    South,
    North,
    West,
    East,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::South => "south",
            Self::North => "north",
            Self::West => "west",
            Self::East => "east",
        }
    }
}

/// The barotropic streamfunction of the ocean: what flows between a coast and each corner of cells.
///
/// ψ with u = -∂ψ/∂y and v = ∂ψ/∂x of transports over the whole depth. From the south or the north it
/// is summed of u (CDFTOOLS' cdfpsi: from the south), from the west or the east of v. On land it is what
/// flows around it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BarotropicArgs {
    #[command(flatten)]
    ocean: OceanArgs,
    /// Where it is 0 and begins: south, north, west, east
    #[arg(
        long,
        value_enum,
        value_name = "south|north|west|east",
        default_value = "south",
        hide_possible_values = true
    )]
    from: Side,
    /// Units: kg (kg s-1), m3 (m3 s-1) or Sv
    #[arg(long, value_enum, value_name = "kg|m3|Sv", default_value = "kg", hide_possible_values = true)]
    units: Units,
    /// Reference density in kg m-3
    #[arg(long, value_name = "RHO", default_value_t = 1026.0)]
    rho0: f64,
}

struct Barotropic {
    args: BarotropicArgs,
    faces: Faces,
    from: From,
}

impl ColumnCommand for BarotropicArgs {
    fn ocean(&self) -> &OceanArgs {
        &self.ocean
    }
    fn check(&self) -> Result<()> {
        positive("--rho0", self.rho0)?;
        self.ocean.check()
    }
    fn begin(&self, job: &FoldJob<'_>) -> Result<(Ocean, Box<dyn Columns>)> {
        let of_u = matches!(self.from, Side::South | Side::North);
        let primary = if of_u { Primary::U } else { Primary::V };
        let needs = Needs { primary, u: false, temperature: false, salinity: false, rest_first: false };
        let ocean = open_ocean(job, &self.ocean, needs)?;
        check_edge(&ocean.mesh, self.from.name()).map_err(|e| ocean.blame(e))?;
        let (rows, columns) = ocean.mesh.shape;
        let (lengths, stagger) = (ocean.mesh.along_rows.clone(), ocean.mesh.stagger);
        let faces = if of_u {
            Faces::along_columns((rows, columns), lengths, stagger, ocean.mesh.periodic)
        } else {
            Faces::rows(rows, columns, lengths, stagger)
        };
        // Rows may go from north to south, where the first is the northernmost.
        let row = |j: usize| ocean.lat[j * columns + columns / 2];
        let upwards = row(rows - 1) >= row(0);
        let from = match (self.from, upwards) {
            (Side::South, true) | (Side::North, false) => From::FirstRow,
            (Side::South, false) | (Side::North, true) => From::LastRow,
            (Side::West, _) => From::FirstColumn,
            (Side::East, _) => From::LastColumn,
        };
        Ok((ocean, Box::new(Barotropic { args: self.clone(), faces, from })))
    }
}

impl Columns for Barotropic {
    fn title(&self) -> &'static str {
        "Barotropic streamfunction of the ocean"
    }
    fn describe(&self) -> Vec<String> {
        vec![format!("from={}", self.args.from.name()), format!("rho0={}", self.args.rho0)]
    }
    fn made(&self) -> Vec<Made> {
        let (standard, units) = match self.args.units {
            Units::Mass => ("ocean_barotropic_mass_streamfunction", "kg s-1"),
            Units::Volume => ("ocean_barotropic_streamfunction", "m3 s-1"),
            Units::Sverdrup => ("ocean_barotropic_streamfunction", "Sv"),
        };
        let attributes = Attributes::new()
            .with("standard_name", standard)
            .with("long_name", "barotropic streamfunction, at the corner ahead of each cell")
            .with("units", units)
            .with("comment", "u = -d psi/dy, v = d psi/dx of transports over the depth");
        vec![Made { name: "msftbarot", attributes }]
    }
    fn maps(&self, ocean: &Ocean, values: &[Numbers<'_>], m: usize) -> Vec<f64> {
        let columns = ocean.mesh.shape.1;
        let mut flow = vec![0.0; ocean.cells()];
        let order = ocean.order();
        flow.par_chunks_mut(columns).enumerate().for_each_init(Crossing::default, |crossing, (j, row)| {
            for &k in &order {
                self.faces.cross(j, &ocean.map(values, (m + k, k), &[]), crossing);
                for (i, flow) in row.iter_mut().enumerate() {
                    *flow += crossing.velocity[i] * crossing.area[i];
                }
            }
        });
        let upwards = ocean.lat[flow.len() - columns] >= ocean.lat[0];
        barotropic(&mut flow, columns, self.from);
        // Against the index, northward is backward: that matters to sums over rows alone.
        let over_rows = matches!(self.from, From::FirstRow | From::LastRow);
        let turned = if upwards || !over_rows { 1.0 } else { -1.0 };
        let factor = turned
            * match self.args.units {
                Units::Mass => self.args.rho0,
                Units::Volume => 1.0,
                Units::Sverdrup => 1e-6,
            };
        flow.iter_mut().for_each(|psi| *psi *= factor);
        flow
    }
}
