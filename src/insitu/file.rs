//! The files of results, laid out as those of the commands.

use super::{Kind, Setup};
use halocline_algorithms::climatology;
use halocline_algorithms::statistics::relate::{Quantity as Relation, RelateState, Treatment};
use halocline_algorithms::statistics::{Missing, Op, Quantity, Reduction, ReductionState, Rules};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::insitu::Column;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{units, Error, Result};
use halocline_io::output::{history_line, Output, Schema, VariableSpec};
use std::path::Path;

/// The file of statistics or of a climatology.
///
/// # Collective
/// Every rank calls this with its columns.
pub(super) fn of_reduction(
    comm: &Comm,
    setup: &Setup,
    times: &[f64],
    (fold, columns): (&Reduction, &[Column<ReductionState>]),
    path: &Path,
) -> Result<()> {
    let (name, attributes) = &setup.fields[0];
    let (ops, coordinates) = match &setup.kind {
        Kind::Climatology(cycle, ops) => {
            let dates = times.iter().map(|&t| setup.date(t)).collect::<Result<Vec<_>>>()?;
            let axis = climatology::axis(*cycle, &setup.time, &dates, &time_variable(setup, times.len()))?;
            (ops, vec![axis.time, axis.bounds, axis.label])
        }
        Kind::Stats(ops) => (ops, vec![middle(setup, times, Some(1))]),
        _ => return Ok(()),
    };
    let label = coordinates.get(2).map(|label| label.variable.name.clone());
    let named = |op: Op| if ops.len() == 1 { name.clone() } else { format!("{name}_{}", op.name()) };
    let mut schema = schema(setup);
    let mut pending = Vec::new();
    for coordinate in coordinates.iter().chain(&setup.coordinates) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let dims: Vec<&str> =
        std::iter::once("time").chain(setup.space.iter().map(|d| d.name.as_str())).collect();
    for &op in ops {
        let dtype = if op == Op::Count { DType::I32 } else { DType::F64 };
        let mut own = describe(attributes, name, op);
        if let Some(label) = &label {
            own.set("coordinates", label.as_str());
        }
        schema.add_variable(VariableSpec::data(named(op), dims.clone(), dtype).attributes(own));
    }
    let mut output = Output::create(comm, path, &schema)?;
    output.write_pending(&pending)?;
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let groups = fold.groups().len();
    for &op in ops {
        let quantity = op.quantities()[0];
        each(
            comm,
            columns,
            |column| {
                let Some((cells, state)) = column else { return Ok((nothing(dims.len()), Vec::new())) };
                let block =
                    IndexBox::new(std::iter::once(0..groups).chain(cells.ranges().iter().cloned()).collect());
                let mut all = vec![f64::NAN; block.len()];
                let values = fold.finish(state, quantity, &rules)?;
                for (&group, values) in state.groups().iter().zip(values.chunks(cells.len().max(1))) {
                    let start = group as usize * cells.len();
                    all[start..start + cells.len()].copy_from_slice(values);
                }
                Ok((block, all))
            },
            |block, values| {
                let values = match op {
                    Op::Count => Values::I32(values.iter().map(|&n| n.max(0.0) as i32).collect()),
                    _ => Values::F64(values),
                };
                output.write_block(&named(op), block, &values)
            },
        )?;
    }
    output.finish()
}

/// Refuses a file that can't be made where it is wanted, before anything is given up for it.
///
/// # Collective
/// Every rank calls this.
pub(super) fn check_target(comm: &Comm, path: &Path) -> Result<()> {
    comm.on_root(|| {
        let refuse = |what: String| {
            Err(Error::system(what).in_file(path).remedy("name another path; nothing is lost"))
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.is_dir() {
            return refuse("it is a folder".to_owned());
        }
        if !folder.is_dir() {
            return refuse("its folder does not exist".to_owned());
        }
        // Permissions alone don't tell whether a file system takes files.
        let trial = folder.join(format!(".halocline-{}.trial", std::process::id()));
        match std::fs::File::create(&trial) {
            Ok(_) => {
                let _ = std::fs::remove_file(&trial);
                Ok(())
            }
            Err(e) => refuse(format!("nothing can be written there: {e}")),
        }
    })
}

/// The file of a covariance, as `halocline relate --op covariance` writes it.
///
/// # Collective
/// Every rank calls this with its columns.
pub(super) fn of_covariance(
    comm: &Comm,
    setup: &Setup,
    times: &[f64],
    columns: &[Column<RelateState>],
    path: &Path,
) -> Result<()> {
    let Kind::Covariance { ddof } = setup.kind else { return Ok(()) };
    let [(name, first), (other, second)] = setup.fields.as_slice() else { return Ok(()) };
    let time = middle(setup, times, None);
    let mut schema = schema(setup);
    let mut pending = Vec::new();
    for coordinate in setup.coordinates.iter().chain([&time]) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let mut attributes = Attributes::new().with("long_name", format!("covariance of {name} with {other}"));
    if let (Some(a), Some(b)) = (first.text("units"), second.text("units")) {
        attributes.set("units", format!("{a} {b}"));
    }
    attributes.set("cell_methods", format!("time: covariance (comment: ddof {ddof})"));
    attributes.set("coordinates", "time");
    let dims: Vec<&str> = setup.space.iter().map(|d| d.name.as_str()).collect();
    let variable = format!("{name}_covariance");
    schema.add_variable(VariableSpec::data(&variable, dims.clone(), DType::F64).attributes(attributes));
    let mut output = Output::create(comm, path, &schema)?;
    output.write_pending(&pending)?;
    let how = Treatment { detrend: false, standardize: false, ddof };
    each(
        comm,
        columns,
        |column| {
            let Some((cells, state)) = column else { return Ok((nothing(dims.len()), Vec::new())) };
            Ok((cells.clone(), state.finish(0, Relation::Covariance, how)))
        },
        |block, values| output.write_block(&variable, block, &Values::F64(values)),
    )?;
    output.finish()
}

/// Writes column after column; who has fewer than others writes nothing at the end.
///
/// # Collective
/// Every rank calls this.
pub(super) fn each<S, V>(
    comm: &Comm,
    columns: &[Column<S>],
    find: impl Fn(Option<&Column<S>>) -> Result<(IndexBox, V)>,
    mut write: impl FnMut(&IndexBox, V) -> Result<()>,
) -> Result<()> {
    let mut most = [columns.len() as u64];
    comm.all_reduce(&mut most, Reduce::Max);
    for k in 0..most[0] as usize {
        let (block, values) = comm.agree(find(columns.get(k)))?;
        write(&block, values)?;
    }
    Ok(())
}

pub(super) fn nothing(dims: usize) -> IndexBox {
    IndexBox::new(vec![0..0; dims])
}

pub(super) fn schema(setup: &Setup) -> Schema {
    let what = setup.kind.title();
    let names: Vec<&str> = setup.fields.iter().map(|(name, _)| name.as_str()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{what} of {}", names.join(", ")))
        .with("source", format!("halocline {version}, in a running program"))
        .with("halocline_insitu_options", setup.describe())
        .with("halocline_tiling", "in-situ-1")
        .with(
            "history",
            history_line(&format!(
                "halocline {version} in a running program: {what} of {}",
                names.join(", ")
            )),
        );
    let mut schema = Schema { attributes, ..Schema::new() };
    for dim in &setup.space {
        // Of a new schema, whose dimensions differ in their names.
        let _ = schema.add_dim(&dim.name, dim.len);
    }
    schema
}

pub(super) fn time_variable(setup: &Setup, len: usize) -> Variable {
    let attributes = Attributes::new()
        .with("standard_name", "time")
        .with("units", setup.time.text())
        .with("calendar", setup.time.calendar().to_string())
        .with("axis", "T");
    Variable {
        name: "time".to_owned(),
        dims: vec![Dim::new("time", len, Role::Time)],
        dtype: DType::F64,
        attributes,
    }
}

/// One time in the middle of all; with `len` it is a dimension, else a scalar.
pub(super) fn middle(setup: &Setup, times: &[f64], len: Option<usize>) -> Coordinate {
    let ends = [times.first(), times.last()].map(|t| t.copied().unwrap_or(f64::NAN));
    let mut variable = time_variable(setup, 1);
    if len.is_none() {
        variable.dims.clear();
    }
    let both = variable.dims.iter().cloned().chain([Dim::new("bnds", 2, Role::Other)]).collect();
    let bounds = Variable {
        name: "time_bnds".to_owned(),
        dims: both,
        dtype: DType::F64,
        attributes: Attributes::new(),
    };
    Coordinate {
        variable,
        values: Values::F64(vec![ends[0] + 0.5 * (ends[1] - ends[0])]),
        bounds: Some(Box::new(Coordinate {
            variable: bounds,
            values: Values::F64(ends.to_vec()),
            bounds: None,
        })),
    }
}

/// What CF calls an operation, and the attributes of its result.
fn describe(attributes: &Attributes, name: &str, op: Op) -> Attributes {
    let method = match op.quantities()[0] {
        Quantity::Min => "minimum",
        Quantity::Max => "maximum",
        Quantity::Std => "standard_deviation",
        Quantity::Var => "variance",
        Quantity::Rms => "root_mean_square",
        Quantity::Count => {
            return Attributes::new()
                .with("long_name", format!("number of values of {name} that are not missing"))
                .with("units", "1")
        }
        _ => op.name(),
    };
    let mut own = attributes.clone();
    match (op, attributes.text("units")) {
        (Op::Var, Some(text)) => own.set("units", units::squared(text)),
        (Op::Std | Op::Range, Some(text)) => own.set("units", units::difference(text)),
        _ => {}
    }
    let comment = if matches!(op, Op::Std | Op::Var) { " (comment: ddof 1)" } else { "" };
    own.set("cell_methods", format!("time: {method}{comment}"));
    own
}
