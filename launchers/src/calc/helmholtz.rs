//! `halocline calc helmholtz`.

use super::fields::Field;
use super::output::{chunks, write, Precision};
use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    check_once, check_output, check_radius, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs,
    Verbosity,
};
use crate::folding::FoldJob;
use crate::operands::Operands;
use crate::sphere::{Passing, Results, SphereMaps, Through, Work};
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::sphere::Coefficients;
use halocline_core::comm::Comm;
use halocline_core::meta::Attributes;
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use std::path::{Path, PathBuf};

/// What a wind is made of: vorticity and divergence, streamfunction and velocity potential, its
/// rotational and its divergent part, by spherical harmonics.
///
/// The grid is global, Gaussian or regular, and nothing is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct HelmholtzArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The eastward wind
    #[arg(long, value_name = "NAME")]
    u: String,
    /// The northward wind
    #[arg(long, value_name = "NAME")]
    v: String,
    /// What is wanted: vorticity, divergence, streamfunction, velocity_potential, rotational,
    /// divergent [default: all]
    #[arg(long, value_enum, value_name = "FIELD,…", value_delimiter = ',', hide_possible_values = true)]
    fields: Vec<Field>,
    /// The highest degree [default: the highest that the grid resolves]
    #[arg(long, value_name = "T")]
    truncation: Option<usize>,
    /// The radius of the sphere in metres; NCL has 6371220
    #[arg(long, value_name = "METRES", default_value_t = 6_371_200.0, allow_negative_numbers = true)]
    radius: f64,
    /// How values are written [default: as those of the wind]
    #[arg(long, value_enum, value_name = "single|double", hide_possible_values = true)]
    precision: Option<Precision>,
    #[command(flatten)]
    compress: CompressArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &HelmholtzArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &CheckpointArgs::none(), |job| open(job, args))
}

impl HelmholtzArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if self.u == self.v {
            return Err(Error::usage("--u and --v name the same variable").remedy("name both components"));
        }
        check_radius(self.radius)?;
        check_once(&self.fields().iter().map(|field| field.name()).collect::<Vec<_>>())
    }

    fn fields(&self) -> Vec<Field> {
        if self.fields.is_empty() {
            Field::ALL.to_vec()
        } else {
            self.fields.clone()
        }
    }

    /// As outputs record it.
    fn describe(&self, through: &Through) -> String {
        let fields: Vec<String> = self.fields().iter().map(|field| field.name()).collect();
        let mut options = vec![
            format!("fields={}", fields.join(",")),
            format!("truncation={}", through.transform().truncation()),
            format!("radius={}", self.radius),
        ];
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

/// The command, opened.
pub(crate) struct Helmholtz<'a> {
    args: &'a HelmholtzArgs,
    operands: Operands,
    files: Vec<PathBuf>,
    maps: SphereMaps,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a HelmholtzArgs) -> Result<Helmholtz<'a>> {
    args.check()?;
    let names: [&str; 2] = [&args.u, &args.v];
    let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
    let files = operands.files();
    check_output(job.comm, &args.output, &files)?;
    let maps = SphereMaps::open(job, (&operands, 0), (&args.input, &args.selection), &names)?;
    Ok(Helmholtz { args, operands, files, maps })
}

impl ByItself for Helmholtz<'_> {
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

impl Helmholtz<'_> {
    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, maps) = (self.args, &self.maps);
        let fields = args.fields();
        let dtype = Precision::of_all(args.precision, &maps.sources);
        let names: Vec<&str> = fields.iter().flat_map(|field| field.made().map(|made| made.name)).collect();
        let made = (names.len() * dtype.size() * maps.grid.cells()) as u64;
        let mut through = Through::plan(job, maps, args.truncation, Work { fields: (2, 2), made })?;
        let mut schema = Schema { attributes: self.global(&through), ..Schema::new() };
        let mut pending = schema.add_coordinate(maps.first().time_coordinate())?;
        pending.extend(carry::add_space(&mut schema, maps.first())?);
        let compression = args.compress.compression();
        for made in fields.iter().flat_map(|field| field.made()) {
            let dims = maps.first().variable().dims.iter().map(|d| d.name.as_str());
            let mut attributes = made.attributes(maps.first());
            carry::refer_to_space(&mut attributes, maps.first());
            let spec = VariableSpec::data(made.name, dims, dtype).finite().compression(compression);
            schema.add_variable(spec.chunks(chunks(maps, dtype)).attributes(attributes));
        }
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(through.writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let results = Results { number: names.len(), maps: Some(dtype) };
        let degrees = through.transform().truncation() + 1;
        let recipe = |passing: &mut dyn Passing| self.pass(&fields, degrees, passing);
        through.run(job, maps, (results, &recipe), &mut |window, values| {
            let _timer = job.progress.phases.start(Phase::Write);
            write(&mut file, window, names.iter().copied(), values)
        })?;
        job.write(|| file.finish_with_report())
    }

    /// Makes all fields of some winds.
    fn pass(&self, fields: &[Field], degrees: usize, passing: &mut dyn Passing) -> Result<()> {
        let radius = self.args.radius;
        // On the unit sphere: the wind is the gradient of their inverse Laplacian.
        let (vorticity, divergence) = passing.analyse_wind()?;
        let over = |of: &Coefficients| of.scaled(&vec![1.0 / radius; degrees]);
        let mut next = 0;
        for field in fields {
            let result = next;
            next += field.made().count();
            match field {
                Field::Vorticity => passing.synthesise(&over(&vorticity), result)?,
                Field::Divergence => passing.synthesise(&over(&divergence), result)?,
                Field::Streamfunction => passing.synthesise(&vorticity.inverse_laplacian(radius), result)?,
                Field::VelocityPotential => {
                    passing.synthesise(&divergence.inverse_laplacian(radius), result)?;
                }
                // u = -∂ψ/∂φ, v = ∂ψ/∂λ / cos φ.
                Field::Rotational => {
                    let psi = vorticity.inverse_laplacian(1.0);
                    passing.gradient(&psi, [1.0, -1.0], [result + 1, result])?;
                }
                Field::Divergent => {
                    passing.gradient(&divergence.inverse_laplacian(1.0), [1.0, 1.0], [result, result + 1])?;
                }
            }
        }
        Ok(())
    }

    fn global(&self, through: &Through) -> Attributes {
        let args = self.args;
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("Helmholtz decomposition of {} and {}", args.u, args.v))
            .with("source", format!("halocline {}, calc helmholtz", env!("CARGO_PKG_VERSION")))
            .with("halocline_calc_options", args.describe(through))
            .with("halocline_grid", through.transform().grid().describe())
            .with("earth_radius", args.radius);
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}
