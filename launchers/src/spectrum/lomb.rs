//! `halocline spectrum power --lomb-scargle`.

use super::estimate::FrequencyUnits;
use super::frame::{means, put, At, Frame, Part, FREQUENCY};
use super::power::{LombChoice, PowerArgs, PowerSpectrum};
use super::series::mean;
use super::units;
use crate::folding::FoldJob;
use crate::series::{plan_together, run_together, writing_bytes};
use halocline_algorithms::spectra::{GapRule, LombScaling, LombScargle, LombSpectra, Sampling};
use halocline_core::meta::Attributes;
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, WriteReport};
use halocline_io::source::Source;

/// The estimate at the times of `source`, as they are.
pub(super) fn estimate(
    args: &PowerArgs,
    choice: LombChoice,
    source: &Source,
    sampling: &Sampling,
) -> Result<LombScargle> {
    let day = args.estimate.frequency_units.step(&Sampling { days: 1.0, months: None, year: sampling.year });
    let instants = source.time().instants();
    let times: Vec<f64> = instants.iter().map(|at| at.days_since(instants[0]) * day).collect();
    let scaling = match choice {
        LombChoice::Power => LombScaling::Power,
        LombChoice::Normalize => LombScaling::Normalize,
    };
    let series = &args.estimate.series;
    LombScargle::new(&times, series.detrending(), series.cycle(source)?, scaling)
}

/// Reads, estimates and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn all(of: &PowerSpectrum<'_>, job: &FoldJob<'_>, lomb: &LombScargle) -> Result<WriteReport> {
    let (args, source) = (of.args, &of.source);
    let parts = args.selection.parts(job.comm, &source.variable().dims)?;
    let mut work = LombSpectra::new(lomb.clone(), &source.variable().dims);
    if let Some(mean) = mean(job.comm, source, &of.reduced)? {
        work = work.averaged(mean);
    }
    let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()).saturating_mul(2));
    let writing = writing_bytes(job);
    let reserved = (parts.as_deref(), writing.saturating_add(sums));
    let plan = plan_together(job, &args.var, &[source], &work, reserved)?;
    if let Some(mean) = work.mean_mut() {
        mean.set_tiling(plan.tiling());
    }
    let frequencies = (lomb.frequencies().to_vec(), None);
    let frame =
        Frame::new((source, &of.reduced), args.estimate.frequency_units, &of.sampling, frequencies, &[])?;
    let is_share = args.lomb_scargle == Some(LombChoice::Normalize);
    let mut options = vec![format!("lomb-scargle={}", if is_share { "normalize" } else { "power" })];
    options.extend(args.estimate.describe_common());
    let attributes = of.global(&frame, plan.tiling().rule(), options);
    let mut schema = Schema { attributes, ..Schema::new() };
    let pending = frame.begin(&mut schema)?;
    schema.add_variable(frame.variable(&schema, "power", &[FREQUENCY], describe(of, is_share)));
    args.compress.apply(&mut schema);
    let mut file = Output::create(job.comm, &args.output, &schema)?;
    file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
    file.write_pending(&pending)?;
    let rows = work.values();
    let mut write = |part: Part| {
        let values = part.values.into_iter().next().unwrap_or_default();
        put(&mut file, "power", At { level: None, rows: Some(rows) }, &part.space, values)
    };
    run_together(job, &[source], &plan, &work, &mut |results| {
        if work.mean().is_some() {
            return Ok(());
        }
        let _timer = job.progress.phases.start(Phase::Write);
        write(results.into())
    })?;
    frame.check(job, GapRule::Use, &work.survey())?;
    if let Some(mean) = work.mean() {
        write(means(job.comm, mean, &frame.kept_shape(), &[rows])?)?;
    }
    job.write(|| file.finish_with_report())
}

fn describe(of: &PowerSpectrum<'_>, is_share: bool) -> Attributes {
    let variable = of.source.variable();
    let name = variable.attributes.text("long_name").unwrap_or(&of.args.var);
    let (text, units, comment) = if is_share {
        let comment =
            "share of the mean square that the sine takes that fits best (Zechmeister and Kürster 2009)";
        (format!("normalized Lomb-Scargle periodogram of {name}"), Some("1".to_owned()), comment)
    } else {
        // No density: the frequency does not count.
        let units = units::power(variable.units(), false, FrequencyUnits::Day.period());
        let comment = "a quarter of the number of values times the squared amplitude of the sine that fits best (Scargle 1982)";
        (format!("Lomb-Scargle periodogram of {name}"), units, comment)
    };
    let attributes = Attributes::new().with("long_name", text);
    let attributes = units.into_iter().fold(attributes, |attributes, units| attributes.with("units", units));
    attributes.with("comment", comment)
}
