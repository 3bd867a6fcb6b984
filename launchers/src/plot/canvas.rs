//! The sheet that panels draw on: lines, areas and text through a backend of plotters, in
//! pixels with fractions; images apart, because they lie below everything else.

use super::colour::Rgb;
use super::text::Fonts;
use super::Rect;
use halocline_core::{Error, Result};
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::Display;

/// Plotters draws at whole coordinates; so a pixel has this many of them.
pub(super) const SUBPIXELS: u32 = 16;
/// Plotters states font sizes larger by this factor than SVG does.
pub(super) const FONT_FACTOR: f64 = 1.24;
/// Image samples along the side of a pixel.
pub(super) const OVERSAMPLE: u32 = 2;

/// Text, axes and frames.
pub(super) const INK: Rgb = [38, 42, 48];
/// Second-rank text.
pub(super) const SOFT: Rgb = [98, 104, 112];
/// Grid lines.
pub(super) const GRID: Rgb = [224, 227, 231];
/// Cells without data.
pub(super) const MISSING: Rgb = [218, 220, 222];
/// Paper.
pub(super) const PAPER: Rgb = [255, 255, 255];

/// A picture inside the figure, `OVERSAMPLE` samples per pixel and direction.
pub(super) struct Image {
    /// Left and top, in pixels.
    pub(super) at: (u32, u32),
    /// Width and height, in pixels.
    pub(super) size: (u32, u32),
    /// Samples, row by row.
    pub(super) samples: Vec<Rgb>,
}

/// Where text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    /// Nominal pixels on a page of 1600 x 1200.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: Rgb,
}

/// Tick labels.
pub(super) const TICK: Font = Font { size: 22.0, bold: false, colour: INK };
/// Axis labels and units.
pub(super) const LABEL: Font = Font { size: 23.0, bold: false, colour: INK };
/// Panel titles.
pub(super) const TITLE: Font = Font { size: 27.0, bold: true, colour: INK };

/// The sheet.
pub(super) struct Canvas<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    images: Vec<Image>,
    fonts: Fonts,
    size: (u32, u32),
    unit: f64,
    // Drawing into memory can't fail in ways a panel could answer: the first failure is
    // kept for `finish`.
    failure: Option<String>,
}

impl<B: DrawingBackend> Canvas<B> {
    pub(super) fn new(backend: B, size: (u32, u32)) -> Result<Self> {
        let unit = (f64::from(size.0) / 1600.0).min(f64::from(size.1) / 1200.0).max(0.35);
        let area = backend.into_drawing_area();
        Ok(Self { area, images: Vec::new(), fonts: Fonts::new()?, size, unit, failure: None })
    }

    /// Scales text and lines from here on.
    pub(super) fn shrink_text(&mut self, by: f64) {
        self.unit *= by;
    }

    /// Pixels in a nominal pixel of a 1600 x 1200 page.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// The whole sheet.
    pub(super) fn page(&self) -> Rect {
        Rect { x: 0.0, y: 0.0, w: f64::from(self.size.0), h: f64::from(self.size.1) }
    }

    /// Ends the drawing and gives the images.
    pub(super) fn finish(mut self) -> Result<Vec<Image>> {
        let shown = self.area.present();
        self.note(shown);
        match self.failure {
            None => Ok(self.images),
            Some(failure) => Err(Error::internal(format!("drawing failed: {failure}"))),
        }
    }

    fn note<T, E: std::error::Error + Send + Sync>(
        &mut self,
        result: std::result::Result<T, DrawingAreaErrorKind<E>>,
    ) where
        DrawingAreaErrorKind<E>: Display,
    {
        if let Err(e) = result {
            self.failure.get_or_insert_with(|| e.to_string());
        }
    }

    /// A line through `points`, `width` in nominal pixels.
    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: Rgb, width: f64) {
        if points.len() < 2 {
            return;
        }
        let stroke = (width * self.unit * f64::from(SUBPIXELS)).round().max(1.0) as u32;
        let style = ShapeStyle { color: paint(colour), filled: false, stroke_width: stroke };
        let drawn = self.area.draw(&PathElement::new(sub_all(points), style));
        self.note(drawn);
    }

    /// A broken line: `pattern` is the lengths of strokes and gaps in turn, in nominal pixels; none
    /// for a whole line.
    pub(super) fn dashes(&mut self, points: &[(f64, f64)], colour: Rgb, width: f64, pattern: &[f64]) {
        if pattern.is_empty() {
            return self.line(points, colour, width);
        }
        let unit = self.unit;
        let mut lengths = pattern.iter().map(|l| (l * unit).max(0.5)).cycle();
        let (mut left, mut is_stroke) = (lengths.next().unwrap_or(1.0), true);
        let mut stroke: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
        for pair in points.windows(2) {
            let (mut from, to) = (pair[0], pair[1]);
            loop {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let length = dx.hypot(dy);
                // What is not finite, or longer than any page, has no end.
                if !(length > left && length < 1e6) {
                    left -= length.min(left);
                    stroke.push(to);
                    break;
                }
                from = (from.0 + dx * left / length, from.1 + dy * left / length);
                stroke.push(from);
                if is_stroke {
                    self.line(&stroke, colour, width);
                }
                stroke = vec![from];
                is_stroke = !is_stroke;
                left = lengths.next().unwrap_or(1.0);
            }
        }
        if is_stroke {
            self.line(&stroke, colour, width);
        }
    }

    /// A filled area.
    pub(super) fn area(&mut self, corners: &[(f64, f64)], colour: Rgb) {
        if corners.len() > 2 {
            let drawn = self.area.draw(&Polygon::new(sub_all(corners), paint(colour).filled()));
            self.note(drawn);
        }
    }

    /// A filled disc, `radius` in nominal pixels.
    pub(super) fn disc(&mut self, at: (f64, f64), radius: f64, colour: Rgb) {
        let r = (radius * self.unit * f64::from(SUBPIXELS)).round() as i32;
        let drawn = self.area.draw(&Circle::new(sub(at), r, paint(colour).filled()));
        self.note(drawn);
    }

    /// The outline of a rectangle.
    pub(super) fn outline(&mut self, r: Rect, colour: Rgb, width: f64) {
        // The fifth and sixth points close the corner where the path began.
        let c = [(r.x, r.y), (r.right(), r.y), (r.right(), r.bottom()), (r.x, r.bottom())];
        self.line(&[c[0], c[1], c[2], c[3], c[0], c[1]], colour, width);
    }

    /// Text whose middle height is at `at`.
    pub(super) fn text(&mut self, text: &str, at: (f64, f64), align: Align, font: Font) {
        self.write(text, at, align, font, FontTransform::None);
    }

    /// Text on a patch of paper, so that it can be read above other things.
    pub(super) fn text_on_patch(&mut self, text: &str, at: (f64, f64), font: Font) {
        let (w, h) = (0.5 * self.width(text, font) + 5.0 * self.unit, 0.62 * font.size * self.unit);
        let corners =
            [(at.0 - w, at.1 - h), (at.0 + w, at.1 - h), (at.0 + w, at.1 + h), (at.0 - w, at.1 + h)];
        self.area(&corners, PAPER);
        self.text(text, at, Align::Centre, font);
    }

    /// An arrow from its tail to its tip, with a rim of paper so that it is seen on any colour.
    pub(super) fn arrow(&mut self, tail: (f64, f64), tip: (f64, f64), width: f64) {
        let (dx, dy) = (tip.0 - tail.0, tip.1 - tail.1);
        let length = dx.hypot(dy);
        if !(length > 0.0 && length < 1e6) {
            return;
        }
        let (ux, uy) = (dx / length, dy / length);
        let head = (0.45 * length).min(8.0 * self.unit);
        for (rim, colour, width) in [(1.1 * self.unit, PAPER, width + 1.8), (0.0, INK, width)] {
            let neck = (tip.0 - head * ux, tip.1 - head * uy);
            self.line(&[tail, neck], colour, width);
            let half = 0.5 * head + rim;
            let (tip, neck) =
                ((tip.0 + 2.0 * rim * ux, tip.1 + 2.0 * rim * uy), (neck.0 - rim * ux, neck.1 - rim * uy));
            let wings = [(neck.0 - half * uy, neck.1 + half * ux), (neck.0 + half * uy, neck.1 - half * ux)];
            self.area(&[tip, wings[0], wings[1]], colour);
        }
    }

    /// Text that reads upwards, centred on `at`.
    pub(super) fn text_upwards(&mut self, text: &str, at: (f64, f64), font: Font) {
        self.write(text, at, Align::Centre, font, FontTransform::Rotate270);
    }

    fn write(&mut self, text: &str, at: (f64, f64), align: Align, font: Font, turn: FontTransform) {
        // Control characters have no glyph, and some are not allowed in SVG.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            return;
        }
        let h = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let size = font.size * self.unit;
        // Backends centre lower-case letters; capitals and digits are higher.
        let lift = 0.09 * size;
        let at = if matches!(turn, FontTransform::None) { (at.0, at.1 + lift) } else { (at.0 + lift, at.1) };
        let style = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        let ink = paint(font.colour);
        let style =
            TextStyle::from(("sans-serif", size * FONT_FACTOR * f64::from(SUBPIXELS), style).into_font())
                .color(&ink)
                .transform(turn)
                .pos(Pos::new(h, VPos::Center));
        let drawn = self.area.draw(&Text::new(text, sub(at), style));
        self.note(drawn);
    }

    /// Width of `text` in pixels.
    pub(super) fn width(&self, text: &str, font: Font) -> f64 {
        self.fonts.width(text, font.bold, font.size * self.unit)
    }

    /// `text`, shortened with an ellipsis if it is wider than `room` pixels.
    pub(super) fn fit(&self, text: &str, font: Font, room: f64) -> String {
        let text = text.trim();
        if self.width(text, font) <= room {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let short: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&short, font) <= room {
                return if kept.is_empty() { String::new() } else { short };
            }
        }
        String::new()
    }

    /// An image that covers `r` (whole pixels), row by row: `row(y, out)` fills the colours
    /// of the samples at relative height `y` (0 top, 1 bottom).
    pub(super) fn image(&mut self, r: Rect, mut row: impl FnMut(f64, &mut [Rgb])) {
        let size = (r.w.round().max(1.0) as u32, r.h.round().max(1.0) as u32);
        let (nx, ny) = ((size.0 * OVERSAMPLE) as usize, (size.1 * OVERSAMPLE) as usize);
        let mut samples = vec![PAPER; nx * ny];
        for (j, out) in samples.chunks_exact_mut(nx).enumerate() {
            row((j as f64 + 0.5) / ny as f64, out);
        }
        let at = (r.x.round().max(0.0) as u32, r.y.round().max(0.0) as u32);
        self.images.push(Image { at, size, samples });
    }

    /// `place` without the line that the title of a panel needs.
    pub(super) fn below_title(&self, title: &str, place: Rect) -> Rect {
        let line = if title.trim().is_empty() { 0.3 } else { 1.6 };
        place.inset(0.0, line * TITLE.size * self.unit, 0.0, 0.0)
    }

    /// The title of the panel in `place`, flush with its `frame`.
    pub(super) fn panel_title(&mut self, title: &str, place: Rect, frame: Rect) {
        let title = self.fit(title, TITLE, place.right() - frame.x);
        self.text(&title, (frame.x, frame.y - 0.85 * TITLE.size * self.unit), Align::Left, TITLE);
    }
}

fn paint(c: Rgb) -> RGBAColor {
    RGBColor(c[0], c[1], c[2]).mix(1.0)
}

fn sub(at: (f64, f64)) -> (i32, i32) {
    let scale = f64::from(SUBPIXELS);
    // A cast of a float saturates, so far-away points stay far away.
    ((at.0 * scale).round() as i32, (at.1 * scale).round() as i32)
}

fn sub_all(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    points.iter().map(|&p| sub(p)).collect()
}
