//! The kernels that the time goes into: `cargo bench --bench kernels`.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use halocline::algorithms::eof::{analyse, Anomaly, EofInput, EofOptions};
use halocline::algorithms::fft::{FftPlan, Normalisation};
use halocline::algorithms::regrid::{Matrix, Missing};
use halocline::algorithms::spectra::{Detrend, Scaling, Welch, WelchOptions, Window};
use halocline::algorithms::sphere::{SphereGrid, Transform};
use halocline::algorithms::statistics::{Groups, Op, Reduction, Weights};
use halocline::algorithms::symmetric::SymmetricSum;
use halocline::algorithms::transport::atmosphere::Cells;
use halocline::core::engine::Numbers;
use halocline::core::halo::{Beyond, Edges, HaloPlan, Parcels};
use halocline::core::index::IndexBox;
use halocline::core::meta::{Attributes, DType, Dim, Role, Values, Variable};
use halocline::io::output::{Compression, Output, Schema, VariableSpec};
use halocline::io::{deflated, inflated};
use halocline::prelude::*;
use std::hint::black_box;
use std::sync::Arc;

fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919) % 10_007) as f64 / 10_007.0 - 0.5).collect()
}

/// The Gram matrix of a tile: flop/s are elements/s.
fn gram(c: &mut Criterion) {
    let mut group = c.benchmark_group("gram");
    for (times, cells) in [(240, 4096), (1200, 2160)] {
        let rows = numbers(times * cells);
        let mut sum = SymmetricSum::new(times);
        // A multiply and an add for each entry of the lower triangle.
        group.throughput(Throughput::Elements((times * (times + 1) * cells) as u64));
        group.bench_function(format!("{times} times, {cells} cells"), |b| {
            b.iter(|| sum.add_rows(black_box(&rows)));
        });
    }
    group.finish();
}

/// The leading modes of a covariance matrix.
fn eigen(c: &mut Criterion) {
    let mut sum = SymmetricSum::new(600);
    sum.add_rows(&numbers(600 * 2000));
    c.bench_function("eigen 600", |b| b.iter(|| black_box(&sum).leading(10).map(|e| e.values[0])));
}

fn variable(times: usize, ny: usize, nx: usize) -> Variable {
    let dims =
        vec![Dim::new("time", times, Role::Time), Dim::new("lat", ny, Role::Y), Dim::new("lon", nx, Role::X)];
    Variable { name: "x".into(), dims, dtype: DType::F32, attributes: Attributes::new() }
}

/// A whole analysis in memory.
fn eof(c: &mut Criterion) {
    let variable = variable(240, 90, 180);
    let tiling = Tiling::series(&variable.dims);
    let deal = Arc::new(tiling.deal(1, &[]).expect("one rank"));
    let data: Vec<f32> = numbers(240 * 90 * 180).into_iter().map(|v| v as f32).collect();
    let field = Field::new(variable, deal, 0, data).expect("fits");
    let months: Vec<u8> = (0..240).map(|t| (t % 12 + 1) as u8).collect();
    let input = EofInput { months: &months, ..EofInput::default() };
    let options = EofOptions { anomaly: Anomaly::Climatology, ..EofOptions::default() };
    let mut group = c.benchmark_group("eof");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((240 * 90 * 180 * 4) as u64));
    group.bench_function("240 x 90 x 180", |b| {
        b.iter(|| {
            analyse(&Engine::new(&Comm::serial()), &field, &tiling, &input, &options)
                .expect("well posed")
                .cells()
        });
    });
    group.finish();
}

/// Maps to series between two ranks that are threads.
fn redistribute(c: &mut Criterion) {
    let variable = variable(120, 90, 180);
    let bytes = variable.shape().iter().product::<usize>() * 4;
    let mut group = c.benchmark_group("redistribute");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("maps to series, 2 thread ranks", |b| {
        b.iter(|| {
            run_threads(2, |comm| {
                let whole = halocline::core::index::IndexBox::whole(&variable.shape());
                let maps = Decomposition::along(&variable.dims, &whole, 0, 2).expect("fits");
                let series = Decomposition::along(&variable.dims, &whole, 1, 2).expect("fits");
                let field = Field::<f32>::missing(variable.clone(), Arc::new(maps), comm.rank());
                field.redistribute(comm, &Arc::new(series)).expect("same shape").data().len()
            })
        });
    });
    group.finish();
}

/// A real field of three dimensions to its spectrum: alone, and between two ranks that are threads.
fn fft(c: &mut Criterion) {
    let (n, variable) = (128, variable(128, 128, 128));
    let mut group = c.benchmark_group("fft");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((n * n * n * 4) as u64));
    for ranks in [1, 2] {
        let whole = halocline::core::index::IndexBox::whole(&variable.shape());
        let slabs = Arc::new(Decomposition::along(&variable.dims, &whole, 0, ranks).expect("fits"));
        group.bench_function(format!("{n} cubed, real, single precision, {ranks} thread ranks"), |b| {
            b.iter_custom(|times| {
                let took = run_threads(ranks, |comm| {
                    let own = slabs.block(comm.rank()).len();
                    let data = numbers(own).into_iter().map(|v| v as f32).collect();
                    let field = Field::new(variable.clone(), Arc::clone(&slabs), comm.rank(), data);
                    let field = field.expect("fits");
                    let mut plan =
                        FftPlan::real(&slabs, &[0, 1, 2], Normalisation::Backward).expect("a plan");
                    let mut spectrum = plan.forward(comm, &field).expect("transformed");
                    comm.barrier();
                    let begun = std::time::Instant::now();
                    for _ in 0..times {
                        plan.forward_into(comm, black_box(&field), &mut spectrum).expect("transformed");
                    }
                    comm.barrier();
                    begun.elapsed()
                });
                took.into_iter().max().unwrap_or_default()
            });
        });
    }
    group.finish();
}

/// Welch's method on one series, window and linear trend as the command has them.
fn welch(c: &mut Criterion) {
    let x = numbers(3650);
    let options = WelchOptions {
        segments: Some((256, 0.5)),
        window: Window::Hann,
        detrend: Detrend::Linear,
        cycle: None,
        scaling: Scaling::Density,
    };
    let welch = Welch::new(x.len(), 1.0, options).expect("segments fit");
    let mut power = vec![0.0; welch.frequencies().len()];
    let mut scratch = welch.scratch();
    let mut group = c.benchmark_group("welch");
    group.throughput(Throughput::Bytes((x.len() * 8) as u64));
    group.bench_function("3650 times, segments of 256", |b| {
        b.iter(|| welch.power(black_box(&x), &mut power, &mut scratch).expect("fits"));
    });
    group.finish();
}

/// Maps of smooth single-precision values, as bytes.
fn bytes(values: usize) -> Vec<u8> {
    (0..values).flat_map(|i| (290.0 + 10.0 * (i as f32 * 1e-3).sin()).to_le_bytes()).collect()
}

/// What compressed files cost: deflate and its undoing, of plain bytes and of bytes that were shuffled
/// as files have them.
fn deflate(c: &mut Criterion) {
    let plain = bytes(64_800);
    let values = plain.len() / 4;
    let shuffled: Vec<u8> = (0..plain.len()).map(|i| plain[i % values * 4 + i / values]).collect();
    let mut group = c.benchmark_group("deflate");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    for (name, raw) in [("plain", &plain), ("shuffled", &shuffled)] {
        let packed = deflated(raw).expect("fits");
        group.bench_function(format!("{name}, packed"), |b| {
            b.iter(|| deflated(black_box(raw)).expect("fits"));
        });
        group.bench_function(format!("{name}, unpacked"), |b| {
            b.iter(|| inflated(black_box(&packed), raw.len()).expect("whole"));
        });
    }
    group.finish();
}

/// Writing and reading a compressed file: shuffle, our own deflate, inflate and unshuffle straight into
/// place, in all threads.
fn files(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.nc");
    let shape = [60, 180, 360];
    let values: Vec<f32> = bytes(shape.iter().product())
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let write = || {
        let mut schema = Schema::new();
        for (name, len) in ["time", "lat", "lon"].into_iter().zip(shape) {
            schema.add_dim(name, len).expect("a dimension");
            let units = ["days since 2000-01-01", "degrees_north", "degrees_east"][schema.dims.len() - 1];
            let about = Attributes::new().with("units", units);
            schema.add_variable(VariableSpec::new(name, [name], DType::F64).attributes(about));
        }
        let spec = VariableSpec::data("x", ["time", "lat", "lon"], DType::F32).chunks([1, 180, 360]);
        schema.add_variable(spec.compression(Compression::Deflate(1)));
        let mut output = Output::create(&Comm::serial(), &path, &schema).expect("a file");
        for (name, len) in ["time", "lat", "lon"].into_iter().zip(shape) {
            let along = (0..len).map(|i| i as f64 * 0.5 - 45.0).collect();
            output.write_whole(name, &Values::F64(along)).expect("written");
        }
        let whole = IndexBox::whole(&shape);
        output.write_block("x", &whole, &Values::F32(values.clone())).expect("written");
        output.finish().expect("complete");
    };
    // There to be read, whatever is picked to be timed.
    write();
    let mut group = c.benchmark_group("files");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((values.len() * 4) as u64));
    group.bench_function("write, deflated", |b| b.iter(write));
    let comm = Comm::serial();
    let dataset = open(&comm, &[path.to_string_lossy().into_owned()]).expect("opens");
    let source = dataset.source(&comm, "x", &Selection::default()).expect("a variable");
    group.bench_function("read, inflated and unshuffled", |b| {
        b.iter(|| source.read(&IndexBox::whole(&shape)).expect("reads"));
    });
    group.finish();
}

/// Sums of a fold in memory: over time at every cell (of all steps, of months, with a line), along rows
/// (zonal), and products at every cell as transports take them.
fn reduction(c: &mut Criterion) {
    let (times, ny, nx) = (240, 90, 180);
    let variable = variable(times, ny, nx);
    let tiling = Tiling::stream(&variable.dims, None);
    let deal = Arc::new(tiling.deal(1, &[]).expect("one rank"));
    let data: Vec<f32> = numbers(times * ny * nx).into_iter().map(|v| v as f32).collect();
    let field = Field::new(variable, deal, 0, data).expect("fits");
    let mut group = c.benchmark_group("reduction");
    group.throughput(Throughput::Bytes((times * ny * nx * 4) as u64));
    let engine = Engine::new(&Comm::serial());
    let months = Groups::cycle((0..times as u32).map(|t| t % 12).collect(), 12).expect("months");
    let moments = [Op::Mean, Op::Std];
    let along: Vec<f64> = (0..times).map(|t| t as f64).collect();
    for (name, over, groups, ops, along) in [
        ("mean and deviation over time", Role::Time, Groups::all(times), &moments[..], Vec::new()),
        ("mean and deviation of months", Role::Time, months, &moments, Vec::new()),
        ("trend", Role::Time, Groups::all(times), &[Op::Trend], along),
        ("zonal mean and deviation", Role::X, Groups::each(times), &moments, Vec::new()),
    ] {
        let dims = &field.variable().dims;
        let fold = Reduction::new(dims, &[over], ops, groups, Weights::default(), along).expect("fits");
        group.bench_function(name, |b| {
            b.iter(|| {
                let source = FieldSource::new(&field, &tiling).expect("whole tiles");
                engine.fold(&source, &fold).expect("folds").len()
            });
        });
    }
    let products = Cells::new(1, &[(0, 0)]).expect("a pair");
    group.bench_function("products at cells", |b| {
        b.iter(|| {
            let source = FieldSource::new(&field, &tiling).expect("whole tiles");
            engine.fold(&source, &products).expect("folds").len()
        });
    });
    group.finish();
}

/// Weights of four entries a row, applied to eight maps side by side.
fn weights(c: &mut Criterion) {
    let (rows, columns) = (64_800usize, 259_200usize);
    let of_row = |row: usize| (0..4).map(|k| (((row * 4 + k * 721) % columns) as u32, 0.25)).collect();
    let matrix = Matrix::from_rows(columns, (0..rows).map(of_row)).expect("a matrix");
    let from: Vec<[f32; 8]> = (0..columns).map(|i| [(i % 97) as f32; 8]).collect();
    let mut to = vec![[0.0; 8]; rows];
    let mut group = c.benchmark_group("weights");
    group.throughput(Throughput::Elements((rows * 4 * 8) as u64));
    group.bench_function("half to one degree, 8 maps", |b| {
        b.iter(|| matrix.times(0..rows, black_box(&from), &mut to, Missing::LeftOut(0.0)));
    });
    group.finish();
}

/// Rims of a map that two ranks divide: packed, sent, unpacked.
fn halo(c: &mut Criterion) {
    let dims = variable(1, 720, 1440).dims[1..].to_vec();
    let deal = Decomposition::even(&dims, &IndexBox::whole(&[720, 1440]), &[2, 1], 2).expect("deals");
    let mut group = c.benchmark_group("halo");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(4 * 2 * 2 * (1440 + 360) * 2));
    group.bench_function("2 cells around 720 x 1440, 2 thread ranks", |b| {
        b.iter_custom(|rounds| {
            let spent = run_threads(2, |comm| {
                let edges = [Edges::globe(Beyond::Missing)];
                let plan = HaloPlan::new(comm, &deal, [0, 2, 2], &edges).expect("a plan");
                let mut map = vec![1.0f32; plan.extent().cells()];
                let mut parcels = Parcels::default();
                let begun = std::time::Instant::now();
                (0..rounds).for_each(|_| plan.fill(comm, &mut parcels, &mut [&mut map]));
                begun.elapsed()
            });
            spent.into_iter().max().unwrap_or_default()
        });
    });
    group.finish();
}

/// Spherical harmonics: Legendre functions and transforms of a few maps.
fn sphere(c: &mut Criterion) {
    let lat: Vec<f64> = (0..90).map(|y| -89.0 + 2.0 * f64::from(y)).collect();
    let lon: Vec<f64> = (0..180).map(|x| 2.0 * f64::from(x)).collect();
    let grid = SphereGrid::of(&lat, &lon).expect("a globe");
    let maps = 4;
    let values = numbers(maps * 90 * 180);
    let mut group = c.benchmark_group("sphere");
    group.throughput(Throughput::Bytes((values.len() * 8) as u64));
    group.bench_function("Legendre functions of 90 latitudes", |b| {
        b.iter(|| Transform::new(black_box(&grid), None).expect("fits").truncation());
    });
    let transform = Transform::new(&grid, None).expect("fits");
    group.bench_function("analysis of 4 maps of 90 x 180", |b| {
        b.iter(|| transform.analyse(Numbers::F64(black_box(&values)), maps).truncation());
    });
    group.finish();
}

criterion_group!(
    benches,
    gram,
    eigen,
    eof,
    redistribute,
    fft,
    welch,
    deflate,
    files,
    reduction,
    weights,
    halo,
    sphere
);
criterion_main!(benches);
