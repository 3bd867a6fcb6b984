//! Patterns from any file: those of other programs, or of an index.

use super::load::{at_all_levels, cells, check_weights};
use super::options::{Departure, PatternIs, PatternScaling};
use super::ProjectArgs;
use crate::cf;
use crate::eof_file::{check_grid, Weighting};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::{Patterns, Removal};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
use halocline_io::OpenOptions;
use std::path::PathBuf;

/// Patterns along the dimension in front of those of a map, or one.
pub(super) struct Foreign {
    pub(super) path: PathBuf,
    dataset: Dataset,
    name: String,
    /// Indices along the dimension of modes.
    pub(super) modes: Vec<usize>,
    pub(super) departure: Departure,
    weights: Weighting,
    is: PatternIs,
    scaling: PatternScaling,
}

impl Foreign {
    /// Opens `file`, of whose variable `name` the patterns are.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(comm: &Comm, args: &ProjectArgs, (file, name): (&str, &str)) -> Result<Self> {
        let options = OpenOptions { io: args.input.io, cache: false, ..OpenOptions::default() };
        let dataset = halocline_io::open_with(comm, &[file.to_owned()], options)?;
        dataset.variable(name)?;
        Ok(Self {
            path: PathBuf::from(file),
            name: name.to_owned(),
            modes: Vec::new(),
            departure: args.anomaly.unwrap_or(Departure::None),
            weights: args.weights.unwrap_or(Weighting::None),
            is: args.pattern_is.unwrap_or(PatternIs::Unweighted),
            scaling: args.scaling.unwrap_or(PatternScaling::Unit),
            dataset,
        })
    }

    /// Whether the patterns are of several levels.
    pub(super) fn has_levels(&self) -> Result<bool> {
        let dims = &self.dataset.variable(&self.name)?.variable.dims;
        Ok(dims.iter().any(|d| d.role == Role::Level && d.len > 1))
    }

    /// Checks the patterns against the field, and picks the modes.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn check(&mut self, comm: &Comm, args: &ProjectArgs, source: &Source) -> Result<()> {
        let (path, name) = (self.path.clone(), self.name.clone());
        let of = |e: Error| if e.file.is_none() { e.in_file(&path).in_variable(&name) } else { e };
        let variable = &self.dataset.variable(&name)?.variable;
        let (lead, space) = split(&variable.dims, source).map_err(of)?;
        let grid = comm.on_root(|| self.dataset.grid(&name))?;
        check_grid(source, space, &grid).map_err(of)?;
        let numbers: Vec<i64> = (1..=lead as i64).collect();
        self.modes = match &args.modes {
            None => (0..lead).collect(),
            Some(asked) => asked.pick(&numbers).map_err(of)?,
        };
        Ok(())
    }

    pub(super) fn removal(&self) -> Removal {
        let own = self.departure == Departure::Own;
        Removal { anomaly: if own { Anomaly::Mean } else { Anomaly::None }, detrend: false }
    }

    /// As outputs record it.
    pub(super) fn options(&self) -> String {
        let is = if self.is == PatternIs::Weighted { "weighted" } else { "unweighted" };
        let scaling = if self.scaling == PatternScaling::Raw { "raw" } else { "unit" };
        format!("weights={}; pattern-is={is}; scaling={scaling}", self.weights.name())
    }

    pub(super) fn describe(&self, source: &Source) -> Attributes {
        let variable = source.variable();
        let name = variable.attributes.text("long_name").unwrap_or(&variable.name);
        let mut attributes =
            Attributes::new().with("long_name", format!("projection of {name} on {}", self.name));
        // Of patterns as they are, nobody knows the units of the product.
        let units = variable.units().filter(|_| self.scaling == PatternScaling::Unit);
        if let Some(units) = units {
            attributes.set("units", cf::difference(units));
        }
        attributes
    }

    /// Reads the patterns.
    pub(super) fn load(&self, source: &Source) -> Result<Patterns> {
        let of = |e: Error| if e.file.is_none() { e.in_file(&self.path).in_variable(&self.name) } else { e };
        self.read(source).map_err(of)
    }

    fn read(&self, source: &Source) -> Result<Patterns> {
        let cells = cells(source);
        let weights = at_all_levels(&self.weights.of(source.grid())?, cells);
        let whole = IndexBox::whole(&self.dataset.variable(&self.name)?.variable.shape());
        let along = lead_of(&whole, source);
        let mut values = halocline_core::memory::filled(self.modes.len() * cells, 0.0f64);
        for (&mode, out) in self.modes.iter().zip(values.chunks_mut(cells.max(1))) {
            let block = along.map_or_else(|| whole.clone(), |d| whole.with_range(d, mode..mode + 1));
            let map = self.dataset.read(&self.name, &block)?.to_f64();
            if map.len() != cells {
                return Err(Error::internal("a pattern has another size than its map"));
            }
            check_weights(&weights, &map, &self.path)?;
            for ((o, v), w) in out.iter_mut().zip(&map).zip(&weights) {
                *o = if self.is == PatternIs::Weighted { *v } else { v * w };
            }
        }
        let mut patterns = Patterns::new(self.modes.len(), values, weights)?;
        if self.scaling == PatternScaling::Unit {
            for (k, mode) in self.modes.iter().enumerate() {
                let norm = patterns.norm(k);
                if !(norm > 0.0 && norm.is_finite()) {
                    return Err(Error::data(format!("pattern {} is zero everywhere", mode + 1)));
                }
                patterns.scale(k, 1.0 / norm);
            }
        }
        Ok(patterns)
    }
}

/// The dimension along which the patterns lie, if there is one.
fn lead_of(whole: &IndexBox, source: &Source) -> Option<usize> {
    let lead = whole.ndim() - (source.variable().dims.len() - 1);
    (0..lead).find(|&d| whole.range(d).len() > 1).or(if lead > 0 { Some(0) } else { None })
}

/// How many patterns there are, and the dimensions of each.
fn split<'a>(dims: &'a [Dim], source: &Source) -> Result<(usize, &'a [Dim])> {
    let wanted = source.variable().dims.len() - 1;
    let Some(lead) = dims.len().checked_sub(wanted) else {
        let names: Vec<&str> = source.variable().dims[1..].iter().map(|d| d.name.as_str()).collect();
        return Err(Error::data(format!(
            "has {} dimensions, a map has {wanted} ({})",
            dims.len(),
            names.join(", ")
        )));
    };
    let (lead, space) = dims.split_at(lead);
    let swapped = matches!(space, [.., a, b] if a.role == Role::X && b.role == Role::Y);
    if swapped {
        return Err(Error::data("is stored with longitude in front of latitude")
            .remedy("bring its dimensions into the other order, as with `ncpdq`"));
    }
    match lead.iter().filter(|d| d.len != 1).count() {
        0 => Ok((1, space)),
        1 => Ok((lead.iter().map(|d| d.len).product(), space)),
        _ => {
            let names: Vec<String> = lead.iter().map(|d| format!("{} {}", d.len, d.name)).collect();
            Err(Error::data(format!(
                "has more than one dimension in front of its maps ({})",
                names.join(" x ")
            ))
            .remedy("pick one index of the others first, as with `ncks -d`"))
        }
    }
}
