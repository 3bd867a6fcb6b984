//! Halos of a program's own arrays, as they lie in its memory: only the cells that travel are touched.

use super::edges::Beyond;
use super::exchange::{HaloValue, Parcels};
use super::plan::{HaloPlan, Run};
use crate::comm::Comm;
use crate::engine::insitu::extent;
use crate::error::{Error, Result};

/// A halo around this rank's block of a program's array, and room for the values on their way.
#[derive(Debug)]
pub struct HostHalo<T> {
    plan: HaloPlan,
    /// The block with its halo, of which only what travels is set.
    room: Vec<T>,
    parcels: Parcels<T>,
}

/// What lies beyond a wall whose cells a [`HostHalo`] leaves as they are: a NaN like no other.
pub fn kept() -> Beyond {
    Beyond::Value(f64::from_bits(KEPT))
}

const KEPT: u64 = 0x7ff8_6b65_6570_7421;

impl<T: HaloValue> HostHalo<T> {
    /// For arrays of one field that `plan` is of.
    pub fn new(plan: HaloPlan) -> Self {
        Self { plan, room: Vec::new(), parcels: Parcels::default() }
    }
    /// How wide the halo is in level, `y` and `x`; 0 on ranks without cells.
    pub fn widths(&self) -> [usize; 3] {
        self.plan.extent.widths()
    }

    /// Lowest and highest offset from the first own cell that the block with its halo spans, for
    /// strides of level, `y` and `x`.
    ///
    /// # Errors
    /// Usage, if they are no numbers.
    pub fn span(&self, strides: [isize; 3]) -> Result<(isize, isize)> {
        let extent_of = &self.plan.extent;
        let beyond = || Error::usage("strides reach beyond memory");
        let (low, high) = extent(&extent_of.shape(), &strides).ok_or_else(beyond)?;
        let mut first = 0isize;
        for (width, stride) in extent_of.widths().iter().zip(strides) {
            let step = stride.checked_mul(*width as isize).ok_or_else(beyond)?;
            first = first.checked_add(step).ok_or_else(beyond)?;
        }
        low.checked_sub(first).zip(high.checked_sub(first)).ok_or_else(beyond)
    }

    /// Fills the halo: cell (level, y, x) of the block with its halo lies at `origin` plus its indices
    /// times `strides` in `array`.
    ///
    /// # Collective
    /// Every rank calls this, those without cells with an empty array.
    ///
    /// # Panics
    /// If the array does not hold the block with its halo.
    pub fn exchange(&mut self, comm: &Comm, array: &mut [T], origin: usize, strides: [isize; 3]) {
        let Self { plan, room, parcels } = self;
        let shape = plan.extent.shape();
        let at = |offset: usize| {
            let (row, x) = (offset / shape[2].max(1), offset % shape[2].max(1));
            let index = [row / shape[1].max(1), row % shape[1].max(1), x];
            let far: isize = index.iter().zip(strides).map(|(&i, s)| i as isize * s).sum();
            origin.wrapping_add_signed(far)
        };
        room.resize(plan.extent.cells(), T::zeroed());
        let sent = plan.leaving.iter().flat_map(|parcel| &parcel.runs).chain(&plan.local);
        for run in sent {
            let mut place = at(run.from);
            for k in 0..run.len {
                room[run.from.wrapping_add_signed(run.step * k as isize)] = array[place];
                place = place.wrapping_add_signed(run.step * strides[2]);
            }
        }
        plan.fill(comm, parcels, &mut [room.as_mut_slice()]);
        let mut put = |to: usize, len: usize| {
            let mut place = at(to);
            for value in &room[to..to + len] {
                array[place] = *value;
                place = place.wrapping_add_signed(strides[2]);
            }
        };
        let arrived = plan.arriving.iter().flat_map(|parcel| &parcel.runs).chain(&plan.local);
        arrived.for_each(|run: &Run| put(run.to, run.len));
        for constant in plan.constants.iter().filter(|constant| constant.value.to_bits() != KEPT) {
            // They may go on over the end of a row.
            for offset in constant.to..constant.to + constant.len {
                array[at(offset)] = room[offset];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Edges, Ends, Fold, Pivot, Point, Source};
    use super::*;
    use crate::blocks::Blocks;
    use crate::comm::run_threads;
    use crate::index::IndexBox;

    const SHAPE: [usize; 3] = [2, 7, 10];

    /// Uneven boxes in an order of their own; of four ranks the last holds nothing.
    fn own(rank: usize, ranks: usize) -> IndexBox {
        let boxes = match ranks {
            1 => vec![[0..2, 0..7, 0..10]],
            2 => vec![[0..2, 3..7, 0..10], [0..2, 0..3, 0..10]],
            3 => vec![[0..2, 0..7, 6..10], [0..2, 0..5, 0..6], [0..2, 5..7, 0..6]],
            _ => vec![[1..2, 0..7, 0..10], [0..1, 0..7, 0..1], [0..1, 0..7, 1..10], [0..0, 0..7, 0..10]],
        };
        IndexBox::new(boxes[rank].to_vec())
    }

    fn value(at: [usize; 3]) -> f32 {
        (100 * at[0] + 10 * at[1] + at[2]) as f32 + 1.0
    }

    #[test]
    fn arrays_in_any_order_get_what_edges_say() {
        let fold = Fold { pivot: Pivot::T, point: Point::U, flips: true };
        let tripolar = Edges::tripolar(Beyond::Value(-5.0), fold);
        let walls =
            Edges { x: Ends::Walls(Beyond::Nearest, Beyond::Missing), ..Edges::region(Beyond::Nearest) };
        let channel = Edges { x: Ends::Periodic, ..Edges::region(kept()) };
        for (edges, widths) in [(tripolar, [1, 2, 3]), (walls, [0, 1, 1]), (channel, [0, 2, 1])] {
            for ranks in 1..=4 {
                run_threads(ranks, |comm| {
                    let block = own(comm.rank(), ranks);
                    let blocks = Blocks::gather(comm, &SHAPE, &block).unwrap();
                    let plan = HaloPlan::of_blocks(comm, &blocks, widths, &[edges]).unwrap();
                    let shape = plan.extent().shape();
                    let mut halo = HostHalo::<f32>::new(plan);
                    // In Fortran's order, turned over by strides, and one column more than needed.
                    let strides = [1, shape[0] as isize, (shape[0] * shape[1]) as isize];
                    let cells = shape.iter().product::<usize>() + if block.is_empty() { 0 } else { shape[0] };
                    let mut array = vec![-77.0_f32; cells];
                    let place = |i: [usize; 3]| (i[2] * shape[1] + i[1]) * shape[0] + i[0];
                    let global = |i: [usize; 3]| {
                        [0, 1, 2].map(|d| i[d] as i64 - widths[d] as i64 + block.start()[d] as i64)
                    };
                    let each = |todo: &mut dyn FnMut([usize; 3])| {
                        for level in 0..shape[0] {
                            for y in 0..shape[1] {
                                (0..shape[2]).for_each(|x| todo([level, y, x]));
                            }
                        }
                    };
                    let inside = |at: [i64; 3]| {
                        (0..3).all(|d| block.range(d).contains(&usize::try_from(at[d]).unwrap_or(usize::MAX)))
                    };
                    each(&mut |i| {
                        if inside(global(i)) {
                            array[place(i)] = value(global(i).map(|n| n as usize));
                        }
                    });
                    let (low, high) = halo.span(strides).unwrap();
                    assert!(block.is_empty() || (high - low) as usize + 1 == shape.iter().product());
                    halo.exchange(comm, &mut array, 0, strides);
                    each(&mut |i| {
                        let expected = match edges.source(SHAPE, global(i)) {
                            Source::Constant(v) if v.to_bits() == KEPT => -77.0,
                            Source::Constant(v) => v as f32,
                            Source::Cell { at, flips } => value(at) * if flips { -1.0 } else { 1.0 },
                        };
                        let found = array[place(i)];
                        assert_eq!(found.to_bits(), expected.to_bits(), "{i:?} on {ranks} ranks: {found}");
                    });
                });
            }
        }
    }
}
