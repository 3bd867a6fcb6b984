//! Runs the rows through the work, writes what comes of it.

use super::cells::{coordinate, Cells};
use super::units;
use super::zonal::{Method, Zonal};
use crate::folding::FoldJob;
use crate::series::{plan_together, run_together, writing_bytes};
use crate::stats::weights;
use crate::{carry, cf};
use halocline_algorithms::spatial::{Absent, CellMean, ZonalSpectra};
use halocline_algorithms::spectra::Sampling;
use halocline_algorithms::statistics::Weights;
use halocline_algorithms::wavenumber::RowSpectra;
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, SeriesPlan, SeriesWork};
use halocline_core::meta::{Attributes, Coordinate, Role};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, WriteReport};

/// The dimensions of results.
const WAVENUMBER: &str = "wavenumber";
const FREQUENCY: &str = "frequency";
const REMEDY: &str = "fill them first, or choose --lat, --level or --time without them";

/// Computes and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compute(of: &Zonal<'_>, method: Method, job: &FoldJob<'_>) -> Result<WriteReport> {
    match method {
        Method::Zonal(work) => zonal(of, *work, job),
        Method::SpaceTime(work, sampling) => space_time(of, *work, &sampling, job),
    }
}

/// The mean that is asked for, each row with its area.
fn mean(of: &Zonal<'_>, comm: &Comm, transformed: &[Role]) -> Result<Option<CellMean>> {
    let dims = &of.source.variable().dims;
    if of.averaged.roles.is_empty() {
        return Ok(None);
    }
    let mut along = vec![Vec::new(); dims.len()];
    if of.averaged.has(Role::Y) {
        let mut all = Weights::default();
        weights::areas(comm, &of.source, &of.averaged, false, &mut all)
            .map_err(|e| e.remedy("average over time only, or correct the coordinates of the grid"))?;
        along[1..].clone_from_slice(&all.along);
    }
    Ok(Some(CellMean::new(dims, transformed, &of.averaged.roles, along)))
}

/// Works on all rows and writes `power`.
fn run<W: SeriesWork>(
    of: &Zonal<'_>,
    job: &FoldJob<'_>,
    work: &W,
    (plan, cells, trailing): (&SeriesPlan, &Cells<'_>, &[usize]),
    (file, mean, absent): (&mut Output, Option<&CellMean>, &dyn Fn() -> Absent),
) -> Result<()> {
    run_together(job, &[&of.source], plan, work, &mut |results| {
        if mean.is_some() {
            return Ok(());
        }
        let _timer = job.progress.phases.start(Phase::Write);
        let values = results.values.first().map_or(&[][..], Vec::as_slice);
        cells.write(file, "power", trailing, (&results.cells, values))
    })?;
    cells.check(job, &absent(), REMEDY)?;
    if let Some(mean) = mean {
        let each = trailing.iter().product();
        let means = mean.finish(&Engine::new(job.comm), each)?;
        cells.write_mean(file, "power", trailing, (means.as_deref(), each, 0))?;
    }
    Ok(())
}

fn zonal(of: &Zonal<'_>, mut work: ZonalSpectra, job: &FoldJob<'_>) -> Result<WriteReport> {
    let transformed = [Role::X];
    let cells = Cells::new(&of.source, &transformed, &of.averaged.roles, &[WAVENUMBER])?;
    if let Some(mean) = mean(of, job.comm, &transformed)? {
        work = work.averaged(mean);
    }
    let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()));
    let (plan, writing) = planned(of, job, &work, sums)?;
    if let Some(mean) = work.mean_mut() {
        mean.set_tiling(plan.tiling());
    }
    let numbers = (0..=work.waves()).map(|s| s as f64).collect();
    let own = [wave_numbers(numbers, "zonal wave number")];
    let own_attributes = attributes(of, "power", "").with(
        "comment",
        "the sum over wavenumber from 1 on is the zonal variance; at 0 the square of the zonal mean",
    );
    let mut file = begin(of, (&cells, &own), (&[WAVENUMBER], own_attributes), job, &plan)?;
    file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
    let trailing = [work.values()];
    run(of, job, &work, (&plan, &cells, &trailing), (&mut file, work.mean(), &|| work.absent()))?;
    job.write(|| file.finish_with_report())
}

fn space_time(
    of: &Zonal<'_>,
    mut work: RowSpectra,
    sampling: &Sampling,
    job: &FoldJob<'_>,
) -> Result<WriteReport> {
    let transformed = [Role::Time, Role::X];
    let cells = Cells::new(&of.source, &transformed, &of.averaged.roles, &[WAVENUMBER, FREQUENCY])?;
    if let Some(mean) = mean(of, job.comm, &transformed)? {
        work = work.averaged(mean);
    }
    let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()));
    let (plan, writing) = planned(of, job, &work, sums)?;
    if let Some(mean) = work.mean_mut() {
        mean.set_tiling(plan.tiling());
    }
    let (k, period) = (work.waves() as i64, of.args.time.units().period());
    let about = Attributes::new()
        .with("long_name", "frequency")
        .with("units", format!("{period}-1"))
        .with("comment", format!("cycles per {period}; steps of {} days", sampling.days));
    let own = [
        coordinate(FREQUENCY, work.frequencies(), about),
        wave_numbers((-k..=k).map(|s| s as f64).collect(), "zonal wave number, positive eastward"),
    ];
    let own_attributes = attributes(of, "power spectral density", period).with(
        "comment",
        "one-sided in frequency; the sum over wavenumber and frequency times the step of frequency is the variance",
    );
    let trailing = [FREQUENCY, WAVENUMBER];
    let mut file = begin(of, (&cells, &own), (&trailing, own_attributes), job, &plan)?;
    file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
    let lens = [work.frequencies().len(), 2 * work.waves() + 1];
    run(of, job, &work, (&plan, &cells, &lens), (&mut file, work.mean(), &|| work.absent()))?;
    job.write(|| file.finish_with_report())
}

/// The plan, which comes before the file, so that what does not fit leaves none behind; bytes for
/// writing.
fn planned(of: &Zonal<'_>, job: &FoldJob<'_>, work: &dyn SeriesWork, sums: u64) -> Result<(SeriesPlan, u64)> {
    let parts = of.args.selection.parts(job.comm, &of.source.variable().dims)?;
    let writing = writing_bytes(job);
    let reserved = (parts.as_deref(), writing.saturating_add(sums));
    Ok((plan_together(job, &of.args.var, &[&of.source], work, reserved)?, writing))
}

fn wave_numbers(values: Vec<f64>, long_name: &str) -> Coordinate {
    coordinate(WAVENUMBER, values, Attributes::new().with("long_name", long_name).with("units", "1"))
}

/// Attributes of the power: of a density per frequency, if there is a period.
fn attributes(of: &Zonal<'_>, what: &str, period: &str) -> Attributes {
    let variable = of.source.variable();
    let name = variable.attributes.text("long_name").unwrap_or(&of.args.var);
    let attributes = Attributes::new().with("long_name", format!("{what} of {name} over zonal wave number"));
    let units = if period.is_empty() {
        variable.units().map(cf::squared)
    } else {
        units::power(variable.units(), true, period)
    };
    units.into_iter().fold(attributes, |attributes, units| attributes.with("units", units))
}

/// The file with its coordinates, ready for `power`.
fn begin(
    of: &Zonal<'_>,
    (cells, own): (&Cells<'_>, &[Coordinate]),
    (trailing, power): (&[&str], Attributes),
    job: &FoldJob<'_>,
    plan: &SeriesPlan,
) -> Result<Output> {
    let what = if of.args.space_time { "Wavenumber-frequency spectra" } else { "Zonal wave number spectra" };
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{what} of {}", of.args.var))
        .with("source", format!("halocline {}, spectra in space", env!("CARGO_PKG_VERSION")))
        .with("halocline_spectrum_options", of.args.describe())
        .with("halocline_tiling", plan.tiling().rule());
    carry::add_origin(&mut attributes, &of.dataset);
    let mut schema = Schema { attributes, ..Schema::new() };
    let mut pending = cells.begin(&mut schema)?;
    for coordinate in own {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let power = cells.variable(&schema, "power", trailing, power);
    schema.add_variable(power);
    of.args.compress.apply(&mut schema);
    let mut file = Output::create(job.comm, &of.args.output, &schema)?;
    file.write_pending(&pending)?;
    Ok(file)
}
