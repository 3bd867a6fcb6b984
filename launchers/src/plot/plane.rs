//! A field over two axes of numbers, such as wave number and frequency: filled levels, lines at
//! them, curves and arrows above.

use super::axes::nothing;
use super::canvas::{Align, Canvas, Font, GRID, INK, LABEL, MISSING, PAPER, SOFT, TICK};
use super::colour::{valid, Rgb, Steps};
use super::contour::Lattice;
use super::layout::Rect;
use super::{text, ticks, PlanePanel};
use plotters::prelude::DrawingBackend;

/// Lines of levels.
const LEVEL: Rgb = [120, 124, 130];
/// How much finer the lattice is on which lines are looked for.
const FINER: usize = 4;
/// Most points of that lattice.
const POINTS: usize = 400_000;

/// Data to pixels.
#[derive(Clone, Copy)]
struct Scales {
    frame: Rect,
    x: (f64, f64),
    y: (f64, f64),
}

impl Scales {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = self.frame.w * (x - self.x.0) / (self.x.1 - self.x.0);
        let up = self.frame.h * (y - self.y.0) / (self.y.1 - self.y.0);
        (self.frame.x + across, self.frame.bottom() - up)
    }
    fn holds(&self, (x, y): (f64, f64)) -> bool {
        (self.x.0..=self.x.1).contains(&x) && (self.y.0..=self.y.1).contains(&y)
    }
}

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &PlanePanel, place: Rect) {
    let u = canvas.unit();
    let inner = canvas.below_title(&panel.title, place);
    let most = (inner.h / (70.0 * u)).clamp(2.0, 9.0);
    let (at, labels): (Vec<f64>, Vec<String>) = if panel.y_ticks.is_empty() {
        let at = ticks::round(panel.y_range.0, panel.y_range.1, most);
        let labels = ticks::labels(&at).0;
        (at, labels)
    } else {
        panel.y_ticks.iter().cloned().unzip()
    };
    let widest = labels.iter().map(|l| canvas.width(l, TICK)).fold(0.0, f64::max);
    let right = if panel.inverse.is_empty() { 14.0 } else { 92.0 } * u;
    let frame = inner.inset(40.0 * u + widest + 14.0 * u, 0.0, right, 176.0 * u).snapped();
    let scales = Scales { frame, x: panel.x_range, y: panel.y_range };
    let steps = if panel.is_symmetric {
        Steps::symmetric(&panel.levels)
    } else {
        Steps::new(&panel.levels, panel.is_excess)
    };
    let lattice = Lattice { x: &panel.x, y: &panel.y, values: &panel.values };
    let (width, height) = (panel.x_range.1 - panel.x_range.0, panel.y_range.1 - panel.y_range.0);
    canvas.image(frame, |share, out| {
        let n = out.len() as f64;
        for (i, colour) in out.iter_mut().enumerate() {
            let x = panel.x_range.0 + width * (i as f64 + 0.5) / n;
            let value = lattice.at(x, panel.y_range.1 - share * height);
            *colour = if valid(value) { steps.colour(value) } else { MISSING };
        }
    });
    level_lines(canvas, panel, &scales);
    for curve in &panel.curves {
        for run in curve.split(|p| !(p.0.is_finite() && p.1.is_finite() && scales.holds(*p))) {
            let points: Vec<_> = run.iter().map(|p| scales.at(*p)).collect();
            canvas.line(&points, PAPER, 4.2);
            canvas.line(&points, INK, 2.0);
        }
    }
    let arrow = 0.5 * panel.arrow_length * u;
    for &((x, y), (dx, dy)) in panel.arrows.iter().filter(|a| scales.holds(a.0)) {
        let (px, py) = scales.at((x, y));
        canvas.arrow((px - arrow * dx, py + arrow * dy), (px + arrow * dx, py - arrow * dy), 1.6);
    }
    if scales.x.0 < 0.0 && scales.x.1 > 0.0 {
        let ends = [scales.at((0.0, scales.y.0)), scales.at((0.0, scales.y.1))];
        canvas.dashes(&ends, INK, 1.5, &[9.0, 7.0]);
    }
    let small = Font { size: 18.0, ..LABEL };
    for (name, point) in panel.marks.iter().filter(|m| scales.holds(m.1)) {
        let (x, y) = scales.at(*point);
        // Inside the frame as a whole.
        let half = 0.5 * canvas.width(name, small) + 8.0 * u;
        let x = x.clamp(frame.x + half, (frame.right() - half).max(frame.x + half));
        canvas.text_on_patch(name, (x, y), small);
    }
    if !panel.values.iter().any(|v| valid(*v)) {
        nothing(canvas, frame);
    }
    canvas.outline(frame, INK, 1.5);
    canvas.panel_title(&panel.title, place, frame);
    axes(canvas, panel, &scales, (&at, &labels), place);
    colour_bar(canvas, panel, &steps, frame);
}

/// Lines at the levels where colours change.
fn level_lines<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &PlanePanel, scales: &Scales) {
    let lattice = Lattice { x: &panel.x, y: &panel.y, values: &panel.values };
    let finer = if panel.values.len() * FINER * FINER <= POINTS { FINER } else { 1 };
    let (x, y, values) = lattice.refined(finer);
    let fine = Lattice { x: &x, y: &y, values: &values };
    for level in &panel.levels {
        for line in fine.lines(*level) {
            for run in line.split(|p| !scales.holds(*p)) {
                canvas.line(&run.iter().map(|p| scales.at(*p)).collect::<Vec<_>>(), LEVEL, 0.9);
            }
        }
    }
    for line in fine.lines(0.0).iter().filter(|_| panel.is_symmetric) {
        for run in line.split(|p| !scales.holds(*p)) {
            canvas.line(&run.iter().map(|p| scales.at(*p)).collect::<Vec<_>>(), INK, 2.0);
        }
    }
}

/// Ticks and labels of both axes, and those of one over the vertical one.
fn axes<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    panel: &PlanePanel,
    scales: &Scales,
    (at, labels): (&[f64], &[String]),
    place: Rect,
) {
    let (u, frame) = (canvas.unit(), scales.frame);
    let mut free = f64::MAX;
    for (&y, label) in at.iter().zip(labels) {
        let (_, py) = scales.at((scales.x.0, y));
        if (py - free).abs() < 20.0 * u || !(frame.y - u..=frame.bottom() + u).contains(&py) {
            continue;
        }
        free = py;
        canvas.line(&[(frame.x - 6.0 * u, py), (frame.x, py)], INK, 1.5);
        canvas.text(label, (frame.x - 11.0 * u, py), Align::Right, TICK);
    }
    let xs = ticks::round(scales.x.0, scales.x.1, (frame.w / (70.0 * u)).clamp(2.0, 9.0));
    for (&x, label) in xs.iter().zip(&ticks::labels(&xs).0) {
        let (px, _) = scales.at((x, scales.y.0));
        canvas.line(&[(px, frame.bottom()), (px, frame.bottom() + 6.0 * u)], INK, 1.5);
        canvas.text(label, (px, frame.bottom() + 24.0 * u), Align::Centre, TICK);
    }
    let ylabel = canvas.fit(&panel.ylabel, LABEL, frame.h);
    canvas.text_upwards(&ylabel, (place.x + 14.0 * u, frame.middle().1), LABEL);
    let xlabel = canvas.fit(&panel.xlabel, LABEL, frame.w);
    canvas.text(&xlabel, (frame.middle().0, frame.bottom() + 56.0 * u), Align::Centre, LABEL);
    if panel.inverse.is_empty() {
        return;
    }
    let mut free = f64::MAX;
    for whole in [1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0, 100.0]
        .into_iter()
        .rev()
        .filter(|p| (scales.y.0..=scales.y.1 * (1.0 + 1e-9)).contains(&(1.0 / p)))
    {
        let (_, py) = scales.at((0.0, 1.0 / whole));
        if free - py < 26.0 * u {
            continue;
        }
        canvas.line(&[(frame.right(), py), (frame.right() + 6.0 * u, py)], INK, 1.5);
        canvas.text(&whole.to_string(), (frame.right() + 11.0 * u, py), Align::Left, TICK);
        free = py;
    }
    let label = canvas.fit(&panel.inverse, LABEL, frame.h);
    canvas.text_upwards(&label, (frame.right() + 72.0 * u, frame.middle().1), LABEL);
}

/// A box of each colour, and the levels between them.
fn colour_bar<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &PlanePanel, steps: &Steps, frame: Rect) {
    let (u, n) = (canvas.unit(), panel.levels.len());
    if n == 0 {
        return;
    }
    let bar = Rect { x: frame.x, y: frame.bottom() + 84.0 * u, w: frame.w, h: 22.0 * u }.snapped();
    let edge = |k: usize| bar.x + bar.w * k as f64 / (n + 1) as f64;
    for k in 0..=n {
        let corners =
            [(edge(k), bar.y), (edge(k + 1), bar.y), (edge(k + 1), bar.bottom()), (edge(k), bar.bottom())];
        canvas.area(&corners, steps.class(k));
    }
    let (labels, power) = ticks::labels(&panel.levels);
    let mut free = f64::MIN;
    for (k, label) in labels.iter().enumerate() {
        let x = edge(k + 1);
        canvas.line(&[(x, bar.y), (x, bar.bottom())], GRID, 1.0);
        let half = 0.5 * canvas.width(label, TICK);
        if x - half > free {
            canvas.text(label, (x, bar.bottom() + 19.0 * u), Align::Centre, TICK);
            free = x + half + 10.0 * u;
        }
    }
    canvas.outline(bar, INK, 1.2);
    let units = ticks::with_power(&text::label(&panel.units), power);
    let units = canvas.fit(&units, Font { colour: SOFT, ..LABEL }, frame.w);
    canvas.text(
        &units,
        (bar.middle().0, bar.bottom() + 48.0 * u),
        Align::Centre,
        Font { colour: SOFT, ..LABEL },
    );
}
