//! Histograms, spectra and modes in a running program, whose states go through memory to other ranks.

use super::{alone, bits, own, SHAPE};
use crate::common::made::{value, Layout, Made};
use crate::common::{run_well, text, values, Launch};
use halocline::core::blocks::Blocks;
use halocline::core::engine::insitu::View;
use halocline::core::engine::Numbers;
use halocline::insitu::{InSitu, Setup};
use halocline::prelude::*;
use std::path::Path;
use std::sync::Mutex;

/// Complete series, but for land.
fn complete(t: usize, cell: usize) -> f32 {
    match value(t, cell) {
        gap if gap.is_nan() && cell % 11 != 0 => 260.0 + (t % 7) as f32,
        v => v,
    }
}

fn begin(comm: &Comm, (kind, options): (&str, &str)) -> InSitu {
    let options = format!("{options}; dims=lat,lon; calendar=360_day");
    let setup = Setup::parse(kind, &SHAPE[1..], &options).expect("a setup");
    let blocks = Blocks::gather(comm, &SHAPE[1..], &own(comm.rank(), comm.size())).expect("blocks");
    let mut run = InSitu::begin(comm, setup, &blocks).expect("begins");
    let latitudes: Vec<f64> = (0..SHAPE[1]).map(|j| -80.0 + 160.0 * j as f64 / SHAPE[1] as f64).collect();
    run.axis(0, &latitudes, "degrees_north").expect("latitudes");
    let longitudes: Vec<f64> = (0..SHAPE[2]).map(|i| 360.0 * i as f64 / SHAPE[2] as f64).collect();
    run.axis(1, &longitudes, "degrees_east").expect("longitudes");
    run
}

fn push(run: &mut InSitu, comm: &Comm, of: fn(usize, usize) -> f32, steps: std::ops::Range<usize>) {
    let own = own(comm.rank(), comm.size());
    let fields = run.setup().field_count();
    for t in steps {
        let cells = own.range(0).flat_map(|y| own.range(1).map(move |x| y * SHAPE[2] + x));
        let field: Vec<f32> = cells.map(|cell| of(t, cell)).collect();
        let roots: Vec<f64> = field.iter().map(|v| f64::from(*v).sqrt()).collect();
        let both = [Numbers::F32(&field), Numbers::F64(&roots)];
        let views = both[..fields].iter().map(|numbers| View::contiguous(*numbers, &own.shape())).collect();
        run.push(15.0 + 30.0 * t as f64, views).expect("a push");
    }
}

/// Runs through a restart in memory: pieces of one number of ranks are dealt to another, out of order.
pub(super) fn run(what: (&str, &str), of: fn(usize, usize) -> f32, [first, second]: [usize; 2], out: &Path) {
    let pieces: Mutex<Vec<Vec<u8>>> = Mutex::default();
    run_threads(first, |comm| {
        let mut run = begin(comm, what);
        push(&mut run, comm, of, 0..71);
        let piece = run.save_bytes().expect("a piece");
        pieces.lock().expect("no panic").push(piece);
        // It goes on as if nothing had happened.
        push(&mut run, comm, of, 71..73);
    });
    let pieces = pieces.into_inner().expect("no panic");
    run_threads(second, |comm| {
        let mine = pieces.iter().enumerate().filter(|(k, _)| k % second == second - 1 - comm.rank());
        let bytes: Vec<u8> = mine.flat_map(|(_, piece)| piece.clone()).collect();
        let mut run = begin(comm, what);
        run.load_bytes(&bytes).expect("taken up");
        assert_eq!(run.steps(), 71);
        push(&mut run, comm, of, 71..SHAPE[0]);
        run.finish(out).expect("written");
    });
}

#[test]
fn counts_are_those_of_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let (input, all, each, out) = (place("made.nc"), place("all.nc"), place("each.nc"), place("out.nc"));
    Made { shape: SHAPE, layout: Layout::Contiguous, since: 0 }.write(&input);
    let offline = |more: &[&str], out: &Path| {
        let words = ["histogram", text(&input), "--var", "tos", "--bins", "255:280:37"];
        run_well(Launch::Plain(2), &[&words[..], more, &["-o", text(out)]].concat());
    };
    offline(&[], &all);
    offline(&["--over", "time", "--density"], &each);
    for ranks in [[1, 3], [3, 1], [4, 2]] {
        run(("histogram", "variable=tos; bins=255:280:37"), value, ranks, &out);
        for name in ["tos_histogram", "tos_below", "tos_above", "tos_missing", "tos_bin_bnds"] {
            assert_eq!(bits(&out, name), bits(&all, name), "{name} of {ranks:?} ranks");
        }
        let options = "variable=tos; bins=255:280:37; over=time; density=yes";
        run(("histogram", options), value, ranks, &out);
        for name in ["tos_density", "tos_below", "tos_missing"] {
            assert_eq!(bits(&out, name), bits(&each, name), "{name} of {ranks:?} ranks");
        }
    }
    run(("histogram", "variable=tos,root; bins=255,260,280; bins2=16,16.2,16.4"), value, [2, 3], &out);
    let mut expected = [0.0; 4];
    for t in 0..SHAPE[0] {
        for cell in 0..SHAPE[1] * SHAPE[2] {
            let v = f64::from(value(t, cell));
            let (a, b) = (usize::from(v >= 260.0), usize::from(v.sqrt() >= 16.2));
            if (255.0..=280.0).contains(&v) && (16.0..=16.4).contains(&v.sqrt()) {
                expected[2 * a + b] += 1.0;
            }
        }
    }
    assert_eq!(values(&out, "tos_root_histogram"), expected);
}

#[test]
fn spectra_and_modes_are_those_of_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let (input, out, state) = (place("made.nc"), place("out.nc"), place("modes.hcs"));
    Made { shape: SHAPE, layout: Layout::Contiguous, since: 0 }.write(&input);
    {
        let mut file = netcdf::append(&input).expect("opened again");
        let stored = |v: f32| if v.is_nan() { 1e20 } else { v };
        let cells = SHAPE[1] * SHAPE[2];
        let all: Vec<f32> =
            (0..SHAPE[0]).flat_map(|t| (0..cells).map(move |cell| stored(complete(t, cell)))).collect();
        file.variable_mut("tos").expect("defined").put_values(&all, ..).expect("written");
    }
    let spectrum = place("spectrum.nc");
    let words = ["--segment", "32", "--overlap", "0.6", "--window", "hamming", "--detrend", "linear"];
    let more = ["--frequency-units", "cycles/year", "--confidence", "none", "-o", text(&spectrum)];
    let command = ["spectrum", "power", text(&input), "--var", "tos"];
    run_well(Launch::Plain(2), &[&command[..], &words, &more].concat());
    // Modes of batches of 40 months.
    let modes = place("modes.nc");
    for first in (0..SHAPE[0]).step_by(40) {
        let last = SHAPE[0].min(first + 40) - 1;
        let month = |t: usize| format!("{:04}-{:02}", 2000 + t / 12, t % 12 + 1);
        let span = format!("{}-01/{}-30", month(first), month(last));
        let mut words = vec!["eof", text(&input), "--var", "tos", "--modes", "5", "--time", &span];
        words.extend(["--anomaly", "climatology", "--state", text(&state), "-o", text(&modes)]);
        words.extend((first > 0).then_some("--update"));
        run_well(Launch::Plain(2), &words);
    }
    let options = "variable=tos; segment=32; overlap=0.6; window=hamming; detrend=linear; gaps=refuse; \
                   frequency_units=cycles/year";
    for ranks in [[1, 3], [3, 1], [4, 2]] {
        run(("welch", options), complete, ranks, &out);
        for name in ["power", "frequency", "degrees_of_freedom"] {
            assert_eq!(bits(&out, name), bits(&spectrum, name), "{name} of {ranks:?} ranks");
        }
        run(("eof", "variable=tos; modes=5; batch=40; anomaly=climatology"), complete, ranks, &out);
        let all = ["eof", "pc", "eigenvalue", "variance_fraction", "north_error", "mean", "total_variance"];
        for name in all.into_iter().chain(["eigenvalue_error_bound", "time"]) {
            assert_eq!(bits(&out, name), bits(&modes, name), "{name} of {ranks:?} ranks");
        }
    }
}

#[test]
fn states_in_memory_are_taken_whole_or_not_at_all() {
    let what = ("stats", "variable=tos; ops=mean");
    let pieces: Mutex<Vec<(usize, Vec<u8>)>> = Mutex::default();
    let later: Mutex<Vec<u8>> = Mutex::default();
    let other: Mutex<Vec<u8>> = Mutex::default();
    run_threads(3, |comm| {
        let mut run = begin(comm, what);
        push(&mut run, comm, value, 0..9);
        let piece = run.save_bytes().expect("a piece");
        pieces.lock().expect("no panic").push((comm.rank(), piece));
        push(&mut run, comm, value, 9..10);
        let piece = run.save_bytes().expect("a piece");
        if comm.rank() == 0 {
            *later.lock().expect("no panic") = piece;
        }
        // Another member of an ensemble, at the same times.
        let mut run = begin(comm, what);
        push(&mut run, comm, |t, cell| value(t + 5, cell), 0..9);
        let piece = run.save_bytes().expect("a piece");
        if comm.rank() == 0 {
            *other.lock().expect("no panic") = piece;
        }
    });
    let mut pieces = pieces.into_inner().expect("no panic");
    pieces.sort_by_key(|(rank, _)| *rank);
    let whole: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.clone()).collect();
    let without: Vec<u8> = pieces[1..].iter().flat_map(|(_, piece)| piece.clone()).collect();
    let mixed = [later.into_inner().expect("no panic"), without.clone()].concat();
    let foreign = [other.into_inner().expect("no panic"), without.clone()].concat();
    let twice = [whole.clone(), pieces[2].1.clone()].concat();
    let mut bent = whole.clone();
    bent[whole.len() / 2] ^= 4;
    let cut = whole[..whole.len() - 3].to_vec();
    let refused = |bytes: &[u8], what: (&str, &str), why: &str| {
        for ranks in [1, 2] {
            run_threads(ranks, |comm| {
                let mut run = begin(comm, what);
                let bytes = if comm.is_root() { bytes } else { &[] };
                let error = run.load_bytes(bytes).expect_err(why).to_string();
                assert!(error.contains(why) && !error.contains('\n'), "{error}");
                // Nothing was taken up: the program goes on from the beginning.
                assert_eq!(run.steps(), 0);
                push(&mut run, comm, value, 0..3);
            });
        }
    };
    refused(&without, what, "parts of the saved state are there");
    refused(&twice, what, "parts of the saved state are there");
    refused(&mixed, what, "different steps or runs");
    refused(&foreign, what, "different steps or runs");
    refused(&whole, ("stats", "variable=tos; units=K; ops=mean"), "other inputs or options");
    refused(&bent, what, "damaged");
    refused(&cut, what, "damaged");
    refused(b"nothing like a state", what, "no saved state");
    refused(&whole, ("stats", "variable=tos; ops=max"), "other inputs or options");
    refused(&whole, ("eof", "variable=tos"), "is of the analysis");
    refused(&[], what, "0 of");
}

#[test]
fn steps_and_options_that_do_not_fit() {
    for (kind, options, why) in [
        ("histogram", "", "needs bins"),
        ("histogram", "bins=3:1:4", "don't increase"),
        ("histogram", "bins=0:1:4; over=lon", "over=lon"),
        ("histogram", "bins=0:1:4; density=maybe", "density=maybe"),
        ("histogram", "bins=0:1:4; bins2=0:1", "no list of bins"),
        ("welch", "", "needs segments"),
        ("welch", "segment=x", "segment=x"),
        ("welch", "segment=8; overlap=1", "overlap=1"),
        ("welch", "segment=8; window=round", "window"),
        ("welch", "segment=8; frequency_units=cycles/week", "cycles/week"),
        ("eof", "modes=0", "modes=0"),
        ("eof", "modes=9; state_modes=4", "state_modes=4"),
        ("eof", "batch=1", "batch=1"),
        ("eof", "weights=area", "weights=area"),
        ("eof", "bins=0:1:4", "no option `bins`"),
        ("eof", "dims=mode,x", "`mode` is a name of the results"),
        ("climatology", "dims=month,x", "`month` is a name of the results"),
        ("histogram", "bins=0:1:4; variable=h; dims=y,h_bin", "`h_bin` is a name of the results"),
        ("welch", "segment=8; dims=frequency,x", "`frequency` is a name of the results"),
    ] {
        let error = Setup::parse(kind, &[3, 4], options).expect_err(options).to_string();
        assert!(error.contains(why) && !error.contains('\n'), "{kind} {options}: {error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.nc");
    run_threads(2, |comm| {
        // More than memory.
        let blocks = Blocks::gather(comm, &SHAPE[1..], &own(comm.rank(), 2)).expect("blocks");
        let setup =
            Setup::parse("histogram", &SHAPE[1..], "bins=0:1:1000000000; over=time").expect("a setup");
        assert_eq!(InSitu::begin(comm, setup, &blocks).expect_err("memory").exit_code(), 5);
        // A step that is left out.
        let mut run = begin(comm, ("welch", "segment=8"));
        push(&mut run, comm, complete, 0..3);
        let own = own(comm.rank(), 2).shape();
        let some = vec![1.0_f64; own.iter().product()];
        let view = || View::contiguous(Numbers::F64(&some), &own).map(|view| vec![view]);
        let error = run.push(30.0 * 5.0, view()).expect_err("a gap in time").to_string();
        assert!(error.contains("after the last"), "{error}");
        // Days only, but more than months differ by.
        let error = run.push(15.0 + 30.0 * 3.1, view()).expect_err("uneven").to_string();
        assert!(error.contains("after the last"), "{error}");
        push(&mut run, comm, complete, 3..5);
        assert!(run.finish(&out).expect_err("too short").to_string().contains("segment"));
        // Latitudes that are not there, and gaps in series.
        let setup = Setup::parse("eof", &SHAPE[1..], "weights=coslat").expect("a setup");
        let mut run = InSitu::begin(comm, setup, &blocks).expect("begins");
        assert!(run.push(0.0, view()).expect_err("no latitudes").to_string().contains("latitudes"));
        let mut run = begin(comm, ("eof", "batch=20"));
        push(&mut run, comm, value, 0..20);
        let error = run.push(30.0 * 50.0, view()).expect_err("gaps").to_string();
        assert!(error.contains("missing") && error.contains("step "), "{error}");
        assert_eq!(run.push(30.0 * 51.0, view()).expect_err("still").to_string(), error);
    });
    assert!(!out.exists());
}

#[test]
fn what_is_refused_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let [plain, bumpy] = ["plain.nc", "bumpy.nc"].map(|name| folder.path().join(name));
    let what = ("eof", "variable=tos; batch=20; modes=3");
    run_threads(2, |comm| {
        let mut run = begin(comm, what);
        push(&mut run, comm, complete, 0..20);
        run.finish(&plain).expect("modes");
        let mut run = begin(comm, what);
        push(&mut run, comm, complete, 0..20);
        // The batch is full when a step is refused.
        let own = own(comm.rank(), 2).shape();
        let some = vec![1.0_f64; own.iter().product()];
        let views = View::contiguous(Numbers::F64(&some), &own).map(|view| vec![view]);
        assert!(run.push(1.0, views).expect_err("an old time").to_string().contains("does not come after"));
        let nowhere = folder.path().join("nowhere/out.nc");
        let error = run.check_finish(&nowhere).expect_err("no folder").to_string();
        assert!(error.contains("nothing is lost"), "{error}");
        if comm.is_root() {
            run.axis(1, &(0..SHAPE[2]).map(|i| i as f64).collect::<Vec<_>>(), "degrees_east").expect("fits");
        }
        let error = run.check_finish(&bumpy).expect_err("on one rank").to_string();
        assert!(error.contains("different coordinates"), "{error}");
        if !comm.is_root() {
            run.axis(1, &(0..SHAPE[2]).map(|i| i as f64).collect::<Vec<_>>(), "degrees_east").expect("fits");
        }
        run.finish(&bumpy).expect("modes");
    });
    assert_eq!(bits(&plain, "eof"), bits(&bumpy, "eof"));
}
