//! Values against time: a line, and for anomalies the area between it and zero.

use super::axes::{Axes, Plan};
use super::canvas::{Canvas, INK};
use super::colour::{extremes, valid, Rgb, COOL, WARM};
use super::layout::Rect;
use super::{ticks, SeriesPanel};
use plotters::prelude::DrawingBackend;

type Points = Vec<(f64, f64)>;

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &SeriesPanel, place: Rect) {
    let runs = runs(panel);
    let all = || runs.iter().flatten();
    let y = vertical_range(extremes(all().map(|p| p.1)), panel.zero_line);
    let x = match extremes(all().map(|p| p.0)) {
        Some((low, high)) if high > low => (low, high),
        Some((only, _)) => (only - 0.5, only + 0.5),
        None => (0.0, 1.0),
    };
    let plan = Plan {
        title: &panel.title,
        xlabel: &panel.xlabel,
        ylabel: &panel.ylabel,
        x,
        y,
        y_is_log: false,
        head: 0.0,
    };
    let axes = Axes::draw(canvas, &plan, place, |most| {
        if panel.x_is_date && x.0.abs().max(x.1.abs()) < 1e7 {
            return ticks::dates(x.0, x.1, most);
        }
        let at = ticks::round(x.0, x.1, most);
        let (labels, power) = ticks::labels(&at);
        let named = |l: String| if power == 0 { l } else { format!("{l}·{}", ticks::with_power("", power)) };
        at.into_iter().zip(labels.into_iter().map(named)).collect()
    });
    if runs.is_empty() {
        axes.empty(canvas);
    }
    for run in &runs {
        let run = thinned(run.iter().map(|p| axes.at(p.0, p.1)).collect(), axes.frame);
        if let [only] = run.as_slice() {
            canvas.disc(*only, 3.0, line_colour(panel));
        } else if panel.zero_line {
            let (_, zero) = axes.at(x.0, 0.0);
            for (area, colour) in areas(&run, zero) {
                canvas.area(&area, colour);
            }
            // More points than pixels: an outline would leave nothing of the colours.
            if (run.len() as f64) < axes.frame.w {
                canvas.line(&run, INK, 1.4);
            }
        } else {
            canvas.line(&run, line_colour(panel), 2.4);
        }
    }
    if panel.zero_line {
        canvas.line(&[axes.at(x.0, 0.0), axes.at(x.1, 0.0)], INK, 1.5);
    }
    axes.close(canvas);
}

fn line_colour(panel: &SeriesPanel) -> Rgb {
    if panel.zero_line {
        INK
    } else {
        COOL
    }
}

/// A range with some air, which holds zero if that is wanted.
fn vertical_range(data: Option<(f64, f64)>, zero: bool) -> (f64, f64) {
    let Some((mut low, mut high)) = data else { return (-1.0, 1.0) };
    if zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    if high - low <= 1e-9 * low.abs().max(high.abs()) {
        let half = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
        return (low - half, high + half);
    }
    let air = 0.06 * (high - low);
    (low - air, high + air)
}

/// The series without its gaps.
fn runs(panel: &SeriesPanel) -> Vec<Points> {
    let points: Points = panel.x.iter().copied().zip(panel.y.iter().copied()).collect();
    let runs = points.split(|p| !(valid(p.0) && valid(p.1)));
    runs.filter(|r| !r.is_empty()).map(<[_]>::to_vec).collect()
}

/// At most first, lowest, highest and last point in each column of pixels: nobody sees more,
/// and daily data over centuries would make huge files.
fn thinned(points: Points, frame: Rect) -> Points {
    if points.len() < 4 * frame.w as usize {
        return points;
    }
    let mut out = Points::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let low = column.iter().position(|p| Some(p) == column.iter().min_by(by_height));
        let high = column.iter().position(|p| Some(p) == column.iter().max_by(by_height));
        let mut kept = [Some(0), low, high, Some(column.len() - 1)];
        kept.sort_unstable();
        for n in kept.into_iter().flatten() {
            if out.last() != Some(&column[n]) {
                out.push(column[n]);
            }
        }
    }
    out
}

/// The areas between a line and the height `zero`, split where it crosses (y grows downwards).
fn areas(run: &[(f64, f64)], zero: f64) -> Vec<(Points, Rgb)> {
    let mut out = Vec::new();
    let Some(&first) = run.first() else { return out };
    let mut area = vec![(first.0, zero), first];
    let close = |mut area: Points, x: f64, out: &mut Vec<(Points, Rgb)>| {
        let above = area.iter().any(|p| p.1 < zero);
        area.push((x, zero));
        out.push((area, if above { WARM } else { COOL }));
    };
    for pair in run.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if (a.1 - zero) * (b.1 - zero) < 0.0 {
            let x = a.0 + (b.0 - a.0) * (zero - a.1) / (b.1 - a.1);
            close(std::mem::replace(&mut area, vec![(x, zero)]), x, &mut out);
        } else if a.1 == zero {
            // A touch may be a change of sides.
            close(std::mem::replace(&mut area, vec![a]), a.0, &mut out);
        }
        area.push(b);
    }
    close(area, run[run.len() - 1].0, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_split_at_zero_and_keep_their_sides() {
        let parts = areas(&[(0.0, -1.0), (2.0, 1.0), (4.0, 0.0), (6.0, -2.0)], 0.0);
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], (vec![(0.0, 0.0), (0.0, -1.0), (1.0, 0.0)], WARM));
        assert_eq!(parts[1].1, COOL);
        assert_eq!(parts[2].1, WARM);
    }

    #[test]
    fn gaps_split_and_thinning_keeps_extremes() {
        let y = vec![1.0, f64::NAN, 2.0, 3.0, f64::INFINITY];
        let panel = SeriesPanel { x: (0..5).map(f64::from).collect(), y, ..SeriesPanel::default() };
        assert_eq!(runs(&panel), [vec![(0.0, 1.0)], vec![(2.0, 2.0), (3.0, 3.0)]]);
        let frame = Rect { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };
        let mut many: Points = (0..1000).map(|n| (f64::from(n) / 100.0, 5.0)).collect();
        many[333].1 = 9.0;
        let few = thinned(many, frame);
        assert!(few.len() <= 40 && few.iter().any(|p| p.1 == 9.0));
    }

    #[test]
    fn constant_series_have_a_range() {
        assert_eq!(vertical_range(Some((0.0, 0.0)), true), (-1.0, 1.0));
        let (low, high) = vertical_range(Some((5.0, 5.0)), false);
        assert!(low < 5.0 && high > 5.0);
    }
}
