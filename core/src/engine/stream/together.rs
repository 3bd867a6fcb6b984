//! What several sources that are read in lockstep have in common.

use super::StreamSource;
use crate::error::{Error, Result};

/// Steps up to which a common multiple of chunks in time is always worth it.
const SHORT: usize = 64;

/// Refuses sources of different shapes.
pub(in crate::engine) fn same_shapes(sources: &[&dyn StreamSource]) -> Result<()> {
    let Some((first, others)) = sources.split_first() else { return Ok(()) };
    let shape = first.variable().shape();
    match others.iter().find(|s| s.variable().shape() != shape) {
        None => Ok(()),
        Some(other) => Err(Error::data(format!(
            "has the shape {:?}, `{}` has {shape:?}",
            other.variable().shape(),
            first.variable().name
        ))
        .in_variable(&other.variable().name)
        .remedy("choose variables of one grid, and the same times")),
    }
}

/// The chunks of the first source, and the same with a chunk in time that holds whole chunks of
/// all, where that is not much longer.
pub(in crate::engine) fn common_chunks(sources: &[&dyn StreamSource]) -> (Vec<usize>, Vec<usize>) {
    let chunks = sources.first().map_or_else(Vec::new, |s| s.chunks());
    let times = sources.iter().map(|s| s.chunks().first().map_or(1, |&c| c.max(1)));
    let longest = times.clone().max().unwrap_or(1);
    let multiple = times.reduce(|a, b| (a / gcd(a, b)).saturating_mul(b)).unwrap_or(1);
    let mut common = chunks.clone();
    if let Some(time) = common.first_mut().filter(|_| multiple <= longest.max(SHORT)) {
        *time = multiple;
    }
    (chunks, common)
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        gcd(b, a % b)
    }
}
