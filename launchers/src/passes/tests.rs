//! Who shares a read with whom.

use super::*;
use crate::common::Verbosity;
use halocline_algorithms::statistics::{Groups, Op, Reduction, ReductionState, Weights};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::meta::Role;
use halocline_core::progress::Progress;
use halocline_io::{open_with, OpenOptions};
use std::sync::Arc;

const MEGA: u64 = 1 << 20;

/// A step of a test: statistics over time, or over space, that need so much memory beside.
struct Made {
    pass: Pass<Reduction>,
    source: Source,
    key: String,
    beside: u64,
    parts: Option<Vec<usize>>,
}

impl Made {
    fn new(selection: &Selection, (over, ops): (&[Role], &[Op]), beside: u64) -> Self {
        let file =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/ersstv5_sst_201001-202008.nc").to_owned();
        let options = OpenOptions { cache: false, ..OpenOptions::default() };
        let dataset = open_with(&Comm::serial(), &[file], options).expect("opens");
        let source = dataset.source(&Comm::serial(), "sst", selection).expect("is there");
        let steps = source.time().len();
        let groups = if over == [Role::Time] { Groups::all(steps) } else { Groups::each(steps) };
        let dims = source.variable().dims.clone();
        let fold = Reduction::new(&dims, over, ops, groups, Weights::default(), Vec::new()).expect("reduces");
        let key = key(&source, selection);
        Self { pass: Pass::new(fold, None), source, key, beside, parts: None }
    }

    fn request(&mut self, step: usize) -> Request<'_> {
        let Self { pass, source, key, beside, parts } = self;
        let mut request = pass.request(Wanted {
            sources: vec![source],
            key,
            title: None,
            note: None,
            beside: *beside,
            later: 0,
            parts: parts.as_deref(),
            state: "sst",
            belongs: Box::new(|| "nothing".to_owned()),
            blame: (None, "sst"),
        });
        request.step = step;
        request
    }

    fn columns(&mut self) -> Vec<(usize, ReductionState)> {
        self.pass.ran().expect("has run");
        self.pass.branch.take()
    }
}

const TIME: (&[Role], &[Op]) = (&[Role::Time], &[Op::Mean, Op::Std]);
const SPACE: (&[Role], &[Op]) = (&[Role::Y, Role::X], &[Op::Mean, Op::Max]);

fn all() -> Selection {
    Selection { all_levels: true, ..Selection::default() }
}

/// Which steps share each reading, one after the other, where `bytes` are left beside the process.
fn groups(steps: &mut [Made], bytes: u64) -> Result<Vec<Vec<usize>>> {
    let (comm, progress) = (Comm::serial(), Arc::new(Progress::default()));
    let base = MemoryBudget::asked(0, &comm).base();
    let budget = MemoryBudget::asked(base + bytes, &comm);
    let verbosity = Verbosity::default();
    let job = FoldJob { comm: &comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    let mut waiting: Vec<Request<'_>> = steps.iter_mut().enumerate().map(|(k, s)| s.request(k)).collect();
    let mut groups = Vec::new();
    while let Some(reading) = Reading::next(&job, &mut waiting)? {
        groups.push(reading.requests().iter().map(|r| r.step).collect());
        assert!(reading.bytes_to_read() > 0);
        reading.run(&job)?;
    }
    Ok(groups)
}

#[test]
fn those_that_read_the_same_share_and_find_what_they_find_alone() {
    let some = Selection { lon_lat_box: Some([150.0, 200.0, -20.0, 20.0]), ..all() };
    let made = || {
        [(&all(), TIME), (&some, TIME), (&all(), SPACE), (&some, SPACE), (&all(), TIME)]
            .map(|(selection, what)| Made::new(selection, what, 0))
    };
    let mut shared = made();
    assert_eq!(groups(&mut shared, 2000 * MEGA).expect("fits"), [vec![0, 2, 4], vec![1, 3]]);
    for (mut alone, mut shared) in made().into_iter().zip(shared) {
        groups(std::slice::from_mut(&mut alone), 2000 * MEGA).expect("fits");
        let text = |made: &mut Made| format!("{:?}", made.columns());
        assert_eq!(text(&mut alone), text(&mut shared));
    }
}

#[test]
fn as_many_share_as_fit_and_the_others_keep_their_order() {
    let mut steps = [900, 900, 300, 900, 100].map(|mega| Made::new(&all(), TIME, mega * MEGA));
    assert_eq!(groups(&mut steps, 1500 * MEGA).expect("fit"), [vec![0, 2, 4], vec![1], vec![3]]);
    // Divided by hand in other ways.
    let mut steps = [0, 0, 0].map(|_| Made::new(&all(), TIME, 0));
    steps[1].parts = Some(vec![1, 1, 1]);
    assert_eq!(groups(&mut steps, 1500 * MEGA).expect("fit"), [vec![0, 2], vec![1]]);
    // What does not fit alone is refused, even if others would.
    let mut steps = [100, 2000].map(|mega| Made::new(&all(), TIME, mega * MEGA));
    let error = groups(&mut steps, 1000 * MEGA).expect_err("too much");
    assert_eq!(error.exit_code(), 5, "{error}");
    assert!(steps[0].pass.is_done && !steps[1].pass.is_done);
}
