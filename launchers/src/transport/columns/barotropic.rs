//! `halocline transport barotropic`.

use super::volumes::{positive, ColumnCommand, Columns, Made};
use crate::folding::FoldJob;
use crate::transport::ocean::mesh::{ends, moved};
use crate::transport::ocean::{unfit, Needs, Ocean, OceanArgs, Primary};
use halocline_algorithms::transport::{barotropic, Crossing, Faces, From, Stagger, VelocityMesh};
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::EdgeX;
use halocline_core::meta::{Attributes, Coordinate};
use halocline_core::{Error, Result};
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
    /// -1 where sums go against what counts as positive.
    sign: f64,
    /// Whether it stands behind the cells, as velocities do.
    behind: bool,
    places: [Option<Coordinate>; 2],
}

/// Refuses to begin at an edge that is none.
fn check_edge(on: &VelocityMesh, from: Side) -> Result<()> {
    let remedy = "begin at the south: --from south";
    let topology = on.mesh.topology;
    match from {
        Side::West | Side::East if topology.x == EdgeX::Periodic => {
            Err(Error::data(format!("the grid goes round the globe: it has no edge in the {}", from.name()))
                .remedy(remedy))
        }
        Side::North if topology.is_folded() => {
            Err(Error::data("the grid is folded in the north: it has no edge there").remedy(remedy))
        }
        _ => Ok(()),
    }
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
        let (ocean, on) = Ocean::open(job, &self.ocean, Needs::only(primary, self.rho0))?;
        let on = on.ok_or_else(|| Error::internal("a velocity is on no mesh"))?;
        if ocean.fit.is_some() {
            return Err(ocean.blame(unfit([ocean.shape.0, ocean.shape.1])));
        }
        check_edge(&on, self.from).map_err(|e| ocean.blame(e))?;
        let faces = if of_u { Faces::along_columns(&on) } else { Faces::rows(&on) };
        // Rows may go from north to south, where the first is the northernmost; columns from the east.
        let signs = on.signs();
        let (from, sign) = match (self.from, signs.map(|s| s > 0.0)) {
            (Side::South, [true, _]) | (Side::North, [false, _]) => (From::FirstRow, signs[0]),
            (Side::South | Side::North, _) => (From::LastRow, signs[0]),
            (Side::West, [_, true]) | (Side::East, [_, false]) => (From::FirstColumn, signs[1]),
            (Side::West | Side::East, _) => (From::LastColumn, signs[1]),
        };
        let grid = ocean.sources[0].grid();
        let places = moved(grid, &ends(&on, of_u, grid)?);
        let behind = on.stagger == Stagger::Behind;
        Ok((ocean, Box::new(Barotropic { args: self.clone(), faces, from, sign, behind, places })))
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
            .with("long_name", "barotropic streamfunction, at corners of cells")
            .with("units", units)
            .with("comment", "u = -d psi/dy, v = d psi/dx of transports over the depth");
        vec![Made { name: "msftbarot", attributes }]
    }
    fn places(&self) -> Option<&[Option<Coordinate>; 2]> {
        Some(&self.places)
    }
    fn maps(&self, ocean: &Ocean, values: &[Numbers<'_>], m: usize) -> Vec<f64> {
        let columns = ocean.shape.1;
        let mut flow = vec![0.0; ocean.cells()];
        let order = ocean.order();
        // Whether a row has water at a level.
        let open: Vec<Vec<bool>> = flow
            .par_chunks_mut(columns)
            .enumerate()
            .map_init(Crossing::default, |crossing, (j, row)| {
                let of_level = |&k: &usize| {
                    self.faces.cross(j, &ocean.map(values, (m + k, k), &[]), crossing);
                    for (i, flow) in row.iter_mut().enumerate() {
                        *flow += crossing.velocity[i] * crossing.area[i];
                    }
                    crossing.area.iter().any(|area| *area > 0.0)
                };
                order.iter().map(of_level).collect()
            })
            .collect();
        let is_there = |k: usize| open.iter().any(|row| row[k]);
        // A time without water, or without any on a level above some that has, is missing.
        let deepest = (0..order.len()).rev().find(|&k| is_there(k));
        if deepest.is_none_or(|deepest| !(0..deepest).all(is_there)) {
            flow.fill(f64::NAN);
            return flow;
        }
        barotropic(&mut flow, columns, self.from, self.behind);
        let factor = self.sign
            * match self.args.units {
                Units::Mass => self.args.rho0,
                Units::Volume => 1.0,
                Units::Sverdrup => 1e-6,
            };
        flow.iter_mut().for_each(|psi| *psi *= factor);
        flow
    }
}
