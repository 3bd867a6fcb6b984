//! Variables of one or several sets of files, read in lockstep.

use super::options::Common;
use super::pressure::{levels_of, Wanted, SURFACE};
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::{align, check_together};
use crate::step::Alone;
use halocline_algorithms::transport::atmosphere::{AboveGround, Levels};
use halocline_core::engine::StreamSource;
use halocline_core::grid::GridKind;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::ops::Range;
use std::path::PathBuf;

/// Variables on the same pressure levels of a latitude-longitude grid.
pub(super) struct Operands {
    pub(super) datasets: Vec<Dataset>,
    pub(super) sources: Vec<Source>,
    pub(super) surface: Option<Source>,
    pub(super) levels: Levels,
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
        let datasets = common.input.open_groups(job.comm, job.verbosity)?;
        let selection = common.selection.of_all_levels(common.input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        let mut places = Vec::new();
        for one in asked {
            match find(&datasets, one)? {
                None => places.push(None),
                Some((k, name)) => {
                    let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &name);
                    let source = source(job, &datasets[k], &name, &selection).map_err(blame)?;
                    one.wanted.quantity().check(source.variable()).map_err(blame)?;
                    if let Some(first) = sources.first() {
                        check_together(first, &source).map_err(blame)?;
                    }
                    places.push(Some(sources.len()));
                    sources.push(source);
                }
            }
        }
        let first = sources.first().ok_or_else(|| Error::internal("nothing is asked for"))?;
        let file = first.files().first().map(|f| PathBuf::from(&f.path));
        let blame = |e| folding::blame(e, file.as_ref(), &first.variable().name);
        let (latitudes, longitudes) = grid(first).map_err(blame)?;
        let pressure = levels_of(first.variable(), first.levels()).map_err(blame)?;
        let levels = Levels::new(&pressure).map_err(blame)?;
        let surface = surface(job, common, &datasets, &selection, first)?;
        if surface.is_none() && common.ps.is_none() {
            job.verbosity.say(job.comm, || {
                "note: no surface pressure is there; every level counts as above the ground unless its value is missing".to_owned()
            });
        }
        Ok((Self { datasets, sources, surface, levels, latitudes, longitudes }, places))
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
    /// Some of the times.
    pub(super) fn between(&self, steps: &Range<usize>) -> Result<Part> {
        let cut = |source: &Source| source.between(steps.clone());
        Ok(Part {
            sources: self.sources.iter().map(cut).collect::<Result<_>>()?,
            surface: self.surface.as_ref().map(cut).transpose()?,
        })
    }
}

/// Some times of the operands.
pub(super) struct Part {
    sources: Vec<Source>,
    surface: Option<Source>,
}

impl Part {
    /// The variables with nothing below the ground.
    pub(super) fn streams(&self, levels: &Levels) -> Result<Vec<Box<dyn StreamSource + '_>>> {
        above_ground(&self.sources, self.surface.as_ref(), levels)
    }
}

/// Variables with nothing below the ground.
pub(super) fn above_ground<'a>(
    sources: &'a [Source],
    surface: Option<&'a Source>,
    levels: &Levels,
) -> Result<Vec<Box<dyn StreamSource + 'a>>> {
    let of = |source: &'a Source| -> Result<Box<dyn StreamSource + 'a>> {
        Ok(match surface {
            None => Box::new(Plain(source)),
            Some(surface) => Box::new(AboveGround::new(source, surface, levels.pressure())?),
        })
    };
    sources.iter().map(of).collect()
}

/// A source that is somebody else's.
struct Plain<'a>(&'a Source);

impl StreamSource for Plain<'_> {
    fn variable(&self) -> &halocline_core::meta::Variable {
        self.0.variable()
    }
    fn is_single(&self) -> bool {
        self.0.is_single()
    }
    fn chunks(&self) -> Vec<usize> {
        StreamSource::chunks(self.0)
    }
    fn is_divisible(&self) -> bool {
        StreamSource::is_divisible(self.0)
    }
    fn read(
        &self,
        block: &halocline_core::index::IndexBox,
        out: halocline_core::engine::NumbersMut<'_>,
    ) -> Result<()> {
        StreamSource::read(self.0, block, out)
    }
    fn prefetch(&self, block: &halocline_core::index::IndexBox) {
        self.0.prefetch(block);
    }
    fn stored_bytes(&self, block: &halocline_core::index::IndexBox) -> u64 {
        StreamSource::stored_bytes(self.0, block)
    }
    fn scratch_per_thread(&self) -> u64 {
        self.0.scratch_per_thread()
    }
}

fn source(job: &FoldJob<'_>, dataset: &Dataset, name: &str, selection: &Selection) -> Result<Source> {
    let source = dataset.source(job.comm, name, selection)?;
    folding::check_is_data(name, &source)?;
    Ok(source)
}

/// Which data set has it, under which name.
fn find(datasets: &[Dataset], asked: &Asked<'_>) -> Result<Option<(usize, String)>> {
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
            Err(Error::data(format!(
                "no variable with levels has the standard name {} or is called {}",
                wanted.standard.join(" or "),
                wanted.names.join(" or ")
            ))
            .remedy(format!("name it with --{}", wanted.option)))
        }
        found => Ok(found),
    }
}

fn surface(
    job: &FoldJob<'_>,
    common: &Common,
    datasets: &[Dataset],
    selection: &Selection,
    first: &Source,
) -> Result<Option<Source>> {
    let asked = Asked { wanted: SURFACE, name: common.ps.as_deref(), is_optional: true };
    if common.ps.as_deref() == Some("none") {
        return Ok(None);
    }
    let Some((k, name)) = find(datasets, &asked)? else { return Ok(None) };
    let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &name);
    // It has none of the levels that are chosen.
    let selection = Selection { level: None, levels: None, ..selection.clone() };
    let source = source(job, &datasets[k], &name, &selection).map_err(blame)?;
    let units = source.variable().units().unwrap_or("Pa").to_owned();
    if crate::pressure::to_pascal(&units) != Some(1.0) {
        return Err(blame(
            Error::data(format!("is in `{units}`, not in Pa"))
                .remedy("convert it, or leave it out with --ps none"),
        ));
    }
    if align(first.time(), source.time()).map_err(blame)? > 0 || source.time().len() != first.time().len() {
        return Err(blame(
            Error::data(format!(
                "has {} times, `{}` has {}",
                source.time().len(),
                first.variable().name,
                first.time().len()
            ))
            .remedy("choose common ones with --time"),
        ));
    }
    let (ours, theirs) = (first.grid(), source.grid());
    let differ = |a: Option<&Coordinate>, b: Option<&Coordinate>| match (a, b) {
        (Some(a), Some(b)) => {
            a.values.to_f64().iter().zip(b.values.to_f64()).any(|(a, b)| (a - b).abs() > 1e-3)
        }
        _ => false,
    };
    if ours.shape() != theirs.shape()
        || differ(ours.lat.as_ref(), theirs.lat.as_ref())
        || differ(ours.lon.as_ref(), theirs.lon.as_ref())
    {
        return Err(blame(
            Error::data(format!("is on another grid than `{}`", first.variable().name))
                .remedy("regrid it first, or leave it out with --ps none"),
        ));
    }
    Ok(Some(source))
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
