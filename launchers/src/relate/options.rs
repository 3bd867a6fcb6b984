//! The options of `halocline relate` as checked values.

use super::index::{Series, With};
use super::RelateArgs;
use crate::common::check_once;
use crate::pairs;
use halocline_algorithms::statistics::relate::{Quantity, Treatment, Wanted};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::PathBuf;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelateOp {
    Correlation,
    Regression,
    Covariance,
    Composite,
}

const OPS: [(&str, RelateOp); 4] = [
    ("correlation", RelateOp::Correlation),
    ("regression", RelateOp::Regression),
    ("covariance", RelateOp::Covariance),
    ("composite", RelateOp::Composite),
];

impl RelateOp {
    pub(super) fn name(self) -> &'static str {
        OPS.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }
}

pub(super) fn parse_op(word: &str) -> std::result::Result<RelateOp, String> {
    OPS.iter().find(|(name, _)| *name == word).map(|(_, op)| *op).ok_or_else(|| {
        let all: Vec<&str> = OPS.iter().map(|(name, _)| *name).collect();
        format!("there is no such operation; there are {}", all.join(", "))
    })
}

/// Lags in the order of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lags(pub(super) Vec<i64>);

/// Lags and results that a user can want at once.
const MOST: i64 = 10_000;

pub(super) fn parse_lags(text: &str) -> std::result::Result<Lags, String> {
    let whole = |word: &str| {
        let n = word.trim().parse::<i64>().ok().filter(|n| n.unsigned_abs() < 1 << 31);
        n.ok_or_else(|| format!("`{word}` is no lag; write whole steps, as in -12..12 or 0,3,6"))
    };
    if let Some((a, b)) = text.split_once("..") {
        let (a, b) = (whole(a)?, whole(b)?);
        return match b - a {
            0..MOST => Ok(Lags((a..=b).collect())),
            n if n < 0 => Err("the first lag is behind the last".to_owned()),
            n => Err(format!("{} lags are more than {MOST}", n + 1)),
        };
    }
    let mut lags = text.split(',').map(whole).collect::<std::result::Result<Vec<i64>, String>>()?;
    let asked = lags.len();
    lags.sort_unstable();
    lags.dedup();
    if lags.len() < asked || asked as i64 > MOST {
        return Err(format!("name each lag once, and at most {MOST}"));
    }
    Ok(Lags(lags))
}

impl With {
    /// The files that it is read from, which an output must not replace.
    pub(crate) fn files(&self, text: &str) -> Vec<PathBuf> {
        match self {
            Self::Field(source) => source.files().iter().map(|f| PathBuf::from(&f.path)).collect(),
            Self::Index(_) => {
                vec![PathBuf::from(text), PathBuf::from(text.rsplit_once(':').map_or(text, |(file, _)| file))]
            }
        }
    }
    /// What is read in lockstep: the variable, and the field if it is one.
    pub(crate) fn beside<'a>(&'a self, source: &'a Source) -> Vec<&'a Source> {
        match self {
            Self::Field(field) => vec![source, field],
            Self::Index(_) => vec![source],
        }
    }
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Field(source) => &source.variable().name,
            Self::Index(series) => &series.name,
        }
    }
    /// Its units, if it states any.
    pub(crate) fn units(&self) -> Option<&str> {
        match self {
            Self::Field(source) => source.variable().units(),
            Self::Index(series) => series.units.as_deref(),
        }
    }
}

/// Mean and standard deviation (divided by n − 1) of what is not missing.
fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let there: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let n = there.len() as f64;
    let mean = there.iter().sum::<f64>() / n;
    let square: f64 = there.iter().map(|v| (v - mean) * (v - mean)).sum();
    let varies = there.iter().any(|v| *v != there[0]);
    (there.len() > 1 && varies).then(|| (mean, (square / (n - 1.0)).sqrt()))
}

impl RelateArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.op.iter().map(|op| op.name()).collect::<Vec<_>>())?;
        let wants = |op| self.op.contains(&op);
        if !(self.alpha() > 0.0 && self.alpha() < 1.0) {
            return Err(Error::usage(format!("--alpha {} is no level between 0 and 1", self.alpha())));
        }
        if self.alpha.is_some() && self.op.iter().all(|op| *op == RelateOp::Covariance) {
            return Err(Error::usage("--alpha is of tests, and a covariance has none")
                .remedy("add --op correlation, regression or composite"));
        }
        if self.ddof.is_some() && !wants(RelateOp::Covariance) && !self.standardize {
            return Err(Error::usage("--ddof is of covariances and of --standardize").remedy("leave it out"));
        }
        if self.threshold.is_some_and(|t| !(t.is_finite() && t >= 0.0)) {
            return Err(Error::usage("--threshold takes standard deviations, 0 or more"));
        }
        if self.threshold.is_some() && !wants(RelateOp::Composite) {
            return Err(Error::usage("--threshold is of composites").remedy("add --op composite"));
        }
        if self.standardize && !wants(RelateOp::Regression) {
            return Err(Error::usage("--standardize is of regressions").remedy("add --op regression"));
        }
        if self.detrend && wants(RelateOp::Composite) {
            return Err(Error::usage("composites are of values as they are: they take no --detrend")
                .remedy("ask for them in a run of their own"));
        }
        Ok(())
    }

    /// What depends on what the variable is related to.
    pub(super) fn check_with(&self, with: &With) -> Result<()> {
        let With::Index(series) = with else {
            if self.op.contains(&RelateOp::Composite) {
                return Err(Error::usage("composites need an index, and `--with` names a field"));
            }
            return Ok(());
        };
        let blame = |e: Error| e.in_file(&self.with);
        if spread(&series.index.values).is_none() {
            return Err(blame(Error::data("the index does not vary: nothing can be related to it")));
        }
        Ok(())
    }

    /// Refuses lags at which no time of the variable has an index.
    pub(super) fn check_lags(&self, series: &Series, times: usize) -> Result<()> {
        let none = |lag: &&i64| (0..times).all(|t| series.index.at(t, **lag).is_nan());
        match self.lag_list().iter().find(none) {
            None => Ok(()),
            Some(0) => {
                Err(Error::data("the index is missing at all times of the variable").in_file(&self.with))
            }
            Some(lag) => Err(Error::usage(format!("at lag {lag}, no time of the variable has an index"))
                .remedy("ask for shorter lags")),
        }
    }

    /// Refuses lags at which no time of the variable has one of the other field.
    pub(super) fn check_shifts(&self, times: usize) -> Result<()> {
        match self.lag_list().iter().find(|lag| lag.unsigned_abs() >= times as u64) {
            None => Ok(()),
            Some(lag) => Err(Error::usage(format!("at lag {lag}, no two of {times} times go together"))
                .remedy("ask for shorter lags")),
        }
    }

    /// What there is to say of lags where steps in time are uneven.
    ///
    /// # Errors
    /// Usage, if a lag has no pairs.
    pub(super) fn notes(&self, source: &Source, with: &With) -> Result<Vec<String>> {
        if self.lag_list() == [0] {
            return Ok(Vec::new());
        }
        match (pairs::numbered(&pairs::dates(source)?, source.time().calendar), with) {
            (Some(numbers), With::Field(_)) => self.check_gaps(&numbers),
            (Some(_), With::Index(_)) => Ok(Vec::new()),
            (None, _) => {
                Ok(vec!["note: steps in time are uneven: lags count times, however far apart".to_owned()])
            }
        }
    }

    /// What there is to say of lags of two fields with gaps in time, whose steps are numbered: they are
    /// read side by side, as many times apart as the lag, so that pairs with a gap between them are lost.
    ///
    /// # Errors
    /// Usage, if a lag has none left.
    fn check_gaps(&self, numbers: &[usize]) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for lag in self.lag_list() {
            let by = lag.unsigned_abs() as usize;
            let of_steps = numbers.iter().filter(|&n| numbers.binary_search(&(n + by)).is_ok()).count();
            let read =
                numbers.iter().skip(by).zip(numbers).filter(|(late, early)| *late - *early == by).count();
            if read == 0 {
                return Err(Error::usage(format!(
                    "at lag {lag}, no two of the times go together: there are gaps in time, over which two fields are not paired"
                ))
                .remedy("ask for shorter lags, or fill gaps with missing values first"));
            }
            if read < of_steps {
                notes.push(format!(
                    "note: at lag {lag}, {read} of {of_steps} pairs of times count: two fields are not paired over gaps in time"
                ));
            }
        }
        Ok(notes)
    }

    /// The level of tests over the whole map.
    pub(super) fn alpha(&self) -> f64 {
        self.alpha.unwrap_or(0.05)
    }

    /// What is subtracted from the number of pairs.
    pub(super) fn ddof(&self) -> u8 {
        self.ddof.unwrap_or(1)
    }

    /// The lags, 0 alone unless others are asked for.
    pub(super) fn lag_list(&self) -> Vec<i64> {
        self.lags.as_ref().map_or_else(|| vec![0], |lags| lags.0.clone())
    }

    /// What the index has to be above or below for composites: mean and standard deviation over
    /// the times of the variable.
    pub(super) fn thresholds(&self, series: &Series, times: usize) -> Result<Option<[f64; 2]>> {
        if !self.op.contains(&RelateOp::Composite) {
            return Ok(None);
        }
        let during: Vec<f64> = (0..times).map(|t| series.index.at(t, 0)).collect();
        let (mean, std) = spread(&during).ok_or_else(|| {
            Error::data("the index does not vary during the times of the variable").in_file(&self.with)
        })?;
        let far = self.threshold.unwrap_or(1.0) * std;
        Ok(Some([mean + far, mean - far]))
    }

    pub(super) fn wanted(&self) -> Wanted {
        let wants = |op| self.op.contains(&op);
        let tested = wants(RelateOp::Correlation) || wants(RelateOp::Regression);
        Wanted { moments: tested || wants(RelateOp::Covariance), neighbours: tested, trend: self.detrend }
    }

    pub(super) fn treatment(&self) -> Treatment {
        Treatment { detrend: self.detrend, standardize: self.standardize, ddof: self.ddof() }
    }

    /// What is computed at every cell, in the order of the file.
    pub(super) fn quantities(&self) -> Vec<Quantity> {
        let wants = |op| self.op.contains(&op);
        let mut all = Vec::new();
        if wants(RelateOp::Correlation) {
            all.push(Quantity::Correlation);
        }
        if wants(RelateOp::Regression) {
            all.push(Quantity::Slope);
            // Of series without mean there is none to speak of.
            all.extend((!self.detrend).then_some(Quantity::Intercept));
        }
        if wants(RelateOp::Covariance) {
            all.push(Quantity::Covariance);
        }
        if wants(RelateOp::Correlation) || wants(RelateOp::Regression) {
            all.extend([Quantity::PValue, Quantity::EffectiveSize]);
        }
        if self.wanted().moments {
            all.push(Quantity::Pairs);
        }
        if wants(RelateOp::Composite) {
            all.extend([Quantity::High, Quantity::Low, Quantity::Difference, Quantity::DifferencePValue]);
            all.extend([Quantity::HighCount, Quantity::LowCount]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags() {
        assert_eq!(parse_lags("-2..1").expect("a range"), Lags(vec![-2, -1, 0, 1]));
        assert_eq!(parse_lags("6,0,-3").expect("a list"), Lags(vec![-3, 0, 6]));
        assert_eq!(parse_lags("4").expect("one"), Lags(vec![4]));
        for text in ["", "a", "1..", "3..1", "0,0", "1.5", "0..100000000", "-99999999999999999999..0"] {
            assert!(parse_lags(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spreads() {
        assert_eq!(spread(&[1.0, f64::NAN, 3.0]), Some((2.0, 2.0_f64.sqrt())));
        assert!(spread(&[0.1; 30]).is_none() && spread(&[]).is_none() && spread(&[f64::NAN, 1.0]).is_none());
    }
}
