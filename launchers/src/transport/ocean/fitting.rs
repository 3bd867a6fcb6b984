//! Inputs whose velocities are on other faces than one for each cell (ROMS, MOM6 with symmetric memory):
//! how that is found, and the mesh of their cells.

use super::find::{self, Found};
use super::fit::Fit;
use super::open::Primary;
use super::opening::Opening;
use super::places::Places;
use super::thickness::{Thick, AT_CELLS, AT_V};
use halocline_algorithms::transport::{Stagger, VelocityMesh};
use halocline_core::grid::mesh::{Faces, Mesh, Point, Staggering};
use halocline_core::grid::Grid;
use halocline_core::meta::{Role, Variable};
use halocline_core::{Error, Result};
use halocline_io::Dataset;

/// Rows and columns; `None` if the last two dimensions are others.
fn ground(variable: &Variable) -> Option<[usize; 2]> {
    match variable.dims.as_slice() {
        [.., y, x] if y.role == Role::Y && x.role == Role::X => Some([y.len, x.len]),
        _ => None,
    }
}

impl Opening<'_> {
    fn shape_of(&self, found: &Found) -> Result<Option<[usize; 2]>> {
        Ok(ground(&self.sets[found.set].variable(&found.name)?.variable))
    }

    /// How velocities are brought to cells, where these have other rows or columns: v has this shape.
    pub(super) fn find_fit(&mut self, v: [usize; 2], u: Option<&Found>) -> Result<Option<Fit>> {
        match self.needs.primary {
            Primary::V => {}
            Primary::U => return self.check_columns(v).map(|()| None),
            Primary::Temperature | Primary::Salinity => return Ok(None),
        }
        let u = u.map(|u| self.shape_of(u)).transpose()?.flatten();
        let cells = match u {
            Some(u) => Some([u[0], v[1]]),
            None => self.beside_shape()?,
        };
        let fit = cells.and_then(|cells| Fit::of(cells, v, u)).filter(|fit| !fit.is_plain());
        let Some(fit) = fit else { return Ok(None) };
        if let Some(Stagger::Same | Stagger::Behind) = self.args.asked_stagger() {
            return Err(Error::usage(
                "--stagger is of velocities of the shape of cells, these are on faces of another number",
            )
            .remedy("leave --stagger out"));
        }
        let [rows, columns] = fit.cells;
        let [y, x] = fit.faces.map(Faces::name);
        let of_u = if u.is_some() { format!("u on {x} faces, ") } else { String::new() };
        self.notes.push(format!("{rows} x {columns} cells, {of_u}v on {y} faces"));
        Ok(Some(fit))
    }

    /// Refuses a velocity along rows alone, of this shape, on faces of another number than cells.
    fn check_columns(&self, u: [usize; 2]) -> Result<()> {
        let turned = |[rows, columns]: [usize; 2]| [columns, rows];
        let fit = self.beside_shape()?.and_then(|cells| Fit::of(turned(cells), turned(u), None));
        match fit.filter(|fit| !fit.is_plain()) {
            None => Ok(()),
            Some(fit) => Err(unfit(turned(fit.cells))),
        }
    }

    /// Rows and columns of what is needed at cells: of tracers, of a thickness, or of a mesh.
    fn beside_shape(&self) -> Result<Option<[usize; 2]>> {
        let tracers = [
            (self.needs.temperature, &self.args.thetao, find::TEMPERATURE),
            (self.needs.salinity, &self.args.so, find::SALINITY),
        ];
        for (_, asked, what) in tracers.iter().filter(|(is_needed, ..)| *is_needed) {
            if let Some(found) = find::field(self.sets, asked.as_deref(), what, self.is_timed())? {
                return self.shape_of(&found);
            }
        }
        let first = self.sources[0].variable();
        let levels = |v: &Variable| v.dims.iter().find(|d| d.role == Role::Level).map(|d| d.len);
        let all = || self.sets.iter().flat_map(Dataset::variables);
        let asked = self.args.thickness.as_deref();
        let mut names = asked.iter().copied().chain(AT_CELLS.into_iter().filter(|_| asked.is_none()));
        let found = names.find_map(|name| {
            let info = all().find(|info| info.variable.name == name)?;
            ground(&info.variable).filter(|_| levels(&info.variable) == levels(first))
        });
        match found {
            Some(cells) => Ok(Some(cells)),
            None => Ok(self.of_file()?.map(|found| found.mesh.cells)),
        }
    }

    /// Refuses a thickness at the points of v that is not told at cells, and would be passed over.
    pub(super) fn check_thickness(&self, fit: &Fit, thick: &Thick) -> Result<()> {
        if !matches!(thick, Thick::Layers) {
            return Ok(());
        }
        let own = fit.shape(Point::V);
        let is_it = |v: &Variable| {
            AT_V.contains(&v.name.as_str())
                && ground(v) == Some(own)
                && v.dims.iter().any(|d| d.role == Role::Level && d.len > 1)
        };
        match self.sets.iter().flat_map(Dataset::variables).find(|info| is_it(&info.variable)) {
            None => Ok(()),
            Some(info) => {
                Err(Error::data("is a thickness at the points of v, which have not the shape of cells")
                    .in_variable(&info.variable.name)
                    .remedy("name that of cells with --thickness"))
            }
        }
    }

    /// The mesh of the cells, with the face behind each.
    pub(super) fn fitted_mesh(
        &mut self,
        fit: &Fit,
        (tracers, u): (&[usize], Option<usize>),
        is_mass: bool,
    ) -> Result<VelocityMesh> {
        let found = self.of_file()?;
        let is_named = self.args.grid().grid.is_some();
        if let Some(found) = found.as_ref().filter(|found| is_named && found.mesh.cells != fit.cells) {
            let ([rows, columns], [all_rows, all_columns]) = (fit.cells, found.mesh.cells);
            return Err(Error::data(format!(
                "is on faces of {rows} x {columns} cells, the mesh of --grid has {all_rows} x {all_columns}"
            ))
            .remedy("name the mesh of these cells, or cut it to the same rows and columns"));
        }
        let mut mesh = match found.filter(|found| found.mesh.cells == fit.cells) {
            Some(found) => {
                self.uses(&found);
                found.mesh.with_faces(fit.faces)
            }
            None => self.of_centres(fit, tracers, u)?,
        };
        self.check_faces(fit, &mesh, u)?;
        mesh.staggering = Staggering::C;
        self.asked_lengths(&mut mesh, Stagger::Ahead)?;
        super::mesh::check_lengths(&mesh, (!is_mass).then_some(Primary::V))?;
        Ok(VelocityMesh::new(mesh.with_faces([Faces::Right; 2]), Stagger::Ahead))
    }

    /// Refuses velocities whose number fits to that of cells, and which are elsewhere.
    fn check_faces(&self, fit: &Fit, mesh: &Mesh, u: Option<usize>) -> Result<()> {
        let t = Point::T.index();
        let velocities = [(0, Point::V)].into_iter().chain(u.map(|u| (u, Point::U)));
        for (source, point) in velocities.map(|(k, point)| (&self.sources[k], point)) {
            let places = Places::of(source)?;
            // Faces are where 0 is; half a step are centres, a whole one is the next row or column.
            if fit.off(point, [&mesh.lat[t], &mesh.lon[t]], &places).is_some_and(|off| off > 0.3) {
                let error = Error::data("does not stand on the faces between the cells of its mesh")
                    .in_variable(&source.variable().name)
                    .remedy("cut velocities and cells to the same rows and columns");
                return Err(match source.files().first() {
                    Some(file) => error.in_file(&file.path),
                    None => error,
                });
            }
        }
        Ok(())
    }

    /// Latitudes and longitudes of the centres of cells; `own`: of the primary variable.
    pub(super) fn places_of_cells(
        &mut self,
        on: Option<&VelocityMesh>,
        tracers: &[usize],
        own: &Places,
    ) -> Result<[Vec<f64>; 2]> {
        let lacks = || {
            Error::data("nothing tells where the centres of cells are, by which basins are taken")
                .remedy("add a file of temperature, or name a file of the mesh with --grid")
        };
        let Some(on) = on else { return Ok([own.lat.clone(), own.lon.clone()]) };
        let (t, cells) = (Point::T.index(), self.fit.map_or(own.shape(), |fit| fit.cells));
        if on.mesh.lat[t].len() == cells[0] * cells[1] {
            return Ok([on.mesh.lat[t].clone(), on.mesh.lon[t].clone()]);
        }
        if let Some(fit) = self.fit {
            let grid = self.centres(&fit, tracers)?.ok_or_else(lacks)?;
            return Ok([grid.latitudes().ok_or_else(lacks)?, grid.longitudes().ok_or_else(lacks)?]);
        }
        if on.stagger == Stagger::Same {
            return Ok([own.lat.clone(), own.lon.clone()]);
        }
        let (places, _) = self.beside(cells)?.ok_or_else(lacks)?;
        Ok([places.lat, places.lon])
    }

    /// The mesh that centres of cells give, faces where velocities themselves are.
    fn of_centres(&mut self, fit: &Fit, tracers: &[usize], u: Option<usize>) -> Result<Mesh> {
        let args = self.args.grid();
        let choice = args.topology().unwrap_or_default();
        let grid = self.centres(fit, tracers)?.ok_or_else(|| {
            Error::data("nothing tells where cells are, velocities are on faces between them")
                .remedy("add a file of temperature, or name a file of the mesh with --grid")
        })?;
        let mesh = Mesh::of_grid(&grid, choice, args.radius)?;
        self.notes.push(format!(
            "lengths of faces from coordinates, on a sphere of {} m; {}",
            args.radius,
            mesh.topology.describe(mesh.cells)
        ));
        let mut mesh = mesh.with_faces(fit.faces);
        // Around its own points a face is as long as a cell there would be.
        let own = |k: usize| Mesh::of_grid(self.sources[k].grid(), choice, args.radius);
        let t = Point::T.index();
        mesh.set_lengths(true, Point::V, own(0)?.dx[t].clone());
        if let Some(u) = u {
            mesh.set_lengths(false, Point::U, own(u)?.dy[t].clone());
        }
        Ok(mesh)
    }

    /// The grid of something at cells: a tracer, also one that is not read, a thickness, or latitudes and
    /// longitudes by their names.
    fn centres(&mut self, fit: &Fit, tracers: &[usize]) -> Result<Option<Grid>> {
        if let Some(&k) = tracers.first() {
            return Ok(Some(self.sources[k].grid().clone()));
        }
        if let Some((_, grid)) = self.beside(fit.cells)? {
            return Ok(Some(grid));
        }
        let length = [fit.cells[0] * fit.cells[1]];
        let (comm, sets) = (self.job.comm, self.sets);
        let lat = find::fixed(comm, sets, None, (&LATITUDES, &length), &mut self.files)?;
        let lon = find::fixed(comm, sets, None, (&LONGITUDES, &length), &mut self.files)?;
        let dims = self.dims_of(fit.cells);
        Ok(lat.zip(lon).zip(dims).map(|((lat, lon), [y, x])| super::opening::placed([&y, &x], [lat, lon]).1))
    }

    /// Dimensions of rows and columns of cells.
    fn dims_of(&self, [rows, columns]: [usize; 2]) -> Option<[halocline_core::meta::Dim; 2]> {
        let first = self.sources[0].variable();
        let [.., y, x] = first.dims.as_slice() else { return None };
        let of =
            |dim: &halocline_core::meta::Dim, len: usize| halocline_core::meta::Dim { len, ..dim.clone() };
        Some([of(y, rows), of(x, columns)])
    }

    /// Where the rows are along which v crosses.
    pub(super) fn row_places(fit: &Fit, places: &Places) -> Places {
        let [down, _] = fit.shift(Point::V);
        let from = down * places.columns;
        Places {
            rows: places.rows - down,
            columns: places.columns,
            lat: places.lat[from..].to_vec(),
            lon: places.lon[from..].to_vec(),
        }
    }
}

/// Of velocities that would have to be brought to cells of another number.
pub(in crate::transport) fn unfit([rows, columns]: [usize; 2]) -> Error {
    Error::data(format!("is on faces of another number than the {rows} x {columns} cells beside it"))
        .remedy("a streamfunction needs one face for each cell: cut velocities and cells to the same number")
}

/// What coordinates of the centres of cells are called.
const LATITUDES: [&str; 5] = ["lat_rho", "geolat", "nav_lat", "gphit", "YC"];
const LONGITUDES: [&str; 5] = ["lon_rho", "geolon", "nav_lon", "glamt", "XC"];
