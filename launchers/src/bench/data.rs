//! Data to be timed with: waves and noise, the same for any number of ranks.

use super::case::{parse_shape, Shape};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::memory;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::output::{Compression, Output, Schema, VariableSpec};
use rayon::prelude::*;
use std::path::PathBuf;

/// `halocline bench data`.
#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// Times, latitudes, longitudes
    #[arg(long, value_name = "T,Y,X", value_parser = parse_shape)]
    pub(super) shape: Shape,
    /// Compressed or not
    #[arg(long, value_name = "none|deflate:N", default_value = "none")]
    pub(super) compress: String,
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
}

/// Bytes of what a rank makes at a time.
const ROOM: usize = 32 << 20;

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &DataArgs) -> Result<()> {
    make(comm, args.shape, args.compress.parse()?, &args.output)
}

/// Writes `x(time, lat, lon)`: monthly, global, one map a chunk.
///
/// # Collective
/// Every rank calls this.
pub(super) fn make(
    comm: &Comm,
    shape: Shape,
    compression: Compression,
    path: &std::path::Path,
) -> Result<()> {
    let Shape([times, ny, nx]) = shape;
    let axes = [
        ("time", (0..times).map(|t| t as f64).collect::<Vec<_>>(), "months since 1900-01-15", "time"),
        (
            "lat",
            (0..ny).map(|y| -90.0 + (y as f64 + 0.5) * 180.0 / ny as f64).collect(),
            "degrees_north",
            "latitude",
        ),
        ("lon", (0..nx).map(|x| (x as f64 + 0.5) * 360.0 / nx as f64).collect(), "degrees_east", "longitude"),
    ];
    let mut schema = Schema::new();
    schema.attributes.set("Conventions", "CF-1.8");
    schema.attributes.set("title", "Waves and noise, to time Halocline with");
    for ((name, _, units, standard), len) in axes.iter().zip(shape.0) {
        schema.add_dim(name, len)?;
        let mut about = Attributes::new().with("units", *units).with("standard_name", *standard);
        if *name == "time" {
            about.set("calendar", "360_day");
        }
        schema.add_variable(VariableSpec::new(*name, [*name], DType::F64).attributes(about));
    }
    let about = Attributes::new().with("long_name", "waves and noise").with("units", "1");
    let data = VariableSpec::data("x", ["time", "lat", "lon"], DType::F32).attributes(about);
    schema.add_variable(data.compression(compression).chunks([1, ny, nx]));
    let mut output = Output::create(comm, path, &schema)?;
    for (name, values, ..) in axes {
        output.write_whole(name, &Values::F64(values))?;
    }
    let steps = (ROOM / 4 / (ny * nx)).max(1);
    let mut first = 0;
    while first < times {
        let begin = (first + comm.rank() * steps).min(times);
        let end = (begin + steps).min(times);
        let block = IndexBox::new(vec![begin..end, 0..ny, 0..nx]);
        let mut values = memory::filled(block.len(), 0.0f32);
        values.par_chunks_mut(nx).enumerate().for_each(|(row, out)| fill(shape, begin * ny + row, out));
        output.write_block("x", &block, &Values::F32(values))?;
        first += steps * comm.size();
    }
    output.finish()
}

/// One row of latitude of one time.
fn fill(Shape([_, ny, nx]): Shape, row: usize, out: &mut [f32]) {
    let (t, y) = (row / ny, row % ny);
    let season = (t as f64 * std::f64::consts::TAU / 12.0).sin();
    let slow = (t as f64 * std::f64::consts::TAU / 43.0).cos();
    let south_north = (y as f64 / ny as f64 - 0.5) * std::f64::consts::PI;
    for (x, out) in out.iter_mut().enumerate() {
        let wave = (x as f64 / nx as f64 * 2.0 - 1.0).abs() - 0.5;
        let smooth = 15.0 * south_north.cos() + 3.0 * season * south_north + slow * wave;
        *out = (smooth + noise((row * nx + x) as u64)) as f32;
    }
}

/// Between -0.5 and 0.5, of the number of a value alone (`SplitMix64`).
fn noise(at: u64) -> f64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}
