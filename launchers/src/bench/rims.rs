//! Rims of maps that ranks divide: what is sent is known beforehand, and compared.

use super::case::{parse_shape, Shape};
use crate::common::Verbosity;
use crate::report;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::halo::{Beyond, Edges, HaloPlan, Parcels};
use halocline_core::index::IndexBox;
use halocline_core::memory;
use halocline_core::meta::{Dim, Role};
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use std::ops::Range;

/// `halocline bench rims`.
#[derive(Debug, clap::Args)]
pub(super) struct RimsArgs {
    /// Maps, latitudes, longitudes
    #[arg(long, value_name = "T,Y,X", value_parser = parse_shape)]
    shape: Shape,
    /// How often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
    /// Cells of the rim on each side
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    width: u32,
}

/// Runs the command: all maps around the globe, divided in both directions, round after round.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &RimsArgs, verbosity: Verbosity) -> Result<()> {
    let Shape([maps, y, x]) = args.shape;
    let width = args.width as usize;
    let dims = [Dim::new("lat", y, Role::Y), Dim::new("lon", x, Role::X)];
    let parts = squarish(comm.size(), [y, x]);
    let deal = Decomposition::even(&dims, &IndexBox::whole(&[y, x]), &parts, comm.size())?;
    let progress = Progress::default();
    let plan = HaloPlan::new(comm, &deal, [0, width, width], &[Edges::globe(Beyond::Missing)])?;
    let cells = plan.extent().cells();
    let mut field: Vec<f32> = memory::filled(maps * cells, 0.0);
    field.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 8191) as f32);
    let mut parcels = Parcels::default();
    comm.barrier();
    let before = comm.traffic();
    for _ in 0..args.rounds {
        progress.phases.time(Phase::Communicate, || plan.fill(comm, &mut parcels, &mut [&mut field]));
    }
    let sent = comm.traffic();
    let (messages, bytes) = traffic(&deal, comm.rank(), width, maps * size_of::<f32>(), comm.message_limit());
    let rounds = u64::from(args.rounds);
    let right =
        (sent.messages - before.messages, sent.bytes - before.bytes) == (messages * rounds, bytes * rounds);
    comm.agree(if right { Ok(()) } else { Err(Error::internal("what was sent is not what was foreseen")) })?;
    report::summary(comm, verbosity, &progress)
}

/// Parts of both dimensions that make blocks as square as they can be.
fn squarish(ranks: usize, [y, x]: [usize; 2]) -> [usize; 2] {
    let all = (1..=ranks).filter(|n| ranks % n == 0).map(|n| [n, ranks / n]);
    let perimeter = |[a, b]: &[usize; 2]| y.div_ceil(*a) + x.div_ceil(*b);
    all.min_by_key(perimeter).unwrap_or([1, ranks])
}

/// Messages and bytes that `rank` sends for rims of this width around blocks of a globe, of `element`
/// bytes a cell: each other rank whose rim holds cells of its block gets one message, of as many cells
/// as it asks for, in pieces of at most `piece` bytes. Rims end at the poles and go round the circle.
fn traffic(deal: &Decomposition, rank: usize, width: usize, element: usize, piece: usize) -> (u64, u64) {
    let (mine, nx) = (deal.block(rank), deal.shape()[1]);
    let mut all = (0, 0);
    for other in (0..deal.ranks()).filter(|other| *other != rank && !mine.is_empty()) {
        let theirs = deal.block(other);
        if theirs.is_empty() {
            continue;
        }
        let (south, north) = (theirs.range(0).start.saturating_sub(width), theirs.range(0).end + width);
        let rows = overlap(&mine.range(0), &(south..north));
        // Longitudes counted on from zero, so that a rim may go round more than once.
        let first = theirs.range(1).start + nx * width.div_ceil(nx) - width;
        let columns = (first..first + theirs.range(1).len() + 2 * width)
            .filter(|x| mine.range(1).contains(&(x % nx)))
            .count();
        let bytes = rows * columns * element;
        all = (all.0 + bytes.div_ceil(piece) as u64, all.1 + bytes as u64);
    }
    all
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_square_as_can_be() {
        assert_eq!(squarish(4, [100, 100]), [2, 2]);
        assert_eq!(squarish(6, [90, 180]), [2, 3]);
        assert_eq!(squarish(7, [10, 1000]), [1, 7]);
    }

    #[test]
    fn four_blocks_send_to_three() {
        let dims = [Dim::new("lat", 8, Role::Y), Dim::new("lon", 12, Role::X)];
        let deal = Decomposition::even(&dims, &IndexBox::whole(&[8, 12]), &[2, 2], 4).expect("deals");
        // To the neighbour in longitude two columns on either side, to that in latitude a row of the
        // width of the block, to the one across the corner both.
        let cells = 4 * 2 + 6 + 2;
        assert_eq!(traffic(&deal, 0, 1, 4, 1 << 20), (3, cells * 4));
        assert_eq!(traffic(&deal, 0, 1, 4, 16), (2 + 2 + 1, cells * 4));
    }
}
