//! The command as a step: what is opened, the passes it asks for, the files it writes.

use super::parts::{self, Parts, Task};
use super::{anomaly, output, ClimatologyArgs, Job};
use crate::asked;
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::passes::{Pass, Request};
use crate::series::SeriesMaps;
use crate::step::{Alone, Carried, Step, Written};
use halocline_algorithms::statistics::Reduction;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use halocline_io::Selection;
use std::path::PathBuf;

/// `halocline climatology`, opened.
pub(crate) struct Climatology<'a> {
    args: &'a ClimatologyArgs,
    wanted: Job,
    dataset: Dataset,
    files: Vec<PathBuf>,
    variables: Vec<Variable>,
    /// What becomes anomalies.
    fields: Vec<Source>,
    is_written: bool,
}

/// A variable on its way.
struct Variable {
    /// Until there are results.
    task: Option<(Task, Option<Pass<Reduction>>)>,
    percentiles: Option<SeriesMaps>,
    results: Option<Parts>,
}

impl<'a> Climatology<'a> {
    pub(super) fn open(job: &FoldJob<'_>, args: &'a ClimatologyArgs) -> Result<Self> {
        let comm = job.comm;
        let wanted = args.job()?;
        let dataset = args.input.open(comm, job.verbosity)?;
        let files = paths(&dataset);
        check_output(comm, &args.output, &files)?;
        if let Some(anomaly) = &args.anomaly {
            check_output(comm, anomaly, &files)?;
        }
        let blame = |e, name: &String| folding::blame(e, files.first(), name);
        let all_of = |selection: &Selection| -> Result<Vec<Source>> {
            let one = |name: &String| {
                let source = dataset.source(comm, name, selection)?;
                source.needs_time()?;
                folding::check_is_data(name, &source).map_err(|e| blame(e, name))?;
                Ok(source)
            };
            args.var.iter().map(one).collect()
        };
        let bases = all_of(&wanted.base)?;
        let fields = if args.anomaly.is_some() { all_of(&wanted.all)? } else { Vec::new() };
        for (name, field) in args.var.iter().zip(&fields) {
            let base = bases.iter().find(|b| b.variable().name == *name);
            base.map_or(Ok(()), |base| parts::check(wanted.cycle, wanted.window, base, field))
                .map_err(|e| blame(e, name))?;
        }
        let mut variables = Vec::new();
        for (name, source) in args.var.iter().zip(bases) {
            let task = parts::prepare(comm, args, &wanted, name, source).map_err(|e| blame(e, name))?;
            variables.push(Variable { task: Some(task), percentiles: None, results: None });
        }
        Ok(Self { args, wanted, dataset, files, variables, fields, is_written: false })
    }

    /// Writes the climatology; nothing of it is kept.
    fn write(&mut self, job: &FoldJob<'_>) -> Result<Written> {
        let (comm, args) = (job.comm, self.args);
        let mut results: Vec<Parts> = self.variables.iter_mut().filter_map(|v| v.results.take()).collect();
        let report = job.write(|| output::write(comm, args, &self.wanted, &self.dataset, &mut results))?;
        self.is_written = true;
        Ok(Written { output: args.output.clone(), report })
    }
}

impl Step for Climatology<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        let outputs = std::iter::once(&self.args.output).chain(&self.args.anomaly);
        self.files.iter().chain(outputs).cloned().collect()
    }

    fn states(&self) -> Vec<String> {
        self.args.var.clone()
    }

    fn alone(&self) -> Vec<Alone> {
        let percentiles = !asked::percents(&self.wanted.asked).is_empty();
        let tasks = self.variables.iter().filter_map(|v| v.task.as_ref()).filter(|_| percentiles);
        let anomalies = self.fields.iter().map(Alone::anomalies);
        tasks.map(|(task, _)| Alone::series(&task.name, &task.source, true)).chain(anomalies).collect()
    }

    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        for variable in &mut self.variables {
            let Some((task, _)) = &variable.task else { continue };
            let found = task.percentiles(job, &self.wanted);
            variable.percentiles = found.map_err(|e| folding::blame(e, self.files.first(), &task.name))?;
        }
        Ok(())
    }

    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        let (args, wanted, file) = (self.args, &self.wanted, self.files.first());
        let waiting = self.variables.iter_mut().filter_map(|v| v.task.as_mut());
        let passes = waiting.filter_map(|(task, pass)| Some((task, pass.as_mut()?)));
        Ok(passes.map(|(task, pass)| pass.request(task.wanted(args, wanted, file))).collect())
    }

    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        if let (true, Some(anomaly)) = (self.is_written, &self.args.anomaly) {
            let report = anomaly::write(job, self.args, &self.wanted, &self.dataset, &self.fields, anomaly)?;
            return Ok(Carried::Done(Written { output: anomaly.clone(), report }));
        }
        for variable in &mut self.variables {
            let ready = |pass: &Option<Pass<Reduction>>| pass.as_ref().is_none_or(|pass| pass.is_done);
            let Some((task, pass)) = variable.task.take_if(|(_, pass)| ready(pass)) else { continue };
            let (name, percentiles) = (task.name.clone(), variable.percentiles.take());
            let found = task.after(job.comm, &self.wanted, pass, percentiles);
            variable.results = Some(found.map_err(|e| folding::blame(e, self.files.first(), &name))?);
        }
        if self.variables.iter().any(|v| v.task.is_some()) {
            return Ok(Carried::More);
        }
        let written = self.write(job)?;
        Ok(if self.args.anomaly.is_some() { Carried::Wrote(written) } else { Carried::Done(written) })
    }
}
