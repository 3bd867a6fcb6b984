//! How the eigenvalue problem is solved: the options, the choice, and what is written and told of it.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::contents::Contents;
use super::options::EofArgs;
use super::OpenFields;
use crate::folding::FoldJob;
use halocline_algorithms::eof::{self, Eof, EofOptions, Randomized, Solver};
use halocline_core::meta::{Attributes, Values};
use halocline_core::{Error, Result};

/// How the eigenvalue problem is solved.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SolverArgs {
    /// How modes are found: `exact` by the covariance; `randomized` in some passes over the data
    /// without it, until the error bound of each eigenvalue meets --tolerance; `auto` by whichever
    /// takes less, if a tolerance is given
    #[arg(long, value_enum, default_value_t = SolverChoice::Exact, value_name = "exact|randomized|auto", hide_possible_values = true)]
    pub(crate) solver: SolverChoice,
    /// The error bound of each eigenvalue, as a share of it, that the randomized solver stops at
    /// [default: 1e-3]; its random numbers follow from --seed
    #[arg(long, value_name = "SHARE")]
    pub(crate) tolerance: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SolverChoice {
    Exact,
    Randomized,
    Auto,
}

impl SolverArgs {
    /// What is asked for before data are looked at: of `auto` the exact solver.
    pub(super) fn solver(&self, seed: u64) -> Result<Solver> {
        match (self.solver, self.tolerance) {
            (SolverChoice::Exact, Some(_)) => {
                Err(Error::usage("--tolerance is given, but the exact solver has none")
                    .remedy("add --solver randomized or --solver auto"))
            }
            (SolverChoice::Randomized, _) => Ok(Solver::Randomized(self.randomized(seed))),
            _ => Ok(Solver::Exact),
        }
    }

    /// Whether random numbers may be needed.
    pub(super) fn may_be_random(&self) -> bool {
        self.solver != SolverChoice::Exact
    }

    fn randomized(&self, seed: u64) -> Randomized {
        Randomized { tolerance: self.tolerance.unwrap_or(1e-3), seed }
    }

    /// Refuses what the randomized solver is not for, if it is asked for by name, and tolerances
    /// that none can meet.
    pub(super) fn check(&self, options: &EofOptions) -> Result<()> {
        match options.solver {
            Solver::Randomized(asked) => asked.check(options),
            Solver::Exact if self.solver == SolverChoice::Auto => {
                let plain = EofOptions { modes: options.modes, ..EofOptions::default() };
                self.randomized(0).check(&plain)
            }
            Solver::Exact => Ok(()),
        }
    }
}

/// The options with a solver: `auto` is decided by estimates of the work, and says so.
pub(super) fn decide(
    job: &FoldJob<'_>,
    args: &EofArgs,
    open: &OpenFields,
    options: EofOptions,
    modes: usize,
) -> EofOptions {
    let (options, why) = decided(args, open, options, modes);
    if let Some(why) = why {
        job.verbosity.say(job.comm, || format!("solver: {why}"));
    }
    options
}

/// The options with a solver, and why it is that one, if there was a choice.
pub(super) fn decided(
    args: &EofArgs,
    open: &OpenFields,
    mut options: EofOptions,
    modes: usize,
) -> (EofOptions, Option<String>) {
    if args.solver.solver != SolverChoice::Auto {
        return (options, None);
    }
    let asked = args.solver.randomized(args.tests.seed);
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let cells = |f: &super::OpenField| {
        let grid = f.source.grid();
        let all: usize = f.source.variable().dims.iter().skip(1).map(|d| d.len).product();
        all - grid.excluded.iter().filter(|e| **e).count().min(all)
    };
    let (exact, randomized) = eof::costs(times, open.fields.iter().map(cells).sum(), modes);
    let why = if args.solver.tolerance.is_none() {
        "exact, as no --tolerance is given".to_owned()
    } else if let Err(e) = asked.check(&options) {
        format!("exact: {}", e.message)
    } else if randomized < exact {
        options.solver = Solver::Randomized(asked);
        format!("randomized, about {randomized:.1e} operations; exact about {exact:.1e}")
    } else {
        format!("exact, about {exact:.1e} operations; randomized about {randomized:.1e}")
    };
    (options, Some(why))
}

/// As it is written into outputs.
pub(super) fn describe(eof: &Eof) -> Vec<(String, String)> {
    let Some(found) = &eof.approximation else { return Vec::new() };
    vec![
        ("solver".to_owned(), "randomized".to_owned()),
        ("tolerance".to_owned(), found.asked.tolerance.to_string()),
        ("solver_seed".to_owned(), found.asked.seed.to_string()),
        ("solver_passes".to_owned(), found.passes.to_string()),
    ]
}

/// Adds the bounds to a file; `units` are those of eigenvalues.
pub(super) fn write(contents: &mut Contents, eof: &Eof, units: Option<&str>) {
    let Some(found) = &eof.approximation else { return };
    let mut about = Attributes::new()
        .with("long_name", "error bound: the covariance matrix has an eigenvalue within this distance of the one given")
        .with("comment", "norm of the residual C v - lambda v, with a bound of rounding errors; proven. That no larger eigenvalue is missed is probable, as the method starts from random vectors")
        .with("references", "Parlett (1998), The Symmetric Eigenvalue Problem, doi:10.1137/1.9781611971163; Halko et al. (2011), doi:10.1137/090771806");
    if let Some(units) = units {
        about.set("units", units);
    }
    // Bounds are of the modes before a rotation.
    let dim = if eof.rotation.is_some() { "unrotated_mode" } else { "mode" };
    contents.whole("eigenvalue_error_bound", [dim.to_owned()], Values::F64(found.bounds.clone()), about);
}

/// What a user sees of it.
pub(super) fn tell(eof: &Eof) -> Vec<String> {
    let Some(found) = &eof.approximation else { return Vec::new() };
    let largest = found.bounds.iter().fold(0.0f64, |m, b| m.max(*b));
    let worst = match eof.rotation {
        Some(_) => String::new(),
        None => format!(", {:.1e} of it", found.worst(&eof.eigenvalues)),
    };
    vec![format!(
        "randomized, {} passes with up to {} vectors: each eigenvalue is within {largest:.3e} of one of the \
         covariance{worst} (asked for {:.0e}); a missed one is improbable",
        found.passes, found.width, found.asked.tolerance
    )]
}
