//! Faces that water crosses, along lines: the rows of a model, circles of latitude in stair-steps,
//! sections. What crosses one, through which area, and what it carries.

use super::crossing::{cross_faces, cross_row};
use super::velocities::VelocityMesh;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::Point;
use std::ops::Range;

/// Where velocities lie beside the cells of tracers of the same index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stagger {
    /// In their middle.
    Same,
    /// On the face to the next cell (NEMO, MOM6): `v[j]` between the rows `j` and `j + 1`.
    Ahead,
    /// On the face to the cell before (MITgcm): `v[j]` between the rows `j - 1` and `j`.
    Behind,
}

/// A face of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Whether the first velocity crosses it (along rows), else the second.
    pub is_u: bool,
    /// 1 if a positive velocity crosses the line in the direction that counts, else -1.
    pub sign: f64,
    /// Length in metres; 0 where it is closed.
    pub length: f64,
    /// The velocity points whose mean crosses it; the same twice on a C-grid.
    pub points: [u32; 2],
    /// Whether the velocity there counts in the other direction, as beyond a fold.
    pub turned: [bool; 2],
    /// The cells on both sides.
    pub cells: [u32; 2],
}

/// The cells that those of a row of faces are averaged with.
#[derive(Debug, Clone)]
pub(super) enum Other {
    /// None but their own: there is no other.
    Own,
    /// Those of the row that begins here.
    Row(usize),
    /// Each its own: at the seam and the fold.
    Cells(Vec<u32>),
}

/// Lines that are the rows of the points of a velocity.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// At each point, C order; 0 where it is closed.
    pub(super) lengths: Vec<f64>,
    pub(super) stagger: Stagger,
    /// Of each row.
    pub(super) others: Vec<Other>,
}

#[derive(Debug, Clone)]
enum Kind {
    Rows(Rows),
    /// Faces of all lines, and where each begins.
    Lines {
        starts: Vec<usize>,
        faces: Vec<Face>,
    },
}

/// Lines of faces on a grid of so many rows and columns.
#[derive(Debug, Clone)]
pub struct Faces {
    rows: usize,
    columns: usize,
    kind: Kind,
}

/// Thickness of the layer that a map belongs to, in metres.
#[derive(Debug, Clone, Copy)]
pub enum Thickness<'a> {
    /// The same everywhere.
    Layer(f64),
    /// Of the cells of tracers: a face is as high as the lower of its two cells.
    Cells(Numbers<'a>),
    /// At the points of `v`, and of `u` where lines need it: without that, faces of `u` are closed.
    Points(Numbers<'a>, Option<Numbers<'a>>),
}

/// The values of one level at one time, C order, missing as NaN.
#[derive(Debug, Clone, Copy)]
pub struct MapValues<'a> {
    /// Velocity along columns, m/s.
    pub v: Numbers<'a>,
    /// Velocity along rows, where lines need it.
    pub u: Option<Numbers<'a>>,
    /// What is carried, at the cells of tracers.
    pub tracers: &'a [Numbers<'a>],
    /// Thickness.
    pub thickness: Thickness<'a>,
    /// At the points of `v` and of `u`: 0 on land.
    pub masks: [Option<&'a [u8]>; 2],
    /// Whether land is written as 0: a face of no velocity beside a tracer of 0 is none.
    pub zero_is_land: bool,
}

/// What crosses the faces of a line: positive in the direction that counts, 0 where there is land.
#[derive(Debug, Clone, Default)]
pub struct Crossing {
    /// Velocity, m/s.
    pub velocity: Vec<f64>,
    /// Area of the face, m²; 0 where nothing can cross.
    pub area: Vec<f64>,
    /// Tracers at the face, the mean of both cells or the one that is there; NaN: none.
    pub tracers: Vec<Vec<f64>>,
}

impl Faces {
    /// The rows of the points of `v`: line `j` is row `j`. Columns that repeat others are closed.
    pub fn rows(on: &VelocityMesh) -> Self {
        let mut faces = Self::of_points(on, Point::V);
        let topology = on.mesh.topology;
        let left = if on.stagger == Stagger::Same { 0 } else { on.mesh.start(Point::V)[1] };
        if let Kind::Rows(rows) = &mut faces.kind {
            let counted = topology.first as isize..(topology.first + topology.columns) as isize;
            for (k, length) in rows.lengths.iter_mut().enumerate() {
                if !counted.contains(&(left + (k % faces.columns) as isize)) {
                    *length = 0.0;
                }
            }
        }
        faces
    }
    /// The first so many lines, of lines that are rows of points.
    #[must_use]
    pub fn first(mut self, lines: usize) -> Self {
        if let Kind::Rows(rows) = &mut self.kind {
            rows.lengths.truncate(lines * self.columns);
            rows.others.truncate(lines);
            self.rows = self.rows.min(lines);
        }
        self
    }
    /// The faces between the columns of each row, which `u` crosses: it takes the place of `v` in
    /// [`MapValues`].
    pub fn along_columns(on: &VelocityMesh) -> Self {
        Self::of_points(on, Point::U)
    }

    fn of_points(on: &VelocityMesh, point: Point) -> Self {
        let mesh = &on.mesh;
        let at_cells = on.stagger == Stagger::Same;
        let own = if at_cells { Point::T } else { point };
        let ([rows, columns], [top, left]) = (mesh.shape(own), mesh.start(own));
        let all = if point == Point::U { &mesh.dy } else { &mesh.dx };
        let finite = |l: &f64| if l.is_finite() { *l } else { 0.0 };
        let lengths = all[own.index()].iter().map(finite).collect();
        let (dj, di) = if point == Point::U { (0, 1) } else { (1, 0) };
        let cell = |j: isize, i: isize| mesh.place(Point::T, j, i).map(|(at, _)| at);
        let other = |k: usize| -> u32 {
            let (row, column) = (k / columns, k % columns);
            let (j, i) = (top + row as isize, left + column as isize);
            // Of the two cells one has the number of the point.
            let here = cell(row as isize, column as isize);
            let both = [cell(j, i), cell(j + dj, i + di)];
            both.into_iter().find(|at| at.is_some() && *at != here).flatten().unwrap_or(k) as u32
        };
        // Columns that repeat others are closed.
        let counted = mesh.topology.first..(mesh.topology.first + mesh.topology.columns).min(columns);
        let row = |j: usize| -> Other {
            if at_cells || mesh.shape(point) != mesh.cells {
                return Other::Own;
            }
            let cells: Vec<u32> = (j * columns..(j + 1) * columns).map(other).collect();
            let first = cells.get(counted.start).map_or(0, |c| *c as usize - counted.start.min(*c as usize));
            if point == Point::U || !counted.clone().all(|i| cells[i] as usize == first + i) {
                Other::Cells(cells)
            } else if first == j * columns {
                Other::Own
            } else {
                Other::Row(first)
            }
        };
        let others = (0..rows).map(row).collect();
        Self { rows, columns, kind: Kind::Rows(Rows { lengths, stagger: on.stagger, others }) }
    }

    /// Any lines.
    pub fn lines(rows: usize, columns: usize, lines: &[Vec<Face>]) -> Self {
        let mut starts = vec![0];
        let mut faces = Vec::new();
        for line in lines {
            faces.extend_from_slice(line);
            starts.push(faces.len());
        }
        Self { rows, columns, kind: Kind::Lines { starts, faces } }
    }
    /// Lengths along a line that is a row of points, of which so many tracers have the same places.
    pub(super) fn own_row(&self, line: usize, tracers: usize) -> Option<&[f64]> {
        match &self.kind {
            Kind::Rows(rows) if tracers == 0 || rows.stagger == Stagger::Same => {
                rows.lengths.get(self.of_line(line))
            }
            _ => None,
        }
    }
    /// How many lines there are.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Rows(_) => self.rows,
            Kind::Lines { starts, .. } => starts.len() - 1,
        }
    }
    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Which faces, of those of all lines, a line has.
    pub fn of_line(&self, line: usize) -> Range<usize> {
        match &self.kind {
            Kind::Rows(_) => line * self.columns..(line + 1) * self.columns,
            Kind::Lines { starts, .. } => starts[line]..starts[line + 1],
        }
    }
    /// Faces of all lines.
    pub fn count(&self) -> usize {
        match &self.kind {
            Kind::Rows(rows) => rows.lengths.len(),
            Kind::Lines { faces, .. } => faces.len(),
        }
    }
    /// Whether any face is crossed by `u`.
    pub fn need_u(&self) -> bool {
        matches!(&self.kind, Kind::Lines { faces, .. } if faces.iter().any(|face| face.is_u))
    }
    /// For each face of all lines whether it belongs to what cells belong to: to its first cell's.
    pub fn select(&self, cells: &[bool]) -> Vec<bool> {
        match &self.kind {
            Kind::Rows(_) => cells.to_vec(),
            Kind::Lines { faces, .. } => faces.iter().map(|face| cells[face.cells[0] as usize]).collect(),
        }
    }
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::Rows(rows) => {
                let of =
                    |other: &Other| if let Other::Cells(cells) = other { 4 * cells.len() as u64 } else { 0 };
                8 * rows.lengths.len() as u64 + rows.others.iter().map(of).sum::<u64>()
            }
            Kind::Lines { faces, .. } => (std::mem::size_of::<Face>() * faces.len()) as u64,
        }
    }

    /// What crosses the faces of a line.
    pub fn cross(&self, line: usize, map: &MapValues<'_>, out: &mut Crossing) {
        out.tracers.resize_with(map.tracers.len(), Vec::new);
        match &self.kind {
            Kind::Rows(rows) => cross_row(rows, (line, self.columns), map, out),
            Kind::Lines { starts, faces } => cross_faces(&faces[starts[line]..starts[line + 1]], map, out),
        }
        for (velocity, area) in out.velocity.iter_mut().zip(&mut out.area) {
            let open = !velocity.is_nan() && *area > 0.0;
            *velocity = if open { *velocity } else { 0.0 };
            *area = if open { *area } else { 0.0 };
        }
    }
}
