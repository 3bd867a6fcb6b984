//! Where things stand on the page.

use super::canvas::{Align, Canvas, Font, INK, SOFT};
use super::{Figure, Panel};
use plotters::prelude::DrawingBackend;

/// A rectangle in pixels; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Rect {
    pub(super) fn right(self) -> f64 {
        self.x + self.w
    }
    pub(super) fn bottom(self) -> f64 {
        self.y + self.h
    }
    pub(super) fn middle(self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
    /// Without margins; never smaller than a pixel.
    pub(super) fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        let (w, h) = ((self.w - left - right).max(1.0), (self.h - top - bottom).max(1.0));
        Self { x: self.x + left, y: self.y + top, w, h }
    }
    /// With sides on whole pixels, so that lines are sharp.
    pub(super) fn snapped(self) -> Self {
        let (x, y) = (self.x.round(), self.y.round());
        Self { x, y, w: (self.right().round() - x).max(1.0), h: (self.bottom().round() - y).max(1.0) }
    }
    /// Left part of relative width `share`, and the rest, with `gap` between.
    fn beside(self, share: f64, gap: f64) -> (Self, Self) {
        let w = (self.w - gap) * share;
        (Self { w, ..self }, self.inset(w + gap, 0.0, 0.0, 0.0))
    }
    /// Upper part of relative height `share`, and the rest, with `gap` between.
    fn above(self, share: f64, gap: f64) -> (Self, Self) {
        let h = (self.h - gap) * share;
        (Self { h, ..self }, self.inset(0.0, h + gap, 0.0, 0.0))
    }
}

/// Title and subtitle; gives what is left of the page.
pub(super) fn headlines<B: DrawingBackend>(canvas: &mut Canvas<B>, figure: &Figure) -> Rect {
    let margin = 34.0 * canvas.unit();
    let mut page = canvas.page().inset(margin, 0.7 * margin, margin, 0.7 * margin);
    let lines = [
        (&figure.title, Font { size: 38.0, bold: true, colour: INK }, 1.42),
        (&figure.subtitle, Font { size: 25.0, bold: false, colour: SOFT }, 1.5),
    ];
    let mut any = false;
    for (text, font, height) in lines {
        let text = canvas.fit(text, font, page.w);
        if !text.is_empty() {
            let height = height * font.size * canvas.unit();
            canvas.text(&text, (page.x, page.y + height / 2.0), Align::Left, font);
            page = page.inset(0.0, height, 0.0, 0.0);
            any = true;
        }
    }
    page.inset(0.0, if any { 14.0 * canvas.unit() } else { 0.0 }, 0.0, 0.0)
}

/// Text gets smaller when many panels share the page.
pub(super) fn text_scale(panels: usize) -> f64 {
    (2.0 / (panels.max(1) as f64).sqrt()).clamp(0.55, 1.0)
}

/// A place for every panel.
pub(super) fn places(figure: &Figure, page: Rect) -> Vec<Rect> {
    let gap = 0.022 * page.w.max(page.h);
    let pairs = || figure.panels.chunks(2).all(|p| matches!(p, [Panel::Map(_), Panel::Series(_)]));
    match figure.panels.as_slice() {
        [_] => vec![page],
        [Panel::Map(_), Panel::Series(_), Panel::Scree(_)] => {
            let (map, rest) = page.above(0.64, gap);
            let (series, scree) = rest.beside(0.66, gap);
            vec![map, series, scree]
        }
        [Panel::Map(_), Panel::Series(_)] => {
            let (map, series) = page.above(0.64, gap);
            vec![map, series]
        }
        // One above the other, as they have the same horizontal axis.
        panels if panels.iter().all(|p| matches!(p, Panel::Curves(_))) => grid(page, 1, panels.len(), gap),
        panels if panels.iter().all(|p| matches!(p, Panel::Plane(_))) => {
            grid(page, 2, panels.len().div_ceil(2), gap).into_iter().take(panels.len()).collect()
        }
        panels if pairs() => grid(page, 1, panels.len() / 2, gap)
            .into_iter()
            .flat_map(|row| {
                let (map, series) = row.beside(0.48, gap);
                [map, series]
            })
            .collect(),
        panels => {
            let n = panels.len();
            let columns = columns(n, page);
            grid(page, columns, n.div_ceil(columns), gap).into_iter().take(n).collect()
        }
    }
}

/// Columns that make panels about 1.7 times as wide as high, with few empty places.
fn columns(n: usize, page: Rect) -> usize {
    let cost = |columns: usize| {
        let rows = n.div_ceil(columns);
        let aspect = (page.w / columns as f64) / (page.h / rows as f64);
        (aspect / 1.7).ln().abs() + 0.6 * (columns * rows - n) as f64 / n as f64
    };
    (1..=n.max(1)).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(1)
}

fn grid(page: Rect, columns: usize, rows: usize, gap: f64) -> Vec<Rect> {
    let w = ((page.w - gap * (columns as f64 - 1.0)) / columns as f64).max(1.0);
    let h = ((page.h - gap * (rows as f64 - 1.0)) / rows as f64).max(1.0);
    let at = |row: usize, column: usize| Rect {
        x: page.x + (w + gap) * column as f64,
        y: page.y + (h + gap) * row as f64,
        w,
        h,
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| at(row, column))).collect()
}
