//! Sections over latitude and a vertical axis, and profiles over latitude.

use super::command::{label, Picture};
use super::{text, ticks, Curve, CurveKind, CurvesPanel, Panel, PlanePanel};
use crate::pressure::to_pascal;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};

/// Levels of colours on each side of zero, about.
const SIDE: f64 = 7.0;
/// Values so many times as large as 95 % of all stand out.
const OUTSTANDING: f64 = 2.0;
/// Pressures that span more than this are drawn over their logarithm.
const SPAN: f64 = 40.0;

/// What may follow the name of a transport, what that is, and how it is drawn.
const PARTS: [(&str, &str, CurveKind); 6] = [
    ("mean", "mean circulation", CurveKind::Part),
    ("stationary", "stationary eddies", CurveKind::OtherPart),
    ("transient", "transient eddies", CurveKind::Second),
    ("overturning", "overturning", CurveKind::Part),
    ("gyre", "gyre", CurveKind::OtherPart),
    ("eddy", "eddy", CurveKind::Second),
];

/// The vertical axis of a section.
struct Vertical {
    /// Where levels stand, in the order of the file.
    at: Vec<f64>,
    ticks: Vec<(f64, String)>,
    label: String,
}

impl Picture<'_> {
    /// The panel of a variable over latitudes, and levels if it has them; `None` if it is neither.
    pub(super) fn of_latitudes(&self, variable: &Variable) -> Result<Option<Panel>> {
        let has = |role: Role| variable.dims.iter().any(|d| d.role == role && d.len > 1);
        if has(Role::X) || !has(Role::Y) {
            return Ok(None);
        }
        if has(Role::Level) {
            return self.section(variable).map(|panel| Some(Panel::Plane(panel)));
        }
        self.profile(variable).map(|panel| Some(Panel::Curves(panel)))
    }

    /// Filled levels and lines over latitude (or rows) and a vertical axis whose direction is that of
    /// the coordinate.
    pub(super) fn section(&self, variable: &Variable) -> Result<PlanePanel> {
        let (values, at) = self.slice(variable, |role| matches!(role, Role::Y | Role::Level))?;
        let place = |role: Role| variable.dims.iter().find(|d| d.role == role);
        let (Some(level), Some(row)) = (place(Role::Level), place(Role::Y)) else {
            return Err(Error::internal("a section without levels"));
        };
        if variable.position(Role::Level) > variable.position(Role::Y) {
            return Err(Error::usage("has levels behind latitudes, which can't be drawn yet")
                .in_variable(&variable.name));
        }
        let vertical = self.vertical(&level.name)?;
        let (x, xlabel) = self.along(row);
        let (columns, rows) = (order(&x), order(&vertical.at));
        let width = x.len();
        let sorted = rows.iter().flat_map(|&k| columns.iter().map(move |&j| k * width + j));
        let mut values: Vec<f64> = sorted.map(|i| values[i]).collect();
        let mut shown = Vec::new();
        if variable.attributes.text("standard_name").is_some_and(|name| name.contains("_overturning_")) {
            without_ground(&mut values, columns.len());
            // Of one direction too, so that a direction has its colours.
            let largest = values.iter().copied().filter(|v| v.is_finite()).fold(0.0, |a: f64, v| {
                if v.abs() > a.abs() {
                    v
                } else {
                    a
                }
            });
            shown.push(-1e-9 * largest);
        }
        let x: Vec<f64> = columns.iter().map(|&j| x[j]).collect();
        let y: Vec<f64> = rows.iter().map(|&k| vertical.at[k]).collect();
        shown.extend_from_slice(&values);
        let (levels, is_symmetric) = levels_of(&shown);
        let ends = |v: &[f64]| (v.first().copied().unwrap_or(0.0), v.last().copied().unwrap_or(1.0));
        Ok(PlanePanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            xlabel,
            ylabel: vertical.label,
            units: text::units(variable.units().unwrap_or_default()),
            x_range: ends(&x),
            y_range: ends(&y),
            x,
            y,
            values,
            levels,
            is_symmetric,
            y_ticks: vertical.ticks,
            ..PlanePanel::default()
        })
    }

    /// Where rows stand, and a label: latitudes where there are some, also of the rows of a model, else
    /// their numbers.
    fn along(&self, row: &Dim) -> (Vec<f64>, String) {
        let is_own = |v: &Variable| v.dims.len() == 1 && v.dims[0].name == row.name;
        let is_latitude = |v: &Variable| v.units().is_some_and(|u| u.starts_with("degree"));
        let all = || self.dataset.variables().iter().map(|v| &v.variable).filter(|v| is_own(v));
        let found = all().find(|v| v.name == row.name).or_else(|| all().find(|v| is_latitude(v)));
        let read = found.and_then(|v| Some((v, self.values(&v.name).ok()?)));
        match read {
            Some((v, values)) if is_latitude(v) => (values, "Latitude (°N)".to_owned()),
            Some((_, values)) => (values, row.name.clone()),
            None => ((0..row.len).map(|j| j as f64).collect(), row.name.clone()),
        }
    }

    /// Where levels stand: what lies lower in nature lies lower in the picture.
    fn vertical(&self, name: &str) -> Result<Vertical> {
        let variable = self.dataset.variable(name)?.variable.clone();
        let values = self.values(name)?;
        let units = variable.units().unwrap_or_default().to_owned();
        let scale = to_pascal(&units);
        let is_down = match variable.attributes.text("positive") {
            Some(positive) => positive.eq_ignore_ascii_case("down"),
            None => scale.is_some() || units.to_lowercase().starts_with("kg"),
        };
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let is_log = scale.is_some() && !self.choices.linear() && low > 0.0 && high / low > SPAN;
        // Pressures of the atmosphere are told in hPa.
        let shown = scale.map_or(1.0, |s| if units == "dbar" { 1.0 } else { s / 100.0 });
        let sign = if is_down { -1.0 } else { 1.0 };
        let to = |v: f64| sign * if is_log { v.ln() } else { v };
        let marks: Vec<f64> = if is_log {
            let steps =
                [1000.0, 700.0, 500.0, 300.0, 200.0, 100.0, 50.0, 30.0, 20.0, 10.0, 5.0, 3.0, 2.0, 1.0];
            let all = steps.into_iter().chain([0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]).map(|p| p / shown);
            all.filter(|p| (low * 0.999..=high * 1.001).contains(p)).collect()
        } else {
            ticks::round(low * shown, high * shown, 8.0).into_iter().map(|v| v / shown).collect()
        };
        let words = ticks::labels(&marks.iter().map(|m| m * shown).collect::<Vec<_>>()).0;
        let plain = |m: &f64| {
            let v = m * shown;
            if v >= 1.0 {
                format!("{v:.0}")
            } else {
                format!("{v}")
            }
        };
        let words: Vec<String> = if is_log { marks.iter().map(plain).collect() } else { words };
        let told = match scale {
            Some(_) if units != "dbar" => "Pressure (hPa)".to_owned(),
            _ => {
                let depth = variable.attributes.text("standard_name") == Some("depth");
                let name = if depth { "Depth".to_owned() } else { label(&variable) };
                let name = name.split([',', ':']).next().unwrap_or_default();
                let units = text::units(&units);
                if units.is_empty() {
                    name.to_owned()
                } else {
                    format!("{name} ({units})")
                }
            }
        };
        Ok(Vertical {
            at: values.iter().map(|v| to(*v)).collect(),
            ticks: marks.iter().map(|m| to(*m)).zip(words).collect(),
            label: told,
        })
    }

    /// A transport over latitude; with its parts, where the file has them.
    fn profile(&self, variable: &Variable) -> Result<CurvesPanel> {
        let row = variable.dims.iter().find(|d| d.role == Role::Y);
        let (x, xlabel) = self.along(row.ok_or_else(|| Error::internal("a profile without rows"))?);
        let of = |name: &str| -> Result<(Vec<f64>, Vec<String>)> {
            let variable = self.dataset.variable(name)?.variable.clone();
            self.slice(&variable, |role| role == Role::Y)
        };
        let (main, at) = of(&variable.name)?;
        let stem = variable.name.strip_suffix("_total").unwrap_or(&variable.name);
        let mut curves = Vec::new();
        for (part, words, kind) in PARTS {
            let name = format!("{stem}_{part}");
            if self.dataset.variable(&name).is_ok() {
                curves.push(Curve { name: words.to_owned(), y: of(&name)?.0, kind });
            }
        }
        let name = if curves.is_empty() { String::new() } else { "total".to_owned() };
        curves.push(Curve { name, y: main, kind: CurveKind::Main });
        let all = || curves.iter().flat_map(|curve| &curve.y);
        let (factor, units) = handy(variable.units().unwrap_or_default(), all());
        let crosses = all().any(|v| *v < 0.0) && all().any(|v| *v > 0.0);
        curves.iter_mut().flat_map(|curve| &mut curve.y).for_each(|v| *v *= factor);
        if crosses {
            let zero = Curve { name: String::new(), y: vec![0.0; x.len()], kind: CurveKind::Guide };
            curves.insert(0, zero);
        }
        Ok(CurvesPanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            xlabel,
            ylabel: text::units(&units),
            x,
            curves,
            ..CurvesPanel::default()
        })
    }
}

/// Units in which large transports are told, and the factor to them: PW, Sv.
pub(super) fn handy<'a>(units: &str, values: impl Iterator<Item = &'a f64>) -> (f64, String) {
    let most = values.filter(|v| v.is_finite()).fold(0.0, |most: f64, v| most.max(v.abs()));
    match units {
        "W" if most >= 1e13 => (1e-15, "PW".to_owned()),
        "m3 s-1" if most >= 1e4 => (1e-6, "Sv".to_owned()),
        _ => (1.0, units.to_owned()),
    }
}

/// The order in which numbers rise: of the same ones the first, without those that are missing.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|k| values[*k].is_finite()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order.dedup_by(|a, b| values[*a] == values[*b]);
    order
}

/// Takes away what is below the bottom of the ocean, or beyond the densities that there are: zeros from
/// one end of a column on. The last of them is where water ends; it takes the sign of the water, as it
/// is no line where flow turns.
fn without_ground(values: &mut [f64], columns: usize) {
    let rows = values.len() / columns.max(1);
    for i in 0..columns {
        let at = |k: usize| k * columns + i;
        let is_water = |k: &usize| values[at(*k)] != 0.0 && values[at(*k)].is_finite();
        let (first, last) = ((0..rows).find(is_water), (0..rows).rev().find(is_water));
        let Some((first, last)) = first.zip(last) else { continue };
        (0..first.saturating_sub(1)).chain(last + 2..rows).for_each(|k| values[at(k)] = f64::NAN);
        if first > 0 {
            values[at(first - 1)] = 1e-9 * values[at(first)];
        }
        if last + 1 < rows {
            values[at(last + 1)] = 1e-9 * values[at(last)];
        }
    }
    // Rows without water end it in the same way beside rows that have some.
    let is_dry = |values: &[f64], i: usize| (0..rows).all(|k| values[k * columns + i] == 0.0);
    let dry: Vec<bool> = (0..columns).map(|i| is_dry(values, i)).collect();
    for i in (0..columns).filter(|i| dry[*i]) {
        let beside = [i.wrapping_sub(1), i + 1].into_iter().find(|n| dry.get(*n) == Some(&false));
        for k in 0..rows {
            values[k * columns + i] = beside.map_or(f64::NAN, |n| 1e-9 * values[k * columns + n]);
        }
    }
}

/// Round levels of colours, and whether they are the same on both sides of zero: of values of both
/// signs.
pub(super) fn levels_of(values: &[f64]) -> (Vec<f64>, bool) {
    let valid = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = valid.clone().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
    if low > high {
        return (vec![0.0], false);
    }
    if low < 0.0 && high > 0.0 {
        let mut sizes: Vec<f64> = valid.map(f64::abs).filter(|v| *v > 0.0).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        // A few that stand out must not leave the rest in one colour.
        let common = sizes[(sizes.len() - 1) * 95 / 100];
        let most = if high.max(-low) > OUTSTANDING * common { common } else { high.max(-low) };
        let step = ticks::step(most, SIDE);
        let count = (most / step).floor().max(1.0) as i32;
        let levels = (-count..=count).filter(|k| *k != 0).map(|k| f64::from(k) * step).collect();
        return (levels, true);
    }
    let levels = ticks::round(low, high, 2.0 * SIDE);
    (if levels.is_empty() { vec![low] } else { levels }, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_bottom_nothing_is_left() {
        let mut psi = [0.0, 0.0, -2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        without_ground(&mut psi, 2);
        let gone: Vec<usize> = (0..12).filter(|k| psi[*k].is_nan()).collect();
        assert_eq!(gone, [8, 9, 10, 11]);
        // A row without water ends it too.
        assert!(psi[5] > 0.0 && psi[5] < 1e-8);
        assert!(psi[6] > 0.0 && psi[6] < 1e-8 && psi[0] < 0.0 && psi[4] == 3.0);
    }

    #[test]
    fn levels_are_round_and_as_many_on_both_sides() {
        let (levels, is_symmetric) = levels_of(&[-3.0, f64::NAN, 9.9e10]);
        assert!(is_symmetric && levels.iter().all(|l| *l != 0.0));
        assert!(levels.iter().zip(levels.iter().rev()).all(|(a, b)| *a == -*b));
        assert!((6..=30).contains(&levels.len()), "{levels:?}");
        let many: Vec<f64> = (0..200).map(|n| f64::from(n % 20) - 10.0).chain([500.0]).collect();
        assert!(levels_of(&many).0.iter().all(|l| l.abs() <= 10.0));
        assert!(!levels_of(&[1.0, 5.0]).1);
        assert_eq!(levels_of(&[f64::NAN]), (vec![0.0], false));
        assert_eq!(order(&[3.0, 1.0, f64::NAN, 2.0, 1.0]), [1, 3, 0]);
        assert_eq!(handy("W", [2e15, f64::NAN].iter()), (1e-15, "PW".to_owned()));
        assert_eq!(handy("W", [200.0].iter()), (1.0, "W".to_owned()));
        assert_eq!(handy("m3 s-1", [-3e6].iter()).1, "Sv");
    }
}
