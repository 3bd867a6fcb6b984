//! What lies beyond the edges of a domain.

use crate::error::{Error, Result};

/// What cells beyond a wall hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Beyond {
    /// This value.
    Value(f64),
    /// What the nearest cell of the domain holds: no gradient across the wall.
    Nearest,
    /// Missing (NaN).
    Missing,
}

/// The line on which the north fold of a tripolar grid turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pivot {
    /// The last row of tracer points lies on the fold (ORCA2, ORCA025): its cells are there twice.
    T,
    /// The fold passes between rows, through vorticity points (ORCA1, POP, MOM6).
    F,
}

/// Where in its cell a variable lives. `U` lies half a cell to the east of the tracer point of the
/// same index, `V` half a cell to the north, `Vorticity` both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Centre of the cell.
    Tracer,
    /// Eastern face.
    U,
    /// Northern face.
    V,
    /// North-eastern corner.
    Vorticity,
}

/// How a variable passes the north fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// The line it turns on.
    pub pivot: Pivot,
    /// Where the variable lives.
    pub point: Point,
    /// Whether its sign changes: components of vectors along the grid, which turns by 180 degrees.
    pub flips: bool,
}

/// Both ends of a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ends {
    /// The last cell is the neighbour of the first.
    Periodic,
    /// Walls before the first cell and after the last.
    Walls(Beyond, Beyond),
    /// A wall before the first row; beyond the last row the same rows again, in the other
    /// direction. For `y` alone, with a periodic `x`.
    Folded(Beyond, Fold),
}

/// The edges of a variable's domain, for each dimension that has a halo.
///
/// A cell beyond several edges is looked for along levels first, then `x`, then `y`; the first
/// wall with a value (or missing) on the way decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edges {
    /// Before the first and after the last level.
    pub level: Ends,
    /// South and north, for indices that grow northwards.
    pub y: Ends,
    /// West and east.
    pub x: Ends,
}

impl Edges {
    /// A globe: periodic in `x`, the same beyond both ends of `y` and of the levels.
    pub fn globe(beyond: Beyond) -> Self {
        let walls = Ends::Walls(beyond, beyond);
        Self { level: walls, y: walls, x: Ends::Periodic }
    }
    /// A tripolar globe, whose last row is folded.
    pub fn tripolar(beyond: Beyond, fold: Fold) -> Self {
        Self { y: Ends::Folded(beyond, fold), ..Self::globe(beyond) }
    }
    /// A region: the same beyond all edges.
    pub fn region(beyond: Beyond) -> Self {
        let walls = Ends::Walls(beyond, beyond);
        Self { level: walls, y: walls, x: walls }
    }

    /// Refuses what has no meaning.
    pub(super) fn check(&self) -> Result<()> {
        if [self.level, self.x].iter().any(|ends| matches!(ends, Ends::Folded(..))) {
            return Err(Error::usage("only the y dimension of a grid can be folded"));
        }
        if matches!(self.y, Ends::Folded(..)) && self.x != Ends::Periodic {
            return Err(Error::usage("a grid that is folded in the north must be periodic in x"));
        }
        Ok(())
    }

    /// What the cell at `at` (level, y, x; maybe outside) of a domain of this shape holds.
    pub fn source(&self, shape: [usize; 3], at: [i64; 3]) -> Source {
        let [levels, rows, columns] = shape.map(|n| n as i64);
        let (mut x, mut y, mut flips) = (at[2], at[1], false);
        let level = match along(self.level, levels, at[0]) {
            Ok(inside) => inside,
            Err(value) => return Source::Constant(value),
        };
        match along(self.x, columns, x) {
            Ok(inside) => x = inside,
            Err(value) => return Source::Constant(value),
        }
        if let (Ends::Folded(_, fold), true) = (self.y, y >= rows) {
            let (east, north) = match fold.point {
                Point::Tracer => (0, 0),
                Point::U => (1, 0),
                Point::V => (0, 1),
                Point::Vorticity => (1, 1),
            };
            let (about_x, about_y) = match fold.pivot {
                Pivot::T => (columns, 2 * rows - 2),
                Pivot::F => (columns - 1, 2 * rows - 1),
            };
            (x, y) = ((about_x - x - east).rem_euclid(columns), about_y - y - north);
            flips = fold.flips;
        }
        match along(self.y, rows, y) {
            Ok(inside) => y = inside,
            Err(value) => return Source::Constant(value),
        }
        Source::Cell { at: [level as usize, y as usize, x as usize], flips }
    }
}

/// Where the value of a cell comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// A cell of the domain (level, `y`, `x`), maybe with the other sign.
    Cell {
        /// Its indices.
        at: [usize; 3],
        /// Whether its sign changes.
        flips: bool,
    },
    /// What the wall holds.
    Constant(f64),
}

/// The index inside that stands for `i`, or the value that it holds.
fn along(ends: Ends, len: i64, i: i64) -> std::result::Result<i64, f64> {
    let wall = match ends {
        _ if (0..len).contains(&i) => return Ok(i),
        Ends::Periodic => return Ok(i.rem_euclid(len)),
        Ends::Walls(low, high) => [low, high][usize::from(i >= len)],
        // Beyond the fold by more rows than there are.
        Ends::Folded(south, _) => south,
    };
    match wall {
        Beyond::Value(value) => Err(value),
        Beyond::Missing => Err(f64::NAN),
        Beyond::Nearest => Ok(i.clamp(0, len - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(edges: &Edges, at: [i64; 3]) -> Source {
        edges.source([1, 4, 6], at)
    }

    fn found(y: usize, x: usize, flips: bool) -> Source {
        Source::Cell { at: [0, y, x], flips }
    }

    #[test]
    fn folds_are_where_models_have_them() {
        // Expected: the first row beyond the fold, columns 0 and 1, of 4 rows and 6 columns.
        for (pivot, point, row, columns) in [
            (Pivot::T, Point::Tracer, 2, [0, 5]),
            (Pivot::T, Point::U, 2, [5, 4]),
            (Pivot::T, Point::V, 1, [0, 5]),
            (Pivot::T, Point::Vorticity, 1, [5, 4]),
            (Pivot::F, Point::Tracer, 3, [5, 4]),
            (Pivot::F, Point::U, 3, [4, 3]),
            (Pivot::F, Point::V, 2, [5, 4]),
            (Pivot::F, Point::Vorticity, 2, [4, 3]),
        ] {
            let fold = Fold { pivot, point, flips: point == Point::U };
            let edges = Edges::tripolar(Beyond::Missing, fold);
            for (x, column) in columns.into_iter().enumerate() {
                assert_eq!(cell(&edges, [0, 4, x as i64]), found(row, column, fold.flips), "{fold:?}");
                // A column beyond the eastern edge is that at the western one.
                assert_eq!(cell(&edges, [0, 4, x as i64 + 6]), found(row, column, fold.flips));
            }
        }
    }

    #[test]
    fn the_fold_is_its_own_inverse() {
        for pivot in [Pivot::T, Pivot::F] {
            for point in [Point::Tracer, Point::U, Point::V, Point::Vorticity] {
                let edges = Edges::tripolar(Beyond::Missing, Fold { pivot, point, flips: true });
                let Ends::Folded(_, fold) = edges.y else { panic!("folded") };
                for y in 4..6 {
                    for x in 0..6 {
                        let Source::Cell { at, .. } = cell(&edges, [0, y, x]) else { panic!("inside") };
                        // As far from the fold on both sides.
                        let north = i64::from(matches!(fold.point, Point::V | Point::Vorticity));
                        let line = if pivot == Pivot::T { 6 } else { 7 };
                        assert_eq!(y + at[1] as i64 + north, line);
                    }
                }
            }
        }
    }

    #[test]
    fn walls_decide_in_order() {
        let edges = Edges {
            level: Ends::Walls(Beyond::Value(3.0), Beyond::Nearest),
            y: Ends::Walls(Beyond::Value(1.0), Beyond::Nearest),
            x: Ends::Walls(Beyond::Nearest, Beyond::Value(2.0)),
        };
        assert_eq!(cell(&edges, [0, -1, 6]), Source::Constant(2.0));
        assert_eq!(cell(&edges, [0, -1, -3]), Source::Constant(1.0));
        assert_eq!(cell(&edges, [-1, 9, 6]), Source::Constant(3.0));
        assert_eq!(cell(&edges, [1, 9, -3]), found(3, 0, false));
        assert!(Edges {
            x: edges.y,
            y: Edges::tripolar(Beyond::Missing, Fold { pivot: Pivot::T, point: Point::U, flips: true }).y,
            ..edges
        }
        .check()
        .is_err());
    }
}
