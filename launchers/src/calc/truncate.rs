//! `halocline calc truncate`.

use super::output::{chunks, write, Precision};
use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    check_once, check_output, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::FoldJob;
use crate::operands::Operands;
use crate::pairs::{check_shared, check_times};
use crate::sphere::{Passing, Results, SphereMaps, Through, Work};
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::sphere::Taper;
use halocline_core::comm::Comm;
use halocline_core::meta::Attributes;
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use std::path::{Path, PathBuf};

/// Leaves of variables what spherical harmonics up to a degree make of them: a low-pass in space,
/// the same everywhere on the sphere.
///
/// The grid is global, Gaussian or regular, and nothing is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct TruncateArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// The highest degree that is left, of a triangular truncation
    #[arg(long, value_name = "T")]
    truncation: usize,
    /// How coefficients fall off towards it: none; sigma, sin(πx)/(πx) with x = n/(T+1);
    /// exponential:N,P, exp(-(n(n+1)/(N(N+1)))^P)
    #[arg(long, value_name = "none|sigma|exponential:N,P", default_value = "none", value_parser = parse_taper)]
    taper: Taper,
    /// How values are written [default: as those of the input]
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

fn parse_taper(text: &str) -> std::result::Result<Taper, String> {
    let numbers = |text: &str| -> Option<[f64; 2]> {
        let all: Vec<f64> = text.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
        <[f64; 2]>::try_from(all).ok().filter(|all| all.iter().all(|n| n.is_finite() && *n > 0.0))
    };
    match (text, text.strip_prefix("exponential:").and_then(numbers)) {
        ("none", _) => Ok(Taper::None),
        ("sigma", _) => Ok(Taper::Sigma),
        (_, Some([degree, power])) => Ok(Taper::Exponential { degree, power }),
        _ => Err(format!("`{text}` is no taper; write none, sigma, or exponential:N,P with a degree and a power, as in exponential:15,2")),
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &TruncateArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &CheckpointArgs::none(), |job| open(job, args))
}

impl TruncateArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)
    }

    fn taper(&self) -> String {
        match self.taper {
            Taper::None => "none".to_owned(),
            Taper::Sigma => "sigma".to_owned(),
            Taper::Exponential { degree, power } => format!("exponential:{degree},{power}"),
        }
    }
}

/// The command, opened.
pub(crate) struct Truncation<'a> {
    args: &'a TruncateArgs,
    operands: Operands,
    files: Vec<PathBuf>,
    /// Of each variable.
    all: Vec<SphereMaps>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a TruncateArgs) -> Result<Truncation<'a>> {
    args.check()?;
    let names: Vec<&str> = args.var.iter().map(String::as_str).collect();
    let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
    let files = operands.files();
    check_output(job.comm, &args.output, &files)?;
    let of = |(k, name): (usize, &&str)| {
        SphereMaps::open(job, (&operands, k), (&args.input, &args.selection), &[name])
    };
    let all: Vec<SphereMaps> = names.iter().enumerate().map(of).collect::<Result<_>>()?;
    for (k, maps) in all.iter().enumerate().skip(1) {
        check_times(all[0].first(), maps.first()).map_err(|e| maps.blame(e))?;
        for other in &all[..k] {
            check_shared(other.first(), maps.first()).map_err(|e| maps.blame(e))?;
        }
    }
    Ok(Truncation { args, operands, files, all })
}

impl ByItself for Truncation<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.all.iter().flat_map(SphereMaps::alone).collect()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job)
    }
}

impl Truncation<'_> {
    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let args = self.args;
        let mut plans = Vec::new();
        for maps in &self.all {
            let dtype = Precision::dtype(args.precision, maps.first());
            let made = (dtype.size() * maps.grid.cells()) as u64;
            let work = Work { fields: (1, 1), made };
            let through = Through::plan(job, maps, Some(args.truncation), work);
            plans.push((through.map_err(|e| maps.blame(e))?, dtype));
        }
        let mut schema = Schema { attributes: self.global(), ..Schema::new() };
        let mut pending = Vec::new();
        for maps in &self.all {
            pending.extend(schema.add_coordinate(maps.first().time_coordinate())?);
            pending.extend(carry::add_space(&mut schema, maps.first())?);
        }
        let compression = args.compress.compression();
        for (maps, (_, dtype)) in self.all.iter().zip(&plans) {
            let variable = maps.first().variable();
            let dims = variable.dims.iter().map(|d| d.name.as_str());
            let spec =
                VariableSpec::data(variable.name.clone(), dims, *dtype).finite().compression(compression);
            schema.add_variable(spec.chunks(chunks(maps, *dtype)).attributes(self.attributes(maps)));
        }
        let writing = plans.iter().map(|(through, _)| through.writing).min().unwrap_or(0);
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let factors = args.taper.factors(args.truncation);
        let recipe = |passing: &mut dyn Passing| {
            let mut found = passing.analyse()?;
            found.scale(&factors);
            passing.synthesise(&found, 0)
        };
        // Each transform goes when its variable is done, with its buffers.
        for (maps, (mut through, dtype)) in self.all.iter().zip(plans) {
            let name = maps.first().variable().name.as_str();
            let results = Results { number: 1, maps: Some(dtype) };
            through.run(job, maps, (results, &recipe), &mut |window, values| {
                let _timer = job.progress.phases.start(Phase::Write);
                write(&mut file, window, std::iter::once(name), values)
            })?;
        }
        job.write(|| file.finish_with_report())
    }

    fn attributes(&self, maps: &SphereMaps) -> Attributes {
        let source = maps.first();
        let mut attributes = source.decoded_attributes();
        for of_values in
            ["actual_range", "valid_min", "valid_max", "valid_range", "ancillary_variables", "cell_measures"]
        {
            attributes.remove(of_values);
        }
        let name = source.variable().name.as_str();
        let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
        attributes.set("long_name", format!("{long_name}, up to degree {}", self.args.truncation));
        attributes.set(
            "filter",
            format!("spherical harmonics, T{}, taper {}", self.args.truncation, self.args.taper()),
        );
        carry::refer_to_space(&mut attributes, source);
        attributes
    }

    fn global(&self) -> Attributes {
        let args = self.args;
        let mut options = vec![format!("truncation={}", args.truncation), format!("taper={}", args.taper())];
        options.extend(described(&args.input, &args.selection));
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("{} up to degree {}", args.var.join(", "), args.truncation))
            .with("source", format!("halocline {}, calc truncate", env!("CARGO_PKG_VERSION")))
            .with("halocline_calc_options", options.join("; "));
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}
