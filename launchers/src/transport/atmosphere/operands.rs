//! Variables of one or several sets of files, read in lockstep.

use super::onto::{all_reach, reached, Onto};
use super::options::Common;
use super::pressure::{levels_of, Wanted};
use super::streams::Part;
use super::surface::surface;
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::check_together;
use crate::step::Alone;
use crate::vertical::hybrid::{self, Given, Hybrid};
use halocline_algorithms::transport::atmosphere::{Layers, Levels};
use halocline_core::grid::{unwrap, GridKind};
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::ops::Range;
use std::path::PathBuf;

/// Variables on the same pressure or hybrid levels of a latitude-longitude grid.
pub(super) struct Operands {
    pub(super) datasets: Vec<Dataset>,
    pub(super) sources: Vec<Source>,
    pub(super) surface: Option<Source>,
    /// Of hybrid levels over a surface of 10⁵ Pa.
    pub(super) levels: Levels,
    /// What of the column levels stand for, where the surface pressure is known.
    pub(super) layers: Option<Layers>,
    hybrid: Option<Hybrid>,
    /// How columns of hybrid levels are brought to `levels`, if they are.
    pub(super) onto: Option<Onto>,
    pub(super) latitudes: Vec<f64>,
    pub(super) longitudes: Vec<f64>,
}

/// What is looked for, and how the user called it; whether it may be absent.
pub(super) struct Asked<'a> {
    pub(super) wanted: Wanted,
    pub(super) name: Option<&'a str>,
    pub(super) is_optional: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn new(wanted: Wanted, name: Option<&'a String>) -> Self {
        Self { wanted, name: name.map(String::as_str), is_optional: false }
    }
}

impl Operands {
    /// Opens what is asked for; gives the place of each among the sources, `None` if it is absent.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(
        job: &FoldJob<'_>,
        common: &Common,
        asked: &[Asked<'_>],
    ) -> Result<(Self, Vec<Option<usize>>)> {
        Self::with(job, common, asked, true)
    }

    /// As [`Self::open`], for values at levels alone: nobody asks where layers end.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn without_layers(
        job: &FoldJob<'_>,
        common: &Common,
        asked: &[Asked<'_>],
    ) -> Result<(Self, Vec<Option<usize>>)> {
        Self::with(job, common, asked, false)
    }

    fn with(
        job: &FoldJob<'_>,
        common: &Common,
        asked: &[Asked<'_>],
        wants_layers: bool,
    ) -> Result<(Self, Vec<Option<usize>>)> {
        let datasets = common.input.open_groups(job.comm, job.verbosity)?;
        let selection = common.selection.of_all_levels(common.input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        let mut places = Vec::new();
        let mut home = 0;
        for one in asked {
            match find(&datasets, one)? {
                None => places.push(None),
                Some((k, name)) => {
                    let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &name);
                    let source = source(job, &datasets[k], &name, &selection).map_err(blame)?;
                    let quantity = one.wanted.quantity();
                    quantity.check(source.variable()).map_err(blame)?;
                    if let Some(note) = quantity.assumed(source.variable()) {
                        job.verbosity.say(job.comm, || format!("note: {note}"));
                    }
                    match sources.first() {
                        Some(first) => check_together(first, &source).map_err(blame)?,
                        None => home = k,
                    }
                    places.push(Some(sources.len()));
                    sources.push(source);
                }
            }
        }
        let first = sources.first().ok_or_else(|| Error::internal("nothing is asked for"))?;
        let file = first.files().first().map(|f| PathBuf::from(&f.path));
        let blame = |e| folding::blame(e, file.as_ref(), &first.variable().name);
        if selection.level.is_some() {
            return Err(blame(
                Error::usage("has only one level left with --level")
                    .remedy("choose two levels at least, as --level A/B, or leave it out"),
            ));
        }
        let (latitudes, longitudes) = grid(first).map_err(blame)?;
        let given = common.given(selection.levels.is_some(), wants_layers);
        let hybrid = hybrid_levels(job, common, given, (&datasets[home], first)).map_err(blame)?;
        let pressure = match &hybrid {
            Some(hybrid) => hybrid.levels.iter().map(|[a, b]| a + 1e5 * b).collect(),
            None => levels_of(first.variable(), first.levels()).map_err(blame)?,
        };
        let levels = Levels::new(&pressure).map_err(blame)?;
        let told = common.ps.as_deref().or(hybrid.as_ref().map(|h| h.surface.as_str()));
        let surface = surface(job, told, &datasets, &selection, first)?;
        let layers = match (&hybrid, &surface) {
            (Some(hybrid), Some(_)) => Some(Layers::of_hybrid(&hybrid.edges)),
            (Some(_), None) => {
                return Err(blame(
                    Error::data("has hybrid levels, which need a surface pressure")
                        .remedy("name it with --ps"),
                ))
            }
            (None, surface) => surface.as_ref().map(|_| Layers::of_pressure(&levels)),
        };
        if surface.is_none() && common.ps.is_none() {
            job.verbosity.say(job.comm, || {
                "note: no surface pressure is there; every level counts as above the ground unless its value is missing, and columns end at the lowest level".to_owned()
            });
        }
        let onto = None;
        let all = Self { datasets, sources, surface, levels, layers, hybrid, onto, latitudes, longitudes };
        Ok((all, places))
    }

    /// Has columns of hybrid levels brought to these pressures as they are read; without any, to those of
    /// the levels over a surface of 10⁵ Pa that all columns reach. Other levels stay as they are. Gives a
    /// note of what lies above columns.
    ///
    /// # Errors
    /// Usage, if pressures are told and levels are no hybrid ones, or end below them; data, if they make
    /// no levels.
    pub(super) fn bring_to(&mut self, pressures: Option<Vec<f64>>) -> Result<Option<String>> {
        let Some(hybrid) = self.hybrid.take() else {
            return match pressures {
                None => Ok(None),
                Some(_) => Err(Error::usage("--to is for hybrid levels")
                    .remedy("leave it out: results are on the levels of the input")),
            };
        };
        if pressures.as_ref().is_some_and(|p| p.len() < 2) {
            return Err(
                Error::usage("--to has one pressure").remedy("give several: slopes between them are needed")
            );
        }
        let (pressures, note) = match pressures {
            Some(told) => reached(&hybrid.levels, told)?,
            None => all_reach(&hybrid.levels, self.levels.pressure()).map_err(|e| self.blame(e))?,
        };
        self.levels = Levels::new(&pressures).map_err(|e| self.blame(e))?;
        self.layers = None;
        self.onto = Some(Onto { hybrid, pressures });
        Ok(note)
    }

    /// Refuses longitudes that are no whole circle, for what is an integral along it. A single column
    /// stands for its mean.
    pub(super) fn check_circle(&self) -> Result<()> {
        let grid = self.first().grid();
        let cut = grid.edges.as_ref().map(|edges| edges.lon.iter().map(|e| (e[1] - e[0]).abs()).sum());
        around(&self.longitudes, cut).map_err(|e| self.blame(e))
    }

    /// Refuses columns that are there twice, for what is a mean along circles.
    pub(super) fn check_once(&self) -> Result<()> {
        let name = self.first().grid().lon.as_ref().map_or("", |lon| &lon.variable.name);
        check_once(&self.longitudes, name).map_err(|e| self.blame(e))
    }

    pub(super) fn first(&self) -> &Source {
        &self.sources[0]
    }
    /// All that is read.
    pub(super) fn all(&self) -> Vec<&Source> {
        self.sources.iter().chain(&self.surface).collect()
    }
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.datasets.iter().flat_map(paths).collect()
    }
    pub(super) fn blame(&self, e: Error) -> Error {
        let name = e.variable.clone().unwrap_or_else(|| self.first().variable().name.clone());
        let of = self.sources.iter().find(|s| s.variable().name == name).unwrap_or_else(|| self.first());
        let file = of.files().first().map(|f| PathBuf::from(&f.path));
        folding::blame(e, file.as_ref(), &name)
    }
    pub(super) fn alone(&self) -> Vec<Alone> {
        let of = |source: &&Source| Alone {
            what: format!("all of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.all().iter().map(of).collect()
    }
    pub(super) fn times(&self) -> usize {
        self.first().time().len()
    }
    /// Levels times latitudes.
    pub(super) fn section(&self) -> usize {
        self.levels.len() * self.latitudes.len()
    }
    /// The level's coordinate.
    pub(super) fn level(&self) -> Result<&Coordinate> {
        let dim = self.first().variable().dims.iter().find(|d| d.role == Role::Level);
        let of = |c: &&Coordinate| {
            dim.is_some_and(|d| c.variable.name == d.name || c.variable.dims[0].name == d.name)
        };
        self.first().levels().iter().find(of).ok_or_else(|| Error::internal("levels without a coordinate"))
    }
    /// Whether levels follow the ground.
    pub(super) fn are_hybrid(&self) -> bool {
        self.layers.as_ref().is_some_and(Layers::are_hybrid)
    }
    /// Some of the times.
    pub(super) fn between(&self, steps: &Range<usize>) -> Result<Part> {
        let cut = |source: &Source| source.between(steps.clone());
        Ok(Part {
            sources: self.sources.iter().map(cut).collect::<Result<_>>()?,
            surface: self.surface.as_ref().map(cut).transpose()?,
        })
    }
}

/// The hybrid levels of a variable; `None` if its levels are pressures.
fn hybrid_levels(
    job: &FoldJob<'_>,
    common: &Common,
    given: Given<'_>,
    (dataset, first): (&Dataset, &Source),
) -> Result<Option<Hybrid>> {
    let level = hybrid::coordinate(first.variable(), first.levels());
    let count = first.variable().dims.iter().find(|d| d.role == Role::Level).map_or(0, |d| d.len);
    let found = hybrid::find(job.comm, given, dataset, (level, count))?;
    let Some(hybrid) = &found else { return Ok(None) };
    if common.ps.as_deref() == Some("none") {
        return Err(Error::usage("--ps none is not for hybrid levels, whose pressure follows from it"));
    }
    let in_the_middle = hybrid.levels.windows(2).zip(&hybrid.edges[1..]).all(|(pair, edge)| {
        (0..2).all(|c| (0.5 * (pair[0][c] + pair[1][c]) - edge[c]).abs() <= 1e-12 * edge[c].abs())
    });
    if in_the_middle && given.wants_edges {
        job.verbosity.say(job.comm, || {
            "note: no half levels are told of; layers meet in the middle between hybrid levels".to_owned()
        });
    }
    Ok(found)
}

pub(super) fn source(
    job: &FoldJob<'_>,
    dataset: &Dataset,
    name: &str,
    selection: &Selection,
) -> Result<Source> {
    let source = dataset.source(job.comm, name, selection)?;
    folding::check_is_data(name, &source)?;
    Ok(source)
}

/// Which data set has it, under which name.
pub(super) fn find(datasets: &[Dataset], asked: &Asked<'_>) -> Result<Option<(usize, String)>> {
    if let Some(name) = asked.name {
        let there = datasets.iter().position(|d| d.variable(name).is_ok());
        return match (there, datasets) {
            (Some(k), _) => Ok(Some((k, name.to_owned()))),
            // For the message, which tells what there is.
            (None, [only]) => only.variable(name).map(|_| None),
            (None, _) => Err(Error::data(format!("no file has a variable `{name}`"))
                .remedy(format!("name another with --{}", asked.wanted.option))),
        };
    }
    match asked.wanted.find(datasets)? {
        None if !asked.is_optional => {
            let wanted = &asked.wanted;
            let error = Error::data(format!(
                "no variable with levels has the standard name {} or is called {}",
                wanted.standard.join(" or "),
                wanted.names.join(" or ")
            ))
            .remedy(format!("add the files that hold it, or name it with --{}", wanted.option));
            Err(match datasets.first().and_then(|d| d.files().first()) {
                Some(file) => error.in_file(&file.path),
                None => error,
            })
        }
        found => Ok(found),
    }
}

/// Latitudes and longitudes of a grid of rows.
fn grid(source: &Source) -> Result<(Vec<f64>, Vec<f64>)> {
    let (dims, grid) = (&source.variable().dims, source.grid());
    let roles: Vec<Role> = dims.iter().map(|d| d.role).collect();
    let is_volume = roles == [Role::Time, Role::Level, Role::Y, Role::X];
    match (&grid.lat, &grid.lon) {
        (Some(lat), Some(lon)) if is_volume && grid.kind == GridKind::Rectilinear => {
            Ok((lat.values.to_f64(), lon.values.to_f64()))
        }
        _ => Err(Error::data("is not on times, levels, latitudes and longitudes, in this order")
            .remedy("regrid it to latitudes and longitudes first, and keep all its levels")),
    }
}

/// Refuses columns that are there twice: means along circles would count them twice.
fn check_once(longitudes: &[f64], name: &str) -> Result<()> {
    let mut around: Vec<f64> = longitudes.iter().map(|l| l.rem_euclid(360.0)).collect();
    around.sort_by(f64::total_cmp);
    let steps = || around.windows(2).map(|w| w[1] - w[0]);
    let over = around.first().zip(around.last()).map_or(360.0, |(first, last)| first + 360.0 - last);
    // What rounding of coordinates makes of the same place, beside the step of most columns.
    let mut sorted: Vec<f64> = steps().collect();
    sorted.sort_by(f64::total_cmp);
    let least = 1e-2 * sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let twice = around.iter().zip(steps().chain([over])).find(|(_, step)| *step <= least);
    match twice.filter(|_| longitudes.len() > 1) {
        None => Ok(()),
        Some((at, _)) => Err(Error::data(format!("its longitudes `{name}` have {at} twice"))
            .remedy("leave the column that repeats another out, as with --box")),
    }
}

/// Refuses longitudes that do not close the circle once; `cut`: degrees that the cells of a box cover.
fn around(longitudes: &[f64], cut: Option<f64>) -> Result<()> {
    let mut turned = longitudes.to_vec();
    unwrap(&mut turned);
    let covered = match (&turned[..], cut) {
        ([first, .., last], _) => (last - first).abs() * turned.len() as f64 / (turned.len() - 1) as f64,
        (_, Some(width)) => width,
        _ => return Ok(()),
    };
    // Less than half a column is what rounding of coordinates and uneven columns make.
    if (covered - 360.0).abs() < 0.5 * 360.0 / turned.len().max(2) as f64 {
        return Ok(());
    }
    Err(Error::data(format!("covers {} degrees of longitude, not a whole circle once", covered.round()))
        .remedy("give the whole circle, every column once"))
}

#[cfg(test)]
mod tests {
    use super::{around, check_once};

    #[test]
    fn columns_are_there_once() {
        assert!(check_once(&[0.0, 90.0, 180.0, 270.0], "lon").is_ok() && check_once(&[5.0], "lon").is_ok());
        let fine: Vec<f64> = (0..50).map(|i| f64::from(100.0 + i as f32 / 1000.0)).collect();
        assert!(check_once(&fine, "lon").is_ok());
        for twice in [&[0.0, 120.0, 240.0, 360.0][..], &[-180.0, 0.0, 180.0], &[1.0, 1.0]] {
            assert!(check_once(twice, "lon").is_err(), "{twice:?}");
        }
    }

    #[test]
    fn circles_are_whole() {
        let of = |n: usize, first: f64, step: f64| -> Vec<f64> {
            let turned = |i| (first + step * i as f64 + 180.0).rem_euclid(360.0) - 180.0;
            (0..n).map(turned).collect()
        };
        for (n, step) in [(8, 45.0), (144, 2.5), (1080, 1.0 / 3.0), (8, -45.0), (3, 120.0), (360, 1.0)] {
            assert!(around(&of(n, 10.0, step), None).is_ok(), "{n} {step}");
        }
        assert!(around(&[0.0], None).is_ok() && around(&[0.0], Some(2.0)).is_err());
        // A sector, a column that is there twice, one that is not there.
        for (n, step) in [(90, 1.0), (361, 1.0), (359, 1.0), (2, 45.0)] {
            assert!(around(&of(n, 0.0, step), None).is_err(), "{n} {step}");
        }
    }
}
