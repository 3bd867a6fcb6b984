//! Who holds what, where a program has cut its domain as it likes: one box for each rank, in any
//! order, of any sizes.

use crate::comm::Comm;
use crate::decomposition::Decomposition;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use bytemuck::Pod;

/// One box of the global index space for each rank; together they hold each index once. Unlike a
/// [`Decomposition`] it has no rule: a model numbers its ranks as it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    shape: Vec<usize>,
    boxes: Vec<IndexBox>,
}

impl Blocks {
    /// The boxes that the ranks hold of a domain with these lengths, slowest dimension first.
    ///
    /// # Collective
    /// Every rank calls this with the same shape and its own box; who holds nothing gives a box
    /// with an empty range.
    ///
    /// # Errors
    /// Usage, on every rank: if a box lies outside, if two overlap, if an index is in none.
    pub fn gather(comm: &Comm, shape: &[usize], own: &IndexBox) -> Result<Self> {
        let fits = own.ndim() == shape.len()
            && !shape.is_empty()
            && own.ranges().iter().zip(shape).all(|(r, &n)| r.start <= r.end && r.end <= n);
        comm.agree(if fits {
            Ok(())
        } else {
            Err(Error::usage(format!("the box {:?} does not lie in a domain of {shape:?}", own.ranges())))
        })?;
        let mut dims = [shape.len() as u64, !(shape.len() as u64)];
        comm.all_reduce(&mut dims, crate::comm::Reduce::Min);
        if dims[0] != !dims[1] {
            return Err(Error::usage("the ranks name domains of different numbers of dimensions"));
        }
        let flat: Vec<u64> = own.ranges().iter().flat_map(|r| [r.start as u64, r.end as u64]).collect();
        let (mut least, mut most) = (shape.iter().map(|&n| n as u64).collect::<Vec<_>>(), Vec::new());
        most.extend(&least);
        comm.all_reduce(&mut least, crate::comm::Reduce::Min);
        comm.all_reduce(&mut most, crate::comm::Reduce::Max);
        if least != most {
            return Err(Error::usage("the ranks name domains of different shapes"));
        }
        let read = |flat: &Vec<u64>| {
            IndexBox::new(flat.chunks(2).map(|r| r[0] as usize..r[1] as usize).collect::<Vec<_>>())
        };
        let all = Self { shape: shape.to_vec(), boxes: comm.all_gather_v(&flat).iter().map(read).collect() };
        comm.on_root(|| all.check())?;
        Ok(all)
    }

    fn check(&self) -> Result<()> {
        let held: usize = self.boxes.iter().map(IndexBox::len).sum();
        let there: usize = self.shape.iter().product();
        for (a, one) in self.boxes.iter().enumerate() {
            let others = self.boxes.iter().enumerate().skip(a + 1);
            if let Some((b, _)) = others.clone().find(|(_, other)| !one.intersect(other).is_empty()) {
                return Err(Error::usage(format!("ranks {a} and {b} both hold some cells of the domain"))
                    .remedy("give each rank the cells that it owns, without halos"));
            }
        }
        if held != there {
            return Err(Error::usage(format!("the ranks hold {held} of the {there} cells of the domain")));
        }
        Ok(())
    }

    /// Those of a decomposition.
    pub fn of(decomposition: &Decomposition) -> Self {
        let boxes = (0..decomposition.ranks()).map(|rank| decomposition.block(rank)).collect();
        Self { shape: decomposition.shape(), boxes }
    }
    /// Lengths of the domain.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// The box of `rank`; an empty one beyond the last.
    pub fn block(&self, rank: usize) -> IndexBox {
        self.boxes.get(rank).cloned().unwrap_or_else(|| IndexBox::new(vec![0..0; self.shape.len()]))
    }
    /// How many ranks it is made for.
    pub fn ranks(&self) -> usize {
        self.boxes.len()
    }

    /// Moves values from these boxes to those of `to`: `data` are the values of this rank's box
    /// here, `out` takes those of its box there, both in C order.
    ///
    /// # Collective
    /// Every rank calls this with the same boxes.
    ///
    /// # Errors
    /// Usage, on every rank: if domains or numbers of ranks differ, or a buffer is of another length
    /// than its box.
    pub fn redistribute<T: Pod>(&self, comm: &Comm, data: &[T], to: &Self, out: &mut [T]) -> Result<()> {
        let me = comm.rank();
        let (have, want) = (self.block(me), to.block(me));
        let fits = self.shape == to.shape && self.ranks() == comm.size() && to.ranks() == comm.size();
        let lens = data.len() == have.len() && out.len() == want.len();
        comm.agree(if !fits {
            Err(Error::usage("values can't go from one domain to another"))
        } else if !lens {
            Err(Error::usage("a buffer is not as long as its box"))
        } else {
            Ok(())
        })?;
        let mut parts: Vec<Vec<T>> = vec![Vec::new(); comm.size()];
        for (part, theirs) in parts.iter_mut().zip(&to.boxes) {
            have.extract(data, &have.intersect(theirs), part);
        }
        for (part, theirs) in comm.all_to_all_v(parts).iter().zip(&self.boxes) {
            want.insert(out, &want.intersect(theirs), part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;

    /// Uneven boxes in an order of their own; the last rank holds nothing.
    fn own(rank: usize) -> IndexBox {
        let ranges = [[0..5, 3..7], [0..2, 0..3], [2..5, 0..3], [0..0, 0..0]];
        IndexBox::new(ranges[rank].to_vec())
    }

    #[test]
    fn values_find_their_way_and_back() {
        run_threads(4, |comm| {
            let ours = Blocks::gather(comm, &[5, 7], &own(comm.rank())).unwrap();
            let rows = IndexBox::new(vec![comm.rank().min(4)..(comm.rank() + 1).min(4), 0..7]);
            let rows = if comm.rank() == 3 { IndexBox::new(vec![3..5, 0..7]) } else { rows };
            let theirs = Blocks::gather(comm, &[5, 7], &rows).unwrap();
            let block = own(comm.rank());
            let mut data = Vec::new();
            let all: Vec<f64> = (0..35).map(f64::from).collect();
            IndexBox::whole(&[5, 7]).extract(&all, &block, &mut data);
            let mut there = vec![-1.0; rows.len()];
            ours.redistribute(comm, &data, &theirs, &mut there).unwrap();
            let mut expected = Vec::new();
            IndexBox::whole(&[5, 7]).extract(&all, &rows, &mut expected);
            assert_eq!(there, expected);
            let mut back = vec![-1.0; data.len()];
            theirs.redistribute(comm, &there, &ours, &mut back).unwrap();
            assert_eq!(back, data);
        });
    }

    #[test]
    fn gaps_and_overlaps_are_told_on_all_ranks() {
        run_threads(2, |comm| {
            let piece = |range| IndexBox::new(vec![range]);
            let gather = |a: IndexBox, b: IndexBox| {
                let own = if comm.is_root() { a } else { b };
                Blocks::gather(comm, &[6], &own).unwrap_err().to_string()
            };
            assert!(gather(piece(0..3), piece(2..6)).contains("both hold"));
            assert!(gather(piece(0..3), piece(4..6)).contains("5 of the 6"));
            assert!(gather(piece(0..3), piece(3..7)).contains("does not lie"));
            let shape = &[6, 1][..2 - comm.rank()];
            let own = IndexBox::new([0..3, 0..1][..shape.len()].to_vec());
            let error = Blocks::gather(comm, shape, &own).unwrap_err().to_string();
            assert!(error.contains("numbers of dimensions"), "{error}");
        });
    }
}
