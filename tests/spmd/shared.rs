//! Several folds on one read: each gives the bits that it gives alone.

use crate::stream::{demand, Made};
use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::engine::{
    Engine, Fold, FoldBranch, FoldRun, Numbers, Parallelism, Piece, Pieces, SharedRun, Sharing, StreamPlan,
    StreamSource,
};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use std::collections::BTreeMap;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("folds that share a read give the bits that they give alone", same_bits),
        ("what folds share is read once", read_once),
        ("ranks of a shared read stop at different moments", stops),
        ("an error in one of several folds reaches every rank", errors),
        ("several folds on one read save no state, one does", states),
        ("a plan of several folds adds their states up", plans),
    ]
}

/// Σ a (1 + t) over some roles, cell by cell where space is kept; of two variables, Σ a b (1 + t).
/// Its order shows in the bits.
#[derive(Clone)]
struct Sums {
    roles: Vec<Role>,
    parallelism: Parallelism,
    pair: bool,
    /// The number of a tile that it does not like.
    fail_at: Option<usize>,
}

impl Sums {
    fn over(roles: &[Role]) -> Self {
        Self { roles: roles.to_vec(), parallelism: Parallelism::Tiles, pair: false, fail_at: None }
    }
    fn keeps_space(&self) -> bool {
        self.roles == [Role::Time]
    }
}

fn doubles(numbers: Numbers<'_>) -> Vec<f64> {
    match numbers {
        Numbers::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        Numbers::F64(v) => v.to_vec(),
    }
}

impl Fold for Sums {
    /// A sum for each cell, or one.
    type State = Vec<f64>;
    const NAME: &'static str = "test-shared-sums";
    const VERSION: u32 = 1;
    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn parallelism(&self) -> Parallelism {
        self.parallelism
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let cells = tile.block.shape()[1..].iter().product::<usize>() as u64;
        8 * if self.keeps_space() { cells } else { 1 }
    }
    fn start(&self, _column: usize) -> Vec<f64> {
        Vec::new()
    }
    fn absorb(&self, state: &mut Vec<f64>, piece: &Piece<'_>) -> Result<()> {
        if self.fail_at == Some(piece.tile().id) {
            return Err(Error::data(format!("tile {} is bad", piece.tile().id)));
        }
        state.resize(if self.keeps_space() { piece.cells() } else { 1 }, 0.0);
        let other = if self.pair { Some(piece.with(1)?) } else { None };
        for step in piece.steps() {
            let mut row = doubles(piece.step(step));
            if let Some(other) = &other {
                row.iter_mut().zip(doubles(other.step(step))).for_each(|(a, b)| *a *= b);
            }
            let slots = state.len();
            for (i, v) in row.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                state[i % slots] += v * (1.0 + step as f64);
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: Vec<f64>, right: Vec<f64>) -> Result<Vec<f64>> {
        left.iter_mut().zip(right).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

/// How many values are there, and the greatest: a state of another type, over all dimensions.
struct Greatest;

impl Fold for Greatest {
    type State = (u64, f64);
    const NAME: &'static str = "test-shared-greatest";
    const VERSION: u32 = 1;
    fn reduces(&self) -> &[Role] {
        &[Role::Time, Role::Level, Role::Y, Role::X]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> (u64, f64) {
        (0, f64::NEG_INFINITY)
    }
    fn absorb(&self, state: &mut (u64, f64), piece: &Piece<'_>) -> Result<()> {
        for v in piece.steps().flat_map(|step| doubles(piece.step(step))).filter(|v| !v.is_nan()) {
            *state = (state.0 + 1, state.1.max(v));
        }
        Ok(())
    }
    fn merge(&self, left: (u64, f64), right: (u64, f64)) -> Result<(u64, f64)> {
        Ok((left.0 + right.0, left.1.max(right.1)))
    }
}

/// The bits of all columns, on every rank.
type Bits = BTreeMap<usize, Vec<u64>>;

fn bits(engine: &Engine, own: &[(usize, Vec<f64>)]) -> Bits {
    let all = engine.gather(&own.to_vec()).expect("gathers").into_iter().flatten();
    let mut found = Bits::new();
    for (column, sums) in all {
        let is_new = found.insert(column, sums.into_iter().map(f64::to_bits).collect()).is_none();
        assert!(is_new, "column {column} is there twice");
    }
    found
}

/// What each fold finds in a run of its own.
fn alone(comm: &Comm, sources: &[&dyn StreamSource], folds: &[Sums]) -> Vec<Bits> {
    let one = |fold: &Sums| {
        let plan = StreamPlan::together(sources, fold, demand(comm, None, None)).expect("plans");
        let engine = Engine::new(comm);
        let mut run = FoldRun::stream_together(&engine, sources, &plan, fold).expect("streams");
        while run.advance(usize::MAX).expect("advances") {}
        bits(&engine, &run.finish().expect("finishes"))
    };
    folds.iter().map(one).collect()
}

fn branches(folds: &[Sums]) -> Vec<FoldBranch<Sums>> {
    folds.iter().cloned().map(FoldBranch::new).collect()
}

/// Plans the folds together, and the greatest value with them; advances by `steps` units. Gives
/// what they find, and how chunks were shared.
fn together(
    comm: &Comm,
    sources: &[&dyn StreamSource],
    folds: &[Sums],
    (room, steps): (Option<u64>, usize),
) -> (Vec<Bits>, (u64, f64), Sharing) {
    let mut sums = branches(folds);
    let mut greatest = FoldBranch::new(Greatest);
    let mut all: Vec<_> = sums.iter_mut().map(FoldBranch::branch).collect();
    all.push(greatest.branch());
    let plan = StreamPlan::shared(sources, &all, demand(comm, room, None)).expect("plans");
    let engine = Engine::new(comm);
    let mut run = SharedRun::new(&engine, sources, &plan, all).expect("begins");
    while run.advance(steps).expect("advances") {}
    run.finish().expect("finishes");
    let found = sums.iter_mut().map(|b| bits(&engine, &b.take())).collect();
    let ends = engine.gather(&greatest.take()).expect("gathers").concat();
    assert_eq!(ends.len(), 1, "one column has one holder");
    assert!(sums.iter_mut().all(|b| b.take().is_empty()), "states are taken once");
    (found, ends[0].1, plan.sharing())
}

fn folds() -> Vec<Sums> {
    let space = [Role::Level, Role::Y, Role::X];
    let mut inside = Sums::over(&[Role::Time]);
    inside.parallelism = Parallelism::Inside;
    let mut all = Sums::over(&[Role::Time, Role::Level, Role::Y, Role::X]);
    all.parallelism = Parallelism::Inside;
    vec![Sums::over(&[Role::Time]), Sums::over(&space), inside, all, Sums::over(&[Role::X])]
}

fn same_bits(comm: &Comm) {
    let cases: [(&[usize], &[usize]); 6] = [
        (&[150, 37, 29], &[1, 37, 29]),
        (&[150, 37, 29], &[7, 10, 29]),
        // One leaf in time, and maps that can't be divided: chunks are exchanged.
        (&[60, 120, 301], &[1, 120, 301]),
        (&[130, 3, 40, 50], &[1, 2, 40, 50]),
        (&[200, 5], &[64, 2]),
        // Less than there are ranks: some own nothing.
        (&[2, 1, 2], &[1, 1, 2]),
    ];
    for (shape, chunks) in cases {
        let mut expected = None;
        for divisible in [true, false] {
            let one = Made::new(shape, chunks, divisible);
            let sources: [&dyn StreamSource; 1] = [&one];
            let expected = expected.get_or_insert_with(|| alone(comm, &sources, &folds()));
            for (room, steps) in [(None, usize::MAX), (Some(16_000_000), 2)] {
                let (found, (count, greatest), sharing) = together(comm, &sources, &folds(), (room, steps));
                assert!(found == *expected, "{shape:?} {chunks:?} {divisible} {room:?}");
                assert!(count > 0 && greatest > 244.0, "{count} {greatest}");
                let exchanged = shape == [60, 120, 301] && !divisible && comm.size() > 1;
                assert!(!exchanged || sharing == Sharing::Exchanged);
            }
        }
    }
    // Two in lockstep, of other chunks and types.
    let mut pairs = folds();
    pairs.iter_mut().step_by(2).for_each(|fold| fold.pair = true);
    for (shape, first, second) in
        [([150, 37, 29], [6, 37, 29], [4, 37, 29]), ([60, 120, 301], [1, 120, 301], [5, 120, 301])]
    {
        let a = Made::new(&shape, &first, false);
        let mut b = Made::new(&shape, &second, true);
        b.single = false;
        let sources: [&dyn StreamSource; 2] = [&a, &b];
        let expected = alone(comm, &sources, &pairs);
        let (found, ..) = together(comm, &sources, &pairs, (None, 1));
        assert!(found == expected, "{shape:?} {first:?} {second:?}");
    }
}

fn read_once(comm: &Comm) {
    let source = Made::new(&[150, 120, 301], &[1, 120, 301], false);
    together(comm, &[&source], &folds(), (None, usize::MAX));
    let read = source.values_read();
    let all: usize = Engine::new(comm).gather(&read).expect("gathers").iter().sum();
    assert_eq!(all, 150 * 120 * 301, "every value is read by one rank, for all folds");
}

fn stops(comm: &Comm) {
    let source = Made::new(&[130, 120, 301], &[1, 120, 301], true);
    let sources: [&dyn StreamSource; 1] = [&source];
    let some = &folds()[..2];
    let expected = alone(comm, &sources, some);
    let mut sums = branches(some);
    let all: Vec<_> = sums.iter_mut().map(FoldBranch::branch).collect();
    let plan = StreamPlan::shared(&sources, &all, demand(comm, None, None)).expect("plans");
    let engine = Engine::new(comm);
    let mut run = SharedRun::new(&engine, &sources, &plan, all).expect("begins");
    loop {
        let mut asked = 0;
        let go = &mut || {
            asked += 1;
            asked <= 1 + comm.rank()
        };
        if !run.advance_while(go).expect("advances") {
            break;
        }
    }
    run.finish().expect("finishes");
    let found: Vec<Bits> = sums.iter_mut().map(|b| bits(&engine, &b.take())).collect();
    assert!(found == expected);
}

fn errors(comm: &Comm) {
    for divisible in [true, false] {
        let source = Made::new(&[130, 120, 301], &[1, 120, 301], divisible);
        let sources: [&dyn StreamSource; 1] = [&source];
        let tiles = {
            let plan = StreamPlan::new(&source, &folds()[0], demand(comm, None, None)).expect("plans");
            plan.tiling().len()
        };
        for (which, bad) in [(4, tiles / 2), (3, tiles - 1)] {
            let mut some = folds();
            some[which].fail_at = Some(bad);
            let mut sums = branches(&some);
            let all: Vec<_> = sums.iter_mut().map(FoldBranch::branch).collect();
            let plan = StreamPlan::shared(&sources, &all, demand(comm, None, None)).expect("plans");
            let engine = Engine::new(comm);
            let mut run = SharedRun::new(&engine, &sources, &plan, all).expect("begins");
            let error = loop {
                match run.advance(2) {
                    Ok(true) => {}
                    Ok(false) => panic!("the error is lost"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.message, format!("tile {bad} is bad"));
            drop(run);
            assert!(sums.iter_mut().all(|b| b.take().is_empty()), "nobody has a result");
        }
    }
}

fn states(comm: &Comm) {
    let folder = crate::checkpoint::folder(comm, "shared");
    let path = folder.join("state");
    let source = Made::new(&[130, 120, 301], &[1, 120, 301], false);
    let sources: [&dyn StreamSource; 1] = [&source];
    let one = &folds()[..1];
    let expected = alone(comm, &sources, one);
    let engine = Engine::new(comm);
    let mut first = FoldBranch::new(one[0].clone());
    let plan = StreamPlan::shared(&sources, &[first.branch()], demand(comm, None, None)).expect("plans");
    let mut run = SharedRun::new(&engine, &sources, &plan, vec![first.branch()]).expect("begins");
    run.advance(2).expect("advances");
    run.save(&path, "job").expect("saves");
    // What one fold has saved, another run of it takes up, shared or not.
    let mut again = FoldRun::stream(&engine, &source, &plan, &one[0]).expect("streams");
    again.load(&path, "job").expect("loads");
    while again.advance(usize::MAX).expect("advances") {}
    assert!(bits(&engine, &again.finish().expect("finishes")) == expected[0]);
    let mut second = FoldBranch::new(&one[0]);
    let mut run = SharedRun::new(&engine, &sources, &plan, vec![second.branch()]).expect("begins");
    assert!(run.load(&path, "another job").is_err());
    run.load(&path, "job").expect("loads");
    while run.advance(1).expect("advances") {}
    run.finish().expect("finishes");
    assert!(bits(&engine, &second.take()) == expected[0]);
    let mut third = FoldBranch::new(Greatest);
    let two = vec![second.branch(), third.branch()];
    let run = SharedRun::new(&engine, &sources, &plan, two).expect("begins");
    assert_eq!(run.save(&path, "job").expect_err("two").exit_code(), 70);
    crate::checkpoint::remove(comm, &folder);
}

fn plans(comm: &Comm) {
    let source = Made::new(&[200, 300, 301], &[1, 300, 301], true);
    let sources: [&dyn StreamSource; 1] = [&source];
    let parts = [1, comm.size(), 1];
    let estimate = |folds: &[Sums]| {
        let mut all = branches(folds);
        let all: Vec<_> = all.iter_mut().map(FoldBranch::branch).collect();
        StreamPlan::shared(&sources, &all, demand(comm, None, Some(&parts))).expect("plans").estimate()
    };
    let one = estimate(&folds()[..1]);
    let three = estimate(&[folds()[0].clone(), folds()[0].clone(), folds()[0].clone()]);
    let windows = estimate(&[]);
    assert_eq!(three - windows, 3 * (one - windows));
    assert!(one > windows);
    let alone = StreamPlan::new(&source, &folds()[0], demand(comm, None, Some(&parts))).expect("plans");
    assert_eq!(alone.estimate(), one);
    // Two fit where three don't.
    let mut all = branches(&[folds()[0].clone(), folds()[0].clone(), folds()[0].clone()]);
    let mut all: Vec<_> = all.iter_mut().map(FoldBranch::branch).collect();
    let states = one - windows;
    let room = Some(2 * states + states / 2);
    let planned = |branches: &[_]| StreamPlan::shared(&sources, branches, demand(comm, room, Some(&parts)));
    assert_eq!(planned(&all).expect_err("too much").exit_code(), 5);
    all.pop();
    assert!(planned(&all).is_ok());
}
