//! Maps over data larger than memory: windows are read, changed in place and handed on: while one is
//! handed on, the next is changed, and the one after that read. Where threads can read by themselves,
//! each reads a few steps of the next and changes them.

use super::reading::{fetch, sized};
use super::{NumbersMut, StreamSource};
use crate::budget::bytes_text;
use crate::comm::{Comm, Stage};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;
use crate::meta::Values;
use crate::progress::{Phase, Progress};
use crate::rechunk::{common, cut, thickness};
use rayon::prelude::*;

/// Bytes of a window, where memory is plenty: enough chunks for all threads to finish.
const WINDOW: u64 = 32 << 20;
/// The same for each thread where chunks are not compressed: what is read, changed and written then
/// stays in a shared cache.
const PLAIN_WINDOW_PER_THREAD: u64 = 4 << 20;

/// Bytes that a thread reads and changes at once, where it may read by itself.
const PIECE: usize = 512 << 10;

/// Work on the cells of a step that needs no other step.
pub trait StreamMap: Sync {
    /// Fetches what the steps of a window need, before [`Self::apply`] is called for them.
    ///
    /// # Errors
    /// When it can't be had.
    fn prepare(&mut self, window: &IndexBox) -> Result<()>;
    /// Changes the cells of `block`, which is one step long, in place: C order, missing as NaN.
    ///
    /// # Errors
    /// When the data forbid it.
    fn apply(&self, block: &IndexBox, values: NumbersMut<'_>) -> Result<()>;
}

/// Which windows there are, and whose: window `w` is that of rank `w % ranks`, so that the
/// windows of a round lie side by side. The same on every rank.
#[derive(Debug, Clone)]
pub struct MapPlan {
    windows: Vec<IndexBox>,
    ranks: usize,
    estimate: u64,
}

impl MapPlan {
    /// Windows of `source` that are whole stored chunks, and whole chunks of what is written
    /// (`to`, one length per dimension), for so many ranks within `room` bytes on each.
    ///
    /// # Errors
    /// Memory, if the smallest window does not fit.
    pub fn new(
        source: &dyn StreamSource,
        to: &[usize],
        ranks: usize,
        threads: usize,
        room: u64,
    ) -> Result<Self> {
        Self::of(source, to, (ranks, threads), room, WINDOW)
    }

    /// [`Self::new`] where what is written is not compressed: smaller windows.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn uncompressed(
        source: &dyn StreamSource,
        to: &[usize],
        ranks: usize,
        threads: usize,
        room: u64,
    ) -> Result<Self> {
        let window = PLAIN_WINDOW_PER_THREAD.saturating_mul(threads as u64).min(WINDOW);
        Self::of(source, to, (ranks, threads), room, window)
    }

    /// Windows of `usual` bytes, about, where memory is plenty.
    fn of(
        source: &dyn StreamSource,
        to: &[usize],
        (ranks, threads): (usize, usize),
        room: u64,
        usual: u64,
    ) -> Result<Self> {
        let variable = source.variable();
        let shape = variable.shape();
        let element = if source.is_single() { 4 } else { 8 };
        let scratch = source.scratch_per_thread() * threads as u64;
        let whole = |a: &[usize]| -> u64 { a.iter().map(|&n| n as u64).product::<u64>() * element };
        let from = source.chunks();
        let both: Vec<usize> =
            (0..shape.len()).map(|d| common(from[d].max(1), to[d].max(1), shape[d].max(1))).collect();
        // One that is handed on, one that is changed, one that is read ahead, if any is.
        let copies = if source.reads_pieces() { 2 } else { 3 };
        let most = room.saturating_sub(scratch) / copies;
        let chunk = if whole(&both) <= most.max(WINDOW) { both } else { to.to_vec() };
        let least = whole(&chunk);
        if least > most {
            let needed = scratch + copies * least;
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "{} are needed to change values on their way from file to file ({} for the smallest window), {} are there",
                    bytes_text(needed), bytes_text(least), bytes_text(room)
                ),
            )
            .in_variable(&variable.name)
            .remedy("give more --memory, or store the data in smaller chunks (halocline rechunk)"));
        }
        let limit = (most.min(usual).max(least) / element) as usize;
        let windows = cut(&IndexBox::whole(&shape), &thickness(&shape, &chunk, limit));
        let largest = windows.iter().map(|w| w.len() as u64 * element).max().unwrap_or(0);
        Ok(Self { windows, ranks: ranks.max(1), estimate: scratch + copies * largest })
    }
    /// Bytes of memory that a rank needs.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }
    /// How many rounds there are, in each of which every rank has a window at most.
    pub fn rounds(&self) -> usize {
        self.windows.len().div_ceil(self.ranks)
    }
    fn window(&self, round: usize, rank: usize) -> Option<&IndexBox> {
        self.windows.get(round * self.ranks + rank)
    }
}

impl Engine {
    /// Reads all windows of `source`, has `map` change them, and hands them to `sink` on the
    /// calling thread, round by round, while the next are read and changed; in a round in which this
    /// rank has no window, an empty one. A buffer that `sink` gives back is used again.
    ///
    /// # Collective
    /// Every rank calls this with the same plan; `sink` is called equally often on all, and may
    /// communicate.
    ///
    /// # Errors
    /// What reading, the map or the sink reports, agreed by all ranks.
    pub fn map_through<M: StreamMap>(
        &self,
        source: &dyn StreamSource,
        plan: &MapPlan,
        map: &mut M,
        sink: &mut dyn FnMut(&IndexBox, Values) -> Result<Option<Values>>,
    ) -> Result<()> {
        let (comm, progress): (&Comm, &Progress) = (&self.comm, &self.progress);
        let _stage = comm.stage(Stage::Pass);
        let rank = comm.rank();
        let own = (0..plan.rounds()).filter(|&round| plan.window(round, rank).is_some()).count();
        progress.tiles_total.add(own as u64);
        let nothing = IndexBox::new(vec![0..0; source.variable().dims.len()]);
        let mut ahead: Option<Result<Values>> = None;
        let mut spare: Vec<Values> = Vec::new();
        // Changed, and to be handed on.
        let mut ready: Option<(&IndexBox, Values)> = None;
        let mut sink = |ready: Option<(&IndexBox, Values)>| -> Result<Option<Values>> {
            let Some((window, values)) = ready else { return Ok(None) };
            let back = sink(window, values)?;
            progress.tiles_done.add(u64::from(!window.is_empty()));
            Ok(back)
        };
        // Where threads may read what they change, each by itself, nothing is read ahead.
        let apart = source.reads_pieces();
        for round in 0..plan.rounds() {
            let window = plan.window(round, rank).unwrap_or(&nothing);
            if apart {
                let prepared = progress.phases.time(Phase::Read, || map.prepare(window));
                comm.agree(prepared)?;
                if let Some(later) = plan.window(round + 1, rank) {
                    source.prefetch(later);
                }
                let (map, mut values) = (&*map, room(source, window.len(), spare.pop()));
                let read = || read_and_change(source, map, progress, window, &mut values);
                let before = ready.take();
                let (changed, handed) = super::meanwhile(read, || sink(before));
                spare.extend(handed?);
                comm.agree(changed)?;
                ready = Some((window, values));
                continue;
            }
            let loaded = ahead.take().unwrap_or_else(|| {
                let buffer = room(source, window.len(), spare.pop());
                // In the pool, which this thread is not part of.
                rayon::join(|| read(source, progress, window, buffer), || ()).0
            });
            let prepared = loaded.and_then(|values| {
                let _timer = progress.phases.start(Phase::Read);
                map.prepare(window).map(|()| values)
            });
            let mut current = comm.agree(prepared)?;
            let next = plan.window(round + 1, rank);
            if let Some(later) = plan.window(round + 2, rank) {
                source.prefetch(later);
            }
            let buffer = next.map(|next| room(source, next.len(), spare.pop()));
            let (map, before) = (&*map, ready.take());
            let ((following, changed), handed) = super::meanwhile(
                || {
                    rayon::join(
                        || next.zip(buffer).map(|(next, buffer)| read(source, progress, next, buffer)),
                        || change(map, progress, window, &mut current),
                    )
                },
                || sink(before),
            );
            spare.extend(handed?);
            comm.agree(changed)?;
            ahead = following;
            ready = Some((window, current));
        }
        sink(ready).map(drop)
    }
}

/// A buffer, used before if there is one.
fn room(source: &dyn StreamSource, len: usize, spare: Option<Values>) -> Values {
    match (spare, source.is_single()) {
        (Some(Values::F32(v)), true) => Values::F32(sized(v, len)),
        (Some(Values::F64(v)), false) => Values::F64(sized(v, len)),
        (_, true) => Values::F32(sized(Vec::new(), len)),
        (_, false) => Values::F64(sized(Vec::new(), len)),
    }
}

fn read(
    source: &dyn StreamSource,
    progress: &Progress,
    window: &IndexBox,
    mut values: Values,
) -> Result<Values> {
    let _timer = progress.phases.start(Phase::Read);
    let out = match &mut values {
        Values::F32(v) => NumbersMut::F32(v),
        Values::F64(v) => NumbersMut::F64(v),
        _ => return Err(Error::internal("a window holds floats only")),
    };
    fetch(source, progress, window, out)?;
    Ok(values)
}

/// Reads a few steps of a window in each thread, and changes them while they are in its cache.
fn read_and_change<M: StreamMap>(
    source: &dyn StreamSource,
    map: &M,
    progress: &Progress,
    window: &IndexBox,
    values: &mut Values,
) -> Result<()> {
    if window.is_empty() {
        return Ok(());
    }
    let steps = window.range(0);
    let cells = window.len() / steps.len();
    let some = (PIECE / (cells * values.dtype().size()).max(1)).max(1);
    let block =
        |k: usize| window.with_range(0, steps.start + k * some..steps.end.min(steps.start + (k + 1) * some));
    let step = |k: usize| window.with_range(0, k..k + 1);
    macro_rules! pieces {
        ($values:expr, $mut:path) => {
            $values
                .par_chunks_mut(cells * some)
                .with_max_len(1)
                .enumerate()
                .map(|(k, values)| {
                    let block = block(k);
                    let reading = progress.phases.start(Phase::Read);
                    fetch(source, progress, &block, $mut(values))?;
                    drop(reading);
                    let _timer = progress.phases.start(Phase::Compute);
                    let mut maps = block.range(0).zip(values.chunks_mut(cells));
                    maps.try_for_each(|(k, values)| map.apply(&step(k), $mut(values)))
                })
                .collect()
        };
    }
    // The error of the first step, whichever thread is faster.
    let results: Vec<Result<()>> = match values {
        Values::F32(v) => pieces!(v, NumbersMut::F32),
        Values::F64(v) => pieces!(v, NumbersMut::F64),
        _ => vec![Err(Error::internal("a window holds floats only"))],
    };
    results.into_iter().collect()
}

/// Changes the steps of a window, in threads.
fn change<M: StreamMap>(map: &M, progress: &Progress, window: &IndexBox, values: &mut Values) -> Result<()> {
    if window.is_empty() {
        return Ok(());
    }
    let _timer = progress.phases.start(Phase::Compute);
    let steps = window.range(0);
    let cells = window.len() / steps.len();
    let step = |k: usize| window.with_range(0, steps.start + k..steps.start + k + 1);
    // The error of the first step, whichever thread is faster.
    let results: Vec<Result<()>> = match values {
        Values::F32(v) => v
            .par_chunks_mut(cells)
            .enumerate()
            .map(|(k, row)| map.apply(&step(k), NumbersMut::F32(row)))
            .collect(),
        Values::F64(v) => v
            .par_chunks_mut(cells)
            .enumerate()
            .map(|(k, row)| map.apply(&step(k), NumbersMut::F64(row)))
            .collect(),
        _ => vec![Err(Error::internal("a window holds floats only"))],
    };
    results.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;
    use crate::meta::{Attributes, DType, Dim, Role, Variable};
    use std::sync::Mutex;

    struct Counting {
        variable: Variable,
        chunks: Vec<usize>,
        fails: bool,
    }

    impl Counting {
        fn new(shape: [usize; 3], chunks: [usize; 3]) -> Self {
            let roles = [("time", Role::Time), ("lat", Role::Y), ("lon", Role::X)];
            let dims = roles.iter().zip(shape).map(|(&(name, role), n)| Dim::new(name, n, role)).collect();
            let variable =
                Variable { name: "v".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
            Self { variable, chunks: chunks.to_vec(), fails: false }
        }
    }

    impl StreamSource for Counting {
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
            false
        }
        fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
            if self.fails && block.range(0).contains(&5) {
                return Err(Error::data("a damaged chunk"));
            }
            let NumbersMut::F32(out) = out else { return Err(Error::internal("singles")) };
            IndexBox::whole(&self.variable.shape()).for_each_run(block, |place, at, n| {
                (0..n).for_each(|k| out[at + k] = (place + k) as f32);
            });
            Ok(())
        }
    }

    /// Adds the number of the step, known for those of the window only.
    #[derive(Default)]
    struct Steps(std::ops::Range<usize>);

    impl StreamMap for Steps {
        fn prepare(&mut self, window: &IndexBox) -> Result<()> {
            self.0 = window.range(0);
            Ok(())
        }
        fn apply(&self, block: &IndexBox, values: NumbersMut<'_>) -> Result<()> {
            let step = block.range(0).start;
            assert!(self.0.contains(&step) && block.range(0).len() == 1);
            if let NumbersMut::F32(values) = values {
                values.iter_mut().for_each(|v| *v += step as f32);
            }
            Ok(())
        }
    }

    #[test]
    fn all_cells_once_on_any_ranks() {
        for (shape, from, to) in [
            ([11, 4, 6], [1, 4, 6], [1, 4, 6]),
            ([11, 4, 6], [3, 2, 6], [2, 4, 3]),
            ([1, 1, 1], [1, 1, 1], [1, 1, 1]),
            ([7, 5, 3], [7, 1, 1], [1, 5, 3]),
        ] {
            for (ranks, room) in [(1, 1 << 30), (2, 1 << 20), (3, 600), (4, 1400)] {
                let source = Counting::new(shape, from);
                let Ok(plan) = MapPlan::new(&source, &to, ranks, 1, room) else {
                    assert!(room == 600 || room == 1400);
                    continue;
                };
                assert!(plan.estimate() <= room);
                let out = Mutex::new(vec![f32::NAN; shape.iter().product()]);
                run_threads(ranks, |comm| {
                    let engine = Engine::new(comm);
                    let mut rounds = 0;
                    let mut sink = |block: &IndexBox, given: Values| {
                        rounds += 1;
                        let Values::F32(values) = &given else { return Err(Error::internal("singles")) };
                        let mut out = out.lock().unwrap();
                        IndexBox::whole(&shape).for_each_run(block, |place, at, n| {
                            assert!(out[place..place + n].iter().all(|v| v.is_nan()), "written twice");
                            out[place..place + n].copy_from_slice(&values[at..at + n]);
                        });
                        // Some come back, some don't.
                        Ok((rounds % 2 == 0).then_some(given))
                    };
                    engine.map_through(&source, &plan, &mut Steps::default(), &mut sink).unwrap();
                    assert_eq!(rounds, plan.rounds());
                });
                let cells = shape[1] * shape[2];
                let out = out.into_inner().unwrap();
                assert!(out.iter().enumerate().all(|(k, &v)| v == (k + k / cells) as f32), "{out:?}");
            }
        }
    }

    #[test]
    fn what_one_rank_can_not_read_ends_all() {
        let mut source = Counting::new([12, 4, 6], [1, 4, 6]);
        source.fails = true;
        let plan = MapPlan::new(&source, &[1, 4, 6], 3, 1, 500).unwrap();
        let done = run_threads(3, |comm| {
            Engine::new(comm).map_through(&source, &plan, &mut Steps::default(), &mut |_, _| Ok(None))
        });
        assert!(done.iter().all(|d| d.as_ref().is_err_and(|e| e.exit_code() == 3)), "{done:?}");
        let error = MapPlan::new(&source, &[1, 4, 6], 3, 1, 100).unwrap_err();
        assert_eq!(error.exit_code(), 5);
    }
}
