//! `halocline info`.

mod flags;

use crate::common::{bytes_text, InputArgs, Verbosity};
use crate::mesh::{self, FoundMesh, GridArgs};
use halocline_core::comm::Comm;
use halocline_core::grid::mesh::{Faces, Point, Staggering};
use halocline_core::meta::{AttributeValue, Attributes, Dim, Role};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use halocline_io::dataset::{Dataset, VariableInfo};
use serde_json::{json, Value};
use std::fmt::Write as _;
use std::io::Write as _;

/// What is in the files: dimensions, variables, grid, time, storage.
#[derive(Debug, clap::Args)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    grid: GridArgs,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &InfoArgs, verbosity: Verbosity) -> Result<()> {
    let dataset = args.input.open(comm, verbosity)?;
    let meshes = meshes(comm, args, &dataset)?;
    let mut printed = Ok(());
    if comm.is_root() {
        let text = if args.json {
            serde_json::to_string_pretty(&as_json(&dataset, &meshes)).unwrap_or_default() + "\n"
        } else {
            as_text(&dataset) + &meshes_as_text(&meshes)
        };
        printed = print(&text);
    }
    comm.agree(printed)
}

/// The mesh that variables of one shape are on; or why there is none.
struct OfVariables {
    names: Vec<String>,
    found: Result<FoundMesh>,
    /// Where on it they stand.
    point: Option<Point>,
}

/// The meshes of the data variables, one for all that have the same horizontal dimensions.
///
/// # Collective
/// Every rank calls this.
fn meshes(comm: &Comm, args: &InfoArgs, dataset: &Dataset) -> Result<Vec<OfVariables>> {
    let mut groups: Vec<(Vec<&Dim>, Vec<String>)> = Vec::new();
    for info in dataset.data_variables().filter(|v| v.variable.dtype.is_numeric()) {
        let dims = &info.variable.dims;
        let horizontal: Vec<&Dim> = dims.iter().filter(|d| matches!(d.role, Role::Y | Role::X)).collect();
        if horizontal.len() < 2 {
            continue;
        }
        match groups.iter_mut().find(|(dims, _)| *dims == horizontal) {
            Some((_, names)) => names.push(info.variable.name.clone()),
            None => groups.push((horizontal, vec![info.variable.name.clone()])),
        }
    }
    let mut all = Vec::new();
    for (_, names) in groups {
        let grid = comm.on_root(|| dataset.grid(&names[0]));
        let found = grid.and_then(|grid| Ok((mesh::find(comm, &args.grid, dataset, &grid)?, grid)));
        // What the user named must be one.
        let found = match found {
            Err(e) if args.grid.grid.is_some() => return Err(e),
            found => found,
        };
        let point = found.as_ref().ok().and_then(|(found, grid)| found.point_of(grid));
        all.push(OfVariables { names, found: found.map(|(found, _)| found), point });
    }
    Ok(all)
}

fn meshes_as_text(meshes: &[OfVariables]) -> String {
    let mut out = String::new();
    for of in meshes {
        let Ok(found) = &of.found else { continue };
        let point = match (found.mesh.staggering, of.point) {
            (Staggering::C, Some(point)) => format!(" at {} points", point.name()),
            _ => String::new(),
        };
        let names = shorten(&of.names.join(", "), 60);
        let _ = writeln!(out, "grid of {names}{point}:");
        for line in found.describe() {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

impl OfVariables {
    fn json(&self) -> Value {
        let found = match &self.found {
            Ok(found) => found,
            Err(e) => return json!({"variables": self.names, "problem": e.to_string()}),
        };
        let mesh = &found.mesh;
        json!({
            "variables": self.names,
            "point": self.point.map(Point::name),
            "cells": mesh.cells,
            "recognised_by": found.model,
            "file": found.file,
            "staggering": match mesh.staggering { Staggering::A => "a", Staggering::C => "c" },
            "faces": mesh.faces.map(Faces::name),
            "topology": mesh.topology.name(),
            "repeated_columns": mesh.cells[1] - mesh.topology.columns,
            "repeated_rows": mesh.cells[0] - mesh.topology.rows,
            "read": found.read,
            "computed": mesh.computed,
        })
    }
}

/// Prints on standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // A reader that has seen enough (`| head`) is no error.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Error::system(format!("can't write to standard output: {e}"))),
        Ok(()) => Ok(()),
    }
}

fn as_text(dataset: &Dataset) -> String {
    let mut out = String::new();
    let files = dataset.files();
    let bytes: u64 = files.iter().map(|f| f.bytes).sum();
    let _ = match files {
        [one] => writeln!(out, "{} ({}, {})", one.path, dataset.format(), bytes_text(bytes)),
        _ => writeln!(
            out,
            "{} files as one data set ({}, {} in all): {} … {}",
            files.len(),
            dataset.format(),
            bytes_text(bytes),
            files[0].path,
            files[files.len() - 1].path
        ),
    };
    for name in ["title", "institution", "source", "Conventions"] {
        if let Some(text) = dataset.attributes().text(name) {
            let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "  {name}: {}", shorten(&line, 100));
        }
    }
    let dims: Vec<String> = dataset.dims().iter().map(|d| format!("{} {}", d.name, d.len)).collect();
    let _ = writeln!(out, "dimensions: {}", if dims.is_empty() { "none".into() } else { dims.join(", ") });
    if let Some(time) = dataset.time().filter(|t| !t.values.is_empty()) {
        let last = time.values.len() - 1;
        let _ = writeln!(
            out,
            "time: {} to {}, {} step{}, {} ({}, calendar {})",
            time.datetime(0).iso(),
            time.datetime(last).iso(),
            last + 1,
            if last == 0 { "" } else { "s" },
            time.step_text(),
            time.units,
            time.calendar.name()
        );
    }
    if let Some(problem) = dataset.time_problem() {
        let _ = writeln!(out, "time: can't be used: {problem}");
    }
    for (title, wanted) in [("data variables", true), ("coordinates and the like", false)] {
        let variables: Vec<&VariableInfo> =
            dataset.variables().iter().filter(|v| is_data(dataset, v) == wanted).collect();
        if variables.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{title}:");
        for info in variables {
            describe(&mut out, info, wanted);
            if let Some(line) = flags::line(&info.variable, &files[0].path) {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    out
}

fn is_data(dataset: &Dataset, info: &VariableInfo) -> bool {
    dataset.data_variables().any(|d| d.variable.name == info.variable.name)
}

fn describe(out: &mut String, info: &VariableInfo, data: bool) {
    let variable = &info.variable;
    let dims: Vec<String> = variable.dims.iter().map(|d| format!("{}={}", d.name, d.len)).collect();
    let mut line = format!("  {}({}) {}", variable.name, dims.join(", "), variable.dtype.name());
    if let Some(units) = variable.units().filter(|u| !u.is_empty()) {
        let _ = write!(line, " [{units}]");
    }
    if let Some(name) =
        variable.attributes.text("long_name").or_else(|| variable.attributes.text("standard_name"))
    {
        let _ = write!(line, "  {}", shorten(name, 60));
    }
    let _ = writeln!(out, "{line}");
    if !data {
        return;
    }
    let bytes = (variable.shape().iter().product::<usize>() * variable.dtype.size()) as u64;
    let mut storage = vec![bytes_text(bytes)];
    if let Some(chunks) = &info.chunks {
        let lengths: Vec<String> = chunks.iter().map(ToString::to_string).collect();
        storage.push(format!("chunks {}", lengths.join(" x ")));
    }
    storage.extend(compression(info));
    if info.packed {
        storage.push("packed".into());
    }
    if variable.dims.len() > 1 && variable.position(halocline_core::meta::Role::Time).is_some() {
        storage.push(format!("{} series tiles to deal to ranks", Tiling::series(&variable.dims).len()));
    }
    let _ = writeln!(out, "      {}", storage.join(", "));
}

/// What is done to the chunks; `None` if nothing, or if it is not known.
fn compression(info: &VariableInfo) -> Option<String> {
    let mut steps: Vec<String> = info.deflate.map(|level| format!("deflate {level}")).into_iter().collect();
    steps.extend(info.other_filters.iter().map(|&id| filter_name(id)));
    if info.shuffle {
        steps.push("shuffle".into());
    }
    (!steps.is_empty()).then(|| steps.join(" + "))
}

/// The usual name of a filter of HDF5's registry.
fn filter_name(id: u16) -> String {
    match id {
        3 => "checksums",
        4 => "szip",
        5 => "n-bit",
        6 => "scale-offset",
        307 => "bzip2",
        32_000 => "lzf",
        32_001 => "blosc",
        32_004 => "lz4",
        32_015 => "zstd",
        id => return format!("filter {id}"),
    }
    .to_owned()
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

fn attributes_json(attributes: &Attributes) -> Value {
    // JSON has no NaN: such numbers become text.
    let number = |v: f64| serde_json::Number::from_f64(v).map_or_else(|| json!(v.to_string()), Value::Number);
    let list = |values: Vec<Value>| match values.as_slice() {
        [one] => one.clone(),
        _ => Value::Array(values),
    };
    Value::Object(
        attributes
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    AttributeValue::Text(t) => json!(t),
                    AttributeValue::Integers(v) => list(v.iter().map(|&x| json!(x)).collect()),
                    AttributeValue::Singles(v) => list(v.iter().map(|&x| number(f64::from(x))).collect()),
                    AttributeValue::Doubles(v) => list(v.iter().map(|&x| number(x)).collect()),
                };
                (name.to_owned(), value)
            })
            .collect(),
    )
}

fn as_json(dataset: &Dataset, meshes: &[OfVariables]) -> Value {
    let time = dataset.time().filter(|t| !t.values.is_empty()).map(|time| {
        json!({
            "units": time.units.to_string(),
            "calendar": time.calendar.name(),
            "length": time.values.len(),
            "first": time.datetime(0).iso(),
            "last": time.datetime(time.values.len() - 1).iso(),
            "step": time.step_text(),
        })
    });
    let variables: Vec<Value> = dataset
        .variables()
        .iter()
        .map(|info| {
            let v = &info.variable;
            json!({
                "name": v.name,
                "type": v.dtype.name(),
                "dimensions": v.dims.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(),
                "shape": v.shape(),
                "chunks": info.chunks,
                "deflate": info.deflate,
                "shuffle": info.shuffle,
                "other_filters": info.other_filters.iter().map(|&id| filter_name(id)).collect::<Vec<_>>(),
                "packed": info.packed,
                "data": is_data(dataset, info),
                "flags": flags::of(v).into_iter().map(|(value, word)| json!({"value": value, "meaning": word})).collect::<Vec<_>>(),
                "attributes": attributes_json(&v.attributes),
            })
        })
        .collect();
    json!({
        "format": dataset.format(),
        "files": dataset.files().iter().map(|f| json!({"path": f.path, "bytes": f.bytes})).collect::<Vec<_>>(),
        "dimensions": dataset.dims().iter().map(|d| json!({"name": d.name, "length": d.len})).collect::<Vec<_>>(),
        "time": time,
        "grids": meshes.iter().map(OfVariables::json).collect::<Vec<_>>(),
        "variables": variables,
        "attributes": attributes_json(dataset.attributes()),
    })
}
