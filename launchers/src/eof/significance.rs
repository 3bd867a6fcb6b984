//! Tests of significance: options, variables of the output, lines of the summary.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::contents::Contents;
use halocline_algorithms::eof::{Eof, Noise, NoiseCells, Resampling, Tests};
use halocline_core::meta::{AttributeValue, Attributes, Values};
use halocline_core::{Error, Result};
use halocline_io::output::Schema;
use std::fmt::Write as _;

/// Most replicates of either kind.
const MOST: usize = 1_000_000;

/// Which modes are more than chance.
#[derive(Debug, clap::Args)]
pub(crate) struct SignificanceArgs {
    /// Tests of the modes: sampling errors with effective sample sizes; the share of the variance
    /// that modes of white noise take, in N fields (1000); percentiles over N series (500) of
    /// times drawn with replacement
    #[arg(long, value_name = "north-effective,rule-n[:N],bootstrap[:N]", value_delimiter = ',')]
    pub(crate) significance: Vec<String>,
    /// Seed of the random numbers of tests and of the randomized solver: the same seed gives the same numbers on any ranks
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The probability that noise stays below the threshold of rule N, and that of the intervals
    /// of the bootstrap
    #[arg(long, value_name = "P", default_value_t = 0.95, requires = "significance")]
    pub(crate) confidence: f64,
    /// Cells of the noise of rule N: all cells with data, or the field's spatial degrees of
    /// freedom, (Σλ)² / Σλ²
    #[arg(long, value_name = "all|effective", value_enum, default_value_t = CellsChoice::All, hide_possible_values = true, requires = "significance")]
    pub(crate) rule_n_cells: CellsChoice,
    /// Successive times that the bootstrap draws together: as many as the series has memory
    #[arg(long, value_name = "L", default_value_t = 1, requires = "significance")]
    pub(crate) bootstrap_block: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CellsChoice {
    Effective,
    All,
}

impl SignificanceArgs {
    /// The tests as checked values.
    pub(crate) fn tests(&self) -> Result<Tests> {
        let mut tests = Tests { seed: self.seed, confidence: self.confidence, ..Tests::default() };
        for test in &self.significance {
            let (name, count) = test.split_once(':').map_or((test.as_str(), None), |(n, c)| (n, Some(c)));
            let replicates = |default: usize| match count.map_or(Ok(default), str::parse) {
                Ok(n) if (1..=MOST).contains(&n) => Ok(n),
                _ => Err(Error::usage(format!(
                    "--significance `{test}` has no number of replicates from 1 to {MOST}"
                ))),
            };
            let twice = match name {
                "north-effective" if count.is_none() => std::mem::replace(&mut tests.north_effective, true),
                "rule-n" => {
                    let cells = match self.rule_n_cells {
                        CellsChoice::Effective => NoiseCells::Effective,
                        CellsChoice::All => NoiseCells::All,
                    };
                    tests.rule_n.replace(Noise { replicates: replicates(1000)?, cells }).is_some()
                }
                "bootstrap" => {
                    let resampling = Resampling { replicates: replicates(500)?, block: self.bootstrap_block };
                    tests.bootstrap.replace(resampling).is_some()
                }
                _ => {
                    return Err(Error::usage(format!("--significance `{test}` is no test"))
                        .remedy("choose of north-effective, rule-n:1000 and bootstrap:500"))
                }
            };
            if twice {
                return Err(Error::usage(format!("--significance names {name} twice")));
            }
        }
        Ok(tests)
    }

    /// As it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<(String, String)> {
        if self.significance.is_empty() {
            return Vec::new();
        }
        vec![
            ("significance".to_owned(), self.significance.join(",")),
            ("seed".to_owned(), self.seed.to_string()),
            ("confidence".to_owned(), self.confidence.to_string()),
            ("rule_n_cells".to_owned(), super::word(&self.rule_n_cells)),
            ("bootstrap_block".to_owned(), self.bootstrap_block.to_string()),
        ]
    }
}

/// Matrices of times × times that the tests take on a rank, for the planner.
pub(super) fn matrices(tests: &Tests, times: usize, modes: usize) -> u64 {
    let replicates = tests.rule_n.map_or(0, |r| r.replicates) + tests.bootstrap.map_or(0, |b| b.replicates);
    // Replicates of all ranks, encoded, gathered and sorted.
    let numbers = replicates.saturating_mul(modes + 1).saturating_mul(5);
    let square = (times as u64).saturating_mul(times as u64).max(1);
    tests.matrices(halocline_core::threads::for_plans()).saturating_add((numbers as u64).div_ceil(square))
}

/// Adds the variables; `units` are those of eigenvalues.
///
/// # Errors
/// As of [`Schema::add_dim`].
pub(super) fn write(
    schema: &mut Schema,
    contents: &mut Contents,
    tests: &Tests,
    eof: &Eof,
    units: Option<&str>,
) -> Result<()> {
    let about = |long_name: &str, units: Option<&str>, references: &str| {
        let attributes = Attributes::new().with("long_name", long_name).with("references", references);
        match units {
            Some(units) => attributes.with("units", units),
            None => attributes,
        }
    };
    let mode = || ["mode".to_owned()];
    if let Some(north) = &eof.significance.north {
        let bretherton = "Bretherton et al. (1999), doi:10.1175/1520-0442(1999)012<1990:TENOSD>2.0.CO;2";
        let text =
            "effective sample size of the principal component, for its variance, from the sum over lags";
        contents.whole(
            "effective_sample_size",
            mode(),
            Values::F64(north.lags.clone()),
            about(text, Some("1"), bretherton),
        );
        let text = "effective sample size of the principal component, for its variance, from the autocorrelation at lag 1";
        contents.whole(
            "effective_sample_size_lag1",
            mode(),
            Values::F64(north.lag1.clone()),
            about(text, Some("1"), bretherton),
        );
        let cited = "North et al. (1982), doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2";
        let text = "sampling error of the eigenvalue with the effective sample size of the sum over lags";
        contents.whole(
            "north_error_effective",
            mode(),
            Values::F64(north.errors.clone()),
            about(text, units, cited),
        );
        let flags = north.separated.iter().map(|s| i32::from(*s)).collect();
        let text = "whether the eigenvalue differs from its neighbours in the file by more than both errors";
        let attributes = about(text, None, cited)
            .with("flag_values", AttributeValue::Integers(vec![0, 1]))
            .with("flag_meanings", "overlapping separated");
        contents.whole("separated", mode(), Values::I32(flags), attributes);
    }
    if let (Some(found), Some(noise)) = (&eof.significance.rule_n, &tests.rule_n) {
        let cited = "Overland and Preisendorfer (1982), doi:10.1175/1520-0493(1982)110<0001:ASTFPC>2.0.CO;2";
        let cells = match noise.cells {
            NoiseCells::Effective => "the spatial degrees of freedom of the field",
            NoiseCells::All => "all cells with data",
        };
        let more = |attributes: Attributes| {
            attributes
                .with("noise_cells", found.cells)
                .with("noise_cells_are", cells)
                .with("replicates", noise.replicates as i64)
        };
        let text = "fraction of the total variance that the mode of white noise stays below";
        let threshold = more(about(text, Some("1"), cited)).with("confidence", tests.confidence);
        contents.whole("rule_n_threshold", mode(), Values::F64(found.thresholds.clone()), threshold);
        let text =
            "share of fields of white noise whose mode takes as large a fraction of the total variance";
        contents.whole(
            "rule_n_p_value",
            mode(),
            Values::F64(found.p_values.clone()),
            more(about(text, Some("1"), cited)),
        );
    }
    if let (Some(found), Some(resampling)) = (&eof.significance.bootstrap, &tests.bootstrap) {
        schema.add_dim("percentile", found.probabilities.len())?;
        let percent = found.probabilities.iter().map(|p| 100.0 * p).collect();
        let text = "percentile over bootstrap replicates";
        let dims = ["percentile".to_owned()];
        contents.whole(
            "percentile",
            dims,
            Values::F64(percent),
            Attributes::new().with("long_name", text).with("units", "percent"),
        );
        let cited = "Künsch (1989), doi:10.1214/aos/1176347265";
        let both = || ["percentile".to_owned(), "mode".to_owned()];
        let more = |attributes: Attributes| {
            attributes
                .with("replicates", resampling.replicates as i64)
                .with("block_length", resampling.block as i64)
        };
        let text = "percentiles of the eigenvalue over times drawn with replacement";
        contents.whole(
            "eigenvalue_bootstrap",
            both(),
            Values::F64(found.eigenvalues.concat()),
            more(about(text, units, cited)),
        );
        let text = "percentiles of the fraction of the total variance over times drawn with replacement";
        contents.whole(
            "variance_fraction_bootstrap",
            both(),
            Values::F64(found.fractions.concat()),
            more(about(text, Some("1"), cited)),
        );
    }
    Ok(())
}

/// The head of further columns of the summary.
pub(super) fn head(eof: &Eof) -> String {
    let mut head = String::new();
    let found = &eof.significance;
    if found.north.is_some() {
        head += "  samples    eff. error";
    }
    if found.rule_n.is_some() {
        head += "  rule N below  p-value";
    }
    if found.bootstrap.is_some() {
        head += "  bootstrapped variance";
    }
    head
}

/// Those columns of mode `k`.
pub(super) fn row(eof: &Eof, k: usize) -> String {
    let mut row = String::new();
    let found = &eof.significance;
    if let Some(north) = &found.north {
        let mixed = if north.separated[k] { ' ' } else { '~' };
        let error = 100.0 * north.errors[k] / eof.total_variance;
        let _ = write!(row, "  {:>7.1}  {error:>9.2} %{mixed}", north.lags[k]);
    }
    if let Some(noise) = &found.rule_n {
        let _ = if noise.thresholds[k].is_nan() {
            write!(row, "  {:>12}  {:>7}", "-", "-")
        } else {
            write!(row, "  {:>10.2} %  {:>7.4}", 100.0 * noise.thresholds[k], noise.p_values[k])
        };
    }
    if let Some(bootstrap) = &found.bootstrap {
        let at = |q: usize| 100.0 * bootstrap.fractions[q][k];
        let _ = write!(row, "  {:>7.2} % .. {:>6.2} %", at(0), at(2));
    }
    row
}

/// What is to be known of those columns.
pub(super) fn notes(tests: &Tests, eof: &Eof) -> Vec<String> {
    let mut notes = Vec::new();
    let found = &eof.significance;
    if found.north.as_ref().is_some_and(|n| n.separated.contains(&false)) {
        notes.push(
            "note: ~ marks modes within sampling errors of a neighbour, which are mixed with it".into(),
        );
    }
    if let (Some(noise), Some(asked)) = (&found.rule_n, &tests.rule_n) {
        let cells = match asked.cells {
            NoiseCells::Effective => {
                format!("{:.1} cells, the spatial degrees of freedom of the field", noise.cells)
            }
            NoiseCells::All => format!("{} cells, all with data", noise.cells),
        };
        notes.push(format!("rule N: {} fields of white noise of {cells}", asked.replicates));
    }
    notes
}
