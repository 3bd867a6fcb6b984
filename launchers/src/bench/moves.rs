//! Maps to series and back, in memory: what is sent is known beforehand, and compared.

use super::case::{parse_shape, Shape};
use crate::common::Verbosity;
use crate::report;
use halocline_core::comm::Comm;
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
    #[arg(long, default_value_t = 4)]
    rounds: u32,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &MovesArgs, verbosity: Verbosity) -> Result<()> {
    let Shape([t, y, x]) = args.shape;
    let dims = [Dim::new("time", t, Role::Time), Dim::new("lat", y, Role::Y), Dim::new("lon", x, Role::X)];
    let whole = IndexBox::whole(&[t, y, x]);
    let maps = Arc::new(Decomposition::along(&dims, &whole, 0, comm.size())?);
    let series = Arc::new(Decomposition::along(&dims, &whole, 1, comm.size())?);
    let progress = Progress::default();
    let block = maps.block(comm.rank());
    let mut here: Vec<f32> = memory::filled(block.len(), 0.0);
    let first = block.start().iter().fold(0, |at, n| at * 7 + n);
    here.iter_mut().enumerate().for_each(|(i, v)| *v = ((i + first) % 8191) as f32);
    let before: Vec<f32> = here.clone();
    let mut there: Vec<f32> = Vec::new();
    let mut moving = Redistribution::default();
    comm.barrier();
    let traffic = comm.traffic();
    for _ in 0..args.rounds {
        progress.phases.time(Phase::Communicate, || {
            moving.exchange(comm, (&maps, &here), (&series, &mut there));
            moving.exchange(comm, (&series, &there), (&maps, &mut here));
        });
    }
    let sent = comm.traffic();
    let (messages, bytes) = Redistribution::<f32>::traffic(comm.rank(), &maps, &series, comm.message_limit());
    let (back, back_bytes) =
        Redistribution::<f32>::traffic(comm.rank(), &series, &maps, comm.message_limit());
    let rounds = u64::from(args.rounds);
    let expected = ((messages + back) * rounds, (bytes + back_bytes) * rounds);
    let right = (sent.messages - traffic.messages, sent.bytes - traffic.bytes) == expected && here == before;
    comm.agree(if right { Ok(()) } else { Err(Error::internal("what was moved is not what was foreseen")) })?;
    report::summary(comm, verbosity, &progress)
}
