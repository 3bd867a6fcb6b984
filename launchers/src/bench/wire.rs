//! Messages between ranks: latency, bandwidth, and what all ranks do together.

use halocline_core::comm::{Comm, Reduce};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Instant;

/// `halocline bench wire`.
#[derive(Debug, clap::Args)]
pub(super) struct WireArgs {
    /// Where the figures go
    #[arg(long, short)]
    output: PathBuf,
}

/// What messages cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wire {
    /// Ranks among whom it was measured.
    pub(crate) ranks: usize,
    /// Half of there and back of 8 bytes, seconds (with the header that Halocline sends).
    pub(crate) latency: f64,
    /// Bytes a second of long messages in one direction.
    pub(crate) bandwidth: f64,
    /// Bytes a second that a rank sends while all send to all.
    pub(crate) all_to_all: f64,
    /// Seconds of an all-reduce of 8 bytes.
    pub(crate) all_reduce: f64,
    /// Seconds of a barrier.
    pub(crate) barrier: f64,
}

/// Bytes of a long message.
const LONG: usize = 8 << 20;

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &WireArgs) -> Result<()> {
    let wire = measure(comm);
    comm.on_root(|| {
        let text = serde_json::to_string(&wire).map_err(|e| Error::internal(e.to_string()))?;
        std::fs::write(&args.output, text)
            .map_err(|e| Error::system(format!("can't be written: {e}")).in_file(&args.output))
    })
}

fn measure(comm: &Comm) -> Wire {
    let there_and_back = |bytes: usize, rounds: u32| {
        let data = vec![0u8; bytes];
        let last = comm.size() - 1;
        let begun = Instant::now();
        for _ in 0..rounds {
            if comm.rank() == 0 {
                comm.send(&data, last, 1);
                let _: Vec<u8> = comm.recv(last, 1);
            } else if comm.rank() == last {
                let back: Vec<u8> = comm.recv(0, 1);
                comm.send(&back, 0, 1);
            }
        }
        comm.barrier();
        begun.elapsed().as_secs_f64() / f64::from(2 * rounds)
    };
    let each = |rounds: u32, work: &mut dyn FnMut()| {
        comm.barrier();
        let begun = Instant::now();
        (0..rounds).for_each(|_| work());
        begun.elapsed().as_secs_f64() / f64::from(rounds)
    };
    let best = |f: &dyn Fn() -> f64| (0..5).map(|_| f()).fold(f64::INFINITY, f64::min);
    let latency = best(&|| there_and_back(8, 200));
    let long = best(&|| there_and_back(LONG, 4));
    let part = vec![0u8; 1 << 20];
    let outgoing: Vec<&[u8]> = vec![part.as_slice(); comm.size()];
    let mut rooms = vec![vec![0u8; 1 << 20]; comm.size()];
    let all = (0..5)
        .map(|_| {
            each(8, &mut || {
                let mut incoming: Vec<&mut [u8]> = rooms.iter_mut().map(Vec::as_mut_slice).collect();
                comm.all_to_all_into(&outgoing, &mut incoming);
            })
        })
        .fold(f64::INFINITY, f64::min);
    let mut number = [1u64];
    let reduce = each(200, &mut || {
        comm.all_reduce(&mut number, Reduce::Max);
    });
    let barrier = each(200, &mut || comm.barrier());
    let mine = ((comm.size() - 1) << 20) as f64;
    Wire {
        ranks: comm.size(),
        latency,
        bandwidth: LONG as f64 / (long - latency).max(1e-9),
        all_to_all: mine / all.max(1e-9),
        all_reduce: reduce,
        barrier,
    }
}
