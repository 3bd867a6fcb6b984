//! The NetCDF file of coupled modes.

use super::{Couple, MapChoice};
use crate::eof::{places, word, write_filling, Contents, OpenFields, WeightChoice};
use crate::folding::FoldJob;
use crate::series::writing_bytes;
use crate::{carry, cf};
use halocline_algorithms::eof::{Coupled, Coupling, FieldPatterns, Modes};
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
    couple: &Couple<'_>,
    open: &OpenFields,
    found: Coupled,
) -> Result<WriteReport> {
    let modes = found.values.len();
    let mut schema = Schema { attributes: global(couple, open, modes), ..Schema::new() };
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
    strengths(&mut contents, couple, open, &found);
    let time = open.fields[0].source.variable().dims[0].name.clone();
    for (side, (patterns, (field, &place))) in
        found.fields.into_iter().zip(open.fields.iter().zip(&of)).enumerate()
    {
        let other = &open.fields[1 - side].label;
        let FieldPatterns { patterns, homogeneous, heterogeneous, coefficients, filled, .. } = patterns;
        if let Some(filled) = &filled {
            write_filling(filled, &couple.filling_of(field), &mut schema, &mut contents)?;
        }
        let (label, source, place) = (&field.label, &field.source, &places[place]);
        let name = source.variable().attributes.text("long_name").unwrap_or(&field.name);
        let standardized = if couple.args.prepare.standardize { "standardized " } else { "" };
        let weighted = if couple.args.prepare.weights == WeightChoice::None { "" } else { "weighted " };
        let map = |long_name: String, units: Option<String>| {
            let mut about = Attributes::new().with("long_name", long_name);
            if let Some(units) = units {
                about.set("units", units);
            }
            place.refer(&mut about);
            about
        };
        let units = units_of(couple, source);
        let (pattern, pattern_name, coefficient, of_coefficient) = match couple.coupling {
            Coupling::Mca => (
                format!("pattern_{label}"),
                map(
                    format!("singular vector of {weighted}{standardized}{name}, unit norm"),
                    Some("1".into()),
                ),
                "expansion coefficient",
                units.clone(),
            ),
            Coupling::Cca(_) => (
                format!("weights_{label}"),
                map(
                    format!("weights of {weighted}{standardized}{name} that make its canonical variable"),
                    None,
                ),
                "canonical variable, unit variance,",
                Some("1".into()),
            ),
        };
        let leading = [("mode", modes)];
        contents.maps(&pattern, (&leading, place.names()), patterns, pattern_name);
        let (kind, of_map) = match couple.args.maps {
            MapChoice::Covariance => ("covariance", units),
            MapChoice::Correlation => ("correlation", Some("1".to_owned())),
        };
        let what = |of: &str| format!("{kind} of {standardized}{name} with the {coefficient} of {of}");
        let what =
            |of: &str| what(of).replace("expansion coefficient of", "standardized expansion coefficient of");
        let about = map(what(label), of_map.clone());
        contents.maps(&format!("homogeneous_{label}"), (&leading, place.names()), homogeneous, about);
        let about = map(what(other), of_map);
        contents.maps(&format!("heterogeneous_{label}"), (&leading, place.names()), heterogeneous, about);
        let mut about =
            Attributes::new().with("long_name", format!("{coefficient} of {weighted}{standardized}{name}"));
        if let Some(units) = of_coefficient {
            about.set("units", units);
        }
        contents.whole(
            &format!("pc_{label}"),
            [time.clone(), "mode".to_owned()],
            Values::F64(coefficients),
            about,
        );
    }
    contents.write(job.comm, (&couple.args.output, writing_bytes(job)), schema, &pending)
}

/// What tells how strong each mode is.
fn strengths(contents: &mut Contents, couple: &Couple<'_>, open: &OpenFields, found: &Coupled) {
    let text = |long_name: &str| Attributes::new().with("long_name", long_name).with("units", "1");
    let mode = || ["mode".to_owned()];
    if couple.coupling == Coupling::Mca {
        let mut about =
            Attributes::new().with("long_name", "singular value: covariance of the expansion coefficients");
        let units: Option<Vec<String>> = open.fields.iter().map(|f| units_of(couple, &f.source)).collect();
        if let Some([a, b]) = units.as_deref() {
            about.set("units", if a == b && a == "1" { "1".to_owned() } else { format!("{a} {b}") });
        }
        contents.whole("singular_value", mode(), Values::F64(found.values.clone()), about);
        let fraction = text("squared covariance fraction");
        contents.whole(
            "squared_covariance_fraction",
            mode(),
            Values::F64(found.squared_covariance_fraction.clone()),
            fraction,
        );
        let fraction = text("share of the sum of all singular values");
        contents.whole(
            "covariance_fraction",
            mode(),
            Values::F64(found.covariance_fraction.clone()),
            fraction,
        );
        let about = text("correlation of the expansion coefficients of both fields");
        contents.whole("correlation", mode(), Values::F64(found.correlations.clone()), about);
    } else {
        contents.whole(
            "canonical_correlation",
            mode(),
            Values::F64(found.values.clone()),
            text("canonical correlation"),
        );
    }
}

/// Units of the anomalies; `None` when the file states none.
fn units_of(couple: &Couple<'_>, source: &Source) -> Option<String> {
    if couple.args.prepare.standardize {
        return Some("1".into());
    }
    source.variable().units().map(cf::difference)
}

fn number(modes: Modes) -> String {
    match modes {
        Modes::Exactly(n) => n.to_string(),
        Modes::UpTo(n) => format!("up to {n}"),
    }
}

fn global(couple: &Couple<'_>, open: &OpenFields, modes: usize) -> Attributes {
    let args = couple.args;
    let [left, right] = [&open.fields[0].label, &open.fields[1].label];
    let (title, extra) = match couple.coupling {
        Coupling::Mca => ("Maximum covariance analysis", None),
        Coupling::Cca([a, b]) => {
            ("Canonical correlation analysis", Some(("eofs".to_owned(), [a, b].map(number).join(","))))
        }
    };
    let mut options = vec![
        ("left".to_owned(), left.clone()),
        ("right".to_owned(), right.clone()),
        ("modes".to_owned(), modes.to_string()),
        ("maps".to_owned(), word(&args.maps)),
    ];
    options.extend(extra);
    options.extend(args.prepare.describe());
    options.extend(args.gaps.describe());
    options.extend(args.selection.describe().into_iter().map(|(k, v)| (k.to_owned(), v)));
    let options: Vec<String> = options.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{title} of {left} and {right}"))
        .with("source", format!("halocline {}, {title} of {left} and {right}", env!("CARGO_PKG_VERSION")))
        .with("references", "Bretherton et al. (1992), doi:10.1175/1520-0442(1992)005<0541:AIOMFF>2.0.CO;2")
        .with("halocline_coupled_options", options.join("; "))
        .with("halocline_tiling", Tiling::series(&open.fields[0].source.variable().dims).rule());
    carry::add_origin(&mut attributes, &open.dataset);
    attributes
}
