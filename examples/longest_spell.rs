//! A diagnostic of one's own: how many steps in a row a value was above a threshold, at most.
//! Streams files larger than memory, on threads and ranks, with the same bits on any of them,
//! and goes on from where it was stopped: docs/tutorial-fold.md tells how it is made.
//!
//! `mpirun -n 4 longest_spell sst.nc sst 28 spells.nc [STATE]`

use halocline::core::comm::Reduce;
use halocline::core::engine::{Demand, FoldRun, Numbers, Piece, Pieces, StreamPlan};
use halocline::core::index::IndexBox;
use halocline::core::meta::{Attributes, DType, Role, Values};
use halocline::io::output::{Output, Schema, VariableSpec};
use halocline::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The fold: what it needs to know.
struct LongestSpell {
    threshold: f64,
}

/// What is kept of a cell over some steps: enough to join it to what came before and comes after.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Spell {
    /// Steps at the beginning that are above the threshold.
    head: u32,
    /// Steps at the end.
    tail: u32,
    longest: u32,
    steps: u32,
}

impl Spell {
    fn next(&mut self, is_above: bool) {
        self.tail = if is_above { self.tail + 1 } else { 0 };
        if self.tail > self.steps {
            self.head = self.tail;
        }
        self.longest = self.longest.max(self.tail);
        self.steps += 1;
    }
    fn then(self, later: Self) -> Self {
        let whole = |part: u32, of: Self| part == of.steps;
        Self {
            head: self.head + if whole(self.head, self) { later.head } else { 0 },
            tail: later.tail + if whole(later.tail, later) { self.tail } else { 0 },
            longest: self.longest.max(later.longest).max(self.tail + later.head),
            steps: self.steps + later.steps,
        }
    }
}

impl Fold for LongestSpell {
    type State = Vec<Spell>;
    const NAME: &'static str = "longest-spell";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        (tile.block.len() / tile.block.range(0).len().max(1) * size_of::<Spell>()) as u64
    }
    fn start(&self, _column: usize) -> Vec<Spell> {
        Vec::new()
    }
    fn absorb(&self, state: &mut Vec<Spell>, piece: &Piece<'_>) -> Result<()> {
        state.resize(piece.cells(), Spell::default());
        for step in piece.steps() {
            // A missing value is NaN, and not above anything.
            match piece.step(step) {
                Numbers::F32(x) => each(state, x, |x| f64::from(x) > self.threshold),
                Numbers::F64(x) => each(state, x, |x| x > self.threshold),
            }
        }
        Ok(())
    }
    fn merge(&self, left: Vec<Spell>, right: Vec<Spell>) -> Result<Vec<Spell>> {
        Ok(left.into_iter().zip(right).map(|(a, b)| a.then(b)).collect())
    }
}

fn each<T: Copy>(state: &mut [Spell], values: &[T], is_above: impl Fn(T) -> bool) {
    state.iter_mut().zip(values).for_each(|(spell, &x)| spell.next(is_above(x)));
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file, variable, threshold, output, state @ ..] = words.as_slice() else {
        return Err(Error::usage("longest_spell FILE VARIABLE THRESHOLD OUTPUT [STATE]"));
    };
    let threshold = threshold.parse().map_err(|_| Error::usage("the threshold is no number"))?;
    let comm = World::start(MpiMode::Auto)?.comm();
    let source = open(&comm, std::slice::from_ref(file))?.source(&comm, variable, &Selection::default())?;
    let fold = LongestSpell { threshold };

    // 256 MiB on each rank, whatever the size of the files.
    let demand = Demand { ranks: comm.size(), threads: 1, room: Some(256 << 20), parts: None };
    let plan = StreamPlan::new(&source, &fold, demand)?;
    let engine = Engine::new(&comm);
    let mut run = FoldRun::stream(&engine, &source, &plan, &fold)?;
    let job = format!("{file} {variable} {threshold}");
    if let Some(state) = state.first().map(Path::new) {
        if comm.on_root(|| Ok(state.exists()))? {
            run.load(state, &job)?;
        }
        while run.advance(1)? {
            run.save(state, &job)?;
        }
    }
    while run.advance(usize::MAX)? {}
    let columns = run.finish()?;

    write(&comm, &source, &plan, &columns, Path::new(output))
}

/// Writes each rank's columns: as a rank may hold several, one after the other.
fn write(
    comm: &Comm,
    source: &Source,
    plan: &StreamPlan,
    columns: &[(usize, Vec<Spell>)],
    path: &Path,
) -> Result<()> {
    let (dims, name) = (&source.variable().dims[1..], "longest_spell");
    let mut schema = Schema::new();
    for dim in dims {
        schema.add_dim(&dim.name, dim.len)?;
    }
    let about = Attributes::new().with("long_name", "most steps in a row above the threshold");
    let names = dims.iter().map(|d| d.name.as_str());
    schema.add_variable(VariableSpec::data(name, names, DType::I32).attributes(about.with("units", "1")));
    let mut file = Output::create(comm, path, &schema)?;
    let mut most = [columns.len() as u64];
    comm.all_reduce(&mut most, Reduce::Max);
    for k in 0..most[0] as usize {
        let (mut ranges, mut values) = (vec![0..0; dims.len()], Vec::new());
        if let Some((column, spells)) = columns.get(k) {
            let tile = plan.tiling().tile(plan.tiling().at_place(*column, 0, &[Role::Time]));
            ranges = tile.block.ranges()[1..].to_vec();
            values = spells.iter().map(|s| s.longest as i32).collect();
        }
        file.write_block(name, &IndexBox::new(ranges), &Values::I32(values))?;
    }
    file.finish()
}
