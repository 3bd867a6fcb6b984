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
    /// Velocities `v` at so many levels, instead of `x`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) levels: u16,
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
    make(comm, (args.shape, usize::from(args.levels)), args.compress.parse()?, &args.output)
}

/// Writes `x(time, lat, lon)`, or with several levels `v(time, depth, lat, lon)`: monthly, global, one
/// map a chunk.
///
/// # Collective
/// Every rank calls this.
pub(super) fn make(
    comm: &Comm,
    (shape, levels): (Shape, usize),
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
    let is_deep = levels > 1;
    let name = if is_deep { "v" } else { "x" };
    let data = if is_deep {
        add_levels(&mut schema, levels)?;
        let about =
            Attributes::new().with("standard_name", "northward_sea_water_velocity").with("units", "m s-1");
        VariableSpec::data(name, ["time", "depth", "lat", "lon"], DType::F32)
            .attributes(about)
            .chunks([1, 1, ny, nx])
    } else {
        let about = Attributes::new().with("long_name", "waves and noise").with("units", "1");
        VariableSpec::data(name, ["time", "lat", "lon"], DType::F32).attributes(about).chunks([1, ny, nx])
    };
    schema.add_variable(data.compression(compression));
    let mut output = Output::create(comm, path, &schema)?;
    for (name, values, ..) in axes {
        output.write_whole(name, &Values::F64(values))?;
    }
    if is_deep {
        let edges = |k: usize| [k as f64 * DEPTH / levels as f64, (k + 1) as f64 * DEPTH / levels as f64];
        let middles = (0..levels).map(|k| edges(k).iter().sum::<f64>() / 2.0).collect();
        output.write_whole("depth", &Values::F64(middles))?;
        output.write_whole("depth_bnds", &Values::F64((0..levels).flat_map(edges).collect()))?;
    }
    let steps = (ROOM / 4 / (levels * ny * nx)).max(1);
    let mut first = 0;
    while first < times {
        let begin = (first + comm.rank() * steps).min(times);
        let end = (begin + steps).min(times);
        let mut ranges = vec![begin..end, 0..ny, 0..nx];
        if is_deep {
            ranges.insert(1, 0..levels);
        }
        let block = IndexBox::new(ranges);
        let mut values = memory::filled(block.len(), 0.0f32);
        let before = begin * levels * ny;
        values.par_chunks_mut(nx).enumerate().for_each(|(row, out)| fill(shape, before + row, out));
        if is_deep {
            // As fast as currents are.
            values.iter_mut().for_each(|v| *v *= 0.01);
        }
        output.write_block(name, &block, &Values::F32(values))?;
        first += steps * comm.size();
    }
    output.finish()
}

/// Metres of water of data with levels.
const DEPTH: f64 = 5000.0;

fn add_levels(schema: &mut Schema, levels: usize) -> Result<()> {
    schema.add_dim("depth", levels)?;
    schema.add_dim("bnds", 2)?;
    let about = Attributes::new()
        .with("standard_name", "depth")
        .with("units", "m")
        .with("positive", "down")
        .with("axis", "Z")
        .with("bounds", "depth_bnds");
    schema.add_variable(VariableSpec::new("depth", ["depth"], DType::F64).attributes(about));
    schema.add_variable(VariableSpec::new("depth_bnds", ["depth", "bnds"], DType::F64));
    Ok(())
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
