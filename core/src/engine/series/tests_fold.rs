use super::tests::{value, Made};
use super::*;
use crate::comm::run_threads;
use crate::engine::piece::{Numbers, Piece, Pieces};
use crate::engine::stream::{Demand, StreamSource};
use crate::engine::{Engine, Fold, Parallelism};
use crate::field::Field;
use crate::tiling::Tiling;
use crate::{Error, ErrorKind};
use std::sync::Arc;

/// A sum whose bits tell the order of additions, and the tree written down.
struct Traced {
    parallelism: Parallelism,
}

impl Fold for Traced {
    type State = (f64, String, usize);
    const NAME: &'static str = "traced";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Y, Role::X]
    }
    fn parallelism(&self) -> Parallelism {
        self.parallelism
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> Self::State {
        (0.0, String::new(), 0)
    }
    fn absorb(&self, state: &mut Self::State, piece: &Piece<'_>) -> Result<()> {
        assert_eq!(piece.steps(), piece.tile().block.range(0), "a tile comes with all its steps");
        let mut cells = 0;
        for step in piece.steps() {
            match piece.step(step) {
                Numbers::F32(v) => v.iter().for_each(|v| state.0 += f64::from(*v) * 1.1),
                Numbers::F64(v) => v.iter().for_each(|v| state.0 += v * 1.1),
            }
            cells += piece.cells();
        }
        if state.0.is_nan() {
            return Err(Error::data("no number"));
        }
        state.1 = format!("{}", piece.tile().id);
        state.2 += cells;
        Ok(())
    }
    fn merge(&self, left: Self::State, right: Self::State) -> Result<Self::State> {
        Ok((left.0 + right.0, format!("({} {})", left.1, right.1), left.2 + right.2))
    }
}

fn needs(source: &Made) -> SeriesNeeds {
    SeriesNeeds {
        reduces: vec![Role::Time],
        rows: 1,
        tiling: Some(Tiling::series(&source.variable.dims)),
        scratch_per_thread: 100,
    }
}

fn folded(
    source: &Made,
    ranks: usize,
    room: Option<u64>,
    parallelism: Parallelism,
) -> Option<(u64, String, usize)> {
    let demand = Demand { ranks, threads: 2, room, parts: None };
    let plan = SeriesPlan::of_needs(source, &needs(source), demand).ok()?;
    let fold = Traced { parallelism };
    let all = run_threads(ranks, |comm| {
        let found = Engine::new(comm).fold_series(source, &plan, &fold).expect("folds");
        found
            .into_iter()
            .map(|(column, state)| (column, state.0.to_bits(), state.1, state.2))
            .collect::<Vec<_>>()
    });
    let mut all = all.concat();
    assert_eq!(all.len(), 1, "one column ends up on one rank");
    let (_, sum, tree, cells) = all.remove(0);
    assert!(room.is_none_or(|room| plan.estimate() <= room));
    Some((sum, tree, cells))
}

#[test]
fn one_tree_whatever_memory_and_ranks() {
    for (shape, chunks, divisible) in [
        ([400, 90, 30], [1, 90, 30], true),
        ([60, 40, 30], [1, 40, 30], true),
        ([60, 40, 30], [7, 8, 30], false),
        ([9, 1, 5], [1, 1, 5], true),
        ([50, 33, 64], [50, 11, 16], false),
    ] {
        let mut source = Made::new(&shape, &chunks, divisible);
        let expected = folded(&source, 1, None, Parallelism::Tiles).expect("fits");
        assert_eq!(expected.2, shape.iter().product::<usize>());
        let mut batched = 0;
        for (ranks, pieces) in (1..=5).flat_map(|ranks| [(ranks, false), (ranks, divisible)]) {
            source.pieces = pieces;
            for room in [None, Some(1_000_000), Some(60_000), Some(300_000), Some(20_000)] {
                for parallelism in [Parallelism::Tiles, Parallelism::Inside] {
                    if let Some(found) = folded(&source, ranks, room, parallelism) {
                        assert_eq!(found, expected, "{shape:?} {ranks} ranks {room:?} {pieces}");
                        batched += usize::from(room.is_some());
                    }
                }
            }
        }
        assert!(batched > 0);
    }
}

#[test]
fn a_field_at_hand_gives_the_same() {
    let source = Made::new(&[60, 40, 30], &[1, 40, 30], true);
    let expected = folded(&source, 1, None, Parallelism::Tiles).expect("fits");
    let tiling = Tiling::series(&source.variable.dims);
    for ranks in 1..=5 {
        let deal = Arc::new(tiling.deal(ranks, &[]).expect("deals"));
        let all = run_threads(ranks, |comm| {
            let mut field = Field::<f32>::missing(source.variable.clone(), Arc::clone(&deal), comm.rank());
            let block = field.block().clone();
            let whole = IndexBox::whole(&source.variable.shape());
            let numbers: Vec<f32> =
                (0..whole.len()).map(|i| value(&[i / 1200, i / 30 % 40, i % 30]) as f32).collect();
            let mut own = Vec::new();
            whole.extract(&numbers, &block, &mut own);
            field.data_mut().copy_from_slice(&own);
            let (series, plan) = FieldSeries::new(&field, &tiling).expect("whole tiles");
            let fold = Traced { parallelism: Parallelism::Inside };
            Engine::new(comm).fold_series(&series, &plan, &fold).expect("folds")
        });
        let found: Vec<_> = all.into_iter().flatten().map(|(_, s)| (s.0.to_bits(), s.1, s.2)).collect();
        assert_eq!(found, std::slice::from_ref(&expected), "{ranks} ranks");
    }
}

#[test]
fn what_is_kept_is_read_once() {
    for (chunks, divisible) in [([1, 40, 30], true), ([7, 8, 30], false)] {
        let made = || Made::new(&[60, 40, 30], &chunks, divisible);
        let expected = folded(&made(), 1, None, Parallelism::Tiles).expect("fits");
        for ranks in 1..=4 {
            let source = made();
            let demand = Demand { ranks, threads: 2, room: None, parts: None };
            let plan = SeriesPlan::of_needs(&source, &needs(&source), demand).expect("fits").keeping();
            assert_eq!(plan.batches(), 1);
            let fold = Traced { parallelism: Parallelism::Inside };
            let all = run_threads(ranks, |comm| {
                let engine = Engine::new(comm);
                [0, 1].map(|_| engine.fold_series(&source, &plan, &fold).expect("folds"))
            });
            for pass in [0, 1] {
                let states = all.iter().flat_map(|passes| &passes[pass]);
                let found: Vec<_> = states.map(|(_, s)| (s.0.to_bits(), s.1.clone(), s.2)).collect();
                assert_eq!(found, std::slice::from_ref(&expected), "{ranks} ranks");
            }
            assert_eq!(source.read.load(std::sync::atomic::Ordering::Relaxed), 60 * 40 * 30);
        }
    }
}

/// The largest sum of a step, of all steps: whole steps, batch by batch.
struct Steps;

impl Fold for Steps {
    type State = (f64, usize);
    const NAME: &'static str = "steps";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> Self::State {
        (f64::MIN, 0)
    }
    fn absorb(&self, state: &mut Self::State, piece: &Piece<'_>) -> Result<()> {
        for step in piece.steps() {
            let Numbers::F32(row) = piece.step(step) else { return Err(Error::internal("doubles")) };
            state.0 = row.iter().map(|v| f64::from(*v)).sum::<f64>().max(state.0);
            state.1 += 1;
        }
        Ok(())
    }
    fn merge(&self, left: Self::State, right: Self::State) -> Result<Self::State> {
        Ok((left.0.max(right.0), left.1 + right.1))
    }
}

#[test]
fn whole_steps_are_folded_too() {
    for (shape, chunks) in [([300, 4, 5], [1, 4, 5]), ([300, 4, 5], [70, 2, 5])] {
        let step = |t: usize| (0..20).map(|c| value(&[t, c / 5, c % 5])).sum::<f64>();
        let expected = (0..300).map(step).fold(f64::MIN, f64::max);
        let needs = |source: &Made| SeriesNeeds {
            reduces: vec![Role::Y, Role::X],
            rows: 1,
            tiling: Some(Tiling::maps(&source.variable.dims)),
            scratch_per_thread: 0,
        };
        for ranks in 1..=4 {
            for (divisible, room) in [(true, None), (false, None), (true, Some(6_000)), (false, Some(20_000))]
            {
                let source = Made { pieces: divisible, ..Made::new(&shape, &chunks, divisible) };
                let demand = Demand { ranks, threads: 2, room, parts: None };
                let Ok(plan) = SeriesPlan::of_needs(&source, &needs(&source), demand) else {
                    assert!(room.is_some());
                    continue;
                };
                let plan = plan.clone().with_across(plan);
                let across = plan.across().expect("there");
                let all = run_threads(ranks, |comm| {
                    Engine::new(comm).fold_series(&source, across, &Steps).expect("folds")
                });
                let found: Vec<_> = all.into_iter().flatten().collect();
                assert_eq!(found, [(0, (expected, 300))], "{ranks} {divisible} {room:?}");
            }
        }
    }
}

#[test]
fn errors_end_all_ranks() {
    let mut source = Made::new(&[60, 40, 30], &[1, 40, 30], true);
    source.fail_at = Some(5);
    let demand = Demand { ranks: 3, threads: 1, room: Some(300_000), parts: None };
    let plan = SeriesPlan::of_needs(&source, &needs(&source), demand).expect("fits");
    let fold = Traced { parallelism: Parallelism::Tiles };
    let all = run_threads(3, |comm| Engine::new(comm).fold_series(&source, &plan, &fold).map(drop));
    assert!(all.iter().all(|r| r.as_ref().is_err_and(|e| e.kind == ErrorKind::Data)), "{all:?}");
    assert_eq!(source.chunks().len(), 3);
}
