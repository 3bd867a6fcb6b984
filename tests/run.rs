//! `halocline run`: the same bits as its steps as commands, on one read, on any ranks.

mod common;

use common::place::Place;
use common::{attribute, contents, launches, names_in, text, values, within_two_minutes, Launch};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

impl Place {
    /// Runs halocline in the directory.
    fn halocline(&self, launch: Launch, arguments: &[&str]) -> Output {
        within_two_minutes(&self.command(launch, arguments))
    }
    fn well(&self, launch: Launch, arguments: &[&str]) -> Output {
        let output = self.halocline(launch, arguments);
        assert!(output.status.success(), "{launch:?} {arguments:?}: {}", said(&output));
        output
    }
    /// Writes a pipeline of the sample and these lines, which begin with line 4.
    fn pipeline(&self, lines: &str) -> &'static str {
        self.write(&format!("[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\n{lines}"))
    }
    fn write(&self, pipeline: &str) -> &'static str {
        std::fs::write(self.at("p.toml"), pipeline).expect("written");
        "p.toml"
    }
    /// Bytes that a run fetched, as its log says.
    fn bytes_read(&self, log: &str) -> u64 {
        let log = std::fs::read_to_string(self.at(log)).expect("a log");
        let last = log.lines().last().expect("lines");
        let end: serde_json::Value = serde_json::from_str(last).expect("JSON");
        end["summary"]["bytes_read"].as_u64().unwrap_or_else(|| panic!("{end}"))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything there is in a file, of pictures the bytes.
fn whole(path: &Path) -> BTreeMap<String, String> {
    if path.extension().is_some_and(|e| e == "nc") {
        return contents(path);
    }
    let bytes = std::fs::read(path).expect("readable");
    BTreeMap::from([("bytes".to_owned(), format!("{bytes:?}"))])
}

const ALL: &str = "
time = '2010/2019'
[[step]]
do = 'relate'
from = 'sst'
with = 'index'
op = ['correlation', 'regression']
lags = [-2, 0, 3]
output = 'relation.nc'
[[step]]
name = 'modes'
do = 'eof'
from = 'clim.anomaly'
modes = 3
anomaly = 'none'
output = 'eof.nc'
[[step]]
name = 'nino'
do = 'select'
from = 'sst'
region = 'nino3.4'
[[step]]
name = 'index'
do = 'stats'
from = 'nino'
over = ['lat', 'lon']
[[step]]
name = 'clim'
do = 'climatology'
from = 'sst'
by = 'month'
op = ['mean', 'p90']
output = 'clim.nc'
anomaly = true
[[step]]
do = 'stats'
from = 'sst'
op = ['mean', 'std', 'p50']
by = 'year'
output = 'years.nc'
[[step]]
do = 'stats'
from = 'sst'
op = 'trend'
output = 'trend.nc'
[[step]]
do = 'histogram'
from = 'sst'
bins = [-2, 5, 10, 20, 35]
over = 'time'
output = 'counts.nc'
[[step]]
name = 'series'
do = 'rechunk'
files = 'sst.nc'
chunks = 'time=all,lat=10,lon=10'
output = 'series.nc'
[[step]]
do = 'anomaly'
from = 'sst'
by = 'season'
output = 'seasonal.nc'
[[step]]
do = 'plot'
from = 'clim'
var = 'sst_mean'
step = 2
output = 'clim.svg'
";

/// The steps of [`ALL`] that leave a file, as commands; the files between stay in `kept`.
const COMMANDS: [&str; 11] = [
    "stats sst.nc --var sst --time 2010/2019 --region nino3.4 --over lat,lon -o index.nc",
    "climatology sst.nc --var sst --time 2010/2019 --by month --op mean,p90 -o clim.nc --anomaly clim.anomaly.nc",
    "relate sst.nc --var sst --time 2010/2019 --with index.nc:sst --op correlation,regression --lags -2,0,3 -o relation.nc",
    "eof clim.anomaly.nc --var sst --modes 3 --anomaly none -o eof.nc",
    "stats sst.nc --var sst --time 2010/2019 --op mean,std,p50 --by year -o years.nc",
    "stats sst.nc --var sst --time 2010/2019 --op trend -o trend.nc",
    "histogram sst.nc --var sst --time 2010/2019 --bins -2,5,10,20,35 --over time -o counts.nc",
    "rechunk sst.nc --chunks time=all,lat=10,lon=10 -o series.nc",
    "climatology sst.nc --var sst --time 2010/2019 --by season -o other.nc --anomaly seasonal.nc",
    "plot clim.nc --var sst_mean --step 2 -o clim.svg",
    "info sst.nc",
];

const OUTPUTS: [&str; 9] = [
    "clim.nc",
    "clim.svg",
    "counts.nc",
    "eof.nc",
    "relation.nc",
    "seasonal.nc",
    "series.nc",
    "trend.nc",
    "years.nc",
];

#[test]
fn the_same_bits_as_the_commands_on_any_ranks() {
    let apart = Place::new();
    for command in COMMANDS {
        let mut words: Vec<&str> = command.split(' ').collect();
        words.push("-q");
        apart.well(Launch::Plain(2), &words);
    }
    for launch in launches().into_iter().filter(|l| ![Launch::Plain(2), Launch::ThreadRanks(2)].contains(l)) {
        let place = Place::new();
        let pipeline = place.pipeline(ALL);
        place.well(launch, &["run", pipeline, "-q"]);
        let mut expected: Vec<&str> = OUTPUTS.to_vec();
        expected.extend(["p.toml", "sst.nc"]);
        expected.sort_unstable();
        assert_eq!(place.names(), expected, "{launch:?}");
        for name in OUTPUTS {
            assert!(whole(&place.at(name)) == whole(&apart.at(name)), "{launch:?}: {name} has other bits");
        }
    }
}

#[test]
fn one_read_serves_all_that_read_the_same() {
    let place = Place::new();
    place.well(Launch::Plain(2), &["stats", "sst.nc", "--var", "sst", "-o", "a.nc", "--log-json", "one"]);
    let pipeline = place.pipeline(
        "[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\n\
         [[step]]\ndo = 'stats'\nfrom = 'sst'\nover = ['lat', 'lon']\nop = ['mean', 'std', 'min']\noutput = 'b.nc'\n\
         [[step]]\ndo = 'histogram'\nfiles = 'sst.nc'\nvar = 'sst'\nbins = '0:30:30'\noutput = 'c.nc'\n\
         [[step]]\ndo = 'climatology'\nfrom = 'sst'\nby = 'month'\noutput = 'd.nc'\n\
         [[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'index.csv'\noutput = 'e.nc'\n",
    );
    let index: Vec<String> =
        (0..128).map(|m| format!("{}-{:02},{}", 2010 + m / 12, m % 12 + 1, m * m % 13)).collect();
    std::fs::write(place.at("index.csv"), index.join("\n")).expect("written");
    for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
        let output = place.well(launch, &["run", pipeline, "--log-json", "all"]);
        assert!(
            said(&output).contains("one read for step 1, step 2, step 3, step 4, step 5"),
            "{}",
            said(&output)
        );
        assert_eq!(place.bytes_read("all"), place.bytes_read("one"), "{launch:?}");
        std::fs::remove_file(place.at("all")).expect("is there");
    }
    // With other times it is another read.
    let pipeline = place.pipeline(
        "[[step]]\ndo = 'stats'\nfrom = 'sst'\noutput = 'a.nc'\n\
         [[step]]\ndo = 'stats'\nfrom = 'sst'\ntime = '2010/2019'\noutput = 'b.nc'\n",
    );
    place.well(Launch::Plain(2), &["run", pipeline, "--log-json", "two"]);
    assert!(place.bytes_read("two") > place.bytes_read("one"));
}

#[test]
fn a_dry_run_tells_all_and_writes_nothing() {
    let place = Place::new();
    let pipeline = place.pipeline(ALL);
    for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
        let output = place.well(launch, &["run", pipeline, "--dry-run"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        for part in [
            "p.toml: 10 steps in 2 rounds",
            "pass 1: sst (120 time x 89 lat x 180 lon), 3.7 MB",
            "step `clim` by itself: whole series of sst",
            "-> clim.nc, clim.anomaly.nc (kept for later steps)",
            "step `modes` reads what comes of step `clim`",
            "step `series` reads",
            "in all, where the steps one after the other would read",
        ] {
            assert!(told.contains(part), "no `{part}` in\n{told}");
        }
        assert_eq!(place.names(), ["p.toml", "sst.nc"]);
    }
    // What a run refuses, it refuses.
    let error = |extra: &[&str]| {
        let words: Vec<&str> = ["run", pipeline, "--dry-run"].iter().chain(extra).copied().collect();
        let output = place.halocline(Launch::Plain(1), &words);
        (output.status.code(), said(&output))
    };
    let (code, message) = error(&["--memory", "10MB"]);
    assert_eq!(code, Some(5), "{message}");
    assert!(message.contains("p.toml:") && message.contains("MB"), "{message}");
    std::fs::remove_file(place.at("sst.nc")).expect("is there");
    let (code, message) = error(&[]);
    assert_eq!(code, Some(3), "{message}");
    assert_eq!(place.names(), ["p.toml"]);
}

#[test]
fn the_examples_of_the_docs_run() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pipelines");
    let names = names_in(&examples);
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let place = Place::new();
        for (member, since) in [("member_a.nc", 0), ("member_b.nc", 0), ("member_c.nc", 0)] {
            let layout = common::made::Layout::Chunked([12, 9, 18], Some(1));
            common::made::Made { shape: [36, 9, 18], layout, since }.write(&place.at(member));
        }
        let pipeline = examples.join(&name);
        place.well(Launch::Plain(2), &["run", text(&pipeline), "--dry-run"]);
        place.well(Launch::ThreadRanks(2), &["run", text(&pipeline), "-q"]);
        let written = std::fs::read_to_string(&pipeline).expect("readable");
        let outputs = written.lines().filter_map(|line| line.strip_prefix("output = \""));
        for output in outputs.filter_map(|rest| rest.split('"').next()) {
            assert!(place.at(output).exists(), "{name}: no {output}");
        }
        assert!(!place.names().iter().any(|n| n.starts_with('.')), "{name}: {:?}", place.names());
    }
}

#[test]
fn files_of_a_pipeline_say_what_they_are_of() {
    let place = Place::new();
    let pipeline = place.pipeline(
        "[[step]]\nname = 'area'\ndo = 'stats'\nfrom = 'sst'\nover = ['lat', 'lon']\n\
         [[step]]\ndo = 'relate'\nfrom = 'sst'\nwith = 'area:sst'\noutput = 'a.nc'\n",
    );
    place.well(Launch::Plain(2), &["run", pipeline, "-q"]);
    let all = contents(&place.at("a.nc"));
    assert!(
        all[":halocline_relate_options"].contains("with=area.nc:sst;"),
        "{}",
        all[":halocline_relate_options"]
    );
    let file = netcdf::open(place.at("a.nc")).expect("opens");
    match file.attribute("history").expect("a history").value() {
        Ok(netcdf::AttributeValue::Str(text)) => assert!(text.contains("halocline run p.toml -q"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(attribute(&place.at("a.nc"), "sst_correlation", "units").as_deref(), Some("1"));
    assert!(values(&place.at("a.nc"), "sst_correlation").iter().any(|v| v.is_finite()));
}

#[test]
fn files_between_steps_serve_every_command() {
    let lines = "[[step]]\nname = 'monthly'\ndo = 'anomaly'\nfrom = 'listed'\nby = 'month'\n\
         [[step]]\nname = 'seasonal'\ndo = 'anomaly'\nfrom = 'listed'\nby = 'season'\n\
         [[step]]\ndo = 'histogram'\nfrom = 'monthly'\nwith = 'seasonal'\nbins = ['-3:3:30', [-5, -1, 0, 1, 5]]\noutput = 'joint.nc'\n\
         [[step]]\nname = 'series'\ndo = 'rechunk'\nfrom = 'monthly'\nchunks = ['time=all', 'lat=10', 'lon=10']\n\
         [[step]]\ndo = 'stats'\nfrom = 'series'\nop = 'p50'\noutput = 'median.nc'\n\
         [[step]]\ndo = 'relate'\nfrom = 'monthly'\nwith = 'seasonal:sst'\noutput = 'related.nc'\n\
         [[step]]\ndo = 'plot'\nfrom = 'series'\noutput = 'map.svg'\n\
         [source.listed]\nfile-list = 'list'\nvar = 'sst'\nio = 'library'\nno-cache = true\n";
    let outputs = ["joint.nc", "median.nc", "related.nc", "map.svg"];
    let mut first: Vec<BTreeMap<String, String>> = Vec::new();
    for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
        let place = Place::new();
        std::fs::write(place.at("list"), "# one file\nsst.nc\n").expect("written");
        std::fs::create_dir(place.at("between")).expect("made");
        let pipeline = place.pipeline(lines);
        let output = place.well(launch, &["run", pipeline, "--scratch", "between"]);
        assert!(said(&output).contains("one read for step 3, step 6"), "{}", said(&output));
        assert_eq!(names_in(&place.at("between")), [""; 0]);
        let all: Vec<_> = outputs.iter().map(|name| whole(&place.at(name))).collect();
        if first.is_empty() {
            first = all;
        } else {
            assert!(all == first, "{launch:?}: other bits");
        }
    }
    assert!(first[0][":halocline_histogram_options"].contains("with=seasonal.nc:sst"));
}
