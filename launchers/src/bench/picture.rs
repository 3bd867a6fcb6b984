//! Speed-up and efficiency against the number of ranks.

use super::table::{title, Point, Series};
use crate::plot::{write_figure, Curve, CurveKind, CurvesPanel, Figure, Panel};
use halocline_core::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// Colours of series, one after another.
const KINDS: [CurveKind; 4] = [CurveKind::Main, CurveKind::Second, CurveKind::Part, CurveKind::OtherPart];

/// Draws all series: their speed-up beside what would be ideal, and their efficiency.
pub(super) fn draw(series: &[(Series, Vec<Point>)], path: &Path) -> Result<()> {
    let ranks: BTreeSet<usize> =
        series.iter().flat_map(|(_, points)| points.iter().map(|p| p.ranks)).collect();
    let x: Vec<f64> = ranks.iter().map(|n| *n as f64).collect();
    let first = x.first().copied().unwrap_or(1.0);
    let curve = |(series, points): &(Series, Vec<Point>), of: fn(&Point) -> f64| {
        let at = |n: &usize| points.iter().find(|p| p.ranks == *n).map_or(f64::NAN, of);
        (title(series), ranks.iter().map(at).collect::<Vec<_>>())
    };
    let ideal = |y: Vec<f64>| Curve { name: "ideal".into(), y, kind: CurveKind::Reference };
    let panel = |name: &str, log: bool, best: Vec<f64>, of: fn(&Point) -> f64| {
        let mut curves = vec![ideal(best)];
        let of_series = series.iter().map(|s| curve(s, of)).zip(KINDS.into_iter().cycle());
        curves.extend(of_series.map(|((name, y), kind)| Curve { name, y, kind }));
        Panel::Curves(CurvesPanel {
            title: name.into(),
            xlabel: "Ranks".into(),
            ylabel: name.into(),
            x: x.clone(),
            x_is_log: x.len() > 1,
            y_is_log: log,
            // Room for the legend above.
            y_range: (!log).then_some((0.0, 1.4)),
            wavelength: None,
            curves,
        })
    };
    let panels = vec![
        panel("Speed-up", x.len() > 1, x.iter().map(|n| n / first).collect(), |p| p.speed_up),
        panel("Efficiency", false, vec![1.0; x.len()], |p| p.efficiency),
    ];
    let subtitle =
        series.iter().filter_map(|(_, p)| p.first()).map(|p| p.record.place.processor.clone()).next();
    let figure =
        Figure { title: "Scaling of Halocline".into(), subtitle: subtitle.unwrap_or_default(), panels };
    write_figure(&figure, path, (1600, 900))
}
