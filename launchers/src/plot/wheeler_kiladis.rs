//! Pictures of spectra over zonal wave number and frequency, with the dispersion of equatorial waves.

use super::colour::extremes;
use super::command::{label, Picture};
use super::{text, ticks, Arrow, Figure, Panel, PlanePanel};
use halocline_algorithms::wavenumber::EquatorialWave;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};

/// The dimensions of the spectra.
const DIMS: [&str; 2] = ["frequency", "wavenumber"];
/// The two parts of a field.
const PARTS: [&str; 2] = ["symmetric", "antisymmetric"];
/// Wave numbers that are shown to both sides of 0.
const WAVES: f64 = 15.0;
/// The highest frequency that is shown, in cycles per day.
const FASTEST: f64 = 0.8;

/// Equivalent depths of the shallow water whose waves are drawn, in metres.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Depths(pub(super) Vec<f64>);

/// Those that are drawn unless others are chosen.
pub(super) const DEPTHS: &str = "12,25,50";

/// Reads the value of `--depths`.
pub(super) fn parse_depths(text: &str) -> std::result::Result<Depths, String> {
    if text == "none" {
        return Ok(Depths(Vec::new()));
    }
    let depth = |word: &str| {
        let depth = word.trim().parse::<f64>().ok().filter(|d| *d > 0.0 && *d < 1e5);
        depth.ok_or_else(|| format!("`{word}` is no depth; write metres, as in 12,25,50, or none"))
    };
    let mut depths = text.split(',').map(depth).collect::<std::result::Result<Vec<f64>, String>>()?;
    depths.sort_by(f64::total_cmp);
    Ok(Depths(depths))
}

/// How a quantity is drawn.
struct Kind {
    /// Whether its logarithm is shown.
    is_log: bool,
    is_ratio: bool,
    is_coherence: bool,
}

/// A spectrum in the range that is shown.
struct Plane {
    x: Vec<f64>,
    y: Vec<f64>,
    values: Vec<f64>,
}

impl Picture<'_> {
    /// Whether there is a spectrum of this name.
    fn is_plane(&self, name: &str) -> bool {
        self.dataset.variable(name).is_ok_and(|v| v.variable.dims.iter().map(|d| d.name.as_str()).eq(DIMS))
    }

    /// The picture of a file of such spectra: of `wanted` (a variable, or what both parts have), else
    /// of the coherence or the ratio to the background; `None` if that is none.
    pub(super) fn of_space_time(&self, wanted: Option<&str>) -> Result<Option<Figure>> {
        let both = |name: &str| PARTS.map(|part| format!("{name}_{part}"));
        let names: Vec<String> = match wanted {
            Some(name) if self.is_plane(name) => vec![name.to_owned()],
            Some(name) => both(name).to_vec(),
            None if self.is_plane("coherence_squared_symmetric") => both("coherence_squared").to_vec(),
            None => both("ratio").to_vec(),
        };
        if !names.iter().all(|name| self.is_plane(name)) {
            return Ok(None);
        }
        if names[0].starts_with("phase") {
            return Err(Error::usage("phases are drawn as arrows above the coherence, not on their own")
                .in_variable(&names[0])
                .remedy("leave --var out, or choose --var coherence_squared"));
        }
        let kind = Kind {
            is_log: names[0].starts_with("power") || names[0] == "background",
            is_ratio: names[0].starts_with("ratio"),
            is_coherence: names[0].starts_with("coherence"),
        };
        let planes: Vec<Plane> = names.iter().map(|name| self.plane(name, &kind)).collect::<Result<_>>()?;
        let limit = if kind.is_coherence { self.coherence_limit()? } else { None };
        let levels = levels(&kind, planes.iter().flat_map(|p| &p.values), limit.map(|l| l.0));
        let mut panels = Vec::new();
        for (name, plane) in names.iter().zip(planes) {
            panels.push(Panel::Plane(self.panel_of(name, plane, &kind, &levels)?));
        }
        let attributes = self.dataset.attributes();
        let title = attributes.text("title").unwrap_or("Wavenumber-frequency spectra");
        // The panels say which part is which.
        let title = title.split(", symmetric").next().unwrap_or(title).to_owned();
        let options = attributes.text("halocline_spectrum_options").unwrap_or_default();
        let told = ["lat=", "window=", "overlap="];
        let told: Vec<&str> = options.split("; ").filter(|o| told.iter().any(|t| o.starts_with(t))).collect();
        let mut subtitle = vec![told.join(", ")];
        if let Some((limit, level)) = limit {
            subtitle.push(format!("above the {} limit of {limit:.3}", text::percent(level)));
            subtitle.push("arrows: up in phase, right x leads".to_owned());
        }
        let depths: Vec<String> = self.choices.depths().iter().map(f64::to_string).collect();
        if !depths.is_empty() {
            subtitle.push(format!("waves of {} m", depths.join(", ")));
        }
        Ok(Some(Figure { title, subtitle: subtitle.join("  ·  "), panels }))
    }

    /// What is shown of a spectrum.
    fn plane(&self, name: &str, kind: &Kind) -> Result<Plane> {
        let [y, x] = [self.values(DIMS[0])?, self.values(DIMS[1])?];
        let inside = |v: &f64| v.abs() <= WAVES + 1e-9;
        let columns = x.iter().position(inside).unwrap_or(0)..x.iter().rposition(inside).map_or(0, |i| i + 1);
        // One beyond, so that the last is drawn up to the frame.
        let rows = 0..(y.partition_point(|f| *f <= FASTEST) + 1).min(y.len());
        if columns.is_empty() || rows.is_empty() {
            return Err(Error::data("has no wave number that a picture shows").in_variable(name));
        }
        let block = IndexBox::new(vec![rows.clone(), columns.clone()]);
        let mut values = self.dataset.read(name, &block)?.to_f64();
        if kind.is_log {
            values.iter_mut().for_each(|v| *v = if *v > 0.0 { v.log10() } else { f64::NAN });
        }
        Ok(Plane { x: x[columns].to_vec(), y: y[rows].to_vec(), values })
    }

    /// The first limit of the coherence, and its level.
    pub(super) fn coherence_limit(&self) -> Result<Option<(f64, f64)>> {
        if self.dataset.variable("coherence_limit").is_err() {
            return Ok(None);
        }
        let (limits, levels) = (self.values("coherence_limit")?, self.values("confidence")?);
        Ok(limits.first().copied().zip(levels.first().copied()))
    }

    fn panel_of(&self, name: &str, plane: Plane, kind: &Kind, levels: &[f64]) -> Result<PlanePanel> {
        let variable = &self.dataset.variable(name)?.variable;
        let part = PARTS.iter().rposition(|part| name.ends_with(&format!("_{part}")));
        let of_part = match part {
            Some(0) => "Symmetric",
            Some(_) => "Antisymmetric",
            None => "Background",
        };
        let units = match variable.units().unwrap_or_default() {
            _ if kind.is_ratio => "power / background".to_owned(),
            _ if kind.is_coherence => "coherence squared".to_owned(),
            "1" | "" if kind.is_log => "log10 of power".to_owned(),
            units if kind.is_log => format!("log10 of power in {}", text::units(units)),
            _ => label(variable),
        };
        let top = plane.y.last().copied().unwrap_or(0.5).min(FASTEST);
        let reach = plane.x.last().copied().unwrap_or(WAVES).max(1.0);
        let mut panel = PlanePanel {
            title: of_part.to_owned(),
            xlabel: "Westward  ·  zonal wavenumber  ·  eastward".to_owned(),
            ylabel: "Frequency (cycles per day)".to_owned(),
            units,
            x_range: (-reach, reach),
            y_range: (0.0, top),
            levels: levels.to_vec(),
            is_excess: kind.is_ratio || kind.is_coherence,
            inverse: "Period (days)".to_owned(),
            arrows: if kind.is_coherence { self.phases(name, &plane, levels)? } else { Vec::new() },
            arrow_length: 19.0,
            x: plane.x,
            y: plane.y,
            values: plane.values,
            ..PlanePanel::default()
        };
        match part {
            Some(part) => add_waves(&mut panel, part, self.choices.depths()),
            None => (0..2).for_each(|part| add_waves(&mut panel, part, self.choices.depths())),
        }
        Ok(panel)
    }

    /// Arrows of the phase where the coherence is above its first level.
    fn phases(&self, name: &str, plane: &Plane, levels: &[f64]) -> Result<Vec<Arrow>> {
        let phase = name.replace("coherence_squared", "phase");
        let Some(least) = levels.first().filter(|_| self.is_plane(&phase)) else { return Ok(Vec::new()) };
        let plain = Kind { is_log: false, is_ratio: false, is_coherence: false };
        let angles = self.plane(&phase, &plain)?.values;
        // As many as can be told apart.
        let (across, up) = (plane.x.len().div_ceil(31), plane.y.len().div_ceil(45));
        let mut arrows = Vec::new();
        for (j, y) in plane.y.iter().enumerate().skip(1).step_by(up) {
            for (i, x) in plane.x.iter().enumerate().step_by(across) {
                let at = j * plane.x.len() + i;
                if plane.values[at] >= *least && angles[at].is_finite() {
                    arrows.push(((*x, *y), direction(angles[at])));
                }
            }
        }
        Ok(arrows)
    }
}

/// The arrow of a phase by which y leads: up where both are in phase, to the right where x leads by
/// a quarter of a period, as NCL draws it.
pub(super) fn direction(phase: f64) -> (f64, f64) {
    (-phase.sin(), phase.cos())
}

/// Where colours change.
fn levels<'a>(kind: &Kind, values: impl Iterator<Item = &'a f64>, limit: Option<f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let share = |s: f64| sorted.get((s * sorted.len() as f64) as usize).or(sorted.last()).copied();
    if kind.is_ratio {
        let even = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0];
        let wide = [1.1, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0];
        let most = sorted.last().copied().unwrap_or(2.0);
        return if share(0.99).unwrap_or(2.0) < 2.2 {
            even.to_vec()
        } else {
            wide.into_iter().filter(|level| *level < most.max(2.5)).collect()
        };
    }
    if kind.is_coherence {
        let most = sorted.last().copied().unwrap_or(1.0).clamp(0.2, 1.0);
        let step = if most > 0.5 { 0.1 } else { 0.05 };
        // Of two digits, as labels have them.
        let first = limit.map_or(step, |limit| (100.0 * limit).ceil() / 100.0);
        let others = ticks::multiples(first, most, step);
        return std::iter::once(first)
            .chain(others.into_iter().filter(|l| *l - first > 0.3 * step))
            .collect();
    }
    let ends = extremes([share(0.01), share(0.995)].into_iter().flatten());
    ends.map_or_else(Vec::new, |(low, high)| ticks::round(low, high, 12.0))
}

/// Adds the curves of the waves of a part, their names and depths.
fn add_waves(panel: &mut PlanePanel, part: usize, depths: &[f64]) {
    use EquatorialWave::{EastwardGravity, InertioGravity, Kelvin, MixedRossbyGravity, Rossby};
    // With their names, where these stand, and at which end depths do: in wave numbers.
    let waves: [(EquatorialWave, &str, f64, f64); 3] = if part == 0 {
        [
            (Kelvin, "Kelvin", 8.0, WAVES),
            (Rossby(1), "n=1 ER", -9.0, 0.0),
            (InertioGravity(1), "n=1 IG", -2.0, -WAVES),
        ]
    } else {
        [
            (MixedRossbyGravity, "MRG", -9.0, 0.0),
            (EastwardGravity, "n=0 EIG", 4.0, WAVES),
            (InertioGravity(2), "n=2 IG", -2.0, -WAVES),
        ]
    };
    let (reach, top) = (panel.x_range.1, panel.y_range.1);
    let visible = |wave: EquatorialWave, depth: f64, s: f64| {
        let s = s.clamp(-reach, reach);
        wave.frequency(s, depth).filter(|f| *f <= top).map(|f| (s, f))
    };
    for (wave, name, at, end) in waves {
        for depth in depths {
            let steps = (-20 * reach as i64)..=(20 * reach as i64);
            let points = steps.map(|n| n as f64 / 20.0);
            let curve = points.map(|s| (s, wave.frequency(s, *depth).unwrap_or(f64::NAN)));
            panel.curves.push(curve.collect());
            // From the end towards the middle, the first place inside.
            let places = (0..(20.0 * end.abs()) as i64).map(|n| end.signum() * (end.abs() - 0.05 * n as f64));
            let place = places.into_iter().find_map(|s| visible(wave, *depth, s));
            let inside = place.and_then(|(s, _)| visible(wave, *depth, s - 1.1 * end.signum()));
            let free = |(x, y): &(f64, f64), marks: &[(String, (f64, f64))]| {
                marks.iter().all(|(_, m)| (m.0 - x).abs() > 0.12 * reach || (m.1 - y).abs() > 0.03 * top)
            };
            if let Some(point) = inside.filter(|point| end != 0.0 && free(point, &panel.marks)) {
                panel.marks.push((format!("{depth} m"), point));
            }
        }
        let middle = depths.get(depths.len() / 2);
        let towards = [at, 0.75 * at, 0.5 * at, 0.3 * at];
        let place = middle.and_then(|d| towards.iter().find_map(|s| visible(wave, *d, *s)));
        panel.marks.extend(place.map(|point| (name.to_owned(), point)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_read_in_order() {
        assert_eq!(parse_depths("50, 12"), Ok(Depths(vec![12.0, 50.0])));
        assert_eq!(parse_depths("none"), Ok(Depths(Vec::new())));
        assert!(["", "0", "-3", "12,", "deep"].iter().all(|text| parse_depths(text).is_err()));
    }

    #[test]
    fn levels_of_any_values() {
        let kind = |is_ratio, is_coherence| Kind { is_log: false, is_ratio, is_coherence };
        assert_eq!(levels(&kind(true, false), [0.5, 1.3].iter(), None).len(), 10);
        assert_eq!(levels(&kind(true, false), [0.5, 60.0].iter(), None).last(), Some(&20.0));
        assert_eq!(levels(&kind(false, true), [0.9].iter(), Some(0.1234))[..2], [0.13, 0.2]);
        assert!(levels(&kind(false, false), [f64::NAN].iter(), None).is_empty());
        let power = levels(&kind(false, false), [-2.0, 3.0].iter(), None);
        assert!(power.len() > 4 && power.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn all_waves_are_named_once() {
        for part in 0..2 {
            let mut panel =
                PlanePanel { x_range: (-15.0, 15.0), y_range: (0.0, 0.8), ..PlanePanel::default() };
            add_waves(&mut panel, part, &[12.0, 25.0, 50.0]);
            assert_eq!(panel.curves.len(), 9);
            let names = panel.marks.iter().filter(|m| !m.0.ends_with(" m")).count();
            assert_eq!((names, panel.marks.len()), (3, 9));
            let mut none = PlanePanel { x_range: (-15.0, 15.0), ..PlanePanel::default() };
            add_waves(&mut none, part, &[]);
            assert!(none.marks.is_empty() && none.curves.is_empty());
        }
    }
}
