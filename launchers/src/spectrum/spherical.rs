//! `halocline spectrum spherical`.

use crate::carry;
use crate::cf;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::operands::Operands;
use crate::sphere::{Passing, Results, SphereMaps, Through, Work};
use crate::step::{self, Alone, ByItself};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{default_chunks, Output, Schema, VariableSpec, WriteReport};
use std::f64::consts::PI;
use std::path::{Path, PathBuf};

/// Power of each degree of spherical harmonics: of a variable, or kinetic energy of a wind with its
/// rotational and divergent parts.
///
/// The degrees sum to the mean of the square over the sphere, those of kinetic energy to half of
/// that of the speed; degree 0 is the square of the mean. The grid is global, Gaussian or regular,
/// and nothing is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct SphericalArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME", required_unless_present = "u", conflicts_with_all = ["u", "v"])]
    var: Option<String>,
    /// The eastward wind, for kinetic energy
    #[arg(long, value_name = "NAME", requires = "v")]
    u: Option<String>,
    /// The northward wind
    #[arg(long, value_name = "NAME", requires = "u")]
    v: Option<String>,
    /// The highest degree [default: the highest that the grid resolves]
    #[arg(long, value_name = "T")]
    truncation: Option<usize>,
    /// What is counted: power, the contribution to the mean of the square (pyshtools: power);
    /// energy, that over the unit sphere, 4π as much (pyshtools: energy, or coefficients of
    /// orthonormal harmonics squared); spherepack, squares of the coefficients of pyspharm, 2 as
    /// much; ncl, sums of a² + b² of NCL's shaeC and shagC, half for m = 0, 4 as much
    #[arg(long, value_enum, default_value_t = Convention::Power, value_name = "power|energy|spherepack|ncl", hide_possible_values = true)]
    convention: Convention,
    /// Of a whole degree, or of one of its 2n + 1 orders in the mean
    #[arg(long, value_enum, default_value_t = Per::Degree, value_name = "degree|order", hide_possible_values = true)]
    per: Per,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
    #[command(flatten)]
    compress: CompressArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Convention {
    Power,
    Energy,
    Spherepack,
    Ncl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Per {
    Degree,
    Order,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &SphericalArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &CheckpointArgs::none(), |job| open(job, args))
}

impl SphericalArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if self.u.is_some() && self.convention != Convention::Power {
            return Err(
                Error::usage("--convention is about the power of one variable").remedy("leave it out")
            );
        }
        if self.u.is_some() && self.u == self.v {
            return Err(Error::usage("--u and --v name the same variable").remedy("name both components"));
        }
        Ok(())
    }

    fn names(&self) -> Vec<&str> {
        [&self.var, &self.u, &self.v].into_iter().flatten().map(String::as_str).collect()
    }

    /// As outputs record it.
    fn describe(&self, through: &Through) -> String {
        let mut options = vec![format!("truncation={}", through.transform().truncation())];
        if self.u.is_none() {
            options.push(format!("convention={}", word(&self.convention)));
        }
        options.push(format!("per={}", word(&self.per)));
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

/// How a choice is written.
fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

/// The command, opened.
pub(crate) struct Spherical<'a> {
    args: &'a SphericalArgs,
    operands: Operands,
    files: Vec<PathBuf>,
    maps: SphereMaps,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a SphericalArgs) -> Result<Spherical<'a>> {
    args.check()?;
    let names = args.names();
    let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
    let files = operands.files();
    check_output(job.comm, &args.output, &files)?;
    let maps = SphereMaps::open(job, (&operands, 0), (&args.input, &args.selection), &names)?;
    Ok(Spherical { args, operands, files, maps })
}

impl ByItself for Spherical<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.maps.alone()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job).map_err(|e| self.maps.blame(e))
    }
}

/// Variables of the result: power, or kinetic energy in all and its parts.
const ENERGIES: [(&str, &str); 3] = [
    ("kinetic_energy", "kinetic energy"),
    ("rotational_kinetic_energy", "kinetic energy of the rotational part"),
    ("divergent_kinetic_energy", "kinetic energy of the divergent part"),
];

impl Spherical<'_> {
    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, maps) = (self.args, &self.maps);
        // Spectra count for nothing beside maps.
        let work = Work { fields: (maps.sources.len(), 0), made: 3 * 8 * maps.grid.rows as u64 };
        let mut through = Through::plan(job, maps, args.truncation, work)?;
        let degrees = through.transform().truncation() + 1;
        let names: Vec<&str> = match args.u {
            Some(_) => ENERGIES.iter().map(|(name, _)| *name).collect(),
            None => vec!["power"],
        };
        let degree = degree(degrees);
        let mut schema = Schema { attributes: self.global(&through), ..Schema::new() };
        let mut pending = maps.add_leading(&mut schema)?;
        pending.extend(schema.add_coordinate(&degree)?);
        let shape: Vec<usize> = maps.leading().iter().map(|d| d.len).chain([degrees]).collect();
        for name in &names {
            let dims = maps.leading().iter().map(|d| d.name.as_str()).chain([DEGREE]);
            let spec = VariableSpec::data(*name, dims, DType::F64).finite().chunks(default_chunks(&shape, 8));
            schema.add_variable(spec.attributes(self.attributes(name)));
        }
        args.compress.apply(&mut schema);
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(through.writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let results = Results { number: names.len(), maps: None };
        let recipe = |passing: &mut dyn Passing| self.pass(degrees, passing);
        through.run(job, maps, (results, &recipe), &mut |window, spectra| {
            let _timer = job.progress.phases.start(Phase::Write);
            let leading = window.ranges()[..shape.len() - 1].iter().cloned();
            let block = if window.is_empty() {
                folding::nothing(shape.len())
            } else {
                IndexBox::new(leading.chain(std::iter::once(0..degrees)).collect())
            };
            for (name, values) in names.iter().zip(spectra) {
                file.write_block(name, &block, values)?;
            }
            Ok(())
        })?;
        job.write(|| file.finish_with_report())
    }

    /// Makes the spectra of some maps.
    fn pass(&self, degrees: usize, passing: &mut dyn Passing) -> Result<()> {
        let mut spectra = if self.args.u.is_some() {
            let (vorticity, divergence) = passing.analyse_wind()?;
            let (turning, spreading) =
                (passing.kinetic_energy(&vorticity)?, passing.kinetic_energy(&divergence)?);
            vec![turning.iter().zip(&spreading).map(|(a, b)| a + b).collect(), turning, spreading]
        } else {
            let found = passing.analyse()?;
            let factor = match self.args.convention {
                Convention::Power => 1.0,
                Convention::Energy => 4.0 * PI,
                Convention::Spherepack => 2.0,
                Convention::Ncl => 4.0,
            };
            let mut power = passing.power(&found)?;
            power.iter_mut().for_each(|power| *power *= factor);
            vec![power]
        };
        for (result, values) in spectra.iter_mut().enumerate() {
            if self.args.per == Per::Order {
                let each = |(at, value): (usize, &mut f64)| *value /= (2 * (at % degrees) + 1) as f64;
                values.iter_mut().enumerate().for_each(each);
            }
            passing.keep(result, values);
        }
        Ok(())
    }

    fn attributes(&self, name: &str) -> Attributes {
        let variable = self.maps.first().variable();
        let of = variable.attributes.text("long_name").unwrap_or(&variable.name);
        let per = match self.args.per {
            Per::Degree => "of each degree of spherical harmonics",
            Per::Order => "of each degree and order of spherical harmonics, in the mean over orders",
        };
        let energy = ENERGIES.iter().find(|(energy, _)| *energy == name);
        let (what, comment) = match (energy, self.args.convention) {
            (Some((_, what)), _) => ((*what).to_owned(), "degrees sum to half of the mean of the square of the speed over the sphere"),
            (None, Convention::Power) => (format!("power of {of}"), "degrees sum to the mean of the square over the sphere; degree 0 is the square of the mean"),
            (None, Convention::Energy) => (format!("energy of {of}"), "degrees sum to the integral of the square over the unit sphere: squares of the coefficients of orthonormal harmonics"),
            (None, Convention::Spherepack) => (format!("power of {of}"), "squares of coefficients of functions whose square integrates to 1 from pole to pole, orders of either sign: twice the contribution to the mean of the square"),
            (None, Convention::Ncl) => (format!("power of {of}"), "sum over m >= 0 of the squares of the coefficients a and b of NCL's shaeC and shagC, half of it for m = 0: 4 times the contribution to the mean of the square"),
        };
        let comment = match self.args.per {
            Per::Degree => comment.to_owned(),
            Per::Order => format!("times the 2 n + 1 orders of degree n, {comment}"),
        };
        let mut attributes =
            Attributes::new().with("long_name", format!("{what} {per}")).with("comment", comment);
        if let Some(units) = variable.units() {
            attributes.set("units", squared(units));
        }
        if let Some(auxiliary) = self.maps.auxiliary() {
            attributes.set("coordinates", auxiliary);
        }
        attributes
    }

    fn global(&self, through: &Through) -> Attributes {
        let of = self.args.names().join(" and ");
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("Spectra of {of} over degrees of spherical harmonics"))
            .with("source", format!("halocline {}, spectrum spherical", env!("CARGO_PKG_VERSION")))
            .with("halocline_spectrum_options", self.args.describe(through))
            .with("halocline_grid", through.transform().grid().describe());
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}

/// Units of a square: of a speed those of energy per mass.
fn squared(units: &str) -> String {
    if crate::calc::is_speed(units) {
        "m2 s-2".to_owned()
    } else {
        cf::squared(units)
    }
}

const DEGREE: &str = "degree";

/// The degrees as a coordinate.
fn degree(degrees: usize) -> Coordinate {
    let attributes = Attributes::new().with("long_name", "degree of spherical harmonics").with("units", "1");
    let dims = vec![Dim::new(DEGREE, degrees, Role::Other)];
    let variable = Variable { name: DEGREE.into(), dims, dtype: DType::I32, attributes };
    Coordinate { variable, values: Values::I32((0..degrees as i32).collect()), bounds: None }
}
