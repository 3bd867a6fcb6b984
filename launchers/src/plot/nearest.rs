//! Nearest cell on curvilinear and unstructured grids: a k-d tree of the cells' directions
//! from the centre of the earth, where neither poles nor seams nor folds are special.

use super::lookup::Window;
use super::MapPanel;

/// More cells than this are thinned out: no picture has the pixels to show them.
const MAX_CELLS: usize = 6_000_000;
const LEAF: usize = 8;

type Point = [f32; 3];

#[derive(Clone, Copy)]
struct Cell {
    at: Point,
    index: u32,
    /// Square of how far from its centre a cell reaches.
    reach: f32,
}

/// The tree: each range is split at its middle; `split` has the axis and the plane there.
pub(super) struct Nearest {
    cells: Vec<Cell>,
    split: Vec<(u8, f32)>,
    last: usize,
}

impl Nearest {
    /// The tree and the window of its cells; `None` if no cell has coordinates.
    pub(super) fn new(panel: &MapPanel) -> Option<(Self, Window)> {
        let (rows, columns) = panel.shape;
        let stride = ((panel.values.len() as f64 / MAX_CELLS as f64).sqrt().ceil() as usize).max(1);
        let place = |k: usize| {
            let (lat, lon) = (panel.lat[k], panel.lon[k]);
            // Models that leave out land write zeros there.
            let unset = lat == 0.0 && lon == 0.0 && !panel.values[k].is_finite();
            (lat.abs() <= 90.0 + 1e-6 && lon.abs() <= 1000.0 && !unset).then(|| direction(lon, lat))
        };
        let (mut cells, mut fold) = (Vec::new(), Vec::new());
        let (mut lats, mut lons) = (Vec::new(), Vec::new());
        for j in (0..rows).step_by(stride) {
            for i in (0..columns).step_by(stride) {
                let k = j * columns + i;
                let Some(at) = place(k) else { continue };
                let to = |j: Option<usize>, i: Option<usize>| {
                    let k = j.filter(|&j| j < rows)? * columns + i.filter(|&i| i < columns)?;
                    place(k).map(|other| square(at, other).sqrt())
                };
                let di = across(to(Some(j), i.checked_sub(stride)), to(Some(j), Some(i + stride)));
                let dj = across(to(j.checked_sub(stride), Some(i)), to(Some(j + stride), Some(i)));
                let (di, dj) = (di.or(dj).unwrap_or(0.02), dj.or(di).unwrap_or(0.02));
                // Half a diagonal, and something for cells that are not rectangles.
                let reach = 1.69 * 0.25 * (di * di + dj * dj);
                if panel.lat[k] > 45.0 && (j == 0 || j + stride >= rows) {
                    fold.push(cells.len());
                }
                cells.push(Cell { at, index: k as u32, reach });
                lats.push(panel.lat[k]);
                lons.push(panel.lon[k]);
            }
        }
        if cells.is_empty() {
            return None;
        }
        let middle = cells.len() / 2;
        let typical =
            cells.clone().select_nth_unstable_by(middle, |a, b| a.reach.total_cmp(&b.reach)).1.reach;
        let window = window(&lats, lons, f64::from(typical.sqrt()).to_degrees() / 1.9);
        if window.east - window.west >= 360.0 && window.north >= 90.0 {
            // Over the northern fold of a tripolar grid the next cell is one of the same row,
            // at a distance that the row before doesn't tell.
            for n in fold {
                cells[n].reach *= 6.0;
            }
        }
        let mut split = vec![(0, 0.0); cells.len()];
        build(&mut cells, &mut split);
        Some((Self { cells, split, last: 0 }, window))
    }

    /// The cell at a point, if one reaches so far.
    pub(super) fn find(&mut self, lon: f64, lat: f64) -> Option<u32> {
        let at = direction(lon, lat);
        // Neighbouring points mostly have the same answer, which prunes the search.
        let mut best = (square(at, self.cells[self.last].at), self.last);
        self.search(at, 0, self.cells.len(), &mut best);
        self.last = best.1;
        let cell = self.cells[best.1];
        (best.0 <= cell.reach).then_some(cell.index)
    }

    fn search(&self, at: Point, from: usize, to: usize, best: &mut (f32, usize)) {
        if to - from <= LEAF {
            for n in from..to {
                let d = square(at, self.cells[n].at);
                if d < best.0 {
                    *best = (d, n);
                }
            }
            return;
        }
        let middle = usize::midpoint(from, to);
        let (axis, plane) = self.split[middle];
        let beyond = at[usize::from(axis)] - plane;
        let halves = [(from, middle), (middle, to)];
        let (near, far) = if beyond < 0.0 { (halves[0], halves[1]) } else { (halves[1], halves[0]) };
        self.search(at, near.0, near.1, best);
        if beyond * beyond < best.0 {
            self.search(at, far.0, far.1, best);
        }
    }
}

fn build(cells: &mut [Cell], split: &mut [(u8, f32)]) {
    if cells.len() <= LEAF {
        return;
    }
    let extent = |axis: usize| {
        let range = cells.iter().fold((2.0_f32, -2.0_f32), |r, c| (r.0.min(c.at[axis]), r.1.max(c.at[axis])));
        range.1 - range.0
    };
    let axis = (0..3).max_by(|&a, &b| extent(a).total_cmp(&extent(b))).unwrap_or(0);
    let middle = cells.len() / 2;
    cells.select_nth_unstable_by(middle, |a, b| a.at[axis].total_cmp(&b.at[axis]));
    split[middle] = (axis as u8, cells[middle].at[axis]);
    let (low, high) = cells.split_at_mut(middle);
    let (split_low, split_high) = split.split_at_mut(middle);
    build(low, split_low);
    build(high, split_high);
}

fn direction(lon: f64, lat: f64) -> Point {
    let ((sx, cx), (sy, cy)) = (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
    [(cy * cx) as f32, (cy * sx) as f32, sy as f32]
}

fn square(a: Point, b: Point) -> f32 {
    (0..3).map(|c| (a[c] - b[c]) * (a[c] - b[c])).sum()
}

/// The cell's width from the distances to its two neighbours. A repeated column has distance
/// nought, and one across a seam or to an unset cell is far too large.
fn across(before: Option<f32>, after: Option<f32>) -> Option<f32> {
    let real = |d: &f32| *d > 1e-7;
    match (before.filter(real), after.filter(real)) {
        (Some(a), Some(b)) if a.max(b) < 3.0 * a.min(b) => Some(a.max(b)),
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What the map shows of cells about `half` degrees in half-width.
fn window(lats: &[f64], mut lons: Vec<f64>, half: f64) -> Window {
    let range = |v: &[f64]| v.iter().fold((f64::MAX, f64::MIN), |r, &x| (r.0.min(x), r.1.max(x)));
    let (low, high) = range(lats);
    let raw = range(&lons);
    let (south, north) =
        if high - low > 150.0 { (-90.0, 90.0) } else { ((low - half).max(-90.0), (high + half).min(90.0)) };
    for x in &mut lons {
        *x = x.rem_euclid(360.0);
    }
    lons.sort_unstable_by(f64::total_cmp);
    let (first, last) = (lons[0], lons[lons.len() - 1]);
    // The widest stretch without a cell, and where it ends.
    let inner = lons.windows(2).map(|w| (w[1] - w[0], w[1]));
    let (gap, start) = inner.fold((first + 360.0 - last, first), |g, h| if h.0 > g.0 { h } else { g });
    if gap < 15.0_f64.max(5.0 * half) && lons.len() > 3 {
        // The data's own convention.
        let west = match raw {
            (low, high) if low < -5.0 && high <= 185.0 && low >= -185.0 => -180.0,
            (low, _) if (-5.0..5.0).contains(&low) => 0.0,
            (low, _) => low.round(),
        };
        return Window { west, east: west + 360.0, south, north };
    }
    let half = half / f64::midpoint(south, north).to_radians().cos().max(0.2);
    let (mut west, span) = (start - half, 360.0 - gap + 2.0 * half);
    if raw.1 <= 180.5 && west + span / 2.0 > 180.0 {
        west -= 360.0;
    }
    Window { west, east: west + span, south, north }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid turned by 30 degrees, so that neither rows nor columns follow the map.
    fn turned() -> MapPanel {
        let (mut lat, mut lon) = (Vec::new(), Vec::new());
        for j in 0..20 {
            for i in 0..30 {
                let (x, y) = (f64::from(i) * 0.5, f64::from(j) * 0.5);
                lon.push((355.0 + x * 0.866 - y * 0.5).rem_euclid(360.0));
                lat.push(x * 0.5 + y * 0.866);
            }
        }
        MapPanel { values: vec![1.0; 600], lat, lon, shape: (20, 30), ..MapPanel::default() }
    }

    #[test]
    fn every_centre_finds_itself_and_far_points_find_nothing() {
        let panel = turned();
        let (mut nearest, window) = Nearest::new(&panel).unwrap();
        for k in 0..600 {
            assert_eq!(nearest.find(panel.lon[k], panel.lat[k]), Some(k as u32));
        }
        assert_eq!(nearest.find(90.0, 0.0), None);
        assert!(window.east - window.west < 25.0 && window.south < 0.5, "{window:?}");
    }

    #[test]
    fn the_tree_agrees_with_trying_all() {
        let panel = turned();
        let (mut nearest, w) = Nearest::new(&panel).unwrap();
        for n in 0..500 {
            let (a, b) = (f64::from(n) * 0.618 % 1.0, f64::from(n) * 0.414 % 1.0);
            let (lon, lat) = (w.west + a * (w.east - w.west), w.south + b * (w.north - w.south));
            let at = direction(lon, lat);
            let distance = |k: &usize| square(at, direction(panel.lon[*k], panel.lat[*k]));
            let best = (0..600).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
            if let Some(found) = nearest.find(lon, lat) {
                assert!(distance(&(found as usize)) <= distance(&best) + 1e-9);
            }
        }
    }

    #[test]
    fn a_global_grid_has_no_hole_at_its_seam() {
        let (mut lat, mut lon) = (Vec::new(), Vec::new());
        for j in 0..36 {
            for i in 0..72 {
                lat.push(f64::from(j) * 5.0 - 87.5);
                lon.push(-279.0 + f64::from(i) * 5.0);
            }
        }
        let panel =
            MapPanel { values: vec![1.0; lat.len()], lat, lon, shape: (36, 72), ..MapPanel::default() };
        let (mut nearest, w) = Nearest::new(&panel).unwrap();
        assert_eq!((w.west, w.east, w.south, w.north), (-279.0, 81.0, -90.0, 90.0));
        for n in 0..720 {
            for lat in [-89.9, -30.2, 0.0, 61.3, 89.9] {
                assert!(nearest.find(f64::from(n) * 0.5 - 279.0, lat).is_some(), "{n} {lat}");
            }
        }
    }
}
