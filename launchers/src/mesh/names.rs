//! What variables of a mesh are called.

use halocline_core::grid::mesh::{Faces, Point, Staggering};
use halocline_io::dataset::Dataset;

/// Names of the variables of a mesh; those that a file has not are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Whose names they are, as in `NEMO`.
    pub(crate) model: String,
    /// Per point, as of [`Point::index`].
    pub(crate) lat: [Option<String>; 4],
    pub(crate) lon: [Option<String>; 4],
    pub(crate) dx: [Option<String>; 4],
    pub(crate) dy: [Option<String>; 4],
    pub(crate) area: [Option<String>; 4],
    pub(crate) mask: [Option<String>; 4],
    /// Thickness of cells at these points: along depth, along depth and the map, or in time too.
    pub(crate) thickness: [Option<String>; 4],
    /// Thickness between centres, at W points.
    pub(crate) thickness_w: Option<String>,
    /// 1-D thickness of levels.
    pub(crate) layers: Option<String>,
    /// Depth of the centres of levels.
    pub(crate) levels: Option<String>,
    /// Depth of the bottom.
    pub(crate) depth: Option<String>,
    /// Whether `dx` and `dy` are their inverses (ROMS).
    pub(crate) inverse: bool,
    pub(crate) faces: Option<[Faces; 2]>,
    pub(crate) staggering: Option<Staggering>,
}

/// The names that a model gives; several where versions differ.
pub(super) struct Table {
    pub(super) model: &'static str,
    /// One of these tells that it is this model's file.
    pub(super) signature: &'static [&'static str],
    pub(super) faces: [Faces; 2],
    pub(super) staggering: Staggering,
    pub(super) inverse: bool,
    pub(super) lat: [&'static [&'static str]; 4],
    pub(super) lon: [&'static [&'static str]; 4],
    pub(super) dx: [&'static [&'static str]; 4],
    pub(super) dy: [&'static [&'static str]; 4],
    pub(super) area: [&'static [&'static str]; 4],
    pub(super) mask: [&'static [&'static str]; 4],
    pub(super) thickness: [&'static [&'static str]; 4],
    pub(super) thickness_w: &'static [&'static str],
    pub(super) layers: &'static [&'static str],
    pub(super) levels: &'static [&'static str],
    pub(super) depth: &'static [&'static str],
}

impl Table {
    /// What of it a data set has; `None` if it is not of this model.
    pub(super) fn names(&self, dataset: &Dataset) -> Option<Names> {
        let has = |name: &&&str| dataset.variables().iter().any(|v| v.variable.name == **name);
        if !self.signature.iter().any(|name| has(&name)) {
            return None;
        }
        let first = |all: &[&'static str]| all.iter().find(has).map(|name| (*name).to_owned());
        let each = |all: [&[&'static str]; 4]| all.map(first);
        Some(Names {
            model: self.model.to_owned(),
            lat: each(self.lat),
            lon: each(self.lon),
            dx: each(self.dx),
            dy: each(self.dy),
            area: each(self.area),
            mask: each(self.mask),
            thickness: each(self.thickness),
            thickness_w: first(self.thickness_w),
            layers: first(self.layers),
            levels: first(self.levels),
            depth: first(self.depth),
            inverse: self.inverse,
            faces: Some(self.faces),
            staggering: Some(self.staggering),
        })
    }
}

impl Names {
    /// All 2-D names with what they are, for the reports.
    pub(crate) fn listed(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (what, names) in [
            ("lat", &self.lat),
            ("lon", &self.lon),
            ("dx", &self.dx),
            ("dy", &self.dy),
            ("area", &self.area),
            ("mask", &self.mask),
            ("thickness", &self.thickness),
        ] {
            for point in Point::ALL {
                if let Some(name) = &names[point.index()] {
                    all.push(format!("{what} at {}: {name}", point.name()));
                }
            }
        }
        for (what, name) in [
            ("thickness at w", &self.thickness_w),
            ("thickness of levels", &self.layers),
            ("levels", &self.levels),
            ("depth of the bottom", &self.depth),
        ] {
            all.extend(name.iter().map(|name| format!("{what}: {name}")));
        }
        all
    }
}
