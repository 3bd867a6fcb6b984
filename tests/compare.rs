//! `halocline compare`: what it finds, how it ends, on all ranks.

mod common;

use common::made::{Layout, Made};
use common::{launches, run, text, Launch};
use serde_json::Value;
use std::path::{Path, PathBuf};

const SHAPE: [usize; 3] = [14, 9, 22];

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn made(&self, name: &str, layout: Layout) -> PathBuf {
        Made { shape: SHAPE, layout, since: 0 }.write(&self.at(name));
        self.at(name)
    }
}

fn compare(launch: Launch, a: &Path, b: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let output = run(launch, &[&["compare", text(a), text(b)], more].concat());
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), said(&output.stdout), said(&output.stderr))
}

fn json(launch: Launch, a: &Path, b: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = compare(launch, a, b, &[&["--json"], more].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
}

fn values(all: &Value, name: &str) -> Value {
    let variables = all["variables"].as_array().expect("a list");
    variables.iter().find(|v| v["name"] == name).expect("is there")["values"].clone()
}

/// Adds a half at one place, a unit in the last place at another, takes a value away at a third.
fn spoil(path: &Path) -> [(usize, f32); 3] {
    let mut file = netcdf::append(path).expect("opens");
    let mut variable = file.variable_mut("tos").expect("is there");
    let present: Vec<usize> = (0..SHAPE.iter().product::<usize>())
        .filter(|i| !common::made::value(i / 198, i % 198).is_nan())
        .collect();
    let picked = [present[7], present[500], present[present.len() - 1]];
    picked.map(|cell| {
        let place = [cell / 198, cell % 198 / 22, cell % 22];
        let old: f32 = variable.get_value(place).expect("a value");
        let new = match picked.iter().position(|&p| p == cell) {
            Some(0) => old + 0.5,
            Some(1) => f32::from_bits(old.to_bits() + 1),
            _ => 1e20,
        };
        variable.put_value(new, place).expect("written");
        (cell, old)
    })
}

#[test]
fn differences_and_their_places_are_the_same_on_all_ranks() {
    let files = Files::new();
    let a = files.made("a.nc", Layout::Chunked([3, 4, 7], Some(1)));
    let b = files.made("b.nc", Layout::Chunked([5, 9, 22], None));
    let spoilt = spoil(&b);
    let mut first = None;
    for launch in launches() {
        let (code, all) = json(launch, &a, &b, &[]);
        assert_eq!(code, Some(7), "{launch:?}");
        assert_eq!(*first.get_or_insert_with(|| all.clone()), all, "{launch:?}");
    }
    let all = first.expect("ran");
    let tos = values(&all, "tos");
    assert_eq!(tos["differing"], 3);
    assert_eq!(tos["missing_only_in_second"], 1);
    let (cell, old) = spoilt[0];
    let half = f64::from(old + 0.5) - f64::from(old);
    assert_eq!(tos["absolute"]["difference"], half);
    assert_eq!(tos["absolute"]["index"], serde_json::json!([cell / 198, cell % 198 / 22, cell % 22]));
    assert_eq!(tos["absolute"]["first"], f64::from(spoilt[0].1));
    assert_eq!(values(&all, "lat")["differing"], 0);

    // Within one step of the last place, the half remains and what is missing.
    let beyond = |more: &[&str]| {
        let (code, all) = json(Launch::Plain(2), &a, &b, more);
        (code, values(&all, "tos")["beyond_tolerance"].as_u64())
    };
    assert_eq!(beyond(&["--tolerance-ulp", "1"]), (Some(7), Some(2)));
    assert_eq!(beyond(&["--tolerance-abs", "0.5"]), (Some(7), Some(1)));
    assert_eq!(beyond(&["--tolerance-rel", "1e-6"]), (Some(7), Some(2)));
    assert_eq!(compare(Launch::Plain(1), &a, &b, &["--exclude", "tos"]).0, Some(0));
    assert_eq!(compare(Launch::Plain(1), &a, &b, &["--var", "lat,lon"]).0, Some(0));
}

#[test]
fn the_same_values_in_other_forms_are_the_same() {
    let files = Files::new();
    let classic = files.made("classic.nc", Layout::Classic);
    let other = files.made("other.nc", Layout::Chunked([5, 4, 7], Some(4)));
    let whole = files.made("whole.nc", Layout::Contiguous);
    let maps = files.made("maps.nc", Layout::Chunked([1, 9, 22], Some(1)));
    let series = files.made("series.nc", Layout::Chunked([SHAPE[0], 2, 3], Some(1)));
    for (a, b) in
        [(&classic, &other), (&other, &whole), (&whole, &classic), (&maps, &series), (&series, &maps)]
    {
        let (code, out, err) = compare(Launch::ThreadRanks(3), a, b, &[]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.ends_with("the same: 4 variables\n"), "{out}");
    }
    let (code, out, _) = compare(Launch::Plain(1), &classic, &other, &["-q"]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
}

fn small(path: &Path, add: impl FnOnce(&mut netcdf::FileMut)) {
    let mut file = netcdf::create(path).expect("a test file");
    file.add_dimension("n", 3).expect("a dimension");
    add(&mut file);
}

#[test]
fn types_packing_text_and_attributes() {
    let files = Files::new();
    let (a, b) = (files.at("a.nc"), files.at("b.nc"));
    for (path, fill, scale, text, number) in
        [(&a, -1i16, 0.5, "abc", i64::MAX), (&b, -9, 0.25, "abd", i64::MIN)]
    {
        small(path, |file| {
            let mut packed = file.add_variable::<i16>("packed", &["n"]).expect("a variable");
            packed.set_fill_value(fill).expect("a fill value");
            packed.put_attribute("scale_factor", scale).expect("an attribute");
            packed.put_values(&[(2.0 / scale) as i16, (5.0 / scale) as i16, fill], ..).expect("written");
            let mut big = file.add_variable::<i64>("big", &["n"]).expect("a variable");
            big.put_values(&[1, number, 3], ..).expect("written");
            let mut single = file.add_variable::<f64>("single", &[]).expect("a variable");
            single.put_value(f64::NAN, ()).expect("written");
            let mut word = file.add_string_variable("word", &["n"]).expect("a variable");
            for i in 0..3 {
                word.put_string(if i == 1 { text } else { "x" }, [i]).expect("written");
            }
            file.add_attribute("title", text).expect("an attribute");
        });
    }
    let (code, all) = json(Launch::Mpi(2), &a, &b, &[]);
    assert_eq!(code, Some(7));
    assert_eq!(all["metadata"], serde_json::json!(["attribute `title`: \"abc\" and \"abd\""]));
    // As stored, all that is there differs; what is missing in both does not.
    assert_eq!(values(&all, "packed")["differing"], 2);
    assert_eq!(values(&all, "big")["ulp"]["difference"], u64::MAX as f64);
    assert_eq!(values(&all, "single")["differing"], 0);
    assert_eq!(values(&all, "word")["differing"], 1);
    let data_only = ["--data-only", "--unpacked", "--var", "packed,single"];
    assert_eq!(compare(Launch::Plain(1), &a, &b, &data_only).0, Some(0));
    let told = ["--unpacked", "--var", "packed", "--ignore-attributes", "title,_FillValue"];
    let (code, out, _) = compare(Launch::Plain(1), &a, &b, &told);
    assert_eq!(code, Some(7));
    assert!(out.contains("attribute `scale_factor`: 0.5 and 0.25"), "{out}");
}

#[test]
fn what_can_not_be_compared() {
    let files = Files::new();
    let (a, b) = (files.at("a.nc"), files.at("b.nc"));
    small(&a, |file| {
        file.add_variable::<f32>("x", &["n"]).expect("a variable");
        file.add_variable::<f32>("same", &[]).expect("a variable").put_value(1f32, ()).expect("written");
    });
    small(&b, |file| {
        file.add_dimension("m", 4).expect("a dimension");
        file.add_variable::<f32>("x", &["m"]).expect("a variable");
        file.add_variable::<f32>("y", &["m"]).expect("a variable");
    });
    let (code, all) = json(Launch::ThreadRanks(2), &a, &b, &[]);
    assert_eq!(code, Some(7));
    let why = |name: &str| {
        let variables = all["variables"].as_array().expect("a list");
        variables.iter().find(|v| v["name"] == name).expect("is there")["not_compared"].clone()
    };
    assert_eq!(why("x"), "shape: [3] and [4]");
    assert_eq!(why("same"), "only in the first");
    assert_eq!(why("y"), "only in the second");

    let ends = |a: &Path, b: &Path, more: &[&str], code: i32, what: &str| {
        let (found, _, err) = compare(Launch::Mpi(2), a, b, more);
        assert_eq!(found, Some(code), "{err}");
        assert!(
            err.contains(what) && err.lines().filter(|l| l.starts_with("halocline:")).count() == 1,
            "{err}"
        );
    };
    ends(&a, &files.at("absent.nc"), &[], 3, "absent.nc: no such file");
    ends(&a, &b, &["--var", "z"], 2, "neither file has a variable `z`");
    ends(&a, &b, &["--var", "y,same"], 3, "has no variable in common");
    ends(&a, &b, &["--tolerance-abs=-1"], 2, "is no number from 0 on");
    std::fs::write(files.at("bad.nc"), b"CDF\x05").expect("written");
    ends(&a, &files.at("bad.nc"), &[], 3, "bad.nc");
}

/// The sample of groups and own types, with some bytes of its values replaced.
fn own_types(path: &Path, changes: &[(&[u8], &[u8])]) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/own_types.nc");
    let mut bytes = std::fs::read(sample).expect("the sample");
    for (old, new) in changes {
        let at: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i..].starts_with(old)).collect();
        assert_eq!(at.len(), 1, "{old:?} is there once");
        bytes[at[0]..at[0] + new.len()].copy_from_slice(new);
    }
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn groups_and_own_types_are_compared() {
    let files = Files::new();
    let (a, b) = (files.at("a.nc"), files.at("b.nc"));
    own_types(&a, &[]);
    let salt = [35f32, 34.0].map(f32::to_le_bytes).concat();
    let other = [35f32, 33.0].map(f32::to_le_bytes).concat();
    let sst = [12305i16, 12306].map(i16::to_le_bytes).concat();
    let changes: [(&[u8], &[u8]); 4] =
        [(b"east", b"East"), (&[1, 2, 3, 4, 6], &[1, 2, 3, 4, 9]), (&salt, &other), (&sst, &[0x21, 0x30])];
    own_types(&b, &changes);
    let left_out = ["--exclude", "list", "--ignore-attributes", "origin"];
    let mut first = None;
    for launch in launches() {
        let (code, all) = json(launch, &a, &b, &left_out);
        assert_eq!(code, Some(7), "{launch:?}");
        assert_eq!(*first.get_or_insert_with(|| all.clone()), all, "{launch:?}");
        let (code, out, err) = compare(launch, &a, &a, &left_out);
        assert_eq!(code, Some(0), "{launch:?}: {out}{err}");
        assert!(out.ends_with("the same: 9 variables\n"), "{out}");
    }
    let all = first.expect("ran");
    for (name, cells, differing) in [
        ("where", 3, 1),
        ("ground", 3, 0),
        ("bytes", 3, 1),
        ("x", 3, 0),
        ("/model/lat", 2, 0),
        ("/model/sst", 6, 1),
        ("/model/label", 2, 0),
        ("/model/mask", 6, 0),
        ("/model/deep/salt", 2, 1),
    ] {
        let found = values(&all, name);
        assert_eq!((&found["compared"], &found["differing"]), (&cells.into(), &differing.into()), "{name}");
    }
    assert_eq!(values(&all, "/model/sst")["absolute"]["difference"], 16.0);
    let coordinates = |name: &str| values(&all, name)["absolute"]["coordinates"].clone();
    assert_eq!(coordinates("/model/deep/salt"), serde_json::json!(["lat 10"]));
    let one = |more: &[&str]| compare(Launch::Plain(1), &a, &b, more).0;
    assert_eq!(one(&["--var", "/model/label,model/mask,ground"]), Some(0));
    assert_eq!(one(&["--var", "model/sst"]), Some(7));
    assert_eq!(one(&["--var", "model/sst", "--unpacked", "--tolerance-abs", "8"]), Some(0));
    assert_eq!(one(&["--data-only", "--exclude", "where,bytes,list,model/sst,model/deep"]), Some(0));
    assert_eq!(one(&["--data-only", "--exclude", "where,bytes,list,model"]), Some(0));
    assert_eq!(one(&["--var", "model/none"]), Some(2));
}

#[test]
fn what_netcdf_does_not_see_is_not_passed_over() {
    let files = Files::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/unseen.h5");
    let (b, c) = (files.at("b.h5"), files.at("c.nc"));
    std::fs::copy(&sample, &b).expect("copied");
    let attributes = "both,ok,sure,where,per/day";
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        let (code, all) = json(launch, &sample, &b, &[]);
        assert_eq!((code, &all["same"]), (Some(3), &Value::Bool(false)), "{all}");
        assert_eq!(all["data_sets_not_compared"], serde_json::json!(["/g/deep", "flags", "link", "pair"]));
        let unread = all["attributes_not_compared"].to_string();
        for name in attributes.split(',') {
            assert!(unread.contains(&format!("attribute `{name}`")), "{name}: {unread}");
        }
        let left_out = ["--exclude", "flags,link,pair,g/deep", "--ignore-attributes", attributes];
        let (code, out, err) = compare(launch, &sample, &b, &left_out);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let (code, out, err) = compare(launch, &sample, &b, &[&left_out[..2], &["--data-only"]].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let (code, _, err) = compare(launch, &sample, &b, &["--data-only", "--var", "x,flags"]);
        assert_eq!(code, Some(3));
        assert!(err.contains("`flags`") && err.contains("--exclude flags"), "{err}");
    }
    {
        let mut file = netcdf::create(&c).expect("a test file");
        file.add_dimension("n", 3).expect("a dimension");
        file.add_variable::<f32>("x", &["n"]).expect("a variable");
    }
    let (code, out, _) = compare(Launch::Plain(1), &c, &sample, &["--data-only"]);
    assert_eq!(code, Some(7));
    assert!(out.contains("data set `flags`: only in the second"), "{out}");
}

#[test]
fn what_is_not_compared_is_not_the_same() {
    let files = Files::new();
    let (a, b, c) = (files.at("a.nc"), files.at("b.nc"), files.at("c.nc"));
    own_types(&a, &[]);
    own_types(&b, &[]);
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        let (code, out, err) = compare(launch, &a, &b, &[]);
        assert_eq!(code, Some(3), "{out}{err}");
        assert!(out.contains("list(n) int(*): not compared") && out.contains("can't be told: 2"), "{out}");
        assert!(out.contains("`x`: attribute `origin`: not compared"), "{out}");
        assert!(err.contains("`list`") && err.contains("--exclude list"), "{err}");
        let (code, _, err) = compare(launch, &a, &b, &["--exclude", "list"]);
        assert_eq!(code, Some(3));
        assert!(err.contains("--ignore-attributes"), "{err}");
    }
    let (code, all) = json(Launch::Plain(1), &a, &b, &[]);
    assert_eq!((code, &all["same"]), (Some(3), &Value::Bool(false)));
    assert_eq!(compare(Launch::Plain(1), &a, &b, &["-q", "--exclude", "list", "--data-only"]).0, Some(0));

    // A group, its attributes, its dimensions.
    std::fs::copy(&a, &c).expect("copied");
    {
        let mut file = netcdf::append(&c).expect("opens");
        let mut group = file.group_mut("model").expect("groups").expect("is there");
        group.add_attribute("title", "of another").expect("an attribute");
        let mut more = group.add_group("more").expect("a group");
        more.add_variable::<f32>("y", &["lat"]).expect("a variable");
        more.add_group("inside").expect("a group");
    }
    let (code, out, _) = compare(Launch::ThreadRanks(2), &c, &b, &[]);
    assert_eq!(code, Some(7));
    assert!(out.contains("group `/model`: attribute `title`: \"of another\" and \"of a group\""), "{out}");
    assert!(out.contains("group `/model/more`: only in the first"), "{out}");
    assert!(!out.contains("inside") && !out.contains("/more/y"), "{out}");
    let (code, out, _) = compare(Launch::Plain(1), &b, &c, &["--data-only", "--exclude", "list"]);
    assert_eq!(code, Some(7), "{out}");
    assert!(out.contains("group `/model/more`: only in the second") && !out.contains("title"), "{out}");
    let excluded = ["--data-only", "--exclude", "list,/model/more"];
    assert_eq!(compare(Launch::Plain(1), &b, &c, &excluded).0, Some(0));

    // Nothing but groups.
    let grouped = |name: &str, value: f32| {
        let mut file = netcdf::create(files.at(name)).expect("a test file");
        let mut group = file.add_group("g").expect("a group");
        group.add_dimension("n", 3).expect("a dimension");
        group
            .add_variable::<f32>("x", &["n"])
            .expect("a variable")
            .put_values(&[value; 3], ..)
            .expect("written");
        files.at(name)
    };
    let (d, e) = (grouped("d.nc", 1.0), grouped("e.nc", 2.0));
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        assert_eq!(compare(launch, &d, &d, &[]).0, Some(0));
        let (code, out, _) = compare(launch, &d, &e, &[]);
        assert_eq!(code, Some(7));
        assert!(out.contains("/g/x(n) float: 3 of 3 values differ"), "{out}");
    }
    {
        let mut file = netcdf::create(files.at("f.nc")).expect("a test file");
        let mut group = file.add_group("h").expect("a group");
        group.add_dimension("n", 3).expect("a dimension");
        group.add_variable::<f32>("x", &["n"]).expect("a variable");
    }
    let (code, _, err) = compare(Launch::Plain(1), &d, &files.at("f.nc"), &[]);
    assert_eq!(code, Some(3));
    assert!(err.contains("has no variable in common"), "{err}");
}

#[test]
fn integers_are_compared_and_told_exactly() {
    let files = Files::new();
    let (a, b) = (files.at("a.nc"), files.at("b.nc"));
    let (wide, byte) = ((1i64 << 60, 1i64 << 53), -1i8);
    small(&a, |file| {
        let mut big = file.add_variable::<i64>("big", &["n"]).expect("a variable");
        big.put_values(&[1, wide.0, 3], ..).expect("written");
        let mut real = file.add_variable::<i64>("real", &["n"]).expect("a variable");
        real.put_values(&[0, wide.1 + 1, -7], ..).expect("written");
        let mut small = file.add_variable::<i8>("small", &[]).expect("a variable");
        small.put_attribute("_Unsigned", "true").expect("an attribute");
        small.put_value(byte, ()).expect("written");
    });
    small(&b, |file| {
        let mut big = file.add_variable::<i64>("big", &["n"]).expect("a variable");
        big.put_values(&[1, wide.0 + 1, 3], ..).expect("written");
        let mut real = file.add_variable::<f64>("real", &["n"]).expect("a variable");
        real.put_values(&[0.0, wide.1 as f64, -7.0], ..).expect("written");
        let mut small = file.add_variable::<u8>("small", &[]).expect("a variable");
        small.put_value(255u8, ()).expect("written");
    });
    for (a, b) in [(&a, &b), (&b, &a)] {
        let (code, all) = json(Launch::ThreadRanks(2), a, b, &["--data-only", "--var", "big,real"]);
        assert_eq!(code, Some(7));
        assert_eq!(values(&all, "real")["differing"], 1);
        assert_eq!(values(&all, "real")["absolute"]["difference"], 1.0);
        let told = ["first", "second"].map(|which| values(&all, "big")["absolute"][which].as_i64());
        assert!(told.contains(&Some(wide.0)) && told.contains(&Some(wide.0 + 1)), "{told:?}");
        let of_byte = ["--data-only", "--var", "small"];
        assert_eq!(compare(Launch::Plain(1), a, b, &of_byte).0, Some(7));
        assert_eq!(compare(Launch::Plain(1), a, b, &[&of_byte[..], &["--unpacked"]].concat()).0, Some(0));
    }
    let (_, out, _) = compare(Launch::Plain(1), &a, &b, &["--var", "big"]);
    assert!(out.contains("1152921504606846976 and 1152921504606846977 at [1]"), "{out}");
}
