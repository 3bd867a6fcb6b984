//! Coastlines, cut to a window of longitude and latitude.

use super::lookup::Window;

/// One polyline per line; see the README beside the file.
static COAST: &str = include_str!("../../assets/coast.txt");

/// The pieces of coast inside `window`, as (longitude in the window's convention, latitude).
pub(super) fn inside(window: Window) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = Vec::new();
    // The file speaks of -180..180; the window may be anywhere on the turning earth.
    let first = ((window.west - 180.0) / 360.0).ceil() as i32;
    let last = ((window.east + 180.0) / 360.0).floor() as i32;
    for line in COAST.lines().map(points) {
        for turn in first..=last {
            let shift = 360.0 * f64::from(turn);
            let shifted: Vec<_> = line.iter().map(|&(x, y)| (x + shift, y)).collect();
            cut(&shifted, window, &mut pieces);
        }
    }
    pieces
}

fn points(line: &str) -> Vec<(f64, f64)> {
    let numbers: Vec<i32> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
    let (mut x, mut y) = (0, 0);
    let steps = numbers.chunks_exact(2).map(|d| {
        (x, y) = (x + d[0], y + d[1]);
        (f64::from(x) / 100.0, f64::from(y) / 100.0)
    });
    steps.collect()
}

/// Adds the parts of `line` inside the window to `pieces`.
fn cut(line: &[(f64, f64)], window: Window, pieces: &mut Vec<Vec<(f64, f64)>>) {
    let mut piece: Vec<(f64, f64)> = Vec::new();
    for pair in line.windows(2) {
        let Some((a, b)) = clip(pair[0], pair[1], window) else { continue };
        if piece.last() != Some(&a) {
            keep(std::mem::replace(&mut piece, vec![a]), pieces);
        }
        piece.push(b);
    }
    keep(piece, pieces);
}

fn keep(piece: Vec<(f64, f64)>, pieces: &mut Vec<Vec<(f64, f64)>>) {
    if piece.len() > 1 {
        pieces.push(piece);
    }
}

/// The part of a segment inside the window (Liang and Barsky 1984).
fn clip(a: (f64, f64), b: (f64, f64), w: Window) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (p, q) in [(-dx, a.0 - w.west), (dx, w.east - a.0), (-dy, a.1 - w.south), (dy, w.north - a.1)] {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            enter = enter.max(q / p);
        } else {
            leave = leave.min(q / p);
        }
    }
    // Ends that are not cut stay what they are, bit by bit, so that pieces join.
    let at = |t: f64| match t {
        0.0 => a,
        1.0 => b,
        _ => (a.0 + t * dx, a.1 + t * dy),
    };
    (enter < leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coasts_stay_inside_and_make_no_streaks() {
        for (west, east) in [(0.0, 360.0), (-180.0, 180.0), (-280.0, 80.0), (20.0, 380.0), (170.0, 190.0)] {
            let window = Window { west, east, south: -90.0, north: 90.0 };
            let pieces = inside(window);
            assert!(pieces.len() > 1, "{west}");
            for piece in pieces {
                assert!(piece.iter().all(|p| p.0 >= west - 1e-9 && p.0 <= east + 1e-9));
                assert!(piece.windows(2).all(|s| (s[0].0 - s[1].0).abs() < 20.0), "streak in {west}..{east}");
            }
        }
    }

    #[test]
    fn a_line_that_leaves_and_returns_is_two_pieces() {
        let window = Window { west: 0.0, east: 10.0, south: 0.0, north: 10.0 };
        let mut pieces = Vec::new();
        cut(&[(1.0, 1.0), (1.0, 20.0), (5.0, 20.0), (5.0, 2.0)], window, &mut pieces);
        assert_eq!(pieces, [vec![(1.0, 1.0), (1.0, 10.0)], vec![(5.0, 10.0), (5.0, 2.0)]]);
    }
}
