//! The layers that levels stand for, in pressure: their mass is dp/g.

use super::Levels;

/// Which part of the column each level stands for, over a surface pressure. Together the layers
/// above the ground hold the whole column.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    kind: Kind,
    /// Level numbers from the top down.
    down: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Pressure(Vec<Slab>),
    /// The upper and the lower half level of each level: a in Pa and b.
    Hybrid(Vec<[[f64; 2]; 2]>),
}

/// The layer of a pressure level: from the middle between it and the level above.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slab {
    level: f64,
    top: f64,
    /// The next level below, and the middle between; infinite for the lowest.
    next: f64,
    middle: f64,
}

impl Layers {
    /// Layers between the middles of pressure levels, from p = 0; the lowest level above the ground
    /// stands for all below it. So integrals are those of straight lines between levels, constant
    /// above the highest and below the lowest. Levels below the ground have no mass.
    pub fn of_pressure(levels: &Levels) -> Self {
        let (p, down) = (levels.pressure(), levels.down());
        let slab = |place: usize| {
            let level = p[down[place]];
            let top = if place == 0 { 0.0 } else { 0.5 * (p[down[place - 1]] + level) };
            let next = down.get(place + 1).map_or(f64::INFINITY, |&k| p[k]);
            Slab { level, top, next, middle: 0.5 * (level + next) }
        };
        let mut slabs = vec![slab(0); p.len()];
        (0..p.len()).for_each(|place| slabs[down[place]] = slab(place));
        Self { kind: Kind::Pressure(slabs), down: down.to_vec() }
    }

    /// Layers of hybrid levels, between half levels a + b pₛ: one more than levels, in their order.
    pub fn of_hybrid(half: &[[f64; 2]]) -> Self {
        let nominal = |[a, b]: [f64; 2]| a + 1e5 * b;
        let is_down = half.len() < 2 || nominal(half[0]) <= nominal(half[half.len() - 1]);
        let pair = |p: &[[f64; 2]]| if is_down { [p[0], p[1]] } else { [p[1], p[0]] };
        let layers: Vec<_> = half.windows(2).map(pair).collect();
        let mut down: Vec<usize> = (0..layers.len()).collect();
        if !is_down {
            down.reverse();
        }
        Self { kind: Kind::Hybrid(layers), down }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.down.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.down.is_empty()
    }
    /// Numbers of levels from the top down.
    pub fn down(&self) -> &[usize] {
        &self.down
    }
    /// Whether levels follow the ground.
    pub const fn are_hybrid(&self) -> bool {
        matches!(self.kind, Kind::Hybrid(_))
    }

    /// The pressures of the upper and the lower edge of level `k` over each surface pressure, Pa;
    /// both NaN where the level is below the ground, or the surface pressure is missing.
    pub fn edges(&self, k: usize, surface: &[f64], upper: &mut [f64], lower: &mut [f64]) {
        let cells = surface.iter().zip(upper.iter_mut().zip(lower));
        match &self.kind {
            Kind::Hybrid(layers) => {
                let [[a, b], [c, d]] = layers[k];
                cells.for_each(|(ps, (upper, lower))| {
                    // 0 times a missing pressure is missing too.
                    *upper = a + b * ps;
                    *lower = c + d * ps;
                });
            }
            Kind::Pressure(slabs) => {
                let Slab { level, top, next, middle } = slabs[k];
                cells.for_each(|(ps, (upper, lower))| {
                    let is_there = *ps >= level;
                    let end = if *ps >= next { middle } else { *ps };
                    *upper = if is_there { top } else { f64::NAN };
                    *lower = if is_there { end } else { f64::NAN };
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_hold_the_whole_column() {
        let levels = Levels::new(&[1e5, 8.5e4, 5e4, 1e4]).expect("levels");
        let half = [[0.0, 0.0], [2e4, 0.1], [1e4, 0.6], [0.0, 1.0]];
        let surface = [1.02e5, 9.9e4, 8.5e4, 6e4, f64::NAN];
        for layers in [Layers::of_pressure(&levels), Layers::of_hybrid(&half)] {
            let mut sum = [0.0f64; 5];
            let (mut upper, mut lower) = ([0.0f64; 5], [0.0f64; 5]);
            let mut above = [0.0f64; 5];
            for &k in layers.down() {
                layers.edges(k, &surface, &mut upper, &mut lower);
                for i in (0..5).filter(|i| !upper[*i].is_nan()) {
                    assert!((upper[i] - above[i]).abs() < 1e-9, "layers do not touch");
                    above[i] = lower[i];
                    sum[i] += lower[i] - upper[i];
                }
            }
            for i in 0..4 {
                assert!((sum[i] - surface[i]).abs() < 1e-9, "{} of {}", sum[i], surface[i]);
            }
            assert!(sum[4] == 0.0);
        }
        let reversed: Vec<[f64; 2]> = half.iter().rev().copied().collect();
        assert_eq!(Layers::of_hybrid(&reversed).down(), [2, 1, 0]);
    }
}
