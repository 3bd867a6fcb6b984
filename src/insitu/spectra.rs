//! The file of power spectra of a running program.

use super::file::{each, middle, nothing, schema};
use super::kinds::Spectra;
use super::Setup;
use halocline_algorithms::spectra::{GapRule, RunningWelch, RunningWelchState, Scaling, Survey};
use halocline_core::calendar::{Sampling, TimeAxis};
use halocline_core::comm::Comm;
use halocline_core::engine::insitu::Column;
use halocline_core::engine::Engine;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{units, Error, Result};
use halocline_io::output::{Output, VariableSpec};
use std::path::Path;

/// The dimension of frequencies.
const FREQUENCY: &str = "frequency";

/// Refuses a time that is not where the next one is expected, so that all are even in the end.
pub(super) fn check_step(setup: &Setup, times: &[f64], time: f64) -> Result<()> {
    let ([first, second, ..], Some(last)) = (times, times.last()) else { return Ok(()) };
    let at = |time: &f64| setup.time.decode(*time);
    let (begin, next) = ([at(first)?, at(second)?], [at(last)?, at(&time)?]);
    if Sampling::is_alike(setup.time.calendar(), begin, next) {
        return Ok(());
    }
    let (usual, step) = (second - first, time - last);
    Err(Error::usage(format!("the time {time} is {step} after the last, others are {usual} apart"))
        .remedy("push even steps for a spectrum"))
}

/// Which series had gaps, on all ranks.
///
/// # Collective
/// Every rank calls this.
fn survey(comm: &Comm, fold: &RunningWelch, columns: &[Column<RunningWelchState>]) -> Result<Survey> {
    let mut own = Survey::default();
    columns.iter().for_each(|(_, state)| own.join(&fold.survey(state)));
    let mut all = Survey::default();
    Engine::new(comm).gather(&own)?.iter().for_each(|part| all.join(part));
    Ok(all)
}

/// The file of spectra, as `halocline spectrum power --segment … --confidence none` writes it.
///
/// # Collective
/// Every rank calls this with its columns.
pub(super) fn write(
    comm: &Comm,
    (setup, spectra): (&Setup, &Spectra),
    times: &[f64],
    (fold, columns): (&RunningWelch, &[Column<RunningWelchState>]),
    path: &Path,
) -> Result<()> {
    let axis = TimeAxis::new(setup.time.clone(), times.to_vec())?;
    let sampling = Sampling::of(&axis)?;
    let whole = fold.whole(times.len(), sampling.step_in(spectra.per))?;
    let survey = survey(comm, fold, columns)?;
    if spectra.gaps == GapRule::Refuse && survey.gappy > 0 {
        return Err(Error::data(format!(
            "{} of {} series with data are missing at some times only",
            survey.gappy,
            survey.gappy + survey.complete
        ))
        .remedy("begin with gaps=drop to leave them out"));
    }
    let (name, attributes) = &setup.fields[0];
    let mut schema = schema(setup);
    let segments = whole.segments();
    schema.attributes.set("sampling_interval_days", sampling.days);
    schema.attributes.set("segment_length", segments.len as i64);
    schema.attributes.set("segment_count", segments.count as i64);
    let time = middle(setup, times, None);
    let main = frequencies(spectra, &sampling, whole.frequencies());
    let mut pending = Vec::new();
    for coordinate in [&main].into_iter().chain(&setup.coordinates).chain([&time]) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let is_density = spectra.welch.scaling == Scaling::Density;
    let what = if is_density { "power spectral density" } else { "power spectrum" };
    let mut about = Attributes::new().with("long_name", format!("{what} of {name}"));
    if let Some(text) = attributes.text("units").map(units::squared) {
        let per = spectra.per.name();
        about.set(
            "units",
            match (text.as_str(), is_density) {
                (_, false) => text,
                ("1" | "", true) => per.to_owned(),
                _ => format!("{text} {per}"),
            },
        );
    }
    let left_out = survey.gappy + survey.infinite;
    let comment = match left_out {
        0 => "one-sided".to_owned(),
        n => format!("one-sided; missing in {n} cells whose series had gaps or infinite values"),
    };
    let about = about.with("comment", comment).with("coordinates", "time");
    let dims = std::iter::once(FREQUENCY).chain(setup.space.iter().map(|d| d.name.as_str()));
    schema.add_variable(VariableSpec::data("power", dims, DType::F64).attributes(about));
    let freedom = Attributes::new()
        .with("long_name", "degrees of freedom of the spectrum of one series")
        .with("units", "1")
        .with("comment", "2 K / (1 + 2 sum (1 - j/K) rho_j) for K segments that overlap (Welch 1967)");
    schema
        .add_variable(VariableSpec::data("degrees_of_freedom", [FREQUENCY], DType::F64).attributes(freedom));
    let mut output = Output::create(comm, path, &schema)?;
    output.write_pending(&pending)?;
    output.write_whole("degrees_of_freedom", &Values::F64(whole.degrees_of_freedom()))?;
    let ndim = setup.space.len() + 1;
    each(
        comm,
        columns,
        |column| {
            let Some((cells, state)) = column else { return Ok((nothing(ndim), Vec::new())) };
            let ranges = std::iter::once(0..whole.len()).chain(cells.ranges().iter().cloned());
            Ok((IndexBox::new(ranges.collect()), fold.finish(state, &whole)?))
        },
        |block, values| output.write_block("power", block, &Values::F64(values)),
    )?;
    output.finish()
}

fn frequencies(spectra: &Spectra, sampling: &Sampling, values: Vec<f64>) -> Coordinate {
    let per = spectra.per.name();
    let attributes = Attributes::new()
        .with("long_name", "frequency")
        .with("units", format!("{per}-1"))
        .with("comment", format!("cycles per {per}; steps of {} days", sampling.days));
    let dims = vec![Dim::new(FREQUENCY, values.len(), Role::Other)];
    Coordinate {
        variable: Variable { name: FREQUENCY.into(), dims, dtype: DType::F64, attributes },
        values: Values::F64(values),
        bounds: None,
    }
}
