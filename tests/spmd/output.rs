//! Files come out the same whoever writes them: one rank, or all of them by MPI.

use crate::fields::{filled, variable};
use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_io::output::{Output, Schema, VariableSpec, Writing};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("one writer and collective writers give the same values", same_values),
        ("an output that is not finished leaves nothing", nothing_left),
    ]
}

const SHAPE: [usize; 3] = [3, 11, 7];

fn value(at: [usize; 3]) -> f64 {
    if at[1] == 4 {
        f64::NAN
    } else {
        (at[0] * 1000 + at[1] * 10 + at[2]) as f64
    }
}

/// A folder that all ranks know.
fn folder(comm: &Comm, name: &str) -> PathBuf {
    comm.on_root(|| {
        let path =
            std::env::temp_dir().join(format!("halocline-{name}-{}-{}", std::process::id(), comm.size()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Ok(path)
    })
    .expect("one rank makes the folder")
}

fn schema() -> Schema {
    let mut schema = Schema::new();
    for (name, len) in ["time", "lat", "lon"].into_iter().zip(SHAPE) {
        schema.add_dim(name, len).expect("new dimensions");
    }
    schema.add_variable(
        VariableSpec::data("field", ["time", "lat", "lon"], DType::F64)
            .attributes(Attributes::new().with("units", "K")),
    );
    schema.add_variable(VariableSpec::new("time", ["time"], DType::I32));
    schema
}

fn write(comm: &Comm, path: &Path, writing: Writing, cut: usize) -> Output {
    let variable = variable(SHAPE[0], SHAPE[1], SHAPE[2]);
    let whole = IndexBox::whole(&SHAPE);
    let division = Arc::new(Decomposition::along(&variable.dims, &whole, cut, comm.size()).expect("fits"));
    let field = filled(&variable, &division, comm.rank(), value);
    let mut output = Output::create_with(comm, path, &schema(), writing).expect("created");
    output.write_whole("time", &Values::I32(vec![1, 2, 3])).expect("written");
    output.write_block("field", field.block(), &Values::F64(field.data().to_vec())).expect("written");
    output
}

fn same_values(comm: &Comm) {
    let folder = folder(comm, "output");
    for writing in [Writing::Auto, Writing::OneWriter, Writing::Collective] {
        // Collective writing is a thing of MPI.
        if matches!(writing, Writing::Collective) && matches!(comm, Comm::Serial(_) | Comm::Threads(_)) {
            continue;
        }
        for cut in 0..3 {
            let path = folder.join("out.nc");
            write(comm, &path, writing, cut).finish().expect("finished");
            comm.on_root(|| {
                let file = netcdf::open(&path).expect("opens");
                let values: Vec<f64> =
                    file.variable("field").expect("there").get_values(..).expect("numbers");
                for (i, v) in values.iter().enumerate() {
                    let at = [i / 77, i / 7 % 11, i % 7];
                    let expected = if at[1] == 4 { 9.969_209_968_386_869e36 } else { value(at) };
                    assert_eq!(*v, expected, "at {at:?}");
                }
                Ok(())
            })
            .expect("read back");
        }
    }
    cleared(comm, &folder, 1);
}

fn nothing_left(comm: &Comm) {
    let folder = folder(comm, "unfinished");
    drop(write(comm, &folder.join("out.nc"), Writing::Auto, 1));
    comm.barrier();
    cleared(comm, &folder, 0);
}

/// Asserts how many files there are, and removes them.
fn cleared(comm: &Comm, folder: &Path, files: usize) {
    comm.on_root(|| {
        assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), files);
        std::fs::remove_dir_all(folder).expect("removed");
        Ok(())
    })
    .expect("cleared");
}
