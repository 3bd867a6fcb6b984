//! How a file was made: its record, and those of inputs behind it, as the page shows them.

use super::words::fact;
use crate::common::{bytes_text, quoted};
use crate::folding::plural;
use minijinja::{context, Value};
use serde_json::Value as Json;

/// Records that are shown, at most: chains of inputs may be long.
const MOST: usize = 12;
/// Files of one record that are named, at most.
const NAMED: usize = 40;

fn text_of<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("unknown")
}

/// The record and those of its inputs, the file's own first.
pub(super) fn made(record: &Json) -> Vec<Value> {
    let mut all = Vec::new();
    let mut left = vec![(String::new(), record)];
    while let Some((of, record)) = left.pop() {
        all.push(one(&of, record));
        if all.len() == MOST {
            break;
        }
        let used = record["prov:used"].as_array().into_iter().flatten();
        let behind = used.filter(|set| set["prov:wasDerivedFrom"].is_object());
        let mut behind: Vec<_> = behind
            .map(|set| (text_of(&set["files"][0], "path").to_owned(), &set["prov:wasDerivedFrom"]))
            .collect();
        behind.reverse();
        left.extend(behind);
    }
    all
}

fn one(of: &str, record: &Json) -> Value {
    let (activity, agent) = (&record["prov:wasGeneratedBy"], &record["prov:wasAssociatedWith"]);
    let mut facts = vec![fact("Directory", text_of(activity, "directory"))];
    if let Some(defaults) = defaults(activity) {
        facts.push(fact("Defaults", &defaults));
    }
    facts.push(fact(
        "Program",
        &format!(
            "{} {}, commit {}, {} build for {}",
            text_of(agent, "name"),
            text_of(agent, "version"),
            text_of(agent, "commit"),
            text_of(agent, "build"),
            text_of(agent, "target")
        ),
    ));
    let libraries: Vec<String> = agent["libraries"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, v)| Some(format!("{name} {}", v.as_str()?)))
        .collect();
    if !libraries.is_empty() {
        facts.push(fact("Libraries", &libraries.join(", ")));
    }
    let numbers = &agent["numbers"];
    for (name, key) in [("Missing values", "missing"), ("Sums", "sums")] {
        if let Some(text) = numbers[key].as_str() {
            facts.push(fact(name, text));
        }
    }
    let pipeline = activity["pipeline"]["text"].as_str().unwrap_or_default();
    let (inputs, more) = inputs(record);
    let sums = &record["checksums"];
    let checksums = match text_of(sums, "of") {
        "none" => "not taken".to_owned(),
        "header" => format!("{} of the first 64 KiB of each file", text_of(sums, "algorithm")),
        "full" => format!("{} of whole files", text_of(sums, "algorithm")),
        other => format!("{} of {other}", text_of(sums, "algorithm")),
    };
    context! { of, command => text_of(activity, "command"), facts, pipeline, inputs, checksums, more }
}

/// Options that nobody typed, with their values.
fn defaults(activity: &Json) -> Option<String> {
    let named: Vec<&str> =
        activity["defaults"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let said = |(name, value): (&String, &Json)| {
        let value = match value {
            Json::Null | Json::Bool(false) => return None,
            Json::Bool(true) => String::new(),
            Json::String(text) => format!("={text}"),
            Json::Array(all) => {
                format!("={}", all.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","))
            }
            other => format!("={other}"),
        };
        Some(format!("{name}{value}"))
    };
    let options = activity["options"].as_object()?;
    let all: Vec<String> =
        options.iter().filter(|(name, _)| named.contains(&name.as_str())).filter_map(said).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The files that were read, and a word on those that are not named.
fn inputs(record: &Json) -> (Vec<Value>, String) {
    let mut all = Vec::new();
    let mut count = 0;
    for set in record["prov:used"].as_array().into_iter().flatten() {
        let time = set["time"].as_object().map_or_else(String::new, |time| {
            let get = |key: &str| time.get(key).and_then(Json::as_str).unwrap_or("unknown");
            let steps = time.get("steps").and_then(Json::as_u64).unwrap_or(0);
            format!(
                "{} to {}, {}, calendar {}",
                get("first"),
                get("last"),
                plural(steps as usize, "step"),
                get("calendar")
            )
        });
        for (k, file) in set["files"].as_array().into_iter().flatten().enumerate() {
            count += 1;
            if all.len() == NAMED {
                continue;
            }
            all.push(context! {
                path => text_of(file, "path"),
                said => if k == 0 { time.as_str() } else { "" },
                size => bytes_text(file["bytes"].as_u64().unwrap_or(0)),
                changed => text_of(file, "changed"),
                checksum => file["checksum"].as_str().unwrap_or("none"),
            });
        }
    }
    let more = if count > all.len() {
        format!("And {}; `halocline provenance --json` names all.", plural(count - all.len(), "more file"))
    } else {
        String::new()
    };
    (all, more)
}

/// How long it took, on what; nothing where the record does not say.
pub(super) fn timings(record: &Json) -> Vec<Value> {
    let (run, activity) = (&record["run"], &record["prov:wasGeneratedBy"]);
    let mut all = Vec::new();
    for (name, key) in [("Started", "prov:startedAtTime"), ("Ended", "prov:endedAtTime")] {
        if let Some(text) = activity[key].as_str() {
            all.push(fact(name, text));
        }
    }
    if !run.is_object() {
        return all;
    }
    let number = |key: &str| run[key].as_u64().unwrap_or(0);
    if let Some(seconds) = run["wall_seconds"].as_f64() {
        all.push(fact("Wall time", &format!("{seconds} s")));
    }
    let ranks = plural(number("ranks") as usize, "rank");
    let threads = plural(number("threads") as usize, "thread");
    all.push(fact(
        "Ran on",
        &format!("{ranks} × {threads} ({}, {})", text_of(run, "ranks_are"), text_of(run, "launcher")),
    ));
    all.push(fact(
        "Peak memory",
        &format!("{} of a rank's process", bytes_text(number("peak_memory_bytes"))),
    ));
    all
}

/// Command lines that make the file again, and that check it.
pub(super) fn again(record: &Json, path: &str) -> (String, String) {
    let activity = &record["prov:wasGeneratedBy"];
    let go = activity["directory"].as_str().map_or_else(String::new, |d| format!("cd {}\n", quoted(d)));
    // A name that begins with a dash would be read as an option.
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    (format!("{go}{}", text_of(activity, "command")), format!("halocline verify {}", quoted(&path)))
}
