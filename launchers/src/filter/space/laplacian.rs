//! The Laplacian of a variable's grid, and the polynomial of it.

use super::options::{GridType, SpaceArgs};
use crate::mesh;
use halocline_algorithms::filter::space::{MeshMetrics, Metrics, Polynomial, Target};
use halocline_core::comm::Comm;
use halocline_core::grid::mesh::{EdgeNorth, EdgeX, Point};
use halocline_core::grid::{Grid, GridKind};
use halocline_core::halo::{Beyond, Edges};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;

/// What is applied to maps.
#[derive(Debug, Clone)]
pub(super) struct Laplacian {
    pub(super) metrics: Metrics,
    /// Rows and columns in the file.
    pub(super) stored: [usize; 2],
    /// Where cells are, if some of the file repeat others: see [`MeshMetrics`].
    pub(super) places: Option<[Vec<u32>; 2]>,
    pub(super) polynomial: Polynomial,
    target: Target,
    /// How edges meet, in words, and as `--topology` has it.
    topology: String,
    chosen_topology: &'static str,
    /// Which cells are taken for land without a mask that says so.
    pub(super) slivers: Option<String>,
}

/// On a mesh without a mask, cells that are narrower than this share of the median are taken for land.
const SLIVER: f64 = 0.05;

impl Laplacian {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn new(comm: &Comm, args: &SpaceArgs, dataset: &Dataset, source: &Source) -> Result<Self> {
        let grid = source.grid();
        let found = match grid.dims.as_slice() {
            [y, x] if y.role == Role::Y && x.role == Role::X && y.len * x.len > 0 => {
                mesh::find(comm, &args.grid, dataset, grid)?
            }
            _ => {
                return Err(Error::data("is no map over y and x").remedy("its last dimensions must be these"))
            }
        };
        let topology = found.mesh.topology;
        let stored = [grid.dims[0].len, grid.dims[1].len];
        let is_plain = topology.north == EdgeNorth::Wall && topology.columns == stored[1];
        let by_coordinates = found.model == "coordinates" && grid.kind == GridKind::Rectilinear;
        let irregular = args.grid_type == GridType::Irregular;
        let mut slivers = None;
        let (metrics, places) = if is_plain && by_coordinates && irregular {
            (Metrics::of_grid(grid, args.grid.radius, plain_edges(topology.x))?, None)
        } else {
            let point = found.point_of(grid).unwrap_or(Point::T);
            let made = match args.grid_type {
                GridType::Irregular => {
                    let made = MeshMetrics::new(&found.mesh, point)?;
                    if found.mesh.mask[point.index()].is_some() {
                        made
                    } else {
                        // On land cells of such grids can be tiny.
                        let wet = wet_at_first(comm, source)?;
                        if wet.iter().all(|wet| *wet) && grid.kind != GridKind::Rectilinear {
                            let (made, count, least) = made.without_slivers(SLIVER)?;
                            slivers = (count > 0).then(|| {
                                format!("{count} cells narrower than {least:.0} m are taken for land, as no mask tells")
                            });
                            made
                        } else {
                            made.restricted(&wet)?
                        }
                    }
                }
                of => regular(&found.mesh, point, of, grid)?,
            };
            (made.metrics, made.places)
        };
        let spacing = args.spacing(metrics.least_spacing())?;
        let target = Target { shape: args.shape(), scale: args.length(), spacing };
        let polynomial = target.polynomial(args.n_steps.0)?;
        let chosen_topology = topology.name();
        let topology = topology.describe(found.mesh.cells);
        Ok(Self { metrics, stored, places, polynomial, target, topology, chosen_topology, slivers })
    }

    /// As a user is told.
    pub(super) fn describe(&self, args: &SpaceArgs) -> String {
        let steps = self.polynomial.steps();
        let few = if (steps as f64) < self.target.default_steps() {
            format!(", fewer than the {} that the response needs", self.target.default_steps())
        } else {
            String::new()
        };
        format!("{}{few}; {}", args.describe_filter(steps), self.topology)
    }
    /// What repeats it, as outputs record it: with these options nothing is left to the grid.
    pub(super) fn exact(&self, args: &SpaceArgs) -> String {
        let mut all = vec![format!("n_steps={}", self.polynomial.steps())];
        if args.grid_type == GridType::Irregular {
            all.push(format!("dx_min={}m", self.target.spacing));
        }
        all.push(format!("topology={}", self.chosen_topology));
        all.extend(self.slivers.as_ref().map(|s| format!("land: {s}")));
        all.join("; ")
    }
    /// Rows and columns of the map that is worked on.
    pub(super) fn shape(&self) -> [usize; 2] {
        self.metrics.shape()
    }
}

fn plain_edges(x: EdgeX) -> Edges {
    match x {
        EdgeX::Wall => Edges::region(Beyond::Missing),
        EdgeX::Periodic => Edges::globe(Beyond::Missing),
    }
}

/// Cells that are all the same, as they meet on the mesh.
fn regular(
    mesh: &halocline_core::grid::mesh::Mesh,
    point: Point,
    grid_type: GridType,
    grid: &Grid,
) -> Result<MeshMetrics> {
    let mut plain = mesh.clone();
    for all in [&mut plain.dx, &mut plain.dy, &mut plain.area] {
        for of in Point::ALL {
            let [rows, columns] = mesh.shape(of);
            all[of.index()] = vec![1.0; rows * columns];
        }
    }
    let mut made = MeshMetrics::new(&plain, point)?;
    if grid_type == GridType::RegularArea {
        let areas = if mesh.area[point.index()].is_empty() {
            grid.areas()?
        } else {
            mesh.area[point.index()].clone()
        };
        made = made.weighted(&areas)?;
    }
    Ok(made)
}

/// Which cells have a value in the first map, of any level.
///
/// # Collective
/// Every rank calls this; one reads.
fn wet_at_first(comm: &Comm, source: &Source) -> Result<Vec<bool>> {
    let shape = source.variable().shape();
    let cells: usize = shape[shape.len() - 2..].iter().product();
    comm.on_root(|| {
        let mut wet = vec![false; cells];
        let leading: Vec<usize> = shape[..shape.len() - 2].to_vec();
        let maps: usize = leading[1..].iter().product();
        let mut values = vec![0.0_f64; cells];
        for map in 0..maps {
            let mut rest = map;
            let mut ranges: Vec<std::ops::Range<usize>> = shape.iter().map(|n| 0..*n).collect();
            for d in (1..leading.len()).rev() {
                ranges[d] = rest % leading[d]..rest % leading[d] + 1;
                rest /= leading[d];
            }
            ranges[0] = 0..1;
            let block = IndexBox::new(ranges);
            // In the pool, which this thread is not part of.
            rayon::join(|| source.read_into(&block, &mut values), || ()).0?;
            wet.iter_mut().zip(&values).for_each(|(wet, v)| *wet |= !v.is_nan());
        }
        Ok(wet)
    })
}
