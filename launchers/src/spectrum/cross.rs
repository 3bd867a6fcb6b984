//! `halocline spectrum cross`.

use super::describe::quantity_attributes;
use super::estimate::{parse_confidence, Confidence, EstimateArgs};
use super::frame::{means, put, At, Frame, Part, FREQUENCY};
use super::series::mean;
use super::units;
use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    self, check_once, check_output, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::relate::index::{self, Series, With};
use crate::repeated;
use crate::series::{plan_together, run_together, writing_bytes};
use crate::stats::over::Reduced;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::spectra::{coherence_limit, derived, CrossQuantity, CrossSpectra, Sampling, Welch};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// Cross-spectra in time of every series of a field, x, with those of another field of the same grid
/// and times, or with an index series, y.
///
/// One-sided means over segments (Welch); the numbers of scipy.signal.csd(x, y) and
/// scipy.signal.coherence. A positive phase means that y leads x. With --average, coherence, phase
/// and gain are those of the averaged cross-spectrum.
#[derive(Debug, clap::Args)]
pub(crate) struct CrossArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable x
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// What is y: variable VAR of other files (a field of the same grid and times, or a series: an
    /// index), or a text file with a date and a value on each line
    #[arg(long, value_name = "FILES:VAR|INDEX.csv")]
    with: String,
    /// What to write, separated by commas: cospectrum, quadrature, amplitude, phase, coherence, gain,
    /// power (of both) [default: all of them]
    #[arg(long, value_name = "OP,…", value_delimiter = ',', value_parser = parse_op)]
    op: Vec<CrossOp>,
    #[command(flatten)]
    pub(super) estimate: EstimateArgs,
    /// Levels of confidence of the coherence's limit; none: no limit
    #[arg(long, value_name = "P,…|none", default_value = "0.95", value_parser = parse_confidence)]
    confidence: Confidence,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
    #[command(flatten)]
    compress: CompressArgs,
}

/// What is written of a cross-spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CrossOp {
    name: &'static str,
    quantities: &'static [(&'static str, CrossQuantity)],
}

const OPS: [CrossOp; 7] = [
    CrossOp { name: "cospectrum", quantities: &[("cospectrum", CrossQuantity::Cospectrum)] },
    CrossOp { name: "quadrature", quantities: &[("quadrature", CrossQuantity::Quadrature)] },
    CrossOp { name: "amplitude", quantities: &[("amplitude", CrossQuantity::Amplitude)] },
    CrossOp { name: "phase", quantities: &[("phase", CrossQuantity::Phase)] },
    CrossOp { name: "coherence", quantities: &[("coherence_squared", CrossQuantity::Coherence)] },
    CrossOp { name: "gain", quantities: &[("gain", CrossQuantity::Gain)] },
    CrossOp {
        name: "power",
        quantities: &[("power_x", CrossQuantity::PowerX), ("power_y", CrossQuantity::PowerY)],
    },
];

fn parse_op(word: &str) -> std::result::Result<CrossOp, String> {
    OPS.iter().find(|op| op.name == word).copied().ok_or_else(|| {
        let all: Vec<&str> = OPS.iter().map(|op| op.name).collect();
        format!("there is no such result; there are {}", all.join(", "))
    })
}

impl CrossArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.op.iter().map(|op| op.name).collect::<Vec<_>>())?;
        if self.estimate.segment.is_none() {
            return Err(Error::usage("of a single segment, the coherence is 1 whatever the series are")
                .remedy("give the length of segments with --segment"));
        }
        self.estimate.check()
    }
    fn ops(&self) -> Vec<CrossOp> {
        if self.op.is_empty() {
            OPS.to_vec()
        } else {
            self.op.clone()
        }
    }
    /// What is written, by name.
    fn quantities(&self) -> Vec<(&'static str, CrossQuantity)> {
        self.ops().iter().flat_map(|op| op.quantities.iter().copied()).collect()
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &CrossArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a CrossArgs) -> Result<CrossSpectrum<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    let blame = |e| folding::blame(e, files.first(), &args.var);
    let source = dataset.source(job.comm, &args.var, &selection)?;
    source.needs_time()?;
    folding::check_is_data(&args.var, &source).map_err(blame)?;
    let with = index::find(job.comm, &args.with, (&dataset, &source), &selection, job.verbosity)?;
    let taken: Vec<PathBuf> = files.iter().cloned().chain(with.files(&args.with)).collect();
    check_output(job.comm, &args.output, &taken)?;
    let sampling = Sampling::of(source.time()).map_err(blame)?;
    let welch = args.estimate.welch(&source, &sampling).map_err(blame)?;
    if welch.segments().count < 2 {
        return Err(blame(
            Error::usage("one segment fits, of which the coherence is 1 whatever the series are")
                .remedy("choose a shorter --segment"),
        ));
    }
    let reduced = args.estimate.series.reduced(&source).map_err(blame)?;
    let (source, _) = repeated::left_out(job.comm, &dataset, source, &selection, &reduced.roles)?;
    Ok(CrossSpectrum { args, dataset, files, source, with, reduced, sampling, welch })
}

/// `halocline spectrum cross`, opened.
pub(crate) struct CrossSpectrum<'a> {
    pub(super) args: &'a CrossArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    pub(super) with: With,
    reduced: Reduced,
    sampling: Sampling,
    welch: Welch,
}

impl ByItself for CrossSpectrum<'_> {
    fn files(&self) -> Vec<PathBuf> {
        let others = self.with.files(&self.args.with);
        self.files.iter().cloned().chain(others).chain([self.args.output.clone()]).collect()
    }
    fn reads(&self) -> Vec<Alone> {
        let sources = self.with.beside(&self.source);
        sources.iter().map(|source| Alone::series(&source.variable().name, source, false)).collect()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.estimated(job).map_err(|e| folding::blame(e, self.files.first(), &self.args.var))
    }
}

impl CrossSpectrum<'_> {
    fn work(&self, comm: &Comm) -> Result<CrossSpectra> {
        let (welch, dims) = (self.welch.clone(), &self.source.variable().dims);
        let work = match &self.with {
            With::Field(_) => CrossSpectra::of_fields(welch, dims),
            With::Index(series) => {
                let index = during(series, &self.source).map_err(|e| e.in_file(&self.args.with))?;
                CrossSpectra::with_index(welch, dims, &index)?
            }
        };
        Ok(match mean(comm, &self.source, &self.reduced)? {
            Some(mean) => work.averaged(mean),
            None => work,
        })
    }

    /// Reads, estimates and writes.
    fn estimated(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, source, levels) = (self.args, &self.source, &self.args.confidence.0);
        let parts = args.selection.parts(job.comm, &source.variable().dims)?;
        let mut work = self.work(job.comm)?;
        let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()).saturating_mul(2));
        let writing = writing_bytes(job);
        let sources = self.with.beside(source);
        let name = format!("{} with {}", args.var, self.with.name());
        let reserved = (parts.as_deref(), writing.saturating_add(sums));
        let plan = plan_together(job, &name, &sources, &work, reserved)?;
        if let Some(mean) = work.mean_mut() {
            mean.set_tiling(plan.tiling());
        }
        let frequencies = (self.welch.frequencies(), Some(self.welch.segments()));
        let place = (source, &self.reduced);
        let frame = Frame::new(place, args.estimate.frequency_units, &self.sampling, frequencies, levels)?;
        let mut schema = Schema { attributes: self.global(&frame, plan.tiling().rule()), ..Schema::new() };
        let pending = frame.begin(&mut schema)?;
        let quantities = args.quantities();
        for &(name, quantity) in &quantities {
            let attributes = quantity_attributes(self, quantity);
            schema.add_variable(frame.variable(&schema, name, &[FREQUENCY], attributes));
        }
        schema.add_variable(units::degrees_of_freedom(args.estimate.series.is_averaged()));
        if !levels.is_empty() {
            schema.add_variable(limit_spec(&frame));
        }
        let dof = self.welch.degrees_of_freedom();
        args.compress.apply(&mut schema);
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        if !levels.is_empty() {
            // Between frequency 0 and the Nyquist frequency.
            let inner = dof.iter().copied().fold(0.0, f64::max);
            let limits = levels.iter().map(|&p| coherence_limit(p, inner)).collect();
            file.write_whole("coherence_limit", &Values::F64(limits))?;
        }
        file.write_whole("degrees_of_freedom", &Values::F64(dof))?;
        let rows = self.welch.len();
        run_together(job, &sources, &plan, &work, &mut |results| {
            if work.mean().is_some() {
                return Ok(());
            }
            let _timer = job.progress.phases.start(Phase::Write);
            write(&mut file, rows, &quantities, &results.into())
        })?;
        let both = format!("{} with {}", args.var, self.with.name());
        frame.check(job, args.estimate.series.gap_rule(), &work.survey()).map_err(|e| {
            let first = self.files.first().map_or_else(String::new, |f| f.display().to_string());
            e.in_file(format!("{first} or {}", args.with)).in_variable(both)
        })?;
        if let Some(mean) = work.mean() {
            let part = means(job.comm, mean, &frame.kept_shape(), &[rows; 4])?;
            write(&mut file, rows, &quantities, &part)?;
        }
        job.write(|| file.finish_with_report())
    }

    fn global(&self, frame: &Frame<'_>, tiling: &str) -> Attributes {
        let args = self.args;
        let ops: Vec<&str> = args.ops().iter().map(|op| op.name).collect();
        let mut options =
            vec![format!("with={}", crate::run::scratch::told(&args.with)), format!("op={}", ops.join(","))];
        options.extend(args.estimate.describe());
        options.extend(common::described(&args.input, &args.selection));
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("Cross-spectra of {} with {}", args.var, self.with.name()))
            .with("source", format!("halocline {}, spectra in time", env!("CARGO_PKG_VERSION")))
            .with("halocline_spectrum_options", options.join("; "))
            .with("halocline_tiling", tiling);
        frame.add_estimate(&mut attributes);
        carry::add_origin(&mut attributes, &self.dataset);
        attributes
    }
}

/// The index at the times of the variable, all of which it must have.
fn during(series: &Series, source: &Source) -> Result<Vec<f64>> {
    let times = source.time().len();
    let index: Vec<f64> = (0..times).map(|t| series.index.at(t, 0)).collect();
    match index.iter().position(|v| !v.is_finite()) {
        None => Ok(index),
        Some(first) => {
            let gaps = index.iter().filter(|v| !v.is_finite()).count();
            Err(Error::data(format!(
                "the index is missing at {gaps} of {times} times of the variable, the first {}",
                source.time().datetime(first).date_string()
            ))
            .remedy("fill the gaps, or choose a --time without"))
        }
    }
}

fn limit_spec(frame: &Frame<'_>) -> VariableSpec {
    let attributes = Attributes::new()
        .with(
            "long_name",
            "coherence squared that independent series exceed by chance with probability 1 - confidence",
        )
        .with("units", "1")
        .with("coordinates", "confidence")
        .with("comment", "1 - (1 - confidence)^(2 / (degrees_of_freedom - 2)) (Thompson 1979)");
    let mut dims = frame.of_levels();
    dims.pop();
    let mut spec = VariableSpec::new("coherence_limit", dims, DType::F64).attributes(attributes);
    spec.fill = true;
    spec
}

/// Writes the results of some cells at so many frequencies.
///
/// # Collective
/// Every rank calls this.
fn write(file: &mut Output, rows: usize, quantities: &[(&str, CrossQuantity)], part: &Part) -> Result<()> {
    let [xx, yy, re, im] = part.values.as_slice() else {
        return Err(Error::internal("a cross-spectrum has four results"));
    };
    for (name, quantity) in quantities {
        let values = xx.iter().zip(yy).zip(re.iter().zip(im));
        let values = values.map(|((xx, yy), (re, im))| derived(*quantity, [*xx, *yy, *re, *im])).collect();
        put(file, name, At { level: None, rows: Some(rows) }, &part.space, values)?;
    }
    Ok(())
}
