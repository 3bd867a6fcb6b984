//! What a backend with several ranks must be able to do.

use super::reduce::{Reduce, Words};

/// The primitives under [`Comm`](super::Comm), in bytes.
///
/// A slice here never exceeds the message limit, and is not empty unless told otherwise: cutting
/// is done by the callers, once for all backends. All but `send` and `receive` are called by every rank, in the same order.
pub(super) trait Transport {
    fn rank(&self) -> usize;
    fn size(&self) -> usize;
    fn barrier(&self);
    /// Between different ranks; messages of one sender and tag arrive in order. Both sides agree
    /// on the length.
    fn send(&self, piece: &[u8], to: usize, tag: u32);
    fn receive(&self, piece: &mut [u8], from: usize, tag: u32);
    fn broadcast(&self, piece: &mut [u8], root: usize);
    fn all_gather_counts(&self, mine: u64) -> Vec<u64>;
    /// `mine[r]` goes to rank r.
    fn all_to_all_counts(&self, mine: &[u64]) -> Vec<u64>;
    /// Everybody's bytes, `counts[r]` from rank r, one after another into `all`; some are not
    /// empty.
    fn all_gather(&self, mine: &[u8], counts: &[usize], all: &mut [u8]);
    /// All of these messages at once, without a deadlock however long they are. Pieces between
    /// the same two ranks keep their order. Only ranks with something to say take part.
    /// `meanwhile` is done when all are on their way.
    fn exchange<'a>(
        &self,
        outgoing: Vec<(usize, &'a [u8])>,
        incoming: Vec<(usize, &'a mut [u8])>,
        meanwhile: &mut dyn FnMut(),
    );
    fn all_reduce(&self, data: Words<'_>, op: Reduce);
}
