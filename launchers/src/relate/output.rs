//! The NetCDF file of relations.

use super::index::With;
use super::lags::OfLag;
use super::RelateArgs;
use crate::pairs::whole_time;
use crate::{carry, common};
use halocline_algorithms::statistics::relate::Quantity;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{AttributeValue, Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// Writes the file.
///
/// # Collective
/// Every rank calls this with its part of the results.
pub(super) fn write(
    comm: &Comm,
    args: &RelateArgs,
    (dataset, source): (&Dataset, &Source),
    with: &With,
    results: &[OfLag],
) -> Result<WriteReport> {
    let mut schema = Schema { attributes: global(args, dataset, with, results), ..Schema::new() };
    let (lag, time) = (lag_coordinate(args, with), whole_time(source));
    let mut pending = Vec::new();
    if let Some(lag) = &lag {
        pending.extend(schema.add_coordinate(lag)?);
    }
    pending.extend(carry::add_space(&mut schema, source)?);
    pending.extend(schema.add_coordinate(&time)?);
    let dims: Vec<String> = lag
        .iter()
        .map(|_| "lag".to_owned())
        .chain(source.variable().dims.iter().skip(1).map(|d| d.name.clone()))
        .collect();
    let describe = Describe { args, source, with, time: &time.variable.name };
    let quantities = args.quantities();
    for &quantity in &quantities {
        let dtype = if is_count(quantity) { DType::I32 } else { DType::F64 };
        let spec = VariableSpec::data(name(args, quantity), dims.clone(), dtype);
        schema.add_variable(spec.attributes(describe.quantity(quantity)));
        if is_test(quantity) {
            let spec = VariableSpec::data(mask_name(args, quantity), dims.clone(), DType::I8);
            schema.add_variable(spec.attributes(describe.mask(quantity, results)));
        }
    }
    args.compress.apply(&mut schema);
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    for (k, of_lag) in results.iter().enumerate() {
        for (&quantity, map) in quantities.iter().zip(&of_lag.maps) {
            let values = if is_count(quantity) {
                Values::I32(map.iter().map(|&n| n as i32).collect())
            } else {
                Values::F64(map.clone())
            };
            put(&mut output, &name(args, quantity), lag.as_ref().map(|_| k), &of_lag.block, values)?;
            if is_test(quantity) {
                let limit = threshold(of_lag, quantity);
                let significant = map.iter().map(|p| i32::from(limit.is_some_and(|limit| *p <= limit)));
                let values = Values::I32(significant.collect());
                put(&mut output, &mask_name(args, quantity), lag.as_ref().map(|_| k), &of_lag.block, values)?;
            }
        }
    }
    output.finish_with_report()
}

/// Writes a map, at its lag.
fn put(output: &mut Output, name: &str, lag: Option<usize>, block: &IndexBox, values: Values) -> Result<()> {
    if lag.is_none() && block.ndim() == 0 {
        // A single number, which the first rank holds.
        let one = match values {
            Values::F64(v) => Values::F64(vec![v.first().copied().unwrap_or(f64::NAN)]),
            Values::I32(v) => Values::I32(vec![v.first().copied().unwrap_or(0)]),
            other => other,
        };
        return output.write_whole(name, &one);
    }
    // Without a cell, nothing at any lag.
    let at = lag.map(|k| if values.is_empty() { 0..0 } else { k..k + 1 });
    output.write_block(
        name,
        &IndexBox::new(at.into_iter().chain(block.ranges().iter().cloned()).collect()),
        &values,
    )
}

fn threshold(of_lag: &OfLag, quantity: Quantity) -> Option<f64> {
    of_lag.thresholds.iter().find(|(q, _)| *q == quantity).and_then(|(_, limit)| *limit)
}

fn is_count(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Pairs | Quantity::HighCount | Quantity::LowCount)
}

fn is_test(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::PValue | Quantity::DifferencePValue)
}

fn name(args: &RelateArgs, quantity: Quantity) -> String {
    let ending = match quantity {
        Quantity::Correlation => "correlation",
        Quantity::EffectiveSize => "effective_size",
        Quantity::PValue => "p_value",
        Quantity::Slope => "slope",
        Quantity::Intercept => "intercept",
        Quantity::Covariance => "covariance",
        Quantity::Pairs => "pairs",
        Quantity::High => "composite_high",
        Quantity::Low => "composite_low",
        Quantity::Difference => "composite_difference",
        Quantity::DifferencePValue => "composite_p_value",
        Quantity::HighCount => "composite_high_count",
        Quantity::LowCount => "composite_low_count",
    };
    format!("{}_{ending}", args.var)
}

fn mask_name(args: &RelateArgs, quantity: Quantity) -> String {
    let composite = if quantity == Quantity::DifferencePValue { "composite_" } else { "" };
    format!("{}_{composite}significant", args.var)
}

/// The lags as a coordinate, where any are asked for.
fn lag_coordinate(args: &RelateArgs, with: &With) -> Option<Coordinate> {
    let lags = &args.lags.as_ref()?.0;
    let other = match with {
        With::Index(_) => "the index",
        With::Field(_) => "the other field",
    };
    let attributes = Attributes::new()
        .with("long_name", format!("lag of the variable behind {other}, in time steps"))
        .with("units", "1")
        .with(
            "comment",
            format!("positive: {other} leads; the variable at step t is paired with {other} at step t - lag"),
        );
    let dims = vec![Dim::new("lag", lags.len(), Role::Other)];
    Some(Coordinate {
        variable: Variable { name: "lag".into(), dims, dtype: DType::I32, attributes },
        values: Values::I32(lags.iter().map(|&lag| lag as i32).collect()),
        bounds: None,
    })
}

/// What results are, in words.
struct Describe<'a> {
    args: &'a RelateArgs,
    source: &'a Source,
    with: &'a With,
    time: &'a str,
}

impl Describe<'_> {
    fn long_name(&self) -> String {
        self.source.variable().attributes.text("long_name").unwrap_or(&self.args.var).to_owned()
    }

    /// Attributes that all maps have.
    fn with_space(&self, mut attributes: Attributes) -> Attributes {
        carry::refer_to_space(&mut attributes, self.source);
        let coordinates = match attributes.text("coordinates") {
            Some(others) => format!("{} {others}", self.time),
            None => self.time.to_owned(),
        };
        attributes.set("coordinates", coordinates);
        attributes
    }

    fn quantity(&self, quantity: Quantity) -> Attributes {
        let (variable, index) = (self.long_name(), self.with.name());
        let (own, other) = (self.source.variable().units(), self.with.units());
        let left = if self.args.detrend { ", linear trends removed" } else { "" };
        let far = self.args.threshold.unwrap_or(1.0);
        let per = if self.args.standardize {
            format!("standard deviation of {index}")
        } else {
            format!("unit of {index}")
        };
        let times = |side: &str, sign: &str| {
            format!("{variable} where {index} is more than {far} standard deviations {side} its mean{sign}")
        };
        let none = Some("1".to_owned());
        let both = |power: &str| {
            let other = other.filter(|_| !self.args.standardize || power.is_empty());
            match (own, other) {
                (own, Some("1" | "")) => own.map(str::to_owned),
                (Some(own), Some(other)) if other.contains([' ', '/', '.', '*']) => {
                    Some(format!("{own} ({other}){power}"))
                }
                (Some(own), Some(other)) => Some(format!("{own} {other}{power}")),
                (own, None) if self.args.standardize && !power.is_empty() => own.map(str::to_owned),
                _ => None,
            }
        };
        let (text, units) = match quantity {
            Quantity::Correlation => (format!("correlation of {variable} with {index}{left}"), none),
            Quantity::EffectiveSize => ("effective number of independent pairs".to_owned(), none),
            Quantity::PValue => {
                (format!("two-sided p-value of the correlation of {variable} with {index}{left}"), none)
            }
            Quantity::Slope => (format!("regression of {variable} per {per}{left}"), both("-1")),
            Quantity::Intercept => {
                let at = if self.args.standardize { "at its mean" } else { "at 0" };
                (format!("{variable} by the regression where {index} is {at}"), own.map(str::to_owned))
            }
            Quantity::Covariance => (format!("covariance of {variable} with {index}{left}"), both("")),
            Quantity::Pairs => (format!("number of pairs of {variable} and {index}"), none),
            Quantity::High => (format!("mean of {}", times("above", "")), own.map(str::to_owned)),
            Quantity::Low => (format!("mean of {}", times("below", "")), own.map(str::to_owned)),
            Quantity::Difference => (
                format!("difference of the composites of {variable}, high minus low {index}"),
                own.map(str::to_owned),
            ),
            Quantity::DifferencePValue => {
                (format!("two-sided p-value of the difference of the composites of {variable}"), none)
            }
            Quantity::HighCount => (format!("number of values of {}", times("above", "")), none),
            Quantity::LowCount => (format!("number of values of {}", times("below", "")), none),
        };
        let mut attributes = Attributes::new().with("long_name", text);
        if let Some(units) = units {
            attributes.set("units", units);
        }
        match quantity {
            Quantity::EffectiveSize => attributes.set(
                "comment",
                "n (1 - r1 r2) / (1 + r1 r2), at most n, of the lag-1 autocorrelations r1 and r2 (Bretherton et al. 1999)",
            ),
            Quantity::PValue => {
                attributes.set("comment", "t test of the correlation with the effective number of pairs");
            }
            Quantity::DifferencePValue => attributes.set("comment", "Welch's t test; values count as independent"),
            Quantity::Covariance => attributes.set("ddof", i64::from(self.args.ddof())),
            Quantity::High | Quantity::Low => {
                attributes.set("cell_methods", format!("{}: mean", self.source.variable().dims[0].name));
            }
            _ => {}
        }
        self.with_space(attributes)
    }

    fn mask(&self, quantity: Quantity, results: &[OfLag]) -> Attributes {
        let of = name(self.args, quantity);
        let limits: Vec<f64> = results.iter().map(|r| threshold(r, quantity).unwrap_or(f64::NAN)).collect();
        let mut attributes = Attributes::new()
            .with("long_name", format!("whether {of} is significant over the whole map"))
            .with("units", "1")
            .with("flag_values", AttributeValue::Integers(vec![0, 1]))
            .with("flag_meanings", "not_significant significant")
            .with("comment", "false discovery rate (Benjamini and Hochberg 1995, Wilks 2016) over all cells of a lag; p_threshold is the largest p-value that counts, NaN if none does")
            .with("alpha", self.args.alpha());
        attributes.set("p_threshold", AttributeValue::Doubles(limits));
        self.with_space(attributes)
    }
}

fn global(args: &RelateArgs, dataset: &Dataset, with: &With, results: &[OfLag]) -> Attributes {
    let ops: Vec<&str> = args.op.iter().map(|op| op.name()).collect();
    let mut options = vec![
        format!("op={}", ops.join(",")),
        format!("with={}", crate::run::scratch::told(&args.with)),
        format!("detrend={}", args.detrend),
        format!("standardize={}", args.standardize),
        format!("ddof={}", args.ddof()),
        format!("alpha={}", args.alpha()),
        "missing=skip pairs".to_owned(),
    ];
    options.extend(args.threshold.map(|t| format!("threshold={t}")));
    options.extend(common::described(&args.input, &args.selection));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Relation of {} to {}", args.var, with.name()))
        .with("source", format!("halocline {}, relations at every cell", env!("CARGO_PKG_VERSION")))
        .with("halocline_relate_options", options.join("; "));
    if let Some(first) = results.first() {
        attributes.set("halocline_tiling", first.tiling.as_str());
    }
    carry::add_origin(&mut attributes, dataset);
    attributes
}
