//! Where points are on the sphere, and how long the faces between them.

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
        Ok(Self { rows, columns, lat, lon })
    }

    /// Whether the last column is a step away from the first, so that rows are closed.
    pub(super) fn is_periodic(&self) -> bool {
        if self.columns < 3 {
            return false;
        }
        let turn = |d: f64| d - 360.0 * (d / 360.0).round();
        // Over the middle row: rows at the ends may be folds or poles.
        let row = &self.lon[self.rows / 2 * self.columns..][..self.columns];
        let steps: Vec<f64> = row.windows(2).map(|w| turn(w[1] - w[0])).filter(|d| d.is_finite()).collect();
        let across = turn(row[0] - row[self.columns - 1]);
        let mean = steps.iter().sum::<f64>() / steps.len().max(1) as f64;
        steps.len() + 1 == self.columns
            && mean.abs() > 0.0
            && (across / mean - 1.0).abs() < 0.5
            && ((mean * self.columns as f64).abs() - 360.0).abs() < 0.5 * mean.abs()
    }

    /// Columns at the ends that are there twice, as NEMO's on a global grid: the first is the last but
    /// one, the last is the second.
    pub(super) fn has_doubled_columns(&self) -> bool {
        let n = self.columns;
        let same = |a: usize, b: usize| {
            (0..self.rows).all(|j| {
                let (p, q) = (j * n + a, j * n + b);
                let lon = self.lon[p] - self.lon[q];
                let close = (lon - 360.0 * (lon / 360.0).round()).abs() < 1e-3;
                (self.lat[p] - self.lat[q]).abs() < 1e-3 && close
            })
        };
        n > 3 && same(0, n - 2) && same(1, n - 1)
    }

    /// Lengths in metres along rows, or columns, of what lies around each point: half the distance
    /// between its neighbours, on a sphere.
    pub(super) fn lengths(&self, along_rows: bool, periodic: bool, radius: f64) -> Vec<f64> {
        let (ny, nx) = (self.rows, self.columns);
        let length = |k: usize| {
            let (j, i) = (k / nx, k % nx);
            let (at, n) = if along_rows { (i, nx) } else { (j, ny) };
            let place = |p: usize| if along_rows { j * nx + p } else { p * nx + i };
            if n < 2 {
                return 0.0;
            }
            let wraps = periodic && along_rows;
            let before = if at > 0 { Some(at - 1) } else { wraps.then(|| n - 1) };
            let after = if at + 1 < n { Some(at + 1) } else { wraps.then_some(0) };
            match (before, after) {
                (Some(a), Some(b)) => 0.5 * (self.apart(place(a), k) + self.apart(k, place(b))) * radius,
                (Some(a), None) => self.apart(place(a), k) * radius,
                (None, Some(b)) => self.apart(k, place(b)) * radius,
                (None, None) => 0.0,
            }
        };
        (0..ny * nx).map(length).collect()
    }

    /// On a rectilinear grid, lengths along rows are those of circles of latitude.
    pub(super) fn circle_lengths(&self, periodic: bool, radius: f64) -> Vec<f64> {
        let nx = self.columns;
        let row = &self.lon[..nx];
        let turn = |d: f64| (d - 360.0 * (d / 360.0).round()).abs();
        let gap = |a: usize, b: usize| turn(row[b] - row[a]);
        let width = |i: usize| match (i > 0, i + 1 < nx) {
            (true, true) => 0.5 * (gap(i - 1, i) + gap(i, i + 1)),
            (true, false) if periodic => 0.5 * (gap(i - 1, i) + gap(i, 0)),
            (false, true) if periodic => 0.5 * (gap(nx - 1, 0) + gap(0, 1)),
            (true, false) => gap(i - 1, i),
            (false, true) => gap(0, 1),
            (false, false) => 360.0,
        };
        let widths: Vec<f64> = (0..nx).map(|i| width(i).to_radians() * radius).collect();
        (0..self.rows * nx).map(|k| self.lat[k].to_radians().cos().max(0.0) * widths[k % nx]).collect()
    }

    /// The angle between two points.
    fn apart(&self, a: usize, b: usize) -> f64 {
        let (la, lb) = (self.lat[a].to_radians(), self.lat[b].to_radians());
        let half = |d: f64| (0.5 * d).sin();
        let (dlat, dlon) = (half(lb - la), half((self.lon[b] - self.lon[a]).to_radians()));
        2.0 * (dlat * dlat + la.cos() * lb.cos() * dlon * dlon).sqrt().min(1.0).asin()
    }

    /// Rows for columns, longitudes for latitudes.
    pub(super) fn turned(&self) -> Self {
        let at = |values: &[f64]| -> Vec<f64> {
            (0..self.lat.len()).map(|k| values[k % self.rows * self.columns + k / self.rows]).collect()
        };
        // Without a seam, so that neighbours differ by steps.
        let west = self.lon.iter().copied().find(|l| l.is_finite()).unwrap_or(0.0);
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
