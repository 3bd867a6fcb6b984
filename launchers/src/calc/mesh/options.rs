//! The options of calculus on meshes.

use super::super::output::Precision;
use super::celsius::{CelsiusArgs, CelsiusChoice};
use super::what::{Axis, What};
use crate::common::{CompressArgs, InputArgs, MemoryArgs, SelectionArgs};
use crate::mesh::GridArgs;
use halocline_algorithms::calculus::Edge;
use halocline_core::grid::mesh::Point;
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// What all of these commands share.
#[derive(Debug, clap::Args)]
pub(crate) struct MeshCalcArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) grid: GridArgs,
    /// What values beyond walls, and missing ones, are: nan, unknown, so that what depends on them is
    /// missing; zero, as for a flow through a coast; one-sided, left out (A grids) [default: zero for
    /// divergence and laplacian on a C grid, else nan]
    #[arg(long, value_enum, value_name = "nan|zero|one-sided", hide_possible_values = true)]
    pub(super) edge: Option<EdgeChoice>,
    /// How values are written [default: as those of the input]
    #[arg(long, value_enum, value_name = "single|double", hide_possible_values = true)]
    pub(super) precision: Option<Precision>,
    #[command(flatten)]
    pub(super) compress: CompressArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
}

/// What `--edge` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EdgeChoice {
    Nan,
    Zero,
    OneSided,
}

impl EdgeChoice {
    pub(super) fn edge(self) -> Edge {
        match self {
            Self::Nan => Edge::Missing,
            Self::Zero => Edge::Zero,
            Self::OneSided => Edge::OneSided,
        }
    }
}

/// Where a variable stands on a C grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PointChoice {
    T,
    U,
    V,
    F,
}

impl PointChoice {
    fn point(self) -> Point {
        match self {
            Self::T => Point::T,
            Self::U => Point::U,
            Self::V => Point::V,
            Self::F => Point::F,
        }
    }
}

/// The gradient of a variable: its derivatives along x and along y.
///
/// On an A grid by centred differences at the same points; on a C grid at the faces between, U and V
/// for a variable at T.
#[derive(Debug, clap::Args)]
pub(crate) struct GradientArgs {
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    /// The gradient turned to the left by a right angle, k × ∇ψ: the flow of a streamfunction
    #[arg(long)]
    rotated: bool,
    /// The points of the C grid that it stands on [default: what its coordinates tell]
    #[arg(long, value_enum, value_name = "t|u|v|f", hide_possible_values = true)]
    at: Option<PointChoice>,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The divergence of a vector field, whose components may be in files of their own.
///
/// On a C grid by finite volumes at T points: what flows through the faces of a cell, over its area.
#[derive(Debug, clap::Args)]
pub(crate) struct DivergenceArgs {
    #[command(flatten)]
    vector: VectorArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The vertical component of the curl of a vector field: relative vorticity.
///
/// On a C grid by finite volumes at F points: the circulation around a corner, over its area.
#[derive(Debug, clap::Args)]
pub(crate) struct CurlArgs {
    #[command(flatten)]
    vector: VectorArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

#[derive(Debug, clap::Args)]
struct VectorArgs {
    /// The component along x (eastward)
    #[arg(long, value_name = "NAME")]
    u: String,
    /// The component along y (northward)
    #[arg(long, value_name = "NAME")]
    v: String,
}

/// The Laplacian of a variable at T points: the divergence of its gradient.
#[derive(Debug, clap::Args)]
pub(crate) struct LaplacianArgs {
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The derivative of a variable along x, y, depth or time.
///
/// Along x and y as of `calc gradient`; along depth and time by second-order differences of three
/// points.
#[derive(Debug, clap::Args)]
pub(crate) struct DerivativeArgs {
    #[command(flatten)]
    along: AlongArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The difference of neighbours along x or y, half a cell on.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    along: AlongArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The mean of neighbours along x or y: a variable half a cell on.
#[derive(Debug, clap::Args)]
pub(crate) struct InterpArgs {
    #[command(flatten)]
    along: AlongArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

#[derive(Debug, clap::Args)]
struct AlongArgs {
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    /// Along what: x, y, and for a derivative also lev or time
    #[arg(long, value_name = "x|y|lev|time")]
    dim: String,
    /// The points of the C grid that it stands on [default: what its coordinates tell]
    #[arg(long, value_enum, value_name = "t|u|v|f", hide_possible_values = true)]
    at: Option<PointChoice>,
}

/// The integral of a variable over the area (x,y), over depth (lev), or over time.
///
/// Cells that repeat others are counted once, missing values not at all.
#[derive(Debug, clap::Args)]
pub(crate) struct IntegralArgs {
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    /// Over what: x,y or lev or time
    #[arg(long, value_name = "x,y|lev|time")]
    dims: String,
    /// Thickness of cells, a variable of the input that varies as the integrated one does
    /// [default: from the mesh, else from the bounds of levels]
    #[arg(long, value_name = "NAME")]
    thickness: Option<String>,
    /// The points of the C grid that it stands on [default: what its coordinates tell]
    #[arg(long, value_enum, value_name = "t|u|v|f", hide_possible_values = true)]
    at: Option<PointChoice>,
    #[command(flatten)]
    celsius: CelsiusArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// The integral of a variable from one end of depth or time to each cell.
#[derive(Debug, clap::Args)]
pub(crate) struct CumulativeArgs {
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    /// Along what: lev or time
    #[arg(long, value_name = "lev|time")]
    dim: String,
    /// The end that it begins at: of the first value of the file, or of the last
    #[arg(long, value_enum, default_value_t = FromChoice::Start, value_name = "start|end", hide_possible_values = true)]
    from: FromChoice,
    /// Thickness of cells, a variable of the input that varies as the integrated one does
    /// [default: from the bounds of levels]
    #[arg(long, value_name = "NAME")]
    thickness: Option<String>,
    #[command(flatten)]
    celsius: CelsiusArgs,
    #[command(flatten)]
    pub(crate) common: MeshCalcArgs,
}

/// What `--from` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FromChoice {
    Start,
    End,
}

/// What is asked for.
pub(crate) struct Asked {
    pub(super) what: What,
    pub(super) names: Vec<String>,
    pub(super) at: Option<Point>,
    /// A variable of thickness.
    pub(super) thickness: Option<String>,
    /// What is integrated of degrees Celsius.
    pub(super) celsius: Option<CelsiusChoice>,
}

/// A command of calculus on meshes.
pub(crate) trait MeshCommand: std::fmt::Debug + Sync {
    /// What all share.
    fn common(&self) -> &MeshCalcArgs;
    /// What it asks for, or why that makes no sense.
    fn asked(&self) -> Result<Asked>;
    /// Refuses what makes no sense before any file is opened.
    fn check(&self) -> Result<()> {
        self.common().grid.check()?;
        self.asked().map(drop)
    }
}

fn asked(what: What, name: &str, at: Option<PointChoice>, thickness: Option<&String>) -> Asked {
    Asked {
        what,
        names: vec![name.to_owned()],
        at: at.map(PointChoice::point),
        thickness: thickness.cloned(),
        celsius: None,
    }
}

fn axis(text: &str, known: &[Axis]) -> Result<Axis> {
    let found = Axis::of(text).filter(|axis| known.contains(axis));
    let names: Vec<&str> = known.iter().map(|axis| axis.name()).collect();
    found.ok_or_else(|| {
        Error::usage(format!("`{text}` is nothing that this goes along"))
            .remedy(format!("known: {}", names.join(", ")))
    })
}

impl VectorArgs {
    fn asked(&self, what: What) -> Result<Asked> {
        if self.u == self.v {
            return Err(Error::usage("--u and --v name the same variable").remedy("name both components"));
        }
        Ok(Asked {
            what,
            names: vec![self.u.clone(), self.v.clone()],
            at: None,
            thickness: None,
            celsius: None,
        })
    }
}

macro_rules! commands {
    ($($args:ident: $asked:expr;)*) => {$(
        impl MeshCommand for $args {
            fn common(&self) -> &MeshCalcArgs {
                &self.common
            }
            fn asked(&self) -> Result<Asked> {
                let asked: fn(&Self) -> Result<Asked> = $asked;
                asked(self)
            }
        }
    )*};
}

commands! {
    GradientArgs: |a| Ok(asked(if a.rotated { What::Rotated } else { What::Gradient }, &a.var, a.at, None));
    DivergenceArgs: |a| a.vector.asked(What::Divergence);
    CurlArgs: |a| a.vector.asked(What::Curl);
    LaplacianArgs: |a| Ok(asked(What::Laplacian, &a.var, None, None));
    DerivativeArgs: |a| {
        let axis = axis(&a.along.dim, &[Axis::X, Axis::Y, Axis::Level, Axis::Time])?;
        Ok(asked(What::Derivative(axis), &a.along.var, a.along.at, None))
    };
    DiffArgs: |a| Ok(asked(What::Diff(axis(&a.along.dim, &[Axis::X, Axis::Y])?), &a.along.var, a.along.at, None));
    InterpArgs: |a| Ok(asked(What::Interp(axis(&a.along.dim, &[Axis::X, Axis::Y])?), &a.along.var, a.along.at, None));
    IntegralArgs: |a| {
        let what = match a.dims.replace(' ', "").to_lowercase().as_str() {
            "x,y" | "y,x" | "xy" | "lat,lon" | "lon,lat" => What::Area,
            other => What::Integral(axis(other, &[Axis::Level, Axis::Time]).map_err(|_| {
                Error::usage(format!("`{}` is nothing to integrate over", a.dims)).remedy("known: x,y or lev or time")
            })?),
        };
        if a.thickness.is_some() && what != What::Integral(Axis::Level) {
            return Err(Error::usage("--thickness is of an integral over lev").remedy("leave it out"));
        }
        Ok(Asked { celsius: a.celsius.choice, ..asked(what, &a.var, a.at, a.thickness.as_ref()) })
    };
    CumulativeArgs: |a| {
        let axis = axis(&a.dim, &[Axis::Level, Axis::Time])?;
        if a.thickness.is_some() && axis != Axis::Level {
            return Err(Error::usage("--thickness is of an integral over lev").remedy("leave it out"));
        }
        let what = What::Cumulative(axis, a.from == FromChoice::End);
        Ok(Asked { celsius: a.celsius.choice, ..asked(what, &a.var, None, a.thickness.as_ref()) })
    };
}
