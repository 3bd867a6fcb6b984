//! The fields of an analysis: opened, checked against each other, planned within the budget.

use super::options::{AnomalyChoice, PrepareArgs, WeightChoice};
use crate::common::{bytes_text, paths, InputArgs, SelectionArgs};
use crate::folding::{self, FoldJob};
use crate::place::locate;
use crate::series::writing_bytes;
use crate::{pairs, series};
use halocline_algorithms::eof::{self, EofField, EofInput, Missing};
use halocline_core::engine::{SeriesNeeds, SeriesPlan};
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;

/// One variable of an analysis.
#[derive(Debug)]
pub(crate) struct OpenField {
    /// What its results are called: the variable's name, with a number if there are two of it.
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) files: Vec<PathBuf>,
}

/// The fields, and the data set of the first.
#[derive(Debug)]
pub(crate) struct OpenFields {
    pub(crate) dataset: Dataset,
    pub(crate) fields: Vec<OpenField>,
}

impl OpenFields {
    /// Opens `vars` of the input, and `FILES:VAR` for each of `with`.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open(
        job: &FoldJob<'_>,
        input: &InputArgs,
        selected: &SelectionArgs,
        names: (&[String], &[String]),
    ) -> Result<Self> {
        Self::open_at_least(job, input, selected, names, 2)
    }

    /// [`Self::open`], of `least` records at least.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open_at_least(
        job: &FoldJob<'_>,
        input: &InputArgs,
        selected: &SelectionArgs,
        (vars, with): (&[String], &[String]),
        least: usize,
    ) -> Result<Self> {
        let (comm, verbosity) = (job.comm, job.verbosity);
        let mut selection = selected.selection()?;
        selection.io = input.io;
        let dataset = input.open(comm, verbosity)?;
        let several = vars.len() + with.len() > 1;
        let mut fields: Vec<OpenField> = Vec::new();
        for name in vars {
            let source = dataset.source(comm, name, &selection_for(&dataset, name, &selection, several))?;
            source.needs_time()?;
            fields.push(OpenField {
                label: String::new(),
                name: name.clone(),
                source,
                files: paths(&dataset),
            });
        }
        for text in with {
            let (files, name) = of_with(text)?;
            let other = halocline_io::open_with(comm, &[files.to_owned()], dataset.options())?;
            other.notes().iter().for_each(|note| verbosity.detail(comm, || note.clone()));
            let source = other.source(comm, name, &selection_for(&other, name, &selection, true))?;
            source.needs_time()?;
            fields.push(OpenField {
                label: String::new(),
                name: name.to_owned(),
                source,
                files: paths(&other),
            });
        }
        let (first, others) = fields.split_at_mut(1);
        for field in others {
            let blame = |e: Error| folding::blame(e, field.files.first(), &field.name);
            let times = first[0].source.time();
            let origin = pairs::align(&first[0].source, &field.source).map_err(blame)?;
            if origin > 0 || field.source.time().len() != times.len() {
                field.source = field.source.between(origin..origin + times.len()).map_err(blame)?;
            }
        }
        for i in 0..fields.len() {
            let before = fields[..i].iter().filter(|f| f.name == fields[i].name).count();
            let label = &fields[i].name;
            fields[i].label = if before == 0 { label.clone() } else { format!("{label}_{}", before + 1) };
        }
        for field in &fields {
            check(&field.source, least).map_err(|e| folding::blame(e, field.files.first(), &field.name))?;
            let repeated = comm.on_root(|| field.source.grid().repeated())?.len();
            if repeated > 0 {
                verbosity.say(comm, || {
                    format!(
                        "note: {} of `{}` repeated, as a column at the longitude of another: they count as often as the file holds them; --box can leave them out",
                        folding::plural(repeated, "cell"),
                        field.label
                    )
                });
            }
        }
        Ok(Self { dataset, fields })
    }

    /// All files that are read.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.fields.iter().flat_map(|f| f.files.iter().cloned()).collect()
    }

    /// Their sources.
    pub(crate) fn sources(&self) -> Vec<&Source> {
        self.fields.iter().map(|f| &f.source).collect()
    }

    /// What an analysis refuses, it refuses of the field that it names, or else of the first.
    pub(crate) fn blame(&self, e: Error) -> Error {
        let ours = matches!(e.kind, ErrorKind::Internal | ErrorKind::System);
        let named = |f: &&OpenField| e.variable.as_deref() == Some(f.label.as_str());
        if ours {
            return e;
        }
        let Some(field) = self.fields.iter().find(named).or(self.fields.first()) else { return e };
        match field.files.first() {
            Some(file) if e.file.is_none() => e.in_file(file).in_variable(&field.name),
            _ => e,
        }
    }
}

/// Files and variable of `--with`.
pub(crate) fn of_with(text: &str) -> Result<(&str, &str)> {
    let named = text.rsplit_once(':').filter(|(f, v)| !f.is_empty() && !v.is_empty() && !v.contains('/'));
    named.ok_or_else(|| {
        Error::usage(format!("--with `{text}` names no file and variable"))
            .remedy("write --with FILES:VAR, as in --with 'z500_*.nc:zg'")
    })
}

/// The selection for a variable: one without levels has none to choose, if there are others.
pub(crate) fn selection_for(
    dataset: &Dataset,
    name: &str,
    selection: &Selection,
    several: bool,
) -> Selection {
    let mut selection = selection.clone();
    let has_levels = |dims: &[Dim]| dims.iter().any(|d| d.role == Role::Level);
    if several && dataset.variable(name).is_ok_and(|info| !has_levels(&info.variable.dims)) {
        selection.level = None;
        selection.levels = None;
    }
    selection
}

/// Refuses data that have no modes.
fn check(source: &Source, least: usize) -> Result<()> {
    if source.grid().dims.is_empty() {
        return Err(Error::data("has no horizontal dimension, and an EOF analysis needs one"));
    }
    let times = source.time().len();
    if times < least {
        return Err(Error::data(format!("an EOF analysis needs at least two times, there is {times}")));
    }
    Ok(())
}

/// A field with all that its passes need.
#[derive(Debug)]
pub(crate) struct Prepared {
    weights: Vec<f64>,
    months: Vec<u8>,
    plan: SeriesPlan,
}

/// Plans the passes over all fields within the budget; `needs` of each field's dimensions and
/// cells left out, `kernels` n × n matrices of doubles that rank 0 holds at a time.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn prepare(
    job: &FoldJob<'_>,
    open: &OpenFields,
    args: &PrepareArgs,
    selected: &SelectionArgs,
    (kernels, missing): (u64, &Missing),
    needs: &dyn Fn(&[Dim], &[bool]) -> SeriesNeeds,
) -> Result<Vec<Prepared>> {
    let memory = |dims: &[Dim], excluded: &[bool]| {
        paired_memory(open, missing).unwrap_or_else(|| {
            (eof::state_bytes(dims, excluded, missing), eof::solver_bytes(dims, excluded, missing))
        })
    };
    let wants = Wants { kernels, memory: &memory, needs, copies: 2, across: &|_, _| None };
    prepare_within(job, open, args, selected, &wants)
}

/// Bytes for partial sums and for the eigenproblem where pairs are of the cells of all fields; `None`
/// where there are no pairs.
pub(super) fn paired_memory(open: &OpenFields, missing: &Missing) -> Option<(u64, u64)> {
    matches!(missing, Missing::Pairwise(_)).then(|| {
        let together = together(open);
        (eof::state_bytes(&together, &[], missing), eof::solver_bytes(&together, &[], missing))
    })
}

/// Cells of a tile of series, about, by which parts of ranks may be uneven.
const TILE: usize = 4096;

/// Bytes of so many maps that a rank holds, which are those of its own cells, and what writing them
/// takes at most.
pub(super) fn map_bytes(maps: usize, cells: usize, (ranks, copies): (usize, u64)) -> (u64, u64) {
    // Parts are whole tiles.
    let own = cells.div_ceil(ranks.max(1)).saturating_add(TILE).min(cells);
    let held = ((maps * own) as u64).saturating_mul(copies * 8);
    (held, ((maps * cells) as u64).saturating_mul(2 * 8))
}

/// Bytes of so many maps on the rank to which a plan gives most cells.
pub(super) fn dealt_bytes(plan: &SeriesPlan, maps: usize, copies: u64) -> Result<u64> {
    let mut cells: Vec<u64> = Vec::new();
    for batch in 0..plan.batches() {
        let parts = plan.parts_of(batch)?;
        cells.resize(parts.len(), 0);
        for (cells, part) in cells.iter_mut().zip(&parts).filter(|(_, part)| !part.is_empty()) {
            *cells += part.ranges().iter().skip(1).map(|range| range.len() as u64).product::<u64>();
        }
    }
    Ok(cells.into_iter().max().unwrap_or(0).saturating_mul(maps as u64 * copies * 8))
}

/// A question about a field of these dimensions and cells left out.
type Of<'a, T> = dyn Fn(&[Dim], &[bool]) -> T + 'a;

/// What passes over fields need.
pub(crate) struct Wants<'a> {
    /// Matrices of times × times of doubles that rank 0 holds at a time.
    pub(crate) kernels: u64,
    /// Bytes for partial sums on each rank, and for the eigenproblem on rank 0.
    pub(crate) memory: &'a Of<'a, (u64, u64)>,
    pub(crate) needs: &'a Of<'a, SeriesNeeds>,
    /// How often a rank holds its maps while they are made and written.
    pub(crate) copies: u64,
    /// What passes over whole steps need, if there are any.
    pub(crate) across: &'a Of<'a, Option<SeriesNeeds>>,
}

/// [`prepare`] for whoever has other wants.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn prepare_within(
    job: &FoldJob<'_>,
    open: &OpenFields,
    args: &PrepareArgs,
    selected: &SelectionArgs,
    wants: &Wants<'_>,
) -> Result<Vec<Prepared>> {
    let Wants { kernels, memory, needs, .. } = *wants;
    let comm = job.comm;
    let (mut maps, mut all, mut states, mut wanted) = (0u64, 0u64, 0u64, Vec::new());
    for field in &open.fields {
        let (dims, grid) = (&field.source.variable().dims, field.source.grid());
        let of = needs(dims, &grid.excluded);
        let (held, written) = map_bytes(of.rows, grid.len(), (comm.size(), wants.copies));
        maps = maps.saturating_add(held);
        all = all.saturating_add(written);
        states = states.max(memory(dims, &grid.excluded).0);
        wanted.push(of);
    }
    maps = maps.saturating_add(writing_bytes(job).min(all));
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let first = open.fields.first().map(|f| (&f.source.variable().dims, &f.source.grid().excluded));
    let solver = first.map_or(0, |(dims, excluded)| memory(dims, excluded).1);
    let n = (times as u64).min(solver);
    let solver = solver.saturating_add(kernels.saturating_mul(n.saturating_mul(n)).saturating_mul(8));
    let room = job.budget.bytes.saturating_sub(job.budget.largest_base(comm));
    if solver > room {
        let base = job.budget.largest_base(comm);
        let all = bytes_text(job.budget.bytes);
        let there = if room == 0 {
            format!("the process itself takes {}, more than {all}", bytes_text(base))
        } else {
            format!("{} are there of {all}", bytes_text(room))
        };
        return Err(Error::new(
            ErrorKind::Memory,
            format!(
                "{} are needed to solve for the modes of {times} times, {there} ({})",
                bytes_text(solver),
                job.budget.origin
            ),
        )
        .remedy("give more --memory, or average the data in time first (halocline stats --by month)"));
    }
    // Shares are as uneven as chunks and parts by hand make them: what the plans say counts.
    let mut dealt = writing_bytes(job).min(all);
    for (field, needs) in open.fields.iter().zip(&wanted) {
        let parts = selected.parts(comm, &field.source.variable().dims)?;
        let plan = series::plan_silently(job, &field.source, needs, parts.as_deref(), states.max(maps))
            .map_err(|e| folding::blame(e, field.files.first(), &field.name))?;
        dealt = dealt.saturating_add(dealt_bytes(&plan, needs.rows, wants.copies)?);
    }
    let maps = maps.max(dealt);
    let mut prepared: Vec<Prepared> = Vec::new();
    for (field, needs) in open.fields.iter().zip(&wanted) {
        let source = &field.source;
        if args.detrend && source.time().step_text() == "irregular" {
            job.verbosity.say(comm, || {
                "note: the time steps are irregular; --detrend takes records as equally spaced".into()
            });
        }
        let parts = selected.parts(comm, &source.variable().dims)?;
        let blame = |e| folding::blame(e, field.files.first(), &field.name);
        let plan = series::plan_needs(job, &field.name, source, needs, parts.as_deref(), states.max(maps))
            .map_err(blame)?;
        let grid = source.grid();
        let plan = match (wants.across)(&source.variable().dims, &grid.excluded) {
            None => plan,
            Some(needs) => {
                let across = series::plan_silently(job, source, &needs, None, states).map_err(blame)?;
                job.verbosity.detail(comm, || format!("whole steps: {}", across.describe()));
                plan.with_across(across)
            }
        };
        let weights = weights(args, source).map_err(blame)?;
        let months = match args.anomaly {
            AnomalyChoice::Climatology => source.time().months(),
            _ => Vec::new(),
        };
        prepared.push(Prepared { weights, months, plan });
    }
    // Passes are several: what fits stays in memory, the eigenproblem beside it.
    let kept: Vec<SeriesPlan> = prepared.iter().map(|p| p.plan.clone().keeping()).collect();
    let held = |plan: &SeriesPlan| plan.estimate() + plan.across().map_or(0, SeriesPlan::estimate);
    let series = kept.iter().fold(0u64, |sum, plan| sum.saturating_add(held(plan)));
    let beside = solver.saturating_add(states.max(maps));
    if series <= room.saturating_sub(beside) {
        prepared.iter_mut().zip(kept).for_each(|(p, plan)| p.plan = plan);
    }
    Ok(prepared)
}

/// The dimensions of all fields side by side, without the cells that are left out.
fn together(open: &OpenFields) -> Vec<Dim> {
    let of = |f: &OpenField| {
        let all: usize = f.source.variable().dims.iter().skip(1).map(|d| d.len).product();
        all - f.source.grid().excluded.iter().filter(|e| **e).count().min(all)
    };
    let cells = open.fields.iter().map(of).sum();
    let time = open.fields.iter().take(1).filter_map(|f| f.source.variable().dims.first().cloned());
    time.chain([Dim::new("cell", cells, Role::X)]).collect()
}

/// Calls `work` with the fields as the analysis takes them.
pub(crate) fn with_fields<T>(
    open: &OpenFields,
    prepared: &[Prepared],
    work: impl FnOnce(&[EofField<'_>]) -> T,
) -> T {
    let locates: Vec<_> = open
        .fields
        .iter()
        .map(|f| {
            let source = &f.source;
            move |cell, time| locate(source, cell, time)
        })
        .collect();
    let fields: Vec<EofField<'_>> = open
        .fields
        .iter()
        .zip(prepared)
        .zip(&locates)
        .map(|((field, prepared), locate)| EofField {
            source: &field.source,
            plan: &prepared.plan,
            input: EofInput {
                name: &field.label,
                weights: &prepared.weights,
                excluded: &field.source.grid().excluded,
                months: &prepared.months,
                locate,
            },
        })
        .collect();
    work(&fields)
}

/// The weight of each cell; empty for none.
fn weights(args: &PrepareArgs, source: &Source) -> Result<Vec<f64>> {
    match args.weights {
        WeightChoice::None => Ok(Vec::new()),
        WeightChoice::Coslat => {
            source.grid().sqrt_cos_latitudes().map_err(|e| e.or_remedy("use --weights none"))
        }
        WeightChoice::Area | WeightChoice::Polygon => {
            let areas = match args.weights {
                WeightChoice::Polygon => source.grid().polygon_areas(),
                _ => source.grid().areas(),
            };
            let areas = areas.map_err(|e| e.or_remedy("use --weights coslat or none"))?;
            let total: f64 = areas.iter().sum();
            Ok(areas.iter().map(|a| (a / total).sqrt()).collect())
        }
    }
}
