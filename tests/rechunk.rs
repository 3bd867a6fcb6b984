//! `halocline rechunk`: copies that equal their originals, in any memory, on any ranks.

mod common;

use common::{
    contents, data, halocline, launches, names_in, run, run_well, text, within_two_minutes, Launch,
};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn chunks(file: &Path, name: &str) -> Vec<usize> {
    let file = netcdf::open(file).expect("opens");
    let variable = file.variable(name).expect("is there");
    variable.chunking().expect("can be asked").unwrap_or_default()
}

fn rechunk(launch: Launch, input: &Path, options: &[&str], output: &Path) -> Output {
    let mut words = vec!["rechunk", text(input)];
    words.extend(options);
    words.extend(["-o", text(output)]);
    run(launch, &words)
}

#[test]
fn to_series_and_back_on_any_ranks_is_the_original() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = data("ersstv5_sst_201001-202008.nc");
    let original = contents(&input);
    for (k, launch) in launches().into_iter().enumerate() {
        let series = folder.path().join(format!("series{k}.nc"));
        let maps = folder.path().join(format!("maps{k}.nc"));
        let words = ["rechunk", text(&input), "--chunks", "time=all,lat=10,lon=10", "-o", text(&series)];
        run_well(launch, &words);
        assert_eq!(chunks(&series, "sst"), [128, 10, 10]);
        assert_eq!(contents(&series), original, "{launch:?}");
        let words = ["rechunk", text(&series), "--chunks", "time=16,lat=all,lon=all", "-o", text(&maps)];
        run_well(launch, &words);
        assert_eq!(chunks(&maps, "sst"), [16, 89, 180]);
        assert_eq!(contents(&maps), original, "{launch:?}");
    }
}

#[test]
fn packed_values_stay_packed_and_attributes_keep_their_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out.nc");
    let input = data("case_packed_input.nc");
    let words = [
        "rechunk",
        text(&input),
        "--chunks",
        "time=all,y=5,x=4,depth=1",
        "--compress",
        "none",
        "-o",
        text(&output),
    ];
    run_well(Launch::Plain(2), &words);
    assert_eq!(contents(&output), contents(&input));
    assert_eq!(chunks(&output, "thetao"), [72, 1, 5, 4]);
    let raw = |path: &Path| -> Vec<i16> {
        let file = netcdf::open(path).expect("opens");
        let variable = file.variable("thetao").expect("is there");
        assert_eq!(variable.vartype(), netcdf::types::NcVariableType::Int(netcdf::types::IntType::I16));
        variable.get_values(..).expect("shorts")
    };
    assert_eq!(raw(&output), raw(&input));
}

#[test]
fn other_variables_are_carried_over_with_their_chunks() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("two.nc");
    {
        let mut file = netcdf::create(&input).expect("a file");
        file.add_unlimited_dimension("time").expect("a dimension");
        file.add_dimension("x", 6).expect("a dimension");
        file.add_dimension("length", 3).expect("a dimension");
        for name in ["a", "b"] {
            let mut v = file.add_variable::<f32>(name, &["time", "x"]).expect("a variable");
            v.set_chunking(&[2, 3]).expect("chunks");
            v.put_values(&(0..30).map(|k| k as f32).collect::<Vec<_>>(), (0..5, 0..6)).expect("written");
        }
        let mut names = file.add_string_variable("basin", &["x"]).expect("a variable");
        for (k, name) in ["Arctic", "", "Pacific", "é", "Indian", "x"].iter().enumerate() {
            names.put_string(name, [k]).expect("written");
        }
        file.add_variable::<i32>("crs", &[]).expect("a variable").put_value(7, ()).expect("written");
    }
    let output = folder.path().join("out.nc");
    let words = ["rechunk", text(&input), "--var", "b", "--chunks", "time=all,x=1", "-o", text(&output)];
    run_well(Launch::ThreadRanks(2), &words);
    assert_eq!(chunks(&output, "a"), [2, 3]);
    assert_eq!(chunks(&output, "b"), [5, 1]);
    assert_eq!(contents(&output), contents(&input));
    let file = netcdf::open(&output).expect("opens");
    assert_eq!(file.variable("basin").expect("is there").get_string([3]).expect("a string"), "é");
}

/// 60 MB of values that compress well, in chunks of maps.
fn large(folder: &Path) -> PathBuf {
    const SHAPE: [usize; 3] = [150, 316, 316];
    let path = folder.join("large.nc");
    let mut file = netcdf::create(&path).expect("a file");
    let names = ["time", "lat", "lon"];
    for (name, len) in names.iter().zip(SHAPE) {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut v = file.add_variable::<f32>("v", &names).expect("a variable");
    v.set_chunking(&[1, SHAPE[1], SHAPE[2]]).expect("chunks");
    v.set_compression(1, true).expect("compressed");
    let map = SHAPE[1] * SHAPE[2];
    for t in 0..SHAPE[0] {
        let values: Vec<f32> = (0..map).map(|c| (t * 7 + c / 64) as f32).collect();
        v.put_values(&values, (t..t + 1, 0..SHAPE[1], 0..SHAPE[2])).expect("written");
    }
    path
}

fn raw(path: &Path) -> Vec<f32> {
    // A process of another test may have inherited the lock from when the file was written.
    let open =
        || netcdf::open(path).inspect_err(|_| std::thread::sleep(std::time::Duration::from_millis(200)));
    (0..50)
        .find_map(|_| open().ok())
        .expect("opens")
        .variable("v")
        .expect("is there")
        .get_values(..)
        .expect("values")
}

/// The least memory that is enough, as the refusal of too little says.
fn least_memory(launch: Launch, input: &Path, output: &Path) -> usize {
    let refused = rechunk(launch, input, &["--chunks", SERIES, "--memory", "1MB"], output);
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    let text = said(&refused);
    let after = text.split("allow --memory ").nth(1).expect("a remedy");
    after.split("MB").next().and_then(|n| n.parse().ok()).expect("a number")
}

const SERIES: &str = "time=all,lat=20,lon=20";

#[test]
fn little_memory_goes_through_scratch_and_keeps_its_promise() {
    let folder = tempfile::tempdir().expect("a folder");
    let scratch = tempfile::tempdir().expect("a folder");
    let input = large(folder.path());
    let original = raw(&input);
    let output = folder.path().join("out.nc");
    let mut ways = vec![Launch::Plain(2), Launch::ThreadRanks(3)];
    if cfg!(feature = "mpi") {
        ways.extend([Launch::Mpi(2), Launch::Mpi(4)]);
    }
    for launch in ways {
        let least = least_memory(launch, &input, &output);
        // What a process takes by itself varies by a megabyte or two.
        for more in [3, 9] {
            let memory = format!("{}MB", least + more);
            let options = ["--chunks", SERIES, "--memory", &memory, "--scratch", text(scratch.path())];
            let done = rechunk(launch, &input, &options, &output);
            let said = said(&done);
            assert!(done.status.success(), "{launch:?} {memory}: {said}");
            assert!(more > 3 || said.contains("of scratch storage"), "{launch:?} {memory}: {said}");
            assert!(raw(&output) == original, "{launch:?} {memory}");
            let peak = said.split("memory   peak ").nth(1).expect("a peak");
            let peak: f64 = peak.split(" MB").next().and_then(|n| n.parse().ok()).expect("a number");
            let ranks = if let Launch::ThreadRanks(n) = launch { n } else { 1 };
            let promised = ((least + more) * ranks) as f64;
            assert!(peak <= 1.1 * promised, "{launch:?}: {peak} MB of {promised}");
            assert!(names_in(scratch.path()).is_empty());
        }
    }
}

#[test]
fn scratch_that_does_not_serve_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = large(folder.path());
    let output = folder.path().join("out.nc");
    let memory = format!("{}MB", least_memory(Launch::Plain(1), &input, &output) + 3);
    let options = ["--chunks", SERIES, "--memory", &memory, "--scratch", "/no/such/scratch"];
    for launch in [Launch::Plain(1), Launch::ThreadRanks(1)] {
        let done = rechunk(launch, &input, &options, &output);
        assert_eq!(done.status.code(), Some(4), "{}", said(&done));
        assert!(
            said(&done).contains("/no/such/scratch: ") && said(&done).contains("--scratch"),
            "{}",
            said(&done)
        );
    }
    // A limit on the length of files, which the scratch file meets first.
    let mut limited = Command::new("sh");
    let program = halocline();
    let command = format!(
        "ulimit -f 40000; exec {} rechunk {} --chunks {SERIES} --memory {memory} --scratch {} -o {}",
        text(&program),
        text(&input),
        text(folder.path()),
        text(&output)
    );
    let done = within_two_minutes(limited.args(["-c", &command]));
    assert_eq!(done.status.code(), Some(4), "{}", said(&done));
    assert!(said(&done).contains("scratch storage can't be written"), "{}", said(&done));
    assert_eq!(names_in(folder.path()), ["large.nc"]);
}

#[test]
fn wrong_words_are_usage_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = data("ersstv5_sst_201001-202008.nc");
    let output = folder.path().join("out.nc");
    for (options, word) in [
        (["--chunks", "time=0"], "time=all"),
        (["--chunks", "time"], "time=all"),
        (["--chunks", "depth=3"], "time, lat, lon"),
        (["--chunks", "lat=2,lat=3"], "already"),
        (["--var", "nothing"], "nothing"),
        (["--var", "sst,nothing"], "nothing"),
        (["--compress", "gzip"], "deflate"),
        (["--compress", "deflate:0"], "deflate"),
        (["--memory", "much"], "512MB"),
    ] {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(2)] {
            let done = rechunk(launch, &input, &options, &output);
            assert_eq!(done.status.code(), Some(2), "{options:?}: {}", said(&done));
            assert!(said(&done).contains(word), "{options:?}: {}", said(&done));
        }
    }
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn many_files_become_one_whatever_their_dates_count_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, units: &str, first: i16| {
        let mut file = netcdf::create(folder.path().join(name)).expect("a file");
        file.add_unlimited_dimension("time").expect("a dimension");
        file.add_dimension("x", 3).expect("a dimension");
        file.add_dimension("nv", 2).expect("a dimension");
        let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
        time.put_attribute("units", units).expect("an attribute");
        time.put_attribute("bounds", "time_bnds").expect("an attribute");
        time.put_values(&[0.5, 1.5], 0..2).expect("written");
        let mut bounds = file.add_variable::<f64>("time_bnds", &["time", "nv"]).expect("a variable");
        bounds.put_values(&[0.0, 1.0, 1.0, 2.0], (0..2, 0..2)).expect("written");
        let mut v = file.add_variable::<i16>("v", &["time", "x"]).expect("a variable");
        v.put_attribute("scale_factor", 0.5f32).expect("an attribute");
        v.put_values(&(first..first + 6).collect::<Vec<_>>(), (0..2, 0..3)).expect("written");
    };
    write("a.nc", "days since 2000-01-01", 0);
    write("b.nc", "days since 2000-01-03", 6);
    let output = folder.path().join("out.nc");
    let pattern = folder.path().join("[ab].nc");
    run_well(
        Launch::ThreadRanks(2),
        &["rechunk", text(&pattern), "--chunks", "time=all,x=2", "-o", text(&output)],
    );
    let file = netcdf::open(&output).expect("opens");
    let doubles =
        |name: &str| -> Vec<f64> { file.variable(name).expect("is there").get_values(..).expect("doubles") };
    assert_eq!(doubles("time"), [0.5, 1.5, 2.5, 3.5]);
    assert_eq!(doubles("time_bnds"), [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0]);
    let v: Vec<i16> = file.variable("v").expect("is there").get_values(..).expect("shorts");
    assert_eq!(v, (0..12).collect::<Vec<i16>>());
    assert_eq!(chunks(&output, "v"), [4, 2]);
}

/// A classic file of 4 x 3 x 5 values in each type, with NaN of odd payloads among the floats.
fn classic(path: &Path, options: netcdf::Options) {
    let mut file = netcdf::create_with(path, options).expect("a file");
    file.add_unlimited_dimension("time").expect("a dimension");
    file.add_dimension("y", 3).expect("a dimension");
    file.add_dimension("x", 5).expect("a dimension");
    let dims = ["time", "y", "x"];
    file.add_variable::<i16>("short", &dims).expect("a variable");
    file.add_variable::<f32>("single", &dims).expect("a variable");
    file.add_variable::<f64>("double", &dims).expect("a variable");
    file.add_variable::<i8>("byte", &["y", "x"]).expect("a variable");
    file.enddef().expect("defined");
    let places = || (0..4usize, 0..3usize, 0..5usize);
    let shorts: Vec<i16> = (0..60).map(|k| k * 511 - 9000).collect();
    file.variable_mut("short").expect("is there").put_values(&shorts, places()).expect("written");
    let singles: Vec<f32> =
        (0..60u32).map(|k| f32::from_bits(0x7FC0_0000 + k * 77 + k % 2 * 0x8000_0000)).collect();
    file.variable_mut("single").expect("is there").put_values(&singles, places()).expect("written");
    let doubles: Vec<f64> = (0..60).map(|k| f64::from(k) * 1.25e-300).collect();
    file.variable_mut("double").expect("is there").put_values(&doubles, places()).expect("written");
    let bytes: Vec<i8> = (0..15).map(|k| (k - 7) * 17).collect();
    file.variable_mut("byte").expect("is there").put_values(&bytes, (0..3usize, 0..5usize)).expect("written");
}

/// Bits of all values of the file above.
fn bits(path: &Path) -> Vec<u64> {
    let file = netcdf::open(path).expect("opens");
    let variable = |name: &str| file.variable(name).expect("is there");
    let mut all: Vec<u64> =
        variable("short").get_values::<i16, _>(..).expect("shorts").iter().map(|&v| v as u64).collect();
    all.extend(
        variable("single").get_values::<f32, _>(..).expect("singles").iter().map(|v| u64::from(v.to_bits())),
    );
    all.extend(variable("double").get_values::<f64, _>(..).expect("doubles").iter().map(|v| v.to_bits()));
    all.extend(variable("byte").get_values::<i8, _>(..).expect("bytes").iter().map(|&v| v as u64));
    all
}

#[test]
fn every_bit_is_kept_from_classic_files_whoever_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let formats = [netcdf::Options::empty(), netcdf::Options::_64BIT_OFFSET, netcdf::Options::_64BIT_DATA];
    for (k, options) in formats.into_iter().enumerate() {
        let input = folder.path().join(format!("classic{k}.nc"));
        classic(&input, options);
        assert_eq!(std::fs::read(&input).expect("is there")[..4], [b'C', b'D', b'F', [1, 2, 5][k]]);
        for io in ["direct", "library"] {
            for compress in ["none", "deflate:1", "zstd:3"] {
                let output = folder.path().join(format!("{io}-{compress}-{k}.nc"));
                let words = ["--io", io, "--chunks", "time=3,x=2", "--compress", compress];
                let done = rechunk(Launch::ThreadRanks(2), &input, &words, &output);
                assert!(done.status.success(), "{io} {compress}: {}", said(&done));
                assert_eq!(chunks(&output, "single"), [3, 3, 2]);
                // Reading zstd needs a plugin, which the program brings with it.
                let back = folder.path().join("back.nc");
                run_well(
                    Launch::Plain(1),
                    &["rechunk", text(&output), "--compress", "none", "-o", text(&back)],
                );
                assert_eq!(bits(&back), bits(&input), "{io} {compress}");
                if compress == "zstd:3" {
                    assert!(said(&done).contains("HDF5_PLUGIN_PATH"), "{}", said(&done));
                } else {
                    assert_eq!(bits(&output), bits(&input), "{io} {compress}");
                }
            }
        }
    }
    let input = folder.path().join("classic0.nc");
    let output = folder.path().join("never.nc");
    let done = rechunk(Launch::Plain(1), &input, &["--compress", "zstd:23"], &output);
    assert_eq!(done.status.code(), Some(2), "{}", said(&done));
}

#[test]
fn a_copy_streams_and_tells_how_it_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = large(folder.path());
    let (output, log) = (folder.path().join("out.nc"), folder.path().join("log"));
    let mut ways = vec![Launch::Plain(2), Launch::ThreadRanks(3)];
    if cfg!(feature = "mpi") {
        ways.push(Launch::Mpi(2));
    }
    for launch in ways {
        let done = rechunk(launch, &input, &["--log-json", text(&log)], &output);
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("phases   "), "{}", said(&done));
        assert!(raw(&output) == raw(&input), "{launch:?}");
        assert_eq!(chunks(&output, "v"), chunks(&input, "v"));
        let log = std::fs::read_to_string(&log).expect("a log");
        let end = log.lines().last().expect("lines");
        assert!(end.contains("\"event\":\"end\"") && end.contains("\"bytes_written\""), "{end}");
    }
}

#[test]
fn records_that_come_later_find_the_fill_value_at_the_edge() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    {
        let mut file = netcdf::create(&input).expect("a file");
        file.add_unlimited_dimension("t").expect("a dimension");
        let mut v = file.add_variable::<i16>("v", &["t"]).expect("a variable");
        v.set_fill_value(-7i16).expect("a fill value");
        v.put_values(&[1i16, 2, 3], 0..3).expect("written");
    }
    run_well(Launch::Plain(1), &["rechunk", text(&input), "--chunks", "t=2", "-o", text(&output)]);
    {
        let mut file = netcdf::append(&output).expect("opens");
        file.variable_mut("v").expect("is there").put_value(9i16, 5).expect("written");
    }
    let file = netcdf::open(&output).expect("opens");
    let v: Vec<i16> = file.variable("v").expect("is there").get_values(..).expect("shorts");
    assert_eq!(v, [1, 2, 3, -7, -7, 9]);
}
