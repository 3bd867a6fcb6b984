//! The mesh that was found, and what is known of its levels.

use super::fill::Files;
use super::names::Names;
use super::{file, supergrid, tables, GridArgs};
use halocline_core::comm::Comm;
use halocline_core::grid::mesh::{recognise, Faces, Mesh, Parts, Point, Staggering, TopologyChoice};
use halocline_core::grid::Grid;
use halocline_core::{Error, Result};
use halocline_io::dataset::{open_with, Dataset};
use halocline_io::OpenOptions;
use std::path::Path;

/// A mesh, and where it comes from.
pub(crate) struct FoundMesh {
    /// In the plane of the map.
    pub(crate) mesh: Mesh,
    /// Whose names it was recognised by: `NEMO`, `MOM6`, `MITgcm`, `ROMS`, `CMIP`, `grid.toml`, or
    /// `coordinates`.
    pub(crate) model: String,
    /// The file that it was read from.
    pub(crate) file: String,
    /// What was read, one line each, as in `dx at u: e1u`.
    pub(crate) read: Vec<String>,
    /// The variables of the mesh.
    pub(crate) names: Names,
    files: Vec<Dataset>,
}

/// Finds the mesh of a variable on `grid`, of `dataset`: in the file that `--grid` names; else in the
/// data set itself, if that holds one by the names of a model; else from the coordinates.
///
/// # Collective
/// Every rank calls this; one reads.
///
/// # Errors
/// Usage and data, if `--grid` names no mesh, or its variables don't fit each other or the grid.
pub(crate) fn find(comm: &Comm, args: &GridArgs, dataset: &Dataset, grid: &Grid) -> Result<FoundMesh> {
    args.check()?;
    let (mut choice, mut names, mut files) = (args.topology(), None, Vec::new());
    if let Some(path) = &args.grid {
        let paths = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
            let described = comm.agree(file::read(path).map_err(|e| e.in_file(path)))?;
            choice = choice.or(described.topology);
            names = Some(described.names);
            described.files
        } else {
            vec![path.display().to_string()]
        };
        for path in paths {
            files.push(open_with(comm, &[path], OpenOptions { ensemble: false, ..dataset.options() })?);
        }
    }
    let choice = choice.unwrap_or_default();
    let of_input = files.is_empty();
    let all: Vec<&Dataset> = if of_input { vec![dataset] } else { files.iter().collect() };
    let is_super = names.is_none() && supergrid::is_one(all[0]);
    let mut names = names.or_else(|| tables::recognise(all[0]));
    if is_super {
        names = Some(Names { model: "MOM6 supergrid".into(), ..Names::default() });
    }
    if names.is_none() && !of_input {
        return Err(Error::data("is no mesh by the names of NEMO, MOM6, MITgcm, ROMS or CMIP")
            .in_file(args.grid.as_deref().unwrap_or(Path::new("")))
            .remedy("describe it: --grid grid.toml, with the names of its variables"));
    }
    let shared = Files(all);
    let made =
        comm.on_root(|| make(&shared, names.as_ref(), (is_super, of_input), grid, (choice, args.radius)));
    let blame = |e: Error| match (&args.grid, &e.file) {
        (Some(path), None) => e.in_file(path),
        _ => e,
    };
    let (mut mesh, is_read) = made.map_err(blame)?;
    if let Some(staggering) = args.staggering() {
        mesh.staggering = staggering;
    }
    let file = shared.0.first().and_then(|d| d.files().first()).map_or_else(String::new, |f| f.path.clone());
    let names = names
        .filter(|_| is_read)
        .unwrap_or_else(|| Names { model: "coordinates".into(), ..Names::default() });
    Ok(FoundMesh { mesh, model: names.model.clone(), file, read: names.listed(), names, files })
}

/// The mesh, and whether anything of it was read by names.
fn make(
    files: &Files<'_>,
    names: Option<&Names>,
    (is_super, of_input): (bool, bool),
    grid: &Grid,
    (choice, radius): (TopologyChoice, f64),
) -> Result<(Mesh, bool)> {
    let Some(names) = names else { return Ok((Mesh::of_grid(grid, choice, radius)?, false)) };
    let own_plane = names.lat[0].is_some() && names.lon[0].is_some();
    let has_lengths = names.dx.iter().chain(&names.dy).any(Option::is_some);
    if is_super || own_plane || has_lengths {
        let parts = if is_super { supergrid::parts(files) } else { files.parts(names) };
        // Of the input itself a mesh of other cells than the variable's is none of it.
        let fits = |parts: &Parts| fitting(parts.cells, parts.faces, grid).is_some();
        match parts {
            Ok(parts) if fits(&parts) || !of_input => {
                return whole(parts, grid, (choice, radius)).map(|m| (m, true))
            }
            Err(e) if !of_input => return Err(e),
            _ => return Ok((Mesh::of_grid(grid, choice, radius)?, false)),
        }
    }
    // Areas, masks and the like for a grid that coordinates give.
    let mut mesh = Mesh::of_grid(grid, choice, radius)?;
    let parts = match files.parts(names) {
        Ok(parts) if parts.cells == mesh.cells => parts,
        Ok(_) | Err(_) if of_input => return Ok((mesh, false)),
        Ok(parts) => return Err(other_cells(parts.cells, grid)),
        Err(e) => return Err(e),
    };
    let t = Point::T.index();
    if !parts.area[t].is_empty() {
        mesh.area[t].clone_from(&parts.area[t]);
    }
    if let Some(wet) = &parts.mask[t] {
        mesh.set_wet(wet.clone());
    }
    mesh.depth = parts.depth;
    mesh.staggering = names.staggering.unwrap_or(Staggering::A);
    Ok((mesh, true))
}

/// The mesh that parts make, with the faces that the variable's file keeps.
fn whole(mut parts: Parts, grid: &Grid, (choice, radius): (TopologyChoice, f64)) -> Result<Mesh> {
    let faces = fitting(parts.cells, parts.faces, grid).ok_or_else(|| other_cells(parts.cells, grid))?;
    let t = Point::T.index();
    if (parts.lat[t].is_empty() || parts.lon[t].is_empty()) && grid.shape() == parts.cells {
        (parts.lat[t], parts.lon[t]) =
            (grid.latitudes().unwrap_or_default(), grid.longitudes().unwrap_or_default());
    }
    let topology = recognise(parts.cells, &parts.lat[t], &parts.lon[t], choice)?;
    if topology.is_folded() && parts.faces[0] == Faces::Left {
        return Err(Error::usage("a map that keeps the faces in front of its rows has no north fold")
            .remedy("use --topology periodic"));
    }
    Ok(parts.into_mesh(topology, radius)?.with_faces(faces))
}

/// The faces with which cells have the shape of a variable's grid at some point: those of the mesh,
/// else others.
fn fitting(cells: [usize; 2], own: [Faces; 2], grid: &Grid) -> Option<[Faces; 2]> {
    let [rows, columns] = grid.shape()[..] else { return None };
    let along = |n: usize, axis: usize| {
        let all = [own[axis], Faces::Right, Faces::Outer, Faces::Inner];
        if n == cells[axis] {
            // Whether such a variable stands on cells or on as many faces does not show.
            return Some(own[axis]);
        }
        all.into_iter().find(|f| f.count(cells[axis]) == n)
    };
    Some([along(rows, 0)?, along(columns, 1)?])
}

fn other_cells([rows, columns]: [usize; 2], grid: &Grid) -> Error {
    let own: Vec<String> = grid.shape().iter().map(ToString::to_string).collect();
    Error::data(format!("the mesh has {rows} x {columns} cells, the variable {}", own.join(" x ")))
        .remedy("name the mesh of the same map, and select no --box with it")
}

impl FoundMesh {
    /// The point that variables on `grid` stand on, by shape and, where several are as large, by
    /// latitudes and longitudes; `None` if these tell nothing.
    pub(crate) fn point_of(&self, grid: &Grid) -> Option<Point> {
        let shape = grid.shape();
        let candidates: Vec<Point> =
            Point::ALL.into_iter().filter(|p| self.mesh.shape(*p)[..] == shape[..]).collect();
        if let [only] = candidates[..] {
            return Some(only);
        }
        let (lat, lon) = (grid.latitudes()?, grid.longitudes()?);
        let off = |point: &Point| self.mesh.off(*point, &lat, &lon);
        let best = candidates.into_iter().map(|p| (off(&p), p)).min_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 < 0.1).then_some(best.1)
    }

    /// What is known of it, one line each.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mesh = &self.mesh;
        let [rows, columns] = mesh.cells;
        let staggering = match mesh.staggering {
            Staggering::A => "A grid (vectors stand with tracers)".to_owned(),
            Staggering::C => {
                let [y, x] = mesh.faces.map(Faces::name);
                let faces = if x == y { x.to_owned() } else { format!("{x} along x, {y} along y") };
                format!("C grid, points t, u, v, f; faces {faces}")
            }
        };
        let mut lines = vec![
            format!("{rows} x {columns} cells, by {} of {}", self.by(), self.file),
            staggering,
            mesh.topology.describe(mesh.cells),
        ];
        if !self.read.is_empty() {
            lines.push(format!("read: {}", self.read.join(", ")));
        }
        lines.extend(mesh.computed.iter().map(|line| format!("computed: {line}")));
        if let Some(wet) = &mesh.mask[Point::T.index()] {
            let counted = mesh.counted(Point::T);
            let n = wet.iter().zip(&counted).filter(|(w, c)| **w && **c).count();
            lines.push(format!(
                "{n} of {} cells are wet at the surface",
                counted.iter().filter(|c| **c).count()
            ));
        }
        lines
    }
    fn by(&self) -> String {
        if self.read.is_empty() && self.model == "coordinates" {
            "coordinates".to_owned()
        } else {
            format!("the names of {}", self.model)
        }
    }

    /// The thickness of cells of a level at a point, or of the level: by the names of the mesh, where
    /// they don't vary in time. Not collective.
    ///
    /// # Errors
    /// Data, if it has not so many levels, or another shape; what reading reports.
    pub(crate) fn thickness(
        &self,
        dataset: &Dataset,
        point: Point,
        level: usize,
    ) -> Result<Option<Vec<f64>>> {
        let Some(name) = &self.names.thickness[point.index()] else { return Ok(None) };
        self.level(dataset, name, point, level).map(Some)
    }
    /// How many levels the thickness at a point has. Not collective.
    ///
    /// # Errors
    /// What reading reports.
    pub(crate) fn thickness_levels(&self, dataset: &Dataset, point: Point) -> Result<usize> {
        let name = self.names.thickness[point.index()].as_ref();
        name.map_or(Ok(0), |name| self.shared(dataset).depth_of(name))
    }
    /// The thickness of all levels, where it is the same everywhere. Not collective.
    ///
    /// # Errors
    /// What reading reports.
    pub(crate) fn layers(&self, dataset: &Dataset) -> Result<Option<Vec<f64>>> {
        self.names.layers.as_ref().map(|name| self.shared(dataset).line(name)).transpose()
    }
    /// Depths of the centres of levels. Not collective.
    ///
    /// # Errors
    /// What reading reports.
    pub(crate) fn levels(&self, dataset: &Dataset) -> Result<Option<Vec<f64>>> {
        self.names.levels.as_ref().map(|name| self.shared(dataset).line(name)).transpose()
    }
    /// How many levels the mask of T points has, or that of others; 1 if it has none.
    ///
    /// # Errors
    /// What reading reports.
    pub(crate) fn mask_levels(&self, dataset: &Dataset) -> Result<usize> {
        let name = self.names.mask.iter().flatten().next();
        name.map_or(Ok(1), |name| self.shared(dataset).depth_of(name))
    }
    /// Whether points are wet at a level. Not collective.
    ///
    /// # Errors
    /// As of [`Self::thickness`].
    pub(crate) fn wet(&self, dataset: &Dataset, point: Point, level: usize) -> Result<Option<Vec<bool>>> {
        let Some(name) = &self.names.mask[point.index()] else {
            return Ok(self.mesh.mask[point.index()].clone());
        };
        let files = self.shared(dataset);
        if files.depth_of(name)? <= 1 {
            return Ok(self.mesh.mask[point.index()].clone());
        }
        let values = self.level(dataset, name, point, level)?;
        Ok(Some(values.iter().map(|v| *v != 0.0 && v.is_finite()).collect()))
    }
    fn level(&self, dataset: &Dataset, name: &str, point: Point, level: usize) -> Result<Vec<f64>> {
        let plane = self.shared(dataset).plane(name, level)?;
        if plane.shape[..] != self.mesh.shape(point)[..] {
            return Err(Error::data("has not the shape of the mesh").in_file(&self.file).in_variable(name));
        }
        Ok(plane.values)
    }
    fn shared<'d>(&'d self, dataset: &'d Dataset) -> Files<'d> {
        Files(if self.files.is_empty() { vec![dataset] } else { self.files.iter().collect() })
    }
}
