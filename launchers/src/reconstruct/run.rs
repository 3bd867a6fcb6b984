//! The work: what is opened and read, and the field written window by window.

use super::maps::{self, Maps};
use super::{output, ReconstructArgs};
use crate::common::{bytes_text, check_output, Verbosity};
use crate::eof_file::{EofFile, Mode};
use crate::folding::{self, FoldJob};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::Reconstruction;
use halocline_core::budget::refuse;
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, MapPlan, NumbersMut, StreamMap};
use halocline_core::grid::Grid;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use halocline_io::output::default_chunks;
use halocline_io::source::{Selection, Source};
use std::path::Path;
use std::sync::Arc;

/// Principal components that are read at a time.
const AT_ONCE: usize = 1 << 20;

/// An EOF file, opened for this.
pub(super) struct Opened {
    pub(super) file: EofFile,
    pub(super) modes: Vec<Mode>,
    /// The principal components.
    pub(super) pcs: Source,
    pub(super) fields: Vec<Field>,
}

/// One variable of the result.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) grid: Grid,
    /// The dimensions behind time.
    pub(super) space: Vec<Dim>,
}

impl Field {
    fn cells(&self) -> usize {
        self.space.iter().map(|d| d.len).product()
    }
}

/// # Collective
/// Every rank calls this.
fn open(comm: &Comm, args: &ReconstructArgs) -> Result<Opened> {
    args.check()?;
    let path = match args.input.as_slice() {
        [only] => Path::new(only),
        all => {
            return Err(Error::usage(format!("{} files are named, the modes are of one", all.len()))
                .remedy("name one file of `halocline eof`, and the output with -o"))
        }
    };
    let file = EofFile::open(comm, path, args.io)?;
    check_output(comm, &args.output, &[path.to_owned()])?;
    let modes = file.modes(args.modes.as_ref())?;
    let selection = Selection { time: args.times()?, all_levels: true, io: args.io, ..Selection::default() };
    let pcs = file.dataset.source(comm, "pc", &selection)?;
    let mut fields = Vec::new();
    for name in &file.recorded.variables {
        let space = file.space(name)?;
        let eof = file.name_of("eof", name);
        let grid = comm.on_root(|| file.dataset.grid(&eof))?;
        if args.add_mean && file.recorded.anomaly == Anomaly::None {
            return Err(Error::usage(
                "--add-mean: the EOFs are of values as they are, nothing was taken off",
            )
            .in_file(path)
            .remedy("leave it out"));
        }
        if args.add_mean && file.result("mean", name).is_none() {
            return Err(Error::data("the mean is not in it, and --add-mean asks for it")
                .in_file(path)
                .remedy("make it anew with this version of `halocline eof`"));
        }
        fields.push(Field { name: name.clone(), grid, space });
    }
    let dims = &pcs.variable().dims;
    if dims.len() != 2 || dims[1].role != Role::Mode {
        return Err(Error::data("is not by time and mode").in_file(path).in_variable("pc"));
    }
    Ok(Opened { file, modes, pcs, fields })
}

/// What it takes, for those who want to know beforehand: bytes that are read, bytes of memory.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn look(comm: &Comm, args: &ReconstructArgs) -> Result<(u64, u64)> {
    let opened = open(comm, args)?;
    let maps: u64 = opened.fields.iter().map(|f| held(&opened, f, args)).sum();
    Ok((maps, maps))
}

fn held(opened: &Opened, field: &Field, args: &ReconstructArgs) -> u64 {
    maps::bytes(&opened.file, field.cells(), opened.modes.len(), args.add_mean)
}

/// Runs the command but for the summary.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn reconstruct(
    comm: &Comm,
    args: &ReconstructArgs,
    verbosity: Verbosity,
    progress: &Arc<Progress>,
) -> Result<()> {
    let budget = args.memory.budget(comm)?;
    let opening = progress.phases.start(Phase::Open);
    let opened = open(comm, args)?;
    drop(opening);
    let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress };
    let of = |e: Error| if e.file.is_none() { e.in_file(&opened.file.path) } else { e };
    let times = opened.pcs.time().len();
    let at_once = AT_ONCE.min(times.saturating_mul(opened.pcs.variable().dims[1].len));
    let series_bytes = ((times * opened.modes.len() + at_once) * size_of::<f64>()) as u64;
    let needed = opened.fields.iter().map(|f| held(&opened, f, args)).fold(series_bytes, u64::saturating_add);
    let room = budget.for_buffers(comm);
    // A quarter at least for windows and writing.
    if needed > room - room / 4 {
        let all = budget.largest_base(comm).saturating_add(needed.saturating_add(needed / 3));
        return Err(of(refuse(all, &budget, "choose fewer --modes")));
    }
    let rest = room - needed;
    verbosity.say(comm, || {
        format!(
            "{} from {} at {}: {} of maps a rank",
            opened.file.recorded.variables.join(", "),
            folding::plural(opened.modes.len(), "mode"),
            folding::plural(times, "time"),
            bytes_text(needed)
        )
    });
    if args.add_mean && opened.file.recorded.detrend {
        verbosity.say(comm, || {
            "note: the straight lines that were taken off (--detrend) are not in the file and not added"
                .to_owned()
        });
    }
    let watch = job.watch();
    let reading = progress.phases.start(Phase::Read);
    let read = series(&opened).and_then(|series| Ok((series, all_maps(&opened, args)?))).map_err(of);
    let (series, all) = comm.agree(read)?;
    drop(reading);
    let mut fields = Vec::new();
    for (field, maps) in opened.fields.iter().zip(all) {
        let variable = output::variable(args, &opened, field);
        let chunks = default_chunks(&variable.shape(), variable.dtype.size());
        let Maps { values, addend, .. } = maps;
        fields.push(Reconstruction::new(variable, chunks, values, series.clone(), addend)?);
    }
    let mut writing = output::create(comm, args, &opened, &fields)?;
    writing.limit_memory(usize::try_from(rest / 2).unwrap_or(usize::MAX).min(352 << 20));
    for field in &fields {
        write(&job, field, rest / 3, &mut writing)?;
    }
    let report = job.write(|| writing.finish_with_report())?;
    drop(watch);
    verbosity.say(comm, || format!("wrote {} ({})", args.output.display(), bytes_text(report.bytes_file)));
    Ok(())
}

/// Hands a field to the writer, window by window.
fn write(
    job: &FoldJob<'_>,
    field: &Reconstruction,
    room: u64,
    output: &mut halocline_io::output::Output,
) -> Result<()> {
    use halocline_core::engine::StreamSource;
    let (name, chunks) = (field.variable().name.clone(), field.chunks());
    let plan = MapPlan::new(field, &chunks, job.comm.size(), halocline_core::threads::for_plans(), room)
        .map_err(|e| folding::of_budget(e, job.budget, 0))?;
    let engine = Engine::with_progress(job.comm, job.progress);
    engine
        .map_through(field, &plan, &mut AsItIs, &mut |block, values| {
            let _timer = job.progress.phases.start(Phase::Write);
            output.hand_over(&name, block, values)
        })
        .map_err(|e| e.in_variable(&name))
}

/// Changes nothing: the values are made as they are read.
struct AsItIs;

impl StreamMap for AsItIs {
    fn prepare(&mut self, _window: &IndexBox) -> Result<()> {
        Ok(())
    }
    fn apply(&self, _block: &IndexBox, _values: NumbersMut<'_>) -> Result<()> {
        Ok(())
    }
}

/// The maps of all variables, on this rank.
fn all_maps(opened: &Opened, args: &ReconstructArgs) -> Result<Vec<Maps>> {
    let Opened { file, modes, pcs, fields } = opened;
    let mut all = Vec::new();
    for field in fields {
        all.push(maps::read(file, &field.name, modes, &field.grid, field.cells())?);
    }
    maps::check_unit(file, modes, &all)?;
    if args.add_mean {
        let months = pcs.time().months();
        for (field, maps) in fields.iter().zip(&mut all) {
            maps.addend = Some(maps::addend(file, &field.name, &months)?);
        }
    }
    Ok(all)
}

/// The principal components of the chosen modes, time × modes.
fn series(opened: &Opened) -> Result<Vec<f64>> {
    let (times, all) = (opened.pcs.time().len(), opened.pcs.variable().dims[1].len);
    let mut series = Vec::with_capacity(times * opened.modes.len());
    let step = (AT_ONCE / all.max(1)).max(1);
    let mut is_whole = true;
    for first in (0..times).step_by(step) {
        let block = IndexBox::new(vec![first..times.min(first + step), 0..all]);
        let values = opened.pcs.read(&block)?.to_f64();
        for row in values.chunks(all) {
            let picked = opened.modes.iter().map(|mode| row.get(mode.index).copied().unwrap_or(f64::NAN));
            // A time at which the field was missing everywhere is missing again.
            let start = series.len();
            series.extend(picked);
            let missing = series[start..].iter().filter(|v| v.is_nan()).count();
            is_whole &= missing == 0 || missing == series.len() - start;
        }
    }
    if !is_whole || series.iter().any(|v| v.is_infinite()) {
        return Err(Error::data("holds values that are infinite, or missing of some modes only")
            .in_variable("pc")
            .remedy("make it anew with `halocline eof`"));
    }
    Ok(series)
}

/// The field as a variable: time and place.
pub(super) fn dims(opened: &Opened, field: &Field) -> Vec<Dim> {
    let time: &Variable = opened.pcs.variable();
    std::iter::once(time.dims[0].clone()).chain(field.space.iter().cloned()).collect()
}
