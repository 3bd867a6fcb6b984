//! `halocline bench table`: runs from many files, side by side.

use super::case::Case;
use super::picture;
use super::record::{self, Record, Sum};
use crate::common::{bytes_text, Verbosity};
use crate::info::print;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Collect scaling runs, such as those of many jobs, into a table and a picture.
#[derive(Debug, clap::Args)]
pub(super) struct TableArgs {
    /// Files that `halocline bench scaling` has written
    #[arg(required = true, value_name = "FILES")]
    inputs: Vec<PathBuf>,
    /// A picture of speed-up and efficiency, .png or .svg
    #[arg(long, value_name = "X.png")]
    plot: Option<PathBuf>,
}

/// Runs of one case that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) case: Case,
    pub(super) scaling: String,
    /// Of strong scalings: the shape.
    pub(super) shape: Option<[usize; 3]>,
    pub(super) threads: usize,
}

/// The median run of a number of ranks.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) ranks: usize,
    pub(super) runs: usize,
    pub(super) record: Record,
    /// Times as fast as the fewest ranks, per work.
    pub(super) speed_up: f64,
    /// Of what the ranks could have been.
    pub(super) efficiency: f64,
}

/// Runs the command.
///
/// # Collective
/// One rank does it.
pub(super) fn run(comm: &Comm, args: &TableArgs, verbosity: Verbosity) -> Result<()> {
    comm.on_root(|| {
        let mut all = Vec::new();
        for path in &args.inputs {
            all.extend(record::read(path)?);
        }
        show(&all, args.plot.as_deref())
    })?;
    if let Some(path) = &args.plot {
        verbosity.say(comm, || format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Prints the table and draws the picture.
pub(super) fn show(all: &[Record], plot: Option<&std::path::Path>) -> Result<()> {
    let series = collect(all);
    if series.is_empty() {
        return Err(Error::data("there are no runs").remedy("run `halocline bench scaling` first"));
    }
    print(&text(&series))?;
    plot.map_or(Ok(()), |path| picture::draw(&series, path))
}

/// Medians by number of ranks.
pub(super) fn collect(all: &[Record]) -> Vec<(Series, Vec<Point>)> {
    let mut by_series: BTreeMap<Series, BTreeMap<usize, Vec<&Record>>> = BTreeMap::new();
    for record in all {
        let shape = (record.scaling == "strong").then_some(record.shape.0);
        let series =
            Series { case: record.case, scaling: record.scaling.clone(), shape, threads: record.threads };
        by_series.entry(series).or_default().entry(record.ranks).or_default().push(record);
    }
    by_series
        .into_iter()
        .map(|(series, by_ranks)| {
            let medians: Vec<(usize, usize, Record)> = by_ranks
                .into_iter()
                .map(|(ranks, mut runs)| {
                    runs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
                    (ranks, runs.len(), runs[(runs.len() - 1) / 2].clone())
                })
                .collect();
            let points = points(&series, medians);
            (series, points)
        })
        .collect()
}

fn points(series: &Series, medians: Vec<(usize, usize, Record)>) -> Vec<Point> {
    let weak = series.scaling == "weak";
    let first = medians.first().map_or((1, 1.0), |(ranks, _, r)| (*ranks, r.wall));
    let point = |(ranks, runs, record): (usize, usize, Record)| {
        let ratio = first.1 / record.wall.max(1e-9);
        let more = ranks as f64 / first.0 as f64;
        // Weak: as much work for each rank, so the same time is all that can be had.
        let (speed_up, efficiency) = if weak { (ratio * more, ratio) } else { (ratio, ratio / more) };
        Point { ranks, runs, record, speed_up, efficiency }
    };
    medians.into_iter().map(point).collect()
}

/// What a series is, in words.
pub(super) fn title(series: &Series) -> String {
    let shape = series.shape.map(|[t, y, x]| format!(", {t} x {y} x {x}")).unwrap_or_default();
    let threads =
        if series.threads > 1 { format!(", {} threads a rank", series.threads) } else { String::new() };
    format!("{} ({}{shape}{threads})", series.case.name(), series.scaling)
}

fn text(series: &[(Series, Vec<Point>)]) -> String {
    let mut out = String::new();
    for (series, points) in series {
        let _ = writeln!(out, "{}", title(series));
        let _ = writeln!(
            out,
            "{:>6} {:>5} {:>9} {:>9} {:>8} {:>10} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}  \
             in passes: messages, bytes (foreseen)",
            "ranks",
            "runs",
            "wall s",
            "inside s",
            "speed-up",
            "efficiency",
            "read",
            "compute",
            "exchange",
            "messages",
            "sent",
            "peak"
        );
        for p in points {
            let r = &p.record;
            let phase = |name: &str| r.phases.get(name).map_or(0.0, |[max, _]| *max);
            let _ = writeln!(
                out,
                "{:>6} {:>5} {:>9.3} {:>9.3} {:>8.2} {:>9.0}% {:>9.3} {:>9.3} {:>9.3} {:>10} {:>9} {:>9}  {}",
                p.ranks,
                p.runs,
                r.wall,
                r.seconds,
                p.speed_up,
                p.efficiency * 100.0,
                phase("read"),
                phase("compute"),
                phase("communicate"),
                r.messages,
                bytes_text(r.message_bytes),
                r.peak_bytes.map_or("-".into(), bytes_text),
                in_passes(r)
            );
        }
    }
    out
}

/// What a run sent in its passes, beside what its formula says.
fn in_passes(record: &Record) -> String {
    let pair = |sum: Sum| format!("{}, {}", sum.messages, sum.bytes.unwrap_or(0));
    let Some(sent) = record.sent.map(|sent| pair(sent.passes)) else { return "-".into() };
    let foreseen = record.foreseen.map(|foreseen| pair(foreseen.passes));
    match foreseen {
        Some(foreseen) if foreseen == sent => format!("{sent} (the same)"),
        Some(foreseen) => format!("{sent} ({foreseen})"),
        None => format!("{sent} (not known)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::case::Shape;
    use crate::bench::record::Place;

    fn record(scaling: &str, ranks: usize, wall: f64) -> Record {
        Record {
            schema: 1,
            place: Place::here(),
            case: Case::Stats,
            scaling: scaling.into(),
            shape: if scaling == "weak" { Shape([10 * ranks, 4, 8]) } else { Shape([10, 4, 8]) },
            ranks,
            threads: 1,
            nodes: None,
            launcher: String::new(),
            repeat: 0,
            wall,
            seconds: wall,
            phases: BTreeMap::new(),
            imbalance: None,
            bytes_read: 0,
            bytes_decoded: 0,
            bytes_written: 0,
            messages: 0,
            message_bytes: 0,
            sent: None,
            foreseen: None,
            peak_bytes: None,
        }
    }

    #[test]
    fn speed_up_is_of_medians_and_weak_work_grows_with_the_ranks() {
        let runs = [
            ("strong", 1, 9.0),
            ("strong", 1, 8.0),
            ("strong", 1, 30.0),
            ("strong", 4, 3.0),
            ("weak", 2, 4.0),
            ("weak", 8, 5.0),
        ];
        let all: Vec<Record> = runs.iter().map(|(s, r, w)| record(s, *r, *w)).collect();
        let series = collect(&all);
        assert_eq!(series.len(), 2);
        let strong = &series[0].1;
        assert_eq!((strong[0].runs, strong[0].record.wall, strong[1].speed_up), (3, 9.0, 3.0));
        assert!((strong[1].efficiency - 0.75).abs() < 1e-12);
        let weak = &series[1].1;
        assert!((weak[1].efficiency - 0.8).abs() < 1e-12 && (weak[1].speed_up - 3.2).abs() < 1e-12);
    }
}
