//! Pictures of spectra in space: over isotropic or zonal wave number, over latitude, over frequency.

use super::command::{label, Picture};
use super::{text, Curve, CurveKind, CurvesPanel, Figure, ImagePanel, Panel};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};

const WAVENUMBER: &str = "wavenumber";
const FREQUENCY: &str = "frequency";
/// Wave numbers of planes, as the file's dimensions.
const PLANE: [&str; 2] = ["wavenumber_y", "wavenumber_x"];
/// What pictures are over.
const KEPT: [&str; 4] = [WAVENUMBER, FREQUENCY, PLANE[0], PLANE[1]];
/// A smaller share of the largest power is rounding.
const ROUNDING: f64 = 1e-20;
/// How far above the spectrum a slope is drawn.
const ABOVE: f64 = 4.0;
/// The wave number that pictures over frequency end at, if hardly any power is beyond: that is noise as a
/// rule.
const WAVES: f64 = 20.0;
/// The share of the power that may be beyond.
const BEYOND: f64 = 1e-3;

impl Picture<'_> {
    /// The picture of a file of spectra in space; `None` if it is none.
    pub(super) fn of_space(&self) -> Result<Option<Figure>> {
        let Ok(stored) = self.dataset.variable("power") else { return Ok(None) };
        let variable = stored.variable.clone();
        let is_one = variable.dims.last().is_some_and(|d| d.name == WAVENUMBER);
        if is_one && variable.dims.last().is_some_and(|d| d.len == 1) {
            return Err(Error::usage("has one wave number only, which is no spectrum to draw")
                .in_variable("power")
                .remedy("make it with more of them, as with a smaller --dk"));
        }
        if !is_one || variable.dims.iter().any(|d| d.len == 0) {
            return Ok(None);
        }
        let has = |name: &str| variable.dims.iter().any(|d| d.name == name);
        let (rows, at) = self.rows(&variable)?;
        let mut title = vec![label(&variable)];
        title.extend(at);
        let title = title.join(", ");
        let panel = if has(FREQUENCY) {
            self.waves(&variable, title, &rows)?
        } else if self.dataset.variable("modes").is_ok() {
            self.isotropic(&variable, title, &rows)?
        } else {
            self.zonal(&variable, title, rows)?
        };
        let attributes = self.dataset.attributes();
        let headline = attributes.text("title").unwrap_or("Spectra").to_owned();
        let options = attributes.text("halocline_spectrum_options").unwrap_or_default();
        let told = [
            "convention=",
            "window=",
            "detrend=",
            "remove-cycle=",
            "average=",
            "segment=",
            "overlap=",
            "lat=",
            "box=",
        ];
        let told: Vec<&str> = options.split("; ").filter(|o| told.iter().any(|t| o.starts_with(t))).collect();
        Ok(Some(Figure { title: headline, subtitle: told.join(", "), panels: vec![panel] }))
    }

    /// The picture of power over a plane of wave numbers; `None` if a variable is none.
    pub(super) fn of_plane(&self, variable: &Variable) -> Result<Option<Panel>> {
        let [.., y, x] = variable.dims.as_slice() else { return Ok(None) };
        if [y.name.as_str(), x.name.as_str()] != PLANE {
            return Ok(None);
        }
        let (rows, at) = self.rows(variable)?;
        let axis = |name: &str| -> Result<String> {
            let about = &self.dataset.variable(name)?.variable;
            let per = about.units().unwrap_or_default().trim_end_matches("-1").to_owned();
            Ok(format!("{} (cycles per {per})", label(about)))
        };
        Ok(Some(Panel::Image(ImagePanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            xlabel: axis(PLANE[1])?,
            ylabel: axis(PLANE[0])?,
            units: format!("log10 {}", text::units(variable.units().unwrap_or_default())),
            values: rows.above_rounding(),
            x: self.values(PLANE[1])?,
            y: self.values(PLANE[0])?,
            x_is_log: false,
        })))
    }

    /// The power at the chosen time; of many latitudes those that are asked for.
    fn rows(&self, variable: &Variable) -> Result<(Rows, Vec<String>)> {
        let (mut ranges, mut at, mut lat) = (Vec::new(), Vec::new(), None);
        for dim in &variable.dims {
            ranges.push(match dim.role {
                _ if KEPT.contains(&dim.name.as_str()) => 0..dim.len,
                _ if self.is_selected(dim) => {
                    let (k, value) = self.selected(variable, dim)?.unwrap_or_default();
                    at.push(format!("{} {value}", dim.name));
                    k..k + 1
                }
                _ if dim.len == 1 => 0..1,
                Role::Y if self.is_latitude(dim) => {
                    lat = Some(dim.name.clone());
                    0..dim.len
                }
                Role::Time => {
                    let (n, date) = self.step(dim.len).map_err(|e| e.in_variable(&variable.name))?;
                    at.push(date);
                    n..n + 1
                }
                _ => {
                    return Err(Error::usage(format!(
                        "has a dimension `{}` that a picture has no place for",
                        dim.name
                    ))
                    .in_variable(&variable.name)
                    .remedy(format!("choose one of its {} with --select {}=VALUE", dim.len, dim.name)))
                }
            });
        }
        let values = self.dataset.read(&variable.name, &IndexBox::new(ranges))?.to_f64();
        let lats = lat.map_or_else(|| Ok(Vec::new()), |lat| self.values(&lat))?;
        let wanted = if lats.is_empty() { None } else { self.choices.at() };
        let Some([_, wanted]) = wanted else { return Ok((Rows { values, lats }, at)) };
        let off = |k: &usize| (lats[*k] - wanted).abs();
        let nearest = (0..lats.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0);
        let each = values.len() / lats.len();
        at.push(format!("latitude {}", text::degrees(lats[nearest])));
        Ok((Rows { values: values[nearest * each..][..each].to_vec(), lats: Vec::new() }, at))
    }

    fn is_latitude(&self, dim: &Dim) -> bool {
        let is_degrees = |c: &Variable| c.units().is_some_and(|units| units.starts_with("degree"));
        dim.name.starts_with("lat") || self.dataset.variable(&dim.name).is_ok_and(|c| is_degrees(&c.variable))
    }

    fn isotropic(&self, variable: &Variable, title: String, rows: &Rows) -> Result<Panel> {
        let about = self.dataset.variable(WAVENUMBER)?.variable.clone();
        let per = about.units().unwrap_or_default().trim_end_matches("-1").to_owned();
        let nyquist = self.dataset.attributes().number("nyquist_wavenumber").unwrap_or(f64::INFINITY);
        let log = !self.choices.linear();
        let mut panel = CurvesPanel {
            title,
            xlabel: format!("Wave number (cycles per {per})"),
            ylabel: text::units(variable.units().unwrap_or_default()),
            x: self.values(WAVENUMBER)?,
            x_is_log: log,
            y_is_log: log,
            wavelength: (log && per == "m").then_some(1e-3),
            ..CurvesPanel::default()
        };
        // Beyond that of Nyquist, rings are no circles any more; of few rings, there may be no others.
        let inside = |k: f64| k > 0.0 && k <= nyquist * (1.0 + 1e-9);
        let is_any = panel.x.iter().any(|k| inside(*k));
        let shown = |k: f64| k > 0.0 && (inside(k) || !is_any);
        // A ring without modes is no gap of the spectrum.
        let (x, y) = panel.x.iter().zip(&rows.values).filter(|(k, p)| shown(**k) && !p.is_nan()).unzip();
        panel.x = x;
        let y: Vec<f64> = y;
        if log {
            let slopes =
                [("slope −5/3", CurveKind::Reference, -5.0 / 3.0), ("slope −3", CurveKind::Level(0), -3.0)];
            for (name, kind, power) in slopes {
                panel.curves.extend(guide(name, kind, power, &panel.x, &y));
            }
        }
        panel.curves.insert(0, Curve { name: "spectrum".into(), y, kind: CurveKind::Main });
        Ok(Panel::Curves(panel))
    }

    fn zonal(&self, variable: &Variable, title: String, rows: Rows) -> Result<Panel> {
        let waves = self.values(WAVENUMBER)?;
        let units = text::units(variable.units().unwrap_or_default());
        let log = !self.choices.linear();
        if rows.lats.is_empty() {
            // Beside the mean, there may be nothing but rounding.
            let (x, y) = (waves[1..].to_vec(), rows.without_rounding().skip(1).collect());
            let curves = vec![Curve { name: "spectrum".into(), y, kind: CurveKind::Main }];
            return Ok(Panel::Curves(CurvesPanel {
                title,
                xlabel: "Zonal wave number".into(),
                ylabel: units,
                x,
                x_is_log: log,
                y_is_log: log,
                curves,
                ..CurvesPanel::default()
            }));
        }
        // Rows at a pole have nothing but rounding: that is no colour.
        let all = rows.above_rounding();
        let values = all.chunks(waves.len()).flat_map(|row| &row[1..]).copied();
        Ok(Panel::Image(ImagePanel {
            title,
            xlabel: "Zonal wave number".into(),
            ylabel: "Latitude (degrees north)".into(),
            units: format!("log10 {units}"),
            values: values.collect(),
            x: waves[1..].to_vec(),
            y: rows.lats,
            x_is_log: log,
        }))
    }

    fn waves(&self, variable: &Variable, title: String, rows: &Rows) -> Result<Panel> {
        if !rows.lats.is_empty() {
            return Err(Error::usage("holds the spectra of many latitudes")
                .in_variable(&variable.name)
                .remedy("choose one with --at LON,LAT"));
        }
        let (waves, frequencies) = (self.values(WAVENUMBER)?, self.values(FREQUENCY)?);
        let about = self.dataset.variable(FREQUENCY)?.variable.clone();
        let period = about.units().unwrap_or_default().trim_end_matches("-1").to_owned();
        let (last, most) =
            (waves.iter().fold(0.0, |a: f64, s| a.max(s.abs())), last_wave(&waves, &rows.values));
        let shown: Vec<usize> = (0..waves.len()).filter(|i| waves[*i].abs() <= most).collect();
        let all = rows.above_rounding();
        let values =
            all.chunks(waves.len()).flat_map(|row| shown.iter().map(|i| row[*i]).collect::<Vec<_>>());
        let cut = if most < last { format!(" (to {most} of {last})") } else { String::new() };
        Ok(Panel::Image(ImagePanel {
            title,
            xlabel: format!("Zonal wave number{cut}: westward below 0, eastward above"),
            ylabel: format!("Frequency (cycles per {period})"),
            units: format!("log10 {}", text::units(variable.units().unwrap_or_default())),
            values: values.collect(),
            x: shown.iter().map(|i| waves[*i]).collect(),
            y: frequencies,
            x_is_log: false,
        }))
    }
}

/// The wave number of either sign up to which all power lies but a thousandth, [`WAVES`] at least.
fn last_wave(waves: &[f64], power: &[f64]) -> f64 {
    let mut of: Vec<(f64, f64)> = waves.iter().map(|s| (s.abs(), 0.0)).collect();
    for row in power.chunks(waves.len().max(1)) {
        of.iter_mut().zip(row).filter(|(_, p)| p.is_finite()).for_each(|((_, sum), p)| *sum += p);
    }
    of.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let all: f64 = of.iter().map(|(_, sum)| sum).sum();
    let mut beyond = 0.0;
    let needed = of.iter().find(|(_, sum)| {
        beyond += sum;
        beyond > BEYOND * all
    });
    needed.map_or(WAVES, |(s, _)| s.max(WAVES))
}

/// Power by latitude, if there are several.
struct Rows {
    values: Vec<f64>,
    lats: Vec<f64>,
}

impl Rows {
    /// NaN instead of what is rounding.
    fn without_rounding(&self) -> impl Iterator<Item = f64> + '_ {
        let largest = self.values.iter().copied().filter(|p| p.is_finite()).fold(0.0, f64::max);
        let is_there = move |p: f64| p > ROUNDING * largest || largest == 0.0;
        self.values.iter().map(move |&p| if is_there(p) { p } else { f64::NAN })
    }

    /// Logarithms of what is no rounding.
    fn above_rounding(&self) -> Vec<f64> {
        self.without_rounding().map(logarithm).collect()
    }
}

/// That of 0 is the infinite one.
fn logarithm(power: f64) -> f64 {
    if power >= 0.0 {
        power.log10()
    } else {
        f64::NAN
    }
}

/// A slope above the spectrum, of which half lies closer.
fn guide(name: &str, kind: CurveKind, power: f64, waves: &[f64], spectrum: &[f64]) -> Option<Curve> {
    let rounding = ROUNDING.sqrt() * spectrum.iter().copied().fold(0.0, f64::max);
    let there = waves.iter().zip(spectrum).filter(|(k, p)| **k > 0.0 && **p > rounding);
    let mut ratios: Vec<f64> = there.map(|(k, p)| p / k.powf(power)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let height = ABOVE * ratios.get(ratios.len() / 2).filter(|_| ratios.len() > 8)?;
    let at = |(k, p): (&f64, &f64)| if *k > 0.0 && p.is_finite() { height * k.powf(power) } else { f64::NAN };
    Some(Curve { name: name.to_owned(), y: waves.iter().zip(spectrum).map(at).collect(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_shown_as_far_as_there_is_power() {
        let waves: Vec<f64> = (-40..=40).map(f64::from).collect();
        let of = |peak: f64, share: f64| -> Vec<f64> {
            let at = |s: &f64| if s.abs() == peak { share } else { f64::from(s.abs() < 2.0) };
            waves.iter().map(at).collect()
        };
        assert_eq!(last_wave(&waves, &of(30.0, 1.0)), 30.0);
        assert_eq!(last_wave(&waves, &[of(1.0, 1.0), of(35.0, 1.0)].concat()), 35.0);
        assert_eq!(last_wave(&waves, &of(30.0, 1e-6)), WAVES);
        assert_eq!(last_wave(&waves, &of(3.0, 1.0)), WAVES);
        assert_eq!(last_wave(&waves, &vec![0.0; waves.len()]), WAVES);
        assert_eq!(last_wave(&waves, &vec![f64::NAN; waves.len()]), WAVES);
    }
}
