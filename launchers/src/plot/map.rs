//! A field as a map: cells as pixels, coast, degrees and colour bar.

use super::axes::nothing;
use super::canvas::{Align, Canvas, INK, LABEL, MISSING, OVERSAMPLE, PAPER, TICK};
use super::coast;
use super::colour::{valid, Rgb, Scale};
use super::layout::Rect;
use super::lookup::{Sampler, Window, NONE};
use super::overlay::{self, Placed};
use super::{text, ticks, MapPanel};
use plotters::prelude::DrawingBackend;

const COAST: Rgb = [72, 76, 82];
/// Length of an arrow in nominal pixels.
const ARROW: f64 = 26.0;

/// A colour that steps back, or the darker stripe over it.
fn pale(colour: Rgb, is_stripe: bool) -> Rgb {
    let towards = if is_stripe { 140 } else { 255 };
    colour.map(|c| ((2 * u16::from(c) + 3 * towards) / 5) as u8)
}

/// Where the parts of a map stand.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) frame: Rect,
    pub(super) bar: Rect,
    pub(super) upright: bool,
}

/// Ticks of one side of the map.
struct Degrees(Vec<(f64, String)>);

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &MapPanel, place: Rect) {
    let scale = match panel.scale {
        Some((ends, palette)) => Scale::fixed(&panel.values, ends, palette),
        None => Scale::new(&panel.values, panel.diverging),
    };
    let mut sampler = Sampler::new(panel);
    let window =
        sampler.as_ref().map_or(Window { west: 0.0, east: 1.0, south: 0.0, north: 1.0 }, Sampler::window);
    let geographic = sampler.as_ref().is_some_and(|s| s.geographic);
    let u = canvas.unit();
    let lat_step = tick_step(geographic, window.north - window.south, place.h / (95.0 * u));
    let lats = Degrees::new(window.south, window.north, lat_step, geographic, ticks::latitude);
    let side = lats.0.iter().map(|t| canvas.width(&t.1, TICK)).fold(0.0, f64::max) + 18.0 * u;
    let bar_labels = scale.as_ref().map_or(0.0, |s| bar_width(canvas, s));
    let inner = canvas.below_title(&panel.title, place);
    let alone = place.w > 0.9 * canvas.page().w;
    let parts = arrange(inner, shape(window, geographic), side, bar_labels, u, alone);
    let frame = parts.frame;
    canvas.panel_title(&panel.title, place, frame);

    let values = &panel.values;
    let mut cells = Vec::new();
    let stripe = (9.0 * u * f64::from(OVERSAMPLE)).max(4.0) as usize;
    let mut line = 0;
    // A map of nothing but a path has no holes.
    let blank = if scale.is_none() && !panel.paths.is_empty() { PAPER } else { MISSING };
    canvas.image(frame, |share, out| {
        cells.resize(out.len(), NONE);
        if let Some(sampler) = &mut sampler {
            sampler.row(share, &mut cells);
        }
        line += 1;
        for (i, (colour, &cell)) in out.iter_mut().zip(&cells).enumerate() {
            let value = values.get(cell as usize).copied().filter(|&v| valid(v));
            *colour = value.zip(scale.as_ref()).map_or(blank, |(v, s)| s.colour(v));
            if value.is_some() && panel.faint.get(cell as usize).is_some_and(|f| *f) {
                *colour = pale(*colour, (line + i) % stripe < stripe / 4);
            }
        }
    });
    let x = |lon: f64| frame.x + frame.w * (lon - window.west) / (window.east - window.west);
    let y = |lat: f64| frame.bottom() - frame.h * (lat - window.south) / (window.north - window.south);
    if geographic {
        for piece in coast::inside(window) {
            let piece: Vec<_> = piece.into_iter().map(|(lon, lat)| (x(lon), y(lat))).collect();
            canvas.line(&piece, COAST, 1.5);
        }
    }
    overlay::draw(canvas, panel, Placed { frame, window, geographic });
    for &((lon, lat), (dx, dy)) in panel.arrows.iter().filter(|_| geographic) {
        // In the window's own convention.
        let at = (x(window.west + (lon - window.west).rem_euclid(360.0)), y(lat));
        let by = (0.5 * ARROW * u * dx, 0.5 * ARROW * u * dy);
        if frame.x <= at.0 && at.0 <= frame.right() {
            canvas.arrow((at.0 - by.0, at.1 + by.1), (at.0 + by.0, at.1 - by.1), 1.5);
        }
    }
    let lon_step = tick_step(geographic, window.east - window.west, frame.w / (125.0 * u));
    let lons = Degrees::new(window.west, window.east, lon_step, geographic, ticks::longitude);
    for (lat, label) in &lats.0 {
        canvas.line(&[(frame.x - 6.0 * u, y(*lat)), (frame.x, y(*lat))], INK, 1.5);
        canvas.text(label, (frame.x - 11.0 * u, y(*lat)), Align::Right, TICK);
    }
    for (lon, label) in &lons.0 {
        canvas.line(&[(x(*lon), frame.bottom()), (x(*lon), frame.bottom() + 6.0 * u)], INK, 1.5);
        canvas.text(label, (x(*lon), frame.bottom() + 24.0 * u), Align::Centre, TICK);
    }
    canvas.outline(frame, INK, 1.5);
    match scale {
        Some(scale) => colour_bar(canvas, &scale, &text::units(&panel.units), parts),
        None if panel.paths.is_empty() => nothing(canvas, frame),
        None => {}
    }
}

impl Degrees {
    fn new(low: f64, high: f64, step: f64, geographic: bool, degree: fn(f64, f64) -> String) -> Self {
        let label = |v: f64| if geographic { degree(v, step) } else { ticks::number(v, 0) };
        Self(ticks::multiples(low, high, step).into_iter().map(|v| (v, label(v))).collect())
    }
}

fn tick_step(geographic: bool, span: f64, most: f64) -> f64 {
    if geographic {
        ticks::degree_step(span, most)
    } else {
        ticks::step(span, most).max(1.0)
    }
}

/// Width over height of the map. A region is drawn as it lies on the earth at its middle
/// latitude, within limits: strips would otherwise vanish.
fn shape(w: Window, geographic: bool) -> f64 {
    let (dx, dy) = (w.east - w.west, w.north - w.south);
    let stretch = if geographic && dx < 200.0 {
        1.0 / f64::midpoint(w.south, w.north).to_radians().cos().max(0.4)
    } else {
        1.0
    };
    let limits = if geographic { (0.3, 5.0) } else { (0.4, 4.0) };
    (dx / dy / stretch).clamp(limits.0, limits.1)
}

/// Puts the colour bar right of the map or below it, whichever leaves the larger map.
fn arrange(place: Rect, aspect: f64, side: f64, bar_labels: f64, u: f64, alone: bool) -> Parts {
    let foot = 42.0 * u;
    let fit = |w: f64, h: f64| {
        let (w, h) = (w.max(1.0), h.max(1.0));
        if w / h > aspect {
            (h * aspect, h)
        } else {
            (w, w / aspect)
        }
    };
    let beside = 26.0 * u + 26.0 * u + bar_labels + 46.0 * u;
    let below = 88.0 * u;
    let upright = fit(place.w - side - beside, place.h - foot);
    let flat = fit(place.w - side - 30.0 * u, place.h - foot - below);
    let is_upright = upright.0 * upright.1 >= flat.0 * flat.1;
    let (w, h) = if is_upright { upright } else { flat };
    let whole = if is_upright { (side + w + beside, h + foot) } else { (side + w, h + foot + below) };
    let x = place.x + side + ((place.w - whole.0) / 2.0).max(0.0);
    // At the top, so that titles in a row of panels are level.
    let slack = if alone { 0.3 * (place.h - whole.1).max(0.0) } else { 0.0 };
    let frame = Rect { x, y: place.y + slack, w, h }.snapped();
    let bar = if is_upright {
        Rect { x: frame.right() + 26.0 * u, y: frame.y, w: 26.0 * u, h: frame.h }
    } else {
        let w = (0.8 * frame.w).max((420.0 * u).min(frame.w));
        Rect { x: frame.middle().0 - w / 2.0, y: frame.bottom() + foot + 8.0 * u, w, h: 24.0 * u }
    };
    Parts { frame, bar: bar.snapped(), upright: is_upright }
}

/// Width of the widest label that the bar may get.
pub(super) fn bar_width<B: DrawingBackend>(canvas: &Canvas<B>, scale: &Scale) -> f64 {
    let labels = ticks::labels(&ticks::round(scale.low, scale.high, 10.0)).0;
    labels.iter().map(|l| canvas.width(l, TICK)).fold(0.0, f64::max)
}

pub(super) fn colour_bar<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    scale: &Scale,
    units: &str,
    parts: Parts,
) {
    let (u, bar, upright) = (canvas.unit(), parts.bar, parts.upright);
    // Triangles at the ends stand for values beyond them.
    let tip = 22.0 * u;
    let (low_tip, high_tip) = (if scale.below { tip } else { 0.0 }, if scale.above { tip } else { 0.0 });
    let body =
        if upright { bar.inset(0.0, high_tip, 0.0, low_tip) } else { bar.inset(low_tip, 0.0, high_tip, 0.0) };
    let body = body.snapped();
    canvas.image(body, |share, out| {
        let n = out.len() as f64;
        for (i, colour) in out.iter_mut().enumerate() {
            *colour = scale.at_share(if upright { 1.0 - share } else { (i as f64 + 0.5) / n });
        }
    });
    let (mid_x, mid_y) = body.middle();
    let tips = if upright {
        [
            (
                scale.below,
                [(body.x, body.bottom()), (mid_x, body.bottom() + tip), (body.right(), body.bottom())],
                0.0,
            ),
            (scale.above, [(body.x, body.y), (mid_x, body.y - tip), (body.right(), body.y)], 1.0),
        ]
    } else {
        [
            (scale.below, [(body.x, body.y), (body.x - tip, mid_y), (body.x, body.bottom())], 0.0),
            (
                scale.above,
                [(body.right(), body.y), (body.right() + tip, mid_y), (body.right(), body.bottom())],
                1.0,
            ),
        ]
    };
    for (_, corners, share) in tips.into_iter().filter(|t| t.0) {
        canvas.area(&corners, scale.at_share(share));
        canvas.line(&corners, INK, 1.2);
    }
    canvas.outline(body, INK, 1.2);

    let most = if upright { (body.h / (62.0 * u)).min(10.0) } else { (body.w / (80.0 * u)).min(10.0) };
    let at = ticks::round(scale.low, scale.high, most.max(2.0));
    let (labels, power) = ticks::labels(&at);
    let mut widest: f64 = 0.0;
    for (v, label) in at.iter().zip(&labels) {
        let share = (v - scale.low) / (scale.high - scale.low);
        widest = widest.max(canvas.width(label, TICK));
        if upright {
            let y = body.bottom() - share * body.h;
            canvas.line(&[(body.right(), y), (body.right() + 6.0 * u, y)], INK, 1.3);
            canvas.text(label, (body.right() + 12.0 * u, y), Align::Left, TICK);
        } else {
            let x = body.x + share * body.w;
            canvas.line(&[(x, body.bottom()), (x, body.bottom() + 6.0 * u)], INK, 1.3);
            canvas.text(label, (x, body.bottom() + 23.0 * u), Align::Centre, TICK);
        }
    }
    let units = ticks::with_power(units, power);
    if upright {
        let units = canvas.fit(&units, LABEL, bar.h);
        canvas.text_upwards(&units, (body.right() + 12.0 * u + widest + 22.0 * u, bar.middle().1), LABEL);
    } else {
        let units = canvas.fit(&units, LABEL, parts.frame.w);
        canvas.text(&units, (mid_x, body.bottom() + 50.0 * u), Align::Centre, LABEL);
    }
}
