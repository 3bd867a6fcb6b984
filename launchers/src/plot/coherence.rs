//! Maps of spectra at one frequency: coherence and phase, power where it stands out.

use super::command::Picture;
use super::wheeler_kiladis::direction;
use super::{text, Arrow, Figure, MapPanel, Palette, Panel};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};

/// Arrows along the longer side of a map.
const ARROWS: usize = 44;

impl Picture<'_> {
    /// The stored frequency that is nearest to `--frequency`: its number.
    pub(super) fn frequency(&self) -> Result<usize> {
        if self.dataset.variable("frequency").is_err() {
            return Err(Error::usage("--frequency changes nothing: the file has no frequencies")
                .remedy("leave it out"));
        }
        let all = self.values("frequency")?;
        let unit = self.dataset.variable("frequency")?.variable.units().unwrap_or_default().to_owned();
        let (Some(wanted), Some(last)) = (self.choices.frequency(), all.last()) else {
            return Err(Error::usage("has results at many frequencies")
                .remedy("choose one with --frequency F, in the units of the file"));
        };
        let step = all.get(1).map_or(0.0, |second| second - all[0]);
        if wanted.is_nan() || wanted < all[0] - step || wanted > last + step {
            return Err(Error::usage(format!("there is no frequency {wanted}"))
                .remedy(format!("choose --frequency between {} and {last} {unit}", all[0])));
        }
        let off = |k: &usize| (all[*k] - wanted).abs();
        Ok((0..all.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0))
    }

    /// In words: the frequency, and what it is as a period.
    pub(super) fn frequency_in_words(&self, k: usize) -> Result<String> {
        let unit = self.dataset.variable("frequency")?.variable.units().unwrap_or_default().to_owned();
        let period = unit.strip_suffix("-1").unwrap_or(&unit).to_owned();
        let f = self.values("frequency")?[k];
        let cycles = format!("{} cycles per {period}", text::significant(f));
        Ok(if f > 0.0 {
            format!("{cycles} (period {} {period}s)", text::significant(1.0 / f))
        } else {
            cycles
        })
    }

    /// Maps at the chosen frequency, of files of spectra at many cells.
    pub(super) fn of_frequency(&self) -> Result<Figure> {
        self.frequency()?;
        let on_map = |name: &str| {
            let horizontal = |role: Role| matches!(role, Role::Y | Role::X);
            self.dataset.variable(name).is_ok_and(|v| {
                let dims = &v.variable.dims;
                dims.iter().any(|d| d.name == "frequency")
                    && dims.iter().filter(|d| horizontal(d.role)).count() == 2
            })
        };
        let mut panels = Vec::new();
        let mut subtitle;
        if on_map("coherence_squared") {
            let (mut map, at) = self.map_at(&self.dataset.variable("coherence_squared")?.variable.clone())?;
            subtitle = at;
            map.scale = Some(((0.0, 1.0), Palette::Sequential));
            if let Some((limit, level)) = self.coherence_limit()? {
                map.faint = map.values.iter().map(|c| c.is_nan() || *c < limit).collect();
                subtitle.push(format!("hatched: below the {} limit of {limit:.3}", text::percent(level)));
            }
            if on_map("phase") {
                let mut phase = self.map(&self.dataset.variable("phase")?.variable.clone())?;
                map.arrows = arrows(&map, &phase.values);
                subtitle.push("arrows: up in phase, right x leads".to_owned());
                phase.values.iter_mut().for_each(|v| *v = v.to_degrees());
                phase.scale = Some(((-180.0, 180.0), Palette::Cyclic));
                phase.faint.clone_from(&map.faint);
                "phase in degrees".clone_into(&mut phase.units);
                "Phase, positive: y leads".clone_into(&mut phase.title);
                panels = vec![Panel::Map(map), Panel::Map(phase)];
            } else {
                panels.push(Panel::Map(map));
            }
        } else if on_map("power") {
            let (mut map, at) = self.map_at(&self.dataset.variable("power")?.variable.clone())?;
            subtitle = at;
            if on_map("significance") {
                let variable = self.dataset.variable("significance")?.variable.clone();
                // Of several levels the first, or the one that is chosen.
                let dim = variable.dims.iter().find(|dim| dim.name == "confidence");
                let chosen = dim.map(|dim| self.selected(&variable, dim)).transpose()?.flatten();
                if let Some(level) = self.values("confidence")?.get(chosen.map_or(0, |(k, _)| k)) {
                    let limit = self.map(&variable)?.values;
                    let has_limit = limit.iter().any(|l| !l.is_nan());
                    map.faint = map.values.iter().zip(&limit).map(|(p, l)| p.is_nan() || p <= l).collect();
                    let note = || format!("hatched: below the {} level", text::percent(*level));
                    subtitle.extend(has_limit.then(note));
                }
            }
            panels.push(Panel::Map(map));
        } else {
            return Err(Error::usage("has no map of spectra to draw at a frequency")
                .remedy("leave --frequency out, or choose a variable with --var"));
        }
        let title = self.dataset.attributes().text("title").unwrap_or("Spectra").to_owned();
        Ok(Figure { title, subtitle: subtitle.join("  ·  "), panels })
    }
}

/// Arrows of the phase at some cells that are not pale.
fn arrows(map: &MapPanel, phase: &[f64]) -> Vec<Arrow> {
    let (ny, nx) = map.shape;
    let stride = ny.max(nx).div_ceil(ARROWS).max(1);
    let mut all = Vec::new();
    for j in (stride / 2..ny).step_by(stride) {
        for i in (stride / 2..nx).step_by(stride) {
            let at = j * nx + i;
            let stands_out = map.values[at].is_finite() && !map.faint.get(at).is_some_and(|f| *f);
            if let (true, Some(lat), Some(lon)) = (stands_out, map.lat.get(at), map.lon.get(at)) {
                all.push(((*lon, *lat), direction(phase[at])));
            }
        }
    }
    all.retain(|(at, by)| [at.0, at.1, by.0, by.1].iter().all(|v| v.is_finite()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_stand_where_it_is_coherent() {
        let map = MapPanel {
            shape: (2, 3),
            values: vec![0.9; 6],
            lat: vec![0.0; 6],
            lon: vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
            faint: vec![true, false, false, true, true, false],
            ..MapPanel::default()
        };
        let found = arrows(&map, &[0.0, 0.0, std::f64::consts::FRAC_PI_2, 0.0, 0.0, f64::NAN]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], ((2.0, 0.0), (0.0, 1.0)));
        assert!((found[1].1 .0 + 1.0).abs() < 1e-12);
    }
}
