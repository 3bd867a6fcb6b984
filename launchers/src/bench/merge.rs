//! What the ordered merge costs: the same folds over the same field, in memory or from a file, their
//! states merged along the tree and as they come, in turns.

use super::case::{parse_shape, Shape};
use crate::common::Verbosity;
use halocline_algorithms::statistics::{Groups, Missing, Op, Quantity, Reduction, Rules, Weights};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::{Demand, Engine, FoldBranch, NumbersMut, SharedRun, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::{memory, Error, Result};
use halocline_io::source::Selection;
use serde_json::json;
use std::time::Instant;

/// `halocline bench merge`.
#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// Of a field in memory: times, latitudes, longitudes
    #[arg(long, value_name = "T,Y,X", value_parser = parse_shape, required_unless_present = "input")]
    shape: Option<Shape>,
    /// Of a field that is read instead, as every command reads: a file
    #[arg(long, value_name = "FILE", requires = "var", conflicts_with = "shape")]
    input: Option<String>,
    /// Its variable: time first
    #[arg(long, value_name = "NAME", requires = "input")]
    var: Option<String>,
    /// How often each; the median counts
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Figures as JSON
    #[arg(long)]
    json: bool,
}

/// A field in memory: each step is a rotation of one map, so that reading it is a copy.
struct Made {
    variable: Variable,
    map: Vec<f32>,
}

impl Made {
    fn new(Shape([t, y, x]): &Shape) -> Self {
        let dims = vec![
            Dim::new("time", *t, Role::Time),
            Dim::new("lat", *y, Role::Y),
            Dim::new("lon", *x, Role::X),
        ];
        let variable = Variable { name: "x".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
        let mut map: Vec<f32> = memory::filled(y * x, 0.0);
        map.iter_mut().enumerate().for_each(|(i, v)| *v = (i * 7919 % 10_007) as f32);
        Self { variable, map }
    }
}

impl StreamSource for Made {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        true
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1, self.variable.dims[1].len, self.variable.dims[2].len]
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn reads_pieces(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F32(out) = out else { return Err(Error::internal("singles are asked for")) };
        let n = self.map.len();
        IndexBox::whole(&self.variable.shape()).for_each_run(block, |from, to, len| {
            let (mut from, mut to, mut left) = (from, to, len);
            while left > 0 {
                let (step, cell) = (from / n, from % n);
                let at = (cell + 7 * step) % n;
                let part = left.min(n - cell).min(n - at);
                out[to..to + part].copy_from_slice(&self.map[at..at + part]);
                (from, to, left) = (from + part, to + part, left - part);
            }
        });
        Ok(())
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &MergeArgs, verbosity: Verbosity) -> Result<()> {
    let source: Box<dyn StreamSource> = match (&args.shape, &args.input, &args.var) {
        (Some(shape), ..) => Box::new(Made::new(shape)),
        (_, Some(file), Some(var)) => {
            let dataset = halocline_io::dataset::open(comm, std::slice::from_ref(file))?;
            let source = dataset.source(comm, var, &Selection::default())?;
            comm.agree(source.needs_time())?;
            Box::new(source)
        }
        _ => return Err(Error::usage("bench merge needs a --shape, or an --input with a --var")),
    };
    let dims = source.variable().dims.clone();
    let t = dims[0].len;
    let cycle = (0..t as u32).map(|step| step % 12).collect();
    let cases = [
        ("mean", Groups::all(t), vec![Op::Mean]),
        ("mean and standard deviation", Groups::all(t), vec![Op::Mean, Op::Std]),
        ("monthly climatology", Groups::cycle(cycle, 12)?, vec![Op::Mean]),
    ];
    let mut told = Vec::new();
    for (name, groups, ops) in cases {
        let fold = Reduction::new(&dims, &[Role::Time], &ops, groups, Weights::default(), Vec::new())?;
        let (ordered, other) = measure(comm, &*source, &fold, args.rounds)?;
        verbosity.say(comm, || {
            format!(
                "{name}: ordered {ordered:.4} s, as they come {other:.4} s, {:+.1} %",
                (ordered / other - 1.0) * 1e2
            )
        });
        told.push(json!({ "fold": name, "ordered": ordered, "as_they_come": other }));
    }
    if args.json {
        let all = json!({ "ranks": comm.size(), "threads": rayon::current_num_threads(), "folds": told });
        comm.on_root(|| crate::info::print(&format!("{all}\n")))?;
    }
    Ok(())
}

/// Medians of the seconds that both take.
///
/// # Collective
/// Every rank calls this.
fn measure(comm: &Comm, source: &dyn StreamSource, fold: &Reduction, rounds: usize) -> Result<(f64, f64)> {
    let threads = rayon::current_num_threads();
    let demand = Demand { ranks: comm.size(), threads, room: None, parts: None };
    let plan = StreamPlan::new(source, fold, demand)?;
    let engine = Engine::new(comm);
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let once = |mut branch: FoldBranch<&Reduction>| -> Result<(f64, Vec<f64>)> {
        comm.barrier();
        let begun = Instant::now();
        let mut run = SharedRun::new(&engine, &[source], &plan, vec![branch.branch()])?;
        while run.advance(usize::MAX)? {}
        run.finish()?;
        // The slowest rank counts.
        let mut all = [begun.elapsed().as_micros() as u64];
        comm.all_reduce(&mut all, Reduce::Max);
        let mut columns = branch.take();
        columns.sort_by_key(|(column, _)| *column);
        let means = columns.iter().map(|(_, state)| fold.finish(state, Quantity::Mean, &rules));
        Ok((all[0] as f64 / 1e6, means.collect::<Result<Vec<_>>>()?.concat()))
    };
    let (mut ordered, mut unordered) = (Vec::new(), Vec::new());
    for round in 0..=rounds.max(1) {
        // In turns, each first as often as the other: whatever else the machine does hits both.
        let both = if round % 2 == 0 {
            let first = once(FoldBranch::new(fold))?;
            (first, once(FoldBranch::as_they_come(fold))?)
        } else {
            let first = once(FoldBranch::as_they_come(fold))?;
            (once(FoldBranch::new(fold))?, first)
        };
        // Only rounding may differ.
        let near =
            |(a, b): (&f64, &f64)| a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-10 * a.abs().max(1.0);
        let (a, b) = (&both.0 .1, &both.1 .1);
        let is_right = a.len() == b.len() && a.iter().zip(b).all(near);
        let other = || Error::internal("what came without order is not what came with it");
        comm.agree(if is_right { Ok(()) } else { Err(other()) })?;
        // The first round warms up.
        if round > 0 {
            ordered.push(both.0 .0);
            unordered.push(both.1 .0);
        }
    }
    Ok((median(ordered), median(unordered)))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
