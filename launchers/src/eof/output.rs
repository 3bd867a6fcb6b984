//! The NetCDF file of an EOF analysis.

use super::contents::Contents;
use super::gaps;
use super::options::{word, AnomalyChoice, EofArgs, EofScalingChoice, WeightChoice};
use super::place::{places, Place};
use super::OpenFields;
use super::{significance, solver, state};
use crate::folding::FoldJob;
use crate::series::writing_bytes;
use crate::{carry, cf};
use halocline_algorithms::eof::{Covariance, Eof, EofMaps, MapBlock, Method};
use halocline_core::meta::{Attributes, Coordinate, Values};
use halocline_core::tiling::Tiling;
use halocline_core::Result;
use halocline_io::output::{Pending, Schema, WriteReport};
use halocline_io::source::Source;

/// A field as its results speak of it.
struct About<'a> {
    args: &'a EofArgs,
    source: &'a Source,
    place: &'a Place,
    /// `eof` and the like, or `eof_NAME` of one of several fields.
    label: Option<&'a str>,
    /// What the field was multiplied by.
    factor: f64,
}

/// Writes the file; with the coordinate of records that are more than those of the input.
///
/// # Collective
/// Every rank calls this with its block of the EOFs.
pub(super) fn write(
    job: &FoldJob<'_>,
    args: &EofArgs,
    open: &OpenFields,
    found: (Eof, Option<Coordinate>),
) -> Result<WriteReport> {
    with_contents(args, open, found, |contents, schema, pending| {
        contents.write(job.comm, (&args.output, writing_bytes(job)), schema, pending)
    })
}

/// Calls `work` with the variables of the file, its dimensions and coordinates, and the values of these.
pub(super) fn with_contents<T>(
    args: &EofArgs,
    open: &OpenFields,
    (eof, axis): (Eof, Option<Coordinate>),
    work: impl FnOnce(Contents, Schema, &[Pending<'_>]) -> Result<T>,
) -> Result<T> {
    let method = args.options()?.method;
    let modes = eof.eigenvalues.len();
    let mut schema = Schema { attributes: global(args, open, &eof), ..Schema::new() };
    let labelled: Vec<(&str, &Source)> = open.fields.iter().map(|f| (f.label.as_str(), &f.source)).collect();
    let first = &open.fields[0].source;
    let axis = match axis {
        Some(axis) => axis,
        None => first.between(eof.times.clone())?.time_coordinate().clone(),
    };
    let mut pending = schema.add_coordinate(&axis)?;
    schema.add_dim("mode", modes)?;
    let (places, of) = places(&labelled);
    for place in &places {
        pending.extend(place.add(&mut schema)?);
    }
    let mut contents = Contents::default();
    let mode = || ["mode".to_owned()];
    let text = |long_name: &str| Attributes::new().with("long_name", long_name);
    let numbers = Values::I32((1..=modes as i32).collect());
    contents.whole("mode", mode(), numbers, text("mode number").with("units", "1"));
    if let Method::Extended(lags) = &method {
        schema.add_dim("lag", lags.len())?;
        let values = Values::I32(lags.iter().map(|&l| l as i32).collect());
        let about = text("lag, in records: the pattern so many records after the principal component");
        contents.whole("lag", ["lag".to_owned()], values, about.with("units", "1"));
    }
    if args.prepare.anomaly == AnomalyChoice::Climatology {
        schema.add_dim("month", 12)?;
        let months = Values::I32((1..=12).collect());
        contents.whole("month", ["month".to_owned()], months, text("calendar month").with("units", "1"));
    }
    if eof.rotation.is_some() {
        schema.add_dim("unrotated_mode", modes)?;
    }
    let abouts: Vec<About<'_>> = open
        .fields
        .iter()
        .zip(&of)
        .zip(&eof.fields)
        .map(|((field, &place), maps)| About {
            args,
            source: &field.source,
            place: &places[place],
            label: args.is_multivariate().then_some(field.label.as_str()),
            factor: maps.factor,
        })
        .collect();
    components(&mut contents, &abouts[0], &method, &eof);
    variances(&mut contents, &abouts[0], &eof);
    let units = abouts[0].units(2).filter(|_| !args.is_multivariate());
    solver::write(&mut contents, &eof, units.as_deref());
    state::write(&mut contents, &eof, units.as_deref());
    significance::write(&mut schema, &mut contents, &args.tests.tests()?, &eof, units.as_deref())?;
    if let Some(filled) = &eof.filled {
        gaps::write(filled, &args.filling_of(open), &mut schema, &mut contents)?;
    }
    for (about, maps) in abouts.iter().zip(eof.fields) {
        about.maps(&mut contents, &method, modes, maps);
    }
    work(contents, schema, &pending)
}

/// Principal components.
fn components(contents: &mut Contents, about: &About<'_>, method: &Method, eof: &Eof) {
    let dims = || [about.source.variable().dims[0].name.clone(), "mode".to_owned()];
    if !matches!(method, Method::Complex(_)) {
        contents.whole("pc", dims(), Values::F64(eof.pcs.clone()), about.of_pc(""));
        return;
    }
    let (re, im) = (&eof.pcs, &eof.pcs_imaginary);
    let amplitude = re.iter().zip(im).map(|(a, b)| a.hypot(*b)).collect();
    let phase = re.iter().zip(im).map(|(a, b)| b.atan2(*a).to_degrees()).collect();
    contents.whole("pc_real", dims(), Values::F64(re.clone()), about.of_pc(", real part"));
    contents.whole("pc_imaginary", dims(), Values::F64(im.clone()), about.of_pc(", imaginary part"));
    contents.whole("pc_amplitude", dims(), Values::F64(amplitude), about.of_pc(", amplitude"));
    let degrees = about.of_pc(", phase").with("units", "degree");
    contents.whole("pc_phase", dims(), Values::F64(phase), degrees);
}

/// Eigenvalues and what follows from them.
fn variances(contents: &mut Contents, about: &About<'_>, eof: &Eof) {
    let text = |long_name: &str| Attributes::new().with("long_name", long_name);
    let with_units = |attributes: Attributes| match about.units(2).filter(|_| about.label.is_none()) {
        Some(units) => attributes.with("units", units),
        None => attributes,
    };
    let mode = || ["mode".to_owned()];
    let eigenvalue = match &eof.rotation {
        None => "eigenvalue of the covariance matrix",
        Some(_) => "variance of the rotated mode",
    };
    contents.whole("eigenvalue", mode(), Values::F64(eof.eigenvalues.clone()), with_units(text(eigenvalue)));
    let fraction = text("fraction of the total variance").with("units", "1");
    contents.whole("variance_fraction", mode(), Values::F64(eof.variance_fraction.clone()), fraction);
    if eof.rotation.is_none() {
        let error = with_units(text("sampling error of the eigenvalue (North et al. 1982)"));
        contents.whole("north_error", mode(), Values::F64(eof.north_error.clone()), error);
    }
    let total = with_units(text("total variance: the sum of all eigenvalues"));
    let total = match &eof.paired {
        Some(paired) => gaps::about_pairs(paired, total),
        None => total,
    };
    contents.whole("total_variance", [], Values::F64(vec![eof.total_variance]), total);
    if let Some(rotation) = &eof.rotation {
        let both = || ["unrotated_mode".to_owned(), "mode".to_owned()];
        let about =
            text("rotation: rotated loadings are sums over unrotated modes of these times their loadings");
        contents.whole(
            "unrotated_mode",
            ["unrotated_mode".to_owned()],
            Values::I32((1..=rotation.modes as i32).collect()),
            text("mode number before the rotation").with("units", "1"),
        );
        contents.whole(
            "rotation_matrix",
            both(),
            Values::F64(rotation.matrix.clone()),
            about.with("units", "1"),
        );
    }
}

impl About<'_> {
    fn name(&self) -> String {
        let variable = self.source.variable();
        variable.attributes.text("long_name").unwrap_or(&variable.name).to_owned()
    }
    fn var(&self, what: &str) -> String {
        self.label.map_or_else(|| what.to_owned(), |label| format!("{what}_{label}"))
    }
    /// The attributes of a map.
    fn map(&self, long_name: String, units: Option<String>) -> Attributes {
        let mut attributes = Attributes::new().with("long_name", long_name);
        if let Some(units) = units {
            attributes.set("units", units);
        }
        self.place.refer(&mut attributes);
        attributes
    }

    fn maps(&self, contents: &mut Contents, method: &Method, modes: usize, maps: EofMaps) {
        let space = || self.place.names();
        let about = || {
            let about = self.of_eof();
            if self.label.is_some() {
                about.with("field_factor", self.factor)
            } else {
                about
            }
        };
        match method {
            Method::Plain => {
                contents.maps(&self.var("eof"), (&[("mode", modes)], space()), maps.eofs, about());
            }
            Method::Extended(lags) => {
                let leading = [("mode", modes), ("lag", lags.len())];
                contents.maps(&self.var("eof"), (&leading, space()), maps.eofs, about());
            }
            Method::Complex(_) => {
                let leading = [("mode", modes)];
                let part = |of: OfParts| complex_part(&maps.eofs, of);
                let parts: [(&str, &str, OfParts); 4] = [
                    ("real", "real part", |re, _| re),
                    ("imaginary", "imaginary part", |_, im| im),
                    ("amplitude", "amplitude", f64::hypot),
                    ("phase", "phase", |re, im| im.atan2(re).to_degrees()),
                ];
                for (suffix, words, of) in parts {
                    let mut attributes = about();
                    let long_name = attributes.text("long_name").unwrap_or_default().to_owned();
                    attributes.set("long_name", format!("{long_name}, {words}"));
                    if suffix == "phase" {
                        attributes.set("units", "degree");
                    }
                    let name = self.var(&format!("eof_{suffix}"));
                    contents.maps(&name, (&leading, space()), part(of), attributes);
                }
            }
        }
        let name = self.name();
        let units = self.source.variable().units();
        match self.args.prepare.anomaly {
            AnomalyChoice::None => {}
            AnomalyChoice::Mean => {
                let about =
                    self.map(format!("time mean of {name}, which was removed"), units.map(str::to_owned));
                contents.maps(&self.var("mean"), (&[], space()), maps.means, about);
            }
            AnomalyChoice::Climatology => {
                let long_name = format!("mean of {name} in each calendar month, which was removed");
                let about = self.map(long_name, units.map(str::to_owned));
                contents.maps(&self.var("mean"), (&[("month", 12)], space()), maps.means, about);
            }
        }
        let standardized = self.args.prepare.standardize;
        // Whoever has correlations needs it to come back to the field.
        if standardized || self.args.eof_scaling == EofScalingChoice::Correlation {
            let divided = if standardized { ", which they were divided by" } else { "" };
            let long_name = format!("standard deviation of the anomalies of {name}{divided}");
            let about = self.map(long_name, units.map(cf::difference));
            contents.maps(&self.var("standard_deviation"), (&[], space()), maps.deviations, about);
        }
    }

    fn of_eof(&self) -> Attributes {
        let (args, name) = (self.args, self.name());
        let field = if args.prepare.standardize { format!("standardized {name}") } else { name };
        let weighted = if args.prepare.weights == WeightChoice::None { "" } else { "weighted " };
        let kind = match (args.lags.is_some(), args.complex, &args.rotate) {
            (true, _, Some(_)) => "rotated extended EOF",
            (true, ..) => "extended EOF",
            (_, true, _) => "complex EOF",
            (.., Some(_)) => "rotated EOF",
            _ => "EOF",
        };
        let (long_name, power) = match args.eof_scaling() {
            _ if args.is_cdo() && !weighted.is_empty() => {
                (format!("{kind} of {field}, of area-weighted mean square 1"), Some(0))
            }
            EofScalingChoice::UnitNorm => (format!("{kind} of {weighted}{field}, unit norm"), Some(0)),
            EofScalingChoice::Divided => {
                (format!("{kind} of {weighted}{field}, divided by the root of its eigenvalue"), None)
            }
            EofScalingChoice::Multiplied => {
                let power = self.label.is_none().then_some(1);
                (format!("{kind} of {weighted}{field}, multiplied by the root of its eigenvalue"), power)
            }
            EofScalingChoice::Covariance => (
                format!("{kind}: covariance of {field} with the principal component"),
                match args.pc_scaling() {
                    0 => self.label.is_none().then_some(2),
                    1 => Some(1),
                    _ => self.label.is_none().then_some(3),
                },
            ),
            EofScalingChoice::Correlation => {
                (format!("{kind}: correlation of {field} with the principal component"), Some(0))
            }
        };
        self.map(long_name, power.and_then(|p| self.units(p)))
    }

    fn of_pc(&self, part: &str) -> Attributes {
        let (how, power) = match self.args.pc_scaling() {
            _ if self.args.is_cdo() => (", the sum over cells of EOF times anomaly", 1),
            0 => ("", 1),
            1 => (", unit variance", 0),
            _ => (", multiplied by the root of its eigenvalue", 2),
        };
        let of = if self.label.is_some() { "several variables together".to_owned() } else { self.name() };
        let attributes =
            Attributes::new().with("long_name", format!("principal component of {of}{how}{part}"));
        match self.units(power).filter(|_| self.label.is_none() || power == 0) {
            Some(units) => attributes.with("units", units),
            None => attributes,
        }
    }

    /// Units of a power of the anomaly; `None` when the file states none.
    fn units(&self, power: u32) -> Option<String> {
        if power == 0 || self.args.prepare.standardize {
            return Some("1".into());
        }
        let units = self.source.variable().units()?;
        // A difference of degrees Celsius is one of kelvins.
        let difference = cf::difference(units);
        Some(match (power, difference.as_str()) {
            (1, _) => difference,
            (_, "K") => format!("K{power}"),
            (_, "1") => "1".into(),
            _ => format!("({units}){power}"),
        })
    }
}

/// What is made of a real and an imaginary part.
type OfParts = fn(f64, f64) -> f64;

/// One number of each complex one, whose parts are rows one after the other.
fn complex_part(blocks: &[MapBlock], of: OfParts) -> Vec<MapBlock> {
    let each = |part: &MapBlock| {
        let rows = part.block.range(0).len();
        let width = part.values.len() / rows.max(1);
        let pairs = part.values.chunks(2 * width.max(1));
        let values = pairs.flat_map(|pair| (0..width).map(|i| of(pair[i], pair[width + i]))).collect();
        MapBlock { block: part.block.with_range(0, 0..rows / 2), values }
    };
    blocks.iter().map(each).collect()
}

fn global(args: &EofArgs, open: &OpenFields, eof: &Eof) -> Attributes {
    let variables: Vec<&str> = open.fields.iter().map(|f| f.label.as_str()).collect();
    let variables = variables.join(",");
    let mut options = vec![
        ("variable".to_owned(), variables.clone()),
        ("modes".to_owned(), eof.eigenvalues.len().to_string()),
    ];
    options.extend(args.prepare.describe());
    options.extend(args.convention.iter().map(|c| ("convention".to_owned(), word(c))));
    let (pcs, eofs) = if args.is_cdo() {
        ("projection".to_owned(), "unweighted".to_owned())
    } else {
        (args.pc_scaling().to_string(), word(&args.eof_scaling()))
    };
    options.push(("pc_scaling".to_owned(), pcs));
    options.push(("eof_scaling".to_owned(), eofs));
    if args.is_multivariate() {
        options.push(("scale".to_owned(), args.scale.clone()));
    }
    options.extend(args.lags.iter().map(|lags| ("lags".to_owned(), lags.clone())));
    if args.complex {
        options.push(("hilbert_padding".to_owned(), args.hilbert_padding.clone()));
    }
    if let Some(rotate) = &args.rotate {
        options.push(("rotate".to_owned(), rotate.clone()));
        options.push(("kaiser".to_owned(), (!args.no_kaiser).to_string()));
    }
    options.extend(args.tests.describe());
    options.extend(solver::describe(eof));
    options.extend(state::describe(eof));
    options.extend(args.gaps.describe());
    if eof.paired.is_some() {
        let pairs = if eof.covariance == Covariance::Spatial { "cells" } else { "times" };
        options.push(("pairs".to_owned(), pairs.to_owned()));
    }
    options.extend(args.selection.describe().into_iter().map(|(k, v)| (k.to_owned(), v)));
    let options: Vec<String> = options.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let dims = &open.fields[0].source.variable().dims;
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Empirical orthogonal functions of {variables}"))
        .with("source", format!("halocline {}, EOF analysis of {variables}", env!("CARGO_PKG_VERSION")))
        .with("references", "Hannachi et al. (2007), doi:10.1002/joc.1499; North et al. (1982), doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2")
        .with("halocline_eof_options", options.join("; "))
        .with("halocline_tiling", Tiling::series(dims).rule());
    carry::add_origin(&mut attributes, &open.dataset);
    attributes
}
