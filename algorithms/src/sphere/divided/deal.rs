//! Who works on what of a map: latitudes for transforms along circles, orders for those along meridians.

use std::ops::Range;

/// Latitudes and orders of each rank.
#[derive(Debug, Clone)]
pub(super) struct Deal {
    /// Where the northern latitudes of ranks begin, and where the last ones end.
    latitudes: Vec<usize>,
    /// All orders, those of a rank one after the other.
    orders: Vec<usize>,
    /// Where the orders of ranks begin among these, and where the last ones end.
    slots: Vec<usize>,
}

impl Deal {
    /// Deals `latitudes` pairs of latitudes and the orders up to `order` of a truncation to the first
    /// `shares` of `ranks`. An order costs a sum over latitudes for each of its degrees, and `fixed`
    /// more.
    ///
    /// Orders stand in pairs of a low one with many degrees and a high one with few, so that even runs
    /// of them are even in work and in memory.
    pub(super) fn new(
        latitudes: usize,
        (order, truncation): (usize, usize),
        fixed: usize,
        (ranks, shares): (usize, usize),
    ) -> Self {
        let shares = shares.clamp(1, ranks.max(1));
        let own = |rank: usize| latitudes * rank.min(shares) / shares;
        let order_at = |slot: usize| if slot % 2 == 0 { slot / 2 } else { order - slot / 2 };
        let orders: Vec<usize> = (0..=order).map(order_at).collect();
        let cost = |m: &usize| truncation + 1 - m + fixed;
        let total: usize = orders.iter().map(cost).sum();
        let mut slots = vec![0];
        let (mut done, mut slot) = (0, 0);
        for rank in 1..=ranks.max(1) {
            // An order belongs to the share in which its middle lies.
            while slot < orders.len()
                && (rank >= shares || (2 * done + cost(&orders[slot])) * shares < 2 * total * rank)
            {
                done += cost(&orders[slot]);
                slot += 1;
            }
            slots.push(slot);
        }
        Self { latitudes: (0..=ranks.max(1)).map(own).collect(), orders, slots }
    }

    /// The northern latitudes of a rank, from the pole on; each stands for its mirror image, too.
    pub(super) fn latitudes(&self, rank: usize) -> Range<usize> {
        self.latitudes[rank]..self.latitudes[rank + 1]
    }
    /// All orders, as they are stored where a rank has all of some latitudes.
    pub(super) fn all_orders(&self) -> &[usize] {
        &self.orders
    }
    /// The orders of a rank.
    pub(super) fn orders(&self, rank: usize) -> &[usize] {
        &self.orders[self.slots[rank]..self.slots[rank + 1]]
    }
    /// Where the orders of a rank of one of so many rounds stand among all.
    pub(super) fn slots_of(&self, rank: usize, (round, rounds): (usize, usize)) -> Range<usize> {
        let (first, own) = (self.slots[rank], self.slots[rank + 1] - self.slots[rank]);
        first + own * round / rounds..first + own * (round + 1) / rounds
    }
    /// Where orders are cut.
    pub(super) fn edges(&self) -> &[usize] {
        &self.slots
    }
    /// How many ranks it is made for.
    pub(super) fn ranks(&self) -> usize {
        self.latitudes.len() - 1
    }
    /// Where the order `m` is stored.
    pub(super) fn slot(&self, m: usize) -> usize {
        let highest = self.orders.len() - 1;
        if 2 * m <= highest {
            2 * m
        } else {
            2 * (highest - m) + 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_dealt_once_and_evenly() {
        for (latitudes, order, truncation) in
            [(600, 1279, 1279), (8, 15, 15), (3, 2, 9), (1, 0, 0), (31, 40, 60)]
        {
            for (ranks, shares) in [(1, 1), (2, 2), (3, 3), (4, 2), (7, 7), (64, 64)] {
                let deal = Deal::new(latitudes, (order, truncation), 3, (ranks, shares));
                assert_eq!(deal.ranks(), ranks);
                let all: Vec<usize> = (0..ranks).flat_map(|r| deal.latitudes(r)).collect();
                assert_eq!(all, (0..latitudes).collect::<Vec<_>>());
                let mut all: Vec<usize> = (0..ranks).flat_map(|r| deal.orders(r).to_vec()).collect();
                assert!(all.iter().enumerate().all(|(slot, m)| deal.slot(*m) == slot));
                all.sort_unstable();
                assert_eq!(all, (0..=order).collect::<Vec<_>>());
                assert!((shares..ranks).all(|r| deal.latitudes(r).is_empty() && deal.orders(r).is_empty()));
                let cost = |r: usize| deal.orders(r).iter().map(|m| truncation + 4 - m).sum::<usize>();
                let total: usize = (0..ranks).map(cost).sum();
                let most = (0..ranks).map(cost).max().unwrap_or(0);
                assert!(
                    most <= total / shares + 2 * (truncation + 4),
                    "{order} on {ranks}: {most} of {total}"
                );
            }
        }
    }
}
