//! The file of empirical orthogonal functions of a running program, as `halocline eof` writes it.

use super::file::{schema, time_variable};
use super::kinds::Modes;
use super::Setup;
use halocline_algorithms::eof::{Eof, MapBlock};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Values};
use halocline_core::{units, Result};
use halocline_io::output::{Output, VariableSpec};
use std::path::Path;

/// Writes modes of all steps.
///
/// # Collective
/// Every rank calls this with its part of the maps.
pub(super) fn write(
    comm: &Comm,
    (setup, modes, weighted): (&Setup, &Modes, bool),
    times: &[f64],
    eof: Eof,
    path: &Path,
) -> Result<()> {
    let (name, attributes) = &setup.fields[0];
    let n = eof.eigenvalues.len();
    let mut schema = schema(setup);
    schema.attributes.set("weights", if weighted { "coslat" } else { "none" });
    schema.attributes.set(
        "references",
        "Hannachi et al. (2007), doi:10.1002/joc.1499; North et al. (1982), doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2; Ross et al. (2008), doi:10.1007/s11263-007-0075-7",
    );
    let axis = Coordinate {
        variable: time_variable(setup, times.len()),
        values: Values::F64(times.to_vec()),
        bounds: None,
    };
    let mut pending = Vec::new();
    for coordinate in [&axis].into_iter().chain(&setup.coordinates) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    schema.add_dim("mode", n)?;
    let text = |long_name: String| Attributes::new().with("long_name", long_name);
    let with = |about: Attributes, units: Option<String>| match units {
        Some(units) => about.with("units", units),
        None => about,
    };
    let own = attributes.text("units");
    let (once, twice) = (own.map(units::difference), own.map(units::squared));
    let of_mode = [
        ("eigenvalue", "eigenvalue of the covariance matrix", twice.clone(), eof.eigenvalues.clone()),
        (
            "variance_fraction",
            "fraction of the total variance",
            Some("1".into()),
            eof.variance_fraction.clone(),
        ),
        (
            "north_error",
            "sampling error of the eigenvalue (North et al. 1982)",
            twice.clone(),
            eof.north_error.clone(),
        ),
        (
            "eigenvalue_error_bound",
            "error bound: the eigenvalue of the covariance of all records is larger by this at most",
            twice.clone(),
            vec![eof.merged.as_ref().map_or(0.0, |merged| merged.bound); n],
        ),
    ];
    let mut wholes: Vec<(&str, Values)> = vec![("mode", Values::I32((1..=n as i32).collect()))];
    let numbers = text("mode number".into()).with("units", "1");
    schema.add_variable(VariableSpec::new("mode", ["mode"], DType::I32).attributes(numbers));
    for (variable, long_name, units, values) in of_mode {
        let about = with(text(long_name.into()), units);
        schema.add_variable(VariableSpec::new(variable, ["mode"], DType::F64).attributes(about));
        wholes.push((variable, Values::F64(values)));
    }
    let total = with(text("total variance: the sum of all eigenvalues".into()), twice);
    let scalar: [&str; 0] = [];
    schema.add_variable(VariableSpec::new("total_variance", scalar, DType::F64).attributes(total));
    wholes.push(("total_variance", Values::F64(vec![eof.total_variance])));
    let pc = text(format!("principal component of {name}, unit variance")).with("units", "1");
    schema.add_variable(VariableSpec::new("pc", ["time", "mode"], DType::F64).attributes(pc));
    wholes.push(("pc", Values::F64(eof.pcs)));
    let space = || setup.space.iter().map(|d| d.name.as_str());
    let map = with(text(format!("EOF: covariance of {name} with the principal component")), once);
    let dims = std::iter::once("mode").chain(space());
    schema.add_variable(VariableSpec::data("eof", dims, DType::F64).attributes(map));
    let when = if modes.climatology { "mean of each calendar month" } else { "time mean" };
    let mean = with(text(format!("{when} of {name}, which was removed")), own.map(str::to_owned));
    let months = modes.climatology.then_some("month");
    if modes.climatology {
        schema.add_dim("month", 12)?;
        let about = text("calendar month".into()).with("units", "1");
        schema.add_variable(VariableSpec::new("month", ["month"], DType::I32).attributes(about));
        wholes.push(("month", Values::I32((1..=12).collect())));
    }
    let dims = months.into_iter().chain(space());
    schema.add_variable(VariableSpec::data("mean", dims, DType::F64).attributes(mean));
    let mut output = Output::create(comm, path, &schema)?;
    output.write_pending(&pending)?;
    for (variable, values) in wholes {
        output.write_whole(variable, &values)?;
    }
    for maps in eof.fields {
        let ndim = setup.space.len() + 1;
        let months: &[usize] = if modes.climatology { &[12] } else { &[] };
        blocks(comm, &mut output, "eof", maps.eofs, (&[n], ndim))?;
        blocks(comm, &mut output, "mean", maps.means, (months, ndim))?;
    }
    output.finish()
}

/// Writes this rank's blocks of maps; who has fewer than others writes nothing at the end.
///
/// # Collective
/// Every rank calls this.
fn blocks(
    comm: &Comm,
    output: &mut Output,
    name: &str,
    own: Vec<MapBlock>,
    (leading, ndim): (&[usize], usize),
) -> Result<()> {
    let mut most = [own.len() as u64];
    comm.all_reduce(&mut most, Reduce::Max);
    let mut parts = own.into_iter();
    for _ in 0..most[0] {
        let none = || MapBlock { block: IndexBox::new(vec![0..0; ndim]), values: Vec::new() };
        let part = parts.next().unwrap_or_else(none);
        let empty = part.block.is_empty();
        let before = leading.iter().map(|&n| 0..if empty { 0 } else { n });
        let block = IndexBox::new(before.chain(part.block.ranges()[1..].iter().cloned()).collect());
        output.write_block(name, &block, &Values::F64(part.values))?;
    }
    Ok(())
}
