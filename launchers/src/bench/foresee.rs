//! What the ranks of a case are going to send.

use super::case::{Case, Shape};
use super::record::{ByStage, Sum};
use super::{moves, rims};
use crate::plan::{self, Ranks};
use halocline_core::budget;
use halocline_core::comm::Formula;
use halocline_core::Result;
use std::path::Path;

/// Bytes that a process takes for itself.
const BASE: u64 = 100 << 20;

/// By the formulas of the passes of a case and of its output, on so many ranks and threads of each;
/// `None` where they are not known. `input` is there.
pub(super) fn of(
    case: Case,
    shape: &Shape,
    (ranks, threads): (usize, usize),
    (input, output): (&Path, &Path),
) -> Result<Option<ByStage>> {
    let nothing = Sum { messages: 0, bytes: Some(0) };
    let in_memory =
        |formula: Formula| Ok(Some(ByStage { passes: sum(&formula, false), writing: Some(nothing) }));
    match case {
        Case::Redistribute => return in_memory(moves::foresee(shape, ranks, moves::ROUNDS)?),
        Case::Halo => return in_memory(rims::foresee(shape, ranks, (rims::WIDTH, rims::ROUNDS))?),
        _ => {}
    }
    let room = budget::detect(ranks, 1).bytes.saturating_sub(BASE);
    let words = case.words(shape, input, output);
    let sent = plan::sent_for(&words, Ranks { count: ranks, threads, room })?;
    Ok(sent.map(|sent| ByStage {
        passes: sum(&sent.passes, false),
        writing: sent.writing.map(|formula| sum(&formula, case.compresses())),
    }))
}

fn sum(formula: &Formula, compressed: bool) -> Sum {
    let total = formula.total();
    // A group of one sends nothing, compressed or not.
    let bytes = (!compressed || total.messages == 0).then_some(total.bytes);
    Sum { messages: total.messages, bytes }
}
