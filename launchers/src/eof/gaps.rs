//! Gaps in the data: the options, and what is written and told of the filling.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::contents::Contents;
use crate::cf;
use halocline_algorithms::eof::{Covariance, Dineof, Filled, Missing, Paired, Pairwise};
use halocline_core::meta::{Attributes, Values};
use halocline_core::{Error, Result};
use halocline_io::output::Schema;

/// What becomes of cells that are missing at some times.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GapArgs {
    /// Cells missing at some times only: refuse them; fill their gaps by DINEOF, from K modes or
    /// from as many, up to --modes, as cross-validation finds best; or (eof only) sum covariances
    /// over what both of a pair have, of cells, or of times where there are fewer, unless told
    #[arg(long, value_name = "refuse|dineof[:K]|pairwise[:cells|times]", default_value = "refuse")]
    pub(crate) missing: String,
    /// With --missing pairwise: leave out cells with less than so many percent of their values
    /// there [default: 50]
    #[arg(long, value_name = "PERCENT")]
    pub(crate) pcrit: Option<f64>,
    /// With --missing dineof: leave out cells with a smaller share of their values there
    #[arg(long, value_name = "SHARE", default_value_t = Dineof::default().min_present)]
    pub(crate) min_present: f64,
    /// The relative change of the modes that ends the filling
    #[arg(long, value_name = "X", default_value_t = Dineof::default().tolerance)]
    pub(crate) missing_tolerance: f64,
    /// Most iterations of the filling, each a pass over the data
    #[arg(long, value_name = "N", default_value_t = Dineof::default().iterations)]
    pub(crate) missing_iterations: usize,
    /// Which values are set aside for cross-validation follows from this number
    #[arg(long, value_name = "N", default_value_t = Dineof::default().seed)]
    pub(crate) missing_seed: u64,
}

impl GapArgs {
    /// As a checked value.
    pub(crate) fn missing(&self) -> Result<Missing> {
        let (how, of) = self.missing.split_once(':').unwrap_or((&self.missing, ""));
        if self.pcrit.is_some() && how != "pairwise" {
            return Err(Error::usage("--pcrit is for covariances of pairs").remedy("add --missing pairwise"));
        }
        let modes = match (how, of) {
            ("refuse", "") => return self.without_filling("refused").map(|()| Missing::Refuse),
            ("pairwise", _) => {
                self.without_filling("left out of pairs")?;
                return self.pairwise(of).map(Missing::Pairwise);
            }
            ("dineof", "") => None,
            ("dineof", modes) => match modes.parse::<usize>() {
                Ok(modes) if modes > 0 => Some(modes),
                _ => {
                    return Err(Error::usage(format!(
                        "--missing `{}`: `{modes}` is no number of modes",
                        self.missing
                    )))
                }
            },
            _ => {
                return Err(Error::usage(format!("--missing `{}` is no way to treat gaps", self.missing))
                    .remedy("write refuse, dineof, dineof:5 or pairwise"))
            }
        };
        if !(0.0..=1.0).contains(&self.min_present) {
            return Err(Error::usage(format!("--min-present {} is no share from 0 to 1", self.min_present)));
        }
        if !(self.missing_tolerance > 0.0 && self.missing_tolerance < 1.0) {
            return Err(Error::usage(format!(
                "--missing-tolerance {} is not between 0 and 1",
                self.missing_tolerance
            )));
        }
        if self.missing_iterations == 0 {
            return Err(Error::usage("--missing-iterations has to be 1 at least"));
        }
        Ok(Missing::Dineof(Dineof {
            modes,
            min_present: self.min_present,
            tolerance: self.missing_tolerance,
            iterations: self.missing_iterations,
            seed: self.missing_seed,
        }))
    }

    /// Refuses options of the filling where nothing is filled.
    fn without_filling(&self, what: &str) -> Result<()> {
        let given = Self { missing: "dineof".into(), pcrit: None, ..self.clone() }.missing()?;
        if given == Missing::Dineof(Dineof::default()) {
            return Ok(());
        }
        Err(Error::usage(format!("options of the filling are given, but gaps are to be {what}"))
            .remedy("add --missing dineof"))
    }

    fn pairwise(&self, of: &str) -> Result<Pairwise> {
        let between = match of {
            "" if self.missing == "pairwise" => None,
            "cells" => Some(Covariance::Spatial),
            "times" => Some(Covariance::Temporal),
            _ => {
                return Err(Error::usage(format!("--missing `{}` names no pairs", self.missing))
                    .remedy("write pairwise, pairwise:cells or pairwise:times"))
            }
        };
        let default = Pairwise::default();
        let pcrit = self.pcrit.unwrap_or(100.0 * default.min_present);
        if !(0.0..=100.0).contains(&pcrit) {
            return Err(Error::usage(format!("--pcrit {pcrit} is no percentage from 0 to 100")));
        }
        Ok(Pairwise { min_present: pcrit / 100.0, between })
    }

    /// As it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<(String, String)> {
        if self.missing == "refuse" {
            return Vec::new();
        }
        if self.missing.starts_with("pairwise") {
            let pcrit = self.pcrit.unwrap_or(100.0 * Pairwise::default().min_present);
            return vec![
                ("missing".to_owned(), self.missing.clone()),
                ("pcrit".to_owned(), pcrit.to_string()),
            ];
        }
        vec![
            ("missing".to_owned(), self.missing.clone()),
            ("min_present".to_owned(), self.min_present.to_string()),
            ("missing_tolerance".to_owned(), self.missing_tolerance.to_string()),
            ("missing_iterations".to_owned(), self.missing_iterations.to_string()),
            ("missing_seed".to_owned(), self.missing_seed.to_string()),
        ]
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What a filling is of, as files and messages speak of it.
pub(crate) struct FillingOf<'a> {
    /// Behind the names of its variables, if there are other fillings in the file.
    pub(crate) suffix: String,
    /// Of the anomalies; `1` for several fields together, whose errors are relative.
    pub(crate) units: Option<String>,
    /// Whether it is of several fields together.
    pub(crate) together: bool,
    pub(crate) args: &'a GapArgs,
}

/// Adds what is known of the filling to a file.
pub(crate) fn write(
    filled: &Filled,
    of: &FillingOf<'_>,
    schema: &mut Schema,
    contents: &mut Contents,
) -> Result<()> {
    let named = |name: &str| format!("{name}{}", of.suffix);
    let text = |long_name: &str| Attributes::new().with("long_name", long_name);
    let mut about = text("number of modes that gaps were filled from (DINEOF); 0: there were none")
        .with("units", "1")
        .with("references", "Beckers and Rixen (2003), doi:10.1175/1520-0426(2003)020<1839:ECADFF>2.0.CO;2; Alvera-Azcarate et al. (2005), doi:10.1016/j.ocemod.2004.08.001")
        .with("missing_values", filled.missing as f64)
        .with("missing_share", share(filled.missing, filled.values))
        .with("cells_left_out", filled.dropped as f64);
    if filled.modes > 0 {
        about.set("iterations", filled.iterations as f64);
        about.set("last_change", filled.change);
        about.set("converged", if filled.converged { "yes" } else { "no" });
    }
    contents.whole(&named("filling_modes"), [], Values::I32(vec![filled.modes as i32]), about);
    if filled.errors.is_empty() {
        return Ok(());
    }
    schema.add_dim(&named("filling_mode"), filled.errors.len())?;
    let dims = || [named("filling_mode")];
    let numbers = Values::I32((0..filled.errors.len() as i32).collect());
    let numbered = text("number of modes that values set aside were filled from");
    contents.whole(&named("filling_mode"), dims(), numbers, numbered.with("units", "1"));
    let mut about = text(if of.together {
        "root mean square error of the filling at values that were set aside, over that of zero anomalies, mean over variables"
    } else {
        "root mean square error of the filling at values that were set aside"
    })
    .with("values_set_aside", filled.held as f64);
    if let Some(units) = &of.units {
        about.set("units", cf::difference(units));
    }
    contents.whole(&named("filling_error"), dims(), Values::F64(filled.errors.clone()), about);
    Ok(())
}

fn left_out(cells: usize, part: &str) -> Option<String> {
    match cells {
        0 => None,
        1 => Some(format!("note: 1 cell has less than {part} of its values: left out")),
        n => Some(format!("note: {n} cells have less than {part} of its values: left out")),
    }
}

/// What a user sees of it.
pub(crate) fn tell(filled: &Filled, of: &FillingOf<'_>) -> Vec<String> {
    let mut lines: Vec<String> =
        left_out(filled.dropped, &of.args.min_present.to_string()).into_iter().collect();
    if filled.modes == 0 {
        lines.push("no gaps to fill".to_owned());
        return lines;
    }
    lines.push(format!(
        "{:.2} % of {} values missing, filled from {} modes (DINEOF), {} iterations",
        100.0 * share(filled.missing, filled.values),
        filled.values,
        filled.modes,
        filled.iterations
    ));
    if let (Some(error), Some(without)) = (filled.errors.get(filled.modes), filled.errors.first()) {
        let units = match &of.units {
            Some(units) if units != "1" => format!(" {}", cf::difference(units)),
            _ => String::new(),
        };
        let kind = if of.together { "relative rms error" } else { "rms error" };
        lines.push(format!(
            "cross-validation: {kind} {error:.6e}{units} at {} values set aside ({without:.6e} without filling), \
             1 to {} modes tried in {} iterations",
            filled.held,
            filled.errors.len() - 1,
            filled.validation_iterations
        ));
        if error >= without {
            lines.push("note: no number of modes tells more of values set aside than their mean does".into());
        } else if filled.modes + 1 == filled.errors.len() {
            lines
                .push("note: the error is least for the most modes tried; more --modes may do better".into());
        }
    }
    if !filled.converged {
        lines.push(format!(
            "note: the filling still changes by {:.1e} after {} iterations (--missing-iterations, --missing-tolerance)",
            filled.change, filled.iterations
        ));
    }
    lines
}

/// What a user sees of covariances of pairs.
pub(super) fn tell_pairs(paired: &Paired, args: &GapArgs) -> Vec<String> {
    let pcrit = args.pcrit.unwrap_or(100.0 * Pairwise::default().min_present);
    let mut lines: Vec<String> = left_out(paired.dropped, &format!("{pcrit} %")).into_iter().collect();
    if paired.missing == 0 {
        lines.push("no gaps: all pairs are complete".to_owned());
    } else {
        lines.push(format!(
            "{:.2} % of {} values missing, left out of the pairs that they are of",
            100.0 * share(paired.missing, paired.values),
            paired.values
        ));
    }
    if paired.empty_times > 0 {
        lines.push(match paired.empty_times {
            1 => "note: 1 time has no data, its principal components are missing".to_owned(),
            n => format!("note: {n} times have no data, their principal components are missing"),
        });
    }
    if paired.negative > 0 {
        lines.push(format!(
            "note: the covariance is not positive definite: {} below zero, which add up to {:.2} % of the total \
             variance, so that fractions of it are too large by about as much",
            if paired.negative == 1 {
                "1 eigenvalue is".to_owned()
            } else {
                format!("{} eigenvalues are", paired.negative)
            },
            100.0 * paired.negative_share
        ));
    }
    lines
}

/// Attributes of the total variance that tell of pairs.
pub(super) fn about_pairs(paired: &Paired, about: Attributes) -> Attributes {
    about
        .with("missing_values", paired.missing as f64)
        .with("missing_share", share(paired.missing, paired.values))
        .with("cells_left_out", paired.dropped as f64)
        .with("negative_eigenvalues", paired.negative as f64)
        .with("negative_share", paired.negative_share)
}
