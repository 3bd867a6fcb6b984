//! EOFs of a growing record: the state of what came before, and new records that are added to it.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::contents::Contents;
use super::fields::{prepare_within, with_fields, OpenFields, Wants};
use super::options::{word, EofArgs};
use super::{output, summary};
use crate::common::check_output;
use crate::folding::{self, FoldJob};
use halocline_algorithms::eof::{self, Eof, EofState};
use halocline_core::comm::Comm;
use halocline_core::engine::checkpoint::{self, is_state};
use halocline_core::engine::{Engine, StateHeader, StateNode};
use halocline_core::meta::{Attributes, Coordinate, Dim, Role, Values};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name and version of what is saved.
const NAME: &str = "eof-records";
const VERSION: u32 = 1;
/// Modes in a state, at most.
const MOST: usize = 4096;

/// The state of earlier records.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StateArgs {
    /// Write what later records need to be merged with these to FILE
    #[arg(long, value_name = "FILE.hcs")]
    pub(crate) state: Option<PathBuf>,
    /// Merge the input, which has later records, with those of --state: reads the input alone, and
    /// writes EOFs of all records, and the state of all
    #[arg(long, requires = "state")]
    pub(crate) update: bool,
    /// Modes that a state keeps: what others are lost is told as a bound of the errors [default: 100,
    /// or as many as there are]
    #[arg(long, value_name = "N", requires = "state")]
    pub(crate) state_modes: Option<usize>,
}

impl StateArgs {
    fn keep(&self, modes: Option<usize>) -> Result<usize> {
        let least = modes.unwrap_or(1);
        match self.state_modes {
            None => Ok(least.max(100)),
            Some(keep) if (least..=MOST).contains(&keep) => Ok(keep),
            Some(keep) => {
                Err(Error::usage(format!("--state-modes {keep} is not between {least} and {MOST}")))
            }
        }
    }
}

/// What a state is of: what has to be the same for records to be merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct About {
    variable: String,
    units: Option<String>,
    /// `--weights`, `--anomaly` and the selection in space, as they are recorded.
    options: Vec<(String, String)>,
    /// Of coordinates and weights.
    grid: u64,
    time_units: String,
    calendar: String,
}

/// The small part of a state.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    about: About,
    times: Vec<f64>,
    /// Two for each time, if all records had them.
    bounds: Option<Vec<f64>>,
    /// All but the maps.
    state: EofState,
}

/// A node: the head, in the first, and the maps at the cells of a tile.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    head: Option<Head>,
    maps: Vec<f64>,
}

/// Analyses with a state: reads one if it is to be updated, writes the result and then the new one.
///
/// # Collective
/// Every rank calls this.
pub(super) fn analyse(
    job: &FoldJob<'_>,
    args: &EofArgs,
    open: &OpenFields,
    path: &Path,
) -> Result<WriteReport> {
    let comm = job.comm;
    let options = args.options()?;
    let keep = args.state.keep(args.modes)?;
    let source = &open.fields[0].source;
    let tiling = tiling(source);
    let known = if args.state.update { Some(load(comm, path, &tiling)?) } else { None };
    let earlier = known.as_ref().map(|head| &head.state);
    // There are no more than rows that are merged.
    let keep = keep.min(earlier.map_or(0, EofState::modes) + source.time().len() + 12);
    let memory = |dims: &[Dim], _: &[bool]| eof::memory_merging(dims, &options, earlier, keep);
    let needs = |dims: &[Dim], _: &[bool]| eof::needs_merging(dims, &options, earlier, keep);
    let wants = Wants { kernels: 0, memory: &memory, needs: &needs, copies: 2, across: &|_, _| None };
    let prepared = prepare_within(job, open, &args.prepare, &args.selection, &wants)?;
    let watch = job.watch();
    let engine = job.engine();
    let found = folding::guarded(comm, &open.sources(), || {
        with_fields(open, &prepared, |fields| {
            let about = about(args, source, fields[0].input.weights);
            let times = match &known {
                None => source.time().values.clone(),
                Some(head) => head.continued(&about, source).map_err(|e| e.in_file(path))?,
            };
            let (eof, state) = eof::merge_records(&engine, &fields[0], earlier, &options, keep)?;
            Ok((about, times, eof, state))
        })
    });
    let (about, times, eof, state) = found.map_err(|e: Error| open.blame(e))?;
    drop((watch, prepared));
    let bounds = bounds(known.as_ref(), source);
    let axis = coordinate(source, &times, bounds.as_deref());
    summary::tell(job, args, open, &eof);
    let written = job.write(|| output::write(job, args, open, (eof, Some(axis))))?;
    // The state last: while it is the old one, the same records can be added again.
    let head = state.map(|state| Head { about, times, bounds, state });
    save(comm, path, &tiling, head)?;
    job.verbosity.say(comm, || format!("wrote {}", path.display()));
    Ok(written)
}

/// Refuses what a state does not go with, and files that must not be replaced by one.
///
/// # Collective
/// One rank looks.
pub(super) fn check(comm: &Comm, args: &EofArgs, open: &OpenFields, path: &Path) -> Result<()> {
    eof::check_merging(&args.options()?, open.fields.len())?;
    args.state.keep(args.modes)?;
    let taken: Vec<PathBuf> = open.files().into_iter().chain([args.output.clone()]).collect();
    let whole = |path: &Path| path.canonicalize().ok().or_else(|| std::path::absolute(path).ok());
    comm.on_root(|| {
        if taken.iter().any(|other| whole(other) == whole(path)) {
            return Err(Error::usage("the state would replace an input or the output")
                .remedy("name another file with --state"));
        }
        let is_there = path.exists();
        if args.state.update && !is_there {
            return Err(Error::data("is not there, and --update adds to it")
                .in_file(path)
                .remedy("leave --update out for the first records"));
        }
        if is_there && !(path.is_file() && is_state(path)?) {
            return Err(Error::usage("is no state, and would be replaced by one")
                .in_file(path)
                .remedy("name another file with --state"));
        }
        Ok(())
    })?;
    if args.state.update {
        Ok(())
    } else {
        check_output(comm, path, &open.files())
    }
}

/// Tiles that do not depend on the number of records.
fn tiling(source: &Source) -> Tiling {
    let mut dims = source.variable().dims.clone();
    if let Some(time) = dims.first_mut() {
        time.len = 1;
    }
    Tiling::series(&dims)
}

fn about(args: &EofArgs, source: &Source, weights: &[f64]) -> About {
    let mut options = vec![
        ("weights".to_owned(), word(&args.prepare.weights)),
        ("anomaly".to_owned(), word(&args.prepare.anomaly)),
    ];
    let space = args.selection.describe().into_iter().filter(|(key, _)| *key != "time");
    options.extend(space.map(|(key, value)| (key.to_owned(), value)));
    let grid = source.grid();
    let mut numbers = weights.to_vec();
    for coordinate in [&grid.lat, &grid.lon].into_iter().flatten() {
        numbers.extend(coordinate.values.to_f64());
    }
    numbers.extend(grid.excluded.iter().map(|e| f64::from(u8::from(*e))));
    // FNV-1a: the same on every machine and in every version.
    let hash = |hash: u64, v: &f64| (hash ^ v.to_bits()).wrapping_mul(0x0100_0000_01b3);
    About {
        variable: source.variable().name.clone(),
        units: source.variable().units().map(str::to_owned),
        options,
        grid: numbers.iter().fold(0xcbf2_9ce4_8422_2325, hash),
        time_units: source.time().units.text().to_owned(),
        calendar: source.time().calendar.name().to_owned(),
    }
}

impl Head {
    /// The times of all records; refuses new ones that don't belong to this state.
    fn continued(&self, new: &About, source: &Source) -> Result<Vec<f64>> {
        let old = &self.about;
        let text = |units: &Option<String>| units.clone().unwrap_or_else(|| "no units".into());
        let of = |options: &[(String, String)]| {
            let all: Vec<String> = options.iter().map(|(k, v)| format!("{k}={v}")).collect();
            all.join("; ")
        };
        let differs = [
            ("variable", old.variable.clone(), new.variable.clone()),
            ("units", text(&old.units), text(&new.units)),
            ("options", of(&old.options), of(&new.options)),
            ("time units", old.time_units.clone(), new.time_units.clone()),
            ("calendar", old.calendar.clone(), new.calendar.clone()),
        ];
        if let Some((what, theirs, ours)) = differs.iter().find(|(_, a, b)| a != b) {
            return Err(Error::data(format!(
                "the {what} of the saved state (`{theirs}`) are not those of the new records (`{ours}`)"
            ))
            .remedy("bring the new records to the same, or start anew without --update"));
        }
        if old.grid != new.grid {
            return Err(Error::data("the saved state is of another grid, or of other weights or masks")
                .remedy("start anew without --update"));
        }
        let times = &source.time().values;
        let (last, first) = (self.times.last().copied(), times.first().copied());
        if last.zip(first).is_some_and(|(last, first)| first <= last) {
            let count = times.iter().filter(|t| last.is_some_and(|last| **t <= last)).count();
            return Err(Error::data(format!(
                "{count} of the new records, from {}, are not later than the last of the saved state",
                source.time().datetime(0).iso()
            ))
            .remedy("choose later ones with --time"));
        }
        if self.times.len() != self.state.records() {
            return Err(Error::data("the parts of the saved state don't fit each other"));
        }
        Ok(self.times.iter().chain(times).copied().collect())
    }
}

/// Bounds of all records, if all have them.
fn bounds(known: Option<&Head>, source: &Source) -> Option<Vec<f64>> {
    let new = source.time_coordinate().bounds.as_ref()?.values.to_f64();
    match known {
        None => Some(new),
        Some(head) => head.bounds.as_ref().map(|old| old.iter().copied().chain(new).collect()),
    }
}

/// The coordinate of all records, like that of the new ones.
fn coordinate(source: &Source, times: &[f64], bounds: Option<&[f64]>) -> Coordinate {
    let mut all = source.time_coordinate().clone();
    let lengthen = |c: &mut Coordinate| {
        if let Some(time) = c.variable.dims.first_mut() {
            time.len = times.len();
        }
    };
    lengthen(&mut all);
    all.values = Values::F64(times.to_vec());
    all.bounds = all.bounds.take().zip(bounds).map(|(mut of, bounds)| {
        lengthen(&mut of);
        of.values = Values::F64(bounds.to_vec());
        of
    });
    if all.bounds.is_none() {
        all.variable.attributes.remove("bounds");
    }
    all
}

/// # Collective
/// Every rank calls this; rank 0 with the state.
fn save(comm: &Comm, path: &Path, tiling: &Tiling, head: Option<Head>) -> Result<()> {
    let mut nodes: Vec<StateNode> = Vec::new();
    let built = head.map_or(Ok(()), |mut head| {
        let maps = std::mem::take(&mut head.state.maps);
        let mut head = Some(head);
        for column in 0..tiling.len() {
            let part =
                Part { maps: at_cells(&maps, &cells(tiling, column), grid(tiling)), head: head.take() };
            nodes.push(StateNode::of_column(column, &part)?);
        }
        Ok(())
    });
    comm.agree(built)?;
    checkpoint::save(comm, path, &header(tiling), &mut nodes.into_iter().map(Ok::<_, Error>))?;
    Ok(())
}

/// # Collective
/// Every rank calls this.
fn load(comm: &Comm, path: &Path, tiling: &Tiling) -> Result<Head> {
    let mut parts: Vec<(usize, Part)> = Vec::new();
    let mut take = |node: StateNode| {
        parts.push((node.column, node.decoded()?));
        Ok(())
    };
    checkpoint::load(comm, path, &header(tiling), &|_| 0, &mut take, &mut |_| ())?;
    let joined = comm.is_root().then(|| join(tiling, parts)).transpose();
    let head = comm.agree(joined.map_err(|e| e.in_file(path)))?;
    let mut all =
        Engine::new(comm).finish_single(head.as_ref().map(|(head, _)| head), |head| Ok(head.clone()))?;
    let mut maps = head.map(|(_, maps)| maps).unwrap_or_default();
    comm.broadcast(&mut maps, 0);
    all.state.maps = maps;
    Ok(all)
}

fn join(tiling: &Tiling, mut parts: Vec<(usize, Part)>) -> Result<(Head, Vec<f64>)> {
    let odd = || {
        Error::data("the parts of the saved state don't fit each other").remedy("start anew without --update")
    };
    parts.sort_by_key(|(column, _)| *column);
    let head = parts.iter_mut().find_map(|(_, part)| part.head.take()).ok_or_else(odd)?;
    let grid = grid(tiling);
    let rows = head.state.modes() + head.state.counts.len();
    if parts.len() != tiling.len() || rows > MOST + 12 {
        return Err(odd());
    }
    let mut maps = halocline_core::memory::filled(rows * grid, f64::NAN);
    for (column, part) in &parts {
        let cells = cells(tiling, *column);
        if part.maps.len() != rows * cells.len() {
            return Err(odd());
        }
        for (row, values) in part.maps.chunks(cells.len().max(1)).enumerate() {
            cells.iter().zip(values).for_each(|(&cell, v)| maps[row * grid + cell] = *v);
        }
    }
    Ok((head, maps))
}

fn header(tiling: &Tiling) -> StateHeader {
    StateHeader { fold: NAME.into(), version: VERSION, job: String::new(), tiling: tiling.clone() }
}

fn grid(tiling: &Tiling) -> usize {
    tiling.dims().iter().skip(1).map(|d| d.len).product()
}

/// The cells of the grid in a column of tiles.
fn cells(tiling: &Tiling, column: usize) -> Vec<usize> {
    let space = |block: &halocline_core::index::IndexBox| {
        halocline_core::index::IndexBox::new(block.ranges()[1..].to_vec())
    };
    let shape: Vec<usize> = tiling.dims().iter().skip(1).map(|d| d.len).collect();
    let block = tiling.tile(tiling.at_place(column, 0, &[Role::Time])).block;
    let mut cells = Vec::new();
    halocline_core::index::IndexBox::whole(&shape)
        .for_each_run(&space(&block), |from, _, n| cells.extend(from..from + n));
    cells
}

fn at_cells(maps: &[f64], cells: &[usize], grid: usize) -> Vec<f64> {
    maps.chunks(grid.max(1)).flat_map(|row| cells.iter().map(|&cell| row[cell])).collect()
}

/// As it is written into outputs.
pub(super) fn describe(eof: &Eof) -> Vec<(String, String)> {
    let Some(merged) = &eof.merged else { return Vec::new() };
    vec![
        ("state_modes".to_owned(), merged.kept.to_string()),
        ("merges".to_owned(), merged.merges.to_string()),
        ("records_added".to_owned(), merged.records[1].to_string()),
    ]
}

/// Adds the bound to a file; `units` are those of eigenvalues.
pub(super) fn write(contents: &mut Contents, eof: &Eof, units: Option<&str>) {
    let Some(merged) = &eof.merged else { return };
    let mut about = Attributes::new()
        .with(
            "long_name",
            "error bound: the eigenvalue of the covariance of all records is larger by this at most",
        )
        .with("comment", "the sum over all merges of the largest eigenvalue that was not kept; proven")
        .with(
            "references",
            "Ross et al. (2008), doi:10.1007/s11263-007-0075-7; Brand (2006), doi:10.1016/j.laa.2005.07.021",
        );
    if let Some(units) = units {
        about.set("units", units);
    }
    let values = Values::F64(vec![merged.bound; eof.eigenvalues.len()]);
    contents.whole("eigenvalue_error_bound", ["mode".to_owned()], values, about);
}

/// What a user sees of it.
pub(super) fn tell(eof: &Eof) -> Vec<String> {
    let Some(merged) = &eof.merged else { return Vec::new() };
    let [before, new] = merged.records;
    let lost = if merged.bound > 0.0 {
        format!(
            "each eigenvalue is larger by {:.3e} at most ({:.1e} of the total variance) for what was not kept",
            merged.bound,
            merged.bound / eof.total_variance
        )
    } else {
        "nothing was lost".to_owned()
    };
    vec![format!(
        "{} added to {before}; the state keeps {}; {lost}",
        folding::plural(new, "record"),
        folding::plural(merged.kept, "mode")
    )]
}
