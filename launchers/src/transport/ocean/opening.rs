//! Inputs on their way: sources one after the other, then metrics and land.

use super::args::OceanArgs;
use super::find::{self, Found};
use super::layers::Layers;
use super::open::{Needs, Primary};
use super::places::Places;
use super::thickness::{Search, Thick, ThickFound};
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::align;
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
}

impl Opening<'_> {
    pub(super) fn source(&self, found: &Found) -> Result<Source> {
        let set = &self.sets[found.set];
        let source = set.source(self.job.comm, &found.name, &self.selection)?;
        // Thickness and masks are told apart by times.
        source.needs_time()?;
        folding::check_is_data(&found.name, &source)
            .and_then(|()| crate::quantities::check_metres(source.variable()))
            .map_err(|e| folding::blame(e, paths(set).first(), &found.name))?;
        Ok(source)
    }

    /// Opens another variable that is read with the first.
    pub(super) fn add(&mut self, found: &Found) -> Result<usize> {
        let next = self.source(found)?;
        check_beside(&self.sources[0], &next)
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
        wanted.map(|(_, asked, what)| self.add(&find::needed(self.sets, asked, &what)?)).collect()
    }

    /// Thickness of layers at each map.
    pub(super) fn thickness(&mut self, places: &Places, layers: &Layers) -> Result<Thick> {
        let search = Search {
            comm: self.job.comm,
            sets: self.sets,
            own: self.own,
            shape: [layers.thickness.len(), places.rows, places.columns],
            with_u: self.needs.u,
            rest_first: self.needs.rest_first,
            primary: self.needs.primary,
        };
        let (found, note) = search.find(self.args.thickness.as_deref(), layers, &mut self.files)?;
        self.notes.push(note);
        Ok(match found {
            ThickFound::Layers => Thick::Layers,
            ThickFound::Fixed { v, u, at_cells } => Thick::Fixed { v, u, at_cells },
            ThickFound::Read { v, u, at_cells } => {
                let v = self.add(&v)?;
                Thick::Read { v, u: u.as_ref().map(|u| self.add(u)).transpose()?, at_cells }
            }
        })
    }

    /// Where cells are, as a tracer tells, else a thickness with coordinates of its own.
    pub(super) fn beside(&mut self) -> Result<Option<(Places, Grid)>> {
        let shape = self.sources[0].variable().shape();
        let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        for (asked, what) in [(&self.args.thetao, find::TEMPERATURE), (&self.args.so, find::SALINITY)] {
            if let Some(found) = find::field(self.sets, asked.as_deref(), &what)? {
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
    pub(super) fn masks(&mut self, cells: usize, levels: usize) -> Result<[Option<Vec<u8>>; 2]> {
        let (v, u) = (self.args.v_mask.as_deref(), self.args.u_mask.as_deref());
        let own = match self.needs.primary {
            Primary::V => (v, "vmask"),
            Primary::U => (u, "umask"),
            Primary::Temperature | Primary::Salinity => (None, "tmask"),
        };
        let other = (u.filter(|_| self.needs.u).or(Some("none").filter(|_| !self.needs.u)), "umask");
        let mut both = [None, None];
        for ((asked, name), mask) in [own, other].into_iter().zip(&mut both) {
            if asked == Some("none") {
                continue;
            }
            let lengths = [levels * cells, cells];
            let found = find::fixed(self.job.comm, self.sets, asked, (&[name], &lengths), &mut self.files)?;
            if let Some(found) = found {
                self.notes.push(format!("land: where {} is 0", found.name));
                *mask = Some(found.values.to_f64().iter().map(|m| u8::from(*m > 0.0)).collect());
            }
        }
        Ok(both)
    }
}

/// Cells at latitudes and longitudes along rows and columns, or of each.
fn placed([y, x]: [&Dim; 2], [lat, lon]: [find::Static; 2]) -> (Places, Grid) {
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
fn check_beside(first: &Source, second: &Source) -> Result<()> {
    let (a, b) = (first.variable(), second.variable());
    if a.shape()[1..] != b.shape()[1..] {
        return Err(Error::data(format!(
            "has levels, rows and columns {:?}, `{}` has {:?}",
            &b.shape()[1..],
            a.name,
            &a.shape()[1..]
        ))
        .remedy("both need as many levels, rows and columns"));
    }
    let origin = align(first.time(), second.time())?;
    if origin > 0 || second.time().len() != first.time().len() {
        return Err(Error::data(format!("has other times than `{}`", a.name))
            .remedy("choose common ones with --time"));
    }
    Ok(())
}
