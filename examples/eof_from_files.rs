//! The leading EOFs of a file, on however many ranks it is started:
//! `mpirun -n 4 eof_from_files sst.nc sst`.

use halocline::algorithms::eof::{analyse, EofInput, EofOptions};
use halocline::prelude::*;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (file, variable) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let comm = World::start(MpiMode::Auto)?.comm();
    let source = open(&comm, &[file])?.source(&comm, &variable, &Selection::default())?;
    let tiling = Tiling::series(&source.variable().dims);
    let field: Field<f32> = load(&comm, &source, &tiling.deal(comm.size(), &[])?.into(), None)?;
    let weights = source.grid().sqrt_cos_latitudes()?;
    let input = EofInput { weights: &weights, ..EofInput::default() };
    let eof = analyse(&Engine::new(&comm), &field, &tiling, &input, &EofOptions::default())?;
    if comm.is_root() {
        println!("the first mode explains {:.1} %", 100.0 * eof.variance_fraction[0]);
    }
    Ok(())
}
