//! The format in which states are saved: versioned, checked, independent of ranks.

use crate::error::{Error, Result};
use crate::tiling::Tiling;
use serde::{Deserialize, Serialize};

/// Version of the layout of a state file ([`super::checkpoint`]).
pub const STATE_FORMAT: u32 = 2;

/// Version of the layout of a [`StateArchive`].
const ARCHIVE_FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"HCLSTATE";

/// What a saved state belongs to; a run goes on from it only if all of this is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHeader {
    /// [`Fold::NAME`](super::Fold::NAME).
    pub fold: String,
    /// [`Fold::VERSION`](super::Fold::VERSION).
    pub version: u32,
    /// Fingerprint of the job: options and inputs, made by the caller.
    pub job: String,
    /// The tiles that the nodes count in.
    pub tiling: Tiling,
}

impl StateHeader {
    /// Refuses a saved state (`self`) that belongs to something else than `expected`.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) that says what differs.
    pub fn check(&self, expected: &Self) -> Result<()> {
        let what = if self.fold != expected.fold {
            format!("is of the analysis `{}`, this is `{}`", self.fold, expected.fold)
        } else if self.version != expected.version {
            format!("is of version {} of `{}`, this is {}", self.version, expected.fold, expected.version)
        } else if self.job != expected.job {
            "belongs to a job with other inputs or options".to_owned()
        } else if self.tiling != expected.tiling {
            let (theirs, ours) = (&self.tiling, &expected.tiling);
            format!("was made with other tiles ({}, this is {})", cut(theirs), cut(ours))
        } else {
            return Ok(());
        };
        Err(Error::data(format!("the saved state {what}")).remedy("start the job anew without it"))
    }
}

/// A tiling in a few words.
fn cut(tiling: &Tiling) -> String {
    let dims: Vec<String> = tiling.dims().iter().map(|d| format!("{} = {}", d.name, d.len)).collect();
    format!("{} tiles by {} of {}", tiling.len(), tiling.rule(), dims.join(", "))
}

/// A finished node of the merge tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateNode {
    /// Column number.
    pub column: usize,
    /// Level above the leaves.
    pub level: u32,
    /// Number among the nodes of its level.
    pub index: usize,
    /// The encoded state.
    pub state: Vec<u8>,
}

/// The finished nodes of a fold under way, of all ranks.
///
/// Bytes: `HCLSTATE`, format version (u32, little-endian), length of the body (u64), the body
/// (postcard encoding of header and nodes), FNV-1a checksum of the body (u64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateArchive {
    /// What it belongs to.
    pub header: StateHeader,
    /// Sorted by column, level, index.
    pub nodes: Vec<StateNode>,
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

impl StateArchive {
    /// The bytes to save.
    ///
    /// # Errors
    /// When encoding fails, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let body = postcard::to_stdvec(self)
            .map_err(|e| Error::internal(format!("can't encode a state archive: {e}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&ARCHIVE_FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&checksum(&body).to_le_bytes());
        Ok(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) for other bytes: no archive, another format version,
    /// cut short, damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let short = || Error::data("the state file is cut short").remedy("start the job anew without it");
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err(Error::data("this is no Halocline state file"));
        }
        let (format, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let format = u32::from_le_bytes(*format);
        if format != ARCHIVE_FORMAT {
            return Err(Error::data(format!(
                "the state file is of format {format}, this program reads {ARCHIVE_FORMAT}"
            ))
            .remedy("resume with the version that wrote it, or start anew"));
        }
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| short())?;
        let body = rest.get(..length).ok_or_else(short)?;
        let sum: [u8; 8] = rest[length..].try_into().map_err(|_| short())?;
        if u64::from_le_bytes(sum) != checksum(body) {
            return Err(
                Error::data("the state file is damaged (checksum differs)").remedy("start the job anew")
            );
        }
        postcard::from_bytes(body).map_err(|e| Error::data(format!("the state file is damaged: {e}")))
    }

    /// Refuses a state that belongs to something else than `expected`.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) that says what differs.
    pub fn check(&self, expected: &StateHeader) -> Result<()> {
        self.header.check(expected)
    }
}
