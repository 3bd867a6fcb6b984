//! Explained variance of each mode with its standard error.

use super::axes::{Axes, Plan};
use super::canvas::{Align, Canvas, Font, INK, LABEL, SOFT};
use super::colour::{extremes, valid, COOL, WARM};
use super::layout::Rect;
use super::{ticks, ScreePanel};
use plotters::prelude::DrawingBackend;

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &ScreePanel, place: Rect) {
    let error = |n: usize| panel.error.get(n).copied().filter(|&e| valid(e)).map_or(0.0, f64::abs);
    let modes: Vec<_> = panel.percent.iter().copied().enumerate().filter(|m| valid(m.1)).collect();
    let top = extremes(modes.iter().map(|&(n, v)| v + error(n))).map_or(1.0, |e| e.1);
    let top = if top > 0.0 { 1.1 * top } else { 1.0 };
    let last = panel.percent.len().max(1) as f64;
    let plan = Plan {
        title: &panel.title,
        xlabel: "Mode",
        ylabel: "Explained variance (%)",
        x: (0.4, last + 0.6),
        y: (0.0, top),
        y_is_log: false,
        head: 0.0,
    };
    let axes = Axes::draw(canvas, &plan, place, |most| {
        let step = ticks::step(last, most).max(1.0);
        let from_one = std::iter::once(1.0).filter(|_| step > 1.0);
        let whole = ticks::multiples(1.0, last, step);
        from_one.chain(whole).map(|n| (n, ticks::number(n, 0))).collect()
    });
    if modes.is_empty() {
        axes.empty(canvas);
    }
    let line: Vec<_> = modes.iter().map(|&(n, v)| axes.at(n as f64 + 1.0, v)).collect();
    canvas.line(&line, [176, 182, 190], 1.8);
    let u = canvas.unit();
    let slot = axes.frame.w / (last + 0.2) / u;
    let (radius, cap) = ((0.18 * slot).clamp(1.5, 7.5), (0.3 * slot).clamp(0.0, 8.0) * u);
    for &(n, v) in &modes {
        let marked = panel.highlight == Some(n);
        let colour = if marked { WARM } else { COOL };
        let x = n as f64 + 1.0;
        let at = axes.at(x, v);
        let e = error(n);
        if e > 0.0 {
            // An error bar that reaches below zero ends at the axis.
            let (low, high) = (axes.at(x, (v - e).max(0.0)), axes.at(x, v + e));
            canvas.line(&[low, high], colour, 2.2);
            canvas.line(&[(high.0 - cap, high.1), (high.0 + cap, high.1)], colour, 2.2);
            if v > e {
                canvas.line(&[(low.0 - cap, low.1), (low.0 + cap, low.1)], colour, 2.2);
            }
        }
        canvas.disc(at, if marked { 1.25 * radius } else { radius }, colour);
        if marked {
            let text = format!("{} %", ticks::number(v, 1));
            let font = Font { bold: true, colour: WARM, ..LABEL };
            // To the right of the point, or to the left where there is no room.
            let room = axes.frame.right() - at.0 - 40.0 * u > canvas.width(&text, font);
            let (dx, align) = if room { (20.0 * u, Align::Left) } else { (-20.0 * u, Align::Right) };
            canvas.text(&text, (at.0 + dx, at.1), align, font);
        }
    }
    if panel.error.iter().any(|&e| valid(e) && e != 0.0) {
        let font = Font { size: 19.0, colour: SOFT, ..LABEL };
        let note = canvas.fit("bars: North et al. standard error", font, 0.8 * axes.frame.w);
        canvas.text(&note, (axes.frame.right() - 12.0 * u, axes.frame.y + 20.0 * u), Align::Right, font);
    }
    canvas.line(&[(axes.frame.x, axes.frame.bottom()), (axes.frame.right(), axes.frame.bottom())], INK, 1.5);
    axes.close(canvas);
}
