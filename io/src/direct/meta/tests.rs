//! Both ways of reading agree, file by file.

use super::*;
use crate::dataset::meta::FileMeta;
use crate::stored::StoredValues;
use std::path::PathBuf;

/// All files under the folders of test data.
fn files() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var("HALOCLINE_DATA").map_or_else(|_| here.join("../../shared/data"), PathBuf::from);
    let mut folders = vec![here.join("../tests"), shared];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
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

/// What differs between two readings of one file.
fn differences(direct: &FileMeta, library: &FileMeta) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: String, a: String, b: String| {
        if a != b {
            found.push(format!("{what}: {a} by {b}"));
        }
    };
    compare("format".into(), direct.format.clone(), library.format.clone());
    compare("dims".into(), format!("{:?}", direct.dims), format!("{:?}", library.dims));
    compare("attributes".into(), format!("{:?}", direct.attributes), format!("{:?}", library.attributes));
    let names = |m: &FileMeta| m.variables.iter().map(|v| v.name.clone()).collect::<Vec<_>>().join(" ");
    compare("variables".into(), names(direct), names(library));
    for (a, b) in direct.variables.iter().zip(&library.variables) {
        // Filters are what the library can't tell.
        let mut a = a.clone();
        if b.filters.is_none() {
            a.filters = None;
        }
        compare(a.name.clone(), format!("{a:?}"), format!("{b:?}"));
    }
    found
}

fn same(a: &StoredValues, b: &StoredValues) -> bool {
    // NaN are equal if their text is.
    a == b || format!("{a:?}") == format!("{b:?}")
}

#[test]
fn probe_all() {
    for path in files() {
        let library = read(&path, Io::Library);
        let direct = read(&path, Io::Direct);
        let name = path.display();
        match (direct, library) {
            (Ok((d, dm)), Ok((l, lm))) => {
                for difference in differences(&dm, &lm) {
                    println!("DIFF {name}: {difference}");
                }
                for v in &lm.variables {
                    let count: usize = v.shape.iter().product();
                    if !v.dtype.is_numeric() || v.dims.len() > 2 || count == 0 || count > 300_000 {
                        continue;
                    }
                    let ranges: Vec<_> = v.shape.iter().map(|&n| 0..n).collect();
                    match (d.read_raw(&v.name, &ranges), l.read_raw(&v.name, &ranges)) {
                        (Ok(a), Ok(b)) => {
                            if !same(&a, &b) {
                                println!("VALUES {name}: {}", v.name);
                            }
                        }
                        (Err(a), Err(b)) => println!("BOTH {name}: {a} | {b}"),
                        (a, b) => println!("ONE {name}: {:?} | {:?}", a.err(), b.err()),
                    }
                }
            }
            (Err(a), Err(b)) => println!("BOTH {name}: {a} | {b}"),
            (Err(a), Ok(_)) => println!("DIRECT {name}: {a}"),
            (Ok(_), Err(b)) => println!("LIBRARY {name}: {b}"),
        }
    }
}
