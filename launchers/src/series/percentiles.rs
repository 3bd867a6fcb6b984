//! Percentiles of each cell, over time or whatever else is reduced.

use super::{plan, run};
use crate::folding::FoldJob;
use halocline_algorithms::statistics::Percentiles;
use halocline_core::engine::{SeriesResults, SeriesWork};
use halocline_core::meta::{Attributes, Values};
use halocline_core::Result;
use halocline_io::output::Output;
use halocline_io::source::Source;

/// This rank's percentiles of one variable, kept until they are written.
#[derive(Debug)]
pub(crate) struct SeriesMaps {
    /// The rule that cut the cells.
    pub(crate) tiling: String,
    /// By how much a rank may be wrong, as a share of the values, where they are approximate.
    pub(crate) error: Option<f64>,
    /// Maps of each result: one, or one for each group.
    rows: usize,
    /// One for each batch of cells, on every rank.
    batches: Vec<SeriesResults>,
}

/// The percentile that a word such as `p50` or `p99.9` names.
pub(crate) fn percent_of(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits.parse().ok().filter(|percent| plain && (0.0..=100.0).contains(percent))
}

/// The name of a percentile, as users write it.
pub(crate) fn percentile_name(percent: f64) -> String {
    format!("p{percent}")
}

/// The percentiles of one variable; `parts` are those of `--decomposition`, `reserved` the bytes
/// that are needed for other things meanwhile.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn percentiles(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    work: &Percentiles,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesMaps> {
    let maps = work_bytes(source, work);
    let mut batches = Vec::new();
    let tiling = each(job, name, source, work, (parts, reserved.saturating_add(maps)), &mut |results| {
        batches.push(results);
        Ok(())
    })?;
    Ok(SeriesMaps::of_batches(&tiling, work.groups(), batches))
}

/// Bytes of the results: the maps of all ranks come together at the one that writes.
pub(super) fn work_bytes(source: &Source, work: &Percentiles) -> u64 {
    let kept = source.variable().dims.iter().filter(|d| !work.reduces().contains(&d.role));
    let cells = kept.fold(1u64, |n, d| n.saturating_mul(d.len as u64));
    let rows: u64 = work.rows().iter().map(|&rows| rows as u64).sum();
    rows.saturating_mul(cells).saturating_mul(2 * size_of::<f64>() as u64)
}

/// [`percentiles`] for results larger than memory (many groups): `sink` gets them batch by batch,
/// equally often on every rank, and may write them. Gives the rule that cut the cells.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn each(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    work: &Percentiles,
    (parts, reserved): (Option<&[usize]>, u64),
    sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
) -> Result<String> {
    let plan = plan(job, name, source, work, parts, reserved)?;
    run(job, source, &plan, work, sink)?;
    Ok(plan.tiling().rule().to_owned())
}

impl SeriesMaps {
    /// Those that sketches gave, whose ranks may be wrong by `error`.
    pub(super) fn of_sketches(tiling: &str, batch: SeriesResults, error: f64) -> Self {
        Self { error: Some(error), ..Self::of_batches(tiling, 1, vec![batch]) }
    }
    /// Exact ones.
    pub(super) fn of_batches(tiling: &str, rows: usize, batches: Vec<SeriesResults>) -> Self {
        Self { tiling: tiling.to_owned(), error: None, rows, batches }
    }

    /// Writes the maps of percentile number `which` as the variable `name`, whose first dimension
    /// counts groups (or is the one time that stands for all, or time itself where it is kept).
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn write(&mut self, output: &mut Output, name: &str, which: usize) -> Result<()> {
        for batch in &mut self.batches {
            let block = batch.block(self.rows);
            let values = std::mem::take(&mut batch.values[which]);
            output.write_block(name, &block, &Values::F64(values))?;
        }
        Ok(())
    }
}

/// What a percentile over `dim` (`time`, or several, as in `time: lat`) says of itself; `attributes` are those of the variable `name`,
/// decoded, without those that held of single values; `earlier` are its cell methods; `error` is
/// [`SeriesMaps::error`].
pub(crate) fn describe(
    attributes: &mut Attributes,
    (name, dim): (&str, &str),
    earlier: Option<&str>,
    percent: f64,
    method: &str,
    error: Option<f64>,
) {
    // CF has words for these only, and allows no others.
    let word = match percent {
        0.0 => Some("minimum"),
        50.0 => Some("median"),
        100.0 => Some("maximum"),
        _ => None,
    };
    let methods: Vec<String> =
        earlier.map(str::to_owned).into_iter().chain(word.map(|w| format!("{dim}: {w}"))).collect();
    if !methods.is_empty() {
        attributes.set("cell_methods", methods.join(" "));
    }
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    attributes
        .set("long_name", format!("percentile {percent} over {} of {long_name}", dim.replace(": ", ", ")));
    attributes.set("percentile", percent);
    match error {
        None => attributes.set("percentile_method", method),
        Some(error) => {
            attributes.set("percentile_method", "inverted_cdf, approximate");
            attributes.set("percentile_rank_error", error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_percentiles() {
        assert_eq!(percent_of("p50"), Some(50.0));
        assert_eq!(percent_of("p99.9"), Some(99.9));
        assert_eq!(percent_of("p0"), Some(0.0));
        assert_eq!(percent_of("p100"), Some(100.0));
        for odd in ["p", "p100.1", "p-1", "p1e1", "pinf", "pNaN", "50", "p5.5.5", "p+5", "p."] {
            assert_eq!(percent_of(odd), None, "{odd}");
        }
        assert_eq!(percentile_name(99.9), "p99.9");
        assert_eq!(percentile_name(5.0), "p5");
    }
}
