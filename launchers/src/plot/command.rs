//! `halocline plot`: finds out what a file holds and describes a picture of it.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::choices::Choices;
use super::section::{handy, levels_of};
use super::transport::Part;
use super::wheeler_kiladis::{parse_depths, Depths, DEPTHS};
use super::{render, text, Figure, Format, MapPanel, Panel, ScreePanel, SeriesPanel};
use crate::common::{check_output, Verbosity};
use crate::spectrum::parse_at;
use halocline_core::calendar::{DateTime, TimeAxis};
use halocline_core::comm::Comm;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use std::path::{Path, PathBuf};

/// Draws results: maps with coastlines, series, explained variances; PNG or SVG.
///
/// An EOF file becomes one picture of a mode: its map, its principal component and the variance
/// of all modes with North's error bars. With --var any variable is drawn: a map, or a series
/// over time or mode. A file of spectra becomes their curves, with background and significance, or
/// coherence and phase, one of wavelet power a scalogram; of many cells, those at a place (--at), or a map
/// at a frequency (--frequency).
/// Of spectra over wave number and frequency, the symmetric and the antisymmetric part of the ratio
/// to the background, or of the coherence, with the dispersion curves of equatorial waves (--var
/// log_power, power, background, …: of others). Spectra in space are drawn of one
/// time (--step): over wave number, of many latitudes as an image, or over degrees of
/// spherical harmonics. Of a transport, sections over latitude and levels, or profiles over latitude
/// with their parts; of several basins, or of sections with maps of their paths, up to four.
#[derive(Debug, clap::Args)]
pub(crate) struct PlotArgs {
    /// The NetCDF file
    #[arg(value_name = "OUT.nc")]
    input: String,
    /// The variable to draw [default: the modes of an EOF file, else the only data variable]
    #[arg(long, value_name = "NAME")]
    var: Option<String>,
    /// The mode to draw, from 1
    #[arg(long, default_value_t = 1, value_name = "K")]
    pub(super) mode: usize,
    /// The time step to draw of a map that has times, from 1
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) step: usize,
    /// What is drawn of a dimension that a picture has no place for, as lag=3 or lev=500: the nearest
    /// value of its coordinate, or the number from 1 where it has none; may be repeated
    #[arg(long, value_name = "DIM=VALUE", allow_hyphen_values = true, value_parser = parse_select)]
    pub(super) select: Vec<(String, f64)>,
    /// The place whose spectra are drawn, of a file that has those of many cells: the nearest cell
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true, value_parser = parse_at)]
    pub(super) at: Option<[f64; 2]>,
    /// The frequency of which maps are drawn, of a file that has the spectra of many cells, in its
    /// units: the nearest
    #[arg(long, value_name = "F", conflicts_with = "at")]
    pub(super) frequency: Option<f64>,
    /// Equivalent depths of the equatorial waves that are drawn on spectra over wave number and
    /// frequency, in metres
    #[arg(long, value_name = "M,…|none", default_value = DEPTHS, value_parser = parse_depths)]
    pub(super) depths: Depths,
    /// Draw power spectra, or pressures of sections, on linear axes
    #[arg(long)]
    pub(super) linear: bool,
    /// The title [default: from the file]
    #[arg(long)]
    title: Option<String>,
    /// Width and height in pixels
    #[arg(long, default_value = "1600x1200", value_name = "WxH", value_parser = parse_size)]
    size: (u32, u32),
    /// The picture to write; its ending decides: .png or .svg
    #[arg(long, short, value_name = "X.png")]
    output: PathBuf,
}

fn parse_size(text: &str) -> std::result::Result<(u32, u32), String> {
    text.split_once(['x', 'X'])
        .and_then(|(w, h)| Some((w.trim().parse().ok()?, h.trim().parse().ok()?)))
        .ok_or_else(|| "write it as 1600x1200".to_owned())
}

fn parse_select(text: &str) -> std::result::Result<(String, f64), String> {
    text.split_once('=')
        .and_then(|(dim, value)| Some((dim.trim().to_owned(), value.trim().parse().ok()?)))
        .filter(|(dim, value): &(String, f64)| !dim.is_empty() && value.is_finite())
        .ok_or_else(|| "write it as lag=3".to_owned())
}

impl PlotArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        format_of(&self.output).map(drop)
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this; one draws.
pub(crate) fn run(comm: &Comm, args: &PlotArgs, verbosity: Verbosity) -> Result<()> {
    comm.on_root(|| {
        let format = format_of(&args.output)?;
        check_output(&Comm::serial(), &args.output, &[PathBuf::from(&args.input)])?;
        let alone = Comm::serial();
        let dataset = halocline_io::open(&alone, std::slice::from_ref(&args.input))?;
        let choices = Choices::new(args);
        let picture = Picture { dataset: &dataset, args, choices: &choices, part: None };
        let drawn = picture.figure().and_then(|figure| choices.check().map(|()| figure));
        let mut figure = drawn.map_err(|e| e.in_file(&args.input))?;
        if let Some(title) = &args.title {
            figure.title.clone_from(title);
        }
        let bytes = render(&figure, format, args.size)?;
        write_beside(&args.output, &bytes)
    })?;
    verbosity.say(comm, || format!("wrote {}", args.output.display()));
    Ok(())
}

/// Draws a figure into a file, whose ending decides its format.
pub(crate) fn write_figure(figure: &Figure, path: &Path, size: (u32, u32)) -> Result<()> {
    write_beside(path, &render(figure, format_of(path)?, size)?)
}

fn format_of(path: &Path) -> Result<Format> {
    match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("png") => Ok(Format::Png),
        Some("svg") => Ok(Format::Svg),
        _ => Err(Error::usage("the ending of a picture decides its format")
            .in_file(path)
            .remedy("name it .png or .svg")),
    }
}

/// Writes a file under another name first, so that no half of it is ever seen.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let beside = path.with_file_name(format!(".{name}.halocline-tmp-{}", std::process::id()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        Error::system(format!("can't be written: {e}")).in_file(path)
    })
}

pub(super) struct Picture<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) args: &'a PlotArgs,
    pub(super) choices: &'a Choices<'a>,
    /// What is drawn of a variable that has parts.
    pub(super) part: Option<Part>,
}

impl Picture<'_> {
    pub(super) fn figure(&self) -> Result<Figure> {
        let dims = self.dataset.dims();
        if let Some((name, _)) =
            self.args.select.iter().find(|(name, _)| dims.iter().all(|d| d.name != *name))
        {
            let all: Vec<&str> = dims.iter().map(|d| d.name.as_str()).collect();
            return Err(Error::usage(format!("there is no dimension `{name}` to --select along"))
                .remedy(format!("choose one of {}", all.join(", "))));
        }
        if let Some(figure) = self.of_space_time(self.args.var.as_deref())? {
            return Ok(figure);
        }
        // Before transports: members are no basins.
        let space = if self.args.var.is_none() { self.of_space()? } else { None };
        if let Some(figure) = space {
            return Ok(figure);
        }
        if let Some(figure) = self.of_transport(self.args.var.as_deref())? {
            return Ok(figure);
        }
        if let Some(name) = &self.args.var {
            return self.of_variable(name);
        }
        if self.args.frequency.is_some() {
            return self.of_frequency();
        }
        let has = |name: &str| self.dataset.variable(name).is_ok();
        if ["eof", "pc", "eigenvalue", "variance_fraction"].into_iter().all(has) {
            return self.of_eof();
        }
        if let Some(figure) = self.of_wavelets()? {
            return Ok(figure);
        }
        if let Some(figure) = self.of_degrees()? {
            return Ok(figure);
        }
        if let Some(figure) = self.of_spectra()? {
            return Ok(figure);
        }
        let data: Vec<&str> = self.dataset.data_variables().map(|v| v.variable.name.as_str()).collect();
        match data.as_slice() {
            [one] => self.of_variable(one),
            // The first is what a transport is about.
            [first, ..] if self.dataset.attributes().text("halocline_transport_options").is_some() => {
                self.of_variable(first)
            }
            [] => Err(Error::usage("there is no data variable to draw")),
            many => Err(Error::usage(format!("there are {} variables to draw", many.len()))
                .remedy(format!("choose one with --var: {}", many.join(", ")))),
        }
    }

    /// Map, principal component and variances of a mode.
    fn of_eof(&self) -> Result<Figure> {
        let percent: Vec<f64> = self.values("variance_fraction")?.iter().map(|f| 100.0 * f).collect();
        let k = self.mode_of(percent.len())?;
        let eigenvalues = self.values("eigenvalue")?;
        let error = match self.dataset.variable("north_error") {
            Ok(_) => self
                .values("north_error")?
                .iter()
                .zip(&eigenvalues)
                .zip(&percent)
                .map(|((error, value), percent)| error / value * percent)
                .collect(),
            Err(_) => Vec::new(),
        };
        let variable = |name: &str| self.dataset.variable(name).map(|v| v.variable.clone());
        let mut map = self.map(&variable("eof")?)?;
        map.title = format!("EOF {}", k + 1);
        let mut series = self.series(&variable("pc")?)?;
        series.title = format!("Principal component {}", k + 1);
        let share = format!("mode {}, {:.1} % of the variance", k + 1, percent[k]);
        let title =
            self.dataset.attributes().text("title").unwrap_or("Empirical orthogonal functions").to_owned();
        let mut subtitle = vec![share];
        subtitle.extend(self.dataset.attributes().text("input_title").map(str::to_owned));
        subtitle.extend(self.period());
        let scree = ScreePanel { title: "Explained variance".into(), percent, error, highlight: Some(k) };
        Ok(Figure {
            title,
            subtitle: subtitle.join("  ·  "),
            panels: vec![Panel::Map(map), Panel::Series(series), Panel::Scree(scree)],
        })
    }

    /// From when to when, where the file says.
    fn period(&self) -> Option<String> {
        let time = self.dataset.time().filter(|t| t.values.len() > 1)?;
        let month = |d: DateTime| d.date_string()[..].rsplit_once('-').map(|(m, _)| m.to_owned());
        Some(format!("{} to {}", month(time.datetime(0))?, month(time.datetime(time.values.len() - 1))?))
    }

    fn of_variable(&self, name: &str) -> Result<Figure> {
        let variable = self.dataset.variable(name)?.variable.clone();
        if !variable.dtype.is_numeric() {
            return Err(Error::usage("is not numeric and can't be drawn").in_variable(name));
        }
        // One place is no map.
        let space = variable.dims.iter().filter(|d| matches!(d.role, Role::Y | Role::X) && d.len > 1).count();
        let mut subtitle = String::new();
        let panel = if let Some(panel) = self.of_plane(&variable)? {
            panel
        } else if let Some(panel) = self.of_latitudes(&variable)? {
            panel
        } else if space == 0 {
            Panel::Series(self.series(&variable)?)
        } else {
            let (map, at) = self.map_at(&variable)?;
            subtitle = at.join("  ·  ");
            Panel::Map(map)
        };
        let title = self.dataset.attributes().text("title").unwrap_or(name).to_owned();
        Ok(Figure { title, subtitle, panels: vec![panel] })
    }

    fn mode_of(&self, modes: usize) -> Result<usize> {
        let mode = self.choices.mode();
        if mode == 0 || mode > modes {
            return Err(Error::usage(format!("there is no mode {mode}"))
                .remedy(format!("choose --mode between 1 and {modes}")));
        }
        Ok(mode - 1)
    }

    /// All values of a small variable.
    pub(super) fn values(&self, name: &str) -> Result<Vec<f64>> {
        let shape = self.dataset.variable(name)?.variable.shape();
        Ok(self.dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
    }

    /// The number of the chosen step of so many, and its date.
    pub(super) fn step(&self, steps: usize) -> Result<(usize, String)> {
        let n = self.choices.step();
        if n == 0 || n > steps {
            return Err(Error::usage(format!("there is no time step {n}"))
                .remedy(format!("choose --step between 1 and {steps}")));
        }
        let date = match self.dataset.time().filter(|t| t.values.len() == steps) {
            Some(time) => time.datetime(n - 1).date_string(),
            None => format!("step {n}"),
        };
        Ok((n - 1, date))
    }

    /// Whether `--select` names a dimension.
    pub(super) fn is_selected(&self, dim: &Dim) -> bool {
        self.args.select.iter().any(|(name, _)| *name == dim.name)
    }
    /// The index along a dimension that `--select` names, and the value there.
    pub(super) fn selected(&self, variable: &Variable, dim: &Dim) -> Result<Option<(usize, f64)>> {
        let Some(wanted) = self.choices.select(&dim.name) else { return Ok(None) };
        let coordinate = self.dataset.variable(&dim.name).ok().filter(|c| c.variable.dtype.is_numeric());
        let values = match coordinate {
            Some(_) => self.values(&dim.name)?,
            None => (1..=dim.len).map(|k| k as f64).collect(),
        };
        let ends = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        if !(ends.0..=ends.1).contains(&wanted) {
            return Err(Error::usage(format!("`{}` has no {wanted}", dim.name))
                .in_variable(&variable.name)
                .remedy(format!("choose --select {}=… from {} to {}", dim.name, ends.0, ends.1)));
        }
        let k = (0..values.len())
            .min_by(|&a, &b| (values[a] - wanted).abs().total_cmp(&(values[b] - wanted).abs()));
        Ok(k.map(|k| (k, values[k])))
    }

    /// The level of a variable that has one, in words.
    fn only_level(&self, dim: &Dim) -> Option<String> {
        self.dataset.variable(&dim.name).ok().filter(|_| dim.role == Role::Level)?;
        self.values(&dim.name).ok()?.first().map(|value| self.in_words(dim, *value))
    }

    /// A place along a dimension, as in `plev 85000 Pa`.
    fn in_words(&self, dim: &Dim, value: f64) -> String {
        let units = self.dataset.variable(&dim.name).ok().and_then(|c| c.variable.units().map(str::to_owned));
        let units = units.filter(|units| units != "1").unwrap_or_default();
        format!("{} {} {units}", dim.name, text::significant(value)).trim_end().to_owned()
    }

    /// The part of a variable that the chosen mode and step leave: dimensions of `keep` whole.
    pub(super) fn slice(
        &self,
        variable: &Variable,
        keep: impl Fn(Role) -> bool,
    ) -> Result<(Vec<f64>, Vec<String>)> {
        let mut at = Vec::new();
        let mut ranges = Vec::new();
        for dim in &variable.dims {
            ranges.push(if keep(dim.role) {
                0..dim.len
            } else if dim.name == "mode" || dim.role == Role::Mode {
                let k = self.mode_of(dim.len)?;
                at.push(format!("mode {}", k + 1));
                k..k + 1
            } else if let Some(part) = self.part.as_ref().filter(|part| part.dim == dim.name) {
                part.k..part.k + 1
            } else if let Some(k) = self.selected(variable, dim)? {
                at.push(self.in_words(dim, k.1));
                k.0..k.0 + 1
            } else if dim.len == 1 {
                at.extend(self.only_level(dim));
                0..1
            } else if dim.name == "confidence" {
                at.extend(self.values("confidence")?.first().map(|level| format!("confidence {level}")));
                0..1
            } else if dim.name == "frequency" {
                let k = self.frequency().map_err(|e| e.in_variable(&variable.name))?;
                at.push(self.frequency_in_words(k)?);
                k..k + 1
            } else if dim.role == Role::Time {
                let (n, date) = self.step(dim.len).map_err(|e| e.in_variable(&variable.name))?;
                at.push(date);
                n..n + 1
            } else {
                return Err(Error::usage(format!(
                    "has a dimension `{}` that a picture has no place for",
                    dim.name
                ))
                .in_variable(&variable.name)
                .remedy(format!("choose one of its {} with --select {}=VALUE", dim.len, dim.name)));
            });
        }
        Ok((self.dataset.read(&variable.name, &IndexBox::new(ranges))?.to_f64(), at))
    }

    pub(super) fn map(&self, variable: &Variable) -> Result<MapPanel> {
        Ok(self.map_at(variable)?.0)
    }

    /// A map, and in words what of the variable's other dimensions it is at.
    pub(super) fn map_at(&self, variable: &Variable) -> Result<(MapPanel, Vec<String>)> {
        let grid: Grid = self.dataset.grid(&variable.name)?;
        let (values, at) = self.slice(variable, |role| matches!(role, Role::Y | Role::X))?;
        let shape = grid.shape();
        let &[ny, nx] = shape.as_slice() else {
            let dims: Vec<&str> = variable.dims.iter().map(|d| d.name.as_str()).collect();
            return Err(Error::usage(format!(
                "is no map of rows and columns: its dimensions are {}",
                dims.join(", ")
            ))
            .in_variable(&variable.name)
            .remedy("leave --var out, where the file has a picture of its own, or bring it to a grid of rows and columns first"));
        };
        let shape = (ny, nx);
        let unitless = variable.units().is_none_or(|u| u == "1");
        let standard = variable.attributes.text("standard_name").unwrap_or_default();
        let contours = if standard.ends_with("streamfunction") { levels_of(&values).0 } else { Vec::new() };
        let map = MapPanel {
            title: label(variable),
            units: if unitless { String::new() } else { variable.units().unwrap_or_default().to_owned() },
            lat: grid.latitudes().unwrap_or_default(),
            lon: grid.longitudes().unwrap_or_default(),
            values,
            shape,
            rectilinear: grid.kind == GridKind::Rectilinear,
            diverging: (variable.name == "eof").then_some(true),
            contours,
            ..MapPanel::default()
        };
        Ok((map, at))
    }

    pub(super) fn series(&self, variable: &Variable) -> Result<SeriesPanel> {
        let along = variable.dims.iter().find(|d| d.role == Role::Time).or_else(|| variable.dims.first());
        let Some(along) = along.cloned() else {
            return Err(Error::usage("is a single number")
                .in_variable(&variable.name)
                .remedy("use halocline info"));
        };
        let (mut y, at) = self.slice(variable, |role| role == along.role)?;
        let time = self.dataset.time().filter(|t| along.role == Role::Time && t.values.len() == along.len);
        let x = match time {
            Some(time) => (0..along.len).map(|i| decimal_year(time, i)).collect(),
            None => (1..=along.len).map(|i| i as f64).collect(),
        };
        let (factor, units) = handy(variable.units().unwrap_or_default(), y.iter());
        y.iter_mut().for_each(|y| *y *= factor);
        Ok(SeriesPanel {
            title: std::iter::once(label(variable)).chain(at).collect::<Vec<_>>().join(", "),
            ylabel: Some(units).filter(|u| u != "1").unwrap_or_default(),
            x_is_date: time.is_some(),
            x,
            zero_line: variable.name == "pc",
            y,
            xlabel: if time.is_some() { String::new() } else { along.name.clone() },
        })
    }
}

/// What a variable is, for a headline.
pub(super) fn label(variable: &Variable) -> String {
    let text = |name| variable.attributes.text(name).filter(|t| !t.is_empty());
    text("long_name").or_else(|| text("standard_name")).unwrap_or(&variable.name).to_owned()
}

/// A date as a number of years.
pub(super) fn decimal_year(time: &TimeAxis, i: usize) -> f64 {
    let date = time.datetime(i);
    let calendar = time.calendar;
    let days = |month: u8| f64::from(calendar.days_in_month(date.year, month));
    let before: f64 = (1..date.month).map(days).sum();
    let whole: f64 = (1..=12).map(days).sum();
    let hours = f64::from(date.hour) + f64::from(date.minute) / 60.0;
    date.year as f64 + (before + f64::from(date.day) - 1.0 + hours / 24.0) / whole.max(1.0)
}
