//! How outputs came about: the record that each carries, and `halocline provenance`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

pub(crate) mod arguments;
mod read;
mod record;
mod show;

use crate::common::Verbosity;
use crate::info::print;
use halocline_core::comm::Comm;
use halocline_core::Result;
use halocline_io::inputs::Checksum;
use std::path::PathBuf;

pub(crate) use read::read;
pub(crate) use record::note_pipeline;
pub(crate) use show::chained;

/// What outputs tell of their inputs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RecordArgs {
    /// Checksums of inputs in the records of outputs: of whole files, of the first 64 KiB of each,
    /// or none
    #[arg(long, global = true, value_name = "full|header|none", default_value = "header", value_parser = parse_checksum)]
    checksum: Checksum,
}

fn parse_checksum(word: &str) -> std::result::Result<Checksum, String> {
    Checksum::of(word).ok_or_else(|| "is none of full, header and none".to_owned())
}

impl RecordArgs {
    /// From now on, all outputs of this process carry a record.
    pub(crate) fn keep(&self) {
        let checksum = self.checksum;
        halocline_io::output::set_recorder(Box::new(move |comm, path| record::make(comm, path, checksum)));
    }
}

/// How an output came about: command, options, inputs, program, and the same of its inputs.
///
/// Told is the record that every output carries in the attribute `halocline_provenance`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProvenanceArgs {
    /// An output of halocline
    #[arg(value_name = "OUT.nc")]
    file: PathBuf,
    /// Say it as JSON: the record as it is, those of inputs in it
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &ProvenanceArgs, _verbosity: Verbosity) -> Result<()> {
    let record = comm.on_root(|| read(&args.file).map(|record| record.to_string()))?;
    let mut printed = Ok(());
    if comm.is_root() {
        let record: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
        printed = print(&if args.json {
            serde_json::to_string_pretty(&show::chained(&record)).unwrap_or_default() + "\n"
        } else {
            show::text(&args.file, &record)
        });
    }
    comm.agree(printed)
}
