//! What one computer can do.

use super::model::Rate;
use halocline_algorithms::fft::{FftPlan, Normalisation};
use halocline_algorithms::symmetric::SymmetricSum;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::field::Field;
use halocline_core::index::IndexBox;
use halocline_core::memory;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Runs of each, of which the best counts: others at work only make it slower.
const RUNS: usize = 5;

/// Seconds of the best of several runs.
fn best(mut work: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        work();
        least = least.min(begun.elapsed().as_secs_f64());
    }
    least.max(1e-9)
}

/// Amount a second of work that is done by one thread, and by each of all.
fn rate(amount: f64, work: impl Fn() + Sync) -> Rate {
    let threads = rayon::current_num_threads();
    let one = amount / best(&work);
    let all =
        amount * threads as f64 / best(|| (0..threads).into_par_iter().with_max_len(1).for_each(|_| work()));
    Rate { one, all }
}

/// Bytes a second of a = b + s c, of one thread and of all.
pub(super) fn memory_rate() -> Rate {
    let each = 4 << 20;
    let threads = rayon::current_num_threads();
    let (mut a, b, c) = (
        memory::filled(each * threads, 1.0f64),
        memory::filled(each * threads, 2.0f64),
        memory::filled(each * threads, 3.0f64),
    );
    let triad = |a: &mut [f64], b: &[f64], c: &[f64]| {
        a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = b + 0.5 * c);
    };
    let one = best(|| triad(black_box(&mut a[..each]), &b[..each], &c[..each]));
    let all = best(|| {
        let parts = a.par_chunks_mut(each).zip(b.par_chunks(each)).zip(c.par_chunks(each));
        parts.for_each(|((a, b), c)| triad(black_box(a), b, c));
    });
    let bytes = (24 * each) as f64;
    Rate { one: bytes / one, all: bytes * threads as f64 / all }
}

/// What storage does, with a file of `bytes`.
pub(super) struct Storage {
    pub(super) cache: Rate,
    pub(super) read: Option<f64>,
    pub(super) write: f64,
}

/// Bytes of one read.
const PIECE: usize = 1 << 20;

/// Writes, reads and removes a file.
pub(super) fn storage(path: &Path, pieces: usize) -> Result<Storage> {
    let failed = |e: std::io::Error| {
        Error::system(format!("can't be written or read: {e}"))
            .in_file(path)
            .remedy("choose another folder with --dir")
    };
    let bytes = (pieces * PIECE) as f64;
    let piece: Vec<u8> = (0..PIECE).map(|i| (i * 31 % 251) as u8).collect();
    let begun = Instant::now();
    let mut file = File::create(path).map_err(failed)?;
    for _ in 0..pieces {
        file.write_all(&piece).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    let write = bytes / begun.elapsed().as_secs_f64().max(1e-9);
    let file = File::open(path).map_err(failed)?;
    let read = |i: usize| {
        thread_local!(static ROOM: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) });
        ROOM.with_borrow_mut(|room| {
            room.resize(PIECE, 0);
            file.read_exact_at(room, (i * PIECE) as u64).is_ok()
        })
    };
    let from_disk = halocline_io::forget_cached(&file).then(|| {
        let begun = Instant::now();
        let all = (0..pieces).into_par_iter().map(read).all(|ok| ok);
        all.then(|| bytes / begun.elapsed().as_secs_f64().max(1e-9))
    });
    let one = bytes / best(|| assert!((0..pieces).all(read), "a file that was just written can be read"));
    let all = bytes
        / best(|| assert!((0..pieces).into_par_iter().all(read), "a file that was just written can be read"));
    let _ = std::fs::remove_file(path);
    Ok(Storage { cache: Rate { one, all }, read: from_disk.flatten(), write })
}

/// Bytes a second that come out of inflating.
pub(super) fn inflate() -> Result<Rate> {
    // Noise in the lower bytes, a slow wave above: as fields of a model are.
    let values: Vec<u8> = (0..1u32 << 18)
        .flat_map(|i| {
            (15.0
                + f32::from((i / 64 % 256) as u8) * 0.01
                + (i.wrapping_mul(2_654_435_761) >> 16) as f32 * 1e-7)
                .to_le_bytes()
        })
        .collect();
    let packed = halocline_io::deflated(&values)?;
    let n = values.len() as f64;
    Ok(rate(n, || {
        black_box(halocline_io::inflated(black_box(&packed), values.len()).is_ok());
    }))
}

fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919) % 10_007) as f64 / 10_007.0 - 0.5).collect()
}

/// Operations a second of a Gram matrix, and seconds over n³ of its leading eigenvectors.
pub(super) fn algebra() -> Result<(Rate, f64)> {
    let (times, cells) = (480, 2048);
    let rows = numbers(times * cells);
    let gemm = rate((times * (times + 1) * cells) as f64, || {
        let mut sum = SymmetricSum::new(times);
        sum.add_rows(black_box(&rows));
        black_box(sum.trace());
    });
    let mut sum = SymmetricSum::new(times);
    sum.add_rows(&rows);
    sum.leading(10)?;
    let seconds = best(|| {
        black_box(sum.leading(10).is_ok());
    });
    Ok((gemm, seconds / (times as f64).powi(3)))
}

/// Operations a second of real transforms of 256 values.
pub(super) fn fft() -> Result<Rate> {
    let (rows, n) = (4096, 256);
    let dims = vec![Dim::new("row", rows, Role::Other), Dim::new("x", n, Role::X)];
    let variable = Variable { name: "x".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
    let whole = IndexBox::whole(&variable.shape());
    let alone = Arc::new(Decomposition::along(&variable.dims, &whole, 0, 1)?);
    let data: Vec<f32> = numbers(rows * n).into_iter().map(|v| v as f32).collect();
    let field = Field::new(variable, Arc::clone(&alone), 0, data)?;
    let operations = 2.5 * (rows * n) as f64 * (n as f64).log2();
    let measure = || -> Result<f64> {
        let mut plan = FftPlan::real(&alone, &[1], Normalisation::Backward)?;
        let mut spectrum = plan.forward(&Comm::serial(), &field)?;
        let mut failed = Ok(());
        let seconds = best(|| {
            if let Err(e) = plan.forward_into(&Comm::serial(), black_box(&field), &mut spectrum) {
                failed = Err(e);
            }
        });
        failed.map(|()| operations / seconds)
    };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let one = one.map_err(|e| Error::system(format!("can't start a thread: {e}")))?.install(measure)?;
    Ok(Rate { one, all: measure()? })
}
