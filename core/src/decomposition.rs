//! Which box of the global index space each rank owns.

use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Dim, Role};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A Cartesian division of a domain over ranks: geometry only, no data and no communicator.
///
/// Each dimension is cut at its own edges, anywhere, and the pieces are numbered in C order.
/// Pieces may be empty, and ranks above the number of pieces own nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decomposition {
    dims: Vec<Dim>,
    edges: Vec<Vec<usize>>,
    ranks: usize,
}

/// Cuts `len` items into `parts` as evenly as can be; the first parts take what is left over.
fn even_edges(start: usize, len: usize, parts: usize) -> Vec<usize> {
    let (each, over) = (len / parts, len % parts);
    (0..=parts).map(|p| start + p * each + p.min(over)).collect()
}

impl Decomposition {
    /// Cuts dimension `d` at `edges[d]` (ascending, first and last bound the domain).
    ///
    /// # Errors
    /// When the edges don't ascend, or there are more pieces than `ranks`.
    pub fn from_edges(dims: Vec<Dim>, edges: Vec<Vec<usize>>, ranks: usize) -> Result<Self> {
        let ascending = |e: &Vec<usize>| e.len() >= 2 && e.windows(2).all(|w| w[0] <= w[1]);
        let inside = edges.iter().zip(&dims).all(|(e, d)| e.last().is_some_and(|&last| last <= d.len));
        if edges.len() != dims.len() || !edges.iter().all(ascending) || !inside {
            return Err(Error::internal(format!("edges {edges:?} don't fit dimensions {dims:?}")));
        }
        let pieces: usize = edges.iter().map(|e| e.len() - 1).product();
        if pieces > ranks {
            return Err(Error::usage(format!(
                "a decomposition into {pieces} pieces needs as many ranks, there are {ranks}"
            )));
        }
        Ok(Self { dims, edges, ranks })
    }

    /// Where the pieces begin along dimension `d`, and where the last one ends.
    pub fn edges(&self, d: usize) -> &[usize] {
        &self.edges[d]
    }

    /// Cuts `domain` into `parts[d]` even parts along dimension `d`.
    ///
    /// # Errors
    /// As [`Self::from_edges`].
    pub fn even(dims: &[Dim], domain: &IndexBox, parts: &[usize], ranks: usize) -> Result<Self> {
        let edges =
            domain.ranges().iter().zip(parts).map(|(r, &p)| even_edges(r.start, r.len(), p.max(1))).collect();
        Self::from_edges(dims.to_vec(), edges, ranks)
    }

    /// Cuts `domain` along dimension `d` only, into as many parts as there are ranks.
    ///
    /// # Errors
    /// As [`Self::from_edges`].
    pub fn along(dims: &[Dim], domain: &IndexBox, d: usize, ranks: usize) -> Result<Self> {
        let mut parts = vec![1; dims.len()];
        parts[d] = ranks;
        Self::even(dims, domain, &parts, ranks)
    }

    /// The dimension that [`Self::automatic`] cuts: time, unless it has fewer stored chunks than
    /// there are ranks and another dimension has more. `chunks`: lengths of a chunk.
    pub fn automatic_axis(dims: &[Dim], chunks: &[usize], ranks: usize) -> usize {
        let counts: Vec<usize> = dims.iter().zip(chunks).map(|(d, &c)| d.len.div_ceil(c.max(1))).collect();
        let time = dims.iter().position(|d| d.role == Role::Time).unwrap_or(0);
        if counts.get(time).is_some_and(|&n| n >= ranks) {
            return time;
        }
        (0..counts.len()).fold(time, |best, d| if counts[d] > counts[best] { d } else { best })
    }

    /// Divides `domain` as the data are stored, so that each chunk has one reader: along
    /// [`Self::automatic_axis`], whole chunks to each rank, as evenly as they go.
    ///
    /// # Errors
    /// As [`Self::from_edges`].
    pub fn automatic(dims: &[Dim], domain: &IndexBox, chunks: &[usize], ranks: usize) -> Result<Self> {
        let axis = Self::automatic_axis(dims, chunks, ranks);
        Self::by_chunks(dims, domain, (axis, chunks), ranks)
    }

    /// As [`Self::automatic`], but along the axis that suits `domain`, of whose chunks there may be few in
    /// a long dimension.
    ///
    /// # Errors
    /// As [`Self::from_edges`].
    pub fn of_window(dims: &[Dim], domain: &IndexBox, chunks: &[usize], ranks: usize) -> Result<Self> {
        let touched = |((dim, range), &chunk): ((&Dim, &Range<usize>), &usize)| {
            let chunk = chunk.max(1);
            Dim { len: (range.end.div_ceil(chunk) - range.start / chunk) * chunk, ..dim.clone() }
        };
        let within: Vec<Dim> = dims.iter().zip(domain.ranges()).zip(chunks).map(touched).collect();
        let axis = Self::automatic_axis(&within, chunks, ranks);
        Self::by_chunks(dims, domain, (axis, chunks), ranks)
    }

    fn by_chunks(
        dims: &[Dim],
        domain: &IndexBox,
        (axis, chunks): (usize, &[usize]),
        ranks: usize,
    ) -> Result<Self> {
        let range = domain.range(axis);
        let chunk = chunks[axis].max(1);
        let first = range.start / chunk;
        let count = range.end.div_ceil(chunk) - first;
        let mut edges: Vec<Vec<usize>> = domain.ranges().iter().map(|r| vec![r.start, r.end]).collect();
        edges[axis] = even_edges(first, count, ranks)
            .into_iter()
            .map(|edge| (edge * chunk).clamp(range.start, range.end))
            .collect();
        Self::from_edges(dims.to_vec(), edges, ranks)
    }

    /// The parts per dimension that a user wrote, as in `time=4,lat=2`; dimensions not named
    /// stay whole. Words are roles (`time`, `lev`, `lat`/`y`, `lon`/`x`) or dimension names.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) for a word that is no dimension, a count that is no
    /// positive number, or a product above `ranks`.
    pub fn parse_parts(text: &str, dims: &[Dim], ranks: usize) -> Result<Vec<usize>> {
        let mut parts = vec![1; dims.len()];
        for item in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let (word, count) = item.split_once('=').ok_or_else(|| {
                Error::usage(format!("decomposition `{item}` is not of the form dimension=parts"))
            })?;
            let word = word.trim();
            let d = dims
                .iter()
                .position(|d| d.name == word)
                .or_else(|| Role::from_user(word).and_then(|role| dims.iter().position(|d| d.role == role)))
                .ok_or_else(|| {
                    let names: Vec<&str> = dims.iter().map(|d| d.name.as_str()).collect();
                    Error::usage(format!(
                        "decomposition names `{word}`, which is no dimension of the variable"
                    ))
                    .remedy(format!("its dimensions are {}", names.join(", ")))
                })?;
            if parts[d] != 1 {
                return Err(Error::usage(format!("decomposition `{text}` names `{}` twice", dims[d].name)));
            }
            parts[d] = count.trim().parse().ok().filter(|&n: &usize| n > 0).ok_or_else(|| {
                Error::usage(format!("decomposition `{item}` needs a positive number of parts"))
            })?;
        }
        let pieces = parts.iter().try_fold(1usize, |all, &p| all.checked_mul(p));
        match pieces {
            Some(pieces) if pieces <= ranks => Ok(parts),
            _ => Err(Error::usage(format!(
                "decomposition `{text}` makes more pieces than the {ranks} rank{} of this run",
                if ranks == 1 { "" } else { "s" }
            ))
            .remedy("start more ranks or use fewer parts")),
        }
    }

    /// The same division with dimension `d`, which must not be cut, replaced by `dim`: who owns
    /// what of a result whose times have become modes, say.
    ///
    /// # Errors
    /// When dimension `d` is cut.
    pub fn with_dim(&self, d: usize, dim: Dim) -> Result<Self> {
        if self.edges[d].len() != 2 {
            return Err(Error::internal(format!(
                "dimension `{}` is cut and can't be replaced",
                self.dims[d].name
            )));
        }
        let mut new = self.clone();
        new.edges[d] = vec![0, dim.len];
        new.dims[d] = dim;
        Ok(new)
    }

    /// Dimensions with their global lengths.
    pub fn dims(&self) -> &[Dim] {
        &self.dims
    }
    /// Global lengths.
    pub fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|d| d.len).collect()
    }
    /// The part of the global index space that is divided.
    pub fn domain(&self) -> IndexBox {
        IndexBox::new(self.edges.iter().map(|e| e[0]..e[e.len() - 1]).collect())
    }
    /// Number of ranks it was made for.
    pub fn ranks(&self) -> usize {
        self.ranks
    }
    /// Parts per dimension.
    pub fn parts(&self) -> Vec<usize> {
        self.edges.iter().map(|e| e.len() - 1).collect()
    }
    /// The box that `rank` owns, maybe an empty one.
    pub fn block(&self, rank: usize) -> IndexBox {
        let parts = self.parts();
        if rank >= parts.iter().product() {
            return IndexBox::new(self.edges.iter().map(|e| e[0]..e[0]).collect());
        }
        let mut rest = rank;
        let mut ranges = vec![0..0; parts.len()];
        for d in (0..parts.len()).rev() {
            let p = rest % parts[d];
            rest /= parts[d];
            ranges[d] = self.edges[d][p]..self.edges[d][p + 1];
        }
        IndexBox::new(ranges)
    }
    /// The rank that owns the index `at`, or `None` outside the domain.
    pub fn owner(&self, at: &[usize]) -> Option<usize> {
        let mut rank = 0;
        for (edges, &i) in self.edges.iter().zip(at) {
            if i < edges[0] || i >= edges[edges.len() - 1] {
                return None;
            }
            // The last piece that starts at or below i; empty pieces before it are passed over.
            let p = edges.partition_point(|&e| e <= i) - 1;
            rank = rank * (edges.len() - 1) + p;
        }
        Some(rank)
    }
    /// The ranks whose blocks meet `wanted`, ascending, each with the part that it owns.
    pub fn overlaps(&self, wanted: &IndexBox) -> Vec<(usize, IndexBox)> {
        let mut found = vec![(0usize, Vec::new())];
        for (edges, range) in self.edges.iter().zip(wanted.ranges()) {
            let pieces = edges.len() - 1;
            let first = edges.partition_point(|&e| e <= range.start).saturating_sub(1);
            let mut next = Vec::new();
            for (rank, ranges) in &found {
                for p in first..pieces {
                    let (start, end) = (edges[p].max(range.start), edges[p + 1].min(range.end));
                    if edges[p] >= range.end {
                        break;
                    }
                    if start < end {
                        let mut ranges: Vec<std::ops::Range<usize>> = ranges.clone();
                        ranges.push(start..end);
                        next.push((rank * pieces + p, ranges));
                    }
                }
            }
            found = next;
        }
        found.into_iter().map(|(rank, ranges)| (rank, IndexBox::new(ranges))).collect()
    }
    /// As a person writes it: `time=1,lat=4`.
    pub fn describe(&self) -> String {
        let parts: Vec<String> =
            self.dims.iter().zip(self.parts()).map(|(d, p)| format!("{}={p}", d.name)).collect();
        parts.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims() -> Vec<Dim> {
        vec![Dim::new("time", 5, Role::Time), Dim::new("lat", 7, Role::Y), Dim::new("lon", 3, Role::X)]
    }

    #[test]
    fn every_index_has_one_owner_even_on_uneven_and_empty_pieces() {
        for parts in [[1, 1, 1], [2, 3, 1], [1, 9, 1], [6, 1, 4]] {
            let ranks = parts.iter().product::<usize>() + 2;
            let whole = IndexBox::whole(&[5, 7, 3]);
            let d = Decomposition::even(&dims(), &whole, &parts, ranks).unwrap();
            let mut seen = 0;
            for t in 0..5 {
                for y in 0..7 {
                    for x in 0..3 {
                        let owner = d.owner(&[t, y, x]).unwrap();
                        let cell = IndexBox::new(vec![t..t + 1, y..y + 1, x..x + 1]);
                        assert!(d.block(owner).contains(&cell));
                        assert_eq!(d.overlaps(&cell), vec![(owner, cell)]);
                        seen += 1;
                    }
                }
            }
            let owned: usize = (0..ranks).map(|r| d.block(r).len()).sum();
            assert_eq!(owned, seen);
            let met: usize = d.overlaps(&whole).iter().map(|(_, b)| b.len()).sum();
            assert_eq!(met, seen);
        }
    }

    #[test]
    fn automatic_division_keeps_chunks_whole() {
        let d = dims();
        let whole = IndexBox::whole(&[5, 7, 3]);
        // One map a chunk: time. All times in a chunk: rows.
        assert_eq!(Decomposition::automatic(&d, &whole, &[1, 7, 3], 2).unwrap().parts(), [2, 1, 1]);
        let rows = Decomposition::automatic(&d, &whole, &[5, 2, 3], 3).unwrap();
        assert_eq!(rows.parts(), [1, 3, 1]);
        assert_eq!(
            [rows.block(0).range(1), rows.block(1).range(1), rows.block(2).range(1)],
            [0..4, 4..6, 6..7]
        );
        // Few chunks for many ranks: some own nothing.
        let few = Decomposition::automatic(&d, &whole, &[5, 7, 3], 4).unwrap();
        assert_eq!((0..4).map(|r| few.block(r).len()).sum::<usize>(), 105);
        // A window of the domain.
        let window = Decomposition::automatic(&d, &whole.with_range(0, 1..4), &[2, 7, 3], 2).unwrap();
        assert_eq!([window.block(0).range(0), window.block(1).range(0)], [1..2, 2..4]);
        // One map of many, in chunks of rows: not all of it to one rank.
        let one = whole.with_range(0, 3..4);
        assert_eq!(Decomposition::of_window(&d, &one, &[1, 2, 3], 3).unwrap().parts(), [1, 3, 1]);
        assert_eq!(Decomposition::of_window(&d, &whole, &[1, 2, 3], 3).unwrap().parts(), [3, 1, 1]);
    }

    #[test]
    fn hand_written_parts_name_roles_or_dimensions() {
        let d = dims();
        assert_eq!(Decomposition::parse_parts("time=2, y=3", &d, 6).unwrap(), [2, 3, 1]);
        assert_eq!(Decomposition::parse_parts("lon=2", &d, 2).unwrap(), [1, 1, 2]);
        for (bad, ranks) in [("depth=2", 4), ("lat", 4), ("lat=0", 4), ("lat=x", 4), ("lat=3,lon=2", 5)] {
            let e = Decomposition::parse_parts(bad, &d, ranks).unwrap_err();
            assert_eq!(e.exit_code(), 2, "{bad}: {e}");
        }
    }
}
