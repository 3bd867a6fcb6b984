//! Inputs on their way: sources one after the other, then metrics and land.

use super::args::OceanArgs;
use super::find::{self, Found};
use super::fit::Fit;
use super::layers::Layers;
use super::open::{Needs, Primary};
use super::places::Places;
use super::thickness::{Search, Thick, ThickFound};
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::{align, are_timeless};
use crate::quantities::Quantity;
use halocline_core::grid::mesh::Point;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Selection, Source};
use std::path::PathBuf;

/// What is open so far.
pub(super) struct Opening<'a> {
    pub(super) job: &'a FoldJob<'a>,
    pub(super) args: &'a OceanArgs,
    pub(super) needs: Needs,
    pub(super) sets: &'a [Dataset],
    /// The data set of the primary variable.
    pub(super) own: usize,
    pub(super) selection: Selection,
    pub(super) files: Vec<PathBuf>,
    pub(super) sources: Vec<Source>,
    pub(super) notes: Vec<String>,
    /// How velocities are brought to cells of another number.
    pub(super) fit: Option<Fit>,
}

impl Opening<'_> {
    pub(super) fn source(&self, found: &Found) -> Result<Source> {
        let set = &self.sets[found.set];
        let source = set.source(self.job.comm, &found.name, &self.selection)?;
        folding::check_is_data(&found.name, &source)
            .and_then(|()| crate::quantities::check_metres(source.variable()))
            .map_err(|e| folding::blame(e, paths(set).first(), &found.name))?;
        Ok(source)
    }

    /// Notes variables without units that results depend on: the primary one, u, then tracers.
    pub(super) fn note_units(&mut self, u: Option<usize>, tracers: &[usize]) {
        let own = match self.needs.primary {
            Primary::V | Primary::U => Quantity::Speed,
            Primary::Temperature => Quantity::Temperature,
            Primary::Salinity => Quantity::Salinity,
        };
        let wanted = [
            self.needs.temperature.then_some(Quantity::Temperature),
            self.needs.salinity.then_some(Quantity::Salinity),
        ];
        let tracers = tracers.iter().copied().zip(wanted.into_iter().flatten());
        let all = [(0, own)].into_iter().chain(u.map(|u| (u, Quantity::Speed))).chain(tracers);
        let notes = all.filter_map(|(k, quantity)| quantity.assumed(self.sources[k].variable()));
        self.notes.extend(notes.collect::<Vec<_>>());
    }

    /// Whether the primary variable has times.
    pub(super) fn is_timed(&self) -> bool {
        !self.sources[0].is_static()
    }

    /// Opens another variable that is read with the first, and stands at a point.
    pub(super) fn add(&mut self, found: &Found, point: Point) -> Result<usize> {
        let next = self.source(found)?;
        check_beside(&self.sources[0], &next, self.fit.map(|fit| fit.shape(point)))
            .map_err(|e| folding::blame(e, paths(&self.sets[found.set]).first(), &found.name))?;
        self.sources.push(next);
        Ok(self.sources.len() - 1)
    }

    /// Temperature and salinity, as far as needed.
    pub(super) fn tracers(&mut self) -> Result<Vec<usize>> {
        let wanted = [
            (self.needs.temperature, self.args.thetao.as_deref(), find::TEMPERATURE),
            (self.needs.salinity, self.args.so.as_deref(), find::SALINITY),
        ];
        let wanted = wanted.into_iter().filter(|(is_needed, _, _)| *is_needed);
        let timed = self.is_timed();
        wanted
            .map(|(_, asked, what)| self.add(&find::needed_like(self.sets, asked, &what, timed)?, Point::T))
            .collect()
    }

    /// Thickness of layers at each map.
    pub(super) fn thickness(&mut self, [rows, columns]: [usize; 2], layers: &Layers) -> Result<Thick> {
        let search = Search {
            comm: self.job.comm,
            sets: self.sets,
            own: self.own,
            shape: [layers.thickness.len(), rows, columns],
            with_u: self.needs.u,
            rest_first: self.needs.rest_first,
            primary: self.needs.primary,
        };
        let (found, note) = search.find(self.args.thickness.as_deref(), layers, &mut self.files)?;
        self.notes.push(note);
        let thick = match found {
            ThickFound::Layers => {
                if layers.has_bounds {
                    self.notes.push(layers.ends.clone());
                }
                Thick::Layers
            }
            ThickFound::Fixed { v, u, at_cells } => Thick::Fixed { v, u, at_cells },
            ThickFound::Read { v, u, at_cells } => {
                let v = self.add(&v, Point::T)?;
                Thick::Read { v, u: u.as_ref().map(|u| self.add(u, Point::T)).transpose()?, at_cells }
            }
        };
        if let Some(fit) = &self.fit {
            self.check_thickness(fit, &thick)?;
        }
        Ok(thick)
    }

    /// Where cells are, as a tracer tells, else a thickness with coordinates of its own.
    pub(super) fn beside(&mut self, [rows, columns]: [usize; 2]) -> Result<Option<(Places, Grid)>> {
        for (asked, what) in [(&self.args.thetao, find::TEMPERATURE), (&self.args.so, find::SALINITY)] {
            if let Some(found) = find::field(self.sets, asked.as_deref(), &what, self.is_timed())? {
                let source = self.source(&found)?;
                let places = Places::of(&source)?;
                if (places.rows, places.columns) == (rows, columns) {
                    return Ok(Some((places, source.grid().clone())));
                }
            }
        }
        for set in self.sets {
            for name in super::thickness::AT_CELLS {
                let Some(info) = set.variables().iter().find(|v| v.variable.name == name) else { continue };
                let [.., y, x] = info.variable.dims.as_slice() else { continue };
                if (y.len, x.len) != (rows, columns) {
                    continue;
                }
                let one = std::slice::from_ref(set);
                let (comm, files) = (self.job.comm, &mut self.files);
                let lat = find::fixed(
                    comm,
                    one,
                    None,
                    (&[&y.name, "gphit", "YC"], &[rows, rows * columns]),
                    files,
                )?;
                let lon = find::fixed(
                    comm,
                    one,
                    None,
                    (&[&x.name, "glamt", "XC"], &[columns, rows * columns]),
                    files,
                )?;
                if let Some((lat, lon)) = lat.zip(lon) {
                    return Ok(Some(placed([y, x], [lat, lon])));
                }
            }
        }
        Ok(None)
    }

    /// Land at the points of the primary variable, and at those of u.
    pub(super) fn masks(&mut self, cells: [usize; 2], levels: usize) -> Result<[Option<Vec<u8>>; 2]> {
        const OF_U: [&str; 2] = ["umask", "mask_u"];
        let (v, u) = (self.args.v_mask.as_deref(), self.args.u_mask.as_deref());
        let own = match self.needs.primary {
            Primary::V => (v, ["vmask", "mask_v"], Point::V),
            Primary::U => (u, OF_U, Point::U),
            Primary::Temperature | Primary::Salinity => (None, ["tmask", "mask_rho"], Point::T),
        };
        let asked = u.filter(|_| self.needs.u).or(Some("none").filter(|_| !self.needs.u));
        let mut both = [None, None];
        for ((asked, names, point), mask) in [own, (asked, OF_U, Point::U)].into_iter().zip(&mut both) {
            if asked == Some("none") {
                continue;
            }
            let [rows, columns] = self.fit.map_or(cells, |fit| fit.shape(point));
            let lengths = [levels * rows * columns, rows * columns];
            let found = find::fixed(self.job.comm, self.sets, asked, (&names, &lengths), &mut self.files)?;
            if let Some(found) = found {
                self.notes.push(format!("land: where {} is 0", found.name));
                let open: Vec<u8> = found.values.to_f64().iter().map(|m| u8::from(*m > 0.0)).collect();
                *mask = Some(match &self.fit {
                    Some(fit) => fit.pad(point, &open, 0),
                    None => open,
                });
            }
        }
        Ok(both)
    }
}

/// Cells at latitudes and longitudes along rows and columns, or of each.
pub(super) fn placed([y, x]: [&Dim; 2], [lat, lon]: [find::Static; 2]) -> (Places, Grid) {
    let (rows, columns) = (y.len, x.len);
    let (lats, lons) = (lat.values.to_f64(), lon.values.to_f64());
    let spread = |v: &[f64], each: &dyn Fn(usize) -> usize| -> Vec<f64> {
        let whole = v.len() == rows * columns;
        (0..rows * columns).map(|k| v[if whole { k } else { each(k) }]).collect()
    };
    let is_rectilinear = lats.len() == rows && lons.len() == columns;
    let (kind, lat_dims, lon_dims) = if is_rectilinear {
        (GridKind::Rectilinear, vec![y.clone()], vec![x.clone()])
    } else {
        (GridKind::Curvilinear, vec![y.clone(), x.clone()], vec![y.clone(), x.clone()])
    };
    let places =
        Places { rows, columns, lat: spread(&lats, &|k| k / columns), lon: spread(&lons, &|k| k % columns) };
    let coordinate = |name: &str, dims: Vec<Dim>, values: &[f64]| {
        let attributes =
            Attributes::new().with("units", if name == "lat" { "degrees_north" } else { "degrees_east" });
        let variable = Variable { name: name.to_owned(), dims, dtype: DType::F64, attributes };
        Coordinate { variable, values: Values::F64(values.to_vec()), bounds: None }
    };
    let (lat, lon) = if is_rectilinear { (&lats, &lons) } else { (&places.lat, &places.lon) };
    let grid = Grid {
        kind,
        dims: vec![y.clone(), x.clone()],
        lat: Some(coordinate("lat", lat_dims, lat)),
        lon: Some(coordinate("lon", lon_dims, lon)),
        extra: Vec::new(),
        edges: None,
        excluded: Vec::new(),
    };
    (places, grid)
}

/// Refuses what has other times, levels, rows or columns.
fn check_beside(first: &Source, second: &Source, fitted: Option<[usize; 2]>) -> Result<()> {
    let (a, b) = (first.variable(), second.variable());
    let mut shape = a.shape();
    if let (Some(fitted), [.., rows, columns]) = (fitted, shape.as_mut_slice()) {
        [*rows, *columns] = fitted;
    }
    if shape[1..] != b.shape()[1..] {
        return Err(Error::data(format!(
            "has levels, rows and columns {:?}, `{}` has {:?}",
            &b.shape()[1..],
            a.name,
            &a.shape()[1..]
        ))
        .remedy("both need as many levels, rows and columns; beside tracers v may have one row, and u one column, less or more"));
    }
    if are_timeless(first, second)? {
        return Ok(());
    }
    let origin = align(first, second)?;
    if origin > 0 || second.time().len() != first.time().len() {
        return Err(Error::data(format!("has other times than `{}`", a.name))
            .remedy("choose common ones with --time"));
    }
    Ok(())
}
