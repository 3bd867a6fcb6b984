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
        if self.needs.primary != Primary::V {
            return Ok(None);
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

    /// Rows and columns of what is needed at cells: of tracers, or of a thickness.
    fn beside_shape(&self) -> Result<Option<[usize; 2]>> {
        let tracers = [
            (self.needs.temperature, &self.args.thetao, find::TEMPERATURE),
            (self.needs.salinity, &self.args.so, find::SALINITY),
        ];
        for (_, asked, what) in tracers.iter().filter(|(is_needed, ..)| *is_needed) {
            if let Some(found) = find::field(self.sets, asked.as_deref(), what)? {
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
        Ok(found)
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
        tracers: &[usize],
        u: Option<usize>,
    ) -> Result<VelocityMesh> {
        let found = self.of_file()?.map(|found| found.mesh).filter(|mesh| mesh.cells == fit.cells);
        let mut mesh = match found {
            Some(mesh) => mesh.with_faces(fit.faces),
            None => self.of_centres(fit, tracers, u)?,
        };
        mesh.staggering = Staggering::C;
        self.asked_lengths(&mut mesh, Stagger::Ahead)?;
        super::mesh::check_lengths(&mesh)?;
        Ok(VelocityMesh::new(mesh.with_faces([Faces::Right; 2]), Stagger::Ahead))
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

/// What coordinates of the centres of cells are called.
const LATITUDES: [&str; 5] = ["lat_rho", "geolat", "nav_lat", "gphit", "YC"];
const LONGITUDES: [&str; 5] = ["lon_rho", "geolon", "nav_lon", "glamt", "XC"];
