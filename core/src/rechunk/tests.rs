use super::*;
use crate::budget::MemoryBudget;
use crate::comm::{run_threads, Comm};
use crate::Error;
use std::sync::Mutex;

/// A variable whose values are their places in C order.
struct Counting<'a> {
    shape: &'a [usize],
    /// How often each value was read, over all ranks.
    read: &'a Mutex<Vec<u8>>,
    fails_at: Option<usize>,
}

impl Source for Counting<'_> {
    fn read(&mut self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        assert_eq!(out.len(), block.len() * 4);
        let mut read = self.read.lock().unwrap();
        IndexBox::whole(self.shape).for_each_run(block, |place, at, n| {
            for k in 0..n {
                read[place + k] += 1;
                out[4 * (at + k)..4 * (at + k) + 4].copy_from_slice(&((place + k) as u32).to_ne_bytes());
            }
        });
        match self.fails_at {
            Some(place) if read[place] > 0 => Err(Error::data("a damaged chunk")),
            _ => Ok(()),
        }
    }
}

struct Collecting<'a> {
    shape: &'a [usize],
    to: &'a [usize],
    out: &'a Mutex<Vec<u32>>,
}

impl Sink for Collecting<'_> {
    fn write(&mut self, chunks: &[IndexBox], bytes: &mut Vec<u8>) -> Result<()> {
        let mut out = self.out.lock().unwrap();
        let mut at = 0;
        for chunk in chunks {
            for (range, (&step, &len)) in chunk.ranges().iter().zip(self.to.iter().zip(self.shape)) {
                assert!(range.start % step == 0 && (range.end % step == 0 || range.end == len), "{chunk:?}");
            }
            let values: Vec<u32> = bytes[at..at + 4 * chunk.len()]
                .chunks_exact(4)
                .map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            at += 4 * chunk.len();
            IndexBox::whole(self.shape).for_each_run(chunk, |place, from, n| {
                assert!(out[place..place + n].iter().all(|&v| v == u32::MAX), "written twice");
                out[place..place + n].copy_from_slice(&values[from..from + n]);
            });
        }
        assert_eq!(at, bytes.len());
        // A buffer of another length and other contents, as from a sink that keeps them.
        *bytes = vec![0xAA; at / 2];
        Ok(())
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Scratch for Kept {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.0.len();
        self.0.extend_from_slice(bytes);
        Ok(at as u64)
    }
    fn fetch(&mut self, at: u64, out: &mut [u8]) -> Result<()> {
        out.copy_from_slice(&self.0[at as usize..at as usize + out.len()]);
        Ok(())
    }
}

fn request<'a>(shape: &'a [usize], from: &'a [usize], to: &'a [usize], available: u64) -> Request<'a> {
    Request {
        shape,
        size: 4,
        from,
        to,
        ranks: 1,
        base: (1 << 30) - available,
        overhead: 0,
        reads_parts: false,
        keeps_slabs: false,
    }
}

fn budget() -> MemoryBudget {
    MemoryBudget::asked(1 << 30, &Comm::serial())
}

/// Rechunks on some ranks and checks every value, and how often it was read.
fn check(request: &Request<'_>) -> Method {
    let cells: usize = request.shape.iter().product();
    let (read, out) = (Mutex::new(vec![0; cells]), Mutex::new(vec![u32::MAX; cells]));
    let plan = Plan::new(request, &budget()).unwrap();
    let moved = run_threads(request.ranks, |comm| {
        let mut source = Counting { shape: request.shape, read: &read, fails_at: None };
        let mut sink = Collecting { shape: request.shape, to: request.to, out: &out };
        let mut kept = Kept::default();
        let scratch = (plan.method() == Method::Scratch).then_some(&mut kept as &mut dyn Scratch);
        let moved = rechunk(comm, &plan, &mut source, &mut sink, scratch).unwrap();
        assert!(kept.0.len() as u64 <= plan.scratch_bytes());
        moved
    });
    assert!(out.into_inner().unwrap().iter().enumerate().all(|(k, &v)| v == k as u32), "{request:?}");
    assert!(read.into_inner().unwrap().iter().all(|&n| n == 1), "{request:?} {:?}", plan.method());
    assert_eq!(moved.iter().map(|m| m.written).sum::<u64>(), 4 * cells as u64);
    plan.method()
}

#[test]
fn any_shape_any_budget_any_ranks() {
    let cases: [(&[usize], &[usize], &[usize]); 9] = [
        (&[50, 19, 36], &[1, 19, 36], &[50, 4, 5]),
        (&[50, 19, 36], &[50, 4, 5], &[1, 19, 36]),
        (&[50, 19, 36], &[7, 6, 36], &[50, 1, 1]),
        (&[50, 19, 36], &[3, 5, 7], &[3, 5, 7]),
        (&[12, 3, 11, 13], &[1, 3, 11, 13], &[12, 1, 2, 13]),
        (&[101], &[10], &[7]),
        (&[1, 1, 1], &[1, 1, 1], &[1, 1, 1]),
        (&[60, 40], &[1, 40], &[60, 1]),
        (&[17, 1, 9], &[17, 1, 1], &[2, 1, 9]),
    ];
    let mut methods = [0; 3];
    for (shape, from, to) in cases {
        for ranks in 1..=4 {
            for available in [1 << 30, 300_000, 90_000, 40_000] {
                let mut request = request(shape, from, to, available);
                request.ranks = ranks;
                // The batch of the writer has a floor that is large for a test.
                request.base = request.base.saturating_sub(if ranks > 1 { 16 << 20 } else { 0 });
                let method = match check(&request) {
                    Method::Scratch => 0,
                    Method::Stream => 1,
                    _ => 2,
                };
                methods[method] += 1;
            }
        }
    }
    assert!(methods.iter().all(|&n| n > 10), "{methods:?}");
}

#[test]
fn the_same_chunks_stream_in_little_memory() {
    let shape = [1200, 360, 720];
    for (from, to, ranks) in [([1, 360, 720], [1, 360, 720], 1), ([1, 360, 720], [6, 180, 720], 3)] {
        let mut request = request(&shape, &from, &to, 500_000_000);
        request.ranks = ranks;
        let plan = Plan::new(&request, &budget()).unwrap();
        assert_eq!(plan.method(), Method::Stream);
        assert!(plan.buffers() < 160_000_000, "{}", plan.buffers());
        assert!(plan.slabs.iter().all(|s| s.range(0).start % to[0] == 0 && s.len() * 4 <= 64 << 20));
        let (reads, writes) = (plan.windows_of(ranks - 1), plan.slabs_of(ranks - 1).count());
        assert_eq!(reads, writes);
    }
}

#[test]
fn parts_of_chunks_are_read_in_passes_where_that_is_cheap() {
    let mut request = request(&[50, 19, 36], &[1, 19, 36], &[50, 4, 5], 60_000);
    assert_eq!(check(&request), Method::Scratch);
    request.reads_parts = true;
    for keeps_slabs in [false, true] {
        request.keeps_slabs = keeps_slabs;
        let Method::Passes(passes) = check(&request) else { panic!("not in passes") };
        assert!((2..=16).contains(&passes));
    }
}

#[test]
fn plans_keep_to_their_memory() {
    const ALL: u64 = 8_000_000_000;
    for (from, to) in [([1, 181, 360], [3650, 10, 10]), ([3650, 10, 10], [1, 181, 360])] {
        for ranks in [1, 2, 7] {
            for available in [300_000_000, 600_000_000, 6_000_000_000] {
                let request = Request {
                    shape: &[3650, 181, 360],
                    size: 4,
                    from: &from,
                    to: &to,
                    ranks,
                    base: ALL - available,
                    overhead: 20_000_000,
                    reads_parts: false,
                    keeps_slabs: false,
                };
                let plan = Plan::new(&request, &MemoryBudget::asked(ALL, &Comm::serial())).unwrap();
                assert!(plan.buffers() <= available, "{} of {available}", plan.buffers());
                let in_memory = available == 6_000_000_000;
                assert_eq!(plan.method() == Method::Memory, in_memory || ranks == 7 && plan.slabs.len() <= 7);
                if in_memory {
                    assert_eq!(plan.slabs.len(), ranks, "{to:?}");
                }
                assert_eq!(plan.scratch_bytes() > 0, plan.method() == Method::Scratch);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let request = request(&[3650, 181, 360], &[1, 181, 360], &[3650, 181, 360], 500_000_000);
    let error = Plan::new(&request, &budget()).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    assert!(error.to_string().contains("--chunks") && error.to_string().contains("951.3 MB"), "{error}");
    let huge = [usize::MAX, usize::MAX];
    let absurd = Request { shape: &huge, from: &[1, 1], to: &[1, 1], ..request };
    assert_eq!(Plan::new(&absurd, &budget()).unwrap_err().exit_code(), 3);
}

#[test]
fn an_error_on_one_rank_is_everybodys() {
    let shape = [20, 6, 6];
    for available in [1 << 30, (16 << 20) + 2000] {
        let mut request = request(&shape, &[1, 6, 6], &[20, 2, 2], available);
        request.ranks = 3;
        let plan = Plan::new(&request, &budget()).unwrap();
        let (read, out) = (Mutex::new(vec![0; 720]), Mutex::new(vec![u32::MAX; 720]));
        let results = run_threads(3, |comm| {
            let fails_at = (comm.rank() == 1).then_some(36 * 9);
            let mut source = Counting { shape: &shape, read: &read, fails_at };
            let mut sink = Collecting { shape: &shape, to: &[20, 2, 2], out: &out };
            rechunk(comm, &plan, &mut source, &mut sink, Some(&mut Kept::default()))
        });
        assert!(results.iter().all(|r| r.as_ref().is_err_and(|e| e.exit_code() == 3)), "{results:?}");
    }
}
