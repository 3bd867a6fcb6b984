//! The file of spectra over wave number and frequency of one field.

use super::pair_sum;
use super::wheeler_kiladis::SpaceTime;
use crate::folding::{self, FoldJob};
use crate::{carry, cf};
use halocline_algorithms::wavenumber::{SpaceTimeSpectrum, WheelerKiladis};
use halocline_core::engine::{SeriesPlan, SeriesWork as _};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// Computes and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compute(of: &SpaceTime<'_>, job: &FoldJob<'_>, work: &WheelerKiladis) -> Result<WriteReport> {
    let (plan, planes) = pair_sum::all(of, job, &[&of.source], work)?;
    let mut planes = planes.into_iter();
    let both = planes.next().zip(planes.next()).filter(|_| job.comm.is_root());
    let spectrum = both.map(|(symmetric, antisymmetric)| work.finish(symmetric, antisymmetric));
    write(of, job, (&plan, work), spectrum)
}

/// A coordinate of the file.
pub(super) fn coordinate(name: &str, values: Vec<f64>, attributes: Attributes) -> Coordinate {
    let dims = vec![Dim::new(name, values.len(), Role::Other)];
    let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

/// Attributes that files of one and of two fields have.
pub(super) fn global(of: &SpaceTime<'_>, plan: &SeriesPlan, title: String, windows: usize) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", title)
        .with("source", format!("halocline {}, spectrum wheeler-kiladis", env!("CARGO_PKG_VERSION")))
        .with("references", "Wheeler and Kiladis (1999), doi:10.1175/1520-0469(1999)056<0374:CCEWAO>2.0.CO;2")
        .with("halocline_spectrum_options", of.args.describe())
        .with("halocline_tiling", plan.tiling().rule())
        .with("windows", windows as i64);
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

/// Frequencies and wave numbers of the file.
pub(super) fn coordinates(frequencies: Vec<f64>, kept: usize) -> [Coordinate; 2] {
    let about =
        |long_name: &str, units: &str| Attributes::new().with("long_name", long_name).with("units", units);
    let k = kept as i64;
    [
        coordinate("frequency", frequencies, about("frequency", "day-1")),
        coordinate(
            "wavenumber",
            (-k..=k).map(|s| s as f64).collect(),
            about("zonal wave number, positive eastward", "1"),
        ),
    ]
}

/// A variable of the file.
struct Plane {
    name: &'static str,
    about: &'static str,
    is_power: bool,
    values: Vec<f64>,
}

/// All variables of the file.
fn planes(of: SpaceTimeSpectrum) -> [Plane; 7] {
    let plane = |name, about, is_power, values| Plane { name, about, is_power, values };
    [
        plane("power_symmetric", "symmetric power", true, of.symmetric),
        plane("power_antisymmetric", "antisymmetric power", true, of.antisymmetric),
        plane(
            "log_power_symmetric",
            "log10 of symmetric power, smoothed once along frequency,",
            false,
            of.log_symmetric,
        ),
        plane(
            "log_power_antisymmetric",
            "log10 of antisymmetric power, smoothed once along frequency,",
            false,
            of.log_antisymmetric,
        ),
        plane(
            "background",
            "background, half the sum of both powers smoothed many times,",
            true,
            of.background,
        ),
        plane("ratio_symmetric", "smoothed symmetric power over background", false, of.ratio_symmetric),
        plane(
            "ratio_antisymmetric",
            "smoothed antisymmetric power over background",
            false,
            of.ratio_antisymmetric,
        ),
    ]
}

/// Writes the file; one rank has the spectrum.
fn write(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    (plan, work): (&SeriesPlan, &WheelerKiladis),
    spectrum: Option<SpaceTimeSpectrum>,
) -> Result<WriteReport> {
    let (comm, source) = (job.comm, &of.source);
    // More may have been computed: the background needs its neighbours.
    let kept = of.args.kept(work.waves());
    let [frequency, wavenumber] = coordinates(work.frequencies(), kept);
    let title = format!(
        "Wavenumber-frequency spectra of {}, symmetric and antisymmetric about the equator",
        of.args.var
    );
    let steps = source.variable().dims[0].len;
    // As if latitudes were independent.
    let independent = (2 * of.rows.len().div_ceil(2) * steps) as f64 / work.window() as f64;
    let mut attributes = global(of, plan, title, work.windows());
    attributes.set("degrees_of_freedom", independent);
    let mut schema = Schema { attributes, ..Schema::new() };
    let mut pending = schema.add_coordinate(&frequency)?;
    pending.extend(schema.add_coordinate(&wavenumber)?);
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    let own = source.decoded_attributes();
    let long_name = own.text("long_name").unwrap_or(&of.args.var);
    let there = spectrum.is_some();
    let nothing = || work.finish(vec![0.0; work.rows()[0]], vec![0.0; work.rows()[0]]);
    let all = planes(spectrum.unwrap_or_else(nothing));
    for plane in &all {
        let mut attributes = Attributes::new().with("long_name", format!("{} of {long_name}", plane.about));
        if plane.is_power {
            if let Some(units) = own.text("units") {
                attributes.set("units", cf::squared(units));
            }
        } else {
            attributes.set("units", "1");
        }
        if let Some(level) = source.level() {
            attributes.set("coordinates", level.variable.name.clone());
        }
        let spec = VariableSpec::data(plane.name, ["frequency", "wavenumber"], DType::F64);
        schema.add_variable(spec.attributes(attributes));
    }
    of.args.compress.apply(&mut schema);
    let mut file = Output::create(comm, &of.args.output, &schema)?;
    file.write_pending(&pending)?;
    let shape = [work.frequencies().len(), 2 * kept + 1];
    let block = if there { IndexBox::whole(&shape) } else { folding::nothing(2) };
    let wanted = work.waves() - kept..work.waves() + kept + 1;
    for plane in &all {
        let rows = plane.values.chunks(2 * work.waves() + 1).filter(|_| there);
        let values = rows.flat_map(|row| row[wanted.clone()].iter().copied()).collect();
        file.write_block(plane.name, &block, &Values::F64(values))?;
    }
    job.write(|| file.finish_with_report())
}
