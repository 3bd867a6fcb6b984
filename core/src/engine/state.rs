//! The format in which states are saved: versioned, checked, independent of ranks.

use crate::error::{Error, Result};
use crate::tiling::Tiling;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the layout of a state file ([`super::checkpoint`]).
pub const STATE_FORMAT: u32 = 2;

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
        Err(Error::data(format!("the saved state {what}")).remedy(
            "go on with the options, memory and ranks that it was made with, or start the job anew without it",
        ))
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

impl StateNode {
    /// The only node of a column of one leaf, with this state.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn of_column<T: Serialize>(column: usize, state: &T) -> Result<Self> {
        let state = postcard::to_stdvec(state)
            .map_err(|e| Error::internal(format!("a state can't be encoded: {e}")))?;
        Ok(Self { column, level: 0, index: 0, state })
    }
    /// Its state.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) when it is none of this type.
    pub fn decoded<T: DeserializeOwned>(&self) -> Result<T> {
        postcard::from_bytes(&self.state).map_err(|e| {
            Error::data(format!("the saved state is damaged: {e}")).remedy("start the job anew without it")
        })
    }
}
