//! The record of how an output came about: made when it is complete, by all ranks.

use super::arguments::given;
use crate::common::command_line;
use crate::run::scratch::told;
use crate::stop;
use halocline_core::budget::peak_resident;
use halocline_core::comm::{Comm, Launch, Reduce};
use halocline_core::{Error, Result};
use halocline_io::inputs::{digest, facts, noted, Checksum, Facts, Noted};
use halocline_io::output::{library_versions, utc};
use serde_json::{json, Map, Value};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of the form of records.
pub(super) const SCHEMA: u64 = 1;

/// The file and text of the pipeline that runs.
static PIPELINE: Mutex<Option<(String, String)>> = Mutex::new(None);
/// What is known of inputs already: a pipeline has many outputs of the same.
static KNOWN: Mutex<Vec<(String, Facts)>> = Mutex::new(Vec::new());

fn locked<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes the pipeline that runs.
pub(crate) fn note_pipeline(file: &Path, text: &str) {
    *locked(&PIPELINE) = Some((file.display().to_string(), text.to_owned()));
}

/// The record of `output`, on rank 0.
///
/// # Collective
/// Every rank calls this.
pub(super) fn make(comm: &Comm, output: &Path, checksum: Checksum) -> Result<Option<String>> {
    let mut peak = [peak_resident().unwrap_or(0)];
    comm.all_reduce(&mut peak, Reduce::Max);
    let sets: Vec<Noted> = comm.on_root(|| Ok(noted()))?;
    let mut files: Vec<String> = sets.iter().flat_map(|set| set.files.iter().cloned()).collect();
    // Rank 0 says which are new, as ranks that are threads share what is known.
    files.sort();
    files.dedup();
    let new: Vec<String> = comm.on_root(|| {
        let known = locked(&KNOWN);
        Ok(files.iter().filter(|f| !known.iter().any(|(k, _)| k == *f)).cloned().collect())
    })?;
    let found = facts(comm, &new, checksum)?;
    if !comm.is_root() {
        return Ok(None);
    }
    locked(&KNOWN).extend(new.into_iter().zip(found));
    let record = Value::Object(record(comm, output, &sets, checksum, peak[0]));
    let text = serde_json::to_string(&record).map_err(|e| Error::internal(format!("no record: {e}")))?;
    Ok(Some(told(&text)))
}

fn record(comm: &Comm, output: &Path, sets: &[Noted], checksum: Checksum, peak: u64) -> Map<String, Value> {
    let used: Vec<Value> = {
        let mut known = locked(&KNOWN).clone();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        sets.iter().map(|set| entity(set, &known)).collect()
    };
    let mut activity = json!({
        "@type": "prov:Activity",
        "command": command_line(),
        "directory": std::env::current_dir().map(|d| d.display().to_string()).ok(),
    });
    if let Some(given) = given() {
        let (options, defaults) = given.options();
        activity["name"] = json!(given.name());
        activity["arguments"] = json!(given.words);
        activity["options"] = Value::Object(options);
        activity["defaults"] = json!(defaults);
    }
    if let Some((file, text)) = &*locked(&PIPELINE) {
        activity["pipeline"] = json!({ "file": file, "text": text, "checksum": digest(text.as_bytes()) });
    }
    let mut all = Map::new();
    all.insert("schema".into(), json!(SCHEMA));
    all.insert("@context".into(), json!({ "prov": "http://www.w3.org/ns/prov#" }));
    all.insert("@type".into(), json!("prov:Entity"));
    all.insert("output".into(), json!(output.display().to_string()));
    all.insert("checksums".into(), json!({ "algorithm": "BLAKE3", "of": checksum.name() }));
    all.insert("prov:used".into(), Value::Array(used));
    all.insert("prov:wasAssociatedWith".into(), agent());
    // Where a build or a test fixes the date, it wants the same bytes twice.
    if std::env::var_os("SOURCE_DATE_EPOCH").is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let elapsed = stop::started().elapsed();
        activity["prov:startedAtTime"] = json!(utc(now.saturating_sub(elapsed).as_secs()));
        activity["prov:endedAtTime"] = json!(utc(now.as_secs()));
        all.insert("run".into(), run(comm, elapsed.as_secs_f64(), peak));
    }
    all.insert("prov:wasGeneratedBy".into(), activity);
    all
}

/// Files that were read together.
fn entity(set: &Noted, known: &[(String, Facts)]) -> Value {
    let file = |path: &String| {
        let facts = known.binary_search_by(|(k, _)| k.cmp(path)).map(|at| known[at].1.clone());
        let facts = facts.unwrap_or_default();
        json!({
            "path": path, "bytes": facts.bytes, "changed": facts.changed, "checksum": facts.checksum,
        })
    };
    let mut entity = json!({
        "@type": "prov:Entity",
        "files": set.files.iter().map(file).collect::<Vec<_>>(),
    });
    if let Some(what) = &set.understood {
        let dimension = |(name, length, role): &(String, usize, Option<String>)| json!({ "name": name, "length": length, "role": role });
        entity["format"] = json!(what.format);
        entity["dimensions"] = what.dimensions.iter().map(dimension).collect();
        if let Some((units, calendar, steps, first, last)) = &what.time {
            entity["time"] =
                json!({ "units": units, "calendar": calendar, "steps": steps, "first": first, "last": last });
        }
        if let Some(record) = &what.record {
            entity["record"] = json!(record);
        }
        if what.ensemble {
            entity["ensemble"] = json!(true);
        }
    }
    entity
}

/// The program.
fn agent() -> Value {
    let mut libraries: Map<String, Value> =
        library_versions().into_iter().map(|(name, version)| (name.to_owned(), json!(version))).collect();
    let mut features: Vec<&str> = Vec::new();
    #[cfg(feature = "mpi-one-writer")]
    {
        features.push("mpi");
        libraries.insert("mpi".into(), json!(halocline_core::comm::mpi_library()));
    }
    libraries.sort_keys();
    features.sort_unstable();
    json!({
        "@type": "prov:SoftwareAgent",
        "name": "halocline",
        "version": env!("CARGO_PKG_VERSION"),
        "commit": env!("HALOCLINE_COMMIT"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "features": features,
        "libraries": libraries,
        "numbers": {
            "missing": "NaN inside; what _FillValue, missing_value and valid_* say on the way in, the fill value of the type on the way out",
            "sums": "double precision, in the order of tiles",
        },
    })
}

/// What does not change bits: how it was run.
fn run(comm: &Comm, seconds: f64, peak: u64) -> Value {
    let ranks_are = match comm {
        Comm::Serial(_) => "one process",
        Comm::Threads(_) => "threads",
        #[cfg(feature = "mpi-one-writer")]
        Comm::Mpi(_) => "MPI processes",
    };
    json!({
        "launcher": Launch::detect().launcher.name(),
        "ranks": comm.size(),
        "ranks_are": ranks_are,
        "threads": rayon::current_num_threads(),
        "wall_seconds": (seconds * 1e3).round() / 1e3,
        "peak_memory_bytes": peak,
    })
}
