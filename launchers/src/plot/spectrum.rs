//! Pictures of spectra: power with its background, coherence and phase.

use super::command::{label, Picture};
use super::{text, Curve, CurveKind, CurvesPanel, Figure, Panel};
use crate::spectrum::nearest;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};

/// The dimension of spectra.
const FREQUENCY: &str = "frequency";

impl Picture<'_> {
    /// Whether the file holds spectra of this name.
    fn is_spectrum(&self, name: &str) -> bool {
        self.dataset.variable(name).is_ok_and(|v| v.variable.dims.iter().any(|d| d.name == FREQUENCY))
    }

    /// The picture of a file of spectra; `None` if it is none.
    pub(super) fn of_spectra(&self) -> Result<Option<Figure>> {
        let panels = if self.is_spectrum("power") {
            vec![self.power()?]
        } else if self.is_spectrum("coherence_squared") && self.is_spectrum("phase") {
            let power = self.is_spectrum("power_x") && self.is_spectrum("power_y");
            let mut panels = if power { vec![self.powers()?] } else { Vec::new() };
            panels.extend([self.coherence()?, self.phase()?]);
            // They have the same axis, which is named once.
            let last = panels.len() - 1;
            panels.iter_mut().take(last).for_each(|panel| panel.xlabel.clear());
            panels
        } else {
            return Ok(None);
        };
        let attributes = self.dataset.attributes();
        let title = attributes.text("title").unwrap_or("Spectra").to_owned();
        let options = attributes.text("halocline_spectrum_options").unwrap_or_default();
        let told = [
            "segment=",
            "window=",
            "detrend=",
            "average=",
            "lomb-scargle=",
            "bandwidth=",
            "tapers=",
            "adaptive",
        ];
        let told: Vec<&str> = options.split("; ").filter(|o| told.iter().any(|t| o.starts_with(t))).collect();
        let subtitle: Vec<String> = self
            .place(if self.is_spectrum("power") { "power" } else { "coherence_squared" })?
            .into_iter()
            .chain([told.join(", ")])
            .collect();
        let panels = panels.into_iter().map(Panel::Curves).collect();
        Ok(Some(Figure { title, subtitle: subtitle.join("  ·  "), panels }))
    }

    fn power(&self) -> Result<CurvesPanel> {
        let variable = &self.dataset.variable("power")?.variable;
        let log = !self.choices.linear();
        let mut panel = self.panel(&text::units(variable.units().unwrap_or_default()), log)?;
        panel.title = label(variable);
        panel.y_is_log = log;
        let has_limits = self.is_spectrum("limit_lower") && self.is_spectrum("limit_upper");
        if has_limits {
            let levels = self.values("confidence")?;
            let name = levels.first().map_or_else(String::new, |p| format!("{} interval", text::percent(*p)));
            panel.curves.push(self.curve("limit_lower", 0, &name, CurveKind::Interval)?);
            panel.curves.push(self.curve("limit_upper", 0, "", CurveKind::Interval)?);
        }
        panel.curves.push(self.curve("power", 0, "spectrum", CurveKind::Main)?);
        if self.is_spectrum("background") {
            panel.curves.push(self.curve("background", 0, "red noise", CurveKind::Reference)?);
            for (k, level) in self.values("confidence")?.iter().enumerate() {
                let name = format!("{} level", text::percent(*level));
                panel.curves.push(self.curve("significance", k, &name, CurveKind::Level(k))?);
            }
        }
        if self.is_spectrum("f_ratio") && self.dataset.variable("f_limit").is_ok() {
            panel.curves.extend(self.lines()?);
        }
        Ok(panel)
    }

    /// Both powers; where their units differ, each as a share of its sum.
    fn powers(&self) -> Result<CurvesPanel> {
        let units = |name: &str| {
            self.dataset.variable(name).map(|v| v.variable.units().unwrap_or_default().to_owned())
        };
        let same = units("power_x")? == units("power_y")?;
        let log = !self.choices.linear();
        let mut panel = self.panel(
            &if same { text::units(&units("power_x")?) } else { "Share of power".to_owned() },
            false,
        )?;
        "Power".clone_into(&mut panel.title);
        panel.y_is_log = log;
        for (name, text, kind) in [("power_x", "x", CurveKind::Main), ("power_y", "y", CurveKind::Second)] {
            let mut curve = self.curve(name, 0, text, kind)?;
            let sum: f64 = curve.y.iter().filter(|v| v.is_finite()).sum();
            if !same && sum > 0.0 {
                curve.y.iter_mut().for_each(|v| *v /= sum);
            }
            panel.curves.push(curve);
        }
        Ok(panel)
    }

    /// The spectrum where a line stands out at the highest level of confidence: peaks of F.
    fn lines(&self) -> Result<Option<Curve>> {
        let (limits, levels) = (self.values("f_limit")?, self.values("confidence")?);
        let Some((limit, level)) = limits.into_iter().zip(levels).max_by(|a, b| a.1.total_cmp(&b.1)) else {
            return Ok(None);
        };
        let ratio = self.curve("f_ratio", 0, "", CurveKind::Marks)?.y;
        let mut curve = self.curve("power", 0, "", CurveKind::Marks)?;
        curve.name = format!("lines (F, {})", text::percent(level));
        let at = |k: Option<usize>| k.and_then(|k| ratio.get(k)).copied().unwrap_or(f64::NAN);
        let stands_out = |k: usize| {
            let higher = [at(k.checked_sub(1)), at(Some(k + 1))].into_iter().any(|other| other > ratio[k]);
            ratio[k] > limit && !higher
        };
        let hidden = (0..curve.y.len()).filter(|&k| !stands_out(k)).collect::<Vec<_>>();
        hidden.into_iter().for_each(|k| curve.y[k] = f64::NAN);
        Ok(Some(curve))
    }

    fn coherence(&self) -> Result<CurvesPanel> {
        let mut panel = self.panel("Coherence squared", false)?;
        panel.title = label(&self.dataset.variable("coherence_squared")?.variable);
        panel.y_range = Some((0.0, 1.0));
        panel.curves.push(self.curve("coherence_squared", 0, "coherence squared", CurveKind::Main)?);
        if self.dataset.variable("coherence_limit").is_ok() {
            let levels = self.values("confidence")?;
            for (k, (limit, level)) in self.values("coherence_limit")?.iter().zip(levels).enumerate() {
                let (name, y) = (format!("{} level", text::percent(level)), vec![*limit; panel.x.len()]);
                panel.curves.push(Curve { name, y, kind: CurveKind::Level(k) });
            }
        }
        Ok(panel)
    }

    fn phase(&self) -> Result<CurvesPanel> {
        let mut panel = self.panel("Phase (degrees)", false)?;
        "Phase, positive: y leads".clone_into(&mut panel.title);
        panel.y_range = Some((-180.0, 180.0));
        let mut curve = self.curve("phase", 0, "phase", CurveKind::Points)?;
        curve.y.iter_mut().for_each(|v| *v = v.to_degrees());
        panel.curves.push(curve);
        Ok(panel)
    }

    /// A panel without curves.
    fn panel(&self, ylabel: &str, is_log: bool) -> Result<CurvesPanel> {
        let units = self.dataset.variable(FREQUENCY)?.variable.units().unwrap_or_default().to_owned();
        let period = units.strip_suffix("-1").unwrap_or(&units);
        Ok(CurvesPanel {
            xlabel: format!("Frequency (cycles per {period})"),
            ylabel: ylabel.to_owned(),
            x: self.values(FREQUENCY)?,
            x_is_log: is_log,
            ..CurvesPanel::default()
        })
    }

    /// A spectrum at the chosen cell; `level` is the number of the confidence where there are several.
    fn curve(&self, variable: &str, level: usize, name: &str, kind: CurveKind) -> Result<Curve> {
        let stored = &self.dataset.variable(variable)?.variable;
        let cell = self.cell(variable)?;
        let mut ranges = Vec::new();
        for dim in &stored.dims {
            let at = match dim.role {
                _ if dim.name == FREQUENCY => {
                    ranges.push(0..dim.len);
                    continue;
                }
                _ if dim.name == "confidence" => level,
                _ if self.is_selected(dim) => self.selected(stored, dim)?.map_or(0, |(k, _)| k),
                Role::Y | Role::X if dim.len > 1 => {
                    let Some(Cell { index, .. }) = &cell else {
                        return Err(Error::usage("holds the spectra of many cells")
                            .in_variable(variable)
                            .remedy("choose one with --at LON,LAT, or maps with --frequency F"));
                    };
                    index.iter().find(|(name, _)| *name == dim.name).map_or(0, |(_, at)| *at)
                }
                _ if dim.len == 1 => 0,
                _ => {
                    return Err(Error::usage(format!(
                        "has a dimension `{}` that a picture has no place for",
                        dim.name
                    ))
                    .in_variable(variable)
                    .remedy(format!("choose one of its {} with --select {}=VALUE", dim.len, dim.name)))
                }
            };
            ranges.push(at..at + 1);
        }
        let y = self.dataset.read(variable, &IndexBox::new(ranges))?.to_f64();
        Ok(Curve { name: name.to_owned(), y, kind })
    }

    /// The cell that is nearest to `--at`.
    pub(super) fn cell(&self, variable: &str) -> Result<Option<Cell>> {
        let Some([lon, lat]) = self.choices.at() else { return Ok(None) };
        let grid = self.dataset.grid(variable)?;
        let Some(nearest) = nearest(&grid, [lon, lat]) else { return Ok(None) };
        let (lats, lons) = (grid.latitudes(), grid.longitudes());
        let mut rest = nearest;
        let mut index = Vec::new();
        for dim in grid.dims.iter().rev() {
            index.push((dim.name.clone(), rest % dim.len.max(1)));
            rest /= dim.len.max(1);
        }
        let of = |values: &Option<Vec<f64>>| values.as_ref().map(|v| v[nearest]);
        Ok(Some(Cell { index, lat: of(&lats), lon: of(&lons) }))
    }

    /// Where the spectra are, in words, if one cell is chosen.
    pub(super) fn place(&self, name: &str) -> Result<Option<String>> {
        let Some(cell) = self.cell(name)? else { return Ok(None) };
        let parts = [("latitude", cell.lat), ("longitude", cell.lon)]
            .map(|(name, degrees)| degrees.map(|v| format!("{name} {}", text::degrees(v))));
        Ok(Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", ")))
    }
}

/// A cell of the grid.
pub(super) struct Cell {
    /// By dimension.
    pub(super) index: Vec<(String, usize)>,
    lat: Option<f64>,
    lon: Option<f64>,
}
