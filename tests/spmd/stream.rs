//! Folds over data that stream through memory: the same bits whatever is read when by whom.

use crate::checkpoint::{folder, remove};
use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::engine::{
    Demand, Engine, Fold, FoldRun, Numbers, NumbersMut, Piece, Pieces, Sharing, StreamPlan, StreamSource,
};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("a stream gives the same bits however it is read", same_bits),
        ("each chunk that can't be divided is decoded once", decoded_once),
        ("a stream stops and goes on with the same bits", resumes),
        ("an error while streaming reaches every rank", errors),
        ("what does not fit is refused with the numbers", refuses),
    ]
}

/// Numbers made up from their place; stored in chunks that only look so.
pub(crate) struct Made {
    variable: Variable,
    chunks: Vec<usize>,
    divisible: bool,
    pub(crate) single: bool,
    fail_at: Option<usize>,
    /// Values read so far, by this rank.
    read: AtomicUsize,
}

fn value(at: &[usize]) -> f64 {
    let mixed = at.iter().fold(7usize, |m, &i| (m * 31 + i) * 7919 % 10_007);
    if mixed % 11 == 0 {
        f64::NAN
    } else {
        f64::from(((mixed as f64 - 5000.0) * 1.1e-3 + 250.0) as f32)
    }
}

impl Made {
    pub(crate) fn new(shape: &[usize], chunks: &[usize], divisible: bool) -> Self {
        let roles = [Role::Time, Role::Level, Role::Y, Role::X];
        let roles =
            if shape.len() == 3 { vec![roles[0], roles[2], roles[3]] } else { roles[..shape.len()].to_vec() };
        let dims = roles.iter().zip(shape).map(|(&r, &n)| Dim::new(format!("{r:?}"), n, r)).collect();
        let variable =
            Variable { name: "made".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
        let (chunks, read) = (chunks.to_vec(), AtomicUsize::new(0));
        Self { variable, chunks, divisible, single: true, fail_at: None, read }
    }
    /// Values read so far, by this rank.
    pub(crate) fn values_read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

impl StreamSource for Made {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.single
    }
    fn chunks(&self) -> Vec<usize> {
        self.chunks.clone()
    }
    fn is_divisible(&self) -> bool {
        self.divisible
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        self.read.fetch_add(block.len(), Ordering::Relaxed);
        if self.fail_at.is_some_and(|t| block.range(0).contains(&t)) {
            return Err(Error::data("this time is bad"));
        }
        let mut all = vec![0.0; block.len()];
        let shape = block.shape();
        for (i, v) in all.iter_mut().enumerate() {
            let mut rest = i;
            let mut at = block.start();
            for d in (0..shape.len()).rev() {
                at[d] += rest % shape[d];
                rest /= shape[d];
            }
            *v = value(&at);
        }
        match out {
            NumbersMut::F32(out) => out.iter_mut().zip(&all).for_each(|(o, v)| *o = *v as f32),
            NumbersMut::F64(out) => out.copy_from_slice(&all),
        }
        Ok(())
    }
}

/// A sum over time whose order shows in the bits.
struct Sum;

impl Fold for Sum {
    type State = Vec<f64>;
    const NAME: &'static str = "test-stream-sum";
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
        for step in piece.steps() {
            let row: Vec<f64> = match piece.step(step) {
                Numbers::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
                Numbers::F64(v) => v.to_vec(),
            };
            state.iter_mut().zip(row).filter(|(_, v)| !v.is_nan()).for_each(|(s, v)| *s += v * 1.000_000_1);
        }
        Ok(())
    }
    fn merge(&self, mut left: Vec<f64>, right: Vec<f64>) -> Result<Vec<f64>> {
        left.iter_mut().zip(right).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

/// The sum of one cell in the documented order.
fn expected(plan: &StreamPlan, cell: &[usize]) -> u64 {
    let mut level: Vec<f64> = plan
        .tiling()
        .edges(0)
        .windows(2)
        .map(|leaf| {
            let at = |t: usize| value(&[&[t], cell].concat());
            (leaf[0]..leaf[1]).map(at).filter(|v| !v.is_nan()).fold(0.0, |s, v| s + v * 1.000_000_1)
        })
        .collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| if let [a, b] = pair { a + b } else { pair[0] }).collect();
    }
    level[0].to_bits()
}

/// Checks some cells of every column, which must all be there once.
fn check(engine: &Engine, plan: &StreamPlan, states: &[(usize, Vec<f64>)]) {
    let columns = plan.tiling().len() / plan.tiling().counts()[0];
    let mut all: Vec<(usize, Vec<f64>)> =
        engine.gather(&states.to_vec()).expect("gathers").into_iter().flatten().collect();
    all.sort_by_key(|(column, _)| *column);
    assert_eq!(all.iter().map(|(c, _)| *c).collect::<Vec<_>>(), (0..columns).collect::<Vec<_>>());
    for (column, sums) in all {
        let tile = plan.tiling().tile(plan.tiling().at_place(column, 0, &[Role::Time]));
        let shape = tile.block.shape();
        for i in (0..sums.len()).step_by(1 + sums.len() / 7).chain([sums.len() - 1]) {
            let (mut rest, mut at) = (i, tile.block.start());
            for d in (1..shape.len()).rev() {
                at[d] += rest % shape[d];
                rest /= shape[d];
            }
            assert_eq!(sums[i].to_bits(), expected(plan, &at[1..]), "cell {at:?}");
        }
    }
}

pub(crate) fn demand<'a>(comm: &Comm, room: Option<u64>, parts: Option<&'a [usize]>) -> Demand<'a> {
    Demand { ranks: comm.size(), threads: rayon_threads(), room, parts }
}
fn rayon_threads() -> usize {
    2
}

fn run(comm: &Comm, source: &Made, demand: Demand<'_>) {
    let plan = StreamPlan::new(source, &Sum, demand).expect("plans");
    let engine = Engine::new(comm);
    let mut run = FoldRun::stream(&engine, source, &plan, &Sum).expect("streams");
    while run.advance(usize::MAX).expect("advances") {}
    check(&engine, &plan, &run.finish().expect("finishes"));
}

fn same_bits(comm: &Comm) {
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[150, 37, 29], &[1, 37, 29]),
        (&[150, 37, 29], &[7, 10, 29]),
        (&[70, 300, 301], &[70, 30, 31]),
        (&[130, 3, 40, 50], &[1, 2, 40, 50]),
        (&[200, 5], &[64, 2]),
        (&[200], &[30]),
    ];
    for (shape, chunks) in shapes {
        for divisible in [true, false] {
            let mut source = Made::new(shape, chunks, divisible);
            for (single, room) in [(true, None), (false, None), (true, Some(12_000_000))] {
                source.single = single;
                run(comm, &source, demand(comm, room, None));
            }
            source.single = true;
            // By hand, if there are the ranks: cuts in time, in space, in both.
            for d in 0..shape.len() {
                let mut parts = vec![1; shape.len()];
                parts[d] = comm.size();
                run(comm, &source, demand(comm, None, Some(&parts)));
            }
            if comm.size() == 4 && shape.len() > 1 {
                let mut parts = vec![1; shape.len()];
                (parts[0], parts[1]) = (2, 2);
                run(comm, &source, demand(comm, None, Some(&parts)));
            }
        }
    }
}

fn decoded_once(comm: &Comm) {
    let source = Made::new(&[60, 300, 301], &[1, 300, 301], false);
    let plan = StreamPlan::new(&source, &Sum, demand(comm, None, None)).expect("plans");
    // One leaf in time: nothing to deal there, and maps can't be divided.
    assert_eq!(plan.sharing() == Sharing::Exchanged, comm.size() > 1);
    let engine = Engine::new(comm);
    let mut run = FoldRun::stream(&engine, &source, &plan, &Sum).expect("streams");
    while run.advance(1).expect("advances") {}
    check(&engine, &plan, &run.finish().expect("finishes"));
    let read = source.values_read();
    let all: usize = engine.gather(&read).expect("gathers").iter().sum();
    assert_eq!(all, 60 * 300 * 301, "every value is read by one rank");
    assert!(read <= (60usize.div_ceil(comm.size()) + 8) * 300 * 301, "and the work is shared");
}

fn resumes(comm: &Comm) {
    let folder = folder(comm, "stream");
    let path = folder.join("state");
    for (chunks, divisible) in [([1, 300, 301], false), ([1, 300, 301], true), ([40, 50, 301], false)] {
        let source = Made::new(&[200, 300, 301], &chunks, divisible);
        let plan = StreamPlan::new(&source, &Sum, demand(comm, None, None)).expect("plans");
        let engine = Engine::new(comm);
        for stop_after in [0, 1, 2, 5] {
            let mut run = FoldRun::stream(&engine, &source, &plan, &Sum).expect("streams");
            // Ranks may want to stop at different moments.
            let mut asked = 0;
            let more = run.advance_while(&mut || {
                asked += 1;
                asked <= stop_after + comm.rank()
            });
            more.expect("advances");
            run.save(&path, "job").expect("saves");
            drop(run);
            let mut run = FoldRun::stream(&engine, &source, &plan, &Sum).expect("streams");
            run.load(&path, "job").expect("loads");
            while run.advance(3).expect("advances") {}
            check(&engine, &plan, &run.finish().expect("finishes"));
        }
    }
    remove(comm, &folder);
}

fn errors(comm: &Comm) {
    for divisible in [true, false] {
        let mut source = Made::new(&[200, 300, 301], &[1, 300, 301], divisible);
        for bad in [0, 100, 199] {
            source.fail_at = Some(bad);
            let plan = StreamPlan::new(&source, &Sum, demand(comm, None, None)).expect("plans");
            let engine = Engine::new(comm);
            let mut run = FoldRun::stream(&engine, &source, &plan, &Sum).expect("streams");
            let error = loop {
                match run.advance(2) {
                    Ok(true) => {}
                    Ok(false) => panic!("the error is lost"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.message, "this time is bad");
        }
    }
}

fn refuses(comm: &Comm) {
    let source = Made::new(&[200, 300, 301], &[1, 300, 301], false);
    let error = StreamPlan::new(&source, &Sum, demand(comm, Some(400_000), None)).expect_err("too little");
    assert_eq!(error.exit_code(), 5, "{error}");
    assert!(error.to_string().contains("MB"), "{error}");
}
