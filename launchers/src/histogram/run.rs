//! The command as a step: what is opened, the pass it asks for, the file it writes.

use super::count::Counting;
use super::{options, output, HistogramArgs, Weights};
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::pairs;
use crate::passes::Request;
use crate::repeated;
use crate::step::{Alone, Carried, Step, Written};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use std::path::PathBuf;

/// `halocline histogram`, opened.
pub(crate) struct Histograms<'a> {
    args: &'a HistogramArgs,
    dataset: Dataset,
    files: Vec<PathBuf>,
    /// One, or two that are read in lockstep.
    sources: Vec<Source>,
    counting: Counting,
}

impl<'a> Histograms<'a> {
    pub(super) fn open(job: &FoldJob<'_>, args: &'a HistogramArgs) -> Result<Self> {
        let (comm, verbosity) = (job.comm, job.verbosity);
        args.check()?;
        let selection = args.selection.of_all_levels(args.input.io)?;
        let dataset = args.input.open(comm, verbosity)?;
        let mut files = paths(&dataset);
        let mut sources: Vec<Source> =
            args.var.iter().map(|name| dataset.source(comm, name, &selection)).collect::<Result<_>>()?;
        let mut second =
            args.var.get(1).map(|name| (files.first().cloned().unwrap_or_default(), name.clone()));
        if let Some((others, name)) = args.with.as_deref().map(options::parse_with).transpose()? {
            let other = halocline_io::open_with(comm, &[others], dataset.options())?;
            other.notes().iter().for_each(|note| verbosity.detail(comm, || note.clone()));
            sources.push(other.source(comm, &name, &selection)?);
            let file = other.files().first().map_or_else(PathBuf::new, |f| PathBuf::from(&f.path));
            pairs::check_members(&dataset, &other).map_err(|e| folding::blame(e, Some(&file), &name))?;
            files.extend(paths(&other));
            second = Some((file, name));
        }
        if let ([a, b], Some((file, name))) = (sources.as_slice(), &second) {
            pairs::check_together(a, b).map_err(|e| folding::blame(e, Some(file), name))?;
        }
        check_output(comm, &args.output, &files)?;
        let mut repeated = Vec::new();
        if args.weights == Weights::Area {
            let roles = args
                .roles(&sources[0].variable().dims)
                .map_err(|e| folding::blame(e, files.first(), &args.var[0]))?;
            // A pair whose first value is missing is none.
            let first = sources.remove(0);
            let (first, again) = repeated::left_out(comm, &dataset, first, &selection, &roles)?;
            sources.insert(0, first);
            repeated = again;
        }
        let counting = Counting::new(job, args, &selection, (&sources, &repeated))
            .map_err(|e| folding::blame(e, files.first(), &args.var[0]))?;
        Ok(Self { args, dataset, files, sources, counting })
    }
}

impl Step for Histograms<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }

    fn states(&self) -> Vec<String> {
        self.args.var[..1].to_vec()
    }

    fn alone(&self) -> Vec<Alone> {
        Vec::new()
    }

    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        Ok(vec![self.counting.request(self.args, &self.sources, self.files.first())])
    }

    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        let counted =
            self.counting.counted().map_err(|e| folding::blame(e, self.files.first(), &self.args.var[0]))?;
        let (args, sources) = (self.args, &self.sources);
        let report = job.write(|| output::write(job.comm, args, &self.dataset, sources, &counted))?;
        Ok(Carried::Done(Written { output: args.output.clone(), report }))
    }
}
