//! Leading modes without the covariance: a block Krylov method, each step of which is a pass over
//! the data, until a bound of the errors is small enough.

use super::gram::Shared;
use super::kernels::{factors, wanted, Solved};
use super::options::{EofOptions, Method, Missing, Precision, Randomized};
use super::products::products_of;
use super::EofField;
use crate::modes::{ritz_pairs, temporal_vectors, Convention, KrylovSpace, RitzPairs};
use crate::symmetric::{Eigenpairs, STRIP};
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};

/// Passes at most: a space of so many blocks finds what there is, or the spectrum is so flat that
/// the whole covariance is the better choice.
const PASSES: usize = 24;

/// Passes in single precision, at most, before it is seen what they are worth.
const ROUGH_PASSES: usize = 8;

/// Smaller tolerances are not tried in single precision: its rounding errors are larger.
const SINGLES_TOLERANCE: f64 = 1e-4;

/// Eigenvalues below this share of the first are not asked to meet the tolerance: they are
/// rounding, and refused or left out.
const ROUNDING: f64 = 1e-13;

/// How well modes are known that come from passes over the data instead of the covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct Approximation {
    /// What was asked for.
    pub asked: Randomized,
    /// For each mode (before a rotation) a distance, in units of the eigenvalue, within which the
    /// covariance has an eigenvalue: the norm of the residual C v − λ v, and a bound of the rounding
    /// errors in it.
    pub bounds: Vec<f64>,
    /// Passes over the data until then.
    pub passes: usize,
    /// Vectors that were multiplied in a pass.
    pub width: usize,
}

impl Approximation {
    /// The largest of bound / eigenvalue.
    pub fn worst(&self, eigenvalues: &[f64]) -> f64 {
        self.bounds.iter().zip(eigenvalues).map(|(b, l)| b / l).fold(0.0, f64::max)
    }
}

impl Randomized {
    /// Refuses what the method is not for.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage), naming it.
    pub fn check(&self, options: &EofOptions) -> Result<()> {
        if !(self.tolerance >= LEAST_TOLERANCE && self.tolerance < 1.0) {
            return Err(Error::usage(format!("a tolerance of {} can't be met", self.tolerance))
                .remedy(format!("choose one between {LEAST_TOLERANCE:e} and 1, such as 1e-3")));
        }
        let what = match &options.method {
            Method::Extended(_) => "extended EOFs need",
            Method::Complex(_) => "complex EOFs need",
            Method::Plain if options.missing != Missing::Refuse => "the treatment of gaps needs",
            Method::Plain if options.tests.needs_kernel() => {
                "the bootstrap and the effective number of cells of rule N need"
            }
            Method::Plain if matches!(options.convention, Some(Convention::Cdo { .. })) => {
                "coefficients as CDO has them need"
            }
            Method::Plain => return Ok(()),
        };
        Err(Error::usage(format!("{what} the whole covariance, and the randomized solver has none"))
            .remedy("use the exact solver"))
    }
}

/// A residual can't be told from rounding errors below this share of an eigenvalue.
const LEAST_TOLERANCE: f64 = 1e-9;

/// Bytes of rank 0 for `modes` modes of `times` times.
pub(super) fn solver_bytes(times: usize, modes: usize) -> u64 {
    KrylovSpace::bytes(times, modes, PASSES)
}

/// Vectors that are multiplied in a pass.
pub(super) fn width(times: usize, modes: usize) -> usize {
    KrylovSpace::width(times, modes)
}

/// An estimate of the floating-point operations of the way, for comparison with the exact one: as
/// many passes as smooth spectra take, each with two products, and the anomalies of each.
pub(super) fn cost(times: f64, cells: f64, modes: f64) -> f64 {
    /// Passes until a bound of about 10⁻³; that of the maps, which all methods have, is left out.
    const USUAL: f64 = 4.0;
    /// What it takes to make the anomaly of a value, in operations of a product.
    const ANOMALY: f64 = 40.0;
    USUAL * times * cells * (4.0 * (modes + 10.0) + ANOMALY)
}

/// By how much products in double precision may be off, as a share of the trace: of sums over
/// times and over the cells of a strip, and of the sums of those, which are in pairs.
fn rounding(times: usize, space: usize) -> f64 {
    let terms = (times + STRIP + 64) as f64;
    terms * f64::EPSILON / 2.0 * (space as f64).sqrt()
}

/// The modes, cells with data of each field, and how good they are.
///
/// # Collective
/// Every rank calls this.
pub(super) fn solve(
    engine: &Engine,
    fields: &[(EofField<'_>, Shared<'_>)],
    options: &EofOptions,
    asked: &Randomized,
) -> Result<(Solved, Vec<usize>, Approximation)> {
    let n = fields.first().map_or(0, |(_, shared)| shared.times);
    let most = super::modes_at_most(options, n);
    let mut passes = Passes { engine, fields, options, factors: Vec::new(), counts: Vec::new(), trace: 0.0 };
    let mut space = engine.comm().is_root().then(|| KrylovSpace::new(n, most, asked.seed));
    let (mut count, mut done) = (most, 0);
    // Of rougher products the residual tells about as much as that of exact ones, but proves nothing.
    let mut rough = options.precision == Precision::Mixed && asked.tolerance >= SINGLES_TOLERANCE;
    let mut width = 0;
    loop {
        let block = engine.finish_single(space.as_ref(), |space| Ok(space.block()))?;
        width = width.max(block.len() / n.max(1));
        let products = passes.multiply(&block, if rough { Precision::Mixed } else { Precision::Double })?;
        done += 1;
        if done == 1 {
            count = wanted(options, n, passes.counts.iter().sum())?;
        }
        let grown = space.as_mut().zip(products);
        let mut pairs = engine.finish_single(grown, |(space, products)| space.grow(&products, count))?;
        let mut is_found = pairs.complete || pairs.worst(ROUNDING) <= asked.tolerance;
        if rough && (pairs.complete || pairs.worst(ROUNDING) <= 0.5 * asked.tolerance || done >= ROUGH_PASSES)
        {
            let products = passes.multiply(&pairs.vectors, Precision::Double)?;
            done += 1;
            let sharp = engine.finish_single(products, |p| ritz_pairs(n, &pairs.vectors, &p))?;
            is_found = sharp.worst(ROUNDING) <= asked.tolerance;
            if !is_found {
                // Single precision can't do it: on from here in double.
                rough = false;
                space = space.map(|_| KrylovSpace::from_vectors(n, count, asked.seed, &sharp.vectors));
            }
            pairs = sharp;
        } else if rough {
            is_found = false;
        }
        if is_found {
            return Ok(passes.solved(pairs, n, (*asked, done, width, done * width)));
        }
        if done >= PASSES {
            return Err(not_met(asked, done));
        }
    }
}

fn not_met(asked: &Randomized, passes: usize) -> Error {
    Error::usage(format!(
        "the error bound of the randomized solver is above the tolerance of {:e} after {passes} passes",
        asked.tolerance
    ))
    .remedy("choose a larger --tolerance, fewer --modes, or --solver exact")
}

/// Passes over all fields.
struct Passes<'a> {
    engine: &'a Engine,
    fields: &'a [(EofField<'a>, Shared<'a>)],
    options: &'a EofOptions,
    /// What each field is multiplied by, known after the first pass.
    factors: Vec<f64>,
    counts: Vec<usize>,
    trace: f64,
}

impl Passes<'_> {
    /// Σ f² G B over the fields, on rank 0.
    fn multiply(&mut self, block: &[f64], precision: Precision) -> Result<Option<Vec<f64>>> {
        let (mut parts, mut counts) = (Vec::new(), Vec::new());
        for (field, shared) in self.fields {
            let how = (precision, self.counts.is_empty());
            let (products, survey) = products_of(self.engine, field, shared, block, how)
                .map_err(|e| e.in_variable(field.name()))?;
            parts.push(products);
            counts.extend(survey.map(|survey| survey.cells));
        }
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        if self.counts.is_empty() {
            self.counts = counts;
            let traces = parts.as_ref().map(|parts| parts.iter().map(|p| p.trace).collect::<Vec<_>>());
            let times = self.fields.first().map_or(0, |(_, shared)| shared.times);
            let names: Vec<&str> = self.fields.iter().map(|(field, _)| field.name()).collect();
            let scaling = &self.options.fields;
            (self.factors, self.trace) = self.engine.finish_single(traces, |traces| {
                let factors = factors(&traces, times, &names, scaling)?;
                let trace = factors.iter().zip(&traces).map(|(f, t)| f * f * t).sum();
                Ok((factors, trace))
            })?;
        }
        let factors = &self.factors;
        Ok(parts.map(|parts| {
            let mut sum = vec![0.0; block.len()];
            for (f, part) in factors.iter().zip(&parts) {
                sum.iter_mut().zip(&part.columns).for_each(|(s, v)| *s += f * f * v);
            }
            sum
        }))
    }

    fn solved(
        self,
        pairs: RitzPairs,
        n: usize,
        (asked, passes, width, space): (Randomized, usize, usize, usize),
    ) -> (Solved, Vec<usize>, Approximation) {
        let floor = rounding(n, space) * self.trace;
        let scale = n as f64 - 1.0;
        let bounds = pairs.residuals.iter().map(|r| (r + floor) / scale).collect();
        let pairs = Eigenpairs { values: pairs.values, vectors: pairs.vectors, trace: self.trace };
        let columns = temporal_vectors(&pairs);
        let solved = Solved {
            times: n,
            values: pairs.values,
            trace: pairs.trace,
            units: pairs.vectors,
            imaginary: Vec::new(),
            columns,
            factors: self.factors,
        };
        (solved, self.counts, Approximation { asked, bounds, passes, width })
    }
}
