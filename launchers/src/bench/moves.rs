//! Maps to series and back, in memory: what is sent is known beforehand, and compared.

use super::case::{parse_shape, Shape};
use crate::common::Verbosity;
use crate::report;
use halocline_core::comm::{Comm, Formula, Stage};
use halocline_core::decomposition::Decomposition;
use halocline_core::index::IndexBox;
use halocline_core::memory;
use halocline_core::meta::{Dim, Role};
use halocline_core::progress::{Phase, Progress};
use halocline_core::redistribution::Redistribution;
use halocline_core::{Error, Result};
use std::sync::Arc;

/// `halocline bench moves`.
#[derive(Debug, clap::Args)]
pub(super) struct MovesArgs {
    /// Times, latitudes, longitudes
    #[arg(long, value_name = "T,Y,X", value_parser = parse_shape)]
    shape: Shape,
    /// How often there and back
    #[arg(long, default_value_t = ROUNDS)]
    rounds: u32,
}

/// How often there and back, unless told.
pub(super) const ROUNDS: u32 = 4;

/// Maps dealt by times, and series dealt by latitudes.
fn deals(Shape([t, y, x]): &Shape, ranks: usize) -> Result<[Arc<Decomposition>; 2]> {
    let dims = [Dim::new("time", *t, Role::Time), Dim::new("lat", *y, Role::Y), Dim::new("lon", *x, Role::X)];
    let whole = IndexBox::whole(&[*t, *y, *x]);
    let along = |d| Decomposition::along(&dims, &whole, d, ranks).map(Arc::new);
    Ok([along(0)?, along(1)?])
}

/// What ranks send.
pub(super) fn foresee(shape: &Shape, ranks: usize, rounds: u32) -> Result<Formula> {
    let [maps, series] = deals(shape, ranks)?;
    let mut formula = Formula::new(ranks);
    Redistribution::<f32>::foresee(&mut formula, &maps, &series);
    Redistribution::<f32>::foresee(&mut formula, &series, &maps);
    Ok(formula.times(u64::from(rounds)))
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &MovesArgs, verbosity: Verbosity) -> Result<()> {
    let [maps, series] = deals(&args.shape, comm.size())?;
    let progress = Progress::default();
    let block = maps.block(comm.rank());
    let mut here: Vec<f32> = memory::filled(block.len(), 0.0);
    let first = block.start().iter().fold(0, |at, n| at * 7 + n);
    here.iter_mut().enumerate().for_each(|(i, v)| *v = ((i + first) % 8191) as f32);
    let before: Vec<f32> = here.clone();
    let mut there: Vec<f32> = Vec::new();
    let mut moving = Redistribution::default();
    comm.barrier();
    let passing = comm.stage(Stage::Pass);
    for _ in 0..args.rounds {
        progress.phases.time(Phase::Communicate, || {
            moving.exchange(comm, (&maps, &here), (&series, &mut there));
            moving.exchange(comm, (&series, &there), (&maps, &mut here));
        });
    }
    drop(passing);
    let foreseen = foresee(&args.shape, comm.size(), args.rounds)?;
    let right = comm.traffic_of(Stage::Pass) == foreseen.rank(comm.rank()) && here == before;
    comm.agree(if right { Ok(()) } else { Err(Error::internal("what was moved is not what was foreseen")) })?;
    report::summary(comm, verbosity, &progress)
}
