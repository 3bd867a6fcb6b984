//! Passes that are stopped and gone on with, on other numbers of ranks.

use super::tests::Made;
use super::*;
use crate::comm::{run_threads, Comm};
use crate::engine::piece::{Numbers, Piece, Pieces};
use crate::engine::stream::Demand;
use crate::engine::{CadenceEvent, Engine, Fold, Keeper};
use crate::ErrorKind;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::Mutex;
use std::time::Duration;

/// A sum, and the tree that made it.
struct Tree;

impl Fold for Tree {
    type State = (f64, String);
    const NAME: &'static str = "tree";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Y, Role::X]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> Self::State {
        (0.0, String::new())
    }
    fn absorb(&self, state: &mut Self::State, piece: &Piece<'_>) -> Result<()> {
        for step in piece.steps() {
            if let Numbers::F32(v) = piece.step(step) {
                v.iter().for_each(|v| state.0 += f64::from(*v) * 1.1);
            }
        }
        state.1 = piece.tile().id.to_string();
        Ok(())
    }
    fn merge(&self, left: Self::State, right: Self::State) -> Result<Self::State> {
        Ok((left.0 + right.0, format!("({} {})", left.1, right.1)))
    }
}

/// Two rows of each cell, and a count of cells beside.
#[derive(Default)]
struct Counted {
    cells: Mutex<u64>,
}

impl SeriesWork for Counted {
    fn rows(&self) -> Vec<usize> {
        vec![1, 2]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        for (k, step) in series.steps().take(3).enumerate() {
            let row = if k == 0 { &mut results[0][0] } else { &mut results[1][k - 1] };
            if let Numbers::F32(v) = series.step(step) {
                row.iter_mut().zip(v).for_each(|(r, v)| *r = f64::from(*v));
            }
        }
        *self.cells.lock().expect("whole") += series.cells() as u64;
        Ok(())
    }
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&*self.cells.lock().expect("whole"))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        *self.cells.lock().expect("whole") += decode_notes::<u64>(notes)?;
        Ok(())
    }
}

const SHAPE: [usize; 3] = [20, 40, 30];

fn source() -> Made {
    Made::new(&SHAPE, &[1, 40, 30], true)
}

/// Stops when it is asked for the time number `stop`, over all passes.
fn keeper(file: &Path, resume: bool, stop: usize, failures: Rc<std::cell::Cell<usize>>) -> Rc<Keeper> {
    let turns = std::cell::Cell::new(0);
    let asked = move || {
        turns.set(turns.get() + 1);
        turns.get() >= stop
    };
    let note = move |event: &CadenceEvent| {
        failures.set(failures.get() + usize::from(matches!(event, CadenceEvent::Failed(_))));
    };
    let every = Duration::from_nanos(1);
    Rc::new(Keeper::new((file, "job".into()), every, resume, Box::new(asked), Box::new(note)))
}

/// What two passes find on this rank: roots of the fold, results by cell, cells counted.
type Found = (Vec<(u64, String)>, Vec<(usize, Vec<u64>)>, u64);

fn analysis(comm: &Comm, keeper: Option<Rc<Keeper>>, source: &Made) -> Result<Found> {
    let needs = SeriesNeeds {
        reduces: vec![Role::Time],
        rows: 1,
        tiling: Some(crate::tiling::Tiling::cells(&source.variable.dims, Some(&[1, 4, 30]))),
        scratch_per_thread: 0,
    };
    let demand = Demand { ranks: comm.size(), threads: 1, room: Some(40_000), parts: None };
    let work = Counted::default();
    let (first, second) =
        (SeriesPlan::of_needs(source, &needs, demand)?, SeriesPlan::new(source, &work, demand)?);
    assert!(first.batches() > 2 || comm.size() > 2);
    let engine = Engine::new(comm).keeping(keeper);
    let roots = engine.fold_series(source, &first, &Tree)?;
    let roots = roots.into_iter().map(|(_, (sum, tree))| (sum.to_bits(), tree)).collect();
    let mut cells = Vec::new();
    engine.series(source, &second, &work, &mut |results| {
        let own = IndexBox::new(results.cells.ranges()[1..].to_vec());
        let n = own.len();
        for c in 0..if results.cells.is_empty() { 0 } else { n } {
            let (y, x) =
                (own.range(0).start + c / own.range(1).len(), own.range(1).start + c % own.range(1).len());
            let all = [results.values[0][c], results.values[1][c], results.values[1][n + c]];
            cells.push((y * SHAPE[2] + x, all.map(f64::to_bits).to_vec()));
        }
        Ok(())
    })?;
    let mut counted = [*work.cells.lock().expect("whole")];
    comm.all_reduce(&mut counted, crate::comm::Reduce::Sum);
    Ok((roots, cells, counted[0]))
}

fn joined(all: Vec<Result<Found>>) -> Result<Found> {
    let mut whole: Found = Default::default();
    for found in all {
        let (roots, cells, counted) = found?;
        whole.0.extend(roots);
        whole.1.extend(cells);
        whole.2 = counted;
    }
    whole.1.sort();
    Ok(whole)
}

fn run(file: &Path, ranks: usize, resume: bool, stop: usize) -> (Result<Found>, usize) {
    let made = source();
    let all =
        run_threads(ranks, |comm| analysis(comm, Some(keeper(file, resume, stop, Rc::default())), &made));
    (joined(all), made.read.load(Ordering::Relaxed))
}

#[test]
fn stopped_anywhere_and_gone_on_with_on_other_ranks() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    let expected = joined(run_threads(1, |comm| analysis(comm, None, &source()))).expect("runs");
    assert_eq!((expected.0.len(), expected.1.len(), expected.2), (1, 1200, 1200));
    for stop in [1, 2, 5, 8] {
        for (ranks, then) in [(1, 3), (3, 2)] {
            let (stopped, _) = run(&file, ranks, false, stop);
            let what = format!("{ranks}, then {then}, stopped at {stop}");
            match stopped {
                Ok(found) => assert_eq!(found, expected, "{what}"),
                Err(e) => assert_eq!(e.kind, ErrorKind::Checkpointed, "{what}: {e}"),
            }
            // Once more in between.
            if let (Err(e), _) = run(&file, then, true, 2) {
                assert_eq!(e.kind, ErrorKind::Checkpointed, "{what}: {e}");
            }
            let (found, read) = run(&file, then, true, usize::MAX);
            assert_eq!(found.expect("goes on"), expected, "{what}");
            assert!(read < 2 * SHAPE.iter().product::<usize>(), "{what}: {read} values");
            // All is there now.
            let (found, read) = run(&file, ranks, true, usize::MAX);
            assert_eq!((found.expect("goes on"), read), (expected.clone(), 0), "{what}");
            // And to hand it out is no work to stop after.
            assert_eq!(run(&file, ranks, true, 1).0.expect("nothing to stop"), expected, "{what}");
        }
    }
    let (far, other) = (Keeper::file_of(&file, 10), folder.path().join("state.pass3"));
    std::fs::copy(&file, &far).expect("copied");
    // Another variable: what was found of this one is none of its.
    let mut named = source();
    named.variable.name = "other".into();
    let refused = joined(run_threads(1, |comm| {
        analysis(comm, Some(keeper(&file, true, usize::MAX, Rc::default())), &named)
    }));
    assert_eq!(refused.expect_err("another variable").kind, ErrorKind::Data);
    std::fs::write(&other, b"notes").expect("written");
    assert!(Keeper::is_there(&file));
    Keeper::remove(&file);
    assert!(!Keeper::file_of(&file, 1).exists() && !far.exists() && !file.exists() && other.exists());
    assert!(!Keeper::is_there(&file));
}

#[test]
fn what_was_cut_off_is_done_again_and_damage_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, kept) = (folder.path().join("state"), folder.path().join("whole"));
    let expected = run(&file, 2, false, usize::MAX).0.expect("runs");
    let results = Keeper::file_of(&file, 1);
    std::fs::copy(&results, &kept).expect("copied");
    let whole = std::fs::read(&kept).expect("a file");
    for len in (whole.len() / 3..whole.len()).step_by(whole.len() / 7) {
        std::fs::write(&results, &whole[..len]).expect("written");
        assert_eq!(run(&file, 3, true, usize::MAX).0.expect("goes on"), expected, "{len} bytes");
    }
    // A bit of what was saved: the group that holds it, and what follows, are done again.
    for at in (whole.len() / 3..whole.len()).step_by(whole.len() / 7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(&results, &bytes).expect("written");
        assert_eq!(run(&file, 1, true, usize::MAX).0.expect("goes on"), expected, "byte {at}");
    }
    // The beginning: refused.
    let mut bytes = whole.clone();
    bytes[30] ^= 4;
    std::fs::write(&results, &bytes).expect("written");
    assert_eq!(run(&file, 2, true, usize::MAX).0.expect_err("damaged").kind, ErrorKind::Data);
    std::fs::write(&results, b"my thesis").expect("written");
    assert_eq!(run(&file, 2, false, usize::MAX).0.expect_err("no state").kind, ErrorKind::Usage);
    assert_eq!(std::fs::read(&results).expect("a file"), b"my thesis");
}

#[test]
fn a_state_that_another_job_adds_to_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    let expected = run(&file, 1, false, usize::MAX).0.expect("runs");
    let results = Keeper::file_of(&file, 1);
    let held = std::fs::File::options().read(true).write(true).open(&results).expect("there");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let before = std::fs::read(&results).expect("a file");
    let failures = Rc::new(std::cell::Cell::new(0));
    let keeper = keeper(&file, false, usize::MAX, Rc::clone(&failures));
    let found = analysis(&Comm::serial(), Some(keeper), &source());
    assert!(joined(vec![found]).expect("runs unsaved") == expected && failures.get() > 0);
    Keeper::remove(&file);
    assert_eq!(std::fs::read(&results).expect("a file"), before);
    drop(held);
    Keeper::remove(&file);
    assert!(!results.exists());
}

#[test]
fn what_could_not_be_saved_is_not_said_to_be() {
    let (comm, file) = (Comm::serial(), Path::new("absent/state"));
    let keeper = keeper(file, false, 1, Rc::default());
    let pass = keeper.next(&comm, "a").expect("nothing was found yet");
    pass.has_worked();
    pass.note(&CadenceEvent::Failed(crate::Error::system("disk full")));
    assert_eq!(keeper.next(&comm, "b").expect_err("stopped").kind, ErrorKind::System);
    let saved = crate::engine::checkpoint::Saved { nodes: 1, bytes: 1 };
    pass.note(&CadenceEvent::Saved(saved, Duration::ZERO));
    assert_eq!(keeper.next(&comm, "c").expect_err("stopped").kind, ErrorKind::Checkpointed);
}

#[test]
fn states_of_other_jobs_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    assert_eq!(run(&file, 1, false, 1).0.expect_err("stopped").kind, ErrorKind::Checkpointed);
    let other = |comm: &Comm| {
        let every = Duration::from_secs(60);
        let keeper = Keeper::new((&file, "other".into()), every, true, Box::new(|| false), Box::new(|_| ()));
        analysis(comm, Some(Rc::new(keeper)), &source())
    };
    let refused = joined(run_threads(2, other)).expect_err("another job");
    assert_eq!(refused.kind, ErrorKind::Data);
    assert!(refused.to_string().contains("other inputs or options"), "{refused}");
}

#[test]
fn where_nothing_can_be_saved_the_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("absent/state");
    let failures = run_threads(2, |comm| {
        let failures = Rc::new(std::cell::Cell::new(0));
        analysis(comm, Some(keeper(&file, false, usize::MAX, Rc::clone(&failures))), &source())
            .expect("runs");
        failures.get()
    });
    assert!(failures.iter().all(|n| *n > 1), "{failures:?}");
    let must = run_threads(2, |comm| {
        analysis(comm, Some(keeper(&file, false, 2, Rc::default())), &source()).map(drop)
    });
    assert!(must.iter().all(|e| e.as_ref().is_err_and(|e| e.kind == ErrorKind::System)), "{must:?}");
}
