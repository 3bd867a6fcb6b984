//! The command as a step: what is opened, the passes it asks for, the file it writes.

use super::foreign::Foreign;
use super::load::{cells, Basis, Loaded};
use super::options::MissingChoice;
use super::own::Own;
use super::{output, ProjectArgs};
use crate::common::{bytes_text, check_output, paths};
use crate::eof::{of_with, selection_for};
use crate::folding::{self, FoldJob};
use crate::pairs;
use crate::passes::{self, Pass, Request, Wanted};
use crate::place::locate;
use crate::step::{Alone, Carried, Step, Written};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::{remove, Components, Projection, ProjectionState};
use halocline_core::budget::refuse;
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use std::path::PathBuf;
use std::sync::Arc;

/// `halocline project`, opened.
pub(crate) struct Projecting<'a> {
    args: &'a ProjectArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    basis: Basis,
    /// What the variables are called, and the first file of each.
    names: Vec<String>,
    firsts: Vec<Option<PathBuf>>,
    sources: Vec<Source>,
    /// What makes two reads the same, of each source.
    keys: Vec<String>,
    /// Parts of the dimensions, by hand.
    parts: Option<Vec<usize>>,
    loaded: Vec<Loaded>,
    passes: Vec<Pass<Projection>>,
    is_loaded: bool,
}

impl<'a> Projecting<'a> {
    pub(super) fn open(job: &FoldJob<'_>, args: &'a ProjectArgs) -> Result<Self> {
        let comm = job.comm;
        args.check()?;
        let mut basis = match args.foreign() {
            Some(named) => Basis::Foreign(Box::new(Foreign::open(comm, args, named)?)),
            None => Basis::Own(Box::new(Own::open(comm, args)?)),
        };
        let mut selection = args.selection.selection()?;
        selection.io = args.input.io;
        let dataset = args.input.open(comm, job.verbosity)?;
        let mut others = Vec::new();
        for text in &args.with {
            let (files, name) = of_with(text)?;
            let other = halocline_io::open_with(comm, &[files.to_owned()], dataset.options())?;
            other.notes().iter().for_each(|note| job.verbosity.detail(comm, || note.clone()));
            others.push((other, name));
        }
        let all: Vec<(&Dataset, &str)> = args
            .var
            .iter()
            .map(|name| (&dataset, name.as_str()))
            .chain(others.iter().map(|(other, name)| (other, *name)))
            .collect();
        let files: Vec<PathBuf> =
            [&dataset].into_iter().chain(others.iter().map(|(other, _)| other)).flat_map(paths).collect();
        let taken: Vec<PathBuf> = files.iter().cloned().chain([basis.path()]).collect();
        check_output(comm, &args.output, &taken)?;
        let (mut sources, mut firsts, mut keys) = (Vec::<Source>::new(), Vec::new(), Vec::new());
        for (at, &(data, name)) in all.iter().enumerate() {
            let first = paths(data).first().cloned();
            let blame = |e: Error| folding::blame(e, first.as_ref(), name);
            let mut selection = selection_for(data, name, &selection, !args.with.is_empty());
            selection.all_levels = match &basis {
                Basis::Foreign(foreign) => foreign.has_levels()?,
                Basis::Own(own) => own.has_levels(at)?,
            };
            let mut source = data.source(comm, name, &selection)?;
            source.needs_time()?;
            let mut sliced = String::new();
            let checked = folding::check_is_data(name, &source).and_then(|()| {
                if source.grid().dims.is_empty() {
                    return Err(Error::data("has no horizontal dimension, and patterns have"));
                }
                Ok(())
            });
            checked.map_err(blame)?;
            match &mut basis {
                Basis::Own(own) => own.check(comm, &source, at)?,
                Basis::Foreign(foreign) => foreign.check(comm, args, &source)?,
            }
            if let Some(other) = sources.first().filter(|_| at >= args.var.len()) {
                // Of other files, the same times of more.
                let origin = pairs::align(other, &source).map_err(blame)?;
                if origin > 0 || source.time().len() != other.time().len() {
                    let part = origin..origin + other.time().len();
                    source = source.between(part.clone()).map_err(blame)?;
                    sliced = format!(" {part:?}");
                }
            } else if sources.first().is_some_and(|first| first.time().values != source.time().values) {
                return Err(blame(Error::data(format!("has other times than `{}`", args.var[0]))));
            }
            // Part of the times is another read than all of them.
            keys.push(passes::key(&source, &selection) + &sliced);
            firsts.push(first);
            sources.push(source);
        }
        drop(all);
        let names = args.names()?;
        let parts = match sources.first() {
            Some(source) => args.selection.parts(comm, &source.variable().dims)?,
            None => None,
        };
        let (modes, skips) = (basis.numbers().len(), args.missing == MissingChoice::Skip);
        let loaded: Vec<Loaded> = sources.iter().map(|_| Loaded::default()).collect();
        let pass = |(source, loaded): (&Source, &Loaded)| {
            let (patterns, centre) = (Arc::clone(&loaded.patterns), Arc::clone(&loaded.centre));
            Pass::new(Projection::new(&source.variable().dims, modes, skips, patterns, centre), None)
        };
        let passes = sources.iter().zip(&loaded).map(pass).collect();
        Ok(Self {
            args,
            dataset,
            files,
            basis,
            names,
            firsts,
            sources,
            keys,
            parts,
            loaded,
            passes,
            is_loaded: false,
        })
    }

    fn skips(&self) -> bool {
        self.args.missing == MissingChoice::Skip
    }

    /// The series of all modes, of all variables together.
    ///
    /// # Collective
    /// Every rank calls this.
    fn series(&mut self, job: &FoldJob<'_>) -> Result<(Vec<f64>, Vec<u64>)> {
        let engine = Engine::with_progress(job.comm, job.progress);
        let numbers = self.basis.numbers();
        let modes = numbers.len();
        let (mut series, mut missing) = (Vec::new(), Vec::new());
        for (at, source) in self.sources.iter().enumerate() {
            let own: Vec<ProjectionState> =
                self.passes[at].branch.take().into_iter().map(|(_, state)| state).collect();
            let states: Vec<ProjectionState> = engine.gather(&own)?.into_iter().flatten().collect();
            let components = Components::new(source.time().len(), modes, &states)?;
            let checked = self.check(source, &components);
            checked.map_err(|e| folding::blame(e, self.firsts[at].as_ref(), &source.variable().name))?;
            let loaded = &self.loaded[at];
            let patterns = loaded.patterns.get().ok_or_else(|| Error::internal("there are no patterns"))?;
            let mut own = components.series(patterns);
            if !loaded.offsets.is_empty() {
                let monthly = matches!(&self.basis, Basis::Own(own) if own.is_monthly());
                for (row, month) in own.chunks_mut(modes).zip(source.time().months()) {
                    let part = if monthly { usize::from(month) - 1 } else { 0 };
                    let offset = loaded.offsets.get(part).and_then(Option::as_ref);
                    let offset = offset.ok_or_else(|| Error::internal("the mean of a month is not there"))?;
                    row.iter_mut().zip(offset).for_each(|(v, o)| *v -= o);
                }
            }
            if series.is_empty() {
                series = own;
                missing = components.missing().to_vec();
            } else {
                series.iter_mut().zip(&own).for_each(|(a, b)| *a += b);
                missing.iter_mut().zip(components.missing()).for_each(|(a, b)| *a += b);
            }
        }
        let removal = self.basis.removal();
        let months = match removal.anomaly {
            Anomaly::Climatology => self.sources[0].time().months(),
            _ => Vec::new(),
        };
        remove(&mut series, modes, &months, removal)?;
        let factors = self.basis.factors();
        for row in series.chunks_mut(modes) {
            row.iter_mut().zip(&factors).for_each(|(v, f)| *v *= f);
        }
        Ok((series, missing))
    }

    /// Refuses what is infinite, and what is missing unless it may be.
    fn check(&self, source: &Source, components: &Components) -> Result<()> {
        if let Some((time, cell)) = components.infinite() {
            return Err(Error::data(format!("is infinite {}", locate(source, cell, time)))
                .remedy("mark such values as missing"));
        }
        match components.gap() {
            Some(gap) if !self.skips() => {
                let (time, cell) = gap.first;
                Err(Error::data(format!(
                    "{} values at {} of {} times are missing where the patterns have values, the first {}",
                    gap.values,
                    gap.times,
                    source.time().len(),
                    locate(source, cell, time)
                ))
                .remedy("fill them, or use --missing skip"))
            }
            _ => Ok(()),
        }
    }
}

impl Step for Projecting<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        self.files.iter().cloned().chain([self.basis.path(), self.args.output.clone()]).collect()
    }

    fn states(&self) -> Vec<String> {
        self.names.clone()
    }

    fn alone(&self) -> Vec<Alone> {
        let cells: usize = self.sources.iter().map(cells).sum();
        let bytes = (cells * self.basis.numbers().len() * size_of::<f64>()) as u64;
        vec![Alone { what: "patterns".to_owned(), bytes, is_first: true }]
    }

    /// Reads the patterns, which all ranks hold.
    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        let needed = self.basis.bytes(&self.sources, self.skips());
        if needed > job.budget.for_buffers(job.comm) {
            let all = job.budget.largest_base(job.comm).saturating_add(needed);
            return Err(refuse(all, job.budget, "choose fewer --modes").in_file(self.basis.path()));
        }
        job.verbosity.say(job.comm, || {
            format!(
                "{} on {} from {}, anomaly: {}; {} of patterns a rank",
                self.names.join(", "),
                folding::plural(self.basis.numbers().len(), "pattern"),
                crate::run::scratch::told(&self.basis.path().display().to_string()),
                self.basis.departure().name(),
                bytes_text(needed)
            )
        });
        let skips = self.skips();
        let loaded = self.basis.load(&self.sources, skips, &mut self.loaded);
        job.comm.agree(loaded)?;
        self.is_loaded = true;
        Ok(())
    }

    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        // Once they are read they are resident, and would count twice.
        let beside = if self.is_loaded {
            0
        } else {
            self.basis.bytes(&self.sources, self.args.missing == MissingChoice::Skip)
        };
        let (args, parts, names, firsts) = (self.args, self.parts.as_deref(), &self.names, &self.firsts);
        // Sums on patterns that have changed since are of no use.
        let stamp =
            std::fs::metadata(self.basis.path()).and_then(|about| Ok((about.len(), about.modified()?))).ok();
        let each = self.sources.iter().zip(&self.keys).zip(&mut self.passes).enumerate();
        let waiting = each.filter(|(_, (_, pass))| !pass.is_done);
        Ok(waiting
            .map(|(at, ((source, key), pass))| {
                let (name, file) = (names[at].as_str(), firsts[at].as_ref());
                let belongs = move || {
                    let about = (&args.patterns, &args.modes, args.missing, args.selection.describe());
                    let more = (args.weights, args.pattern_is, args.scaling, args.anomaly);
                    let input = folding::fingerprint(source);
                    format!("projection of {name} {about:?} {more:?} {stamp:?} {input}")
                };
                pass.request(Wanted {
                    sources: vec![source],
                    key,
                    title: Some(name.to_owned()),
                    note: None,
                    beside,
                    later: 0,
                    parts,
                    state: name,
                    belongs: Box::new(belongs),
                    blame: (file, name),
                })
            })
            .collect())
    }

    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        if self.passes.iter().any(|pass| !pass.is_done) {
            return Ok(Carried::More);
        }
        let (series, missing) = self.series(job)?;
        let tiling = self.passes[0].ran()?.tiling().rule().to_owned();
        let result =
            output::Series { values: &series, missing: self.skips().then_some(&missing), tiling: &tiling };
        let (args, dataset, basis) = (self.args, &self.dataset, &self.basis);
        let report =
            job.write(|| output::write(job.comm, args, (dataset, &self.sources[0]), basis, &result))?;
        Ok(Carried::Done(Written { output: args.output.clone(), report }))
    }
}
