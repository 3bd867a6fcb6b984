//! Faces that water crosses, along lines: the rows of a model, circles of latitude in stair-steps,
//! sections. What crosses one, through which area, and what it carries.

use halocline_core::engine::Numbers;
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
    /// The cells on both sides.
    pub cells: [u32; 2],
}

/// Where the cell beyond a face of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// In the next row, or the one before.
    Row,
    /// In the next column, or the one before; the last may be beside the first.
    Column { periodic: bool },
}

#[derive(Debug, Clone)]
enum Kind {
    /// Line `j` is row `j` of the points of the first velocity; the length at each point, and where
    /// the cell beyond each face is.
    Rows { lengths: Vec<f64>, stagger: Stagger, beyond: Beyond },
    /// Faces of all lines, and where each begins.
    Lines { starts: Vec<usize>, faces: Vec<Face> },
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
    /// At the points of `v`, and of `u` where lines need it.
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

#[inline]
fn at(values: Numbers<'_>, k: usize) -> f64 {
    match values {
        Numbers::F32(v) => f64::from(v[k]),
        Numbers::F64(v) => v[k],
    }
}

fn copy(values: Numbers<'_>, range: Range<usize>, out: &mut Vec<f64>) {
    out.clear();
    match values {
        Numbers::F32(v) => out.extend(v[range].iter().map(|&x| f64::from(x))),
        Numbers::F64(v) => out.extend_from_slice(&v[range]),
    }
}

/// The mean of two, or the one that is there.
#[inline]
fn between(a: f64, b: f64) -> f64 {
    let mean = 0.5 * (a + b);
    let one = if a.is_nan() { b } else { a };
    if mean.is_nan() {
        one
    } else {
        mean
    }
}

impl Faces {
    /// The rows of a model: `lengths` in metres at each point of `v`, C order.
    pub fn rows(rows: usize, columns: usize, lengths: Vec<f64>, stagger: Stagger) -> Self {
        debug_assert_eq!(lengths.len(), rows * columns);
        Self { rows, columns, kind: Kind::Rows { lengths, stagger, beyond: Beyond::Row } }
    }
    /// The faces between the columns of each row, which `u` crosses: it takes the place of `v` in
    /// [`MapValues`]. `periodic`: the last column is beside the first.
    pub fn along_columns(
        (rows, columns): (usize, usize),
        lengths: Vec<f64>,
        stagger: Stagger,
        periodic: bool,
    ) -> Self {
        debug_assert_eq!(lengths.len(), rows * columns);
        Self { rows, columns, kind: Kind::Rows { lengths, stagger, beyond: Beyond::Column { periodic } } }
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
    /// How many lines there are.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Rows { .. } => self.rows,
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
            Kind::Rows { .. } => line * self.columns..(line + 1) * self.columns,
            Kind::Lines { starts, .. } => starts[line]..starts[line + 1],
        }
    }
    /// Faces of all lines.
    pub fn count(&self) -> usize {
        match &self.kind {
            Kind::Rows { lengths, .. } => lengths.len(),
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
            Kind::Rows { .. } => cells.to_vec(),
            Kind::Lines { faces, .. } => faces.iter().map(|face| cells[face.cells[0] as usize]).collect(),
        }
    }
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::Rows { lengths, .. } => 8 * lengths.len() as u64,
            Kind::Lines { faces, .. } => (std::mem::size_of::<Face>() * faces.len()) as u64,
        }
    }

    /// What crosses the faces of a line.
    pub fn cross(&self, line: usize, map: &MapValues<'_>, out: &mut Crossing) {
        out.tracers.resize_with(map.tracers.len(), Vec::new);
        match &self.kind {
            Kind::Rows { lengths, stagger, beyond } => self.row(line, (lengths, *stagger, *beyond), map, out),
            Kind::Lines { starts, faces } => cross_faces(&faces[starts[line]..starts[line + 1]], map, out),
        }
        for (velocity, area) in out.velocity.iter_mut().zip(&mut out.area) {
            let open = !velocity.is_nan() && *area > 0.0;
            *velocity = if open { *velocity } else { 0.0 };
            *area = if open { *area } else { 0.0 };
        }
    }

    /// The cells that those of row `j` are averaged with, by column.
    fn beside(&self, j: usize, stagger: Stagger, beyond: Beyond) -> impl Fn(usize) -> usize {
        let (n, last) = (self.columns, self.rows - 1);
        let row = match (beyond, stagger) {
            (Beyond::Row, Stagger::Ahead) => (j + 1).min(last),
            (Beyond::Row, Stagger::Behind) => j.saturating_sub(1),
            _ => j,
        };
        move |i| {
            let column = match (beyond, stagger) {
                (Beyond::Column { periodic }, Stagger::Ahead) if i + 1 == n => {
                    if periodic {
                        0
                    } else {
                        i
                    }
                }
                (Beyond::Column { .. }, Stagger::Ahead) => i + 1,
                (Beyond::Column { periodic }, Stagger::Behind) if i == 0 => {
                    if periodic {
                        n - 1
                    } else {
                        i
                    }
                }
                (Beyond::Column { .. }, Stagger::Behind) => i - 1,
                _ => i,
            };
            row * n + column
        }
    }

    fn row(
        &self,
        j: usize,
        (lengths, stagger, beyond): (&[f64], Stagger, Beyond),
        map: &MapValues<'_>,
        out: &mut Crossing,
    ) {
        let own = j * self.columns..(j + 1) * self.columns;
        let other = self.beside(j, stagger, beyond);
        copy(map.v, own.clone(), &mut out.velocity);
        if let Some(mask) = map.masks[0] {
            let closed = out.velocity.iter_mut().zip(&mask[own.clone()]).filter(|(_, open)| **open == 0);
            closed.for_each(|(velocity, _)| *velocity = f64::NAN);
        }
        match map.thickness {
            Thickness::Layer(dz) => {
                out.area.clear();
                out.area.extend(lengths[own.clone()].iter().map(|length| length * dz));
            }
            Thickness::Points(v, _) => {
                copy(v, own.clone(), &mut out.area);
                out.area.iter_mut().zip(&lengths[own.clone()]).for_each(|(area, length)| *area *= length);
            }
            Thickness::Cells(cells) => {
                copy(cells, own.clone(), &mut out.area);
                for (i, (area, length)) in out.area.iter_mut().zip(&lengths[own.clone()]).enumerate() {
                    *area = lower(*area, at(cells, other(i))) * length;
                }
            }
        }
        for (tracer, values) in out.tracers.iter_mut().zip(map.tracers) {
            copy(*values, own.clone(), tracer);
            if stagger != Stagger::Same {
                for (i, tracer) in tracer.iter_mut().enumerate() {
                    let (a, b) = (*tracer, at(*values, other(i)));
                    *tracer = between(a, b);
                    if map.zero_is_land && out.velocity[i] == 0.0 && (a == 0.0 || b == 0.0) {
                        *tracer = f64::NAN;
                    }
                }
            } else if map.zero_is_land {
                for (tracer, velocity) in tracer.iter_mut().zip(&out.velocity) {
                    if *velocity == 0.0 && *tracer == 0.0 {
                        *tracer = f64::NAN;
                    }
                }
            }
        }
    }
}

/// The lower of two cells; 0 where one is missing.
#[inline]
fn lower(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        0.0
    } else {
        a.min(b)
    }
}

fn cross_faces(faces: &[Face], map: &MapValues<'_>, out: &mut Crossing) {
    out.velocity.clear();
    out.area.clear();
    out.tracers.iter_mut().for_each(Vec::clear);
    for face in faces {
        let mask = map.masks[usize::from(face.is_u)];
        let of = |values: Numbers<'_>| {
            let is_open = |k: usize| mask.is_none_or(|mask| mask[k] != 0);
            let there = |k: usize| if is_open(k) { at(values, k) } else { f64::NAN };
            let [a, b] = face.points.map(|k| there(k as usize));
            // On a C-grid one point; else land on one side closes half of the face.
            if face.points[0] == face.points[1] || (a.is_nan() && b.is_nan()) {
                a
            } else {
                let there = |x: f64| if x.is_nan() { 0.0 } else { x };
                0.5 * (there(a) + there(b))
            }
        };
        let velocity = if face.is_u { map.u.map_or(f64::NAN, of) } else { of(map.v) };
        out.velocity.push(face.sign * velocity);
        let height = match map.thickness {
            Thickness::Layer(dz) => dz,
            Thickness::Cells(cells) => {
                let [a, b] = face.cells.map(|k| at(cells, k as usize));
                lower(a, b)
            }
            Thickness::Points(v, u) => {
                let [a, b] = face.points.map(|k| at(if face.is_u { u.unwrap_or(v) } else { v }, k as usize));
                lower(a, b)
            }
        };
        out.area.push(height * face.length);
        for (tracer, values) in out.tracers.iter_mut().zip(map.tracers) {
            let [a, b] = face.cells.map(|k| at(*values, k as usize));
            let land = map.zero_is_land && velocity == 0.0 && (a == 0.0 || b == 0.0);
            tracer.push(if land { f64::NAN } else { between(a, b) });
        }
    }
}
