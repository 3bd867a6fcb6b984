//! How the edges of a map meet: walls, a circle of longitude, the fold of a tripolar grid; and
//! which rows and columns a file holds twice.

use super::Point;
use serde::{Deserialize, Serialize};

/// What lies beyond the last column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeX {
    /// Nothing.
    Wall,
    /// The first column.
    Periodic,
}

/// What lies beyond the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeNorth {
    /// Nothing.
    Wall,
    /// The map folds along a line through the tracer points of its last row (NEMO's T pivot).
    FoldT,
    /// The map folds along the northern faces of its last row (NEMO's F pivot, MOM's tripolar grid).
    FoldF,
}

/// How the edges of a map meet. Rows are counted from the edge that is a wall, columns eastwards.
///
/// Places are counted as those of tracer cells: U `(j, i)` is the face between the cells `i` and
/// `i + 1` of row `j`, V `(j, i)` that between rows `j` and `j + 1`, F `(j, i)` the corner of all
/// four; whatever the file has in front of the first cell is at -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Beyond the last column.
    pub x: EdgeX,
    /// Beyond the last row.
    pub north: EdgeNorth,
    /// The first column that is counted; columns in front of it repeat others.
    pub first: usize,
    /// How many columns are counted; those behind them repeat others.
    pub columns: usize,
    /// How many rows of tracer cells are counted, that on the line of a fold included; those behind
    /// it repeat others.
    pub rows: usize,
    /// Across a fold, tracer column `k` (from [`Self::first`]) meets `pivot - k`, modulo
    /// [`Self::columns`].
    pub pivot: usize,
}

impl Topology {
    /// Walls all around a map of so many rows and columns.
    pub fn walls([rows, columns]: [usize; 2]) -> Self {
        Self { x: EdgeX::Wall, north: EdgeNorth::Wall, first: 0, columns, rows, pivot: 0 }
    }
    /// A circle of longitude of so many rows and columns, without repeated ones.
    pub fn periodic(shape: [usize; 2]) -> Self {
        Self { x: EdgeX::Periodic, ..Self::walls(shape) }
    }
    /// A tripolar grid of so many rows and columns, without repeated ones.
    pub fn folded([rows, columns]: [usize; 2], north: EdgeNorth) -> Self {
        let pivot = if north == EdgeNorth::FoldF { columns.saturating_sub(1) } else { 0 };
        Self { north, pivot, ..Self::periodic([rows, columns]) }
    }
    /// Whether the map folds.
    pub fn is_folded(&self) -> bool {
        self.north != EdgeNorth::Wall
    }

    /// The first place at which the point `(j, i)` stands, which may lie a row or column beyond the
    /// map, and whether axes are turned there: components of vectors along them change their sign.
    /// Beyond a wall the place is where it was asked for, out of the map.
    pub fn first_place(&self, point: Point, j: isize, i: isize) -> (isize, isize, bool) {
        if self.x == EdgeX::Wall {
            return (j, i, false);
        }
        let (first, k) = (self.first as isize, self.column(i));
        let Some((twice, across)) = self.mirror(point, k) else { return (j, first + k, false) };
        if 2 * j > twice || 2 * j == twice && across < k {
            (twice - j, first + across, true)
        } else {
            (j, first + k, false)
        }
    }

    /// Whether a point is an end of the line of a fold, where the map meets itself: what is around it
    /// is half of a cell.
    pub fn meets_itself(&self, point: Point, j: isize, i: isize) -> bool {
        let k = self.column(i);
        self.x == EdgeX::Periodic
            && self.mirror(point, k).is_some_and(|(twice, across)| 2 * j == twice && across == k)
    }

    /// A column counted from the first.
    fn column(&self, i: isize) -> isize {
        (i - self.first as isize).rem_euclid(self.columns.max(1) as isize)
    }

    /// Twice the row of the line of a fold, counted as rows of this point, and the column that column
    /// `k` meets across it; `None` without a fold.
    fn mirror(&self, point: Point, k: isize) -> Option<(isize, isize)> {
        let (line, pivot) = (self.rows as isize - 1, self.pivot as isize);
        let twice = match (self.north, point.is_north()) {
            (EdgeNorth::Wall, _) => return None,
            (EdgeNorth::FoldT, false) | (EdgeNorth::FoldF, true) => 2 * line,
            (EdgeNorth::FoldT, true) => 2 * line - 1,
            (EdgeNorth::FoldF, false) => 2 * line + 1,
        };
        Some((twice, (pivot - k - isize::from(point.is_east())).rem_euclid(self.columns.max(1) as isize)))
    }

    /// In words, as in `periodic, north fold at T points, 2 repeated columns, 1 repeated row`.
    pub fn describe(&self, [rows, columns]: [usize; 2]) -> String {
        let mut words = vec![match (self.x, self.north) {
            (EdgeX::Wall, _) => "walls".to_owned(),
            (EdgeX::Periodic, EdgeNorth::Wall) => "periodic in longitude".to_owned(),
            (EdgeX::Periodic, EdgeNorth::FoldT) => "tripolar, folded along T points".to_owned(),
            (EdgeX::Periodic, EdgeNorth::FoldF) => "tripolar, folded along F points".to_owned(),
        }];
        for (all, counted, what) in [(columns, self.columns, "column"), (rows, self.rows, "row")] {
            match all.saturating_sub(counted) {
                0 => {}
                1 => words.push(format!("1 {what} repeats another")),
                n => words.push(format!("{n} {what}s repeat others")),
            }
        }
        if self.north == EdgeNorth::FoldT {
            words.push("half of the last row repeats the other half".to_owned());
        }
        words.join(", ")
    }

    /// As `--topology` names it.
    pub fn name(&self) -> &'static str {
        match (self.x, self.north) {
            (EdgeX::Wall, _) => "regional",
            (EdgeX::Periodic, EdgeNorth::Wall) => "periodic",
            (EdgeX::Periodic, EdgeNorth::FoldT) => "tripolar-t",
            (EdgeX::Periodic, EdgeNorth::FoldF) => "tripolar-f",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of NEMO's `lbclnk`, in its own counting from 1, of a map with two repeated columns:
    /// the last row, or the one before it, of each kind of point and pivot.
    #[test]
    fn folds_are_those_of_nemo() {
        let (nx, ny) = (12isize, 7isize);
        for (north, rules) in [
            // Of the last row: to row ny - 1 - back, to column shift - i (counted from 0).
            (
                EdgeNorth::FoldT,
                [(Point::T, 2, nx), (Point::U, 2, nx - 1), (Point::V, 3, nx), (Point::F, 3, nx - 1)],
            ),
            (
                EdgeNorth::FoldF,
                [(Point::T, 1, nx - 1), (Point::U, 1, nx - 2), (Point::V, 2, nx - 1), (Point::F, 2, nx - 2)],
            ),
        ] {
            let columns = nx as usize - 2;
            let pivot = if north == EdgeNorth::FoldT { 0 } else { columns - 1 };
            let topology =
                Topology { x: EdgeX::Periodic, north, first: 1, columns, rows: ny as usize - 1, pivot };
            for (point, back, shift) in rules {
                for i in 1..nx - 1 {
                    let (j, k, turned) = topology.first_place(point, ny - 1, i);
                    let expected = (shift - i - 1).rem_euclid(nx - 2) + 1;
                    assert_eq!((j, k, turned), (ny - 1 - back, expected, true), "{north:?} {point:?} {i}");
                    // Found once more, it is where it was.
                    assert_eq!(topology.first_place(point, j, k), (j, k, false));
                }
            }
            // Repeated columns.
            assert_eq!(topology.first_place(Point::T, 2, 0), (2, nx - 2, false));
            assert_eq!(topology.first_place(Point::T, 2, nx - 1), (2, 1, false));
        }
    }

    #[test]
    fn points_on_the_line_pair() {
        let fold = Topology::folded([4, 8], EdgeNorth::FoldF);
        assert_eq!(fold.first_place(Point::V, 3, 6), (3, 1, true));
        assert_eq!(fold.first_place(Point::V, 3, 1), (3, 1, false));
        assert_eq!(fold.first_place(Point::F, 3, 3), (3, 3, false), "a pole of the grid meets itself");
        let fold = Topology::folded([4, 8], EdgeNorth::FoldT);
        assert_eq!(fold.first_place(Point::T, 3, 5), (3, 3, true));
        assert_eq!(fold.first_place(Point::V, 3, 5), (2, 3, true));
        let walls = Topology::walls([4, 8]);
        assert_eq!(walls.first_place(Point::U, 2, -1), (2, -1, false));
    }
}
