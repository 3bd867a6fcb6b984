//! What a file leaves out of a mesh: places half-way between others, distances on the sphere, means
//! of lengths that are known nearby, and areas as products of lengths.

use super::geometry::{apart, degrees, middle, place, Tracers};
use super::{Faces, Mesh, Point, Staggering, Topology};
use crate::error::{Error, Result};

/// A mesh as far as it is known: arrays in C order over the shape of each point, empty where
/// nothing tells. See [`Mesh`] for units.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as of `Mesh`
pub struct Parts {
    pub cells: [usize; 2],
    pub staggering: Staggering,
    pub faces: [Faces; 2],
    pub signs: [f64; 2],
    pub lat: [Vec<f64>; 4],
    pub lon: [Vec<f64>; 4],
    pub dx: [Vec<f64>; 4],
    pub dy: [Vec<f64>; 4],
    pub area: [Vec<f64>; 4],
    pub mask: [Option<Vec<bool>>; 4],
    pub depth: Option<Vec<f64>>,
}

impl Parts {
    /// Nothing but how many rows and columns of cells there are.
    pub fn new(cells: [usize; 2], staggering: Staggering, faces: [Faces; 2]) -> Self {
        let none = || std::array::from_fn(|_| Vec::new());
        Self {
            cells,
            staggering,
            faces,
            signs: [1.0; 2],
            lat: none(),
            lon: none(),
            dx: none(),
            dy: none(),
            area: none(),
            mask: [None, None, None, None],
            depth: None,
        }
    }

    /// The whole mesh. What is not known is made
    ///
    /// - of places: U, V and F lie half-way between the T points around them, on great circles;
    /// - of lengths: if any is known along the axis, of means of neighbours; else of great circles
    ///   between T points (dx at U, dy at V), and means of these elsewhere;
    /// - of areas: dx dy;
    /// - of masks: U, V and F are wet where all cells around them are.
    ///
    /// # Errors
    /// Data, if arrays have not the shapes of their points, or nothing tells how far cells are apart.
    pub fn into_mesh(self, topology: Topology, radius: f64) -> Result<Mesh> {
        let mut mesh = Mesh {
            cells: self.cells,
            staggering: self.staggering,
            faces: self.faces,
            topology,
            signs: self.signs,
            lat: self.lat,
            lon: self.lon,
            dx: self.dx,
            dy: self.dy,
            area: self.area,
            mask: self.mask,
            depth: self.depth,
            computed: Vec::new(),
        };
        check(&mesh)?;
        mesh.places();
        mesh.lengths(true, radius)?;
        mesh.lengths(false, radius)?;
        mesh.areas();
        mesh.masks();
        Ok(mesh)
    }
}

fn check(mesh: &Mesh) -> Result<()> {
    for point in Point::ALL {
        let (k, len) = (point.index(), mesh.shape(point).iter().product::<usize>());
        let lengths = [&mesh.lat, &mesh.lon, &mesh.dx, &mesh.dy, &mesh.area].map(|all| all[k].len());
        let masked = mesh.mask[k].as_ref().map_or(0, Vec::len);
        if let Some(n) = lengths.into_iter().chain([masked]).find(|n| ![0, len].contains(n)) {
            let [rows, columns] = mesh.shape(point);
            return Err(Error::data(format!(
                "the mesh has {n} values at {} points, of which there are {rows} x {columns}",
                point.name()
            )));
        }
    }
    Ok(())
}

impl Mesh {
    /// Numbers of all points that are kept, in the counting of [`Topology`], in C order.
    pub(super) fn numbers(&self, point: Point) -> impl Iterator<Item = (isize, isize)> {
        let ([rows, columns], [top, left]) = (self.shape(point), self.start(point));
        (top..top + rows as isize).flat_map(move |j| (left..left + columns as isize).map(move |i| (j, i)))
    }

    fn places(&mut self) {
        let t = Point::T.index();
        if self.lat[t].is_empty() || self.lon[t].is_empty() {
            return;
        }
        let mut made = Vec::new();
        for point in [Point::U, Point::V, Point::F] {
            let k = point.index();
            if !self.lat[k].is_empty() && !self.lon[k].is_empty() {
                continue;
            }
            let tracers = Tracers::of(self);
            let of = |(j, i): (isize, isize)| {
                let all =
                    [tracers.at(j, i), tracers.at(j, i + 1), tracers.at(j + 1, i), tracers.at(j + 1, i + 1)];
                degrees(match point {
                    Point::U => middle(&all[..2]),
                    Point::V => middle(&[all[0], all[2]]),
                    _ => middle(&all),
                })
            };
            let (lat, lon) = self.numbers(point).map(of).map(|[lat, lon]| (lat, lon)).unzip();
            (self.lat[k], self.lon[k]) = (lat, lon);
            made.push(point.name());
        }
        if !made.is_empty() {
            self.computed.push(format!("places of {} points half-way between t points", made.join(", ")));
        }
    }

    fn lengths(&mut self, along_x: bool, radius: f64) -> Result<()> {
        let name = if along_x { "dx" } else { "dy" };
        // The point between neighbours, and that across the axis, and the one across both.
        let (face, side) = if along_x { (Point::U, Point::V) } else { (Point::V, Point::U) };
        let all = |mesh: &Self| if along_x { mesh.dx.clone() } else { mesh.dy.clone() };
        let mut lengths = all(self);
        let has_any = lengths.iter().any(|l| !l.is_empty());
        if !has_any {
            if self.lat[Point::T.index()].is_empty() {
                return Err(Error::data("nothing tells how far cells are apart: there are neither lengths nor latitudes and longitudes")
                    .remedy("name a file of the mesh with --grid"));
            }
            let tracers = Tracers::of(self);
            let of = |(j, i): (isize, isize)| {
                let next = if along_x { tracers.at(j, i + 1) } else { tracers.at(j + 1, i) };
                radius * apart(tracers.at(j, i), next)
            };
            lengths[face.index()] = self.numbers(face).map(of).collect();
        }
        let missing: Vec<&str> =
            Point::ALL.iter().filter(|p| lengths[p.index()].is_empty()).map(|p| p.name()).collect();
        // From whichever neighbours know, nearest in kind first.
        let ways = [
            (face, Point::T),
            (side, Point::T),
            (Point::T, face),
            (Point::F, face),
            (Point::T, side),
            (face, Point::F),
            (side, Point::F),
            (Point::F, side),
        ];
        for _ in 0..2 {
            for (from, to) in ways {
                if lengths[to.index()].is_empty() && !lengths[from.index()].is_empty() {
                    lengths[to.index()] = self.mean(from, to, &lengths[from.index()]);
                }
            }
        }
        if !has_any {
            self.computed.push(format!("{name} from great circles between t points"));
        } else if !missing.is_empty() {
            self.computed.push(format!("{name} at {} points as means of neighbours", missing.join(", ")));
        }
        *(if along_x { &mut self.dx } else { &mut self.dy }) = lengths;
        Ok(())
    }

    /// The mean of the two values half a cell away; the one that there is at walls.
    pub(super) fn mean(&self, from: Point, to: Point, values: &[f64]) -> Vec<f64> {
        let along_x = from.is_east() != to.is_east();
        let back = if along_x { !to.is_east() } else { !to.is_north() };
        let step = isize::from(!back) - isize::from(back);
        let of = |(j, i): (isize, isize)| {
            let other = if along_x { (j, i + step) } else { (j + step, i) };
            let found =
                [(j, i), other].map(|(j, i)| self.place(from, j, i).map_or(f64::NAN, |(at, _)| values[at]));
            match found {
                [a, b] if a.is_finite() && b.is_finite() => 0.5 * (a + b),
                [a, b] => {
                    if a.is_finite() {
                        a
                    } else {
                        b
                    }
                }
            }
        };
        self.numbers(to).map(of).collect()
    }

    /// Takes other lengths: along x at T, and at V as means of these, or at V alone; along y at T and U,
    /// or at U alone.
    pub fn set_lengths(&mut self, along_x: bool, at: Point, values: Vec<f64>) {
        let face = if along_x { Point::V } else { Point::U };
        if at == Point::T {
            let means = self.mean(at, face, &values);
            (if along_x { &mut self.dx } else { &mut self.dy })[face.index()] = means;
        }
        (if along_x { &mut self.dx } else { &mut self.dy })[at.index()] = values;
    }

    fn areas(&mut self) {
        let mut made = Vec::new();
        for point in Point::ALL {
            let k = point.index();
            if self.area[k].is_empty() {
                self.area[k] = self.dx[k].iter().zip(&self.dy[k]).map(|(dx, dy)| dx * dy).collect();
                made.push(point.name());
            }
        }
        if !made.is_empty() {
            self.computed.push(format!("areas at {} points as dx dy", made.join(", ")));
        }
    }

    /// Says which tracer cells are wet; other points are where all cells around them are.
    pub fn set_wet(&mut self, wet: Vec<bool>) {
        self.mask = [Some(wet), None, None, None];
        self.masks();
    }

    /// How far the points of a kind are from places in degrees, as a share of the size of cells: the
    /// median.
    pub fn off(&self, point: Point, lat: &[f64], lon: &[f64]) -> f64 {
        let k = point.index();
        let size = |c: usize| (self.dx[k][c] * self.dx[k][c] + self.dy[k][c] * self.dy[k][c]).sqrt();
        // Metres of the angle, whatever the radius of the sphere was.
        let own = self.lat[k].iter().zip(&self.lon[k]).enumerate();
        let mut all: Vec<f64> = own
            .zip(lat.iter().zip(lon))
            .map(|((c, own), other)| {
                apart(place(*own.0, *own.1), place(*other.0, *other.1)) * crate::grid::EARTH_RADIUS / size(c)
            })
            .filter(|share| share.is_finite())
            .collect();
        let middle = all.len() / 2;
        if all.is_empty() {
            f64::INFINITY
        } else {
            *all.select_nth_unstable_by(middle, f64::total_cmp).1
        }
    }

    fn masks(&mut self) {
        let Some(wet) = self.mask[Point::T.index()].clone() else { return };
        let mut made = Vec::new();
        for point in [Point::U, Point::V, Point::F] {
            if self.mask[point.index()].is_some() {
                continue;
            }
            let (di, dj) = (isize::from(point.is_east()), isize::from(point.is_north()));
            let is_wet = |j, i| self.place(Point::T, j, i).is_some_and(|(at, _)| wet[at]);
            let of = |(j, i): (isize, isize)| {
                is_wet(j, i) && is_wet(j, i + di) && is_wet(j + dj, i) && is_wet(j + dj, i + di)
            };
            let mask = self.numbers(point).map(of).collect();
            self.mask[point.index()] = Some(mask);
            made.push(point.name());
        }
        if !made.is_empty() {
            self.computed.push(format!("masks of {} points from that of t points", made.join(", ")));
        }
    }
}
