//! States that go through several leaves before they are merged.

use super::{
    Demand, Engine, Fold, FoldBranch, Numbers, NumbersMut, Piece, Pieces, SharedRun, StreamPlan, StreamSource,
};
use crate::comm::run_threads;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Attributes, DType, Dim, Role, Variable};
use serde::{Deserialize, Serialize};

const STEPS: usize = 64;

/// The number of each cell and step, scaled.
struct Numbered(Variable, bool);

impl Numbered {
    fn new(shape: [usize; 3], reads_pieces: bool) -> Self {
        let roles = [("time", Role::Time), ("lat", Role::Y), ("lon", Role::X)];
        let dims = roles.iter().zip(shape).map(|(&(name, role), n)| Dim::new(name, n, role)).collect();
        let attributes = Attributes::new();
        Self(Variable { name: "x".into(), dims, dtype: DType::F64, attributes }, reads_pieces)
    }
    fn value(place: usize) -> f64 {
        ((place * 7919) % 1009) as f64
    }
}

impl StreamSource for Numbered {
    fn variable(&self) -> &Variable {
        &self.0
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1, 2, self.0.dims[2].len]
    }
    fn is_divisible(&self) -> bool {
        self.1
    }
    fn reads_pieces(&self) -> bool {
        self.1
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("doubles")) };
        IndexBox::whole(&self.0.shape()).for_each_run(block, |place, at, n| {
            (0..n).for_each(|k| out[at + k] = Self::value(place + k));
        });
        Ok(())
    }
}

/// Something that depends on the order of steps, and on where states were merged.
struct Ordered(u32);

#[derive(Serialize, Deserialize)]
struct State(Vec<f64>);

fn step(state: f64, value: f64) -> f64 {
    state * 0.75 + value
}
fn both(left: f64, right: f64) -> f64 {
    left * 0.3 + right
}

impl Fold for Ordered {
    type State = State;
    const NAME: &'static str = "ordered";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn levels_kept(&self) -> u32 {
        self.0
    }
    fn start(&self, _: usize) -> State {
        State(Vec::new())
    }
    fn absorb(&self, state: &mut State, piece: &Piece<'_>) -> Result<()> {
        state.0.resize(piece.cells(), 0.0);
        for t in piece.steps() {
            let Numbers::F64(values) = piece.step(t) else { return Err(Error::internal("doubles")) };
            state.0.iter_mut().zip(values).for_each(|(s, v)| *s = step(*s, *v));
        }
        Ok(())
    }
    fn merge(&self, mut left: State, right: State) -> Result<State> {
        left.0.iter_mut().zip(&right.0).for_each(|(l, r)| *l = both(*l, *r));
        Ok(left)
    }
}

/// The same of one cell, by hand.
fn by_hand(steps: usize, cells: usize, cell: usize, levels: u32) -> f64 {
    let each = STEPS << levels;
    let leaf = |k: usize| {
        let times = k * each..steps.min((k + 1) * each);
        times.fold(0.0, |state, t| step(state, Numbered::value(t * cells + cell)))
    };
    let mut nodes: Vec<f64> = (0..steps.div_ceil(each)).map(leaf).collect();
    while nodes.len() > 1 {
        nodes = nodes.chunks(2).map(|pair| pair.iter().copied().reduce(both).unwrap_or(0.0)).collect();
    }
    nodes[0]
}

#[test]
fn the_same_bits_whoever_reads_and_where_it_was_stopped() {
    let folder = std::env::temp_dir().join(format!("halocline-kept-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (shape, levels) in
        [([700, 4, 3], 2), ([700, 4, 3], 0), ([64, 4, 3], 4), ([450, 90, 400], 1), ([450, 90, 400], 2)]
    {
        let cells = shape[1] * shape[2];
        for reads_pieces in [true, false] {
            let (source, fold) = (Numbered::new(shape, reads_pieces), Ordered(levels));
            for (ranks, then) in [(1, 3), (2, 1), (3, 2), (5, 4)] {
                let plan = |ranks| {
                    let demand = Demand { ranks, threads: 2, room: None, parts: None };
                    StreamPlan::new(&source, &fold, demand).unwrap()
                };
                let file = folder.join(format!("{ranks}-{levels}-{}-{reads_pieces}", shape[0]));
                let run = |ranks: usize, stops: bool| -> Vec<(usize, Vec<f64>)> {
                    let plan = plan(ranks);
                    let found = run_threads(ranks, |comm| {
                        let engine = Engine::new(comm);
                        let mut branch = FoldBranch::new(&fold);
                        let mut run =
                            SharedRun::new(&engine, &[&source], &plan, vec![branch.branch()]).unwrap();
                        if stops {
                            run.advance(2).unwrap();
                            run.save(&file, "job").unwrap();
                            return Vec::new();
                        }
                        run.load(&file, "job").unwrap();
                        while run.advance(1).unwrap() {}
                        run.finish().unwrap();
                        branch.take()
                    });
                    found.into_iter().flatten().map(|(column, state)| (column, state.0)).collect()
                };
                run(ranks, true);
                for ranks in [ranks, then] {
                    let mut found = run(ranks, false);
                    found.sort_by_key(|(column, _)| *column);
                    let found: Vec<f64> = found.into_iter().flat_map(|(_, values)| values).collect();
                    assert_eq!(found.len(), cells);
                    for cell in (0..cells).step_by(1 + cells / 50) {
                        let expected = by_hand(shape[0], cells, cell, levels);
                        assert_eq!(
                            found[cell].to_bits(),
                            expected.to_bits(),
                            "cell {cell} of {shape:?}, {levels} levels, {ranks} ranks"
                        );
                    }
                }
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
