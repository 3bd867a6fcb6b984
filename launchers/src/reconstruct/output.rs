//! The NetCDF file of a reconstruction.

use super::run::{dims, Field, Opened};
use super::ReconstructArgs;
use crate::{carry, cf};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::Reconstruction;
use halocline_core::comm::Comm;
use halocline_core::engine::StreamSource;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Role, Values, Variable};
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Schema, VariableSpec};

/// Name, dimensions, type and attributes of the field.
pub(super) fn variable(args: &ReconstructArgs, opened: &Opened, field: &Field) -> Variable {
    let file = &opened.file;
    let numbers: Vec<String> = opened.modes.iter().map(|m| m.number.to_string()).collect();
    let modes = if numbers.len() > 12 {
        format!("{} modes from {} to {}", numbers.len(), numbers[0], numbers[numbers.len() - 1])
    } else {
        format!("EOF modes {}", numbers.join(", "))
    };
    let what = match (args.add_mean, file.recorded.anomaly) {
        (true, Anomaly::Climatology) => "with the climatology of its months, ",
        (true, _) => "with its mean, ",
        (false, _) => "anomaly, ",
    };
    let of = long_name(opened).unwrap_or_else(|| field.name.clone());
    let mut attributes = Attributes::new().with("long_name", format!("{of}, {what}from {modes}"));
    if let Some(units) = units(args, opened, field) {
        attributes.set("units", units);
    }
    let eof = file.result("eof", &field.name);
    for name in ["coordinates", "grid_mapping"] {
        if let Some(text) = eof.and_then(|v| v.attributes.text(name)) {
            attributes.set(name, text);
        }
    }
    Variable { name: field.name.clone(), dims: dims(opened, field), dtype: args.dtype(), attributes }
}

/// What the field is called, if there is but one: the principal components say it.
fn long_name(opened: &Opened) -> Option<String> {
    let text = opened.pcs.variable().attributes.text("long_name").filter(|_| opened.fields.len() == 1)?;
    let text = text.strip_prefix("principal component of ")?;
    let scaled = [", unit variance", ", multiplied by the root of its eigenvalue"];
    let name = scaled.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    Some(name.to_owned())
}

/// The units of the field: of anomalies those of differences.
fn units(args: &ReconstructArgs, opened: &Opened, field: &Field) -> Option<String> {
    let of = |result: &str| opened.file.result(result, &field.name).and_then(|v| v.units());
    if let Some(units) = of("mean") {
        return Some(if args.add_mean { units.to_owned() } else { cf::difference(units) });
    }
    if let Some(units) = of("standard_deviation") {
        return Some(units.to_owned());
    }
    if opened.fields.len() > 1 || opened.file.recorded.scaling.standardize {
        return None;
    }
    let info = opened.file.dataset.variable("eigenvalue").ok()?;
    root(info.variable.units()?)
}

/// Units of which these are the square.
fn root(units: &str) -> Option<String> {
    let text = if units == "1" { units } else { units.strip_suffix('2')? };
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    Some(inner.unwrap_or(text).to_owned())
}

/// Creates the file and writes the coordinates.
///
/// # Collective
/// Every rank calls this.
pub(super) fn create(
    comm: &Comm,
    args: &ReconstructArgs,
    opened: &Opened,
    fields: &[Reconstruction],
) -> Result<Output> {
    let mut schema = Schema { attributes: global(args, opened), ..Schema::new() };
    let mut pending = schema.add_coordinate(opened.pcs.time_coordinate())?;
    let mut others = Vec::new();
    for field in &opened.fields {
        others.push(comm.on_root(|| levels(&opened.file.dataset, opened, field))?);
    }
    for (field, others) in opened.fields.iter().zip(&others) {
        for dim in &field.space {
            schema.add_dim(&dim.name, dim.len)?;
        }
        let grid = &field.grid;
        for coordinate in others.iter().chain([&grid.lat, &grid.lon].into_iter().flatten()).chain(&grid.extra)
        {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
    }
    for field in fields {
        let variable = field.variable();
        let names = variable.dims.iter().map(|d| d.name.as_str());
        let spec = VariableSpec::data(&variable.name, names, variable.dtype)
            .compression(args.compress.compression());
        schema.add_variable(spec.chunks(field.chunks()).attributes(variable.attributes.clone()));
    }
    let mut output = Output::create(comm, &args.output, &schema)?;
    output.write_pending(&pending)?;
    Ok(output)
}

/// The coordinates of the levels of a field, and scalars that it names. One rank reads.
fn levels(dataset: &Dataset, opened: &Opened, field: &Field) -> Result<Vec<Coordinate>> {
    let eof = &dataset.variable(&opened.file.name_of("eof", &field.name))?.variable;
    let named: Vec<&str> =
        eof.attributes.text("coordinates").unwrap_or_default().split_whitespace().collect();
    let own = |v: &Variable| {
        let along = v.dims.len() == 1
            && field.space.iter().any(|d| d.name == v.name && !matches!(d.role, Role::Y | Role::X));
        along || v.dims.is_empty() && named.contains(&v.name.as_str())
    };
    let all = dataset.variables().iter().map(|info| &info.variable);
    all.filter(|v| v.dtype.is_numeric() && own(v)).map(|v| coordinate(dataset, v)).collect()
}

/// A coordinate with its bounds, if they are there.
fn coordinate(dataset: &Dataset, variable: &Variable) -> Result<Coordinate> {
    let read = |v: &Variable| -> Result<Values> { dataset.read(&v.name, &IndexBox::whole(&v.shape())) };
    let named = variable.attributes.text("bounds").and_then(|name| dataset.variable(name).ok());
    let fits = |v: &&Variable| v.dtype.is_numeric() && v.dims.len() == variable.dims.len() + 1;
    let bounds = named.map(|info| &info.variable).filter(fits);
    let bounds = bounds.map(|v| {
        let dtype = DType::F64;
        let values = Values::F64(read(v)?.to_f64());
        Ok::<_, halocline_core::Error>(Coordinate {
            variable: Variable { dtype, ..v.clone() },
            values,
            bounds: None,
        })
    });
    Ok(Coordinate {
        values: read(variable)?,
        bounds: bounds.transpose()?.map(Box::new),
        variable: variable.clone(),
    })
}

fn global(args: &ReconstructArgs, opened: &Opened) -> Attributes {
    let names = opened.file.recorded.variables.join(", ");
    let modes: Vec<String> = opened.modes.iter().map(|m| m.number.to_string()).collect();
    let mut options = vec![
        format!("variable={}", opened.file.recorded.variables.join(",")),
        format!("modes={}", modes.join(",")),
        format!("add-mean={}", args.add_mean),
    ];
    options.extend(args.time.iter().map(|t| format!("time={t}")));
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{names} from EOF modes"))
        .with(
            "source",
            format!("halocline {}, reconstruction of {names} from EOFs", env!("CARGO_PKG_VERSION")),
        )
        .with("references", "Hannachi et al. (2007), doi:10.1002/joc.1499")
        .with("halocline_reconstruct_options", options.join("; "));
    if let Some(of) = opened.file.dataset.attributes().text("halocline_eof_options") {
        attributes.set("halocline_eof_options_of_input", of);
    }
    carry::add_origin(&mut attributes, &opened.file.dataset);
    attributes
}
