//! Where ticks stand and what they say.

use super::text::superscript;

/// The smallest step of 1, 2 or 5 times a power of ten that cuts `span` into at most `most` parts.
pub(super) fn step(span: f64, most: f64) -> f64 {
    let raw = span / most.max(1.0);
    if !(raw.is_finite() && raw > f64::MIN_POSITIVE) {
        return 1.0;
    }
    let power = 10_f64.powi(raw.log10().floor() as i32);
    let digit = [1.0, 2.0, 5.0].into_iter().find(|d| d * power >= raw * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// The multiples of `step` in `low..=high`.
pub(super) fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    if !(first.is_finite() && last.is_finite()) || last - first > 1000.0 {
        return Vec::new();
    }
    // Adding zero turns -0 into 0.
    (0..=(last - first).max(-1.0) as i64)
        .map(|n| (first + n as f64) * step + 0.0)
        .take_while(|v| *v <= high + 1e-6 * step)
        .collect()
}

/// Round ticks in `low..=high`, about as many as `most` allows.
pub(super) fn round(low: f64, high: f64, most: f64) -> Vec<f64> {
    multiples(low, high, step(high - low, most))
}

/// The range widened to where a tick of a fine scale stands.
pub(super) fn widened(low: f64, high: f64) -> (f64, f64) {
    let step = step(high - low, 20.0);
    ((low / step + 1e-6).floor() * step, (high / step - 1e-6).ceil() * step)
}

/// Ticks of a logarithmic axis from 10^`low` to 10^`high`, about as many as `most` allows: their
/// logarithms and what they say. Whole powers of ten, and 2 and 5 times these where there are few.
pub(super) fn decades(low: f64, high: f64, most: f64) -> Vec<(f64, String)> {
    let power = |n: f64| {
        let whole = n.round() as i32;
        match whole {
            -2..=3 => number(10_f64.powi(whole), whole.min(0).unsigned_abs() as usize),
            _ => format!("10{}", superscript(whole)),
        }
    };
    if high - low > 2.0 || most < 3.0 {
        let step = step(high - low, most).max(1.0);
        return multiples(low, high, step).into_iter().map(|n| (n, power(n))).collect();
    }
    let within = |at: f64| (low - 1e-9..=high + 1e-9).contains(&at);
    let whole = low.floor() as i32..=high.ceil() as i32;
    let all = whole.flat_map(|n| [1.0_f64, 2.0, 5.0].map(|digit| (n, digit)));
    all.map(|(n, digit)| {
        let text = match (digit == 1.0, n) {
            (true, _) => power(f64::from(n)),
            (false, -3..=3) => number(digit * 10_f64.powi(n), n.min(0).unsigned_abs() as usize),
            (false, _) => format!("{digit}·10{}", superscript(n)),
        };
        (f64::from(n) + digit.log10(), text)
    })
    .filter(|(at, _)| within(*at))
    .collect()
}

/// Labels of `ticks`, and the power of ten to name beside them when it is not 0.
pub(super) fn labels(ticks: &[f64]) -> (Vec<String>, i32) {
    let largest = ticks.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let power =
        if largest >= 1e5 || (largest > 0.0 && largest < 1e-2) { largest.log10().floor() as i32 } else { 0 };
    let spacing = ticks.windows(2).map(|w| (w[1] - w[0]).abs()).fold(f64::INFINITY, f64::min);
    let spacing = if spacing.is_finite() { spacing } else { largest.max(1e-300) };
    let decimals = (-((spacing.log10() + 1e-6).floor() as i32 - power)).clamp(0, 12) as usize;
    // Two steps: 10^-310 alone would be 0 by rounding.
    let scaled = |v: f64| v / 10_f64.powi(power / 2) / 10_f64.powi(power - power / 2);
    (ticks.iter().map(|&v| number(scaled(v), decimals)).collect(), power)
}

/// A number with a true minus sign, and never "−0".
pub(super) fn number(v: f64, decimals: usize) -> String {
    let text = format!("{v:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// `units` with the power of ten of [`labels`] before them.
pub(super) fn with_power(units: &str, power: i32) -> String {
    if power == 0 {
        return units.to_owned();
    }
    format!("10{} {units}", superscript(power)).trim_end().to_owned()
}

/// Step of a degree scale over `span` degrees with at most `most` parts.
pub(super) fn degree_step(span: f64, most: f64) -> f64 {
    let raw = span / most.max(1.0);
    if raw < 1.0 {
        return step(span, most);
    }
    // On the whole earth readers expect 30 and 60 degrees.
    let wide = [10.0, 30.0, 60.0, 90.0];
    let narrow = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0];
    let steps: &[f64] = if span > 100.0 { &wide } else { &narrow };
    steps.iter().copied().find(|&s| s >= raw * (1.0 - 1e-9)).unwrap_or(180.0)
}

fn degrees(v: f64, step: f64, positive: char, negative: char) -> String {
    let decimals = (-((step.log10() + 1e-6).floor() as i32)).clamp(0, 6) as usize;
    let text = number(v.abs(), decimals);
    match v {
        v if v.abs() < 1e-9 => "0°".to_owned(),
        v if v > 0.0 => format!("{text}°{positive}"),
        _ => format!("{text}°{negative}"),
    }
}

/// `60°E`, `120°W`, `180°`, for any convention of longitude.
pub(super) fn longitude(v: f64, step: f64) -> String {
    let east = (v + 180.0).rem_euclid(360.0) - 180.0;
    if (east.abs() - 180.0).abs() < 1e-9 {
        return "180°".to_owned();
    }
    degrees(east, step, 'E', 'W')
}

/// `30°N`, `0°`, `30°S`.
pub(super) fn latitude(v: f64, step: f64) -> String {
    degrees(v, step, 'N', 'S')
}

/// Ticks on decimal years: years while there are enough, else months.
pub(super) fn dates(low: f64, high: f64, most: f64) -> Vec<(f64, String)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let span = high - low;
    let years = step(span, most).max(1.0);
    if span > 2.5 || span.is_nan() {
        return multiples(low, high, years).into_iter().map(|y| (y, number(y, 0))).collect();
    }
    // Labels of months are wider than those of years.
    let months = span * 12.0 / (0.75 * most).max(1.0);
    if span < 1.5 / 12.0 {
        let ticks = round(low, high, 0.6 * most);
        let decimals = (-(step(span, 0.6 * most).log10() + 1e-6).floor()).clamp(0.0, 9.0) as usize;
        return ticks.into_iter().map(|y| (y, number(y, decimals))).collect();
    }
    let every = [1.0, 2.0, 3.0, 4.0, 6.0, 12.0].into_iter().find(|&m| m >= months).unwrap_or(12.0);
    let label = |n: f64| {
        let (year, month) = ((n / 12.0).floor(), n.rem_euclid(12.0) as usize);
        (n / 12.0, format!("{} {}", MONTHS[month.min(11)], number(year, 0)))
    };
    multiples(low * 12.0, high * 12.0, every).into_iter().map(|n| label(n.round())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_axes_have_whole_powers_or_ones_twos_and_fives() {
        let texts = |low, high| -> Vec<String> { decades(low, high, 6.0).into_iter().map(|t| t.1).collect() };
        assert_eq!(texts(-1.4, 0.1), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(texts(-3.0, 2.0), ["10⁻³", "0.01", "0.1", "1", "10", "100"]);
        assert_eq!(texts(-12.0, 12.0).len(), 5);
        assert!(decades(0.0, 0.2, 6.0).iter().all(|t| (0.0..0.21).contains(&t.0)));
    }

    #[test]
    fn steps_are_one_two_five() {
        let cases =
            [(10.0, 5.0, 2.0), (1.0, 4.0, 0.5), (7.0, 7.0, 1.0), (0.03, 6.0, 0.005), (9.0, 1.0, 10.0)];
        for (span, most, expected) in cases {
            assert!((step(span, most) / expected - 1.0).abs() < 1e-12, "{span} {most}");
        }
        assert_eq!(step(0.0, 5.0), 1.0);
        assert_eq!(step(f64::NAN, 5.0), 1.0);
        assert_eq!(step(f64::INFINITY, 5.0), 1.0);
    }

    #[test]
    fn ticks_lie_inside_and_hit_both_ends() {
        assert_eq!(round(-2.0, 2.0, 4.0), [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(round(0.1, 0.3, 2.0).len(), 3);
        assert!(round(f64::NAN, 1.0, 4.0).is_empty());
        assert!(multiples(0.3, 0.7, 1.0).is_empty());
    }

    #[test]
    fn labels_have_the_decimals_of_the_step() {
        assert_eq!(labels(&[-0.5, 0.0, 0.5]).0, ["−0.5", "0.0", "0.5"]);
        assert_eq!(labels(&[10.0, 20.0]).0, ["10", "20"]);
        let (text, power) = labels(&[-2e-5, 0.0, 2e-5]);
        assert_eq!((text[0].as_str(), power), ("−2", -5));
        assert_eq!(with_power("kg s⁻¹", 9), "10⁹ kg s⁻¹");
        assert_eq!(labels(&[100.0, 100.05]).0, ["100.00", "100.05"]);
    }

    #[test]
    fn degrees_know_hemispheres_and_wrap() {
        assert_eq!(longitude(190.0, 10.0), "170°W");
        assert_eq!(longitude(-180.0, 60.0), "180°");
        assert_eq!(longitude(360.0, 60.0), "0°");
        assert_eq!(longitude(-279.5, 0.5), "80.5°E");
        assert_eq!(latitude(-30.0, 30.0), "30°S");
        assert_eq!(degree_step(360.0, 7.0), 60.0);
        assert_eq!(degree_step(5.0, 6.0), 1.0);
    }

    #[test]
    fn dates_are_years_or_months() {
        let years = dates(2010.04, 2020.6, 8.0);
        assert_eq!(years[0], (2012.0, "2012".to_owned()));
        let months = dates(2010.0, 2011.0, 10.0);
        assert_eq!(months[0].1, "Jan 2010");
        assert!(months.iter().any(|m| m.1 == "Jul 2010"));
        assert!(!dates(2010.0, 2010.05, 8.0).is_empty());
    }
}
