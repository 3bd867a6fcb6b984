//! The dimensions and coordinates of results that stand half a cell from what they are made of.

use crate::carry;
use halocline_core::grid::mesh::{Mesh, Point};
use halocline_core::grid::GridKind;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::Result;
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;

/// Where a result stands.
pub(super) struct Space {
    /// Rows and columns.
    pub(super) dims: Vec<Dim>,
    /// Latitude and longitude; none where it stands as the source does, and has the source's.
    own: Vec<Coordinate>,
    is_of_source: bool,
}

impl Space {
    /// That of the source's own points.
    pub(super) fn of_source(source: &Source) -> Self {
        Self { dims: source.grid().dims.clone(), own: Vec::new(), is_of_source: true }
    }
    /// No rows and columns: of integrals over both.
    pub(super) fn none() -> Self {
        Self { dims: Vec::new(), own: Vec::new(), is_of_source: false }
    }

    /// That of points of a mesh, for results of a source that stands at `at`.
    pub(super) fn of_point(mesh: &Mesh, point: Point, at: Point, source: &Source) -> Self {
        if point == at {
            return Self::of_source(source);
        }
        let grid = source.grid();
        let [y, x] = &grid.dims[..] else { return Self::of_source(source) };
        let suffixed =
            |dim: &Dim, len: usize, is_other: bool, on_cells: &str, on_faces: &str, on_face: bool| {
                let suffix = if on_face { on_faces } else { on_cells };
                let name = if is_other { format!("{}_{suffix}", dim.name) } else { dim.name.clone() };
                Dim { name, len, role: dim.role }
            };
        let [rows, columns] = mesh.shape(point);
        let dims = vec![
            suffixed(y, rows, point.is_north() != at.is_north(), "t", "v", point.is_north()),
            suffixed(x, columns, point.is_east() != at.is_east(), "t", "u", point.is_east()),
        ];
        let k = point.index();
        let mut own = Vec::new();
        if !mesh.lat[k].is_empty() {
            let is_lines = grid.kind == GridKind::Rectilinear && lines(mesh, point);
            for (values, role, standard, units) in [
                (&mesh.lat[k], Role::Y, "latitude", "degrees_north"),
                (&mesh.lon[k], Role::X, "longitude", "degrees_east"),
            ] {
                let attributes = Attributes::new().with("standard_name", standard).with("units", units);
                let dim = &dims[usize::from(role == Role::X)];
                let (name, over, values) = if is_lines {
                    let line = if role == Role::Y {
                        values.iter().step_by(columns).copied().collect()
                    } else {
                        values[..columns].to_vec()
                    };
                    (dim.name.clone(), vec![dim.clone()], line)
                } else {
                    (format!("{}_{}", &standard[..3], point.name()), dims.clone(), values.clone())
                };
                let variable = Variable { name, dims: over, dtype: DType::F64, attributes };
                own.push(Coordinate { variable, values: Values::F64(values), bounds: None });
            }
        }
        Self { dims, own, is_of_source: false }
    }

    /// Adds dimensions and coordinates to a file, those in front of rows and columns too.
    pub(super) fn add<'a>(&'a self, schema: &mut Schema, source: &'a Source) -> Result<Vec<Pending<'a>>> {
        if self.is_of_source {
            return carry::add_space(schema, source);
        }
        let leading = source.variable().dims.iter().skip(1).filter(|d| !matches!(d.role, Role::Y | Role::X));
        for dim in leading.chain(&self.dims) {
            schema.add_dim(&dim.name, dim.len)?;
        }
        let mut pending = Vec::new();
        for coordinate in source.levels().iter().chain(source.level()).chain(&self.own) {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        Ok(pending)
    }

    /// Names in the attributes of a variable which coordinates it has.
    pub(super) fn refer(&self, attributes: &mut Attributes, source: &Source) {
        if self.is_of_source {
            return carry::refer_to_space(attributes, source);
        }
        let auxiliary = source.levels().iter().chain(&self.own).filter(|c| {
            let v = &c.variable;
            v.dims.len() != 1 || v.dims[0].name != v.name
        });
        let names: Vec<&str> = auxiliary.chain(source.level()).map(|c| c.variable.name.as_str()).collect();
        if !names.is_empty() {
            attributes.set("coordinates", names.join(" "));
        }
    }
}

/// Whether rows are parallels and columns meridians.
fn lines(mesh: &Mesh, point: Point) -> bool {
    let ([_, columns], k) = (mesh.shape(point), point.index());
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    columns > 0
        && mesh.lat[k].chunks(columns).all(|row| row.iter().all(|v| same(*v, row[0])))
        && mesh.lon[k].chunks(columns).all(|row| row.iter().zip(&mesh.lon[k]).all(|(a, b)| same(*a, *b)))
}
