//! A prediction in words, and as JSON.

use super::predict::{Job, Prediction};
use crate::bench::model::Machine;
use crate::common::bytes_text;
use halocline_core::{Error, Result};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

/// Below this efficiency more nodes are a waste.
const POOR: f64 = 0.5;

/// Efficiency of each row against the first.
fn efficiencies(rows: &[Prediction]) -> Vec<f64> {
    let Some(first) = rows.first() else { return Vec::new() };
    let cost = |p: &Prediction| p.seconds * p.nodes as f64;
    rows.iter().map(|p| cost(first) / cost(p)).collect()
}

/// Where more nodes stop paying, and why.
fn verdict(rows: &[Prediction], efficiency: &[f64]) -> String {
    let end = rows.iter().zip(efficiency).find(|(_, e)| **e < POOR);
    match (end, rows.last()) {
        (Some((row, e)), _) => format!(
            "scaling ends below {} nodes ({:.0} % efficiency): most time goes to {}",
            row.nodes,
            e * 100.0,
            row.bound
        ),
        (None, Some(last)) => {
            format!("scales to {} nodes at least; most time goes to {}", last.nodes, last.bound)
        }
        (None, None) => String::new(),
    }
}

pub(super) fn table(machine: &Machine, job: &Job, rows: &[Prediction]) -> String {
    let efficiency = efficiencies(rows);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: {} times, {} cells, {} of values, {} to read; model of {} ({} cores)",
        job.case.name(),
        job.times,
        job.cells,
        bytes_text(job.decoded as u64),
        bytes_text(job.stored as u64),
        machine.place.host,
        machine.place.cores
    );
    let head = [
        "nodes",
        "ranks",
        "seconds",
        "start",
        "work",
        "storage",
        "alone",
        "exchange",
        "messages",
        "sent",
        "memory",
        "efficiency",
    ];
    let _ = writeln!(out, "{}", head.map(|h| format!("{h:>10}")).join(" "));
    for (p, e) in rows.iter().zip(&efficiency) {
        let cells = [
            p.nodes.to_string(),
            p.ranks.to_string(),
            format!("{:.3}", p.seconds),
            format!("{:.3}", p.start),
            format!("{:.3}", p.work),
            format!("{:.3}", p.storage),
            format!("{:.3}", p.serial),
            format!("{:.3}", p.exchange),
            p.messages.map_or("-".into(), |n| n.to_string()),
            bytes_text(p.bytes_sent as u64),
            bytes_text(p.memory as u64),
            format!("{:.0}%", e * 100.0),
        ];
        let _ = writeln!(out, "{}", cells.map(|c| format!("{c:>10}")).join(" "));
    }
    let _ = writeln!(out, "{}", verdict(rows, &efficiency));
    out
}

/// A prediction beside its efficiency.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    prediction: &'a Prediction,
    efficiency: f64,
}

pub(super) fn json(machine: &Machine, job: &Job, rows: &[Prediction]) -> Result<String> {
    let efficiency = efficiencies(rows);
    let with_efficiency: Vec<Row<'_>> =
        rows.iter().zip(&efficiency).map(|(prediction, e)| Row { prediction, efficiency: *e }).collect();
    let all = json!({
        "case": job.case.name(),
        "times": job.times,
        "cells": job.cells,
        "files": job.files,
        "tiles": job.tiles,
        "bytes_decoded": job.decoded,
        "bytes_stored": job.stored,
        "machine": machine.place,
        "predictions": with_efficiency,
        "verdict": verdict(rows, &efficiency),
    });
    serde_json::to_string_pretty(&all).map(|t| t + "\n").map_err(|e| Error::internal(e.to_string()))
}
