//! Wavelet power over time and period, its mean over time beside it and over periods below.

use super::axes::nothing;
use super::canvas::{Align, Canvas, Font, GRID, INK, LABEL, MISSING, PAPER, SOFT, TICK};
use super::colour::{extremes, Rgb, Scale, COOL, WARM};
use super::contour::Lattice;
use super::layout::Rect;
use super::{ticks, ScalogramPanel};
use plotters::prelude::DrawingBackend;

/// Octaves of power that colours tell apart, on both sides of the variance.
const OCTAVES: f64 = 4.0;
/// How much paler power is beyond the cone of influence.
const PALE: f64 = 0.62;

/// Where the parts stand.
struct Parts {
    main: Rect,
    global: Rect,
    below: Option<Rect>,
    bar: Rect,
}

/// How data stand in the main frame.
struct Axes<'a> {
    panel: &'a ScalogramPanel,
    frame: Rect,
    /// First and last time.
    x: (f64, f64),
    /// Logarithms of base 2 of the shortest and the longest period.
    y: (f64, f64),
}

impl Axes<'_> {
    fn across(&self, x: f64) -> f64 {
        self.frame.x + self.frame.w * (x - self.x.0) / (self.x.1 - self.x.0)
    }
    /// Short periods are at the top.
    fn down(&self, log_period: f64) -> f64 {
        self.frame.y + self.frame.h * (log_period - self.y.0) / (self.y.1 - self.y.0)
    }
}

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &ScalogramPanel, place: Rect) {
    let u = canvas.unit();
    let logs: Vec<f64> = panel.periods.iter().map(|p| p.log2()).collect();
    let (first, last) = (logs.first().copied().unwrap_or(0.0), logs.last().copied().unwrap_or(1.0));
    let y = if last > first { (first, last) } else { (first - 0.5, first + 0.5) };
    let x = match extremes(panel.x.iter().copied()) {
        Some((low, high)) if high > low => (low, high),
        _ => (0.0, 1.0),
    };
    let marks = octaves(y);
    let widest = marks.iter().map(|(_, l)| canvas.width(l, TICK)).fold(0.0, f64::max);
    let parts = arrange(canvas, panel, place, widest);
    let axes = Axes { panel, frame: parts.main, x, y };
    let scale = Scale::new(&[-OCTAVES, OCTAVES], Some(false));
    canvas.panel_title(&panel.title, place, parts.main);
    if let Some(scale) = &scale {
        image(canvas, &axes, &logs, scale);
        bar(canvas, scale, parts.bar);
    }
    contours(canvas, &axes, &logs);
    cone(canvas, &axes);
    for (at, label) in &marks {
        let down = axes.down(*at);
        canvas.line(&[(parts.main.x - 6.0 * u, down), (parts.main.x, down)], INK, 1.5);
        canvas.text(label, (parts.main.x - 11.0 * u, down), Align::Right, TICK);
    }
    let label = canvas.fit(&format!("Period ({})", panel.period_units), LABEL, parts.main.h);
    canvas.text_upwards(&label, (place.x + 14.0 * u, parts.main.middle().1), LABEL);
    let dates = ticks::dates(x.0, x.1, (parts.main.w / (105.0 * u)).clamp(2.0, 12.0));
    time_axis(canvas, &axes, parts.main, &dates, parts.below.is_none());
    canvas.outline(parts.main, INK, 1.5);
    if panel.values.iter().all(|v| !v.is_finite()) {
        nothing(canvas, parts.main);
    }
    global(canvas, &axes, &logs, &marks, parts.global);
    if let Some(frame) = parts.below {
        below(canvas, &axes, &dates, place, frame);
    }
}

/// Gives each part its place.
fn arrange<B: DrawingBackend>(canvas: &Canvas<B>, panel: &ScalogramPanel, place: Rect, labels: f64) -> Parts {
    let u = canvas.unit();
    let inner = canvas.below_title(&panel.title, place);
    let (left, gap, foot, of_bar) = (40.0 * u + labels + 14.0 * u, 26.0 * u, 42.0 * u, 96.0 * u);
    let room = inner.inset(left, 0.0, 14.0 * u, foot + of_bar);
    let wide = 0.2 * room.w;
    let lower = if panel.average.is_empty() { 0.0 } else { 0.26 * room.h };
    let main = Rect { w: room.w - wide - gap, h: room.h - lower, ..room }.snapped();
    let global = Rect { x: main.right() + gap, w: wide, ..main }.snapped();
    let head = 62.0 * u;
    let below = (lower > 0.0).then(|| {
        Rect { x: main.x, y: main.bottom() + head, w: main.w, h: (lower - head).max(1.0) }.snapped()
    });
    let bottom = below.map_or(main.bottom(), Rect::bottom);
    let w = (0.7 * main.w).max((420.0 * u).min(main.w));
    let bar = Rect { x: main.middle().0 - w / 2.0, y: bottom + foot + 14.0 * u, w, h: 22.0 * u }.snapped();
    Parts { main, global, below, bar }
}

/// Whole powers of two within a range of logarithms, and what they say.
fn octaves((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let step = ((high - low) / 12.0).ceil().max(1.0);
    let text = |n: f64| {
        let v = n.exp2();
        match n {
            n if n >= 0.0 && v < 1e6 => ticks::number(v, 0),
            n if (-4.0..0.0).contains(&n) => ticks::number(v, (-n) as usize),
            _ => format!("2{}", super::text::superscript(n as i32)),
        }
    };
    ticks::multiples(low, high, step).into_iter().map(|n| (n, text(n))).collect()
}

/// The colours.
fn image<B: DrawingBackend>(canvas: &mut Canvas<B>, axes: &Axes<'_>, logs: &[f64], scale: &Scale) {
    let (panel, times) = (axes.panel, axes.panel.x.len());
    let (last_row, last_column) = (logs.len().saturating_sub(1), times.saturating_sub(1));
    // Scales are evenly spaced; times are, nearly.
    let columns = |share: f64| neighbours(share * last_column as f64, last_column);
    let power = |row: usize, column: usize| panel.values[row * times + column].max(1e-300).log2();
    canvas.image(axes.frame, |share, out| {
        let (above, beneath, down) = neighbours(share * last_row as f64, last_row);
        let log_period = axes.y.0 + share * (axes.y.1 - axes.y.0);
        let n = out.len() as f64;
        for (i, colour) in out.iter_mut().enumerate() {
            let (left, right, across) = columns((i as f64 + 0.5) / n);
            let mix = |a: f64, b: f64, share: f64| a + share * (b - a);
            let upper = mix(power(above, left), power(above, right), across);
            let lower = mix(power(beneath, left), power(beneath, right), across);
            let v = mix(upper, lower, down);
            let inside = mix(panel.cone[left], panel.cone[right], across) >= log_period.exp2();
            *colour = match v {
                v if v.is_nan() => MISSING,
                v if inside => scale.colour(v),
                v => paled(scale.colour(v)),
            };
        }
    });
}

/// The nodes on both sides of a place, and how far it is between them.
fn neighbours(at: f64, last: usize) -> (usize, usize, f64) {
    let before = (at.floor().max(0.0) as usize).min(last);
    (before, (before + 1).min(last), at - before as f64)
}

fn paled(colour: Rgb) -> Rgb {
    [0, 1, 2].map(|c| (f64::from(colour[c]) * (1.0 - PALE) + f64::from(PAPER[c]) * PALE).round() as u8)
}

/// Lines around what is significant.
fn contours<B: DrawingBackend>(canvas: &mut Canvas<B>, axes: &Axes<'_>, logs: &[f64]) {
    let (panel, times) = (axes.panel, axes.panel.x.len());
    if panel.significance.is_empty() {
        return;
    }
    // Nobody sees more columns than pixels.
    let stride = times.div_ceil((axes.frame.w as usize).max(1)).max(1);
    let columns: Vec<usize> = (0..times).step_by(stride).collect();
    let ratio = |c: usize, r: usize| {
        (panel.values[r * times + columns[c]] / panel.significance[r]).max(1e-300).log2()
    };
    let place = |(c, r): (f64, f64)| {
        let (left, right, across) = neighbours(c, columns.len() - 1);
        let x = panel.x[columns[left]] + across * (panel.x[columns[right]] - panel.x[columns[left]]);
        let (above, beneath, down) = neighbours(r, logs.len() - 1);
        (axes.across(x), axes.down(logs[above] + down * (logs[beneath] - logs[above])))
    };
    let axis = |n: usize| -> Vec<f64> { (0..n).map(|i| i as f64).collect() };
    let (x, y) = (axis(columns.len()), axis(logs.len()));
    let values: Vec<f64> = (0..logs.len())
        .flat_map(|r| (0..columns.len()).map(move |c| (c, r)))
        .map(|(c, r)| ratio(c, r))
        .collect();
    for line in (Lattice { x: &x, y: &y, values: &values }).lines(0.0) {
        canvas.line(&line.into_iter().map(place).collect::<Vec<_>>(), INK, 2.6);
    }
}

/// The edge of the cone of influence.
fn cone<B: DrawingBackend>(canvas: &mut Canvas<B>, axes: &Axes<'_>) {
    let (low, high) = axes.y;
    let points: Vec<(f64, f64)> = (axes.panel.x.iter().zip(&axes.panel.cone))
        .map(|(x, p)| (axes.across(*x), p.log2()))
        .filter(|(_, log)| log.is_finite() || *log < 0.0)
        .map(|(x, log)| (x, axes.down(log.clamp(low, high))))
        .collect();
    canvas.line(&points, PAPER, 3.4);
    canvas.line(&points, SOFT, 1.6);
}

fn time_axis<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    axes: &Axes<'_>,
    frame: Rect,
    dates: &[(f64, String)],
    is_labelled: bool,
) {
    let u = canvas.unit();
    for (x, label) in dates {
        let at = axes.across(*x);
        canvas.line(&[(at, frame.bottom()), (at, frame.bottom() + 6.0 * u)], INK, 1.5);
        if is_labelled {
            canvas.text(label, (at, frame.bottom() + 25.0 * u), Align::Centre, TICK);
        }
    }
}

/// The mean over time, against the same periods.
fn global<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    axes: &Axes<'_>,
    logs: &[f64],
    marks: &[(f64, String)],
    frame: Rect,
) {
    let (u, panel) = (canvas.unit(), axes.panel);
    let all = panel.global.iter().chain(&panel.global_significance).copied();
    let top = extremes(all).map_or(1.0, |(_, high)| if high > 0.0 { 1.08 * high } else { 1.0 });
    let across = |v: f64| frame.x + frame.w * (v / top).clamp(0.0, 1.0);
    for (at, _) in marks {
        let down = axes.down(*at);
        canvas.line(&[(frame.x, down), (frame.right(), down)], GRID, 1.3);
    }
    let at = ticks::round(0.0, top, (frame.w / (62.0 * u)).clamp(3.0, 6.0));
    let (labels, power) = ticks::labels(&at);
    for (v, label) in at.iter().zip(&labels) {
        canvas.line(&[(across(*v), frame.y), (across(*v), frame.bottom())], GRID, 1.3);
        canvas.line(&[(across(*v), frame.bottom()), (across(*v), frame.bottom() + 6.0 * u)], INK, 1.5);
        canvas.text(label, (across(*v), frame.bottom() + 25.0 * u), Align::Centre, TICK);
    }
    for (values, colour, width) in
        [(&panel.background, SOFT, 2.0), (&panel.global_significance, WARM, 1.8), (&panel.global, COOL, 2.6)]
    {
        let line: Vec<_> = values.iter().zip(logs).map(|(v, log)| (*v, *log)).collect();
        for run in line.split(|(v, _)| !v.is_finite()) {
            let run: Vec<_> = run.iter().map(|(v, log)| (across(*v), axes.down(*log))).collect();
            canvas.line(&run, colour, width);
        }
    }
    canvas.outline(frame, INK, 1.5);
    canvas.panel_title("Mean over time", Rect { w: frame.w + 14.0 * u, ..frame }, frame);
    let label = ticks::with_power("power / variance", power);
    let font = Font { size: 20.0, ..LABEL };
    let label = canvas.fit(&label, font, frame.w + 14.0 * u);
    canvas.text(&label, (frame.middle().0, frame.bottom() + 55.0 * u), Align::Centre, font);
    let mut y = frame.bottom() + 88.0 * u;
    let names = [
        (!panel.background.is_empty(), "red noise", SOFT),
        (!panel.global_significance.is_empty(), &panel.level, WARM),
    ];
    for (_, name, colour) in names.into_iter().filter(|n| n.0) {
        canvas.line(&[(frame.x, y), (frame.x + 34.0 * u, y)], colour, 2.0);
        canvas.text(name, (frame.x + 44.0 * u, y), Align::Left, Font { size: 19.0, ..LABEL });
        y += 27.0 * u;
    }
}

/// The mean over some periods, against the same times.
fn below<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    axes: &Axes<'_>,
    dates: &[(f64, String)],
    place: Rect,
    frame: Rect,
) {
    let (u, panel) = (canvas.unit(), axes.panel);
    let all = panel.average.iter().copied().chain(panel.average_significance);
    let top = extremes(all).map_or(1.0, |(_, high)| if high > 0.0 { 1.08 * high } else { 1.0 });
    let up = |v: f64| frame.bottom() - frame.h * (v / top).clamp(0.0, 1.0);
    let at = ticks::round(0.0, top, (frame.h / (48.0 * u)).clamp(2.0, 5.0));
    let (labels, power) = ticks::labels(&at);
    for (v, label) in at.iter().zip(&labels) {
        canvas.line(&[(frame.x, up(*v)), (frame.right(), up(*v))], GRID, 1.3);
        canvas.text(label, (frame.x - 11.0 * u, up(*v)), Align::Right, TICK);
    }
    for (x, _) in dates {
        canvas.line(&[(axes.across(*x), frame.y), (axes.across(*x), frame.bottom())], GRID, 1.3);
    }
    time_axis(canvas, axes, frame, dates, true);
    if let Some(level) = panel.average_significance.filter(|v| v.is_finite()) {
        canvas.line(&[(frame.x, up(level)), (frame.right(), up(level))], WARM, 1.8);
    }
    let points: Vec<_> = panel.x.iter().zip(&panel.average).map(|(x, v)| (*x, *v)).collect();
    for run in points.split(|(_, v)| !v.is_finite()) {
        let run: Vec<_> = run.iter().map(|(x, v)| (axes.across(*x), up(*v))).collect();
        canvas.line(&run, COOL, 2.4);
    }
    canvas.outline(frame, INK, 1.5);
    canvas.panel_title(&panel.average_title, frame, frame);
    let units = ticks::with_power(&super::text::units(&panel.units), power);
    let units = canvas.fit(&units, LABEL, frame.h + 40.0 * u);
    canvas.text_upwards(&units, (place.x + 14.0 * u, frame.middle().1), LABEL);
}

/// The scale of colours.
fn bar<B: DrawingBackend>(canvas: &mut Canvas<B>, scale: &Scale, place: Rect) {
    let u = canvas.unit();
    canvas.image(place, |_, out| {
        let n = out.len() as f64;
        out.iter_mut().enumerate().for_each(|(i, c)| *c = scale.at_share((i as f64 + 0.5) / n));
    });
    canvas.outline(place, INK, 1.2);
    for n in -(OCTAVES as i32)..=OCTAVES as i32 {
        let at = place.x + place.w * (f64::from(n) - scale.low) / (scale.high - scale.low);
        let value = 1u32 << n.unsigned_abs();
        let mut label = if n < 0 { format!("1/{value}") } else { value.to_string() };
        if f64::from(n.abs()) == OCTAVES {
            label.insert_str(0, if n < 0 { "< " } else { "> " });
        }
        canvas.line(&[(at, place.bottom()), (at, place.bottom() + 6.0 * u)], INK, 1.3);
        canvas.text(&label, (at, place.bottom() + 23.0 * u), Align::Centre, TICK);
    }
    let text = "Power / variance";
    canvas.text(text, (place.middle().0, place.bottom() + 54.0 * u), Align::Centre, LABEL);
}
