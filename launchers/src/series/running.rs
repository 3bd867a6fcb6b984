//! Statistics that run along series, written as they are found.

use super::{plan, run};
use crate::asked::{name_of, Asked};
use crate::common::CompressArgs;
use crate::folding::{self, FoldJob};
use crate::{carry, cf};
use halocline_algorithms::statistics::{Missing, Op, Running};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// What to compute.
#[derive(Debug, Clone)]
pub(crate) struct RunningAsk {
    pub(crate) ops: Vec<Op>,
    /// Steps of a window.
    pub(crate) window: usize,
    pub(crate) missing: Missing,
    pub(crate) ddof: u32,
    /// Parts per dimension, by hand; one list fits all variables.
    pub(crate) parts: Option<Vec<usize>>,
    pub(crate) compress: CompressArgs,
}

impl RunningAsk {
    fn name_of(&self, variable: &str, op: Op) -> String {
        let all: Vec<Asked> = self.ops.iter().copied().map(Asked::Op).collect();
        name_of(&all, variable, Asked::Op(op))
    }
}

/// Bytes that writing may take on a rank, at most and at least.
pub(crate) const WRITING: (u64, u64) = (352 << 20, 16 << 20);
/// Cells and values of a stored chunk: neither maps nor series cost more than a few.
const CHUNK: (usize, usize) = (8 << 10, 128 << 10);

/// Bytes that writing results batch by batch may take: some of what the budget has.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn writing_bytes(job: &FoldJob<'_>) -> u64 {
    writing_of(job.budget.for_buffers(job.comm))
}

/// [`writing_bytes`] where so many bytes are there for buffers.
pub(crate) fn writing_of(room: u64) -> u64 {
    (room / 4).clamp(WRITING.1, WRITING.0)
}

/// Runs along all series of the variables and writes what comes of it to `output`, batch by
/// batch. `attributes` are the file's.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn running(
    job: &FoldJob<'_>,
    sources: &[(String, Source)],
    ask: &RunningAsk,
    files: &[PathBuf],
    (output, attributes): (&Path, Attributes),
) -> Result<WriteReport> {
    let blame = |e, name: &str| folding::blame(e, files.first(), name);
    let mut works = Vec::new();
    for (name, source) in sources {
        let work = Running::new(&ask.ops, ask.window, source.variable().dims[0].len);
        works.push(work.map_err(|e| blame(e, name))?.missing(ask.missing).ddof(ask.ddof));
    }
    // Plans come before the file, so that what does not fit leaves none behind.
    let writing = writing_bytes(job);
    let mut plans = Vec::new();
    for ((name, source), work) in sources.iter().zip(&works) {
        let planned = plan(job, name, source, work, ask.parts.as_deref(), writing);
        plans.push(planned.map_err(|e| blame(e, name))?);
    }
    let times: Vec<Coordinate> = sources.iter().map(|(_, source)| middles(source, ask.window)).collect();
    let mut schema = Schema { attributes, ..Schema::new() };
    if let Some(plan) = plans.first() {
        schema.attributes.set("halocline_tiling", plan.tiling().rule());
    }
    let mut pending = Vec::new();
    for ((_, source), time) in sources.iter().zip(&times) {
        pending.extend(schema.add_coordinate(time)?);
        pending.extend(carry::add_space(&mut schema, source)?);
    }
    for ((name, source), time) in sources.iter().zip(&times) {
        for &op in &ask.ops {
            schema.add_variable(spec(name, source, op, ask, time.values.len()));
        }
    }
    ask.compress.apply(&mut schema);
    let mut file = Output::create(job.comm, output, &schema)?;
    file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
    file.write_pending(&pending)?;
    for (((name, source), work), plan) in sources.iter().zip(&works).zip(&plans) {
        run(job, source, plan, work, &mut |mut results| {
            let block = results.block(work.windows());
            for (&op, values) in ask.ops.iter().zip(results.values.drain(..)) {
                let values = match op {
                    Op::Count => Values::I32(values.iter().map(|&n| n as i32).collect()),
                    _ => Values::F64(values),
                };
                let _timer = job.progress.phases.start(Phase::Write);
                file.write_block(&ask.name_of(name, op), &block, &values)?;
            }
            Ok(())
        })
        .map_err(|e| blame(e, name))?;
    }
    job.write(|| file.finish_with_report())
}

fn spec(name: &str, source: &Source, op: Op, ask: &RunningAsk, windows: usize) -> VariableSpec {
    let dims = &source.variable().dims;
    let shape: Vec<usize> = std::iter::once(windows).chain(dims.iter().skip(1).map(|d| d.len)).collect();
    let dtype = if op == Op::Count { DType::I32 } else { DType::F64 };
    VariableSpec::data(ask.name_of(name, op), dims.iter().map(|d| d.name.as_str()), dtype)
        .chunks(chunks(&shape))
        .attributes(attributes(source, name, op, ask.window))
}

/// Lengths of stored chunks of results along series: some rows by some steps, which batches of rows
/// fill as they come.
pub(crate) fn chunks(shape: &[usize]) -> Vec<usize> {
    let mut chunks = vec![1; shape.len()];
    let mut cells = 1;
    for d in (1..shape.len()).rev() {
        let len = shape[d].max(1);
        let most = (CHUNK.0 / cells).max(1);
        // Of about the same thickness.
        chunks[d] = if most >= len { len } else { len.div_ceil(len.div_ceil(most)) };
        cells *= chunks[d];
        if chunks[d] < len {
            break;
        }
    }
    chunks[0] = (CHUNK.1 / cells).clamp(1, shape[0].max(1));
    chunks
}

/// The time of each window: that of its middle step, or half way between its two middle ones;
/// its bounds are the ends of the first and the last step.
fn middles(source: &Source, window: usize) -> Coordinate {
    let times = source.time_coordinate();
    let values = times.values.to_f64();
    let windows = values.len() + 1 - window.clamp(1, values.len().max(1));
    let middle = |k: usize| carry::middle([values[k + (window - 1) / 2], values[k + window / 2]]);
    let of = source.spans();
    let spans = (0..windows).flat_map(|k| [of[k][0], of[k + window - 1][1]]).collect();
    let dim = Dim::new(times.variable.dims[0].name.clone(), windows, Role::Time);
    carry::times_like(times, vec![dim], (0..windows).map(middle).collect(), spans)
}

fn attributes(source: &Source, name: &str, op: Op, window: usize) -> Attributes {
    let mut attributes = carry::attributes(source);
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    carry::refer_to_space(&mut attributes, source);
    let quantity = op.quantities()[0];
    let Some(method) = cf::method(quantity) else {
        let mut count = Attributes::new()
            .with(
                "long_name",
                format!("number of times in a window of {window} at which {long_name} is not missing"),
            )
            .with("units", "1");
        carry::refer_to_space(&mut count, source);
        return count;
    };
    cf::set_units(&mut attributes, quantity);
    let dim = &source.variable().dims[0].name;
    let earlier =
        source.variable().attributes.text("cell_methods").map_or_else(String::new, |m| format!("{m} "));
    attributes.set("cell_methods", format!("{earlier}{dim}: {method} (running over {window} steps)"));
    attributes
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn chunks_are_bands_of_some_steps() {
        assert_eq!(chunks(&[1196, 360, 720]), [16, 11, 720]);
        assert_eq!(chunks(&[100, 5, 89, 180]), [16, 1, 45, 180]);
        assert_eq!(chunks(&[10, 4]), [10, 4]);
        assert_eq!(chunks(&[7]), [7]);
        assert_eq!(chunks(&[1, 100_000]), [1, 7693]);
    }
}
