//! Velocities on one face less or more than cells along an axis, brought to one face for each cell.

use super::places::Places;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::grid::mesh::{Faces, Point};
use halocline_core::index::IndexBox;
use halocline_core::meta::Variable;
use halocline_core::Result;
use halocline_io::Source;

/// Rows and columns of cells, and which of their faces velocities are told at, along y and x. What is
/// brought to cells has the face to the next cell at each; nothing where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) struct Fit {
    pub(super) cells: [usize; 2],
    pub(super) faces: [Faces; 2],
}

impl Fit {
    /// Of velocities of these shapes beside cells; `None` if they are on no faces of these.
    pub(super) fn of(cells: [usize; 2], v: [usize; 2], u: Option<[usize; 2]>) -> Option<Self> {
        let along = |n: usize, axis: usize| {
            [Faces::Right, Faces::Outer, Faces::Inner].into_iter().find(|f| f.count(cells[axis]) == n)
        };
        let u = u.unwrap_or(cells);
        if v[1] != cells[1] || u[0] != cells[0] {
            return None;
        }
        Some(Self { cells, faces: [along(v[0], 0)?, along(u[1], 1)?] })
    }
    /// Whether all have the shape of cells.
    pub(super) fn is_plain(&self) -> bool {
        self.faces == [Faces::Right; 2]
    }
    /// Rows and columns of what stands at a point, as files have it.
    pub(super) fn shape(&self, point: Point) -> [usize; 2] {
        let of = |is_staggered: bool, axis: usize| {
            let cells = self.cells[axis];
            if is_staggered {
                self.faces[axis].count(cells)
            } else {
                cells
            }
        };
        [of(point.is_north(), 0), of(point.is_east(), 1)]
    }
    /// How many rows and columns of it lie in front of the face behind the first cell.
    pub(super) fn shift(&self, point: Point) -> [usize; 2] {
        let of =
            |is_staggered: bool, axis: usize| usize::from(is_staggered && self.faces[axis] == Faces::Outer);
        [of(point.is_north(), 0), of(point.is_east(), 1)]
    }
    /// How many rows of faces, along which v crosses, are told.
    pub(in crate::transport) fn rows(&self) -> usize {
        self.shape(Point::V)[0] - self.shift(Point::V)[0]
    }

    /// How far what stands at a point is from the middle between two cells, in steps from the one to the
    /// other (median); `None` if nothing tells. `cells`: latitudes and longitudes of their centres.
    pub(super) fn off(&self, point: Point, [lat, lon]: [&[f64]; 2], own: &Places) -> Option<f64> {
        let ([rows, columns], [down, right]) = (self.cells, self.shift(point));
        let (dj, di) = (usize::from(point.is_north()), usize::from(point.is_east()));
        if [lat.len(), lon.len()] != [rows * columns; 2] || own.shape() != self.shape(point) {
            return None;
        }
        let cell = |j: usize, i: usize| unit(lat[j * columns + i], lon[j * columns + i]);
        let share = |(j, i): (usize, usize)| {
            let (here, next) = (cell(j, i), cell(j + dj, i + di));
            let k = (j + down) * own.columns + i + right;
            let middle = [0, 1, 2].map(|d| 0.5 * (here[d] + next[d]));
            Some(apart(unit(own.lat[k], own.lon[k]), middle) / apart(here, next)).filter(|s| s.is_finite())
        };
        let faces =
            (0..rows - dj.min(rows)).flat_map(|j| (0..columns - di.min(columns)).map(move |i| (j, i)));
        let mut all: Vec<f64> = faces.filter_map(share).collect();
        let middle = all.len() / 2;
        (!all.is_empty()).then(|| *all.select_nth_unstable_by(middle, f64::total_cmp).1)
    }

    /// Maps, one after the other, with a value for each cell.
    pub(super) fn pad<T: Copy>(&self, point: Point, values: &[T], nothing: T) -> Vec<T> {
        let ([rows, columns], [down, right]) = (self.shape(point), self.shift(point));
        let each = (rows * columns).max(1);
        let mut out = Vec::with_capacity(values.len() / each * self.cells[0] * self.cells[1]);
        for map in values.chunks_exact(each) {
            for j in (0..self.cells[0]).map(|j| j + down) {
                let row = (j < rows).then(|| &map[j * columns + right..(j + 1) * columns]);
                let row = row.unwrap_or_default();
                out.extend_from_slice(row);
                out.extend(std::iter::repeat_n(nothing, self.cells[1] - row.len()));
            }
        }
        out
    }
}

/// A place as a vector of length 1.
fn unit(lat: f64, lon: f64) -> [f64; 3] {
    let ((sin, cos), (east, west)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
    [cos * west, cos * east, sin]
}

fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// A source with a value for each cell.
pub(in crate::transport) struct Fitted<'a> {
    source: &'a Source,
    variable: Variable,
    shift: [usize; 2],
}

impl<'a> Fitted<'a> {
    /// What stands at a point; without a fit, as it is.
    pub(super) fn new(source: &'a Source, fit: Option<(&Fit, Point)>) -> Self {
        let mut variable = source.variable().clone();
        let Some((fit, point)) = fit else { return Self { source, variable, shift: [0; 2] } };
        let ground = variable.dims.len().saturating_sub(2);
        variable.dims[ground..].iter_mut().zip(fit.cells).for_each(|(dim, len)| dim.len = len);
        Self { source, variable, shift: fit.shift(point) }
    }

    /// The part of a block that the file has.
    fn own(&self, block: &IndexBox) -> IndexBox {
        let shape = self.source.variable().shape();
        let ground = shape.len().saturating_sub(2);
        let mut ranges = block.ranges().to_vec();
        for ((range, len), shift) in ranges[ground..].iter_mut().zip(&shape[ground..]).zip(self.shift) {
            *range = (range.start + shift).min(*len)..(range.end + shift).min(*len);
        }
        IndexBox::new(ranges)
    }
}

impl StreamSource for Fitted<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.source.is_single()
    }
    fn chunks(&self) -> Vec<usize> {
        StreamSource::chunks(self.source)
    }
    fn is_divisible(&self) -> bool {
        StreamSource::is_divisible(self.source)
    }
    fn reads_pieces(&self) -> bool {
        StreamSource::reads_pieces(self.source)
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let own = self.own(block);
        let shapes = (own.shape(), block.shape());
        if shapes.0 == shapes.1 {
            return StreamSource::read(self.source, &own, out);
        }
        let n = own.len();
        match out {
            NumbersMut::F32(out) => {
                if n > 0 {
                    StreamSource::read(self.source, &own, NumbersMut::F32(&mut out[..n]))?;
                }
                spread(out, &shapes.0, &shapes.1, f32::NAN);
            }
            NumbersMut::F64(out) => {
                if n > 0 {
                    StreamSource::read(self.source, &own, NumbersMut::F64(&mut out[..n]))?;
                }
                spread(out, &shapes.0, &shapes.1, f64::NAN);
            }
        }
        Ok(())
    }
    fn prefetch(&self, block: &IndexBox) {
        self.source.prefetch(&self.own(block));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        StreamSource::stored_bytes(self.source, &self.own(block))
    }
    fn scratch_per_thread(&self) -> u64 {
        self.source.scratch_per_thread()
    }
}

/// Moves rows from the front of `out`, where they lie close together, to where they belong: from the
/// last to the first, so that none is overwritten before it has moved.
fn spread<T: Copy>(out: &mut [T], from: &[usize], to: &[usize], nothing: T) {
    let ([.., rows, columns], [.., all_rows, all_columns]) = (from, to) else { return };
    let maps: usize = to[..to.len() - 2].iter().product();
    for n in (0..maps * all_rows).rev() {
        let (map, row) = (n / all_rows, n % all_rows);
        let at = n * all_columns;
        let mut kept = 0;
        if row < *rows {
            let start = (map * rows + row) * columns;
            out.copy_within(start..start + columns, at);
            kept = *columns;
        }
        out[at + kept..at + all_columns].fill(nothing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_told_by_shapes() {
        let of = |v, u| Fit::of([9, 14], v, u).map(|fit| fit.faces);
        assert_eq!(of([8, 14], Some([9, 13])), Some([Faces::Inner; 2]));
        assert_eq!(of([10, 14], Some([9, 15])), Some([Faces::Outer; 2]));
        assert_eq!(of([9, 14], None), Some([Faces::Right; 2]));
        assert_eq!(of([9, 14], Some([9, 15])), Some([Faces::Right, Faces::Outer]));
        for (v, u) in [([7, 14], None), ([9, 13], None), ([8, 14], Some([8, 13])), ([9, 14], Some([9, 20]))] {
            assert_eq!(of(v, u), None);
        }
    }

    #[test]
    fn each_cell_has_the_face_behind_it() {
        let values: Vec<usize> = (0..24).collect();
        let inner = Fit { cells: [3, 4], faces: [Faces::Inner; 2] };
        let padded = inner.pad(Point::V, &values[..16], 99);
        assert_eq!(padded[..12], [0, 1, 2, 3, 4, 5, 6, 7, 99, 99, 99, 99]);
        assert_eq!(padded[12..16], [8, 9, 10, 11]);
        assert_eq!(inner.pad(Point::U, &values[..9], 99), [0, 1, 2, 99, 3, 4, 5, 99, 6, 7, 8, 99]);
        assert_eq!((inner.rows(), inner.pad(Point::T, &values[..12], 99).len()), (2, 12));
        let outer = Fit { cells: [2, 3], faces: [Faces::Outer; 2] };
        assert_eq!(outer.pad(Point::V, &values[..9], 99), [3, 4, 5, 6, 7, 8]);
        assert_eq!(outer.pad(Point::U, &values[..8], 99), [1, 2, 3, 5, 6, 7]);
        assert_eq!(outer.rows(), 2);
    }

    #[test]
    fn rows_move_without_being_overwritten() {
        for (from, to) in
            [([2, 2, 3], [2, 3, 3]), ([2, 3, 2], [2, 3, 3]), ([3, 1, 1], [3, 2, 2]), ([2, 0, 3], [2, 1, 3])]
        {
            let [maps, rows, columns] = from;
            let mut out = vec![-2; to.iter().product()];
            (0..maps * rows * columns).for_each(|k| out[k] = k as i32);
            spread(&mut out, &from, &to, -1);
            for (k, v) in out.iter().enumerate() {
                let (map, j, i) = (k / to[2] / to[1], k / to[2] % to[1], k % to[2]);
                let inside = j < rows && i < columns;
                let expected = if inside { ((map * rows + j) * columns + i) as i32 } else { -1 };
                assert_eq!(*v, expected, "{from:?} {k}");
            }
        }
    }
}
