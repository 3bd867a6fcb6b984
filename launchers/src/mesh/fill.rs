//! From variables of a file to the parts of a mesh.

use super::names::Names;
use halocline_core::grid::mesh::{Faces, Parts, Point, Staggering};
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// A map with more cells than this is a damaged length.
const MOST_CELLS: usize = 1 << 28;

/// A map, or a line of it.
pub(super) struct Plane {
    /// Rows and columns, or one length.
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

/// Files of a mesh, which hold variables of different names.
pub(super) struct Files<'d>(pub(super) Vec<&'d Dataset>);

impl Files<'_> {
    fn holder(&self, name: &str) -> Result<&Dataset> {
        let has = |d: &&&Dataset| d.variables().iter().any(|v| v.variable.name == name);
        match (self.0.iter().find(has), self.0.first()) {
            (Some(found), _) => Ok(found),
            (None, Some(first)) => first.variable(name).map(|_| *first),
            (None, None) => Err(Error::internal("no file of a mesh")),
        }
    }

    /// The map of a variable at an index of the dimension in front of its last two (levels), and the
    /// first of all others.
    pub(super) fn plane(&self, name: &str, level: usize) -> Result<Plane> {
        let dataset = self.holder(name)?;
        let shape = dataset.variable(name)?.variable.shape();
        let file = || dataset.files().first().map_or_else(String::new, |f| f.path.clone());
        let ground = shape.len().saturating_sub(2);
        let cells = shape[ground..].iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if shape.is_empty() || cells.is_none_or(|n| n > MOST_CELLS || n == 0) || shape.contains(&0) {
            return Err(Error::data("has no map of a mesh, or one of more cells than any")
                .in_file(file())
                .in_variable(name));
        }
        let mut ranges: Vec<_> = shape.iter().map(|&n| 0..n).collect();
        for (d, range) in ranges[..ground].iter_mut().enumerate() {
            let at = if d + 1 == ground { level } else { 0 };
            if at >= shape[d] {
                return Err(Error::data(format!("has {} levels, and number {} is needed", shape[d], at + 1))
                    .in_file(file())
                    .in_variable(name));
            }
            *range = at..at + 1;
        }
        // A line in time has one value of each: the length is that of the last.
        let mut ground = shape[ground..].to_vec();
        crate::quantities::check_metres(&dataset.variable(name)?.variable).map_err(|e| e.in_file(file()))?;
        let values = dataset.read(name, &IndexBox::new(ranges))?.to_f64();
        if ground.len() == 2 && ground[0] == 1 && shape.len() == 2 {
            ground.remove(0);
        }
        Ok(Plane { shape: ground, values })
    }

    /// How many levels a variable has: the length of the dimension in front of its last two.
    pub(super) fn depth_of(&self, name: &str) -> Result<usize> {
        let shape = self.holder(name)?.variable(name)?.variable.shape();
        Ok(shape.len().checked_sub(3).map_or(1, |d| shape[d]))
    }

    /// All values of a variable along its only dimension that is longer than 1.
    pub(super) fn line(&self, name: &str) -> Result<Vec<f64>> {
        let dataset = self.holder(name)?;
        let shape = dataset.variable(name)?.variable.shape();
        if shape.iter().filter(|n| **n != 1).count() > 1 || shape.iter().product::<usize>() > 1 << 20 {
            return Err(Error::data("is no line of levels").in_variable(name));
        }
        Ok(dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
    }

    /// What all names tell.
    ///
    /// # Errors
    /// Data, if a variable has not the shape of its point, or nothing tells the shape of the cells.
    pub(super) fn parts(&self, names: &Names) -> Result<Parts> {
        let cells = self.cells(names)?;
        let faces = self.faces(names, cells)?;
        let mut parts = Parts::new(cells, names.staggering.unwrap_or(Staggering::C), faces);
        for (from, to, inverse, along) in [
            (&names.lat, &mut parts.lat, false, 0),
            (&names.lon, &mut parts.lon, false, 1),
            (&names.dx, &mut parts.dx, names.inverse, 1),
            (&names.dy, &mut parts.dy, names.inverse, 0),
            (&names.area, &mut parts.area, false, 0),
        ] {
            for point in Point::ALL {
                let Some(name) = &from[point.index()] else { continue };
                let mut values = self.spread(name, shape(cells, faces, point), along)?;
                if inverse {
                    values.iter_mut().for_each(|v| *v = 1.0 / *v);
                }
                to[point.index()] = values;
            }
        }
        for point in Point::ALL {
            let Some(name) = &names.mask[point.index()] else { continue };
            let values = self.spread(name, shape(cells, faces, point), 0)?;
            parts.mask[point.index()] = Some(values.iter().map(|v| *v != 0.0 && v.is_finite()).collect());
        }
        if let Some(name) = &names.depth {
            parts.depth = Some(self.spread(name, cells, 0)?);
        }
        Ok(parts)
    }

    /// The values of a map, or of a line along one of its axes, on all cells.
    fn spread(&self, name: &str, [rows, columns]: [usize; 2], along: usize) -> Result<Vec<f64>> {
        let Plane { shape, values } = self.plane(name, 0)?;
        match shape[..] {
            [r, c] if [r, c] == [rows, columns] => Ok(values),
            [n] if along == 0 && n == rows => Ok((0..rows * columns).map(|c| values[c / columns]).collect()),
            [n] if along == 1 && n == columns => {
                Ok((0..rows * columns).map(|c| values[c % columns]).collect())
            }
            _ => {
                let text: Vec<String> = shape.iter().map(ToString::to_string).collect();
                let file = self.holder(name)?.files().first().map_or_else(String::new, |f| f.path.clone());
                Err(Error::data(format!(
                    "its shape {} is not that of the mesh, {rows} x {columns}",
                    text.join(" x ")
                ))
                .in_file(file)
                .in_variable(name))
            }
        }
    }

    fn cells(&self, names: &Names) -> Result<[usize; 2]> {
        let t = Point::T.index();
        let all = [&names.lat, &names.lon, &names.dx, &names.dy, &names.area, &names.mask];
        for name in all.into_iter().filter_map(|n| n[t].as_ref()) {
            if let [rows, columns] = self.plane(name, 0)?.shape[..] {
                return Ok([rows, columns]);
            }
        }
        if let (Some(lat), Some(lon)) = (&names.lat[t], &names.lon[t]) {
            if let ([rows], [columns]) = (&self.plane(lat, 0)?.shape[..], &self.plane(lon, 0)?.shape[..]) {
                return Ok([*rows, *columns]);
            }
        }
        Err(Error::data("nothing tells the rows and columns of the mesh")
            .remedy("name a variable at t points"))
    }

    /// Which faces are kept: as the model has them, unless there are more or fewer.
    fn faces(&self, names: &Names, cells: [usize; 2]) -> Result<[Faces; 2]> {
        let mut faces = names.faces.unwrap_or([Faces::Right; 2]);
        for (axis, point) in [(0, Point::V), (1, Point::U)] {
            let k = point.index();
            let all = [&names.lat, &names.lon, &names.dx, &names.dy, &names.area, &names.mask];
            let Some(name) = all.into_iter().find_map(|n| n[k].as_ref()) else { continue };
            let [rows, columns] = self.plane(name, 0)?.shape[..] else { continue };
            let n = [rows, columns][axis];
            if n != faces[axis].count(cells[axis]) {
                let all = [Faces::Right, Faces::Outer, Faces::Inner];
                if let Some(own) = all.into_iter().find(|f| f.count(cells[axis]) == n) {
                    faces[axis] = own;
                }
            }
        }
        Ok(faces)
    }
}

fn shape([rows, columns]: [usize; 2], faces: [Faces; 2], point: Point) -> [usize; 2] {
    [
        if point.is_north() { faces[0].count(rows) } else { rows },
        if point.is_east() { faces[1].count(columns) } else { columns },
    ]
}
