//! Data from rank to rank: broadcast, gathers, all-to-all, point to point.

use super::transport::Transport;
use super::Comm;
use bytemuck::Pod;

/// Partners that a rank talks to at once. All at once would flood the network of a large job,
/// one at a time would leave it idle.
const WINDOW: usize = 32;

impl Comm {
    /// Gives every rank the `data` of `root`, its length included; what the others held is lost.
    ///
    /// # Collective
    /// Every rank calls this with the same `root`.
    ///
    /// # Panics
    /// If there is no rank `root`.
    pub fn broadcast<T: Pod>(&self, data: &mut Vec<T>, root: usize) {
        self.assert_rank(root);
        let Some(transport) = self.transport() else { return };
        let mut len = [data.len() as u64];
        self.broadcast_bytes(transport, bytemuck::cast_slice_mut(&mut len), root);
        if self.rank() != root {
            data.clear();
            data.resize(len[0] as usize, T::zeroed());
        }
        self.broadcast_bytes(transport, bytemuck::cast_slice_mut(data), root);
    }

    /// The `data` of every rank, by rank, on `root`; `None` elsewhere. Lengths may differ.
    ///
    /// # Collective
    /// Every rank calls this with the same `root`.
    ///
    /// # Panics
    /// If there is no rank `root`.
    pub fn gather_v<T: Pod>(&self, data: &[T], root: usize) -> Option<Vec<Vec<T>>> {
        self.assert_rank(root);
        let Some(transport) = self.transport() else { return Some(vec![data.to_vec()]) };
        let counts = self.counts_of_all(transport, data.len());
        if self.rank() != root {
            transport.exchange(self.outgoing(root, data).collect(), Vec::new(), &mut || ());
            return None;
        }
        let mut gathered: Vec<Vec<T>> = vec![Vec::new(); counts.len()];
        for first in (0..counts.len()).step_by(WINDOW) {
            let window = first..(first + WINDOW).min(counts.len());
            let mut incoming = Vec::new();
            for (from, part) in window.clone().zip(&mut gathered[window]) {
                if from != root {
                    part.resize(counts[from], T::zeroed());
                    incoming.extend(self.incoming(from, part));
                }
            }
            transport.exchange(Vec::new(), incoming, &mut || ());
        }
        gathered[root] = data.to_vec();
        Some(gathered)
    }

    /// The `data` of every rank, by rank, on every rank. Lengths may differ.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn all_gather_v<T: Pod>(&self, data: &[T]) -> Vec<Vec<T>> {
        let Some(transport) = self.transport() else { return vec![data.to_vec()] };
        let counts = self.counts_of_all(transport, data.len());
        let total: usize = counts.iter().sum();
        if total.saturating_mul(size_of::<T>()) > self.link().max_message_bytes {
            return self.all_gather_in_turn(transport, data, &counts);
        }
        let mut all = vec![T::zeroed(); total];
        if size_of_val(all.as_slice()) > 0 {
            let bytes: Vec<usize> = counts.iter().map(|n| n * size_of::<T>()).collect();
            self.link().stats.count(size_of_val(data));
            transport.all_gather(bytemuck::cast_slice(data), &bytes, bytemuck::cast_slice_mut(&mut all));
        }
        let mut rest = all.as_slice();
        let next = |&n: &usize| {
            let (part, after) = rest.split_at(n);
            rest = after;
            part.to_vec()
        };
        counts.iter().map(next).collect()
    }

    /// Sends `parts[r]` to rank r and gives what the ranks sent here, by rank: a change of
    /// decomposition. Lengths may differ; an empty part costs no message (but all lengths are
    /// exchanged first), and this rank's own part is moved, not copied. Parts are freed as they
    /// are sent.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Panics
    /// If there is not one part per rank.
    pub fn all_to_all_v<T: Pod>(&self, mut parts: Vec<Vec<T>>) -> Vec<Vec<T>> {
        let size = self.size();
        assert!(parts.len() == size, "all_to_all_v was given {} parts for {size} ranks", parts.len());
        let Some(transport) = self.transport() else { return parts };
        let mine: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
        self.link().stats.count(size_of_val(mine.as_slice()));
        let counts = transport.all_to_all_counts(&mine);
        let me = self.rank();
        let mut received: Vec<Vec<T>> = vec![Vec::new(); size];
        received[me] = std::mem::take(&mut parts[me]);
        // At step s rank r sends to r + s and receives from r - s: partners meet in the same
        // window, so no rank waits for one that is stuck in another.
        let steps: Vec<usize> = (1..size).collect();
        for window in steps.chunks(WINDOW) {
            let mut arriving: Vec<(usize, Vec<T>)> = window
                .iter()
                .map(|s| (me + size - s) % size)
                .map(|from| (from, vec![T::zeroed(); counts[from] as usize]))
                .collect();
            let mut incoming = Vec::new();
            for (from, part) in &mut arriving {
                incoming.extend(self.incoming(*from, part));
            }
            let mut outgoing = Vec::new();
            for to in window.iter().map(|s| (me + s) % size) {
                outgoing.extend(self.outgoing(to, &parts[to]));
            }
            transport.exchange(outgoing, incoming, &mut || ());
            for to in window.iter().map(|s| (me + s) % size) {
                parts[to] = Vec::new();
            }
            for (from, part) in arriving {
                received[from] = part;
            }
        }
        received
    }

    /// [`Self::all_to_all_v`] between buffers that are there already, of lengths that both sides know:
    /// `outgoing[r]` goes to rank r, what rank r sends here is put into `incoming[r]`. Nothing is
    /// taken from the system and no lengths are exchanged, so that it can be called again and again.
    ///
    /// # Collective
    /// Every rank calls this; what rank r sends to rank s is as long as `incoming[r]` of rank s.
    ///
    /// # Panics
    /// If there is not one buffer per rank, or those of this rank for itself differ in length.
    pub fn all_to_all_into<T: Pod>(&self, outgoing: &[&[T]], incoming: &mut [&mut [T]]) {
        let (size, me) = (self.size(), self.rank());
        assert!(
            outgoing.len() == size && incoming.len() == size,
            "all_to_all_into was given {} and {} buffers for {size} ranks",
            outgoing.len(),
            incoming.len()
        );
        incoming[me].copy_from_slice(outgoing[me]);
        let Some(transport) = self.transport() else { return };
        let steps: Vec<usize> = (1..size).collect();
        // Partners meet in the same window, as in `all_to_all_v`.
        for window in steps.chunks(WINDOW) {
            let from: Vec<usize> = window.iter().map(|s| (me + size - s) % size).collect();
            let mut arriving = Vec::new();
            for (rank, part) in incoming.iter_mut().enumerate().filter(|(rank, _)| from.contains(rank)) {
                arriving.extend(self.incoming(rank, part));
            }
            let mut leaving = Vec::new();
            for to in window.iter().map(|s| (me + s) % size) {
                leaving.extend(self.outgoing(to, outgoing[to]));
            }
            transport.exchange(leaving, arriving, &mut || ());
        }
    }

    /// Messages between neighbours, of lengths that both sides know: `outgoing` to other ranks,
    /// `incoming` from others, without blocking; `meanwhile` is done while they travel. Only ranks
    /// that have messages for one another take part, each pair in the same order.
    ///
    /// # Panics
    /// If a rank is not in the group, or is this one.
    pub fn exchange_during<T: Pod>(
        &self,
        outgoing: &[(usize, &[T])],
        incoming: Vec<(usize, &mut [T])>,
        meanwhile: impl FnOnce(),
    ) {
        let ranks = outgoing.iter().map(|m| m.0).chain(incoming.iter().map(|m| m.0));
        ranks.for_each(|rank| assert!(rank < self.size() && rank != self.rank(), "no neighbour {rank}"));
        let Some(transport) = self.transport() else { return meanwhile() };
        let mut leaving = Vec::with_capacity(outgoing.len());
        outgoing.iter().for_each(|(to, part)| leaving.extend(self.outgoing(*to, part)));
        let mut arriving = Vec::with_capacity(incoming.len());
        incoming.into_iter().for_each(|(from, part)| arriving.extend(self.incoming(from, part)));
        let mut meanwhile = Some(meanwhile);
        transport.exchange(leaving, arriving, &mut || {
            if let Some(work) = meanwhile.take() {
                work();
            }
        });
    }

    /// Sends `data` to rank `to`, which must [`Self::recv`] with the same `tag` and type.
    /// Messages of one sender and tag arrive in order.
    ///
    /// It may return at once or only when the message is received: two ranks that first send to
    /// one another may both wait for ever. Use [`Self::all_to_all_v`] for that. A message to
    /// oneself is kept until it is received.
    ///
    /// # Panics
    /// If there is no rank `to`, or if `tag` is not below [`Self::TAG_LIMIT`].
    pub fn send<T: Pod>(&self, data: &[T], to: usize, tag: u32) {
        self.assert_rank(to);
        assert_tag(tag);
        let header = [data.len() as u64, size_of::<T>() as u64];
        match self.transport() {
            Some(transport) if to != self.rank() => {
                self.link().stats.count(size_of_val(&header));
                transport.send(bytemuck::cast_slice(&header), to, tag);
                for (to, piece) in self.outgoing(to, data) {
                    transport.send(piece, to, tag);
                }
            }
            _ => self.link().put_to_self(header, bytemuck::cast_slice(data), tag),
        }
    }

    /// Receives what rank `from` sent with `tag`; waits for it.
    ///
    /// # Panics
    /// If there is no rank `from`, if `tag` is not below [`Self::TAG_LIMIT`], if the message is
    /// of another type, or if one waits for a message to oneself that was never sent.
    pub fn recv<T: Pod>(&self, from: usize, tag: u32) -> Vec<T> {
        self.assert_rank(from);
        assert_tag(tag);
        match self.transport() {
            Some(transport) if from != self.rank() => {
                let mut header = [0_u64; 2];
                transport.receive(bytemuck::cast_slice_mut(&mut header), from, tag);
                let mut data = room_for::<T>(header, from, tag);
                for (from, piece) in self.incoming(from, &mut data) {
                    transport.receive(piece, from, tag);
                }
                data
            }
            _ => {
                let Some((header, bytes)) = self.link().take_from_self(tag) else {
                    panic!("rank {from} waits for a message to itself with tag {tag}, but sent none");
                };
                let mut data = room_for::<T>(header, from, tag);
                bytemuck::cast_slice_mut::<T, u8>(&mut data).copy_from_slice(&bytes);
                data
            }
        }
    }

    /// [`Self::all_gather_v`] of too much for one call that counts in 32 bits: a broadcast by each.
    fn all_gather_in_turn<T: Pod>(
        &self,
        transport: &dyn Transport,
        data: &[T],
        counts: &[usize],
    ) -> Vec<Vec<T>> {
        let mut gathered: Vec<Vec<T>> = Vec::with_capacity(counts.len());
        for (from, &count) in counts.iter().enumerate() {
            let mut part = if from == self.rank() { data.to_vec() } else { vec![T::zeroed(); count] };
            self.broadcast_bytes(transport, bytemuck::cast_slice_mut(&mut part), from);
            gathered.push(part);
        }
        gathered
    }

    /// Broadcasts in pieces; the length is known everywhere.
    fn broadcast_bytes(&self, transport: &dyn Transport, data: &mut [u8], root: usize) {
        for piece in data.chunks_mut(self.link().max_message_bytes) {
            if self.rank() == root {
                self.link().stats.count(piece.len());
            }
            transport.broadcast(piece, root);
        }
    }

    fn counts_of_all(&self, transport: &dyn Transport, mine: usize) -> Vec<usize> {
        self.link().stats.count(size_of::<u64>());
        transport.all_gather_counts(mine as u64).into_iter().map(|n| n as usize).collect()
    }

    /// `part` as messages to rank `to`, counted as sent.
    fn outgoing<'a, T: Pod>(&self, to: usize, part: &'a [T]) -> impl Iterator<Item = (usize, &'a [u8])> {
        let stats = self.link().stats.clone();
        let bytes: &[u8] = bytemuck::cast_slice(part);
        bytes.chunks(self.link().max_message_bytes).map(move |piece| {
            stats.count(piece.len());
            (to, piece)
        })
    }

    /// Where the messages from rank `from` go.
    fn incoming<'a, T: Pod>(
        &self,
        from: usize,
        part: &'a mut [T],
    ) -> impl Iterator<Item = (usize, &'a mut [u8])> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(part);
        bytes.chunks_mut(self.link().max_message_bytes).map(move |piece| (from, piece))
    }

    pub(super) fn assert_rank(&self, rank: usize) {
        assert!(rank < self.size(), "rank {rank} is not in a group of {}", self.size());
    }
}

fn assert_tag(tag: u32) {
    assert!(tag < Comm::TAG_LIMIT, "tag {tag} is not below {}", Comm::TAG_LIMIT);
}

/// Memory for a message with this header (number and size of elements).
fn room_for<T: Pod>([len, size]: [u64; 2], from: usize, tag: u32) -> Vec<T> {
    let expected = size_of::<T>();
    assert!(
        size == expected as u64,
        "rank {from} sent elements of {size} bytes with tag {tag} where {expected} bytes were expected"
    );
    vec![T::zeroed(); len as usize]
}
