//! Metrics of a mesh, and which of a file's cells repeat others.

use super::metrics::{Metrics, Table};
use halocline_core::grid::mesh::{EdgeNorth, EdgeX, Mesh, Point};
use halocline_core::halo::{self, Beyond, Edges, Fold, Pivot};
use halocline_core::{Error, Result};

/// Metrics of the cells of a mesh that are counted, and where the others have their values from.
#[derive(Debug, Clone)]
pub struct MeshMetrics {
    /// Of the map of the rows and columns that are counted.
    pub metrics: Metrics,
    /// The map's shape in the file.
    pub stored: [usize; 2],
    /// For each cell of the counted map, where it is in the file; and for each cell of the file, where
    /// it is in the counted map. `None`, if both are the same.
    pub places: Option<[Vec<u32>; 2]>,
}

/// The edges of a mesh's map: walls are missing.
fn edges(mesh: &Mesh) -> Result<Edges> {
    let topology = &mesh.topology;
    let pivot = match topology.north {
        EdgeNorth::FoldT => Some((Pivot::T, 0)),
        EdgeNorth::FoldF => Some((Pivot::F, topology.columns.saturating_sub(1))),
        EdgeNorth::Wall => None,
    };
    Ok(match (topology.x, pivot) {
        (EdgeX::Wall, _) => Edges::region(Beyond::Missing),
        (EdgeX::Periodic, None) => Edges::globe(Beyond::Missing),
        (EdgeX::Periodic, Some((pivot, column))) if column == topology.pivot => {
            Edges::tripolar(Beyond::Missing, Fold { pivot, point: halo::Point::Tracer, flips: false })
        }
        (EdgeX::Periodic, Some(_)) => {
            return Err(Error::usage(format!(
                "a fold of which the first column meets column {} is not known to filters",
                topology.pivot
            ))
            .remedy("use --topology periodic, which takes the fold for a wall"))
        }
    })
}

impl MeshMetrics {
    /// Of cells around this kind of point: faces to the next column and row, as long as the mesh has
    /// them at the points between. Dry cells, and those without an area, are as land.
    ///
    /// # Errors
    /// Usage, for other points than tracers on a folded mesh; data, if the mesh has no lengths.
    pub fn new(mesh: &Mesh, point: Point) -> Result<Self> {
        let topology = &mesh.topology;
        if topology.is_folded() && point != Point::T {
            return Err(Error::usage("filters of folded grids are known of tracer points only")
                .remedy("use --topology periodic, which takes the fold for a wall"));
        }
        let edges = edges(mesh)?;
        let (top, left) = (mesh.start(point)[0], mesh.start(point)[1]);
        let stored = mesh.shape(point);
        // Of faces that are kept beyond walls there may be more than cells, or fewer.
        let shape = if topology.x == EdgeX::Wall || topology.north == EdgeNorth::Wall && point != Point::T {
            [stored[0], if topology.x == EdgeX::Wall { stored[1] } else { topology.columns }]
        } else {
            [topology.rows, topology.columns]
        };
        let first = if topology.x == EdgeX::Wall { left } else { topology.first as isize };
        let rows = if shape[0] == stored[0] { top } else { 0 };
        let (east, north) = (point.across_x(), point.across_y());
        let (on, up) = (isize::from(point.is_east()), isize::from(point.is_north()));
        let lengths = [&mesh.dx, &mesh.dy].map(|all| [&all[east.index()], &all[north.index()]]);
        if lengths.iter().flatten().any(|v| v.is_empty()) || mesh.area[point.index()].is_empty() {
            return Err(Error::data("the mesh tells no lengths and areas of its cells")
                .remedy("use --grid-type regular, or a --grid with them"));
        }
        let cells = || (0..shape[0] * shape[1]).map(|c| ((c / shape[1]) as isize, (c % shape[1]) as isize));
        // A face without a length, or one beyond a wall, lets nothing through.
        let finite = |v: f64| if v.is_finite() && v >= 0.0 { v } else { f64::NAN };
        let face = |of: Point, [along, across]: [&[f64]; 2], j: isize, i: isize| {
            mesh.place(of, j, i).map_or(f64::NAN, |(at, _)| finite(across[at] / along[at]))
        };
        let [dx, dy] = lengths;
        let of_east = |(y, x): (isize, isize)| face(east, [dx[0], dy[0]], rows + y, first + x + on);
        let of_north = |(y, x): (isize, isize)| face(north, [dy[1], dx[1]], rows + y + up, first + x);
        let place = |(y, x): (isize, isize)| mesh.place(point, rows + y, first + x).map(|(at, _)| at);
        // On land some models write coordinates that make cells of no size.
        let least = 1e-8 * mesh.area[point.index()].iter().fold(0.0_f64, |most, a| most.max(*a));
        let mask = mesh.mask[point.index()].as_ref();
        let of_area = |cell: (isize, isize)| {
            let at = place(cell).filter(|at| mask.is_none_or(|mask| mask[*at]));
            let area = at.map_or(f64::NAN, |at| mesh.area[point.index()][at]);
            if area > least && area.is_finite() {
                area
            } else {
                f64::NAN
            }
        };
        let tables = [
            Table::Cells(cells().map(of_east).collect()),
            Table::Cells(cells().map(of_north).collect()),
            Table::Cells(cells().map(of_area).collect()),
        ];
        let metrics = Metrics::checked(shape, tables, None, edges, true)?;
        let picked: Vec<u32> = cells().filter_map(place).map(|at| at as u32).collect();
        let mut back = vec![u32::MAX; stored[0] * stored[1]];
        // Cells that are there twice are picked at one place, so that any of the two stands for both.
        picked.iter().enumerate().for_each(|(c, at)| back[*at as usize] = c as u32);
        let homes: Option<Vec<u32>> = (0..back.len())
            .map(|c| {
                let (j, i) = (top + (c / stored[1]) as isize, left + (c % stored[1]) as isize);
                mesh.place(point, j, i).map(|(at, _)| back[at]).filter(|home| *home != u32::MAX)
            })
            .collect();
        let homes = homes.filter(|_| picked.len() == shape[0] * shape[1]);
        let homes = homes.ok_or_else(|| Error::internal("cells of a mesh without a place"))?;
        let same = |v: &[u32]| v.iter().enumerate().all(|(c, at)| c == *at as usize);
        let is_whole = shape == stored && same(&picked) && same(&homes);
        Ok(Self { metrics, stored, places: (!is_whole).then_some([picked, homes]) })
    }

    /// With the file's cells that are not wet as land, which can then be as small as they like; maps
    /// that have values there are refused.
    ///
    /// # Errors
    /// Internal, if there are not as many.
    pub fn restricted(mut self, wet: &[bool]) -> Result<Self> {
        let Table::Cells(area) = &mut self.metrics.area else {
            return Err(Error::internal("a mesh without areas"));
        };
        if wet.len() != self.stored[0] * self.stored[1] {
            return Err(Error::internal("wet cells of another grid"));
        }
        for (c, area) in area.iter_mut().enumerate() {
            let at = self.places.as_ref().map_or(c, |[picked, _]| picked[c] as usize);
            if !wet[at] {
                *area = f64::NAN;
            }
        }
        self.metrics.is_strict = true;
        Ok(self)
    }

    /// With cells as land that are narrower than this share of the median: where nothing tells land
    /// from sea, models have cells of metres and less on land, which make a filter unstable or endless.
    /// Also how many of the file's cells these are, and how narrow the others may be.
    ///
    /// # Errors
    /// Internal, if areas are not of cells.
    pub fn without_slivers(mut self, share: f64) -> Result<(Self, usize, f64)> {
        let [rows, columns] = self.metrics.shape();
        let all: Vec<f64> =
            (0..rows * columns).map(|c| self.metrics.spacing(c / columns, c % columns)).collect();
        let mut sorted: Vec<f64> = all.iter().copied().filter(|s| s.is_finite()).collect();
        let middle = sorted.len() / 2;
        if sorted.is_empty() {
            return Ok((self, 0, 0.0));
        }
        let least = share * *sorted.select_nth_unstable_by(middle, f64::total_cmp).1;
        let Table::Cells(area) = &mut self.metrics.area else {
            return Err(Error::internal("a mesh without areas"));
        };
        area.iter_mut().zip(&all).filter(|(_, s)| **s < least).for_each(|(area, _)| *area = f64::NAN);
        let is_sliver = |at: usize| all[at] < least;
        let count = match &self.places {
            Some([_, homes]) => homes.iter().filter(|at| is_sliver(**at as usize)).count(),
            None => (0..all.len()).filter(|at| is_sliver(*at)).count(),
        };
        Ok((self, count, least))
    }

    /// Of the map times the areas of the file's cells, divided by them after. Cells without an area
    /// are as land.
    ///
    /// # Errors
    /// Internal, if there are not as many.
    pub fn weighted(self, areas: &[f64]) -> Result<Self> {
        let Self { metrics, stored, places } = self;
        let Metrics { rows, columns, east, north, area, edges, .. } = metrics;
        if areas.len() != stored[0] * stored[1] {
            return Err(Error::internal("areas of another grid"));
        }
        let at = |c: usize| places.as_ref().map_or(c, |[picked, _]| picked[c] as usize);
        let number = |c: usize| Some(areas[at(c)]).filter(|a| *a > 0.0 && a.is_finite());
        let weight = (0..rows * columns).map(|c| number(c).unwrap_or(f64::NAN)).collect();
        let weight = Some(Table::Cells(weight));
        let metrics = Metrics::checked([rows, columns], [east, north, area], weight, edges, true)?;
        Ok(Self { metrics, stored, places })
    }
}
