//! The numbers of a block's cells, and of those in its halo.

use super::metrics::{Metrics, Table};
use super::row::{Along, RowMetrics};
use halocline_core::halo::{Extent, Point};
use std::ops::Range;

/// What rows need of their Laplacians, and the weights of their cells.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    columns: usize,
    /// West, north, scale and weight of rows along which they are the same, as on regular grids:
    /// nothing else is read of these.
    even: Vec<Option<[f64; 4]>>,
    /// Of all rows, if there are others. Of western faces a row has one more: its last is the eastern
    /// face of its last cell.
    west: Vec<f64>,
    north: Vec<f64>,
    /// `factor` / area.
    scale: Vec<f64>,
    weight: Option<Vec<f64>>,
    /// Cells without an area, which are as land; empty, if there are none.
    dry: Vec<bool>,
}

impl Tables {
    /// For a block with its halo, and `beyond` columns more at both ends.
    pub(super) fn new(metrics: &Metrics, extent: &Extent, beyond: usize, factor: f64) -> Self {
        let (start, widths, shape) = (extent.start(), extent.widths(), extent.shape());
        let (rows, columns) = (shape[1], shape[2] + 2 * beyond);
        // Where in the map: rows and columns of memory begin in the halo.
        let top = start[1] as i64 - widths[1] as i64;
        let left = start[2] as i64 - (widths[2] + beyond) as i64;
        let number = |table: &Table, point: Point, y: usize, x: i64| {
            metrics.beyond(table, point, [top + y as i64, left + x])
        };
        let none = Self {
            columns,
            even: Vec::new(),
            west: Vec::new(),
            north: Vec::new(),
            scale: Vec::new(),
            weight: None,
            dry: Vec::new(),
        };
        // A block without a cell has no numbers either.
        if shape[2] == 0 {
            return none;
        }
        if !Self::are_many(metrics) {
            let row = |y: usize| {
                let of = |table: &Table, point: Point| number(table, point, y, (widths[2] + beyond) as i64);
                Some([
                    of(&metrics.east, Point::U),
                    of(&metrics.north, Point::V),
                    factor / of(&metrics.area, Point::Tracer),
                    metrics.weight.as_ref().map_or(1.0, |w| of(w, Point::Tracer)),
                ])
            };
            return Self { even: (0..rows).map(row).collect(), ..none };
        }
        let all = |table: &Table, point: Point, from: i64| -> Vec<f64> {
            let row = |y: usize| (from..columns as i64).map(move |x| (y, x));
            (0..rows).flat_map(row).map(|(y, x)| number(table, point, y, x)).collect()
        };
        let mut scale = all(&metrics.area, Point::Tracer, 0);
        scale.iter_mut().for_each(|area| *area = factor / *area);
        let dry = scale.iter().map(|s| s.is_nan()).collect();
        let mut tables = Self {
            west: all(&metrics.east, Point::U, -1),
            north: all(&metrics.north, Point::V, 0),
            scale,
            weight: metrics.weight.as_ref().map(|w| all(w, Point::Tracer, 0)),
            dry,
            ..none
        };
        tables.even = (0..rows).map(|y| tables.same_along(y)).collect();
        if tables.even.iter().all(Option::is_some) {
            tables = Self { even: tables.even, dry: tables.dry, ..none };
        }
        if !tables.dry.contains(&true) {
            tables.dry = Vec::new();
        }
        tables
    }

    /// Whether each cell has its own numbers.
    fn are_many(metrics: &Metrics) -> bool {
        let tables = [&metrics.east, &metrics.north, &metrics.area].into_iter().chain(&metrics.weight);
        tables.into_iter().any(|t| matches!(t, Table::Cells(_)))
    }
    /// Bytes for so many cells, but for a few of each row.
    pub(super) fn bytes(metrics: &Metrics, cells: usize) -> u64 {
        let numbers = 3 + u64::from(metrics.weight.is_some());
        if Self::are_many(metrics) {
            (8 * numbers + 1) * cells as u64
        } else {
            0
        }
    }

    /// The numbers of a row, if its cells have the same; those without an area have no say.
    fn same_along(&self, y: usize) -> Option<[f64; 4]> {
        let own = y * self.columns..(y + 1) * self.columns;
        let one = |row: &[f64]| -> Option<f64> {
            let first = *row.first()?;
            row.iter().all(|v| v.to_bits() == first.to_bits()).then_some(first)
        };
        let row = &self.scale[own.clone()];
        let scale = row.iter().copied().find(|s| !s.is_nan()).unwrap_or(f64::NAN);
        let is_one = row.iter().all(|s| s.is_nan() || s.to_bits() == scale.to_bits());
        Some([
            one(self.west_of(y))?,
            one(&self.north[own.clone()])?,
            is_one.then_some(scale)?,
            self.weight.as_ref().map_or(Some(1.0), |w| one(&w[own]))?,
        ])
    }
    fn west_of(&self, y: usize) -> &[f64] {
        &self.west[y * (self.columns + 1)..(y + 1) * (self.columns + 1)]
    }

    /// Of these columns of a row.
    pub(super) fn row(&self, y: usize, columns: &Range<usize>) -> RowMetrics<'_> {
        if let Some([west, north, scale, _]) = self.even[y] {
            return RowMetrics { west: Along::One(west), north: Along::One(north), scale: Along::One(scale) };
        }
        let own = self.cells(y, columns);
        RowMetrics {
            west: Along::Each(&self.west_of(y)[columns.start..=columns.end]),
            north: Along::Each(&self.north[own.clone()]),
            scale: Along::Each(&self.scale[own]),
        }
    }
    /// What values are multiplied with before, and divided by after; `None` for 1.
    pub(super) fn weights(&self, y: usize, columns: &Range<usize>) -> Option<Along<'_>> {
        if let Some([.., weight]) = self.even[y] {
            return (weight.to_bits() != 1.0_f64.to_bits()).then_some(Along::One(weight));
        }
        let all = self.weight.as_ref()?;
        Some(Along::Each(&all[self.cells(y, columns)]))
    }
    /// Cells without an area; empty, if no row has any.
    pub(super) fn dry(&self, y: usize, columns: &Range<usize>) -> &[bool] {
        if self.dry.is_empty() {
            &[]
        } else {
            &self.dry[self.cells(y, columns)]
        }
    }
    fn cells(&self, y: usize, columns: &Range<usize>) -> Range<usize> {
        y * self.columns + columns.start..y * self.columns + columns.end
    }
}
