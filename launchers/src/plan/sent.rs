//! What ranks are going to send for a command: the formula of each pass, and of what is written.
//!
//! Formulas are those of `halocline-core`, `halocline-io` and `halocline-algorithms`, which stand beside
//! what sends; here they are put together from the plan that the command makes for so many ranks.

use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::Command;
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::{Comm, Formula};
use halocline_core::engine::Demand;
use halocline_core::progress::Progress;
use halocline_core::Result;
use std::sync::Arc;

/// Ranks that plans are made for, and that need not be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranks {
    pub(crate) count: usize,
    /// Threads of each.
    pub(crate) threads: usize,
    /// Bytes of memory of each for buffers, beside what the process takes itself.
    pub(crate) room: u64,
}

impl Ranks {
    /// What is left for buffers beside what a command reserves.
    pub(crate) fn demand(self, reserved: u64) -> Demand<'static> {
        let room = Some(self.room.saturating_sub(reserved));
        Demand { ranks: self.count, threads: self.threads, room, parts: None }
    }
}

/// What they send.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// In passes over the data.
    pub(crate) passes: Formula,
    /// To the one that writes; `None`: not known. Bytes are those of values before they are
    /// compressed.
    pub(crate) writing: Option<Formula>,
}

/// A command that was opened, as far as it tells what so many ranks would send.
pub(crate) trait Sends {
    /// `None`: its passes are not known.
    fn sent(&self, on: Ranks) -> Result<Option<Sent>>;
}

/// Opens a command on this process alone and silently, for `work`, which is not called where nothing
/// is known of it.
pub(crate) fn opened(command: &Command, work: &mut dyn FnMut(&dyn Sends) -> Result<()>) -> Result<()> {
    let comm = Comm::serial();
    let budget = MemoryBudget::of(&comm, None);
    let progress = Arc::new(Progress::default());
    let verbosity = Verbosity::silent();
    let job = FoldJob { comm: &comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    match command {
        Command::Stats(args) => work(&crate::stats::open(&job, args)?),
        Command::Eof(args) => work(&crate::eof::Opened::new(&job, args)?),
        Command::Spectrum(args) => args.opened(&job, work),
        Command::Transport(args) => args.opened(&job, work),
        Command::Rechunk(args) => work(&args.opened(&job)?),
        _ => Ok(()),
    }
}
