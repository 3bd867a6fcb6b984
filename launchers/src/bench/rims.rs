//! Rims of maps that ranks divide: what is sent is known beforehand, and compared.

use super::case::{parse_shape, Shape};
use crate::common::Verbosity;
use crate::report;
use halocline_core::comm::{Comm, Formula, Stage};
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
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
    /// Cells of the rim on each side
    #[arg(long, default_value_t = WIDTH, value_parser = clap::value_parser!(u32).range(1..=64))]
    width: u32,
}

/// How often, unless told.
pub(super) const ROUNDS: u32 = 20;
/// Cells of the rim, unless told.
pub(super) const WIDTH: u32 = 2;

/// Blocks of maps, as square as they can be.
fn deal(Shape([_, y, x]): &Shape, ranks: usize) -> Result<Decomposition> {
    let dims = [Dim::new("lat", *y, Role::Y), Dim::new("lon", *x, Role::X)];
    Decomposition::even(&dims, &IndexBox::whole(&[*y, *x]), &squarish(ranks, [*y, *x]), ranks)
}

/// What ranks send, for rims so wide, so often.
pub(super) fn foresee(shape: &Shape, ranks: usize, (width, rounds): (u32, u32)) -> Result<Formula> {
    let mut formula = Formula::new(ranks);
    let element = shape.0[0] * size_of::<f32>();
    formula.all_to_all_into(parts(&deal(shape, ranks)?, width as usize, element));
    Ok(formula.times(u64::from(rounds)))
}

/// Runs the command: all maps around the globe, divided in both directions, round after round.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &RimsArgs, verbosity: Verbosity) -> Result<()> {
    let (Shape([maps, ..]), width) = (args.shape, args.width as usize);
    let deal = deal(&args.shape, comm.size())?;
    let progress = Progress::default();
    let plan = HaloPlan::new(comm, &deal, [0, width, width], &[Edges::globe(Beyond::Missing)])?;
    let cells = plan.extent().cells();
    let mut field: Vec<f32> = memory::filled(maps * cells, 0.0);
    field.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 8191) as f32);
    let mut parcels = Parcels::default();
    comm.barrier();
    let passing = comm.stage(Stage::Pass);
    for _ in 0..args.rounds {
        progress.phases.time(Phase::Communicate, || plan.fill(comm, &mut parcels, &mut [&mut field]));
    }
    drop(passing);
    let foreseen = foresee(&args.shape, comm.size(), (args.width, args.rounds))?;
    let right = comm.traffic_of(Stage::Pass) == foreseen.rank(comm.rank());
    comm.agree(if right { Ok(()) } else { Err(Error::internal("what was sent is not what was foreseen")) })?;
    report::summary(comm, verbosity, &progress)
}

/// Parts of both dimensions that make blocks as square as they can be.
fn squarish(ranks: usize, [y, x]: [usize; 2]) -> [usize; 2] {
    let all = (1..=ranks).filter(|n| ranks % n == 0).map(|n| [n, ranks / n]);
    let perimeter = |[a, b]: &[usize; 2]| y.div_ceil(*a) + x.div_ceil(*b);
    all.min_by_key(perimeter).unwrap_or([1, ranks])
}

/// What each rank has for each other when rims of this width around blocks of a globe are filled, of
/// `element` bytes a cell: from, to, bytes. Whoever's rim holds cells of a block gets as many as it asks
/// for. Rims end at the poles and go round the circle.
fn parts(deal: &Decomposition, width: usize, element: usize) -> Vec<(usize, usize, usize)> {
    let (blocks, nx) = ((0..deal.ranks()).map(|rank| deal.block(rank)).collect::<Vec<_>>(), deal.shape()[1]);
    let part = |mine: &IndexBox, theirs: &IndexBox| {
        if mine.is_empty() || theirs.is_empty() {
            return 0;
        }
        let (south, north) = (theirs.range(0).start.saturating_sub(width), theirs.range(0).end + width);
        let rows = overlap(&mine.range(0), &(south..north));
        // Longitudes counted on from zero, so that a rim may go round more than once.
        let first = theirs.range(1).start + nx * width.div_ceil(nx) - width;
        let columns = (first..first + theirs.range(1).len() + 2 * width)
            .filter(|x| mine.range(1).contains(&(x % nx)))
            .count();
        rows * columns * element
    };
    let pairs = blocks.iter().enumerate().flat_map(|(from, mine)| {
        blocks.iter().enumerate().map(move |(to, theirs)| (from, to, part(mine, theirs)))
    });
    pairs.collect()
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
        let own: Vec<_> =
            parts(&deal, 1, 4).into_iter().filter(|(from, to, _)| *from == 0 && *to > 0).collect();
        assert_eq!(own, [(0, 1, 4 * 2 * 4), (0, 2, 6 * 4), (0, 3, 2 * 4)]);
    }
}
