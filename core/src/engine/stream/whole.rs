//! Work on whole maps of one or several variables in lockstep: windows that hold all horizontal
//! cells of some times and levels are read, worked on, and what comes of them is handed on, the
//! next window being read meanwhile.

mod apart;
mod levels;

use super::reading::fetch;
use super::{common_chunks, element, same_shapes, sized, NumbersMut, StreamSource};
use crate::budget::bytes_text;
use crate::comm::{Comm, Stage};
use crate::engine::{Engine, Numbers};
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;
use crate::meta::{Role, Values};
use crate::progress::{Phase, Progress};
use crate::rechunk::{cut, thickness};

/// Bytes of a window, where memory is plenty.
const WINDOW: u64 = 32 << 20;
/// The same for each thread where parts of what is stored can be read without the rest: smaller, so
/// that values stay in a shared cache, and little memory is touched for the first time.
const PLAIN_WINDOW_PER_THREAD: u64 = 4 << 20;

/// What work on whole maps takes, beside the windows that are read.
#[derive(Debug, Clone, Copy)]
pub struct WholeNeeds {
    /// Bytes that are made of a map of all sources, until they are written.
    pub made: u64,
    /// Other bytes.
    pub fixed: u64,
}

/// Which windows of whole maps there are, and whose: window `w` is that of rank `w % ranks`. The
/// same on every rank.
#[derive(Debug, Clone)]
pub struct WholePlan {
    windows: Vec<IndexBox>,
    pub(super) ranks: usize,
    /// Whether threads may read the maps that they work on, each by itself.
    pub(super) pieces: bool,
    /// Whether the times of a level are to be worked on in their order.
    in_order: bool,
    estimate: u64,
}

impl WholePlan {
    /// Windows of `sources`, of the same shape, for so many ranks within `room` bytes on each: whole
    /// stored chunks in time where memory allows, a map at least.
    ///
    /// # Errors
    /// Data, if shapes differ; memory, if not even one map fits.
    pub fn new(
        sources: &[&dyn StreamSource],
        ranks_and_threads: (usize, usize),
        room: u64,
        needs: WholeNeeds,
    ) -> Result<Self> {
        Self::of(sources, ranks_and_threads, room, needs, (&[Role::Y, Role::X], PLAIN_WINDOW_PER_THREAD))
    }

    /// As [`Self::new`], for [`Engine::maps_apart`]: where threads read maps for themselves none holds a
    /// whole window, and the larger it is, the less they wait for each other at its end.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn apart(
        sources: &[&dyn StreamSource],
        ranks_and_threads: (usize, usize),
        room: u64,
        needs: WholeNeeds,
    ) -> Result<Self> {
        Self::of(sources, ranks_and_threads, room, needs, (&[Role::Y, Role::X], WINDOW))
    }

    /// As [`Self::new`], of all that belongs to a time: columns are whole too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn columns(
        sources: &[&dyn StreamSource],
        ranks_and_threads: (usize, usize),
        room: u64,
        needs: WholeNeeds,
    ) -> Result<Self> {
        let kept = &[Role::Level, Role::Y, Role::X];
        Self::of(sources, ranks_and_threads, room, needs, (kept, PLAIN_WINDOW_PER_THREAD))
    }

    fn of(
        sources: &[&dyn StreamSource],
        (ranks, threads): (usize, usize),
        room: u64,
        needs: WholeNeeds,
        (kept, plain): (&[Role], u64),
    ) -> Result<Self> {
        same_shapes(sources)?;
        let Some(first) = sources.first() else { return Err(Error::internal("no source of maps")) };
        let (variable, ranks) = (first.variable(), ranks.max(1));
        let shape = variable.shape();
        let is_horizontal = |d: usize| kept.contains(&variable.dims[d].role);
        let cells: usize = (0..shape.len()).filter(|&d| is_horizontal(d)).map(|d| shape[d]).product();
        let map_bytes = element(sources) * cells as u64;
        let scratch = sources.iter().map(|s| s.scratch_per_thread()).max().unwrap_or(0) * threads as u64;
        let fixed = scratch.saturating_add(needs.fixed);
        // One window that is worked on, one that is read ahead, what is made of the first, and what was
        // made of the one before.
        let each = (2 * map_bytes).saturating_add(2 * needs.made);
        let most = room.saturating_sub(fixed) / each.max(1);
        if most == 0 {
            let what = if kept.contains(&Role::Level) { "all levels of one time" } else { "one whole map" };
            return Err(too_little(what, (fixed.saturating_add(each), room), &variable.name));
        }
        let maps: usize = (0..shape.len()).filter(|&d| !is_horizontal(d)).map(|d| shape[d]).product();
        // So many that every rank gets some.
        let fair = maps.div_ceil(2 * ranks).max(1) as u64;
        let usual = if sources.iter().all(|s| s.is_divisible()) {
            plain.saturating_mul(threads.max(1) as u64).min(WINDOW)
        } else {
            WINDOW
        };
        // A map for each thread at least.
        let wanted =
            (usual / map_bytes.max(1)).max(threads.max(1) as u64).min((WINDOW / map_bytes.max(1)).max(1));
        let wanted = wanted.min(fair).min(most);
        let whole = |chunk: &[usize]| -> Vec<usize> {
            let of = |d: usize| {
                if is_horizontal(d) {
                    shape[d].max(1)
                } else {
                    chunk[d].max(1).min(shape[d].max(1))
                }
            };
            (0..shape.len()).map(of).collect()
        };
        let in_maps = |chunk: &[usize]| chunk.iter().product::<usize>() as u64 / (cells as u64).max(1);
        let (own, common) = common_chunks(sources);
        let fits = |chunk: &Vec<usize>| in_maps(chunk) <= most.min(wanted.max(WINDOW / map_bytes.max(1)));
        let chunk = [whole(&common), whole(&own)].into_iter().find(fits);
        // Chunks that are longer than a window are decoded again for each: as few as memory allows.
        let wanted = if chunk.is_some() { wanted } else { most };
        let chunk = chunk.unwrap_or_else(|| whole(&vec![1; shape.len()]));
        let windows =
            cut(&IndexBox::whole(&shape), &thickness(&shape, &chunk, wanted as usize * cells.max(1)));
        let largest = windows.iter().map(|w| (w.len() / cells.max(1)) as u64).max().unwrap_or(0);
        let estimate = fixed + largest * each;
        Ok(Self { windows, ranks, pieces: false, in_order: false, estimate }.read_apart(sources, threads))
    }
    /// Bytes of memory that a rank needs.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }
    pub(super) fn rounds(&self) -> usize {
        self.windows.len().div_ceil(self.ranks)
    }
    pub(super) fn window(&self, round: usize, rank: usize) -> Option<&IndexBox> {
        self.windows.get(round * self.ranks + rank).filter(|window| !window.is_empty())
    }
}

fn too_little(what: &str, (needed, room): (u64, u64), variable: &str) -> Error {
    let text = format!(
        "{} are needed to work on {what} at a time, {} are there",
        bytes_text(needed),
        bytes_text(room)
    );
    Error::new(ErrorKind::Memory, text).in_variable(variable).remedy("give more --memory")
}

impl Engine {
    /// Reads all windows of `sources`, does `work` with the values of each (C order, missing as NaN,
    /// of one source after the other) in the threads of the pool, and hands what comes of it to
    /// `sink` on the calling thread, round by round, while the next is worked on; in a round in which
    /// this rank has no window, an empty one with what `work` makes of that, no values.
    ///
    /// # Collective
    /// Every rank calls this with the same plan; `sink` is called equally often on all, and may
    /// communicate.
    ///
    /// # Errors
    /// What reading, the work or the sink reports, agreed by all ranks.
    pub fn whole_maps<R: Send>(
        &self,
        sources: &[&dyn StreamSource],
        plan: &WholePlan,
        work: &(dyn Fn(&IndexBox, &[Numbers<'_>]) -> Result<R> + Sync),
        sink: &mut dyn FnMut(&IndexBox, R) -> Result<()>,
    ) -> Result<()> {
        let (comm, progress): (&Comm, &Progress) = (&self.comm, &self.progress);
        let _stage = comm.stage(Stage::Pass);
        let rank = comm.rank();
        let own = (0..plan.rounds()).filter(|&round| plan.window(round, rank).is_some()).count();
        progress.tiles_total.add(own as u64);
        let dims = sources.first().map_or(0, |s| s.variable().dims.len());
        let nothing = IndexBox::new(vec![0..0; dims]);
        let mut ahead: Option<Result<Vec<Values>>> = None;
        let mut spare: Vec<Values> = Vec::new();
        // Made, and to be handed on.
        let mut ready: Option<(&IndexBox, R)> = None;
        let mut sink = |ready: Option<(&IndexBox, R)>| -> Result<()> {
            let Some((window, made)) = ready else { return Ok(()) };
            sink(window, made)?;
            progress.tiles_done.add(u64::from(!window.is_empty()));
            Ok(())
        };
        for round in 0..plan.rounds() {
            let window = plan.window(round, rank).unwrap_or(&nothing);
            let loaded = ahead.take().unwrap_or_else(|| {
                let buffers = std::mem::take(&mut spare);
                // In the pool, which this thread is not part of.
                rayon::join(|| read(sources, progress, window, buffers), || ()).0
            });
            let current = comm.agree(loaded)?;
            let next = plan.window(round + 1, rank);
            if let Some(later) = plan.window(round + 2, rank) {
                sources.iter().for_each(|source| source.prefetch(later));
            }
            let buffers = std::mem::take(&mut spare);
            let ((following, made), handed) = super::meanwhile(
                || {
                    rayon::join(
                        || next.map(|next| read(sources, progress, next, buffers)),
                        || {
                            let _timer = progress.phases.start(Phase::Compute);
                            let numbers: Vec<Numbers<'_>> = current.iter().filter_map(numbers).collect();
                            work(window, &numbers)
                        },
                    )
                },
                || sink(ready.take()),
            );
            handed?;
            ready = Some((window, comm.agree(made)?));
            ahead = following;
            spare = current;
        }
        sink(ready)
    }
}

fn numbers(values: &Values) -> Option<Numbers<'_>> {
    match values {
        Values::F32(v) => Some(Numbers::F32(v)),
        Values::F64(v) => Some(Numbers::F64(v)),
        _ => None,
    }
}

fn read(
    sources: &[&dyn StreamSource],
    progress: &Progress,
    window: &IndexBox,
    spare: Vec<Values>,
) -> Result<Vec<Values>> {
    let _timer = progress.phases.start(Phase::Read);
    let mut spare = spare.into_iter();
    let mut all = Vec::with_capacity(sources.len());
    for source in sources {
        let len = window.len();
        let mut values = match (spare.next(), source.is_single()) {
            (Some(Values::F32(v)), true) => Values::F32(sized(v, len)),
            (Some(Values::F64(v)), false) => Values::F64(sized(v, len)),
            (_, true) => Values::F32(sized(Vec::new(), len)),
            (_, false) => Values::F64(sized(Vec::new(), len)),
        };
        let out = match &mut values {
            Values::F32(v) => NumbersMut::F32(v),
            Values::F64(v) => NumbersMut::F64(v),
            _ => return Err(Error::internal("a window holds floats only")),
        };
        fetch(*source, progress, window, out).map_err(|e| e.in_variable(&source.variable().name))?;
        all.push(values);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;
    use crate::meta::{Attributes, DType, Dim, Variable};
    use std::sync::Mutex;

    /// Values that count the cells, from a number on.
    struct Counting(Variable, Vec<usize>, f64);

    impl Counting {
        fn new(shape: [usize; 4], chunks: [usize; 4], from: f64) -> Self {
            let roles = [("time", Role::Time), ("lev", Role::Level), ("lat", Role::Y), ("lon", Role::X)];
            let dims = roles.iter().zip(shape).map(|(&(name, role), n)| Dim::new(name, n, role)).collect();
            let variable =
                Variable { name: "v".into(), dims, dtype: DType::F64, attributes: Attributes::new() };
            Self(variable, chunks.to_vec(), from)
        }
    }

    impl StreamSource for Counting {
        fn variable(&self) -> &Variable {
            &self.0
        }
        fn is_single(&self) -> bool {
            false
        }
        fn chunks(&self) -> Vec<usize> {
            self.1.clone()
        }
        fn is_divisible(&self) -> bool {
            false
        }
        fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
            let NumbersMut::F64(out) = out else { return Err(Error::internal("doubles")) };
            IndexBox::whole(&self.0.shape()).for_each_run(block, |place, at, n| {
                (0..n).for_each(|k| out[at + k] = self.2 + (place + k) as f64);
            });
            Ok(())
        }
    }

    #[test]
    fn all_maps_once_on_any_ranks() {
        for (shape, one, two) in [
            ([5, 3, 2, 4], [1, 1, 2, 4], [2, 3, 1, 4]),
            ([7, 1, 3, 2], [7, 1, 1, 1], [1, 1, 3, 2]),
            ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]),
        ] {
            for (ranks, room) in [(1, 1 << 30), (2, 2000), (3, 700), (4, 1 << 20)] {
                let sources = [Counting::new(shape, one, 0.0), Counting::new(shape, two, 0.5)];
                let all: Vec<&dyn StreamSource> = sources.iter().map(|s| s as &dyn StreamSource).collect();
                let needs = WholeNeeds { made: 64, fixed: 10 };
                let plan = WholePlan::new(&all, (ranks, 1), room, needs).expect("a plan");
                assert!(plan.estimate() <= room);
                let seen = Mutex::new(vec![0u32; shape.iter().product()]);
                run_threads(ranks, |comm| {
                    let work = |window: &IndexBox, values: &[Numbers<'_>]| {
                        let [Numbers::F64(a), Numbers::F64(b)] = values else {
                            return Err(Error::internal("two of doubles"));
                        };
                        assert_eq!((a.len(), b.len()), (window.len(), window.len()));
                        assert!(a.iter().zip(*b).all(|(a, b)| b - a == 0.5));
                        Ok(a.to_vec())
                    };
                    Engine::new(comm)
                        .whole_maps(&all, &plan, &work, &mut |_, values| {
                            comm.barrier();
                            let mut seen = seen.lock().expect("no panic");
                            values.iter().for_each(|v| seen[*v as usize] += 1);
                            Ok(())
                        })
                        .expect("runs");
                });
                assert!(seen.lock().expect("no panic").iter().all(|n| *n == 1), "{shape:?} on {ranks}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_or_match_is_refused() {
        let a = Counting::new([5, 3, 2, 4], [1, 1, 2, 4], 0.0);
        let b = Counting::new([5, 3, 2, 5], [1, 1, 2, 5], 0.0);
        let needs = WholeNeeds { made: 64, fixed: 10 };
        let e = WholePlan::new(&[&a], (1, 1), 100, needs).expect_err("too little").to_string();
        assert!(e.contains("one whole map"), "{e}");
        assert!(WholePlan::new(&[&a, &b], (1, 1), 1 << 20, needs).is_err());
        let plan = WholePlan::new(&[&a], (3, 1), 1 << 20, needs).expect("a plan");
        let errors = run_threads(3, |comm| {
            let work = |window: &IndexBox, _: &[Numbers<'_>]| {
                if window.range(0).contains(&4) {
                    return Err(Error::data("a bad map"));
                }
                Ok(())
            };
            Engine::new(comm).whole_maps(&[&a], &plan, &work, &mut |_, ()| Ok(())).expect_err("fails").message
        });
        assert!(errors.iter().all(|e| e == "a bad map"), "{errors:?}");
    }
}
