//! Topology from coordinates: which columns and rows repeat others, whether the last column meets
//! the first, and whether and how the last row folds.

use super::geometry::{apart, place, Place};
use super::{EdgeNorth, EdgeX, Topology};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a user says of the edges of a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopologyChoice {
    /// As coordinates tell.
    #[default]
    Auto,
    /// Walls on all sides.
    Regional,
    /// A circle of longitude, walls in the north and in the south.
    Periodic,
    /// Folded along T points.
    TripolarT,
    /// Folded along F points.
    TripolarF,
}

/// Places that are nearer than this share of the distance of neighbours are the same.
const SAME: f64 = 1e-2;

/// Finds how the edges of a map meet from its tracer points: latitudes and longitudes in degrees, C
/// order, NaN where unknown.
///
/// # Errors
/// Usage, if the user says what can't be of so few rows or columns.
pub fn recognise(shape: [usize; 2], lat: &[f64], lon: &[f64], choice: TopologyChoice) -> Result<Topology> {
    let [rows, columns] = shape;
    if choice == TopologyChoice::Regional {
        return Ok(Topology::walls(shape));
    }
    if choice != TopologyChoice::Auto && (columns < 3 || rows < 3) {
        return Err(Error::usage(format!(
            "a map of {rows} rows and {columns} columns is neither periodic nor tripolar"
        ))
        .remedy("use --topology regional"));
    }
    if lat.len() != rows * columns || lon.len() != lat.len() || columns < 3 {
        return Ok(asked(Topology::walls(shape), shape, choice));
    }
    let map = Map { shape, lat, lon };
    let found = map.columns();
    let found = if found.x == EdgeX::Periodic && choice != TopologyChoice::Periodic && rows > 3 {
        map.fold(found, lat)
    } else {
        found
    };
    Ok(asked(found, shape, choice))
}

/// What is found, if that is what was asked for; else that, without repeated rows.
fn asked(found: Topology, shape: [usize; 2], choice: TopologyChoice) -> Topology {
    let periodic = Topology { rows: shape[0], pivot: 0, north: EdgeNorth::Wall, x: EdgeX::Periodic, ..found };
    match choice {
        TopologyChoice::Auto => found,
        TopologyChoice::Regional => Topology::walls(shape),
        TopologyChoice::Periodic => periodic,
        TopologyChoice::TripolarT if found.north == EdgeNorth::FoldT => found,
        TopologyChoice::TripolarF if found.north == EdgeNorth::FoldF => found,
        TopologyChoice::TripolarT => Topology { north: EdgeNorth::FoldT, ..periodic },
        TopologyChoice::TripolarF => {
            Topology { north: EdgeNorth::FoldF, pivot: periodic.columns - 1, ..periodic }
        }
    }
}

struct Map<'a> {
    shape: [usize; 2],
    lat: &'a [f64],
    lon: &'a [f64],
}

impl Map<'_> {
    fn at(&self, j: usize, i: usize) -> Place {
        let cell = j * self.shape[1] + i;
        place(self.lat[cell], self.lon[cell])
    }
    /// Distances between pairs of points in units of how far points are apart there, sorted; none
    /// that are unknown.
    fn ratios(&self, pairs: impl Iterator<Item = ([usize; 2], [usize; 2], [usize; 2])>) -> Vec<f64> {
        let mut all: Vec<f64> = pairs
            .map(|(a, b, near)| {
                apart(self.at(a[0], a[1]), self.at(b[0], b[1]))
                    / apart(self.at(a[0], a[1]), self.at(near[0], near[1]))
            })
            .filter(|ratio| ratio.is_finite())
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Repeated columns, and whether the last meets the first.
    fn columns(&self) -> Topology {
        let [rows, columns] = self.shape;
        let next = |i: usize| if i + 1 < columns { i + 1 } else { i - 1 };
        let of = |a: usize, b: usize| self.ratios((0..rows).map(|j| ([j, a], [j, b], [j, next(a)])));
        let same = |a: usize, b: usize| of(a, b).last().is_some_and(|most| *most < SAME);
        let walls = Topology::walls(self.shape);
        let periodic = Topology { x: EdgeX::Periodic, ..walls };
        if columns > 4 && same(0, columns - 2) && same(1, columns - 1) {
            return Topology { first: 1, columns: columns - 2, ..periodic };
        }
        if columns > 3 && same(0, columns - 1) {
            return Topology { columns: columns - 1, ..periodic };
        }
        // At the seam columns are as far apart as elsewhere.
        let ratios = of(columns - 1, 0);
        match ratios.get(ratios.len() / 2) {
            Some(ratio) if (0.4..1.6).contains(ratio) => periodic,
            _ => walls,
        }
    }

    /// Whether the last row of a circle of longitude folds.
    fn fold(&self, circle: Topology, lat: &[f64]) -> Topology {
        let [rows, columns] = self.shape;
        let last = &lat[(rows - 1) * columns..];
        let (least, most) = last
            .iter()
            .filter(|v| v.is_finite())
            .fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        // A parallel does not fold, and a row that does is in the north.
        if most - least < 0.01 || least < 20.0 {
            return circle;
        }
        let n = circle.columns;
        let across = |row: usize, pivot: usize| {
            let pairs = (0..n).map(move |k| {
                let partner = (pivot + n - k) % n;
                ([rows - 1, circle.first + k], [row, circle.first + partner], [rows - 2, circle.first + k])
            });
            // A point that meets itself tells nothing.
            self.ratios(pairs.filter(|(a, b, _)| a != b))
        };
        let same = |row: usize, pivot: usize| {
            let all = across(row, pivot);
            all.len() > 2 && all.last().is_some_and(|most| *most < SAME)
        };
        for pivot in [0, n - 1, n - 2, 1] {
            if same(rows - 3, pivot) {
                return Topology { north: EdgeNorth::FoldT, rows: rows - 1, pivot, ..circle };
            }
            if same(rows - 2, pivot) {
                return Topology { north: EdgeNorth::FoldF, rows: rows - 1, pivot, ..circle };
            }
            if same(rows - 1, pivot) {
                return Topology { north: EdgeNorth::FoldT, pivot, ..circle };
            }
        }
        // Across the line of a fold rows are as far apart as elsewhere.
        for pivot in [n - 1, 0, n - 2, 1] {
            let all = across(rows - 1, pivot);
            // But where columns run together, at the ends of the line.
            let near = all.iter().filter(|ratio| (0.2..5.0).contains(*ratio)).count();
            let middle = all.get(all.len() / 2).is_some_and(|ratio| (0.5..2.0).contains(ratio));
            if all.len() > 2 && middle && 5 * near >= 4 * all.len() {
                return Topology { north: EdgeNorth::FoldF, pivot, ..circle };
            }
        }
        circle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cap whose rows end at a segment between two poles: row `j` is an ellipse around it, so that
    /// both halves of the row on the segment meet.
    fn tripolar(rows: usize, columns: usize, half: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut lat, mut lon) = (Vec::new(), Vec::new());
        for j in 0..rows {
            let mu = (rows as f64 - 1.0 + half - j as f64) * 0.1;
            for i in 0..columns {
                let angle = (i as f64 + half) / columns as f64 * std::f64::consts::TAU;
                // Elliptic coordinates of a stereographic plane with foci at ±0.2.
                let (x, y) = (0.2 * mu.cosh() * angle.cos(), 0.2 * mu.sinh() * angle.sin());
                lat.push(90.0 - 2.0 * x.hypot(y).atan().to_degrees());
                lon.push(y.atan2(x).to_degrees());
            }
        }
        (lat, lon)
    }

    #[test]
    fn folds_are_seen() {
        let (rows, n) = (8, 24);
        let see = |shape, lat: &[f64], lon: &[f64]| {
            recognise(shape, lat, lon, TopologyChoice::Auto).expect("a topology")
        };
        let (lat, lon) = tripolar(rows, n, 0.5);
        let own = see([rows, n], &lat, &lon);
        assert_eq!(own, Topology::folded([rows, n], EdgeNorth::FoldF));
        let (lat, lon) = tripolar(rows, n, 0.0);
        assert_eq!(see([rows, n], &lat, &lon), Topology::folded([rows, n], EdgeNorth::FoldT));
        // As NEMO stores it: two columns more, and a row.
        let extended = |values: &[f64]| -> Vec<f64> {
            let at = |j: usize, i: usize| {
                let k = (i + n - 1) % n;
                if j < rows {
                    values[j * n + k]
                } else {
                    values[(rows - 2) * n + (n - k) % n]
                }
            };
            (0..=rows).flat_map(|j| (0..n + 2).map(move |i| (j, i))).map(|(j, i)| at(j, i)).collect()
        };
        let stored = see([rows + 1, n + 2], &extended(&lat), &extended(&lon));
        let expected = Topology { first: 1, ..Topology::folded([rows, n], EdgeNorth::FoldT) };
        assert_eq!(stored, expected);
        assert!(stored
            .describe([rows + 1, n + 2])
            .contains("2 columns repeat others, 1 row repeats another"));
    }

    #[test]
    fn parallels_do_not_fold() {
        let map = |rows: usize, columns: usize, step: f64| -> (Vec<f64>, Vec<f64>) {
            (0..rows * columns)
                .map(|c| (88.0 - (rows - 1 - c / columns) as f64 * 2.0, (c % columns) as f64 * step))
                .unzip()
        };
        let see = |shape: [usize; 2], step| {
            let (lat, lon) = map(shape[0], shape[1], step);
            recognise(shape, &lat, &lon, TopologyChoice::Auto).expect("a topology")
        };
        assert_eq!(see([20, 36], 10.0), Topology::periodic([20, 36]));
        assert_eq!(see([20, 30], 10.0), Topology::walls([20, 30]));
        assert_eq!(see([20, 37], 10.0).columns, 36);
        assert_eq!(see([2, 2], 10.0), Topology::walls([2, 2]));
        assert!(recognise([1, 1], &[0.0], &[0.0], TopologyChoice::TripolarF).is_err());
    }
}
