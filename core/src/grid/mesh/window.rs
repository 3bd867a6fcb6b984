//! Windows of a mesh: what a block of a divided map and its surroundings see of it.

use super::{EdgeX, Faces, Mesh, Point, Topology};

/// Rows and columns of tracer cells in the counting of [`Topology`], which may reach beyond the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first row and column.
    pub start: [isize; 2],
    /// How many.
    pub shape: [usize; 2],
}

impl Window {
    /// All places, row by row.
    pub fn places(self) -> impl Iterator<Item = (isize, isize)> {
        let ([top, left], [rows, columns]) = (self.start, self.shape.map(|n| n as isize));
        (top..top + rows).flat_map(move |j| (left..left + columns).map(move |i| (j, i)))
    }
}

impl Mesh {
    /// Where in the arrays of a point the places of a window are, and whether axes are turned there;
    /// `None` beyond walls.
    pub fn seen(&self, point: Point, window: Window) -> Vec<Option<(usize, bool)>> {
        window.places().map(|(j, i)| self.place(point, j, i)).collect()
    }

    /// A window as a mesh of its own, with walls around it and faces behind cells: each place is as the
    /// mesh has it there, and unknown beyond walls. Operators that need no more than it holds find the
    /// same in it as in the whole.
    #[must_use]
    pub fn window(&self, window: Window) -> Self {
        let mut part = Self {
            cells: window.shape,
            faces: [Faces::Right; 2],
            topology: Topology::walls(window.shape),
            depth: None,
            computed: Vec::new(),
            lat: std::array::from_fn(|_| Vec::new()),
            lon: std::array::from_fn(|_| Vec::new()),
            dx: std::array::from_fn(|_| Vec::new()),
            dy: std::array::from_fn(|_| Vec::new()),
            area: std::array::from_fn(|_| Vec::new()),
            mask: [None, None, None, None],
            ..*self
        };
        for point in Point::ALL {
            let k = point.index();
            let seen = self.seen(point, window);
            let of = |all: &[f64]| -> Vec<f64> {
                if all.is_empty() {
                    return Vec::new();
                }
                seen.iter().map(|at| at.map_or(f64::NAN, |(at, _)| all[at])).collect()
            };
            (part.dx[k], part.dy[k], part.area[k]) = (of(&self.dx[k]), of(&self.dy[k]), of(&self.area[k]));
            (part.lat[k], part.lon[k]) = (of(&self.lat[k]), of(&self.lon[k]));
        }
        // Whether a row is a pole shows beyond its walls too.
        if self.topology.x == EdgeX::Wall && !self.lat[0].is_empty() {
            let [rows, columns] = self.cells.map(|n| n as isize);
            for ((j, i), lat) in
                window.places().zip(&mut part.lat[0]).filter(|((j, _), _)| (0..rows).contains(j))
            {
                *lat = self.lat[0][(j * columns + i.clamp(0, columns - 1)) as usize];
            }
        }
        part
    }
}
