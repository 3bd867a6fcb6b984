//! The NetCDF file of an EOF analysis.

use super::{word, AnomalyChoice, EofArgs, EofScalingChoice, PrecisionChoice, WeightChoice};
use crate::{carry, cf};
use halocline_algorithms::eof::{Eof, MapBlock};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::tiling::Tiling;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// Writes the file.
///
/// # Collective
/// Every rank calls this with its block of the EOFs.
pub(super) fn write(
    comm: &Comm,
    args: &EofArgs,
    (dataset, source): (&Dataset, &Source),
    mut eof: Eof,
) -> Result<WriteReport> {
    let mut schema = Schema { attributes: global(args, dataset, source, &eof), ..Schema::new() };
    let time = source.time_coordinate();
    let mut coordinates = schema.add_coordinate(time)?;
    schema.add_dim("mode", eof.eigenvalues.len())?;
    coordinates.extend(carry::add_space(&mut schema, source)?);
    let modes: Vec<i32> = (1..=eof.eigenvalues.len() as i32).collect();
    let climatology = args.anomaly == AnomalyChoice::Climatology;
    if climatology {
        schema.add_dim("month", 12)?;
    }
    for (name, dims, attributes) in results(args, source) {
        let spec = match name {
            "mode" | "month" => VariableSpec::new(name, dims, DType::I32),
            "eof" | "mean" | "standard_deviation" => VariableSpec::data(name, dims, DType::F64),
            _ => VariableSpec::new(name, dims, DType::F64),
        };
        schema.add_variable(spec.attributes(attributes));
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&coordinates)?;
    output.write_whole("mode", &Values::I32(modes))?;
    let mean = args.anomaly != AnomalyChoice::None;
    write_maps(&mut output, "eof", &mut eof.eofs, true)?;
    if climatology {
        output.write_whole("month", &Values::I32((1..=12).collect()))?;
    }
    if mean {
        write_maps(&mut output, "mean", &mut eof.means, climatology)?;
    }
    if args.standardize {
        write_maps(&mut output, "standard_deviation", &mut eof.deviations, false)?;
    }
    output.write_whole("pc", &Values::F64(eof.pcs.clone()))?;
    output.write_whole("eigenvalue", &Values::F64(eof.eigenvalues.clone()))?;
    output.write_whole("variance_fraction", &Values::F64(eof.variance_fraction.clone()))?;
    output.write_whole("north_error", &Values::F64(eof.north_error.clone()))?;
    output.write_whole("total_variance", &Values::F64(vec![eof.total_variance]))?;
    output.finish_with_report()
}

/// Writes this rank's part of maps, with or without the dimension that counts them.
fn write_maps(output: &mut Output, name: &str, maps: &mut [MapBlock], counted: bool) -> Result<()> {
    for part in maps {
        let values = Values::F64(std::mem::take(&mut part.values));
        let block =
            if counted { part.block.clone() } else { IndexBox::new(part.block.ranges()[1..].to_vec()) };
        output.write_block(name, &block, &values)?;
    }
    Ok(())
}

/// The result variables with their dimensions and attributes.
fn results(args: &EofArgs, source: &Source) -> Vec<(&'static str, Vec<String>, Attributes)> {
    let variable = source.variable();
    let name = variable.attributes.text("long_name").unwrap_or(&args.var).to_owned();
    let mode = || vec!["mode".to_owned()];
    let pc = vec![source.variable().dims[0].name.clone(), "mode".to_owned()];
    let maps =
        std::iter::once("mode".to_owned()).chain(source.grid().dims.iter().map(|d| d.name.clone())).collect();
    let text = |long_name: &str| Attributes::new().with("long_name", long_name);
    let with_units = |attributes: Attributes, power: u32| match units(args, source, power) {
        Some(units) => attributes.with("units", units),
        None => attributes,
    };
    let variance = with_units(text("eigenvalue of the covariance matrix"), 2);
    let error = with_units(text("sampling error of the eigenvalue (North et al. 1982)"), 2);
    let total = with_units(text("total variance: the sum of all eigenvalues"), 2);
    let space = || source.grid().dims.iter().map(|d| d.name.clone());
    let carried = |long_name: String| {
        let mut attributes = Attributes::new().with("long_name", long_name);
        if let Some(units) = variable.units() {
            attributes.set("units", units);
        }
        carry::refer_to_space(&mut attributes, source);
        attributes
    };
    let mut removed = Vec::new();
    match args.anomaly {
        AnomalyChoice::None => {}
        AnomalyChoice::Mean => {
            let about = carried(format!("time mean of {name}, which was removed"));
            removed.push(("mean", space().collect(), about));
        }
        AnomalyChoice::Climatology => {
            let dims = std::iter::once("month".to_owned()).chain(space()).collect();
            let about = carried(format!("mean of {name} in each calendar month, which was removed"));
            removed.push(("month", vec!["month".to_owned()], text("calendar month").with("units", "1")));
            removed.push(("mean", dims, about));
        }
    }
    if args.standardize {
        let mut about = carried(format!("standard deviation of the anomalies of {name}, which they were divided by"));
        if let Some(units) = variable.units().map(cf::difference) {
            about.set("units", units);
        }
        removed.push(("standard_deviation", space().collect(), about));
    }
    let mut all = vec![
        ("mode", mode(), text("mode number").with("units", "1")),
        ("eof", maps, eof_attributes(args, source, &name)),
        ("pc", pc, pc_attributes(args, source, &name)),
        ("eigenvalue", mode(), variance),
        ("variance_fraction", mode(), text("fraction of the total variance").with("units", "1")),
        ("north_error", mode(), error),
        ("total_variance", Vec::new(), total),
    ];
    all.extend(removed);
    all
}

fn eof_attributes(args: &EofArgs, source: &Source, name: &str) -> Attributes {
    let field = if args.standardize { format!("standardized {name}") } else { name.to_owned() };
    let weighted = if args.weights == WeightChoice::None { "" } else { "weighted " };
    let (long_name, power) = match args.eof_scaling {
        EofScalingChoice::UnitNorm => (format!("EOF of {weighted}{field}, unit norm"), Some(0)),
        EofScalingChoice::Divided => {
            (format!("EOF of {weighted}{field}, divided by the root of its eigenvalue"), None)
        }
        EofScalingChoice::Multiplied => {
            (format!("EOF of {weighted}{field}, multiplied by the root of its eigenvalue"), Some(1))
        }
        EofScalingChoice::Covariance => (
            format!("EOF: covariance of {field} with the principal component"),
            Some(match args.pc_scaling {
                0 => 2,
                1 => 1,
                _ => 3,
            }),
        ),
        EofScalingChoice::Correlation => {
            (format!("EOF: correlation of {field} with the principal component"), Some(0))
        }
    };
    let mut attributes = Attributes::new().with("long_name", long_name);
    if let Some(units) = power.and_then(|p| units(args, source, p)) {
        attributes.set("units", units);
    }
    carry::refer_to_space(&mut attributes, source);
    attributes
}

fn pc_attributes(args: &EofArgs, source: &Source, name: &str) -> Attributes {
    let (how, power) = match args.pc_scaling {
        0 => ("", 1),
        1 => (", unit variance", 0),
        _ => (", multiplied by the root of its eigenvalue", 2),
    };
    let attributes = Attributes::new().with("long_name", format!("principal component of {name}{how}"));
    match units(args, source, power) {
        Some(units) => attributes.with("units", units),
        None => attributes,
    }
}

/// Units of a power of the anomaly; `None` when the file states none.
fn units(args: &EofArgs, source: &Source, power: u32) -> Option<String> {
    if power == 0 || args.standardize {
        return Some("1".into());
    }
    let units = source.variable().units()?;
    if power == 1 {
        return Some(units.to_owned());
    }
    // A difference of degrees Celsius is one of kelvins, and only those can be squared.
    Some(if cf::difference(units) == "K" {
        format!("K{power}")
    } else if units == "1" {
        "1".into()
    } else {
        format!("({units}){power}")
    })
}

fn global(args: &EofArgs, dataset: &Dataset, source: &Source, eof: &Eof) -> Attributes {
    let mut options = vec![
        ("variable".to_owned(), args.var.clone()),
        ("modes".to_owned(), eof.eigenvalues.len().to_string()),
        ("weights".to_owned(), word(&args.weights)),
        ("anomaly".to_owned(), word(&args.anomaly)),
        ("detrend".to_owned(), args.detrend.to_string()),
        ("standardize".to_owned(), args.standardize.to_string()),
        ("pc_scaling".to_owned(), args.pc_scaling.to_string()),
        ("eof_scaling".to_owned(), word(&args.eof_scaling)),
    ];
    if args.precision == PrecisionChoice::Mixed {
        options.push(("precision".to_owned(), "mixed".to_owned()));
    }
    options.extend(args.selection.describe().into_iter().map(|(k, v)| (k.to_owned(), v)));
    let options: Vec<String> = options.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Empirical orthogonal functions of {}", args.var))
        .with("source", format!("halocline {}, EOF analysis of {}", env!("CARGO_PKG_VERSION"), args.var))
        .with("references", "Hannachi et al. (2007), doi:10.1002/joc.1499; North et al. (1982), doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2")
        .with("halocline_eof_options", options.join("; "))
        .with("halocline_tiling", Tiling::series(&source.variable().dims).rule());
    carry::add_origin(&mut attributes, dataset);
    attributes
}
