//! Halocline as a library: analyses in a running program against those of its files, and the examples.

#[path = "library/areas.rs"]
mod areas;
mod common;
#[path = "library/kinds.rs"]
mod kinds;

use common::made::{value, Layout, Made};
use common::{data, halocline, mpirun, run_well, text, values, within_two_minutes, Launch};
use halocline::core::blocks::Blocks;
use halocline::core::engine::insitu::View;
use halocline::core::engine::Numbers;
use halocline::core::index::IndexBox;
use halocline::insitu::{InSitu, Setup};
use halocline::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files are written and read in this process, by libraries that know nothing of each other's locks.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHAPE: [usize; 3] = [150, 13, 29];

/// What this rank holds: uneven, out of order; of four the last holds nothing.
fn own(rank: usize, ranks: usize) -> IndexBox {
    let boxes: Vec<[std::ops::Range<usize>; 2]> = match ranks {
        1 => vec![[0..13, 0..29]],
        2 => vec![[4..13, 0..29], [0..4, 0..29]],
        3 => vec![[0..13, 17..29], [0..5, 0..17], [5..13, 0..17]],
        _ => vec![[0..13, 1..2], [0..13, 2..29], [0..13, 0..1], [7..7, 0..29]],
    };
    IndexBox::new(boxes[rank].to_vec())
}

/// Pushes steps as a model does: fields with halos, of which some hold rubbish.
fn push(run: &mut InSitu, own: &IndexBox, times: &[f64], steps: std::ops::Range<usize>) {
    let shape = own.shape();
    let (ny, nx) = (shape[0], shape[1]);
    for t in steps {
        let mut field = vec![-9e9_f32; (ny + 2) * (nx + 4)];
        for (j, y) in own.range(0).enumerate() {
            for (i, x) in own.range(1).enumerate() {
                let v = value(t, y * SHAPE[2] + x);
                field[(j + 1) * (nx + 4) + i + 2] = if v.is_nan() { 1e20 } else { v };
            }
        }
        let view = View::new(Numbers::F32(&field), &shape, nx + 6, &[nx as isize + 4, 1]);
        let squares: Vec<f32> = field.iter().map(|&v| if v == 1e20 { v } else { v.sqrt() }).collect();
        let other = View::new(Numbers::F32(&squares), &shape, nx + 6, &[nx as isize + 4, 1]);
        let fields = if run.setup().field_count() == 2 { vec![view, other] } else { vec![view] };
        run.push(times[t], fields.into_iter().collect()).expect("a push");
    }
}

/// Runs an analysis in ranks that are threads, through a restart on another number of them.
fn in_situ((kind, options): (&str, &str), times: &[f64], [first, second]: [usize; 2], out: &Path) {
    let options = format!("{options}; dims=lat,lon; calendar=360_day; missing=1e20");
    let begin = |comm: &Comm| {
        let setup = Setup::parse(kind, &SHAPE[1..], &options).expect("a setup");
        let own = own(comm.rank(), comm.size());
        InSitu::begin(comm, setup, &Blocks::gather(comm, &SHAPE[1..], &own).expect("blocks")).expect("begins")
    };
    let state = out.with_extension("state");
    run_threads(first, |comm| {
        let mut run = begin(comm);
        push(&mut run, &own(comm.rank(), first), times, 0..71);
        run.save(&state).expect("saved");
    });
    run_threads(second, |comm| {
        let mut run = begin(comm);
        run.load(&state).expect("loaded");
        push(&mut run, &own(comm.rank(), second), times, 71..SHAPE[0]);
        run.finish(out).expect("written");
    });
}

fn bits(file: &Path, name: &str) -> Vec<u64> {
    values(file, name).into_iter().map(f64::to_bits).collect()
}

#[test]
fn results_are_those_of_files_to_the_bit() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let input = place("made.nc");
    Made { shape: SHAPE, layout: Layout::Chunked([1, 13, 29], None), since: 0 }.write(&input);
    let times = values(&input, "time");
    let offline = |words: &[&str], out: &str| {
        let out = place(out);
        let mut all = vec![words[0], text(&input)];
        all.extend(&words[1..]);
        all.extend(["-o", text(&out)]);
        run_well(Launch::Plain(2), &all);
        out
    };
    let ops = "mean,sum,min,max,std,var,count,range,rms";
    let stats = offline(&["stats", "--var", "tos", "--op", ops], "stats.nc");
    let months =
        offline(&["climatology", "--var", "tos", "--by", "month", "--op", "mean,count"], "months.nc");
    let seasons = offline(&["climatology", "--var", "tos", "--by", "season", "--op", "std"], "seasons.nc");
    let days = offline(&["climatology", "--var", "tos", "--by", "dayofyear", "--op", "max"], "days.nc");
    for ranks in [[1, 2], [3, 1], [4, 3], [2, 4]] {
        let out = place("in_situ.nc");
        in_situ(("stats", &format!("variable=tos; units=K; ops={ops}")), &times, ranks, &out);
        for op in ops.split(',') {
            let name = format!("tos_{op}");
            assert_eq!(bits(&out, &name), bits(&stats, &name), "{name} of {ranks:?} ranks");
        }
        assert_eq!(values(&out, "time"), values(&stats, "time"));
        in_situ(("climatology", "variable=tos; cycle=month; ops=mean,count"), &times, ranks, &out);
        for name in ["tos_mean", "tos_count", "time", "climatology_bounds", "month"] {
            assert_eq!(bits(&out, name), bits(&months, name), "{name} of {ranks:?} ranks");
        }
        in_situ(("climatology", "variable=tos; cycle=season; ops=std"), &times, ranks, &out);
        assert_eq!(bits(&out, "tos"), bits(&seasons, "tos"));
        in_situ(("climatology", "variable=tos; cycle=day; ops=max"), &times, ranks, &out);
        assert_eq!(bits(&out, "tos"), bits(&days, "tos"));
    }
    // Of two fields: against sums about means.
    let out = place("covariance.nc");
    in_situ(("covariance", "variable=tos,root; units=K,1; ddof=0"), &times, [3, 2], &out);
    let found = values(&out, "tos_covariance");
    for (cell, &found) in found.iter().enumerate() {
        let pairs: Vec<f64> =
            (0..SHAPE[0]).map(|t| value(t, cell)).filter(|v| !v.is_nan()).map(f64::from).collect();
        if pairs.is_empty() {
            assert!(found.is_nan());
            continue;
        }
        let roots: Vec<f64> = pairs.iter().map(|&v| f64::from((v as f32).sqrt())).collect();
        let n = pairs.len() as f64;
        let means = [pairs.iter().sum::<f64>() / n, roots.iter().sum::<f64>() / n];
        let sum: f64 = pairs.iter().zip(&roots).map(|(a, b)| (a - means[0]) * (b - means[1])).sum();
        assert!((found - sum / n).abs() < 1e-12 * sum.abs(), "cell {cell}: {found} {}", sum / n);
    }
}

#[test]
fn odd_setups_are_refused_in_one_line() {
    for (kind, options, what) in [
        ("mode", "", "kind=mode"),
        ("stats", "ops=mean,mean", "named twice"),
        ("stats", "ops=trend", "ops=trend"),
        ("stats", "cycle=month", "no option `cycle`"),
        ("stats", "variable=x", "name of a dimension"),
        ("stats", "variable=a,b", "1 name(s)"),
        ("covariance", "variable=a,a", "2 name(s)"),
        ("covariance", "ddof=2", "ddof=2"),
        ("stats", "dims=y,y", "2 names"),
        ("stats", "missing=none", "a number"),
        ("stats", "time_units=days", "no unit of time"),
        ("stats", "mean", "no option"),
    ] {
        let error = Setup::parse(kind, &[3, 4], options).expect_err(options).to_string();
        assert!(error.contains(what) && !error.contains('\n'), "{kind} {options}: {error}");
    }
    assert!(Setup::parse("stats", &[3, 0], "").is_err());
    assert!(Setup::parse("stats", &[usize::MAX, usize::MAX], "").is_err());
    assert!(Setup::parse("stats", &[1, 1, 1, 1], "").is_err());
    let comm = Comm::serial();
    let setup = Setup::parse("stats", &[3], "").expect("a setup");
    let blocks = Blocks::gather(&comm, &[3], &IndexBox::whole(&[3])).expect("blocks");
    let mut run = InSitu::begin(&comm, setup, &blocks).expect("begins");
    let view = || View::contiguous(Numbers::F64(&[1.0, 2.0, 3.0]), &[3]).map(|view| vec![view]);
    assert!(run.push(1e300, view()).is_err(), "a time that is no date");
    run.push(0.0, view()).expect("goes on");
}

/// An example, which `cargo test` of the workspace builds.
fn example(name: &str) -> PathBuf {
    let path = halocline().with_file_name("examples").join(name);
    assert!(
        path.exists(),
        "{} is not there: run `cargo build --examples --features mpi` first",
        path.display()
    );
    path
}

/// Runs an example plain, and on ranks where there is MPI.
fn run_example(name: &str, arguments: &[&str], mut check: impl FnMut(&str)) {
    let counts: &[usize] = if cfg!(feature = "mpi") { &[0, 1, 3] } else { &[0] };
    for &ranks in counts {
        let mut command = if ranks == 0 { Command::new(example(name)) } else { mpirun() };
        if ranks > 0 {
            command.args(["-n", &ranks.to_string()]).arg(example(name));
        }
        let output = within_two_minutes(command.args(arguments));
        assert!(
            output.status.success(),
            "{name} on {ranks} ranks: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        check(&String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn an_eof_takes_ten_lines() {
    let sst = data("ersstv5_sst_201001-202008.nc");
    run_example("eof_from_files", &[text(&sst), "sst"], |said| {
        assert_eq!(said.lines().count(), 1);
        assert!(said.contains("the first mode explains 86.8 %"), "{said}");
    });
}

#[test]
fn the_fold_of_the_tutorial_works_as_written() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let (input, out) = (folder.path().join("made.nc"), folder.path().join("spells.nc"));
    let state = folder.path().join("state");
    Made { shape: SHAPE, layout: Layout::Chunked([7, 5, 29], Some(1)), since: 0 }.write(&input);
    let longest = |cell: usize| {
        let (mut run, mut most) = (0, 0);
        for t in 0..SHAPE[0] {
            run = if value(t, cell) > 262.0 { run + 1 } else { 0 };
            most = most.max(run);
        }
        f64::from(most)
    };
    let expected: Vec<f64> = (0..SHAPE[1] * SHAPE[2]).map(longest).collect();
    assert!(expected.iter().any(|&n| n > 4.0));
    for with_state in [false, true] {
        let mut arguments = vec![text(&input), "tos", "262", text(&out)];
        if with_state {
            arguments.push(text(&state));
        }
        run_example("longest_spell", &arguments, |_| assert_eq!(values(&out, "longest_spell"), expected));
    }
    // The tutorial shows the program that was run.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("a text");
    let (program, tutorial) = (read("examples/longest_spell.rs"), read("docs/tutorial-fold.md"));
    assert!(program.lines().count() < 150);
    let mut shown = 0;
    for block in tutorial.split("```rust\n").skip(1) {
        let code = block.split("```").next().unwrap_or_default();
        assert!(program.contains(code), "not in the example:\n{code}");
        shown += code.lines().count();
    }
    assert!(shown > 60, "the tutorial shows {shown} lines");
}
