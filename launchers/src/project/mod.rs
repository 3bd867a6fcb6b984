//! `halocline project`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod foreign;
mod load;
mod options;
mod output;
mod own;
mod run;

use crate::checkpoint::CheckpointArgs;
use crate::common::{InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::eof_file::{ModeList, Weighting};
use crate::folding::FoldJob;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;
use options::{Departure, MissingChoice, PatternIs, PatternScaling};
use run::Projecting;
use std::path::PathBuf;

/// The projection of a field on given patterns, at each time: pseudo principal components.
///
/// Patterns are the EOFs of a file of `halocline eof`, whose weights and scalings are used, so that
/// the field that was analysed gives its own principal components; or any patterns of any file
/// (FILE:VAR). One pass, bounded memory; the same bits on any number of ranks.
#[derive(Debug, clap::Args)]
pub(crate) struct ProjectArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable; of EOFs of several variables all of them, in their order
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// A further variable, of other files, as the EOFs are of it (`halocline eof --with`), behind
    /// those of --var; may be given more than once
    #[arg(long, value_name = "FILES:VAR")]
    with: Vec<String>,
    /// A file of `halocline eof`; or variable VAR of any file, patterns along its first dimension
    /// if it has one more than the field has in space, else one pattern
    #[arg(long, value_name = "EOF.nc|FILE:VAR")]
    patterns: String,
    /// Which modes, as in 1..5 or 1,3 [default: all]
    #[arg(long, value_name = "1..5|1,3", value_parser = ModeList::parse)]
    modes: Option<ModeList>,
    /// What is taken off the field: the mean (or climatology) in the EOF file; the field's own, as
    /// the EOF file's options say (of FILE:VAR its mean); nothing, of what are anomalies already
    /// [default: stored, where it is there; of EOFs of detrended fields own; of FILE:VAR none]
    #[arg(long, value_enum, value_name = "stored|own|none", hide_possible_values = true)]
    anomaly: Option<Departure>,
    /// Of FILE:VAR: what the field is multiplied by: √cos(latitude), √(cell area / total area),
    /// or nothing [default: none]
    #[arg(long, value_enum, value_name = "coslat|area|none", hide_possible_values = true)]
    weights: Option<Weighting>,
    /// Of FILE:VAR: whether the patterns are of the weighted field, or are to be multiplied by
    /// the weights themselves [default: unweighted]
    #[arg(long, value_enum, value_name = "weighted|unweighted", hide_possible_values = true)]
    pattern_is: Option<PatternIs>,
    /// Of FILE:VAR: patterns as they are, or each (with its weights) divided by its length
    /// [default: unit]
    #[arg(long, value_enum, value_name = "raw|unit", hide_possible_values = true)]
    scaling: Option<PatternScaling>,
    /// Values that are missing where there are patterns: an error, or left out, with a
    /// least-squares fit of the chosen modes to the cells that are there
    #[arg(long, value_enum, default_value_t = MissingChoice::Refuse, value_name = "refuse|skip", hide_possible_values = true)]
    missing: MissingChoice,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "PC.nc")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &ProjectArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a ProjectArgs) -> Result<Projecting<'a>> {
    Projecting::open(job, args)
}
