//! The way of a step from a program's blocks to the columns of tiles.

use super::view::Buffer;
use crate::blocks::Blocks;
use crate::comm::Comm;
use crate::index::IndexBox;
use crate::tiling::Tiling;
use bytemuck::Pod;

/// Which cells of this rank's block go to which columns, and who sends what to columns here.
#[derive(Debug)]
pub(super) struct Route {
    /// This rank's block.
    pub(super) own: IndexBox,
    /// For each rank the pieces of this rank's block that it reduces.
    leaving: Vec<Vec<IndexBox>>,
    /// The columns that this rank reduces: number and cells.
    pub(super) columns: Vec<(usize, IndexBox)>,
    /// For each rank its pieces of columns here: which of `columns`, and the cells.
    arriving: Vec<Vec<(usize, IndexBox)>>,
    /// The rank that reduces each column.
    owners: Vec<usize>,
}

impl Route {
    /// `tiling` has one tile in time. A column is reduced where most of its cells are, at the
    /// lowest rank of several.
    pub(super) fn new(comm: &Comm, blocks: &Blocks, tiling: &Tiling) -> Self {
        let (me, ranks) = (comm.rank(), comm.size());
        let space = |id: usize| IndexBox::new(tiling.tile(id).block.ranges()[1..].to_vec());
        let cells: Vec<IndexBox> = (0..tiling.len()).map(space).collect();
        let share = |rank: usize, cells: &IndexBox| blocks.block(rank).intersect(cells).len();
        let owner = |cells: &IndexBox| {
            (0..ranks).max_by_key(|&rank| (share(rank, cells), std::cmp::Reverse(rank))).unwrap_or(0)
        };
        let owners: Vec<usize> = cells.iter().map(owner).collect();
        let own = blocks.block(me);
        let mut leaving = vec![Vec::new(); ranks];
        for (&to, cells) in owners.iter().zip(&cells) {
            let piece = own.intersect(cells);
            if !piece.is_empty() {
                leaving[to].push(piece);
            }
        }
        let here = cells.iter().cloned().enumerate().filter(|(id, _)| owners[*id] == me);
        let columns: Vec<(usize, IndexBox)> = here.collect();
        let pieces = |rank: usize| {
            let theirs = blocks.block(rank);
            let pieces = columns.iter().enumerate().map(|(k, (_, cells))| (k, theirs.intersect(cells)));
            pieces.filter(|(_, piece)| !piece.is_empty()).collect()
        };
        let arriving = (0..ranks).map(pieces).collect();
        Self { own, leaving, columns, arriving, owners }
    }

    /// The rank that reduces a column.
    pub(super) fn owner(&self, column: usize) -> usize {
        self.owners.get(column).copied().unwrap_or(0)
    }

    /// Brings `steps` steps of all blocks to the columns: `columns[k]` gets the values of column k,
    /// step by step.
    ///
    /// # Collective
    /// Every rank calls this with as many steps.
    pub(super) fn travel(&self, comm: &Comm, steps: usize, from: &Buffer, columns: &mut Vec<Buffer>) {
        match from {
            Buffer::F32(data) => {
                let arrived = self.go(comm, steps, data);
                columns.extend(arrived.into_iter().map(Buffer::F32));
            }
            Buffer::F64(data) => {
                let arrived = self.go(comm, steps, data);
                columns.extend(arrived.into_iter().map(Buffer::F64));
            }
        }
    }

    fn go<T: Pod>(&self, comm: &Comm, steps: usize, data: &[T]) -> Vec<Vec<T>> {
        let cells = self.own.len();
        let mut parts: Vec<Vec<T>> = vec![Vec::new(); comm.size()];
        for (part, pieces) in parts.iter_mut().zip(&self.leaving) {
            part.reserve_exact(steps * pieces.iter().map(IndexBox::len).sum::<usize>());
            for piece in pieces {
                for step in 0..steps {
                    self.own.extract(&data[step * cells..(step + 1) * cells], piece, part);
                }
            }
        }
        let received = comm.all_to_all_v(parts);
        let mut columns: Vec<Vec<T>> =
            self.columns.iter().map(|(_, cells)| vec![T::zeroed(); steps * cells.len()]).collect();
        for (part, pieces) in received.iter().zip(&self.arriving) {
            let mut rest = part.as_slice();
            for (k, piece) in pieces {
                let (cells, column) = (&self.columns[*k].1, &mut columns[*k]);
                for step in column.chunks_exact_mut(cells.len().max(1)) {
                    let (values, after) = rest.split_at(piece.len());
                    cells.insert(step, piece, values);
                    rest = after;
                }
            }
        }
        columns
    }
}
