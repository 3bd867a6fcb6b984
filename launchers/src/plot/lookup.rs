//! Which cell lies at a point of the map.

use super::nearest::Nearest;
use super::MapPanel;

/// No cell.
pub(super) const NONE: u32 = u32::MAX;

/// A window on the earth in degrees (`east` > `west`, in any convention), or on indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

/// Cell centres along a line, as edges in rising order.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    edges: Vec<f64>,
    falling: bool,
    cyclic: bool,
}

impl Axis {
    /// `None` if the centres are not finite and strictly monotonic.
    fn new(mut centres: Vec<f64>) -> Option<Self> {
        let falling = centres.len() > 1 && centres[1] < centres[0];
        if falling {
            centres.reverse();
        }
        let rising = centres.iter().all(|c| c.is_finite()) && centres.windows(2).all(|w| w[0] < w[1]);
        let (&first, &last) = (centres.first()?, centres.last()?);
        if !rising {
            return None;
        }
        let n = centres.len();
        let ends = if n > 1 { (centres[1] - first, last - centres[n - 2]) } else { (1.0, 1.0) };
        let inner = centres.windows(2).map(|w| f64::midpoint(w[0], w[1]));
        let edges = std::iter::once(first - ends.0 / 2.0).chain(inner).chain([last + ends.1 / 2.0]).collect();
        Some(Self { edges, falling, cyclic: false })
    }

    /// Latitudes: the outer edges don't go past a pole, nor stop just before it.
    fn latitude(centres: Vec<f64>) -> Option<Self> {
        let mut axis = Self::new(centres)?;
        let n = axis.edges.len();
        let steps = (axis.edges[1] - axis.edges[0], axis.edges[n - 1] - axis.edges[n - 2]);
        if axis.edges[0] < -90.0 + 0.6 * steps.0.min(5.0) {
            axis.edges[0] = -90.0;
        }
        if axis.edges[n - 1] > 90.0 - 0.6 * steps.1.min(5.0) {
            axis.edges[n - 1] = 90.0;
        }
        axis.edges.windows(2).all(|w| w[0] < w[1]).then_some(axis)
    }

    /// Longitudes, which may jump by 360 degrees somewhere.
    fn longitude(mut centres: Vec<f64>) -> Option<Self> {
        for n in 1..centres.len() {
            let d = centres[n] - centres[n - 1];
            centres[n] = centres[n - 1] + d - 360.0 * ((d - 1e-9) / 360.0).round();
        }
        let mut axis = Self::new(centres)?;
        let n = axis.edges.len();
        let step = (axis.edges[n - 1] - axis.edges[0]) / (n - 1) as f64;
        axis.cyclic = n > 2 && axis.edges[n - 1] - axis.edges[0] > 360.0 - 0.5 * step;
        Some(axis)
    }

    fn range(&self) -> (f64, f64) {
        (self.edges[0], self.edges[self.edges.len() - 1])
    }

    /// The cell that contains `v`, as the file counts.
    fn find(&self, v: f64) -> Option<u32> {
        let (low, high) = self.range();
        let v = if self.cyclic { low + (v - low).rem_euclid(360.0) } else { v };
        let cells = self.edges.len() - 1;
        // A cyclic axis may end a rounding error before the full turn.
        if !(v >= low && (v <= high || self.cyclic)) {
            return None;
        }
        let n = self.edges.partition_point(|&e| e <= v).clamp(1, cells) - 1;
        Some(if self.falling { cells - 1 - n } else { n } as u32)
    }
}

enum Cells {
    Lines { x: Axis, y: Axis },
    Scattered(Nearest),
}

/// Finds cells for the points of a picture.
pub(super) struct Sampler {
    cells: Cells,
    window: Window,
    /// Whether the window is on the earth.
    pub(super) geographic: bool,
    // The columns of the last row, which the next one shares.
    columns: Vec<u32>,
    width: usize,
}

impl Sampler {
    /// `None` for a map without cells.
    pub(super) fn new(panel: &MapPanel) -> Option<Self> {
        let (rows, columns) = panel.shape;
        if rows == 0 || columns == 0 {
            return None;
        }
        if panel.lat.is_empty() {
            return Self::on_indices(panel);
        }
        let lines = || {
            let x = Axis::longitude(panel.lon[..columns].to_vec())?;
            let y = Axis::latitude(panel.lat.iter().step_by(columns).copied().collect())?;
            Some((x, y))
        };
        let (cells, window) = if let Some((x, y)) = panel.rectilinear.then(lines).flatten() {
            let (south, north) = y.range();
            let (west, east) = if x.cyclic { whole_turn(&x) } else { x.range() };
            (Cells::Lines { x, y }, Window { west, east, south, north })
        } else if let Some((nearest, window)) = Nearest::new(panel) {
            (Cells::Scattered(nearest), window)
        } else {
            // No cell says where it is.
            return Self::on_indices(panel);
        };
        Some(Self { cells, window, geographic: true, columns: Vec::new(), width: columns })
    }

    /// The field as it lies in memory, first row at the bottom.
    fn on_indices(panel: &MapPanel) -> Option<Self> {
        let numbers = |n: usize| Axis::new((0..n).map(|k| k as f64).collect());
        let (y, x) = (numbers(panel.shape.0)?, numbers(panel.shape.1)?);
        let ((west, east), (south, north)) = (x.range(), y.range());
        let window = Window { west, east, south, north };
        let width = panel.shape.1;
        Some(Self { cells: Cells::Lines { x, y }, window, geographic: false, columns: Vec::new(), width })
    }

    /// What the map shows.
    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Cells of `out.len()` points from west to east, `share` of the way from north to south.
    pub(super) fn row(&mut self, share: f64, out: &mut [u32]) {
        let w = self.window;
        let n = out.len() as f64;
        let x_at = |i: usize| w.west + (w.east - w.west) * (i as f64 + 0.5) / n;
        let y_at = w.north - (w.north - w.south) * share;
        match &mut self.cells {
            Cells::Lines { x, y } => {
                if self.columns.len() != out.len() {
                    self.columns = (0..out.len()).map(|i| x.find(x_at(i)).unwrap_or(NONE)).collect();
                }
                let row = y.find(y_at);
                for (cell, &column) in out.iter_mut().zip(&self.columns) {
                    *cell = match row {
                        Some(row) if column != NONE => row * self.width as u32 + column,
                        _ => NONE,
                    };
                }
            }
            Cells::Scattered(nearest) => {
                for (i, cell) in out.iter_mut().enumerate() {
                    *cell = nearest.find(x_at(i), y_at).unwrap_or(NONE);
                }
            }
        }
    }
}

/// The full circle in the data's own convention: 0..360 and -180..180 are made exact.
fn whole_turn(x: &Axis) -> (f64, f64) {
    let start = x.edges[0];
    let step = x.edges[1] - start;
    let round = (start / 180.0).round() * 180.0;
    let west = if (start - round).abs() <= 1.01 * step { round } else { start };
    (west, west + 360.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(lat: &[f64], lon: &[f64]) -> MapPanel {
        let cells = || lat.iter().flat_map(|&y| lon.iter().map(move |&x| (y, x)));
        MapPanel {
            lat: cells().map(|c| c.0).collect(),
            lon: cells().map(|c| c.1).collect(),
            values: vec![0.0; lat.len() * lon.len()],
            shape: (lat.len(), lon.len()),
            rectilinear: true,
            ..MapPanel::default()
        }
    }

    fn row(sampler: &mut Sampler, share: f64, n: usize) -> Vec<u32> {
        let mut out = vec![0; n];
        sampler.row(share, &mut out);
        out
    }

    #[test]
    fn a_global_grid_covers_the_seam_in_either_convention() {
        let mut s = Sampler::new(&panel(&[-45.0, 45.0], &[0.0, 90.0, 180.0, 270.0])).unwrap();
        assert_eq!(s.window(), Window { west: 0.0, east: 360.0, south: -90.0, north: 90.0 });
        // West of 45 and east of 315 degrees is cell 0; the upper half is row 1.
        assert_eq!(row(&mut s, 0.2, 8), [4, 5, 5, 6, 6, 7, 7, 4]);
        assert_eq!(row(&mut s, 0.8, 8)[0], 0);
        let mut s = Sampler::new(&panel(&[45.0, -45.0], &[-135.0, -45.0, 45.0, 135.0])).unwrap();
        assert_eq!((s.window().west, s.window().east), (-180.0, 180.0));
        assert_eq!(row(&mut s, 0.2, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn a_region_across_greenwich_is_one_piece() {
        let mut s = Sampler::new(&panel(&[10.0, 11.0], &[358.0, 359.0, 0.0, 1.0])).unwrap();
        assert_eq!((s.window().west, s.window().east), (357.5, 361.5));
        assert_eq!(row(&mut s, 0.9, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn latitudes_may_fall_and_gaussian_rows_reach_the_poles() {
        let axis = Axis::latitude(vec![89.1, 87.4, 85.7]).unwrap();
        assert_eq!(axis.find(90.0), Some(0));
        assert_eq!(axis.find(85.7), Some(2));
        assert_eq!(axis.find(80.0), None);
        assert_eq!(Axis::new(vec![1.0, f64::NAN]), None);
        assert_eq!(Axis::new(vec![1.0, 1.0]), None);
    }

    #[test]
    fn without_coordinates_rows_grow_upwards() {
        let panel = MapPanel { values: vec![0.0; 6], shape: (2, 3), ..MapPanel::default() };
        let mut s = Sampler::new(&panel).unwrap();
        assert_eq!(row(&mut s, 0.25, 3), [3, 4, 5]);
        assert!(!s.geographic);
    }
}
