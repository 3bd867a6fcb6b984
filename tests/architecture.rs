//! The arrows between the rooms, asserted from `cargo metadata` and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The normal dependencies of each package of the workspace.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().expect("a name").to_owned();
            let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
            let normal = dependencies.iter().filter(|d| d["kind"].is_null());
            (name, normal.map(|d| d["name"].as_str().expect("a name").to_owned()).collect())
        })
        .collect()
}

#[test]
fn packages_depend_downwards_only() {
    let all = dependencies();
    let allowed: [(&str, &[&str]); 6] = [
        ("halocline-core", &[]),
        ("halocline-io", &["halocline-core"]),
        ("halocline-algorithms", &["halocline-core"]),
        ("halocline-cli", &["halocline-core", "halocline-io", "halocline-algorithms"]),
        ("halocline", &["halocline-core", "halocline-io", "halocline-algorithms"]),
        ("halocline-c", &["halocline"]),
    ];
    assert_eq!(all.len(), allowed.len(), "a new package needs its arrows here: {:?}", all.keys());
    for (package, may) in allowed {
        let ours = all[package].iter().filter(|d| d.starts_with("halocline"));
        for dependency in ours {
            assert!(may.contains(&dependency.as_str()), "{package} must not depend on {dependency}");
        }
    }
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let homes: [(&str, &[&str]); 6] = [
        ("mpi", &["halocline-core"]),
        ("netcdf", &["halocline-io"]),
        ("netcdf-sys", &["halocline-io"]),
        ("hdf5", &["halocline-io"]),
        ("clap", &["halocline-cli"]),
        ("faer", &["halocline-algorithms"]),
    ];
    for (package, dependencies) in dependencies() {
        for (crate_name, home) in homes {
            let there = dependencies.contains(crate_name);
            assert!(!there || home.contains(&package.as_str()), "{package} must not depend on {crate_name}");
        }
    }
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lines of code (no comments) of the sources in `folder` that contain `word`.
fn lines_with(folder: &str, word: &str) -> Vec<String> {
    sources(&root().join(folder))
        .into_iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable source");
            let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            text.lines()
                .filter(|line| !line.trim_start().starts_with("//") && line.contains(word))
                .map(|line| format!("{name}: {}", line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn only_the_communication_module_names_mpi() {
    for folder in ["core/src", "io/src", "algorithms/src", "launchers/src", "src", "bindings/c/src"] {
        for word in ["mpi::", "use mpi", "mpi_sys"] {
            for line in lines_with(folder, word) {
                let home = line.starts_with("core/src/comm/");
                // The raw handle that core hands to io goes by core's own path.
                let raw = line.contains("comm::") || line.contains("raw_mpi");
                assert!(
                    home || raw || !names_crate(&line, word),
                    "MPI is named outside the communication module: {line}"
                );
            }
        }
    }
}

/// Whether `word` stands in `line` as a path of its own, not as the end of another.
fn names_crate(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn only_launchers_print_parse_or_exit() {
    for folder in ["core/src", "io/src", "algorithms/src", "src", "bindings/c/src"] {
        for word in ["println!(", "print!(", "std::env::args", "clap::"] {
            let mut lines = lines_with(folder, word);
            // Tests that are shipped for other tests to run.
            lines.retain(|line| !line.starts_with("core/src/comm/conformance/"));
            // Tests say loudly what they skip.
            lines.retain(|line| !line.contains("/tests.rs:"));
            assert!(lines.is_empty(), "only launchers print and parse: {lines:?}");
        }
    }
}

#[test]
fn algorithms_know_neither_files_nor_messages() {
    for word in [
        "std::fs",
        "std::path",
        "File::",
        ".all_to_all_v(",
        ".broadcast",
        ".all_gather_v(",
        ".send(",
        ".rank() ==",
    ] {
        let lines = lines_with("algorithms/src", word);
        assert!(lines.is_empty(), "algorithms must not know of {word}: {lines:?}");
    }
}

#[test]
fn unsafe_code_says_why() {
    for folder in ["core/src", "io/src", "algorithms/src", "launchers/src", "src", "bindings/c/src"] {
        for path in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&path).expect("a readable source");
            let blocks = text
                .lines()
                .filter(|l| {
                    !l.trim_start().starts_with("//")
                        && (l.contains("unsafe {") || l.contains("unsafe extern"))
                })
                .count();
            let reasons = text.matches("SAFETY").count();
            assert!(
                blocks == 0 || reasons > 0,
                "{} has unsafe code without a SAFETY comment",
                path.display()
            );
        }
    }
}
