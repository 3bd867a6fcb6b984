//! Which cells of a halo come from where.

use super::edges::{Edges, Source};
use super::extent::{head, Extent};
use crate::blocks::Blocks;
use crate::comm::Comm;
use crate::decomposition::Decomposition;
use crate::error::{Error, Result};

/// Cells of one row that come from one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) field: usize,
    /// First cell in memory of the receiver, in that of the sender.
    pub(super) to: usize,
    pub(super) from: usize,
    pub(super) len: usize,
    /// From one cell of the sender to the next: 1, -1 across a fold, 0 beyond a wall.
    pub(super) step: isize,
    pub(super) flips: bool,
}

/// Cells of one row that hold a constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constant {
    pub(super) field: usize,
    pub(super) to: usize,
    pub(super) len: usize,
    pub(super) value: f64,
}

/// What goes to a rank, or comes from it, for each map.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) rank: usize,
    pub(super) cells: usize,
    pub(super) runs: Vec<Run>,
}

/// Where the halo cells of some fields, which travel together, come from. Made once, used for any
/// number of exchanges of any number of maps.
#[derive(Debug, Clone)]
pub struct HaloPlan {
    pub(super) extent: Extent,
    pub(super) fields: usize,
    pub(super) constants: Vec<Constant>,
    /// Cells of the own block.
    pub(super) local: Vec<Run>,
    pub(super) leaving: Vec<Parcel>,
    pub(super) arriving: Vec<Parcel>,
}

impl HaloPlan {
    /// Plans halos `widths` wide (level, `y`, `x`) around the blocks of a decomposition, for as many
    /// fields as `edges` are given. Widths may exceed the blocks of neighbours, and the domain.
    ///
    /// # Collective
    /// Every rank calls this with the same arguments.
    ///
    /// # Errors
    /// Usage, for edges that have no meaning, or dimensions that don't end in `y` and `x`.
    pub fn new(
        comm: &Comm,
        decomposition: &Decomposition,
        widths: [usize; 3],
        edges: &[Edges],
    ) -> Result<Self> {
        if decomposition.ranks() != comm.size() {
            return Err(Error::internal("a halo for another number of ranks"));
        }
        Self::of_places(comm, &Places::new(decomposition, comm.rank(), widths)?, edges)
    }

    /// Plans halos around boxes that a program has cut as it likes, of one to three dimensions: the
    /// last are level, `y` and `x`.
    ///
    /// # Collective
    /// Every rank calls this with the same arguments.
    ///
    /// # Errors
    /// Usage, for edges that have no meaning, a halo along a dimension that is not there, or other
    /// numbers of dimensions or ranks.
    pub fn of_blocks(comm: &Comm, blocks: &Blocks, widths: [usize; 3], edges: &[Edges]) -> Result<Self> {
        let ndim = blocks.shape().len();
        if blocks.ranks() != comm.size() || !(1..=3).contains(&ndim) {
            return Err(Error::usage(format!(
                "a halo around {} boxes of {ndim} dimensions, on {} ranks",
                blocks.ranks(),
                comm.size()
            )));
        }
        if widths[..3 - ndim].iter().any(|&w| w > 0) {
            return Err(Error::usage("a halo along a dimension that is not there"));
        }
        // So that indices with halos are numbers.
        if widths.iter().any(|&w| w > 1 << 20) {
            return Err(Error::usage(format!("a halo of {widths:?} cells is too wide")));
        }
        Self::of_places(comm, &Places::of_blocks(blocks, widths), edges)
    }

    fn of_places(comm: &Comm, places: &Places<'_>, edges: &[Edges]) -> Result<Self> {
        edges.iter().try_for_each(Edges::check)?;
        let me = comm.rank();
        let mut plan = Self {
            extent: places.extents[me].clone(),
            fields: edges.len(),
            constants: Vec::new(),
            local: Vec::new(),
            leaving: Vec::new(),
            arriving: Vec::new(),
        };
        let mut wanted: Vec<Vec<Run>> = vec![Vec::new(); comm.size()];
        for (field, edges) in edges.iter().enumerate() {
            plan.look_up(places, (field, edges), &mut wanted)?;
        }
        plan.local = std::mem::take(&mut wanted[me]);
        // Owners learn what is wanted of them, in the order in which it is put into messages.
        let words = |runs: &Vec<Run>| -> Vec<u64> {
            runs.iter().flat_map(|r| [r.field, r.from, r.len, r.step as usize].map(|n| n as u64)).collect()
        };
        for (rank, asked) in comm.all_to_all_v(wanted.iter().map(words).collect()).into_iter().enumerate() {
            let run = |w: &[u64]| {
                let [field, from, len, step] = [0, 1, 2, 3].map(|k| w[k] as usize);
                Run { field, to: 0, from, len, step: step as isize, flips: false }
            };
            plan.leaving.extend(parcel(rank, asked.chunks_exact(4).map(run).collect()));
        }
        plan.arriving.extend(wanted.into_iter().enumerate().filter_map(|(rank, runs)| parcel(rank, runs)));
        Ok(plan)
    }

    /// How maps with halos lie in memory.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }
    /// Of how many fields.
    pub fn fields(&self) -> usize {
        self.fields
    }
    /// Bytes that an exchange of so many maps keeps in buffers, of elements of this size.
    pub fn bytes(&self, maps: usize, element: usize) -> u64 {
        let cells: usize = self.leaving.iter().chain(&self.arriving).map(|p| p.cells).sum();
        (cells * maps * element) as u64
    }

    /// Finds the source of each halo cell of a field.
    fn look_up(
        &mut self,
        places: &Places<'_>,
        (field, edges): (usize, &Edges),
        wanted: &mut [Vec<Run>],
    ) -> Result<()> {
        let extent = self.extent.clone();
        let (shape, inside) = (extent.shape(), extent.inside());
        for level in 0..shape[0] {
            for y in 0..shape[1] {
                let whole = inside[0].contains(&level) && inside[1].contains(&y);
                let parts =
                    if whole { [0..inside[2].start, inside[2].end..shape[2]] } else { [0..shape[2], 0..0] };
                for x in parts.into_iter().flatten() {
                    let to = extent.offset([level, y, x]);
                    let at = [0, 1, 2]
                        .map(|d| [level, y, x][d] as i64 + extent.start[d] as i64 - extent.widths[d] as i64);
                    match edges.source(places.shape, at) {
                        Source::Constant(value) => self.constant(Constant { field, to, len: 1, value }),
                        Source::Cell { at, flips } => {
                            let (rank, from) = places.find(at)?;
                            let run = Run { field, to, from, len: 1, step: 0, flips };
                            append(&mut wanted[rank], run, shape[2]);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn constant(&mut self, one: Constant) {
        match self.constants.last_mut() {
            Some(last)
                if last.field == one.field
                    && last.to + last.len == one.to
                    && last.value.to_bits() == one.value.to_bits() =>
            {
                last.len += 1;
            }
            _ => self.constants.push(one),
        }
    }
}

pub(super) fn parcel(rank: usize, runs: Vec<Run>) -> Option<Parcel> {
    let cells: usize = runs.iter().map(|r| r.len).sum();
    (cells > 0).then_some(Parcel { rank, cells, runs })
}

/// Adds a cell to the last run, if it goes on so in the same row.
pub(super) fn append(runs: &mut Vec<Run>, one: Run, row: usize) {
    if let Some(last) = runs.last_mut() {
        let step = one.from as isize - (last.from as isize + (last.len as isize - 1) * last.step);
        let same_row = last.to / row == one.to / row;
        let goes_on = last.field == one.field && last.to + last.len == one.to && last.flips == one.flips;
        if same_row && goes_on && step.abs() <= 1 && (last.len == 1 || last.step == step) {
            last.step = step;
            last.len += 1;
            return;
        }
    }
    runs.push(one);
}

/// Who holds which cell, and where in memory.
struct Places<'a> {
    extents: Vec<Extent>,
    shape: [usize; 3],
    owner: Owner<'a>,
}

/// Who owns a cell.
enum Owner<'a> {
    /// By a Cartesian decomposition; where this rank is along the dimensions before, as its
    /// neighbours are there too.
    Cartesian(&'a Decomposition, Vec<usize>),
    /// By boxes in no order: neighbours are mostly in that of the cell before.
    Boxes(std::cell::Cell<usize>),
}

impl<'a> Places<'a> {
    fn new(decomposition: &'a Decomposition, me: usize, widths: [usize; 3]) -> Result<Self> {
        let head = head(decomposition, widths)?;
        let (domain, all) = (decomposition.domain(), decomposition.shape());
        if domain.ranges()[head..].iter().zip(&all[head..]).any(|(r, &n)| *r != (0..n)) {
            return Err(Error::internal("halos need whole maps"));
        }
        let extents = (0..decomposition.ranks())
            .map(|rank| Extent::new(decomposition, rank, widths))
            .collect::<Result<_>>()?;
        let mut shape = [1; 3];
        shape[3 - (all.len() - head)..].copy_from_slice(&all[head..]);
        let before = decomposition.block(me).start()[..head].to_vec();
        Ok(Self { extents, shape, owner: Owner::Cartesian(decomposition, before) })
    }
    fn of_blocks(blocks: &Blocks, widths: [usize; 3]) -> Self {
        let extents = (0..blocks.ranks()).map(|rank| Extent::of_box(&blocks.block(rank), widths)).collect();
        let mut shape = [1; 3];
        shape[3 - blocks.shape().len()..].copy_from_slice(blocks.shape());
        Self { extents, shape, owner: Owner::Boxes(std::cell::Cell::new(0)) }
    }
    fn find(&self, at: [usize; 3]) -> Result<(usize, usize)> {
        let owner = match &self.owner {
            Owner::Cartesian(decomposition, before) => {
                let dims = decomposition.dims().len() - before.len();
                let index: Vec<usize> = before.iter().chain(&at[3 - dims..]).copied().collect();
                decomposition.owner(&index)
            }
            Owner::Boxes(last) => {
                let holds = |rank: &usize| self.extents[*rank].owns(at);
                let found = Some(last.get()).filter(holds).or_else(|| (0..self.extents.len()).find(holds));
                found.inspect(|&rank| last.set(rank))
            }
        };
        let rank = owner.ok_or_else(|| Error::internal("a cell without an owner"))?;
        let extent = &self.extents[rank];
        let local = [0, 1, 2].map(|d| at[d] - extent.start[d] + extent.widths[d]);
        Ok((rank, extent.offset(local)))
    }
}
