//! Which commit the program is built from, for the records in its outputs.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=HALOCLINE_COMMIT");
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).output().ok().filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
    };
    // A package built from an archive may lie inside somebody else's repository.
    let is_ours = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    // Every commit and checkout adds a line there. What git has no word of never changes.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])
        .filter(|log| is_ours && std::path::Path::new(log).exists());
    println!("cargo:rerun-if-changed={}", log.as_deref().unwrap_or("build.rs"));
    let stated = std::env::var("HALOCLINE_COMMIT").ok().filter(|text| !text.trim().is_empty());
    let commit = stated.or_else(|| git(&["rev-parse", "HEAD"]).filter(|_| is_ours));
    println!("cargo:rustc-env=HALOCLINE_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}
