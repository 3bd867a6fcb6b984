//! The NetCDF file of principal oscillation patterns.

use super::PopArgs;
use crate::eof::{places, write_filling, AnomalyChoice, Contents, OpenFields, Place};
use crate::folding::FoldJob;
use crate::series::writing_bytes;
use crate::{carry, cf};
use halocline_algorithms::eof::{OscillationMaps, Oscillations};
use halocline_algorithms::spectra::Sampling;
use halocline_core::meta::{Attributes, Values};
use halocline_core::tiling::Tiling;
use halocline_core::Result;
use halocline_io::output::{Schema, WriteReport};
use halocline_io::source::Source;

/// Writes the file.
///
/// # Collective
/// Every rank calls this with its part of the maps.
pub(super) fn write(
    job: &FoldJob<'_>,
    args: &PopArgs,
    (open, sampling): (&OpenFields, &Sampling),
    found: Oscillations,
) -> Result<WriteReport> {
    let modes = found.periods.len();
    let mut schema = Schema { attributes: global(args, open, &found), ..Schema::new() };
    let labelled: Vec<(&str, &Source)> = open.fields.iter().map(|f| (f.label.as_str(), &f.source)).collect();
    let mut pending = schema.add_coordinate(open.fields[0].source.time_coordinate())?;
    schema.add_dim("mode", modes)?;
    let (places, of) = places(&labelled);
    for place in &places {
        pending.extend(place.add(&mut schema)?);
    }
    let mut contents = Contents::default();
    let text = |long_name: &str| Attributes::new().with("long_name", long_name).with("units", "1");
    let mode = || ["mode".to_owned()];
    contents.whole("mode", mode(), Values::I32((1..=modes as i32).collect()), text("mode number"));
    if args.prepare.anomaly == AnomalyChoice::Climatology {
        schema.add_dim("month", 12)?;
        let months = Values::I32((1..=12).collect());
        contents.whole("month", ["month".to_owned()], months, text("calendar month"));
    }
    series(&mut contents, open, &found, sampling);
    if let Some(filled) = &found.filled {
        write_filling(filled, &args.filling_of(open), &mut schema, &mut contents)?;
    }
    for ((field, &place), maps) in open.fields.iter().zip(&of).zip(found.fields) {
        let label = args.is_multivariate().then_some(field.label.as_str());
        patterns(&mut contents, args, (&field.source, label, &places[place]), (maps, modes));
    }
    contents.write(job.comm, (&args.output, writing_bytes(job)), schema, &pending)
}

/// What belongs to modes and times.
fn series(contents: &mut Contents, open: &OpenFields, found: &Oscillations, sampling: &Sampling) {
    let mode = || ["mode".to_owned()];
    let text = |long_name: &str, units: &str| {
        Attributes::new().with("long_name", long_name.to_owned()).with("units", units.to_owned())
    };
    let (re, im): (Vec<f64>, Vec<f64>) = found.eigenvalues.iter().copied().unzip();
    let about = |part: &str| text(&format!("{part} part of the eigenvalue for one time step"), "1");
    contents.whole("eigenvalue_real", mode(), Values::F64(re), about("real"));
    contents.whole("eigenvalue_imaginary", mode(), Values::F64(im), about("imaginary"));
    // What is infinite is missing: it has no period, or does not decay.
    let days = |steps: &[f64]| {
        let of = |s: &f64| if s.is_finite() { s * sampling.days } else { f64::NAN };
        Values::F64(steps.iter().map(of).collect())
    };
    let about = text("period of the oscillation", "day")
        .with("time_step", sampling.days)
        .with("comment", "2 pi / arg(eigenvalue) time steps; missing where the pattern does not oscillate");
    contents.whole("period", mode(), days(&found.periods), about);
    let about = text("damping time: the time in which the pattern decays to 1/e", "day")
        .with("time_step", sampling.days)
        .with("comment", "-1 / ln |eigenvalue| time steps; negative where the pattern grows");
    contents.whole("damping_time", mode(), days(&found.decays), about);
    let about = text("fraction of the total variance", "1").with(
        "comment",
        "of each mode by itself: patterns are not at right angles, and fractions do not add up",
    );
    contents.whole("variance_fraction", mode(), Values::F64(found.variance_fraction.clone()), about);
    let time = open.fields[0].source.variable().dims[0].name.clone();
    let both = || [time.clone(), "mode".to_owned()];
    let about =
        |part: &str| text(&format!("{part} part of the coefficient of the pattern, of variance 1"), "1");
    let values = Values::F64(found.real_coefficients.clone());
    contents.whole("coefficient_real", both(), values, about("real"));
    let values = Values::F64(found.imaginary_coefficients.clone());
    contents.whole("coefficient_imaginary", both(), values, about("imaginary"));
}

/// The maps of one field.
fn patterns(
    contents: &mut Contents,
    args: &PopArgs,
    (source, label, place): (&Source, Option<&str>, &Place),
    (maps, modes): (OscillationMaps, usize),
) {
    let variable = source.variable();
    let name = variable.attributes.text("long_name").unwrap_or(&variable.name).to_owned();
    let named = |what: &str| label.map_or_else(|| what.to_owned(), |label| format!("{what}_{label}"));
    let about = |long_name: String, units: Option<String>| {
        let mut about = Attributes::new().with("long_name", long_name);
        if let Some(units) = units {
            about.set("units", units);
        }
        place.refer(&mut about);
        about
    };
    let units = variable.units();
    let difference = units.map(cf::difference);
    let standardized = args.prepare.standardize;
    let field = if standardized { format!("standardized {name}") } else { name.clone() };
    for (part, blocks) in [("real", maps.real), ("imaginary", maps.imaginary)] {
        let of_map = if standardized { Some("1".to_owned()) } else { difference.clone() };
        let mut attributes = about(format!("{part} part of the oscillation pattern of {field}"), of_map);
        attributes.set(
            "comment",
            "the anomaly of a mode is coefficient_real x pop_real + coefficient_imaginary x pop_imaginary",
        );
        if label.is_some() {
            attributes.set("field_factor", maps.factor);
        }
        contents.maps(
            &named(&format!("pop_{part}")),
            (&[("mode", modes)], place.names()),
            blocks,
            attributes,
        );
    }
    match args.prepare.anomaly {
        AnomalyChoice::None => {}
        AnomalyChoice::Mean => {
            let about = about(format!("time mean of {name}, which was removed"), units.map(str::to_owned));
            contents.maps(&named("mean"), (&[], place.names()), maps.means, about);
        }
        AnomalyChoice::Climatology => {
            let long_name = format!("mean of {name} in each calendar month, which was removed");
            let about = about(long_name, units.map(str::to_owned));
            contents.maps(&named("mean"), (&[("month", 12)], place.names()), maps.means, about);
        }
    }
    if standardized {
        let long_name = format!("standard deviation of the anomalies of {name}, which they were divided by");
        let about = about(long_name, difference);
        contents.maps(&named("standard_deviation"), (&[], place.names()), maps.deviations, about);
    }
}

fn global(args: &PopArgs, open: &OpenFields, found: &Oscillations) -> Attributes {
    let variables: Vec<&str> = open.fields.iter().map(|f| f.label.as_str()).collect();
    let variables = variables.join(",");
    let mut options = vec![
        ("variable".to_owned(), variables.clone()),
        ("eofs".to_owned(), found.eofs.to_string()),
        ("modes".to_owned(), found.periods.len().to_string()),
    ];
    if args.is_multivariate() {
        options.push(("scale".to_owned(), args.scale.clone()));
    }
    options.extend(args.prepare.describe());
    options.extend(args.gaps.describe());
    options.extend(args.selection.describe().into_iter().map(|(k, v)| (k.to_owned(), v)));
    let options: Vec<String> = options.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Principal oscillation patterns of {variables}"))
        .with(
            "source",
            format!("halocline {}, principal oscillation patterns of {variables}", env!("CARGO_PKG_VERSION")),
        )
        .with(
            "references",
            "Hasselmann (1988), doi:10.1029/JD093iD09p11015; von Storch et al. (1995), doi:10.1175/1520-0442(1995)008<0377:POPAR>2.0.CO;2",
        )
        .with("eof_variance_fraction", found.eof_fraction)
        .with("total_variance", found.total_variance)
        .with("halocline_pop_options", options.join("; "))
        .with("halocline_tiling", Tiling::series(&open.fields[0].source.variable().dims).rule());
    carry::add_origin(&mut attributes, &open.dataset);
    attributes
}
