//! Pictures of wavelet power: the scalogram of one series, or its global spectrum alone.

use super::colour::extremes;
use super::command::{decimal_year, label, Picture};
use super::{text, Curve, CurveKind, CurvesPanel, Figure, Panel, ScalogramPanel};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};

/// The dimension of wavelet power.
const PERIOD: &str = "period";

impl Picture<'_> {
    /// The picture of a file of wavelet power; `None` if it is none.
    pub(super) fn of_wavelets(&self) -> Result<Option<Figure>> {
        let has = |name: &str| {
            self.dataset.variable(name).is_ok_and(|v| v.variable.dims.iter().any(|d| d.name == PERIOD))
        };
        if !has("global_power") {
            return Ok(None);
        }
        let panel = if has("power") { Panel::Scalogram(self.scalogram()?) } else { self.global_alone()? };
        let attributes = self.dataset.attributes();
        let mut about: Vec<String> = self.place("global_power")?.into_iter().collect();
        about.extend(attributes.text("wavelet").map(|w| format!("wavelet {w}")));
        if let Panel::Scalogram(panel) = &panel {
            let level = &panel.level;
            about.extend(
                (!panel.significance.is_empty()).then(|| format!("lines: {level} against red noise")),
            );
            about.push("pale: beyond the cone of influence".to_owned());
        }
        let title = attributes.text("title").unwrap_or("Wavelet power").to_owned();
        Ok(Some(Figure { title, subtitle: about.join("  ·  "), panels: vec![panel] }))
    }

    /// All values of one cell at the first level of confidence, missing where there is no such variable.
    fn of_cell(&self, name: &str) -> Result<Vec<f64>> {
        let Ok(stored) = self.dataset.variable(name) else { return Ok(Vec::new()) };
        let cell = self.cell(name)?;
        let mut ranges = Vec::new();
        for dim in &stored.variable.dims {
            ranges.push(match dim.role {
                _ if dim.name == PERIOD || dim.role == Role::Time => 0..dim.len,
                _ if dim.name == "confidence" || dim.len == 1 => 0..1,
                _ if self.is_selected(dim) => {
                    let k = self.selected(&stored.variable, dim)?.map_or(0, |(k, _)| k);
                    k..k + 1
                }
                Role::Y | Role::X => {
                    let Some(cell) = &cell else {
                        return Err(Error::usage("holds the wavelet power of many cells")
                            .in_variable(name)
                            .remedy("choose one with --at LON,LAT"));
                    };
                    let at = cell.index.iter().find(|(name, _)| *name == dim.name).map_or(0, |(_, at)| *at);
                    at..at + 1
                }
                _ => {
                    return Err(Error::usage(format!(
                        "has a dimension `{}` that a picture has no place for",
                        dim.name
                    ))
                    .in_variable(name)
                    .remedy(format!("choose one of its {} with --select {}=VALUE", dim.len, dim.name)))
                }
            });
        }
        Ok(self.dataset.read(name, &IndexBox::new(ranges))?.to_f64())
    }

    /// The first level of confidence, in words.
    fn first_level(&self) -> Result<String> {
        let levels =
            if self.dataset.variable("confidence").is_ok() { self.values("confidence")? } else { Vec::new() };
        Ok(levels.first().map_or_else(String::new, |p| format!("{} level", text::percent(*p))))
    }

    fn period_units(&self) -> Result<String> {
        Ok(self.dataset.variable(PERIOD)?.variable.units().unwrap_or_default().to_owned() + "s")
    }

    fn scalogram(&self) -> Result<ScalogramPanel> {
        let variable = &self.dataset.variable("power")?.variable;
        let len = variable.dims.iter().find(|d| d.role == Role::Time).map_or(0, |d| d.len);
        let time = self.dataset.time().filter(|time| time.values.len() == len);
        let x = time.map_or_else(
            || (1..=len).map(|i| i as f64).collect(),
            |time| (0..len).map(|i| decimal_year(time, i)).collect(),
        );
        let variance = self.of_cell("variance")?.first().copied().unwrap_or(1.0);
        // A series that does not vary has no power, and no share of it.
        let over = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|v| v / variance).collect() };
        let average = self.of_cell("scale_average")?;
        let average_title = match self.dataset.variable("scale_average") {
            Ok(average) => label(&average.variable),
            Err(_) => String::new(),
        };
        Ok(ScalogramPanel {
            title: label(variable),
            units: variable.units().unwrap_or_default().to_owned(),
            period_units: self.period_units()?,
            x,
            periods: self.values(PERIOD)?,
            values: over(self.of_cell("power")?),
            significance: over(self.of_cell("significance")?),
            cone: self.values("cone_of_influence")?,
            global: over(self.of_cell("global_power")?),
            global_significance: over(self.of_cell("global_significance")?),
            background: over(self.of_cell("background")?),
            level: self.first_level()?,
            average,
            average_significance: self.of_cell("scale_average_significance")?.first().copied(),
            average_title,
        })
    }

    /// The mean over time, where there is nothing else.
    fn global_alone(&self) -> Result<Panel> {
        let variable = &self.dataset.variable("global_power")?.variable;
        let mut curves = Vec::new();
        for (variable, name, kind) in [
            ("global_power", "power".to_owned(), CurveKind::Main),
            ("background", "red noise".to_owned(), CurveKind::Reference),
            ("global_significance", self.first_level()?, CurveKind::Level(0)),
        ] {
            let y = self.of_cell(variable)?;
            curves.extend((!y.is_empty()).then_some(Curve { name, y, kind }));
        }
        let scaled = |v: &f64| if self.choices.linear() { *v } else { v.log10() };
        let range = extremes(curves.iter().flat_map(|c| &c.y).map(scaled)).filter(|(low, high)| high > low);
        Ok(Panel::Curves(CurvesPanel {
            title: label(variable),
            xlabel: format!("Period ({})", self.period_units()?),
            ylabel: text::units(variable.units().unwrap_or_default()),
            x: self.values(PERIOD)?,
            x_is_log: !self.choices.linear(),
            y_is_log: !self.choices.linear(),
            // Red noise rises towards the corner of the legend: room for that.
            y_range: range.map(|(low, high)| (low - 0.05 * (high - low), high + 0.25 * (high - low))),
            wavelength: None,
            curves,
        }))
    }
}
