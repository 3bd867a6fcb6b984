//! Lines of equal value over a regular grid of nodes.

/// A piece of a line, between two points in nodes: column, row.
pub(super) type Segment = [(f64, f64); 2];

/// Where values cross `level`, piece by piece, as straight lines through each square of four nodes
/// (marching squares). `at(column, row)` are the values; squares with a node that is none are left out.
pub(super) fn segments(
    (columns, rows): (usize, usize),
    at: impl Fn(usize, usize) -> f64,
    level: f64,
) -> Vec<Segment> {
    let mut all = Vec::new();
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns.saturating_sub(1) {
            let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
            let values = corners.map(|(c, r)| at(c, r) - level);
            if values.iter().all(|v| v.is_finite()) {
                square(corners, values, &mut all);
            }
        }
    }
    all
}

/// The lines through one square, whose corners follow one another.
fn square(corners: [(usize, usize); 4], values: [f64; 4], all: &mut Vec<Segment>) {
    let mut crossings = Vec::with_capacity(4);
    for k in 0..4 {
        let (a, b) = (values[k], values[(k + 1) % 4]);
        if (a > 0.0) != (b > 0.0) {
            let share = a / (a - b);
            let [from, to] = [corners[k], corners[(k + 1) % 4]].map(|(c, r)| (c as f64, r as f64));
            crossings.push((from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)));
        }
    }
    match crossings.as_slice() {
        [a, b] => all.push([*a, *b]),
        // A saddle: the middle tells which corners belong together.
        [a, b, c, d] => {
            let is_joined = (values.iter().sum::<f64>() > 0.0) == (values[0] > 0.0);
            all.extend(if is_joined { [[*a, *b], [*c, *d]] } else { [[*d, *a], [*b, *c]] });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_where_values_cross() {
        // A cone: the line is a circle.
        let at = |c: usize, r: usize| (c as f64 - 10.0).hypot(r as f64 - 10.0);
        let found = segments((21, 21), at, 6.0);
        assert!(found.len() > 30);
        for (x, y) in found.into_iter().flatten() {
            assert!(((x - 10.0).hypot(y - 10.0) - 6.0).abs() < 0.1, "{x} {y}");
        }
        assert!(segments((3, 3), |_, _| 1.0, 2.0).is_empty());
        assert!(segments((2, 2), |c, _| if c == 0 { f64::NAN } else { 3.0 }, 2.0).is_empty());
        assert_eq!(segments((2, 2), |c, r| f64::from(u8::from(c == r)), 0.5).len(), 2);
        assert!(segments((0, 0), |_, _| 0.0, 0.0).is_empty());
    }
}
