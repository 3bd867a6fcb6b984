//! First-order conservative weights: the share of a target cell that each source cell covers.
//!
//! y(k) = Σ x(i) A(i, k) / Σ A(i, k), A(i, k) being the area that the source cell i and the target
//! cell k share (Jones 1999, doi:10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2). Cells of
//! rectilinear grids are rectangles of parallels and meridians; all others are polygons of great
//! circles.

use super::axes::{overlaps, overlaps_on_circle, Overlap};
use super::cells::{Axes, Cells};
use super::polygon::{Polygon, Scratch};
use super::rectangle::{Rectangle, Room};
use super::tree::{extent, Boxes};
use super::vector::Place;
use super::{Made, Matrix};
use halocline_core::grid::CellEdges;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Overlaps that are a smaller share of a target cell are rounding of touching sides.
const TOUCHING: f64 = 1e-14;

/// What the northern and southern sides of the cells of rectilinear grids are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sides {
    /// Parallels, as in truth (and CDO).
    #[default]
    Parallels,
    /// Great circles between the corners, as ESMF takes them.
    GreatCircles,
}

/// Weights of target cells `targets`, and what share of each the source grid covers.
///
/// # Errors
/// Data, if a grid does not tell the corners of its cells.
pub fn conservative(from: &Cells, to: &Cells, sides: Sides, targets: Range<usize>) -> Result<Made> {
    if let (Some(from_axes), Some(to_axes)) = (&from.axes, &to.axes) {
        if let (Some(a), Some(b), Sides::Parallels) = (&from_axes.edges, &to_axes.edges, sides) {
            return of_rectangles((from_axes, a), (to_axes, b), targets);
        }
    }
    of_pieces(
        &Pieces::new(from, "source", sides, 0..from.len())?,
        &Pieces::new(to, "target", sides, targets)?,
    )
}

fn of_rectangles(from: (&Axes, &CellEdges), to: (&Axes, &CellEdges), targets: Range<usize>) -> Result<Made> {
    let sine = |lat: f64| lat.clamp(-90.0, 90.0).to_radians().sin();
    let rows = overlaps(&from.1.lat, &to.1.lat, sine);
    let across = overlaps_on_circle(&from.1.lon, &to.1.lon);
    let (ny, nx) = (from.0.lat.len() as u32, from.0.lon.len() as u32);
    let source = |j: u32, i: u32| if from.0.rows_first { j * nx + i } else { i * ny + j };
    let cell = |j: usize, i: usize| -> (Vec<(u32, f64)>, f64) {
        let [a, b] = to.1.lat[j].map(sine);
        let [w, e] = to.1.lon[i];
        let area = (b - a).abs() * (e - w).abs().min(360.0).to_radians();
        let pairs = |o: &Overlap| -> Vec<(u32, f64)> {
            across[i].iter().map(|p| (source(o.0, p.0), o.1 * p.1)).collect()
        };
        normalised(rows[j].iter().flat_map(pairs).collect(), area)
    };
    let inner = if to.0.rows_first { across.len() } else { rows.len() };
    let all: Vec<(Vec<(u32, f64)>, f64)> = targets
        .into_par_iter()
        .map(|c| {
            let (slow, fast) = (c / inner, c % inner);
            if to.0.rows_first {
                cell(slow, fast)
            } else {
                cell(fast, slow)
            }
        })
        .collect();
    made((ny * nx) as usize, all, [0, 0])
}

fn of_pieces(sources: &Pieces, targets: &Pieces) -> Result<Made> {
    let tree = Boxes::new(sources.shapes.iter().map(Shape::extent));
    let all: Vec<(Vec<(u32, f64)>, f64)> = targets
        .ranges
        .par_iter()
        .map_init(Default::default, |room: &mut (Scratch, Room), range| {
            let mut shared = Vec::new();
            let mut area = 0.0;
            for target in &targets.shapes[range.clone()] {
                area += target.area();
                let mut near = tree.touching(target.extent());
                // Whatever order the tree finds them in, sums are taken in that of cells.
                near.sort_unstable();
                for piece in near.into_iter().map(|p| p as usize) {
                    let area = sources.shapes[piece].shared_area(target, room);
                    if area > 0.0 {
                        shared.push((sources.owners[piece], area));
                    }
                }
            }
            normalised(shared, area)
        })
        .collect();
    made(sources.ranges.len(), all, [sources.crossed, targets.crossed])
}

/// Shared areas as shares of what is covered, and how much of the cell that is.
fn normalised(shared: Vec<(u32, f64)>, area: f64) -> (Vec<(u32, f64)>, f64) {
    let shared: Vec<(u32, f64)> = shared.into_iter().filter(|s| s.1 > TOUCHING * area).collect();
    let covered: f64 = shared.iter().map(|s| s.1).sum();
    if covered <= 0.0 {
        return (Vec::new(), 0.0);
    }
    (shared.into_iter().map(|(cell, a)| (cell, a / covered)).collect(), (covered / area).min(1.0))
}

fn made(columns: usize, all: Vec<(Vec<(u32, f64)>, f64)>, crossed: [usize; 2]) -> Result<Made> {
    let covered = all.iter().map(|row| row.1).collect();
    Ok(Made { matrix: Matrix::from_rows(columns, all.into_iter().map(|row| row.0))?, covered, crossed })
}

/// A cell, or a convex piece of it.
enum Shape {
    Polygon(Polygon),
    Rectangle(Rectangle),
}

impl Shape {
    fn area(&self) -> f64 {
        match self {
            Self::Polygon(polygon) => polygon.area(),
            Self::Rectangle(rectangle) => rectangle.area(),
        }
    }
    fn extent(&self) -> (Place, Place) {
        match self {
            Self::Polygon(polygon) => extent(polygon),
            Self::Rectangle(rectangle) => rectangle.extent(),
        }
    }
    fn shared_area(&self, other: &Self, room: &mut (Scratch, Room)) -> f64 {
        match (self, other) {
            (Self::Polygon(a), Self::Polygon(b)) => a.shared_area(b, &mut room.0),
            (Self::Polygon(a), Self::Rectangle(b)) | (Self::Rectangle(b), Self::Polygon(a)) => {
                b.shared_area(a, &mut room.1)
            }
            // Grids of rectangles are dealt with by rows and columns.
            (Self::Rectangle(_), Self::Rectangle(_)) => 0.0,
        }
    }
}

/// The cells of a grid, in convex pieces.
struct Pieces {
    shapes: Vec<Shape>,
    /// The cell that each is of.
    owners: Vec<u32>,
    /// The pieces of each cell; none of a cell without a place.
    ranges: Vec<Range<usize>>,
    /// Cells whose sides cross each other.
    crossed: usize,
}

impl Pieces {
    fn new(cells: &Cells, which: &str, sides: Sides, range: Range<usize>) -> Result<Self> {
        let (made, crossed) = match cells.axes.as_ref().and_then(|axes| Some((axes, axes.edges.as_ref()?))) {
            Some((axes, edges)) if sides == Sides::Parallels => {
                (range.map(|cell| rectangles(axes, edges, cell)).collect::<Vec<_>>(), 0)
            }
            _ => polygons(cells, which, range)?,
        };
        let ranges = Vec::with_capacity(made.len());
        let mut all = Self { shapes: Vec::new(), owners: Vec::new(), ranges, crossed };
        for (cell, pieces) in made.into_iter().enumerate() {
            let start = all.shapes.len();
            all.shapes.extend(pieces);
            all.owners.resize(all.shapes.len(), cell as u32);
            all.ranges.push(start..all.shapes.len());
        }
        Ok(all)
    }
}

fn rectangles(axes: &Axes, edges: &CellEdges, cell: usize) -> Vec<Shape> {
    let inner = if axes.rows_first { axes.lon.len() } else { axes.lat.len() };
    let (slow, fast) = (cell / inner, cell % inner);
    let (row, column) = if axes.rows_first { (slow, fast) } else { (fast, slow) };
    Rectangle::pieces(edges.lon[column], edges.lat[row]).into_iter().map(Shape::Rectangle).collect()
}

/// The cells as polygons, and how many of them have sides that cross each other.
fn polygons(cells: &Cells, which: &str, range: Range<usize>) -> Result<(Vec<Vec<Shape>>, usize)> {
    let of_grid = |e: Error| Error {
        message: format!("the {which} grid: {}", e.message),
        ..e.remedy("use --method bilinear, nearest or distance, or add bounds to the coordinates")
    };
    let corners = cells.grid.corners().map_err(of_grid)?;
    let width = (corners.len() / cells.len().max(1)).max(1);
    let corners = &corners[range.start * width..range.end * width];
    let made: Vec<Option<Vec<Polygon>>> = corners.par_chunks(width).map(Polygon::pieces).collect();
    let crossed = made.iter().filter(|p| p.is_none()).count();
    let shapes =
        |pieces: Option<Vec<Polygon>>| pieces.unwrap_or_default().into_iter().map(Shape::Polygon).collect();
    Ok((made.into_iter().map(shapes).collect(), crossed))
}
