//! The command as a step: what is opened, the passes it asks for, the file it writes.

use super::index::{self, With};
use super::lags::{self, LagPass, OfAll, OfLag};
use super::{output, RelateArgs};
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::passes::{self, Request};
use crate::step::{Alone, Carried, Step, Written};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use std::path::PathBuf;

/// `halocline relate`, opened.
pub(crate) struct Relations<'a> {
    args: &'a RelateArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    source: Source,
    with: With,
    /// What makes two reads the same.
    key: String,
    /// Parts of the dimensions, by hand.
    parts: Option<Vec<usize>>,
    /// In the order of lags; those that are done come first.
    passes: Vec<LagPass>,
    done: usize,
    /// Those of lags that are done.
    results: Vec<OfLag>,
}

impl<'a> Relations<'a> {
    pub(super) fn open(job: &FoldJob<'_>, args: &'a RelateArgs) -> Result<Self> {
        let (comm, verbosity) = (job.comm, job.verbosity);
        args.check()?;
        let selection = args.selection.of_all_levels(args.input.io)?;
        let dataset = args.input.open(comm, verbosity)?;
        let files = paths(&dataset);
        let source = dataset.source(comm, &args.var, &selection)?;
        source.needs_time()?;
        let with = index::find(comm, &args.with, (&dataset, &source), &selection, verbosity)?;
        let taken: Vec<PathBuf> = files.iter().cloned().chain(with.files(&args.with)).collect();
        check_output(comm, &args.output, &taken)?;
        args.check_with(&with)?;
        let parts = args.selection.parts(comm, &source.variable().dims);
        let keys: Vec<String> =
            with.beside(&source).iter().map(|source| passes::key(source, &selection)).collect();
        let key = keys.join(" with ");
        let planned = parts.and_then(|parts| {
            let limits = (job.budget, parts.as_deref());
            Ok((lags::plan(comm, args, &source, &with, &key, limits)?, parts))
        });
        let blame = |e| folding::blame(e, files.first(), &args.var);
        let (passes, parts) = planned.map_err(blame)?;
        for note in args.notes(&source, &with).map_err(blame)? {
            verbosity.say(comm, || note);
        }
        Ok(Self { args, dataset, files, source, with, key, parts, passes, done: 0, results: Vec::new() })
    }
}

impl Step for Relations<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        let others = self.with.files(&self.args.with);
        self.files.iter().cloned().chain(others).chain([self.args.output.clone()]).collect()
    }

    fn states(&self) -> Vec<String> {
        self.passes.iter().map(|pass| pass.name.clone()).collect()
    }

    fn alone(&self) -> Vec<Alone> {
        let further = self.passes.iter().skip(1);
        further.map(|pass| Alone::later(&pass.name, &self.with.beside(&self.source))).collect()
    }

    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        if self.passes.len() > 1 {
            let (lags, passes) = (self.args.lag_list().len(), self.passes.len());
            job.verbosity
                .say(job.comm, || format!("{lags} lags in {passes} passes over the data, as memory allows"));
        }
        Ok(())
    }

    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        let name = format!("{} with {}", self.args.var, self.with.name());
        let of = OfAll {
            key: &self.key,
            // Of all passes: later on, results are resident and would count twice.
            title: Some(name).filter(|_| self.done == 0),
            later: self.passes.iter().map(LagPass::estimate).max().unwrap_or(0),
            parts: self.parts.as_deref(),
            file: self.files.first(),
        };
        let Some(pass) = self.passes.get_mut(self.done) else { return Ok(Vec::new()) };
        Ok(vec![pass.request(self.args, (&self.source, &self.with), of)?])
    }

    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        if let Some(pass) = self.passes.get_mut(self.done) {
            let found = pass.results(job.comm, self.args);
            self.results.extend(found.map_err(|e| folding::blame(e, self.files.first(), &self.args.var))?);
            self.done += 1;
        }
        if self.done < self.passes.len() {
            return Ok(Carried::More);
        }
        let Self { args, dataset, source, with, results, .. } = self;
        let report = job.write(|| output::write(job.comm, args, (dataset, source), with, results))?;
        Ok(Carried::Done(Written { output: args.output.clone(), report }))
    }
}
