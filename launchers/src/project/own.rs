//! Patterns from a file of `halocline eof`.

use super::load::{at_all_levels, cells, check_weights, set, Loaded};
use super::options::{Departure, MissingChoice};
use super::ProjectArgs;
use crate::eof_file::{check_grid, EofFile, Mode, MONTHS};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::{Centre, Patterns, Removal};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::Path;

/// Lengths that differ from 1 by more are not those of unit EOFs.
const NORM: f64 = 1e-3;
/// Modes that are compared with each other.
const COMPARED: usize = 50;

/// A file of `halocline eof`, opened and checked against the field.
pub(super) struct Own {
    pub(super) file: EofFile,
    pub(super) modes: Vec<Mode>,
    pub(super) departure: Departure,
}

impl Own {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(comm: &Comm, args: &ProjectArgs) -> Result<Self> {
        let file = EofFile::open(comm, Path::new(&args.patterns), args.input.io)?;
        let of = |e: Error| e.in_file(&file.path);
        let known = &file.recorded.variables;
        let named = args.names()?.len();
        if named != known.len() {
            let n = known.len();
            return Err(of(Error::usage(format!(
                "the EOFs are of {n} variables ({}), --var and --with name {named}",
                known.join(", ")
            ))));
        }
        let scaling = file.recorded.scaling;
        if scaling.standardize || scaling.needs_deviation() {
            let absent = known.iter().find(|v| file.result("standard_deviation", v).is_none());
            if absent.is_some() {
                let what = if scaling.standardize { "of a standardized field" } else { "correlations" };
                return Err(of(Error::data(format!(
                    "its EOFs are {what}, and the standard deviation is not in it"
                ))
                .remedy("make it anew with this version of `halocline eof`, without --standardize or with another --eof-scaling if it still lacks it")));
            }
        }
        let modes = file.modes(args.modes.as_ref())?;
        let departure = departure(args, &file).map_err(of)?;
        Ok(Self { file, modes, departure })
    }

    /// Refuses a field that does not lie where the patterns do, or has other units than the mean
    /// that is taken off it. `variable` is its place among those of the file.
    pub(super) fn check(&self, comm: &Comm, source: &Source, variable: usize) -> Result<()> {
        let name = &self.file.recorded.variables[variable];
        let of = |e: Error| if e.file.is_none() { e.in_file(&self.file.path) } else { e };
        let space = self.file.space(name)?;
        let eof = self.file.name_of("eof", name);
        let grid = comm.on_root(|| self.file.dataset.grid(&eof))?;
        check_grid(source, &space, &grid).map_err(of)?;
        if let Some(level) = source.level() {
            let stored = self.file.dataset.variable(&level.variable.name).ok();
            if stored.is_some_and(|info| info.variable.dims.is_empty()) {
                let scalar = IndexBox::new(Vec::new());
                let theirs =
                    comm.on_root(|| Ok(self.file.dataset.read(&level.variable.name, &scalar)?.to_f64()))?;
                let ours = level.values.to_f64();
                if let (Some(a), Some(b)) = (ours.first(), theirs.first()) {
                    if (a - b).abs() > 1e-5 * a.abs().max(b.abs()) {
                        return Err(of(Error::data(format!(
                            "its EOFs are at level {b}, the field is at {a}"
                        ))
                        .remedy(format!("choose --level {b}"))));
                    }
                }
            }
        }
        if self.departure == Departure::Stored {
            let theirs = self.file.result("mean", name).and_then(|v| v.units());
            let ours = source.variable().units();
            if let Some((ours, theirs)) = ours.zip(theirs).filter(|(a, b)| a != b) {
                return Err(of(Error::data(format!("its mean is in `{theirs}`, the field is in `{ours}`"))
                    .remedy("bring the field to these units, or use --anomaly own")));
            }
        }
        Ok(())
    }

    /// Whether the EOFs of a variable, by its place in the file, are of several levels.
    pub(super) fn has_levels(&self, variable: usize) -> Result<bool> {
        let space = self.file.space(&self.file.recorded.variables[variable])?;
        Ok(space.iter().any(|d| d.role == Role::Level && d.len > 1))
    }

    pub(super) fn is_monthly(&self) -> bool {
        self.file.recorded.anomaly == Anomaly::Climatology
    }
    pub(super) fn removal(&self) -> Removal {
        let recorded = &self.file.recorded;
        if self.departure == Departure::Own {
            Removal { anomaly: recorded.anomaly, detrend: recorded.detrend }
        } else {
            Removal { anomaly: Anomaly::None, detrend: false }
        }
    }
    pub(super) fn factors(&self) -> Vec<f64> {
        let scaling = self.file.recorded.scaling;
        self.modes.iter().map(|mode| scaling.pc_factor(mode.eigenvalue)).collect()
    }
    pub(super) fn describe(&self) -> Attributes {
        let pcs = self.file.dataset.variable("pc").map(|info| info.variable.attributes.clone());
        let pcs = pcs.unwrap_or_default();
        let mut attributes = Attributes::new();
        let long_name = pcs.text("long_name").unwrap_or("principal component");
        attributes.set("long_name", format!("pseudo {long_name}"));
        if let Some(units) = pcs.text("units") {
            attributes.set("units", units);
        }
        attributes
    }

    /// Reads the unit EOFs of all variables, checks that they are such, and projects the mean.
    pub(super) fn load(&self, sources: &[Source], skips: bool, loaded: &mut [Loaded]) -> Result<()> {
        let of = |e: Error| if e.file.is_none() { e.in_file(&self.file.path) } else { e };
        let mut all = Vec::new();
        for (source, name) in sources.iter().zip(&self.file.recorded.variables) {
            all.push(self.unit_eofs(source, name).map_err(of)?);
        }
        self.check_unit(&mut all).map_err(of)?;
        for ((name, patterns), (source, loaded)) in
            self.file.recorded.variables.iter().zip(all).zip(sources.iter().zip(loaded))
        {
            if self.departure == Departure::Stored {
                self.means(source, name, &patterns, skips, loaded).map_err(of)?;
            }
            set(&loaded.patterns, patterns)?;
        }
        Ok(())
    }

    /// vₖ as far as it is of one variable.
    fn unit_eofs(&self, source: &Source, name: &str) -> Result<Patterns> {
        let scaling = self.file.recorded.scaling;
        let cells = cells(source);
        let factor = self.file.factor(name)?;
        let weights = at_all_levels(&self.file.recorded.weights.of(source.grid())?, cells);
        let weights: Vec<f64> = weights.into_iter().map(|w| w * factor).collect();
        let deviation = if scaling.standardize || scaling.needs_deviation() {
            Some(self.file.map("standard_deviation", name, None)?)
        } else {
            None
        };
        let mut values = halocline_core::memory::filled(self.modes.len() * cells, 0.0f64);
        for (mode, out) in self.modes.iter().zip(values.chunks_mut(cells.max(1))) {
            let map = self.file.map("eof", name, Some(mode.index))?;
            check_weights(&weights, &map, &self.file.path)?;
            let factor = scaling.unit_factor(mode.eigenvalue);
            for (c, (o, e)) in out.iter_mut().zip(&map).enumerate() {
                let weight = if scaling.is_unweighted() { weights[c] } else { 1.0 };
                let spread = deviation.as_ref().filter(|_| scaling.needs_deviation()).map_or(1.0, |d| d[c]);
                *o = factor * weight * spread * e;
            }
        }
        let metric = match deviation.filter(|_| scaling.standardize) {
            None => weights,
            Some(deviation) => weights.iter().zip(&deviation).map(|(w, d)| w / d).collect(),
        };
        Patterns::new(self.modes.len(), values, metric)
    }

    /// Refuses EOFs that are not of unit length over all variables, nor at right angles: their
    /// weights or scalings are not what the file says. What is left of rounding is taken off.
    fn check_unit(&self, all: &mut [Patterns]) -> Result<()> {
        let first = self.file.first_eigenvalue();
        // Of small eigenvalues few digits hold.
        let near = |mode: &Mode| NORM + 1e3 * f64::EPSILON * first / mode.eigenvalue;
        let odd = |what: String| {
            Err(Error::data(what).remedy(
                "its EOFs are not those that its options and coordinates tell: if it was cut, rotated or rewritten, use --patterns FILE:VAR",
            ))
        };
        for (k, mode) in self.modes.iter().enumerate() {
            let norm = all.iter().map(|p| p.norm(k).powi(2)).sum::<f64>().sqrt();
            if norm.is_nan() || (norm - 1.0).abs() > near(mode) {
                return odd(format!("the length of EOF {} comes out as {norm}, not 1", mode.number));
            }
            all.iter_mut().for_each(|p| p.scale(k, 1.0 / norm));
        }
        let compared = if self.file.recorded.is_paired { 0 } else { COMPARED };
        for k in 0..self.modes.len().min(compared) {
            for other in 0..k {
                let product: f64 = all.iter().map(|p| p.product(k, other)).sum();
                if product.abs() > near(&self.modes[k]).max(near(&self.modes[other])) {
                    let (a, b) = (self.modes[other].number, self.modes[k].number);
                    return odd(format!("EOFs {a} and {b} are not at right angles"));
                }
            }
        }
        Ok(())
    }

    /// The mean, or that of each month that the field has: projected, or, where values may be
    /// missing, as maps.
    fn means(
        &self,
        source: &Source,
        name: &str,
        patterns: &Patterns,
        skips: bool,
        loaded: &mut Loaded,
    ) -> Result<()> {
        let monthly = self.is_monthly();
        let months = source.time().months();
        let mut maps = Vec::new();
        for part in 0..if monthly { MONTHS } else { 1 } {
            if monthly && !months.iter().any(|&m| usize::from(m) == part + 1) {
                loaded.offsets.push(None);
                if skips {
                    maps.resize(maps.len() + patterns.cells(), 0.0);
                }
                continue;
            }
            let map = self.file.map("mean", name, monthly.then_some(part))?;
            let projected = patterns.project(&map).map_err(|e| {
                let of =
                    if monthly { format!("the mean of month {}", part + 1) } else { "the mean".to_owned() };
                Error { message: format!("{of} {}", e.message), ..e }
                    .remedy("use --anomaly own, or other times")
            })?;
            loaded.offsets.push(Some(projected));
            if skips {
                maps.extend(map);
            }
        }
        if skips {
            loaded.offsets.clear();
            let part = months.iter().map(|&m| if monthly { u32::from(m) - 1 } else { 0 }).collect();
            set(&loaded.centre, Centre { maps, part })?;
        }
        Ok(())
    }
}

/// What is taken off, as asked for or as the file has it.
fn departure(args: &ProjectArgs, file: &EofFile) -> Result<Departure> {
    let recorded = &file.recorded;
    let stored = recorded.variables.iter().all(|v| file.result("mean", v).is_some());
    let removes = recorded.anomaly != Anomaly::None || recorded.detrend;
    let chosen = args.anomaly.unwrap_or(match (stored, removes) {
        (_, false) => Departure::None,
        (true, true) if !recorded.detrend => Departure::Stored,
        _ => Departure::Own,
    });
    match chosen {
        Departure::Stored if !stored => Err(Error::usage("--anomaly stored: it holds no mean")
            .remedy("use --anomaly own, or make it anew with this version of `halocline eof`")),
        Departure::Own if !removes => {
            Err(Error::usage("--anomaly own: the EOFs are of values as they are, nothing was taken off")
                .remedy("use --anomaly none"))
        }
        Departure::Own if args.missing == MissingChoice::Skip => {
            Err(Error::usage("--missing skip needs anomalies: those of series with gaps are not made here")
                .remedy("make them first (halocline climatology --anomaly) and add --anomaly none"))
        }
        chosen => Ok(chosen),
    }
}
