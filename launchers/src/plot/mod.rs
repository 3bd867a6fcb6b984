//! Pictures of results: maps, series and scree diagrams, as PNG or SVG.
//!
//! Callers describe a [`Figure`] with plain data; [`render`] decides layout, scales and ticks.
//! PNG and SVG come from the same drawing calls, so that they look alike.

mod axes;
mod canvas;
mod choices;
mod coast;
mod coherence;
mod colour;
mod command;
mod contour;
mod curves;
mod degrees;
mod image;
mod layout;
mod lookup;
mod map;
mod nearest;
mod of_file;
mod overlay;
mod plane;
mod raster;
mod scalogram;
mod scree;
mod section;
mod series;
mod space;
mod spectrum;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod ticks;
mod transport;
mod wavelet;
mod wheeler_kiladis;

pub(crate) use command::{run, write_beside, write_figure, PlotArgs};
pub(crate) use of_file::figure_of;
pub(crate) use svg::base64;

use canvas::{Canvas, Image};
use colour::Palette;
use halocline_core::{Error, Result};
use layout::Rect;
use plotters::prelude::{DrawingBackend, SVGBackend};

/// A page of panels under one title.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figure {
    /// Headline; empty for none.
    pub title: String,
    /// Line below the headline; empty for none.
    pub subtitle: String,
    /// What is drawn, in reading order.
    pub panels: Vec<Panel>,
}

/// One diagram of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Panel {
    /// A field over longitude and latitude.
    Map(MapPanel),
    /// Values against time.
    Series(SeriesPanel),
    /// Explained variance of each mode.
    Scree(ScreePanel),
    /// Curves over a common axis.
    Curves(CurvesPanel),
    /// A field over two axes of numbers.
    Plane(PlanePanel),
    /// Values over two axes.
    Image(ImagePanel),
    /// Wavelet power over time and period.
    Scalogram(ScalogramPanel),
}

/// A field over longitude and latitude, or over its indices when it has no coordinates.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MapPanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Units of the values as in CF (`degC`, `m s-1`); empty for none.
    pub units: String,
    /// Latitude of each cell in degrees north, C order; empty: draw against indices.
    pub lat: Vec<f64>,
    /// Longitude of each cell in degrees east, any convention; empty: draw against indices.
    pub lon: Vec<f64>,
    /// Values, C order; anything that is not finite is missing.
    pub values: Vec<f64>,
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Whether rows share a latitude and columns a longitude.
    pub rectilinear: bool,
    /// Colours around zero (`true`) or from low to high; `None` decides from the data.
    pub diverging: Option<bool>,
    /// Ends and colours of the scale; `None` decides from the data.
    pub scale: Option<((f64, f64), Palette)>,
    /// For each cell, whether it is drawn pale and hatched; empty: none is.
    pub faint: Vec<bool>,
    /// Arrows: longitude and latitude of the middle, and the direction to right and up, of length 1.
    pub arrows: Vec<Arrow>,
    /// Values at which lines are drawn, rising; with some below 0, also at 0.
    pub contours: Vec<f64>,
    /// Lines over the map, longitude and latitude without jumps; a map of paths needs no values.
    pub paths: Vec<Vec<(f64, f64)>>,
}

/// An arrow: where its middle stands, and its direction to the right and up, of length 1.
pub(crate) type Arrow = ((f64, f64), (f64, f64));

/// A field over two axes of numbers, in colours that change at some levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PlanePanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Label of the horizontal axis.
    pub xlabel: String,
    /// Label of the vertical axis.
    pub ylabel: String,
    /// What the values are, below the colour bar: words, or units as in CF.
    pub units: String,
    /// Where columns stand, rising.
    pub x: Vec<f64>,
    /// Where rows stand, rising.
    pub y: Vec<f64>,
    /// Values, row by row; anything that is not finite is missing.
    pub values: Vec<f64>,
    /// What is shown of the horizontal axis.
    pub x_range: (f64, f64),
    /// What is shown of the vertical axis.
    pub y_range: (f64, f64),
    /// Where colours change, rising.
    pub levels: Vec<f64>,
    /// Whether what is below the first level is left blank.
    pub is_excess: bool,
    /// Whether levels are the same on both sides of zero: colours diverge from there, with a line at
    /// it.
    pub is_symmetric: bool,
    /// Ticks of the vertical axis, where these are not numbers of it; empty for those.
    pub y_ticks: Vec<(f64, String)>,
    /// Label of an axis at the right of one over the vertical coordinate (periods); empty for none.
    pub inverse: String,
    /// Curves above the field; points outside and those that are not finite break them.
    pub curves: Vec<Vec<(f64, f64)>>,
    /// Names at points.
    pub marks: Vec<(String, (f64, f64))>,
    /// Arrows at points.
    pub arrows: Vec<Arrow>,
    /// Their length in pixels of a page of 1600 x 1200.
    pub arrow_length: f64,
}

/// Values against time or a plain number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SeriesPanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Label of the vertical axis: words, or units as in CF.
    pub ylabel: String,
    /// Decimal years, or plain numbers.
    pub x: Vec<f64>,
    /// Whether `x` are decimal years.
    pub x_is_date: bool,
    /// Values; anything that is not finite leaves a gap.
    pub y: Vec<f64>,
    /// Whether the values are anomalies: filled above and below a line at zero.
    pub zero_line: bool,
    /// Label of the horizontal axis; empty for none.
    pub xlabel: String,
}

/// Explained variance of each mode.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ScreePanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Explained variance of modes 1, 2, ... in percent.
    pub percent: Vec<f64>,
    /// Standard error of each (North et al. 1982) in percent; empty or NaN where unknown.
    pub error: Vec<f64>,
    /// The mode to mark, counted from 0.
    pub highlight: Option<usize>,
}

/// Curves over a common axis, such as spectra over frequency.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CurvesPanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Label of the horizontal axis.
    pub xlabel: String,
    /// Label of the vertical axis: words, or units as in CF.
    pub ylabel: String,
    /// Where the values of all curves stand.
    pub x: Vec<f64>,
    /// Whether the horizontal axis is logarithmic: what is not positive is left out.
    pub x_is_log: bool,
    /// Whether the vertical axis is logarithmic.
    pub y_is_log: bool,
    /// The vertical range; `None`: that of the values.
    pub y_range: Option<(f64, f64)>,
    /// The curves, the later above the earlier.
    pub curves: Vec<Curve>,
    /// Whether wavelengths stand at the upper edge, the inverse of what is below times this, in
    /// kilometres.
    pub wavelength: Option<f64>,
}

/// Values over two axes of numbers, as colours.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ImagePanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Label of the horizontal axis.
    pub xlabel: String,
    /// Label of the vertical axis.
    pub ylabel: String,
    /// Units of the values as in CF; empty for none.
    pub units: String,
    /// Where columns stand, rising.
    pub x: Vec<f64>,
    /// Where rows stand, rising or falling.
    pub y: Vec<f64>,
    /// Values, row by row; anything that is not finite is missing.
    pub values: Vec<f64>,
    /// Whether the horizontal axis is logarithmic.
    pub x_is_log: bool,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Values; anything that is not finite leaves a gap.
    pub y: Vec<f64>,
    /// How it is drawn.
    pub kind: CurveKind,
}

/// Wavelet power over time and period.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ScalogramPanel {
    /// Headline of the panel; empty for none.
    pub title: String,
    /// Units of power.
    pub units: String,
    /// What periods count, as a word.
    pub period_units: String,
    /// Decimal years.
    pub x: Vec<f64>,
    /// Periods, rising, evenly in their logarithms.
    pub periods: Vec<f64>,
    /// Power over the variance: periods times times.
    pub values: Vec<f64>,
    /// The level of each period that is significant, over the variance; empty for none.
    pub significance: Vec<f64>,
    /// The longest period of each time that is inside the cone of influence.
    pub cone: Vec<f64>,
    /// The mean over time, over the variance.
    pub global: Vec<f64>,
    /// What of it is significant; empty for none.
    pub global_significance: Vec<f64>,
    /// Red noise, over the variance; empty for none.
    pub background: Vec<f64>,
    /// The level, in words.
    pub level: String,
    /// The mean over some periods at each time, in units of power; empty for none.
    pub average: Vec<f64>,
    /// What of it is significant.
    pub average_significance: Option<f64>,
    /// Its headline.
    pub average_title: String,
}

impl ScalogramPanel {
    fn check(&self, lengths: &dyn Fn(&str, usize, usize) -> Result<()>) -> Result<()> {
        let (times, periods) = (self.x.len(), self.periods.len());
        lengths("values of power", self.values.len(), times.saturating_mul(periods))?;
        if times == 0 || periods == 0 {
            return Err(Error::data("can't draw power at no time or no period"));
        }
        lengths("times of the cone of influence", self.cone.len(), times)?;
        lengths("values of the global spectrum", self.global.len(), periods)?;
        for part in [&self.significance, &self.global_significance, &self.background] {
            lengths("values of a level", part.len(), if part.is_empty() { 0 } else { periods })?;
        }
        lengths("values of a mean", self.average.len(), if self.average.is_empty() { 0 } else { times })
    }
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CurveKind {
    /// What the picture is about.
    Main,
    /// The same as points.
    Points,
    /// What it is compared with.
    Reference,
    /// Another that it is shown with.
    Second,
    /// A limit: that of the first level of confidence, of the second, …
    Level(usize),
    /// A part of what the picture is about.
    Part,
    /// Another part.
    OtherPart,
    /// A slope to hold others against.
    Guide,
    /// Where it may lie.
    Interval,
    /// Places that stand out, as larger points.
    Marks,
}

/// The file format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Pixels.
    Png,
    /// Vectors; maps inside are pixels at twice the nominal size.
    Svg,
}

/// Smallest side in pixels at which text can still be read.
const MIN_SIDE: u32 = 200;
/// Most pixels of a picture: bounds the memory at about half a gigabyte.
const MAX_PIXELS: u64 = 24_000_000;

/// Draws `figure` at `size` (width, height in pixels) and gives the bytes of the file.
///
/// # Errors
/// A size out of range; lengths within a panel that contradict each other.
pub(crate) fn render(figure: &Figure, format: Format, size: (u32, u32)) -> Result<Vec<u8>> {
    if size.0.min(size.1) < MIN_SIDE || u64::from(size.0) * u64::from(size.1) > MAX_PIXELS {
        return Err(Error::usage(format!("a picture of {} x {} pixels can't be drawn", size.0, size.1))
            .remedy(format!("choose sides from {MIN_SIDE} pixels and at most 24 million pixels in all")));
    }
    figure.panels.iter().try_for_each(check)?;
    let canvas_size = (size.0 * canvas::SUBPIXELS, size.1 * canvas::SUBPIXELS);
    match format {
        Format::Svg => {
            let mut body = String::new();
            let images = draw(figure, SVGBackend::with_string(&mut body, canvas_size), size)?;
            svg::document(&body, &images, size, &figure.title)
        }
        Format::Png => {
            let mut lines = raster::blank(size)?;
            let images = draw(figure, raster::Raster::new(&mut lines)?, size)?;
            raster::png(&lines, &images)
        }
    }
}

/// Draws everything but the images, which go below the lines and are given back.
fn draw<B: DrawingBackend>(figure: &Figure, backend: B, size: (u32, u32)) -> Result<Vec<Image>> {
    let mut canvas = Canvas::new(backend, size)?;
    let page = layout::headlines(&mut canvas, figure);
    canvas.shrink_text(layout::text_scale(figure.panels.len()));
    let places = layout::places(figure, page);
    let head = curves::common_head(&canvas, figure, &places);
    for (panel, place) in figure.panels.iter().zip(places) {
        match panel {
            Panel::Map(map) => map::draw(&mut canvas, map, place),
            Panel::Series(series) => series::draw(&mut canvas, series, place),
            Panel::Scree(scree) => scree::draw(&mut canvas, scree, place),
            Panel::Curves(curves) => curves::draw(&mut canvas, curves, place, head),
            Panel::Plane(plane) => plane::draw(&mut canvas, plane, place),
            Panel::Image(image) => image::draw(&mut canvas, image, place),
            Panel::Scalogram(panel) => scalogram::draw(&mut canvas, panel, place),
        }
    }
    canvas.finish()
}

/// Refuses panels whose lengths contradict each other.
fn check(panel: &Panel) -> Result<()> {
    let lengths = |what: &str, is: usize, should: usize| {
        if is == should {
            Ok(())
        } else {
            Err(Error::data(format!("can't draw: {is} {what} where {should} are needed")))
        }
    };
    match panel {
        Panel::Map(map) => {
            let cells = map.shape.0.checked_mul(map.shape.1).filter(|&n| n < u32::MAX as usize);
            let cells = cells.ok_or_else(|| Error::data("can't draw a map of more than 4 billion cells"))?;
            lengths("values", map.values.len(), cells)?;
            if !map.lat.is_empty() || !map.lon.is_empty() {
                lengths("latitudes", map.lat.len(), cells)?;
                lengths("longitudes", map.lon.len(), cells)?;
            }
            if !map.faint.is_empty() {
                lengths("marks of cells", map.faint.len(), cells)?;
            }
            Ok(())
        }
        Panel::Series(series) => lengths("values of the series", series.y.len(), series.x.len()),
        Panel::Scree(scree) if scree.error.is_empty() => Ok(()),
        Panel::Scree(scree) => lengths("errors of modes", scree.error.len(), scree.percent.len()),
        Panel::Image(image) => lengths("values", image.values.len(), image.x.len() * image.y.len()),
        Panel::Curves(panel) => {
            panel.curves.iter().try_for_each(|c| lengths("values of a curve", c.y.len(), panel.x.len()))
        }
        Panel::Plane(plane) => lengths("values", plane.values.len(), plane.x.len() * plane.y.len()),
        Panel::Scalogram(panel) => panel.check(&lengths),
    }
}
