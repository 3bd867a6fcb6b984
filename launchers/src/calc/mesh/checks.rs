//! What is checked of variables and meshes before maps are read.

use super::options::Asked;
use super::what::{Axis, What};
use super::works::Recipe;
use crate::folding::FoldJob;
use crate::mesh::FoundMesh;
use crate::pairs;
use halocline_core::budget::refuse;
use halocline_core::grid::mesh::{Mesh, Point, Staggering};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// Refuses a map whose mesh does not fit, with `more` bytes for each cell.
pub(crate) fn room_for_mesh(job: &FoldJob<'_>, source: &Source, more: u64) -> Result<()> {
    /// Bytes of a cell: places, lengths and areas of four points, masks, and operators.
    const EACH: u64 = 8 * 32;
    let needed = more.saturating_add(EACH).saturating_mul(source.grid().len() as u64);
    if needed > job.budget.for_buffers(job.comm) {
        let all = job.budget.largest_base(job.comm).saturating_add(needed);
        return Err(refuse(all, job.budget, "choose a coarser grid"));
    }
    Ok(())
}

/// The dimensions in front of rows and columns.
pub(super) fn leading(source: &Source) -> Vec<Dim> {
    source.variable().dims.iter().filter(|d| !matches!(d.role, Role::Y | Role::X)).cloned().collect()
}

/// The level of map `k` of a window, in the counting of the source.
pub(crate) fn level_of(source: &Source, window: &IndexBox, k: usize) -> usize {
    let dims = &source.variable().dims;
    let Some(at) = dims.iter().position(|d| d.role == Role::Level) else { return 0 };
    let behind: usize = (at + 1..dims.len() - 2).map(|d| window.range(d).len()).product();
    window.range(at).start + k / behind.max(1) % window.range(at).len().max(1)
}

pub(super) fn check_plane(source: &Source) -> Result<()> {
    match source.grid().dims.as_slice() {
        [_, _] => Ok(()),
        _ => Err(Error::data("has no rows and columns")
            .remedy("choose a variable on a grid of two horizontal dimensions")),
    }
}

/// Refuses components at other times or levels.
pub(crate) fn check_pair(first: &Source, second: &Source) -> Result<()> {
    let lengths = |s: &Source| -> Vec<usize> { leading(s).iter().skip(1).map(|d| d.len).collect() };
    if lengths(first) != lengths(second) {
        return Err(Error::data(format!("has not the levels of `{}`", first.variable().name))
            .remedy("bring both components to as many levels"));
    }
    pairs::check_times(first, second)?;
    if let (Some(a), Some(b)) = (first.variable().units(), second.variable().units()) {
        if a != b {
            return Err(Error::data(format!(
                "its units are `{b}`, those of `{}` are `{a}`",
                first.variable().name
            ))
            .remedy("bring both to the same units first"));
        }
    }
    Ok(())
}

/// Refuses maps of another shape than the points that they are taken to stand on.
pub(super) fn check_shapes(recipe: &Recipe, mesh: &Mesh, sources: &[Source]) -> Result<()> {
    for (source, point) in sources.iter().zip(recipe.inputs()) {
        let wanted = mesh.shape(point);
        if source.grid().shape()[..] != wanted[..] {
            let own: Vec<String> = source.grid().shape().iter().map(ToString::to_string).collect();
            return Err(Error::data(format!(
                "is {} cells, and the mesh has {} x {} {} points",
                own.join(" x "),
                wanted[0],
                wanted[1],
                point.name()
            ))
            .in_variable(&source.variable().name)
            .remedy("bring both components to the shapes of their points, or name the mesh with --grid"));
        }
    }
    Ok(())
}

/// Where the first variable stands, and whether the operator is one of a C grid; that may be asked for.
pub(super) fn stands(
    asked: &Asked,
    found: &FoundMesh,
    points: &[Option<Point>],
    is_asked: bool,
) -> Result<(Point, bool)> {
    let (what, is_c) = (asked.what, found.mesh.staggering == Staggering::C);
    if what.is_of_vector() {
        return match (is_c, points) {
            (true, _) if found.model == "coordinates" => {
                Err(Error::usage("--staggering c needs the mesh that the components are on")
                    .remedy("name it with --grid"))
            }
            (true, _) if is_asked => Ok((Point::U, true)),
            (true, [Some(Point::T), Some(Point::T)]) | (false, _) => Ok((Point::T, false)),
            (true, [Some(Point::F), Some(Point::F)]) => {
                Err(Error::data("both components stand at corners (a B grid)")
                    .remedy("bring them to faces first, with `calc interp`"))
            }
            (true, _) => Ok((Point::U, true)),
        };
    }
    let at = asked.at.or(points[0]).unwrap_or(Point::T);
    let at = if is_c { at } else { Point::T };
    if what == What::Laplacian {
        if at != Point::T {
            return Err(Error::data("stands on faces or corners, and a Laplacian is of values at T points")
                .remedy("bring it to T points first, with `calc interp`"));
        }
        return Ok((Point::T, true));
    }
    let differs = matches!(what, What::Diff(_) | What::Interp(_));
    Ok((at, is_c || differs))
}

/// Refuses what would be missing everywhere: derivatives across a single row or column, and sums over
/// cells whose size nothing tells.
pub(super) fn check_sizes(recipe: &Recipe, mesh: &Mesh) -> Result<()> {
    let [rows, columns] = mesh.shape(recipe.at);
    let between = match recipe.what {
        What::Diff(Axis::X) | What::Interp(Axis::X) => columns == 1,
        What::Diff(Axis::Y) | What::Interp(Axis::Y) => rows == 1,
        _ => false,
    };
    if between {
        return Err(Error::usage("a single row or column has no neighbours to go between")
            .remedy("select more of them, or choose the other axis"));
    }
    let along = match recipe.what {
        What::Derivative(Axis::X) => [false, true],
        What::Derivative(Axis::Y) => [true, false],
        What::Gradient | What::Rotated | What::Divergence | What::Curl => [true, true],
        _ => [false, false],
    };
    if !recipe.is_staggered {
        let single = [(along[0] && rows == 1, "row", "north"), (along[1] && columns == 1, "column", "east")];
        if let Some((_, what, towards)) = single.into_iter().find(|(is_one, ..)| *is_one) {
            return Err(Error::usage(format!("a single {what} has no derivative towards {towards}"))
                .remedy(format!("select more {what}s, or take `calc derivative` along the other axis")));
        }
    }
    let points = match recipe.what {
        What::Area => vec![recipe.at],
        _ if recipe.is_staggered && recipe.what.divides_by_areas() => recipe.outputs(),
        _ => Vec::new(),
    };
    let unknown = |point: &Point| !mesh.area[point.index()].iter().any(|area| *area > 0.0);
    if points.iter().any(unknown) {
        let what = match mesh.cells {
            [1, _] => "a single row of cells without bounds has no area",
            [_, 1] => "a single column of cells without bounds has no area",
            _ => "nothing tells the areas of cells",
        };
        return Err(Error::data(what)
            .remedy("select more rows and columns, add bounds to the coordinates, or name a file of the mesh with --grid"));
    }
    Ok(())
}
