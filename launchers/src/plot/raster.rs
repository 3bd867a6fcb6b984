//! A backend for plotters that draws anti-aliased pixels, and the PNG file.

use super::canvas::{Image, FONT_FACTOR, OVERSAMPLE, SUBPIXELS};
use super::text::{advance, Fonts};
use halocline_core::{Error, Result};
use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};
use std::convert::Infallible;
use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8, Stroke, Transform,
};
use ttf_parser::OutlineBuilder;

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;

/// A transparent sheet.
pub(super) fn blank(size: (u32, u32)) -> Result<Pixmap> {
    Pixmap::new(size.0, size.1).ok_or_else(|| Error::internal("no memory for the picture"))
}

/// Draws on a pixmap; coordinates count `SUBPIXELS` to the pixel.
pub(super) struct Raster<'a> {
    sheet: &'a mut Pixmap,
    fonts: Fonts,
}

impl<'a> Raster<'a> {
    pub(super) fn new(sheet: &'a mut Pixmap) -> Result<Self> {
        Ok(Self { sheet, fonts: Fonts::new()? })
    }

    fn fill(&mut self, path: Option<Path>, colour: BackendColor, place: Transform) {
        if let Some(path) = path {
            self.sheet.fill_path(&path, &paint(colour), FillRule::Winding, place, None);
        }
    }
}

fn paint(c: BackendColor) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(c.rgb.0, c.rgb.1, c.rgb.2, (c.alpha * 255.0).round() as u8);
    paint
}

fn pixel(at: BackendCoord) -> (f32, f32) {
    (at.0 as f32 / SUBPIXELS as f32, at.1 as f32 / SUBPIXELS as f32)
}

fn path(points: impl IntoIterator<Item = BackendCoord>, closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (n, at) in points.into_iter().map(pixel).enumerate() {
        if n == 0 {
            builder.move_to(at.0, at.1);
        } else {
            builder.line_to(at.0, at.1);
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.sheet.width() * SUBPIXELS, self.sheet.height() * SUBPIXELS)
    }
    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }
    fn present(&mut self) -> Drawn {
        Ok(())
    }
    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &colour, true)
    }
    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }
    fn draw_rect<S: BackendStyle>(
        &mut self,
        a: BackendCoord,
        b: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = [a, (b.0, a.1), b, (a.0, b.1), a];
        if fill {
            self.fill_polygon(corners, style)
        } else {
            self.draw_path(corners, style)
        }
    }
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        if let Some(path) = path(points, false) {
            let width = style.stroke_width() as f32 / SUBPIXELS as f32;
            let stroke = Stroke { width, line_join: LineJoin::Round, ..Stroke::default() };
            self.sheet.stroke_path(&path, &paint(style.color()), &stroke, Transform::identity(), None);
        }
        Ok(())
    }
    fn draw_circle<S: BackendStyle>(
        &mut self,
        at: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let (x, y) = pixel(at);
        let circle = PathBuilder::from_circle(x, y, radius as f32 / SUBPIXELS as f32);
        self.fill(circle, style.color(), Transform::identity());
        Ok(())
    }
    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.fill(path(points, true), style.color(), Transform::identity());
        Ok(())
    }
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let bold = matches!(style.style(), FontStyle::Bold);
        let size = style.size() / FONT_FACTOR / f64::from(SUBPIXELS);
        let width = self.fonts.width(text, bold, size) as f32;
        let face = self.fonts.face(bold);
        let scale = size as f32 / f32::from(face.units_per_em());
        let start = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        // SVG's `dy="0.5ex"`, so that both formats agree.
        let x_height = face.x_height().map_or(0.5 * size as f32, |h| f32::from(h) * scale);
        let mut glyphs = Glyphs { builder: PathBuilder::new(), x: start, y: 0.5 * x_height, scale };
        for c in text.chars() {
            if let Some(glyph) = face.glyph_index(c).or_else(|| face.glyph_index('\u{fffd}')) {
                face.outline_glyph(glyph, &mut glyphs);
            }
            glyphs.x += f32::from(advance(face, c)) * scale;
        }
        let angle = match style.transform() {
            FontTransform::None => 0.0,
            FontTransform::Rotate90 => 90.0,
            FontTransform::Rotate180 => 180.0,
            FontTransform::Rotate270 => 270.0,
        };
        let (x, y) = pixel(at);
        let place = Transform::from_rotate(angle).post_translate(x, y);
        self.fill(glyphs.builder.finish(), style.color(), place);
        Ok(())
    }
}

/// Collects the outlines of a line of text.
struct Glyphs {
    builder: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Glyphs {
    // Fonts count upwards, pictures downwards.
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Glyphs {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.builder.close();
    }
}

/// Paper, images and `lines` on top of each other, as a PNG file.
pub(super) fn png(lines: &Pixmap, images: &[Image]) -> Result<Vec<u8>> {
    let mut sheet = blank((lines.width(), lines.height()))?;
    sheet.fill(Color::WHITE);
    for image in images {
        lay(&mut sheet, image);
    }
    let blend = tiny_skia::PixmapPaint::default();
    sheet.draw_pixmap(0, 0, lines.as_ref(), &blend, Transform::identity(), None);
    sheet.encode_png().map_err(|e| Error::internal(format!("PNG: {e}")))
}

/// Copies an image, the mean of its samples in each pixel.
fn lay(sheet: &mut Pixmap, image: &Image) {
    let (width, height) = (sheet.width(), sheet.height());
    let row = (image.size.0 * OVERSAMPLE) as usize;
    let k = OVERSAMPLE as usize;
    for j in 0..image.size.1.min(height.saturating_sub(image.at.1)) {
        for i in 0..image.size.0.min(width.saturating_sub(image.at.0)) {
            let mut sum = [0_u32; 3];
            for b in 0..k {
                let from = (j as usize * k + b) * row + i as usize * k;
                for sample in &image.samples[from..from + k] {
                    (0..3).for_each(|c| sum[c] += u32::from(sample[c]));
                }
            }
            let [r, g, b] = sum.map(|s| ((s + OVERSAMPLE) / (OVERSAMPLE * OVERSAMPLE)) as u8);
            let at = ((image.at.1 + j) * width + image.at.0 + i) as usize;
            if let Some(colour) = PremultipliedColorU8::from_rgba(r, g, b, 255) {
                sheet.pixels_mut()[at] = colour;
            }
        }
    }
}
