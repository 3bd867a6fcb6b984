//! Sections over latitude and a vertical axis, and profiles over latitude.

use super::command::{label, Picture};
use super::{text, ticks, Curve, CurveKind, CurvesPanel, Panel, PlanePanel};
use crate::pressure::to_pascal;
use halocline_core::meta::{Role, Variable};
use halocline_core::{Error, Result};

/// Levels of colours on each side of zero, about.
const SIDE: f64 = 7.0;
/// Pressures that span more than this are drawn over their logarithm.
const SPAN: f64 = 40.0;

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
        let x = self.values(&row.name).unwrap_or_else(|_| (0..row.len).map(|j| j as f64).collect());
        let (columns, rows) = (order(&x), order(&vertical.at));
        let width = x.len();
        let sorted = rows.iter().flat_map(|&k| columns.iter().map(move |&j| k * width + j));
        let values: Vec<f64> = sorted.map(|i| values[i]).collect();
        let x: Vec<f64> = columns.iter().map(|&j| x[j]).collect();
        let y: Vec<f64> = rows.iter().map(|&k| vertical.at[k]).collect();
        let (levels, is_symmetric) = levels_of(&values);
        let ends = |v: &[f64]| (v.first().copied().unwrap_or(0.0), v.last().copied().unwrap_or(1.0));
        Ok(PlanePanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            xlabel: if self.is_latitude(&row.name) { "Latitude (°N)".to_owned() } else { row.name.clone() },
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

    fn is_latitude(&self, name: &str) -> bool {
        let variable = self.dataset.variable(name);
        variable.is_ok_and(|v| v.variable.units().is_some_and(|u| u.starts_with("degree")))
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
        let is_log = scale.is_some() && low > 0.0 && high / low > SPAN && !self.args.linear;
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
            _ => label(&variable),
        };
        Ok(Vertical {
            at: values.iter().map(|v| to(*v)).collect(),
            ticks: marks.iter().map(|m| to(*m)).zip(words).collect(),
            label: told,
        })
    }

    /// A transport over latitude; with its parts, where the file has them.
    fn profile(&self, variable: &Variable) -> Result<CurvesPanel> {
        let row = variable.dims.iter().find(|d| d.role == Role::Y).map_or("lat", |d| d.name.as_str());
        let x = self.values(row)?;
        let of = |name: &str| -> Result<(Vec<f64>, Vec<String>)> {
            let variable = self.dataset.variable(name)?.variable.clone();
            self.slice(&variable, |role| role == Role::Y)
        };
        let (main, at) = of(&variable.name)?;
        let mut curves = Vec::new();
        if let Some(stem) = variable.name.strip_suffix("_total") {
            let parts = [
                ("mean", "mean circulation", CurveKind::Part),
                ("stationary", "stationary eddies", CurveKind::OtherPart),
                ("transient", "transient eddies", CurveKind::Second),
            ];
            for (part, words, kind) in parts {
                let name = format!("{stem}_{part}");
                if self.dataset.variable(&name).is_ok() {
                    curves.push(Curve { name: words.to_owned(), y: of(&name)?.0, kind });
                }
            }
        }
        let name = if curves.is_empty() { String::new() } else { "total".to_owned() };
        curves.push(Curve { name, y: main, kind: CurveKind::Main });
        Ok(CurvesPanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            xlabel: if self.is_latitude(row) { "Latitude (°N)".to_owned() } else { row.to_owned() },
            ylabel: text::units(variable.units().unwrap_or_default()),
            x,
            curves,
            ..CurvesPanel::default()
        })
    }
}

/// The order in which numbers rise.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

/// Round levels of colours, and whether they are the same on both sides of zero: of values of both
/// signs.
fn levels_of(values: &[f64]) -> (Vec<f64>, bool) {
    let valid = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = valid.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
    if low > high {
        return (vec![0.0], false);
    }
    if low < 0.0 && high > 0.0 {
        let most = high.max(-low);
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
    fn levels_are_round_and_as_many_on_both_sides() {
        let (levels, is_symmetric) = levels_of(&[-3.0, f64::NAN, 9.9e10]);
        assert!(is_symmetric && levels.iter().all(|l| *l != 0.0));
        assert!(levels.iter().zip(levels.iter().rev()).all(|(a, b)| *a == -*b));
        assert!((6..=30).contains(&levels.len()), "{levels:?}");
        assert!(!levels_of(&[1.0, 5.0]).1);
        assert_eq!(levels_of(&[f64::NAN]), (vec![0.0], false));
        assert_eq!(order(&[3.0, 1.0, 2.0]), [1, 2, 0]);
    }
}
