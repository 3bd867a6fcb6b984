//! Values and errors that all ranks share, so that no rank goes on alone.

use super::reduce::Reduce;
use super::Comm;
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde::Serialize;

impl Comm {
    /// The value of `root` on every rank. `root` gives `Some`; what others give is dropped.
    ///
    /// # Errors
    /// On every rank: if `root` gave `None`, or if the value can't be packed or unpacked
    /// (internal).
    ///
    /// # Collective
    /// Every rank calls this with the same `root`.
    ///
    /// # Panics
    /// If there is no rank `root`.
    pub fn broadcast_value<T: Serialize + DeserializeOwned>(
        &self,
        value: Option<T>,
        root: usize,
    ) -> Result<T> {
        self.assert_rank(root);
        let result = match value {
            Some(value) if self.rank() == root => Some(Ok(value)),
            None if self.rank() == root => {
                Some(Err(Error::internal(format!("rank {root} has no value to broadcast"))))
            }
            _ => None,
        };
        self.share(result, root)
    }

    /// Makes one rank's failure everybody's: if any rank gives `Err`, every rank gets the error
    /// of the lowest failing rank. [`Error::rank`] then names that rank, in the numbers of the
    /// group that the program started with; an error that names a rank already (from an
    /// earlier agreement) keeps it. When all is well this costs one all-reduce of 8 bytes.
    ///
    /// # Errors
    /// The error of the lowest failing rank, on every rank.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn agree<T>(&self, result: Result<T>) -> Result<T> {
        let mut lowest = [if result.is_err() { self.rank() as u64 } else { u64::MAX }];
        self.all_reduce(&mut lowest, Reduce::Min);
        if lowest[0] == u64::MAX {
            return result;
        }
        let failing = lowest[0] as usize;
        // The value of a rank that fared well is dropped: the job has failed.
        let mine = if self.rank() == failing { result.err().map(Err) } else { None };
        match self.share::<()>(mine, failing) {
            Err(error) => Err(error),
            Ok(()) => Err(Error::internal(format!("rank {failing} failed without an error"))),
        }
    }

    /// Runs `f` on rank 0 alone and gives every rank its value, or its error.
    ///
    /// # Errors
    /// The error of `f`, on every rank; internal, if the value can't be packed or unpacked.
    ///
    /// # Collective
    /// Every rank calls this; `f` itself must not communicate.
    pub fn on_root<T: Serialize + DeserializeOwned>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = if self.is_root() { Some(f()) } else { None };
        self.share(result, 0)
    }

    /// The result of `root` (there `Some`) on every rank; its error names the rank.
    fn share<T: Serialize + DeserializeOwned>(&self, mine: Option<Result<T>>, root: usize) -> Result<T> {
        let mut mine = mine;
        if let Some(Err(error)) = &mut mine {
            error.rank.get_or_insert(self.link().world_rank);
        }
        if self.size() > 1 {
            let mut packed = Vec::new();
            if let Some(result) = &mut mine {
                packed = self.pack(result);
            }
            self.broadcast(&mut packed, root);
            if mine.is_none() {
                return unpack(&packed, root);
            }
        }
        mine.unwrap_or_else(|| Err(Error::internal("a rank had nothing to share")))
    }

    /// The bytes of `result`; a value that can't be packed becomes an error on this rank too.
    fn pack<T: Serialize + DeserializeOwned>(&self, result: &mut Result<T>) -> Vec<u8> {
        // Unpacked here as well: a value that does not survive must fail on this rank too, or it
        // would go on alone.
        let packed = postcard::to_stdvec(result)
            .and_then(|bytes| postcard::from_bytes::<Result<T>>(&bytes).map(|_| bytes));
        match packed {
            Ok(bytes) => bytes,
            Err(reason) => {
                let mut error = Error::internal(format!("a value can't be packed for broadcast: {reason}"));
                error.rank = Some(self.link().world_rank);
                let bytes = postcard::to_stdvec(&Err::<(), _>(&error)).unwrap_or_default();
                *result = Err(error);
                bytes
            }
        }
    }
}

fn unpack<T: DeserializeOwned>(packed: &[u8], root: usize) -> Result<T> {
    postcard::from_bytes::<Result<T>>(packed).unwrap_or_else(|reason| {
        Err(Error::internal(format!("the value of rank {root} can't be unpacked: {reason}")))
    })
}
