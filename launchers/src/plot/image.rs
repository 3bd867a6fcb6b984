//! A lattice of values as an image between two axes of numbers, such as power over wave number and
//! latitude.

use super::axes::{nothing, say, Axes, Plan};
use super::canvas::{Canvas, MISSING};
use super::colour::{valid, Scale};
use super::layout::Rect;
use super::map::{bar_width, colour_bar, Parts};
use super::{text, ticks, ImagePanel};
use plotters::prelude::DrawingBackend;

pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, panel: &ImagePanel, place: Rect) {
    let scale = Scale::of_powers(&panel.values);
    let u = canvas.unit();
    let scaled = |v: f64| if panel.x_is_log { v.log10() } else { v };
    let (columns, rows) = (edges(&panel.x.iter().map(|x| scaled(*x)).collect::<Vec<_>>()), edges(&panel.y));
    let span = |edges: &[f64]| match edges {
        [first, .., last] if first != last => (first.min(*last), first.max(*last)),
        _ => (0.0, 1.0),
    };
    let (x, y) = (span(&columns), span(&rows));
    let beside =
        scale.as_ref().map_or(0.0, |scale| 26.0 * u + 26.0 * u + bar_width(canvas, scale) + 46.0 * u);
    let left = place.inset(0.0, 0.0, beside, 0.0);
    let plan = Plan {
        title: &panel.title,
        xlabel: &panel.xlabel,
        ylabel: &panel.ylabel,
        x,
        y,
        y_is_log: false,
        head: 0.0,
    };
    let axes = Axes::draw(canvas, &plan, left, |most| {
        if panel.x_is_log && x.1 - x.0 <= 4.0 {
            // Every decade has its 1, 2 and 5.
            let all = (x.0.floor() as i32..=x.1.floor() as i32).map(f64::from);
            let ticks = all.flat_map(|n| ticks::decades(n, n + 0.9, most.max(3.0)));
            return ticks.filter(|(at, _)| (x.0..=x.1).contains(at)).collect();
        }
        if panel.x_is_log {
            return ticks::decades(x.0, x.1, most);
        }
        let at = ticks::round(x.0, x.1, most);
        let (labels, power) = ticks::labels(&at);
        let named = |l: String| match power {
            0 => l,
            _ if l == "0" => l,
            _ => format!("{l}·{}", ticks::with_power("", power)),
        };
        at.into_iter().zip(labels.into_iter().map(named)).collect()
    });
    let frame = axes.frame;
    let width = panel.x.len();
    canvas.image(frame, |share, out| {
        let row = cell(&rows, y.1 - share * (y.1 - y.0));
        let n = out.len() as f64;
        for (i, colour) in out.iter_mut().enumerate() {
            let column = cell(&columns, x.0 + (i as f64 + 0.5) / n * (x.1 - x.0));
            let value = row.zip(column).map(|(row, column)| panel.values[row * width + column]);
            let value = value.filter(|v| valid(*v));
            *colour = value.zip(scale.as_ref()).map_or(MISSING, |(v, scale)| scale.colour(v));
        }
    });
    axes.close(canvas);
    match scale {
        Some(scale) => {
            let bar = Rect { x: frame.right() + 26.0 * u, y: frame.y, w: 26.0 * u, h: frame.h };
            colour_bar(canvas, &scale, &text::units(&panel.units), Parts { frame, bar, upright: true });
        }
        None if panel.values.contains(&f64::NEG_INFINITY) => {
            say(canvas, frame, "0 everywhere, so on no logarithmic scale");
        }
        None => nothing(canvas, frame),
    }
}

/// Half-way between neighbours, and as far beyond the ends.
fn edges(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    if n < 2 {
        return values.iter().flat_map(|v| [v - 0.5, v + 0.5]).collect();
    }
    let between = |i: usize| 0.5 * (values[i - 1] + values[i]);
    let mut all: Vec<f64> = (1..n).map(between).collect();
    all.insert(0, 2.0 * values[0] - between(1));
    all.push(2.0 * values[n - 1] - between(n - 1));
    all
}

/// The cell of rising or falling `edges` that holds a value.
fn cell(edges: &[f64], value: f64) -> Option<usize> {
    let rises = edges.first() <= edges.last();
    let before = |edge: &f64| if rises { *edge <= value } else { *edge >= value };
    let at = edges.partition_point(before);
    (at > 0 && at < edges.len()).then(|| at - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_cell_in_either_direction() {
        let rising = edges(&[1.0, 2.0, 4.0]);
        assert_eq!(rising, [0.5, 1.5, 3.0, 5.0]);
        assert_eq!(
            [0.4, 0.6, 1.6, 4.9, 5.1].map(|v| cell(&rising, v)),
            [None, Some(0), Some(1), Some(2), None]
        );
        let falling = edges(&[90.0, 0.0]);
        assert_eq!([80.0, -40.0, 200.0].map(|v| cell(&falling, v)), [Some(0), Some(1), None]);
        assert_eq!(edges(&[3.0]), [2.5, 3.5]);
        assert_eq!(cell(&edges(&[]), 1.0), None);
    }
}
