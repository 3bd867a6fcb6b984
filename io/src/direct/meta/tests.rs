//! Both ways of reading agree, file by file; damaged files are refused.

use super::*;
use crate::stored::StoredValues;
use halocline_core::meta::DType;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What the library reads and direct reading does not know.
const FOR_THE_LIBRARY: [&str; 1] = ["ref_tst_compounds.nc"];

/// All files under the folders of test data.
fn files() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var("HALOCLINE_DATA");
    let shared = shared.map_or_else(|_| here.join("../../shared/data"), PathBuf::from);
    if !shared.exists() {
        println!("skipped: no larger data at {}", shared.display());
    }
    let mut folders = vec![here.join("../tests"), shared];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn is_odd(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "odd")
}

/// What differs between two readings of one file.
fn differences(direct: &FileMeta, library: &FileMeta) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, a: String, b: String| {
        if a != b {
            found.push(format!("{what}: {a} instead of {b}"));
        }
    };
    compare("format", direct.format.clone(), library.format.clone());
    // As text, in which NaN are equal.
    compare("dimensions", format!("{:?}", direct.dims), format!("{:?}", library.dims));
    compare("attributes", format!("{:?}", direct.attributes), format!("{:?}", library.attributes));
    compare("count", direct.variables.len().to_string(), library.variables.len().to_string());
    for (a, b) in direct.variables.iter().zip(&library.variables) {
        let mut a = a.clone();
        // The library can't tell the filters of chunks.
        if b.filters.is_none() {
            a.filters = None;
        }
        compare(&b.name, format!("{a:?}"), format!("{b:?}"));
    }
    found
}

/// All values of the small variables of numbers.
fn small(reader: &dyn StoredReader, meta: &FileMeta) -> Vec<(String, Result<StoredValues>)> {
    let is_small = |shape: &[usize]| {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        count.is_some_and(|n| n > 0 && n <= 50_000)
    };
    let wanted = meta.variables.iter().filter(|v| v.dtype.is_numeric() && is_small(&v.shape));
    wanted
        .map(|v| {
            let ranges: Vec<_> = v.shape.iter().map(|&n| 0..n).collect();
            (v.name.clone(), reader.read_raw(&v.name, &ranges))
        })
        .collect()
}

#[test]
fn both_ways_agree() {
    let mut wrong = Vec::new();
    let mut agreed = 0;
    // Some of the damaged files end the library by a fault of memory: it is not shown them.
    for path in files().into_iter().filter(|p| !p.components().any(|c| c.as_os_str() == "hdf5_cve")) {
        let name = path.display().to_string();
        let direct = read(&path, Io::Direct);
        if is_odd(&path) && direct.is_err() {
            continue;
        }
        match (direct, read(&path, Io::Library)) {
            (Ok((direct, meta)), Ok((library, mut expected))) => {
                agreed += 1;
                // Direct reading may leave out types of a writer's own: who wants them asks the library.
                let has = |name: &str| meta.variables.iter().any(|v| v.name == name);
                expected.variables.retain(|v| v.dtype != DType::Other || has(&v.name));
                wrong.extend(differences(&meta, &expected).into_iter().map(|d| format!("{name}: {d}")));
                for ((v, a), (_, b)) in small(&*direct, &meta).iter().zip(small(&*library, &expected)) {
                    match (a, &b) {
                        (Ok(a), Ok(b)) if format!("{a:?}") == format!("{b:?}") => {}
                        (Err(_), Err(_)) => {}
                        (Err(e), Ok(_)) if e.message.starts_with("direct reading does not know") => {}
                        (Ok(_), Ok(_)) => wrong.push(format!("{name}: other values of {v}")),
                        (a, b) => {
                            let (a, b) = (a.as_ref().err(), b.as_ref().err());
                            wrong.push(format!("{name}: {v}: {a:?} {b:?}"));
                        }
                    }
                }
            }
            (Err(_), Err(_)) => {}
            (Err(e), Ok(_)) => {
                let known = FOR_THE_LIBRARY.iter().any(|f| name.ends_with(f));
                let told = e.message.starts_with("direct reading does not know") && e.remedy.is_some();
                if !(known && told && read(&path, Io::Auto).is_ok()) {
                    wrong.push(format!("direct: {e}"));
                }
            }
            (Ok(_), Err(e)) => wrong.push(format!("library: {e}")),
        }
    }
    println!("{agreed} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed > 0);
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn damaged_files_are_refused_in_time_and_memory() {
    for path in files().into_iter().filter(|p| is_odd(p)) {
        let (start, before) = (Instant::now(), peak());
        match read(&path, Io::Direct) {
            Ok((reader, meta)) => drop(small(&*reader, &meta)),
            Err(e) => assert!(matches!(e.exit_code(), 3 | 4), "{e}"),
        }
        let (took, grown) = (start.elapsed(), peak().saturating_sub(before));
        assert!(took < Duration::from_secs(10), "{}: {took:?}", path.display());
        assert!(grown < 512 << 20, "{}: {grown} bytes", path.display());
    }
}
