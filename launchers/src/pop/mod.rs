//! `halocline pop`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod output;

use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, check_output, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::eof::{
    parse_scale, prepare, tell_filling, with_fields, FillingOf, GapArgs, OpenFields, PrepareArgs,
};
use crate::folding::{self, FoldJob};
use halocline_algorithms::eof::{self, EofOptions, Missing, Modes, Oscillations, Precision};
use halocline_algorithms::spectra::Sampling;
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::path::PathBuf;
use std::sync::Arc;

/// Principal oscillation patterns: damped oscillations of the linear model that steps the leading
/// principal components of a field on.
///
/// Writes pop_real and pop_imaginary (mode,lat,lon), the coefficients at each time, periods,
/// damping times, eigenvalues and variance fractions. Times have to be regular.
#[derive(Debug, clap::Args)]
pub(crate) struct PopArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The variables to analyse, together if there are several
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    pub(crate) var: Vec<String>,
    /// A further variable, of other files, on whatever grid, at the same times; may be given more
    /// than once
    #[arg(long, value_name = "FILES:VAR")]
    pub(crate) with: Vec<String>,
    /// By what several variables are multiplied first: `variance` divides each by the root of its
    /// total variance, so that all count alike; or a factor for each
    #[arg(long, value_name = "variance|none|F,F,…", default_value = "variance")]
    pub(crate) scale: String,
    /// How many leading EOFs the linear model is of [default: 10, or as many as there are]
    #[arg(long, value_name = "N")]
    pub(crate) eofs: Option<usize>,
    /// Number of patterns that are written, those with the largest coefficients first [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) modes: Option<usize>,
    #[command(flatten)]
    pub(crate) prepare: PrepareArgs,
    #[command(flatten)]
    pub(crate) gaps: GapArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(crate) output: PathBuf,
}

impl PopArgs {
    fn is_multivariate(&self) -> bool {
        self.var.len() + self.with.len() > 1
    }

    /// As checked values.
    fn options(&self) -> Result<EofOptions> {
        check_once(&self.var)?;
        let missing = self.gaps.missing()?;
        if matches!(missing, Missing::Pairwise(_)) {
            return Err(Error::usage("oscillation patterns are not made from covariances of pairs")
                .remedy("fill the gaps instead (--missing dineof)"));
        }
        if self.prepare.precision() == Precision::Mixed {
            return Err(Error::usage("oscillation patterns are made in double precision only")
                .remedy("leave --precision mixed out"));
        }
        let none = |n: &Option<usize>| *n == Some(0);
        if none(&self.eofs) || none(&self.modes) {
            return Err(Error::usage("--eofs and --modes have to be 1 at least"));
        }
        Ok(EofOptions {
            modes: self.modes.map_or(Modes::UpTo(usize::MAX), Modes::Exactly),
            fields: parse_scale(&self.scale, self.var.len() + self.with.len())?,
            anomaly: self.prepare.anomaly(),
            detrend: self.prepare.detrend,
            standardize: self.prepare.standardize,
            missing,
            ..EofOptions::default()
        })
    }

    fn eofs(&self) -> Modes {
        self.eofs.map_or(Modes::UpTo(10), Modes::Exactly)
    }

    /// What can be refused before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.options().map(drop)
    }

    fn filling_of(&self, open: &OpenFields) -> FillingOf<'_> {
        let units = open.fields.first().and_then(|f| f.source.variable().units());
        let relative = self.is_multivariate() || self.prepare.standardize;
        FillingOf {
            suffix: String::new(),
            units: if relative { Some("1".to_owned()) } else { units.map(str::to_owned) },
            together: self.is_multivariate(),
            args: &self.gaps,
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &PopArgs, verbosity: Verbosity) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let budget = args.memory.budget(comm)?;
    let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    let written = analyse(&job, args)?;
    job.finished(&args.output, &written)
}

/// Looks at the files, and refuses what can be refused before data are read.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &PopArgs) -> Result<OpenFields> {
    args.check()?;
    let open = OpenFields::open(job, &args.input, &args.selection, (&args.var, &args.with))?;
    check_output(job.comm, &args.output, &open.files())?;
    sampling(&open)?;
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let cells: usize = open.fields.iter().map(|f| f.source.grid().len()).sum();
    let limit = times.saturating_sub(2).min(cells);
    if let Some(eofs) = args.eofs.filter(|eofs| !(1..=limit).contains(eofs)) {
        let error = Error::usage(format!("--eofs: {eofs} are asked for, there are at most {limit}"))
            .remedy(format!("choose --eofs between 1 and {}", limit.max(1)));
        return Err(open.blame(error));
    }
    Ok(open)
}

/// The step of the times, which has to be regular.
fn sampling(open: &OpenFields) -> Result<Sampling> {
    Sampling::of(open.fields[0].source.time()).map_err(|e| open.blame(e))
}

/// Does the analysis and writes its result, within the budget of a job.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn analyse(job: &FoldJob<'_>, args: &PopArgs) -> Result<WriteReport> {
    let opening = job.progress.phases.start(Phase::Open);
    let open = open(job, args)?;
    drop(opening);
    let sampling = sampling(&open)?;
    let taken = open.files().into_iter().chain([args.output.clone()]).collect::<Vec<_>>();
    args.checkpoint.with(job, &taken, |job| {
        let watch = job.watch();
        let found = solve(job, args, &open).map_err(|e| open.blame(e))?;
        drop(watch);
        tell(job, args, &open, &found, &sampling);
        job.write(|| output::write(job, args, (&open, &sampling), found))
    })
}

fn solve(job: &FoldJob<'_>, args: &PopArgs, open: &OpenFields) -> Result<Oscillations> {
    let options = args.options()?;
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let eofs = args.eofs.unwrap_or(10).min(times.saturating_sub(1));
    let fields = open.fields.len() as u64;
    let kernels = match (fields, options.missing) {
        (1, _) => 0,
        (n, Missing::Refuse) => n,
        (n, _) => 2 * n,
    };
    // Two maps each, of no more patterns than EOFs.
    let needs = |dims: &[_], excluded: &[_]| eof::needs(dims, excluded, &options, 2 * eofs);
    let prepared = prepare(job, open, &args.prepare, &args.selection, (kernels, &options.missing), &needs)?;
    let engine = job.engine();
    folding::guarded(job.comm, &open.sources(), || {
        with_fields(open, &prepared, |fields| eof::oscillate(&engine, fields, &options, args.eofs()))
    })
}

/// What a user sees at the end.
fn tell(job: &FoldJob<'_>, args: &PopArgs, open: &OpenFields, found: &Oscillations, sampling: &Sampling) {
    job.verbosity.say(job.comm, || {
        let cells: usize = found.fields.iter().map(|f| f.cells).sum();
        let times = open.fields[0].source.time().len();
        let mut lines = vec![format!(
            "{cells} cells with data, {times} times, a model of {} with {:.2} % of the variance",
            folding::plural(found.eofs, "EOF"),
            100.0 * found.eof_fraction
        )];
        if let Some(filled) = &found.filled {
            lines.extend(tell_filling(filled, &args.filling_of(open)));
        }
        lines.push("mode   period (steps, days)   damping (steps, days)   |eigenvalue|  variance".to_owned());
        let pair = |steps: f64| {
            if steps.is_finite() {
                format!("{steps:>10.2} {:>11.2}", steps * sampling.days)
            } else {
                format!("{:>22}", "none")
            }
        };
        for k in 0..found.periods.len().min(10) {
            let (re, im) = found.eigenvalues[k];
            lines.push(format!(
                "{:>4} {}  {}  {:>12.6}  {:>6.2} %",
                k + 1,
                pair(found.periods[k]),
                pair(found.decays[k]),
                re.hypot(im),
                100.0 * found.variance_fraction[k]
            ));
        }
        let growing = found.eigenvalues.iter().filter(|(re, im)| re.hypot(*im) >= 1.0).count();
        if growing > 0 {
            lines.push(format!(
                "note: {} not decay in the model, a sign of trends, of too many EOFs or too few times",
                if growing == 1 { "1 pattern does".to_owned() } else { format!("{growing} patterns do") }
            ));
        }
        lines.join("\n")
    });
}
