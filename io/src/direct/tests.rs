//! Direct reading beside the library: the same bits of every variable of every file at hand.

use super::target::Part;
use super::{locate, read, Found, Located, Wanted};
use crate::cf::{rule, Element, Number};
use crate::dataset::meta::{FileMeta, RawVariable};
use crate::guard::guarded;
use crate::netcdf_read::NetcdfReader;
use crate::probe::probe;
use crate::stored::StoredReader;
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Values};
use halocline_core::{ErrorKind, Result};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Values compared of a variable; the rest only has to be found.
const MOST: usize = 3 << 20;

/// Pseudo-random numbers below `n`, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
    fn part(&mut self, len: usize) -> Range<usize> {
        let (a, b) = (self.below(len), self.below(len));
        a.min(b)..a.max(b) + 1
    }
}

fn direct<T: Number>(path: &Path, v: &RawVariable, at: &Located, block: &IndexBox) -> Result<Vec<T>> {
    let mut out = vec![T::from_f64(-77.0); block.len()];
    let part = Part::new(&mut out, block.clone()).unwrap();
    read(&File::open(path).unwrap(), &at.storage, &v.decode, part)?;
    Ok(out)
}

fn bits(values: &Values) -> Vec<u64> {
    match values {
        Values::F32(v) => v.iter().map(|v| u64::from(v.to_bits())).collect(),
        Values::F64(v) => v.iter().map(|v| v.to_bits()).collect(),
        _ => panic!("no numbers"),
    }
}

/// Blocks of a variable: all of it or its first part, and some at random.
fn blocks(shape: &[usize], dice: &mut Dice) -> Vec<IndexBox> {
    if shape.contains(&0) {
        return Vec::new();
    }
    let mut first = IndexBox::whole(shape);
    for (d, &len) in shape.iter().enumerate() {
        let most = (len * MOST / first.len().max(1)).clamp(1, len);
        first = first.with_range(d, 0..most);
    }
    let mut all = vec![first];
    for _ in 0..4 {
        let block = IndexBox::new(shape.iter().map(|&len| dice.part(len)).collect());
        all.extend((block.len() <= MOST).then_some(block));
    }
    all
}

/// Compares one variable; why it was not, if so.
fn compare(path: &Path, v: &RawVariable, reader: &NetcdfReader) -> std::result::Result<(), String> {
    let wanted = Wanted { name: &v.name, dtype: v.dtype, shape: &v.shape };
    let located = match locate(path, wanted) {
        Ok(Found::Here(located)) => located,
        Ok(Found::NotCovered(why)) => return Err(format!("not covered: {why}")),
        Err(e) => {
            assert_eq!(e.exit_code(), 3, "{e}");
            return Err(format!("refused: {e}"));
        }
    };
    for block in blocks(&v.shape, &mut Dice(7)) {
        let element = v.decode.element();
        let ours = match element {
            Element::F32 => direct(path, v, &located, &block).map(Values::F32),
            Element::F64 => direct(path, v, &located, &block).map(Values::F64),
        };
        let theirs = reader.read_raw(&v.name, block.ranges());
        let theirs = theirs.map(|stored| (v.decode.decode(stored.clone(), element), stored));
        match (ours, theirs) {
            (Ok(ours), Ok((theirs, stored))) => {
                assert!(bits(&ours) == bits(&theirs), "{}: {} {block:?}", path.display(), v.name);
                let wide = direct::<f64>(path, v, &located, &block).unwrap();
                let theirs = v.decode.decode(stored, Element::F64);
                assert!(bits(&Values::F64(wide)) == bits(&theirs), "{}: {}", path.display(), v.name);
            }
            (Err(ours), Err(theirs)) => {
                assert_eq!((ours.exit_code(), theirs.exit_code()), (3, 3));
                return Err(format!("damaged: {ours}"));
            }
            (Err(ours), Ok(_)) => return Err(format!("only the library reads it: {ours}")),
            // The library has no such filter, or passes a bad checksum by.
            (Ok(_), Err(theirs)) => return Err(format!("only read directly: {theirs}")),
        }
    }
    Ok(())
}

/// All files under a folder that may hold NetCDF.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| ["nc", "nc4", "h5", "hdf5", "cdf"].iter().any(|k| e == *k))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn by_library(path: &Path) -> Result<(NetcdfReader, FileMeta)> {
    NetcdfReader::metadata(path, &probe(path)?)
}

/// Compares every variable of every file in a folder; gives how many were compared, and what was
/// said of the others.
fn compare_all(folder: &Path) -> (usize, Vec<String>) {
    let (mut compared, mut notes) = (0, Vec::new());
    for path in files(folder) {
        let Ok((reader, meta)) = by_library(&path) else { continue };
        for v in meta.variables.iter().filter(|v| v.dtype.is_numeric()) {
            match compare(&path, v, &reader) {
                Ok(()) => compared += 1,
                Err(why) => notes.push(format!("{}: {}: {why}", path.display(), v.name)),
            }
        }
    }
    (compared, notes)
}

fn data() -> Option<PathBuf> {
    let set = std::env::var_os("HALOCLINE_DATA").map(PathBuf::from);
    let folder = set.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: {} is not there (set HALOCLINE_DATA)", folder.display());
    None
}

/// Files of every kind that HDF5 has, made for this.
fn made() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5")
}

#[test]
fn every_kind_of_index_type_and_filter() {
    let (compared, notes) = compare_all(&made());
    assert_eq!(compared, 112);
    // What is left to the library, and what this library has no filter for.
    let left: Vec<&str> = notes.iter().filter_map(|n| n.split(": ").nth(1)).collect();
    assert_eq!(left, ["deflated", "narrow", "shuffled", "half", "lzf", "null"], "{notes:#?}");
    assert!(notes.iter().all(|n| n.contains("not covered: ") != n.contains(": lzf: only read directly")));
}

/// Looks for a variable and reads it; the error if there is one, which must be of a kind that a
/// damaged file may have.
fn survive(path: &Path, name: &str, dtype: DType, shape: &[usize]) {
    let kinds = [ErrorKind::Data, ErrorKind::System, ErrorKind::Memory];
    let wanted = Wanted { name, dtype, shape };
    match locate(path, wanted) {
        Ok(Found::Here(at)) if shape.iter().product::<usize>() <= MOST => {
            let decode = rule(dtype, false, |_| None);
            let mut out = vec![0f64; shape.iter().product()];
            let part = Part::new(&mut out, IndexBox::whole(shape)).unwrap();
            if let Err(e) = read(&File::open(path).unwrap(), &at.storage, &decode, part) {
                assert!(kinds.contains(&e.kind), "{e}");
            }
        }
        Ok(_) => {}
        Err(e) => assert!(kinds.contains(&e.kind), "{e}"),
    }
}

#[test]
fn flipped_bytes_end_in_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(11);
    for path in files(&made()) {
        let (reader, meta) = by_library(&path).unwrap();
        drop(reader);
        let numeric: Vec<&RawVariable> = meta.variables.iter().filter(|v| v.dtype.is_numeric()).collect();
        let bytes = std::fs::read(&path).unwrap();
        let damaged = folder.path().join(path.file_name().unwrap());
        for round in 0..150 {
            let mut bytes = bytes.clone();
            for _ in 0..=round % 4 {
                let at = dice.below(bytes.len());
                bytes[at] = [0, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1), 0x7f][dice.below(5)];
            }
            if round % 10 == 0 {
                bytes.truncate(dice.below(bytes.len()) + 1);
            }
            std::fs::write(&damaged, bytes).unwrap();
            for _ in 0..3 {
                let v = numeric[dice.below(numeric.len())];
                survive(&damaged, &v.name, v.dtype, &v.shape);
            }
        }
    }
}

#[test]
fn hostile_files_end_in_an_answer() {
    let Some(data) = data() else { return };
    let mut looked = 0;
    for path in files(&data.join("odd/hdf5_cve")) {
        let names = guarded(|| {
            let group = hdf5_reader::Hdf5File::open(&path).and_then(|f| f.root_group())?;
            let sets = group.datasets()?;
            Ok::<_, hdf5_reader::error::Error>(
                sets.iter().map(|d| (d.name().to_owned(), d.shape().to_vec())).collect::<Vec<_>>(),
            )
        });
        for (name, shape) in names.and_then(std::result::Result::ok).unwrap_or_default() {
            let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
            if shape.iter().try_fold(1usize, |n, &len| n.checked_mul(len)).is_none() {
                continue;
            }
            for dtype in [DType::U8, DType::I32, DType::F32, DType::F64] {
                survive(&path, &name, dtype, &shape);
                looked += 1;
            }
        }
    }
    println!("{looked} looks at hostile files");
}

#[test]
fn the_same_bits_as_the_library() {
    let (compared, notes) = compare_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data"));
    notes.iter().for_each(|n| println!("{n}"));
    assert!(compared > 5);
    let Some(data) = data() else { return };
    for folder in ["formats", "atmos", "ocean", "odd/made", "odd/compliance-checker"] {
        let (compared, notes) = compare_all(&data.join(folder));
        println!("{folder}: {compared} variables compared");
        notes.iter().for_each(|n| println!("{n}"));
        let wrong = |n: &&String| n.contains("only the library reads it") || n.contains("refused");
        assert_eq!(notes.iter().find(wrong), None);
    }
}
