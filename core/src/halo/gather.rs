//! Any places of maps that are divided over ranks, brought together: blocks with surroundings whose
//! cells a mesh looks up, where edges alone don't tell (repeated rows and columns, folds of points
//! that stand between cells, more faces than cells).

use super::exchange::{parts, parts_mut, pick, HaloValue, Parcels};
use super::plan::{append, parcel, Parcel, Run};
use crate::comm::Comm;
use crate::decomposition::Decomposition;
use crate::error::{Error, Result};
use crate::memory::fit;
use std::ops::Range;

/// A cell of a map, by its number in C order, and whether its value changes its sign; `None` beyond a
/// wall, where values are missing.
pub type Place = Option<(usize, bool)>;

/// What one rank wants of the maps of one field.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The cells, row by row.
    pub places: Vec<Place>,
    /// How many of them make a row.
    pub columns: usize,
}

/// Where the cells that a rank wants of some fields, which travel together, come from. Made once, used
/// for any number of exchanges of any number of maps.
#[derive(Debug, Clone)]
pub struct Gather {
    /// Cells that are wanted of a map, and owned of it, by field.
    lengths: Vec<[usize; 2]>,
    walls: Vec<(usize, Range<usize>)>,
    local: Vec<Run>,
    leaving: Vec<Parcel>,
    arriving: Vec<Parcel>,
}

impl Gather {
    /// Plans to gather what this rank wants of fields whose maps are divided as `owners` say, each in
    /// its own way: over rows and columns, the last dimensions, and over dimensions before, along which
    /// ranks get of those maps only that they own. The same parts of all fields.
    ///
    /// # Collective
    /// Every rank calls this with the same decompositions; ranks that want nothing without places.
    ///
    /// # Errors
    /// Internal, if decompositions are of other ranks, or have not two dimensions.
    ///
    /// # Panics
    /// If a place is none of the map.
    pub fn new(comm: &Comm, owners: &[Decomposition], wanted: &[Wanted]) -> Result<Self> {
        let me = comm.rank();
        let fits = |d: &Decomposition| d.ranks() == comm.size() && d.dims().len() >= 2;
        if owners.len() != wanted.len() || !owners.iter().all(fits) {
            return Err(Error::internal("gathering from other maps"));
        }
        let mut gather = Self {
            lengths: Vec::new(),
            walls: Vec::new(),
            local: Vec::new(),
            leaving: Vec::new(),
            arriving: Vec::new(),
        };
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); comm.size()];
        for (field, (owners, wanted)) in owners.iter().zip(wanted).enumerate() {
            let ground = Ground::new(owners);
            gather.lengths.push([wanted.places.len(), ground.cells(me)]);
            for (to, place) in wanted.places.iter().enumerate() {
                let Some((number, flips)) = place else {
                    gather.wall(field, to);
                    continue;
                };
                let (rank, from) = ground.find(me, *number);
                let run = Run { field, to, from, len: 1, step: 0, flips: *flips };
                append(&mut runs[rank], run, wanted.columns.max(1));
            }
        }
        gather.local = std::mem::take(&mut runs[me]);
        // Owners learn what is wanted of them, in the order in which it is put into messages.
        let words = |runs: &Vec<Run>| -> Vec<u64> {
            runs.iter().flat_map(|r| [r.field, r.from, r.len, r.step as usize].map(|n| n as u64)).collect()
        };
        for (rank, asked) in comm.all_to_all_v(runs.iter().map(words).collect()).into_iter().enumerate() {
            let run = |w: &[u64]| {
                let [field, from, len, step] = [0, 1, 2, 3].map(|k| w[k] as usize);
                Run { field, to: 0, from, len, step: step as isize, flips: false }
            };
            gather.leaving.extend(parcel(rank, asked.chunks_exact(4).map(run).collect()));
        }
        gather.arriving.extend(runs.into_iter().enumerate().filter_map(|(rank, runs)| parcel(rank, runs)));
        Ok(gather)
    }

    fn wall(&mut self, field: usize, to: usize) {
        match self.walls.last_mut() {
            Some((last, range)) if *last == field && range.end == to => range.end += 1,
            _ => self.walls.push((field, to..to + 1)),
        }
    }

    /// The places of a field, in its order, that come from other ranks.
    pub fn awaited(&self, field: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let runs = self.arriving.iter().flat_map(|p| &p.runs);
        runs.filter(move |run| run.field == field).map(|run| run.to..run.to + run.len)
    }
    /// Bytes that an exchange of so many maps keeps in buffers, of elements of this size.
    pub fn bytes(&self, maps: usize, element: usize) -> u64 {
        let cells: usize = self.leaving.iter().chain(&self.arriving).map(|p| p.cells).sum();
        (cells * maps * element) as u64
    }

    /// Gathers so many maps of all fields: from `own`, this rank's blocks of them, into `out`, the
    /// places that it wants, map by map. While messages travel `meanwhile` is done with `out`, in which
    /// all is settled but [`Self::awaited`].
    ///
    /// # Collective
    /// Every rank calls this; ranks that own or want nothing with empty fields.
    ///
    /// # Panics
    /// If lengths don't fit.
    pub fn fill_during<T: HaloValue>(
        &self,
        (comm, parcels): (&Comm, &mut Parcels<T>),
        maps: usize,
        own: &[&[T]],
        out: &mut [Vec<T>],
        meanwhile: impl FnOnce(&[Vec<T>]),
    ) {
        for (([wanted, owned], own), out) in self.lengths.iter().zip(own).zip(out.iter_mut()) {
            assert!(own.len() == maps * owned, "a block of another size");
            fit(out, maps * wanted);
        }
        let Parcels { leaving, arriving } = parcels;
        let total = |all: &[Parcel]| all.iter().map(|p| p.cells).sum::<usize>() * maps;
        fit(leaving, total(&self.leaving));
        fit(arriving, total(&self.arriving));
        let mut at = 0;
        for run in self.leaving.iter().flat_map(|p| &p.runs) {
            let cells = self.lengths[run.field][1];
            for map in own[run.field].chunks_exact(cells.max(1)) {
                pick(map, run, &mut leaving[at..at + run.len]);
                at += run.len;
            }
        }
        let outgoing = parts(&self.leaving, maps, leaving.as_slice());
        let incoming = parts_mut(&self.arriving, maps, arriving.as_mut_slice());
        comm.exchange_during(&outgoing, incoming, || {
            self.fill_locally(own, out);
            meanwhile(out);
        });
        let mut at = 0;
        for run in self.arriving.iter().flat_map(|p| &p.runs) {
            for map in out[run.field].chunks_exact_mut(self.lengths[run.field][0].max(1)) {
                let (into, values) = (&mut map[run.to..run.to + run.len], &arriving[at..at + run.len]);
                into.iter_mut().zip(values).for_each(|(o, v)| *o = if run.flips { v.flipped() } else { *v });
                at += run.len;
            }
        }
    }

    /// What needs no other rank.
    fn fill_locally<T: HaloValue>(&self, own: &[&[T]], out: &mut [Vec<T>]) {
        for (field, range) in &self.walls {
            let missing = T::constant(f64::NAN);
            let maps = out[*field].chunks_exact_mut(self.lengths[*field][0].max(1));
            maps.for_each(|map| map[range.clone()].fill(missing));
        }
        for run in &self.local {
            let [wanted, owned] = self.lengths[run.field].map(|n| n.max(1));
            let maps = out[run.field].chunks_exact_mut(wanted).zip(own[run.field].chunks_exact(owned));
            for (map, own) in maps {
                let into = &mut map[run.to..run.to + run.len];
                pick(own, run, into);
                if run.flips {
                    into.iter_mut().for_each(|v| *v = v.flipped());
                }
            }
        }
    }
}

/// Who holds which cell of a map, and where in memory.
struct Ground<'a> {
    rows: &'a [usize],
    columns: &'a [usize],
    /// Columns of the whole map.
    width: usize,
}

impl<'a> Ground<'a> {
    fn new(owners: &'a Decomposition) -> Self {
        let dims = owners.dims();
        let n = dims.len();
        Self { rows: owners.edges(n - 2), columns: owners.edges(n - 1), width: dims[n - 1].len }
    }
    fn parts(&self) -> [usize; 2] {
        [self.rows.len() - 1, self.columns.len() - 1]
    }
    /// Cells of a map that a rank owns, if it owns any maps.
    fn cells(&self, rank: usize) -> usize {
        let [down, across] = self.parts();
        let (y, x) = (rank % (down * across) / across, rank % across);
        (self.rows[y + 1] - self.rows[y]) * (self.columns[x + 1] - self.columns[x])
    }
    /// The rank among those that own the same maps as `me`, and where in its block.
    fn find(&self, me: usize, number: usize) -> (usize, usize) {
        let piece = |edges: &[usize], at: usize| {
            let p = edges.partition_point(|&e| e <= at) - 1;
            assert!(p + 1 < edges.len(), "a place that is none of the map");
            (p, at - edges[p], edges[p + 1] - edges[p])
        };
        let [down, across] = self.parts();
        let (y, row, _) = piece(self.rows, number / self.width);
        let (x, column, width) = piece(self.columns, number % self.width);
        let before = me / (down * across) * (down * across);
        (before + y * across + x, row * width + column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;
    use crate::index::IndexBox;
    use crate::meta::{Dim, Role};

    /// Two fields of other shapes, cut unevenly, also into empty pieces, of several levels.
    #[test]
    fn places_come_from_their_owners() {
        for (ranks, rows, columns, levels) in [
            (1, vec![0, 5], vec![0, 7], 1),
            (2, vec![0, 1, 5], vec![0, 7], 1),
            (4, vec![0, 2, 5], vec![0, 6, 7], 1),
            (4, vec![0, 2, 2, 5], vec![0, 7], 1),
            (5, vec![0, 3, 5], vec![0, 7], 2),
        ] {
            let wider: Vec<usize> =
                columns.iter().enumerate().map(|(k, c)| c + usize::from(k + 1 == columns.len())).collect();
            let dims = |width: usize| {
                vec![
                    Dim::new("lev", 3, Role::Level),
                    Dim::new("y", 5, Role::Y),
                    Dim::new("x", width, Role::X),
                ]
            };
            let depths = if levels == 2 { vec![0, 1, 3] } else { vec![0, 3] };
            let owner = |columns: &Vec<usize>, width| {
                let edges = vec![depths.clone(), rows.clone(), columns.clone()];
                Decomposition::from_edges(dims(width), edges, ranks).expect("fits")
            };
            let owners = [owner(&columns, 7), owner(&wider, 8)];
            run_threads(ranks, |comm| {
                let blocks: Vec<IndexBox> = owners.iter().map(|o| o.block(comm.rank())).collect();
                let maps = blocks[1].range(0).len();
                // Any places, in an order that differs by rank; some beyond walls, some turned.
                let wanted: Vec<Wanted> = [7, 8]
                    .iter()
                    .map(|width| Wanted {
                        places: (0..if maps == 0 { 0 } else { 24 })
                            .map(|k| ((k * 5 + 3 * comm.rank()) % 11 != 0).then_some(k))
                            .map(|k| k.map(|k| ((k * 13 + comm.rank()) % (5 * width), k % 4 == 1)))
                            .collect(),
                        columns: 6,
                    })
                    .collect();
                let value = |field: usize, level: usize, number: usize| {
                    (1000 * (field + 1) + 100 * level + number) as f64
                };
                let own: Vec<Vec<f64>> = blocks
                    .iter()
                    .enumerate()
                    .map(|(field, block)| {
                        let mut all = Vec::new();
                        for level in block.range(0) {
                            for y in block.range(1) {
                                all.extend(block.range(2).map(|x| value(field, level, y * (7 + field) + x)));
                            }
                        }
                        all
                    })
                    .collect();
                let gather = Gather::new(comm, &owners, &wanted).expect("a plan");
                let (mut out, mut parcels) = (vec![Vec::new(), Vec::new()], Parcels::default());
                let fields: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
                let check = |out: &[Vec<f64>], settled: bool| {
                    for (field, wanted) in wanted.iter().enumerate() {
                        let waits = |k: usize| gather.awaited(field).any(|range| range.contains(&k));
                        for (m, level) in blocks[1].range(0).enumerate() {
                            for (k, place) in wanted.places.iter().enumerate() {
                                let found = out[field][m * wanted.places.len() + k];
                                let expected = place.map(|(number, turned)| {
                                    let v = value(field, level, number);
                                    if turned {
                                        -v
                                    } else {
                                        v
                                    }
                                });
                                let same = expected.map_or(found.is_nan(), |v| v == found);
                                assert!(same || !settled && waits(k), "{ranks} {field} {k}: {found}");
                            }
                        }
                    }
                };
                for _ in 0..2 {
                    gather
                        .fill_during((comm, &mut parcels), maps, &fields, &mut out, |out| check(out, false));
                    check(&out, true);
                }
            });
        }
    }
}
