use super::*;
use crate::comm::run_threads;
use crate::engine::piece::Numbers;
use crate::engine::stream::{Demand, NumbersMut, Sharing, StreamSource};
use crate::engine::Engine;
use crate::meta::{Attributes, DType, Dim, Role, Variable};
use crate::{Error, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers made up from their place; stored in chunks that only look so.
pub(super) struct Made {
    pub(super) variable: Variable,
    pub(super) chunks: Vec<usize>,
    pub(super) divisible: bool,
    /// Whether threads read what they work on.
    pub(super) pieces: bool,
    pub(super) single: bool,
    pub(super) fail_at: Option<usize>,
    pub(super) read: AtomicUsize,
}

pub(super) fn value(at: &[usize]) -> f64 {
    let mixed = at.iter().fold(7usize, |m, &i| (m * 31 + i) * 7919 % 10_007);
    f64::from((mixed as f64 * 1.1e-3 + 250.0) as f32)
}

impl Made {
    pub(super) fn new(shape: &[usize], chunks: &[usize], divisible: bool) -> Self {
        let roles = match shape.len() {
            3 => vec![Role::Time, Role::Y, Role::X],
            n => [Role::Time, Role::Level, Role::Y, Role::X][..n].to_vec(),
        };
        let dims = roles.iter().zip(shape).map(|(&r, &n)| Dim::new(format!("{r:?}"), n, r)).collect();
        let variable =
            Variable { name: "made".into(), dims, dtype: DType::F32, attributes: Attributes::new() };
        let (chunks, read) = (chunks.to_vec(), AtomicUsize::new(0));
        Self { variable, chunks, divisible, pieces: false, single: true, fail_at: None, read }
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
    fn reads_pieces(&self) -> bool {
        self.pieces
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        self.read.fetch_add(block.len(), Ordering::Relaxed);
        if self.fail_at.is_some_and(|t| block.range(0).contains(&t)) {
            return Err(Error::data("this time is bad"));
        }
        let shape = block.shape();
        let at = |i: usize| {
            let (mut rest, mut at) = (i, block.start());
            for d in (0..shape.len()).rev() {
                at[d] += rest % shape[d];
                rest /= shape[d];
            }
            value(&at)
        };
        match out {
            NumbersMut::F32(out) => out.iter_mut().enumerate().for_each(|(i, o)| *o = at(i) as f32),
            NumbersMut::F64(out) => out.iter_mut().enumerate().for_each(|(i, o)| *o = at(i)),
        }
        Ok(())
    }
}

/// The sum in the order of time, and every difference of neighbours: as long as the input.
struct Work {
    steps: usize,
}

impl SeriesWork for Work {
    fn rows(&self) -> Vec<usize> {
        vec![1, self.steps - 1]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        assert_eq!(series.steps(), 0..self.steps);
        for cell in 0..series.cells() {
            let at = |t: usize| match series.step(t) {
                Numbers::F32(v) => f64::from(v[cell]),
                Numbers::F64(v) => v[cell],
            };
            results[0][0][cell] = (0..self.steps).fold(0.0, |s, t| s + at(t) * 1.000_000_1);
            for t in 1..self.steps {
                results[1][t - 1][cell] = at(t) - at(t - 1);
            }
        }
        Ok(())
    }
}

/// Everything, put together from the batches of all ranks; values read; whether exchanged.
fn run(
    make: &(dyn Fn() -> Made + Sync),
    ranks: usize,
    room: Option<u64>,
) -> Result<(Vec<Vec<f64>>, usize, SeriesPlan)> {
    let all = run_threads(ranks, |comm| {
        let source = make();
        let steps = source.variable.dims[0].len;
        let work = Work { steps };
        let demand = Demand { ranks, threads: 2, room, parts: None };
        let plan = SeriesPlan::new(&source, &work, demand)?;
        let shape = source.variable.shape();
        let with_rows = |rows: usize| [&[rows], &shape[1..]].concat();
        let whole: Vec<IndexBox> =
            work.rows().iter().map(|&rows| IndexBox::whole(&with_rows(rows))).collect();
        let mut maps: Vec<Vec<f64>> = whole.iter().map(|w| vec![f64::NAN; w.len()]).collect();
        let mut batches = 0;
        Engine::new(comm).series(&source, &plan, &work, &mut |results| {
            batches += 1;
            for (r, &rows) in work.rows().iter().enumerate() {
                let block = results.block(rows);
                assert_eq!(block.len(), results.values[r].len());
                let mut cells = 0;
                whole[r].for_each_run(&block, |at, from, n| {
                    // No cell is handed on twice.
                    assert!(maps[r][at..at + n].iter().all(|v| v.is_nan()));
                    maps[r][at..at + n].copy_from_slice(&results.values[r][from..from + n]);
                    cells += n;
                });
                assert_eq!(cells, block.len());
            }
            Ok(())
        })?;
        assert_eq!(batches, plan.batches());
        Ok((maps, source.read.load(Ordering::Relaxed), plan))
    });
    let mut all = all.into_iter().collect::<Result<Vec<_>>>()?;
    let (mut maps, mut read, plan) = all.remove(0);
    for (others, more, _) in all {
        read += more;
        for (map, other) in maps.iter_mut().zip(others) {
            for (a, b) in map.iter_mut().zip(other) {
                assert!(a.is_nan() || b.is_nan(), "two ranks have the same cell");
                *a = if a.is_nan() { b } else { *a };
            }
        }
    }
    Ok((maps, read, plan))
}

#[test]
fn the_same_bits_whatever_is_in_memory() {
    let shapes: [(&[usize], &[usize]); 8] = [
        (&[40, 37, 53], &[1, 37, 53]),
        (&[40, 37, 53], &[7, 10, 20]),
        (&[40, 37, 53], &[40, 5, 53]),
        (&[13, 3, 11, 30], &[1, 1, 11, 30]),
        (&[13, 3, 11, 30], &[5, 2, 4, 7]),
        (&[9, 41], &[2, 41]),
        (&[50], &[8]),
        (&[3, 1, 1], &[1, 1, 1]),
    ];
    let mut apart = 0;
    for (shape, chunks) in shapes {
        let steps = shape[0];
        let cells: usize = shape[1..].iter().product();
        let (expected, _, _) = run(&|| Made::new(shape, chunks, true), 1, None).unwrap();
        assert!(expected.iter().flatten().all(|v| v.is_finite()));
        // By hand, of one cell.
        let last: Vec<usize> = shape[1..].iter().map(|n| n - 1).collect();
        let at = |t: usize| value(&[&[t], &last[..]].concat());
        let sum = (0..steps).fold(0.0, |s, t| s + at(t) * 1.000_000_1);
        assert_eq!(expected[0][cells - 1].to_bits(), sum.to_bits(), "{shape:?}");
        assert_eq!(expected[1][cells - 1], at(1) - at(0));
        for (divisible, pieces) in [(true, false), (true, true), (false, false)] {
            for single in [true, false] {
                for ranks in 1..=4 {
                    for part in [1, 3, 10, 1000] {
                        let size = if single { 4 } else { 8 };
                        let bytes = steps * cells * (size + 9);
                        let room = (part > 1).then(|| (bytes / part) as u64);
                        let make = || Made { pieces, single, ..Made::new(shape, chunks, divisible) };
                        match run(&make, ranks, room) {
                            Ok((maps, read, plan)) => {
                                assert!(maps == expected, "{shape:?} {chunks:?} {divisible} {ranks} {part}");
                                apart += usize::from(plan.apart.is_some());
                                assert!(room.is_none_or(|room| plan.estimate() <= room));
                                if divisible || part == 1 {
                                    assert_eq!(read, steps * cells, "read once: {shape:?} {ranks} {part}");
                                }
                            }
                            Err(e) => assert!(e.kind == ErrorKind::Memory && part > 1, "{e}"),
                        }
                    }
                }
            }
        }
    }
    assert!(apart > 0);
}

#[test]
fn maps_that_can_not_be_divided_are_decoded_by_one_rank_a_pass() {
    let make = || Made::new(&[40, 64, 300], &[1, 64, 300], false);
    for ranks in 1..=4 {
        for batches in [1, 4] {
            let all = 40 * 64 * 300 * (4 + 9);
            let room = (all / batches / ranks * 13 / 10 + 300_000) as u64;
            let (maps, read, plan) = run(&make, ranks, Some(room)).unwrap();
            assert_eq!(plan.sharing() == Sharing::Exchanged, ranks > 1);
            assert_eq!(plan.passes(), plan.batches());
            assert!(
                if batches == 1 { plan.passes() == 1 } else { (2..=5).contains(&plan.passes()) },
                "{}",
                plan.describe()
            );
            // Every value of a pass is asked for once.
            assert_eq!(read, 40 * 64 * 300);
            assert!(maps.iter().flatten().all(|v| v.is_finite()));
            let named = plan.describe().contains(&format!("in {} passes", plan.passes()));
            assert_eq!(named, plan.passes() > 1, "{}", plan.describe());
        }
    }
}

#[test]
fn chunks_of_series_stay_whole() {
    let make = || Made::new(&[40, 60, 60], &[40, 10, 10], false);
    for ranks in 1..=4 {
        let (_, read, plan) = run(&make, ranks, Some(40 * 60 * 60 * 14 / 3)).unwrap();
        assert!(plan.batches() == 1 || plan.describe().ends_with("read one ahead"), "{}", plan.describe());
        assert_eq!((plan.sharing(), plan.passes(), read), (Sharing::Own, 1, 40 * 60 * 60), "{ranks}");
    }
}

#[test]
fn errors_reach_every_rank() {
    // The second is too much for threads to hold, and read by those that work on it.
    for (steps, divisible, pieces) in [(400, true, false), (2400, true, true), (400, false, false)] {
        let make =
            || Made { pieces, fail_at: Some(39), ..Made::new(&[steps, 370, 53], &[1, 370, 53], divisible) };
        let demand = Demand { ranks: 3, threads: 2, room: None, parts: None };
        let plan = SeriesPlan::new(&make(), &Work { steps }, demand).unwrap();
        assert_eq!(plan.apart.is_some(), pieces, "{}", plan.describe());
        let error = run(&make, 3, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
    }
    let make = || Made::new(&[4000, 37, 53], &[1, 37, 53], true);
    let error = run(&make, 2, Some(1000)).unwrap_err();
    assert!(error.kind == ErrorKind::Memory && error.to_string().contains("all 4000 steps"), "{error}");
    let plan = |parts: &[usize]| {
        let demand = Demand { ranks: 2, threads: 1, room: None, parts: Some(parts) };
        SeriesPlan::new(&Made::new(&[4, 6, 6], &[1, 6, 6], true), &Work { steps: 4 }, demand)
    };
    assert_eq!(plan(&[2, 1, 1]).unwrap_err().kind, ErrorKind::Usage);
    let by_hand = plan(&[1, 1, 2]).unwrap();
    assert_eq!(by_hand.deal(&IndexBox::whole(&[4, 6, 6])).unwrap().parts(), [1, 1, 2]);
}

#[test]
fn plenty_of_memory_is_not_all_taken() {
    let plan = |divisible: bool| {
        let source = Made::new(&[1200, 360, 720], &[1, 360, 720], divisible);
        let demand = Demand { ranks: 1, threads: 2, room: Some(1 << 40), parts: None };
        SeriesPlan::new(&source, &Work { steps: 1 }, demand).unwrap()
    };
    let (parts, whole) = (plan(true), plan(false));
    assert_eq!((parts.batches(), parts.passes(), whole.batches(), whole.passes()), (4, 1, 1, 1));
    assert!(parts.describe().ends_with("read one ahead") && parts.estimate() < 700_000_000);
    assert!(whole.estimate() >= 1_244_160_000);
}

#[test]
fn threads_hold_what_they_work_on() {
    let source = Made { pieces: true, ..Made::new(&[1200, 360, 720], &[1, 360, 720], true) };
    let plan = |threads: usize, room: u64| {
        let demand = Demand { ranks: 1, threads, room: Some(room), parts: None };
        SeriesPlan::new(&source, &Work { steps: 1 }, demand).unwrap()
    };
    for (threads, room) in [(2, 1 << 40), (2, 100 << 20), (16, 1 << 40)] {
        let plan = plan(threads, room);
        assert!(plan.apart.is_some() && plan.batches() > 1, "{}", plan.describe());
        assert!(plan.describe().ends_with("a few of them in memory at once"), "{}", plan.describe());
        assert!(plan.estimate() < room.min(threads as u64 * 20_000_000 + 10_000_000), "{}", plan.estimate());
    }
    // Less than a thread each may hold: all of it is read.
    let small = Made { pieces: true, ..Made::new(&[1200, 72, 72], &[1, 72, 72], true) };
    let demand = Demand { ranks: 1, threads: 2, room: Some(1 << 40), parts: None };
    let whole = SeriesPlan::new(&small, &Work { steps: 1 }, demand).unwrap();
    assert!(whole.apart.is_none() && whole.batches() == 1, "{}", whole.describe());
    // Too little for all threads, and for one.
    assert!(plan(64, 64 << 20).apart.is_none());
    // Several passes: what fits is kept.
    let source = Made { pieces: true, ..Made::new(&[120, 360, 720], &[1, 360, 720], true) };
    for (room, stays) in [(1 << 30, true), (40_000_000, false)] {
        let demand = Demand { ranks: 1, threads: 2, room: Some(room), parts: None };
        let plan = SeriesPlan::new(&source, &Work { steps: 1 }, demand).unwrap();
        let kept = plan.clone().keeping();
        assert!(plan.apart.is_some() && plan.estimate() < 40_000_000);
        assert_eq!((kept.kept.is_some(), kept.apart.is_none()), (stays, stays));
        assert_eq!(kept.estimate() > 124_000_000, stays);
    }
}
