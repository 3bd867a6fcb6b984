//! Gaps in the data: the options, and what is written and told of the filling.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::contents::Contents;
use super::options::EofArgs;
use super::OpenFields;
use crate::cf;
use halocline_algorithms::eof::{Dineof, Filled, Missing};
use halocline_core::meta::{Attributes, Values};
use halocline_core::{Error, Result};
use halocline_io::output::Schema;

/// What becomes of cells that are missing at some times.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GapArgs {
    /// Cells missing at some times only: refuse them, or fill their gaps by DINEOF, from K modes
    /// or from as many, up to --modes, as cross-validation finds best
    #[arg(long, value_name = "refuse|dineof[:K]", default_value = "refuse")]
    pub(crate) missing: String,
    /// Leave out cells with a smaller share of their values there
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
        let modes = match self.missing.split_once(':').unwrap_or((&self.missing, "")) {
            ("refuse", "") => {
                let given = Self { missing: "dineof".into(), ..self.clone() }.missing()?;
                return if given == Missing::Dineof(Dineof::default()) {
                    Ok(Missing::Refuse)
                } else {
                    Err(Error::usage("options of the filling are given, but gaps are to be refused")
                        .remedy("add --missing dineof"))
                };
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
                    .remedy("write refuse, dineof or dineof:5"))
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

    /// As it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<(String, String)> {
        if self.missing == "refuse" {
            return Vec::new();
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

/// Adds what is known of the filling to a file; `units` are those of the field.
pub(super) fn write(
    filled: &Filled,
    units: Option<String>,
    schema: &mut Schema,
    contents: &mut Contents,
) -> Result<()> {
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
    contents.whole("filling_modes", [], Values::I32(vec![filled.modes as i32]), about);
    if filled.errors.is_empty() {
        return Ok(());
    }
    schema.add_dim("filling_mode", filled.errors.len())?;
    let dims = || ["filling_mode".to_owned()];
    let numbers = Values::I32((0..filled.errors.len() as i32).collect());
    let numbered = text("number of modes that values set aside were filled from");
    contents.whole("filling_mode", dims(), numbers, numbered.with("units", "1"));
    let mut about = text("root mean square error of the filling at values that were set aside")
        .with("values_set_aside", filled.held as f64);
    if let Some(units) = units {
        about.set("units", cf::difference(&units));
    }
    contents.whole("filling_error", dims(), Values::F64(filled.errors.clone()), about);
    Ok(())
}

/// What a user sees of it.
pub(super) fn tell(filled: &Filled, args: &EofArgs, open: &OpenFields) -> Vec<String> {
    let mut lines = Vec::new();
    if filled.dropped > 0 {
        lines.push(format!(
            "note: {} less than {} of its values: left out",
            if filled.dropped == 1 {
                "1 cell has".to_owned()
            } else {
                format!("{} cells have", filled.dropped)
            },
            args.gaps.min_present
        ));
    }
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
        let units = match open.fields.first().and_then(|f| f.source.variable().units()) {
            _ if args.prepare.standardize => String::new(),
            Some(units) => format!(" {}", cf::difference(units)),
            None => String::new(),
        };
        lines.push(format!(
            "cross-validation: rms error {error:.6e}{units} at {} values set aside ({without:.6e} without filling), \
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
