//! The command as a step: what is opened, the passes it asks for, the file it writes.

use super::percentiles::percentiles;
use super::reduce::{prepare, Results, Task};
use super::{output, StatsArgs};
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::passes::{Pass, Request};
use crate::series::{running, RunningAsk, SeriesMaps};
use crate::step::{Alone, Carried, Step, Written};
use halocline_algorithms::statistics::Reduction;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use std::path::PathBuf;

/// `halocline stats`, opened.
pub(crate) struct Statistics<'a> {
    pub(super) args: &'a StatsArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    /// With --running, all variables with their names; else none.
    series: Vec<(String, Source)>,
    pub(super) variables: Vec<Variable>,
}

/// A variable on its way.
pub(super) struct Variable {
    /// Until there are results.
    pub(super) task: Option<(Task, Pass<Reduction>)>,
    percentiles: Option<SeriesMaps>,
    results: Option<Results>,
}

impl<'a> Statistics<'a> {
    pub(super) fn open(job: &FoldJob<'_>, args: &'a StatsArgs) -> Result<Self> {
        let comm = job.comm;
        args.check()?;
        let mut selection = args.selection.of_all_levels(args.input.io)?;
        selection.stated_times = !args.convention.uses_bounds();
        let dataset = args.input.open(comm, job.verbosity)?;
        let files = paths(&dataset);
        check_output(comm, &args.output, &files)?;
        let mut opened = Self { args, dataset, files, series: Vec::new(), variables: Vec::new() };
        let blame = |e, name: &str| folding::blame(e, opened.files.first(), name);
        let mut sources = Vec::new();
        for name in &args.var {
            let source = opened.dataset.source(comm, name, &selection)?;
            folding::check_is_data(name, &source).map_err(|e| blame(e, name))?;
            if args.running.is_some() {
                source.needs_time()?;
            }
            sources.push((name.clone(), source));
        }
        if args.running.is_some() {
            opened.series = sources;
            return Ok(opened);
        }
        for (name, source) in sources {
            let task = prepare(comm, args, (&opened.dataset, &selection), &name, source)
                .map_err(|e| blame(e, &name))?;
            opened.variables.push(Variable { task: Some(task), percentiles: None, results: None });
        }
        Ok(opened)
    }

    /// Statistics that run along series.
    fn running(&mut self, job: &FoldJob<'_>, window: usize) -> Result<Written> {
        let args = self.args;
        let parts = match self.series.first() {
            Some((_, source)) => args.selection.parts(job.comm, &source.variable().dims)?,
            None => None,
        };
        let (missing, ddof) = (args.missing, u32::from(args.ddof()));
        let ask =
            RunningAsk { ops: args.ops(), window, missing, ddof, parts, compress: args.compress.clone() };
        let attributes = output::global(args, &self.dataset, "none", None);
        let report = running(job, &self.series, &ask, &self.files, (&args.output, attributes))?;
        Ok(Written { output: args.output.clone(), report })
    }
}

impl Step for Statistics<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }

    fn states(&self) -> Vec<String> {
        self.args.var.clone()
    }

    fn alone(&self) -> Vec<Alone> {
        let percentiles = !self.args.percents().is_empty();
        let tasks = self.variables.iter().filter_map(|v| v.task.as_ref()).filter(|_| percentiles);
        let running = self.series.iter().map(|(name, source)| Alone::series(name, source, false));
        tasks.map(|(task, _)| Alone::series(&task.name, &task.source, true)).chain(running).collect()
    }

    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        for variable in &mut self.variables {
            let Some((task, _)) = &variable.task else { continue };
            let found = percentiles(job, self.args, &task.name, task, task.maps);
            variable.percentiles = found.map_err(|e| folding::blame(e, self.files.first(), &task.name))?;
        }
        Ok(())
    }

    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        let (args, file) = (self.args, self.files.first());
        if args.ops().is_empty() {
            return Ok(Vec::new());
        }
        let waiting = self.variables.iter_mut().filter_map(|v| v.task.as_mut());
        Ok(waiting.map(|(task, pass)| pass.request(task.wanted(args, file))).collect())
    }

    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        if let Some(window) = self.args.running {
            return self.running(job, window).map(Carried::Done);
        }
        for variable in &mut self.variables {
            let no_pass = self.args.ops().is_empty();
            let Some((task, pass)) = variable.task.take_if(|(_, pass)| no_pass || pass.is_done) else {
                continue;
            };
            let (name, percentiles) = (task.name.clone(), variable.percentiles.take());
            variable.results = Some(match percentiles {
                Some(percentiles) if no_pass => task.without_pass(percentiles),
                percentiles => task
                    .after(job.comm, self.args, pass, percentiles)
                    .map_err(|e| folding::blame(e, self.files.first(), &name))?,
            });
        }
        if self.variables.iter().any(|v| v.task.is_some()) {
            return Ok(Carried::More);
        }
        let results = self.variables.iter_mut().filter_map(|v| v.results.take()).collect();
        let report = job.write(|| output::write(job.comm, self.args, &self.dataset, results))?;
        Ok(Carried::Done(Written { output: self.args.output.clone(), report }))
    }
}
