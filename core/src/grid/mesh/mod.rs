//! Meshes: where on the cells of a map values stand, how long and how large cells are there, which
//! are wet, and how the edges of the map meet.

mod complete;
mod geometry;
mod recognise;
mod rectilinear;
mod repeated;
mod topology;
mod window;

pub use complete::Parts;
pub use recognise::{recognise, TopologyChoice};
pub use topology::{EdgeNorth, EdgeX, Topology};
pub use window::Window;

use serde::{Deserialize, Serialize};

/// Where on a cell of an Arakawa C grid values stand, seen from above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Point {
    /// The centre: tracers.
    T,
    /// The middle of a face towards the next column: the first component of a velocity.
    U,
    /// The middle of a face towards the next row: the second component.
    V,
    /// A corner: vorticity, streamfunctions.
    F,
}

impl Point {
    /// All of them, as arrays of a [`Mesh`] have them.
    pub const ALL: [Self; 4] = [Self::T, Self::U, Self::V, Self::F];
    /// Half a cell on along x.
    pub const fn is_east(self) -> bool {
        matches!(self, Self::U | Self::F)
    }
    /// Half a cell on along y.
    pub const fn is_north(self) -> bool {
        matches!(self, Self::V | Self::F)
    }
    /// The point half a cell away along x.
    #[must_use]
    pub const fn across_x(self) -> Self {
        match self {
            Self::T => Self::U,
            Self::U => Self::T,
            Self::V => Self::F,
            Self::F => Self::V,
        }
    }
    /// The point half a cell away along y.
    #[must_use]
    pub const fn across_y(self) -> Self {
        match self {
            Self::T => Self::V,
            Self::V => Self::T,
            Self::U => Self::F,
            Self::F => Self::U,
        }
    }
    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::T => "t",
            Self::U => "u",
            Self::V => "v",
            Self::F => "f",
        }
    }
    /// Its place in arrays.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Which faces of the cells along an axis a file keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Faces {
    /// The one behind each cell (NEMO, MOM6).
    Right,
    /// The one before each cell (`MITgcm`).
    Left,
    /// One more than cells (MOM6 with symmetric memory).
    Outer,
    /// One less than cells (ROMS).
    Inner,
}

impl Faces {
    /// How many there are of so many cells.
    pub const fn count(self, cells: usize) -> usize {
        match self {
            Self::Right | Self::Left => cells,
            Self::Outer => cells + 1,
            Self::Inner => cells.saturating_sub(1),
        }
    }
    /// Where the face behind cell 0 stands among them.
    pub const fn offset(self) -> isize {
        match self {
            Self::Right | Self::Inner => 0,
            Self::Left | Self::Outer => 1,
        }
    }
    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
            Self::Outer => "outer",
            Self::Inner => "inner",
        }
    }
}

/// Whether components of vectors stand where tracers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Staggering {
    /// They do: Arakawa's A grid (and B, whose components share corners).
    A,
    /// They stand on the faces of cells: Arakawa's C grid.
    C,
}

/// A mesh in the plane of the map. Arrays per [`Point`] are in C order over
/// [`Self::shape`] of that point; lengths in metres, areas in square metres, NaN where unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mesh {
    /// Rows and columns of tracer cells, as the file has them.
    pub cells: [usize; 2],
    /// Where vectors stand.
    pub staggering: Staggering,
    /// Which faces are kept along y and x.
    pub faces: [Faces; 2],
    /// How edges meet.
    pub topology: Topology,
    /// -1 where the first axis of the map runs against the direction that its components count as
    /// positive (rows from north to south of winds to the north), else 1: along y and x.
    pub signs: [f64; 2],
    /// Latitudes in degrees; empty where nothing tells them.
    pub lat: [Vec<f64>; 4],
    /// Longitudes in degrees; empty where nothing tells them.
    pub lon: [Vec<f64>; 4],
    /// Length along x of the cell around each point: e1 (NEMO), the distance of the points half a
    /// cell away on both sides.
    pub dx: [Vec<f64>; 4],
    /// Length along y: e2.
    pub dy: [Vec<f64>; 4],
    /// Area of the cell around each point.
    pub area: [Vec<f64>; 4],
    /// Whether a point is wet at the surface; `None` if nothing tells.
    pub mask: [Option<Vec<bool>>; 4],
    /// Depth of the bottom at T, metres.
    pub depth: Option<Vec<f64>>,
    /// What was computed, and from what. One line each.
    pub computed: Vec<String>,
}

impl Mesh {
    /// Rows and columns that are kept of a point.
    pub fn shape(&self, point: Point) -> [usize; 2] {
        let [rows, columns] = self.cells;
        [
            if point.is_north() { self.faces[0].count(rows) } else { rows },
            if point.is_east() { self.faces[1].count(columns) } else { columns },
        ]
    }
    /// Where the values of a point that is kept begin, in the counting of [`Topology`].
    pub fn start(&self, point: Point) -> [isize; 2] {
        [
            if point.is_north() { -self.faces[0].offset() } else { 0 },
            if point.is_east() { -self.faces[1].offset() } else { 0 },
        ]
    }
    /// Where in the arrays of a point the value of `(j, i)` is found, in the counting of
    /// [`Topology`], and whether axes are turned there; `None` beyond walls.
    pub fn place(&self, point: Point, j: isize, i: isize) -> Option<(usize, bool)> {
        let (j, mut i, turned) = self.topology.first_place(point, j, i);
        let ([rows, columns], [top, left]) = (self.shape(point), self.start(point));
        if self.topology.x == EdgeX::Periodic && i - left >= columns as isize {
            i -= self.topology.columns as isize;
        }
        let (row, column) = (j - top, i - left);
        let inside = (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column);
        inside.then(|| (row as usize * columns + column as usize, turned))
    }
    /// Whether each point is counted: the others repeat one that is. C order.
    pub fn counted(&self, point: Point) -> Vec<bool> {
        let ([rows, columns], [top, left]) = (self.shape(point), self.start(point));
        let own = |c: usize| {
            let (j, i) = (c / columns, c % columns);
            self.place(point, top + j as isize, left + i as isize).is_none_or(|(at, _)| at == c)
        };
        (0..rows * columns).map(own).collect()
    }
    /// The share of the cell around each point that counts in integrals: 0 where it repeats another, a
    /// half at the ends of a fold, where it meets itself, else 1. C order.
    pub fn shares(&self, point: Point) -> Vec<f64> {
        let ([_, columns], [top, left]) = (self.shape(point), self.start(point));
        let counted = self.counted(point).into_iter().enumerate();
        let half = |c: usize| {
            self.topology.meets_itself(point, top + (c / columns) as isize, left + (c % columns) as isize)
        };
        counted
            .map(|(c, own)| {
                if own {
                    if half(c) {
                        0.5
                    } else {
                        1.0
                    }
                } else {
                    0.0
                }
            })
            .collect()
    }
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let reals = [&self.lat, &self.lon, &self.dx, &self.dy, &self.area];
        let count: usize = reals.iter().flat_map(|a| a.iter().map(Vec::len)).sum();
        let masks: usize = self.mask.iter().flatten().map(Vec::len).sum();
        8 * (count + self.depth.as_ref().map_or(0, Vec::len)) as u64 + masks as u64
    }

    /// The same mesh with other faces kept along y and x, such as of a symmetric file whose
    /// variables are not; faces that it has not are as those across the edge, or unknown.
    #[must_use]
    pub fn with_faces(&self, faces: [Faces; 2]) -> Self {
        if faces == self.faces {
            return self.clone();
        }
        let mut other = Self { faces, ..self.clone() };
        for point in [Point::U, Point::V, Point::F] {
            let ([rows, columns], [top, left]) = (other.shape(point), other.start(point));
            let from: Vec<Option<usize>> = (0..rows * columns)
                .map(|c| self.place(point, top + (c / columns) as isize, left + (c % columns) as isize))
                .map(|found| found.map(|(at, _)| at))
                .collect();
            let k = point.index();
            for all in [&mut other.lat, &mut other.lon, &mut other.dx, &mut other.dy, &mut other.area] {
                if !all[k].is_empty() {
                    all[k] = from.iter().map(|at| at.map_or(f64::NAN, |at| all[k][at])).collect();
                }
            }
            if let Some(mask) = &mut other.mask[k] {
                *mask = from.iter().map(|at| at.is_some_and(|at| mask[at])).collect();
            }
        }
        other
    }
}
