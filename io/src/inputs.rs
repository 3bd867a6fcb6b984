//! What this process has read, so that outputs can tell what they are made of; and checksums of it.
//!
//! The list belongs to the process, as files do: whoever opens a data set or a mask notes it. What
//! the process has written itself is left out when the list is asked for.

use crate::dataset::deal::deal;
use crate::dataset::Dataset;
use crate::output::utc;
use halocline_core::comm::Comm;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// Files that were read together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// Their paths, as they were named.
    pub files: Vec<String>,
    /// What they were understood to hold; `None` where nothing had to be understood.
    pub understood: Option<Understood>,
}

/// How a data set was understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Understood {
    /// The storage format.
    pub format: String,
    /// Dimensions with lengths and roles.
    pub dimensions: Vec<(String, usize, Option<String>)>,
    /// Units, calendar, number, first and last of the times.
    pub time: Option<(String, String, usize, String, String)>,
    /// BLAKE3 of the record of how the first file came about, if it is an output of ours.
    pub record: Option<String>,
    /// Whether files are members of an ensemble.
    pub ensemble: bool,
}

/// The attribute of a file that holds the record of how it came about.
pub const RECORD: &str = "halocline_provenance";

static READ: Mutex<Vec<Noted>> = Mutex::new(Vec::new());
static WRITTEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn locked<T>(list: &'static Mutex<Vec<T>>) -> MutexGuard<'static, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a file that is read beside data sets: a mask, a region, a list of files.
pub fn note(path: &Path) {
    add(Noted { files: vec![path.to_string_lossy().into_owned()], understood: None });
}

/// Notes a data set.
pub(crate) fn note_dataset(dataset: &Dataset) {
    let role = |role: Role| match role {
        Role::Time => Some("time"),
        Role::Level => Some("level"),
        Role::Y => Some("y"),
        Role::X => Some("x"),
        Role::Mode => Some("mode"),
        Role::Member => Some("member"),
        Role::Other => None,
    };
    let time = dataset.time().filter(|t| !t.values.is_empty()).map(|t| {
        let last = t.values.len() - 1;
        let name = t.calendar.name().to_owned();
        (t.units.to_string(), name, last + 1, t.datetime(0).iso(), t.datetime(last).iso())
    });
    let dims = dataset.dims().iter();
    let understood = Understood {
        format: dataset.format().to_owned(),
        dimensions: dims.map(|d| (d.name.clone(), d.len, role(d.role).map(str::to_owned))).collect(),
        time,
        record: dataset.attributes().text(RECORD).map(|text| digest(text.as_bytes())),
        ensemble: dataset.options().ensemble,
    };
    let files = dataset.files().iter().map(|f| f.path.clone()).collect();
    add(Noted { files, understood: Some(understood) });
}

fn add(noted: Noted) {
    let mut read = locked(&READ);
    // Ranks that are threads note the same; so does a pipeline, step after step.
    if !read.iter().any(|other| other.files == noted.files) {
        read.push(noted);
    }
}

/// Notes a file that is written.
pub(crate) fn note_written(path: &Path) {
    locked(&WRITTEN).push(path.to_owned());
}

/// What this process has read of others until now.
pub fn noted() -> Vec<Noted> {
    let written = locked(&WRITTEN);
    let is_own = |noted: &Noted| noted.files.iter().any(|f| written.iter().any(|w| w == Path::new(f)));
    locked(&READ).iter().filter(|noted| !is_own(noted)).cloned().collect()
}

/// Of what of a file a checksum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Checksum {
    /// Of all bytes.
    Full,
    /// Of its first 64 KiB, where headers are.
    #[default]
    Header,
    /// None is made.
    None,
}

impl Checksum {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Header => "header",
            Self::None => "none",
        }
    }
    /// That of a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Full, Self::Header, Self::None].into_iter().find(|c| c.name() == word)
    }
}

/// What tells a file from another of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its length; `None` if it can't be looked at.
    pub bytes: Option<u64>,
    /// When it was changed last, in UTC.
    pub changed: Option<String>,
    /// BLAKE3, in hexadecimal digits.
    pub checksum: Option<String>,
}

/// Looks at files: a share on every rank, in its threads. The result is for rank 0; empty elsewhere.
///
/// # Collective
/// Every rank calls this with the same files.
///
/// # Errors
/// System, if reading fails; internal, if ranks lose results. A file that is not there has no facts.
pub fn facts(comm: &Comm, files: &[String], checksum: Checksum) -> Result<Vec<Facts>> {
    let dealt = deal(comm, files.len(), |i| of(Path::new(&files[i]), checksum), Vec::push);
    comm.agree(match dealt {
        None => Ok(Vec::new()),
        Some(dealt) => match dealt.failed {
            Some((_, error)) => Err(error),
            None => Ok(dealt.shares.concat()),
        },
    })
}

/// BLAKE3 of bytes in memory.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn of(path: &Path, checksum: Checksum) -> Result<Facts> {
    /// Bytes of a header, at most.
    const HEAD: u64 = 64 << 10;
    /// Bytes that are read at a time.
    const PIECE: u64 = 8 << 20;
    let Ok(about) = std::fs::metadata(path) else { return Ok(Facts::default()) };
    if !about.is_file() {
        return Ok(Facts::default());
    }
    let since = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let mut facts =
        Facts { bytes: Some(about.len()), changed: since.map(|t| utc(t.as_secs())), checksum: None };
    if checksum == Checksum::None {
        return Ok(facts);
    }
    let failed = |e: std::io::Error| Error::system(format!("cannot be read: {e}")).in_file(path);
    let mut file = File::open(path).map_err(failed)?;
    let most = if checksum == Checksum::Full { u64::MAX } else { HEAD };
    let (mut hasher, mut left, mut piece) = (blake3::Hasher::new(), most, Vec::new());
    while left > 0 {
        piece.clear();
        let read = (&mut file).take(left.min(PIECE)).read_to_end(&mut piece).map_err(failed)?;
        if read == 0 {
            break;
        }
        // Small ones are not worth the threads.
        if read > 1 << 18 {
            hasher.update_rayon(&piece);
        } else {
            hasher.update(&piece);
        }
        left = left.saturating_sub(read as u64);
    }
    facts.checksum = Some(hasher.finalize().to_hex().to_string());
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::comm::run_threads;

    #[test]
    fn checksums_are_those_of_b3sum_on_any_ranks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"halocline").unwrap();
        let files = vec![path.to_str().unwrap().to_owned(), "absent".to_owned()];
        for ranks in 1..=3 {
            let found = run_threads(ranks, |comm| facts(comm, &files, Checksum::Full).unwrap());
            assert_eq!(found[0][0].bytes, Some(9));
            assert_eq!(found[0][0].checksum.as_deref(), Some(digest(b"halocline").as_str()));
            assert_eq!(found[0][1], Facts::default());
        }
        // The known answer of BLAKE3 for no bytes.
        assert_eq!(digest(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        std::fs::write(&path, vec![1; 3 << 20]).unwrap();
        let of = |checksum| of(&path, checksum).unwrap().checksum;
        assert_eq!(of(Checksum::Full), Some(digest(&vec![1; 3 << 20])));
        assert_eq!(of(Checksum::Header), Some(digest(&vec![1; 64 << 10])));
        assert_eq!(of(Checksum::None), None);
    }
}
