//! States as bytes in memory: each rank has a piece, and any ranks take all pieces up.
//!
//! A piece, little-endian: `HCLPIECE`, length of the body (u64), body (postcard), checksum of all
//! this (XXH3, 64 bits). Pieces may follow one another in any order.

use super::saved::damaged;
use crate::comm::{Comm, Reduce};
use crate::engine::state::{StateHeader, StateNode};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

const MAGIC: &[u8; 8] = b"HCLPIECE";
const SUM: usize = 8;

#[derive(Serialize, Deserialize)]
struct Body {
    header: StateHeader,
    /// Of all that the ranks saved together, as [`moment`] has it: pieces of different moments, or of
    /// different runs, are not put together.
    moment: u64,
    nodes: Vec<StateNode>,
}

/// One number for the states of all ranks: of the times of all steps, and of all columns, in
/// whatever order.
///
/// # Collective
/// Every rank calls this with the columns that it saves.
pub(super) fn moment(comm: &Comm, times: &[f64], nodes: &[StateNode]) -> u64 {
    let of = |node: &StateNode| XxHash3_64::oneshot_with_seed(node.column as u64, &node.state);
    // A sum modulo 2^64 has no order.
    let mut all = [nodes.iter().map(of).fold(0, u64::wrapping_add)];
    comm.all_reduce(&mut all, Reduce::Sum);
    XxHash3_64::oneshot(bytemuck::cast_slice(times)).wrapping_add(all[0])
}

pub(super) fn encode(header: &StateHeader, moment: u64, nodes: &[StateNode]) -> Result<Vec<u8>> {
    let body = Body { header: header.clone(), moment, nodes: nodes.to_vec() };
    let body = super::saved::encode(&body)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&body);
    let sum = XxHash3_64::oneshot(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

fn number(bytes: &[u8]) -> Result<u64> {
    bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)).ok_or_else(damaged)
}

fn decode(mut bytes: &[u8], expected: &StateHeader) -> Result<Vec<Body>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        if !bytes.starts_with(MAGIC) {
            return Err(Error::data("the bytes are no saved state").remedy("hand in what was given, whole"));
        }
        let len = usize::try_from(number(&bytes[8..])?).map_err(|_| damaged())?;
        let whole = len.checked_add(16 + SUM).filter(|whole| *whole <= bytes.len()).ok_or_else(damaged)?;
        let end = whole - SUM;
        if number(&bytes[end..])? != XxHash3_64::oneshot(&bytes[..end]) {
            return Err(damaged());
        }
        let body: Body = super::saved::decode(&bytes[16..end])?;
        body.header.check(expected)?;
        all.push(body);
        bytes = &bytes[end + SUM..];
    }
    Ok(all)
}

/// Brings the columns in all pieces to their owners; gives those of this rank, and the number of all.
///
/// # Collective
/// Every rank calls this with its pieces.
pub(super) fn deliver(
    comm: &Comm,
    bytes: &[u8],
    expected: &StateHeader,
    owner: &dyn Fn(usize) -> usize,
) -> Result<(Vec<StateNode>, usize)> {
    let bodies = comm.agree(decode(bytes, expected))?;
    let moments: Vec<u64> = bodies.iter().map(|body| body.moment).collect();
    let mut ends =
        [moments.iter().copied().min().unwrap_or(u64::MAX), !moments.iter().copied().max().unwrap_or(0)];
    comm.all_reduce(&mut ends, Reduce::Min);
    let mut parts: Vec<Vec<&StateNode>> = vec![Vec::new(); comm.size()];
    let mut found = [0u64];
    for node in bodies.iter().flat_map(|body| &body.nodes) {
        found[0] += 1;
        // Numbers beyond the last column are found to be none by whoever owns them.
        parts[owner(node.column).min(comm.size() - 1)].push(node);
    }
    comm.all_reduce(&mut found, Reduce::Sum);
    if found[0] > 0 && ends[0] != !ends[1] {
        return Err(Error::data("the parts of the saved state are of different steps or runs")
            .remedy("hand in what all ranks were given at one time"));
    }
    if (found[0] as usize) != expected.tiling.len() {
        return Err(Error::data(format!(
            "{} of {} parts of the saved state are there",
            found[0],
            expected.tiling.len()
        ))
        .remedy("hand in what each rank was given, once"));
    }
    let encoded = parts.iter().map(super::saved::encode).collect::<Result<Vec<_>>>();
    let mut nodes = Vec::new();
    let arrived = comm.all_to_all_v(comm.agree(encoded)?);
    let taken = arrived.iter().try_for_each(|part| {
        nodes.extend(super::saved::decode::<Vec<StateNode>>(part)?);
        Ok(())
    });
    comm.agree(taken)?;
    Ok((nodes, found[0] as usize))
}
