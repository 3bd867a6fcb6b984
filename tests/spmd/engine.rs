//! Folds give the same bits on any ranks, and go on from saved states.

use crate::checkpoint::{folder, remove};
use crate::fields::{filled, variable};
use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, FieldSource, Fold, FoldRun, Map, Parallelism, Piece};
use halocline_core::field::Field;
use halocline_core::meta::{Role, Variable};
use halocline_core::tiling::{Tile, Tiling};
use halocline_core::{Error, Result};
use std::sync::Arc;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("a fold's bits don't depend on ranks, dealing or threads", same_bits),
        ("a fold over columns gives each column once", columns),
        ("a saved fold goes on elsewhere with the same bits", resumes),
        ("a state of another job is refused", refuses),
        ("an error in one tile reaches every rank", errors),
        ("maps deliver every tile once", maps),
        ("a fold over nothing has no state", nothing),
    ]
}

/// Sums whose order shows in the bits.
struct Sum {
    roles: Vec<Role>,
    parallelism: Parallelism,
    fail_at: Option<usize>,
}

impl Fold for Sum {
    type State = f64;
    const NAME: &'static str = "test-sum";
    const VERSION: u32 = 1;
    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn parallelism(&self) -> Parallelism {
        self.parallelism
    }
    fn start(&self, _column: usize) -> f64 {
        0.0
    }
    fn absorb(&self, state: &mut f64, piece: &Piece<'_>) -> Result<()> {
        let tile = piece.tile();
        if self.fail_at == Some(tile.id) {
            return Err(Error::data(format!("tile {} is bad", tile.id)));
        }
        piece.doubles()?.iter().for_each(|v| *state += v);
        Ok(())
    }
    fn merge(&self, left: f64, right: f64) -> Result<f64> {
        Ok(left + right)
    }
}

fn sum(roles: &[Role]) -> Sum {
    Sum { roles: roles.to_vec(), parallelism: Parallelism::Tiles, fail_at: None }
}

fn number(at: [usize; 3]) -> f64 {
    let mixed = (at[0] * 7919 + at[1] * 104_729 + at[2] * 1_299_709) % 10_007;
    (mixed as f64 - 5000.0) * 1.1e-3 + 1e6
}

fn input() -> (Variable, Tiling) {
    let variable = variable(6, 37, 29);
    let tiling = Tiling::series(&variable.dims);
    assert!(tiling.len() > 8, "the test needs tiles to deal");
    (variable, tiling)
}

fn field(comm: &Comm, variable: &Variable, tiling: &Tiling, cost: &[u64]) -> Field<f64> {
    let deal = Arc::new(tiling.deal(comm.size(), cost).expect("deals"));
    filled(variable, &deal, comm.rank(), number)
}

/// The sum in the documented order, by one rank without the engine.
fn expected(tiling: &Tiling) -> f64 {
    let mut level: Vec<f64> = (0..tiling.len())
        .map(|id| {
            let block = tiling.tile(id).block;
            let mut s = 0.0;
            for t in block.range(0) {
                for y in block.range(1) {
                    for x in block.range(2) {
                        s += number([t, y, x]);
                    }
                }
            }
            s
        })
        .collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| if let [a, b] = pair { a + b } else { pair[0] }).collect();
    }
    level[0]
}

fn same_bits(comm: &Comm) {
    let (variable, tiling) = input();
    let skewed: Vec<u64> = (0..tiling.len() as u64).map(|i| i * i).collect();
    for cost in [&[][..], &skewed] {
        for parallelism in [Parallelism::Tiles, Parallelism::Inside] {
            let field = field(comm, &variable, &tiling, cost);
            let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
            let fold = Sum { parallelism, ..sum(&[Role::Y, Role::X]) };
            let engine = Engine::new(comm);
            let state = engine.fold_single(&source, &fold).expect("folds");
            let total = engine.finish_single(state, Ok).expect("one rank holds it");
            assert_eq!(total.to_bits(), expected(&tiling).to_bits());
        }
    }
}

fn columns(comm: &Comm) {
    let (variable, tiling) = input();
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    let engine = Engine::new(comm);
    // Reducing time, which is whole in each tile: every tile is its own column.
    let own = engine.fold(&source, &sum(&[Role::Time])).expect("folds");
    let mut all: Vec<usize> =
        engine.gather(&own).expect("gathers").into_iter().flatten().map(|(column, _)| column).collect();
    all.sort_unstable();
    assert_eq!(all, (0..tiling.len()).collect::<Vec<_>>());
}

fn resumes(comm: &Comm) {
    let (variable, tiling) = input();
    let fold = sum(&[Role::Y, Role::X]);
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    let engine = Engine::new(comm);
    let folder = folder(comm, "resumes");
    let path = folder.join("state");
    let alone = Comm::serial();
    let whole = self::field(&alone, &variable, &tiling, &[]);
    let one = FieldSource::new(&whole, &tiling).expect("tiles are whole");
    let engine_alone = Engine::new(&alone);
    for tiles in [0, 1, 3, 1000] {
        let mut run = FoldRun::new(&engine, &source, &fold);
        run.advance(tiles).expect("advances");
        run.save(&path, "job").expect("saves");
        // Go on with another division of the work: all of it on one rank.
        let mut run = FoldRun::new(&engine_alone, &one, &fold);
        run.load(&path, "job").expect("loads");
        while run.advance(2).expect("advances") {}
        let states = run.finish().expect("finishes");
        assert_eq!(states.len(), 1);
        assert_eq!(states[0].1.to_bits(), expected(&tiling).to_bits());
        comm.barrier();
    }
    // And the other way round: begun by one, finished by all.
    if comm.is_root() {
        let mut run = FoldRun::new(&engine_alone, &one, &fold);
        run.advance(5).expect("advances");
        run.save(&path, "job").expect("saves");
    }
    comm.barrier();
    let mut run = FoldRun::new(&engine, &source, &fold);
    run.load(&path, "job").expect("loads");
    while run.advance(usize::MAX).expect("advances") {}
    let state = run.finish().expect("finishes").pop().map(|(_, s)| s);
    let total = engine.finish_single(state, Ok).expect("one rank holds it");
    assert_eq!(total.to_bits(), expected(&tiling).to_bits());
    remove(comm, &folder);
}

fn refuses(comm: &Comm) {
    let (variable, tiling) = input();
    let fold = sum(&[Role::Y, Role::X]);
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    let engine = Engine::new(comm);
    let folder = folder(comm, "refuses");
    let path = folder.join("state");
    let mut run = FoldRun::new(&engine, &source, &fold);
    run.advance(1).expect("advances");
    run.save(&path, "job").expect("saves");
    let refused = |run: &mut FoldRun<'_, Sum>, job: &str| {
        assert_eq!(run.load(&path, job).expect_err("refused").exit_code(), 3);
    };
    let mut other = FoldRun::new(&engine, &source, &fold);
    refused(&mut other, "another job");
    // What was refused leaves the run as it was: it begins anew.
    while other.advance(usize::MAX).expect("advances") {}
    let state = other.finish().expect("finishes").pop().map(|(_, s)| s);
    let total = engine.finish_single(state, Ok).expect("one rank holds it");
    assert_eq!(total.to_bits(), expected(&tiling).to_bits());
    remove(comm, &folder);
}

fn errors(comm: &Comm) {
    let (variable, tiling) = input();
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    for bad in [0, tiling.len() / 2, tiling.len() - 1] {
        let fold = Sum { fail_at: Some(bad), ..sum(&[Role::Y, Role::X]) };
        let error = Engine::new(comm).fold_single(&source, &fold).expect_err("a tile is bad");
        assert_eq!(error.message, format!("tile {bad} is bad"));
    }
}

struct Count;
impl Map for Count {
    type Output = usize;
    fn apply(&self, _tile: &Tile, values: &[f64]) -> Result<usize> {
        Ok(values.len())
    }
}

fn maps(comm: &Comm) {
    let (variable, tiling) = input();
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    let sizes = Engine::new(comm).map_gather(&source, &Count).expect("maps");
    let expected: Vec<usize> = (0..tiling.len()).map(|id| tiling.tile(id).block.len()).collect();
    assert_eq!(sizes, expected);
}

fn nothing(comm: &Comm) {
    let variable = variable(0, 4, 4);
    let tiling = Tiling::stream(&variable.dims, None);
    let field = field(comm, &variable, &tiling, &[]);
    let source = FieldSource::new(&field, &tiling).expect("tiles are whole");
    let engine = Engine::new(comm);
    let state = engine.fold_single(&source, &sum(&[Role::Time, Role::Y, Role::X])).expect("folds");
    if tiling.is_empty() {
        assert!(state.is_none());
        assert!(engine.finish_single(state, Ok).is_err());
    }
}
