//! The file of cross-spectra over wave number and frequency of two fields.

use super::pair_sum;
use super::space_time::{coordinates, global};
use super::wheeler_kiladis::SpaceTime;
use super::{frame, units};
use crate::cf;
use crate::folding::{self, FoldJob};
use halocline_algorithms::spectra::coherence_limit;
use halocline_algorithms::wavenumber::{CrossPart, CrossWaves};
use halocline_core::engine::SeriesPlan;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// The two parts of a field.
const PARTS: [&str; 2] = ["symmetric", "antisymmetric"];

/// Computes and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compute(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    (work, field): (&CrossWaves, &Source),
) -> Result<WriteReport> {
    let (plan, planes) = pair_sum::all(of, job, &[&of.source, field], work)?;
    let mut planes = planes.into_iter();
    let mut four = || [(); CrossWaves::SPECTRA].map(|()| planes.next().unwrap_or_default());
    let rows = of.rows.len();
    // Of an odd number of rows the one in the middle has no antisymmetric part.
    let parts = [(four(), rows.div_ceil(2)), (four(), rows / 2)];
    let parts = job.comm.is_root().then(|| parts.map(|(sums, pairs)| work.finish(sums, pairs)));
    write(of, job, (&plan, work, field), parts.as_ref())
}

/// A variable of the file: its name, what it is, and its units.
struct About {
    name: &'static str,
    text: String,
    units: Option<String>,
    comment: &'static str,
}

/// The variables of a part, in the order of [`values`].
fn about(x: (&str, Option<&str>), y: (&str, Option<&str>)) -> [About; 8] {
    let about = |name, text, units, comment| About { name, text, units, comment };
    let both = format!("{} (x) and {} (y)", x.0, y.0);
    let (one, cross) = (|| Some("1".to_owned()), || units::cross(x.1, y.1, false, "day"));
    let smoothed = "of spectra smoothed once by 1-2-1 along frequency";
    [
        about("power_x", format!("power of {}", x.0), x.1.map(cf::squared), "mean over windows and latitudes"),
        about("power_y", format!("power of {}", y.0), y.1.map(cf::squared), "mean over windows and latitudes"),
        about("cospectrum", format!("cospectrum of {both}"), cross(), "what both have in phase"),
        about(
            "quadrature",
            format!("quadrature spectrum of {both}"),
            cross(),
            "positive where y has it a quarter of a period before x",
        ),
        about("coherence_squared", format!("coherence squared of {both}"), one(), smoothed),
        about(
            "phase",
            format!("phase of the cross-spectrum of {both}"),
            Some("radian".to_owned()),
            "of spectra smoothed once by 1-2-1 along frequency; positive where y leads x",
        ),
        about(
            "v1",
            format!("first component of the phase of {both}"),
            one(),
            "-Q / sqrt(C^2 + Q^2), smoothed: positive where x leads y; 0 where the coherence squared is below 0.05",
        ),
        about(
            "v2",
            format!("second component of the phase of {both}"),
            one(),
            "C / sqrt(C^2 + Q^2), smoothed: 1 in phase; 0 where the coherence squared is below 0.05",
        ),
    ]
}

/// What a part has, in the order of [`about`].
fn values(part: &CrossPart) -> [&[f64]; 8] {
    [
        &part.power_x,
        &part.power_y,
        &part.cospectrum,
        &part.quadrature,
        &part.coherence_squared,
        &part.phase,
        &part.v1,
        &part.v2,
    ]
}

/// Adds the limits of the coherence, and gives their values.
fn limits(schema: &mut Schema, work: &CrossWaves, levels: &[f64]) -> [(&'static str, Vec<f64>); 2] {
    let dof = work.degrees_of_freedom();
    let own = levels.iter().map(|&p| coherence_limit(p, dof)).collect();
    let of_ncl = levels.iter().map(|&p| work.limit_of_ncl(p)).collect();
    let dims = if levels.len() > 1 { vec![frame::CONFIDENCE] } else { Vec::new() };
    for (name, text, comment) in [
        (
            "coherence_limit",
            "coherence squared that independent fields exceed by chance with probability 1 - confidence",
            "1 - (1 - confidence)^(2 / (degrees_of_freedom - 2)) (Thompson 1979)",
        ),
        (
            "coherence_limit_ncl",
            "coherence squared that NCL's mjo_cross gives for a level of confidence",
            "confidence^(degrees_of_freedom / 2 - 1): prob_coh2",
        ),
    ] {
        let attributes = Attributes::new()
            .with("long_name", text)
            .with("units", "1")
            .with("coordinates", frame::CONFIDENCE)
            .with("comment", comment);
        let mut spec = VariableSpec::new(name, dims.clone(), DType::F64).attributes(attributes);
        spec.fill = true;
        schema.add_variable(spec);
    }
    [("coherence_limit", own), ("coherence_limit_ncl", of_ncl)]
}

/// Writes the file; one rank has the spectra.
fn write(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    (plan, work, field): (&SeriesPlan, &CrossWaves, &Source),
    parts: Option<&[CrossPart; 2]>,
) -> Result<WriteReport> {
    let kept = of.args.kept(work.waves());
    let title = format!(
        "Wavenumber-frequency cross-spectra of {}, symmetric and antisymmetric about the equator",
        of.name()
    );
    let mut attributes = global(of, plan, title, work.windows());
    attributes.set("degrees_of_freedom", work.degrees_of_freedom());
    let mut schema = Schema { attributes, ..Schema::new() };
    let [frequency, wavenumber] = coordinates(work.frequencies(), kept);
    let mut pending = schema.add_coordinate(&frequency)?;
    pending.extend(schema.add_coordinate(&wavenumber)?);
    let levels = of.args.levels();
    let confidence = frame::confidences(&levels);
    if !levels.is_empty() {
        pending.extend(schema.add_coordinate(&confidence)?);
    }
    if let Some(level) = of.source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    let [own, other] = [of.source.decoded_attributes(), field.decoded_attributes()];
    let x = (own.text("long_name").unwrap_or(&of.args.var), own.text("units"));
    let y = (other.text("long_name").unwrap_or(&field.variable().name), other.text("units"));
    let all = about(x, y);
    for part in PARTS {
        for About { name, text, units, comment } in &all {
            let mut attributes = Attributes::new().with("long_name", format!("{part} {text}"));
            if let Some(units) = units {
                attributes.set("units", units.as_str());
            }
            attributes.set("comment", *comment);
            if let Some(level) = of.source.level() {
                attributes.set("coordinates", level.variable.name.clone());
            }
            let spec = VariableSpec::data(format!("{name}_{part}"), ["frequency", "wavenumber"], DType::F64);
            schema.add_variable(spec.attributes(attributes));
        }
    }
    let limits = if levels.is_empty() { None } else { Some(limits(&mut schema, work, &levels)) };
    of.args.compress.apply(&mut schema);
    let mut file = Output::create(job.comm, &of.args.output, &schema)?;
    file.write_pending(&pending)?;
    for (name, values) in limits.into_iter().flatten() {
        file.write_whole(name, &Values::F64(values))?;
    }
    let shape = [work.frequencies().len(), 2 * kept + 1];
    let block = if parts.is_some() { IndexBox::whole(&shape) } else { folding::nothing(2) };
    let wanted = work.waves() - kept..work.waves() + kept + 1;
    for (k, part) in PARTS.iter().enumerate() {
        for (i, About { name, .. }) in all.iter().enumerate() {
            let plane = parts.map_or(&[][..], |parts| values(&parts[k])[i]);
            let rows = plane.chunks(2 * work.waves() + 1);
            let kept = rows.flat_map(|row| row[wanted.clone()].iter().copied()).collect();
            file.write_block(&format!("{name}_{part}"), &block, &Values::F64(kept))?;
        }
    }
    job.write(|| file.finish_with_report())
}
