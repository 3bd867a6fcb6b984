//! `halocline filter space`.

mod divided;
mod laplacian;
mod options;
mod vector;
mod whole;

pub(crate) use options::SpaceArgs;

use crate::calc::Precision;
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::step::{Alone, ByItself};
use crate::{calc, carry, cf};
use halocline_core::engine::StreamSource;
use halocline_core::meta::Attributes;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use laplacian::Laplacian;
use std::path::{Path, PathBuf};

/// `halocline filter space`, opened.
pub(crate) enum Smoothing<'a> {
    Scalars(Box<Scalars<'a>>),
    Vector(Box<vector::Vector<'a>>),
}

/// Variables, each filtered by itself.
pub(crate) struct Scalars<'a> {
    args: &'a SpaceArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    /// The variables with their filters.
    variables: Vec<(Source, Laplacian)>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a SpaceArgs) -> Result<Smoothing<'a>> {
    args.check()?;
    if let (Some(u), Some(v)) = (&args.u, &args.v) {
        return Ok(Smoothing::Vector(Box::new(vector::Vector::open(job, args, [u, v])?)));
    }
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let mut files = paths(&dataset);
    files.extend(args.grid.files());
    check_output(job.comm, &args.output, &files)?;
    let mut variables: Vec<(Source, Laplacian)> = Vec::new();
    for name in &args.var {
        let blame = |e| folding::blame(e, files.first(), name);
        let source = dataset.source(job.comm, name, &selection)?;
        folding::check_is_data(name, &source).map_err(blame)?;
        let laplacian = match variables.iter().find(|(other, _)| other.grid() == source.grid()) {
            Some((_, same)) => same.clone(),
            None => Laplacian::new(job.comm, args, &dataset, &source).map_err(blame)?,
        };
        variables.push((source, laplacian));
    }
    Ok(Smoothing::Scalars(Box::new(Scalars { args, dataset, files, variables })))
}

impl ByItself for Smoothing<'_> {
    fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Scalars(of) => of.files.iter().chain([&of.args.output]).cloned().collect(),
            Self::Vector(of) => of.files(),
        }
    }
    fn reads(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("whole maps of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        match self {
            Self::Scalars(all) => all.variables.iter().map(|(source, _)| of(source)).collect(),
            Self::Vector(vector) => vector.sources.iter().map(of).collect(),
        }
    }
    fn output(&self) -> &Path {
        match self {
            Self::Scalars(of) => &of.args.output,
            Self::Vector(of) => of.output(),
        }
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        match self {
            Self::Scalars(of) => of.write(job),
            Self::Vector(of) => of.write(job),
        }
    }
}

/// How maps of a variable go through.
enum Way {
    Whole(whole::Whole),
    Divided(divided::Divided),
}

impl Scalars<'_> {
    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (comm, args) = (job.comm, self.args);
        let blame = |e, source: &Source| folding::blame(e, self.files.first(), &source.variable().name);
        // Plans come before the file, so that what does not fit leaves none behind.
        let mut ways = Vec::new();
        for (source, laplacian) in &self.variables {
            let dtype = Precision::dtype(args.precision, source);
            let parts = args.selection.parts(comm, &source.variable().dims).map_err(|e| blame(e, source))?;
            let way = match parts.filter(|parts| parts[parts.len() - 2..] != [1, 1]) {
                Some(parts) => {
                    divided::Divided::plan(job, source, laplacian, dtype, &parts).map(Way::Divided)
                }
                None => whole::Whole::plan(job, source, laplacian, dtype).map(Way::Whole),
            };
            ways.push((way.map_err(|e| blame(e, source))?, dtype));
            let name = &source.variable().name;
            job.verbosity.say(comm, || format!("{name}: {}", laplacian.describe(args)));
            if let Some(note) = &laplacian.slivers {
                job.verbosity.say(comm, || format!("note: {name}: {note}"));
            }
        }
        job.tell_notes(&self.variables.iter().map(|(source, _)| source).collect::<Vec<_>>());
        let mut schema = Schema { attributes: self.global(), ..Schema::new() };
        let mut pending = Vec::new();
        for (source, _) in &self.variables {
            pending.extend(schema.add_coordinate(source.time_coordinate())?);
            pending.extend(carry::add_space(&mut schema, source)?);
        }
        let compression = args.compress.compression();
        for ((source, laplacian), (_, dtype)) in self.variables.iter().zip(&ways) {
            let variable = source.variable();
            let dims = variable.dims.iter().map(|d| d.name.as_str());
            let spec = VariableSpec::data(variable.name.clone(), dims, *dtype).compression(compression);
            let spec = spec.chunks(calc::chunks_like(source, *dtype));
            schema.add_variable(spec.attributes(attributes(args, source, laplacian.polynomial.steps())));
        }
        let mut file = Output::create(comm, &args.output, &schema)?;
        let writing = crate::series::writing_bytes(job);
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        for ((source, laplacian), (way, dtype)) in self.variables.iter().zip(&ways) {
            let done = folding::guarded(comm, &[source], || match way {
                Way::Whole(whole) => whole.run(job, (source, laplacian), *dtype, args.high_pass, &mut file),
                Way::Divided(divided) => {
                    divided.run(job, (source, laplacian), *dtype, args.high_pass, &mut file)
                }
            });
            done.map_err(|e| blame(e, source))?;
        }
        job.write(|| file.finish_with_report())
    }

    /// All that is needed to do the same again: what was asked for, and what followed from the grids.
    fn options(&self) -> String {
        let exact: Vec<String> =
            self.variables.iter().map(|(_, laplacian)| laplacian.exact(self.args)).collect();
        let mut all = vec![self.args.describe()];
        if exact.windows(2).all(|pair| pair[0] == pair[1]) {
            all.extend(exact.into_iter().next());
        } else {
            let each = self.variables.iter().zip(exact);
            all.extend(each.map(|((source, _), exact)| format!("{}: {exact}", source.variable().name)));
        }
        all.join("; ")
    }

    fn global(&self) -> Attributes {
        let args = self.args;
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("{} filtered in space", args.var.join(", ")))
            .with("source", format!("halocline {}, filter space", env!("CARGO_PKG_VERSION")))
            .with("halocline_filter_options", self.options())
            .with("earth_radius", args.grid.radius);
        carry::add_origin(&mut attributes, &self.dataset);
        attributes
    }
}

/// What is said of a variable that so many steps have filtered.
fn attributes(args: &SpaceArgs, source: &Source, steps: usize) -> Attributes {
    let mut attributes = source.decoded_attributes();
    for of_values in ["actual_range", "valid_min", "valid_max", "valid_range", "ancillary_variables"] {
        attributes.remove(of_values);
    }
    let name = source.variable().name.as_str();
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    attributes.set("long_name", format!("{long_name}, {} filtered in space", args.passes()));
    if args.high_pass {
        // Departures are another quantity.
        attributes.remove("standard_name");
        if let Some(units) = attributes.text("units").map(cf::difference) {
            attributes.set("units", units);
        }
    }
    attributes.set("filter", args.describe_filter(steps));
    carry::refer_to_space(&mut attributes, source);
    attributes
}

/// Which map and when, in an error about a value.
fn on_date(e: halocline_core::Error, source: &Source, time: usize) -> halocline_core::Error {
    match crate::place::when(source, time) {
        Some(date) => halocline_core::Error { message: format!("{} on {date}", e.message), ..e },
        None => e,
    }
}

/// The bytes of a value that is read.
fn read_bytes(source: &Source) -> u64 {
    if StreamSource::is_single(source) {
        4
    } else {
        8
    }
}
