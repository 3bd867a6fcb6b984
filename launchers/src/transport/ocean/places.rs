//! Where points are on the sphere.

use halocline_algorithms::transport::Stagger;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::Source;

/// Latitudes and longitudes of points in degrees, C order.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Places {
    pub(in crate::transport) rows: usize,
    pub(in crate::transport) columns: usize,
    pub(in crate::transport) lat: Vec<f64>,
    pub(in crate::transport) lon: Vec<f64>,
}

impl Places {
    /// Of a variable.
    pub(in crate::transport) fn of(source: &Source) -> Result<Self> {
        let dims = &source.variable().dims;
        let (rows, columns) = match dims.as_slice() {
            [.., y, x] if y.role == Role::Y && x.role == Role::X => (y.len, x.len),
            _ => {
                return Err(Error::data("has no rows and columns")
                    .remedy("transports need a grid of rows and columns, in this order"))
            }
        };
        let lacks = || {
            Error::data("its grid has no latitudes and longitudes")
                .remedy("name the coordinates in the attribute `coordinates`")
        };
        let lat = source.grid().latitudes().ok_or_else(lacks)?;
        let lon = source.grid().longitudes().ok_or_else(lacks)?;
        if lat.len() != rows * columns || lon.len() != lat.len() {
            return Err(lacks());
        }
        if let Some(bad) = lat.iter().find(|l| l.abs() > 90.0 + 1e-6) {
            let name = source.grid().lat.as_ref().map_or("", |c| &c.variable.name);
            return Err(Error::data(format!("its latitudes `{name}` hold {bad}, beyond the poles")).remedy(
                "correct the coordinate; where land has none, declare what stands there as its _FillValue",
            ));
        }
        Ok(Self { rows, columns, lat, lon })
    }

    /// Rows and columns.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// The first longitude.
    pub(super) fn west(&self) -> f64 {
        self.lon.iter().copied().find(|l| l.is_finite()).unwrap_or(0.0)
    }

    /// Rows for columns, longitudes for latitudes, counted from a meridian: of two that are compared the
    /// same.
    pub(super) fn turned(&self, west: f64) -> Self {
        let at = |values: &[f64]| -> Vec<f64> {
            (0..self.lat.len()).map(|k| values[k % self.rows * self.columns + k / self.rows]).collect()
        };
        // Without a seam, so that neighbours differ by steps.
        let lon: Vec<f64> = self.lon.iter().map(|l| (l - west + 1.0).rem_euclid(360.0)).collect();
        Self { rows: self.columns, columns: self.rows, lat: at(&lon), lon: at(&self.lat) }
    }

    /// Where velocities along columns are that are at `self`, beside cells at `cells`; `None` if
    /// coordinates don't tell.
    pub(super) fn beside(&self, cells: &Self) -> Option<Stagger> {
        if self.lat.len() != cells.lat.len() || self.rows < 2 {
            return None;
        }
        let nx = self.columns;
        let mut votes = [0usize; 3];
        for k in nx..self.lat.len().saturating_sub(nx) {
            let (own, here) = (self.lat[k], cells.lat[k]);
            let (before, after) = (cells.lat[k - nx], cells.lat[k + nx]);
            let shift = own - here;
            // In steps of the coordinate: half a step is a face.
            if shift.abs() < 0.05 * (after - here).abs() {
                votes[0] += 1;
            } else if shift * (after - here) > 0.0 {
                votes[1] += 1;
            } else if shift * (before - here) > 0.0 {
                votes[2] += 1;
            }
        }
        let most = *votes.iter().max()?;
        if most == 0 {
            return None;
        }
        let all = [Stagger::Same, Stagger::Ahead, Stagger::Behind];
        votes.iter().position(|v| *v == most).map(|k| all[k])
    }
}
