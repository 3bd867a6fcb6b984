//! Pictures of spectra over degrees of spherical harmonics.

use super::command::{label, Picture};
use super::{text, Curve, CurveKind, CurvesPanel, Figure, Panel};
use halocline_core::Result;

/// The dimension of these spectra.
const DEGREE: &str = "degree";

/// A slope that spectra of kinetic energy are held against.
struct Slope {
    name: &'static str,
    power: f64,
    /// From which degree on, and up to which: where it is found in the atmosphere.
    from: f64,
    to: f64,
}

const SLOPES: [Slope; 2] = [
    Slope { name: "slope −3", power: -3.0, from: 8.0, to: 90.0 },
    Slope { name: "slope −5/3", power: -5.0 / 3.0, from: 60.0, to: f64::INFINITY },
];

/// A smaller share of the largest energy may be rounding, which no slope is held against.
const ROUNDING: f64 = 1e-10;
/// How far above the spectrum a slope is drawn.
const ABOVE: f64 = 3.0;

impl Picture<'_> {
    /// The picture of a file of spectra over degrees; `None` if it is none.
    pub(super) fn of_degrees(&self) -> Result<Option<Figure>> {
        let all = [
            ("power", "power", CurveKind::Main),
            ("kinetic_energy", "total", CurveKind::Main),
            ("rotational_kinetic_energy", "rotational", CurveKind::Part),
            ("divergent_kinetic_energy", "divergent", CurveKind::OtherPart),
        ];
        let is_there = |name: &str| {
            let variable = self.dataset.variable(name);
            variable.is_ok_and(|v| v.variable.dims.last().is_some_and(|d| d.name == DEGREE))
        };
        let there: Vec<_> = all.into_iter().filter(|(name, ..)| is_there(name)).collect();
        let Some((first, ..)) = there.first() else { return Ok(None) };
        let variable = self.dataset.variable(first)?.variable.clone();
        let log = !self.choices.linear();
        let mut panel = CurvesPanel {
            xlabel: "Degree of spherical harmonics".to_owned(),
            ylabel: text::units(variable.units().unwrap_or_default()),
            x: self.values(DEGREE)?,
            x_is_log: log,
            y_is_log: log,
            ..CurvesPanel::default()
        };
        let mut when = Vec::new();
        for (name, text, kind) in &there {
            let variable = self.dataset.variable(name)?.variable.clone();
            // The role of the last dimension is a guess: nothing else has it.
            let along = variable.dims.last().map(|dim| dim.role);
            let (y, at) = self.slice(&variable, |role| Some(role) == along)?;
            panel.curves.push(Curve { name: (*text).to_owned(), y, kind: *kind });
            when = at;
        }
        if *first == "kinetic_energy" && log {
            let guides = SLOPES.iter().filter_map(|slope| guide(slope, &panel.x, &panel.curves[0].y));
            let guides: Vec<Curve> = guides.collect();
            panel.curves.extend(guides);
        }
        panel.title = std::iter::once(label(&variable)).chain(when).collect::<Vec<_>>().join(", ");
        let title = self.dataset.attributes().text("title").unwrap_or("Spectra").to_owned();
        let subtitle = self.dataset.attributes().text("halocline_grid").unwrap_or_default().to_owned();
        Ok(Some(Figure { title, subtitle, panels: vec![Panel::Curves(panel)] }))
    }
}

/// A straight line on logarithmic axes, above the spectrum where it is drawn; `None` if that is
/// hardly anywhere.
fn guide(slope: &Slope, degrees: &[f64], energy: &[f64]) -> Option<Curve> {
    let is_in = |n: f64| n >= slope.from && n <= slope.to;
    let last = degrees.iter().copied().filter(|n| is_in(*n)).fold(0.0, f64::max);
    if last < 2.0 * slope.from {
        return None;
    }
    let rounding = ROUNDING * energy.iter().copied().fold(0.0, f64::max);
    let parts = degrees.iter().zip(energy).filter(|(n, e)| is_in(**n) && **e > rounding);
    let height = parts.map(|(n, e)| e / n.powf(slope.power)).reduce(f64::max)?;
    let y = degrees.iter().map(|n| if is_in(*n) { ABOVE * height * n.powf(slope.power) } else { f64::NAN });
    Some(Curve { name: slope.name.to_owned(), y: y.collect(), kind: CurveKind::Guide })
}
