//! Saving what a branch has found, and taking it up again.

use super::branch::{Owner, Work};
use super::checkpoint::{self, Saved};
use super::state::StateHeader;
use super::tree::{MergeTree, Place};
use crate::comm::Comm;
use crate::error::Result;
use crate::tiling::Tiling;
use std::path::Path;

fn header(work: &dyn Work, tiling: &Tiling, job: &str) -> StateHeader {
    StateHeader {
        fold: work.name().to_owned(),
        version: work.version(),
        job: job.to_owned(),
        tiling: tiling.clone(),
    }
}

/// Saves the finished nodes of all ranks to one file.
///
/// # Collective
/// Every rank calls this.
pub(super) fn save(
    comm: &Comm,
    work: &dyn Work,
    tiling: &Tiling,
    (path, job): (&Path, &str),
) -> Result<Saved> {
    checkpoint::save(comm, path, &header(work, tiling, job), &mut *work.nodes())
}

/// Takes up the nodes in a file, each on the rank that owns its first tile; gives the places that
/// they cover on all ranks. After an error nothing is taken up.
///
/// # Collective
/// Every rank calls this.
pub(super) fn load(
    comm: &Comm,
    work: &mut dyn Work,
    tiling: &Tiling,
    owner: &Owner<'_>,
    (path, job): (&Path, &str),
) -> Result<MergeTree<()>> {
    let header = header(work, tiling, job);
    let reduces = work.reduces().to_vec();
    let holder = |&(column, level, index): &Place| owner(tiling.at_place(column, index << level, &reduces));
    let mut covered = MergeTree::new(tiling.leaves(&reduces));
    let mut odd = Ok(());
    work.begin(tiling);
    let loaded =
        checkpoint::load(comm, path, &header, &holder, &mut |node| work.restore(&node), &mut |place| {
            let inserted = covered.insert(place, (), &|(), ()| Ok(()));
            odd = std::mem::replace(&mut odd, Ok(())).and(inserted);
        });
    match loaded.and(odd) {
        Ok(()) => Ok(covered),
        Err(e) => {
            work.begin(tiling);
            Err(e)
        }
    }
}
