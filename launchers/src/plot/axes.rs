//! The frame of a diagram: grid, ticks, labels, and where data stand in it.

use super::canvas::{Align, Canvas, GRID, INK, LABEL, SOFT, TICK};
use super::layout::Rect;
use super::text::{self, superscript};
use super::ticks;
use plotters::prelude::DrawingBackend;

/// What an axis frame is made for.
pub(super) struct Plan<'a> {
    pub(super) title: &'a str,
    pub(super) xlabel: &'a str,
    pub(super) ylabel: &'a str,
    /// Range of the horizontal axis.
    pub(super) x: (f64, f64),
    /// Range of the vertical axis.
    pub(super) y: (f64, f64),
    /// Whether the vertical range is of powers of ten.
    pub(super) y_is_log: bool,
    /// Least room at the left in pixels, so that panels one above the other are aligned.
    pub(super) head: f64,
}

/// Heights of ticks, what they say, and a power of ten to name beside them.
type YTicks = (Vec<f64>, Vec<String>, i32);

/// Ticks of the vertical axis in `place`, and the room that they and the label take at the left.
fn vertical<B: DrawingBackend>(canvas: &Canvas<B>, plan: &Plan<'_>, place: Rect) -> (YTicks, f64) {
    let u = canvas.unit();
    let most = ((canvas.below_title(plan.title, place).h - foot(plan) * u) / (58.0 * u)).clamp(2.0, 9.0);
    let ticks: YTicks = if plan.y_is_log {
        let (at, labels) = ticks::decades(plan.y.0, plan.y.1, most).into_iter().unzip();
        (at, labels, 0)
    } else {
        let at = ticks::round(plan.y.0, plan.y.1, most);
        let (labels, power) = ticks::labels(&at);
        (at, labels, power)
    };
    let widest = ticks.1.iter().map(|l| canvas.width(l, TICK)).fold(0.0, f64::max);
    let label = if plan.ylabel.is_empty() { 6.0 } else { 40.0 } * u;
    (ticks, label + widest + 14.0 * u)
}

/// The room that labels take at the left.
pub(super) fn head<B: DrawingBackend>(canvas: &Canvas<B>, plan: &Plan<'_>, place: Rect) -> f64 {
    vertical(canvas, plan, place).1
}

/// Nominal pixels below the frame.
fn foot(plan: &Plan<'_>) -> f64 {
    if plan.xlabel.is_empty() {
        42.0
    } else {
        74.0
    }
}

/// A frame with its scales.
pub(super) struct Axes {
    pub(super) frame: Rect,
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    /// Where a point of the data stands.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let across = self.frame.w * (x - self.x.0) / (self.x.1 - self.x.0);
        let up = self.frame.h * (y - self.y.0) / (self.y.1 - self.y.0);
        (self.frame.x + across, self.frame.bottom() - up)
    }

    /// Draws grid and labels in `place`. `xticks` gets how many parts there is room for.
    pub(super) fn draw<B: DrawingBackend>(
        canvas: &mut Canvas<B>,
        plan: &Plan<'_>,
        place: Rect,
        xticks: impl Fn(f64) -> Vec<(f64, String)>,
    ) -> Self {
        let u = canvas.unit();
        let inner = canvas.below_title(plan.title, place);
        let ((yticks, labels, power), own) = vertical(canvas, plan, place);
        let frame = inner.inset(own.max(plan.head), 0.0, 14.0 * u, foot(plan) * u).snapped();
        let axes = Self { frame, x: plan.x, y: plan.y };
        canvas.panel_title(plan.title, place, frame);
        for (&y, label) in yticks.iter().zip(&labels) {
            let (_, py) = axes.at(plan.x.0, y);
            canvas.line(&[(frame.x, py), (frame.right(), py)], GRID, 1.3);
            canvas.text(label, (frame.x - 11.0 * u, py), Align::Right, TICK);
        }
        let mut free = f64::MIN;
        for (x, label) in xticks((frame.w / (105.0 * u)).clamp(2.0, 14.0)) {
            let (px, _) = axes.at(x, plan.y.0);
            canvas.line(&[(px, frame.y), (px, frame.bottom())], GRID, 1.3);
            let half = canvas.width(&label, TICK) / 2.0;
            if px - half > free {
                canvas.line(&[(px, frame.bottom()), (px, frame.bottom() + 6.0 * u)], INK, 1.5);
                canvas.text(&label, (px, frame.bottom() + 25.0 * u), Align::Centre, TICK);
                free = px + half + 10.0 * u;
            }
        }
        let mut ylabel = text::label(plan.ylabel);
        if power != 0 {
            let factor = format!("(×10{})", superscript(power));
            ylabel = if ylabel.is_empty() { factor } else { format!("{ylabel} {factor}") };
        }
        let ylabel = canvas.fit(&ylabel, LABEL, inner.h);
        canvas.text_upwards(&ylabel, (place.x + 14.0 * u, frame.middle().1.max(inner.y)), LABEL);
        let xlabel = canvas.fit(plan.xlabel, LABEL, frame.w);
        canvas.text(&xlabel, (frame.middle().0, frame.bottom() + 58.0 * u), Align::Centre, LABEL);
        axes
    }

    /// The frame itself, above the data.
    pub(super) fn close<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        canvas.outline(self.frame, INK, 1.5);
    }

    /// Says in the middle that there is nothing to draw.
    pub(super) fn empty<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        nothing(canvas, self.frame);
    }
}

/// Says in the middle of `frame` that it has no data.
pub(super) fn nothing<B: DrawingBackend>(canvas: &mut Canvas<B>, frame: Rect) {
    say(canvas, frame, "no valid data");
}

/// Says something in the middle of `frame`.
pub(super) fn say<B: DrawingBackend>(canvas: &mut Canvas<B>, frame: Rect, what: &str) {
    let font = super::canvas::Font { colour: SOFT, ..LABEL };
    canvas.text(what, frame.middle(), Align::Centre, font);
}
