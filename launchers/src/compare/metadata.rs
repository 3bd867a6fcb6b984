//! What files say of themselves and their variables.

use super::Rules;
use crate::common::check_once;
use halocline_core::meta::{AttributeValue, Attributes};
use halocline_core::{Error, Result};
use halocline_io::dataset::{Dataset, VariableInfo};
use std::collections::BTreeSet;

/// Names of the variables to compare: in the order of the first file, then of the second.
///
/// # Errors
/// Usage, if a name that is asked for is neither one of these nor, to be left out, of a group.
pub(super) fn wanted(
    a: &Dataset,
    b: &Dataset,
    groups: (&[String], &[String]),
    rules: &Rules,
) -> Result<Vec<String>> {
    check_once(&rules.var)?;
    let mut names: Vec<&str> = Vec::new();
    for info in a.variables().iter().chain(b.variables()) {
        let name = info.variable.name.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let is_group = |name: &String| groups.0.contains(name) || groups.1.contains(name);
    for name in rules.var.iter().chain(rules.exclude.iter().filter(|name| !is_group(name))) {
        if !names.contains(&name.as_str()) {
            return Err(Error::usage(format!("neither file has a variable `{name}`"))
                .remedy(format!("there are {}", names.join(", "))));
        }
    }
    let is_wanted = |name: &&str| {
        let named = |list: &[String]| list.iter().any(|n| n == name);
        (rules.var.is_empty() || named(&rules.var)) && !named(&rules.exclude)
    };
    Ok(names.into_iter().filter(is_wanted).map(str::to_owned).collect())
}

/// Groups of both files, and a line for each that only one of them has.
pub(super) fn of_groups(a: &[String], b: &[String], rules: &Rules) -> (Vec<String>, Vec<String>) {
    // Variables by name are those of the root.
    let asked = |name: &&String| rules.var.is_empty() && !rules.exclude.contains(name);
    let both = a.iter().filter(asked).filter(|name| b.contains(name)).cloned().collect();
    let only = |a: &[String], b: &[String], which: &str| -> Vec<String> {
        let lonely = a.iter().filter(asked).filter(|name| !b.contains(name));
        lonely.map(|name| format!("group `{name}`: only in the {which}")).collect()
    };
    (both, [only(a, b, "first"), only(b, a, "second")].concat())
}

/// Differences of dimensions and of attributes of the files.
pub(super) fn of_files(a: &Dataset, b: &Dataset, rules: &Rules) -> Vec<String> {
    let mut all = Vec::new();
    let length = |of: &Dataset, name: &str| of.dims().iter().find(|d| d.name == name).map(|d| d.len);
    let names: BTreeSet<&str> = a.dims().iter().chain(b.dims()).map(|d| d.name.as_str()).collect();
    // With some variables only, dimensions of others do not matter.
    for name in names.into_iter().filter(|_| rules.var.is_empty() && rules.exclude.is_empty()) {
        match (length(a, name), length(b, name)) {
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => all.push(format!("dimension `{name}`: {x} and {y}")),
            (Some(_), None) => all.push(format!("dimension `{name}`: only in the first")),
            _ => all.push(format!("dimension `{name}`: only in the second")),
        }
    }
    attributes(&mut all, a.attributes(), b.attributes(), rules);
    all
}

/// Differences of what two variables are said to be.
pub(super) fn of_variables(a: &VariableInfo, b: &VariableInfo, rules: &Rules) -> Vec<String> {
    let (a, b) = (&a.variable, &b.variable);
    let mut all = Vec::new();
    if a.dtype != b.dtype {
        all.push(format!("type: {} and {}", a.dtype.name(), b.dtype.name()));
    }
    if rules.data_only {
        // Values of two types can be the same numbers.
        all.clear();
        return all;
    }
    let names = |v: &halocline_core::meta::Variable| {
        v.dims.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if names(a) != names(b) {
        all.push(format!("dimensions: ({}) and ({})", names(a), names(b)));
    }
    attributes(&mut all, &a.attributes, &b.attributes, rules);
    all
}

fn attributes(all: &mut Vec<String>, a: &Attributes, b: &Attributes, rules: &Rules) {
    let is_ignored = |name: &str| rules.ignore.iter().any(|n| n == name);
    for (name, value) in a.iter().filter(|(name, _)| !is_ignored(name)) {
        match b.get(name) {
            None => all.push(format!("attribute `{name}`: only in the first")),
            Some(other) if same(value, other) => {}
            Some(other) => all.push(format!("attribute `{name}`: {} and {}", shown(value), shown(other))),
        }
    }
    for (name, _) in b.iter().filter(|(name, _)| !is_ignored(name) && a.get(name).is_none()) {
        all.push(format!("attribute `{name}`: only in the second"));
    }
}

/// Whether values have the same type and bits: NaN is the same as itself.
fn same(a: &AttributeValue, b: &AttributeValue) -> bool {
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    match (a, b) {
        (AttributeValue::Doubles(a), AttributeValue::Doubles(b)) => bits(a) == bits(b),
        (AttributeValue::Singles(a), AttributeValue::Singles(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        _ => a == b,
    }
}

/// Attributes that say what stored values mean.
const MEANING: [&str; 8] = [
    "_FillValue",
    "missing_value",
    "valid_min",
    "valid_max",
    "valid_range",
    "scale_factor",
    "add_offset",
    "_Unsigned",
];

/// Whether the same bits mean the same in both.
pub(super) fn mean_the_same(a: &VariableInfo, b: &VariableInfo) -> bool {
    let (a, b) = (&a.variable, &b.variable);
    a.dtype == b.dtype
        && MEANING.iter().all(|name| match (a.attributes.get(name), b.attributes.get(name)) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            _ => false,
        })
}

/// A value as it is printed: not longer than a line.
fn shown(value: &AttributeValue) -> String {
    const LONGEST: usize = 60;
    let list = |v: Vec<String>| v.join(", ");
    let text = match value {
        AttributeValue::Text(text) => format!("{text:?}"),
        AttributeValue::Integers(v) => list(v.iter().map(ToString::to_string).collect()),
        AttributeValue::Singles(v) => list(v.iter().map(|v| format!("{v}f")).collect()),
        AttributeValue::Doubles(v) => list(v.iter().map(ToString::to_string).collect()),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
