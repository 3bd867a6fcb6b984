//! One file of the cache: what one slot holds for the files of one directory.
//!
//! Bytes: `HCLCACHE`, format version (u32, little-endian), length of the body (u64), hash of the
//! body (u64), the body (postcard). Whatever is not as it should be counts as absent.

use super::digest::hash;
use super::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Version of everything that is kept: raise it when the meaning or the layout of any kept type
/// changes (metadata of files and variables, decoding, time axes, storage).
const FORMAT: u32 = 2;

const MAGIC: &[u8; 8] = b"HCLCACHE";

/// A shelf larger than this is not read, nor written.
const MOST_BYTES: u64 = 256 << 20;

/// What is kept of one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) fingerprint: Fingerprint,
    /// Day of the last use, counted from 1970.
    pub(crate) used: u32,
    pub(crate) value: Value,
}

/// A value, or where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Here(Vec<u8>),
    /// In a file of its own, of this length and hash.
    Apart {
        bytes: u64,
        hash: u64,
    },
}

/// All that one slot holds for the files of one directory, by file name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shelf {
    /// What entries have in common, in the form that the owner of the slot gives it.
    pub(crate) shared: Vec<u8>,
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
}

/// What a shelf is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    /// The directory, as bytes.
    pub(crate) directory: Vec<u8>,
    pub(crate) slot: String,
}

impl Label {
    /// The name of its file in the cache.
    pub(crate) fn file_name(&self) -> String {
        let directory = hash(5, &self.directory);
        format!("{directory:016x}-{:016x}", hash(6, self.slot.as_bytes()))
    }
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    program: &'a str,
    directory: &'a [u8],
    slot: &'a str,
    shared: &'a [u8],
    #[serde(borrow)]
    entries: Vec<Stored<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    name: &'a [u8],
    fingerprint: Fingerprint,
    used: u32,
    here: &'a [u8],
    apart: Option<(u64, u64)>,
}

const PROGRAM: &str = env!("CARGO_PKG_VERSION");

impl Shelf {
    /// Reads a shelf; an empty one if there is none that can be used.
    pub(crate) fn read(path: &Path, label: &Label) -> Self {
        let small = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES);
        let bytes = if small { std::fs::read(path).ok() } else { None };
        bytes.and_then(|bytes| Self::from_bytes(&bytes, label)).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8], label: &Label) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (format, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (sum, body) = rest.split_first_chunk::<8>()?;
        let whole = u32::from_le_bytes(*format) == FORMAT
            && u64::from_le_bytes(*length) == body.len() as u64
            && u64::from_le_bytes(*sum) == hash(4, body);
        if !whole {
            return None;
        }
        let body: Body<'_> = postcard::from_bytes(body).ok()?;
        let ours = body.program == PROGRAM
            && body.directory == label.directory.as_slice()
            && body.slot == label.slot;
        if !ours {
            return None;
        }
        let entry = |stored: Stored<'_>| {
            let value = match stored.apart {
                Some((bytes, hash)) => Value::Apart { bytes, hash },
                None => Value::Here(stored.here.to_vec()),
            };
            let entry = Entry { fingerprint: stored.fingerprint, used: stored.used, value };
            (stored.name.to_vec(), entry)
        };
        Some(Self { shared: body.shared.to_vec(), entries: body.entries.into_iter().map(entry).collect() })
    }

    fn to_bytes(&self, label: &Label) -> Option<Vec<u8>> {
        let entries = self.entries.iter().map(|(name, entry)| {
            let (here, apart): (&[u8], _) = match &entry.value {
                Value::Here(bytes) => (bytes, None),
                Value::Apart { bytes, hash } => (&[], Some((*bytes, *hash))),
            };
            Stored { name, fingerprint: entry.fingerprint, used: entry.used, here, apart }
        });
        let body = Body {
            program: PROGRAM,
            directory: &label.directory,
            slot: &label.slot,
            shared: &self.shared,
            entries: entries.collect(),
        };
        let body = postcard::to_stdvec(&body).ok()?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&hash(4, &body).to_le_bytes());
        bytes.extend_from_slice(&body);
        (bytes.len() as u64 <= MOST_BYTES).then_some(bytes)
    }

    /// Puts the shelf in the place of what is there, at once and whole; not at all if it has
    /// grown beyond what is read again.
    pub(crate) fn write(&self, path: &Path, label: &Label) -> std::io::Result<()> {
        self.to_bytes(label).map_or(Ok(()), |bytes| replace(path, &bytes))
    }
}

/// Writes a file beside `path` and renames it, so that whoever reads it, and whoever else writes
/// it at the same time, finds one or the other whole. Not synced: its hash tells what was lost.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // Processes of other nodes may have the same number.
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}-{time:x}-{}-{count}", std::process::id()));
    let done = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(dir: &Path) -> (Label, Shelf) {
        let label = Label { directory: b"/data".to_vec(), slot: "meta".into() };
        let file = dir.join("f");
        std::fs::write(&file, b"x").unwrap();
        std::fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        let fingerprint = Fingerprint::of(&file).unwrap();
        let entry = |value| Entry { fingerprint, used: 9, value };
        let entries = [
            (b"a.nc".to_vec(), entry(Value::Here(vec![1, 2, 200]))),
            (b"\xff.nc".to_vec(), entry(Value::Apart { bytes: 5, hash: u64::MAX })),
        ];
        (label, Shelf { shared: b"common".to_vec(), entries: entries.into_iter().collect() })
    }

    #[test]
    fn kept_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (label, shelf) = shelf(dir.path());
        let path = dir.path().join(label.file_name());
        assert_eq!(Shelf::read(&path, &label), Shelf::default());
        shelf.write(&path, &label).unwrap();
        assert_eq!(Shelf::read(&path, &label), shelf);
        assert_eq!(Shelf::read(&path, &Label { slot: "other".into(), ..label.clone() }), Shelf::default());
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(Shelf::from_bytes(&bytes[..cut], &label), None, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            assert_eq!(Shelf::from_bytes(&damaged, &label), None, "changed at {at}");
        }
        // A right hash over nonsense: lengths that are not there take no memory.
        let mut nonsense = bytes[..28].to_vec();
        let body = [0xff; 40];
        nonsense[12..20].copy_from_slice(&40u64.to_le_bytes());
        nonsense[20..28].copy_from_slice(&hash(4, &body).to_le_bytes());
        nonsense.extend_from_slice(&body);
        assert_eq!(Shelf::from_bytes(&nonsense, &label), None);
        assert!(std::fs::read_dir(dir.path()).unwrap().count() == 2, "nothing beside it");
    }
}
