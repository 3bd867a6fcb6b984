//! Whole pictures: formats, sizes, and data nobody hopes for.

use super::*;

fn map(ny: usize, nx: usize, value: impl Fn(usize, usize) -> f64) -> MapPanel {
    let (dy, dx) = (180.0 / ny as f64, 360.0 / nx as f64);
    let cells = || (0..ny).flat_map(|j| (0..nx).map(move |i| (j, i)));
    MapPanel {
        title: "A field".to_owned(),
        units: "degC".to_owned(),
        lat: cells().map(|(j, _)| -90.0 + (j as f64 + 0.5) * dy).collect(),
        lon: cells().map(|(_, i)| i as f64 * dx).collect(),
        values: cells().map(|(j, i)| value(j, i)).collect(),
        shape: (ny, nx),
        rectilinear: true,
        ..MapPanel::default()
    }
}

fn eof() -> Figure {
    let x: Vec<f64> = (0..120).map(|n| 2010.0 + f64::from(n) / 12.0).collect();
    let y = x.iter().map(|t| (t * 3.0).sin()).collect();
    let series = SeriesPanel { x, y, x_is_date: true, zero_line: true, ..SeriesPanel::default() };
    let percent = vec![40.0, 20.0, 10.0];
    let scree =
        ScreePanel { percent, error: vec![5.0, f64::NAN, 1.0], highlight: Some(0), ..ScreePanel::default() };
    Figure {
        title: "EOF 1 <of> \"this\" & that \u{7} and a title that is far too long for its page ".repeat(4),
        subtitle: "June".to_owned(),
        panels: vec![
            Panel::Map(map(18, 36, |j, i| (i as f64 / 6.0).sin() * j as f64)),
            Panel::Series(series),
            Panel::Scree(scree),
        ],
    }
}

/// Width, height and the share of pixels that are not white.
fn look(png: &[u8]) -> (u32, u32, f64) {
    let picture = tiny_skia::Pixmap::decode_png(png).unwrap();
    let inked = picture.pixels().iter().filter(|p| (p.red(), p.green(), p.blue()) != (255, 255, 255)).count();
    (picture.width(), picture.height(), inked as f64 / picture.pixels().len() as f64)
}

#[test]
fn png_has_its_size_and_is_not_blank() {
    let (w, h, inked) = look(&render(&eof(), Format::Png, (800, 600)).unwrap());
    assert_eq!((w, h), (800, 600));
    assert!(inked > 0.2 && inked < 0.9, "{inked}");
}

#[test]
fn svg_is_well_formed_and_complete() {
    let svg = String::from_utf8(render(&eof(), Format::Svg, (800, 600)).unwrap()).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("width=\"800\" height=\"600\" viewBox=\"0 0 12800 9600\""));
    assert_eq!(svg.matches("<image").count(), 2);
    assert!(svg.contains("Explained variance") && svg.contains("60°E") && svg.contains("&lt;of&gt;"));
    assert!(!svg.contains('\u{7}') && !svg.contains("<of>"));
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
}

#[test]
fn odd_data_draw_something() {
    let odd: [fn(usize, usize) -> f64; 5] = [
        |_, _| f64::NAN,
        |_, _| 7.0,
        |_, _| 0.0,
        |j, i| if i == 0 { f64::INFINITY } else { j as f64 * 1e300 },
        |j, _| j as f64 * 1e-30,
    ];
    for (n, value) in odd.into_iter().enumerate() {
        for rectilinear in [true, false] {
            let panel = MapPanel { rectilinear, ..map(6, 8, value) };
            let figure = Figure { panels: vec![Panel::Map(panel)], ..Figure::default() };
            assert!(look(&render(&figure, Format::Png, (300, 200)).unwrap()).2 > 0.1, "field {n}");
        }
    }
    let bad = vec![f64::NAN, f64::NEG_INFINITY, 1e308];
    let mut panels = vec![
        Panel::Map(MapPanel::default()),
        Panel::Map(MapPanel { values: vec![1.0, 2.0], shape: (1, 2), ..MapPanel::default() }),
        Panel::Map(MapPanel {
            lat: bad.clone(),
            lon: bad.clone(),
            values: bad.clone(),
            shape: (3, 1),
            ..MapPanel::default()
        }),
        Panel::Map(map(1, 1, |_, _| 1.0)),
        Panel::Map(map(2, 1, |_, _| 1.0)),
        Panel::Series(SeriesPanel::default()),
        Panel::Series(SeriesPanel { x: vec![1e30], y: vec![1.0], x_is_date: true, ..SeriesPanel::default() }),
        Panel::Series(SeriesPanel {
            x: bad.clone(),
            y: bad.clone(),
            zero_line: true,
            ..SeriesPanel::default()
        }),
        Panel::Scree(ScreePanel::default()),
        Panel::Scree(ScreePanel {
            percent: bad.clone(),
            error: bad,
            highlight: Some(9),
            ..ScreePanel::default()
        }),
    ];
    for panel in panels.clone() {
        let figure = Figure { panels: vec![panel], ..Figure::default() };
        render(&figure, Format::Svg, (300, 200)).unwrap();
    }
    panels.push(Panel::Map(map(4, 4, |j, i| (i + j) as f64)));
    render(&Figure { panels, ..Figure::default() }, Format::Png, (400, 300)).unwrap();
    render(&Figure::default(), Format::Png, (400, 300)).unwrap();
}

#[test]
fn contradictions_are_errors() {
    let mut wrong = map(3, 4, |_, _| 1.0);
    wrong.values.pop();
    let figure = Figure { panels: vec![Panel::Map(wrong)], ..Figure::default() };
    assert!(render(&figure, Format::Png, (400, 300)).unwrap_err().message.contains("11 values"));
    let series = SeriesPanel { x: vec![1.0], ..SeriesPanel::default() };
    let figure = Figure { panels: vec![Panel::Series(series)], ..Figure::default() };
    assert!(render(&figure, Format::Png, (400, 300)).is_err());
    assert_eq!(render(&eof(), Format::Png, (10, 10)).unwrap_err().exit_code(), 2);
    assert!(render(&eof(), Format::Png, (100_000, 100_000)).is_err());
}
