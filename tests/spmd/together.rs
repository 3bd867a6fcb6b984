//! Folds over two variables in lockstep: the same bits whatever is read when by whom.

use crate::checkpoint::{folder, remove};
use crate::stream::{demand, Made};
use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::engine::{
    Engine, Fold, FoldRun, Numbers, Piece, Pieces, Sharing, StreamPlan, StreamSource,
};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use std::collections::BTreeMap;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("two variables in lockstep give the same bits however they are read", same_bits),
        ("a stream of two variables stops and goes on", resumes),
        ("variables of different shapes are refused", shapes),
    ]
}

/// Σ y (1 + t) x over time, whose order shows in the bits; missing pairs skipped.
struct Products;

impl Fold for Products {
    type State = Vec<f64>;
    const NAME: &'static str = "test-products";
    const VERSION: u32 = 1;
    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        8 * tile.block.shape()[1..].iter().product::<usize>() as u64
    }
    fn start(&self, _column: usize) -> Vec<f64> {
        Vec::new()
    }
    fn absorb(&self, state: &mut Vec<f64>, piece: &Piece<'_>) -> Result<()> {
        state.resize(piece.cells(), 0.0);
        let other = piece.with(1)?;
        assert!(piece.with(2).is_err());
        for step in piece.steps() {
            let row = |numbers: Numbers<'_>| match numbers {
                Numbers::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
                Numbers::F64(v) => v.to_vec(),
            };
            let (y, x): (Vec<f64>, Vec<f64>) = (row(piece.step(step)), row(other.step(step)));
            for ((s, y), x) in state.iter_mut().zip(y).zip(x) {
                let product = y * x * (1.0 + step as f64);
                *s += if product.is_nan() { 0.0 } else { product };
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: Vec<f64>, right: Vec<f64>) -> Result<Vec<f64>> {
        left.iter_mut().zip(right).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

/// The bits of all columns.
fn finish(engine: &Engine, run: FoldRun<'_, Products>) -> BTreeMap<usize, Vec<u64>> {
    let own = run.finish().expect("finishes");
    let all = engine.gather(&own).expect("gathers");
    all.into_iter().flatten().map(|(c, s)| (c, s.into_iter().map(f64::to_bits).collect())).collect()
}

fn same_bits(comm: &Comm) {
    // The chunks of the first decide on tiles, with common multiples in time.
    let small = [150, 37, 29];
    let cases = [
        (small, [1, 37, 29], [1, 37, 29], 3_000_000),
        (small, [1, 37, 29], [40, 10, 29], 3_000_000),
        (small, [6, 37, 29], [4, 37, 29], 3_000_000),
        (small, [7, 10, 29], [100, 9, 8], 3_000_000),
        // One leaf in time, and maps that can't be divided: chunks are exchanged.
        ([60, 120, 301], [1, 120, 301], [5, 120, 301], 12_000_000),
    ];
    for (shape, first, second, tight) in cases {
        let mut expected = None;
        for divisible in [[true, true], [true, false], [false, true], [false, false]] {
            for (single, room) in [(true, None), (false, None), (true, Some(tight))] {
                let a = Made::new(&shape, &first, divisible[0]);
                let mut b = Made::new(&shape, &second, divisible[1]);
                b.single = single;
                let sources: [&dyn StreamSource; 2] = [&a, &b];
                let plan =
                    StreamPlan::together(&sources, &Products, demand(comm, room, None)).expect("plans");
                let shared = shape[0] == 60 && divisible != [true, true] && comm.size() > 1;
                assert!(!shared || plan.sharing() == Sharing::Exchanged);
                let engine = Engine::new(comm);
                let mut run = FoldRun::stream_together(&engine, &sources, &plan, &Products).expect("streams");
                while run.advance(usize::MAX).expect("advances") {}
                let bits = finish(&engine, run);
                let expected = expected.get_or_insert_with(|| bits.clone());
                assert!(*expected == bits, "{shape:?} {first:?} {second:?} {divisible:?} {single} {room:?}");
            }
        }
    }
}

fn resumes(comm: &Comm) {
    let folder = folder(comm, "together");
    let path = folder.join("state");
    let (a, b) = (
        Made::new(&[200, 120, 301], &[1, 120, 301], false),
        Made::new(&[200, 120, 301], &[2, 120, 301], false),
    );
    let sources: [&dyn StreamSource; 2] = [&a, &b];
    let plan = StreamPlan::together(&sources, &Products, demand(comm, None, None)).expect("plans");
    let engine = Engine::new(comm);
    let begin = || FoldRun::stream_together(&engine, &sources, &plan, &Products).expect("streams");
    let mut run = begin();
    while run.advance(usize::MAX).expect("advances") {}
    let whole = finish(&engine, run);
    for stop_after in [0, 2, 5] {
        let mut run = begin();
        run.advance(stop_after).expect("advances");
        run.save(&path, "job").expect("saves");
        drop(run);
        let mut run = begin();
        run.load(&path, "job").expect("loads");
        while run.advance(3).expect("advances") {}
        assert!(finish(&engine, run) == whole, "stopped after {stop_after}");
    }
    remove(comm, &folder);
}

fn shapes(comm: &Comm) {
    let (a, b) = (Made::new(&[20, 3, 4], &[1, 3, 4], false), Made::new(&[20, 3, 5], &[1, 3, 5], false));
    let error =
        StreamPlan::together(&[&a, &b], &Products, demand(comm, None, None)).expect_err("other shapes");
    assert_eq!(error.exit_code(), 3, "{error}");
    let plan = StreamPlan::new(&a, &Products, demand(comm, None, None)).expect("plans");
    let engine = Engine::new(comm);
    assert!(FoldRun::stream_together(&engine, &[&a, &a], &plan, &Products).is_err());
}
