//! The kernels that the time goes into: `cargo bench --bench kernels`.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use halocline::algorithms::eof::{analyse, Anomaly, EofInput, EofOptions};
use halocline::algorithms::fft::{FftPlan, Normalisation};
use halocline::algorithms::symmetric::SymmetricSum;
use halocline::core::meta::{Attributes, DType, Dim, Role, Variable};
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

criterion_group!(benches, gram, eigen, eof, redistribute, fft);
criterion_main!(benches);
