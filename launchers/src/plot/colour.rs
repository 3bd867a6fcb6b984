//! Colours of values: palettes made from a few points in the perceptual space `OKLab`
//! (B. Ottosson 2020), and the scale that values are read on.

use super::ticks;

/// Red, green, blue in sRGB.
pub(super) type Rgb = [u8; 3];

/// Above zero, in series.
pub(super) const WARM: Rgb = [196, 57, 56];
/// Below zero, in series.
pub(super) const COOL: Rgb = [48, 112, 178];

/// Blue over near-white to red; equal lightness at equal distance from zero.
const DIVERGING: [(f64, [f64; 3]); 7] = [
    (0.0, [0.31, 0.105, 258.0]),
    (0.22, [0.53, 0.135, 252.0]),
    (0.38, [0.77, 0.085, 240.0]),
    (0.5, [0.975, 0.004, 90.0]),
    (0.62, [0.77, 0.10, 45.0]),
    (0.78, [0.53, 0.17, 26.0]),
    (1.0, [0.31, 0.12, 18.0]),
];
/// Dark blue-violet over green to yellow; lightness rises evenly.
const SEQUENTIAL: [(f64, [f64; 3]); 5] = [
    (0.0, [0.26, 0.11, 292.0]),
    (0.25, [0.425, 0.105, 258.0]),
    (0.5, [0.59, 0.095, 200.0]),
    (0.75, [0.755, 0.14, 148.0]),
    (1.0, [0.92, 0.165, 103.0]),
];

/// Paper over yellow and red to dark: of what stands out.
const RISING: [(f64, [f64; 3]); 5] = [
    (0.0, [0.965, 0.045, 100.0]),
    (0.3, [0.87, 0.135, 85.0]),
    (0.6, [0.70, 0.18, 50.0]),
    (0.85, [0.51, 0.19, 28.0]),
    (1.0, [0.35, 0.13, 20.0]),
];
/// Once round the circle of hues, for angles.
const CYCLIC: [(f64, [f64; 3]); 5] = [
    (0.0, [0.52, 0.15, 262.0]),
    (0.25, [0.74, 0.11, 172.0]),
    (0.5, [0.90, 0.13, 98.0]),
    (0.75, [0.64, 0.19, 20.0]),
    (1.0, [0.52, 0.15, 262.0]),
];

/// The colours of a scale whose ends are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// From low to high.
    Sequential,
    /// Of angles: low and high are the same.
    Cyclic,
}

/// Colours that change at some levels only.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    levels: Vec<f64>,
    classes: Vec<Rgb>,
}

impl Steps {
    /// Between these rising levels, below and above; with `is_excess`, what is below the first level
    /// is left blank.
    pub(super) fn new(levels: &[f64], is_excess: bool) -> Self {
        let last = levels.len().max(1) as f64;
        let share = |k: usize| k as f64 / last;
        let classes = (0..=levels.len()).map(|k| match (is_excess, k) {
            (true, 0) => [255, 255, 255],
            (true, k) => at(&RISING, if levels.len() > 1 { (k as f64 - 1.0) / (last - 1.0) } else { 0.5 }),
            (false, k) => at(&SEQUENTIAL, share(k)),
        });
        Self { levels: levels.to_vec(), classes: classes.collect() }
    }
    /// Between these rising levels, as many below zero as above; around zero nothing is coloured.
    pub(super) fn symmetric(levels: &[f64]) -> Self {
        let last = levels.len().max(1) as f64;
        let classes = (0..=levels.len()).map(|k| at(&DIVERGING, k as f64 / last)).collect();
        Self { levels: levels.to_vec(), classes }
    }
    /// The colour of what is above so many levels.
    pub(super) fn class(&self, above: usize) -> Rgb {
        self.classes[above.min(self.classes.len() - 1)]
    }
    /// The colour of a valid value.
    pub(super) fn colour(&self, value: f64) -> Rgb {
        self.class(self.levels.partition_point(|level| *level <= value))
    }
}

/// What values mean as colours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether there are values below `low`.
    pub(super) below: bool,
    /// Whether there are values above `high`.
    pub(super) above: bool,
    palette: Vec<Rgb>,
}

/// Larger numbers overflow the arithmetic of scales; no geophysical value is near.
const HUGE: f64 = 1e100;

/// Whether a value can be drawn.
pub(super) fn valid(v: f64) -> bool {
    v.is_finite() && v.abs() < HUGE
}

impl Scale {
    /// A scale for `values`; `None` if none of them is valid.
    pub(super) fn new(values: &[f64], diverging: Option<bool>) -> Option<Self> {
        let (min, max) = extremes(values.iter().copied())?;
        let (core_min, core_max) = core_range(values).unwrap_or((min, max));
        // A few outliers must not leave the rest in one colour.
        let clipped = max - min > 1.7 * (core_max - core_min) && core_max > core_min;
        let (mut low, mut high) = if clipped { (core_min, core_max) } else { (min, max) };
        // Sea water of -1.8 degC beside 30 degC does not make zero the middle.
        let crosses = low < 0.0 && high > 0.0 && (-low).min(high) > 0.1 * (-low).max(high);
        let diverging = diverging.unwrap_or(crosses);
        if diverging {
            high = low.abs().max(high.abs());
            low = -high;
        }
        let points: &[_] = if diverging { &DIVERGING } else { &SEQUENTIAL };
        Some(Self::between((low, high), (min, max), points))
    }

    /// A scale for logarithms of powers, of which a few may be what matters, and tell by how much: its
    /// upper end is the greatest; `None` if no value is valid.
    pub(super) fn of_powers(values: &[f64]) -> Option<Self> {
        let (min, max) = extremes(values.iter().copied())?;
        let core_min = core_range(values).map_or(min, |core| core.0);
        let low = if max - min > 1.7 * (max - core_min) { core_min } else { min };
        Some(Self::between((low, max), (min, max), &SEQUENTIAL))
    }

    /// A scale with ends at round numbers about these, for values between `min` and `max`.
    fn between((low, high): (f64, f64), (min, max): (f64, f64), points: &[(f64, [f64; 3])]) -> Self {
        let (low, high) = if high - low > 1e-9 * low.abs().max(high.abs()) {
            ticks::widened(low, high)
        } else {
            let half = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            (low - half, high + half)
        };
        let palette = (0..256).map(|n| at(points, f64::from(n) / 255.0)).collect();
        Self { low, high, below: min < low, above: max > high, palette }
    }

    /// A scale with given ends; `None` if no value is valid.
    pub(super) fn fixed(values: &[f64], (low, high): (f64, f64), palette: Palette) -> Option<Self> {
        let (min, max) = extremes(values.iter().copied())?;
        let points: &[_] = match palette {
            Palette::Sequential => &SEQUENTIAL,
            Palette::Cyclic => &CYCLIC,
        };
        let palette = (0..256).map(|n| at(points, f64::from(n) / 255.0)).collect();
        Some(Self { low, high, below: min < low, above: max > high, palette })
    }

    /// The colour at `share` of the way from low to high.
    pub(super) fn at_share(&self, share: f64) -> Rgb {
        let last = self.palette.len() - 1;
        self.palette[((share * (last + 1) as f64).max(0.0) as usize).min(last)]
    }

    /// The colour of a valid value.
    pub(super) fn colour(&self, value: f64) -> Rgb {
        self.at_share((value - self.low) / (self.high - self.low))
    }
}

/// Smallest and largest valid value.
pub(super) fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|&v| valid(v)).fold(None, |range, v| {
        let (low, high) = range.unwrap_or((v, v));
        Some((v.min(low), v.max(high)))
    })
}

/// The 0.5 and 99.5 percentiles, of a sample when there are many values, if there are
/// enough for that to mean anything.
fn core_range(values: &[f64]) -> Option<(f64, f64)> {
    let stride = values.len() / 1_000_000 + 1;
    let mut some: Vec<f64> = values.iter().step_by(stride).copied().filter(|&v| valid(v)).collect();
    if some.len() < 400 {
        return None;
    }
    some.sort_unstable_by(f64::total_cmp);
    let cut = some.len() / 200;
    Some((some[cut], some[some.len() - 1 - cut]))
}

/// The colour at `t` in 0..=1 between points of (lightness, chroma, hue in degrees).
fn at(points: &[(f64, [f64; 3])], t: f64) -> Rgb {
    let lab = |p: [f64; 3]| {
        let (sin, cos) = p[2].to_radians().sin_cos();
        [p[0], p[1] * cos, p[1] * sin]
    };
    let upper = points.iter().position(|p| p.0 >= t).unwrap_or(points.len() - 1).max(1);
    let (a, b) = (points[upper - 1], points[upper]);
    let share = ((t - a.0) / (b.0 - a.0)).clamp(0.0, 1.0);
    let (from, to) = (lab(a.1), lab(b.1));
    srgb([0, 1, 2].map(|c| from[c] + share * (to[c] - from[c])))
}

/// `OKLab` to sRGB, clipped to what screens show.
fn srgb([l, a, b]: [f64; 3]) -> Rgb {
    let x = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let y = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let z = (l - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * x - 3.307_711_591_3 * y + 0.230_969_929_2 * z,
        -1.268_438_004_6 * x + 2.609_757_401_1 * y - 0.341_319_396_5 * z,
        -0.004_196_086_3 * x - 0.703_418_614_7 * y + 1.707_614_701_0 * z,
    ];
    linear.map(|c| {
        let c = c.clamp(0.0, 1.0);
        let gamma = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (255.0 * gamma).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luma(c: Rgb) -> f64 {
        0.299 * f64::from(c[0]) + 0.587 * f64::from(c[1]) + 0.114 * f64::from(c[2])
    }

    #[test]
    fn zero_is_pale_and_signs_are_blue_and_red() {
        let scale = Scale::new(&[-1.0, 0.0, 3.0], None).unwrap();
        assert_eq!((scale.low, scale.high), (-3.0, 3.0));
        assert!(scale.colour(0.0).iter().all(|&c| c > 235));
        let (cold, warm) = (scale.colour(-2.0), scale.colour(2.0));
        assert!(cold[2] > cold[0] && warm[0] > warm[2]);
    }

    #[test]
    fn sequential_gets_lighter_all_the_way() {
        let scale = Scale::new(&[-1.8, 10.0, 30.0], None).unwrap();
        assert!(scale.low <= -1.8 && scale.high >= 30.0 && scale.low > -5.0);
        let light: Vec<f64> = (0..=20).map(|n| luma(scale.at_share(f64::from(n) / 20.0))).collect();
        assert!(light.windows(2).all(|w| w[1] > w[0]), "{light:?}");
    }

    #[test]
    fn steps_have_a_colour_more_than_levels() {
        let steps = Steps::new(&[1.1, 1.2, 1.4], true);
        assert_eq!(steps.colour(1.0), [255, 255, 255]);
        assert_eq!((steps.colour(1.1), steps.colour(9.0)), (steps.class(1), steps.class(3)));
        assert!(luma(steps.class(1)) > luma(steps.class(2)) && luma(steps.class(2)) > luma(steps.class(3)));
        assert_eq!(Steps::new(&[], false).colour(3.0), Steps::new(&[], false).class(7));
        let angles = Scale::fixed(&[0.0], (-180.0, 180.0), Palette::Cyclic).unwrap();
        assert_eq!(angles.colour(-180.0), angles.colour(180.0));
        assert_eq!(Scale::fixed(&[f64::NAN], (0.0, 1.0), Palette::Sequential), None);
    }

    #[test]
    fn odd_data_have_a_scale() {
        assert_eq!(Scale::new(&[f64::NAN, f64::INFINITY], None), None);
        for constant in [0.0, 5.0, -1e-30, 1e36] {
            let scale = Scale::new(&[constant; 4], None).unwrap();
            assert!(scale.low < constant && constant < scale.high, "{constant}");
        }
        let mut outlier = vec![1.0; 5000];
        outlier.iter_mut().enumerate().for_each(|(n, v)| *v += n as f64 / 5000.0);
        outlier[7] = 900.0;
        let scale = Scale::new(&outlier, None).unwrap();
        assert!(scale.above && scale.high < 3.0);
        assert_eq!(scale.colour(900.0), scale.at_share(1.0));
    }
}
