//! What a comparison says, to people and to machines.

use super::{Compared, Comparison, Place};
use halocline_algorithms::compare::{Extreme, Told};
use serde_json::{json, Value};
use std::fmt::Write as _;

pub(super) fn text(all: &Comparison) -> String {
    let mut out = String::new();
    for line in &all.metadata {
        let _ = writeln!(out, "{line}");
    }
    for variable in &all.variables {
        one(&mut out, variable);
    }
    for name in &all.unseen {
        let _ = writeln!(out, "{name}: not compared, as NetCDF does not see it");
    }
    for attribute in &all.unread {
        let _ = writeln!(out, "{attribute}: not compared, as its type or its name is none of NetCDF's");
    }
    let different = all.variables.iter().filter(|v| v.differs()).count();
    let unknown = all.untold();
    let _ = match (different, all.metadata.is_empty()) {
        (0, true) if unknown > 0 => writeln!(
            out,
            "can't be told: {unknown} not compared; the same: {}",
            counted(all.variables.iter().filter(|v| !v.is_unknown()).count())
        ),
        (0, true) => writeln!(out, "the same: {}", counted(all.variables.len())),
        (0, false) => {
            writeln!(out, "{}, all the same; the files differ in what they say", counted(all.variables.len()))
        }
        _ => writeln!(out, "different: {different} of {}", counted(all.variables.len())),
    };
    out
}

fn counted(variables: usize) -> String {
    crate::folding::plural(variables, "variable")
}

fn one(out: &mut String, variable: &Compared) {
    let _ = write!(out, "{}: ", variable.described);
    if let Some(why) = &variable.refused {
        let _ = writeln!(out, "{why}");
    } else if let Some(v) = &variable.values {
        if v.differing == 0 {
            let _ = writeln!(out, "the same");
        } else {
            let beyond = if v.beyond == v.differing {
                String::new()
            } else {
                format!(", {} beyond what is tolerated", v.beyond)
            };
            let _ = writeln!(out, "{} of {} values differ{beyond}", v.differing, v.cells);
            if v.missing_in_a + v.missing_in_b > 0 {
                let _ = writeln!(
                    out,
                    "    missing only in the first {}, only in the second {}",
                    v.missing_in_a, v.missing_in_b
                );
            }
            if v.signs + v.zeros > 0 {
                let _ = writeln!(out, "    of opposite sign {}, zero in one of them {}", v.signs, v.zeros);
            }
            let places = &variable.places;
            for (name, extreme, place) in [
                ("absolute", v.absolute, &places.absolute),
                ("relative", v.relative, &places.relative),
                ("ulp", v.ulp, &places.ulp),
            ] {
                if let Some(Extreme { size, a, b, .. }) = extreme {
                    let _ =
                        writeln!(out, "    largest {name:<8} {size:<12e} {a} and {b} at {}", shown(place));
                }
            }
            if v.absolute.is_none() {
                let _ = writeln!(out, "    first at {}", shown(&places.first));
            }
        }
    } else {
        let _ = writeln!(out, "{}", variable.unread.unwrap_or_default());
    }
    for line in &variable.metadata {
        let _ = writeln!(out, "    {line}");
    }
}

fn shown(place: &Place) -> String {
    if place.coordinates.is_empty() {
        format!("{:?}", place.index)
    } else {
        format!("{:?} ({})", place.index, place.coordinates.join(", "))
    }
}

/// JSON has no infinities: they become text.
fn number(v: f64) -> Value {
    serde_json::Number::from_f64(v).map_or_else(|| json!(v.to_string()), Value::Number)
}

fn told(v: Told) -> Value {
    match v {
        Told::Float(v) => number(v),
        Told::Integer(v) => match (i64::try_from(v), u64::try_from(v)) {
            (Ok(v), _) => json!(v),
            (_, Ok(v)) => json!(v),
            _ => json!(v.to_string()),
        },
    }
}

pub(super) fn json(all: &Comparison) -> Value {
    let extreme = |extreme: Option<Extreme>, place: &Place| {
        extreme.map(|e| {
            json!({
                "difference": number(e.size), "first": told(e.a), "second": told(e.b),
                "index": place.index, "coordinates": place.coordinates,
            })
        })
    };
    let variable = |v: &Compared| {
        let values = v.values.map(|d| {
            json!({
                "compared": d.cells,
                "differing": d.differing,
                "beyond_tolerance": d.beyond,
                "missing_only_in_first": d.missing_in_a,
                "missing_only_in_second": d.missing_in_b,
                "opposite_sign": d.signs,
                "zero_in_one": d.zeros,
                "absolute": extreme(d.absolute, &v.places.absolute),
                "relative": extreme(d.relative, &v.places.relative),
                "ulp": extreme(d.ulp, &v.places.ulp),
            })
        });
        json!({
            "name": v.name, "same": !v.differs() && !v.is_unknown(), "values": values,
            "not_compared": if v.is_unknown() { v.unread } else { v.refused.as_deref() }, "metadata": v.metadata,
        })
    };
    json!({
        "files": all.files,
        "same": all.is_same(),
        "metadata": all.metadata,
        "attributes_not_compared": all.unread,
        "data_sets_not_compared": all.unseen,
        "variables": all.variables.iter().map(variable).collect::<Vec<_>>(),
    })
}
