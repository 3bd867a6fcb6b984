//! Lines of equal value on a lattice (marching squares), and values between its points.

/// Values on a lattice of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice<'a> {
    /// Where columns stand, rising.
    pub(super) x: &'a [f64],
    /// Where rows stand, rising.
    pub(super) y: &'a [f64],
    /// Values, row by row; what is not finite is missing.
    pub(super) values: &'a [f64],
}

/// The interval of `axis` that holds `at`, and how far into it that is; beyond the ends, the end.
fn interval(axis: &[f64], at: f64) -> (usize, f64) {
    let last = axis.len().saturating_sub(2);
    let i = axis.partition_point(|v| *v <= at).saturating_sub(1).min(last);
    let Some(next) = axis.get(i + 1) else { return (i, 0.0) };
    (i, ((at - axis[i]) / (next - axis[i])).clamp(0.0, 1.0))
}

impl Lattice<'_> {
    /// The value at a point: of the four points around it, each by how near it is; beside missing
    /// ones, that of the nearest, so that what is there keeps its size.
    pub(super) fn at(&self, x: f64, y: f64) -> f64 {
        if self.x.is_empty() || self.y.is_empty() {
            return f64::NAN;
        }
        let ((i, u), (j, v)) = (interval(self.x, x), interval(self.y, y));
        let (right, above) = ((i + 1).min(self.x.len() - 1), (j + 1).min(self.y.len() - 1));
        let value = |j: usize, i: usize| self.values[j * self.x.len() + i];
        let corners = [value(j, i), value(j, right), value(above, i), value(above, right)];
        if corners.iter().all(|c| c.is_finite()) {
            let (low, high) =
                (corners[0] + u * (corners[1] - corners[0]), corners[2] + u * (corners[3] - corners[2]));
            return low + v * (high - low);
        }
        corners[usize::from(u >= 0.5) + 2 * usize::from(v >= 0.5)]
    }

    /// The lines along which the value is `level`, as points of the plane; closed ones end where
    /// they begin.
    pub(super) fn lines(&self, level: f64) -> Vec<Vec<(f64, f64)>> {
        let (nx, ny) = (self.x.len(), self.y.len());
        let value = |j: usize, i: usize| self.values[j * nx + i] - level;
        // Edges of the lattice by number: first those along rows, then those along columns.
        let along = |j: usize, i: usize| j * nx + i;
        let across = |j: usize, i: usize| nx * ny + j * nx + i;
        let mut links: Vec<[usize; 2]> = vec![[NONE; 2]; 2 * nx * ny];
        for j in 0..ny.saturating_sub(1) {
            for i in 0..nx.saturating_sub(1) {
                let corners = [value(j, i), value(j, i + 1), value(j + 1, i + 1), value(j + 1, i)];
                if corners.iter().any(|c| !c.is_finite()) {
                    continue;
                }
                let edges = [along(j, i), across(j, i + 1), along(j + 1, i), across(j, i)];
                let cut: Vec<usize> =
                    (0..4).filter(|&k| (corners[k] > 0.0) != (corners[(k + 1) % 4] > 0.0)).collect();
                match *cut.as_slice() {
                    [a, b] => join(&mut links, edges[a], edges[b]),
                    [a, b, c, d] => {
                        // A saddle: its middle tells which corners belong together.
                        let middle = corners.iter().sum::<f64>() > 0.0;
                        let pairs =
                            if middle == (corners[0] > 0.0) { [(a, b), (c, d)] } else { [(d, a), (b, c)] };
                        pairs.iter().for_each(|&(a, b)| join(&mut links, edges[a], edges[b]));
                    }
                    _ => {}
                }
            }
        }
        let point = |edge: usize| {
            let (j, i) = ((edge % (nx * ny)) / nx, edge % nx);
            let (to_j, to_i) = if edge < nx * ny { (j, i + 1) } else { (j + 1, i) };
            let (a, b) = (value(j, i), value(to_j, to_i));
            let share = a / (a - b);
            let mix = |from: f64, to: f64| from + share * (to - from);
            (mix(self.x[i], self.x[to_i]), mix(self.y[j], self.y[to_j]))
        };
        follow(&mut links).into_iter().map(|line| line.into_iter().map(point).collect()).collect()
    }

    /// The same on a lattice `times` as fine, between whose points lines are nearly those of
    /// [`Self::at`].
    pub(super) fn refined(&self, times: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let finer = |axis: &[f64]| -> Vec<f64> {
            let parts = axis
                .windows(2)
                .flat_map(|w| (0..times).map(move |n| w[0] + (w[1] - w[0]) * n as f64 / times as f64));
            parts.chain(axis.last().copied()).collect()
        };
        let (x, y) = (finer(self.x), finer(self.y));
        let values = y.iter().flat_map(|&y| x.iter().map(move |&x| self.at(x, y))).collect();
        (x, y, values)
    }
}

/// No edge.
const NONE: usize = usize::MAX;

fn join(links: &mut [[usize; 2]], a: usize, b: usize) {
    for (edge, other) in [(a, b), (b, a)] {
        if let Some(free) = links[edge].iter_mut().find(|l| **l == NONE) {
            *free = other;
        }
    }
}

/// Chains of linked edges: those with ends first, then closed ones.
fn follow(links: &mut [[usize; 2]]) -> Vec<Vec<usize>> {
    let mut lines = Vec::new();
    for closed in [false, true] {
        for start in 0..links.len() {
            let count = links[start].iter().filter(|l| **l != NONE).count();
            if count == 0 || !closed && count == 2 {
                continue;
            }
            let mut line = vec![start];
            let mut here = start;
            while let Some(slot) = links[here].iter().position(|l| *l != NONE) {
                let next = std::mem::replace(&mut links[here][slot], NONE);
                if let Some(back) = links[next].iter_mut().find(|l| **l == here) {
                    *back = NONE;
                }
                line.push(next);
                here = next;
            }
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    #[test]
    fn a_cone_has_closed_lines_at_its_levels() {
        let (x, y) = (axis(21), axis(17));
        let values: Vec<f64> =
            y.iter().flat_map(|y| x.iter().map(move |x| (x - 10.0).hypot(y - 8.0))).collect();
        let cone = Lattice { x: &x, y: &y, values: &values };
        let lines = cone.lines(5.03);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| ((x - 10.0).hypot(y - 8.0) - 5.03).abs() < 0.06));
        // Cut by the frame into four.
        assert_eq!(cone.lines(10.5).len(), 4);
        assert!(cone.lines(40.0).is_empty());
        let (x, y, values) = cone.refined(3);
        assert_eq!((x.len(), y.len(), values.len()), (61, 49, 61 * 49));
        assert!((cone.at(3.5, 8.0) - 6.5).abs() < 1e-12);
    }

    #[test]
    fn holes_saddles_and_points_break_nothing() {
        let (x, y) = (axis(3), axis(2));
        let saddle = [1.0, -1.0, 1.0, -1.0, 1.0, f64::NAN];
        let lattice = Lattice { x: &x, y: &y, values: &saddle };
        assert_eq!(lattice.lines(0.0).len(), 2);
        // Beside a hole, the nearest.
        assert_eq!(lattice.at(1.4, 0.9), 1.0);
        assert!(lattice.at(1.6, 0.9).is_nan());
        let one = Lattice { x: &x[..1], y: &y[..1], values: &[7.0] };
        assert_eq!((one.at(9.0, 9.0), one.lines(1.0).len()), (7.0, 0));
        let none = Lattice { x: &[], y: &[], values: &[] };
        assert!(none.at(0.0, 0.0).is_nan() && none.lines(1.0).is_empty());
    }
}
