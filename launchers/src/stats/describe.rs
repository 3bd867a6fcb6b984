//! Names, units and cell methods of results.

use super::options::Per;
use super::over::Ground;
use super::reduce::Results;
use super::{space, StatsArgs};
use crate::asked::{self, Asked};
use crate::cf::{self, difference};
use crate::{carry, series};
use halocline_algorithms::statistics::{Op, QuantileMethod, Quantity};
use halocline_core::meta::{Attributes, Role};
use halocline_io::source::Source;

/// The name of a result: that of the variable, with the operation where there are several.
pub(super) fn name(args: &StatsArgs, variable: &str, op: Op, quantity: Quantity) -> String {
    let suffix = match quantity {
        Quantity::Slope => "slope",
        Quantity::Intercept => "intercept",
        Quantity::SlopeError => "slope_stderr",
        Quantity::PValue => "slope_pvalue",
        Quantity::EffectiveSize => "effective_sample_size",
        _ => return asked::name_of(&args.op, variable, Asked::Op(op)),
    };
    format!("{variable}_{suffix}")
}

/// What was reduced, in the words of CF: `time:`, `area:`, or names of dimensions.
fn over(results: &Results) -> String {
    let source = &results.source;
    let both = results.reduced.ground(source) == Ground::Both;
    let mut words = Vec::new();
    for (dim, is_reduced) in source.variable().dims.iter().zip(&results.reduced.dims) {
        match dim.role {
            _ if !is_reduced => {}
            Role::Y | Role::X if both => {
                if !words.contains(&"area") {
                    words.push("area");
                }
            }
            _ => words.push(cf::gone(dim, source)),
        }
    }
    words.into_iter().flat_map(|word| [word, ": "]).collect()
}

/// The attributes of a result.
pub(super) fn attributes(args: &StatsArgs, results: &Results, quantity: Quantity) -> Attributes {
    let source = &results.source;
    let mut attributes = carry::attributes(source);
    let long_name = attributes.text("long_name").unwrap_or(&results.name).to_owned();
    let earlier =
        source.variable().attributes.text("cell_methods").map_or_else(String::new, |m| format!("{m} "));
    let Some(method) = cf::method(quantity) else {
        let mut own = described(args, source, &long_name, quantity);
        space::refer(&mut own, source, &results.reduced);
        return own;
    };
    let mut comments = Vec::new();
    if matches!(quantity, Quantity::Mean | Quantity::Std | Quantity::Var | Quantity::Rms) {
        match (results.used.area, results.used.time) {
            (true, true) => comments.push("weighted by area and time".to_owned()),
            (true, false) => comments.push("area-weighted".to_owned()),
            (false, true) => comments.push("weighted by time".to_owned()),
            (false, false) if results.reduced.ground(source) != Ground::None => {
                comments.push("unweighted".to_owned());
            }
            (false, false) => {}
        }
    }
    if matches!(quantity, Quantity::Std | Quantity::Var) {
        comments.push(format!("ddof {}", args.ddof()));
    }
    let comment = if comments.is_empty() { String::new() } else { format!(" ({})", comments.join(", ")) };
    attributes.set("cell_methods", format!("{earlier}{}{method}{comment}", over(results)));
    cf::set_units(&mut attributes, quantity);
    space::refer(&mut attributes, source, &results.reduced);
    attributes
}

/// The attributes of a percentile, whose rank may be wrong by `error`.
pub(super) fn percentile(
    args: &StatsArgs,
    results: &Results,
    percent: f64,
    error: Option<f64>,
) -> Attributes {
    let source = &results.source;
    let mut attributes = carry::attributes(source);
    let variable = source.variable();
    let (earlier, over) = (variable.attributes.text("cell_methods"), over(results));
    let method = args.percentile.unwrap_or(QuantileMethod::Linear).name();
    let over = over.trim_end_matches(": ");
    series::describe(&mut attributes, (&results.name, over), earlier, percent, method, error);
    super::percentiles::describe_weights(&mut attributes, results);
    space::refer(&mut attributes, source, &results.reduced);
    attributes
}

/// Attributes of what is no statistic of values in CF's sense.
fn described(args: &StatsArgs, source: &Source, long_name: &str, quantity: Quantity) -> Attributes {
    let text = |text: String| Attributes::new().with("long_name", text);
    let units = source.variable().units();
    let (per, words) = per(args.per(), source);
    let slope_units = || {
        let own = difference(units.filter(|u| !u.is_empty())?);
        Some(match (&per, own.as_str()) {
            (None, _) => own,
            (Some(per), "1") => format!("{per}-1"),
            (Some(per), _) => format!("{own} {per}-1"),
        })
    };
    let with_units = |attributes: Attributes, units: Option<String>| match units {
        Some(units) => attributes.with("units", units),
        None => attributes,
    };
    match quantity {
        Quantity::Count => {
            text(format!("number of values of {long_name} that are not missing")).with("units", "1")
        }
        Quantity::Slope => {
            let method = "least squares over time";
            with_units(text(format!("trend of {long_name} per {words}")), slope_units())
                .with("comment", method)
        }
        Quantity::Intercept => with_units(
            text(format!("value at the first time of the trend line of {long_name}")),
            units.map(str::to_owned),
        ),
        Quantity::SlopeError => {
            let method = "by the effective sample size, doi:10.1029/1999JD901105";
            with_units(text(format!("standard error of the trend of {long_name}")), slope_units())
                .with("comment", method)
        }
        Quantity::PValue => {
            let method =
                "two-sided t test of no trend, with the effective sample size less 2 as degrees of freedom";
            text(format!("p-value of the trend of {long_name}")).with("units", "1").with("comment", method)
        }
        _ => {
            let method = "n (1 - r) / (1 + r) with r the lag-1 autocorrelation of residuals, n at most";
            text(format!("effective sample size of {long_name} about its trend"))
                .with("units", "1")
                .with("comment", method)
        }
    }
}

/// Units of the regressor as a factor, and in words.
fn per(per: Per, source: &Source) -> (Option<String>, String) {
    let named = |unit: &str, word: &str| (Some(unit.to_owned()), word.to_owned());
    match per {
        Per::Unit => {
            let text = source.time().units.text();
            let unit = text.split_whitespace().next().unwrap_or("1").to_owned();
            (Some(unit.clone()), format!("unit of time ({unit})"))
        }
        Per::Step => (None, "time step".to_owned()),
        Per::Hour => named("hour", "hour"),
        Per::Day => named("day", "day"),
        Per::Year => named("year", "year"),
        // UDUNITS knows neither.
        Per::Decade => named("(10 year)", "decade"),
        Per::Century => named("(100 year)", "century"),
    }
}
