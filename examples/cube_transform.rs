//! Fourier transforms of a cube that is divided among ranks, there and back, as often as wanted:
//! seconds of the slowest rank, without planning.
//!
//! `mpirun -n 2 cube_transform 256 [ROUNDS]`

use halocline::algorithms::fft::{ComplexField, FftPlan, Normalisation};
use halocline::core::comm::{Comm, Extreme};
use halocline::core::index::IndexBox;
use halocline::core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline::prelude::*;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<()> {
    let words: Vec<usize> = std::env::args().skip(1).filter_map(|w| w.parse().ok()).collect();
    let n = words.first().copied().unwrap_or(64);
    let rounds = words.get(1).copied().unwrap_or(5).max(1);
    let world = World::start(MpiMode::Auto)?;
    let comm = world.comm();
    let dims: Vec<Dim> = ["z", "y", "x"].map(|name| Dim::new(name, n, Role::Other)).to_vec();
    let slabs = Arc::new(Decomposition::along(&dims, &IndexBox::whole(&[n, n, n]), 0, comm.size())?);
    let block = slabs.block(comm.rank());
    let first = block.start()[0] * n * n;
    let value = |i: usize| ((first + i).wrapping_mul(7919) % 1009) as f32 / 1009.0 - 0.5;
    let values: Vec<f32> = (0..block.len()).map(value).collect();
    let variable = Variable { name: "u".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
    let mut field = Field::new(variable, Arc::clone(&slabs), comm.rank(), values)?;
    let before = field.data().to_vec();
    let mut plan = FftPlan::<f32>::real(&slabs, &[0, 1, 2], Normalisation::Forward)?;
    let mut spectrum = ComplexField::zeros(plan.output(), comm.rank());
    let mut seconds = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let forward = slowest(&comm, || plan.forward_into(&comm, &field, &mut spectrum))?;
        let back = slowest(&comm, || plan.inverse_into(&comm, &mut spectrum, &mut field))?;
        // The first makes the buffers.
        if round > 0 {
            seconds[0].push(forward);
            seconds[1].push(back);
        }
    }
    let off = field.data().iter().zip(&before).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    let mut worst = [off];
    comm.all_reduce_extreme(&mut worst, Extreme::Max);
    if comm.is_root() {
        let [forward, back] = seconds.map(median);
        println!(
            "{{\"n\": {n}, \"ranks\": {}, \"forward_s\": {forward:.5}, \"backward_s\": {back:.5}, \"dtype\": \"float32\", \"err\": {:e}}}",
            comm.size(),
            worst[0]
        );
    }
    Ok(())
}

/// Seconds that the slowest rank takes.
fn slowest(comm: &Comm, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    comm.barrier();
    let begun = Instant::now();
    work()?;
    let mut seconds = [begun.elapsed().as_secs_f64()];
    comm.all_reduce_extreme(&mut seconds, Extreme::Max);
    Ok(seconds[0])
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
