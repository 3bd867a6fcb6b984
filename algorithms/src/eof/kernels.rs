//! From fields to their kernels, which rank 0 holds, and from kernels to modes.

use super::gram::{GramFold, Shared};
use super::options::{EofOptions, FieldScaling, Method, Modes};
use super::survey::Survey;
use super::{cells, spatial, Covariance, EofField};
use crate::modes::{lagged_vector, ComplexModes, Hilbert, Kernel};
use crate::symmetric::SymmetricSum;
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// An eigenvalue below this share of the first is rounding, not variance.
const RANK: f64 = 1e-13;

/// The kernel of a field, on rank 0, and what was seen of the field.
pub(super) struct FieldKernel {
    pub(super) kernel: Option<Kernel>,
    pub(super) survey: Survey,
    pub(super) covariance: Covariance,
}

/// One pass over a field.
///
/// # Collective
/// Every rank calls this.
pub(super) fn kernel_of(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
    options: &EofOptions,
) -> Result<FieldKernel> {
    let dims = &field.source.variable().dims;
    let covariance = Covariance::of(shared.times, cells(dims, field.input.excluded), &options.missing);
    match covariance {
        Covariance::Temporal => {
            let (sum, survey) = gram_of(engine, field, shared, options)?;
            Ok(FieldKernel { kernel: sum.as_ref().map(Kernel::from), survey, covariance })
        }
        Covariance::Spatial => {
            let (anomalies, survey, valid) = spatial::anomalies(engine, field, shared)?;
            let kernel = spatial::factor(engine, &anomalies, &valid)?;
            Ok(FieldKernel { kernel, survey, covariance })
        }
    }
}

/// The covariance between times, on rank 0.
///
/// # Collective
/// Every rank calls this.
pub(super) fn gram_of(
    engine: &Engine,
    field: &EofField<'_>,
    shared: &Shared<'_>,
    options: &EofOptions,
) -> Result<(Option<SymmetricSum>, Survey)> {
    let fold = GramFold::new(shared, options.precision);
    let state = engine.fold_series(field.source, field.plan, &fold)?.pop().map(|(_, state)| state);
    let survey = engine.finish_single(state.as_ref(), |state| Ok(state.survey.clone()))?;
    survey.check(field.input.locate)?;
    Ok((engine.to_root(state.map(|state| state.sum))?, survey))
}

/// Modes as a solver finds them; vectors stand one after the other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Solved {
    /// Records that principal components have.
    pub(super) times: usize,
    /// Eigenvalues of the sum of squares, s².
    pub(super) values: Vec<f64>,
    pub(super) trace: f64,
    /// Unit vectors over time.
    pub(super) units: Vec<f64>,
    /// Their imaginary parts, if they are complex.
    pub(super) imaginary: Vec<f64>,
    /// z, all records each, with maps f w Xᵀ z of unit norm: for each mode as many as
    /// [`Method::maps`].
    pub(super) columns: Vec<f64>,
    /// f: what each field was multiplied by.
    pub(super) factors: Vec<f64>,
}

impl Method {
    /// Maps of a mode.
    pub(super) fn maps(&self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Extended(lags) => lags.len(),
            Self::Complex(_) => 2,
        }
    }
    /// The records that principal components belong to.
    ///
    /// # Errors
    /// Usage, if lags leave fewer than two, or there is no lag 0 among them.
    pub fn times(&self, times: usize) -> Result<std::ops::Range<usize>> {
        let Self::Extended(lags) = self else { return Ok(0..times) };
        let (Some(&first), Some(&last)) = (lags.iter().min(), lags.iter().max()) else {
            return Err(Error::usage("there are no lags"));
        };
        if first > 0 || last < 0 {
            return Err(
                Error::usage("lag 0 is not between the lags").remedy("choose lags such as 0..11 or -6..6")
            );
        }
        let start = usize::try_from(-first).unwrap_or(usize::MAX);
        let end = times.saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
        if start.saturating_add(2) > end {
            return Err(Error::usage(format!(
                "lags from {first} to {last} leave less than two of {times} records"
            ))
            .remedy("choose shorter lags"));
        }
        Ok(start..end)
    }
}

/// How many modes are computed, of as many as there are.
pub(super) fn wanted(options: &EofOptions, times: usize, cells: usize) -> Result<usize> {
    let limit = options.most_modes(times).min(cells);
    match options.modes {
        Modes::UpTo(modes) => Ok(modes.min(limit)),
        Modes::Exactly(modes) if (1..=limit).contains(&modes) => Ok(modes),
        Modes::Exactly(modes) => Err(Error::usage(format!(
            "{modes} modes are asked for, there are at most {limit}"
        ))
        .remedy(format!("choose --modes between 1 and {limit} ({times} times, {cells} cells with data)"))),
    }
}

/// The modes of these kernels together.
pub(super) fn solve(
    kernels: &[Kernel],
    names: &[&str],
    options: &EofOptions,
    modes: usize,
) -> Result<Solved> {
    let n = kernels.first().map_or(0, Kernel::n);
    let traces: Vec<f64> = kernels.iter().map(Kernel::trace).collect();
    let factors = factors(&traces, n, names, &options.fields)?;
    let together = if let [only] = kernels {
        only.clone()
    } else {
        let parts: Vec<(f64, &Kernel)> = factors.iter().copied().zip(kernels).collect();
        Kernel::scaled_sum(&parts)?
    };
    match &options.method {
        Method::Plain => {
            let pairs = together.leading(modes)?;
            let columns = crate::modes::temporal_vectors(&pairs);
            Ok(Solved {
                times: n,
                values: pairs.values,
                trace: pairs.trace,
                units: pairs.vectors,
                imaginary: Vec::new(),
                columns,
                factors,
            })
        }
        Method::Extended(lags) => {
            let times = options.method.times(n)?;
            let first = lags.iter().copied().min().unwrap_or(0);
            let offsets: Vec<usize> = lags.iter().map(|l| (l - first) as usize).collect();
            let extended = together.extended(&offsets)?;
            let pairs = extended.leading(modes)?;
            let z = crate::modes::temporal_vectors(&pairs);
            let mut columns = Vec::with_capacity(z.len() / times.len() * lags.len() * n);
            for vector in z.chunks(times.len()) {
                for &offset in &offsets {
                    columns.extend(lagged_vector(vector, offset, n)?);
                }
            }
            Ok(Solved {
                times: times.len(),
                values: pairs.values,
                trace: pairs.trace,
                units: pairs.vectors,
                imaginary: Vec::new(),
                columns,
                factors,
            })
        }
        Method::Complex(padding) => {
            let hilbert = Hilbert::new(n, *padding)?;
            let found = ComplexModes::leading(&together, &hilbert, modes)?;
            let pair = found.temporal_vectors(&hilbert);
            let parts = pair.real.chunks(n).zip(pair.imaginary.chunks(n));
            let columns = parts.flat_map(|(re, im)| re.iter().chain(im).copied()).collect();
            Ok(Solved {
                times: n,
                values: found.values,
                trace: found.trace,
                units: found.real,
                imaginary: found.imaginary,
                columns,
                factors,
            })
        }
    }
}

/// What each field is multiplied by; `traces` are those of the kernels, of `n` times.
pub(super) fn factors(traces: &[f64], n: usize, names: &[&str], scaling: &FieldScaling) -> Result<Vec<f64>> {
    match scaling {
        _ if traces.len() == 1 => Ok(vec![1.0]),
        FieldScaling::None => Ok(vec![1.0; traces.len()]),
        FieldScaling::Given(factors) if factors.len() == traces.len() => Ok(factors.clone()),
        FieldScaling::Given(factors) => {
            Err(Error::usage(format!("{} factors are given for {} variables", factors.len(), traces.len())))
        }
        FieldScaling::Variance => traces
            .iter()
            .zip(names)
            .map(|(trace, name)| {
                let variance = trace / (n as f64 - 1.0);
                check_variance(variance).map_err(|e| e.in_variable(*name))?;
                Ok(1.0 / variance.sqrt())
            })
            .collect(),
    }
}

impl Solved {
    /// Keeps the first `modes` modes.
    pub(super) fn keep(&mut self, modes: usize) {
        let had = self.values.len().max(1);
        self.values.truncate(modes);
        for vectors in [&mut self.units, &mut self.imaginary, &mut self.columns] {
            let each = vectors.len() / had;
            vectors.truncate(each * modes);
        }
    }
}

/// How many of descending eigenvalues are variance, not rounding, `error` being what products in
/// single precision may add.
pub(super) fn rank(values: &[f64], error: f64) -> usize {
    let first = values.first().copied().unwrap_or(0.0);
    values.iter().take_while(|v| **v > RANK * first && **v > error).count()
}

/// Refuses modes that are rounding.
pub(super) fn check_rank(eigenvalues: &[f64], total: f64, error: f64) -> Result<()> {
    let first = eigenvalues.first().copied().unwrap_or(0.0);
    check_variance(total.min(first))?;
    let rank = rank(eigenvalues, error);
    if rank < eigenvalues.len() {
        return Err(Error::usage(format!(
            "{} modes are asked for, but only {rank} have variance above rounding",
            eigenvalues.len()
        ))
        .remedy(format!("choose --modes {rank} or fewer")));
    }
    Ok(())
}

/// Refuses a variance that is none, or no number.
pub(super) fn check_variance(variance: f64) -> Result<()> {
    if variance.is_finite() && variance > 0.0 {
        Ok(())
    } else if variance.is_finite() {
        Err(no_variance())
    } else {
        Err(Error::data("the variance overflows or is not a number")
            .remedy("look for absurd values in the data"))
    }
}

pub(super) fn no_variance() -> Error {
    Error::data("the anomalies have no variance").remedy("choose another --anomaly, --time or --box")
}
