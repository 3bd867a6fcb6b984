//! A disk that fills up while an output is written: an error that says so, nothing left, no hang.

use halocline_core::comm::run_threads;
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Values};
use halocline_core::ErrorKind;
use halocline_io::output::{Compression, Output, Schema, VariableSpec};
use std::path::Path;
use std::process::Command;

/// Noise, which takes all the space that it has.
fn cells(block: &IndexBox) -> Vec<f64> {
    let mut state = block.start().iter().sum::<usize>() as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64
    };
    (0..block.len()).map(|_| next()).collect()
}

fn fill_up(path: &Path, ranks: usize, compression: Compression) {
    let results = run_threads(ranks, |comm| {
        let mut schema = Schema::new();
        schema.add_dim("t", 64)?;
        schema.add_dim("x", 20_000)?;
        schema.add_variable(VariableSpec::data("a", ["t", "x"], DType::F64).compression(compression));
        let mut output = Output::create(comm, path, &schema)?;
        for t in 0..64 {
            let share = 20_000 / comm.size();
            let block = IndexBox::new(vec![t..t + 1, comm.rank() * share..(comm.rank() + 1) * share]);
            output.write_block("a", &block, &Values::F64(cells(&block)))?;
        }
        output.finish()
    });
    for result in results {
        let error = result.expect_err("10 MB don't fit into 2 MB");
        assert_eq!(error.kind, ErrorKind::System, "{error}");
        assert!(error.file.is_some() && error.to_string().contains("File too large"), "{error}");
    }
}

/// What the limited process runs; without the folder in the environment, nothing.
#[test]
fn in_little_room() {
    let Some(folder) = std::env::var_os("HALOCLINE_TEST_FOLDER") else { return };
    halocline_io::output::keep_hdf5_from_exit();
    for ranks in [1, 2, 4] {
        for compression in [Compression::Deflate(1), Compression::None] {
            fill_up(&Path::new(&folder).join("out.nc"), ranks, compression);
        }
    }
}

#[test]
fn a_disk_that_fills_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let me = std::env::current_exe().expect("this program");
    // A limit on the size of files is a full disk that needs no privileges.
    let status = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "job"])
        .arg(me)
        .args(["--exact", "in_little_room"])
        .env("HALOCLINE_TEST_FOLDER", folder.path())
        .status()
        .expect("bash");
    assert!(status.success());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
