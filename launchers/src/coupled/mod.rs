//! `halocline mca` and `halocline cca`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod output;

use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::eof::{
    prepare, tell_filling, with_fields, FillingOf, GapArgs, OpenField, OpenFields, PrepareArgs,
};
use crate::folding::{self, FoldJob};
use halocline_algorithms::eof::{
    self, Coupled, CoupledMaps, Coupling, EofOptions, Missing, Modes, Precision,
};
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::path::PathBuf;
use std::sync::Arc;

/// The options that both commands have.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CoupledArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The left variable
    #[arg(long, value_name = "NAME")]
    pub(crate) var: String,
    /// The right variable, on whatever grid, at the same times
    #[arg(long, value_name = "FILES:VAR")]
    pub(crate) with: String,
    /// Number of modes [default: 10, or as many as there are]
    #[arg(long, value_name = "N")]
    pub(crate) modes: Option<usize>,
    #[command(flatten)]
    pub(crate) prepare: PrepareArgs,
    /// What homogeneous and heterogeneous maps hold: covariances with coefficients of unit
    /// variance, or correlations
    #[arg(long, value_enum, default_value_t = MapChoice::Covariance)]
    pub(crate) maps: MapChoice,
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

/// Maximum covariance analysis: pairs of patterns of two fields that covary most.
///
/// The singular value decomposition of the covariance between the (weighted) fields. Writes for
/// each field its patterns, expansion coefficients, homogeneous and heterogeneous maps; singular
/// values, squared covariance fractions, correlations of the coefficients.
#[derive(Debug, clap::Args)]
pub(crate) struct McaArgs {
    #[command(flatten)]
    coupled: CoupledArgs,
}

/// Canonical correlation analysis of two fields, on their leading EOFs.
///
/// Writes for each field its canonical variables (of unit variance), the weights that make them,
/// and maps with its own and the other's; canonical correlations.
#[derive(Debug, clap::Args)]
pub(crate) struct CcaArgs {
    #[command(flatten)]
    coupled: CoupledArgs,
    /// How many leading EOFs of the left and of the right field [default: 10, or as many as there
    /// are]
    #[arg(long, value_name = "N[,M]", value_delimiter = ',')]
    eofs: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MapChoice {
    Covariance,
    Correlation,
}

/// A command with what is its own.
#[derive(Clone, Copy)]
pub(crate) struct Couple<'a> {
    pub(crate) args: &'a CoupledArgs,
    pub(crate) coupling: Coupling,
}

impl McaArgs {
    pub(crate) fn couple(&self) -> Couple<'_> {
        Couple { args: &self.coupled, coupling: Coupling::Mca }
    }
}

impl CcaArgs {
    /// What can be refused before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        match self.eofs.len() {
            0..=2 => Ok(()),
            n => Err(Error::usage(format!("--eofs has {n} numbers, there are two fields"))
                .remedy("write --eofs 10 or --eofs 10,8")),
        }
    }
    pub(crate) fn couple(&self) -> Couple<'_> {
        let left = self.eofs.first().map_or(Modes::UpTo(10), |n| Modes::Exactly(*n));
        let right = self.eofs.get(1).map_or(left, |n| Modes::Exactly(*n));
        Couple { args: &self.coupled, coupling: Coupling::Cca([left, right]) }
    }
}

impl Couple<'_> {
    /// Runs the command.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        let progress = Arc::new(Progress::default());
        let budget = self.args.memory.budget(comm)?;
        let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
        let written = self.analyse(&job)?;
        job.finished(&self.args.output, &written)
    }

    /// Looks at the files, and refuses what can be refused before data are read.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open(&self, job: &FoldJob<'_>) -> Result<OpenFields> {
        let args = self.args;
        let options = self.options()?;
        let (vars, with) = (std::slice::from_ref(&args.var), std::slice::from_ref(&args.with));
        let open = OpenFields::open(job, &args.input, &args.selection, (vars, with))?;
        check_output(job.comm, &args.output, &open.files())?;
        let times = open.fields[0].source.time().len();
        let cells = |field: &OpenField| field.source.grid().len();
        let fewest = open.fields.iter().map(cells).min().unwrap_or(0);
        let limit = match self.coupling {
            Coupling::Mca => options.most_modes(times).min(fewest),
            Coupling::Cca(asked) => {
                let mut limit = usize::MAX;
                for (asked, field) in asked.into_iter().zip(&open.fields) {
                    let most = times.saturating_sub(2).min(cells(field));
                    limit = limit.min(match asked {
                        Modes::UpTo(eofs) => eofs.min(most),
                        Modes::Exactly(eofs) if (1..=most).contains(&eofs) => eofs,
                        Modes::Exactly(eofs) => {
                            return Err(Error::usage(format!(
                                "--eofs: {eofs} are asked for of `{}`, there are at most {most}",
                                field.label
                            ))
                            .remedy(format!("choose --eofs between 1 and {most}")))
                        }
                    });
                }
                limit
            }
        };
        match args.modes.filter(|modes| !(1..=limit).contains(modes)) {
            None => Ok(open),
            Some(modes) => {
                Err(Error::usage(format!("{modes} modes are asked for, there are at most {limit}"))
                    .remedy(format!("choose --modes between 1 and {limit}")))
            }
        }
    }

    /// Does the analysis and writes its result, within the budget of a job.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn analyse(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let opening = job.progress.phases.start(Phase::Open);
        let open = self.open(job)?;
        drop(opening);
        let taken = open.files().into_iter().chain([self.args.output.clone()]).collect::<Vec<_>>();
        self.args.checkpoint.with(job, &taken, |job| {
            let watch = job.watch();
            let found = self.solve(job, &open).map_err(|e| open.blame(e))?;
            drop(watch);
            self.tell(job, &open, &found);
            job.write(|| output::write(job, self, &open, found))
        })
    }

    /// As checked values.
    fn options(&self) -> Result<EofOptions> {
        let args = self.args;
        let missing = args.gaps.missing()?;
        if matches!(missing, Missing::Pairwise(_)) {
            return Err(Error::usage("two fields are not coupled by covariances of pairs")
                .remedy("fill the gaps instead (--missing dineof)"));
        }
        Ok(EofOptions {
            modes: args.modes.map_or(Modes::UpTo(10), Modes::Exactly),
            anomaly: args.prepare.anomaly(),
            detrend: args.prepare.detrend,
            standardize: args.prepare.standardize,
            precision: args.prepare.precision(),
            missing,
            ..EofOptions::default()
        })
    }

    /// What the filling of gaps of a field is of.
    fn filling_of(&self, field: &OpenField) -> FillingOf<'_> {
        let units = field.source.variable().units();
        FillingOf {
            suffix: format!("_{}", field.label),
            units: if self.args.prepare.standardize {
                Some("1".to_owned())
            } else {
                units.map(str::to_owned)
            },
            together: false,
            args: &self.args.gaps,
        }
    }

    fn solve(&self, job: &FoldJob<'_>, open: &OpenFields) -> Result<Coupled> {
        let args = self.args;
        let options = self.options()?;
        let maps = match args.maps {
            MapChoice::Covariance => CoupledMaps::Covariance,
            MapChoice::Correlation => CoupledMaps::Correlation,
        };
        let modes = 3 * args.modes.unwrap_or(10).min(open.fields[0].source.time().len());
        let needs = |dims: &[_], excluded: &[_]| eof::needs(dims, excluded, &options, modes);
        let prepared = prepare(job, open, &args.prepare, &args.selection, (8, &options.missing), &needs)?;
        let engine = job.engine();
        folding::guarded(job.comm, &open.sources(), || {
            with_fields(open, &prepared, |fields| {
                let [left, right] = fields else { return Err(Error::internal("two fields make a couple")) };
                eof::couple(&engine, &[*left, *right], &options, self.coupling, maps)
            })
        })
    }

    fn tell(&self, job: &FoldJob<'_>, open: &OpenFields, found: &Coupled) {
        job.verbosity.say(job.comm, || {
            let cells = |side: usize| format!("{} of {}", found.fields[side].cells, open.fields[side].label);
            let times = open.fields[0].source.time().len();
            let mut lines = vec![format!("cells with data: {}, {}; {times} times", cells(0), cells(1))];
            for (field, of) in open.fields.iter().zip(&found.fields) {
                let told = of.filled.iter().flat_map(|filled| tell_filling(filled, &self.filling_of(field)));
                lines.extend(told.map(|line| format!("{}: {line}", field.label)));
            }
            lines.push(match self.coupling {
                Coupling::Mca => "mode  singular value  squared cov.   correlation".into(),
                Coupling::Cca(_) => "mode   correlation".to_owned(),
            });
            for k in 0..found.values.len().min(10) {
                lines.push(match found.squared_covariance_fraction.get(k) {
                    Some(scf) => format!(
                        "{:>4}  {:>14.6e}  {:>10.2} %  {:>12.4}",
                        k + 1,
                        found.values[k],
                        100.0 * scf,
                        found.correlations[k]
                    ),
                    None => format!("{:>4}  {:>12.6}", k + 1, found.values[k]),
                });
            }
            if self.args.prepare.precision() == Precision::Mixed {
                lines.push(format!(
                    "note: products in single precision: covariances between times are off by {:.1e} of each field's total variance at most",
                    eof::SINGLES_ERROR
                ));
            }
            lines.join("\n")
        });
    }
}
