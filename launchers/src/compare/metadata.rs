//! What files say of themselves and their variables.

use super::side::Side;
use super::Rules;
use crate::common::check_once;
use halocline_core::meta::{AttributeValue, Attributes, Dim};
use halocline_core::{Error, Result};
use halocline_io::as_stored::Group;
use halocline_io::dataset::VariableInfo;
use std::collections::BTreeSet;

/// A name as it was asked for: in groups, a full one.
fn full(name: &str) -> String {
    if name.contains('/') && !name.starts_with('/') {
        format!("/{name}")
    } else {
        name.to_owned()
    }
}

/// Whether a group is left out, by its own name or that of one around it.
fn is_excluded(group: &str, rules: &Rules) -> bool {
    rules.exclude.iter().any(|name| {
        let inside = group.strip_prefix('/').and_then(|path| path.strip_prefix(name.trim_start_matches('/')));
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a group is asked for: names of variables are those of variables alone.
fn is_asked(group: &str, rules: &Rules) -> bool {
    rules.var.is_empty() && !is_excluded(group, rules)
}

/// Names of the variables to compare: in the order of the first file, then of the second; first those
/// of the root, then those of groups that both files have.
///
/// # Errors
/// Usage, if a name that is asked for is neither one of these nor, to be left out, a group.
pub(super) fn wanted(a: &Side, b: &Side, rules: &Rules) -> Result<Vec<String>> {
    let asked: Vec<String> = rules.var.iter().map(|name| full(name)).collect();
    let excluded: Vec<String> = rules.exclude.iter().map(|name| full(name)).collect();
    check_once(&asked)?;
    let in_groups = a.below().iter().chain(b.below()).flat_map(|group| &group.variables);
    let mut seen = BTreeSet::new();
    let all = a.variables().chain(b.variables()).chain(in_groups);
    let names: Vec<&str> =
        all.map(|info| info.variable.name.as_str()).filter(|name| seen.insert(*name)).collect();
    let is_group = |name: &str| {
        a.below()
            .iter()
            .chain(b.below())
            .any(|g| g.path.trim_start_matches('/') == name.trim_start_matches('/'))
    };
    let is_unseen = |name: &str| [a, b].iter().any(|side| side.unseen().any(|(_, other)| other == name));
    for name in asked.iter().chain(excluded.iter().filter(|name| !is_group(name))) {
        if !names.contains(&name.as_str()) && !is_unseen(name) {
            return Err(Error::usage(format!("neither file has a variable `{name}`"))
                .remedy(format!("there are {}", names.join(", "))));
        }
    }
    let is_wanted = |name: &&str| {
        let named = |list: &[String]| list.iter().any(|n| n == name);
        let group = name.rsplit_once('/').map(|(group, _)| group);
        // What a file has not, its variables need not be told of.
        let lonely = |path: &str| {
            let has = |side: &Side| side.below().iter().any(|g| g.path == path);
            !(has(a) && has(b))
        };
        let left_out =
            group.is_some_and(|path| is_excluded(path, rules) || (asked.is_empty() && lonely(path)));
        (asked.is_empty() || named(&asked)) && !named(&excluded) && !left_out
    };
    Ok(names.into_iter().filter(is_wanted).map(str::to_owned).collect())
}

/// Differences of groups below the root: those that only one file has, dimensions and attributes.
pub(super) fn of_groups(a: &Side, b: &Side, rules: &Rules) -> Vec<String> {
    let mut all = Vec::new();
    let find = |side: &'_ Side, path: &str| side.below().iter().position(|g| g.path == path);
    for (one, other, which) in [(a, b, "first"), (b, a, "second")] {
        let lonely = |path: &str| !path.is_empty() && find(other, path).is_none();
        for group in one.below().iter().filter(|g| is_asked(&g.path, rules) && lonely(&g.path)) {
            // Those in it go without saying.
            if !group.path.rsplit_once('/').is_some_and(|(around, _)| lonely(around)) {
                all.push(format!("group `{}`: only in the {which}", group.path));
            }
        }
    }
    if rules.data_only {
        return all;
    }
    for mine in a.below().iter().filter(|g| is_asked(&g.path, rules)) {
        let Some(theirs) = find(b, &mine.path).and_then(|at| b.below().get(at)) else { continue };
        let mut lines = Vec::new();
        dimensions(&mut lines, &mine.dims, &theirs.dims, rules);
        attributes(&mut lines, &mine.attributes, &theirs.attributes, rules);
        all.extend(lines.into_iter().map(|line| format!("group `{}`: {line}", mine.path)));
    }
    all
}

/// Data sets that NetCDF does not see: those of both files, which nobody can compare, and lines on those
/// of one.
pub(super) fn unseen(a: &Side, b: &Side, rules: &Rules) -> (Vec<String>, Vec<String>) {
    let asked: Vec<String> = rules.var.iter().map(|name| full(name)).collect();
    let excluded: Vec<String> = rules.exclude.iter().map(|name| full(name)).collect();
    let of = |side: &Side, other: &Side| -> BTreeSet<String> {
        let is_meant = |group: &str, name: &String| {
            let has = group == "/" || other.below().iter().any(|g| g.path == group);
            has && (asked.is_empty() || asked.contains(name))
                && !excluded.contains(name)
                && !is_excluded(group, rules)
        };
        side.unseen().filter(|(group, name)| is_meant(group, name)).map(|(_, name)| name.clone()).collect()
    };
    let (mine, theirs) = (of(a, b), of(b, a));
    let both = mine.intersection(&theirs).cloned().collect();
    // Where the other has a variable of the name, that is said of the variable.
    let lonely = |one: &BTreeSet<String>, other: &BTreeSet<String>, side: &Side, which: &str| {
        let new = one.difference(other).filter(|name| side.find(name).is_none());
        new.map(|name| format!("data set `{name}`: only in the {which}")).collect::<Vec<_>>()
    };
    let mut lines = lonely(&mine, &theirs, b, "first");
    lines.extend(lonely(&theirs, &mine, a, "second"));
    (both, lines)
}

/// Attributes of types of their writer's own: those of both files, which nobody can compare, and lines
/// on those of one. Of what is `compared`.
pub(super) fn unread(a: &Side, b: &Side, compared: &[String], rules: &Rules) -> (Vec<String>, Vec<String>) {
    if rules.data_only {
        return (Vec::new(), Vec::new());
    }
    let of = |side: &Side| -> BTreeSet<(String, String)> {
        let each = |group: &Group| {
            let path = group.path.clone();
            let asked = path == "/" || is_asked(&path, rules);
            let is_meant =
                move |of: &str| if of.is_empty() { asked } else { compared.iter().any(|n| n == of) };
            let named = |(of, name): &(String, String)| {
                let whose = if of.is_empty() && path != "/" { format!("{path}/") } else { of.clone() };
                let ignored = rules.ignore.iter().any(|n| n == name);
                (is_meant(of) && !ignored).then(|| (whose, name.clone()))
            };
            group.unread.iter().filter_map(named).collect::<Vec<_>>()
        };
        side.groups.iter().flat_map(each).collect()
    };
    let told = |(of, name): &(String, String)| match of.strip_suffix('/') {
        Some(group) => format!("group `{group}`: attribute `{name}`"),
        None if of.is_empty() => format!("attribute `{name}`"),
        None => format!("`{of}`: attribute `{name}`"),
    };
    let (mine, theirs) = (of(a), of(b));
    let both = mine.intersection(&theirs).map(told).collect();
    let first = mine.difference(&theirs).map(|u| format!("{}: only in the first", told(u)));
    let second = theirs.difference(&mine).map(|u| format!("{}: only in the second", told(u)));
    (both, first.chain(second).collect())
}

/// Differences of dimensions and of attributes of the files.
pub(super) fn of_files(a: &Side, b: &Side, rules: &Rules) -> Vec<String> {
    let mut all = Vec::new();
    dimensions(&mut all, a.dims(), b.dims(), rules);
    if let (Some(a), Some(b)) = (a.attributes(), b.attributes()) {
        attributes(&mut all, a, b, rules);
    }
    all
}

fn dimensions(all: &mut Vec<String>, a: &[Dim], b: &[Dim], rules: &Rules) {
    let length = |of: &[Dim], name: &str| of.iter().find(|d| d.name == name).map(|d| d.len);
    let names: BTreeSet<&str> = a.iter().chain(b).map(|d| d.name.as_str()).collect();
    // With some variables only, dimensions of others do not matter.
    for name in names.into_iter().filter(|_| rules.var.is_empty() && rules.exclude.is_empty()) {
        match (length(a, name), length(b, name)) {
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => all.push(format!("dimension `{name}`: {x} and {y}")),
            (Some(_), None) => all.push(format!("dimension `{name}`: only in the first")),
            _ => all.push(format!("dimension `{name}`: only in the second")),
        }
    }
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
