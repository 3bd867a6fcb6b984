//! Curves over a common axis, such as spectra over frequency, linear or logarithmic.

use super::axes::{self, Axes, Plan};
use super::canvas::{Align, Canvas, Font, INK, LABEL, SOFT};
use super::colour::{extremes, Rgb, COOL, WARM};
use super::layout::Rect;
use super::{ticks, CurveKind, CurvesPanel, Figure, Panel};
use plotters::prelude::DrawingBackend;

/// Decades of a logarithmic axis, at most: below are zeros but for rounding.
const DECADES: f64 = 12.0;
/// The second of two curves.
const OTHER: Rgb = [214, 130, 32];

/// Between the limits of an interval.
const BETWEEN: Rgb = [226, 236, 246];
/// The radius of a mark, in nominal pixels.
const MARK: f64 = 6.0;
/// That of points of curves, and of what is left of a curve between gaps.
const POINT: f64 = 3.0;
/// That of a curve that is one point.
const ALONE: f64 = 6.0;

/// What panels draw: points of each curve, logarithms where the axis is logarithmic, and the
/// ranges of both axes.
struct Scaled {
    curves: Vec<Vec<(f64, f64)>>,
    x: (f64, f64),
    y: (f64, f64),
}

fn there(p: &(f64, f64)) -> bool {
    p.0.is_finite() && p.1.is_finite()
}

fn scale(panel: &CurvesPanel) -> Scaled {
    let scaled = |v: f64, log: bool| if log { v.log10() } else { v };
    let points = |y: &[f64]| -> Vec<(f64, f64)> {
        let both = panel.x.iter().zip(y);
        both.map(|(x, y)| (scaled(*x, panel.x_is_log), scaled(*y, panel.y_is_log))).collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = panel.curves.iter().map(|curve| points(&curve.y)).collect();
    let all = || curves.iter().flatten().filter(|p| there(p));
    // Where nothing can be drawn, the axis is that of the panels beside it.
    let along = || panel.x.iter().map(|x| scaled(*x, panel.x_is_log)).filter(|x| x.is_finite());
    let x = range(extremes(all().map(|p| p.0)).or_else(|| extremes(along())), 0.0);
    let mut y = range(extremes(all().map(|p| p.1)), 0.05);
    if panel.y_is_log {
        y.0 = y.0.max(y.1 - DECADES);
    }
    y = panel.y_range.unwrap_or(y);
    Scaled { curves, x, y }
}

fn plan<'a>(panel: &'a CurvesPanel, scaled: &Scaled, head: f64) -> Plan<'a> {
    Plan {
        title: &panel.title,
        xlabel: &panel.xlabel,
        ylabel: &panel.ylabel,
        x: scaled.x,
        y: scaled.y,
        y_is_log: panel.y_is_log,
        head,
    }
}

/// The room that labels take at the left of panels which stand one above the other: the most that
/// one needs, so that their frames are aligned; 0 where panels are of other kinds.
pub(super) fn common_head<B: DrawingBackend>(canvas: &Canvas<B>, figure: &Figure, places: &[Rect]) -> f64 {
    let mut most: f64 = 0.0;
    for (panel, place) in figure.panels.iter().zip(places) {
        let Panel::Curves(panel) = panel else { return 0.0 };
        let scaled = scale(panel);
        most = most.max(axes::head(canvas, &plan(panel, &scaled, 0.0), *place));
    }
    most
}

/// Draws the panel; its labels take `head` pixels at the left, or more if they need more.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &CurvesPanel, place: Rect, head: f64) {
    let scaled = scale(panel);
    let Scaled { curves, x, y } = &scaled;
    let all = || curves.iter().flatten().filter(|p| there(p));
    let plan = plan(panel, &scaled, head);
    let axes = Axes::draw(canvas, &plan, place, |most| {
        if panel.x_is_log {
            return ticks::decades(x.0, x.1, most);
        }
        let at = ticks::round(x.0, x.1, most);
        let (labels, power) = ticks::labels(&at);
        let named = |l: String| if power == 0 { l } else { format!("{l}·{}", ticks::with_power("", power)) };
        at.into_iter().zip(labels.into_iter().map(named)).collect()
    });
    if all().next().is_none() {
        let is_zero = panel.y_is_log && panel.curves.iter().flat_map(|c| &c.y).any(|v| v.is_finite());
        if is_zero {
            axes::say(canvas, axes.frame, "not above 0, so on no logarithmic axis");
        } else {
            axes.empty(canvas);
        }
    }
    // What is below a logarithmic axis is not drawn.
    let floor = if panel.y_is_log { y.0 } else { f64::NEG_INFINITY };
    let is_seen = |p: &(f64, f64)| there(p) && p.1 >= floor;
    // Both limits of an interval follow one another.
    for (pair, points) in panel.curves.windows(2).zip(curves.windows(2)) {
        if pair.iter().all(|curve| curve.kind == CurveKind::Interval) {
            let both: Vec<_> = points[0].iter().zip(&points[1]).collect();
            for run in both.split(|(a, b)| !(there(a) && there(b)) || a.1.max(b.1) < floor) {
                let at = |p: &(f64, f64)| axes.at(p.0, p.1.clamp(y.0, y.1));
                let back = run.iter().rev().map(|(_, b)| at(b));
                let corners: Vec<_> = run.iter().map(|(a, _)| at(a)).chain(back).collect();
                canvas.area(&corners, BETWEEN);
            }
        }
    }
    for (curve, points) in panel.curves.iter().zip(curves) {
        let (colour, width, pattern) = style(curve.kind);
        if [CurveKind::Marks, CurveKind::Points].contains(&curve.kind) {
            let radius = if curve.kind == CurveKind::Marks { MARK } else { POINT };
            let seen = points.iter().filter(|p| is_seen(p));
            seen.for_each(|p| canvas.disc(axes.at(p.0, p.1.clamp(y.0, y.1)), radius, colour));
            continue;
        }
        let is_alone = points.iter().filter(|p| is_seen(p)).count() == 1;
        for run in points.split(|p| !there(p)).filter(|run| !run.is_empty()) {
            for piece in above(run, floor) {
                let at: Vec<_> = piece.iter().map(|p| axes.at(p.0, p.1.clamp(y.0, y.1))).collect();
                match at[..] {
                    [only] => canvas.disc(only, if is_alone { ALONE } else { POINT }, colour),
                    _ => canvas.dashes(&at, colour, width, pattern),
                }
            }
        }
    }
    let mut below = 0.0;
    if let Some(kilometres) = panel.wavelength.filter(|_| panel.x_is_log) {
        wavelengths(canvas, &axes, (*x, y.1), kilometres);
        below = 34.0 * canvas.unit();
    }
    let drawn: Vec<(f64, f64)> =
        all().filter(|p| is_seen(p)).map(|p| axes.at(p.0, p.1.clamp(y.0, y.1))).collect();
    legend(canvas, panel, axes.frame.inset(0.0, below, 0.0, 0.0), &drawn);
    axes.close(canvas);
}

/// The pieces of a line above an edge, which they end at where it crosses that.
fn above(line: &[(f64, f64)], edge: f64) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (k, &point) in line.iter().enumerate() {
        let before = k.checked_sub(1).map(|k| line[k]);
        let crossing = before.filter(|b| (b.1 < edge) != (point.1 < edge)).map(|b| {
            let share = (edge - b.1) / (point.1 - b.1);
            (b.0 + share * (point.0 - b.0), edge)
        });
        let Some(piece) = pieces.last_mut() else { continue };
        piece.extend(crossing);
        if point.1 >= edge {
            piece.push(point);
        } else if !piece.is_empty() {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Lines of levels of confidence: whole, broken, dotted, both in turn, long strokes.
const PATTERNS: [&[f64]; 5] = [&[], &[13.0, 7.0], &[3.0, 5.0], &[14.0, 5.0, 3.0, 5.0], &[28.0, 8.0]];

/// Colour, width and pattern of a curve.
fn style(kind: CurveKind) -> (Rgb, f64, &'static [f64]) {
    match kind {
        CurveKind::Main | CurveKind::Points => (COOL, 2.4, &[]),
        CurveKind::Reference => (SOFT, 2.0, &[]),
        CurveKind::Second => (OTHER, 2.2, &[]),
        CurveKind::Level(k) => (WARM, 1.6, PATTERNS[k % PATTERNS.len()]),
        CurveKind::OtherPart => (WARM, 1.6, &[]),
        CurveKind::Part => (INK, 1.6, &[]),
        CurveKind::Guide => (SOFT, 1.2, &[]),
        CurveKind::Interval => ([168, 196, 224], 1.4, &[]),
        CurveKind::Marks => (INK, 2.4, &[]),
    }
}

/// Wavelengths inside of the upper edge, `kilometres` times the inverse of what the horizontal axis
/// counts.
fn wavelengths<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    axes: &Axes,
    ((low, high), top): ((f64, f64), f64),
    kilometres: f64,
) {
    let u = canvas.unit();
    let all = ticks::decades(kilometres.log10() - high, kilometres.log10() - low, axes.frame.w / (150.0 * u));
    let font = Font { size: 19.0, colour: SOFT, ..LABEL };
    for (at, text) in all {
        let (x, y) = axes.at(kilometres.log10() - at, top);
        let text = format!("{text} km");
        let half = 0.5 * canvas.width(&text, font);
        canvas.line(&[(x, y), (x, y + 7.0 * u)], INK, 1.5);
        if x - half > axes.frame.x + 4.0 * u && x + half < axes.frame.right() - 4.0 * u {
            canvas.text(&text, (x, y + 20.0 * u), Align::Centre, font);
        }
    }
}

/// The names of curves in their colours, where there are several: in the upper right corner, or in
/// another that has fewer of the points that are drawn.
fn legend<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &CurvesPanel, frame: Rect, drawn: &[(f64, f64)]) {
    // The second limit of an interval has no name of its own.
    let named: Vec<_> = panel.curves.iter().filter(|curve| !curve.name.is_empty()).collect();
    if named.len() < 2 {
        return;
    }
    let u = canvas.unit();
    let font = Font { size: 19.0, colour: INK, ..LABEL };
    let names: Vec<String> = named.iter().map(|c| canvas.fit(&c.name, font, 0.5 * frame.w)).collect();
    let widest = names.iter().map(|name| canvas.width(name, font)).fold(0.0, f64::max);
    let (w, h) = (widest + 78.0 * u, (17.0 + 27.0 * names.len() as f64) * u);
    let (left, bottom) = (frame.right() - w, frame.bottom() - h);
    let corners = [(left, frame.y), (left, bottom), (frame.x, frame.y), (frame.x, bottom)];
    let under = |(x, y): &(f64, f64)| {
        let is_in = |p: &&(f64, f64)| (*x..=x + w).contains(&p.0) && (*y..=y + h).contains(&p.1);
        drawn.iter().filter(is_in).count()
    };
    // The first of those with the fewest.
    let corner = corners.iter().min_by_key(|corner| under(corner)).copied().unwrap_or(corners[0]);
    for (k, (curve, name)) in named.into_iter().zip(&names).enumerate() {
        let (colour, width, pattern) = style(curve.kind);
        let y = corner.1 + (22.0 + 27.0 * k as f64) * u;
        let right = corner.0 + w - 12.0 * u;
        canvas.text(name, (right, y), Align::Right, font);
        let end = right - canvas.width(name, font) - 10.0 * u;
        if curve.kind == CurveKind::Marks {
            canvas.disc((end - 22.0 * u, y), MARK, colour);
        } else {
            canvas.dashes(&[(end - 44.0 * u, y), (end, y)], colour, width, pattern);
        }
    }
}

/// A range that holds all, with this share of air.
fn range(data: Option<(f64, f64)>, air: f64) -> (f64, f64) {
    match data {
        None => (0.0, 1.0),
        Some((low, high)) if high > low => (low - air * (high - low), high + air * (high - low)),
        Some((only, _)) => (only - 0.5, only + 0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_cross_the_edge() {
        let line = [(0.0, 1.0), (1.0, 3.0), (2.0, -1.0), (3.0, -2.0), (4.0, 2.0), (5.0, f64::NEG_INFINITY)];
        let pieces = above(&line, 0.0);
        assert_eq!(
            pieces,
            [vec![(0.0, 1.0), (1.0, 3.0), (1.75, 0.0)], vec![(3.5, 0.0), (4.0, 2.0), (4.0, 0.0)],]
        );
        assert_eq!(above(&line, f64::NEG_INFINITY), [line.to_vec()]);
        assert!(above(&line[2..4], 0.0).is_empty());
        assert_eq!(above(&line[4..5], 0.0), [vec![(4.0, 2.0)]]);
    }
}
