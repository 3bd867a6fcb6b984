//! What all files of spectra have in common: the frequencies, space, and how blocks are written.

use super::estimate::FrequencyUnits;
use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::place::locate;
use crate::series::chunks;
use crate::stats::over::Reduced;
use crate::stats::space;
use halocline_algorithms::spectra::{GapRule, NodeKey, Sampling, Segments, SpatialMean, Sums, Survey};
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, SeriesResults};
use halocline_core::index::IndexBox;
use halocline_core::meta::{AttributeValue, Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Pending, Schema, VariableSpec};
use halocline_io::source::Source;
use std::fmt::Write as _;
use std::ops::Range;

/// The dimension of frequencies.
pub(super) const FREQUENCY: &str = "frequency";
/// The dimension of levels of confidence, where there are several.
pub(super) const CONFIDENCE: &str = "confidence";

/// The description of a file.
pub(super) struct Frame<'a> {
    pub(super) source: &'a Source,
    pub(super) reduced: &'a Reduced,
    pub(super) sampling: &'a Sampling,
    /// None of a periodogram at irregular times.
    segments: Option<Segments>,
    /// The span of time, or where results have times, these.
    time: Coordinate,
    /// Frequencies or periods.
    main: Coordinate,
    confidence: Option<Coordinate>,
}

/// Results of some cells on one rank.
pub(super) struct Part {
    /// The cells: dimensions that are left behind time.
    pub(super) space: IndexBox,
    /// By result: rows times cells.
    pub(super) values: Vec<Vec<f64>>,
}

impl From<SeriesResults> for Part {
    fn from(results: SeriesResults) -> Self {
        let space = IndexBox::new(results.block(1).ranges()[1..].to_vec());
        Self { space, values: results.values }
    }
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        (source, reduced): (&'a Source, &'a Reduced),
        units: FrequencyUnits,
        sampling: &'a Sampling,
        (frequencies, segments): (Vec<f64>, Option<Segments>),
        levels: &[f64],
    ) -> Result<Self> {
        let main = coordinate(units, (sampling, segments.is_none()), frequencies);
        Self::along((source, reduced), sampling, (main, whole_time(source)), levels)
            .map(|frame| Self { segments, ..frame })
    }
    /// [`Self::new`] with the first dimension of results, and the times that they have or are of.
    pub(super) fn along(
        (source, reduced): (&'a Source, &'a Reduced),
        sampling: &'a Sampling,
        (main, time): (Coordinate, Coordinate),
        levels: &[f64],
    ) -> Result<Self> {
        let taken = |d: &&Dim| d.name == main.variable.name || d.name == CONFIDENCE;
        if let Some(dim) = source.variable().dims.iter().find(taken) {
            return Err(Error::usage(format!("has a dimension `{}`, which results have, too", dim.name))
                .remedy("rename it first, as with `ncrename`"));
        }
        let confidence = (!levels.is_empty()).then(|| confidences(levels));
        Ok(Self { source, reduced, sampling, segments: None, time, main, confidence })
    }

    /// Adds dimensions and coordinates.
    pub(super) fn begin(&self, schema: &mut Schema) -> Result<Vec<Pending<'_>>> {
        let mut pending = schema.add_coordinate(&self.main)?;
        if let Some(confidence) = &self.confidence {
            pending.extend(schema.add_coordinate(confidence)?);
        }
        pending.extend(space::add(schema, self.source, self.reduced)?);
        pending.extend(schema.add_coordinate(&self.time)?);
        Ok(pending)
    }

    /// A variable with these dimensions before those of space.
    pub(super) fn variable(
        &self,
        schema: &Schema,
        name: &str,
        leading: &[&str],
        mut attributes: Attributes,
    ) -> VariableSpec {
        space::refer(&mut attributes, self.source, self.reduced);
        let is_level = name.contains("significance") || name.starts_with("limit_");
        let scalar = self.confidence.as_ref().filter(|c| c.variable.dims.is_empty() && is_level);
        let with = scalar.map(|c| c.variable.name.as_str());
        let others = attributes.text("coordinates").map(str::to_owned);
        let span = self.time.variable.dims.is_empty().then_some(self.time.variable.name.as_str());
        let named: Vec<&str> = span.into_iter().chain(with).chain(others.as_deref()).collect();
        if named.is_empty() {
            attributes.remove("coordinates");
        } else {
            attributes.set("coordinates", named.join(" "));
        }
        let gone: Vec<&str> = self
            .source
            .variable()
            .dims
            .iter()
            .zip(&self.reduced.dims)
            .filter(|(_, reduced)| **reduced)
            .map(|(d, _)| crate::cf::gone(d, self.source))
            .collect();
        if !gone.is_empty() {
            let others = attributes.text("cell_methods").map(|own| format!("{own} ")).unwrap_or_default();
            attributes.set("cell_methods", format!("{others}{}: mean", gone.join(": ")));
        }
        let space = space::dims(self.source, self.reduced).skip(1);
        let dims: Vec<&str> = leading.iter().copied().chain(space).collect();
        let lens: Vec<usize> = dims.iter().map(|name| schema.dim(name).map_or(1, |d| d.len)).collect();
        let spec = VariableSpec::data(name, dims.clone(), DType::F64).attributes(attributes);
        match lens.as_slice() {
            [] => spec,
            // Levels of confidence are looked at one by one.
            [_, rest @ ..] if leading.first() == Some(&CONFIDENCE) => {
                spec.chunks([&[1], &chunks(rest)[..]].concat())
            }
            all => spec.chunks(chunks(all)),
        }
    }

    /// The dimensions before those of space of what each level of confidence has.
    pub(super) fn of_levels(&self) -> Vec<&'static str> {
        match &self.confidence {
            Some(levels) if !levels.variable.dims.is_empty() => vec![CONFIDENCE, FREQUENCY],
            _ => vec![FREQUENCY],
        }
    }

    /// Lengths of the dimensions of space that are left.
    pub(super) fn kept_shape(&self) -> Vec<usize> {
        let dims = self.source.variable().dims.iter().zip(&self.reduced.dims).skip(1);
        dims.filter(|(_, reduced)| !**reduced).map(|(d, _)| d.len).collect()
    }

    /// Attributes of the file that tell of the estimate.
    pub(super) fn add_estimate(&self, attributes: &mut Attributes) {
        attributes.set("sampling_interval_days", self.sampling.days);
        if let Some(segments) = self.segments {
            attributes.set("segment_length", segments.len as i64);
            attributes.set("segment_count", segments.count as i64);
        }
    }

    /// Refuses series that no spectrum can be made of; tells of those that are left out.
    ///
    /// # Collective
    /// Every rank calls this with what it has seen.
    pub(super) fn check(&self, job: &FoldJob<'_>, rule: GapRule, own: &Survey) -> Result<()> {
        let mut all = Survey::default();
        Engine::new(job.comm).gather(own)?.iter().for_each(|part| all.join(part));
        all.check(rule, &|cell, time| locate(self.source, cell, time))?;
        if all.gappy > 0 && rule == GapRule::Drop {
            let (n, of) = (all.gappy, all.gappy + all.complete);
            job.verbosity.say(job.comm, || {
                format!("note: {n} of {of} series with data are missing at some times, and in the result")
            });
        }
        Ok(())
    }
}

/// Where rows of a result belong, before the dimensions of space: at which level of confidence, and
/// at how many frequencies.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) level: Option<usize>,
    pub(super) rows: Option<usize>,
}

/// Writes the values of one variable.
///
/// # Collective
/// Every rank calls this with its part.
pub(super) fn put(output: &mut Output, name: &str, at: At, space: &IndexBox, values: Vec<f64>) -> Result<()> {
    let leading = [at.level.map(|k| k..k + 1), at.rows.map(|rows| 0..rows)].into_iter().flatten();
    put_under(output, name, leading, space, values)
}

/// [`put`] with any dimensions before those of space.
///
/// # Collective
/// Every rank calls this with its part.
pub(super) fn put_under(
    output: &mut Output,
    name: &str,
    leading: impl Iterator<Item = Range<usize>>,
    space: &IndexBox,
    values: Vec<f64>,
) -> Result<()> {
    // Without a cell, nothing at any frequency.
    let leading = leading.map(|range| if values.is_empty() { 0..0 } else { range });
    let block = IndexBox::new(leading.chain(space.ranges().iter().cloned()).collect());
    if block.ndim() == 0 {
        // A single number, which the first rank holds.
        return output.write_whole(name, &Values::F64(vec![values.first().copied().unwrap_or(f64::NAN)]));
    }
    output.write_block(name, &block, &Values::F64(values))
}

/// The means over space from what all ranks have summed, as the part of the first rank; `rows` are
/// those of each result.
///
/// # Collective
/// Every rank calls this.
pub(super) fn means(comm: &Comm, mean: &SpatialMean, shape: &[usize], rows: &[usize]) -> Result<Part> {
    let nodes: Vec<Vec<(NodeKey, Sums)>> = Engine::new(comm).gather(&mean.take())?;
    let mut all = mean.finish(nodes.into_iter().flatten().collect(), rows.iter().sum())?.into_iter();
    let space = if comm.is_root() { IndexBox::whole(shape) } else { IndexBox::new(vec![0..0; shape.len()]) };
    let mut values: Vec<Vec<f64>> =
        rows.iter().map(|&rows| all.by_ref().take(rows).flatten().collect()).collect();
    if !comm.is_root() {
        values.iter_mut().for_each(Vec::clear);
    }
    Ok(Part { space, values })
}

/// How long steps are, and what a unit of time is.
pub(super) fn steps(sampling: &Sampling, period: &str, is_irregular: bool) -> String {
    let mut text = match sampling.months {
        _ if is_irregular => format!("times as they are, steps of {} days in the mean", sampling.days),
        Some(1) => format!("monthly steps, a month taken to be {} days", sampling.days),
        Some(n) => format!("steps of {n} months, taken to be {} days", sampling.days),
        None => format!("steps of {} days", sampling.days),
    };
    if matches!(period, "year" | "month") {
        let _ = write!(text, "; a year is {} days, a month a twelfth of it", sampling.year);
    }
    text
}

fn coordinate(
    units: FrequencyUnits,
    (sampling, is_irregular): (&Sampling, bool),
    frequencies: Vec<f64>,
) -> Coordinate {
    let period = units.period();
    let comment = format!("cycles per {period}; {}", steps(sampling, period, is_irregular));
    let attributes = Attributes::new()
        .with("long_name", "frequency")
        .with("units", format!("{period}-1"))
        .with("comment", comment);
    let dims = vec![Dim::new(FREQUENCY, frequencies.len(), Role::Other)];
    Coordinate {
        variable: Variable { name: FREQUENCY.into(), dims, dtype: DType::F64, attributes },
        values: Values::F64(frequencies),
        bounds: None,
    }
}

/// The levels as a coordinate, a scalar if there is one.
pub(super) fn confidences(levels: &[f64]) -> Coordinate {
    let dims = match levels {
        [_] => Vec::new(),
        many => vec![Dim::new(CONFIDENCE, many.len(), Role::Other)],
    };
    let attributes = Attributes::new().with("long_name", "level of confidence").with("units", "1");
    Coordinate {
        variable: Variable { name: CONFIDENCE.into(), dims, dtype: DType::F64, attributes },
        values: Values::F64(levels.to_vec()),
        bounds: None,
    }
}

/// Numbers as an attribute.
pub(super) fn numbers(values: &[f64]) -> AttributeValue {
    AttributeValue::Doubles(values.to_vec())
}
