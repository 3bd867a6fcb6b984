//! The command as a step: all series through the filter, batch by batch, to the file.

use super::gaps::Survey;
use super::options::TimeArgs;
use super::output::{attributes, global};
use crate::carry;
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::series::{chunks, plan, run, WRITING};
use crate::step::{Alone, ByItself};
use halocline_algorithms::filter::TimeFilter;
use halocline_core::meta::{DType, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// `halocline filter time`, opened.
pub(crate) struct Filtering<'a> {
    args: &'a TimeArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    /// The variables with their filters.
    variables: Vec<(Source, TimeFilter)>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a TimeArgs) -> Result<Filtering<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let mut variables = Vec::new();
    for name in &args.var {
        let blame = |e| folding::blame(e, files.first(), name);
        let source = dataset.source(job.comm, name, &selection)?;
        source.needs_time()?;
        folding::check_is_data(name, &source).map_err(blame)?;
        let filter = args.filter(&source).map_err(blame)?;
        if let Some(note) = args.note(&source) {
            job.verbosity.say(job.comm, || format!("note: {note}"));
        }
        variables.push((source, filter));
    }
    Ok(Filtering { args, dataset, files, variables })
}

impl ByItself for Filtering<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        let of = |(source, _): &(Source, TimeFilter)| Alone::series(&source.variable().name, source, false);
        self.variables.iter().map(of).collect()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job)
    }
}

impl Filtering<'_> {
    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (comm, args) = (job.comm, self.args);
        let blame = |e, source: &Source| folding::blame(e, self.files.first(), &source.variable().name);
        // Plans come before the file, so that what does not fit leaves none behind.
        let writing = (job.budget.for_buffers(comm) / 4).clamp(WRITING.1, WRITING.0);
        let mut plans = Vec::new();
        for (source, filter) in &self.variables {
            let parts = args.selection.parts(comm, &source.variable().dims)?;
            let name = &source.variable().name;
            let planned = plan(job, name, source, filter, parts.as_deref(), writing);
            plans.push(planned.map_err(|e| blame(e, source))?);
        }
        let mut schema = Schema { attributes: global(args, &self.dataset), ..Schema::new() };
        if let Some(plan) = plans.first() {
            schema.attributes.set("halocline_tiling", plan.tiling().rule());
        }
        let mut pending = Vec::new();
        for (source, _) in &self.variables {
            pending.extend(schema.add_coordinate(source.time_coordinate())?);
            pending.extend(carry::add_space(&mut schema, source)?);
        }
        for (source, filter) in &self.variables {
            let variable = source.variable();
            let dims = variable.dims.iter().map(|d| d.name.as_str());
            let spec = VariableSpec::data(variable.name.clone(), dims, DType::F64);
            schema.add_variable(
                spec.chunks(chunks(&variable.shape())).attributes(attributes(args, filter, source)),
            );
        }
        args.compress.apply(&mut schema);
        let mut file = Output::create(comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        for ((source, filter), plan) in self.variables.iter().zip(&plans) {
            let shape = source.variable().shape();
            let mut survey = Survey::new();
            let done = run(job, source, plan, filter, &mut |mut results| {
                survey.absorb(comm, &results, &shape);
                // What is refused in the end is only counted from here on.
                if survey.refuses(args.missing) {
                    return Ok(());
                }
                let block = results.block(shape[0]);
                let values = Values::F64(results.values.swap_remove(0));
                let _timer = job.progress.phases.start(Phase::Write);
                file.write_block(&source.variable().name, &block, &values)
            });
            done.and_then(|()| survey.check(args.missing, source)).map_err(|e| blame(e, source))?;
        }
        job.write(|| file.finish_with_report())
    }
}
