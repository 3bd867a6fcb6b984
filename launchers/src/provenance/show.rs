//! A record as people read it, and those of inputs behind it.

use super::read;
use crate::common::bytes_text;
use halocline_io::inputs::{digest, RECORD};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// Inputs of inputs, at most; records may go round in a circle, as files are replaced.
const DEEPEST: usize = 20;
/// Files of a data set that are named, at most.
const NAMED: usize = 6;

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("unknown")
}

/// The record with those of inputs in it, as far as their files are there and the same.
pub(crate) fn chained(record: &Value) -> Value {
    let mut all = record.clone();
    chain(&mut all, 0);
    all
}

fn chain(record: &mut Value, depth: usize) {
    let Some(used) = record["prov:used"].as_array_mut() else { return };
    for set in used {
        if let (Some(mut of_input), true) = (of_input(set), depth < DEEPEST) {
            chain(&mut of_input, depth + 1);
            set["prov:wasDerivedFrom"] = of_input;
        }
    }
}

/// The record of an input, if its file is there and has the one that it had.
fn of_input(set: &Value) -> Option<Value> {
    let noted = set["record"].as_str()?;
    let path = Path::new(set["files"][0]["path"].as_str()?);
    let record = read(path).ok()?;
    let dataset =
        halocline_io::open(&halocline_core::comm::Comm::serial(), &[path.to_string_lossy().into_owned()])
            .ok()?;
    (digest(dataset.attributes().text(RECORD)?.as_bytes()) == noted).then_some(record)
}

/// The record of a file in words.
pub(super) fn text(file: &Path, record: &Value) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", file.display());
    describe(&mut out, record, 0);
    out
}

fn describe(out: &mut String, record: &Value, depth: usize) {
    let pad = "  ".repeat(depth + 1);
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(out, "{pad}{name:<9} {}", what.trim_end());
    };
    let (activity, agent) = (&record["prov:wasGeneratedBy"], &record["prov:wasAssociatedWith"]);
    line("command", text_of(activity, "command"));
    line("in", text_of(activity, "directory"));
    let defaults: Vec<&str> =
        activity["defaults"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(options) = activity["options"].as_object() {
        let said = |(name, value): (&String, &Value)| {
            let value = match value {
                Value::Null | Value::Bool(false) => return None,
                Value::Bool(true) => String::new(),
                Value::String(text) => format!("={text}"),
                Value::Array(all) => {
                    let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
                    format!("={}", all.join(","))
                }
                other => format!("={other}"),
            };
            Some(format!("{name}{value}"))
        };
        let of_default = |want: bool| {
            let some = options.iter().filter(|(name, _)| defaults.contains(&name.as_str()) == want);
            some.filter_map(said).collect::<Vec<_>>().join(" ")
        };
        line("defaults", &of_default(true));
    }
    if let Some(pipeline) = activity["pipeline"].as_object() {
        let text = pipeline.get("text").and_then(Value::as_str).unwrap_or_default();
        let name = pipeline.get("file").and_then(Value::as_str).unwrap_or_default();
        line("pipeline", &format!("{name}, {}", crate::folding::plural(text.lines().count(), "line")));
    }
    let libraries = agent["libraries"].as_object().into_iter().flatten();
    let libraries: Vec<String> =
        libraries.filter_map(|(name, v)| Some(format!("{name} {}", v.as_str()?))).collect();
    line(
        "program",
        &format!(
            "{} {} (commit {}, {} build; {})",
            text_of(agent, "name"),
            text_of(agent, "version"),
            text_of(agent, "commit"),
            text_of(agent, "build"),
            libraries.join(", ")
        ),
    );
    if let (Some(run), Some(ended)) = (record["run"].as_object(), activity["prov:endedAtTime"].as_str()) {
        let number = |key: &str| run.get(key).and_then(Value::as_u64).unwrap_or(0);
        let seconds = run.get("wall_seconds").and_then(Value::as_f64).unwrap_or(0.0);
        line(
            "run",
            &format!(
                "{ended}, {seconds} s on {} x {} ({}), peak memory {}",
                crate::folding::plural(number("ranks") as usize, "rank"),
                crate::folding::plural(number("threads") as usize, "thread"),
                run.get("ranks_are").and_then(Value::as_str).unwrap_or("unknown"),
                bytes_text(number("peak_memory_bytes"))
            ),
        );
    }
    for set in record["prov:used"].as_array().into_iter().flatten() {
        input(out, set, depth, &pad);
    }
}

fn input(out: &mut String, set: &Value, depth: usize, pad: &str) {
    let files: &[Value] = set["files"].as_array().map_or(&[], Vec::as_slice);
    for file in files.iter().take(NAMED) {
        let checksum = file["checksum"]
            .as_str()
            .map_or_else(String::new, |c| format!(", BLAKE3 {}…", c.get(..16).unwrap_or(c)));
        let _ = writeln!(
            out,
            "{pad}input     {} ({}, {}{checksum})",
            text_of(file, "path"),
            bytes_text(file["bytes"].as_u64().unwrap_or(0)),
            text_of(file, "changed")
        );
    }
    if files.len() > NAMED {
        let _ = writeln!(out, "{pad}          and {} more", files.len() - NAMED);
    }
    if let Some(time) = set["time"].as_object() {
        let get = |key: &str| time.get(key).and_then(Value::as_str).unwrap_or("unknown");
        let steps = time.get("steps").and_then(Value::as_u64).unwrap_or(0);
        let _ = writeln!(
            out,
            "{pad}          {} to {}, {}, calendar {}",
            get("first"),
            get("last"),
            crate::folding::plural(steps as usize, "step"),
            get("calendar")
        );
    }
    match (set["record"].as_str(), of_input(set)) {
        (None, _) => {}
        (Some(_), Some(record)) if depth < DEEPEST => describe(out, &record, depth + 1),
        (Some(noted), _) => {
            let short = noted.get(..16).unwrap_or(noted);
            let _ = writeln!(
                out,
                "{pad}          made by halocline (record {short}…), and not there any more as it was"
            );
        }
    }
}
