//! Merging in no order: what the ordered merge is measured against, and nothing else.

use super::branch::{decode, encode};
use super::fold::Fold;
use crate::comm::Comm;
use crate::error::Result;
use std::collections::BTreeMap;

/// Puts states back to those of their columns.
pub(super) fn keep<F: Fold>(
    fold: &F,
    running: &mut BTreeMap<usize, F::State>,
    states: impl IntoIterator<Item = (usize, F::State)>,
) -> Result<()> {
    for (column, state) in states {
        // Two tiles of a column in hand at once are two states.
        let merged = match running.remove(&column) {
            Some(there) => fold.merge(there, state)?,
            None => state,
        };
        running.insert(column, merged);
    }
    Ok(())
}

/// Sends each column's states to the rank that `to` names, which merges them.
///
/// # Collective
/// Every rank calls this.
pub(super) fn gather<F: Fold>(
    comm: &Comm,
    fold: &F,
    running: BTreeMap<usize, F::State>,
    to: impl Fn(usize) -> usize,
) -> Result<Vec<(usize, F::State)>> {
    let mut here = BTreeMap::new();
    let mut outgoing: Vec<Vec<(usize, Vec<u8>)>> = vec![Vec::new(); comm.size()];
    let sorted = running.into_iter().try_for_each(|(column, state)| {
        if to(column) == comm.rank() {
            here.insert(column, state);
        } else {
            outgoing[to(column)].push((column, encode(&state)?));
        }
        Ok(())
    });
    comm.agree(sorted)?;
    let parts: Result<Vec<Vec<u8>>> =
        outgoing.iter().map(|list| if list.is_empty() { Ok(Vec::new()) } else { encode(list) }).collect();
    let received = comm.all_to_all_v(comm.agree(parts)?);
    let merged = received.iter().filter(|bytes| !bytes.is_empty()).try_for_each(|bytes| {
        let list: Vec<(usize, Vec<u8>)> = decode(bytes)?;
        let states = list.into_iter().map(|(column, state)| Ok((column, decode(&state)?)));
        keep(fold, &mut here, states.collect::<Result<Vec<_>>>()?)
    });
    comm.agree(merged)?;
    Ok(here.into_iter().collect())
}
