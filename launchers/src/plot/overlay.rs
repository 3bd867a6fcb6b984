//! Lines over a map: of equal values, and paths.

use super::canvas::{Canvas, INK, PAPER};
use super::colour::{Rgb, WARM};
use super::contour::Lattice;
use super::layout::Rect;
use super::lookup::Window;
use super::MapPanel;
use plotters::prelude::DrawingBackend;

/// Lines of levels.
const LEVEL: Rgb = [96, 100, 106];

/// Where a map stands on the page.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) frame: Rect,
    pub(super) window: Window,
    /// Whether places are in degrees.
    pub(super) geographic: bool,
}

impl Placed {
    fn at(&self, (lon, lat): (f64, f64)) -> (f64, f64) {
        let (w, frame) = (self.window, self.frame);
        let x = frame.x + frame.w * (lon - w.west) / (w.east - w.west);
        (x, frame.bottom() - frame.h * (lat - w.south) / (w.north - w.south))
    }
    fn holds(&self, (lon, lat): (f64, f64)) -> bool {
        let w = self.window;
        (w.west..=w.east).contains(&lon) && (w.south..=w.north).contains(&lat)
    }

    /// The pieces of a line of the map, whose longitudes have no jumps, that are in the window.
    fn pieces(&self, line: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let Some(first) = line.first() else { return Vec::new() };
        let turns: &[f64] = if self.geographic { &[0.0, -360.0, 360.0] } else { &[0.0] };
        let home = if self.geographic { 360.0 * ((first.0 - self.window.west) / 360.0).floor() } else { 0.0 };
        let mut pieces = Vec::new();
        for turn in turns {
            let moved: Vec<_> = line.iter().map(|(lon, lat)| (lon - home + turn, *lat)).collect();
            let runs = moved.split(|p| !self.holds(*p)).filter(|run| run.len() > 1);
            pieces.extend(runs.map(|run| run.iter().map(|p| self.at(*p)).collect()));
        }
        pieces
    }
}

/// Lines at `panel.contours`, that of 0 thicker, and the paths.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &MapPanel, placed: Placed) {
    if !panel.contours.is_empty() {
        let (values, columns) = closed(panel, &placed);
        let axis = |n: usize| (0..n).map(|k| k as f64).collect::<Vec<_>>();
        let (x, y) = (axis(columns), axis(panel.shape.0));
        let lattice = Lattice { x: &x, y: &y, values: &values };
        // A 0 to the last bit is a coast, not a line between flows.
        let flow: Vec<f64> = values.iter().map(|v| if *v == 0.0 { f64::NAN } else { *v }).collect();
        for &level in panel.contours.iter().chain(panel.contours.iter().any(|l| *l < 0.0).then_some(&0.0)) {
            let lattice = if level == 0.0 { Lattice { values: &flow, ..lattice } } else { lattice };
            for line in lattice.lines(level) {
                let line: Vec<_> = without_jumps(line.into_iter().map(|p| on_map(panel, &placed, p)));
                for piece in placed.pieces(&line) {
                    let (colour, width) = if level == 0.0 { (INK, 1.8) } else { (LEVEL, 1.0) };
                    canvas.line(&piece, colour, width);
                }
            }
        }
    }
    for path in &panel.paths {
        for piece in placed.pieces(path) {
            canvas.line(&piece, PAPER, 6.0);
            canvas.line(&piece, WARM, 3.6);
        }
        if let Some(first) = placed.pieces(path).first().and_then(|piece| piece.first()) {
            canvas.disc(*first, 6.0, WARM);
        }
    }
}

/// Values whose last column is the first again, where rows go around the earth; and the columns.
fn closed(panel: &MapPanel, placed: &Placed) -> (Vec<f64>, usize) {
    let columns = panel.shape.1;
    let whole = placed.window.east - placed.window.west > 359.9;
    if !(placed.geographic && panel.rectilinear && whole) || columns < 3 {
        return (panel.values.clone(), columns);
    }
    let rows = panel.values.chunks_exact(columns);
    (rows.flat_map(|row| row.iter().chain(&row[..1]).copied()).collect(), columns + 1)
}

/// Where a point between columns and rows is on the map.
fn on_map(panel: &MapPanel, placed: &Placed, (x, y): (f64, f64)) -> (f64, f64) {
    if !placed.geographic {
        return (x, y);
    }
    let (rows, columns) = panel.shape;
    let (i, j) = (x.floor() as usize, y.floor() as usize);
    let (across, up) = (x - x.floor(), y - y.floor());
    let cell = |j: usize, i: usize| j.min(rows - 1) * columns + i % columns;
    let a = cell(j, i);
    // Lines cross the sides of the lattice: one of both is whole.
    let (b, share) = if across > 0.0 { (cell(j, i + 1), across) } else { (cell(j + 1, i), up) };
    let step = panel.lon[b] - panel.lon[a];
    let step = step - 360.0 * (step / 360.0).round();
    (panel.lon[a] + share * step, panel.lat[a] + share * (panel.lat[b] - panel.lat[a]))
}

/// A line whose longitudes don't jump by a turn.
fn without_jumps(line: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    for (lon, lat) in line {
        let before = out.last().map_or(lon, |p| p.0);
        out.push((lon - 360.0 * ((lon - before) / 360.0).round(), lat));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_edge_of_a_map_are_cut_in_two() {
        let frame = Rect { x: 0.0, y: 0.0, w: 360.0, h: 180.0 };
        let window = Window { west: 0.0, east: 360.0, south: -90.0, north: 90.0 };
        let placed = Placed { frame, window, geographic: true };
        let line = without_jumps([(350.0, 0.0), (355.0, 0.0), (2.0, 0.0), (8.0, 0.0)].into_iter());
        assert_eq!(line[3], (368.0, 0.0));
        let pieces = placed.pieces(&line);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(350.0, 90.0), (355.0, 90.0)]);
        assert_eq!(pieces[1], [(2.0, 90.0), (8.0, 90.0)]);
        assert!(placed.pieces(&[]).is_empty());
    }
}
