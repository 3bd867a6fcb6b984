//! Filters of vectors on a C grid: the viscosity of Griffies and Hallberg (2000) as the Laplacian.

use super::target::Polynomial;
use crate::calculus::{Block, Filler};
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{Faces, Mesh, Point, Window};
use halocline_core::{Error, Result};

/// The Laplacian of vectors on a C grid (Griffies and Hallberg 2000, Mon. Weather Rev. 128, 2935-2946),
/// as gcm-filters has it (`VECTOR_C_GRID`): the divergence of a stress that is proportional to horizontal
/// tension at T and shear strain at F,
///
/// - Dt = (e2/e1) δx(u / e2u) − (e1/e2) δy(v / e1v), σt = (κ + κ'/2) Dt;
/// - Ds = (e2/e1) δx(v / e2v) + (e1/e2) δy(u / e1u), σs = κ Ds;
/// - ∆u = (δx(e2² σt) / e2u + δy(e1² σs) / e1u) / A;
/// - ∆v = (δx(e2² σs) / e2v − δy(e1² σt) / e1v) / A.
///
/// Velocities beyond walls, and missing ones, are 0; there is no stress at dry T and F points (free
/// slip), and velocities at dry U and V points stay as they are. Points on walls, which lie beside
/// cells that are not there, are dry, whatever masks say.
#[derive(Debug, Clone)]
pub struct VectorLaplacian {
    fillers: [Filler; 2],
    /// Columns of a block, rim included.
    width: usize,
    /// Rows of cells.
    rows: usize,
    /// e2/e1 and e1/e2 at T, times κ + κ'/2; at F, times κ: 0 where unknown.
    tension: [Vec<f64>; 2],
    strain: [Vec<f64>; 2],
    /// Squares of e1 and e2, at T and at F.
    squares: [[Vec<f64>; 2]; 2],
    /// 1/e1 and 1/e2, at U and at V.
    inverse: [[Vec<f64>; 2]; 2],
    /// 1/A at U and V.
    areas: [Vec<f64>; 2],
    shapes: [[usize; 2]; 2],
    /// For each value of u and of v in the file where it is among those behind cells, and the way back.
    picked: [Places; 2],
    homes: [Places; 2],
    /// The same of T, U, V and F, and their blocks: for masks.
    masked: [(Filler, Places); 4],
    /// Whether U, V and F points of a block stand on walls; none of T.
    walls: [Vec<bool>; 4],
}

/// Where values are, and whether axes are turned there.
type Places = Vec<Option<(usize, bool)>>;

/// Which T, U, V and F points of a level are wet, as [`VectorLaplacian::wet`] makes it.
#[derive(Debug, Clone)]
pub struct WetPoints([Vec<bool>; 4]);

impl WetPoints {
    /// Those that are wet at one of two levels.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.iter_mut().zip(other).for_each(|(own, other)| *own |= other);
        }
        self
    }
    fn at(&self, point: Point, place: usize) -> bool {
        self.0[point.index()][place]
    }
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|all| all.len() as u64).sum()
    }
}

/// What a thread works with, map after map.
#[derive(Debug, Default)]
pub struct VectorScratch {
    blocks: [Block; 2],
    stresses: [Vec<f64>; 2],
}

impl VectorLaplacian {
    /// On a mesh, with factors κ (isotropic) and κ' (added along x) of the viscosity, at most 1.
    ///
    /// # Errors
    /// Usage, for factors that are not from 0 to 1 in sum; data, if the mesh lacks lengths.
    pub fn new(mesh: &Mesh, [iso, aniso]: [f64; 2]) -> Result<Self> {
        if !(iso >= 0.0 && aniso >= 0.0 && iso + aniso <= 1.0 && iso + aniso > 0.0) {
            return Err(Error::usage(format!("factors {iso} and {aniso} of the viscosity"))
                .remedy("choose --kappa-iso and --kappa-aniso from 0 to 1, together not more than 1"));
        }
        let behind = mesh.with_faces([Faces::Right; 2]);
        let all = |values: &[Vec<f64>; 4], point: Point| -> Vec<f64> {
            let block = Filler::new(&behind, point).block(&values[point.index()]);
            block.values
        };
        let zero = |v: f64| if v.is_finite() && v > 0.0 { v } else { 0.0 };
        let over = |a: &[f64], b: &[f64], factor: f64| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| zero(a / b) * factor).collect()
        };
        let inverse = |values: Vec<f64>| -> Vec<f64> { values.iter().map(|v| zero(1.0 / v)).collect() };
        let square = |values: &[f64]| -> Vec<f64> { values.iter().map(|v| zero(v * v)).collect() };
        if [Point::T, Point::U, Point::V, Point::F].iter().any(|p| behind.dx[p.index()].is_empty()) {
            return Err(Error::data("the mesh tells no lengths of its cells").remedy("name one with --grid"));
        }
        let [t, f] = [Point::T, Point::F].map(|p| [all(&behind.dx, p), all(&behind.dy, p)]);
        let factor = iso + 0.5 * aniso;
        let points = [Point::U, Point::V];
        let cells = Window { start: [0, 0], shape: behind.cells };
        let picked = points.map(|p| mesh.seen(p, cells));
        let homes = points.map(|p| {
            let window = Window { start: mesh.start(p), shape: mesh.shape(p) };
            behind.seen(p, window)
        });
        Ok(Self {
            fillers: points.map(|p| Filler::new(&behind, p)),
            width: behind.cells[1] + 2,
            rows: behind.cells[0],
            tension: [over(&t[1], &t[0], factor), over(&t[0], &t[1], factor)],
            strain: [over(&f[1], &f[0], iso), over(&f[0], &f[1], iso)],
            squares: [[square(&t[0]), square(&t[1])], [square(&f[0]), square(&f[1])]],
            inverse: points.map(|p| [inverse(all(&behind.dx, p)), inverse(all(&behind.dy, p))]),
            areas: points.map(|p| inverse(all(&behind.area, p))),
            shapes: points.map(|p| mesh.shape(p)),
            picked,
            homes,
            masked: Point::ALL.map(|p| (Filler::new(&behind, p), mesh.seen(p, cells))),
            walls: Point::ALL.map(|p| on_walls(&behind, p)),
        })
    }

    /// Bytes that it takes of so many cells, and what a thread takes for a map beside.
    pub const fn bytes(cells: usize) -> (u64, u64) {
        (8 * 45 * cells as u64, 8 * 14 * cells as u64)
    }

    /// Which points of a level are wet: all that stand on no wall, unless a mask (as the file has it)
    /// tells.
    pub fn wet(&self, masks: [Option<&[bool]>; 4]) -> WetPoints {
        WetPoints([0, 1, 2, 3].map(|k| {
            let walls = &self.walls[k];
            let Some(mask) = masks[k] else { return walls.iter().map(|wall| !wall).collect() };
            let (filler, seen) = &self.masked[k];
            let own: Vec<f64> =
                seen.iter().map(|at| at.map_or(0.0, |(at, _)| f64::from(u8::from(mask[at])))).collect();
            filler.block(&own).values.iter().zip(walls).map(|(v, wall)| *v > 0.0 && !wall).collect()
        }))
    }

    /// The spacing of square cells whose Laplacian has eigenvalues as great as this one's may be, by
    /// Gershgorin's circles: √8 / √greatest row sum.
    pub fn least_spacing(&self, wet: &WetPoints) -> f64 {
        let mut greatest: f64 = 0.0;
        self.each_row(|first, columns| {
            for at in first..first + columns {
                for component in [0, 1] {
                    let sum = self.row_sum(component, at, wet);
                    if sum > greatest {
                        greatest = sum;
                    }
                }
            }
        });
        (8.0 / greatest).sqrt()
    }

    /// Where rows of cells begin in a block, and how many columns they have.
    fn each_row(&self, mut row: impl FnMut(usize, usize)) {
        (1..=self.rows).for_each(|j| row(j * self.width + 1, self.width - 2));
    }

    /// The sum of the sizes of all coefficients of ∆u or ∆v at a place.
    fn row_sum(&self, component: usize, at: usize, wet: &WetPoints) -> f64 {
        let w = self.width;
        let mut coefficients: Vec<(usize, usize, f64)> = Vec::with_capacity(16);
        let mut add = |component: usize, at: usize, v: f64| match coefficients
            .iter_mut()
            .find(|(c, a, _)| (*c, *a) == (component, at))
        {
            Some((_, _, sum)) => *sum += v,
            None => coefficients.push((component, at, v)),
        };
        if !wet.at([Point::U, Point::V][component], at) {
            return 0.0;
        }
        let area = self.areas[component][at];
        // Tension before and behind, strain before and behind, with signs.
        let [tensions, strains] = if component == 0 {
            [[(at, -1.0), (at + 1, 1.0)], [(at - w, -1.0), (at, 1.0)]]
        } else {
            [[(at, 1.0), (at + w, -1.0)], [(at - 1, -1.0), (at, 1.0)]]
        };
        let (of_t, of_f) = if component == 0 { (1, 0) } else { (0, 1) };
        for (t, sign) in tensions {
            let c = sign * area * self.squares[0][of_t][t] * self.inverse[component][of_t][at];
            let c = if wet.at(Point::T, t) { c } else { 0.0 };
            let [x, y] = [self.tension[0][t], self.tension[1][t]];
            add(0, t, c * x * self.inverse[0][1][t]);
            add(0, t - 1, -c * x * self.inverse[0][1][t - 1]);
            add(1, t, -c * y * self.inverse[1][0][t]);
            add(1, t - w, c * y * self.inverse[1][0][t - w]);
        }
        for (f, sign) in strains {
            let c = sign * area * self.squares[1][of_f][f] * self.inverse[component][of_f][at];
            let c = if wet.at(Point::F, f) { c } else { 0.0 };
            let [x, y] = [self.strain[0][f], self.strain[1][f]];
            add(1, f + 1, c * x * self.inverse[1][1][f + 1]);
            add(1, f, -c * x * self.inverse[1][1][f]);
            add(0, f + w, c * y * self.inverse[0][0][f + w]);
            add(0, f, -c * y * self.inverse[0][0][f]);
        }
        coefficients.iter().map(|(_, _, v)| v.abs()).sum()
    }

    /// ∆(u, v) of maps behind cells.
    fn apply(&self, maps: [&[f64]; 2], wet: &WetPoints, scratch: &mut VectorScratch) -> [Vec<f64>; 2] {
        let VectorScratch { blocks, stresses } = scratch;
        for ((filler, map), block) in self.fillers.iter().zip(maps).zip(blocks.iter_mut()) {
            filler.fill(Numbers::F64(map), (true, None), block);
            block.values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
        }
        let [u, v] = [&blocks[0].values, &blocks[1].values];
        let (w, all) = (self.width, u.len());
        let [[u_x, u_y], [v_x, v_y]] = &self.inverse;
        stresses.iter_mut().for_each(|s| s.resize(all, 0.0));
        let [tension, strain] = stresses;
        for (at, out) in tension.iter_mut().enumerate().skip(w + 1) {
            let along = self.tension[0][at] * (u[at] * u_y[at] - u[at - 1] * u_y[at - 1]);
            let across = self.tension[1][at] * (v[at] * v_x[at] - v[at - w] * v_x[at - w]);
            *out = if wet.at(Point::T, at) { along - across } else { 0.0 };
        }
        for (at, out) in strain.iter_mut().enumerate().take(all - w - 1) {
            let along = self.strain[0][at] * (v[at + 1] * v_y[at + 1] - v[at] * v_y[at]);
            let across = self.strain[1][at] * (u[at + w] * u_x[at + w] - u[at] * u_x[at]);
            *out = if wet.at(Point::F, at) { along + across } else { 0.0 };
        }
        let [[t_x, t_y], [f_x, f_y]] = &self.squares;
        let mut result = [Vec::with_capacity(maps[0].len()), Vec::with_capacity(maps[1].len())];
        self.each_row(|first, columns| {
            result[0].extend((first..first + columns).map(|at| {
                let x = u_y[at] * (t_y[at + 1] * tension[at + 1] - t_y[at] * tension[at]);
                let y = u_x[at] * (f_x[at] * strain[at] - f_x[at - w] * strain[at - w]);
                if wet.at(Point::U, at) {
                    self.areas[0][at] * (x + y)
                } else {
                    0.0
                }
            }));
            result[1].extend((first..first + columns).map(|at| {
                let x = v_y[at] * (f_y[at] * strain[at] - f_y[at - 1] * strain[at - 1]);
                let y = v_x[at] * (t_x[at + w] * tension[at + w] - t_x[at] * tension[at]);
                if wet.at(Point::V, at) {
                    self.areas[1][at] * (x - y)
                } else {
                    0.0
                }
            }));
        });
        result
    }

    /// The filtered components of maps as the file has them; what the filter takes away with
    /// `high_pass`. Missing values stay missing.
    ///
    /// # Errors
    /// Data: infinite values.
    ///
    /// # Panics
    /// If maps are not of the shapes of U and V points.
    pub fn filter(
        &self,
        (polynomial, high_pass): (&Polynomial, bool),
        maps: [Numbers<'_>; 2],
        wet: &WetPoints,
        scratch: &mut VectorScratch,
    ) -> Result<[Vec<f64>; 2]> {
        let read = |k: usize| -> Vec<f64> {
            match maps[k] {
                Numbers::F32(v) => v.iter().map(|v| f64::from(*v)).collect(),
                Numbers::F64(v) => v.to_vec(),
            }
        };
        let stored = [read(0), read(1)];
        for (map, shape) in stored.iter().zip(self.shapes) {
            assert!(map.len() == shape[0] * shape[1], "a map of another size");
            if map.iter().any(|v| v.is_infinite()) {
                return Err(Error::data("infinite values").remedy("state them as missing, or correct them"));
            }
        }
        let turn = |v: f64, turned: bool| if turned { -v } else { v };
        let own = [0, 1].map(|k| -> Vec<f64> {
            let of = |at: &Option<(usize, bool)>| at.map_or(0.0, |(at, turned)| turn(stored[k][at], turned));
            self.picked[k].iter().map(of).collect()
        });
        let factor = 2.0 / polynomial.greatest;
        let p = &polynomial.coefficients;
        let (mut before, mut here) = ([Vec::new(), Vec::new()], own.clone());
        let mut sums = own.each_ref().map(|map| map.iter().map(|v| p[0] * v).collect::<Vec<f64>>());
        for (k, p) in p.iter().enumerate().skip(1) {
            let steps = self.apply([&here[0], &here[1]], wet, scratch);
            let mut next = steps;
            for c in [0, 1] {
                for (at, step) in next[c].iter_mut().enumerate() {
                    // -f - (2 / greatest) ∆f
                    let shifted = -here[c][at] - factor * *step;
                    *step = if k == 1 { shifted } else { 2.0 * shifted - before[c][at] };
                    sums[c][at] += p * *step;
                }
            }
            before = std::mem::replace(&mut here, next);
        }
        Ok([0, 1].map(|k| {
            let of = |(at, value): (&Option<(usize, bool)>, &f64)| {
                // Faces that no cell is in front of stay as they are.
                let low = at.map_or(*value, |(at, turned)| turn(sums[k][at], turned));
                if high_pass {
                    value - low
                } else {
                    low
                }
            };
            self.homes[k].iter().zip(&stored[k]).map(of).collect()
        }))
    }
}

/// Which places of a block, rim included, stand on walls: one of the cells around is not there. The rim
/// behind the last row and column is not looked at, since no operator asks there.
fn on_walls(behind: &Mesh, point: Point) -> Vec<bool> {
    let [rows, columns] = behind.cells.map(|n| n as isize);
    let [above, right] = [point.is_north(), point.is_east()].map(isize::from);
    let around = Window { start: [-1, -1], shape: behind.cells.map(|n| n + 2) };
    let stands = |(j, i): (isize, isize)| {
        let beyond = |dj, di| behind.place(Point::T, j + dj, i + di).is_none();
        let corners = [(0, 0), (0, right), (above, 0), (above, right)];
        point != Point::T && j < rows && i < columns && corners.into_iter().any(|(dj, di)| beyond(dj, di))
    };
    around.places().map(stands).collect()
}
