//! The mesh that velocities are on, found as all commands find it, and where on it they stand.

use super::find;
use super::open::Primary;
use super::opening::Opening;
use super::places::Places;
use super::thickness::Thick;
use crate::mesh::{self, FoundMesh};
use halocline_algorithms::transport::{Stagger, VelocityMesh};
use halocline_core::grid::mesh::{Faces, Mesh, Point, Staggering, TopologyChoice};
use halocline_core::grid::{Grid, GridKind, EARTH_RADIUS};
use halocline_core::meta::Coordinate;
use halocline_core::{Error, Result};

impl Opening<'_> {
    /// The mesh, with velocities where they are, and the lengths that are asked for.
    pub(super) fn mesh(
        &mut self,
        places: &Places,
        (tracers, u): (&[usize], Option<usize>),
        thick: &Thick,
    ) -> Result<VelocityMesh> {
        let is_mass = matches!(thick, Thick::Unit);
        let found = self.of_file()?;
        if let Some(found) = &found {
            self.uses(found);
        }
        let cells = self.cells(tracers, thick)?;
        let (stagger, grid) = self.stagger(places, (cells, u), (found.as_ref(), thick))?;
        let mut mesh = match found {
            Some(found) => found.mesh,
            None => self.of_coordinates(&grid, stagger, u)?,
        };
        // Where they are tells which faces are kept, of a map with as many faces as cells.
        match (stagger, mesh.faces) {
            (Stagger::Behind, [Faces::Right, Faces::Right]) => mesh = mesh.with_faces([Faces::Left; 2]),
            (Stagger::Ahead, [Faces::Left, Faces::Left]) => mesh = mesh.with_faces([Faces::Right; 2]),
            _ => {}
        }
        self.asked_lengths(&mut mesh, stagger)?;
        let velocities = (self.needs.primary, u.is_some());
        check_lengths(&mesh, (!is_mass).then_some(self.needs.primary))?;
        check_shapes(&mesh, stagger, velocities, places.shape())?;
        let on = VelocityMesh::new(mesh, stagger);
        let columns = on.mesh.cells[1] - on.mesh.topology.columns;
        if columns > 0 {
            self.notes.push(format!("{columns} columns repeat others: they are left out"));
        }
        Ok(on)
    }

    /// The mesh of a file, if one tells lengths.
    pub(super) fn of_file(&self) -> Result<Option<FoundMesh>> {
        let (args, grid) = (self.args.grid(), self.sources[0].grid().clone());
        let asked = args.grid.is_some();
        let sets: Vec<_> = if asked {
            vec![&self.sets[self.own]]
        } else {
            self.sets.iter().filter(|set| mesh::has_lengths(set)).collect()
        };
        for set in sets {
            let found = mesh::find(self.job.comm, &args, set, &grid)?;
            if found.model != "coordinates" {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Notes that this mesh is used, and from where it is.
    pub(super) fn uses(&mut self, found: &FoundMesh) {
        self.files.extend(self.args.grid().files());
        let own = |line: &String| !["read: ", "C grid", "A grid"].iter().any(|word| line.starts_with(word));
        let about: Vec<String> = found.describe().into_iter().filter(own).collect();
        self.notes.push(format!("mesh: {}", about.join(", ")));
        for (which, name) in [("v", &found.names.dx[2]), ("u", &found.names.dy[1])] {
            self.notes.extend(name.iter().map(|name| format!("lengths of faces of {which}: {name}")));
        }
    }

    /// The mesh that coordinates give: cells on `grid`, faces where velocities themselves are.
    fn of_coordinates(&mut self, grid: &Grid, stagger: Stagger, u: Option<usize>) -> Result<Mesh> {
        let args = self.args.grid();
        let choice = args.topology().unwrap_or_default();
        let mut mesh = Mesh::of_grid(grid, choice, args.radius)?;
        self.notes.push(format!(
            "lengths of faces from coordinates, on a sphere of {} m; {}",
            args.radius,
            mesh.topology.describe(mesh.cells)
        ));
        if stagger == Stagger::Same {
            return Ok(mesh);
        }
        mesh.staggering = Staggering::C;
        if stagger == Stagger::Behind {
            mesh = mesh.with_faces([Faces::Left; 2]);
        }
        // Around its own points a face is as long as a cell there would be.
        let own = |k: usize| Mesh::of_grid(self.sources[k].grid(), choice, args.radius);
        let t = Point::T.index();
        let (v, u) = match self.needs.primary {
            Primary::U => (None, Some(0)),
            _ => (Some(0), u),
        };
        if let Some(v) = v {
            mesh.set_lengths(true, Point::V, own(v)?.dx[t].clone());
        }
        if let Some(u) = u {
            mesh.set_lengths(false, Point::U, own(u)?.dy[t].clone());
        }
        Ok(mesh)
    }

    /// Lengths that options name take the place of those of the mesh.
    pub(super) fn asked_lengths(&mut self, mesh: &mut Mesh, stagger: Stagger) -> Result<()> {
        let (args, comm, sets) = (self.args, self.job.comm, self.sets);
        for (along_x, asked) in [(true, &args.dx), (false, &args.dy)] {
            // Which faces of u are told is not known where it is not read.
            let is_wanted = along_x || self.needs.u || self.fit.is_none();
            let Some(asked) = asked.as_deref().filter(|_| is_wanted) else { continue };
            let point = match (stagger, along_x) {
                (Stagger::Same, _) => Point::T,
                (_, true) => Point::V,
                (_, false) => Point::U,
            };
            let [rows, columns] = mesh.shape(point);
            let lengths = [rows * columns, rows];
            let Some(found) = find::fixed(comm, sets, Some(asked), (&[], &lengths), &mut self.files)? else {
                continue;
            };
            let mut all = found.values.to_f64();
            if all.len() < rows * columns {
                all = all.iter().flat_map(|d| std::iter::repeat_n(*d, columns)).collect();
            }
            if let Some(bad) = all.iter().find(|d| **d < 0.0 || d.is_infinite()) {
                return Err(Error::data(format!("a length is {bad}")).in_variable(&found.name));
            }
            let which = if along_x { "v" } else { "u" };
            self.notes.push(format!("lengths of faces of {which}: {}", found.name));
            mesh.set_lengths(along_x, point, all);
        }
        Ok(())
    }

    /// The grid of something that is read at cells.
    fn cells(&self, tracers: &[usize], thick: &Thick) -> Result<Option<(Places, Grid)>> {
        let of_thickness = match thick {
            Thick::Read { v, at_cells: true, .. } => Some(*v),
            _ => None,
        };
        let known = tracers.first().copied().or(of_thickness).map(|k| &self.sources[k]);
        known.map(|source| Ok((Places::of(source)?, source.grid().clone()))).transpose()
    }

    /// Where velocities are, and the grid of cells: as asked for, else as coordinates of something at
    /// cells tell, else as the mesh has it.
    fn stagger(
        &mut self,
        places: &Places,
        (mut known, u): (Option<(Places, Grid)>, Option<usize>),
        (found, thick): (Option<&FoundMesh>, &Thick),
    ) -> Result<(Stagger, Grid)> {
        let own = self.sources[0].grid().clone();
        if let Some(found) = found.filter(|f| f.names.lat[0].is_some() && f.mesh.cells == places.shape()) {
            let t = Point::T.index();
            let (lat, lon) = (found.mesh.lat[t].clone(), found.mesh.lon[t].clone());
            known = known.or(Some((Places { lat, lon, ..places.clone() }, own.clone())));
        }
        if known.is_none() {
            known = self.beside(places.shape())?;
        }
        if let (None, Some(u)) = (&known, u) {
            // At the latitudes of u and the longitudes of v.
            let of_u = self.sources[u].grid();
            let grid = Grid { lat: of_u.lat.clone(), edges: None, ..own.clone() };
            let lat = Places::of(&self.sources[u])?.lat;
            known = Some((Places { lat, ..places.clone() }, grid));
        }
        let asked = self.args.asked_stagger();
        let at_cells =
            matches!(thick, Thick::Read { at_cells: true, .. } | Thick::Fixed { at_cells: true, .. });
        let by_mesh = found.map(|found| match (found.mesh.staggering, found.mesh.faces[0]) {
            (Staggering::A, _) => Stagger::Same,
            (Staggering::C, Faces::Left) => Stagger::Behind,
            (Staggering::C, _) => Stagger::Ahead,
        });
        if known.is_none() && by_mesh.is_none() && asked.is_none() && at_cells {
            return Err(Error::data(
                "nothing tells whether velocities are in the middle of cells or on faces",
            )
            .remedy("say so with --stagger, or add a file of temperature"));
        }
        let told = known.as_ref().and_then(|(cells, _)| match self.needs.primary {
            Primary::U => {
                let west = cells.west();
                places.turned(west).beside(&cells.turned(west))
            }
            _ => places.beside(cells),
        });
        let is_known = known.is_some() || by_mesh.is_some();
        let grid = match (asked.or(told), known) {
            (Some(Stagger::Same), _) | (_, None) => own,
            (_, Some((_, grid))) => grid,
        };
        // Nothing is at cells, then: rows of velocities are as good as cells of their own.
        let stagger = asked.or(told).or(by_mesh).unwrap_or(Stagger::Same);
        let how = if asked.is_none() && told.is_none() && is_known { " (as the mesh has it)" } else { "" };
        let text = match stagger {
            Stagger::Same => "in the middle of cells",
            Stagger::Ahead => "on faces, ahead of cells",
            Stagger::Behind => "on faces, behind cells",
        };
        if is_known || asked.is_some() {
            self.notes.push(format!("velocities are {text}{how}"));
        }
        Ok((stagger, grid))
    }
}

/// Refuses lengths of faces that can't be, and those of faces of `needed` if none is known.
pub(super) fn check_lengths(mesh: &Mesh, needed: Option<Primary>) -> Result<()> {
    let (all, option) = match needed {
        Some(Primary::U) => (&mesh.dy[Point::U.index()], "--dy"),
        _ => (&mesh.dx[Point::V.index()], "--dx"),
    };
    if matches!(needed, Some(Primary::V | Primary::U)) && all.iter().all(|d| d.is_nan()) {
        return Err(Error::data(
            "the lengths of its faces are not known: it has one row or column only, or its coordinates are missing",
        )
        .remedy(format!("name them, in metres, with {option}")));
    }
    let mut lengths = mesh.dx[Point::V.index()].iter().chain(&mesh.dy[Point::U.index()]);
    match lengths.find(|d| **d < 0.0 || d.is_infinite()) {
        None => Ok(()),
        Some(bad) => Err(Error::data(format!("a length of the mesh is {bad}"))
            .remedy("correct it, or name others with --dx and --dy")),
    }
}

/// Refuses velocities that are not on all points of the mesh of their kind.
fn check_shapes(mesh: &Mesh, stagger: Stagger, (primary, u): (Primary, bool), own: [usize; 2]) -> Result<()> {
    let v = (primary == Primary::V).then_some(Point::V);
    let u = (u || primary == Primary::U).then_some(Point::U);
    for point in v.into_iter().chain(u) {
        let point = if stagger == Stagger::Same { Point::T } else { point };
        let [rows, columns] = mesh.shape(point);
        if [rows, columns] != own {
            return Err(Error::data(format!(
                "has {} x {} points, the mesh {rows} x {columns} {} points",
                own[0],
                own[1],
                point.name()
            ))
            .remedy("name velocities on the points of the mesh, or where they are with --stagger"));
        }
    }
    Ok(())
}

/// Latitudes and longitudes of where a barotropic streamfunction stands: at the ends of the faces of
/// `u`, or of `v`, that are ahead, of velocities behind their cells at those behind. Where the mesh has
/// no corner, as in front of its first row, half a step from the velocities, which are on `grid`.
pub(in crate::transport) fn ends(on: &VelocityMesh, of_u: bool, grid: &Grid) -> Result<[Vec<f64>; 2]> {
    let mesh = &on.mesh;
    let (dj, di) = if of_u { (1, 0) } else { (0, 1) };
    let (kind, side) = if of_u { (Point::U, Point::V) } else { (Point::V, Point::U) };
    let (own, end) = if on.stagger == Stagger::Same { (Point::T, side) } else { (kind, Point::F) };
    let around = Mesh::of_grid(grid, TopologyChoice::Regional, EARTH_RADIUS)?;
    let ([rows, columns], [top, left]) = (mesh.shape(own), mesh.start(own));
    let behind = isize::from(on.stagger == Stagger::Behind);
    let at = |mesh: &Mesh, point: Point, j: isize, i: isize| -> Option<[f64; 2]> {
        let (k, _) = mesh.place(point, j, i)?;
        let place = [*mesh.lat[point.index()].get(k)?, *mesh.lon[point.index()].get(k)?];
        place.iter().all(|x| x.is_finite()).then_some(place)
    };
    let place = |k: usize| -> [f64; 2] {
        let (row, column) = ((k / columns) as isize, (k % columns) as isize);
        let (back_j, back_i) = (behind * dj, behind * di);
        at(mesh, end, top + row - back_j, left + column - back_i)
            .or_else(|| at(&around, side, row - back_j, column - back_i))
            .or_else(|| {
                let middle = at(&around, Point::T, row, column)?;
                let other = at(&around, side, row, column)?;
                let turn = |d: f64| d - 360.0 * (d / 360.0).round();
                let lat = (2.0 * middle[0] - other[0]).clamp(-90.0, 90.0);
                Some([lat, middle[1] + turn(middle[1] - other[1])])
            })
            .unwrap_or([f64::NAN; 2])
    };
    let all: Vec<[f64; 2]> = (0..rows * columns).map(place).collect();
    Ok([0, 1].map(|d| all.iter().map(|p| p[d]).collect()))
}

/// The coordinates of a grid moved to other places.
pub(in crate::transport) fn moved(grid: &Grid, [lat, lon]: &[Vec<f64>; 2]) -> [Option<Coordinate>; 2] {
    let columns = grid.dims.last().map_or(1, |d| d.len);
    let of = |coordinate: &Option<Coordinate>, values: &[f64], along_x: bool| {
        let mut moved = coordinate.clone()?;
        let values = match (grid.kind, along_x) {
            (GridKind::Rectilinear, true) => values[..columns].to_vec(),
            (GridKind::Rectilinear, false) => values.iter().step_by(columns).copied().collect(),
            _ => values.to_vec(),
        };
        moved.variable.dtype = halocline_core::meta::DType::F64;
        moved.variable.attributes.remove("bounds");
        moved.values = halocline_core::meta::Values::F64(values);
        moved.bounds = None;
        Some(moved)
    };
    [of(&grid.lat, lat, false), of(&grid.lon, lon, true)]
}
