//! Cells to the rank that finishes their chunk, finished chunks to rank 0.

use super::cells::Cell;
use super::chunk::store_part;
use super::one_writer::Call;
use super::plan::Share;
use halocline_core::comm::Comm;
use halocline_core::Result;

/// What this rank sends to each other of the chunks of a round: parts in order, as stored bytes.
pub(super) fn outgoing<T: Cell>(comm: &Comm, call: &Call<'_, T>, round: &[Share]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new(); comm.size()];
    let Some(own) = call.own else { return parts };
    let me = comm.rank();
    for share in round.iter().filter(|share| share.owner != me && share.holders.contains(&me)) {
        let part = share.block.intersect(own);
        store_part(call.layout, &part, (own, call.cells), &mut parts[share.owner]);
    }
    parts
}

/// The finished chunks of a round, in order, on rank 0; `None` elsewhere. `made` are those of this
/// rank, `None` among them where there is nothing to be placed.
///
/// # Collective
/// All ranks, those that have failed too: they send nothing, and get their error back.
pub(super) fn collect(
    comm: &Comm,
    round: &[Share],
    made: Result<Vec<Option<Vec<u8>>>>,
) -> Result<Option<Vec<Option<Vec<u8>>>>> {
    if round.iter().all(|share| share.owner == 0) {
        return made.map(|made| comm.is_root().then_some(made));
    }
    let mut packed = Vec::new();
    if let (Ok(made), false) = (&made, comm.is_root()) {
        for bytes in made {
            let bytes = bytes.as_deref().unwrap_or_default();
            packed.extend((bytes.len() as u64).to_ne_bytes());
            packed.extend(bytes);
        }
    }
    let gathered = comm.gather_v(&packed, 0);
    let mut own = made?.into_iter();
    let Some(gathered) = gathered else { return Ok(None) };
    let mut rest: Vec<&[u8]> = gathered.iter().map(Vec::as_slice).collect();
    let next = |share: &Share| match share.owner {
        0 => own.next().flatten(),
        owner => unpack(&mut rest[owner]),
    };
    Ok(Some(round.iter().map(next).collect()))
}

/// The next chunk of a rank; `None` if it sent none, having failed.
fn unpack(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (head, after) = rest.split_first_chunk::<8>()?;
    let (bytes, after) = after.split_at_checked(u64::from_ne_bytes(*head) as usize)?;
    *rest = after;
    (!bytes.is_empty()).then(|| bytes.to_vec())
}
