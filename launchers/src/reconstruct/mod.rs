//! `halocline reconstruct`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod maps;
mod output;
mod run;

use crate::common::{CompressArgs, MemoryArgs, Verbosity};
use crate::eof_file::ModeList;
use crate::report;
use halocline_core::calendar::TimeRange;
use halocline_core::comm::Comm;
use halocline_core::meta::DType;
use halocline_core::progress::Progress;
use halocline_core::Result;
use halocline_io::Io;
use std::path::PathBuf;
use std::sync::Arc;

/// The field that chosen modes of an EOF analysis make: anomalies in the units of the field,
/// whatever the weights and scalings of the file.
#[derive(Debug, clap::Args)]
pub(crate) struct ReconstructArgs {
    /// A file of `halocline eof`
    #[arg(value_name = "EOF.nc", required = true, num_args = 1)]
    input: Vec<String>,
    /// Which modes, as in 1..3 or 1,2,5 [default: all]
    #[arg(long, value_name = "1..3|1,2,5", value_parser = ModeList::parse)]
    modes: Option<ModeList>,
    /// Times from A to B, both included: dates such as 1990, 1990-03 or 1990-03-15
    #[arg(long, value_name = "A/B")]
    time: Option<String>,
    /// Add the mean, or the climatology, that was taken off the field
    #[arg(long)]
    add_mean: bool,
    /// Of the values that are written
    #[arg(long, value_enum, default_value_t = Precision::Single, value_name = "single|double", hide_possible_values = true)]
    precision: Precision,
    #[command(flatten)]
    compress: CompressArgs,
    /// How the file is read: directly, through the NetCDF library, or directly wherever that is
    /// known to work. All ways give the same bits
    #[arg(long, default_value = "auto", value_parser = crate::common::parse_io, value_name = "auto|direct|library")]
    io: Io,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Precision {
    Single,
    Double,
}

impl ReconstructArgs {
    /// The file that is read.
    pub(crate) fn eof_file(&self) -> &str {
        self.input.first().map_or("", String::as_str)
    }

    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.times().map(drop)
    }

    fn times(&self) -> Result<Option<TimeRange>> {
        self.time.as_deref().map(TimeRange::parse).transpose()
    }

    fn dtype(&self) -> DType {
        match self.precision {
            Precision::Single => DType::F32,
            Precision::Double => DType::F64,
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &ReconstructArgs, verbosity: Verbosity) -> Result<()> {
    let progress = Arc::new(Progress::default());
    reconstruct(comm, args, verbosity, &progress)?;
    report::summary(comm, verbosity, &progress)
}

pub(crate) use run::{look, reconstruct};
