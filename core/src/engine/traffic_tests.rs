//! What passes send is what their plans foresee.

use super::{
    encoded_floats, encoded_number, Demand, Engine, Fold, FoldBranch, Merging, NumbersMut, Piece, Pieces,
    Series, SeriesPlan, SeriesWork, SharedRun, StreamPlan, StreamSource,
};
use crate::comm::{run_threads, Formula, Stage, Traffic};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Attributes, DType, Dim, Role, Variable};
use crate::tiling::Tile;
use serde::{Deserialize, Serialize};

/// Ones.
struct Ones {
    variable: Variable,
    chunks: Vec<usize>,
    divisible: bool,
}

impl Ones {
    fn new(shape: [usize; 3], chunks: [usize; 3], divisible: bool) -> Self {
        let roles = [("time", Role::Time), ("lat", Role::Y), ("lon", Role::X)];
        let dims = roles.iter().zip(shape).map(|(&(name, role), n)| Dim::new(name, n, role)).collect();
        let variable = Variable { name: "x".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
        Self { variable, chunks: chunks.to_vec(), divisible }
    }
}

impl StreamSource for Ones {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        true
    }
    fn chunks(&self) -> Vec<usize> {
        self.chunks.clone()
    }
    fn is_divisible(&self) -> bool {
        self.divisible
    }
    fn reads_pieces(&self) -> bool {
        self.divisible
    }
    fn read(&self, _: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F32(out) = out else { return Err(Error::internal("singles")) };
        out.fill(1.0);
        Ok(())
    }
}

/// How many values there are, and as many zeros as cells.
struct Counting {
    over: &'static [Role],
    levels_kept: u32,
}

#[derive(Serialize, Deserialize)]
struct Counted {
    values: u64,
    zeros: Vec<f64>,
}

impl Counting {
    fn kept(&self, tile: &Tile) -> usize {
        let ranges = tile.block.ranges().iter().zip([Role::Time, Role::Y, Role::X]);
        ranges.filter(|(_, role)| !self.over.contains(role)).map(|(range, _)| range.len()).product()
    }
    fn bytes(&self, tile: &Tile, values: u64) -> u64 {
        encoded_number(values) + encoded_floats(self.kept(tile) as u64)
    }
}

impl Fold for Counting {
    type State = Counted;
    const NAME: &'static str = "counting";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        self.over
    }
    fn levels_kept(&self) -> u32 {
        self.levels_kept
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _: usize) -> Counted {
        Counted { values: 0, zeros: Vec::new() }
    }
    fn absorb(&self, state: &mut Counted, piece: &Piece<'_>) -> Result<()> {
        let (tile, kept) = (piece.tile(), self.kept(piece.tile()));
        state.zeros = vec![0.0; kept];
        let of_step = tile.block.len() / tile.block.range(0).len().max(1);
        state.values += (piece.steps().len() * of_step / kept.max(1)) as u64;
        Ok(())
    }
    fn merge(&self, left: Counted, right: Counted) -> Result<Counted> {
        Ok(Counted { values: left.values + right.values, zeros: right.zeros })
    }
}

/// The sum of each series.
struct Sums;

impl SeriesWork for Sums {
    fn rows(&self) -> Vec<usize> {
        vec![1]
    }
    fn work(&self, _: &Series<'_>, _: &mut [Vec<&mut [f64]>]) -> Result<()> {
        Ok(())
    }
}

const RANKS: [usize; 6] = [1, 2, 3, 5, 8, 16];

fn assert_same(sent: &[Traffic], foreseen: &Formula, what: &str) {
    let each: Vec<Traffic> = (0..foreseen.ranks()).map(|rank| foreseen.rank(rank)).collect();
    assert_eq!(sent, each, "{what} on {}", foreseen.ranks());
}

#[test]
fn streams_send_what_is_foreseen() {
    for (shape, chunks, divisible, levels_kept) in [
        ([300, 6, 5], [1, 6, 5], true, 0),
        ([300, 6, 5], [7, 6, 5], false, 0),
        ([70, 190, 200], [1, 190, 200], true, 0),
        ([20, 190, 200], [3, 190, 200], false, 0),
        ([300, 6, 5], [1, 6, 5], true, 1),
        ([700, 6, 5], [7, 6, 5], false, 2),
        ([300, 6, 5], [1, 6, 5], true, 9),
        ([300, 90, 400], [1, 90, 400], true, 1),
    ] {
        let fold = Counting { over: &[Role::Time], levels_kept };
        let source = Ones::new(shape, chunks, divisible);
        for ranks in RANKS {
            let demand = Demand { ranks, threads: 1, room: None, parts: None };
            let plan = StreamPlan::new(&source, &fold, demand).expect("a plan");
            let sent = run_threads(ranks, |comm| {
                let engine = Engine::new(comm);
                let mut branch = FoldBranch::new(&fold);
                let mut run =
                    SharedRun::new(&engine, &[&source], &plan, vec![branch.branch()]).expect("runs");
                while run.advance(usize::MAX).expect("goes on") {}
                run.finish().expect("ends");
                comm.traffic_of(Stage::Pass)
            });
            let mut foreseen = Formula::new(ranks);
            let bytes = |tile: &Tile, values| fold.bytes(tile, values);
            let merging = Merging { reduces: fold.reduces(), bytes: &bytes };
            plan.foresee(&[&source], &[merging], &mut foreseen).expect("foreseen");
            assert_same(&sent, &foreseen, &format!("{shape:?} in {chunks:?}, {}", plan.describe()));
        }
    }
}

#[test]
fn series_send_what_is_foreseen_batch_by_batch() {
    let fold = Counting { over: &[Role::Y, Role::X], levels_kept: 0 };
    for (chunks, divisible) in [([1, 40, 30], true), ([5, 40, 30], false), ([5, 9, 30], false)] {
        let source = Ones::new([3000, 40, 30], chunks, divisible);
        for ranks in RANKS {
            for room in [None, Some(4 << 20), Some(9 << 20)] {
                let demand = Demand { ranks, threads: 1, room, parts: None };
                let Ok(plan) = SeriesPlan::new(&source, &Sums, demand) else { continue };
                let bytes = |tile: &Tile, values| fold.bytes(tile, values);
                let merging = Merging { reduces: fold.reduces(), bytes: &bytes };
                let (mut summed, mut worked) = (Formula::new(ranks), Formula::new(ranks));
                for kept in [false, true] {
                    let plan = if kept { plan.clone().keeping() } else { plan.clone() };
                    let sent = run_threads(ranks, |comm| {
                        let engine = Engine::new(comm);
                        engine.fold_series(&source, &plan, &fold).expect("folds");
                        let first = comm.traffic_of(Stage::Pass);
                        engine.series(&source, &plan, &Sums, &mut |_| Ok(())).expect("works");
                        (first, comm.traffic_of(Stage::Pass) - first)
                    });
                    (summed, worked) = (Formula::new(ranks), Formula::new(ranks));
                    plan.foresee_fold(&source, merging, true, &mut summed).expect("foreseen");
                    plan.foresee(&[&source], false, &mut worked, &mut |_, _| Ok(())).expect("foreseen");
                    let (first, second): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
                    assert_same(&first, &summed, &plan.describe());
                    assert_same(&second, &worked, &plan.describe());
                }
                assert!(ranks == 1 || summed.total().messages > worked.total().messages);
            }
        }
    }
}
