//! The SVG file: what plotters drew, under a header with the right size, above the images.

use super::canvas::{Image, OVERSAMPLE, SUBPIXELS};
use super::raster;
use halocline_core::{Error, Result};
use std::fmt::Write;
use tiny_skia::PremultipliedColorU8;

/// The document out of plotters' own, whose first line is its header.
pub(super) fn document(body: &str, images: &[Image], size: (u32, u32), title: &str) -> Result<Vec<u8>> {
    let (_, drawn) = body.split_once('\n').ok_or_else(|| Error::internal("SVG without a header"))?;
    let (w, h) = (size.0 * SUBPIXELS, size.1 * SUBPIXELS);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         width=\"{}\" height=\"{}\" viewBox=\"0 0 {w} {h}\" stroke-linejoin=\"round\">\n\
         <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n",
        size.0,
        size.1,
        escape(title)
    );
    for image in images {
        let ((x, y), (w, h)) = (image.at, image.size);
        let [x, y, w, h] = [x, y, w, h].map(|v| v * SUBPIXELS);
        let data = base64(&png(image)?);
        // `href` alone is SVG 2; older programs know `xlink:href` only, and all know that one.
        let written = writeln!(
            out,
            "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
             xlink:href=\"data:image/png;base64,{data}\"/>"
        );
        written.map_err(|_| Error::internal("SVG: formatting failed"))?;
    }
    out.push_str(drawn);
    Ok(out.into_bytes())
}

fn png(image: &Image) -> Result<Vec<u8>> {
    let mut map = raster::blank((image.size.0 * OVERSAMPLE, image.size.1 * OVERSAMPLE))?;
    for (pixel, c) in map.pixels_mut().iter_mut().zip(&image.samples) {
        *pixel = PremultipliedColorU8::from_rgba(c[0], c[1], c[2], 255).unwrap_or(*pixel);
    }
    map.encode_png().map_err(|e| Error::internal(format!("PNG: {e}")))
}

fn escape(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// RFC 4648, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |n: usize| u32::from(group.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_follows_the_rfc_vectors() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in pairs {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
