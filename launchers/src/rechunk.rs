//! `halocline rechunk`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use crate::common::{check_output, command_line, InputArgs, MemoryArgs, Verbosity};
use halocline_core::budget::{bytes_text, peak_resident};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::rechunk::Method;
use halocline_core::{Error, Result};
use halocline_io::output::history_line;
use halocline_io::rechunk::{parse_chunks, Rechunk, RechunkOptions};
use halocline_io::scratch;
use std::path::PathBuf;
use std::time::Instant;

/// The same data in other chunks: series from maps, maps from series.
///
/// Everything else is carried over as it is: coordinates, attributes, packed values. Many files
/// become one. What does not fit into memory goes through scratch files that vanish with the
/// process.
#[derive(Debug, clap::Args)]
pub(crate) struct RechunkArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Variables to rechunk [default: all data variables]; the others are carried over
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    var: Option<Vec<String>>,
    /// Chunk lengths by dimension, as in time=all,lat=10,lon=10 [default: those of the file];
    /// dimensions that are not named keep theirs
    #[arg(long, value_name = "DIM=N,…")]
    chunks: Option<String>,
    /// Compression of the rechunked variables: none or deflate:N with N from 1 (fast) to 9
    #[arg(long, value_name = "none|deflate:N|zstd:N", default_value = "deflate:1")]
    compress: String,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Where scratch files go [default: $HALOCLINE_SCRATCH, $TMPDIR, /tmp]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

/// The deflate level that `--compress` asks for.
fn parse_compression(text: &str) -> Result<Option<u8>> {
    let wrong = |what: String| Error::usage(what).remedy("write none or deflate:N with N from 1 to 9");
    let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
    match (name, level) {
        ("none", None) => Ok(None),
        ("deflate", None) => Ok(Some(1)),
        ("deflate", Some(level)) => match level.parse() {
            Ok(level @ 1..=9) => Ok(Some(level)),
            _ => Err(wrong(format!("--compress {text}: there is no such level"))),
        },
        ("zstd", _) => Err(wrong("--compress zstd: the NetCDF library here can't write it".to_owned())),
        _ => Err(wrong(format!("--compress `{text}` is no compression"))),
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &RechunkArgs, verbosity: Verbosity) -> Result<()> {
    let clock = Instant::now();
    let options = RechunkOptions {
        variables: args.var.clone(),
        chunks: args.chunks.as_deref().map_or(Ok(Vec::new()), parse_chunks)?,
        deflate: parse_compression(&args.compress)?,
        scratch: args.scratch.clone().unwrap_or_else(scratch::default_directory),
    };
    let dataset = args.input.open(comm, verbosity)?;
    let files: Vec<PathBuf> = dataset.files().iter().map(|f| PathBuf::from(&f.path)).collect();
    check_output(comm, &args.output, &files)?;
    let budget = args.memory.budget(comm)?;
    let job = Rechunk::plan(comm, &dataset, &options, &budget)?;
    let chunk = |lengths: &[usize]| lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    for (info, from, to, plan) in job.variables() {
        verbosity.say(comm, || {
            let how = match plan.method() {
                Method::Memory => "in memory".to_owned(),
                Method::Passes(n) => format!("in {n} passes over the input"),
                Method::Scratch => format!(
                    "through {} of scratch storage a rank in {}",
                    bytes_text(plan.scratch_bytes()),
                    options.scratch.display()
                ),
            };
            let stored = if info.chunks.is_some() { chunk(from) } else { "one piece".to_owned() };
            let name = &info.variable.name;
            let shape = chunk(&info.variable.shape());
            format!("rechunk of {name} ({shape}): {stored} to {}, {how}", chunk(to))
        });
    }
    verbosity.say(comm, || {
        format!(
            "memory: about {} of {} a rank ({})",
            bytes_text(job.estimate()),
            bytes_text(budget.bytes),
            budget.origin
        )
    });
    for note in job.notes() {
        verbosity.say(comm, || format!("note: {note}"));
    }
    let done = job.run(comm, &args.output, &history_line(&command_line()))?;
    let mut peak = [peak_resident().unwrap_or(0)];
    comm.all_reduce(&mut peak, Reduce::Max);
    verbosity.say(comm, || {
        let seconds = clock.elapsed().as_secs_f64();
        format!(
            "wrote {} ({} of values in {seconds:.2} s, {}/s); peak of resident memory {}",
            args.output.display(),
            bytes_text(done.written),
            bytes_text((done.written as f64 / seconds.max(1e-3)) as u64),
            bytes_text(peak[0])
        )
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_read() {
        let good = [("none", None), ("deflate", Some(1)), ("deflate:9", Some(9))];
        good.iter().for_each(|(text, level)| assert_eq!(parse_compression(text).unwrap(), *level));
        for bad in ["", "gzip", "deflate:0", "deflate:10", "deflate:x", "zstd:3", "none:1"] {
            assert_eq!(parse_compression(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
