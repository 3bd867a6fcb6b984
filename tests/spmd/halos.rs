//! Halos beside a global array that is padded one dimension after the other.

use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::halo::{Beyond, Edges, Ends, Fold, HaloPlan, Parcels, Pivot, Point};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("halos hold what a padded global array holds", cell_by_cell),
        ("halos of several fields travel together, while the interior is worked on", together),
        ("halos of maps without levels, one row, one column", flat),
    ]
}

/// A global array of level, y, x.
#[derive(Clone)]
struct Array {
    shape: [usize; 3],
    values: Vec<f64>,
}

impl Array {
    fn new(shape: [usize; 3], value: impl Fn([usize; 3]) -> f64) -> Self {
        let mut values = Vec::new();
        for l in 0..shape[0] {
            for y in 0..shape[1] {
                values.extend((0..shape[2]).map(|x| value([l, y, x])));
            }
        }
        Self { shape, values }
    }
    fn at(&self, [l, y, x]: [usize; 3]) -> f64 {
        self.values[(l * self.shape[1] + y) * self.shape[2] + x]
    }
    /// With `width` more cells at both ends of dimension `d`.
    fn padded(&self, d: usize, width: usize, ends: Ends) -> Self {
        let mut shape = self.shape;
        let n = shape[d] as i64;
        shape[d] += 2 * width;
        Self::new(shape, |at| {
            let inside = |i: i64| {
                let mut from = at;
                from[d] = i as usize;
                self.at(from)
            };
            let i = at[d] as i64 - width as i64;
            let wall = |beyond: Beyond, nearest: i64| match beyond {
                Beyond::Value(value) => value,
                Beyond::Missing => f64::NAN,
                Beyond::Nearest => inside(nearest),
            };
            match ends {
                _ if (0..n).contains(&i) => inside(i),
                Ends::Periodic => inside((i % n + n) % n),
                Ends::Walls(low, _) if i < 0 => wall(low, 0),
                Ends::Walls(_, high) => wall(high, n - 1),
                Ends::Folded(south, _) if i < 0 => wall(south, 0),
                Ends::Folded(south, fold) => {
                    // Twice the places of cells: vorticity points at odd ones, tracers at even ones.
                    let nx = self.shape[2] as i64;
                    let east = i64::from(matches!(fold.point, Point::U | Point::Vorticity));
                    let north = i64::from(matches!(fold.point, Point::V | Point::Vorticity));
                    let (pivot_x, pivot_y) =
                        if fold.pivot == Pivot::T { (0, 2 * n - 2) } else { (-1, 2 * n - 1) };
                    let x = (2 * pivot_x - (2 * at[2] as i64 + east) - east) / 2;
                    let y = (2 * pivot_y - (2 * i + north) - north) / 2;
                    if y < 0 {
                        let mirrored =
                            Self::new(self.shape, |f| self.at([f[0], f[1], ((x % nx + nx) % nx) as usize]));
                        let value = match south {
                            Beyond::Value(value) => return value,
                            Beyond::Missing => return f64::NAN,
                            Beyond::Nearest => mirrored.at([at[0], 0, 0]),
                        };
                        return if fold.flips { -value } else { value };
                    }
                    let value = self.at([at[0], y as usize, ((x % nx + nx) % nx) as usize]);
                    if fold.flips {
                        -value
                    } else {
                        value
                    }
                }
            }
        })
    }
    fn with_halo(&self, widths: [usize; 3], edges: &Edges) -> Self {
        self.padded(1, widths[1], edges.y).padded(2, widths[2], edges.x).padded(0, widths[0], edges.level)
    }
}

fn decompositions(shape: [usize; 3], ranks: usize) -> Vec<Decomposition> {
    let dims = [
        Dim::new("time", 2, Role::Time),
        Dim::new("lev", shape[0], Role::Level),
        Dim::new("y", shape[1], Role::Y),
        Dim::new("x", shape[2], Role::X),
    ];
    let whole = IndexBox::whole(&[2, shape[0], shape[1], shape[2]]);
    let even = |parts: &[usize]| Decomposition::even(&dims, &whole, parts, ranks).expect("fits");
    let mut all = vec![even(&[1, 1, ranks, 1]), even(&[1, 1, 1, ranks]), even(&[1, ranks, 1, 1])];
    if ranks >= 4 {
        all.push(even(&[1, 1, 2, 2]));
        all.push(even(&[2, 1, 1, 2]));
    }
    // Uneven, with an empty piece where there are enough ranks, and ranks beyond the pieces.
    let mut edges = vec![vec![0, 2], vec![0, shape[0]], vec![0, shape[1]], vec![0, shape[2]]];
    if ranks > 2 {
        edges[2] = vec![0, 1, 1, shape[1]];
    } else if ranks == 2 {
        edges[3] = vec![0, 1, shape[2]];
    }
    all.push(Decomposition::from_edges(dims.to_vec(), edges, ranks).expect("fits"));
    all
}

/// Fills and compares every cell of all fields, one array each.
fn check(comm: &Comm, decomposition: &Decomposition, widths: [usize; 3], edges: &[Edges]) {
    let shape = decomposition.shape();
    let shape = [shape[1], shape[2], shape[3]];
    let plan = HaloPlan::new(comm, decomposition, widths, edges).expect("a plan");
    let extent = plan.extent().clone();
    let times = decomposition.block(comm.rank()).range(0);
    let times = if extent.cells() == 0 { 0..0 } else { times };
    let arrays = |field: usize, time: usize| {
        Array::new(shape, |[l, y, x]| {
            (((field * 3 + time) * 10 + l) * 100 + y) as f64 * 100.0 + x as f64 + 1.0
        })
    };
    let mut parcels = Parcels::default();
    let mut data: Vec<Vec<f64>> = Vec::new();
    for field in 0..edges.len() {
        let mut all = Vec::new();
        for time in times.clone() {
            let array = arrays(field, time);
            let (start, own) = (extent.start(), extent.own());
            let block = Array::new(own, |at| array.at([0, 1, 2].map(|d| start[d] + at[d])));
            let mut map = vec![-7.0; extent.cells()];
            extent.spread(&block.values, &mut map);
            let mut back = vec![0.0; block.values.len()];
            extent.collect(&map, &mut back);
            assert_eq!(back, block.values);
            all.extend(map);
        }
        data.push(all);
    }
    // Twice, as buffers stay.
    for _ in 0..2 {
        let mut fields: Vec<&mut [f64]> = data.iter_mut().map(Vec::as_mut_slice).collect();
        plan.fill_during(comm, &mut parcels, &mut fields, |fields| assert_eq!(fields.len(), edges.len()));
    }
    for (field, edges) in edges.iter().enumerate() {
        for (k, time) in times.clone().enumerate() {
            let expected = arrays(field, time).with_halo(widths, edges);
            let (local, start) = (extent.shape(), extent.start());
            for l in 0..local[0] {
                for y in 0..local[1] {
                    for x in 0..local[2] {
                        let got = data[field][k * extent.cells() + extent.offset([l, y, x])];
                        let wanted = expected.at([start[0] + l, start[1] + y, start[2] + x]);
                        assert!(
                            got.to_bits() == wanted.to_bits() || (got.is_nan() && wanted.is_nan()),
                            "{got} for {wanted} at {l} {y} {x} of {:?}, {widths:?}, {edges:?}, {}",
                            comm.rank(),
                            decomposition.describe()
                        );
                    }
                }
            }
        }
    }
}

fn topologies() -> Vec<Edges> {
    let (value, nearest, missing) = (Beyond::Value(-4.5), Beyond::Nearest, Beyond::Missing);
    let mut all = vec![
        Edges::globe(value),
        Edges::globe(nearest),
        Edges::region(missing),
        Edges::region(nearest),
        Edges { level: Ends::Periodic, y: Ends::Periodic, x: Ends::Periodic },
        Edges {
            level: Ends::Walls(nearest, value),
            y: Ends::Walls(value, nearest),
            x: Ends::Walls(missing, nearest),
        },
    ];
    for pivot in [Pivot::T, Pivot::F] {
        for point in [Point::Tracer, Point::U, Point::V, Point::Vorticity] {
            let flips = matches!(point, Point::U | Point::V);
            all.push(Edges::tripolar([nearest, value][usize::from(flips)], Fold { pivot, point, flips }));
        }
    }
    all
}

fn cell_by_cell(comm: &Comm) {
    for shape in [[2, 5, 6], [3, 4, 8]] {
        for decomposition in decompositions(shape, comm.size()) {
            for widths in [[0, 1, 1], [0, 2, 3], [1, 1, 2], [0, 9, 13], [4, 0, 1]] {
                for edges in topologies() {
                    check(comm, &decomposition, widths, &[edges]);
                }
            }
        }
    }
}

fn together(comm: &Comm) {
    for decomposition in decompositions([2, 6, 4], comm.size()) {
        check(comm, &decomposition, [1, 2, 1], &topologies());
        check(comm, &decomposition, [0, 1, 2], &[]);
    }
    // The interior and the rim are all own cells, once.
    let decomposition = &decompositions([1, 7, 9], comm.size())[0];
    let plan = HaloPlan::new(comm, decomposition, [0, 2, 2], &[]).expect("a plan");
    let extent = plan.extent();
    for reach in [0, 1, 2, 5] {
        let mut seen = vec![0; extent.cells()];
        let mut boxes = extent.rim([0, reach, reach]);
        boxes.push(extent.interior([0, reach, reach]));
        for [levels, rows, columns] in boxes {
            for l in levels {
                for y in rows.clone() {
                    columns.clone().for_each(|x| seen[extent.offset([l, y, x])] += 1);
                }
            }
        }
        assert_eq!(seen.iter().sum::<usize>(), extent.own().iter().product::<usize>());
        assert!(seen.iter().all(|n| *n <= 1));
    }
}

fn flat(comm: &Comm) {
    for shape in [[1, 1, 4], [1, 3, 1], [1, 1, 1]] {
        for decomposition in decompositions(shape, comm.size()) {
            for edges in topologies() {
                check(comm, &decomposition, [0, 2, 2], &[edges]);
            }
        }
    }
    let dims = vec![Dim::new("x", 4, Role::X), Dim::new("y", 3, Role::Y)];
    let whole = IndexBox::whole(&[4, 3]);
    let odd = Decomposition::even(&dims, &whole, &[1, 1], comm.size()).expect("fits");
    let error = HaloPlan::new(comm, &odd, [0, 1, 1], &[Edges::globe(Beyond::Missing)]).expect_err("refused");
    assert_eq!(error.exit_code(), 2);
}
